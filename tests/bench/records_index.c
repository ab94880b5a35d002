/* Bench: matching at registration. Fills a site with N made patients, then times M registrations: a third new people, a third known ones from
 * another institution, a third known ones with errors. One JSON line.
 *
 *   bench_records_index [N] [M] [TABLE [SEED ..]]     (default 20000 2000)      Bar: match p99 <= 5 ms at one million.
 *
 * Filling writes the same rows a registration writes, but asks nobody who they are, and puts the index's keys in order: a million take minutes,
 * not hours. BENCH_SITE=FOLDER keeps the filled site there for the next run; what is timed is taken back. cpu_* is the thread's processor time: on a
 * busy machine the only figure that says something. match_*: patient_index_put alone; store_*: patient_store before it; a commit is not in them.
 *
 * BENCH_ALIKE=phone or address: all who are made have one phone, or live in one house.
 *
 * TABLE (CSV with rec_id, person_id, name .. as the Chinese development set): its records are registered one after the other on top of the N, and
 * judged by person_id: pairs that were linked, and pairs that were linked or whose persons wait at the review desk. The engine never sees person_id.
 * SEED: the order they come in; 0 that of the table, -1 the other way round, else by lot. Each begins anew.
 */
#include "records/mpi/csv.h"
#include "records/patient/index_lookup.h"
#include "records/records.h"
#include "tests/support/dice.h"
#include "server/base/clock.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct records *site;
static char made_folder[] = "/tmp/yl-index-XXXXXX";
static const char *folder;
static struct actor actor = {.person = {11}, .org = {1}};
static const char *alike = ""; /* what all have in common */

static void make(struct patient_row *row)
{
    static const char families[] = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈";
    static const char givens[] = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彩春菊兰凤洁梅琳素云莲真环雪荣爱妹香月莺媛瑞凡佳嘉";
    char family[4], first[4], second[4];
    unsigned man = roll(2), y = (1930 + roll(95)) % 10000, m = (1 + roll(12)) % 100, d = (1 + roll(28)) % 100;
    memset(row, 0, sizeof *row);
    roll_character(families, family);
    roll_character(givens, first);
    roll_character(givens, second);
    row->id = id_new();
    row->org_id = 1;
    row->version = 1;
    row->created_ms = 1795500000000;
    snprintf(row->local_number, sizeof row->local_number, "N%llx", (unsigned long long)row->id);
    snprintf(row->name, sizeof row->name, "%s%s%s", family, first, second);
    snprintf(row->sex, sizeof row->sex, "%s", man ? "male" : "female");
    snprintf(row->birth_date, sizeof row->birth_date, "%04u-%02u-%02u", y, m, d);
    strcpy(row->id_type, "id_card");
    strcpy(row->allergy_state, "unknown");
    char card[24];
    snprintf(card, sizeof card, "99%04u%04u%02u%02u%03u", roll(2000), y, m, d, (roll(500) * 2 + man) % 1000);
    card[17] = identity_check_character(card);
    if (roll(4))
        memcpy(row->secret.id_no, card, 18);
    snprintf(row->secret.phone, sizeof row->secret.phone, "138%08u", roll(100000000));
    snprintf(row->secret.address, sizeof row->secret.address, "虚构省平川市白塔区解放路%u号%u栋", 1 + roll(300), 1 + roll(30));
    if (strcmp(alike, "phone") == 0)
        strcpy(row->secret.phone, "13800000001");
    if (strcmp(alike, "address") == 0)
        strcpy(row->secret.address, "虚构省平川市白塔区解放路1号1栋");
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_records_index: %s\n", what);
    exit(1);
}

static struct tx *begin(void)
{
    struct tx *tx;
    if (tx_begin(records_store(site), TX_WRITE, &tx))
        die("the database cannot be written");
    return tx;
}

static void open_site(void)
{
    struct fault f = {0};
    struct records_config config = {.data_dir = folder, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system};
    if (records_open(&site, &config, &f))
        die(f.text);
}

/* ---- filling ---- */

struct entry {
    int64_t key, patient;
};

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return (x->patient > y->patient) - (x->patient < y->patient);
}

