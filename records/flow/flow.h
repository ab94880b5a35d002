/* flow - how any workflow runs: one table of rules, one pure step. No I/O, no SQL, no clock of its own; any
 * thread.
 *
 * A workflow is data: states, events, parties, facts, clocks, and rules (from, event, who, need/never facts,
 * checks, to, whom to tell, which clocks, which work). flow_step answers an event with the state it leads to
 * and a list of effects that the shell (records/work) carries out in one transaction; flow_tick answers the
 * passing of time. What a viewer may do now (flow_allowed) is read off the same rules, so the page, the act
 * and the printed document cannot disagree.
 *
 * Rules of the table (held by tests): the first rule that fits wins; a terminal state is only left by nothing
 * - events with FLOW_SAME (addendum) are all that may happen in it; a change of state stops every clock that
 * is not `sticky`; a pausing rule keeps the clocks of the state it leaves and remembers it; FLOW_BACK returns
 * there and resumes them. functions.md 3 (head).
 */
#ifndef YL_RECORDS_FLOW_FLOW_H
#define YL_RECORDS_FLOW_FLOW_H

#include "records/flow/calendar.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLOW_SAME 254      /* `to`: the state stays */
#define FLOW_BACK 255      /* `to`: the state before the pause */
#define FLOW_CLOCKS_MAX 12 /* clocks that run for one case at a time */
#define FLOW_EFFECTS_MAX 40
#define FLOW_LEVELS                                                                                          \
    4 /* escalation: L1 actor, L2 head of department or duty doctor, L3 medical affairs, L4 consortium */

struct flow_label {
    const char *word, *zh, *en;
};

enum flow_state_flags {
    FLOW_TERMINAL = 1,   /* immutable but for FLOW_SAME events */
    FLOW_PRESESSION = 2, /* may expire */
};
struct flow_state {
    struct flow_label label;
    unsigned flags;
    uint8_t holder; /* party (bit number) whose turn it is; 255 = nobody */
};

enum flow_event_flags {
    FLOW_HIDDEN = 1, /* not a button (autosave, system) */
};
struct flow_event {
    struct flow_label label;
    const char *style; /* "primary" "normal" "danger" */
    const char *needs; /* members the act wants, "a,b" */
    unsigned flags;
};

struct flow_clock { /* what a clock means; how long it runs is configuration (struct flow_terms) */
    struct flow_label label;
    uint8_t holder;     /* party reminded at L1; 255 = the state's holder */
    uint8_t on_due;     /* event fired by the system when due; 255 = none: escalate */
    bool sticky;        /* outlives changes of state until a rule stops it */
    bool quiet;         /* not shown as the case's deadline (reminders, housekeeping) */
    bool moment;        /* runs to a given instant (anchor + offset), not for a duration */
    const char *notice; /* notice when due (moments), NULL = none */
};

struct flow_rule {
    uint64_t from; /* states, one bit each */
    uint8_t event;
    uint8_t to;           /* state, FLOW_SAME or FLOW_BACK */
    uint32_t who;         /* parties who may */
    uint32_t need, never; /* facts that must hold, that must not */
    uint32_t check;       /* checks the shell must have passed: they name fields when they fail */
    uint32_t tell;        /* parties told */
    const char *notice;   /* template of the notice; NULL = nobody told */
    const char *act;      /* what the told holder should do (word of the act table), NULL = nothing */
    uint64_t start;       /* clocks started */
    uint64_t stop;        /* sticky clocks stopped */
    uint32_t work;        /* work for the shell: book, release, ... */
    bool pause;           /* entering `to` pauses the running clocks */
};

struct flow_def {
    const char *name;
    struct flow_label title;
    const struct flow_state *states;
    const struct flow_event *events;
    const struct flow_clock *clocks;
    const struct flow_rule *rules;
    const struct flow_label *parties, *facts, *checks, *works;
    uint8_t n_states, n_events, n_clocks, n_rules, n_parties, n_facts, n_checks, n_works;
    uint8_t system_party,
        expire_event; /* party of the daemon; event after the last rung of the ladder, 255 = none */
    uint8_t ladder[FLOW_LEVELS];  /* party told at each level; 255 = the clock's holder */
    struct duration expire_after; /* after the last level */
};

