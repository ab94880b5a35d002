/* The round: who is there, number what is new, send what is due, wait for answers. */
#include "records/outgoing/outgoing_private.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REST_MS 1000   /* nobody is to be looked after */
#define LOOK_MS 200    /* how soon a change is seen */
#define PRUNE_EVERY_MS 3600000
#define STEPS_MAX 10000 /* of a story's round */

/* ---- addresses ---- */

/* mllp://host:port in small letters; false: no such address. */
static bool mllp_origin(const char *url, char *out, size_t cap)
{
    if (!mllp_address_ok(url))
        return false;
    snprintf(out, cap, "%s", url);
    for (char *c = out; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    return true;
}

static bool origin_of(const char *url, char *out, size_t cap)
{
    return mllp_origin(url, out, cap) || post_origin(url, out, cap);
}

static bool next_origin(const char **at, char *out, size_t cap)
{
    *at += strspn(*at, " ,");
    size_t n = strcspn(*at, " ,");
    if (!n)
        return false;
    snprintf(out, cap, "%.*s", (int)n, *at);
    *at += n;
    return true;
}

static int check_list(const char *list, struct fault *f)
{
    char word[POST_URL_BYTES], origin[POST_URL_BYTES];
    while (next_origin(&list, word, sizeof word))
        if (!origin_of(word, origin, sizeof origin))
            return fault_set(f, ERR_INVALID, "outgoing.allow", "outgoing.allow: %.200s is no address like https://his.example:8443 or mllp://his.example:2575.", word);
    return 0;
}

bool outgoing_allowed(const struct outgoing *o, const char *url)
{
    char asked[POST_URL_BYTES], word[POST_URL_BYTES], origin[POST_URL_BYTES];
    const char *list = o ? o->allow : "";
    if (!origin_of(url, asked, sizeof asked))
        return false;
    while (next_origin(&list, word, sizeof word))
        if (origin_of(word, origin, sizeof origin) && strcmp(origin, asked) == 0)
            return true;
    return false;
}

const char *outgoing_allow_list(const struct outgoing *o)
{
    return o ? o->allow : "";
}

/* ---- a step ---- */

static bool may_send(const struct outgoing *o, const struct subscriber *s, int64_t now_ms)
{
    return s->url[0] && s->scopes[0] && s->next_ms <= now_ms && !outgoing_busy(o, s->id) && outgoing_allowed(o, s->url);
}

/* A Subscription whose endpoint is allowed begins: by itself, or on the first day of a longer list. */
static bool activate(struct outgoing *o, const struct subscriber *s)
{
    struct tx *tx;
    if (s->feed_seq < 0) {
        if (tx_begin(records_store(o->records), TX_WRITE, &tx))
            return false;
        tx_exec(tx, "UPDATE out_subscriber SET feed_seq=COALESCE((SELECT MAX(seq) FROM feed), 0), fhir_seq=COALESCE((SELECT MAX(seq) FROM fhir_change), 0) WHERE id=$1",
                "i", (int64_t)s->id);
        int rc = tx_error(tx);
        if (rc)
            tx_rollback(tx);
        else
            rc = tx_commit(tx);
        if (rc)
            return false;
    }
    return outgoing_hook_tell(o->records, s, "active", "");
}

/* A Subscription's end: of its time, of its client's rights. */
static bool is_over(const struct subscriber *s, int64_t now_ms)
{
    return s->hook && ((s->until_ms && s->until_ms <= now_ms) || !s->scopes[0]);
}

static void end_it(struct outgoing *o, const struct subscriber *s)
{
    struct tx *tx;
    int64_t now_ms = clock_now_ms(records_clock(o->records));
    if (tx_begin(records_store(o->records), TX_WRITE, &tx))
        return;
    tx_exec(tx, "UPDATE out_subscriber SET state='off', changed_ms=$1 WHERE id=$2", "ii", now_ms, (int64_t)s->id);
    int rc = tx_error(tx);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    if (rc == 0)
        (void)outgoing_hook_tell(o->records, s, "off", s->scopes[0] ? "" : "The client's rights have ended.");
}

static bool look_after(struct outgoing *o, const struct subscriber *s)
{
    int64_t now_ms = clock_now_ms(records_clock(o->records));
    bool asked = s->hook && strcmp(s->status, "requested") == 0;
    if (asked && !outgoing_allowed(o, s->url))
        return false;
    if (asked && !is_over(s, now_ms))
        return activate(o, s);
    if (is_over(s, now_ms)) {
        end_it(o, s);
        return false;
    }
    bool numbered = s->scopes[0] && outgoing_number(o, s); /* a feed of a client that was closed stands still */
    return (may_send(o, s, now_ms) && outgoing_send(o, s)) || numbered;
}

/* How many are looked after; *did: something was done, it may be worth looking again at once. */
static size_t step(struct outgoing *o, bool *did)
{
    struct subscriber *list = NULL;
    struct tx *tx;
    size_t n = 0;
    *did = false;
    if (tx_begin(records_store(o->records), TX_READ, &tx))
        return 0;
    int rc = subscribers_active(o->records, tx, &list, &n);
    tx_rollback(tx);
    for (size_t i = 0; i < n && rc == 0; i++)
        *did = look_after(o, &list[i]) || *did;
    if (list)
        explicit_bzero(list, OUT_SUBSCRIBERS_MAX * sizeof *list);
    free(list);
    return n;
}

/* Until something is answered, at most so long. */
static void wait_for_answers(struct outgoing *o, int ms)
{
    if (post_line_idle(o->line))
        lines_wait(o->lines, ms);
    else
        post_line_wait(o->line, ms); /* a line wakes it */
    lines_collect(o->lines);
}

void outgoing_round(struct outgoing *o, int wait_ms)
{
    bool did = true, waited = false;
    for (int i = 0; i < STEPS_MAX && (did || waited); i++) {
        (void)step(o, &did);
        waited = o->under_way != NULL; /* what was answered makes room for the next */
        if (waited)
            wait_for_answers(o, wait_ms);
    }
}

/* ---- the thread ---- */

static bool rest(struct outgoing *o, int ms)
{
    struct timespec until = clock_until(ms);
    pthread_mutex_lock(&o->lock);
    if (!o->stop && ms)
        pthread_cond_timedwait(&o->wake, &o->lock, &until);
    bool go_on = !o->stop;
    pthread_mutex_unlock(&o->lock);
    return go_on;
}

static void prune_sometimes(struct outgoing *o)
{
    int64_t now_ms = clock_now_ms(records_clock(o->records));
    if (now_ms - o->pruned_ms < PRUNE_EVERY_MS && now_ms >= o->pruned_ms)
        return;
    o->pruned_ms = now_ms;
    outgoing_prune(o, now_ms);
}

static void *run(void *arg)
{
    struct outgoing *o = arg;
    int ms;
    do {
        bool did;
        size_t n = step(o, &did);
        if (o->under_way)
            wait_for_answers(o, LOOK_MS);
        if (n)
            prune_sometimes(o);
        ms = did || o->under_way ? 0 : n ? LOOK_MS : REST_MS;
    } while (rest(o, ms));
    return NULL;
}

int outgoing_open(struct outgoing **out, struct records *records, const char *allow, struct fault *f)
{
    struct outgoing *o = *out = calloc(1, sizeof *o);
    if (!o)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    pthread_mutex_init(&o->lock, NULL);
    clock_condition(&o->wake);
    o->records = records;
    if (allow && strlen(allow) >= sizeof o->allow)
        return fault_set(f, ERR_INVALID, "outgoing.allow", "outgoing.allow is longer than %zu characters.", sizeof o->allow - 1);
    snprintf(o->allow, sizeof o->allow, "%s", allow ? allow : "");
    o->line = post_line_new();
    int rc = o->line ? check_list(o->allow, f) : fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    return rc ? rc : outgoing_lines(o, &(struct lines_config){0}, f);
}

static void wake(void *ctx)
{
    struct outgoing *o = ctx;
    post_line_wake(o->line);
}

int outgoing_lines(struct outgoing *o, const struct lines_config *config, struct fault *f)
{
    struct lines_config c = *config;
    c.wake = wake;
    c.ctx = o;
    lines_close_all(o->lines);
    o->lines = lines_open_all(&c);
    return o->lines ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
}

int outgoing_start(struct outgoing *o, struct fault *f)
{
    o->running = pthread_create(&o->thread, NULL, run, o) == 0;
    return o->running ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "The thread of outgoing messages cannot be started.");
}

void outgoing_close(struct outgoing *o)
{
    if (!o)
        return;
    pthread_mutex_lock(&o->lock);
    o->stop = true;
    pthread_cond_signal(&o->wake);
    pthread_mutex_unlock(&o->lock);
    if (o->running)
        pthread_join(o->thread, NULL);
    lines_close_all(o->lines); /* before what it wakes */
    post_line_free(o->line);
    outgoing_forget_all(o);
    pthread_cond_destroy(&o->wake);
    pthread_mutex_destroy(&o->lock);
    free(o);
}
