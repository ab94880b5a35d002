/* lecturer - a machine that publishes a lecture over WHIP from a thread of its own: H.264 that looks like H.264 (parameter sets, slices of a
 * wished size, a keyframe every two seconds and when asked) and Opus. For tests and benches of what is packaged from it. */
#ifndef YL_TESTS_LIB_LECTURER_H
#define YL_TESTS_LIB_LECTURER_H

#include "tests/lib/ivf.h"
#include "tests/lib/rtc_client.h"
#include "tests/lib/sizes.h"
#include <pthread.h>

struct lecturer {
    struct rtc_client rtc;
    pthread_t thread;
    int stop;              /* atomic */
    size_t frame_bytes;    /* of each picture but keyframes, which have three times as much */
    int stumbles;          /* atomic: how late, in ms, every ninth picture and all behind it leave */
    struct ivf *film;      /* VP8 of 25 frames a second in place of the H.264, over and over; NULL = none. Set before lecturer_begin */
    bool sizes;            /* three inside one stream of VP9 in place of the H.264. Set before lecturer_begin */
    uint16_t video_seq, audio_seq;
    uint32_t frames;
};

static inline void lecturer_packet(struct lecturer *l, bool video, bool marker, uint32_t timestamp, const uint8_t *payload, size_t len)
{
    uint8_t b[1500] = {0x80, (uint8_t)((marker ? 0x80 : 0) | (video ? l->sizes ? 98 : l->film ? 97 : 96 : 111))};
    put_u16(b + 2, video ? l->video_seq++ : l->audio_seq++);
    put_u32(b + 4, timestamp);
    put_u32(b + 8, video ? 2000 : 1000);
    memcpy(b + 12, payload, len);
    rtc_client_send(&l->rtc, b, len + 12, false);
}

static inline void lecturer_picture(struct lecturer *l, bool key)
{
    static const uint8_t sets[] = {24, 0, 23, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x3d, 0xa1, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
                                   0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2e, 0x48, 0, 5, 0x68, 0xcb, 0x83, 0xcb, 0x20};
    uint32_t at = l->frames * 3600;
    if (key) lecturer_packet(l, true, false, at, sets, sizeof sets);
    uint8_t head = key ? 0x65 : 0x41, p[1100];
    size_t left = __atomic_load_n(&l->frame_bytes, __ATOMIC_RELAXED) * (key ? 3 : 1);
    memset(p, 0x80 | (l->frames & 0x3f), sizeof p);
    for (bool first = true; left; first = false) { /* FU-A, RFC 6184 5.8 */
        size_t n = left < sizeof p - 2 ? left : sizeof p - 2;
        left -= n;
        p[0] = (uint8_t)((head & 0x60) | 28);
        p[1] = (uint8_t)((first ? 0x80 : 0) | (left ? 0 : 0x40) | (head & 31));
        lecturer_packet(l, true, !left, at, p, n + 2);
    }
}

static inline void lecturer_film(struct lecturer *l) /* RFC 7741 4.2: a descriptor of one byte, S on a frame's first packet */
{
    size_t len;
    int64_t pts;
    const uint8_t *frame = ivf_next(l->film, &len, &pts);
    if (!frame) {
        l->film->at = 32;
        frame = ivf_next(l->film, &len, &pts);
    }
    for (size_t at = 0; frame && at < len;) {
        uint8_t p[1100] = {at ? 0 : 0x10};
        size_t n = len - at < sizeof p - 1 ? len - at : sizeof p - 1;
        memcpy(p + 1, frame + at, n);
        at += n;
        lecturer_packet(l, true, at == len, l->frames * 3600, p, n + 1);
    }
}

static inline void lecturer_sizes(struct lecturer *l, bool key)
{
    uint8_t p[1000];
    for (int i = 0; i < 3; i++) {
        sizes_payload(p, i, (uint16_t)l->frames, key);
        lecturer_packet(l, true, i == 2, l->frames * 3600, p, sizes_lengths[i]);
    }
}

static inline void *lecturer_run(void *arg)
{
    struct lecturer *l = arg;
    int64_t next_us = clock_monotonic_us();
    int plis = l->rtc.plis_in;
    for (l->frames = 0; !__atomic_load_n(&l->stop, __ATOMIC_RELAXED); l->frames++, next_us += 40000) {
        bool key = l->frames % 50 == 0 || l->rtc.plis_in != plis;
        if (l->film) lecturer_film(l);
        else if (l->sizes) lecturer_sizes(l, key);
        else lecturer_picture(l, key);
        plis = l->rtc.plis_in;
        for (int i = 0; i < 2; i++)
            lecturer_packet(l, false, true, l->frames * 1920 + (uint32_t)i * 960, l->film ? (const uint8_t[]){0xf8, 0xff, 0xfe} : (const uint8_t[]){0xfc, 1, 2, 3}, l->film ? 3 : 4);
        if (l->frames % 50 == 0) rtc_client_check(&l->rtc); /* consent (RFC 7675) */
        int64_t late_us = l->frames % 9 == 8 ? 1000 * (int64_t)__atomic_load_n(&l->stumbles, __ATOMIC_RELAXED) : 0;
        while (clock_monotonic_us() < next_us + 40000 + late_us)
            rtc_client_poll(&l->rtc, 5);
    }
    return NULL;
}

/* The offer whose answer `lecturer_begin` takes. */
static inline const char *lecturer_offer(struct dtls_identity *identity)
{
    static char text[2000];
    snprintf(text, sizeof text,
             "v=0\r\no=- 42 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
             "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=ssrc:1000 cname:c\r\n"
             "m=video 9 UDP/TLS/RTP/SAVPF 97 96 98\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:cccc\r\na=ice-pwd:cccccccccccccccccccccccc\r\n"
             "a=fingerprint:sha-256 %s\r\na=setup:active\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:97 VP8/90000\r\na=rtpmap:96 H264/90000\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n"
             "a=rtcp-fb:96 nack pli\r\na=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=ssrc:2000 cname:c\r\n",
             dtls_identity_fingerprint(identity), dtls_identity_fingerprint(identity));
    return text;
}

static inline bool lecturer_begin(struct lecturer *l, struct dtls_identity *identity, const char *answer, size_t frame_bytes)
{
    struct ice_credentials theirs;
    char fingerprint[200];
    unsigned port = 0;
    const char *at;
    *l = (struct lecturer){.film = l->film, .sizes = l->sizes};
    l->frame_bytes = frame_bytes;
    if (!(at = strstr(answer, "a=ice-ufrag:")) || sscanf(at, "a=ice-ufrag:%15s", theirs.ufrag) != 1) return false;
    if (!(at = strstr(answer, "a=ice-pwd:")) || sscanf(at, "a=ice-pwd:%31s", theirs.password) != 1) return false;
    if (!(at = strstr(answer, "a=fingerprint:")) || sscanf(at, "a=fingerprint:sha-256 %199s", fingerprint) != 1) return false;
    if (!(at = strstr(answer, "a=candidate:")) || sscanf(at, "%*s 1 udp %*u 127.0.0.1 %u", &port) != 1) return false;
    if (rtc_client_open(&l->rtc, identity, (uint16_t)port, &theirs, fingerprint) || !rtc_client_connect(&l->rtc, 15000)) return false;
    return pthread_create(&l->thread, NULL, lecturer_run, l) == 0;
}

static inline void lecturer_end(struct lecturer *l)
{
    __atomic_store_n(&l->stop, 1, __ATOMIC_RELAXED);
    pthread_join(l->thread, NULL);
    rtc_client_close(&l->rtc);
}
#endif