struct flow_terms { /* durations of one clock for one case: chosen by urgency from config/deadlines.json */
    struct duration term;
    struct duration rung[FLOW_LEVELS]; /* after due; rung[0] is normally 0 */
};

struct flow_run { /* a clock that runs */
    uint8_t clock;
    uint8_t level; /* escalation reached: 0..4; 5 = expired event sent */
    int64_t started_ms, due_ms;
    int64_t next_ms;   /* when flow_tick has something to do; INT64_MAX = never or paused */
    int64_t paused_ms; /* 0 = runs */
    int64_t left_ms;   /* while paused: what was left, >= 0, in the clock's own kind of time */
};

struct flow_case {       /* the part of a case the engine knows */
    uint8_t state, back; /* back: state before a pause */
    uint8_t n_runs;
    struct flow_run runs[FLOW_CLOCKS_MAX];
};

struct flow_ask {
    uint8_t event;
    uint32_t parties; /* what the asker is in this case */
    uint32_t facts;
    uint32_t passed; /* checks passed */
    int64_t now_ms;
    int64_t anchor_ms; /* of moment clocks: the session's start */
    const struct calendar *calendar;
    const struct flow_terms *terms; /* by clock */
};

enum flow_effect_kind { FLOW_TELL, FLOW_WORK, FLOW_FIRE, FLOW_ESCALATE, FLOW_REMIND };
struct flow_effect {
    enum flow_effect_kind kind;
    uint8_t party; /* TELL, ESCALATE, REMIND */
    uint8_t what;  /* WORK: bit number; FIRE: event; ESCALATE: level 1..4 */
    uint8_t clock; /* FIRE, ESCALATE, REMIND */
    const char *notice, *act;
};
struct flow_effects {
    const struct flow_rule *rule;
    uint8_t from, to;
    size_t n;
    struct flow_effect list[FLOW_EFFECTS_MAX];
};

enum flow_refusal {
    FLOW_OK,
    FLOW_NOT_NOW /* no rule from this state */,
    FLOW_NOT_YOURS /* rule, but not for you */,
    FLOW_FACT /* rule for you, but a fact stands against it */,
    FLOW_UNCHECKED
};

/* The rule that would answer, or NULL with *why. Checks are not looked at. */
const struct flow_rule *flow_find(const struct flow_def *def, const struct flow_case *c, uint8_t event,
                                  uint32_t parties, uint32_t facts, enum flow_refusal *why);
/* Changes *c and fills *out; on a refusal neither is touched. */
enum flow_refusal flow_step(const struct flow_def *def, struct flow_case *c, const struct flow_ask *ask,
                            struct flow_effects *out);
/* Events with a rule for this asker now, in the order of the event table, without hidden ones unless asked
 * for. */
size_t flow_allowed(const struct flow_def *def, const struct flow_case *c, uint32_t parties, uint32_t facts,
                    uint8_t out[], size_t cap);
/* Everything that is due at now_ms: escalations, reminders, events to fire. Moves the clocks on; call
 * flow_step for FIRE. */
void flow_tick(const struct flow_def *def, struct flow_case *c, const struct flow_ask *now,
               struct flow_effects *out);
/* Earliest next_ms; INT64_MAX when nothing runs. */
int64_t flow_next_ms(const struct flow_case *c);
/* The clock shown to people: running or paused, not quiet, earliest due. NULL when none. */
const struct flow_run *flow_shown(const struct flow_def *def, const struct flow_case *c);
void flow_start_clock(const struct flow_def *def, struct flow_case *c, uint8_t clock,
                      const struct flow_ask *ask);
void flow_stop_clock(struct flow_case *c, uint8_t clock);

int flow_state_find(const struct flow_def *def, const char *word); /* index or -1 */
int flow_event_find(const struct flow_def *def, const char *word);
int flow_clock_find(const struct flow_def *def, const char *word);

/* Markdown of the whole workflow in Chinese and English, for docs/workflows; terms[routine, urgent,
 * emergency][clock]. malloc'd; NULL when out of memory. */
char *flow_print(const struct flow_def *def, const struct flow_terms *const terms[3]);
#endif
