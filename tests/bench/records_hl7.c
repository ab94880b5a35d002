/* Reading messages: processor time of one. bench_records_hl7 FOLDER-OF-MESSAGES */
#include "records/hl7/hl7.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
    static struct {
        char *bytes;
        size_t len;
    } all[1000];
    size_t n = 0, bytes = 0, rounds = 200, segments = 0;
    DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
    for (struct dirent *e; d && n < 1000 && (e = readdir(d));) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", argv[1], e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!f) continue;
        all[n].bytes = malloc(1 << 16);
        all[n].len = fread(all[n].bytes, 1, 1 << 16, f);
        bytes += all[n++].len;
        fclose(f);
    }
    if (d) closedir(d);
    if (!n) return fprintf(stderr, "usage: bench_records_hl7 FOLDER\n"), 2;
    double from = cpu_us();
    for (size_t r = 0; r < rounds; r++)
        for (size_t i = 0; i < n; i++) {
            struct hl7_message m;
            struct fault f = {0};
            if (hl7_parse(&m, all[i].bytes, all[i].len, HL7_UTF8, &f)) return fprintf(stderr, "%s\n", f.text), 1;
            segments += m.n;
            hl7_fini(&m);
        }
    double us = cpu_us() - from, each = us / (double)(rounds * n);
    printf("%zu messages of %zu bytes on average: %.1f us each, %.0f MB/s, %zu segments\n", n, bytes / n, each, (double)bytes * (double)rounds / us, segments / rounds);
    for (size_t i = 0; i < n; i++)
        free(all[i].bytes);
    return 0;
}
