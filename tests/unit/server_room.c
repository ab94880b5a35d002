/* The live room's machine: every event, every refusal, consents, interruption, away and return, and a long seeded walk with invariants. */
#include "tests/lib/room_rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T0 1795500000000
enum { HOST = 1, EXPERT, MEMBER, GUEST, MACHINE, OTHER };

static struct room r;
static struct room_effects fx;
static struct fault f;
static int64_t now;

static int step(struct room_event e)
{
    fault_clear(&f);
    return room_step(&r, &e, now, &fx, &f);
}

static int act(uint64_t seat, enum room_event_type type, uint64_t target)
{
    return step((struct room_event){.type = type, .seat = seat, .target = target});
}

static int turn(uint64_t seat, enum room_event_type type, bool on)
{
    return step((struct room_event){.type = type, .seat = seat, .on = on});
}

static int join(uint64_t seat, enum seat_role role)
{
    struct room_event e = {.type = ROOM_JOIN, .seat = seat, .join = {.role = role}};
    e.join.person.id.v = role == ROLE_GUEST || role == ROLE_MACHINE ? 0 : 1000 + seat;
    return step(e);
}

static int count(enum room_effect_type type, uint64_t seat)
{
    int n = 0;
    for (size_t i = 0; i < fx.n; i++)
        n += fx.at[i].type == type && (!seat || fx.at[i].seat == seat);
    return n;
}

static bool noted(const char *kind)
{
    for (size_t i = 0; i < fx.n; i++)
        if (fx.at[i].type == FX_NOTE && strcmp(fx.at[i].why, kind) == 0) return true;
    return false;
}

static bool told(enum room_news what)
{
    for (size_t i = 0; i < fx.n; i++)
        if (fx.at[i].type == FX_NEWS && fx.at[i].news == what) return true;
    return false;
}

/* Of the first effect of that kind; "" = there was none. */
static const char *why(enum room_effect_type type)
{
    for (size_t i = 0; i < fx.n; i++)
        if (fx.at[i].type == type) return fx.at[i].why;
    return "";
}

static void refused(int rc, int code, const char *reason)
{
    assert_int_equal(rc, code);
    assert_string_equal(f.reason, reason);
    assert_int_equal(fx.n, 0);
}

static void empty_room(void)
{
    now = T0;
    room_init(&r, (struct room_id){7});
    r.case_id.v = 70;
    r.patient_consent = true;
}

/* Host, expert, member and guest are in. */
static void full_table(void)
{
    empty_room();
    assert_int_equal(join(HOST, ROLE_HOST), 0);
    for (uint64_t s = EXPERT; s <= GUEST; s++) {
        assert_int_equal(join(s, (enum seat_role)(ROLE_EXPERT + s - EXPERT)), 0);
        assert_int_equal(act(HOST, ROOM_ADMIT, s), 0);
    }
}

static enum seat_state state_of(uint64_t seat)
{
    assert_non_null(room_seat(&r, seat));
    return room_seat(&r, seat)->state;
}

/* ---- coming in ---- */

static void hosts_and_machines_come_in_by_themselves(void **state)
{
    empty_room();
    assert_int_equal(join(HOST, ROLE_HOST), 0);
    assert_int_equal(state_of(HOST), SEAT_ADMITTED);
    assert_true(count(FX_SEEN, HOST) && noted("entered"));
    assert_string_equal(why(FX_REMEMBER), "admitted");
    assert_int_equal(room_host_seat(&r), HOST);
    assert_int_equal(join(MACHINE, ROLE_MACHINE), 0);
    assert_int_equal(state_of(MACHINE), SEAT_ADMITTED);
    r.host.v = 1000 + EXPERT; /* whose room it is, whatever seat the case gives him */
    assert_int_equal(join(EXPERT, ROLE_EXPERT), 0);
    assert_int_equal(state_of(EXPERT), SEAT_ADMITTED);
    assert_int_equal(room_host_seat(&r), EXPERT);
    r.host.v = 0;
    for (uint64_t s = MEMBER; s <= GUEST; s++) {
        assert_int_equal(join(s, s == MEMBER ? ROLE_MEMBER : ROLE_GUEST), 0);
        assert_int_equal(state_of(s), SEAT_WAITING);
        assert_int_equal(count(FX_SEEN, s), 0);
    }
}

