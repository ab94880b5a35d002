/* A person's timeline across institutions (timeline.h). */
#include "records/patient/timeline.h"
#include "records/document/documents.h"
#include "records/exchange/exchange.h"
#include "records/fhir/fhir.h"
#include "records/parts.h"
#include "records/patient/doors.h"
#include "records/patient/index.h"
#include "records/patient/mask.h"
#include "records/store/sealed.h"
#include "records/work/consultation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- kinds ---- */

json_t *timeline_org(struct query *q)
{
    const char *name = query_text(q, "org_name");
    return json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, "org_id")), "name", name ? name : "");
}

/* Another row of those that fit. */
static bool next_of(struct query *q, size_t *n, size_t most, bool *cut)
{
    bool row = query_next(q);
    if (row && ++*n > most)
        *cut = true;
    return row && *n <= most;
}

static int list_documents(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut)
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT d.id, d.case_id, d.name, d.category, d.taken_ms, d.uploaded_ms, d.source, d.study_uid, d.org_id, o.name AS org_name "
                               "FROM document d LEFT JOIN org o ON o.id=d.org_id WHERE d.patient_id=$1 AND d.withdrawn_ms=0 AND d.source<>'recording' "
                               "ORDER BY d.uploaded_ms DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)TIMELINE_MAX + 1);
    json_t *org = NULL; /* of the row before: most are of one house */
    uint64_t org_id = 0;
    while (next_of(q, &n, TIMELINE_MAX, cut)) {
        const char *category = query_text(q, "category");
        bool recording = category && strcmp(category, "recording") == 0, lab = category && strcmp(category, "lab") == 0; /* brought from elsewhere */
        int64_t taken = query_int(q, "taken_ms");
        uint64_t id = (uint64_t)query_int(q, "id");
        const char *study = query_text(q, "study_uid");
        if (!org || org_id != (uint64_t)query_int(q, "org_id")) {
            json_decref(org);
            org = timeline_org(q);
            org_id = (uint64_t)query_int(q, "org_id");
        }
        json_array_append_new(items, json_pack("{s:o,s:I,s:s,s:s?,s:s?,s:o,s:o,s:O,s:s?,s:s*}", "id", json_id(id), "t_ms",
                                               (json_int_t)(taken ? taken : query_int(q, "uploaded_ms")), "kind", recording ? "recording" : lab ? "lab" : "document",
                                               "title", query_sealed(q, "name", SEALED_DOCUMENT_NAME, id, 0), "category", category, "case_id",
                                               json_id((uint64_t)query_int(q, "case_id")), "document_id", json_id(id), "org", org, "source",
                                               query_text(q, "source"), "uid", study && *study ? study : NULL));
    }
    json_decref(org);
    return query_end(q);
}

/* One line a session, not one a track; who may play it is the case's affair. */
static int list_recordings(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut)
{
    size_t n = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT r.id, r.started_ms, r.duration_ms, r.case_id, c.number, c.target_org_id AS org_id, o.name AS org_name "
                               "FROM recording r JOIN consult c ON c.id=r.case_id LEFT JOIN org o ON o.id=c.target_org_id "
                               "WHERE c.patient_id=$1 AND r.sealed_ms>0 AND r.duration_ms>0 ORDER BY r.started_ms DESC LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)TIMELINE_MAX + 1);
    while (next_of(q, &n, TIMELINE_MAX, cut))
        json_array_append_new(items, json_pack("{s:o,s:I,s:s,s:s,s:I,s:o,s:n,s:o,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "t_ms",
                                               (json_int_t)query_int(q, "started_ms"), "kind", "recording", "title", query_text(q, "number"), "duration_ms",
                                               (json_int_t)query_int(q, "duration_ms"), "case_id", json_id((uint64_t)query_int(q, "case_id")), "document_id", "org",
                                               timeline_org(q), "source", "recording"));
    return query_end(q);
}

const struct timeline_provider timeline_providers[] = {
    {"documents", list_documents, NULL},
    {"cases and opinions", consultation_timeline, NULL},
    {"recordings", list_recordings, NULL},
    {"what other systems sent", exchange_timeline, NULL},
    {"what other systems keep over FHIR", fhir_timeline, fhir_timeline_own},
    {0},
};

/* ---- one person ---- */

struct line {
    struct op_ctx *ctx;
    json_t *items;
    json_t *group_codes; /* id of a case or message -> ICD-10 codes: a document is as sensitive as its case, a visit as its diagnoses */
};

