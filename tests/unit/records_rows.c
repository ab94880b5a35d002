/* Tables that come as rows: columns to messages, times and character sets, folders, what a broken row costs, what a second life takes up. */
#include "records/exchange/drop_private.h"
#include "tests/support/hl7.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static struct exchange_drop *drop;
static const char *lis;

static int64_t sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

static int open_site(void **state)
{
    struct fault f = {0};
    int rc = desk_open(state);
    snprintf(root, sizeof root, "/tmp/yl-drop-XXXXXX");
    assert_non_null(mkdtemp(root));
    if (rc)
        return rc;
    lis = hl7_source("LIS", 7, "\"namespace_id\":\"LIS\"", "\"kind\":\"folder\",\"folder\":\"lis\",\"map\":\"rows_results\"");
    struct exchange_drop_config config = {desk.r, root, 0, 30, 1 << 20};
    assert_int_equal(exchange_drop_open(&drop, &config, &f), 0);
    exchange_drop_round(drop); /* makes the folder */
    return 0;
}

static int close_site(void **state)
{
    char command[100];
    exchange_drop_close(drop);
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command) || desk_close(state);
}

static void put(const char *name, const char *bytes, size_t len)
{
    char path[200];
    snprintf(path, sizeof path, "%s/lis/%s", root, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(out);
}
#define PUT(name, text) put(name, text, strlen(text))
#define HEADER "患者号,姓名,性别,出生日期,报告单号,项目代码,项目名称,结果,单位,异常标志,报告时间\n"
#define ROW(number, sample, code, value) number ",赵明,男,1970-01-02," sample "," code ",白细胞," value ",10*9/L,↑,2026-11-23 09:00:00\n"

static json_t *newest(void)
{
    json_t *list = CALL("exchange.files", "{}"), *one;
    assert_non_null(list);
    one = json_incref(json_array_get(json_object_get(list, "items"), 0));
    json_decref(list);
    return one;
}
static void is(json_t *file, const char *state, int rows, int stored, int dead, int repeated)
{
    const int want[] = {rows, stored, dead, repeated};
    static const char *const names[] = {"rows", "stored", "dead", "repeated"};
    assert_string_equal(member(file, "state"), state);
    for (int i = 0; i < 4; i++)
        if (json_integer_value(json_object_get(file, names[i])) != want[i])
            fail_msg("%s is %lld, not %d", names[i], json_integer_value(json_object_get(file, names[i])), want[i]);
}
static bool there(const char *folder, const char *name)
{
    char command[200];
    snprintf(command, sizeof command, "ls %s/lis/%s/*/%s >/dev/null 2>&1", root, folder, name);
    return system(command) == 0;
}

static void times(void **state)
{
    static const char *const good[][2] = {
        {"2026-11-28", "20261128"}, {"2026/1/8", "20260108"}, {"20261128", "20261128"}, {"2026-11-28 08:30:05", "20261128083005"},
        {"2026-11-28T08:30:05.123+08:00", "20261128083005+0800"}, {"2026年11月8日 8时30分", "202611080830"}, {"20261128083005", "20261128083005"},
        {"2026-11-28T00:30:05Z", "20261128003005+0000"}, {"2026.11.28", "20261128"}, {"1970-01-02 0:00:00", "19700102000000"},
        {"2026-11-28 08:30-05:00", "202611280830-0500"},
    };
    static const char *const bad[] = {"", "yesterday", "28/11/2026", "2026-13-01", "2026-11-31 08:00", "2026-11-28 25:00", "45250", "2026-11-28+99:00", "2026-11-28Zulu"};
    char out[32];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (exchange_rows_time(good[i][0], out))
            fail_msg("%s is a time", good[i][0]);
        assert_string_equal(out, good[i][1]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (exchange_rows_time(bad[i], out) == 0)
            fail_msg("%s is no time, not %s", bad[i], out);
}

static void a_row_stands_in_the_timeline(void **state)
{
    (void)state;
    PUT("a.csv", HEADER ROW("1001", "f1", "WBC", "12.5"));
    exchange_drop_round(drop);
    json_t *file = newest();
    is(file, "done", 1, 1, 0, 0);
    json_decref(file);
    assert_true(there("done", "a.csv") && there("done", "a.csv.report.json"));
    desk.actor.org.v = 7;
    json_t *found = CALL("patient.search", "{\"q\":\"1001\"}"), *who = json_array_get(json_object_get(found, "items"), 0);
    json_t *lines = CALL("patient.timeline", "{\"patient_id\":\"%s\"}", member(who, "id")), *one = json_array_get(json_object_get(lines, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(lines, "items")), 1);
    assert_string_equal(member(one, "title"), "白细胞");
    assert_string_equal(member(one, "value"), "12.5");
    assert_string_equal(member(one, "flag"), "H");
    assert_int_equal(json_integer_value(json_object_get(one, "t_ms")), 1795395600000); /* 2026-11-23 09:00 in China */
    json_decref(lines);
    json_decref(found);
    PUT("b.csv", HEADER ROW("1001", "f1", "WBC", "11.0")); /* the corrected value takes the place of the first */
    exchange_drop_round(drop);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE replaced_by=0"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 2);
}

/* Other names, order, delimiter and characters, a column more: the same content. */
static void the_same_row_is_known_again(void **state)
{
    (void)state;
    static const char tabs[] = "result\tpatient_no\tname\t性别\tbirth_date\treport_no\titem_code\titem_name\tunit\tflag\t报告时间\t导出时间\n"
                               "12.5\t1001\t赵明\t男\t1970-01-02\tf1\tWBC\t白细胞\t10*9/L\t↑\t2026-11-23 09:00:00\t2026-11-28\n";
    size_t len;
    PUT("a.csv", HEADER ROW("1001", "f1", "WBC", "12.5") ROW("1001", "f1", "WBC", "12.5"));
    exchange_drop_round(drop);
    json_t *file = newest();
    is(file, "done", 2, 1, 0, 1);
    json_decref(file);
    char *gb = hl7_encode(HL7_GB18030, tabs, sizeof tabs - 1, &len);
    put("b.txt", gb, len);
    free(gb);
    exchange_drop_round(drop);
    file = newest();
    is(file, "done", 1, 0, 0, 1);
    assert_string_equal(member(file, "charset"), "GB18030");
    assert_string_equal(member(file, "unused_columns"), "导出时间");
    json_decref(file);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 1);
    assert_int_equal(sql("SELECT received-stored-repeated-refused-dead AS n FROM exchange_day"), 0);
    assert_int_equal(sql("SELECT repeated AS n FROM exchange_day"), 2);
}

static void a_broken_row_costs_itself_alone(void **state)
{
    (void)state;
    static const char bad[] = HEADER ROW("1001", "f1", "WBC", "1") ",无号,男,1970-01-02,f2,WBC,白细胞,5,,,2026-11-23\n" /* row 2: no number */
        ROW("1002", "f3", "WBC", "2") "1003,钱,女,1970-01-02,f4,WBC,白细胞,5,,,昨天\n"                                    /* row 4: no time */
        "1004,孙,女,1970-01-02,f5,WBC,白细胞,5,,,2026-11-23,多,余\n"                                                       /* row 5: too many */
        "1005,\"李,女,1970-01-02,f6,WBC,白细胞,5,,,2026-11-23\n" ROW("1006", "f7", "WBC", "3") "1007,\xff\xfe,女,1970-01-02,f8,WBC,白细胞,5,,,2026-11-23\n";
    PUT("bad.csv", bad);
    exchange_drop_round(drop);
    json_t *file = newest();
    is(file, "done", 8, 3, 5, 0);
    json_decref(file);
    json_t *dead = CALL("exchange.dead", "{}"), *items = json_object_get(dead, "items"), *one;
    static const struct {
        int row;
        const char *reason, *column;
    } want[] = {{8, "encoding", "姓名"}, {6, "not_a_row", ""}, {5, "not_a_row", ""}, {4, "time", "报告时间"}, {2, "required", "患者号"}};
    assert_int_equal(json_array_size(items), 5);
    for (size_t i = 0; i < 5; i++) {
        one = json_array_get(items, i);
        assert_int_equal(json_integer_value(json_object_get(one, "row")), want[i].row);
        assert_string_equal(member(one, "reason"), want[i].reason);
        assert_string_equal(member(one, "location"), want[i].column);
        assert_string_equal(member(one, "file"), "bad.csv");
    }
    char id[17], last[17];
    snprintf(id, sizeof id, "%s", member(json_array_get(items, 4), "id"));
    snprintf(last, sizeof last, "%s", member(json_array_get(items, 1), "id"));
    json_decref(dead);
    /* corrected as the two lines they are read as */
    json_t *whole = CALL("exchange.message", "{\"message_id\":\"%s\"}", id);
    assert_non_null(strstr(member(whole, "text"), "患者号,姓名"));
    assert_non_null(strstr(member(whole, "text"), "\n,无号,1970-01-02,男"));
    json_decref(whole);
    assert_null(CALL("exchange.replay", "{\"message_id\":\"%s\"}", id));
    assert_string_equal(desk_wrong(), "患者号 required");
    json_t *done = CALL("exchange.replay", "{\"message_id\":\"%s\",\"text\":\"患者号,姓名,项目代码,结果,报告时间\\n1009,无号,WBC,5,2026-11-23\\n\"}", id);
    assert_non_null(done);
    json_decref(done);
    whole = CALL("exchange.message", "{\"message_id\":\"%s\"}", last);
    assert_non_null(strstr(member(whole, "text"), "1005,\"李,女"));
    json_decref(whole);
    assert_int_equal(sql("SELECT dead AS n FROM exchange_day"), 4);
    assert_int_equal(sql("SELECT received-stored-repeated-refused-dead AS n FROM exchange_day"), 0);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 4);
}

