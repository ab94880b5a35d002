/* The store: names bound, errors sticky, rows by name, one writer, migrations, feed without gaps, backup. */
#include "records/store/store.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64], path[400];
static struct store *store;

static int setup(void **state)
{
    struct fault f = {0};
    snprintf(dir, sizeof dir, "/tmp/yl-store-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    if (store_locate(NULL, dir, path, sizeof path, &f) || store_open(&store, path, &f) || store_migrate(store, &f)) {
        print_error("%s\n", f.text);
        return 1;
    }
    struct tx *tx;
    if (tx_begin(store, TX_WRITE, &tx))
        return 1;
    tx_exec(tx, "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, name TEXT, data BLOB, n INTEGER)", "");
    return tx_commit(tx);
}

static int teardown(void **state)
{
    char cmd[96];
    store_close(store);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static struct tx *begin(enum tx_mode mode)
{
    struct tx *tx;
    assert_int_equal(tx_begin(store, mode, &tx), 0);
    return tx;
}

static int64_t count(struct tx *tx)
{
    return tx_int(tx, -1, "SELECT COUNT(*) FROM t", "");
}

static void parameters_go_by_name(void **state)
{
    struct tx *tx = begin(TX_WRITE);
    assert_int_equal(tx_exec(tx, "INSERT INTO t (data, name, n, id) VALUES ($3, $2, $4, $1)", "itbi", (int64_t)1, "a", "xy", (size_t)2,
                             (int64_t)-7),
                     0);
    assert_int_equal(tx_exec(tx, "INSERT INTO t (id, name, data, n) VALUES ($1, $2, $3, $1)", "itn", (int64_t)2, (const char *)NULL), 0);
    struct query *q = tx_query(tx, "SELECT * FROM t WHERE id=$1 OR $1=0 ORDER BY id", "i", (int64_t)0);
    size_t len;
    assert_true(query_next(q));
    assert_int_equal(query_int(q, "n"), -7);
    assert_string_equal(query_text(q, "name"), "a");
    assert_memory_equal(query_blob(q, "data", &len), "xy", 2);
    assert_int_equal(len, 2);
    assert_true(query_next(q));
    assert_null(query_text(q, "name"));
    assert_true(query_null(q, "data"));
    assert_int_equal(query_int(q, "n"), 2);
    assert_false(query_next(q));
    assert_int_equal(query_end(q), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static void errors_stick_and_roll_back(void **state)
{
    struct tx *tx = begin(TX_WRITE);
    int64_t before = count(tx);
    assert_int_equal(tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)50), 0);
    assert_int_equal(tx_changes(tx), 1);
    (void)tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)50); /* may be told later */
    assert_int_equal(tx_check(tx), ERR_CONFLICT);
    assert_int_equal(tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)51), ERR_CONFLICT);
    assert_int_equal(tx_error(tx), ERR_CONFLICT);
    struct query *q = tx_query(tx, "SELECT * FROM t", "");
    assert_false(query_next(q));
    assert_int_equal(query_end(q), ERR_CONFLICT);
    assert_int_equal(tx_commit(tx), ERR_CONFLICT);
    tx = begin(TX_READ);
    assert_int_equal(count(tx), before);
    tx_rollback(tx);
    tx_rollback(NULL);
}

static void wrong_statements_are_refused(void **state)
{
    struct tx *tx = begin(TX_WRITE);
    assert_int_equal(tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", ""), ERR_INTERNAL); /* a parameter too few */
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    assert_int_equal(tx_exec(tx, "SELEKT", ""), ERR_INTERNAL);
    tx_rollback(tx);
    tx = begin(TX_READ);
    (void)tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)60);
    assert_int_not_equal(tx_check(tx), 0); /* readers do not write */
    tx_rollback(tx);
    struct tx *outer = begin(TX_WRITE), *inner;
    assert_int_equal(tx_begin(store, TX_WRITE, &inner), ERR_INTERNAL); /* found, not waited for */
    tx_rollback(outer);
}

static void the_same_text_inside_its_own_loop(void **state)
{
    struct tx *tx = begin(TX_READ);
    const char *sql = "SELECT id FROM t ORDER BY id";
    int outer_rows = 0, inner_rows = 0;
    struct query *a = tx_query(tx, sql, "");
    while (query_next(a)) {
        struct query *b = tx_query(tx, sql, "");
        while (query_next(b))
            inner_rows++;
        assert_int_equal(query_end(b), 0);
        outer_rows++;
    }
    assert_int_equal(query_end(a), 0);
    assert_int_equal(inner_rows, outer_rows * outer_rows);
    tx_rollback(tx);
}

