/* consultation - what other modules may ask about a consultation case: who sees it, who may sit in its room,
 * and the news of its room. Everything else goes through the operations "case.*" (consult_ops).
 *
 * All functions run inside an operation's transaction (struct op_ctx), on its thread. Visibility follows
 * functions.md 4.2: a case is seen by its applicant, the home medical affairs, the target's dispatchers from
 * home approval on, its experts from their assignment until seven days after closing; by nobody else.
 */
#ifndef YL_RECORDS_WORK_CONSULTATION_H
#define YL_RECORDS_WORK_CONSULTATION_H

#include "records/ops/op.h"

extern const struct op consult_ops[];   /* case.create update get, and every act */
extern const struct op case_list_ops[]; /* case.list, board.get */
extern const struct op case_desk_ops[]; /* case.promise print verify outcome */
extern const struct op case_move_ops[]; /* case.of_expert, case.move_expert */
extern const struct op waiting_ops[];   /* case.wait, case.unwait */
extern const struct op override_ops[];  /* case.override, case.override_review */
extern const struct op slot_ops[];      /* calendar.get, slot.*, meeting_room.* */
extern const struct op message_ops[];   /* message.list send recall read */
extern const struct op form_ops[];      /* form.get */
extern const struct op policy_ops[];    /* policy.list, policy.set */
extern const struct op hours_ops[];     /* hours.list, hours.set */

/* ---- who sees what ---- */
/* 0, ERR_NOT_FOUND, or ERR_DENIED with ctx->fault filled. Sets ctx->audit.patient and .object. */
YL_CHECKED int consultation_check_read(struct op_ctx *ctx, struct case_id id);
/* The same for adding to the case (documents, messages): not for onlookers, not after it ended. */
YL_CHECKED int consultation_check_write(struct op_ctx *ctx, struct case_id id);
/* The picture of a signature: is it under a signed opinion of this case that the actor may read? ERR_NOT_FOUND when not. */
YL_CHECKED int consultation_check_signature(struct op_ctx *ctx, struct case_id id, uint64_t document);
/* For lists that may hold cases of others: {id, number, urgency, state_label, patient} - `id` and `patient` null unless the actor may read it. */
json_t *consultation_glance(struct op_ctx *ctx, struct case_id id);
/* Does any case this person takes part in give sight of the patient now? */
bool consultation_grants_patient(struct op_ctx *ctx, struct patient_id patient);
/* ICD-10 codes of a case's and its signed opinions' diagnoses: how sensitive it is. New reference, an array. */
json_t *consultation_codes(struct op_ctx *ctx, struct case_id id);
/* The index has put this patient together with others, or taken him away from them: who works on a case of his is told to look again. */
YL_CHECKED int consultation_tell_identity(struct op_ctx *ctx, struct patient_id patient);
/* Appends the patient's cases and signed opinions (records/patient/timeline.h). */
YL_CHECKED int consultation_timeline(struct op_ctx *ctx, uint64_t patient, json_t *items, bool *cut);
/* Does one open the patient's records at other institutions, too: sent, not over for more than a week, and he takes part himself? */
bool consultation_opens_person(struct op_ctx *ctx, struct patient_id patient);
struct patient_id consultation_patient(struct tx *tx, struct case_id id); /* .v 0 = no such case */

/* ---- for other systems (consult_share.c) ---- */
/* What a case is about, how far it is and - once signed - what was answered: {number, kind, scope, urgency, state, state_label, patient_id,
 * home_org_id, target_org_id, applicant, expert, submitted_ms, changed_ms, version, signed_ms, start_ms, end_ms, slot_id, form, opinions:[{by, kind, signed_ms,
 * body}]}; unmasked. NULL: there is none, or not for the actor. A person sees what he sees anyway; an actor without a person stands for its
 * institution (what was sent from there or reached it) or, without one, for the consortium. Drafts are nobody's. */
