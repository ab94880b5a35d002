/* What a seat sends (uplink) and receives (downlink): offers and answers against a media plane that only writes down what it was told. */
#include "server/room/downlink.h"
#include "server/room/uplink.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PRINT "AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB"

/* ---- the media plane: these four are all of it that the two know, so nothing of the real one is linked ---- */

static struct {
    struct media_cmd posted[600];
    size_t n;
    int left; /* commands it still takes; -1 = all */
    unsigned credentials;
} plane;

int media_post(struct media *m, const struct media_cmd *cmd)
{
    (void)m;
    if (plane.left == 0) return ERR_UNAVAILABLE;
    if (plane.left > 0) plane.left--;
    assert_true(plane.n < sizeof plane.posted / sizeof *plane.posted);
    assert_int_equal(cmd->room.v, 7); /* it names the worker */
    plane.posted[plane.n++] = *cmd;
    return 0;
}

const char *media_fingerprint(const struct media *m)
{
    return "sha-256 " PRINT;
}

size_t media_candidates(const struct media *m, struct media_candidate out[MEDIA_CANDIDATES_MAX])
{
    out[0] = (struct media_candidate){"192.0.2.7", 8444, 1};
    return 1;
}

void media_ice_credentials(char ufrag[16], char password[32])
{
    sprintf(ufrag, "ours%04u", ++plane.credentials);
    sprintf(password, "secretsecretsecret%06u", plane.credentials);
}

static size_t posted(enum media_cmd_type type)
{
    size_t n = 0;
    for (size_t i = 0; i < plane.n; i++)
        n += plane.posted[i].type == type;
    return n;
}

static const struct media_cmd *command(enum media_cmd_type type, size_t nth)
{
    for (size_t i = 0; i < plane.n; i++)
        if (plane.posted[i].type == type && nth-- == 0) return &plane.posted[i];
    fail_msg("no such command");
    return NULL;
}

static void forget(void)
{
    plane.n = 0;
}

static const struct plane here;

/* ---- up ---- */

static struct uplink up;
static struct fault f;

struct line {
    const char *kind, *direction;
};

static struct sdp *parsed(const char *text)
{
    struct sdp *s;
    if (sdp_parse(&s, text, strlen(text), &f)) fail_msg("%s %s", f.fields[0].path, f.fields[0].reason);
    return s;
}

/* m-lines with mids 0, 1, ... */
static struct sdp *page_offer(unsigned session, const char *ufrag, const char *setup, const struct line *lines, size_t n)
{
    char text[4000];
    int at = sprintf(text, "v=0\r\no=- %u 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE", session);
    for (size_t i = 0; i < n; i++)
        at += sprintf(text + at, " %zu", i);
    at += sprintf(text + at, "\r\na=ice-ufrag:%s\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\na=fingerprint:sha-256 " PRINT "\r\na=setup:%s\r\n", ufrag, setup);
    for (size_t i = 0; i < n; i++)
        at += sprintf(text + at, "m=%s 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:%zu\r\na=%s\r\na=rtcp-mux\r\na=rtpmap:96 %s\r\na=ssrc:%zu cname:x\r\n", lines[i].kind, i,
                      lines[i].direction, strcmp(lines[i].kind, "audio") ? "VP8/90000" : "opus/48000/2", 1000 + i);
    return parsed(text);
}

/* Gives the answer, NULL when it was refused. */
static struct sdp *publish(struct sdp *offer, const struct uplink_source *sources, size_t n)
{
    char *text = NULL;
    fault_clear(&f);
    int rc = uplink_offer(&up, offer, sources, n, &text, &f);
    sdp_free(offer);
    struct sdp *answer = rc ? NULL : parsed(text);
    free(text);
    return answer;
}

static const struct line mic_camera[] = {{"audio", "sendonly"}, {"video", "sendonly"}};
static const struct uplink_source both[] = {{"0", SOURCE_MIC}, {"1", SOURCE_CAMERA}};

static int begin(void **state)
{
    plane.n = 0;
    plane.left = -1;
    uplink_init(&up, &here, (struct room_id){7});
    return 0;
}

static int begin_up(void **state)
{
    begin(state);
    sdp_free(publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), both, 2));
    assert_true(up.peer.v);
    forget();
    return 0;
}

