#include "records/exchange/notice.h"
#include "records/exchange/query_private.h"
#include "records/parts.h"
#include "records/patient/index.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 5
#define SOURCES_MAX 64

/* ---- what changed ---- */

/* A notice that waits already stands for this change too; one that is on its way does not: its row gets a new id (exchange_notice_done). */
static void add(struct op_ctx *ctx, uint64_t patient, bool must)
{
    int64_t sources[SOURCES_MAX];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT id FROM exchange_source WHERE enabled=1 AND notify<>'' ORDER BY id LIMIT $1", "i", (int64_t)SOURCES_MAX);
    while (n < SOURCES_MAX && query_next(q))
        sources[n++] = query_int(q, "id");
    if (query_end(q))
        return;
    for (size_t i = 0; i < n; i++) {
        bool all = must || tx_int(ctx->tx, 0, "SELECT must FROM exchange_notice WHERE source_id=$1 AND patient_id=$2", "ii", sources[i], (int64_t)patient);
        tx_upsert(ctx->tx, "exchange_notice", "source_id,patient_id", "source_id,patient_id,id,must,tries,state,since_ms", "iiiiiti", sources[i], (int64_t)patient, (int64_t)id_new(),
                  (int64_t)all, (int64_t)0, "waiting", ctx->now_ms);
    }
}

void exchange_notice_number(struct op_ctx *ctx, uint64_t patient, bool taken_away)
{
    add(ctx, patient, taken_away);
}

/* The person he left has fewer numbers now: one of those who stayed stands for all of them. */
void exchange_notice_moved(struct op_ctx *ctx, uint64_t patient, uint64_t from)
{
    uint64_t stayed = (uint64_t)tx_int(ctx->tx, 0, "SELECT MIN(patient_id) AS id FROM mpi_member WHERE person_id=$1 AND patient_id<>$2", "ii", (int64_t)from, (int64_t)patient);
    add(ctx, patient, true);
    if (stayed)
        add(ctx, stayed, true);
}

/* ---- what is said ---- */

/* Of each of the person's records this list was the last word: nobody needs it again. */
static bool told_so(struct op_ctx *ctx, const struct exchange_notice *n)
{
    return tx_int(ctx->tx, 1,
                  "SELECT COUNT(*) AS n FROM mpi_member m WHERE m.person_id=$1 AND NOT EXISTS (SELECT 1 FROM exchange_told t WHERE t.source_id=$2 AND t.patient_id=m.patient_id "
                  "AND t.hash=$3)",
                  "iit", (int64_t)n->person, (int64_t)n->source, n->hash) == 0;
}

static bool told_before(struct op_ctx *ctx, const struct exchange_notice *n)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_told WHERE source_id=$1 AND patient_id=$2", "ii", (int64_t)n->source, (int64_t)n->patient) > 0;
}

/* A source is told of its own patients. */
static bool concerns(struct op_ctx *ctx, const struct exchange_notice *n)
{
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_domain WHERE source_id=$1", "i", (int64_t)n->source))
        return true;
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) AS n FROM mpi_member m JOIN exchange_identity i ON i.patient_id=m.patient_id AND i.retired_ms=0 JOIN exchange_domain d ON d.id=i.domain_id "
                  "WHERE m.person_id=$1 AND d.source_id=$2",
                  "ii", (int64_t)n->person, (int64_t)n->source) > 0;
}

/* Every number of the person, in an order that does not depend on whom the notice is about. */
static int list_person(struct op_ctx *ctx, uint64_t person, struct listed *out)
{
    struct asking *all = calloc(1, sizeof *all);
    uint64_t first = (uint64_t)tx_int(ctx->tx, 0, "SELECT MIN(patient_id) AS id FROM mpi_member WHERE person_id=$1", "i", (int64_t)person);
    if (!all)
        return ERR_UNAVAILABLE;
    all->ctx = ctx;
    query_list_person(all, first, out);
    free(all);
    return tx_error(ctx->tx) ? tx_error(ctx->tx) : out->text.failed ? ERR_UNAVAILABLE : 0;
}

/* ITI TF-2a 3.10.4.1.2: the numbers; no demographics, a name only because there must be one. */
static void write_message(struct op_ctx *ctx, const struct exchange_source *to, const struct listed *numbers, struct exchange_notice *n)
{
    struct hl7_writer *w = &n->text;
    hl7_puts(w, "MSH|^~\\&|YILIAN|MPI|");
    hl7_put_text(w, to->application);
    hl7_puts(w, "|");
    hl7_put_text(w, to->facility);
    hl7_puts(w, "|");
    hl7_put_time(w, ctx->now_ms, EXCHANGE_ZONE_MIN);
    hl7_puts(w, "||ADT^A31^ADT_A05|");
    hl7_puts(w, n->control);
    hl7_puts(w, "|P|2.5||||||UNICODE UTF-8\rEVN||");
    hl7_put_time(w, ctx->now_ms, EXCHANGE_ZONE_MIN);
    hl7_puts(w, "\rPID|||");
    hl7_put(w, numbers->text.bytes, numbers->text.len);
    hl7_puts(w, "||~^^^^^^S\rPV1||N\r");
}

