/* Finding patients from one box. */
#include "records/patient/patient_row.h"
#include "records/store/key_find.h"
#include "records/store/seal.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MAX (SEARCH_LIMIT + 1) /* one more tells that there are more */
#define SAME_MAX 64        /* patients of one institution with one identity number */
#define NAMESAKES_MAX 4000 /* ... with one name */
#define SIMILAR_MAX 5

struct finding {
    struct op_ctx *ctx;
    int64_t org;
    uint64_t ids[SEARCH_MAX];
    size_t n, limit;
};

static void found(struct finding *f, uint64_t id)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->ids[i] == id)
            return;
    if (f->n < f->limit)
        f->ids[f->n++] = id;
}

/* Of all institutions: one after the other, each by its own part of the index. */
#define OF_ORG "k.org_id=$1"
#define OF_ALL "k.org_id IN (SELECT id FROM org) AND $1=0"
#define EXACT(who) "SELECT k.patient_id, k.key FROM patient_key k WHERE " who " AND k.kind=$2 AND k.key=$3 ORDER BY k.patient_id DESC LIMIT $4"
#define PREFIX(who) "SELECT k.patient_id, k.key FROM patient_key k WHERE " who " AND k.kind=$2 AND k.key>=$3 AND k.key<$4 ORDER BY k.key, k.patient_id LIMIT $5"
#define ORGS_MAX 4096

static void find_waiting(struct key_find *f, struct tx *tx, const struct patient_key_asked *a)
{
    int64_t orgs[ORGS_MAX];
    size_t n = 0;
    struct query *q = a->org ? NULL : tx_query(tx, "SELECT id FROM org ORDER BY id LIMIT $1", "i", (int64_t)ORGS_MAX);
    while (q && query_next(q))
        orgs[n++] = query_int(q, "id");
    if (q && query_end(q))
        return;
    if (a->org)
        orgs[n++] = a->org;
    for (size_t i = 0; i < n; i++) {
        struct late_key k;
        late_text(&k, LATE_PATIENT, (uint64_t)orgs[i], a->kind, a->key, a->beginning);
        key_find_waiting(f, tx, &k);
    }
}

size_t patient_key_find(struct tx *tx, const struct patient_key_asked *a, uint64_t *out, size_t cap)
{
    struct key_find f;
    char end[300];
    key_find_begin(&f, a->beginning ? KEY_IN_ORDER : KEY_NEWEST, cap);
    if (a->beginning)
        text_prefix_end(a->key, end, sizeof end);
    key_find_tree(&f, a->beginning ? tx_query(tx, a->org ? PREFIX(OF_ORG) : PREFIX(OF_ALL), "ittti", a->org, a->kind, a->key, end, (int64_t)cap)
                                   : tx_query(tx, a->org ? EXACT(OF_ORG) : EXACT(OF_ALL), "itti", a->org, a->kind, a->key, (int64_t)cap));
    find_waiting(&f, tx, a);
    return key_find_end(&f, out);
}

static void by_key(struct finding *f, const char *kind, const char *key, bool beginning)
{
    uint64_t ids[SEARCH_MAX];
    size_t n = patient_key_find(f->ctx->tx, &(struct patient_key_asked){f->org, kind, key, beginning}, ids, f->limit);
    for (size_t i = 0; i < n; i++)
        found(f, ids[i]);
}

static void by_exact(struct finding *f, const char *kind, const char *key)
{
    by_key(f, kind, key, false);
}

static void by_prefix(struct finding *f, const char *kind, const char *prefix)
{
    by_key(f, kind, prefix, true);
}

static void by_blind(struct finding *f, const char *kind, const char *value)
{
    char key[BLIND_BYTES];
    blind_index(records_parts(f->ctx->records)->patient_keys.index, kind, value, key);
    by_exact(f, kind, key);
}

