/* What there is of a case's recordings: files, what is missing in them, what happened meanwhile. */
#include "records/work/recording.h"
#include "records/store/sealed.h"
#include "records/work/work_ops.h"
#include "records/work/work_view.h"
#include <string.h>

#define MARKS_MAX 500

static json_t *track_view(struct query *q)
{
    return json_pack("{s:o,s:s,s:s,s:{s:o,s:s?},s:I,s:I,s:s,s:s,s:I,s:s,s:[]}", "document_id", json_id((uint64_t)query_int(q, "document_id")),
                     "kind", query_text(q, "kind"), "source", query_text(q, "source"), "who", "id",
                     json_id((uint64_t)query_int(q, "person_id")), "name",
                     query_sealed(q, "name", SEALED_TRACK_NAME, (uint64_t)query_int(q, "id"), (uint64_t)query_int(q, "document_id")), "started_ms",
                     (json_int_t)query_int(q, "t_started_ms"), "duration_ms", (json_int_t)query_int(q, "t_duration_ms"),
                     "content_type", query_text(q, "content_type"), "sha256", query_text(q, "t_sha256"), "links",
                     (json_int_t)query_int(q, "links"), "chain", query_text(q, "chain"), "gaps");
}

static json_t *recording_view(struct query *q, uint64_t id)
{
    return json_pack("{s:o,s:o,s:I,s:I,s:b,s:s,s:s,s:[],s:[]}", "id", json_id(id), "case_id",
                     json_id((uint64_t)query_int(q, "case_id")), "started_ms", (json_int_t)query_int(q, "started_ms"), "duration_ms",
                     (json_int_t)query_int(q, "duration_ms"), "sealed", query_int(q, "sealed_ms") != 0, "sha256",
                     query_text(q, "sha256"), "note", query_text(q, "note"), "tracks", "marks");
}

/* While files still come in, it is as long as what is there. */
static void lengthen(json_t *recording, struct query *q)
{
    json_int_t end = query_int(q, "t_started_ms") + query_int(q, "t_duration_ms") - query_int(q, "started_ms");
    if (!query_int(q, "sealed_ms") && end > json_integer_value(json_object_get(recording, "duration_ms")))
        json_object_set_new(recording, "duration_ms", json_integer(end));
}

/* ---- what is missing in them ---- */
static json_t *track_of(const json_t *items, uint64_t recording, uint64_t document)
{
    char of[ID_TEXT_BYTES], id[ID_TEXT_BYTES];
    size_t i, k;
    json_t *r, *t;
    id_format(recording, of);
    id_format(document, id);
    json_array_foreach (items, i, r) {
        if (strcmp(json_string_value(json_object_get(r, "id")), of) != 0)
            continue;
        json_array_foreach (json_object_get(r, "tracks"), k, t)
            if (strcmp(json_string_value(json_object_get(t, "document_id")), id) == 0)
                return t;
    }
    return NULL;
}

static void add_gaps(struct op_ctx *ctx, struct case_id id, const json_t *items)
{
    struct query *q = tx_query(ctx->tx,
                               "SELECT g.recording_id, g.document_id, g.begin_ms, g.length_ms, g.lost_ms, g.why FROM recording_gap g "
                               "JOIN recording r ON r.id=g.recording_id WHERE r.case_id=$1 ORDER BY g.recording_id, g.document_id, g.n",
                               "i", (int64_t)id.v);
    while (query_next(q)) {
        json_t *t = track_of(items, (uint64_t)query_int(q, "recording_id"), (uint64_t)query_int(q, "document_id"));
        if (t)
            json_array_append_new(json_object_get(t, "gaps"),
                                  json_pack("{s:I,s:I,s:I,s:s}", "begin_ms", (json_int_t)query_int(q, "begin_ms"), "length_ms",
                                            (json_int_t)query_int(q, "length_ms"), "lost_ms", (json_int_t)query_int(q, "lost_ms"), "why",
                                            query_text(q, "why")));
    }
    int sticky = query_end(q);
    (void)sticky; /* found by the operation */
}

/* ---- what happened meanwhile: the room's log ---- */
static const char *seat_name(const struct ticket_row *tickets, size_t n, uint64_t seat)
{
    for (size_t i = 0; i < n; i++)
        if (tickets[i].seat == seat)
            return tickets[i].name;
    return "";
}

