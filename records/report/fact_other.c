/* What of rooms, of other systems' data and of emergency access can be counted. */
#include "records/patient/identity.h"
#include "records/report/fact.h"
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000ll
#define ZONE_MS (8 * 3600000ll)
#define SEATS_MAX 200

/* ---- rooms: how the pictures were, who got through ---- */

struct seats { /* of a room; who came and whose line was measured */
    uint64_t id[SEATS_MAX];
    int64_t entered_ms[SEATS_MAX];
    bool measured[SEATS_MAX];
    size_t n;
};
struct room_sum {
    int64_t good, all;
    struct seats seats;
};

static size_t seat_at(struct seats *s, uint64_t id)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->id[i] == id)
            return i;
    if (s->n == SEATS_MAX)
        return SEATS_MAX;
    s->id[s->n] = id;
    return s->n++;
}

/* Seconds by grade: A B C D of pictures, good fair poor lost of lines. */
static void take_seconds(struct room_sum *sum, const json_t *seconds)
{
    static const char *const better[] = {"A", "B", "good", "fair"}, *const worse[] = {"C", "D", "poor", "lost"};
    for (size_t i = 0; i < 4; i++) {
        int64_t good = json_integer_value(json_object_get(seconds, better[i]));
        sum->good += good;
        sum->all += good + json_integer_value(json_object_get(seconds, worse[i]));
    }
}

/* The pictures a seat received; where it received none, its line. */
static void take_quality(struct room_sum *sum, const char *detail)
{
    json_t *o = json_loads(detail ? detail : "", 0, NULL), *streams = json_object_get(o, "streams"), *one;
    int64_t before = sum->all;
    size_t i;
    json_array_foreach(streams, i, one)
        take_seconds(sum, json_object_get(one, "seconds"));
    if (sum->all == before)
        take_seconds(sum, json_object_get(o, "seconds"));
    json_decref(o);
}

static int read_log(struct tx *tx, uint64_t room, struct room_sum *sum)
{
    struct query *q = tx_query(tx, "SELECT seat_id, t_ms, kind, detail FROM room_log WHERE room_id=$1 AND (kind='quality' OR kind='entered') ORDER BY t_ms, id", "i", (int64_t)room);
    while (query_next(q)) {
        bool quality = strcmp(query_text(q, "kind"), "quality") == 0;
        size_t at = seat_at(&sum->seats, (uint64_t)query_int(q, "seat_id"));
        if (quality)
            take_quality(sum, query_text(q, "detail"));
        if (at == SEATS_MAX)
            continue;
        if (quality)
            sum->seats.measured[at] = true;
        else if (!sum->seats.entered_ms[at])
            sum->seats.entered_ms[at] = query_int(q, "t_ms");
    }
    return query_end(q);
}

int facts_of_room(struct tx *tx, uint64_t id, struct facts *f)
{
    struct fact one = {0};
    struct room_sum sum = {0};
    int64_t ended_ms = 0;
    struct query *q = tx_query(tx, "SELECT r.case_id, r.started_ms, r.ended_ms, c.home_org_id, c.target_org_id FROM room r JOIN consult c ON c.id=r.case_id WHERE r.id=$1", "i",
                               (int64_t)id);
    if (query_next(q)) {
        one = (struct fact){.t_ms = query_int(q, "started_ms"), .case_id = query_int(q, "case_id"), .home = query_int(q, "home_org_id"), .target = query_int(q, "target_org_id")};
        ended_ms = query_int(q, "ended_ms");
    }
    int rc = query_end(q);
    if (rc || !one.t_ms)
        return rc;
    rc = read_log(tx, id, &sum);
    struct fact grade = one;
    grade.measure = MEASURE_GRADE;
    grade.good = sum.good;
    grade.total = sum.all;
    if (sum.all)
        fact_list_add(f, &grade);
    for (size_t i = 0; i < sum.seats.n; i++) {
        bool ok = sum.seats.measured[i];
        if (!sum.seats.entered_ms[i] || (!ok && !ended_ms)) /* the first figures come after minutes: not yet decided */
            continue;
        struct fact seat = one;
        seat.measure = MEASURE_CONNECT;
        seat.t_ms = sum.seats.entered_ms[i];
        seat.good = ok;
        seat.total = 1;
        snprintf(seat.word, sizeof seat.word, "%s", ok ? "connected" : "failed");
        fact_list_add(f, &seat);
    }
    return rc;
}

/* ---- data of other systems, by source, day and dimension ---- */

static int64_t day_ms(const char *day)
{
    int y, m, d;
    return day && date_parse(day, &y, &m, &d) == 0 ? date_days(y, m, d) * DAY_MS - ZONE_MS : 0;
}

/* "time.future" -> "time": what the rule looks at. */
static void kind_of(const char *rule, char word[FACT_WORD])
{
    size_t n = rule ? strcspn(rule, ".") : 0;
    snprintf(word, FACT_WORD, "%.*s", (int)n, rule ? rule : "");
}

int facts_of_source(struct tx *tx, uint64_t id, struct facts *f)
{
    struct fact one = {.measure = MEASURE_DATA};
    one.home = tx_int(tx, 0,
                      "SELECT COALESCE(s.org_id, c.org_id, o.id) FROM (SELECT 1 AS one) x LEFT JOIN exchange_source s ON s.id=$1 LEFT JOIN fhir_client c ON c.id=$1 "
                      "LEFT JOIN org o ON o.id=$1",
                      "i", (int64_t)id);
    struct query *q = tx_query(tx, "SELECT day, rule, checked, failed, resolved FROM quality_day WHERE source_id=$1 AND checked>0 ORDER BY day, rule", "i", (int64_t)id);
    while (query_next(q)) {
        struct fact now = one;
        now.t_ms = day_ms(query_text(q, "day"));
        kind_of(query_text(q, "rule"), now.word);
        now.total = query_int(q, "checked");
        now.good = now.total - query_int(q, "failed") + query_int(q, "resolved");
        struct fact *last = f->n ? &f->list[f->n - 1] : NULL;
        if (last && last->measure == MEASURE_DATA && last->t_ms == now.t_ms && strcmp(last->word, now.word) == 0) {
            last->good += now.good;
            last->total += now.total;
        } else
            fact_list_add(f, &now);
    }
    return query_end(q);
}

/* ---- emergency access ---- */

int facts_of_override(struct tx *tx, uint64_t id, struct facts *f)
{
    struct query *q = tx_query(tx,
                               "SELECT o.t_ms, o.org_id, o.reviewed_ms, o.verdict, o.case_id FROM consult_override o WHERE o.id=$1 "
                               "UNION ALL SELECT s.t_ms, s.org_id, s.reviewed_ms, s.verdict, 0 AS case_id FROM share_override s WHERE s.id=$1",
                               "i", (int64_t)id);
    if (query_next(q)) {
        const char *verdict = query_text(q, "verdict");
        bool reviewed = query_int(q, "reviewed_ms") > 0;
        struct fact one = {.measure = MEASURE_OVERRIDE, .t_ms = query_int(q, "t_ms"), .home = query_int(q, "org_id"), .case_id = query_int(q, "case_id"), .good = reviewed, .total = 1};
        snprintf(one.word, sizeof one.word, "%s", !reviewed ? "open" : verdict ? verdict : "justified");
        fact_list_add(f, &one);
    }
    return query_end(q);
}
