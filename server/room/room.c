#include "server/room/room.h"
#include <string.h>

static const char *const sources[SOURCE_COUNT] = {"mic", "camera", "screen", "camera2"};
static const char *const roles[] = {"host", "expert", "member", "guest", "machine"};
static const char *const grades[] = {"good", "fair", "poor", "lost"};

const char *room_source_name(enum room_source s)
{
    return sources[s];
}

int room_source_parse(const char *word)
{
    for (int i = 0; word && i < SOURCE_COUNT; i++)
        if (strcmp(word, sources[i]) == 0) return i;
    return -1;
}

const char *room_role_name(enum seat_role r)
{
    return roles[r];
}

const char *room_grade_name(enum room_grade g)
{
    return grades[g];
}

void room_init(struct room *r, struct room_id id)
{
    memset(r, 0, sizeof *r);
    r->id = id;
}

struct room_seat *room_seat(struct room *r, uint64_t id)
{
    for (size_t i = 0; i < r->n_seats; i++)
        if (r->seats[i].id == id) return &r->seats[i];
    return NULL;
}

bool room_is_host(const struct room *r, const struct room_seat *s)
{
    return s->role == ROLE_HOST || (s->person.id.v && s->person.id.v == r->host.v);
}

uint64_t room_host_seat(const struct room *r)
{
    uint64_t any = 0;
    for (size_t i = 0; i < r->n_seats; i++) {
        const struct room_seat *s = &r->seats[i];
        if (s->state == SEAT_WAITING || !room_is_host(r, s)) continue;
        if (s->person.id.v == r->host.v) return s->id;
        if (!any) any = s->id;
    }
    return any;
}

/* ---- effects ---- */
static struct room_effect *fx(struct room_effects *out, enum room_effect_type type, uint64_t seat)
{
    static struct room_effect lost; /* more than the table holds cannot come of one event; see ROOM_EFFECTS_MAX */
    struct room_effect *e = out->n < ROOM_EFFECTS_MAX ? &out->at[out->n++] : &lost;
    *e = (struct room_effect){.type = type, .seat = seat};
    return e;
}

static void note(struct room_effects *out, uint64_t seat, const char *kind)
{
    fx(out, FX_NOTE, seat)->why = kind;
}

static void remember(struct room_effects *out, uint64_t seat, const char *what)
{
    fx(out, FX_REMEMBER, seat)->why = what;
}

static void news(struct room_effects *out, enum room_news what)
{
    fx(out, FX_NEWS, 0)->news = what;
}

/* ---- what follows from who is here ---- */
static bool is_in(const struct room_seat *s)
{
    return s->state == SEAT_ADMITTED;
}

/* Sides of a consultation: whoever asks (hosts, family) and whoever answers (experts, members). Machines are on neither. */
static void count_sides(const struct room *r, int *asking, int *answering)
{
    *asking = *answering = 0;
    for (size_t i = 0; i < r->n_seats; i++) {
        const struct room_seat *s = &r->seats[i];
        if (!is_in(s)) continue;
        *asking += s->role == ROLE_HOST || s->role == ROLE_GUEST;
        *answering += s->role == ROLE_EXPERT || s->role == ROLE_MEMBER;
    }
}

static void look_at_sides(struct room *r, int64_t now_ms, struct room_effects *out)
{
    int asking, answering;
    if (r->state == ROOM_ENDED) return;
    count_sides(r, &asking, &answering);
    bool both = asking && answering;
    if (both || r->state == ROOM_OPEN) r->one_sided_ms = 0;
    if (both && r->state != ROOM_LIVE) {
        if (r->state == ROOM_INTERRUPTED) news(out, NEWS_RESUMED);
        r->state = ROOM_LIVE;
        fx(out, FX_STATE, 0);
    } else if (!both && r->state == ROOM_LIVE) {
        if (!r->one_sided_ms) r->one_sided_ms = now_ms;
        if (now_ms - r->one_sided_ms < ROOM_INTERRUPTED_MS) return;
        r->state = ROOM_INTERRUPTED;
        news(out, NEWS_INTERRUPTED);
        fx(out, FX_STATE, 0);
    }
}

