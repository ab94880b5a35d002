/* Matching one registration against the site. */
#include "records/patient/index_lookup.h"
#include "records/exchange/notice.h"
#include "records/store/sealed.h"
#include <math.h>
#include <stdlib.h>

#define LINK_ODDS 4.6f   /* 99 %: put together at once */
#define REVIEW_ODDS 0.0f /* an even chance: a person looks at it */

int patient_index_open(struct patient_index **out, const char *config_dir, const uint8_t key[32], struct fault *f)
{
    struct patient_index *x = calloc(1, sizeof *x);
    char path[700];
    *out = NULL;
    if (!x)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    memcpy(x->key, key, sizeof x->key);
    snprintf(path, sizeof path, "%s/data", config_dir);
    int rc = mpi_tables_open(&x->tables, path, f);
    snprintf(path, sizeof path, "%s/data/mpi_model.tsv", config_dir);
    FILE *in = rc ? NULL : fopen(path, "re");
    if (rc == 0 && (!in || mpi_model_read(&x->model, in)))
        rc = fault_set(f, ERR_STORAGE, "index", "The weights of the patient index in %.180s cannot be read.", path);
    if (in)
        fclose(in);
    if (rc)
        patient_index_close(x);
    else
        *out = x;
    return rc;
}

void patient_index_close(struct patient_index *x)
{
    if (!x)
        return;
    mpi_tables_close(x->tables);
    explicit_bzero(x->key, sizeof x->key);
    free(x);
}