static void a_first_offer_opens_a_transport(void **state)
{
    struct sdp *answer = publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), both, 2);
    assert_true(plane.n == 3 && plane.posted[0].type == MEDIA_PEER_OPEN);
    const struct media_peer_params *p = &plane.posted[0].peer_open;
    assert_string_equal(p->remote_ufrag, "aaaa");
    assert_string_equal(p->local_ufrag, answer->ufrag);
    assert_false(p->dtls_client);
    assert_true(answer->ice_lite && answer->setup == SDP_PASSIVE);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(answer->media[i].direction, SDP_RECVONLY);
        assert_int_equal(command(MEDIA_TRACK_OPEN, i)->track_open.ssrc, 1000 + i);
        assert_int_equal(command(MEDIA_TRACK_OPEN, i)->track_open.peer.v, up.peer.v);
    }
    assert_int_equal(uplink_source_of(&up, up.tracks[SOURCE_CAMERA].id), SOURCE_CAMERA);
    assert_int_equal(uplink_source_of(&up, (struct track_id){0}), SOURCE_COUNT);
    sdp_free(answer);
}

static void who_is_passive_gets_our_hello(void **state)
{
    struct sdp *answer = publish(page_offer(1, "aaaa", "passive", mic_camera, 2), both, 2);
    assert_true(answer->setup == SDP_ACTIVE && plane.posted[0].peer_open.dtls_client);
    sdp_free(answer);
}

static void wrong_sources_are_named_and_change_nothing(void **state)
{
    static const struct {
        struct uplink_source sources[2];
        const char *path, *reason;
    } wrongs[] = {{{{"0", SOURCE_MIC}, {"5", SOURCE_CAMERA}}, "tracks[1].mid", "not_in_sdp"},
                  {{{"0", SOURCE_CAMERA}, {"1", SOURCE_SCREEN}}, "tracks[0].mid", "wrong_kind"},
                  {{{"1", SOURCE_MIC}, {"0", SOURCE_MIC}}, "tracks[0].mid", "wrong_kind"},
                  {{{"1", SOURCE_CAMERA}, {"1", SOURCE_CAMERA}}, "tracks[1].source", "twice"}};
    struct uplink before = up;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        assert_null(publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), wrongs[i].sources, 2));
        assert_string_equal(f.fields[0].path, wrongs[i].path);
        assert_string_equal(f.fields[0].reason, wrongs[i].reason);
        assert_true(plane.n == 0 && memcmp(&before, &up, sizeof up) == 0);
    }
}

static void what_is_not_named_is_not_taken(void **state)
{
    struct sdp *answer = publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), both, 1);
    assert_int_equal(answer->media[1].direction, SDP_INACTIVE);
    assert_int_equal(posted(MEDIA_TRACK_OPEN), 1);
    sdp_free(answer);
}

static void a_source_stops_and_comes_back_in_its_m_line(void **state)
{
    static const struct line stopped[] = {{"audio", "sendonly"}, {"video", "inactive"}};
    struct track_id camera = up.tracks[SOURCE_CAMERA].id, mic = up.tracks[SOURCE_MIC].id;
    struct sdp *answer = publish(page_offer(1, "aaaa", "actpass", stopped, 2), both, 2);
    assert_int_equal(posted(MEDIA_PEER_OPEN), 0);
    assert_int_equal(command(MEDIA_TRACK_CLOSE, 0)->track.track.v, camera.v);
    assert_true(answer->version == 2 && answer->media[1].direction == SDP_INACTIVE && up.tracks[SOURCE_CAMERA].id.v == 0);
    assert_int_equal(command(MEDIA_TRACK_OPEN, 0)->track_open.track.v, mic.v); /* renegotiated, the same */
    sdp_free(answer);
    forget();
    sdp_free(publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), both, 2));
    assert_true(posted(MEDIA_TRACK_OPEN) == 2 && up.tracks[SOURCE_CAMERA].id.v != 0 && up.tracks[SOURCE_CAMERA].id.v != camera.v);
    forget();
    sdp_free(publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), both, 1)); /* not named any more */
    assert_true(posted(MEDIA_TRACK_CLOSE) == 1 && up.tracks[SOURCE_CAMERA].id.v == 0);
}

