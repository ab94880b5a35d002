/* Films and pictures made of recordings: asked for, in the queue, claimed, done (recording.h). The bytes are made in recording_exporter.c. */
#include "records/document/detect.h"
#include "records/document/document.h"
#include "records/health/health.h"
#include "records/parts.h"
#include "records/work/recording.h"
#include "records/work/room.h"
#include "records/work/work_ops.h"
#include "server/base/compose.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAITING_MAX 50 /* of all recordings */
#define TRIES_MAX 3
#define CHINA_S (8 * 3600)

struct export_row {
    uint64_t id, recording, person;
    char kind[12], layout[12], state[12];
    int64_t tries;
};

static int export_load(struct op_ctx *ctx, uint64_t id, struct export_row *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM recording_export WHERE id=$1", "i", (int64_t)id);
    if (query_next(q)) {
        out->id = id;
        out->recording = (uint64_t)query_int(q, "recording_id");
        out->person = (uint64_t)query_int(q, "person_id");
        snprintf(out->kind, sizeof out->kind, "%s", query_text(q, "kind"));
        snprintf(out->layout, sizeof out->layout, "%s", query_text(q, "layout"));
        snprintf(out->state, sizeof out->state, "%s", query_text(q, "state"));
        out->tries = query_int(q, "tries");
    }
    int rc = query_end(q);
    return rc || out->id ? rc : fault_set(ctx->fault, ERR_NOT_FOUND, "export", "There is no such export.");
}

static int add(struct op_ctx *ctx, uint64_t recording, const char *kind, const char *layout, uint64_t *id)
{
    *id = id_new();
    return tx_exec(ctx->tx,
                   "INSERT INTO recording_export (id, recording_id, kind, layout, state, person_id, asked_ms, begun_ms, done_ms, tries, document_id, "
                   "strip_id, error) VALUES ($1,$2,$3,$4,'queued',$5,$6,0,0,0,0,0,'')",
                   "iittii", (int64_t)*id, (int64_t)recording, kind, layout, (int64_t)ctx->actor->person.v, ctx->now_ms);
}

int recording_export_pictures(struct op_ctx *ctx, uint64_t recording)
{
    uint64_t id;
    recording_exporter_kick(records_parts(ctx->records)->exporter);
    return add(ctx, recording, "pictures", "grid", &id);
}

/* ---- asked for ---- */
static int recording_readable(struct op_ctx *ctx, uint64_t id, struct recording_row *r)
{
    int rc = recording_load(ctx, id, r);
    if (rc || !ctx->actor->system)
        return rc ? rc : consultation_check_read(ctx, r->case_id);
    ctx->audit.object = r->case_id.v; /* yilianctl: who has the machine's account has the files too */
    ctx->audit.patient = consultation_patient(ctx->tx, r->case_id).v;
    return 0;
}

/* One that is there, or on its way, serves everybody. */
static uint64_t same_one(struct op_ctx *ctx, uint64_t recording, const char *layout)
{
    return (uint64_t)tx_int(ctx->tx, 0,
                            "SELECT id FROM recording_export WHERE recording_id=$1 AND kind='movie' AND layout=$2 AND state IN "
                            "('queued','running','done') ORDER BY asked_ms DESC LIMIT 1",
                            "it", (int64_t)recording, layout);
}

