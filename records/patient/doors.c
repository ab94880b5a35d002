#include "records/patient/doors.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define KEYS_MAX 16
#define NAME_BYTES 240

struct told { /* one entry */
    json_t *entry;
    struct told *by; /* told by this one already */
    struct told *next_moment, *next_message; /* of the same name in the tables below */
};
struct named { /* entries under one name */
    char name[NAME_BYTES];
    struct told *first;
    UT_hash_handle hh;
};
struct numbered {
    int64_t key;
    struct told *told;
    UT_hash_handle hh;
};
struct join {
    struct told *list;
    size_t n;
    struct named *moments, *messages, *heads; /* by when and what; by message and what; by id */
    struct numbered *numbers;
    struct named *names; /* room for all of the three */
    struct numbered *number_room;
    size_t n_names, n_numbers;
};

static const char *text_of(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text ? text : "";
}

static bool is_fhir(const struct told *t)
{
    return json_is_true(json_object_get(t->entry, "fhir"));
}

static json_int_t from(const struct told *t)
{
    return json_integer_value(json_object_get(t->entry, "from"));
}

static const char *org_of(const struct told *t)
{
    return text_of(json_object_get(t->entry, "org"), "id");
}

/* ---- what is the same ---- */

/* 7.90 is 7.9; of words the blanks do not count, of long ones the beginning and the length do. */
static void put_value(const char *value, char *out, size_t cap)
{
    char *end;
    size_t n = 0;
    double number = strtod(value, &end);
    if (end != value && !*end) {
        snprintf(out, cap, "%.12g", number);
        return;
    }
    for (const char *c = value; *c && n + 24 < cap; c++)
        if (!isspace((unsigned char)*c))
            out[n++] = *c;
    snprintf(out + n, cap - n, n + 24 < cap ? "" : "#%zu", strlen(value));
}

/* mm[Hg] and mmHg, 10^9/L and 10*9/L, μmol/L and umol/L: as two systems write one unit. */
static void put_unit(const char *unit, char *out, size_t cap)
{
    size_t n = 0;
    for (const unsigned char *c = (const unsigned char *)unit; *c && n + 1 < cap; c++) {
        bool micro = (c[0] == 0xce && c[1] == 0xbc) || (c[0] == 0xc2 && c[1] == 0xb5);
        if (micro) {
            out[n++] = 'u';
            c++;
        } else if (!strchr("[]{} ", *c))
            out[n++] = (char)(*c == '^' ? '*' : tolower(*c));
    }
    out[n] = 0;
}

/* Where its likes are found; `place` is a minute or a message. */
static void name_of(const struct told *t, const char *place, char out[NAME_BYTES])
{
    char value[100], unit[40];
    put_value(text_of(t->entry, "value"), value, sizeof value);
    put_unit(text_of(t->entry, "unit"), unit, sizeof unit);
    snprintf(out, NAME_BYTES, "%.20s|%.24s|%.24s|%s|%s", org_of(t), text_of(t->entry, "kind"), place, value, unit);
}

static bool same_words(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
    }
}

static const char *code_of(const struct told *t)
{
    const char *standard = text_of(json_object_get(t->entry, "standard"), "code");
    return *standard ? standard : text_of(t->entry, "code");
}

/* By the standard codes where both have one; glucose of blood is not that of another fluid, whatever both are called. */
static bool same_item(const struct told *a, const struct told *b)
{
    const char *x = text_of(a->entry, "item"), *y = text_of(b->entry, "item");
    if (*x && *y)
        return strcmp(x, y) == 0;
    return (*code_of(a) && strcmp(code_of(a), code_of(b)) == 0) || (*text_of(a->entry, "title") && same_words(text_of(a->entry, "title"), text_of(b->entry, "title")));
}

/* ---- tables ---- */

static struct named *find(struct named *table, const char *name)
{
    struct named *n = NULL;
    HASH_FIND_STR(table, name, n);
    return n;
}

static struct named *add(struct join *j, struct named **table, const char *name)
{
    struct named *n = find(*table, name);
    if (n)
        return n;
    n = &j->names[j->n_names++];
    memcpy(n->name, name, NAME_BYTES);
    HASH_ADD_STR(*table, name, n);
    return n;
}

static void minute_of(const struct told *t, char out[24])
{
    snprintf(out, 24, "%lld", (long long)json_integer_value(json_object_get(t->entry, "t_ms")) / 60000);
}