static void note_codes(struct line *l)
{
    static const char *const groups[] = {"case_id", "message_id"}; /* ids never meet */
    size_t i;
    json_t *entry;
    json_array_foreach(l->items, i, entry)
    {
        json_t *codes = json_object_get(entry, "codes");
        for (size_t g = 0; codes && g < sizeof groups / sizeof *groups; g++) {
            const char *id = json_string_value(json_object_get(entry, groups[g]));
            json_t *known = id ? json_object_get(l->group_codes, id) : NULL;
            if (known)
                json_array_extend(known, codes);
            else if (id)
                json_object_set_new(l->group_codes, id, json_copy(codes));
        }
    }
}

/* Of a case that is no entry itself (a draft) the codes are asked for. Borrowed. */
static const json_t *codes_of_case(struct line *l, const char *id)
{
    struct case_id c;
    if (!id || id_parse(id, &c.v))
        return NULL;
    if (!json_object_get(l->group_codes, id))
        json_object_set_new(l->group_codes, id, consultation_codes(l->ctx, c));
    return json_object_get(l->group_codes, id);
}

/* What is above the reader's clearance keeps its time, place and kind, so that nobody takes the gap for the whole truth. */
static void mask_entry(struct line *l, json_t *entry)
{
    const char *id = json_string_value(json_object_get(entry, "case_id"));
    json_t *codes = json_object_get(entry, "codes");
    const char *message = json_string_value(json_object_get(entry, "message_id"));
    const json_t *of[] = {codes, codes_of_case(l, id), message ? json_object_get(l->group_codes, message) : NULL};
    int level = json_is_true(json_object_get(entry, "restricted")) ? mask_restricted_level(l->ctx) : 0;
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        int one = i && !of[i] ? 0 : mask_entry_level(l->ctx, of[i]);
        level = one > level ? one : level;
    }
    bool hidden = level > (int)json_integer_value(json_object_get(entry, "clearance"));
    json_object_set_new(entry, "masked", json_boolean(hidden));
    if (!hidden)
        return;
    static const char *const kept[] = {"id", "t_ms", "kind", "org", "patient_id", "linked", "masked"};
    json_t *bare = json_object();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(bare, kept[i], json_object_get(entry, kept[i]));
    json_object_clear(entry);
    json_object_update(entry, bare);
    json_object_set_new(entry, "title", json_null());
    json_decref(bare);
}

/* Of a record that is not open only what the actor's own house sent into it, as an entry of the record he asked for. */
static int add_member(struct line *l, const struct share_member *m, bool linked, bool open, bool *cut)
{
    size_t first = json_array_size(l->items);
    int rc = 0, clearance = mask_clearance(l->ctx, open ? m->basis : SHARE_OWN);
    for (const struct timeline_provider *p = timeline_providers; p->list && rc == 0; p++)
        rc = open ? p->list(l->ctx, m->patient, l->items, cut) : p->own ? p->own(l->ctx, m->patient, l->items, cut) : 0;
    json_t *patient = json_id(open ? m->patient : l->ctx->audit.patient), *reach = json_integer(clearance);
    for (size_t i = first; i < json_array_size(l->items); i++) {
        json_t *entry = json_array_get(l->items, i);
        json_object_set(entry, "patient_id", patient);
        json_object_set_new(entry, "linked", json_boolean(linked && open));
        json_object_set(entry, "clearance", reach);
    }
    json_decref(patient);
    json_decref(reach);
    return rc;
}

/* Pictures of a study that are kept here - DICOM files of the person that the reader sees - are the study's parts; of others the page says whose they are. */
static void find_pictures(const json_t *with_uid)
{
    json_t *studies = json_object(), *entry;
    size_t i;
    json_array_foreach(with_uid, i, entry)
        if (json_object_get(entry, "pictures"))
            json_object_set(studies, json_string_value(json_object_get(entry, "uid")), entry);
    json_array_foreach(with_uid, i, entry)
    {
        json_t *study = json_object_get(studies, json_string_value(json_object_get(entry, "uid")));
        if (!study || !json_is_string(json_object_get(entry, "document_id")))
            continue;
        json_object_set(entry, "head_id", json_object_get(study, "id"));
        json_object_set_new(study, "pictures", json_integer(json_integer_value(json_object_get(study, "pictures")) + 1));
    }
    json_decref(studies);
}

