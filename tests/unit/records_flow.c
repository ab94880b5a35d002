/* The engine, and the consultation's table run through it: properties that hold for every sequence of events.
 */
#include "records/flow/flow.h"
#include "records/report/month.h"
#include "records/research/research.h"
#include "records/work/consult_flow.h"
#include "records/work/work_parts.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define START INT64_C(1795395600000)
#define MIN INT64_C(60000)
#define ALL UINT32_C(0xFFFFFFFF)
static const struct flow_def *const def = &consult_flow;
static struct flow_terms terms[3][K_COUNT];
static struct calendar calendar;

static int load(void **state)
{
    json_error_t e;
    json_t *deadlines = json_load_file(YL_SOURCE_DIR "/config/deadlines.json", 0, &e);
    static const char *const words[] = {"routine", "urgent", "emergency"};
    assert_non_null(deadlines);
    for (int u = 0; u < 3; u++)
        assert_int_equal(work_default_terms(deadlines, words[u], terms[u]), 0);
    json_decref(deadlines);
    calendar_default(&calendar);
    return 0;
}

static struct flow_ask ask(uint8_t event, uint32_t parties, uint32_t facts, int64_t now_ms)
{
    return (struct flow_ask){.event = event,
                             .parties = parties,
                             .facts = facts,
                             .passed = ALL,
                             .now_ms = now_ms,
                             .anchor_ms = now_ms + 48 * 60 * MIN,
                             .calendar = &calendar,
                             .terms = terms[0]};
}

static void step_ok(struct flow_case *c, uint8_t event, uint8_t party, uint32_t facts, int64_t now_ms,
                    uint8_t state)
{
    struct flow_effects fx;
    struct flow_ask a = ask(event, CONSULT_BIT(party), facts, now_ms);
    assert_int_equal(flow_step(def, c, &a, &fx), FLOW_OK);
    assert_int_equal(c->state, state);
}

static bool in_graph(const struct flow_case *before, const struct flow_case *after, const struct flow_rule *r)
{
    uint8_t to = r->to == FLOW_SAME ? before->state : r->to == FLOW_BACK ? before->back : r->to;
    return (r->from >> before->state & 1) && after->state == to && to < def->n_states;
}

static void check_clocks(const struct flow_case *c, int64_t now_ms)
{
    assert_true(c->n_runs < FLOW_CLOCKS_MAX);
    for (uint8_t i = 0; i < c->n_runs; i++) {
        const struct flow_run *r = &c->runs[i];
        assert_true(r->clock < def->n_clocks);
        assert_true(r->left_ms >= 0);
        assert_true(r->started_ms <= now_ms);
        assert_true(r->level <= FLOW_LEVELS + 1);
        assert_int_equal(r->paused_ms != 0, r->next_ms == INT64_MAX && r->paused_ms != 0);
        for (uint8_t k = 0; k < i; k++)
            assert_int_not_equal(c->runs[k].clock, r->clock);
    }
}

/* A hundred thousand random people do random things at random times. */
static void random_walks_never_leave_the_graph(void **state)
{
    srand(20261124);
    for (int walk = 0; walk < 3000; walk++) {
        struct flow_case c = {.state = S_DRAFT};
        int64_t now = START;
        const struct flow_terms *own = terms[rand() % 3];
        for (int i = 0; i < 60; i++) {
            struct flow_case before;
            struct flow_effects fx;
            now += (int64_t)(rand() % 5000) * MIN / (1 + rand() % 50);
            struct flow_ask a = ask((uint8_t)(rand() % E_COUNT), 1u << (rand() % P_COUNT),
                                    (uint32_t)rand() & ((1u << F_COUNT) - 1), now);
            a.terms = own;
            flow_tick(def, &c, &a, &fx);
            check_clocks(&c, now);
            before = c;
            enum flow_refusal why = flow_step(def, &c, &a, &fx);
            if (why) {
                assert_memory_equal(&before, &c, sizeof c); /* a refusal changes nothing */
                continue;
            }
            assert_true(in_graph(&before, &c, fx.rule));
            if (def->states[before.state].flags & FLOW_TERMINAL)
                assert_int_equal(c.state, before.state);
            if (def->states[c.state].flags & FLOW_TERMINAL && c.state != before.state)
                assert_int_equal(c.n_runs, 0);
            check_clocks(&c, now);
        }
    }
}

static void a_terminal_state_offers_only_the_addendum(void **state)
{
    for (uint8_t s = 0; s < def->n_states; s++) {
        struct flow_case c = {.state = s};
        if (!(def->states[s].flags & FLOW_TERMINAL))
            continue;
        for (uint8_t e = 0; e < def->n_events; e++)
            for (uint8_t p = 0; p < def->n_parties; p++)
                for (uint32_t f = 0; f < 1u << F_COUNT; f += 37) {
                    enum flow_refusal why;
                    const struct flow_rule *r = flow_find(def, &c, e, 1u << p, f, &why);
                    if (r) {
                        assert_int_equal(e, E_ADDENDUM);
                        assert_int_equal(r->to, FLOW_SAME);
                        assert_int_equal(s, S_CLOSED);
                    }
                }
    }
}

