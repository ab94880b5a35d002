/* Matching one registration against the site. */
#include "records/patient/index.h"
#include "records/exchange/notice.h"
#include "records/mpi/block.h"
#include "records/mpi/cluster.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CROWD 50       /* a key more records have brings no candidates */
#define FEW 12         /* ... a broad key */
#define NAMES_MAX 2000 /* namesakes are counted this far */
#define CANDIDATES 120
#define FOUND_MAX (MPI_KEYS * CROWD)
#define FOUND_SLOTS 4096 /* a power of two, over twice FOUND_MAX */
#define GROUP_MAX 160  /* candidates and the other members of their persons */
#define LINK_ODDS 4.6f   /* 99 %: put together at once */
#define REVIEW_ODDS 0.0f /* an even chance: a person looks at it */

struct patient_index {
    struct mpi_tables *tables;
    struct mpi_model model;
    uint8_t key[32];
};

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

static struct patient_index *index_of(struct op_ctx *ctx)
{
    return records_parts(ctx->records)->patient_index;
}

/* ---- records of the engine from rows ---- */

static struct mpi_text text_of(const char *s)
{
    return (struct mpi_text){s, strlen(s)};
}

static int add_row(struct mpi_set *set, const struct patient_row *row)
{
    struct mpi_raw raw = {0};
    char phones[64];
    snprintf(phones, sizeof phones, "%s;%s", row->secret.phone, row->secret.guardian_phone);
    raw.text[MPI_NAME] = text_of(row->name);
    raw.text[MPI_SEX] = text_of(row->sex);
    raw.text[MPI_BIRTH_DATE] = text_of(row->birth_date);
    if (row->birth_estimated && raw.text[MPI_BIRTH_DATE].len > 4)
        raw.text[MPI_BIRTH_DATE].len = 4;
    raw.text[MPI_ID_NO] = text_of(row->secret.id_no);
    raw.text[MPI_PHONE] = text_of(phones);
    raw.text[MPI_ADDRESS] = text_of(row->secret.address);
    raw.text[MPI_INSURANCE_NO] = text_of(row->secret.insurance_no);
    return mpi_set_add(set, &raw);
}

static int64_t blinded(const struct patient_index *x, uint32_t key)
{
    uint8_t mac[SHA256_BYTES];
    int64_t out;
    crypto_hmac_sha256(x->key, sizeof x->key, (const uint8_t *)&key, sizeof key, mac);
    memcpy(&out, mac, sizeof out);
    return out;
}

/* ---- looking up ---- */

struct lookup {
    struct op_ctx *ctx;
    struct patient_index *x;
    struct mpi_set set; /* record 0 is the patient asked about */
    uint64_t patient[GROUP_MAX], person[GROUP_MAX];
    size_t n, candidates;
    int64_t keys[MPI_KEYS]; /* blinded; 0 = none */
    int64_t seen[MPI_KEYS]; /* how many others have it, as far as counted */
    int64_t patients;       /* of the site */
    struct found {
        uint64_t patient;
        float worth; /* bits: how rare the keys are that he shares */
    } found[FOUND_MAX];
    size_t n_found;
    uint16_t slots[FOUND_SLOTS]; /* by patient: place in found, + 1 */
};

/* Keys a site keeps: those that stay selective among a million. Name and birth date alone are only counted. */
static const uint32_t kept = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 11 |
                             1u << 12 | 1u << 14 | 1u << MPI_KEY_NAME | 1u << MPI_KEY_BIRTH;

static int read_keys(struct lookup *l, const struct patient_row *row)
{
    struct mpi_set one;
    uint32_t keys[MPI_KEYS];
    mpi_set_init(&one, l->x->tables);
    int rc = add_row(&one, row);
    rc = rc ? rc : mpi_set_finish(&one);
    if (rc == 0) {
        mpi_block_keys(&one, &one.records[0], keys);
        for (int k = 0; k < MPI_KEYS; k++)
            l->keys[k] = keys[k] && (kept >> k & 1) ? blinded(l->x, keys[k]) : 0;
    }
    mpi_set_fini(&one);
    return rc;
}

