/* The patient index: one spelling, names, dates, numbers, groups of records. All people are made up; area codes 99 belong to nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "records/mpi/link.h"
#include "records/mpi/load.h"
#include "records/patient/identity.h"
#include <stdlib.h>
#include <string.h>

#define LOOKED_EACH 200 /* pairs that groups cost as wholes, for each record */

static struct mpi_tables *tables;

static int open_tables(void **state)
{
    struct fault f = {0};
    return mpi_tables_open(&tables, YL_SOURCE_DIR "/config/data", &f);
}

static int close_tables(void **state)
{
    mpi_tables_close(tables);
    return 0;
}

static struct mpi_text text(const char *s)
{
    return (struct mpi_text){s, strlen(s)};
}

/* ---- names ---- */

static struct mpi_name name_of(const char *s)
{
    struct mpi_name n;
    mpi_name_read(tables, text(s), (struct mpi_text){0}, (struct mpi_text){0}, &n);
    return n;
}

/* family and given level as two digits, '-' for "says nothing" */
static const char *alike(const char *a, const char *b)
{
    static char out[3];
    struct mpi_name x = name_of(a), y = name_of(b);
    struct mpi_name_match m = mpi_name_compare(tables, &x, &y);
    struct mpi_name_match turned = mpi_name_compare(tables, &y, &x);
    assert_int_equal(m.family, turned.family); /* either way round */
    assert_int_equal(m.given, turned.given);
    out[0] = m.family == MPI_MISSING ? '-' : (char)('0' + m.family);
    out[1] = m.given == MPI_MISSING ? '-' : (char)('0' + m.given);
    return out;
}

static void names_are_folded(void **state)
{
    assert_string_equal(alike("张涛明", "張濤明"), "00");
    assert_string_equal(alike("王 龙磊", "王龙磊（女儿）"), "00");
    assert_string_equal(alike("叶旭(留观)", "叶旭"), "00");
    assert_string_equal(alike("ＺＨＡＮＧ ＴＡＯＭＩＮＧ", "Zhang Taoming"), "00");
    assert_string_equal(alike("阿依古丽·买买提", "阿依古丽•买买提"), "-0");
    assert_string_equal(alike("阿依古丽买买提", "阿依古麗 买买提"), "-0");
    assert_string_equal(alike("José Núñez", "JOSE NUNEZ"), "00");
}

static void names_differ_in_degrees(void **state)
{
    assert_string_equal(alike("荆宏颖", "荆红颖"), "01"); /* sounds the same */
    assert_string_equal(alike("徐敏", "余敏"), "20");     /* looks alike */
    assert_string_equal(alike("李未", "李末"), "02");
    assert_string_equal(alike("赵川明", "赵川国"), "03");
    assert_string_equal(alike("王磊", "王龙磊"), "02");   /* a character left out */
    assert_string_equal(alike("雯霞", "谭雯霞"), "-2");   /* ... the surname */
    assert_string_equal(alike("王龙磊", "王磊龙"), "02"); /* exchanged */
    assert_string_equal(alike("李强", "王芳"), "44");
    assert_string_equal(alike("张涛明", "ZHANG TAOMING"), "11");
    assert_string_equal(alike("张涛明", "taoming zhang"), "11");
    assert_string_equal(alike("欧阳娜", "OUYANG NA"), "11");
    assert_string_equal(alike("单萍", "SHAN PING"), "11"); /* 单 as a surname */
    assert_string_equal(alike("SMITH JOHN", "SMYTH JOHN"), "10");
    assert_string_equal(alike("SMITH JOHN", "JOHN SMITH"), "11");
    assert_string_equal(alike("SMITH, JOHN", "SMITH J"), "02");
}

/* The whole table, row by row: optimal string alignment as its definition has it. */
static int edits_by_definition(const char *a, int na, const char *b, int nb)
{
    int d[14][14];
    for (int i = 0; i <= na; i++)
        for (int j = 0; j <= nb; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            int least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            least = d[i - 1][j] + 1 < least ? d[i - 1][j] + 1 : least;
            least = d[i][j - 1] + 1 < least ? d[i][j - 1] + 1 : least;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < least)
                least = d[i - 2][j - 2] + 1;
            d[i][j] = least;
        }
    return d[na][nb];
}