static void a_host_admits_refuses_and_removes(void **state)
{
    empty_room();
    assert_int_equal(join(HOST, ROLE_HOST), 0);
    assert_int_equal(join(GUEST, ROLE_GUEST), 0);
    refused(act(HOST, ROOM_REMOVE, GUEST), ERR_NOT_ALLOWED_NOW, "waiting");
    refused(act(HOST, ROOM_SPOTLIGHT, GUEST), ERR_NOT_ALLOWED_NOW, "waiting");
    assert_int_equal(act(HOST, ROOM_ADMIT, GUEST), 0);
    assert_int_equal(state_of(GUEST), SEAT_ADMITTED);
    assert_true(count(FX_ADMITTED, GUEST) == 1 && count(FX_TRACKS, 0));
    refused(act(HOST, ROOM_ADMIT, GUEST), ERR_NOT_ALLOWED_NOW, "admitted_already");
    refused(act(HOST, ROOM_REFUSE, GUEST), ERR_NOT_ALLOWED_NOW, "admitted_already");
    refused(act(HOST, ROOM_ADMIT, OTHER), ERR_NOT_FOUND, "no_seat");
    assert_int_equal(act(HOST, ROOM_REMOVE, GUEST), 0);
    assert_null(room_seat(&r, GUEST));
    assert_string_equal(why(FX_LEFT), "removed");
    assert_string_equal(why(FX_REMEMBER), "removed");
    assert_int_equal(join(GUEST, ROLE_GUEST), 0);
    assert_int_equal(act(HOST, ROOM_REFUSE, GUEST), 0);
    assert_null(room_seat(&r, GUEST));
    assert_int_equal(count(FX_REFUSED, GUEST), 1);
    assert_string_equal(why(FX_REMEMBER), "refused");
}

static void only_hosts_do_what_hosts_do(void **state)
{
    static const enum room_event_type acts[] = {ROOM_ADMIT, ROOM_REFUSE, ROOM_REMOVE, ROOM_MUTE, ROOM_LOWER_HAND, ROOM_SPOTLIGHT, ROOM_RECORD, ROOM_END};
    full_table();
    assert_int_equal(join(OTHER, ROLE_GUEST), 0); /* waits */
    for (uint64_t s = EXPERT; s <= GUEST; s++)
        for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
            refused(act(s, acts[i], HOST), ERR_DENIED, "not_host");
    for (enum room_event_type t = ROOM_ADMIT; t <= ROOM_END; t++) {
        if (t == ROOM_RECORD_FAILED) continue; /* the desk's */
        refused(act(OTHER, t, HOST), ERR_NOT_ALLOWED_NOW, "waiting");
        refused(act(99, t, HOST), ERR_NOT_FOUND, "no_seat");
    }
    refused(act(99, ROOM_LEAVE, 0), ERR_NOT_FOUND, "no_seat");
    refused(act(99, ROOM_LOST, 0), ERR_NOT_FOUND, "no_seat");
}

static void a_full_room_says_so(void **state)
{
    empty_room();
    for (uint64_t s = 1; s <= ROOM_SEATS_MAX; s++)
        assert_int_equal(join(s, s == 1 ? ROLE_HOST : ROLE_MEMBER), 0);
    refused(join(ROOM_SEATS_MAX + 1, ROLE_HOST), ERR_UNAVAILABLE, "room_full");
    assert_int_equal(join(5, ROLE_MEMBER), 0); /* who has a seat may come back */
    assert_int_equal(act(1, ROOM_END, 0), 0);
    assert_int_equal(count(FX_LEFT, 0), ROOM_SEATS_MAX);
    assert_true(fx.n < ROOM_EFFECTS_MAX);
}

/* ---- away and back ---- */

