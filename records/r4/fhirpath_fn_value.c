#include "records/r4/date.h"
#include "records/r4/fhirpath_ast.h"
#include "records/r4/search.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Functions of FHIRPath that convert, calculate and tell the time. */

#define FN(name) static int fn_##name(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)

/* ---- conversions: *v becomes the value; false: it cannot ---- */

static bool whole_number(struct r4_str t)
{
    size_t i = t.n && (t.p[0] == '-' || t.p[0] == '+') ? 1 : 0;
    if (i >= t.n || t.n > 12)
        return false;
    for (; i < t.n; i++)
        if (!isdigit((unsigned char)t.p[i]))
            return false;
    return true;
}

static bool decimal_text(struct r4_str t)
{
    size_t i = t.n && (t.p[0] == '-' || t.p[0] == '+') ? 1 : 0, digits = 0;
    while (i < t.n && isdigit((unsigned char)t.p[i]))
        i++, digits++;
    if (digits && i + 1 < t.n && t.p[i] == '.')
        for (i++; i < t.n && isdigit((unsigned char)t.p[i]);)
            i++;
    return digits && i == t.n && isdigit((unsigned char)t.p[t.n - 1]) && t.n < 60;
}

static double number_in(struct r4_str t)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%.*s", (int)t.n, t.p);
    return strtod(copy, NULL);
}

static bool to_boolean(struct r4_item *v)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "1", "1.0"}, *const no[] = {"false", "f", "no", "n", "0", "0.0"};
    if (v->kind == R4_I_BOOLEAN)
        return true;
    if (v->kind == R4_I_INTEGER || v->kind == R4_I_DECIMAL) {
        v->boolean = v->number == 1;
        v->kind = R4_I_BOOLEAN;
        return v->number == 1 || v->number == 0;
    }
    for (size_t i = 0; v->kind == R4_I_STRING && i < 6; i++)
        for (int k = 0; k < 2; k++) {
            const char *word = k ? no[i] : yes[i];
            if (v->text.n == strlen(word) && strncasecmp(v->text.p, word, v->text.n) == 0) {
                *v = (struct r4_item){.kind = R4_I_BOOLEAN, .boolean = !k};
                return true;
            }
        }
    return false;
}

static bool to_integer(struct r4_item *v)
{
    if (v->kind == R4_I_BOOLEAN) {
        *v = (struct r4_item){.kind = R4_I_INTEGER, .number = v->boolean, .text = {v->boolean ? "1" : "0", 1}};
        return true;
    }
    if (v->kind == R4_I_STRING && whole_number(v->text)) {
        v->number = number_in(v->text);
        v->kind = R4_I_INTEGER;
        if (v->text.p[0] == '+')
            v->text = (struct r4_str){v->text.p + 1, v->text.n - 1};
        return v->number >= -2147483648.0 && v->number <= 2147483647.0;
    }
    return v->kind == R4_I_INTEGER;
}

static bool to_decimal(struct r4_item *v)
{
    if (v->kind == R4_I_BOOLEAN) {
        *v = (struct r4_item){.kind = R4_I_DECIMAL, .number = v->boolean, .text = {v->boolean ? "1.0" : "0.0", 3}};
        return true;
    }
    if (v->kind == R4_I_STRING && !decimal_text(v->text))
        return false;
    if (v->kind == R4_I_STRING || v->kind == R4_I_INTEGER) {
        v->number = number_in(v->text);
        v->kind = R4_I_DECIMAL;
    }
    return v->kind == R4_I_DECIMAL;
}

static bool to_date(struct r4_item *v)
{
    struct r4_moment m;
    if ((v->kind != R4_I_STRING && v->kind != R4_I_DATE && v->kind != R4_I_DATETIME) || !r4_moment_parse(v->text.p, v->text.n, &m))
        return false;
    if (v->kind == R4_I_STRING && m.precision > R4_TO_DAY)
        return false;
    v->kind = R4_I_DATE;
    if (v->text.n > 10)
        v->text.n = 10;
    return true;
}

static bool to_datetime(struct r4_item *v)
{
    struct r4_moment m;
    if ((v->kind != R4_I_STRING && v->kind != R4_I_DATE && v->kind != R4_I_DATETIME) || !r4_moment_parse(v->text.p, v->text.n, &m))
        return false;
    v->kind = R4_I_DATETIME;
    return true;
}

static bool to_time(struct r4_item *v)
{
    struct r4_moment m;
    if (v->kind == R4_I_STRING && v->text.n && v->text.p[0] == 'T')
        v->text = (struct r4_str){v->text.p + 1, v->text.n - 1};
    if ((v->kind != R4_I_STRING && v->kind != R4_I_TIME) || !r4_time_parse(v->text.p, v->text.n, &m))
        return false;
    v->kind = R4_I_TIME;
    return true;
}

