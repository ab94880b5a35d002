/* Frames of ICE over TCP (RFC 4571), as streams.c takes them from anybody who can reach the port: however the bytes are cut, the same
 * datagrams come out, and what they hold is asked whether it is STUN. */
#include "media/transport/framing.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0, len, whole, total = 0;
    while ((whole = framing_next(data + at, size - at, &len))) {
        if (whole != len + FRAMING_BYTES || whole > size - at) abort();
        uint8_t head[FRAMING_BYTES], *copy = malloc(len ? len : 1);
        framing_write(head, len);
        if (memcmp(head, data + at, FRAMING_BYTES) != 0) abort();
        memcpy(copy, data + at + FRAMING_BYTES, len); /* of its own size, so that a reader past the end is seen */
        total += framing_is_stun(copy, len);
        free(copy);
        at += whole;
    }
    return total > size ? 1 : 0;
}
