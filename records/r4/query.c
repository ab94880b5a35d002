#include "records/r4/query.h"
#include "records/r4/defs.h"
#include "records/term/charset.h"
#include "server/base/text.h"
#include <stdio.h>
#include <stdlib.h>

#define CHAIN_MAX 6

/* ---- name=value pairs ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* %xx and '+'. {NULL} for a wrong one. */
static struct r4_str decode(struct r4_doc *d, const char *text, size_t n)
{
    char *out = r4_doc_alloc(d, n + 1);
    size_t len = 0;
    for (size_t i = 0; out && i < n; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%') {
            int a = i + 2 < n ? hex(text[i + 1]) : -1, b = i + 2 < n ? hex(text[i + 2]) : -1;
            if (a < 0 || b < 0)
                return (struct r4_str){NULL, 0};
            c = (char)(a * 16 + b);
            i += 2;
        }
        if (c == 0)
            return (struct r4_str){NULL, 0};
        out[len++] = c;
    }
    return (struct r4_str){out, len};
}

int r4_query_split(struct r4_doc *d, const char *text, size_t len, struct r4_pair *pairs, size_t cap, size_t *n)
{
    const char *p = text, *end = text + len;
    *n = 0;
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp ? amp : end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));
        if (stop > p) {
            if (*n == cap)
                return ERR_INVALID;
            struct r4_pair *one = &pairs[(*n)++];
            one->name = decode(d, p, (size_t)((equals ? equals : stop) - p));
            one->value = equals ? decode(d, equals + 1, (size_t)(stop - equals - 1)) : R4_STR("");
            if (!one->name.p || !one->value.p || !charset_utf8(one->name.p, one->name.n) || !charset_utf8(one->value.p, one->value.n))
                return ERR_INVALID;
        }
        p = stop + 1;
    }
    return 0;
}

/* ---- reading one name ---- */

int r4_query_wrong(const struct r4_reading *s, const char *why)
{
    if (s->f && !s->quiet) {
        fault_clear(s->f);
        char path[96];
        snprintf(path, sizeof path, "%.*s", (int)(s->name.n < 90 ? s->name.n : 90), s->name.p ? s->name.p : "");
        text_whole(path); /* more text follows it */
        fault_set(s->f, ERR_INVALID, "search", "search parameter %s: %s", path, why);
        fault_field(s->f, path, "%.90s", why);
    }
    return ERR_INVALID;
}

static struct r4_str until(struct r4_str t, const char *stops)
{
    size_t n = 0;
    while (n < t.n && !strchr(stops, t.p[n]))
        n++;
    return (struct r4_str){t.p, n};
}

static struct r4_str behind(struct r4_str t, size_t n)
{
    return n >= t.n ? (struct r4_str){t.p + t.n, 0} : (struct r4_str){t.p + n, t.n - n};
}

static bool starts(struct r4_str t, const char *with)
{
    size_t n = strlen(with);
    return t.n >= n && memcmp(t.p, with, n) == 0;
}

static const struct modifier_row {
    const char *name;
    enum r4_modifier modifier;
    const char *types; /* letters of what may have it: n d s t r c q u */
} modifiers[] = {{"missing", R4_M_MISSING, "ndstrcqux"}, {"exact", R4_M_EXACT, "s"}, {"contains", R4_M_CONTAINS, "su"}, {"text", R4_M_TEXT, "tr"},
                 {"not", R4_M_NOT, "t"}, {"above", R4_M_ABOVE, "tur"}, {"below", R4_M_BELOW, "tur"}, {"in", R4_M_IN, "t"}, {"not-in", R4_M_NOT_IN, "t"},
                 {"of-type", R4_M_OF_TYPE, "t"}, {"identifier", R4_M_IDENTIFIER, "r"}};

static int read_modifier(struct r4_reading *s, struct r4_term *t, struct r4_str name)
{
    static const char letters[] = "?ndstrcqux";
    for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
        if (r4_str_is(name, modifiers[i].name)) {
            if (!strchr(modifiers[i].types, letters[t->param->type]))
                return r4_query_wrong(s, "this modifier is not for parameters of this type");
            t->modifier = modifiers[i].modifier;
            return 0;
        }
    const struct r4_type *type = t->param->type == R4_P_REFERENCE ? r4_resource(s->r4, name.p, name.n) : NULL;
    if (!type)
        return r4_query_wrong(s, "unknown modifier");
    t->modifier = R4_M_TYPE;
    t->modifier_type = type;
    return 0;
}

static int read_term(struct r4_reading *s, const struct r4_type *base, struct r4_str name, struct r4_term **out);

static bool may_point_to(const struct r4_param *p, const struct r4_type *type)
{
    for (size_t i = 0; i < p->n_targets; i++)
        if (p->targets[i] == type)
            return true;
    return p->n_targets == 0;
}

