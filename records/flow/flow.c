#include "records/flow/flow.h"
#include <string.h>

static bool fits(const struct flow_rule *r, uint32_t facts)
{
    return (facts & r->need) == r->need && !(facts & r->never);
}

const struct flow_rule *flow_find(const struct flow_def *def, const struct flow_case *c, uint8_t event,
                                  uint32_t parties, uint32_t facts, enum flow_refusal *why)
{
    enum flow_refusal refusal = FLOW_NOT_NOW;
    for (size_t i = 0; i < def->n_rules; i++) {
        const struct flow_rule *r = &def->rules[i];
        if (r->event != event || !(r->from >> c->state & 1))
            continue;
        if (!(r->who & parties)) {
            refusal = refusal == FLOW_NOT_NOW ? FLOW_NOT_YOURS : refusal;
        } else if (!fits(r, facts)) {
            refusal = FLOW_FACT;
        } else {
            *why = FLOW_OK;
            return r;
        }
    }
    *why = refusal;
    return NULL;
}

static bool wall(struct duration d)
{
    return d.unit != UNIT_WORK_HOUR && d.unit != UNIT_WORK_DAY;
}

/* When level `level` + 1 of the ladder comes, or the end of it. */
static int64_t rung_at(const struct flow_def *def, const struct flow_run *run, const struct flow_ask *ask)
{
    if (run->level < FLOW_LEVELS)
        return calendar_add(ask->calendar, run->due_ms, ask->terms[run->clock].rung[run->level]);
    if (run->level == FLOW_LEVELS && def->expire_event != 255) {
        int64_t top = calendar_add(ask->calendar, run->due_ms, ask->terms[run->clock].rung[FLOW_LEVELS - 1]);
        return calendar_add(ask->calendar, top, def->expire_after);
    }
    return INT64_MAX;
}

void flow_stop_clock(struct flow_case *c, uint8_t clock)
{
    for (uint8_t i = 0; i < c->n_runs; i++)
        if (c->runs[i].clock == clock) {
            memmove(&c->runs[i], &c->runs[i + 1], (size_t)(c->n_runs - i - 1) * sizeof *c->runs);
            c->n_runs--;
            return;
        }
}

void flow_start_clock(const struct flow_def *def, struct flow_case *c, uint8_t clock,
                      const struct flow_ask *ask)
{
    const struct flow_clock *k = &def->clocks[clock];
    struct duration term = ask->terms[clock].term;
    if (k->sticky && !k->moment)
        for (uint8_t i = 0; i < c->n_runs; i++)
            if (c->runs[i].clock == clock)
                return; /* a promise made once goes on when another person takes over */
    flow_stop_clock(c, clock);
    if (c->n_runs == FLOW_CLOCKS_MAX)
        return; /* a test holds that no path starts this many */
    struct flow_run run = {.clock = clock, .started_ms = ask->now_ms};
    if (k->moment) {
        /* before the session for reminders (negative amounts), after it for lateness */
        run.due_ms = calendar_add(ask->calendar, ask->anchor_ms, term);
        if (run.due_ms <= ask->now_ms && k->notice)
            return; /* booked later than this reminder would have come */
    } else {
        run.due_ms = calendar_add(ask->calendar, ask->now_ms, term);
    }
    run.next_ms = run.due_ms;
    c->runs[c->n_runs++] = run;
}

static void pause_clocks(struct flow_case *c, const struct flow_ask *ask)
{
    for (uint8_t i = 0; i < c->n_runs; i++) {
        struct flow_run *r = &c->runs[i];
        if (r->paused_ms)
            continue;
        int64_t left = wall(ask->terms[r->clock].term)
                           ? r->due_ms - ask->now_ms
                           : calendar_work_between(ask->calendar, ask->now_ms, r->due_ms);
        r->left_ms = left > 0 ? left : 0;
        r->paused_ms = ask->now_ms;
        r->next_ms = INT64_MAX;
    }
}

