/* What lies in the folder of an archive (archive_private.h). */
#include "records/store/archive_private.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct generation *)x)->name, ((const struct generation *)y)->name);
}

static int64_t number_in(const char *dir, const char *name, const char *file)
{
    char path[ARCHIVE_PATH + 100];
    long long n = 0;
    snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%lld", &n) != 1)
        n = 0;
    if (f)
        fclose(f);
    return n;
}

size_t archive_generations(const char *dir, struct generation *out, size_t cap)
{
    size_t n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; d && n < cap && (e = readdir(d));) {
        if (strlen(e->d_name) != 16 || strspn(e->d_name, "0123456789abcdef") != 16)
            continue;
        struct generation *g = &out[n++];
        snprintf(g->name, sizeof g->name, "%.16s", e->d_name);
        g->from_ms = number_in(dir, g->name, "from");
        g->checked_ms = number_in(dir, g->name, "checked");
    }
    if (d)
        closedir(d);
    qsort(out, n, sizeof *out, by_name);
    return n;
}

int64_t archive_bytes(const char *dir, const char *name, const char *file)
{
    char path[ARCHIVE_PATH + 100];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s/%s", dir, name, file);
    return stat(path, &st) ? 0 : (int64_t)st.st_size;
}

void archive_remove(const char *dir, const char *name)
{
    static const char *const files[] = {"from", "checked", "base.db", "base.db-wal", "base.db-shm", "base.part", "base.part-journal", "log"};
    char path[ARCHIVE_PATH + 100];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", dir, name, files[i]);
        (void)!unlink(path);
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)!rmdir(path);
}
