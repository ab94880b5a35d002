/* A Patient of the store is somebody of the patient index: he has a record at the institution that sent him, found by the numbers the institution gave him or
 * registered - and matched - in the transaction that stores him. The record follows what is written of him from then on. A Patient who is deleted is not
 * taken out of the index: nothing is, there.
 *
 * Whose he is: the institution of the client or person who writes; of a client of the whole consortium, the one the resource names (managingOrganization).
 * Of nobody's he stays outside.
 */
#include "records/audit/audit.h"
#include "records/exchange/exchange.h"
#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/patient/index.h"
#include "records/term/term.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include <stdio.h>

#define BATCH 50 /* of those who wait */

struct join {
    struct fhir_work *w;
    struct actor actor;
    struct fault fault;
    struct op_ctx ctx; /* borrows the two above: a join is not copied */
    const struct r4_node *patient;
    const char *name;
    int64_t pkey;
    uint64_t org; /* whose word this is; 0 = nobody's */
};

static void join_open(struct join *j, struct fhir_work *w, struct tx *tx)
{
    memset(j, 0, sizeof *j);
    j->w = w;
    j->actor = (struct actor){.person = {w->actor.person}, .org = {w->actor.org}, .system = w->actor.system};
    j->ctx = (struct op_ctx){.records = w->records, .tx = tx, .actor = &j->actor, .now_ms = w->now_ms, .fault = &j->fault, .client_address = "", .user_agent = ""};
}

uint64_t fhir_org_named(struct tx *tx, const struct r4_node *resource)
{
    char code[40];
    return clean_resource_org(resource, code) ? (uint64_t)tx_int(tx, 0, "SELECT id FROM org WHERE code=$1", "t", code) : 0;
}

/* ---- who he is ---- */

static void copy(struct r4_str s, char *out, size_t cap)
{
    snprintf(out, cap, "%.*s", s.p && s.n < cap ? (int)s.n : 0, s.p ? s.p : "");
}

/* A year or a month stands for its first day. */
static void put_birth(struct patient_row *row)
{
    size_t n = strlen(row->birth_date);
    int y, m, d;
    row->birth_estimated = n == 4 || n == 7;
    if (row->birth_estimated)
        strcpy(row->birth_date + n, n == 4 ? "-01-01" : "-01");
    if (row->birth_date[0] && date_parse(row->birth_date, &y, &m, &d))
        row->birth_date[0] = 0;
}

/* http://terminology.hl7.org/CodeSystem/v2-0203. A number that is mistyped over there is weighed as what it is: nobody is turned away for it. */
static bool take_paper(const struct join *j, const struct r4_node *one, struct patient_row *row)
{
    const struct r4_node *kind = r4_at(one, "type.coding.0.code");
    bool card = r4_is(r4_get(one, "system"), OWN_ID_NO) || r4_is(kind, "NI") || r4_is(kind, "NNCHN"), passport = r4_is(kind, "PPN");
    char text[64], today[11];
    const char *reason;
    struct identity id;
    copy(r4_text(r4_get(one, "value")), text, sizeof text);
    if (!text[0] || (!card && !passport))
        return false;
    date_of_ms(j->ctx.now_ms, PATIENT_ZONE_MIN, today);
    enum identity_type type = card ? IDENTITY_CARD : IDENTITY_PASSPORT;
    bool good = identity_check(type, text, today, &id, &reason) == 0;
    snprintf(row->secret.id_no, sizeof row->secret.id_no, "%.32s", good ? id.number : text);
    TEXT_COPY(row->id_type, identity_type_word(good ? type : IDENTITY_OTHER));
    return true;
}

static const struct r4_node *identifiers(const struct join *j)
{
    const struct r4_node *list = r4_get(j->patient, "identifier");
    return list && list->kind == R4_ARRAY ? list->child : NULL;
}

/* Over what is known of him: what a Patient does not say stays. */
static void fill(const struct join *j, struct patient_row *row)
{
    struct patient_row *said = calloc(1, sizeof *said);
    struct pinyin_name readings[2];
    if (!said)
        abort();
    match_record(j->patient, said);
    put_birth(said);
    bool sexed = strcmp(said->sex, "male") == 0 || strcmp(said->sex, "female") == 0;
    TEXT_COPY(row->sex, sexed ? said->sex : row->sex[0] ? row->sex : "unknown");
    if (said->birth_date[0]) {
        TEXT_COPY(row->birth_date, said->birth_date);
        row->birth_estimated = said->birth_estimated;
    }
    if (said->secret.phone[0])
        TEXT_COPY(row->secret.phone, said->secret.phone);
    if (said->secret.address[0])
        TEXT_COPY(row->secret.address, said->secret.address);
    for (const struct r4_node *one = identifiers(j); one && !take_paper(j, one, row);)
        one = one->next;
    row->temporary = !said->name[0] && (!row->name[0] || row->temporary);
    if (said->name[0])
        TEXT_COPY(row->name, said->name);
    else if (!row->name[0])
        snprintf(row->name, sizeof row->name, "无名氏（%s）", strcmp(row->sex, "male") == 0 ? "男" : strcmp(row->sex, "female") == 0 ? "女" : "未知");
    int n = pinyin_name(records_parts(j->ctx.records)->terms->pinyin, row->name, readings);
    TEXT_COPY(row->pinyin, n ? readings[0].full : "");
    patient_row_wipe(said);
    free(said);
}

