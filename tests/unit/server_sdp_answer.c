/* Session descriptions that are written: write -> parse, what offer and answer mean for the media plane, and what each peer is given. */
#include "tests/support/sdp.h"

/* ---- write -> parse ---- */
static void assert_media_equal(const struct sdp_media *a, const struct sdp_media *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->rejected, b->rejected);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->proto, b->proto);
    assert_string_equal(a->format, b->format);
    assert_string_equal(a->mid, b->mid);
    assert_int_equal(a->direction, b->direction);
    assert_payloads(a, b->payloads, b->n_payloads);
    assert_extensions(&a->extensions, b->extensions);
    assert_true(a->ssrc == b->ssrc && a->rtx_ssrc == b->rtx_ssrc && a->n_rids == b->n_rids);
    assert_memory_equal(a->rids, b->rids, sizeof a->rids);
    assert_string_equal(a->stream, b->stream);
    assert_string_equal(a->track, b->track);
}

static void assert_round_trip(const struct sdp *s)
{
    char *text = sdp_write(s);
    struct sdp *back = parsed(text, strlen(text));
    assert_true(back->session_id == s->session_id && back->version == s->version && back->ice_lite == s->ice_lite && back->setup == s->setup);
    assert_string_equal(back->ufrag, s->ufrag);
    assert_string_equal(back->password, s->password);
    assert_string_equal(back->fingerprint, s->fingerprint);
    assert_int_equal(back->n_media, s->n_media);
    for (size_t i = 0; i < s->n_media; i++)
        assert_media_equal(&back->media[i], &s->media[i]);
    sdp_free(back);
    free(text);
}

static struct sdp *ours(enum sdp_setup setup)
{
    struct sdp *s = sdp_new();
    s->session_id = UINT64_MAX;
    s->version = 3;
    s->ice_lite = true;
    s->setup = setup;
    strcpy(s->ufrag, "ours0001");
    strcpy(s->password, "0123456789abcdefghijklmn");
    strcpy(s->fingerprint, FINGERPRINT);
    s->n_candidates = 2;
    s->candidates[0] = (struct media_candidate){"192.0.2.7", 20000, 2130706431};
    s->candidates[1] = (struct media_candidate){"2001:db8::7", 20000, 2130706175};
    return s;
}

static struct sdp *answer_to(const struct sdp *offered, enum sdp_direction may)
{
    struct sdp *s = ours(SDP_PASSIVE);
    s->n_media = offered->n_media;
    for (size_t i = 0; i < s->n_media; i++)
        sdp_answer_media(&offered->media[i], may, &s->media[i]);
    return s;
}

