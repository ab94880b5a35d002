/* PostgreSQL with a synchronous standby: the primary is killed while people write, the standby is promoted, and nothing that was
 * acknowledged is lost. Skipped where no server is installed. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include "records/store/store.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define WRITERS 4
#define ROWS_MAX 100000

static char primary[64], standby[64], where[400];
static struct store *store;
static uint8_t acknowledged[ROWS_MAX];
static _Atomic int next_row;
static _Atomic bool stop;

static int support(const char *what, const char *dir, const char *of)
{
    char command[600];
    snprintf(command, sizeof command, "DURABLE=1 OPTIONS='%s' %s/tests/support/postgres %s %s %s >/dev/null 2>&1", "-c wal_level=replica -c hot_standby=on",
             YL_SOURCE_DIR, what, dir, of);
    return system(command);
}

static int write_one(int64_t id)
{
    struct tx *tx;
    int rc = tx_begin(store, TX_WRITE, &tx);
    if (rc)
        return rc;
    tx_exec(tx, "INSERT INTO standby_row (id, name) VALUES ($1,$2)", "it", id, "written");
    tx_feed(tx, "case", "1", "{}");
    return tx_commit(tx);
}

static void *writer(void *unused)
{
    while (!stop) {
        int id = next_row++;
        if (id >= ROWS_MAX)
            break;
        if (write_one(id) == 0)
            acknowledged[id] = 1;
        else
            usleep(20000);
    }
    return unused;
}

static void open_store(void)
{
    struct fault f = {0};
    if (store_open(&store, where, &f) || store_migrate(store, &f))
        fail_msg("%s", f.text);
}

static int64_t number(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(store, TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static void the_primary_dies_and_nothing_is_lost(void **state)
{
    pthread_t threads[WRITERS];
    struct tx *tx;
    open_store();
    assert_int_equal(tx_begin(store, TX_WRITE, &tx), 0);
    tx_exec(tx, "CREATE TABLE standby_row (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)", "");
    assert_int_equal(tx_commit(tx), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, NULL), 0);
    while (next_row < 100)
        usleep(10000);
    assert_int_equal(support("kill", primary, ""), 0);
    assert_int_equal(support("promote", standby, ""), 0);
    int at_promotion = next_row;
    for (int i = 0; i < 1500 && next_row < at_promotion + 100; i++) /* the same store goes on by itself, on the other server */
        usleep(20000);
    stop = true;
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    int64_t kept = 0, later = 0;
    for (int i = 0; i < next_row && i < ROWS_MAX; i++) {
        char sql[80];
        if (!acknowledged[i])
            continue;
        snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM standby_row WHERE id=%d", i);
        if (number(sql) != 1)
            fail_msg("row %d was acknowledged and is lost", i);
        kept++;
        later += i > at_promotion;
    }
    assert_true(kept >= 100);
    assert_true(later > 0);
    assert_int_equal(number("SELECT MAX(seq) - COUNT(*) FROM feed"), 0); /* no gap over the change */
    store_close(store);
    print_message("%lld acknowledged rows, %lld of them after the change of servers: all there\n", (long long)kept, (long long)later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_primary_dies_and_nothing_is_lost)};
    unsetenv("YL_TEST_DATABASE");
    snprintf(primary, sizeof primary, "/tmp/yl-pg-%d-a", getpid());
    snprintf(standby, sizeof standby, "/tmp/yl-pg-%d-b", getpid());
    snprintf(where, sizeof where, "postgresql://yilian@/postgres?host=%s,%s&target_session_attrs=read-write&connect_timeout=2", primary, standby);
    if (access("/usr/lib/postgresql", F_OK)) {
        print_message("no PostgreSQL server here\n");
        return 0;
    }
    int rc = support("start", primary, "") || support("standby", standby, primary);
    if (rc)
        print_error("the two servers do not start\n");
    else
        rc = cmocka_run_group_tests_name("store_standby", tests, NULL, NULL);
    (void)!support("stop", standby, "");
    (void)!support("stop", primary, "");
    return rc;
}
