/* What it costs to pass a room on to an edge: processor time of both daemons for each packet that crosses the link, and of the edge for each that
 * it sends on to viewers by WHEP, with media that has FRAME bytes in each picture. The daemons' own time (/proc), so the clients' does not count.
 *
 * bench_server_relay [VIEWERS=100] [SECONDS=6] [FRAME=40000]. Figures: docs/decisions/0030. */
#include "tests/lib/edges.h"
#include "tests/lib/lecturer.h"

#define SDP "Content-Type: application/sdp\r\n"

static struct dtls_identity *identity;
static struct rtc_client viewers[500];

static bool come(struct rtc_client *c, const char *url)
{
    struct ice_credentials theirs;
    char fingerprint[200], text[2200];
    unsigned udp = 0;
    const char *at, *f = dtls_identity_fingerprint(identity);
    snprintf(text, sizeof text,
             "v=0\r\no=- 42 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
             "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
             "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n"
             "a=rtcp-fb:96 nack pli\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n", f, f);
    web_close(&last);
    if (web_once(&last, edges[0].port, "POST", url, SDP, text) != 201) return false;
    if (!(at = strstr(last.body, "a=ice-ufrag:")) || sscanf(at, "a=ice-ufrag:%15s", theirs.ufrag) != 1) return false;
    if (!(at = strstr(last.body, "a=ice-pwd:")) || sscanf(at, "a=ice-pwd:%31s", theirs.password) != 1) return false;
    if (!(at = strstr(last.body, "a=fingerprint:")) || sscanf(at, "a=fingerprint:sha-256 %199s", fingerprint) != 1) return false;
    if (!(at = strstr(last.body, "a=candidate:")) || sscanf(at, "%*s 1 udp %*u 127.0.0.1 %u", &udp) != 1) return false;
    return rtc_client_open(c, identity, (uint16_t)udp, &theirs, fingerprint) == 0 && rtc_client_connect(c, 5000);
}

struct taken { /* over a while */
    double origin_s, edge_s, seconds;
    int64_t link, in, out; /* packets that the origin sent; that came to the edge; that it sent */
};

static int64_t figure_of(uint16_t port, const char *what)
{
    char name[80];
    snprintf(name, sizeof name, "yilian_media_packets_%s_total", what);
    return figure(port, name);
}

/* What comes is taken and thrown away, unread: the clients would take the whole machine. */
static struct taken watch(int n, int seconds)
{
    static char bytes[65536];
    struct taken t = {process_cpu_s(site.daemon), process_cpu_s(edges[0].pid), 0, figure_of(site.port, "sent"), figure_of(edges[0].port, "received"),
                      figure_of(edges[0].port, "sent")};
    int64_t began = web_now_ms(), checked = 0;
    while (web_now_ms() - began < seconds * 1000) {
        bool check = web_now_ms() - checked > 1000;
        if (check) checked = web_now_ms();
        for (int i = 0; i < n; i++) {
            if (check) rtc_client_check(&viewers[i]);
            while (recv(viewers[i].fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
                ;
        }
        usleep(5000);
    }
    return (struct taken){process_cpu_s(site.daemon) - t.origin_s, process_cpu_s(edges[0].pid) - t.edge_s, (double)(web_now_ms() - began) / 1000,
                          figure_of(site.port, "sent") - t.link, figure_of(edges[0].port, "received") - t.in, figure_of(edges[0].port, "sent") - t.out};
}

static void say(const char *what, struct taken t)
{
    printf("%s: origin %.1f %% of a core, edge %.1f %%; %.0f packets/s over the link, %.0f/s to viewers\n", what, t.origin_s / t.seconds * 100, t.edge_s / t.seconds * 100,
           (double)t.link / t.seconds, (double)t.out / t.seconds);
}

int main(int argc, char **argv)
{
    struct lecturer lecturer = {0};
    char token[80], headers[300], url[300];
    uint16_t port;
    int n = argc > 1 ? atoi(argv[1]) : 100, seconds = argc > 2 ? atoi(argv[2]) : 6, frame = argc > 3 ? atoi(argv[3]) : 40000;
    if (n < 2 || n > 500 || dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 2;
    site_start("request.rate = 5000\nlisten.connections_per_address = 1000\nnode.secret = " SECRET "\n");
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n" SDP, token);
    if (web_once(&last, site.port, "POST", "/whip/talk", headers, lecturer_offer(identity)) != 201 || !lecturer_begin(&lecturer, identity, last.body, (size_t)frame)) return 1;
    edge_start(0);
    until_figure(site.port, "yilian_node_edges", 1);
    struct taken idle = watch(0, seconds);
    web_close(&last);
    if (web_once(&last, site.port, "POST", "/whep/talk", headers, lecturer_offer(identity)) != 307) return 1;
    if (sscanf(web_header(&last, "Location"), "https://127.0.0.1:%hu%299s", &port, url) != 2 || !come(&viewers[0], url)) return 1;
    (void)watch(1, 2);
    struct taken one = watch(1, seconds);
    for (int i = 1; i < n; i++)
        if (!come(&viewers[i], url)) return 1;
    (void)watch(n, 2);
    struct taken all = watch(n, seconds);
    say("nobody watches", idle);
    say("one viewer", one);
    say("all viewers", all);
    printf("a packet over the link: %.1f us of the origin, %.1f us of the edge with its one viewer; each further packet to a viewer %.2f us\n",
           (one.origin_s / one.seconds - idle.origin_s / idle.seconds) * 1e6 / ((double)one.link / one.seconds),
           (one.edge_s / one.seconds - idle.edge_s / idle.seconds) * 1e6 / ((double)one.link / one.seconds),
           (all.edge_s / all.seconds - one.edge_s / one.seconds) * 1e6 / ((double)(all.out - one.out) / all.seconds));
    for (int i = 0; i < n; i++)
        rtc_client_close(&viewers[i]);
    edge_stop(edges[0].pid);
    lecturer_end(&lecturer);
    web_close(&last);
    return site_stop(NULL);
}