static void a_lost_line_keeps_the_seat_for_a_minute(void **state)
{
    full_table();
    assert_int_equal(turn(MEMBER, ROOM_HAND, true), 0);
    assert_int_equal(step((struct room_event){.type = ROOM_TRACK, .seat = MEMBER, .source = SOURCE_CAMERA, .on = true}), 0);
    uint64_t track = room_seat(&r, MEMBER)->tracks[SOURCE_CAMERA].id;
    assert_int_equal(act(MEMBER, ROOM_LOST, 0), 0);
    assert_int_equal(state_of(MEMBER), SEAT_AWAY);
    assert_int_equal(room_next_ms(&r), T0 + ROOM_AWAY_MS);
    now += ROOM_AWAY_MS - 1;
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_int_equal(join(MEMBER, ROLE_MEMBER), 0); /* the same seat, no second admission */
    const struct room_seat *s = room_seat(&r, MEMBER);
    assert_true(s->state == SEAT_ADMITTED && s->hand && !s->tracks[SOURCE_CAMERA].on && s->tracks[SOURCE_CAMERA].id == track);
    assert_int_equal(count(FX_REMEMBER, 0), 0);
    assert_int_equal(step((struct room_event){.type = ROOM_TRACK, .seat = MEMBER, .source = SOURCE_CAMERA, .on = true}), 0);
    assert_int_equal(s->tracks[SOURCE_CAMERA].id, track);
    assert_int_equal(act(MEMBER, ROOM_LOST, 0), 0);
    now += ROOM_AWAY_MS;
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_null(room_seat(&r, MEMBER));
    assert_string_equal(why(FX_LEFT), "lost");
}

static void who_waits_and_is_lost_is_gone(void **state)
{
    empty_room();
    assert_int_equal(join(HOST, ROLE_HOST), 0);
    assert_int_equal(join(GUEST, ROLE_GUEST), 0);
    assert_int_equal(act(GUEST, ROOM_LOST, 0), 0);
    assert_null(room_seat(&r, GUEST));
    struct room_event back = {.type = ROOM_JOIN, .seat = GUEST, .join = {.role = ROLE_GUEST, .admitted_before = true}};
    assert_int_equal(step(back), 0); /* the records plane remembers him over a restart */
    assert_int_equal(state_of(GUEST), SEAT_ADMITTED);
}

static void leaving_and_being_expelled(void **state)
{
    full_table();
    assert_int_equal(act(HOST, ROOM_SPOTLIGHT, EXPERT), 0);
    assert_int_equal(step((struct room_event){.type = ROOM_SHOW, .seat = EXPERT, .on = true, .show = {.document = 5}}), 0);
    assert_int_equal(act(EXPERT, ROOM_LEAVE, 0), 0);
    assert_string_equal(why(FX_REMEMBER), "left");
    assert_true(r.spotlight == 0 && r.show_by == 0 && count(FX_SHOW, 0) && count(FX_STATE, 0));
    assert_int_equal(act(MEMBER, ROOM_EXPELLED, 0), 0);
    assert_string_equal(why(FX_LEFT), "removed");
    assert_int_equal(count(FX_REMEMBER, 0), 0); /* it was the records plane that said so */
}

static void the_end_is_the_end(void **state)
{
    full_table();
    assert_int_equal(act(0, ROOM_CLOSED, 0), 0);
    assert_true(told(NEWS_ENDED) && r.n_seats == 0 && r.state == ROOM_ENDED);
    assert_int_equal(count(FX_LEFT, 0), 4);
    refused(join(HOST, ROLE_HOST), ERR_GONE, "room_closed");
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_int_equal(fx.n, 0);
    assert_int_equal(room_next_ms(&r), INT64_MAX);
    full_table();
    assert_int_equal(act(HOST, ROOM_END, 0), 0);
    assert_true(told(NEWS_ENDED) && r.n_seats == 0);
}

/* ---- both sides ---- */

static void one_side_gone_for_long_is_an_interruption(void **state)
{
    empty_room();
    assert_int_equal(join(HOST, ROLE_HOST), 0);
    assert_int_equal(r.state, ROOM_OPEN);
    assert_int_equal(join(MACHINE, ROLE_MACHINE), 0); /* on neither side */
    assert_int_equal(r.state, ROOM_OPEN);
    assert_int_equal(join(EXPERT, ROLE_EXPERT), 0);
    assert_int_equal(act(HOST, ROOM_ADMIT, EXPERT), 0);
    assert_int_equal(r.state, ROOM_LIVE);
    assert_int_equal(act(EXPERT, ROOM_LOST, 0), 0);
    assert_int_equal(r.state, ROOM_LIVE);
    now += ROOM_INTERRUPTED_MS - 1;
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_int_equal(r.state, ROOM_LIVE);
    assert_int_equal(room_next_ms(&r), now + 1);
    now++;
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_true(r.state == ROOM_INTERRUPTED && told(NEWS_INTERRUPTED));
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_false(told(NEWS_INTERRUPTED)); /* told once */
    assert_int_equal(join(EXPERT, ROLE_EXPERT), 0);
    assert_true(r.state == ROOM_LIVE && told(NEWS_RESUMED));
    assert_int_equal(act(HOST, ROOM_LOST, 0), 0);
    now += ROOM_INTERRUPTED_MS / 2;
    assert_int_equal(join(HOST, ROLE_HOST), 0);
    now += ROOM_INTERRUPTED_MS;
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_int_equal(r.state, ROOM_LIVE); /* back in time: the clock began anew */
}