static void edits_are_counted_as_defined(void **state)
{
    (void)state;
    uint32_t seed = 2463534242u;
    for (int round = 0; round < 200000; round++) {
        char x[2][12];
        int n[2];
        for (int k = 0; k < 2; k++) {
            seed = seed * 1664525u + 1013904223u;
            n[k] = (int)(seed >> 16) % 13;
            for (int i = 0; i < n[k]; i++) {
                seed = seed * 1664525u + 1013904223u;
                x[k][i] = (char)('a' + (seed >> 16) % (round % 2 ? 2 : 4));
            }
        }
        int limit = round % 5, edits = edits_by_definition(x[0], n[0], x[1], n[1]);
        assert_int_equal(mpi_edits(x[0], (size_t)n[0], x[1], (size_t)n[1], limit), edits > limit ? limit + 1 : edits);
    }
}

static void nobody_and_newborns(void **state)
{
    static const char *const nobody[] = {"李某某", "无名氏", "无名氏A", "急诊未知", "三无人员", "路人甲", "UNKNOWN", "John Doe", "无"};
    for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
        struct mpi_name n = name_of(nobody[i]);
        assert_true(n.unidentified);
        assert_int_equal(n.n, 0);
    }
    struct mpi_name son = name_of("郑紫芳之子"), twin = name_of("郑紫芳之大女"), pinyin = name_of("WEI MINYUZHIZI"), plain = name_of("王羲之");
    struct mpi_name second = name_of("郑紫芳之子B"), spoken = name_of("郑紫芳宝宝");
    assert_int_equal(second.child_mark, 2);
    assert_int_equal(spoken.child, 'c');
    assert_int_equal(spoken.n, 3);
    assert_int_equal(son.child, 's');
    assert_int_equal(son.n, 3);
    assert_int_equal(twin.child, 'd');
    assert_int_equal(twin.child_mark, 1);
    assert_int_equal(pinyin.child, 's');
    assert_int_equal(plain.child, 0);
    assert_int_equal(plain.n, 3);
}

/* ---- dates ---- */

static void dates_in_any_form(void **state)
{
    static const char *const forms[] = {"1967-09-10", "1967/9/10",   "19670910",        "1967年9月10日", "10/09/1967", "10 Sep 1967",
                                        "Sep 10, 1967", "1967.09.10", "1967-09-10T00:00:00", "１９６７－０９－１０", "67-09-10",   "24725",
                                        "24725.0", "19670910.0", "一九六七年九月十日", "民国56年9月10日"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct mpi_date d = mpi_date_read(tables, text(forms[i]), NULL);
        if (d.year != 1967 || d.month != 9 || d.day != 10)
            fail_msg("%s is read as %d-%d-%d", forms[i], d.year, d.month, d.day);
    }
    struct mpi_date_order order = {0};
    mpi_date_look(tables, text("09/25/1967"), &order);
    struct mpi_date d = mpi_date_read(tables, text("09/10/1967"), &order);
    assert_int_equal(d.month, 9);
    d = mpi_date_read(tables, text("1967"), NULL);
    assert_int_equal(d.year, 1967);
    assert_int_equal(d.month, 0);
    assert_int_equal(mpi_date_read(tables, text("1900-01-01"), NULL).year, 0);
    assert_int_equal(mpi_date_read(tables, text("不详"), NULL).year, 0);
    assert_int_equal(mpi_date_read(tables, text("1967-02-31"), NULL).month, 0); /* the year stands */
}

