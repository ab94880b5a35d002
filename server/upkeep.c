#include "server/upkeep.h"
#include "server/base/certificate.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/base/steady.h"
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define LOOK_S 60
#define DAY_MS 86400000ll
#define WARN_MS (14 * DAY_MS)
#define LEAP_MS 60000
#define FILES_BESIDE 200 /* database, recordings, pages, children */

static void signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void upkeep_block_signals(void)
{
    sigset_t set;
    signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is told by its write */
}

unsigned upkeep_fit_files(unsigned connections)
{
    struct rlimit l;
    rlim_t wanted = connections + FILES_BESIDE;
    if (getrlimit(RLIMIT_NOFILE, &l)) return connections;
    if (l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &l)) (void)getrlimit(RLIMIT_NOFILE, &l);
    }
    if (l.rlim_cur >= wanted) return connections;
    unsigned fit = l.rlim_cur > 2 * FILES_BESIDE ? (unsigned)l.rlim_cur - FILES_BESIDE : (unsigned)l.rlim_cur / 2;
    log_warn("yiliand", "only %" PRIu64 " files may be open at once: %u connections are let in, not %u; for all of them set LimitNOFILE (ulimit -n) to %" PRIu64, (uint64_t)l.rlim_cur, fit, connections, (uint64_t)wanted);
    return fit;
}

/* ---- the certificate ---- */

static int64_t changed_at(const char *path)
{
    struct stat st;
    return stat(path, &st) ? 0 : (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
}

static bool was_replaced(struct upkeep *u)
{
    const int64_t now[2] = {changed_at(u->certificate), changed_at(u->key)};
    bool other = now[0] != u->seen[0] || now[1] != u->seen[1];
    u->seen[0] = now[0];
    u->seen[1] = now[1];
    return other;
}

static void know_end(struct upkeep *u)
{
    static struct metric *ends;
    if (!ends) ends = metric_gauge("yilian_certificate_ends_timestamp_seconds", "Until when tls.certificate is good, Unix time", NULL);
    if (certificate_ends(u->certificate, &u->ends_ms)) u->ends_ms = 0;
    metric_set(ends, u->ends_ms / 1000);
}

static void warn_of_end(struct upkeep *u)
{
    int64_t now_ms = clock_now_ms(&clock_system), left_ms = u->ends_ms - now_ms;
    if (!u->ends_ms || left_ms > WARN_MS || now_ms / DAY_MS == u->warned_day) return;
    u->warned_day = now_ms / DAY_MS;
    if (left_ms <= 0) log_error("yiliand", "tls.certificate has expired: browsers warn of it and other systems do not connect; renew it");
    else log_warn("yiliand", "tls.certificate ends in %d days: renew it", (int)(left_ms / DAY_MS));
}

static void put_in_use(void *arg)
{
    struct upkeep *u = arg;
    if (net_certificate_anew(u->net)) log_error("yiliand", "the new certificate could not be put in use; the one before stays until a restart");
    else log_info("yiliand", "the certificate was read anew; new connections get it");
}

static void renew(struct upkeep *u)
{
    struct fault f = {0};
    if (certificate_check(u->certificate, u->key, &f)) {
        log_error("yiliand", "the certificate stays as it is: %s", f.text);
        return;
    }
    know_end(u);
    u->warned_day = 0;
    if (net_post(u->net, put_in_use, u)) log_warn("yiliand", "too busy to take the new certificate; send SIGHUP again");
}

/* ---- the machine's clock: deadlines and sessions go by it, so whoever looks after the machine must know ---- */

static void look_at_clock(struct upkeep *u)
{
    static struct metric *leaps;
    int64_t wall_ms = clock_now_ms(&clock_system), steady_ms = clock_monotonic_us() / 1000, leap_ms = (wall_ms - u->wall_ms) - (steady_ms - u->steady_ms);
    if (!leaps) leaps = metric_counter("yilian_clock_leaps_total", "How often the machine's clock was set by more than a minute, or the machine slept", NULL);
    if (u->wall_ms && llabs(leap_ms) > LEAP_MS) {
        metric_add(leaps, 1);
        log_error("yiliand", "the machine's clock was set %s by %" PRId64 " s: deadlines and sessions go by it; see that it runs by NTP", leap_ms > 0 ? "ahead" : "back", (int64_t)llabs(leap_ms) / 1000);
    }
    u->wall_ms = wall_ms;
    u->steady_ms = steady_ms;
    int64_t rooms = metric_value(metric_gauge("yilian_rooms", "live rooms", NULL)) + metric_value(metric_gauge("yilian_node_rooms", "Rooms of the origin that come here as they are, for WHEP", NULL));
    if (rooms == 0) steady_follow(); /* no recording, no lecture */
}

/* The wait is not stretched by a clock that is set: sigtimedwait's is the kernel's own. */
static int next_signal(void)
{
    const struct timespec look = {.tv_sec = LOOK_S};
    sigset_t set;
    signals(&set);
    return sigtimedwait(&set, NULL, &look);
}

void upkeep_run(struct upkeep *u)
{
    (void)was_replaced(u);
    know_end(u);
    for (int heard = 0; heard != SIGTERM && heard != SIGINT; heard = next_signal()) {
        bool replaced = was_replaced(u);
        look_at_clock(u);
        if (heard == SIGHUP || replaced) renew(u);
        warn_of_end(u);
    }
    log_info("yiliand", "stopping");
}
