#include "records/work/staff.h"
#include "records/work/hours.h"
#include <stdio.h>
#include <string.h>

/* role words of config/roles.json behind each question; up to four */
static const char *const words[][4] = {
    [STAFF_APPLICANT] = {"applicant", "", "", ""},
    [STAFF_OFFICE] = {"medical_affairs", "township_head", "", ""},
    [STAFF_DISPATCHER] = {"dispatcher", "", "", ""},
    [STAFF_EXPERT] = {"expert", "", "", ""},
    [STAFF_HEAD] = {"dept_head", "", "", ""},
    [STAFF_ADMIN] = {"consortium_admin", "", "", ""},
    [STAFF_DISPLAY] = {"display", "", "", ""},
    [STAFF_MANAGER] = {"manager", "", "", ""},
};

/* $1..$4 role words */
#define POSTS "FROM post p JOIN post_role r ON r.post_id=p.id WHERE r.role IN ($1,$2,$3,$4) AND r.role<>''"
#define ROLE(role) words[role][0], words[role][1], words[role][2], words[role][3]

int staff_find(struct op_ctx *ctx, struct person_id person, enum staff_role role, struct staff *out)
{
    memset(out, 0, sizeof *out);
    out->id = person;
    struct query *q =
        tx_query(ctx->tx,
                 "SELECT e.name, e.title, e.licence_no, e.licence_until, e.practice_since, e.active, "
                 "p.org_id, p.dept_id "
                 "FROM post p JOIN post_role r ON r.post_id=p.id JOIN person e ON e.id=p.person_id "
                 "WHERE r.role IN ($1,$2,$3,$4) AND r.role<>'' AND p.person_id=$5 ORDER BY p.id LIMIT 1",
                 "tttti", ROLE(role), (int64_t)person.v);
    bool found = query_next(q);
    if (found) {
        const struct {
            char *to;
            size_t cap;
            const char *column;
        } texts[] = {{out->name, sizeof out->name, "name"},
                     {out->title, sizeof out->title, "title"},
                     {out->licence_no, sizeof out->licence_no, "licence_no"},
                     {out->licence_until, sizeof out->licence_until, "licence_until"},
                     {out->practice_since, sizeof out->practice_since, "practice_since"}};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            snprintf(texts[i].to, texts[i].cap, "%s",
                     query_text(q, texts[i].column) ? query_text(q, texts[i].column) : "");
        out->active = query_int(q, "active");
        out->org.v = (uint64_t)query_int(q, "org_id");
        out->dept.v = (uint64_t)query_int(q, "dept_id");
    }
    int rc = query_end(q);
    return rc ? rc : found ? 0 : ERR_NOT_FOUND;
}

bool staff_has_role(struct op_ctx *ctx, struct person_id person, struct org_id org, enum staff_role role)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) " POSTS " AND p.person_id=$5 AND p.org_id=$6", "ttttii",
                  ROLE(role), (int64_t)person.v, (int64_t)org.v) > 0;
}

bool staff_actor_has(struct op_ctx *ctx, enum staff_role role)
{
    return ctx->actor->person.v && staff_has_role(ctx, ctx->actor->person, ctx->actor->org, role);
}

static size_t people_of(struct query *q, struct person_id out[], size_t cap)
{
    size_t n = 0;
    while (n < cap && query_next(q))
        out[n++].v = (uint64_t)query_int(q, "person_id");
    return query_end(q) ? 0 : n;
}

size_t staff_with_role(struct op_ctx *ctx, struct org_id org, struct org_id dept, enum staff_role role,
                       struct person_id out[], size_t cap)
{
    return people_of(
        tx_query(ctx->tx,
                 "SELECT DISTINCT p.person_id AS person_id FROM post p JOIN post_role r ON r.post_id=p.id "
                 "JOIN person e ON e.id=p.person_id WHERE r.role IN ($1,$2,$3,$4) AND r.role<>'' AND "
                 "e.active=1 AND "
                 "($5=0 OR p.org_id=$5) AND ($6=0 OR p.dept_id=$6) ORDER BY p.person_id LIMIT $7",
                 "ttttiii", ROLE(role), (int64_t)org.v, (int64_t)dept.v, (int64_t)cap),
        out, cap);
}

size_t staff_on_duty(struct op_ctx *ctx, struct org_id dept, int64_t at_ms, struct person_id out[],
                     size_t cap)
{
    if (!dept.v)
        return 0;
    return people_of(tx_query(ctx->tx,
                              "SELECT DISTINCT person_id FROM shift WHERE dept_id=$1 AND kind='duty' AND "
                              "start_ms<=$2 AND end_ms>$2 "
                              "ORDER BY person_id LIMIT $3",
                              "iii", (int64_t)dept.v, at_ms, (int64_t)cap),
                     out, cap);
}

static bool shift_at(struct op_ctx *ctx, struct person_id person, int64_t at_ms, const char *kind_a,
                     const char *kind_b)
{
    return tx_int(ctx->tx, 0,
                  "SELECT COUNT(*) FROM shift WHERE person_id=$1 AND kind IN ($2,$3) AND start_ms<=$4 AND "
                  "end_ms>$4",
                  "itti", (int64_t)person.v, kind_a, kind_b, at_ms) > 0;
}

bool staff_on_leave(struct op_ctx *ctx, struct person_id person, int64_t at_ms)
{
    return shift_at(ctx, person, at_ms, "leave", "leave");
}

bool staff_on_roster(struct op_ctx *ctx, struct person_id person, int64_t at_ms)
{
    struct calendar c;
    struct staff s;
    if (staff_on_leave(ctx, person, at_ms))
        return false;
    if (shift_at(ctx, person, at_ms, "duty", "second"))
        return true;
    if (staff_find(ctx, person, STAFF_EXPERT, &s))
        return false;
    staff_calendar(ctx, s.org, &c);
    return calendar_is_working(&c, at_ms);
}

static json_t *ref(struct op_ctx *ctx, const char *sql, uint64_t id)
{
    json_t *v = NULL;
    if (!id)
        return json_null();
    struct query *q = tx_query(ctx->tx, sql, "i", (int64_t)id);
    if (query_next(q))
        v = json_pack("{s:o,s:s}", "id", json_id(id), "name",
                      query_text(q, "name") ? query_text(q, "name") : "");
    return query_end(q) || !v ? json_null() : v;
}

json_t *staff_ref(struct op_ctx *ctx, struct person_id person)
{
    return ref(ctx, "SELECT name FROM person WHERE id=$1", person.v);
}

json_t *org_ref(struct op_ctx *ctx, struct org_id org)
{
    return ref(ctx, "SELECT name FROM org WHERE id=$1", org.v);
}

struct org_id staff_institution(struct op_ctx *ctx, struct org_id org)
{
    for (int depth = 0; org.v && depth < 8; depth++) {
        if (tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM org WHERE id=$1 AND kind='institution'", "i",
                   (int64_t)org.v))
            return org;
        org.v = (uint64_t)tx_int(ctx->tx, 0, "SELECT parent_id FROM org WHERE id=$1", "i", (int64_t)org.v);
    }
    return (struct org_id){0};
}

bool staff_is_department(struct op_ctx *ctx, struct org_id dept, struct org_id org)
{
    return dept.v != org.v && org.v && staff_institution(ctx, dept).v == org.v;
}

void staff_calendar(struct op_ctx *ctx, struct org_id org, struct calendar *out)
{
    hours_calendar(ctx, org, out);
}
