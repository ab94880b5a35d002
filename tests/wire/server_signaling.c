/* The WebSocket on the real daemon: who may do what, and what hostile clients get. tests/browser/room.mjs is the friendly side. */
#include "server/signaling/signaling.h"
#include "tests/lib/site.h"

static struct person_at sun, he; /* bh.sun brings the patient (host), xy.he is the expert whose room it is */
static char case_id[20];

static int start(void **state)
{
    site_start("");
    sun = person_sign_in("bh.sun");
    he = person_sign_in("xy.he");
    json_t *cases = person_ask(&sun, "GET", "/cases?view=mine&kind=interactive", NULL);
    snprintf(case_id, sizeof case_id, "%s", json_string_value(json_object_get(json_array_get(json_object_get(cases, "items"), 0), "id")));
    json_decref(cases);
    return 0;
}

/* ---- tickets and seats ---- */

struct ticket {
    char text[80];
};

static struct ticket ticket_of(const struct person_at *p)
{
    struct ticket t;
    char path[80];
    snprintf(path, sizeof path, "/cases/%s/room/ticket", case_id);
    json_t *a = person_ask(p, "POST", path, json_object());
    snprintf(t.text, sizeof t.text, "%s", json_string_value(json_object_get(a, "ticket")));
    json_decref(a);
    return t;
}

static struct ticket guest_ticket(void)
{
    struct ticket t;
    char path[80];
    snprintf(path, sizeof path, "/cases/%s/room/guests", case_id);
    json_t *a = person_ask(&sun, "POST", path, json_pack("{s:s,s:s}", "name", "小明", "relation", "儿子"));
    snprintf(t.text, sizeof t.text, "%s", strchr(json_string_value(json_object_get(a, "url")), '#') + 1);
    json_decref(a);
    return t;
}

struct seat {
    struct web ws;
    char id[20], resume[80], state[12];
};

/* "" or the reason of a refusal. */
static const char *join(struct seat *s, const struct person_at *who, const char *ticket, const char *resume)
{
    static char reason[64];
    if (!s->ws.in && web_socket(&s->ws, site.port, who ? who->cookie : "") != 101) fail_msg("no socket");
    json_t *args = json_pack("{s:s}", "ticket", ticket);
    if (resume) json_object_set_new(args, "resume", json_string(resume));
    json_t *a = web_verb(&s->ws, "room.join", args), *r = json_object_get(a, "result");
    snprintf(reason, sizeof reason, "%s", a ? "" : "line over");
    if (r) {
        snprintf(s->id, sizeof s->id, "%s", json_string_value(json_object_get(r, "seat")));
        snprintf(s->resume, sizeof s->resume, "%s", json_string_value(json_object_get(r, "resume")));
        snprintf(s->state, sizeof s->state, "%s", json_string_value(json_object_get(r, "state")));
    } else if (a) {
        snprintf(reason, sizeof reason, "%s", json_string_value(json_object_get(json_object_get(a, "error"), "reason")));
    }
    json_decref(a);
    return reason;
}

static void seat_open(struct seat *s, const struct person_at *who, const char *ticket)
{
    memset(s, 0, sizeof *s);
    const char *reason = join(s, who, ticket, NULL);
    if (*reason) fail_msg("join: %s", reason);
}

static void seat_leave(struct seat *s)
{
    json_decref(web_verb(&s->ws, "room.leave", NULL));
    assert_int_equal(web_drain(&s->ws, 5000), 1000);
    web_close(&s->ws);
}

/* "ok", or "code reason". */
static const char *verb(struct web *w, const char *name, json_t *args)
{
    static char text[120];
    json_t *a = web_verb(w, name, args), *e = json_object_get(a, "error");
    snprintf(text, sizeof text, "line over");
    if (json_is_true(json_object_get(a, "ok"))) snprintf(text, sizeof text, "ok");
    else if (e) snprintf(text, sizeof text, "%s %s", json_string_value(json_object_get(e, "code")), json_string_value(json_object_get(e, "reason")));
    json_decref(a);
    return text;
}

