/* What of a case can be counted. Everything is read from its rows: the events are the truth, the case's own columns only save a search. */
#include "records/form/form.h"
#include "records/report/fact.h"
#include "records/store/sealed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 400 /* of one case; it has about fifteen */
#define DAY_MS 86400000ll

struct event {
    char name[24];
    bool waits; /* after it the requesting side has something to bring: the clock stands */
    int64_t t_ms;
};
struct whole { /* the case while its facts are made */
    struct tx *tx;
    const struct fact_terms *terms;
    struct facts *out;
    int64_t id, home, target, submitted_ms, reached_ms, signed_ms, closed_ms, start_ms;
    enum lane lane;
    char scope[16];
    size_t n;
    struct event events[EVENTS_MAX];
};

static void put(struct whole *w, int measure, int64_t t_ms, bool good, int64_t value, const char *word)
{
    struct fact f = {.measure = measure, .t_ms = t_ms, .case_id = w->id, .home = w->home, .target = w->target, .good = good, .total = 1, .value = value};
    snprintf(f.word, sizeof f.word, "%s", word ? word : "");
    fact_list_add(w->out, &f);
}

static bool is(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

static enum lane lane_of(const char *scope, const char *urgency)
{
    if (is(scope, "in_house"))
        return LANE_IN_HOUSE;
    for (int i = 0; i < LANE_IN_HOUSE; i++)
        if (is(urgency, lane_words[i]))
            return (enum lane)i;
    return LANE_ROUTINE;
}

static int read_case(struct whole *w, uint64_t id)
{
    struct query *q = tx_query(w->tx, "SELECT scope, urgency, home_org_id, target_org_id, submitted_ms, reached_ms, signed_ms, closed_ms, start_ms FROM consult WHERE id=$1", "i",
                               (int64_t)id);
    if (query_next(q)) {
        const char *scope = query_text(q, "scope");
        w->id = (int64_t)id;
        snprintf(w->scope, sizeof w->scope, "%s", scope ? scope : "");
        w->lane = lane_of(scope, query_text(q, "urgency"));
        w->home = query_int(q, "home_org_id");
        w->target = query_int(q, "target_org_id");
        w->submitted_ms = query_int(q, "submitted_ms");
        w->reached_ms = query_int(q, "reached_ms");
        w->signed_ms = query_int(q, "signed_ms");
        w->closed_ms = query_int(q, "closed_ms");
        w->start_ms = query_int(q, "start_ms");
    }
    return query_end(q);
}

static int read_events(struct whole *w)
{
    struct query *q = tx_query(w->tx, "SELECT t_ms, event, to_state FROM consult_event WHERE case_id=$1 ORDER BY t_ms, id LIMIT $2", "ii", w->id, (int64_t)EVENTS_MAX);
    while (query_next(q)) {
        struct event *e = &w->events[w->n++];
        const char *name = query_text(q, "event"), *to = query_text(q, "to_state");
        snprintf(e->name, sizeof e->name, "%s", name ? name : "");
        e->t_ms = query_int(q, "t_ms");
        e->waits = is(to, "RETURNED") || is(to, "NEED_MATERIAL");
    }
    return query_end(q);
}

/* The first of that name, 0 = none. */
static int64_t first(const struct whole *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++)
        if (is(w->events[i].name, name))
            return w->events[i].t_ms;
    return 0;
}

/* ---- sent ---- */

static int rank(const char *level)
{
    static const char *const levels[] = {"village", "township", "county", "city"};
    for (int i = 0; i < 4; i++)
        if (is(level, levels[i]))
            return i;
    return -1;
}

static const char *direction(struct whole *w)
{
    int home = -1, target = -1;
    struct query *q = tx_query(w->tx, "SELECT id, level FROM org WHERE id=$1 OR id=$2", "ii", w->home, w->target);
    while (query_next(q))
        *(query_int(q, "id") == w->home ? &home : &target) = rank(query_text(q, "level"));
    if (query_end(q)) /* sticks to the transaction */
        return "";
    return w->lane == LANE_IN_HOUSE ? "in_house" : home < 0 || target < 0 || home == target ? "same" : home < target ? "up" : "down";
}

/* ---- on time ---- */

/* When the term ran out or will, the time in which the requesting side had to bring something left out; INT64_MAX = the clock stands. */
static int64_t due_of(const struct whole *w)
{
    int64_t left = w->terms->lane_ms[w->lane], since = w->submitted_ms;
    bool runs = true;
    for (size_t i = 0; i < w->n; i++) {
        const struct event *e = &w->events[i];
        if (e->t_ms < w->submitted_ms)
            continue;
        if (runs && e->t_ms - since >= left)
            return since + left;
        if (runs && e->waits) {
            left -= e->t_ms - since;
            runs = false;
        } else if (!runs && !e->waits && (is(e->name, "submit") || is(e->name, "supply_material"))) {
            since = e->t_ms;
            runs = true;
        }
    }
    return runs ? since + left : INT64_MAX;
}