static void what_is_no_table_is_put_away(void **state)
{
    (void)state;
    PUT("empty.csv", "");
    PUT("other.csv", "a,b\n1,2\n");
    PUT("note.md", "left alone");
    exchange_drop_round(drop);
    assert_true(there("failed", "empty.csv") && there("failed", "other.csv.report.json"));
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file WHERE state='failed' AND reason='no_table'"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file WHERE state='failed' AND reason='column_missing' AND place='患者号'"), 1);
    char path[100];
    snprintf(path, sizeof path, "%s/lis/note.md", root);
    assert_int_equal(access(path, F_OK), 0);
    static char large[(1 << 20) + 10];
    memset(large, 'x', sizeof large);
    put("large.csv", large, sizeof large);
    exchange_drop_round(drop);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file WHERE state='failed' AND reason='too_large'"), 1);
}

/* A file somebody has open for writing, one that was just written, one that is a link. */
static void a_half_written_file_is_not_read(void **state)
{
    char path[100], target[100];
    struct fault f = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/lis/half.csv", root);
    snprintf(target, sizeof target, "%s/lis/link.csv", root);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(write(fd, HEADER, strlen(HEADER)) > 0 && symlink("/etc/passwd", target) == 0);
    exchange_drop_round(drop);
    exchange_drop_round(drop);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file"), 0);
    assert_true(write(fd, ROW("1001", "f1", "WBC", "1"), strlen(ROW("1001", "f1", "WBC", "1"))) > 0);
    close(fd);
    exchange_drop_close(drop); /* looked at anew, by one that waits */
    struct exchange_drop_config config = {desk.r, root, 60000, 30, 1 << 20};
    assert_int_equal(exchange_drop_open(&drop, &config, &f), 0);
    exchange_drop_round(drop);
    exchange_drop_round(drop);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file"), 0);
    exchange_drop_close(drop);
    config.settle_ms = 0;
    assert_int_equal(exchange_drop_open(&drop, &config, &f), 0);
    exchange_drop_round(drop);
    json_t *file = newest();
    is(file, "done", 1, 1, 0, 0);
    json_decref(file);
    assert_int_equal(access("/etc/passwd", F_OK), 0);
}