/* What stands behind the dot, for every type the reference may point to that has it. */
static int read_chain(struct r4_reading *s, struct r4_term *t, struct r4_str rest)
{
    const struct r4_type *const *types = t->param->targets;
    size_t n = t->param->n_targets;
    if (t->param->type != R4_P_REFERENCE)
        return r4_query_wrong(s, "only a reference can be followed with '.'");
    if (t->modifier != R4_M_NONE && t->modifier != R4_M_TYPE)
        return r4_query_wrong(s, "this modifier cannot be followed with '.'");
    if (t->modifier_type) {
        types = &t->modifier_type;
        n = 1;
    } else if (!n) {
        n = r4_resources(s->r4, &types);
    }
    const struct r4_term **tail = &t->chain;
    struct r4_str code = until(rest, ":.");
    bool has = starts(rest, "_has:");
    for (size_t i = 0; i < n; i++) {
        struct r4_term *one;
        if (!has && !r4_param_find(s->r4, types[i], code.p, code.n))
            continue;
        s->quiet = n > 1; /* an alternative that does not fit is left out */
        int rc = read_term(s, types[i], rest, &one);
        s->quiet = false;
        if (rc && n > 1)
            continue;
        if (rc)
            return rc;
        *tail = one;
        tail = &one->next_target;
    }
    if (!t->chain)
        return r4_query_wrong(s, "no type that this reference points to has the parameter behind '.', or its value is wrong");
    return 0;
}

/* _has:Observation:patient:code */
static int read_has(struct r4_reading *s, const struct r4_type *base, struct r4_str name, struct r4_term *t)
{
    struct r4_str type = until(behind(name, 5), ":"), rest = behind(name, 5 + type.n + 1), reference = until(rest, ":");
    struct r4_str inner = behind(rest, reference.n + 1);
    const struct r4_type *source = r4_resource(s->r4, type.p, type.n);
    if (!source)
        return r4_query_wrong(s, "_has names no type of resource");
    t->base = base;
    t->reverse = true;
    t->param = r4_param_find(s->r4, source, reference.p, reference.n);
    if (!t->param || t->param->type != R4_P_REFERENCE || !may_point_to(t->param, base))
        return r4_query_wrong(s, "_has names no reference parameter that points to the type searched for");
    if (!inner.n)
        return r4_query_wrong(s, "_has lacks the parameter behind the reference");
    struct r4_term *one;
    int rc = read_term(s, source, inner, &one);
    t->chain = rc ? NULL : one;
    return rc;
}

static int read_plain(struct r4_reading *s, const struct r4_type *base, struct r4_str name, struct r4_term *t)
{
    struct r4_str code = until(name, ":."), rest = behind(name, code.n);
    t->base = base;
    t->param = r4_param_find(s->r4, base, code.p, code.n);
    if (!t->param)
        return r4_query_wrong(s, "there is no such parameter");
    if (rest.n && *rest.p == ':') {
        struct r4_str modifier = until(behind(rest, 1), ".");
        int rc = read_modifier(s, t, modifier);
        if (rc)
            return rc;
        rest = behind(rest, 1 + modifier.n);
    }
    return rest.n ? read_chain(s, t, behind(rest, 1)) : r4_query_operands(s, t);
}

static int read_term(struct r4_reading *s, const struct r4_type *base, struct r4_str name, struct r4_term **out)
{
    struct r4_term *t = r4_doc_alloc(s->d, sizeof *t);
    if (!t)
        return ERR_STORAGE;
    *t = (struct r4_term){0};
    *out = t;
    if (++s->depth > CHAIN_MAX)
        return r4_query_wrong(s, "the chain is too long");
    int rc = starts(name, "_has:") ? read_has(s, base, name, t) : read_plain(s, base, name, t);
    s->depth--;
    return rc;
}

/* ---- the result parameters ---- */

static int read_count(struct r4_reading *s, struct r4_query *q)
{
    if (!s->value.n || s->value.n > 9)
        return r4_query_wrong(s, "a whole number was expected");
    q->count = 0;
    for (size_t i = 0; i < s->value.n; i++) {
        if (s->value.p[i] < '0' || s->value.p[i] > '9')
            return r4_query_wrong(s, "a whole number was expected");
        q->count = q->count * 10 + (s->value.p[i] - '0');
    }
    return 0;
}

static int read_sort(struct r4_reading *s, struct r4_query *q)
{
    struct r4_str rest = s->value;
    while (rest.n) {
        struct r4_str one = until(rest, ",");
        rest = behind(rest, one.n + 1);
        bool descending = one.n && *one.p == '-';
        struct r4_str code = behind(one, descending);
        if (r4_str_is(code, "_score"))
            continue;
        const struct r4_param *p = r4_param_find(s->r4, q->type, code.p, code.n);
        if (!p || p->type == R4_P_COMPOSITE || p->type == R4_P_SPECIAL || !p->expression)
            return r4_query_wrong(s, "cannot be sorted by that parameter");
        if (q->n_sorts == R4_SORTS_MAX)
            return r4_query_wrong(s, "too many parameters to sort by");
        q->sorts[q->n_sorts++] = (struct r4_sort){p, descending};
    }
    return 0;
}

