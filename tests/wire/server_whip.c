/* WHIP and WHEP on the real daemon: what RFC 9725 says of status codes and headers, media through it, restart, expiry, and who is refused. */
#include "tests/lib/site.h"
#include "tests/lib/rtc_client.h"
#include "tests/lib/site_rows.h"

#define SDP "Content-Type: application/sdp\r\n"
#define FRAG "Content-Type: application/trickle-ice-sdpfrag\r\n"

static struct dtls_identity *identity;
static char room_token[80], other_token[80];

static int start(void **state)
{
    site_start("");
    snprintf(room_token, sizeof room_token, "%s", site_ctl("token --room theatre --publish --watch --minutes 60"));
    snprintf(other_token, sizeof other_token, "%s", site_ctl("token --room elsewhere --publish --watch --minutes 60"));
    return dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS);
}

static int stop(void **state)
{
    dtls_identity_free(identity);
    return site_stop(state);
}

/* ---- words ---- */

/* An offer of a microphone and a camera, or of a wish for both. Line 6 is the first m-line. */
static const char *offer(bool watch)
{
    static char text[2000];
    const char *way = watch ? "recvonly" : "sendonly";
    snprintf(text, sizeof text,
             "v=0\r\no=- 42 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
             "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:0\r\na=%s\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n%s"
             "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:1\r\na=%s\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n%s",
             dtls_identity_fingerprint(identity), way, watch ? "" : "a=ssrc:1000 cname:c\r\n", dtls_identity_fingerprint(identity), way,
             watch ? "" : "a=ssrc:2000 cname:c\r\n");
    return text;
}

static const char *with(const char *token, const char *more)
{
    static char headers[400];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n%s", token, more);
    return headers;
}

/* One request on a connection of its own. The status; `last` holds the answer. */
static struct web last;
static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    return web_anew(&last, site.port, method, path, headers, body);
}

static bool says(const char *text)
{
    return last.body && strstr(last.body, text);
}

static const char *value(const char *text, const char *name, char out[300])
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    at += strlen(name);
    snprintf(out, 300, "%.*s", (int)strcspn(at, "\r\n"), at);
    return out;
}

struct session {
    char url[200], etag[64];
    struct rtc_client rtc;
};

static void begin(struct session *s, const char *url, const char *token)
{
    struct ice_credentials theirs;
    char text[300], fingerprint[300];
    memset(s, 0, sizeof *s);
    assert_int_equal(ask("POST", url, with(token, SDP), offer(strstr(url, "/whep/") != NULL)), 201);
    assert_string_equal(web_header(&last, "Content-Type"), "application/sdp");
    snprintf(s->url, sizeof s->url, "%s", web_header(&last, "Location"));
    snprintf(s->etag, sizeof s->etag, "%s", web_header(&last, "ETag"));
    assert_int_equal(strncmp(s->url, url, strlen(url)), 0);
    assert_true(s->etag[0] == '"');
    snprintf(theirs.ufrag, sizeof theirs.ufrag, "%s", value(last.body, "a=ice-ufrag:", text));
    snprintf(theirs.password, sizeof theirs.password, "%s", value(last.body, "a=ice-pwd:", text));
    value(last.body, "a=fingerprint:sha-256 ", fingerprint);
    unsigned port = 0;
    assert_int_equal(sscanf(value(last.body, "a=candidate:", text), "%*s 1 udp %*u 127.0.0.1 %u", &port), 1);
    assert_int_equal(rtc_client_open(&s->rtc, identity, (uint16_t)port, &theirs, fingerprint), 0);
    assert_true(rtc_client_connect(&s->rtc, 15000));
}

static int end(struct session *s, const char *token)
{
    int status = ask("DELETE", s->url, with(token, ""), NULL);
    rtc_client_close(&s->rtc);
    return status;
}

