/* Probing: short clusters above the estimate. Media that leaves meanwhile is part of them, padding fills the rest. */
#include "media/rtp/bwe_private.h"
#include "media/rtp/bytes.h"
#include <math.h>
#include <string.h>

#define PAUSE_US 1200000 /* between probes that told the same */
#define AGAIN_US 100000
#define LENGTH_US 40000  /* on a line without jitter */
#define LENGTH_MOST_US 100000
#define QUEUE_US 70000 /* a probe may queue so much, if the line carries no more than now */
#define BYTES_LEAST 4000 /* more than what a shaper lets pass unshaped */
#define TAIL_US 20000 /* more queue than this at its end: the line was full */
#define NO_QUEUE_US 15000
#define ANSWERS_US 500000
#define IDLE_US 500000 /* nothing was sent for so long, so nothing is heard of it either */
#define DOUBTS 2.5 /* standard deviations of how steeply the queue grew */
#define QUANTUM_US 5000 /* the caller comes so often */

void probe_stop(struct bwe *b, int64_t now_us)
{
    b->probe.state = PROBE_NONE;
    b->probe.steep = false;
    b->probe.next_us = now_us + PAUSE_US;
}

void probe_sent(struct bwe *b, struct bwe_sent *s, uint16_t seq)
{
    struct bwe_probe *p = &b->probe;
    if (p->state != PROBE_SENDING) return;
    s->cluster = p->id;
    p->sent_bytes += s->bytes;
    p->last_seq = seq;
}

static int64_t third_us(const struct bwe_probe *p)
{
    return (p->ends_us - p->began_us) / 3;
}

void probe_arrived(struct bwe *b, const struct bwe_sent *s, int64_t sent_us, int64_t queue_us)
{
    struct bwe_probe *p = &b->probe;
    if (p->state == PROBE_NONE || !s->cluster || s->cluster != p->id) return;
    if (!p->n || sent_us < p->first_us) p->first_us = sent_us;
    if (!p->n || sent_us >= p->last_us) {
        p->last_us = sent_us;
        p->last_bytes = s->bytes;
    }
    p->bytes += s->bytes;
    p->n++;
    double x = (double)(sent_us - p->began_us) / 1000, y = (double)queue_us / 1000;
    p->sum_x += x;
    p->sum_y += y;
    p->sum_xx += x * x;
    p->sum_xy += x * y;
    p->sum_yy += y * y;
    bool end = sent_us >= p->ends_us - third_us(p);
    if (!end || (p->ended && p->end_queue_us <= queue_us)) return;
    p->ended = true;
    p->end_queue_us = queue_us;
}

void probe_lost(struct bwe *b, const struct bwe_sent *s, bool lost)
{
    if (b->probe.state == PROBE_NONE || !s->cluster || s->cluster != b->probe.id) return;
    if (lost) b->probe.lost_bytes += s->bytes;
    else b->probe.lost_bytes -= s->bytes;
}

/* How much slower than sent it arrived: by how much the queue grew, over all packets (least squares), and what jitter may have hidden of it: an
 * answer that is too good is a queue for whoever watches, one that is too low is asked again. */
static double stretch(const struct bwe_probe *p)
{
    double n = p->n, xx = n * p->sum_xx - p->sum_x * p->sum_x, xy = n * p->sum_xy - p->sum_x * p->sum_y, yy = n * p->sum_yy - p->sum_y * p->sum_y;
    if (xx <= 0) return 1;
    double slope = xy / xx, rest = yy - xy * slope;
    slope += rest > 0 ? DOUBTS * sqrt(rest / xx / (n - 2)) : 0;
    return slope > 0 ? 1 + slope : 1;
}

/* What is lost at more than the estimate just as below it is the line's own, even before it is known to be. */
static double own_loss(const struct bwe *b, double lost)
{
    double chance = sqrt(b->loss * (1 - b->loss) / b->probe.n);
    return b->loss > b->own_loss && b->queue_us < NO_QUEUE_US && lost < b->loss + chance ? b->loss : b->own_loss;
}

