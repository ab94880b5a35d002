/* staff - the few questions the workflows ask about people and institutions, in one place. Runs inside
 * operations. The rows are those of records/org, and staff.c is the only file of records/work that names them:
 *   org(id, parent_id, kind 'institution'|'department', name)   person(id, name, title, licence_no,
 *   licence_until, practice_since (dates), active)   post(id, person_id, org_id institution, dept_id)
 *   post_role(post_id, role word)   shift(person_id, dept_id, start_ms, end_ms, kind 'duty'|'second'|'leave')
 * Role words: applicant, medical_affairs, township_head, dispatcher, expert, dept_head, consortium_admin, display.
 * Titles: resident attending associate_chief chief, or their Chinese names.
 */
#ifndef YL_RECORDS_WORK_STAFF_H
#define YL_RECORDS_WORK_STAFF_H

#include "records/flow/calendar.h"
#include "records/ops/op.h"

#define STAFF_TOLD_MAX 512 /* of one role at one institution: no office is larger, so nobody of it is left out */

struct staff {
    struct person_id id;
    char name[64], title[32], licence_no[48];
    struct org_id org, dept;                    /* of the first post with the role asked for */
    char practice_since[11], licence_until[11]; /* dates, "" = unknown */
    bool active;
};
enum staff_role {
    STAFF_APPLICANT,
    STAFF_OFFICE /* 医政 or township head */,
    STAFF_DISPATCHER,
    STAFF_EXPERT,
    STAFF_HEAD,
    STAFF_ADMIN,
    STAFF_DISPLAY, /* a screen on the wall of the dispatch office */
    STAFF_MANAGER
};

YL_CHECKED int staff_find(struct op_ctx *ctx, struct person_id person, enum staff_role role,
                          struct staff *out);
bool staff_has_role(struct op_ctx *ctx, struct person_id person, struct org_id org, enum staff_role role);
/* The acting person, with the post chosen at login. */
bool staff_actor_has(struct op_ctx *ctx, enum staff_role role);
/* Active people with the role at an institution (dept.v 0 = any department; org.v 0 = anywhere); n written.
 */
size_t staff_with_role(struct op_ctx *ctx, struct org_id org, struct org_id dept, enum staff_role role,
                       struct person_id out[], size_t cap);
/* On duty in the department now (nights and holidays: who answers). */
size_t staff_on_duty(struct op_ctx *ctx, struct org_id dept, int64_t at_ms, struct person_id out[],
                     size_t cap);
bool staff_on_leave(struct op_ctx *ctx, struct person_id person, int64_t at_ms);
/* On roster at the instant: a duty shift, or working time with no leave. */
bool staff_on_roster(struct op_ctx *ctx, struct person_id person, int64_t at_ms);
/* Names; JSON null for 0. New references. */
json_t *staff_ref(struct op_ctx *ctx, struct person_id person);
json_t *org_ref(struct op_ctx *ctx, struct org_id org);
/* The institution a department belongs to (itself when it is one); .v 0 = no such. */
struct org_id staff_institution(struct op_ctx *ctx, struct org_id org);
bool staff_is_department(struct op_ctx *ctx, struct org_id dept, struct org_id org);
void staff_calendar(struct op_ctx *ctx, struct org_id org, struct calendar *out);
#endif
