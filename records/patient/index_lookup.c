/* The candidates of one registration. */
#include "records/patient/index_lookup.h"
#include "records/store/late.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#define FEW 12         /* ... a broad key */
#define NAMES_MAX 2000 /* namesakes are counted this far */
#define PHONE_KEY 4
#define WAITING_MAX 8
#define TOO_MANY 16    /* under one key alone: who shares nothing else with the patient is not opened */
#define CANDIDATES 120
/* One in 160,000: a candidate whose own record agrees this badly does not bring his person. A member who agrees better is a candidate too. */
#define HOPELESS_ODDS -12.0f

void lookup_begin(struct lookup *l, struct op_ctx *ctx)
{
    memset(l, 0, offsetof(struct lookup, found)); /* the rest, half of it, only as far as it is filled */
    l->ctx = ctx;
    l->x = records_parts(ctx->records)->patient_index;
    l->patients = tx_int(ctx->tx, 0, "SELECT patients FROM mpi_state WHERE id=1", "");
    mpi_set_init(&l->set, l->x->tables);
}

void lookup_end(struct lookup *l)
{
    mpi_set_fini(&l->set);
}

/* ---- records of the engine from rows ---- */

int lookup_add_row(struct mpi_set *set, const struct patient_row *row)
{
    struct mpi_raw raw = {0};
    char phones[64];
    snprintf(phones, sizeof phones, "%s;%s", row->secret.phone, row->secret.guardian_phone);
    raw.text[MPI_NAME] = mpi_text_of(row->name);
    raw.text[MPI_SEX] = mpi_text_of(row->sex);
    raw.text[MPI_BIRTH_DATE] = mpi_text_of(row->birth_date);
    if (row->birth_estimated && raw.text[MPI_BIRTH_DATE].len > 4)
        raw.text[MPI_BIRTH_DATE].len = 4;
    raw.text[MPI_ID_NO] = mpi_text_of(row->secret.id_no);
    raw.text[MPI_PHONE] = mpi_text_of(phones);
    raw.text[MPI_ADDRESS] = mpi_text_of(row->secret.address);
    raw.text[MPI_INSURANCE_NO] = mpi_text_of(row->secret.insurance_no);
    return mpi_set_add(set, &raw);
}

static int64_t blinded(const struct patient_index *x, uint32_t key)
{
    uint8_t mac[SHA256_BYTES];
    int64_t out;
    hmac_of(&x->key, &key, sizeof key, mac);
    memcpy(&out, mac, sizeof out);
    return out;
}

/* ---- looking up ---- */

/* Keys a site keeps: those that stay selective among a million. Name and birth date alone are only counted. */
static const uint32_t kept = 1u << 0 | 1u << 1 | 1u << 2 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 11 |
                             1u << 12 | 1u << 14 | 1u << MPI_KEY_NAME | 1u << MPI_KEY_BIRTH;

static void make_keys(struct lookup *l)
{
    uint32_t keys[MPI_KEYS];
    mpi_block_keys(&l->set, &l->set.records[0], keys);
    for (int k = 0; k < MPI_KEYS; k++)
        l->keys[k] = keys[k] && (kept >> k & 1) ? blinded(l->x, keys[k]) : 0;
}

/* His person, and the keys he has: his membership remembers them, so that those which change are found without an index of their own. */
static int load_member(struct lookup *l)
{
    size_t len = 0;
    l->person[0] = LOOKUP_NEW;
    struct query *q = tx_query(l->ctx->tx, "SELECT person_id, keys FROM mpi_member WHERE patient_id=$1", "i", (int64_t)l->patient[0]);
    if (query_next(q)) {
        const void *held = query_blob(q, "keys", &len);
        if (held && len <= sizeof l->old_keys)
            memcpy(l->old_keys, held, len);
        l->person[0] = (uint64_t)query_int(q, "person_id");
    }
    return query_end(q);
}

