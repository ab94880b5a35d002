/* The load generator: publishers and many viewers with real ICE, DTLS and SRTP against a running server, this one (WHIP, WHEP) or Janus
 * (VideoRoom), whose CPU time and memory it reads from /proc. One run of one case, one line of JSON. tests/bench/load.mjs starts
 * the servers, runs cases in turns and compares; see there for the conditions.
 *
 *   bench_server_load --target yilian|janus --pid PID --port SIGNALING --address A [--token T[,T..]] (one for each room)
 *                     [--rooms R] [--publishers P] [--viewers N] [--seconds S] [--spacing US] [--codec vp8|h264] [--every K] [--gro]
 *                     [--rate JOINS_PER_SECOND] [--burst N]
 *
 * Each publisher sends 1 Mbit/s in 30 frames a second (keyframe every 2 s, or when asked for, at most every 300 ms) whose packets are
 * SPACING apart, and 50 packets of Opus: 176 packets a second. Every viewer watches all publishers of its room, reports once a second,
 * never asks again for what is lost. Every packet is counted by its number; every K-th is opened and what it says is checked.
 * --burst N: with that many viewers watching (each of their packets opened) N more join within one second.
 * Times of arrival are the kernel's, so the generator may fetch packets late, in batches, and wakes nobody per packet.
 */
#include "tests/lib/process.h"
#include "tests/lib/load_signal.h"
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#define SWEEP_US 4000
#define REST_US 150000
#define SLICE 16
#define SAMPLES_MAX 4000000
#define FRAME_US 33333
#define AUDIO_US 20000
#define PACKET_BYTES 992
#define KEY_FRAMES 60 /* from one keyframe to the next */

static struct options {
    struct load_target target;
    pid_t pid;
    int rooms, publishers, viewers, seconds, spacing_us, rate, burst;
    unsigned every;
    bool gro;
} o = {.rooms = 1, .publishers = 1, .viewers = 10, .seconds = 8, .spacing_us = 500, .rate = 50, .every = 8};

static struct publisher {
    struct load_peer peer;
    uint16_t video_seq, audio_seq, wide_seq, picture;
    uint32_t frame, audio;
    int since_key, packets, index;
    bool key;
    int64_t frame_us, audio_us, packet_us, key_us;
    uint64_t sent;
    int plis;
} *publishers;
static struct load_peer *viewers;
static int n_publishers, n_open, n_failed;
static struct dtls_identity *identity;
static int epoll;
static uint8_t *buffer;
static size_t piece;
static int64_t sweep_us, rest_us; /* rest_us: publishers are silent since then */

struct samples {
    size_t n;
    float *at; /* milliseconds */
};
static struct samples latency, of_voice, lag;
static bool measuring;

/* ---- what the server uses ---- */
static void walk(pid_t pid, uint64_t *ns, long *kib)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        unsigned long run = 0;
        int child;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%lu", &run) == 1) *ns += run;
        if (f) fclose(f);
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, e->d_name);
        f = fopen(path, "r");
        while (f && fscanf(f, "%d", &child) == 1)
            walk(child, ns, kib);
        if (f) fclose(f);
    }
    if (d) closedir(d);
    *kib += process_rss_kb(pid);
}

/* Datagrams that the kernel dropped because nobody fetched them in time: at our sockets, at the server's, and before any socket. */
struct drops {
    uint64_t own, server, device;
};

static bool is_ours(unsigned port)
{
    for (int i = 0; i < n_open; i++)
        if (viewers[i].port == port) return true;
    for (int i = 0; i < n_publishers; i++)
        if (publishers[i].peer.port == port) return true;
    return false;
}

