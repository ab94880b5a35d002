/* MLLP: messages a second and the time to their answer, over loopback, with several connections, to the real daemon (its processor time is what
 * counts; this program's own is told apart). bench_server_hl7 [--postgres] [CONNECTIONS] [SECONDS] [WINDOW] [oru|known|new|all] [RATE]
 *
 * Each kind twice. First as much as the daemon takes: WINDOW open on each connection, the next when one is answered; its tail is that of the bench's own queue. Then
 * as many as are offered, RATE a second in all at random moments (0, the default: half of what was taken before), each counted from its moment, whether or not it could be sent then.
 * oru: a blood count of three values of one of 20 patients a connection; known: ADT^A08 of one of them, who moved; new: ADT^A04 of somebody new.
 * --postgres: the daemon works on a durable PostgreSQL server of its own (or on that of YL_TEST_DATABASE), whose processor time is told apart.
 * all (the default): one after the other, a line each. The patients of oru and known are there before the clock starts. */
#include "tests/lib/postgres_server.h"
#include "tests/lib/site.h"
#include "tests/support/people.h"
#include <math.h>

#define CONNECTIONS_MAX 64
#define LATENCIES_MAX 2000000
#define KNOWN_EACH 20
#define OPEN_MAX 256 /* unanswered on one connection */

