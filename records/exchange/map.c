/* Tables of config/exchange: compiled, applied. */
#include "records/exchange/map.h"
#include "records/config_table.h"
#include "server/base/log.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_MAX 8       /* alternatives of one value, each of as many joined parts */
#define TYPES_MAX 24
#define ENTRIES_MAX 5000  /* of one message */
#define VALUE_MAX 65536

struct choice { /* "a|b+c": terms end where `last` is set */
    struct {
        struct hl7_path path;
        bool last;
    } parts[TERMS_MAX];
    size_t n;
};

enum rule_value { RULE_CODE, RULE_SYSTEM, RULE_TEXT, RULE_VALUE, RULE_UNIT, RULE_RANGE, RULE_FLAG, RULE_STATUS, RULE_TIME, RULE_KEY, RULE_WHO, RULE_VALUES };
static const char *const rule_words[RULE_VALUES] = {"code", "system", "text", "value", "unit", "range", "flag", "status", "time", "key", "who"};
static const char *const member_words[EXCHANGE_MEMBERS] = {"family", "given", "sex", "birth", "phone", "address", "nation", "id_no", "insurance", "mother_number", "visit"};

struct rule {
    char segment[4], kind[24];
    struct choice value[RULE_VALUES];
    struct hl7_path type; /* of the value, "OBX-2"; field 0 = text */
    char types[TYPES_MAX][8];
    size_t n_types;
    bool require, notes;
    struct hl7_path unless; /* a segment that is there makes the rule silent: an ORC before its OBR */
};

struct exchange_map {
    char name[64];
    struct choice member[EXCHANGE_MEMBERS];
    struct rule *rules;
    size_t n_rules;
    json_t *sexes, *statuses, *systems, *codes, *numbers;
};

int exchange_flaw(struct exchange_flaw *flaw, int code, const char *reason, const char *path)
{
    memset(flaw, 0, sizeof *flaw);
    flaw->code = code;
    snprintf(flaw->reason, sizeof flaw->reason, "%s", reason);
    if (path && hl7_path_parse(path, &flaw->at) && strlen(path) == 3)
        memcpy(flaw->at.segment, path, 3);
    return ERR_INVALID;
}

/* ---- compiling ---- */

static int compile_choice(struct choice *c, const json_t *from, const char *where, struct fault *f)
{
    char text[300];
    const char *said = json_string_value(from);
    if (!from)
        return 0;
    if (!said || strlen(said) >= sizeof text)
        return fault_field(f, where, "not_a_path");
    snprintf(text, sizeof text, "%s", said);
    for (char *p = text; *p;) {
        size_t n = strcspn(p, "|+");
        bool last = p[n] != '+', more = p[n] != 0;
        p[n] = 0;
        if (c->n == TERMS_MAX || hl7_path_parse(p, &c->parts[c->n].path))
            return fault_field(f, where, "not_a_path:%.40s", p);
        c->parts[c->n++].last = last;
        p += n + more;
    }
    return 0;
}

static int compile_types(struct rule *r, const json_t *from, const char *where, struct fault *f)
{
    size_t i;
    json_t *one;
    json_array_foreach(from, i, one)
    {
        const char *word = json_string_value(one);
        if (!word || strlen(word) > 7 || r->n_types == TYPES_MAX)
            return fault_field(f, where, "not_a_message_type");
        snprintf(r->types[r->n_types++], sizeof r->types[0], "%s", word);
    }
    return 0;
}

static int compile_rule(struct rule *r, const json_t *from, size_t number, struct fault *f)
{
    char where[64];
    const char *segment = json_string_value(json_object_get(from, "segment")), *kind = json_string_value(json_object_get(from, "kind"));
    const char *type = json_string_value(json_object_get(from, "type")), *unless = json_string_value(json_object_get(from, "unless"));
    snprintf(where, sizeof where, "entries[%zu]", number);
    if (!segment || strlen(segment) != 3 || !kind || strlen(kind) >= sizeof r->kind)
        return fault_field(f, where, "required:segment,kind");
    snprintf(r->segment, sizeof r->segment, "%s", segment);
    snprintf(r->kind, sizeof r->kind, "%s", kind);
    r->require = json_is_true(json_object_get(from, "require"));
    r->notes = json_is_true(json_object_get(from, "notes"));
    if ((type && hl7_path_parse(type, &r->type)) || (unless && hl7_path_parse(unless, &r->unless)))
        return fault_field(f, where, "not_a_path:type,unless");
    int rc = compile_types(r, json_object_get(from, "messages"), where, f);
    for (size_t i = 0; i < RULE_VALUES && rc == 0; i++) {
        snprintf(where, sizeof where, "entries[%zu].%s", number, rule_words[i]);
        rc = compile_choice(&r->value[i], json_object_get(from, rule_words[i]), where, f);
    }
    return rc;
}

