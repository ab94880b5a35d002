/* Choosing the term that leads: whose rows are walked. */
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
    free(f->members.list);
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

#define MEMBERS_MAX 300000 /* of 16 bytes */

static bool take_members(struct finder *f, int64_t key)
{
    size_t cap = MEMBERS_MAX / 16;
    struct hits m = {.list = malloc(cap * sizeof *m.list)};
    m.failed = !m.list;
    struct query *q = tx_query(f->tx, "SELECT pkey, rid FROM fhir_token WHERE key=$1 ORDER BY pkey, rid LIMIT $2", "ii", key, (int64_t)MEMBERS_MAX + 1);
    while (!m.failed && !m.over && query_next(q)) {
        struct hit *more = m.n < cap ? m.list : realloc(m.list, (cap *= 2) * sizeof *more);
        m.list = more ? more : m.list;
        m.failed = !more;
        m.over = m.n == MEMBERS_MAX;
        if (more)
            m.list[m.n++] = (struct hit){query_int(q, "pkey"), query_int(q, "rid")};
    }
    if (query_end(q) || m.failed || m.over) {
        free(m.list);
        return false;
    }
    f->members = m;
    return true;
}

/* The quantities of one code stand together, behind those of many others: to hold its resources in memory costs less than to look each row up that is passed over. */
void finder_take_members(struct finder *f)
{
    for (size_t i = 0; i < f->n_also; i++)
        if (take_members(f, f->also[i]))
            return;
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
    free(f->members.list);
    memset(&f->members, 0, sizeof f->members);
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
