/* room_rules - what holds of a live room after every step, whatever happened (server/room/room.h). For unit test and fuzzer. */
#ifndef YL_TESTS_LIB_ROOM_RULES_H
#define YL_TESTS_LIB_ROOM_RULES_H

#include "server/room/room.h"

static inline const char *room_broken_seat(struct room *r, const struct room_seat *s)
{
    if (!s->id || room_seat(r, s->id) != s) return "a seat twice";
    if ((s->state == SEAT_AWAY) != (s->away_ms != 0)) return "away without a time";
    for (int t = 0; t < SOURCE_COUNT; t++) {
        if (s->tracks[t].on && s->state == SEAT_WAITING) return "a waiting seat sends";
        if (s->tracks[t].on && !s->tracks[t].id) return "a track without an id";
    }
    return NULL;
}

/* NULL, or the rule that is broken. `recording`: as the effects up to now say it. */
static inline const char *room_broken(struct room *r, bool recording)
{
    bool unasked = false, present = false;
    if (r->n_seats > ROOM_SEATS_MAX) return "too many seats";
    for (size_t i = 0; i < r->n_seats; i++) {
        const struct room_seat *s = &r->seats[i];
        const char *broken = room_broken_seat(r, s);
        if (broken) return broken;
        unasked |= s->state != SEAT_WAITING && s->role != ROLE_MACHINE && s->consent != CONSENT_YES;
        present |= s->state == SEAT_ADMITTED && s->role != ROLE_MACHINE;
    }
    if (r->record == RECORD_ON && (unasked || !present)) return "recorded without everybody's yes";
    if (recording != (r->record == RECORD_ON)) return "the effects say another thing than the state";
    if (r->spotlight && !room_seat(r, r->spotlight)) return "spotlight on nobody";
    if (r->show_by && !room_seat(r, r->show_by)) return "shown by nobody";
    if (r->state == ROOM_ENDED && (r->n_seats || r->record != RECORD_OFF)) return "after its end";
    return NULL;
}
#endif
