/* The plan for many viewers, reckoned: so many come within three minutes, are placed by the product's own placement, then a machine dies with all its edges.
 * Looked for is the smallest number of edges with which everybody has a place before and after, and the last has the picture again within three seconds, even when
 * the machine is cut off and says nothing. Exit 1: there is none.
 *
 * bench_server_nodes_plan [VIEWERS DEAD-EDGES]; without arguments the table of docs/operations.md. The unit costs are measured (bench_server_lecture,
 * bench_server_nodes; docs/decisions/0030), the rest follows from them. */
#include "server/node/placement.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- measured, or a machine's ---- */
#define MBIT 1.5               /* of a lecture */
#define WSS_PER_CORE 2000.0    /* viewers of it; an edge serves from one thread */
#define LIMIT 1400             /* node.viewers: 70 % of it */
#define JOIN_ORIGIN_MS 2.0     /* processor of a join there, all on its one event thread to be on the safe side */
#define JOIN_EDGE_MS 2.5       /* with the first two seconds of the picture */
#define WIRE 1.08              /* TLS, WebSocket, TCP and IP around the media */
#define COME_S 180             /* the lecture's first minutes */
#define KILLED_S 0.05          /* the kernel says so */
#define CUT_OFF_S 1.5          /* nobody says so: web/src/live/player.ts, SILENT_MS */
#define ROOM 77

struct result {
    unsigned edges, most, after_most, moved, again, lost;
    double heal_s; /* after it is noticed */
};

static struct placement p;
static char names[PLACEMENT_NODES_MAX][16];
struct viewer {
    unsigned char list[PLACEMENT_LIST_MAX], n; /* edges; 255 = none */
};
static struct viewer *viewers;
static unsigned at[PLACEMENT_NODES_MAX];

static unsigned most_of(unsigned edges)
{
    unsigned most = 0;
    for (unsigned i = 0; i < edges; i++)
        most = at[i] > most ? at[i] : most;
    return most;
}

static void report(unsigned edges)
{
    for (unsigned i = 0; i < edges; i++)
        placement_report(&p, i + 1, at[i]);
}

/* They come evenly; every half second each edge says how many it has. */
static unsigned arrive(unsigned n, unsigned edges)
{
    unsigned stayed = 0, each = n / (COME_S * 2) + 1;
    const char *out[PLACEMENT_LIST_MAX];
    for (unsigned i = 0; i < n; i++) {
        struct viewer *v = &viewers[i];
        v->n = (unsigned char)placement_choose(&p, ROOM, out);
        for (unsigned k = 0; k < v->n; k++)
            v->list[k] = (unsigned char)atoi(out[k] + 4);
        if (v->n) at[v->list[0]]++;
        stayed += !v->n;
        if (i % each == each - 1) report(edges);
    }
    return stayed;
}

/* Where a viewer of the dead goes: down the list, an edge that is full says so; then the origin is asked, which names edges that live. */
static int next_of(const struct viewer *v, unsigned dead, unsigned *again)
{
    const char *out[PLACEMENT_LIST_MAX];
    for (unsigned k = 1; k < v->n; k++)
        if (v->list[k] >= dead && at[v->list[k]] < LIMIT) return v->list[k];
    (*again)++;
    return placement_choose(&p, ROOM, out) ? atoi(out[0] + 4) : -1;
}

static void die(struct result *r, unsigned n, unsigned dead)
{
    unsigned joins[PLACEMENT_NODES_MAX] = {0}, most = 0;
    for (unsigned i = 0; i < dead; i++)
        placement_remove(&p, i + 1);
    for (unsigned i = 0; i < n; i++) {
        if (!viewers[i].n || viewers[i].list[0] >= dead) continue;
        int to = next_of(&viewers[i], dead, &r->again);
        r->moved++;
        r->lost += to < 0;
        if (to < 0) continue;
        at[to]++;
        joins[to]++;
        if (r->moved % 100 == 0) report(r->edges);
    }
    for (unsigned i = 0; i < dead; i++)
        at[i] = 0;
    for (unsigned i = 0; i < r->edges; i++)
        most = joins[i] > most ? joins[i] : most;
    r->after_most = most_of(r->edges);
    double free_share = 1 - r->after_most / WSS_PER_CORE; /* of the thread: the rest sends pieces */
    r->heal_s = most * JOIN_EDGE_MS / 1000 / (free_share > 0.05 ? free_share : 0.05);
}

static struct result reckon(unsigned n, unsigned edges, unsigned dead)
{
    struct result r = {.edges = edges};
    p = (struct placement){.dice = 20261128};
    viewers = calloc(n, sizeof *viewers);
    if (!viewers) exit(2);
    for (unsigned i = 0; i < edges; i++) {
        at[i] = 0;
        snprintf(names[i], sizeof names[i], "node%u", i);
        if (!placement_add(&p, i + 1, names[i], LIMIT)) exit(2);
    }
    r.lost = arrive(n, edges);
    r.most = most_of(edges);
    die(&r, n, dead);
    free(viewers);
    return r;
}

static bool good(const struct result *r)
{
    return !r->lost && r->most <= LIMIT && r->after_most <= LIMIT && r->heal_s + CUT_OFF_S < 3;
}

static int line(unsigned n, unsigned dead)
{
    struct result r = {0};
    unsigned edges = n / LIMIT + 1 + dead;
    do
        r = reckon(n, edges, dead);
    while (!good(&r) && ++edges < 250);
    printf("| %u | %u | %u | %u | %u | %.0f %% | %.1f | %.0f | %.0f %% | %u | %.1f | %.1f |\n", n, r.edges, dead, r.most, r.after_most, r.after_most / WSS_PER_CORE * 100,
           r.after_most * MBIT * WIRE / 1000, r.edges * MBIT * WIRE, n * JOIN_ORIGIN_MS / 10 / COME_S, r.moved, r.heal_s + KILLED_S, r.heal_s + CUT_OFF_S);
    return !good(&r);
}

int main(int argc, char **argv)
{
    static const struct {
        unsigned viewers, dead;
    } table[] = {{2000, 1}, {5000, 1}, {10000, 4}, {20000, 4}, {50000, 4}};
    int bad = 0;
    printf("| viewers | edges | die at once | most on one | after the death | of its core | Gbit/s of it | Mbit/s from the origin | origin's thread while they come | moved | healed, killed (s) | healed, cut off (s) |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
    if (argc > 2) return line((unsigned)atoi(argv[1]), (unsigned)atoi(argv[2]));
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        bad |= line(table[i].viewers, table[i].dead);
    return bad;
}
