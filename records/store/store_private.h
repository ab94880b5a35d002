/* store_private - what the files of records/store share: the store, its connections, a transaction. */
#ifndef YL_RECORDS_STORE_STORE_PRIVATE_H
#define YL_RECORDS_STORE_STORE_PRIVATE_H

#include "records/store/engine.h"
#include "records/store/late.h"
#include "records/store/sealed.h"
#include "records/store/store.h"
#include <pthread.h>
#include <stdatomic.h>

#define UPSERTS 64
struct upsert_text { /* of tx_upsert's words */
    char *table, *key, *columns, *sql;
};

struct connection {
    struct connection *next; /* in its free list */
    enum tx_mode mode;
    struct store *store;
    void *own; /* the engine's */
    struct upsert_text upserts[UPSERTS];
};

struct fed { /* lines of the feed, in their order */
    struct store_change *first, *last;
    size_t n;
    bool cut; /* there were more, or others */
};

struct store {
    const struct engine *engine;
    char where[600]; /* a path, or postgresql://.. */
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
    atomic_int log_due;   /* ... from how many on a checkpoint is asked for */
    atomic_bool log_rest; /* little is left: the writer brings it home before it begins */
    atomic_bool stuck;
    struct metric *m_stuck;
    /* change feed: committed, not taken yet; under the lock */
    bool keeps_fed;
    struct late *late; /* keys that wait for their trees */
    struct fed fed;
};

#define QUERY_FOUND 16
struct query {
    struct tx *tx;
    struct rows *rows;
    int at;                /* where the next column is looked for first */
    struct { const char *name; int at; } found[QUERY_FOUND]; /* where names, which are literals, were found before */
    struct opened *opened; /* texts of sealed columns, for the row that is shown */
};

/* What late.c knows of a transaction. */
enum late_step { LATE_NOT_ASKED, LATE_IN_STEP, LATE_UNDONE };

struct tx {
    enum late_step late;
    struct store *store;
    struct connection *connection;
    int error;
    uint64_t written;
    int64_t fed; /* the newest number of the feed, once it was asked for; 0 = not known */
    struct fed lines;
};

int store_fail(struct tx *tx, int code, const char *sql);

/* connections */
/* As store_migrate, no further than to a version: an older site, for tests. */
YL_CHECKED int store_migrate_to(struct store *s, int version, struct fault *f);
YL_CHECKED int store_take(struct store *s, enum tx_mode mode, struct connection **out);
void store_give(struct store *s, struct connection *c);

/* feed.c */
void fed_free(struct store_change *first);
void fed_undo(struct tx *tx);   /* a part of it */
void fed_commit(struct tx *tx); /* its lines become the store's */

void upsert_text_free(struct upsert_text *t); /* and empties it */

/* sealed columns: malloc'd value, NULL when there is no key or no memory */
void *sealed_make(const struct store *s, const struct sealed *v, size_t *len);
void query_opened_free(struct query *q);
#endif