struct sender {
    int fd, n, unanswered, head;
    char in[65536];
    size_t len;
    int64_t sent_us[OPEN_MAX]; /* or was to be sent */
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

/* MSH-7, in the zone of the site: what is told a day late is a finding of its own. */
static char made[16];
static void make_time(void)
{
    time_t t = time(NULL) + 8 * 3600;
    struct tm tm;
    strftime(made, sizeof made, "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
}

/* Those who are known are the same people on every line, as a county's are at its hospitals; those who are new are anybody. */
static int head(char *m, size_t cap, const struct sender *s, enum kind kind, int number)
{
    int patient = kind == NEW ? 1000 + number : number % KNOWN_EACH;
    char person[400];
    if (kind == NEW) people_draw(person, sizeof person);
    else
        snprintf(person, sizeof person, "林^%d||19%02d%02d%02d|%c|||%d号||1%010d", patient, 30 + patient, 1 + patient % 12, 1 + patient, patient & 1 ? 'M' : 'F', kind == KNOWN ? number : 0, patient);
    return snprintf(m, cap, "\013MSH|^~\\&|HIS%d|QS|YL|X|%s||%s|%s%d-%d|P|2.4||||||UNICODE UTF-8\rPID|1||B%d-%d^^^D%d||%s\r", s->n, made,
                    kind == ORU ? "ORU^R01" : kind == KNOWN ? "ADT^A08" : "ADT^A04", kinds[kind], s->n, number, s->n, patient, s->n, person);
}

static void put(struct sender *s, enum kind kind, int64_t at_us)
{
    int number = next[kind][s->n]++;
    char m[3000], when[80]; /* a blood count a quarter of an hour: two at one time would be taken for one sent twice */
    int at = number / KNOWN_EACH, n = head(m, sizeof m, s, kind, number);
    snprintf(when, sizeof when, "20%02d%02d%02d%02d%02d01", 10 + at / 32256 % 16, 1 + at / 2688 % 12, 1 + at / 96 % 28, at / 4 % 24, at % 4 * 15);
    if (kind != ORU)
        n += snprintf(m + n, sizeof m - (size_t)n, "PV1|1|O|门诊^^^内科\r");
    else
        n += snprintf(m + n, sizeof m - (size_t)n, "OBR|1|p%d|f%d|CBC^血常规|||%s\rOBX|1|NM|WBC^白细胞^L||%d.%d|10*9/L|4-10|N|||F|||%s\rOBX|2|NM|HGB^血红蛋白^L||%d|g/L|110-150|N|||F|||%s\r"
                      "OBX|3|NM|PLT^血小板^L||%d|10*9/L|100-300|N|||F|||%s\r", number, number, when, number % 9, number % 10, when, 100 + number % 60, when, 90 + number % 200, when);
    memcpy(m + n, "\034\r", 2);
    s->sent_us[(s->head + s->unanswered++) % OPEN_MAX] = at_us;
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
        s->head = (s->head + 1) % OPEN_MAX;
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

/* What came, after at most this long. */
static size_t take_all(int64_t wait_us)
{
    struct pollfd polls[CONNECTIONS_MAX];
    size_t taken = 0;
    for (int i = 0; i < connections; i++)
        polls[i] = (struct pollfd){senders[i].fd, POLLIN, 0};
    struct timespec wait = {.tv_sec = wait_us / 1000000, .tv_nsec = wait_us % 1000000 * 1000};
    ppoll(polls, (nfds_t)connections, &wait, NULL);
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

static void take_rest(void)
{
    while (any_unanswered())
        take_all(100000);
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
            put(&senders[i], KNOWN, now_us());
    take_rest();
}

struct count {
    double cpu, postgres; /* of the daemon, and of the server behind it */
    int64_t from_us;
    size_t first; /* place of the first latency after the warm-up */
};

static struct count begin(void)
{
    n_latencies = 0;
    return (struct count){process_cpu_s(site.daemon), postgres_cpu_s(), now_us(), 0};
}

static void warm(struct count *c)
{
    if (!c->first && now_us() > c->from_us + 1000000) c->first = n_latencies;
}

/* Messages a second. */
static double print(const struct count *c, size_t answered)
{
    double cpu = process_cpu_s(site.daemon) - c->cpu, database = postgres_cpu_s() - c->postgres, rate = (double)answered / (double)(now_us() - c->from_us) * 1e6;
    const double *l = latencies + c->first;
    size_t n = n_latencies - c->first;
    qsort(latencies + c->first, n, sizeof *latencies, up);
    printf("%.0f messages/s, daemon %.0f us of processor time a message = %.0f/s a core; p50 %.1f ms, p99 %.1f ms, max %.1f ms; RSS %ld MB", rate, cpu * 1e6 / (double)answered,
           (double)answered / cpu, n ? l[n / 2] : 0, n ? l[n * 99 / 100] : 0, n ? l[n - 1] : 0, site_rss_kb() / 1024);
    if (postgres.pid) printf("; PostgreSQL %.0f us a message", database * 1e6 / (double)answered);
    printf("\n");
    fflush(stdout);
    return rate;
}

static double as_much_as_is_taken(enum kind kind, int seconds)
{
    struct count c = begin();
    size_t answered = 0;
    while (now_us() < c.from_us + seconds * 1000000ll) {
        for (int i = 0; i < connections; i++)
            while (senders[i].unanswered < window)
                put(&senders[i], kind, now_us());
        answered += take_all(100000);
        warm(&c);
    }
    printf("%s, %d connections, %d open each: ", titles[kind], connections, window);
    double rate = print(&c, answered);
    take_rest();
    return rate;
}

/* Microseconds to the next, of that many a second that know nothing of each other. */
static double gap_us(double rate)
{
    return -log((roll(1000000) + 1) / 1e6) / rate * 1e6;
}

static void as_many_as_are_offered(enum kind kind, int seconds, double rate)
{
    struct count c = begin();
    size_t answered = 0;
    double due = (double)c.from_us;
    while (now_us() < c.from_us + seconds * 1000000ll) {
        while (due <= (double)now_us()) {
            int line, tries = 0;
            for (; senders[line = (int)roll((uint32_t)connections)].unanswered == OPEN_MAX; tries++)
                if (tries == 1000) exit(fprintf(stderr, "%.0f messages/s are more than the daemon takes\n", rate));
            put(&senders[line], kind, (int64_t)due);
            due += gap_us(rate);
        }
        int64_t rest = (int64_t)due - now_us();
        answered += take_all(rest > 0 ? rest : 0);
        warm(&c);
    }
    printf("%s, %d connections, %.0f/s offered: ", titles[kind], connections, rate);
    (void)print(&c, answered);
    take_rest();
}

static void measure(enum kind kind, int seconds, double rate)
{
    double taken = as_much_as_is_taken(kind, seconds);
    as_many_as_are_offered(kind, seconds, rate > 0 ? rate : taken / 2);
}

int main(int argc, char **argv)
{
    char more[200], command[300];
    bool own_server = argc > 1 && strcmp(argv[1], "--postgres") == 0;
    argc -= own_server;
    argv += own_server;
    int seconds = argc > 2 ? atoi(argv[2]) : 5, kind = 0;
    connections = argc > 1 ? atoi(argv[1]) : connections;
    window = argc > 3 ? atoi(argv[3]) : window;
    while (argc > 4 && kind < KINDS && strcmp(argv[4], kinds[kind]) != 0)
        kind++;
    bool all = argc <= 4 || strcmp(argv[4], "all") == 0;
    if (connections < 1 || connections > CONNECTIONS_MAX || window < 1 || window > OPEN_MAX || (!all && kind == KINDS))
        return fprintf(stderr, "bench_server_hl7 [--postgres] [CONNECTIONS] [SECONDS] [WINDOW] [oru|known|new|all] [RATE]\n"), 2;
    postgres_begin(own_server, NULL);
    make_time();
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
        if (all || k == kind) measure((enum kind)k, seconds, argc > 5 ? atof(argv[5]) : 0);
    return site_stop(NULL);
}
