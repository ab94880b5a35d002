/* Matching one registration against the site. */
#include "records/patient/index_desk.h"
#include "records/patient/index_lookup.h"
#include "records/exchange/notice.h"
#include "records/store/late.h"
#include "records/store/sealed.h"
#include "records/work/consultation.h"
#include <math.h>
#include <stdlib.h>

#define ROUNDS_MAX 8 /* persons that one registration brings together */

int patient_index_open(struct patient_index **out, const char *config_dir, const uint8_t key[32], struct fault *f)
{
    struct patient_index *x = calloc(1, sizeof *x);
    char path[700];
    *out = NULL;
    if (!x)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    hmac_begin(&x->key, key, 32);
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
    explicit_bzero(&x->key, sizeof x->key);
    free(x);
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
    int rc = 0;
    for (int64_t member = 0; rc == 0 && (member = tx_int(ctx->tx, 0, "SELECT patient_id FROM mpi_member WHERE person_id=$1 AND patient_id>$2 ORDER BY patient_id LIMIT 1", "ii", (int64_t)from, member)) > 0;)
        rc = patient_index_move(ctx, act, (uint64_t)member, to);
    return rc ? rc : tx_error(ctx->tx);
}

bool patient_index_apart(struct op_ctx *ctx, uint64_t person_a, uint64_t person_b)
{
    static const char sql[] = "SELECT COUNT(*) AS n FROM mpi_member p JOIN mpi_apart m ON m.a=p.patient_id "
                              "JOIN mpi_member q ON q.patient_id=m.b WHERE p.person_id=$1 AND q.person_id=$2";
    return tx_int(ctx->tx, 1, sql, "ii", (int64_t)person_a, (int64_t)person_b) > 0 || tx_int(ctx->tx, 1, sql, "ii", (int64_t)person_b, (int64_t)person_a) > 0;
}

void index_settle_tasks(struct op_ctx *ctx, const struct index_act *act)
{
    tx_exec(ctx->tx,
            "UPDATE mpi_task SET state='linked', act_id=$1 WHERE id IN (SELECT t.id FROM mpi_member m JOIN mpi_task t ON t.patient_id=m.patient_id JOIN mpi_member o ON "
            "o.patient_id=t.other_id WHERE m.person_id=$2 AND o.person_id=$2 AND " TASK_STATE "='open' AND t.why IN ('likely','two_persons'))",
            "ii", (int64_t)act->id, (int64_t)patient_index_person(ctx, act->patient));
}

/* The next of those whose person changed, by number; 0 = there is none. */
static int64_t next_moved(struct op_ctx *ctx, uint64_t act, int64_t after)
{
    return tx_int(ctx->tx, 0, "SELECT patient_id FROM mpi_move WHERE act_id=$1 AND from_id<>to_id AND patient_id>$2 ORDER BY patient_id LIMIT 1", "ii", (int64_t)act, after);
}

int index_tell(struct op_ctx *ctx, uint64_t act, uint64_t patient)
{
    char key[ID_TEXT_BYTES];
    int rc = 0;
    for (int64_t moved = 0; rc == 0 && (moved = next_moved(ctx, act, moved)) > 0;)
        rc = consultation_tell_identity(ctx, (struct patient_id){(uint64_t)moved});
    id_format(patient, key);
    tx_feed(ctx->tx, "mpi", key, "{}");
    return rc ? rc : tx_error(ctx->tx);
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
        if (l->old_keys[k] && !holds(l->keys, l->old_keys[k])) {
            struct late_key old;
            late_number(&old, l->old_keys[k]);
            tx_exec(tx, "DELETE FROM mpi_key WHERE key=$1 AND patient_id=$2", "ii", l->old_keys[k], (int64_t)l->patient[0]);
            late_remove(tx, l->patient[0], &old);
        }
        if (l->keys[k] && !holds(l->old_keys, l->keys[k]))
            tx_upsert(tx, "mpi_key", NULL, "key,patient_id", "ii", l->keys[k], (int64_t)l->patient[0]);
    }
}

