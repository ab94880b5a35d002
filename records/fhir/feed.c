/* GET /$feed?since=N&_count=M: the pull form of what records/outgoing sends - the same entries under the same numbers. Who has no address asks
 * for what is behind N and by that says that N and all before it are his. */
#include "records/fhir/fhir_private.h"
#include "records/fhir/view.h"
#include "records/outgoing/queue.h"
#include <stdio.h>

#define FEED_PAGE 100

struct feed_wish {
    int64_t since, count;
    uint64_t subscriber;
};

static int take_wish(struct fhir_work *w, struct feed_wish *wish)
{
    const struct fhir_plan *p = w->plan;
    *wish = (struct feed_wish){.count = FEED_PAGE};
    for (size_t i = 0; i < p->n_pairs; i++) {
        struct r4_str name = p->pairs[i].name, value = p->pairs[i].value;
        char text[40];
        snprintf(text, sizeof text, "%.*s", value.p && value.n < sizeof text ? (int)value.n : 0, value.p ? value.p : "");
        bool zero = strcmp(text, "0") == 0;
        if (r4_str_is(name, "since") && (zero || text_to_version(text, strlen(text), &wish->since)))
            continue;
        if (r4_str_is(name, "_count") && text_to_version(text, strlen(text), &wish->count))
            continue;
        if (r4_str_is(name, "subscriber") && id_parse(text, &wish->subscriber) == 0)
            continue;
        return fhir_fail_status(w, 400, "value", "$feed has no such parameter or value: %.*s.", (int)name.n, name.p);
    }
    wish->count = wish->count > FHIR_PAGE_MAX ? FHIR_PAGE_MAX : wish->count;
    return 0;
}

static int find(struct fhir_work *w, struct tx *tx, const struct feed_wish *wish, struct queue_state *s)
{
    int rc = w->actor.client ? queue_find(tx, w->actor.client, wish->subscriber, s) : ERR_NOT_FOUND;
    if (rc == ERR_NOT_FOUND)
        return fhir_fail(w, rc, "subscriber", "No feed is registered for this client.");
    if (rc == ERR_CONFLICT)
        return fhir_fail(w, rc, "subscriber", "This client has several feeds: add subscriber=ID.");
    if (rc)
        return fhir_fail(w, rc, "", "The feed cannot be read.");
    if (s->off)
        return fhir_fail(w, ERR_CONFLICT, "paused", "This feed is paused by the administrator.");
    if (wish->since > s->last_seq)
        return fhir_fail_status(w, 400, "value", "since: the last number is %lld.", (long long)s->last_seq);
    if (wish->since + 1 < s->lowest)
        return fhir_fail_status(w, 410, "deleted", "What is behind %lld is not kept any more; the lowest number is %lld. Ask for a new export.", (long long)wish->since,
                                (long long)s->lowest);
    return 0;
}

static int write_one(struct fhir_work *w, struct fhir_view *view, const struct queue_entry *e, struct r4_buf *b)
{
    const struct fhir_thing thing = {fhir_type_name(w->fhir, e->type, strlen(e->type)), e->own, e->pkey, e->rid};
    struct fhir_seen seen;
    char base[300], detail[80];
    int rc = thing.type ? fhir_view_read(view, &thing, &seen) : ERR_INTERNAL;
    if (rc)
        return rc;
    fhir_view_base(view, base);
    fhir_entry_write(b, base, &thing, &seen, &(struct fhir_entry_place){e->seq, e->t_ms});
    snprintf(detail, sizeof detail, "%s seq=%lld", thing.type, (long long)e->seq);
    if (seen.found)
        fhir_note(w, "out.deliver", seen.patient, (uint64_t)e->rid, detail);
    fhir_seen_clear(&seen);
    return 0;
}

static int write_bundle(struct fhir_work *w, struct tx *tx, const struct queue_state *s, const struct feed_wish *wish)
{
    struct queue_entry *list = calloc((size_t)wish->count, sizeof *list);
    struct fhir_view *view = fhir_view_open(w->records, tx, &w->actor);
    struct r4_buf b = {0};
    char base[300];
    size_t n = 0;
    int rc = list && view ? queue_read(tx, s->id, wish->since, false, list, (size_t)wish->count, &n) : ERR_UNAVAILABLE;
    fhir_base(w, base);
    r4_buf_printf(&b, "{\"resourceType\":\"Bundle\",\"type\":\"history\"");
    if (n)
        r4_buf_printf(&b, ",\"link\":[{\"relation\":\"next\",\"url\":\"%s/$feed?since=%lld&_count=%lld\"}],\"entry\":[", base, (long long)list[n - 1].seq,
                      (long long)wish->count);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (i)
            r4_buf_puts(&b, ",");
        rc = write_one(w, view, &list[i], &b);
    }
    r4_buf_puts(&b, n ? "]}" : "}");
    fhir_view_close(view);
    free(list);
    if (rc || b.failed) {
        r4_buf_clear(&b);
        return fhir_fail(w, rc ? rc : ERR_UNAVAILABLE, "", "The feed cannot be read.");
    }
    fhir_answer_buf(w, 200, &b);
    return 0;
}

void rest_feed(struct fhir_work *w, struct tx *tx)
{
    struct feed_wish wish;
    struct queue_state s;
    w->op = "out.deliver";
    if (take_wish(w, &wish) || find(w, tx, &wish, &s) || write_bundle(w, tx, &s, &wish) || !s.pulled || wish.since <= s.acked_seq)
        return;
    w->plan->kind = K_FEED;
    w->plan->feed = s.id;
    w->plan->feed_since = wish.since;
    w->to_write = true;
}

int rest_feed_finish(struct fhir_work *w, struct tx *tx)
{
    int rc = queue_ack(tx, w->plan->feed, w->plan->feed_since, w->now_ms);
    return rc ? fhir_fail(w, rc, "", "The feed cannot be written.") : 0;
}
