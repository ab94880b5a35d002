/* What clients have written of the terminology, over what is loaded: made of what the store keeps when somebody asks, held until it changes, shared.
 *
 * When it is new is told by numbers of changes. One that was made in a transaction which sees all changes up to n is as good as new while no change of such a
 * resource behind n has been committed. A number that is published after its commit is behind the last one that an older transaction sees, so what that one
 * makes is not taken for new.
 */
#include "records/store/store.h"
#include "records/term/term.h"
#include "server/base/log.h"
#include <stdlib.h>
#include <string.h>

struct terms_site {
    struct ts *ts;
    int64_t last; /* it knows all changes up to this one */
    size_t refs;  /* under site_lock; one is the terms' own while it is the newest */
};

/* ---- making one ---- */

struct filling {
    struct ts *ts;
    size_t n, bytes;
    bool over;
    int rc;
};

static bool take(void *to, const char *text, size_t len)
{
    struct filling *f = to;
    f->over = f->n == TERMS_SITE_MAX || f->bytes + len > TERMS_SITE_BYTES;
    json_t *resource = f->over ? NULL : json_loadb(text, len, 0, NULL);
    if (!resource)
        return !f->over; /* what is none was not written by the store */
    f->n++;
    f->bytes += len;
    f->rc = ts_add(f->ts, resource);
    json_decref(resource);
    return f->rc == 0;
}

static struct terms_site *make(struct terms *t, struct tx *tx, const struct ts *below, bool *empty)
{
    struct terms_site *s = calloc(1, sizeof *s);
    struct filling f = {0};
    int rc = s ? ts_open_over(&s->ts, below) : ERR_UNAVAILABLE;
    if (rc == 0) {
        s->refs = 1;
        s->last = t->source.last(t->source.ctx, tx);
        f.ts = s->ts;
        rc = t->source.each(t->source.ctx, tx, take, &f);
        rc = rc ? rc : f.rc ? f.rc : tx_error(tx);
    }
    *empty = !f.n;
    if (f.over) /* the writer refuses what is too much: an older program's, or a smaller bound */
        log_warn("term", "only %zu code systems, value sets and maps of clients (%zu bytes) are held: %d and %u bytes are the most", f.n, f.bytes, TERMS_SITE_MAX, TERMS_SITE_BYTES);
    if (rc == 0)
        return s;
    if (s)
        ts_close(s->ts);
    free(s);
    return NULL;
}

/* ---- sharing it ---- */

static void unref(struct terms_site *s)
{
    if (s && --s->refs == 0) {
        ts_close(s->ts);
        free(s);
    }
}

/* Under site_lock. The newest, made where it is old; NULL: it cannot be. */
static struct terms_site *newest(struct terms *t, struct tx *tx, const struct ts *below)
{
    bool empty;
    if (t->site && t->site->last >= atomic_load(&t->changed))
        return t->site;
    struct terms_site *s = make(t, tx, below, &empty);
    if (!s || (t->site && t->site->last > s->last)) { /* an old transaction: what there is, is newer */
        unref(s);
        return s ? t->site : NULL;
    }
    unref(t->site);
    t->site = s;
    atomic_store(&t->empty, empty ? s->last : -1);
    return s;
}

int terms_view_open(struct terms *t, struct tx *tx, struct terms_view *v, struct fault *f)
{
    struct ts *ts;
    bool empty;
    int rc = terms_ts(t, &ts, f);
    *v = (struct terms_view){.ts = ts};
    bool own = !rc && t->source.last && tx_written(tx) && t->touched; /* what this transaction itself wrote is nobody else's yet */
    if (rc || !t->source.last || (!own && atomic_load(&t->changed) <= atomic_load(&t->empty)))
        return rc;
    if (own)
        v->site = make(t, tx, ts, &empty);
    else {
        pthread_mutex_lock(&t->site_lock);
        v->site = newest(t, tx, ts);
        if (v->site)
            v->site->refs++;
        pthread_mutex_unlock(&t->site_lock);
    }
    if (!v->site)
        return fault_set(f, ERR_UNAVAILABLE, "terms", "What clients have written of the terminology cannot be read.");
    v->ts = v->site->ts;
    return 0;
}

void terms_view_close(struct terms *t, struct terms_view *v)
{
    pthread_mutex_lock(&t->site_lock);
    unref(v->site);
    pthread_mutex_unlock(&t->site_lock);
    v->site = NULL;
}

/* ---- on the writer ---- */

void terms_touch(struct terms *t)
{
    t->touched = true;
    t->exact = false;
}

void terms_settle(struct terms *t, struct tx *tx)
{
    if (t->touched)
        t->touched_last = t->source.last(t->source.ctx, tx);
}

void terms_ended(struct terms *t, bool committed)
{
    if (t->touched && committed)
        atomic_store(&t->changed, t->touched_last);
    t->touched = false;
}

static bool count(void *to, const char *text, size_t len)
{
    struct terms *t = to;
    (void)text;
    t->n++;
    t->bytes += len;
    return true;
}

static bool fits(const struct terms *t, size_t more, size_t bytes)
{
    return t->measured && t->n + more <= TERMS_SITE_MAX && t->bytes + bytes <= TERMS_SITE_BYTES;
}

/* Counted upwards from what was measured: too much where something was replaced or undone, so what seems to be too much is measured again - once, until more is written. */
bool terms_room(struct terms *t, struct tx *tx, size_t more, size_t bytes)
{
    if (!fits(t, more, bytes) && !t->exact) {
        t->n = t->bytes = 0;
        t->measured = t->exact = t->source.each(t->source.ctx, tx, count, t) == 0;
        if (!fits(t, more, bytes))
            log_warn("term", "code systems, value sets and maps of clients are refused: %zu are kept (%zu bytes), the most is %d and %u bytes", t->n, t->bytes, TERMS_SITE_MAX, TERMS_SITE_BYTES);
    }
    if (!fits(t, more, bytes))
        return false;
    t->n += more;
    t->bytes += bytes;
    return true;
}
