/* load_signal - how the load generator gets into a room: WHIP and WHEP (this server, any other), or Janus' VideoRoom over WebSocket.
 *
 * A few threads do it, each with connections of its own that stay open, so that a join does not wait for another one's round trips. They
 * fill in load_peer.remote and set `ready`. Failures are said on standard error. */
#ifndef YL_TESTS_LIB_LOAD_SIGNAL_H
#define YL_TESTS_LIB_LOAD_SIGNAL_H

#include "tests/lib/load_peer.h"
#include "tests/lib/web_client.h"
#include <pthread.h>

#define LOAD_SIGNALERS 16
#define LOAD_QUEUE 4096
#define LOAD_SDP 65536

struct load_target {
    bool janus, h264;
    const char *address, *token; /* address: of our sockets; token: one for each room, with commas between */
    const char *fingerprint;     /* of our certificate */
    uint16_t port;               /* of signaling */
    int publishers;              /* in each room */
    uint64_t feeds[64][64];      /* Janus: ids of publishers by room and number */
};

struct load_line { /* one signaler's connections */
    const struct load_target *target;
    struct web web;
    bool open;
    int ws; /* Janus */
    char *in;
    size_t len, cap;
    uint64_t session, next;
};

static struct load_signaling {
    struct load_target *target;
    pthread_t threads[LOAD_SIGNALERS];
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct load_peer *queue[LOAD_QUEUE];
    size_t head, tail;
    bool over;
} load_signaling = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

