/* open - what `struct records` is: the store, the parts, the pool. Private to records/call; everybody else asks records_parts,
 * records_store, records_clock.
 *
 * Threads: one writer, config.readers readers, and one or two slow ones for password hashes, each kind waiting on its own bounded
 * queue (1,000 jobs; 200 slow ones). With readers 0 there is no pool: jobs run on the caller's thread.
 */
#ifndef YL_RECORDS_CALL_OPEN_H
#define YL_RECORDS_CALL_OPEN_H

#include "records/call/gather.h"
#include "records/call/turn.h"
#include "records/parts.h"
#include "records/records.h"
#include "server/base/mailbox.h"
#include <pthread.h>

#define POOL_QUEUE 1000
#define POOL_READERS_MAX 16
#define POOL_SLOW_MAX 2
#define POOL_SLOW_QUEUE 200 /* ten seconds of sign-ins: whoever comes later is told to come again */

struct item;
struct fhir_job;
struct records {
    char data_dir[512], config_dir[512];
    const struct clock *clock;
    void (*on_change)(void *ctx, const struct records_change *change);
    void *on_change_ctx;
    int alone; /* the lock of data_dir, -1 = it is shared */
    struct store *store;
    struct records_parts parts;
    /* pool */
    struct mailbox *reads, *writes, *slow;
    pthread_t reader[POOL_READERS_MAX], writer, slow_one[POOL_SLOW_MAX];
    int n_readers, n_slow;
    bool has_writer;
    /* calls that wait for the writer, oldest first; taken in groups */
    pthread_mutex_t waiting_lock;
    struct item *waiting, *waiting_last;
    size_t n_waiting;
    bool writer_called; /* a job that takes a group is queued */
    /* FHIR requests that wait for the writer: as above, a line of their own (fhir_door.c) */
    struct fhir_job *fhir_waiting, *fhir_waiting_last;
    size_t n_fhir_waiting;
    struct gather fhir_gather;
    bool fhir_wrote;  /* whether any of the last group wrote; the same */
    bool fhir_called;
    struct fhir_job *fhir_spare; /* freed ones, for the next; under waiting_lock */
    size_t n_fhir_spare;
    struct turn_line fhir_turn, quick_turn; /* short reads: of one resource where the database is a server (fhir_door.c), of operations with OP_QUICK (call.c) */
    struct turn_line fhir_new_turn;         /* new resources on their way to the writer: no read waits behind them */
    char system_credential[72];
    struct exchange_pull *pull; /* databases that are asked for rows; NULL = none */
    struct exchange_tell *tell; /* notifies other systems; NULL = no pool */
    struct store_archive *archive; /* the way back to a point in time; NULL = none */
    struct blob_mirror *mirror;    /* the copies of files beside it; NULL = none */
    struct exchange_drop *drop; /* folders other systems leave tables in; NULL = none */
    struct exchange_queue *exchange; /* messages of other systems that wait (exchange_call.c) */
    /* change feed: told in order, whoever committed */
    pthread_mutex_t feed_lock;
    int64_t feed_told;
};

/* A job for the writer thread; ERR_UNAVAILABLE when its queue is full or closing. */
YL_CHECKED int records_writer_run(struct records *r, void (*run)(void *ctx), void *ctx);
/* A job that takes its time and waits for nothing; ERR_UNAVAILABLE as above. */
YL_CHECKED int records_slow_run(struct records *r, void (*run)(void *ctx), void *ctx);
void call_quick_turn(struct records *r, struct turn_entry *first); /* call.c */
void fhir_read_turn(struct records *r, struct turn_entry *first);  /* fhir_door.c */
void fhir_spare_free(struct records *r);                           /* the same */
/* exchange_call.c */
YL_CHECKED int exchange_queue_open(struct records *r, struct fault *f);
void exchange_queue_close(struct records *r);
/* Tells on_change what was committed since the last time. Call it after every commit; any thread, never inside a transaction. */
void records_feed_tell(struct records *r);
/* ... what other processes committed too: reads the table. */
void records_feed_read(struct records *r);

/* The data folder's master key. A new folder (no database yet) gets one; a database whose key is missing is refused. */
YL_CHECKED int records_key(const char *data_dir, uint8_t key[32], struct fault *f);
/* The data folder for this process alone, until *fd is closed. ERR_CONFLICT: another has it. */
YL_CHECKED int records_alone(const char *data_dir, int *fd, struct fault *f);
#endif