static void enter(struct join *j, struct told *t)
{
    char name[NAME_BYTES] = "", place[24];
    json_t *key = json_object_get(t->entry, "key");
    minute_of(t, place);
    name_of(t, place, name);
    struct named *n = add(j, &j->moments, name);
    t->next_moment = n->first;
    n->first = t;
    if (is_fhir(t)) {
        snprintf(name, sizeof name, "%s", text_of(t->entry, "id"));
        add(j, &j->heads, name)->first = t;
        return;
    }
    name_of(t, text_of(t->entry, "message_id"), name);
    n = add(j, &j->messages, name);
    t->next_message = n->first;
    n->first = t;
    struct numbered *known = NULL;
    int64_t number = json_integer_value(key);
    HASH_FIND(hh, j->numbers, &number, sizeof number, known);
    if (number && !known) {
        known = &j->number_room[j->n_numbers++];
        *known = (struct numbered){.key = number, .told = t};
        HASH_ADD(hh, j->numbers, key, sizeof known->key, known);
    }
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
        int64_t number = json_integer_value(key);
        struct numbered *n = NULL;
        HASH_FIND(hh, j->numbers, &number, sizeof number, n);
        if (n && strcmp(org_of(n->told), org_of(t)) == 0)
            return n->told;
    }
    return NULL;
}

/* A message's first; among those of FHIR the one that was there first. */
static bool better(const struct told *a, const struct told *b)
{
    return !b || (is_fhir(a) != is_fhir(b) ? is_fhir(b) : strcmp(text_of(a->entry, "id"), text_of(b->entry, "id")) < 0);
}

static bool earlier(const struct told *a, const struct told *t)
{
    return !is_fhir(a) || strcmp(text_of(a->entry, "id"), text_of(t->entry, "id")) < 0;
}

static struct told *by_moment(const struct join *j, const struct told *t)
{
    char name[NAME_BYTES] = "", place[24];
    struct told *found = NULL;
    minute_of(t, place);
    name_of(t, place, name);
    struct named *n = find(j->moments, name);
    for (struct told *o = n ? n->first : NULL; o; o = o->next_moment)
        if (o != t && !o->by && from(o) != from(t) && earlier(o, t) && same_item(o, t) && better(o, found))
            found = o;
    return found;
}

static struct told *head_of(const struct join *j, const struct told *t)
{
    char name[NAME_BYTES] = "";
    snprintf(name, sizeof name, "%s", text_of(t->entry, "head_id"));
    struct named *n = *name ? find(j->heads, name) : NULL;
    return n ? n->first : NULL;
}

/* Its report was told by a message: what of it was, too? */
static struct told *within(const struct join *j, const struct told *t)
{
    char name[NAME_BYTES] = "";
    struct told *head = head_of(j, t), *report = head && head->by ? last_of(head) : NULL;
    if (!report || is_fhir(report))
        return NULL;
    name_of(t, text_of(report->entry, "message_id"), name);
    struct named *n = find(j->messages, name);
    for (struct told *o = n ? n->first : NULL; o; o = o->next_message)
        if (same_item(o, t))
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

static bool open_join(struct join *j, const json_t *items)
{
    size_t i, n = json_array_size(items);
    json_t *entry;
    j->list = calloc(n + 1, sizeof *j->list);
    j->names = calloc(2 * n + 1, sizeof *j->names);
    j->number_room = calloc(n + 1, sizeof *j->number_room);
    if (!j->list || !j->names || !j->number_room)
        return false;
    json_array_foreach(items, i, entry) if (json_object_get(entry, "from")) j->list[j->n++].entry = entry;
    return true;
}

static void close_join(struct join *j)
{
    HASH_CLEAR(hh, j->moments);
    HASH_CLEAR(hh, j->messages);
    HASH_CLEAR(hh, j->heads);
    HASH_CLEAR(hh, j->numbers);
    free(j->list);
    free(j->names);
    free(j->number_room);
}

/* Reports and visits before their parts, by number before likeness. */
static void join_all(struct join *j)
{
    for (size_t i = 0; i < j->n; i++)
        enter(j, &j->list[i]);
    for (size_t i = 0; i < j->n; i++)
        j->list[i].by = is_fhir(&j->list[i]) ? by_number(j, &j->list[i]) : NULL;
    for (int part = 0; part < 2; part++)
        for (size_t i = 0; i < j->n; i++) {
            struct told *t = &j->list[i];
            if (is_fhir(t) && !t->by && (json_object_get(t->entry, "head_id") != NULL) == part) {
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
            bool told = json_object_get(entry, "from") != NULL;
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
