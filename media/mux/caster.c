#include "media/mux/caster.h"
#include "media/mux/clock.h"
#include "media/mux/frames.h"
#include "media/mux/inlet.h"
#include "media/mux/packager.h"
#include "media/rtp/rtp.h"
#include "server/base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TURN_MS 8        /* how often inlets are looked into while a lecture is watched */
#define CALM_MS 50       /* and while lectures only run */
#define PATIENCE_MS 250  /* for a missing packet: what is later than that is too late for who watches live */
#define LEAD_US 1000000  /* the programme's time of its first frame: a first sender report may still move it back */

enum note_type { NOTE_START, NOTE_SWITCH, NOTE_OFF, NOTE_PACKET, NOTE_REFER, NOTE_WATCHED, NOTE_STOP, NOTE_CLOSE };

struct lecture;
struct source { /* the picture or the voice */
    struct lecture *lecture;
    enum media_codec codec;
    struct frames *frames; /* NULL until its first packet */
    struct rtp_clock clock;
};

struct lecture {
    struct lecture *next;
    struct caster *owner;
    uint64_t id, room;
    struct source sources[2]; /* by media_kind */
    struct packager *packager;
    int64_t epoch_us; /* UTC of the programme's time 0; 0 = not begun */
    uint32_t generations; /* told before this life of it */
    bool watched;
};

struct caster_inlet {
    struct inlet inlet;
};

struct caster {
    void (*on_event)(void *ctx, const struct media_event *event);
    void *ctx;
    size_t n_inlets;
    struct caster_inlet *inlets;
    int wake;
    pthread_t thread;
    bool running, closing;
    struct lecture *lectures;
};

/* ---- the workers' side ---- */
static void command(struct caster_inlet *in, struct inlet_note note)
{
    inlet_command(&in->inlet, &note);
}

void caster_start(struct caster_inlet *in, struct room_id room, const struct media_live_params *p)
{
    command(in, (struct inlet_note){.type = NOTE_START, .subject = p->lecture, .id = room.v, .utc_us = p->epoch_us, .timestamp = p->generations});
}

void caster_switch(struct caster_inlet *in, uint64_t lecture, enum media_kind kind)
{
    command(in, (struct inlet_note){.type = NOTE_SWITCH, .subject = lecture, .kind = (uint8_t)kind});
}

void caster_off(struct caster_inlet *in, uint64_t lecture)
{
    command(in, (struct inlet_note){.type = NOTE_OFF, .subject = lecture});
}

void caster_packet(struct caster_inlet *in, uint64_t lecture, enum media_codec codec, const uint8_t *rtp, size_t len)
{
    struct inlet_note n = {.len = (uint32_t)len, .type = NOTE_PACKET, .codec = (uint8_t)codec, .subject = lecture, .utc_us = inlet_utc_us(),
                           .kind = codec == MEDIA_OPUS ? MEDIA_AUDIO : MEDIA_VIDEO};
    inlet_packet(&in->inlet, &n, rtp);
}

void caster_refer(struct caster_inlet *in, uint64_t lecture, enum media_kind kind, uint32_t timestamp, int64_t utc_us)
{
    struct inlet_note n = {.type = NOTE_REFER, .subject = lecture, .kind = (uint8_t)kind, .timestamp = timestamp, .utc_us = utc_us};
    inlet_packet(&in->inlet, &n, NULL);
}

void caster_watched(struct caster_inlet *in, uint64_t lecture, bool on)
{
    command(in, (struct inlet_note){.type = NOTE_WATCHED, .subject = lecture, .timestamp = on});
}

void caster_stop(struct caster_inlet *in, uint64_t lecture)
{
    command(in, (struct inlet_note){.type = NOTE_STOP, .subject = lecture});
}

struct caster_inlet *caster_inlet(struct caster *l, size_t i)
{
    return &l->inlets[i];
}

/* ---- one lecture ---- */
static void on_piece(void *ctx, const struct packager_piece *p)
{
    struct lecture *l = ctx;
    struct media_event e = {.type = MEDIA_LIVE_PIECE, .room = {l->room}};
    e.piece.bytes = share_new(p->bytes, p->len);
    if (!e.piece.bytes) return;
    e.piece.lecture = l->id;
    e.piece.init = p->init;
    e.piece.segment = p->segment;
    e.piece.key = p->key;
    e.piece.generation = l->generations + p->generation;
    e.piece.start_us = p->start_us;
    e.piece.duration_us = p->duration_us;
    e.piece.epoch_us = l->epoch_us;
    e.piece.picture_bytes = p->picture_len;
    e.piece.picture = p->picture;
    e.piece.width = (uint16_t)p->width;
    e.piece.height = (uint16_t)p->height;
    snprintf(e.piece.codecs, sizeof e.piece.codecs, "%s", p->codecs);
    l->owner->on_event(l->owner->ctx, &e);
    share_unref(e.piece.bytes);
}

static void on_frame(void *ctx, const struct frame *f)
{
    struct source *s = ctx;
    struct lecture *l = s->lecture;
    int64_t at = rtp_clock_map(&s->clock, f->timestamp, f->utc_ms * 1000);
    if (!l->epoch_us) l->epoch_us = at - LEAD_US;
    at -= l->epoch_us;
    if (at < 0) return;
    if (s->codec == MEDIA_OPUS) packager_voice(l->packager, f->bytes, f->len, at);
    else packager_picture(l->packager, f->bytes, f->len, f->key, at);
}

static void source_reset(struct source *s)
{
    frames_free(s->frames);
    s->frames = NULL;
    rtp_clock_init(&s->clock, s == &s->lecture->sources[MEDIA_AUDIO] ? 48000 : 90000);
}

