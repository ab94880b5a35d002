/* Data for research: a doctor applies, somebody else approves, the file is made in the background, fetched, and gone when it expires. The file
 * is read again by this test's own means: every combination of quasi-identifiers is counted by comparing rows with rows, and nothing that names
 * a person is in its bytes. */
#include "records/background.h"
#include "records/fhir/client.h"
#include "records/patient/patient_row.h"
#include "records/store/sealed.h"
#include "records/term/ts.h"
#include "tests/story/world.h"
#include "tests/support/archive.h"
#include "tests/support/dice.h"
#include "tests/support/text.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define PERSONS 160
#define DAY 86400000ll
#define K 5

static struct world w;
static struct tx *tx;
static json_t *done(json_t *result)
{
    if (!result)
        fail_msg("%s: %s %s %s", err_wire(w.fault.code), w.fault.text, w.fault.n_fields ? w.fault.fields[0].path : "", w.fault.n_fields ? w.fault.fields[0].reason : "");
    return result;
}

static json_t *ask(const char *who_name, const char *op, const char *args)
{
    return done(world_call(&w, who_name, op, world_json(args)));
}

static int refused(const char *who_name, const char *op, const char *args)
{
    json_t *result = world_call(&w, who_name, op, world_json(args));
    assert_null(result);
    return w.fault.code;
}

/* ---- a county's patients ---- */

static void put_patient(int i, int64_t id, int64_t org, int64_t person)
{
    struct fault f = {0};
    struct actor nobody = {.system = true};
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &nobody, .now_ms = w.now_ms, .fault = &f};
    struct patient_row row = {.id = (uint64_t)id, .org_id = (uint64_t)org, .version = 1, .created_ms = 1, .id_type = "none", .allergy_state = "unknown"};
    snprintf(row.name, sizeof row.name, "王患者%d", i);
    snprintf(row.sex, sizeof row.sex, "%s", i % 2 ? "male" : "female");
    snprintf(row.insurance_type, sizeof row.insurance_type, "%s", i % 3 ? "城乡居民" : "城镇职工");
    snprintf(row.birth_date, sizeof row.birth_date, "%s", desk_text("%d-%02d-%02d", i == 0 ? 1925 : 1935 + roll(50), 1 + roll(12), 1 + roll(28)));
    snprintf(row.local_number, sizeof row.local_number, "ZYH%lld", (long long)id);
    snprintf(row.secret.phone, sizeof row.secret.phone, "1380013%04d", i);
    snprintf(row.secret.address, sizeof row.secret.address, "云岭县青石镇%d号", i);
    assert_int_equal(patient_store(&ctx, &row, NULL), 0);
    tx_exec(tx, "INSERT INTO mpi_member (patient_id, person_id, how, since_ms) VALUES ($1,$2,'steward',1)", "ii", id, person);
}

struct entry {
    const char *kind, *code, *unit, *value;
    int64_t t_ms;
};

static void put_entry(int64_t patient, const struct entry *e)
{
    static int64_t next = 500000;
    int64_t id = next++;
    tx_exec(tx,
            "INSERT INTO exchange_entry (id, patient_id, source_id, message_id, kind, code, system, standard_code, standard_system, unit, status, t_ms, key, replaced_by, body) VALUES "
            "($1,$2,1,1,$3,$4,'',$5,'',$6,'final',$7,0,0,$8)",
            "iittttis", id, patient, e->kind, e->code, e->code, e->unit, e->t_ms, SEALED(EXCHANGE_ENTRY, id, patient, desk_text("{\"text\":\"备注患者%lld\",\"value\":\"%s\"}", (long long)patient, e->value)));
}

static int64_t day_of(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&tm) * 1000;
}