static void add_keys(struct lookup *l)
{
    struct late_rows rows;
    rows.n = 0;
    for (int k = 0; k < MPI_KEYS; k++)
        if (l->keys[k])
            late_number(&rows.keys[rows.n++], l->keys[k]);
    late_add(l->ctx->tx, l->patient[0], &rows);
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

static void keep_keys(struct lookup *l)
{
    change_keys(l);
    if (memcmp(l->keys, l->old_keys, sizeof l->keys) != 0)
        tx_exec(l->ctx->tx, "UPDATE mpi_member SET keys=$1 WHERE patient_id=$2", "bi", l->keys, sizeof l->keys, (int64_t)l->patient[0]);
}

/* ---- what waits for the steward ---- */

static void open_task(struct op_ctx *ctx, uint64_t patient, const struct rival *r, const char *why)
{
    /* Two questions, each answered by the index of a patient: with OR between them all open tasks would be looked through. */
    int64_t there = tx_int(ctx->tx, 0,
                           "SELECT COUNT(*) AS n FROM (SELECT id FROM mpi_task t WHERE patient_id=$1 AND other_id=$2 AND " TASK_WAITS " UNION ALL "
                           "SELECT id FROM mpi_task t WHERE patient_id=$2 AND other_id=$1 AND " TASK_WAITS ") x", "ii", (int64_t)patient, (int64_t)r->patient);
    if (!there)
        tx_exec(ctx->tx,
                "INSERT INTO mpi_task (id, patient_id, other_id, odds_milli, why, state, created_ms, act_id) VALUES ($1,$2,$3,$4,$5,'open',$6,0)",
                "iiiiti", (int64_t)id_new(), (int64_t)patient, (int64_t)r->patient, (int64_t)(r->odds * 1000), why, ctx->now_ms);
}

/* What waits between two persons; 0 = nothing. */
static uint64_t waiting_between(struct op_ctx *ctx, uint64_t a, uint64_t b)
{
    static const char sql[] = "SELECT MIN(t.id) AS n FROM mpi_member m JOIN mpi_task t ON t.patient_id=m.patient_id JOIN mpi_member o ON o.patient_id=t.other_id "
                              "WHERE m.person_id=$1 AND o.person_id=$2 AND " TASK_WAITS;
    int64_t task = tx_int(ctx->tx, 0, sql, "ii", (int64_t)a, (int64_t)b);
    return (uint64_t)(task ? task : tx_int(ctx->tx, 0, sql, "ii", (int64_t)b, (int64_t)a));
}

/* What waits already for the two is brought up to date: a pair is asked about once. */
static void ask(struct lookup *l, const struct rival *r, const char *why)
{
    uint64_t task = waiting_between(l->ctx, l->person[0], r->person);
    if (!task)
        open_task(l->ctx, l->patient[0], r, why);
    else
        tx_exec(l->ctx->tx, "UPDATE mpi_task SET odds_milli=$1, why=CASE WHEN why IN ('likely','two_persons') THEN $2 ELSE why END WHERE id=$3", "iti",
                (int64_t)(r->odds * 1000), why, (int64_t)task);
}

/* A changed record may no longer belong to its group: two right numbers, say. A person decides. */
static void check_group(struct lookup *l)
{
    for (size_t i = 1; i < l->n; i++)
        if (l->person[i] == l->person[0] && mpi_barred(&l->set, &l->set.records[0], &l->set.records[i])) {
            open_task(l->ctx, l->patient[0], &(struct rival){.patient = l->patient[i], .odds = -20}, "conflict");
            return;
        }
}

/* ---- placing ---- */

/* A lone record goes to the other; of two persons the younger one becomes part of the older. */
static int put_together(struct lookup *l, const struct rival *r)
{
    uint64_t own = l->person[0];
    bool alone = lookup_size(l, own) == 1, other_alone = lookup_size(l, r->person) == 1;
    bool goes = alone != other_alone ? alone : own > r->person;
    uint64_t from = goes ? own : r->person, to = goes ? r->person : own;
    struct index_act act = {.patient = goes ? l->patient[0] : r->patient, .other = goes ? r->patient : l->patient[0], .kind = "auto"};
    patient_index_begin(l->ctx, &act);
    int rc = patient_index_join(l->ctx, &act, from, to);
    for (size_t i = 0; i < l->n; i++)
        l->person[i] = l->person[i] == from ? to : l->person[i];
    index_settle_tasks(l->ctx, &act);
    return rc ? rc : index_tell(l->ctx, act.id, act.patient);
}

/* Whoever he is with certainty becomes one with him, the likeliest first; each who joined may tie another. */
static int place(struct lookup *l, const char **outcome)
{
    struct rival rivals[RIVALS_MAX];
    size_t n = 0;
    int rc = 0;
    for (int round = 0; rc == 0; round++) {
        size_t which = 0;
        n = lookup_rivals(l, REVIEW_ODDS, rivals);
        while (which < n && !lookup_certain(l, &rivals[which]))
            which++;
        if (which == n || round == ROUNDS_MAX)
            break;
        rc = put_together(l, &rivals[which]);
        rc = rc ? rc : lookup_add_waiting(l);
    }
    *outcome = lookup_size(l, l->person[0]) > 1 ? "linked" : n ? "review" : "new";
    if (rc == 0 && n)
        ask(l, &rivals[0], n > 1 ? "two_persons" : "likely");
    return rc;
}

static bool weighed_alike(const struct patient_row *a, const struct patient_row *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->sex, b->sex) == 0 && strcmp(a->birth_date, b->birth_date) == 0 && a->birth_estimated == b->birth_estimated &&
           strcmp(a->secret.id_no, b->secret.id_no) == 0 && strcmp(a->secret.phone, b->secret.phone) == 0 && strcmp(a->secret.guardian_phone, b->secret.guardian_phone) == 0 &&
           strcmp(a->secret.address, b->secret.address) == 0 && strcmp(a->secret.insurance_no, b->secret.insurance_no) == 0;
}

