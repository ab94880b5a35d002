/* Lectures on the real daemon: who may watch, what a viewer is sent, one that is too slow, and low-latency HLS with winding back. */
#include "tests/lib/fragments.h"
#include "tests/lib/site_rows.h"
#include "tests/lib/lecturer.h"

static struct dtls_identity *identity;
static struct lecturer lecturer;
static char token[80], publish_only[80], elsewhere[80], session[200];
static struct web last;

static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    return web_anew(&last, site.port, method, path, headers, body);
}

static int start(void **state)
{
    char headers[300];
    (void)state;
    site_start("request.rate = 500\n");
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    snprintf(publish_only, sizeof publish_only, "%s", site_ctl("token --room talk --publish --minutes 60"));
    snprintf(elsewhere, sizeof elsewhere, "%s", site_ctl("token --room elsewhere --publish --watch --minutes 60"));
    if (dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 1;
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/sdp\r\n", token);
    assert_int_equal(ask("POST", "/whip/talk", headers, lecturer_offer(identity)), 201);
    assert_non_null(strstr(last.body, "m=video 9 UDP/TLS/RTP/SAVPF 96 97")); /* H.264 is asked for first */
    snprintf(session, sizeof session, "%s", web_header(&last, "Location"));
    return lecturer_begin(&lecturer, identity, last.body, 1000) ? 0 : 1;
}

static int stop(void **state)
{
    lecturer_end(&lecturer);
    dtls_identity_free(identity);
    web_close(&last);
    return site_stop(state);
}

/* ---- over WebSocket ---- */
static struct web *viewer(const char *room, const char *headers, const char *first)
{
    static struct web w;
    char path[100];
    snprintf(path, sizeof path, "/live/%s/ws", room);
    assert_int_equal(web_socket_at(&w, site.port, path, headers), 101);
    assert_int_equal(web_say(&w, first), 0);
    return &w;
}

static const char *with_token(const char *t)
{
    static char text[120];
    snprintf(text, sizeof text, "{\"token\":\"%s\"}", t);
    return text;
}

static void refused(const char *room, const char *first, const char *reason)
{
    struct web *w = viewer(room, "", first);
    json_t *m = web_told(w, "refused", 3000);
    if (!m || strcmp(json_string_value(json_object_get(m, "reason")), reason)) fail_msg("%s: %s", first, m ? json_dumps(m, 0) : "nothing");
    json_decref(m);
    assert_int_equal(web_drain(w, 3000), 4003);
    web_close(w);
}

static void who_may_not_watch(void **state)
{
    (void)state;
    refused("talk", "{}", "no_token");
    refused("talk", "{\"token\":5}", "token");
    refused("talk", "no JSON", "token");
    refused("talk", with_token("nonsense"), "token_unknown");
    refused("talk", with_token(elsewhere), "other_room");
    refused("talk", with_token(publish_only), "no_watch");
    struct web w;
    assert_int_not_equal(web_socket_at(&w, site.port, "/live/talk/ws", "Origin: https://evil.example\r\n"), 101);
    web_close(&w);
}

/* The first bytes are the initialisation segment, then the picture from its last keyframe on, then a piece every 200 ms. */
static void what_a_viewer_is_sent(void **state)
{
    const uint8_t *b;
    size_t len;
    (void)state;
    struct web *w = viewer("talk", "", with_token(token));
    json_t *m = web_told(w, "hello", 3000);
    assert_non_null(m);
    assert_string_equal(json_string_value(json_object_get(m, "name")), "talk");
    json_decref(m);
    m = web_told(w, "init", 8000);
    assert_non_null(m);
    assert_string_equal(json_string_value(json_object_get(m, "codecs")), "avc1.42c01e,opus");
    assert_int_equal(json_integer_value(json_object_get(m, "width")), 640);
    int64_t now_ms = json_integer_value(json_object_get(m, "now_ms"));
    assert_in_range(now_ms - json_integer_value(json_object_get(m, "epoch_ms")) - json_integer_value(json_object_get(m, "end_ms")), 0, 2000);
    json_decref(m);
    assert_int_equal(web_message(w, 1000, &b, &len), 2);
    assert_memory_equal(b + 4, "ftyp", 4);
    assert_int_equal(web_message(w, 1000, &b, &len), 2);
    assert_memory_equal(b + 4, "moof", 4);
    size_t pieces = 0;
    for (int64_t until = web_now_ms() + 3000; web_now_ms() < until;)
        pieces += web_message(w, (int)(until - web_now_ms()), &b, &len) == 2;
    assert_in_range(pieces, 11, 26); /* 15 in three seconds, and what there was of the group before */
    web_say(w, "{\"type\":\"ping\",\"t\":77}");
    m = web_told(w, "pong", 3000);
    assert_int_equal(json_integer_value(json_object_get(m, "t")), 77);
    json_decref(m);
    web_close(w);
}

/* One answer over HTTP has the beginning; a WebSocket with the pass in it goes on with the very next piece, without asking again who one is. */
static void the_beginning_in_one_answer(void **state)
{
    char path[200], first[400];
    const uint8_t *b;
    size_t len;
    (void)state;
    assert_int_equal(ask("GET", "/live/talk/now", "", NULL), 401);
    snprintf(path, sizeof path, "/live/talk/now?token=%s", elsewhere);
    assert_int_equal(ask("GET", path, "", NULL), 403);
    snprintf(path, sizeof path, "/live/talk/now?token=%s", token);
    assert_int_equal(ask("GET", path, "", NULL), 200);
    size_t line = strcspn(last.body, "\n");
    json_t *m = json_loadb(last.body, line, 0, NULL);
    assert_non_null(m);
    assert_string_equal(json_string_value(json_object_get(m, "name")), "talk");
    assert_string_equal(json_string_value(json_object_get(m, "codecs")), "avc1.42c01e,opus");
    assert_true(last.body_len > line + 1000);
    assert_memory_equal(last.body + line + 5, "ftyp", 4);
    snprintf(first, sizeof first, "{\"pass\":\"%s\",\"epoch_ms\":%lld,\"generation\":%lld,\"next\":%lld}", json_string_value(json_object_get(m, "pass")),
             json_integer_value(json_object_get(m, "epoch_ms")), json_integer_value(json_object_get(m, "generation")), json_integer_value(json_object_get(m, "next")));
    json_decref(m);
    struct web *w = viewer("talk", "", first);
    m = web_told(w, "hello", 3000);
    assert_non_null(m);
    json_decref(m);
    assert_int_equal(web_message(w, 3000, &b, &len), 2); /* no "init" before it */
    assert_memory_equal(b + 4, "moof", 4);
    web_close(w);
    char *at = strstr(first, "\"next\":"); /* of another life of the programme, perhaps: everything from its beginning */
    snprintf(at, sizeof first - (size_t)(at - first), "\"next\":99999999}");
    w = viewer("talk", "", first);
    m = web_told(w, "init", 3000);
    assert_non_null(m);
    json_decref(m);
    web_close(w);
    refused("talk", "{\"pass\":7}", "pass");
    refused("talk", "{\"pass\":\"0123\"}", "pass");
}

static int64_t audited(const char *op)
{
    return site_number("SELECT COUNT(*) AS n FROM audit WHERE op=$1", op);
}

static void staff_watch_by_their_session(void **state)
{
    char cookie[130];
    (void)state;
    struct person_at p = person_sign_in("bh.sun");
    int64_t before = audited("room.watch");
    snprintf(cookie, sizeof cookie, "%s", p.cookie);
    struct web *w = viewer("talk", cookie, "{}");
    json_t *m = web_told(w, "hello", 3000);
    assert_non_null(m);
    json_decref(m);
    m = web_told(w, "init", 3000);
    assert_non_null(m);
    json_decref(m);
    web_close(w);
    w = viewer("nowhere", cookie, "{}");
    m = web_told(w, "refused", 3000);
    assert_string_equal(json_string_value(json_object_get(m, "code")), "not_found");
    json_decref(m);
    web_close(w);
    assert_true(audited("room.watch") >= before + 1);
}

/* It reads nothing for a while: its queue does not grow, and it goes on with a keyframe. */
static void one_that_is_too_slow_skips(void **state)
{
    const uint8_t *b;
    size_t len;
    (void)state;
    struct web *w = viewer("talk", "", with_token(token));
    json_t *m = web_told(w, "init", 3000);
    assert_non_null(m);
    json_decref(m);
    __atomic_store_n(&lecturer.frame_bytes, 90000, __ATOMIC_RELAXED); /* 18 Mbit/s, more than the kernels hold */
    long rss = site_rss_kb();
    usleep(7000000);
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* which have memory of their own */
    assert_true(site_rss_kb() - rss < 90000); /* the programme's own memory of it: 20 s at most, not the viewer's */
#else
    (void)rss;
#endif
    __atomic_store_n(&lecturer.frame_bytes, 1000, __ATOMIC_RELAXED);
    m = web_told(w, "skip", 10000);
    assert_non_null(m);
    json_decref(m);
    assert_int_equal(web_message(w, 1000, &b, &len), 2);
    assert_memory_equal(b + 4, "moof", 4);
    web_close(w);
}

/* ---- over HLS ---- */
static char media_url[300];

static const char *below(const char *file)
{
    static char path[400];
    snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(media_url, '/') + 1 - media_url), media_url, file);
    return path;
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static void the_playlists(void **state)
{
    char path[500];
    (void)state;
    assert_int_equal(ask("GET", "/live/talk/index.m3u8", "", NULL), 401);
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", elsewhere);
    assert_int_equal(ask("GET", path, "", NULL), 403);
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    assert_int_equal(ask("GET", path, "", NULL), 200);
    assert_string_equal(web_header(&last, "Content-Type"), "application/vnd.apple.mpegurl");
    assert_string_equal(web_header(&last, "Access-Control-Allow-Origin"), "*");
    assert_non_null(strstr(last.body, "CODECS=\"avc1.42c01e,opus\",RESOLUTION=640x480"));
    const char *line = strchr(strstr(last.body, "SCORE=2"), '\n') + 1; /* as it is; the other variant has AAC */
    snprintf(media_url, sizeof media_url, "/live/talk/%.*s", (int)strcspn(line, "\n"), line);
    assert_int_equal(ask("GET", media_url, "", NULL), 200);
    assert_non_null(strstr(last.body, "#EXT-X-MAP:URI=\"init-1.mp4\""));
    assert_non_null(strstr(last.body, "CAN-BLOCK-RELOAD=YES"));
    assert_non_null(strstr(last.body, "#EXT-X-PRELOAD-HINT:TYPE=PART"));
    assert_true(count_of(last.body, "#EXTINF:") >= 1 && count_of(last.body, "INDEPENDENT=YES") >= 1);
    char forged[400];
    snprintf(forged, sizeof forged, "%s", media_url);
    *strrchr(forged, '/') = 0;
    forged[strlen(forged) - 1] ^= 1;
    snprintf(path, sizeof path, "%s/live-1.m3u8", forged);
    assert_int_equal(ask("GET", path, "", NULL), 401);
    assert_int_equal(ask("GET", below("live-9.m3u8"), "", NULL), 404);
    assert_int_equal(ask("GET", below("init-77.mp4"), "", NULL), 404);
    assert_int_equal(ask("POST", media_url, "", "x"), 405);
    assert_int_equal(ask("GET", "/live/talk", "", NULL), 200); /* the page */
    assert_non_null(strstr(last.body, "<title>"));
}

