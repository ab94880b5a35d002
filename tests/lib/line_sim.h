/* A line of one bottleneck with steps, delay, jitter and loss, and a sender that does what bwe says, in virtual time: what the estimator's
 * test and its bench run. One seed is one line; the feedback is made by twcc (the receiving side) and crosses a lossy way back. */
#ifndef YL_TESTS_LIB_LINE_SIM_H
#define YL_TESTS_LIB_LINE_SIM_H

#include "media/rtp/bwe.h"
#include "media/rtp/twcc.h"
#include <stdlib.h>
#include <string.h>

#define SIM_FLIGHT 4096
#define SIM_STEPS 3

struct sim_setup {
    uint64_t seed;
    double loss;        /* of the line itself, both ways */
    int64_t delay_us;   /* one way */
    int64_t jitter_us;  /* in order, uniform */
    double bps[SIM_STEPS];
    int64_t step_us;    /* how long each holds */
    int64_t buffer_us;  /* what the bottleneck holds, in time at its present rate */
    bool ladder;        /* sends whole layers (150, 500, 1700 kbit/s) instead of what fits exactly */
    int64_t feedback_us;
    bool download;      /* somebody else's TCP connection from the second step on: it fills whatever the bottleneck holds */
    bool stalls;        /* the viewer's machine takes packets late, again and again, for 20 to 150 ms */
};

struct sim_result {
    int64_t reached_us[SIM_STEPS]; /* until the estimate was 85 % of the new capacity; -1 = never */
    int64_t queue_us[SIM_STEPS];   /* the longest queue after the first 3 s of a step */
    int64_t peak_us[SIM_STEPS];    /* the longest at all */
    int64_t calm_us[SIM_STEPS];    /* from the step until the queue was under 200 ms for good */
    int64_t bound_us[SIM_STEPS];   /* the queue nobody could avoid: what was sent before the first feedback could tell */
    double mean[SIM_STEPS];        /* of the estimate, of the capacity, after the first 2 s */
    double used[SIM_STEPS];        /* sent in the last 3 s of the step, of the capacity */
    double padded;                 /* share of padding in all bytes */
};

struct sim_packet {
    int64_t at_us;
    uint16_t seq;
};
struct sim {
    const struct sim_setup *s;
    uint64_t dice;
    struct bwe bwe;
    struct twcc twcc;
    int64_t now_us, free_us, last_at_us, feedback_due_us, audio_us, frame_us, key_us;
    size_t head, tail; /* in flight: ring */
    struct sim_packet flight[SIM_FLIGHT];
    struct { int64_t at_us; size_t len; uint8_t bytes[1200]; } back[64];
    size_t back_head, back_tail;
    double window;       /* bytes, of the download */
    int64_t halved_us;
    double waiting; /* bytes in the sender's pacer */
    double allowance;
    uint64_t sent, padded;
};

static inline double sim_random(struct sim *m)
{
    m->dice ^= m->dice << 13;
    m->dice ^= m->dice >> 7;
    m->dice ^= m->dice << 17;
    return (double)(m->dice >> 11) / 9007199254740992.0;
}

static inline double sim_bps(const struct sim *m)
{
    size_t i = (size_t)(m->now_us / m->s->step_us);
    return m->s->bps[i < SIM_STEPS ? i : SIM_STEPS - 1];
}

static inline int64_t sim_queue_us(const struct sim *m)
{
    return m->free_us > m->now_us ? m->free_us - m->now_us : 0;
}

/* When a packet that comes at `at_us` is taken: half of all 300 ms begin with a stall. */
static inline int64_t sim_taken(const struct sim_setup *s, int64_t at_us)
{
    uint64_t slot = (uint64_t)at_us / 300000, hash = (slot + s->seed * 7919) * 0x9e3779b97f4a7c15u;
    int64_t until = (int64_t)slot * 300000 + (hash >> 63 ? 20000 + (int64_t)((hash >> 32) % 130000) : 0);
    return s->stalls && at_us < until ? until : at_us;
}

