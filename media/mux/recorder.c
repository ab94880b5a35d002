#include "media/mux/recorder.h"
#include "media/mux/clock.h"
#include "media/mux/finisher.h"
#include "media/mux/frames.h"
#include "media/mux/inlet.h"
#include "media/mux/spool.h"
#include "media/mux/tail.h"
#include "media/mux/webm.h"
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
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#define TURN_MS 25        /* how often inlets are looked into while anything is recorded */
#define QUIET_MS 3000     /* a hole without loss that is worth a line */
#define STEP_MAX_MS 1000  /* the way between two frames that is believed to be the stream's own */
#define TROUBLE_MS 5000   /* without loss, until it is said to be over */
#define QUEUE_BYTES (64u << 20)
#define PART_MS 300000    /* what is taken in and encrypted after the end is then never more than this of a track */

enum note_type { NOTE_START, NOTE_PACKET, NOTE_REFER, NOTE_TRACK_END, NOTE_STOP, NOTE_CLOSE };

struct session {
    struct session *next;
    uint64_t recording, room;
    unsigned lost;       /* fragments of its files that are closed */
    unsigned seen;       /* of all, when trouble was looked for last */
    int64_t trouble_ms;  /* when one was lost last; 0 = no trouble told */
};

struct file_key {
    uint64_t recording, track;
};
struct file {
    UT_hash_handle hh;
    struct file_key key;
    struct session *session;
    enum media_codec codec;
    struct frames *frames;
    struct rtp_clock clock;
    struct tail tail;
    struct { bool known; uint32_t timestamp; int64_t utc_us; } refer; /* heard before its first frame */
    struct recorder *owner;
    struct webm *webm; /* NULL until the first keyframe */
    struct spool_file *spool;
    struct reel_gaps gaps; /* of the open fragment */
    int64_t started_ms, last_ms, step_ms, cut_utc_ms;
    int64_t came_us;   /* the last frame */
    int64_t source_us; /* lost by the source, as its reports said since the last frame */
    uint32_t dropped; /* its inlet's count as last seen */
    bool busy;        /* the inlet dropped packets since the last frame */
};

struct recorder_inlet {
    struct inlet inlet;
    uint64_t dropped_ever;
};

struct recorder {
    char dir[400];
    void (*on_event)(void *ctx, const struct media_event *event);
    void *ctx;
    size_t n_inlets;
    struct recorder_inlet *inlets;
    int wake;
    pthread_t thread;
    bool running, closing;
    struct file *files; /* hash by key */
    struct session *sessions;
    struct spool *spool;
    struct finisher *finisher;
    int64_t part_ms;
};

/* ---- the workers' side ---- */
static int64_t utc_now_ms(void)
{
    return inlet_utc_us() / 1000;
}

static uint32_t dropped_so_far(const struct recorder_inlet *in)
{
    return (uint32_t)(in->dropped_ever + in->inlet.dropped);
}

static void put_command(struct recorder_inlet *in, struct inlet_note note)
{
    inlet_command(&in->inlet, &note);
}

void recorder_start(struct recorder_inlet *in, struct room_id room, uint64_t recording)
{
    put_command(in, (struct inlet_note){.type = NOTE_START, .subject = recording, .id = room.v});
}

void recorder_packet(struct recorder_inlet *in, uint64_t recording, struct track_id track, enum media_codec codec,
                     const uint8_t *rtp, size_t len)
{
    struct inlet_note n = {.len = (uint32_t)len, .type = NOTE_PACKET, .codec = (uint8_t)codec, .subject = recording, .id = track.v,
                           .utc_us = inlet_utc_us(), .timestamp = dropped_so_far(in)};
    inlet_packet(&in->inlet, &n, rtp);
}

void recorder_refer(struct recorder_inlet *in, uint64_t recording, struct track_id track, uint32_t timestamp, int64_t utc_us)
{
    struct inlet_note n = {.type = NOTE_REFER, .subject = recording, .id = track.v, .timestamp = timestamp, .utc_us = utc_us};
    inlet_packet(&in->inlet, &n, NULL);
}

void recorder_track_end(struct recorder_inlet *in, uint64_t recording, struct track_id track, bool line_dead)
{
    put_command(in, (struct inlet_note){.type = NOTE_TRACK_END, .kind = line_dead, .subject = recording, .id = track.v, .utc_us = inlet_utc_us(), .timestamp = dropped_so_far(in)});
}

