/* process - what another process has used so far, by /proc: for benches, and for tests that bound the daemon's memory. 0 when it is gone. */
#ifndef YL_TESTS_LIB_PROCESS_H
#define YL_TESTS_LIB_PROCESS_H

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* Seconds of processor time, of all its threads (proc(5): utime and stime; the name in brackets may hold anything). */
static inline double process_cpu_s(pid_t pid)
{
    char path[40], text[1000];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
    const char *at = strrchr(text, ')');
    if (at) sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

static inline long process_rss_kb(pid_t pid)
{
    char path[40];
    long size = 0, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%ld %ld", &size, &resident) != 2) resident = 0;
    if (f) fclose(f);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

#endif
