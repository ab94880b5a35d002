/* SQLite behind engine.h: one file in WAL mode, synchronous=FULL. Each connection keeps its prepared statements. */
#include "records/store/sqlite_rows.h"
#include "records/store/store_private.h"
#include "records/store/wal_file.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 5000   /* another process (yilianctl) may be writing */
#define BUSY_STEP_US 500
#define LOG_PAGES 8000 /* 32 MB: a page written often is brought home once */
#define LOG_MORE 2000  /* ... and that many further ones after a checkpoint that could not make it start anew */
#define LOG_PAGES_LONG 24000 /* 96 MB: readers never paused long enough for the log to start anew by itself */
#define LOG_REST 512   /* pages the writer brings home itself: a group of messages of new patients */
#define LOG_ROUNDS 8
#define CACHED 96 /* prepared statements a connection keeps */
#define PLACES 64 /* parameters a statement may have */
#define ADDRESSES 256

struct rows {
    struct file *file;
    sqlite3_stmt *statement;
    struct cached *cached; /* NULL: a statement of its own */
};

struct cached {
    char *sql;
    uint64_t hash; /* of sql: found without comparing texts */
    sqlite3_stmt *statement;
    int parameters;          /* of the statement; -1 = not looked at yet */
    uint8_t places[PLACES];  /* where $1.. are bound */
    struct rows rows;        /* of the one row loop that may be on it */
    bool busy;
    uint64_t used;
};

struct file {
    sqlite3 *db;
    struct connection *connection;
    struct cached cache[CACHED];
    uint8_t at[ADDRESSES]; /* by a text's address, which is mostly a literal's: where it was found last; + 1 */
    uint64_t stamp;
};

static atomic_bool damaged;

/* Said once, in words for the person who looks after the machine: SQLite's own ("malformed") do not say what to do. */
static int damage(void)
{
    if (!atomic_exchange(&damaged, true)) {
        log_error("store", "THE DATABASE IS DAMAGED: a page of the file is none. Stop the daemon, keep the file, and restore (docs/operations.md, \"A damaged database\")");
        metric_set(metric_gauge("yilian_store_damaged", "1 = a page of the database that is none was found since the start", NULL), 1);
    }
    return ERR_STORAGE;
}

bool store_damaged(void)
{
    return damaged;
}

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_UNAVAILABLE;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
        return ERR_STORAGE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return damage();
    default:
        return ERR_INTERNAL;
    }
}

static sqlite3 *db_of(const struct connection *c)
{
    return c->own ? ((struct file *)c->own)->db : NULL;
}

static const char *message(const struct connection *c)
{
    return db_of(c) ? sqlite3_errmsg(db_of(c)) : "out of memory";
}

static int script(struct connection *c, const char *sql)
{
    return code_of(sqlite3_exec(db_of(c), sql, NULL, NULL, NULL));
}

/* ---- connections ---- */

/* Made here, so that it and what SQLite puts beside it (same mode) are readable by this account alone. */
static int create(struct store *s, struct fault *f)
{
    int fd = open(s->where, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, ERR_STORAGE, "database", "Cannot open %s: %s.", s->where, strerror(errno));
    close(fd);
    return 0;
}

static void disconnect(struct connection *c)
{
    struct file *file = c->own;
    if (!file)
        return;
    for (int i = 0; i < CACHED; i++) {
        sqlite3_finalize(file->cache[i].statement);
        free(file->cache[i].sql);
    }
    sqlite3_close(file->db);
    free(file);
    c->own = NULL;
}

/* Takes the place of SQLite's own automatic checkpoint, which would run on the committing thread. */
static int after_commit(void *ctx, sqlite3 *db, const char *name, int pages)
{
    struct store *s = ((struct connection *)ctx)->store;
    (void)name;
    s->log_pages = pages;
    if (pages < LOG_PAGES)
        s->log_due = LOG_PAGES;
    if (pages < s->log_due)
        return SQLITE_OK;
    if (!s->checkpoint_due) /* nobody to hand it to */
        sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    else if (!atomic_flag_test_and_set(&s->checkpointing) && s->checkpoint_due(s->checkpoint_ctx))
        atomic_flag_clear(&s->checkpointing);
    return SQLITE_OK;
}

