#include "records/quality/units.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POWER_MAX 9
#define TEN_MAX 30

struct atom {
    const char *name;
    bool metric; /* takes prefixes */
    double factor;
    signed char power[UNIT_BASES];
};
/* UCUM tables 1 and 4; U and [iU] are both arbitrary: of one item they mean the same. */
static const struct atom atoms[] = {
    {"g", true, 1, {[UNIT_G] = 1}},
    {"m", true, 1, {[UNIT_M] = 1}},
    {"L", true, 1e-3, {[UNIT_M] = 3}},
    {"l", true, 1e-3, {[UNIT_M] = 3}},
    {"s", true, 1, {[UNIT_S] = 1}},
    {"min", false, 60, {[UNIT_S] = 1}},
    {"h", false, 3600, {[UNIT_S] = 1}},
    {"d", false, 86400, {[UNIT_S] = 1}},
    {"mol", true, 1, {[UNIT_MOL] = 1}},
    {"eq", true, 1, {[UNIT_EQ] = 1}},
    {"U", true, 1, {[UNIT_U] = 1}},
    {"IU", true, 1, {[UNIT_U] = 1}},
    {"[iU]", true, 1, {[UNIT_U] = 1}},
    {"[IU]", true, 1, {[UNIT_U] = 1}},
    {"kat", true, 6e7, {[UNIT_U] = 1}}, /* 1 U = 1 umol/min */
    {"Pa", true, 1e3, {[UNIT_G] = 1, [UNIT_M] = -1, [UNIT_S] = -2}},
    {"m[Hg]", true, 133322e3, {[UNIT_G] = 1, [UNIT_M] = -1, [UNIT_S] = -2}},
    {"Cel", false, 1, {[UNIT_CEL] = 1}},
    {"[degF]", false, 1, {[UNIT_DEGF] = 1}},
    {"[pH]", false, 1, {[UNIT_PH] = 1}},
    {"%", false, 1e-2, {0}},
    {"[lb_av]", false, 453.59237, {[UNIT_G] = 1}},
    {"[in_i]", false, 0.0254, {[UNIT_M] = 1}},
};
static const struct {
    const char *name;
    double factor;
} prefixes[] = {{"da", 1e1}, {"k", 1e3}, {"h", 1e2}, {"d", 1e-1}, {"c", 1e-2}, {"m", 1e-3}, {"u", 1e-6}, {"n", 1e-9}, {"p", 1e-12}, {"f", 1e-15}, {"M", 1e6}, {"G", 1e9}};

static bool named(const char *name, const char *at, size_t n)
{
    return strlen(name) == n && memcmp(name, at, n) == 0;
}

static const struct atom *find(const char *at, size_t n)
{
    for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++)
        if (named(atoms[i].name, at, n))
            return &atoms[i];
    return NULL;
}

/* An atom as it is, or one that takes prefixes with one: "min" is minutes, "m" + "mol" a prefix. */
static const struct atom *find_prefixed(const char *at, size_t n, double *prefix)
{
    const struct atom *a = find(at, n);
    *prefix = 1;
    for (size_t i = 0; !a && i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i].name);
        if (n <= len || memcmp(prefixes[i].name, at, len) != 0)
            continue;
        a = find(at + len, n - len);
        a = a && a->metric ? a : NULL;
        *prefix = prefixes[i].factor;
    }
    return a;
}

/* 10*9, 10^9, 10e9: the number of times ten; or a plain factor. */
static bool number(const char **at, double *out)
{
    char *end;
    long n = strtol(*at, &end, 10);
    if (n < 1 || n > 1000000)
        return false;
    *out = (double)n;
    *at = end;
    if (n == 10 && (*end == '*' || *end == '^' || *end == 'e' || *end == 'E')) {
        long ten = strtol(end + 1, (char **)at, 10);
        if (*at == end + 1 || ten < -TEN_MAX || ten > TEN_MAX)
            return false;
        *out = pow(10, (double)ten);
    }
    return true;
}

static size_t symbol(const char *at)
{
    size_t n = 0;
    while (at[n] && !strchr("./{0123456789+-*^() ", at[n]))
        if (at[n++] == '[')
            while (at[n] && at[n - 1] != ']')
                n++;
    return n;
}

