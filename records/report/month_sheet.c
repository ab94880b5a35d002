/* The numbers of a month: counted now, or what counting now would say of a kept sheet. */
#include "records/parts.h"
#include "records/report/month.h"
#include "records/report/upstream.h"
#include <string.h>

struct making {
    struct op_ctx *ctx;
    struct ask ask;
    struct span before;
    struct upstream upstream;
};

static int begin(struct making *k, struct op_ctx *ctx, const struct month *m)
{
    *k = (struct making){.ctx = ctx, .ask = {.org = m->org, .now_ms = ctx->now_ms}};
    k->ask.side = figure_is_root(ctx->tx, m->org) ? SIDE_EVERYWHERE : SIDE_EITHER;
    if (!period_month(m->month, &k->ask.span, &k->before))
        return fault_set(ctx->fault, ERR_INTERNAL, "month", "The report has no month.");
    return 0;
}

static int row_of(struct making *k, const struct indicator *i, json_t **out)
{
    struct figure now, before;
    struct ask past = k->ask;
    int64_t since = upstream_since(&k->upstream, i);
    json_t *o = *out = show_meaning(i);
    k->ask.indicator = past.indicator = i;
    past.span = k->before;
    int rc = figure_of(k->ctx->tx, &k->ask, &now);
    rc = rc ? rc : figure_of(k->ctx->tx, &past, &before);
    if (rc)
        return rc;
    json_object_set_new(o, "now", show_figure(&now));
    json_object_set_new(o, "before", show_figure(&before));
    json_object_set_new(o, "met", show_met(i, &now));
    json_object_set_new(o, "since_ms", since ? json_integer(since) : json_null());
    return show_parts(k->ctx, &k->ask, o);
}

static int section_of(struct making *k, const struct section *s, json_t *sections)
{
    int rc = 0;
    json_t *rows = json_array();
    for (size_t i = 0; rc == 0 && i < s->n; i++) {
        json_t *row = NULL;
        rc = row_of(k, s->indicators[i], &row);
        json_array_append_new(rows, row);
    }
    json_array_append_new(sections, json_pack("{s:O,s:o}", "title", s->title, "rows", rows));
    return rc;
}

int month_sheet(struct op_ctx *ctx, const struct month *m, json_t **out)
{
    struct making k;
    const struct indicators *t = records_parts(ctx->records)->indicators;
    json_t *sections = json_array();
    int rc = begin(&k, ctx, m);
    rc = rc ? rc : upstream_of(ctx, m->org, k.ask.span.to_ms, &k.upstream);
    for (size_t i = 0; rc == 0 && i < t->n_sections; i++)
        rc = section_of(&k, &t->sections[i], sections);
    *out = rc ? NULL
              : json_pack("{s:s,s:o,s:b,s:I,s:s,s:o,s:o,s:I,s:O,s:o}", "month", m->month, "org", show_ref(ctx, "SELECT name FROM org WHERE id=$1", m->org), "whole",
                          (int)(k.ask.side == SIDE_EVERYWHERE), "version", (json_int_t)m->version, "reason", m->reason, "span", show_span(&k.ask.span), "before", show_span(&k.before),
                          "counted_ms", (json_int_t)ctx->now_ms, "sections", sections, "upstream", upstream_json(&k.upstream));
    json_decref(sections);
    upstream_clear(&k.upstream);
    return rc ? rc : *out ? tx_error(ctx->tx) : fault_set(ctx->fault, ERR_UNAVAILABLE, "", "Out of memory.");
}

/* ---- a kept sheet against today ---- */

static bool same(const json_t *a, const json_t *b)
{
    return json_equal(json_object_get(a, "value"), json_object_get(b, "value")) && json_equal(json_object_get(a, "numerator"), json_object_get(b, "numerator")) &&
           json_equal(json_object_get(a, "denominator"), json_object_get(b, "denominator"));
}

/* An indicator that is not counted any more, or means something else now, is not compared. */
static int compare(struct making *k, json_t *row, int *n)
{
    struct figure f;
    const char *id = json_string_value(json_object_get(row, "id"));
    const struct indicator *i = id ? indicators_find(records_parts(k->ctx->records)->indicators, id) : NULL;
    if (!i || !json_equal(json_object_get(row, "definition"), json_object_get(i->row, "definition")))
        return 0;
    k->ask.indicator = i;
    int rc = figure_of(k->ctx->tx, &k->ask, &f);
    json_t *today = show_figure(&f);
    if (rc == 0 && !same(today, json_object_get(row, "now"))) {
        json_object_set(row, "today", today);
        ++*n;
    }
    json_decref(today);
    return rc;
}

int month_differences(struct op_ctx *ctx, const struct month *m, json_t *sheet, int *n)
{
    struct making k;
    size_t s, r;
    json_t *section, *row;
    *n = 0;
    int rc = begin(&k, ctx, m);
    json_array_foreach(json_object_get(sheet, "sections"), s, section)
        json_array_foreach(json_object_get(section, "rows"), r, row)
            if (rc == 0)
                rc = compare(&k, row, n);
    return rc;
}
