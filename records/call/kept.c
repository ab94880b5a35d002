/* Answers kept for repeated requests (kept.h). */
#include "records/call/kept.h"
#include "records/document/document.h"
#include "records/patient/patient.h"
#include "records/store/seal.h"
#include "records/work/consultation.h"
#include "server/base/crypto.h"
#include "server/base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_HEAD "@%016" PRIx64 "%016" PRIx64 /* patient, object; no JSON begins so */
#define KEPT_SCAN "@%16" SCNx64 "%16" SCNx64
#define KEPT_HEAD_BYTES 33

int kept_args_hash(const struct item *it, char out[65])
{
    uint8_t digest[SHA256_BYTES];
    char *text = json_dumps(it->args, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return ERR_UNAVAILABLE;
    crypto_hmac_sha256(it->r->parts.request_key, 32, text, strlen(text), digest);
    free(text);
    int n = hex_encode(digest, sizeof digest, out, 65);
    return n < 0 ? n : 0;
}

/* Of an older program: the JSON alone. */
static void take_kept(struct item *it, const char *text)
{
    if (sscanf(text, KEPT_SCAN, &it->patient, &it->object) == 2)
        text += KEPT_HEAD_BYTES;
    it->reply.result = *text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    snprintf(it->detail, sizeof it->detail, "again");
}

static int kept_answer(struct item *it, struct query *q, const char *hash, bool *found)
{
    if (strcmp(query_text(q, "op"), it->op->name) || strcmp(query_text(q, "args_hash"), hash))
        return fault_set(&it->reply.fault, ERR_CONFLICT, "idempotency_mismatch", "This idempotency key was used for another request.");
    size_t len;
    const void *sealed = query_blob(q, "answer", &len);
    char *text = malloc(len + 1);
    int rc = text ? seal_open_text(it->r->parts.answer_key, it->session.actor.person.v, sealed, len, text, len + 1) : ERR_UNAVAILABLE;
    if (rc >= 0 && text) {
        take_kept(it, text);
        rc = 0;
    }
    free(text);
    *found = rc == 0;
    return rc;
}

/* ---- is it still open to him ----
 * Whoever may do the act (item_admit) need not be let to what he did it on any more: the case is over, the emergency too, he acts for another house. What the request
 * named and what the answer is about are looked up as for a reading. That something is gone, or was withdrawn, is nothing an answer of that time tells anew. */

static bool is_row(struct tx *tx, const char *sql, uint64_t id)
{
    return id && tx_int(tx, 0, sql, "i", (int64_t)id) != 0;
}

static int closed(struct op_ctx *ctx, int rc)
{
    if (rc && rc != ERR_DENIED && tx_error(ctx->tx) == 0) {
        fault_clear(ctx->fault);
        return 0;
    }
    return rc;
}

static int case_open(struct op_ctx *ctx, uint64_t id)
{
    return id ? closed(ctx, consultation_check_read(ctx, (struct case_id){id})) : 0;
}

static int document_open(struct op_ctx *ctx, uint64_t id)
{
    return id ? closed(ctx, document_check_read(ctx, (struct document_id){id})) : 0;
}

static int patient_open(struct op_ctx *ctx, uint64_t id)
{
    return id ? closed(ctx, patient_check_read(ctx, (struct patient_id){id})) : 0;
}

/* Rights that hang on the house's own record; to the steward of the index and to who judges emergencies the right itself opens it. */
static bool by_record(const char *right)
{
    return right && (strncmp(right, "patient.", 8) == 0 || strncmp(right, "consent.", 8) == 0);
}

static int still_open(struct item *it, struct tx *tx)
{
    struct op_ctx ctx = {.records = it->r, .tx = tx, .actor = &it->session.actor, .now_ms = it->now_ms, .fault = &it->reply.fault};
    if (!(it->op->flags & OP_PHI))
        return 0;
    uint64_t patient = arg_id(it->args, "patient_id");
    int rc = case_open(&ctx, arg_id(it->args, "case_id"));
    rc = rc ? rc : document_open(&ctx, arg_id(it->args, "document_id"));
    if (rc == 0 && is_row(tx, "SELECT COUNT(*) FROM consult WHERE id=$1", it->object))
        return case_open(&ctx, it->object);
    if (rc == 0 && is_row(tx, "SELECT COUNT(*) FROM document WHERE id=$1", it->object))
        return document_open(&ctx, it->object);
    return rc || !by_record(it->op->right) ? rc : patient_open(&ctx, patient ? patient : it->patient);
}

/* He did it, with these very arguments and this key, so that much is no news to him; of what came of it, and of what it was done on, he hears nothing. The audit tells
 * the refusal as what it was. */
static int done_before(struct item *it)
{
    TEXT_COPY(it->hidden, it->reply.fault.reason);
    fault_clear(&it->reply.fault);
    return fault_set(&it->reply.fault, ERR_CONFLICT, "done_before", "This was done when you sent it first; it is not open to you any more.");
}

int kept_find(struct item *it, struct tx *tx, const char *hash, bool *found)
{
    *found = false;
    struct query *q = tx_query(tx, "SELECT op, args_hash, answer FROM idempotent WHERE person_id=$1 AND key=$2", "it",
                               (int64_t)it->session.actor.person.v, it->key);
    int rc = query_next(q) ? kept_answer(it, q, hash, found) : 0;
    int ended = query_end(q);
    rc = rc ? rc : ended;
    rc = rc || !*found ? rc : still_open(it, tx);
    if (rc) {
        json_decref(it->reply.result);
        it->reply.result = NULL;
    }
    return rc == ERR_DENIED ? done_before(it) : rc;
}

static char *text_to_keep(const struct item *it)
{
    char *text = NULL, *json = it->reply.result ? json_dumps(it->reply.result, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("");
    if (json && asprintf(&text, KEPT_HEAD "%s", it->patient, it->object, json) < 0)
        text = NULL;
    free(json);
    return text;
}

int kept_add(struct item *it, struct tx *tx, const char *hash)
{
    char *text = text_to_keep(it);
    size_t cap = text ? strlen(text) + SEAL_OVERHEAD : 0;
    uint8_t *sealed = text ? malloc(cap) : NULL;
    int rc = sealed ? seal_text(it->r->parts.answer_key, it->session.actor.person.v, text, sealed, cap) : ERR_UNAVAILABLE;
    if (rc >= 0)
        rc = tx_exec(tx, "INSERT INTO idempotent (person_id, key, op, args_hash, t_ms, answer) VALUES ($1,$2,$3,$4,$5,$6)", "itttib",
                     (int64_t)it->session.actor.person.v, it->key, it->op->name, hash, it->now_ms, sealed, (size_t)rc);
    free(sealed);
    free(text);
    return rc;
}
