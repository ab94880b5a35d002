/* Client addresses: connections open and requests a second. */
#include "server/net/net_private.h"
#include <stdlib.h>
#include <string.h>

#define PEER_FORGET_MS 60000

static size_t bucket_of(const char *address)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (; *address; address++)
        h = (h ^ (uint8_t)*address) * 16777619u;
    return h % PEER_BUCKETS;
}

static struct peer *peer_find(struct net *n, const char *address)
{
    struct peer *p = n->peers[bucket_of(address)];
    while (p && strcmp(p->address, address) != 0)
        p = p->next;
    return p;
}

bool peer_may_connect(struct net *n, const char *address)
{
    const struct peer *p = peer_find(n, address);
    if (n->n_connections >= n->config.connections) return false;
    return !p || p->connections < n->config.connections_per_address;
}

struct peer *peer_enter(struct net *n, const char *address)
{
    struct peer *p = peer_find(n, address);
    if (!p) {
        p = calloc(1, sizeof *p);
        if (!p) return NULL;
        snprintf(p->address, sizeof p->address, "%s", address);
        p->tokens_milli = (int64_t)n->config.requests_per_second * 10000;
        p->refilled_ms = net_now_ms();
        p->next = n->peers[bucket_of(address)];
        n->peers[bucket_of(address)] = p;
    }
    p->connections++;
    metric_set(n->m_connections, ++n->n_connections);
    return p;
}

void peer_leave(struct net *n, struct peer *p)
{
    if (!p) return;
    p->connections--;
    metric_set(n->m_connections, --n->n_connections);
}

/* An address is remembered for a minute, so that hanging up does not refill its budget. */
void peers_sweep(struct net *n)
{
    int64_t now = net_now_ms();
    for (size_t i = 0; i < PEER_BUCKETS; i++)
        for (struct peer **at = &n->peers[i]; *at;) {
            struct peer *p = *at;
            if (p->connections == 0 && now - p->refilled_ms > PEER_FORGET_MS) {
                *at = p->next;
                free(p);
            } else {
                at = &p->next;
            }
        }
}

void peers_free(struct net *n)
{
    for (size_t i = 0; i < PEER_BUCKETS; i++)
        while (n->peers[i]) {
            struct peer *p = n->peers[i];
            n->peers[i] = p->next;
            free(p);
        }
}

int bucket_take(int64_t *tokens_milli, int64_t *refilled_ms, int64_t now_ms, unsigned rate, unsigned burst)
{
    int64_t full = (int64_t)burst * 1000;
    *tokens_milli += (now_ms - *refilled_ms) * rate;
    *refilled_ms = now_ms;
    if (*tokens_milli > full) *tokens_milli = full;
    if (*tokens_milli < 1000) return 0;
    *tokens_milli -= 1000;
    return 1;
}
