/* rtp - RTP headers (RFC 3550), header extensions (RFC 8285) and RTX (RFC 4588): read, edit, rewrite. Pure. */
#ifndef YL_MEDIA_RTP_RTP_H
#define YL_MEDIA_RTP_RTP_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTP_PACKET_MAX 1500

struct rtp { /* a parsed packet; points into its bytes */
    const uint8_t *bytes;
    size_t len;
    uint8_t payload_type;
    bool marker;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    uint16_t extension_profile; /* 0xbede one-byte, 0x100x two-byte, 0 = none */
    const uint8_t *extension;
    size_t extension_len;
    const uint8_t *payload;
    size_t payload_len; /* without padding */
};

/* True for RTCP among what shares the port (RFC 5761). */
bool rtp_is_rtcp(const uint8_t *data, size_t len);
YL_CHECKED int rtp_parse(const uint8_t *data, size_t len, struct rtp *out);
/* The value of one extension; NULL when id is 0 or it is absent. */
const uint8_t *rtp_extension(const struct rtp *p, uint8_t id, size_t *len);

struct rtp_edit { /* how a copy differs from its source */
    uint8_t payload_type;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    bool rtx; /* put the original sequence number before the payload (RFC 4588) ... */
    uint16_t rtx_osn; /* ... this one */
    size_t n_extensions;
    struct {
        uint8_t id;
        uint8_t len;
        const uint8_t *value;
    } extensions[6];
    uint8_t number_id; /* of the transport-wide number; its value follows when the packet is sent; 0 = none */
};
#define RTP_HEAD_MAX 320
#define RTP_FRONT_MAX 16
#define RTP_PAD_MAX 12

/* A copy that is not put together yet, so that it can be sealed straight from the source's payload. */
struct rtp_parts {
    size_t head_len, front_len, rest_len;
    const uint8_t *rest;          /* in the source packet */
    size_t before_len;
    const uint8_t *before;        /* between front and rest: of an earlier packet, which stands there too (RED) */
    uint8_t head[RTP_HEAD_MAX];   /* header and extensions */
    uint8_t front[RTP_FRONT_MAX]; /* the first payload bytes, where they differ from the source's */
    uint8_t pad[RTP_PAD_MAX], pad_len;
    uint16_t number_at; /* where in the head the transport-wide number goes, 0 = it has none; written last, in the order of sending */
};
/* One-byte extensions unless one needs the two-byte form; false when they do not fit. */
YL_CHECKED bool rtp_split(const struct rtp *p, const struct rtp_edit *edit, struct rtp_parts *out);
/* Moves the first n bytes of `rest` to `front`, to be changed there; returns where they begin, NULL when they do not fit. */
uint8_t *rtp_take_front(struct rtp_parts *parts, size_t n);
/* `head` and an earlier packet's payload go before this one's; false: nothing was changed, the first bytes are changed already. */
bool rtp_precede(struct rtp_parts *parts, const uint8_t *head, size_t head_len, const uint8_t *before, size_t before_len);
/* RFC 3550 5.1: n bytes of padding, 1 to RTP_PAD_MAX, on a packet that has none. */
void rtp_pad(struct rtp_parts *parts, size_t n);
size_t rtp_length(const struct rtp_parts *parts);
/* The whole packet; 0 when it does not fit. */
size_t rtp_join(const struct rtp_parts *parts, uint8_t *out, size_t cap);
/* A packet of nothing but padding (RFC 3550 5.1), `bytes` of it (1 to 255); edit without rtx. 0 when it does not fit. */
size_t rtp_padding(const struct rtp_edit *edit, uint8_t bytes, struct rtp_parts *parts);
/* Turns an RTX packet into the packet it repeats, in place; false when it carries none (padding). */
bool rtp_unwrap_rtx(uint8_t *data, size_t *len, uint32_t ssrc, uint8_t payload_type);
#endif
