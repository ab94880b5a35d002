#include "records/r4/defs.h"
#include "records/r4/values.h"
#include "records/term/pinyin.h"
#include <math.h>
#include <stdlib.h>

/* Items of a parameter's path -> values of its type. */

#define VALUES_MAX 4096 /* of one parameter in one resource */

struct values {
    struct r4_value *list;
    size_t n, cap;
};

struct yield {
    const struct r4_extract *x;
    struct r4_doc *d;
    struct values out;
    bool no_memory;
};

static struct r4_value *add(struct yield *y, enum r4_param_type type)
{
    if (y->out.n == VALUES_MAX)
        return NULL;
    if (y->out.n == y->out.cap) {
        size_t cap = y->out.cap ? y->out.cap * 2 : 4;
        struct r4_value *list = r4_doc_alloc(y->d, cap * sizeof *list);
        if (!list) {
            y->no_memory = true;
            return NULL;
        }
        if (y->out.n)
            memcpy(list, y->out.list, y->out.n * sizeof *list);
        y->out.list = list;
        y->out.cap = cap;
    }
    struct r4_value *v = &y->out.list[y->out.n++];
    *v = (struct r4_value){.type = (uint8_t)type};
    return v;
}

static const struct r4_node *first_of(const struct r4_node *list)
{
    return list && list->kind == R4_ARRAY ? list->child : NULL;
}

static bool named(const struct r4_item *item, const char *type)
{
    return item->type && strcmp(item->type->name, type) == 0;
}

/* ---- token ---- */

static void token(struct yield *y, struct r4_str system, struct r4_str code, struct r4_str text)
{
    if (!code.p && !text.p)
        return;
    struct r4_value *v = add(y, R4_P_TOKEN);
    if (v) {
        v->system = system;
        v->code = code;
        v->text = text;
    }
}

static void coding(struct yield *y, const struct r4_node *c)
{
    token(y, r4_text(r4_get(c, "system")), r4_text(r4_get(c, "code")), r4_text(r4_get(c, "display")));
}

static void concept(struct yield *y, const struct r4_node *c)
{
    for (const struct r4_node *one = first_of(r4_get(c, "coding")); one; one = one->next)
        coding(y, one);
    token(y, (struct r4_str){0}, (struct r4_str){0}, r4_text(r4_get(c, "text")));
}

static void identifier(struct yield *y, const struct r4_node *i)
{
    struct r4_str value = r4_text(r4_get(i, "value"));
    const struct r4_node *type = r4_get(i, "type");
    token(y, r4_text(r4_get(i, "system")), value, r4_text(r4_get(type, "text")));
    for (const struct r4_node *one = first_of(r4_get(type, "coding")); value.p && one; one = one->next) {
        size_t before = y->out.n;
        coding(y, one);
        if (y->out.n > before)
            y->out.list[before].string = value;
    }
}

/* The system a bound code belongs to, where the element's value set says so. */
static struct r4_str implied_system(const struct r4_item *item, struct r4_str code)
{
    return r4_codes_system(item->element ? item->element->codes : NULL, code);
}

static void primitive_token(struct yield *y, const struct r4_item *item)
{
    const struct r4_node *n = item->node;
    if (n->kind == R4_TRUE || n->kind == R4_FALSE)
        token(y, (struct r4_str){0}, n->kind == R4_TRUE ? R4_STR("true") : R4_STR("false"), (struct r4_str){0});
    else
        token(y, implied_system(item, r4_text(n)), r4_text(n), (struct r4_str){0});
}

/* Found by its value, and by what kind of number or address it is: telecom=phone|.. (R4 leaves to the server what a system of a ContactPoint means). */
static void contact(struct yield *y, const struct r4_node *c)
{
    struct r4_str value = r4_text(r4_get(c, "value"));
    if (value.p)
        token(y, r4_text(r4_get(c, "system")), value, (struct r4_str){0});
}

static void to_token(struct yield *y, const struct r4_item *item)
{
    if (item->kind == R4_I_BOOLEAN)
        token(y, (struct r4_str){0}, item->boolean ? R4_STR("true") : R4_STR("false"), (struct r4_str){0});
    else if (item->kind != R4_I_NODE || !item->node)
        return;
    else if (item->node->kind != R4_OBJECT)
        primitive_token(y, item);
    else if (named(item, "CodeableConcept"))
        concept(y, item->node);
    else if (named(item, "Coding"))
        coding(y, item->node);
    else if (named(item, "Identifier"))
        identifier(y, item->node);
    else if (named(item, "ContactPoint"))
        contact(y, item->node);
}

