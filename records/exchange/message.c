/* One message from its bytes to its answer (exchange.h). */
#include "records/audit/audit.h"
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/patient/identity.h"
#include "records/quality/quality.h"
#include "records/store/sealed.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL_BYTES 200
#define HEARD_EVERY_MS 60000

/* ---- contents ---- */

/* The row a content lies in is its own keyed hash: equal content lies there once, and tells nothing to who has no key. */
static int64_t row_of(const char *hash)
{
    uint8_t bytes[16];
    int64_t row = 0;
    if (hex_decode(hash, bytes, sizeof bytes) > 0)
        memcpy(&row, bytes, sizeof row);
    return row;
}

static void hash_of(const struct exchange *x, const char *bytes, size_t len, char out[33])
{
    uint8_t mac[SHA256_BYTES];
    crypto_hmac_sha256(x->key, sizeof x->key, bytes, len, mac);
    (void)!hex_encode(mac, 16, out, 33);
}

void exchange_hash(const struct exchange *x, const char *bytes, size_t len, char out[33])
{
    hash_of(x, bytes, len, out);
}

/* bytes are NUL-terminated and hold no other NUL. */
static int put_body(struct op_ctx *ctx, const char *hash, const char *bytes, size_t len)
{
    return tx_upsert(ctx->tx, "exchange_body", NULL, "hash,row_id,body,size,t_ms", "tisii", hash, row_of(hash),
                     SEALED(EXCHANGE_BODY, row_of(hash), 0, bytes), (int64_t)len, ctx->now_ms);
}

int exchange_body_put(struct op_ctx *ctx, const char *bytes, size_t len, char hash[33])
{
    hash_of(records_parts(ctx->records)->exchange, bytes, len, hash);
    return put_body(ctx, hash, bytes, len);
}

char *exchange_body(struct op_ctx *ctx, const char *hash)
{
    char *out = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT body FROM exchange_body WHERE hash=$1", "t", hash);
    if (query_next(q)) {
        const char *text = query_sealed(q, "body", SEALED_EXCHANGE_BODY, (uint64_t)row_of(hash), 0);
        out = text ? strdup(text) : NULL;
    }
    int rc = query_end(q);
    if (rc || !out)
        fault_set(ctx->fault, rc ? rc : ERR_NOT_FOUND, "", "The message's bytes are not there.");
    return out;
}

/* ---- counts ---- */

void exchange_day_of(int64_t ms, char out[11])
{
    date_of_ms(ms, EXCHANGE_ZONE_MIN, out);
}

void exchange_recount(struct op_ctx *ctx, uint64_t source, const char *day)
{
    tx_exec(ctx->tx, "UPDATE exchange_day SET dead=dead-1, stored=stored+1 WHERE source_id=$1 AND day=$2", "it", (int64_t)source, day);
}

void exchange_group_begin(struct exchange *x)
{
    x->n_tallies = 0;
}

static int write_tally(struct tx *tx, const struct tally *y)
{
    int64_t all = 0;
    for (int i = 0; i < EXCHANGE_COLUMNS; i++)
        all += y->n[i];
    tx_exec(tx, "UPDATE exchange_day SET received=received+$1, stored=stored+$2, refused=refused+$3, dead=dead+$4, repeated=repeated+$5 WHERE source_id=$6 AND day=$7",
            "iiiiiit", all, y->n[COUNT_STORED], y->n[COUNT_REFUSED], y->n[COUNT_DEAD], y->n[COUNT_REPEATED], (int64_t)y->source, y->day);
    if (tx_changes(tx) == 0)
        tx_exec(tx, "INSERT INTO exchange_day (source_id, day, received, stored, refused, dead, repeated) VALUES ($1,$2,$3,$4,$5,$6,$7)", "itiiiii", (int64_t)y->source, y->day, all,
                y->n[COUNT_STORED], y->n[COUNT_REFUSED], y->n[COUNT_DEAD], y->n[COUNT_REPEATED]);
    if (y->source)
        tx_upsert(tx, "exchange_state", "source_id", "source_id,last_ms,last_type,made_ms", "iiti", (int64_t)y->source, y->last_ms, y->type, y->made_ms);
    return tx_error(tx);
}

