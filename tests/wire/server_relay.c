/* WHEP at edge nodes of a room whose publisher is at the origin, with three real daemons: who is sent there, one copy of each track over the
 * link, the first picture from what is kept, pauses and layers, and what viewers see when an edge or the origin dies. */
#include "tests/lib/edges.h"
#include "tests/lib/lecturer.h"
#include "tests/lib/sizes.h"
#include <pthread.h>

#define SDP "Content-Type: application/sdp\r\n"
#define CROWD 6

static struct dtls_identity *identity;
static struct lecturer lecturer;
static char token[80], layers_token[80], sizes_token[80];

/* ---- a publisher ---- */
static const char *with_token(const char *more)
{
    static char headers[300];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n%s", token, more);
    return headers;
}

static void publish(void)
{
    web_close(&last);
    assert_int_equal(web_once(&last, site.port, "POST", "/whip/talk", with_token(SDP), lecturer_offer(identity)), 201);
    assert_true(lecturer_begin(&lecturer, identity, last.body, 1000));
}

static int start(void **state)
{
    (void)state;
    site_start("request.rate = 500\nlisten.connections_per_address = 1000\nnode.secret = " SECRET "\n");
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    snprintf(layers_token, sizeof layers_token, "%s", site_ctl("token --room layers --publish --watch --minutes 60"));
    snprintf(sizes_token, sizeof sizes_token, "%s", site_ctl("token --room sizes --publish --watch --minutes 60"));
    if (dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 1;
    publish();
    edge_start(0);
    until_figure(site.port, "yilian_node_edges", 1);
    return 0;
}

static int stop(void **state)
{
    lecturer_end(&lecturer);
    for (int i = 0; i < 2; i++)
        if (edges[i].pid) edge_stop(edges[i].pid);
    dtls_identity_free(identity);
    web_close(&last);
    return site_stop(state);
}

/* ---- a publisher with three layers: one packet a frame, of a length that tells which ---- */
static const char rids[] = "lmh";
static const size_t *const lengths = sizes_lengths;
static struct layered {
    struct rtc_client rtc;
    pthread_t thread;
    bool inside; /* the three are sizes inside one stream */
    int stop; /* atomic */
} layered;

static void layer_packet(int layer, uint16_t seq, bool key)
{
    uint8_t b[1200] = {0x90, 0x80 | 96};
    put_u16(b + 2, seq);
    put_u32(b + 4, seq * 3000u);
    put_u32(b + 8, 3000 + (uint32_t)layer);
    memcpy(b + 12, (uint8_t[]){0xbe, 0xde, 0, 1, 4 << 4, '0', 5 << 4, (uint8_t)rids[layer]}, 8); /* RFC 8285, 8852 */
    memset(b + 20, 0x55, lengths[layer]);
    memcpy(b + 20, (uint8_t[]){0x10, key ? 0 : 1, 0, 0, 0x9d, 1, 0x2a, 64, 0, 64, 0}, 11);
    rtc_client_send(&layered.rtc, b, 20 + lengths[layer], false);
}

static void size_packet(int size, uint16_t picture, bool key)
{
    uint8_t b[1200] = {0x80, (uint8_t)(98 | (size == 2 ? 0x80 : 0))};
    put_u16(b + 2, (uint16_t)(picture * 3 + size));
    put_u32(b + 4, picture * 3000u);
    put_u32(b + 8, 3100);
    sizes_payload(b + 12, size, picture, key);
    rtc_client_send(&layered.rtc, b, 12 + sizes_lengths[size], false);
}

static void *layers_run(void *arg)
{
    int64_t next_us = clock_monotonic_us();
    int plis = 0;
    for (uint16_t seq = 0; !__atomic_load_n(&layered.stop, __ATOMIC_RELAXED); seq++, next_us += 33000) {
        bool key = seq % 90 == 0 || layered.rtc.plis_in != plis;
        plis = layered.rtc.plis_in;
        for (int i = 0; i < 3; i++)
            (layered.inside ? size_packet : layer_packet)(i, seq, key);
        if (seq % 60 == 0) rtc_client_check(&layered.rtc);
        while (clock_monotonic_us() < next_us + 33000)
            rtc_client_poll(&layered.rtc, 5);
    }
    return arg;
}

static bool connect_rtc(struct rtc_client *c, const char *answer, void (*heard)(void *ctx, const struct rtp *p), void *ctx)
{
    struct ice_credentials theirs;
    char fingerprint[200];
    unsigned udp = 0;
    const char *at;
    if (!(at = strstr(answer, "a=ice-ufrag:")) || sscanf(at, "a=ice-ufrag:%15s", theirs.ufrag) != 1) return false;
    if (!(at = strstr(answer, "a=ice-pwd:")) || sscanf(at, "a=ice-pwd:%31s", theirs.password) != 1) return false;
    if (!(at = strstr(answer, "a=fingerprint:")) || sscanf(at, "a=fingerprint:sha-256 %199s", fingerprint) != 1) return false;
    if (!(at = strstr(answer, "a=candidate:")) || sscanf(at, "%*s 1 udp %*u 127.0.0.1 %u", &udp) != 1) return false;
    if (rtc_client_open(c, identity, (uint16_t)udp, &theirs, fingerprint)) return false;
    c->on_rtp = heard;
    c->ctx = ctx;
    return rtc_client_connect(c, PATIENCE_MS);
}

static void layers_publish(const char *room, const char *by, const char *format)
{
    char offer[1500], headers[300], path[40];
    snprintf(offer, sizeof offer,
             "v=0\r\no=- 43 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
             "m=video 9 UDP/TLS/RTP/SAVPF %s",
             format);
    snprintf(offer + strlen(offer), sizeof offer - strlen(offer),
             "c=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\na=fingerprint:sha-256 %s\r\n"
             "a=setup:active\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n%s", dtls_identity_fingerprint(identity), strchr(format, '\n') + 1);
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n" SDP, by);
    snprintf(path, sizeof path, "/whip/%s", room);
    web_close(&last);
    assert_int_equal(web_once(&last, site.port, "POST", path, headers, offer), 201);
    layered.stop = 0;
    assert_true(connect_rtc(&layered.rtc, last.body, NULL, NULL));
    assert_int_equal(pthread_create(&layered.thread, NULL, layers_run, NULL), 0);
}

static void layers_begin(void)
{
    layered.inside = false;
    layers_publish("layers", layers_token, "96\r\na=rtpmap:96 VP8/90000\r\n"
                   "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
                   "a=rid:l send\r\na=rid:m send\r\na=rid:h send\r\na=simulcast:send l;m;h\r\n");
}

static void sizes_begin(void)
{
    layered.inside = true;
    layers_publish("sizes", sizes_token, "98\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=ssrc:3100 cname:x\r\n");
}

static void layers_end(void)
{
    __atomic_store_n(&layered.stop, 1, __ATOMIC_RELAXED);
    pthread_join(layered.thread, NULL);
    rtc_client_close(&layered.rtc);
}

/* ---- a viewer ---- */
struct viewer {
    struct rtc_client rtc;
    uint16_t port; /* of the daemon where it is */
    char url[300];
    int pictures, voices, keys;
    bool first_is_key;
    int of_length[3];
    size_t bytes; /* of the last picture packet's payload */
    uint32_t last_ts;
    int64_t last_ms, checked_ms;
};

static void on_rtp(void *ctx, const struct rtp *p)
{
    struct viewer *v = ctx;
    if (p->payload_type == 111) {
        v->voices++;
        return;
    }
    if (p->payload_type < 96 || p->payload_type > 98) return; /* padding in RTX packets */
    bool key = p->payload_type == 96 && p->payload_len && (p->payload[0] & 31) == 24;
    if (!v->pictures++) v->first_is_key = key;
    v->keys += key;
    v->bytes = p->payload_len;
    for (int i = 0; i < 3; i++)
        v->of_length[i] += p->payload_len == lengths[i];
    v->last_ts = p->timestamp;
    v->last_ms = web_now_ms();
}

static const char *wish(void)
{
    static char text[2200];
    snprintf(text, sizeof text,
             "v=0\r\no=- 42 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
             "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:0\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
             "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:1\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\na=rtpmap:97 VP8/90000\r\n"
             "a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n"
             "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=rtcp-fb:96 transport-cc\r\n"
             "a=rtcp-fb:96 nack pli\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n",
             dtls_identity_fingerprint(identity), dtls_identity_fingerprint(identity));
    return text;
}

/* The redirection's port and URL there. False: the viewer stays at the origin. */
static bool sent_to(const char *room, const char *by, uint16_t *port, char url[300])
{
    char path[100], headers[300];
    snprintf(path, sizeof path, "/whep/%s", room);
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n" SDP, by);
    web_close(&last);
    int status = web_once(&last, site.port, "POST", path, headers, wish());
    if (status != 307) return false;
    assert_int_equal(sscanf(web_header(&last, "Location"), "https://127.0.0.1:%hu%299s", port, url), 2);
    return true;
}

/* The answer to a POST that was taken. */
static bool connect_to(struct viewer *v, uint16_t port, const char *answer)
{
    v->port = port;
    snprintf(v->url, sizeof v->url, "%s", web_header(&last, "Location"));
    return connect_rtc(&v->rtc, answer, on_rtp, v);
}

/* Comes by the origin, as a player does; goes where it is sent. False: nobody takes it now. */
static bool come(struct viewer *v, const char *room, const char *by)
{
    char url[300];
    uint16_t port;
    memset(v, 0, sizeof *v);
    if (!sent_to(room, by, &port, url)) return false;
    web_close(&last);
    return web_once(&last, port, "POST", url, SDP, wish()) == 201 && connect_to(v, port, last.body);
}

static void watch(struct viewer *v, int ms)
{
    for (int64_t until = web_now_ms() + ms; web_now_ms() < until;) {
        rtc_client_poll(&v->rtc, 5);
        if (web_now_ms() - v->checked_ms < 1000) continue;
        v->checked_ms = web_now_ms();
        rtc_client_check(&v->rtc);
    }
}

/* Until so many pictures came. */
static bool sees(struct viewer *v, int pictures)
{
    int64_t until = web_now_ms() + PATIENCE_MS;
    for (int to = v->pictures + pictures; v->pictures < to && web_now_ms() < until;)
        watch(v, 5);
    return web_now_ms() < until;
}

static int steer(const struct viewer *v, const char *json)
{
    web_close(&last);
    return web_once(&last, v->port, "PATCH", v->url, "Content-Type: application/json\r\n", json);
}

static void leave(struct viewer *v)
{
    web_close(&last);
    assert_int_equal(web_once(&last, v->port, "DELETE", v->url, "", NULL), 200);
    rtc_client_close(&v->rtc);
}

/* ---- stories ---- */
static void who_is_sent_where(void **state)
{
    char url[300], wrong[300];
    uint16_t port;
    (void)state;
    assert_true(sent_to("talk", token, &port, url));
    assert_int_equal(port, edges[0].port);
    assert_non_null(strstr(url, "/whep/talk?pass="));
    snprintf(wrong, sizeof wrong, "%s", url);
    wrong[strlen(wrong) - 1] ^= 1;
    web_close(&last);
    assert_int_equal(web_once(&last, port, "POST", wrong, SDP, wish()), 401);
    web_close(&last);
    assert_int_equal(web_once(&last, port, "POST", "/whep/talk", SDP, wish()), 401); /* an edge knows no tokens */
    web_close(&last);
    assert_int_equal(web_once(&last, port, "POST", url, SDP, "no SDP"), 422);
    web_close(&last);
    assert_int_equal(web_once(&last, port, "POST", "/whip/talk", with_token(SDP), lecturer_offer(identity)), 307); /* published at the origin only */
    snprintf(wrong, sizeof wrong, "https://localhost:%u/whip/talk", site.port);
    assert_string_equal(web_header(&last, "Location"), wrong);
    web_close(&last); /* who asks for it stays */
    assert_int_equal(web_once(&last, site.port, "POST", "/whep/talk?stay=1", with_token(SDP), wish()), 201);
    snprintf(url, sizeof url, "%s", web_header(&last, "Location"));
    web_close(&last);
    assert_int_equal(web_once(&last, site.port, "DELETE", url, with_token(""), NULL), 200);
}

static void a_viewer_at_an_edge_sees_and_hears(void **state)
{
    struct viewer v, second;
    (void)state;
    int64_t came = web_now_ms();
    assert_true(come(&v, "talk", token));
    assert_true(sees(&v, 1));
    print_message("first picture %lld ms after the first request, the relay begun with it\n", (long long)(web_now_ms() - came));
    assert_true(v.first_is_key);
    assert_true(sees(&v, 20) && v.voices > 10);
    bool kept = false;
    for (int i = 0; i < 3 && !kept; i++) { /* on a busy machine a packet may be lost on its way: of three newcomers one must come without any */
        int asked = lecturer.rtc.plis_in;
        came = web_now_ms();
        assert_true(come(&second, "talk", token));
        assert_true(sees(&second, 1));
        print_message("the next viewer's after %lld ms\n", (long long)(web_now_ms() - came));
        kept = second.first_is_key && lecturer.rtc.plis_in == asked; /* from what the edge keeps: nobody was asked for a keyframe */
        leave(&second);
        watch(&v, 100);
    }
    assert_true(kept);
    leave(&v);
}

/* More than a line is taken for before it is measured, and who comes and goes again and again: each sees it go on behind what was kept for him. */
static void a_large_picture_goes_on(void **state)
{
    struct viewer v;
    (void)state;
    __atomic_store_n(&lecturer.frame_bytes, 11000, __ATOMIC_RELAXED); /* 2.2 Mbit/s, ten packets a picture */
    assert_true(come(&v, "talk", token));
    watch(&v, 1500); /* so that it is known what it takes */
    leave(&v);
    for (int i = 0; i < 4; i++) {
        assert_true(come(&v, "talk", token));
        assert_true(sees(&v, 1) && v.first_is_key);
        assert_true(sees(&v, 400));
        leave(&v);
    }
    __atomic_store_n(&lecturer.frame_bytes, 1000, __ATOMIC_RELAXED);
}

#define PACKETS_OUT "yilian_media_packets_sent_total"

static void watch_all(struct viewer **v, size_t n, int ms)
{
    for (int64_t until = web_now_ms() + ms; web_now_ms() < until;)
        for (size_t i = 0; i < n; i++)
            watch(v[i], 1);
}

/* Over the link each track goes once however many watch, and not at all when nobody has use for it. */
static void one_copy_crosses_the_link(void **state)
{
    static struct viewer crowd[CROWD], *all[CROWD];
    (void)state;
    for (int i = 0; i < CROWD; i++)
        assert_true(come(all[i] = &crowd[i], "talk", token));
    watch_all(all, CROWD, 1000);
    struct figure_at at_origin = figure_at(site.port, PACKETS_OUT), at_edge = figure_at(edges[0].port, PACKETS_OUT);
    watch_all(all, CROWD, 2000);
    int64_t origin = figure_rate(site.port, PACKETS_OUT, at_origin), edge = figure_rate(edges[0].port, PACKETS_OUT, at_edge);
    print_message("%lld packets a second over the link became %lld for %d viewers\n", (long long)origin, (long long)edge, CROWD);
    assert_true(edge > 4 * origin && origin > 25);
    for (int i = 0; i < CROWD; i++)
        assert_int_equal(steer(&crowd[i], "{\"mid\":\"1\",\"paused\":true}"), 204);
    int64_t until = web_now_ms() + PATIENCE_MS;
    int before, heard = crowd[0].voices;
    do { /* what was on its way */
        before = crowd[0].pictures;
        watch_all(all, CROWD, 1000);
    } while (crowd[0].pictures != before && web_now_ms() < until);
    assert_int_equal(crowd[0].pictures, before);
    while (crowd[0].voices <= heard + 10 && web_now_ms() < until)
        watch_all(all, CROWD, 10);
    assert_true(crowd[0].voices > heard + 10);
    assert_int_equal(steer(&crowd[0], "{\"mid\":\"1\",\"paused\":false}"), 204);
    assert_true(sees(&crowd[0], 5));
    assert_int_equal(steer(&crowd[0], "{\"mid\":\"9\",\"paused\":false}"), 422);
    assert_int_equal(steer(&crowd[0], "{\"mid\":\"1\",\"layer\":3}"), 422);
    assert_int_equal(steer(&crowd[0], "[]"), 422);
    for (int i = 0; i < CROWD; i++)
        leave(&crowd[i]);
    int64_t sent = INT64_MAX; /* reports alone, soon */
    for (until = web_now_ms() + PATIENCE_MS; web_now_ms() < until && sent >= 20;) {
        at_origin = figure_at(site.port, PACKETS_OUT);
        usleep(1000000);
        sent = figure_rate(site.port, PACKETS_OUT, at_origin);
    }
    assert_true(sent < 20);
}

/* Until the pictures are of that length. */
static bool sees_length(struct viewer *v, size_t length)
{
    int64_t until = web_now_ms() + PATIENCE_MS;
    while (web_now_ms() < until && v->bytes != length)
        watch(v, 10);
    return v->bytes == length;
}

/* What crosses the link within a second. */
static int64_t link_bytes(struct viewer **v, size_t n)
{
    struct figure_at before = figure_at(site.port, "yilian_media_bytes_sent_total");
    watch_all(v, n, 1000);
    return figure_rate(site.port, "yilian_media_bytes_sent_total", before);
}

static bool gets(struct viewer *v, int size)
{
    int64_t until = web_now_ms() + PATIENCE_MS;
    for (int before = v->of_length[size]; v->of_length[size] == before && web_now_ms() < until;)
        watch(v, 10);
    return web_now_ms() < until;
}

/* Of a picture whose sizes come inside one stream only those cross the link that somebody at the edge has use for. */
static void sizes_of_one_stream_are_chosen_at_the_edge(void **state)
{
    struct viewer v, *all[] = {&v};
    (void)state;
    sizes_begin();
    assert_true(come(&v, "sizes", sizes_token));
    assert_true(gets(&v, 2));
    int64_t whole = link_bytes(all, 1), bytes = whole;
    assert_int_equal(steer(&v, "{\"mid\":\"1\",\"layer\":0}"), 204);
    for (int64_t until = web_now_ms() + 30000; web_now_ms() < until && bytes > whole / 3;)
        bytes = link_bytes(all, 1);
    print_message("%lld bytes a second over the link of all three sizes, %lld of the smallest\n", (long long)whole, (long long)bytes);
    assert_true(bytes > 3000 && bytes < whole / 3);
    int small = v.of_length[0];
    assert_true(gets(&v, 0) && v.of_length[0] > small);
    assert_int_equal(steer(&v, "{\"mid\":\"1\",\"layer\":1}"), 204);
    assert_true(gets(&v, 1));
    assert_int_equal(steer(&v, "{\"mid\":\"1\",\"layer\":2}"), 204);
    assert_true(gets(&v, 2));
    leave(&v);
    layers_end();
}

/* Every viewer has the layer of his choice at one edge; a layer that nobody there has use for crosses the link no more. */
static void layers_are_chosen_at_the_edge(void **state)
{
    struct viewer small, large;
    (void)state;
    layers_begin();
    assert_true(come(&large, "layers", layers_token));
    assert_true(sees_length(&large, 900));
    assert_true(come(&small, "layers", layers_token));
    assert_int_equal(steer(&small, "{\"mid\":\"1\",\"layer\":0}"), 204);
    assert_true(sees_length(&small, 200));
    assert_true(sees_length(&large, 900));
    assert_int_equal(steer(&small, "{\"mid\":\"1\",\"layer\":1}"), 204);
    assert_true(sees_length(&small, 500));
    assert_int_equal(steer(&large, "{\"mid\":\"1\",\"layer\":0}"), 204);
    assert_int_equal(steer(&small, "{\"mid\":\"1\",\"layer\":0}"), 204);
    assert_true(sees_length(&large, 200) && sees_length(&small, 200));
    int64_t bytes = 0;
    for (int64_t until = web_now_ms() + 30000; web_now_ms() < until && (!bytes || bytes > 20000);) /* six seconds of rest, then the two are gone */
        bytes = link_bytes((struct viewer *[]){&small, &large}, 2);
    print_message("%lld bytes a second over the link, of the smallest layer alone\n", (long long)bytes);
    assert_true(bytes > 3000 && bytes < 20000);
    assert_int_equal(steer(&large, "{\"mid\":\"1\",\"layer\":2}"), 204);
    assert_true(sees_length(&large, 900));
    leave(&small);
    leave(&large);
    layers_end();
}

/* A killed edge's viewers come again by the origin and are at another one within three seconds. */
static void a_killed_edge_is_healed_elsewhere(void **state)
{
    struct viewer v;
    int status;
    (void)state;
    edge_start(1);
    until_figure(site.port, "yilian_node_edges", 2);
    assert_true(come(&v, "talk", token));
    assert_true(sees(&v, 10));
    int dies = v.port == edges[0].port ? 0 : 1;
    assert_int_equal(kill(edges[dies].pid, SIGKILL), 0);
    int64_t killed = fair_now_ms(), until = web_now_ms() + PATIENCE_MS;
    while (web_now_ms() - v.last_ms < 700) /* a player that misses the picture */
        watch(&v, 20);
    rtc_client_close(&v.rtc);
    while (!come(&v, "talk", token))
        assert_true(web_now_ms() < until);
    assert_int_equal(v.port, edges[!dies].port);
    assert_true(sees(&v, 1));
    print_message("the picture is there again %lld ms after an edge was killed\n", (long long)(fair_now_ms() - killed));
    assert_true(fair_now_ms() - killed < 3000);
    waitpid(edges[dies].pid, &status, 0);
    edges[dies].pid = 0;
    leave(&v);
    edge_start(dies);
    until_figure(site.port, "yilian_node_edges", 2);
}

/* The origin is killed and begun again: viewers are sent away by their edge, and see the room again within three seconds of its publisher. */
static void a_killed_origin_begins_again(void **state)
{
    struct viewer v;
    int status;
    (void)state;
    assert_true(come(&v, "talk", token));
    assert_true(sees(&v, 10));
    lecturer_end(&lecturer);
    assert_int_equal(kill(site.daemon, SIGKILL), 0);
    assert_int_equal(waitpid(site.daemon, &status, 0), site.daemon);
    rtc_client_close(&v.rtc);
    until_ready(v.port, "origin\n");
    site_launch();
    publish();
    int64_t back = fair_now_ms(), until = web_now_ms() + PATIENCE_MS;
    while (!come(&v, "talk", token)) { /* the edges link within half a second; until then the origin has him itself */
        assert_true(web_now_ms() < until);
        usleep(20000);
    }
    assert_true(sees(&v, 1));
    print_message("the picture comes by an edge again %lld ms after its publisher came back to the new origin\n", (long long)(fair_now_ms() - back));
    assert_true(fair_now_ms() - back < 3000);
    leave(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_sent_where),
        cmocka_unit_test(a_viewer_at_an_edge_sees_and_hears),
        cmocka_unit_test(a_large_picture_goes_on),
        cmocka_unit_test(one_copy_crosses_the_link),
        cmocka_unit_test(layers_are_chosen_at_the_edge),
        cmocka_unit_test(sizes_of_one_stream_are_chosen_at_the_edge),
        cmocka_unit_test(a_killed_edge_is_healed_elsewhere),
        cmocka_unit_test(a_killed_origin_begins_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
