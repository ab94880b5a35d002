/* One message from its bytes to its answer (exchange.h). */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/quality/quality.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_BYTES 200

/* ---- known again ---- */

int exchange_look_back(struct exchange_taking *t, const char *control, const char *hash, struct exchange_earlier *e)
{
    memset(e, 0, sizeof *e);
    struct query *q = tx_query(t->ctx->tx, "SELECT id, hash, state, ack, reason, location, code FROM exchange_message WHERE source_id=$1 AND control_id=$2 LIMIT 64",
                               "it", (int64_t)t->source->id, control);
    while (query_next(q)) {
        bool same = strcmp(query_text(q, "hash"), hash) == 0;
        e->reused = e->reused || !same;
        if (!same)
            continue;
        e->id = (uint64_t)query_int(q, "id");
        e->code = query_int(q, "code");
        snprintf(e->state, sizeof e->state, "%s", query_text(q, "state"));
        snprintf(e->ack, sizeof e->ack, "%s", query_text(q, "ack"));
        snprintf(e->reason, sizeof e->reason, "%s", query_text(q, "reason"));
        snprintf(e->location, sizeof e->location, "%s", query_text(q, "location"));
    }
    return query_end(q);
}

/* ---- answering: original mode, or accept and application acknowledgement as MSH-15 and MSH-16 want them (2.9.3) ---- */

static bool is_condition(struct hl7_span condition, const char *code)
{
    return condition.len == strlen(code) && memcmp(condition.at, code, condition.len) == 0;
}

/* HL7 table 0155. Who writes something else there is answered: he would wait for ever. */
static bool wanted(struct hl7_span condition, bool good)
{
    if (!condition.len || is_condition(condition, "\"\"") || is_condition(condition, "NE"))
        return false;
    return !is_condition(condition, good ? "ER" : "SU");
}

static void answer(struct exchange_taking *t, const struct exchange_ack *ack, struct hl7_writer *w)
{
    struct hl7_span accept = hl7_at(t->m, "MSH-15"), application = hl7_at(t->m, "MSH-16");
    bool good = ack->code[1] == 'A';
    if (!accept.len && !application.len) {
        exchange_put_ack(w, t->m, ack, t->ctx->now_ms);
        return;
    }
    /* it was kept: that is what the accept acknowledgement says, also of what could not be used */
    struct exchange_ack kept = {ack->code[1] == 'R' ? "CR" : "CA", ack->code[1] == 'R' ? ack->text : "", ack->code[1] == 'R' ? ack->flaw : NULL};
    if (wanted(accept, kept.code[1] == 'A'))
        exchange_put_ack(w, t->m, &kept, t->ctx->now_ms);
    if (wanted(application, good)) {
        if (w->len)
            hl7_put(w, "", 1);
        exchange_put_ack(w, t->m, ack, t->ctx->now_ms);
    }
}

static int answer_again(struct exchange_taking *t, const struct exchange_earlier *e, struct hl7_writer *w)
{
    struct exchange_flaw flaw;
    if (e->code) {
        exchange_flaw(&flaw, (int)e->code, e->reason, NULL);
        if (hl7_path_parse(e->location, &flaw.at))
            snprintf(flaw.at.segment, sizeof flaw.at.segment, "%.3s", e->location);
    }
    answer(t, &(struct exchange_ack){e->ack, "", e->code ? &flaw : NULL}, w);
    tx_exec(t->ctx->tx, "UPDATE exchange_message SET repeats=repeats+1 WHERE id=$1", "i", (int64_t)e->id);
    exchange_count(t, COUNT_REPEATED);
    return tx_error(t->ctx->tx);
}

/* ---- taking ---- */

void exchange_location(const struct exchange_taking *t, char out[ROWS_NAME_BYTES])
{
    out[0] = 0;
    if (t->source->rows)
        memcpy(out, t->column, ROWS_NAME_BYTES);
    else if (t->flaw.at.segment[0])
        hl7_path_print(&t->flaw.at, out, ROWS_NAME_BYTES);
}

static size_t next_patient(const struct hl7_message *m, size_t from)
{
    while (from < m->n && !hl7_is(&m->segments[from], "PID"))
        from++;
    return from;
}

/* What is before the first PID, and segments [from, to) of one patient: as a message of its own. */
static int use_patient(struct exchange_taking *t, size_t header, size_t from, size_t to)
{
    struct hl7_message *whole = t->m, part = *whole;
    part.n = header + to - from;
    if (!(part.segments = malloc((part.n + 1) * sizeof *part.segments)))
        return ERR_UNAVAILABLE;
    memcpy(part.segments, whole->segments, header * sizeof *part.segments);
    memcpy(part.segments + header, whole->segments + from, (to - from) * sizeof *part.segments);
    t->m = &part;
    t->entries = 0;
    int rc = exchange_register(t);
    rc = rc ? rc : exchange_write_entries(t);
    t->m = whole;
    whole->converter = part.converter;
    free(part.segments);
    return rc;
}