static void dates_of_other_calendars_and_ages(void **state)
{
    static const struct {
        const char *text;
        int year, month, day;
    } cases[] = {{"二〇〇一年十二月三十一日", 2001, 12, 31}, {"一九八〇年十月二十日", 1980, 10, 20}, {"民国六十九年三月五日", 1980, 3, 5},
                 {"农历1980年3月5日", 1980, 0, 0}, {"1980年正月十五", 1980, 0, 0}, {"1980年三月初五", 1980, 0, 0},
                 {"3月5日", 0, 0, 0}, {"44岁", 0, 0, 0}, {"3岁5月", 0, 0, 0}, {"5月龄", 0, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mpi_date d = mpi_date_read(tables, text(cases[i].text), NULL);
        if (d.year != cases[i].year || d.month != cases[i].month || d.day != cases[i].day)
            fail_msg("%s is read as %d-%d-%d", cases[i].text, d.year, d.month, d.day);
    }
}

/* What a spreadsheet made of a number: its end is no digit, and what it rounded away leaves nothing that identifies. */
static void numbers_out_of_spreadsheets(void **state)
{
    struct mpi_number n;
    struct mpi_phone p[2];
    mpi_number_read(tables, text("3.30106E+17"), true, &n);
    assert_int_equal(n.kind, NUMBER_NONE);
    mpi_number_read(tables, text("12345679.0"), false, &n);
    assert_string_equal(n.text, "12345679");
    assert_int_equal(mpi_phone_read(tables, text("1.00632E+10"), p), 0);
    assert_int_equal(mpi_phone_read(tables, text("10063181244.0、0571-8899001"), p), 2);
    assert_string_equal(p[0].text, "10063181244");
    assert_string_equal(p[1].text, "05718899001");
}

static uint8_t born(const char *a, const char *b)
{
    return mpi_date_compare(mpi_date_read(tables, text(a), NULL), mpi_date_read(tables, text(b), NULL));
}

static void birth_dates_differ_in_degrees(void **state)
{
    assert_int_equal(born("1967-09-10", "1967/9/10"), BIRTH_EXACT);
    assert_int_equal(born("1967-09-10", "1967"), BIRTH_PARTLY);
    assert_int_equal(born("1967-09-10", "1967-10-09"), BIRTH_SLIP);
    assert_int_equal(born("1967-09-10", "1957-09-10"), BIRTH_SLIP);
    assert_int_equal(born("1967-09-10", "1967-09-16"), BIRTH_SLIP);
    assert_int_equal(born("1967-09-13", "1967-10-20"), BIRTH_NEAR);
    assert_int_equal(born("1967-09-10", "1972-03-04"), BIRTH_DIFFERS);
    assert_int_equal(born("1967-09-10", ""), MPI_MISSING);
}

/* ---- numbers ---- */

static uint8_t numbers(const char *a, const char *b)
{
    struct mpi_number x, y;
    mpi_number_read(tables, text(a), true, &x);
    mpi_number_read(tables, text(b), true, &y);
    return mpi_number_compare((struct mpi_number_view){x.text, x.len, x.kind}, (struct mpi_number_view){y.text, y.len, y.kind});
}

static void identity_numbers(void **state)
{
    struct mpi_number n;
    mpi_number_read(tables, text("990610200611182394"), true, &n);
    assert_int_equal(n.kind, NUMBER_CARD);
    assert_int_equal(n.birth.year, 2006);
    assert_int_equal(n.sex, 'm');
    mpi_number_read(tables, text("990610200611182395"), true, &n);
    assert_int_equal(n.kind, NUMBER_CARD_WRONG);
    static const char *const empty[] = {"", "无", "111111111111111111", "000000000000000000", "123456789", "/", "不详"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        mpi_number_read(tables, text(empty[i]), true, &n);
        assert_int_equal(n.len, 0);
    }
    assert_int_equal(numbers("990610200611182394", "９９０６１０２００６１１１８２３９４"), NUMBER_SAME);
    assert_int_equal(numbers("99162519701201789x", "99162519701201789X"), NUMBER_SAME);
    assert_int_equal(numbers("110105491231002", "11010519491231002X"), NUMBER_SAME);   /* 15 digits */
    assert_int_equal(numbers("110105491231012", "11010519491231002X"), NUMBER_NEAR);   /* one of the 15 mistyped */
    assert_int_equal(numbers("990215198280221671", "990215198210221671"), NUMBER_NEAR); /* mistyped */
    assert_int_equal(numbers("99071719330920543", "990617193309205438"), NUMBER_NEAR); /* cut and mistyped */
    assert_int_equal(numbers("990910202409180135", "990911202409180135"), NUMBER_NEAR);
    assert_int_equal(numbers("991703199810035562", "991703199810035589"), NUMBER_TWIN);
    assert_int_equal(numbers("990601197809198024", "99052719310908064X"), NUMBER_CLASH);
    assert_int_equal(numbers("6988048", "6989048"), NUMBER_NEAR);
    assert_int_equal(numbers("6988048", "8099933"), NUMBER_DIFFERS);
}

static void phones_and_sexes(void **state)
{
    struct mpi_phone p[2];
    assert_int_equal(mpi_phone_read(tables, text("+86 138-0013-8001；0571 8800 1234"), p), 2);
    assert_string_equal(p[0].text, "13800138001");
    assert_string_equal(p[1].text, "057188001234");
    assert_int_equal(mpi_phone_read(tables, text("00000000000"), p), 0);
    assert_int_equal(mpi_phone_read(tables, text("A.B@c.org"), p), 1);
    assert_string_equal(p[0].text, "a.b@c.org");
    static const struct {
        const char *word;
        char sex;
    } sexes[] = {{"男", 'm'}, {"男性", 'm'}, {"M", 'm'}, {"1", 'm'}, {"Male", 'm'}, {"女", 'f'}, {"2", 'f'}, {"female", 'f'},
                 {"", 0},     {"未知", 0},   {"9", 0},   {"0", 0}};
    for (size_t i = 0; i < sizeof sexes / sizeof *sexes; i++)
        assert_int_equal(mpi_sex_read(tables, text(sexes[i].word)), sexes[i].sex);
}

static void addresses_are_words(void **state)
{
    char out[256];
    mpi_address_read(tables, text("虚构省平川市白塔区人民路203号2栋1256室"), out, sizeof out);
    assert_string_equal(out, "虚构省\n平川市\n白塔区\n人民路\n203号\n2栋\n1256室\n");
    mpi_address_read(tables, text("7, Wallaby-Place  Delmar"), out, sizeof out);
    assert_string_equal(out, "7\nwallaby\nplace\ndelmar\n");
}

/* ---- tables ---- */

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

/* ---- linking ---- */

struct linked {
    struct mpi_set set;
    struct mpi_load load;
    struct mpi_link link;
};

static const struct mpi_map chinese = {.of = {[MPI_ID] = {{"id"}, 1},
                                              [MPI_NAME] = {{"name"}, 1},
                                              [MPI_SEX] = {{"sex"}, 1},
                                              [MPI_BIRTH_DATE] = {{"birth"}, 1},
                                              [MPI_ID_NO] = {{"card"}, 1},
                                              [MPI_PHONE] = {{"phone"}, 1},
                                              [MPI_ADDRESS] = {{"address"}, 1}}};

/* A crowd the model can learn from: 400 people, most of them registered twice, the second time with something missing or changed. */
static void put_crowd(FILE *out)
{
    static const char *const families[] = {"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林"};
    static const char *const givens[] = {"伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "洋", "勇", "艳", "杰", "娟", "涛", "超",
                                         "霞", "平", "刚", "桂", "英", "华", "玉", "萍", "红", "玲", "芬", "燕", "春", "菊", "兰"};
    uint32_t dice = 12345;
    for (int i = 0; i < 400; i++) {
        char card[19], name[16];
        dice = mpi_mix(dice, (uint32_t)i);
        int y = 1940 + (int)(dice % 70), m = 1 + (int)(dice / 70 % 12), d = 1 + (int)(dice / 840 % 28), sex = (int)(dice >> 30 & 1);
        snprintf(name, sizeof name, "%s%s%s", families[dice % 16], givens[dice / 16 % 30], givens[dice / 480 % 30]);
        snprintf(card, sizeof card, "99%04d%04d%02d%02d%03d", (int)(mpi_mix(dice, 5) % 9000), y, m, d, (int)(dice / 7 % 49) * 2 + sex);
        card[17] = identity_check_character(card);
        card[18] = 0;
        for (int k = 0; k < 1 + (i % 4 != 0); k++)
            fprintf(out, "c%d-%d,%s,%s,%04d-%02d-%02d,%s,100%08u,虚构省平川市%s路%u号\n", i, k, name, sex ? "男" : "女", y, m, d,
                    k && i % 3 == 0 ? "" : card, k && i % 5 == 0 ? mpi_mix(dice, 9) % 100000000 : mpi_mix(dice, 3) % 100000000,
                    givens[dice / 11 % 30], dice / 13 % 300);
    }
}

static void link_rows(struct linked *l, const char *rows)
{
    struct fault f = {0};
    struct csv c;
    char *bytes;
    size_t len;
    FILE *out = open_memstream(&bytes, &len);
    fputs("id,name,sex,birth,card,phone,address\n", out);
    put_crowd(out);
    fputs(rows, out);
    fclose(out);
    assert_int_equal(csv_open_bytes(&c, "rows", bytes, len, &f), 0);
    mpi_set_init(&l->set, tables);
    mpi_load_init(&l->load, &l->set, &chinese);
    assert_int_equal(mpi_load_table(&l->load, &c, &f), 0);
    assert_int_equal(mpi_load_finish(&l->load, &f), 0);
    csv_close(&c);
    free(bytes);
    assert_int_equal(mpi_link_run(&l->link, &l->set, &(struct mpi_link_options){.odds = 2.2f, .threads = 2}), 0);
}

static void unlink_rows(struct linked *l)
{
    mpi_link_fini(&l->link);
    mpi_load_fini(&l->load);
    mpi_set_fini(&l->set);
}

static uint32_t record_of(const struct linked *l, const char *id)
{
    for (uint32_t i = 0; i < l->set.n; i++)
        if (strcmp(mpi_load_id(&l->load, i), id) == 0)
            return i;
    fail_msg("no record %s", id);
    return 0;
}

static bool together(const struct linked *l, const char *a, const char *b)
{
    return l->link.cluster[record_of(l, a)] == l->link.cluster[record_of(l, b)];
}

static void one_person_many_spellings(void **state)
{
    struct linked l;
    link_rows(&l, "a1,贺文清,女,1971-03-05,99060119710305802X,10055556666,虚构省海沧市南坪乡人民路282号2栋1256室\n"
                  "a2,賀文清（女儿）,,1971/3/5,,10055556666,\n"
                  "a3,HE WENQING,女,1971,99060119710305802X,,\n"
                  "a4,贺文清,女,1971-05-03,,10055556666,海沧市南坪乡人民路282号\n");
    assert_true(together(&l, "a1", "a2"));
    assert_true(together(&l, "a1", "a3"));
    assert_true(together(&l, "a1", "a4"));
    unlink_rows(&l);
}

static void never_together(void **state)
{
    struct linked l;
    link_rows(&l, "u1,无名氏,男,1900-01-01,,10011112222,虚构省平川市白塔区解放路1号\n"
                  "u2,无名氏,男,1900-01-01,,10011112222,虚构省平川市白塔区解放路1号\n"
                  /* twins: numbers one apart, all else alike */
                  "t1,席璐艳,女,1968-12-31,990607196812317243,10096540294,虚构省海沧市临江县幸福巷154号\n"
                  "t2,席璐雯,女,1968-12-31,99060719681231726X,10096540294,虚构省海沧市临江县幸福巷154号\n"
                  /* a borrowed card */
                  "b1,段涵娜,女,1997-12-26,991524199712267782,10078869503,海沧市北湖区学府路280号\n"
                  "b2,赵帆刚,男,1984-04-30,991524199712267782,,虚构省云岭市石桥镇滨河路27号\n"
                  /* a newborn under the mother's name, and the mother */
                  "m1,郑紫芳,女,1995-02-03,,10017792381,虚构省云岭市青溪区团结路260号\n"
                  "m2,郑紫芳之女,女,2023-10-15,,10017792381,虚构省云岭市青溪区团结路260号\n"
                  "m3,林可欣,女,2023-10-15,,10017792381,虚构省云岭市青溪区团结路260号\n");
    assert_false(together(&l, "u1", "u2"));
    assert_false(together(&l, "t1", "t2"));
    assert_false(together(&l, "b1", "b2"));
    assert_false(together(&l, "m1", "m2"));
    assert_true(together(&l, "m2", "m3")); /* the child under its own name */
    unlink_rows(&l);
}

/* A chain leads from one twin to the other through a record that could be either; the group must not hold both numbers. */
static void a_chain_does_not_join_two_numbers(void **state)
{
    struct linked l;
    link_rows(&l, "t1,郑菊,女,1995-07-01,991102199507011120,10059773413,虚构省云岭市石桥镇胜利街183号\n"
                  "t2,郑菊,女,1995-07-01,991102199507011104,,云岭市石桥镇胜利街183号\n"
                  "t3,郑菊,女,1995-07-01,,10059773413,虚构省云岭市石桥镇胜利街183号\n");
    assert_false(together(&l, "t1", "t2"));
    char *why = mpi_link_explain(&l.link, record_of(&l, "t1"), record_of(&l, "t2"));
    assert_non_null(why);
    assert_non_null(strstr(why, "两个有效的居民身份证号不同"));
    free(why);
    unlink_rows(&l);
}

/* Too few to learn from: what is plain must still come out. */
static void a_handful_of_records(void **state)
{
    static const char rows[] = "id,name,sex,birth,card,phone,address\n"
                               "1,沈萍香,女,1967-09-10,991813196709102366,10063181244,海沧市南坪乡人民路282号\n"
                               "2,沈萍香,女,1967-09-10,991813196709102366,10063181244,海沧市南坪乡人民路282号\n"
                               "3,刘超明,男,1951-10-18,991530195110180697,10017135813,虚构省平川市枫林县东风村181号\n";
    struct fault f = {0};
    struct csv c;
    struct linked l;
    assert_int_equal(csv_open_bytes(&c, "rows", rows, sizeof rows - 1, &f), 0);
    mpi_set_init(&l.set, tables);
    mpi_load_init(&l.load, &l.set, &chinese);
    assert_int_equal(mpi_load_table(&l.load, &c, &f), 0);
    assert_int_equal(mpi_load_finish(&l.load, &f), 0);
    csv_close(&c);
    assert_int_equal(mpi_link_run(&l.link, &l.set, &(struct mpi_link_options){.odds = 2.2f}), 0);
    assert_true(together(&l, "1", "2"));
    assert_false(together(&l, "1", "3"));
    unlink_rows(&l);
}

static void crowd_is_put_right(void **state)
{
    struct linked l;
    link_rows(&l, "");
    uint32_t wrong = 0;
    for (uint32_t i = 0; i + 1 < l.set.n; i++) { /* the two records of a person stand beside each other */
        uint32_t x = l.load.row[i], y = l.load.row[i + 1];
        const char *a = mpi_load_id(&l.load, x), *b = mpi_load_id(&l.load, y);
        bool same = strcspn(a, "-") == strcspn(b, "-") && strncmp(a, b, strcspn(a, "-")) == 0;
        wrong += same != (l.link.cluster[x] == l.link.cluster[y]);
    }
    assert_true(wrong <= 2);
    assert_int_equal(l.set.n, 700);
    assert_true(l.link.clusters >= 398 && l.link.clusters <= 402);
    unlink_rows(&l);
}

/* The rows the other way round: the same groups under the same numbers. */
static void the_order_of_rows_says_nothing(void **state)
{
    struct fault f = {0};
    struct linked l[2];
    char *bytes, *turned;
    size_t len, turned_len;
    FILE *out = open_memstream(&bytes, &len);
    put_crowd(out);
    fclose(out);
    FILE *back = open_memstream(&turned, &turned_len);
    fputs("id,name,sex,birth,card,phone,address\n", back);
    for (const char *end = bytes + len, *p = end - 1; p >= bytes; p--)
        if (p == bytes || p[-1] == '\n') {
            fwrite(p, 1, (size_t)(end - p), back);
            end = p;
        }
    fclose(back);
    link_rows(&l[0], "");
    struct csv c;
    assert_int_equal(csv_open_bytes(&c, "turned", turned, turned_len, &f), 0);
    mpi_set_init(&l[1].set, tables);
    mpi_load_init(&l[1].load, &l[1].set, &chinese);
    assert_int_equal(mpi_load_table(&l[1].load, &c, &f), 0);
    assert_int_equal(mpi_load_finish(&l[1].load, &f), 0);
    csv_close(&c);
    assert_int_equal(mpi_link_run(&l[1].link, &l[1].set, &(struct mpi_link_options){.odds = 2.2f, .threads = 1}), 0);
    assert_int_equal(l[0].set.n, l[1].set.n);
    for (uint32_t i = 0; i < l[0].set.n; i++) {
        assert_string_equal(mpi_load_id(&l[0].load, i), mpi_load_id(&l[1].load, i));
        assert_int_equal(l[0].link.cluster[i], l[1].link.cluster[i]);
        assert_string_equal(mpi_load_id(&l[0].load, l[0].load.row[i]), mpi_load_id(&l[1].load, l[1].load.row[l[0].set.n - 1 - i]));
    }
    unlink_rows(&l[0]);
    unlink_rows(&l[1]);
    free(bytes);
    free(turned);
}

/* A birth date that only the number says is no second witness beside the number. */
static void a_number_is_one_witness(void **state)
{
    struct linked l;
    struct mpi_match m;
    link_rows(&l, "x1,王芳,女,,991813196709102366,,\nx2,赵强,男,,991813196709102366,,\n"
                  "x3,王芳,女,1967-09-10,991813196709102366,,\n");
    mpi_compare(&l.set, &l.set.records[record_of(&l, "x1")], &l.set.records[record_of(&l, "x2")], &m);
    assert_int_equal(m.level[PART_BIRTH], MPI_MISSING);
    assert_int_equal(m.level[PART_SEX], SEX_DIFFERS); /* what the desk saw, not what the card says */
    mpi_compare(&l.set, &l.set.records[record_of(&l, "x1")], &l.set.records[record_of(&l, "x3")], &m);
    assert_int_equal(m.level[PART_BIRTH], BIRTH_EXACT);
    assert_true(together(&l, "x1", "x3"));
    assert_false(together(&l, "x1", "x2"));
    unlink_rows(&l);
}

/* A table pasted again and again costs little and is one person; so is who differs from it a little. */
static void repeated_rows_cost_little(void **state)
{
    struct linked l;
    char *rows;
    size_t len;
    FILE *out = open_memstream(&rows, &len);
    (void)state;
    for (int i = 0; i < 3000; i++)
        fprintf(out, "s%d,沈萍香,女,1967-09-10,991813196709102366,10063181244,海沧市南坪乡人民路282号\n", i);
    fputs("t1,沈平香,女,1967-09-10,991813196709102366,,海沧市南坪乡人民路282号\n", out);
    fclose(out);
    link_rows(&l, rows);
    assert_true(together(&l, "s0", "s2999"));
    assert_true(together(&l, "s0", "s1500"));
    assert_true(together(&l, "s0", "t1"));
    assert_false(together(&l, "s0", "c1-0"));
    assert_in_range(l.link.pairs, 1000, 20000);
    assert_in_range(l.link.clusters, 350, 450);
    unlink_rows(&l);
    free(rows);
}

/* Two names and one birth date, no numbers: hundreds may each be any of hundreds. What that costs grows with the rows, not with their square, and is told. */
static void alike_rows_cost_as_many_pairs_each(void **state)
{
    enum { ROWS = 6000 };
    struct linked l;
    char *rows;
    size_t len;
    FILE *out = open_memstream(&rows, &len);
    (void)state;
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t dice = mpi_mix(i / 2, 77);
        fprintf(out, "d%u,%s,%s,1970-03-05,,,虚构省平川市%s路%u号\n", i, dice & 1 ? "王伟" : "李芳", dice & 2 ? "男" : "女", dice & 4 ? "人民" : "解放", dice / 8 % 300);
    }
    fclose(out);
    link_rows(&l, rows);
    assert_in_range(l.link.pairs, ROWS, 400 * l.set.n);
    assert_in_range(l.link.looked, ROWS / 2, LOOKED_EACH * l.set.n);
    assert_true(l.link.cut.pairs > 1000000);
    unlink_rows(&l);
    free(rows);
}

