#include "media/pipe/pipe.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define QUEUE_MAX (6u << 20)         /* what the child has not taken yet; a keyframe of a large picture must fit */
#define FIRST_WAIT_US 500000         /* after the first death; twice as long after each further one */
#define LONGEST_WAIT_US 30000000
#define SOUND_US 30000000            /* who has lived so long has died of something new */
#define READY_US 10000000            /* to build its job; a machine under load starts slowly */
#define STUCK_US 15000000            /* it is given frames, and gives none back */
#define READS_MAX 64                 /* of one turn */

static const char *const job_names[PIPE_JOB_COUNT] = {"picture", "voice", "ingest"};
static struct {
    struct metric *running[PIPE_JOB_COUNT], *starts, *deaths, *dropped, *given_up;
} figures;

struct pipe {
    struct pipe_params params;
    char *url;
    enum pipe_phase phase;
    pid_t pid;
    int fd; /* -1 = no child */
    struct pipe_reader reader;
    uint8_t *queue; /* for the child, from sent to queued */
    size_t sent, queued, cap;
    bool lost;      /* a frame was not taken: wait for a keyframe */
    bool fed;       /* since it was heard last */
    unsigned deaths;
    int64_t begun_us, next_us, fed_us;
};

static void figures_init(void)
{
    static const char *const labels[PIPE_JOB_COUNT] = {"job=\"picture\"", "job=\"voice\"", "job=\"ingest\""};
    for (size_t i = 0; i < PIPE_JOB_COUNT; i++)
        figures.running[i] = metric_gauge("yilian_pipe_running", "Child processes that change codecs or fetch devices' streams", labels[i]);
    figures.starts = metric_counter("yilian_pipe_starts_total", "Times a child process was begun", NULL);
    figures.deaths = metric_counter("yilian_pipe_deaths_total", "Times a child process ended without having been told to", NULL);
    figures.given_up = metric_counter("yilian_pipe_given_up_total", "Jobs whose child process died too often in a row", NULL);
    figures.dropped = metric_counter("yilian_pipe_dropped_total", "Frames that a child process was too slow for", NULL);
}

int pipe_new(struct pipe **out, const struct pipe_params *params)
{
    struct pipe *p = calloc(1, sizeof *p);
    if (!p || (params->url && !(p->url = strdup(params->url)))) {
        free(p);
        return ERR_INTERNAL;
    }
    figures_init();
    p->params = *params;
    p->params.url = p->url;
    p->phase = PIPE_WAITING;
    p->fd = -1;
    p->lost = true;
    *out = p;
    return 0;
}

/* ---- the child's life ---- */
static void bury(struct pipe *p)
{
    if (p->fd < 0) return;
    close(p->fd);
    p->fd = -1;
    kill(-p->pid, SIGKILL); /* its group, if it has one yet */
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    p->pid = 0;
    pipe_reader_free(&p->reader);
    p->sent = p->queued = 0;
    p->lost = true;
    metric_add(figures.running[p->params.job], -1);
}

void pipe_free(struct pipe *p)
{
    if (!p) return;
    bury(p);
    if (p->url) explicit_bzero(p->url, strlen(p->url));
    free(p->url);
    if (p->queue) explicit_bzero(p->queue, p->cap); /* the URL went through it */
    free(p->queue);
    free(p);
}

static void died(struct pipe *p, int64_t now_us, const char *how)
{
    bury(p);
    p->deaths = now_us - p->begun_us > SOUND_US ? 1 : p->deaths + 1;
    metric_add(figures.deaths, 1);
    if (p->params.deaths_max && p->deaths >= p->params.deaths_max) {
        p->phase = PIPE_GIVEN_UP;
        metric_add(figures.given_up, 1);
        log_warn("pipe", "%s: the child process %s, the %u. time in a row; given up", job_names[p->params.job], how, p->deaths);
        return;
    }
    int64_t wait_us = FIRST_WAIT_US << (p->deaths < 8 ? p->deaths - 1 : 7);
    p->next_us = now_us + (wait_us < LONGEST_WAIT_US ? wait_us : LONGEST_WAIT_US);
    p->phase = PIPE_WAITING;
    log_warn("pipe", "%s: the child process %s; it is begun again in %d ms", job_names[p->params.job], how, (int)((p->next_us - now_us) / 1000));
}