static struct drops drops(void)
{
    struct drops d = {0};
    char line[512];
    unsigned port, dropped, media = n_publishers ? ntohs(publishers[0].peer.remote.at.sin_port) : 0;
    unsigned long n;
    FILE *f = fopen("/proc/net/udp", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%*d: %*x:%x %*x:%*x %*x %*x:%*x %*x:%*x %*x %*u %*u %*u %*d %*s %lu", &port, &n) != 2) continue;
        if (port == media) d.server += n;
        else if (is_ours(port)) d.own += n;
    }
    if (f) fclose(f);
    f = fopen("/proc/net/softnet_stat", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%*x %x", &dropped) == 1) d.device += dropped;
    if (f) fclose(f);
    return d;
}

struct usage {
    int64_t at_us;
    uint64_t server_ns, own_ns, busy_ns; /* busy: of the whole machine */
    long server_kib;
};

static struct usage usage(void)
{
    struct usage u = {.at_us = clock_monotonic_us()};
    struct timespec t;
    unsigned long v[8] = {0};
    walk(o.pid, &u.server_ns, &u.server_kib);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    u.own_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    FILE *f = fopen("/proc/stat", "r");
    if (f && fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) == 8)
        u.busy_ns = (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) * (1000000000u / (unsigned long)sysconf(_SC_CLK_TCK));
    if (f) fclose(f);
    return u;
}

/* ---- samples ---- */
static void add(struct samples *s, double ms)
{
    if (!s->at) s->at = malloc(SAMPLES_MAX * sizeof *s->at);
    if (s->n < SAMPLES_MAX) s->at[s->n++] = (float)ms;
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double percentile(struct samples *s, double p)
{
    if (!s->n) return 0;
    qsort(s->at, s->n, sizeof *s->at, compare);
    return (double)s->at[(size_t)((double)(s->n - 1) * p)];
}

static json_t *summary(struct samples *s)
{
    return json_pack("{s:I,s:f,s:f,s:f,s:f}", "n", (json_int_t)s->n, "p50", percentile(s, .5), "p95", percentile(s, .95), "p99", percentile(s, .99), "max",
                     percentile(s, 1));
}

static void sample(struct load_peer *p, const struct load_note *n, int64_t at_us)
{
    if (!measuring || (o.burst && !p->every_packet)) return;
    add(&latency, (double)(at_us - n->sent_us) / 1000);
    if (!n->packets) add(&of_voice, (double)(at_us - n->sent_us) / 1000);
}

/* ---- publishing ---- */
static size_t head(struct publisher *p, uint8_t *b, bool video, uint16_t seq, uint32_t ts, bool marker)
{
    b[0] = 0x90;
    b[1] = (uint8_t)((marker ? 0x80 : 0) | (video ? 96 : 111));
    put_u16(b + 2, seq);
    put_u32(b + 4, ts);
    put_u32(b + 8, (uint32_t)((video ? 2000 : 1000) + p->peer.index));
    memcpy(b + 12, (uint8_t[]){0xbe, 0xde, 0, 2, 0x40, video ? '1' : '0', 0x31, 0, 0, 0, 0, 0}, 12); /* MID; transport-wide number */
    put_u16(b + 19, p->wide_seq++);
    return 24;
}

static void describe_vp8(struct publisher *p, uint8_t *d)
{
    d[0] = (uint8_t)(0x80 | (p->index == 0 ? 0x10 : 0));
    d[1] = 0x80;
    put_u16(d + 2, 0x8000 | (p->picture & 0x7fff));
    if (p->index == 0) memcpy(d + 4, (uint8_t[]){p->key ? 0x10 : 0x11, 0, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1}, 10); /* 640x480 */
}

static void describe_h264(struct publisher *p, uint8_t *d)
{
    d[0] = 0x7c; /* FU-A */
    d[1] = (uint8_t)((p->index == 0 ? 0x80 : 0) | (p->index == p->packets - 1 ? 0x40 : 0) | (p->key ? 5 : 1));
}

static void send_packet(struct publisher *p, bool video, int64_t due_us)
{
    uint8_t b[1400];
    size_t len = video ? PACKET_BYTES + (p->index > 1) : 120; /* libwebrtc: the later ones of a frame are a byte longer */
    struct load_note n = {load_real_us(), LOAD_MAGIC, (uint16_t)p->peer.index, 0, 0, 0, {0}};
    size_t at = head(p, b, video, video ? p->video_seq++ : p->audio_seq++, video ? p->frame * 3000 : p->audio * 960, video && p->index == p->packets - 1);
    memset(b + at, 0x55, len - at);
    if (video) {
        n.key = p->key;
        n.packets = (uint8_t)p->packets;
        n.index = (uint8_t)p->index;
        if (o.target.h264) describe_h264(p, b + at);
        else describe_vp8(p, b + at);
    }
    memcpy(b + at + LOAD_NOTE, &n, sizeof n);
    rtc_client_send(&p->peer.rtc, b, len, false);
    p->sent++;
    if (measuring) add(&lag, (double)(clock_monotonic_us() - due_us) / 1000);
}

static void begin_frame(struct publisher *p, int64_t now_us)
{
    bool asked = p->peer.rtc.plis_in != p->plis && now_us - p->key_us >= 300000;
    p->key = !p->frame || p->since_key >= KEY_FRAMES || asked;
    if (p->key) {
        p->since_key = 0;
        p->key_us = now_us;
        p->plis = p->peer.rtc.plis_in;
    }
    p->since_key++;
    p->frame++;
    p->picture++;
    p->packets = p->key ? 16 : 4;
    p->index = 0;
    p->packet_us = p->frame_us;
    p->frame_us += FRAME_US;
}

/* Sends what is due; returns when the next is. */
static int64_t publish(struct publisher *p, int64_t now_us)
{
    if (!p->peer.rtc.srtp) return INT64_MAX;
    if (!p->frame_us) {
        p->frame_us = now_us + p->peer.index * 7919 % FRAME_US;
        p->audio_us = now_us + p->peer.index * 6133 % AUDIO_US;
    }
    for (; p->audio_us <= now_us; p->audio_us += AUDIO_US, p->audio++)
        send_packet(p, false, p->audio_us);
    for (;;) {
        if (p->index == p->packets) {
            if (p->frame_us > now_us) break;
            begin_frame(p, now_us);
        }
        if (p->packet_us > now_us) break;
        send_packet(p, true, p->packet_us);
        p->index++;
        p->packet_us += o.spacing_us;
    }
    int64_t video = p->index == p->packets ? p->frame_us : p->packet_us;
    return video < p->audio_us ? video : p->audio_us;
}

static int64_t publish_all(void)
{
    int64_t next = INT64_MAX, now = clock_monotonic_us();
    for (int i = 0; i < n_publishers && !rest_us; i++) {
        int64_t t = publish(&publishers[i], now);
        if (t < next) next = t;
    }
    return next;
}

/* ---- the loop ---- */
static struct load_sink sink_of(void)
{
    return (struct load_sink){o.every, sample};
}

static void watch_fd(struct load_peer *p, bool on)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    epoll_ctl(epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, p->fd, &e);
}