static int recording_export(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *layout = arg_text(args, "layout");
    struct recording_exporter *exporter = records_parts(ctx->records)->exporter;
    struct recording_row r;
    int rc = recording_readable(ctx, arg_id(args, "recording_id"), &r);
    if (rc == 0 && !r.sealed_ms)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_sealed", "This recording is still being stored.");
    if (rc == 0 && !exporter && !ctx->actor->system) /* yilianctl puts it into the queue, the daemon makes it */
        rc = fault_set(ctx->fault, ERR_UNAVAILABLE, "no_exports", "This server makes no films of recordings.");
    if (rc == 0 && health_is_full(records_parts(ctx->records)->health))
        rc = fault_set(ctx->fault, ERR_STORAGE, "disk_full", "The server's disk is nearly full: no films are made until there is room again.");
    uint64_t id = rc ? 0 : same_one(ctx, r.id, layout);
    if (rc == 0 && !id && tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM recording_export WHERE state='queued'", "") >= WAITING_MAX)
        rc = fault_set(ctx->fault, ERR_UNAVAILABLE, "too_many", "Too many films are waiting to be made.");
    if (rc == 0 && !id)
        rc = add(ctx, r.id, "movie", layout, &id);
    char of[ID_TEXT_BYTES];
    id_format(r.id, of);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "export %s of recording %s", layout, of);
    recording_exporter_kick(exporter);
    if (rc == 0)
        *result = json_pack("{s:o}", "export_id", json_id(id));
    return rc;
}

static int recording_export_cancel(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct export_row e;
    struct recording_row r;
    int rc = export_load(ctx, arg_id(args, "export_id"), &e);
    rc = rc ? rc : recording_readable(ctx, e.recording, &r);
    if (rc == 0 && e.person != ctx->actor->person.v && !ctx->actor->system)
        rc = fault_set(ctx->fault, ERR_DENIED, "not_yours", "Somebody else asked for this film.");
    if (rc == 0 && strcmp(e.state, "queued") != 0 && strcmp(e.state, "running") != 0)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "finished", "It is not being made any more.");
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE recording_export SET state='cancelled', done_ms=$2 WHERE id=$1", "ii", (int64_t)e.id, ctx->now_ms);
    if (rc == 0)
        recording_exporter_cancel(records_parts(ctx->records)->exporter, e.id);
    return rc;
}

/* ---- what there is ---- */
static json_t *export_view(struct op_ctx *ctx, struct query *q)
{
    uint64_t id = (uint64_t)query_int(q, "id"), person = (uint64_t)query_int(q, "person_id");
    const char *state = query_text(q, "state");
    bool open = strcmp(state, "queued") == 0 || strcmp(state, "running") == 0;
    int progress = recording_exporter_progress(records_parts(ctx->records)->exporter, id);
    return json_pack("{s:o,s:s,s:s,s:i,s:I,s:I,s:{s:o,s:s},s:o,s:I,s:s,s:b}", "id", json_id(id), "layout", query_text(q, "layout"), "state", state,
                     "progress", progress < 0 ? 0 : progress, "asked_ms", (json_int_t)query_int(q, "asked_ms"), "done_ms",
                     (json_int_t)query_int(q, "done_ms"), "by", "id", json_id(person), "name", query_text(q, "person_name"), "document_id",
                     json_id((uint64_t)query_int(q, "document_id")), "bytes", (json_int_t)query_int(q, "bytes"), "error", query_text(q, "error"),
                     "may_cancel", open && person == ctx->actor->person.v);
}

#define EXPORTS \
    "SELECT e.*, COALESCE(p.name,'') AS person_name, COALESCE(d.bytes,0) AS bytes FROM recording_export e LEFT JOIN person p ON p.id=e.person_id " \
    "LEFT JOIN document d ON d.id=e.document_id "

static int recording_export_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct recording_row r;
    int rc = recording_readable(ctx, arg_id(args, "recording_id"), &r);
    if (rc)
        return rc;
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx, EXPORTS "WHERE e.recording_id=$1 AND e.kind='movie' ORDER BY e.asked_ms, e.id", "i", (int64_t)r.id);
    while (query_next(q))
        json_array_append_new(items, export_view(ctx, q));
    *result = json_pack("{s:o,s:b}", "items", items, "possible", records_parts(ctx->records)->exporter != NULL);
    return query_end(q);
}

