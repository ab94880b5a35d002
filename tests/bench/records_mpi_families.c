/* Bench: the patient index on families of made sets, each of which differs from the given ones in something: errors, columns, who is among
 * the patients, how often one comes back. Truth judges alone. One line a set: persons' pairs, precision, recall and F1 at the default
 * line, F1 at an even chance; then, of all pairs weighed beyond the default line, how many are expected to be one person and how many are.
 *
 *   bench_records_mpi_families FEBRL.csv [SET]    FEBRL.csv: people of the Latin sets (rec-*-org of dataset2, unpacked)
 *
 * BENCH_DUMP=DIR writes tables, map and truth; BENCH_WRONG=N explains N wrong pairs, BENCH_LOST=N as many that were lost.
 */
#include "records/mpi/block.h"
#include "records/mpi/link.h"
#include "records/mpi/load.h"
#include "records/records.h"
#include "server/base/clock.h"
#include "tests/support/mpi_score.h"
#include "tests/support/patient_sets.h"
#include <math.h>

static struct mpi_tables *tables;
static struct people latin; /* all of them */

/* ---- families ---- */

#define USUAL .twins = 0.02, .namesakes = 0.02, .newborns = 0.02, .nobodies = 0.004, .one_phone = 0.3
#define AGAIN .again = 0.45
#define GAPS .left_out = {[P_CARD] = 0.2, [P_PHONE] = 0.1, [P_STREET] = 0.2, [P_INSURANCE] = 0.4, [P_SEX] = 0.02}

static const struct patient_set families[] = {
    {"usual", PLAIN, 8000, {USUAL, AGAIN, GAPS, .lent = 0.003, .latin = 0.01}, 0.03, 0},
    {"more errors", PLAIN, 8000, {USUAL, AGAIN, GAPS, .lent = 0.003, .latin = 0.02}, 0.10, 0},
    {"many errors", PLAIN, 8000, {USUAL, AGAIN, GAPS, .lent = 0.003, .latin = 0.03}, 0.20, 0},
    {"numbers mistyped", PLAIN, 8000, {USUAL, AGAIN, GAPS, .wrong = {[P_CARD] = 0.3, [P_YEAR] = 0.15, [P_INSURANCE] = 0.2}}, 0.03, 0},
    {"names mistyped", PLAIN, 8000, {USUAL, AGAIN, GAPS, .wrong = {[P_FAMILY] = 0.1, [P_GIVEN] = 0.25}, .latin = 0.15}, 0.03, 0},
    {"people who move", PLAIN, 8000, {USUAL, AGAIN, GAPS, .wrong = {[P_PHONE] = 0.5, [P_STREET] = 0.5}}, 0.03, 0},
    {"sex wrong or missing", PLAIN, 8000, {USUAL, AGAIN, GAPS, .wrong = {[P_SEX] = 0.08}}, 0.03, 0.1},
    {"without numbers", PLAIN, 8000, {USUAL, AGAIN, .left_out = {[P_CARD] = 1, [P_INSURANCE] = 1, [P_STREET] = 0.15, [P_PHONE] = 0.1}}, 0.05, 0},
    {"name, birth, phone", PLAIN, 8000, {USUAL, AGAIN, .left_out = {[P_CARD] = 1, [P_INSURANCE] = 1, [P_STREET] = 1, [P_PHONE] = 0.05}}, 0.05, 0},
    {"name, birth, card", PLAIN, 8000, {USUAL, AGAIN, .left_out = {[P_PHONE] = 1, [P_INSURANCE] = 1, [P_STREET] = 1, [P_CARD] = 0.25}}, 0.05, 0},
    {"much left out", PLAIN, 8000, {USUAL, AGAIN, GAPS}, 0.03, 0.3},
    {"fillers", PLAIN, 8000, {USUAL, AGAIN, GAPS, .filler = 0.9, .clinic_phone = 0.2}, 0.05, 0.15},
    {"other columns", PLAIN, 8000, {USUAL, AGAIN, GAPS, .other_column = 0.05}, 0.05, 0},
    {"twins", PLAIN, 8000, {AGAIN, GAPS, .twins = 0.4, .one_phone = 0.8}, 0.05, 0},
    {"namesakes", PLAIN, 8000, {AGAIN, GAPS, .namesakes = 0.3, .one_phone = 0.3}, 0.05, 0},
    {"one phone a house", PLAIN, 8000, {AGAIN, GAPS, .one_phone = 1}, 0.08, 0.05},
    {"newborns, nobodies", PLAIN, 8000, {AGAIN, GAPS, .newborns = 0.3, .nobodies = 0.05, .one_phone = 0.5}, 0.05, 0},
    {"lent cards", PLAIN, 8000, {USUAL, AGAIN, GAPS, .lent = 0.05}, 0.05, 0},
    {"hardly any twice", PLAIN, 15000, {USUAL, .again = 0.01, GAPS}, 0.05, 0},
    {"most ten times", PLAIN, 2000, {USUAL, .again = 0.9, GAPS}, 0.10, 0},
    {"a small set", PLAIN, 150, {USUAL, AGAIN, GAPS}, 0.05, 0},
    {"split columns", SPLIT, 8000, {USUAL, AGAIN, GAPS}, 0.05, 0},
    {"three tables", THREE_TABLES, 8000, {USUAL, AGAIN, GAPS}, 0.05, 0},
    {"latin", FEBRL, 4000, {AGAIN}, 0.05, 0.03},
    {"latin, many errors", FEBRL, 4000, {AGAIN}, 0.15, 0.05},
    {"latin, without numbers", FEBRL, 4000, {AGAIN, .left_out = {[P_CARD] = 1}}, 0.05, 0.03},
    {"latin, exchanged", FEBRL, 4000, {AGAIN, .other_column = 0.1, .wrong = {[P_YEAR] = 0.2, [P_POSTCODE] = 0.2, [P_STREET] = 0.2}}, 0.05, 0.03},
    {"latin, hardly twice", FEBRL, 4000, {.again = 0.01}, 0.10, 0.05},
    {"latin, six times", FEBRL, 1000, {.again = 0.83}, 0.10, 0.05},
};

