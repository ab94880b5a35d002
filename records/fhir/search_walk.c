/* Walking the rows of the term that leads. */
#include "records/fhir/search.h"
#include <stdio.h>

static bool needs_hold(const struct finder *f, const struct fhir_row *row, const struct facts *facts)
{
    for (size_t i = 0; i < f->n_needs; i++) {
        const struct need *n = &f->needs[i];
        if (n->done)
            continue;
        if (!n->term) { /* a compartment */
            bool in = false;
            for (size_t k = 0; k < facts->n_tokens && !in; k++)
                for (size_t j = 0; j < n->n_keys && !in; j++)
                    in = facts->tokens[k].key == n->keys[j];
            if (!in)
                return false;
        } else if (!term_holds(f, n, row, facts))
            return false;
    }
    return true;
}

/* Is it one of the results? Opens the facts where they are needed. */
static bool examine(struct finder *f, struct found *found, struct facts *facts)
{
    struct fhir_work *w = f->w;
    struct scratch *s = w->plan->scratch;
    size_t len;
    if (found->row.deleted || found->row.born > f->snapshot || fhir_closed(w, f->tx, found->row.pkey, found->row.rid))
        return false;
    if (!f->residual && !f->want_facts)
        return true;
    f->looked++;
    r4_doc_reset(s->rows);
    const void *sealed = query_blob(found->q, "facts", &len);
    found->row.facts = body_open(w->fhir, s, w->fhir->facts_key, (const int64_t[2]){found->row.rid, found->row.vid}, sealed, len, &found->row.facts_len);
    if (!found->row.facts || !facts_read(w->fhir, s->rows, f->type, found->row.facts, found->row.facts_len, facts))
        return false;
    found->facts = facts;
    if (!f->residual)
        return true;
    if (f->compartment)
        facts_rows(w->fhir, f->type, facts);
    return needs_hold(f, &found->row, facts) && (f->lead != LEAD_RANGE || range_first(f, facts, found->low));
}

struct walk {
    struct finder *f;
    bool (*each)(void *ctx, struct found *found);
    void *ctx;
    size_t stretch, most; /* rows of the next one, and what it grows to */
    size_t matched;       /* of this one */
};

/* Of each record one row, and on to the next record. */
static bool takes_first(const struct finder *f)
{
    return f->one_each && f->lead == LEAD_KEY && !f->scoped;
}

/* Where every row of the key is one that is looked for, the first of each record mostly is the one that is taken: asked for together. */
static bool firsts_together(const struct finder *f)
{
    return takes_first(f) && !f->residual && !f->n_also;
}

static bool visit(struct walk *k, struct query *q)
{
    struct found found = {.q = q};
    struct facts facts = {0};
    bool go_on = true, match;
    row_head(q, k->f->type, &found.row);
    if (k->f->lead == LEAD_RANGE)
        found.low = query_int(q, "low");
    if ((match = examine(k->f, &found, &facts))) {
        k->matched++;
        go_on = k->each(k->ctx, &found);
    }
    if (go_on && takes_first(k->f) && match != firsts_together(k->f)) {
        k->f->cut = (struct cursor){true, found.row.pkey, match ? INT64_MAX : found.row.rid, 0};
        go_on = false;
    }
    if (go_on && k->f->look_max && k->f->looked >= k->f->look_max) {
        k->f->cut = (struct cursor){true, found.row.pkey, found.row.rid, found.low};
        go_on = false;
    }
    facts_clear(&facts);
    fhir_row_clear(&found.row);
    return go_on;
}

#define COLUMNS "r.pkey AS pkey, r.rid AS rid, r.vid AS vid, r.seq AS seq, r.born AS born, r.t_ms AS t_ms, r.deleted AS deleted, r.name AS name"
/* Rows of a walk in one statement: PostgreSQL sends all its rows at once, however few are looked at. The first of a page are as many as fill it; where that was
 * not enough, each stretch has at most four times as many, and none the bodies of rows of which few are shown. */