/* The screen in the camera's place: an m-line is used again for another source. */
static void an_m_line_serves_another_source(void **state)
{
    static const struct uplink_source screen[] = {{"0", SOURCE_MIC}, {"1", SOURCE_SCREEN}};
    struct track_id camera = up.tracks[SOURCE_CAMERA].id;
    sdp_free(publish(page_offer(1, "aaaa", "actpass", mic_camera, 2), screen, 2));
    assert_int_equal(command(MEDIA_TRACK_CLOSE, 0)->track.track.v, camera.v);
    assert_true(up.tracks[SOURCE_SCREEN].id.v && !up.tracks[SOURCE_CAMERA].id.v);
    assert_string_equal(up.tracks[SOURCE_SCREEN].mid, "1");
    size_t closed = 0, opened = 0; /* the worker must see the m-line free before it is taken again */
    for (size_t i = 0; i < plane.n; i++) {
        if (plane.posted[i].type == MEDIA_TRACK_CLOSE) closed = i;
        if (plane.posted[i].type == MEDIA_TRACK_OPEN && plane.posted[i].track_open.track.v == up.tracks[SOURCE_SCREEN].id.v) opened = i;
    }
    assert_true(closed < opened);
}

static void new_credentials_restart_ice(void **state)
{
    struct peer_id peer = up.peer;
    struct sdp *answer = publish(page_offer(1, "bbbb", "actpass", mic_camera, 2), both, 2);
    assert_true(posted(MEDIA_PEER_RESTART) == 1 && posted(MEDIA_PEER_OPEN) == 0 && up.peer.v == peer.v);
    assert_string_equal(command(MEDIA_PEER_RESTART, 0)->peer_open.local_ufrag, answer->ufrag);
    sdp_free(answer);
    forget();
    assert_int_equal(uplink_restart(&up), 0); /* WHIP */
    assert_string_equal(command(MEDIA_PEER_RESTART, 0)->peer_open.local_ufrag, up.ufrag);
}

static void another_session_or_a_new_join_is_a_new_transport(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct peer_id peer = up.peer;
        struct track_id camera = up.tracks[SOURCE_CAMERA].id;
        if (i) uplink_renew(&up); /* the same page, joined anew: the session id may be the same */
        sdp_free(publish(page_offer(2, "aaaa", "actpass", mic_camera, 2), both, 2));
        assert_int_equal(command(MEDIA_PEER_CLOSE, 0)->peer.v, peer.v);
        assert_true(posted(MEDIA_PEER_OPEN) == 1 && up.peer.v != peer.v && up.tracks[SOURCE_CAMERA].id.v != camera.v);
        forget();
    }
}

static void a_busy_plane_is_told_and_the_next_offer_begins_anew(void **state)
{
    for (plane.left = 0; plane.left < 3; plane.left++) {
        int left = plane.left;
        assert_null(publish(page_offer(3, "aaaa", "actpass", mic_camera, 2), both, 2));
        assert_string_equal(f.reason, "busy");
        assert_true(up.peer.v == 0 && up.tracks[SOURCE_MIC].id.v == 0);
        plane.left = left;
        forget();
    }
    plane.left = -1;
    sdp_free(publish(page_offer(3, "aaaa", "actpass", mic_camera, 2), both, 2));
    assert_true(posted(MEDIA_PEER_OPEN) == 1 && up.peer.v);
    forget();
    uplink_pause(&up, SOURCE_MIC, true);
    assert_true(command(MEDIA_TRACK_PAUSE, 0)->track.on);
    uplink_close(&up);
    uplink_pause(&up, SOURCE_MIC, true);
    assert_true(posted(MEDIA_TRACK_PAUSE) == 1 && posted(MEDIA_PEER_CLOSE) == 1);
}

/* ---- down ---- */

static struct downlink down;

static struct downlink_want want(uint64_t wire, enum room_source source, uint64_t track)
{
    return (struct downlink_want){.wire = wire, .seat = 50 + wire, .source = source, .track = {track}, .layer = 2};
}

static int begin_down(void **state)
{
    begin(state);
    downlink_init(&down, &here, (struct room_id){7});
    return downlink_renew(&down);
}

static int end_down(void **state)
{
    downlink_free(&down);
    return 0;
}

static struct sdp *our_offer(void)
{
    char *text = downlink_offer(&down);
    struct sdp *s = parsed(text);
    free(text);
    return s;
}

/* A page's answer to what we offered. */
static struct sdp *answer_to(const struct sdp *offer)
{
    struct sdp *a = sdp_new();
    snprintf(a->ufrag, sizeof a->ufrag, "page");
    snprintf(a->password, sizeof a->password, "aaaaaaaaaaaaaaaaaaaaaaaa");
    snprintf(a->fingerprint, sizeof a->fingerprint, "%s", PRINT);
    a->setup = SDP_ACTIVE;
    a->n_media = offer->n_media;
    for (size_t i = 0; i < offer->n_media; i++)
        sdp_answer_media(&offer->media[i], SDP_RECVONLY, &a->media[i]);
    return a;
}