static int compile(struct exchange_map *map, const json_t *from, struct fault *f)
{
    const json_t *patient = json_object_get(from, "patient"), *entries = json_object_get(from, "entries");
    int rc = 0;
    snprintf(map->name, sizeof map->name, "%s", json_string_value(json_object_get(from, "name")) ? json_string_value(json_object_get(from, "name")) : "");
    for (size_t i = 0; i < EXCHANGE_MEMBERS && rc == 0; i++)
        rc = compile_choice(&map->member[i], json_object_get(patient, member_words[i]), member_words[i], f);
    map->n_rules = json_array_size(entries);
    map->rules = calloc(map->n_rules + 1, sizeof *map->rules);
    for (size_t i = 0; map->rules && i < map->n_rules && rc == 0; i++)
        rc = compile_rule(&map->rules[i], json_array_get(entries, i), i, f);
    map->sexes = json_incref(json_object_get(from, "sexes"));
    map->statuses = json_incref(json_object_get(from, "statuses"));
    map->systems = json_incref(json_object_get(from, "systems"));
    map->codes = json_incref(json_object_get(from, "codes"));
    map->numbers = json_incref(json_object_get(from, "numbers"));
    return rc || !map->rules ? (rc ? rc : ERR_UNAVAILABLE) : map->name[0] ? 0 : fault_field(f, "name", "required");
}

int exchange_map_open(struct exchange_map **out, const char *dir, const char *file, struct fault *f)
{
    json_t *from;
    int rc = config_table(&from, dir, file, f);
    *out = NULL;
    if (rc)
        return rc;
    struct exchange_map *map = calloc(1, sizeof *map);
    rc = map ? compile(map, from, f) : ERR_UNAVAILABLE;
    json_decref(from);
    if (rc) {
        fault_set(f, rc, "map", "The table %.120s is wrong: %.60s %.40s", file, f->n_fields ? f->fields[0].path : "", f->n_fields ? f->fields[0].reason : "");
        exchange_map_close(map);
        return rc;
    }
    *out = map;
    return 0;
}

void exchange_map_close(struct exchange_map *map)
{
    if (!map)
        return;
    json_decref(map->sexes);
    json_decref(map->statuses);
    json_decref(map->systems);
    json_decref(map->codes);
    json_decref(map->numbers);
    free(map->rules);
    free(map);
}

const char *exchange_map_name(const struct exchange_map *map)
{
    return map->name;
}

/* ---- looking up ---- */

/* The segment a path means, seen from segment number `from`: itself, else the nearest before it of that name, else the first anywhere. */
static const struct hl7_segment *near(const struct hl7_message *m, size_t from, const struct hl7_path *p)
{
    if (p->occurrence)
        return hl7_segment(m, p->segment, p->occurrence - 1u);
    for (size_t i = from + 1; i-- > 0;)
        if (hl7_is(&m->segments[i], p->segment))
            return &m->segments[i];
    return hl7_segment(m, p->segment, 0);
}

/* A term is one path or several joined; the first term that says something wins. */
static size_t choose(const struct choice *c, struct hl7_message *m, size_t from, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct hl7_span part = hl7_part(m, near(m, from, &c->parts[i].path), &c->parts[i].path);
        size_t more = hl7_text(m, part, out + len, cap - len);
        /* Chinese is written without spaces: a family and a given name, a county and its street. */
        if (len && more && !((unsigned char)out[len - 1] & 0x80 && (unsigned char)out[len] & 0x80) && len + more + 1 < cap) {
            memmove(out + len + 1, out + len, more + 1);
            out[len++] = ' ';
        }
        len += more;
        if (c->parts[i].last && len)
            return len;
    }
    return len;
}

size_t exchange_map_member(const struct exchange_map *map, struct hl7_message *m, enum exchange_member which, char *out, size_t cap)
{
    size_t pid = 0;
    while (pid < m->n && !hl7_is(&m->segments[pid], "PID"))
        pid++;
    size_t n = choose(&map->member[which], m, pid < m->n ? pid : 0, out, cap);
    if (which == MEMBER_SEX) {
        const char *word = json_string_value(json_object_get(map->sexes, out));
        n = (size_t)snprintf(out, cap, "%s", word ? word : n ? "unknown" : "");
    }
    return n;
}

const char *exchange_map_number_type(const struct exchange_map *map, const char *type)
{
    return json_string_value(json_object_get(map->numbers, type));
}

/* ---- applying ---- */

static bool applies(const struct rule *r, const char *type)
{
    for (size_t i = 0; i < r->n_types; i++)
        if (strcmp(r->types[i], type) == 0)
            return true;
    return r->n_types == 0;
}

