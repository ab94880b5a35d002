/* Persons of the patient index as Patient: of each field the golden record's value, every number by which the person is known. Whole numbers
 * of identity papers, insurance and phones never leave the house: who reaches them by the masking table finds people by them. */
#include "records/exchange/exchange.h"
#include "records/exchange/person.h"
#include "records/fhir/kin.h"
#include "records/patient/index.h"
#include "records/patient/mask.h"
#include "records/patient/sharing.h"
#include "records/store/seal.h"
#include "records/term/fold.h"
#include <stdio.h>

#define MEMBERS_MAX 64

struct person {
    struct patient_row row[MEMBERS_MAX];
    size_t n;
    int clearance[MEMBERS_MAX], best;
    int64_t t_ms;
};

/* ---- its records ---- */

static int clearance_of(struct own *o, const struct patient_row *row)
{
    return mask_clearance(&o->ctx, own_is_of(o, row->org_id) ? SHARE_OWN : SHARE_NONE);
}

static int load(struct own *o, uint64_t id, struct person *p)
{
    int64_t members[MEMBERS_MAX];
    size_t n = 0;
    struct query *q = tx_query(o->ctx.tx, "SELECT m.patient_id, m.since_ms, p.changed_ms FROM mpi_member m JOIN patient p ON p.id=m.patient_id WHERE m.person_id=$1 "
                               "ORDER BY m.patient_id LIMIT $2", "ii", (int64_t)id, (int64_t)MEMBERS_MAX);
    while (query_next(q)) {
        int64_t since = query_int(q, "since_ms"), changed = query_int(q, "changed_ms");
        members[n++] = query_int(q, "patient_id");
        p->t_ms = since > p->t_ms ? since : p->t_ms;
        p->t_ms = changed > p->t_ms ? changed : p->t_ms;
    }
    int rc = query_end(q);
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (sharing_hides(&o->ctx, (uint64_t)members[i]))
            continue;
        rc = patient_load(&o->ctx, (uint64_t)members[i], &p->row[p->n]);
        if (rc)
            break;
        p->clearance[p->n] = clearance_of(o, &p->row[p->n]);
        p->best = p->clearance[p->n] > p->best ? p->clearance[p->n] : p->best;
        p->n++;
    }
    return rc;
}

static void unload(struct person *p)
{
    for (size_t i = 0; i < p->n; i++)
        patient_row_wipe(&p->row[i]);
    free(p);
}

/* What a member says to the one who asks; where another member is open to him, one that is not says nothing of what is hidden in it. */
static json_t *member_says(struct own *o, const struct person *p, size_t i)
{
    json_t *says = patient_row_json(&o->ctx, &p->row[i]), *name;
    size_t k;
    mask_patient(&o->ctx, says, p->clearance[i]);
    if (p->clearance[i] < p->best)
        json_array_foreach(json_object_get(says, "masked"), k, name) json_object_set_new(says, json_string_value(name), json_null());
    return says;
}

static json_t *golden_of(struct own *o, const struct person *p)
{
    json_t *members = json_array();
    for (size_t i = 0; i < p->n; i++)
        json_array_append_new(members, member_says(o, p, i));
    json_t *golden = patient_index_golden(members);
    json_decref(members);
    return golden;
}

static const char *golden_text(const json_t *golden, const char *field)
{
    const char *text = json_string_value(json_object_get(json_object_get(golden, field), "value"));
    return text ? text : "";
}

/* ---- numbers ---- */

static json_t *number(const char *use, const char *type, json_t *system, const char *value)
{
    return json_pack("{s:s,s:{s:[{s:s,s:s}]},s:o,s:s}", "use", use, "type", "coding", "system", "http://terminology.hl7.org/CodeSystem/v2-0203", "code", type,
                     "system", system, "value", value);
}