/* ---- recording ---- */

static void recording_waits_for_every_yes(void **state)
{
    full_table();
    assert_int_equal(turn(HOST, ROOM_RECORD, true), 0);
    assert_true(r.record == RECORD_ASKING && noted("record_asked") && !count(FX_RECORD_START, 0));
    assert_int_equal(turn(HOST, ROOM_RECORD, true), 0); /* asked already */
    assert_int_equal(fx.n, 0);
    assert_int_equal(turn(EXPERT, ROOM_CONSENT, true), 0);
    assert_int_equal(turn(MEMBER, ROOM_CONSENT, true), 0);
    assert_int_equal(act(MEMBER, ROOM_LOST, 0), 0); /* away is not gone: his yes still counts */
    assert_int_equal(r.record, RECORD_ASKING);
    assert_int_equal(turn(GUEST, ROOM_CONSENT, true), 0);
    assert_true(r.record == RECORD_ON && count(FX_RECORD_START, 0) == 1 && noted("record_started") && noted("consent_given"));
    assert_int_equal(turn(HOST, ROOM_RECORD, false), 0);
    assert_true(r.record == RECORD_OFF && count(FX_RECORD_STOP, 0) == 1 && noted("record_stopped"));
    assert_int_equal(room_seat(&r, EXPERT)->consent, CONSENT_NONE);
    refused(turn(EXPERT, ROOM_CONSENT, true), ERR_NOT_ALLOWED_NOW, "not_recording");
}

static void everybody_agrees(void)
{
    full_table();
    assert_int_equal(turn(HOST, ROOM_RECORD, true), 0);
    for (uint64_t s = EXPERT; s <= GUEST; s++)
        assert_int_equal(turn(s, ROOM_CONSENT, true), 0);
    assert_int_equal(r.record, RECORD_ON);
}

static void one_no_ends_it(void **state)
{
    everybody_agrees();
    assert_int_equal(turn(MEMBER, ROOM_CONSENT, false), 0); /* withdrawn */
    assert_true(r.record == RECORD_OFF && count(FX_RECORD_STOP, 0) == 1 && noted("consent_refused"));
    assert_int_equal(turn(HOST, ROOM_RECORD, true), 0);
    assert_int_equal(turn(GUEST, ROOM_CONSENT, false), 0); /* refused */
    assert_true(r.record == RECORD_OFF && !count(FX_RECORD_STOP, 0));
}

static void a_newcomer_is_asked_first(void **state)
{
    everybody_agrees();
    assert_int_equal(join(OTHER, ROLE_GUEST), 0);
    assert_int_equal(r.record, RECORD_ON); /* he waits outside */
    assert_int_equal(act(HOST, ROOM_ADMIT, OTHER), 0);
    assert_true(r.record == RECORD_ASKING && count(FX_RECORD_STOP, 0) == 1);
    assert_int_equal(turn(OTHER, ROOM_CONSENT, true), 0);
    assert_true(r.record == RECORD_ON && count(FX_RECORD_START, 0) == 1);
    assert_int_equal(join(MACHINE, ROLE_MACHINE), 0); /* its token was given for the purpose */
    assert_int_equal(r.record, RECORD_ON);
    assert_int_equal(act(OTHER, ROOM_LOST, 0), 0);
    assert_int_equal(join(OTHER, ROLE_GUEST), 0); /* back: he had agreed */
    assert_int_equal(r.record, RECORD_ON);
}

