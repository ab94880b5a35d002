/* consult - one consultation case in memory, its rows, and what a person is in it. Internal to records/work.
 *
 * consult_load reads a case, acts change the structure, consult_save writes it back with the next version:
 * all in the operation's transaction. Nothing here decides what is allowed: that is consult_flow through
 * records/flow.
 */
#ifndef YL_RECORDS_WORK_CONSULT_H
#define YL_RECORDS_WORK_CONSULT_H

#include "records/work/policy.h"
#include "records/form/form.h"
#include "records/ops/op.h"
#include "records/work/consult_flow.h"
#include "records/work/staff.h"

#define CONSULT_TEAM_MAX 16
#define CONSULT_RESCHEDULES 2              /* free changes of the time */
#define CONSULT_ACCESS_MS (7 * 86400000ll) /* experts read a closed case this long */
#define CONSULT_ROOM_EARLY_MS (15 * 60000)

enum consult_part { PART_EXPERT, PART_CHAIR, PART_SECRETARY, PART_MEMBER };
enum consult_member_state {
    MEMBER_ASKED,
    MEMBER_ACCEPTED,
    MEMBER_SIGNED,
    MEMBER_DECLINED,
    MEMBER_SILENT,
    MEMBER_REPLACED
};
struct consult_member {
    struct person_id person;
    enum consult_part part;
    enum consult_member_state state;
    int64_t asked_ms, signed_ms;
};

struct consult {
    struct case_id id;
    char number[24];
    char kind[16], scope[16], template_[24], urgency[16];
    struct patient_id patient;
    struct person_id applicant, wanted_expert;
    struct org_id home_org, home_dept, target_org, target_dept;
    int64_t version, created_ms, changed_ms, submitted_ms, reached_ms /* the target first saw it */,
        signed_ms, closed_ms;
    int64_t start_ms, end_ms; /* booked session */
    uint64_t slot, meeting_room;
    int reschedules;
    bool offline_gear;   /* an interactive case that went on offline */
    bool review_open;    /* emergency: home review still to be done */
    bool expert_present; /* an expert was seen in the room */
    bool room_open;
    struct case_id previous, merged_into;
    json_t *form;   /* owned */
    char *adoption; /* JSON text or NULL; owned */
    struct flow_case flow;
    struct consult_member team[CONSULT_TEAM_MAX];
    size_t n_team;
};

/* ---- rows (consult_store.c) ---- */
/* 0 with *out (consult_clear it), ERR_NOT_FOUND with the fault filled, or the store's error. */
YL_CHECKED int consult_load(struct op_ctx *ctx, struct case_id id, struct consult *out);
/* The same without its texts: the form is empty. For lists, which need no sealed value opened and should not fail at a damaged one. Not to be saved. */
YL_CHECKED int consult_load_head(struct op_ctx *ctx, struct case_id id, struct consult *out);
void consult_clear(struct consult *c);
YL_CHECKED int consult_insert(struct op_ctx *ctx, struct consult *c);
/* Next version, derived columns (holder, due, next_ms), clocks and team; feeds "case". */
YL_CHECKED int consult_save(struct op_ctx *ctx, struct consult *c);
/* The same without a next version: what happened makes no page stale (a reminder, somebody's own draft). */
YL_CHECKED int consult_save_quiet(struct op_ctx *ctx, struct consult *c);
YL_CHECKED int consult_next_number(struct op_ctx *ctx, char out[24]);
struct consult_note { /* one line of the timeline */
    const char *event, *role, *reason;
    uint8_t from, to;
    const json_t *payload; /* hashed into the line, not stored; may be NULL */
};
YL_CHECKED int consult_note(struct op_ctx *ctx, const struct consult *c, const struct consult_note *note);

/* ---- who (consult_who.c) ---- */
uint32_t consult_parties(struct op_ctx *ctx, const struct consult *c); /* of ctx->actor */
bool override_active(struct op_ctx *ctx, struct case_id id); /* emergency access of the actor (override.c) */
bool override_possible(struct op_ctx *ctx, const struct consult *c); /* the actor could take it: a doctor of one of the two houses */
bool consult_may_read(struct op_ctx *ctx, const struct consult *c, uint32_t parties);
/* The requester's side reads no opinion before it is signed. */
bool consult_sees_opinion(const struct consult *c, uint32_t parties);
uint32_t consult_facts(struct op_ctx *ctx, const struct consult *c, uint32_t parties);
/* People behind a party, for notices; n written. */
size_t consult_people(struct op_ctx *ctx, const struct consult *c, enum consult_party party,
                      struct person_id out[], size_t cap);
