/* framing - datagrams in a byte stream (RFC 4571, as ICE over TCP uses it, RFC 6544 3): each has its length before it, 16 bits, network
 * order. Pure.
 */
#ifndef YL_MEDIA_TRANSPORT_FRAMING_H
#define YL_MEDIA_TRANSPORT_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMING_BYTES 2

/* What stands at the beginning of `bytes`: 0 = not all of it is there yet; else the length of the whole frame, FRAMING_BYTES included.
 * *len is the datagram's own; 0 is allowed and means nothing (RFC 4571 2). */
size_t framing_next(const uint8_t *bytes, size_t n, size_t *len);
void framing_write(uint8_t bytes[FRAMING_BYTES], size_t len);
/* Is this the beginning of a STUN message (RFC 8489 5), the only thing a connection may begin with? */
bool framing_is_stun(const uint8_t *datagram, size_t len);
#endif
