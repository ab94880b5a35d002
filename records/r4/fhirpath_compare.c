#include "records/r4/date.h"
#include "records/r4/fhirpath_ast.h"
#include "records/r4/ucum.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- quantities: UCUM, and the words of the calendar ---- */

/* A year or month of the calendar is not one of UCUM, which is of so many seconds; from the week down they are the same. */
static const struct unit {
    const char *name;
    char dimension; /* t seconds, y months of the calendar, Y those of UCUM */
    double size;
} units[] = {{"week", 't', 604800}, {"weeks", 't', 604800}, {"day", 't', 86400}, {"days", 't', 86400}, {"hour", 't', 3600}, {"hours", 't', 3600},
             {"minute", 't', 60}, {"minutes", 't', 60}, {"second", 't', 1}, {"seconds", 't', 1}, {"millisecond", 't', 1e-3}, {"milliseconds", 't', 1e-3},
             {"wk", 't', 604800}, {"d", 't', 86400}, {"h", 't', 3600}, {"min", 't', 60}, {"s", 't', 1}, {"ms", 't', 1e-3},
             {"year", 'y', 12}, {"years", 'y', 12}, {"month", 'y', 1}, {"months", 'y', 1}, {"a", 'Y', 12}, {"mo", 'Y', 1}};

static const struct unit *unit_find(struct r4_str name)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (r4_str_is(name, units[i].name))
            return &units[i];
    return NULL;
}

static bool same_text(struct r4_str a, struct r4_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static bool measure_of(struct r4_str unit, const struct unit *word, struct r4_ucum *out)
{
    return word && word->dimension == 't' ? r4_ucum_parse(R4_STR("s"), out) && (out->factor = word->size, true) : r4_ucum_parse(unit, out);
}

/* Both in one unit; false: they have nothing in common. */
static bool common_unit(const struct r4_item *a, const struct r4_item *b, double *x, double *y)
{
    *x = a->number;
    *y = b->number;
    struct r4_str one = {"1", 1};
    struct r4_str ua = a->kind == R4_I_QUANTITY ? a->text : one, ub = b->kind == R4_I_QUANTITY ? b->text : one;
    if (same_text(ua, ub))
        return true;
    const struct unit *u = unit_find(ua), *v = unit_find(ub);
    if (u && v) {
        *x *= u->size;
        *y *= v->size;
        return u->dimension == v->dimension;
    }
    struct r4_ucum m, n;
    if ((u && u->dimension == 'y') || (v && v->dimension == 'y') || !measure_of(ua, u, &m) || !measure_of(ub, v, &n) || !r4_ucum_alike(&m, &n))
        return false;
    *x = r4_ucum_base(&m, *x);
    *y = r4_ucum_base(&n, *y);
    return true;
}

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(fabs(a), fabs(b));
}

/* ---- dates: field by field to the lesser precision ---- */

static bool moment_of(const struct r4_item *i, struct r4_moment *m)
{
    return i->kind == R4_I_TIME ? r4_time_parse(i->text.p, i->text.n, m) : r4_moment_parse(i->text.p, i->text.n, m);
}

static void to_utc(struct r4_moment *m)
{
    if (!m->zone || m->precision < R4_TO_HOUR)
        return;
    int64_t minutes = r4_days_since_1970(m->year, m->month, m->day) * 1440 + m->hour * 60 + m->minute - m->offset_min;
    int64_t days = (minutes >= 0 ? minutes : minutes - 1439) / 1440, rest = minutes - days * 1440;
    r4_civil(days, &m->year, &m->month, &m->day);
    m->hour = (int)(rest / 60);
    m->minute = (int)(rest % 60);
    m->offset_min = 0;
}

/* 0 with *order; -1 when the lesser precision leaves it open or only one has a zone. Seconds and their fractions are one precision. */
static int moment_order(const struct r4_item *x, const struct r4_item *y, int *order)
{
    struct r4_moment a, b;
    if (!moment_of(x, &a) || !moment_of(y, &b))
        return -2;
    if (a.precision >= R4_TO_HOUR && b.precision >= R4_TO_HOUR && a.zone != b.zone)
        return -1;
    to_utc(&a);
    to_utc(&b);
    const int fa[] = {a.year, a.month, a.day, a.hour, a.minute, a.second * 1000 + a.ms}, fb[] = {b.year, b.month, b.day, b.hour, b.minute, b.second * 1000 + b.ms};
    int pa = a.precision == R4_TO_MS ? R4_TO_SECOND : (int)a.precision, pb = b.precision == R4_TO_MS ? R4_TO_SECOND : (int)b.precision;
    for (int i = 0; i < (pa < pb ? pa : pb); i++)
        if (fa[i] != fb[i]) {
            *order = fa[i] < fb[i] ? -1 : 1;
            return 0;
        }
    *order = 0;
    return pa == pb ? 0 : -1;
}

static bool temporal(const struct r4_item *i)
{
    return i->kind == R4_I_DATE || i->kind == R4_I_DATETIME || i->kind == R4_I_TIME;
}

