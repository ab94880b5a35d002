/* consumer - one outgoing copy of a track: which layer it shows and how numbers, times and ids are rewritten, so that the receiver
 * sees one unbroken stream across layer switches, pauses and restarted publishers. Worker thread; sans-I/O; no allocation.
 */
#ifndef YL_MEDIA_ROUTER_CONSUMER_H
#define YL_MEDIA_ROUTER_CONSUMER_H

#include "media/router/producer.h"

#define CONSUMER_SPANS 32
#define CONSUMER_RESENDS 32

/* How numbers were rewritten from our number `first` on (with its rollovers), until the next span begins. */
struct consumer_span {
    uint64_t first;
    uint16_t seq_offset, pid_offset; /* ours = source - offset */
    uint8_t layer, tl0_offset;
    uint8_t sid, tid; /* highest that were sent */
    uint32_t ts_offset;
    bool squeezed; /* its source times before `squeeze_end` are 64 times as close together; see replay.h */
    uint32_t squeeze_end;
};

struct consumer_row { /* how a codec of the source is called by this receiver */
    uint8_t source, ours, rtx, red; /* payload types; rtx, red 0 = none */
};

struct consumer { /* what a packet needs comes first: with hundreds of receivers none of it is in the cache */
    int layer;      /* stream shown now, -1 = waits for a keyframe */
    uint8_t sid;    /* highest spatial layer sent of it; see consumer_layer */
    uint8_t wanted; /* highest layer wished */
    uint8_t cap;    /* highest layer that the receiver's line carries: as allotted, or from its loss reports where nothing is allotted */
    uint8_t tid_cap, tid; /* highest temporal layer allotted, and sent now (it rises where the stream allows it) */
    bool held;      /* nothing of it fits the line now, but for stills */
    bool allotted;  /* cap, tid_cap and held come from the allocator */
    bool sent_any;
    bool red;       /* a voice is sent with the packet before it once more, where the receiver takes that */
    uint16_t high_seq;  /* highest source number sent or left out */
    uint64_t since;     /* source numbers from the last switch to it: what is older was shown before */
    struct {            /* frames of higher layers, being left out: their numbers close up behind them */
        bool on;
        uint16_t first, last, pid_first, pid_last;
    } gap;
    uint32_t n_spans; /* ever begun since the last break of the numbering; the last CONSUMER_SPANS are kept */
    struct consumer_span now;
    struct {
        bool on, stepping;
        uint8_t layer;
        uint16_t next; /* source number */
    } replay;
    uint64_t last; /* our highest number, with its rollovers: 16 bits cannot tell what was half a round ago from what comes */
    uint16_t rtx_seq;
    uint16_t said; /* source number of the last packet of a voice that was sent, while `has_said` */
    uint32_t last_ts;
    int64_t last_us;
    uint16_t last_pid;
    uint8_t last_tl0;
    uint32_t packets, octets;
    uint8_t n_rows; /* 0: this receiver takes none of the source's codecs */
    uint8_t mid_len;
    bool audio;
    bool has_said;
    uint64_t bytes;
    struct consumer_row rows[MEDIA_CODECS_MAX];
    struct media_feed_params params; /* its payloads stand last */
    struct consumer_span spans[CONSUMER_SPANS];
    struct {
        uint16_t seq;
        int64_t us;
    } resent[CONSUMER_RESENDS];
    struct { /* while held: single keyframes, each the whole picture */
        int64_t every_us, due_us; /* 0 = none; when the next may begin */
        bool any, begun;          /* `timestamp` is one's; its first packet was sent */
        uint32_t timestamp;
    } still;
    uint8_t fraction_lost;
    uint32_t jitter;
    int64_t good_since_us;
};

void consumer_init(struct consumer *c, const struct media_feed_params *params, const struct producer *p);
void consumer_update(struct consumer *c, const struct producer *p); /* the track was renegotiated */
/* The layer that is shown, whether it is a stream or inside one; -1 = none. */
int consumer_layer(const struct consumer *c, const struct producer *p);
/* The stream that should be shown: the highest that is alive and wished; -1 when none is. */
int consumer_target(const struct consumer *c, const struct producer *p, int64_t now_us);
/* True when a keyframe of stream *layer is needed before anything, or a larger picture, can be shown. */
bool consumer_needs_key(const struct consumer *c, const struct producer *p, int64_t now_us, size_t *layer);
/* The time that a source time becomes under a span. */
static inline uint32_t consumer_time(const struct consumer_span *s, uint32_t ts)
{
    uint32_t before = s->squeeze_end - ts;
    if (s->squeezed && before < 0x80000000u) ts = s->squeeze_end - before / 64;
    return ts - s->ts_offset;
}
/* The copy of one packet for this receiver; false = nothing to send. */
bool consumer_forward(struct consumer *c, const struct producer *p, const struct packet *packet, int64_t now_us, struct rtp_parts *out);
/* True when a packet of this source stream is sent now or begins to be: others need not wait in a queue. */
bool consumer_follows(const struct consumer *c, const struct producer *p, size_t layer, int64_t now_us);
/* True when a copy may be padded: it could be asked for again under the same number only where RTX is not agreed on, and then it must
 * be the same to the bit (an SRTP index never protects two different packets). */
bool consumer_may_pad(const struct consumer *c, const struct packet *packet);
/* The packet with our number `seq` again (as RTX when negotiated); false = gone, or it was sent again just now. */
bool consumer_resend(struct consumer *c, const struct producer *p, uint16_t seq, int64_t now_us, struct rtp_parts *out);
/* The numbers go on behind what this SSRC already sent in an earlier feed. */
void consumer_go_on(struct consumer *c, uint16_t last_seq);
void consumer_rtx_go_on(struct consumer *c, uint16_t last_seq);
/* What was sent cannot be sent again: the source is another stream now, or the copies would look different. */
void consumer_forget(struct consumer *c);
void consumer_break(struct consumer *c); /* what comes next does not continue what was sent: wait for a keyframe */
/* What the receiver's line has room for: layer -1 = nothing. `at_once`: what is shown and above that stops now, before the keyframe. */
void consumer_allot(struct consumer *c, int layer, uint8_t tid, bool at_once);
/* While it is held: a keyframe about every so often, all receivers at the same time; 0 = none. */
void consumer_stills(struct consumer *c, int64_t every_us);
bool consumer_still_due(const struct consumer *c, int64_t now_us); /* a keyframe is needed for it */
/* True when a packet is one of what is sent of it: all where it is not held, else those of stills; one may begin with it. */
bool consumer_takes(struct consumer *c, const struct packet *packet, int64_t now_us);
/* A reception report about this feed: moves the layer cap, unless it is allotted. */
void consumer_report(struct consumer *c, const struct producer *p, const struct rtcp_report *r, int64_t now_us);
/* Our sender report at UTC-NTP `ntp`; `offset` = our clock minus the publisher's. False: nothing sent yet. */
bool consumer_sender_info(const struct consumer *c, const struct producer *p, uint64_t ntp, int64_t offset,
                          int64_t now_us, struct rtcp_sender_info *out);
#endif
