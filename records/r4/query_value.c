#include "records/r4/query.h"
#include "records/r4/defs.h"
#include "records/r4/validate.h"
#include "records/r4/values.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#define OPERANDS_MAX 500
#define HOME_ZONE_MIN 480

/* ---- separators: ',' '$' '|' count unless a backslash stands before them ---- */

static size_t find(struct r4_str t, char sign)
{
    for (size_t i = 0; i < t.n; i++) {
        if (t.p[i] == '\\' && i + 1 < t.n)
            i++;
        else if (t.p[i] == sign)
            return i;
    }
    return t.n;
}

static struct r4_str unescape(struct r4_reading *s, struct r4_str t)
{
    if (!t.n || !memchr(t.p, '\\', t.n))
        return t;
    char *out = r4_doc_alloc(s->d, t.n + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < t.n; i++) {
        if (t.p[i] == '\\' && i + 1 < t.n && strchr(",$|\\", t.p[i + 1]))
            i++;
        out[n++] = t.p[i];
    }
    return (struct r4_str){out, n};
}

static struct r4_str head(struct r4_str t, size_t n)
{
    return (struct r4_str){t.p, n};
}

static struct r4_str rest(struct r4_str t, size_t n)
{
    return n < t.n ? (struct r4_str){t.p + n + 1, t.n - n - 1} : (struct r4_str){t.p + t.n, 0};
}

/* ---- one operand ---- */

static struct r4_str take_prefix(struct r4_str t, enum r4_prefix *prefix)
{
    static const char *const words[] = {"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"};
    *prefix = R4_EQ;
    for (size_t i = 0; t.n > 2 && i < sizeof words / sizeof *words; i++)
        if (memcmp(t.p, words[i], 2) == 0 && (isdigit((unsigned char)t.p[2]) || strchr("+-.", t.p[2]))) {
            *prefix = (enum r4_prefix)i;
            return (struct r4_str){t.p + 2, t.n - 2};
        }
    return t;
}

static void widen_number(struct r4_operand *o)
{
    double margin = fmax(fabs(o->v.number) * 0.1, o->v.high - o->v.number);
    o->v.low = o->v.number - margin;
    o->v.high = o->v.number + margin;
}

static int number(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    t = take_prefix(t, &o->prefix);
    if (!r4_number_read(t, &o->v))
        return r4_query_wrong(s, "a number was expected");
    if (o->prefix == R4_AP)
        widen_number(o);
    return 0;
}

static int date(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    char text[48];
    t = take_prefix(t, &o->prefix);
    size_t n = t.n < sizeof text - 1 ? t.n : sizeof text - 1;
    memcpy(text, t.p, n);
    text[n] = 0;
    char *blank = strchr(text, ' '); /* a '+' that was not escaped in the URL */
    if (blank)
        *blank = '+';
    if (n != t.n || !r4_date_interval(text, n, HOME_ZONE_MIN, &o->v.low_ms, &o->v.high_ms))
        return r4_query_wrong(s, "a date was expected: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss][+zz:zz]");
    if (o->prefix == R4_AP) {
        int64_t margin = o->v.high_ms - o->v.low_ms > 86400000 ? o->v.high_ms - o->v.low_ms : 86400000;
        o->v.low_ms -= margin;
        o->v.high_ms += margin;
    }
    return 0;
}

/* [system]|code: no bar = any system, nothing before it = none. A ContactPoint has none in R4's own words (search.html#token), so "|value" is any of its value. */
static int token(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    size_t bar = find(t, '|');
    o->v.any_case = s->any_case;
    if (bar == t.n) {
        o->v.code = unescape(s, t);
        return 0;
    }
    o->v.system = unescape(s, head(t, bar));
    struct r4_str code = rest(t, bar);
    if (code.n)
        o->v.code = unescape(s, code);
    if (code.n && !o->v.system.n && o->v.param->contact)
        o->v.system.p = NULL;
    return code.n || o->v.system.n ? 0 : r4_query_wrong(s, "a code was expected");
}

/* system|code|value */
static int of_type(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    size_t a = find(t, '|');
    struct r4_str more = rest(t, a);
    size_t b = find(more, '|');
    if (a == t.n || b == more.n || !rest(more, b).n)
        return r4_query_wrong(s, "system|code|value was expected");
    if (a)
        o->v.system = unescape(s, head(t, a));
    o->v.code = unescape(s, head(more, b));
    o->v.string = unescape(s, rest(more, b));
    return 0;
}

/* [prefix]number[|[system]|code] */
static int quantity(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    size_t a = find(t, '|');
    int rc = number(s, head(t, a), o);
    if (rc || a == t.n)
        return rc;
    struct r4_str more = rest(t, a);
    size_t b = find(more, '|');
    if (b == more.n) { /* 5.4|mg: the unit alone, as some clients write it */
        o->v.code = unescape(s, more);
        return 0;
    }
    o->v.system = b ? unescape(s, head(more, b)) : (struct r4_str){NULL, 0};
    o->v.code = unescape(s, rest(more, b));
    if (!o->v.code.n)
        o->v.code = (struct r4_str){NULL, 0};
    return 0;
}

