#include "media/rtp/rtp.h"
#include "media/rtp/bytes.h"
#include <string.h>

bool rtp_is_rtcp(const uint8_t *data, size_t len)
{
    return len >= 2 && data[1] >= 192 && data[1] <= 223;
}

int rtp_parse(const uint8_t *d, size_t len, struct rtp *out)
{
    if (len < 12 || d[0] >> 6 != 2) return ERR_MALFORMED;
    memset(out, 0, sizeof *out);
    size_t at = 12 + 4u * (d[0] & 15), end = len;
    if (at > len) return ERR_MALFORMED;
    if (d[0] & 0x10) {
        if (len - at < 4) return ERR_MALFORMED;
        size_t n = 4u * get_u16(d + at + 2);
        if (n > len - at - 4) return ERR_MALFORMED;
        out->extension_profile = get_u16(d + at);
        out->extension = d + at + 4;
        out->extension_len = n;
        at += 4 + n;
    }
    if (d[0] & 0x20) {
        size_t pad = d[len - 1];
        if (pad == 0 || pad > len - at) return ERR_MALFORMED;
        end -= pad;
    }
    out->bytes = d;
    out->len = len;
    out->marker = d[1] >> 7;
    out->payload_type = d[1] & 127;
    out->seq = get_u16(d + 2);
    out->timestamp = get_u32(d + 4);
    out->ssrc = get_u32(d + 8);
    out->payload = d + at;
    out->payload_len = end - at;
    return 0;
}

const uint8_t *rtp_extension(const struct rtp *p, uint8_t id, size_t *len)
{
    bool two = (p->extension_profile & 0xfff0) == 0x1000;
    if (id == 0 || (p->extension_profile != 0xbede && !two)) return NULL;
    const uint8_t *e = p->extension;
    for (size_t at = 0; at < p->extension_len;) {
        if (e[at] == 0) { /* padding */
            at++;
            continue;
        }
        size_t head = two ? 2 : 1, n;
        if (!two && e[at] >> 4 == 15) return NULL; /* RFC 8285 4.2: stop */
        if (at + head > p->extension_len) return NULL;
        n = two ? e[at + 1] : (e[at] & 15u) + 1;
        if (n > p->extension_len - at - head) return NULL;
        if ((two ? e[at] : e[at] >> 4) == id) {
            *len = n;
            return e + at + head;
        }
        at += head + n;
    }
    return NULL;
}

static size_t write_extensions(const struct rtp_edit *edit, uint8_t *out, size_t cap, uint16_t *number_at)
{
    bool two = edit->number_id > 14;
    size_t n = edit->number_id ? 4 : 0;
    for (size_t i = 0; i < edit->n_extensions; i++) {
        two = two || edit->extensions[i].id > 14 || edit->extensions[i].len > 16 || edit->extensions[i].len == 0;
        n += edit->extensions[i].len + 2u;
    }
    if (n + 8 > cap) return 0;
    size_t at = 4;
    for (size_t i = 0; i < edit->n_extensions; i++) {
        uint8_t id = edit->extensions[i].id, len = edit->extensions[i].len;
        if (two) {
            out[at++] = id;
            out[at++] = len;
        } else {
            out[at++] = (uint8_t)(id << 4 | (len - 1));
        }
        memcpy(out + at, edit->extensions[i].value, len);
        at += len;
    }
    if (edit->number_id) {
        out[at++] = two ? edit->number_id : (uint8_t)(edit->number_id << 4 | 1);
        if (two) out[at++] = 2;
        *number_at = (uint16_t)at;
        out[at++] = 0;
        out[at++] = 0;
    }
    while (at % 4)
        out[at++] = 0;
    put_u16(out, two ? 0x1000 : 0xbede);
    put_u16(out + 2, (uint16_t)(at / 4 - 1));
    return at;
}

