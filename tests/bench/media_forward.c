/* What the media plane costs: one lecture, N viewers, real ICE, DTLS and SRTP over loopback. The server is a process of its own, so its
 * CPU time (all threads, the loopback's receive path included) and its memory are its own. Latency is from just before the publisher's
 * send call to the kernel's receive time stamp at the viewer; one packet in 16 is opened and checked.
 *
 *   bench_media_forward [--server PROGRAM]... [--viewers 10,50,...] [--seconds S] [--spread US] [--dtls mbedtls] [--plain] [--workers N]
 *                       [--rooms N] [--rounds N] [--joins]
 *
 * --server (several times): programs that understand `serve`, such as this one of another build; they take turns within each size, and
 * the lines can be compared; --rounds: so many times, with medians at the end. --spread: microseconds between the packets of a frame (0: a burst). --plain: no UDP segmentation.
 * --rooms: the viewers are spread over that many lectures. --joins: how long a packet is held up while 100 viewers join at once.
 */
#include "media/media.h"
#include "tests/lib/process.h"
#include "tests/lib/rtc_client.h"
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <dirent.h>
#include <signal.h>
#include <time.h>

#define VIEWERS_MAX 2200
#define ROOMS_MAX 64
#define FRAME_PACKETS 4
#define ROUNDS_MAX 32
#define SAMPLES_MAX 2000000

/* ---- the server: commands as they are, on standard input ---- */
static int serve(int argc, char **argv)
{
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = ""};
    for (int i = 2; i < argc; i++) {
        if (!strcmp(argv[i], "mbedtls")) config.dtls = MEDIA_DTLS_MBEDTLS;
        if (!strcmp(argv[i], "plain")) config.no_segments = true;
        if (atoi(argv[i])) config.workers = (unsigned)atoi(argv[i]);
    }
    struct fault f = {0};
    struct media *m;
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    struct media_cmd cmd;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (media_open(&m, &config, &f)) return 1;
    media_candidates(m, cand);
    printf("%u %s\n", cand[0].port, media_fingerprint(m) + 8);
    fflush(stdout);
    while (fread(&cmd, sizeof cmd, 1, stdin) == 1)
        while (media_post(m, &cmd)) /* its queue is full for a moment */
            usleep(1000);
    media_close(m);
    return 0;
}

/* ---- the generator ---- */
struct options {
    const char *servers[8];
    int n_servers, viewers[16], n_viewers, rooms, rounds, spread_us;
    double seconds;
    char *serve_with[4];
    int n_with;
    bool joins;
};

static struct server {
    pid_t pid;
    FILE *in;
    uint16_t port;
    char fingerprint[100];
} server;
static struct dtls_identity *identity;
static int epoll;

static struct viewer {
    struct rtc_client rtc;
    uint64_t got, opened, wrong;
} *viewers;
static struct publisher {
    struct rtc_client rtc;
    uint16_t video_seq, audio_seq;
    uint64_t sent;
} publishers[ROOMS_MAX];
static float *samples; /* microseconds */
static size_t n_samples;

static void start_server(const char *program, const struct options *o)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out)) exit(1);
    server.pid = fork();
    if (server.pid == 0) {
        char *argv[8] = {(char *)(uintptr_t)program, (char *)(uintptr_t)"serve"};
        for (int i = 0; i < o->n_with; i++)
            argv[2 + i] = o->serve_with[i];
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execv(program, argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server.in = fdopen(in[1], "w");
    FILE *answer = fdopen(out[0], "r");
    if (!answer || fscanf(answer, "%hu %99s", &server.port, server.fingerprint) != 2) {
        fprintf(stderr, "%s does not serve\n", program);
        exit(1);
    }
    fclose(answer);
}

static void stop_server(void)
{
    fclose(server.in);
    waitpid(server.pid, NULL, 0);
}

static void post(struct media_cmd cmd, uint64_t room)
{
    cmd.room.v = room;
    fwrite(&cmd, sizeof cmd, 1, server.in);
    fflush(server.in);
}

/* Nanoseconds that all threads of the server have run; `slowest`: of its busiest thread. */
static uint64_t server_ns(void)
{
    char path[300];
    snprintf(path, sizeof path, "/proc/%d/task", server.pid);
    DIR *d = opendir(path);
    uint64_t all = 0, ns;
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", server.pid, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (f && fscanf(f, "%lu", &ns) == 1) all += ns;
        if (f) fclose(f);
    }
    if (d) closedir(d);
    return all;
}