/* ---- judging ---- */

struct honesty {
    const struct mpi_link *link;
    const uint32_t *truth; /* by record */
    double expected;
    uint32_t real, all;
};

static void weigh(void *ctx, uint32_t a, uint32_t b)
{
    struct honesty *h = ctx;
    struct mpi_match match;
    const struct mpi_set *s = h->link->set;
    if (mpi_barred(s, &s->records[a], &s->records[b]))
        return;
    mpi_compare(s, &s->records[a], &s->records[b], &match);
    float odds = mpi_model_odds(&h->link->model, &match);
    if (odds <= h->link->options.odds)
        return;
    h->all++;
    h->expected += 1 / (1 + exp(-(double)odds));
    h->real += h->truth[a] == h->truth[b];
}

static void show(const struct mpi_link *link, const struct mpi_load *load, const uint32_t *truth, const char *variable, bool together)
{
    uint32_t left = getenv(variable) ? (uint32_t)atoi(getenv(variable)) : 0, n = link->set->n;
    for (uint32_t a = 0; a < n && left; a++)
        for (uint32_t b = a + 1; b < n && left; b++)
            if ((link->cluster[a] == link->cluster[b]) == together && (truth[a] == truth[b]) != together) {
                char *why = mpi_link_explain(link, a, b);
                printf("---- %s %s %s\n%s", together ? "wrong" : "lost", mpi_load_id(load, a), mpi_load_id(load, b), why);
                free(why);
                left--;
            }
}

static struct score link_at(const struct mpi_load *load, struct mpi_set *set, const struct made *m, float odds, struct honesty *h)
{
    struct mpi_link link;
    struct cell *cells = malloc((set->n + 1) * sizeof *cells);
    uint32_t *truth = malloc((set->n + 1) * sizeof *truth);
    if (mpi_link_run(&link, set, &(struct mpi_link_options){.odds = odds, .wrong = odds > 0 ? RECORDS_MPI_WRONG : 0, .threads = 2}))
        exit(1);
    for (uint32_t i = 0; i < set->n; i++) {
        cells[i] = (struct cell){m->truth[i], link.cluster[load->row[i]]};
        truth[load->row[i]] = m->truth[i];
    }
    if (h) {
        *h = (struct honesty){.link = &link, .truth = truth};
        uint64_t left;
        if (mpi_block_pairs(set, &(struct mpi_pairs){.pair = weigh, .ctx = (void *[]){h}, .threads = 1}, &left))
            exit(1);
        show(&link, load, truth, "BENCH_WRONG", true);
        show(&link, load, truth, "BENCH_LOST", false);
    }
    struct score s = judge(cells, set->n);
    free(cells);
    free(truth);
    mpi_link_fini(&link);
    return s;
}

