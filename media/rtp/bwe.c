#include "media/rtp/bwe.h"
#include "media/rtp/bwe_private.h"
#include "media/rtp/bytes.h"
#include "media/rtp/twcc.h"
#include <math.h>
#include <string.h>

#define WIRE_BYTES 28          /* IPv4 and UDP */
#define LOW_WINDOW_US 10000000 /* a longer way is the normal one after two of these at the latest */
#define QUIET_US 25000         /* a standing queue up to this, plus twice the usual, is none */
#define NOISE_MOST_US 14000
#define BURST_US 55000 /* the end of a large frame may wait this long */
#define SURELY_US 90000
#define MUCH_US 150000 /* a queue nobody has who sends less than the line carries */
#define STEEP_US 15000 /* more queue from feedback to feedback: it will not go by itself */
#define BUSY_US 10000
#define BUSY_KEEP_US 300000
#define BUSY_ENOUGH_US 30000
#define BUSY_SURE_US 100000
#define LEAST_SHARE 0.1 /* of the estimate, while a long queue drains */
#define MARK_US 600000
#define BEGINS_US 400000
#define GROWS_US 20000
#define LOSS_WINDOW_US 300000
#define LOSS_PACKETS 25
#define TRIAL_PAUSE_US 3000000
#define SOMEWHAT 1.5 /* more than chance makes of so few packets: this many standard deviations */
#define SURELY 2.5
#define PROBES_QUEUE_US 110000 /* what a probe may have made, and jitter on top of it */
#define MAY_US 1000000 /* a probe could have begun so long ago at most */
#define SUSPECT_US 1500000
#define LOSS_MUCH 0.1 /* less than this is repaired, and not worth sending less */

uint32_t bwe_rate(double bytes, int64_t us)
{
    double bps = us > 0 ? bytes * 8e6 / (double)us : 0;
    return bps > BWE_MAX_BPS ? BWE_MAX_BPS : (uint32_t)bps;
}

void bwe_set(struct bwe *b, double bps)
{
    b->estimate_bps = bps < BWE_MIN_BPS ? BWE_MIN_BPS : bps > BWE_MAX_BPS ? BWE_MAX_BPS : (uint32_t)bps;
}

void bwe_init(struct bwe *b, uint32_t start_bps, int64_t now_us)
{
    memset(b, 0, sizeof *b);
    b->born_us = b->loss_since_us = now_us;
    b->probe.steep = true; /* the first guess is a guess */
    bwe_set(b, start_bps);
}

uint32_t bwe_estimate_bps(const struct bwe *b)
{
    return b->estimate_bps;
}

double bwe_own_loss(const struct bwe *b)
{
    return b->own_loss;
}

bool bwe_guessed(const struct bwe *b)
{
    return !b->measured;
}

bool bwe_congested(const struct bwe *b)
{
    return b->hot_us != 0;
}

/* How long the line needs for what is under way, over a round trip and what it takes until that is heard of. */
static int64_t under_way_us(const struct bwe *b, int64_t heard_us)
{
    return (int64_t)((double)b->flight_bytes * 8e6 / b->estimate_bps) - b->rtt_low_us - heard_us;
}

/* The queue that stands now, from what is under way: what was heard of it is a round trip old. */
static int64_t queue_now_us(const struct bwe *b, int64_t now_us)
{
    return later(sooner(under_way_us(b, sooner(b->every_us, now_us - b->heard_us)), b->queue_us), 0);
}

/* A queue of 30 ms is left alone; the longer it is, the more of the line is left to it. Silence counts as the worst of queues. */
uint32_t bwe_target_bps(const struct bwe *b, int64_t now_us)
{
    double share = 1;
    if (b->hot_us) share = 1 - (double)(queue_now_us(b, now_us) - 30000) / 250000;
    int64_t wait = 500000 + 2 * (int64_t)b->rtt_us;
    if (b->heard && b->sent_us - b->heard_us > wait && now_us - b->sent_us < wait) share = 0.3;
    share = share < LEAST_SHARE ? LEAST_SHARE : share > 1 ? 1 : share;
    double bps = b->estimate_bps * share;
    return bps < BWE_MIN_BPS ? BWE_MIN_BPS : (uint32_t)bps;
}