static int place_new(struct lookup *l, const char **outcome)
{
    begin_alone(l);
    add_keys(l);
    return place(l, outcome);
}

static int place_again(struct lookup *l, const char **outcome)
{
    keep_keys(l);
    int rc = lookup_add_waiting(l);
    if (rc == 0 && lookup_size(l, l->person[0]) > 1)
        check_group(l);
    return rc ? rc : place(l, outcome);
}

int patient_index_put(struct op_ctx *ctx, const struct patient_row *row, const struct patient_row *before, const char **outcome)
{
    struct lookup l;
    *outcome = "new";
    lookup_begin(&l, ctx);
    int rc = lookup_ask(&l, row);
    bool fresh = l.person[0] == LOOKUP_NEW;
    if (fresh || !before || !weighed_alike(row, before)) {
        rc = rc ? rc : lookup_candidates(&l);
        rc = rc ? rc : fresh ? place_new(&l, outcome) : place_again(&l, outcome);
    }
    lookup_end(&l);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- for those who only ask ---- */

#define UNLIKELY_ODDS -4.6f /* under one in a hundred */

int patient_index_score(struct op_ctx *ctx, const struct patient_row *row, struct index_candidate *out, size_t cap, size_t *n)
{
    struct lookup l;
    struct rival rivals[RIVALS_MAX];
    *n = 0;
    lookup_begin(&l, ctx);
    int rc = lookup_ask(&l, row);
    rc = rc ? rc : lookup_candidates(&l);
    size_t found = rc ? 0 : lookup_rivals(&l, UNLIKELY_ODDS, rivals);
    for (; *n < found && *n < cap; ++*n)
        out[*n] = (struct index_candidate){.person = rivals[*n].person, .probability = 1 / (1 + exp(-(double)rivals[*n].odds)),
                                           .certain = *n == 0 && (found < 2 || rivals[1].odds < REVIEW_ODDS) && lookup_certain(&l, &rivals[0]), .likely = rivals[*n].odds >= REVIEW_ODDS};
    lookup_end(&l);
    return rc ? rc : tx_error(ctx->tx);
}

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
