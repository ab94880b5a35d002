#include "records/patient/doors.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct told { /* one entry */
    json_t *entry;
    const char *org, *kind, *id, *value, *unit, *head, *message; /* borrowed */
    json_int_t from, minute;
    bool fhir;
    uint64_t what; /* institution, kind, value and unit in one number: those that are the same have the same */
    struct told *by; /* told by this one already */
    struct told *next_moment, *next_message; /* of the same name in the tables below */
};
struct named { /* entries under one number */
    uint64_t name;
    struct told *first;
    UT_hash_handle hh;
};
struct join {
    struct told *list;
    size_t n;
    struct named *moments, *messages, *heads, *numbers; /* by when and what; by message and what; by id; by what a message calls it */
    struct named *room;
    size_t n_room;
};

static const char *text_of(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text ? text : "";
}

/* ---- what is the same ---- */

/* FNV-1a; a number is looked up by it, what is found is compared. */
static uint64_t mix(uint64_t h, unsigned char c)
{
    return (h ^ c) * 0x100000001b3u;
}

static uint64_t mix_text(uint64_t h, const char *text)
{
    while (*text)
        h = mix(h, (unsigned char)*text++);
    return mix(h, 0);
}

static uint64_t mix_number(uint64_t h, uint64_t n)
{
    for (int i = 0; i < 64; i += 8)
        h = mix(h, (unsigned char)(n >> i));
    return h;
}

/* The next character that counts: of words no blanks; of a unit mm[Hg] is mmHg, 10^9/L 10*9/L, μmol/L umol/L. 0 at the end. */
static unsigned char next_letter(const unsigned char **p, bool unit)
{
    for (; **p; (*p)++) {
        const unsigned char *c = *p;
        if (isspace(*c) || (unit && strchr("[]{}", *c)))
            continue;
        bool micro = unit && ((c[0] == 0xce && c[1] == 0xbc) || (c[0] == 0xc2 && c[1] == 0xb5));
        *p += micro ? 2 : 1;
        return micro ? 'u' : unit ? (unsigned char)(*c == '^' ? '*' : tolower(*c)) : *c;
    }
    return 0;
}

static bool same_letters(const char *a, const char *b, bool unit)
{
    const unsigned char *p = (const unsigned char *)a, *q = (const unsigned char *)b;
    for (;;) {
        unsigned char x = next_letter(&p, unit), y = next_letter(&q, unit);
        if (x != y || !x)
            return x == y;
    }
}

static bool is_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end;
}

/* 7.90 is 7.9. */
static bool same_value(const char *a, const char *b)
{
    double x, y;
    return is_number(a, &x) && is_number(b, &y) ? x == y : same_letters(a, b, false);
}

static uint64_t what_of(const struct told *t)
{
    uint64_t h = mix_text(mix_text(0xcbf29ce484222325u, t->org), t->kind), bits;
    const unsigned char *p = (const unsigned char *)t->value;
    double number;
    if (is_number(t->value, &number)) {
        memcpy(&bits, &number, sizeof bits);
        h = mix_number(h, bits);
    } else
        for (unsigned char c; (c = next_letter(&p, false));)
            h = mix(h, c);
    p = (const unsigned char *)t->unit;
    for (unsigned char c; (c = next_letter(&p, true));)
        h = mix(h, c);
    return h;
}

static const char *code_of(const struct told *t)
{
    const char *standard = text_of(json_object_get(t->entry, "standard"), "code");
    return *standard ? standard : text_of(t->entry, "code");
}

/* By the standard codes where both have one; glucose of blood is not that of another fluid, whatever both are called. */
static bool same_item(const struct told *a, const struct told *b)
{
    const char *title = text_of(a->entry, "title");
    const char *x = text_of(a->entry, "item"), *y = text_of(b->entry, "item");
    if (*x && *y)
        return strcmp(x, y) == 0;
    return (*code_of(a) && strcmp(code_of(a), code_of(b)) == 0) || (*title && same_letters(title, text_of(b->entry, "title"), true));
}

