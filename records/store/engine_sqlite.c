/* SQLite behind engine.h: one file in WAL mode, synchronous=FULL. Each connection keeps its prepared statements. */
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000   /* another process (yilianctl) may be writing */
#define BUSY_STEP_US 500
#define LOG_PAGES 1000 /* 4 MB */
#define LOG_PAGES_LONG 16000 /* 64 MB: writers never paused long enough for the log to start anew by itself */
#define CACHED 96 /* prepared statements a connection keeps */

#define PLACES 64

struct places { /* "$1" is a name to SQLite: where it stands is asked once */
    int n;
    short at[PLACES];
};

struct cached {
    char *sql;
    uint64_t hash; /* of sql: found without comparing texts */
    sqlite3_stmt *statement;
    struct places places;
    bool busy; /* a row loop is on it */
    uint64_t used;
};

struct file {
    sqlite3 *db;
    struct connection *connection;
    struct cached cache[CACHED];
    uint64_t stamp;
};

struct rows {
    struct file *file;
    sqlite3_stmt *statement;
    struct cached *cached; /* NULL: a statement of its own */
};

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
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_STORAGE;
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

static int word(struct connection *c, const char *sql);

static int script(struct connection *c, const char *sql)
{
    if (strcmp(sql, "SAVEPOINT part") == 0 || strcmp(sql, "RELEASE part") == 0)
        return word(c, sql);
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
    static const char settings[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                                   "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-2000; PRAGMA trusted_schema=OFF;";
    struct file *file = calloc(1, sizeof *file);
    if (!file)
        return ERR_UNAVAILABLE;
    c->own = file;
    file->connection = c;
    int rc = sqlite3_open_v2(c->store->where, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_handler(file->db, wait_turn, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(file->db, settings, NULL, NULL, NULL);
    if (rc == SQLITE_OK && c->mode == TX_READ)
        rc = sqlite3_exec(file->db, "PRAGMA query_only=ON", NULL, NULL, NULL);
    if (rc == SQLITE_OK && c->mode == TX_WRITE)
        sqlite3_wal_hook(file->db, after_commit, c);
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

/* The second $1 of a text shares the place of the first; a number that is left out has place 0, which cannot be bound. */
static void find_places(sqlite3_stmt *st, struct places *p)
{
    p->n = sqlite3_bind_parameter_count(st);
    for (int i = 0; i < p->n && i < PLACES; i++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", i + 1);
        p->at[i] = (short)sqlite3_bind_parameter_index(st, name);
    }
}

static int prepare(struct file *file, const char *sql, struct rows *r)
{
    uint64_t hash = hash_of(sql);
    struct cached *k = cache_slot(file, sql, hash);
    if (k && is(k, sql, hash))
        r->statement = k->statement;
    else {
        unsigned flags = k ? SQLITE_PREPARE_PERSISTENT : 0;
        int rc = sqlite3_prepare_v3(file->db, sql, -1, flags, &r->statement, NULL);
        if (rc != SQLITE_OK || !r->statement)
            return rc == SQLITE_OK ? ERR_INTERNAL : code_of(rc);
        if (k) {
            sqlite3_finalize(k->statement);
            free(k->sql);
            k->statement = r->statement;
            k->hash = hash;
            k->sql = strdup(sql); /* NULL: found by nobody, replaced soon */
            find_places(k->statement, &k->places);
        }
    }
    r->cached = k;
    if (k) {
        k->busy = true;
        k->used = ++file->stamp;
    }
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
    } else
        sqlite3_finalize(r->statement);
    free(r);
}

static int bind(sqlite3_stmt *st, const struct places *p, const struct value *values, int n)
{
    int rc = SQLITE_OK;
    if (n != p->n || n > PLACES)
        return ERR_MALFORMED;
    for (int i = 0; i < n && rc == SQLITE_OK; i++) {
        const struct value *v = &values[i];
        int at = p->at[i];
        rc = v->type == 'i'   ? sqlite3_bind_int64(st, at, v->integer)
             : !v->data       ? sqlite3_bind_null(st, at)
             : v->type == 't' ? sqlite3_bind_text(st, at, v->data, (int)v->len, SQLITE_TRANSIENT)
                              : sqlite3_bind_blob64(st, at, v->data, v->len, SQLITE_TRANSIENT);
    }
    return rc == SQLITE_OK ? 0 : ERR_MALFORMED;
}

static int start(struct connection *c, const char *sql, const struct value *values, int n, struct rows **out)
{
    struct rows *r = calloc(1, sizeof *r);
    struct places own;
    *out = NULL;
    if (!r)
        return ERR_UNAVAILABLE;
    r->file = c->own;
    int rc = prepare(r->file, sql, r);
    if (rc == 0 && !r->cached)
        find_places(r->statement, &own);
    rc = rc ? rc : bind(r->statement, r->cached ? &r->cached->places : &own, values, n);
    if (rc)
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

static int64_t changes(const struct rows *r)
{
    return sqlite3_changes64(r->file->db);
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

/* ---- transactions: their words are kept prepared as everything else ---- */

static int word(struct connection *c, const char *sql)
{
    struct rows *r;
    bool row;
    int rc = start(c, sql, NULL, 0, &r);
    if (rc)
        return rc;
    rc = step(r, &row);
    end(r);
    return rc;
}

static int begin(struct connection *c)
{
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

/* ---- the file ---- */

static int version(struct connection *c)
{
    struct rows *r;
    bool row = false;
    int found = -1;
    if (start(c, "PRAGMA user_version", NULL, 0, &r))
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

/* A passive one holds up nobody. The log starts anew with the first commit after all of it was brought home; where writers never leave
 * such a moment, it is made once in a while: what is left to bring home is little then. */
static void checkpoint(struct store *s)
{
    struct connection *c;
    int pages = 0, done = 0;
    if (store_take(s, TX_READ, &c)) { /* a reader may; the writer keeps its own connection */
        atomic_flag_clear(&s->checkpointing);
        return;
    }
    int rc = sqlite3_wal_checkpoint_v2(db_of(c), NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    if (rc == SQLITE_OK && s->log_pages >= LOG_PAGES_LONG) {
        pthread_mutex_lock(&s->writer);
        rc = sqlite3_wal_checkpoint_v2(db_of(c), NULL, SQLITE_CHECKPOINT_RESTART, &pages, &done);
        pthread_mutex_unlock(&s->writer);
    }
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        log_error("store", "the log could not be brought home: %s", sqlite3_errmsg(db_of(c)));
    store_give(s, c);
    atomic_flag_clear(&s->checkpointing);
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
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", db_of(c), "main") : NULL;
    while (b && ((rc = sqlite3_backup_step(b, 512)) == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED))
        if (rc != SQLITE_OK)
            sqlite3_sleep(20);
    if (b && sqlite3_backup_finish(b) != SQLITE_OK)
        rc = SQLITE_IOERR;
    sqlite3_close(to);
    store_give(s, c);
    if (b && rc == SQLITE_DONE)
        return 0;
    unlink(to_path);
    return fault_set(f, ERR_STORAGE, "backup", "The copy failed; %s was removed.", to_path);
}

const struct engine engine_sqlite = {
    .name = "sqlite", .create = create, .connect = connect_file, .disconnect = disconnect, .usable = usable, .begin = begin, .commit = commit,
    .rollback = rollback, .script = script, .start = start, .step = step, .changes = changes, .columns = columns, .column = column,
    .kind = kind_of, .integer = integer, .text = text, .bytes = bytes, .end = end, .message = message, .version = version,
    .set_version = set_version, .rebuild = rebuild, .checkpoint = checkpoint, .backup = backup};