static void every_state_can_be_reached_and_left(void **state)
{
    uint64_t reached = 1u << S_DRAFT, before = 0;
    while (before != reached) {
        before = reached;
        for (uint8_t i = 0; i < def->n_rules; i++)
            if ((def->rules[i].from & reached) && def->rules[i].to < def->n_states)
                reached |= UINT64_C(1) << def->rules[i].to;
    }
    for (uint8_t s = 0; s < def->n_states; s++) {
        bool out = def->states[s].flags & FLOW_TERMINAL;
        for (uint8_t i = 0; i < def->n_rules; i++)
            out = out || ((def->rules[i].from >> s & 1) && def->rules[i].to != FLOW_SAME);
        assert_true(reached >> s & 1);
        assert_true(out);
    }
}

static void the_table_is_well_formed(void **state)
{
    for (uint8_t i = 0; i < def->n_rules; i++) {
        const struct flow_rule *r = &def->rules[i];
        assert_true(r->from && r->who && r->event < def->n_events);
        assert_false(r->need & r->never);
        assert_true(r->to < def->n_states || r->to == FLOW_SAME || r->to == FLOW_BACK);
        assert_false(r->start & r->stop);
        if (r->to == FLOW_BACK)
            assert_int_equal(r->from, UINT64_C(1) << S_NEED_MATERIAL);
    }
    for (uint8_t e = 0; e < def->n_events; e++) {
        bool used = false;
        for (uint8_t i = 0; i < def->n_rules; i++)
            used = used || def->rules[i].event == e;
        assert_true(used);
        assert_non_null(def->events[e].label.zh);
    }
    for (uint8_t k = 0; k < def->n_clocks; k++) {
        bool started = k == K_DRAFT;
        for (uint8_t i = 0; i < def->n_rules; i++)
            started = started || (def->rules[i].start >> k & 1);
        assert_true(started);
    }
}

static void nobody_decides_on_his_own_request(void **state)
{
    static const uint8_t decisions[] = {E_APPROVE_HOME, E_RETURN,       E_TRIAGE,     E_ASSIGN,
                                        E_DECLINE,      E_SIGN_OPINION, E_POST_REVIEW};
    for (uint8_t s = 0; s < def->n_states; s++)
        for (size_t i = 0; i < sizeof decisions; i++) {
            struct flow_case c = {.state = s};
            enum flow_refusal why;
            assert_null(flow_find(def, &c, decisions[i], CONSULT_BIT(P_APPLICANT), ALL, &why));
        }
}

static void unchecked_acts_do_not_pass(void **state)
{
    struct flow_case c = {.state = S_DRAFT};
    struct flow_effects fx;
    struct flow_ask a = ask(E_SUBMIT, CONSULT_BIT(P_APPLICANT), 0, START);
    a.passed = 0;
    assert_int_equal(flow_step(def, &c, &a, &fx), FLOW_UNCHECKED);
    assert_int_equal(c.state, S_DRAFT);
    a.parties = CONSULT_BIT(P_EXPERT);
    assert_int_equal(flow_step(def, &c, &a, &fx), FLOW_NOT_YOURS);
    a.event = E_SIGN_OPINION;
    assert_int_equal(flow_step(def, &c, &a, &fx), FLOW_NOT_NOW);
}

static void the_ladder_climbs_once_each_and_expires(void **state)
{
    struct flow_case c = {.state = S_DRAFT};
    static const uint8_t parties[] = {P_HOME, P_HEAD, P_OFFICE, P_ADMIN};
    int level = 0;
    step_ok(&c, E_SUBMIT, P_APPLICANT, 0, START, S_SUBMITTED);
    for (int i = 0; i < 10; i++) {
        struct flow_effects fx;
        if (flow_next_ms(&c) == INT64_MAX)
            break;
        struct flow_ask a = ask(0, 0, 0, flow_next_ms(&c));
        flow_tick(def, &c, &a, &fx);
        assert_int_equal(fx.n, 1);
        if (level < 4) {
            assert_int_equal(fx.list[0].kind, FLOW_ESCALATE);
            assert_int_equal(fx.list[0].what, level + 1);
            assert_int_equal(fx.list[0].party, parties[level]);
        } else {
            assert_int_equal(fx.list[0].kind, FLOW_FIRE);
            assert_int_equal(fx.list[0].what, E_EXPIRE);
        }
        level++;
    }
    assert_int_equal(level, 5);
}