/* ---- recording ---- */
static bool asks(const struct room_seat *s)
{
    return s->state != SEAT_WAITING && s->role != ROLE_MACHINE;
}

static void record_end(struct room *r, enum record_state to, int64_t now_ms, struct room_effects *out)
{
    if (r->record == RECORD_ON) {
        fx(out, FX_RECORD_STOP, 0);
        note(out, 0, "record_stopped");
    }
    if (r->record != to) fx(out, FX_STATE, 0);
    r->record = to;
    r->record_ms = now_ms;
    for (size_t i = 0; to == RECORD_OFF && i < r->n_seats; i++)
        if (r->seats[i].consent == CONSENT_YES) r->seats[i].consent = CONSENT_NONE; /* a no stays readable until somebody asks again */
}

/* Begins when everybody who is in has agreed, rests when somebody came who was not asked yet, ends when nobody is left. */
static void look_at_consents(struct room *r, int64_t now_ms, struct room_effects *out)
{
    bool all = true, present = false;
    if (r->record == RECORD_OFF) return;
    for (size_t i = 0; i < r->n_seats; i++) {
        const struct room_seat *s = &r->seats[i];
        if (!asks(s)) continue;
        present |= is_in(s);
        all &= s->consent == CONSENT_YES;
    }
    if (!present) {
        record_end(r, RECORD_OFF, now_ms, out);
    } else if (all && r->record == RECORD_ASKING) {
        r->record = RECORD_ON;
        r->record_ms = now_ms;
        fx(out, FX_RECORD_START, 0);
        fx(out, FX_STATE, 0);
        note(out, 0, "record_started");
    } else if (!all && r->record == RECORD_ON) {
        record_end(r, RECORD_ASKING, now_ms, out);
    }
}

static int record(struct room *r, struct room_seat *by, bool on, int64_t now_ms, struct room_effects *out, struct fault *f)
{
    if (!on) {
        record_end(r, RECORD_OFF, now_ms, out);
        return 0;
    }
    if (!r->case_id.v) return fault_set(f, ERR_NOT_ALLOWED_NOW, "no_case", "Only consultations are recorded.");
    if (!r->patient_consent)
        return fault_set(f, ERR_NOT_ALLOWED_NOW, "no_patient_consent", "The patient's consent to recording is not on the form.");
    if (r->record != RECORD_OFF) return 0;
    for (size_t i = 0; i < r->n_seats; i++)
        r->seats[i].consent = CONSENT_NONE;
    by->consent = CONSENT_YES;
    r->record = RECORD_ASKING;
    r->record_ms = now_ms;
    r->trouble = TROUBLE_NONE;
    fx(out, FX_STATE, 0);
    note(out, by->id, "record_asked");
    look_at_consents(r, now_ms, out);
    return 0;
}

static int answer_consent(struct room *r, struct room_seat *s, bool agrees, int64_t now_ms, struct room_effects *out, struct fault *f)
{
    if (r->record == RECORD_OFF) return fault_set(f, ERR_NOT_ALLOWED_NOW, "not_recording", "Nobody asks for a recording now.");
    note(out, s->id, agrees ? "consent_given" : "consent_refused");
    s->consent = agrees ? CONSENT_YES : CONSENT_NO;
    fx(out, FX_STATE, 0); /* everybody sees who agreed and who did not */
    if (agrees) look_at_consents(r, now_ms, out);
    else record_end(r, RECORD_OFF, now_ms, out);
    return 0;
}

/* ---- seats ---- */
static void come_in(struct room *r, struct room_seat *s, int64_t now_ms, struct room_effects *out)
{
    bool first = !s->admitted_before;
    s->state = SEAT_ADMITTED;
    s->admitted_before = true;
    s->away_ms = 0;
    if (first) remember(out, s->id, "admitted");
    fx(out, FX_SEEN, s->id);
    fx(out, FX_SEAT, s->id);
    look_at_sides(r, now_ms, out);
    look_at_consents(r, now_ms, out);
}

