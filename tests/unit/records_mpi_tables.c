/* The tables that the patient index is loaded from: any form of CSV, broken bytes, what the command line says of mistakes. All people are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "records/mpi/load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void csv_forms(void **state)
{
    static const char *const forms[] = {"id,name\n1,\"a, \"\"b\"\"\"\n\n2,c\n", "\xEF\xBB\xBFid,name\r\n1,\"a, \"\"b\"\"\"\r\n2,c",
                                        " id , name \r1,\"a, \"\"b\"\"\"\r2,c\r"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct fault f = {0};
        struct csv c;
        assert_int_equal(csv_open_bytes(&c, "t", forms[i], strlen(forms[i]), &f), 0);
        assert_int_equal(csv_column(&c, "name"), 1);
        for (int turn = 0; turn < 2; turn++, csv_rewind(&c)) {
            assert_int_equal(csv_next(&c, &f), 1);
            assert_int_equal(c.field[1].len, 6);
            assert_memory_equal(c.field[1].p, "a, \"b\"", 6);
            assert_int_equal(csv_next(&c, &f), 1);
            assert_int_equal(csv_next(&c, &f), 0);
        }
        csv_close(&c);
    }
}

static void csv_gb18030(void **state)
{
    struct fault f = {0};
    struct csv c;
    static const char bytes[] = "id,\xD0\xD5\xC3\xFB\n1,\xCD\xF5\xC0\xDA\n"; /* 姓名, 王磊 */
    assert_int_equal(csv_open_bytes(&c, "t", bytes, sizeof bytes - 1, &f), 0);
    assert_int_equal(csv_column(&c, "姓名"), 1);
    assert_int_equal(csv_next(&c, &f), 1);
    assert_memory_equal(c.field[1].p, "王磊", 6);
    csv_close(&c);
}

/* A broken byte costs its own place: the table stays what it is, and says where. */
static void csv_broken_bytes(void **state)
{
    struct fault f = {0};
    struct csv c;
    static const char utf8[] = "id,姓名\n1,王磊\n2,李\xFF芳\n", gb[] = "id,\xD0\xD5\xC3\xFB\n1,\xCD\xF5\xC0\xDA\n2,\xC0\xEE\xFF\n";
    assert_int_equal(csv_open_bytes(&c, "t", utf8, sizeof utf8 - 1, &f), 0);
    assert_int_equal(csv_column(&c, "姓名"), 1);
    assert_int_equal(c.unreadable, 1);
    assert_int_equal(c.unreadable_line, 3);
    assert_int_equal(csv_next(&c, &f), 1);
    assert_memory_equal(c.field[1].p, "王磊", 6);
    csv_close(&c);
    assert_int_equal(csv_open_bytes(&c, "t", gb, sizeof gb - 1, &f), 0);
    assert_int_equal(csv_column(&c, "姓名"), 1);
    assert_int_equal(c.unreadable, 1);
    assert_int_equal(csv_next(&c, &f), 1);
    assert_int_equal(csv_next(&c, &f), 1);
    assert_memory_equal(c.field[1].p, "李", 3);
    csv_close(&c);
}

/* The words of the command line, as somebody types them who has not read the manual. */
static void on_the_command_line(void **state)
{
    static const struct {
        const char *words, *says;
    } cases[] = {{"--map m.json --in a.csv --out o.csv", "2 records, 1 persons"},
                 {"--map bom.json --in a.csv --out o.csv", "2 records, 1 persons"},
                 {"--map m.json --in a.csv --out a.csv", "a.csv is one of the tables that are read"},
                 {"--map none.json --in a.csv --out o.csv", "none.json cannot be read: No such file"},
                 {"--map m.json --in twice.csv --out o.csv", "twice.csv, line 1: the column \"name\" stands there more than once"},
                 {"--map m.json --in none.csv --out o.csv", "none.csv cannot be read"},
                 {"--map m.json --in broken.csv --out o.csv", "1 bytes are no characters and were passed over, the first in broken.csv, line 2"},
                 {"--map m.json --in alike.csv --out o.csv", "1200 records have one and the same name: it tells nobody from another"},
                 {"--map m.json --in alike.csv --out o.csv", "pairs that share a key were not compared for it"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[2000], said[4000] = "";
        snprintf(command, sizeof command,
                 "d=$(mktemp -d) && cd $d && printf 'rec,name,birth\\nA,沈萍香,1967-09-10\\nB,沈萍香,1967-9-10\\n' >a.csv && "
                 "awk 'BEGIN{print \"rec,name,birth\"; for(i=24000;i<25200;i++)print \"R\" i \",沈萍香,\" i}' >alike.csv && printf 'rec,name,name,birth\\n' >twice.csv && printf 'rec,name,birth\\nA,沈\\377香,1967\\n' >broken.csv && "
                 "printf '{\"id\":\"rec\",\"name\":\"name\",\"birth_date\":\"birth\"}' >m.json && { printf '\\357\\273\\277'; cat m.json; } >bom.json && "
                 YL_BUILD_DIR "/yilianctl mpi link %s 2>&1; head -1 a.csv; rm -r $d", cases[i].words);
        FILE *p = popen(command, "r");
        assert_non_null(p);
        said[fread(said, 1, sizeof said - 1, p)] = 0;
        pclose(p);
        if (!strstr(said, cases[i].says) || !strstr(said, "rec,name,birth"))
            fail_msg("%s: %s", cases[i].words, said);
    }
}

static void csv_errors_say_where(void **state)
{
    static const struct {
        const char *bytes, *where;
    } bad[] = {{"", "t is empty"},
               {"a,b\n1,\"x\n2,y\n", "t, line 2, column 2 (b): the quote is never closed"},
               {"a,b\n1,2\n1,2,3\n", "t, line 3, column 3: more fields"},
               {"a,b\n\"1\"x,2\n", "t, line 2, column 1 (a): text after"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault f = {0};
        struct csv c;
        int rc = csv_open_bytes(&c, "t", bad[i].bytes, strlen(bad[i].bytes), &f);
        bool opened = rc == 0;
        for (rc = rc ? rc : 1; rc == 1;)
            rc = csv_next(&c, &f);
        assert_int_equal(rc, ERR_INVALID);
        if (!strstr(f.text, bad[i].where))
            fail_msg("\"%s\" does not say \"%s\"", f.text, bad[i].where);
        if (opened)
            csv_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_forms),
        cmocka_unit_test(csv_gb18030),
        cmocka_unit_test(csv_broken_bytes),
        cmocka_unit_test(on_the_command_line),
        cmocka_unit_test(csv_errors_say_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