/* Signaling has answered: the checks begin. While a peer joins its socket wakes us; afterwards it is swept. */
static void advance(struct load_peer *p)
{
    if (p->started || !p->ready) return;
    if (__atomic_load_n(&p->ready, __ATOMIC_ACQUIRE) < 0 || load_start(p, identity)) {
        n_failed++;
        p->ready = 0;
        return;
    }
    load_tick(p, clock_monotonic_us());
    watch_fd(p, true);
}

static void fetch(struct load_peer *p)
{
    struct load_sink sink = sink_of();
    bool joining = !p->first_us;
    load_receive(p, buffer, piece, &sink);
    if (joining && p->first_us && !p->publishes) watch_fd(p, false);
}

static int64_t serve(struct load_peer *p, int64_t now_us)
{
    advance(p);
    if (!p->started) return 0;
    if (p->first_us) fetch(p);
    load_tick(p, now_us);
    return 0;
}

static int64_t sweep(void)
{
    int64_t next = publish_all();
    for (int i = 0; i < n_open; i++) {
        serve(&viewers[i], clock_monotonic_us());
        if (i % SLICE == SLICE - 1) next = publish_all();
    }
    for (int i = 0; i < n_publishers; i++) {
        advance(&publishers[i].peer);
        if (publishers[i].peer.started) load_tick(&publishers[i].peer, clock_monotonic_us());
    }
    return next;
}

