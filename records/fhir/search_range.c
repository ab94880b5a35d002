/* What the index rows of dates, numbers and quantities can tell of a condition: where a walk along them begins and ends. */
#include "records/fhir/search.h"
#include "records/r4/ucum.h"

#define SLACK 100 /* neighbouring doubles: more than R4_SAME of one */

static bool by_size(const struct r4_param *p)
{
    return p->type == R4_P_DATE || p->type == R4_P_NUMBER || p->type == R4_P_QUANTITY;
}

enum scale range_scale(const struct r4_term *t)
{
    struct r4_ucum unit;
    struct r4_value v = t->operands[0].v;
    return t->param->type == R4_P_QUANTITY && r4_value_to_base(&v, &unit) ? IN_BASE : AS_WRITTEN;
}

static void number_bounds(const struct r4_value *asked, enum scale scale, int64_t *low, int64_t *high)
{
    struct r4_ucum unit;
    struct r4_value v = *asked;
    if (scale == IN_BASE)
        (void)!r4_value_to_base(&v, &unit);
    *low = range_number(v.low) - SLACK;
    *high = range_number(v.high) + SLACK;
}

bool range_bounds(const struct r4_term *t, struct range_bounds *b)
{
    *b = (struct range_bounds){INT64_MIN, INT64_MAX, INT64_MIN};
    if (!t || t->n_operands != 1 || t->modifier != R4_M_NONE || t->chain || !by_size(t->param))
        return false;
    const struct r4_operand *o = &t->operands[0];
    int64_t low = o->v.low_ms, high = o->v.high_ms;
    if (t->param->type != R4_P_DATE)
        number_bounds(&o->v, range_scale(t), &low, &high);
    switch (o->prefix) {
    case R4_LT: case R4_LE: case R4_EB: b->to = high; break;
    case R4_GT: case R4_GE: b->high = low; break;
    case R4_SA: b->from = low; break;
    case R4_EQ: b->from = low, b->to = high; break;
    case R4_AP: b->to = high, b->high = low; break;
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