static bool power(const char **at, int *out)
{
    *out = 1;
    if (!isdigit((unsigned char)**at) && **at != '-' && **at != '+')
        return true;
    char *end;
    long n = strtol(*at, &end, 10);
    if (end == *at || n < -POWER_MAX || n > POWER_MAX || n == 0)
        return false;
    *at = end;
    *out = (int)n;
    return true;
}

static bool take(struct unit *out, const struct atom *a, double prefix, int n)
{
    out->factor *= pow(a->factor * prefix, n);
    for (size_t i = 0; i < UNIT_BASES; i++) {
        int sum = out->power[i] + a->power[i] * n;
        if (sum < -99 || sum > 99)
            return false;
        out->power[i] = (signed char)sum;
    }
    return true;
}

/* One factor: a number, an atom with its power, an annotation alone (a count of something). */
static bool component(const char **at, int sign, struct unit *out)
{
    double n;
    int p;
    bool some = **at == '{';
    if (isdigit((unsigned char)**at)) {
        some = number(at, &n);
        out->factor *= some ? pow(n, sign) : 1;
    } else if (!some) {
        size_t len = symbol(*at);
        const struct atom *a = len ? find_prefixed(*at, len, &n) : NULL;
        *at += len;
        some = a && power(at, &p) && take(out, a, n, p * sign);
    }
    if (some && **at == '{') {
        const char *end = strchr(*at, '}');
        some = end != NULL;
        *at = end ? end + 1 : *at;
    }
    return some;
}

bool unit_parse(const char *text, struct unit *out)
{
    *out = (struct unit){.factor = 1};
    int sign = 1;
    size_t left = 16; /* factors */
    if (*text == '/')
        text++, sign = -1;
    while (left-- && component(&text, sign, out)) {
        if (!*text)
            return isfinite(out->factor) && out->factor > 0;
        if (*text != '.' && *text != '/')
            return false;
        sign = *text++ == '/' ? -1 : 1;
    }
    return false;
}

/* What is written where a UCUM unit has another sign. */
static const struct {
    const char *from, *to;
} signs[] = {{"μ", "u"}, {"µ", "u"}, {"×", ""}, {"＊", "*"}, {"／", "/"}, {"％", "%"}, {" ", ""}, {"\t", ""}, {"^", "*"}};

void unit_tidy(const char *text, char out[UNIT_BYTES])
{
    size_t n = 0;
    while (*text && n < UNIT_BYTES - 1) {
        size_t i = 0, count = sizeof signs / sizeof *signs;
        while (i < count && strncmp(text, signs[i].from, strlen(signs[i].from)) != 0)
            i++;
        if (i == count)
            out[n++] = *text++;
        else {
            text += strlen(signs[i].from);
            if (*signs[i].to)
                out[n++] = *signs[i].to;
        }
    }
    out[n] = 0;
    if ((*out == '*' || *out == 'x' || *out == 'X') && isdigit((unsigned char)out[1])) /* x10*9/L */
        memmove(out, out + 1, n);
}

/* `each` b are one a: whole a of one unit stand for as many b of the other, in either direction. */
static double exchange(struct unit *from, const struct unit *to, enum unit_base a, enum unit_base b, double each)
{
    int n = from->power[a] - to->power[a];
    if (each <= 0 || n == 0 || to->power[b] - from->power[b] != n)
        return 1;
    from->power[a] = to->power[a];
    from->power[b] = to->power[b];
    return pow(each, n);
}

double unit_factor(const struct unit *from, const struct unit *to, const struct unit_substance *s)
{
    struct unit u = *from;
    double f = 1;
    f *= exchange(&u, to, UNIT_G, UNIT_MOL, s->molar > 0 ? 1 / s->molar : 0);
    f *= exchange(&u, to, UNIT_EQ, UNIT_MOL, s->charge > 0 ? 1 / s->charge : 0);
    return memcmp(u.power, to->power, sizeof u.power) == 0 ? f * from->factor / to->factor : 0;
}