static int pick(const struct r4_reading *s, const char *const *words, int *out)
{
    for (int i = 0; words[i]; i++)
        if (*words[i] && r4_str_is(s->value, words[i])) {
            *out = i;
            return 0;
        }
    return r4_query_wrong(s, "not one of the values that are allowed");
}

static int read_summary(struct r4_reading *s, struct r4_query *q)
{
    static const char *const words[] = {"false", "true", "text", "data", "count", NULL};
    int i = 0, rc = pick(s, words, &i);
    q->summary = (enum r4_summary)i;
    return rc;
}

static int read_total(struct r4_reading *s, struct r4_query *q)
{
    static const char *const words[] = {"", "none", "estimate", "accurate", NULL};
    int i = 0, rc = pick(s, words, &i);
    q->total = (enum r4_total)i;
    return rc;
}

static int read_contained(struct r4_reading *s, struct r4_query *q)
{
    return r4_str_is(s->value, "false") ? 0 : r4_query_wrong(s, "contained resources are not searched for: only false");
}

static int skip(struct r4_reading *s, struct r4_query *q)
{
    return 0;
}

static int read_elements(struct r4_reading *s, struct r4_query *q)
{
    q->elements = s->value;
    return 0;
}

static const struct control {
    const char *name;
    int (*read)(struct r4_reading *s, struct r4_query *q);
} controls[] = {{"_count", read_count}, {"_sort", read_sort}, {"_summary", read_summary}, {"_total", read_total}, {"_elements", read_elements},
                {"_contained", read_contained}, {"_containedType", skip}, {"_format", skip}, {"_pretty", skip}};

/* _include=Observation:patient:Patient */
static int read_include(struct r4_reading *s, struct r4_query *q, bool reverse, const struct r4_include ***tail)
{
    struct r4_str modifier = behind(s->name, until(s->name, ":").n + 1);
    struct r4_include *i = r4_doc_alloc(s->d, sizeof *i);
    if (!i)
        return ERR_STORAGE;
    *i = (struct r4_include){.reverse = reverse, .iterate = r4_str_is(modifier, "iterate") || r4_str_is(modifier, "recurse")};
    if (modifier.n && !i->iterate)
        return r4_query_wrong(s, "unknown modifier");
    struct r4_str type = until(s->value, ":"), rest = behind(s->value, type.n + 1), code = until(rest, ":"), target = behind(rest, code.n + 1);
    bool all = r4_str_is(type, "*") && !rest.n;
    if (!all && !(i->source = r4_resource(s->r4, type.p, type.n)))
        return r4_query_wrong(s, "the value begins with no type of resource");
    if (all && reverse)
        return r4_query_wrong(s, "everything that refers to the results cannot be asked for: name a type (Type:*)");
    if (!all && !r4_str_is(code, "*")) {
        i->param = r4_param_find(s->r4, i->source, code.p, code.n);
        if (!i->param || i->param->type != R4_P_REFERENCE)
            return r4_query_wrong(s, "the value names no reference parameter of that type");
    }
    if (target.n && !(i->target = r4_resource(s->r4, target.p, target.n)))
        return r4_query_wrong(s, "the value ends with no type of resource");
    if (target.n && i->param && !may_point_to(i->param, i->target))
        return r4_query_wrong(s, "the reference never points to that type");
    **tail = i;
    *tail = &i->next;
    return 0;
}

/* ---- the whole query ---- */

struct tails {
    const struct r4_term **term;
    const struct r4_include **include;
};

static int read_pair(struct r4_reading *s, struct r4_query *q, struct tails *at)
{
    struct r4_str head = until(s->name, ":.");
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        if (r4_str_is(s->name, controls[i].name))
            return s->value.n ? controls[i].read(s, q) : 0;
    if (r4_str_is(head, "_include") || r4_str_is(head, "_revinclude"))
        return s->value.n ? read_include(s, q, head.n > 8, &at->include) : 0;
    if (!r4_str_is(head, "_has") && !r4_param_find(s->r4, q->type, head.p, head.n)) {
        if (q->n_unknown < sizeof q->unknown / sizeof *q->unknown)
            q->unknown[q->n_unknown++] = s->name;
        return 0;
    }
    if (!s->value.n)
        return 0;
    struct r4_term *t;
    int rc = read_term(s, q->type, s->name, &t);
    if (rc)
        return rc;
    *at->term = t;
    at->term = &t->next;
    return 0;
}

int r4_query_parse(const struct r4 *r, struct r4_doc *d, const struct r4_type *type, const struct r4_pair *pairs, size_t n, struct r4_query *out,
                   struct fault *f)
{
    *out = (struct r4_query){.type = type, .count = -1, .base_url = out->base_url, .any_case = out->any_case};
    struct tails at = {&out->terms, &out->includes};
    int rc = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        struct r4_reading s = {.r4 = r, .d = d, .name = pairs[i].name, .value = pairs[i].value, .base_url = out->base_url, .any_case = out->any_case, .f = f};
        rc = read_pair(&s, out, &at);
    }
    return rc;
}
