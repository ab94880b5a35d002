/* postgres_server - for benches: a PostgreSQL server of their own (tests/support/postgres), durable, set up as for a hospital's small server
 * (docs/operations.md), and the processor time it has used. */
#ifndef YL_TESTS_LIB_POSTGRES_SERVER_H
#define YL_TESTS_LIB_POSTGRES_SERVER_H

#include "tests/lib/process.h"

#define POSTGRES_SETTINGS "-c shared_buffers=1GB -c effective_cache_size=3GB -c max_wal_size=4GB -c wal_compression=lz4"

static struct {
    char dir[80];
    pid_t pid; /* 0 = none: SQLite */
    bool own, kept;
} postgres;

/* YL_TEST_DATABASE as tests/support/postgres prints it: the folder of the socket has the server's number. */
static inline void postgres_find(const char *uri)
{
    char path[300];
    size_t n = 0;
    int pid = 0;
    const char *p = uri ? strstr(uri, "host=") : NULL;
    for (p = p ? p + 5 : ""; *p && *p != '&' && n < 250; n++) {
        bool slash = strncmp(p, "%2F", 3) == 0;
        path[n] = slash ? '/' : *p;
        p += slash ? 3 : 1;
    }
    strcpy(path + n, "/data/postmaster.pid");
    FILE *f = n ? fopen(path, "r") : NULL;
    if (f && fscanf(f, "%d", &pid) != 1) pid = 0;
    if (f) fclose(f);
    postgres.pid = pid;
}

static inline void postgres_stop(void)
{
    char command[300];
    if (!postgres.own) return;
    postgres.own = false;
    snprintf(command, sizeof command, YL_SOURCE_DIR "/tests/support/postgres %s %s", postgres.kept ? "down" : "stop", postgres.dir);
    (void)!system(command);
}

/* Starts one (`keep` NULL: gone at the end; else in the folder KEEP-pg, which stays) or, not `wanted`, takes the one of YL_TEST_DATABASE, if any. */
static inline void postgres_begin(bool wanted, const char *keep)
{
    char command[600], uri[300] = "";
    if (wanted) {
        if (keep) snprintf(postgres.dir, sizeof postgres.dir, "%s-pg", keep);
        else snprintf(postgres.dir, sizeof postgres.dir, "/tmp/yl-bench-pg-%d", (int)getpid());
        snprintf(command, sizeof command, "DURABLE=1 OPTIONS='" POSTGRES_SETTINGS "' " YL_SOURCE_DIR "/tests/support/postgres start %s", postgres.dir);
        FILE *p = popen(command, "r");
        bool told = p && fgets(uri, sizeof uri, p);
        if (!p || pclose(p) || !told) exit(fprintf(stderr, "no PostgreSQL server\n"));
        uri[strcspn(uri, "\n")] = 0;
        setenv("YL_TEST_DATABASE", uri, 1);
        postgres.own = true;
        postgres.kept = keep != NULL;
        atexit(postgres_stop);
    }
    postgres_find(getenv("YL_TEST_DATABASE"));
}

static inline double postgres_cpu_s(void)
{
    return postgres.pid ? process_family_cpu_s(postgres.pid) : 0;
}

#endif
