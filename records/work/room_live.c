/* What the live room tells and asks: who shows a ticket, what became of a seat, what happened (room.h, system operations). */
#include "records/work/room_row.h"
#include "records/work/work_view.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <string.h>

#define NOTE_BYTES 8000 /* a line of quality with sixteen pictures is 3 kB */
#define LOG_LINES_MAX 20000

/* ---- entering ---- */
static bool same(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n && n == strlen(b) && crypto_equal(a, b, n);
}

/* The ticket itself, before the case is asked. */
static int check_ticket(struct op_ctx *ctx, json_t *args, const struct ticket_row *t, const struct room_row *room)
{
    const char *resume = arg_text(args, "resume");
    char hash[ROOM_HASH_BYTES] = "";
    if (resume)
        room_secret_hash(resume, hash);
    bool back = resume && same(hash, t->resume_hash);
    if (room->ended_ms)
        return fault_set(ctx->fault, ERR_GONE, "room_closed", "This room has ended.");
    if (t->person.v && t->person.v != arg_id(args, "person_id"))
        return fault_set(ctx->fault, ERR_DENIED, "ticket_not_yours", "This ticket belongs to somebody else; sign in as its owner.");
    if (t->revoked_ms)
        return fault_set(ctx->fault, ERR_DENIED, "ticket_revoked", "This ticket was withdrawn.");
    if (resume && !back)
        return fault_set(ctx->fault, ERR_DENIED, "resume_wrong", "The seat was taken over elsewhere.");
    bool long_session = back && t->admitted && ctx->now_ms < t->created_ms + ROOM_TICKET_MS;
    if (t->expires_ms <= ctx->now_ms && !long_session)
        return fault_set(ctx->fault, ERR_DENIED, "ticket_expired", "This ticket is over; ask for a new one.");
    return 0;
}

/* The line is the holder's, at the post his ticket was asked from; a guest has neither. */
static void on_behalf(struct op_ctx *ctx, const struct ticket_row *t)
{
    ctx->audit.person = t->person.v;
    ctx->audit.org = t->person.v ? t->org.v : 0;
}

/* For the device test before the door: is this a ticket that could enter? Nothing is entered by it. */
static int room_ticket_check(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char hash[ROOM_HASH_BYTES];
    struct ticket_row t;
    (void)result;
    room_secret_hash(arg_text(args, "ticket"), hash);
    int rc = ticket_by_hash(ctx->tx, hash, &t);
    if (rc)
        return rc;
    if (!t.id || t.revoked_ms || t.expires_ms <= ctx->now_ms)
        return fault_set(ctx->fault, ERR_DENIED, t.id ? "ticket_expired" : "ticket_unknown", "This ticket is not good.");
    on_behalf(ctx, &t);
    return 0;
}

static json_t *person_view(struct op_ctx *ctx, const struct ticket_row *t)
{
    return json_pack("{s:o,s:s,s:s,s:o}", "id", json_id(t->person.v), "name", t->name, "title", t->title, "org",
                     org_ref(ctx, t->org));
}

static json_t *entered_view(struct op_ctx *ctx, const struct ticket_row *t, const struct room_row *room,
                            const struct consultation_room *c, const char *resume)
{
    json_t *about = json_pack("{s:o,s:o,s:s,s:o,s:b,s:I}", "id", json_id(room->id.v), "case_id", json_id(room->case_id.v), "title",
                              c->number, "host_person_id", json_id(c->host.v), "recording_consent", c->recording_consent, "end_ms",
                              (json_int_t)c->end_ms);
    return json_pack("{s:o,s:o,s:o,s:s,s:s,s:o,s:b,s:b,s:I}", "room", about, "ticket_id", json_id(t->id), "seat_id",
                     json_id(t->seat), "resume", resume, "role", t->role, "person", person_view(ctx, t), "admitted", t->admitted,
                     "session_bound", t->person.v != 0, "expires_ms", (json_int_t)t->expires_ms);
}