static void add_local(struct own *o, const struct patient_row *row, json_t *list)
{
    json_t *of = own_org(o, row->org_id);
    const char *code = json_string_value(json_object_get(json_object_get(of, "identifier"), "value"));
    if (code && row->local_number[0]) {
        json_t *one = number("usual", "MR", json_sprintf(OWN_LOCAL "%s", code), row->local_number);
        json_object_set_new(one, "assigner", json_pack("{s:O}", "display", json_object_get(of, "display")));
        json_array_append_new(list, one);
    }
    json_decref(of);
}

static void add_given(struct own *o, uint64_t patient, json_t *list)
{
    struct query *q = tx_query(o->ctx.tx, "SELECT i.value, d.namespace_id, d.oid FROM exchange_identity i JOIN exchange_domain d ON d.id=i.domain_id WHERE "
                               "i.patient_id=$1 AND i.retired_ms=0 ORDER BY i.domain_id, i.value", "i", (int64_t)patient);
    while (query_next(q))
        json_array_append_new(list, number("secondary", "PI", own_domain_system(query_text(q, "oid"), query_text(q, "namespace_id")), query_text(q, "value")));
    (void)!query_end(q); /* the error sticks */
}

static json_t *numbers_of(struct own *o, const struct person *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n; i++) {
        add_local(o, &p->row[i], list);
        add_given(o, p->row[i].id, list);
    }
    return list;
}

/* That there is one, but not which: http://hl7.org/fhir/R4/extension-data-absent-reason.html */
static json_t *hidden_number(void)
{
    return json_pack("{s:s,s:{s:[{s:s,s:s}]},s:s,s:{s:[{s:s,s:s}]}}", "use", "official", "type", "coding", "system",
                     "http://terminology.hl7.org/CodeSystem/v2-0203", "code", "NI", "system", OWN_ID_NO, "_value", "extension", "url",
                     "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode", "masked");
}

/* ---- the resource ---- */

static void put_name(struct own *o, const char *name, json_t *resource)
{
    char family[168], given[168];
    if (!name[0])
        return;
    json_t *one = json_pack("{s:s,s:s}", "use", "official", "text", name);
    patient_index_name(&o->ctx, name, family, given);
    if (family[0]) {
        json_object_set_new(one, "family", json_string(family));
        json_object_set_new(one, "given", json_pack("[s]", given));
    }
    json_object_set_new(resource, "name", json_pack("[o]", one));
}

static json_t *describe(struct own *o, const struct person *p)
{
    json_t *golden = golden_of(o, p), *resource = json_pack("{s:b}", "active", 1), *numbers = numbers_of(o, p);
    const char *sex = golden_text(golden, "sex"), *birth = golden_text(golden, "birth_date"), *address = golden_text(golden, "address");
    if (golden_text(golden, "id_no_masked")[0])
        json_array_append_new(numbers, hidden_number());
    if (json_array_size(numbers))
        json_object_set(resource, "identifier", numbers);
    json_decref(numbers);
    put_name(o, golden_text(golden, "name"), resource);
    json_object_set_new(resource, "gender", json_string(strcmp(sex, "male") && strcmp(sex, "female") ? strcmp(sex, "other") ? "unknown" : "other" : sex));
    if (birth[0])
        json_object_set_new(resource, "birthDate", json_string(birth));
    if (address[0])
        json_object_set_new(resource, "address", json_pack("[{s:s}]", "text", address));
    json_decref(golden);
    return resource;
}

/* What the person is found by, beside what is shown: the numbers of records that are open to the one who asks. */
static json_t *with_numbers(const struct person *p, const json_t *shown)
{
    json_t *all = json_deep_copy(shown), *phones = json_array(), *numbers = json_object_get(all, "identifier");
    for (size_t i = 0; i < p->n; i++) {
        const struct patient_private *s = &p->row[i].secret;
        if (p->clearance[i] < 3)
            continue;
        if (s->id_no[0] && numbers)
            json_array_append_new(numbers, number("official", "NI", json_string(OWN_ID_NO), s->id_no));
        if (s->phone[0])
            json_array_append_new(phones, json_pack("{s:s,s:s}", "system", "phone", "value", s->phone));
    }
    if (json_array_size(phones))
        json_object_set(all, "telecom", phones);
    json_decref(phones);
    return all;
}