static void waiting_for_what_comes(void **state)
{
    char path[400];
    unsigned segment = 0, part = 0;
    (void)state;
    assert_int_equal(ask("GET", below("live-1.m3u8"), "", NULL), 200);
    const char *hint = strstr(last.body, "URI=\"part-");
    for (const char *at = hint; (at = strstr(at + 1, "URI=\"part-"));)
        hint = at;
    assert_int_equal(sscanf(hint, "URI=\"part-%u.%u.1.m4s", &segment, &part), 2);
    int64_t began = web_now_ms();
    snprintf(path, sizeof path, "%s?_HLS_msn=%u&_HLS_part=%u", below("live-1.m3u8"), segment, part + 1);
    assert_int_equal(ask("GET", path, "", NULL), 200); /* two parts further: 0.2 to 0.6 s where nobody else is at work; a late publisher catches up */
    assert_in_range(web_now_ms() - began, 15, 2500);
    snprintf(path, sizeof path, "part-%u.%u.1.m4s", segment, part + 1);
    if (!strstr(last.body, path)) assert_non_null(strstr(last.body, "#EXT-X-PRELOAD-HINT"));
    snprintf(path, sizeof path, "%s?_HLS_msn=%u", below("live-1.m3u8"), segment + 30);
    assert_int_equal(ask("GET", path, "", NULL), 400);
    snprintf(path, sizeof path, "%s?_HLS_part=1", below("live-1.m3u8"));
    assert_int_equal(ask("GET", path, "", NULL), 400);
}

