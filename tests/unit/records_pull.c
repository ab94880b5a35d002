/* Rows asked for from hospitals' databases over ODBC: a real SQLite, a real PostgreSQL when one can be begun; what a driver's trouble costs. */
#include "records/exchange/lanes.h"
#include "records/exchange/pull.h"
#include "tests/support/hl7.h"
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[40], ini[100], database[100], postgres[64];
static struct exchange_pull *pull;
static const char *lis;

static int64_t sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

/* Statements for the hospital's database. */
static void theirs(const char *text)
{
    sqlite3 *db;
    char *wrong = NULL;
    assert_int_equal(sqlite3_open(database, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &wrong) != SQLITE_OK)
        fail_msg("%s", wrong);
    sqlite3_close(db);
}

#define VIEW "CREATE TABLE lis_result (seq INTEGER PRIMARY KEY, patient_no TEXT, name TEXT, report_no TEXT, item_code TEXT, item_name TEXT, result TEXT, reported_at TEXT);"
#define HUNDRED "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100) INSERT INTO lis_result SELECT i, 'P'||(i%4), '赵明', 's'||i, 'GLU', '血糖', '5.'||i, '2026-11-28 08:00:00' FROM n;"

static void begin_pull(const char *program, int rows, int time_ms)
{
    struct exchange_pull_config config = {desk.r, program, ini, rows, time_ms};
    struct fault f = {0};
    exchange_pull_close(pull);
    assert_int_equal(exchange_pull_open(&pull, &config, &f), 0);
}

static int open_site(void **state)
{
    int rc = desk_open(state);
    strcpy(dir, "/tmp/yl-pull-XXXXXX");
    assert_non_null(mkdtemp(dir));
    if (rc)
        return rc;
    chmod(dir, 0755);
    snprintf(ini, sizeof ini, "%s/odbc.ini", dir);
    snprintf(database, sizeof database, "%s/lis.db", dir);
    FILE *out = fopen(ini, "w");
    fprintf(out, "[lis]\nDriver = SQLite3\nDatabase = %s\n[pg]\nDriver = PostgreSQL Unicode\nServername = %s/pg\nDatabase = postgres\nUserName = yilian\n", database, dir);
    fclose(out);
    theirs(VIEW HUNDRED);
    lis = hl7_source("LIS", 7, "\"namespace_id\":\"LIS\"", "\"kind\":\"database\",\"dsn\":\"lis\",\"view\":\"lis_result\",\"mark_column\":\"seq\",\"map\":\"rows_results\",\"every_s\":60");
    begin_pull(YL_BUILD_DIR "/yilian-odbc", 30, 20000);
    return 0;
}

static int close_site(void **state)
{
    char command[200];
    exchange_pull_close(pull);
    pull = NULL;
    if (postgres[0]) {
        snprintf(command, sizeof command, YL_SOURCE_DIR "/tests/support/postgres stop %s >/dev/null 2>&1", postgres);
        if (system(command))
            print_message("the test's PostgreSQL could not be stopped\n");
        postgres[0] = 0;
    }
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command) || desk_close(state);
}

static json_t *state_of(void)
{
    json_t *list = CALL("exchange.sources", "{}"), *found = NULL, *one;
    size_t i;
    json_array_foreach(json_object_get(list, "items"), i, one)
        if (strcmp(member(one, "id"), lis) == 0)
            found = json_incref(json_object_get(one, "pull"));
    json_decref(list);
    assert_non_null(found);
    return found;
}

static void is(const char *state, const char *reason, const char *mark)
{
    json_t *p = state_of();
    if (strcmp(member(p, "state"), state) != 0 || strcmp(member(p, "reason"), reason) != 0 || strcmp(member(p, "mark"), mark) != 0)
        fail_msg("%s", json_dumps(p, 0));
    json_decref(p);
}

static void later(int64_t ms)
{
    desk.now_ms += ms;
    exchange_pull_round(pull);
}