static void put_person(int i)
{
    static const int64_t orgs[] = {10, 15, 20, 20, 20, 30};
    static const char *const codes[] = {"I63.900", "I63.900", "I63.300", "I63.301", "I63.500"};
    int64_t id = 10000 + i, person = 90000 + i, t = day_of(2026, 1 + roll(10), 1 + roll(28)) + roll(86400) * 1000ll, other = 0;
    put_patient(i, id, orgs[roll(6)], person);
    if (i % 4 == 0)
        put_patient(i, other = 20000 + i, orgs[roll(6)], person);
    put_entry(id, &(struct entry){"diagnosis", i == 7 ? "I63.800x99" : codes[roll(5)], "", "", t});
    put_entry(other ? other : id, &(struct entry){"diagnosis", i % 16 == 3 ? "B20.900" /* of ten: frequent enough, and above what research may have */ : roll(2) ? "I10.x00" : "E11.900", "", "", t + (1 + roll(30)) * DAY});
    put_entry(id, &(struct entry){"observation", "2345-7", "mmol/L", i == 11 ? "48.6" : desk_text("%d.%d", 4 + roll(6), roll(10)), t + DAY});
    put_entry(id, &(struct entry){"observation", "5778-6", "", i == 5 ? "患者王某自述淡黄" : roll(2) ? "阴性" : "阳性", t + 2 * DAY});
    put_entry(id, &(struct entry){"encounter", "I", "", "", t});
    put_entry(id, &(struct entry){"diagnosis", "J18.900", "", "", t - 800 * DAY}); /* outside the window */
}

static void open_county(void)
{
    world_open(&w);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE org SET level='township' WHERE id IN (10,15)", "");
    tx_exec(tx, "UPDATE org SET level='county' WHERE id=20", "");
    tx_exec(tx, "UPDATE org SET level='city' WHERE id=30", "");
    for (int i = 0; i < PERSONS; i++)
        put_person(i);
    assert_int_equal(tx_commit(tx), 0);
}

/* ---- the file ---- */

static void where_archive_lies(uint64_t project, char address[65])
{
    struct tx *read;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &read), 0);
    struct query *q = tx_query(read, "SELECT blob FROM research_project WHERE id=$1", "i", (int64_t)project);
    assert_true(query_next(q));
    snprintf(address, 65, "%s", query_text(q, "blob"));
    assert_int_equal(query_end(q), 0);
    tx_rollback(read);
}

static void read_archive(uint64_t project)
{
    char address[65];
    struct blob *b;
    where_archive_lies(project, address);
    assert_int_equal(blob_open(documents_store(records_parts(w.r)->documents), address, &b), 0);
    free(archive.bytes);
    archive.len = (size_t)blob_bytes(b);
    archive.bytes = calloc(1, archive.len + 1);
    for (size_t at = 0, got; at < archive.len; at += got)
        assert_int_equal(blob_read(b, at, archive.bytes + at, archive.len - at, &got), 0);
    blob_close(b);
}

/* ---- the application ---- */

#define COHORT "\"cohort\":{\"codes\":[\"I63\"],\"from\":\"2026-01-01\",\"to\":\"2026-11-01\"}"
#define FIELDS "\"fields\":[\"sex\",\"age\",\"institution\",\"period\",\"insurance\",\"condition\",\"diagnoses\",\"observations\",\"encounters\"]"

static uint64_t apply_for(const char *who_name, char id[ID_TEXT_BYTES])
{
    json_t *p = ask(who_name, "research.create",
                    desk_text("{\"title\":\"缺血性卒中合并症\",\"purpose\":\"分析缺血性卒中患者的合并症与血糖\",\"ethics_no\":\"2026-伦审-031\",\"ethics_date\":\"2026-10-08\"," COHORT "," FIELDS ",\"until_ms\":%lld}",
                         (long long)(w.now_ms + 60 * DAY)));
    uint64_t v = 0;
    snprintf(id, ID_TEXT_BYTES, "%s", json_string_value(json_object_get(p, "id")));
    assert_int_equal(id_parse(id, &v), 0);
    json_decref(p);
    return v;
}

static const char *state_of(const char *who_name, const char *id)
{
    static char out[20];
    json_t *p = ask(who_name, "research.get", desk_text("{\"project_id\":\"%s\"}", id));
    snprintf(out, sizeof out, "%s", json_string_value(json_object_get(p, "state")));
    json_decref(p);
    return out;
}

static void act(const char *who_name, const char *what, const char *id)
{
    json_decref(ask(who_name, desk_text("research.%s", what), desk_text("{\"project_id\":\"%s\"}", id)));
}

