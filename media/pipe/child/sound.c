#include "media/pipe/child/film.h"
#include <stdlib.h>
#include <string.h>

#define RING (1u << 18)   /* samples: 5.4 s, more than tracks can be apart */
#define SLACK 2880        /* 60 ms: times are whole milliseconds and clocks differ; a voice is not torn for it */
#define AUDIBLE 260       /* mean amplitude from which somebody speaks */
#define SWITCH_MS 900     /* so long another must be louder */

static int32_t ring[RING];
static int64_t taken; /* samples that are out */

static void loudness(struct track *t, const int16_t *samples, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (unsigned)abs(samples[i]);
    unsigned now = n ? (unsigned)(sum / n) : 0;
    t->level = (unsigned)((int)t->level + (((int)now - (int)t->level) >> 3));
}

void sound_add(struct track *t, const int16_t *samples, size_t n, int64_t time_us)
{
    int64_t at = time_us * 48 / 1000;
    loudness(t, samples, n);
    if (t->cursor != INT64_MIN && llabs(at - t->cursor) < SLACK) at = t->cursor;
    t->cursor = at + (int64_t)n;
    for (size_t i = 0; i < n; i++, at++)
        if (at >= taken && at < taken + RING) ring[(uint64_t)at % RING] += samples[i];
}

uint64_t sound_speaker(struct track *tracks, int64_t at_ms)
{
    static uint64_t speaker, candidate;
    static int64_t since_ms;
    const struct track *loudest = NULL;
    for (size_t i = 0; i < COMPOSE_TRACKS_MAX; i++) {
        struct track *t = &tracks[i];
        if (!t->used || !t->sound) continue;
        if (t->cursor < at_ms * 48 - 24000) t->level = 0; /* silent senders send nothing at all */
        if (t->level >= AUDIBLE && (!loudest || t->level > loudest->level)) loudest = t;
    }
    uint64_t who = loudest ? loudest->who : 0;
    if (!who || who == speaker) candidate = 0;
    else if (who != candidate) {
        candidate = who;
        since_ms = at_ms;
    }
    if (candidate && (!speaker || at_ms - since_ms >= SWITCH_MS)) {
        speaker = candidate;
        candidate = 0;
    }
    return speaker;
}

/* Above three quarters of the range louder becomes loud more slowly, so that two voices at once do not crackle. */
static int16_t limited(int32_t v)
{
    int32_t a = abs(v), most = 32767, knee = 24576;
    if (a > knee) a = knee + (int32_t)((int64_t)(a - knee) * (most - knee) / (a - knee + most - knee));
    return (int16_t)(v < 0 ? -a : a);
}

void sound_take(int64_t until_ms, void (*each)(const int16_t samples[1024]))
{
    int16_t out[1024];
    while (taken + 1024 <= until_ms * 48) {
        for (int i = 0; i < 1024; i++, taken++) {
            int32_t *at = &ring[(uint64_t)taken % RING];
            out[i] = limited(*at);
            *at = 0;
        }
        each(out);
    }
}
