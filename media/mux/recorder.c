#include "media/mux/recorder.h"
#include "media/mux/frames.h"
#include "media/mux/inlet.h"
#include "media/mux/webm.h"
#include "media/rtp/rtp.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum note_type { NOTE_START, NOTE_PACKET, NOTE_TRACK_END, NOTE_STOP, NOTE_CLOSE };
struct file {
    struct file *next;
    uint64_t recording, track, room;
    enum media_codec codec;
    struct frames *frames;
    struct webm *webm; /* NULL until the first keyframe */
    struct recorder *owner;
    char path[512];
    int64_t first_ticks, last_ms, flushed_utc_ms;
    bool dead; /* the disk refused */
};

struct session {
    struct session *next;
    uint64_t recording, room;
    int error;
};

struct recorder_inlet {
    struct inlet inlet;
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
    struct file *files;
    struct session *sessions;
};

/* ---- the workers' side ---- */
static int64_t utc_now_ms(void)
{
    return inlet_utc_us() / 1000;
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
                           .utc_us = inlet_utc_us()};
    inlet_packet(&in->inlet, &n, rtp);
}

void recorder_track_end(struct recorder_inlet *in, uint64_t recording, struct track_id track)
{
    put_command(in, (struct inlet_note){.type = NOTE_TRACK_END, .subject = recording, .id = track.v});
}

void recorder_stop(struct recorder_inlet *in, uint64_t recording)
{
    put_command(in, (struct inlet_note){.type = NOTE_STOP, .subject = recording});
}

uint64_t recorder_dropped(struct recorder_inlet *in)
{
    uint64_t n = in->inlet.dropped;
    in->inlet.dropped = 0;
    return n;
}

struct recorder_inlet *recorder_inlet(struct recorder *r, size_t i)
{
    return &r->inlets[i];
}

/* ---- finished files ---- */
static const char *content_type(const char *path)
{
    return strstr(path, ".weba") ? "audio/webm" : strstr(path, ".mkv") ? "video/x-matroska" : "video/webm";
}

static int hash_file(const char *path, struct media_event *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return ERR_STORAGE;
    static _Thread_local uint8_t block[65536];
    struct sha256_state s;
    uint8_t hash[SHA256_BYTES];
    ssize_t n;
    sha256_init(&s);
    while ((n = read(fd, block, sizeof block)) > 0) {
        sha256_update(&s, block, (size_t)n);
        e->file.bytes += (uint64_t)n;
    }
    close(fd);
    sha256_final(&s, hash);
    return n < 0 || hex_encode(hash, sizeof hash, e->file.sha256, sizeof e->file.sha256) < 0 ? ERR_STORAGE : 0;
}

static void sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

static bool is_part(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".part") == 0;
}

/* DIR/<recording>-<track>-<room>-<started>.<ext>[.part], all ids in hex: a file tells what it is even when everything else is lost.
 * One without .part was finished before and not taken; finishing it again changes nothing. */
static void finish(struct recorder *r, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    struct media_event e = {.type = MEDIA_RECORD_FILE};
    if (sscanf(name, "%16" SCNx64 "-%16" SCNx64 "-%16" SCNx64 "-%" SCNd64, &e.recording, &e.track.v, &e.room.v,
               &e.file.started_ms) != 4)
        return;
    if (webm_finish(path, &e.file.duration_ms)) {
        log_warn("media", "recording %016" PRIx64 " track %016" PRIx64 ": nothing to keep", e.recording, e.track.v);
        unlink(path);
        return;
    }
    snprintf(e.file.path, sizeof e.file.path, "%.*s", (int)(strlen(path) - (is_part(path) ? strlen(".part") : 0)), path);
    snprintf(e.file.content_type, sizeof e.file.content_type, "%s", content_type(name));
    if ((is_part(path) && rename(path, e.file.path)) || hash_file(e.file.path, &e)) {
        log_error("media", "recording %016" PRIx64 ": %s", e.recording, strerror(errno));
        return;
    }
    sync_dir(r->dir);
    r->on_event(r->ctx, &e);
}

