/* store_private - what the files of records/store share: the store, its connections, a transaction. */
#ifndef YL_RECORDS_STORE_STORE_PRIVATE_H
#define YL_RECORDS_STORE_STORE_PRIVATE_H

#include "records/store/sealed.h"
#include "records/store/store.h"
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#define CACHED 96 /* prepared statements a connection keeps */

struct cached {
    char *sql;
    uint64_t hash; /* of sql: found without comparing texts */
    sqlite3_stmt *statement;
    bool busy; /* a row loop is on it */
    uint64_t used;
};

struct connection {
    struct connection *next; /* in its free list */
    enum tx_mode mode;
    sqlite3 *db;
    struct store *store;
    struct cached cache[CACHED];
    uint64_t stamp;
};

struct store {
    char path[600];
    pthread_mutex_t lock; /* the free lists */
    struct connection *free[2];
    pthread_mutex_t writer; /* one write transaction at a time; held from begin to end */
    /* sealed columns: set once before anybody works */
    bool has_keys;
    uint8_t keys[SEALED_COUNT][32];
    /* checkpoints: set once before anybody works; the rest by the writer's commits and store_checkpoint */
    int (*checkpoint_due)(void *ctx);
    void *checkpoint_ctx;
    atomic_flag checkpointing;
    atomic_int log_pages; /* of the write-ahead log after the last commit */
};

struct query {
    struct tx *tx;
    sqlite3_stmt *statement;
    struct cached *cached; /* NULL: a statement of its own */
    int at;                /* where the next column is looked for first */
    struct opened *opened; /* texts of sealed columns, for the row that is shown */
};

struct tx {
    struct store *store;
    struct connection *connection;
    int error;
    int64_t changes;
};

/* errors */
int store_code(int rc); /* of an SQLite result */
int store_fail(struct tx *tx, int rc, const char *sql);

/* connections */
YL_CHECKED int store_take(struct store *s, enum tx_mode mode, struct connection **out);
void store_give(struct store *s, struct connection *c);

/* sealed columns: malloc'd value, NULL when there is no key or no memory */
void *sealed_make(const struct store *s, const struct sealed *v, size_t *len);
void query_opened_free(struct query *q);
#endif