/* Good arguments of every verb: the table is compared with the daemon's own. */
static const struct {
    const char *verb, *args;
    bool seatless, host;
} samples[] = {
    {"ping", "{}", true},
    {"push.subscribe", "{\"topics\":[\"case\"]}", true},
    {"room.join", "{\"ticket\":\"x\"}", true},
    {"test.echo", "{\"sdp\":\"v=0\"}", true},
    {"room.leave", "{}"},
    {"room.admit", "{\"seat\":\"00000000000000ab\"}", .host = true},
    {"room.refuse", "{\"seat\":\"00000000000000ab\"}", .host = true},
    {"room.remove", "{\"seat\":\"00000000000000ab\"}", .host = true},
    {"room.mute", "{\"seat\":\"00000000000000ab\"}", .host = true},
    {"room.lower_hand", "{\"seat\":\"00000000000000ab\"}", .host = true},
    {"room.spotlight", "{\"seat\":null}", .host = true},
    {"room.end", "{}", .host = true},
    {"room.record", "{\"on\":true}", .host = true},
    {"room.device", "{\"device\":\"00000000000000ab\",\"on\":true}", .host = true},
    {"room.hand", "{\"up\":true}"},
    {"room.mute_self", "{\"source\":\"mic\",\"muted\":true}"},
    {"room.consent", "{\"agree\":true}"},
    {"room.show", "{\"show\":{\"document_id\":\"00000000000000ab\"}}", .host = true},
    {"room.quality_hint", "{\"mode\":\"full\"}"},
    {"room.still", "{\"source\":\"camera\",\"jpeg_base64\":\"AAAA\"}"},
    {"media.publish", "{\"sdp\":\"v=0\",\"tracks\":[]}"},
    {"media.subscribe", "{}"},
    {"media.answer", "{\"sdp\":\"v=0\",\"version\":1}"},
    {"media.restart", "{\"pc\":\"up\"}"},
    {"media.layer", "{\"track\":\"00000000000000ab\",\"layer\":1}"},
    {"media.pause", "{\"track\":\"00000000000000ab\",\"on\":true}"},
    {"media.stats", "{\"rtt_ms\":5}"},
};
#define N_SAMPLES (sizeof samples / sizeof *samples)

static void every_verb_is_tried_here(void **state)
{
    json_t *schema = signaling_schema(), *verbs = json_object_get(schema, "$defs");
    assert_int_equal(json_object_size(verbs), N_SAMPLES);
    for (size_t i = 0; i < N_SAMPLES; i++)
        if (!json_object_get(verbs, samples[i].verb)) fail_msg("%s", samples[i].verb);
    json_decref(schema);
}

static void without_a_seat_nothing_is_done(void **state)
{
    struct web w;
    assert_int_equal(web_socket(&w, site.port, sun.cookie), 101);
    for (size_t i = 0; i < N_SAMPLES; i++)
        if (!samples[i].seatless) assert_string_equal(verb(&w, samples[i].verb, json_loads(samples[i].args, 0, NULL)), "not_allowed_now not_joined");
    assert_string_equal(verb(&w, "push.subscribe", json_loads(samples[1].args, 0, NULL)), "ok");
    web_close(&w);
    assert_int_equal(web_socket(&w, site.port, ""), 101); /* nobody */
    assert_string_equal(verb(&w, "push.subscribe", json_loads(samples[1].args, 0, NULL)), "unauthenticated no_session");
    assert_string_equal(verb(&w, "test.echo", json_loads(samples[3].args, 0, NULL)), "unauthenticated no_session");
    assert_string_equal(verb(&w, "ping", NULL), "ok");
    web_close(&w);
}

static void wrong_arguments_are_named(void **state)
{
    struct web w;
    assert_int_equal(web_socket(&w, site.port, ""), 101);
    assert_string_equal(verb(&w, "room.dance", NULL), "not_found no_verb");
    json_t *a = web_verb(&w, "room.mute_self", json_pack("{s:s,s:i,s:b}", "source", "window", "muted", 3, "more", 1));
    char *text = json_dumps(a, 0);
    assert_true(strstr(text, "\"source\"") && strstr(text, "\"muted\"") && strstr(text, "\"more\"") && strstr(text, "unknown"));
    free(text);
    json_decref(a);
    web_close(&w);
}