json_t *consultation_outline(struct op_ctx *ctx, struct case_id id);
/* {case_id, t_ms, recalled_ms, by, org_id, recalled, text}; NULL: none. No access check: that is the case's. */
json_t *consultation_message(struct op_ctx *ctx, uint64_t message);
struct consultation_wish { /* the first that is set; none: the newest cases in reach of the actor's institution */
    const char *number;
    uint64_t patient, messages_of; /* a local patient's cases; a case's messages */
    bool messages;                 /* the newest messages in reach */
    bool walk;                     /* instead of the newest those above `after`, by number: cases, or with `messages` messages */
    uint64_t after;
};
/* Candidates, still to be asked for one by one; how many. */
size_t consultation_ids(struct op_ctx *ctx, const struct consultation_wish *wish, uint64_t *out, size_t cap);

/* When a case changed, the oldest first, from the day it was sent on; how many. No access check. */
size_t consultation_past(struct op_ctx *ctx, struct case_id id, int64_t *t_ms, size_t cap);

struct consultation_slot { /* of an expert's calendar; nothing about whose session it is */
    uint64_t person, org;
    int64_t start_ms, end_ms, held_until_ms;
    char state[16], name[64]; /* published, booked, done, cancelled; the expert's */
};
bool consultation_slot_find(struct op_ctx *ctx, uint64_t slot, struct consultation_slot *out);
struct consultation_slot_wish { /* the first that is set */
    bool persons;    /* everybody who has slots */
    uint64_t person; /* his, the latest first */
    int64_t from_ms; /* those that start then or later, the earliest first; 0 = all */
    bool walk;       /* those above `after`, by number; with `persons` these */
    uint64_t after;
};
size_t consultation_slots(struct op_ctx *ctx, const struct consultation_slot_wish *wish, uint64_t *out, size_t cap);

/* ---- the room ---- */
/* HOST: applicant, secretary, offices and dispatchers of both sides. EXPERT: the expert or chair. MEMBER:
 * other doctors of a team. */
enum consultation_seat { SEAT_NONE, SEAT_HOST, SEAT_EXPERT, SEAT_MEMBER };
struct consultation_room {
    enum consultation_seat seat; /* of the acting person; SEAT_NONE = may not enter */
    bool open;                   /* people may go in: from WAITING until the session ended */
    bool recording_consent;      /* the patient's consent to recording: as ticked at the session's start, else on the form */
    bool family_attends;
    int64_t start_ms, end_ms; /* booked; 0 = not */
    int64_t opens_ms;         /* when the room opens by itself; 0 = not booked */
    struct person_id
        host; /* whose room it is when several may host: the expert (MDT: chair), else the applicant */
    char number[24], state[24];
};
/* ERR_NOT_FOUND / ERR_DENIED as consultation_check_read; 0 and *out. */
YL_CHECKED int consultation_room_find(struct op_ctx *ctx, struct case_id id, struct consultation_room *out);
/* News of the live room, told by records/work/room.c. Each is an event of the workflow when the state offers
 * it and is quietly ignored otherwise (a room of a case that has moved on); errors are those of the store.
 * seen: a person entered (an expert who was seen is no no-show). started: the host let the first other party
 * in. interrupted: everybody on one side is gone. resumed: both sides are back. ended: the host ended it. */
YL_CHECKED int consultation_room_seen(struct op_ctx *ctx, struct case_id id, struct person_id person);
YL_CHECKED int consultation_room_interrupted(struct op_ctx *ctx, struct case_id id);
YL_CHECKED int consultation_room_resumed(struct op_ctx *ctx, struct case_id id);
YL_CHECKED int consultation_room_ended(struct op_ctx *ctx, struct case_id id);

/* ---- time ---- */
/* Runs everything that is due at ctx->now_ms, at most `limit` cases; *more says that some are left.
 * ctx->actor is the system. */
YL_CHECKED int consultation_tick(struct op_ctx *ctx, int limit, bool *more);
/* Earliest instant anything is due; INT64_MAX = nothing. */
int64_t consultation_next_ms(struct tx *tx);
#endif