/* The newest part that the playlist has. */
static void newest_part(unsigned *segment, unsigned *part)
{
    for (const char *at = last.body; (at = strstr(at, "URI=\"part-")); at++)
        assert_true(sscanf(at, "URI=\"part-%u.%u.", segment, part) == 2); /* the last of them is the hint */
}

/* A player reckons from the newest part as if it had only just come: so that it has. */
static void the_first_playlist_is_fresh(void **state)
{
    char path[400];
    unsigned segment = 0, part = 0, newer = 0;
    (void)state;
    for (int i = 0; i < 8; i++) { /* a publisher may be late now and then; on loopback the questions alone would take a few milliseconds */
        unsigned was_segment = segment, was_part = part;
        assert_int_equal(ask("GET", below("live-1.m3u8"), "", NULL), 200);
        newest_part(&segment, &part);
        newer += segment > was_segment || part > was_part;
    }
    assert_true(newer >= 6);
    snprintf(path, sizeof path, "%s?_HLS_msn=%u", below("live-1.m3u8"), segment - 1);
    assert_int_equal(ask("GET", path, "", NULL), 200); /* who says what he waits for waits for nothing else */
}

/* How long the question after the master playlist takes to come tells the line's round trip, whatever stands between. */
static void parts_follow_the_whole_line(void **state)
{
    char path[500], again[500];
    (void)state;
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    for (int far = 0; far < 2; far++) {
        assert_int_equal(ask("GET", path, "", NULL), 200);
        const char *line = strchr(strstr(last.body, "SCORE=2"), '\n') + 1;
        snprintf(again, sizeof again, "/live/talk/%.*s", (int)strcspn(line, "\n"), line);
        assert_non_null(strstr(again, ".m3u8?line="));
        if (far) usleep(600000);
        assert_int_equal(ask("GET", again, "", NULL), 200);
        const char *target = strstr(last.body, "PART-TARGET=");
        assert_non_null(target);
        double told = strtod(target + 12, NULL);
        if (far) assert_true(told >= 0.99); /* 540 ms at least: parts of four pieces or more */
        assert_int_equal(ask("GET", again, "", NULL), 200);
        assert_true(strtod(strstr(last.body, "PART-TARGET=") + 12, NULL) == told); /* once and for all */
    }
    snprintf(path, sizeof path, "%s?line=4000000", below("live-2.m3u8"));
    assert_int_equal(ask("GET", path, "", NULL), 200); /* nobody's: as the URL has it */
    assert_non_null(strstr(last.body, "PART-TARGET=0.446"));
}

