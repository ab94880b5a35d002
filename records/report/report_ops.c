/* The operations: a page of numbers, and the list behind one of them. */
#include "records/parts.h"
#include "records/report/show.h"
#include "records/report/upstream.h"
#include "records/work/consultation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_DEFAULT 50
#define LIST_MAX 200

struct asked { /* arguments, checked */
    struct ask ask;
    struct period period;
    const char *period_word;
};

/* ---- arguments ---- */

/* The institution whose numbers are asked for: the actor's own, or one below it. */
static int take_org(struct op_ctx *ctx, const json_t *args, struct asked *q)
{
    const char *side = arg_text(args, "side");
    uint64_t own = ctx->actor->org.v, org = arg_id(args, "org_id");
    if (org && org != own && !figure_sees(ctx->tx, own, org))
        return fault_set(ctx->fault, ERR_DENIED, "other_institution", "These numbers are those of another institution.");
    q->ask.org = org ? org : own;
    q->ask.side = side && strcmp(side, "home") == 0 ? SIDE_HOME : side && strcmp(side, "target") == 0 ? SIDE_TARGET : SIDE_EITHER;
    if (q->ask.side == SIDE_EITHER && figure_is_root(ctx->tx, q->ask.org))
        q->ask.side = SIDE_EVERYWHERE;
    ctx->audit.object = q->ask.org;
    return 0;
}

static int take_args(struct op_ctx *ctx, const json_t *args, struct asked *q)
{
    const char *period = arg_text(args, "period");
    *q = (struct asked){.period_word = period ? period : "7d", .ask = {.now_ms = ctx->now_ms}};
    if (!period_of(q->period_word, ctx->now_ms, &q->period))
        return fault_field(ctx->fault, "period", "not_a_choice");
    q->ask.span = q->period.now;
    return take_org(ctx, args, q);
}

static const struct indicators *table_of(struct op_ctx *ctx)
{
    return records_parts(ctx->records)->indicators;
}

/* The page of that name, else the first of the actor's; NULL = he has none, or not this one. */
static const struct page *page_of(struct op_ctx *ctx, const char *id)
{
    const struct indicators *t = table_of(ctx);
    for (size_t i = 0; i < t->n_pages; i++)
        if (t->pages[i].roles & ctx->actor->roles && (!id || strcmp(id, t->pages[i].id) == 0))
            return &t->pages[i];
    return NULL;
}

/* ---- numbers ---- */

static int add_trend(struct op_ctx *ctx, const struct asked *q, json_t *out)
{
    struct ask ask = q->ask;
    struct figure f;
    json_t *list = json_array();
    int rc = 0;
    for (int i = 0; rc == 0 && i < PERIOD_POINTS; i++) {
        ask.span = q->period.trend[i];
        rc = figure_of(ctx->tx, &ask, &f);
        json_t *one = show_figure(&f);
        json_object_set_new(one, "from_ms", json_integer(ask.span.from_ms));
        json_object_set_new(one, "to_ms", json_integer(ask.span.to_ms));
        json_array_append_new(list, one);
    }
    json_object_set_new(out, "trend", list);
    return rc;
}

static int indicator_json(struct op_ctx *ctx, struct asked *q, const struct upstream *u, const struct indicator *i, json_t **out)
{
    struct figure now, before;
    int64_t since = upstream_since(u, i);
    json_t *o = *out = show_meaning(i);
    struct ask ask = q->ask;
    ask.indicator = q->ask.indicator = i;
    int rc = figure_of(ctx->tx, &ask, &now);
    ask.span = q->period.before;
    rc = rc ? rc : figure_of(ctx->tx, &ask, &before);
    if (rc)
        return rc;
    json_object_set_new(o, "now", show_figure(&now));
    json_object_set_new(o, "before", show_figure(&before));
    json_object_set_new(o, "met", show_met(i, &now));
    json_object_set_new(o, "since_ms", since ? json_integer(since) : json_null());
    rc = show_parts(ctx, &q->ask, o);
    return rc ? rc : add_trend(ctx, q, o);
}

static json_t *pages_json(struct op_ctx *ctx)
{
    const struct indicators *t = table_of(ctx);
    json_t *list = json_array();
    for (size_t i = 0; i < t->n_pages; i++)
        if (t->pages[i].roles & ctx->actor->roles)
            json_array_append_new(list, json_pack("{s:s,s:O}", "id", t->pages[i].id, "title", json_object_get(t->pages[i].row, "title")));
    return list;
}

