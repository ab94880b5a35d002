/* The database's file: migrations, backup, checkpoints. */
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- migrations ---- */

static int raw_exec(struct connection *c, const char *sql, struct fault *f, const char *what)
{
    char *why = NULL;
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, &why);
    if (rc == SQLITE_OK)
        return 0;
    int code = fault_set(f, store_code(rc) == ERR_CONFLICT ? ERR_STORAGE : store_code(rc), "migration", "%s: %s", what, why ? why : "");
    sqlite3_free(why);
    return code;
}

int store_version(struct store *s)
{
    struct tx *tx;
    if (tx_begin(s, TX_READ, &tx))
        return -1;
    int64_t version = tx_int(tx, -1, "PRAGMA user_version", "");
    tx_rollback(tx);
    return (int)version;
}

/* Deleted rows and the log of earlier writes still hold what they held. VACUUM is no part of a transaction: cut off in the middle, the
 * version is not raised and it runs again. */
static int rebuild(struct connection *c, const char *set, const struct migration *m, struct fault *f)
{
    int rc = raw_exec(c, "VACUUM", f, m->what);
    rc = rc ? rc : raw_exec(c, set, f, m->what);
    return rc ? rc : raw_exec(c, "PRAGMA wal_checkpoint(TRUNCATE)", f, m->what);
}

static int migrate_one(struct connection *c, const struct migration *m, struct fault *f)
{
    char set[64];
    struct tx tx = {.store = c->store, .connection = c};
    snprintf(set, sizeof set, "PRAGMA user_version=%d", m->version);
    if (m->rebuild)
        return rebuild(c, set, m, f);
    int rc = raw_exec(c, "BEGIN IMMEDIATE", f, m->what);
    rc = rc ? rc : raw_exec(c, m->sql, f, m->what);
    if (rc == 0 && m->run && (rc = m->run(&tx)))
        fault_set(f, rc, "migration", "%s: the step failed", m->what);
    rc = rc ? rc : raw_exec(c, set, f, m->what);
    rc = rc ? rc : raw_exec(c, "COMMIT", f, m->what);
    if (rc && !sqlite3_get_autocommit(c->db))
        sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int store_migrate(struct store *s, struct fault *f)
{
    struct connection *c;
    int have = store_version(s), newest = 0;
    for (const struct migration *m = store_migrations; m->sql; m++)
        newest = m->version;
    if (have < 0)
        return fault_set(f, ERR_STORAGE, "database", "The database cannot be read.");
    if (have > newest)
        return fault_set(f, ERR_STORAGE, "newer_database", "The database is of version %d, this program knows %d.", have, newest);
    pthread_mutex_lock(&s->writer);
    int rc = store_take(s, TX_WRITE, &c);
    for (const struct migration *m = store_migrations; rc == 0 && m->sql; m++)
        if (m->version > have)
            rc = migrate_one(c, m, f);
    if (c)
        store_give(s, c);
    pthread_mutex_unlock(&s->writer);
    return rc;
}

/* ---- checkpoints ---- */

#define LOG_PAGES_LONG 16000 /* 64 MB: writers never paused long enough for the log to start anew by itself */

/* A passive one holds up nobody. The log starts anew with the first commit after all of it was brought home; where writers never leave
 * such a moment, it is made once in a while: what is left to bring home is little then. */
void store_checkpoint(struct store *s)
{
    struct connection *c;
    int pages = 0, done = 0;
    if (store_take(s, TX_READ, &c)) { /* a reader may; the writer keeps its own connection */
        atomic_flag_clear(&s->checkpointing);
        return;
    }
    int rc = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    if (rc == SQLITE_OK && s->log_pages >= LOG_PAGES_LONG) {
        pthread_mutex_lock(&s->writer);
        rc = sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_RESTART, &pages, &done);
        pthread_mutex_unlock(&s->writer);
    }
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        log_error("store", "the log could not be brought home: %s", sqlite3_errmsg(c->db));
    store_give(s, c);
    atomic_flag_clear(&s->checkpointing);
}

/* ---- backup ---- */

int store_backup(struct store *s, const char *to_path, struct fault *f)
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
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", c->db, "main") : NULL;
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
