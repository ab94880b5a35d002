/* MLLP: messages a second and the time to their answer, over loopback, with several connections, to the real daemon (its processor time is what
 * counts; this program's own is told apart). bench_server_hl7 [CONNECTIONS] [SECONDS] [WINDOW] [oru|known|new|all]
 *
 * oru: a blood count of three values of one of 20 patients a connection; known: ADT^A08 of one of them, who moved; new: ADT^A04 of somebody new.
 * all (the default): one after the other, a line each. The patients of oru and known are there before the clock starts. */
#include "tests/lib/site.h"

#define CONNECTIONS_MAX 64
#define LATENCIES_MAX 2000000
#define KNOWN_EACH 20

struct sender {
    int fd, n, unanswered, head;
    char in[65536];
    size_t len;
    int64_t sent_us[256];
};

static uint16_t port;
static struct sender senders[CONNECTIONS_MAX];
static int connections = 8, window = 4;
static double latencies[LATENCIES_MAX];
static size_t n_latencies;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

enum kind { ORU, KNOWN, NEW, KINDS };
static int next[KINDS][CONNECTIONS_MAX]; /* number of each connection's next message */
static const char *const kinds[] = {"oru", "known", "new"};
static const char *const titles[] = {"ORU^R01 with three values", "ADT^A08 of known patients", "ADT^A04 of new patients"};

static int segment(char *m, size_t cap, const struct sender *s, enum kind kind, int number)
{
    int patient = kind == NEW ? s->n * 1000000 + 1000 + number : number % KNOWN_EACH;
    return snprintf(m, cap, "\013MSH|^~\\&|HIS%d|QS|YL|X|20261128083000||%s|%s%d-%d|P|2.4||||||UNICODE UTF-8\rPID|1||B%d-%d^^^D%d||%s%d^%d||19%02d%02d%02d|%c|||%d号||1%010d\r", s->n,
                    kind == ORU ? "ORU^R01" : kind == KNOWN ? "ADT^A08" : "ADT^A04", kinds[kind], s->n, number, s->n, patient, s->n, "林", patient % 977, patient % 353, 30 + patient % 70,
                    1 + patient % 12, 1 + patient % 28, patient & 1 ? 'M' : 'F', kind == KNOWN ? number : patient % 5000, patient);
}

static void put(struct sender *s, enum kind kind, int number)
{
    char m[3000], when[80]; /* a blood count a quarter of an hour: two at one time would be taken for one sent twice */
    int at = number / KNOWN_EACH, n = segment(m, sizeof m, s, kind, number);
    snprintf(when, sizeof when, "20%02d%02d%02d%02d%02d01", 10 + at / 32256 % 16, 1 + at / 2688 % 12, 1 + at / 96 % 28, at / 4 % 24, at % 4 * 15);
    if (kind != ORU)
        n += snprintf(m + n, sizeof m - (size_t)n, "PV1|1|O|门诊^^^内科\r");
    else
        n += snprintf(m + n, sizeof m - (size_t)n, "OBR|1|p%d|f%d|CBC^血常规|||%s\rOBX|1|NM|WBC^白细胞^L||%d.%d|10*9/L|4-10|N|||F|||%s\rOBX|2|NM|HGB^血红蛋白^L||%d|g/L|110-150|N|||F|||%s\r"
                      "OBX|3|NM|PLT^血小板^L||%d|10*9/L|100-300|N|||F|||%s\r", number, number, when, number % 9, number % 10, when, 100 + number % 60, when, 90 + number % 200, when);
    memcpy(m + n, "\034\r", 2);
    s->sent_us[(s->head + s->unanswered++) % 256] = now_us();
    if (send(s->fd, m, (size_t)n + 2, MSG_NOSIGNAL) != n + 2) exit(fprintf(stderr, "the line broke\n"));
}

static size_t take(struct sender *s)
{
    ssize_t got = recv(s->fd, s->in + s->len, sizeof s->in - s->len, MSG_DONTWAIT);
    size_t taken = 0;
    if (got <= 0) return 0;
    s->len += (size_t)got;
    for (char *end; (end = memmem(s->in, s->len, "\034\r", 2)); taken++) {
        if (!memmem(s->in, (size_t)(end - s->in), "MSA|AA", 6)) exit(fprintf(stderr, "refused: %.*s\n", (int)(end - s->in), s->in));
        if (n_latencies < LATENCIES_MAX) latencies[n_latencies++] = (double)(now_us() - s->sent_us[s->head]) / 1000;
        s->head = (s->head + 1) % 256;
        s->unanswered--;
        s->len -= (size_t)(end + 2 - s->in);
        memmove(s->in, end + 2, s->len);
    }
    return taken;
}

