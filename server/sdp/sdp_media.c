/* Offer and answer of one m-line, and what they mean for the media plane. */
#include "server/sdp/sdp.h"
#include "server/sdp/sdp_codec.h"
#include <stdio.h>
#include <string.h>

#define OPUS_FMTP "minptime=10;useinbandfec=1" /* what we ask of whoever sends us Opus (RFC 7587 6.1) */

static void name_format(struct sdp_media *m)
{
    uint8_t first = m->payloads[0].payload_type;
    for (size_t i = m->n_payloads; m->direction & SDP_RECVONLY && i-- > 0;) /* as sdp_write orders them */
        if (m->payloads[i].red_payload_type) first = m->payloads[i].red_payload_type;
    snprintf(m->format, sizeof m->format, "%u", first);
}

/* An inactive m-line keeps its layers: Chromium drops for good those that one answer leaves out. Without the RID extension nobody could
 * tell them apart. */
static void answer_layers(const struct sdp_media *offered, struct sdp_media *out)
{
    if (offered->direction == SDP_RECVONLY || out->direction == SDP_SENDONLY || !offered->extensions.rid) return;
    out->n_rids = offered->n_rids;
    memcpy(out->rids, offered->rids, sizeof out->rids);
}

void sdp_answer_media(const struct sdp_media *offered, enum sdp_direction may, struct sdp_media *out)
{
    struct sdp_media m = {.kind = offered->kind, .rejected = offered->rejected || !offered->n_payloads};
    memcpy(m.name, offered->name, sizeof m.name);
    memcpy(m.proto, offered->proto, sizeof m.proto);
    memcpy(m.format, offered->format, sizeof m.format);
    memcpy(m.mid, offered->mid, sizeof m.mid);
    if (!m.rejected) {
        bool receive = (offered->direction & SDP_SENDONLY) && (may & SDP_RECVONLY);
        bool send = (offered->direction & SDP_RECVONLY) && (may & SDP_SENDONLY);
        m.direction = receive && send ? SDP_SENDRECV : receive ? SDP_RECVONLY : send ? SDP_SENDONLY : SDP_INACTIVE;
        m.n_payloads = offered->n_payloads;
        memcpy(m.payloads, offered->payloads, sizeof m.payloads);
        for (size_t i = 0; i < m.n_payloads; i++)
            if (m.payloads[i].codec == MEDIA_OPUS) snprintf(m.payloads[i].fmtp, sizeof m.payloads[i].fmtp, OPUS_FMTP);
        m.extensions = offered->extensions;
        if (receive && m.payloads[0].codec != MEDIA_AV1) m.extensions.dependency_descriptor = 0;
        answer_layers(offered, &m);
        name_format(&m);
    }
    *out = m;
}

void sdp_prefer(struct sdp_media *m, enum media_codec codec)
{
    size_t to = 0;
    for (size_t i = 0; i < m->n_payloads; i++) {
        struct media_payload p = m->payloads[i];
        if (p.codec != codec) continue;
        memmove(&m->payloads[to + 1], &m->payloads[to], (i - to) * sizeof p);
        m->payloads[to++] = p;
    }
    if (to && !m->rejected) name_format(m);
}

void sdp_offer_media(enum media_kind kind, const char *mid, struct sdp_media *out)
{
    static const struct media_payload ours[] = {
        {MEDIA_OPUS, 111, 0, OPUS_FMTP, .red_payload_type = 63},
        {MEDIA_VP8, 96, 97, ""},
        {MEDIA_H264, 108, 109, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
        {MEDIA_VP9, 98, 99, "profile-id=0"},
        {MEDIA_AV1, 45, 46, "level-idx=5;profile=0;tier=0"},
    };
    struct sdp_media m = {.kind = kind, .direction = SDP_SENDONLY, .proto = "UDP/TLS/RTP/SAVPF"};
    snprintf(m.name, sizeof m.name, "%s", kind == MEDIA_VIDEO ? "video" : "audio");
    snprintf(m.mid, sizeof m.mid, "%s", mid);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (sdp_codec_kind(ours[i].codec) == kind) m.payloads[m.n_payloads++] = ours[i];
    for (size_t i = 0; i < SDP_EXTENSIONS; i++)
        if (kind == MEDIA_VIDEO ? sdp_extensions[i].video : sdp_extensions[i].audio)
            *sdp_extension_slot(&m.extensions, i) = sdp_extensions[i].ours;
    name_format(&m);
    *out = m;
}

/* RFC 8842 5.3: whoever says passive waits for our ClientHello; otherwise we wait for theirs. */
void sdp_to_peer(const struct sdp *remote, struct media_peer_params *out)
{
    memcpy(out->remote_ufrag, remote->ufrag, sizeof out->remote_ufrag);
    memcpy(out->remote_password, remote->password, sizeof out->remote_password);
    memcpy(out->remote_fingerprint, remote->fingerprint, sizeof out->remote_fingerprint);
    out->dtls_client = remote->setup == SDP_PASSIVE;
}

/* With layers the SSRCs are learned from MID and RID: those in the text do not say which layer they are. */
void sdp_to_track(const struct sdp_media *offered, const struct sdp_media *answer, struct media_track_params *out)
{
    out->kind = answer->kind;
    memcpy(out->mid, answer->mid, sizeof out->mid);
    out->n_payloads = answer->n_payloads;
    memcpy(out->payloads, answer->payloads, sizeof out->payloads);
    out->extensions = answer->extensions;
    out->n_rids = answer->n_rids;
    memcpy(out->rids, answer->rids, sizeof out->rids);
    out->ssrc = answer->n_rids ? 0 : offered->ssrc;
    out->rtx_ssrc = answer->n_rids ? 0 : offered->rtx_ssrc;
}

static const struct media_payload *row_of(const struct sdp_media *m, enum media_codec codec)
{
    for (size_t i = 0; i < m->n_payloads; i++)
        if (m->payloads[i].codec == codec) return &m->payloads[i];
    return NULL;
}

/* RFC 3264 5.1, 6.1: the receiver's payload types hold for what is sent to it. One plain stream is sent, so there is no RID. */
bool sdp_to_feed(const struct sdp_media *ours, const struct sdp_media *theirs, struct media_feed_params *out)
{
    struct media_extensions mine = ours->extensions, other = theirs->extensions;
    bool rtx = false;
    out->n_payloads = 0;
    memset(out->payloads, 0, sizeof out->payloads);
    memset(&out->extensions, 0, sizeof out->extensions);
    memcpy(out->mid, ours->mid, sizeof out->mid);
    out->ssrc = ours->ssrc;
    out->rtx_ssrc = 0;
    if (ours->rejected || theirs->rejected || !(ours->direction & SDP_SENDONLY) || !(theirs->direction & SDP_RECVONLY)) return false;
    for (size_t i = 0; i < theirs->n_payloads; i++) {
        const struct media_payload *row = row_of(ours, theirs->payloads[i].codec);
        if (!row) continue;
        struct media_payload *to = &out->payloads[out->n_payloads++];
        *to = theirs->payloads[i];
        if (!row->rtx_payload_type) to->rtx_payload_type = 0;
        if (!row->red_payload_type) to->red_payload_type = 0;
        rtx = rtx || to->rtx_payload_type;
    }
    for (size_t i = 0; i < SDP_EXTENSIONS; i++)
        if (*sdp_extension_slot(&mine, i)) *sdp_extension_slot(&out->extensions, i) = *sdp_extension_slot(&other, i);
    out->extensions.rid = out->extensions.repaired_rid = 0;
    if (rtx) out->rtx_ssrc = ours->rtx_ssrc;
    return out->n_payloads > 0;
}
