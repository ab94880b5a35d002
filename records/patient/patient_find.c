/* Finding patients from one box, and the timeline of one. */
#include "records/patient/patient_row.h"
#include "records/exchange/exchange.h"
#include "records/store/seal.h"
#include "records/store/sealed.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_MAX SEARCH_LIMIT
#define TIMELINE_MAX 500

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

static void by_exact(struct finding *f, const char *kind, const char *key)
{
    struct query *q = tx_query(f->ctx->tx,
                               "SELECT patient_id FROM patient_key WHERE org_id=$1 AND kind=$2 AND key=$3 ORDER BY patient_id DESC "
                               "LIMIT $4",
                               "itti", f->org, kind, key, (int64_t)f->limit);
    while (query_next(q))
        found(f, (uint64_t)query_int(q, "patient_id"));
    if (query_end(q))
        return; /* sticky: the caller looks once */
}

static void by_blind(struct finding *f, const char *kind, const char *value)
{
    char key[BLIND_BYTES];
    blind_index(records_parts(f->ctx->records)->patient_keys.index, kind, value, key);
    by_exact(f, kind, key);
}

static void by_prefix(struct finding *f, const char *kind, const char *prefix)
{
    char end[256];
    text_prefix_end(prefix, end, sizeof end);
    struct query *q = tx_query(f->ctx->tx,
                               "SELECT patient_id FROM patient_key WHERE org_id=$1 AND kind=$2 AND key>=$3 AND key<$4 "
                               "ORDER BY key LIMIT $5",
                               "ittti", f->org, kind, prefix, end, (int64_t)f->limit);
    while (query_next(q))
        found(f, (uint64_t)query_int(q, "patient_id"));
    if (query_end(q))
        return;
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

int patient_search(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct finding f = {.ctx = ctx, .org = (int64_t)ctx->actor->org.v, .limit = (size_t)arg_int(args, "limit", 20)};
    json_t *items = json_array();
    int rc = 0;
    look_everywhere(&f, arg_text(args, "q"));
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
    *result = json_pack("{s:o,s:n}", "items", items, "next");
    return 0;
}

uint64_t patient_same_identity(struct op_ctx *ctx, uint64_t org, const char *id_no, uint64_t except)
{
    char key[BLIND_BYTES];
    if (!id_no[0])
        return 0;
    blind_index(records_parts(ctx->records)->patient_keys.index, "id", id_no, key);
    return (uint64_t)tx_int(ctx->tx, 0,
                            "SELECT MIN(patient_id) AS id FROM patient_key WHERE org_id=$1 AND kind='id' AND key=$2 AND patient_id<>$3",
                            "iti", (int64_t)org, key, (int64_t)except);
}

int patient_similar(struct op_ctx *ctx, const struct patient_row *row, json_t *lines)
{
    char folded[256];
    int rc = 0;
    text_fold(row->name, strlen(row->name), folded, sizeof folded);
    struct query *q = tx_query(ctx->tx,
                               "SELECT p.* FROM patient_key k JOIN patient p ON p.id=k.patient_id WHERE k.org_id=$1 AND k.kind='name' "
                               "AND k.key=$2 AND p.birth_date=$3 AND p.sex=$4 AND p.id<>$5 ORDER BY p.id LIMIT 5",
                               "ittti", (int64_t)row->org_id, folded, row->birth_date, row->sex, (int64_t)row->id);
    while (rc == 0 && query_next(q)) {
        struct patient_row other;
        rc = patient_from_query(ctx, q, &other);
        if (rc == 0)
            json_array_append_new(lines, patient_line_json(ctx, &other));
        patient_row_wipe(&other);
    }
    int end = query_end(q);
    return rc ? rc : end;
}

/* ---- timeline: what is dated and belongs to this local patient, newest first ---- */

static json_t *org_of(struct query *q)
{
    return json_pack("{s:o,s:s?}", "id", json_id((uint64_t)query_int(q, "org_id")), "name", query_text(q, "org_name"));
}

static int timeline_documents(struct op_ctx *ctx, uint64_t patient, json_t *items)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT d.id, d.case_id, d.name, d.category, d.taken_ms, d.uploaded_ms, d.source, d.org_id, o.name AS org_name "
                               "FROM document d LEFT JOIN org o ON o.id=d.org_id WHERE d.patient_id=$1 AND d.withdrawn_ms=0 AND d.source<>'recording' "
                               "ORDER BY d.uploaded_ms DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)TIMELINE_MAX);
    while (query_next(q)) {
        const char *category = query_text(q, "category");
        bool recording = category && strcmp(category, "recording") == 0, lab = category && strcmp(category, "lab") == 0; /* brought from elsewhere */
        int64_t taken = query_int(q, "taken_ms");
        json_array_append_new(
            items, json_pack("{s:I,s:s,s:s?,s:s?,s:o,s:o,s:o,s:s?}", "t_ms", (json_int_t)(taken ? taken : query_int(q, "uploaded_ms")),
                             "kind", recording ? "recording" : lab ? "lab" : "document", "title",
                             query_sealed(q, "name", SEALED_DOCUMENT_NAME, (uint64_t)query_int(q, "id"), 0), "category", category, "case_id", json_id((uint64_t)query_int(q, "case_id")), "document_id",
                             json_id((uint64_t)query_int(q, "id")), "org", org_of(q), "source", query_text(q, "source")));
    }
    return query_end(q);
}

