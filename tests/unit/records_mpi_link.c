/* The patient index: groups of records, each one person, among a crowd it learns from. All people are made up; area codes 99 belong to nobody. */
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
