/* Sessions: opened, found, ended. The token itself is never stored. */
#include "records/access/session.h"
#include "records/document/documents.h"
#include "records/parts.h"
#include "records/work/policy.h"
#include "server/base/crypto.h"
#include "server/base/text.h"
#include <stdio.h>
#include <string.h>

static int token_hash(const char *token, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(token, strlen(token), digest);
    int n = hex_encode(digest, sizeof digest, out, 2 * SHA256_BYTES + 1);
    return n < 0 ? n : 0;
}

static int random_text(size_t bytes, char *out, size_t cap)
{
    uint8_t random[32];
    crypto_random(random, bytes);
    int n = base64url_encode(random, bytes, out, cap);
    return n < 0 ? n : 0;
}

int session_open(struct op_ctx *ctx, const struct session_start *s, uint64_t *session)
{
    char token[64], hash[2 * SHA256_BYTES + 1], csrf[48];
    int rc = random_text(32, token, sizeof token);
    rc = rc ? rc : random_text(24, csrf, sizeof csrf);
    rc = rc ? rc : token_hash(token, hash);
    if (rc)
        return rc;
    *session = id_new();
    rc = tx_exec(ctx->tx,
                 "INSERT INTO session (id, token_hash, person_id, post_id, org_id, dept_id, only_role, stage, csrf, created_ms, seen_ms, "
                 "until_ms, second_factor_ms, address, device, ended_ms) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$10,$11,$12,$13,$14,0)",
                 "itiiiitttiiitt", (int64_t)*session, hash, (int64_t)s->person, (int64_t)s->post, (int64_t)s->org, (int64_t)s->dept,
                 s->only_role, s->stage, csrf, ctx->now_ms, s->until_ms, s->second_factor_ms,
                 ctx->client_address ? ctx->client_address : "", ctx->user_agent ? ctx->user_agent : "");
    if (rc == 0 && ctx->set_session)
        snprintf(ctx->set_session, 80, "%s", token);
    explicit_bzero(token, sizeof token);
    return rc;
}

int session_open_limited(struct op_ctx *ctx, const struct actor *as, const char *role, int64_t until_ms, uint64_t *session)
{
    struct session_start start = {.person = as->person.v, .org = as->org.v, .dept = as->dept.v, .only_role = role, .stage = role,
                                  .until_ms = until_ms};
    return session_open(ctx, &start, session);
}

uint64_t session_roles(struct tx *tx, const struct access *a, uint64_t post, const char *only_role)
{
    uint64_t roles = 0;
    int bit = only_role ? access_role(a, only_role) : -1;
    if (only_role)
        return bit < 0 ? 0 : 1ull << bit;
    struct query *q = tx_query(tx, "SELECT role FROM post_role WHERE post_id=$1", "i", (int64_t)post);
    while (query_next(q))
        if ((bit = access_role(a, query_text(q, "role"))) >= 0)
            roles |= 1ull << bit;
    return query_end(q) ? 0 : roles;
}

static int64_t policy(struct tx *tx, int64_t fallback, const char *id)
{
    return tx_int(tx, fallback, "SELECT CAST(value AS INTEGER) FROM policy WHERE id=$1", "t", id);
}

static int ended(struct fault *f)
{
    return fault_set(f, ERR_UNAUTHENTICATED, "session_ended", "The session ended; sign in again.");
}

static int64_t take_row(struct query *q, struct access_session *out, char only_role[24], uint64_t *post)
{
    struct actor *a = &out->actor;
    a->session = (uint64_t)query_int(q, "id");
    a->person.v = (uint64_t)query_int(q, "person_id");
    a->org.v = (uint64_t)query_int(q, "org_id");
    a->dept.v = (uint64_t)query_int(q, "dept_id");
    TEXT_COPY(a->name, query_text(q, "name"));
    TEXT_COPY(out->stage, query_text(q, "stage"));
    TEXT_COPY(out->csrf, query_text(q, "csrf"));
    text_copy(only_role, 24, query_text(q, "only_role"));
    *post = (uint64_t)query_int(q, "post_id");
    out->seen_ms = query_int(q, "seen_ms");
    return query_int(q, "second_factor_ms");
}

int access_session_find(struct tx *tx, const struct access *access, const char *credential, int64_t now_ms, struct access_session *out,
                        struct fault *f)
{
    char hash[2 * SHA256_BYTES + 1], only_role[24] = "";
    uint64_t post = 0;
    int64_t factor_ms = 0, until_ms = 0;
    memset(out, 0, sizeof *out);
    if (token_hash(credential, hash))
        return ERR_INTERNAL;
    struct query *q = tx_query(tx,
                               "SELECT s.id, s.person_id, s.post_id, s.org_id, s.dept_id, s.only_role, s.stage, s.csrf, s.seen_ms, "
                               "s.until_ms, s.second_factor_ms, s.ended_ms, p.name, p.active FROM session s JOIN person p ON "
                               "p.id=s.person_id WHERE s.token_hash=$1",
                               "t", hash);
    bool live = query_next(q) && !query_int(q, "ended_ms") && query_int(q, "active");
    if (live) {
        factor_ms = take_row(q, out, only_role, &post);
        until_ms = query_int(q, "until_ms");
    }
    int rc = query_end(q);
    if (rc)
        return rc;
    if (!live || now_ms >= until_ms || now_ms - out->seen_ms > policy(tx, 15, "access.idle_min") * 60000) {
        memset(out, 0, sizeof *out);
        return ended(f);
    }
    out->actor.roles = session_roles(tx, access, post, *only_role ? only_role : NULL);
    out->second_factor_until_ms = factor_ms ? factor_ms + policy(tx, 10, "access.second_factor_min") * 60000 : 0;
    out->actor.second_factor = now_ms < out->second_factor_until_ms;
    return tx_error(tx);
}

int access_session_touch(struct tx *tx, uint64_t session, int64_t now_ms)
{
    return tx_exec(tx, "UPDATE session SET seen_ms=$2 WHERE id=$1 AND seen_ms<$2", "ii", (int64_t)session, now_ms);
}

int session_end_tell(struct op_ctx *ctx, uint64_t person)
{
    char key[ID_TEXT_BYTES];
    id_format(person, key);
    return tx_feed(ctx->tx, "session", key, "{}");
}

/* A file that is being read stops as well. */
static int end_handles(struct op_ctx *ctx, uint64_t person, uint64_t keep)
{
    struct query *q = tx_query(ctx->tx, "SELECT id FROM session WHERE person_id=$1 AND id<>$2 AND ended_ms=0", "ii", (int64_t)person, (int64_t)keep);
    while (query_next(q))
        documents_handles_end(records_parts(ctx->records)->documents, (uint64_t)query_int(q, "id"));
    return query_end(q);
}

int session_end_all(struct op_ctx *ctx, uint64_t person, uint64_t keep)
{
    int rc = end_handles(ctx, person, keep);
    rc = rc ? rc : tx_exec(ctx->tx, "UPDATE session SET ended_ms=$3 WHERE person_id=$1 AND id<>$2 AND ended_ms=0", "iii", (int64_t)person,
                           (int64_t)keep, ctx->now_ms);
    return rc || !tx_changes(ctx->tx) ? rc : session_end_tell(ctx, person);
}
