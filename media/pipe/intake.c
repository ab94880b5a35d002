#include "media/pipe/intake.h"
#include "media/pipe/pipe.h"
#include "media/rtp/bytes.h"
#include "server/base/clock.h"
#include "server/base/mailbox.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 8
#define ORDERS_MAX 256
#define BATCH_BYTES 60000

struct order {
    struct room_id room;
    struct peer_id peer;
    char *url; /* NULL: stop */
};

struct stream {
    struct stream *next;
    struct intake *owner;
    struct room_id room;
    struct peer_id peer;
    struct pipe *pipe;
    enum media_intake_state state;
    enum media_intake_why why;
    size_t batched;
    uint8_t batch[BATCH_BYTES]; /* packets of this turn */
};

struct intake {
    struct intake_config config;
    struct mailbox *orders;
    struct stream *streams;
    pthread_t thread;
    bool running;
    int stop; /* atomic */
};

static void order_free(void *message)
{
    struct order *o = message;
    if (o->url) explicit_bzero(o->url, strlen(o->url));
    free(o->url);
    free(o);
}

/* ---- one stream ---- */
static void tell(struct stream *s, enum media_intake_state state)
{
    struct media_event e = {.type = MEDIA_INTAKE, .room = s->room, .peer = s->peer, .intake = {state, s->why}};
    if (state == s->state) return;
    s->state = state;
    s->owner->config.on_event(s->owner->config.event_ctx, &e);
}

static void send_batch(struct stream *s)
{
    struct share *packets = s->batched ? share_new(s->batch, s->batched) : NULL;
    s->batched = 0;
    if (packets) s->owner->config.on_packets(s->owner->config.packets_ctx, s->room, s->peer, packets);
}

static void on_message(void *ctx, const struct pipe_message *m)
{
    struct stream *s = ctx;
    if (m->type == PIPE_FAULT) s->why = (enum media_intake_why)m->word;
    if (m->type != PIPE_RTP) return;
    tell(s, MEDIA_INTAKE_RUNNING);
    if (s->batched + 2 + m->len > BATCH_BYTES) send_batch(s);
    put_u16(s->batch + s->batched, (uint16_t)m->len);
    memcpy(s->batch + s->batched + 2, m->bytes, m->len);
    s->batched += 2 + m->len;
}

static void stream_turn(struct stream *s, int64_t now_us)
{
    enum pipe_phase before = pipe_phase(s->pipe);
    if (before == PIPE_WAITING && s->state != MEDIA_INTAKE_WAITING) s->why = MEDIA_INTAKE_INTERNAL; /* until the child says why */
    pipe_service(s->pipe, now_us);
    send_batch(s);
    if (pipe_phase(s->pipe) == PIPE_WAITING) tell(s, MEDIA_INTAKE_WAITING);
}

static void stream_end(struct intake *in, struct peer_id peer)
{
    for (struct stream **at = &in->streams; *at; at = &(*at)->next) {
        struct stream *s = *at;
        if (s->peer.v != peer.v) continue;
        *at = s->next;
        pipe_free(s->pipe);
        free(s);
        return;
    }
}

static void stream_begin(struct intake *in, const struct order *o)
{
    struct stream *s = calloc(1, sizeof *s);
    struct pipe_params p = {.program = in->config.program, .job = PIPE_JOB_INGEST, .codec = PIPE_H264, .url = o->url, .on_message = on_message, .ctx = s};
    if (!s || pipe_new(&s->pipe, &p)) {
        free(s);
        return;
    }
    s->owner = in;
    s->room = o->room;
    s->peer = o->peer;
    s->next = in->streams;
    in->streams = s;
}

/* ---- the thread ---- */
static void *run(void *arg)
{
    struct intake *in = arg;
    while (!__atomic_load_n(&in->stop, __ATOMIC_ACQUIRE)) {
        struct order *o = mailbox_wait(in->orders, in->streams ? TURN_MS : 1000);
        if (o && o->url) stream_begin(in, o);
        else if (o) stream_end(in, o->peer);
        if (o) order_free(o);
        for (struct stream *s = in->streams; s; s = s->next)
            stream_turn(s, clock_monotonic_us());
    }
    while (in->streams)
        stream_end(in, in->streams->peer);
    return NULL;
}

static int put(struct intake *in, struct room_id room, struct peer_id peer, const char *url)
{
    struct order *o = calloc(1, sizeof *o);
    if (!o || (url && !(o->url = strdup(url)))) {
        free(o);
        return ERR_UNAVAILABLE;
    }
    o->room = room;
    o->peer = peer;
    int rc = mailbox_put(in->orders, o);
    if (rc) order_free(o);
    return rc;
}

int intake_start(struct intake *in, const struct media_intake_params *p)
{
    return put(in, p->room, p->peer, p->url);
}

void intake_stop(struct intake *in, struct peer_id peer)
{
    (void)!put(in, (struct room_id){0}, peer, NULL); /* when full: its packets find no peer any more, and it ends with the plane */
}

int intake_open(struct intake **out, const struct intake_config *config)
{
    struct intake *in = calloc(1, sizeof *in);
    if (!in) return ERR_INTERNAL;
    in->config = *config;
    if (mailbox_new(&in->orders, ORDERS_MAX, NULL, NULL) || pthread_create(&in->thread, NULL, run, in)) {
        intake_close(in);
        return ERR_INTERNAL;
    }
    in->running = true;
    pthread_setname_np(in->thread, "intake");
    *out = in;
    return 0;
}

void intake_close(struct intake *in)
{
    if (!in) return;
    __atomic_store_n(&in->stop, 1, __ATOMIC_RELEASE);
    if (in->orders) mailbox_close(in->orders); /* wakes it */
    if (in->running) pthread_join(in->thread, NULL);
    if (in->orders) mailbox_free(in->orders, order_free);
    free(in);
}