/* The desk logs an entering twice: for the seat, and for the log. */
static bool told_before(const json_t *marks, const char *kind, const json_t *seat, json_int_t t_ms)
{
    const json_t *last = json_array_get(marks, json_array_size(marks) ? json_array_size(marks) - 1 : 0);
    return last && strcmp(json_string_value(json_object_get(last, "kind")), kind) == 0 && json_equal(json_object_get(last, "seat"), seat) &&
           t_ms - json_integer_value(json_object_get(last, "t_ms")) < 2000;
}

static void add_marks(struct op_ctx *ctx, struct room_id room, json_t *recording)
{
    struct ticket_row tickets[ROOM_TICKETS_MAX];
    size_t n = 0;
    json_int_t from = json_integer_value(json_object_get(recording, "started_ms")),
               until = from + json_integer_value(json_object_get(recording, "duration_ms"));
    json_t *marks = json_object_get(recording, "marks");
    if (tickets_of_room(ctx->tx, room, tickets, &n))
        return; /* found by the operation */
    struct query *q = tx_query(ctx->tx,
                               "SELECT t_ms, kind, seat_id FROM room_log WHERE room_id=$1 AND t_ms>=$2 AND t_ms<=$3 AND kind IN "
                               "('entered','left','removed','lost','shown') ORDER BY t_ms, id LIMIT $4",
                               "iiii", (int64_t)room.v, (int64_t)from, (int64_t)until, (int64_t)MARKS_MAX);
    while (query_next(q)) {
        uint64_t seat = (uint64_t)query_int(q, "seat_id");
        json_t *id = json_id(seat);
        if (!told_before(marks, query_text(q, "kind"), id, query_int(q, "t_ms")))
            json_array_append_new(marks, json_pack("{s:I,s:s,s:O,s:s}", "t_ms", (json_int_t)query_int(q, "t_ms"), "kind", query_text(q, "kind"),
                                                   "seat", id, "name", seat_name(tickets, n, seat)));
        json_decref(id);
    }
    int sticky = query_end(q);
    (void)sticky;
}

static uint64_t id_of(const json_t *recording)
{
    uint64_t id = 0;
    return id_parse(json_string_value(json_object_get(recording, "id")), &id) ? 0 : id;
}

/* One that kept nothing has nothing to show; the audit and the room's log tell of it. */
json_t *work_recordings(struct op_ctx *ctx, struct case_id id)
{
    json_t *items = json_array(), *open = NULL;
    uint64_t last = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT r.id, r.case_id, r.started_ms, r.duration_ms, r.sealed_ms, r.sha256, r.note, t.document_id, t.kind, "
                               "t.source, t.person_id, t.name, t.started_ms AS t_started_ms, t.duration_ms AS t_duration_ms, "
                               "t.content_type, t.sha256 AS t_sha256, t.links, t.chain "
                               "FROM recording r JOIN recording_track t ON t.recording_id=r.id WHERE r.case_id=$1 "
                               "ORDER BY r.started_ms, r.id, t.started_ms, t.document_id",
                               "i", (int64_t)id.v);
    while (query_next(q)) {
        uint64_t now = (uint64_t)query_int(q, "id");
        if (now != last)
            json_array_append_new(items, open = recording_view(q, now));
        last = now;
        json_array_append_new(json_object_get(open, "tracks"), track_view(q));
        lengthen(open, q);
    }
    items = work_list_end(q, items);
    add_gaps(ctx, id, items);
    recording_export_add(ctx, id, items);
    size_t i;
    json_t *r;
    json_array_foreach (items, i, r) {
        struct room_id room = {(uint64_t)tx_int(ctx->tx, 0, "SELECT room_id FROM recording WHERE id=$1", "i", (int64_t)id_of(r))};
        add_marks(ctx, room, r);
    }
    return items;
}

int recording_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id id = {arg_id(args, "case_id")};
    int rc = consultation_check_read(ctx, id);
    if (rc)
        return rc;
    *result = json_pack("{s:o}", "items", work_recordings(ctx, id));
    return tx_error(ctx->tx);
}
