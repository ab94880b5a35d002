/* kill -9 at random moments: whatever was acknowledged is there, and the audit chain is whole. */
#include "records/records.h"
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define KILLS 200
#define LIFE_MAX_US 60000

static char dir[64];

static struct records *site_open(int readers)
{
    struct fault f = {0};
    struct records *r = NULL;
    struct records_config config = {.data_dir = dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system, .readers = readers};
    if (records_open(&r, &config, &f))
        fprintf(stderr, "%s\n", f.text);
    return r;
}

struct promise {
    int pipe;
    uint32_t number;
};

/* The acknowledgement: what went out through the pipe was promised. */
static void answered(void *ctx, struct reply *reply)
{
    struct promise *p = ctx;
    if (reply->error == 0 && write(p->pipe, &p->number, sizeof p->number) != sizeof p->number)
        _exit(3);
    reply_clear(reply);
    free(p);
}

static int submit(struct records *r, int pipe, uint32_t number)
{
    char code[32];
    struct promise *p = malloc(sizeof *p);
    snprintf(code, sizeof code, "K%u", number);
    *p = (struct promise){pipe, number};
    json_t *args = json_pack("{s:s,s:s,s:s,s:s}", "kind", "institution", "level", "village", "code", code, "name", "村卫生室");
    struct call call = {.op = "org.create", .credential = records_system_credential(r), .args = args};
    int rc = records_submit(r, &call, answered, p);
    json_decref(args);
    if (rc)
        free(p);
    return rc;
}

static void live(int pipe, uint32_t first)
{
    struct records *r = site_open(2);
    if (!r)
        _exit(2);
    for (uint32_t n = first;; n++)
        if (submit(r, pipe, n)) {
            usleep(200); /* the queue is full */
            n--;
        }
}

/* One life; appends what was promised to `kept`. */
static size_t one_life(uint32_t first, uint32_t *kept, size_t n, size_t cap)
{
    int ends[2];
    uint32_t number;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(ends[0]);
        live(ends[1], first);
    }
    close(ends[1]);
    if (first / 100000 % 4) /* three lives of four are cut while they promise, the fourth at any moment, also while it opens */
        poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 5000);
    usleep((useconds_t)(rand() % LIFE_MAX_US));
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(ends[0], &number, sizeof number) == sizeof number)
        if (n < cap)
            kept[n++] = number;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return n;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Strikes every institution of the answer off the sorted list of promises; returns how many are left. */
static size_t missing(struct records *r, uint32_t *kept, size_t n)
{
    struct reply reply;
    struct call call = {.op = "org.list", .credential = records_system_credential(r)};
    json_t *one;
    size_t i, found = 0;
    records_call(r, &call, &reply);
    assert_int_equal(reply.error, 0);
    qsort(kept, n, sizeof *kept, compare);
    json_array_foreach(json_object_get(reply.result, "items"), i, one)
    {
        const char *code = json_string_value(json_object_get(one, "code"));
        uint32_t number = (uint32_t)strtoul(code + 1, NULL, 10);
        found += code[0] == 'K' && bsearch(&number, kept, n, sizeof *kept, compare) != NULL;
    }
    reply_clear(&reply);
    return n - found;
}

static void nothing_acknowledged_is_lost(void **state)
{
    static uint32_t kept[2000000];
    int64_t lines, first_bad;
    char what[80];
    size_t n = 0;
    (void)state;
    strcpy(dir, "/tmp/yl-kill-XXXXXX");
    assert_non_null(mkdtemp(dir));
    srand((unsigned)getpid());
    struct records *r = site_open(0); /* the first open makes key and tables */
    assert_non_null(r);
    records_close(r);
    for (uint32_t i = 0; i < KILLS; i++)
        n = one_life((i + 1) * 100000, kept, n, sizeof kept / sizeof *kept);
    r = site_open(0);
    assert_non_null(r);
    assert_true(n > KILLS / 2); /* the lives were long enough to promise something */
    assert_int_equal(missing(r, kept, n), 0);
    assert_int_equal(records_audit_verify(r, &lines, &first_bad, what), 0);
    assert_int_equal(first_bad, 0);
    assert_true((size_t)lines >= n);
    print_message("%d kills, %zu promises kept, %lld audit lines\n", KILLS, n, (long long)lines);
    records_close(r);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_acknowledged_is_lost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