/* Two processes write in turns. SQLite's own waiting sleeps ever longer and then never meets the short gap between two transactions of a
 * busy daemon; short steps do. */
static int wait_turn(void *ctx, int tries)
{
    (void)ctx;
    if (tries >= BUSY_MS * 1000 / BUSY_STEP_US)
        return 0;
    usleep(BUSY_STEP_US);
    return 1;
}

static int connect_file(struct connection *c)
{
    static const char settings[] = "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON; "
                                   "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000; PRAGMA trusted_schema=OFF;";
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return ERR_UNAVAILABLE;
    c->own = file;
    file->connection = c;
    int rc = sqlite3_open_v2(c->store->where, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, wal_file_vfs());
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_handler(file->db, wait_turn, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(file->db, settings, NULL, NULL, NULL);
    if (rc == SQLITE_OK && c->mode == TX_READ)
        rc = sqlite3_exec(file->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK && c->mode == TX_WRITE) { /* the one writer: what it changes again and again is not read anew each time */
        rc = sqlite3_exec(file->db, "PRAGMA cache_size=-24000", NULL, NULL, NULL);
        rc = rc == SQLITE_OK ? sqlite_rows_open(file->db) : rc;
        sqlite3_wal_hook(file->db, after_commit, c);
    }
    return code_of(rc);
}

static bool usable(struct connection *c)
{
    (void)c;
    return true;
}

/* ---- statements ---- */

/* FNV-1a: only to tell texts apart quickly, the texts themselves are compared too. */
static uint64_t hash_of(const char *sql)
{
    uint64_t h = 14695981039346656037u;
    for (; *sql; sql++)
        h = (h ^ (uint8_t)*sql) * 1099511628211u;
    return h;
}

static bool is(const struct cached *k, const char *sql, uint64_t hash)
{
    return k->sql && k->hash == hash && strcmp(k->sql, sql) == 0;
}

/* The cached statement of this text, or room for it: free, or idle the longest. NULL when the text's own is in a row loop. */
static struct cached *cache_slot(struct file *file, const char *sql, uint64_t hash)
{
    struct cached *room = NULL;
    for (int i = 0; i < CACHED; i++) {
        struct cached *k = &file->cache[i];
        if (is(k, sql, hash))
            return k->busy ? NULL : k;
        if (!k->busy && (!room || k->used < room->used))
            room = k;
    }
    return room;
}

static int prepare_into(struct file *file, const char *sql, uint64_t hash, struct cached *k)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v3(file->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK || !st)
        return rc == SQLITE_OK ? ERR_INTERNAL : code_of(rc);
    sqlite3_finalize(k->statement);
    free(k->sql);
    k->statement = st;
    k->parameters = -1;
    k->hash = hash;
    k->sql = strdup(sql); /* NULL: found by nobody, replaced soon */
    return 0;
}

/* A statement whose text is in a row loop already, or of a full cache. */
static int prepare_own(struct file *file, const char *sql, struct rows **out)
{
    sqlite3_stmt *st;
    int rc = sqlite3_prepare_v3(file->db, sql, -1, 0, &st, NULL);
    struct rows *r = rc == SQLITE_OK && st ? malloc(sizeof *r) : NULL;
    if (!r) {
        sqlite3_finalize(st);
        return rc != SQLITE_OK ? code_of(rc) : st ? ERR_UNAVAILABLE : ERR_INTERNAL;
    }
    *r = (struct rows){file, st, NULL};
    *out = r;
    return 0;
}

/* The statement that was last prepared for a text at this address, in either of two places: of texts that share one, both are found, or which share
 * one by how the program was linked would decide what every statement costs. */
static struct cached *remembered(struct file *file, const char *sql)
{
    uintptr_t place = (uintptr_t)sql >> 3;
    for (uintptr_t way = 0; way < 2; way++) {
        uint8_t at = file->at[(place ^ way) % ADDRESSES];
        struct cached *k = at ? &file->cache[at - 1] : NULL;
        if (k && !k->busy && k->sql && strcmp(k->sql, sql) == 0)
            return k;
    }
    return NULL;
}

