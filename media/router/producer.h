/* producer - one incoming track: its streams (one, or up to three of simulcast), their packet rings, loss repair, reception
 * reports, keyframe wishes and audio level. It knows neither sockets nor receivers. Worker thread; sans-I/O.
 *
 * A layer is a size of the picture that a receiver can be sent, 0 the smallest. With simulcast each is a stream of its own; with VP9 SVC
 * (or a dependency descriptor) they are the spatial layers inside the one stream, each of which needs those below. Who only asks what can be had and what it
 * costs need not know which (producer_layers and what follows it); temporal layers are inside a stream both ways.
 */
#ifndef YL_MEDIA_ROUTER_PRODUCER_H
#define YL_MEDIA_ROUTER_PRODUCER_H

#include "media/media.h"
#include "media/router/ring.h"
#include "media/rtp/nack.h"
#include "media/rtp/payload.h"
#include "media/rtp/rtcp.h"

#define LAYER_TIDS 3
#define LAYER_SIDS MEDIA_RIDS_MAX

/* One media packet in a ring, read once for all receivers. */
struct packet {
    struct rtp rtp;
    uint8_t layer;
    bool key; /* a keyframe begins here */
    bool vp8;
    struct payload_frame frame; /* all 0 where nothing is said of it */
    struct {
        const uint8_t *value; /* NULL = absent */
        size_t len;
    } level, orientation, dependency;
};

struct layer { /* a stream */
    bool known; /* ssrc is known */
    uint32_t ssrc, rtx_ssrc;
    struct ring ring;
    struct nack nack;
    bool key_wanted;
    int64_t key_us, pli_us; /* last keyframe begun, last PLI sent */
    uint32_t key_timestamp, key_bytes[LAYER_SIDS]; /* of the last keyframe, and its length so far, by spatial layer */
    struct depend_structure structure; /* of dependency descriptors, as it came last */
    uint8_t spatial; /* spatial layers in it, as a keyframe said or as heard lately; 0 or 1 = it is not divided */
    uint8_t sizes;   /* the most there were: what is above `spatial` rests, or cannot be had for now */
    int64_t spatial_us[LAYER_SIDS]; /* each heard last */
    int64_t heard_us;       /* last packet, 0 = none yet */
    bool has_group; /* a keyframe came whose group of pictures may be sent to a newcomer */
    uint16_t group_seq; /* its first packet */
    uint32_t group_ts;
    enum media_codec codec;
    struct { /* bits per second by spatial and temporal layer (all in the first where there are none), 0 = nothing came yet */
        uint32_t bytes[LAYER_SIDS][LAYER_TIDS], bps[LAYER_SIDS][LAYER_TIDS];
        int64_t since_us;
    } meter;
    /* reception (RFC 3550 A.1, A.3, A.8) */
    bool counting;
    uint32_t cycles, base_seq, received, expected_prior, received_prior, jitter_q4, transit;
    uint16_t highest;
    /* sender report */
    bool has_sr;
    uint64_t sr_ntp;
    uint32_t sr_rtp;
    int64_t sr_us;
    uint64_t restored; /* by number, the last 64: had again from a later packet (RED), and not come itself so far */
    struct { /* only counted, for who looks on */
        uint32_t nacks, restored, plis;
        uint32_t size_of; /* key_timestamp that the size is of */
        uint16_t width, height;
    } told;
};

struct producer {
    struct media_track_params params;
    size_t n_layers;
    struct layer layers[MEDIA_RIDS_MAX];
    bool paused, live, stalled;
    uint8_t loudest; /* dBov since the owner last looked, 127 = silence */
    uint64_t bytes;  /* received, ever */
    uint64_t lost_period, expected_period; /* filled by reports, cleared by the owner */
    uint16_t loss_permille; /* of the last period */
};

YL_CHECKED int producer_open(struct producer *p, const struct media_track_params *params);
/* Renegotiation: new parameters; streams that keep their ssrc go on. What has another one now is bound by the caller, who knows the receivers. */
void producer_update(struct producer *p, const struct media_track_params *params);
void producer_close(struct producer *p);
/* Names the stream of a layer. True when it replaced another stream: receivers have to begin anew. */
bool producer_bind(struct producer *p, size_t layer, uint32_t ssrc);
/* The payload row of a payload type, and how that carries it; NULL = not negotiated. */
enum payload_form { PAYLOAD_PLAIN, PAYLOAD_RTX, PAYLOAD_RED };
const struct media_payload *producer_payload(const struct producer *p, uint8_t pt, enum payload_form *form);
uint32_t producer_clock(const struct producer *p);
/* A media packet (out of its RTX or RED) goes into the ring. False: duplicate or not usable, drop it. *out: what stands in the ring, valid
 * until a ring's length of later packets came. */
bool producer_input(struct producer *p, size_t layer, const struct rtp *packet, int64_t now_us, struct packet *out);
/* The number of the `back`th packet before this one that carried something: padding, by which a publisher tries his line, has numbers too. */
uint16_t producer_before(const struct producer *p, size_t layer, uint16_t seq, unsigned back);
/* Likewise one that was lost and had again from a later one, before that goes in. Reports still tell that it was lost. False also: it was not. */
bool producer_restore(struct producer *p, size_t layer, const struct rtp *packet, int64_t now_us, struct packet *out);
/* The packet of that source number again; false = gone. */
bool producer_reread(const struct producer *p, size_t layer, const uint8_t *bytes, size_t len, struct packet *out); /* one that was kept elsewhere */
bool producer_again(const struct producer *p, size_t layer, uint16_t seq, struct packet *out);
void producer_sender_report(struct producer *p, size_t layer, const struct rtcp_sender_info *info, int64_t now_us);
/* The report block of a layer, counting the interval since the last one. */
void producer_report(struct producer *p, size_t layer, int64_t now_us, struct rtcp_report *out);
/* Merged wishes: marks the layer; producer_pli_due says when to send (keyframe budget). */
void producer_want_key(struct producer *p, size_t layer);
bool producer_pli_due(struct producer *p, size_t layer, int64_t now_us);
/* The group of pictures that is being sent: source numbers of its first packet and of the newest. False: it is not whole in the ring. */
bool producer_group(const struct producer *p, size_t layer, uint16_t *first, uint16_t *last);
/* What came so far is shown to nobody who comes later. */
void producer_forget_groups(struct producer *p);
void producer_measure(struct producer *p, int64_t now_us); /* several times a second */
/* How many layers there are, also those that rest; 1 = only one size. */
size_t producer_layers(const struct producer *p);
/* Bits per second of a layer, with what it needs below, up to temporal layer `tid`, as measured (kept while it rests); 0 = never heard. */
uint32_t producer_bps(const struct producer *p, size_t layer, unsigned tid);
uint32_t producer_key_bytes(const struct producer *p, size_t layer); /* of the last keyframe with which it could begin */
bool producer_alive(const struct producer *p, size_t layer, int64_t now_us);
bool layer_alive(const struct layer *l, int64_t now_us);
uint32_t layer_bps(const struct layer *l, unsigned tid); /* of a stream, all sizes that come in it */
#endif