uint32_t bwe_pace_bps(const struct bwe *b, int64_t now_us)
{
    uint32_t bps = bwe_target_bps(b, now_us);
    return b->hot || b->trial.on || b->probe.state != PROBE_NONE || b->queue_us > 40000 || under_way_us(b, later(b->every_us, now_us - b->heard_us)) > 40000 ? bps : bps + bps / 4;
}

uint16_t bwe_sent(struct bwe *b, size_t bytes, int64_t now_us)
{
    uint16_t seq = b->next++;
    struct bwe_sent *s = &b->sent[seq % BWE_HISTORY];
    if (s->state == SENT_OUT) b->flight_bytes -= s->bytes;
    *s = (struct bwe_sent){.at_us = (uint32_t)now_us, .bytes = (bytes + WIRE_BYTES) & 0x1fff, .state = SENT_OUT};
    b->flight_bytes += s->bytes;
    b->sent_us = now_us;
    probe_sent(b, s, seq);
    return seq;
}

/* ---- one feedback ---- */
struct heard {
    struct bwe *b;
    int64_t base_us, now_us; /* of the receiver's clock, of ours */
    int64_t least_us, tail_us[3]; /* queues: the least, the last three */
    unsigned n;
    uint32_t bytes;
    int64_t last_at_us, last_sent_us;
};

struct bwe_sent *bwe_entry(struct bwe *b, uint16_t seq)
{
    uint16_t age = (uint16_t)(b->next - seq);
    struct bwe_sent *s = &b->sent[seq % BWE_HISTORY];
    return age && age <= BWE_HISTORY && s->state ? s : NULL;
}

static int64_t queue_of(struct bwe *b, int64_t delay_us, int64_t now_us)
{
    if (!b->low_since_us || now_us - b->low_since_us > LOW_WINDOW_US) {
        b->low_before_us = b->low_since_us ? b->low_us : delay_us;
        b->low_us = delay_us;
        b->low_since_us = now_us;
        b->rtt_low_us = (uint32_t)later((int64_t)b->rtt_us - b->queue_us, 0);
    }
    b->low_us = sooner(b->low_us, delay_us);
    return delay_us - sooner(b->low_us, b->low_before_us);
}

static uint16_t note_queue(int64_t us)
{
    return (uint16_t)(1 + (us < 0 ? 0 : us / 64 > 65000 ? 65000 : us / 64));
}

static void settle(struct bwe *b, struct bwe_sent *s, unsigned state)
{
    if (s->state == SENT_OUT) b->flight_bytes -= s->bytes;
    s->state = state & 3;
}

/* RFC 3550 6.4.1, of packets that did not leave together. */
static void count_jitter(struct bwe *b, int64_t sent_us, int64_t at_us)
{
    if (sent_us - b->jitter_sent_us < 4000) return;
    int64_t d = (at_us - b->jitter_at_us) - (sent_us - b->jitter_sent_us);
    d = d < 0 ? -d : d;
    if (b->jitter_sent_us && d < 200000) b->jitter_us += (d - b->jitter_us) / 16;
    b->jitter_sent_us = sent_us;
    b->jitter_at_us = at_us;
}

static void count_busy(struct bwe *b, int64_t sent_us, int64_t at_us, uint32_t bytes, int64_t queue_us)
{
    if (queue_us < BUSY_US + b->noise_us) {
        b->busy_us = b->busy_last_us = b->busy_sent_us = b->busy_bytes = b->busy_n = 0;
        return;
    }
    if (b->busy_last_us) {
        b->busy_us += later(at_us - b->busy_last_us, 0);
        b->busy_sent_us += later(sent_us - b->busy_last_sent_us, 0);
        b->busy_bytes += bytes;
        b->busy_n++;
    }
    b->busy_last_us = later(at_us, b->busy_last_us);
    b->busy_last_sent_us = sent_us;
    if (b->busy_us > BUSY_KEEP_US) {
        b->busy_us /= 2;
        b->busy_sent_us /= 2;
        b->busy_bytes /= 2;
        b->busy_n /= 2;
    }
}