/* ---- string ---- */

static void string(struct yield *y, struct r4_str text, bool person)
{
    if (!text.n)
        return;
    struct r4_value *v = add(y, R4_P_STRING);
    if (!v)
        return;
    v->string = text;
    r4_string_fold(y->d, v);
    if (!y->x->pinyin || text.n > 300 || !r4_has_chinese(text))
        return;
    char copy[304], initials[304] = "";
    struct pinyin_name names[2];
    memcpy(copy, text.p, text.n);
    copy[text.n] = 0;
    const char *found = initials;
    if (person && text.n < 48 && pinyin_name(y->x->pinyin, copy, names) > 0)
        found = names[0].initials;
    else
        pinyin_text(y->x->pinyin, copy, NULL, initials, sizeof initials);
    size_t n = strlen(found);
    v->initials = (struct r4_str){r4_doc_copy(y->d, found, n), n};
}

static void parts(struct yield *y, const struct r4_node *object, const char *const *names, bool person)
{
    for (; *names; names++) {
        const struct r4_node *m = r4_get(object, *names);
        if (!m || m->kind != R4_ARRAY)
            string(y, r4_text(m), person);
        else
            for (const struct r4_node *one = m->child; one; one = one->next)
                string(y, r4_text(one), person);
    }
}

/* 张 and 三 are searched for as 张三. */
static void chinese_name(struct yield *y, const struct r4_node *name)
{
    struct r4_str family = r4_text(r4_get(name, "family"));
    struct r4_buf whole = {0};
    if (!family.n || !r4_has_chinese(family))
        return;
    r4_buf_put(&whole, family.p, family.n);
    for (const struct r4_node *one = first_of(r4_get(name, "given")); one; one = one->next)
        r4_buf_put(&whole, r4_text(one).p, r4_text(one).n);
    if (whole.n > family.n)
        string(y, (struct r4_str){r4_doc_copy(y->d, whole.p, whole.n), whole.n}, true);
    r4_buf_clear(&whole);
}

static void to_string(struct yield *y, const struct r4_item *item)
{
    static const char *const human[] = {"text", "family", "given", "prefix", "suffix", NULL};
    static const char *const address[] = {"text", "line", "city", "district", "state", "postalCode", "country", NULL};
    if (item->kind != R4_I_NODE) {
        string(y, item->text, false);
    } else if (named(item, "HumanName")) {
        parts(y, item->node, human, true);
        chinese_name(y, item->node);
    } else if (named(item, "Address")) {
        parts(y, item->node, address, false);
    } else if (named(item, "CodeableConcept")) {
        string(y, r4_text(r4_get(item->node, "text")), false);
    } else {
        bool person = item->element && (strcmp(item->element->name, "family") == 0 || strcmp(item->element->name, "name") == 0);
        string(y, r4_text(item->node), person);
    }
}

/* ---- date ---- */

/* Times without zone do not occur in a valid resource below the day; days are counted in UTC+8, where the consortium is. */
#define HOME_ZONE_MIN 480

static bool interval(const struct r4_node *n, int64_t *low, int64_t *high)
{
    struct r4_str t = r4_text(n);
    return t.p && r4_date_interval(t.p, t.n, HOME_ZONE_MIN, low, high);
}

static void date(struct yield *y, int64_t low, int64_t high)
{
    struct r4_value *v = add(y, R4_P_DATE);
    if (v) {
        v->low_ms = low;
        v->high_ms = high;
    }
}

static void period(struct yield *y, const struct r4_node *p)
{
    int64_t low = R4_TIME_MIN, high = R4_TIME_MAX, other;
    bool start = interval(r4_get(p, "start"), &low, &other), end = interval(r4_get(p, "end"), &other, &high);
    if (start || end)
        date(y, low, high);
}

static void timing(struct yield *y, const struct r4_node *t)
{
    int64_t low = R4_TIME_MAX, high = R4_TIME_MIN, a, b;
    for (const struct r4_node *one = first_of(r4_get(t, "event")); one; one = one->next)
        if (interval(one, &a, &b)) {
            low = a < low ? a : low;
            high = b > high ? b : high;
        }
    if (low < high)
        date(y, low, high);
    else if (r4_at(t, "repeat.boundsPeriod"))
        period(y, r4_at(t, "repeat.boundsPeriod"));
}