int lookup_ask(struct lookup *l, const struct patient_row *row)
{
    int rc = lookup_add_row(&l->set, row);
    rc = rc ? rc : mpi_set_finish(&l->set);
    if (rc == 0)
        make_keys(l);
    l->patient[0] = row->id;
    l->n = 1;
    return rc ? rc : load_member(l);
}

static size_t place_of(const struct lookup *l, uint64_t patient)
{
    size_t i = 0;
    while (i < l->n && l->patient[i] != patient)
        i++;
    return i;
}

int lookup_add_patient(struct lookup *l, uint64_t patient, uint64_t person)
{
    struct patient_row row;
    size_t at = place_of(l, patient);
    if (at < l->n && person)
        l->person[at] = person;
    l->cut = l->cut || (at == l->n && person && l->n == LOOKUP_GROUP_MAX);
    if (at < l->n || l->n == LOOKUP_GROUP_MAX)
        return 0;
    int rc = patient_load_to_match(l->ctx, patient, &row);
    rc = rc ? rc : lookup_add_row(&l->set, &row);
    patient_row_wipe(&row);
    if (rc)
        return rc;
    l->patient[l->n] = patient;
    l->person[l->n++] = person;
    return 0;
}

static int add_all(struct lookup *l, struct query *q)
{
    int64_t found[LOOKUP_PERSON_MAX];
    uint64_t person = 0;
    size_t n = 0;
    while (query_next(q)) {
        person = (uint64_t)query_int(q, "person_id");
        found[n++] = query_int(q, "patient_id");
    }
    int rc = query_end(q);
    l->cut = l->cut || n == LOOKUP_PERSON_MAX;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = lookup_add_patient(l, (uint64_t)found[i], person);
    return rc;
}

int lookup_add_person(struct lookup *l, uint64_t person)
{
    return add_all(l, tx_query(l->ctx->tx, "SELECT person_id, patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT $2", "ii", (int64_t)person,
                               (int64_t)LOOKUP_PERSON_MAX));
}

