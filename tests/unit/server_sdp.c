/* Session descriptions: texts of real clients (tests/unit/sdp/, taken from Chromium 156, Firefox ESR 153 and GStreamer 1.22) and of encoders to
 * typed values, what is refused and where, write -> parse, and what offer and answer mean for the media plane. */
#include "server/sdp/sdp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FINGERPRINT "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

static struct sdp *parsed(const char *text, size_t len)
{
    struct sdp *s;
    struct fault f;
    if (sdp_parse(&s, text, len, &f)) fail_msg("%s", f.text);
    return s;
}

static struct sdp *from_file(const char *name)
{
    char path[300];
    static char text[SDP_TEXT_MAX];
    snprintf(path, sizeof path, "%s/tests/unit/sdp/%s", YL_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text, file);
    fclose(file);
    return parsed(text, n);
}

static void assert_payload(const struct sdp_media *m, size_t i, const struct media_payload *want)
{
    assert_true(i < m->n_payloads);
    assert_int_equal(m->payloads[i].codec, want->codec);
    assert_int_equal(m->payloads[i].payload_type, want->payload_type);
    assert_int_equal(m->payloads[i].rtx_payload_type, want->rtx_payload_type);
    assert_int_equal(m->payloads[i].red_payload_type, want->red_payload_type);
    assert_string_equal(m->payloads[i].fmtp, want->fmtp);
}

static void assert_extensions(const struct media_extensions *got, struct media_extensions want)
{
    assert_memory_equal(got, &want, sizeof want);
}

static void assert_payloads(const struct sdp_media *m, const struct media_payload *want, size_t n)
{
    assert_int_equal(m->n_payloads, n);
    for (size_t i = 0; i < n; i++)
        assert_payload(m, i, &want[i]);
}
#define ASSERT_PAYLOADS(m, rows) assert_payloads(m, rows, sizeof rows / sizeof *rows)

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
static const char *const base[] = {
    "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", /* 6 */
    "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdefghijkl", "a=fingerprint:sha-256 " FINGERPRINT, "a=setup:actpass", "a=mid:0", /* 11 */
    "a=sendonly", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=ssrc:7 cname:x", /* 15 */
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=rtcp-mux", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", /* 19 */
    "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=ssrc-group:FID 5 6", "a=simulcast:send q;~h,x;f;more"};
#define BASE_LINES (sizeof base / sizeof *base)

/* The base text with line `at` replaced; the caller's to free. */
static char *with_line(unsigned at, const char *line)
{
    char *text = malloc(8000);
    size_t n = 0;
    for (unsigned i = 0; i < BASE_LINES; i++)
        n += (size_t)snprintf(text + n, 8000 - n, "%s\r\n", i + 1 == at ? line : base[i]);
    return text;
}

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
        cmocka_unit_test(chromium_publish), cmocka_unit_test(chromium_later), cmocka_unit_test(chromium_whep), cmocka_unit_test(firefox_publish),
        cmocka_unit_test(gstreamer), cmocka_unit_test(obs_whip), cmocka_unit_test(single_line_encoder),
        cmocka_unit_test(refusals_name_the_line), cmocka_unit_test(tolerated), cmocka_unit_test(base_values), cmocka_unit_test(h264_variants),
        cmocka_unit_test(limits), cmocka_unit_test(real_texts_round_trip), cmocka_unit_test(answer_text), cmocka_unit_test(offer_round_trip),
        cmocka_unit_test(answers), cmocka_unit_test(red), cmocka_unit_test(peers), cmocka_unit_test(transport_of_the_first_carried_line), cmocka_unit_test(tracks),
        cmocka_unit_test(feeds_take_their_numbers), cmocka_unit_test(feed_of_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
