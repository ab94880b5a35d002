/* What other institutions' systems wrote of a patient is closed to who speaks for an institution that he refused (records/patient/sharing.h), and what of it is above the reach of
 * a client's scope (records/patient/mask.h) to everybody but its own house. */
#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/patient/mask.h"
#include "records/patient/sharing.h"

/* One of his records; 0 = the Patient is nobody of the index. */
static uint64_t record_of(struct tx *tx, int64_t pkey)
{
    uint64_t person, patient = (uint64_t)tx_int(tx, 0, "SELECT patient_id AS n FROM fhir_patient WHERE pkey=$1", "i", pkey);
    char name[FHIR_ID_BYTES] = "";
    if (patient)
        return patient;
    struct query *q = tx_query(tx, "SELECT name FROM fhir_name WHERE type='Patient' AND pkey=$1 AND name>='mpi-' AND name<'mpi.' LIMIT 1", "i", pkey);
    if (query_next(q))
        snprintf(name, sizeof name, "%s", query_text(q, "name"));
    if (query_end(q) || !name[0] || !own_name("Patient", name, &person))
        return 0;
    return (uint64_t)tx_int(tx, 0, "SELECT patient_id AS n FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 1", "i", (int64_t)person);
}

static bool ask_refusal(struct fhir_work *w, struct tx *tx, int64_t pkey)
{
    struct own o;
    uint64_t patient = record_of(tx, pkey);
    if (!patient)
        return false;
    if (!own_open(&o, w, tx))
        return true;
    bool closed = sharing_hides(&o.ctx, patient);
    own_close(&o);
    return closed;
}

/* Is the record the institution's own, whoever wrote into it? */
static bool keeps_record(struct fhir_work *w, struct tx *tx, int64_t pkey)
{
    struct share_member members[SHARE_MAX];
    size_t n = 0;
    struct own o;
    uint64_t patient = record_of(tx, pkey);
    if (!patient || !own_open(&o, w, tx))
        return false;
    bool keeps = sharing_members(&o.ctx, patient, members, &n) == 0 && n && members[0].basis == SHARE_OWN;
    own_close(&o);
    return keeps;
}

/* The answer is kept: mostly the next row is the same patient's. */
static bool is_refused(struct fhir_work *w, struct tx *tx, int64_t pkey)
{
    struct fhir_plan *p = w->plan;
    if (p->asked_pkey != pkey) {
        p->asked_closed = ask_refusal(w, tx, pkey);
        p->asked_pkey = pkey;
    }
    return p->asked_closed;
}

/* ---- what it is about ---- */

static bool is_icd10(const struct r4_node *system)
{
    return r4_is(system, TS_ICD10_NHSA) || r4_is(system, "http://hl7.org/fhir/sid/icd-10") || r4_is(system, "http://hl7.org/fhir/sid/icd-10-cm");
}

/* The highest level of the diagnoses it names, wherever they stand: a reason, a conclusion, a finding. */
static int level_of(struct op_ctx *ctx, const struct r4_node *node)
{
    char code[16];
    int level = 0;
    if (node->kind != R4_OBJECT && node->kind != R4_ARRAY)
        return 0;
    struct r4_str said = r4_text(node->kind == R4_OBJECT && is_icd10(r4_get(node, "system")) ? r4_get(node, "code") : NULL);
    if (said.n && said.n < sizeof code) {
        snprintf(code, sizeof code, "%.*s", (int)said.n, said.p);
        level = mask_code_level(ctx, code);
    }
    for (const struct r4_node *one = node->child; one; one = one->next) {
        int below = level_of(ctx, one);
        level = below > level ? below : level;
    }
    return level;
}

static bool is_above(struct fhir_work *w, const struct r4_node *root)
{
    struct op_ctx ctx = {.records = w->records};
    int reach = mask_client_level(&ctx);
    return (clean_restricted(root) && mask_restricted_level(&ctx) > reach) || level_of(&ctx, root) > reach;
}

/* What its own house wrote stays its own; who speaks for no institution writes for the one that is named (decisions/0035). */
static bool is_closed(struct fhir_work *w, struct tx *tx, uint64_t writer, int64_t pkey, const struct r4_node *root)
{
    if (!writer && fhir_org_named(tx, root) == w->actor.org)
        return false;
    return is_refused(w, tx, pkey) || (is_above(w, root) && !keeps_record(w, tx, pkey));
}

bool fhir_closed(struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid)
{
    struct fhir_row row = {0};
    struct r4_doc *doc = w->plan->scratch->doc;
    struct r4_node *root;
    if (!w->actor.org || w->actor.system || !pkey)
        return false;
    uint64_t writer = fhir_writer(tx, pkey, rid);
    if (writer == w->actor.org)
        return false;
    struct r4_mark mark = r4_doc_mark(doc);
    bool closed = row_load(w, tx, pkey, rid, ROW_BODY, &row) != 0;
    if (!closed && row.body)
        closed = r4_json_parse(doc, row.body, row.body_len, &root, NULL) || is_closed(w, tx, writer, pkey, root);
    else if (!closed && row.found)
        closed = is_refused(w, tx, pkey);
    r4_doc_rewind(doc, mark);
    fhir_row_clear(&row);
    return closed;
}

/* A name alone tells nobody that there is something, nor that it was refused: reading, deleting and patching are answered as where there is nothing.
 * Names are everybody's, so that one is taken cannot be kept from who takes it; that it is, is all he hears. */
int fhir_not_closed(struct fhir_work *w, struct tx *tx, struct fhir_row *row)
{
    if (!row->found || !fhir_closed(w, tx, row->pkey, row->rid))
        return 0;
    w->hidden = is_refused(w, tx, row->pkey) ? "refused" : "masked";
    if (strcmp(w->q.method, "GET") == 0 || strcmp(w->q.method, "HEAD") == 0)
        return fhir_fail(w, ERR_NOT_FOUND, "no_resource", "There is no such resource.");
    if (strcmp(w->q.method, "DELETE") && strcmp(w->q.method, "PATCH"))
        return fhir_fail(w, ERR_DENIED, "taken", "This id is taken; choose another.");
    fhir_row_clear(row);
    return 0;
}
