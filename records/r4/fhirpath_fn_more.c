#include "records/r4/date.h"
#include "records/r4/fhirpath_ast.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Functions of FHIRPath's newer texts: boundaries and precision, comparable, sort. */

#define FN(name) static int fn_##name(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)

/* The digits asked for, -1 when none were; < -1 is an error. */
static int digits(struct run *s, const struct r4_ast *n, int fallback, int *out)
{
    struct r4_items c = {0};
    *out = fallback;
    if (!n->n_args)
        return 0;
    int rc = r4_run_arg(s, n->args[0], &c);
    if (rc)
        return rc;
    if (c.n != 1)
        return r4_run_error(s, "a single argument was expected, there are %zu", c.n);
    struct r4_item v = r4_system_value(&c.list[0]);
    *out = v.kind == R4_I_INTEGER ? (int)v.number : -1;
    return 0;
}

static int places(struct r4_str text)
{
    const char *dot = text.n ? memchr(text.p, '.', text.n) : NULL;
    return dot ? (int)(text.p + text.n - dot - 1) : 0;
}

/* 1.587 stands for 1.5865 to 1.5875; the boundary is given to so many places, outwards. */
static int number_boundary(struct run *s, const struct r4_item *v, int to, bool high, struct r4_items *out)
{
    if (to < 0 || to > 28)
        return 0;
    char text[64];
    struct r4_items plain = {0};
    int own = places(v->text);
    if (v->kind == R4_I_QUANTITY) { /* its literal is gone: as many places as the shortest form has */
        int rc = r4_put_decimal(s, &plain, v->number);
        if (rc)
            return rc;
        own = plain.n ? places(plain.list[0].text) : 0;
    }
    if (own > to && fabs(v->number) < pow(10, -to) && v->kind != R4_I_QUANTITY) { /* too small to be seen at that many places */
        int zero = snprintf(text, sizeof text, "%s%.*f", v->number < 0 ? "-" : "", to, 0.0);
        return r4_put_text(s, out, R4_I_DECIMAL, text, (size_t)zero);
    }
    long double edge = v->number + (high ? 0.5L : -0.5L) * powl(10, -own), scale = powl(10, to), scaled = edge * scale;
    long double whole = roundl(scaled); /* what is whole up to the noise of binary fractions stays */
    if (fabsl(scaled - whole) > 1e-6L)
        whole = high ? ceill(scaled) : floorl(scaled);
    int len = snprintf(text, sizeof text, "%.*Lf", to, whole / scale);
    if (v->kind != R4_I_QUANTITY) {
        int rc = r4_put_text(s, out, R4_I_DECIMAL, text, (size_t)len);
        if (!rc)
            out->list[out->n - 1].number = strtod(text, NULL);
        return rc;
    }
    struct r4_item q = *v;
    q.number = strtod(text, NULL);
    return r4_put(s, out, &q);
}

static enum r4_precision precision_of(int digit_count, bool time)
{
    static const struct {
        int digits;
        enum r4_precision precision;
    } dates[] = {{4, R4_TO_YEAR}, {6, R4_TO_MONTH}, {8, R4_TO_DAY}, {10, R4_TO_HOUR}, {12, R4_TO_MINUTE}, {14, R4_TO_SECOND}, {17, R4_TO_MS}},
      times[] = {{2, R4_TO_HOUR}, {4, R4_TO_MINUTE}, {6, R4_TO_SECOND}, {9, R4_TO_MS}};
    for (size_t i = 0; i < (time ? 4 : 7); i++)
        if ((time ? times[i].digits : dates[i].digits) == digit_count)
            return time ? times[i].precision : dates[i].precision;
    return 0;
}

static void fill(struct r4_moment *m, bool high)
{
    if (m->precision < R4_TO_MONTH)
        m->month = high ? 12 : 1;
    if (m->precision < R4_TO_DAY)
        m->day = high ? r4_days_in(m->year, m->month) : 1;
    if (m->precision < R4_TO_HOUR)
        m->hour = high ? 23 : 0;
    if (m->precision < R4_TO_HOUR) /* an hour alone means its beginning, hh:00 */
        m->minute = high ? 59 : 0;
    if (m->precision < R4_TO_SECOND)
        m->second = high ? 59 : 0;
    if (m->precision < R4_TO_MS)
        m->ms = high ? 999 : 0;
}

