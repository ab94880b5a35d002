#include "records/r4/defs.h"
#include "records/r4/search.h"
#include "records/r4/ucum.h"
#include <math.h>

/* The meaning of a search on one value (http://hl7.org/fhir/R4/search.html#prefix and the sections on each type). */

static bool same(struct r4_str a, struct r4_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool begins(struct r4_str text, struct r4_str with)
{
    return text.n >= with.n && (with.n == 0 || memcmp(text.p, with.p, with.n) == 0);
}

static bool within(struct r4_str text, struct r4_str what)
{
    return what.n == 0 || (text.n && memmem(text.p, text.n, what.p, what.n));
}

static bool date(const struct r4_operand *o, const struct r4_value *v)
{
    bool equal = o->v.low_ms <= v->low_ms && v->high_ms <= o->v.high_ms;
    switch (o->prefix) {
    case R4_EQ:
        return equal;
    case R4_NE:
        return !equal;
    case R4_GT:
        return v->high_ms > o->v.high_ms;
    case R4_LT:
        return v->low_ms < o->v.low_ms;
    case R4_GE:
        return v->high_ms > o->v.high_ms || equal;
    case R4_LE:
        return v->low_ms < o->v.low_ms || equal;
    case R4_SA:
        return v->low_ms >= o->v.high_ms;
    case R4_EB:
        return v->high_ms <= o->v.low_ms;
    default:
        return v->low_ms < o->v.high_ms && v->high_ms > o->v.low_ms;
    }
}

static int order(double a, double b)
{
    bool same = a == b || fabs(a - b) <= R4_SAME * fmin(fabs(a), fabs(b)); /* false of infinite ones */
    return same ? 0 : a < b ? -1 : 1;
}

/* eq and ne look at the precision of the asked number, the others at the number itself. A Range of the resource has no literal. */
static bool number(const struct r4_operand *o, const struct r4_value *v)
{
    double low = v->string.p ? v->number : v->low, high = v->string.p ? v->number : v->high, n = o->v.number;
    bool equal = order(low, o->v.low) >= 0 && (order(high, o->v.high) < 0 || order(high, n) == 0);
    switch (o->prefix) {
    case R4_EQ:
        return equal;
    case R4_NE:
        return !equal;
    case R4_GT:
        return order(high, n) > 0;
    case R4_LT:
        return order(low, n) < 0;
    case R4_GE:
        return order(high, n) >= 0;
    case R4_LE:
        return order(low, n) <= 0;
    case R4_SA:
        return order(low, n) > 0;
    case R4_EB:
        return order(high, n) < 0;
    default:
        return order(low, o->v.high) <= 0 && order(high, o->v.low) >= 0;
    }
}

bool r4_value_to_base(struct r4_value *v, struct r4_ucum *unit)
{
    if (!r4_str_is(v->system, R4_UCUM_SYSTEM) || !v->code.n || !r4_ucum_parse(v->code, unit))
        return false;
    v->number = r4_ucum_base(unit, v->number);
    v->low = r4_ucum_base(unit, v->low);
    v->high = r4_ucum_base(unit, v->high);
    return true;
}

/* system|code: as written, or both in base units when they are of one kind. A unit without system is compared with what stands there. */
static bool quantity(const struct r4_operand *o, const struct r4_value *v)
{
    struct r4_ucum asked, have;
    struct r4_operand base = *o;
    struct r4_value converted = *v;
    if (!o->v.code.p)
        return (!o->v.system.n || same(o->v.system, v->system)) && number(o, v);
    if (same(o->v.code, v->code) || (!o->v.system.n && same(o->v.code, v->text)))
        return (!o->v.system.n || same(o->v.system, v->system)) && number(o, v);
    return r4_value_to_base(&base.v, &asked) && r4_value_to_base(&converted, &have) && r4_ucum_alike(&asked, &have) && number(&base, &converted);
}

static bool same_code(const struct r4_value *asked, struct r4_str code)
{
    return same(asked->code, code) || (asked->any_case && asked->code.n == code.n && strncasecmp(asked->code.p, code.p, code.n) == 0);
}

static bool token(const struct r4_operand *o, const struct r4_value *v)
{
    if (!v->code.p || v->string.p) /* a text, or a row for :of-type */
        return false;
    bool system = !o->v.system.p || same(o->v.system, v->system);
    return system && (!o->v.code.p || same_code(&o->v, v->code));
}

static bool token_text(const struct r4_operand *o, const struct r4_value *v)
{
    char folded[1024];
    size_t n = r4_fold(v->text.p ? v->text.p : "", v->text.n, folded, sizeof folded);
    return v->text.p && !v->string.p && begins((struct r4_str){folded, n}, o->v.folded);
}

static bool of_type(const struct r4_operand *o, const struct r4_value *v)
{
    return v->string.p && same(o->v.string, v->string) && same(o->v.code, v->code) && (!o->v.system.p || same(o->v.system, v->system));
}

static bool string(const struct r4_term *t, const struct r4_operand *o, const struct r4_value *v)
{
    if (t->modifier == R4_M_EXACT)
        return same(o->v.string, v->string);
    if (t->modifier == R4_M_CONTAINS)
        return within(v->folded, o->v.folded);
    return begins(v->folded, o->v.folded) || (v->initials.n && begins(v->initials, o->v.folded));
}

static bool uri(const struct r4_term *t, const struct r4_operand *o, const struct r4_value *v)
{
    struct r4_str have = v->string.p ? v->string : v->url, want = o->v.string;
    if (t->modifier == R4_M_BELOW)
        return begins(have, want) && (have.n == want.n || want.p[want.n - 1] == '/' || have.p[want.n] == '/');
    if (t->modifier == R4_M_ABOVE)
        return begins(want, have) && have.n && (have.n == want.n || have.p[have.n - 1] == '/' || want.p[have.n] == '/');
    return t->modifier == R4_M_CONTAINS ? within(have, want) : same(have, want);
}

static bool reference(const struct r4_term *t, const struct r4_operand *o, const struct r4_value *v)
{
    if (t->modifier == R4_M_IDENTIFIER)
        return v->code.p && (!o->v.system.p || same(o->v.system, v->system)) && (!o->v.code.p || same(o->v.code, v->code));
    if (o->v.ref_id.p && v->ref_id.p)
        return same(o->v.ref_id, v->ref_id) && (!o->v.ref_type.p || same(o->v.ref_type, v->ref_type)) &&
               (!o->v.ref_version.p || same(o->v.ref_version, v->ref_version));
    return o->v.url.p && v->url.p && same(o->v.url, v->url) && (!o->v.ref_version.p || same(o->v.ref_version, v->ref_version));
}

static bool composite(const struct r4_term *t, const struct r4_operand *o, const struct r4_value *v)
{
    for (size_t i = 0; i < v->n_components; i++)
        if (!r4_value_matches(&(struct r4_term){.param = t->param->components[i].param}, &o->parts[i], &v->components[i]))
            return false;
    return v->n_components > 0;
}

bool r4_value_matches(const struct r4_term *t, const struct r4_operand *o, const struct r4_value *v)
{
    switch (t->param->type) {
    case R4_P_DATE:
        return date(o, v);
    case R4_P_NUMBER:
        return number(o, v);
    case R4_P_QUANTITY:
        return quantity(o, v);
    case R4_P_STRING:
        return string(t, o, v);
    case R4_P_URI:
        return uri(t, o, v);
    case R4_P_REFERENCE:
        return reference(t, o, v);
    case R4_P_COMPOSITE:
        return v->n_components == o->v.n_components && composite(t, o, v);
    case R4_P_TOKEN:
        if (t->modifier == R4_M_TEXT)
            return token_text(o, v);
        if (t->modifier == R4_M_OF_TYPE)
            return of_type(o, v);
        return t->modifier == R4_M_NONE || t->modifier == R4_M_NOT ? token(o, v) : false;
    default:
        return false;
    }
}
