/* exchange_private - what `struct exchange` is, and the operations by file; for records/exchange alone. */
#ifndef YL_RECORDS_EXCHANGE_EXCHANGE_PRIVATE_H
#define YL_RECORDS_EXCHANGE_EXCHANGE_PRIVATE_H

#include "records/exchange/exchange.h"
#include <pthread.h>

#define MAPS_MAX 64
#define TALLIES_MAX 64

enum exchange_column { COUNT_STORED, COUNT_REFUSED, COUNT_DEAD, COUNT_REPEATED, EXCHANGE_COLUMNS };
struct tally { /* of one source in one group */
    uint64_t source; /* 0 = nobody known */
    char day[11], type[40];
    int64_t last_ms, made_ms, n[EXCHANGE_COLUMNS];
};

struct exchange {
    uint8_t key[32];
    struct exchange_map *maps[MAPS_MAX];
    size_t n_maps;
    struct exchange_rows *rows[MAPS_MAX];
    size_t n_rows;
    pthread_mutex_t lock; /* of what follows */
    bool stale;
    int64_t read_ms; /* read anew after a while: yilianctl may have changed it beside us */
    struct exchange_source *sources;
    size_t n_sources;
    struct exchange_domain *domains;
    size_t n_domains;
    struct tally tallies[TALLIES_MAX]; /* of the group under way: the writer's alone */
    size_t n_tallies;
};

/* A dead letter once more, as it came or as corrected (NULL = as it came); replay.c. ERR_INVALID "still_dead" with the place and the reason in
 * the fault; the caller's transaction is then undone. */
YL_CHECKED int exchange_replay(struct op_ctx *ctx, uint64_t message, const char *corrected);

/* ---- body.c ---- */
char *exchange_body(struct op_ctx *ctx, const char *hash); /* malloc'd bytes as they came, NULL = ctx->fault */
YL_CHECKED int exchange_body_put(struct op_ctx *ctx, const char *bytes, size_t len, char hash[33]);
/* Whose hash is known. bytes are NUL-terminated and hold no other NUL. */
YL_CHECKED int exchange_body_keep(struct op_ctx *ctx, const char *hash, const char *bytes, size_t len);
void exchange_hash(const struct exchange *x, const char *bytes, size_t len, char out[33]); /* keyed: a row's control id, a file's name for itself */

/* ---- tally.c ---- */
void exchange_day_of(int64_t ms, char out[11]);
/* A dead letter of that day was stored after all. */
void exchange_recount(struct op_ctx *ctx, uint64_t source, const char *day);
/* A message came: what became of it, and when it was made over there (MSH-7), for the lag. */
void exchange_count(struct exchange_taking *t, enum exchange_column column);

/* ---- message.c: what rows and replays do as messages do ---- */
struct exchange_earlier { /* the same, when it came before */
    uint64_t id;     /* 0 = the same message never came */
    bool reused;     /* its control id came with other content */
    char state[12], ack[4], reason[32], location[40];
    int64_t code;
};
int exchange_look_back(struct exchange_taking *t, const char *control, const char *hash, struct exchange_earlier *e);
/* Does what t->m means. ERR_INVALID: t->flaw says why, and what was done must be undone; other errors are the transaction's. */
YL_CHECKED int exchange_use(struct exchange_taking *t);
/* Stored, or with t->flaw dead; counted. */
YL_CHECKED int exchange_message_write(struct exchange_taking *t, const char *control, const char *hash, size_t size, bool reused);
/* Where the flaw is: of a row the column, as the person who corrects it sees it. */
void exchange_location(const struct exchange_taking *t, char out[ROWS_NAME_BYTES]);

/* ---- row_take.c ---- */
/* A body of a row and what it becomes; *w is the message, to be ended by the caller. ERR_INVALID with t->flaw and t->column. */
YL_CHECKED int exchange_row_message(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms, struct hl7_writer *w);
/* The message a row becomes lives only here: t->m is NULL again afterwards. As exchange_use. */
YL_CHECKED int exchange_use_row(struct exchange_taking *t, const char *body, const char *control, int64_t made_ms);

int exchange_pull_now(struct op_ctx *ctx, json_t *args, json_t **result); /* pull_ops.c */
json_t *exchange_pull_json(struct op_ctx *ctx, uint64_t source);        /* what the last rounds were; null = nothing is pulled */
int exchange_file_list(struct op_ctx *ctx, json_t *args, json_t **result); /* file_ops.c */
int exchange_source_list(struct op_ctx *ctx, json_t *args, json_t **result); /* source_ops.c */
int exchange_source_set(struct op_ctx *ctx, json_t *args, json_t **result);
int exchange_domain_list(struct op_ctx *ctx, json_t *args, json_t **result);
int exchange_domain_set(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
