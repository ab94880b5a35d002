/* Newcomers are sent the group of pictures that is going on (router/replay.h), a part every 10 ms. When hundreds come at once their parts are
 * spread: what those who watch already wait for is looked after in between. */
#include "media/router/replay.h"
#include "media/worker/worker.h"
#include "media/worker/figures.h"

/* A keyframe costs every watcher, a replay only the newcomer: with few watchers only a short group is worth it. */
#define SHORT_PACKETS 128
#define LONG_PACKETS 768
#define MANY_FEEDS 8
#define STEP_PACKETS 24 /* every 10 ms: about 20 Mbit/s */
#define STEP_US 10000
#define TURN_PACKETS 256 /* to all newcomers, before the socket is looked at again: about a millisecond */

/* ---- who waits for his next part ---- */
static void enter(struct feed *f, struct feed **at)
{
    struct worker *w = f->peer->worker;
    f->replays = true;
    f->back_replay = at;
    f->next_replay = *at;
    if (*at) (*at)->back_replay = &f->next_replay;
    else w->replays_end = &f->next_replay;
    *at = f;
}

static void take_out(struct feed *f)
{
    struct worker *w = f->peer->worker;
    *f->back_replay = f->next_replay;
    if (f->next_replay) f->next_replay->back_replay = f->back_replay;
    else w->replays_end = f->back_replay;
    f->replays = false;
}

void catchup_end(struct feed *f)
{
    if (!f->replays) return;
    take_out(f);
    f->consumer.replay.on = false;
}

/* ---- parts ---- */
/* Packets that wait for the rest of their frame go to those who have caught up; until then nobody overtakes them. */
static bool waits(const struct track *t, const struct packet *k)
{
    for (size_t i = 0; i < t->n_fresh; i++)
        if (t->fresh[i].layer == k->layer && t->fresh[i].rtp.seq == k->rtp.seq) return true;
    return false;
}

static size_t step(struct feed *f) /* how many packets it took */
{
    struct copies c = {0};
    struct packet k;
    struct consumer *to = &f->consumer;
    size_t sent = 0;
    for (size_t i = 0; i < STEP_PACKETS && replay_next(to, &f->track->producer, &k) && !waits(f->track, &k); i++) {
        if (c.n == FRESH_MAX) {
            forward_copies(f->peer, &c);
            c.n = 0;
        }
        if (!replay_forward(to, &f->track->producer, &k, f->peer->worker->now_us, &c.parts[c.n])) continue;
        c.may_pad[c.n] = !c.parts[c.n].pad_len && consumer_may_pad(to, &k);
        c.len[c.n] = rtp_length(&c.parts[c.n]) + f->peer->tag;
        c.n++;
        sent++;
    }
    if (c.n) feed_noted(f);
    forward_copies(f->peer, &c);
    return sent;
}

bool catchup_begin(struct feed *f)
{
    struct worker *w = f->peer->worker;
    if (f->consumer.replay.on) return true;
    if (!f->peer->seal || !f->peer->ice.has_selected) return false;
    size_t most = line_burst(f->peer, f->track->n_feeds < MANY_FEEDS ? SHORT_PACKETS : LONG_PACKETS);
    if (!replay_begin(&f->consumer, &f->track->producer, most, w->now_us)) return false;
    metric_add(figures.replays, 1);
    line_forget(f); /* what waits there comes again from the ring */
    if (f->replays) take_out(f);
    f->step_us = w->now_us; /* the keyframe at once */
    enter(f, &w->replays);
    return true;
}

int64_t catchup_due(struct worker *w)
{
    size_t sent = 0;
    for (struct feed *f; (f = w->replays);) {
        if (f->step_us > w->now_us) return f->step_us;
        if (sent >= TURN_PACKETS) return w->now_us;
        take_out(f);
        sent += step(f);
        if (!f->consumer.replay.on) continue;
        f->step_us = w->now_us + STEP_US;
        enter(f, w->replays_end);
    }
    return INT64_MAX;
}
