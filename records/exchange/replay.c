/* A dead letter once more, as it came or as it was corrected. */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/quality/quality.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int replay_bytes(struct exchange_taking *t, const char *bytes, const struct kept *k)
{
    struct hl7_message m;
    struct fault f = {0};
    struct actor actor = {.system = true, .name = "exchange"};
    const struct actor *before = t->ctx->actor;
    t->m = &m;
    t->ctx->actor = &actor;
    if (t->source->rows) {
        int used = exchange_use_row(t, bytes, k->hash, k->received_ms);
        t->ctx->actor = before;
        return used;
    }
    int rc = hl7_parse(&m, bytes, strlen(bytes), HL7_UTF8, &f);
    rc = rc ? exchange_flaw(&t->flaw, 100, f.reason, NULL) : exchange_use(t);
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
    exchange_location(t, location);
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
