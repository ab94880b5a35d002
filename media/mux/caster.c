#include "media/mux/caster.h"
#include "media/mux/clock.h"
#include "media/mux/frames.h"
#include "media/mux/inlet.h"
#include "media/mux/packager.h"
#include "media/pipe/pipe.h"
#include "media/rtp/rtp.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
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
#define CALM_MS 200      /* and while lectures only run */
#define PATIENCE_MS 250  /* for a missing packet: what is later than that is too late for who watches live */
#define LEAD_US 1000000  /* the programme's time of its first frame: a first sender report may still move it back */

#define LINGER_US 30000000 /* a child outlives the last who watched by this: they come and go */
#define DEATHS_MAX 6
#define CHANGED_PATIENCE_US 600000 /* how much later frames may come whose codec was changed */

enum note_type { NOTE_START, NOTE_SWITCH, NOTE_OFF, NOTE_PACKET, NOTE_REFER, NOTE_WATCHED, NOTE_STOP, NOTE_CLOSE };

struct lecture;
struct source { /* the picture or the voice */
    struct lecture *lecture;
    enum media_codec codec;
    struct frames *frames; /* NULL until its first packet */
    struct rtp_clock clock;
    struct pipe *pipe; /* changes its codec; NULL = none, or not now */
};

struct rendition {
    struct lecture *lecture;
    struct packager *packager;
    uint32_t generations; /* told before this life of it */
};

struct lecture {
    struct lecture *next;
    struct caster *owner;
    uint64_t id, room;
    struct source sources[2]; /* by media_kind */
    struct rendition plain, aac; /* aac.packager NULL: nobody asks for it */
    int64_t epoch_us; /* UTC of the programme's time 0; 0 = not begun */
    int64_t watched_us; /* until then somebody watched; INT64_MAX = now; 0 = never */
    uint8_t reduced;
};

struct caster_inlet {
    struct inlet inlet;
};

struct caster {
    void (*on_event)(void *ctx, const struct media_event *event);
    void *ctx;
    const char *pipe_program; /* "" = none */
    size_t n_inlets;
    struct caster_inlet *inlets;
    int wake;
    pthread_t thread;
    bool running, closing;
    struct lecture *lectures;
};

static struct metric *m_reduced;

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

void caster_watched(struct caster_inlet *in, uint64_t lecture, const struct media_live_params *p)
{
    command(in, (struct inlet_note){.type = NOTE_WATCHED, .subject = lecture, .kind = (uint8_t)(p->watched | p->aac << 1), .timestamp = p->generations});
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
    struct rendition *r = ctx;
    struct lecture *l = r->lecture;
    struct media_event e = {.type = MEDIA_LIVE_PIECE, .room = {l->room}};
    e.piece.bytes = share_new(p->bytes, p->len);
    if (!e.piece.bytes) return;
    e.piece.lecture = l->id;
    e.piece.init = p->init;
    e.piece.segment = p->segment;
    e.piece.key = p->key;
    e.piece.generation = r->generations + p->generation;
    e.piece.aac = r == &l->aac;
    e.piece.reduced = p->picture ? l->reduced : 0;
    e.piece.start_us = p->start_us;
    e.piece.duration_us = p->duration_us;
    e.piece.epoch_us = l->epoch_us;
    e.piece.picture_bytes = p->picture_len;
    e.piece.hole_at = p->hole_at;
    e.piece.picture = p->picture;
    e.piece.width = (uint16_t)p->width;
    e.piece.height = (uint16_t)p->height;
    snprintf(e.piece.codecs, sizeof e.piece.codecs, "%s", p->codecs);
    l->owner->on_event(l->owner->ctx, &e);
    share_unref(e.piece.bytes);
}

static void show(struct lecture *l, const uint8_t *frame, size_t len, bool key, int64_t at)
{
    packager_picture(l->plain.packager, frame, len, key, at);
    if (l->aac.packager) packager_picture(l->aac.packager, frame, len, key, at);
}

static void on_frame(void *ctx, const struct frame *f)
{
    struct source *s = ctx;
    struct lecture *l = s->lecture;
    int64_t at = rtp_clock_map(&s->clock, f->timestamp, f->utc_ms * 1000);
    if (!l->epoch_us) l->epoch_us = at - LEAD_US;
    at -= l->epoch_us;
    if (at < 0) return;
    if (s->codec == MEDIA_OPUS) packager_voice(l->plain.packager, f->bytes, f->len, at);
    else if (s->codec == MEDIA_H264) show(l, f->bytes, f->len, f->key, at);
    if (s->pipe) (void)!pipe_frame(s->pipe, at, f->key || s->codec == MEDIA_OPUS, f->bytes, f->len); /* dropped ones are counted there */
}

/* ---- children that change codecs ---- */
static void picture_off(struct lecture *l)
{
    packager_picture_off(l->plain.packager);
    if (l->aac.packager) packager_picture_off(l->aac.packager);
}

static void set_reduced(struct lecture *l, uint8_t reduced)
{
    if (!l->reduced != !reduced) metric_add(m_reduced, reduced ? 1 : -1);
    if (l->reduced != reduced) log_info("caster", "the machine is late: a lecture's picture has been reduced to step %d of 3 (0: whole)", reduced);
    l->reduced = reduced;
}