static void arrived(struct heard *h, struct bwe_sent *s, int64_t at_us)
{
    struct bwe *b = h->b;
    int64_t sent_us = bwe_sent_us(s, h->now_us), queue_us = queue_of(b, at_us - sent_us, h->now_us);
    s->queue = note_queue(queue_us);
    if (!h->n || queue_us < h->least_us) h->least_us = queue_us;
    h->tail_us[h->n++ % 3] = queue_us;
    h->bytes += s->bytes;
    b->loss_bytes += s->bytes;
    h->last_at_us = later(h->last_at_us, at_us);
    h->last_sent_us = later(h->last_sent_us, sent_us);
    count_busy(b, sent_us, at_us, s->bytes, queue_us);
    count_jitter(b, sent_us, at_us);
}

static void each(void *ctx, uint16_t seq, int64_t at_us)
{
    struct heard *h = ctx;
    struct bwe *b = h->b;
    struct bwe_sent *s = bwe_entry(b, seq);
    if (!s || s->state == SENT_ARRIVED) return;
    if (seq_diff((uint16_t)(seq + 1), b->known) > 0) b->known = (uint16_t)(seq + 1);
    if (at_us == TWCC_LOST) {
        if (s->state == SENT_LOST) return;
        settle(b, s, SENT_LOST);
        if (!s->probe) {
            b->loss_lost++;
            b->loss_n++;
        }
        return;
    }
    if (s->state == SENT_LOST) { /* late, not lost */
        if (b->loss_lost && !s->probe) b->loss_lost--;
    } else if (!s->probe) {
        b->loss_n++;
    }
    settle(b, s, SENT_ARRIVED);
    arrived(h, s, h->base_us + at_us);
}

/* Numbers that no feedback spoke of: a feedback was lost. They count as arrived, no one knows when. */
static void pass_over(struct heard *h, uint16_t first)
{
    struct bwe *b = h->b;
    for (; seq_diff(first, b->known) > 0; b->known++) {
        struct bwe_sent *s = bwe_entry(b, b->known);
        if (!s || s->state != SENT_OUT) continue;
        settle(b, s, SENT_ARRIVED);
        h->bytes += s->bytes;
        if (b->busy_last_us) b->busy_bytes += (uint32_t)(s->bytes * (1 - b->own_loss));
    }
}

/* ---- delay ---- */
static int64_t tail(const int64_t t[3], unsigned n)
{
    return n < 3 ? -1 : sooner(t[0], sooner(t[1], t[2]));
}

static void cool(struct bwe *b)
{
    b->hot = b->stuck = 0;
    b->hot_us = 0;
}

/* The queue stays although less is sent than arrives: it is not ours (a longer way, a busy machine, or others on the line). */
static void look_whose_queue(struct bwe *b, int64_t least_us, int64_t now_us)
{
    b->mark_least_us = sooner(b->mark_least_us, least_us);
    if (now_us - b->mark_us < MARK_US + (int64_t)b->rtt_us) return;
    bool stays = b->mark_least_us + GROWS_US >= b->mark_queue_us && b->loss < b->own_loss + 0.05;
    b->stuck = stays ? b->stuck + 1 : 0;
    int64_t least = b->mark_least_us;
    b->mark_us = now_us;
    b->mark_queue_us = least_us;
    b->mark_least_us = INT64_MAX;
    if (b->stuck < 2) return;
    b->low_us = b->low_before_us = sooner(b->low_us, b->low_before_us) + least;
    b->low_since_us = now_us;
    b->queue_us = 0;
    if (b->delivered_bps > b->estimate_bps) bwe_set(b, b->delivered_bps);
    b->probe.next_us = now_us;
    cool(b);
}

/* What arrives while a queue stands is what the line carries, if it is our queue: if it arrived slower than it was sent, or with loss. That is
 * believed when the queue begins, and again when it grows further; else less and less would be sent, and less and less arrive. A queue
 * that only stands is met with less once. */