static size_t fill_one(struct op_ctx *ctx, const struct patient_row *row, struct entry *to)
{
    struct lookup l;
    size_t n = 0;
    lookup_begin(&l, ctx);
    if (patient_store(ctx, row, NULL) || lookup_ask(&l, row))
        die("a patient cannot be stored");
    lookup_end(&l);
    for (int k = 0; k < MPI_KEYS; k++)
        if (l.keys[k])
            to[n++] = (struct entry){l.keys[k], (int64_t)row->id};
    tx_exec(ctx->tx, "INSERT INTO mpi_member (patient_id, person_id, how, since_ms, keys) VALUES ($1,$1,'new',$2,$3)", "iib", (int64_t)row->id,
            ctx->now_ms, l.keys, sizeof l.keys);
    return n;
}

/* One transaction that stays in memory until its end: else each of its scattered pages would be written again and again. */
static void fill(size_t n)
{
    struct tx *tx = begin();
    struct fault f = {0};
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &actor, .now_ms = 1795500000000, .fault = &f};
    struct entry *entries = malloc(n * MPI_KEYS * sizeof *entries);
    size_t used = 0;
    tx_exec(tx, "PRAGMA cache_size=-6000000", "");
    for (size_t i = 0; i < n; i++) {
        struct patient_row row;
        make(&row);
        used += fill_one(&ctx, &row, entries + used);
    }
    qsort(entries, used, sizeof *entries, by_key);
    for (size_t i = 0; i < used; i++)
        tx_upsert(tx, "mpi_key", NULL, "key,patient_id", "ii", entries[i].key, entries[i].patient);
    tx_exec(tx, "UPDATE mpi_state SET patients=$1 WHERE id=1", "i", (int64_t)n);
    if (tx_commit(tx))
        die("the site cannot be filled");
    free(entries);
    records_close(site); /* the next one begins with an ordinary cache */
    open_site();
}

/* Some of those who are there, to come again. */
static size_t choose(struct patient_row *known, size_t n, size_t wanted)
{
    struct tx *tx = begin();
    struct fault f = {0};
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &actor, .fault = &f};
    int64_t *ids = malloc((n + 1) * sizeof *ids);
    size_t have = 0, chosen = 0;
    struct query *q = tx_query(tx, "SELECT id FROM patient ORDER BY id LIMIT $1", "i", (int64_t)n);
    while (query_next(q))
        ids[have++] = query_int(q, "id");
    if (query_end(q) || have < n)
        die("the kept site holds fewer patients");
    for (; chosen < wanted; chosen++)
        if (patient_load(&ctx, (uint64_t)ids[chosen * n / wanted], &known[chosen]))
            die("a patient cannot be read");
    tx_rollback(tx);
    free(ids);
    return chosen;
}

/* ---- timing ---- */

struct took {
    int64_t store, match;
};

static struct took enter(struct tx *tx, struct patient_row *row, const char **outcome)
{
    struct fault f = {0};
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &actor, .now_ms = 1795500000000, .fault = &f};
    int64_t start = cpu_us();
    if (patient_store(&ctx, row, NULL))
        die("a patient cannot be stored");
    int64_t stored = cpu_us();
    if (patient_index_put(&ctx, row, NULL, outcome))
        die("a patient cannot be matched");
    return (struct took){stored - start, cpu_us() - stored};
}

/* The same person once more, from elsewhere, perhaps with errors. */
static void again(struct patient_row *row, bool errors)
{
    row->id = id_new();
    row->org_id = 2;
    snprintf(row->local_number, sizeof row->local_number, "N%llx", (unsigned long long)row->id);
    if (errors) {
        row->secret.id_no[0] = 0;
        row->birth_date[9] = row->birth_date[9] == '1' ? '2' : '1';
    }
}

static void print_times(const char *name, int64_t *us, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)us[i];
    qsort(us, n, sizeof *us, by_size);
    printf(",\"%s_cpu_ms\":{\"mean\":%.3f,\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}", name, sum / (double)n / 1e3, (double)us[n / 2] / 1e3,
           (double)us[n * 99 / 100] / 1e3, (double)us[n - 1] / 1e3);
}

