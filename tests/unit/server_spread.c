/* Members' media at edges: whom an edge is near to, and commands and events as bytes. tests/wire/server_spread.c has real daemons. */
#include "server/node/parcel.h"
#include "server/node/serves.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- whom an edge is near to ---- */
static void the_longest_range_counts(void **state)
{
    struct serves s;
    (void)state;
    assert_true(serves_parse("10.0.0.0/8, 10.3.0.0/16 203.0.113.7/32,2001:db8::/32", &s));
    assert_int_equal(s.n, 4);
    assert_int_equal(serves_match(&s, "10.3.4.5"), 96 + 16);
    assert_int_equal(serves_match(&s, "10.4.4.5"), 96 + 8);
    assert_int_equal(serves_match(&s, "203.0.113.7"), 128);
    assert_int_equal(serves_match(&s, "203.0.113.8"), -1);
    assert_int_equal(serves_match(&s, "::ffff:10.3.0.1"), 96 + 16); /* as a socket of both families tells it */
    assert_int_equal(serves_match(&s, "2001:db8:1::5"), 32);
    assert_int_equal(serves_match(&s, "2001:db9::5"), -1);
    assert_int_equal(serves_match(&s, ""), -1);
    assert_int_equal(serves_match(&s, "10.3.4"), -1);
    assert_true(serves_parse("", &s) && s.n == 0 && serves_match(&s, "10.3.4.5") == -1);
    assert_true(serves_parse("0.0.0.0/0", &s) && serves_match(&s, "8.8.8.8") == 96 && serves_match(&s, "2001:db8::1") == -1);
}

static void what_is_no_range_is_refused(void **state)
{
    static const char *const wrong[] = {"10.3.0.0", "10.3.0.0/33", "10.3.0.1/16", "10.3.0.0/", "10.3.0.0/-1", "10.3.0.0/16x", "10.3.0/16", "2001:db8::/129", "2001:db8::1/64", "/8", "here/8"};
    struct serves s;
    char many[SERVES_TEXT_BYTES + 10] = "";
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (serves_parse(wrong[i], &s)) fail_msg("%s was taken", wrong[i]);
    for (int i = 0; i <= SERVES_MAX; i++)
        strcat(many, "10.0.0.0/8 ");
    assert_false(serves_parse(many, &s));
    memset(many, ' ', sizeof many - 1);
    assert_false(serves_parse(many, &s));
}