static bool calendar(struct r4_str unit)
{
    static const char *const words[] = {"year", "month", "week", "day", "hour", "minute", "second", "millisecond"};
    for (size_t i = 0; i < 8; i++) {
        size_t n = strlen(words[i]);
        if ((unit.n == n || (unit.n == n + 1 && unit.p[n] == 's')) && memcmp(unit.p, words[i], n) == 0)
            return true;
    }
    return false;
}

/* "10 'mg'", "1 day", "5" */
static bool to_quantity(struct r4_item *v)
{
    struct r4_str one = {"1", 1};
    if (v->kind == R4_I_BOOLEAN)
        *v = (struct r4_item){.kind = R4_I_QUANTITY, .number = v->boolean, .text = one};
    if (v->kind == R4_I_INTEGER || v->kind == R4_I_DECIMAL)
        *v = (struct r4_item){.kind = R4_I_QUANTITY, .number = v->number, .text = one};
    if (v->kind == R4_I_QUANTITY)
        return true;
    if (v->kind != R4_I_STRING)
        return false;
    size_t head = 0;
    while (head < v->text.n && v->text.p[head] != ' ')
        head++;
    struct r4_str number = {v->text.p, head}, unit = {v->text.p + head, v->text.n - head};
    while (unit.n && *unit.p == ' ')
        unit.p++, unit.n--;
    bool quoted = unit.n > 2 && unit.p[0] == '\'' && unit.p[unit.n - 1] == '\'';
    if (!decimal_text(number) || (unit.n && !quoted && !calendar(unit)) || (head < v->text.n && !unit.n))
        return false;
    if (quoted)
        unit = (struct r4_str){unit.p + 1, unit.n - 2};
    *v = (struct r4_item){.kind = R4_I_QUANTITY, .number = number_in(number), .text = unit.n ? unit : one, .boolean = unit.n && !quoted};
    return true;
}

static bool to_string(struct run *s, struct r4_item *v)
{
    if (v->kind == R4_I_NODE)
        return false;
    if (v->kind == R4_I_BOOLEAN)
        v->text = v->boolean ? R4_STR("true") : R4_STR("false");
    if (v->kind == R4_I_QUANTITY) {
        struct r4_items number = {0};
        struct r4_buf b = {0};
        if (r4_put_decimal(s, &number, v->number) || !number.n)
            return false;
        r4_buf_printf(&b, v->boolean ? "%.*s %.*s" : "%.*s '%.*s'", (int)number.list[0].text.n, number.list[0].text.p, (int)v->text.n, v->text.p);
        v->text = (struct r4_str){r4_doc_copy(s->doc, b.p ? b.p : "", b.n), b.n};
        r4_buf_clear(&b);
    }
    v->kind = R4_I_STRING;
    return v->text.p != NULL;
}

/* A long number is an integer here. */
static bool to_long(struct r4_item *v)
{
    if (v->kind != R4_I_STRING)
        return to_integer(v);
    size_t i = v->text.n && (v->text.p[0] == '-' || v->text.p[0] == '+') ? 1 : 0, digits = 0;
    for (; i < v->text.n && isdigit((unsigned char)v->text.p[i]); i++)
        digits++;
    if (!digits || i < v->text.n || digits > 18)
        return false;
    v->number = number_in(v->text);
    v->kind = R4_I_INTEGER;
    return true;
}

static bool convert(struct run *s, const char *to, struct r4_item *v)
{
    switch (to[0]) {
    case 'L':
        return to_long(v);
    case 'B':
        return to_boolean(v);
    case 'I':
        return to_integer(v);
    case 'S':
        return to_string(s, v);
    case 'Q':
        return to_quantity(v);
    case 'T':
        return to_time(v);
    default:
        return strcmp(to, "Decimal") == 0 ? to_decimal(v) : strcmp(to, "Date") == 0 ? to_date(v) : to_datetime(v);
    }
}

/* toX and convertsToX: the name says which. */
FN(to)
{
    if (!in->n)
        return 0;
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    struct r4_item v = r4_system_value(&in->list[0]);
    bool ask = n->name[0] == 'c';
    bool ok = convert(s, n->name + (ask ? strlen("convertsTo") : 2), &v);
    return ask ? r4_put_bool(s, out, ok) : ok ? r4_put(s, out, &v) : 0;
}

/* ---- numbers ---- */

static int number(struct run *s, const struct r4_items *in, struct r4_item *v)
{
    *v = (struct r4_item){0};
    if (!in->n)
        return 0;
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    *v = r4_system_value(&in->list[0]);
    bool ok = v->kind == R4_I_INTEGER || v->kind == R4_I_DECIMAL || v->kind == R4_I_QUANTITY;
    return ok ? 1 : r4_run_error(s, "a number was expected");
}

