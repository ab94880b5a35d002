/* delivery - the queue of messages that leave the system, and the gateways that carry them.
 *
 * A delivery is one notice on one gateway: QUEUED -> SENT (the gateway took it) -> DELIVERED (it says the person has it) -> READ
 * (the person read the notice in the application) | FAILED -> the same notice is queued on the next gateway. Failures of the moment
 * are tried again with growing waits; a refusal (4xx) is final. Quiet hours (policies
 * notify.quiet_*) hold back what is not urgent.
 * What goes out is the notice's bilingual text, the receiver's id and login, the case number and a link (the gateway knows the
 * phones of the staff): no health data.
 *
 * Three steps, so that no transaction waits for the network: claim (write), send (pool thread, no transaction), record (write).
 */
#ifndef YL_RECORDS_NOTIFY_DELIVERY_H
#define YL_RECORDS_NOTIFY_DELIVERY_H

#include "records/ops/op.h"

#define DELIVERY_TRIES_MAX 6
#define DELIVERY_BATCH 16

/* ---- gateways: one driver a kind ---- */
struct gateway_message {
    uint64_t delivery;
    char url[512], secret[128];
    char body[2048]; /* JSON */
    int64_t now_ms;
};
enum gateway_outcome { GATEWAY_ACCEPTED, GATEWAY_DELIVERED, GATEWAY_RETRY, GATEWAY_REFUSED };
struct gateway_result {
    enum gateway_outcome outcome;
    char error[96]; /* for the administrator: status or the library's words, never the answer's body */
};
struct gateway_driver {
    const char *kind;
    void (*send)(const struct gateway_message *m, struct gateway_result *r); /* waits at most 10 s */
    bool (*url_ok)(const char *url);
};
/* HTTP(S) POST of the JSON body. Headers X-Yilian-Delivery (id: the same message may come twice), X-Yilian-Timestamp (ms) and
 * X-Yilian-Signature: "sha256=" + hex HMAC-SHA-256(secret, timestamp "." body). 2xx: taken; {"state":"delivered"}
 * in the answer: delivered; 408, 425, 429 and 5xx and every network error: again later; others: refused. Redirects are not followed. */
extern const struct gateway_driver gateway_webhook;
const struct gateway_driver *gateway_driver_find(const char *kind);

/* ---- used by notify ---- */
struct delivery_kind {
    bool task, urgent;
};
void delivery_queue(struct op_ctx *ctx, uint64_t notice, struct delivery_kind kind);
/* notice 0 = all of the person's. */
void delivery_read(struct tx *tx, struct person_id person, uint64_t notice, int64_t now_ms);

/* ---- the three steps ---- */
struct delivery_batch {
    size_t n;
    struct {
        const struct gateway_driver *driver;
        struct gateway_message message;
        struct gateway_result result;
    } items[DELIVERY_BATCH];
};
struct delivery_keys {
    uint8_t seal[32]; /* gateway secrets and staff phones at rest */
    char base_url[256]; /* "https://host:port" or "": set by records_open */
};
/* In a write transaction: takes what is due and marks it as being sent (a crash gives it back after 60 s). */
YL_CHECKED int delivery_claim(struct tx *tx, const struct delivery_keys *keys, int64_t now_ms, struct delivery_batch *batch);
/* Without a transaction: calls the drivers one after the other. */
void delivery_send(struct delivery_batch *batch);
/* In a write transaction. */
YL_CHECKED int delivery_record(struct tx *tx, const struct delivery_batch *batch, int64_t now_ms);
/* ms to wait before try n (1..): 10 s, 30 s, 2 min, 10 min, 1 h. */
int64_t delivery_backoff_ms(int tries);
/* When a message that is not urgent may go out at the earliest: now, or the end of the quiet hours (minutes of the day, zone CST). */
int64_t delivery_earliest_ms(int64_t now_ms, bool urgent, int quiet_from_min, int quiet_to_min);

/* ---- operations, listed in notify.c ---- */
extern const struct field gateway_set_args[], gateway_test_args[], delivery_list_args[];
int gateway_list(struct op_ctx *ctx, json_t *args, json_t **result);
int gateway_set(struct op_ctx *ctx, json_t *args, json_t **result);
int gateway_test(struct op_ctx *ctx, json_t *args, json_t **result);
int delivery_list(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
