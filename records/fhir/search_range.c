/* What the index rows of dates, numbers and quantities can tell of a condition: where a walk along them begins and ends. */
#include "records/fhir/search.h"
#include <math.h>

#define SLACK 100 /* neighbouring doubles: more than R4_SAME of one */

static const struct range_bounds everything = {INT64_MIN, INT64_MAX, INT64_MIN, INT64_MAX};

static bool by_size(const struct r4_param *p)
{
    return p->type == R4_P_DATE || p->type == R4_P_NUMBER || p->type == R4_P_QUANTITY;
}

/* A date or number begins and ends somewhere. */
static void bound_stretch(enum r4_prefix prefix, struct span s, struct range_bounds *b)
{
    switch (prefix) {
    case R4_LT: case R4_LE: case R4_EB: b->to = s.high; break;
    case R4_GT: case R4_GE: b->high = s.low; break;
    case R4_SA: b->from = s.low; break;
    case R4_EQ: b->from = s.low, b->to = s.high; break;
    case R4_AP: b->to = s.high, b->high = s.low; break;
    default: break;
    }
}

/* A quantity's row stands at one point. A Range with what is asked for between its ends has none there. */
static void bound_point(const struct r4_term *t, struct span s, int64_t *from, int64_t *to)
{
    enum r4_prefix prefix = t->operands[0].prefix;
    bool between = prefix == R4_AP && strstr(t->param->expression, "Range");
    if (prefix == R4_GT || prefix == R4_GE || prefix == R4_SA || prefix == R4_EQ || (prefix == R4_AP && !between))
        *from = s.low;
    if (prefix == R4_LT || prefix == R4_LE || prefix == R4_EB || prefix == R4_EQ || prefix == R4_AP)
        *to = s.high;
}

/* With a unit: within its kind. Without one: anywhere, by the number as it is written. */
static void bound_quantity(const struct r4_term *t, struct range_bounds *b)
{
    struct r4_value v = t->operands[0].v;
    if (!v.system.n || !v.code.n) {
        bound_point(t, (struct span){range_number(v.low) - SLACK, range_number(v.high) + SLACK}, &b->high, &b->high_to);
        return;
    }
    int16_t kind = range_kind(&v);
    b->from = range_in_kind(kind, -INFINITY);
    b->to = range_in_kind(kind, INFINITY);
    bound_point(t, (struct span){range_in_kind(kind, v.low) - 1, range_in_kind(kind, v.high) + 1}, &b->from, &b->to);
}

bool range_bounds(const struct r4_term *t, struct range_bounds *b)
{
    *b = everything;
    if (!t || t->n_operands != 1 || t->modifier != R4_M_NONE || t->chain || !by_size(t->param))
        return false;
    const struct r4_value *v = &t->operands[0].v;
    if (t->param->type == R4_P_QUANTITY)
        bound_quantity(t, b);
    else
        bound_stretch(t->operands[0].prefix, t->param->type == R4_P_DATE ? (struct span){v->low_ms, v->high_ms} : (struct span){range_number(v->low) - SLACK, range_number(v->high) + SLACK}, b);
    return true;
}

/* A resource with several values, or with a Range, may meet two conditions by two rows. */
static bool of_one_row(const struct r4_param *p)
{
    return !strstr(p->expression, "component") && !strstr(p->expression, "Range");
}

struct range_bounds range_bounds_on(const struct finder *f, const struct r4_param *p)
{
    struct range_bounds all = everything, one;
    for (size_t i = 0; i < f->n_needs; i++) {
        const struct r4_term *t = f->needs[i].term;
        if (!t || t->param != p || !range_bounds(t, &one))
            continue;
        all.from = one.from > all.from ? one.from : all.from;
        all.to = one.to < all.to ? one.to : all.to;
        all.high = one.high > all.high ? one.high : all.high;
        all.high_to = one.high_to < all.high_to ? one.high_to : all.high_to;
        if (!of_one_row(p))
            break;
    }
    return all;
}

static bool walked_over(const struct range_bounds *b, struct span row)
{
    return row.low >= b->from && row.low <= b->to && row.high >= b->high && row.high <= b->high_to;
}

bool range_first(const struct finder *f, const struct facts *facts, int64_t low)
{
    bool there = false;
    for (size_t i = 0; i < facts->n; i++) {
        struct span rows[2];
        size_t n = facts->values[i].param == f->range_by ? range_rows(&facts->values[i], rows) : 0;
        for (size_t k = 0; k < n; k++) {
            if (!walked_over(&f->bounds, rows[k]))
                continue;
            if (f->descending ? rows[k].low > low : rows[k].low < low)
                return false;
            there = there || rows[k].low == low;
        }
    }
    return there;
}