static bool kept_apart(const struct lookup *l, uint64_t b)
{
    uint64_t a = l->patient[0];
    return !l->fresh && tx_int(l->ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_apart WHERE a=$1 AND b=$2", "ii", (int64_t)(a < b ? a : b), (int64_t)(a < b ? b : a)) > 0;
}

/* Odds that the patient is this person; -INFINITY when a member forbids it. */
static float person_odds(const struct lookup *l, uint64_t person)
{
    struct mpi_tally tally = {0};
    struct mpi_match all;
    for (size_t i = 1; i < l->n; i++) {
        struct mpi_match pair;
        if (l->person[i] != person)
            continue;
        if (mpi_barred(&l->set, &l->set.records[0], &l->set.records[i]) || kept_apart(l, l->patient[i]))
            return -INFINITY;
        mpi_compare(&l->set, &l->set.records[0], &l->set.records[i], &pair);
        lookup_shares(l, &pair);
        mpi_tally_add(&tally, &pair);
    }
    mpi_tally_settle(&tally, &all);
    return mpi_model_odds(&l->x->model, &all);
}

/* Each person is judged once, at the first of his likely candidates. */
static bool first_of_person(const struct lookup *l, size_t i)
{
    bool again = false;
    for (size_t j = 1; j < i && !again; j++)
        again = l->likely[j] && l->person[j] == l->person[i];
    return !again;
}

struct verdict {
    uint64_t person, other; /* other: a member to show beside the patient */
    float odds, second;
};

static struct verdict judge(const struct lookup *l)
{
    struct verdict v = {.odds = -INFINITY, .second = -INFINITY};
    for (size_t i = 1; i < l->candidates; i++) {
        bool own = l->person[i] == l->person[0];
        float odds = !own && l->likely[i] && first_of_person(l, i) ? person_odds(l, l->person[i]) : -INFINITY;
        if (odds > v.odds) {
            v.second = v.odds;
            v = (struct verdict){l->person[i], l->patient[i], odds, v.second};
        } else if (odds > v.second)
            v.second = odds;
    }
    return v;
}

/* ---- writing ---- */

uint64_t patient_index_person(struct op_ctx *ctx, uint64_t patient)
{
    return (uint64_t)tx_int(ctx->tx, 0, "SELECT person_id FROM mpi_member WHERE patient_id=$1", "i", (int64_t)patient);
}

void patient_index_begin(struct op_ctx *ctx, struct index_act *act)
{
    act->id = id_new();
    tx_exec(ctx->tx,
            "INSERT INTO mpi_act (id, kind, task_id, patient_id, other_id, person_id, t_ms, undone_ms, undone_by, note) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,0,0,$8)",
            "itiiiiis", (int64_t)act->id, act->kind, (int64_t)act->task, (int64_t)act->patient, (int64_t)act->other,
            strcmp(act->kind, "auto") == 0 ? (int64_t)0 : (int64_t)ctx->actor->person.v, ctx->now_ms,
            SEALED(MPI_NOTE, act->id, act->patient, act->note && *act->note ? act->note : NULL));
}

int patient_index_move(struct op_ctx *ctx, const struct index_act *act, uint64_t patient, uint64_t to)
{
    uint64_t from = patient_index_person(ctx, patient);
    tx_exec(ctx->tx,
            "INSERT INTO mpi_move (act_id, patient_id, from_id, to_id, from_how, from_ms) "
            "SELECT $1, patient_id, person_id, $2, how, since_ms FROM mpi_member WHERE patient_id=$3",
            "iii", (int64_t)act->id, (int64_t)to, (int64_t)patient);
    tx_exec(ctx->tx, "UPDATE mpi_member SET person_id=$1, how=$2, since_ms=$3 WHERE patient_id=$4", "itii", (int64_t)to,
            strcmp(act->kind, "auto") == 0 ? "auto" : "steward", ctx->now_ms, (int64_t)patient);
    if (from != to)
        exchange_notice_moved(ctx, patient, from);
    return tx_error(ctx->tx);
}

int patient_index_join(struct op_ctx *ctx, const struct index_act *act, uint64_t from, uint64_t to)
{
    int64_t members[256];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 256", "i", (int64_t)from);
    while (query_next(q))
        members[n++] = query_int(q, "patient_id");
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = patient_index_move(ctx, act, (uint64_t)members[i], to);
    return rc;
}

static bool holds(const int64_t keys[MPI_KEYS], int64_t key)
{
    int k = 0;
    while (k < MPI_KEYS && keys[k] != key)
        k++;
    return k < MPI_KEYS;
}

/* Those he has are let stand: who moved is found by another house, and by the same name. */
static void change_keys(struct lookup *l)
{
    struct tx *tx = l->ctx->tx;
    for (int k = 0; k < MPI_KEYS; k++) {
        if (l->old_keys[k] && !holds(l->keys, l->old_keys[k]))
            tx_exec(tx, "DELETE FROM mpi_key WHERE key=$1 AND patient_id=$2", "ii", l->old_keys[k], (int64_t)l->patient[0]);
        if (l->keys[k] && !holds(l->old_keys, l->keys[k]))
            tx_upsert(tx, "mpi_key", NULL, "key,patient_id", "ii", l->keys[k], (int64_t)l->patient[0]);
    }
}

static void open_task(struct op_ctx *ctx, uint64_t patient, const struct verdict *v, const char *why)
{
    /* Two questions, each answered by the index of a patient: with OR between them all open tasks would be looked through. */
    int64_t there = tx_int(ctx->tx, 0,
                           "SELECT COUNT(*) AS n FROM (SELECT id FROM mpi_task WHERE patient_id=$1 AND other_id=$2 AND state IN ('open','later') UNION ALL "
                           "SELECT id FROM mpi_task WHERE patient_id=$2 AND other_id=$1 AND state IN ('open','later')) x", "ii", (int64_t)patient, (int64_t)v->other);
    if (!there)
        tx_exec(ctx->tx,
                "INSERT INTO mpi_task (id, patient_id, other_id, odds_milli, why, state, created_ms, act_id) VALUES ($1,$2,$3,$4,$5,'open',$6,0)",
                "iiiiti", (int64_t)id_new(), (int64_t)patient, (int64_t)v->other, (int64_t)(v->odds * 1000), why, ctx->now_ms);
}

/* A patient whom the index has not seen begins as a person of his own, called by his own id. */
static void begin_alone(struct lookup *l)
{
    uint64_t patient = l->patient[0];
    tx_exec(l->ctx->tx, "INSERT INTO mpi_member (patient_id, person_id, how, since_ms, keys) VALUES ($1,$2,'new',$3,$4)", "iiib", (int64_t)patient,
            (int64_t)patient, l->ctx->now_ms, l->keys, sizeof l->keys);
    tx_exec(l->ctx->tx, "UPDATE mpi_state SET patients=patients+1 WHERE id=1", "");
    l->person[0] = patient;
}

/* A changed record may no longer belong to its group: two right numbers, say. A person decides. */
static int check_group(struct lookup *l)
{
    int rc = lookup_add_person(l, l->person[0]);
    rc = rc ? rc : mpi_set_finish(&l->set);
    for (size_t i = 1; rc == 0 && i < l->n; i++)
        if (mpi_barred(&l->set, &l->set.records[0], &l->set.records[i])) {
            open_task(l->ctx, l->patient[0], &(struct verdict){.other = l->patient[i], .odds = -20}, "conflict");
            break;
        }
    return rc;
}

static int place(struct lookup *l, const char **outcome)
{
    struct verdict v = judge(l);
    struct index_act act = {.patient = l->patient[0], .other = v.other, .kind = "auto"};
    *outcome = v.odds >= LINK_ODDS && v.second < REVIEW_ODDS ? "linked" : v.odds >= REVIEW_ODDS ? "review" : "new";
    if (strcmp(*outcome, "review") == 0)
        open_task(l->ctx, l->patient[0], &v, v.second >= REVIEW_ODDS ? "two_persons" : "likely");
    if (strcmp(*outcome, "linked") != 0)
        return tx_error(l->ctx->tx);
    patient_index_begin(l->ctx, &act);
    return patient_index_move(l->ctx, &act, l->patient[0], v.person);
}

static bool barred_alike(const struct patient_row *a, const struct patient_row *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->sex, b->sex) == 0 && strcmp(a->birth_date, b->birth_date) == 0 && a->birth_estimated == b->birth_estimated &&
           strcmp(a->secret.id_no, b->secret.id_no) == 0;
}