static bool known(const struct lookup *l, uint64_t patient)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->patient[i] == patient)
            return true;
    return false;
}

static int add_patient(struct lookup *l, uint64_t patient)
{
    struct patient_row row;
    uint64_t person;
    if (l->n == GROUP_MAX || known(l, patient))
        return 0;
    int rc = patient_load_to_match(l->ctx, patient, &row, &person);
    rc = rc ? rc : add_row(&l->set, &row);
    patient_row_wipe(&row);
    if (rc)
        return rc;
    l->patient[l->n] = patient;
    l->person[l->n++] = person;
    return 0;
}

static void note(struct lookup *l, uint64_t patient, float worth)
{
    size_t at = (size_t)((patient * 0x9E3779B97F4A7C15u) >> 52) & (FOUND_SLOTS - 1);
    while (l->slots[at] && l->found[l->slots[at] - 1].patient != patient)
        at = (at + 1) & (FOUND_SLOTS - 1);
    if (l->slots[at])
        l->found[l->slots[at] - 1].worth += worth;
    else if (l->n_found < FOUND_MAX) {
        l->found[l->n_found++] = (struct found){patient, worth};
        l->slots[at] = (uint16_t)l->n_found;
    }
}

/* A number says by itself who somebody is; of the other keys several say the same thing of one name or one birth. */
static float worth_of(const struct lookup *l, int k, size_t n)
{
    float rare = log2f((float)(l->patients + 2) / (float)(n + 1)) + 1;
    return k == MPI_KEY_ID || k == MPI_KEY_INSURANCE ? 4 * rare : rare;
}

/* Patients under one key; a crowd brings none. */
static int look_up(struct lookup *l, int k)
{
    int64_t limit = k >= MPI_KEY_BROAD ? FEW : CROWD, found[CROWD + 1];
    size_t n = 0;
    struct query *q = tx_query(l->ctx->tx, "SELECT patient_id FROM mpi_key WHERE key=$1 ORDER BY patient_id DESC LIMIT $2", "ii", l->keys[k],
                               limit + 1);
    while (query_next(q))
        found[n++] = query_int(q, "patient_id");
    int rc = query_end(q);
    l->seen[k] = (int64_t)n;
    if (k == MPI_KEY_NAME && (int64_t)n > limit)
        l->seen[k] = tx_int(l->ctx->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT patient_id FROM mpi_key WHERE key=$1 LIMIT $2) AS counted", "ii",
                            l->keys[k], (int64_t)NAMES_MAX);
    float worth = worth_of(l, k, n);
    for (size_t i = 0; (int64_t)n <= limit && i < n; i++)
        note(l, (uint64_t)found[i], worth);
    return rc;
}

static int by_worth(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->worth != y->worth)
        return x->worth > y->worth ? -1 : 1;
    return (x->patient < y->patient) - (x->patient > y->patient); /* the newer first */
}

/* Those who share the rarest keys: a bound does not push out who matters for who came first. */
static int add_found(struct lookup *l)
{
    int rc = 0;
    qsort(l->found, l->n_found, sizeof *l->found, by_worth);
    for (size_t i = 0; rc == 0 && i < l->n_found && l->n < CANDIDATES; i++)
        rc = add_patient(l, l->found[i].patient);
    return rc;
}

/* The candidates' persons as wholes: a group is judged by all its members. */
static int add_members(struct lookup *l)
{
    int rc = 0;
    l->candidates = l->n;
    for (size_t i = 1; rc == 0 && i < l->candidates; i++) {
        int64_t found[GROUP_MAX];
        size_t n = 0;
        struct query *q = tx_query(l->ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 40", "i",
                                   (int64_t)l->person[i]);
        while (query_next(q))
            found[n++] = query_int(q, "patient_id");
        rc = query_end(q);
        for (size_t k = 0; rc == 0 && k < n; k++)
            rc = add_patient(l, (uint64_t)found[k]);
    }
    return rc;
}

