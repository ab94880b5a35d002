#include "media/worker/figures.h"
#include "media/worker/worker.h"
#include "server/base/log.h"

int steer_open(struct worker *w)
{
    w->steer.via = w->index;
    for (unsigned i = 0; i < w->crew->n; i++)
        if (i != w->index && !(w->steer.from[i] = handover_new())) return ERR_INTERNAL;
    return 0;
}

void steer_close(struct worker *w)
{
    for (unsigned i = 0; i < w->crew->n; i++)
        handover_free(w->steer.from[i]);
    table_free(&w->steer.ufrags);
    table_free(&w->steer.addresses);
}

void steer_learn(struct worker *w, const struct route *r)
{
    struct table *t = r->address ? &w->steer.addresses : &w->steer.ufrags;
    if (r->forget) table_remove(t, r->key);
    else if (table_put(t, r->key, (void *)(uintptr_t)(r->owner + 1u))) log_warn("media", "worker %u: no memory for a route", w->index);
}

static bool hand_over(struct worker *w, unsigned owner, const uint8_t *data, size_t len, const struct address *from)
{
    struct worker *other = &w->crew->workers[owner];
    if (handover_put(other->steer.from[w->index], data, len, from, w->came_us)) w->steer.to_wake |= 1ull << owner;
    else metric_add(figures.handover_drops, 1);
    w->counted.handed++;
    return true;
}

bool steer_check(struct worker *w, uint64_t ufrag, const uint8_t *data, size_t len, const struct address *from)
{
    uintptr_t owner = (uintptr_t)table_get(&w->steer.ufrags, ufrag);
    if (!owner || w->steer.via != w->index) return false;
    uint64_t key = table_hash(from, sizeof *from);
    w->steer.recent[key % STEER_RECENT].key = key;
    w->steer.recent[key % STEER_RECENT].owner = (uint8_t)(owner - 1);
    return hand_over(w, (unsigned)owner - 1, data, len, from);
}

bool steer_media(struct worker *w, const uint8_t *data, size_t len, const struct address *from)
{
    if (w->crew->n == 1 || w->steer.via != w->index) return false; /* handed over once, never further */
    uint64_t key = table_hash(from, sizeof *from);
    uintptr_t owner = (uintptr_t)table_get(&w->steer.addresses, key);
    if (!owner && w->steer.recent[key % STEER_RECENT].key == key) owner = w->steer.recent[key % STEER_RECENT].owner + 1u;
    return owner && hand_over(w, (unsigned)owner - 1, data, len, from);
}

void steer_wake(struct worker *w)
{
    for (unsigned i = 0; w->steer.to_wake; i++, w->steer.to_wake >>= 1)
        if (w->steer.to_wake & 1 && __atomic_exchange_n(&w->crew->workers[i].steer.asleep, 0, __ATOMIC_SEQ_CST)) worker_wake(&w->crew->workers[i]);
}

bool steer_anything(const struct worker *w)
{
    for (unsigned i = 0; i < w->crew->n; i++)
        if (w->steer.from[i] && handover_first(w->steer.from[i])) return true;
    return false;
}

bool steer_take(struct worker *w)
{
    bool any = false;
    for (unsigned i = 0; i < w->crew->n; i++) {
        struct handover_slot *s;
        w->steer.via = i;
        for (int n = 0; n < HANDOVER_SLOTS && w->steer.from[i] && (s = handover_first(w->steer.from[i])); n++) {
            worker_came(w, s->came_us);
            worker_datagram(w, s->bytes, s->len, &s->from);
            handover_done(w->steer.from[i]);
            any = true;
        }
    }
    w->steer.via = w->index;
    return any;
}

void steer_tell_address(struct worker *w, uint64_t address)
{
    if (w->steer.via != w->index)
        worker_route(&w->crew->workers[w->steer.via], &(struct route){.key = address, .address = true, .owner = (uint8_t)w->index});
}

void steer_tell_forget(struct worker *w, uint64_t key, bool address)
{
    if (__atomic_load_n(w->stop, __ATOMIC_ACQUIRE)) return; /* all end: there is nothing to forget */
    for (unsigned i = 0; i < w->crew->n; i++)
        if (i != w->index) worker_route(&w->crew->workers[i], &(struct route){.key = key, .address = address, .forget = true});
}
