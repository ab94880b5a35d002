/* sdp - session descriptions as text <-> the media plane's typed parameters. Pure: no state, no clock, no I/O.
 *
 * Hides the grammar (RFC 8866), the offer/answer rules of browsers (RFC 8829, 3264), BUNDLE (9143), rtcp-mux (5761), ICE and DTLS
 * attributes (8839, 8842), header extensions (8285), RTX (4588), RED of voices (2198), simulcast (8853, rid 8851) and msid (8830). One transport per
 * description: everything is bundled, and a description that does not bundle is refused.
 * Everything from outside is bounded: text SDP_TEXT_MAX bytes, SDP_MEDIA_MAX m-lines; a fault names the line ("sdp:12") or the member.
 */
#ifndef YL_SERVER_SDP_SDP_H
#define YL_SERVER_SDP_SDP_H

#include "media/media.h"
#include <stdio.h>

#define SDP_TEXT_MAX 196608 /* 128 m-lines as Chromium answers them; fits a signaling message */
#define SDP_MEDIA_MAX 128

enum sdp_direction { SDP_INACTIVE = 0, SDP_SENDONLY = 1, SDP_RECVONLY = 2, SDP_SENDRECV = 3 }; /* bits: 1 sends, 2 receives */
enum sdp_setup { SDP_ACTPASS, SDP_ACTIVE, SDP_PASSIVE };

struct sdp_media { /* one m-line, as its writer sees it */
    enum media_kind kind;
    bool rejected;              /* port 0 (without bundle-only), or a kind we do not carry (application, text, RTP/AVP) */
    char name[16], proto[40], format[40]; /* of the m-line (its first format), kept so that what we reject is repeated as it came */
    char mid[16];               /* "" = the writer gave none; only an encoder with one m-line may */
    enum sdp_direction direction;
    size_t n_payloads;
    struct media_payload payloads[MEDIA_CODECS_MAX]; /* only codecs of enum media_codec, the writer's favourite first; H.264: packetization-mode 1
                                                        and (constrained) baseline only, so that whoever receives it can decode it */
    struct media_extensions extensions;
    uint32_t ssrc, rtx_ssrc;    /* a=ssrc, a=ssrc-group:FID; 0 = not said */
    size_t n_rids;              /* a=simulcast: layers in the order written = lowest first; of more than fit the first are taken */
    char rids[MEDIA_RIDS_MAX][16];
    char stream[64], track[64]; /* a=msid; "" = none. Chromium refuses the same pair on two m-lines */
};

struct sdp {
    uint64_t session_id, version; /* o= */
    bool mixed;                   /* a=extmap-allow-mixed: one- and two-byte extensions together (RFC 8285 6); answered only where offered */
    bool ice_lite;                /* read: nobody would check connectivity if both sides were lite */
    enum sdp_setup setup;         /* not said counts as actpass */
    char ufrag[260], password[260];
    char fingerprint[100];        /* "AA:BB:.." of sha-256: media_fingerprint() without its first word */
    size_t n_candidates;          /* written, not read: an ICE-lite side has no use for the peer's */
    struct media_candidate candidates[MEDIA_CANDIDATES_MAX];
    size_t n_media;
    struct sdp_media media[SDP_MEDIA_MAX];
};

/* Takes apart what a browser or encoder sent. ERR_INVALID with the line in f when it is not a description that we can carry: no ICE
 * credentials, no SHA-256 fingerprint, not bundled, no rtcp-mux, a mid twice. The transport is that of the first m-line that can be
 * carried, since the BUNDLE group of our answer begins with it (RFC 9143 7.3). f's field is "sdp:<line>" ("sdp" for the whole) with
 * the reason; f is cleared first. ERR_INTERNAL: out of memory. *out is the caller's (sdp_free; it is large, about 180 kB); NULL on
 * error. */
YL_CHECKED int sdp_parse(struct sdp **out, const char *text, size_t len, struct fault *f);
struct sdp *sdp_new(void); /* empty, for writing; NULL: out of memory */
void sdp_free(struct sdp *s);

/* The text of a description, malloc'd; NULL: out of memory. Every m-line that is not rejected repeats the transport; the first carries
 * the candidates. Layers are written as "send" on a sendonly m-line, else as "recv"; RED stands first where we receive, so that it is what is
 * sent to us. */
char *sdp_write(const struct sdp *s);
/* The lines of our candidates, and that there are no more. */
void sdp_write_candidates(FILE *o, const struct media_candidate *c, size_t n);

/* Our m-line in answer to `offered`: we receive when it sends and `may` has SDP_RECVONLY, we send when it receives and `may` has
 * SDP_SENDONLY. Payloads, extensions (those we know, with the offer's numbers) and rids are taken over; codecs with the offer's payload
 * types (RFC 3264 6.1); who sends to us is asked for the dependency descriptor only where AV1, whose payload does not say its layers, comes first. Rejected when nothing is left. ssrc, stream and track stay empty: whoever sends fills them in. */
void sdp_answer_media(const struct sdp_media *offered, enum sdp_direction may, struct sdp_media *out);

/* An m-line of an offer of ours: every codec of that kind with our fixed payload types (Chromium's numbers), RTX for video, RED for audio, our extension
 * numbers. `kind`, `mid`, direction sendonly are set; the caller fills ssrc, rtx_ssrc, stream, track. */
void sdp_offer_media(enum media_kind kind, const char *mid, struct sdp_media *out);
/* The payloads of that codec first, in their order: whoever sends takes the first that it can (RFC 3264 6.1). */
void sdp_prefer(struct sdp_media *m, enum media_codec codec);

/* ---- to the media plane's parameters ---- */
/* Peer: credentials, fingerprint and DTLS role from what the other side said; local_* and ids are the caller's. */
void sdp_to_peer(const struct sdp *remote, struct media_peer_params *out);
/* Track: what arrives on this m-line, with the negotiated numbers (those of our answer). Ids are the caller's. */
void sdp_to_track(const struct sdp_media *offered, const struct sdp_media *answer, struct media_track_params *out);
/* Feed: what we send on `ours` and the other side accepted in `theirs` (their payload types and extension numbers hold). SSRCs are those
 * of `ours`; ids, paused are the caller's. false = they take nothing on it (rejected, inactive, no codec left). */
bool sdp_to_feed(const struct sdp_media *ours, const struct sdp_media *theirs, struct media_feed_params *out);
#endif
