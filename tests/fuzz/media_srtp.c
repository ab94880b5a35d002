/* SRTP from the network, as media_srtcp: the first byte picks the profile, the rest are packets with two bytes of length before each; one object opens them all. */
#include "media/rtp/bytes.h"
#include "media/transport/srtp_unseal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct srtp_session_keys keys = {{1, 2, 3}, {4, 5}, {6}};
    struct srtp_unseal *u;
    if (size < 1 || srtp_unseal_new(&u, data[0] & 1 ? DTLS_PROFILE_GCM128 : DTLS_PROFILE_CM80, &keys)) return 0;
    for (size_t at = 1; at + 2 <= size;) {
        size_t len = get_u16(data + at), n;
        at += 2;
        if (len > size - at) len = size - at;
        uint8_t *exact = malloc(len ? len : 1); /* so that the sanitizer sees one byte too many */
        memcpy(exact, data + at, len);
        n = len;
        if (srtp_unseal_packet(u, exact, &n) == 0 && n >= len) abort();
        free(exact);
        at += len;
    }
    srtp_unseal_free(u);
    return 0;
}