/* The standard lets the groups of a PID repeat (ORU^R01, A40, BAR^P02): what stands under the second PID is the second patient's. The message is called the first one's. */
static int use_patients(struct exchange_taking *t)
{
    size_t header = next_patient(t->m, 0), from = header, to = next_patient(t->m, from + 1), entries = 0;
    uint64_t first = 0;
    int rc = 0;
    for (unsigned n = 1; rc == 0 && (from < t->m->n); n++, from = to, to = next_patient(t->m, from + 1)) {
        if (n > 1)
            quality_message_part(records_parts(t->ctx->records)->quality);
        rc = use_patient(t, header, from, to);
        entries += t->entries;
        if (rc == ERR_INVALID && strcmp(t->flaw.reason, "nothing_to_keep") == 0 && (entries || to < t->m->n)) { /* of this patient; of another there is something */
            memset(&t->flaw, 0, sizeof t->flaw);
            rc = 0;
        }
        first = first ? first : t->patient;
        if (rc && n > 1 && (strcmp(t->flaw.at.segment, "PID") == 0 || strcmp(t->flaw.at.segment, "MRG") == 0))
            t->flaw.at.occurrence = (uint8_t)(n < 255 ? n : 255);
    }
    t->entries = entries;
    t->patient = first;
    return rc;
}

/* What the message means is done here, and undone alone when it cannot be done whole: the message itself stays. */
static int use(struct exchange_taking *t)
{
    struct quality *quality = records_parts(t->ctx->records)->quality;
    quality_message_begin(quality, t->ctx->now_ms);
    bool several = next_patient(t->m, next_patient(t->m, 0) + 1) < t->m->n;
    int rc = several ? use_patients(t) : exchange_register(t);
    rc = rc || several ? rc : exchange_write_entries(t);
    if (rc == 0)
        quality_message_end(quality, t->source->id);
    return rc;
}

int exchange_use(struct exchange_taking *t)
{
    int rc = use(t);
    if (rc == ERR_INVALID || (rc && rc != ERR_STORAGE && rc != ERR_UNAVAILABLE && rc != ERR_INTERNAL)) {
        if (!t->flaw.code)
            exchange_flaw(&t->flaw, 207, t->ctx->fault->reason[0] ? t->ctx->fault->reason : err_wire(rc), NULL);
        return ERR_INVALID;
    }
    return rc;
}

int exchange_message_write(struct exchange_taking *t, const char *control, const char *hash, size_t size, bool reused)
{
    char type[40], location[ROWS_NAME_BYTES], day[11];
    bool dead = t->flaw.code != 0;
    hl7_text_at(t->m, "MSH-9", type, sizeof type);
    exchange_location(t, location);
    exchange_day_of(t->ctx->now_ms, day);
    tx_exec(t->ctx->tx,
            "INSERT INTO exchange_message (id, source_id, control_id, hash, type, received_ms, day, size, state, ack, code, reason, location, "
            "patient_id, entries, repeats, reused, file_id, row_no) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,0,$16,$17,$18)",
            "iitttitittittiiiii", (int64_t)t->message, (int64_t)t->source->id, control, hash, type, t->ctx->now_ms, day, (int64_t)size,
            dead ? "dead" : "stored", dead && !t->source->accept_dead ? "AE" : "AA", (int64_t)t->flaw.code, t->flaw.reason, location,
            (int64_t)(dead ? 0 : t->patient), (int64_t)(dead ? 0 : t->entries), (int64_t)reused, (int64_t)t->file, t->row);
    if (dead)
        tx_exec(t->ctx->tx, "INSERT INTO exchange_dead (message_id, source_id, state, since_ms, done_ms, done_by, note) VALUES ($1,$2,'open',$3,0,0,NULL)", "iii",
                (int64_t)t->message, (int64_t)t->source->id, t->ctx->now_ms);
    exchange_count(t, dead ? COUNT_DEAD : COUNT_STORED);
    return tx_error(t->ctx->tx);
}

static int take_new(struct exchange_taking *t, const struct exchange_in *in, const char *control, const struct exchange_earlier *e, const char *hash)
{
    struct tx *tx = t->ctx->tx;
    int rc = exchange_body_keep(t->ctx, hash, in->bytes, in->len);
    rc = rc || !in->careful ? rc : tx_savepoint(tx);
    if (rc)
        return rc;
    uint64_t before = tx_written(tx);
    t->message = id_new();
    int used = exchange_use(t);
    if (used && used != ERR_INVALID)
        return used;
    if (used && !in->careful && (tx_error(tx) || tx_written(tx) != before))
        return ERR_CONFLICT;
    if (in->careful)
        rc = used ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx);
    return rc ? rc : exchange_message_write(t, control, hash, in->len, e->reused);
}

