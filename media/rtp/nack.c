#include "media/rtp/nack.h"
#include "media/rtp/bytes.h"
#include <string.h>

static bool take(struct nack *n, uint16_t seq)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->missing[i].seq == seq) {
            memmove(n->missing + i, n->missing + i + 1, (n->n - i - 1) * sizeof n->missing[0]);
            n->n--;
            return true;
        }
    return false;
}

enum nack_verdict nack_note(struct nack *n, uint16_t seq, int64_t now_us)
{
    if (!n->started) {
        n->started = true;
        n->highest = seq;
        return NACK_NEW;
    }
    int gap = seq_diff(seq, n->highest);
    if (gap <= 0) return take(n, seq) ? NACK_RECOVERED : NACK_DUPLICATE;
    if (gap > NACK_MAX) { /* a hole too large to fill, or a restarted stream */
        n->n = 0;
        n->wants_keyframe = true;
    } else {
        for (uint16_t s = (uint16_t)(n->highest + 1); s != seq; s++) {
            if (n->n == NACK_MAX) {
                n->n = 0;
                n->wants_keyframe = true;
            }
            n->missing[n->n].seq = s;
            n->missing[n->n].tries = 0;
            n->missing[n->n++].due_us = now_us + 10000; /* reordering is more common than loss */
        }
    }
    n->highest = seq;
    return NACK_NEW;
}

size_t nack_due(struct nack *n, int64_t now_us, uint32_t rtt_ms, uint16_t *out, size_t cap)
{
    size_t found = 0, kept = 0;
    int64_t wait = (rtt_ms ? rtt_ms : 40) * 1000 + 10000;
    for (size_t i = 0; i < n->n; i++) {
        if (now_us >= n->missing[i].due_us && found < cap) {
            if (n->missing[i].tries >= NACK_TRIES) {
                n->wants_keyframe = true;
                continue;
            }
            n->missing[i].tries++;
            n->missing[i].due_us = now_us + wait;
            out[found++] = n->missing[i].seq;
        }
        n->missing[kept++] = n->missing[i];
    }
    n->n = kept;
    return found;
}

void nack_forget_before(struct nack *n, uint16_t seq)
{
    size_t kept = 0;
    for (size_t i = 0; i < n->n; i++)
        if (seq_diff(n->missing[i].seq, seq) >= 0) n->missing[kept++] = n->missing[i];
    n->n = kept;
}