static int no(const char *who_name, const char *what, const char *id)
{
    return refused(who_name, desk_text("research.%s", what), desk_text("{\"project_id\":\"%s\"%s}", id, strcmp(what, "refuse") == 0 ? ",\"reason\":\"x\"" : ""));
}

static void make(const char *id)
{
    for (int i = 0; i < 60 && strcmp(state_of("ren", id), "APPROVED") == 0; i++)
        records_background(w.r);
}

static int64_t sql(const char *query, int64_t arg)
{
    struct tx *read;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &read), 0);
    int64_t n = tx_int(read, -1, query, "i", arg);
    tx_rollback(read);
    return n;
}

static void nobody_decides_his_own_and_drafts_are_nobodys_else(void **state)
{
    char id[ID_TEXT_BYTES];
    (void)state;
    open_county();
    apply_for("bao", id);
    assert_int_equal(no("admin", "approve", id), ERR_NOT_FOUND); /* a draft */
    assert_int_equal(no("ren", "submit", id), ERR_NOT_FOUND);
    act("bao", "submit", id);
    assert_int_equal(no("bao", "approve", id), ERR_DENIED);
    assert_string_equal(w.fault.reason, "own_request");
    assert_int_equal(no("bao", "refuse", id), ERR_DENIED);
    assert_int_equal(no("ren", "open", id), ERR_NOT_FOUND);
    json_decref(ask("admin", "research.return", desk_text("{\"project_id\":\"%s\",\"reason\":\"目的太宽\"}", id)));
    assert_string_equal(state_of("bao", id), "RETURNED");
    json_decref(ask("bao", "research.update", desk_text("{\"project_id\":\"%s\",\"ethics_no\":\"\",\"ethics_date\":null,\"until_ms\":1000,\"cohort\":{\"codes\":[\"脑卒中\"]}}", id)));
    w.fault.n_fields = 0;
    assert_int_equal(no("bao", "submit", id), ERR_INVALID);
    assert_int_equal(w.fault.n_fields, 6); /* codes[0], from, to, ethics_no, ethics_date, until_ms */
    act("bao", "withdraw", id);
    assert_int_equal(no("admin", "approve", id), ERR_NOT_ALLOWED_NOW);
    world_close(&w);
}

static void check_subjects(const struct table *t)
{
    assert_string_equal(t->rows[0].cells[0], "subject");
    assert_true(t->n > PERSONS * 9 / 10);
    for (size_t i = 1; i < t->n; i++) {
        assert_true(alike(t, i, 1, 5) >= K); /* sex, age, institution, period, insurance */
        assert_true(alike(t, i, 6, 6) >= K || strcmp(t->rows[i].cells[6], "*") == 0); /* the condition */
        assert_true(conditions_beside(t, i) >= 2);
        assert_int_equal(alike(t, i, 0, 0), 1);
        assert_int_equal(strlen(t->rows[i].cells[0]), 16);
        if (i > 1)
            assert_true(strcmp(t->rows[i - 1].cells[0], t->rows[i].cells[0]) < 0);
    }
}

static void check_events(void)
{
    struct table *d = archive_table("diagnoses.csv"), *o = archive_table("observations.csv");
    double most = 0;
    for (size_t i = 1; i < d->n; i++) {
        assert_true(persons_with(d, i, false) >= K);
        assert_string_not_equal(d->rows[i].cells[2], "J18.900");
        assert_true(atoi(d->rows[i].cells[1]) >= 0 && atoi(d->rows[i].cells[1]) <= 31); /* days from the first diagnosis */
    }
    for (size_t i = 1; i < o->n; i++) {
        assert_true(persons_with(o, i, true) >= K);
        bool number = *o->rows[i].cells[5] != 0;
        assert_int_equal(number, *o->rows[i].cells[6] == 0);
        most = number && atof(o->rows[i].cells[5]) > most ? atof(o->rows[i].cells[5]) : most;
    }
    assert_true(most > 5 && most < 10); /* 48.6 of one person is told as what the fifth has */
    free(d);
    free(o);
}