static void resume_clocks(const struct flow_def *def, struct flow_case *c, const struct flow_ask *ask)
{
    for (uint8_t i = 0; i < c->n_runs; i++) {
        struct flow_run *r = &c->runs[i];
        if (!r->paused_ms)
            continue;
        if (r->left_ms > 0) /* one that was overdue before the pause stays due when it was */
            r->due_ms = wall(ask->terms[r->clock].term)
                            ? ask->now_ms + r->left_ms
                            : calendar_add_work_ms(ask->calendar, ask->now_ms, r->left_ms);
        r->paused_ms = r->left_ms = 0;
        r->next_ms = r->level ? rung_at(def, r, ask) : r->due_ms;
    }
}

static void leave(const struct flow_def *def, struct flow_case *c, bool everything)
{
    uint8_t n = 0;
    for (uint8_t i = 0; i < c->n_runs; i++)
        if (!everything && def->clocks[c->runs[i].clock].sticky)
            c->runs[n++] = c->runs[i];
    c->n_runs = n;
}

/* The paused state's own clocks (started after the pause) end with it. */
static void leave_pause(const struct flow_def *def, struct flow_case *c)
{
    uint8_t n = 0;
    for (uint8_t i = 0; i < c->n_runs; i++)
        if (c->runs[i].paused_ms || def->clocks[c->runs[i].clock].sticky)
            c->runs[n++] = c->runs[i];
    c->n_runs = n;
}

static void add(struct flow_effects *out, struct flow_effect e)
{
    if (out->n < FLOW_EFFECTS_MAX)
        out->list[out->n++] = e;
}

static void move_clocks(const struct flow_def *def, struct flow_case *c, const struct flow_rule *r,
                        const struct flow_ask *ask, uint8_t to)
{
    if (r->pause)
        pause_clocks(c, ask);
    else if (r->to == FLOW_BACK)
        leave_pause(def, c), resume_clocks(def, c, ask);
    else if (r->to != FLOW_SAME)
        leave(def, c, def->states[to].flags & FLOW_TERMINAL);
    for (uint8_t k = 0; k < def->n_clocks; k++) {
        if (r->stop >> k & 1)
            flow_stop_clock(c, k);
        if (r->start >> k & 1)
            flow_start_clock(def, c, k, ask);
    }
}

enum flow_refusal flow_step(const struct flow_def *def, struct flow_case *c, const struct flow_ask *ask,
                            struct flow_effects *out)
{
    enum flow_refusal why;
    const struct flow_rule *r = flow_find(def, c, ask->event, ask->parties, ask->facts, &why);
    if (!r)
        return why;
    if ((ask->passed & r->check) != r->check)
        return FLOW_UNCHECKED;
    uint8_t to = r->to == FLOW_SAME ? c->state : r->to == FLOW_BACK ? c->back : r->to;
    *out = (struct flow_effects){.rule = r, .from = c->state, .to = to};
    move_clocks(def, c, r, ask, to);
    if (r->pause)
        c->back = c->state;
    c->state = to;
    for (uint8_t w = 0; w < def->n_works; w++)
        if (r->work >> w & 1)
            add(out, (struct flow_effect){.kind = FLOW_WORK, .what = w});
    for (uint8_t p = 0; r->notice && p < def->n_parties; p++)
        if (r->tell >> p & 1)
            add(out, (struct flow_effect){.kind = FLOW_TELL,
                                          .party = p,
                                          .notice = r->notice,
                                          .act = p == def->states[to].holder ? r->act : NULL});
    return FLOW_OK;
}

size_t flow_allowed(const struct flow_def *def, const struct flow_case *c, uint32_t parties, uint32_t facts,
                    uint8_t out[], size_t cap)
{
    size_t n = 0;
    enum flow_refusal why;
    for (uint8_t e = 0; e < def->n_events && n < cap; e++)
        if (!(def->events[e].flags & FLOW_HIDDEN) && flow_find(def, c, e, parties, facts, &why))
            out[n++] = e;
    return n;
}