static inline void sim_send(struct sim *m, size_t bytes)
{
    uint16_t seq = bwe_sent(&m->bwe, bytes, m->now_us);
    m->sent += bytes;
    if (sim_queue_us(m) > m->s->buffer_us) return;
    if (m->free_us < m->now_us) m->free_us = m->now_us;
    m->free_us += (int64_t)((double)(bytes + 28) * 8e6 / sim_bps(m));
    if (sim_random(m) < m->s->loss) return;
    int64_t at = m->free_us + m->s->delay_us + (int64_t)(sim_random(m) * (double)m->s->jitter_us);
    at = sim_taken(m->s, at);
    if (at < m->last_at_us) at = m->last_at_us;
    m->last_at_us = at;
    m->flight[m->head++ % SIM_FLIGHT] = (struct sim_packet){at, seq};
}

/* One millisecond of a download (RFC 5681, congestion avoidance): a segment more per round trip, half of it when the bottleneck drops. */
static inline void sim_download(struct sim *m)
{
    double trip_us = (double)(2 * m->s->delay_us + sim_queue_us(m)) + 1000, bytes = m->window / trip_us * 1000;
    if (sim_queue_us(m) > m->s->buffer_us) {
        if (m->now_us - m->halved_us > (int64_t)trip_us) m->window /= 2;
        if (m->now_us - m->halved_us > (int64_t)trip_us) m->halved_us = m->now_us;
        return;
    }
    m->window += 1460 * bytes / m->window;
    if (m->free_us < m->now_us) m->free_us = m->now_us;
    m->free_us += (int64_t)(bytes * 8e6 / sim_bps(m));
}

static inline void sim_receive(struct sim *m)
{
    for (; m->tail < m->head && m->flight[m->tail % SIM_FLIGHT].at_us <= m->now_us; m->tail++)
        twcc_note(&m->twcc, m->flight[m->tail % SIM_FLIGHT].seq, m->flight[m->tail % SIM_FLIGHT].at_us + 5000000);
    if (m->now_us < m->feedback_due_us) return;
    m->feedback_due_us = m->now_us + m->s->feedback_us;
    struct rtcp_builder b;
    rtcp_begin(&b, m->back[m->back_head % 64].bytes, sizeof m->back[0].bytes);
    if (!twcc_add_feedback(&m->twcc, &b, 1, 2) || sim_random(m) < m->s->loss) return;
    m->back[m->back_head % 64].len = b.len;
    m->back[m->back_head++ % 64].at_us = m->now_us + m->s->delay_us;
}

static inline void sim_feedback(struct sim *m)
{
    for (; m->back_tail < m->back_head && m->back[m->back_tail % 64].at_us <= m->now_us; m->back_tail++)
        bwe_feedback(&m->bwe, m->back[m->back_tail % 64].bytes + 12, m->back[m->back_tail % 64].len - 12, m->now_us);
}

/* Video at what may be sent: frames of uneven size, a keyframe now and then, spread by a pacer. */
static inline void sim_video(struct sim *m, double target)
{
    static const double rungs[] = {150000, 500000, 1700000, 2400000};
    double video = target * 0.92 - 60000, fits = 0;
    for (size_t i = 0; i < 4; i++)
        if (rungs[i] <= video) fits = rungs[i];
    if (m->s->ladder) video = fits;
    if (video > 4000000) video = 4000000;
    if (m->now_us >= m->frame_us) {
        m->frame_us += 40000;
        double frame = video / 25 / 8 * (0.7 + 0.6 * sim_random(m));
        if (m->now_us >= m->key_us) {
            frame *= 4;
            m->key_us = m->now_us + 3000000 + (int64_t)(sim_random(m) * 4e6);
        }
        if (video > 0 && m->waiting < video / 8 * 0.3) m->waiting += frame;
    }
    m->allowance += bwe_pace_bps(&m->bwe, m->now_us) / 8.0 * 0.005;
    while (m->waiting >= 1 && m->allowance > 0) {
        size_t n = m->waiting > 1100 ? 1100 : (size_t)m->waiting + 60;
        m->waiting = m->waiting > 1100 ? m->waiting - 1100 : 0;
        m->allowance -= (double)n + 28;
        sim_send(m, n);
    }
    if (m->allowance > 3000) m->allowance = 3000;
}

