/* Makes films and pictures of recordings (recording.h): feeds a child process the tracks in the order of their times, encrypts what comes back.
 *
 * A thread sleeps until there is something in the queue, claims it by an operation, reads what belongs to it, and holds no transaction while it
 * works. Its slot says how far it is and whether it is still wanted; the slots have one lock.
 */
#include "records/document/blob.h"
#include "records/document/document.h"
#include "records/parts.h"
#include "records/records.h"
#include "records/work/recording.h"
#include "records/work/recording_source.h"
#include "server/base/child.h"
#include "server/base/clock.h"
#include "server/base/compose.h"
#include "server/base/log.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 2000          /* when nobody kicks */
#define NICE 10 /* behind calls, but not starved on a busy machine */
#define HEAP_BYTES (1u << 20) /* encrypted at a time */
#define PICTURES_MAX (16u << 20)
#define WALL_MS 600000        /* and ten times the recording's length: the machine has other work */
#define CPU_S 120             /* and three times its length */
#define WALL_MS_MAX (20 * 3600000ll)
#define MEMORY_BYTES (2ull << 30)

struct slot {
    struct recording_exporter *owner;
    pthread_t thread;
    bool running;
    uint64_t id; /* 0 = nothing is being made */
    int progress;
    bool cancelled;
};

struct recording_exporter {
    struct records *r;
    char program[600];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, kicked;
    int n;
    struct slot slots[];
};

struct work {
    struct slot *slot;
    struct documents *documents;
    bool movie, ended; /* ended: the child was told so */
    int64_t duration_ms;
    size_t n;
    struct recording_source *sources;
    json_t *gaps; /* [[track, begin, length, lost, why], ..] in times of the file */
    uint8_t *message; /* what the child is being told */
    size_t at, len, cap, step;
    struct document_staging made, strip;
    uint8_t *heap; /* output that is not encrypted yet */
    size_t heaped;
};

/* ---- to the child ---- */
static uint8_t *tell(struct work *w, const struct compose_head *h)
{
    size_t whole = COMPOSE_HEAD_BYTES + h->len;
    if (whole > w->cap) {
        uint8_t *grown = realloc(w->message, whole);
        if (!grown)
            return NULL;
        w->message = grown;
        w->cap = whole;
    }
    compose_head_write(w->message, h);
    w->at = 0;
    w->len = whole;
    return w->message + COMPOSE_HEAD_BYTES;
}

static void put(uint8_t *p, uint64_t v, size_t bytes)
{
    while (bytes--) {
        p[bytes] = (uint8_t)v;
        v >>= 8;
    }
}

static bool tell_content(struct work *w, struct recording_source *s, enum compose_type type, uint64_t at, uint64_t bytes)
{
    struct compose_head h = {type, (uint8_t)(s - w->sources), 0, type == COMPOSE_CLUSTER ? s->time_ms : 0, (size_t)bytes};
    uint8_t *p = tell(w, &h);
    return p && s->reel.read(s->reel.ctx, at, p, (size_t)bytes) == (int64_t)bytes;
}

static bool tell_track(struct work *w, struct recording_source *s)
{
    uint16_t word = (uint16_t)((s->sound ? COMPOSE_SOUND : 0) | (s->screen ? COMPOSE_SCREEN : 0));
    uint8_t *p = tell(w, &(struct compose_head){COMPOSE_TRACK, (uint8_t)(s - w->sources), word, s->begin_ms, COMPOSE_TRACK_BYTES});
    if (!p)
        return false;
    put(p, (uint64_t)s->length_ms, 4);
    put(p + 4, s->who, 8);
    return true;
}

static json_int_t number(const json_t *array, size_t i)
{
    return json_integer_value(json_array_get(array, i));
}

static bool tell_gap(struct work *w, const json_t *g)
{
    struct recording_source *s = &w->sources[number(g, 0)];
    uint8_t *p = tell(w, &(struct compose_head){COMPOSE_GAP, (uint8_t)number(g, 0), (uint16_t)number(g, 4), s->begin_ms + number(g, 1), COMPOSE_GAP_BYTES});
    if (!p)
        return false;
    put(p, (uint64_t)number(g, 2), 4);
    put(p + 4, (uint64_t)number(g, 3), 4);
    return true;
}