#define STRETCH_ROWS 100
#define STRETCH_GROWN 800 /* where most are passed over */
#define SHOWN_PART 8      /* fewer than one of so many */
#define MEMBER_ROWS 4000 /* of the index alone */
#define JOINED " CROSS JOIN fhir_resource r WHERE r.pkey=t.pkey AND r.rid=t.rid AND "

static const char *columns_of(const struct finder *f)
{
    bool facts = f->residual || f->want_facts;
    return f->no_body || f->bare ? facts ? COLUMNS ", r.facts AS facts" : COLUMNS : facts ? COLUMNS ", r.body AS body, r.facts AS facts" : COLUMNS ", r.body AS body";
}

/* One statement for each number of terms looked up beside; its parameters follow the first `n`. The words behind LIMIT change nothing, but PostgreSQL,
 * which would make a join of it and look up half the key, leaves it as it stands. */
static void also_sql(const struct finder *f, int n, char *sql, size_t cap, char *types)
{
    for (size_t i = 0; i < f->n_also; i++) {
        size_t at = strlen(sql);
        snprintf(sql + at, cap - at, " AND EXISTS (SELECT 1 FROM fhir_token a WHERE a.key=$%d AND a.pkey=t.pkey AND a.rid=t.rid LIMIT 1 OFFSET 0)", n + (int)i + 1);
        strcat(types, "i");
    }
}

static struct query *open_key(struct finder *f, const struct cursor *after, size_t rows)
{
    char sql[1400], types[16] = "iiii";
    int64_t pkey = after->set ? after->pkey : INT64_MIN, rid = after->set ? after->rid : INT64_MIN;
    snprintf(sql, sizeof sql, "SELECT %s FROM fhir_token t" JOINED "t.key=$1 AND %s", columns_of(f),
             f->scoped ? "t.pkey=$2 AND t.rid>$3" : "(t.pkey,t.rid)>($2,$3)");
    also_sql(f, 4, sql, sizeof sql, types);
    strcat(sql, f->scoped ? " ORDER BY t.rid LIMIT $4" : " ORDER BY t.pkey, t.rid LIMIT $4");
    return tx_query(f->tx, sql, types, f->key, f->scoped ? f->pkey : pkey, rid, (int64_t)rows, f->also[0], f->also[1], f->also[2]);
}

/* The next row, and the first of each record behind its own: a step in the index for each. */
static struct query *open_firsts(struct finder *f, const struct cursor *after, size_t rows)
{
    char sql[1400];
    snprintf(sql, sizeof sql, "WITH RECURSIVE t(pkey, rid, n) AS (SELECT pkey, rid, 1 FROM (SELECT pkey, rid FROM fhir_token WHERE key=$1 AND (pkey,rid)>($2,$3) ORDER BY pkey, rid LIMIT 1) AS e "
             "UNION ALL SELECT (SELECT MIN(pkey) FROM fhir_token WHERE key=$1 AND pkey>t.pkey), CAST(NULL AS INTEGER), n+1 FROM t WHERE pkey IS NOT NULL AND n<$4) "
             "SELECT %s FROM t CROSS JOIN fhir_resource r WHERE r.pkey=t.pkey AND r.rid=COALESCE(t.rid, (SELECT MIN(a.rid) FROM fhir_token a WHERE a.key=$1 AND a.pkey=t.pkey)) ORDER BY t.n",
             columns_of(f));
    return tx_query(f->tx, sql, "iiii", f->key, after->set ? after->pkey : INT64_MIN, after->set ? after->rid : INT64_MIN, (int64_t)rows);
}

