/* hello - puts a fragmented ClientHello together before mbedtls sees it.
 *
 * mbedtls 2.28 refuses a ClientHello split over several handshake fragments (RFC 6347 4.2.3), but the post-quantum key
 * share of today's browsers makes it larger than a datagram. The collected message is handed on as ONE record with offset 0;
 * that record may exceed the MTU, which only the DTLS library sees. The handshake transcript is over the unfragmented message,
 * so it stays valid. Fragments survive retransmissions. Pure; caller's memory.
 */
#ifndef YL_MEDIA_TRANSPORT_HELLO_H
#define YL_MEDIA_TRANSPORT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HELLO_BYTES_MAX 8192
#define HELLO_OVERHEAD 25 /* record header 13, handshake header 12 */

struct hello {
    uint16_t message_seq;
    uint32_t length;     /* of the message body; 0 = nothing collected */
    uint32_t have_bytes; /* counted by the bitmap */
    uint8_t have[HELLO_BYTES_MAX / 8];
    uint8_t record[HELLO_OVERHEAD + HELLO_BYTES_MAX];
};

enum hello_verdict {
    HELLO_PASS,     /* not our business: give the datagram to DTLS as it is */
    HELLO_HELD,     /* taken; more fragments are needed */
    HELLO_COMPLETE, /* taken; hello_record has the whole message */
    HELLO_BAD       /* nonsense: drop it */
};

void hello_init(struct hello *h);
enum hello_verdict hello_input(struct hello *h, const uint8_t *datagram, size_t len);
/* After HELLO_COMPLETE: the record, valid until the next input. */
const uint8_t *hello_record(const struct hello *h, size_t *len);
#endif