/* Sends pictures on one side until some arrive at the other: how many did. */
static int flow(struct session *from, struct session *to, uint16_t *seq)
{
    uint8_t b[600];
    int before = to->rtc.rtp_in;
    for (int i = 0; i < 600 && to->rtc.rtp_in < before + 20; i++) {
        rtc_client_send(&from->rtc, b, rtc_client_vp8(b, *seq, 2000, *seq % 30 == 0, 400), false);
        ++*seq;
        rtc_client_poll(&from->rtc, 5);
        rtc_client_poll(&to->rtc, 5);
        if (i % 50 == 0) { /* consent (RFC 7675) */
            rtc_client_check(&from->rtc);
            rtc_client_check(&to->rtc);
        }
    }
    return to->rtc.rtp_in - before;
}

/* ---- stories ---- */

static void what_is_published_is_watched(void **state)
{
    struct session in, out;
    uint16_t seq = 0;
    begin(&in, "/whip/theatre", room_token);
    begin(&out, "/whep/theatre", room_token);
    assert_true(flow(&in, &out, &seq) >= 20);
    assert_int_equal(end(&out, room_token), 200);
    assert_int_equal(ask("DELETE", out.url, with(room_token, ""), NULL), 404);
    assert_int_equal(end(&in, room_token), 200);
}

static void the_answers_are_those_of_the_standard(void **state)
{
    assert_int_equal(ask("POST", "/whip/theatre", SDP, offer(false)), 401);
    assert_string_equal(web_header(&last, "WWW-Authenticate"), "Bearer");
    assert_string_equal(web_header(&last, "Access-Control-Allow-Origin"), "*");
    assert_int_equal(ask("POST", "/whip/theatre", "Cookie: yl_session=abc\r\n" SDP, offer(false)), 401);
    assert_true(says("no_token")); /* a page of another site cannot use somebody's session */
    assert_int_equal(ask("POST", "/whip/theatre", with(other_token, SDP), offer(false)), 403);
    assert_true(says("other_room"));
    assert_int_equal(ask("POST", "/whip/theatre", with(room_token, "Content-Type: application/json\r\n"), "{}"), 415);
    assert_int_equal(ask("POST", "/whip/theatre", with(room_token, "Content-Type: application/sdpx\r\n"), offer(false)), 415);
    assert_int_equal(ask("POST", "/whip/theatre", with(room_token, "Content-Type: application/sdp; charset=utf-8\r\n"), offer(true)), 422);
    assert_true(says("nothing_sent"));
    assert_int_equal(ask("POST", "/whep/theatre", with(room_token, SDP), offer(false)), 422);
    assert_true(says("nothing_received"));
    assert_int_equal(ask("POST", "/whip/theatre", with(room_token, SDP), ""), 422);
    assert_int_equal(ask("POST", "/whip/", with(room_token, SDP), offer(false)), 404);
    assert_int_equal(ask("OPTIONS", "/whip/theatre", "Origin: https://studio.example\r\n", NULL), 204);
    assert_string_equal(web_header(&last, "Accept-Post"), "application/sdp");
    assert_non_null(strstr(web_header(&last, "Access-Control-Allow-Headers"), "If-Match"));
    static const char *const reserved[] = {"GET", "HEAD", "PUT"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(reserved[i], "/whip/theatre", with(room_token, ""), NULL), 405);
        assert_string_equal(web_header(&last, "Allow"), "POST, PATCH, DELETE, OPTIONS");
    }
    char *big = malloc(400001);
    memset(big, 'a', 400000);
    big[400000] = 0;
    assert_int_equal(ask("POST", "/whip/theatre", with(room_token, SDP), big), 413);
    free(big);
}

/* The line that is wrong is named: an integrator reads his own description. */
static void a_wrong_line_is_named(void **state)
{
    static const struct {
        const char *from, *to, *path;
    } wrongs[] = {{"a=rtcp-mux\r\n", "", "\"sdp:6\""}, {"a=group:BUNDLE 0 1", "a=group:BUNDLE 1", "\"sdp:6\""}, {"a=mid:1", "a=mid:0", "\"sdp:"},
                  {"a=setup:active", "a=setup:maybe", "\"sdp:11\""}};
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        char text[2000] = "";
        const char *good = offer(false), *at = strstr(good, wrongs[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, wrongs[i].to, at + strlen(wrongs[i].from));
        assert_int_equal(ask("POST", "/whip/theatre", with(room_token, SDP), text), 422);
        if (!says(wrongs[i].path)) fail_msg("%s: %s", wrongs[i].from, last.body);
    }
}

