#include "media/mux/finisher.h"
#include "media/mux/webm.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/reel.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SYNC_TOGETHER 4 /* from this many files on one sync of the whole file system is cheaper than theirs */

struct task {
    struct task *next;
    char path[700]; /* "" = a recording's end */
    bool left;      /* of an earlier life */
    uint64_t recording, room;
    int error;
    bool kept;                /* finished: to be told */
    struct media_event event; /* of it */
};

struct finisher {
    char dir[400];
    void (*on_event)(void *ctx, const struct media_event *event);
    void *ctx;
    pthread_mutex_t lock;
    pthread_cond_t come;
    struct task *first, *last;
    bool closing, running;
    pthread_t thread;
};

struct name {
    uint64_t recording, track, room;
    int64_t started_ms;
};

static bool read_name(const char *text, struct name *n)
{
    return sscanf(text, "%16" SCNx64 "-%16" SCNx64 "-%16" SCNx64 "-%" SCNd64 ".", &n->recording, &n->track, &n->room, &n->started_ms) == 4;
}

/* ---- one file ---- */
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

static void sync_path(const char *path, bool all)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (all ? syncfs(fd) : fsync(fd)) log_warn("media", "a recording is not synced: %s", strerror(errno));
    close(fd);
}

static bool is_part(const char *name)
{
    size_t len = strlen(name);
    return len > 5 && strcmp(name + len - 5, ".part") == 0;
}

static int64_t utc_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The end of what is whole has the length in time that webm_finish measures; the link tells that the rest is not there. */
static int tell_kill(int fd, const struct reel_report *r, int64_t duration_ms)
{
    struct reel_chain chain = r->last;
    struct reel_gaps gaps = {1, {{duration_ms, 0, 0, REEL_KILLED}}};
    uint8_t link[REEL_LINK_MAX];
    size_t n = reel_link(&chain, NULL, 0, &gaps, utc_ms(), link);
    return ftruncate(fd, (off_t)r->end) || pwrite(fd, link, n, (off_t)r->end) != (ssize_t)n || fsync(fd) ? ERR_STORAGE : 0;
}

/* A file of a killed process: every link is checked, and what does not hold is cut off. */
static int mend(const char *path)
{
    struct reel_report r;
    int64_t duration_ms;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return ERR_STORAGE;
    int err = reel_read_fd(fd, true, NULL, NULL, &r);
    if (!err && r.chained && !r.killed) {
        err = r.links == 0 ? ERR_NOT_FOUND : ftruncate(fd, (off_t)r.end) ? ERR_STORAGE : webm_finish(path, &duration_ms);
        if (!err) err = tell_kill(fd, &r, duration_ms); /* in the place of the cues, which come again */
    }
    close(fd);
    return err;
}

/* Makes it a proper file under its own name; true: there is something to keep. */
static bool prepare(struct task *t)
{
    const char *name = strrchr(t->path, '/') + 1;
    struct media_event *e = &t->event;
    struct name n;
    if (!read_name(name, &n)) return false;
    *e = (struct media_event){.type = MEDIA_RECORD_FILE, .recording = n.recording, .track = {n.track}, .room = {n.room}};
    e->file.started_ms = n.started_ms;
    int err = t->left && is_part(t->path) ? mend(t->path) : 0;
    if (err == ERR_STORAGE) {
        log_error("media", "recording %016" PRIx64 ": a file left by an earlier run cannot be mended: %s", n.recording, strerror(errno));
        return false;
    }
    if (err || webm_finish(t->path, &e->file.duration_ms)) {
        log_warn("media", "recording %016" PRIx64 " track %016" PRIx64 ": nothing to keep", n.recording, n.track);
        unlink(t->path);
        return false;
    }
    snprintf(e->file.path, sizeof e->file.path, "%.*s", (int)(strlen(t->path) - (is_part(t->path) ? strlen(".part") : 0)), t->path);
    snprintf(e->file.content_type, sizeof e->file.content_type, "%s", content_type(name));
    return true;
}

static bool take_name(const struct task *t)
{
    if (!is_part(t->path) || rename(t->path, t->event.file.path) == 0) return true;
    log_error("media", "recording %016" PRIx64 ": %s", t->event.recording, strerror(errno));
    return false;
}

static void tell(struct finisher *f, struct task *t)
{
    if (hash_file(t->event.file.path, &t->event)) log_error("media", "recording %016" PRIx64 ": %s", t->event.recording, strerror(errno));
    else f->on_event(f->ctx, &t->event);
}