const char *consult_party_word(uint32_t parties); /* the most telling one, for the timeline */
const struct consult_member *consult_member(const struct consult *c, struct person_id person);
struct consult_member *consult_member_active(struct consult *c,
                                             struct person_id person); /* NULL when not on the team now */
struct person_id consult_lead(const struct consult *c); /* expert or chair on the team now; .v 0 = none */
struct org_id consult_holder_org(const struct consult *c, uint8_t party);

/* ---- time (consult_terms.c) ---- */
/* Durations for this case; from policies over config/deadlines.json. */
YL_CHECKED int consult_terms(struct op_ctx *ctx, const char *urgency, struct flow_terms out[K_COUNT]);
/* Calendar and terms for the side that holds the case in `state`. */
struct consult_time {
    struct calendar calendar;
    struct flow_terms terms[K_COUNT];
};
YL_CHECKED int consult_time(struct op_ctx *ctx, const struct consult *c, uint8_t state,
                            struct consult_time *out);

/* ---- running an event (consult_run.c) ---- */
struct consult_act {
    struct op_ctx *ctx;
    json_t *args;
    struct consult *c;
    enum consult_event event;
    uint32_t parties, facts, passed;
    const char *reason; /* for the timeline */
    int64_t anchor_ms;
};
/* Steps the engine and carries out its effects: timeline, clocks, work, notices, save. */
YL_CHECKED int consult_run(struct consult_act *a);
/* What the act's arguments must be and what they change in the case (consult_acts*.c). */
YL_CHECKED int consult_prepare(struct consult_act *a);
YL_CHECKED int consult_prepare_opinion(struct consult_act *a);
YL_CHECKED int consult_prepare_session(struct consult_act *a);
YL_CHECKED int consult_prepare_team(struct consult_act *a);
YL_CHECKED int consult_prepare_after(struct consult_act *a);
/* Minutes of a team (consult_minutes.c): kept as written; put into the chair's conclusion, which names them when they are missing; gone
 * with it. */
YL_CHECKED int consult_prepare_minutes(struct consult_act *a);
YL_CHECKED int consult_minutes_seal(struct consult_act *a, json_t *body);
YL_CHECKED int consult_minutes_drop(struct consult_act *a);
/* Code (one of `codes`, by bars), reason and suggestion of a refusing act: checked, kept, seen as `refusals`. */
YL_CHECKED int consult_prepare_refusal(struct consult_act *a, const char *codes);
/* System event on a loaded case; ERR_NOT_ALLOWED_NOW when the state does not offer it. */
bool consult_has_next_expert(struct op_ctx *ctx, struct consult *c);
YL_CHECKED int consult_fire(struct op_ctx *ctx, struct consult *c, enum consult_event event);
YL_CHECKED int consult_tell(struct op_ctx *ctx, const struct consult *c, uint8_t party, const char *notice,
                            const char *act);
YL_CHECKED int consult_refuse(struct op_ctx *ctx, const struct consult *c, enum flow_refusal why);

/* ---- forms of a case ---- */
struct form_context consult_form_context(const struct consult *c);
json_t *consult_completeness(struct op_ctx *ctx, const struct consult *c);
YL_CHECKED int consult_check_qualified(struct consult_act *a, struct person_id person, const char *path);

/* ---- what a viewer gets (consult_view.c) ---- */
json_t *consult_view(struct op_ctx *ctx, struct consult *c, uint32_t parties);

int64_t consult_room_opens(const struct consult *c); /* by its clock, once booked; 0 = not booked (consult_tick.c) */

/* ---- booking (slots.c) ---- */
YL_CHECKED int booking_take(struct consult_act *a);
YL_CHECKED int booking_release(struct op_ctx *ctx, struct consult *c, const char *slot_state);
#endif
