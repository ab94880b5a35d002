#include "records/term/likeness.h"
#include "records/term/fold.h"
#include <string.h>

static uint64_t bit_of(uint64_t pair)
{
    return 1ull << ((pair * 0x9E3779B97F4A7C15ull) >> 58);
}

static int place_of(const struct likeness *a, uint64_t pair)
{
    if (!(a->mask & bit_of(pair)))
        return -1;
    for (size_t i = 0; i < a->n; i++)
        if (a->pairs[i] == pair)
            return (int)i;
    return -1;
}

/* Signs say little in a name: brackets, commas and dashes are passed over. */
static uint32_t letter(const char **p, const char *end)
{
    uint32_t c = utf8_next(p, end);
    while (c && c < 0x80 && strchr("()[]{},.;:-_/'\"", (int)c))
        c = utf8_next(p, end);
    return c;
}

void likeness_of(const char *folded, struct likeness *out)
{
    const char *p = folded, *end = folded + strlen(folded);
    uint32_t last = '^';
    out->mask = out->n = 0;
    for (uint32_t c; out->n < LIKENESS_PAIRS && (c = letter(&p, end)); last = c) {
        uint64_t pair = (uint64_t)last << 32 | c;
        if (place_of(out, pair) >= 0)
            continue;
        out->pairs[out->n++] = pair;
        out->mask |= bit_of(pair);
    }
}

int likeness_with(const struct likeness *a, const char *folded)
{
    const char *p = folded, *end = folded + strlen(folded);
    uint64_t seen = 0;
    uint32_t last = '^';
    size_t n = 0, common = 0;
    for (uint32_t c; n < LIKENESS_PAIRS && (c = letter(&p, end)); last = c, n++) {
        int at = place_of(a, (uint64_t)last << 32 | c);
        if (at < 0 || seen & 1ull << at)
            continue;
        seen |= 1ull << at;
        common++;
    }
    return a->n + n ? (int)(200 * common / (a->n + n)) : 0;
}
