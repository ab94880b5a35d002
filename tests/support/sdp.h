/* Session descriptions in tests: texts and files to typed values, and what they must be equal to. */
#ifndef YL_TESTS_SUPPORT_SDP_H
#define YL_TESTS_SUPPORT_SDP_H
#include "server/sdp/sdp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FINGERPRINT "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

static inline struct sdp *parsed(const char *text, size_t len)
{
    struct sdp *s;
    struct fault f;
    if (sdp_parse(&s, text, len, &f)) fail_msg("%s", f.text);
    return s;
}

static inline struct sdp *from_file(const char *name)
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

/* ---- a description in which each line has its place ---- */
static const char *const base[] = {
    "v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", /* 6 */
    "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdefghijkl", "a=fingerprint:sha-256 " FINGERPRINT, "a=setup:actpass", "a=mid:0", /* 11 */
    "a=sendonly", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=ssrc:7 cname:x", /* 15 */
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97", "a=mid:1", "a=rtcp-mux", "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid", /* 19 */
    "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=ssrc-group:FID 5 6", "a=simulcast:send q;~h,x;f;more"};
#define BASE_LINES (sizeof base / sizeof *base)

/* The base text with line `at` replaced; the caller's to free. */
static inline char *with_line(unsigned at, const char *line)
{
    char *text = malloc(8000);
    size_t n = 0;
    for (unsigned i = 0; i < BASE_LINES; i++)
        n += (size_t)snprintf(text + n, 8000 - n, "%s\r\n", i + 1 == at ? line : base[i]);
    return text;
}

static inline void assert_payload(const struct sdp_media *m, size_t i, const struct media_payload *want)
{
    assert_true(i < m->n_payloads);
    assert_int_equal(m->payloads[i].codec, want->codec);
    assert_int_equal(m->payloads[i].payload_type, want->payload_type);
    assert_int_equal(m->payloads[i].rtx_payload_type, want->rtx_payload_type);
    assert_int_equal(m->payloads[i].red_payload_type, want->red_payload_type);
    assert_string_equal(m->payloads[i].fmtp, want->fmtp);
}

static inline void assert_extensions(const struct media_extensions *got, struct media_extensions want)
{
    assert_memory_equal(got, &want, sizeof want);
}

static inline void assert_payloads(const struct sdp_media *m, const struct media_payload *want, size_t n)
{
    assert_int_equal(m->n_payloads, n);
    for (size_t i = 0; i < n; i++)
        assert_payload(m, i, &want[i]);
}
#define ASSERT_PAYLOADS(m, rows) assert_payloads(m, rows, sizeof rows / sizeof *rows)
#endif
