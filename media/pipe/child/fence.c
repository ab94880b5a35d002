/* What the child gives up before it reads a stranger's first byte. The limits that a parent can set stand already (media/pipe/spawn.c). */
#include "media/pipe/child/child.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- files: Landlock (Linux 5.13 and later), for the libraries that finding a name may still need ---- */
static const char *const readable[] = {"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/ssl/certs", "/usr/lib", "/lib", "/usr/share/zoneinfo"};

static void allow_reading(int rules, const char *path)
{
    struct landlock_path_beneath_attr a = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE, .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (a.parent_fd < 0) return;
    (void)!syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
    close(a.parent_fd);
}

static void fence_files(bool network)
{
    struct landlock_ruleset_attr all = {.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);
    if (rules < 0) return; /* an older kernel: RLIMIT_FSIZE holds, and the filter below for all but an ingest */
    for (size_t i = 0; network && i < sizeof readable / sizeof *readable; i++)
        allow_reading(rules, readable[i]);
    (void)!syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

/* ---- system calls ---- */
static const int never[] = {SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare,
                            SYS_setns, SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register,
                            SYS_init_module, SYS_finit_module, SYS_kexec_load, SYS_userfaultfd, SYS_pidfd_open, SYS_pidfd_getfd, SYS_personality, SYS_kill, SYS_tkill,
                            SYS_listen, SYS_accept, SYS_accept4, SYS_memfd_create};
static const int no_job_of_ours[] = {SYS_socket, SYS_connect, SYS_bind, SYS_openat, SYS_openat2,
#ifdef SYS_open
                                     SYS_open, SYS_creat,
#endif
};
#define FILTER_MAX 96

struct filter {
    struct sock_filter code[FILTER_MAX];
    unsigned short n;
};

static void say(struct filter *f, struct sock_filter line)
{
    f->code[f->n++] = line;
}

static void refuse(struct filter *f, int call, int with)
{
    say(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 1));
    say(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)with));
}

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "fence.c knows x86-64 and arm64"
#endif

static bool fence_calls(bool network)
{
    struct filter f = {.n = 0};
    say(&f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    say(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
    say(&f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    say(&f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
#if defined(__x86_64__)
    say(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u, 0, 1)); /* the x32 names of the same calls */
    say(&f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
#endif
    refuse(&f, SYS_clone3, ENOSYS); /* its flags cannot be looked at; the C library then takes clone for threads */
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        refuse(&f, never[i], EPERM);
    for (size_t i = 0; !network && i < sizeof no_job_of_ours / sizeof *no_job_of_ours; i++)
        refuse(&f, no_job_of_ours[i], EACCES);
    say(&f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    struct sock_fprog program = {f.n, f.code};
    /* no_new_privs is set; without privileges that is what a filter needs. All threads there are already take it too. */
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

bool child_fence(bool network)
{
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    fence_files(network);
    return fence_calls(network);
}
