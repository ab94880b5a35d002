/* Who takes the case: qualification, assignment, acceptance, substitution, the next expert. */
#include "records/notify/notify.h"
#include "records/work/consult.h"
#include "records/patient/identity.h"
#include <stdio.h>
#include <string.h>

#define C(x) CONSULT_BIT(C_##x)
#define F(x) CONSULT_BIT(F_##x)
#define PRACTICE_YEARS                                                                                       \
    3 /* functions.md 1.1, the 2018 specification: at least three years of independent practice */

static int title_rank(const char *title)
{
    static const char *const ranks[] = {"resident", "attending", "associate_chief", "chief"};
    static const char *const zh[] = {"住院医师", "主治医师", "副主任医师", "主任医师"};
    static const char *const other[] = {"", "主治", "associate", "主任"};
    for (int i = 3; i >= 0; i--)
        if (strcmp(title, ranks[i]) == 0 || strcmp(title, zh[i]) == 0 ||
            (*other[i] && strcmp(title, other[i]) == 0))
            return i;
    return -1;
}

static int wanted_rank(const struct consult *c)
{
    const char *wish = json_string_value(form_get(c->form, "wish.title"));
    int rank = wish ? title_rank(wish) : -1;
    return rank > 1 ? rank : 1; /* an expert is at least an attending doctor; the form may ask for more */
}

static int refuse(struct consult_act *a, const char *path, const char *why)
{
    if (!path)
        return ERR_INVALID;
    fault_field(a->ctx->fault, path, "%s", why);
    return fault_set(a->ctx->fault, ERR_INVALID, "not_qualified", "this person may not give this opinion");
}

/* `path` NULL: only asks, fills no fault. */
int consult_check_qualified(struct consult_act *a, struct person_id person, const char *path)
{
    const struct consult *c = a->c;
    struct staff s;
    char today[11];
    int ty, tm, td, y, m, d;
    if (!person.v)
        return refuse(a, path, "required");
    if (staff_find(a->ctx, person, STAFF_EXPERT, &s) || !s.active)
        return refuse(a, path, "not_an_expert");
    if (!staff_has_role(a->ctx, person, c->target_org, STAFF_EXPERT))
        return refuse(a, path, "other_institution");
    if (person.v == c->applicant.v)
        return refuse(a, path, "conflict_of_interest");
    date_of_ms(a->ctx->now_ms, 480, today);
    if (!*s.licence_no || strcmp(s.licence_until, today) < 0)
        return refuse(a, path, "licence_not_valid");
    if (date_parse(s.practice_since, &y, &m, &d) || date_parse(today, &ty, &tm, &td) ||
        date_days(ty, tm, td) < date_days(y + PRACTICE_YEARS, m, m == 2 && d == 29 ? 28 : d))
        return refuse(a, path, "practice_too_short");
    if (title_rank(s.title) < wanted_rank(c))
        return refuse(a, path, "title_too_low");
    /* a booked session is later than now: the roster is asked when the time is chosen; urgent cases need
     * somebody now */
    bool now = strcmp(c->urgency, "routine") != 0;
    if (now ? !staff_on_roster(a->ctx, person, a->ctx->now_ms)
            : staff_on_leave(a->ctx, person, a->ctx->now_ms))
        return refuse(a, path, "not_on_roster");
    return 0;
}

static int join(struct consult_act *a, struct person_id person, enum consult_part part)
{
    struct consult *c = a->c;
    if (c->n_team == CONSULT_TEAM_MAX) { /* forget the oldest who left; the timeline keeps him */
        size_t i = 0;
        while (i < c->n_team && c->team[i].state < MEMBER_DECLINED)
            i++;
        if (i == c->n_team)
            return fault_field(a->ctx->fault, "team", "too_many:%d", CONSULT_TEAM_MAX);
        memmove(&c->team[i], &c->team[i + 1], (c->n_team - i - 1) * sizeof *c->team);
        c->n_team--;
    }
    c->team[c->n_team++] =
        (struct consult_member){.person = person, .part = part, .asked_ms = a->ctx->now_ms};
    return 0;
}

static void let_go(struct consult *c, enum consult_member_state state)
{
    for (size_t i = 0; i < c->n_team; i++)
        if (c->team[i].state <= MEMBER_ACCEPTED)
            c->team[i].state = state;
}