/* A segment is its parts, longer parts are several short ones, and the lecture's beginning is there when memory has let it go. */
static void parts_segments_and_the_beginning(void **state)
{
    char file[60];
    (void)state;
    assert_int_equal(ask("GET", below("live-1.m3u8"), "", NULL), 200);
    unsigned n = (unsigned)count_of(last.body, "#EXTINF:") - 1;
    size_t whole, sum = 0;
    snprintf(file, sizeof file, "seg-%u.m4s", n);
    assert_int_equal(ask("GET", below(file), "", NULL), 200);
    assert_string_equal(web_header(&last, "Content-Type"), "video/mp4");
    assert_memory_equal(last.body + 4, "moof", 4);
    whole = last.body_len;
    for (unsigned i = 0; i < 30; i++) {
        snprintf(file, sizeof file, "part-%u.%u.1.m4s", n, i);
        if (ask("GET", below(file), "", NULL) != 200) break;
        sum += last.body_len;
    }
    assert_int_equal(sum, whole);
    sum = 0;
    for (unsigned i = 0; i < 10; i++) {
        snprintf(file, sizeof file, "part-%u.%u.3.m4s", n, i);
        if (ask("GET", below(file), "", NULL) != 200) break;
        sum += last.body_len;
    }
    assert_int_equal(sum, whole);
    assert_int_equal(ask("GET", below("init-1.mp4"), "", NULL), 200);
    assert_memory_equal(last.body + 4, "ftyp", 4);
    for (int i = 0; i < 30; i++) { /* until the first segment is older than memory keeps */
        assert_int_equal(ask("GET", below("live-1.m3u8"), "", NULL), 200);
        if (count_of(last.body, "#EXTINF:") >= 14) break;
        usleep(1000000);
    }
    assert_int_equal(ask("GET", below("seg-0.m4s"), "", NULL), 200);
    assert_memory_equal(last.body + 4, "moof", 4);
    assert_int_equal(ask("GET", below("part-0.0.1.m4s"), "", NULL), 404); /* parts are for the newest only */
    snprintf(file, sizeof file, "live-1.m3u8?_HLS_skip=YES");
    assert_int_equal(ask("GET", below(file), "", NULL), 200);
    assert_true(last.body_len < 20000);
}

