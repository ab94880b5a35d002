#include "media/transport/hello.h"
#include "media/rtp/bytes.h"
#include <string.h>

void hello_init(struct hello *h)
{
    h->length = h->have_bytes = 0;
    h->message_seq = 0;
}

static void start(struct hello *h, uint16_t message_seq, uint32_t length)
{
    h->message_seq = message_seq;
    h->length = length;
    h->have_bytes = 0;
    memset(h->have, 0, sizeof h->have);
}

static void add(struct hello *h, uint32_t offset, const uint8_t *data, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        uint32_t at = offset + i;
        if (h->have[at / 8] & (1u << at % 8)) continue; /* the first copy wins: a later one cannot alter the message */
        h->have[at / 8] |= (uint8_t)(1u << at % 8);
        h->record[HELLO_OVERHEAD + at] = data[i];
        h->have_bytes++;
    }
}

/* One record that begins with a handshake fragment; false when it is not a fragment of a ClientHello. */
static bool fragment(const uint8_t *r, size_t body)
{
    return r[0] == 22 && get_u16(r + 3) == 0 && body >= 12 && r[13] == 1 && get_u24(r + 14) != get_u24(r + 22);
}

enum hello_verdict hello_input(struct hello *h, const uint8_t *d, size_t len)
{
    bool taken = false;
    for (size_t at = 0; at < len;) {
        if (len - at < 13) return taken ? HELLO_BAD : HELLO_PASS;
        const uint8_t *r = d + at;
        size_t body = get_u16(r + 11);
        if (body > len - at - 13) return taken ? HELLO_BAD : HELLO_PASS;
        if (!fragment(r, body)) return taken ? HELLO_BAD : HELLO_PASS;
        taken = true;
        uint32_t length = get_u24(r + 14), offset = get_u24(r + 19), n = get_u24(r + 22);
        uint16_t seq = get_u16(r + 17);
        if (n + 12 != body || length > HELLO_BYTES_MAX || offset > length || n > length - offset) return HELLO_BAD;
        if (h->length != length || h->message_seq != seq) start(h, seq, length);
        memcpy(h->record, r, 11); /* the newest record number: an older one could count as a replay */
        add(h, offset, r + 25, n);
        at += 13 + body;
    }
    if (!taken) return HELLO_PASS;
    if (h->have_bytes < h->length) return HELLO_HELD;
    put_u16(h->record + 11, (uint16_t)(h->length + 12));
    h->record[13] = 1;
    put_u24(h->record + 14, h->length);
    put_u16(h->record + 17, h->message_seq);
    put_u24(h->record + 19, 0);
    put_u24(h->record + 22, h->length);
    /* A retransmission starts collecting anew, so that its record number is fresh. */
    h->have_bytes = 0;
    memset(h->have, 0, sizeof h->have);
    return HELLO_COMPLETE;
}

const uint8_t *hello_record(const struct hello *h, size_t *len)
{
    *len = HELLO_OVERHEAD + h->length;
    return h->record;
}