static void to_date(struct yield *y, const struct r4_item *item)
{
    int64_t low, high;
    if (item->kind != R4_I_NODE || !item->node)
        return;
    if (interval(item->node, &low, &high))
        date(y, low, high);
    else if (named(item, "Period"))
        period(y, item->node);
    else if (named(item, "Timing"))
        timing(y, item->node);
}

/* ---- number, quantity ---- */

static void to_number(struct yield *y, const struct r4_item *item)
{
    struct r4_value n = {0};
    if (item->kind != R4_I_NODE || !r4_number_read(r4_text(item->node), &n))
        return;
    struct r4_value *v = add(y, R4_P_NUMBER);
    if (v) {
        *v = n;
        v->type = R4_P_NUMBER;
    }
}

static void unit_of(struct r4_value *v, const struct r4_node *q)
{
    v->system = r4_text(r4_get(q, "system"));
    v->code = r4_text(r4_get(q, "code"));
    v->text = r4_text(r4_get(q, "unit"));
    struct r4_str currency = r4_text(r4_get(q, "currency"));
    if (currency.p) { /* Money */
        v->system = R4_STR("urn:iso:std:iso:4217");
        v->code = currency;
    }
}

static void range_value(struct yield *y, const struct r4_node *range)
{
    const struct r4_node *low = r4_get(range, "low"), *high = r4_get(range, "high");
    struct r4_value a = {0}, b = {0};
    bool has_low = r4_number_read(r4_text(r4_get(low, "value")), &a), has_high = r4_number_read(r4_text(r4_get(high, "value")), &b);
    struct r4_value *v = has_low || has_high ? add(y, R4_P_QUANTITY) : NULL;
    if (!v)
        return;
    v->low = has_low ? a.number : -INFINITY;
    v->high = has_high ? b.number : INFINITY;
    v->number = has_low ? a.number : b.number;
    unit_of(v, has_low ? low : high);
}

static void to_quantity(struct yield *y, const struct r4_item *item)
{
    struct r4_value q = {0};
    if (item->kind != R4_I_NODE || !item->node)
        return;
    if (named(item, "Range")) {
        range_value(y, item->node);
        return;
    }
    if (!r4_number_read(r4_text(r4_get(item->node, "value")), &q))
        return;
    struct r4_value *v = add(y, R4_P_QUANTITY);
    if (!v)
        return;
    *v = q;
    v->type = R4_P_QUANTITY;
    unit_of(v, item->node);
}

/* ---- reference, uri, special ---- */

static void reference(struct yield *y, const struct r4_node *r)
{
    struct r4_value found = {0};
    const struct r4_node *id = r4_get(r, "identifier");
    struct r4_str text = r4_text(r4_get(r, "reference"));
    bool points = r4_reference_read(y->x->r4, text, y->x->base_url, &found);
    if (!points && text.n > 1 && text.p[0] == '#') { /* contained: told as it is written */
        found.url = text;
        points = true;
    }
    found.system = r4_text(r4_get(id, "system"));
    found.code = r4_text(r4_get(id, "value"));
    struct r4_value *v = points || found.code.p ? add(y, R4_P_REFERENCE) : NULL;
    if (v) {
        *v = found;
        v->type = R4_P_REFERENCE;
    }
}

/* A canonical may be written as Type/id, or lie below our address: it is found as a reference, too. */
static void canonical(const struct yield *y, struct r4_str text, struct r4_value *v)
{
    struct r4_value found = {0};
    r4_canonical_read(text, v);
    if (r4_reference_read(y->x->r4, v->url, y->x->base_url, &found)) {
        v->ref_type = found.ref_type;
        v->ref_id = found.ref_id;
    }
}

static void to_reference(struct yield *y, const struct r4_item *item)
{
    if (item->kind != R4_I_NODE || !item->node)
        return;
    if (named(item, "Reference")) {
        reference(y, item->node);
        return;
    }
    bool inline_resource = item->type && item->type->kind == R4_RESOURCE;
    struct r4_str text = inline_resource ? r4_text(r4_get(item->node, "id")) : r4_text(item->node);
    struct r4_value *v = text.n ? add(y, R4_P_REFERENCE) : NULL;
    if (v && text.p[0] == '#') {
        v->url = text;
    } else if (v && inline_resource) {
        v->ref_type = (struct r4_str){item->type->name, strlen(item->type->name)};
        v->ref_id = text;
    } else if (v) {
        canonical(y, text, v);
    }
}

static void to_uri(struct yield *y, const struct r4_item *item)
{
    struct r4_str text = item->kind == R4_I_NODE ? r4_text(item->node) : item->text;
    struct r4_value *v = text.n ? add(y, R4_P_URI) : NULL;
    if (v)
        v->string = text;
}

