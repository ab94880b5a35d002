/* Sums in the engine, middles here: the same on SQLite and PostgreSQL. */
#include "records/report/figure.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS 60000.0

#define BELOW "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$2 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "
/* what makes the numerator: the fact's own good, or the words that the indicator counts */
#define NUMERATOR "CASE WHEN $6='' THEN f.good WHEN f.word=$6 OR f.word=$7 OR f.word=$8 THEN f.total ELSE 0 END"
#define FACTS                                                                                                                                         \
    " FROM report_fact f WHERE f.measure=$1 AND f.t_ms>=$4 AND f.t_ms<$5 AND ($3=0 OR ($3<>3 AND f.home_org_id IN (SELECT id FROM below)) OR "         \
    "($3<>2 AND f.target_org_id IN (SELECT id FROM below))) AND ($9='' OR f.word=$9) AND ($10='' OR ($10='counted' AND " NUMERATOR ">0) OR "           \
    "($10='rest' AND " NUMERATOR "=0))"
#define SUMS "SUM(" NUMERATOR ") AS good, SUM(f.total) AS total, SUM(f.value) AS value, COUNT(*) AS n"
#define TYPES "iiiiittttt"
#define VALUES(a)                                                                                                                                    \
    (int64_t)(a)->indicator->measure, (int64_t)(a)->org, (int64_t)(a)->side, (a)->span.from_ms, end_of(a), count_of(a, 0), count_of(a, 1), count_of(a, 2), \
        (a)->word ? (a)->word : "", (a)->only ? (a)->only : ""

static int64_t end_of(const struct ask *a)
{
    return a->span.to_ms > a->now_ms ? a->now_ms + 1 : a->span.to_ms;
}

static const char *count_of(const struct ask *a, int i)
{
    return a->indicator->counts[i] ? a->indicator->counts[i] : "";
}

static bool in_order(const struct indicator *i)
{
    return i->figure == FIGURE_MEDIAN || i->figure == FIGURE_P90;
}

/* ---- sums ---- */

static void take_sums(const struct indicator *i, struct query *q, struct figure *out)
{
    int64_t good = query_int(q, "good"), total = query_int(q, "total"), n = query_int(q, "n");
    *out = (struct figure){.known = i->figure == FIGURE_COUNT || n > 0, .numerator = good, .denominator = total};
    if (i->figure == FIGURE_COUNT)
        out->value = (double)total;
    else if (i->figure == FIGURE_RATE)
        out->value = total ? 100.0 * (double)good / (double)total : 0;
    else
        out->value = n ? (double)query_int(q, "value") / 100.0 / (double)n : 0;
    if (i->figure == FIGURE_COUNT || i->figure == FIGURE_MEAN)
        out->numerator = 0;
}

static int sums(struct tx *tx, const struct ask *a, struct figure *out)
{
    struct query *q = tx_query(tx, BELOW "SELECT " SUMS FACTS, TYPES, VALUES(a));
    if (query_next(q))
        take_sums(a->indicator, q, out);
    return query_end(q);
}

/* ---- the middle, and the time nine of ten did not exceed ---- */

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void middle(const struct indicator *i, int64_t *sorted, size_t n, struct figure *out)
{
    *out = (struct figure){.known = n > 0, .denominator = (int64_t)n};
    if (!n)
        return;
    qsort(sorted, n, sizeof *sorted, by_value);
    size_t nine = (n * 9 + 9) / 10 - 1; /* nearest rank */
    double ms = i->figure == FIGURE_P90 ? (double)sorted[nine] : ((double)sorted[(n - 1) / 2] + (double)sorted[n / 2]) / 2;
    out->value = ms / MINUTE_MS;
}

static void grow(void **list, size_t *cap, size_t size)
{
    *cap = *cap ? *cap * 2 : 1024;
    *list = realloc(*list, *cap * size);
    if (!*list)
        abort();
}

