#include "media/mux/spool.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define SYNC_TOGETHER 8 /* from this many files on one sync of the whole file system is cheaper than theirs */

struct spool_file {
    struct spool *spool;
    struct spool_file *next_dirty;
    char path[512];
    bool picture;
    /* the disk thread's */
    int fd;
    off_t length;
    bool dirty, waits_for_key, told;
    struct reel_chain chain;
    struct reel_gaps gaps; /* told by the next link */
    /* the producer's */
    struct reel_gaps refused;
    bool refusing;
    atomic_uint lost;
};

enum job_type { JOB_BEGIN, JOB_FRAGMENT, JOB_END, JOB_DONE };
struct job {
    struct job *next;
    enum job_type type;
    struct spool_file *file;
    struct spool_fragment fragment;
    int64_t started_ms; /* JOB_BEGIN */
    uint64_t recording, room;
    int error;
};

struct spool {
    struct spool_config config;
    char dir[400];
    pthread_mutex_t lock;
    pthread_cond_t come;
    struct job *first, *last;
    atomic_size_t waiting, worst;
    atomic_bool low;
    bool closing, running;
    struct spool_file *dirty;
    size_t n_dirty;
    int64_t synced_ms, looked_ms;
    struct metric *given_up, *queue, *most;
    pthread_t thread;
};

static int64_t now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the producer's side ---- */
static bool post(struct spool *s, const struct job *what)
{
    struct job *j = malloc(sizeof *j);
    if (!j) return false;
    *j = *what;
    j->next = NULL;
    size_t waiting = atomic_fetch_add(&s->waiting, j->fragment.part.len) + j->fragment.part.len;
    if (waiting > s->worst) s->worst = waiting;
    pthread_mutex_lock(&s->lock);
    if (s->last) s->last->next = j;
    else s->first = j;
    s->last = j;
    pthread_cond_signal(&s->come);
    pthread_mutex_unlock(&s->lock);
    return true;
}

struct spool_file *spool_begin(struct spool *s, const struct spool_new *n)
{
    struct spool_file *f = calloc(1, sizeof *f);
    struct job j = {.type = JOB_BEGIN, .file = f, .fragment = {.part = n->head}, .started_ms = n->started_ms};
    if (f) {
        f->spool = s;
        f->picture = n->picture;
        f->fd = -1;
        f->chain = (struct reel_chain){.recording = n->recording, .track = n->track};
        snprintf(f->path, sizeof f->path, "%s", n->path);
    }
    if (f && post(s, &j)) return f;
    free(n->head.bytes);
    free(f);
    return NULL;
}

static struct reel_gap gap_of(const struct spool_fragment *g)
{
    uint32_t length = (uint32_t)(g->end_ms - g->part.begin_ms);
    return (struct reel_gap){g->part.begin_ms, length, length, REEL_DISK};
}

static void add_all(struct reel_gaps *to, const struct reel_gaps *from)
{
    for (size_t i = 0; i < from->n; i++)
        reel_gaps_add(to, &from->at[i]);
}

static void give_up(struct spool_file *f, struct reel_gaps *to, struct spool_fragment *g)
{
    struct reel_gap gap = gap_of(g);
    add_all(to, &g->gaps);
    reel_gaps_add(to, &gap);
    free(g->part.bytes);
    g->part.bytes = NULL;
    atomic_fetch_add(&f->lost, 1);
    metric_add(f->spool->given_up, 1);
}

void spool_put(struct spool_file *f, struct spool_fragment *g)
{
    struct spool *s = f->spool;
    bool full = s->waiting + g->part.len > s->config.queue_bytes;
    if (full || (f->refusing && f->picture && !g->part.key)) {
        f->refusing = true;
        give_up(f, &f->refused, g);
        return;
    }
    struct reel_gaps gaps = f->refused;
    add_all(&gaps, &g->gaps);
    struct job j = {.type = JOB_FRAGMENT, .file = f, .fragment = *g};
    j.fragment.gaps = gaps;
    if (!post(s, &j)) {
        give_up(f, &f->refused, g);
        return;
    }
    f->refusing = false;
    f->refused.n = 0;
}

