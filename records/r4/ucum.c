#include "records/r4/ucum.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

enum { LENGTH, MASS, TIME, ANGLE, TEMPERATURE, CHARGE, LIGHT, AMOUNT, ARBITRARY };

/* Sizes in metre, gram, second, radian, kelvin, coulomb, candela, mole (UCUM counts a mole; here it is a dimension, so that 1 mol is not 6e23). */
static const struct unit {
    const char *code;
    bool metric; /* takes prefixes */
    double factor;
    int8_t dimension[R4_UCUM_DIMENSIONS];
    double zero;
} units[] = {
    {"m", true, 1, {[LENGTH] = 1}}, {"g", true, 1, {[MASS] = 1}}, {"s", true, 1, {[TIME] = 1}}, {"rad", true, 1, {[ANGLE] = 1}}, {"K", true, 1, {[TEMPERATURE] = 1}},
    {"C", true, 1, {[CHARGE] = 1}}, {"cd", true, 1, {[LIGHT] = 1}}, {"mol", true, 1, {[AMOUNT] = 1}}, {"osm", true, 1, {[AMOUNT] = 1}},
    {"L", true, 1e-3, {[LENGTH] = 3}}, {"l", true, 1e-3, {[LENGTH] = 3}}, {"ar", true, 100, {[LENGTH] = 2}}, {"min", false, 60, {[TIME] = 1}}, {"h", false, 3600, {[TIME] = 1}},
    {"d", false, 86400, {[TIME] = 1}}, {"wk", false, 604800, {[TIME] = 1}}, {"mo", false, 2629800, {[TIME] = 1}}, {"a", false, 31557600, {[TIME] = 1}},
    {"Hz", true, 1, {[TIME] = -1}}, {"N", true, 1e3, {[LENGTH] = 1, [MASS] = 1, [TIME] = -2}}, {"Pa", true, 1e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"bar", true, 1e8, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}}, {"atm", false, 101325e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"m[Hg]", true, 133322e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}}, {"m[H2O]", true, 9806.65e3, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"J", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}}, {"cal", true, 4184, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}}, {"[Cal]", false, 4184e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}},
    {"W", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -3}}, {"A", true, 1, {[CHARGE] = 1, [TIME] = -1}}, {"V", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2, [CHARGE] = -1}},
    {"Ohm", true, 1e3, {[LENGTH] = 2, [MASS] = 1, [TIME] = -1, [CHARGE] = -2}}, {"Bq", true, 1, {[TIME] = -1}}, {"Ci", true, 3.7e10, {[TIME] = -1}},
    {"Gy", true, 1, {[LENGTH] = 2, [TIME] = -2}}, {"Sv", true, 1, {[LENGTH] = 2, [TIME] = -2}}, {"kat", true, 1, {[AMOUNT] = 1, [TIME] = -1}},
    {"U", true, 1e-6 / 60, {[AMOUNT] = 1, [TIME] = -1}}, {"u", true, 1.6605402e-24, {[MASS] = 1}},
    {"t", true, 1e6, {[MASS] = 1}}, {"[lb_av]", false, 453.59237, {[MASS] = 1}}, {"[oz_av]", false, 28.349523125, {[MASS] = 1}}, {"[gr]", false, 0.06479891, {[MASS] = 1}},
    {"[stone_av]", false, 6350.29318, {[MASS] = 1}}, {"[in_i]", false, 0.0254, {[LENGTH] = 1}}, {"[ft_i]", false, 0.3048, {[LENGTH] = 1}}, {"[yd_i]", false, 0.9144, {[LENGTH] = 1}},
    {"[mi_i]", false, 1609.344, {[LENGTH] = 1}}, {"Ao", false, 1e-10, {[LENGTH] = 1}}, {"[foz_us]", false, 2.95735295625e-5, {[LENGTH] = 3}}, {"[pt_us]", false, 4.73176473e-4, {[LENGTH] = 3}},
    {"[gal_us]", false, 3.785411784e-3, {[LENGTH] = 3}}, {"[tsp_us]", false, 4.92892159375e-6, {[LENGTH] = 3}}, {"[tbs_us]", false, 1.478676478125e-5, {[LENGTH] = 3}},
    {"%", false, 0.01, {0}}, {"[ppth]", false, 1e-3, {0}}, {"[ppm]", false, 1e-6, {0}}, {"[ppb]", false, 1e-9, {0}}, {"[pi]", false, 3.14159265358979323846, {0}},
    {"10*", false, 10, {0}}, {"10^", false, 10, {0}}, {"deg", false, 0.01745329251994329577, {[ANGLE] = 1}}, {"sr", true, 1, {[ANGLE] = 2}}, {"lm", true, 1, {[LIGHT] = 1, [ANGLE] = 2}},
    {"Cel", true, 1, {[TEMPERATURE] = 1}, 273.15}, {"[degF]", false, 5.0 / 9, {[TEMPERATURE] = 1}, 459.67}, {"[degR]", false, 5.0 / 9, {[TEMPERATURE] = 1}},
    {"[diop]", false, 1, {[LENGTH] = -1}}, {"b", false, 1e-28, {[LENGTH] = 2}}, {"dyn", true, 1e-2, {[LENGTH] = 1, [MASS] = 1, [TIME] = -2}}, {"[drp]", false, 5e-8, {[LENGTH] = 3}},
    {"[qt_us]", false, 9.46352946e-4, {[LENGTH] = 3}}, {"[cup_us]", false, 2.365882365e-4, {[LENGTH] = 3}}, {"[in_us]", false, 100 / 3937.0, {[LENGTH] = 1}}, {"[sft_i]", false, 0.09290304, {[LENGTH] = 2}},
    {"[in_i'H2O]", false, 249088.91, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}}, {"[in_i'Hg]", false, 3386378.8, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}},
    {"[psi]", false, 6894757.293168361, {[LENGTH] = -1, [MASS] = 1, [TIME] = -2}}, {"P", true, 100, {[LENGTH] = -1, [MASS] = 1, [TIME] = -1}}, {"St", true, 1e-4, {[LENGTH] = 2, [TIME] = -1}},
    {"RAD", true, 1e-2, {[LENGTH] = 2, [TIME] = -2}}, {"REM", true, 1e-2, {[LENGTH] = 2, [TIME] = -2}}, {"S", true, 1e-3, {[LENGTH] = -2, [MASS] = -1, [TIME] = 1, [CHARGE] = 2}},
    {"F", true, 1e-3, {[LENGTH] = -2, [MASS] = -1, [TIME] = 2, [CHARGE] = 2}}, {"T", true, 1e3, {[MASS] = 1, [TIME] = -1, [CHARGE] = -1}}, {"lx", true, 1, {[LIGHT] = 1, [ANGLE] = 2, [LENGTH] = -2}},
    {"eV", true, 1.60217733e-16, {[LENGTH] = 2, [MASS] = 1, [TIME] = -2}}, {"mo_j", false, 2629800, {[TIME] = 1}}, {"a_j", false, 31557600, {[TIME] = 1}}, {"\'", false, 0.01745329251994329577 / 60, {[ANGLE] = 1}},
    {"\'\'", false, 0.01745329251994329577 / 3600, {[ANGLE] = 1}}, {"[HPF]", false, 1, {0}}, {"[LPF]", false, 100, {0}}, {"[MET]", false, 3.5e-9 / 60, {[LENGTH] = 3, [MASS] = -1, [TIME] = -1}}, {"[pptr]", false, 1e-12, {0}}};

