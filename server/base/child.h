/* child - runs a tool on untrusted bytes: standard input in, standard output out, limits on everything, no shell.
 *
 * The child has no network where the kernel lets us take it away, cannot write a file (RLIMIT_FSIZE 0, so plain bytes cannot be
 * spilled to the disk), dies with its parent, and is killed with its whole group when the time is over. Pool threads only: the
 * call waits.
 */
#ifndef YL_SERVER_BASE_CHILD_H
#define YL_SERVER_BASE_CHILD_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct child_job {
    const char *const *argv; /* absolute path first, ended by NULL */
    /* Next input bytes: fills up to cap, returns how many, 0 at the end, negative to give up. NULL = empty input. */
    long (*input)(void *ctx, void *out, size_t cap);
    /* Takes output as it comes, in place of gathering it; an error ends the child and is child_run's. NULL = gathered. */
    int (*output)(void *ctx, const void *bytes, size_t len);
    bool (*wanted)(void *ctx); /* asked at least twice a second; false ends the child with ERR_UNAVAILABLE. NULL = always */
    void *ctx;
    size_t output_max;     /* more gathered output is an error */
    int time_ms;           /* wall clock */
    int cpu_s;             /* RLIMIT_CPU */
    uint64_t memory_bytes; /* RLIMIT_AS */
    bool network;          /* keeps it: its work is to ask another machine */
    int nice;              /* the claim to the processor that it gives up, 0..19 */
};

/* 0: it ended with status 0; *out (malloc'd, may be empty) and *out_len hold its gathered output. ERR_STORAGE: the input gave up; ERR_NOT_FOUND: no such program;
 * ERR_TIMEOUT; ERR_TOO_LARGE: output; ERR_INVALID: it failed on this input; ERR_UNAVAILABLE: could not be started. */
YL_CHECKED int child_run(const struct child_job *job, uint8_t **out, size_t *out_len);
#endif