static struct query *open_range(struct finder *f, const struct cursor *after, size_t rows)
{
    char sql[1400], types[16] = "iiiiiiii";
    bool down = f->descending;
    const struct range_bounds *b = &f->bounds;
    int64_t edge = down ? INT64_MAX : INT64_MIN, low = after->set ? after->low : down ? b->to : b->from;
    snprintf(sql, sizeof sql, "SELECT t.low AS low, %s FROM fhir_range t%s t.param=$1 AND (t.low,t.pkey,t.rid)%s($2,$3,$4) AND t.low%s$5 AND t.high>=$6 AND t.high<=$7",
             f->members.n ? "t.pkey AS pkey, t.rid AS rid" : columns_of(f), f->members.n ? " WHERE" : JOINED, down ? "<" : ">", down ? ">=" : "<=");
    if (!f->members.n)
        also_sql(f, 8, sql, sizeof sql, types);
    strcat(sql, down ? " ORDER BY t.low DESC, t.pkey DESC, t.rid DESC LIMIT $8" : " ORDER BY t.low, t.pkey, t.rid LIMIT $8");
    return tx_query(f->tx, sql, types, f->range, low, after->set ? after->pkey : edge, after->set ? after->rid : edge, down ? b->from : b->to, b->high, b->high_to,
                    (int64_t)rows, f->also[0], f->also[1], f->also[2]);
}

#define PAIR(i) list[i].pkey, list[i].rid

/* Those of a list, in its order; of fewer than TOGETHER the last one is named again. */
static struct query *open_hits(struct finder *f, const struct hit *from, size_t n)
{
    char sql[700];
    struct hit list[TOGETHER];
    for (size_t i = 0; i < TOGETHER; i++)
        list[i] = from[i < n ? i : n - 1];
    snprintf(sql, sizeof sql, "WITH t(pkey,rid) AS (VALUES ($1,$2),($3,$4),($5,$6),($7,$8),($9,$10),($11,$12),($13,$14),($15,$16)) SELECT %s FROM (SELECT DISTINCT pkey, rid FROM t) AS d "
             "CROSS JOIN fhir_resource r WHERE r.pkey=d.pkey AND r.rid=d.rid ORDER BY r.pkey, r.rid", columns_of(f));
    return tx_query(f->tx, sql, "iiiiiiiiiiiiiiii", PAIR(0), PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6), PAIR(7));
}

static int run_hits(struct walk *k, const struct cursor *after)
{
    struct finder *f = k->f;
    const struct hits *h = f->leader && f->leader->by_hits ? &f->leader->hits : &f->hits;
    bool go_on = true;
    int rc = 0;
    size_t i = 0;
    while (after->set && i < h->n && (h->list[i].pkey < after->pkey || (h->list[i].pkey == after->pkey && h->list[i].rid <= after->rid)))
        i++;
    for (size_t n; i < h->n && go_on && rc == 0; i += n) {
        n = h->n - i < TOGETHER ? h->n - i : TOGETHER;
        struct query *q = open_hits(f, &h->list[i], n);
        while (go_on && query_next(q))
            go_on = visit(k, q);
        rc = query_end(q);
    }
    return rc;
}

/* A row of the index whose resource is one of f->members. */
static bool visit_member(struct walk *k, const struct cursor *here)
{
    struct finder *f = k->f;
    char sql[1400], types[16] = "iii";
    snprintf(sql, sizeof sql, "WITH t(low,pkey,rid) AS (VALUES ($1,$2,$3)) SELECT t.low AS low, %s FROM t" JOINED "r.deleted=0", columns_of(f));
    also_sql(f, 3, sql, sizeof sql, types);
    struct query *q = tx_query(f->tx, sql, types, here->low, here->pkey, here->rid, f->also[0], f->also[1], f->also[2]);
    bool go_on = !query_next(q) || visit(k, q);
    return query_end(q) == 0 && go_on;
}

static bool same_place(const struct cursor *a, const struct cursor *b)
{
    return a->set == b->set && a->pkey == b->pkey && a->rid == b->rid && a->low == b->low;
}