static int note_entering(struct op_ctx *ctx, const struct ticket_row *t, const char *device)
{
    char detail[500] = "";
    json_t *d = device ? json_pack("{s:s}", "device", device) : NULL;
    if (d && json_dumpb(d, detail, sizeof detail - 1, JSON_COMPACT) > sizeof detail - 1)
        detail[0] = 0;
    json_decref(d);
    int rc = room_log(ctx, t->room, "join", t, detail);
    return rc || !t->person.v ? rc : consultation_room_seen(ctx, t->case_id, t->person);
}

static int room_enter(struct op_ctx *ctx, json_t *args, json_t **result)
{
    char secret[ROOM_SECRET_BYTES], hash[ROOM_HASH_BYTES];
    struct consultation_room c;
    struct ticket_row t;
    struct room_row room;
    room_secret_hash(arg_text(args, "ticket"), hash);
    int rc = ticket_by_hash(ctx->tx, hash, &t);
    if (rc == 0 && !t.id)
        rc = fault_set(ctx->fault, ERR_DENIED, "ticket_unknown", "This ticket is not known.");
    if (rc)
        return rc;
    on_behalf(ctx, &t);
    ctx->audit.object = t.case_id.v;
    rc = room_load(ctx, t.room.v, &room);
    rc = rc ? rc : check_ticket(ctx, args, &t, &room);
    rc = rc ? rc : ticket_case(ctx, &t, &c);
    if (rc == 0 && !c.open)
        rc = room_not_open(ctx, &c);
    if (rc)
        return rc;
    if (t.person.v) /* a member may have become the expert since */
        snprintf(t.role, sizeof t.role, "%s", seat_word(c.seat));
    room_secret(secret, hash);
    tx_exec(ctx->tx, "UPDATE room_ticket SET resume_hash=$2, role=$3 WHERE id=$1", "itt", (int64_t)t.id, hash, t.role);
    rc = note_entering(ctx, &t, arg_text(args, "device"));
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", t.role);
    if (rc == 0)
        *result = entered_view(ctx, &t, &room, &c, secret);
    explicit_bzero(secret, sizeof secret);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- what became of a seat ---- */
static int find_seat(struct op_ctx *ctx, json_t *args, struct room_row *room, struct ticket_row *t)
{
    int rc = room_load(ctx, arg_id(args, "room_id"), room);
    memset(t, 0, sizeof *t);
    rc = rc || !arg_id(args, "seat_id") ? rc : ticket_by_seat(ctx->tx, room->id, arg_id(args, "seat_id"), t);
    if (rc == 0 && arg_id(args, "seat_id") && !t->id)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "seat", "The room has no such seat.");
    on_behalf(ctx, t);
    ctx->audit.object = room->case_id.v ? room->case_id.v : room->id.v;
    ctx->audit.patient = rc || !room->case_id.v ? 0 : consultation_patient(ctx->tx, room->case_id).v;
    return rc;
}

static int room_seat(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *event = arg_text(args, "event"), *reason = arg_text(args, "reason");
    char detail[900] = "";
    struct room_row room;
    struct ticket_row t;
    int rc = find_seat(ctx, args, &room, &t);
    if (rc)
        return rc;
    if (strcmp(event, "admitted") == 0)
        tx_exec(ctx->tx, "UPDATE room_ticket SET admitted=1 WHERE id=$1 AND revoked_ms=0", "i", (int64_t)t.id);
    else if (strcmp(event, "refused") == 0 || strcmp(event, "removed") == 0)
        tx_exec(ctx->tx, "UPDATE room_ticket SET admitted=0, resume_hash='', revoked_ms=$2 WHERE id=$1", "ii", (int64_t)t.id,
                ctx->now_ms);
    else if (strcmp(event, "entered") == 0)
        tx_exec(ctx->tx, "UPDATE room SET started_ms=$2 WHERE id=$1 AND started_ms=0", "ii", (int64_t)room.id.v, ctx->now_ms);
    json_t *d = reason ? json_pack("{s:s}", "reason", reason) : NULL;
    if (d && json_dumpb(d, detail, sizeof detail - 1, JSON_COMPACT) > sizeof detail - 1)
        detail[0] = 0;
    json_decref(d);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", event);
    return room_log(ctx, room.id, event, &t, detail);
}