static int timeline_cases(struct op_ctx *ctx, uint64_t patient, json_t *items)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT c.id, c.number, c.kind, c.scope, c.state, c.created_ms, c.home_org_id AS org_id, o.name AS org_name "
                               "FROM consult c LEFT JOIN org o ON o.id=c.home_org_id WHERE c.patient_id=$1 AND c.state<>'DRAFT' "
                               "ORDER BY c.created_ms DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)TIMELINE_MAX);
    while (query_next(q))
        json_array_append_new(items,
                              json_pack("{s:I,s:s,s:s?,s:s?,s:s?,s:s?,s:o,s:n,s:o,s:s}", "t_ms", (json_int_t)query_int(q, "created_ms"),
                                        "kind", "case", "title", query_text(q, "number"), "case_kind", query_text(q, "kind"), "scope",
                                        query_text(q, "scope"), "state", query_text(q, "state"), "case_id",
                                        json_id((uint64_t)query_int(q, "id")), "document_id", "org", org_of(q), "source", "consultation"));
    return query_end(q);
}

/* One line a session, not one a track; who may play it is the case's affair. */
static int timeline_recordings(struct op_ctx *ctx, uint64_t patient, json_t *items)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT r.started_ms, r.duration_ms, r.case_id, c.number, c.target_org_id AS org_id, o.name AS org_name "
                               "FROM recording r JOIN consult c ON c.id=r.case_id LEFT JOIN org o ON o.id=c.target_org_id "
                               "WHERE c.patient_id=$1 AND r.sealed_ms>0 AND r.duration_ms>0 ORDER BY r.started_ms DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)TIMELINE_MAX);
    while (query_next(q))
        json_array_append_new(items, json_pack("{s:I,s:s,s:s,s:I,s:o,s:n,s:o,s:s}", "t_ms", (json_int_t)query_int(q, "started_ms"),
                                               "kind", "recording", "title", query_text(q, "number"), "duration_ms",
                                               (json_int_t)query_int(q, "duration_ms"), "case_id",
                                               json_id((uint64_t)query_int(q, "case_id")), "document_id", "org", org_of(q), "source",
                                               "recording"));
    return query_end(q);
}

static int newest_first(const void *a, const void *b)
{
    json_int_t x = json_integer_value(json_object_get(*(json_t *const *)a, "t_ms"));
    json_int_t y = json_integer_value(json_object_get(*(json_t *const *)b, "t_ms"));
    return (x < y) - (x > y);
}

/* Takes items' content; gives a sorted array. */
static json_t *sorted(json_t *items)
{
    size_t n = json_array_size(items);
    json_t **rows = malloc((n + 1) * sizeof *rows), *out = json_array();
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = json_array_get(items, i);
    if (rows)
        qsort(rows, n, sizeof *rows, newest_first);
    for (size_t i = 0; rows && i < n; i++)
        json_array_append(out, rows[i]);
    free(rows);
    json_decref(items);
    return out;
}

int patient_timeline(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t patient = arg_id(args, "patient_id");
    int rc = patient_check_read(ctx, (struct patient_id){patient});
    if (rc)
        return rc;
    json_t *items = json_array();
    rc = timeline_documents(ctx, patient, items);
    rc = rc ? rc : timeline_cases(ctx, patient, items);
    rc = rc ? rc : timeline_recordings(ctx, patient, items);
    rc = rc ? rc : exchange_timeline(ctx, patient, items);
    if (rc) {
        json_decref(items);
        return rc;
    }
    *result = json_pack("{s:o}", "items", sorted(items));
    return 0;
}