static void time_matches(size_t n, size_t timed)
{
    struct patient_row *known = calloc(timed + 1, sizeof *known);
    int64_t *store = calloc(timed + 1, sizeof *store), *match = calloc(timed + 1, sizeof *match);
    size_t linked = 0, review = 0;
    const char *outcome;
    dice = 362436069362436069ull; /* others than those who are there, also in a kept site */
    choose(known, n, timed);
    struct tx *tx = begin();
    int64_t start = clock_monotonic_us();
    for (size_t i = 0; i < timed; i++) {
        struct patient_row row = known[i];
        if (i % 3 == 0)
            make(&row);
        else
            again(&row, i % 3 == 2);
        struct took t = enter(tx, &row, &outcome);
        store[i] = t.store;
        match[i] = t.match;
        linked += strcmp(outcome, "linked") == 0;
        review += strcmp(outcome, "review") == 0;
    }
    printf("{\"patients\":%zu,\"timed\":%zu,\"wall_s\":%.1f,\"linked\":%zu,\"review\":%zu", n, timed, (double)(clock_monotonic_us() - start) / 1e6, linked, review);
    tx_rollback(tx);
    print_times("match", match, timed);
    print_times("store", store, timed);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf(",\"rss_mib\":%ld}\n", u.ru_maxrss / 1024);
    fflush(stdout);
    free(known);
    free(store);
    free(match);
}

/* ---- what is found ---- */

struct of_table {
    uint64_t truth, patient, person;
};

static void take_text(char *out, size_t cap, struct csv *c, const char *column)
{
    struct mpi_text t = c->field[csv_column(c, column)];
    snprintf(out, cap, "%.*s", (int)t.len, t.p);
}

static void row_of(struct csv *c, struct patient_row *row)
{
    memset(row, 0, sizeof *row);
    row->id = id_new();
    row->org_id = 1;
    row->version = 1;
    take_text(row->local_number, sizeof row->local_number, c, "rec_id");
    take_text(row->name, sizeof row->name, c, "name");
    take_text(row->sex, sizeof row->sex, c, "sex");
    take_text(row->birth_date, sizeof row->birth_date, c, "birth_date");
    take_text(row->secret.id_no, sizeof row->secret.id_no, c, "id_no");
    take_text(row->secret.phone, sizeof row->secret.phone, c, "phone");
    take_text(row->secret.address, sizeof row->secret.address, c, "address");
    take_text(row->secret.insurance_no, sizeof row->secret.insurance_no, c, "insurance_no");
    strcpy(row->id_type, "id_card");
    strcpy(row->allergy_state, "unknown");
}

/* Does a pair of the two persons wait at the desk? */
static bool proposed(struct tx *tx, const struct of_table *a, const struct of_table *b)
{
    static const char sql[] = "SELECT COUNT(*) AS n FROM mpi_member x JOIN mpi_task t ON t.patient_id=x.patient_id JOIN mpi_member y ON y.patient_id=t.other_id "
                              "WHERE x.person_id=$1 AND y.person_id=$2 AND t.state='open'";
    return tx_int(tx, 0, sql, "ii", (int64_t)a->person, (int64_t)b->person) > 0 || tx_int(tx, 0, sql, "ii", (int64_t)b->person, (int64_t)a->person) > 0;
}

static int by_person(const void *a, const void *b)
{
    const struct of_table *x = a, *y = b;
    return (x->person > y->person) - (x->person < y->person);
}

static int by_truth(const void *a, const void *b)
{
    const struct of_table *x = a, *y = b;
    return (x->truth > y->truth) - (x->truth < y->truth);
}

/* Pairs linked to somebody who is not of the table are wrong too: they are counted by the persons' sizes in the site. */
static void judge_table(struct tx *tx, struct of_table *r, size_t n)
{
    double linked = 0, real = 0, hit = 0, waiting = 0;
    qsort(r, n, sizeof *r, by_person);
    for (size_t from = 0, to; from < n; from = to) {
        for (to = from; to < n && r[to].person == r[from].person;)
            to++;
        double all = (double)tx_int(tx, 0, "SELECT COUNT(*) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)r[from].person);
        linked += all * (all - 1) / 2;
    }
    qsort(r, n, sizeof *r, by_truth);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n && r[j].truth == r[i].truth; j++) {
            bool one = r[i].person == r[j].person;
            real++;
            hit += one;
            waiting += !one && proposed(tx, &r[i], &r[j]);
        }
    printf("\"records\":%zu,\"true_pairs\":%.0f,\"wrong_pairs\":%.0f,\"precision\":%.5f,\"recall\":%.5f,\"recall_with_review\":%.5f", n, real, linked - hit,
           linked > 0 ? hit / linked : 1, hit / real, (hit + waiting) / real);
    printf(",\"tasks\":%lld,\"open\":%lld", (long long)tx_int(tx, 0, "SELECT COUNT(*) AS n FROM mpi_task", ""),
           (long long)tx_int(tx, 0, "SELECT COUNT(*) AS n FROM mpi_task WHERE state='open'", ""));
}

