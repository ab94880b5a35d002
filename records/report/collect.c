/* Facts follow what happens: each round looks at what changed since and makes the facts of those things anew. First, once, everything there is. */
#include "records/parts.h"
#include "records/report/alarm.h"
#include "records/report/fact.h"
#include "records/report/indicator.h"
#include "records/report/month.h"
#include "server/base/log.h"
#include <stdio.h>
#include <string.h>

#define BATCH 200              /* things whose facts are made in one transaction */
#define ROUND_US 200000
#define SLOW_EVERY_MS 60000    /* what has no change feed is looked at once a minute */
#define ROOM_BACK_MS (2 * 86400000ll)
#define FEED_IDLE 1000
#define AUDIT_LINES 50000      /* looked through in one transaction */

struct round {
    struct tx *tx;
    const struct fact_terms *terms;
    struct facts facts;
    int64_t now_ms;
};

/* ---- where each walk stands: report_state(name, place) ---- */

static int64_t place_of(struct tx *tx, const char *name, int64_t fallback)
{
    return tx_int(tx, fallback, "SELECT place FROM report_state WHERE name=$1", "t", name);
}

static void put_place(struct tx *tx, const char *name, int64_t place)
{
    if (place_of(tx, name, INT64_MIN) != place)
        tx_upsert(tx, "report_state", "name", "name,place", "ti", name, place);
}

struct batch {
    uint64_t ids[BATCH];
    size_t n;
    int64_t place; /* how far the walk is when they are done */
};

static void batch_add(struct batch *b, uint64_t id)
{
    for (size_t i = 0; i < b->n; i++)
        if (b->ids[i] == id)
            return;
    b->ids[b->n++] = id;
}

/* ---- cases ---- */

static int store_cases(struct round *r, const struct batch *b)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < b->n; i++) {
        fact_list_clear(&r->facts);
        rc = facts_of_case(r->tx, b->ids[i], r->terms, &r->facts);
        if (rc == 0)
            fact_list_store(r->tx, (int64_t)b->ids[i], 1, MEASURE_CASE_LAST, &r->facts);
    }
    return rc ? rc : tx_error(r->tx);
}

/* Everything that was there before: by number, once. "walk" is -1 when it is over. */
static int walk_step(struct round *r, bool *more)
{
    struct batch b = {.place = place_of(r->tx, "walk", 0)};
    if (b.place < 0)
        return 0;
    if (place_of(r->tx, "feed", -1) < 0)
        put_place(r->tx, "feed", tx_int(r->tx, 0, "SELECT MAX(seq) FROM feed", ""));
    struct query *q = tx_query(r->tx, "SELECT id FROM consult WHERE id>$1 ORDER BY id LIMIT $2", "ii", b.place, (int64_t)BATCH);
    while (query_next(q))
        batch_add(&b, (uint64_t)query_int(q, "id"));
    int rc = query_end(q);
    rc = rc ? rc : store_cases(r, &b);
    put_place(r->tx, "walk", b.n == BATCH ? (int64_t)b.ids[b.n - 1] : -1);
    *more = true;
    return rc;
}

static int feed_step(struct round *r, bool *more)
{
    uint64_t id;
    size_t lines = 0;
    struct batch b = {.place = place_of(r->tx, "feed", -1)};
    if (b.place < 0 || place_of(r->tx, "walk", 0) >= 0)
        return 0;
    int64_t newest = tx_int(r->tx, b.place, "SELECT MAX(seq) FROM feed", "");
    struct query *q = tx_query(r->tx, "SELECT seq, key FROM feed WHERE seq>$1 AND topic='case' ORDER BY seq LIMIT $2", "ii", b.place, (int64_t)BATCH);
    while (query_next(q)) {
        b.place = query_int(q, "seq");
        lines++;
        if (id_parse(query_text(q, "key"), &id) == 0)
            batch_add(&b, id);
    }
    int rc = query_end(q);
    b.place = lines < BATCH ? newest : b.place; /* what is no case is passed by */
    rc = rc ? rc : store_cases(r, &b);
    put_place(r->tx, "feed", b.place);
    *more = *more || lines == BATCH;
    return rc;
}

/* ---- what has no change feed ---- */

static int store_rooms(struct round *r)
{
    int64_t since = place_of(r->tx, "rooms", 0), done = since;
    struct batch b = {0};
    /* those that go on, or ended since the last look; the oldest first, so that a long list is a walk */
    struct query *q = tx_query(r->tx,
                               "SELECT id, started_ms FROM room WHERE started_ms>0 AND started_ms>=$1 AND (ended_ms=0 OR ended_ms>=$2) AND case_id<>0 ORDER BY started_ms, id LIMIT $3",
                               "iii", since - ROOM_BACK_MS, since - 2 * SLOW_EVERY_MS, (int64_t)BATCH);
    while (query_next(q)) {
        batch_add(&b, (uint64_t)query_int(q, "id"));
        done = query_int(q, "started_ms");
    }
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < b.n; i++) {
        fact_list_clear(&r->facts);
        rc = facts_of_room(r->tx, b.ids[i], &r->facts);
        fact_list_store(r->tx, (int64_t)b.ids[i], MEASURE_GRADE, MEASURE_ROOM_LAST, &r->facts);
    }
    put_place(r->tx, "rooms", b.n == BATCH && done > since ? done : r->now_ms);
    return rc;
}

