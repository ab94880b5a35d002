/* The operations on recordings (room.h): begun, whose each track is, a finished file comes in, the list. */
#include "records/work/recording.h"
#include "records/document/detect.h"
#include "records/document/document.h"
#include "records/parts.h"
#include "records/store/sealed.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include "server/base/text.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHINA_S (8 * 3600)

int recording_load(struct op_ctx *ctx, uint64_t id, struct recording_row *out)
{
    memset(out, 0, sizeof *out);
    struct query *q = tx_query(ctx->tx, "SELECT * FROM recording WHERE id=$1", "i", (int64_t)id);
    if (query_next(q)) {
        out->id = id;
        out->room.v = (uint64_t)query_int(q, "room_id");
        out->case_id.v = (uint64_t)query_int(q, "case_id");
        out->started_ms = query_int(q, "started_ms");
        out->duration_ms = query_int(q, "duration_ms");
        out->sealed_ms = query_int(q, "sealed_ms");
        TEXT_COPY(out->sha256, query_text(q, "sha256"));
        TEXT_COPY(out->note, query_text(q, "note"));
    }
    int rc = query_end(q);
    if (rc == 0 && !out->id)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "recording", "There is no such recording.");
    ctx->audit.object = out->case_id.v;
    if (rc == 0)
        ctx->audit.patient = consultation_patient(ctx->tx, out->case_id).v;
    return rc;
}

/* ---- begun ---- */
static int recording_begin(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consultation_room c;
    struct room_row room;
    uint64_t id = id_new();
    char detail[80], id_text[ID_TEXT_BYTES];
    int rc = room_load(ctx, arg_id(args, "room_id"), &room);
    if (rc == 0 && room.ended_ms)
        rc = fault_set(ctx->fault, ERR_GONE, "room_closed", "This room has ended.");
    if (rc == 0 && !room.case_id.v)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "no_case", "Only the room of a consultation is recorded.");
    rc = rc ? rc : room_case(ctx, room.case_id, &c);
    if (rc == 0 && !c.recording_consent)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "no_recording_consent", "The patient has not agreed to a recording.");
    rc = rc ? rc
            : tx_exec(ctx->tx,
                      "INSERT INTO recording (id, room_id, case_id, started_ms, duration_ms, sealed_ms, sha256, note) "
                      "VALUES ($1,$2,$3,$4,0,0,'','')",
                      "iiii", (int64_t)id, (int64_t)room.id.v, (int64_t)room.case_id.v, arg_int(args, "started_ms", 0));
    if (rc)
        return rc;
    id_format(id, id_text);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "recording %s", id_text);
    snprintf(detail, sizeof detail, "{\"recording_id\":\"%s\"}", id_text);
    *result = json_pack("{s:o}", "recording_id", json_id(id));
    return room_log(ctx, room.id, "recording", NULL, detail);
}

static int recording_track_open(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct recording_row r;
    int rc = recording_load(ctx, arg_id(args, "recording_id"), &r);
    ctx->audit.object = ctx->audit.patient = 0; /* the recording itself has its line (OP_QUIET) */
    if (rc == 0 && r.sealed_ms)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "sealed", "This recording is sealed.");
    return rc ? rc
              : tx_upsert(ctx->tx, "recording_source", "recording_id,track_id", "recording_id,track_id,kind,source,person_id,name",
                          "iittis", (int64_t)r.id, (int64_t)arg_id(args, "track_id"), arg_text(args, "kind"),
                          arg_text(args, "source"), (int64_t)arg_id(args, "person_id"),
                          SEALED(SOURCE_NAME, r.id, arg_id(args, "track_id"), arg_text(args, "name")));
}

/* ---- a finished file ---- */
struct track_row {
    uint64_t document, track, person;
    char kind[8], source[12], name[260], content_type[64], sha256[65];
    int64_t started_ms, duration_ms;
};

static int find_source(struct op_ctx *ctx, uint64_t recording, const struct file_type *type, struct track_row *t)
{
    struct query *q = tx_query(ctx->tx, "SELECT kind, source, person_id, name FROM recording_source WHERE recording_id=$1 AND track_id=$2",
                               "ii", (int64_t)recording, (int64_t)t->track);
    TEXT_COPY(t->kind, strcmp(type->kind, "audio") == 0 ? "audio" : "video");
    TEXT_COPY(t->source, strcmp(t->kind, "audio") == 0 ? "mic" : "camera");
    if (query_next(q)) { /* the file says whether there is sound or picture in it; the rest only this row knows */
        TEXT_COPY(t->source, query_text(q, "source"));
        TEXT_COPY(t->name, query_sealed(q, "name", SEALED_SOURCE_NAME, recording, t->track));
        t->person = (uint64_t)query_int(q, "person_id");
    }
    return query_end(q);
}

