/* A patient's refusal over FHIR: what other institutions' systems wrote of him is closed to who speaks for an institution he refused (records/patient/sharing.h). */
#include "records/fhir/own.h"
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

/* Mostly nobody of the person's records has a refusal, and nothing more is asked. */
static bool refuses_somebody(struct tx *tx, uint64_t patient)
{
    return tx_int(tx, 0, "SELECT COUNT(*) AS n FROM mpi_member a JOIN mpi_member b ON b.person_id=a.person_id JOIN share_consent c ON c.patient_id=b.patient_id "
                         "WHERE a.patient_id=$1 AND c.decision='deny' AND c.withdrawn_ms=0", "i", (int64_t)patient) > 0;
}

static bool is_closed(struct fhir_work *w, struct tx *tx, int64_t pkey)
{
    struct share_member members[SHARE_MAX];
    size_t n = 0;
    struct own o;
    uint64_t patient = record_of(tx, pkey);
    if (!patient || !refuses_somebody(tx, patient))
        return false;
    if (!own_open(&o, w, tx))
        return true;
    bool closed = sharing_members(&o.ctx, patient, members, &n) || (members[0].basis == SHARE_NONE && members[0].refused);
    own_close(&o);
    return closed;
}

/* What its own house wrote stays its own (decisions/0035). */
static bool wrote(struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid)
{
    return tx_int(tx, 0, "SELECT COUNT(*) AS n FROM fhir_resource r LEFT JOIN fhir_client c ON c.id=r.source_id WHERE r.pkey=$1 AND r.rid=$2 AND (r.source_id=$3 OR c.org_id=$3)", "iii", pkey,
                  rid, (int64_t)w->actor.org) > 0;
}

bool fhir_refused(struct fhir_work *w, struct tx *tx, int64_t pkey, int64_t rid)
{
    struct fhir_plan *p = w->plan;
    if (!w->actor.org || w->actor.system || !pkey)
        return false;
    if (p->asked_pkey != pkey) {
        p->asked_closed = is_closed(w, tx, pkey);
        p->asked_pkey = pkey;
    }
    return p->asked_closed && !wrote(w, tx, pkey, rid);
}

int fhir_no_refusal(struct fhir_work *w, struct tx *tx, const struct fhir_row *row)
{
    if (!row->found || !fhir_refused(w, tx, row->pkey, row->rid))
        return 0;
    return fhir_fail(w, ERR_DENIED, "refused", "The patient refused that your institution shares in this record.");
}