static void on_changed(void *ctx, const struct pipe_message *m)
{
    struct source *s = ctx;
    struct lecture *l = s->lecture;
    if (m->type == PIPE_STATE) set_reduced(l, (uint8_t)m->word);
    else if (m->type == PIPE_FRAME && m->word == PIPE_H264) show(l, m->bytes, m->len, m->flags & PIPE_KEY, m->time_us);
    else if (m->type == PIPE_FRAME && m->word == PIPE_AAC && l->aac.packager) packager_voice(l->aac.packager, m->bytes, m->len, m->time_us);
}

static void pipe_end(struct source *s)
{
    if (s->pipe && s->codec != MEDIA_OPUS) set_reduced(s->lecture, 0);
    pipe_free(s->pipe);
    s->pipe = NULL;
}

/* A child for a source whose codec must change, while somebody watches; one for all who do. */
static void look_after(struct source *s, int64_t now_us)
{
    struct lecture *l = s->lecture;
    bool wanted = s->codec == MEDIA_OPUS ? l->aac.packager != NULL : s->codec != MEDIA_H264 && now_us < l->watched_us;
    if (!wanted && s->pipe) {
        pipe_end(s);
        if (s->codec != MEDIA_OPUS) picture_off(l);
    } else if (wanted && !s->pipe && s->frames && *l->owner->pipe_program) {
        struct pipe_params p = {.program = l->owner->pipe_program, .job = s->codec == MEDIA_OPUS ? PIPE_JOB_VOICE : PIPE_JOB_PICTURE,
                                .codec = (enum pipe_codec)s->codec, .deaths_max = DEATHS_MAX, .on_message = on_changed, .ctx = s};
        if (pipe_new(&s->pipe, &p)) s->pipe = NULL;
    }
    if (s->frames && s->codec != MEDIA_OPUS) packager_patience(l->plain.packager, s->codec == MEDIA_H264 ? 0 : CHANGED_PATIENCE_US);
    if (s->pipe) pipe_service(s->pipe, now_us);
}

static void source_reset(struct source *s)
{
    frames_free(s->frames);
    s->frames = NULL;
    pipe_end(s);
    rtp_clock_init(&s->clock, s == &s->lecture->sources[MEDIA_AUDIO] ? 48000 : 90000);
}

static void input(struct lecture *l, const struct inlet_note *n, const uint8_t *packet)
{
    struct source *s = &l->sources[n->kind];
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
    if (!x || packager_new(&x->plain.packager, on_piece, &x->plain)) {
        free(x);
        return;
    }
    x->owner = l;
    x->id = n->subject;
    x->epoch_us = n->utc_us;
    x->plain.generations = n->timestamp;
    x->plain.lecture = x->aac.lecture = x;
    x->room = n->id;
    for (int i = 0; i < 2; i++) {
        x->sources[i].lecture = x;
        source_reset(&x->sources[i]);
    }
    x->next = l->lectures;
    l->lectures = x;
}

static void aac_end(struct lecture *l)
{
    if (!l->aac.packager) return;
    packager_flush(l->aac.packager);
    packager_free(l->aac.packager);
    l->aac.packager = NULL;
}

static void watched(struct lecture *l, bool now, bool aac, uint32_t generations)
{
    l->watched_us = now ? INT64_MAX : l->watched_us == INT64_MAX ? clock_monotonic_us() + LINGER_US : l->watched_us;
    if (!aac) aac_end(l);
    if (!aac || l->aac.packager || !*l->owner->pipe_program || packager_new(&l->aac.packager, on_piece, &l->aac)) return;
    packager_aac(l->aac.packager);
    packager_patience(l->aac.packager, CHANGED_PATIENCE_US);
    l->aac.generations = generations;
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
            pipe_end(&x->sources[i]);
        }
        packager_flush(x->plain.packager);
        packager_free(x->plain.packager);
        aac_end(x);
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
    case NOTE_OFF: if (x) picture_off(x); break;
    case NOTE_PACKET: if (x && n.len) input(x, &n, packet); break;
    case NOTE_REFER: if (x) rtp_clock_refer(&x->sources[n.kind].clock, n.timestamp, n.utc_us); break;
    case NOTE_WATCHED: if (x) watched(x, n.kind & 1, n.kind & 2, n.timestamp); break;
    case NOTE_STOP: end(l, n.subject); break;
    case NOTE_CLOSE: l->closing = true; break;
    }
    return true;
}

static void every_turn(struct caster *l)
{
    int64_t now_us = inlet_utc_us(), monotonic_us = clock_monotonic_us();
    for (struct lecture *x = l->lectures; x; x = x->next) {
        for (int i = 0; i < 2; i++) {
            if (x->sources[i].frames) frames_flush(x->sources[i].frames, now_us / 1000, false);
            look_after(&x->sources[i], monotonic_us);
        }
        if (x->epoch_us) packager_tick(x->plain.packager, now_us - x->epoch_us);
        if (x->epoch_us && x->aac.packager) packager_tick(x->aac.packager, now_us - x->epoch_us);
    }
}

static int turn_ms(const struct caster *l)
{
    for (const struct lecture *x = l->lectures; x; x = x->next)
        if (x->watched_us && clock_monotonic_us() < x->watched_us) return TURN_MS;
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

int caster_open(struct caster **out, const struct media_config *config, size_t n_inlets)
{
    struct caster *l = calloc(1, sizeof *l);
    if (!l) return ERR_INTERNAL;
    m_reduced = metric_gauge("yilian_pipe_reduced", "Pictures with fewer frames or pixels because the machine is late", NULL);
    l->on_event = config->on_event;
    l->ctx = config->on_event_ctx;
    l->pipe_program = config->pipe_program ? config->pipe_program : "";
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