/* ---- the log ---- */
static bool kind_ok(const char *kind)
{
    return kind[strspn(kind, "abcdefghijklmnopqrstuvwxyz_")] == 0;
}

static bool is_object(const char *text)
{
    json_t *v = json_loads(text, 0, NULL);
    bool ok = json_is_object(v);
    json_decref(v);
    return ok;
}

static int room_note(struct op_ctx *ctx, json_t *args, json_t **result)
{
    static const char *const evidence[] = {"record_asked", "consent_given", "consent_refused", "record_started", "record_stopped"};
    const char *kind = arg_text(args, "kind"), *detail = arg_text(args, "detail");
    bool proof = false;
    struct room_row room;
    struct ticket_row t;
    if (!kind_ok(kind))
        fault_field(ctx->fault, "kind", "letters_and_underscores");
    if (detail && !is_object(detail))
        fault_field(ctx->fault, "detail", "not_an_object");
    if (ctx->fault->n_fields)
        return ctx->fault->code;
    int rc = find_seat(ctx, args, &room, &t);
    if (rc == 0 && room.log_lines >= LOG_LINES_MAX)
        rc = fault_set(ctx->fault, ERR_TOO_LARGE, "log_full", "The log of this room is full.");
    for (size_t i = 0; i < sizeof evidence / sizeof *evidence; i++)
        proof = proof || strcmp(kind, evidence[i]) == 0;
    if (proof)
        snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s %s", kind, detail ? detail : "");
    else
        ctx->audit.object = ctx->audit.patient = 0; /* the room's own log is enough (OP_QUIET) */
    return rc ? rc : room_log(ctx, room.id, kind, t.id ? &t : NULL, detail ? detail : "");
}

/* ---- news for the workflow ---- */
static int tell_case(struct op_ctx *ctx, json_t *args, const struct room_row *room)
{
    const char *what = arg_text(args, "what");
    if (!room->case_id.v)
        return 0;
    if (strcmp(what, "seen") == 0)
        return consultation_room_seen(ctx, room->case_id, (struct person_id){arg_id(args, "person_id")});
    if (strcmp(what, "interrupted") == 0)
        return consultation_room_interrupted(ctx, room->case_id);
    return strcmp(what, "resumed") == 0 ? consultation_room_resumed(ctx, room->case_id)
                                        : consultation_room_ended(ctx, room->case_id);
}

static int room_news(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *what = arg_text(args, "what");
    struct room_row room;
    struct ticket_row t;
    if (strcmp(what, "seen") == 0 && !arg_id(args, "person_id"))
        return fault_field(ctx->fault, "person_id", "required");
    struct person_id person = {arg_id(args, "person_id")};
    int rc = find_seat(ctx, args, &room, &t);
    if (rc || room.ended_ms)
        return rc; /* old news of a room that is over must not touch the case's next session */
    rc = person.v ? ticket_by_person(ctx->tx, room.id, person, &t) : 0;
    on_behalf(ctx, &t);
    ctx->audit.person = person.v;
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "%s", what);
    rc = rc ? rc : tell_case(ctx, args, &room);
    if (rc == 0 && strcmp(what, "ended") == 0)
        rc = room_end(ctx, &room);
    return rc ? rc : room_log(ctx, room.id, what, NULL, "");
}

/* ---- looking again ---- */
static json_t *gone_seats(struct op_ctx *ctx, struct room_id room)
{
    struct ticket_row tickets[ROOM_TICKETS_MAX];
    struct consultation_room c;
    json_t *gone = json_array();
    size_t n = 0;
    if (tickets_of_room(ctx->tx, room, tickets, &n))
        n = 0;
    for (size_t i = 0; i < n && !tx_error(ctx->tx); i++) {
        const struct ticket_row *t = &tickets[i];
        if (t->revoked_ms || (t->person.v && ticket_case(ctx, t, &c)))
            json_array_append_new(gone, json_id(t->seat));
        fault_clear(ctx->fault);
    }
    return gone;
}