static void done(struct recorder *r, uint64_t recording, uint64_t room, int error)
{
    struct media_event e = {.type = MEDIA_RECORD_DONE, .recording = recording, .room = {room}, .error = error};
    r->on_event(r->ctx, &e);
}

/* ---- files in progress ---- */
static struct session *session_of(struct recorder *r, uint64_t recording)
{
    struct session *s = r->sessions;
    while (s && s->recording != recording)
        s = s->next;
    return s;
}

static void file_failed(struct file *f, int err)
{
    struct session *s = session_of(f->owner, f->recording);
    if (!f->dead) log_error("media", "recording %016" PRIx64 ": file stopped, error %d", f->recording, err);
    f->dead = true;
    if (s && !s->error) s->error = err;
}

static int begin_file(struct file *f, const struct frame *frame)
{
    const char *ext = f->codec == MEDIA_OPUS ? "weba" : f->codec == MEDIA_H264 ? "mkv" : "webm";
    snprintf(f->path, sizeof f->path, "%s/%016" PRIx64 "-%016" PRIx64 "-%016" PRIx64 "-%" PRId64 ".%s.part", f->owner->dir,
             f->recording, f->track, f->room, frame->utc_ms, ext);
    f->first_ticks = frame->ticks;
    f->flushed_utc_ms = frame->utc_ms;
    return webm_open(&f->webm, f->path, f->codec, frame->bytes, frame->len);
}

static void on_frame(void *ctx, const struct frame *frame)
{
    struct file *f = ctx;
    if (f->dead) return;
    int err = f->webm ? 0 : begin_file(f, frame);
    if (err == ERR_INVALID) return; /* no decoder configuration in this keyframe: wait for the next */
    int64_t ms = (frame->ticks - f->first_ticks) / (f->codec == MEDIA_OPUS ? 48 : 90);
    if (ms < f->last_ms) ms = f->last_ms;
    f->last_ms = ms;
    if (!err) err = webm_frame(f->webm, frame->bytes, frame->len, ms, frame->key);
    if (err) file_failed(f, err);
}

static void end_file(struct file *f)
{
    if (f->frames) frames_flush(f->frames, 0, true);
    frames_free(f->frames);
    f->frames = NULL;
    if (!f->webm) return;
    webm_close(f->webm);
    f->webm = NULL;
    finish(f->owner, f->path);
}

static void end_matching(struct recorder *r, uint64_t recording, uint64_t track)
{
    for (struct file **at = &r->files; *at;) {
        struct file *f = *at;
        if (f->recording != recording || (track && f->track != track)) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        end_file(f);
        free(f);
    }
}

static struct file *file_for(struct recorder *r, const struct inlet_note *n)
{
    struct file *f;
    for (f = r->files; f; f = f->next)
        if (f->recording == n->subject && f->track == n->id) break;
    if (f && f->codec == n->codec) return f;
    if (f) end_matching(r, n->subject, n->id); /* the publisher changed its codec: a new file */
    struct session *s = session_of(r, n->subject);
    if (!s || !(f = calloc(1, sizeof *f))) return NULL;
    *f = (struct file){.recording = n->subject, .track = n->id, .room = s->room, .codec = n->codec, .owner = r};
    if (frames_new(&f->frames, f->codec, on_frame, f)) {
        free(f);
        return NULL;
    }
    f->next = r->files;
    r->files = f;
    return f;
}

/* ---- the writer thread ---- */
static void begin_session(struct recorder *r, const struct inlet_note *n)
{
    struct session *s = calloc(1, sizeof *s);
    if (!s) return;
    *s = (struct session){r->sessions, n->subject, n->id, 0};
    r->sessions = s;
}

static void end_session(struct recorder *r, uint64_t recording)
{
    end_matching(r, recording, 0);
    for (struct session **at = &r->sessions; *at; at = &(*at)->next)
        if ((*at)->recording == recording) {
            struct session *s = *at;
            *at = s->next;
            done(r, recording, s->room, s->error);
            free(s);
            return;
        }
}