/* ---- the waiting room ---- */

static void who_waits_gets_nothing_and_does_nothing(void **state)
{
    struct seat host, guest;
    struct ticket family = guest_ticket();
    seat_open(&host, &sun, ticket_of(&sun).text);
    assert_string_equal(host.state, "admitted");
    seat_open(&guest, NULL, family.text);
    assert_string_equal(guest.state, "waiting");
    for (size_t i = 0; i < N_SAMPLES; i++)
        if (!samples[i].seatless && strcmp(samples[i].verb, "room.leave"))
            assert_string_equal(verb(&guest.ws, samples[i].verb, json_loads(samples[i].args, 0, NULL)), "not_allowed_now waiting");
    assert_string_equal(verb(&host.ws, "room.hand", json_pack("{s:b}", "up", 1)), "ok");
    assert_string_equal(verb(&host.ws, "room.mute_self", json_pack("{s:s,s:b}", "source", "mic", "muted", 1)), "ok");
    assert_string_equal(verb(&host.ws, "room.still", json_pack("{s:s,s:s}", "source", "camera", "jpeg_base64", "AAAA")), "ok");
    assert_null(web_take(&guest.ws, 3000)); /* not even the room's figures, which go out every two seconds */
    assert_int_equal(guest.ws.close_code, 0);
    assert_string_equal(verb(&host.ws, "room.admit", json_pack("{s:s}", "seat", guest.id)), "ok");
    json_t *in = web_event(&guest.ws, "room.admitted", 5000), *room = json_object_get(in, "room");
    assert_non_null(in);
    assert_string_equal(json_string_value(json_array_get(json_object_get(room, "layered"), 0)), "camera2");
    assert_true(json_is_null(json_object_get(room, "case_id")) && !*json_string_value(json_object_get(room, "title")));
    json_decref(in);
    seat_leave(&guest);
    seat_leave(&host);
}

static void a_guest_is_no_host_and_sees_no_record(void **state)
{
    struct seat host, expert, guest;
    struct ticket family = guest_ticket();
    seat_open(&host, &sun, ticket_of(&sun).text);
    seat_open(&expert, &he, ticket_of(&he).text);
    seat_open(&guest, NULL, family.text);
    assert_string_equal(verb(&host.ws, "room.admit", json_pack("{s:s}", "seat", guest.id)), "ok");
    for (size_t i = 0; i < N_SAMPLES; i++)
        if (samples[i].host) assert_string_equal(verb(&guest.ws, samples[i].verb, json_loads(samples[i].args, 0, NULL)), "denied not_host");
    json_t *show = json_pack("{s:{s:s,s:i,s:f,s:{s:f,s:f}}}", "show", "document_id", "00000000000000ab", "page", 2, "zoom", 2.0, "pointer", "x", 0.25, "y", 0.5);
    assert_string_equal(verb(&host.ws, "room.show", json_incref(show)), "ok");
    json_t *seen = web_event(&expert.ws, "room.show", 5000);
    assert_string_equal(json_string_value(json_object_get(seen, "by")), host.id);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(seen, "show"), "page")), 2);
    assert_null(web_event(&guest.ws, "room.show", 1000));
    struct seat again = {0}; /* a reload while something is shown does not tell either */
    assert_string_equal(join(&again, NULL, family.text, guest.resume), "");
    assert_string_equal(again.id, guest.id);
    assert_int_equal(web_drain(&guest.ws, 5000), 4010);
    web_close(&guest.ws);
    seat_leave(&again);
    json_decref(seen);
    json_decref(show);
    seat_leave(&expert);
    seat_leave(&host);
}

/* ---- whose ticket it is ---- */