static void conclude(struct bwe *b, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    int64_t span = p->last_us - p->first_us;
    bool begun = p->first_us < p->began_us + third_us(p);
    probe_stop(b, now_us);
    if (p->n < 4 || span < 5000 || !begun || !p->ended) { /* too little came to say anything */
        p->next_us = now_us + AGAIN_US;
        return;
    }
    double all = p->bytes + p->lost_bytes, lost = p->lost_bytes - all * own_loss(b, p->lost_bytes / all); /* its own loss the line would have carried */
    double sent = bwe_rate(all - p->last_bytes, span), got = sent / stretch(p) * (lost > 0.1 * all ? 1 - lost / all : 1);
    bool passed = got >= 0.85 * sent && p->end_queue_us < TAIL_US + b->noise_us;
    bool more = got > (passed ? 1.1 : 1.3) * b->estimate_bps; /* so much more that it is looked at once more, at once */
    if (!passed) b->measured = true;
    if (got * 0.92 <= b->estimate_bps) return;
    bwe_set(b, got * 0.92);
    if (!more) return;
    p->steep = passed;
    p->next_us = now_us;
}

void probe_look(struct bwe *b, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    if (p->state != PROBE_WAITING) return;
    bool told = seq_diff(b->known, p->last_seq) > 0;
    if (told || now_us > p->ends_us + 400000 + 2 * (int64_t)b->rtt_us) conclude(b, now_us);
}

static bool may_begin(const struct bwe *b, uint32_t wanted_bps, int64_t now_us)
{
    return b->feedbacks > 1 && now_us >= b->probe.next_us && wanted_bps > b->estimate_bps + b->estimate_bps / 20 && !b->hot && !b->trial.on &&
           b->queue_us < TAIL_US + b->noise_us && (now_us - b->heard_us < ANSWERS_US || now_us - b->sent_us >= IDLE_US);
}

static void begin(struct bwe *b, uint32_t wanted_bps, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    bool steep = p->steep;
    int64_t length = sooner(LENGTH_US + 3 * b->jitter_us, LENGTH_MOST_US);
    length = later(length, sooner((int64_t)(BYTES_LEAST * 4e6 / b->estimate_bps), LENGTH_MOST_US)); /* at twice the estimate */
    double factor = 1 + (double)QUEUE_US / (double)length, most = steep ? 3 : 2;
    double bps = b->estimate_bps * (factor < most ? factor : most);
    if (bps > 1.15 * wanted_bps) bps = 1.15 * wanted_bps;
    if (bps > BWE_MAX_BPS) bps = BWE_MAX_BPS;
    length = later(length, (int64_t)(BYTES_LEAST * 8e6 / bps));
    uint8_t id = (uint8_t)(p->id + 1) ? (uint8_t)(p->id + 1) : 1;
    *p = (struct bwe_probe){.id = id, .state = PROBE_SENDING, .steep = steep, .bps = (uint32_t)bps, .began_us = now_us,
                            .ends_us = now_us + length};
}

bool bwe_probing(const struct bwe *b)
{
    return b->probe.state == PROBE_SENDING;
}

size_t bwe_padding(struct bwe *b, uint32_t wanted_bps, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    if (now_us - b->sent_us >= IDLE_US) bwe_rest(b, now_us);
    if (p->state == PROBE_NONE && may_begin(b, wanted_bps, now_us)) begin(b, wanted_bps, now_us);
    if (p->state == PROBE_SENDING && now_us >= p->ends_us) p->state = p->sent_bytes ? PROBE_WAITING : PROBE_NONE;
    if (p->state == PROBE_WAITING) probe_look(b, now_us);
    if (p->state != PROBE_SENDING) return 0;
    double due = (double)p->bps * (double)(now_us + QUANTUM_US - p->began_us) / 8e6 - p->sent_bytes;
    return due > 60 ? (size_t)due : 0;
}