static void rights_of_a_token(void **state)
{
    char publish[80], watch[80];
    snprintf(publish, sizeof publish, "%s", site_ctl("token --room theatre --publish --minutes 5"));
    snprintf(watch, sizeof watch, "%s", site_ctl("token --room theatre --watch --minutes 5"));
    assert_int_equal(ask("POST", "/whip/theatre", with(watch, SDP), offer(false)), 403);
    assert_true(says("no_publish"));
    assert_int_equal(ask("POST", "/whep/theatre", with(publish, SDP), offer(true)), 403);
    assert_true(says("no_watch"));
    struct session in;
    begin(&in, "/whip/theatre", publish);
    char other[200];
    assert_int_equal(ask("DELETE", in.url, with(watch, ""), NULL), 404); /* not even that it is there */
    assert_int_equal(ask("DELETE", in.url, with(other_token, ""), NULL), 404);
    assert_int_equal(ask("DELETE", in.url, "", NULL), 401);
    assert_int_equal(ask("POST", in.url, with(publish, SDP), offer(false)), 405);
    snprintf(other, sizeof other, "/whip/elsewhere%s", strrchr(in.url, '/'));
    assert_int_equal(ask("DELETE", other, with(publish, ""), NULL), 404);
    snprintf(other, sizeof other, "/whep/theatre%s", strrchr(in.url, '/'));
    assert_int_equal(ask("DELETE", other, with(publish, ""), NULL), 404);
    assert_int_equal(ask("DELETE", "/whip/theatre/nonsense", with(publish, ""), NULL), 404);
    assert_int_equal(ask("PATCH", "/whip/theatre", with(publish, FRAG), "a=x\r\n"), 405);
    assert_int_equal(end(&in, publish), 200);
}

static int patch(const struct session *s, const char *if_match, const char *body)
{
    char more[200];
    snprintf(more, sizeof more, FRAG "%s%s%s", if_match ? "If-Match: " : "", if_match ? if_match : "", if_match ? "\r\n" : "");
    return ask("PATCH", s->url, with(room_token, more), body);
}

static void ice_is_restarted(void **state)
{
    static const char *const same = "a=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n"
                                    "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n";
    static const char *const fresh = "a=ice-ufrag:dddd\r\na=ice-pwd:dddddddddddddddddddddddd\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n";
    struct session in, out;
    uint16_t seq = 0;
    char ufrag[300], password[300], list[200], was[64];
    begin(&in, "/whip/theatre", room_token);
    begin(&out, "/whep/theatre", room_token);
    assert_true(flow(&in, &out, &seq) >= 20);
    assert_int_equal(patch(&in, NULL, same), 428);
    assert_int_equal(patch(&in, "\"other\"", same), 412);
    assert_int_equal(patch(&in, in.etag, same), 204); /* trickled candidates are of no use to an ICE-lite side */
    snprintf(list, sizeof list, "\"other\", %s", in.etag);
    assert_int_equal(patch(&in, list, same), 204);
    assert_int_equal(patch(&in, in.etag, "a=ice-ufrag:cccc\r\n"), 422);
    assert_true(says("no_ice_credentials"));
    assert_int_equal(patch(&in, in.etag, "a=ice-ufrag:cccc\r\na=ice-pwd:short\r\n"), 422);
    assert_true(says("sdpfrag:2"));
    assert_int_equal(ask("PATCH", in.url, with(room_token, SDP "If-Match: *\r\n"), same), 415);
    assert_string_equal(web_header(&last, "Accept-Patch"), "application/trickle-ice-sdpfrag");
    assert_int_equal(patch(&in, "*", fresh), 200);
    assert_string_equal(web_header(&last, "Content-Type"), "application/trickle-ice-sdpfrag");
    snprintf(was, sizeof was, "%s", in.etag);
    snprintf(in.etag, sizeof in.etag, "%s", web_header(&last, "ETag"));
    assert_string_not_equal(was, in.etag);
    assert_true(says("a=ice-lite\r\n") && says("a=mid:0\r\n") && says("a=candidate:") && says("a=end-of-candidates"));
    snprintf(in.rtc.user, sizeof in.rtc.user, "%s:dddd", value(last.body, "a=ice-ufrag:", ufrag));
    snprintf(in.rtc.password, sizeof in.rtc.password, "%.31s", value(last.body, "a=ice-pwd:", password));
    assert_int_equal(patch(&in, was, fresh), 412);
    assert_int_equal(patch(&in, in.etag, fresh), 204);
    rtc_client_rebind(&in.rtc); /* as after a change of network */
    in.rtc.checked = false;
    for (int i = 0; i < 100 && !in.rtc.checked; i++) {
        rtc_client_check(&in.rtc);
        rtc_client_poll(&in.rtc, 20);
    }
    assert_true(in.rtc.checked);
    assert_true(flow(&in, &out, &seq) >= 20); /* DTLS and SRTP went on */
    assert_int_equal(end(&in, room_token), 200);
    assert_int_equal(end(&out, room_token), 200);
}

