/* work_view - pieces of answers that several files of records/work make. All return new references. */
#ifndef YL_RECORDS_WORK_VIEW_H
#define YL_RECORDS_WORK_VIEW_H

#include "records/work/consult.h"

struct consult_line_row { /* borrowed texts, of a row or of a loaded case */
    uint64_t id, patient, applicant, home_org, target_org, target_dept, expert, holder_person, holder_org;
    const char *number, *kind, *scope, *template_, *urgency, *state, *holder_party;
    int64_t due_ms, start_ms, created_ms, changed_ms, version;
    bool paused;
};
json_t *consult_line(struct op_ctx *ctx, const struct consult_line_row *row);
json_t *consult_case_line(struct op_ctx *ctx, const struct consult *c);
/* Ends the row loop of a list; its error sticks to the transaction, where the operation finds it. */
static inline json_t *work_list_end(struct query *q, json_t *list)
{
    int sticky = query_end(q);
    (void)sticky;
    return list;
}
struct person_id consult_holder_person(const struct consult *c, uint8_t party);
json_t *work_label(const struct flow_label *l);
json_t *work_time(int64_t ms); /* null for 0 */
json_t *work_attachments(struct op_ctx *ctx, struct case_id id);
json_t *work_recordings(struct op_ctx *ctx, struct case_id id);
json_t *meeting_room_ref(struct op_ctx *ctx, uint64_t id);
json_t *meeting_rooms_of(struct op_ctx *ctx, uint64_t org); /* org 0 = of all */
int64_t message_unread(struct op_ctx *ctx, uint64_t case_id);
/* `opinion` as the viewer sees it, not JSON null. */
json_t *minutes_view(struct op_ctx *ctx, const struct consult *c, const json_t *opinion);
json_t *overrides_view(struct op_ctx *ctx, const struct consult *c, uint32_t parties);
/* Does the question lie in the target department's field? {score, specialty, suggested:[..]} by
 * config/specialty_fit.json. */
json_t *consult_fit(struct op_ctx *ctx, const struct consult *c);
#endif