static void asking_ends_after_a_minute_and_with_the_last(void **state)
{
    full_table();
    assert_int_equal(turn(HOST, ROOM_RECORD, true), 0);
    assert_int_equal(room_next_ms(&r), T0 + ROOM_ASKING_MS);
    now += ROOM_ASKING_MS;
    assert_int_equal(act(0, ROOM_TICK, 0), 0);
    assert_int_equal(r.record, RECORD_OFF);
    everybody_agrees();
    for (uint64_t s = HOST; s <= GUEST; s++)
        assert_int_equal(act(s, ROOM_LOST, 0), 0);
    assert_true(r.record == RECORD_OFF && count(FX_RECORD_STOP, 0) == 1); /* nobody is left to be recorded */
    everybody_agrees();
    struct room_event news = {.type = ROOM_RECORD_TROUBLE, .trouble = TROUBLE_LOSING};
    assert_int_equal(step(news), 0);
    assert_true(r.record == RECORD_ON && r.trouble == TROUBLE_LOSING && count(FX_STATE, 0) == 1 && count(FX_NOTE, 0) == 1);
    assert_int_equal(step(news), 0); /* known */
    assert_int_equal(fx.n, 0);
    news.trouble = TROUBLE_NONE;
    assert_int_equal(step(news), 0);
    assert_true(r.trouble == TROUBLE_NONE && count(FX_STATE, 0) == 1 && count(FX_NOTE, 0) == 0);
    news = (struct room_event){.type = ROOM_RECORD_FAILED, .trouble = TROUBLE_SPACE};
    assert_int_equal(step(news), 0);
    assert_true(r.record == RECORD_OFF && r.trouble == TROUBLE_SPACE && count(FX_RECORD_STOP, 0) == 1);
    everybody_agrees();
    assert_int_equal(r.trouble, TROUBLE_NONE); /* asked again: news of the last one are old */
    everybody_agrees();
    assert_int_equal(act(HOST, ROOM_END, 0), 0);
    assert_int_equal(count(FX_RECORD_STOP, 0), 1);
    assert_true(fx.at[0].type == FX_RECORD_STOP); /* before anybody's tracks go */
}

static void only_consultations_with_the_patients_consent_are_recorded(void **state)
{
    full_table();
    r.patient_consent = false;
    refused(turn(HOST, ROOM_RECORD, true), ERR_NOT_ALLOWED_NOW, "no_patient_consent");
    r.case_id.v = 0;
    refused(turn(HOST, ROOM_RECORD, true), ERR_NOT_ALLOWED_NOW, "no_case");
}

/* ---- microphones, hands, what is shown ---- */

static void muted_by_the_host_until_the_owner_speaks_again(void **state)
{
    full_table();
    assert_int_equal(step((struct room_event){.type = ROOM_TRACK, .seat = MEMBER, .source = SOURCE_MIC, .on = true}), 0);
    assert_true(count(FX_TRACKS, 0) && count(FX_SEAT, MEMBER));
    assert_int_equal(step((struct room_event){.type = ROOM_MUTE, .seat = HOST, .target = MEMBER, .source = SOURCE_MIC}), 0);
    const struct room_seat *s = room_seat(&r, MEMBER);
    assert_true(s->muted_by_host && s->tracks[SOURCE_MIC].muted && count(FX_PAUSE, MEMBER) == 1 && noted("muted"));
    assert_int_equal(step((struct room_event){.type = ROOM_TRACK, .seat = MEMBER, .source = SOURCE_MIC}), 0);
    assert_int_equal(step((struct room_event){.type = ROOM_TRACK, .seat = MEMBER, .source = SOURCE_MIC, .on = true}), 0);
    assert_true(s->tracks[SOURCE_MIC].muted); /* publishing anew does not get around it */
    assert_int_equal(step((struct room_event){.type = ROOM_MUTE_SELF, .seat = MEMBER, .source = SOURCE_MIC, .on = true}), 0);
    assert_true(s->muted_by_host);
    assert_int_equal(step((struct room_event){.type = ROOM_MUTE_SELF, .seat = MEMBER, .source = SOURCE_MIC}), 0);
    assert_true(!s->muted_by_host && !s->tracks[SOURCE_MIC].muted && count(FX_PAUSE, MEMBER) == 1);
    assert_int_equal(turn(MEMBER, ROOM_HAND, true), 0);
    assert_true(s->hand);
    assert_int_equal(act(HOST, ROOM_LOWER_HAND, MEMBER), 0);
    assert_false(s->hand);
    assert_int_equal(act(HOST, ROOM_SPOTLIGHT, MEMBER), 0);
    assert_int_equal(r.spotlight, MEMBER);
    refused(act(HOST, ROOM_SPOTLIGHT, 99), ERR_NOT_FOUND, "no_seat");
    assert_int_equal(act(HOST, ROOM_SPOTLIGHT, 0), 0);
    assert_int_equal(r.spotlight, 0);
}