static int make(struct own *o, uint64_t id, struct own_made *out)
{
    struct person *p = calloc(1, sizeof *p);
    int rc = p ? load(o, id, p) : ERR_UNAVAILABLE;
    if (rc == 0 && p->n) {
        out->shown = describe(o, p);
        kin_link_person(o, id, out->shown);
        out->searched = with_numbers(p, out->shown);
        out->patient = p->row[0].id;
        out->t_ms = p->t_ms;
    }
    if (p)
        unload(p);
    return rc;
}

/* ---- looking ---- */

/* Is all that is known of him one Patient of the store? Then that Patient is found, not his likeness. Read and matched he is nevertheless. */
#define BUT_A_PATIENT(m)                                                                                                                              \
    "(NOT EXISTS (SELECT 1 FROM fhir_patient f WHERE f.patient_id=" m ".patient_id AND f.made=1) OR "                                                     \
    "EXISTS (SELECT 1 FROM mpi_member x WHERE x.person_id=" m ".person_id AND x.patient_id<>" m ".patient_id))"

static void add_person(struct own *o, uint64_t patient, struct own_ids *ids)
{
    uint64_t person = (uint64_t)tx_int(o->ctx.tx, 0, "SELECT m.person_id FROM mpi_member m WHERE m.patient_id=$1 AND " BUT_A_PATIENT("m"), "i", (int64_t)patient);
    if (person)
        own_ids_add(ids, person);
}

/* Patients of a list are looked up afterwards: one statement at a time. */
static void add_persons(struct own *o, struct query *q, struct own_ids *ids)
{
    uint64_t found[OWN_LOOK + 1];
    size_t n = 0;
    while (n <= OWN_LOOK && query_next(q))
        found[n++] = (uint64_t)query_int(q, "patient_id");
    if (query_end(q))
        return; /* the error sticks */
    for (size_t i = 0; i < n; i++)
        add_person(o, found[i], ids);
}

static void by_keys(struct own *o, const struct patient_key_asked *asked, struct own_ids *ids)
{
    uint64_t found[OWN_LOOK + 1];
    size_t n = patient_key_find(o->ctx.tx, asked, found, OWN_LOOK + 1);
    for (size_t i = 0; i < n; i++)
        add_person(o, found[i], ids);
}

static void by_key(struct own *o, const char *kind, const char *key, struct own_ids *ids)
{
    by_keys(o, &(struct patient_key_asked){0, kind, key, false}, ids);
}

static void by_blind(struct own *o, const char *kind, const char *value, struct own_ids *ids)
{
    char key[BLIND_BYTES];
    blind_index(records_parts(o->w->records)->patient_keys.index, kind, value, key);
    by_key(o, kind, key, ids);
}

static void by_beginning(struct own *o, const char *kind, const char *folded, struct own_ids *ids)
{
    by_keys(o, &(struct patient_key_asked){0, kind, folded, true}, ids);
}

static void copy(struct r4_str s, char *out, size_t cap)
{
    snprintf(out, cap, "%.*s", s.p ? (int)(s.n < cap ? s.n : 0) : 0, s.p ? s.p : "");
}

static void look_number(struct own *o, struct r4_str value, struct own_ids *ids)
{
    char text[200], folded[200], id_no[IDENTITY_NUMBER_BYTES];
    copy(value, text, sizeof text);
    if (!text[0])
        return;
    add_persons(o, tx_query(o->ctx.tx, "SELECT i.patient_id FROM exchange_domain d JOIN exchange_identity i ON i.domain_id=d.id AND i.value=$1 AND i.retired_ms=0", "t",
                            text), ids);
    text_fold(text, strlen(text), folded, sizeof folded);
    by_key(o, "local", folded, ids);
    by_blind(o, "id", identity_card_normalise(text, id_no) == 0 ? id_no : text, ids);
}

