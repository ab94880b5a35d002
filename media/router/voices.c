#include "media/router/voices.h"
#include <stddef.h>

#define AUDIBLE 55         /* -dBov; a quiet room behind a suppressor of noise is at 70 and more */
#define SILENT_US 600000   /* a pause between sentences */
#define STAY_US 1000000    /* who has just got a place keeps it so long against speakers */
#define PLAINLY_DB 8
#define LOW 45 /* of who never tells */

static void note(struct voice *voice, uint8_t level, int64_t now_us)
{
    if (level > AUDIBLE) return;
    float loudness = 127 - (float)level, weight = loudness > voice->loudness ? 0.3f : 0.05f;
    voice->loudness += (loudness - voice->loudness) * weight;
    voice->loud_us = now_us;
}

/* Who gives way: the one silent for longest, else the quietest. NULL: nobody. */
static struct voice *gives_way(const struct voices *v, const struct voice *to, int64_t now_us)
{
    struct voice *silent = v->at[0], *quiet = NULL;
    for (unsigned i = 0; i < v->n; i++) {
        struct voice *one = v->at[i];
        if (one->loud_us < silent->loud_us) silent = one;
        if (now_us - one->since_us >= STAY_US && (!quiet || one->loudness < quiet->loudness)) quiet = one;
    }
    if (now_us - silent->loud_us >= SILENT_US) return silent;
    return quiet && to->loudness > quiet->loudness + PLAINLY_DB ? quiet : NULL;
}

void voices_leave(struct voices *v, struct voice *voice)
{
    for (unsigned i = 0; i < v->n; i++)
        if (v->at[i] == voice) {
            v->at[i] = v->at[--v->n];
            break;
        }
    voice->heard = false;
}

bool voices_take(struct voices *v, unsigned most, struct voice *voice, uint8_t level, int64_t now_us, struct voice **out)
{
    *out = NULL;
    if (level == VOICE_UNSAID) level = voice->told ? voice->level : LOW;
    else voice->told = true;
    voice->level = level;
    note(voice, level, now_us);
    if (voice->heard || !most) return true;
    if (most > VOICES_MAX) most = VOICES_MAX;
    if (v->n >= most) {
        if (level > AUDIBLE || !(*out = gives_way(v, voice, now_us))) return false;
        voices_leave(v, *out);
    }
    v->at[v->n++] = voice;
    voice->heard = true;
    voice->since_us = now_us;
    return true;
}