static int take_known(struct exchange_taking *t, const struct exchange_in *in, struct hl7_writer *w)
{
    char control[CONTROL_BYTES], hash[33];
    struct exchange_earlier e;
    hl7_text_at(t->m, "MSH-10", control, sizeof control);
    exchange_hash(records_parts(t->ctx->records)->exchange, in->bytes, in->len, hash);
    int rc = exchange_look_back(t, control, hash, &e);
    if (rc)
        return rc;
    if (e.id)
        return answer_again(t, &e, w);
    rc = take_new(t, in, control, &e, hash);
    if (rc)
        return rc;
    bool dead = t->flaw.code != 0;
    const char *text = e.reused ? "This control id came before with other content; both messages are kept." : "";
    answer(t, &(struct exchange_ack){dead && !t->source->accept_dead ? "AE" : "AA", text, dead && !t->source->accept_dead ? &t->flaw : NULL}, w);
    return 0;
}

static int refuse(struct exchange_taking *t, int code, const char *reason, const char *path, struct hl7_writer *w)
{
    exchange_flaw(&t->flaw, code, reason, path);
    answer(t, &(struct exchange_ack){"AR", "", &t->flaw}, w);
    exchange_count(t, COUNT_REFUSED);
    snprintf(t->ctx->audit.detail, sizeof t->ctx->audit.detail, "refused=%s", reason);
    return tx_error(t->ctx->tx);
}

static int who_sends(struct exchange_taking *t, const struct exchange_in *in, struct exchange_source *source)
{
    char application[96], facility[96];
    hl7_text_at(t->m, "MSH-3.1", application, sizeof application);
    hl7_text_at(t->m, "MSH-4.1", facility, sizeof facility);
    int rc = exchange_source_find(t->ctx, application, facility, in->address, in->certificate, source);
    if (rc == 0)
        t->source = source;
    return rc;
}

/* What the transport's checks let through but cannot be taken at all: no sender known, no message. */
static const char *unfit(const struct exchange_in *in, struct hl7_message *m, int *code, const char **path)
{
    *path = NULL;
    *code = 101;
    if (in->too_large)
        return *code = 207, "too_large";
    if (!hl7_is(&m->segments[0], "MSH")) /* FHS, BHS: a batch has no one answer (2.10.3), its messages come one by one */
        return *code = 100, "no_header";
    if (hl7_segment(m, "MSH", 1)) /* one block, one message, one answer: what belongs to the second is not the first one's patient's */
        return *code = 100, *path = "MSH[2]", "several_messages";
    if (!hl7_at(m, "MSH-9.1").len)
        return *path = "MSH-9", "required";
    if (!hl7_at(m, "MSH-10").len)
        return *path = "MSH-10", "required";
    return NULL;
}

/* An unreadable message is answered as far as its first line can be read: by an MSH of ours when it cannot. */
static int take_unreadable(struct exchange_taking *t, const struct exchange_in *in, struct hl7_writer *w)
{
    static const char bare[] = "MSH|^~\\&|||||||ACK||P|2.5";
    const char *end = memchr(in->bytes, '\r', in->len);
    size_t len = end ? (size_t)(end - in->bytes) : in->len < 1000 ? in->len : 1000;
    struct exchange_source source;
    struct hl7_message first;
    struct fault f = {0};
    if (hl7_parse(&first, in->bytes, len, HL7_UTF8, &f) || !hl7_is(&first.segments[0], "MSH")) {
        hl7_fini(&first);
        if (hl7_parse(&first, bare, sizeof bare - 1, HL7_UTF8, &f))
            return ERR_INTERNAL;
    }
    t->m = &first;
    (void)!who_sends(t, in, &source);
    int rc = refuse(t, in->too_large ? 207 : 100, in->too_large ? "too_large" : t->ctx->fault->reason[0] ? t->ctx->fault->reason : "unreadable", NULL, w);
    hl7_fini(&first);
    return rc;
}

static int take_read(struct exchange_taking *t, const struct exchange_in *in, struct hl7_writer *w)
{
    struct exchange_source source;
    const char *path;
    int code, who = who_sends(t, in, &source);
    const char *reason = unfit(in, t->m, &code, &path);
    if (who != 0 && who != ERR_NOT_FOUND && who != ERR_DENIED)
        return who;
    if (who)
        return refuse(t, 103, who == ERR_DENIED ? "wrong_address" : "unknown_source", who == ERR_DENIED ? "MSH-3" : "MSH-3", w);
    return reason ? refuse(t, code, reason, path, w) : take_known(t, in, w);
}

int exchange_take(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *w)
{
    struct exchange_taking t = {.ctx = ctx};
    struct hl7_message m;
    struct fault f = {0};
    struct actor actor = {.system = true, .name = "exchange"};
    const struct actor *before = ctx->actor;
    int rc = in->too_large ? ERR_TOO_LARGE : hl7_parse(&m, in->bytes, in->len, HL7_UTF8, &f);
    t.m = &m;
    ctx->actor = &actor;
    if (rc) {
        snprintf(ctx->fault->reason, sizeof ctx->fault->reason, "%s", f.reason);
        rc = take_unreadable(&t, in, w);
    } else
        rc = take_read(&t, in, w);
    if (t.source) {
        ctx->audit.patient = t.patient;
        ctx->audit.object = t.message;
    }
    if (!in->too_large)
        hl7_fini(&m);
    ctx->actor = before;
    return rc ? rc : w->failed ? ERR_UNAVAILABLE : tx_error(ctx->tx);
}
