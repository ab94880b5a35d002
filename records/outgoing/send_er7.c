/* An entry as an HL7 message, and its way over a line of lines.h. */
#include "records/outgoing/send_private.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOINS_MAX 8 /* persons that were joined to one that was joined ... */

struct rendering {
    struct transfer *t;
    struct fhir_view *view;
    struct tx *tx;
    struct er7_thing thing;
    json_t *body, *patient;
};

/* *found says whether he may see it; the error is the transaction's. */
static int load(struct rendering *g, const struct fhir_thing *thing, json_t **out, struct fhir_seen *seen)
{
    int rc = fhir_view_read(g->view, thing, seen);
    if (rc == 0 && seen->found && !(*out = json_loads(seen->body, 0, NULL)))
        rc = ERR_UNAVAILABLE;
    if (seen->body)
        explicit_bzero(seen->body, seen->len);
    free(seen->body);
    seen->body = NULL;
    return rc;
}

/* Whom a person's records belong to, who has none himself: himself joined to another later, his own entry of that says to whom. */
static uint64_t joined_to(struct rendering *g, uint64_t person, int64_t seq)
{
    return (uint64_t)tx_int(g->tx, 0, "SELECT pkey FROM out_item WHERE subscriber_id=$1 AND seq>$2 AND rid=$3 AND act=$4 AND own=1 AND type='Patient' ORDER BY seq LIMIT 1", "iiii",
                            (int64_t)g->t->s.id, seq, (int64_t)person, (int64_t)ER7_JOINED);
}

/* A person of the index: himself, or - he has no records any more - the one he is part of now. */
static int load_person(struct rendering *g, struct entry *e, struct fhir_seen *seen)
{
    struct fhir_thing thing = e->thing;
    int rc = load(g, &thing, &g->body, seen);
    if (rc || g->body) {
        g->thing.act = e->act == ER7_JOINED ? ER7_CHANGED : (enum er7_act)e->act; /* undone since */
        return rc;
    }
    uint64_t to = e->act == ER7_JOINED ? (uint64_t)e->thing.pkey : joined_to(g, (uint64_t)e->thing.rid, e->seq);
    g->thing.act = ER7_JOINED;
    for (int i = 0; i < JOINS_MAX && to && rc == 0 && !g->body; i++) {
        thing.rid = (int64_t)to;
        rc = load(g, &thing, &g->body, seen);
        to = joined_to(g, to, e->seq);
    }
    return rc;
}

/* An appointment that was called off is there no more: what its case still says of it. */
static int load_ended(struct rendering *g, const struct entry *e, struct fhir_seen *seen)
{
    struct fhir_thing thing = {out_type(g->t->o->records, "ServiceRequest"), true, 0, e->thing.rid};
    json_t *request = NULL, *one;
    size_t i;
    int rc = load(g, &thing, &request, seen);
    json_t *people = json_array(), *subject = json_object_get(request, "subject"), *requester = json_object_get(request, "requester");
    if (subject)
        json_array_append_new(people, json_pack("{s:O}", "actor", subject));
    if (requester)
        json_array_append_new(people, json_pack("{s:O}", "actor", requester));
    json_array_foreach(json_object_get(request, "performer"), i, one) json_array_append_new(people, json_pack("{s:O}", "actor", one));
    g->body = json_pack("{s:s,s:o,s:O*}", "status", "cancelled", "participant", people, "identifier", json_object_get(request, "identifier"));
    json_decref(request);
    return rc;
}

static const char *patient_name(const json_t *body)
{
    const json_t *one;
    size_t i;
    const char *ref = json_string_value(json_object_get(json_object_get(body, "subject"), "reference"));
    ref = ref ? ref : json_string_value(json_object_get(json_object_get(body, "for"), "reference"));
    json_array_foreach(json_object_get(body, "participant"), i, one)
    {
        const char *actor = json_string_value(json_object_get(json_object_get(one, "actor"), "reference"));
        if (!ref && actor && strncmp(actor, "Patient/", 8) == 0)
            ref = actor;
    }
    return ref && strncmp(ref, "Patient/", 8) == 0 ? ref + 8 : NULL;
}

/* Whom it is about, for PID; under a client's scopes he may not be for this receiver, then his number stands there alone. */
static int load_patient(struct rendering *g)
{
    const char *name = patient_name(g->body), *dash = name ? strchr(name, '-') : NULL;
    struct fhir_thing thing = {out_type(g->t->o->records, "Patient"), true, 0, 0};
    struct fhir_seen seen = {0};
    uint64_t id;
    if (!dash || id_parse(dash + 1, &id))
        return 0;
    thing.rid = (int64_t)id;
    int rc = load(g, &thing, &g->patient, &seen);
    if (rc == 0 && !g->patient)
        g->patient = json_pack("{s:s}", "id", name);
    return rc;
}

static int write_message(struct rendering *g, struct entry *e)
{
    char control[ER7_CONTROL_BYTES], name[VIEW_NAME_BYTES];
    er7_control(g->t->s.id, e->seq, control);
    fhir_view_name(e->thing.type, (uint64_t)e->thing.rid, name);
    g->thing.type = e->thing.type;
    g->thing.report = e->thing.pkey == OUT_REPORT && strcmp(e->thing.type, "Task") == 0;
    g->thing.control = control;
    g->thing.name = name;
    g->thing.seq = e->seq;
    g->thing.before = e->told;
    g->thing.now_ms = clock_now_ms(records_clock(g->t->o->records));
    g->thing.body = g->body;
    g->thing.patient = g->patient;
    snprintf(g->t->id, sizeof g->t->id, "%s", control);
    return er7_compose(&g->thing, &g->t->s.to, &g->t->text);
}

int er7_render(struct transfer *t, struct fhir_view *view, struct tx *tx)
{
    struct rendering g = {.t = t, .view = view, .tx = tx};
    struct entry *e = &t->entries[0];
    struct fhir_seen seen = {0};
    bool person = strcmp(e->thing.type, "Patient") == 0;
    g.thing.act = (enum er7_act)e->act;
    int rc = person ? load_person(&g, e, &seen) : load(&g, &e->thing, &g.body, &seen);
    if (rc == 0 && !g.body && strcmp(e->thing.type, "Appointment") == 0 && (e->act == ER7_ENDED || e->told))
        rc = load_ended(&g, e, &seen);
    if (rc == 0 && g.body && !person)
        rc = load_patient(&g);
    e->found = g.body != NULL;
    e->patient = seen.patient;
    if (rc == 0 && g.body)
        rc = write_message(&g, e);
    json_decref(g.body);
    json_decref(g.patient);
    return rc;
}

static void answered(void *ctx, const struct line_result *r)
{
    static const enum verdict verdicts[] = {[LINE_TAKEN] = SEND_TAKEN, [LINE_REFUSED] = SEND_DEAD, [LINE_LATER] = SEND_REFUSED, [LINE_SILENT] = SEND_SILENT};
    transfer_answered(ctx, verdicts[r->outcome], r->error);
}

int er7_start(struct transfer *t)
{
    return lines_send(t->o->lines, &(struct line_order){t->s.id, t->s.url, t->id, &t->text, answered, t});
}