/* As after a kill: rows are on disk, the file still lies there. */
static void a_second_life_goes_on_where_the_first_ended(void **state)
{
    struct tx *tx;
    (void)state;
    PUT("c.csv", HEADER ROW("1001", "f1", "WBC", "1") ROW("1002", "f2", "WBC", "2") ROW("1003", "f3", "WBC", "3"));
    exchange_drop_round(drop);
    PUT("c.csv", HEADER ROW("1001", "f1", "WBC", "1") ROW("1002", "f2", "WBC", "2") ROW("1003", "f3", "WBC", "3"));
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE exchange_file SET state='reading', rows=2, stored=2", "");
    assert_int_equal(tx_commit(tx), 0);
    exchange_drop_round(drop);
    json_t *file = newest();
    is(file, "done", 3, 2, 0, 1); /* only the third came again */
    json_decref(file);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file"), 1);
    PUT("c.csv", HEADER ROW("1001", "f1", "WBC", "1")); /* taken whole, could not be moved: no row is read again */
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE exchange_source SET enabled=0", "");
    assert_int_equal(tx_commit(tx), 0);
    exchange_drop_round(drop); /* not in use: it stays where it is */
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_file"), 1);
}

static void who_registers_a_folder_is_told_what_is_wrong(void **state)
{
    (void)state;
    static const char base[] = "{\"source_id\":\"00000000000000aa\",\"org_id\":\"0000000000000007\",\"name\":\"x\",\"application\":\"X\",\"enabled\":true,\"kind\":\"folder\"%s}";
    assert_null(CALL("exchange.source_set", base, ",\"folder\":\"../etc\",\"map\":\"rows_results\""));
    assert_string_equal(desk_wrong(), "folder not_a_folder");
    assert_null(CALL("exchange.source_set", base, ",\"folder\":\"lis\",\"map\":\"rows_results\""));
    assert_string_equal(desk_wrong(), "folder taken");
    assert_null(CALL("exchange.source_set", base, ",\"folder\":\"x\",\"map\":\"hl7v2\""));
    assert_string_equal(desk_wrong(), "map no_such_table");
    hl7_send("MSH|^~\\&|LIS||||2026||ADT^A04|1|P|2.4\nPID|1||1\n"); /* who leaves files sends no messages */
    assert_string_equal(hl7_said("MSA-1"), "AR");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times), T(a_row_stands_in_the_timeline), T(the_same_row_is_known_again), T(a_broken_row_costs_itself_alone), T(what_is_no_table_is_put_away),
        T(a_half_written_file_is_not_read), T(a_second_life_goes_on_where_the_first_ended), T(who_registers_a_folder_is_told_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