/* ---- what a player of HLS relies on ---- */
struct relied {
    uint64_t picture_end, voice_end; /* ticks */
    unsigned parts, keys;
    double told_s; /* of the parts of this segment */
    double shortest, last; /* parts, as a share of PART-TARGET; the newest is not counted before another of its segment came */
    size_t bytes;
    uint8_t *segment; /* its parts so far, one behind the other */
};

static void rely_on_part(struct relied *r, const char *file, double duration_s, bool independent, double target_s)
{
    struct fragment f;
    bool key = false;
    assert_int_equal(ask("GET", below(file), "", NULL), 200); /* a part that a playlist names is there, whole */
    for (size_t at = 0; at < last.body_len; at += f.len) {
        assert_true(read_fragment((const uint8_t *)last.body + at, last.body_len - at, &f));
        uint64_t *end = f.track == 1 ? &r->picture_end : &r->voice_end;
        if (f.track == 1 && *end) assert_true(f.time <= *end); /* no moment without a picture */
        assert_true(f.last_duration < 90000);                  /* a player whose reckoning is off by a second places everything anew */
        if (f.track == 2 && *end) assert_int_equal(f.time, *end);
        *end = f.time + f.duration;
        key = key || (f.track == 1 && f.first_key);
    }
    assert_int_equal(independent, key);
    assert_true(duration_s <= target_s + 1e-6);
    r->parts++;
    r->keys += key;
    r->told_s += duration_s;
    r->segment = realloc(r->segment, r->bytes + last.body_len);
    memcpy(r->segment + r->bytes, last.body, last.body_len);
    r->bytes += last.body_len;
}

