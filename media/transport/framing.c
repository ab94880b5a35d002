#include "media/transport/framing.h"

size_t framing_next(const uint8_t *bytes, size_t n, size_t *len)
{
    if (n < FRAMING_BYTES) return 0;
    *len = (size_t)bytes[0] << 8 | bytes[1];
    return n - FRAMING_BYTES >= *len ? FRAMING_BYTES + *len : 0;
}

void framing_write(uint8_t bytes[FRAMING_BYTES], size_t len)
{
    bytes[0] = (uint8_t)(len >> 8);
    bytes[1] = (uint8_t)len;
}

bool framing_is_stun(const uint8_t *d, size_t len)
{
    return len >= 20 && d[0] < 2 && d[4] == 0x21 && d[5] == 0x12 && d[6] == 0xa4 && d[7] == 0x42;
}