static int gather(struct lookup *l, const struct patient_row *row)
{
    int rc = read_keys(l, row);
    rc = rc ? rc : add_row(&l->set, row);
    l->patient[0] = row->id;
    l->person[0] = patient_index_person(l->ctx, row->id);
    l->n = 1;
    l->patients = tx_int(l->ctx->tx, 0, "SELECT patients FROM mpi_state WHERE id=1", "");
    for (int k = 0; rc == 0 && k < MPI_KEYS; k++)
        if (l->keys[k])
            rc = look_up(l, k);
    rc = rc ? rc : add_found(l);
    rc = rc ? rc : add_members(l);
    return rc ? rc : mpi_set_finish(&l->set);
}

/* How rare what they agree on is in the whole site, not among the few that were loaded. */
static void set_shares(const struct lookup *l, struct mpi_match *m)
{
    static const struct {
        int part, key;
    } counted[] = {{PART_ID, MPI_KEY_ID}, {PART_INSURANCE, MPI_KEY_INSURANCE}, {PART_PHONE, 4}, {PART_BIRTH, MPI_KEY_BIRTH}};
    float all = (float)(l->patients > 1000 ? l->patients : 1000); /* a young site does not know yet what is rare */
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        float n = (float)l->seen[counted[i].key] + 1;
        m->share[counted[i].part] = m->level[counted[i].part] == 0 ? n / all : 0;
    }
    float name = sqrtf(((float)l->seen[MPI_KEY_NAME] + 1) / all); /* both parts together are as rare as the name */
    m->share[PART_ADDRESS] = m->share[PART_POSTCODE] = 0; /* not counted: as rare as addresses are on average */
    m->share[PART_FAMILY] = m->level[PART_FAMILY] == 0 ? name : 0;
    m->share[PART_GIVEN] = m->level[PART_GIVEN] == 0 ? name : 0;
}

static bool kept_apart(struct op_ctx *ctx, uint64_t a, uint64_t b)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM mpi_apart WHERE a=$1 AND b=$2", "ii", (int64_t)(a < b ? a : b),
                  (int64_t)(a < b ? b : a)) > 0;
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
        if (mpi_barred(&l->set, &l->set.records[0], &l->set.records[i]) || kept_apart(l->ctx, l->patient[0], l->patient[i]))
            return -INFINITY;
        mpi_compare(&l->set, &l->set.records[0], &l->set.records[i], &pair);
        set_shares(l, &pair);
        mpi_tally_add(&tally, &pair);
    }
    mpi_tally_settle(&tally, &all);
    return mpi_model_odds(&l->x->model, &all);
}

struct verdict {
    uint64_t person, other; /* other: a member to show beside the patient */
    float odds, second;
};