static bool free_number(struct join *j, const char *number)
{
    return number[0] && !tx_int(j->ctx.tx, 0, "SELECT COUNT(*) AS n FROM patient WHERE org_id=$1 AND local_number=$2", "it", (int64_t)j->org, number);
}

/* His medical record number, else the first number of no identity paper, else the resource's own id; where that is taken, the id with its kind before it. */
static void give_local_number(struct join *j, struct patient_row *row)
{
    char first[128] = "";
    for (const struct r4_node *one = identifiers(j); one; one = one->next) {
        const struct r4_node *kind = r4_at(one, "type.coding.0.code");
        bool record = r4_is(kind, "MR"), paper = r4_is(r4_get(one, "system"), OWN_ID_NO) || (kind && !record && !r4_is(kind, "PI"));
        if (record || (!paper && !first[0]))
            copy(r4_text(r4_get(one, "value")), first, sizeof first);
        if (record)
            break;
    }
    TEXT_COPY(row->local_number, free_number(j, first) ? first : j->name);
    if (!free_number(j, row->local_number))
        snprintf(row->local_number, sizeof row->local_number, "Patient/%s", j->name);
}

/* ---- his record ---- */

struct home {
    uint64_t patient; /* 0 = he has none */
    bool made;        /* registered from here: it follows the Patient */
};

static int find_home(struct join *j, struct home *h)
{
    *h = (struct home){0};
    struct query *q = tx_query(j->ctx.tx, "SELECT patient_id, made FROM fhir_patient WHERE pkey=$1", "i", j->pkey);
    if (query_next(q))
        *h = (struct home){(uint64_t)query_int(q, "patient_id"), query_int(q, "made") != 0};
    return query_end(q);
}

/* The record with a number that this institution gave him: HIS and FHIR speak of the same one. */
static uint64_t by_number(struct join *j)
{
    for (const struct r4_node *one = identifiers(j); one; one = one->next) {
        struct authority a;
        char value[200];
        copy(r4_text(r4_get(one, "value")), value, sizeof value);
        bool ours = value[0] && own_authority(&j->ctx, r4_text(r4_get(one, "system")), &a) && (a.org ? a.org : a.giver) == j->org;
        uint64_t patient = ours ? own_patient_under(&j->ctx, &a, value) : 0;
        if (patient && (uint64_t)tx_int(j->ctx.tx, 0, "SELECT org_id FROM patient WHERE id=$1", "i", (int64_t)patient) == j->org)
            return patient;
    }
    return 0;
}

/* So that the next message with such a number finds him. */
static int keep_numbers(struct join *j, uint64_t patient)
{
    int rc = 0;
    for (const struct r4_node *one = identifiers(j); one && rc == 0; one = one->next) {
        struct authority a;
        char value[128];
        bool retired;
        copy(r4_text(r4_get(one, "value")), value, sizeof value);
        if (value[0] && own_authority(&j->ctx, r4_text(r4_get(one, "system")), &a) && a.domain && a.giver == j->org && !exchange_identity(&j->ctx, a.domain, value, &retired))
            rc = exchange_identity_add(&j->ctx, a.domain, value, patient);
    }
    return rc;
}

static int keep_home(struct join *j, uint64_t patient, bool made)
{
    return tx_upsert(j->ctx.tx, "fhir_patient", "pkey", "pkey,patient_id,made", "iii", j->pkey, (int64_t)patient, (int64_t)made);
}

static int register_him(struct join *j)
{
    struct patient_row row = {.id = id_new(), .org_id = j->org, .version = 1, .created_ms = j->ctx.now_ms, .id_type = "none", .allergy_state = "unknown"};
    const char *outcome;
    fill(j, &row);
    give_local_number(j, &row);
    int rc = patient_store(&j->ctx, &row, NULL);
    rc = rc ? rc : patient_index_put(&j->ctx, &row, NULL, &outcome);
    rc = rc ? rc : keep_home(j, row.id, true);
    rc = rc ? rc : keep_numbers(j, row.id);
    if (rc == 0)
        fhir_note(j->w, "fhir.register", row.id, (uint64_t)j->pkey, outcome);
    patient_row_wipe(&row);
    return rc;
}

static bool same(const struct patient_row *a, const struct patient_row *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->sex, b->sex) == 0 && strcmp(a->birth_date, b->birth_date) == 0 && strcmp(a->id_type, b->id_type) == 0 &&
           a->birth_estimated == b->birth_estimated && a->temporary == b->temporary && strcmp(a->secret.id_no, b->secret.id_no) == 0 &&
           strcmp(a->secret.phone, b->secret.phone) == 0 && strcmp(a->secret.address, b->secret.address) == 0;
}