static void a_late_daemon_tells_every_rung_in_order(void **state)
{
    struct flow_case c = {.state = S_DRAFT};
    struct flow_effects fx;
    step_ok(&c, E_SUBMIT, P_APPLICANT, 0, START, S_SUBMITTED);
    struct flow_ask a = ask(0, 0, 0, START + 5 * 24 * 60 * MIN);
    flow_tick(def, &c, &a, &fx);
    assert_int_equal(fx.n, 4);
    for (uint8_t i = 0; i < 4; i++)
        assert_int_equal(fx.list[i].what, i + 1);
    flow_tick(def, &c, &a, &fx);
    assert_int_equal(fx.n, 0);
}

static void a_pause_gives_back_exactly_what_was_left(void **state)
{
    struct flow_case c = {.state = S_APPROVED_HOME};
    step_ok(&c, E_TRIAGE, P_DISPATCH, 0, START, S_TRIAGED); /* 4 working hours to assign: 15:00 */
    assert_int_equal(c.runs[0].due_ms, START + 6 * 60 * MIN);
    step_ok(&c, E_NEED_MATERIAL, P_DISPATCH, 0, START + 60 * MIN, S_NEED_MATERIAL);
    assert_int_equal(c.n_runs, 2);
    assert_int_equal(c.runs[0].left_ms, 180 * MIN);
    assert_int_equal(c.runs[0].next_ms, INT64_MAX);
    step_ok(&c, E_SUPPLY_MATERIAL, P_APPLICANT, 0, START + 24 * 60 * MIN, S_TRIAGED);
    assert_int_equal(c.n_runs, 1);
    assert_int_equal(c.runs[0].due_ms, START + (24 * 60 + 180) * MIN);
    assert_int_equal(c.runs[0].left_ms, 0);
}

static void allowed_is_what_step_would_do(void **state)
{
    srand(3);
    for (int i = 0; i < 20000; i++) {
        struct flow_case c = {.state = (uint8_t)(rand() % S_COUNT), .back = S_TRIAGED};
        uint32_t parties = 1u << (rand() % P_COUNT), facts = (uint32_t)rand() & ((1u << F_COUNT) - 1);
        uint8_t events[E_COUNT];
        size_t n = flow_allowed(def, &c, parties, facts, events, E_COUNT);
        for (uint8_t e = 0; e < E_COUNT; e++) {
            bool listed = false;
            struct flow_case copy = c;
            struct flow_effects fx;
            struct flow_ask a = ask(e, parties, facts, START);
            for (size_t k = 0; k < n; k++)
                listed = listed || events[k] == e;
            bool works = flow_step(def, &copy, &a, &fx) == FLOW_OK;
            if (!(def->events[e].flags & FLOW_HIDDEN))
                assert_int_equal(listed, works);
            else
                assert_false(listed);
        }
    }
}

/* docs/workflows/NAME.md is what the table says; WORKFLOW_WRITE=1 prints it anew. */
static void document_is(const struct flow_def *of, const struct flow_terms *const three[3])
{
    char *text = flow_print(of, three), *held = calloc(1, 1 << 20), path[300];
    snprintf(path, sizeof path, "%s/docs/workflows/%s.md", YL_SOURCE_DIR, of->name);
    assert_non_null(text);
    if (getenv("WORKFLOW_WRITE")) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        fputs(text, f);
        fclose(f);
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    held[fread(held, 1, (1 << 20) - 1, f)] = 0;
    fclose(f);
    assert_string_equal(held, text);
    free(held);
    free(text);
}

static void the_document_is_the_table(void **state)
{
    const struct flow_terms *const three[3] = {terms[0], terms[1], terms[2]};
    document_is(def, three);
}

static void the_research_document_is_the_table(void **state)
{
    static const struct flow_terms no_clocks[1];
    const struct flow_terms *const three[3] = {no_clocks, no_clocks, no_clocks};
    document_is(&research_flow, three);
}

static void the_month_document_is_the_table(void **state)
{
    static const struct flow_terms no_clocks[1];
    const struct flow_terms *const three[3] = {no_clocks, no_clocks, no_clocks};
    document_is(&month_flow, three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_walks_never_leave_the_graph),
                                       cmocka_unit_test(a_terminal_state_offers_only_the_addendum),
                                       cmocka_unit_test(every_state_can_be_reached_and_left),
                                       cmocka_unit_test(the_table_is_well_formed),
                                       cmocka_unit_test(nobody_decides_on_his_own_request),
                                       cmocka_unit_test(unchecked_acts_do_not_pass),
                                       cmocka_unit_test(the_ladder_climbs_once_each_and_expires),
                                       cmocka_unit_test(a_late_daemon_tells_every_rung_in_order),
                                       cmocka_unit_test(a_pause_gives_back_exactly_what_was_left),
                                       cmocka_unit_test(allowed_is_what_step_would_do),
                                       cmocka_unit_test(the_document_is_the_table), cmocka_unit_test(the_research_document_is_the_table),
                                       cmocka_unit_test(the_month_document_is_the_table)};
    return cmocka_run_group_tests(tests, load, NULL);
}