static void input(struct lecture *l, const struct inlet_note *n, const uint8_t *packet)
{
    struct source *s = &l->sources[n->kind];
    if (n->codec != MEDIA_OPUS && n->codec != MEDIA_H264) return; /* nothing else can be passed through */
    if (s->frames && s->codec != n->codec) source_reset(s);
    s->codec = n->codec;
    if (!s->frames) {
        if (frames_new(&s->frames, s->codec, on_frame, s)) return;
        frames_patience(s->frames, PATIENCE_MS);
    }
    frames_input(s->frames, packet, n->len, n->utc_us / 1000);
}

static struct lecture *lecture_of(struct caster *l, uint64_t id)
{
    struct lecture *at = l->lectures;
    while (at && at->id != id)
        at = at->next;
    return at;
}

static void begin(struct caster *l, const struct inlet_note *n)
{
    struct lecture *x = calloc(1, sizeof *x);
    if (!x || packager_new(&x->packager, on_piece, x)) {
        free(x);
        return;
    }
    x->owner = l;
    x->id = n->subject;
    x->epoch_us = n->utc_us;
    x->generations = n->timestamp;
    x->room = n->id;
    for (int i = 0; i < 2; i++) {
        x->sources[i].lecture = x;
        source_reset(&x->sources[i]);
    }
    x->next = l->lectures;
    l->lectures = x;
}

static void end(struct caster *l, uint64_t id)
{
    for (struct lecture **at = &l->lectures; *at; at = &(*at)->next) {
        struct lecture *x = *at;
        if (x->id != id) continue;
        *at = x->next;
        for (int i = 0; i < 2; i++) {
            if (x->sources[i].frames) frames_flush(x->sources[i].frames, 0, true);
            frames_free(x->sources[i].frames);
        }
        packager_flush(x->packager);
        packager_free(x->packager);
        struct media_event e = {.type = MEDIA_LIVE_END, .room = {x->room}};
        e.piece.lecture = id;
        l->on_event(l->ctx, &e);
        free(x);
        return;
    }
}

/* ---- the thread ---- */
static bool take(struct caster *l, struct caster_inlet *in)
{
    struct inlet_note n;
    uint8_t packet[RTP_PACKET_MAX + 548];
    if (!inlet_take(&in->inlet, &n, packet, sizeof packet)) return false;
    struct lecture *x = lecture_of(l, n.subject);
    switch (n.type) {
    case NOTE_START: begin(l, &n); break;
    case NOTE_SWITCH: if (x) source_reset(&x->sources[n.kind]); break;
    case NOTE_OFF: if (x) packager_picture_off(x->packager); break;
    case NOTE_PACKET: if (x && n.len) input(x, &n, packet); break;
    case NOTE_REFER: if (x) rtp_clock_refer(&x->sources[n.kind].clock, n.timestamp, n.utc_us); break;
    case NOTE_WATCHED: if (x) x->watched = n.timestamp; break;
    case NOTE_STOP: end(l, n.subject); break;
    case NOTE_CLOSE: l->closing = true; break;
    }
    return true;
}

static void every_turn(struct caster *l)
{
    int64_t now_us = inlet_utc_us();
    for (struct lecture *x = l->lectures; x; x = x->next) {
        for (int i = 0; i < 2; i++)
            if (x->sources[i].frames) frames_flush(x->sources[i].frames, now_us / 1000, false);
        if (x->epoch_us) packager_tick(x->packager, now_us - x->epoch_us);
    }
}

static int turn_ms(const struct caster *l)
{
    for (const struct lecture *x = l->lectures; x; x = x->next)
        if (x->watched) return TURN_MS;
    return l->lectures ? CALM_MS : -1;
}

static void *run(void *arg)
{
    struct caster *l = arg;
    uint64_t count;
    while (!l->closing) {
        struct pollfd p = {l->wake, POLLIN, 0};
        poll(&p, 1, turn_ms(l));
        if (read(l->wake, &count, sizeof count) < 0 && errno != EAGAIN) break;
        for (size_t i = 0; i < l->n_inlets; i++)
            while (take(l, &l->inlets[i])) {
            }
        every_turn(l);
    }
    while (l->lectures)
        end(l, l->lectures->id);
    return NULL;
}

static bool open_inlets(struct caster *l, size_t n)
{
    if (!(l->inlets = calloc(n, sizeof *l->inlets))) return false;
    for (; l->n_inlets < n; l->n_inlets++)
        if (inlet_open(&l->inlets[l->n_inlets].inlet, l->wake)) return false;
    return true;
}

int caster_open(struct caster **out, size_t n_inlets, void (*on_event)(void *ctx, const struct media_event *event), void *ctx)
{
    struct caster *l = calloc(1, sizeof *l);
    if (!l) return ERR_INTERNAL;
    l->on_event = on_event;
    l->ctx = ctx;
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->wake < 0 || !open_inlets(l, n_inlets) || pthread_create(&l->thread, NULL, run, l)) {
        caster_close(l);
        return ERR_INTERNAL;
    }
    l->running = true;
    pthread_setname_np(l->thread, "caster");
    *out = l;
    return 0;
}

void caster_close(struct caster *l)
{
    if (!l) return;
    if (l->running) {
        command(&l->inlets[0], (struct inlet_note){.type = NOTE_CLOSE});
        pthread_join(l->thread, NULL);
    }
    for (size_t i = 0; i < l->n_inlets; i++)
        inlet_close(&l->inlets[i].inlet);
    if (l->wake >= 0) close(l->wake);
    free(l->inlets);
    free(l);
}
