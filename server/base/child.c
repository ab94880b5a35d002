#include "server/base/child.h"
#include "server/base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_BYTES 65536
#define ASK_MS 500

static void limit(int what, rlim_t value)
{
    struct rlimit l = {value, value};
    setrlimit(what, &l);
}

/* Between fork and exec of a threaded program: only calls that take no lock. */
static _Noreturn void become(const struct child_job *job, int in, int out, pid_t parent)
{
    static char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/dev/null", "VIPS_CONCURRENCY=1",
                                        "VIPS_NOVECTOR=1" /* its vector code is a file, which RLIMIT_FSIZE forbids */,
#if defined(__SANITIZE_ADDRESS__)
                                        "ASAN_OPTIONS=detect_leaks=0", /* what drivers and plugins keep to the end is theirs */
#endif
                                        NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getppid() != parent)
        _exit(127);
    int null = open("/dev/null", O_WRONLY);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(null, 2) < 0)
        _exit(127);
    close_range(3, ~0u, 0);
    if (!job->network && unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) && unshare(CLONE_NEWNET)) {
        /* neither is allowed here: the other limits still hold */
    }
    limit(RLIMIT_CPU, (rlim_t)job->cpu_s);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limit(RLIMIT_AS, (rlim_t)job->memory_bytes); /* a sanitizer's shadow is larger than any limit */
#endif
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 64);
    setpriority(PRIO_PROCESS, 0, job->nice);
    execve(job->argv[0], (char *const *)job->argv, environment);
    _exit(errno == ENOENT ? 126 : 127);
}

struct running {
    const struct child_job *job;
    int in, out; /* our ends; -1 = closed */
    uint8_t *pending;
    size_t pending_at, pending_len;
    uint8_t *data;
    size_t len, cap;
};

static void shut(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* false: the input gave up */
static bool feed(struct running *r)
{
    if (r->pending_at == r->pending_len) {
        long n = r->job->input ? r->job->input(r->job->ctx, r->pending, STEP_BYTES) : 0;
        if (n < 0)
            return false;
        r->pending_at = 0;
        r->pending_len = (size_t)n;
        if (n == 0) {
            shut(&r->in);
            return true;
        }
    }
    ssize_t n = send(r->in, r->pending + r->pending_at, r->pending_len - r->pending_at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        r->pending_at += (size_t)n;
    else if (n < 0 && errno != EAGAIN && errno != EINTR)
        shut(&r->in); /* it has read enough: a thumbnailer need not read the whole file */
    return true;
}

/* To whoever takes it as it comes. */
static int hand_on(struct running *r)
{
    uint8_t bytes[STEP_BYTES];
    ssize_t n = read(r->out, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n <= 0)
        shut(&r->out);
    return n > 0 ? r->job->output(r->job->ctx, bytes, (size_t)n) : 0;
}

static int drain(struct running *r)
{
    if (r->job->output)
        return hand_on(r);
    if (r->cap - r->len < STEP_BYTES) {
        size_t cap = r->cap ? r->cap * 2 : STEP_BYTES * 2;
        uint8_t *grown = realloc(r->data, cap);
        if (!grown)
            return ERR_INTERNAL;
        r->data = grown;
        r->cap = cap;
    }
    ssize_t n = read(r->out, r->data + r->len, STEP_BYTES);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n <= 0)
        shut(&r->out);
    else
        r->len += (size_t)n;
    return r->len > r->job->output_max ? ERR_TOO_LARGE : 0;
}

static int pump(struct running *r, int64_t end_us)
{
    while (r->out >= 0) {
        int64_t left_ms = (end_us - clock_monotonic_us()) / 1000;
        if (left_ms <= 0)
            return ERR_TIMEOUT;
        if (r->job->wanted && !r->job->wanted(r->job->ctx))
            return ERR_UNAVAILABLE;
        if (r->job->wanted && left_ms > ASK_MS)
            left_ms = ASK_MS;
        struct pollfd p[2] = {{r->out, POLLIN, 0}, {r->in, POLLOUT, 0}}; /* poll skips a negative descriptor */
        if (poll(p, 2, (int)left_ms) < 0 && errno != EINTR)
            return ERR_INTERNAL;
        if (r->in >= 0 && p[1].revents && !feed(r))
            return ERR_STORAGE;
        int rc = p[0].revents ? drain(r) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

/* Output is closed; the process may still linger. */
static int reap(pid_t pid, int64_t end_us, int rc)
{
    int status = 0;
    if (rc)
        kill(-pid, SIGKILL);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (clock_monotonic_us() >= end_us) {
            kill(-pid, SIGKILL);
            rc = rc ? rc : ERR_TIMEOUT;
        }
        poll(NULL, 0, 2);
    }
    kill(-pid, SIGKILL); /* what it may have left behind in its group */
    if (rc)
        return rc;
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == 0 ? 0 : WEXITSTATUS(status) == 126 ? ERR_NOT_FOUND : ERR_INVALID;
    return ERR_INVALID;
}

int child_run(const struct child_job *job, uint8_t **out, size_t *out_len)
{
    int input[2] = {-1, -1}, output[2] = {-1, -1}, rc = ERR_UNAVAILABLE;
    struct running r = {.job = job, .in = -1, .out = -1, .pending = malloc(STEP_BYTES)};
    pid_t parent = getpid(), pid = -1;
    *out = NULL;
    *out_len = 0;
    /* a socket for its input: writing to one that is closed gives an error instead of SIGPIPE */
    if (!r.pending || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, input) || pipe2(output, O_CLOEXEC))
        goto out;
    pid = fork();
    if (pid < 0)
        goto out;
    if (pid == 0)
        become(job, input[1], output[1], parent);
    setpgid(pid, pid); /* both sides do it: whoever comes first */
    r.in = input[0];
    r.out = output[0];
    input[0] = output[0] = -1;
    shut(&input[1]);
    shut(&output[1]);
    int64_t end_us = clock_monotonic_us() + (int64_t)job->time_ms * 1000;
    rc = reap(pid, end_us, pump(&r, end_us));
out:
    for (int i = 0; i < 2; i++) {
        shut(&input[i]);
        shut(&output[i]);
    }
    shut(&r.in);
    shut(&r.out);
    free(r.pending);
    if (rc == 0) {
        *out = r.data;
        *out_len = r.len;
    } else
        free(r.data);
    return rc;
}