static struct exchange_entry *add(struct exchange_entries *e)
{
    if (e->n == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 16;
        struct exchange_entry *more = realloc(e->items, cap * sizeof *more);
        if (!more)
            return NULL;
        e->items = more;
        e->cap = cap;
    }
    return memset(&e->items[e->n], 0, sizeof *e->items);
}

void exchange_entries_fini(struct exchange_entries *e)
{
    for (size_t i = 0; i < e->n; i++)
        free(e->items[i].value);
    free(e->items);
    memset(e, 0, sizeof *e);
}

/* A coded value is shown by its text, and by its code when it has none; what is no text (ED, RP) stays in the message. */
static size_t typed_value(const struct rule *r, struct hl7_message *m, size_t at, char *out, size_t cap)
{
    struct hl7_span type = r->type.field ? hl7_part(m, near(m, at, &r->type), &r->type) : (struct hl7_span){NULL, 0};
    struct hl7_path p = r->value[RULE_VALUE].n ? r->value[RULE_VALUE].parts[0].path : (struct hl7_path){0};
    bool coded = type.len >= 2 && (memcmp(type.at, "CE", 2) == 0 || memcmp(type.at, "CW", 2) == 0 || memcmp(type.at, "CN", 2) == 0 || memcmp(type.at, "CF", 2) == 0);
    bool bytes = type.len == 2 && (memcmp(type.at, "ED", 2) == 0 || memcmp(type.at, "RP", 2) == 0);
    size_t n = hl7_repetitions(m, &m->segments[at], p.field), len = 0;
    out[0] = 0;
    if (!r->type.field)
        return choose(&r->value[RULE_VALUE], m, at, out, cap);
    for (unsigned i = 1; i <= n && !bytes && len + 2 < cap; i++) {
        p.repetition = (uint16_t)i;
        p.component = coded ? 2 : 0;
        struct hl7_span part = hl7_part(m, &m->segments[at], &p);
        if (coded && !part.len) {
            p.component = 1;
            part = hl7_part(m, &m->segments[at], &p);
        }
        if (len && part.len)
            out[len++] = '\n';
        len += hl7_text(m, part, out + len, cap - len);
    }
    out[len] = 0;
    return len;
}

/* NTE-3 of the notes that follow at once. */
static size_t add_notes(struct hl7_message *m, size_t at, char *out, size_t len, size_t cap)
{
    for (size_t i = at + 1; i < m->n && (hl7_is(&m->segments[i], "NTE") || hl7_is(&m->segments[i], "PRT")); i++) {
        struct hl7_span text = hl7_is(&m->segments[i], "NTE") ? hl7_field(m, &m->segments[i], 3) : (struct hl7_span){NULL, 0};
        if (text.len == 0 || len + 2 >= cap)
            continue;
        if (len)
            out[len++] = '\n';
        len += hl7_text(m, text, out + len, cap - len);
    }
    return len;
}

static int take_time(const struct rule *r, struct hl7_message *m, size_t at, int zone_min, int64_t *out)
{
    const struct choice *c = &r->value[RULE_TIME];
    for (size_t i = 0; i < c->n; i++) {
        int digits;
        struct hl7_span s = hl7_part(m, near(m, at, &c->parts[i].path), &c->parts[i].path);
        if (s.len && !hl7_null(s) && hl7_time(s, zone_min, out, &digits) == 0)
            return 0;
    }
    return ERR_INVALID;
}

static void standardise(const struct exchange_map *map, struct exchange_entry *e)
{
    char local[200];
    const char *uri = json_string_value(json_object_get(map->systems, e->system));
    snprintf(local, sizeof local, "%s|%s", e->system, e->code);
    const json_t *to = json_object_get(map->codes, local);
    const char *code = json_string_value(json_object_get(to, "code")), *system = json_string_value(json_object_get(to, "system"));
    if (code && system) {
        snprintf(e->standard_code, sizeof e->standard_code, "%s", code);
        snprintf(e->standard_system, sizeof e->standard_system, "%s", system);
    } else if (uri && e->code[0]) {
        snprintf(e->standard_code, sizeof e->standard_code, "%s", e->code);
        snprintf(e->standard_system, sizeof e->standard_system, "%s", uri);
    }
    e->status = json_string_value(json_object_get(map->statuses, e->raw_status)); /* never into *e itself: the list moves when it grows */
}

static int missing(const struct rule *r, size_t nth, struct exchange_flaw *flaw)
{
    exchange_flaw(flaw, 101, "required", NULL);
    const struct choice *c = r->value[RULE_CODE].n ? &r->value[RULE_CODE] : &r->value[RULE_TEXT];
    if (c->n)
        flaw->at = c->parts[0].path;
    flaw->at.occurrence = (uint16_t)(nth + 1);
    return ERR_INVALID;
}

