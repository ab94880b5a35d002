/* What booking and the session's acts bring. */
#include "records/work/consult.h"
#include <string.h>

#define C(x) CONSULT_BIT(C_##x)

static int start(struct consult_act *a)
{
    if (!json_is_true(json_object_get(a->args, "identity_confirmed")))
        return fault_field(a->ctx->fault, "identity_confirmed", "required");
    if (!json_object_get(a->args, "recording_consent"))
        return fault_field(a->ctx->fault, "recording_consent", "required");
    a->reason = json_is_true(json_object_get(a->args, "recording_consent")) ? "recording_agreed"
                                                                            : "recording_refused";
    a->passed |= C(IDENTITY);
    return 0;
}

static int reschedule(struct consult_act *a)
{
    a->reason = arg_text(a->args, "reason");
    if (!a->reason || !a->reason[strspn(a->reason, " \t\r\n")])
        return fault_field(a->ctx->fault, "reason", "required");
    a->passed |= C(REASON);
    int rc = booking_release(a->ctx, a->c, "published");
    rc = rc ? rc : booking_take(a);
    a->c->reschedules++;
    a->c->room_open = a->c->expert_present = false;
    return rc;
}

int consult_prepare_session(struct consult_act *a)
{
    switch (a->event) {
    case E_SCHEDULE:
        return booking_take(a);
    case E_RESCHEDULE:
        return reschedule(a);
    case E_START:
        return start(a);
    case E_NOSHOW:
        return booking_release(a->ctx, a->c, "noshow");
    case E_END_SESSION:
        a->reason = arg_text(a->args, "reason");
        return booking_release(a->ctx, a->c, "done");
    case E_CONTINUE_OFFLINE:
        a->c->offline_gear = true;
        a->reason = arg_text(a->args, "reason");
        return 0;
    case E_INTERRUPT:
    case E_RESUME:
        a->reason = arg_text(a->args, "reason");
        return 0;
    default: /* begin_review, open_room, auto_close, expire bring nothing */
        return 0;
    }
}