static int middle_of(struct tx *tx, const struct ask *a, struct figure *out)
{
    int64_t *list = NULL;
    size_t n = 0, cap = 0;
    struct query *q = tx_query(tx, BELOW "SELECT f.value AS value" FACTS, TYPES, VALUES(a));
    while (query_next(q)) {
        if (n == cap)
            grow((void **)&list, &cap, sizeof *list);
        list[n++] = query_int(q, "value");
    }
    int rc = query_end(q);
    middle(a->indicator, list, n, out);
    free(list);
    return rc;
}

int figure_of(struct tx *tx, const struct ask *a, struct figure *out)
{
    memset(out, 0, sizeof *out);
    return in_order(a->indicator) ? middle_of(tx, a, out) : sums(tx, a, out);
}

/* ---- by word ---- */

static int part_sums(struct tx *tx, const struct ask *a, struct figure_part *out, size_t cap, size_t *n)
{
    struct query *q = tx_query(tx, BELOW "SELECT f.word AS word, " SUMS FACTS " GROUP BY f.word ORDER BY total DESC, f.word", TYPES, VALUES(a));
    while (*n < cap && query_next(q)) {
        const char *word = query_text(q, "word");
        if (!word || !*word)
            continue;
        snprintf(out[*n].word, sizeof out->word, "%s", word);
        take_sums(a->indicator, q, &out[(*n)++].figure);
    }
    return query_end(q);
}

static int part_middles(struct tx *tx, const struct ask *a, struct figure_part *out, size_t cap, size_t *n)
{
    int rc = part_sums(tx, a, out, cap, n);
    for (size_t i = 0; rc == 0 && i < *n; i++) {
        struct ask one = *a;
        one.word = out[i].word;
        rc = middle_of(tx, &one, &out[i].figure);
    }
    return rc;
}

int figure_parts(struct tx *tx, const struct ask *a, struct figure_part *out, size_t cap, size_t *n)
{
    *n = 0;
    return in_order(a->indicator) ? part_middles(tx, a, out, cap, n) : part_sums(tx, a, out, cap, n);
}

/* ---- the rows themselves ---- */

#define ROWS BELOW "SELECT f.thing_id, f.case_id, f.t_ms, f.home_org_id, f.target_org_id, f.good, f.total, f.value, f.word, " NUMERATOR " AS counted" FACTS

struct query *figure_rows(struct tx *tx, const struct ask *a, int64_t limit, int64_t offset)
{
    return tx_query(tx, in_order(a->indicator) ? ROWS " ORDER BY f.value DESC, f.t_ms DESC, f.thing_id, f.part LIMIT $11 OFFSET $12"
                                               : ROWS " ORDER BY f.t_ms DESC, f.thing_id, f.part LIMIT $11 OFFSET $12",
                    TYPES "ii", VALUES(a), limit, offset);
}

/* ---- whose ---- */

bool figure_is_root(struct tx *tx, uint64_t org)
{
    return tx_int(tx, -1, "SELECT parent_id FROM org WHERE id=$1", "i", (int64_t)org) == 0;
}

bool figure_sees(struct tx *tx, uint64_t org, uint64_t other)
{
    return tx_int(tx, 0, "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$1 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "
                         "SELECT COUNT(*) FROM below WHERE id=$2",
                  "ii", (int64_t)org, (int64_t)other) > 0;
}

struct query *figure_orgs(struct tx *tx, uint64_t org)
{
    return tx_query(tx, "WITH RECURSIVE below(id) AS (SELECT id FROM org WHERE id=$1 UNION ALL SELECT o.id FROM org o JOIN below b ON o.parent_id=b.id) "
                        "SELECT o.id AS id, o.name AS name FROM org o JOIN below b ON b.id=o.id WHERE o.kind='institution' ORDER BY CASE WHEN o.id=$1 THEN 0 ELSE 1 END, o.code",
                    "i", (int64_t)org);
}
