#include "records/document/capture.h"
#include "records/parts.h"
#include "records/work/consultation.h"
#include "server/base/crypto.h"
#include "server/base/site_address.h"
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURE_MS (20 * 60000)
#define CAPTURE_SESSIONS_MAX 3 /* a second phone, a second try */
#define QUIET_MODULES 4

char *qr_svg(const char *text)
{
    QRcode *qr = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!qr)
        return NULL;
    size_t cap = 400 + (size_t)qr->width * (size_t)qr->width * 16, n;
    int side = qr->width + 2 * QUIET_MODULES;
    char *svg = malloc(cap);
    if (svg) {
        n = (size_t)snprintf(svg, cap,
                             "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\" "
                             "role=\"img\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path d=\"",
                             side, side, side, side);
        for (int y = 0; y < qr->width; y++)
            for (int x = 0, run; x < qr->width; x += run) {
                bool dark = qr->data[y * qr->width + x] & 1;
                for (run = 1; x + run < qr->width && (qr->data[y * qr->width + x + run] & 1) == dark; run++)
                    ;
                if (dark)
                    n += (size_t)snprintf(svg + n, cap - n, "M%d %dh%dv1h-%dz", x + QUIET_MODULES, y + QUIET_MODULES, run, run);
            }
        snprintf(svg + n, cap - n, "\"/></svg>");
    }
    QRcode_free(qr);
    return svg;
}

static int token_hash(const char *token, char out[2 * SHA256_BYTES + 1])
{
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(token, strlen(token), digest);
    return hex_encode(digest, sizeof digest, out, 2 * SHA256_BYTES + 1) < 0 ? ERR_INTERNAL : 0;
}

static int capture_make(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct case_id case_id = {arg_id(args, "case_id")};
    const char *origin = arg_text(args, "origin");
    uint8_t random[24];
    char token[64], hash[2 * SHA256_BYTES + 1], url[320];
    int rc = consultation_check_write(ctx, case_id);
    if (rc == 0 && origin && !site_address_ok(origin))
        rc = fault_field(ctx->fault, "origin", "not_an_origin");
    if (rc)
        return rc;
    crypto_random(random, sizeof random);
    if (base64url_encode(random, sizeof random, token, sizeof token) < 0 || token_hash(token, hash))
        return ERR_INTERNAL;
    tx_exec(ctx->tx,
            "INSERT INTO capture (id, token_hash, case_id, person_id, org_id, dept_id, created_ms, expires_ms, sessions) "
            "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,0)",
            "itiiiiii", (int64_t)id_new(), hash, (int64_t)case_id.v, (int64_t)ctx->actor->person.v, (int64_t)ctx->actor->org.v,
            (int64_t)ctx->actor->dept.v, ctx->now_ms, ctx->now_ms + CAPTURE_MS);
    snprintf(url, sizeof url, "%s/capture#%s", origin ? origin : "", token);
    char *svg = qr_svg(url);
    *result = json_pack("{s:s,s:s?,s:I}", "url", url, "qr_svg", svg, "expires_ms", (json_int_t)(ctx->now_ms + CAPTURE_MS));
    free(svg);
    return tx_error(ctx->tx);
}

struct capture_row {
    uint64_t id, case_id, person_id, org_id, dept_id;
    int64_t expires_ms, sessions;
};

static int find_token(struct op_ctx *ctx, const char *token, struct capture_row *out)
{
    char hash[2 * SHA256_BYTES + 1];
    memset(out, 0, sizeof *out);
    if (token_hash(token, hash))
        return ERR_INTERNAL;
    struct query *q = tx_query(ctx->tx, "SELECT * FROM capture WHERE token_hash=$1", "t", hash);
    if (query_next(q))
        *out = (struct capture_row){(uint64_t)query_int(q, "id"),        (uint64_t)query_int(q, "case_id"),
                                    (uint64_t)query_int(q, "person_id"), (uint64_t)query_int(q, "org_id"),
                                    (uint64_t)query_int(q, "dept_id"),   query_int(q, "expires_ms"),
                                    query_int(q, "sessions")};
    return query_end(q);
}

/* Whoever showed the code may have left, or moved, since. */
static bool still_works_there(struct op_ctx *ctx, const struct capture_row *row)
{
    return tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM post t JOIN person p ON p.id=t.person_id WHERE t.person_id=$1 AND t.org_id=$2 AND p.active=1", "ii",
                  (int64_t)row->person_id, (int64_t)row->org_id) > 0;
}

static int capture_open(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct capture_row row;
    uint64_t session = 0;
    int rc = find_token(ctx, arg_text(args, "token"), &row);
    if (rc)
        return rc;
    if (!row.id || row.expires_ms <= ctx->now_ms || row.sessions >= CAPTURE_SESSIONS_MAX || !still_works_there(ctx, &row))
        return fault_set(ctx->fault, ERR_GONE, "capture_over", "This code is used up or too old; show a new one.");
    struct actor as = {.person = {row.person_id}, .org = {row.org_id}, .dept = {row.dept_id}};
    rc = session_open_limited(ctx, &as, "capture", row.expires_ms, &session);
    if (rc)
        return rc;
    tx_exec(ctx->tx, "UPDATE capture SET sessions=sessions+1 WHERE id=$1", "i", (int64_t)row.id);
    tx_exec(ctx->tx, "INSERT INTO capture_session (session_id, case_id, capture_id, expires_ms) VALUES ($1,$2,$3,$4)", "iiii",
            (int64_t)session, (int64_t)row.case_id, (int64_t)row.id, row.expires_ms);
    ctx->audit.object = row.case_id;
    struct query *q = tx_query(ctx->tx, "SELECT csrf FROM session WHERE id=$1", "i", (int64_t)session);
    if (query_next(q))
        *result = json_pack("{s:o,s:I,s:s}", "case_id", json_id(row.case_id), "expires_ms", (json_int_t)row.expires_ms, "csrf",
                            query_text(q, "csrf"));
    return query_end(q);
}

static const struct field make_args[] = {
    {.name = "case_id", .type = FIELD_ID, .required = true, .help = "case"},
    {.name = "origin", .type = FIELD_TEXT, .max = 220, .help = "the page's own origin, so that the code holds a whole address"},
    {0},
};
static const struct field open_args[] = {
    {.name = "token", .type = FIELD_TEXT, .required = true, .min = 16, .max = 64, .help = "what stands after # in the code"},
    {0},
};

const struct op capture_ops[] = {
    {"case.capture", OP_WRITE, 0, "document.write", make_args, capture_make, "A code to photograph into this case with a phone"},
    {"capture.open", OP_WRITE, OP_ANONYMOUS, NULL, open_args, capture_open, "Trade a code for a session that may only add photos"},
    {0},
};