static bool believed(struct bwe *b, int64_t least_us, int64_t now_us)
{
    int64_t since = now_us - b->hot_us, later_us = b->busy_us - b->busy_sent_us;
    bool slower = later_us > 2000 + b->busy_sent_us / 20 + 2 * b->jitter_us; /* more than jitter makes of it */
    if (b->busy_us < BUSY_SURE_US || b->busy_n < 10) slower = slower && later_us > b->busy_sent_us / 3; /* few packets: only if it is plain */
    slower = slower || b->loss > b->own_loss + 0.05;
    if (slower && (since < BEGINS_US + (int64_t)b->rtt_us || least_us > b->cut_queue_us + GROWS_US)) return true;
    if (slower) return b->loss > b->own_loss + LOSS_MUCH && now_us - b->cut_us > BEGINS_US + (int64_t)b->rtt_us; /* it cannot grow: what is too much is lost */
    bool used = b->delivered_bps >= bwe_target_bps(b, now_us) / 10 * 7 || least_us > MUCH_US;
    if (b->tried || since < BEGINS_US || !used) return false;
    return b->tried = true;
}

static void overused(struct bwe *b, int64_t least_us, int64_t now_us)
{
    if (!b->hot_us) {
        b->hot_us = b->mark_us = now_us;
        b->mark_queue_us = least_us;
        b->mark_least_us = INT64_MAX;
        b->cut_queue_us = 0;
        b->tried = false;
        b->doubted = true;
        b->proven_bps = 0;
    }
    b->loss_hot = true;
    probe_stop(b, now_us);
    double carried = bwe_rate(b->busy_bytes / (1 - b->own_loss), b->busy_us);
    bool news = carried * KEEP < b->estimate_bps || !b->measured; /* a guess may have been too low as well */
    if (b->busy_us >= BUSY_ENOUGH_US && b->busy_n >= 4 && news && believed(b, least_us, now_us)) {
        bwe_set(b, carried * KEEP);
        b->measured = true;
        b->cut_us = now_us;
        b->doubted = false;
        b->cut_queue_us = later(b->cut_queue_us, least_us);
    }
    b->cut_queue_us = sooner(b->cut_queue_us, later(least_us, QUIET_US)); /* what grows from here on is news */
    look_whose_queue(b, least_us, now_us);
}

static void judge_delay(struct bwe *b, const struct heard *h)
{
    if (!h->n) return;
    int64_t quiet = QUIET_US + 2 * b->noise_us, end = tail(h->tail_us, h->n);
    if (end < 0) end = h->least_us;
    bool rises = h->least_us > b->queue_us && end > b->tail_us + STEEP_US;
    bool hot = h->least_us > quiet || end > later(BURST_US, quiet);
    b->queue_us = h->least_us;
    b->tail_us = end;
    b->hot = hot ? b->hot + 1 : 0;
    bool meant = probe_look(b, h->now_us);
    if (meant && !b->hot_us) {
        b->hot = 0;
    } else if (b->hot >= 2 || (hot && (rises || end > SURELY_US))) {
        b->queue_us = later(h->least_us, end);
        if (b->probe.state == PROBE_WAITING && !b->hot_us && b->hot < 2 && b->queue_us < PROBES_QUEUE_US) return; /* its queue is meant: what it tells comes first */
        overused(b, h->least_us, h->now_us);
    } else if (!hot) {
        cool(b);
        b->noise_us = sooner(b->noise_us + (h->least_us - b->noise_us) / 8, NOISE_MOST_US);
    }
}

/* ---- loss ---- */
static void begin_loss(struct bwe *b, int64_t since_us)
{
    b->loss_hot = false;
    b->loss_n = b->loss_lost = b->loss_bytes = 0;
    b->loss_since_us = since_us;
}

/* Even a short queue, together with loss, says that the line is full. */
static bool full(const struct bwe *b)
{
    return b->queue_us > 15000 + b->jitter_us;
}

