/* The shape of the database: its version, and the steps to the newest (migrations.c). */
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <stdio.h>

int store_version(struct store *s)
{
    struct connection *c;
    if (store_take(s, TX_READ, &c))
        return -1;
    int version = s->engine->version(c);
    store_give(s, c);
    return version;
}

int store_newest(void)
{
    int newest = 0;
    for (const struct migration *m = store_migrations; m->sql; m++)
        newest = m->version;
    return newest;
}

static int failed(struct connection *c, int code, const struct migration *m, struct fault *f)
{
    return fault_set(f, code == ERR_CONFLICT ? ERR_STORAGE : code, "migration", "%s: %s", m->what, c->store->engine->message(c));
}

static int migrate_one(struct connection *c, const struct migration *m, struct fault *f)
{
    const struct engine *e = c->store->engine;
    struct tx tx = {.store = c->store, .connection = c};
    int rc = 0;
    if (m->rebuild) {
        rc = e->rebuild ? e->rebuild(c) : 0;
        rc = rc ? rc : e->set_version(c, m->version);
        return rc ? failed(c, rc, m, f) : 0;
    }
    rc = e->begin(c);
    if (rc == 0 && e->version(c) >= m->version) { /* another process was at it too, and first */
        e->rollback(c);
        return 0;
    }
    rc = rc ? rc : e->script(c, m->sql);
    if (rc == 0 && m->run && (rc = m->run(&tx))) {
        e->rollback(c);
        return fault_set(f, rc, "migration", "%s: the step failed", m->what);
    }
    rc = rc ? rc : e->set_version(c, m->version);
    rc = rc ? rc : e->commit(c);
    if (rc) {
        failed(c, rc, m, f);
        e->rollback(c);
    }
    return rc;
}

int store_migrate(struct store *s, struct fault *f)
{
    return store_migrate_to(s, store_newest(), f);
}

int store_migrate_to(struct store *s, int version, struct fault *f)
{
    struct connection *c;
    int have = store_version(s), newest = store_newest();
    if (have < 0)
        return fault_set(f, ERR_STORAGE, "database", "The database cannot be read.");
    if (have > newest)
        return fault_set(f, ERR_STORAGE, "newer_database", "The database is of version %d, this program knows %d: start the newer program, or restore the backup from before the upgrade.", have, newest);
    pthread_mutex_lock(&s->writer);
    int rc = store_take(s, TX_WRITE, &c);
    for (const struct migration *m = store_migrations; rc == 0 && m->sql; m++)
        if (m->version > have && m->version <= version) {
            if (have) /* a large site waits minutes for some: whoever looks sees that it goes on */
                log_info("store", "the database is brought from version %d to %d, step %d: %s", have, version, m->version, m->what);
            rc = migrate_one(c, m, f);
        }
    if (c)
        store_give(s, c);
    pthread_mutex_unlock(&s->writer);
    return rc;
}