static void a_machine_in_a_consultation_is_seen(void **state)
{
    struct person_at sun = person_sign_in("bh.sun");
    json_t *cases = person_ask(&sun, "GET", "/cases?view=mine&kind=interactive", NULL);
    const char *id = json_string_value(json_object_get(json_array_get(json_object_get(cases, "items"), 0), "id"));
    char path[100];
    snprintf(path, sizeof path, "/cases/%s/room/ticket", id);
    json_t *ticket = person_ask(&sun, "POST", path, json_object());
    const char *room = json_string_value(json_object_get(ticket, "room_id"));
    struct web w;
    assert_int_equal(web_socket(&w, site.port, sun.cookie), 101);
    json_t *joined = web_verb(&w, "room.join", json_pack("{s:O}", "ticket", json_object_get(ticket, "ticket")));
    assert_true(json_is_true(json_object_get(joined, "ok")));
    char words[200], token[80], url[100];
    snprintf(words, sizeof words, "token --room %s --publish --minutes 5", room);
    snprintf(token, sizeof token, "%s", site_ctl(words));
    snprintf(url, sizeof url, "/whip/%s", room);
    struct session in;
    begin(&in, url, token);
    json_t *seat = NULL;
    for (int i = 0; i < 20 && (!seat || strcmp(json_string_value(json_object_get(seat, "role")), "machine")); i++) {
        json_decref(seat);
        seat = web_event(&w, "room.seat", 5000);
        assert_non_null(seat);
    }
    assert_int_equal(end(&in, token), 200);
    json_t *left = web_event(&w, "room.left", 5000);
    assert_non_null(left);
    assert_string_equal(json_string_value(json_object_get(left, "seat")), json_string_value(json_object_get(seat, "id")));
    json_decref(seat);
    json_decref(left);
    json_decref(joined);
    json_decref(ticket);
    json_decref(cases);
    web_close(&w);
}

/* ---- what the machine's administrators see ---- */

/* The room as GET /rooms/{id} tells it, once `ready` holds of it or some seconds are over. */
static json_t *overseen(const struct person_at *admin, const char *room, const char *seat, bool (*ready)(const json_t *room))
{
    char path[120];
    json_t *v = NULL;
    snprintf(path, sizeof path, "/rooms/%s%s%s", room, *seat ? "?seat_id=" : "", seat);
    for (int i = 0; i < 60; i++, usleep(100000)) {
        json_decref(v);
        v = person_ask(admin, "GET", path, NULL);
        if (ready(v)) return v;
    }
    fail_msg("%s: %s", path, json_dumps(v, 0));
    return NULL;
}

static json_t *machine(const json_t *room, bool sends)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(room, "people"), i, p)
        if (!strcmp(json_string_value(json_object_get(p, "role")), "machine") && json_is_object(json_object_get(p, sends ? "up" : "down"))) return p;
    return NULL;
}

static bool sends_pictures(const json_t *room)
{
    json_t *p = machine(room, true), *sent = json_object_get(p, "sent");
    for (size_t i = 0; i < json_array_size(sent); i++)
        if (json_integer_value(json_object_get(json_array_get(sent, i), "width")) == 64 && machine(room, false)) return true;
    return false;
}

static bool receives(const json_t *room)
{
    return json_array_size(json_object_get(room, "received")) > 0;
}

