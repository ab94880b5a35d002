/* PostgreSQL's way back to a point in time, as docs/operations.md says it: a base backup, its own archive of the log, and what was committed by a
 * moment and nothing else is there; the server goes on from it. Skipped where no server is installed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include "records/store/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static char primary[64], copy[64];

static int support(const char *what, const char *dir, const char *of)
{
    char command[600];
    snprintf(command, sizeof command, "DURABLE=1 OPTIONS='%s' %s/tests/support/postgres %s %s \"%s\" >/dev/null 2>&1",
             strcmp(what, "start") == 0 ? "-c wal_level=replica -c archive_mode=on" : "", YL_SOURCE_DIR, what, dir, of);
    return system(command);
}

static struct store *open_at(const char *dir)
{
    char where[300];
    struct store *s;
    struct fault f = {0};
    snprintf(where, sizeof where, "postgresql://yilian@/postgres?host=%s&connect_timeout=5", dir);
    if (store_open(&s, where, &f) || store_migrate(s, &f))
        fail_msg("%s", f.text);
    return s;
}

static void run(struct store *s, const char *sql, int64_t id)
{
    struct tx *tx;
    assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
    tx_exec(tx, sql, id ? "i" : "", id);
    if (id)
        tx_feed(tx, "case", "1", "{}");
    assert_int_equal(tx_commit(tx), 0);
}

static int64_t number(struct store *s, const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(s, TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static void back_to_a_moment(void **state)
{
    static const char insert[] = "INSERT INTO moment_row (id) VALUES ($1)";
    char moment[40];
    (void)state;
    struct store *s = open_at(primary);
    run(s, "CREATE TABLE moment_row (id INTEGER NOT NULL PRIMARY KEY)", 0);
    run(s, insert, 1);
    assert_int_equal(support("base", copy, primary), 0);
    run(s, insert, 2); /* behind the base: out of the archived log alone */
    sleep(1);
    time_t t = time(NULL);
    struct tm utc;
    strftime(moment, sizeof moment, "%Y-%m-%d %H:%M:%S+00", gmtime_r(&t, &utc));
    sleep(1);
    run(s, insert, 3); /* what must not come back, a careless DELETE it could be */
    (void)number(s, "SELECT CASE WHEN pg_switch_wal() IS NULL THEN 0 ELSE 1 END AS n");
    for (int i = 0; i < 100 && number(s, "SELECT archived_count AS n FROM pg_stat_archiver") < 2; i++)
        usleep(100000);
    store_close(s);
    assert_int_equal(support("kill", primary, ""), 0);
    assert_int_equal(support("recover", copy, moment), 0);
    s = open_at(copy);
    assert_int_equal(number(s, "SELECT COUNT(*) AS n FROM moment_row WHERE id IN (1,2)"), 2);
    assert_int_equal(number(s, "SELECT COUNT(*) AS n FROM moment_row"), 2);
    assert_int_equal(number(s, "SELECT MAX(seq) AS n FROM feed"), 2);
    run(s, insert, 4);
    assert_int_equal(number(s, "SELECT MAX(seq) AS n FROM feed"), 3);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(back_to_a_moment)};
    unsetenv("YL_TEST_DATABASE");
    snprintf(primary, sizeof primary, "/tmp/yl-pg-%d-m", getpid());
    snprintf(copy, sizeof copy, "/tmp/yl-pg-%d-n", getpid());
    if (access("/usr/lib/postgresql", F_OK)) {
        print_message("no PostgreSQL server here\n");
        return 0;
    }
    int rc = support("start", primary, "");
    if (rc)
        print_error("the server does not start\n");
    else
        rc = cmocka_run_group_tests_name("store_moment", tests, NULL, NULL);
    (void)!support("stop", copy, "");
    (void)!support("stop", primary, "");
    return rc;
}