FN(abs)
{
    struct r4_item v;
    int rc = number(s, in, &v);
    if (rc != 1)
        return rc;
    if (v.kind == R4_I_QUANTITY) {
        v.number = fabs(v.number);
        return r4_put(s, out, &v);
    }
    return v.kind == R4_I_INTEGER ? r4_put_int(s, out, (int64_t)fabs(v.number)) : r4_put_decimal(s, out, fabs(v.number));
}

static int rounding(struct run *s, const struct r4_items *in, struct r4_items *out, double (*with)(double))
{
    struct r4_item v;
    int rc = number(s, in, &v);
    return rc != 1 ? rc : fabs(v.number) < 2147483648.0 ? r4_put_int(s, out, (int64_t)with(v.number)) : 0;
}

FN(ceiling)
{
    return rounding(s, in, out, ceil);
}

FN(floor)
{
    return rounding(s, in, out, floor);
}

FN(truncate)
{
    return rounding(s, in, out, trunc);
}

static int real(struct run *s, const struct r4_items *in, struct r4_items *out, double (*with)(double))
{
    struct r4_item v;
    int rc = number(s, in, &v);
    return rc != 1 ? rc : r4_put_decimal(s, out, with(v.number));
}

FN(exp)
{
    return real(s, in, out, exp);
}

FN(ln)
{
    return real(s, in, out, log);
}

FN(sqrt)
{
    return real(s, in, out, sqrt);
}

FN(log)
{
    struct r4_item v, base = {0};
    int rc = number(s, in, &v);
    return rc != 1 || (rc = r4_arg(s, n, 0, &base)) != 1 ? rc : r4_put_decimal(s, out, log(v.number) / log(base.number));
}

FN(power)
{
    struct r4_item v, by = {0};
    int rc = number(s, in, &v);
    if (rc != 1 || (rc = r4_arg(s, n, 0, &by)) != 1)
        return rc;
    double p = pow(v.number, by.number);
    bool whole = v.kind == R4_I_INTEGER && by.kind == R4_I_INTEGER && by.number >= 0 && fabs(p) < 2147483648.0;
    return whole ? r4_put_int(s, out, (int64_t)p) : r4_put_decimal(s, out, p);
}

FN(round)
{
    struct r4_item v, places = {0};
    int rc = number(s, in, &v);
    if (rc != 1 || (rc = r4_arg(s, n, 0, &places)) < 0)
        return rc;
    if (places.number < 0 || places.number > 15)
        return r4_run_error(s, "that many places cannot be kept");
    double scale = pow(10, places.number);
    return r4_put_decimal(s, out, round(v.number * scale) / scale);
}

/* ---- the clock ---- */

static int put_now(struct run *s, struct r4_items *out, enum r4_item_kind kind, size_t from, size_t len)
{
    char text[R4_INSTANT_BYTES];
    r4_instant(s->e->now_ms, text);
    return r4_put_text(s, out, kind, text + from, len);
}

FN(now)
{
    return put_now(s, out, R4_I_DATETIME, 0, 24);
}

FN(today)
{
    return put_now(s, out, R4_I_DATE, 0, 10);
}

FN(timeOfDay)
{
    return put_now(s, out, R4_I_TIME, 11, 12);
}

static const struct r4_function functions[] = {
    {"toBoolean", 0, 0, fn_to}, {"toInteger", 0, 0, fn_to}, {"toDecimal", 0, 0, fn_to}, {"toString", 0, 0, fn_to}, {"toDate", 0, 0, fn_to},
    {"toDateTime", 0, 0, fn_to}, {"toTime", 0, 0, fn_to}, {"toLong", 0, 0, fn_to}, {"convertsToLong", 0, 0, fn_to}, {"toQuantity", 0, 1, fn_to}, {"convertsToBoolean", 0, 0, fn_to},
    {"convertsToInteger", 0, 0, fn_to}, {"convertsToDecimal", 0, 0, fn_to}, {"convertsToString", 0, 0, fn_to},
    {"convertsToDate", 0, 0, fn_to}, {"convertsToDateTime", 0, 0, fn_to}, {"convertsToTime", 0, 0, fn_to},
    {"convertsToQuantity", 0, 1, fn_to}, {"abs", 0, 0, fn_abs}, {"ceiling", 0, 0, fn_ceiling}, {"floor", 0, 0, fn_floor},
    {"truncate", 0, 0, fn_truncate}, {"exp", 0, 0, fn_exp}, {"ln", 0, 0, fn_ln}, {"sqrt", 0, 0, fn_sqrt}, {"log", 1, 1, fn_log},
    {"power", 1, 1, fn_power}, {"round", 0, 1, fn_round}, {"now", 0, 0, fn_now}, {"today", 0, 0, fn_today}, {"timeOfDay", 0, 0, fn_timeOfDay}};

const struct r4_function *r4_value_function_find(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0)
            return &functions[i];
    return r4_more_function_find(name, n);
}