struct table {
    struct patient_row *row;
    uint64_t *truth;
    size_t n, cap;
};

static void read_table(const char *path, struct table *t)
{
    struct csv c;
    struct fault f = {0};
    if (csv_open(&c, path, &f))
        die(f.text);
    while (csv_next(&c, &f) == 1) {
        if (t->n == t->cap) {
            t->cap = t->cap * 2 + 1024;
            t->row = realloc(t->row, t->cap * sizeof *t->row);
            t->truth = realloc(t->truth, t->cap * sizeof *t->truth);
        }
        row_of(&c, &t->row[t->n]);
        struct mpi_text truth = c.field[csv_column(&c, "person_id")];
        t->truth[t->n++] = strtoull(truth.p, NULL, 10);
    }
    csv_close(&c);
}

static size_t *order_of(size_t n, long seed)
{
    size_t *order = malloc((n + 1) * sizeof *order);
    for (size_t i = 0; i < n; i++)
        order[i] = seed < 0 ? n - 1 - i : i;
    dice = 88172645463325252ull + (uint64_t)seed * 0x9E3779B97F4A7C15ull;
    for (size_t i = n; seed > 0 && i > 1; i--) {
        size_t k = roll((unsigned)i), swap = order[i - 1];
        order[i - 1] = order[k];
        order[k] = swap;
    }
    return order;
}

static void register_table(const struct table *t, long seed)
{
    size_t *order = order_of(t->n, seed);
    struct of_table *r = calloc(t->n + 1, sizeof *r);
    int64_t *match = calloc(t->n + 1, sizeof *match);
    struct tx *tx = begin();
    for (size_t i = 0; i < t->n; i++) {
        struct patient_row row = t->row[order[i]];
        const char *outcome;
        row.id = id_new();
        match[i] = enter(tx, &row, &outcome).match;
        r[i] = (struct of_table){.truth = t->truth[order[i]], .patient = row.id};
    }
    struct op_ctx ctx = {.records = site, .tx = tx};
    for (size_t i = 0; i < t->n; i++)
        r[i].person = patient_index_person(&ctx, r[i].patient);
    printf("{\"order\":%ld,", seed);
    judge_table(tx, r, t->n);
    print_times("match", match, t->n);
    puts("}");
    fflush(stdout);
    tx_rollback(tx);
    free(order);
    free(r);
    free(match);
}

static void register_tables(const char *path, char **seeds, int n)
{
    struct table t = {0};
    read_table(path, &t);
    for (int i = 0; i < (n ? n : 1); i++)
        register_table(&t, n ? strtol(seeds[i], NULL, 10) : 0);
    free(t.row);
    free(t.truth);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000, timed = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    const char *kept = getenv("BENCH_SITE");
    char command[400];
    alike = getenv("BENCH_ALIKE") ? getenv("BENCH_ALIKE") : "";
    if ((folder = kept ? kept : mkdtemp(made_folder)) == NULL || timed == 0 || timed > n)
        die("usage: bench_records_index [N] [M <= N] [TABLE [SEED ..]]");
    if (kept && mkdir(kept, 0700) && errno != EEXIST)
        die("BENCH_SITE cannot be made");
    open_site();
    struct tx *tx = begin();
    int64_t there = tx_int(tx, 0, "SELECT patients FROM mpi_state WHERE id=1", "");
    tx_rollback(tx);
    if (there == 0)
        fill(n);
    time_matches(n, timed);
    if (argc > 3)
        register_tables(argv[3], argv + 4, argc - 4);
    records_close(site);
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return !kept && system(command) ? 1 : 0;
}
