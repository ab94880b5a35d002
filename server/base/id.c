#include "server/base/id.h"
#include "server/base/clock.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define EPOCH_MS 1577836800000ll /* 2020-01-01 */
#define COUNTER_BITS 14
#define NODE_BITS 8

static _Atomic uint64_t last; /* milliseconds and counter of the newest id, without the node */
static _Atomic uint8_t node;

void id_set_node(uint8_t n)
{
    node = n;
}

/* Never goes back, even when the clock does; a full counter borrows from the next millisecond. */
uint64_t id_new(void)
{
    uint64_t now = (uint64_t)(clock_now_ms(&clock_system) - EPOCH_MS) << COUNTER_BITS, seen = last, next;
    do
        next = now > seen ? now : seen + 1;
    while (!atomic_compare_exchange_weak(&last, &seen, next));
    uint64_t ms = next >> COUNTER_BITS, counter = next & ((1u << COUNTER_BITS) - 1);
    return ms << (COUNTER_BITS + NODE_BITS) | (uint64_t)node << COUNTER_BITS | counter;
}

void id_format(uint64_t id, char out[ID_TEXT_BYTES])
{
    for (int i = ID_TEXT_BYTES - 2; i >= 0; i--, id >>= 4)
        out[i] = "0123456789abcdef"[id & 15];
    out[ID_TEXT_BYTES - 1] = 0;
}

int id_parse(const char *text, uint64_t *out)
{
    uint64_t v = 0;
    if (!text || strlen(text) != ID_TEXT_BYTES - 1)
        return ERR_INVALID;
    for (const char *p = text; *p; p++) {
        bool digit = *p >= '0' && *p <= '9';
        if (!digit && !(*p >= 'a' && *p <= 'f'))
            return ERR_INVALID;
        v = v << 4 | (uint64_t)(digit ? *p - '0' : *p - 'a' + 10);
    }
    *out = v;
    return v ? 0 : ERR_INVALID;
}