void recorder_stop(struct recorder_inlet *in, uint64_t recording)
{
    put_command(in, (struct inlet_note){.type = NOTE_STOP, .subject = recording});
}

uint64_t recorder_dropped(struct recorder_inlet *in)
{
    uint64_t n = in->inlet.dropped;
    in->inlet.dropped = 0;
    in->dropped_ever += n;
    return n;
}

struct recorder_inlet *recorder_inlet(struct recorder *r, size_t i)
{
    return &r->inlets[i];
}

/* ---- events ---- */
static struct session *session_of(struct recorder *r, uint64_t recording)
{
    struct session *s = r->sessions;
    while (s && s->recording != recording)
        s = s->next;
    return s;
}

static void on_end(void *ctx, const char *path)
{
    finisher_file(((struct recorder *)ctx)->finisher, path);
}

static void on_done(void *ctx, uint64_t recording, uint64_t room, int error)
{
    finisher_done(((struct recorder *)ctx)->finisher, recording, room, error);
}

static void tell_trouble(struct recorder *r, const struct session *s, int error)
{
    struct media_event e = {.type = MEDIA_RECORD_TROUBLE, .recording = s->recording, .room = {s->room}, .error = error};
    r->on_event(r->ctx, &e);
}

/* ---- files in progress ---- */
static void cut(struct file *f)
{
    struct spool_fragment g = {.end_ms = f->last_ms + f->step_ms, .gaps = f->gaps};
    if (!f->webm || webm_cut(f->webm, &g.part) || !g.part.len) return;
    f->cut_utc_ms = utc_now_ms();
    f->gaps.n = 0;
    spool_put(f->spool, &g);
}

static int begin_file(struct file *f, const struct frame *frame, int64_t at_us)
{
    const char *ext = f->codec == MEDIA_OPUS ? "weba" : f->codec == MEDIA_H264 ? "mkv" : "webm";
    char path[512];
    struct spool_new n = {.recording = f->key.recording, .track = f->key.track, .started_ms = at_us / 1000, .picture = f->codec != MEDIA_OPUS, .path = path};
    int err = webm_new(&f->webm, f->codec, frame->bytes, frame->len, &n.head);
    if (err) return err;
    snprintf(path, sizeof path, "%s/%016" PRIx64 "-%016" PRIx64 "-%016" PRIx64 "-%" PRId64 ".%s.part", f->owner->dir, f->key.recording, f->key.track,
             f->session->room, n.started_ms, ext);
    f->started_ms = n.started_ms;
    f->last_ms = 0;
    f->step_ms = f->codec == MEDIA_OPUS ? 20 : 33;
    f->cut_utc_ms = utc_now_ms();
    f->busy = false;
    if ((f->spool = spool_begin(f->owner->spool, &n))) return 0;
    webm_free(f->webm);
    f->webm = NULL;
    return ERR_INTERNAL;
}

/* A hole before this frame: lost, or nothing was sent. */
static void note_hole(struct file *f, const struct frame *frame, int64_t ms)
{
    int64_t from = f->last_ms + f->step_ms, length = ms - from;
    struct reel_gap gap = {from, (uint32_t)length, 0, REEL_QUIET};
    if (frame->lost && length > 0) {
        gap.lost_ms = gap.length_ms;
        gap.why = f->busy ? REEL_BUSY : REEL_NETWORK;
        reel_gaps_add(&f->gaps, &gap);
    } else if (length > 0 && f->source_us / 1000 > length / 2) {
        gap.lost_ms = gap.length_ms;
        gap.why = REEL_SOURCE;
        reel_gaps_add(&f->gaps, &gap);
    } else if (length >= QUIET_MS) {
        reel_gaps_add(&f->gaps, &gap);
    }
    f->source_us = 0;
    if (!frame->lost && ms > f->last_ms && ms - f->last_ms <= STEP_MAX_MS) f->step_ms = ms - f->last_ms;
    if (frame->lost) f->busy = false;
}

/* When it was made, on our clock: by the publisher's sender reports, so that all tracks of a session are in step. */
static int64_t made_us(struct file *f, const struct frame *frame)
{
    int64_t anchor = frame->utc_ms * 1000;
    if (f->clock.started || !f->refer.known) return rtp_clock_map(&f->clock, frame->timestamp, anchor);
    anchor = f->refer.utc_us + (int64_t)(int32_t)(frame->timestamp - f->refer.timestamp) * 1000 / (f->clock.rate / 1000);
    int64_t at_us = rtp_clock_map(&f->clock, frame->timestamp, anchor);
    (void)rtp_clock_refer(&f->clock, f->refer.timestamp, f->refer.utc_us);
    return at_us;
}