/* The person a patient is, with all who are it. */
static int add_person_of(struct lookup *l, uint64_t patient)
{
    return add_all(l, tx_query(l->ctx->tx,
                               "SELECT m.person_id, m.patient_id FROM mpi_member o JOIN mpi_member m ON m.person_id=o.person_id WHERE o.patient_id=$1 ORDER BY m.patient_id LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)LOOKUP_PERSON_MAX));
}

int lookup_add_waiting(struct lookup *l)
{
    uint64_t found[WAITING_MAX];
    size_t n = 0, before = l->n;
    struct query *q = tx_query(l->ctx->tx,
                               "SELECT o.person_id FROM mpi_member m JOIN mpi_task t ON t.patient_id=m.patient_id JOIN mpi_member o ON o.patient_id=t.other_id "
                               "WHERE m.person_id=$1 AND o.person_id<>$1 AND " TASK_WAITS " UNION "
                               "SELECT o.person_id FROM mpi_member m JOIN mpi_task t ON t.other_id=m.patient_id JOIN mpi_member o ON o.patient_id=t.patient_id "
                               "WHERE m.person_id=$1 AND o.person_id<>$1 AND " TASK_WAITS " ORDER BY 1 LIMIT $2", "ii", (int64_t)l->person[0],
                               (int64_t)WAITING_MAX);
    while (query_next(q))
        found[n++] = (uint64_t)query_int(q, "person_id");
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = lookup_add_person(l, found[i]);
    return rc ? rc : l->n > before ? mpi_set_finish(&l->set) : 0;
}

static void note(struct lookup *l, uint64_t patient, float worth)
{
    size_t at = (size_t)((patient * 0x9E3779B97F4A7C15u) >> 52) & (LOOKUP_FOUND_SLOTS - 1);
    while (l->slots[at] && l->found[l->slots[at] - 1].patient != patient)
        at = (at + 1) & (LOOKUP_FOUND_SLOTS - 1);
    if (l->slots[at])
        l->found[l->slots[at] - 1].worth += worth;
    else if (l->n_found < LOOKUP_FOUND_MAX) {
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

/* ---- how many have a value ---- */

static const int counted_keys[LOOKUP_COUNTED] = {MPI_KEY_ID, MPI_KEY_INSURANCE, PHONE_KEY, MPI_KEY_BIRTH, MPI_KEY_NAME};

static int64_t limit_of(int k)
{
    return k >= MPI_KEY_BROAD ? FEW : LOOKUP_CROWD;
}

static void remember(struct lookup *l, int64_t key, int64_t holders)
{
    if (l->n_counts < LOOKUP_COUNTS) {
        l->counts[l->n_counts].key = key;
        l->counts[l->n_counts++].holders = holders;
    }
}

/* Those under a key whose rows wait for the tree, but one; as many as there is room for. */
struct waiting {
    uint64_t but;
    int64_t *found; /* NULL: only counted */
    int64_t n, limit;
};

static bool take_waiting(void *ctx, uint64_t patient, const char *text)
{
    struct waiting *w = ctx;
    (void)text;
    if (patient != w->but && w->n < w->limit) {
        if (w->found)
            w->found[w->n] = (int64_t)patient;
        w->n++;
    }
    return w->n < w->limit;
}

static int64_t waiting_under(struct lookup *l, int64_t key, struct waiting w)
{
    struct late_key k;
    late_number(&k, key);
    if (w.n < w.limit)
        (void)!late_each(l->ctx->tx, &k, take_waiting, &w); /* the error sticks */
    return w.n;
}

static int64_t count_others(struct lookup *l, int64_t key, int64_t limit)
{
    int64_t n = tx_int(l->ctx->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT patient_id FROM mpi_key WHERE key=$1 AND patient_id<>$2 LIMIT $3) AS counted", "iii", key,
                       (int64_t)l->patient[0], limit);
    return waiting_under(l, key, (struct waiting){.but = l->patient[0], .n = n, .limit = limit});
}

/* Patients under one key, record 0 among them, as far as counted. */
static int64_t holders_of(struct lookup *l, int64_t key, int k)
{
    for (size_t i = 0; i < l->n_counts; i++)
        if (l->counts[i].key == key)
            return l->counts[i].holders;
    int64_t limit = k == MPI_KEY_NAME ? (int64_t)NAMES_MAX : limit_of(k) + 2;
    int64_t n = tx_int(l->ctx->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT patient_id FROM mpi_key WHERE key=$1 LIMIT $2) AS counted", "ii", key, limit);
    n = waiting_under(l, key, (struct waiting){.n = n, .limit = limit});
    remember(l, key, n);
    return n;
}

/* Patients under one key; a crowd brings none. */
static int look_up(struct lookup *l, int k)
{
    int64_t limit = limit_of(k), found[LOOKUP_CROWD + 1];
    size_t n = 0;
    struct query *q = tx_query(l->ctx->tx, "SELECT patient_id FROM mpi_key WHERE key=$1 AND patient_id<>$2 ORDER BY patient_id DESC LIMIT $3", "iii", l->keys[k],
                               (int64_t)l->patient[0], limit + 1);
    while (query_next(q))
        found[n++] = query_int(q, "patient_id");
    int rc = query_end(q);
    n = (size_t)waiting_under(l, l->keys[k], (struct waiting){.but = l->patient[0], .found = found, .n = (int64_t)n, .limit = limit + 1});
    bool names = k == MPI_KEY_NAME && (int64_t)n > limit;
    for (int c = 0; c < LOOKUP_COUNTED; c++)
        if (counted_keys[c] == k)
            remember(l, l->keys[k], 1 + (names ? count_others(l, l->keys[k], NAMES_MAX) : (int64_t)n));
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

/* Those who share the rarest keys: a bound does not push out who matters for who came first. In a large site most of what is found shares one
 * crowded key, a house or a name; to open them all would cost most and find nobody (docs/mpi.md). */
static int add_found(struct lookup *l)
{
    int rc = 0;
    float least = worth_of(l, MPI_KEY_NAME, TOO_MANY);
    qsort(l->found, l->n_found, sizeof *l->found, by_worth);
    for (size_t i = 0; rc == 0 && i < l->n_found && l->n < CANDIDATES && l->found[i].worth > least; i++)
        rc = lookup_add_patient(l, l->found[i].patient, 0);
    return rc;
}

static bool likely(struct lookup *l, size_t candidate)
{
    struct mpi_match pair;
    mpi_compare(&l->set, &l->set.records[0], &l->set.records[candidate], &pair);
    lookup_shares(l, 0, &pair);
    return mpi_model_odds(&l->x->model, &pair) > HOPELESS_ODDS;
}

/* The likely candidates' persons as wholes: a group is judged by all its members. Mostly there is none, or one. */
static int add_members(struct lookup *l)
{
    int rc = mpi_set_finish(&l->set);
    l->candidates = l->n;
    for (size_t i = 1; rc == 0 && i < l->candidates; i++)
        l->likely[i] = likely(l, i);
    if (rc == 0 && l->person[0] != LOOKUP_NEW)
        rc = lookup_add_person(l, l->person[0]);
    for (size_t i = 1; rc == 0 && i < l->candidates; i++)
        if (l->likely[i] && !l->person[i])
            rc = add_person_of(l, l->patient[i]);
    return rc ? rc : l->n > l->candidates ? mpi_set_finish(&l->set) : 0;
}

int lookup_candidates(struct lookup *l)
{
    int rc = 0;
    for (int k = 0; rc == 0 && k < MPI_KEYS; k++)
        if (l->keys[k])
            rc = look_up(l, k);
    rc = rc ? rc : add_found(l);
    return rc ? rc : add_members(l);
}

/* The keys a record is counted by: of record 0 those it was looked up with, of the others those they are kept under. */
static const int64_t *keys_of(struct lookup *l, size_t i)
{
    int64_t keys[MPI_KEYS] = {0};
    size_t len = 0;
    if (l->counted[i].asked)
        return l->counted[i].key;
    struct query *q = tx_query(l->ctx->tx, "SELECT keys FROM mpi_member WHERE patient_id=$1", "i", (int64_t)l->patient[i]);
    if (query_next(q)) {
        const void *held = query_blob(q, "keys", &len);
        if (held && len <= sizeof keys)
            memcpy(keys, held, len);
    }
    l->counted[i].asked = query_end(q) == 0;
    for (int c = 0; c < LOOKUP_COUNTED; c++)
        l->counted[i].key[c] = i == 0 && l->keys[counted_keys[c]] ? l->keys[counted_keys[c]] : keys[counted_keys[c]];
    return l->counted[i].key;
}

/* 0: not known. */
static float share_of(struct lookup *l, size_t i, int c)
{
    float all = (float)(l->patients > 1000 ? l->patients : 1000); /* a young site does not know yet what is rare */
    int64_t key = keys_of(l, i)[c];
    return key ? (float)holders_of(l, key, counted_keys[c]) / all : 0;
}

void lookup_shares(struct lookup *l, size_t i, struct mpi_match *m)
{
    static const enum mpi_part parts[] = {PART_ID, PART_INSURANCE, PART_PHONE, PART_BIRTH};
    for (int c = 0; c < 4; c++)
        m->share[parts[c]] = m->level[parts[c]] == 0 ? share_of(l, i, c) : 0;
    bool named = m->level[PART_FAMILY] == 0 || m->level[PART_GIVEN] == 0;
    float name = named ? sqrtf(share_of(l, i, 4)) : 0; /* both parts together are as rare as the name */
    m->share[PART_ADDRESS] = m->share[PART_POSTCODE] = 0; /* not counted: as rare as addresses are on average */
    m->share[PART_FAMILY] = m->level[PART_FAMILY] == 0 ? name : 0;
    m->share[PART_GIVEN] = m->level[PART_GIVEN] == 0 ? name : 0;
}