static bool weighed_alike(const struct patient_row *a, const struct patient_row *b)
{
    return barred_alike(a, b) && strcmp(a->secret.phone, b->secret.phone) == 0 && strcmp(a->secret.guardian_phone, b->secret.guardian_phone) == 0 &&
           strcmp(a->secret.address, b->secret.address) == 0 && strcmp(a->secret.insurance_no, b->secret.insurance_no) == 0;
}

static bool alone(const struct lookup *l)
{
    return !l->person[0] || tx_int(l->ctx->tx, 1, "SELECT COUNT(*) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)l->person[0]) == 1;
}

/* Who is in a group stays there, whoever else he looks like. */
static int put(struct lookup *l, const struct patient_row *row, const struct patient_row *before, const char **outcome)
{
    int rc = lookup_begin(l, row);
    bool fresh = l->fresh;
    if (rc || (!fresh && before && weighed_alike(row, before)))
        return rc;
    bool grouped = !alone(l);
    rc = grouped ? 0 : lookup_candidates(l);
    if (rc)
        return rc;
    if (fresh)
        begin_alone(l);
    change_keys(l);
    if (!fresh && memcmp(l->keys, l->old_keys, sizeof l->keys) != 0)
        tx_exec(l->ctx->tx, "UPDATE mpi_member SET keys=$1 WHERE patient_id=$2", "bi", l->keys, sizeof l->keys, (int64_t)row->id);
    if (!grouped)
        return place(l, outcome);
    *outcome = "linked";
    return before && barred_alike(row, before) ? 0 : check_group(l);
}

int patient_index_put(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before, const char **outcome)
{
    struct lookup l = {.ctx = ctx, .x = records_parts(ctx->records)->patient_index};
    *outcome = "new";
    mpi_set_init(&l.set, l.x->tables);
    int rc = put(&l, row, before, outcome);
    mpi_set_fini(&l.set);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- for those who only ask ---- */

#define UNLIKELY_ODDS -4.6f /* under one in a hundred */

static void rank(struct index_candidate *list, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k && list[k].probability > list[k - 1].probability; k--) {
            struct index_candidate swap = list[k];
            list[k] = list[k - 1];
            list[k - 1] = swap;
        }
}

static size_t weigh_persons(const struct lookup *l, struct index_candidate *out, size_t cap)
{
    struct verdict v = judge(l);
    size_t n = 0;
    for (size_t i = 1; i < l->candidates && n < cap; i++) {
        float odds = l->likely[i] && first_of_person(l, i) ? person_odds(l, l->person[i]) : -INFINITY;
        if (odds < UNLIKELY_ODDS)
            continue;
        out[n++] = (struct index_candidate){.person = l->person[i], .probability = 1 / (1 + exp(-(double)odds)),
                                            .certain = l->person[i] == v.person && odds >= LINK_ODDS && v.second < REVIEW_ODDS,
                                            .likely = odds >= REVIEW_ODDS};
    }
    rank(out, n);
    return n;
}

int patient_index_score(struct op_ctx *ctx, const struct patient_row *row, struct index_candidate *out, size_t cap, size_t *n)
{
    struct lookup l = {.ctx = ctx, .x = records_parts(ctx->records)->patient_index};
    *n = 0;
    mpi_set_init(&l.set, l.x->tables);
    int rc = lookup_begin(&l, row);
    rc = rc ? rc : lookup_candidates(&l);
    if (rc == 0)
        *n = weigh_persons(&l, out, cap);
    mpi_set_fini(&l.set);
    return rc ? rc : tx_error(ctx->tx);
}

/* Bytes of the first n characters. */
static size_t bytes_of(const char *text, size_t n)
{
    const char *p = text;
    for (; *p && n; n--)
        for (p++; (*p & 0xc0) == 0x80; p++)
            ;
    return (size_t)(p - text);
}

void patient_index_name(struct op_ctx *ctx, const char *name, char family[168], char given[168])
{
    struct mpi_name read;
    const char *blank = strchr(name, ' ');
    family[0] = given[0] = 0;
    mpi_name_read(records_parts(ctx->records)->patient_index->tables, mpi_text_of(name), (struct mpi_text){0}, (struct mpi_text){0}, &read);
    if (read.unidentified || read.child)
        return;
    size_t n = read.han ? bytes_of(name, read.n_family) : blank ? (size_t)(blank - name) : 0;
    bool whole = !read.han || bytes_of(name, read.n) == strlen(name); /* nothing in it that is no part of the name */
    if (!n || !name[n] || !whole)
        return;
    snprintf(family, 168, "%.*s", (int)n, name);
    snprintf(given, 168, "%s", name + n + (read.han ? 0 : 1));
}
