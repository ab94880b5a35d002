/* Session descriptions that are read: texts of real clients (tests/unit/sdp/, taken from Chromium 156, Firefox ESR 153 and GStreamer 1.22) and
 * of encoders to typed values, what is refused and where. */
#include "tests/support/sdp.h"

/* ---- real texts ---- */
static const struct media_payload chromium_video[] = {
    {MEDIA_VP8, 96, 97, ""},
    {MEDIA_H264, 102, 103, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f"},
    {MEDIA_H264, 108, 109, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
    {MEDIA_AV1, 45, 46, "level-idx=5;profile=0;tier=0"},
    {MEDIA_VP9, 98, 99, "profile-id=0"},
};
static const struct media_extensions chromium_video_extensions = {
    .mid = 4, .rid = 10, .repaired_rid = 11, .transport_cc = 3, .abs_send_time = 2, .dependency_descriptor = 12, .orientation = 13};

static void chromium_publish(void **state)
{
    static const struct media_payload audio[] = {{MEDIA_OPUS, 111, 0, "minptime=10;useinbandfec=1", .red_payload_type = 63}};
    struct sdp *s = from_file("chromium_publish.sdp");
    assert_true(s->session_id == 4912168676276343134u && s->version == 2 && !s->ice_lite && s->setup == SDP_ACTPASS);
    assert_string_equal(s->ufrag, "WqCi");
    assert_string_equal(s->password, "hevIKGzeDgInvFDJuM4303KX");
    assert_string_equal(s->fingerprint, "CB:01:77:04:01:AA:3C:A9:3A:C7:79:0D:20:C9:3C:6C:36:00:2C:94:44:BE:99:F7:87:C1:93:43:47:C4:38:36");
    assert_int_equal(s->n_media, 4);
    const struct sdp_media *mic = &s->media[0], *camera = &s->media[1], *screen = &s->media[2];
    assert_true(mic->kind == MEDIA_AUDIO && mic->direction == SDP_SENDONLY && !mic->rejected && mic->ssrc == 2781555127u);
    ASSERT_PAYLOADS(mic, audio);
    assert_extensions(&mic->extensions, (struct media_extensions){.mid = 4, .audio_level = 1, .transport_cc = 3, .abs_send_time = 2});
    assert_string_equal(mic->stream, "");
    assert_string_equal(mic->track, "ca11cdd3-47fc-49c1-b1bf-932e5d42a239");
    assert_true(camera->kind == MEDIA_VIDEO && camera->n_rids == 3 && !camera->ssrc);
    assert_string_equal(camera->mid, "1");
    assert_string_equal(camera->rids[0], "q");
    assert_string_equal(camera->rids[1], "h");
    assert_string_equal(camera->rids[2], "f");
    ASSERT_PAYLOADS(camera, chromium_video);
    assert_extensions(&camera->extensions, chromium_video_extensions);
    assert_true(screen->ssrc == 1735981790u && screen->rtx_ssrc == 3954427822u && !screen->n_rids);
    assert_string_equal(s->media[3].mid, "3");
    sdp_free(s);
}

/* Later in the same session: ICE restart, screen inactive, second camera stopped for good, a data channel added. */
static void chromium_later(void **state)
{
    struct sdp *s = from_file("chromium_later.sdp");
    assert_true(s->session_id == 4912168676276343134u && s->version == 5);
    assert_string_equal(s->ufrag, "eBuh");
    assert_int_equal(s->n_media, 5);
    assert_int_equal(s->media[1].n_rids, 3); /* two of them paused */
    assert_string_equal(s->media[1].rids[1], "h");
    assert_true(s->media[2].direction == SDP_INACTIVE && !s->media[2].rejected && s->media[2].n_payloads == 5);
    assert_true(s->media[3].rejected && s->media[4].rejected);
    assert_string_equal(s->media[4].name, "application");
    assert_string_equal(s->media[4].proto, "UDP/DTLS/SCTP");
    assert_string_equal(s->media[4].format, "webrtc-datachannel");
    assert_string_equal(s->media[4].mid, "4");
    sdp_free(s);
}

static void chromium_whep(void **state)
{
    struct sdp *s = from_file("chromium_whep.sdp");
    assert_int_equal(s->n_media, 2);
    assert_true(s->media[0].direction == SDP_RECVONLY && s->media[1].direction == SDP_RECVONLY && !s->media[1].ssrc);
    assert_string_equal(s->media[1].track, "");
    for (size_t i = 0; i < s->media[1].n_payloads; i++)
        assert_true(s->media[1].payloads[i].codec != MEDIA_VP9 || strcmp(s->media[1].payloads[i].fmtp, "profile-id=0") == 0);
    sdp_free(s);
}

/* Fingerprint at session level, video waits for its bundle with port 0, extensions with a direction, other numbers than Chromium's. */
static void firefox_publish(void **state)
{
    static const struct media_payload audio[] = {{MEDIA_OPUS, 109, 0, "useinbandfec=1"}};
    static const struct media_payload video[] = {{MEDIA_VP8, 120, 124, ""}, {MEDIA_VP9, 121, 125, ""}, {MEDIA_AV1, 99, 100, ""}};
    struct sdp *s = from_file("firefox_publish.sdp");
    assert_true(s->session_id == 6481594358796662950u && s->version == 0);
    assert_string_equal(s->ufrag, "b46334de");
    assert_string_equal(s->fingerprint, "79:88:1F:43:AD:80:48:BE:59:44:B1:9A:84:9F:14:7E:F2:10:54:1C:17:8D:9D:B2:CF:56:77:6B:1C:5D:11:DC");
    assert_int_equal(s->n_media, 3);
    ASSERT_PAYLOADS(&s->media[0], audio);
    ASSERT_PAYLOADS(&s->media[1], video);
    assert_true(!s->media[1].rejected && s->media[1].direction == SDP_SENDONLY && s->media[1].n_rids == 3);
    assert_extensions(&s->media[1].extensions, (struct media_extensions){.mid = 3, .rid = 9, .repaired_rid = 10, .transport_cc = 7,
                                                                         .abs_send_time = 4, .dependency_descriptor = 8});
    assert_string_equal(s->media[1].track, "{2ea2e8cb-4405-4a9b-ad9b-50cd33ea88b5}");
    sdp_free(s);
}

/* Long mids, no extensions, no RTX, no profile (what it sends is constrained baseline). */
static void gstreamer(void **state)
{
    struct sdp *s = from_file("gstreamer.sdp");
    assert_int_equal(s->n_media, 2);
    assert_string_equal(s->media[0].mid, "video0");
    assert_true(s->media[0].ssrc == 454974985u && !s->media[0].rtx_ssrc && s->media[0].direction == SDP_SENDRECV);
    assert_payload(&s->media[0], 0, &(struct media_payload){MEDIA_H264, 96, 0, "packetization-mode=1"});
    assert_extensions(&s->media[0].extensions, (struct media_extensions){0});
    assert_true(!s->media[1].rejected && s->media[1].n_payloads == 1 && s->media[1].payloads[0].codec == MEDIA_OPUS);
    sdp_free(s);
}

/* The shape of OBS: transport for the whole session, LF, a second group; two layers. */
static const char obs[] = "v=0\no=rtc 3146240279 0 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE audio video\na=group:LS audio video\n"
                          "a=msid-semantic:WMS *\na=ice-options:ice2,trickle\na=setup:actpass\na=ice-ufrag:uXfN\na=ice-pwd:0123456789abcdefghij+/\n"
                          "a=fingerprint:sha-256 " FINGERPRINT "\n"
                          "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=mid:audio\na=sendonly\na=ssrc:1 cname:c\na=msid:s s-audio\n"
                          "a=rtcp-mux\na=rtpmap:111 OPUS/48000/2\na=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;useinbandfec=1\n"
                          "m=video 9 UDP/TLS/RTP/SAVPF 96 98\nc=IN IP4 0.0.0.0\na=mid:video\na=sendonly\na=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\n"
                          "a=extmap:2 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\na=rid:0 send\na=rid:1 send\na=simulcast:send 0;1\na=rtcp-mux\n"
                          "a=rtpmap:96 H264/90000\na=rtcp-fb:96 nack\n"
                          "a=fmtp:96 PROFILE-LEVEL-ID=42E01F; packetization-mode=1;level-asymmetry-allowed=1\na=rtpmap:98 H265/90000\n";

static void obs_whip(void **state)
{
    struct sdp *s = parsed(obs, sizeof obs - 1);
    assert_string_equal(s->password, "0123456789abcdefghij+/");
    assert_string_equal(s->fingerprint, FINGERPRINT);
    assert_payload(&s->media[0], 0, &(struct media_payload){MEDIA_OPUS, 111, 0, "minptime=10;useinbandfec=1"});
    assert_int_equal(s->media[1].n_payloads, 1);
    assert_payload(&s->media[1], 0,
                   &(struct media_payload){MEDIA_H264, 96, 0, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"});
    assert_int_equal(s->media[1].n_rids, 2);
    sdp_free(s);
}

/* One m-line needs no group and no mid; the encoder waits for our ClientHello. */
static void single_line_encoder(void **state)
{
    static const char text[] = "v=0\r\no=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1\r\ns=FFmpegPublishSession\r\nt=0 0\r\n"
                               "m=video 9 UDP/TLS/RTP/SAVPF 106\r\na=ice-ufrag:1234\r\na=ice-pwd:0123456789012345678901\r\n"
                               "a=fingerprint:SHA-256 " FINGERPRINT "\r\na=setup:passive\r\na=sendonly\r\na=rtcp-mux\r\n"
                               "a=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42c01f\r\n";
    struct sdp *s = parsed(text, sizeof text - 1), *ours = sdp_new();
    struct media_peer_params peer = {0};
    assert_string_equal(s->media[0].mid, "");
    sdp_to_peer(s, &peer);
    assert_true(peer.dtls_client);
    *ours = *s;
    ours->setup = SDP_ACTIVE;
    sdp_answer_media(&s->media[0], SDP_RECVONLY, &ours->media[0]);
    char *answer = sdp_write(ours);
    assert_null(strstr(answer, "a=mid"));
    assert_null(strstr(answer, "a=group"));
    assert_non_null(strstr(answer, "a=setup:active\r\n"));
    assert_non_null(strstr(answer, "m=video 9 UDP/TLS/RTP/SAVPF 106\r\n"));
    free(answer);
    sdp_free(s);
    sdp_free(ours);
}

/* ---- what is refused, and where ---- */
static const struct bad {
    unsigned at;
    const char *line, *path, *reason;
} bads[] = {
    {1, "v=1", "sdp:1", "not_sdp"},
    {1, "hello", "sdp:1", "not_a_line"},
    {2, "o=- 1", "sdp:2", "malformed"},
    {2, "o=- one 2 IN IP4 127.0.0.1", "sdp:2", "not_a_number"},
    {2, "o=- 1 99999999999999999999 IN IP4 127.0.0.1", "sdp:2", "not_a_number"},
    {2, "x=", "sdp", "no_origin"},
    {3, "s=\x01", "sdp:3", "control_character"},
    {3, "s=-\rt", "sdp:3", "control_character"},
    {4, "t", "sdp:4", "not_a_line"},
    {5, "a=x", "sdp:6", "not_bundled"},
    {5, "a=group:BUNDLE 0", "sdp:16", "not_bundled"},
    {5, "a=group:LS 0 1", "sdp:6", "not_bundled"},
    {6, "m=audio 9 UDP/TLS/RTP/SAVPF", "sdp:6", "malformed"},
    {6, "m=audio x UDP/TLS/RTP/SAVPF 111", "sdp:6", "not_a_port"},
    {6, "m=audio 65536 UDP/TLS/RTP/SAVPF 111", "sdp:6", "not_a_port"},
    {6, "m=audio 9 UDP/TLS/RTP/SAVPF 128", "sdp:6", "not_a_payload_type"},
    {6, "m=audio 9 UDP/TLS/RTP/SAVPF 111 x", "sdp:6", "not_a_payload_type"},
    {6, "m=averyveryverylongname 9 UDP/TLS/RTP/SAVPF 111", "sdp:6", "too_long:39"},
    {7, "a=ice-ufrag:abc", "sdp:7", "malformed"},
    {7, "a=ice-ufrag:ab d", "sdp:7", "malformed"},
    {7, "a=x", "sdp:6", "no_ice_credentials"},
    {8, "a=ice-pwd:short", "sdp:8", "malformed"},
    {8, "a=x", "sdp:6", "no_ice_credentials"},
    {9, "a=fingerprint:sha-256 00:11", "sdp:9", "malformed"},
    {9, "a=fingerprint:sha-256", "sdp:9", "malformed"},
    {9, "a=fingerprint:sha-256 0x:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF", "sdp:9", "malformed"},
    {9, "a=fingerprint:sha-1 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33", "sdp:6", "no_sha256_fingerprint"},
    {10, "a=setup:holdconn", "sdp:10", "malformed"},
    {10, "a=setup", "sdp:10", "malformed"},
    {11, "a=mid:", "sdp:11", "malformed"},
    {11, "a=mid:a b", "sdp:11", "malformed"},
    {11, "a=mid:sixteen-letters-", "sdp:11", "too_long:15"},
    {11, "a=x", "sdp:6", "not_bundled"},
    {12, "a=mid:2", "sdp:12", "twice"},
    {13, "a=x", "sdp:6", "no_rtcp_mux"},
    {14, "a=rtpmap:x opus/48000/2", "sdp:14", "not_a_payload_type"},
    {14, "a=rtpmap:111", "sdp:14", "malformed"},
    {15, "a=ssrc:4294967296 cname:x", "sdp:15", "not_a_number"},
    {16, "m=video 9", "sdp:16", "malformed"},
    {17, "a=mid:0", "sdp:17", "twice"},
    {18, "a=x", "sdp:16", "no_rtcp_mux"},
    {19, "a=extmap:x urn:ietf:params:rtp-hdrext:sdes:mid", "sdp:19", "not_a_number"},
    {19, "a=extmap:4", "sdp:19", "malformed"},
    {20, "a=extmap:4 urn:3gpp:video-orientation", "sdp:20", "twice"},
    {22, "a=fmtp:200 apt=96", "sdp:22", "not_a_payload_type"},
    {23, "a=ssrc-group:FID 5", "sdp:23", "not_a_number"},
    {23, "a=ssrc-group:FID x 6", "sdp:23", "not_a_number"},
    {24, "a=simulcast:send", "sdp:24", "malformed"},
    {24, "a=simulcast:give q", "sdp:24", "malformed"},
    {24, "a=simulcast:send q;;f", "sdp:24", "malformed"},
    {24, "a=simulcast:send q;h=1", "sdp:24", "malformed"},
    {24, "a=simulcast:send q;q", "sdp:24", "twice"},
    {24, "a=simulcast:send sixteen-letters-", "sdp:24", "too_long:15"},
};

static void assert_refused(const char *text, size_t len, const char *path, const char *reason)
{
    struct sdp *s = (struct sdp *)1;
    struct fault f;
    int err = sdp_parse(&s, text, len, &f);
    if (!err) fail_msg("taken, though %s is %s", path, reason);
    assert_int_equal(err, ERR_INVALID);
    assert_int_equal(f.code, ERR_INVALID);
    assert_null(s);
    assert_int_equal(f.n_fields, 1);
    assert_string_equal(f.fields[0].path, path);
    assert_string_equal(f.fields[0].reason, reason);
}

static void refusals_name_the_line(void **state)
{
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        char *text = with_line(bads[i].at, bads[i].line);
        assert_refused(text, strlen(text), bads[i].path, bads[i].reason);
        free(text);
    }
    assert_refused("", 0, "sdp", "required");
    assert_refused("v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n", 29, "sdp", "no_media");
    assert_refused("v=0\no=\0", 7, "sdp:2", "control_character");
}

/* Lines that are odd but do no harm. */
static void tolerated(void **state)
{
    static const struct {
        unsigned at;
        const char *line;
        uint8_t mid, rtx;
        const char *rid;
    } odd[] = {{3, "", 4, 97, "q"},
               {4, "z=whatever", 4, 97, "q"},
               {14, "a=rtpmap:111 opus/48000/2\r\na=rtpmap:111 x/1", 4, 97, "q"},
               {19, "a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid", 0, 97, "q"},
               {19, "a=extmap:4/inactive urn:ietf:params:rtp-hdrext:sdes:mid", 0, 97, "q"},
               {19, "a=extmap:5/sendonly urn:ietf:params:rtp-hdrext:sdes:mid some attribute", 5, 97, "q"},
               {22, "a=fmtp:97 apt=nonsense", 4, 0, "q"},
               {22, "a=fmtp:97 rtx-time=3000;apt=96", 4, 97, "q"},
               {24, "a=simulcast:recv x send q;h", 4, 97, "q"},
               {24, "a=simulcast:recv x;y", 4, 97, "x"}};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        char *text = with_line(odd[i].at, odd[i].line);
        struct sdp *s = parsed(text, strlen(text));
        assert_int_equal(s->media[0].n_payloads, 1);
        assert_int_equal(s->media[1].extensions.mid, odd[i].mid);
        assert_int_equal(s->media[1].payloads[0].rtx_payload_type, odd[i].rtx);
        assert_string_equal(s->media[1].rids[0], odd[i].rid);
        sdp_free(s);
        free(text);
    }
}

static void base_values(void **state)
{
    char *text = with_line(0, "");
    struct sdp *s = parsed(text, strlen(text) - 2); /* a last line without its end */
    assert_int_equal(s->media[0].ssrc, 7);
    assert_true(s->media[1].ssrc == 5 && s->media[1].rtx_ssrc == 6 && s->media[1].direction == SDP_SENDRECV);
    assert_int_equal(s->media[1].n_rids, MEDIA_RIDS_MAX); /* of four */
    assert_string_equal(s->media[1].rids[1], "h");
    sdp_free(s);
    free(text);
    text = with_line(16, "m=video 0 UDP/TLS/RTP/SAVPF 96 97");
    s = parsed(text, strlen(text));
    assert_true(s->media[1].rejected && !s->media[1].n_payloads && s->media[1].kind == MEDIA_VIDEO);
    sdp_free(s);
    free(text);
    text = with_line(6, "m=audio 0 UDP/TLS/RTP/SAVPF 111"); /* with it goes the only transport */
    assert_refused(text, strlen(text), "sdp:16", "no_ice_credentials");
    free(text);
    text = with_line(10, "a=candidate:1");
    s = parsed(text, strlen(text));
    assert_int_equal(s->setup, SDP_ACTPASS);
    sdp_free(s);
    free(text);
}

static void h264_variants(void **state)
{
    static const struct {
        const char *fmtp;
        bool taken;
    } rows[] = {{"packetization-mode=1;profile-level-id=42001f", true}, {"profile-level-id=42C01F ; packetization-mode=1", true},
                {"packetization-mode=1", true}, {"packetization-mode=0;profile-level-id=42e01f", false}, {"profile-level-id=42e01f", false},
                {"packetization-mode=1;profile-level-id=4d001f", false}, {"packetization-mode=1;profile-level-id=640c1f", false},
                {"packetization-mode=1;profile-level-id=42", false}, {"packetization-mode=1;profile-level-id=42e01", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char line[200];
        snprintf(line, sizeof line, "a=rtpmap:96 H264/90000\r\na=fmtp:96 %s", rows[i].fmtp);
        char *text = with_line(20, line);
        struct sdp *s = parsed(text, strlen(text));
        assert_int_equal(s->media[1].n_payloads, rows[i].taken);
        sdp_free(s);
        free(text);
    }
}

static void limits(void **state)
{
    static char text[SDP_TEXT_MAX + 100];
    size_t n = (size_t)snprintf(text, sizeof text, "v=0\no=- 1 1 IN IP4 0.0.0.0\na=ice-ufrag:abcd\na=ice-pwd:0123456789abcdefghijkl\n"
                                                   "a=fingerprint:sha-256 " FINGERPRINT "\na=group:BUNDLE");
    for (int i = 0; i < SDP_MEDIA_MAX + 1; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, " %d", i);
    n += (size_t)snprintf(text + n, sizeof text - n, "\n");
    size_t at = 0;
    for (int i = 0; i < SDP_MEDIA_MAX + 1; i++) {
        if (i == SDP_MEDIA_MAX) at = n;
        n += (size_t)snprintf(text + n, sizeof text - n, "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:%d\na=rtcp-mux\na=rtpmap:111 opus/48000/2\n", i);
    }
    struct sdp *s = parsed(text, at);
    assert_int_equal(s->n_media, SDP_MEDIA_MAX);
    sdp_free(s);
    assert_refused(text, n, "sdp:519", "too_many:128");
    memset(text + at, '\n', sizeof text - at);
    s = parsed(text, SDP_TEXT_MAX);
    sdp_free(s);
    assert_refused(text, SDP_TEXT_MAX + 1, "sdp", "too_long:196608");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chromium_publish), cmocka_unit_test(chromium_later), cmocka_unit_test(chromium_whep), cmocka_unit_test(firefox_publish),
        cmocka_unit_test(gstreamer), cmocka_unit_test(obs_whip), cmocka_unit_test(single_line_encoder), cmocka_unit_test(refusals_name_the_line),
        cmocka_unit_test(tolerated), cmocka_unit_test(base_values), cmocka_unit_test(h264_variants), cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
