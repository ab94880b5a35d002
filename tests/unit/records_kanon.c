/* k-anonymity: the cut that is found, compared with all cuts tried one by one; classes counted by comparing every row with every other;
 * rare codes. */
#include "records/research/kanon.h"
#include "tests/support/dice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define ROWS 300
static uint32_t cells[ROWS * KANON_COLUMNS], sensitive[ROWS], ladder[KANON_COLUMNS][KANON_RUNGS][32];
static struct kanon_table table;

static void make_column(size_t at)
{
    struct kanon_column *c = &table.columns[at];
    *c = (struct kanon_column){.n_values = 1 + roll(30), .rungs = (uint8_t)(2 + roll(3))};
    for (uint8_t r = 1; r < c->rungs; r++) { /* 2, 4, 8 values together; all on the last */
        for (uint32_t v = 0; v < c->n_values; v++)
            ladder[at][r][v] = r == c->rungs - 1 ? 0 : v >> r;
        c->up[r] = ladder[at][r];
    }
}

static void make_table(void)
{
    table = (struct kanon_table){.n_columns = 1 + roll(4), .n_rows = 20 + roll(ROWS - 20), .cells = cells, .sensitive = sensitive};
    for (size_t i = 0; i < table.n_columns; i++)
        make_column(i);
    for (uint32_t row = 0; row < table.n_rows; row++) {
        sensitive[row] = roll(4);
        for (size_t i = 0; i < table.n_columns; i++) /* crowded at the low end, as people are */
            cells[row * table.n_columns + i] = roll(1 + roll(table.columns[i].n_values));
    }
}

static bool alike(const uint8_t *rung, uint32_t a, uint32_t b)
{
    for (size_t i = 0; i < table.n_columns; i++) {
        const struct kanon_column *c = &table.columns[i];
        if (kanon_value(c, rung[i], cells[a * table.n_columns + i]) != kanon_value(c, rung[i], cells[b * table.n_columns + i]))
            return false;
    }
    return true;
}

static uint32_t class_of(const uint8_t *rung, uint32_t row)
{
    uint32_t n = 0;
    for (uint32_t other = 0; other < table.n_rows; other++)
        n += alike(rung, row, other);
    return n;
}

static uint32_t said_in(const uint8_t *rung, uint32_t row)
{
    uint32_t seen = 0;
    for (uint32_t other = 0; other < table.n_rows; other++)
        if (sensitive[other] != KANON_NONE && alike(rung, row, other))
            seen |= 1u << sensitive[other];
    return (uint32_t)__builtin_popcount(seen);
}

static bool stands_out(const uint8_t *rung, uint32_t row, uint32_t k)
{
    return class_of(rung, row) < k || (table.l && said_in(rung, row) < table.l);
}

static double plain_loss(const uint8_t *rung, uint32_t k, uint32_t *dropped)
{
    double coarse = 0;
    *dropped = 0;
    for (size_t i = 0; i < table.n_columns; i++)
        coarse += (double)rung[i] / (table.columns[i].rungs - 1) / (double)table.n_columns;
    for (uint32_t row = 0; row < table.n_rows; row++)
        *dropped += stands_out(rung, row, k);
    double share = (double)*dropped / table.n_rows;
    return share + (1 - share) * coarse;
}

static double least_loss(uint32_t k, uint32_t percent)
{
    double least = 2;
    uint8_t rung[KANON_COLUMNS] = {0};
    for (;;) {
        uint32_t dropped;
        double loss = plain_loss(rung, k, &dropped);
        if (dropped <= table.n_rows * percent / 100 && dropped < table.n_rows && loss < least)
            least = loss;
        size_t i = 0;
        while (i < table.n_columns && ++rung[i] == table.columns[i].rungs)
            rung[i++] = 0;
        if (i == table.n_columns)
            return least;
    }
}

static uint32_t plain_diversity(const struct kanon_cut *cut)
{
    uint32_t least = UINT32_MAX;
    for (uint32_t row = 0; row < table.n_rows; row++) {
        uint32_t seen = 0;
        if (cut->drop[row])
            continue;
        for (uint32_t other = 0; other < table.n_rows; other++)
            if (!cut->drop[other] && sensitive[other] != KANON_NONE && alike(cut->rung, row, other))
                seen |= 1u << sensitive[other];
        uint32_t n = (uint32_t)__builtin_popcount(seen);
        least = n < least ? n : least;
    }
    return least;
}

static void every_row_kept_has_k_alike_and_no_cut_loses_less(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        make_table();
        struct kanon_cut cut;
        uint32_t k = 2 + roll(9), percent = roll(3) * 5, kept = 0, dropped;
        assert_int_equal(kanon_search(&table, k, percent, &cut), 0);
        for (uint32_t row = 0; row < table.n_rows; row++) {
            assert_int_equal(cut.drop[row], class_of(cut.rung, row) < k);
            kept += !cut.drop[row];
        }
        assert_int_equal(kept, cut.kept);
        assert_int_equal(cut.kept + cut.dropped, table.n_rows);
        assert_true(cut.dropped <= table.n_rows * percent / 100);
        assert_true(cut.smallest >= k);
        double found = plain_loss(cut.rung, k, &dropped), least = least_loss(k, percent);
        assert_true(found - least < 1e-9);
        assert_int_equal(cut.diversity, plain_diversity(&cut));
        kanon_cut_clear(&cut);
    }
}