/* Of a thousand edges between alike records the strongest are left, and those by which groups hang together. */
static void edges_are_as_many_as_records(void **state)
{
    enum { EACH = 100, RECORDS = 2 * EACH };
    struct mpi_edge edges[EACH * EACH + 1];
    uint64_t cut = 0;
    size_t n = 0;
    bool joined = false;
    (void)state;
    for (uint32_t half = 0; half < 2; half++)
        for (uint32_t i = 0; i < EACH; i++)
            for (uint32_t j = i + 1; j < EACH; j++)
                edges[n++] = (struct mpi_edge){half * EACH + i, half * EACH + j, 5};
    edges[n++] = (struct mpi_edge){3, EACH + 3, -1}; /* the weakest of all, and the only one between the two halves */
    size_t all = n;
    assert_int_equal(mpi_edges_trim(edges, &n, RECORDS, &cut), 0);
    assert_in_range(n, RECORDS, (MPI_EDGES_EACH + 1) * RECORDS);
    assert_int_equal(n + cut, all);
    for (size_t i = 0; i < n; i++)
        joined = joined || (edges[i].a == 3 && edges[i].b == EACH + 3);
    assert_true(joined);
}

/* Whose card it is, a slip in the name does not hide: the record's date was mistyped. A stranger's name does. */
static void a_card_with_its_owners_name(void **state)
{
    struct linked l;
    struct mpi_match m;
    (void)state;
    link_rows(&l, "y1,余月芳,女,1972-12-13,991426197212132804,10033038373,\n"
                  "y2,余芳月,女,1972-01-13,991426197212132804,10033038373,\n"
                  "y3,赵刚,男,1985-06-30,991426197212132804,,\n");
    mpi_compare(&l.set, &l.set.records[record_of(&l, "y1")], &l.set.records[record_of(&l, "y2")], &m);
    assert_int_equal(m.level[PART_ID], NUMBER_SAME);
    mpi_compare(&l.set, &l.set.records[record_of(&l, "y1")], &l.set.records[record_of(&l, "y3")], &m);
    assert_int_equal(m.level[PART_ID], MPI_MISSING);
    assert_true(together(&l, "y1", "y2"));
    assert_false(together(&l, "y1", "y3"));
    unlink_rows(&l);
}

