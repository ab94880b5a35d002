/* What a person is in a case, and who sees it. functions.md 4.2. */
#include "records/work/consult.h"
#include <string.h>

#define P(x) CONSULT_BIT(P_##x)
#define F(x) CONSULT_BIT(F_##x)

const struct consult_member *consult_member(const struct consult *c, struct person_id person)
{
    for (size_t i = c->n_team; i-- > 0;)
        if (c->team[i].person.v == person.v)
            return &c->team[i];
    return NULL;
}

static bool on_team(const struct consult_member *m)
{
    return m->state == MEMBER_ASKED || m->state == MEMBER_ACCEPTED || m->state == MEMBER_SIGNED;
}

struct consult_member *consult_member_active(struct consult *c, struct person_id person)
{
    for (size_t i = 0; i < c->n_team; i++)
        if (c->team[i].person.v == person.v && on_team(&c->team[i]))
            return &c->team[i];
    return NULL;
}

struct person_id consult_lead(const struct consult *c)
{
    for (size_t i = 0; i < c->n_team; i++)
        if (on_team(&c->team[i]) && (c->team[i].part == PART_EXPERT || c->team[i].part == PART_CHAIR))
            return c->team[i].person;
    return (struct person_id){0};
}

struct org_id consult_holder_org(const struct consult *c, uint8_t party)
{
    return party == P_APPLICANT || party == P_HOME ? c->home_org : c->target_org;
}

/* He was asked as a doctor of the house that is asked (consult_check_qualified); at another post, or having left, he is none of it. */
static uint32_t team_parties(const struct consult *c, const struct actor *me)
{
    const struct consult_member *m = consult_member_active((struct consult *)c, me->person);
    if (!m || me->org.v != c->target_org.v)
        return 0;
    return m->part == PART_SECRETARY ? P(SECRETARY) : P(EXPERT);
}

static bool reached_target(const struct consult *c)
{
    return c->reached_ms &&
           c->target_org.v; /* one that was withdrawn before home approval never was theirs */
}

uint32_t consult_parties(struct op_ctx *ctx, const struct consult *c)
{
    const struct actor *me = ctx->actor;
    uint32_t parties = me->system ? P(SYSTEM) : 0;
    if (!me->person.v)
        return parties;
    parties |= team_parties(c, me);
    if (me->person.v == c->applicant.v) /* nobody decides on his own request, whatever else he is; and it is the house's: who left it, or acts for another, is a stranger to it */
        return me->org.v == c->home_org.v ? parties | P(APPLICANT) : parties;
    if (me->org.v == c->home_org.v && c->submitted_ms && staff_actor_has(ctx, STAFF_OFFICE))
        parties |= P(HOME);
    if (me->org.v == c->target_org.v && reached_target(c)) {
        if (staff_actor_has(ctx, STAFF_OFFICE))
            parties |= P(TARGET) | P(DISPATCH);
        if (staff_actor_has(ctx, STAFF_DISPATCHER))
            parties |= P(DISPATCH);
        bool inhouse = strcmp(c->scope, "in_house") == 0;
        if (me->dept.v && me->dept.v == c->target_dept.v &&
            ((inhouse && staff_actor_has(ctx, STAFF_EXPERT)) || staff_actor_has(ctx, STAFF_HEAD)))
            parties |= P(DEPT);
    }
    if (staff_actor_has(ctx, STAFF_ADMIN))
        parties |= P(ADMIN);
    return parties;
}

bool consult_may_read(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    if (parties & P(SYSTEM))
        return true;
    if (!(parties & ~P(ADMIN))) /* the consortium's administrators see counts, not records */
        return override_active(ctx, c->id);
    if (!(parties & ~(P(EXPERT) | P(SECRETARY) | P(ADMIN))) && c->closed_ms &&
        ctx->now_ms > c->closed_ms + CONSULT_ACCESS_MS)
        return false; /* an expert's access dies with the case */
    return true;
}

bool consult_sees_opinion(const struct consult *c, uint32_t parties)
{
    if (c->signed_ms)
        return true;
    return (parties & (P(EXPERT) | P(SECRETARY))) && !(parties & (P(APPLICANT) | P(HOME)));
}

static bool others_in(const struct consult *c, struct person_id me, bool secretary_too,
                      enum consult_member_state at_least)
{
    for (size_t i = 0; i < c->n_team; i++) {
        const struct consult_member *m = &c->team[i];
        if (m->person.v == me.v || !on_team(m) || (m->part == PART_SECRETARY && !secretary_too))
            continue;
        if (m->state < at_least)
            return false;
    }
    return true;
}

static bool side_evaluated(struct op_ctx *ctx, const struct consult *c, const char *side)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM consult_evaluation WHERE case_id=$1 AND side=$2", "it",
                  (int64_t)c->id.v, side) > 0;
}

static uint32_t my_facts(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    const struct consult_member *me = consult_member_active((struct consult *)c, ctx->actor->person);
    bool mdt = strcmp(c->scope, "mdt") == 0,
         chair = me && (me->part == PART_CHAIR || (!mdt && me->part == PART_EXPERT));
    uint32_t facts = chair ? F(CHAIR) : 0;
    if (me && c->flow.state == S_ASSIGNED)
        facts |= (me->state != MEMBER_ASKED ? F(DONE_MINE) : 0) |
                 (others_in(c, me->person, false, MEMBER_ACCEPTED) ? F(LAST_ACCEPT) : 0);
    else if (me && c->flow.state == S_ACKNOWLEDGED)
        facts |= (side_evaluated(ctx, c, "expert") ? F(DONE_MINE) : 0) |
                 (side_evaluated(ctx, c, "applicant") ? F(LAST_EVALUATION) : 0);
    else if (me && me->state == MEMBER_SIGNED)
        facts |= F(DONE_MINE);
    if (chair && others_in(c, me->person, false, MEMBER_SIGNED))
        facts |= F(LAST_SIGN);
    if ((parties & P(APPLICANT)) && c->flow.state == S_ACKNOWLEDGED)
        facts |= (side_evaluated(ctx, c, "applicant") ? F(DONE_MINE) : 0) |
                 (side_evaluated(ctx, c, "expert") ? F(LAST_EVALUATION) : 0);
    return facts;
}

