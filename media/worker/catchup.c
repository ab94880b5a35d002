/* Newcomers are sent the group of pictures that is going on (router/replay.h), a part every tick. */
#include "media/router/replay.h"
#include "media/worker/worker.h"
#include "media/worker/figures.h"

/* A keyframe costs every watcher, a replay only the newcomer: with few watchers only a short group is worth it. */
#define SHORT_PACKETS 128
#define LONG_PACKETS 768
#define MANY_FEEDS 8
#define STEP_PACKETS 24 /* every 10 ms: about 20 Mbit/s */

void catchup_end(struct feed *f)
{
    struct feed **at = &f->peer->worker->replays;
    if (!f->replays) return;
    while (*at != f)
        at = &(*at)->next_replay;
    *at = f->next_replay;
    f->replays = f->consumer.replay.on = false;
}

/* Packets that wait for the rest of their frame go to those who have caught up; until then nobody overtakes them. */
static bool waits(const struct track *t, const struct packet *k)
{
    for (size_t i = 0; i < t->n_fresh; i++)
        if (t->fresh[i].layer == k->layer && t->fresh[i].rtp.seq == k->rtp.seq) return true;
    return false;
}

static void step(struct feed *f)
{
    struct copies c = {0};
    struct packet k;
    struct consumer *to = &f->consumer;
    for (size_t i = 0; i < STEP_PACKETS && replay_next(to, &f->track->producer, &k) && !waits(f->track, &k); i++) {
        if (c.n == FRESH_MAX) {
            forward_copies(f->peer, &c);
            c.n = 0;
        }
        if (!replay_forward(to, &f->track->producer, &k, f->peer->worker->now_us, &c.parts[c.n])) continue;
        c.may_pad[c.n] = !c.parts[c.n].pad_len && consumer_may_pad(to, &k);
        c.len[c.n] = rtp_length(&c.parts[c.n]) + f->peer->tag;
        c.n++;
    }
    if (c.n) feed_noted(f);
    forward_copies(f->peer, &c);
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
    if (!f->replays) {
        f->next_replay = w->replays;
        w->replays = f;
    }
    f->replays = true;
    step(f); /* the keyframe at once */
    return true;
}

void catchup_step(struct worker *w)
{
    for (struct feed *f = w->replays, *next; f; f = next) {
        next = f->next_replay;
        step(f);
        if (!f->consumer.replay.on) catchup_end(f);
    }
}