static void put_on_time(struct whole *w)
{
    int64_t due = due_of(w), end = w->signed_ms ? w->signed_ms : w->closed_ms;
    if (w->signed_ms && w->signed_ms <= due)
        put(w, MEASURE_ON_TIME, w->signed_ms, true, 0, lane_words[w->lane]);
    else if (due != INT64_MAX && (!end || end > due)) /* one that ended earlier without an answer was never late */
        put(w, MEASURE_ON_TIME, due, false, end ? end - due : 0, lane_words[w->lane]);
}

/* ---- what happened on the way ---- */

static void put_way(struct whole *w)
{
    int64_t booked = first(w, "schedule"), asked = first(w, "assign"), moved = first(w, "redirect"), declined = first(w, "decline");
    bool back = first(w, "return") || first(w, "need_material");
    put(w, MEASURE_RETURNED, w->submitted_ms, back, 0, "");
    if (asked && w->reached_ms)
        put(w, MEASURE_TRIAGE, asked, true, asked - w->reached_ms, lane_words[w->lane]);
    if (w->reached_ms)
        put(w, MEASURE_REDIRECTED, w->reached_ms, moved || declined, 0, declined ? "declined" : moved ? "redirected" : "kept");
    if (booked)
        put(w, MEASURE_RESCHEDULED, booked, first(w, "reschedule") != 0, 0, "");
    for (size_t i = 0; i < w->n; i++) {
        const struct event *e = &w->events[i];
        if (is(e->name, "accept") || is(e->name, "expert_decline") || is(e->name, "next_expert"))
            put(w, MEASURE_EXPERT, e->t_ms, is(e->name, "accept"), 0, is(e->name, "accept") ? "accepted" : is(e->name, "expert_decline") ? "declined" : "silent");
        if (is(e->name, "start") || is(e->name, "noshow"))
            put(w, MEASURE_SESSION, e->t_ms, is(e->name, "start"), 0, is(e->name, "start") ? "held" : "noshow");
        if (is(e->name, "start") && w->start_ms)
            put(w, MEASURE_START, e->t_ms, true, e->t_ms > w->start_ms ? e->t_ms - w->start_ms : 0, "");
    }
}

static void put_missing_item(struct whole *w, int64_t t_ms, const json_t *item)
{
    const char *path = json_string_value(json_object_get(item, "path"));
    bool plain = path && *path && strlen(path) < FACT_WORD && !path[strspn(path, "abcdefghijklmnopqrstuvwxyz_.")];
    put(w, MEASURE_MISSING, t_ms, true, 0, plain ? path : "material");
}

/* What was asked for: places of the form by name, material in words only as "material". */
static int put_missing(struct whole *w)
{
    struct query *q = tx_query(w->tx, "SELECT id, t_ms, items FROM consult_item WHERE case_id=$1 AND (kind='return' OR kind='need') ORDER BY t_ms, id", "i", w->id);
    while (query_next(q)) {
        const char *text = query_sealed(q, "items", SEALED_ITEM_ITEMS, (uint64_t)query_int(q, "id"), (uint64_t)w->id);
        json_t *items = text ? json_loads(text, 0, NULL) : NULL, *item;
        size_t i;
        json_array_foreach(items, i, item)
            put_missing_item(w, query_int(q, "t_ms"), item);
        json_decref(items);
    }
    return query_end(q);
}

/* ---- the opinion and what became of it ---- */

static const char *versus_of(const json_t *opinion)
{
    const json_t *diagnoses = json_object_get(opinion, "diagnoses"), *main = json_array_get(diagnoses, 0);
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)diagnoses, i, one)
        if (json_is_true(json_object_get(one, "main")))
            main = one;
    const char *word = json_string_value(json_object_get(main, "versus"));
    return is(word, "agreed") || is(word, "changed") || is(word, "new") ? word : NULL;
}

static int put_opinion(struct whole *w)
{
    struct query *q = tx_query(w->tx, "SELECT id, body FROM consult_opinion WHERE case_id=$1 AND kind='final' ORDER BY version DESC LIMIT 1", "i", w->id);
    const char *text = query_next(q) ? query_sealed(q, "body", SEALED_OPINION_BODY, (uint64_t)query_int(q, "id"), (uint64_t)w->id) : NULL;
    json_t *opinion = text ? json_loads(text, 0, NULL) : NULL;
    const char *versus = versus_of(opinion);
    const json_t *transfer = form_get(opinion, "transfer.advised");
    if (versus)
        put(w, MEASURE_AGREEMENT, w->signed_ms, is(versus, "agreed"), 0, versus);
    if (json_is_boolean(transfer))
        put(w, MEASURE_KEPT, w->signed_ms, json_is_false(transfer), 0, json_is_false(transfer) ? "kept" : "transfer");
    json_decref(opinion);
    return query_end(q);
}