static void a_ticket_is_good_for_its_owner_only(void **state)
{
    struct seat host = {0}, thief = {0}, again = {0};
    struct ticket suns = ticket_of(&sun), hes = ticket_of(&he), family = guest_ticket();
    assert_string_equal(join(&thief, &he, suns.text, NULL), "ticket_not_yours");
    assert_string_equal(join(&thief, &he, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL), "ticket_unknown");
    seat_open(&host, &sun, suns.text);
    assert_string_equal(join(&thief, &he, hes.text, host.resume), "resume_wrong"); /* another seat's secret */
    assert_string_equal(join(&thief, &he, suns.text, host.resume), "ticket_not_yours");
    assert_string_equal(join(&host, &sun, family.text, NULL), "has_seat"); /* one seat a connection */
    char first[20], old[80];
    snprintf(first, sizeof first, "%s", host.id);
    snprintf(old, sizeof old, "%s", host.resume);
    assert_string_equal(join(&again, &sun, suns.text, host.resume), "");
    assert_string_equal(again.id, first); /* the same seat; the former connection is told to go */
    assert_int_equal(web_drain(&host.ws, 5000), 4010);
    web_close(&host.ws);
    memset(&host, 0, sizeof host);
    assert_string_equal(join(&host, &sun, suns.text, old), "resume_wrong"); /* a secret is good once */
    web_close(&host.ws);
    struct ticket newer = ticket_of(&sun);
    memset(&host, 0, sizeof host);
    assert_string_equal(join(&host, &sun, suns.text, NULL), "ticket_unknown"); /* only the newest is good */
    assert_string_equal(join(&host, &sun, newer.text, NULL), "");
    assert_string_equal(host.id, first);
    assert_int_equal(web_drain(&again.ws, 5000), 4010);
    web_close(&again.ws);
    web_close(&thief.ws);
    seat_leave(&host);
}

/* ---- bad frames ---- */

static int closes_with(const void *data, size_t len, int opcode)
{
    struct web w;
    assert_int_equal(web_socket(&w, site.port, sun.cookie), 101);
    if (web_frame(&w, opcode, data, len)) w.close_code = 1006;
    int code = web_drain(&w, 5000);
    web_close(&w);
    return code;
}

