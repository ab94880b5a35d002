#include "records/r4/ucum.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

enum { LENGTH, MASS, TIME, ANGLE, TEMPERATURE, CHARGE, LIGHT, AMOUNT, INTERNATIONAL, OWN };

/* Sizes in metre, gram, second, radian, kelvin, coulomb, candela, mole (UCUM counts a mole; here it is a dimension, so that 1 mol is not 6e23). */
static const struct unit {
    const char *code;
    bool metric; /* takes prefixes */
    double factor;
    int8_t dimension[R4_UCUM_DIMENSIONS];
} units[] = {
    {"m", true, 1, {[LENGTH] = 1}}, {"g", true, 1, {[MASS] = 1}}, {"s", true, 1, {[TIME] = 1}}, {"rad", true, 1, {[ANGLE] = 1}}, {"K", true, 1, {[TEMPERATURE] = 1}},
    {"C", true, 1, {[CHARGE] = 1}}, {"cd", true, 1, {[LIGHT] = 1}}, {"mol", true, 1, {[AMOUNT] = 1}}, {"eq", true, 1, {[AMOUNT] = 1}}, {"osm", true, 1, {[AMOUNT] = 1}},
    {"L", true, 1e-3, {[LENGTH] = 3}}, {"l", true, 1e-3, {[LENGTH] = 3}}, {"ar", true, 100, {[LENGTH] = 2}}, {"min", false, 60, {[TIME] = 1}}, {"h", false, 3600, {[TIME] = 1}},
    {"d", false, 86400, {[TIME] = 1}}, {"wk", false, 604800, {[TIME] = 1}}, {"mo", false, 2629800, {[TIME] = 1}}, {"a", false, 31557600, {[TIME] = 1}},
    {"Hz", true, 1, {[TIME] = -1}}, {"N", true, 1e3, {[LENGTH] = 1, [MASS] = 1, [TIME] = -2}}, {"Pa", true, 1e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"bar", true, 1e8, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}}, {"atm", false, 101325e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"m[Hg]", true, 133322e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}}, {"m[H2O]", true, 9806.65e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"J", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}}, {"cal", true, 4184, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}}, {"[Cal]", false, 4184e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}},
    {"W", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -3}}, {"A", true, 1, {[CHARGE] = 1, [TIME] = -1}}, {"V", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2, [CHARGE] = -1}},
    {"Ohm", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -1, [CHARGE] = -2}}, {"Bq", true, 1, {[TIME] = -1}}, {"Ci", true, 3.7e10, {[TIME] = -1}},
    {"Gy", true, 1, {[LENGTH] = 2, [TIME] = -2}}, {"Sv", true, 1, {[LENGTH] = 2, [TIME] = -2}}, {"kat", true, 1, {[AMOUNT] = 1, [TIME] = -1}},
    {"U", true, 1e-6 / 60, {[AMOUNT] = 1, [TIME] = -1}}, {"[iU]", true, 1, {[INTERNATIONAL] = 1}}, {"[IU]", true, 1, {[INTERNATIONAL] = 1}}, {"u", true, 1.6605402e-24, {[MASS] = 1}},
    {"t", true, 1e6, {[MASS] = 1}}, {"[lb_av]", false, 453.59237, {[MASS] = 1}}, {"[oz_av]", false, 28.349523125, {[MASS] = 1}}, {"[gr]", false, 0.06479891, {[MASS] = 1}},
    {"[stone_av]", false, 6350.29318, {[MASS] = 1}}, {"[in_i]", false, 0.0254, {[LENGTH] = 1}}, {"[ft_i]", false, 0.3048, {[LENGTH] = 1}}, {"[yd_i]", false, 0.9144, {[LENGTH] = 1}},
    {"[mi_i]", false, 1609.344, {[LENGTH] = 1}}, {"Ao", false, 1e-10, {[LENGTH] = 1}}, {"[foz_us]", false, 2.95735295625e-5, {[LENGTH] = 3}}, {"[pt_us]", false, 4.73176473e-4, {[LENGTH] = 3}},
    {"[gal_us]", false, 3.785411784e-3, {[LENGTH] = 3}}, {"[tsp_us]", false, 4.92892159375e-6, {[LENGTH] = 3}}, {"[tbs_us]", false, 1.478676478125e-5, {[LENGTH] = 3}},
    {"%", false, 0.01, {0}}, {"[ppth]", false, 1e-3, {0}}, {"[ppm]", false, 1e-6, {0}}, {"[ppb]", false, 1e-9, {0}}, {"[pi]", false, 3.14159265358979323846, {0}},
    {"10*", false, 10, {0}}, {"10^", false, 10, {0}}, {"deg", false, 0.01745329251994329577, {[ANGLE] = 1}}, {"sr", true, 1, {[ANGLE] = 2}}, {"lm", true, 1, {[LIGHT] = 1, [ANGLE] = 2}}};

