/* A RED payload from anybody who sends a voice: blocks stay inside it and make packets; the primary takes its place in the packet. */
#include "media/rtp/red.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtp r, part;
    struct red red;
    if (size > RTP_PACKET_MAX) return 0;
    uint8_t *packet = malloc(12 + size), whole[12 + RED_BLOCK_BYTES]; /* of its own size, so that a reader past the end is seen */
    size_t len = 12 + size;
    memcpy(packet, (const uint8_t[12]){0x80, 63, 0, 1, 0, 0, 4, 0, 0, 0, 0, 9}, 12);
    if (size) memcpy(packet + 12, data, size);
    if (rtp_parse(packet, len, &r) || red_parse(r.payload, r.payload_len, &red)) {
        free(packet);
        return 0;
    }
    if (red.n < 1 || red.n > RED_BLOCKS_MAX) abort();
    size_t bytes = 0;
    for (size_t i = 0; i < red.n; i++) {
        const struct red_block *b = &red.blocks[i];
        if (b->bytes < r.payload || b->bytes + b->len > packet + len) abort();
        bytes += b->len;
        if (i + 1 == red.n) continue;
        size_t n = red_restore(&r, b, (uint16_t)(r.seq - (red.n - 1 - i)), whole, sizeof whole);
        if (!n != !b->len || (n && (rtp_parse(whole, n, &part) || part.payload_len != b->len || part.ssrc != r.ssrc))) abort();
    }
    size_t primary = red.blocks[red.n - 1].len;
    if (bytes + 4 * (red.n - 1) + 1 != size) abort(); /* nothing is left over */
    red_unwrap(packet, &len, &r, &red);
    if (rtp_parse(packet, len, &part) || part.payload_len != primary) abort();
    free(packet);
    return 0;
}