static inline void sim_pad(struct sim *m)
{
    size_t due = bwe_padding(&m->bwe, m->waiting >= 1 ? 0 : 6000000, m->now_us);
    while (due) {
        size_t n = due > 250 ? 250 : due < 60 ? 60 : due;
        due = due > n ? due - n : 0;
        sim_send(m, n);
        m->padded += n;
        m->allowance -= (double)n;
    }
}

/* One line from start to end. */
static inline void sim_run(struct sim *m, const struct sim_setup *s, struct sim_result *r)
{
    memset(m, 0, sizeof *m);
    memset(r, 0, sizeof *r);
    m->s = s;
    m->window = 14600;
    m->dice = s->seed * 0x9e3779b97f4a7c15u | 1;
    for (int i = 0; i < 8; i++)
        (void)sim_random(m);
    bwe_init(&m->bwe, BWE_START_BPS, 1);
    uint64_t late_sent = 0;
    double before = 0;
    for (m->now_us = 1000; m->now_us < SIM_STEPS * s->step_us; m->now_us += 1000) {
        size_t i = (size_t)(m->now_us / s->step_us);
        int64_t in_us = m->now_us - (int64_t)i * s->step_us;
        if (in_us == 0 && i) {
            before = s->bps[i - 1];
            m->free_us = m->now_us + (int64_t)((double)sim_queue_us(m) * before / s->bps[i]); /* what waits goes at the new rate */
        }
        if (in_us <= 1000) {
            double sent = i ? bwe_target_bps(&m->bwe, m->now_us) : BWE_START_BPS;
            r->reached_us[i] = -1;
            late_sent = 0;
            if (sent > s->bps[i])
                r->bound_us[i] = (int64_t)((sent * 1.5 / s->bps[i] - 1) * (double)(2 * s->delay_us + s->jitter_us + 2 * s->feedback_us));
        }
        if (s->download && i) sim_download(m);
        sim_receive(m);
        sim_feedback(m);
        if (m->now_us % 5000 == 0) {
            if (in_us == s->step_us - 3000000) late_sent = m->sent;
            double target = bwe_target_bps(&m->bwe, m->now_us);
            sim_pad(m);
            sim_video(m, target);
        }
        if (m->now_us >= m->audio_us) {
            m->audio_us += 20000;
            sim_send(m, 120);
        }
        int64_t queue = sim_queue_us(m);
        if (queue > r->peak_us[i]) r->peak_us[i] = queue;
        if (queue > 200000) r->calm_us[i] = in_us;
        if (in_us > 3000000 && queue > r->queue_us[i]) r->queue_us[i] = queue;
        if (in_us > 2000000) r->mean[i] += (double)bwe_estimate_bps(&m->bwe) / s->bps[i] * 1000 / (double)(s->step_us - 2000000);
        if (r->reached_us[i] < 0 && bwe_estimate_bps(&m->bwe) >= 0.85 * s->bps[i]) r->reached_us[i] = in_us;
        if (in_us == s->step_us - 1000) r->used[i] = (double)(m->sent - late_sent) * 8 / 3 / s->bps[i];
    }
    r->padded = (double)m->padded / (double)(m->sent ? m->sent : 1);
}

/* A line by its seed: three capacities between 300 kbit/s and 3 Mbit/s, 5 to 150 ms each way, jitter up to 25 ms. */
static inline void sim_line(uint64_t seed, double loss, struct sim_setup *s)
{
    struct sim dice = {.dice = (seed + 77) * 0xd1342543de82ef95u | 1};
    for (int i = 0; i < 8; i++)
        (void)sim_random(&dice);
    *s = (struct sim_setup){.seed = seed, .loss = loss, .step_us = 6000000};
    s->delay_us = 5000 + (int64_t)(sim_random(&dice) * 145000);
    s->jitter_us = (int64_t)(sim_random(&dice) * 25000);
    s->buffer_us = 300000 + (int64_t)(sim_random(&dice) * 1200000);
    s->feedback_us = 50000 + (int64_t)(sim_random(&dice) * 50000);
    s->ladder = sim_random(&dice) < 0.4;
    for (size_t i = 0; i < SIM_STEPS; i++)
        s->bps[i] = 300000 + sim_random(&dice) * 2700000;
}
#endif