/* Who was there last moves to the other place. */
static void remember(struct file *file, const char *sql, const struct cached *k)
{
    uintptr_t place = (uintptr_t)sql >> 3;
    uint8_t *at = &file->at[place % ADDRESSES], *other = &file->at[(place ^ 1) % ADDRESSES];
    if (*at)
        *other = *at;
    *at = (uint8_t)(k - file->cache + 1);
}

static int prepare(struct file *file, const char *sql, struct rows **out)
{
    struct cached *k = remembered(file, sql);
    if (!k) {
        uint64_t hash = hash_of(sql);
        if (!(k = cache_slot(file, sql, hash)))
            return prepare_own(file, sql, out);
        int rc = is(k, sql, hash) ? 0 : prepare_into(file, sql, hash, k);
        if (rc)
            return rc;
        remember(file, sql, k);
    }
    k->busy = true;
    k->used = ++file->stamp;
    k->rows = (struct rows){file, k->statement, k};
    *out = &k->rows;
    return 0;
}

static void end(struct rows *r)
{
    if (!r)
        return;
    if (r->cached) {
        sqlite3_reset(r->statement);
        sqlite3_clear_bindings(r->statement);
        r->cached->busy = false;
    } else {
        sqlite3_finalize(r->statement);
        free(r);
    }
}

/* "$1" is a name to SQLite, so its place is asked for (the second $1 of a text shares it). 0 = there is none. */
static int place_of(sqlite3_stmt *st, int i)
{
    char name[16];
    snprintf(name, sizeof name, "$%d", i + 1);
    return sqlite3_bind_parameter_index(st, name);
}

/* Asked once for each text. The places a statement has fit into PLACES, or the values do not. */
static const uint8_t *places_of(struct cached *k)
{
    if (k->parameters >= 0)
        return k->places;
    k->parameters = sqlite3_bind_parameter_count(k->statement);
    for (int i = 0; i < k->parameters && i < PLACES; i++)
        k->places[i] = (uint8_t)place_of(k->statement, i);
    return k->places;
}

static int bind_one(sqlite3_stmt *st, int at, const struct value *v, bool held)
{
    sqlite3_destructor_type keep = held ? SQLITE_STATIC : SQLITE_TRANSIENT;
    if (v->type == 'i')
        return sqlite3_bind_int64(st, at, v->integer);
    if (!v->data)
        return sqlite3_bind_null(st, at);
    if (v->type == 'r')
        return sqlite3_bind_pointer(st, at, (void *)v->data, ROWS_POINTER, NULL);
    return v->type == 't' ? sqlite3_bind_text(st, at, v->data, (int)v->len, keep) : sqlite3_bind_blob64(st, at, v->data, v->len, keep);
}

static int bind(struct rows *r, const struct value *values, int n, bool held)
{
    const uint8_t *places = r->cached ? places_of(r->cached) : NULL;
    int rc = SQLITE_OK, all = r->cached ? r->cached->parameters : sqlite3_bind_parameter_count(r->statement);
    if (all != n || n > PLACES)
        return ERR_MALFORMED;
    for (int i = 0; i < n && rc == SQLITE_OK; i++)
        rc = bind_one(r->statement, places ? places[i] : place_of(r->statement, i), &values[i], held);
    return rc == SQLITE_OK ? 0 : ERR_MALFORMED;
}

static int start(struct connection *c, const char *sql, const struct value *values, int n, bool held, struct rows **out)
{
    struct rows *r = NULL;
    *out = NULL;
    int rc = prepare(c->own, sql, &r);
    if (rc)
        return rc;
    if ((rc = bind(r, values, n, held)))
        end(r);
    else
        *out = r;
    return rc;
}

static int step(struct rows *r, bool *row)
{
    int rc = sqlite3_step(r->statement);
    *row = rc == SQLITE_ROW;
    return code_of(rc);
}

static int run(struct connection *c, const char *sql, const struct value *values, int n)
{
    struct rows *r;
    bool row = true;
    int rc = start(c, sql, values, n, true, &r);
    if (rc)
        return rc;
    while (row && rc == 0)
        rc = step(r, &row);
    end(r);
    return rc;
}

/* One statement of all: sqlite_rows.h. FAIL and IGNORE, because who may have to take back the rows of a statement keeps a copy of each page it changes; a
 * transaction in which one failed is undone anyway. */
