#include "server/session/guard.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct suspect {
    UT_hash_handle hh;
    uint8_t key[16];     /* IPv4 mapped, or the /64 of an IPv6 address (RFC 4291 2.5.4) */
    int64_t forgiven_ms; /* when its budget is whole again: every wrong one moves it GUARD_REFILL_MS on */
};

struct guard {
    struct suspect *suspects;
};

int guard_new(struct guard **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : ERR_UNAVAILABLE;
}

static void forget(struct guard *g, struct suspect *s)
{
    HASH_DEL(g->suspects, s);
    free(s);
}

void guard_free(struct guard *g)
{
    while (g && g->suspects)
        forget(g, g->suspects);
    free(g);
}

static void key_of(const char *address, uint8_t key[16])
{
    memset(key, 0, 16);
    if (inet_pton(AF_INET6, address, key) == 1) {
        memset(key + 8, 0, 8);
    } else {
        memset(key + 10, 0xff, 2);
        if (inet_pton(AF_INET, address, key + 12) != 1) memset(key + 12, 0, 4); /* an address we cannot read shares one budget */
    }
}

static struct suspect *find(const struct guard *g, const char *address)
{
    struct suspect *s;
    uint8_t key[16];
    key_of(address, key);
    HASH_FIND(hh, g->suspects, key, sizeof key, s);
    return s;
}

int guard_check(struct guard *g, const char *address, int64_t now_ms, struct fault *f)
{
    const struct suspect *s = find(g, address);
    if (!s || s->forgiven_ms - now_ms <= (int64_t)(GUARD_BURST - 1) * GUARD_REFILL_MS) return 0;
    return fault_set(f, ERR_RATE, "too_many_wrong", "Too many wrong tickets, passwords or codes from this address; wait a little.");
}

/* Everybody who is forgiven goes; when that frees nothing, whoever is next. */
static void make_room(struct guard *g, int64_t now_ms)
{
    struct suspect *next = NULL, *s, *after;
    HASH_ITER(hh, g->suspects, s, after)
    {
        if (s->forgiven_ms <= now_ms) forget(g, s);
        else if (!next || s->forgiven_ms < next->forgiven_ms) next = s;
    }
    if (HASH_COUNT(g->suspects) >= GUARD_ADDRESSES) forget(g, next);
}

void guard_wrong(struct guard *g, const char *address, int64_t now_ms)
{
    struct suspect *s = find(g, address);
    if (!s) {
        if (HASH_COUNT(g->suspects) >= GUARD_ADDRESSES) make_room(g, now_ms);
        s = calloc(1, sizeof *s);
        if (!s) return; /* this one is for free */
        key_of(address, s->key);
        HASH_ADD(hh, g->suspects, key, sizeof s->key, s);
    }
    if (s->forgiven_ms < now_ms) s->forgiven_ms = now_ms;
    s->forgiven_ms += GUARD_REFILL_MS;
}

size_t guard_size(const struct guard *g)
{
    return HASH_COUNT(g->suspects);
}