static void turn(void)
{
    struct epoll_event e[64];
    int64_t next = publish_all(), now = clock_monotonic_us();
    if (now >= sweep_us) {
        sweep_us = now + SWEEP_US;
        next = sweep();
        now = clock_monotonic_us();
    }
    if (sweep_us < next) next = sweep_us;
    struct timespec t = {.tv_nsec = next > now ? (next - now) * 1000 : 0};
    int n = epoll_pwait2(epoll, e, 64, &t, NULL);
    for (int i = 0; i < n; i++) {
        fetch(e[i].data.ptr);
        if (i % 4 == 3) publish_all();
    }
}

static void run_until(int64_t until_us)
{
    while (clock_monotonic_us() < until_us)
        turn();
}

/* Until nothing is on its way any more: what is sent in a window and what comes in it are the same packets then. Afterwards all goes on as if
 * no time had passed. */
static void rest(void)
{
    rest_us = clock_monotonic_us();
    run_until(rest_us + REST_US);
    int64_t rested = clock_monotonic_us() - rest_us;
    rest_us = 0;
    for (int i = 0; i < n_publishers; i++) {
        struct publisher *p = &publishers[i];
        if (!p->frame_us) continue;
        p->frame_us += rested;
        p->audio_us += rested;
        p->packet_us += rested;
    }
}