/* ... and l different values where they are asked for; some are not said. Values that become coarser later leave no class with fewer. */
static void every_class_kept_has_l_values_and_no_cut_loses_less(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct kanon_cut cut;
        uint32_t k = 2 + roll(6), percent = roll(3) * 5, dropped, was;
        make_table();
        table.n_rows = table.n_rows > 120 ? 120 : table.n_rows; /* every pair of rows is compared under every cut */
        for (uint32_t row = 0; row < table.n_rows; row++)
            sensitive[row] = roll(3) == 0 ? roll(4) : roll(9) == 0 ? KANON_NONE : 0;
        table.l = 2 + roll(2);
        if (kanon_search(&table, k, percent, &cut) != 0) {
            const uint8_t coarsest[] = {table.columns[0].rungs - 1, table.columns[1].rungs - 1, table.columns[2].rungs - 1, table.columns[3].rungs - 1, 0, 0};
            assert_true(said_in(coarsest, 0) < table.l || table.n_rows < k);
            continue;
        }
        for (uint32_t row = 0; row < table.n_rows; row++)
            assert_int_equal(cut.drop[row], stands_out(cut.rung, row, k));
        assert_true(plain_loss(cut.rung, k, &dropped) - least_loss(k, percent) < 1e-9);
        assert_true(cut.diversity >= table.l);
        assert_int_equal(cut.diversity, plain_diversity(&cut));
        for (uint32_t row = 0; row < table.n_rows; row++)
            sensitive[row] = sensitive[row] == 3 ? KANON_NONE : sensitive[row];
        was = cut.kept;
        int rc = kanon_drop_uniform(&table, &cut, &dropped);
        assert_int_equal(was, cut.kept + dropped);
        assert_int_equal(rc, cut.kept ? 0 : ERR_INVALID);
        if (cut.kept)
            assert_true(plain_diversity(&cut) >= table.l && cut.smallest >= k);
        kanon_cut_clear(&cut);
    }
    table.l = 0;
}

static void fewer_than_k_is_refused_and_k_alike_stay_as_they_are(void **state)
{
    (void)state;
    make_table();
    struct kanon_cut cut;
    assert_int_equal(kanon_search(&table, table.n_rows + 1, 5, &cut), ERR_INVALID);
    for (uint32_t i = 0; i < table.n_rows * table.n_columns; i++)
        cells[i] = 0;
    assert_int_equal(kanon_search(&table, table.n_rows, 0, &cut), 0);
    for (size_t i = 0; i < table.n_columns; i++)
        assert_int_equal(cut.rung[i], 0);
    assert_int_equal(cut.classes, 1);
    kanon_cut_clear(&cut);
    table.n_columns = 0; /* nothing to tell rows apart by */
    assert_int_equal(kanon_search(&table, 5, 0, &cut), 0);
    assert_int_equal(cut.smallest, table.n_rows);
    kanon_cut_clear(&cut);
}

static void codes_of_few_become_the_coarser_one_or_nothing(void **state)
{
    (void)state;
    /* 0 = I63, 1 = I63.1, 2 = I63.9, 3 = B20 (its own parent), 4 = J18 without one above */
    const uint32_t parent[] = {KANON_NONE, 0, 0, 3, KANON_NONE};
    uint32_t person[] = {1, 1, 1, 2, 2, 3, 4, 5}, code[] = {1, 1, 3, 2, 4, 2, 4, 4};
    struct kanon_codes c = {5, parent, 8, person, code};
    struct kanon_codes_done done;
    assert_int_equal(kanon_codes(&c, 3, &done), 0);
    const uint32_t want[] = {0, 0, KANON_NONE, 0, 4, 0, 4, 4}; /* I63.1 of one and I63.9 of two: I63 of three */
    assert_memory_equal(code, want, sizeof want);
    assert_int_equal(done.coarser, 4);
    assert_int_equal(done.left_out, 1);
    assert_int_equal(kanon_codes(&c, 4, &done), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(code[i], KANON_NONE);
}

static void random_codes_keep_k_persons_each(void **state)
{
    (void)state;
    enum { CODES = 40, EVENTS = 2000 };
    static uint32_t parent[CODES], person[EVENTS], code[EVENTS];
    for (int round = 0; round < 20; round++) {
        uint32_t k = 2 + roll(20);
        for (uint32_t i = 0; i < CODES; i++)
            parent[i] = i < 5 ? KANON_NONE : roll(i);
        for (size_t i = 0; i < EVENTS; i++) {
            person[i] = i ? person[i - 1] + (roll(4) == 0) : 0;
            code[i] = roll(1 + roll(CODES));
        }
        struct kanon_codes c = {CODES, parent, EVENTS, person, code};
        struct kanon_codes_done done;
        assert_int_equal(kanon_codes(&c, k, &done), 0);
        for (uint32_t one = 0; one < CODES; one++) {
            uint32_t n = 0;
            for (uint32_t p = 0; p <= person[EVENTS - 1]; p++) {
                bool has = false;
                for (size_t i = 0; i < EVENTS; i++)
                    has = has || (person[i] == p && code[i] == one);
                n += has;
            }
            assert_true(n == 0 || n >= k);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_kept_has_k_alike_and_no_cut_loses_less), cmocka_unit_test(every_class_kept_has_l_values_and_no_cut_loses_less),
        cmocka_unit_test(fewer_than_k_is_refused_and_k_alike_stay_as_they_are),
        cmocka_unit_test(codes_of_few_become_the_coarser_one_or_nothing),
        cmocka_unit_test(random_codes_keep_k_persons_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