/* ---- parcels ---- */
static struct media_cmd commands[] = {
    {.type = MEDIA_PEER_OPEN, .room.v = 7, .peer_open = {.peer.v = 8, .room.v = 7, .local_ufrag = "ours", .local_password = "secret", .remote_ufrag = "theirs", .remote_password = "hidden",
                                                         .remote_fingerprint = "AA:BB", .dtls_client = true, .n_dial = 2, .dial = {{"192.0.2.7", 8444}, {"2001:db8::7", 8445}}}},
    {.type = MEDIA_TRACK_OPEN, .room.v = 7, .track_open = {.peer.v = 8, .track.v = UINT64_MAX, .kind = MEDIA_VIDEO, .mid = "1", .n_payloads = 2,
                                                           .payloads = {{MEDIA_VP8, 96, 97, "", 0}, {MEDIA_H264, 108, 109, "packetization-mode=1", 0}}, .extensions = {.audio_level = 1, .orientation = 14},
                                                           .ssrc = 5, .rtx_ssrc = 6, .n_rids = 3, .rids = {"q", "h", "f"}, .layer_ssrcs = {1, 2, UINT32_MAX}, .layer_rtx_ssrcs = {3, 4, 5}}},
    {.type = MEDIA_FEED_OPEN, .room.v = 7, .feed_open = {.peer.v = 8, .feed.v = 9, .track.v = 10, .mid = "0", .ssrc = 77, .rtx_ssrc = 78, .paused = true, .value = 3, .exact = 2, .n_payloads = 1,
                                                         .payloads = {{MEDIA_OPUS, 111, 0, "useinbandfec=1", 63}}}},
    {.type = MEDIA_FEED_PAUSE, .room.v = 7, .feed = {.feed.v = 9, .on = true}},
    {.type = MEDIA_FEED_LAYER, .room.v = 7, .feed = {.feed.v = 9, .layer = 2}},
    {.type = MEDIA_FEED_EVERY, .room.v = 7, .feed = {.feed.v = 9, .on = true}},
    {.type = MEDIA_TRACK_PAUSE, .room.v = 7, .track = {{10}, true}},
    {.type = MEDIA_SURVEY, .room.v = 7, .survey = {5, {8}}},
    {.type = MEDIA_PEER_CLOSE, .room.v = 7, .peer.v = 8},
    {.type = MEDIA_ROOM_CLOSE, .room.v = 7},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static void commands_come_as_they_were_sent(void **state)
{
    struct parcel p = {0}, again = {0};
    struct media_cmd c;
    (void)state;
    for (size_t i = 0; i < N_COMMANDS; i++)
        assert_true(parcel_command(&p, &commands[i]));
    struct parcel_reader r = {p.bytes, p.len};
    for (size_t i = 0; i < N_COMMANDS; i++) {
        assert_int_equal(parcel_next_command(&r, &c), PARCEL_ONE);
        assert_int_equal(c.type, commands[i].type);
        if (c.type == MEDIA_PEER_OPEN) assert_memory_equal(&c.peer_open, &commands[i].peer_open, sizeof c.peer_open);
        if (c.type == MEDIA_TRACK_OPEN) assert_memory_equal(&c.track_open, &commands[i].track_open, sizeof c.track_open);
        if (c.type == MEDIA_FEED_OPEN) assert_memory_equal(&c.feed_open, &commands[i].feed_open, sizeof c.feed_open);
        assert_true(parcel_command(&again, &c));
    }
    assert_int_equal(parcel_next_command(&r, &c), PARCEL_END);
    assert_int_equal(p.len, again.len);
    assert_memory_equal(p.bytes, again.bytes, p.len);
    for (size_t i = 1; i < p.len; i++) { /* cut anywhere: some whole commands, then the end or a wrong one; never more */
        size_t n = 0;
        r = (struct parcel_reader){p.bytes, i};
        while (parcel_next_command(&r, &c) == PARCEL_ONE)
            n++;
        assert_true(n < N_COMMANDS);
    }
    parcel_clear(&p);
    parcel_clear(&again);
}

/* What only the origin does never leaves it, and is not taken from a message. */
static void what_does_not_travel(void **state)
{
    static const enum media_cmd_type here[] = {MEDIA_PEER_INPUT, MEDIA_RECORD_START, MEDIA_RECORD_STOP, MEDIA_LIVE_START, MEDIA_LIVE_TRACK, MEDIA_LIVE_WATCHED, MEDIA_LIVE_STOP};
    struct parcel p = {0};
    struct media_event e;
    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        assert_false(parcel_command(&p, &(struct media_cmd){.type = here[i], .room.v = 7}));
    assert_int_equal(p.len, 0);
    for (int type = MEDIA_RECORD_FILE; type <= MEDIA_INTAKE; type++)
        assert_false(parcel_event(&p, &(struct media_event){.type = (enum media_event_type)type}));
    uint8_t record[9] = {MEDIA_RECORD_FILE};
    struct parcel_reader r = {record, sizeof record};
    assert_int_equal(parcel_next_event(&r, &e), PARCEL_WRONG);
    parcel_clear(&p);
}

static void events_come_as_they_were_sent(void **state)
{
    struct media_survey *v = calloc(1, sizeof *v);
    struct media_event sent[] = {
        {.type = MEDIA_PEER_CONNECTED, .room.v = 7, .peer.v = 8},
        {.type = MEDIA_TRACK_LIVE, .room.v = 7, .peer.v = 8, .track.v = 9, .codec = MEDIA_AV1},
        {.type = MEDIA_TRACK_LAYERS, .room.v = 7, .track.v = 9, .layers = 5},
        {.type = MEDIA_LEVELS, .room.v = 7, .levels = {2, {{{9}, 10}, {{10}, 127}}}},
        {.type = MEDIA_QUALITY, .peer.v = 8, .quality = {1, 2, 3, 4, 5, 6, 7, 8, 9}},
        {.type = MEDIA_STREAMS, .peer.v = 8, .streams = {1, {{{9}, MEDIA_SMALLER, 1, true, 20, 30, 40, 50}}}},
        {.type = MEDIA_SURVEYED, .room.v = 7, .survey = v},
    };
    struct parcel p = {0}, again = {0};
    (void)state;
    v->id = 99;
    v->n_sent = MEDIA_SURVEY_SENT; /* a full one fits */
    v->n_peers = MEDIA_SURVEY_PEERS;
    v->n_feeds = MEDIA_SURVEY_FEEDS;
    v->sent[MEDIA_SURVEY_SENT - 1] = (struct media_survey_sent){.track.v = 9, .kind = MEDIA_VIDEO, .alive = true, .width = 1280, .bps = 5};
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
        assert_true(parcel_event(&p, &sent[i]));
    struct parcel_reader r = {p.bytes, p.len};
    struct media_event e;
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        assert_int_equal(parcel_next_event(&r, &e), PARCEL_ONE);
        assert_true(e.type == sent[i].type && e.room.v == sent[i].room.v && e.peer.v == sent[i].peer.v && e.track.v == sent[i].track.v);
        if (e.type == MEDIA_STREAMS) assert_memory_equal(&e.streams.at[0], &sent[i].streams.at[0], sizeof e.streams.at[0]);
        if (e.type == MEDIA_SURVEYED) assert_true(e.survey->id == 99 && e.survey->sent[MEDIA_SURVEY_SENT - 1].width == 1280);
        assert_true(parcel_event(&again, &e));
        if (e.type == MEDIA_SURVEYED) free(e.survey);
    }
    assert_int_equal(parcel_next_event(&r, &e), PARCEL_END);
    assert_true(p.len == again.len && memcmp(p.bytes, again.bytes, p.len) == 0);
    parcel_clear(&p);
    parcel_clear(&again);
    free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_range_counts),
        cmocka_unit_test(what_is_no_range_is_refused),
        cmocka_unit_test(commands_come_as_they_were_sent),
        cmocka_unit_test(what_does_not_travel),
        cmocka_unit_test(events_come_as_they_were_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