static int show(uint64_t seat, uint64_t document)
{
    return step((struct room_event){.type = ROOM_SHOW, .seat = seat, .on = document != 0, .show = {.document = document, .page = 1}});
}

static void hosts_and_experts_show_documents(void **state)
{
    full_table();
    assert_int_equal(show(HOST, 5), 0);
    assert_true(r.show_by == HOST && count(FX_SHOW, 0) == 1 && noted("shown"));
    assert_int_equal(show(HOST, 5), 0);
    assert_false(noted("shown")); /* only the place moved */
    assert_int_equal(show(EXPERT, 6), 0); /* the newest wins */
    assert_true(r.show_by == EXPERT && noted("shown"));
    refused(show(MEMBER, 7), ERR_DENIED, "not_host");
    refused(show(GUEST, 7), ERR_DENIED, "not_host");
    assert_int_equal(show(HOST, 0), 0); /* a host may end anybody's */
    assert_true(r.show_by == 0 && noted("show_ended"));
    assert_int_equal(show(HOST, 5), 0);
    refused(show(EXPERT, 0), ERR_DENIED, "not_showing");
}

static void words_of_the_wire(void **state)
{
    for (int s = 0; s < SOURCE_COUNT; s++)
        assert_int_equal(room_source_parse(room_source_name((enum room_source)s)), s);
    assert_int_equal(room_source_parse("window"), -1);
    assert_int_equal(room_source_parse(NULL), -1);
    assert_string_equal(room_role_name(ROLE_MACHINE), "machine");
    assert_string_equal(room_grade_name(GRADE_LOST), "lost");
}

/* ---- a long walk ---- */

#define WALKS 60
#define STEPS 2500
#define SEATS 70 /* more than there is room for */

static uint32_t seed;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static struct {
    bool recording; /* by the effects alone */
    int recordings, interruptions, full, ends; /* of all walks: did they get anywhere? */
} seen;

static void check_effects(const struct room *before, const struct room_event *e)
{
    for (size_t i = 0; i < fx.n; i++) {
        const struct room_effect *x = &fx.at[i];
        if (x->type == FX_RECORD_START || x->type == FX_RECORD_STOP) {
            assert_int_equal(seen.recording, x->type == FX_RECORD_STOP);
            seen.recording = x->type == FX_RECORD_START;
            seen.recordings += seen.recording;
        }
        if (x->type == FX_ADMITTED) assert_int_equal(e->type, ROOM_ADMIT); /* whoever waits is told nothing but this */
        if (x->type == FX_PAUSE) assert_non_null(room_seat(&r, x->seat));
        if (x->type == FX_LEFT) assert_null(room_seat(&r, x->seat));
        if (x->type == FX_SEEN) assert_true(room_seat(&r, x->seat) && room_seat(&r, x->seat)->state == SEAT_ADMITTED);
        if (x->type == FX_NOTE || x->type == FX_LEFT || x->type == FX_REMEMBER) assert_non_null(x->why);
        seen.interruptions += x->type == FX_NEWS && x->news == NEWS_INTERRUPTED;
        seen.ends += x->type == FX_NEWS && x->news == NEWS_ENDED;
        if (x->type == FX_NEWS && x->news == NEWS_RESUMED) assert_int_equal(before->state, ROOM_INTERRUPTED);
        if (x->type == FX_NEWS && x->news == NEWS_INTERRUPTED) assert_int_equal(before->state, ROOM_LIVE);
    }
}

static void check_room(void)
{
    const char *broken = room_broken(&r, seen.recording);
    if (broken) fail_msg("%s", broken);
    assert_true(fx.n < ROOM_EFFECTS_MAX);
}

enum mood { ANYTHING, CROWD, RECORDING, MOODS }; /* what a walk is mostly about, so that it gets somewhere */

