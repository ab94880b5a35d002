/* Choosing the leading term and walking its rows. */
#include "records/fhir/search.h"
#include <stdio.h>

#define ESTIMATE_MAX 2000 /* rows counted of a key: beyond that it is "many" */
#define ESTIMATE_KEYS 16
#define COUNTED 4
struct counted { /* of how many rows a key is, at most ESTIMATE_MAX */
    size_t n;
    int64_t key[COUNTED], rows[COUNTED];
};

/* Types whose patient is one: who searches one patient's record looks into it alone. */
bool of_one_patient(const char *type)
{
    static const char *const types[] = {"AllergyIntolerance", "CarePlan", "Communication", "Condition", "Consent", "DiagnosticReport", "DocumentReference",
                                        "Encounter", "ImagingStudy", "Immunization", "MedicationRequest", "MedicationStatement", "Observation", "Procedure",
                                        "ServiceRequest"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

/* ---- opening ---- */

static void find_scope(struct finder *f, const struct r4_term *t)
{
    char name[FHIR_ID_BYTES];
    if (f->scoped || t->chain || t->n_operands != 1 || (t->modifier != R4_M_NONE && t->modifier != R4_M_TYPE) || !of_one_patient(f->type->name) ||
        (strcmp(t->param->code, "patient") && strcmp(t->param->code, "subject")))
        return;
    const struct r4_value *v = &t->operands[0].v;
    bool patient = r4_str_is(v->ref_type, "Patient") || (!v->ref_type.p && ((t->modifier_type && strcmp(t->modifier_type->name, "Patient") == 0) ||
                                                                        strcmp(t->param->code, "patient") == 0));
    if (!patient || !v->ref_id.p || v->ref_id.n >= sizeof name)
        return;
    snprintf(name, sizeof name, "%.*s", (int)v->ref_id.n, v->ref_id.p);
    f->pkey = tx_int(f->tx, 0, "SELECT pkey FROM fhir_name WHERE type='Patient' AND name=$1", "t", name);
    f->scoped = f->pkey != 0;
    f->nothing = f->nothing || !f->scoped;
}

int finder_open(struct finder *f, struct fhir_work *w, struct tx *tx, const struct r4_type *type, const struct r4_term *terms)
{
    memset(f, 0, sizeof *f);
    f->w = w;
    f->tx = tx;
    f->type = type;
    f->snapshot = INT64_MAX;
    f->range_need = RANGE_CHOOSE;
    for (const struct r4_term *t = terms; t; t = t->next) {
        if (f->n_needs == NEEDS_MAX)
            return fhir_fail(w, ERR_INVALID, "too_many_terms", "A search has at most %d conditions.", NEEDS_MAX);
        struct need *n = &f->needs[f->n_needs++];
        int rc = need_compile(f, t, n);
        if (rc)
            return rc;
        find_scope(f, t);
        f->nothing = f->nothing || (n->keyed && !n->n_keys) || (n->by_hits && !n->hits.n);
    }
    return 0;
}

int finder_compartment(struct finder *f, const char *compartment, const char *name)
{
    const struct r4_param *const *list;
    size_t n = r4_compartment(fhir_r4(f->w->fhir), compartment, f->type, &list);
    struct need *need = &f->needs[f->n_needs];
    if (!n || f->n_needs == NEEDS_MAX)
        return fhir_fail(f->w, ERR_NOT_FOUND, "compartment", "Resources of this type are in no such compartment.");
    *need = (struct need){.keyed = true, .exact = true, .keys = r4_doc_alloc(f->w->plan->scratch->doc, n * sizeof(int64_t))};
    if (!need->keys)
        return fhir_fail(f->w, ERR_UNAVAILABLE, "", "Out of memory.");
    for (size_t i = 0; i < n; i++)
        need->keys[need->n_keys++] = key_reference(f->w->fhir, f->type, list[i], (struct r4_str){compartment, strlen(compartment)},
                                                   (struct r4_str){name, strlen(name)});
    f->n_needs++;
    f->compartment = true;
    return 0;
}

void finder_close(struct finder *f)
{
    for (size_t i = 0; i < f->n_needs; i++)
        free(f->needs[i].hits.list);
    free(f->hits.list);
}

/* ---- planning ---- */

#define COUNT_OF(key) "(SELECT COUNT(*) FROM (SELECT 1 FROM fhir_token WHERE key=" key " LIMIT 2000) AS t)"
#define COUNT_IN(key) "(SELECT COUNT(*) FROM (SELECT 1 FROM fhir_token WHERE key=" key " AND pkey=$5 LIMIT 2000) AS t)"

/* The rows of the first keys, in one question: mostly these are all. A key of 0 is nobody's. */
static void count_first(struct finder *f, struct counted *c)
{
    c->n = 0;
    for (size_t i = 0; i < f->n_needs; i++)
        for (size_t k = 0; f->needs[i].keyed && k < f->needs[i].n_keys && c->n < COUNTED; k++)
            c->key[c->n++] = f->needs[i].keys[k];
    for (size_t k = c->n; k < COUNTED; k++)
        c->key[k] = 0;
    if (!c->n)
        return;
    struct query *q = f->scoped ? tx_query(f->tx, "SELECT " COUNT_IN("$1") " AS a, " COUNT_IN("$2") " AS b, " COUNT_IN("$3") " AS c, " COUNT_IN("$4") " AS d", "iiiii",
                                           c->key[0], c->key[1], c->key[2], c->key[3], f->pkey)
                                : tx_query(f->tx, "SELECT " COUNT_OF("$1") " AS a, " COUNT_OF("$2") " AS b, " COUNT_OF("$3") " AS c, " COUNT_OF("$4") " AS d", "iiii",
                                           c->key[0], c->key[1], c->key[2], c->key[3]);
    static const char *const names[COUNTED] = {"a", "b", "c", "d"};
    bool row = query_next(q);
    for (size_t k = 0; k < COUNTED; k++)
        c->rows[k] = row ? query_int(q, names[k]) : 0;
    (void)!query_end(q);
}

static bool was_counted(const struct counted *c, int64_t key, int64_t *rows)
{
    for (size_t k = 0; k < c->n; k++)
        if (c->key[k] == key) {
            *rows = c->rows[k];
            return true;
        }
    return false;
}

static int64_t count_key(struct finder *f, int64_t key)
{
    if (f->scoped)
        return tx_int(f->tx, 0, "SELECT " COUNT_OF("$1 AND pkey=$2") " AS n", "ii", key, f->pkey);
    return tx_int(f->tx, 0, "SELECT " COUNT_OF("$1") " AS n", "i", key);
}

static void estimate(struct finder *f, const struct counted *c, struct need *n)
{
    n->estimate = n->by_hits ? (int64_t)n->hits.n : INT64_MAX;
    if (!n->keyed)
        return;
    size_t kept = 0;
    n->estimate = 0;
    for (size_t i = 0; i < n->n_keys; i++) {
        int64_t rows = 0;
        bool counted = was_counted(c, n->keys[i], &rows);
        if (!counted && i < ESTIMATE_KEYS && n->estimate < ESTIMATE_MAX) {
            rows = count_key(f, n->keys[i]);
            counted = true;
        }
        n->estimate += rows;
        if (rows || !counted) /* a key without rows leads nowhere: of two that one parameter has, one alone may lead */
            n->keys[kept++] = n->keys[i];
    }
    n->n_keys = kept;
    if (n->n_keys > ESTIMATE_KEYS)
        n->estimate += (int64_t)n->n_keys;
}

#define TOGETHER 8 /* keys, or hits, in one statement: to a server each is a journey */

/* The rows of some keys, the last of which is named again where they are fewer. A server sends all of them: no more than are wanted. */
static void gather_some(struct finder *f, const int64_t *keys, size_t n)
{
    int64_t k[TOGETHER], most = (int64_t)(HITS_MAX + 1 - f->hits.n);
    for (size_t i = 0; i < TOGETHER; i++)
        k[i] = keys[i < n ? i : n - 1];
    struct query *q = f->scoped ? tx_query(f->tx, "SELECT pkey, rid FROM fhir_token WHERE key IN ($1,$2,$3,$4,$5,$6,$7,$8) AND pkey=$9 LIMIT $10", "iiiiiiiiii", k[0], k[1], k[2], k[3], k[4],
                                           k[5], k[6], k[7], f->pkey, most)
                                : tx_query(f->tx, "SELECT pkey, rid FROM fhir_token WHERE key IN ($1,$2,$3,$4,$5,$6,$7,$8) LIMIT $9", "iiiiiiiii", k[0], k[1], k[2], k[3], k[4], k[5], k[6],
                                           k[7], most);
    while (!f->hits.over && query_next(q))
        hits_add(&f->hits, query_int(q, "pkey"), query_int(q, "rid"));
    (void)!query_end(q);
}

/* Several keys: their rows together, when they are not too many. */
static bool gather(struct finder *f, const struct need *n)
{
    for (size_t i = 0; i < n->n_keys && !f->hits.over; i += TOGETHER)
        gather_some(f, &n->keys[i], n->n_keys - i < TOGETHER ? n->n_keys - i : TOGETHER);
    if (f->hits.over) {
        free(f->hits.list);
        memset(&f->hits, 0, sizeof f->hits);
        return false;
    }
    hits_sort(&f->hits);
    return true;
}

static void lead_with(struct finder *f, struct need *n)
{
    if (n->by_hits) {
        f->lead = LEAD_HITS;
        f->leader = n;
        n->done = true;
    } else if (n->n_keys == 1) {
        f->lead = LEAD_KEY;
        f->key = n->keys[0];
        n->done = n->exact;
    } else if (gather(f, n)) {
        f->lead = LEAD_HITS;
        n->done = n->exact;
    }
}

static void look_beside(struct finder *f)
{
    if (f->lead == LEAD_HITS)
        return;
    for (size_t i = 0; i < f->n_needs; i++) {
        struct need *n = &f->needs[i];
        if (n->done || !n->keyed || n->n_keys != 1 || f->n_also == ALSO_MAX || (f->lead == LEAD_KEY && n->keys[0] == f->key))
            continue;
        f->also[f->n_also++] = n->keys[0];
        n->done = n->exact;
    }
}

static void note_residual(struct finder *f)
{
    for (size_t i = 0; i < f->n_needs; i++)
        f->residual = f->residual || !f->needs[i].done;
}

void finder_plan_range(struct finder *f, const struct r4_param *p, bool descending)
{
    f->lead = LEAD_RANGE;
    f->range = range_param(f->w->fhir, f->type, p);
    f->range_by = p;
    f->descending = descending;
    f->bounds = range_bounds_on(f, p);
    for (size_t i = 0; i < f->n_needs; i++)
        f->needs[i].done = false;
    free(f->hits.list);
    memset(&f->hits, 0, sizeof f->hits);
    f->n_also = 0;
    f->residual = true; /* a resource with several values comes once */
    look_beside(f);
}

/* Counted as the keys are. A date that began earlier and lasts is left out: counting it would be a walk through all. */
static int64_t count_range(struct finder *f, const struct r4_term *t)
{
    struct range_bounds b = range_bounds_on(f, t->param);
    int64_t from = t->param->type != R4_P_QUANTITY && b.high > b.from ? b.high : b.from;
    return tx_int(f->tx, 0, "SELECT COUNT(*) AS n FROM (SELECT 1 FROM fhir_range WHERE param=$1 AND low>=$2 AND low<=$3 AND high>=$4 AND high<=$5 LIMIT 2000) AS t", "iiiii",
                  range_param(f->w->fhir, f->type, t->param), from, b.to, b.high, b.high_to);
}

/* The condition on a date or number that leads: where no key does, or the rows of every key are many and its own are few. A page that goes
 * on is led as the one before it, whatever the counts say now. */
static int range_leader(struct finder *f, const struct need *best)
{
    struct range_bounds b;
    if (f->scoped || f->nothing || (best && f->range_need == RANGE_NONE))
        return RANGE_NONE;
    if (best && f->range_need != RANGE_CHOOSE)
        return (size_t)f->range_need < f->n_needs && range_bounds(f->needs[f->range_need].term, &b) ? f->range_need : RANGE_NONE;
    if (best && best->estimate < ESTIMATE_MAX)
        return RANGE_NONE;
    for (size_t i = 0; i < f->n_needs; i++)
        if (range_bounds(f->needs[i].term, &b) && (!best || count_range(f, f->needs[i].term) < ESTIMATE_MAX))
            return (int)i;
    return RANGE_NONE;
}

/* Where only what a row covers is bounded below, the greatest come first: those that begin behind the bound are at that end. */
static void lead_with_range(struct finder *f, int need)
{
    const struct r4_term *t = f->needs[need].term;
    struct range_bounds b = range_bounds_on(f, t->param);
    finder_plan_range(f, t->param, b.high > INT64_MIN && b.high_to == INT64_MAX);
    f->led_by = need;
}

/* A search may be planned again: for its count, for those that an ordered walk left out. */
static void forget_plan(struct finder *f)
{
    for (size_t i = 0; i < f->n_needs; i++)
        f->needs[i].done = false;
    free(f->hits.list);
    memset(&f->hits, 0, sizeof f->hits);
    f->leader = NULL;
    f->lead = 0;
    f->led_by = RANGE_NONE;
    f->n_also = 0;
    f->residual = false;
}

void finder_plan(struct finder *f)
{
    struct need *best = NULL;
    struct counted counted = {0};
    forget_plan(f);
    if (!f->nothing)
        count_first(f, &counted);
    for (size_t i = 0; i < f->n_needs; i++) {
        struct need *n = &f->needs[i];
        if (!f->nothing && (n->keyed || n->by_hits)) {
            estimate(f, &counted, n);
            if (!best || n->estimate < best->estimate)
                best = n;
        }
    }
    int range = range_leader(f, best);
    if (range >= 0) {
        lead_with_range(f, range);
        return;
    }
    if (best)
        lead_with(f, best);
    if (!f->lead) { /* the whole type, or all of it in one record */
        f->lead = LEAD_KEY;
        f->key = key_type(f->w->fhir, f->type);
    }
    look_beside(f);
    note_residual(f);
}

/* ---- walking ---- */

static void take(struct query *q, struct fhir_row *row, const struct r4_type *type)
{
    row->pkey = query_int(q, "pkey");
    row->rid = query_int(q, "rid");
    row->vid = query_int(q, "vid");
    row->seq = query_int(q, "seq");
    row->born = query_int(q, "born");
    row->t_ms = query_int(q, "t_ms");
    row->deleted = query_int(q, "deleted");
    snprintf(row->name, sizeof row->name, "%s", query_text(q, "name"));
    row->type = type;
    row->found = true;
}

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
    size_t stretch, most; /* rows of the next one, and of those behind it */
};

/* Of each record one row, and on to the next record. */
static bool takes_first(const struct finder *f)
{
    return f->one_each && f->lead == LEAD_KEY && !f->scoped;
}

static bool visit(struct walk *k, struct query *q)
{
    struct found found = {.q = q};
    struct facts facts = {0};
    bool go_on = true, match;
    take(q, &found.row, k->f->type);
    if (k->f->lead == LEAD_RANGE)
        found.low = query_int(q, "low");
    if ((match = examine(k->f, &found, &facts)))
        go_on = k->each(k->ctx, &found);
    if (go_on && match && takes_first(k->f)) {
        k->f->cut = (struct cursor){true, found.row.pkey, INT64_MAX, 0};
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
/* Rows of a walk in one statement: PostgreSQL sends all its rows at once, however few are looked at. The first of a page are as many as fill it. */
#define STRETCH_ROWS 100
#define JOINED " CROSS JOIN fhir_resource r WHERE r.pkey=t.pkey AND r.rid=t.rid AND "

static const char *columns_of(const struct finder *f)
{
    bool facts = f->residual || f->want_facts;
    return f->no_body ? facts ? COLUMNS ", r.facts AS facts" : COLUMNS : facts ? COLUMNS ", r.body AS body, r.facts AS facts" : COLUMNS ", r.body AS body";
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

static struct query *open_range(struct finder *f, const struct cursor *after, size_t rows)
{
    char sql[1400], types[16] = "iiiiiiii";
    bool down = f->descending;
    const struct range_bounds *b = &f->bounds;
    int64_t edge = down ? INT64_MAX : INT64_MIN, low = after->set ? after->low : down ? b->to : b->from;
    snprintf(sql, sizeof sql, "SELECT t.low AS low, %s FROM fhir_range t" JOINED "t.param=$1 AND (t.low,t.pkey,t.rid)%s($2,$3,$4) AND t.low%s$5 AND t.high>=$6 AND t.high<=$7",
             columns_of(f), down ? "<" : ">", down ? ">=" : "<=");
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

static bool same_place(const struct cursor *a, const struct cursor *b)
{
    return a->set == b->set && a->pkey == b->pkey && a->rid == b->rid && a->low == b->low;
}

/* From `at` on, which is where to go on afterwards: behind the stretch, or behind the record that has shown one; not set when that was all. */
static int walk_stretch(struct walk *k, struct cursor *at)
{
    struct finder *f = k->f;
    struct cursor last = {0};
    size_t rows = 0;
    bool go_on = true;
    f->cut.set = false;
    struct query *q = f->lead == LEAD_RANGE ? open_range(f, at, k->stretch) : open_key(f, at, k->stretch);
    for (; go_on && query_next(q); rows++) {
        struct cursor here = {true, query_int(q, "pkey"), query_int(q, "rid"), f->lead == LEAD_RANGE ? query_int(q, "low") : 0};
        if (!same_place(&here, &last)) /* two periods of a resource that begin together */
            go_on = visit(k, q);
        last = here;
    }
    int rc = query_end(q);
    *at = go_on && rows == k->stretch ? last : f->one_each ? f->cut : (struct cursor){0};
    k->stretch = k->most;
    return rc;
}

int finder_run(struct finder *f, const struct cursor *after, bool (*each)(void *ctx, struct found *found), void *ctx)
{
    size_t most = takes_first(f) && !f->residual ? 1 : STRETCH_ROWS;
    struct walk k = {f, each, ctx, f->page && f->page < most ? f->page : most, most};
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

int finder_count(struct finder *f, int64_t *out)
{
    char sql[1000] = "SELECT COUNT(*) AS n FROM fhir_token t WHERE t.key=$1", types[16] = "i";
    *out = 0;
    if (f->nothing)
        return 0;
    f->want_facts = false;
    f->no_body = true;
    if (f->residual || f->lead != LEAD_KEY || (f->scoped && f->w->actor.org)) /* of one patient nothing may be told that is closed */
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
    return tx_error(f->tx);
}