static void what_is_no_message_ends_the_line(void **state)
{
    static const char *const bad[] = {"", "not json", "[]", "7", "{\"verb\":\"ping\"}", "{\"id\":0,\"verb\":\"ping\"}", "{\"id\":-3,\"verb\":\"ping\"}",
                                      "{\"id\":\"1\",\"verb\":\"ping\"}", "{\"id\":1}", "{\"id\":1,\"verb\":7}", "{\"id\":1,\"verb\":\"ping\"} more",
                                      "{\"id\":1,\"id\":2,\"verb\":\"ping\"}", "{\"id\":1e300,\"verb\":\"ping\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (closes_with(bad[i], strlen(bad[i]), 1) != 4000) fail_msg("%s", bad[i]);
    static char deep[200000];
    memset(deep, '[', sizeof deep);
    assert_int_equal(closes_with(deep, sizeof deep, 1), 4000);
    assert_int_equal(closes_with("{}", 2, 2), 4000); /* binary */
    int code = closes_with("\xff\xfe{}", 4, 1);      /* not UTF-8 (RFC 6455 8.1) */
    assert_true(code == 1007 || code == 1006);
    char *big = malloc(300000);
    memset(big, 'a', 300000);
    code = closes_with(big, 300000, 1);
    assert_true(code == 1009 || code == 1006); /* what we still sent may reset the line before the frame arrives */
    free(big);
}

static void a_flood_is_cut_off(void **state)
{
    struct web w;
    assert_int_equal(web_socket(&w, site.port, sun.cookie), 101);
    for (int i = 0; i < 3000 && web_say(&w, "{\"id\":1,\"verb\":\"ping\"}") == 0; i++) {}
    int code = web_drain(&w, 10000);
    assert_true(code == 4029 || code == 1006);
    web_close(&w);
}

/* ---- bombs ---- */

/* As many m-lines as one message holds; `lines` more attributes each. */
static char *bomb(int m_lines, int lines, unsigned session)
{
    char *text = NULL;
    size_t len = 0;
    FILE *o = open_memstream(&text, &len);
    fprintf(o, "v=0\r\no=- %u 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", session);
    for (int i = 0; i < m_lines; i++)
        fprintf(o, " %d", i);
    fprintf(o, "\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\na=setup:active\r\na=fingerprint:sha-256 ");
    for (int i = 0; i < 32; i++)
        fprintf(o, "%sAB", i ? ":" : "");
    for (int i = 0; i < m_lines; i++) {
        fprintf(o, "\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:%d\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96", i);
        for (int l = 0; l < lines; l++)
            fprintf(o, "\r\na=x:%d", l);
    }
    fputs("\r\n", o);
    fclose(o);
    return text;
}

static int64_t ping_ms(void)
{
    struct web w;
    int64_t t0 = web_now_ms();
    assert_int_equal(web_socket(&w, site.port, sun.cookie), 101);
    assert_string_equal(verb(&w, "ping", NULL), "ok");
    web_close(&w);
    return web_now_ms() - t0;
}

static void bombs_of_sdp_go_off_quietly(void **state)
{
    struct seat host;
    seat_open(&host, &sun, ticket_of(&sun).text);
    for (unsigned i = 0; i < 60; i++) { /* a new transport each time */
        char *sdp = bomb(128, (int)(i % 3) * 10, i + 1);
        json_t *tracks = json_pack("[{s:s,s:s},{s:s,s:s},{s:s,s:s}]", "mid", "0", "source", "camera", "mid", "1", "source", "screen", "mid", "2", "source", "camera2");
        assert_string_equal(verb(&host.ws, "media.publish", json_pack("{s:s,s:o}", "sdp", sdp, "tracks", tracks)), "ok");
        free(sdp);
    }
    char *over = bomb(300, 0, 1), *wide = malloc(190001);
    assert_string_equal(verb(&host.ws, "media.publish", json_pack("{s:s,s:[]}", "sdp", over, "tracks")), "invalid sdp");
    memset(wide, 'a', 190000);
    memcpy(wide, "v=0\na=", 6);
    wide[190000] = 0;
    assert_string_equal(verb(&host.ws, "media.publish", json_pack("{s:s,s:[]}", "sdp", wide, "tracks")), "invalid sdp");
    json_t *many = json_array();
    for (int i = 0; i < 17; i++)
        json_array_append_new(many, json_pack("{s:s,s:s}", "mid", "0", "source", "camera"));
    assert_string_equal(verb(&host.ws, "media.publish", json_pack("{s:s,s:o}", "sdp", "v=0", "tracks", many)), "invalid ");
    free(over);
    free(wide);
    assert_true(ping_ms() < 5000);
    seat_leave(&host);
}

static long connections(void)
{
    struct web w;
    assert_int_equal(web_once(&w, site.port, "GET", "/metrics", "", NULL), 200);
    const char *at = strstr(w.body, "\nyilian_signaling_connections ");
    assert_non_null(at);
    long n = strtol(at + strlen("\nyilian_signaling_connections "), NULL, 10);
    web_close(&w);
    return n;
}

/* Asks for large answers and reads none of them: the daemon lets go of it. (That it says 4008 where it still can: wire/server_http.c.) */
static void a_slow_reader_is_cut_off(void **state)
{
    struct web w;
    int small = 4096, asked = 0;
    char *sdp = bomb(128, 0, 9);
    for (int i = 0; i < 100 && connections(); i++) /* those of the tests before */
        usleep(100000);
    assert_int_equal(web_socket(&w, site.port, sun.cookie), 101);
    setsockopt(w.net.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    json_t *q = json_pack("{s:i,s:s,s:{s:s}}", "id", 1, "verb", "test.echo", "args", "sdp", sdp);
    char *text = json_dumps(q, JSON_COMPACT);
    while (asked < 1000 && connections()) {
        for (int i = 0; i < 10 && web_say(&w, text) == 0; i++)
            asked++;
        usleep(250000);
    }
    print_message("closed after %d questions\n", asked);
    assert_true(asked < 1000);
    assert_true(ping_ms() < 10000); /* nobody else waited for it */
    web_close(&w);
    json_decref(q);
    free(text);
    free(sdp);
}

/* Signed out, or ended from another device: the line of that session goes at once, the person's others stay. */
static void an_ended_session_ends_its_line(void **state)
{
    struct person_at again = person_sign_in("bh.sun");
    struct web gone, stays;
    assert_int_equal(web_socket(&gone, site.port, again.cookie), 101);
    assert_int_equal(web_socket(&stays, site.port, sun.cookie), 101);
    assert_string_equal(verb(&gone, "push.subscribe", json_pack("{s:[s]}", "topics", "case")), "ok");
    assert_string_equal(verb(&stays, "push.subscribe", json_pack("{s:[s]}", "topics", "case")), "ok");
    int64_t before_ms = web_now_ms();
    json_decref(person_ask(&again, "DELETE", "/session", NULL));
    json_t *told = web_event(&gone, "session.ended", 5000);
    assert_non_null(told);
    json_decref(told);
    assert_int_equal(web_drain(&gone, 5000), 4001);
    print_message("told after %d ms\n", (int)(web_now_ms() - before_ms));
    assert_string_equal(verb(&stays, "ping", NULL), "ok");
    web_close(&gone);
    web_close(&stays);
}

/* Both have subscribed to messages and sun writes one: who may know of it hears it, the other nothing. Ends both lines. */
static void a_message_reaches_one_only(struct web *hears, struct web *deaf)
{
    char path[80];
    snprintf(path, sizeof path, "/cases/%s/messages", case_id);
    json_decref(person_ask(&sun, "POST", path, json_pack("{s:s}", "text", "请看片子")));
    json_t *told = web_event(hears, "message", 5000);
    assert_non_null(told);
    json_decref(told);
    assert_null(web_event(deaf, "message", 300));
    web_close(hears);
    web_close(deaf);
}

/* Whoever works with cases hears of them; that there is one, and how it goes, is nobody else's. */
static void who_reads_no_case_hears_of_none(void **state)
{
    struct person_at sys = person_sign_in("sys");
    struct web hears, deaf;
    assert_int_equal(web_socket(&hears, site.port, sun.cookie), 101);
    assert_int_equal(web_socket(&deaf, site.port, sys.cookie), 101);
    assert_string_equal(verb(&hears, "push.subscribe", json_pack("{s:[s,s]}", "topics", "case", "slot")), "ok");
    assert_string_equal(verb(&deaf, "push.subscribe", json_pack("{s:[s,s,s,s,s]}", "topics", "notice", "case", "slot", "message", "document")), "ok");
    a_message_reaches_one_only(&hears, &deaf);
}

/* An applicant of a third house has every right on cases and none on this one: he is not told that it goes on. */
static void who_is_of_neither_house_hears_of_none(void **state)
{
    struct web hears, deaf;
    struct person_at other = {0};
    site_ctl("user roles sys QS01 applicant");
    json_t *me = person_ask(&other, "POST", "/session", json_pack("{s:s,s:s}", "login", "sys", "password", SITE_CODE)), *post;
    size_t i;
    snprintf(other.csrf, sizeof other.csrf, "%s", json_string_value(json_object_get(me, "csrf")));
    json_array_foreach(json_object_get(me, "posts"), i, post) if (strcmp(json_string_value(json_object_get(json_object_get(post, "org"), "name")), "青石镇卫生院") == 0)
        json_decref(person_ask(&other, "POST", "/session/post", json_pack("{s:O}", "post_id", json_object_get(post, "id"))));
    json_decref(me);
    assert_int_equal(web_socket(&hears, site.port, sun.cookie), 101);
    assert_int_equal(web_socket(&deaf, site.port, other.cookie), 101);
    for (int w = 0; w < 2; w++)
        assert_string_equal(verb(w ? &hears : &deaf, "push.subscribe", json_pack("{s:[s,s,s]}", "topics", "case", "message", "document")), "ok");
    a_message_reaches_one_only(&hears, &deaf);
}

/* They stay: the daemon is ended with people in the room, and must end clean (site_end; a sanitizer's finding is a failure). */
static struct seat stayed[2];

static void some_stay_to_the_end(void **state)
{
    seat_open(&stayed[0], &sun, ticket_of(&sun).text);
    seat_open(&stayed[1], NULL, guest_ticket().text);
    assert_string_equal(stayed[1].state, "waiting");
    char *sdp = bomb(3, 0, 5);
    json_t *tracks = json_pack("[{s:s,s:s}]", "mid", "0", "source", "camera");
    assert_string_equal(verb(&stayed[0].ws, "media.publish", json_pack("{s:s,s:o}", "sdp", sdp, "tracks", tracks)), "ok");
    assert_string_equal(verb(&stayed[0].ws, "media.subscribe", NULL), "ok");
    assert_string_equal(verb(&stayed[0].ws, "test.echo", json_pack("{s:s}", "sdp", sdp)), "ok");
    free(sdp);
}

static int stop(void **state)
{
    int rc = site_stop(state);
    web_close(&stayed[0].ws);
    web_close(&stayed[1].ws);
    return rc;
}

/* ---- guessing; the last, because this address has used its budget up afterwards ---- */

static void guessing_tickets_is_slow_and_cheap(void **state)
{
    int wrong = 0, limited = 0, closed = 0;
    long before_kb = site_rss_kb();
    for (int c = 0; c < 20; c++) {
        struct seat s = {0};
        const char *reason = "";
        for (int i = 0; i < 150 && strcmp(reason, "line over"); i++) {
            reason = join(&s, NULL, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", NULL);
            wrong += strcmp(reason, "ticket_unknown") == 0;
            limited += strcmp(reason, "too_many_wrong") == 0;
        }
        closed += web_drain(&s.ws, 100) == 4029;
        web_close(&s.ws);
    }
    print_message("%d looked at, %d refused unseen, %d connections closed\n", wrong, limited, closed);
    assert_true(wrong >= 25 && wrong < 150 && limited > 1000 && closed >= 2);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    bool plain = false; /* a sanitizer's memory is its own */
#else
    bool plain = true;
#endif
    print_message("resident: %ld kB before, %ld kB after\n", before_kb, site_rss_kb());
    assert_true(!plain || (site_rss_kb() - before_kb < 20000 && site_rss_kb() < 200000));
    struct seat host = {0};
    const char *reason = "too_many_wrong";
    for (int i = 0; i < 100 && strcmp(reason = join(&host, &sun, ticket_of(&sun).text, NULL), "too_many_wrong") == 0; i++)
        usleep(100000);
    assert_string_equal(reason, ""); /* whoever waits a little gets in */
    assert_string_equal(host.id, stayed[0].id);
    web_close(&stayed[0].ws);
    stayed[0] = host;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verb_is_tried_here), cmocka_unit_test(without_a_seat_nothing_is_done), cmocka_unit_test(wrong_arguments_are_named),
        cmocka_unit_test(who_waits_gets_nothing_and_does_nothing), cmocka_unit_test(a_guest_is_no_host_and_sees_no_record),
        cmocka_unit_test(a_ticket_is_good_for_its_owner_only), cmocka_unit_test(what_is_no_message_ends_the_line), cmocka_unit_test(a_flood_is_cut_off),
        cmocka_unit_test(bombs_of_sdp_go_off_quietly), cmocka_unit_test(a_slow_reader_is_cut_off), cmocka_unit_test(an_ended_session_ends_its_line), cmocka_unit_test(who_reads_no_case_hears_of_none), cmocka_unit_test(who_is_of_neither_house_hears_of_none), cmocka_unit_test(some_stay_to_the_end),
        cmocka_unit_test(guessing_tickets_is_slow_and_cheap)};
    return cmocka_run_group_tests(tests, start, stop);
}