static void to_special(struct yield *y, const struct r4_item *item)
{
    struct r4_value latitude = {0}, longitude = {0};
    if (item->kind != R4_I_NODE || !r4_number_read(r4_text(r4_get(item->node, "latitude")), &latitude) ||
        !r4_number_read(r4_text(r4_get(item->node, "longitude")), &longitude))
        return;
    struct r4_value *v = add(y, R4_P_SPECIAL);
    if (v) {
        v->number = latitude.number;
        v->low = longitude.number;
    }
}

/* An expression may end at an extension (gene-identifier): what it holds is meant. */
static bool extension_value(const struct yield *y, const struct r4_item *extension, struct r4_item *value)
{
    for (const struct r4_node *m = extension->node->child; m; m = m->next) {
        const struct r4_element *e = r4_element(y->x->r4->extension, m->key_hash, m->key, m->key_len);
        if (e && e->choice && !e->head && strncmp(e->name, "value", 5) == 0) {
            *value = (struct r4_item){.kind = R4_I_NODE, .type = e->type ? &e->type->pub : NULL, .node = m, .element = e, .parent = extension->node};
            return true;
        }
    }
    return false;
}

static void convert(struct yield *y, enum r4_param_type type, const struct r4_item *item)
{
    static void (*const by_type[])(struct yield *, const struct r4_item *) = {NULL,      to_number, to_date,     to_string, to_token,
                                                                              to_reference, NULL,   to_quantity, to_uri,    to_special};
    struct r4_item value;
    if (item->kind == R4_I_NODE && item->node && named(item, "Extension")) {
        if (!extension_value(y, item, &value))
            return;
        item = &value;
    }
    if (by_type[type])
        by_type[type](y, item);
}

/* ---- values of one parameter ---- */

static bool same_str(struct r4_str a, struct r4_str b)
{
    return a.n == b.n && (a.p == b.p || (a.p && b.p && memcmp(a.p, b.p, a.n) == 0));
}

static bool same(const struct r4_value *a, const struct r4_value *b)
{
    /* what tells most values apart first */
    if (a->type != b->type || a->low_ms != b->low_ms || a->high_ms != b->high_ms || a->number != b->number || !same_str(a->code, b->code) ||
        !same_str(a->ref_id, b->ref_id) || !same_str(a->url, b->url) || !same_str(a->string, b->string) || a->n_components != b->n_components)
        return false;
    for (size_t i = 0; i < a->n_components; i++)
        if (!same(&a->components[i], &b->components[i]))
            return false;
    return same_str(a->system, b->system) && same_str(a->text, b->text) && a->low == b->low && a->high == b->high && same_str(a->ref_type, b->ref_type) &&
           same_str(a->ref_version, b->ref_version);
}

static uint32_t fingerprint(const struct r4_value *v)
{
    uint64_t h = (uint64_t)v->low_ms * 0x9E3779B97F4A7C15u + v->n_components;
    const struct r4_str *const texts[] = {&v->code, &v->ref_id, &v->string, &v->text, &v->url};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]->n)
            h = (h ^ r4_hash(texts[i]->p, texts[i]->n)) * 0xC2B2AE3D27D4EB4Fu;
    for (size_t i = 0; i < v->n_components; i++)
        h = (h ^ fingerprint(&v->components[i])) * 0xC2B2AE3D27D4EB4Fu;
    return (uint32_t)(h >> 32);
}

/* Which values of a longer list are there already: a table of indices + 1 by fingerprint; NULL without memory (then nothing is dropped). */
static bool seen_before(struct yield *y, uint16_t *table, size_t mask, size_t i)
{
    size_t at = fingerprint(&y->out.list[i]) & mask;
    for (; table[at]; at = (at + 1) & mask)
        if (same(&y->out.list[i], &y->out.list[table[at] - 1]))
            return true;
    table[at] = (uint16_t)(i + 1);
    return false;
}

static void emit_one(struct yield *y, struct r4_value *v, const struct r4_param *param)
{
    v->param = param;
    y->x->emit(y->x->ctx, v);
}

