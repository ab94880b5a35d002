/* Whom management's notices reach. */
#include "records/parts.h"
#include "records/report/people.h"

struct wanted {
    int role;          /* -1: any that has the right */
    const char *right;
};

static bool fits(const struct access *a, const struct wanted *w, int role)
{
    return role >= 0 && (w->role >= 0 ? role == w->role : access_roles_may(a, 1ull << role, w->right));
}

/* Those who have it at this very institution; org 0: at any. */
static size_t at(struct op_ctx *ctx, uint64_t org, const struct wanted *w, struct person_id out[PEOPLE_MAX])
{
    const struct access *a = records_parts(ctx->records)->access;
    size_t n = 0;
    struct query *q = tx_query(ctx->tx,
                               "SELECT DISTINCT t.person_id, r.role FROM post t JOIN post_role r ON r.post_id=t.id JOIN person e ON e.id=t.person_id WHERE e.active=1 AND "
                               "($1=0 OR t.org_id=$1) ORDER BY t.person_id, r.role",
                               "i", (int64_t)org);
    while (n < PEOPLE_MAX && query_next(q)) {
        uint64_t person = (uint64_t)query_int(q, "person_id");
        if (fits(a, w, access_role(a, query_text(q, "role"))) && (n == 0 || out[n - 1].v != person))
            out[n++].v = person;
    }
    int sticky = query_end(q);
    (void)sticky; /* whoever writes next finds it at the transaction */
    return n;
}

static size_t nearest(struct op_ctx *ctx, uint64_t org, const struct wanted *w, struct person_id out[PEOPLE_MAX])
{
    size_t n = at(ctx, org, w, out);
    for (int level = 0; n == 0 && org && level < PEOPLE_LEVELS; level++) {
        org = (uint64_t)tx_int(ctx->tx, 0, "SELECT parent_id FROM org WHERE id=$1", "i", (int64_t)org);
        n = org ? at(ctx, org, w, out) : 0;
    }
    return n;
}

size_t people_with_role(struct op_ctx *ctx, uint64_t org, int role, struct person_id out[PEOPLE_MAX])
{
    return nearest(ctx, org, &(struct wanted){role, NULL}, out);
}

size_t people_with_right(struct op_ctx *ctx, uint64_t org, const char *right, struct person_id out[PEOPLE_MAX])
{
    return nearest(ctx, org, &(struct wanted){-1, right}, out);
}
