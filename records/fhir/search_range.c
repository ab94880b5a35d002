/* What the index rows of dates, numbers and quantities can tell of a condition: where a walk along them begins and ends. */
#include "records/fhir/search.h"
#include <math.h>

#define SLACK 100 /* neighbouring doubles: more than R4_SAME of one */

static bool by_size(const struct r4_param *p)
{
    return p->type == R4_P_DATE || p->type == R4_P_NUMBER || p->type == R4_P_QUANTITY;
}

enum scale range_scale(const struct r4_term *t)
{
    const struct r4_value *v = &t->operands[0].v;
    return t->param->type == R4_P_QUANTITY && v->system.n && v->code.n ? IN_BASE : AS_WRITTEN;
}

/* Where what was asked begins and ends; of a quantity with its unit: within its kind. */
static struct span asked_span(const struct r4_term *t, struct range_bounds *all)
{
    struct r4_value v = t->operands[0].v;
    if (v.type == R4_P_DATE)
        return (struct span){v.low_ms, v.high_ms};
    if (range_scale(t) == AS_WRITTEN)
        return (struct span){range_number(v.low) - SLACK, range_number(v.high) + SLACK};
    int16_t kind = range_kind(&v);
    all->from = range_in_kind(kind, -INFINITY);
    all->to = range_in_kind(kind, INFINITY);
    return (struct span){range_in_kind(kind, v.low) - 1, range_in_kind(kind, v.high) + 1};
}

bool range_bounds(const struct r4_term *t, struct range_bounds *b)
{
    *b = (struct range_bounds){INT64_MIN, INT64_MAX, INT64_MIN};
    if (!t || t->n_operands != 1 || t->modifier != R4_M_NONE || t->chain || !by_size(t->param))
        return false;
    struct span s = asked_span(t, b);
    switch (t->operands[0].prefix) {
    case R4_LT: case R4_LE: case R4_EB: b->to = s.high; break;
    case R4_GT: case R4_GE: b->high = s.low; break;
    case R4_SA: b->from = s.low; break;
    case R4_EQ: b->from = s.low, b->to = s.high; break;
    case R4_AP: b->to = s.high, b->high = s.low; break;
    default: break;
    }
    return true;
}

struct range_bounds range_bounds_on(const struct finder *f, const struct r4_param *p, enum scale scale)
{
    struct range_bounds all = {INT64_MIN, INT64_MAX, INT64_MIN}, one;
    for (size_t i = 0; i < f->n_needs; i++) {
        const struct r4_term *t = f->needs[i].term;
        if (!t || t->param != p || !range_bounds(t, &one) || range_scale(t) != scale)
            continue;
        all.from = one.from > all.from ? one.from : all.from;
        all.to = one.to < all.to ? one.to : all.to;
        all.high = one.high > all.high ? one.high : all.high;
    }
    return all;
}

bool range_first(const struct finder *f, const struct facts *facts, int64_t low)
{
    bool there = false;
    for (size_t i = 0; i < facts->n; i++) {
        if (facts->values[i].param != f->range_by)
            continue;
        struct span other = range_of(&facts->values[i], f->scale);
        if (other.low < f->low_from || other.low > f->low_to || other.high < f->high_from)
            continue;
        if (f->descending ? other.low > low : other.low < low)
            return false;
        there = there || other.low == low;
    }
    return there;
}