static bool numeric(const struct r4_item *i)
{
    return i->kind == R4_I_INTEGER || i->kind == R4_I_DECIMAL;
}

static bool measured(const struct r4_item *a, const struct r4_item *b)
{
    return (numeric(a) || a->kind == R4_I_QUANTITY) && (numeric(b) || b->kind == R4_I_QUANTITY);
}

/* For reckoning: not temperatures of two scales, which have no sum. */
bool r4_common_unit(const struct r4_item *a, const struct r4_item *b, double *x, double *y)
{
    struct r4_item nothing = *a;
    nothing.number = 0;
    return common_unit(&nothing, b, x, y) && *x == 0 && common_unit(a, b, x, y);
}

int r4_item_order(struct run *s, const struct r4_item *a, const struct r4_item *b, int *order)
{
    struct r4_item x = r4_system_value(a), y = r4_system_value(b);
    if (measured(&x, &y)) {
        double u, v;
        if (!common_unit(&x, &y, &u, &v))
            return -1;
        *order = near(u, v) ? 0 : u < v ? -1 : 1;
        return 0;
    }
    if (x.kind == R4_I_STRING && y.kind == R4_I_STRING) {
        size_t n = x.text.n < y.text.n ? x.text.n : y.text.n;
        int c = n ? memcmp(x.text.p, y.text.p, n) : 0;
        *order = c ? c : (x.text.n > y.text.n) - (x.text.n < y.text.n);
        return 0;
    }
    /* a FHIR string may stand for a date where the model says date */
    bool both = (temporal(&x) && temporal(&y)) && (x.kind == R4_I_TIME) == (y.kind == R4_I_TIME);
    return both ? moment_order(&x, &y, order) : -2;
}

/* ---- equality ---- */

/* Objects are equal when their members are; numbers as values. */
static bool nodes_equal(const struct r4_node *a, const struct r4_node *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || (a->kind != R4_NUMBER && a->len != b->len))
        return false;
    if (a->kind == R4_NUMBER)
        return near(strtod(a->text, NULL), strtod(b->text, NULL));
    if (a->kind == R4_STRING)
        return memcmp(a->text, b->text, a->len) == 0;
    if (a->kind == R4_OBJECT) {
        for (const struct r4_node *m = a->child; m; m = m->next)
            if (!nodes_equal(m, r4_get_hash(b, m->key_hash, m->key, m->key_len)))
                return false;
        return true;
    }
    const struct r4_node *x = a->kind == R4_ARRAY ? a->child : NULL, *y = b->kind == R4_ARRAY ? b->child : NULL;
    for (; x && y; x = x->next, y = y->next)
        if (!nodes_equal(x, y))
            return false;
    return x == y;
}

int r4_item_equal(struct run *s, const struct r4_item *a, const struct r4_item *b)
{
    struct r4_item x = r4_system_value(a), y = r4_system_value(b);
    if (x.kind == R4_I_NODE || y.kind == R4_I_NODE)
        return x.kind == y.kind && x.type == y.type && nodes_equal(x.node, y.node) && (x.node || x.companion == y.companion);
    if (measured(&x, &y)) {
        double u, v;
        bool calendar = x.kind == R4_I_QUANTITY && y.kind == R4_I_QUANTITY && !same_text(x.text, y.text);
        if (!common_unit(&x, &y, &u, &v))
            return calendar ? -1 : 0;
        return near(u, v);
    }
    if (temporal(&x) && temporal(&y)) {
        int order = 0;
        if ((x.kind == R4_I_TIME) != (y.kind == R4_I_TIME))
            return 0;
        int rc = moment_order(&x, &y, &order);
        return rc < 0 ? -1 : order == 0;
    }
    if (x.kind != y.kind) /* a FHIR string against a date literal: by text */
        return (temporal(&x) || temporal(&y)) && (x.kind == R4_I_STRING || y.kind == R4_I_STRING) && same_text(x.text, y.text);
    return x.kind == R4_I_BOOLEAN ? x.boolean == y.boolean : same_text(x.text, y.text);
}

int r4_items_equal(struct run *s, const struct r4_items *a, const struct r4_items *b)
{
    if (!a->n || !b->n)
        return -1;
    if (a->n != b->n)
        return 0;
    int all = 1;
    for (size_t i = 0; i < a->n; i++) {
        int one = r4_item_equal(s, &a->list[i], &b->list[i]);
        if (one == 0)
            return 0;
        all = one < 0 ? -1 : all;
    }
    return all;
}

bool r4_items_has(struct run *s, const struct r4_items *c, const struct r4_item *item)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->list[i].kind == R4_I_NODE && item->kind == R4_I_NODE && c->list[i].node && c->list[i].node == item->node)
            return true;
        if (r4_item_equal(s, &c->list[i], item) == 1)
            return true;
    }
    return false;
}

/* ---- equivalence ---- */

