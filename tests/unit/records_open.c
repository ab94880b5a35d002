/* Opening records: the key, the pool, the change feed told in order; what was queued is finished before closing. */
#include "records/call/open.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];
static _Atomic int jobs;
static int64_t told[8192];
static _Atomic int n_told;

static int setup(void **state)
{
    snprintf(dir, sizeof dir, "/tmp/yl-open-XXXXXX");
    return !mkdtemp(dir);
}

static int teardown(void **state)
{
    char cmd[96];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static void changed(void *ctx, const struct records_change *c)
{
    told[n_told++] = c->seq;
}

static int open_with(int readers, struct records **r, struct fault *f)
{
    struct records_config config = {.data_dir = dir, .config_dir = YL_SOURCE_DIR "/config", .readers = readers, .on_change = changed};
    fault_clear(f);
    return records_open(r, &config, f);
}

static void the_key_is_made_once_and_kept(void **state)
{
    struct records *r;
    struct fault f;
    struct stat st;
    char path[96], other[96];
    snprintf(path, sizeof path, "%s/keys/master.key", dir);
    snprintf(other, sizeof other, "%s/keys/away", dir);
    assert_int_equal(open_with(0, &r, &f), 0);
    records_close(r);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(rename(path, other), 0); /* a database without its key is never given another */
    assert_int_equal(open_with(0, &r, &f), ERR_STORAGE);
    assert_string_equal(f.reason, "master_key");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(open_with(0, &r, &f), ERR_STORAGE);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 31), 0);
    assert_int_equal(open_with(0, &r, &f), ERR_STORAGE);
    assert_int_equal(truncate(path, 32), 0);
}

static void write_one(void *ctx)
{
    struct records *r = ctx;
    struct tx *tx;
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        return;
    tx_feed(tx, "case", "k", "{}");
    if (tx_commit(tx) == 0)
        jobs++;
    records_feed_tell(r);
}

static void the_pool_finishes_its_queue_and_tells_in_order(void **state)
{
    struct records *r;
    struct fault f;
    jobs = 0;
    n_told = 0;
    assert_int_equal(open_with(3, &r, &f), 0);
    int taken = 0;
    for (int i = 0; i < 200; i++) {
        taken += records_writer_run(r, write_one, r) == 0;
        taken += records_pool_run(r, write_one, r) == 0;
    }
    assert_int_equal(taken, 400);
    records_close(r);
    assert_int_equal(jobs, 400);
    assert_int_equal(n_told, 400);
    for (int i = 1; i < 400; i++)
        assert_int_equal(told[i], told[i - 1] + 1);
    n_told = 0; /* what was told before is not told again */
    assert_int_equal(open_with(0, &r, &f), 0);
    records_feed_tell(r);
    assert_int_equal(n_told, 0);
    write_one(r);
    assert_int_equal(n_told, 1);
    records_tick(r);
    records_close(r);
    records_close(NULL);
}

static void feed_in(struct store *s, int lines, bool undone)
{
    struct tx *tx;
    assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
    if (undone) {
        assert_int_equal(tx_savepoint(tx), 0);
        tx_feed(tx, "case", "undone", "{}");
        assert_int_equal(tx_savepoint_rollback(tx), 0);
    }
    for (int i = 0; i < lines; i++)
        tx_feed(tx, "case", "k", "{}");
    assert_int_equal(tx_commit(tx), 0);
}

/* What was committed here is told from memory; another process's lines, a part that was undone and an import are read. */
static void whoever_wrote_it(void **state)
{
    struct records *r;
    struct store *other;
    struct tx *tx;
    struct fault f = {0};
    char where[600];
    n_told = 0;
    assert_int_equal(open_with(0, &r, &f), 0);
    assert_int_equal(store_locate(NULL, dir, where, sizeof where, &f), 0);
    assert_int_equal(store_open(&other, where, &f), 0);
    feed_in(other, 2, false);
    records_feed_tell(r);
    assert_int_equal(n_told, 0); /* nothing was committed here */
    write_one(r);
    assert_int_equal(n_told, 3);
    feed_in(other, 1, false);
    records_feed_read(r);
    assert_int_equal(n_told, 4);
    feed_in(records_store(r), 1, true);
    records_feed_tell(r);
    assert_int_equal(n_told, 5);
    assert_int_equal(tx_begin(records_store(r), TX_WRITE, &tx), 0);
    tx_feed(tx, "case", "k", "{}");
    tx_rollback(tx);
    feed_in(records_store(r), 5000, false);
    records_feed_tell(r);
    assert_int_equal(n_told, 5005);
    feed_in(other, 1, false);
    records_tick(r);
    assert_int_equal(n_told, 5006);
    for (int i = 1; i < n_told; i++)
        assert_int_equal(told[i], told[i - 1] + 1);
    store_close(other);
    records_close(r);
}

static void hold(void *ctx)
{
    while (!*(_Atomic int *)ctx)
        usleep(1000);
}

static void nothing(void *ctx)
{
    jobs++;
}

static void a_full_queue_refuses(void **state)
{
    struct records *r;
    struct fault f;
    _Atomic int go = 0;
    int taken = 0;
    jobs = 0;
    assert_int_equal(open_with(1, &r, &f), 0);
    assert_int_equal(records_pool_run(r, hold, &go), 0);
    for (int i = 0; i < 2 * POOL_QUEUE; i++)
        taken += records_pool_run(r, nothing, NULL) == 0;
    assert_true(taken <= POOL_QUEUE && taken >= POOL_QUEUE - 1);
    go = 1;
    records_close(r);
    assert_int_equal(jobs, taken);
}

static void wrong_folders_are_named(void **state)
{
    struct records *r;
    struct fault f = {0};
    struct records_config config = {.data_dir = dir, .config_dir = "/nonexistent"};
    assert_int_equal(records_open(&r, &config, &f), ERR_STORAGE);
    assert_non_null(strstr(f.text, "/nonexistent"));
    config.data_dir = "/nonexistent/deeper";
    assert_int_equal(records_open(&r, &config, &f), ERR_STORAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_made_once_and_kept),
        cmocka_unit_test(the_pool_finishes_its_queue_and_tells_in_order),
        cmocka_unit_test(whoever_wrote_it),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(wrong_folders_are_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