static int moment_boundary(struct run *s, const struct r4_item *v, int to, bool high, struct r4_items *out)
{
    bool time = v->kind == R4_I_TIME;
    struct r4_moment m;
    enum r4_precision want = precision_of(to, time);
    if (!want || !(time ? r4_time_parse(v->text.p, v->text.n, &m) : r4_moment_parse(v->text.p, v->text.n, &m)))
        return 0;
    fill(&m, high);
    m.precision = want;
    if (!time && want > R4_TO_DAY && !m.zone) { /* anywhere on earth */
        m.zone = true;
        m.offset_min = high ? -12 * 60 : 14 * 60;
    }
    char text[48];
    size_t len = r4_moment_print(&m, time, text, sizeof text);
    return r4_put_text(s, out, time ? R4_I_TIME : want > R4_TO_DAY ? R4_I_DATETIME : (enum r4_item_kind)v->kind, text, len);
}

static int boundary(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out, bool high)
{
    if (!in->n)
        return 0;
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    struct r4_item v = r4_system_value(&in->list[0]);
    bool date = v.kind == R4_I_DATE || v.kind == R4_I_DATETIME, time = v.kind == R4_I_TIME;
    int to, rc = digits(s, n, v.kind == R4_I_DATE ? 8 : date ? 17 : time ? 9 : 8, &to);
    if (rc)
        return rc;
    if (date || time)
        return moment_boundary(s, &v, to, high, out);
    bool number = v.kind == R4_I_INTEGER || v.kind == R4_I_DECIMAL || v.kind == R4_I_QUANTITY;
    return number ? number_boundary(s, &v, to, high, out) : r4_run_error(s, "a number or a date was expected");
}

FN(lowBoundary)
{
    return boundary(s, n, in, out, false);
}

FN(highBoundary)
{
    return boundary(s, n, in, out, true);
}

FN(precision)
{
    if (in->n != 1)
        return in->n ? r4_run_error(s, "a single value was expected, there are %zu", in->n) : 0;
    struct r4_item v = r4_system_value(&in->list[0]);
    if (v.kind == R4_I_INTEGER || v.kind == R4_I_DECIMAL)
        return r4_put_int(s, out, places(v.text));
    bool time = v.kind == R4_I_TIME;
    struct r4_moment m;
    if ((v.kind != R4_I_DATE && v.kind != R4_I_DATETIME && !time) || !(time ? r4_time_parse(v.text.p, v.text.n, &m) : r4_moment_parse(v.text.p, v.text.n, &m)))
        return r4_run_error(s, "a number or a date was expected");
    static const int date_digits[] = {0, 4, 6, 8, 10, 12, 14, 17}, time_digits[] = {0, 0, 0, 0, 2, 4, 6, 9};
    return r4_put_int(s, out, time ? time_digits[m.precision] : date_digits[m.precision]);
}

FN(comparable)
{
    struct r4_items other = {0};
    int order, rc = r4_run_arg(s, n->args[0], &other);
    if (rc || in->n != 1 || other.n != 1)
        return rc;
    return r4_put_bool(s, out, r4_item_order(s, &in->list[0], &other.list[0], &order) == 0);
}

/* ---- variables ---- */

FN(defineVariable)
{
    struct r4_item name = {0};
    int rc = r4_arg(s, n, 0, &name);
    if (rc < 0 || rc > 1)
        return rc;
    if (rc != 1 || name.kind != R4_I_STRING || !name.text.n)
        return r4_run_error(s, "a variable needs a name");
    const struct r4_variable *lists[] = {s->variables, s->e->variables};
    for (size_t i = 0; i < 2; i++)
        for (const struct r4_variable *v = lists[i]; v; v = v->next)
            if (v->name.n == name.text.n && memcmp(v->name.p, name.text.p, v->name.n) == 0)
                return r4_run_error(s, "%%%.*s is defined already", (int)name.text.n, name.text.p);
    if (r4_variable_of_language(name.text))
        return r4_run_error(s, "%%%.*s cannot be defined", (int)name.text.n, name.text.p);
    struct r4_variable *v = r4_doc_alloc(s->doc, sizeof *v);
    if (!v)
        return ERR_STORAGE;
    *v = (struct r4_variable){.name = name.text};
    const struct r4_variable *kept = s->variables;
    if (n->n_args < 2)
        rc = r4_put_all(s, &v->value, in);
    else
        rc = in->n == 1 ? r4_run_each(s, n->args[1], &in->list[0], 0, &v->value) : r4_run(s, n->args[1], in, &v->value);
    v->next = kept;
    s->variables = v;
    return rc ? rc : r4_put_all(s, out, in);
}

/* ---- keys of rows (SQL on FHIR v2): of a resource its id, of a reference the id it names ---- */

FN(getResourceKey)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        struct r4_str id = r4_text(r4_get(in->list[i].node, "id"));
        bool resource = r4_get(in->list[i].node, "resourceType") != NULL;
        rc = resource && id.n ? r4_put_text(s, out, R4_I_STRING, id.p, id.n) : 0;
    }
    return rc;
}