static int join(struct room *r, const struct room_event *e, int64_t now_ms, struct room_effects *out, struct fault *f)
{
    struct room_seat *s = room_seat(r, e->seat);
    if (r->state == ROOM_ENDED) return fault_set(f, ERR_GONE, "room_closed", "The session has ended.");
    if (!s && r->n_seats == ROOM_SEATS_MAX) return fault_set(f, ERR_UNAVAILABLE, "room_full", "The room is full.");
    if (!s) {
        s = &r->seats[r->n_seats++];
        *s = (struct room_seat){.id = e->seat, .admitted_before = e->join.admitted_before};
        note(out, s->id, "entered");
    }
    s->person = e->join.person;
    s->role = e->join.role;
    s->admitted_before |= s->state == SEAT_ADMITTED || s->state == SEAT_AWAY;
    for (int i = 0; i < SOURCE_COUNT; i++) /* fresh media after every join: until they come there are none */
        s->tracks[i].on = false;
    fx(out, FX_TRACKS, 0);
    if (s->admitted_before || s->role == ROLE_MACHINE || room_is_host(r, s)) {
        come_in(r, s, now_ms, out);
    } else {
        s->state = SEAT_WAITING;
        fx(out, FX_SEAT, s->id);
    }
    return 0;
}

/* `s` is invalid afterwards. */
static void drop(struct room *r, struct room_seat *s, const char *why, int64_t now_ms, struct room_effects *out)
{
    uint64_t id = s->id;
    *s = r->seats[--r->n_seats];
    note(out, id, why);
    fx(out, FX_LEFT, id)->why = why;
    fx(out, FX_TRACKS, 0);
    if (r->spotlight == id) {
        r->spotlight = 0;
        fx(out, FX_STATE, 0);
    }
    if (r->show_by == id) {
        r->show_by = 0;
        fx(out, FX_SHOW, 0);
    }
    look_at_sides(r, now_ms, out);
    look_at_consents(r, now_ms, out);
}

static void lost(struct room *r, struct room_seat *s, int64_t now_ms, struct room_effects *out)
{
    if (s->state == SEAT_WAITING) {
        drop(r, s, "left", now_ms, out);
        return;
    }
    s->state = SEAT_AWAY;
    s->away_ms = now_ms;
    fx(out, FX_SEAT, s->id);
    look_at_sides(r, now_ms, out);
    look_at_consents(r, now_ms, out);
}

static void leave(struct room *r, struct room_seat *s, int64_t now_ms, struct room_effects *out)
{
    remember(out, s->id, "left");
    drop(r, s, "left", now_ms, out);
}

static void end(struct room *r, int64_t now_ms, struct room_effects *out)
{
    record_end(r, RECORD_OFF, now_ms, out);
    r->state = ROOM_ENDED;
    r->spotlight = r->show_by = 0;
    fx(out, FX_STATE, 0);
    news(out, NEWS_ENDED);
    for (size_t i = r->n_seats; i-- > 0;)
        fx(out, FX_LEFT, r->seats[i].id)->why = "ended";
    r->n_seats = 0;
}

static void tick(struct room *r, int64_t now_ms, struct room_effects *out)
{
    for (size_t i = r->n_seats; i-- > 0;)
        if (r->seats[i].state == SEAT_AWAY && now_ms - r->seats[i].away_ms >= ROOM_AWAY_MS) drop(r, &r->seats[i], "lost", now_ms, out);
    if (r->record == RECORD_ASKING && now_ms - r->record_ms >= ROOM_ASKING_MS) record_end(r, RECORD_OFF, now_ms, out);
    look_at_sides(r, now_ms, out);
}