static struct r4_str squeezed(struct run *s, struct r4_str text)
{
    char *out = r4_doc_alloc(s->doc, text.n + 1);
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; out && i < text.n; i++) {
        char c = text.p[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            gap = n > 0;
            continue;
        }
        if (gap)
            out[n++] = ' ';
        gap = false;
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    return (struct r4_str){out, n};
}

static int places(struct r4_str text)
{
    const char *dot = text.p ? memchr(text.p, '.', text.n) : NULL;
    return dot ? (int)(text.p + text.n - dot - 1) : 0;
}

static bool numbers_like(const struct r4_item *x, const struct r4_item *y)
{
    if (!numeric(x) || !numeric(y))
        return false;
    double scale = pow(10, places(x->text) < places(y->text) ? places(x->text) : places(y->text));
    return round(x->number * scale) == round(y->number * scale);
}

bool r4_item_like(struct run *s, const struct r4_item *a, const struct r4_item *b)
{
    struct r4_item x = r4_system_value(a), y = r4_system_value(b);
    if (numeric(&x) && numeric(&y))
        return numbers_like(&x, &y);
    if (x.kind == R4_I_QUANTITY && y.kind == R4_I_QUANTITY) {
        double u, v;
        if (common_unit(&x, &y, &u, &v))
            return fabs(u - v) <= 0.01 * fmax(fabs(u), fabs(v));
        const struct unit *m = unit_find(x.text), *n = unit_find(y.text); /* a year of the calendar is like one of UCUM */
        bool years = m && n && (m->dimension | 32) == 'y' && (n->dimension | 32) == 'y';
        return years && fabs(x.number * m->size - y.number * n->size) <= 0.01 * fabs(x.number * m->size);
    }
    if (x.kind == R4_I_STRING && y.kind == R4_I_STRING)
        return same_text(squeezed(s, x.text), squeezed(s, y.text));
    if (temporal(&x) && temporal(&y)) {
        int order = 1;
        return (x.kind == R4_I_TIME) == (y.kind == R4_I_TIME) && moment_order(&x, &y, &order) == 0 && order == 0;
    }
    return r4_item_equal(s, &x, &y) == 1;
}

bool r4_items_like(struct run *s, const struct r4_items *a, const struct r4_items *b)
{
    if (a->n != b->n)
        return false;
    bool *used = r4_doc_alloc(s->doc, b->n + 1);
    if (!used)
        return false;
    memset(used, 0, b->n + 1);
    for (size_t i = 0; i < a->n; i++) {
        size_t k = 0;
        while (k < b->n && (used[k] || !r4_item_like(s, &a->list[i], &b->list[k])))
            k++;
        if (k == b->n)
            return false;
        used[k] = true;
    }
    return true;
}

/* ---- dates and durations ---- */

static void add_months(struct r4_moment *m, int64_t months)
{
    int64_t all = (int64_t)m->year * 12 + m->month - 1 + months;
    m->year = (int)(all / 12);
    m->month = (int)(all % 12) + 1;
    int last = r4_days_in(m->year, m->month);
    if (m->day > last)
        m->day = last;
}

static void add_ms(struct r4_moment *m, int64_t ms)
{
    bool zone = m->zone;
    m->zone = false;
    int64_t all = r4_moment_ms(m, 0) + ms;
    int64_t days = (all >= 0 ? all : all - 86399999) / 86400000, rest = all - days * 86400000;
    r4_civil(days, &m->year, &m->month, &m->day);
    m->hour = (int)(rest / 3600000);
    m->minute = (int)(rest / 60000 % 60);
    m->second = (int)(rest / 1000 % 60);
    m->ms = (int)(rest % 1000);
    m->zone = zone;
}

int r4_date_add(struct run *s, const struct r4_item *date, double amount, struct r4_str unit, struct r4_items *out)
{
    const struct unit *u = unit_find(unit);
    struct r4_moment m;
    if (!u || !moment_of(date, &m) || fabs(amount) > 1e9)
        return r4_run_error(s, "that is not a duration");
    if (u->dimension == 'y') {
        add_months(&m, (int64_t)(trunc(amount) * u->size));
    } else if (u->dimension == 't') {
        double seconds = u->size >= 1 ? trunc(amount) * u->size : amount * u->size;
        if (m.precision < R4_TO_DAY) { /* what a partial date does not have is counted in its own unit */
            int64_t days = (int64_t)(seconds / 86400);
            add_months(&m, m.precision == R4_TO_YEAR ? days / 365 * 12 : days / 30);
        } else {
            add_ms(&m, m.precision == R4_TO_DAY ? (int64_t)(trunc(seconds / 86400) * 86400000) : (int64_t)llround(seconds * 1000));
        }
    } else {
        return r4_run_error(s, "that is not a duration");
    }
    if (m.year < 1 || m.year > 9999)
        return 0;
    char text[48];
    size_t n = r4_moment_print(&m, date->kind == R4_I_TIME, text, sizeof text);
    return r4_put_text(s, out, (enum r4_item_kind)date->kind, text, n);
}