static int compose(struct op_ctx *ctx, bool must, struct exchange_notice *n)
{
    struct listed numbers = {{0}, 0};
    struct exchange_source to;
    n->person = patient_index_person(ctx, n->patient);
    if (!n->person || exchange_source_load(ctx, n->source, &to) || !concerns(ctx, n))
        return tx_error(ctx->tx);
    int rc = list_person(ctx, n->person, &numbers);
    if (rc == 0 && numbers.n) {
        exchange_hash(records_parts(ctx->records)->exchange, numbers.text.bytes, numbers.text.len, n->hash);
        if ((must || numbers.n > 1 || told_before(ctx, n)) && !told_so(ctx, n))
            write_message(ctx, &to, &numbers, n);
    }
    hl7_writer_fini(&numbers.text);
    return rc ? rc : n->text.failed ? ERR_UNAVAILABLE : tx_error(ctx->tx);
}

int exchange_notice_next(struct op_ctx *ctx, uint64_t source, struct exchange_notice *out)
{
    bool must = false;
    *out = (struct exchange_notice){.source = source};
    struct query *q = tx_query(ctx->tx, "SELECT patient_id, id, must FROM exchange_notice WHERE source_id=$1 AND state='waiting' ORDER BY id LIMIT 1", "i", (int64_t)source);
    if (query_next(q)) {
        out->patient = (uint64_t)query_int(q, "patient_id");
        out->id = (uint64_t)query_int(q, "id");
        must = query_int(q, "must") != 0;
    }
    int rc = query_end(q);
    id_format(out->id, out->control);
    return rc || !out->id ? rc : compose(ctx, must, out);
}

void exchange_notice_fini(struct exchange_notice *n)
{
    if (n->text.bytes)
        explicit_bzero(n->text.bytes, n->text.len);
    hl7_writer_fini(&n->text);
}

/* ---- what became of it ---- */

/* The message spoke of all of the person's records: none of them needs one of its own. */
static void remember(struct op_ctx *ctx, const struct exchange_notice *n)
{
    int64_t members[256];
    size_t count = 0;
    struct query *q = tx_query(ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 256", "i", (int64_t)n->person);
    while (query_next(q))
        members[count++] = query_int(q, "patient_id");
    if (query_end(q))
        return;
    for (size_t i = 0; i < count; i++)
        tx_upsert(ctx->tx, "exchange_told", "source_id,patient_id", "source_id,patient_id,hash", "iit", (int64_t)n->source, members[i], n->hash);
}

int exchange_notice_done(struct op_ctx *ctx, const struct exchange_notice *n)
{
    tx_exec(ctx->tx, "DELETE FROM exchange_notice WHERE source_id=$1 AND patient_id=$2 AND id=$3", "iii", (int64_t)n->source, (int64_t)n->patient, (int64_t)n->id);
    if (n->text.len)
        remember(ctx, n);
    return tx_error(ctx->tx);
}

int exchange_notice_refused(struct op_ctx *ctx, const struct exchange_notice *n)
{
    return tx_exec(ctx->tx,
                   "UPDATE exchange_notice SET tries=tries+1, id=$1, state=CASE WHEN tries+1>=$2 THEN 'refused' ELSE 'waiting' END WHERE source_id=$3 AND patient_id=$4 AND id=$5",
                   "iiiii", (int64_t)id_new(), (int64_t)TRIES_MAX, (int64_t)n->source, (int64_t)n->patient, (int64_t)n->id);
}

/* ---- the source's page ---- */

static int64_t count(struct op_ctx *ctx, uint64_t source, const char *state)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM exchange_notice WHERE source_id=$1 AND state=$2", "it", (int64_t)source, state);
}

json_t *exchange_notice_json(struct op_ctx *ctx, uint64_t source)
{
    json_t *o = NULL;
    struct query *q = tx_query(ctx->tx, "SELECT t.* FROM exchange_tell t JOIN exchange_source s ON s.id=t.source_id WHERE t.source_id=$1 AND s.notify<>''", "i", (int64_t)source);
    if (query_next(q)) {
        int64_t last = query_int(q, "last_ms");
        o = json_pack("{s:s?,s:s?,s:s?,s:I,s:I,s:o,s:I}", "state", query_text(q, "state"), "reason", query_text(q, "reason"), "detail", query_text(q, "detail"), "sent",
                      (json_int_t)query_int(q, "sent"), "failures", (json_int_t)query_int(q, "failures"), "last_ms", last ? json_integer(last) : json_null(), "next_ms",
                      (json_int_t)query_int(q, "next_ms"));
    }
    if (query_end(q) || !o) /* an error sticks to the transaction */
        return json_null();
    json_object_set_new(o, "waiting", json_integer(count(ctx, source, "waiting")));
    json_object_set_new(o, "refused", json_integer(count(ctx, source, "refused")));
    return o;
}

int exchange_notice_address(struct op_ctx *ctx, uint64_t source, const char *address)
{
    if (!address[0]) {
        tx_exec(ctx->tx, "DELETE FROM exchange_notice WHERE source_id=$1", "i", (int64_t)source);
        return tx_exec(ctx->tx, "DELETE FROM exchange_told WHERE source_id=$1", "i", (int64_t)source);
    }
    tx_upsert(ctx->tx, "exchange_tell", NULL, "source_id,state,reason,detail,failures,sent,last_ms,next_ms", "itttiiii", (int64_t)source, "", "", "", (int64_t)0, (int64_t)0, (int64_t)0,
              (int64_t)0);
    return tx_exec(ctx->tx, "UPDATE exchange_tell SET next_ms=0, failures=0 WHERE source_id=$1", "i", (int64_t)source); /* tried at once */
}
