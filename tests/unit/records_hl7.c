/* HL7 v2 messages: reading, paths, text, times, writing back byte for byte. With YL_HL7_SAMPLES=FOLDER every message of it too. */
#include "records/hl7/hl7.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct hl7_message m;

#define PARSE(text) parse(text, sizeof(text) - 1)
static void parse(const char *bytes, size_t len)
{
    struct fault f = {0};
    hl7_fini(&m);
    if (hl7_parse(&m, bytes, len, HL7_UTF8, &f)) fail_msg("%s: %.40s", f.text, bytes);
    char *out = malloc(len + 1);
    assert_int_equal(hl7_write(&m, out, len), len);
    assert_memory_equal(out, bytes, len);
    free(out);
}

static void refuse(const char *text, const char *reason)
{
    struct hl7_message bad;
    struct fault f = {0};
    assert_true(hl7_parse(&bad, text, strlen(text), HL7_UTF8, &f) != 0);
    hl7_fini(&bad);
    assert_string_equal(f.reason, reason);
}

static const char *text_at(const char *path)
{
    static char out[4][400];
    static int next;
    hl7_text_at(&m, path, out[++next % 4], 400);
    return out[next % 4];
}
#define is(path, expected) assert_string_equal(text_at(path), expected)

static const char adt[] = "MSH|^~\\&|HIS|XIAN^1.2.3^ISO|YL|CITY|20261128083000+0800||ADT^A04^ADT_A01|77|P|2.5.1|||AL|NE|CHN|UNICODE UTF-8\r"
                          "EVN|A04|20261128\r"
                          "PID|1||0042^^^HIS&1.2.156.1&ISO^PI~110101198001011234^^^&2.16&ISO^NNCHN||张^三^^^^^L~ZHANG^SAN||19800101|M|||"
                          "长安街1号\\T\\2号^^西安||13800000000~\"\"|\"\"||\r"
                          "OBX|1|TX|NOTE||第一行\\.br\\第二行 \\F\\\\S\\\\R\\\\E\\ \\H\\粗\\N\\ \\X4869\\ \\Q\\ 尾\\|||\r"
                          "OBX|2|NM|K||4.1|mmol/L\r"
                          "ZPV|x^y&z\r";

static void parts_and_paths(void **state)
{
    (void)state;
    parse(adt, strlen(adt));
    is("MSH-1", "|");
    is("MSH-2", "^~\\&");
    is("MSH-4.2", "1.2.3");
    is("MSH-9.2", "A04");
    is("PID-3.4.2", "1.2.156.1");
    is("PID-3(2).1", "110101198001011234");
    is("PID-3(2).4.2", "2.16");
    is("PID-5.1", "张");
    is("PID-5(2).2", "SAN");
    is("PID-11", "长安街1号&2号^^西安");
    is("PID-13(2)", "");
    is("OBX[2]-5", "4.1");
    is("OBX[3]-5", "");
    is("ZPV-1.2.2", "z");
    assert_int_equal(hl7_repetitions(&m, hl7_segment(&m, "PID", 0), 3), 2);
    assert_true(hl7_null(hl7_at(&m, "PID-14")));
    assert_true(hl7_null(hl7_at(&m, "PID-13(2)")));
    assert_false(hl7_null(hl7_at(&m, "PID-2")));
    assert_non_null(hl7_at(&m, "PID-2").at); /* there and empty */
    assert_null(hl7_at(&m, "PID-40").at);    /* not there */
}

static void escapes(void **state)
{
    (void)state;
    parse(adt, strlen(adt));
    is("OBX-5", "第一行\n第二行 |^~\\ 粗 Hi \\Q\\ 尾\\");
    char small[8];
    hl7_text_at(&m, "PID-11", small, sizeof small);
    assert_string_equal(small, "长安"); /* cut between characters */
}

static void other_delimiters_and_line_ends(void **state)
{
    (void)state;
    PARSE("MSH#*~\\+#A#B\nPID#1##7*8+9\n\n");
    is("PID-3.2.2", "9");
    PARSE("MSH|^~\\&|A\r\nPID|1\r\n");
    is("PID-1", "1");
    PARSE("MSH|^~\\&|A\rOBX|1|TX|||line one\nline two\rZZZ|1"); /* CR ends, so LF is text */
    is("OBX-5", "line one\nline two");
    is("ZZZ-1", "1");
    PARSE("\xef\xbb\xbf\r\nMSH|^~|A\rPID|a&b\rDSC"); /* no escape, no subcomponents, no field at all */
    is("PID-1", "a&b");
    PARSE("MSH|^~\\\\&|A\rPID|a&b\\T\\"); /* the escape character twice: senders' mistake */
    is("PID-1.1.2", "b&");
    refuse("PID|1\r", "no_header");
    refuse("", "no_header");
    refuse("MSH|^^\\&|A\r", "delimiters");
    refuse("MSH|^~\\&|A\rnot a segment\r", "segment");
    refuse("MSHA^~\\&|A\r", "delimiters");
}