static int64_t realtime_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- peers ---- */
static void open_peer(struct rtc_client *c, uint64_t peer, uint64_t room)
{
    struct media_cmd cmd = {.type = MEDIA_PEER_OPEN};
    struct ice_credentials ice;
    int on = 1, size = 1 << 20;
    media_ice_credentials(ice.ufrag, ice.password);
    cmd.peer_open.peer.v = peer;
    cmd.peer_open.room.v = room;
    memcpy(cmd.peer_open.local_ufrag, ice.ufrag, 16);
    memcpy(cmd.peer_open.local_password, ice.password, 32);
    snprintf(cmd.peer_open.remote_fingerprint, 100, "%s", dtls_identity_fingerprint(identity));
    post(cmd, room);
    if (rtc_client_open(c, identity, server.port, &ice, server.fingerprint)) exit(1);
    setsockopt(c->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static void must_connect(struct rtc_client *c, const char *who)
{
    if (rtc_client_connect(c, 20000)) return;
    fprintf(stderr, "%s does not connect\n", who);
    exit(1);
}

static void open_lecture(int room)
{
    struct publisher *p = &publishers[room];
    uint64_t id = 1000 + (uint64_t)room;
    memset(p, 0, sizeof *p);
    open_peer(&p->rtc, id, id);
    must_connect(&p->rtc, "publisher");
    post((struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {id}, .track = {id * 10}, .kind = MEDIA_VIDEO, .mid = "0", .n_payloads = 1,
                            .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 777}}, id);
    post((struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {id}, .track = {id * 10 + 1}, .kind = MEDIA_AUDIO, .mid = "1", .n_payloads = 1,
                            .payloads = {{MEDIA_OPUS, 111, 0, ""}}, .ssrc = 778}}, id);
}

static void open_viewer(int i, int rooms)
{
    uint64_t room = 1000 + (uint64_t)(i % rooms), id = 100000 + (uint64_t)i;
    struct viewer *v = &viewers[i];
    memset(v, 0, sizeof *v);
    open_peer(&v->rtc, id, room);
    post((struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {id}, .feed = {id * 10}, .track = {room * 10}, .mid = "0", .n_payloads = 1,
                            .payloads = {{MEDIA_VP8, 120, 121, ""}}, .extensions = {.mid = 9}, .ssrc = 888, .rtx_ssrc = 889}}, room);
    post((struct media_cmd){.type = MEDIA_FEED_OPEN, .feed_open = {.peer = {id}, .feed = {id * 10 + 1}, .track = {room * 10 + 1}, .mid = "1", .n_payloads = 1,
                            .payloads = {{MEDIA_OPUS, 109, 0, ""}}, .extensions = {.mid = 9}, .ssrc = 890}}, room);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, v->rtc.fd, &e);
}

/* ---- packets ---- */
static void sample(struct viewer *v, uint8_t *b, size_t n, int64_t at_us)
{
    struct rtp r;
    int64_t sent;
    if (srtp_box_open(v->rtc.srtp, b, &n, false) || rtp_parse(b, n, &r) || r.payload_len < 40) {
        v->wrong++;
        return;
    }
    v->opened++;
    memcpy(&sent, r.payload + 16, 8);
    if (n_samples < SAMPLES_MAX) samples[n_samples++] = (float)(at_us - sent);
}