static enum room_event_type any_type(enum mood mood)
{
    static const enum room_event_type often[] = {ROOM_CONSENT, ROOM_CONSENT, ROOM_CONSENT, ROOM_RECORD, ROOM_TICK, ROOM_LOST, ROOM_TRACK};
    if (mood == CROWD && dice(4)) return dice(8) ? ROOM_JOIN : ROOM_ADMIT;
    if (mood == RECORDING && dice(10)) return dice(3) ? often[dice(sizeof often / sizeof *often)] : ROOM_JOIN;
    enum room_event_type t = dice(3) ? (enum room_event_type)dice(ROOM_TICK + 1) : ROOM_JOIN;
    return (t == ROOM_CLOSED || t == ROOM_END) && dice(60) ? ROOM_TICK : t; /* else nothing ever gets far */
}

static struct room_event any_event(enum mood mood)
{
    struct room_event e = {.type = any_type(mood)};
    e.seat = 1 + dice(mood == RECORDING ? 4 : mood == CROWD || dice(2) ? SEATS : 6);
    e.target = dice(10) ? 1 + dice(SEATS) : 0;
    e.source = (enum room_source)dice(SOURCE_COUNT);
    e.on = dice(mood == RECORDING ? 12 : 3) != 0;
    e.show.document = dice(3);
    e.join.role = e.seat == 1 ? ROLE_HOST : (enum seat_role)(ROLE_EXPERT + (e.seat + 2) % 4);
    e.join.admitted_before = mood == RECORDING || dice(2);
    e.join.person.id.v = e.join.role >= ROLE_GUEST ? 0 : 1000 + e.seat;
    return e;
}

static void one_walk(uint32_t from)
{
    enum mood mood = (enum mood)(from % MOODS);
    seed = from * 7919;
    seen.recording = false;
    empty_room();
    r.patient_consent = dice(8) != 0;
    for (int i = 0; i < STEPS; i++) {
        struct room_event e = any_event(mood);
        struct room before = r;
        now += dice(mood == CROWD ? 100 : 3000);
        const struct room_seat *by = room_seat(&before, e.seat);
        bool waiting = by && by->state == SEAT_WAITING;
        int rc = step(e);
        if (rc) {
            assert_memory_equal(&before, &r, sizeof r); /* a refusal changes nothing */
            assert_true(fx.n == 0 && f.code == rc && f.reason[0]);
            seen.full += strcmp(f.reason, "room_full") == 0;
        }
        if (waiting && rc == 0 && e.type >= ROOM_ADMIT && e.type <= ROOM_END && e.type != ROOM_RECORD_FAILED)
            fail_msg("seed %u step %d: a waiting seat did %d", from, i, e.type);
        check_effects(&before, &e);
        check_room();
        if (r.state == ROOM_ENDED && !dice(5)) {
            empty_room();
            seen.recording = false;
        }
    }
}

static void any_walk_keeps_the_rules(void **state)
{
    for (uint32_t i = 1; i <= WALKS; i++)
        one_walk(i);
    print_message("%d steps: %d recordings, %d interruptions, %d ends, %d times full\n", WALKS * STEPS, seen.recordings, seen.interruptions,
                  seen.ends, seen.full);
    assert_true(seen.recordings > 20 && seen.interruptions > 20 && seen.ends > 20 && seen.full > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_machines_come_in_by_themselves), cmocka_unit_test(a_host_admits_refuses_and_removes),
        cmocka_unit_test(only_hosts_do_what_hosts_do), cmocka_unit_test(a_full_room_says_so),
        cmocka_unit_test(a_lost_line_keeps_the_seat_for_a_minute), cmocka_unit_test(who_waits_and_is_lost_is_gone),
        cmocka_unit_test(leaving_and_being_expelled), cmocka_unit_test(the_end_is_the_end),
        cmocka_unit_test(one_side_gone_for_long_is_an_interruption), cmocka_unit_test(recording_waits_for_every_yes),
        cmocka_unit_test(one_no_ends_it), cmocka_unit_test(a_newcomer_is_asked_first),
        cmocka_unit_test(asking_ends_after_a_minute_and_with_the_last), cmocka_unit_test(only_consultations_with_the_patients_consent_are_recorded),
        cmocka_unit_test(muted_by_the_host_until_the_owner_speaks_again), cmocka_unit_test(hosts_and_experts_show_documents),
        cmocka_unit_test(words_of_the_wire), cmocka_unit_test(any_walk_keeps_the_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