static void a_history_and_what_comes_after(void **state)
{
    (void)state;
    exchange_pull_round(pull); /* four batches of thirty */
    is("ok", "", "100");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 100);
    assert_int_equal(sql("SELECT stored AS n FROM exchange_day"), 100);
    theirs("INSERT INTO lis_result VALUES (101,'P1','赵明','s101','K','钾','4.1','2026-11-28 09:00:00'); INSERT INTO lis_result VALUES (102,'','谁','s102','K','钾','4.2','2026-11-28 09:00:00');");
    exchange_pull_round(pull); /* it is not time */
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message"), 100);
    later(60000);
    is("ok", "", "102");
    assert_int_equal(sql("SELECT stored AS n FROM exchange_day"), 101);
    assert_int_equal(sql("SELECT dead AS n FROM exchange_day"), 1); /* no patient's number: waits for a person */
    later(60000); /* the row at the mark comes again: known, not counted */
    assert_int_equal(sql("SELECT received AS n FROM exchange_day"), 102);
    json_t *again = CALL("exchange.pull", "{\"source_id\":\"%s\",\"from\":\"\"}", lis);
    assert_non_null(again);
    json_decref(again);
    exchange_pull_round(pull); /* the whole history once more: nothing twice */
    is("ok", "", "102");
    assert_int_equal(sql("SELECT received AS n FROM exchange_day"), 102);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 101);
}

/* As after a kill: rows of a batch are on disk, the mark is not. */
static void a_batch_that_was_broken_off_comes_again(void **state)
{
    struct tx *tx;
    (void)state;
    exchange_pull_round(pull);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE exchange_pull SET mark='60', state='going', next_ms=0", "");
    tx_exec(tx, "UPDATE exchange_file SET state='reading' WHERE id=(SELECT MAX(id) FROM exchange_file)", "");
    assert_int_equal(tx_commit(tx), 0);
    exchange_pull_round(pull);
    is("ok", "", "100");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 100);
    assert_int_equal(sql("SELECT received AS n FROM exchange_day"), 100);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file WHERE state='reading'"), 0);
}

static void many_rows_share_a_mark(void **state)
{
    (void)state;
    theirs("DROP TABLE lis_result; CREATE TABLE lis_result (seq INTEGER, patient_no TEXT, report_no TEXT, item_code TEXT, result TEXT, reported_at TEXT);"
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<100) INSERT INTO lis_result SELECT 7, 'P1', 's'||i, 'GLU', '5.'||i, '2026-11-28' FROM n;");
    exchange_pull_round(pull); /* the batch grows until they fit */
    is("ok", "", "7");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 100);
    theirs("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<600) INSERT INTO lis_result SELECT 8, 'P1', 't'||i, 'GLU', '5.'||i, '2026-11-28' FROM n;");
    later(60000); /* more than any batch: said, not skipped */
    is("failed", "flat_mark", "8");
}

#define TIMED "CREATE TABLE lis_timed (changed_at TEXT, patient_no TEXT, report_no TEXT, item_code TEXT, result TEXT, reported_at TEXT);"
#define TIMED_ROW(at, report, result) "INSERT INTO lis_timed VALUES (" at ",'P1','" report "','K','" result "','2026-11-20 08:00:00');"

static void by_time(void)
{
    theirs(TIMED);
    json_t *set = CALL("exchange.source_set", "{\"source_id\":\"%s\",\"org_id\":\"0000000000000007\",\"name\":\"LIS\",\"application\":\"LIS\",\"enabled\":true,\"kind\":\"database\",\"dsn\":\"lis\","
                                            "\"view\":\"lis_timed\",\"mark_column\":\"changed_at\",\"map\":\"rows_results\",\"every_s\":60,\"domains\":[{\"namespace_id\":\"LIS\"}]}", lis);
    if (!set)
        fail_msg("%s", desk.fault.text);
    json_decref(set);
}

static int64_t stands(const char *value)
{
    json_t *found = CALL("patient.search", "{\"q\":\"P1\"}"), *t = CALL("patient.timeline", "{\"patient_id\":\"%s\"}", member(json_array_get(json_object_get(found, "items"), 0), "id")), *one;
    int64_t n = 0;
    size_t i;
    json_array_foreach(json_object_get(t, "items"), i, one) n += json_object_get(one, "value") && strcmp(member(one, "value"), value) == 0;
    json_decref(found);
    json_decref(t);
    return n;
}

