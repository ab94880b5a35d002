/* DTLS from anybody who passed the ICE check: the ClientHello shim, then mbedtls behind it. */
#include "media/transport/hello.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hello h;
    hello_init(&h);
    for (size_t at = 0; at + 2 <= size;) { /* a row of datagrams: length (2), bytes */
        size_t n = (size_t)data[at] << 8 | data[at + 1], len;
        if (n > size - at - 2) n = size - at - 2;
        uint8_t *copy = malloc(n ? n : 1);
        memcpy(copy, data + at + 2, n);
        if (hello_input(&h, copy, n) == HELLO_COMPLETE && (hello_record(&h, &len)[13] != 1 || len > sizeof h.record)) abort();
        free(copy);
        at += 2 + n;
    }
    return 0;
}
