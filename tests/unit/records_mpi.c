/* The patient index: one spelling of names, dates, numbers, addresses, and how far two of them differ. All people are made up; area codes 99 belong to nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "records/mpi/load.h"
#include <string.h>

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
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