static void rely_on_segment(struct relied *r, const char *file, double duration_s)
{
    assert_true(duration_s - r->told_s < 1e-4 && r->told_s - duration_s < 1e-4);
    assert_int_equal(ask("GET", below(file), "", NULL), 200);
    assert_int_equal(last.body_len, r->bytes);
    assert_memory_equal(last.body, r->segment, r->bytes);
    r->bytes = 0;
    r->told_s = 0;
}

/* Reads the playlist from segment `*msn`, part `*part` on; both are moved to what comes next. */
static void rely_on_playlist(struct relied *r, char *text, unsigned *msn, unsigned *part)
{
    double duration = 0, target = strtod(strstr(text, "PART-TARGET=") + 12, NULL);
    char file[60], flag[20];
    unsigned s, n;
    for (char *next, *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        *flag = 0;
        if (sscanf(line, "#EXT-X-PART:DURATION=%lf,URI=\"%59[^\"]\",%19s", &duration, file, flag) >= 2 && sscanf(file, "part-%u.%u.", &s, &n) == 2 && s == *msn &&
            n == *part) {
            rely_on_part(r, file, duration, *flag != 0, target);
            if (r->last < r->shortest) r->shortest = r->last;
            r->last = duration / target;
            ++*part;
        } else if (sscanf(line, "#EXTINF:%lf", &duration) != 1 && sscanf(line, "seg-%u.m4s", &s) == 1 && s == *msn) {
            rely_on_segment(r, line, duration);
            r->last = 1; /* a segment's last part may be shorter */
            ++*msn;
            *part = 0;
        }
    }
}

/* Players that come at any time, while the publisher stumbles: what the playlists say of parts and segments is what they are. */
static void parts_are_what_they_are_said_to_be(void **state)
{
    static const int late[] = {0, 190, 330, 600};
    char path[600], again[500], *text;
    unsigned keys = 0;
    (void)state;
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    for (int i = 0; i < 7; i++) {
        struct relied r = {.shortest = 1, .last = 1};
        __atomic_store_n(&lecturer.stumbles, late[i % 4], __ATOMIC_RELAXED);
        usleep((useconds_t)(i * 70000));
        assert_int_equal(ask("GET", path, "", NULL), 200);
        const char *line = strchr(strstr(last.body, "SCORE=2"), '\n') + 1;
        snprintf(again, sizeof again, "/live/talk/%.*s", (int)strcspn(line, "\n"), line);
        assert_int_equal(ask("GET", again, "", NULL), 200);
        unsigned msn = (unsigned)count_of(last.body, "#EXTINF:") - 1, part = 0;
        for (int64_t until = web_now_ms() + 1800; web_now_ms() < until;) {
            text = strdup(last.body);
            rely_on_playlist(&r, text, &msn, &part);
            free(text);
            snprintf(path, sizeof path, "%s&_HLS_msn=%u&_HLS_part=%u", again, msn, part);
            assert_int_equal(ask("GET", path, "", NULL), 200);
        }
        assert_in_range(r.parts, 5, 40);
        assert_true(r.shortest >= 0.85); /* RFC 8216bis 4.4.3.7 */
        keys += r.keys;
        free(r.segment);
        snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    }
    __atomic_store_n(&lecturer.stumbles, 0, __ATOMIC_RELAXED);
    assert_true(keys >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_may_not_watch),       cmocka_unit_test(what_a_viewer_is_sent), cmocka_unit_test(the_beginning_in_one_answer),
                                       cmocka_unit_test(staff_watch_by_their_session), cmocka_unit_test(the_playlists),
                                       cmocka_unit_test(waiting_for_what_comes), cmocka_unit_test(the_first_playlist_is_fresh),
                                       cmocka_unit_test(parts_follow_the_whole_line),  cmocka_unit_test(parts_are_what_they_are_said_to_be), cmocka_unit_test(one_that_is_too_slow_skips),
                                       cmocka_unit_test(parts_segments_and_the_beginning)};
    return cmocka_run_group_tests(tests, start, stop);
}