/* The next stretch, behind one of `rows`: larger the longer little is found, but no further than the walk may look. */
static void grow(struct walk *k, size_t rows)
{
    struct finder *f = k->f;
    size_t next = k->most, left = f->look_max > f->looked ? f->look_max - f->looked : 0;
    f->bare = f->residual && !f->members.n && k->matched * SHOWN_PART < rows;
    if (f->bare && rows == k->stretch && k->most == STRETCH_ROWS)
        next = 4 * rows < STRETCH_ROWS ? STRETCH_ROWS : 4 * rows < STRETCH_GROWN ? 4 * rows : STRETCH_GROWN;
    k->stretch = f->look_max && left && left < next && next > k->most ? left : next;
}

/* From `at` on, which is where to go on afterwards: behind the stretch, or behind the record that has shown one; not set when that was all. */
static int walk_stretch(struct walk *k, struct cursor *at)
{
    struct finder *f = k->f;
    struct cursor last = {0};
    size_t rows = 0;
    bool go_on = true;
    f->cut.set = false;
    k->matched = 0;
    struct query *q = f->lead == LEAD_RANGE ? open_range(f, at, k->stretch) : firsts_together(f) ? open_firsts(f, at, k->stretch) : open_key(f, at, k->stretch);
    for (; go_on && query_next(q); rows++) {
        struct cursor here = {true, query_int(q, "pkey"), query_int(q, "rid"), f->lead == LEAD_RANGE ? query_int(q, "low") : 0};
        if (!same_place(&here, &last)) /* two periods of a resource that begin together */
            go_on = !f->members.n ? visit(k, q) : !hits_have(&f->members, here.pkey, here.rid) || visit_member(k, &here);
        last = here;
    }
    int rc = query_end(q);
    if (firsts_together(f))
        last.rid = INT64_MAX;
    *at = go_on && rows == k->stretch ? last : f->one_each ? f->cut : (struct cursor){0};
    grow(k, rows);
    return rc;
}

int finder_run(struct finder *f, const struct cursor *after, bool (*each)(void *ctx, struct found *found), void *ctx)
{
    size_t most = f->members.n ? MEMBER_ROWS : takes_first(f) && !f->residual && f->n_also ? 1 : STRETCH_ROWS;
    struct walk k = {f, each, ctx, f->page && f->page < most && !f->members.n ? f->page : most, most, 0};
    f->bare = false;
    if (f->nothing)
        return 0;
    if (f->lead == LEAD_HITS)
        return run_hits(&k, after);
    struct cursor at = *after;
    int rc;
    do
        rc = walk_stretch(&k, &at);
    while (rc == 0 && at.set);
    return rc;
}

static bool count_one(void *ctx, struct found *found)
{
    (void)found;
    (*(int64_t *)ctx)++;
    return true;
}

/* What is closed to an institution is not counted for it either - but among so many it tells of nobody, and each would have to be opened. */
#define COUNT_OF_FEW 1000

bool finder_counts_rows(const struct finder *f)
{
    return f->nothing || (!f->residual && f->lead == LEAD_KEY && !(f->scoped && f->w->actor.org));
}

int finder_count(struct finder *f, int64_t *out)
{
    char sql[1000] = "SELECT COUNT(*) AS n FROM fhir_token t WHERE t.key=$1", types[16] = "i";
    *out = 0;
    if (f->nothing)
        return 0;
    f->want_facts = false;
    f->no_body = true;
    if (!finder_counts_rows(f))
        return finder_run(f, &(struct cursor){0}, count_one, out);
    if (f->scoped) {
        strcat(sql, " AND t.pkey=$2");
        strcat(types, "i");
        also_sql(f, 2, sql, sizeof sql, types);
        *out = tx_int(f->tx, 0, sql, types, f->key, f->pkey, f->also[0], f->also[1], f->also[2]);
    } else {
        also_sql(f, 1, sql, sizeof sql, types);
        *out = tx_int(f->tx, 0, sql, types, f->key, f->also[0], f->also[1], f->also[2]);
    }
    if (f->w->actor.org && *out <= COUNT_OF_FEW) {
        *out = 0;
        return finder_run(f, &(struct cursor){0}, count_one, out);
    }
    return tx_error(f->tx);
}