static void dump(const struct patient_set *f, const struct made *m, const struct mpi_map *map)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s.json", getenv("BENCH_DUMP"), f->name);
    FILE *out = fopen(path, "w");
    for (int a = 0; out && a < MPI_ATTRIBUTES; a++)
        for (size_t i = 0; i < map->of[a].n; i++)
            fprintf(out, "%s%s%s%s\"%s\"%s", a || i ? "," : "{", i ? "" : "\"", i ? "" : mpi_attribute_words[a], i ? "" : "\":[", map->of[a].column[i], i + 1 == map->of[a].n ? "]" : "");
    if (out) {
        fprintf(out, "}\n");
        fclose(out);
    }
    for (int t = 0; t < PATIENT_TABLES && headers[f->layout][t]; t++) {
        snprintf(path, sizeof path, "%s/%s.%d.csv", getenv("BENCH_DUMP"), f->name, t + 1);
        if ((out = fopen(path, "w"))) {
            fwrite(m->table[t].bytes, 1, m->table[t].len, out);
            fclose(out);
        }
    }
}

static void run(const struct patient_set *f)
{
    struct made m;
    struct mpi_map map;
    struct mpi_set set;
    struct mpi_load load;
    struct fault fault = {0};
    struct honesty h;
    dice = 0x9E3779B97F4A7C15ull;
    make_set(f, tables, &latin, &m);
    map_of(f->layout, &map);
    if (getenv("BENCH_DUMP"))
        dump(f, &m, &map);
    mpi_set_init(&set, tables);
    mpi_load_init(&load, &set, &map);
    for (int t = 0; t < PATIENT_TABLES && headers[f->layout][t]; t++)
        if (mpi_load_table(&load, &m.table[t], &fault))
            exit((fprintf(stderr, "%s\n", fault.text), 1));
    if (mpi_load_finish(&load, &fault))
        exit((fprintf(stderr, "%s\n", fault.text), 1));
    int64_t start = clock_monotonic_us();
    struct score s = link_at(&load, &set, &m, logf(9), &h), even;
    int64_t end = clock_monotonic_us();
    even = link_at(&load, &set, &m, 0, NULL);
    printf("%-22s %7u %7.0f  %.4f  %.4f  %.4f  %.4f  %.4f  %.4f %.4f %6.2f\n", f->name, set.n, s.real, score_precision(s), score_recall(s), score_f1(s), score_f1(even), score_precision(even),
           h.all ? h.expected / h.all : 1, h.all ? (double)h.real / h.all : 1, (double)(end - start) / 1e6);
    fflush(stdout);
    for (int t = 0; t < PATIENT_TABLES && headers[f->layout][t]; t++)
        csv_close(&m.table[t]);
    free(m.truth);
    mpi_load_fini(&load);
    mpi_set_fini(&set);
}

int main(int argc, char **argv)
{
    struct fault f = {0};
    if (argc < 2)
        return fprintf(stderr, "usage: bench_records_mpi_families FEBRL.csv [SET]\n"), 2;
    if (mpi_tables_open(&tables, YL_SOURCE_DIR "/config/data", &f))
        return fprintf(stderr, "%s\n", f.text), 1;
    patients_read_latin(argv[1], &latin);
    printf("%-22s %7s %7s  %6s  %6s  %6s  %6s  %6s  %6s %6s %6s\n", "set", "records", "pairs", "prec.", "recall", "F1", "F1 .5", "P .5", "expect", "true", "s");
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (argc < 3 || strcmp(argv[2], families[i].name) == 0)
            run(&families[i]);
    free(latin.of);
    mpi_tables_close(tables);
    return 0;
}
