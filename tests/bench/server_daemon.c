/* What the daemon itself costs, on a site of its own over loopback with TLS: how long it takes to be ready, its memory when idle, the verbs
 * and the reads it answers. One JSON line each, the conditions first. The daemon is a process of its own, so its CPU time is its own.
 *   start     from exec to "ready at", `STARTS` times on the same data
 *   ping      `sockets` connections with `WINDOW` verbs each on their way: what one verb costs
 *   hand      two doctors in one room put their hands up and down; each is told of the other's: a verb and its event
 *   read      case.get with its right, its mask and its durable audit line, `sockets` connections one after another
 *
 *   bench_server_daemon [sockets]     (default and least 60: each connection is held to `signaling.rate`, and all of them must outrun the daemon)
 *
 * Bars: ready <= 1000 ms, idle <= 60 MB. Verbs a CPU-second say more than verbs a second on a busy machine.
 */
#include "tests/lib/site.h"
#include <sys/resource.h>

#define STARTS 7
#define WINDOW 16
#define SECONDS 4
#define SOCKETS_LEAST 60
#define SOCKETS_MAX 150
#define HANDS_MAX 10000 /* within what signaling.rate allows two connections at once */

static struct person_at sun, he;
static char case_id[20];

static void print_part(const char *part, int64_t n, int64_t took_ms, int64_t cpu_us)
{
    printf("{\"part\":\"%s\",\"answers\":%lld,\"per_second\":%lld,\"daemon_cpu_us_each\":%.1f,\"per_cpu_second\":%lld}\n", part, (long long)n,
           (long long)(n * 1000 / (took_ms ? took_ms : 1)), (double)cpu_us / (double)(n ? n : 1), (long long)(n * 1000000 / (cpu_us ? cpu_us : 1)));
    fflush(stdout);
}

static int by_size(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void starts(void)
{
    int64_t ms[STARTS];
    for (int i = 0; i < STARTS; i++) {
        site_end();
        int64_t t0 = web_now_ms();
        site_launch();
        ms[i] = web_now_ms() - t0;
    }
    qsort(ms, STARTS, sizeof *ms, by_size);
    sleep(2);
    printf("{\"part\":\"start\",\"ready_ms_median\":%lld,\"ready_ms_most\":%lld,\"idle_rss_mb\":%.1f}\n", (long long)ms[STARTS / 2],
           (long long)ms[STARTS - 1], (double)site_rss_kb() / 1024);
}

static void say(struct web *w, const char *verb, const char *args)
{
    char text[200];
    snprintf(text, sizeof text, "{\"id\":%lld,\"verb\":\"%s\",\"args\":%s}", (long long)++w->id, verb, args);
    assert_int_equal(web_say(w, text), 0);
}

/* Takes one message; true when it answers a request, which must have gone well. */
static bool take(struct web *w)
{
    json_t *m = web_take(w, WEB_LIMIT_MS);
    assert_non_null(m);
    bool answer = json_object_get(m, "id");
    if (answer) assert_true(json_is_true(json_object_get(m, "ok")));
    json_decref(m);
    return answer;
}

static void pings(struct web *w, int n)
{
    int64_t answers = 0, t0 = web_now_ms(), cpu = (int64_t)(process_cpu_s(site.daemon) * 1e6);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < WINDOW; k++)
            say(&w[i], "ping", "{}");
    while (web_now_ms() - t0 < SECONDS * 1000)
        for (int i = 0; i < n; i++)
            for (int k = 0; k < WINDOW; k++, answers++) {
                while (!take(&w[i])) {}
                say(&w[i], "ping", "{}");
            }
    print_part("ping", answers, web_now_ms() - t0, (int64_t)(process_cpu_s(site.daemon) * 1e6) - cpu);
}

static void enter(struct web *w, const struct person_at *p)
{
    char path[80];
    snprintf(path, sizeof path, "/cases/%s/room/ticket", case_id);
    json_t *ticket = person_ask(p, "POST", path, json_object());
    assert_int_equal(web_socket(w, site.port, p->cookie), 101);
    json_t *in = web_verb(w, "room.join", json_pack("{s:O}", "ticket", json_object_get(ticket, "ticket")));
    assert_true(json_is_true(json_object_get(in, "ok")));
    json_decref(ticket);
    json_decref(in);
}

static void hands(void)
{
    struct web w[2];
    int64_t answers = 0;
    enter(&w[0], &sun);
    enter(&w[1], &he);
    int64_t t0 = web_now_ms(), cpu = (int64_t)(process_cpu_s(site.daemon) * 1e6);
    for (bool up = true; answers < HANDS_MAX && web_now_ms() - t0 < SECONDS * 1000; up = !up)
        for (int i = 0; i < 2; i++, answers++) {
            say(&w[i], "room.hand", up ? "{\"up\":true}" : "{\"up\":false}");
            while (!take(&w[i])) {}
        }
    print_part("hand", answers, web_now_ms() - t0, (int64_t)(process_cpu_s(site.daemon) * 1e6) - cpu);
    web_close(&w[0]);
    web_close(&w[1]);
}

static void reads(struct web *w, int n)
{
    char path[80];
    snprintf(path, sizeof path, "/api/v1/cases/%s", case_id);
    for (int i = 0; i < n; i++)
        assert_int_equal(web_open(&w[i], site.port), 0);
    int64_t answers = 0, t0 = web_now_ms(), cpu = (int64_t)(process_cpu_s(site.daemon) * 1e6);
    for (; web_now_ms() - t0 < SECONDS * 1000; answers += n) {
        for (int i = 0; i < n; i++)
            assert_int_equal(web_question(&w[i], "GET", path, he.cookie, NULL), 0);
        for (int i = 0; i < n; i++)
            assert_int_equal(web_answer(&w[i], "GET"), 200);
    }
    print_part("read", answers, web_now_ms() - t0, (int64_t)(process_cpu_s(site.daemon) * 1e6) - cpu);
}

int main(int argc, char **argv)
{
    static struct web sockets[SOCKETS_MAX], readers[SOCKETS_MAX];
    int n = argc > 1 ? atoi(argv[1]) : SOCKETS_LEAST;
    char load[80] = "";
    if (n < SOCKETS_LEAST || n > SOCKETS_MAX) n = SOCKETS_LEAST;
    FILE *f = fopen("/proc/loadavg", "r");
    if (!f || !fgets(load, sizeof load, f)) load[0] = 0;
    load[strcspn(load, "\n")] = 0;
    if (f) fclose(f);
    site_start("signaling.rate = 1000\nrequest.rate = 5000\n");
    printf("{\"bench\":\"server_daemon\",\"sockets\":%d,\"cores\":%ld,\"load\":\"%s\"}\n", n, sysconf(_SC_NPROCESSORS_ONLN), load);
    starts();
    sun = person_sign_in("bh.sun");
    he = person_sign_in("xy.he");
    json_t *cases = person_ask(&sun, "GET", "/cases?view=mine&kind=interactive", NULL);
    snprintf(case_id, sizeof case_id, "%s", json_string_value(json_object_get(json_array_get(json_object_get(cases, "items"), 0), "id")));
    json_decref(cases);
    for (int i = 0; i < n; i++)
        assert_int_equal(web_socket(&sockets[i], site.port, sun.cookie), 101);
    pings(sockets, n);
    for (int i = 0; i < n; i++)
        web_close(&sockets[i]);
    hands();
    reads(readers, n < 40 ? n : 40);
    return site_stop(NULL);
}
