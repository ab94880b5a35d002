/* store - hides the SQL engine: transactions, columns by name, numbered migrations. SQLite (WAL, synchronous=FULL) or PostgreSQL (engine.h);
 * one SQL text runs on both, so: $1..$n parameters (bound by NAME on SQLite), CAST not ::, no LIKE (folded key
 * columns and range scans), NULLS FIRST/LAST written out, no JSON or full-text operators, ids from id_new(), times as integer
 * milliseconds UTC, booleans 0/1, INSERT ... ON CONFLICT only through tx_upsert.
 *
 * Threads: a `struct tx` belongs to one thread. One writer at a time, several readers.
 * Errors are sticky: after a failed statement every later call on the same tx is a no-op that returns the same error, and the
 * tx can only roll back. So a function may issue several statements and check once. tx_exec may tell its error late (tx_check).
 */
#ifndef YL_RECORDS_STORE_STORE_H
#define YL_RECORDS_STORE_STORE_H

#include "server/base/clock.h"
#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct tx;
struct query;

/* Where a site's database is: `database` (postgresql://.., libpq's URI) or, when that is NULL or empty, data_dir/yilian.db. */
YL_CHECKED int store_locate(const char *database, const char *data_dir, char *out, size_t cap, struct fault *f);
YL_CHECKED int store_open(struct store **out, const char *where, struct fault *f); /* opens or creates; does not migrate */
bool store_is_file(const struct store *s);
void store_close(struct store *s);
/* Runs every migration newer than the file's version, each in its own transaction; refuses a newer file. */
YL_CHECKED int store_migrate(struct store *s, struct fault *f);
int store_version(struct store *s);
int store_newest(void); /* that this program knows */
/* The write-ahead log is brought home into the database by store_checkpoint, which takes long and waits for the disk. `due` is called
 * after a commit that left a long log, by the committing thread inside its commit, at most once until store_checkpoint has run: it only hands
 * the work to another thread; other than 0 = it could not, the next commit asks again. Set once before anybody works; without it the committing thread does the work itself. */
void store_checkpoint_on(struct store *s, int (*due)(void *ctx), void *ctx);
void store_checkpoint(struct store *s); /* any thread without a transaction */
/* Consistent online copy to another file, which must not be there: SQLite's backup API, or pg_dump's custom format for pg_restore. */
YL_CHECKED int store_backup(struct store *s, const char *to_path, struct fault *f);

/* What whoever looks after the database wants to know of it. */
struct store_facts {
    const char *engine;          /* "sqlite", "postgresql" */
    char server[40];             /* its version */
    int64_t bytes, log_bytes;    /* of the database; of the log beside the file */
    bool damaged;                /* since the start a page was found that is none */
    /* of a server; moments: ms UTC, 0 = never */
    bool log_kept, log_known;    /* it archives its log; we may ask */
    int64_t kept_ms, kept_failed_ms;
    int standbys;                /* connected to it; -1 = we may not ask */
    int in_step;                 /* of them, those that commits wait for */
    int64_t behind_ms;           /* the one furthest behind; -1 = not said */
};
YL_CHECKED int store_look(struct store *s, struct store_facts *out);
/* The last transaction that wrote could not be committed (disk full, read-only): nobody can sign in. store_try_writing finds out whether it is over. */
bool store_is_stuck(const struct store *s);
void store_try_writing(struct store *s);
bool store_damaged(void); /* a page that is none was found in a file of this process since its start */

/* Copies all tables of `from` into `to`, which must be empty; both may be of either engine. Each table is read again on the other side: same
 * count, same hash, or nothing is kept. Writers of `from` wait meanwhile. */
struct store_moved {
    int tables;
    int64_t rows;
    uint8_t hash[32];
};
YL_CHECKED int store_move(struct store *from, struct store *to, struct store_moved *out, struct fault *f);
/* The same into one that has its shape already; what it holds is replaced. */
YL_CHECKED int store_move_into(struct store *from, struct store *to, struct store_moved *out, struct fault *f);

enum tx_mode { TX_READ, TX_WRITE };
/* A connection is kept per thread and mode. Write = BEGIN IMMEDIATE. */
YL_CHECKED int tx_begin(struct store *s, enum tx_mode mode, struct tx **out);
YL_CHECKED int tx_commit(struct tx *tx); /* durable when it returns 0; on error already rolled back. Frees tx */
void tx_rollback(struct tx *tx);         /* frees tx; NULL is fine */
/* A part of a write transaction that can be undone alone, also after a failed statement (the sticky error is then forgotten).
 * They do not nest. An error is one of the whole transaction. */
