#include "media/worker/table.h"
#include <stdlib.h>
#include <string.h>

uint64_t table_hash(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = 0xcbf29ce484222325u;
    while (len--)
        h = (h ^ *p++) * 0x100000001b3u;
    return h ? h : 1;
}

static size_t slot_of(const struct table *t, uint64_t key)
{
    size_t i = (size_t)((key * 0x9e3779b97f4a7c15u) >> 20) & (t->slots - 1);
    while (t->at[i].key && t->at[i].key != key)
        i = (i + 1) & (t->slots - 1);
    return i;
}

static int grow(struct table *t)
{
    struct table bigger = {.slots = t->slots ? t->slots * 2 : 64, .used = t->used};
    bigger.at = calloc(bigger.slots, sizeof *bigger.at);
    if (!bigger.at) return ERR_INTERNAL;
    for (size_t i = 0; i < t->slots; i++)
        if (t->at[i].key) bigger.at[slot_of(&bigger, t->at[i].key)] = t->at[i];
    free(t->at);
    *t = bigger;
    return 0;
}

int table_put(struct table *t, uint64_t key, void *value)
{
    if (t->used * 2 >= t->slots && grow(t)) return ERR_INTERNAL;
    size_t i = slot_of(t, key);
    if (!t->at[i].key) t->used++;
    t->at[i] = (struct table_slot){key, value};
    return 0;
}

void *table_get(const struct table *t, uint64_t key)
{
    return t->slots && key ? t->at[slot_of(t, key)].value : NULL;
}

void table_remove(struct table *t, uint64_t key)
{
    if (!t->slots) return;
    size_t i = slot_of(t, key);
    if (!t->at[i].key) return;
    t->at[i] = (struct table_slot){0, NULL};
    t->used--;
    for (size_t j = (i + 1) & (t->slots - 1); t->at[j].key; j = (j + 1) & (t->slots - 1)) { /* close the gap */
        struct table_slot moved = t->at[j];
        t->at[j] = (struct table_slot){0, NULL};
        t->at[slot_of(t, moved.key)] = moved;
    }
}

void table_free(struct table *t)
{
    free(t->at);
    memset(t, 0, sizeof *t);
}

void *table_next(const struct table *t, size_t *i)
{
    while (*i < t->slots) {
        struct table_slot *s = &t->at[(*i)++];
        if (s->key) return s->value;
    }
    return NULL;
}