static int store_sources(struct round *r)
{
    struct batch b = {0};
    struct query *q = tx_query(r->tx, "SELECT DISTINCT source_id FROM quality_day ORDER BY source_id LIMIT $1", "i", (int64_t)BATCH);
    while (query_next(q))
        batch_add(&b, (uint64_t)query_int(q, "source_id"));
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < b.n; i++) {
        fact_list_clear(&r->facts);
        rc = facts_of_source(r->tx, b.ids[i], &r->facts);
        fact_list_store(r->tx, (int64_t)b.ids[i], MEASURE_DATA, MEASURE_DATA, &r->facts);
    }
    return rc;
}

static int store_overrides(struct round *r)
{
    struct batch b = {.place = place_of(r->tx, "overrides", 0)};
    struct query *q = tx_query(r->tx,
                               "SELECT id FROM consult_override WHERE t_ms>=$1 OR reviewed_ms>=$1 UNION ALL SELECT id FROM share_override WHERE t_ms>=$1 OR reviewed_ms>=$1 "
                               "ORDER BY id LIMIT $2",
                               "ii", b.place, (int64_t)BATCH);
    while (query_next(q))
        batch_add(&b, (uint64_t)query_int(q, "id"));
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < b.n; i++) {
        fact_list_clear(&r->facts);
        rc = facts_of_override(r->tx, b.ids[i], &r->facts);
        fact_list_store(r->tx, (int64_t)b.ids[i], MEASURE_OVERRIDE, MEASURE_OVERRIDE, &r->facts);
    }
    put_place(r->tx, "overrides", r->now_ms - 2 * SLOW_EVERY_MS);
    return rc;
}

static int store_denied(struct round *r, bool *more)
{
    int64_t from = place_of(r->tx, "audit", 0), newest = tx_int(r->tx, 0, "SELECT MAX(seq) FROM audit", ""), to = newest - from > AUDIT_LINES ? from + AUDIT_LINES : newest;
    struct query *q = tx_query(r->tx, "SELECT seq, t_ms, op, org_id FROM audit WHERE seq>$1 AND seq<=$2 AND outcome='denied' ORDER BY seq", "ii", from, to);
    fact_list_clear(&r->facts);
    while (query_next(q)) {
        struct fact one = {.measure = MEASURE_DENIED, .t_ms = query_int(q, "t_ms"), .home = query_int(q, "org_id"), .value = query_int(q, "seq"), .good = 1, .total = 1};
        snprintf(one.word, sizeof one.word, "%s", query_text(q, "op"));
        fact_list_add(&r->facts, &one);
    }
    int rc = query_end(q);
    for (size_t i = 0; rc == 0 && i < r->facts.n; i++) { /* each is a thing of its own: the line of the audit */
        struct fact one = r->facts.list[i];
        struct facts single = {&one, 1, 1};
        int64_t seq = one.value;
        one.value = one.part = 0;
        fact_list_store(r->tx, seq, MEASURE_DENIED, MEASURE_DENIED, &single);
    }
    put_place(r->tx, "audit", to);
    *more = *more || to < newest;
    return rc;
}

static bool slow_due(struct tx *tx, int64_t now_ms)
{
    int64_t last = place_of(tx, "slow", 0);
    return now_ms - last >= SLOW_EVERY_MS || now_ms < last;
}

static int slow_step(struct round *r, bool *more)
{
    if (!slow_due(r->tx, r->now_ms))
        return 0;
    int rc = store_rooms(r);
    rc = rc ? rc : store_sources(r);
    rc = rc ? rc : store_overrides(r);
    rc = rc ? rc : store_denied(r, more);
    if (!*more)
        put_place(r->tx, "slow", r->now_ms);
    return rc;
}

/* ---- a round ---- */

/* Lines of other topics are passed by many at a time. */
static bool feed_due(struct tx *tx)
{
    int64_t place = place_of(tx, "feed", -1);
    return tx_int(tx, 0, "SELECT MAX(seq) FROM feed", "") - place >= FEED_IDLE ||
           tx_int(tx, 0, "SELECT COUNT(*) FROM feed WHERE seq>$1 AND topic='case'", "i", place) > 0;
}

/* The writer is troubled only when something is to be done. */
static bool due(struct records *r, int64_t now_ms)
{
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return false;
    bool any = place_of(tx, "walk", 0) >= 0 || slow_due(tx, now_ms) || feed_due(tx);
    tx_rollback(tx);
    return any;
}

static int step(struct records *r, struct facts *facts, int64_t now_ms, bool *more)
{
    struct round round = {.terms = indicators_terms(records_parts(r)->indicators), .facts = *facts, .now_ms = now_ms};
    *more = false;
    int rc = tx_begin(records_store(r), TX_WRITE, &round.tx);
    if (rc)
        return rc;
    rc = walk_step(&round, more);
    rc = rc ? rc : feed_step(&round, more);
    rc = rc ? rc : slow_step(&round, more);
    rc = rc ? rc : tx_error(round.tx);
    *facts = round.facts;
    if (rc)
        tx_rollback(round.tx);
    else
        rc = tx_commit(round.tx);
    return rc;
}

void report_background(struct records *r, int64_t now_ms)
{
    struct facts facts = {0};
    bool more = due(r, now_ms);
    int rc = 0;
    for (int64_t begun = clock_monotonic_us(); rc == 0 && more && clock_monotonic_us() - begun < ROUND_US;)
        rc = step(r, &facts, now_ms, &more);
    fact_list_free(&facts);
    if (rc)
        log_error("report", "facts could not be kept: %s", err_wire(rc));
    month_background(r, now_ms);
    alarm_background(r, now_ms);
}