static const char *word(const json_t *o, const char *name)
{
    const char *v = json_string_value(json_object_get(o, name));
    return v ? v : "";
}

static void administrators_see_lines_and_nobodys_name(void **state)
{
    struct person_at sun = person_sign_in("bh.sun"), admin = person_sign_in("admin");
    json_t *cases = person_ask(&sun, "GET", "/cases?view=mine&kind=interactive", NULL);
    char path[100], words[200], token[80], room[20], url[60];
    snprintf(path, sizeof path, "/cases/%s/room/ticket", word(json_array_get(json_object_get(cases, "items"), 0), "id"));
    json_t *ticket = person_ask(&sun, "POST", path, json_object());
    snprintf(room, sizeof room, "%s", word(ticket, "room_id"));
    snprintf(words, sizeof words, "token --room %s --publish --watch --minutes 5", room);
    snprintf(token, sizeof token, "%s", site_ctl(words));
    struct session in, out;
    uint16_t seq = 0;
    snprintf(url, sizeof url, "/whip/%s", room);
    begin(&in, url, token);
    snprintf(url, sizeof url, "/whep/%s", room);
    begin(&out, url, token);
    assert_true(flow(&in, &out, &seq) >= 20);
    json_t *v = overseen(&admin, room, "", sends_pictures), *up = json_object_get(machine(v, true), "up"), *inside = json_object_get(v, "inside");
    assert_string_equal(word(up, "way"), "udp");
    assert_int_equal(json_integer_value(json_object_get(up, "ip")), 4);
    assert_string_equal(word(v, "kind"), "consultation");
    assert_true(json_integer_value(json_object_get(inside, "p50_us")) > 0);
    assert_true(json_integer_value(json_object_get(inside, "p99_us")) >= json_integer_value(json_object_get(inside, "p50_us")));
    json_t *r = overseen(&admin, room, word(machine(v, false), "id"), receives), *feed = json_array_get(json_object_get(r, "received"), 0);
    assert_string_equal(word(feed, "from"), word(machine(v, true), "id"));
    assert_true(json_object_get(feed, "nacks") && json_object_get(feed, "freezes") && json_object_get(feed, "grades"));
    char *whole = json_dumps(r, 0);
    assert_null(strstr(whole, "case_id"));
    assert_null(strstr(whole, "name"));
    free(whole);
    json_t *list = person_ask(&admin, "GET", "/rooms", NULL), *items = json_object_get(list, "items"), *one = NULL;
    for (size_t i = 0; i < json_array_size(items) && strcmp(word(one, "id"), room); i++) /* rooms that were left stay some seconds */
        one = json_array_get(items, i);
    assert_string_equal(word(one, "id"), room);
    assert_true(json_integer_value(json_object_get(one, "seats")) >= 2); /* and bh.sun, away */
    json_t *lines = person_ask(&admin, "GET", "/audit/mine?limit=100", NULL);
    int seen = 0;
    for (size_t i = 0; i < json_array_size(json_object_get(lines, "items")); i++)
        seen += !strcmp(word(json_array_get(json_object_get(lines, "items"), i), "op"), "room.live_get");
    assert_int_equal(seen, 1); /* however often it is asked within a minute */
    assert_int_equal(ask("GET", "/api/v1/rooms", sun.cookie, NULL), 403);
    assert_int_equal(ask("GET", "/api/v1/rooms/0123456789abcdef", admin.cookie, NULL), 404);
    assert_int_equal(ask("GET", "/api/v1/rooms?more=1", admin.cookie, NULL), 422);
    assert_int_equal(ask("GET", "/api/v1/rooms", "", NULL), 401);
    assert_int_equal(end(&in, token), 200);
    assert_int_equal(end(&out, token), 200);
    json_t *all[] = {cases, ticket, v, r, list, lines};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        json_decref(all[i]);
}