static int insert_held(struct connection *c, const char *how, const char *table, const char *columns, const struct held_rows *rows)
{
    char sql[400];
    size_t at = (size_t)snprintf(sql, sizeof sql, "INSERT OR %s INTO %s (%s) SELECT c0", how, table, columns);
    for (int i = 1; i < rows->width && at < sizeof sql; i++)
        at += (size_t)snprintf(sql + at, sizeof sql - at, ",c%d", i);
    at += at < sizeof sql ? (size_t)snprintf(sql + at, sizeof sql - at, " FROM held_rows($1)") : 0;
    return at < sizeof sql ? run(c, sql, &(struct value){.type = 'r', .data = rows}, 1) : ERR_MALFORMED;
}

static int insert_numbers(struct connection *c, const char *table, const char *columns, int width, const int64_t *rows, size_t n)
{
    return insert_held(c, "FAIL", table, columns, &(struct held_rows){.width = width, .n = n, .numbers = rows});
}

static int add_rows(struct connection *c, const char *table, const char *columns, int width, const struct cell *cells, size_t n)
{
    return insert_held(c, "IGNORE", table, columns, &(struct held_rows){.width = width, .n = n, .cells = cells});
}

static int settle(struct connection *c, int64_t *changes)
{
    *changes = sqlite3_changes64(db_of(c));
    return 0;
}

/* ---- transactions: their words are kept prepared as everything else ---- */

static int word(struct connection *c, const char *sql)
{
    return run(c, sql, NULL, 0);
}

static void bring_rest_home(struct connection *c);

static int begin(struct connection *c)
{
    if (c->mode == TX_WRITE && atomic_exchange(&c->store->log_rest, false))
        bring_rest_home(c);
    return word(c, c->mode == TX_WRITE ? "BEGIN IMMEDIATE" : "BEGIN");
}

static int commit(struct connection *c)
{
    return word(c, "COMMIT");
}

static void rollback(struct connection *c)
{
    if (!sqlite3_get_autocommit(db_of(c)) && word(c, "ROLLBACK"))
        sqlite3_exec(db_of(c), "ROLLBACK", NULL, NULL, NULL); /* without memory for the above */
}

static int columns(const struct rows *r)
{
    return sqlite3_column_count(r->statement);
}

static const char *column(const struct rows *r, int i)
{
    return sqlite3_column_name(r->statement, i);
}

static enum kind kind_of(const struct rows *r, int i)
{
    switch (sqlite3_column_type(r->statement, i)) {
    case SQLITE_NULL:
        return KIND_NULL;
    case SQLITE_BLOB:
        return KIND_BYTES;
    case SQLITE_TEXT:
        return KIND_TEXT;
    default:
        return KIND_INTEGER;
    }
}

static bool declared_bytes(const struct rows *r, int i)
{
    const char *type = sqlite3_column_decltype(r->statement, i);
    return type && strcmp(type, "BLOB") == 0;
}

static int64_t integer(struct rows *r, int i)
{
    return sqlite3_column_int64(r->statement, i);
}

static const char *text(struct rows *r, int i)
{
    return (const char *)sqlite3_column_text(r->statement, i);
}

static const void *bytes(struct rows *r, int i, size_t *len)
{
    const void *data = sqlite3_column_blob(r->statement, i);
    *len = (size_t)sqlite3_column_bytes(r->statement, i);
    return data;
}

/* ---- the file ---- */

static int version(struct connection *c)
{
    struct rows *r;
    bool row = false;
    int found = -1;
    if (start(c, "PRAGMA user_version", NULL, 0, false, &r))
        return -1;
    if (step(r, &row) == 0 && row)
        found = (int)integer(r, 0);
    end(r);
    return found;
}

static int set_version(struct connection *c, int to)
{
    char set[64];
    snprintf(set, sizeof set, "PRAGMA user_version=%d", to);
    return script(c, set);
}

/* Deleted rows and the log of earlier writes still hold what they held. VACUUM is no part of a transaction: cut off in the middle, the
 * version is not raised and it runs again. */
static int rebuild(struct connection *c)
{
    int rc = script(c, "VACUUM");
    return rc ? rc : script(c, "PRAGMA wal_checkpoint(TRUNCATE)");
}