void spool_end(struct spool_file *f, const struct reel_gaps *gaps)
{
    struct job j = {.type = JOB_END, .file = f};
    add_all(&f->refused, gaps);
    j.fragment.gaps = f->refused;
    if (!post(f->spool, &j)) log_error("media", "a recorded file was not ended; it is finished at the next start");
}

void spool_done(struct spool *s, uint64_t recording, uint64_t room, int error)
{
    struct job j = {.type = JOB_DONE, .recording = recording, .room = room, .error = error};
    if (!post(s, &j)) log_error("media", "the end of recording %016" PRIx64 " was not told", recording);
}

unsigned spool_lost(const struct spool_file *f)
{
    return f->lost;
}

bool spool_low(const struct spool *s)
{
    return s->low;
}

size_t spool_waiting(const struct spool *s)
{
    return s->waiting;
}

size_t spool_worst(const struct spool *s)
{
    return s->worst;
}

/* ---- the disk's side ---- */
static ssize_t system_pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite(fd, bytes, n, at);
}

static int write_all(struct spool_file *f, const uint8_t *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t k = f->spool->config.pwrite(f->fd, bytes + done, n - done, f->length + (off_t)done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) return ERR_STORAGE;
        done += (size_t)k;
    }
    f->length += (off_t)n;
    return 0;
}

static void soil(struct spool_file *f)
{
    if (f->dirty) return;
    f->dirty = true;
    f->next_dirty = f->spool->dirty;
    f->spool->dirty = f;
    f->spool->n_dirty++;
}

/* Bytes and the link over those from `from` on, whole or not at all. The bytes have room for it. */
static int append(struct spool_file *f, struct webm_part *part, size_t from, const struct reel_gaps *gaps, int64_t utc_ms)
{
    struct reel_chain before = f->chain;
    size_t n = reel_link(&f->chain, part->bytes + from, part->len - from, gaps, utc_ms, part->bytes + part->len);
    if (f->fd >= 0 && write_all(f, part->bytes, part->len + n) == 0) {
        soil(f);
        return 0;
    }
    if (!f->told) log_error("media", "a recording's disk: %s", strerror(f->fd < 0 ? EBADF : errno));
    f->told = true;
    f->chain = before;
    if (f->fd >= 0 && ftruncate(f->fd, f->length)) log_error("media", "a torn fragment stays: %s", strerror(errno));
    return ERR_STORAGE;
}

