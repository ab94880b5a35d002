#include "records/audit/audit.h"
#include "records/audit/system_access.h"
#include "records/parts.h"
#include "records/patient/patient_row.h"
#include "server/base/log.h"
#include <string.h>

#define DAY_MS AUDIT_DAY_MS
#define ZONE_MS AUDIT_ZONE_MS
#define ROUND_MS 40 /* of a second, while there are lines to count */

/* A machine's line about a patient, and who the machine is. */
#define OF_SYSTEMS "person_id=0 AND patient_id<>0 AND outcome='ok' AND ((op>='fhir.' AND op<'fhir/' AND op<>'fhir.register') OR op='exchange.query' OR op='out.deliver')"
#define SYSTEM "CASE WHEN op='exchange.query' THEN object_id ELSE session_id END"
/* Who it is by name: the three kinds have their ids from one source. */
#define NAMES "LEFT JOIN fhir_client c ON c.id=t.system_id LEFT JOIN exchange_source x ON x.id=t.system_id LEFT JOIN out_subscriber u ON u.id=t.system_id " \
              "LEFT JOIN org o ON o.id=CASE WHEN t.org_id=0 AND x.id IS NOT NULL THEN x.org_id ELSE t.org_id END "
#define NAMED "CASE WHEN c.name IS NOT NULL THEN c.name WHEN x.name IS NOT NULL THEN x.name ELSE u.name END AS system_name, o.id AS named_org, o.name AS org_name "

struct counted {
    int64_t patient, system, org, first_ms, last_ms, n;
    char op[40];
};

static void write_one(struct tx *tx, const struct counted *c)
{
    int64_t day = (c->first_ms + ZONE_MS) / DAY_MS;
    tx_exec(tx, "UPDATE audit_system SET last_ms=$1, n=n+$2 WHERE patient_id=$3 AND system_id=$4 AND op=$5 AND day=$6", "iiiiti", c->last_ms, c->n, c->patient, c->system, c->op, day);
    if (tx_changes(tx) == 0)
        tx_exec(tx, "INSERT INTO audit_system (patient_id, system_id, op, day, org_id, first_ms, last_ms, n) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)", "iitiiiii", c->patient, c->system, c->op, day,
                c->org, c->first_ms, c->last_ms, c->n);
}

int64_t system_access_count(struct tx *tx)
{
    struct counted list[SYSTEM_ACCESS_ROUND];
    size_t n = 0;
    int64_t from = tx_int(tx, 0, "SELECT seq FROM audit_counted WHERE id=1", ""), newest = tx_int(tx, 0, "SELECT MAX(seq) AS n FROM audit", "");
    int64_t to = newest < from + SYSTEM_ACCESS_ROUND ? newest : from + SYSTEM_ACCESS_ROUND;
    if (tx_error(tx) || to <= from)
        return tx_error(tx) ? -1 : 0;
    struct query *q = tx_query(tx, "SELECT t_ms, op, org_id, patient_id, " SYSTEM " AS system_id FROM audit WHERE seq>$1 AND seq<=$2 AND " OF_SYSTEMS " ORDER BY seq", "ii", from, to);
    while (n < SYSTEM_ACCESS_ROUND && query_next(q)) {
        struct counted *c = &list[n++];
        *c = (struct counted){query_int(q, "patient_id"), query_int(q, "system_id"), query_int(q, "org_id"), query_int(q, "t_ms"), query_int(q, "t_ms"), 1, ""};
        snprintf(c->op, sizeof c->op, "%s", query_text(q, "op"));
    }
    if (query_end(q))
        return -1;
    for (size_t i = 0; i < n; i++)
        write_one(tx, &list[i]);
    tx_exec(tx, "UPDATE audit_counted SET seq=$1 WHERE id=1", "i", to);
    return tx_error(tx) ? -1 : to - from;
}

/* Nothing to count: only a look. */
static bool due(struct records *r)
{
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return false;
    int64_t waiting = tx_int(tx, 0, "SELECT (SELECT MAX(seq) FROM audit)-(SELECT seq FROM audit_counted WHERE id=1) AS n", "");
    tx_rollback(tx);
    return waiting > 0;
}

void system_access_background(struct records *r)
{
    int64_t end_us = clock_monotonic_us() + ROUND_MS * 1000, done = 1;
    struct tx *tx;
    while (done > 0 && clock_monotonic_us() < end_us && due(r)) {
        if (tx_begin(records_store(r), TX_WRITE, &tx))
            return;
        done = system_access_count(tx);
        int rc = done < 0 ? tx_error(tx) : 0;
        if (done < 0)
            tx_rollback(tx);
        else
            rc = tx_commit(tx);
        if (rc) {
            log_error("audit", "lines of systems could not be counted, they are a second later: %s", err_wire(rc));
            return;
        }
    }
}

int system_access_each(struct op_ctx *ctx, uint64_t patient, int64_t from_ms, int64_t before_ms, void (*each)(struct query *q, void *to), void *to)
{
    struct query *q = tx_query(ctx->tx, "SELECT t.system_id, t.op, t.first_ms, t.last_ms, t.n, " NAMED "FROM audit_system t " NAMES "WHERE t.patient_id=$1 AND t.first_ms>=$2 AND t.first_ms<$3 ORDER BY t.day DESC, t.system_id, t.op",
                               "iii", (int64_t)patient, from_ms, before_ms);
    while (query_next(q))
        each(q, to);
    int rc = query_end(q);
    if (rc)
        return rc;
    q = tx_query(ctx->tx,
                 "SELECT t.system_id, t.op, t.first_ms, t.last_ms, t.n, " NAMED
                 "FROM (SELECT op, org_id, " SYSTEM " AS system_id, MIN(t_ms) AS first_ms, MAX(t_ms) AS last_ms, COUNT(*) AS n FROM audit WHERE seq>(SELECT seq FROM audit_counted WHERE id=1) AND patient_id=$1 AND t_ms>=$2 AND t_ms<$3 AND " OF_SYSTEMS
                 " GROUP BY op, org_id, " SYSTEM ", (t_ms+28800000)/86400000) t " NAMES,
                 "iii", (int64_t)patient, from_ms, before_ms);
    while (query_next(q))
        each(q, to);
    return query_end(q);
}