/* Pages of the log that are not home, those written meanwhile among them; -1 = it failed. */
static int bring_home(struct connection *c, int mode)
{
    int pages = 0, home = 0, rc = sqlite3_wal_checkpoint_v2(db_of(c), NULL, mode, &pages, &home);
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        log_error("store", "the log could not be brought home: %s", sqlite3_errmsg(db_of(c)));
    return rc != SQLITE_OK ? -1 : c->store->log_pages > home ? c->store->log_pages - home : 0;
}

static void end_checkpoint(struct store *s)
{
    s->log_due = s->log_pages + LOG_MORE;
    atomic_flag_clear(&s->checkpointing);
}

/* A log begins anew with a transaction that finds all of it home. Under an unbroken stream of them there is none unless the writer brings home what the last one
 * wrote before it begins the next. A log that readers have kept from it waits for them. */
static void bring_rest_home(struct connection *c)
{
    struct store *s = c->store;
    (void)bring_home(c, s->log_pages >= LOG_PAGES_LONG ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE);
    end_checkpoint(s);
}

/* In rounds, each of what was written during the one before, which hold up nobody, until little is left for the writer. */
static void checkpoint(struct store *s)
{
    struct connection *c;
    int left, round = 0;
    if (store_take(s, TX_READ, &c)) { /* a reader may; the writer keeps its own connection */
        end_checkpoint(s);
        return;
    }
    wal_file_pace(true);
    do
        left = bring_home(c, SQLITE_CHECKPOINT_PASSIVE);
    while (left > LOG_REST && ++round < LOG_ROUNDS);
    wal_file_pace(false);
    store_give(s, c);
    if (left >= 0 && (left <= LOG_REST || s->log_pages >= LOG_PAGES_LONG))
        s->log_rest = true;
    else
        end_checkpoint(s);
}

static int backup(struct store *s, const char *to_path, struct fault *f)
{
    struct connection *c;
    sqlite3 *to = NULL;
    int fd = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, ERR_STORAGE, "backup", "Cannot make %s: %s.", to_path, strerror(errno));
    close(fd);
    int code = store_take(s, TX_READ, &c);
    if (code)
        return fault_set(f, code, "backup", "The database cannot be read.");
    int rc = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE, NULL);
    if (rc == SQLITE_OK) /* one snapshot, held to the end: else each write between two steps would begin the copy anew */
        rc = sqlite3_exec(db_of(c), "BEGIN; SELECT COUNT(*) FROM sqlite_master", NULL, NULL, NULL);
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", db_of(c), "main") : NULL;
    while (b && ((rc = sqlite3_backup_step(b, 512)) == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED))
        if (rc != SQLITE_OK)
            sqlite3_sleep(20);
    if (b && sqlite3_backup_finish(b) != SQLITE_OK)
        rc = SQLITE_IOERR;
    sqlite3_close(to);
    rollback(c);
    store_give(s, c);
    if (b && rc == SQLITE_DONE)
        return 0;
    unlink(to_path);
    return fault_set(f, ERR_STORAGE, "backup", "The copy failed; %s was removed.", to_path);
}

static int64_t bytes_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : (int64_t)st.st_size;
}

static int look(struct connection *c, struct store_facts *out)
{
    char log[620];
    snprintf(log, sizeof log, "%s-wal", c->store->where);
    snprintf(out->server, sizeof out->server, "%s", sqlite3_libversion());
    out->bytes = bytes_of(c->store->where);
    out->log_bytes = bytes_of(log);
    return 0;
}

const struct engine engine_sqlite = {
    .name = "sqlite", .create = create, .connect = connect_file, .disconnect = disconnect, .usable = usable, .begin = begin, .commit = commit,
    .rollback = rollback, .script = script, .start = start, .step = step, .run = run, .settle = settle, .insert_numbers = insert_numbers, .add_rows = add_rows, .columns = columns, .column = column,
    .kind = kind_of, .declared_bytes = declared_bytes, .integer = integer, .text = text, .bytes = bytes, .end = end, .message = message, .version = version,
    .set_version = set_version, .rebuild = rebuild, .checkpoint = checkpoint, .look = look, .backup = backup};
