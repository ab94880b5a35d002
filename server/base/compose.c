#include "server/base/compose.h"
#include <string.h>

static const char *const layouts[COMPOSE_LAYOUTS] = {"grid", "speaker", "slides"};

static void put(uint8_t *p, uint64_t v, size_t bytes)
{
    while (bytes--) {
        p[bytes] = (uint8_t)v;
        v >>= 8;
    }
}

static uint64_t get(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    while (bytes--)
        v = v << 8 | *p++;
    return v;
}

void compose_head_write(uint8_t out[COMPOSE_HEAD_BYTES], const struct compose_head *h)
{
    put(out, h->len, 4);
    out[4] = (uint8_t)h->type;
    out[5] = h->track;
    put(out + 6, h->word, 2);
    put(out + 8, (uint64_t)h->time_ms, 8);
}

static bool good(const struct compose_head *h)
{
    if (h->len > COMPOSE_PAYLOAD_MAX || h->track >= COMPOSE_TRACKS_MAX || h->time_ms < 0)
        return false;
    switch (h->type) {
    case COMPOSE_JOB: return h->len == 0 && (h->word & 255) < COMPOSE_WANTS && h->word >> 8 < COMPOSE_LAYOUTS;
    case COMPOSE_TRACK: return h->len == COMPOSE_TRACK_BYTES;
    case COMPOSE_GAP: return h->len == COMPOSE_GAP_BYTES;
    case COMPOSE_HEAD:
    case COMPOSE_CLUSTER: return h->len > 0;
    case COMPOSE_END: return h->len == 0;
    default: return false;
    }
}

int compose_head_read(const uint8_t in[COMPOSE_HEAD_BYTES], struct compose_head *out)
{
    *out = (struct compose_head){.type = in[4],
                                 .track = in[5],
                                 .word = (uint16_t)get(in + 6, 2),
                                 .time_ms = (int64_t)get(in + 8, 8),
                                 .len = (size_t)get(in, 4)};
    return good(out) ? 0 : ERR_MALFORMED;
}

const char *compose_layout_name(enum compose_layout layout)
{
    return layouts[layout];
}

bool compose_layout_find(const char *name, enum compose_layout *out)
{
    for (size_t i = 0; i < COMPOSE_LAYOUTS; i++)
        if (name && strcmp(name, layouts[i]) == 0) {
            *out = (enum compose_layout)i;
            return true;
        }
    return false;
}
