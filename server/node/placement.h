/* placement - which edge nodes a viewer is sent to. Pure: the time comes in; also what the plan for 50,000 viewers is reckoned with
 * (tests/bench/server_nodes_plan.c).
 *
 * A room goes to few nodes, since each has its own copy of it over the link: the least loaded node that has the room, but where another is freer by
 * more than a quarter of its places, that one. Behind it stand others to go to when it dies, each viewer's drawn by lot in proportion to
 * free places, so that a dead node's viewers do not all go to one.
 */
#ifndef YL_SERVER_NODE_PLACEMENT_H
#define YL_SERVER_NODE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLACEMENT_NODES_MAX 256
#define PLACEMENT_ROOMS_MAX 64 /* of one node at once */
#define PLACEMENT_LIST_MAX 3   /* addresses told to one viewer */

struct placement_node {
    uint64_t id; /* 0: free */
    const char *address; /* the caller's */
    unsigned viewers_max, viewers;
    unsigned promised[2]; /* sent there since the last report; between the last two */
    uint64_t rooms[PLACEMENT_ROOMS_MAX];
    size_t n_rooms;
};
struct placement {
    struct placement_node nodes[PLACEMENT_NODES_MAX];
    size_t n; /* of the slots, how many were ever used */
    uint64_t dice;
};

bool placement_add(struct placement *p, uint64_t id, const char *address, unsigned viewers_max); /* false: too many */
void placement_remove(struct placement *p, uint64_t id);
/* Its own report, twice a second. */
void placement_report(struct placement *p, uint64_t id, unsigned viewers);
bool placement_room(struct placement *p, uint64_t id, uint64_t room, bool on); /* false: too many rooms there */
/* The addresses for one viewer, first choice first, who is counted there from now on. 0: no node has a free place. */
size_t placement_choose(struct placement *p, uint64_t room, const char *out[PLACEMENT_LIST_MAX]);
size_t placement_nodes(const struct placement *p);
#endif
