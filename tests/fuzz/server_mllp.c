/* The framing of MLLP: however the bytes are cut into reads, the same messages come out. */
#include "server/net/mllp.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t run(const char *data, size_t size, size_t step)
{
    struct mllp m;
    uint64_t sum = 1469598103934665603ull;
    mllp_init(&m, 100);
    for (size_t at = 0; at < size; at += step) {
        const char *p = data + at;
        size_t left = size - at < step ? size - at : step;
        enum mllp_event e;
        while ((e = mllp_take(&m, &p, &left)) != MLLP_MORE) {
            if (e == MLLP_MESSAGE && m.len > 100)
                abort();
            for (size_t i = 0; e == MLLP_MESSAGE && i < m.len; i++)
                sum = (sum ^ (uint8_t)m.bytes[i]) * 1099511628211ull;
            sum = (sum ^ (uint64_t)e) * 1099511628211ull;
        }
    }
    mllp_fini(&m);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = run((const char *)data, size, size + 1);
    if (run((const char *)data, size, 1) != whole || run((const char *)data, size, 7) != whole)
        abort();
    return 0;
}