static bool same(const struct told *a, const struct told *b)
{
    return strcmp(a->org, b->org) == 0 && strcmp(a->kind, b->kind) == 0 && same_value(a->value, b->value) && same_letters(a->unit, b->unit, true) && same_item(a, b);
}

/* ---- tables ---- */

static struct told *find(struct named *table, uint64_t name)
{
    struct named *n = NULL;
    HASH_FIND(hh, table, &name, sizeof name, n);
    return n ? n->first : NULL;
}

/* Puts it before those that have the same name; gives the next of them. */
static struct told *add(struct join *j, struct named **table, uint64_t name, struct told *t)
{
    struct named *n = NULL;
    HASH_FIND(hh, *table, &name, sizeof name, n);
    if (!n) {
        n = &j->room[j->n_room++];
        n->name = name;
        HASH_ADD(hh, *table, name, sizeof name, n);
    }
    struct told *next = n->first;
    n->first = t;
    return next;
}

static uint64_t at_moment(const struct told *t)
{
    return mix_number(t->what, (uint64_t)t->minute);
}

static uint64_t in_message(const struct told *t, const char *message)
{
    return mix_text(t->what, message);
}

static uint64_t by_id(const char *id)
{
    return mix_text(0xcbf29ce484222325u, id);
}

static void enter(struct join *j, struct told *t)
{
    t->next_moment = add(j, &j->moments, at_moment(t), t);
    if (t->fhir) {
        (void)add(j, &j->heads, by_id(t->id), t);
        return;
    }
    uint64_t number = (uint64_t)json_integer_value(json_object_get(t->entry, "key"));
    t->next_message = add(j, &j->messages, in_message(t, t->message), t);
    if (number && !find(j->numbers, number))
        (void)add(j, &j->numbers, number, t);
}

/* ---- who told it ---- */

static struct told *last_of(struct told *t)
{
    while (t && t->by)
        t = t->by;
    return t;
}

static struct told *by_number(const struct join *j, const struct told *t)
{
    json_t *key;
    size_t i;
    json_array_foreach(json_object_get(t->entry, "keys"), i, key)
    {
        struct told *o = find(j->numbers, (uint64_t)json_integer_value(key));
        if (o && strcmp(o->org, t->org) == 0 && strcmp(o->kind, t->kind) == 0)
            return o;
    }
    return NULL;
}

/* A message's first; among those of FHIR the one that was there first. */
static bool better(const struct told *a, const struct told *b)
{
    return !b || (a->fhir != b->fhir ? b->fhir : strcmp(a->id, b->id) < 0);
}

static struct told *by_moment(const struct join *j, const struct told *t)
{
    struct told *found = NULL;
    for (struct told *o = find(j->moments, at_moment(t)); o; o = o->next_moment)
        if (o != t && !o->by && o->from != t->from && better(o, t) && same(o, t) && better(o, found))
            found = o;
    return found;
}

static struct told *head_of(const struct join *j, const struct told *t)
{
    struct told *head = *t->head ? find(j->heads, by_id(t->head)) : NULL;
    return head && strcmp(head->id, t->head) == 0 ? head : NULL;
}

/* Its report was told by a message: what of it was, too? */
static struct told *within(const struct join *j, const struct told *t)
{
    struct told *head = head_of(j, t), *report = head && head->by ? last_of(head) : NULL;
    if (!report || report->fhir)
        return NULL;
    for (struct told *o = find(j->messages, in_message(t, report->message)); o; o = o->next_message)
        if (strcmp(o->message, report->message) == 0 && same(o, t))
            return o;
    return NULL;
}

/* ---- one of two ---- */

static void note_source(json_t *entry, json_t *name)
{
    json_t *also = json_object_get(entry, "also"), *one;
    size_t i;
    if (!json_string_value(name) || json_equal(name, json_object_get(entry, "source")))
        return;
    if (!also)
        json_object_set_new(entry, "also", also = json_array());
    json_array_foreach(also, i, one) if (json_equal(one, name)) return;
    json_array_append(also, name);
}

static void extend(json_t *entry, const char *member, json_t *more)
{
    json_t *held = json_object_get(entry, member);
    if (more && held)
        json_array_extend(held, more);
    else if (more)
        json_object_set_new(entry, member, json_copy(more));
}

