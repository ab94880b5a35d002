#include "server/node/placement.h"
#include <string.h>

static struct placement_node *node_of(struct placement *p, uint64_t id)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->nodes[i].id == id) return &p->nodes[i];
    return NULL;
}

bool placement_add(struct placement *p, uint64_t id, const char *address, unsigned viewers_max)
{
    struct placement_node *x = node_of(p, 0);
    if (!x && p->n == PLACEMENT_NODES_MAX) return false;
    if (!x) x = &p->nodes[p->n++];
    *x = (struct placement_node){.id = id, .address = address, .viewers_max = viewers_max};
    return true;
}

void placement_remove(struct placement *p, uint64_t id)
{
    struct placement_node *x = node_of(p, id);
    if (x) *x = (struct placement_node){0};
}

/* Who was sent there before the last report has arrived by now, or never will. */
void placement_report(struct placement *p, uint64_t id, unsigned viewers)
{
    struct placement_node *x = node_of(p, id);
    if (!x) return;
    x->viewers = viewers;
    x->promised[1] = x->promised[0];
    x->promised[0] = 0;
}

static size_t room_at(const struct placement_node *x, uint64_t room)
{
    size_t i = 0;
    while (i < x->n_rooms && x->rooms[i] != room)
        i++;
    return i;
}

bool placement_room(struct placement *p, uint64_t id, uint64_t room, bool on)
{
    struct placement_node *x = node_of(p, id);
    if (!x) return false;
    size_t i = room_at(x, room);
    if (on && i == PLACEMENT_ROOMS_MAX) return false;
    if (on && i == x->n_rooms) x->rooms[x->n_rooms++] = room;
    if (!on && i < x->n_rooms) x->rooms[i] = x->rooms[--x->n_rooms];
    return true;
}

static unsigned busy(const struct placement_node *x)
{
    unsigned n = x->viewers + x->promised[0] + x->promised[1];
    return n < x->viewers_max ? n : x->viewers_max;
}

static bool has_place(const struct placement_node *x, uint64_t room)
{
    return x->id && busy(x) < x->viewers_max && (x->n_rooms < PLACEMENT_ROOMS_MAX || room_at(x, room) < x->n_rooms);
}

/* a/b < c/d of its places are taken. */
static bool freer(const struct placement_node *a, const struct placement_node *b)
{
    return (uint64_t)busy(a) * b->viewers_max < (uint64_t)busy(b) * a->viewers_max;
}

static struct placement_node *first_choice(struct placement *p, uint64_t room)
{
    struct placement_node *least = NULL, *carrier = NULL;
    for (size_t i = 0; i < p->n; i++) {
        struct placement_node *x = &p->nodes[i];
        if (!has_place(x, room)) continue;
        if (!least || freer(x, least)) least = x;
        if (room_at(x, room) < x->n_rooms && (!carrier || freer(x, carrier))) carrier = x;
    }
    if (!carrier) return least;
    double taken = (double)busy(carrier) / carrier->viewers_max, other = (double)busy(least) / least->viewers_max;
    return taken > other + 0.25 ? least : carrier;
}

static uint64_t draw(struct placement *p, uint64_t below) /* SplitMix64 */
{
    uint64_t z = p->dice += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

static bool listed(const struct placement_node *x, const char *const *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (out[i] == x->address) return true;
    return false;
}

static const struct placement_node *by_lot(struct placement *p, uint64_t room, const char *const *out, size_t n)
{
    uint64_t places = 0;
    for (size_t i = 0; i < p->n; i++)
        if (has_place(&p->nodes[i], room) && !listed(&p->nodes[i], out, n)) places += p->nodes[i].viewers_max - busy(&p->nodes[i]);
    uint64_t at = places ? draw(p, places) : 0;
    for (size_t i = 0; places && i < p->n; i++) {
        const struct placement_node *x = &p->nodes[i];
        if (!has_place(x, room) || listed(x, out, n)) continue;
        if (at < x->viewers_max - busy(x)) return x;
        at -= x->viewers_max - busy(x);
    }
    return NULL;
}

size_t placement_choose(struct placement *p, uint64_t room, const char *out[PLACEMENT_LIST_MAX])
{
    struct placement_node *first = first_choice(p, room);
    size_t n = 0;
    if (!first) return 0;
    first->promised[0]++;
    (void)placement_room(p, first->id, room, true); /* it will want it: the next viewer goes there too */
    out[n++] = first->address;
    for (const struct placement_node *x; n < PLACEMENT_LIST_MAX && (x = by_lot(p, room, out, n)); n++)
        out[n] = x->address;
    return n;
}

size_t placement_nodes(const struct placement *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->nodes[i].id != 0;
    return n;
}