static json_t *orgs_json(struct op_ctx *ctx)
{
    json_t *list = json_array();
    struct query *q = figure_orgs(ctx->tx, ctx->actor->org.v);
    while (query_next(q))
        json_array_append_new(list, json_pack("{s:o,s:s}", "id", json_id((uint64_t)query_int(q, "id")), "name", query_text(q, "name")));
    int sticky = query_end(q);
    (void)sticky; /* the operation finds it at the transaction */
    return list;
}

static bool filling(struct op_ctx *ctx)
{
    return tx_int(ctx->tx, 0, "SELECT place FROM report_state WHERE name='walk'", "") >= 0;
}

static int report_cockpit(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct asked q;
    const struct page *page = page_of(ctx, arg_text(args, "page"));
    if (!page)
        return fault_set(ctx->fault, ERR_DENIED, "not_your_page", "This page is that of another role.");
    int rc = take_args(ctx, args, &q);
    if (rc)
        return rc;
    struct upstream u;
    json_t *list = json_array();
    rc = upstream_of(ctx, q.ask.org, q.ask.span.to_ms, &u);
    for (size_t i = 0; rc == 0 && i < page->n; i++) {
        json_t *one = NULL;
        rc = indicator_json(ctx, &q, &u, page->indicators[i], &one);
        json_array_append_new(list, one);
    }
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "page=%s period=%s", page->id, q.period_word);
    *result = json_pack("{s:s,s:O,s:o,s:s,s:o,s:o,s:o,s:o,s:b,s:I,s:b,s:o}", "page", page->id, "title", json_object_get(page->row, "title"), "pages", pages_json(ctx), "period",
                        q.period_word, "span", show_span(&q.period.now), "before", show_span(&q.period.before), "org_id", json_id(q.ask.org), "orgs", orgs_json(ctx), "whole",
                        (int)(figure_is_root(ctx->tx, q.ask.org)), "as_of_ms", (json_int_t)ctx->now_ms, "filling", (int)filling(ctx), "indicators", list);
    json_object_set_new(*result, "upstream", upstream_json(&u));
    upstream_clear(&u);
    return rc ? rc : tx_error(ctx->tx);
}

/* ---- the list behind a number ---- */

struct row { /* copied out, because telling what it is asks further queries */
    int64_t thing, case_id, t_ms, home, target, good, total, value, counted;
    char word[FACT_WORD];
};

static void hold(struct query *q, struct row *r)
{
    const char *word = query_text(q, "word");
    *r = (struct row){query_int(q, "thing_id"), query_int(q, "case_id"), query_int(q, "t_ms"), query_int(q, "home_org_id"), query_int(q, "target_org_id"),
                      query_int(q, "good"), query_int(q, "total"), query_int(q, "value"), query_int(q, "counted"), ""};
    snprintf(r->word, sizeof r->word, "%s", word ? word : "");
}

static json_t *name_of(struct op_ctx *ctx, const char *sql, int64_t id)
{
    struct query *q = tx_query(ctx->tx, sql, "i", id);
    const char *name = query_next(q) ? query_text(q, "name") : NULL;
    json_t *v = name ? json_string(name) : json_null();
    int sticky = query_end(q);
    (void)sticky;
    return v;
}

/* What a thing that is no case is called: the source that sent it. */
static json_t *about(struct op_ctx *ctx, const struct indicator *i, const struct row *r)
{
    if (i->measure != MEASURE_DATA)
        return json_null();
    return name_of(ctx, "SELECT COALESCE(s.name, c.name, o.name) AS name FROM (SELECT 1 AS one) x LEFT JOIN exchange_source s ON s.id=$1 LEFT JOIN fhir_client c ON c.id=$1 "
                        "LEFT JOIN org o ON o.id=$1",
                   r->thing);
}

static json_t *row_json(struct op_ctx *ctx, const struct indicator *i, const struct row *r)
{
    static const char org[] = "SELECT name FROM org WHERE id=$1";
    int64_t late = r->value;
    if (i->measure == MEASURE_ON_TIME && !r->good && !r->value)
        late = ctx->now_ms - r->t_ms; /* still unanswered */
    json_t *o = json_pack("{s:I,s:b,s:I,s:I,s:I,s:s,s:o,s:o,s:o,s:o}", "t_ms", (json_int_t)r->t_ms, "counted", r->counted > 0, "good", (json_int_t)r->good, "total",
                          (json_int_t)r->total, "value", (json_int_t)late, "word", r->word, "label", show_word(ctx, i, r->word), "home", name_of(ctx, org, r->home), "target",
                          name_of(ctx, org, r->target), "about", about(ctx, i, r));
    json_object_set_new(o, "case", r->case_id ? consultation_glance(ctx, (struct case_id){(uint64_t)r->case_id}) : json_null());
    return o;
}