static void add_one(struct op_ctx *ctx, struct query *q, const json_t *items)
{
    char of[ID_TEXT_BYTES];
    size_t i;
    json_t *r;
    id_format((uint64_t)query_int(q, "recording_id"), of);
    json_array_foreach (items, i, r) {
        if (strcmp(json_string_value(json_object_get(r, "id")), of) != 0)
            continue;
        if (strcmp(query_text(q, "kind"), "movie") == 0) {
            json_array_append_new(json_object_get(r, "exports"), export_view(ctx, q));
        } else if (strcmp(query_text(q, "state"), "done") == 0) {
            json_object_set_new(r, "poster", json_id((uint64_t)query_int(q, "document_id")));
            json_object_set_new(r, "strip", json_pack("{s:o,s:i,s:i,s:i}", "document_id", json_id((uint64_t)query_int(q, "strip_id")), "cells",
                                                      COMPOSE_STRIP_CELLS, "width", COMPOSE_CELL_WIDTH, "height", COMPOSE_CELL_HEIGHT));
        }
    }
}

void recording_export_add(struct op_ctx *ctx, struct case_id id, json_t *items)
{
    size_t i;
    json_t *r;
    json_array_foreach (items, i, r) {
        json_object_set_new(r, "exports", json_array());
        json_object_set_new(r, "poster", json_null());
        json_object_set_new(r, "strip", json_null());
    }
    struct query *q = tx_query(ctx->tx, EXPORTS "JOIN recording r ON r.id=e.recording_id WHERE r.case_id=$1 ORDER BY e.asked_ms, e.id", "i", (int64_t)id.v);
    while (query_next(q))
        add_one(ctx, q, items);
    int sticky = query_end(q);
    (void)sticky; /* found by the operation */
}

/* ---- the exporter's own ---- */
/* A daemon that is killed by what it makes must not make it for ever. */
static int recording_export_restart(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)args, (void)result;
    int rc = tx_exec(ctx->tx, "UPDATE recording_export SET state='failed', error='interrupted', done_ms=$1 WHERE state='running' AND tries>=$2", "ii",
                     ctx->now_ms, (int64_t)TRIES_MAX);
    return rc ? rc : tx_exec(ctx->tx, "UPDATE recording_export SET state='queued' WHERE state='running'", "");
}

/* Pictures first: they are quickly made, and everybody sees them. */
static int recording_export_next(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct export_row e;
    struct recording_row r;
    (void)args;
    uint64_t id = (uint64_t)tx_int(ctx->tx, 0,
                                   "SELECT id FROM recording_export WHERE state='queued' ORDER BY CASE WHEN kind='pictures' THEN 0 ELSE 1 END, "
                                   "asked_ms, id LIMIT 1", "");
    int rc = id ? export_load(ctx, id, &e) : tx_error(ctx->tx);
    if (rc || !id)
        return rc;
    rc = recording_load(ctx, e.recording, &r);
    ctx->audit.object = ctx->audit.patient = 0; /* who asked has his line; done has another (OP_QUIET) */
    rc = rc ? rc
            : tx_exec(ctx->tx, "UPDATE recording_export SET state='running', begun_ms=$2, tries=tries+1 WHERE id=$1", "ii", (int64_t)id, ctx->now_ms);
    if (rc == 0)
        *result = json_pack("{s:o,s:o,s:s,s:s,s:I,s:I}", "export_id", json_id(id), "recording_id", json_id(r.id), "kind", e.kind, "layout", e.layout,
                            "started_ms", (json_int_t)r.started_ms, "duration_ms", (json_int_t)r.duration_ms);
    return rc;
}