static struct recording_source *earliest(struct work *w)
{
    struct recording_source *first = NULL;
    for (size_t i = 0; i < w->n; i++)
        if (w->sources[i].time_ms != INT64_MAX && (!first || w->sources[i].time_ms < first->time_ms))
            first = &w->sources[i];
    return first;
}

static void progress(struct work *w, int64_t at_ms)
{
    struct recording_exporter *e = w->slot->owner;
    pthread_mutex_lock(&e->lock);
    w->slot->progress = w->duration_ms ? (int)(at_ms * 100 / w->duration_ms) : 0;
    if (w->slot->progress > 99)
        w->slot->progress = 99;
    pthread_mutex_unlock(&e->lock);
}

/* The next message: every track and the head of its file, what is missing, clusters by their times, the end. 0 = none; -1 = it cannot be read. */
static int next_message(struct work *w)
{
    size_t i = w->step++, n_gaps = json_array_size(w->gaps);
    if (i < w->n)
        return tell_track(w, &w->sources[i]) ? 1 : -1;
    if (i < 2 * w->n) {
        struct recording_source *s = &w->sources[i - w->n];
        return s->tracks_bytes == 0 ? next_message(w) : tell_content(w, s, COMPOSE_HEAD, s->tracks, s->tracks_bytes) ? 1 : -1;
    }
    if (i < 2 * w->n + n_gaps)
        return tell_gap(w, json_array_get(w->gaps, i - 2 * w->n)) ? 1 : -1;
    struct recording_source *s = earliest(w);
    if (!s) {
        bool ended = w->ended;
        w->ended = true;
        return ended ? 0 : tell(w, &(struct compose_head){.type = COMPOSE_END}) ? 1 : -1;
    }
    progress(w, s->time_ms);
    bool whole = tell_content(w, s, COMPOSE_CLUSTER, s->cluster, s->cluster_bytes);
    recording_source_next(s);
    return whole ? 1 : -1;
}

static bool wanted(void *ctx)
{
    struct slot *slot = ((struct work *)ctx)->slot;
    pthread_mutex_lock(&slot->owner->lock);
    bool yes = !slot->cancelled && !slot->owner->stop;
    pthread_mutex_unlock(&slot->owner->lock);
    return yes;
}

static long give_input(void *ctx, void *out, size_t cap)
{
    struct work *w = ctx;
    size_t got = 0;
    while (got < cap) {
        size_t n = w->len - w->at < cap - got ? w->len - w->at : cap - got;
        memcpy((uint8_t *)out + got, w->message + w->at, n);
        w->at += n;
        got += n;
        int more = w->at < w->len ? 1 : next_message(w);
        if (more < 0)
            return -1;
        if (!more)
            break;
    }
    return (long)got;
}

/* ---- from the child ---- */
static int encrypt_heap(struct work *w)
{
    int rc = w->heaped ? document_stage_add(w->documents, &w->made, w->heap, w->heaped) : 0;
    w->heaped = 0;
    return rc;
}

static int take_output(void *ctx, const void *bytes, size_t len)
{
    struct work *w = ctx;
    const uint8_t *p = bytes;
    int rc = 0;
    while (rc == 0 && len) {
        size_t n = HEAP_BYTES - w->heaped < len ? HEAP_BYTES - w->heaped : len;
        memcpy(w->heap + w->heaped, p, n);
        w->heaped += n;
        p += n;
        len -= n;
        if (w->heaped == HEAP_BYTES)
            rc = encrypt_heap(w);
    }
    return rc;
}

