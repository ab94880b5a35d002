/* red - redundant audio (RFC 2198): a packet that carries what was sent before it once more, so that one that is lost is had again from the
 * next. Blocks stand oldest first, the packet's own (the primary) last. Pure. */
#ifndef YL_MEDIA_RTP_RED_H
#define YL_MEDIA_RTP_RED_H

#include "media/rtp/rtp.h"

#define RED_BLOCKS_MAX 4
#define RED_BLOCK_BYTES 1023 /* of one that is not the primary: its length has 10 bits */
#define RED_OFFSET_MAX 16383 /* its time 14 */
#define RED_HEAD_BYTES 5     /* of a packet with one block before the primary */

struct red {
    size_t n;
    struct red_block {
        uint8_t payload_type;
        uint16_t offset; /* its time is that much before the packet's */
        const uint8_t *bytes;
        size_t len;
    } blocks[RED_BLOCKS_MAX];
};

/* Takes a payload apart; ERR_MALFORMED also for more blocks than RED_BLOCKS_MAX. */
YL_CHECKED int red_parse(const uint8_t *payload, size_t len, struct red *out);
/* The packet of which this block of `from` is the copy, without its extensions. Returns its length, 0 when it does not fit. */
size_t red_restore(const struct rtp *from, const struct red_block *block, uint16_t seq, uint8_t *out, size_t cap);
/* Turns a RED packet (as parsed, in `data`) into its primary, in place; header and extensions stay. The blocks point nowhere after it. */
void red_unwrap(uint8_t *data, size_t *len, const struct rtp *packet, const struct red *red);
/* What stands before the two blocks of a packet; false: the first is too long or too old to go along. */
bool red_head(uint8_t out[RED_HEAD_BYTES], uint8_t payload_type, uint32_t offset, size_t len);
#endif
