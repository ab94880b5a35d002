/* The numbers of the cockpits (records/report): what each indicator says against a count made by somebody who never saw a fact, over random cases;
 * spans in China's time; a broken table of indicators. */
#include "records/patient/identity.h"
#include "records/report/alarm.h"
#include "records/report/indicator.h"
#include "records/report/period.h"
#include "records/store/sealed.h"
#include "tests/story/world.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DAY 86400000ll
#define HOUR 3600000ll
#define CASES 400

/* ---- a model of what happened: plain members, no events ---- */
struct model {
    int64_t id, home, target, sent, reached, assigned, answered_by_expert, signed_at, acted, ended;
    int64_t wait_from, wait_to;  /* material was missing; wait_to 0 = still is */
    int lane;                    /* 0 routine 1 urgent 2 emergency */
    int expert;                  /* 0 not asked, 1 accepted, 2 declined, 3 silent */
    bool back, redirected, declined, noshow, agreed, changed, transfer, evaluated, avoided;
    int64_t booked, booked_for, started;
    bool moved;
    int advice[3]; /* 0 undecided 1 adopted 2 modified 3 not */
    int score;
    int64_t follow_due, outcome_at;
    bool lost;
};
static struct model cases[CASES];
static struct world w;
static const int64_t lane_ms[] = {72 * HOUR, 24 * HOUR, 2 * HOUR};
static const char *const urgencies[] = {"routine", "urgent", "emergency"};

static uint32_t seed = 20261129;
static int64_t under(int64_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (int64_t)((double)(seed >> 8) / (1 << 24) * (double)n);
}
static bool often(int percent)
{
    return under(100) < percent;
}

static void invent(struct model *m, int i, int64_t now)
{
    static const int64_t homes[] = {10, 15, 20}, targets[] = {20, 30};
    *m = (struct model){.id = 1000000 + i, .home = homes[under(3)], .lane = (int)under(3)};
    do
        m->target = targets[under(2)];
    while (m->target == m->home);
    m->sent = now - under(often(60) ? 20 * DAY : 500 * DAY) - HOUR;
    int64_t t = m->sent;
    m->reached = t += under(3 * HOUR);
    if ((m->declined = often(4))) {
        m->ended = t + under(HOUR);
        return;
    }
    m->redirected = often(8);
    if (often(85)) {
        m->assigned = t += under(4 * HOUR) + 1;
        m->expert = 1 + (int)under(3) * often(20);
        m->answered_by_expert = t += under(2 * HOUR) + 1;
    }
    if ((m->back = often(25))) {
        m->wait_from = t += under(2 * HOUR) + 1;
        m->wait_to = often(80) ? (t += under(40 * HOUR) + 1) : 0;
    }
    if (m->expert != 1 || (m->back && !m->wait_to))
        return;
    if (often(40)) {
        m->booked = t += 1;
        m->booked_for = t + 2 * HOUR;
        m->moved = often(30);
        t = m->booked_for + under(20 * 60000);
        if ((m->noshow = often(15)))
            return;
        m->started = t;
    }
    if (!often(85))
        return;
    m->signed_at = t += under(often(70) ? 20 * HOUR : 100 * HOUR) + 1;
    int versus = (int)under(3);
    m->agreed = versus == 0;
    m->changed = versus == 1;
    m->transfer = often(30);
    if (!often(80))
        return;
    m->acted = t += under(often(80) ? 5 * DAY : 12 * DAY) + 1;
    for (int k = 0; k < 3; k++)
        m->advice[k] = 1 + (int)under(3);
    if ((m->evaluated = often(60))) {
        m->score = 1 + (int)under(5);
        m->avoided = often(50);
    }
    m->ended = t += HOUR;
    m->follow_due = t + 7 * DAY;
    if (often(60)) {
        m->outcome_at = t + under(18 * DAY);
        m->lost = often(10);
    }
}

/* ---- the same as rows ---- */
static void event(struct tx *tx, const struct model *m, int64_t t, const char *name, const char *to)
{
    if (t <= w.now_ms)
        tx_exec(tx, "INSERT INTO consult_event (id, case_id, t_ms, event, from_state, to_state, person_id, role, org_id) VALUES ($1,$2,$3,$4,'',$5,101,'',10)", "iiitt",
                (int64_t)id_new(), m->id, t, name, to);
}

