/* The child's beginning: everything is taken from it between fork and exec; the rest (system calls) it gives up itself (child/fence.c). */
#include "media/pipe/pipe.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MEMORY_BYTES (2ull << 30) /* address space: threads' stacks and decoders' pictures */
#define DESCRIPTORS 64
#define CPU_S 86400               /* a whole day of computing: a lecture takes hours, something that turns in a circle ends */
#define NICE 15
#define CHILD_FD 3

static void limit(int what, rlim_t value)
{
    struct rlimit l = {value, value};
    setrlimit(what, &l);
}

/* Between fork and exec of a threaded program: only calls that take no lock. */
static _Noreturn void become(const char *program, bool network, int fd, pid_t parent)
{
    static char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/dev/null", "GST_REGISTRY_DISABLE=yes", "GST_PLUGIN_SYSTEM_PATH_1_0=", NULL};
    char *const argv[] = {(char *)program, NULL};
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* liborc tries a file for its code first; that is refused, and it takes memory */
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (getppid() != parent) _exit(127);
    int null = open("/dev/null", O_RDWR);
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0) _exit(127);
    if (fd == CHILD_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, CHILD_FD) < 0) _exit(127);
    close_range(CHILD_FD + 1, ~0u, 0);
    if (!network && unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) && unshare(CLONE_NEWNET)) {
        /* neither is allowed here: the child refuses itself new sockets (child/fence.c) */
    }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limit(RLIMIT_AS, MEMORY_BYTES); /* a sanitizer's shadow is larger than any limit */
#endif
    limit(RLIMIT_CPU, CPU_S);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, DESCRIPTORS);
    setpriority(PRIO_PROCESS, 0, NICE);
    execve(program, argv, environment);
    _exit(126);
}

int pipe_spawn(const char *program, bool network, pid_t *pid, int *fd)
{
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) return ERR_UNAVAILABLE;
    *pid = fork();
    if (*pid == 0) become(program, network, ends[1], parent);
    close(ends[1]);
    if (*pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK)) {
        close(ends[0]);
        return ERR_UNAVAILABLE;
    }
    setpgid(*pid, *pid); /* both sides do it: whoever comes first */
    *fd = ends[0];
    return 0;
}