static void more_texts_than_the_cache_holds(void **state)
{
    struct tx *tx = begin(TX_READ);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 300; i++) {
            char sql[64];
            snprintf(sql, sizeof sql, "SELECT %d + $1", i);
            assert_int_equal(tx_int(tx, -1, sql, "i", (int64_t)1), i + 1);
        }
    tx_rollback(tx);
}

static void upserts(void **state)
{
    struct tx *tx = begin(TX_WRITE);
    assert_int_equal(tx_upsert(tx, "t", "id", "id,name,n", "iti", (int64_t)70, "one", (int64_t)1), 0);
    assert_int_equal(tx_upsert(tx, "t", "id", "id,name,n", "iti", (int64_t)70, "two", (int64_t)2), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT n FROM t WHERE id=$1 AND name='two'", "i", (int64_t)70), 2);
    assert_int_equal(tx_upsert(tx, "t", NULL, "id,name", "it", (int64_t)70, "three"), 0);
    assert_int_equal(tx_changes(tx), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT n FROM t WHERE name=$1", "t", "three"), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* Texts are known again by where they lie: what lies there is looked at all the same. */
static void the_same_place_with_another_text(void **state)
{
    char text[100], columns[20] = "id,name,n";
    struct tx *tx = begin(TX_WRITE);
    for (int i = 1; i <= 3; i++) {
        snprintf(text, sizeof text, "SELECT %d AS n", i);
        assert_int_equal(tx_int(tx, 0, text, ""), i);
    }
    uint64_t before = tx_written(tx);
    assert_int_equal(tx_upsert(tx, "t", "id", columns, "iti", (int64_t)71, "x", (int64_t)1), 0);
    strcpy(columns, "id,n,name");
    assert_int_equal(tx_upsert(tx, "t", "id", columns, "iit", (int64_t)71, (int64_t)9, "y"), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT n FROM t WHERE id=71 AND name='y'", ""), 9);
    assert_int_equal(tx_written(tx), before + 2);
    tx_rollback(tx);
}

static void fill(struct tx *tx, int from, int n)
{
    static char block[60000];
    for (int i = from; i < from + n; i++)
        tx_exec(tx, "INSERT INTO t (id, data, n) VALUES ($1,$2,$1)", "ib", (int64_t)i, block, sizeof block);
}

/* So much that pages go to the log before the commit, and are read back from it. */
static void a_transaction_larger_than_the_cache(void **state)
{
    struct tx *tx = begin(TX_WRITE);
    int64_t before = count(tx);
    fill(tx, 500000, 600);
    assert_int_equal(tx_savepoint(tx), 0);
    fill(tx, 501000, 300);
    tx_exec(tx, "UPDATE t SET n=-1 WHERE id=500000", "");
    assert_int_equal(tx_savepoint_rollback(tx), 0);
    assert_int_equal(count(tx), before + 600);
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(TX_READ); /* another connection */
    assert_int_equal(count(tx), before + 600);
    assert_int_equal(tx_int(tx, 0, "SELECT n FROM t WHERE id=500000", ""), 500000);
    if (store_is_file(store))
        assert_int_equal(tx_int(tx, 0, "SELECT integrity_check='ok' FROM pragma_integrity_check", ""), 1);
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    tx_exec(tx, "DELETE FROM t WHERE id>=500000 AND id<502000", "");
    assert_int_equal(tx_commit(tx), 0);
}

static void a_reader_sees_one_moment(void **state)
{
    struct tx *reader = begin(TX_READ);
    int64_t before = count(reader);
    struct tx *writer = begin(TX_WRITE);
    tx_exec(writer, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)80);
    assert_int_equal(tx_commit(writer), 0);
    assert_int_equal(count(reader), before);
    tx_rollback(reader);
    reader = begin(TX_READ);
    assert_int_equal(count(reader), before + 1);
    tx_rollback(reader);
}

static void *write_many(void *from)
{
    for (int i = 0; i < 100; i++) {
        struct tx *tx;
        if (tx_begin(store, TX_WRITE, &tx))
            return from;
        tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)(intptr_t)from + i);
        tx_feed(tx, "case", "k", "{}");
        if (i % 3 == 0)
            tx_rollback(tx);
        else if (tx_commit(tx))
            return from;
    }
    return NULL;
}

static void writers_take_turns_and_the_feed_has_no_gap(void **state)
{
    pthread_t t[4];
    void *bad;
    for (intptr_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, write_many, (void *)(i * 1000 + 10000)), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    struct tx *tx = begin(TX_READ);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM t WHERE id>=$1", "i", (int64_t)10000), 4 * 66);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM feed", ""), 4 * 66);
    assert_int_equal(tx_int(tx, 0, "SELECT MAX(seq) FROM feed", ""), 4 * 66);
    tx_rollback(tx);
}