/* Analysers write 10^9/L as it is, though ^ divides components: what follows it is the power. */
static void take_unit(const struct rule *r, struct hl7_message *m, size_t at, struct exchange_entry *e)
{
    choose(&r->value[RULE_UNIT], m, at, e->unit, sizeof e->unit);
    if (m->component != '^' || strcmp(e->unit, "10") != 0 || r->value[RULE_UNIT].n != 1 || r->value[RULE_UNIT].parts[0].path.component != 1)
        return;
    char power[32];
    struct hl7_path path = r->value[RULE_UNIT].parts[0].path;
    path.component = 2;
    hl7_text(m, hl7_part(m, near(m, at, &path), &path), power, sizeof power);
    size_t digits = strspn(power, "0123456789");
    if (digits && digits < 3 && power[digits] == '/')
        snprintf(e->unit, sizeof e->unit, "10*%s", power);
}

struct applying {
    const struct exchange_map *map;
    struct hl7_message *m;
    int zone_min;
    char *value; /* VALUE_MAX */
    struct exchange_entries *out;
    struct exchange_flaw *flaw;
};

static int make_entry(struct applying *a, const struct rule *r, size_t at, size_t nth)
{
    struct exchange_entry *e = add(a->out);
    struct hl7_message *m = a->m;
    if (!e)
        return ERR_UNAVAILABLE;
    e->kind = r->kind;
    memcpy(e->at.segment, r->segment, 4);
    e->at.occurrence = (uint16_t)(nth + 1);
    choose(&r->value[RULE_CODE], m, at, e->code, sizeof e->code);
    choose(&r->value[RULE_SYSTEM], m, at, e->system, sizeof e->system);
    choose(&r->value[RULE_TEXT], m, at, e->text, sizeof e->text);
    take_unit(r, m, at, e);
    choose(&r->value[RULE_RANGE], m, at, e->range, sizeof e->range);
    choose(&r->value[RULE_FLAG], m, at, e->flag, sizeof e->flag);
    choose(&r->value[RULE_STATUS], m, at, e->raw_status, sizeof e->raw_status);
    choose(&r->value[RULE_KEY], m, at, e->key, sizeof e->key);
    choose(&r->value[RULE_WHO], m, at, e->who, sizeof e->who);
    size_t len = typed_value(r, m, at, a->value, VALUE_MAX);
    if (r->notes)
        len = add_notes(m, at, a->value, len, VALUE_MAX);
    if (!e->code[0] && !e->text[0] && !(len && !r->require))
        return r->require ? missing(r, nth, a->flaw) : 0; /* nothing is said: no entry */
    if (take_time(r, m, at, a->zone_min, &e->t_ms))
        return exchange_flaw(a->flaw, 102, "time", "MSH-7");
    standardise(a->map, e);
    e->value = malloc(len + 1);
    if (!e->value)
        return ERR_UNAVAILABLE;
    memcpy(e->value, a->value, len);
    e->value[len] = 0;
    a->out->n++;
    return 0;
}

/* ORC and OBR of one order stand side by side: the rule of the first is silent when the second follows. */
static bool silenced(const struct rule *r, const struct hl7_message *m, size_t at)
{
    if (!r->unless.segment[0])
        return false;
    for (size_t i = at + 1; i < m->n && !hl7_is(&m->segments[i], r->segment); i++)
        if (hl7_is(&m->segments[i], r->unless.segment))
            return true;
    return false;
}

static int apply_rule(struct applying *a, const struct rule *r)
{
    size_t nth = 0;
    int rc = 0;
    for (size_t i = 0; i < a->m->n && rc == 0; i++) {
        if (!hl7_is(&a->m->segments[i], r->segment))
            continue;
        if (a->out->n == ENTRIES_MAX)
            return exchange_flaw(a->flaw, 207, "too_many_entries", NULL);
        if (!silenced(r, a->m, i))
            rc = make_entry(a, r, i, nth);
        nth++;
    }
    return rc;
}

int exchange_map_apply(const struct exchange_map *map, struct hl7_message *m, int zone_min, struct exchange_entries *out,
                       struct exchange_flaw *flaw)
{
    char type[8];
    char value[VALUE_MAX]; /* 64 KB asked of the heap and given back for every message would be mapped anew each time */
    struct applying a = {map, m, zone_min, value, out, flaw};
    int rc = 0;
    memset(out, 0, sizeof *out);
    hl7_text_at(m, "MSH-9.1", type, sizeof type);
    for (size_t i = 0; i < map->n_rules && rc == 0; i++)
        if (applies(&map->rules[i], type)) {
            out->ruled = true;
            rc = apply_rule(&a, &map->rules[i]);
        }
    if (rc)
        exchange_entries_fini(out);
    return rc;
}
