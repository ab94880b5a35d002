#include "records/report/upstream.h"
#include "records/report/figure.h"
#include "records/work/policy.h"
#include <string.h>

#define HOUR_MS 3600000ll
#define FACTS_LATE_MS (15 * 60000ll) /* facts of everything are made once a minute */
#define PULL_GRACE_MS (10 * 60000ll)

/* "slow" is written by a round that left nothing over (collect.c). */
int64_t upstream_facts_ms(struct tx *tx, int64_t now_ms)
{
    int64_t complete = tx_int(tx, 0, "SELECT place FROM report_state WHERE name='slow'", "");
    return complete && now_ms - complete > FACTS_LATE_MS ? complete : 0;
}

/* One that is asked: by its last success. One that never had any stands still since it was set up. */
static int64_t pull_since(struct query *q, int64_t now_ms, const char **why)
{
    int64_t last = query_int(q, "pulled_ms"), since = last ? last : query_int(q, "created_ms");
    *why = query_int(q, "failures") > 0 ? "failed" : "late";
    return query_int(q, "failures") > 0 || now_ms - since > 2 * query_int(q, "every_s") * 1000 + PULL_GRACE_MS ? since : 0;
}

/* One that sends, messages or resources: by what came last; one that never sent has not begun. */
static int64_t silent_since(struct query *q, int64_t now_ms, int64_t late_ms, const char **why)
{
    int64_t last = query_int(q, "last_ms");
    *why = "silent";
    return now_ms - last > late_ms ? last : 0;
}

static void add(struct upstream *u, struct query *q, int64_t since, const char *why)
{
    if (json_array_size(u->sources) < UPSTREAM_SOURCES)
        json_array_append_new(u->sources, json_pack("{s:o,s:s,s:I,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name"), "since_ms", (json_int_t)since, "why", why));
    if (!u->sources_ms || since < u->sources_ms)
        u->sources_ms = since;
}

#define SOURCES                                                                                                                                       \
    "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$1 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "                 \
    "SELECT s.id, s.name, s.kind, s.every_s, s.created_ms, t.last_ms, u.last_ms AS pulled_ms, u.failures FROM exchange_source s "                     \
    "LEFT JOIN exchange_state t ON t.source_id=s.id LEFT JOIN exchange_pull u ON u.source_id=s.id "                                                   \
    "WHERE s.enabled=1 AND ($2=1 OR s.org_id IN (SELECT id FROM below)) UNION ALL "                                                                  \
    "SELECT c.id, c.name, 'fhir', 0, c.created_ms, t.last_ms, NULL, NULL FROM fhir_client c JOIN exchange_state t ON t.source_id=c.id "               \
    "WHERE c.active=1 AND ($2=1 OR c.org_id IN (SELECT id FROM below)) ORDER BY 1"

int upstream_of(struct op_ctx *ctx, uint64_t org, int64_t until_ms, struct upstream *out)
{
    int64_t late_ms = work_policy_int(ctx, "report.source_late_hours") * HOUR_MS, facts = upstream_facts_ms(ctx->tx, ctx->now_ms);
    *out = (struct upstream){.facts_ms = facts < until_ms ? facts : 0, .sources = json_array()};
    struct query *q = tx_query(ctx->tx, SOURCES, "ii", (int64_t)org, (int64_t)figure_is_root(ctx->tx, org));
    while (query_next(q)) {
        const char *why;
        bool asked = strcmp(query_text(q, "kind"), "database") == 0 && !query_null(q, "failures");
        int64_t since = asked ? pull_since(q, ctx->now_ms, &why) : silent_since(q, ctx->now_ms, late_ms, &why);
        if (since && since < until_ms)
            add(out, q, since, why);
    }
    return query_end(q);
}

void upstream_clear(struct upstream *u)
{
    json_decref(u->sources);
    *u = (struct upstream){0};
}

int64_t upstream_since(const struct upstream *u, const struct indicator *i)
{
    int64_t sources = i->measure == MEASURE_DATA ? u->sources_ms : 0;
    return !sources || (u->facts_ms && u->facts_ms < sources) ? u->facts_ms : sources;
}

json_t *upstream_json(const struct upstream *u)
{
    return json_pack("{s:o,s:O}", "facts_ms", u->facts_ms ? json_integer(u->facts_ms) : json_null(), "sources", u->sources);
}