static void rows_of_way(struct tx *tx, const struct model *m)
{
    static const char *const answers[] = {"", "accept", "expert_decline", "next_expert"};
    event(tx, m, m->sent, "submit", "SUBMITTED");
    event(tx, m, m->reached, "approve_home", "APPROVED_HOME");
    if (m->declined)
        event(tx, m, m->ended, "decline", "DECLINED");
    if (m->redirected)
        event(tx, m, m->reached, "redirect", "REDIRECTED");
    if (m->assigned) {
        event(tx, m, m->assigned, "assign", "ASSIGNED");
        event(tx, m, m->answered_by_expert, answers[m->expert], "ACCEPTED");
    }
    if (m->back)
        event(tx, m, m->wait_from, "need_material", "NEED_MATERIAL");
    if (m->back && m->wait_to)
        event(tx, m, m->wait_to, "supply_material", "ACCEPTED");
    if (m->booked)
        event(tx, m, m->booked, "schedule", "SCHEDULED");
    if (m->moved)
        event(tx, m, m->booked + 1, "reschedule", "SCHEDULED");
    if (m->noshow)
        event(tx, m, m->booked_for + 15 * 60000, "noshow", "EXPERT_NOSHOW");
    if (m->started)
        event(tx, m, m->started, "start", "IN_SESSION");
    if (m->signed_at)
        event(tx, m, m->signed_at, "sign_opinion", "OPINION_SIGNED");
    if (m->acted)
        event(tx, m, m->acted, "acknowledge", "ACKNOWLEDGED");
}

static void rows_of_opinion(struct tx *tx, const struct model *m)
{
    static const char *const decisions[] = {NULL, "adopted", "modified", "not_adopted"};
    char body[300], scores[200];
    int64_t id = (int64_t)id_new();
    snprintf(body, sizeof body, "{\"diagnoses\":[{\"text\":\"x\",\"versus\":\"new\"},{\"text\":\"y\",\"main\":true,\"versus\":\"%s\"}],\"transfer\":{\"advised\":%s}}",
             m->agreed ? "agreed" : m->changed ? "changed" : "new", m->transfer ? "true" : "false");
    tx_exec(tx, "INSERT INTO consult_opinion (id, case_id, person_id, kind, version, body, signed_text, signed_ms, sha256, licence_no, second_factor) VALUES ($1,$2,204,'final',1,$3,$4,$5,'','',1)",
            "iissi", id, m->id, SEALED(OPINION_BODY, id, m->id, body), SEALED(OPINION_TEXT, id, m->id, "{}"), m->signed_at);
    for (int k = 0; k < 3; k++)
        tx_exec(tx, "INSERT INTO consult_advice (case_id, n, decision, decided_ms, outcome7, outcome7_ms) VALUES ($1,$2,$3,$4,$5,$6)", "iititi", m->id, (int64_t)k + 1,
                decisions[m->advice[k]], m->acted, m->outcome_at && k == 0 ? m->lost ? "lost" : "effective" : NULL, k == 0 ? m->outcome_at : (int64_t)0);
    if (m->evaluated) {
        snprintf(scores, sizeof scores, "{\"timely\":%d,\"helpful\":%d,\"attitude\":%d,\"system\":%d,\"avoided_transfer\":%s}", m->score, m->score, m->score, m->score,
                 m->avoided ? "true" : "false");
        tx_exec(tx, "INSERT INTO consult_evaluation (case_id, side, person_id, scores, comment, t_ms) VALUES ($1,'applicant',101,$2,$3,$4)", "itsi", m->id, scores,
                SEALED(EVALUATION_COMMENT, m->id, 101, ""), m->acted);
    }
    if (m->follow_due)
        tx_exec(tx, "INSERT INTO follow_up (case_id, patient_id, org_id, person_id, days, due_ms, state, made_ms) VALUES ($1,1,$2,101,7,$3,'due',$4)", "iiii", m->id, m->home,
                m->follow_due, m->ended);
}

