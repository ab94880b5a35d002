/* member - somebody in a room, as a page is: a WebSocket with a seat, what he sends (a lecturer's voice and picture), and what he receives: every
 * offer is answered, packets are counted by whose they are. One thread polls all members. For wire tests of rooms. */
#ifndef YL_TESTS_LIB_MEMBER_H
#define YL_TESTS_LIB_MEMBER_H

#include "tests/lib/lecturer.h"
#include "tests/lib/site.h"

#define MEMBER_STREAMS 16

struct member {
    const char *from; /* the address he comes from */
    struct web ws;
    char seat[20], resume[80], state[12];
    struct dtls_identity *identity;
    struct lecturer up;
    bool sends;
    uint16_t up_port, down_port; /* of the media plane at the other end */
    struct rtc_client down;
    bool receives, deaf; /* deaf: no packet comes through to him or from him */
    char ufrag[32]; /* theirs, of `down` */
    int64_t checked_ms;
    int moved; /* how often he was told to make his connections anew */
    size_t n;
    struct member_stream {
        uint32_t ssrc;
        char seat[20], track[20];
        bool video;
        int packets;
        int64_t last_ms, longest_ms; /* longest: between two packets */
    } streams[MEMBER_STREAMS];
};

/* ---- receiving ---- */
static inline void member_rtp(void *ctx, const struct rtp *p)
{
    struct member *m = ctx;
    for (size_t i = 0; i < m->n; i++) {
        struct member_stream *s = &m->streams[i];
        if (s->ssrc != p->ssrc) continue;
        int64_t now = web_now_ms();
        if (s->last_ms && now - s->last_ms > s->longest_ms) s->longest_ms = now - s->last_ms;
        s->last_ms = now;
        s->packets++;
    }
}

static inline struct member_stream *member_stream(struct member *m, const char *seat, bool video)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->streams[i].seat, seat) == 0 && m->streams[i].video == video) return &m->streams[i];
    if (m->n == MEMBER_STREAMS) fail_msg("too many streams");
    struct member_stream *s = &m->streams[m->n++];
    *s = (struct member_stream){.video = video};
    snprintf(s->seat, sizeof s->seat, "%s", seat);
    return s;
}

static inline const char *member_mapped(const json_t *map, const char *mid, const char *what)
{
    size_t i;
    json_t *o;
    json_array_foreach(map, i, o)
        if (strcmp(json_string_value(json_object_get(o, "mid")), mid) == 0) return json_string_value(json_object_get(o, what));
    return "";
}

static inline uint16_t member_port(const char *sdp)
{
    unsigned port = 0;
    const char *at = strstr(sdp, "a=candidate:");
    if (!at || sscanf(at, "%*s 1 udp %*u 127.0.0.1 %u", &port) != 1) fail_msg("no candidate in %s", sdp);
    return (uint16_t)port;
}

/* Each m-line is answered with the codecs that it names; its sender's SSRC is kept. */
static inline void member_answer_line(struct member *m, const char *line, const json_t *map, FILE *out)
{
    char mid[16] = "", first[200];
    unsigned ssrc = 0;
    const char *at;
    snprintf(first, sizeof first, "%.*s", (int)strcspn(line, "\r"), line);
    if ((at = strstr(line, "a=mid:"))) sscanf(at, "a=mid:%15[^\r]", mid);
    if ((at = strstr(line, "a=ssrc:"))) sscanf(at, "a=ssrc:%u", &ssrc);
    bool on = strstr(line, "a=sendonly") != NULL;
    if (on && *member_mapped(map, mid, "seat")) {
        struct member_stream *s = member_stream(m, member_mapped(map, mid, "seat"), first[2] == 'v');
        s->ssrc = ssrc;
        snprintf(s->track, sizeof s->track, "%s", member_mapped(map, mid, "track"));
    }
    fprintf(out, "%s\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\na=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:%s\r\na=%s\r\na=rtcp-mux\r\n",
            first, dtls_identity_fingerprint(m->identity), mid, on ? "recvonly" : "inactive");
    static const char *const kept[] = {"a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:"};
    for (at = line; *at; at += strcspn(at, "\n") + (strchr(at, '\n') != NULL))
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (strncmp(at, kept[i], strlen(kept[i])) == 0) fprintf(out, "%.*s\r\n", (int)strcspn(at, "\r"), at);
}

static inline char *member_answer_text(struct member *m, const char *offer, const json_t *map)
{
    char *text = NULL, *group = strstr(offer, "a=group:BUNDLE");
    size_t len;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "v=0\r\no=- 77 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n%.*s\r\n", group ? (int)strcspn(group, "\r") : 0, group ? group : "");
    for (const char *line = strstr(offer, "m="); line;) {
        const char *next = strstr(line + 2, "\r\nm=");
        char *one = strndup(line, next ? (size_t)(next + 2 - line) : strlen(line));
        member_answer_line(m, one, map, out);
        free(one);
        line = next ? next + 2 : NULL;
    }
    fclose(out);
    return text;
}

static inline void member_say(struct member *m, const char *verb, json_t *args)
{
    json_t *q = json_pack("{s:I,s:s,s:o}", "id", (json_int_t)++m->ws.id, "verb", verb, "args", args);
    char *text = json_dumps(q, JSON_COMPACT);
    json_decref(q);
    (void)!web_say(&m->ws, text);
    free(text);
}