/* Somebody's clock is a year ahead: his row is there, and the rows of everybody after it, too. */
static void a_row_of_the_future_hides_nothing(void **state)
{
    char insert[300], now[32];
    time_t t;
    struct tm tm;
    (void)state;
    by_time();
    theirs(TIMED_ROW("'2026-11-20 08:00:00'", "a1", "4.1") TIMED_ROW("'2099-01-01 00:00:00'", "a2", "4.2"));
    exchange_pull_round(pull);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE kind='observation'"), 2);
    t = (time_t)(desk.now_ms / 1000 + 8 * 3600 + 30);
    strftime(now, sizeof now, "%Y-%m-%d %H:%M:%S", gmtime_r(&t, &tm));
    snprintf(insert, sizeof insert, TIMED_ROW("'%s'", "a3", "4.3"), now);
    theirs(insert);
    later(60000);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE kind='observation'"), 3);
    json_t *p = state_of();
    assert_true(strcmp(member(p, "mark"), "2099") < 0);
    assert_string_equal(member(p, "state"), "ok");
    json_decref(p);
    later(60000);
    assert_int_equal(sql("SELECT received AS n FROM exchange_day"), 3); /* known, not counted */
}

/* 4.1, corrected to 41, corrected back: the last word counts though it was said before. */
static void a_correction_that_is_taken_back(void **state)
{
    (void)state;
    by_time();
    desk.actor.org.v = 7;
    theirs(TIMED_ROW("'2026-11-20 08:00:00'", "b1", "4.1"));
    exchange_pull_round(pull);
    theirs("UPDATE lis_timed SET result='41', changed_at='2026-11-20 09:00:00'");
    later(60000);
    assert_int_equal(stands("41"), 1);
    theirs("UPDATE lis_timed SET result='4.1', changed_at='2026-11-20 10:00:00'");
    later(60000);
    assert_int_equal(stands("41"), 0);
    assert_int_equal(stands("4.1"), 1);
    int64_t messages = sql("SELECT COUNT(*) AS n FROM exchange_message");
    later(60000);
    theirs("UPDATE lis_timed SET changed_at='2026-11-20 11:00:00'"); /* touched: nothing new in it */
    later(60000);
    json_t *again = CALL("exchange.pull", "{\"source_id\":\"%s\",\"from\":\"\"}", lis);
    json_decref(again);
    exchange_pull_round(pull);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message"), messages);
}

static void rows_without_a_mark_are_told(void **state)
{
    (void)state;
    by_time();
    theirs(TIMED_ROW("'2026-11-20 08:00:00'", "c1", "4.1") TIMED_ROW("NULL", "c2", "4.2") TIMED_ROW("NULL", "c3", "4.3"));
    exchange_pull_round(pull);
    json_t *p = state_of();
    assert_string_equal(member(p, "reason"), "unmarked");
    assert_string_equal(member(p, "detail"), "2");
    json_decref(p);
    theirs("UPDATE lis_timed SET changed_at='2026-11-20 09:00:00' WHERE changed_at IS NULL");
    later(60000);
    is("ok", "unmarked", "2026-11-20 09:00:00"); /* looked for once a day */
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE kind='observation'"), 3);
    later(86400000);
    is("ok", "", "2026-11-20 09:00:00");
}

static void trouble_is_told_and_waited_out(void **state)
{
    (void)state;
    char script[120];
    theirs("ALTER TABLE lis_result RENAME TO away;");
    exchange_pull_round(pull);
    json_t *p = state_of();
    assert_string_equal(member(p, "reason"), "database");
    assert_non_null(strstr(member(p, "detail"), "lis_result"));
    assert_int_equal(json_integer_value(json_object_get(p, "next_ms")), desk.now_ms + 60000);
    json_decref(p);
    later(60000);
    p = state_of();
    assert_int_equal(json_integer_value(json_object_get(p, "failures")), 2);
    assert_int_equal(json_integer_value(json_object_get(p, "next_ms")), desk.now_ms + 120000);
    json_decref(p);
    theirs("ALTER TABLE away RENAME TO lis_result; ALTER TABLE lis_result RENAME COLUMN patient_no TO who;");
    later(120000);
    is("failed", "column_missing", "");
    theirs("ALTER TABLE lis_result RENAME COLUMN who TO patient_no;");
    snprintf(script, sizeof script, "%s/hang", dir); /* a driver that never comes back */
    FILE *out = fopen(script, "w");
    fprintf(out, "#!/bin/sh\nexec sleep 600\n");
    fclose(out);
    chmod(script, 0755);
    begin_pull(script, 30, 1000);
    later(3600000);
    is("failed", "timeout", "");
    begin_pull("/nonexistent/yilian-odbc", 30, 1000);
    later(3600000);
    is("failed", "no_program", "");
    begin_pull("/bin/false", 30, 1000);
    later(3600000);
    is("failed", "crashed", "");
    begin_pull(YL_BUILD_DIR "/yilian-odbc", 30, 20000);
    later(3600000);
    is("ok", "", "100");
    assert_int_equal(sql("SELECT failures AS n FROM exchange_pull"), 0);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 100);
}

