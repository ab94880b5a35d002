/* What the line said to a probe.
 * Each rate that the line might have says which queue each packet would have met, from what was sent; those that were heard of say which rate is likely. So it does not
 * matter which of them were heard of: feedback that tells of a probe's end alone, or of what was sent just after it, is an answer too, and media between the padding
 * disturbs nothing. */
#include "media/rtp/bwe_private.h"
#include "media/rtp/bytes.h"
#include <math.h>

#define AROUND_US 100000 /* before and after a probe, at least: what is usual, and whether a queue was left behind; */
#define AROUND_US_MOST 200000
#define BEFORE_MOST 200 /* packets */
#define POINTS 700      /* 100 ms at the highest estimate, and more at those where it matters */
#define FEW 5
#define LEAST 6 /* packets that say anything at all */
#define RATES 40
#define DOUBTS 2.0      /* standard deviations */
#define LEAST_DOUBT 1.0 /* ms squared: of a line without jitter */
#define STEP 1.0        /* what delays many packets alike differs before and in a probe as much as what delays single ones: packets that keep their order, and come denser */

struct point { /* of what was sent, in order; ms */
    float passed, bits, queue; /* since the one before; -1: no one knows */
};

struct points {
    struct point p[POINTS];
    size_t n, begins; /* where the probe does */
    double stood;     /* the queue that was there before */
};

struct group {
    double sum;
    unsigned n;
};

struct misfit {
    double rate, squares, alike; /* ms squared: of what is left but for what is the same for all; of each with the one before it */
    unsigned n;
};

int64_t bwe_around_us(const struct bwe *b)
{
    return sooner(later(2 * (int64_t)b->every_us, AROUND_US), AROUND_US_MOST); /* two feedbacks: it is rare that both get lost */
}

static void gather(struct bwe *b, struct points *v, double lost_weigh, int64_t now_us)
{
    const struct bwe_probe *p = &b->probe;
    const struct bwe_sent *e;
    uint16_t seq = p->first_seq;
    while ((uint16_t)(p->first_seq - seq) < BEFORE_MOST && (e = bwe_entry(b, (uint16_t)(seq - 1))) && bwe_sent_us(e, now_us) > p->began_us - bwe_around_us(b))
        seq--;
    v->n = 0;
    v->begins = (uint16_t)(p->first_seq - seq);
    int64_t before_us = 0, until_us = p->ends_us + bwe_around_us(b);
    for (; v->n < POINTS && seq_diff(b->known, seq) > 0 && (e = bwe_entry(b, seq)) && bwe_sent_us(e, now_us) < until_us; seq++) {
        int64_t at_us = bwe_sent_us(e, now_us);
        v->p[v->n++] = (struct point){.passed = before_us ? (float)(at_us - before_us) / 1000 : 0,
                                      .bits = (float)(e->bytes * 8 * (e->state == SENT_LOST ? lost_weigh : 1)),
                                      .queue = e->queue ? (float)e->queue * 0.064f : -1};
        before_us = at_us;
    }
}

/* What stood already: the least of the first few, so that it is not jitter. */
static double stood(const struct points *v, double noise)
{
    double least = INFINITY;
    unsigned n = 0;
    for (size_t i = 0; i < v->n && n < FEW; i++) {
        if (v->p[i].queue < 0) continue;
        least = fmin(least, v->p[i].queue);
        n++;
    }
    return n < FEW ? 0 : fmax(0, least - noise);
}

/* How badly a line of so many bits per second explains the queues. */
static struct misfit misfit(const struct points *v, double bps)
{
    struct misfit m = {.rate = bps};
    struct group g[2] = {0}; /* before the probe; it and what came after */
    double queue = v->stood, before = 0;
    for (size_t i = 0; i < v->n; i++) {
        queue = fmax(0, queue - v->p[i].passed) + v->p[i].bits * 1e3 / bps;
        if (v->p[i].queue < 0) continue;
        struct group *in = &g[i >= v->begins];
        double left = v->p[i].queue - queue;
        in->sum += left;
        in->n++;
        m.squares += left * left;
        m.alike += left * before;
        before = left;
    }
    m.n = g[0].n + g[1].n;
    for (size_t i = 0; i < 2; i++) {
        if (!g[i].n) continue;
        m.squares -= g[i].sum * g[i].sum / g[i].n;
        m.alike -= g[i].sum * g[i].sum / g[i].n;
    }
    if (!g[0].n || !g[1].n) return m;
    double step = g[0].sum / g[0].n - g[1].sum / g[1].n;
    m.squares += step * step / (1.0 / g[0].n + 1.0 / g[1].n + STEP);
    return m;
}

/* What jitter makes of the squares: as much as is left when all is explained as well as can be; and packets that keep their order share what delays them. */
static double doubt(const struct misfit *best)
{
    double alike = best->squares > 0 ? fmin(fmax(best->alike / best->squares, 0), 0.9) : 0;
    return DOUBTS * DOUBTS * fmax(best->squares / (best->n - 2), LEAST_DOUBT) * (1 + alike) / (1 - alike);
}

struct bwe_answer bwe_answer(struct bwe *b, double lost_weigh, int64_t now_us)
{
    struct points v;
    gather(b, &v, lost_weigh, now_us);
    v.stood = stood(&v, (double)b->noise_us / 1000);
    double most = 1.5 * b->probe.bps, lowest = fmin(0.7 * b->estimate_bps, 0.35 * b->probe.bps), step = pow(most / lowest, 1.0 / (RATES - 1));
    struct misfit m[RATES], *best = m;
    for (size_t i = 0; i < RATES; i++) {
        m[i] = misfit(&v, lowest * pow(step, (double)i));
        if (m[i].squares < best->squares) best = &m[i];
    }
    struct bwe_answer a = {.low_bps = lowest, .high_bps = most, .passed = true};
    if (best->n < LEAST) return a;
    double enough = best->squares + doubt(best);
    size_t low = 0, high = RATES - 1;
    while (m[low].squares > enough)
        low++;
    while (m[high].squares > enough)
        high--;
    a.low_bps = fmin(m[low].rate, b->probe.bps); /* more was not asked */
    a.high_bps = m[high].rate;
    a.passed = high == RATES - 1;
    return a;
}