static void the_file_has_k_alike_and_names_nobody(void **state)
{
    char id[ID_TEXT_BYTES], other[ID_TEXT_BYTES], name[60];
    (void)state;
    open_county();
    /* 9 refuses research, at whatever house */
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO share_consent (id, patient_id, decision, purpose, source_org, target_org, from_ms, until_ms, person_id, org_id, t_ms, given, withdrawn_ms, withdrawn_by) VALUES "
                "(77,10009,'deny','research',0,0,1,0,1,1,1,'paper',0,0)", "");
    assert_int_equal(tx_commit(tx), 0);
    uint64_t project = apply_for("ren", id);
    json_t *n = ask("ren", "research.count", desk_text("{\"project_id\":\"%s\"}", id));
    assert_int_equal(json_integer_value(json_object_get(n, "total")), 155); /* 159 in steps of five */
    assert_true(json_is_null(json_object_get(n, "refused")));               /* one: fewer than five */
    json_decref(n);
    act("ren", "submit", id);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM notice WHERE person_id=$1 AND template='research.submitted'", 901), 1);
    assert_int_equal(no("ren", "open", id), ERR_NOT_ALLOWED_NOW);
    act("admin", "approve", id);
    make(id);
    assert_string_equal(state_of("ren", id), "READY");
    read_archive(project);
    struct table *t = archive_table("subjects.csv");
    check_subjects(t);
    check_events();
    for (int i = 0; i < PERSONS; i++) {
        snprintf(name, sizeof name, "王患者%d", i);
        archive_holds(name, false);
        snprintf(name, sizeof name, "ZYH%d", 10000 + i);
        archive_holds(name, false);
        snprintf(name, sizeof name, "1380013%04d", i);
        archive_holds(name, false);
    }
    archive_holds("王某", false);
    archive_holds("备注", false);
    archive_holds("48.6", false);
    archive_holds("B20", false);
    archive_holds("I63.800x99", false);
    archive_holds("2026-伦审-031", true);
    /* who saw my record: those in the file, and not the one who refused */
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM audit WHERE op='research.use' AND patient_id=$1", 10009), 0);
    assert_int_equal(sql("SELECT COUNT(DISTINCT patient_id) AS n FROM audit WHERE op='research.use' AND patient_id<20000 AND object_id=$1", (int64_t)project), (int64_t)t->n - 1);
    json_t *saw = ask("auditor", "access.of_patient", desk_text("{\"patient_id\":\"%016llx\"}", (long long)sql("SELECT MIN(patient_id) AS n FROM audit WHERE op='research.use' AND patient_id>$1", 0)));
    char *dump = json_dumps(saw, 0);
    assert_non_null(strstr(dump, "\"research\""));
    free(dump);
    json_decref(saw);
    /* another project: other names */
    uint64_t second = apply_for("ren", other);
    act("ren", "submit", other);
    act("bao", "approve", other);
    make(other);
    read_archive(second);
    for (size_t i = 1; i < t->n; i++)
        archive_holds(t->rows[i].cells[0], false);
    free(t);
    world_close(&w);
}

/* A cohort of one diagnosis: the column could only say what the cohort says. */
static void a_diagnosis_without_others_is_not_told(void **state)
{
    char id[ID_TEXT_BYTES];
    (void)state;
    open_county();
    uint64_t project = apply_for("ren", id);
    json_decref(ask("ren", "research.update", desk_text("{\"project_id\":\"%s\",\"cohort\":{\"codes\":[\"I63.900\"],\"from\":\"2026-01-01\",\"to\":\"2026-11-01\"}}", id)));
    act("ren", "submit", id);
    act("admin", "approve", id);
    make(id);
    assert_string_equal(state_of("ren", id), "READY");
    read_archive(project);
    struct table *t = archive_table("subjects.csv");
    assert_true(t->n > 20);
    for (size_t i = 1; i < t->n; i++)
        assert_string_equal(t->rows[i].cells[6], "*");
    json_t *p = ask("ren", "research.get", desk_text("{\"project_id\":\"%s\"}", id));
    assert_true(json_is_true(json_object_get(json_object_get(p, "report"), "condition_hidden")));
    json_decref(p);
    free(t);
    world_close(&w);
}

/* ---- persons of the FHIR store ---- */

