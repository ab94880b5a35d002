/* What is stored follows what is decided: entries are gone through in the order of their ids, a batch in a transaction, from the background.
 * The cursor lies in the database: a stopped daemon goes on where it was. */
#include "records/parts.h"
#include "records/quality/quality_private.h"
#include "records/store/sealed.h"
#include "server/base/log.h"
#include <stdio.h>
#include <string.h>

#define BATCH 500
#define ROUND_US 200000 /* of one round of the background */

struct entry { /* what an entry should be */
    int64_t id;
    struct quality_standard to;
};

static int64_t state_of(struct tx *tx, const char *sql)
{
    return tx_int(tx, 0, sql, "");
}

/* ---- entries that came before codes were collected ---- */

static void count_entry(struct query *q, struct quality_tally **list)
{
    const char *body = query_sealed(q, "body", SEALED_EXCHANGE_ENTRY, (uint64_t)query_int(q, "id"), (uint64_t)query_int(q, "patient_id"));
    json_t *o = body ? json_loads(body, 0, NULL) : NULL;
    const char *text = json_string_value(json_object_get(o, "text")), *status = query_text(q, "status");
    bool number = strcmp(query_text(q, "kind"), "order") == 0 && query_text(q, "system")[0] == 0 && text && strlen(text) <= 2 && status[0]; /* an ORC: its text is ORC-1 */
    struct quality_code c = {(uint64_t)query_int(q, "source_id"), query_text(q, "kind"), number ? "ORC" : "", query_text(q, "system"), query_text(q, "code"),
                             text ? text : "", query_text(q, "standard_system"), query_text(q, "standard_code")};
    quality_tally_add(list, &c);
    json_decref(o);
}

/* True while there is more to count. */
static bool count_batch(struct tx *tx, int64_t now_ms)
{
    struct quality_tally *list = NULL;
    int64_t after = state_of(tx, "SELECT count_after AS n FROM quality_state WHERE id=1"), until = state_of(tx, "SELECT count_until AS n FROM quality_state WHERE id=1");
    int64_t n = 0;
    if (after >= until)
        return false;
    struct query *q = tx_query(tx,
                               "SELECT id, patient_id, source_id, kind, code, system, status, standard_code, standard_system, body FROM exchange_entry "
                               "WHERE id>$1 AND id<=$2 ORDER BY id LIMIT $3",
                               "iii", after, until, (int64_t)BATCH);
    for (; query_next(q); n++) {
        after = query_int(q, "id");
        count_entry(q, &list);
    }
    if (query_end(q) == 0 && quality_tally_write(&list, tx, now_ms) == 0)
        tx_exec(tx, "UPDATE quality_state SET count_after=$1 WHERE id=1", "i", n ? after : until);
    quality_tally_free(&list);
    return n > 0;
}

/* ---- bringing entries to what is decided ---- */

static size_t read_batch(struct tx *tx, int64_t *after, struct entry list[BATCH], size_t *looked)
{
    size_t n = 0;
    *looked = 0;
    struct query *q = tx_query(tx,
                               "SELECT e.id, e.standard_code, e.standard_system, c.state, c.to_system, c.to_code, c.given_system, c.given_code FROM "
                               "(SELECT id, source_id, kind, system, code, standard_code, standard_system FROM exchange_entry WHERE id>$1 ORDER BY id LIMIT $2) e "
                               "LEFT JOIN quality_code c ON c.source_id=e.source_id AND c.kind=e.kind AND c.system=e.system AND c.code=e.code AND c.code<>'' ORDER BY e.id",
                               "ii", *after, (int64_t)BATCH);
    for (; query_next(q); ++*looked) {
        struct entry *e = &list[n];
        const char *state = query_text(q, "state");
        *after = query_int(q, "id");
        if (!state)
            continue;
        bool mapped = strcmp(state, "mapped") == 0, rejected = strcmp(state, "rejected") == 0;
        snprintf(e->to.system, sizeof e->to.system, "%s", rejected ? "" : query_text(q, mapped ? "to_system" : "given_system"));
        snprintf(e->to.code, sizeof e->to.code, "%s", rejected ? "" : query_text(q, mapped ? "to_code" : "given_code"));
        e->id = *after;
        n += strcmp(e->to.system, query_text(q, "standard_system")) != 0 || strcmp(e->to.code, query_text(q, "standard_code")) != 0;
    }
    return query_end(q) ? 0 : n;
}

