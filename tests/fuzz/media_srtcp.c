/* SRTCP from the network: nothing is authentic here, nothing may be read or written beyond the packet. The first byte picks the profile. */
#include "media/transport/srtp_reports.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct srtp_session_keys keys = {{1, 2, 3}, {4, 5}, {6}};
    struct srtp_reports *r;
    if (size < 1 || srtp_reports_new(&r, data[0] & 1 ? DTLS_PROFILE_GCM128 : DTLS_PROFILE_CM80, &keys)) return 0;
    size_t len = size - 1, n = len;
    uint8_t *exact = malloc(len ? len : 1); /* so that the sanitizer sees one byte too many */
    memcpy(exact, data + 1, len);
    if (srtp_reports_open(r, exact, &n) == 0 && n > len) abort();
    free(exact);
    srtp_reports_free(r);
    return 0;
}