/* "HZ20261123-0001 grid 143005.mp4" */
static int import(struct op_ctx *ctx, const struct export_row *e, const struct recording_row *r, uint64_t staged, const char *what, struct document_id *out)
{
    const struct file_type *type;
    time_t at = (time_t)(r->started_ms / 1000 + CHINA_S);
    struct tm tm;
    char clock[8], name[160];
    int rc = document_staged_type(ctx, staged, &type);
    if (rc)
        return rc;
    if (strcmp(type->name, strcmp(e->kind, "movie") == 0 ? "mp4" : "jpeg") != 0)
        return fault_set(ctx->fault, ERR_INVALID, "staged", "What was made is not what was asked for.");
    gmtime_r(&at, &tm);
    strftime(clock, sizeof clock, "%H%M%S", &tm);
    struct query *q = tx_query(ctx->tx, "SELECT number FROM consult WHERE id=$1", "i", (int64_t)r->case_id.v);
    bool found = query_next(q);
    snprintf(name, sizeof name, "%s %s %s.%s", found ? query_text(q, "number") : "", what, clock, type->extension);
    rc = query_end(q);
    struct document_meta meta = {.case_id = r->case_id,
                                 .by = {e->person},
                                 .name = name,
                                 .category = "recording",
                                 .source = "recording",
                                 .taken_ms = r->started_ms};
    return rc ? rc : records_document_import(ctx, staged, &meta, out);
}

static int recording_export_done(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *error = arg_text(args, "error");
    struct export_row e;
    struct recording_row r;
    struct document_id made = {0}, strip = {0};
    (void)result;
    int rc = export_load(ctx, arg_id(args, "export_id"), &e);
    rc = rc ? rc : recording_load(ctx, e.recording, &r);
    if (rc || strcmp(e.state, "running") != 0)
        return rc; /* cancelled meanwhile */
    bool movie = strcmp(e.kind, "movie") == 0, again = json_is_true(json_object_get(args, "again"));
    if (!error && !again) {
        rc = import(ctx, &e, &r, arg_id(args, "staged"), movie ? e.layout : "poster", &made);
        rc = rc || movie ? rc : import(ctx, &e, &r, arg_id(args, "staged_strip"), "strip", &strip);
    }
    ctx->audit.object = r.case_id.v;
    id_format(made.v, ctx->audit.detail);
    return rc ? rc
              : tx_exec(ctx->tx, "UPDATE recording_export SET state=$2, done_ms=$3, document_id=$4, strip_id=$5, error=$6 WHERE id=$1", "itiiit",
                        (int64_t)e.id, again ? "queued" : error ? "failed" : "done", ctx->now_ms, (int64_t)made.v, (int64_t)strip.v, error ? error : "");
}

static const struct field export_args[] = {{"recording_id", FIELD_ID, true, .help = "recording"},
                                           {"layout", FIELD_ENUM, true, .choices = "grid|speaker|slides", .help = "where who stands in the picture"},
                                           {0}};
static const struct field of_recording[] = {{"recording_id", FIELD_ID, true, .help = "recording"}, {0}};
static const struct field of_export[] = {{"export_id", FIELD_ID, true, .help = "export"}, {0}};
static const struct field done_args[] = {{"export_id", FIELD_ID, true, .help = "export"},
                                         {"staged", FIELD_ID, .help = "the encrypted film, or poster"},
                                         {"staged_strip", FIELD_ID, .help = "the encrypted strip"},
                                         {"error", FIELD_TEXT, false, 1, 30, .help = "why there is none"},
                                         {"again", FIELD_BOOL, .help = "the daemon ends: begin it again"},
                                         {0}};
static const struct field none[] = {{0}};

const struct op recording_export_ops[] = {
    {"recording.export", OP_WRITE, OP_PHI, "case.read", export_args, recording_export, "Ask for one film of a recording"},
    {"recording.export_cancel", OP_WRITE, 0, "case.read", of_export, recording_export_cancel, "Give up a film that one asked for"},
    {"recording.export_list", OP_READ, OP_NO_IDLE, "case.read", of_recording, recording_export_list, "Films of a recording, and how far they are"},
    {"recording.export_restart", OP_WRITE, OP_SYSTEM | OP_QUIET, NULL, none, recording_export_restart, "what a killed daemon was making is made again"},
    {"recording.export_next", OP_WRITE, OP_SYSTEM | OP_QUIET, NULL, none, recording_export_next, "claim what is to be made"},
    {"recording.export_done", OP_WRITE, OP_SYSTEM, NULL, done_args, recording_export_done, "a film was made, or not"},
    {0}};