uint32_t consult_facts(struct op_ctx *ctx, const struct consult *c, uint32_t parties)
{
    uint32_t facts = my_facts(ctx, c, parties);
    if (strcmp(c->kind, "interactive") == 0 && !c->offline_gear)
        facts |= F(INTERACTIVE);
    if (strcmp(c->scope, "in_house") == 0)
        facts |= F(INHOUSE);
    if (strcmp(c->urgency, "emergency") == 0)
        facts |= F(EMERGENCY);
    if (strcmp(c->scope, "mdt") == 0)
        facts |= F(MDT);
    if (c->reschedules >= CONSULT_RESCHEDULES)
        facts |= F(RESCHEDULED_OUT);
    if (c->slot && c->start_ms > ctx->now_ms)
        facts |= F(BOOKED);
    return facts | (c->review_open ? F(REVIEW_OPEN) : 0) | (c->expert_present ? F(EXPERT_PRESENT) : 0);
}

static size_t team_people(const struct consult *c, bool secretary, struct person_id out[], size_t cap)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_team && n < cap; i++)
        if (on_team(&c->team[i]) && (c->team[i].part == PART_SECRETARY) == secretary)
            out[n++] = c->team[i].person;
    return n;
}

static size_t duty_people(struct op_ctx *ctx, const struct consult *c, struct person_id out[], size_t cap)
{
    uint8_t holder = consult_flow.states[c->flow.state].holder;
    bool home = holder == P_APPLICANT || holder == P_HOME;
    struct org_id org = home ? c->home_org : c->target_org, dept = home ? c->home_dept : c->target_dept;
    size_t n = staff_with_role(ctx, org, dept, STAFF_HEAD, out, cap);
    n += staff_on_duty(ctx, dept, ctx->now_ms, out + n, cap - n);
    return n ? n : staff_with_role(ctx, org, (struct org_id){0}, STAFF_OFFICE, out, cap);
}

static size_t desk_people(struct op_ctx *ctx, const struct consult *c, struct person_id out[], size_t cap)
{
    size_t n = staff_with_role(ctx, c->target_org, (struct org_id){0}, STAFF_DISPATCHER, out, cap);
    return n ? n : staff_with_role(ctx, c->target_org, (struct org_id){0}, STAFF_OFFICE, out, cap);
}

/* Heads and duty doctors; in-house whoever could take it, so that an urgent call never rings in an empty
 * room. */
static size_t dept_people(struct op_ctx *ctx, const struct consult *c, struct person_id out[], size_t cap)
{
    if (!c->target_dept.v)
        return 0;
    size_t n = staff_on_duty(ctx, c->target_dept, ctx->now_ms, out, cap);
    n += staff_with_role(ctx, c->target_org, c->target_dept, STAFF_HEAD, out + n, cap - n);
    if (!n && strcmp(c->scope, "in_house") == 0)
        n = staff_with_role(ctx, c->target_org, c->target_dept, STAFF_EXPERT, out, cap);
    return n;
}

size_t consult_people(struct op_ctx *ctx, const struct consult *c, enum consult_party party,
                      struct person_id out[], size_t cap)
{
    const struct org_id any = {0};
    bool target = party == P_DISPATCH || party == P_TARGET || party == P_DEPT;
    if ((target && !reached_target(c)) || (party == P_HOME && !c->submitted_ms))
        return 0; /* nobody hears of what was never sent to him */
    uint8_t holder = consult_flow.states[c->flow.state].holder;
    switch (party) {
    case P_APPLICANT:
        out[0] = c->applicant;
        return cap ? 1 : 0;
    case P_HOME:
        return staff_with_role(ctx, c->home_org, any, STAFF_OFFICE, out, cap);
    case P_DISPATCH:
        return desk_people(ctx, c, out, cap);
    case P_TARGET:
        return staff_with_role(ctx, c->target_org, any, STAFF_OFFICE, out, cap);
    case P_DEPT:
        return dept_people(ctx, c, out, cap);
    case P_EXPERT:
        return team_people(c, false, out, cap);
    case P_SECRETARY:
        return team_people(c, true, out, cap);
    case P_ADMIN:
        return staff_with_role(ctx, any, any, STAFF_ADMIN, out, cap);
    case P_HEAD:
        return duty_people(ctx, c, out, cap);
    case P_OFFICE:
        return staff_with_role(ctx, consult_holder_org(c, holder), any, STAFF_OFFICE, out, cap);
    default:
        return 0;
    }
}

const char *consult_party_word(uint32_t parties)
{
    static const uint8_t order[] = {P_APPLICANT, P_EXPERT, P_SECRETARY, P_TARGET, P_DISPATCH,
                                    P_DEPT,      P_HOME,   P_ADMIN,     P_SYSTEM};
    for (size_t i = 0; i < sizeof order; i++)
        if (parties >> order[i] & 1)
            return consult_flow.parties[order[i]].word;
    return "";
}
