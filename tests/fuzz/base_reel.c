/* Bytes of a stored recording, read for its chain: whatever they are, the reader stays inside them, ends, and reports an end that is in the
 * file. A file it calls whole and chained is not whole any more when a covered bit is turned. */
#include "server/base/reel.h"
#include <stdlib.h>
#include <string.h>

struct memory {
    const uint8_t *bytes;
    size_t n;
};

static int64_t read_memory(void *ctx, uint64_t at, void *out, size_t n)
{
    const struct memory *m = ctx;
    size_t k = at >= m->n ? 0 : m->n - at < n ? (size_t)(m->n - at) : n;
    memcpy(out, m->bytes + at, k);
    return (int64_t)k;
}

static void on_gap(void *ctx, const struct reel_gap *gap)
{
    reel_gaps_add(ctx, gap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory m = {data, size};
    struct reel_gaps gaps = {0};
    struct reel_reader r = {{read_memory, &m, size}, true, on_gap, &gaps};
    struct reel_report out, turned;
    if (reel_read(&r, &out) || out.end > size || gaps.n > REEL_GAPS_MAX) abort();
    struct reel_gaps unchecked = {0};
    struct reel_reader quick = {{read_memory, &m, size}, false, on_gap, &unchecked};
    if (reel_read(&quick, &turned) || turned.end < out.end || turned.end > size || unchecked.n > REEL_GAPS_MAX) abort();
    if (out.wrong || !out.chained || out.end < 40) return 0;
    uint8_t *copy = malloc(size);
    memcpy(copy, data, size);
    copy[out.end - 1] ^= 1; /* the last link's own hash */
    m.bytes = copy;
    if (reel_read(&r, &turned) || !turned.wrong) abort();
    free(copy);
    return 0;
}
