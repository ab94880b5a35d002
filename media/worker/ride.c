/* Voice goes along with a picture: at the end of the picture's run of datagrams one more, shorter one costs almost nothing, while by itself it
 * costs as much as the whole frame. The more receivers gain by it, the longer a voice packet waits for the next frame that is expected; one that
 * could not go along by then does not wait at all. When hundreds come within a second the wait grows only little by little: a jitter buffer follows
 * that unheard, and nobody's packets are late because others join. */
#include "media/worker/worker.h"

#define RIDE_FEEDS 8
#define RIDE_US_A_FEED 100
#define RIDE_US_MAX 20000
#define RIDE_US_A_MS 3   /* so much longer in each millisecond, at most */
#define LATE_US 3000     /* a frame that much behind its time is not waited for */
#define GAP_US_MAX 200000
#define EXPECTED_US 400   /* so much later than it should be is still in time */

/* The look that is next but for this comes just behind the frame, not half a beat. Of several pictures the one that is due first counts. */
static void expect(const struct track *t)
{
    struct worker *w = t->peer->worker;
    int64_t next = t->whole_us + t->gap_us + EXPECTED_US;
    if (!t->gap_us || t->n_feeds < RIDE_FEEDS || next <= w->now_us) return;
    if (w->expected_us <= w->now_us || next < w->expected_us) w->expected_us = next;
}

void ride_rhythm(struct track *t)
{
    int64_t now = t->peer->worker->now_us, gap = t->whole_us - t->before_us;
    if (!t->fresh[t->n_fresh - 1].rtp.marker) return;
    if (gap < GAP_US_MAX) t->gap_us = t->gap_us ? t->gap_us + (gap - t->gap_us) / 8 : gap;
    t->before_us = t->whole_us;
    t->frame_us = now;
    expect(t);
}

/* When the room's next frame should leave; INT64_MAX: none is expected. */
static int64_t next_frame_us(const struct room *room, int64_t now_us)
{
    int64_t next = INT64_MAX;
    for (const struct track *t = room->pictures; t; t = t->next_picture) {
        int64_t due = t->frame_us + t->gap_us;
        if (t->gap_us && t->n_feeds >= RIDE_FEEDS && due > now_us - LATE_US && due < next) next = due;
    }
    return next;
}

/* How long a packet of this voice may wait at most. */
static int64_t patience_us(struct track *voice)
{
    int64_t now = voice->peer->worker->now_us, most = (int64_t)voice->n_feeds * RIDE_US_A_FEED;
    if (most > RIDE_US_MAX) most = RIDE_US_MAX;
    int64_t grown = voice->ride_us + (voice->ride_seen_us ? (now - voice->ride_seen_us) * RIDE_US_A_MS / 1000 : 0);
    voice->ride_seen_us = now;
    return voice->ride_us = grown < most ? grown : most;
}

int64_t ride_until_us(struct track *voice)
{
    const struct worker *w = voice->peer->worker;
    int64_t until = voice->fresh_us + patience_us(voice);
    if (voice->n_feeds < RIDE_FEEDS || !w->egress.segments) return 0;
    int64_t next = next_frame_us(voice->room, w->now_us);
    if (next > until) return 0;
    return next + LATE_US < until ? next + LATE_US : until;
}

struct track *ride_along(const struct track *picture)
{
    struct track *first = NULL;
    if (picture->producer.params.kind != MEDIA_VIDEO || picture->n_feeds < RIDE_FEEDS) return NULL;
    for (struct track *t = picture->peer->worker->fresh; t; t = t->next_fresh)
        if (t->room == picture->room && t->producer.params.kind == MEDIA_AUDIO && t->n_fresh && (!first || t->fresh_us < first->fresh_us)) first = t;
    return first;
}

static bool waits(const struct feed *f, const struct track *voice, const struct peer *peer)
{
    return f->track == voice && f->peer == peer && f->rode != voice->turn;
}

/* Receivers mostly take a room's tracks in the same order, so that theirs stand at about the same place. */
struct feed *ride_feed(const struct track *voice, size_t near, const struct peer *peer)
{
    for (size_t i = near ? near - 1 : 0; i < near + 2 && i < voice->n_feeds; i++)
        if (waits(voice->feeds[i], voice, peer)) return voice->feeds[i];
    for (size_t i = 0; peer->n_feeds <= 4 && i < peer->n_feeds; i++)
        if (waits(peer->feeds[i], voice, peer)) return peer->feeds[i];
    return NULL;
}