static int room_check(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct consultation_room c = {.open = true};
    struct room_row room;
    int rc = room_load(ctx, arg_id(args, "room_id"), &room);
    rc = rc || !room.case_id.v ? rc : room_case(ctx, room.case_id, &c);
    if (rc)
        return rc;
    *result = json_pack("{s:o,s:o,s:s,s:b,s:b,s:I,s:I,s:b,s:o,s:o}", "id", json_id(room.id.v), "case_id", json_id(room.case_id.v),
                        "title", room.case_id.v ? c.number : room.name, "open", c.open && !room.ended_ms, "ended",
                        room.ended_ms || !c.open, "opens_ms", (json_int_t)c.opens_ms, "end_ms", (json_int_t)c.end_ms,
                        "recording_consent", c.recording_consent, "host_person_id", json_id(c.host.v), "gone",
                        gone_seats(ctx, room.id));
    return tx_error(ctx->tx);
}

#define ROOM_ID {"room_id", FIELD_ID, true, .help = "room"}
static const struct field enter_args[] = {{"ticket", FIELD_TEXT, true, 1, 100, .help = "as issued"},
                                          {"person_id", FIELD_ID, .help = "signed in on the connection"},
                                          {"resume", FIELD_TEXT, false, 1, 100, .help = "secret of the seat"},
                                          {"device", FIELD_TEXT, false, 0, 120, .help = "name of the device"},
                                          {0}};
static const struct field ticket_check_args[] = {{"ticket", FIELD_TEXT, true, 1, 100, .help = "as issued"}, {0}};
static const struct field seat_args[] = {
    ROOM_ID,
    {"seat_id", FIELD_ID, true, .help = "seat"},
    {"event", FIELD_ENUM, true, .choices = "admitted|refused|entered|left|removed", .help = "what became of it"},
    {"reason", FIELD_TEXT, false, 0, 200, .help = "in the room's log"},
    {0}};
static const struct field note_args[] = {ROOM_ID,
                                         {"seat_id", FIELD_ID, .help = "seat"},
                                         {"kind", FIELD_TEXT, true, 1, 30, .help = "what happened"},
                                         {"detail", FIELD_TEXT, false, 2, NOTE_BYTES, .help = "JSON object: ids and codes only"},
                                         {0}};
static const struct field news_args[] = {
    ROOM_ID,
    {"what", FIELD_ENUM, true, .choices = "seen|interrupted|resumed|ended", .help = "the news"},
    {"person_id", FIELD_ID, .help = "who was seen"},
    {0}};
static const struct field check_args[] = {ROOM_ID, {0}};

const struct op room_system_ops[] = {
    {"room.enter", OP_WRITE, OP_SYSTEM | OP_PHI, NULL, enter_args, room_enter, "a ticket is shown at the door"},
    {"room.ticket_check", OP_READ, OP_SYSTEM, NULL, ticket_check_args, room_ticket_check, "is a ticket good (device test)"},
    {"room.seat", OP_WRITE, OP_SYSTEM, NULL, seat_args, room_seat, "what became of a seat"},
    {"room.note", OP_WRITE, OP_SYSTEM | OP_QUIET, NULL, note_args, room_note, "a line of the room's log"},
    {"room.news", OP_WRITE, OP_SYSTEM, NULL, news_args, room_news, "news for the workflow of the case"},
    {"room.check", OP_READ, OP_SYSTEM, NULL, check_args, room_check, "may the room and its seats go on"},
    {"room.token", OP_WRITE, OP_SYSTEM, NULL, room_token_args, room_token, "a machine's token"},
    {"room.token_check", OP_READ, OP_SYSTEM | OP_PHI, NULL, room_token_check_args, room_token_check, "is a machine's token good"},
    {0}};