/* ---- what hosts do to others ---- */
static int act_on(struct room *r, const struct room_event *e, int64_t now_ms, struct room_effects *out, struct fault *f)
{
    struct room_seat *t = room_seat(r, e->target);
    if (!t) return fault_set(f, ERR_NOT_FOUND, "no_seat", "There is no such seat.");
    bool waiting = t->state == SEAT_WAITING;
    if (waiting != (e->type == ROOM_ADMIT || e->type == ROOM_REFUSE))
        return fault_set(f, ERR_NOT_ALLOWED_NOW, waiting ? "waiting" : "admitted_already", "The seat is not in that state.");
    switch (e->type) {
    case ROOM_ADMIT:
        come_in(r, t, now_ms, out);
        fx(out, FX_ADMITTED, t->id);
        fx(out, FX_TRACKS, 0);
        break;
    case ROOM_REFUSE:
        remember(out, t->id, "refused");
        fx(out, FX_REFUSED, t->id);
        drop(r, t, "refused", now_ms, out);
        break;
    case ROOM_REMOVE:
        remember(out, t->id, "removed");
        drop(r, t, "removed", now_ms, out);
        break;
    case ROOM_MUTE:
        t->tracks[e->source].muted = true;
        if (e->source == SOURCE_MIC) t->muted_by_host = true;
        *fx(out, FX_PAUSE, t->id) = (struct room_effect){.type = FX_PAUSE, .seat = t->id, .source = e->source, .on = true};
        fx(out, FX_SEAT, t->id);
        note(out, t->id, "muted");
        break;
    default:
        t->hand = false;
        fx(out, FX_SEAT, t->id);
    }
    return 0;
}

static int spotlight(struct room *r, uint64_t target, struct room_effects *out, struct fault *f)
{
    const struct room_seat *s = room_seat(r, target);
    if (target && !s) return fault_set(f, ERR_NOT_FOUND, "no_seat", "There is no such seat.");
    if (s && s->state == SEAT_WAITING) return fault_set(f, ERR_NOT_ALLOWED_NOW, "waiting", "The seat is not in the room yet.");
    r->spotlight = target;
    fx(out, FX_STATE, 0);
    return 0;
}

/* ---- what people do themselves ---- */
static void mute_self(struct room_seat *s, const struct room_event *e, struct room_effects *out)
{
    struct room_track *t = &s->tracks[e->source];
    t->muted = e->on;
    if (!e->on && e->source == SOURCE_MIC) s->muted_by_host = false;
    if (!e->on) *fx(out, FX_PAUSE, s->id) = (struct room_effect){.type = FX_PAUSE, .seat = s->id, .source = e->source};
    fx(out, FX_SEAT, s->id);
}

static void track(struct room_seat *s, const struct room_event *e, struct room_effects *out)
{
    struct room_track *t = &s->tracks[e->source];
    if (e->on && !t->id) t->id = id_new();
    if (e->on && !t->on) t->muted = e->source == SOURCE_MIC && s->muted_by_host;
    t->on = e->on;
    fx(out, FX_SEAT, s->id);
    fx(out, FX_TRACKS, 0);
}

static int show(struct room *r, struct room_seat *s, const struct room_event *e, struct room_effects *out, struct fault *f)
{
    if (!room_is_host(r, s) && s->role != ROLE_EXPERT)
        return fault_set(f, ERR_DENIED, "not_host", "Host and expert show documents.");
    if (!e->on && r->show_by != s->id && !room_is_host(r, s))
        return fault_set(f, ERR_DENIED, "not_showing", "Somebody else shows this.");
    bool other = e->on && (r->show_by != s->id || r->show.document != e->show.document);
    r->show_by = e->on ? s->id : 0;
    r->show = e->show;
    fx(out, FX_SHOW, s->id);
    if (other || !e->on) note(out, s->id, e->on ? "shown" : "show_ended");
    return 0;
}

static int own_act(struct room *r, struct room_seat *s, const struct room_event *e, int64_t now_ms, struct room_effects *out)
{
    switch (e->type) {
    case ROOM_HAND:
        s->hand = e->on;
        fx(out, FX_SEAT, s->id);
        return 0;
    case ROOM_MUTE_SELF:
        mute_self(s, e, out);
        return 0;
    case ROOM_TRACK:
        track(s, e, out);
        return 0;
    default:
        end(r, now_ms, out);
        return 0;
    }
}