static void escalate(const struct flow_def *def, struct flow_case *c, struct flow_run *run,
                     const struct flow_ask *now, struct flow_effects *out)
{
    if (run->level == FLOW_LEVELS) { /* nobody moved for long after the last rung */
        run->level++;
        run->next_ms = INT64_MAX;
        if (def->states[c->state].flags & FLOW_PRESESSION)
            add(out, (struct flow_effect){.kind = FLOW_FIRE, .what = def->expire_event, .clock = run->clock});
        return;
    }
    uint8_t party = def->ladder[run->level];
    if (party == 255)
        party = def->clocks[run->clock].holder == 255 ? def->states[c->state].holder
                                                      : def->clocks[run->clock].holder;
    run->level++;
    add(out, (struct flow_effect){.kind = FLOW_ESCALATE,
                                  .party = party,
                                  .what = run->level,
                                  .clock = run->clock,
                                  .notice = run->level == 1 ? "case.overdue" : "case.escalated"});
    run->next_ms = rung_at(def, run, now);
}

void flow_tick(const struct flow_def *def, struct flow_case *c, const struct flow_ask *now,
               struct flow_effects *out)
{
    *out = (struct flow_effects){.from = c->state, .to = c->state};
    for (uint8_t i = 0; i < c->n_runs; i++) {
        struct flow_run *run = &c->runs[i];
        const struct flow_clock *k = &def->clocks[run->clock];
        /* every rung that was passed while the daemon was down is told once, in order */
        while (run->next_ms <= now->now_ms && out->n + 2 < FLOW_EFFECTS_MAX) {
            if (k->on_due != 255 && run->level == 0) {
                run->level = 1;
                run->next_ms = rung_at(def, run, now); /* the ladder goes on if the event is refused */
                if (k->moment)
                    run->next_ms = INT64_MAX;
                add(out, (struct flow_effect){.kind = FLOW_FIRE, .what = k->on_due, .clock = run->clock});
            } else if (k->moment) {
                run->next_ms = INT64_MAX;
                add(out,
                    (struct flow_effect){
                        .kind = FLOW_REMIND, .party = k->holder, .clock = run->clock, .notice = k->notice});
            } else {
                escalate(def, c, run, now, out);
            }
        }
    }
}

int64_t flow_next_ms(const struct flow_case *c)
{
    int64_t next = INT64_MAX;
    for (uint8_t i = 0; i < c->n_runs; i++)
        next = c->runs[i].next_ms < next ? c->runs[i].next_ms : next;
    return next;
}

const struct flow_run *flow_shown(const struct flow_def *def, const struct flow_case *c)
{
    const struct flow_run *best = NULL;
    for (uint8_t i = 0; i < c->n_runs; i++) {
        const struct flow_run *r = &c->runs[i];
        if (def->clocks[r->clock].quiet)
            continue;
        if (!best || (best->paused_ms && !r->paused_ms) ||
            (!best->paused_ms == !r->paused_ms && r->due_ms < best->due_ms))
            best = r;
    }
    return best;
}

int flow_state_find(const struct flow_def *def, const char *word)
{
    for (int i = 0; i < def->n_states; i++)
        if (strcmp(def->states[i].label.word, word) == 0)
            return i;
    return -1;
}

int flow_event_find(const struct flow_def *def, const char *word)
{
    for (int i = 0; i < def->n_events; i++)
        if (strcmp(def->events[i].label.word, word) == 0)
            return i;
    return -1;
}

int flow_clock_find(const struct flow_def *def, const char *word)
{
    for (int i = 0; i < def->n_clocks; i++)
        if (strcmp(def->clocks[i].label.word, word) == 0)
            return i;
    return -1;
}