/* Only the word of the institution that keeps the record changes it, and that of the consortium's own. */
static int follow(struct join *j, uint64_t patient)
{
    struct patient_row before, row;
    const char *outcome;
    int rc = patient_load(&j->ctx, patient, &before);
    row = before;
    if (rc == 0 && (!j->org || j->org == row.org_id)) {
        fill(j, &row);
        row.version++;
        if (!same(&before, &row)) {
            rc = patient_store(&j->ctx, &row, &before);
            rc = rc ? rc : patient_index_put(&j->ctx, &row, &before, &outcome);
            if (rc == 0)
                fhir_note(j->w, "fhir.register", row.id, (uint64_t)j->pkey, "changed");
        }
    }
    patient_row_wipe(&before);
    patient_row_wipe(&row);
    return rc;
}

static int join_him(struct join *j)
{
    struct home h;
    int rc = find_home(j, &h);
    if (rc || (h.patient && !h.made))
        return rc;
    if (h.patient)
        return follow(j, h.patient);
    if (!j->org)
        return 0;
    uint64_t known = by_number(j);
    return known ? keep_home(j, known, false) : tx_error(j->ctx.tx) ? tx_error(j->ctx.tx) : register_him(j);
}

int fhir_join(struct fhir_work *w, struct tx *tx, const struct staged *s)
{
    struct join j;
    if (s->act == ACT_DELETE || strcmp(s->type->name, "Patient") != 0)
        return 0;
    join_open(&j, w, tx);
    j.patient = s->resource;
    j.name = s->name;
    j.pkey = s->pkey;
    j.org = w->actor.org ? w->actor.org : fhir_org_named(tx, s->resource);
    int rc = join_him(&j);
    return rc ? rc : tx_error(tx);
}

/* ---- those who were stored before the index took Patients in ---- */

uint64_t fhir_writer(struct tx *tx, int64_t pkey, int64_t rid)
{
    return (uint64_t)tx_int(tx, 0, "SELECT COALESCE(c.org_id, o.id, 0) AS n FROM fhir_resource r LEFT JOIN fhir_client c ON c.id=r.source_id LEFT JOIN org o ON o.id=r.source_id "
                            "WHERE r.pkey=$1 AND r.rid=$2", "ii", pkey, rid);
}

static int join_waiting(struct fhir_work *w, struct tx *tx, int64_t pkey)
{
    struct fhir_row row = {0};
    struct r4_node *root = NULL;
    struct join j;
    join_open(&j, w, tx);
    r4_doc_reset(w->plan->scratch->doc);
    int rc = tx_exec(tx, "DELETE FROM fhir_patient WHERE pkey=$1", "i", pkey); /* he waits no more, whatever becomes of it */
    rc = rc ? rc : row_load(w, tx, pkey, pkey, ROW_BODY, &row);
    if (rc == 0 && row.body && r4_json_parse(w->plan->scratch->doc, row.body, row.body_len, &root, NULL) == 0) {
        j.patient = root;
        j.name = row.name;
        j.pkey = pkey;
        j.org = fhir_writer(tx, pkey, pkey);
        j.org = j.org ? j.org : fhir_org_named(tx, root);
        rc = join_him(&j);
    }
    fhir_row_clear(&row);
    return rc ? rc : tx_error(tx);
}

static size_t who_waits(struct records *r, int64_t out[BATCH])
{
    struct tx *tx;
    size_t n = 0;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return 0;
    struct query *q = tx_query(tx, "SELECT pkey FROM fhir_patient WHERE patient_id=0 ORDER BY pkey LIMIT $1", "i", (int64_t)BATCH);
    while (query_next(q))
        out[n++] = query_int(q, "pkey");
    n = query_end(q) ? 0 : n;
    tx_rollback(tx);
    return n;
}

static int write_lines(const struct fhir_work *w, struct tx *tx)
{
    struct audit_run run;
    audit_begin(&run, tx, records_parts(w->records)->audit_key);
    for (size_t i = 0; i < w->n_notes; i++)
        audit_add(&run, w->now_ms, &(struct audit_line){.op = w->notes[i].what, .outcome = "ok", .patient = w->notes[i].patient, .object = w->notes[i].object, .address = "", .detail = w->notes[i].detail});
    return audit_end(&run);
}

void fhir_background(struct records *r, int64_t now_ms)
{
    int64_t waiting[BATCH];
    size_t n = who_waits(r, waiting);
    struct fhir_work w = {.records = r, .fhir = records_parts(r)->fhir, .now_ms = now_ms, .q = {.host = ""}, .actor = {.system = true}};
    struct tx *tx;
    if (!n)
        return;
    if (fhir_plan_new(&w) && tx_begin(records_store(r), TX_WRITE, &tx) == 0) {
        int rc = 0;
        for (size_t i = 0; i < n && rc == 0; i++)
            rc = join_waiting(&w, tx, waiting[i]);
        rc = rc ? rc : write_lines(&w, tx);
        if (rc)
            tx_rollback(tx);
        else
            rc = tx_commit(tx);
        if (rc)
            log_error("fhir", "stored Patients could not be taken into the patient index: %s", err_wire(rc));
    }
    free(w.answer.body);
    fhir_work_fini(&w);
}
