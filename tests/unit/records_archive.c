/* The way back to a point in time: any moment restored is exactly what had been committed by then; logs that begin anew, gaps, torn pieces, old copies. */
#include "records/store/archive.h"
#include "records/store/store.h"
#include "server/base/metrics.h"
#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define ROWS_MAX 20000
static char dir[64], path[400], away[128];
static struct store *store;
static struct store_archive *archive;
static int64_t begun[ROWS_MAX], written[ROWS_MAX]; /* when each row's transaction began; when it was committed */
static int n_rows;

static int64_t ahead_ms; /* of the machine's clock: somebody sets it */

static int64_t set_clock(void *ctx)
{
    (void)ctx;
    return clock_now_ms(&clock_system) + ahead_ms;
}
static const struct clock the_clock = {set_clock, NULL};

static int64_t now(void)
{
    return clock_now_ms(&the_clock);
}

static int setup(void **state)
{
    struct fault f = {0};
    struct tx *tx;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/yl-archive-XXXXXX");
    n_rows = 0;
    ahead_ms = 0;
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/yilian.db", dir); /* a file, whatever the other tests run on */
    if (store_open(&store, path, &f) || tx_begin(store, TX_WRITE, &tx))
        return 1;
    snprintf(away, sizeof away, "%s/away", dir);
    tx_exec(tx, "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, name TEXT)", "");
    return tx_commit(tx);
}