/* What is refused may be told late; the part it belongs to is undone alone all the same. */
static void a_part_that_is_refused_is_undone_alone(void **state)
{
    struct tx *tx = begin(TX_WRITE);
    tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)7000);
    assert_int_equal(tx_savepoint(tx), 0);
    tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)7001);
    (void)tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)7000);
    assert_int_equal(tx_check(tx), ERR_CONFLICT);
    assert_int_equal(tx_savepoint_rollback(tx), 0);
    assert_int_equal(tx_savepoint(tx), 0);
    (void)tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)7000);
    assert_int_equal(tx_savepoint_rollback(tx), 0); /* for another reason, before anybody asked */
    assert_int_equal(tx_savepoint(tx), 0);
    tx_exec(tx, "UPDATE t SET n=1 WHERE id>=$1 AND id<8000", "i", (int64_t)7000);
    tx_exec(tx, "UPDATE t SET n=1 WHERE id>=$1 AND id<7000", "i", (int64_t)6999);
    assert_int_equal(tx_changes(tx), 0);
    tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)7002);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM t WHERE id=7002", ""), 1);
    assert_int_equal(tx_changes(tx), 1); /* of the writing, whatever was asked since */
    assert_int_equal(tx_savepoint_release(tx), 0);
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(TX_READ);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM t WHERE id>=7000 AND id<8000", ""), 2);
    assert_int_equal(tx_int(tx, 0, "SELECT SUM(n) FROM t WHERE id>=7000 AND id<8000", ""), 1);
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    (void)tx_exec(tx, "INSERT INTO t (id) VALUES ($1)", "i", (int64_t)7000);
    assert_int_equal(tx_commit(tx), ERR_CONFLICT); /* at the latest */
}

static void whole_numbers_go_in_many_at_once(void **state)
{
    static int64_t rows[1000][3];
    for (int i = 0; i < 1000; i++) {
        rows[i][0] = i;
        rows[i][1] = i ? -i * INT64_C(1000000000000) : INT64_MIN;
        rows[i][2] = i ? 20001 : INT64_MAX;
    }
    struct tx *tx = begin(TX_WRITE);
    tx_exec(tx, "CREATE TABLE numbers (a INTEGER NOT NULL PRIMARY KEY, b INTEGER NOT NULL, c INTEGER NOT NULL)", "");
    assert_int_equal(tx_insert_numbers(tx, "numbers", "a, b, c", 3, rows[0], 1000), 0);
    assert_int_equal(tx_insert_numbers(tx, "numbers", "a, b, c", 3, rows[0], 0), 0);
    assert_int_equal(tx_insert_numbers(tx, "numbers", "a, b, c", 3, (int64_t[]){1000, 1, 2}, 1), 0);
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(TX_READ);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM numbers", ""), 1001);
    assert_true(tx_int(tx, 0, "SELECT b FROM numbers WHERE a=0", "") == INT64_MIN);
    assert_true(tx_int(tx, 0, "SELECT c FROM numbers WHERE a=0", "") == INT64_MAX);
    assert_true(tx_int(tx, 0, "SELECT SUM(b) FROM numbers WHERE a>0 AND a<1000", "") == -INT64_C(499500) * INT64_C(1000000000000));
    assert_int_equal(tx_int(tx, 0, "SELECT SUM(c) FROM numbers WHERE a IN (1,2,1000)", ""), 40004);
    assert_int_equal(tx_int(tx, 0, "SELECT AVG(c) FROM numbers WHERE a IN (1,1000)", ""), 10001);
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    (void)tx_insert_numbers(tx, "numbers", "a, b, c", 3, rows[0], 2);
    assert_int_equal(tx_check(tx), ERR_CONFLICT);
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    tx_exec(tx, "DROP TABLE numbers", "");
    assert_int_equal(tx_commit(tx), 0);
}