static int part_of(const char *word)
{
    static const char *const words[] = {"expert", "chair", "secretary", "member"};
    for (int i = 0; i < 4; i++)
        if (word && strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static bool works_at(struct op_ctx *ctx, struct person_id person, struct org_id org)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM post t JOIN person p ON p.id=t.person_id WHERE t.person_id=$1 AND t.org_id=$2 AND p.active=1", "ii", (int64_t)person.v,
                  (int64_t)org.v) > 0;
}

/* MDT: one chair, at most one secretary, at least two doctors, of at least two departments; each qualified.
 */
static int assign_team(struct consult_act *a)
{
    json_t *team = json_object_get(a->args, "team"), *item;
    uint64_t depts[CONSULT_TEAM_MAX] = {0};
    size_t i, chairs = 0, secretaries = 0, doctors = 0, n_depts = 0;
    if (json_array_size(team) < 2 || json_array_size(team) > CONSULT_TEAM_MAX)
        return fault_field(a->ctx->fault, "team", "required");
    let_go(a->c, MEMBER_REPLACED);
    json_array_foreach (team, i, item) {
        struct person_id person = {arg_id(item, "person_id")};
        int part = part_of(arg_text(item, "part"));
        char path[40];
        struct staff s;
        snprintf(path, sizeof path, "team[%zu].person_id", i);
        if (part < 0 || part == PART_EXPERT)
            return fault_field(a->ctx->fault, "team", "not_a_part:%zu", i + 1);
        if (consult_member_active(a->c, person))
            return fault_field(a->ctx->fault, path, "twice");
        int rc = part == PART_SECRETARY ? 0 : consult_check_qualified(a, person, path);
        if (!rc && part == PART_SECRETARY && !works_at(a->ctx, person, a->c->target_org))
            rc = fault_field(a->ctx->fault, path, "other_institution");
        rc = rc ? rc : join(a, person, (enum consult_part)part);
        if (rc)
            return rc;
        chairs += part == PART_CHAIR;
        secretaries += part == PART_SECRETARY;
        doctors += part != PART_SECRETARY;
        if (part != PART_SECRETARY && !staff_find(a->ctx, person, STAFF_EXPERT, &s)) {
            size_t k = 0;
            while (k < n_depts && depts[k] != s.dept.v)
                k++;
            depts[k] = s.dept.v;
            n_depts += k == n_depts;
        }
    }
    if (chairs != 1 || secretaries > 1 || doctors < 2)
        return fault_field(a->ctx->fault, "team",
                           chairs != 1       ? "one_chair"
                           : secretaries > 1 ? "one_secretary"
                                             : "two_doctors");
    if (n_depts < 2)
        return fault_field(a->ctx->fault, "team", "two_departments");
    a->passed |= C(QUALIFIED);
    return 0;
}

static int assign(struct consult_act *a)
{
    a->reason = arg_text(a->args, "comment");
    a->c->expert_present = false;
    if (strcmp(a->c->scope, "mdt") == 0)
        return assign_team(a);
    struct person_id person = {arg_id(a->args, "expert_id")};
    int rc = consult_check_qualified(a, person, "expert_id");
    if (rc)
        return rc;
    let_go(a->c, MEMBER_REPLACED);
    a->passed |= C(QUALIFIED);
    return join(a, person, PART_EXPERT);
}

/* In-house: whoever of the asked department is there takes it. */
static int accept(struct consult_act *a)
{
    struct consult_member *me = consult_member_active(a->c, a->ctx->actor->person);
    if (me) {
        me->state = MEMBER_ACCEPTED;
        a->passed |= C(QUALIFIED);
        /* a time kept for him that has gone by meanwhile is of no use */
        return a->c->slot && !(a->facts & F(BOOKED)) ? booking_release(a->ctx, a->c, "cancelled") : 0;
    }
    int rc = consult_check_qualified(a, a->ctx->actor->person, "person");
    rc = rc ? rc : join(a, a->ctx->actor->person, PART_EXPERT);
    if (!rc)
        a->c->team[a->c->n_team - 1].state = MEMBER_ACCEPTED;
    a->passed |= C(QUALIFIED);
    return rc;
}

static int expert_decline(struct consult_act *a)
{
    int rc = consult_prepare_refusal(a, "busy|leave|not_my_field|conflict_of_interest|other");
    if (rc)
        return rc;
    consult_member_active(a->c, a->ctx->actor->person)->state = MEMBER_DECLINED;
    return 0;
}

/* A substitute may come with a time: it is taken for him at once and stands when he accepts. */
static int keep_time(struct consult_act *a)
{
    struct consult *c = a->c;
    if (!arg_id(a->args, "slot_id") && !arg_int(a->args, "start_ms", 0))
        return 0;
    if (strcmp(c->kind, "interactive") != 0 || c->offline_gear)
        return fault_field(a->ctx->fault, "start_ms", "not_for_this_case");
    int rc = booking_release(a->ctx, c, "published");
    return rc ? rc : booking_take(a);
}