/* "HZ20261123-0001 camera 143005.webm": the moment tells several files of one track apart. */
static void document_name(struct op_ctx *ctx, const struct recording_row *r, const struct track_row *t, const char *extension,
                          char out[160])
{
    time_t at = (time_t)(t->started_ms / 1000 + CHINA_S);
    struct tm tm;
    char clock[8];
    struct query *q = tx_query(ctx->tx, "SELECT number FROM consult WHERE id=$1", "i", (int64_t)r->case_id.v);
    bool found = query_next(q);
    gmtime_r(&at, &tm);
    strftime(clock, sizeof clock, "%H%M%S", &tm);
    snprintf(out, 160, "%s %s %s.%s", found ? query_text(q, "number") : "", t->source, clock, extension);
    int sticky = query_end(q);
    (void)sticky; /* found by the next statement */
}

static int keep_gaps(struct op_ctx *ctx, const struct recording_row *r, const struct track_row *t, const json_t *gaps)
{
    size_t i;
    json_t *g;
    int rc = 0;
    json_array_foreach (gaps, i, g) {
        if (rc)
            break;
        rc = tx_exec(ctx->tx,
                     "INSERT INTO recording_gap (recording_id, document_id, n, begin_ms, length_ms, lost_ms, why) VALUES ($1,$2,$3,$4,$5,$6,$7)",
                     "iiiiiit", (int64_t)r->id, (int64_t)t->document, (int64_t)i, arg_int(g, "begin_ms", 0), arg_int(g, "length_ms", 0),
                     arg_int(g, "lost_ms", 0), arg_text(g, "why"));
    }
    return rc;
}

static int keep_track(struct op_ctx *ctx, json_t *args, const struct recording_row *r, const struct track_row *t)
{
    const char *chain = arg_text(args, "chain");
    int rc = tx_exec(ctx->tx,
                     "INSERT INTO recording_track (recording_id, document_id, track_id, kind, source, person_id, name, started_ms, "
                     "duration_ms, content_type, sha256, links, chain) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)",
                     "iiittisiittit", (int64_t)r->id, (int64_t)t->document, (int64_t)t->track, t->kind, t->source, (int64_t)t->person,
                     SEALED(TRACK_NAME, r->id, t->document, t->name), t->started_ms, t->duration_ms, t->content_type, t->sha256,
                     arg_int(args, "links", 0), chain ? chain : "");
    return rc ? rc : keep_gaps(ctx, r, t, json_object_get(args, "gaps"));
}

static int import(struct op_ctx *ctx, json_t *args, const struct recording_row *r, struct track_row *t)
{
    const struct file_type *type;
    struct document_id document;
    char name[160];
    int rc = document_staged_type(ctx, arg_id(args, "staged"), &type);
    rc = rc ? rc : find_source(ctx, r->id, type, t);
    if (rc)
        return rc;
    document_name(ctx, r, t, type->extension, name);
    struct document_meta meta = {
        .case_id = r->case_id, .name = name, .category = "recording", .source = "recording", .taken_ms = t->started_ms};
    rc = records_document_import(ctx, arg_id(args, "staged"), &meta, &document);
    t->document = document.v;
    TEXT_COPY(t->content_type, type->content_type);
    TEXT_COPY(t->sha256, arg_text(args, "sha256"));
    return rc ? rc : keep_track(ctx, args, r, t);
}

static int recording_track(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct recording_row r;
    struct track_row t = {.track = arg_id(args, "track_id"),
                          .started_ms = arg_int(args, "started_ms", 0),
                          .duration_ms = arg_int(args, "duration_ms", 0)};
    int rc = recording_load(ctx, arg_id(args, "recording_id"), &r);
    if (rc)
        return rc;
    t.document = (uint64_t)tx_int(
        ctx->tx, 0, "SELECT document_id FROM recording_track WHERE recording_id=$1 AND track_id=$2 AND started_ms=$3", "iii",
        (int64_t)r.id, (int64_t)t.track, t.started_ms);
    bool fresh = !t.document;
    if (fresh && r.sealed_ms)
        return fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "sealed", "This recording is sealed.");
    rc = fresh ? import(ctx, args, &r, &t) : 0;
    ctx->audit.object = r.case_id.v;
    if (rc == 0)
        *result = json_pack("{s:o,s:b}", "document_id", json_id(t.document), "fresh", fresh);
    id_format(t.document, ctx->audit.detail); /* the document's id */
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- the end ---- */
static int recording_seal_op(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *error = arg_text(args, "error");
    struct recording_row r;
    int rc = recording_load(ctx, arg_id(args, "recording_id"), &r);
    if (rc == 0 && !r.sealed_ms && recording_files_left(ctx, r.id))
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "files_left", "Files of this recording are not taken in yet.");
    if (rc == 0 && !r.sealed_ms)
        rc = recording_seal(ctx, &r, !error ? "" : strcmp(error, "unavailable") == 0 ? "interrupted" : error);
    id_format(r.id, ctx->audit.detail);
    if (rc == 0)
        *result = json_pack("{s:o,s:b,s:I,s:s,s:s}", "recording_id", json_id(r.id), "sealed", 1, "duration_ms",
                            (json_int_t)r.duration_ms, "sha256", r.sha256, "note", r.note);
    return rc;
}

