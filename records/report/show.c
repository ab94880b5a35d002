#include "records/report/show.h"
#include "records/parts.h"
#include <string.h>

#define PARTS_MAX 12

json_t *show_figure(const struct figure *f)
{
    return json_pack("{s:o,s:I,s:I}", "value", f->known ? json_real(f->value) : json_null(), "numerator", (json_int_t)f->numerator, "denominator", (json_int_t)f->denominator);
}

json_t *show_span(const struct span *s)
{
    return json_pack("{s:I,s:I}", "from_ms", (json_int_t)s->from_ms, "to_ms", (json_int_t)s->to_ms);
}

/* A place of the application form by its label. */
static const json_t *form_label(struct op_ctx *ctx, const char *path)
{
    const json_t *form = forms_find(records_parts(ctx->records)->work.forms, "consultation");
    size_t i, k;
    json_t *section, *field;
    json_array_foreach(json_object_get(form, "sections"), i, section)
        json_array_foreach(json_object_get(section, "fields"), k, field)
            if (strcmp(json_string_value(json_object_get(field, "path")), path) == 0)
                return json_object_get(field, "label");
    return NULL;
}

json_t *show_word(struct op_ctx *ctx, const struct indicator *i, const char *word)
{
    const json_t *label = i->measure == MEASURE_MISSING ? form_label(ctx, word) : NULL;
    label = label ? label : indicators_word(records_parts(ctx->records)->indicators, word);
    return label ? json_incref((json_t *)label) : json_null();
}

int show_parts(struct op_ctx *ctx, const struct ask *ask, json_t *out)
{
    struct figure_part parts[PARTS_MAX];
    size_t n;
    json_t *list = json_array();
    int rc = figure_parts(ctx->tx, ask, parts, PARTS_MAX, &n);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        json_t *one = show_figure(&parts[i].figure);
        json_object_set_new(one, "word", json_string(parts[i].word));
        json_object_set_new(one, "label", show_word(ctx, ask->indicator, parts[i].word));
        json_array_append_new(list, one);
    }
    json_object_set_new(out, "parts", list);
    return rc;
}

json_t *show_meaning(const struct indicator *i)
{
    static const char *const kept[] = {"title", "definition", "numerator", "denominator", "events"}, *const betters[] = {"up", "down", "none"};
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:o}", "id", i->id, "measure", measure_word(i->measure), "unit", i->unit, "better", betters[i->better], "target",
                          i->has_target ? json_real(i->target) : json_null());
    for (size_t k = 0; k < sizeof kept / sizeof *kept; k++) {
        json_t *v = json_object_get(i->row, kept[k]);
        json_object_set_new(o, k == 2 ? "numerator_text" : k == 3 ? "denominator_text" : kept[k], v ? json_incref(v) : json_null());
    }
    return o;
}

json_t *show_met(const struct indicator *i, const struct figure *f)
{
    if (!i->has_target || !f->known || i->better == BETTER_NONE)
        return json_null();
    return json_boolean(i->better == BETTER_UP ? f->value >= i->target : f->value <= i->target);
}

json_t *show_ref(struct op_ctx *ctx, const char *sql, uint64_t id)
{
    struct query *q = tx_query(ctx->tx, sql, "i", (int64_t)id);
    json_t *out = query_next(q) ? json_pack("{s:o,s:s}", "id", json_id(id), "name", query_text(q, "name")) : json_null();
    int sticky = query_end(q);
    (void)sticky; /* the operation finds it at the transaction */
    return out;
}