static int list_rows(struct op_ctx *ctx, const struct ask *ask, int64_t limit, int64_t offset, json_t *items)
{
    struct row *rows = calloc((size_t)limit + 1, sizeof *rows);
    int64_t n = 0;
    if (!rows)
        abort();
    struct query *q = figure_rows(ctx->tx, ask, limit, offset);
    while (n < limit && query_next(q))
        hold(q, &rows[n++]);
    int rc = query_end(q);
    for (int64_t i = 0; rc == 0 && i < n; i++)
        json_array_append_new(items, row_json(ctx, ask->indicator, &rows[i]));
    free(rows);
    return rc;
}

/* Is it on a page of the actor's? */
static const struct indicator *indicator_of(struct op_ctx *ctx, const char *id)
{
    const struct indicators *t = table_of(ctx);
    for (size_t i = 0; i < t->n_pages; i++)
        for (size_t k = 0; t->pages[i].roles & ctx->actor->roles && k < t->pages[i].n; k++)
            if (strcmp(t->pages[i].indicators[k]->id, id) == 0)
                return t->pages[i].indicators[k];
    return NULL;
}

static size_t named(const json_t *items)
{
    size_t n = 0, i;
    json_t *one;
    json_array_foreach((json_t *)items, i, one)
        n += json_is_object(json_object_get(json_object_get(one, "case"), "patient"));
    return n;
}

static int report_list(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct asked q;
    struct figure f;
    int64_t limit = arg_int(args, "limit", LIST_DEFAULT), offset = arg_int(args, "after", 0);
    int rc = take_args(ctx, args, &q);
    if (rc)
        return rc;
    if (!(q.ask.indicator = indicator_of(ctx, arg_text(args, "indicator"))))
        return fault_set(ctx->fault, ERR_DENIED, "not_your_page", "This number is on the page of another role.");
    q.ask.word = arg_text(args, "word");
    q.ask.only = arg_text(args, "only");
    json_t *items = json_array();
    rc = figure_of(ctx->tx, &q.ask, &f);
    rc = rc ? rc : list_rows(ctx, &q.ask, limit, offset, items);
    snprintf(ctx->audit.detail, sizeof ctx->audit.detail, "indicator=%s lines=%zu named=%zu", q.ask.indicator->id, json_array_size(items), named(items));
    bool more = (int64_t)json_array_size(items) == limit;
    *result = json_pack("{s:o,s:o,s:o,s:o,s:o}", "indicator", show_meaning(q.ask.indicator), "figure", show_figure(&f), "span", show_span(&q.ask.span), "items", items, "next",
                        more ? json_integer(offset + limit) : json_null());
    return rc ? rc : tx_error(ctx->tx);
}

#define SPAN_ARGS                                                                                              \
    {"period", FIELD_ENUM, .choices = PERIOD_WORDS, .help = "in China's time; absent: 7d"},                    \
    {"org_id", FIELD_ID, .help = "an institution at or below one's own; absent: one's own"},                   \
    {"side", FIELD_ENUM, .choices = "home|target", .help = "only cases it asked, or was asked; absent: both"}
static const struct field cockpit_args[] = {{"page", FIELD_TEXT, false, 1, 20, .help = "one of one's pages; absent: the first"}, SPAN_ARGS, {0}};
static const struct field list_args[] = {{"indicator", FIELD_TEXT, true, 1, 40, .help = "which number"},
                                         SPAN_ARGS,
                                         {"word", FIELD_TEXT, false, 0, FACT_WORD, .help = "only this part of it"},
                                         {"only", FIELD_ENUM, .choices = "counted|rest", .help = "of a rate: the numerator, or the rest"},
                                         {"limit", FIELD_INT, false, 1, LIST_MAX, .help = "lines, 50"},
                                         {"after", FIELD_INT, false, 0, 10000000, .help = "the answer's next"},
                                         {0}};

const struct op report_ops[] = {
    {"report.cockpit", OP_READ, 0, "stats.read", cockpit_args, report_cockpit, "the numbers of a role's page, with their definitions; no patient"},
    {"report.list", OP_READ, OP_PHI, "stats.read", list_args, report_list, "what a number of the cockpit counts, one by one"},
    {0}};