static void close_part(struct file *f)
{
    if (!f->webm) return;
    cut(f);
    webm_free(f->webm);
    f->webm = NULL;
    f->session->lost += spool_lost(f->spool);
    spool_end(f->spool, &f->gaps);
    f->spool = NULL;
    f->gaps.n = 0;
}

/* A long track is cut into files where nothing is lost: with a keyframe, and not in a hole. */
static bool part_is_full(const struct file *f, const struct frame *frame, int64_t at_us)
{
    return f->webm && at_us / 1000 - f->started_ms >= f->owner->part_ms && (frame->key || f->codec == MEDIA_OPUS) && !frame->lost;
}

static void on_frame(void *ctx, const struct frame *frame)
{
    struct file *f = ctx;
    int64_t at_us = made_us(f, frame);
    f->came_us = frame->utc_ms * 1000;
    tail_arrived(&f->tail, at_us, f->came_us);
    if (part_is_full(f, frame, at_us)) close_part(f);
    bool first = !f->webm;
    if (first && begin_file(f, frame, at_us)) return; /* no decoder configuration in this keyframe: the next */
    int64_t ms = at_us / 1000 - f->started_ms;
    if (ms < f->last_ms) ms = f->last_ms;
    if (webm_due(f->webm, ms, frame->key)) cut(f);
    if (!first) note_hole(f, frame, ms);
    f->last_ms = ms;
    if (webm_frame(f->webm, frame->bytes, frame->len, ms, frame->key ? WEBM_KEY : frame->spare ? WEBM_SPARE : WEBM_DELTA))
        log_error("media", "recording %016" PRIx64 ": out of memory", f->key.recording);
}

/* What is not there at the end is told as what is missing before a frame is: the file alone would only be shorter. */
static void note_end(struct file *f, int64_t length, enum reel_why why)
{
    struct reel_gap gap = {f->last_ms + f->step_ms, (uint32_t)length, why == REEL_QUIET ? 0 : (uint32_t)length, why};
    if (f->webm && length > f->step_ms) reel_gaps_add(&f->gaps, &gap);
}

/* How a track ended. All 0: its codec changed, or the recorder itself ends it. */
struct end {
    int64_t utc_us;
    bool busy;      /* not all of it got here */
    bool line_dead; /* its publisher had not been heard for a while */
};

/* A voice's RTP time has no hole where its source stood still; the report that would tell did not come any more. */
static void note_tail(struct file *f, const struct end *end)
{
    int64_t late_us = f->codec == MEDIA_OPUS && f->clock.referred ? tail_missing_us(&f->tail) : 0, rest_ms = (end->utc_us - f->came_us) / 1000;
    note_end(f, late_us / 1000, REEL_SOURCE);
    if (end->utc_us && rest_ms >= QUIET_MS) note_end(f, rest_ms, end->line_dead ? REEL_NETWORK : REEL_QUIET);
}

static int64_t until_ms(const struct file *f, int64_t utc_us)
{
    return utc_us / 1000 - f->started_ms - f->last_ms;
}

static void end_file(struct file *f, const struct end *end)
{
    uint32_t newest;
    HASH_DEL(f->owner->files, f);
    frames_flush(f->frames, 0, true);
    if (end->busy) note_end(f, until_ms(f, end->utc_us), REEL_BUSY);
    else if (frames_lost_end(f->frames, &newest)) note_end(f, until_ms(f, rtp_clock_map(&f->clock, newest, utc_now_ms() * 1000)), f->busy ? REEL_BUSY : REEL_NETWORK);
    else note_tail(f, end);
    frames_free(f->frames);
    close_part(f);
    free(f);
}

static struct file *find_file(struct recorder *r, uint64_t recording, uint64_t track)
{
    struct file_key key = {recording, track};
    struct file *f;
    HASH_FIND(hh, r->files, &key, sizeof key, f);
    return f;
}

static void end_all(struct recorder *r, uint64_t recording)
{
    struct file *f, *next;
    HASH_ITER(hh, r->files, f, next) if (f->key.recording == recording) end_file(f, &(struct end){0});
}