/* ---- descriptions ---- */
struct load_text {
    char *at;
    size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static inline void load_add(struct load_text *t, const char *format, ...)
{
    va_list a;
    va_start(a, format);
    int n = vsnprintf(t->at + t->len, t->cap - t->len, format, a);
    va_end(a);
    if (n > 0 && (size_t)n < t->cap - t->len) t->len += (size_t)n;
}

static inline void load_transport(struct load_text *t, const struct load_target *g, const struct load_peer *p)
{
    load_add(t, "c=IN IP4 %s\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:active\r\na=rtcp-mux\r\n", g->address, p->ufrag,
             p->password, g->fingerprint);
    load_add(t, "a=candidate:1 1 udp 2130706431 %s %u typ host\r\na=end-of-candidates\r\n", g->address, p->port);
}

static inline void load_codecs(struct load_text *t, const struct load_target *g, bool video, int pt, int rtx)
{
    if (!video) {
        load_add(t, "a=rtpmap:%d opus/48000/2\r\n", pt);
        return;
    }
    load_add(t, "a=rtpmap:%d %s/90000\r\n", pt, g->h264 ? "H264" : "VP8");
    if (g->h264) load_add(t, "a=fmtp:%d level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n", pt);
    load_add(t, "a=rtcp-fb:%d nack\r\na=rtcp-fb:%d nack pli\r\na=rtcp-fb:%d ccm fir\r\na=rtcp-fb:%d goog-remb\r\n", pt, pt, pt, pt);
    if (rtx) load_add(t, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", rtx, rtx, pt);
}

/* An offer: one voice and one picture to send, or `n` of each to receive. */
static inline void load_offer(struct load_text *t, const struct load_target *g, const struct load_peer *p, int n)
{
    t->len = 0;
    load_add(t, "v=0\r\no=- %d 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", 1000 + p->port);
    for (int i = 0; i < 2 * n; i++)
        load_add(t, " %d", i);
    load_add(t, "\r\n");
    for (int i = 0; i < 2 * n; i++) {
        bool video = i % 2;
        load_add(t, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\n", video ? "video" : "audio", video ? "96 97" : "111");
        load_transport(t, g, p);
        load_add(t, "a=mid:%d\r\na=%s\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n", i, p->publishes ? "sendonly" : "recvonly");
        if (p->publishes) load_add(t, "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=rtcp-fb:%s transport-cc\r\n", video ? "96" : "111");
        load_codecs(t, g, video, video ? 96 : 111, video ? 97 : 0);
        if (p->publishes) load_add(t, "a=msid:s%d t%d\r\na=ssrc:%d cname:load\r\n", p->index, i, (video ? 2000 : 1000) + p->index);
    }
}

static inline const char *load_value(const char *text, const char *name, char out[200])
{
    const char *at = strstr(text, name);
    snprintf(out, 200, "%.*s", at ? (int)strcspn(at + strlen(name), "\r\n") : 0, at ? at + strlen(name) : "");
    return out;
}

static inline int load_read_remote(struct load_peer *p, const struct load_target *g, const char *sdp)
{
    char v[200], host[64] = "";
    unsigned port = 0;
    const char *at = sdp;
    snprintf(p->remote.ufrag, sizeof p->remote.ufrag, "%.63s", load_value(sdp, "a=ice-ufrag:", v));
    snprintf(p->remote.password, sizeof p->remote.password, "%.63s", load_value(sdp, "a=ice-pwd:", v));
    snprintf(p->remote.fingerprint, sizeof p->remote.fingerprint, "%.99s", load_value(sdp, "a=fingerprint:sha-256 ", v));
    p->remote.at = (struct sockaddr_in){.sin_family = AF_INET};
    while (strcmp(host, g->address) && (at = strstr(at, "a=candidate:"))) /* the one on the address that we use */
        sscanf(at++, "a=candidate:%*s 1 udp %*u %63s %u", host, &port);
    p->remote.at.sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, host, &p->remote.at.sin_addr) == 1 && port && p->remote.fingerprint[0] ? 0 : -1;
}

/* ---- WHIP and WHEP ---- */
static inline int load_whxp(struct load_line *l, struct load_peer *p)
{
    char path[100], headers[300];
    struct load_text offer = {malloc(LOAD_SDP), 0, LOAD_SDP};
    int status = -1;
    load_offer(&offer, l->target, p, p->publishes ? 1 : l->target->publishers);
    snprintf(path, sizeof path, "/%s/load%d", p->publishes ? "whip" : "whep", p->room);
    const char *token = l->target->token;
    for (int i = 0; i < p->room && strchr(token, ','); i++)
        token = strchr(token, ',') + 1;
    snprintf(headers, sizeof headers, "Authorization: Bearer %.*s\r\nContent-Type: application/sdp\r\n", (int)strcspn(token, ","), token);
    for (int again = 0; again < 2 && status < 0; again++) {
        if (!l->open && web_open(&l->web, l->target->port)) break;
        l->open = true;
        status = web_ask(&l->web, "POST", path, headers, offer.at);
        if (status >= 0) continue;
        web_close(&l->web); /* it was idle for too long, perhaps */
        l->open = false;
    }
    free(offer.at);
    if (status == 201 && load_read_remote(p, l->target, l->web.body) == 0) return 0;
    fprintf(stderr, "POST %s: %d %.300s\n", path, status, l->web.body ? l->web.body : "");
    return -1;
}

/* ---- Janus over WebSocket ---- */
static inline bool janus_all(int fd, void *data, size_t len, bool out)
{
    for (uint8_t *at = data; len;) {
        ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) : recv(fd, at, len, 0);
        if (n <= 0) return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool janus_connect(struct load_line *l)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(l->target->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char ask[300], answer[2000] = "";
    int one = 1;
    size_t n = 0;
    l->ws = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(l->ws, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    int len = snprintf(ask, sizeof ask, "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: janus-protocol\r\n\r\n");
    if (connect(l->ws, (struct sockaddr *)&sa, sizeof sa) || !janus_all(l->ws, ask, (size_t)len, true)) return false;
    while (n < sizeof answer - 1 && !strstr(answer, "\r\n\r\n"))
        if (!janus_all(l->ws, answer + n++, 1, false)) return false;
    return strstr(answer, " 101 ") != NULL;
}

static inline bool janus_say(struct load_line *l, json_t *m)
{
    char *text = json_dumps(m, JSON_COMPACT);
    size_t n = strlen(text);
    uint8_t *frame = malloc(n + 14);
    size_t head = n < 126 ? 6 : n < 65536 ? 8 : 14;
    memset(frame, 0, 14); /* a mask of zeros */
    frame[0] = 0x81;
    frame[1] = (uint8_t)(0x80 | (n < 126 ? n : n < 65536 ? 126 : 127));
    for (size_t i = 0; head > 6 && i < head - 6; i++)
        frame[2 + i] = (uint8_t)((uint64_t)n >> 8 * (head - 7 - i));
    memcpy(frame + head, text, n);
    bool ok = janus_all(l->ws, frame, head + n, true);
    free(frame);
    free(text);
    return ok;
}

static inline json_t *janus_hear(struct load_line *l)
{
    uint8_t head[10];
    for (;;) {
        if (!janus_all(l->ws, head, 2, false)) return NULL;
        uint64_t n = head[1] & 127;
        int more = n == 126 ? 2 : n == 127 ? 8 : 0;
        if (!janus_all(l->ws, head + 2, (size_t)more, false)) return NULL;
        for (int i = 0; i < more; i++)
            n = (i ? n << 8 : 0) | head[2 + i];
        char *text = malloc(n + 1);
        json_t *m = NULL;
        if (janus_all(l->ws, text, n, false) && (head[0] & 15) == 1) m = json_loadb(text, n, 0, NULL);
        free(text);
        if (m || (head[0] & 15) == 8) return m;
    }
}

/* Asks and waits for the answer to it: the last word of its transaction (an "ack" is not). Takes `m`. */
static inline json_t *janus_ask(struct load_line *l, const char *what, uint64_t handle, json_t *m)
{
    char transaction[24];
    snprintf(transaction, sizeof transaction, "%d-%lu", l->ws, ++l->next);
    json_object_set_new(m, "janus", json_string(what));
    json_object_set_new(m, "transaction", json_string(transaction));
    if (l->session) json_object_set_new(m, "session_id", json_integer((json_int_t)l->session));
    if (handle) json_object_set_new(m, "handle_id", json_integer((json_int_t)handle));
    bool said = janus_say(l, m);
    json_decref(m);
    for (json_t *a; said && (a = janus_hear(l)); json_decref(a)) {
        const char *t = json_string_value(json_object_get(a, "transaction")), *word = json_string_value(json_object_get(a, "janus"));
        if (t && strcmp(t, transaction) == 0 && word && strcmp(word, "ack")) return a;
    }
    return NULL;
}

static inline uint64_t janus_id(json_t *a)
{
    uint64_t id = (uint64_t)json_integer_value(json_object_get(json_object_get(a, "data"), "id"));
    json_decref(a);
    return id;
}

/* One request to the plug-in; *jsep (may be NULL): a new reference to the description that came with the answer. */
static inline json_t *janus_message(struct load_line *l, uint64_t handle, json_t *body, const char *type, const char *sdp, char **jsep)
{
    json_t *m = json_pack("{s:o}", "body", body);
    if (sdp) json_object_set_new(m, "jsep", json_pack("{s:s,s:s,s:b}", "type", type, "sdp", sdp, "trickle", 0));
    json_t *a = janus_ask(l, "message", handle, m), *data = json_object_get(json_object_get(a, "plugindata"), "data");
    const char *text = json_string_value(json_object_get(json_object_get(a, "jsep"), "sdp"));
    if (jsep) *jsep = text ? strdup(text) : NULL;
    if (json_object_get(data, "error") || !data) {
        char *whole = json_dumps(a, 0);
        fprintf(stderr, "Janus: %.400s\n", whole ? whole : "the line broke");
        free(whole);
        data = NULL;
    }
    json_incref(data);
    json_decref(a);
    return data;
}

static inline bool janus_open(struct load_line *l)
{
    if (l->open) return true;
    if (!janus_connect(l)) return false;
    l->session = janus_id(janus_ask(l, "create", 0, json_object()));
    return l->open = l->session != 0;
}

static inline uint64_t janus_attach(struct load_line *l)
{
    return janus_id(janus_ask(l, "attach", 0, json_pack("{s:s}", "plugin", "janus.plugin.videoroom")));
}

/* Before anything else: the rooms. */
static inline bool janus_rooms(const struct load_target *g, int rooms)
{
    struct load_line l = {.target = g};
    uint64_t handle = janus_open(&l) ? janus_attach(&l) : 0;
    for (int i = 0; handle && i < rooms; i++) {
        json_t *a = janus_message(&l, handle, json_pack("{s:s,s:i,s:i,s:i,s:i,s:s,s:s,s:b}", "request", "create", "room", 1000 + i, "publishers", 100, "bitrate", 0,
                                                        "fir_freq", 0, "audiocodec", "opus", "videocodec", g->h264 ? "h264" : "vp8", "notify_joining", 0), NULL, NULL, NULL);
        if (!a) handle = 0;
        json_decref(a);
    }
    /* the line stays open: the session owns nothing, but its end would be logged */
    return handle != 0;
}

static inline int janus_publish(struct load_line *l, struct load_peer *p, uint64_t handle)
{
    struct load_target *g = load_signaling.target;
    struct load_text offer = {malloc(LOAD_SDP), 0, LOAD_SDP};
    char *answer = NULL;
    load_offer(&offer, g, p, 1);
    json_t *a = janus_message(l, handle, json_pack("{s:s,s:s,s:i}", "request", "joinandconfigure", "ptype", "publisher", "room", 1000 + p->room), "offer", offer.at, &answer);
    g->feeds[p->room][p->index] = (uint64_t)json_integer_value(json_object_get(a, "id"));
    int rc = a && answer ? load_read_remote(p, g, answer) : -1;
    json_decref(a);
    free(answer);
    free(offer.at);
    return rc;
}

/* Our answer to a subscriber's offer: all of it, with its own numbers. */
static inline void janus_answer(struct load_text *t, const struct load_target *g, const struct load_peer *p, const char *offer)
{
    char kind[16] = "", v[200];
    t->len = 0;
    load_add(t, "v=0\r\no=- %d 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE%s\r\n", 1000 + p->port, load_value(offer, "a=group:BUNDLE", v));
    for (const char *m = strstr(offer, "m="); m;) {
        const char *next = strstr(m + 2, "\r\nm=");
        char section[8192];
        int pt = 0, rtx = 0;
        snprintf(section, sizeof section, "%.*s", (int)(next ? next + 2 - m : (ptrdiff_t)strlen(m)), m);
        sscanf(section, "m=%15s 9 UDP/TLS/RTP/SAVPF %d %d", kind, &pt, &rtx);
        bool video = strcmp(kind, "video") == 0;
        load_add(t, "m=%s 9 UDP/TLS/RTP/SAVPF %d%s", kind, pt, rtx && video ? " " : "\r\n");
        if (rtx && video) load_add(t, "%d\r\n", rtx);
        load_transport(t, g, p);
        load_add(t, "a=mid:%s\r\na=recvonly\r\n", load_value(section, "a=mid:", v));
        load_codecs(t, g, video, pt, video ? rtx : 0);
        m = next ? next + 2 : NULL;
    }
}

static inline int janus_watch(struct load_line *l, struct load_peer *p, uint64_t handle)
{
    const struct load_target *g = l->target;
    json_t *streams = json_array();
    char *offer = NULL;
    struct load_text answer = {malloc(LOAD_SDP), 0, LOAD_SDP};
    int rc = -1;
    for (int i = 0; i < g->publishers; i++)
        json_array_append_new(streams, json_pack("{s:I}", "feed", (json_int_t)g->feeds[p->room][i]));
    json_t *a = janus_message(l, handle, json_pack("{s:s,s:s,s:i,s:o}", "request", "join", "ptype", "subscriber", "room", 1000 + p->room, "streams", streams), NULL, NULL, &offer);
    if (a && offer && load_read_remote(p, g, offer) == 0) {
        janus_answer(&answer, g, p, offer);
        json_t *b = janus_message(l, handle, json_pack("{s:s,s:i}", "request", "start", "room", 1000 + p->room), "answer", answer.at, NULL);
        rc = b ? 0 : -1;
        json_decref(b);
    }
    json_decref(a);
    free(offer);
    free(answer.at);
    return rc;
}

static inline int load_janus(struct load_line *l, struct load_peer *p)
{
    uint64_t handle = janus_open(l) ? janus_attach(l) : 0;
    if (!handle) return -1;
    return p->publishes ? janus_publish(l, p, handle) : janus_watch(l, p, handle);
}

/* ---- the threads ---- */
static inline void *load_signaler(void *arg)
{
    struct load_signaling *s = &load_signaling;
    struct load_line line = {.target = s->target};
    (void)arg;
    if (s->target->janus) janus_open(&line);
    else line.open = web_open(&line.web, s->target->port) == 0; /* who joins has the page already */
    for (;;) {
        pthread_mutex_lock(&s->lock);
        while (s->head == s->tail && !s->over)
            pthread_cond_wait(&s->more, &s->lock);
        struct load_peer *p = s->over ? NULL : s->queue[s->tail++ % LOAD_QUEUE];
        pthread_mutex_unlock(&s->lock);
        if (!p) break;
        int rc = s->target->janus ? load_janus(&line, p) : load_whxp(&line, p);
        p->answered_us = clock_monotonic_us();
        __atomic_store_n(&p->ready, rc ? -1 : 1, __ATOMIC_RELEASE);
    }
    if (line.open && !s->target->janus) web_close(&line.web);
    if (line.open && s->target->janus) close(line.ws);
    return NULL;
}

static inline void load_signal_start(struct load_target *g)
{
    load_signaling.target = g;
    for (int i = 0; i < LOAD_SIGNALERS; i++)
        if (pthread_create(&load_signaling.threads[i], NULL, load_signaler, NULL)) exit(1);
}

static inline void load_signal(struct load_peer *p)
{
    struct load_signaling *s = &load_signaling;
    p->asked_us = clock_monotonic_us();
    pthread_mutex_lock(&s->lock);
    s->queue[s->head++ % LOAD_QUEUE] = p;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

static inline void load_signal_stop(void)
{
    pthread_mutex_lock(&load_signaling.lock);
    load_signaling.over = true;
    pthread_cond_broadcast(&load_signaling.more);
    pthread_mutex_unlock(&load_signaling.lock);
    for (int i = 0; i < LOAD_SIGNALERS; i++)
        pthread_join(load_signaling.threads[i], NULL);
}
#endif