/* One source's driver hangs for the whole of its time: its neighbours are done long before, round after round. */
static void a_source_that_hangs_holds_up_nobody(void **state)
{
    (void)state;
    char script[120], more[400];
    snprintf(script, sizeof script, "%s/some", dir); /* a driver that hangs on one data source only */
    FILE *out = fopen(script, "w");
    fprintf(out, "#!/bin/sh\nread -r job\ncase \"$job\" in *DSN=stuck*) exec sleep 600;; esac\nprintf '%%s' \"$job\" | " YL_BUILD_DIR "/yilian-odbc\n");
    fclose(out);
    chmod(script, 0755);
    const char *stuck = hl7_source("STUCK", 7, "\"namespace_id\":\"STUCK\"",
                                   "\"kind\":\"database\",\"dsn\":\"stuck\",\"view\":\"lis_result\",\"mark_column\":\"seq\",\"map\":\"rows_results\",\"every_s\":60");
    begin_pull(script, 200, 120000);
    snprintf(more, sizeof more, "UPDATE exchange_pull SET next_ms=-1 WHERE source_id=%lld", (long long)strtoull(stuck, NULL, 16)); /* its turn comes first */
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, more, "");
    assert_int_equal(tx_commit(tx), 0);
    struct fault f = {0};
    int64_t from = clock_now_ms(&clock_system);
    assert_int_equal(exchange_pull_start(pull, &f), 0);
    while (sql("SELECT COUNT(*) AS n FROM exchange_pull WHERE state='ok'") != 1 && clock_now_ms(&clock_system) - from < 60000)
        usleep(20000);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 100);
    theirs("INSERT INTO lis_result VALUES (101,'P1','赵明','s101','K','钾','4.1','2026-11-28 09:00:00');");
    __atomic_add_fetch(&desk.now_ms, 60000, __ATOMIC_RELAXED);
    while (sql("SELECT COUNT(*) AS n FROM exchange_entry") != 101 && clock_now_ms(&clock_system) - from < 60000)
        usleep(20000);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 101);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_pull WHERE state='failed'"), 0);
    from = clock_now_ms(&clock_system); /* nor does the end wait for it */
    exchange_pull_close(pull);
    pull = NULL;
    assert_true(clock_now_ms(&clock_system) - from < 20000);
}

static atomic_bool may_end;

static void until_told(void *job)
{
    (void)job;
    while (!atomic_load(&may_end))
        usleep(2000);
}

/* However many hang, some places are left for those that answered the last time. */
static void the_ailing_never_take_all_places(void **state)
{
    (void)state;
    struct lanes *l = lanes_open(3, 1);
    atomic_store(&may_end, false);
    assert_true(lanes_begin(l, 1, true, until_told, NULL));
    assert_false(lanes_begin(l, 1, true, until_told, NULL)); /* under way */
    assert_false(lanes_begin(l, 2, true, until_told, NULL));
    assert_true(lanes_begin(l, 3, false, until_told, NULL));
    assert_true(lanes_begin(l, 4, false, until_told, NULL));
    assert_false(lanes_begin(l, 5, false, until_told, NULL)); /* full */
    atomic_store(&may_end, true);
    lanes_wait(l);
    assert_true(lanes_begin(l, 2, true, until_told, NULL));
    lanes_close(l);
}