static void drain(struct viewer *v, unsigned every)
{
    static uint8_t b[32][1500], control[32][64];
    static struct iovec iov[32];
    static struct mmsghdr h[32];
    for (;;) {
        for (int i = 0; i < 32; i++) {
            iov[i] = (struct iovec){b[i], sizeof b[i]};
            h[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i]};
        }
        int n = recvmmsg(v->rtc.fd, h, 32, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++) {
            if (b[i][0] < 128 || !v->rtc.srtp) {
                rtc_client_datagram(&v->rtc, b[i], h[i].msg_len);
                continue;
            }
            if (rtp_is_rtcp(b[i], h[i].msg_len)) continue;
            if (v->got++ % every) continue;
            struct cmsghdr *c = CMSG_FIRSTHDR(&h[i].msg_hdr);
            struct timespec t = {0};
            if (c) memcpy(&t, CMSG_DATA(c), sizeof t);
            sample(v, b[i], h[i].msg_len, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
        }
        if (n < 32) return;
    }
}

static void poll_viewers(int64_t until_us, unsigned every)
{
    struct epoll_event e[64];
    for (;;) {
        int64_t left = until_us - clock_monotonic_us();
        struct timespec t = {.tv_nsec = left > 0 ? (left < 5000 ? left * 1000 : 5000000) : 0};
        int n = epoll_pwait2(epoll, e, 64, &t, NULL);
        for (int i = 0; i < n; i++)
            drain(&viewers[e[i].data.u32], every);
        if (left <= 0) return;
    }
}

static void publish(struct publisher *p, size_t len, uint16_t seq, uint32_t ssrc, uint8_t pt, bool key, bool marker)
{
    uint8_t b[1300];
    rtc_client_vp8(b, seq, ssrc, key, len);
    b[1] = (uint8_t)((marker ? 0x80 : 0) | pt);
    put_u32(b + 4, ssrc == 777 ? seq / FRAME_PACKETS * 3000u : seq * 960u);
    int64_t now = realtime_us();
    memcpy(b + 28, &now, 8);
    rtc_client_send(&p->rtc, b, len, false);
    p->sent++;
}

static void video(struct publisher *p, int k)
{
    bool key = k == 0 && p->video_seq % (FRAME_PACKETS * 60) == 0;
    publish(p, 1040 + (size_t)(k > 1), p->video_seq, 777, 96, key, k == FRAME_PACKETS - 1); /* libwebrtc: the later ones a byte longer */
    p->video_seq++;
}

static void reports(int n)
{
    uint8_t b[64];
    struct rtcp_builder w;
    struct rtcp_report r = {.ssrc = 888};
    for (int i = 0; i < n; i++) {
        rtcp_begin(&w, b, sizeof b);
        if (rtcp_add_rr(&w, 1, &r, 1)) rtc_client_send(&viewers[i].rtc, b, w.len, true);
    }
}

/* One lecture each: 30 frames of four packets and 50 audio packets a second, for `us`. `during` (may be NULL) is called once a turn. */
static void lecture(const struct options *o, int n, int64_t us, unsigned every, void (*during)(int64_t passed_us))
{
    int64_t began = clock_monotonic_us(), frame = began, audio = began, report = began + 500000, now;
    int k = 0;
    while ((now = clock_monotonic_us()) - began < us) {
        int64_t next = frame < audio ? frame : audio;
        if (next > now) {
            poll_viewers(next, every);
            if (during) during(clock_monotonic_us() - began);
            continue;
        }
        if (audio <= now) {
            for (int r = 0; r < o->rooms; r++)
                publish(&publishers[r], 120, publishers[r].audio_seq++, 778, 111, false, false);
            audio += 20000;
        }
        if (frame <= now) {
            int burst = o->spread_us ? 1 : FRAME_PACKETS;
            for (int r = 0; r < o->rooms; r++)
                for (int i = 0; i < burst; i++)
                    video(&publishers[r], k + i);
            k = (k + burst) % FRAME_PACKETS;
            frame += k ? o->spread_us : 33333 - (FRAME_PACKETS - 1) * o->spread_us;
        }
        if (report <= now) {
            reports(n);
            report += 1000000;
        }
    }
    poll_viewers(clock_monotonic_us() + 200000, every);
}