static void a_token_ends_its_session(void **state)
{
    char token[80];
    snprintf(token, sizeof token, "%s", site_ctl("token --room short --publish --watch --minutes 1"));
    site_exec("UPDATE room_token SET expires_ms=$1 WHERE id=(SELECT MAX(id) FROM room_token)", clock_now_ms(&clock_system) + 8000);
    struct session in;
    begin(&in, "/whip/short", token);
    for (int i = 0; i < 150 && ask("PATCH", in.url, with(token, FRAG "If-Match: *\r\n"), "a=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n") == 204; i++)
        usleep(100000);
    assert_int_equal(last.status, 404);
    assert_int_equal(ask("POST", "/whip/short", with(token, SDP), offer(false)), 401);
    assert_true(says("token_expired"));
    rtc_client_close(&in.rtc);
}

static void a_room_has_so_many_seats(void **state)
{
    char urls[70][200];
    int n = 0;
    while (n < 70 && ask("POST", "/whip/elsewhere", with(other_token, SDP), offer(false)) == 201)
        snprintf(urls[n++], sizeof urls[0], "%s", web_header(&last, "Location"));
    assert_int_equal(n, 64);
    assert_int_equal(last.status, 503);
    assert_true(says("room_full"));
    while (n-- > 0)
        assert_int_equal(ask("DELETE", urls[n], with(other_token, ""), NULL), 200);
}

/* Who watches a room without a case is no seat: a lecture has more watchers than a table has chairs. */
static void a_lecture_has_an_audience(void **state)
{
    struct session in, first, last_one;
    char urls[100][200];
    uint16_t seq = 0;
    begin(&first, "/whep/elsewhere", other_token); /* before there is anything to see */
    begin(&in, "/whip/elsewhere", other_token);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ask("POST", "/whep/elsewhere", with(other_token, SDP), offer(true)), 201);
        snprintf(urls[i], sizeof urls[i], "%s", web_header(&last, "Location"));
    }
    begin(&last_one, "/whep/elsewhere", other_token);
    assert_true(flow(&in, &first, &seq) >= 20);
    assert_true(flow(&in, &last_one, &seq) >= 20);
    assert_int_equal(ask("PATCH", first.url, with(other_token, FRAG "If-Match: *\r\n"), "a=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"), 204);
    assert_int_equal(ask("DELETE", urls[0], with(room_token, ""), NULL), 404);
    for (int i = 0; i < 100; i++)
        assert_int_equal(ask("DELETE", urls[i], with(other_token, ""), NULL), 200);
    assert_int_equal(ask("DELETE", urls[0], with(other_token, ""), NULL), 404);
    assert_int_equal(end(&in, other_token), 200); /* what it sent ends; the audience waits for the next */
    begin(&in, "/whip/elsewhere", other_token);
    assert_true(flow(&in, &first, &seq) >= 20);
    assert_int_equal(end(&first, other_token), 200);
    assert_int_equal(end(&last_one, other_token), 200);
    assert_int_equal(end(&in, other_token), 200);
}

/* The last of all: this address has used its budget up afterwards. */
static void guessing_tokens_is_slow(void **state)
{
    int wrong = 0, limited = 0;
    for (int i = 0; i < 45; i++) {
        int status = ask("POST", "/whip/theatre", with("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SDP), offer(false));
        wrong += status == 401;
        limited += status == 429;
    }
    assert_true(wrong >= 25 && limited >= 1 && wrong + limited == 45);
    assert_true(says("too_many_wrong") || last.status == 401);
    int status = 429; /* a good one waits its turn, then it is good again */
    for (int i = 0; i < 100 && (status = ask("POST", "/whip/theatre", with(room_token, SDP), offer(false))) == 429; i++)
        usleep(100000);
    assert_int_equal(status, 201);
    assert_int_equal(ask("DELETE", web_header(&last, "Location"), with(room_token, ""), NULL), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_published_is_watched), cmocka_unit_test(the_answers_are_those_of_the_standard),
        cmocka_unit_test(a_wrong_line_is_named), cmocka_unit_test(rights_of_a_token), cmocka_unit_test(ice_is_restarted),
        cmocka_unit_test(a_machine_in_a_consultation_is_seen), cmocka_unit_test(administrators_see_lines_and_nobodys_name), cmocka_unit_test(a_token_ends_its_session),
        cmocka_unit_test(a_room_has_so_many_seats), cmocka_unit_test(a_lecture_has_an_audience),
        cmocka_unit_test(guessing_tokens_is_slow)};
    return cmocka_run_group_tests(tests, start, stop);
}