/* Less is sent for a while: a line that is too full loses nothing then. */
static void try_less(struct bwe *b, double loss, int64_t now_us)
{
    double carried = 0.9 * bwe_rate(b->loss_bytes / (1 - b->own_loss), now_us - b->loss_since_us);
    if (!b->trial.on) {
        b->trial.bps = b->estimate_bps;
        b->trial.rounds = 0;
    }
    b->trial.on = true;
    b->trial.rounds++;
    b->trial.loss = loss;
    b->trial.n = b->loss_n;
    if (carried < b->estimate_bps || !b->measured) bwe_set(b, later((int64_t)carried, b->estimate_bps / 3));
    b->measured = true;
    begin_loss(b, now_us + (int64_t)b->rtt_us); /* what is under way was sent before */
}

static bool less(const struct bwe *b, double loss)
{
    return loss < 0.6 * b->trial.loss;
}

static double in_both(const struct bwe *b, double loss)
{
    return (loss * b->loss_n + b->trial.loss * b->trial.n) / (b->loss_n + b->trial.n);
}

/* By how much two such windows of one line differ: the standard deviation. */
static double chance(const struct bwe *b, double loss)
{
    double both = in_both(b, loss);
    return sqrt(both * (1 - both) * (1.0 / b->loss_n + 1.0 / b->trial.n));
}

static bool helped(const struct bwe *b, double loss)
{
    return !b->loss_n || (less(b, loss) && b->trial.loss - loss > SURELY * chance(b, loss));
}

/* Still lossy, but the first look may have been from before the line shrank: less still. */
static bool unclear(const struct bwe *b, double loss)
{
    return b->trial.rounds < 3 && !less(b, loss) && (fabs(loss - b->trial.loss) > SOMEWHAT * chance(b, loss) || full(b));
}

/* Much was lost: by the line itself, or because it is full? A probe is the quickest answer: a line that is full loses very much more of it. Only where none can be sent
 * less is sent for a while. */
static bool asks_probe(const struct bwe *b, int64_t now_us)
{
    if (b->suspect.guilty || (b->suspect.since_us && now_us - b->suspect.since_us > SUSPECT_US)) return false;
    return b->probe.state != PROBE_NONE || (!full(b) && now_us - b->probe.may_us < MAY_US);
}

static void suspect(struct bwe *b, double loss, int64_t now_us)
{
    if (!b->suspect.since_us) b->suspect.since_us = now_us;
    b->suspect.loss = loss;
    b->suspect.carried_bps = bwe_rate(b->loss_bytes, now_us - b->loss_since_us);
    if (b->probe.state == PROBE_NONE) b->probe.next_us = now_us;
}

static void end_trial(struct bwe *b, double loss, int64_t now_us)
{
    b->trial.on = false;
    if (helped(b, loss) || full(b)) return; /* or would have */
    b->trial.next_us = now_us + TRIAL_PAUSE_US;
    b->own_loss = in_both(b, loss) < 0.5 ? in_both(b, loss) : 0.5;
    if (b->trial.bps > b->estimate_bps) bwe_set(b, b->trial.bps);
    b->probe.next_us = 0;
}

static void judge_loss(struct bwe *b, int64_t now_us)
{
    if (now_us < b->loss_since_us) {
        b->loss_n = b->loss_lost = b->loss_bytes = 0;
        return;
    }
    unsigned enough = b->trial.on ? (unsigned)(5 / b->trial.loss) : LOSS_PACKETS;
    int64_t since = now_us - b->loss_since_us;
    if (since < LOSS_WINDOW_US || (b->loss_n < enough && since < 4 * LOSS_WINDOW_US)) return;
    double loss = b->loss_n ? (double)b->loss_lost / b->loss_n : 0;
    if (b->trial.on && less(b, loss) && !helped(b, loss) && since < 4 * LOSS_WINDOW_US) return; /* it may have helped */
    double own = b->own_loss > 0.05 ? b->own_loss : 0.05;
    double doubt = 2.5 * sqrt(own * (1 - own) / (b->loss_n ? b->loss_n : 1));
    bool much = b->loss_n >= LOSS_PACKETS / 2 && loss > b->own_loss + (doubt > LOSS_MUCH ? doubt : LOSS_MUCH);
    b->loss = loss;
    if (b->loss_hot) {
        b->trial.on = false;
    } else if (b->trial.on && unclear(b, loss)) {
        try_less(b, loss, now_us);
        return;
    } else if (b->trial.on) {
        end_trial(b, loss, now_us);
    } else if (much && asks_probe(b, now_us)) {
        suspect(b, loss, now_us);
    } else if (much) {
        b->suspect.since_us = 0;
        b->suspect.guilty = false;
        if (now_us >= b->trial.next_us || full(b)) {
            try_less(b, loss, now_us);
            return;
        }
    } else if (!full(b)) {
        b->suspect.since_us = 0;
        b->suspect.guilty = false;
        b->own_n++;
        b->own_loss += (loss - b->own_loss) * (b->own_n < 4 ? 1.0 / (1 + b->own_n) : 0.2);
    }
    begin_loss(b, now_us);
}