static void rows_of_texts_go_in_many_at_once(void **state)
{
    (void)state;
    struct cell cells[][3] = {{{"王", 0}, {NULL, 1}, {"", 0}}, {{"O'Neil", 0}, {NULL, INT64_MIN}, {"b", 0}}, {{"王", 0}, {NULL, 2}, {"twice", 0}}};
    struct tx *tx = begin(TX_WRITE);
    tx_exec(tx, "CREATE TABLE texts (a TEXT NOT NULL PRIMARY KEY, b INTEGER NOT NULL, c TEXT NOT NULL)", "");
    assert_int_equal(tx_add_rows(tx, "texts", "a,b,c", 3, cells[0], 3), 0);
    assert_int_equal(tx_add_rows(tx, "texts", "a,b,c", 3, cells[0], 0), 0);
    assert_int_equal(tx_add_rows(tx, "texts", "a,b,c", 3, cells[1], 2), 0); /* all are there */
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(TX_READ);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM texts", ""), 2);
    assert_int_equal(tx_int(tx, 0, "SELECT b FROM texts WHERE a=$1 AND c=''", "t", "王"), 1);
    assert_true(tx_int(tx, 0, "SELECT b FROM texts WHERE a=$1 AND c='b'", "t", "O'Neil") == INT64_MIN);
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    tx_exec(tx, "DROP TABLE texts", "");
    assert_int_equal(tx_commit(tx), 0);
}

/* Only who binds them has rows there: a number, a text or nothing is no place in memory. */
static void rows_in_memory_are_no_texts_business(void **state)
{
    (void)state;
    if (!store_is_file(store))
        skip();
    struct tx *tx = begin(TX_WRITE);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM held_rows($1)", "i", (int64_t)(uintptr_t)tx), 0);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM held_rows('yilian-rows')", ""), 0);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM held_rows", ""), -1);
    assert_true(tx_error(tx));
    tx_rollback(tx);
}

/* A server that ended a line while it was kept: the next transaction has another. */
static void a_line_that_ended_is_not_used_again(void **state)
{
    if (store_is_file(store))
        skip();
    struct tx *tx = begin(TX_READ);
    int64_t reader = tx_int(tx, 0, "SELECT pg_backend_pid()", "");
    tx_rollback(tx);
    tx = begin(TX_WRITE);
    assert_int_equal(tx_int(tx, 0, "SELECT CASE WHEN pg_terminate_backend(CAST($1 AS INT), 5000) THEN 1 ELSE 0 END", "i", reader), 1);
    assert_int_equal(tx_commit(tx), 0);
    tx = begin(TX_READ);
    int64_t other = tx_int(tx, 0, "SELECT pg_backend_pid()", "");
    assert_int_equal(tx_error(tx), 0);
    assert_true(other && other != reader);
    tx_rollback(tx);
}

static void migrations_run_once(void **state)
{
    struct fault f = {0};
    int version = store_version(store);
    assert_true(version > 0);
    assert_int_equal(store_migrate(store, &f), 0);
    assert_int_equal(store_version(store), version);
    int expected = 0;
    for (const struct migration *m = store_migrations; m->sql; m++)
        assert_int_equal(m->version, ++expected); /* 1.. without gaps */
    if (!store_is_file(store))
        return;
    struct tx *tx = begin(TX_WRITE);
    tx_exec(tx, "PRAGMA user_version=9999", "");
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(store_migrate(store, &f), ERR_STORAGE);
    assert_string_equal(f.reason, "newer_database");
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA user_version=%d", version);
    tx = begin(TX_WRITE);
    tx_exec(tx, sql, "");
    assert_int_equal(tx_commit(tx), 0);
}