static void must(bool ok, const char *what)
{
    if (ok) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

/* ---- joining ---- */
static void open_peer(struct load_peer *p, int room, int index, bool publishes)
{
    *p = (struct load_peer){.room = room, .index = index, .publishes = publishes, .controlled = o.target.janus && !publishes};
    static int number;
    snprintf(p->ufrag, sizeof p->ufrag, "l%07x", ++number);
    snprintf(p->password, sizeof p->password, "%024x", number * 2654435761u);
    must(load_socket(p, o.target.address, o.gro) == 0, "no socket (ulimit -n?)");
    load_signal(p);
}

static void open_publishers(void)
{
    int64_t limit = clock_monotonic_us() + 20000000;
    n_publishers = o.rooms * o.publishers;
    publishers = calloc((size_t)n_publishers, sizeof *publishers);
    for (int i = 0; i < n_publishers; i++)
        open_peer(&publishers[i].peer, i / o.publishers, i % o.publishers, true);
    for (int connected = 0; connected < n_publishers;) {
        turn();
        connected = 0;
        for (int i = 0; i < n_publishers; i++)
            connected += publishers[i].peer.rtc.srtp != NULL;
        must(!n_failed && clock_monotonic_us() < limit, "a publisher does not connect");
    }
    run_until(clock_monotonic_us() + 500000);
}

static void open_viewers(int n, int rate, bool every_packet)
{
    int64_t began = clock_monotonic_us();
    for (int i = 0; i < n; i++) {
        run_until(began + (int64_t)i * 1000000 / rate);
        struct load_peer *p = &viewers[n_open];
        open_peer(p, n_open % o.rooms, n_open, false);
        p->every_packet = every_packet;
        n_open++;
    }
}

static void all_in(int limit_s)
{
    int64_t limit = clock_monotonic_us() + limit_s * 1000000ll;
    for (int in = 0; in < n_open && clock_monotonic_us() < limit;) {
        turn();
        in = 0;
        for (int i = 0; i < n_open; i++)
            in += viewers[i].picture_us != 0;
    }
}

static int plis(void)
{
    int n = 0;
    for (int i = 0; i < n_publishers; i++)
        n += publishers[i].peer.rtc.plis_in;
    return n;
}

/* ---- measuring ---- */
static void begin_window(void)
{
    latency.n = of_voice.n = lag.n = 0;
    for (int i = 0; i < n_open; i++)
        if (viewers[i].started) load_forget_counts(&viewers[i]);
    for (int i = 0; i < n_publishers; i++)
        publishers[i].sent = 0;
    measuring = true;
}

static json_t *costs(const struct usage *from, const struct usage *to, uint64_t got)
{
    double took = (double)(to->at_us - from->at_us) / 1e6, server = (double)(to->server_ns - from->server_ns), own = (double)(to->own_ns - from->own_ns);
    double others = ((double)(to->busy_ns - from->busy_ns) - server - own) / took / 1e7;
    return json_pack("{s:f,s:f,s:f,s:f}", "us_per_packet", got ? server / 1000 / (double)got : 0.0, "cpu_percent", server / took / 1e7, "generator_percent",
                     own / took / 1e7, "others_percent", others > 0 ? others : 0.0);
}

static json_t *window(int seconds)
{
    uint64_t got = 0, expected = 0, wrong = 0, opened = 0, twice = 0, should = 0;
    int silent = 0;
    rest();
    struct drops before = drops();
    struct usage from = usage();
    begin_window();
    run_until(from.at_us + seconds * 1000000ll);
    struct usage to = usage();
    rest();
    measuring = false;
    struct drops after = drops();
    for (int i = 0; i < n_open; i++) {
        const struct load_peer *p = &viewers[i];
        got += p->got;
        opened += p->opened;
        wrong += p->wrong;
        silent += p->got == 0;
        if (p->started) expected += load_expected(p);
        for (size_t s = 0; p->streams && s < LOAD_STREAMS; s++)
            twice += p->streams[s].twice;
        for (int k = 0; k < n_publishers; k++)
            if (publishers[k].peer.room == p->room) should += publishers[k].sent;
    }
    json_t *out = costs(&from, &to, got);
    double took = (double)(to.at_us - from.at_us) / 1e6;
    /* By the streams' numbers. A stream that fell silent shows in `short`. */
    double lost = expected > got ? 100.0 * (double)(expected - got) / (double)expected : 0.0, less = should > got ? 100.0 * (double)(should - got) / (double)should : 0.0;
    json_object_update_new(out, json_pack("{s:f,s:f,s:f,s:I,s:I,s:I,s:i,s:o,s:f}", "packets_per_second", (double)got / took, "lost_percent", lost, "short_percent", less,
                                          "opened", (json_int_t)opened, "wrong", (json_int_t)wrong, "twice", (json_int_t)twice, "silent", silent, "latency_ms",
                                          summary(&latency), "lag_p99_ms", percentile(&lag, .99)));
    json_object_set_new(out, "dropped", json_pack("{s:I,s:I,s:I}", "generator", (json_int_t)(after.own - before.own), "server", (json_int_t)(after.server - before.server),
                                                  "device", (json_int_t)(after.device - before.device)));
    json_object_set_new(out, "voice_ms", summary(&of_voice));
    json_object_set_new(out, "missing", json_integer(should > got ? (json_int_t)(should - got) : 0));
    return out;
}

static json_t *joins(int from)
{
    struct samples steps[5] = {0};
    static const char *const names[] = {"answered", "checked", "connected", "first", "picture"};
    json_t *out = json_object();
    for (int i = from; i < n_open; i++) {
        const struct load_peer *p = &viewers[i];
        int64_t t[] = {p->answered_us, p->checked_us, p->connected_us, p->first_us, p->picture_us};
        for (int k = 0; k < 5; k++)
            if (t[k]) add(&steps[k], (double)(t[k] - p->asked_us) / 1000);
    }
    for (int k = 0; k < 5; k++) {
        json_object_set_new(out, names[k], summary(&steps[k]));
        free(steps[k].at);
    }
    return out;
}

static json_t *run_case(void)
{
    json_t *out = json_object();
    open_publishers();
    struct usage before = usage();
    open_viewers(o.viewers, o.rate, o.burst != 0);
    all_in(20);
    run_until(clock_monotonic_us() + 2000000);
    json_object_set_new(out, "joins", joins(0));
    json_object_set_new(out, "keyframe_requests", json_integer(plis()));
    json_object_set_new(out, "window", window(o.seconds));
    json_object_set_new(out, "kib_per_viewer", json_real(n_open ? (double)(usage().server_kib - before.server_kib) / n_open : 0));
    return out;
}

/* Joins in the middle of a window: what they do to those who watch, and how long they take. */
static json_t *run_burst(void)
{
    json_t *out = json_object();
    open_publishers();
    open_viewers(o.viewers, o.rate, true);
    all_in(20);
    run_until(clock_monotonic_us() + 2000000);
    json_object_set_new(out, "quiet", window(o.seconds));
    int first = n_open, before = plis();
    begin_window();
    open_viewers(o.burst, o.burst, false);
    run_until(clock_monotonic_us() + 1000000);
    measuring = false;
    json_object_set_new(out, "during", json_pack("{s:o,s:f}", "latency_ms", summary(&latency), "lag_p99_ms", percentile(&lag, .99)));
    all_in(10);
    json_object_set_new(out, "joins", joins(first));
    json_object_set_new(out, "keyframe_requests", json_integer(plis() - before));
    return out;
}

static void read_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *k = argv[i], *v = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(k, "--gro")) {
            o.gro = true;
            continue;
        }
        i++;
        if (!strcmp(k, "--target")) o.target.janus = !strcmp(v, "janus");
        else if (!strcmp(k, "--pid")) o.pid = atoi(v);
        else if (!strcmp(k, "--port")) o.target.port = (uint16_t)atoi(v);
        else if (!strcmp(k, "--address")) o.target.address = v;
        else if (!strcmp(k, "--token")) o.target.token = v;
        else if (!strcmp(k, "--rooms")) o.rooms = atoi(v);
        else if (!strcmp(k, "--publishers")) o.publishers = atoi(v);
        else if (!strcmp(k, "--viewers")) o.viewers = atoi(v);
        else if (!strcmp(k, "--seconds")) o.seconds = atoi(v);
        else if (!strcmp(k, "--spacing")) o.spacing_us = atoi(v);
        else if (!strcmp(k, "--codec")) o.target.h264 = !strcmp(v, "h264");
        else if (!strcmp(k, "--every")) o.every = (unsigned)atoi(v);
        else if (!strcmp(k, "--rate")) o.rate = atoi(v);
        else if (!strcmp(k, "--burst")) o.burst = atoi(v);
        else must(false, k);
    }
    must(o.pid && o.target.port && o.target.address && o.rooms >= 1 && o.rooms <= 64 && o.publishers >= 1 && o.publishers <= 64 && o.every && o.rate, "see the head of server_load.c");
}