static void emit_all(struct yield *y, const struct r4_param *param)
{
    size_t mask = 16;
    if (y->out.n == 1)
        emit_one(y, &y->out.list[0], param);
    if (y->out.n > 1) {
        while (mask < y->out.n * 2)
            mask *= 2;
        uint16_t *table = r4_doc_alloc(y->d, mask * sizeof *table);
        if (table)
            memset(table, 0, mask * sizeof *table);
        for (size_t i = 0; i < y->out.n; i++)
            if (!table || !seen_before(y, table, mask - 1, i))
                emit_one(y, &y->out.list[i], param);
    }
    y->out.n = 0;
}

/* Every way to take one value of each component. */
static void combine(struct yield *y, const struct values *sets, size_t n)
{
    size_t at[R4_COMPONENTS_MAX] = {0};
    for (;;) {
        struct r4_value *list = r4_doc_alloc(y->d, n * sizeof *list);
        struct r4_value *v = list ? add(y, R4_P_COMPOSITE) : NULL;
        if (!v)
            return;
        for (size_t i = 0; i < n; i++)
            list[i] = sets[i].list[at[i]];
        v->components = list;
        v->n_components = n;
        size_t k = 0;
        while (k < n && ++at[k] == sets[k].n)
            at[k++] = 0;
        if (k == n)
            return;
    }
}

static int composite(struct yield *y, struct r4_eval *e, const struct r4_param *p, const struct r4_item *root)
{
    struct values sets[R4_COMPONENTS_MAX] = {{0}}, kept = y->out;
    int rc = 0;
    bool all = true;
    for (size_t i = 0; !rc && all && i < p->n_components; i++) {
        struct r4_items items = {0};
        rc = r4_path_run_item(p->components[i].path, e, root, &items, NULL);
        y->out = (struct values){0};
        for (size_t k = 0; !rc && k < items.n; k++)
            convert(y, p->components[i].param->type, &items.list[k]);
        for (size_t k = 0; k < y->out.n; k++)
            y->out.list[k].param = p->components[i].param;
        sets[i] = y->out;
        all = sets[i].n > 0;
    }
    y->out = kept;
    if (!rc && all && p->n_components)
        combine(y, sets, p->n_components);
    return rc;
}

static int extract_param(struct yield *y, struct r4_eval *e, const struct r4_named_param *np, const struct r4_item *root)
{
    struct r4_items items = {0};
    struct r4_mark mark = r4_doc_mark(y->d);
    int rc = np->path ? r4_path_run_item(np->path, e, root, &items, NULL) : 0;
    for (size_t i = 0; !rc && i < items.n; i++)
        if (np->param->type == R4_P_COMPOSITE)
            rc = composite(y, e, np->param, &items.list[i]);
        else
            convert(y, np->param->type, &items.list[i]);
    if (rc == ERR_INVALID) /* an expression that this resource's values do not suit yields nothing */
        rc = 0;
    if (!y->out.n) /* most parameters of most resources: their memory stays warm for the next one */
        r4_doc_rewind(y->d, mark);
    emit_all(y, np->param);
    return rc;
}

/* The members that are there; a choice by its path name too, a lone companion by what it belongs to. */
static uint64_t members(const struct r4_type_def *type, const struct r4_node *resource)
{
    uint64_t bits = 0;
    for (const struct r4_node *m = resource->child; m; m = m->next) {
        bool companion = m->key_len > 1 && m->key[0] == '_';
        const char *name = m->key + companion;
        size_t n = m->key_len - (size_t)companion;
        const struct r4_element *e = r4_element(type, companion ? r4_hash(name, n) : m->key_hash, name, n);
        if (!e)
            continue;
        bits |= r4_name_bit(e->hash);
        while (e->choice && !e->head) /* the head stands before the spread elements */
            e--;
        bits |= r4_name_bit(e->hash);
    }
    return bits;
}

int r4_extract(const struct r4_extract *x, struct r4_doc *d, const struct r4_node *resource)
{
    struct r4_str name = r4_text(r4_get(resource, "resourceType"));
    const struct r4_type *type = name.p ? r4_resource(x->r4, name.p, name.n) : NULL;
    if (!type)
        return ERR_INVALID;
    const struct r4_type_def *def = r4_def(type);
    struct yield y = {.x = x, .d = d};
    struct r4_eval e = {.r4 = x->r4, .doc = d, .root = resource, .lenient = true};
    struct r4_item root = {.kind = R4_I_NODE, .node = resource, .type = type};
    int rc = 0;
    uint64_t there = members(def, resource);
    for (size_t i = 0; !rc && i < def->n_params; i++)
        if (!def->params[i].begins || (def->params[i].begins & there))
            rc = extract_param(&y, &e, &def->params[i], &root);
    return y.no_memory ? ERR_STORAGE : rc;
}