static void a_backup_is_whole_and_private(void **state)
{
    char copy[96];
    struct store *other;
    struct stat st;
    if (!store_is_file(store))
        skip();
    struct tx *tx = begin(TX_READ);
    int64_t rows = count(tx);
    tx_rollback(tx);
    struct fault f = {0};
    snprintf(copy, sizeof copy, "%s/copy.db", dir);
    assert_int_equal(store_backup(store, copy, &f), 0);
    assert_int_equal(store_backup(store, copy, &f), ERR_STORAGE); /* never over another */
    assert_int_equal(stat(copy, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(store_open(&other, copy, &f), 0);
    assert_int_equal(tx_begin(other, TX_READ, &tx), 0);
    assert_int_equal(count(tx), rows);
    tx_rollback(tx);
    store_close(other);
    snprintf(copy, sizeof copy, "%s/no/copy.db", dir); /* no such folder */
    assert_int_equal(store_open(&other, copy, &f), ERR_STORAGE);
}

/* This engine -> a file -> this engine again, in another place: every value as it was. */
static void a_database_moves_to_the_other_engine_and_back(void **state)
{
    struct store *file, *back;
    struct store_moved there, home;
    struct fault f = {0};
    struct tx *tx;
    char first[112], second[112], where[400];
    tx = begin(TX_WRITE);
    tx_exec(tx, "INSERT INTO t (id, name, data, n) VALUES ($1,$2,$3,$4)", "itbi", INT64_C(5000), "韩梅梅 'x'", "\0\377\\x00", (size_t)6, INT64_MIN);
    tx_exec(tx, "INSERT INTO t (id, name, data, n) VALUES ($1,$2,$3,$4)", "inbn", INT64_C(5001), "", (size_t)0);
    assert_int_equal(tx_commit(tx), 0);
    snprintf(first, sizeof first, "%s/moved.db", dir);
    snprintf(second, sizeof second, "%s/again", dir);
    assert_int_equal(mkdir(second, 0700), 0);
    assert_int_equal(store_locate(NULL, second, where, sizeof where, &f), 0);
    assert_int_equal(store_open(&file, first, &f), 0);
    assert_int_equal(store_open(&back, where, &f), 0);
    for (int i = 0; i < 2; i++) { /* t is this test's own table */
        assert_int_equal(store_migrate(i ? back : file, &f), 0);
        assert_int_equal(tx_begin(i ? back : file, TX_WRITE, &tx), 0);
        tx_exec(tx, "CREATE TABLE t (id INTEGER NOT NULL PRIMARY KEY, name TEXT, data BLOB, n INTEGER)", "");
        assert_int_equal(tx_commit(tx), 0);
    }
    assert_int_equal(store_move(store, file, &there, &f), ERR_CONFLICT); /* not empty */
    assert_int_equal(store_move_into(store, file, &there, &f), 0);
    assert_int_equal(store_move_into(file, back, &home, &f), 0);
    assert_memory_equal(there.hash, home.hash, sizeof home.hash);
    assert_int_equal(there.rows, home.rows);
    assert_int_equal(tx_begin(back, TX_READ, &tx), 0);
    struct query *q = tx_query(tx, "SELECT name, data, n FROM t WHERE id>=5000 ORDER BY id", "");
    size_t len;
    assert_true(query_next(q));
    assert_string_equal(query_text(q, "name"), "韩梅梅 'x'");
    assert_memory_equal(query_blob(q, "data", &len), "\0\377\\x00", 6);
    assert_int_equal(len, 6);
    assert_true(query_int(q, "n") == INT64_MIN);
    assert_true(query_next(q));
    assert_null(query_text(q, "name"));
    assert_false(query_null(q, "data"));
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    store_close(file);
    store_close(back);
}

/* As yilianctl database move does with a site that has just been made: what migrations wrote themselves goes over too. */
static void a_new_site_moves_to_a_server(void **state)
{
    struct store *file, *server;
    struct store_moved moved;
    struct fault f = {0};
    char path_of_file[112], other[112], where[400];
    (void)state;
    snprintf(path_of_file, sizeof path_of_file, "%s/new.db", dir);
    snprintf(other, sizeof other, "%s/server", dir);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(store_locate(NULL, other, where, sizeof where, &f), 0);
    assert_int_equal(store_open(&file, path_of_file, &f), 0);
    assert_int_equal(store_migrate(file, &f), 0);
    assert_int_equal(store_open(&server, where, &f), 0);
    if (store_move(file, server, &moved, &f))
        fail_msg("%s", f.text);
    assert_true(moved.rows > 0);
    store_close(file);
    store_close(server);
}

static struct {
    int asked;
    pthread_t by;
    bool refuse;
} due;

static int checkpoint_due(void *ctx)
{
    (void)ctx;
    due.asked++;
    due.by = pthread_self();
    return due.refuse ? ERR_UNAVAILABLE : 0;
}

static off_t log_bytes(void)
{
    char log[112];
    struct stat st;
    snprintf(log, sizeof log, "%s-wal", path);
    assert_int_equal(stat(log, &st), 0);
    return st.st_size;
}

static void write_pages(int n)
{
    static char page[240000]; /* sixty pages of the log */
    for (int i = 0; i < n; i++) {
        struct tx *tx = begin(TX_WRITE);
        tx_exec(tx, "INSERT INTO t (id, data) VALUES ($1,$2)", "ib", INT64_C(1000000) + i, page, sizeof page);
        tx_exec(tx, "DELETE FROM t WHERE id=$1", "i", INT64_C(1000000) + i);
        tx_exec(tx, "UPDATE t SET n=$1 WHERE id=1", "i", (int64_t)i);
        assert_int_equal(tx_commit(tx), 0);
    }
}

/* The committing thread only asks, once, and goes on; the log starts anew once another thread has brought it home. */
static void a_long_log_is_brought_home_by_another(void **state)
{
    if (!store_is_file(store))
        skip();
    store_checkpoint_on(store, checkpoint_due, NULL);
    due.refuse = true;
    write_pages(150);
    assert_true(due.asked > 1); /* refused: every commit asks again */
    due.refuse = false;
    write_pages(1);
    int asked = due.asked;
    write_pages(150);
    assert_int_equal(due.asked, asked); /* taken: nobody is asked until it is done */
    assert_true(pthread_equal(due.by, pthread_self()));
    off_t longest = log_bytes();
    assert_true(longest > 32 << 20);
    store_checkpoint(store);
    write_pages(15);
    assert_int_equal(due.asked, asked); /* the log began anew in the file it has */
    assert_int_equal(log_bytes(), longest);
    write_pages(150);
    assert_true(due.asked > asked);
    store_checkpoint(store);
    struct tx *tx = begin(TX_READ);
    assert_int_equal(tx_int(tx, -1, "SELECT n FROM t WHERE id=1", ""), 149);
    tx_rollback(tx);
}

/* Under an unbroken stream of transactions each checkpoint ends in the middle of one: what that one writes is brought home before the next. */
static void a_log_begins_anew_under_a_stream(void **state)
{
    if (!store_is_file(store))
        skip();
    store_checkpoint_on(store, checkpoint_due, NULL);
    write_pages(150);
    off_t longest = log_bytes();
    int asked = due.asked;
    struct tx *tx = begin(TX_WRITE);
    tx_exec(tx, "UPDATE t SET n=$1 WHERE id=1", "i", (int64_t)150);
    store_checkpoint(store);
    assert_int_equal(tx_commit(tx), 0);
    longest = longest > log_bytes() ? longest : log_bytes();
    write_pages(100);
    assert_int_equal(log_bytes(), longest);
    assert_int_equal(due.asked, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_go_by_name),
        cmocka_unit_test(errors_stick_and_roll_back),
        cmocka_unit_test(wrong_statements_are_refused),
        cmocka_unit_test(the_same_text_inside_its_own_loop),
        cmocka_unit_test(more_texts_than_the_cache_holds),
        cmocka_unit_test(upserts),
        cmocka_unit_test(the_same_place_with_another_text),
        cmocka_unit_test(a_transaction_larger_than_the_cache),
        cmocka_unit_test(a_reader_sees_one_moment),
        cmocka_unit_test(writers_take_turns_and_the_feed_has_no_gap),
        cmocka_unit_test(a_part_that_is_refused_is_undone_alone),
        cmocka_unit_test(whole_numbers_go_in_many_at_once),
        cmocka_unit_test(rows_of_texts_go_in_many_at_once),
        cmocka_unit_test(rows_in_memory_are_no_texts_business),
        cmocka_unit_test(a_line_that_ended_is_not_used_again),
        cmocka_unit_test(migrations_run_once),
        cmocka_unit_test(a_backup_is_whole_and_private),
        cmocka_unit_test(a_database_moves_to_the_other_engine_and_back), cmocka_unit_test(a_new_site_moves_to_a_server),
        cmocka_unit_test(a_long_log_is_brought_home_by_another),
        cmocka_unit_test(a_log_begins_anew_under_a_stream),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
