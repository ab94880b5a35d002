#include "records/access/tries.h"
#include "server/base/crypto.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_BYTES 32
#define KEPT_MS (7ll * 86400000) /* an unknown source is forgotten by then */
#define ALL "all"
#define KNOWN_MAX_OF_ONE 50 /* browsers of one account: the newest */

struct source {
    char name[80]; /* "d" and the hash of the browser's word, or "n" and the network */
    bool known;
    int64_t fails, until_ms;
};

static int hashed(const char *text, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(text, strlen(text), digest);
    return hex_encode(digest, sizeof digest, out, 2 * SHA256_BYTES + 1) < 0 ? ERR_INTERNAL : 0;
}

uint64_t tries_of(uint64_t person, const char *login)
{
    uint8_t digest[SHA256_BYTES];
    uint64_t who = 0;
    if (person)
        return person;
    crypto_sha256(login, strlen(login), digest);
    memcpy(&who, digest, sizeof who);
    return who >> 1 | 1; /* ids are positive */
}

static int load(struct op_ctx *ctx, uint64_t who, struct source *s)
{
    struct query *q = tx_query(ctx->tx, "SELECT known, fails, until_ms, last_ms FROM sign_in_try WHERE who=$1 AND source=$2", "it", (int64_t)who, s->name);
    s->known = false;
    s->fails = s->until_ms = 0;
    if (query_next(q)) {
        s->known = query_int(q, "known");
        s->fails = query_int(q, "last_ms") + TRIES_FORGET_MS > ctx->now_ms ? query_int(q, "fails") : 0;
        s->until_ms = query_int(q, "until_ms");
    }
    return query_end(q);
}

static bool has_device(const struct op_ctx *ctx)
{
    return ctx->device && strlen(ctx->device) >= DEVICE_BYTES;
}

static void network_of(const char *address, char *out, size_t cap)
{
    struct in6_addr a;
    if (inet_pton(AF_INET6, address, &a) == 1 && !IN6_IS_ADDR_V4MAPPED(&a)) {
        memset(a.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &a, out, (socklen_t)cap);
    } else
        snprintf(out, cap, "%s", address);
}

/* The browser, if it is known to this account, else the network. */
static int find(struct op_ctx *ctx, uint64_t who, struct source *s)
{
    char hash[2 * SHA256_BYTES + 1];
    if (has_device(ctx)) {
        int rc = hashed(ctx->device, hash);
        snprintf(s->name, sizeof s->name, "d%s", hash);
        rc = rc ? rc : load(ctx, who, s);
        if (rc || s->known)
            return rc;
    }
    s->name[0] = 'n';
    network_of(ctx->client_address ? ctx->client_address : "", s->name + 1, sizeof s->name - 1);
    return load(ctx, who, s);
}

static int locked(struct op_ctx *ctx)
{
    return fault_set(ctx->fault, ERR_LOCKED, "locked_out", "Too many wrong tries from here; wait a little.");
}

int tries_check(struct op_ctx *ctx, uint64_t who)
{
    struct source s, all = {.name = ALL};
    int rc = find(ctx, who, &s);
    if (rc == 0 && !s.known)
        rc = load(ctx, who, &all);
    if (rc)
        return rc;
    bool used_up = !s.known && all.until_ms - ctx->now_ms > (int64_t)(TRIES_ALL - 1) * TRIES_ALL_REFILL_MS;
    return s.until_ms > ctx->now_ms || used_up ? locked(ctx) : 0;
}

static int store(struct op_ctx *ctx, uint64_t who, const struct source *s)
{
    return tx_exec(ctx->tx, "INSERT INTO sign_in_try (who, source, known, fails, until_ms, last_ms) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (who, source) DO UPDATE SET known=$3, "
                            "fails=$4, until_ms=$5, last_ms=$6",
                   "itiiii", (int64_t)who, s->name, (int64_t)s->known, s->fails, s->until_ms, ctx->now_ms);
}

static int64_t wait_after(int64_t fails)
{
    int64_t wait = TRIES_WAIT_MS;
    if (fails < TRIES_FREE)
        return 0;
    for (int64_t i = TRIES_FREE; i < fails && wait < TRIES_WAIT_MAX_MS; i++)
        wait *= 2;
    return wait < TRIES_WAIT_MAX_MS ? wait : TRIES_WAIT_MAX_MS;
}

int tries_wrong(struct op_ctx *ctx, uint64_t who, int of_all)
{
    struct source s, all = {.name = ALL};
    ctx->commit_anyway = true;
    int rc = find(ctx, who, &s);
    if (rc)
        return rc;
    int64_t wait = wait_after(++s.fails);
    s.until_ms = wait ? ctx->now_ms + wait : 0;
    rc = store(ctx, who, &s);
    if (rc == 0 && !s.known) {
        rc = load(ctx, who, &all);
        all.until_ms = (all.until_ms > ctx->now_ms ? all.until_ms : ctx->now_ms) + (int64_t)of_all * TRIES_ALL_REFILL_MS;
        rc = rc ? rc : store(ctx, who, &all);
    }
    rc = rc ? rc : tx_exec(ctx->tx, "DELETE FROM sign_in_try WHERE last_ms<$1 AND (known=0 OR last_ms<$2)", "ii", ctx->now_ms - KEPT_MS, ctx->now_ms - TRIES_KNOWN_MS);
    return rc ? rc : wait ? locked(ctx) : 0;
}

int tries_right(struct op_ctx *ctx, uint64_t who)
{
    struct source s;
    int rc = find(ctx, who, &s);
    if (rc || (!s.fails && !s.until_ms))
        return rc;
    s.fails = s.until_ms = 0;
    return store(ctx, who, &s);
}

int tries_know(struct op_ctx *ctx, uint64_t person)
{
    uint8_t random[DEVICE_BYTES];
    char word[64], hash[2 * SHA256_BYTES + 1];
    struct source s = {.known = true};
    if (!ctx->set_device)
        return 0; /* no browser */
    if (!has_device(ctx)) {
        crypto_random(random, sizeof random);
        if (base64url_encode(random, sizeof random, word, sizeof word) < 0)
            return ERR_INTERNAL;
        snprintf(ctx->set_device, 64, "%s", word);
    }
    int rc = hashed(has_device(ctx) ? ctx->device : word, hash);
    snprintf(s.name, sizeof s.name, "d%s", hash);
    explicit_bzero(word, sizeof word);
    rc = rc ? rc : store(ctx, person, &s);
    return rc ? rc
              : tx_exec(ctx->tx, "DELETE FROM sign_in_try WHERE who=$1 AND known=1 AND last_ms<(SELECT last_ms FROM sign_in_try WHERE who=$1 AND known=1 ORDER BY last_ms DESC LIMIT 1 OFFSET $2)",
                        "ii", (int64_t)person, (int64_t)KNOWN_MAX_OF_ONE - 1);
}

int tries_forget(struct op_ctx *ctx, uint64_t person, bool known)
{
    int rc = tx_exec(ctx->tx, "DELETE FROM sign_in_try WHERE who=$1 AND (known=0 OR $2=1)", "ii", (int64_t)person, (int64_t)known);
    return rc ? rc : tx_exec(ctx->tx, "UPDATE sign_in_try SET fails=0, until_ms=0 WHERE who=$1", "i", (int64_t)person);
}

bool tries_waiting(struct op_ctx *ctx, uint64_t person)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM sign_in_try WHERE who=$1 AND until_ms>$2 AND source<>'" ALL "'", "ii", (int64_t)person, ctx->now_ms) > 0;
}