int exchange_heard(struct tx *tx, uint64_t source, const char *type, int64_t now_ms)
{
    int64_t last = tx_int(tx, 0, "SELECT last_ms FROM exchange_state WHERE source_id=$1", "i", (int64_t)source);
    if (now_ms - last >= HEARD_EVERY_MS || now_ms < last)
        tx_upsert(tx, "exchange_state", "source_id", "source_id,last_ms,last_type,made_ms", "iiti", (int64_t)source, now_ms, type, now_ms);
    return tx_error(tx);
}

int exchange_group_end(struct exchange *x, struct tx *tx)
{
    int rc = 0;
    for (size_t i = 0; i < x->n_tallies && rc == 0; i++)
        rc = write_tally(tx, &x->tallies[i]);
    x->n_tallies = 0;
    return rc;
}

static struct tally *tally_of(struct exchange *x, struct tx *tx, uint64_t source, const char *day)
{
    for (size_t i = 0; i < x->n_tallies; i++)
        if (x->tallies[i].source == source && strcmp(x->tallies[i].day, day) == 0)
            return &x->tallies[i];
    if (x->n_tallies == TALLIES_MAX && exchange_group_end(x, tx))
        x->n_tallies = 0; /* the error sticks to the transaction */
    struct tally *y = &x->tallies[x->n_tallies++];
    *y = (struct tally){.source = source};
    memcpy(y->day, day, sizeof y->day);
    return y;
}

/* A message came: what became of it, and when it was made over there (MSH-7), for the lag. */
static void count_one(struct exchange_taking *t, enum exchange_column column)
{
    char day[11];
    int digits;
    exchange_day_of(t->ctx->now_ms, day);
    struct tally *y = tally_of(records_parts(t->ctx->records)->exchange, t->ctx->tx, t->source ? t->source->id : 0, day);
    y->n[column]++;
    y->last_ms = t->ctx->now_ms;
    hl7_text_at(t->m, "MSH-9", y->type, sizeof y->type);
    if (hl7_time(hl7_at(t->m, "MSH-7.1"), EXCHANGE_ZONE_MIN, &y->made_ms, &digits) || digits < 12)
        y->made_ms = 0;
}

/* ---- known again ---- */

struct earlier {
    uint64_t id;     /* 0 = the same message never came */
    bool reused;     /* its control id came with other content */
    char state[12], ack[4], reason[32], location[40];
    int64_t code;
};

static int look_back(struct exchange_taking *t, const char *control, const char *hash, struct earlier *e)
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

static bool wanted(struct hl7_span condition, bool good)
{
    if (condition.len != 2)
        return false;
    return memcmp(condition.at, "AL", 2) == 0 || memcmp(condition.at, good ? "SU" : "ER", 2) == 0;
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

static int answer_again(struct exchange_taking *t, const struct earlier *e, struct hl7_writer *w)
{
    struct exchange_flaw flaw;
    if (e->code) {
        exchange_flaw(&flaw, (int)e->code, e->reason, NULL);
        if (hl7_path_parse(e->location, &flaw.at))
            snprintf(flaw.at.segment, sizeof flaw.at.segment, "%.3s", e->location);
    }
    answer(t, &(struct exchange_ack){e->ack, "", e->code ? &flaw : NULL}, w);
    tx_exec(t->ctx->tx, "UPDATE exchange_message SET repeats=repeats+1 WHERE id=$1", "i", (int64_t)e->id);
    count_one(t, COUNT_REPEATED);
    return tx_error(t->ctx->tx);
}

/* ---- taking ---- */

/* Of a row the column, as the person who corrects it sees it. */
static void location_of(const struct exchange_taking *t, char out[ROWS_NAME_BYTES])
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

static int use_checked(struct exchange_taking *t)
{
    int rc = use(t);
    if (rc == ERR_INVALID || (rc && rc != ERR_STORAGE && rc != ERR_UNAVAILABLE && rc != ERR_INTERNAL)) {
        if (!t->flaw.code)
            exchange_flaw(&t->flaw, 207, t->ctx->fault->reason[0] ? t->ctx->fault->reason : err_wire(rc), NULL);
        return ERR_INVALID;
    }
    return rc;
}

static int write_message(struct exchange_taking *t, const char *control, const char *hash, size_t size, bool reused)
{
    char type[40], location[ROWS_NAME_BYTES], day[11];
    bool dead = t->flaw.code != 0;
    hl7_text_at(t->m, "MSH-9", type, sizeof type);
    location_of(t, location);
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
    count_one(t, dead ? COUNT_DEAD : COUNT_STORED);
    return tx_error(t->ctx->tx);
}

static int take_new(struct exchange_taking *t, const struct exchange_in *in, const char *control, const struct earlier *e, const char *hash)
{
    struct tx *tx = t->ctx->tx;
    int rc = put_body(t->ctx, hash, in->bytes, in->len);
    rc = rc || !in->careful ? rc : tx_savepoint(tx);
    if (rc)
        return rc;
    uint64_t before = tx_written(tx);
    t->message = id_new();
    int used = use_checked(t);
    if (used && used != ERR_INVALID)
        return used;
    if (used && !in->careful && (tx_error(tx) || tx_written(tx) != before))
        return ERR_CONFLICT;
    if (in->careful)
        rc = used ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx);
    return rc ? rc : write_message(t, control, hash, in->len, e->reused);
}