/* [http://..]Type/ID[/_history/V]: Type and ID; false: it names no resource so. */
static bool split_reference(struct r4_str ref, struct r4_str *type, struct r4_str *id)
{
    static const char history[] = "/_history/";
    const char *cut = ref.n ? memmem(ref.p, ref.n, history, sizeof history - 1) : NULL;
    if (cut)
        ref.n = (size_t)(cut - ref.p);
    const char *slash = ref.n && *ref.p != '#' ? memrchr(ref.p, '/', ref.n) : NULL;
    if (!slash)
        return false;
    const char *before = memrchr(ref.p, '/', (size_t)(slash - ref.p)), *from = before ? before + 1 : ref.p;
    *type = (struct r4_str){from, (size_t)(slash - from)};
    *id = (struct r4_str){slash + 1, ref.n - (size_t)(slash + 1 - ref.p)};
    return type->n && id->n;
}

FN(getReferenceKey)
{
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++) {
        struct r4_str type, id, said = r4_text(r4_get(in->list[i].node, "type"));
        if (!split_reference(r4_text(r4_get(in->list[i].node, "reference")), &type, &id))
            continue;
        const struct r4_type *found = r4_type_find(s->r4, type.p, type.n);
        found = found || !said.n ? found : r4_type_find(s->r4, said.p, said.n);
        if (n->n_args && !(found && n->spec.fhir && r4_type_is(found, n->spec.fhir)))
            continue;
        rc = r4_put_text(s, out, R4_I_STRING, id.p, id.n);
    }
    return rc;
}

bool r4_takes_type_or_none(const struct r4_function *fn)
{
    return fn->run == fn_getReferenceKey;
}

/* ---- sort: by keys, -key is descending; stable ---- */

struct sorted {
    struct r4_item item;
    struct r4_item keys[CALL_ARGS_MAX]; /* kind 0: none */
};

static int sort_keys(struct run *s, const struct r4_ast *n, struct sorted *row, size_t i)
{
    row->keys[0] = r4_system_value(&row->item);
    for (size_t k = 0; k < n->n_args; k++) {
        const struct r4_ast *key = n->args[k]->op == OP_NEGATE ? n->args[k]->left : n->args[k];
        struct r4_items c = {0};
        int rc = r4_run_each(s, key, &row->item, i, &c);
        if (rc)
            return rc;
        if (c.n > 1)
            return r4_run_error(s, "a key to sort by must be one value");
        row->keys[k] = c.n ? r4_system_value(&c.list[0]) : (struct r4_item){0};
    }
    return 0;
}

static int compare(struct run *s, const struct r4_ast *n, const struct sorted *a, const struct sorted *b)
{
    for (size_t k = 0; k < (n->n_args ? n->n_args : 1u); k++) {
        int order = (a->keys[k].kind != 0) - (b->keys[k].kind != 0);
        if (order) /* what has no key comes first either way */
            return order;
        if (a->keys[k].kind && r4_item_order(s, &a->keys[k], &b->keys[k], &order))
            order = 0;
        if (order)
            return n->n_args && n->args[k]->op == OP_NEGATE ? -order : order;
    }
    return 0;
}

FN(sort)
{
    struct sorted *rows = r4_doc_alloc(s->doc, (in->n + 1) * sizeof *rows);
    if (!rows)
        return ERR_STORAGE;
    if (in->n > 10000)
        return r4_run_error(s, "too many values to sort");
    for (size_t i = 0; i < in->n; i++) {
        rows[i] = (struct sorted){.item = in->list[i]};
        int rc = sort_keys(s, n, &rows[i], i);
        if (rc)
            return rc;
    }
    for (size_t i = 1; i < in->n; i++) /* insertion keeps equal ones in their order */
        for (size_t k = i; k > 0 && compare(s, n, &rows[k - 1], &rows[k]) > 0; k--) {
            struct sorted swap = rows[k];
            rows[k] = rows[k - 1];
            rows[k - 1] = swap;
        }
    int rc = 0;
    for (size_t i = 0; !rc && i < in->n; i++)
        rc = r4_put(s, out, &rows[i].item);
    return rc;
}

static const struct r4_function functions[] = {{"lowBoundary", 0, 1, fn_lowBoundary}, {"highBoundary", 0, 1, fn_highBoundary},
                                               {"precision", 0, 0, fn_precision},     {"comparable", 1, 1, fn_comparable},
                                               {"sort", 0, CALL_ARGS_MAX, fn_sort},
                                               {"defineVariable", 1, 2, fn_defineVariable}, {"getResourceKey", 0, 0, fn_getResourceKey},
                                               {"getReferenceKey", 0, 1, fn_getReferenceKey}};

const struct r4_function *r4_more_function_find(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0)
            return &functions[i];
    return NULL;
}