static void done(struct finisher *f, const struct task *t)
{
    struct media_event e = {.type = MEDIA_RECORD_DONE, .recording = t->recording, .room = {t->room}, .error = t->error};
    f->on_event(f->ctx, &e);
}

/* ---- the queue ---- */
static void post(struct finisher *f, const struct task *what)
{
    struct task *t = malloc(sizeof *t);
    if (!t) {
        log_error("media", "out of memory: a recorded file waits for the next start");
        return;
    }
    *t = *what;
    t->next = NULL;
    pthread_mutex_lock(&f->lock);
    if (f->last) f->last->next = t;
    else f->first = t;
    f->last = t;
    pthread_cond_signal(&f->come);
    pthread_mutex_unlock(&f->lock);
}

void finisher_file(struct finisher *f, const char *path)
{
    struct task t = {0};
    snprintf(t.path, sizeof t.path, "%s", path);
    post(f, &t);
}

void finisher_done(struct finisher *f, uint64_t recording, uint64_t room, int error)
{
    struct task t = {.recording = recording, .room = room, .error = error};
    post(f, &t);
}

/* Listed before anything new is begun, so that nothing of this life is taken for one of the last. */
static void list_left(struct finisher *f)
{
    struct dirent **list;
    struct name n, current = {0};
    int count = scandir(f->dir, &list, NULL, alphasort); /* sorted: the files of one recording follow each other */
    for (int i = 0; i < count; i++) {
        struct task t = {.left = true};
        if (read_name(list[i]->d_name, &n)) {
            if (current.recording && current.recording != n.recording) finisher_done(f, current.recording, current.room, ERR_UNAVAILABLE);
            current = n;
            snprintf(t.path, sizeof t.path, "%s/%s", f->dir, list[i]->d_name);
            post(f, &t);
        }
        free(list[i]);
    }
    if (count >= 0) free(list);
    if (current.recording) finisher_done(f, current.recording, current.room, ERR_UNAVAILABLE);
}

static struct task *take_all(struct finisher *f)
{
    pthread_mutex_lock(&f->lock);
    while (!f->first && !f->closing)
        pthread_cond_wait(&f->come, &f->lock);
    struct task *list = f->first;
    f->first = f->last = NULL;
    pthread_mutex_unlock(&f->lock);
    return list;
}

/* Everything that waits at once, so that rooms that end together do not wait for a sync of the disk per file: told only when it is there for good. */
static void carry_out(struct finisher *f, struct task *list)
{
    size_t n = 0;
    for (struct task *t = list; t; t = t->next)
        n += t->kept = t->path[0] && prepare(t);
    for (struct task *t = list; t && n && n < SYNC_TOGETHER; t = t->next)
        if (t->kept) sync_path(t->path, false);
    if (n >= SYNC_TOGETHER) sync_path(f->dir, true);
    for (struct task *t = list; t; t = t->next)
        t->kept = t->kept && take_name(t);
    if (n) sync_path(f->dir, false);
    for (struct task *t = list, *next; t; t = next) {
        next = t->next;
        if (t->kept) tell(f, t);
        else if (!t->path[0]) done(f, t);
        free(t);
    }
}

static void *run(void *arg)
{
    struct finisher *f = arg;
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), 5); /* hashing an hour may take what nobody else needs */
    for (struct task *list; (list = take_all(f));)
        carry_out(f, list);
    return NULL;
}

int finisher_open(struct finisher **out, const char *dir, void (*on_event)(void *ctx, const struct media_event *event), void *ctx)
{
    struct finisher *f = calloc(1, sizeof *f);
    if (!f) return ERR_INTERNAL;
    snprintf(f->dir, sizeof f->dir, "%s", dir);
    f->on_event = on_event;
    f->ctx = ctx;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->come, NULL);
    list_left(f);
    if (pthread_create(&f->thread, NULL, run, f)) {
        finisher_close(f);
        return ERR_INTERNAL;
    }
    f->running = true;
    pthread_setname_np(f->thread, "recorder-finish");
    *out = f;
    return 0;
}

void finisher_close(struct finisher *f)
{
    if (!f) return;
    pthread_mutex_lock(&f->lock);
    f->closing = true;
    pthread_cond_signal(&f->come);
    pthread_mutex_unlock(&f->lock);
    if (f->running) pthread_join(f->thread, NULL);
    for (struct task *t; (t = f->first); free(t))
        f->first = t->next;
    pthread_cond_destroy(&f->come);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