#define CLIENT 0xc11

/* As a client of its own: local codes are his. */
static void put_bundle_of(uint64_t client, uint64_t org, const char *body, size_t len)
{
    char bearer[BEARER_BYTES];
    struct bearer b = {.client = client, .until_ms = w.now_ms + DAY, .scopes = "system/*.*"};
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,'数据中心',$2,'system/*.*','',1,0,0)", "ii", (int64_t)client, (int64_t)org);
    assert_int_equal(tx_commit(tx), 0);
    struct records_fhir_answer a = {0};
    struct records_fhir q = {.method = "POST", .path = "", .query = "", .credential = bearer, .accept = "", .content_type = "application/fhir+json", .prefer = "",
                             .if_match = "", .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "", .host = "yilian.test", .body = body, .len = len};
    records_fhir_call(w.r, &q, &a);
    if (a.status != 200)
        fail_msg("%d %.*s", a.status, (int)a.len, a.body);
    free(a.body);
}

static void put_bundle(const char *body, size_t len)
{
    put_bundle_of(CLIENT, 0, body, len);
}

#define IN_FHIR 40
#define SUBJECT "\"subject\":{\"reference\":\"Patient/f%d\"}"
#define PUT(type) ",\"request\":{\"method\":\"PUT\",\"url\":\"" type "/f%d\"}}"

/* 0 is restricted, 1 refuses in the store; 2 is the person who is in the house's own records as well; 7, 15 .. have the client's own code. */
static void put_resources(void)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    fputs("{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[", f);
    for (int i = 0; i < IN_FHIR; i++) {
        fprintf(f, "%s{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"f%d\",\"name\":[{\"text\":\"李资源%d\"}],\"gender\":\"%s\",\"birthDate\":\"19%d-05-06\"%s}" PUT("Patient"), i ? "," : "", i, i,
                i % 2 ? "male" : "female", 40 + i % 40, i == 2 ? ",\"identifier\":[{\"system\":\"urn:oid:2.16.156.10011.1.3\",\"value\":\"11010519491231002X\"}]" : "", i);
        fprintf(f, ",{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"f%d\",%s\"code\":{\"coding\":[{\"system\":\"%s\",\"code\":\"%s\"}],\"text\":\"手写诊断%d\"}," SUBJECT
                   ",\"onsetDateTime\":\"2026-0%d-11\"}" PUT("Condition"), i, i == 0 ? "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-Confidentiality\",\"code\":\"R\"}]}," : "",
                i % 8 == 7 ? "urn:his:dx" : "http://hl7.org/fhir/sid/icd-10", i % 8 == 7 ? "NGS" : i % 2 ? "I63.9" : "I63.3", i, i, 1 + i % 9, i);
        fprintf(f, ",{\"resource\":{\"resourceType\":\"Observation\",\"id\":\"f%d\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"14749-6\"}]}," SUBJECT
                   ",\"effectiveDateTime\":\"2026-0%d-13T08:00:00+08:00\",\"valueQuantity\":{\"value\":%d,\"unit\":\"mg/dL\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mg/dL\"}}" PUT("Observation"),
                i, i, 1 + i % 9, 100 + i, i);
        fprintf(f, ",{\"resource\":{\"resourceType\":\"MedicationRequest\",\"id\":\"f%d\",\"status\":\"active\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"coding\":[{\"system\":\"http://www.whocc.no/atc\","
                   "\"code\":\"B01AC06\"}]}," SUBJECT ",\"authoredOn\":\"2026-0%d-12\"}" PUT("MedicationRequest"), i, i, 1 + i % 9, i);
    }
    fprintf(f, ",{\"resource\":{\"resourceType\":\"Consent\",\"id\":\"f1\",\"status\":\"active\",\"scope\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/consentscope\",\"code\":\"research\"}]},"
               "\"category\":[{\"text\":\"科研\"}],\"policyRule\":{\"text\":\"x\"},\"patient\":{\"reference\":\"Patient/f1\"},\"provision\":{\"type\":\"deny\"}},\"request\":{\"method\":\"PUT\",\"url\":\"Consent/f1\"}}]}");
    fclose(f);
    put_bundle(text, len);
    free(text);
}