/* Each thing once, and of each what the reader may see. */
static void settle(struct line *l)
{
    size_t i;
    json_t *entry, *with_uid = json_array();
    doors_join(l->items);
    note_codes(l);
    json_array_foreach(l->items, i, entry)
    {
        mask_entry(l, entry);
        if (json_object_get(entry, "uid"))
            json_array_append(with_uid, entry);
    }
    find_pictures(with_uid);
    json_decref(with_uid);
}

static json_t *source_json(struct op_ctx *ctx, const struct share_member *m, bool linked, bool cut)
{
    json_t *org = NULL;
    if (m->basis == SHARE_NONE) /* that he was there is the patient's affair */
        return json_pack("{s:n,s:n,s:s,s:b,s:b,s:b}", "patient_id", "org", "basis", "none", "linked", linked, "refused", m->refused, "cut", cut);
    struct query *q = tx_query(ctx->tx, "SELECT p.org_id, o.name AS org_name FROM patient p LEFT JOIN org o ON o.id=p.org_id WHERE p.id=$1", "i", (int64_t)m->patient);
    if (query_next(q))
        org = timeline_org(q);
    if (query_end(q) || !org)
        org = json_null();
    return json_pack("{s:o,s:o,s:s,s:b,s:b,s:s,s:b}", "patient_id", json_id(m->patient), "org", org, "basis", share_basis_word(m->basis), "linked", linked, "refused",
                     m->refused, "how", m->how, "cut", cut);
}

int timeline_load(struct op_ctx *ctx, uint64_t patient, json_t **items, json_t **sources)
{
    struct share_member members[SHARE_MAX];
    size_t n;
    ctx->audit.patient = patient;
    int rc = sharing_members(ctx, patient, members, &n);
    if (rc == 0 && members[0].basis == SHARE_NONE && !ctx->actor->system)
        rc = fault_set(ctx->fault, ERR_DENIED, "not_your_patient", "This patient's record is not open to you.");
    if (rc)
        return rc;
    struct line l = {ctx, json_array(), json_object()};
    *sources = json_array();
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool cut = false, open = members[i].basis != SHARE_NONE || (ctx->actor->system && i == 0);
        rc = add_member(&l, &members[i], i > 0, open, &cut);
        if (open && i > 0) /* should the two turn out to be two, each finds who read of him */
            ctx->audit.also[ctx->audit.n_also++] = (struct op_also){members[i].patient, share_basis_word(members[i].basis)};
        json_array_append_new(*sources, source_json(ctx, &members[i], i > 0, cut));
    }
    settle(&l);
    json_decref(l.group_codes);
    *items = l.items;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "basis=%s", share_basis_word(members[0].basis));
    rc = rc ? rc : tx_error(ctx->tx);
    if (rc) {
        json_decref(*items);
        json_decref(*sources);
        *items = *sources = NULL;
    }
    return rc;
}

/* ---- "this is not the patient" ---- */

/* The reported record leaves the timeline at once; the index steward decides. */
int patient_report_link(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct share_member members[SHARE_MAX];
    size_t n, at = 0;
    uint64_t patient = arg_id(args, "patient_id"), other = arg_id(args, "other_id"), task = id_new();
    ctx->audit.patient = other;
    ctx->audit.object = patient;
    int rc = sharing_members(ctx, patient, members, &n);
    for (size_t i = 1; rc == 0 && i < n; i++)
        at = members[i].patient == other ? i : at;
    if (rc == 0 && (members[0].basis == SHARE_NONE || !at || members[at].basis == SHARE_NONE))
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "", "There is no such linked record on this patient's timeline.");
    if (rc)
        return rc;
    tx_exec(ctx->tx,
            "INSERT INTO mpi_task (id, patient_id, other_id, odds_milli, why, state, created_ms, act_id, reported_by, note) VALUES "
            "($1,$2,$3,$4,'reported','open',$5,0,$6,$7)",
            "iiiiiis", (int64_t)task, (int64_t)other, (int64_t)patient, (int64_t)(patient_index_odds(ctx, other, patient) * 1000), ctx->now_ms,
            (int64_t)ctx->actor->person.v, SEALED(MPI_REPORT, task, other, arg_text(args, "note")));
    *result = json_pack("{s:o}", "task_id", json_id(task));
    return tx_error(ctx->tx);
}