static struct verdict judge(const struct lookup *l)
{
    struct verdict v = {.odds = -INFINITY, .second = -INFINITY};
    for (size_t i = 1; i < l->candidates; i++) {
        bool again = l->person[i] == l->person[0];
        for (size_t j = 1; j < i && !again; j++)
            again = l->person[j] == l->person[i];
        float odds = again ? -INFINITY : person_odds(l, l->person[i]);
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

/* The keys a patient has now. The member's row remembers them, so that changed ones are found again without an index of their own. */
static int old_keys(struct lookup *l, uint64_t patient, int64_t old[MPI_KEYS], size_t *n)
{
    size_t len = 0;
    struct query *q = tx_query(l->ctx->tx, "SELECT keys FROM mpi_member WHERE patient_id=$1", "i", (int64_t)patient);
    if (query_next(q)) {
        const void *held = query_blob(q, "keys", &len);
        len = held && len <= sizeof l->keys ? len : 0;
        if (len)
            memcpy(old, held, len);
    }
    *n = len / sizeof *old;
    return query_end(q);
}

static int write_keys(struct lookup *l, uint64_t patient, bool fresh)
{
    int64_t old[MPI_KEYS];
    size_t n = 0;
    int rc = fresh ? 0 : old_keys(l, patient, old, &n);
    if (rc || (n == MPI_KEYS && memcmp(old, l->keys, sizeof old) == 0))
        return rc;
    for (size_t i = 0; i < n; i++)
        if (old[i])
            tx_exec(l->ctx->tx, "DELETE FROM mpi_key WHERE key=$1 AND patient_id=$2", "ii", old[i], (int64_t)patient);
    for (int k = 0; k < MPI_KEYS; k++)
        if (l->keys[k])
            tx_upsert(l->ctx->tx, "mpi_key", NULL, "key,patient_id", "ii", l->keys[k], (int64_t)patient);
    return tx_exec(l->ctx->tx, "UPDATE mpi_member SET keys=$1 WHERE patient_id=$2", "bi", l->keys, sizeof l->keys, (int64_t)patient);
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
    tx_exec(l->ctx->tx, "INSERT INTO mpi_member (patient_id, person_id, how, since_ms) VALUES ($1,$2,'new',$3)", "iii", (int64_t)patient,
            (int64_t)patient, l->ctx->now_ms);
    tx_exec(l->ctx->tx, "UPDATE mpi_state SET patients=patients+1 WHERE id=1", "");
    l->person[0] = patient;
}

/* A changed record may no longer belong to its group: two right numbers, say. A person decides. */
static void check_group(struct lookup *l)
{
    for (size_t i = 1; i < l->n; i++)
        if (l->person[i] == l->person[0] && mpi_barred(&l->set, &l->set.records[0], &l->set.records[i])) {
            open_task(l->ctx, l->patient[0], &(struct verdict){.other = l->patient[i], .odds = -20}, "conflict");
            return;
        }
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

int patient_index_put(struct op_ctx *ctx, const struct patient_row *row, const char **outcome)
{
    struct lookup l = {.ctx = ctx, .x = index_of(ctx)};
    *outcome = "new";
    mpi_set_init(&l.set, l.x->tables);
    int rc = gather(&l, row);
    if (rc == 0) {
        bool fresh = l.person[0] == 0;
        if (fresh)
            begin_alone(&l);
        int64_t members = fresh ? 1 : tx_int(ctx->tx, 1, "SELECT COUNT(*) AS n FROM mpi_member WHERE person_id=$1", "i", (int64_t)l.person[0]);
        rc = write_keys(&l, row->id, fresh);
        if (rc == 0 && members == 1)
            rc = place(&l, outcome);
        else if (rc == 0) {
            *outcome = "linked";
            check_group(&l);
        }
    }
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
        bool again = false;
        for (size_t j = 1; j < i && !again; j++)
            again = l->person[j] == l->person[i];
        float odds = again ? -INFINITY : person_odds(l, l->person[i]);
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
    struct lookup l = {.ctx = ctx, .x = index_of(ctx)};
    *n = 0;
    mpi_set_init(&l.set, l.x->tables);
    int rc = gather(&l, row);
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
    mpi_name_read(index_of(ctx)->tables, text_of(name), (struct mpi_text){0}, (struct mpi_text){0}, &read);
    if (read.unidentified || read.child)
        return;
    size_t n = read.han ? bytes_of(name, read.n_family) : blank ? (size_t)(blank - name) : 0;
    bool whole = !read.han || bytes_of(name, read.n) == strlen(name); /* nothing in it that is no part of the name */
    if (!n || !name[n] || !whole)
        return;
    snprintf(family, 168, "%.*s", (int)n, name);
    snprintf(given, 168, "%s", name + n + (read.han ? 0 : 1));
}

/* ---- for the desk ---- */

static json_t *both(struct mpi_words words)
{
    return json_pack("{s:s,s:s}", "zh", words.zh, "en", words.en);
}

static json_t *part_json(const struct mpi_model *model, const struct mpi_match *m, enum mpi_part part, enum mpi_class rival)
{
    static const char *const names[MPI_PARTS] = {"family_name", "given_name", "birth_date", "sex", "id_no", "phone", "address", "postcode", "insurance_no"};
    bool said = m->level[part] != MPI_MISSING, rare = m->level[part] == 0 && m->share[part] > 0;
    return json_pack("{s:s,s:o,s:o,s:o,s:f,s:o}", "part", names[part], "label", both(mpi_part_label(part)), "level",
                     said ? json_integer(m->level[part]) : json_null(), "text", both(mpi_level_label(part, m->level[part])), "weight",
                     (double)mpi_model_part(model, m, part, rival), "one_in",
                     rare ? json_integer((json_int_t)(1 / (double)m->share[part] + 0.5)) : json_null());
}

static json_t *parts_json(const struct mpi_model *model, const struct mpi_match *m, enum mpi_class rival)
{
    json_t *parts = json_array();
    for (int part = 0; part < MPI_PARTS; part++)
        json_array_append_new(parts, part_json(model, m, (enum mpi_part)part, rival));
    return parts;
}

json_t *patient_index_compare(struct op_ctx *ctx, const struct patient_row *a, const struct patient_row *b)
{
    struct lookup l = {.ctx = ctx, .x = index_of(ctx)};
    struct mpi_match m;
    json_t *out = NULL;
    mpi_set_init(&l.set, l.x->tables);
    int rc = gather(&l, a); /* counts how rare a's values are */
    mpi_set_fini(&l.set);
    mpi_set_init(&l.set, l.x->tables);
    rc = rc ? rc : add_row(&l.set, a);
    rc = rc ? rc : add_row(&l.set, b);
    rc = rc ? rc : mpi_set_finish(&l.set);
    if (rc == 0) {
        mpi_compare(&l.set, &l.set.records[0], &l.set.records[1], &m);
        set_shares(&l, &m);
        float odds = mpi_model_odds(&l.x->model, &m);
        enum mpi_class rival = mpi_model_rival(&l.x->model, &m);
        enum mpi_bar bar = mpi_barred(&l.set, &l.set.records[0], &l.set.records[1]);
        out = json_pack("{s:f,s:f,s:o,s:o,s:f,s:o}", "probability", 1 / (1 + exp(-(double)odds)), "odds", (double)odds, "rival",
                        both(mpi_class_label(rival)), "barred", bar ? both(mpi_bar_label(bar)) : json_null(), "prior",
                        (double)(l.x->model.prior[CLASS_PERSON] - l.x->model.prior[rival]), "parts", parts_json(&l.x->model, &m, rival));
    }
    mpi_set_fini(&l.set);
    if (!out)
        fault_set(ctx->fault, rc ? rc : ERR_INTERNAL, "", "The two records could not be compared.");
    return out;
}

static int load_person(struct lookup *l, uint64_t person)
{
    int64_t members[GROUP_MAX];
    size_t n = 0;
    struct query *q = tx_query(l->ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 80", "i", (int64_t)person);
    while (query_next(q))
        members[n++] = query_int(q, "patient_id");
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = add_patient(l, (uint64_t)members[i]);
    return rc;
}

const char *patient_index_bar(struct op_ctx *ctx, uint64_t person_a, uint64_t person_b)
{
    struct lookup l = {.ctx = ctx, .x = index_of(ctx)};
    enum mpi_bar bar = BAR_NONE;
    mpi_set_init(&l.set, l.x->tables);
    int rc = load_person(&l, person_a);
    rc = rc ? rc : load_person(&l, person_b);
    rc = rc ? rc : mpi_set_finish(&l.set);
    for (size_t i = 0; rc == 0 && i < l.n && !bar; i++)
        for (size_t j = 0; j < l.n && !bar; j++)
            if (i != j && l.person[i] == person_a && l.person[j] == person_b)
                bar = mpi_barred(&l.set, &l.set.records[i], &l.set.records[j]);
    mpi_set_fini(&l.set);
    if (rc)
        fault_set(ctx->fault, rc, "", "The two persons could not be compared.");
    return rc ? NULL : mpi_bar_label(bar).en;
}