/* Whose local record has the same identity number. */
static void give_number(int64_t patient)
{
    struct fault f = {0};
    struct actor nobody = {.system = true};
    struct patient_row row, before;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &nobody, .now_ms = w.now_ms, .fault = &f};
    assert_int_equal(patient_load(&ctx, (uint64_t)patient, &row), 0);
    before = row;
    snprintf(row.id_type, sizeof row.id_type, "id_card");
    snprintf(row.secret.id_no, sizeof row.secret.id_no, "11010519491231002X");
    assert_int_equal(patient_store(&ctx, &row, &before), 0);
    assert_int_equal(tx_commit(tx), 0);
    patient_row_wipe(&row);
}

static void persons_of_the_fhir_store_are_in_it(void **state)
{
    char id[ID_TEXT_BYTES], code[ID_TEXT_BYTES];
    (void)state;
    open_county();
    give_number(10050);
    put_resources();
    uint64_t project = apply_for("ren", id);
    json_decref(ask("ren", "research.update",
                    desk_text("{\"project_id\":\"%s\",\"fields\":[\"sex\",\"age\",\"period\",\"condition\",\"diagnoses\",\"observations\",\"medications\"]}", id)));
    json_t *n = ask("ren", "research.count", desk_text("{\"project_id\":\"%s\"}", id));
    assert_int_equal(json_integer_value(json_object_get(n, "total")), 190); /* nobody said yet what the client's own code is: five */
    json_decref(n);
    id_format((uint64_t)sql("SELECT id AS n FROM quality_code WHERE source_id=$1 AND code='NGS' AND seen=5", CLIENT), code);
    json_decref(ask("admin", "quality.map", desk_text("{\"code_id\":\"%s\",\"system\":\"" TS_ICD10_NHSA "\",\"code\":\"I63.900\"}", code)));
    n = ask("ren", "research.count", desk_text("{\"project_id\":\"%s\"}", id));
    assert_int_equal(json_integer_value(json_object_get(n, "total")), 195); /* 160 and 40; without the restricted, the refusing, and one who is both: 197 */
    json_decref(n);
    act("ren", "submit", id);
    act("admin", "approve", id);
    make(id);
    assert_string_equal(state_of("ren", id), "READY");
    read_archive(project);
    struct table *o = archive_table("observations.csv"), *m = archive_table("medications.csv");
    size_t sugar = 0;
    for (size_t i = 1; i < o->n; i++)
        if (strcmp(o->rows[i].cells[2], "14749-6") == 0) {
            assert_string_equal(o->rows[i].cells[3], "mmol/L"); /* as the rule put it right */
            assert_true(atof(o->rows[i].cells[5]) > 5 && atof(o->rows[i].cells[5]) < 8);
            sugar++;
        }
    assert_true(sugar >= 30 && sugar <= 38);
    for (size_t i = 1; i < m->n; i++)
        assert_string_equal(m->rows[i].cells[2], "B01AC06");
    assert_true(m->n > 30);
    archive_holds("李资源", false);
    archive_holds("手写诊断", false);
    archive_holds("11010519491231002", false);
    archive_holds("mg/dL", false);
    /* who saw my record: he who is in both is told in both */
    int64_t both = sql("SELECT pkey AS n FROM fhir_name WHERE type='Patient' AND name='f' || $1", 2), refusing = sql("SELECT pkey AS n FROM fhir_name WHERE type='Patient' AND name='f' || $1", 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM audit WHERE op='research.use' AND patient_id=$1", both), sql("SELECT COUNT(*) AS n FROM audit WHERE op='research.use' AND patient_id=$1", 10050));
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM audit WHERE op='research.use' AND patient_id=$1", refusing), 0);
    free(o);
    free(m);
    world_close(&w);
}

/* The county's own system writes of patients the house has, without any identity number: by its own number for the record, and by the person's name in the index. */
static void persons_are_those_of_the_index(void **state)
{
    char id[ID_TEXT_BYTES];
    char *text = NULL;
    size_t len = 0;
    (void)state;
    open_county();
    FILE *f = open_memstream(&text, &len);
    fputs("{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[", f);
    for (int i = 0; i < 20; i++) {
        int64_t local = sql("SELECT id AS n FROM patient WHERE org_id=20 ORDER BY id LIMIT 1 OFFSET $1", i), person = sql("SELECT person_id AS n FROM mpi_member WHERE patient_id=$1", local);
        char subject[60];
        snprintf(subject, sizeof subject, "f%d", i);
        if (!(i % 2))
            snprintf(subject, sizeof subject, "mpi-%016llx", (unsigned long long)person);
        fprintf(f, "%s{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"f%d\",\"code\":{\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/icd-10\",\"code\":\"I63.9\"}]},\"subject\":{\"reference\":\"Patient/%s\"},"
                   "\"onsetDateTime\":\"2026-03-11\"}" PUT("Condition"), i ? "," : "", i, subject, i);
        if (i % 2)
            fprintf(f, ",{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"f%d\",\"identifier\":[{\"system\":\"urn:yilian:patients:c20\",\"value\":\"ZYH%lld\"}],\"name\":[{\"text\":\"某\"}]}" PUT("Patient"), i,
                    (long long)local, i);
    }
    fputs("]}", f);
    fclose(f);
    int64_t patients = sql("SELECT COUNT(*) AS n FROM patient WHERE id>$1", 0);
    put_bundle_of(CLIENT, 20, text, len);
    free(text);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient WHERE id>$1", 0), patients);
    (void)!apply_for("ren", id);
    json_t *n = ask("ren", "research.count", desk_text("{\"project_id\":\"%s\"}", id));
    assert_int_equal(json_integer_value(json_object_get(n, "total")), 160); /* not one more */
    json_decref(n);
    world_close(&w);
}

static void fetched_by_the_applicant_until_it_expires(void **state)
{
    char id[ID_TEXT_BYTES];
    (void)state;
    open_county();
    uint64_t project = apply_for("ren", id);
    act("ren", "submit", id);
    act("admin", "approve", id);
    make(id);
    json_t *file = ask("ren", "research.open", desk_text("{\"project_id\":\"%s\"}", id));
    assert_true(json_integer_value(json_object_get(file, "bytes")) > 1000);
    json_decref(file);
    assert_int_equal(no("admin", "open", id), ERR_DENIED);
    assert_int_equal(no("bao", "open", id), ERR_DENIED);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM research_event WHERE event='downloaded' AND project_id=$1", (int64_t)project), 1);
    w.now_ms += 61 * DAY;
    assert_int_equal(no("ren", "open", id), ERR_GONE); /* before the background has seen it */
    char address[65], path[200];
    where_archive_lies(project, address);
    snprintf(path, sizeof path, "%s/blobs/%.2s/%.2s/%s", w.dir, address, address + 2, address);
    assert_int_equal(access(path, F_OK), 0);
    records_background(w.r);
    assert_string_equal(state_of("ren", id), "EXPIRED");
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(no("ren", "open", id), ERR_GONE);
    world_close(&w);
}

static void stopped_begun_again_and_too_few(void **state)
{
    char id[ID_TEXT_BYTES], few[ID_TEXT_BYTES];
    struct fault f;
    (void)state;
    open_county();
    uint64_t project = apply_for("ren", id);
    act("ren", "submit", id);
    act("admin", "approve", id);
    /* the daemon is closed before anything was made, and opened again */
    struct records_config config = {.data_dir = w.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &w.clock};
    records_close(w.r);
    assert_int_equal(records_open(&w.r, &config, &f), 0);
    make(id);
    assert_string_equal(state_of("ren", id), "READY");
    json_decref(ask("admin", "research.revoke", desk_text("{\"project_id\":\"%s\",\"reason\":\"伦理批件被撤销\"}", id)));
    records_background(w.r);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM research_project WHERE id=$1 AND blob='' AND deleted_ms>0", (int64_t)project), 1);
    assert_int_equal(no("ren", "open", id), ERR_GONE);
    apply_for("ren", few);
    json_decref(ask("ren", "research.update", desk_text("{\"project_id\":\"%s\",\"cohort\":{\"codes\":[\"I63.8\"],\"from\":\"2026-01-01\",\"to\":\"2026-11-01\"}}", few)));
    json_t *n = ask("ren", "research.count", desk_text("{\"project_id\":\"%s\"}", few));
    assert_true(json_is_null(json_object_get(n, "total")));
    json_decref(n);
    act("ren", "submit", few);
    act("admin", "approve", few);
    make(few);
    assert_string_equal(state_of("ren", few), "FAILED");
    json_t *p = ask("ren", "research.get", desk_text("{\"project_id\":\"%s\"}", few));
    assert_string_equal(json_string_value(json_object_get(p, "error")), "too_few");
    json_decref(p);
    world_close(&w);
}

/* ---- kill -9 while it is made ---- */

#define KILLS_MAX 3 /* of one application: with the fifth begin it is taken for the data set's fault */

static int64_t wall_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void reopen(void)
{
    struct fault f;
    struct records_config config = {.data_dir = w.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &w.clock};
    assert_int_equal(records_open(&w.r, &config, &f), 0);
}

/* A daemon that makes until it is killed, `us` after it began. */
static void a_life_of(int64_t us)
{
    int ends[2];
    char one = 0;
    records_close(w.r);
    w.r = NULL;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        reopen();
        if (write(ends[1], &one, 1) != 1)
            _exit(2);
        for (;;)
            records_background(w.r);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &one, 1), 1);
    close(ends[0]);
    usleep((useconds_t)us);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    reopen();
}

