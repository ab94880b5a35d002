/* voices - which of a room's voices are forwarded: all while they are few, else the loudest of those who speak. Whoever begins to speak takes
 * the place of one who is silent, with his first packet; among speakers a place changes hands only for one who is plainly louder. Silence
 * alone loses nobody his place. By the level in each packet (RFC 6464). Worker thread; pure.
 */
#ifndef YL_MEDIA_ROUTER_VOICES_H
#define YL_MEDIA_ROUTER_VOICES_H

#include <stdbool.h>
#include <stdint.h>

#define VOICES_MAX 32
#define VOICE_UNSAID 128 /* the packet tells no level: that of the one before (a restored one), else a low voice's */

struct voice { /* of one track; zeroed = it never spoke */
    bool heard;
    float loudness; /* of what it says, dB over silence, smoothed */
    uint8_t level; /* told last */
    bool told;
    int64_t loud_us, since_us; /* last audible packet; since when it is heard */
};
struct voices { /* of one room; zeroed = nobody */
    unsigned n;
    struct voice *at[VOICES_MAX];
};

/* A packet of `level` (0 loudest .. 127 silence, -dBov; VOICE_UNSAID): is it forwarded? At most `most` voices are (0: all; VOICES_MAX at most). *out: who lost
 * his place for it, or NULL. */
bool voices_take(struct voices *v, unsigned most, struct voice *voice, uint8_t level, int64_t now_us, struct voice **out);
void voices_leave(struct voices *v, struct voice *voice); /* before it goes */
#endif
