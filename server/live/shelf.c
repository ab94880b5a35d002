#include "server/live/shelf.h"
#include "server/base/log.h"
#include "server/base/mailbox.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS_MAX 4096

struct shelf_file {
    struct shelf *shelf;
    int fd;     /* -1 = not open yet, or refused */
    int failed; /* atomic: the disk refused */
};

struct job {
    enum { JOB_WRITE, JOB_READ, JOB_FREE } kind;
    struct shelf_file *file;
    uint64_t offset;
    size_t len;
    struct share *bytes;
    shelf_done done;
    void *ctx;
};

struct shelf {
    struct net *net;
    char dir[600];
    struct mailbox *jobs;
    pthread_t thread;
    bool running;
};

/* ---- the thread ---- */
static bool ready(struct shelf_file *f)
{
    if (f->fd >= 0) return true;
    if (__atomic_load_n(&f->failed, __ATOMIC_RELAXED)) return false;
    f->fd = open(f->shelf->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (f->fd < 0) log_error("live", "no file for what was: %s", strerror(errno));
    return f->fd >= 0;
}

static void write_job(const struct job *j)
{
    struct shelf_file *f = j->file;
    for (size_t at = 0; at < j->bytes->len;) {
        ssize_t n = ready(f) ? pwrite(f->fd, j->bytes->bytes + at, j->bytes->len - at, (off_t)(j->offset + at)) : -1;
        if (n <= 0) {
            if (!__atomic_exchange_n(&f->failed, 1, __ATOMIC_RELAXED)) log_error("live", "a lecture can no more be wound back: %s", strerror(errno));
            break;
        }
        at += (size_t)n;
    }
    share_unref(j->bytes);
}

static void give(void *arg)
{
    struct job *j = arg;
    j->done(j->ctx, j->bytes);
    share_unref(j->bytes);
    free(j);
}

static void read_job(struct job *j)
{
    struct share *s = j->file->fd >= 0 ? share_blank(j->len) : NULL;
    for (size_t at = 0; s && at < j->len;) {
        ssize_t n = pread(j->file->fd, s->bytes + at, j->len - at, (off_t)(j->offset + at));
        if (n <= 0) {
            share_unref(s);
            s = NULL;
        } else {
            at += (size_t)n;
        }
    }
    j->bytes = s;
    net_post_wait(j->file->shelf->net, give, j);
}

static void carry_out(struct job *j)
{
    if (j->kind == JOB_READ) {
        read_job(j);
        return;
    }
    if (j->kind == JOB_WRITE) write_job(j);
    if (j->kind == JOB_FREE) {
        if (j->file->fd >= 0) close(j->file->fd);
        free(j->file);
    }
    free(j);
}

static void *run(void *arg)
{
    struct shelf *s = arg;
    struct job *j;
    while ((j = mailbox_wait(s->jobs, -1)))
        carry_out(j);
    return NULL;
}

/* ---- the event thread ---- */
static bool post(struct job job)
{
    struct job *j = malloc(sizeof *j);
    if (!j) return false;
    *j = job;
    if (mailbox_put(job.file->shelf->jobs, j) == 0) return true;
    free(j);
    return false;
}

int shelf_open(struct shelf **out, struct net *net, const char *dir, struct fault *f)
{
    struct shelf *s = *out = calloc(1, sizeof *s);
    if (!s) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    s->net = net;
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    if (mailbox_new(&s->jobs, JOBS_MAX, NULL, NULL) || pthread_create(&s->thread, NULL, run, s))
        return fault_set(f, ERR_UNAVAILABLE, "", "A thread could not be started.");
    pthread_setname_np(s->thread, "shelf");
    s->running = true;
    return 0;
}

void shelf_close(struct shelf *s)
{
    if (!s) return;
    if (s->jobs) mailbox_close(s->jobs);
    if (s->running) pthread_join(s->thread, NULL);
    if (s->jobs) mailbox_free(s->jobs, NULL);
    free(s);
}

struct shelf_file *shelf_file_new(struct shelf *s)
{
    struct shelf_file *f = calloc(1, sizeof *f);
    if (f) *f = (struct shelf_file){.shelf = s, .fd = -1};
    return f;
}

void shelf_file_free(struct shelf_file *f)
{
    if (!f || post((struct job){.kind = JOB_FREE, .file = f})) return;
    log_warn("live", "a lecture's file stays open until the end: the disk is slow");
}

bool shelf_write(struct shelf_file *f, uint64_t offset, struct share *bytes)
{
    if (__atomic_load_n(&f->failed, __ATOMIC_RELAXED)) return false;
    if (post((struct job){.kind = JOB_WRITE, .file = f, .offset = offset, .bytes = share_ref(bytes)})) return true;
    share_unref(bytes);
    __atomic_store_n(&f->failed, 1, __ATOMIC_RELAXED);
    log_error("live", "a lecture can no more be wound back: the disk is too slow");
    return false;
}

void shelf_read(struct shelf_file *f, uint64_t offset, size_t len, shelf_done done, void *ctx)
{
    if (!post((struct job){.kind = JOB_READ, .file = f, .offset = offset, .len = len, .done = done, .ctx = ctx})) done(ctx, NULL);
}
