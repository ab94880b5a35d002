/* process - what another process has used so far, by /proc: for benches, and for tests that bound the daemon's memory. 0 when it is gone. */
#ifndef YL_TESTS_LIB_PROCESS_H
#define YL_TESTS_LIB_PROCESS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The words of /proc/PID/stat behind the name in brackets, which may hold anything (proc(5): state, parent, ..). false: it is gone. */
static inline bool process_stat(pid_t pid, int *parent, unsigned long ticks[4])
{
    char path[40], text[1000];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    text[n] = 0;
    if (f) fclose(f);
    const char *at = strrchr(text, ')');
    return at && sscanf(at + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu", parent, &ticks[0], &ticks[1], &ticks[2], &ticks[3]) == 5;
}

/* Seconds of processor time, of all its threads. */
static inline double process_cpu_s(pid_t pid)
{
    unsigned long ticks[4] = {0};
    int parent;
    if (!process_stat(pid, &parent, ticks)) return 0;
    return (double)(ticks[0] + ticks[1]) / (double)sysconf(_SC_CLK_TCK);
}

/* And of its children, those that are there and those that ended. */
static inline double process_family_cpu_s(pid_t pid)
{
    unsigned long ticks[4] = {0}, sum;
    int parent;
    if (!process_stat(pid, &parent, ticks)) return 0;
    sum = ticks[0] + ticks[1] + ticks[2] + ticks[3];
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));)
        if (atoi(e->d_name) && process_stat(atoi(e->d_name), &parent, ticks) && parent == pid) sum += ticks[0] + ticks[1];
    if (d) closedir(d);
    return (double)sum / (double)sysconf(_SC_CLK_TCK);
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