/* ---- all of it ---- */
void bwe_rest(struct bwe *b, int64_t now_us)
{
    cool(b);
    b->queue_us = b->tail_us = 0;
    b->trial.on = false;
    begin_loss(b, now_us);
}

static void count_delivered(struct bwe *b, const struct heard *h)
{
    if (!h->n) return;
    int64_t span = b->last_at_us ? h->last_at_us - b->last_at_us : 0;
    if (span >= 1000) {
        double weight = span > 400000 ? 1 : (double)span / 400000;
        b->delivered_bps = (uint32_t)(b->delivered_bps + weight * ((double)bwe_rate(h->bytes, span) - b->delivered_bps));
    }
    b->last_at_us = later(b->last_at_us, h->last_at_us);
    uint32_t trip = (uint32_t)(h->now_us - h->last_sent_us);
    b->rtt_us = b->rtt_us ? (b->rtt_us * 7 + trip) / 8 : trip;
    if (!b->rtt_low_us || trip < b->rtt_low_us) b->rtt_low_us = trip;
}

/* Where nothing can be padded: what is used to the full may grow slowly, and a guess gives way to what comes without a queue. */
static void grow(struct bwe *b, int64_t now_us, int64_t before_us)
{
    if (b->hot || b->trial.on || !before_us) return;
    if (!b->measured && b->delivered_bps > b->estimate_bps) bwe_set(b, b->delivered_bps);
    if (b->probe.began_us && now_us - b->probe.began_us < 4000000) return;
    if (b->delivered_bps < b->estimate_bps / 10 * 8) return;
    bwe_set(b, b->estimate_bps * (1 + 0.05 * (double)sooner(now_us - before_us, 500000) / 1e6));
}

void bwe_feedback(struct bwe *b, const uint8_t *fci, size_t len, int64_t now_us)
{
    struct heard h = {.b = b, .now_us = now_us};
    uint32_t reference;
    if (twcc_reference(fci, len, &reference)) return;
    int32_t step = (int32_t)((reference - b->reference) << 8) >> 8;
    b->clock_us += b->heard ? (int64_t)step * 64000 : (int64_t)reference * 64000;
    b->reference = reference;
    h.base_us = b->clock_us;
    h.last_at_us = INT64_MIN;
    if (!b->heard) {
        b->known = get_u16(fci);
        begin_loss(b, now_us);
    }
    if (bwe_entry(b, get_u16(fci))) pass_over(&h, get_u16(fci));
    if (twcc_read(fci, len, each, &h)) return;
    int64_t before_us = b->heard_us;
    b->deaf += ((b->heard && fci[7] != (uint8_t)(b->count + 1)) - b->deaf) * 0.1;
    b->count = fci[7];
    b->heard = true;
    b->heard_us = now_us;
    b->feedbacks++;
    if (before_us) b->every_us = (uint32_t)((b->every_us * 7 + sooner(now_us - before_us, 500000)) / 8);
    count_delivered(b, &h);
    judge_delay(b, &h);
    judge_loss(b, now_us);
    grow(b, now_us, before_us);
}