static void rows_of(struct tx *tx, const struct model *m)
{
    char number[24];
    snprintf(number, sizeof number, "T%lld", (long long)m->id);
    tx_exec(tx,
            "INSERT INTO consult (id, number, kind, scope, template, urgency, state, back, patient_id, applicant_id, home_org_id, home_dept_id, target_org_id, created_ms, "
            "submitted_ms, reached_ms, signed_ms, closed_ms, start_ms, form) VALUES ($1,$2,'offline','clinical','',$3,'TRIAGED','TRIAGED',1,101,$4,11,$5,$6,$6,$7,$8,$9,$10,$11)",
            "ittiiiiiiis", m->id, number, urgencies[m->lane], m->home, m->target, m->sent, m->reached, m->signed_at, m->ended, m->booked_for,
            SEALED(CONSULT_FORM, m->id, 0, "{}"));
    rows_of_way(tx, m);
    if (m->signed_at)
        rows_of_opinion(tx, m);
}

/* Nothing of the model lies in the future. */
static bool past(const struct model *m)
{
    int64_t last[] = {m->reached, m->assigned, m->answered_by_expert, m->wait_from, m->wait_to, m->booked_for + 30 * 60000, m->signed_at, m->acted, m->ended, m->outcome_at};
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        if (last[i] > w.now_ms)
            return false;
    return true;
}

/* ---- counting by hand ---- */
struct sum {
    double good, all;
    double values[CASES * 3];
    size_t n;
};
struct window {
    int64_t from, to, org; /* org 0 = all */
    int side;              /* 0 either 1 home 2 target */
};

static bool seen(const struct window *v, const struct model *m, int64_t t)
{
    bool home = m->home == v->org || (v->org == 10 && m->home == 11), target = m->target == v->org;
    return t && t >= v->from && t < v->to && (!v->org || (v->side != 2 && home) || (v->side != 1 && target));
}

static void add(struct sum *s, bool counts, double value)
{
    s->all++;
    s->good += counts;
    s->values[s->n++] = value;
}

/* The active time until `t`: what passed less the wait. */
static int64_t active(const struct model *m, int64_t t)
{
    int64_t passed = t - m->sent;
    if (!m->back || t <= m->wait_from)
        return passed;
    return passed - ((m->wait_to && m->wait_to < t ? m->wait_to : t) - m->wait_from);
}