static void end_track(struct recorder *r, const struct inlet_note *n)
{
    struct file *f = find_file(r, n->subject, n->id);
    if (f) end_file(f, &(struct end){n->utc_us, f->dropped != n->timestamp, n->kind});
}

static struct file *file_for(struct recorder *r, const struct inlet_note *n)
{
    struct file *f = find_file(r, n->subject, n->id);
    if (f && (n->type == NOTE_REFER || f->codec == n->codec)) return f;
    if (n->type == NOTE_REFER) return NULL;
    if (f) end_file(f, &(struct end){0}); /* the publisher changed its codec: a new file */
    struct session *s = session_of(r, n->subject);
    if (!s || !(f = calloc(1, sizeof *f))) return NULL;
    *f = (struct file){.key = {n->subject, n->id}, .session = s, .codec = n->codec, .owner = r, .dropped = n->timestamp};
    rtp_clock_init(&f->clock, f->codec == MEDIA_OPUS ? 48000 : 90000);
    tail_init(&f->tail);
    if (frames_new(&f->frames, f->codec, on_frame, f)) {
        free(f);
        return NULL;
    }
    HASH_ADD(hh, r->files, key, sizeof f->key, f);
    return f;
}

static void take_packet(struct recorder *r, const struct inlet_note *n, const uint8_t *packet)
{
    struct file *f = file_for(r, n);
    if (!f) return;
    if (f->dropped != n->timestamp) f->busy = true;
    f->dropped = n->timestamp;
    frames_input(f->frames, packet, n->len, n->utc_us / 1000);
}

static void take_refer(struct recorder *r, const struct inlet_note *n)
{
    struct file *f = file_for(r, n);
    if (!f) return;
    f->refer.known = true;
    f->refer.timestamp = n->timestamp;
    f->refer.utc_us = n->utc_us;
    bool first = !f->clock.referred;
    int64_t lost_us = rtp_clock_refer(&f->clock, n->timestamp, n->utc_us);
    if (first || lost_us < 0) tail_init(&f->tail);
    if (f->codec == MEDIA_OPUS && lost_us > 0) f->source_us += lost_us;
}

/* ---- the thread ---- */
static void begin_session(struct recorder *r, const struct inlet_note *n)
{
    struct session *s = spool_low(r->spool) ? NULL : calloc(1, sizeof *s);
    if (!s) {
        spool_done(r->spool, n->subject, n->id, ERR_STORAGE);
        return;
    }
    *s = (struct session){r->sessions, n->subject, n->id, 0, 0, 0};
    r->sessions = s;
}

static void end_session(struct recorder *r, uint64_t recording, int error)
{
    end_all(r, recording);
    for (struct session **at = &r->sessions; *at; at = &(*at)->next)
        if ((*at)->recording == recording) {
            struct session *s = *at;
            *at = s->next;
            spool_done(r->spool, recording, s->room, error);
            free(s);
            return;
        }
}

static bool take(struct recorder *r, struct recorder_inlet *in)
{
    struct inlet_note n;
    uint8_t packet[RTP_PACKET_MAX + 548];
    if (!inlet_take(&in->inlet, &n, packet, sizeof packet)) return false;
    switch (n.type) {
    case NOTE_START: begin_session(r, &n); break;
    case NOTE_PACKET: take_packet(r, &n, packet); break;
    case NOTE_REFER: take_refer(r, &n); break;
    case NOTE_TRACK_END: end_track(r, &n); break;
    case NOTE_STOP: end_session(r, n.subject, 0); break;
    case NOTE_CLOSE: r->closing = true; break;
    }
    return true;
}

static void take_all(struct recorder *r)
{
    for (size_t i = 0; i < r->n_inlets; i++)
        while (take(r, &r->inlets[i])) {
        }
}

static void look_for_trouble(struct recorder *r, struct session *s, int64_t now)
{
    unsigned lost = s->lost;
    for (struct file *f = r->files; f; f = f->hh.next)
        if (f->session == s && f->spool) lost += spool_lost(f->spool);
    bool more = lost != s->seen;
    s->seen = lost;
    if (more && !s->trouble_ms) tell_trouble(r, s, ERR_STORAGE);
    if (more) s->trouble_ms = now;
    if (!more && s->trouble_ms && now - s->trouble_ms >= TROUBLE_MS) {
        s->trouble_ms = 0;
        tell_trouble(r, s, 0);
    }
}