static int teardown(void **state)
{
    char cmd[96];
    (void)state;
    store_close(store);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static void begin(int64_t base_ms)
{
    struct fault f = {0};
    struct store_archive_config config = {path, away, 50, base_ms, 1, &the_clock};
    assert_int_equal(store_archive_open(&archive, &config, &f), 0);
}

static void write_row(void)
{
    struct tx *tx;
    char name[600];
    snprintf(name, sizeof name, "%0*d", 500, n_rows + 1);
    begun[n_rows] = now();
    assert_int_equal(tx_begin(store, TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO t (id, name) VALUES ($1, $2)", "it", (int64_t)n_rows + 1, name);
    tx_exec(tx, "UPDATE t SET name=$1 WHERE id=$2", "ti", name, (int64_t)(1 + rand() % (n_rows + 1)));
    assert_int_equal(tx_commit(tx), 0);
    written[n_rows++] = now();
}

static int rows_by(const int64_t *when, int64_t ms)
{
    int n = 0;
    while (n < n_rows && when[n] <= ms)
        n++;
    return n;
}

/* Rows of what is restored; -1 = it cannot be. */
static int restored(int64_t at_ms, struct store_moment *m)
{
    struct fault f = {0};
    struct store *old;
    struct tx *tx;
    char to[200];
    snprintf(to, sizeof to, "%s/old.db", dir);
    int rc = store_archive_restore(away, at_ms, to, m, &f);
    if (rc)
        return -1;
    assert_int_equal(store_open(&old, to, &f), 0);
    assert_int_equal(tx_begin(old, TX_READ, &tx), 0);
    int n = (int)tx_int(tx, -1, "SELECT COUNT(*) FROM t", "");
    assert_int_equal(tx_int(tx, -1, "SELECT MAX(id) FROM t", ""), n ? n : -1);
    tx_rollback(tx);
    store_close(old);
    unlink(to);
    return n;
}

static void is_right(int64_t at_ms)
{
    struct store_moment m;
    int n = restored(at_ms, &m);
    assert_true(n >= 0);
    if (n < rows_by(written, m.at_ms - 100) || n > rows_by(begun, at_ms))
        fail_msg("%d rows, between %d and %d", n, rows_by(written, m.at_ms - 100), rows_by(begun, at_ms));
    assert_true(m.at_ms <= at_ms);
}

static void any_moment_of_a_busy_database(void **state)
{
    int64_t since, from;
    struct store_moment m;
    (void)state;
    srand(7);
    write_row();
    begin(700); /* several generations */
    usleep(300000);
    from = since = now();
    while (now() - since < 3000 && n_rows < ROWS_MAX) {
        write_row();
        if (rand() % 400 == 0)
            store_checkpoint(store); /* the log begins anew */
        if (rand() % 500 == 0)
            usleep(60000);
    }
    int64_t until = now();
    usleep(200000);
    for (int i = 0; i < 25; i++)
        is_right(from + rand() % (until - from));
    store_archive_close(archive);
    assert_int_equal(restored(now(), &m), n_rows);
    assert_int_equal(restored(from - 3600000, &m), -1);
    assert_true(m.from_ms > 0 && m.from_ms <= from);
}

/* Somebody else writes and brings the log home without the archive's knowing: a new copy, no wrong database. */
static void a_gap_begins_anew(void **state)
{
    struct store_moment m;
    sqlite3 *other;
    (void)state;
    begin(3600000);
    usleep(300000);
    for (int i = 0; i < 50; i++)
        write_row();
    usleep(200000);
    int64_t before = now();
    for (int i = 0; i < 20; i++)
        write_row();
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    for (int i = 0; i < 3; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (%d,'x')", ++n_rows);
        written[n_rows - 1] = begun[n_rows - 1] = now();
        assert_int_equal(sqlite3_exec(other, sql, NULL, NULL, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL), SQLITE_OK);
    }
    sqlite3_close(other);
    for (int i = 0; i < 20; i++)
        write_row();
    int n = 0;
    for (int i = 0; i < 100 && (n = restored(now(), &m)) != n_rows; i++) /* a busy disk takes its time for a copy */
        usleep(100000);
    assert_int_equal(n, n_rows);
    is_right(before);
    store_archive_close(archive);
    assert_int_equal(restored(now(), &m), n_rows);
}

/* What the person who looks after the site watches. */
static int64_t reached_s(void)
{
    char *all = metrics_print(), *line = strstr(all, "\nyilian_backup_reached_timestamp_seconds ");
    assert_non_null(line);
    int64_t s = strtoll(strchr(line, ' '), NULL, 10);
    free(all);
    return s;
}

/* A crash cut the last piece off; a byte of it turned: what is before counts. */
static void a_torn_piece_is_none(void **state)
{
    char log[300] = "";
    struct stat st;
    struct store_moment m;
    (void)state;
    begin(3600000);
    usleep(300000);
    write_row();
    usleep(200000);
    write_row();
    store_archive_close(archive);
    DIR *d = opendir(away);
    for (struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.')
            snprintf(log, sizeof log, "%s/%.100s/log", away, e->d_name);
    closedir(d);
    assert_int_equal(stat(log, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    assert_in_range(reached_s(), now() / 1000 - 2, now() / 1000);
    assert_int_equal(restored(now(), &m), 2);
    assert_int_equal(truncate(log, st.st_size - 5), 0);
    assert_int_equal(restored(now(), &m), 1);
}

static void nothing_is_written_over(void **state)
{
    struct store_moment m;
    struct fault f = {0};
    (void)state;
    begin(3600000);
    usleep(300000);
    store_archive_close(archive);
    assert_int_equal(store_archive_restore(away, now(), path, &m, &f), ERR_STORAGE);
    assert_int_equal(store_archive_restore("/nowhere", now(), "/tmp/yl-never", &m, &f), ERR_NOT_FOUND);
}

static struct store_archive_state state_of(void)
{
    struct store_archive_state s;
    store_archive_look(archive, &s);
    return s;
}

static void some_rows(void)
{
    for (int i = 0; i < 5; i++)
        write_row();
}

static void have_all(void)
{
    struct store_moment m;
    int n = -1;
    for (int i = 0; i < 100 && (n = restored(now(), &m)) != n_rows; i++)
        usleep(50000);
    assert_int_equal(n, n_rows);
}

/* Restored "now" is everything, whatever the clock did; copies are not thrown away because it was set far ahead. */
static void the_clock_is_set(void **state)
{
    struct store_moment m;
    (void)state;
    begin(3600000);
    some_rows();
    have_all();
    int64_t early = now();
    ahead_ms = 86400000; /* a day ahead, and back, within a generation */
    some_rows();
    usleep(200000);
    ahead_ms = 0;
    some_rows();
    have_all();
    ahead_ms = 86400000; /* a generation that begins in the wrong day */
    store_archive_close(archive);
    begin(3600000);
    some_rows();
    have_all();
    ahead_ms = 0;
    some_rows();
    have_all();
    store_archive_close(archive);
    ahead_ms = 400ll * 86400000;
    begin(3600000);
    some_rows();
    have_all();
    ahead_ms = 0;
    some_rows();
    have_all();
    assert_in_range(restored(early, &m), 5, 10); /* what was there before any of it still is */
    ahead_ms = -7200000; /* back to before all of them */
    some_rows();
    have_all();
    ahead_ms = 0;
    have_all();
    store_archive_close(archive);
}

/* A page of the database was overwritten on its disk: the copy that has it does not take the place of the sound one, out of which all can be had again. */
static void a_damaged_page_does_not_spread(void **state)
{
    struct stat st;
    (void)state;
    for (int i = 0; i < 100; i++)
        write_row();
    store_checkpoint(store);
    begin(1500);
    some_rows();
    have_all();
    struct store_archive_state s = state_of();
    assert_false(s.damaged);
    assert_string_equal(s.wrong, "");
    assert_string_equal(s.fault, "");
    assert_true(s.checked_ms > now() - 10000 && s.base_bytes > 0 && s.bytes > s.base_bytes && s.reached_ms >= s.from_ms);
    FILE *f = fopen(path, "r+e");
    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    assert_true(st.st_size > 12 * 4096);
    fseek(f, 4 * 4096, SEEK_SET);
    for (int i = 0; i < 6 * 4096; i++) /* some of these are not in the log too */
        fputc(0xa5, f);
    fclose(f);
    for (int i = 0; i < 200 && !state_of().damaged; i++)
        usleep(100000);
    s = state_of();
    assert_true(s.damaged && s.wrong[0] && s.follows);
    assert_string_equal(s.fault, "damaged");
    usleep(4000000); /* it is tried again, and in vain */
    assert_int_equal(state_of().copies, s.copies);
    some_rows();
    have_all();
    store_archive_close(archive);
    have_all();
}

/* A daemon that dies again and again does not fill the disk with copies; what was there before it did is kept. */
static void many_starts_keep_few_copies(void **state)
{
    struct store_moment m;
    (void)state;
    ahead_ms = -7200000;
    begin(3600000);
    some_rows();
    have_all();
    int64_t early = now();
    store_archive_close(archive);
    ahead_ms = 0;
    for (int i = 0; i < 14; i++) {
        begin(3600000);
        write_row();
        have_all();
        assert_in_range(state_of().copies, 1, 11);
        store_archive_close(archive);
    }
    assert_int_equal(restored(now(), &m), n_rows);
    assert_int_equal(restored(early, &m), 5);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(any_moment_of_a_busy_database), T(a_gap_begins_anew), T(a_torn_piece_is_none), T(nothing_is_written_over), T(the_clock_is_set), T(a_damaged_page_does_not_spread),
                                       T(many_starts_keep_few_copies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
