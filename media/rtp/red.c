#include "media/rtp/red.h"
#include "media/rtp/bytes.h"
#include <string.h>

int red_parse(const uint8_t *d, size_t len, struct red *out)
{
    size_t at = 0;
    for (out->n = 0; at < len && d[at] & 0x80; at += 4, out->n++) {
        if (len - at < 4 || out->n == RED_BLOCKS_MAX - 1) return ERR_MALFORMED;
        uint32_t head = get_u32(d + at);
        out->blocks[out->n] = (struct red_block){.payload_type = head >> 24 & 127, .offset = head >> 10 & RED_OFFSET_MAX, .len = head & RED_BLOCK_BYTES};
    }
    if (at == len) return ERR_MALFORMED;
    out->blocks[out->n++] = (struct red_block){.payload_type = d[at++]};
    for (size_t i = 0; i < out->n; i++) {
        struct red_block *b = &out->blocks[i];
        if (i == out->n - 1) b->len = len - at;
        if (b->len > len - at) return ERR_MALFORMED;
        b->bytes = d + at;
        at += b->len;
    }
    return 0;
}

size_t red_restore(const struct rtp *from, const struct red_block *b, uint16_t seq, uint8_t *out, size_t cap)
{
    if (!b->len || cap < 12 || b->len > cap - 12) return 0;
    out[0] = 0x80;
    out[1] = b->payload_type;
    put_u16(out + 2, seq);
    put_u32(out + 4, from->timestamp - b->offset);
    put_u32(out + 8, from->ssrc);
    memcpy(out + 12, b->bytes, b->len);
    return 12 + b->len;
}

void red_unwrap(uint8_t *data, size_t *len, const struct rtp *packet, const struct red *red)
{
    const struct red_block *primary = &red->blocks[red->n - 1];
    size_t at = (size_t)(packet->payload - packet->bytes);
    memmove(data + at, primary->bytes, primary->len);
    *len = at + primary->len;
    data[0] &= (uint8_t)~0x20; /* padding stood behind it */
    data[1] = (uint8_t)((data[1] & 0x80) | primary->payload_type);
}

bool red_head(uint8_t out[RED_HEAD_BYTES], uint8_t payload_type, uint32_t offset, size_t len)
{
    if (!len || len > RED_BLOCK_BYTES || !offset || offset > RED_OFFSET_MAX) return false;
    put_u32(out, 0x80000000u | (uint32_t)payload_type << 24 | offset << 10 | (uint32_t)len);
    out[4] = payload_type;
    return true;
}