static void look_phone(struct own *o, struct r4_str value, struct own_ids *ids)
{
    char text[64], phone[24];
    copy(value, text, sizeof text);
    if (phone_normalise(text, phone) == 0)
        by_blind(o, "phone", phone, ids);
}

static void look_name(struct own *o, struct r4_str value, struct own_ids *ids)
{
    static const char *const kinds[] = {"name", "pinyin", "initials"}, *const said[] = {"family", "given"};
    uint64_t found[OWN_LOOK];
    char text[200], folded[256];
    copy(value, text, sizeof text);
    if (!text_fold(text, strlen(text), folded, sizeof folded))
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        by_beginning(o, kinds[i], folded, ids);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        size_t n = exchange_person_find(&o->ctx, said[i], folded, true, found, OWN_LOOK);
        for (size_t k = 0; k < n; k++)
            add_person(o, found[k], ids);
    }
}

static void look_birth(struct own *o, const struct r4_value *v, struct own_ids *ids)
{
    char from[11], to[11];
    date_of_ms(v->low_ms, FHIR_ZONE_MIN, from);
    date_of_ms(v->high_ms, FHIR_ZONE_MIN, to);
    add_persons(o, tx_query(o->ctx.tx, "SELECT id AS patient_id FROM patient WHERE birth_date>=$1 AND birth_date<$2 ORDER BY birth_date, id LIMIT 1001", "tt", from, to),
                ids);
}

static void look_newest(struct own *o, struct own_ids *ids)
{
    struct query *q = tx_query(o->ctx.tx, "SELECT m.patient_id, m.person_id FROM mpi_member m WHERE " BUT_A_PATIENT("m") " ORDER BY m.patient_id DESC LIMIT 1001", "");
    while (query_next(q))
        own_ids_add(ids, (uint64_t)query_int(q, "person_id"));
    (void)!query_end(q);
}

/* By the first of these that the query has; a given name alone is not where a name begins and leads nowhere. */
static int look(struct own *o, const struct finder *f, struct own_ids *ids)
{
    static const char *const codes[] = {"identifier", "telecom", "phone", "birthdate", "name", "family"};
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        const struct r4_term *t = own_term(f, codes[c]);
        bool usable = t != NULL;
        for (size_t i = 0; usable && i < t->n_operands; i++) /* "sys|" and "lt1980" lead nowhere */
            usable = c > 3 || (c == 3 ? t->operands[i].prefix == R4_EQ : t->operands[i].v.code.n > 0);
        for (size_t i = 0; usable && i < t->n_operands; i++) {
            const struct r4_value *v = &t->operands[i].v;
            if (c == 0)
                look_number(o, v->code, ids);
            else if (c < 3)
                look_phone(o, v->code, ids);
            else if (c == 3)
                look_birth(o, v, ids);
            else
                look_name(o, v->string, ids);
        }
        if (usable)
            return 0;
    }
    if (!o->w->plan->compartment)
        look_newest(o, ids);
    return 0;
}

static size_t walk(struct own *o, uint64_t after, uint64_t *out, size_t cap)
{
    size_t n = 0;
    struct query *q = tx_query(o->ctx.tx, "SELECT DISTINCT m.person_id FROM mpi_member m WHERE m.person_id>$1 AND " BUT_A_PATIENT("m") " ORDER BY m.person_id LIMIT $2", "ii", (int64_t)after, (int64_t)cap);
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "person_id");
    return query_end(q) ? 0 : n; /* the error sticks */
}

const struct own_kind own_patient = {"Patient", "mpi-", look, make, walk, NULL};