#define RECOVER_MAX 200 /* a start finds one or two; the rest would follow at the next */

static int recording_recover(struct op_ctx *ctx, json_t *args, json_t **result)
{
    uint64_t ids[RECOVER_MAX];
    size_t n = 0;
    json_t *sealed = json_array();
    struct query *q = tx_query(ctx->tx, "SELECT id FROM recording WHERE sealed_ms=0 AND started_ms<$1 ORDER BY id LIMIT $2", "ii",
                               arg_int(args, "before_ms", 0), (int64_t)RECOVER_MAX);
    while (n < RECOVER_MAX && query_next(q))
        ids[n++] = (uint64_t)query_int(q, "id");
    int rc = query_end(q);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct recording_row r;
        if (recording_files_left(ctx, ids[i]))
            continue;
        rc = recording_load(ctx, ids[i], &r);
        rc = rc ? rc : recording_seal(ctx, &r, "interrupted");
        json_array_append_new(sealed, json_id(ids[i]));
    }
    ctx->audit.object = ctx->audit.patient = 0; /* several cases: the detail says how many */
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "sealed %zu", json_array_size(sealed));
    *result = json_pack("{s:o}", "sealed", sealed);
    return rc;
}

static const struct field gap_members[] = {{"begin_ms", FIELD_INT, true, 0, 7 * 86400000ll, .help = "of the file"},
                                           {"length_ms", FIELD_INT, true, 0, 7 * 86400000ll, .help = "0 = to the end"},
                                           {"lost_ms", FIELD_INT, true, 0, 7 * 86400000ll, .help = "of it, really missing"},
                                           {"why", FIELD_ENUM, true, .choices = "network|disk|killed|busy|quiet|source", .help = "cause"},
                                           {0}};
static const struct field gap_of[] = {{"gap", FIELD_OBJECT, true, .of = gap_members}, {0}};

#define RECORDING_ID {"recording_id", FIELD_ID, true, .help = "recording"}
static const struct field list_args[] = {{"case_id", FIELD_ID, true, .help = "case"}, {0}};
static const struct field begin_args[] = {{"room_id", FIELD_ID, true, .help = "room"},
                                          {"started_ms", FIELD_TIME, true, .help = "the first instant of the recording"},
                                          {0}};
static const struct field track_open_args[] = {
    RECORDING_ID,
    {"track_id", FIELD_ID, true, .help = "track"},
    {"kind", FIELD_ENUM, true, .choices = "audio|video", .help = "sound or picture"},
    {"source", FIELD_ENUM, true, .choices = "mic|camera|screen|camera2", .help = "where it comes from"},
    {"person_id", FIELD_ID, .help = "whose it is"},
    {"name", FIELD_TEXT, true, 0, 64, .help = "how he is called in the room"},
    {0}};
static const struct field track_args[] = {RECORDING_ID,
                                          {"track_id", FIELD_ID, true, .help = "track"},
                                          {"staged", FIELD_ID, true, .help = "the encrypted file"},
                                          {"sha256", FIELD_TEXT, true, 64, 64, .help = "of the plain bytes"},
                                          {"started_ms", FIELD_TIME, true, .help = "first sample"},
                                          {"duration_ms", FIELD_INT, true, 0, 7 * 86400000ll, .help = "length"},
                                          {"links", FIELD_INT, false, 0, UINT32_MAX, .help = "of its chain (server/base/reel.h)"},
                                          {"chain", FIELD_TEXT, false, 64, 64, .help = "the last link"},
                                          {"gaps", FIELD_ARRAY, false, 0, RECORDING_GAPS_MAX, .of = gap_of, .help = "what is missing"},
                                          {0}};
static const struct field seal_args[] = {
    RECORDING_ID, {"error", FIELD_TEXT, false, 1, 30, .help = "word of the error that ended it early"}, {0}};
static const struct field recover_args[] = {{"before_ms", FIELD_TIME, true, .help = "when the daemon started"}, {0}};

const struct op recording_ops[] = {
    {"recording.list", OP_READ, OP_PHI, "case.read", list_args, recording_list, "recordings of a case"},
    {"recording.begin", OP_WRITE, OP_SYSTEM, NULL, begin_args, recording_begin, "everybody agreed: a recording begins"},
    {"recording.track_open", OP_WRITE, OP_SYSTEM | OP_QUIET, NULL, track_open_args, recording_track_open, "whose a track is"},
    {"recording.track", OP_WRITE, OP_SYSTEM, NULL, track_args, recording_track, "a finished file becomes a document"},
    {"recording.seal", OP_WRITE, OP_SYSTEM, NULL, seal_args, recording_seal_op, "all files are in"},
    {"recording.recover", OP_WRITE, OP_SYSTEM, NULL, recover_args, recording_recover, "seal what a killed daemon left"},
    {0}};