static int answer(const struct sdp *offer, int version)
{
    struct sdp *a = answer_to(offer);
    fault_clear(&f);
    int rc = downlink_answer(&down, a, version, &f);
    sdp_free(a);
    return rc;
}

/* Offers what is wanted and has it answered. */
static void settle(const struct downlink_want *wants, size_t n)
{
    assert_true(downlink_want(&down, wants, n));
    struct sdp *o = our_offer();
    assert_int_equal(answer(o, down.version), 0);
    sdp_free(o);
}

static void tracks_become_m_lines_and_feeds(void **state)
{
    struct downlink_want wants[] = {want(1, SOURCE_MIC, 101), want(2, SOURCE_CAMERA, 102)};
    assert_true(downlink_want(&down, wants, 2));
    assert_int_equal(plane.n, 0);
    struct sdp *o = our_offer();
    assert_true(o->ice_lite && o->setup == SDP_ACTPASS && o->n_media == 2 && o->version == 1);
    assert_true(o->media[0].direction == SDP_SENDONLY && o->media[0].ssrc && o->media[1].rtx_ssrc && o->media[0].ssrc != o->media[1].ssrc);
    assert_int_equal(answer(o, 1), 0);
    assert_true(posted(MEDIA_PEER_OPEN) == 1 && posted(MEDIA_FEED_OPEN) == 2);
    assert_int_equal(command(MEDIA_FEED_OPEN, 1)->feed_open.track.v, 102);
    assert_int_equal(command(MEDIA_FEED_OPEN, 1)->feed_open.ssrc, o->media[1].ssrc);
    assert_false(downlink_want(&down, wants, 2)); /* nothing new, nothing offered */
    sdp_free(o);
}

static void old_answers_open_only_what_they_answered(void **state)
{
    struct downlink_want wants[] = {want(1, SOURCE_MIC, 101), want(2, SOURCE_CAMERA, 102)};
    assert_true(downlink_want(&down, wants, 1));
    struct sdp *first = our_offer();
    assert_true(downlink_want(&down, wants, 2));
    struct sdp *second = our_offer();
    assert_int_equal(answer(second, 3), ERR_INVALID);
    assert_string_equal(f.fields[0].path, "version");
    assert_int_equal(answer(first, 1), 0);
    assert_int_equal(posted(MEDIA_FEED_OPEN), 1);
    assert_int_equal(answer(second, 2), 0);
    assert_int_equal(posted(MEDIA_FEED_OPEN), 2);
    forget();
    assert_int_equal(answer(first, 1), 0);
    assert_int_equal(plane.n, 0);
    second->n_media = 3; /* more than we offered */
    assert_int_equal(downlink_want(&down, wants, 1), true);
    sdp_free(our_offer());
    assert_int_equal(answer(second, 3), ERR_INVALID);
    sdp_free(first);
    sdp_free(second);
}

/* The slot changed hands while its offer was on the way: the answer to the old use opens nothing. */
static void a_slot_used_anew_waits_for_its_own_answer(void **state)
{
    struct downlink_want a = want(1, SOURCE_CAMERA, 101), b = want(2, SOURCE_CAMERA, 102);
    assert_true(downlink_want(&down, &a, 1));
    struct sdp *first = our_offer();
    assert_true(downlink_want(&down, &b, 1));
    struct sdp *second = our_offer();
    assert_true(second->n_media == 1 && second->media[0].ssrc != first->media[0].ssrc);
    assert_int_equal(answer(first, 1), 0);
    assert_int_equal(posted(MEDIA_FEED_OPEN), 0);
    assert_int_equal(answer(second, 2), 0);
    assert_int_equal(command(MEDIA_FEED_OPEN, 0)->feed_open.track.v, 102);
    sdp_free(first);
    sdp_free(second);
}