static void who_registers_a_view_is_told_what_is_wrong(void **state)
{
    (void)state;
    static const char base[] = "{\"source_id\":\"00000000000000aa\",\"org_id\":\"0000000000000007\",\"name\":\"x\",\"application\":\"X\",\"enabled\":true,\"kind\":\"database\",\"map\":\"rows_results\"%s}";
    assert_null(CALL("exchange.source_set", base, ",\"dsn\":\"lis;Driver=/tmp/x.so\",\"view\":\"v\",\"mark_column\":\"seq\""));
    assert_string_equal(desk_wrong(), "dsn not_a_name");
    assert_null(CALL("exchange.source_set", base, ",\"dsn\":\"lis\",\"view\":\"v; DROP TABLE x\",\"mark_column\":\"seq\""));
    assert_string_equal(desk_wrong(), "view not_a_name");
    assert_null(CALL("exchange.source_set", base, ",\"dsn\":\"lis\",\"view\":\"v\""));
    assert_string_equal(desk_wrong(), "mark_column required");
    hl7_send("MSH|^~\\&|LIS||||2026||ADT^A04|1|P|2.4\nPID|1||1\n"); /* who is asked sends no messages */
    assert_string_equal(hl7_said("MSA-1"), "AR");
}

/* Times as marks, with fractions of a second, from a real server. */
static void from_postgresql(void **state)
{
    char command[1600];
    (void)state;
    snprintf(postgres, sizeof postgres, "%s/pg", dir);
    snprintf(command, sizeof command, YL_SOURCE_DIR "/tests/support/postgres start %s >/dev/null 2>&1", postgres);
    if (system(command)) {
        postgres[0] = 0;
        print_message("no PostgreSQL here\n");
        skip();
    }
    snprintf(command, sizeof command,
             "psql -q -h %s -U yilian postgres -c \"CREATE TABLE r (id int, pno text, v numeric, t timestamp); INSERT INTO r SELECT i, 'P'||i%%4, 5+i/100.0, timestamp '2026-11-28 08:00:00.25'+i*interval '1 second' FROM generate_series(1,100) i;"
             "CREATE VIEW 检验结果 AS SELECT pno AS 患者号, '赵明' AS 姓名, 's'||id AS 报告单号, 'GLU' AS 项目代码, v AS 结果, t AS 报告时间 FROM r\" >/dev/null",
             postgres);
    assert_int_equal(system(command), 0);
    json_t *s = CALL("exchange.source_set",
                     "{\"source_id\":\"%s\",\"org_id\":\"0000000000000007\",\"name\":\"LIS\",\"application\":\"LIS\",\"enabled\":true,\"kind\":\"database\",\"map\":\"rows_results\",\"dsn\":\"pg\","
                     "\"view\":\"检验结果\",\"mark_column\":\"报告时间\",\"every_s\":60,\"domains\":[{\"namespace_id\":\"LIS\"}]}",
                     lis);
    assert_non_null(s);
    json_decref(s);
    desk.now_ms += 5 * 86400000ll; /* the rows are of the 28th */
    exchange_pull_round(pull);
    is("ok", "", "2026-11-28 08:01:40.25");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 100);
    /* a transaction that ended late: its time lies before the mark */
    snprintf(command, sizeof command, "psql -q -h %s -U yilian postgres -c \"INSERT INTO r VALUES (200,'P9',6.6,'2026-11-28 07:58:00'),(201,'P9',6.7,'2026-11-28 08:02:00')\" >/dev/null", postgres);
    assert_int_equal(system(command), 0);
    later(60000);
    is("ok", "", "2026-11-28 08:02:00");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 102);
    assert_int_equal(sql("SELECT received AS n FROM exchange_day"), 102);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)
    const struct CMUnitTest tests[] = {
        T(a_history_and_what_comes_after), T(a_batch_that_was_broken_off_comes_again), T(many_rows_share_a_mark), T(a_row_of_the_future_hides_nothing), T(a_correction_that_is_taken_back), T(rows_without_a_mark_are_told), T(trouble_is_told_and_waited_out),
        T(a_source_that_hangs_holds_up_nobody), T(the_ailing_never_take_all_places), T(who_registers_a_view_is_told_what_is_wrong), T(from_postgresql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