static void real_texts_round_trip(void **state)
{
    static const char *const files[] = {"chromium_publish.sdp", "chromium_later.sdp", "chromium_whep.sdp", "firefox_publish.sdp", "gstreamer.sdp"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (enum sdp_direction may = SDP_INACTIVE; may <= SDP_SENDRECV; may++) {
            struct sdp *s = from_file(files[i]), *answer = answer_to(s, may);
            assert_round_trip(answer);
            sdp_free(answer);
            sdp_free(s);
        }
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        n++;
    return n;
}

/* The text of our answer, as browsers expect it. */
static void answer_text(void **state)
{
    struct sdp *s = from_file("chromium_later.sdp"), *answer = answer_to(s, SDP_RECVONLY);
    char *text = sdp_write(answer);
    assert_null(strstr(text, "extmap-allow-mixed")); /* said only where it was offered, by who answers */
    free(text);
    answer->mixed = s->mixed;
    text = sdp_write(answer);
    assert_non_null(strstr(text, "o=- 18446744073709551615 3 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=extmap-allow-mixed\r\na=group:BUNDLE 0 1 2\r\nm=audio 9 "));
    assert_non_null(strstr(text, "a=candidate:1 1 udp 2130706431 192.0.2.7 20000 typ host\r\na=candidate:2 1 udp 2130706175 2001:db8::7 20000 typ "
                                 "host\r\na=end-of-candidates\r\n"));
    assert_int_equal(count(text, "a=end-of-candidates"), 1);
    assert_int_equal(count(text, "a=ice-ufrag:ours0001\r\n"), 3);
    assert_int_equal(count(text, "a=setup:passive\r\n"), 3);
    assert_int_equal(count(text, "a=rtcp-mux\r\na=rtcp-rsize\r\n"), 3);
    assert_int_equal(count(text, "a=rid:h recv\r\n"), 1);
    assert_int_equal(count(text, "a=simulcast:recv q;h;f\r\n"), 1);
    assert_int_equal(count(text, "a=fmtp:111 minptime=10;useinbandfec=1\r\n"), 1);
    static const char *const feedback[] = {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"};
    for (size_t i = 0; i < 5; i++) {
        char line[60];
        snprintf(line, sizeof line, "a=rtcp-fb:96 %s\r\n", feedback[i]);
        assert_int_equal(count(text, line), 2);
    }
    assert_int_equal(count(text, "a=rtcp-fb:111 "), 1);
    assert_non_null(strstr(text, "m=video 0 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:3\r\nm=application 0 UDP/DTLS/SCTP "
                                 "webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:4\r\n"));
    assert_null(strstr(text, "a=msid"));
    free(text);
    sdp_free(answer);
    sdp_free(s);
}

static void offer_round_trip(void **state)
{
    static const struct media_payload video[] = {
        {MEDIA_VP8, 96, 97, ""},
        {MEDIA_H264, 108, 109, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
        {MEDIA_VP9, 98, 99, "profile-id=0"},
        {MEDIA_AV1, 45, 46, "level-idx=5;profile=0;tier=0"},
    };
    struct sdp *s = ours(SDP_ACTPASS);
    for (s->n_media = 0; s->n_media < SDP_MEDIA_MAX; s->n_media++) {
        char mid[16];
        struct sdp_media *m = &s->media[s->n_media];
        snprintf(mid, sizeof mid, "%zu", s->n_media);
        sdp_offer_media(s->n_media % 2 ? MEDIA_VIDEO : MEDIA_AUDIO, mid, m);
        m->ssrc = (uint32_t)(100 + 2 * s->n_media);
        if (m->kind == MEDIA_VIDEO) m->rtx_ssrc = m->ssrc + 1;
        snprintf(m->track, sizeof m->track, "t%zu", s->n_media);
        if (s->n_media % 3) snprintf(m->stream, sizeof m->stream, "s%zu", s->n_media / 2);
    }
    s->media[5].direction = SDP_INACTIVE;
    ASSERT_PAYLOADS(&s->media[1], video);
    assert_true(s->media[0].extensions.audio_level == 1 && s->media[1].extensions.mid == 4 && !s->media[1].extensions.rid);
    assert_round_trip(s);
    char *text = sdp_write(s);
    assert_non_null(strstr(text, "a=msid:s0 t1\r\na=ssrc-group:FID 102 103\r\na=ssrc:102 cname:s0\r\na=ssrc:103 cname:s0\r\n"));
    assert_non_null(strstr(text, "a=msid:- t0\r\na=ssrc:100 cname:yilian\r\n"));
    free(text);
    sdp_free(s);
}

/* ---- what it means for the media plane ---- */
static void answers(void **state)
{
    static const struct {
        enum sdp_direction offered, may, want;
    } rows[] = {{SDP_SENDRECV, SDP_SENDRECV, SDP_SENDRECV}, {SDP_SENDRECV, SDP_RECVONLY, SDP_RECVONLY}, {SDP_SENDONLY, SDP_SENDRECV, SDP_RECVONLY},
                {SDP_RECVONLY, SDP_SENDRECV, SDP_SENDONLY}, {SDP_RECVONLY, SDP_RECVONLY, SDP_INACTIVE}, {SDP_SENDONLY, SDP_SENDONLY, SDP_INACTIVE},
                {SDP_INACTIVE, SDP_SENDRECV, SDP_INACTIVE}, {SDP_SENDRECV, SDP_INACTIVE, SDP_INACTIVE}};
    struct sdp *s = from_file("chromium_publish.sdp");
    struct sdp_media m = s->media[1], out;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        m.direction = rows[i].offered;
        sdp_answer_media(&m, rows[i].may, &out);
        assert_int_equal(out.direction, rows[i].want);
        assert_false(out.rejected);
        assert_int_equal(out.n_rids, rows[i].offered == SDP_RECVONLY || rows[i].want == SDP_SENDONLY ? 0 : 3);
    }
    assert_true(s->mixed && m.extensions.dependency_descriptor == 12);
    m.direction = SDP_SENDONLY;
    sdp_answer_media(&m, SDP_RECVONLY, &out);
    assert_int_equal(out.extensions.dependency_descriptor, 0); /* VP8 says its layers itself */
    sdp_prefer(&m, MEDIA_AV1);
    sdp_answer_media(&m, SDP_RECVONLY, &out);
    assert_int_equal(out.extensions.dependency_descriptor, 12);
    m.direction = SDP_SENDRECV;
    m.extensions.rid = 0;
    sdp_answer_media(&m, SDP_SENDRECV, &out);
    assert_int_equal(out.n_rids, 0); /* nobody could tell the layers apart */
    m.n_payloads = 0;
    sdp_answer_media(&m, SDP_SENDRECV, &out);
    assert_true(out.rejected && out.direction == SDP_INACTIVE);
    assert_string_equal(out.mid, "1");
    sdp_free(s);
}

/* RED only where its blocks are the voice's own codec; first where we receive, since browsers send what stands first. */
static void red(void **state)
{
    static const struct {
        const char *lines;
        uint8_t red;
    } rows[] = {{"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111", 63},
                {"a=fmtp:63 111/111/111\r\na=rtpmap:63 RED/48000/2", 63},
                {"a=rtpmap:63 red/48000/2", 0},
                {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111", 0},
                {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/0", 0},
                {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/", 0},
                {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111 x", 0},
                {"a=rtpmap:63 red/48000/2\r\na=fmtp:63 /111", 0},
                {"a=rtpmap:63 red/8000\r\na=fmtp:63 111/111", 0},
                {"a=rtpmap:70 red/48000/2\r\na=fmtp:70 111/111", 0}};
    static const struct {
        enum sdp_direction offered, may;
        const char *line;
    } orders[] = {{SDP_SENDONLY, SDP_RECVONLY, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n"}, {SDP_SENDRECV, SDP_SENDRECV, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n"},
                  {SDP_RECVONLY, SDP_SENDONLY, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n"}, {SDP_SENDONLY, SDP_SENDONLY, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63\r\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char lines[200];
        snprintf(lines, sizeof lines, "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 70\r\n%s", rows[i].lines);
        char *text = with_line(6, lines);
        struct sdp *one = parsed(text, strlen(text));
        assert_true(one->media[0].n_payloads == 1 && one->media[0].payloads[0].red_payload_type == rows[i].red);
        sdp_free(one);
        free(text);
    }
    struct sdp *s = from_file("chromium_publish.sdp"), *answer = ours(SDP_PASSIVE);
    answer->n_media = 1;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        s->media[0].direction = orders[i].offered;
        sdp_answer_media(&s->media[0], orders[i].may, &answer->media[0]);
        char *text = sdp_write(answer);
        assert_non_null(strstr(text, orders[i].line));
        assert_non_null(strstr(text, "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"));
        free(text);
    }
    struct sdp_media mine;
    struct media_feed_params feed = {0};
    sdp_offer_media(MEDIA_AUDIO, "0", &mine);
    assert_int_equal(mine.payloads[0].red_payload_type, 63);
    s->media[0].direction = SDP_RECVONLY;
    s->media[0].payloads[0].red_payload_type = 62;
    assert_true(sdp_to_feed(&mine, &s->media[0], &feed) && feed.payloads[0].red_payload_type == 62);
    mine.payloads[0].red_payload_type = 0; /* to another node */
    assert_true(sdp_to_feed(&mine, &s->media[0], &feed) && !feed.payloads[0].red_payload_type);
    sdp_free(answer);
    sdp_free(s);
}

static void peers(void **state)
{
    struct sdp *s = from_file("firefox_publish.sdp");
    struct media_peer_params peer = {.local_ufrag = "kept"};
    static const bool client[] = {[SDP_ACTPASS] = false, [SDP_ACTIVE] = false, [SDP_PASSIVE] = true};
    for (enum sdp_setup setup = SDP_ACTPASS; setup <= SDP_PASSIVE; setup++) {
        s->setup = setup;
        sdp_to_peer(s, &peer);
        assert_int_equal(peer.dtls_client, client[setup]);
    }
    assert_string_equal(peer.remote_ufrag, "b46334de");
    assert_string_equal(peer.remote_password, "d0fcf4123a696d679bf3c27f62446628");
    assert_string_equal(peer.remote_fingerprint, s->fingerprint);
    assert_string_equal(peer.local_ufrag, "kept");
    sdp_free(s);
}

/* The transport is that of the first line we carry, because our answer's group begins with it. */
static void transport_of_the_first_carried_line(void **state)
{
    char *text = with_line(18, "a=rtcp-mux\r\na=ice-ufrag:efgh\r\na=ice-pwd:0123456789abcdefghijkl\r\na=setup:active\r\na=fingerprint:sha-256 " FINGERPRINT);
    struct sdp *s = parsed(text, strlen(text));
    assert_string_equal(s->ufrag, "abcd");
    assert_int_equal(s->setup, SDP_ACTPASS);
    sdp_free(s);
    memcpy(strstr(text, "opus"), "else", 4);
    s = parsed(text, strlen(text));
    assert_string_equal(s->ufrag, "efgh");
    assert_int_equal(s->setup, SDP_ACTIVE);
    assert_true(!s->media[0].rejected && !s->media[0].n_payloads); /* the answer rejects it */
    sdp_free(s);
    free(text);
}

static void tracks(void **state)
{
    struct sdp *s = from_file("firefox_publish.sdp"), *answer = answer_to(s, SDP_RECVONLY);
    struct media_track_params t = {.track = {9}};
    sdp_to_track(&s->media[1], &answer->media[1], &t);
    assert_true(t.kind == MEDIA_VIDEO && t.track.v == 9 && t.n_rids == 3 && !t.ssrc && !t.rtx_ssrc);
    assert_true(t.extensions.rid == 9 && t.extensions.repaired_rid == 10 && t.payloads[0].payload_type == 120);
    assert_string_equal(t.mid, "1");
    assert_string_equal(t.rids[2], "f");
    sdp_to_track(&s->media[2], &answer->media[2], &t);
    assert_true(t.n_rids == 0 && t.ssrc == s->media[2].ssrc && t.ssrc && t.rtx_ssrc == s->media[2].rtx_ssrc && t.rtx_ssrc);
    sdp_free(answer);
    sdp_free(s);
}

/* We offer with Chromium's numbers; the answer has its own, fewer codecs, fewer extensions and no RTX for VP9. */
static void feeds_take_their_numbers(void **state)
{
    struct sdp_media mine, theirs;
    struct media_feed_params feed = {.feed = {5}};
    sdp_offer_media(MEDIA_VIDEO, "7", &mine);
    mine.ssrc = 1000;
    mine.rtx_ssrc = 1001;
    theirs = mine;
    theirs.direction = SDP_RECVONLY;
    theirs.n_payloads = 2;
    theirs.payloads[0] = (struct media_payload){MEDIA_VP9, 121, 0, ""};
    theirs.payloads[1] = (struct media_payload){MEDIA_VP8, 120, 124, ""};
    theirs.extensions = (struct media_extensions){.mid = 3, .rid = 9, .audio_level = 6, .transport_cc = 7};
    assert_true(sdp_to_feed(&mine, &theirs, &feed));
    assert_true(feed.feed.v == 5 && feed.ssrc == 1000 && feed.rtx_ssrc == 1001 && feed.n_payloads == 2);
    assert_true(feed.payloads[0].codec == MEDIA_VP9 && feed.payloads[0].payload_type == 121 && !feed.payloads[0].rtx_payload_type);
    assert_true(feed.payloads[1].payload_type == 120 && feed.payloads[1].rtx_payload_type == 124);
    assert_extensions(&feed.extensions, (struct media_extensions){.mid = 3, .transport_cc = 7});
    assert_string_equal(feed.mid, "7");
    theirs.n_payloads = 1;
    assert_true(sdp_to_feed(&mine, &theirs, &feed));
    assert_true(feed.n_payloads == 1 && feed.rtx_ssrc == 0);
    theirs.payloads[0].codec = MEDIA_OPUS;
    assert_false(sdp_to_feed(&mine, &theirs, &feed));
    theirs.payloads[0].codec = MEDIA_VP8;
    theirs.direction = SDP_INACTIVE;
    assert_false(sdp_to_feed(&mine, &theirs, &feed));
    theirs.direction = SDP_SENDRECV;
    mine.direction = SDP_INACTIVE;
    assert_false(sdp_to_feed(&mine, &theirs, &feed));
    mine.direction = SDP_SENDONLY;
    theirs.rejected = true;
    assert_false(sdp_to_feed(&mine, &theirs, &feed));
}

/* WHEP: they offer to receive, our answer sends with their numbers. */
static void feed_of_an_answer(void **state)
{
    struct sdp *s = from_file("chromium_whep.sdp"), *answer = answer_to(s, SDP_SENDONLY);
    struct media_feed_params feed = {0};
    answer->media[1].ssrc = 77;
    answer->media[1].rtx_ssrc = 78;
    assert_true(sdp_to_feed(&answer->media[1], &s->media[1], &feed));
    assert_true(feed.ssrc == 77 && feed.rtx_ssrc == 78 && feed.payloads[0].codec == MEDIA_VP8 && feed.payloads[0].payload_type == 96);
    assert_int_equal(feed.extensions.mid, 4);
    sdp_free(answer);
    sdp_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_texts_round_trip), cmocka_unit_test(answer_text), cmocka_unit_test(offer_round_trip), cmocka_unit_test(answers),
        cmocka_unit_test(red), cmocka_unit_test(peers), cmocka_unit_test(transport_of_the_first_carried_line), cmocka_unit_test(tracks),
        cmocka_unit_test(feeds_take_their_numbers), cmocka_unit_test(feed_of_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