static void slots_are_used_again(void **state)
{
    struct downlink_want two[] = {want(1, SOURCE_CAMERA, 101), want(2, SOURCE_SCREEN, 102)};
    settle(two, 2);
    for (uint64_t i = 3; i < 40; i++) { /* a long session: one goes, another comes */
        struct downlink_want now[] = {two[0], want(i, i % 2 ? SOURCE_CAMERA2 : SOURCE_SCREEN, 100 + i)};
        uint32_t ssrc = down.slots[1].ssrc;
        forget();
        settle(now, 2);
        assert_int_equal(down.n_slots, 2);
        assert_true(posted(MEDIA_FEED_CLOSE) == 1 && posted(MEDIA_FEED_OPEN) == 1 && posted(MEDIA_PEER_OPEN) == 0);
        assert_true(down.slots[1].ssrc != ssrc && command(MEDIA_FEED_OPEN, 0)->feed_open.ssrc == down.slots[1].ssrc);
    }
    struct downlink_want mic[] = {two[0], want(50, SOURCE_MIC, 150)}; /* another kind needs an m-line of its own */
    settle(mic, 2);
    assert_int_equal(down.n_slots, 3);
    assert_true(downlink_want(&down, mic, 0));
    struct sdp *o = our_offer();
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(o->media[i].direction, SDP_INACTIVE);
    sdp_free(o);
}

static void who_published_anew_keeps_his_slot(void **state)
{
    struct downlink_want wants[] = {want(1, SOURCE_CAMERA, 101), want(2, SOURCE_CAMERA, 102)};
    settle(wants, 2);
    uint32_t ssrc[] = {down.slots[0].ssrc, down.slots[1].ssrc};
    wants[1].track.v = 202; /* he joined anew: the same on the wire, another track of the media plane */
    forget();
    settle(wants, 2);
    assert_true(posted(MEDIA_FEED_CLOSE) == 1 && posted(MEDIA_FEED_OPEN) == 1 && down.n_slots == 2);
    assert_true(down.slots[0].ssrc == ssrc[0] && down.slots[1].ssrc != ssrc[1]);
    assert_string_equal(command(MEDIA_FEED_OPEN, 0)->feed_open.mid, "1");
    assert_int_equal(command(MEDIA_FEED_OPEN, 0)->feed_open.track.v, 202);
}

static void pauses_and_layers_need_no_offer(void **state)
{
    struct downlink_want w = want(1, SOURCE_CAMERA, 101);
    w.paused = true;
    w.layer = 0;
    settle(&w, 1);
    assert_true(command(MEDIA_FEED_OPEN, 0)->feed_open.paused);
    assert_int_equal(command(MEDIA_FEED_LAYER, 0)->feed.layer, 0);
    forget();
    w.paused = false;
    assert_false(downlink_want(&down, &w, 1));
    assert_true(plane.n == 1 && !command(MEDIA_FEED_PAUSE, 0)->feed.on);
    w.layer = 2;
    assert_false(downlink_want(&down, &w, 1));
    assert_int_equal(command(MEDIA_FEED_LAYER, 0)->feed.layer, 2);
}

static void what_the_page_does_not_take_is_not_sent(void **state)
{
    struct downlink_want wants[] = {want(1, SOURCE_MIC, 101), want(2, SOURCE_CAMERA, 102)};
    assert_true(downlink_want(&down, wants, 2));
    struct sdp *o = our_offer(), *a = answer_to(o);
    a->media[0].rejected = true;
    a->media[1].direction = SDP_INACTIVE;
    assert_int_equal(downlink_answer(&down, a, 1, &f), 0);
    assert_true(posted(MEDIA_PEER_OPEN) == 1 && posted(MEDIA_FEED_OPEN) == 0);
    sdp_free(o);
    sdp_free(a);
}

static void a_new_transport_offers_everything_again(void **state)
{
    struct downlink_want wants[] = {want(1, SOURCE_MIC, 101), want(2, SOURCE_CAMERA, 102)};
    settle(wants, 2);
    struct peer_id peer = down.peer;
    forget();
    assert_int_equal(downlink_renew(&down), 0);
    assert_int_equal(command(MEDIA_PEER_CLOSE, 0)->peer.v, peer.v);
    assert_true(downlink_want(&down, wants, 2));
    struct sdp *o = our_offer();
    assert_true(o->version == 2 && down.n_slots == 2 && posted(MEDIA_FEED_CLOSE) == 0); /* feeds went with the peer */
    assert_int_equal(answer(o, 1), 0); /* the former transport's */
    assert_int_equal(posted(MEDIA_PEER_OPEN), 0);
    assert_int_equal(answer(o, 2), 0);
    assert_true(posted(MEDIA_PEER_OPEN) == 1 && posted(MEDIA_FEED_OPEN) == 2);
    sdp_free(o);
}