/* The first millisecond at which the term is used up; 0 = never so far. Found by halving, not by walking over events. */
static int64_t run_out(const struct model *m, int64_t end)
{
    int64_t low = m->sent, high = end, term = lane_ms[m->lane];
    if (active(m, end) < term)
        return 0;
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (active(m, mid) >= term)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static void count_on_time(struct sum *s, const struct window *v, const struct model *m)
{
    bool in_time = m->signed_at && active(m, m->signed_at) <= lane_ms[m->lane];
    int64_t out = in_time ? 0 : run_out(m, m->signed_at ? m->signed_at : m->ended ? m->ended : w.now_ms);
    if (in_time && seen(v, m, m->signed_at))
        add(s, true, 0);
    if (out && (m->signed_at || !m->ended || m->ended > out) && seen(v, m, out))
        add(s, false, 0);
}

static void count_loop(struct sum *s, const struct window *v, const struct model *m)
{
    bool closed = m->acted && m->acted <= m->signed_at + 7 * DAY;
    if (m->signed_at && seen(v, m, closed ? m->acted : m->signed_at + 7 * DAY))
        add(s, closed, 0);
}

static void count_follow(struct sum *s, const struct window *v, const struct model *m)
{
    int64_t limit = m->follow_due + 7 * DAY;
    bool told = m->outcome_at && m->outcome_at <= limit;
    if (m->signed_at && m->follow_due && seen(v, m, told ? m->outcome_at : limit))
        add(s, told && !m->lost, 0);
}

static int level(int64_t org)
{
    return org == 30 ? 3 : org == 20 ? 2 : 1;
}

static void count_case(const char *id, struct sum *s, const struct window *v, const struct model *m)
{
#define IS(x) (strcmp(id, x) == 0)
    bool sent = seen(v, m, m->sent), opinion = m->signed_at && seen(v, m, m->signed_at);
    if (IS("volume") && sent) add(s, true, 0);
    if (IS("down_share") && sent) add(s, level(m->target) < level(m->home), 0);
    if ((IS("answer_median") || IS("answer_p90")) && opinion) add(s, true, (double)(m->signed_at - m->sent));
    if (IS("on_time")) count_on_time(s, v, m);
    if (IS("expert_accept") && m->expert && seen(v, m, m->answered_by_expert)) add(s, m->expert == 1, 0);
    if (IS("noshow") && m->noshow && seen(v, m, m->booked_for + 15 * 60000)) add(s, true, 0);
    if (IS("noshow") && m->started && seen(v, m, m->started)) add(s, false, 0);
    if (IS("returned") && sent) add(s, m->back, 0);
    if (IS("agreement") && opinion) add(s, m->agreed, 0);
    if (IS("kept") && opinion) add(s, !m->transfer, 0);
    for (int k = 0; k < 3; k++)
        if (IS("adoption") && m->signed_at && m->advice[k] && seen(v, m, m->acted)) add(s, m->advice[k] == 1, 0);
    if (IS("loop")) count_loop(s, v, m);
    if (IS("follow_up")) count_follow(s, v, m);
    if (IS("satisfaction") && m->signed_at && m->evaluated && seen(v, m, m->acted)) add(s, true, m->score * 100);
    if (IS("avoided") && m->signed_at && m->evaluated && seen(v, m, m->acted)) add(s, m->avoided, 0);
    if (IS("triage_median") && m->assigned && seen(v, m, m->assigned)) add(s, true, (double)(m->assigned - m->reached));
    if (IS("start_p90") && m->started && seen(v, m, m->started)) add(s, true, (double)(m->started - m->booked_for));
    if (IS("rescheduled") && m->booked && seen(v, m, m->booked)) add(s, m->moved, 0);
    if (IS("redirected") && seen(v, m, m->reached)) add(s, m->redirected || m->declined, 0);
#undef IS
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* What the number must be; NAN = nothing to count. */
static double expected(const struct indicator *i, struct sum *s)
{
    double total = 0;
    qsort(s->values, s->n, sizeof *s->values, by_size);
    for (size_t k = 0; k < s->n; k++)
        total += s->values[k];
    if (i->figure == FIGURE_COUNT)
        return s->all;
    if (s->n == 0)
        return NAN;
    switch (i->figure) {
    case FIGURE_RATE: return 100 * s->good / s->all;
    case FIGURE_MEDIAN: return s->n % 2 ? s->values[s->n / 2] / 60000 : (s->values[s->n / 2 - 1] + s->values[s->n / 2]) / 120000;
    case FIGURE_P90: return s->values[(size_t)ceil(0.9 * (double)s->n - 1e-9) - 1] / 60000;
    default: return total / (double)s->n / 100;
    }
}

/* ---- the numbers asked for ---- */
static json_t *ask(const char *who_asks, const char *op, const char *key, const char *value, const char *period, int64_t org, int side)
{
    char hex[ID_TEXT_BYTES];
    json_t *args = json_pack("{s:s,s:s*}", key, value, "period", period);
    id_format((uint64_t)org, hex);
    if (org)
        json_object_set_new(args, "org_id", json_string(hex));
    if (side)
        json_object_set_new(args, "side", json_string(side == 1 ? "home" : "target"));
    if (strcmp(op, "report.list") == 0)
        json_object_set_new(args, "limit", json_integer(200));
    return world_call(&w, who_asks, op, args);
}

static size_t listed(const char *id, const char *period, const struct window *v, double *good, double *total)
{
    size_t n = 0, i;
    json_t *one;
    json_int_t after = 0;
    *good = *total = 0;
    for (bool more = true; more;) {
        json_t *args = json_pack("{s:s,s:s,s:i,s:I}", "indicator", id, "period", period, "limit", 200, "after", after);
        char hex[ID_TEXT_BYTES];
        id_format((uint64_t)v->org, hex);
        if (v->org)
            json_object_set_new(args, "org_id", json_string(hex));
        if (v->side)
            json_object_set_new(args, "side", json_string(v->side == 1 ? "home" : "target"));
        json_t *page = world_call(&w, "admin", "report.list", args);
        assert_non_null(page);
        json_array_foreach(json_object_get(page, "items"), i, one) {
            *good += json_is_true(json_object_get(one, "counted"));
            *total += json_number_value(json_object_get(one, "total"));
            n++;
        }
        more = json_is_integer(json_object_get(page, "next"));
        after = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
    }
    return n;
}

static void compare(const json_t *one, const char *period, struct window v)
{
    const char *id = json_string_value(json_object_get(one, "id"));
    const struct indicator *i = indicators_find(records_parts(w.r)->indicators, id);
    struct sum s = {0};
    if (i->measure >= MEASURE_GRADE || i->measure == MEASURE_MISSING)
        return; /* below */
    for (size_t k = 0; k < CASES; k++)
        if (cases[k].id)
            count_case(id, &s, &v, &cases[k]);
    const json_t *now = json_object_get(one, "now"), *value = json_object_get(now, "value");
    double want = expected(i, &s);
    if (isnan(want) ? !json_is_null(value) : !json_is_number(value) || fabs(json_number_value(value) - want) > 1e-6)
        fail_msg("%s %s org %lld side %d: %f, not %f of %zu", id, period, (long long)v.org, v.side, json_number_value(value), want, s.n);
    double good, total;
    assert_int_equal(listed(id, period, &v, &good, &total), s.n);
    assert_true(total == s.all);
    if (i->figure == FIGURE_RATE)
        assert_true(good == s.good);
}

static void settle(void)
{
    for (int i = 0; i < 50; i++)
        records_tick(w.r);
}

static void numbers_are_those_of_an_independent_count(void **state)
{
    static const char *const periods[] = {"yesterday", "7d", "30d", "month", "last_month"}, *const pages[] = {"dean", "medical", "operations", "technical"};
    static const struct { int64_t org; int side; } whose[] = {{0, 0}, {20, 0}, {20, 1}, {20, 2}, {10, 0}};
    size_t i;
    json_t *one;
    for (size_t p = 0; p < 5; p++)
        for (size_t g = 0; g < 4; g++)
            for (size_t o = 0; o < 5; o++) {
                json_t *page = ask("admin", "report.cockpit", "page", pages[g], periods[p], whose[o].org, whose[o].side);
                assert_non_null(page);
                assert_false(json_is_true(json_object_get(page, "filling")));
                const json_t *span = json_object_get(page, "span");
                int64_t to = json_integer_value(json_object_get(span, "to_ms"));
                struct window v = {json_integer_value(json_object_get(span, "from_ms")), to >= w.now_ms ? w.now_ms + 1 : to, whose[o].org, whose[o].side};
                json_array_foreach(json_object_get(page, "indicators"), i, one)
                    compare(one, periods[p], v);
                json_decref(page);
            }
}

/* Throwing the facts away changes no number: all is made of what is stored. */
static void facts_can_be_made_again(void **state)
{
    struct tx *tx;
    json_t *before = ask("chief", "report.cockpit", "page", "dean", "30d", 0, 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "DELETE FROM report_fact", "");
    tx_exec(tx, "DELETE FROM report_state", "");
    assert_int_equal(tx_commit(tx), 0);
    json_t *empty = ask("chief", "report.cockpit", "page", "dean", "30d", 0, 0);
    assert_true(json_is_true(json_object_get(empty, "filling"))); /* and it says so */
    settle();
    json_t *after = ask("chief", "report.cockpit", "page", "dean", "30d", 0, 0);
    assert_true(json_equal(json_object_get(before, "indicators"), json_object_get(after, "indicators")));
    json_decref(before);
    json_decref(empty);
    json_decref(after);
}

static double value_of(const json_t *page, const char *id, const char *when, const char *member)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(page, "indicators"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
            return json_number_value(json_object_get(json_object_get(one, when), member));
    fail_msg("no %s", id);
    return 0;
}

static int64_t some_case(void)
{
    size_t i = 0;
    while (!cases[i].id)
        i++;
    return cases[i].id;
}

/* Rooms, data of other systems, emergency access, refused acts: a few of each, counted by reading. */
static void rows_of_others(struct tx *tx)
{
    int64_t t = w.now_ms - 2 * HOUR; /* the clock went on since the last look */
    tx_exec(tx, "INSERT INTO room (id, case_id, name, created_ms, started_ms, ended_ms) VALUES (501,$1,'r',$2,$2,$3)", "iii", some_case(), t, t + HOUR);
    static const struct { int64_t seat; const char *kind, *detail; } log[] = {
        {1, "entered", ""}, {2, "entered", ""}, {3, "entered", ""},
        {1, "quality", "{\"seconds\":{\"good\":300},\"streams\":[{\"seat\":\"02\",\"source\":\"camera\",\"seconds\":{\"A\":200,\"B\":50,\"C\":50,\"D\":0}}]}"},
        {2, "quality", "{\"seconds\":{\"good\":60,\"fair\":20,\"poor\":20,\"lost\":0}}"}};
    for (size_t i = 0; i < sizeof log / sizeof *log; i++)
        tx_exec(tx, "INSERT INTO room_log (id, room_id, t_ms, kind, seat_id, person_id, detail) VALUES ($1,501,$2,$3,$4,0,$5)", "iitit", (int64_t)id_new(), t + (int64_t)i,
                log[i].kind, log[i].seat, log[i].detail);
    tx_exec(tx, "INSERT INTO quality_day (source_id, day, rule, checked, failed, cleaned, resolved) VALUES (20,'2026-11-23','time.future',80,8,0,3),(20,'2026-11-23','patient.name',20,2,0,0)", "");
    tx_exec(tx, "INSERT INTO consult_override (id, case_id, person_id, org_id, t_ms, until_ms, reason, reviewed_ms) VALUES (601,$1,102,10,$2,$2,'x',0)", "ii", some_case(), t);
    tx_exec(tx, "INSERT INTO share_override (id, patient_id, person_id, org_id, t_ms, until_ms, reason, reviewed_ms, reviewed_by, verdict) VALUES (602,1,102,20,$1,$1,'x',$1,202,'justified')", "i", t);
    tx_exec(tx, "INSERT INTO audit (seq, t_ms, op, outcome, person_id, org_id, session_id, patient_id, object_id, address, detail, hash) VALUES "
                "(900001,$1,'case.get','denied',101,10,0,0,0,'','',''),(900002,$1,'case.get','ok',101,10,0,0,0,'','','')", "i", t);
}

static void what_is_no_case_is_counted_too(void **state)
{
    struct tx *tx;
    w.now_ms += 3 * HOUR;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    rows_of_others(tx);
    assert_int_equal(tx_commit(tx), 0);
    w.now_ms += 2 * 60000;
    settle();
    json_t *page = ask("chief", "report.cockpit", "page", "technical", "7d", 0, 0);
    assert_non_null(page);
    assert_true(value_of(page, "connect", "now", "numerator") == 2 && value_of(page, "connect", "now", "denominator") == 3);
    assert_true(value_of(page, "grade_ab", "now", "numerator") == 250 + 80 && value_of(page, "grade_ab", "now", "denominator") == 300 + 100);
    assert_true(value_of(page, "data_quality", "now", "numerator") == 93 && value_of(page, "data_quality", "now", "denominator") == 100);
    assert_true(value_of(page, "overrides", "now", "value") == 2 && value_of(page, "override_reviewed", "now", "value") == 50);
    assert_true(value_of(page, "denied", "now", "value") == 1);
    json_decref(page);
    page = ask("chief", "report.cockpit", "page", "technical", "7d", 10, 0); /* of the township: one emergency access, one refusal */
    assert_true(value_of(page, "overrides", "now", "value") == 1 && value_of(page, "denied", "now", "value") == 1);
    json_decref(page);
}

/* ---- spans ---- */
static int64_t at(int y, int m, int d, int h)
{
    return date_days(y, m, d) * DAY + h * HOUR - 8 * HOUR;
}

static void spans_are_chinas(void **state)
{
    struct period p;
    int64_t now = at(2026, 3, 31, 7); /* still the 30th in Greenwich */
    assert_true(period_of("yesterday", now, &p));
    assert_true(p.now.from_ms == at(2026, 3, 30, 0) && p.now.to_ms == at(2026, 3, 31, 0) && p.before.from_ms == at(2026, 3, 29, 0));
    assert_true(period_of("7d", now, &p));
    assert_true(p.now.from_ms == at(2026, 3, 25, 0) && p.now.to_ms == now && p.before.from_ms == at(2026, 3, 18, 0) && p.before.to_ms == now - 7 * DAY);
    assert_true(p.trend[10].from_ms == at(2026, 3, 18, 0) && p.trend[10].to_ms == p.trend[11].from_ms && p.trend[11].to_ms == now);
    assert_true(period_of("month", now, &p));
    assert_true(p.now.from_ms == at(2026, 3, 1, 0) && p.before.from_ms == at(2026, 2, 1, 0) && p.before.to_ms == at(2026, 3, 1, 0)); /* February is shorter */
    assert_true(p.trend[0].from_ms == at(2025, 4, 1, 0) && p.trend[0].to_ms == at(2025, 5, 1, 0));
    assert_true(period_of("last_month", at(2026, 1, 5, 12), &p));
    assert_true(p.now.from_ms == at(2025, 12, 1, 0) && p.now.to_ms == at(2026, 1, 1, 0) && p.before.from_ms == at(2025, 11, 1, 0) && p.before.to_ms == at(2025, 12, 1, 0));
    assert_false(period_of("decade", now, &p));
}

static void months_are_chinas(void **state)
{
    struct span now, before;
    char text[PERIOD_MONTH];
    assert_true(period_month("2026-03", &now, &before));
    assert_true(now.from_ms == at(2026, 3, 1, 0) && now.to_ms == at(2026, 4, 1, 0) && before.from_ms == at(2026, 2, 1, 0) && before.to_ms == now.from_ms);
    assert_true(period_month("2026-01", &now, &before));
    assert_true(before.from_ms == at(2025, 12, 1, 0));
    assert_true(period_month("2025-12", &now, &before) && now.to_ms == at(2026, 1, 1, 0));
    static const char *const bad[] = {"2026-13", "2026-00", "2026-1", "", "2026/01", "1-01-01", "2026-011"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(period_month(bad[i], &now, &before));
    period_month_text(at(2026, 1, 1, 3), 1, text); /* still December in Greenwich */
    assert_string_equal(text, "2025-12");
    period_month_text(at(2025, 12, 31, 23), 0, text);
    assert_string_equal(text, "2025-12");
}

/* What a month's report says of its month is what a page said when the month before was asked for. */
static void a_months_report_is_the_pages_numbers(void **state)
{
    static const char *const pages[] = {"dean", "medical", "operations"};
    char month[PERIOD_MONTH];
    size_t s, r, compared = 0;
    json_t *section, *row;
    period_month_text(w.now_ms, 1, month);
    json_t *made = ask("admin", "month.list", "month", month, NULL, 0, 0), *line = json_array_get(json_object_get(made, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(made, "items")), 5); /* drafts came by themselves */
    json_t *report = ask("admin", "month.get", "report_id", json_string_value(json_object_get(line, "id")), NULL, 0, 0);
    json_array_foreach(json_object_get(json_object_get(report, "sheet"), "sections"), s, section)
        json_array_foreach(json_object_get(section, "rows"), r, row)
            for (size_t p = 0; p < 3; p++) {
                json_t *page = ask("admin", "report.cockpit", "page", pages[p], "last_month", 0, 0), *one;
                size_t i;
                json_array_foreach(json_object_get(page, "indicators"), i, one)
                    if (json_equal(json_object_get(one, "id"), json_object_get(row, "id"))) {
                        assert_true(json_equal(json_object_get(one, "now"), json_object_get(row, "now")));
                        assert_true(json_equal(json_object_get(one, "before"), json_object_get(row, "before")));
                        assert_true(json_equal(json_object_get(one, "parts"), json_object_get(row, "parts")));
                        compared++;
                    }
                json_decref(page);
            }
    assert_true(compared >= 20);
    json_decref(report);
    json_decref(made);
}

static void a_rule_judges_by_its_side_and_how_many(void **state)
{
    static const struct { bool above; int64_t limit, least; struct figure f; enum verdict is; } rows[] = {
        {false, 90000, 0, {true, 89.9996, 0, 5}, VERDICT_WELL}, /* as it is shown and stored: in thousandths */
        {false, 90000, 0, {true, 89.999, 0, 5}, VERDICT_BAD},
        {false, 90000, 6, {true, 10, 0, 5}, VERDICT_NOTHING},
        {false, 90000, 5, {true, 10, 0, 5}, VERDICT_BAD},
        {true, 15000, 0, {true, 15, 0, 5}, VERDICT_WELL}, /* the limit itself is well on both sides */
        {true, 15000, 0, {true, 15.1, 0, 5}, VERDICT_BAD},
        {true, 0, 0, {false, 3, 0, 0}, VERDICT_NOTHING},
        {false, 1000, 0, {true, 0, 0, 0}, VERDICT_BAD}, /* a count of nothing is a number */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct alarm_rule rule = {.above = rows[i].above, .limit_milli = rows[i].limit, .least = rows[i].least};
        assert_int_equal(alarm_verdict(&rule, &rows[i].f), rows[i].is);
    }
}

/* ---- the table ---- */
static void a_broken_table_names_the_place(void **state)
{
    static const struct { const char *list; size_t i; const char *member, *json, *said; } bad[] = {
        {"indicators", 0, "measure", "\"moon\"", "indicator 1: \"measure\""}, {"indicators", 2, "figure", "7", "indicator 3: \"figure\""},
        {"indicators", 1, "id", "\"volume\"", "indicator 2: \"id\""}, {"indicators", 4, "target", "140", "indicator 5: \"target\""},
        {"indicators", 4, "denominator", "{\"zh\":\"x\"}", "indicator 5: \"denominator\""}, {"indicators", 0, "counts", "[\"up\"]", "indicator 1: \"counts\""},
        {"indicators", 3, "definition", "null", "indicator 4: \"definition\""}, {"pages", 0, "roles", "[\"king\"]", "page 1: \"roles\""},
        {"pages", 1, "indicators", "[\"none\"]", "page 2: \"indicators\""},
        {"month", 1, "indicators", "[\"none\"]", "month 2: \"indicators\""}, {"month", 0, "indicators", "[]", "month 1: \"indicators\""},
        {"month", 2, "title", "{\"zh\":\"x\"}", "month 3: \"title\""},
        {"pages", 0, "indicators", "[\"volume\",\"volume\",\"volume\",\"volume\",\"volume\",\"volume\",\"volume\",\"volume\",\"volume\"]", "page 1: \"indicators\""}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault f = {0};
        struct indicators *t;
        json_t *file = json_load_file(YL_SOURCE_DIR "/config/kpi.json", 0, NULL);
        json_object_set_new(json_array_get(json_object_get(file, bad[i].list), bad[i].i), bad[i].member, json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
        assert_int_equal(indicators_load(&t, file, records_parts(w.r)->access, &f), ERR_INVALID);
        if (!strstr(f.text, bad[i].said))
            fail_msg("%s, not %s", f.text, bad[i].said);
    }
}

static int open_world(void **state)
{
    struct tx *tx;
    world_open(&w);
    if (tx_begin(records_store(w.r), TX_WRITE, &tx))
        return -1;
    tx_exec(tx, "UPDATE org SET level=CASE WHEN id=30 THEN 'city' WHEN id=20 THEN 'county' ELSE 'township' END WHERE kind='institution'", "");
    for (int i = 0; i < CASES; i++) {
        invent(&cases[i], i, w.now_ms);
        if (past(&cases[i]))
            rows_of(tx, &cases[i]);
        else
            cases[i].id = 0;
    }
    if (tx_commit(tx))
        return -1;
    settle();
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(spans_are_chinas), cmocka_unit_test(months_are_chinas),
                                       cmocka_unit_test(a_rule_judges_by_its_side_and_how_many), cmocka_unit_test(a_broken_table_names_the_place),
                                       cmocka_unit_test(numbers_are_those_of_an_independent_count), cmocka_unit_test(a_months_report_is_the_pages_numbers),
                                       cmocka_unit_test(facts_can_be_made_again),
                                       cmocka_unit_test(what_is_no_case_is_counted_too)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
