/* One row of a table from its body to what became of it: it is used as the message that its table makes of it (exchange.h). */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include <string.h>

int exchange_row_message(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms, struct hl7_writer *w)
{
    struct exchange_row_head head = {t->source->application, t->source->facility, control, made_ms};
    return exchange_rows_message(t->source->rows, body, &head, w, &t->flaw, t->column);
}

int exchange_use_row(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms)
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
    rc = rc ? exchange_flaw(&t->flaw, 100, f.reason, NULL) : exchange_use(t);
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
    int rc = exchange_body_keep(t->ctx, hash, in->bytes, in->len);
    rc = rc ? rc : tx_savepoint(t->ctx->tx);
    if (rc)
        return rc;
    t->message = id_new();
    int used = exchange_use_row(t, in->bytes, hash, t->ctx->now_ms);
    if (used && used != ERR_INVALID)
        return used;
    rc = used ? tx_savepoint_rollback(t->ctx->tx) : tx_savepoint_release(t->ctx->tx);
    t->m = header;
    return rc ? rc : exchange_message_write(t, hash, hash, in->len, false);
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
    struct exchange_earlier e;
    exchange_hash(records_parts(t->ctx->records)->exchange, in->bytes, in->len, hash);
    int rc = exchange_look_back(t, hash, hash, &e);
    if (rc == 0 && e.id && in->latest && !exchange_row_stands(t->ctx->tx, t->source->id, hash))
        e.id = 0;
    if (rc == 0 && e.id) {
        tx_exec(t->ctx->tx, "UPDATE exchange_message SET repeats=repeats+1 WHERE id=$1", "i", (int64_t)e.id);
        exchange_count(t, COUNT_REPEATED);
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