static void take_over(json_t *entry, json_t *other)
{
    static const char *const lacking[] = {"who", "range", "flag", "summary", "category", "item", "standard", "uid"};
    json_t *reach = json_object_get(other, "clearance");
    note_source(entry, json_object_get(other, "source"));
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++)
        if (!json_object_get(entry, lacking[i]) && json_object_get(other, lacking[i]))
            json_object_set(entry, lacking[i], json_object_get(other, lacking[i]));
    extend(entry, "codes", json_object_get(other, "codes"));
    extend(entry, "attachments", json_object_get(other, "attachments"));
    if (json_is_true(json_object_get(other, "restricted")))
        json_object_set_new(entry, "restricted", json_true());
    if (json_integer_value(reach) > json_integer_value(json_object_get(entry, "clearance")))
        json_object_set(entry, "clearance", reach);
}

/* A part of what is told elsewhere is a part of that; the two make one group, as sensitive as its most sensitive. */
static void follow_head(const struct join *j, const struct told *t)
{
    struct told *head = head_of(j, t);
    if (!head || !head->by)
        return;
    json_t *whole = last_of(head)->entry, *id = json_object_get(whole, "id"), *group = json_object_get(whole, "message_id");
    json_object_set(t->entry, "head_id", id);
    json_object_set(t->entry, "message_id", group ? group : id);
}

static void take(struct join *j, json_t *entry, json_t *from)
{
    struct told *t = &j->list[j->n++];
    *t = (struct told){.entry = entry, .org = text_of(json_object_get(entry, "org"), "id"), .kind = text_of(entry, "kind"), .id = text_of(entry, "id"), .value = text_of(entry, "value"),
                       .unit = text_of(entry, "unit"), .head = text_of(entry, "head_id"), .message = text_of(entry, "message_id"),
                       .minute = json_integer_value(json_object_get(entry, "t_ms")) / 60000, .from = json_integer_value(from), .fhir = json_integer_value(from) < 0};
    t->what = what_of(t);
}

static bool open_join(struct join *j, const json_t *items)
{
    size_t i, n = json_array_size(items);
    json_t *entry, *from;
    j->list = calloc(n + 1, sizeof *j->list);
    j->room = calloc(3 * n + 1, sizeof *j->room); /* of each entry three names at most */
    if (!j->list || !j->room)
        return false;
    json_array_foreach(items, i, entry) if ((from = json_object_get(entry, "from"))) take(j, entry, from);
    return true;
}

static void close_join(struct join *j)
{
    HASH_CLEAR(hh, j->moments);
    HASH_CLEAR(hh, j->messages);
    HASH_CLEAR(hh, j->heads);
    HASH_CLEAR(hh, j->numbers);
    free(j->list);
    free(j->room);
}

/* Reports and visits before their parts, by number before likeness. */
static void join_all(struct join *j)
{
    for (size_t i = 0; i < j->n; i++)
        enter(j, &j->list[i]);
    for (size_t i = 0; i < j->n; i++)
        j->list[i].by = j->list[i].fhir ? by_number(j, &j->list[i]) : NULL;
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < j->n; i++) {
            struct told *t = &j->list[i];
            if (t->fhir && !t->by && (*t->head != 0) == part) {
                t->by = part ? within(j, t) : NULL;
                t->by = t->by ? t->by : by_moment(j, t);
            }
        }
}

void doors_join(json_t *items)
{
    struct join j = {0};
    size_t i, kept = 0;
    json_t *entry, *all = json_array();
    if (open_join(&j, items)) {
        join_all(&j);
        for (i = 0; i < j.n; i++)
            if (j.list[i].by)
                take_over(last_of(&j.list[i])->entry, j.list[i].entry);
        for (i = 0; i < j.n; i++)
            follow_head(&j, &j.list[i]);
        i = 0;
        json_array_foreach(items, kept, entry)
        {
            bool told = i < j.n && j.list[i].entry == entry;
            if (!told || !j.list[i].by)
                json_array_append(all, entry);
            i += told;
        }
        json_array_clear(items);
        json_array_extend(items, all);
    }
    close_join(&j);
    json_decref(all);
}