/* Units of a procedure, of which nothing else is made: each is of its own kind. */
static const char *const arbitrary[] = {"[iU]", "[arb'U]", "[USP'U]", "[GPL'U]", "[MPL'U]", "[APL'U]", "[beth'U]", "[anti'Xa'U]", "[todd'U]", "[dye'U]", "[smgy'U]", "[bdsk'U]",
    "[ka'U]", "[knk'U]", "[mclg'U]", "[tb'U]", "[CCID_50]", "[TCID_50]", "[EID_50]", "[PFU]", "[FFU]", "[CFU]", "[BAU]", "[AU]", "[PNU]", "[Lf]", "[D'ag'U]", "[FEU]", "[ELU]", "[EU]",
    "[IR]", "eq"};

static const struct prefix {
    const char *code;
    double factor;
} prefixes[] = {{"da", 1e1}, {"Y", 1e24}, {"Z", 1e21}, {"E", 1e18}, {"P", 1e15}, {"T", 1e12}, {"G", 1e9}, {"M", 1e6}, {"k", 1e3}, {"h", 1e2}, {"d", 1e-1},
                {"c", 1e-2}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12}, {"f", 1e-15}, {"a", 1e-18}};

struct reader {
    const char *p, *end;
    int depth;
};

static bool is(const char *code, const char *p, size_t n)
{
    return *code == *p && strlen(code) == n && memcmp(code, p, n) == 0; /* mostly the first letter says no */
}

/* A unit without prefix; `prefixed`: one that takes prefixes. */
static bool bare(const char *p, size_t n, bool prefixed, struct r4_ucum *out)
{
    if (is("[IU]", p, n))
        p = "[iU]";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if ((units[i].metric || !prefixed) && is(units[i].code, p, n)) {
            *out = (struct r4_ucum){.factor = units[i].factor, .zero = units[i].zero};
            memcpy(out->dimension, units[i].dimension, sizeof out->dimension);
            return true;
        }
    for (size_t i = 0; i < sizeof arbitrary / sizeof *arbitrary; i++)
        if (is(arbitrary[i], p, n) && (!prefixed || i == 0 || is("eq", p, n))) {
            *out = (struct r4_ucum){.factor = 1, .dimension = {[ARBITRARY] = 1}, .arbitrary = (int8_t)(i + 1)};
            return true;
        }
    return false;
}