static int take_known(struct exchange_taking *t, const struct exchange_in *in, struct hl7_writer *w)
{
    char control[CONTROL_BYTES], hash[33];
    struct earlier e;
    hl7_text_at(t->m, "MSH-10", control, sizeof control);
    hash_of(records_parts(t->ctx->records)->exchange, in->bytes, in->len, hash);
    int rc = look_back(t, control, hash, &e);
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
    count_one(t, COUNT_REFUSED);
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

/* ---- rows ---- */

int exchange_row_message(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms, struct hl7_writer *w)
{
    struct exchange_row_head head = {t->source->application, t->source->facility, control, made_ms};
    return exchange_rows_message(t->source->rows, body, &head, w, &t->flaw, t->column);
}

/* The message a row becomes lives only here: t->m is NULL again afterwards. */
static int use_row(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms)
{
    struct hl7_writer w = {0};
    struct hl7_message m;
    struct fault f = {0};
    int rc = exchange_row_message(t, body, control, made_ms, &w);
    if (rc) {
        hl7_writer_fini(&w);
        return rc;
    }
    t->m = &m;
    rc = hl7_parse(&m, w.bytes, w.len, HL7_UTF8, &f);
    rc = rc ? exchange_flaw(&t->flaw, 100, f.reason, NULL) : use_checked(t);
    if (rc == ERR_INVALID)
        exchange_rows_column(t->source->rows, &t->flaw.at, t->column);
    t->m = NULL;
    hl7_fini(&m);
    hl7_writer_fini(&w);
    return rc;
}

/* The file's place moves on first: a row that is not the next one (the one before it was not kept) must not be taken. */
static bool next_of_file(struct exchange_taking *t)
{
    tx_exec(t->ctx->tx, "UPDATE exchange_file SET rows=rows+1 WHERE id=$1 AND rows=$2 AND state='reading'", "ii", (int64_t)t->file, t->row - 1);
    return tx_changes(t->ctx->tx) == 1;
}

static int take_row_new(struct exchange_taking *t, const struct exchange_in *in, const char *hash, struct hl7_message *header)
{
    int rc = put_body(t->ctx, hash, in->bytes, in->len);
    rc = rc ? rc : tx_savepoint(t->ctx->tx);
    if (rc)
        return rc;
    t->message = id_new();
    int used = use_row(t, in->bytes, hash, t->ctx->now_ms);
    if (used && used != ERR_INVALID)
        return used;
    rc = used ? tx_savepoint_rollback(t->ctx->tx) : tx_savepoint_release(t->ctx->tx);
    t->m = header;
    return rc ? rc : write_message(t, hash, hash, in->len, false);
}

bool exchange_row_stands(struct tx *tx, uint64_t source, const char *hash)
{
    int64_t message = 0, patient = 0;
    bool stands = true; /* a dead letter, or one without entries: nothing to take the place of */
    struct query *q = tx_query(tx, "SELECT id, patient_id FROM exchange_message WHERE source_id=$1 AND control_id=$2 AND state='stored' AND entries>0 ORDER BY id DESC LIMIT 1", "it", (int64_t)source, hash);
    if (query_next(q)) {
        message = query_int(q, "id");
        patient = query_int(q, "patient_id");
    }
    if (query_end(q) == 0 && message)
        stands = tx_int(tx, 1, "SELECT COUNT(*) AS n FROM exchange_entry WHERE patient_id=$1 AND message_id=$2 AND replaced_by=0", "ii", patient, message) > 0;
    return stands;
}

static int take_row_known(struct exchange_taking *t, const struct exchange_in *in, struct hl7_message *header, struct hl7_writer *w)
{
    char hash[33];
    struct earlier e;
    hash_of(records_parts(t->ctx->records)->exchange, in->bytes, in->len, hash);
    int rc = look_back(t, hash, hash, &e);
    if (rc == 0 && e.id && in->latest && !exchange_row_stands(t->ctx->tx, t->source->id, hash))
        e.id = 0;
    if (rc == 0 && e.id) {
        tx_exec(t->ctx->tx, "UPDATE exchange_message SET repeats=repeats+1 WHERE id=$1", "i", (int64_t)e.id);
        count_one(t, COUNT_REPEATED);
    } else if (rc == 0)
        rc = take_row_new(t, in, hash, header);
    const char *word = e.id ? "repeated" : t->flaw.code ? "dead" : "stored";
    hl7_puts(w, word);
    tx_exec(t->ctx->tx, "UPDATE exchange_file SET stored=stored+$1, dead=dead+$2, repeated=repeated+$3 WHERE id=$4", "iiii", (int64_t)(word[0] == 's'),
            (int64_t)(word[0] == 'd'), (int64_t)(word[0] == 'r'), (int64_t)t->file);
    return rc ? rc : tx_error(t->ctx->tx);
}

/* The message's MSH stands for the row where it is counted. */
static int take_row_in(struct exchange_taking *t, const struct exchange_in *in, struct hl7_writer *w)
{
    struct hl7_writer text = {0};
    struct hl7_message header;
    struct fault f = {0};
    int rc = exchange_row_message(t, NULL, "0", t->ctx->now_ms, &text);
    if (rc == 0 && !next_of_file(t)) {
        hl7_puts(w, "stale");
        hl7_writer_fini(&text);
        return tx_error(t->ctx->tx);
    }
    rc = rc ? rc : hl7_parse(&header, text.bytes, text.len, HL7_UTF8, &f);
    if (rc == 0) {
        t->m = &header;
        rc = take_row_known(t, in, &header, w);
        hl7_fini(&header);
    }
    hl7_writer_fini(&text);
    return rc;
}

int exchange_take_row(struct op_ctx *ctx, const struct exchange_in *in, struct hl7_writer *w)
{
    struct exchange_source source;
    struct exchange_taking t = {.ctx = ctx, .source = &source, .file = in->file, .row = in->row};
    struct actor actor = {.system = true, .name = "exchange"};
    const struct actor *before = ctx->actor;
    int rc = exchange_source_load(ctx, in->source, &source);
    if (rc == ERR_NOT_FOUND || (rc == 0 && !source.rows)) { /* switched off in between */
        hl7_puts(w, "stale");
        return 0;
    }
    ctx->actor = &actor;
    rc = rc ? rc : take_row_in(&t, in, w);
    ctx->actor = before;
    ctx->audit.patient = t.patient;
    ctx->audit.object = t.message;
    return rc ? rc : w->failed ? ERR_UNAVAILABLE : tx_error(ctx->tx);
}

/* ---- once more ---- */

struct kept {
    uint64_t source;
    int64_t received_ms;
    char hash[33], day[11], state[12];
};

static int load_kept(struct op_ctx *ctx, uint64_t message, struct kept *k)
{
    memset(k, 0, sizeof *k);
    struct query *q = tx_query(ctx->tx, "SELECT source_id, hash, day, state, received_ms FROM exchange_message WHERE id=$1", "i", (int64_t)message);
    if (query_next(q)) {
        k->source = (uint64_t)query_int(q, "source_id");
        k->received_ms = query_int(q, "received_ms");
        snprintf(k->hash, sizeof k->hash, "%s", query_text(q, "hash"));
        snprintf(k->day, sizeof k->day, "%s", query_text(q, "day"));
        snprintf(k->state, sizeof k->state, "%s", query_text(q, "state"));
    }
    int rc = query_end(q);
    if (rc || k->source)
        return rc;
    return fault_set(ctx->fault, ERR_NOT_FOUND, "", "No such message.");
}

static int use_row(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms);

static int replay_bytes(struct exchange_taking *t, const char *bytes, const struct kept *k)
{
    struct hl7_message m;
    struct fault f = {0};
    struct actor actor = {.system = true, .name = "exchange"};
    const struct actor *before = t->ctx->actor;
    t->m = &m;
    t->ctx->actor = &actor;
    if (t->source->rows) {
        int used = use_row(t, bytes, k->hash, k->received_ms);
        t->ctx->actor = before;
        return used;
    }
    int rc = hl7_parse(&m, bytes, strlen(bytes), HL7_UTF8, &f);
    rc = rc ? exchange_flaw(&t->flaw, 100, f.reason, NULL) : use_checked(t);
    t->ctx->actor = before;
    hl7_fini(&m);
    return rc;
}

/* The answer that stands changes with it: who repeats the message now is told AA. */
static int settle(struct exchange_taking *t, const struct kept *k)
{
    struct op_ctx *ctx = t->ctx;
    tx_exec(ctx->tx, "UPDATE exchange_message SET state='stored', ack='AA', code=0, reason='', location='', patient_id=$1, entries=$2 WHERE id=$3", "iii",
            (int64_t)t->patient, (int64_t)t->entries, (int64_t)t->message);
    tx_exec(ctx->tx, "UPDATE exchange_dead SET state='done', done_ms=$1, done_by=$2 WHERE message_id=$3", "iii", ctx->now_ms,
            (int64_t)ctx->actor->person.v, (int64_t)t->message);
    exchange_recount(ctx, k->source, k->day);
    ctx->audit.patient = t->patient;
    return tx_error(ctx->tx);
}

static int told(struct exchange_taking *t)
{
    char location[ROWS_NAME_BYTES];
    location_of(t, location);
    fault_clear(t->ctx->fault);
    fault_field(t->ctx->fault, location[0] ? location : "message", "%s", t->flaw.reason);
    return fault_set(t->ctx->fault, ERR_INVALID, "still_dead", "The message still cannot be used.");
}

int exchange_replay(struct op_ctx *ctx, uint64_t message, const char *corrected)
{
    struct exchange_source source;
    struct kept k;
    char *held = NULL, hash[33];
    struct exchange_taking t = {.ctx = ctx, .source = &source, .message = message};
    int rc = load_kept(ctx, message, &k);
    if (rc == 0 && strcmp(k.state, "dead") != 0)
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "not_dead", "Only a dead letter is replayed.");
    if (rc == 0 && exchange_source_load(ctx, k.source, &source))
        rc = fault_set(ctx->fault, ERR_NOT_ALLOWED_NOW, "source_off", "The source is not in use.");
    if (rc == 0 && !corrected && !(held = exchange_body(ctx, k.hash)))
        rc = ctx->fault->code;
    if (rc == 0 && corrected) {
        rc = exchange_body_put(ctx, corrected, strlen(corrected), hash);
        tx_exec(ctx->tx, "UPDATE exchange_dead SET fixed_hash=$1 WHERE message_id=$2", "ti", hash, (int64_t)message);
    }
    struct quality *quality = records_parts(ctx->records)->quality;
    quality_arrivals_begin(quality);
    rc = rc ? rc : replay_bytes(&t, corrected ? corrected : held, &k);
    rc = rc ? rc : quality_arrivals_end(quality, ctx->tx, ctx->now_ms);
    free(held);
    return rc == 0 ? settle(&t, &k) : t.flaw.code ? told(&t) : rc;
}