static void ice_restarts_downwards(void **state)
{
    struct downlink_want w = want(1, SOURCE_CAMERA, 101);
    assert_int_equal(downlink_restart(&down), 0);
    assert_int_equal(plane.n, 0); /* the media plane does not know the peer yet */
    settle(&w, 1);
    assert_int_equal(downlink_restart(&down), 0);
    struct sdp *o = our_offer();
    assert_string_equal(command(MEDIA_PEER_RESTART, 0)->peer_open.local_ufrag, o->ufrag);
    forget();
    assert_int_equal(answer(o, down.version), 0);
    assert_int_equal(plane.n, 0); /* nothing else changed */
    sdp_free(o);
}

/* Our offer is longer then than any description we read; what matters here are its m-lines. */
static void settle_videos(const struct downlink_want *wants, size_t n, struct sdp *offer)
{
    assert_true(downlink_want(&down, wants, n));
    free(downlink_offer(&down));
    offer->n_media = down.n_slots;
    for (size_t i = 0; i < down.n_slots; i++)
        sdp_offer_media(MEDIA_VIDEO, down.slots[i].mid, &offer->media[i]);
    assert_int_equal(answer(offer, down.version), 0);
}

static void more_tracks_than_m_lines_wait(void **state)
{
    static struct downlink_want wants[SDP_MEDIA_MAX + 5];
    struct sdp *offer = sdp_new();
    for (size_t i = 0; i < SDP_MEDIA_MAX + 5; i++)
        wants[i] = want(i + 1, SOURCE_CAMERA, 1000 + i);
    settle_videos(wants, SDP_MEDIA_MAX + 5, offer);
    assert_true(down.n_slots == SDP_MEDIA_MAX && posted(MEDIA_FEED_OPEN) == SDP_MEDIA_MAX);
    forget();
    settle_videos(wants + 5, SDP_MEDIA_MAX, offer);
    sdp_free(offer);
    assert_true(posted(MEDIA_FEED_CLOSE) == 5 && posted(MEDIA_FEED_OPEN) == 5);
}

static void a_busy_plane_may_be_answered_again(void **state)
{
    struct downlink_want wants[] = {want(1, SOURCE_MIC, 101), want(2, SOURCE_CAMERA, 102)};
    assert_true(downlink_want(&down, wants, 2));
    struct sdp *o = our_offer();
    for (plane.left = 0; plane.left < 2;) {
        int left = plane.left;
        assert_int_equal(answer(o, 1), ERR_UNAVAILABLE);
        assert_string_equal(f.reason, "busy");
        plane.left = left + 1;
    }
    plane.left = -1;
    assert_int_equal(answer(o, 1), 0);
    assert_true(posted(MEDIA_PEER_OPEN) == 1 && posted(MEDIA_FEED_OPEN) == 2);
    downlink_close(&down);
    assert_false(downlink_want(&down, wants, 2)); /* no transport, nothing to offer */
    assert_int_equal(answer(o, 1), 0);
    sdp_free(o);
}

int main(void)
{
#define UP(test) cmocka_unit_test_setup(test, begin_up)
#define DOWN(test) cmocka_unit_test_setup_teardown(test, begin_down, end_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_first_offer_opens_a_transport, begin), cmocka_unit_test_setup(who_is_passive_gets_our_hello, begin),
        cmocka_unit_test_setup(what_is_not_named_is_not_taken, begin), UP(wrong_sources_are_named_and_change_nothing),
        UP(a_source_stops_and_comes_back_in_its_m_line), UP(an_m_line_serves_another_source), UP(new_credentials_restart_ice),
        UP(another_session_or_a_new_join_is_a_new_transport), UP(a_busy_plane_is_told_and_the_next_offer_begins_anew),
        DOWN(tracks_become_m_lines_and_feeds), DOWN(old_answers_open_only_what_they_answered), DOWN(a_slot_used_anew_waits_for_its_own_answer),
        DOWN(slots_are_used_again), DOWN(who_published_anew_keeps_his_slot), DOWN(pauses_and_layers_need_no_offer),
        DOWN(what_the_page_does_not_take_is_not_sent), DOWN(a_new_transport_offers_everything_again), DOWN(ice_restarts_downwards),
        DOWN(more_tracks_than_m_lines_wait), DOWN(a_busy_plane_may_be_answered_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