static void begin(struct job *j)
{
    struct spool_file *f = j->file;
    struct reel_gaps none = {0};
    f->fd = open(f->path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (append(f, &j->fragment.part, j->fragment.part.tracks_at, &none, j->started_ms)) { /* without its head nothing of it can be kept */
        if (f->fd >= 0) close(f->fd), unlink(f->path);
        f->fd = -1;
    }
    free(j->fragment.part.bytes);
}

static void write_fragment(struct job *j)
{
    struct spool_file *f = j->file;
    struct spool_fragment *g = &j->fragment;
    struct reel_gaps gaps = f->gaps;
    add_all(&gaps, &g->gaps);
    bool refused = f->waits_for_key && f->picture && !g->part.key;
    if (refused || append(f, &g->part, 0, &gaps, now_ms(CLOCK_REALTIME))) {
        f->waits_for_key = true;
        give_up(f, &f->gaps, g);
        return;
    }
    f->waits_for_key = f->told = false;
    f->gaps.n = 0;
    free(g->part.bytes);
}

static void clean(struct spool_file *f)
{
    struct spool_file **at = &f->spool->dirty;
    while (*at && *at != f)
        at = &(*at)->next_dirty;
    if (!*at) return;
    *at = f->next_dirty;
    f->spool->n_dirty--;
}

static void end(struct job *j)
{
    struct spool_file *f = j->file;
    uint8_t link[REEL_LINK_MAX];
    struct webm_part last = {.bytes = link};
    struct reel_gaps gaps = f->gaps;
    add_all(&gaps, &j->fragment.gaps);
    if (gaps.n && append(f, &last, 0, &gaps, now_ms(CLOCK_REALTIME))) log_warn("media", "the last gaps of a recording are not in its file");
    clean(f);
    if (f->fd >= 0) {
        close(f->fd);
        f->spool->config.on_end(f->spool->config.ctx, f->path);
    }
    free(f);
}

static void carry_out(struct spool *s, struct job *j)
{
    size_t len = j->fragment.part.len;
    switch (j->type) {
    case JOB_BEGIN: begin(j); break;
    case JOB_FRAGMENT: write_fragment(j); break;
    case JOB_END: end(j); break;
    case JOB_DONE: s->config.on_done(s->config.ctx, j->recording, j->room, j->error); break;
    }
    atomic_fetch_sub(&s->waiting, len);
    free(j);
}

static void sync_dirty(struct spool *s)
{
    if (s->n_dirty >= SYNC_TOGETHER && syncfs(s->dirty->fd)) log_warn("media", "recordings are not synced: %s", strerror(errno));
    for (struct spool_file *f = s->dirty; f; f = f->next_dirty) {
        if (s->n_dirty < SYNC_TOGETHER && fdatasync(f->fd)) log_warn("media", "a recording is not synced: %s", strerror(errno));
        f->dirty = false;
    }
    s->dirty = NULL;
    s->n_dirty = 0;
}

static void look_at_space(struct spool *s)
{
    struct statvfs v;
    if (!s->config.min_free_bytes || statvfs(s->dir, &v)) return;
    uint64_t bytes = (uint64_t)v.f_bavail * v.f_frsize;
    bool low = bytes < s->config.min_free_bytes;
    if (low != s->low) log_warn("media", low ? "recordings stop: %" PRIu64 " MB are free on their disk" : "recordings may begin again: %" PRIu64 " MB are free", bytes >> 20);
    s->low = low;
}

static void look_after(struct spool *s)
{
    int64_t now = now_ms(CLOCK_MONOTONIC);
    if (s->dirty && now - s->synced_ms >= SPOOL_SYNC_MS) {
        sync_dirty(s);
        s->synced_ms = now_ms(CLOCK_MONOTONIC);
    }
    if (now - s->looked_ms >= 1000) {
        look_at_space(s);
        metric_set(s->queue, (int64_t)s->waiting);
        metric_set(s->most, (int64_t)s->worst);
        s->looked_ms = now;
    }
}

static struct job *next(struct spool *s, bool *over)
{
    struct timespec until = clock_until(s->dirty ? 100 : 1000);
    pthread_mutex_lock(&s->lock);
    if (!s->first && !s->closing) pthread_cond_timedwait(&s->come, &s->lock, &until);
    struct job *j = s->first;
    if (j && !(s->first = j->next)) s->last = NULL;
    *over = !j && s->closing;
    pthread_mutex_unlock(&s->lock);
    return j;
}

static void *run(void *arg)
{
    struct spool *s = arg;
    bool over = false;
    while (!over) {
        struct job *j = next(s, &over);
        if (j) carry_out(s, j);
        look_after(s);
    }
    sync_dirty(s);
    return NULL;
}

int spool_open(struct spool **out, const struct spool_config *config)
{
    struct spool *s = calloc(1, sizeof *s);
    if (!s) return ERR_INTERNAL;
    s->config = *config;
    if (!s->config.pwrite) s->config.pwrite = system_pwrite;
    snprintf(s->dir, sizeof s->dir, "%s", config->dir);
    pthread_mutex_init(&s->lock, NULL);
    clock_condition(&s->come);
    s->given_up = metric_counter("yilian_media_record_given_up_total", "Fragments of recordings that the disk did not take", NULL);
    s->queue = metric_gauge("yilian_media_record_queue_bytes", "Bytes of recordings that wait for the disk", NULL);
    s->most = metric_gauge("yilian_media_record_queue_most_bytes", "The most that waited at once since the start", NULL);
    look_at_space(s);
    if (pthread_create(&s->thread, NULL, run, s)) {
        spool_close(s);
        return ERR_INTERNAL;
    }
    s->running = true;
    pthread_setname_np(s->thread, "recorder-disk");
    *out = s;
    return 0;
}

void spool_close(struct spool *s)
{
    if (!s) return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->come);
    pthread_mutex_unlock(&s->lock);
    if (s->running) pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->come);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
