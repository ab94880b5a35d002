/* Probing: short clusters above the estimate. Media that leaves meanwhile is part of them, padding fills the rest. */
#include "media/rtp/bwe_private.h"
#include "media/rtp/bytes.h"
#include <math.h>
#include <string.h>

#define PAUSE_US 1200000 /* between probes that told the same */
#define REST_US 800000   /* after a queue */
#define LENGTH_US 40000  /* on a line without jitter */
#define LENGTH_MOST_US 100000
#define QUEUE_US 70000 /* a probe may queue so much, if the line carries no more than now */
#define BYTES_LEAST 4000 /* more than what a shaper lets pass unshaped */
#define TAIL_US 20000 /* a queue that says that the line is full */
#define ANSWERS_US 500000
#define IDLE_US 500000 /* nothing was sent for so long, so nothing is heard of it either */
#define TRIES 3          /* one after the other, of an answer that left the question open */
#define DEAF 0.05 /* of the feedback is lost */
#define ECHO_US 10000    /* between two packets */
#define ECHO_BYTES 60
#define QUANTUM_US 5000 /* the caller comes so often */

void probe_stop(struct bwe *b, int64_t now_us)
{
    b->probe.state = PROBE_NONE;
    b->probe.steep = false;
    b->probe.next_us = now_us + REST_US;
}

void probe_sent(struct bwe *b, struct bwe_sent *s, uint16_t seq)
{
    struct bwe_probe *p = &b->probe;
    if (p->state != PROBE_SENDING) return;
    s->probe = 1;
    if (!p->sent_bytes) p->first_seq = seq;
    p->sent_bytes += s->bytes;
    p->last_seq = seq;
}

struct loss {
    double lost, n;
};

static struct loss count_loss(struct bwe *b)
{
    struct loss l = {0};
    for (uint16_t seq = b->probe.first_seq; seq != (uint16_t)(b->probe.last_seq + 1); seq++) {
        const struct bwe_sent *e = bwe_entry(b, seq);
        l.n += e && (e->queue || e->state == SENT_LOST);
        l.lost += e && e->state == SENT_LOST;
    }
    return l;
}

/* What of the probe was lost over what the line loses by itself, if it is more than chance makes of so few packets. */
static double lost_beyond(double own, struct loss l)
{
    if (l.n == 0) return 0;
    double share = l.lost / l.n, chance = 3 * sqrt(own * (1 - own) / l.n);
    return share > own + fmax(0.1, chance) ? share - own : 0;
}

/* Loss that was suspected to come of a full line: of the probe such a line carries no more per second than before. A third of the way from the same share to that is
 * enough: a buffer takes something of a probe, and to be wrong only costs a trial. */
static void judge_suspect(struct bwe *b, struct loss l)
{
    if (!b->suspect.since_us || l.n < 8) return;
    double share = l.lost / l.n, full = 1 - (double)b->suspect.carried_bps / b->probe.bps;
    b->suspect.since_us = 0;
    b->suspect.guilty = share > b->suspect.loss + (full - b->suspect.loss) / 3;
    if (b->suspect.guilty) return;
    b->own_loss = fmax(b->own_loss, fmin(fmin(share, b->suspect.loss), 0.5));
    b->own_n = 1;
}

/* True: the queue that stands is the probe's own, the line carries what the estimate says. */
static bool conclude(struct bwe *b, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    struct loss l = count_loss(b);
    judge_suspect(b, l);
    double lost = lost_beyond(b->own_loss, l);
    struct bwe_answer a = bwe_answer(b, lost > 0 ? 1 - lost * l.n / l.lost : 1, now_us);
    double got = a.low_bps * KEEP, before = b->estimate_bps;
    probe_stop(b, now_us);
    p->next_us = p->began_us + PAUSE_US;
    if (!a.passed) b->measured = true;
    if (got > before) bwe_set(b, got);
    else if (!a.passed && a.high_bps * KEEP < 0.95 * before) bwe_set(b, a.high_bps * KEEP);
    b->proven_bps = (uint32_t)a.low_bps;
    if (!a.passed || got > 0.9 * before) b->doubted = false;
    bool open = a.high_bps * KEEP > 1.1 * b->estimate_bps && lost == 0;
    p->tries = open && got < 1.1 * before ? p->tries + 1 : 0;
    p->steep = a.passed && got > 1.3 * before;
    if (got > 1.15 * before || (open && p->tries < TRIES)) p->next_us = now_us;
    return a.low_bps >= before;
}