static const struct prefix {
    const char *code;
    double factor;
} prefixes[] = {{"da", 1e1}, {"Y", 1e24}, {"Z", 1e21}, {"E", 1e18}, {"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}, {"h", 1e2}, {"d", 1e-1},
                {"c", 1e-2}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12}, {"f", 1e-15}, {"a", 1e-18}};

struct reader {
    const char *p, *end;
    int depth;
};

static const struct unit *unit_find(const char *p, size_t n)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i].code) == n && memcmp(units[i].code, p, n) == 0)
            return &units[i];
    return NULL;
}

static bool atom(const char *p, size_t n, struct r4_ucum *out)
{
    const struct unit *u = unit_find(p, n);
    double factor = 1;
    for (size_t i = 0; !u && i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i].code);
        if (n > len && memcmp(p, prefixes[i].code, len) == 0 && (u = unit_find(p + len, n - len))) {
            factor = prefixes[i].factor;
            u = u->metric ? u : NULL;
        }
    }
    if (!u)
        return false;
    out->factor = factor * u->factor;
    memcpy(out->dimension, u->dimension, sizeof out->dimension);
    return true;
}

static bool term(struct reader *r, struct r4_ucum *out);

static void annotation(struct reader *r)
{
    if (r->p < r->end && *r->p == '{')
        while (r->p < r->end && *r->p++ != '}')
            ;
}

/* A unit, a number or a bracketed term, without its exponent. */
static bool component(struct reader *r, struct r4_ucum *out)
{
    *out = (struct r4_ucum){.factor = 1};
    if (r->p < r->end && *r->p == '(') {
        r->p++;
        if (!term(r, out) || r->p >= r->end || *r->p != ')')
            return false;
        r->p++;
        return true;
    }
    const char *from = r->p;
    if (r->p < r->end && *r->p == '{') {
        annotation(r);
        return true;
    }
    if (r->end - r->p >= 3 && r->p[0] == '1' && r->p[1] == '0' && (r->p[2] == '*' || r->p[2] == '^')) {
        r->p += 3;
        return atom(from, 3, out);
    }
    if (r->p < r->end && isdigit((unsigned char)*r->p)) {
        for (out->factor = 0; r->p < r->end && isdigit((unsigned char)*r->p); r->p++)
            out->factor = out->factor * 10 + (*r->p - '0');
        return out->factor > 0;
    }
    for (bool square = false; r->p < r->end && (square || !strchr("./(){}+-0123456789", *r->p)); r->p++)
        square = *r->p == '[' ? true : *r->p == ']' ? false : square;
    return r->p > from && atom(from, (size_t)(r->p - from), out);
}

static int exponent(struct reader *r)
{
    const char *from = r->p;
    int sign = 1, value = 0;
    if (r->p < r->end && (*r->p == '-' || *r->p == '+'))
        sign = *r->p++ == '-' ? -1 : 1;
    if (r->p >= r->end || !isdigit((unsigned char)*r->p)) {
        r->p = from;
        return 1;
    }
    for (; r->p < r->end && isdigit((unsigned char)*r->p) && value < 40; r->p++)
        value = value * 10 + (*r->p - '0');
    return sign * value;
}

static bool term(struct reader *r, struct r4_ucum *out)
{
    bool divide = false, more = true;
    *out = (struct r4_ucum){.factor = 1};
    if (++r->depth > 10)
        return false;
    if (r->p < r->end && *r->p == '/') {
        divide = true;
        r->p++;
    }
    while (more) {
        struct r4_ucum one;
        if (!component(r, &one))
            return false;
        int power = exponent(r) * (divide ? -1 : 1);
        annotation(r);
        out->factor *= pow(one.factor, power);
        for (size_t i = 0; i < R4_UCUM_DIMENSIONS; i++) {
            int sum = out->dimension[i] + one.dimension[i] * power;
            if (abs(sum) > 100)
                return false;
            out->dimension[i] = (int8_t)sum;
        }
        more = r->p < r->end && (*r->p == '.' || *r->p == '/');
        divide = more && *r->p == '/';
        r->p += more;
    }
    r->depth--;
    return true;
}

bool r4_ucum_parse(struct r4_str unit, struct r4_ucum *out)
{
    struct reader r = {unit.p, unit.p + unit.n, 0};
    *out = (struct r4_ucum){.factor = 1};
    return !unit.n || (unit.n < 100 && term(&r, out) && r.p == r.end && isfinite(out->factor) && out->factor > 0);
}

bool r4_ucum_alike(const struct r4_ucum *a, const struct r4_ucum *b)
{
    return memcmp(a->dimension, b->dimension, sizeof a->dimension) == 0;
}