static bool host_only(enum room_event_type t)
{
    return (t >= ROOM_ADMIT && t <= ROOM_SPOTLIGHT) || t == ROOM_RECORD || t == ROOM_END;
}

static int seat_act(struct room *r, struct room_seat *s, const struct room_event *e, int64_t now_ms, struct room_effects *out, struct fault *f)
{
    if (s->state == SEAT_WAITING) return fault_set(f, ERR_NOT_ALLOWED_NOW, "waiting", "You are not in the room yet.");
    if (host_only(e->type) && !room_is_host(r, s)) return fault_set(f, ERR_DENIED, "not_host", "Only a host may do that.");
    switch (e->type) {
    case ROOM_ADMIT:
    case ROOM_REFUSE:
    case ROOM_REMOVE:
    case ROOM_MUTE:
    case ROOM_LOWER_HAND: return act_on(r, e, now_ms, out, f);
    case ROOM_SPOTLIGHT: return spotlight(r, e->target, out, f);
    case ROOM_RECORD: return record(r, s, e->on, now_ms, out, f);
    case ROOM_CONSENT: return answer_consent(r, s, e->on, now_ms, out, f);
    case ROOM_SHOW: return show(r, s, e, out, f);
    default: return own_act(r, s, e, now_ms, out);
    }
}

/* What the desk tells of the recording itself; nobody has acted. */
static void record_news(struct room *r, const struct room_event *e, int64_t now_ms, struct room_effects *out)
{
    if (e->type == ROOM_RECORD_TROUBLE && (r->record != RECORD_ON || r->trouble == e->trouble)) return;
    if (e->trouble) note(out, 0, e->type == ROOM_RECORD_FAILED ? "record_failed" : "record_losing");
    if (r->trouble != e->trouble) fx(out, FX_STATE, 0);
    r->trouble = e->trouble;
    if (e->type == ROOM_RECORD_FAILED) record_end(r, RECORD_OFF, now_ms, out);
}

int room_step(struct room *r, const struct room_event *e, int64_t now_ms, struct room_effects *out, struct fault *f)
{
    out->n = 0;
    if (e->type == ROOM_JOIN) return join(r, e, now_ms, out, f);
    if (e->type == ROOM_TICK || e->type == ROOM_CLOSED || e->type == ROOM_RECORD_FAILED || e->type == ROOM_RECORD_TROUBLE) {
        if (e->type == ROOM_TICK) tick(r, now_ms, out);
        else if (e->type == ROOM_CLOSED) end(r, now_ms, out);
        else record_news(r, e, now_ms, out);
        return 0;
    }
    struct room_seat *s = room_seat(r, e->seat);
    if (!s) return fault_set(f, ERR_NOT_FOUND, "no_seat", "The seat is gone.");
    if (e->type == ROOM_LOST) lost(r, s, now_ms, out);
    else if (e->type == ROOM_LEAVE) leave(r, s, now_ms, out);
    else if (e->type == ROOM_EXPELLED) drop(r, s, "removed", now_ms, out);
    else return seat_act(r, s, e, now_ms, out, f);
    return 0;
}

int64_t room_next_ms(const struct room *r)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < r->n_seats; i++)
        if (r->seats[i].state == SEAT_AWAY && r->seats[i].away_ms + ROOM_AWAY_MS < next) next = r->seats[i].away_ms + ROOM_AWAY_MS;
    if (r->record == RECORD_ASKING && r->record_ms + ROOM_ASKING_MS < next) next = r->record_ms + ROOM_ASKING_MS;
    if (r->state == ROOM_LIVE && r->one_sided_ms && r->one_sided_ms + ROOM_INTERRUPTED_MS < next) next = r->one_sided_ms + ROOM_INTERRUPTED_MS;
    return next;
}