struct outcome { /* the first that was recorded */
    int64_t t_ms;
    bool lost;
};

static void take_outcome(struct outcome *o, int64_t t_ms, const char *word)
{
    if (!t_ms || (o->t_ms && o->t_ms <= t_ms))
        return;
    o->t_ms = t_ms;
    o->lost = is(word, "lost");
}

static int put_advice(struct whole *w, struct outcome *outcome)
{
    struct query *q = tx_query(w->tx, "SELECT decision, decided_ms, outcome7, outcome7_ms, outcome30, outcome30_ms FROM consult_advice WHERE case_id=$1 ORDER BY n", "i", w->id);
    while (query_next(q)) {
        const char *decision = query_text(q, "decision");
        if (decision)
            put(w, MEASURE_ADVICE, query_int(q, "decided_ms"), is(decision, "adopted"), 0, decision);
        take_outcome(outcome, query_int(q, "outcome7_ms"), query_text(q, "outcome7"));
        take_outcome(outcome, query_int(q, "outcome30_ms"), query_text(q, "outcome30"));
    }
    return query_end(q);
}

static void put_loop(struct whole *w)
{
    int64_t acted = first(w, "acknowledge"), limit = w->signed_ms + w->terms->loop_ms;
    bool closed = acted && acted <= limit;
    put(w, MEASURE_LOOP, closed ? acted : limit, closed, acted > limit ? acted - limit : 0, closed ? "closed" : "open");
}

static int put_follow_up(struct whole *w, const struct outcome *o)
{
    struct query *q = tx_query(w->tx, "SELECT due_ms FROM follow_up WHERE case_id=$1", "i", w->id);
    if (query_next(q)) {
        int64_t limit = query_int(q, "due_ms") + w->terms->grace_ms;
        bool done = o->t_ms && o->t_ms <= limit;
        put(w, MEASURE_FOLLOW_UP, done ? o->t_ms : limit, done && !o->lost, 0, done ? o->lost ? "lost" : "done" : "missing");
    }
    return query_end(q);
}

static void take_scores(struct whole *w, int64_t t_ms, const json_t *scores)
{
    static const char *const asked[] = {"timely", "helpful", "attitude", "system"};
    const json_t *avoided = json_object_get(scores, "avoided_transfer");
    double sum = 0;
    int n = 0;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        if (json_is_number(json_object_get(scores, asked[i]))) {
            sum += json_number_value(json_object_get(scores, asked[i]));
            n++;
        }
    if (n)
        put(w, MEASURE_SATISFACTION, t_ms, true, (int64_t)(sum * 100 / n + 0.5), "");
    if (json_is_boolean(avoided))
        put(w, MEASURE_AVOIDED, t_ms, json_is_true(avoided), 0, json_is_true(avoided) ? "avoided" : "transferred");
}

static int put_scores(struct whole *w)
{
    struct query *q = tx_query(w->tx, "SELECT scores, t_ms FROM consult_evaluation WHERE case_id=$1 AND side='applicant'", "i", w->id);
    if (query_next(q)) {
        const char *text = query_text(q, "scores");
        json_t *scores = text ? json_loads(text, 0, NULL) : NULL;
        take_scores(w, query_int(q, "t_ms"), scores);
        json_decref(scores);
    }
    return query_end(q);
}

int facts_of_case(struct tx *tx, uint64_t id, const struct fact_terms *terms, struct facts *f)
{
    struct whole *w = calloc(1, sizeof *w);
    struct outcome outcome = {0};
    if (!w)
        abort();
    w->tx = tx;
    w->terms = terms;
    w->out = f;
    int rc = read_case(w, id);
    rc = rc ? rc : read_events(w);
    if (rc == 0 && w->submitted_ms) { /* a draft is its writer's own */
        put(w, MEASURE_SENT, w->submitted_ms, true, 0, direction(w));
        put_on_time(w);
        put_way(w);
        rc = put_missing(w);
    }
    if (rc == 0 && w->signed_ms) {
        put(w, MEASURE_ANSWER, w->signed_ms, true, w->signed_ms - w->submitted_ms, lane_words[w->lane]);
        put_loop(w);
        rc = put_opinion(w);
        rc = rc ? rc : put_advice(w, &outcome);
        rc = rc ? rc : put_follow_up(w, &outcome);
        rc = rc ? rc : put_scores(w);
    }
    free(w);
    return rc ? rc : tx_error(tx);
}
