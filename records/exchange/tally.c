/* How many came of a source on a day and what became of them: gathered for a group of messages, written with it. */
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/patient/identity.h"
#include <string.h>

#define HEARD_EVERY_MS 60000

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

void exchange_count(struct exchange_taking *t, enum exchange_column column)
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