/* Behind its length. */
static int take_picture(struct work *w, const uint8_t **p, size_t *len, struct document_staging *s)
{
    size_t n = *len < 4 ? 0 : (size_t)(*p)[0] << 24 | (size_t)(*p)[1] << 16 | (size_t)(*p)[2] << 8 | (*p)[3];
    if (!n || n > *len - 4)
        return ERR_INVALID;
    int rc = document_stage_make(w->documents, s);
    rc = rc ? rc : document_stage_add(w->documents, s, *p + 4, n);
    rc = rc ? rc : document_stage_seal(w->documents, s);
    *p += 4 + n;
    *len -= 4 + n;
    return rc;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int run_child(struct work *w)
{
    const char *const argv[] = {w->slot->owner->program, "compose", NULL};
    uint8_t *pictures = NULL;
    size_t len;
    struct child_job job = {.argv = argv,
                            .input = give_input,
                            .output = w->movie ? take_output : NULL,
                            .wanted = wanted,
                            .ctx = w,
                            .output_max = PICTURES_MAX,
                            .time_ms = (int)least(WALL_MS_MAX, WALL_MS + 10 * w->duration_ms),
                            .cpu_s = (int)(CPU_S + 3 * w->duration_ms / 1000),
                            .memory_bytes = MEMORY_BYTES,
                            .nice = NICE};
    int rc = w->movie ? document_stage_make(w->documents, &w->made) : 0;
    rc = rc ? rc : child_run(&job, &pictures, &len);
    if (w->movie) {
        rc = rc ? rc : encrypt_heap(w);
        rc = rc ? rc : document_stage_seal(w->documents, &w->made);
    } else {
        const uint8_t *p = pictures;
        rc = rc ? rc : take_picture(w, &p, &len, &w->made);
        rc = rc ? rc : take_picture(w, &p, &len, &w->strip);
    }
    free(pictures);
    return rc;
}

/* ---- what belongs to it ---- */
static uint64_t whose(struct query *q)
{
    uint64_t person = (uint64_t)query_int(q, "person_id");
    return person ? person : (uint64_t)query_int(q, "track_id"); /* a stranger's sound and picture stay apart */
}

static int read_sources(struct work *w, struct tx *tx, uint64_t recording, int64_t started_ms)
{
    struct query *q = tx_query(tx,
                               "SELECT t.track_id, t.kind, t.source, t.person_id, t.started_ms, t.duration_ms, d.blob FROM recording_track t "
                               "JOIN document d ON d.id=t.document_id WHERE t.recording_id=$1 ORDER BY t.started_ms, t.document_id LIMIT $2",
                               "ii", (int64_t)recording, (int64_t)COMPOSE_TRACKS_MAX);
    int rc = 0;
    while (rc == 0 && query_next(q)) {
        struct recording_source *s = &w->sources[w->n];
        const char *from = query_text(q, "source");
        int64_t begin = query_int(q, "started_ms") - started_ms;
        *s = (struct recording_source){.begin_ms = begin > 0 ? begin : 0,
                             .length_ms = query_int(q, "duration_ms"),
                             .who = whose(q),
                             .sound = strcmp(query_text(q, "kind"), "audio") == 0,
                             .screen = strcmp(from, "screen") == 0 || strcmp(from, "camera2") == 0};
        rc = blob_open(documents_store(w->documents), query_text(q, "blob"), &s->blob);
        if (rc == 0) {
            w->n++;
            recording_source_begin(s);
        }
    }
    int sticky = query_end(q);
    return rc ? rc : sticky;
}

static enum reel_why why_of(const char *name)
{
    for (int i = 1; i < REEL_WHY_COUNT; i++)
        if (strcmp(reel_why_name((enum reel_why)i), name) == 0)
            return (enum reel_why)i;
    return REEL_NETWORK;
}

static int read_gaps(struct work *w, struct tx *tx, uint64_t recording)
{
    /* tracks are counted as read_sources does */
    struct query *q = tx_query(tx,
                               "SELECT (SELECT COUNT(*) FROM recording_track o WHERE o.recording_id=t.recording_id AND (o.started_ms<t.started_ms OR "
                               "(o.started_ms=t.started_ms AND o.document_id<t.document_id))) AS track, g.begin_ms, g.length_ms, g.lost_ms, g.why "
                               "FROM recording_gap g JOIN recording_track t ON t.recording_id=g.recording_id AND t.document_id=g.document_id "
                               "WHERE g.recording_id=$1 ORDER BY g.document_id, g.n",
                               "i", (int64_t)recording);
    w->gaps = json_array();
    while (query_next(q))
        if (query_int(q, "track") < (int64_t)w->n)
            json_array_append_new(w->gaps, json_pack("[I,I,I,I,i]", (json_int_t)query_int(q, "track"), (json_int_t)query_int(q, "begin_ms"),
                                                     (json_int_t)query_int(q, "length_ms"), (json_int_t)query_int(q, "lost_ms"),
                                                     (int)why_of(query_text(q, "why"))));
    return query_end(q);
}

static int read_all(struct work *w, uint64_t recording, int64_t started_ms)
{
    struct tx *tx;
    int rc = tx_begin(records_store(w->slot->owner->r), TX_READ, &tx);
    if (rc)
        return rc;
    rc = read_sources(w, tx, recording, started_ms);
    rc = rc ? rc : read_gaps(w, tx, recording);
    tx_rollback(tx);
    return rc ? rc : w->n ? 0 : ERR_NOT_FOUND;
}

/* ---- one after the other ---- */
static json_t *call(struct recording_exporter *e, const char *op, json_t *args)
{
    struct call c = {.op = op, .credential = records_system_credential(e->r), .args = args};
    struct reply reply = {0};
    records_call(e->r, &c, &reply);
    json_t *result = json_incref(reply.result);
    if (reply.error)
        log_error("recording", "%s: %s %s", op, err_wire(reply.error), reply.fault.reason);
    reply_clear(&reply);
    json_decref(args);
    return result;
}

static void finish(struct work *w, const char *export, int rc)
{
    struct recording_exporter *e = w->slot->owner;
    pthread_mutex_lock(&e->lock);
    bool again = e->stop && rc;
    pthread_mutex_unlock(&e->lock);
    json_t *args = json_pack("{s:s}", "export_id", export);
    if (again)
        json_object_set_new(args, "again", json_true());
    else if (rc)
        json_object_set_new(args, "error", json_string(err_wire(rc)));
    else {
        json_object_set_new(args, "staged", json_id(w->made.id));
        if (!w->movie)
            json_object_set_new(args, "staged_strip", json_id(w->strip.id));
    }
    if (rc && !again && wanted(w))
        log_warn("recording", "export %s: %s", export, err_wire(rc));
    json_decref(call(e, "recording.export_done", args));
}

static void work_free(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        blob_close(w->sources[i].blob);
    document_stage_drop(w->documents, &w->made);
    document_stage_drop(w->documents, &w->strip);
    if (w->message)
        explicit_bzero(w->message, w->cap);
    if (w->heap)
        explicit_bzero(w->heap, HEAP_BYTES);
    free(w->message);
    free(w->heap);
    free(w->sources);
    json_decref(w->gaps);
}

static void make(struct slot *slot, const json_t *job)
{
    struct work w = {.slot = slot,
                     .documents = records_parts(slot->owner->r)->documents,
                     .movie = strcmp(arg_text(job, "kind"), "movie") == 0,
                     .duration_ms = arg_int(job, "duration_ms", 0),
                     .sources = calloc(COMPOSE_TRACKS_MAX, sizeof(struct recording_source)),
                     .heap = malloc(HEAP_BYTES)};
    enum compose_layout layout = COMPOSE_GRID;
    uint16_t want = w.movie ? COMPOSE_MOVIE : COMPOSE_PICTURES;
    int rc = w.sources && w.heap && compose_layout_find(arg_text(job, "layout"), &layout) ? 0 : ERR_INTERNAL;
    rc = rc ? rc : read_all(&w, arg_id(job, "recording_id"), arg_int(job, "started_ms", 0));
    if (rc == 0 && !tell(&w, &(struct compose_head){COMPOSE_JOB, 0, (uint16_t)(want | layout << 8), w.duration_ms, 0}))
        rc = ERR_INTERNAL;
    rc = rc ? rc : run_child(&w);
    finish(&w, arg_text(job, "export_id"), rc);
    work_free(&w);
}

static bool waiting(struct recording_exporter *e)
{
    struct tx *tx;
    if (tx_begin(records_store(e->r), TX_READ, &tx))
        return false;
    bool some = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM recording_export WHERE state='queued'", "") > 0;
    tx_rollback(tx);
    return some;
}

/* With the lock held. False: it ends. */
static bool sleep_until_kicked(struct recording_exporter *e)
{
    struct timespec until = clock_until(LOOK_MS);
    if (!e->stop && !e->kicked)
        pthread_cond_timedwait(&e->wake, &e->lock, &until);
    e->kicked = false;
    return !e->stop;
}

static void *run(void *arg)
{
    struct slot *slot = arg;
    struct recording_exporter *e = slot->owner;
    pthread_mutex_lock(&e->lock);
    while (sleep_until_kicked(e)) {
        pthread_mutex_unlock(&e->lock);
        json_t *job = waiting(e) ? call(e, "recording.export_next", json_object()) : NULL;
        bool some = json_is_object(job);
        pthread_mutex_lock(&e->lock);
        slot->id = some ? arg_id(job, "export_id") : 0;
        slot->progress = 0;
        slot->cancelled = false;
        pthread_mutex_unlock(&e->lock);
        if (some)
            make(slot, job);
        json_decref(job);
        pthread_mutex_lock(&e->lock);
        slot->id = 0;
        e->kicked = e->kicked || some;
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* ---- the doors ---- */
int recording_exporter_open(struct recording_exporter **out, struct records *r, const char *program, int threads)
{
    struct recording_exporter *e = calloc(1, sizeof *e + (size_t)threads * sizeof *e->slots);
    if (!e)
        return ERR_UNAVAILABLE;
    e->r = r;
    e->n = threads;
    e->kicked = true;
    snprintf(e->program, sizeof e->program, "%s", program);
    pthread_mutex_init(&e->lock, NULL);
    clock_condition(&e->wake);
    json_decref(call(e, "recording.export_restart", json_object()));
    for (int i = 0; i < threads; i++) {
        e->slots[i].owner = e;
        e->slots[i].running = pthread_create(&e->slots[i].thread, NULL, run, &e->slots[i]) == 0;
        if (e->slots[i].running)
            pthread_setname_np(e->slots[i].thread, "export");
    }
    *out = e;
    return 0;
}

void recording_exporter_close(struct recording_exporter *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->stop = true;
    pthread_cond_broadcast(&e->wake);
    pthread_mutex_unlock(&e->lock);
    for (int i = 0; i < e->n; i++)
        if (e->slots[i].running)
            pthread_join(e->slots[i].thread, NULL);
    pthread_cond_destroy(&e->wake);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

void recording_exporter_kick(struct recording_exporter *e)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    e->kicked = true;
    pthread_cond_signal(&e->wake);
    pthread_mutex_unlock(&e->lock);
}

static struct slot *slot_of(struct recording_exporter *e, uint64_t id)
{
    for (int i = 0; i < e->n; i++)
        if (e->slots[i].id == id)
            return &e->slots[i];
    return NULL;
}

int recording_exporter_progress(struct recording_exporter *e, uint64_t id)
{
    if (!e)
        return -1;
    pthread_mutex_lock(&e->lock);
    const struct slot *slot = slot_of(e, id);
    int progress = slot ? slot->progress : -1;
    pthread_mutex_unlock(&e->lock);
    return progress;
}

void recording_exporter_cancel(struct recording_exporter *e, uint64_t id)
{
    if (!e)
        return;
    pthread_mutex_lock(&e->lock);
    struct slot *slot = slot_of(e, id);
    if (slot)
        slot->cancelled = true;
    pthread_mutex_unlock(&e->lock);
}