static bool split_head(const struct rtp_edit *edit, bool marker, struct rtp_parts *out)
{
    bool extended = edit->n_extensions || edit->number_id;
    out->head[0] = (uint8_t)(0x80 | (extended ? 0x10 : 0));
    out->head[1] = (uint8_t)((marker ? 0x80 : 0) | edit->payload_type);
    put_u16(out->head + 2, edit->seq);
    put_u32(out->head + 4, edit->timestamp);
    put_u32(out->head + 8, edit->ssrc);
    out->head_len = 12;
    out->front_len = out->before_len = out->rest_len = out->pad_len = 0;
    out->number_at = 0;
    if (!extended) return true;
    size_t n = write_extensions(edit, out->head + 12, sizeof out->head - 12, &out->number_at);
    if (out->number_at) out->number_at = (uint16_t)(out->number_at + 12);
    out->head_len += n;
    return n != 0;
}

bool rtp_split(const struct rtp *p, const struct rtp_edit *edit, struct rtp_parts *out)
{
    if (!split_head(edit, p->marker, out)) return false;
    if (edit->rtx) {
        put_u16(out->front, edit->rtx_osn);
        out->front_len = 2;
    }
    out->rest = p->payload;
    out->rest_len = p->payload_len;
    if (p->payload_len == 0 && !edit->rtx) rtp_pad(out, 4); /* a packet without payload stays a padding packet */
    return true;
}

uint8_t *rtp_take_front(struct rtp_parts *parts, size_t n)
{
    if (n > parts->rest_len || n > RTP_FRONT_MAX - parts->front_len || parts->before_len) return NULL;
    uint8_t *at = parts->front + parts->front_len;
    memcpy(at, parts->rest, n);
    parts->front_len += n;
    parts->rest += n;
    parts->rest_len -= n;
    return at;
}

bool rtp_precede(struct rtp_parts *parts, const uint8_t *head, size_t head_len, const uint8_t *before, size_t before_len)
{
    if (parts->front_len || parts->before_len || head_len > RTP_FRONT_MAX) return false;
    memcpy(parts->front, head, head_len);
    parts->front_len = head_len;
    parts->before = before;
    parts->before_len = before_len;
    return true;
}

void rtp_pad(struct rtp_parts *parts, size_t n)
{
    memset(parts->pad, 0, n);
    parts->pad[n - 1] = parts->pad_len = (uint8_t)n;
    parts->head[0] |= 0x20;
}

size_t rtp_length(const struct rtp_parts *parts)
{
    return parts->head_len + parts->front_len + parts->before_len + parts->rest_len + parts->pad_len;
}

size_t rtp_join(const struct rtp_parts *parts, uint8_t *out, size_t cap)
{
    size_t at = 0;
    if (rtp_length(parts) > cap) return 0;
    memcpy(out, parts->head, parts->head_len);
    at += parts->head_len;
    memcpy(out + at, parts->front, parts->front_len);
    at += parts->front_len;
    if (parts->before_len) memcpy(out + at, parts->before, parts->before_len);
    at += parts->before_len;
    if (parts->rest_len) memcpy(out + at, parts->rest, parts->rest_len);
    at += parts->rest_len;
    memcpy(out + at, parts->pad, parts->pad_len);
    return at + parts->pad_len;
}

size_t rtp_padding(const struct rtp_edit *edit, uint8_t bytes, struct rtp_parts *out)
{
    static const uint8_t zeros[256];
    if (!bytes || !split_head(edit, false, out)) return 0;
    out->head[0] |= 0x20;
    out->rest = zeros;
    out->rest_len = bytes - 1u;
    out->pad[0] = bytes;
    out->pad_len = 1;
    return rtp_length(out);
}

bool rtp_unwrap_rtx(uint8_t *data, size_t *len, uint32_t ssrc, uint8_t payload_type)
{
    struct rtp p;
    if (rtp_parse(data, *len, &p) || p.payload_len < 3) return false;
    uint16_t seq = get_u16(p.payload);
    size_t at = (size_t)(p.payload - data);
    memmove(data + at, data + at + 2, p.payload_len - 2);
    *len = at + p.payload_len - 2;
    data[0] &= (uint8_t)~0x20;
    data[1] = (uint8_t)((data[1] & 0x80) | payload_type);
    put_u16(data + 2, seq);
    put_u32(data + 8, ssrc);
    return true;
}