static inline void member_offered(struct member *m, const json_t *o)
{
    const char *sdp = json_string_value(json_object_get(o, "sdp")), *at = strstr(sdp, "a=ice-ufrag:");
    char *answer = member_answer_text(m, sdp, json_object_get(o, "map"));
    struct ice_credentials theirs;
    char fingerprint[200], ufrag[32];
    sscanf(at, "a=ice-ufrag:%15s", theirs.ufrag);
    sscanf(strstr(sdp, "a=ice-pwd:"), "a=ice-pwd:%31s", theirs.password);
    sscanf(strstr(sdp, "a=fingerprint:"), "a=fingerprint:sha-256 %199s", fingerprint);
    snprintf(ufrag, sizeof ufrag, "%s", theirs.ufrag);
    member_say(m, "media.answer", json_pack("{s:s,s:O}", "sdp", answer, "version", json_object_get(o, "version")));
    free(answer);
    if (m->receives && strcmp(ufrag, m->ufrag) == 0) return;
    if (m->receives) rtc_client_close(&m->down);
    strcpy(m->ufrag, ufrag);
    m->down_port = member_port(sdp);
    assert_int_equal(rtc_client_open(&m->down, m->identity, m->down_port, &theirs, fingerprint), 0);
    m->down.on_rtp = member_rtp;
    m->down.ctx = m;
    m->receives = true;
}

/* ---- the connection ---- */
static inline void member_event(struct member *m, const json_t *e)
{
    const char *name = json_string_value(json_object_get(e, "event"));
    if (name && strcmp(name, "media.offer") == 0) member_offered(m, json_object_get(e, "data"));
    if (name && strcmp(name, "media.moved") == 0) m->moved++;
    if (name && strcmp(name, "room.admitted") == 0) strcpy(m->state, "admitted");
}

/* The answer's result; NULL: it was refused. */
static inline json_t *member_ask(struct member *m, const char *verb, json_t *args)
{
    member_say(m, verb, args);
    int64_t id = m->ws.id;
    for (json_t *a; (a = web_take(&m->ws, WEB_LIMIT_MS)); json_decref(a)) {
        member_event(m, a);
        if (json_integer_value(json_object_get(a, "id")) != id) continue;
        json_t *result = json_incref(json_object_get(a, "result"));
        if (!json_is_true(json_object_get(a, "ok"))) {
            char *text = json_dumps(a, 0);
            print_message("%s: %s\n", verb, text);
            free(text);
        }
        json_decref(a);
        return result;
    }
    return NULL;
}

/* What came for him; the line and what he sends live meanwhile. */
static inline void member_poll(struct member *m)
{
    for (json_t *e; (e = web_take(&m->ws, 0)); json_decref(e))
        member_event(m, e);
    if (!m->receives || m->deaf) return;
    if (!m->down.srtp && !m->down.checked) rtc_client_check(&m->down);
    rtc_client_poll(&m->down, 0);
    if (web_now_ms() - m->checked_ms < 1000) return;
    m->checked_ms = web_now_ms();
    rtc_client_check(&m->down);
}

static inline void members_poll(struct member *const *all, size_t n, int ms)
{
    for (int64_t until = web_now_ms() + ms; web_now_ms() < until; usleep(1000))
        for (size_t i = 0; i < n; i++)
            member_poll(all[i]);
}

static inline void member_join(struct member *m, const char *from, const char *cookie, const char *ticket)
{
    memset(m, 0, sizeof *m);
    m->from = web_from = from;
    if (web_socket(&m->ws, site.port, cookie) != 101) fail_msg("no socket");
    web_from = NULL;
    if (dtls_identity_new(&m->identity, DTLS_ENGINE_MBEDTLS)) fail_msg("no identity");
    json_t *r = member_ask(m, "room.join", json_pack("{s:s}", "ticket", ticket));
    if (!r) fail_msg("not joined");
    snprintf(m->seat, sizeof m->seat, "%s", json_string_value(json_object_get(r, "seat")));
    snprintf(m->state, sizeof m->state, "%s", json_string_value(json_object_get(r, "state")));
    json_decref(r);
}

static inline void member_receive(struct member *m)
{
    json_t *r = member_ask(m, "media.subscribe", json_pack("{s:s,s:b}", "wants", "all", "fresh", 1));
    if (!r) fail_msg("not subscribed");
    json_decref(r);
}

static inline void member_send(struct member *m)
{
    if (m->sends) lecturer_end(&m->up);
    m->sends = false;
    static unsigned session = 100; /* each a new page's */
    char offer[2100];
    const char *rest = strstr(lecturer_offer(m->identity), " 1 IN IP4");
    snprintf(offer, sizeof offer, "v=0\r\no=- %u%s", ++session, rest);
    json_t *r = member_ask(m, "media.publish", json_pack("{s:s,s:[{s:s,s:s},{s:s,s:s}]}", "sdp", offer, "tracks", "mid", "0", "source", "mic", "mid", "1", "source", "camera"));
    const char *answer = json_string_value(json_object_get(r, "sdp"));
    if (!answer) fail_msg("not published");
    m->up_port = member_port(answer);
    if (!lecturer_begin(&m->up, m->identity, answer, 1000)) fail_msg("what is sent does not arrive");
    m->sends = true;
    json_decref(r);
}

static inline void member_leave(struct member *m)
{
    if (m->sends) lecturer_end(&m->up);
    if (m->receives) rtc_client_close(&m->down);
    json_decref(member_ask(m, "room.leave", json_object()));
    web_close(&m->ws);
    dtls_identity_free(m->identity);
    memset(m, 0, sizeof *m);
}
#endif