/* True while there is more to bring. */
static bool remap_batch(struct tx *tx, int64_t now_ms)
{
    struct entry list[BATCH];
    size_t looked;
    if (!state_of(tx, "SELECT running AS n FROM quality_state WHERE id=1"))
        return false;
    int64_t after = state_of(tx, "SELECT remap_after AS n FROM quality_state WHERE id=1");
    size_t n = read_batch(tx, &after, list, &looked);
    for (size_t i = 0; i < n; i++)
        tx_exec(tx, "UPDATE exchange_entry SET standard_system=$1, standard_code=$2 WHERE id=$3", "tti", list[i].to.system, list[i].to.code, list[i].id);
    tx_exec(tx, "UPDATE quality_state SET remap_after=$1, looked=looked+$2, changed=changed+$3, running=$4, done_ms=$5 WHERE id=1", "iiiii", after, (int64_t)looked,
            (int64_t)n, (int64_t)(looked == BATCH), looked == BATCH ? (int64_t)0 : now_ms);
    return looked == BATCH;
}

/* Nobody's business on a site where nothing is asked: two reads a round. */
static bool wanted(struct records *r)
{
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return false;
    bool is = state_of(tx, "SELECT COUNT(*) AS n FROM quality_state WHERE running=1 OR count_after<count_until") != 0;
    tx_rollback(tx);
    return is;
}

void quality_background(struct records *r, int64_t now_ms)
{
    struct tx *tx;
    bool more = wanted(r);
    for (int64_t begun = clock_monotonic_us(); more && clock_monotonic_us() - begun < ROUND_US;) {
        if (tx_begin(records_store(r), TX_WRITE, &tx))
            return;
        more = count_batch(tx, now_ms) || remap_batch(tx, now_ms);
        int rc = tx_error(tx);
        if (rc)
            tx_rollback(tx);
        else
            rc = tx_commit(tx);
        if (rc) {
            log_error("quality", "stored entries could not be brought to what is decided: %s", err_wire(rc));
            return;
        }
    }
}

/* ---- asking for it ---- */

int quality_remap(struct op_ctx *ctx, json_t *args, json_t **result)
{
    (void)args;
    tx_exec(ctx->tx, "UPDATE quality_state SET running=1, remap_after=0, looked=0, changed=0, begun_ms=$1, done_ms=0, begun_by=$2 WHERE id=1", "ii", ctx->now_ms,
            (int64_t)ctx->actor->person.v);
    ctx->audit.object = 1;
    *result = quality_remap_json(ctx);
    return tx_error(ctx->tx);
}

/* `pending`: codes decided since the last time it began; those of FHIR clients need no bringing, their resources keep only the code as it came. */
json_t *quality_remap_json(struct op_ctx *ctx)
{
    json_t *out = NULL;
    int64_t begun = 0;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM quality_state WHERE id=1", "");
    if (query_next(q)) {
        begun = query_int(q, "begun_ms");
        out = json_pack("{s:b,s:I,s:I,s:I,s:I}", "running", query_int(q, "running") != 0, "looked", (json_int_t)query_int(q, "looked"), "changed",
                        (json_int_t)query_int(q, "changed"), "begun_ms", (json_int_t)begun, "done_ms", (json_int_t)query_int(q, "done_ms"));
    }
    if (query_end(q) || !out)
        return json_null();
    int64_t pending = tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM quality_code WHERE changed_ms>$1 AND source_id IN (SELECT id FROM exchange_source)", "i",
                             begun);
    json_object_set_new(out, "pending", json_integer(pending));
    return out;
}
