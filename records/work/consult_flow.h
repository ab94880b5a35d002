/* consult_flow - the consultation workflow as tables for records/flow: states, events, parties, facts,
 * checks, clocks, rules. Pure data; the printed form is docs/workflows/consultation.md (compared by a test).
 * functions.md 3.1.
 */
#ifndef YL_RECORDS_WORK_CONSULT_FLOW_H
#define YL_RECORDS_WORK_CONSULT_FLOW_H

#include "records/flow/flow.h"

enum consult_state {
    S_DRAFT,
    S_SUBMITTED,
    S_RETURNED,
    S_APPROVED_HOME,
    S_REDIRECTED,
    S_TRIAGED,
    S_NEED_MATERIAL,
    S_DECLINED,
    S_ASSIGNED,
    S_EXPERT_DECLINED,
    S_ACCEPTED,
    S_SCHEDULED,
    S_WAITING,
    S_EXPERT_NOSHOW,
    S_IN_SESSION,
    S_INTERRUPTED,
    S_OFFLINE_CONTINUE,
    S_IN_REVIEW,
    S_OPINION_DRAFT,
    S_OPINION_SIGNED,
    S_ACKNOWLEDGED,
    S_EVALUATED,
    S_CLOSED,
    S_CANCELLED,
    S_EXPIRED,
    S_MERGED,
    S_COUNT
};
enum consult_event {
    E_SUBMIT,
    E_RETURN,
    E_APPROVE_HOME,
    E_POST_REVIEW,
    E_TRIAGE,
    E_REDIRECT,
    E_NEED_MATERIAL,
    E_SUPPLY_MATERIAL,
    E_DECLINE,
    E_ASSIGN,
    E_ACCEPT,
    E_EXPERT_DECLINE,
    E_SUBSTITUTE,
    E_RELEASE_EXPERT,
    E_SCHEDULE,
    E_RESCHEDULE,
    E_OPEN_ROOM,
    E_START,
    E_INTERRUPT,
    E_RESUME,
    E_CONTINUE_OFFLINE,
    E_END_SESSION,
    E_BEGIN_REVIEW,
    E_SAVE_OPINION,
    E_WRITE_MINUTES,
    E_VERBAL_NOTE,
    E_SIGN_OPINION,
    E_ACKNOWLEDGE,
    E_EVALUATE,
    E_CLOSE,
    E_ADDENDUM,
    E_CANCEL,
    E_MERGE,
    /* fired by clocks or the room only */
    E_NEXT_EXPERT,
    E_NOSHOW,
    E_AUTO_CLOSE,
    E_EXPIRE,
    E_COUNT
};
enum consult_party { /* what a person is in one case; HEAD and OFFICE are the ladder's, on the side of whoever
                        holds the case */
                     P_APPLICANT,
                     P_HOME,
                     P_DISPATCH,
                     P_TARGET,
                     P_DEPT,
                     P_EXPERT,
                     P_SECRETARY,
                     P_ADMIN,
                     P_HEAD,
                     P_OFFICE,
                     P_SYSTEM,
                     P_COUNT
};
enum consult_fact {
    F_INTERACTIVE,
    F_INHOUSE,
    F_EMERGENCY,
    F_MDT,
    F_LAST_ACCEPT,
    F_LAST_SIGN,
    F_CHAIR,
    F_DONE_MINE,
    F_LAST_EVALUATION,
    F_RESCHEDULED_OUT,
    F_NEXT_EXPERT,
    F_REVIEW_OPEN,
    F_EXPERT_PRESENT,
    F_BOOKED,
    F_COUNT
};
enum consult_check {
    C_FORM,
    C_ITEMS,
    C_REASON,
    C_CODE,
    C_DEPT,
    C_QUALIFIED,
    C_SLOT,
    C_IDENTITY,
    C_OPINION,
    C_SIGNATURE,
    C_ADOPTION,
    C_SCORES,
    C_TEXT,
    C_DUPLICATE,
    C_COUNT
};
enum consult_work { /* what the rule itself asks of the shell, beside storing what the act brought */
                    W_RELEASE_BOOKING,
                    W_OPEN_ROOM,
                    W_END_ROOM,
                    W_DROP_EXPERT,
                    W_SEAL_OPINION,
                    W_FOLLOW_UP,
                    W_SKIP_HOME_REVIEW,
                    W_COUNT
};
enum consult_clock {
    K_DRAFT,
    K_RESUBMIT,
    K_HOME_REVIEW,
    K_POST_REVIEW,
    K_TRIAGE,
    K_ASSIGN,
    K_MATERIAL,
    K_ACCEPT,
    K_HOLD,
    K_REMIND_24H,
    K_REMIND_1H,
    K_REMIND_10MIN,
    K_ROOM_OPENS,
    K_LATE_CALL,
    K_NOSHOW,
    K_INTERRUPTION,
    K_ARRIVE,
    K_INHOUSE,
    K_OPINION,
    K_OPINION_HARD,
    K_VERBAL,
    K_REPORT,
    K_READ,
    K_AUTO_CLOSE,
    K_COUNT
};

extern const struct flow_def consult_flow;
#define CONSULT_BIT(x) (UINT32_C(1) << (x))
#endif
