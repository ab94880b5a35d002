/* The experts' published times: a Schedule for each expert, its Slots. Nothing about patients; every client with the scope sees them. */
#include "records/fhir/own.h"
#include "records/work/consultation.h"
#include <stdio.h>

static const char *status_of(const struct own *o, const struct consultation_slot *s)
{
    if (strcmp(s->state, "published") == 0)
        return s->held_until_ms > o->w->now_ms ? "busy-tentative" : "free";
    return strcmp(s->state, "cancelled") == 0 ? "busy-unavailable" : "busy";
}

static json_t *schedule_ref(uint64_t person)
{
    char name[FHIR_ID_BYTES];
    own_id(&own_schedule, person, name);
    return json_pack("{s:o}", "reference", json_sprintf("Schedule/%s", name));
}

static int make_slot(struct own *o, uint64_t id, struct own_made *out)
{
    struct consultation_slot s;
    if (!consultation_slot_find(&o->ctx, id, &s))
        return 0;
    out->shown = json_pack("{s:o,s:s,s:o,s:o}", "schedule", schedule_ref(s.person), "status", status_of(o, &s), "start", own_instant(s.start_ms), "end",
                           own_instant(s.end_ms));
    return 0;
}

static int make_schedule(struct own *o, uint64_t id, struct own_made *out)
{
    uint64_t any;
    struct consultation_slot s;
    if (!consultation_slots(&o->ctx, &(struct consultation_slot_wish){.person = id}, &any, 1) || !consultation_slot_find(&o->ctx, any, &s))
        return 0;
    json_t *actors = json_array(), *org = own_org(o, s.org);
    char hex[ID_TEXT_BYTES];
    id_format(id, hex);
    json_array_append_new(actors, json_pack("{s:s,s:{s:s,s:s},s:s}", "type", "Practitioner", "identifier", "system", OWN_PERSON, "value", hex, "display", s.name));
    if (json_is_object(org))
        json_array_append(actors, org);
    json_decref(org);
    out->shown = json_pack("{s:b,s:o}", "active", 1, "actor", actors);
    return 0;
}

static void take(struct own *o, const struct consultation_slot_wish *wish, struct own_ids *ids)
{
    uint64_t *found = calloc(OWN_LOOK + 1, sizeof *found);
    if (!found)
        abort();
    size_t n = consultation_slots(&o->ctx, wish, found, OWN_LOOK + 1);
    for (size_t i = 0; i < n; i++)
        own_ids_add(ids, found[i]);
    free(found);
}

static int look_slots(struct own *o, const struct finder *f, struct own_ids *ids)
{
    const struct r4_term *start = own_term(f, "start");
    struct own_ids *persons = calloc(1, sizeof *persons);
    if (!persons)
        abort();
    bool named = own_referred(f, "schedule", &own_schedule, persons);
    for (size_t i = 0; i < persons->n; i++)
        take(o, &(struct consultation_slot_wish){.person = persons->list[i]}, ids);
    free(persons);
    if (named)
        return 0;
    bool from = start && start->n_operands == 1 && (start->operands[0].prefix == R4_EQ || start->operands[0].prefix == R4_GE || start->operands[0].prefix == R4_GT);
    take(o, &(struct consultation_slot_wish){.from_ms = from ? start->operands[0].v.low_ms : 0}, ids);
    return 0;
}

static int look_schedules(struct own *o, const struct finder *f, struct own_ids *ids)
{
    (void)f;
    take(o, &(struct consultation_slot_wish){.persons = true}, ids);
    return 0;
}

static size_t walk_slots(struct own *o, uint64_t after, uint64_t *out, size_t cap)
{
    return consultation_slots(&o->ctx, &(struct consultation_slot_wish){.walk = true, .after = after}, out, cap);
}

static size_t walk_schedules(struct own *o, uint64_t after, uint64_t *out, size_t cap)
{
    return consultation_slots(&o->ctx, &(struct consultation_slot_wish){.walk = true, .persons = true, .after = after}, out, cap);
}

const struct own_kind own_slot = {"Slot", "slot-", look_slots, make_slot, walk_slots, NULL},
                      own_schedule = {"Schedule", "sched-", look_schedules, make_schedule, walk_schedules, NULL};
