/* The live room as JSON (docs/protocol/signaling.md): rooms, seats, quality, what is shown. */
#include "server/signaling/signaling.h"

static json_t *id_json(uint64_t id)
{
    char text[ID_TEXT_BYTES];
    if (!id) return json_null();
    id_format(id, text);
    return json_string(text);
}

static json_t *person_json(const struct room_person *p)
{
    json_t *org = p->org_id.v ? json_pack("{s:o,s:s}", "id", id_json(p->org_id.v), "name", p->org) : p->org[0] ? json_string(p->org) : json_null();
    return json_pack("{s:o,s:s,s:s,s:o}", "id", id_json(p->id.v), "name", p->name, "title", p->title, "org", org);
}

static json_t *tracks_json(const struct room_seat *s)
{
    json_t *list = json_array();
    for (int i = 0; i < SOURCE_COUNT; i++)
        if (s->tracks[i].on)
            json_array_append_new(list, json_pack("{s:o,s:s,s:b}", "id", id_json(s->tracks[i].id), "source", room_source_name((enum room_source)i),
                                                  "muted", s->tracks[i].muted));
    return list;
}

json_t *live_quality(const struct room_quality *q)
{
    return json_pack("{s:s,s:I,s:I,s:f,s:I}", "grade", room_grade_name(q->grade), "up_bps", (json_int_t)q->up_bps, "down_bps",
                     (json_int_t)q->down_bps, "loss", q->loss_permille / 1000.0, "rtt_ms", (json_int_t)q->rtt_ms);
}

json_t *live_seat(const struct room_seat *s)
{
    static const char *const states[] = {"waiting", "admitted", "away"};
    return json_pack("{s:o,s:o,s:s,s:s,s:b,s:b,s:o,s:o,s:s?}", "id", id_json(s->id), "person", person_json(&s->person), "role", room_role_name(s->role),
                     "state", states[s->state], "hand", s->hand, "muted_by_host", s->muted_by_host, "tracks", tracks_json(s), "quality",
                     s->quality.up_bps || s->quality.down_bps ? live_quality(&s->quality) : json_null(), "device", s->device);
}

/* A guest sees no record, so nothing of it is shown to him. */
json_t *live_show(const struct room *r, const struct room_seat *to)
{
    const struct room_show *v = &r->show;
    if (!r->show_by || !to || to->role == ROLE_GUEST) return json_null();
    return json_pack("{s:o,s:o,s:i,s:f,s:f,s:f,s:o}", "by", id_json(r->show_by), "document_id", id_json(v->document), "page", v->page, "zoom", v->zoom,
                     "x", v->x, "y", v->y, "pointer",
                     v->pointer ? json_pack("{s:f,s:f}", "x", v->pointer_x, "y", v->pointer_y) : json_null());
}

static json_t *recording_json(const struct room *r)
{
    static const char *const states[] = {"off", "asking", "on"}, *const troubles[] = {"", "losing", "no_space", "failed"};
    json_t *consents = json_object();
    for (size_t i = 0; i < r->n_seats; i++) {
        const struct room_seat *s = &r->seats[i];
        char id[ID_TEXT_BYTES];
        id_format(s->id, id);
        if (s->state != SEAT_WAITING && s->role != ROLE_MACHINE)
            json_object_set_new(consents, id, s->consent == CONSENT_NONE ? json_null() : json_boolean(s->consent == CONSENT_YES));
    }
    return json_pack("{s:s,s:o,s:o,s:s}", "state", states[r->record], "consents", consents, "started_ms",
                     r->record == RECORD_ON ? json_integer(r->record_ms) : json_null(), "trouble", troubles[r->trouble]);
}

static json_t *layered_json(const struct room *r)
{
    json_t *list = json_array();
    for (int i = 0; i < SOURCE_COUNT; i++)
        if (r->layered & 1u << i) json_array_append_new(list, json_string(room_source_name((enum room_source)i)));
    return list;
}

json_t *live_room(const struct room *r, const struct room_seat *to, bool seats)
{
    static const char *const states[] = {"open", "live", "interrupted", "ended"};
    bool guest = !to || to->role == ROLE_GUEST;
    json_t *o = json_pack("{s:o,s:o,s:s,s:s,s:o,s:o,s:o,s:b,s:o}", "id", id_json(r->id.v), "case_id", id_json(guest ? 0 : r->case_id.v), "title",
                          guest ? "" : r->title, "state", states[r->state], "host_seat", id_json(room_host_seat(r)), "recording", recording_json(r),
                          "spotlight", id_json(r->spotlight), "can_record", r->case_id.v && r->patient_consent, "layered", layered_json(r));
    json_t *list = seats ? json_array() : NULL;
    for (size_t i = 0; list && i < r->n_seats; i++)
        json_array_append_new(list, live_seat(&r->seats[i]));
    if (list) json_object_set_new(o, "seats", list);
    if (seats) json_object_set_new(o, "show", live_show(r, to));
    return o;
}
