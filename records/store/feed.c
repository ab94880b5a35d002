/* The change feed of store.h: its lines, and those that were committed here, kept until somebody takes them: who tells of them need not read them again. */
#include "records/store/store_private.h"
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 4096 /* an import; then they are read from the table */

void fed_free(struct store_change *first)
{
    while (first) {
        struct store_change *c = first;
        first = c->next;
        free(c);
    }
}

static struct store_change *line_of(int64_t seq, const char *topic, const char *key, const char *payload)
{
    size_t t = strlen(topic) + 1, k = strlen(key) + 1, p = strlen(payload) + 1;
    struct store_change *c = malloc(sizeof *c + t + k + p);
    if (!c)
        return NULL;
    *c = (struct store_change){.seq = seq, .topic = c->text, .key = c->text + t, .payload = c->text + t + k};
    memcpy(c->text, topic, t);
    memcpy(c->text + t, key, k);
    memcpy(c->text + t + k, payload, p);
    return c;
}

static void put(struct fed *f, struct store_change *c)
{
    if (!c || f->n == KEPT_MAX) {
        f->cut = true;
        free(c);
        return;
    }
    *(f->first ? &f->last->next : &f->first) = c;
    f->last = c;
    f->n++;
}

/* One writer at a time: the next number is the greatest and one; what is rolled back leaves no gap. */
int tx_feed(struct tx *tx, const char *topic, const char *key, const char *payload_json)
{
    if (!tx->fed)
        tx->fed = tx_int(tx, 0, "SELECT MAX(seq) AS seq FROM feed", "");
    int rc = tx_exec(tx, "INSERT INTO feed (seq, t_ms, topic, key, payload) VALUES ($1,$2,$3,$4,$5)", "iittt", ++tx->fed, clock_now_ms(&clock_system), topic, key, payload_json);
    if (rc == 0 && tx->store->keeps_fed)
        put(&tx->lines, line_of(tx->fed, topic, key, payload_json));
    return rc;
}

/* Which of them belong to the part that is undone is not kept. */
void fed_undo(struct tx *tx)
{
    tx->fed = 0;
    tx->lines.cut = tx->lines.cut || tx->lines.first;
}

void fed_commit(struct tx *tx)
{
    struct store *s = tx->store;
    pthread_mutex_lock(&s->lock);
    s->fed.cut = s->fed.cut || tx->lines.cut;
    while (tx->lines.first) {
        struct store_change *c = tx->lines.first;
        tx->lines.first = c->next;
        c->next = NULL;
        put(&s->fed, c);
    }
    pthread_mutex_unlock(&s->lock);
}

void store_keep_fed(struct store *s)
{
    s->keeps_fed = true;
}

struct store_change *store_take_fed(struct store *s, bool *cut)
{
    pthread_mutex_lock(&s->lock);
    struct store_change *first = s->fed.first;
    *cut = s->fed.cut;
    s->fed = (struct fed){0};
    pthread_mutex_unlock(&s->lock);
    return first;
}