YL_CHECKED int tx_savepoint(struct tx *tx);
YL_CHECKED int tx_savepoint_release(struct tx *tx);
YL_CHECKED int tx_savepoint_rollback(struct tx *tx);
int tx_error(const struct tx *tx);       /* the sticky error so far, 0 = none */
/* The same, when all that was written has been carried out: who decides by it whether a part stays asks this one. */
int tx_check(struct tx *tx);

/* ---- one-shot statements. Format letters, one per $n:  i int64_t, t const char * (NULL = SQL NULL),
 * b const void *, size_t (two arguments), n (no argument: NULL), s const struct sealed * (sealed.h) ---- */
/* A server is not waited for: the error of this statement may be told by a later one, by tx_check, or by the commit. */
int tx_exec(struct tx *tx, const char *sql, const char *types, ...);
/* rows changed by the last tx_exec; waits for it */
int64_t tx_changes(struct tx *tx);
/* n rows of `width` (at most 8) whole numbers each, in the order of `columns`: "a,b,c". As tx_exec. */
int tx_insert_numbers(struct tx *tx, const char *table, const char *columns, int width, const int64_t *rows, size_t n);
/* n rows of as many cells as `columns` has names (at most 8), each a text or a whole number; one that is there already is passed over. As tx_exec. */
struct cell {
    const char *text; /* NULL: the number */
    int64_t integer;
};
int tx_add_rows(struct tx *tx, const char *table, const char *columns, int width, const struct cell *cells, size_t n);
/* Statements of tx_exec and tx_upsert so far: the same number again = nothing was written in between, nothing is to be undone. */
uint64_t tx_written(const struct tx *tx);
/* Single value, `fallback` when no row or NULL. */
int64_t tx_int(struct tx *tx, int64_t fallback, const char *sql, const char *types, ...);
/* INSERT INTO table (columns) VALUES ($1..$n) ON CONFLICT (key) DO UPDATE SET every other column = excluded.column.
 * key NULL: ON CONFLICT DO NOTHING. columns: "a,b,c". */
int tx_upsert(struct tx *tx, const char *table, const char *key, const char *columns, const char *types, ...);

/* ---- row loops:
 *   struct query *q = tx_query(tx, "SELECT id, name FROM org WHERE parent_id=$1", "i", parent);
 *   while (query_next(q)) use(query_int(q, "id"), query_text(q, "name"));
 *   rc = query_end(q);
 * tx_query never returns NULL; query_next is false on the end and on an error; query_end frees and returns 0 or the error. */
struct query *tx_query(struct tx *tx, const char *sql, const char *types, ...);
bool query_next(struct query *q);
int64_t query_int(struct query *q, const char *column);      /* 0 when NULL */
const char *query_text(struct query *q, const char *column); /* NULL when NULL; valid until the next query_next */
const void *query_blob(struct query *q, const char *column, size_t *len);
bool query_null(struct query *q, const char *column);
int query_end(struct query *q);

/* ---- migrations: one append-only array per domain folder would tangle the order, so there is one array in
 * records/store/migrations.c; an entry is never edited once it landed on main. ---- */
struct migration {
    int version; /* 1.. without gaps */
    const char *what;
    const char *sql; /* may hold several statements; types: INTEGER, TEXT, BLOB only */
    int (*run)(struct tx *tx); /* after sql, in the same transaction; NULL = nothing */
    bool rebuild; /* instead: writes the file anew, so that what was deleted is gone from the disk too; may run twice */
};
extern const struct migration store_migrations[];

/* ---- change feed: appended in the transaction, numbered without gaps in commit order ---- */
/* topic: "case", "notice", "patient", "room", "slot" ...; key: object id in text; payload_json: no health data. */
int tx_feed(struct tx *tx, const char *topic, const char *key, const char *payload_json);
struct store_change {
    struct store_change *next;
    int64_t seq;
    const char *topic, *key, *payload;
    char text[];
};
/* From now on what is committed here is kept until it is taken: by whoever tells others of it. Before anybody works. */
void store_keep_fed(struct store *s);
/* What was committed since it was last taken, in order; the caller frees each. *cut: not all of it, the table is to be read. Another process's lines show as a gap. */
struct store_change *store_take_fed(struct store *s, bool *cut);
#endif