static bool atom(const char *p, size_t n, struct r4_ucum *out)
{
    if (bare(p, n, false, out))
        return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i].code);
        if (n > len && memcmp(p, prefixes[i].code, len) == 0 && bare(p + len, n - len, true, out)) {
            out->factor *= prefixes[i].factor;
            out->zero /= prefixes[i].factor;
            return true;
        }
    }
    return false;
}

static bool term(struct reader *r, struct r4_ucum *out);

/* {what is counted}: says nothing of the size. */
static bool annotation(struct reader *r)
{
    if (r->p >= r->end || *r->p != '{')
        return true;
    const char *close = memchr(r->p, '}', (size_t)(r->end - r->p));
    r->p = close ? close + 1 : r->end;
    return close != NULL;
}

static bool digit(const struct reader *r)
{
    return r->p < r->end && isdigit((unsigned char)*r->p);
}

static int exponent(struct reader *r)
{
    const char *from = r->p;
    int sign = 1, value = 0;
    if (r->p < r->end && (*r->p == '-' || *r->p == '+'))
        sign = *r->p++ == '-' ? -1 : 1;
    if (!digit(r)) {
        r->p = from;
        return 1;
    }
    for (; digit(r) && value < 40; r->p++)
        value = value * 10 + (*r->p - '0');
    return sign * value;
}

static bool raise(struct r4_ucum *u, int power)
{
    if (u->zero != 0 && power != 1)
        return false;
    u->factor = power == 1 ? u->factor : pow(u->factor, power);
    for (size_t i = 0; i < R4_UCUM_DIMENSIONS; i++) {
        if (abs(u->dimension[i] * power) > 100)
            return false;
        u->dimension[i] = (int8_t)(u->dimension[i] * power);
    }
    return true;
}

/* A number, a term in brackets, an annotation alone, or a unit with its exponent. */
static bool component(struct reader *r, struct r4_ucum *out)
{
    *out = (struct r4_ucum){.factor = 1};
    if (r->p < r->end && *r->p == '(') {
        r->p++;
        return term(r, out) && r->p < r->end && *r->p++ == ')';
    }
    const char *from = r->p;
    if (r->p < r->end && *r->p == '{')
        return annotation(r);
    if (r->end - r->p >= 3 && (memcmp(r->p, "10*", 3) == 0 || memcmp(r->p, "10^", 3) == 0)) {
        r->p += 3;
    } else if (digit(r)) {
        for (out->factor = 0; digit(r); r->p++)
            out->factor = out->factor * 10 + (*r->p - '0');
        return out->factor > 0 && annotation(r);
    } else {
        for (bool square = false; r->p < r->end && (square || !memchr("./(){}+-0123456789", *r->p, 18)); r->p++)
            square = *r->p == '[' ? true : *r->p == ']' ? false : square;
    }
    return r->p > from && atom(from, (size_t)(r->p - from), out) && raise(out, exponent(r)) && annotation(r);
}

/* false: two arbitrary units, or a size that a double or the exponents do not hold. */
static bool multiply(struct r4_ucum *out, const struct r4_ucum *one)
{
    if (out->arbitrary && one->arbitrary && out->arbitrary != one->arbitrary)
        return false;
    out->factor *= one->factor;
    out->zero = one->zero;
    out->arbitrary = out->arbitrary ? out->arbitrary : one->arbitrary;
    for (size_t i = 0; i < R4_UCUM_DIMENSIONS; i++) {
        int sum = out->dimension[i] + one->dimension[i];
        if (abs(sum) > 100)
            return false;
        out->dimension[i] = (int8_t)sum;
    }
    return true;
}

static bool term(struct reader *r, struct r4_ucum *out)
{
    bool divide = false, more = true, alone = true;
    *out = (struct r4_ucum){.factor = 1};
    if (++r->depth > 10)
        return false;
    if (r->p < r->end && *r->p == '/') {
        divide = true;
        r->p++;
    }
    while (more) {
        struct r4_ucum one;
        if (!component(r, &one) || (divide && !raise(&one, -1)) || !multiply(out, &one))
            return false;
        more = r->p < r->end && (*r->p == '.' || *r->p == '/');
        divide = more && *r->p == '/';
        r->p += more;
        alone = alone && !more;
        if (one.zero != 0 && !alone) /* a temperature has its zero alone, in no product */
            return false;
    }
    if (!out->dimension[ARBITRARY])
        out->arbitrary = 0;
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
    return a->arbitrary == b->arbitrary && memcmp(a->dimension, b->dimension, sizeof a->dimension) == 0;
}

double r4_ucum_base(const struct r4_ucum *u, double value)
{
    return (value + u->zero) * u->factor;
}
