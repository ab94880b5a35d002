/* Any sequence of events keeps the room's rules (tests/lib/room_rules.h), and a refused event changes nothing. Six bytes an event. */
#include "tests/lib/room_rules.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct room_event event_of(const uint8_t b[6])
{
    struct room_event e = {.type = (enum room_event_type)(b[0] % (ROOM_TICK + 1)), .seat = b[1] % 70, .target = b[2] % 70, .on = b[3] & 1,
                           .source = (enum room_source)(b[3] >> 1 & 3), .show = {.document = b[4] & 3}};
    e.join.role = (enum seat_role)(b[4] % 5);
    e.join.admitted_before = b[3] >> 3 & 1;
    e.join.person.id.v = e.join.role >= ROLE_GUEST ? 0 : 1 + b[1] % 70;
    if (e.type == ROOM_JOIN && !e.seat) e.seat = 70; /* the desk never joins nobody */
    return e;
}

static void look(const struct room_effects *fx, bool *recording)
{
    if (fx->n >= ROOM_EFFECTS_MAX) abort();
    for (size_t i = 0; i < fx->n; i++) {
        if (fx->at[i].type == FX_RECORD_START) *recording = true;
        if (fx->at[i].type == FX_RECORD_STOP) *recording = false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct room r, before;
    static struct room_effects fx;
    struct fault f = {0};
    int64_t now = 1795500000000;
    bool recording = false;
    if (size < 1) return 0;
    room_init(&r, (struct room_id){7});
    r.case_id.v = data[0] & 1;
    r.patient_consent = data[0] >> 1 & 1;
    r.host.v = data[0] >> 2;
    for (size_t at = 1; at + 6 <= size; at += 6) {
        struct room_event e = event_of(data + at);
        now += data[at + 5] * 250;
        before = r;
        if (room_step(&r, &e, now, &fx, &f) && (fx.n || memcmp(&before, &r, sizeof r))) abort();
        look(&fx, &recording);
        if (room_broken(&r, recording) || (recording && !r.case_id.v)) abort();
        if (e.type == ROOM_TICK && room_next_ms(&r) <= now) abort(); /* a tick leaves nothing to do */
    }
    return 0;
}
