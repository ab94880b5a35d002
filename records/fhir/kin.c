#include "records/fhir/kin.h"
#include "records/patient/index.h"
#include "records/patient/sharing.h"
#include <stdio.h>

#define MARK "index-"

/* ---- who ---- */

static bool knows_all(const struct own *o)
{
    return o->actor.system || !o->actor.org.v;
}

static size_t add_kin(struct own *o, uint64_t patient, struct kin *out, size_t n)
{
    struct query *q = tx_query(o->ctx.tx, "SELECT f.pkey, r.name FROM fhir_patient f JOIN fhir_resource r ON r.pkey=f.pkey AND r.rid=f.pkey WHERE f.patient_id=$1 AND r.deleted=0 ORDER BY f.pkey LIMIT $2",
                               "ii", (int64_t)patient, (int64_t)(KIN_MAX - n));
    while (n < KIN_MAX && query_next(q)) {
        out[n] = (struct kin){.pkey = query_int(q, "pkey"), .patient = patient};
        snprintf(out[n++].name, FHIR_ID_BYTES, "%s", query_text(q, "name"));
    }
    (void)!query_end(q); /* the error sticks */
    return n;
}

static int by_key(const void *a, const void *b)
{
    const struct kin *x = a, *y = b;
    return (x->pkey > y->pkey) - (x->pkey < y->pkey);
}

/* All who are one with this record for certain, himself among them. */
static size_t kin_of_patient(struct own *o, uint64_t patient, struct kin out[KIN_MAX])
{
    struct share_member members[SHARE_MAX];
    size_t n_members = 0, n = 0;
    if (sharing_members(&o->ctx, patient, members, &n_members)) {
        fault_clear(&o->fault);
        return 0;
    }
    for (size_t i = 0; i < n_members; i++)
        if (knows_all(o) || members[i].basis != SHARE_NONE)
            n = add_kin(o, members[i].patient, out, n);
    if (n)
        qsort(out, n, sizeof *out, by_key);
    return n;
}

size_t kin_of_person(struct own *o, uint64_t person, struct kin out[KIN_MAX])
{
    uint64_t first = (uint64_t)tx_int(o->ctx.tx, 0, "SELECT m.patient_id FROM mpi_member m WHERE m.person_id=$1 AND EXISTS (SELECT 1 FROM mpi_member x JOIN fhir_patient f ON f.patient_id=x.patient_id "
                                                    "WHERE x.person_id=$1) ORDER BY m.patient_id LIMIT 1", "i", (int64_t)person);
    return first ? kin_of_patient(o, first, out) : 0;
}

/* ---- as links ---- */

static json_t *link_to(const char *name, const char *type, size_t n)
{
    return json_pack("{s:o,s:{s:o},s:s}", "id", json_sprintf(MARK "%zu", n), "other", "reference", json_sprintf("Patient/%s", name), "type", type);
}

void kin_link_person(struct own *o, uint64_t person, json_t *patient)
{
    struct kin kin[KIN_MAX];
    size_t n = kin_of_person(o, person, kin);
    json_t *links = n ? json_array() : NULL;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(links, link_to(kin[i].name, "seealso", i + 1));
    if (links)
        json_object_set_new(patient, "link", links);
}

static bool add_link(struct r4_doc *d, struct r4_node *links, const char *name, const char *type)
{
    char mark[24], reference[FHIR_ID_BYTES + 10];
    struct r4_node *one = r4_new(d, R4_OBJECT), *other = r4_new(d, R4_OBJECT);
    snprintf(mark, sizeof mark, MARK "%u", (unsigned)links->len + 1);
    snprintf(reference, sizeof reference, "Patient/%s", name);
    return one && other && r4_set_string(d, other, "reference", reference) && r4_set_string(d, one, "id", mark) && r4_set(d, one, "other", other) && r4_set_string(d, one, "type", type) &&
           r4_append(links, one);
}

static int write_links(struct own *o, uint64_t patient, uint64_t person, struct fhir_row *row)
{
    struct kin kin[KIN_MAX];
    struct r4_doc *d = o->scratch->rows;
    struct r4_node *root, *links;
    struct r4_buf b = {0};
    char name[FHIR_ID_BYTES];
    size_t n = kin_of_patient(o, patient, kin);
    r4_doc_reset(d);
    if (r4_json_parse(d, row->body, row->body_len, &root, NULL))
        return ERR_STORAGE;
    links = r4_get(root, "link");
    if (!links && (links = r4_new(d, R4_ARRAY)))
        links = r4_set(d, root, "link", links) ? r4_get(root, "link") : NULL;
    own_id(&own_patient, person, name);
    bool ok = links && links->kind == R4_ARRAY && add_link(d, links, name, "refer");
    for (size_t i = 0; i < n && ok; i++)
        ok = kin[i].pkey == row->pkey || add_link(d, links, kin[i].name, "seealso");
    if (ok)
        r4_json_write(&b, root);
    if (!ok || b.failed) {
        r4_buf_clear(&b);
        return ERR_UNAVAILABLE;
    }
    free(row->body);
    row->body = b.p;
    row->body_len = b.n;
    return 0;
}

int kin_link(struct fhir_work *w, struct tx *tx, struct fhir_row *row, bool *linked)
{
    struct own o;
    uint64_t patient = (uint64_t)tx_int(tx, 0, "SELECT patient_id AS n FROM fhir_patient WHERE pkey=$1", "i", row->pkey), person;
    *linked = false;
    if (!patient || !row->body)
        return tx_error(tx);
    if (!own_open(&o, w, tx))
        return ERR_UNAVAILABLE;
    person = patient_index_person(&o.ctx, patient);
    int rc = person ? write_links(&o, patient, person, row) : tx_error(tx);
    own_close(&o);
    *linked = rc == 0 && person;
    return rc ? rc : tx_error(tx);
}

void kin_strip(struct r4_node *patient)
{
    struct r4_node *links = r4_get(patient, "link");
    for (size_t i = 0; links && links->kind == R4_ARRAY && i < links->len;) {
        struct r4_str id = r4_text(r4_get(r4_item(links, i), "id"));
        bool ours = id.n > strlen(MARK) && memcmp(id.p, MARK, strlen(MARK)) == 0;
        if (!ours || !r4_remove(links, i))
            i++;
    }
    if (links && links->kind == R4_ARRAY && !links->len)
        (void)r4_unset(patient, "link"); /* an empty array is no JSON of FHIR */
}