int main(int argc, char **argv)
{
    struct rlimit files = {1 << 16, 1 << 16};
    read_options(argc, argv);
    setrlimit(RLIMIT_NOFILE, &files);
    setpriority(PRIO_PROCESS, 0, -10); /* late sends would be the generator's own latency; without the right it stays as it is */
    must(dtls_identity_new(&identity, DTLS_ENGINE_OPENSSL) == 0, "no identity");
    load_clock_offset_us = load_real_us() - clock_monotonic_us();
    piece = o.gro ? 65536 : 2048;
    buffer = malloc(LOAD_BATCH * piece);
    viewers = calloc((size_t)(o.viewers + o.burst), sizeof *viewers);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    o.target.fingerprint = dtls_identity_fingerprint(identity);
    o.target.publishers = o.publishers;
    if (o.target.janus) must(janus_rooms(&o.target, o.rooms), "Janus makes no rooms");
    load_signal_start(&o.target);
    json_t *out = o.burst ? run_burst() : run_case();
    json_object_set_new(out, "failed", json_integer(n_failed));
    load_signal_stop();
    json_dumpf(out, stdout, JSON_REAL_PRECISION(6) | JSON_COMPACT);
    puts("");
    for (int i = 0; i < n_open; i++)
        load_close(&viewers[i]);
    for (int i = 0; i < n_publishers; i++)
        load_close(&publishers[i].peer);
    return n_failed ? 1 : 0;
}