/* One box: what was typed decides where is looked. Exact numbers first, so that they stand on top. */
static void look_everywhere(struct finding *f, const char *typed)
{
    char number[IDENTITY_NUMBER_BYTES], phone[24], folded[200], upper[200];
    size_t n = text_fold(typed, strlen(typed), folded, sizeof folded);
    bool latin = strspn(folded, "abcdefghijklmnopqrstuvwxyz") == n;
    bool ascii = strspn(folded, "abcdefghijklmnopqrstuvwxyz0123456789-_./") == n;
    if (n == 0)
        return;
    if (identity_card_normalise(typed, number) == 0)
        by_blind(f, "id", number);
    else if (ascii && n >= 5) { /* passports and other documents are kept in capitals */
        for (size_t i = 0; i <= n; i++)
            upper[i] = folded[i] >= 'a' && folded[i] <= 'z' ? (char)(folded[i] - 32) : folded[i];
        by_blind(f, "id", upper);
        by_blind(f, "insurance", folded);
    }
    if (phone_normalise(typed, phone) == 0)
        by_blind(f, "phone", phone);
    by_prefix(f, "local", folded);
    if (latin) {
        by_exact(f, "initials", folded);
        by_prefix(f, "pinyin", folded);
        by_prefix(f, "initials", folded);
    }
    by_prefix(f, "name", folded);
}

size_t patient_look_up(struct op_ctx *ctx, uint64_t org, const char *typed, uint64_t *ids, size_t limit)
{
    struct finding f = {.ctx = ctx, .org = (int64_t)org, .limit = limit};
    look_everywhere(&f, typed);
    memcpy(ids, f.ids, f.n * sizeof *ids);
    return f.n;
}

int patient_search(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct finding f = {.ctx = ctx, .org = (int64_t)ctx->actor->org.v, .limit = (size_t)arg_int(args, "limit", 20) + 1};
    json_t *items = json_array();
    int rc = 0;
    if (f.org) /* who acts for no institution has no patients */
        look_everywhere(&f, arg_text(args, "q"));
    bool more = f.n == f.limit;
    f.n -= more;
    for (size_t i = 0; i < f.n && rc == 0; i++) {
        struct patient_row row;
        rc = patient_load(ctx, f.ids[i], &row);
        if (rc == 0)
            json_array_append_new(items, patient_line_json(ctx, &row));
        patient_row_wipe(&row);
    }
    /* one patient found is a patient read; of a list the audit line keeps the count */
    if (f.n == 1)
        ctx->audit.patient = f.ids[0];
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "found=%zu", f.n);
    if (rc || tx_error(ctx->tx)) {
        json_decref(items);
        return rc ? rc : tx_error(ctx->tx);
    }
    *result = json_pack("{s:b,s:o,s:n}", "truncated", more, "items", items, "next");
    return 0;
}

uint64_t patient_same_identity(struct op_ctx *ctx, uint64_t org, const char *id_no, uint64_t except)
{
    char key[BLIND_BYTES];
    if (!id_no[0])
        return 0;
    blind_index(records_parts(ctx->records)->patient_keys.index, "id", id_no, key);
    uint64_t found[SAME_MAX], first = 0;
    size_t n = patient_key_find(ctx->tx, &(struct patient_key_asked){(int64_t)org, "id", key, false}, found, SAME_MAX);
    for (size_t i = 0; i < n; i++)
        first = found[i] != except && (!first || found[i] < first) ? found[i] : first;
    return first;
}

static int add_similar(struct op_ctx *ctx, uint64_t id, const struct patient_row *row, json_t *lines)
{
    struct query *q = tx_query(ctx->tx, "SELECT p.* FROM patient p WHERE p.id=$1 AND p.birth_date=$2 AND p.sex=$3", "itt", (int64_t)id, row->birth_date, row->sex);
    int rc = 0;
    if (query_next(q)) {
        struct patient_row other;
        rc = patient_from_query(ctx, q, &other);
        if (rc == 0)
            json_array_append_new(lines, patient_line_json(ctx, &other));
        patient_row_wipe(&other);
    }
    int end = query_end(q);
    return rc ? rc : end;
}

int patient_similar(struct op_ctx *ctx, const struct patient_row *row, json_t *lines)
{
    char folded[256];
    uint64_t *found = malloc(NAMESAKES_MAX * sizeof *found);
    int rc = found ? 0 : ERR_UNAVAILABLE;
    text_fold(row->name, strlen(row->name), folded, sizeof folded);
    size_t n = found ? patient_key_find(ctx->tx, &(struct patient_key_asked){(int64_t)row->org_id, "name", folded, false}, found, NAMESAKES_MAX) : 0;
    while (rc == 0 && n && json_array_size(lines) < SIMILAR_MAX) /* the oldest first */
        if (found[--n] != row->id)
            rc = add_similar(ctx, found[n], row, lines);
    free(found);
    return rc ? rc : tx_error(ctx->tx);
}