/* No numbers, phones: the same name, birth date and sex are one person even where the address differs or is not given. */
static void who_moved_is_no_namesake(void **state)
{
    static const struct mpi_map few = {.of = {[MPI_ID] = {{"id"}, 1}, [MPI_NAME] = {{"name"}, 1}, [MPI_SEX] = {{"sex"}, 1},
                                              [MPI_BIRTH_DATE] = {{"birth"}, 1}, [MPI_ADDRESS] = {{"address"}, 1}}};
    struct fault f = {0};
    struct csv c;
    struct linked l;
    char *bytes;
    size_t len;
    FILE *out = open_memstream(&bytes, &len);
    fputs("id,name,sex,birth,card,phone,address\n", out);
    put_crowd(out);
    fputs("m1,沈萍香,女,1967-09-10,,,\nm2,沈萍香,女,1967-09-10,,,虚构省平川市芳路7号\nm3,沈萍香,女,1969-12-01,,,\n", out);
    for (int i = 0; i < 60; i++) /* some move, as everywhere */
        for (int k = 0; k < 2; k++)
            fprintf(out, "v%d-%d,高%s%s,女,19%02d-%02d-%02d,,,虚构省海沧市%s路%d号\n", i, k, i % 2 ? "丹" : "青", i % 3 ? "云" : "岚", 40 + i, 1 + i % 12,
                    1 + i % 28, k ? "英" : "春", i * 3 + k);
    fclose(out);
    assert_int_equal(csv_open_bytes(&c, "rows", bytes, len, &f), 0);
    mpi_set_init(&l.set, tables);
    mpi_load_init(&l.load, &l.set, &few);
    assert_int_equal(mpi_load_table(&l.load, &c, &f), 0);
    assert_int_equal(mpi_load_finish(&l.load, &f), 0);
    csv_close(&c);
    free(bytes);
    assert_int_equal(mpi_link_run(&l.link, &l.set, &(struct mpi_link_options){.odds = 2.2f, .threads = 2}), 0);
    assert_true(together(&l, "m1", "m2"));
    assert_false(together(&l, "m1", "m3"));
    assert_true(together(&l, "v7-0", "v7-1"));
    unlink_rows(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_folded),
        cmocka_unit_test(names_differ_in_degrees),
        cmocka_unit_test(edits_are_counted_as_defined),
        cmocka_unit_test(nobody_and_newborns),
        cmocka_unit_test(dates_in_any_form),
        cmocka_unit_test(dates_of_other_calendars_and_ages),
        cmocka_unit_test(numbers_out_of_spreadsheets),
        cmocka_unit_test(birth_dates_differ_in_degrees),
        cmocka_unit_test(identity_numbers),
        cmocka_unit_test(phones_and_sexes),
        cmocka_unit_test(addresses_are_words),
        cmocka_unit_test(csv_forms),
        cmocka_unit_test(csv_gb18030),
        cmocka_unit_test(csv_broken_bytes),
        cmocka_unit_test(on_the_command_line),
        cmocka_unit_test(csv_errors_say_where),
        cmocka_unit_test(one_person_many_spellings),
        cmocka_unit_test(never_together),
        cmocka_unit_test(a_chain_does_not_join_two_numbers),
        cmocka_unit_test(a_handful_of_records),
        cmocka_unit_test(crowd_is_put_right),
        cmocka_unit_test(the_order_of_rows_says_nothing),
        cmocka_unit_test(a_number_is_one_witness),
        cmocka_unit_test(repeated_rows_cost_little),
        cmocka_unit_test(alike_rows_cost_as_many_pairs_each),
        cmocka_unit_test(edges_are_as_many_as_records),
        cmocka_unit_test(a_card_with_its_owners_name),
        cmocka_unit_test(who_moved_is_no_namesake),
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