static int string(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    o->v.string = unescape(s, t);
    r4_string_fold(s->d, &o->v);
    return 0;
}

static int reference(struct r4_reading *s, const struct r4_term *t, struct r4_str text, struct r4_operand *o)
{
    text = unescape(s, text);
    if (memchr(text.p, '|', text.n) && memchr(text.p, ':', text.n)) {
        r4_canonical_read(text, &o->v);
        return 0;
    }
    bool bare = r4_id_ok(text.p, text.n);
    if (bare) {
        o->v.ref_id = text;
        if (t->modifier_type)
            o->v.ref_type = (struct r4_str){t->modifier_type->name, strlen(t->modifier_type->name)};
        return 0;
    }
    if (!r4_reference_read(s->r4, text, s->base_url, &o->v))
        return r4_query_wrong(s, "a reference was expected: id, Type/id or a URL");
    if (t->modifier_type && o->v.ref_type.p && !r4_str_is(o->v.ref_type, t->modifier_type->name))
        return r4_query_wrong(s, "the reference is not of the type the modifier names");
    return 0;
}

static int missing(struct r4_reading *s, struct r4_str t, struct r4_operand *o)
{
    if (!r4_str_is(t, "true") && !r4_str_is(t, "false"))
        return r4_query_wrong(s, ":missing takes true or false");
    o->v.number = *t.p == 't';
    return 0;
}

static int operand(struct r4_reading *s, const struct r4_term *t, enum r4_param_type type, struct r4_str text, struct r4_operand *o);

/* a$b */
static int composite(struct r4_reading *s, const struct r4_term *t, struct r4_str text, struct r4_operand *o)
{
    const struct r4_param *p = t->param;
    struct r4_operand *list = r4_doc_alloc(s->d, p->n_components * sizeof *list);
    struct r4_value *values = r4_doc_alloc(s->d, p->n_components * sizeof *values);
    if (!list || !values)
        return ERR_STORAGE;
    for (size_t i = 0; i < p->n_components; i++) {
        size_t dollar = find(text, '$');
        if ((dollar == text.n) != (i + 1 == p->n_components))
            return r4_query_wrong(s, "the parts of a composite are separated with '$', one for each");
        list[i] = (struct r4_operand){0};
        int rc = operand(s, &(struct r4_term){.param = p->components[i].param}, p->components[i].param->type, head(text, dollar), &list[i]);
        if (rc)
            return rc;
        values[i] = list[i].v;
        text = rest(text, dollar);
    }
    o->v.components = values;
    o->v.n_components = p->n_components;
    o->parts = list;
    return 0;
}

static int operand(struct r4_reading *s, const struct r4_term *t, enum r4_param_type type, struct r4_str text, struct r4_operand *o)
{
    o->v.param = t->param;
    o->v.type = (uint8_t)type;
    if (!text.n)
        return r4_query_wrong(s, "one of the values is empty");
    if (t->modifier == R4_M_MISSING)
        return missing(s, text, o);
    switch (type) {
    case R4_P_NUMBER:
        return number(s, text, o);
    case R4_P_DATE:
        return date(s, text, o);
    case R4_P_TOKEN:
        if (t->modifier == R4_M_TEXT || t->modifier == R4_M_IN || t->modifier == R4_M_NOT_IN)
            return string(s, text, o);
        return t->modifier == R4_M_OF_TYPE ? of_type(s, text, o) : token(s, text, o);
    case R4_P_REFERENCE:
        return t->modifier == R4_M_IDENTIFIER ? token(s, text, o) : reference(s, t, text, o);
    case R4_P_QUANTITY:
        return quantity(s, text, o);
    case R4_P_COMPOSITE:
        return composite(s, t, text, o);
    default:
        return string(s, text, o);
    }
}

int r4_query_operands(struct r4_reading *s, struct r4_term *t)
{
    size_t n = 1;
    for (struct r4_str left = s->value; find(left, ',') < left.n; left = rest(left, find(left, ',')))
        n++;
    if (n > OPERANDS_MAX)
        return r4_query_wrong(s, "too many values");
    struct r4_operand *list = r4_doc_alloc(s->d, n * sizeof *list);
    if (!list)
        return ERR_STORAGE;
    struct r4_str left = s->value;
    for (size_t i = 0; i < n; i++) {
        size_t comma = find(left, ',');
        list[i] = (struct r4_operand){0};
        int rc = operand(s, t, t->param->type, head(left, comma), &list[i]);
        if (rc)
            return rc;
        left = rest(left, comma);
    }
    t->operands = list;
    t->n_operands = n;
    return 0;
}
