/* The patient index on sets that differ from the usual one: what it believes of them must not depend on how often people come twice, on a
 * phone everybody has, or on how sure it may be. Larger ones: bench_records_mpi_families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "records/mpi/link.h"
#include "records/records.h"
#include "tests/support/mpi_score.h"
#include "tests/support/patient_sets.h"
#include <math.h>

static struct mpi_tables *tables;

static int open_tables(void **state)
{
    struct fault f = {0};
    (void)state;
    return mpi_tables_open(&tables, YL_SOURCE_DIR "/config/data", &f);
}

static int close_tables(void **state)
{
    (void)state;
    mpi_tables_close(tables);
    return 0;
}

static struct score score_of(const struct patient_set *wanted, double wrong, float *line)
{
    struct made m;
    struct mpi_map map;
    struct mpi_set set;
    struct mpi_load load;
    struct mpi_link link;
    struct fault f = {0};
    dice = 0x9E3779B97F4A7C15ull;
    make_set(wanted, tables, NULL, &m);
    map_of(wanted->layout, &map);
    mpi_set_init(&set, tables);
    mpi_load_init(&load, &set, &map);
    assert_int_equal(mpi_load_table(&load, &m.table[0], &f), 0);
    assert_int_equal(mpi_load_finish(&load, &f), 0);
    assert_int_equal(mpi_link_run(&link, &set, &(struct mpi_link_options){.odds = 2.2f, .wrong = wrong, .threads = 2}), 0);
    struct cell *cells = calloc(set.n, sizeof *cells);
    for (uint32_t i = 0; i < set.n; i++)
        cells[i] = (struct cell){m.truth[i], link.cluster[load.row[i]]};
    struct score s = judge(cells, set.n);
    *line = link.options.odds;
    free(cells);
    free(m.truth);
    csv_close(&m.table[0]);
    mpi_link_fini(&link);
    mpi_load_fini(&load);
    mpi_set_fini(&set);
    return s;
}

#define GAPS .left_out = {[P_CARD] = 0.2, [P_PHONE] = 0.1, [P_STREET] = 0.2, [P_INSURANCE] = 0.4}

/* Families, twins and neighbours are all there is to learn from: none of them is "the same person" for being frequent. */
static void hardly_anybody_stands_twice(void **state)
{
    const struct patient_set set = {"hardly", PLAIN, 8000, {.twins = 0.02, .namesakes = 0.02, .newborns = 0.02, .one_phone = 0.3, .again = 0.01, GAPS}, 0.05, 0};
    float line;
    (void)state;
    struct score s = score_of(&set, 0, &line);
    assert_true(score_precision(s) > 0.98);
    assert_true(score_recall(s) > 0.9);
}

/* A clinic's own number is no sign of a family, and what people have themselves counts as before. */
static void a_phone_of_everybody_is_nobodys(void **state)
{
    const struct patient_set set = {"clinic", PLAIN, 3000, {.twins = 0.02, .again = 0.45, .clinic_phone = 0.2, .filler = 0.9, .one_phone = 0.3, GAPS}, 0.05, 0.15};
    float line;
    (void)state;
    struct score s = score_of(&set, 0, &line);
    assert_true(score_precision(s) > 0.996);
    assert_true(score_recall(s) > 0.97);
}

/* Where names alone are left and namesakes are many, the line is drawn higher; where all is clear it stays. */
static void the_line_is_drawn_where_it_must(void **state)
{
    const struct patient_set poor = {"poor", PLAIN, 5000, {.namesakes = 0.1, .again = 0.5, .left_out = {[P_CARD] = 0.7, [P_PHONE] = 0.5, [P_STREET] = 0.5, [P_INSURANCE] = 1}}, 0.15, 0.1};
    const struct patient_set clear = {"clear", PLAIN, 2000, {.again = 0.7}, 0.01, 0};
    float line;
    (void)state;
    struct score before = score_of(&poor, 0, &line);
    assert_true(line == 2.2f);
    struct score after = score_of(&poor, RECORDS_MPI_WRONG, &line);
    assert_true(line > 2.2f && line <= 3.0f);
    assert_true(score_precision(after) > score_precision(before));
    score_of(&clear, RECORDS_MPI_WRONG, &line);
    assert_true(line == 2.2f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hardly_anybody_stands_twice),
        cmocka_unit_test(a_phone_of_everybody_is_nobodys),
        cmocka_unit_test(the_line_is_drawn_where_it_must),
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