static void whole(uint64_t project)
{
    uint8_t hash[32];
    char hex[65], said[65];
    struct tx *read;
    read_archive(project);
    crypto_sha256(archive.bytes, archive.len, hash);
    assert_int_equal(hex_encode(hash, sizeof hash, hex, sizeof hex), 64);
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &read), 0);
    struct query *q = tx_query(read, "SELECT sha256 FROM research_project WHERE id=$1", "i", (int64_t)project);
    snprintf(said, sizeof said, "%s", query_next(q) ? query_text(q, "sha256") : "");
    assert_int_equal(query_end(q), 0);
    tx_rollback(read);
    assert_string_equal(hex, said);
    free(archive_member("manifest.json"));
}

/* Either it is made, and then whole, or it is still approved and there is nothing to fetch. */
static bool ready_or_nothing(uint64_t project, const char *id)
{
    if (strcmp(state_of("ren", id), "READY") == 0) {
        whole(project);
        return true;
    }
    assert_string_equal(state_of("ren", id), "APPROVED");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM research_project WHERE id=$1 AND blob='' AND sha256='' AND done_ms=0", (int64_t)project), 1);
    assert_int_equal(no("ren", "open", id), ERR_NOT_ALLOWED_NOW);
    return false;
}

static void killed_at_any_moment_it_is_whole_or_not_there(void **state)
{
    char id[ID_TEXT_BYTES];
    int64_t takes = 0;
    int unready = 0;
    (void)state;
    open_county();
    for (int round = 0; round < 3; round++) {
        uint64_t project = apply_for("ren", id);
        act("ren", "submit", id);
        act("admin", "approve", id);
        bool ready = false;
        for (int i = 0; round && i < KILLS_MAX && !ready; i++) {
            a_life_of(roll((int)takes));
            ready = ready_or_nothing(project, id);
            unready += !ready;
        }
        int64_t begun = wall_us();
        make(id); /* goes on by itself: nobody approves again */
        takes = round ? takes : wall_us() - begun;
        assert_string_equal(state_of("ren", id), "READY");
        whole(project);
    }
    assert_true(unready > 0); /* some were cut while it was made */
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_decides_his_own_and_drafts_are_nobodys_else),
        cmocka_unit_test(the_file_has_k_alike_and_names_nobody), cmocka_unit_test(a_diagnosis_without_others_is_not_told), cmocka_unit_test(persons_of_the_fhir_store_are_in_it), cmocka_unit_test(persons_are_those_of_the_index),
        cmocka_unit_test(fetched_by_the_applicant_until_it_expires),
        cmocka_unit_test(stopped_begun_again_and_too_few), cmocka_unit_test(killed_at_any_moment_it_is_whole_or_not_there),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(archive.bytes);
    return failed;
}