/* ---- to the child ---- */
static bool put(struct pipe *p, const struct pipe_message *m)
{
    size_t whole = PIPE_HEAD_BYTES + m->len;
    if (p->fd < 0 || p->queued - p->sent + whole > QUEUE_MAX) return false;
    if (p->queued + whole > p->cap && p->sent) {
        memmove(p->queue, p->queue + p->sent, p->queued - p->sent);
        p->queued -= p->sent;
        p->sent = 0;
    }
    if (p->queued + whole > p->cap) {
        uint8_t *grown = realloc(p->queue, 2 * (p->queued + whole));
        if (!grown) return false;
        p->queue = grown;
        p->cap = 2 * (p->queued + whole);
    }
    pipe_head_write(p->queue + p->queued, m);
    if (m->len) memcpy(p->queue + p->queued + PIPE_HEAD_BYTES, m->bytes, m->len);
    p->queued += whole;
    return true;
}

/* False: the child is gone. */
static bool flush(struct pipe *p)
{
    while (p->sent < p->queued) {
        ssize_t n = send(p->fd, p->queue + p->sent, p->queued - p->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        p->sent += (size_t)n;
    }
    p->sent = p->queued = 0;
    return true;
}

bool pipe_frame(struct pipe *p, int64_t time_us, bool key, const uint8_t *bytes, size_t len)
{
    struct pipe_message m = {.type = PIPE_FRAME, .flags = key ? PIPE_KEY : 0, .word = (uint16_t)p->params.codec, .time_us = time_us, .bytes = bytes, .len = len};
    if (p->fd < 0 || (p->lost && !key) || !len || len > PIPE_PAYLOAD_MAX) return false;
    p->lost = !put(p, &m);
    if (p->lost) metric_add(figures.dropped, 1);
    else p->fed = true;
    return !p->lost;
}

static void begin(struct pipe *p, int64_t now_us)
{
    struct pipe_message job = {.type = PIPE_JOB, .flags = (uint8_t)p->params.codec, .word = (uint16_t)p->params.job};
    job.bytes = (const uint8_t *)p->url;
    job.len = p->url ? strlen(p->url) : 0;
    p->begun_us = now_us;
    p->fed = false;
    if (pipe_spawn(p->params.program, p->params.job == PIPE_JOB_INGEST, &p->pid, &p->fd)) {
        p->fd = -1;
        p->next_us = now_us + LONGEST_WAIT_US;
        log_error("pipe", "%s: no child process can be begun here", job_names[p->params.job]);
        return;
    }
    metric_add(figures.running[p->params.job], 1);
    metric_add(figures.starts, 1);
    p->phase = PIPE_STARTING;
    (void)!put(p, &job);
}

/* ---- from the child ---- */
static void tell(struct pipe *p, const struct pipe_message *m)
{
    p->fed = false;
    if (m->type == PIPE_READY) p->phase = PIPE_RUNNING;
    else p->params.on_message(p->params.ctx, m);
}

/* NULL, or how it ended. */
static const char *hear(struct pipe *p)
{
    for (int i = 0; i < READS_MAX; i++) {
        struct pipe_message m;
        size_t cap;
        uint8_t *room = pipe_reader_room(&p->reader, &cap);
        ssize_t n = room ? recv(p->fd, room, cap, MSG_DONTWAIT) : 0;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return NULL;
        if (n <= 0) return "ended";
        pipe_reader_fed(&p->reader, (size_t)n);
        do {
            if (pipe_reader_next(&p->reader, true, &m)) return "said what it may not";
            if (m.type != PIPE_TYPE_COUNT) tell(p, &m);
        } while (m.type != PIPE_TYPE_COUNT);
    }
    return NULL;
}

void pipe_service(struct pipe *p, int64_t now_us)
{
    if (p->phase == PIPE_GIVEN_UP || (p->fd < 0 && now_us < p->next_us)) return;
    if (p->fd < 0) begin(p, now_us);
    if (p->fd < 0) return;
    const char *how = hear(p);
    if (!how && !flush(p)) how = "ended";
    if (!how && p->phase == PIPE_STARTING && now_us - p->begun_us > READY_US) how = "did not start";
    if (!p->fed) p->fed_us = now_us;
    if (!how && now_us - p->fed_us > STUCK_US) how = "stood still";
    if (how) died(p, now_us, how);
}

enum pipe_phase pipe_phase(const struct pipe *p)
{
    return p->phase;
}

pid_t pipe_pid(const struct pipe *p)
{
    return p->pid;
}

unsigned pipe_deaths(const struct pipe *p)
{
    return p->deaths;
}