static void every_turn(struct recorder *r)
{
    int64_t now = utc_now_ms();
    for (struct file *f = r->files; f; f = f->hh.next) {
        frames_flush(f->frames, now, false);
        if (f->webm && now - f->cut_utc_ms >= WEBM_FRAGMENT_MS) cut(f);
    }
}

static void every_second(struct recorder *r, int64_t *looked_ms)
{
    int64_t now = utc_now_ms();
    if (now - *looked_ms < 1000 && now >= *looked_ms) return;
    *looked_ms = now;
    for (struct session *s = r->sessions; s; s = s->next)
        look_for_trouble(r, s, now);
    while (r->sessions && spool_low(r->spool)) /* what is kept stays whole: the end of a file needs room too */
        end_session(r, r->sessions->recording, ERR_STORAGE);
}

static void *run(void *arg)
{
    struct recorder *r = arg;
    uint64_t count;
    int64_t looked_ms = 0;
    while (!r->closing) {
        struct pollfd p = {r->wake, POLLIN, 0};
        poll(&p, 1, r->sessions ? TURN_MS : -1);
        if (read(r->wake, &count, sizeof count) < 0 && errno != EAGAIN) break;
        take_all(r);
        every_turn(r);
        every_second(r, &looked_ms);
    }
    while (r->sessions)
        end_session(r, r->sessions->recording, 0);
    return NULL;
}

static bool open_inlets(struct recorder *r, size_t n)
{
    if (!(r->inlets = calloc(n, sizeof *r->inlets))) return false;
    for (; r->n_inlets < n; r->n_inlets++) {
        if (inlet_open(&r->inlets[r->n_inlets].inlet, r->wake)) return false;
    }
    return true;
}

static bool open_threads(struct recorder *r, const struct recorder_config *c)
{
    struct spool_config spool = {.dir = r->dir, .queue_bytes = c->queue_bytes ? c->queue_bytes : QUEUE_BYTES, .min_free_bytes = c->min_free_bytes,
                                 .pwrite = c->pwrite, .on_end = on_end, .on_done = on_done, .ctx = r};
    if (finisher_open(&r->finisher, r->dir, r->on_event, r->ctx) || spool_open(&r->spool, &spool)) return false;
    r->running = pthread_create(&r->thread, NULL, run, r) == 0;
    if (r->running) pthread_setname_np(r->thread, "recorder");
    return r->running;
}

int recorder_open(struct recorder **out, const struct recorder_config *c, struct fault *f)
{
    struct stat st;
    if (mkdir(c->dir, 0700) && errno != EEXIST)
        return fault_set(f, ERR_STORAGE, "record_dir", "media: %s: %s", c->dir, strerror(errno));
    if (stat(c->dir, &st) || !S_ISDIR(st.st_mode) || access(c->dir, W_OK))
        return fault_set(f, ERR_STORAGE, "record_dir", "media: %s is no folder that can be written", c->dir);
    struct recorder *r = calloc(1, sizeof *r);
    if (!r) return fault_set(f, ERR_INTERNAL, "memory", "media: out of memory");
    snprintf(r->dir, sizeof r->dir, "%s", c->dir);
    r->on_event = c->on_event;
    r->ctx = c->ctx;
    r->part_ms = c->part_ms ? c->part_ms : PART_MS;
    r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->wake < 0 || !open_inlets(r, c->n_inlets) || !open_threads(r, c)) {
        recorder_close(r);
        return fault_set(f, ERR_INTERNAL, "recorder", "media: could not start the recorder");
    }
    *out = r;
    return 0;
}

void recorder_load(const struct recorder *r, struct recorder_load *out)
{
    *out = (struct recorder_load){spool_waiting(r->spool), spool_worst(r->spool)};
}

void recorder_close(struct recorder *r)
{
    if (!r) return;
    if (r->running) {
        put_command(&r->inlets[0], (struct inlet_note){.type = NOTE_CLOSE}); /* the workers are gone: the inlet is ours */
        pthread_join(r->thread, NULL);
    }
    spool_close(r->spool);
    finisher_close(r->finisher);
    for (size_t i = 0; i < r->n_inlets; i++)
        inlet_close(&r->inlets[i].inlet);
    free(r->inlets);
    if (r->wake >= 0) close(r->wake);
    free(r);
}
