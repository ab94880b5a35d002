#include "server/sdp/sdp_codec.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define KEPT_MAX 3

static const struct {
    const char *rtpmap;
    enum media_kind kind;
    const char *kept[KEPT_MAX]; /* fmtp parameters, in the order written */
} codecs[MEDIA_CODEC_COUNT] = {
    [MEDIA_OPUS] = {"opus/48000/2", MEDIA_AUDIO, {"minptime", "useinbandfec"}},
    [MEDIA_VP8] = {"VP8/90000", MEDIA_VIDEO, {NULL}},
    [MEDIA_VP9] = {"VP9/90000", MEDIA_VIDEO, {"profile-id"}},
    [MEDIA_H264] = {"H264/90000", MEDIA_VIDEO, {"level-asymmetry-allowed", "packetization-mode", "profile-level-id"}},
    [MEDIA_AV1] = {"AV1/90000", MEDIA_VIDEO, {"level-idx", "profile", "tier"}},
};

const char sdp_red_rtpmap[] = "red/48000/2";

const struct sdp_extension sdp_extensions[SDP_EXTENSIONS] = {
    {"urn:ietf:params:rtp-hdrext:sdes:mid", 4, true, true},
    {"urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", 10, false, false},
    {"urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", 11, false, false},
    {"urn:ietf:params:rtp-hdrext:ssrc-audio-level", 1, true, false},
    {"http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", 3, true, true},
    {"http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time", 2, true, true},
    {"https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension", 12, false, true},
    {"urn:3gpp:video-orientation", 13, false, true},
};

uint8_t *sdp_extension_slot(struct media_extensions *x, size_t i)
{
    uint8_t *const slots[SDP_EXTENSIONS] = {&x->mid, &x->rid, &x->repaired_rid, &x->audio_level,
                                            &x->transport_cc, &x->abs_send_time, &x->dependency_descriptor, &x->orientation};
    return slots[i];
}

const char *sdp_codec_rtpmap(enum media_codec codec)
{
    return codecs[codec].rtpmap;
}

enum media_kind sdp_codec_kind(enum media_codec codec)
{
    return codecs[codec].kind;
}

bool sdp_codec_find(const char *rtpmap, enum media_kind kind, enum media_codec *out)
{
    for (int c = 0; c < MEDIA_CODEC_COUNT; c++)
        if (codecs[c].kind == kind && strcasecmp(codecs[c].rtpmap, rtpmap) == 0) {
            *out = (enum media_codec)c;
            return true;
        }
    return false;
}

/* The value of one parameter of "a=1; b=2", in lower case; "" when it is absent or not a plain word. */
static void parameter(const char *fmtp, const char *name, char value[16])
{
    size_t n = strlen(name), v;
    value[0] = 0;
    for (const char *at = fmtp; at; at = strchr(at, ';')) {
        at += strspn(at, "; \t");
        if (strncasecmp(at, name, n) || at[n] != '=') continue;
        at += n + 1;
        for (v = 0; v < 15 && isalnum((unsigned char)at[v]); v++)
            value[v] = (char)tolower((unsigned char)at[v]);
        value[at[v] && !strchr("; \t", at[v]) ? 0 : v] = 0;
        return;
    }
}

static bool carried(enum media_codec codec, const char *fmtp)
{
    char value[16], mode[16];
    switch (codec) {
    case MEDIA_H264:
        parameter(fmtp, "packetization-mode", mode);
        parameter(fmtp, "profile-level-id", value);
        return strcmp(mode, "1") == 0 && (!value[0] || (strlen(value) == 6 && strncmp(value, "42", 2) == 0));
    case MEDIA_VP9: parameter(fmtp, "profile-id", value); break;
    case MEDIA_AV1: parameter(fmtp, "profile", value); break;
    default: return true;
    }
    return !value[0] || strcmp(value, "0") == 0;
}

bool sdp_codec_fmtp(enum media_codec codec, const char *fmtp, char out[128])
{
    char value[16];
    size_t n = 0;
    out[0] = 0;
    if (!fmtp) fmtp = "";
    if (!carried(codec, fmtp)) return false;
    for (size_t i = 0; i < KEPT_MAX && codecs[codec].kept[i]; i++) {
        parameter(fmtp, codecs[codec].kept[i], value);
        if (value[0]) n += (size_t)snprintf(out + n, 128 - n, "%s%s=%s", n ? ";" : "", codecs[codec].kept[i], value);
    }
    return true;
}
