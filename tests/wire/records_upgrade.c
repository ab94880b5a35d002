/* An upgrade on a bad day: a database of an early version, with data in it, is brought to this one by a program that is killed again and again; what must not touch
 * it beside an older daemon does not; a newer one is refused in words. */
#include "records/records.h"
#include "records/store/sealed.h"
#include "records/store/store.h"
#include "server/base/clock.h"
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define KILLS 40
#define MESSAGES 3000
#define TEXT "患者诉头晕三天"

static char dir[64], path[96];
static int old_version;

static int site_open(bool as_it_is, struct records **out, struct fault *f)
{
    struct records_config config = {.data_dir = dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system, .as_it_is = as_it_is};
    return records_open(out, &config, f);
}

static void run_sql(struct tx *tx, const char *script)
{
    char *sql = strdup(script), *save;
    for (char *one = strtok_r(sql, ";", &save); one; one = strtok_r(NULL, ";", &save))
        assert_int_equal(tx_exec(tx, one, ""), 0);
    free(sql);
}

/* As the program of that time left it: the step before the first that needs the key. */
static void make_old(void)
{
    struct store *s;
    struct tx *tx;
    struct fault f = {0};
    char set[60];
    assert_int_equal(store_open(&s, path, &f), 0);
    for (const struct migration *m = store_migrations; !m->run; m++) {
        assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
        run_sql(tx, m->sql);
        assert_int_equal(tx_commit(tx), 0);
        old_version = m->version;
    }
    assert_int_equal(tx_begin(s, TX_WRITE, &tx), 0);
    for (int i = 1; i <= MESSAGES; i++)
        tx_exec(tx, "INSERT INTO consult_message VALUES ($1,7,1,1,1,'" TEXT "',0,0,0)", "i", (int64_t)i);
    snprintf(set, sizeof set, "PRAGMA user_version=%d", old_version);
    tx_exec(tx, set, "");
    assert_int_equal(tx_commit(tx), 0);
    store_close(s);
}

static int setup(void **state)
{
    struct fault f = {0};
    struct records *r;
    char cmd[300];
    (void)state;
    strcpy(dir, "/tmp/yl-upgrade-XXXXXX");
    if (!mkdtemp(dir) || site_open(false, &r, &f)) /* makes the master key */
        return 1;
    records_close(r);
    snprintf(path, sizeof path, "%s/yilian.db", dir);
    unlink(path);
    make_old();
    snprintf(cmd, sizeof cmd, "cp %s %s/old.db", path, dir);
    return system(cmd);
}

static int teardown(void **state)
{
    char cmd[96];
    (void)state;
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static void put_old_back(void)
{
    char cmd[400];
    snprintf(cmd, sizeof cmd, "rm -f %s-wal %s-shm; cp %s/old.db %s", path, path, dir, path);
    assert_int_equal(system(cmd), 0);
}

static int version_now(void)
{
    struct store *s;
    struct fault f = {0};
    assert_int_equal(store_open(&s, path, &f), 0);
    int v = store_version(s);
    store_close(s);
    return v;
}

static void whole(void)
{
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* One try of the new program, killed after so long; 0 = it got to its end before. */
static bool killed_after(useconds_t us)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        struct records *r;
        struct fault f = {0};
        _exit(site_open(false, &r, &f) ? 1 : 0);
    }
    usleep(us);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void killed_again_and_again(void **state)
{
    struct fault f = {0};
    struct records *r;
    struct store *s;
    struct tx *tx;
    int killed = 0, between = 0;
    (void)state;
    srand(11);
    int64_t began_us = clock_monotonic_us();
    assert_int_equal(site_open(false, &r, &f), 0);
    int64_t takes_us = clock_monotonic_us() - began_us;
    records_close(r);
    for (int i = 0; i < KILLS; i++) {
        if (i % 4 == 0)
            put_old_back();
        int before = version_now();
        killed += killed_after((useconds_t)(rand() % takes_us));
        int after = version_now();
        assert_true(after >= before);
        between += after > old_version && after < store_newest();
        whole();
    }
    assert_true(killed > KILLS / 4);
    assert_true(between > 0); /* some were in the middle of the steps */
    assert_int_equal(site_open(false, &r, &f), 0);
    records_close(r);
    assert_int_equal(version_now(), store_newest());
    whole();
    assert_int_equal(site_open(true, &r, &f), 0); /* brought up: everybody may */
    records_close(r);
    assert_int_equal(store_open(&s, path, &f), 0);
    assert_int_equal(tx_begin(s, TX_READ, &tx), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM consult_message", ""), MESSAGES);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM consult_message WHERE text='" TEXT "'", ""), 0); /* each sealed, none twice */
    tx_rollback(tx);
    store_close(s);
}

static void beside_an_older_daemon(void **state)
{
    struct fault f = {0};
    struct records *r;
    char copy[96];
    (void)state;
    put_old_back();
    assert_int_equal(site_open(true, &r, &f), ERR_CONFLICT);
    assert_string_equal(f.reason, "older_database");
    assert_int_equal(version_now(), old_version);
    struct records_config config = {.data_dir = dir};
    snprintf(copy, sizeof copy, "%s/copy.db", dir);
    assert_int_equal(records_backup(&config, copy, &f), 0); /* before the upgrade, with the new program */
    assert_int_equal(version_now(), old_version);
    config.data_dir = "/nowhere";
    assert_int_equal(records_backup(&config, copy, &f), ERR_NOT_FOUND);
}

static void a_newer_database(void **state)
{
    struct fault f = {0};
    struct records *r;
    sqlite3 *db;
    (void)state;
    put_old_back();
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=9999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int beside = 0; beside < 2; beside++) {
        assert_int_equal(site_open(beside, &r, &f), ERR_STORAGE);
        assert_string_equal(f.reason, "newer_database");
        assert_non_null(strstr(f.text, "restore the backup"));
        fault_clear(&f);
    }
    assert_int_equal(version_now(), 9999);
}

int main(void)
{
    if (getenv("YL_TEST_DATABASE"))
        return 0; /* of the file: sites on PostgreSQL are younger than these steps */
    const struct CMUnitTest tests[] = {cmocka_unit_test(killed_again_and_again), cmocka_unit_test(beside_an_older_daemon), cmocka_unit_test(a_newer_database)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