static int compare(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float percentile(double p)
{
    qsort(samples, n_samples, sizeof *samples, compare);
    return n_samples ? samples[(size_t)((double)(n_samples - 1) * p)] / 1000 : 0;
}

static void connect_viewers(int from, int to, int rooms)
{
    for (int at = from; at < to; at += 20) { /* in portions: this is not the burst that --joins measures */
        int end = at + 20 < to ? at + 20 : to;
        for (int i = at; i < end; i++) {
            open_viewer(i, rooms);
            rtc_client_check(&viewers[i].rtc);
        }
        for (int i = at; i < end; i++)
            must_connect(&viewers[i].rtc, "viewer");
    }
}

static void close_viewers(int n)
{
    for (int i = 0; i < n; i++)
        rtc_client_close(&viewers[i].rtc);
}

/* Returns microseconds of CPU a packet. */
static double measure(const struct options *o, int s, int n)
{
    start_server(o->servers[s], o);
    for (int r = 0; r < o->rooms; r++)
        open_lecture(r);
    long before_kib = process_rss_kb(server.pid);
    connect_viewers(0, n, o->rooms);
    lecture(o, n, 1000000, 1000, NULL); /* warm */
    uint64_t sent = 0, got = 0, wrong = 0;
    for (int r = 0; r < o->rooms; r++)
        publishers[r].sent = 0;
    for (int i = 0; i < n; i++) {
        drain(&viewers[i], 1000);
        viewers[i].got = 0;
    }
    n_samples = 0;
    uint64_t ns = server_ns();
    int64_t began = clock_monotonic_us();
    lecture(o, n, (int64_t)(o->seconds * 1e6), 16, NULL);
    double took = (double)(clock_monotonic_us() - began) / 1e6;
    ns = server_ns() - ns;
    for (int i = 0; i < n; i++) {
        sent += publishers[i % o->rooms].sent;
        got += viewers[i].got;
        wrong += viewers[i].wrong;
    }
    printf("server %d, %4d viewers in %d: %6.0f packets/s, lost %5.2f %%, CPU %5.2f us a packet (%3.0f %% of a core), p50 %6.2f p99 %6.2f ms, %4ld KiB a viewer%s\n",
           s, n, o->rooms, (double)got / took, 100.0 - 100.0 * (double)got / (double)sent, (double)ns / 1000 / (double)got, (double)ns / took / 1e7,
           (double)percentile(0.5), (double)percentile(0.99), (process_rss_kb(server.pid) - before_kib) / n, wrong ? "  NOT AUTHENTIC" : "");
    fflush(stdout);
    close_viewers(n);
    for (int r = 0; r < o->rooms; r++)
        rtc_client_close(&publishers[r].rtc);
    stop_server();
    return (double)ns / 1000 / (double)got;
}

static int compare_costs(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void in_turns(const struct options *o, int n)
{
    double costs[8][ROUNDS_MAX];
    for (int r = 0; r < o->rounds; r++)
        for (int s = 0; s < o->n_servers; s++)
            costs[s][r] = measure(o, s, n);
    for (int s = 0; o->rounds > 1 && s < o->n_servers; s++) {
        qsort(costs[s], (size_t)o->rounds, sizeof costs[s][0], compare_costs);
        printf("server %d, %4d viewers: CPU median %.2f least %.2f most %.2f us a packet, %d rounds\n", s, n, costs[s][o->rounds / 2], costs[s][0],
               costs[s][o->rounds - 1], o->rounds);
    }
}

/* ---- a burst of joins ---- */
#define WATCHING 50
#define JOINING 100
static int joined;
static bool burst_begun;
static int64_t joins_took_us, checked_us;

static void burst(int64_t passed_us)
{
    if (passed_us < 1000000) return;
    if (!burst_begun) {
        burst_begun = true;
        n_samples = 0;
        for (int i = WATCHING; i < WATCHING + JOINING; i++) {
            open_viewer(i, 1);
            rtc_client_check(&viewers[i].rtc);
        }
    }
    joined = 0;
    bool again = passed_us - checked_us > 50000; /* a check that was lost is sent again */
    if (again) checked_us = passed_us;
    for (int i = WATCHING; i < WATCHING + JOINING; i++) {
        joined += viewers[i].rtc.srtp != NULL;
        if (again && !viewers[i].rtc.checked) rtc_client_check(&viewers[i].rtc);
        dtls_tick(viewers[i].rtc.dtls, clock_monotonic_us());
    }
    if (joined == JOINING && !joins_took_us) joins_took_us = passed_us - 1000000;
}

static void measure_joins(const struct options *o, int s)
{
    start_server(o->servers[s], o);
    open_lecture(0);
    connect_viewers(0, WATCHING, 1);
    lecture(o, WATCHING, 1000000, 1, NULL);
    n_samples = 0;
    lecture(o, WATCHING, 2000000, 1, NULL);
    float quiet50 = percentile(0.5), quiet99 = percentile(0.99), quiet = percentile(1);
    burst_begun = false;
    joins_took_us = checked_us = 0;
    lecture(o, WATCHING, 4000000, 1, burst);
    printf("server %d, %d join at once beside %d: %d joined in %.0f ms; p50 p99 worst of all packets: quiet %.2f %.2f %.2f ms, with the joins %.2f %.2f %.2f ms\n", s,
           JOINING, WATCHING, joined, (double)joins_took_us / 1000, (double)quiet50, (double)quiet99, (double)quiet, (double)percentile(0.5),
           (double)percentile(0.99), (double)percentile(1));
    fflush(stdout);
    close_viewers(WATCHING + JOINING);
    rtc_client_close(&publishers[0].rtc);
    stop_server();
}

static void parse(struct options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--joins")) o->joins = true;
        else if (!strcmp(argv[i], "--plain")) o->serve_with[o->n_with++] = (char *)(uintptr_t)"plain";
        else if (!strcmp(argv[i], "--dtls") || !strcmp(argv[i], "--workers")) o->serve_with[o->n_with++] = argv[++i];
        else if (!strcmp(argv[i], "--server") && o->n_servers < 8) o->servers[o->n_servers++] = argv[++i];
        else if (!strcmp(argv[i], "--seconds")) o->seconds = atof(argv[++i]);
        else if (!strcmp(argv[i], "--spread")) o->spread_us = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--rooms")) o->rooms = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--rounds")) o->rounds = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--viewers")) {
            char *save = NULL, list[200];
            snprintf(list, sizeof list, "%s", value);
            for (char *n = strtok_r(list, ",", &save); n && o->n_viewers < 16; n = strtok_r(NULL, ",", &save))
                if (atoi(n) > 0 && atoi(n) <= VIEWERS_MAX) o->viewers[o->n_viewers++] = atoi(n);
            i++;
        } else {
            fprintf(stderr, "unknown: %s\n", argv[i]);
            exit(2);
        }
    }
    static const int usual[] = {10, 50, 100, 200, 500};
    for (size_t i = 0; !o->n_viewers && i < 5; i++)
        o->viewers[i] = usual[i];
    if (!o->n_viewers) o->n_viewers = 5;
    if (!o->n_servers) o->servers[o->n_servers++] = "/proc/self/exe";
    if (o->rooms < 1 || o->rooms > ROOMS_MAX) o->rooms = 1;
    if (o->rounds < 1 || o->rounds > ROUNDS_MAX) o->rounds = 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "serve")) return serve(argc, argv);
    struct options o = {.seconds = 5, .rooms = 1};
    struct rlimit files = {8192, 8192};
    parse(&o, argc, argv);
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    viewers = calloc(VIEWERS_MAX, sizeof *viewers);
    samples = malloc(SAMPLES_MAX * sizeof *samples);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!viewers || !samples || epoll < 0 || dtls_identity_new(&identity, DTLS_ENGINE_OPENSSL)) return 1;
    for (int s = 0; o.joins && s < o.n_servers; s++)
        measure_joins(&o, s);
    for (int i = 0; !o.joins && i < o.n_viewers; i++)
        in_turns(&o, o.viewers[i]);
    dtls_identity_free(identity);
    free(viewers);
    free(samples);
    return 0;
}