/* Who was replaced by somebody else hears of it; whoever is asked now is told by the rule. */
static int tell_replaced(struct consult_act *a, struct person_id old)
{
    struct notify_about about = {.case_id = a->c->id, .case_number = a->c->number};
    return old.v == a->ctx->actor->person.v ? 0 : notify_person(a->ctx, old, "case.substituted", &about);
}

/* One person for another: the asker's own seat, or (dispatcher) the lead's; "instead_of" names another seat
 * of a team. */
static int substitute(struct consult_act *a)
{
    struct person_id person = {arg_id(a->args, "person_id")}, old = {arg_id(a->args, "instead_of")};
    if (!old.v)
        old = consult_member_active(a->c, a->ctx->actor->person) ? a->ctx->actor->person : consult_lead(a->c);
    struct consult_member *seat = consult_member_active(a->c, old);
    a->reason = arg_text(a->args, "reason");
    if (!a->reason || !*a->reason)
        return fault_field(a->ctx->fault, "reason", "required");
    if (!seat)
        return fault_field(a->ctx->fault, "instead_of", "not_on_the_team");
    if (seat->state == MEMBER_SIGNED)
        return fault_field(a->ctx->fault, "instead_of", "has_signed");
    if (consult_member_active(a->c, person))
        return fault_field(a->ctx->fault, "person_id", "on_the_team");
    int rc = consult_check_qualified(a, person, "person_id");
    if (rc)
        return rc;
    enum consult_part part = seat->part;
    if (!(consult_flow.states[a->c->flow.state].flags & FLOW_PRESESSION))
        a->c->offline_gear = true; /* the session is over: the new one works from the record */
    seat->state = MEMBER_REPLACED;
    a->c->expert_present = false;
    a->passed |= C(QUALIFIED) | C(REASON);
    rc = join(a, person, part);
    rc = rc ? rc : keep_time(a);
    return rc ? rc : tell_replaced(a, old);
}

/* Off the case without anybody in his place; after the session the next one works from the record. */
static int release_expert(struct consult_act *a)
{
    struct person_id person = {arg_id(a->args, "person_id")};
    if (!person.v)
        person = consult_lead(a->c);
    struct consult_member *seat = consult_member_active(a->c, person);
    a->reason = arg_text(a->args, "reason");
    if (!a->reason || !*a->reason)
        return fault_field(a->ctx->fault, "reason", "required");
    if (!seat)
        return fault_field(a->ctx->fault, "person_id", "not_on_the_team");
    if (!(consult_flow.states[a->c->flow.state].flags & FLOW_PRESESSION))
        a->c->offline_gear = true;
    seat->state = MEMBER_REPLACED;
    a->c->expert_present = false;
    a->passed |= C(REASON);
    return tell_replaced(a, person);
}

/* Somebody of the same department who was not asked before. */
static struct person_id find_next(struct consult_act *a)
{
    struct person_id people[STAFF_TOLD_MAX];
    size_t n = staff_with_role(a->ctx, a->c->target_org, a->c->target_dept, STAFF_EXPERT, people, STAFF_TOLD_MAX);
    for (size_t i = 0; i < n; i++)
        if (!consult_member(a->c, people[i]) && !consult_check_qualified(a, people[i], NULL) &&
            staff_on_roster(a->ctx, people[i], a->ctx->now_ms))
            return people[i];
    return (struct person_id){0};
}

static int next_expert(struct consult_act *a)
{
    if (!(a->facts & F(NEXT_EXPERT)) || (a->facts & F(MDT)))
        return 0;
    struct person_id person = find_next(a);
    let_go(a->c, MEMBER_SILENT);
    return join(a, person, PART_EXPERT);
}

bool consult_has_next_expert(struct op_ctx *ctx, struct consult *c)
{
    struct consult_act a = {.ctx = ctx, .c = c};
    return find_next(&a).v != 0;
}

int consult_prepare_team(struct consult_act *a)
{
    switch (a->event) {
    case E_ASSIGN:
        return assign(a);
    case E_ACCEPT:
        return accept(a);
    case E_EXPERT_DECLINE:
        return expert_decline(a);
    case E_SUBSTITUTE:
        return substitute(a);
    case E_RELEASE_EXPERT:
        return release_expert(a);
    default:
        return next_expert(a);
    }
}