static bool take(struct recorder *r, struct recorder_inlet *in)
{
    struct inlet_note n;
    uint8_t packet[RTP_PACKET_MAX + 548];
    if (!inlet_take(&in->inlet, &n, packet, sizeof packet)) return false;
    struct file *f;
    switch (n.type) {
    case NOTE_START: begin_session(r, &n); break;
    case NOTE_PACKET: if ((f = file_for(r, &n))) frames_input(f->frames, packet, n.len, n.utc_us / 1000); break;
    case NOTE_TRACK_END: end_matching(r, n.subject, n.id); break;
    case NOTE_STOP: end_session(r, n.subject); break;
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

static void every_period(struct recorder *r)
{
    int64_t now = utc_now_ms();
    for (struct file *f = r->files; f; f = f->next) {
        frames_flush(f->frames, now, false);
        if (!f->webm || now - f->flushed_utc_ms < 1000) continue;
        f->flushed_utc_ms = now;
        int err = webm_flush(f->webm);
        if (err) file_failed(f, err);
    }
}

/* Files of a process that was killed, and those nobody took before it ended: finished and told like any other, then the recording is
 * closed as interrupted. */
static void recover(struct recorder *r)
{
    struct dirent **list;
    int n = scandir(r->dir, &list, NULL, alphasort); /* sorted: the files of one recording follow each other */
    uint64_t current = 0, room = 0;
    for (int i = 0; i < n; i++) {
        uint64_t recording, track, its_room;
        int64_t started;
        char path[1024];
        if (sscanf(list[i]->d_name, "%16" SCNx64 "-%16" SCNx64 "-%16" SCNx64 "-%" SCNd64 ".", &recording, &track, &its_room, &started) == 4) {
            if (current && current != recording) done(r, current, room, ERR_UNAVAILABLE);
            current = recording;
            room = its_room;
            snprintf(path, sizeof path, "%s/%s", r->dir, list[i]->d_name);
            finish(r, path);
        }
        free(list[i]);
    }
    if (n >= 0) free(list);
    if (current) done(r, current, room, ERR_UNAVAILABLE);
}

static void *run(void *arg)
{
    struct recorder *r = arg;
    uint64_t count;
    recover(r);
    while (!r->closing) {
        struct pollfd p = {r->wake, POLLIN, 0};
        poll(&p, 1, r->sessions ? 100 : -1);
        if (read(r->wake, &count, sizeof count) < 0 && errno != EAGAIN) break;
        take_all(r);
        every_period(r);
    }
    while (r->sessions)
        end_session(r, r->sessions->recording);
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

int recorder_open(struct recorder **out, const char *dir, size_t n_inlets, void (*on_event)(void *ctx, const struct media_event *event),
                  void *ctx, struct fault *f)
{
    struct stat st;
    if (mkdir(dir, 0700) && errno != EEXIST)
        return fault_set(f, ERR_STORAGE, "record_dir", "media: %s: %s", dir, strerror(errno));
    if (stat(dir, &st) || !S_ISDIR(st.st_mode) || access(dir, W_OK))
        return fault_set(f, ERR_STORAGE, "record_dir", "media: %s is no folder that can be written", dir);
    struct recorder *r = calloc(1, sizeof *r);
    if (!r) return fault_set(f, ERR_INTERNAL, "memory", "media: out of memory");
    snprintf(r->dir, sizeof r->dir, "%s", dir);
    r->on_event = on_event;
    r->ctx = ctx;
    r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (r->wake < 0 || !open_inlets(r, n_inlets) || pthread_create(&r->thread, NULL, run, r)) {
        recorder_close(r);
        return fault_set(f, ERR_INTERNAL, "recorder", "media: could not start the recorder");
    }
    r->running = true;
    pthread_setname_np(r->thread, "recorder");
    *out = r;
    return 0;
}

void recorder_close(struct recorder *r)
{
    if (!r) return;
    if (r->running) {
        put_command(&r->inlets[0], (struct inlet_note){.type = NOTE_CLOSE}); /* the workers are gone: the inlet is ours */
        pthread_join(r->thread, NULL);
    }
    for (size_t i = 0; i < r->n_inlets; i++)
        inlet_close(&r->inlets[i].inlet);
    free(r->inlets);
    if (r->wake >= 0) close(r->wake);
    free(r);
}