bool probe_look(struct bwe *b, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    if (p->state != PROBE_WAITING) return false;
    bool told = seq_diff(b->known, p->last_seq) > 0;
    return (told || now_us > p->ends_us + 400000 + 2 * (int64_t)b->rtt_us) && conclude(b, now_us);
}

/* Asked as long as anything is missing: a picture that was left out comes back only when all it needs is there. */
static bool may_begin(const struct bwe *b, uint32_t wanted_bps, int64_t now_us)
{
    return b->feedbacks > 1 && now_us >= b->probe.next_us && wanted_bps > b->estimate_bps && !b->hot && !b->trial.on &&
           b->queue_us < TAIL_US + b->noise_us && (now_us - b->heard_us < ANSWERS_US || now_us - b->sent_us >= IDLE_US);
}

static void begin(struct bwe *b, uint32_t wanted_bps, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    bool steep = p->steep;
    double base = b->doubted ? fmin(fmax(fmax(b->delivered_bps, b->proven_bps), BWE_MIN_BPS), b->estimate_bps) : b->estimate_bps;
    int64_t length = sooner(LENGTH_US + 3 * b->jitter_us, LENGTH_MOST_US);
    length = later(length, sooner((int64_t)(BYTES_LEAST * 4e6 / base), LENGTH_MOST_US)); /* at twice the estimate */
    double factor = 1 + (double)QUEUE_US / (double)length, most = steep ? 3 : 2;
    double bps = base * (factor < most ? factor : most);
    if (bps > 1.15 * wanted_bps) bps = 1.15 * wanted_bps;
    if (bps > BWE_MAX_BPS) bps = BWE_MAX_BPS;
    length = later(length, (int64_t)(BYTES_LEAST * 8e6 / bps));
    *p = (struct bwe_probe){.state = PROBE_SENDING, .steep = steep, .tries = p->tries, .may_us = now_us, .bps = (uint32_t)bps, .began_us = now_us, .ends_us = now_us + length};
}

/* Where feedback gets lost a few small packets follow: they tell of the queue that a probe left behind, should its own be what is lost. */
static bool echoes(const struct bwe *b)
{
    return b->probe.state == PROBE_WAITING && b->deaf > DEAF && b->sent_us - b->probe.ends_us < bwe_around_us(b);
}

bool bwe_probing(const struct bwe *b)
{
    return b->probe.state == PROBE_SENDING || echoes(b);
}

size_t bwe_padding(struct bwe *b, uint32_t wanted_bps, int64_t now_us)
{
    struct bwe_probe *p = &b->probe;
    if (now_us - b->sent_us >= IDLE_US) bwe_rest(b, now_us);
    if (wanted_bps > b->estimate_bps) p->may_us = now_us;
    if (p->state == PROBE_NONE && may_begin(b, wanted_bps, now_us)) begin(b, wanted_bps, now_us);
    if (p->state == PROBE_SENDING && now_us >= p->ends_us) p->state = p->sent_bytes ? PROBE_WAITING : PROBE_NONE;
    if (p->state == PROBE_WAITING) (void)probe_look(b, now_us);
    if (echoes(b) && now_us - b->sent_us >= ECHO_US) return ECHO_BYTES;
    if (p->state != PROBE_SENDING) return 0;
    double due = (double)p->bps * (double)(now_us + QUANTUM_US - p->began_us) / 8e6 - p->sent_bytes;
    return due > 60 ? (size_t)due : 0;
}