/* In GB 18030 the second byte of a character may be any delimiter; 倈 is 82 7C, 俕 82 5E. */
static void characters_of_gb18030(void **state)
{
    static const char gb[] = "MSH|^~\\&|H|\x82\x7c\x82\x5e|||20261128||ADT^A04|1|P|2.4||||||GB18030\rPID|||1||\xd5\xc5\x82\x7c^\x82\x5e\xc8\xfd\x82\x7e||1980\r";
    (void)state;
    parse(gb, sizeof gb - 1);
    assert_int_equal(m.charset, HL7_GB18030);
    is("MSH-4", "倈俕");
    is("PID-5.1", "张倈");
    is("PID-5.2", "俕三倊");
    is("PID-7", "1980");
    static const char silent[] = "MSH|^~\\&|H||||20261128||ADT^A04|1|P|2.4\rPID|||1||\xd5\xc5^\xc8\xfd\r"; /* says nothing: it is no UTF-8 */
    parse(silent, sizeof silent - 1);
    is("PID-5.1", "张");
    static const char latin[] = "MSH|^~\\&|H||||20261128||ADT^A04|1|P|2.4||||||8859/1\rPID|||1||M\xfcller\\XE9\\\r";
    parse(latin, sizeof latin - 1);
    is("PID-5", "Mülleré");
    size_t len;
    char *back = hl7_encode(HL7_GB18030, "张倈", strlen("张倈"), &len);
    assert_int_equal(len, 4);
    assert_memory_equal(back, "\xd5\xc5\x82\x7c", 4);
    free(back);
}

static void times(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
        int digits;
    } good[] = {{"1970", -28800000, 4},          {"197001010800", 0, 12},         {"19700101000000.5+0000", 500, 14}, {"19700101-0100", 3600000, 8},
                {"20240229", 1709136000000, 8}, {"20261128083000+0800", 1795825800000, 14}};
    (void)state;
    int64_t ms;
    int digits;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(hl7_time((struct hl7_span){good[i].text, strlen(good[i].text)}, 480, &ms, &digits), 0);
        assert_int_equal(ms, good[i].ms);
        assert_int_equal(digits, good[i].digits);
    }
    static const char *const bad[] = {"", "19", "20230229", "20231301", "2023010125", "2023x", "20230101+08", "10000101"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hl7_time((struct hl7_span){bad[i], strlen(bad[i])}, 480, &ms, &digits), ERR_INVALID);
}

static void paths(void **state)
{
    static const char *const good[] = {"PID-3", "PID-3(2)", "PID-3(2).4.1", "OBX[3]-5.1", "ZZ1-1.2"}, *const bad[] = {"PID", "PID-", "PID-0", "pid-3", "PID-3(", "PID-3.4.1.2", "PID-3 "};
    struct hl7_path p;
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(hl7_path_parse(good[i], &p), 0);
        hl7_path_print(&p, text, sizeof text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(hl7_path_parse(bad[i], &p), ERR_INVALID);
}

static void batches(void **state)
{
    static const char file[] = "FHS|^~\\&|A\rBHS|^~\\&|A\rMSH|^~\\&|A|||||||1\rPID|1\rMSH|^~\\&|B\rBTS|2\rFTS|1\r";
    struct hl7_span one;
    size_t at = 0;
    (void)state;
    assert_true(hl7_batch_next(file, sizeof file - 1, &at, &one));
    parse(one.at, one.len);
    is("PID-1", "1");
    assert_true(hl7_batch_next(file, sizeof file - 1, &at, &one));
    parse(one.at, one.len);
    is("MSH-3", "B");
    assert_int_equal(m.n, 1);
    assert_false(hl7_batch_next(file, sizeof file - 1, &at, &one));
    parse(file, sizeof file - 1); /* a batch is a message of its own too */
}

static void made(void **state)
{
    struct hl7_writer w = {0};
    (void)state;
    hl7_puts(&w, "MSH|^~\\&|");
    hl7_put_text(&w, "a|b^c~d\\e&f\ng");
    hl7_puts(&w, "|");
    hl7_put_time(&w, 1795825800000, 480);
    parse(w.bytes, w.len);
    is("MSH-3", "a|b^c~d\\e&f\ng");
    is("MSH-4", "20261128083000.000+0800");
    hl7_writer_fini(&w);
}

static void samples(void **state)
{
    const char *folder = getenv("YL_HL7_SAMPLES");
    size_t n = 0;
    (void)state;
    DIR *d = folder ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        static char bytes[1 << 20];
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        FILE *f = strchr(e->d_name, '.') > e->d_name ? fopen(path, "r") : NULL;
        if (!f) continue;
        parse(bytes, fread(bytes, 1, sizeof bytes, f));
        assert_true(hl7_at(&m, "MSH-9.1").len == 3);
        fclose(f);
        n++;
    }
    if (d) closedir(d);
    print_message("%zu samples\n", n);
}

static int end(void **state)
{
    (void)state;
    hl7_fini(&m);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_and_paths), cmocka_unit_test(escapes), cmocka_unit_test(other_delimiters_and_line_ends),
        cmocka_unit_test(characters_of_gb18030), cmocka_unit_test(times), cmocka_unit_test(paths),
        cmocka_unit_test(batches), cmocka_unit_test(made), cmocka_unit_test(samples),
    };
    return cmocka_run_group_tests(tests, NULL, end);
}