static int up(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static size_t take_all(void)
{
    struct pollfd polls[CONNECTIONS_MAX];
    size_t taken = 0;
    for (int i = 0; i < connections; i++)
        polls[i] = (struct pollfd){senders[i].fd, POLLIN, 0};
    poll(polls, (nfds_t)connections, 100);
    for (int i = 0; i < connections; i++)
        taken += take(&senders[i]);
    return taken;
}

static bool any_unanswered(void)
{
    for (int i = 0; i < connections; i++)
        if (senders[i].unanswered) return true;
    return false;
}

static void open_lines(void)
{
    for (int i = 0; i < connections; i++) {
        struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int one = 1;
        senders[i].n = i;
        senders[i].fd = socket(AF_INET, SOCK_STREAM, 0);
        setsockopt(senders[i].fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(senders[i].fd, (struct sockaddr *)&sa, sizeof sa)) exit(fprintf(stderr, "no daemon\n"));
    }
}

static void register_known(void)
{
    for (int i = 0; i < connections; i++)
        for (int k = 0; k < KNOWN_EACH; k++)
            put(&senders[i], KNOWN, next[KNOWN][i]++);
    while (any_unanswered())
        take_all();
}

static void measure(enum kind kind, int seconds)
{
    double cpu = process_cpu_s(site.daemon);
    int64_t from = now_us(), until = from + seconds * 1000000ll, warm = from + 1000000;
    size_t answered = 0, before = 0;
    n_latencies = 0;
    while (now_us() < until) {
        for (int i = 0; i < connections; i++)
            while (senders[i].unanswered < window)
                put(&senders[i], kind, next[kind][i]++);
        answered += take_all();
        if (before == 0 && now_us() > warm) before = n_latencies;
    }
    cpu = process_cpu_s(site.daemon) - cpu;
    double wall = (double)(now_us() - from) / 1e6;
    qsort(latencies + before, n_latencies - before, sizeof *latencies, up);
    size_t n = n_latencies - before;
    printf("%s, %d connections, %d open each: %.0f messages/s, daemon %.0f us of processor time a message = %.0f/s a core; p50 %.1f ms, p99 %.1f ms, max %.1f ms; RSS %ld MB\n",
           titles[kind], connections, window, (double)answered / wall, cpu * 1e6 / (double)answered, (double)answered / cpu, n ? latencies[before + n / 2] : 0,
           n ? latencies[before + n * 99 / 100] : 0, n ? latencies[n_latencies - 1] : 0, site_rss_kb() / 1024);
    while (any_unanswered())
        take_all();
}

int main(int argc, char **argv)
{
    char more[200], command[300];
    int seconds = argc > 2 ? atoi(argv[2]) : 5, kind = 0;
    connections = argc > 1 ? atoi(argv[1]) : connections;
    window = argc > 3 ? atoi(argv[3]) : window;
    while (argc > 4 && kind < KINDS && strcmp(argv[4], kinds[kind]) != 0)
        kind++;
    bool all = argc <= 4 || strcmp(argv[4], "all") == 0;
    if (connections < 1 || connections > CONNECTIONS_MAX || window < 1 || window > 256 || (!all && kind == KINDS))
        return fprintf(stderr, "bench_server_hl7 [CONNECTIONS] [SECONDS] [WINDOW] [oru|known|new|all]\n"), 2;
    port = site_free_port(SOCK_STREAM);
    snprintf(more, sizeof more, "mllp.port = %u\n", port);
    site_start(more);
    for (int i = 0; i < connections; i++) {
        snprintf(command, sizeof command, "exchange add --org QS01 --application HIS%d --domain D%d", i, i);
        site_ctl(command);
    }
    sleep(6);
    open_lines();
    register_known();
    for (int k = 0; k < KINDS; k++)
        if (all || k == kind) measure((enum kind)k, seconds);
    return site_stop(NULL);
}
