/* 数据更正: what the cleaning rules find in a clinic's data comes to the clinic; it is put right in the patient's record, by the right value, by the
 * source, or said to be right; the steward gives an answer back; the score follows. */
#include "records/fhir/client.h"
#include "records/store/sealed.h"
#include "tests/story/world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DAY 86400000LL

static struct world w;

static int open_world(void **state)
{
    (void)state;
    world_open(&w);
    w.now_ms = 1795500000000; /* 2026-11-24 14:00 in China */
    static const char source[] = "{\"source_id\":\"0000000000000e0%d\",\"org_id\":\"00000000000000%02x\",\"name\":\"%s\",\"application\":\"%s\","
                                 "\"domains\":[{\"namespace_id\":\"%s\"}],\"enabled\":true}";
    for (int i = 0; i < 2; i++) {
        char text[400];
        const char *name = i ? "OTHER" : "HIS";
        struct reply reply;
        snprintf(text, sizeof text, source, i + 1, i ? 15 : 10, name, name, name);
        json_t *args = world_json(text);
        struct call call = {.op = "exchange.source_set", .credential = records_system_credential(w.r), .args = args};
        records_call(w.r, &call, &reply);
        json_decref(args);
        if (reply.error)
            return print_error("%s\n", reply.fault.text), 1;
        reply_clear(&reply);
    }
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* ---- speaking ---- */

static void heard(void *ctx, const struct records_message_answer *a)
{
    assert_int_equal(a->error, 0);
    snprintf(ctx, 8, "%.2s", a->len > 4 && strstr(a->bytes, "MSA|") ? strstr(a->bytes, "MSA|") + 4 : "");
}

/* `rest`: the segments after MSH, ended by \n each; every one is taken, whatever is wrong in it. */
static void sends(const char *source, const char *type, const char *rest)
{
    static int control;
    char bytes[2000], code[8];
    snprintf(bytes, sizeof bytes, "MSH|^~\\&|%s||||20261124||%s|%d|P|2.4||||||UNICODE UTF-8\r%s", source, type, ++control, rest);
    for (char *p = bytes; *p; p++)
        *p = *p == '\n' ? '\r' : *p;
    struct records_message m = {.bytes = bytes, .len = strlen(bytes), .address = "10.0.0.1", .certificate = ""};
    assert_int_equal(records_message_submit(w.r, &m, heard, code), 0);
    assert_string_equal(code, "AA");
}

static json_t *ask(const char *whom, const char *op, json_t *args)
{
    json_t *answer = world_call(&w, whom, op, args);
    if (!answer)
        fail_msg("%s %s: %s %s", whom, op, w.fault.reason, w.fault.text);
    return answer;
}

/* A clinic's open tasks, as "rule:reason raw", in their order. */
static const char *tasks(const char *whom)
{
    static char out[2000];
    size_t i, n = 0;
    json_t *one, *list = ask(whom, "quality.fixes", json_object());
    out[0] = 0;
    json_array_foreach(json_object_get(list, "items"), i, one) {
        const char *raw = json_string_value(json_object_get(one, "raw"));
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s:%s%s%s", n ? "; " : "", json_string_value(json_object_get(one, "rule")),
                              json_string_value(json_object_get(one, "reason")), *raw ? " " : "", raw);
    }
    json_decref(list);
    return out;
}

/* The first open one of a rule; the caller's. */
static json_t *task(const char *whom, const char *rule)
{
    size_t i;
    json_t *one, *found = NULL, *list = ask(whom, "quality.fixes", json_object());
    json_array_foreach(json_object_get(list, "items"), i, one)
        if (!found && strcmp(json_string_value(json_object_get(one, "rule")), rule) == 0)
            found = json_incref(one);
    json_decref(list);
    if (!found)
        fail_msg("%s has no task of %s", whom, rule);
    return found;
}

static const char *id_of(json_t *o)
{
    static char out[ID_TEXT_BYTES];
    snprintf(out, sizeof out, "%s", json_string_value(json_object_get(o, "id")));
    return out;
}

static json_t *answering(const char *id, const char *answer, const char *value, const char *unit, const char *note)
{
    json_t *args = json_pack("{s:s,s:s}", "finding_id", id, "answer", answer);
    if (value)
        json_object_set_new(args, "value", json_string(value));
    if (unit)
        json_object_set_new(args, "unit", json_string(unit));
    if (note)
        json_object_set_new(args, "note", json_string(note));
    return args;
}

static const char *id_of_task(const char *whom, const char *rule)
{
    json_t *t = task(whom, rule);
    const char *id = id_of(t);
    json_decref(t);
    return id;
}

static void replies(const char *whom, const char *rule, const char *answer, const char *value, const char *unit, const char *note)
{
    json_decref(ask(whom, "quality.fix_reply", answering(id_of_task(whom, rule), answer, value, unit, note)));
}

/* What the fault says of a reply that is not taken. */
static const char *refused(const char *whom, const char *id, const char *answer, const char *value, const char *unit)
{
    static char out[200];
    json_t *r = world_call(&w, whom, "quality.fix_reply", answering(id, answer, value, unit, NULL));
    assert_null(r);
    snprintf(out, sizeof out, "%s", w.fault.n_fields ? w.fault.fields[0].path : "");
    if (w.fault.n_fields)
        snprintf(out + strlen(out), sizeof out - strlen(out), " %s", w.fault.fields[0].reason);
    else
        snprintf(out, sizeof out, "%s", w.fault.reason);
    return out;
}

/* Of the township's data today: good/checked of a dimension. */
static const char *score(const char *dimension)
{
    static char out[40];
    json_t *all = ask("admin", "quality.scores", json_pack("{s:s}", "source_id", "0000000000000e01"));
    json_t *d = json_object_get(json_object_get(json_array_get(json_object_get(all, "items"), 0), "dimensions"), dimension);
    snprintf(out, sizeof out, "%lld/%lld", (long long)json_integer_value(json_object_get(d, "good")), (long long)json_integer_value(json_object_get(d, "checked")));
    json_decref(all);
    return out;
}

/* ---- the way of a task ---- */

/* GB 11643's example is a woman born 1949-12-31. */
static void demographics_are_put_right_in_the_record(void **state)
{
    (void)state;
    sends("HIS", "ADT^A04", "EVN||20261124\nPID|1||1^^^HIS~11010519491231002X^^^^NI||王^芳||19491213|M|||||13800138000\nPV1|1|O\n");
    assert_string_equal(tasks("zhang"), "patient.identity_birth:not_the_numbers 1949-12-13; patient.identity_sex:not_the_numbers male");
    assert_string_equal(tasks("sun"), ""); /* another clinic */
    assert_string_equal(score("consistency"), "2/4"); /* two conflicts; the time of the visit is neither in the future nor before his birth */
    json_t *t = task("zhang", "patient.identity_birth");
    assert_string_equal(json_string_value(json_object_get(t, "clean")), "1949-12-31");
    assert_string_equal(json_string_value(json_object_get(json_object_get(t, "patient"), "name")), "王芳");
    assert_string_equal(refused("zhang", id_of(t), "correct", "1949-12-31", NULL), "edit_patient");
    assert_string_equal(refused("sun", id_of(t), "as_is", NULL, NULL), "not_your_finding");
    json_decref(ask("zhang", "patient.update", json_pack("{s:O,s:I,s:s}", "patient_id", json_object_get(json_object_get(t, "patient"), "id"), "version", (json_int_t)1, "birth_date",
                                                          "1949-12-31")));
    json_decref(t);
    assert_string_equal(tasks("zhang"), "patient.identity_sex:not_the_numbers male");
    assert_string_equal(score("consistency"), "3/4");
    /* the source sends him right: that closes the other */
    sends("HIS", "ADT^A08", "EVN||20261124\nPID|1||1^^^HIS~11010519491231002X^^^^NI||王^芳||19491231|F|||||13800138000\nPV1|1|O\n");
    assert_string_equal(tasks("zhang"), "");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE state='source' AND rule='patient.identity_sex'"), 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE state='corrected' AND rule='patient.identity_birth' AND closed_by=101"), 1);
}

static void a_result_is_put_right_beside_what_came(void **state)
{
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||1^^^HIS||王^芳\nOBR|1||r1|2823-3^Potassium^LN|||20261124093000\nOBX|1|NM|2823-3^Potassium^LN||41|mmol/L|||||F\n");
    assert_string_equal(tasks("zhang"), "range.item:above 41");
    const char *id = id_of_task("zhang", "range.item");
    assert_string_equal(refused("zhang", id, "correct", NULL, NULL), "value required");
    assert_string_equal(refused("zhang", id, "correct", "很高", "mmol/L"), "value not_a_number");
    assert_string_equal(refused("zhang", id, "correct", "410", "mmol/L"), "value above");
    assert_string_equal(refused("zhang", id, "correct", "4.1", "瓶"), "unit unit_unknown");
    assert_string_equal(refused("zhang", id, "as_is", NULL, NULL), "note required");
    replies("zhang", "range.item", "correct", "4.1", "mmol/L", "小数点漏录");
    assert_string_equal(tasks("zhang"), "");
    json_t *line = NULL, *one, *timeline = ask("zhang", "patient.timeline", json_pack("{s:o}", "patient_id", json_id((uint64_t)world_count(&w, "SELECT id AS n FROM patient WHERE name='王芳'"))));
    size_t i;
    json_array_foreach(json_object_get(timeline, "items"), i, one)
        line = json_object_get(one, "put_right") ? one : line;
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "value")), "41"); /* what came stays */
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "put_right"), "value")), "4.1");
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "put_right"), "by")), "person");
    json_decref(timeline);
    assert_string_equal(refused("zhang", id, "correct", "4.2", "mmol/L"), "closed_already");
}

static void units_are_brought_to_one_without_anybody(void **state)
{
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||1^^^HIS||王^芳\nOBR|1||r2|14749-6^Glucose^LN|||20261124093100\nOBX|1|NM|14749-6^Glucose^LN||100|mg/dL|||||F\n");
    assert_string_equal(tasks("zhang"), "");
    json_t *found = ask("admin", "quality.findings", json_pack("{s:s}", "state", "cleaned")), *f = json_array_get(json_object_get(found, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(f, "raw")), "100");
    assert_string_equal(json_string_value(json_object_get(f, "raw_unit")), "mg/dL");
    assert_string_equal(json_string_value(json_object_get(f, "clean")), "5.55");
    assert_string_equal(json_string_value(json_object_get(f, "unit")), "mmol/L");
    assert_string_equal(json_string_value(json_object_get(f, "rule")), "unit.item");
    assert_int_equal(json_integer_value(json_object_get(f, "version")), 1);
    json_decref(found);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM exchange_entry WHERE unit='mg/dL'"), 1); /* the entry is as it came */
}

static void what_is_right_as_it_came_does_not_come_back(void **state)
{
    static const char report[] = "PID|1||2^^^HIS||赵^强||19600101|M\nOBR|1||r3|2823-3^Potassium^LN|||20261124093200\nOBX|1|NM|2823-3^Potassium^LN||16.5|mmol/L|||||F\n";
    (void)state;
    sends("HIS", "ORU^R01", report);
    replies("li", "range.item", "as_is", NULL, NULL, "横纹肌溶解，已复测");
    sends("HIS", "ORU^R01", report); /* the same report again, as corrected */
    assert_string_equal(tasks("zhang"), "");
    /* the steward is not convinced */
    json_t *found = ask("admin", "quality.findings", json_pack("{s:s}", "state", "as_is"));
    const char *id = id_of(json_array_get(json_object_get(found, "items"), 0));
    json_decref(found);
    const char *before = strdup(score("validity"));
    json_decref(ask("admin", "quality.fix_return", json_pack("{s:s,s:s}", "finding_id", id, "note", "请附复测报告")));
    assert_string_not_equal(before, score("validity"));
    free((char *)before);
    json_t *again = task("zhang", "range.item");
    assert_string_equal(json_string_value(json_object_get(json_object_get(again, "reply"), "note")), "请附复测报告");
    json_decref(again);
    /* the source corrects the result itself */
    sends("HIS", "ORU^R01", "PID|1||2^^^HIS||赵^强\nOBR|1||r3|2823-3^Potassium^LN|||20261124093200\nOBX|1|NM|2823-3^Potassium^LN||6.5|mmol/L|||||C\n");
    assert_string_equal(tasks("zhang"), "");
}

static void sex_and_diagnosis(void **state)
{
    (void)state;
    sends("HIS", "ADT^A04", "EVN||20261124\nPID|1||3^^^HIS||孙^丽||19800101|M|||||13800138001\nPV1|1|O\nDG1|1||O80.9^顺产^I10\n");
    assert_string_equal(tasks("zhang"), "sex.diagnosis:of_women O80.9");
    json_t *t = task("zhang", "sex.diagnosis");
    assert_string_equal(json_string_value(json_object_get(t, "title")), "顺产");
    json_decref(ask("zhang", "patient.update", json_pack("{s:O,s:I,s:s}", "patient_id", json_object_get(json_object_get(t, "patient"), "id"), "version", (json_int_t)1, "sex", "female")));
    json_decref(t);
    assert_string_equal(tasks("zhang"), ""); /* it was the sex that was wrong */
}

static void duplicates_and_what_is_overdue(void **state)
{
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||2^^^HIS||赵^强\nOBR|1||d1|58410-2^CBC^LN|||20261124093300\nOBX|1|ST|1234-4^x^LN||y||||||F\n");
    sends("HIS", "ORU^R01", "PID|1||2^^^HIS||赵^强\nOBR|1||d2|58410-2^CBC^LN|||20261124093300\nOBX|1|ST|1234-4^x^LN||y||||||F\n");
    assert_string_equal(tasks("zhang"), "report.duplicate:came_before 58410-2");
    w.now_ms += 6 * DAY;
    json_t *t = task("zhang", "report.duplicate"), *n = ask("zhang", "quality.fix_count", json_object());
    assert_true(json_is_true(json_object_get(t, "overdue")));
    assert_int_equal(json_integer_value(json_object_get(n, "overdue")), 1);
    json_decref(n);
    json_decref(t);
    replies("zhang", "report.duplicate", "confirm", NULL, NULL, NULL);
    assert_string_equal(tasks("zhang"), "");
}

/* ---- resources of the FHIR service ---- */

static char bearer[BEARER_BYTES], nowhere[BEARER_BYTES]; /* of the township's own system; of a client of the whole consortium */
static char sent[4000], got[8000];

static void make_client(uint64_t id, uint64_t org, char out[BEARER_BYTES])
{
    struct tx *tx;
    struct bearer b = {.client = id, .until_ms = w.now_ms + 100 * DAY, .scopes = "system/*.*"};
    bearer_make(records_parts(w.r)->fhir, &b, out);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,'乡镇HIS接口',$2,'system/*.*','',1,0,0)", "ii", (int64_t)id,
            (int64_t)org);
    assert_int_equal(tx_commit(tx), 0);
}

/* `body` with ' for ". */
static void fhir(int status, const char *who, const char *method, const char *path, const char *body)
{
    struct records_fhir_answer a = {0};
    snprintf(sent, sizeof sent, "%s", body);
    for (char *p = sent; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    struct records_fhir q = {.method = method, .path = path, .query = "", .credential = who, .accept = "", .content_type = "application/fhir+json", .prefer = "", .if_match = "",
                             .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1", .host = "yilian.test", .body = sent,
                             .len = strlen(sent)};
    records_fhir_call(w.r, &q, &a);
    snprintf(got, sizeof got, "%.*s", (int)a.len, a.body ? a.body : "");
    free(a.body);
    if (a.status != status)
        fail_msg("%s %s: %d, not %d: %s", method, path, a.status, status, got);
}

#define WANG "{'resourceType':'Patient','id':'wang','identifier':[{'system':'urn:oid:2.16.156.10011.1.3','value':'11010519491231002X'}],'name':[{'text':'王芳'}],"
#define POTASSIUM(value) "{'resourceType':'Observation','id':'k1','status':'final','code':{'coding':[{'system':'http://loinc.org','code':'2823-3'}]},'subject':{'reference':" \
                         "'Patient/wang'},'effectiveDateTime':'2026-11-24T10:00:00+08:00','valueQuantity':{'value':" value ",'unit':'mmol/L'}}"

static void a_patient_resource_is_judged_and_its_source_puts_it_right(void **state)
{
    (void)state;
    make_client(0xc11, 10, bearer);
    make_client(0xc12, 0, nowhere);
    fhir(201, bearer, "PUT", "/Patient/wang", WANG "'gender':'male','birthDate':'1949-12-13','telecom':[{'system':'phone','value':'13800138000'}]}");
    assert_string_equal(tasks("zhang"), "patient.identity_birth:not_the_numbers 1949-12-13; patient.identity_sex:not_the_numbers male");
    assert_string_equal(tasks("sun"), "");
    json_t *t = task("zhang", "patient.identity_sex"), *p = json_object_get(t, "patient");
    assert_string_equal(json_string_value(json_object_get(t, "resource")), "Patient/wang");
    assert_string_equal(json_string_value(json_object_get(t, "source")), "乡镇HIS接口");
    assert_string_equal(json_string_value(json_object_get(p, "name")), "王芳");
    assert_true(json_is_null(json_object_get(p, "id"))); /* there is no record here to edit */
    assert_int_equal(json_array_size(json_object_get(t, "actions")), 1);
    json_decref(t);
    fhir(200, bearer, "PUT", "/Patient/wang", WANG "'gender':'female','birthDate':'1949-12-31','telecom':[{'system':'phone','value':'13800138000'}]}");
    assert_string_equal(tasks("zhang"), "");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=3089 AND state='source'"), 2);
    /* two conflicts, put right; then none: 4 of 4 */
    assert_int_equal(world_count(&w, "SELECT SUM(checked-failed+resolved) AS n FROM quality_day WHERE source_id=3089 AND rule IN ('patient.identity','patient.identity_birth','patient.identity_sex')"), 6);
    assert_int_equal(world_count(&w, "SELECT SUM(checked) AS n FROM quality_day WHERE source_id=3089 AND rule IN ('patient.identity','patient.identity_birth','patient.identity_sex')"), 6);
}

static void a_result_resource_keeps_its_bytes(void **state)
{
    (void)state;
    fhir(201, bearer, "PUT", "/Observation/k1", POTASSIUM("41"));
    assert_string_equal(tasks("zhang"), "range.item:above 41");
    fhir(200, bearer, "PUT", "/Observation/k1", POTASSIUM("41")); /* the same again is known */
    assert_string_equal(tasks("zhang"), "range.item:above 41");
    const char *id = id_of_task("zhang", "range.item");
    assert_string_equal(refused("zhang", id, "correct", "410", "mmol/L"), "value above");
    replies("zhang", "range.item", "correct", "4.1", "mmol/L", "小数点漏录");
    fhir(200, bearer, "GET", "/Observation/k1", "");
    assert_non_null(strstr(got, "\"valueQuantity\":{\"value\":41,\"unit\":\"mmol/L\"}"));
    fhir(200, bearer, "PUT", "/Observation/k1", POTASSIUM("41")); /* what the clinic said of it holds */
    assert_string_equal(tasks("zhang"), "");
    fhir(200, bearer, "PUT", "/Observation/k1", POTASSIUM("4.2")); /* and not of another value */
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE kind='observation' AND message_id=0 AND state='corrected'"), 0);
    fhir(201, bearer, "POST", "/Observation",
         "{'resourceType':'Observation','status':'final','code':{'coding':[{'system':'http://loinc.org','code':'14749-6'}]},'subject':{'reference':'Patient/wang'},"
         "'valueQuantity':{'value':100,'unit':'mg/dL','system':'http://unitsofmeasure.org','code':'mg/dL'}}");
    assert_non_null(strstr(got, "\"valueQuantity\":{\"value\":100,\"unit\":\"mg/dL\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mg/dL\"}"));
    json_t *found = ask("admin", "quality.findings", json_pack("{s:s,s:s}", "state", "cleaned", "source_id", "0000000000000c11")), *f = json_array_get(json_object_get(found, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(f, "raw")), "100");
    assert_string_equal(json_string_value(json_object_get(f, "clean")), "5.55");
    assert_string_equal(json_string_value(json_object_get(f, "unit")), "mmol/L");
    assert_int_equal(strncmp(json_string_value(json_object_get(f, "resource")), "Observation/", 12), 0);
    json_decref(found);
    /* parts of one: the second is found by itself, and closed when it is sent right */
#define PRESSURE(low) "{'resourceType':'Observation','id':'bp','status':'final','code':{'coding':[{'system':'http://loinc.org','code':'85354-9'}]},'subject':{'reference':'Patient/wang'}," \
                      "'component':[{'code':{'coding':[{'system':'http://loinc.org','code':'8480-6'}]},'valueQuantity':{'value':120,'unit':'mmHg'}}," \
                      "{'code':{'coding':[{'system':'http://loinc.org','code':'8462-4'}]},'valueQuantity':{'value':" low ",'unit':'mmHg'}}]}"
    fhir(201, bearer, "PUT", "/Observation/bp", PRESSURE("800"));
    assert_string_equal(tasks("zhang"), "range.item:above 800");
    fhir(200, bearer, "PUT", "/Observation/bp", PRESSURE("80"));
    assert_string_equal(tasks("zhang"), "");
}

/* In a transaction, whatever the order; dates, sex, a report that comes twice. */
static void a_bundle_is_judged_when_it_is_whole(void **state)
{
    (void)state;
#define ENTRY(type, id) "'resource':{'resourceType':'" type "','id':'" id "',"
#define PUT(type, id) ",'request':{'method':'PUT','url':'" type "/" id "'}}"
    fhir(200, bearer, "POST", "",
         "{'resourceType':'Bundle','type':'transaction','entry':[{" ENTRY("Condition", "c1") "'clinicalStatus':{'coding':[{'system':'http://terminology.hl7.org/CodeSystem/condition-clinical','code':'resolved'}]},'code':{'coding':[{'system':'http://hl7.org/fhir/sid/icd-10','code':'O80.9'}]},"
         "'subject':{'reference':'Patient/qian'},'onsetDateTime':'2026-11-24','abatementDateTime':'2026-11-20'}" PUT("Condition", "c1") ",{" ENTRY("DiagnosticReport", "r1")
         "'status':'final','code':{'coding':[{'system':'http://loinc.org','code':'58410-2'}]},'subject':{'reference':'Patient/qian'},'effectiveDateTime':'2026-11-24T09:33:00+08:00'}"
         PUT("DiagnosticReport", "r1") ",{" ENTRY("Procedure", "p1") "'status':'completed','code':{'text':'阑尾切除'},'subject':{'reference':'Patient/qian'},'performedDateTime':'1950'}"
         PUT("Procedure", "p1") ",{" ENTRY("Patient", "qian") "'name':[{'text':'钱勇'}],'gender':'male','birthDate':'1960-05-01'}" PUT("Patient", "qian") "]}");
    assert_string_equal(tasks("zhang"), "time.order:ended_before 2026-11-20 00:00; sex.diagnosis:of_women O80.9; time.birth:before_birth 1950-12-31 23:59");
    fhir(201, bearer, "PUT", "/DiagnosticReport/r2",
         "{'resourceType':'DiagnosticReport','id':'r2','status':'final','code':{'coding':[{'system':'http://loinc.org','code':'58410-2'}]},'subject':{'reference':'Patient/qian'},"
         "'effectiveDateTime':'2026-11-24T09:33:00+08:00'}");
    json_decref(task("zhang", "report.duplicate"));
    fhir(200, bearer, "PUT", "/Patient/qian", "{'resourceType':'Patient','id':'qian','name':[{'text':'钱勇'}],'gender':'female','birthDate':'1940-05-01'}");
    assert_string_equal(tasks("zhang"), "time.order:ended_before 2026-11-20 00:00; report.duplicate:came_before 58410-2"); /* it was the patient that was wrong */
    fhir(204, bearer, "DELETE", "/Condition/c1", "");
    replies("zhang", "report.duplicate", "confirm", NULL, NULL, NULL);
    assert_string_equal(tasks("zhang"), "");
}

/* What is undone counts nowhere; what nobody's client writes is the institution's it names, or nobody's. */
static void what_is_refused_counts_nowhere_and_what_names_its_house_is_its(void **state)
{
    (void)state;
    int64_t before = world_count(&w, "SELECT SUM(checked) AS n FROM quality_day WHERE source_id=3089");
    fhir(400, bearer, "POST", "",
         "{'resourceType':'Bundle','type':'transaction','entry':[{" ENTRY("Patient", "wu") "'gender':'female'}" PUT("Patient", "wu") ",{'request':{'method':'GET'}}]}");
    assert_int_equal(world_count(&w, "SELECT SUM(checked) AS n FROM quality_day WHERE source_id=3089"), before);
    fhir(201, nowhere, "PUT", "/Patient/zhou", "{'resourceType':'Patient','id':'zhou','name':[{'text':'周一'}],'gender':'male'}");
    assert_string_equal(tasks("zhang"), "");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=3090 AND rule='patient.birth' AND task=0 AND org_id=0"), 1);
    fhir(201, nowhere, "PUT", "/Patient/zheng",
         "{'resourceType':'Patient','id':'zheng','name':[{'text':'郑二'}],'gender':'male','managingOrganization':{'identifier':{'system':'urn:yilian:org','value':'c10'}}}");
    assert_string_equal(tasks("zhang"), "patient.birth:missing");
    fhir(200, nowhere, "PUT", "/Patient/zheng", "{'resourceType':'Patient','id':'zheng','name':[{'text':'郑二'}],'gender':'male','birthDate':'1990-01-01'}");
    assert_string_equal(tasks("zhang"), "");
}

/* Both in one transaction, whatever the order; then the visit was longer ago, and the report is right when it is sent again. */
static void a_report_is_not_before_its_visit(void **state)
{
    (void)state;
#define VISIT(start) ENTRY("Encounter", "e1") "'status':'in-progress','class':{'system':'http://terminology.hl7.org/CodeSystem/v3-ActCode','code':'IMP'},'subject':{'reference':'Patient/qian'}," \
                     "'period':{'start':'" start "'}}" PUT("Encounter", "e1")
#define REPORT_OF(visit, day) "'status':'final','code':{'coding':[{'system':'http://loinc.org','code':'58410-2'}]},'subject':{'reference':'Patient/qian'},'encounter':{'reference':'Encounter/" visit "'}," \
                       "'effectiveDateTime':'2026-11-" day "T08:11:00+08:00'}"
    fhir(200, bearer, "POST", "", "{'resourceType':'Bundle','type':'transaction','entry':[{" ENTRY("DiagnosticReport", "r7") REPORT_OF("e1", "20") PUT("DiagnosticReport", "r7") ",{"
                                  VISIT("2026-11-23T09:00:00+08:00") "]}");
    assert_string_equal(tasks("zhang"), "time.visit:before_visit 2026-11-20 08:11");
    fhir(200, bearer, "PUT", "/DiagnosticReport/r7", "{'resourceType':'DiagnosticReport','id':'r7'," REPORT_OF("e1", "22")); /* within two days: brought along */
    assert_string_equal(tasks("zhang"), "");
    fhir(201, bearer, "PUT", "/DiagnosticReport/r8", "{'resourceType':'DiagnosticReport','id':'r8'," REPORT_OF("e1", "19"));
    assert_string_equal(tasks("zhang"), "time.visit:before_visit 2026-11-19 08:11");
    fhir(200, bearer, "POST", "", "{'resourceType':'Bundle','type':'transaction','entry':[{" VISIT("2026-11") "]}"); /* some day of that month */
    fhir(200, bearer, "PUT", "/DiagnosticReport/r8", "{'resourceType':'DiagnosticReport','id':'r8'," REPORT_OF("e1", "19"));
    assert_string_equal(tasks("zhang"), "");
    fhir(201, bearer, "PUT", "/DiagnosticReport/r9", "{'resourceType':'DiagnosticReport','id':'r9'," REPORT_OF("nowhere", "18")); /* nobody knows it */
    assert_string_equal(tasks("zhang"), "");
}

/* ---- codes of clients ---- */

/* Of the township's client and a kind: "open/given/mapped/uncoded", as often as they came. */
static const char *coverage(const char *kind)
{
    static char out[80];
    size_t i;
    json_t *one, *all = ask("admin", "quality.coverage", json_object());
    out[0] = 0;
    json_array_foreach(json_object_get(all, "items"), i, one) {
        const json_t *source = json_object_get(one, "source");
        if (strcmp(json_string_value(json_object_get(source, "id")), "0000000000000c11") != 0 || strcmp(json_string_value(json_object_get(one, "kind")), kind) != 0)
            continue;
        assert_string_equal(json_string_value(json_object_get(source, "name")), "乡镇HIS接口");
        snprintf(out, sizeof out, "%lld/%lld/%lld/%lld", (long long)json_integer_value(json_object_get(json_object_get(one, "open"), "seen")),
                 (long long)json_integer_value(json_object_get(json_object_get(one, "given"), "seen")),
                 (long long)json_integer_value(json_object_get(json_object_get(one, "mapped"), "seen")), (long long)json_integer_value(json_object_get(one, "uncoded")));
    }
    json_decref(all);
    return out;
}

/* The only open code of the client; the caller's. */
static json_t *open_code(void)
{
    json_t *list = ask("admin", "quality.codes", json_pack("{s:s,s:s}", "source_id", "0000000000000c11", "state", "open"));
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_t *args = json_pack("{s:O}", "code_id", json_object_get(json_array_get(json_object_get(list, "items"), 0), "id"));
    json_t *code = ask("admin", "quality.code", args);
    json_decref(list);
    return code;
}

#define LOCAL(id, value, text) "{'resourceType':'Observation','id':'" id "','status':'final','code':{'coding':[{'system':'urn:his:lis','code':'XJ','display':'血钾'}],'text':'" text "'}," \
                               "'subject':{'reference':'Patient/wang'},'effectiveDateTime':'2026-11-24T10:00:00+08:00','valueQuantity':{'value':" value ",'unit':'mmol/L'}}"
#define WORDS "{'resourceType':'Observation','id':'l2','status':'final','code':{'text':'王芳的血钾'},'subject':{'reference':'Patient/wang'},'effectiveDateTime':'2026-11-24T10:00:00+08:00'," \
              "'valueString':'正常'}"

static void local_codes_of_a_client_come_to_the_desk(void **state)
{
    (void)state;
    int64_t given = world_count(&w, "SELECT SUM(seen) AS n FROM quality_code WHERE source_id=3089 AND kind='observation' AND given_code<>''");
    assert_true(given >= 4); /* those of LOINC, above */
    fhir(201, bearer, "PUT", "/Observation/l1", LOCAL("l1", "41", "王芳的血钾"));
    fhir(201, bearer, "PUT", "/Observation/l2", WORDS);
    assert_string_equal(tasks("zhang"), ""); /* nobody knows yet what XJ is */
    fhir(204, bearer, "DELETE", "/Observation/l2", "");
    fhir(400, bearer, "POST", "", /* undone: counts nowhere */
         "{'resourceType':'Bundle','type':'transaction','entry':[{'resource':" LOCAL("l3", "5", "x") PUT("Observation", "l3") ",{'request':{'method':'GET'}}]}");
    json_t *code = open_code();
    char expected[80];
    snprintf(expected, sizeof expected, "1/%lld/0/1", (long long)given);
    assert_string_equal(coverage("observation"), expected);
    assert_string_equal(json_string_value(json_object_get(code, "code")), "XJ");
    assert_string_equal(json_string_value(json_object_get(code, "system")), "urn:his:lis");
    assert_string_equal(json_string_value(json_object_get(code, "display")), "血钾");
    assert_int_equal(json_integer_value(json_object_get(code, "seen")), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(code, "candidates"), 0), "code")), "2823-3");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_code WHERE display='王芳的血钾' OR code='王芳的血钾'"), 0); /* words are the patient's */
    json_decref(ask("admin", "quality.map", json_pack("{s:O,s:s,s:s}", "code_id", json_object_get(code, "id"), "system", "http://loinc.org", "code", "2823-3")));
    fhir(201, bearer, "PUT", "/Observation/l4", LOCAL("l4", "42", "x")); /* from now on the rules know what it is */
    assert_string_equal(tasks("zhang"), "range.item:above 42");
    fhir(200, bearer, "GET", "/Observation/l4", "");
    assert_non_null(strstr(got, "\"code\":{\"coding\":[{\"system\":\"urn:his:lis\",\"code\":\"XJ\",\"display\":\"血钾\"}]"));
    assert_null(strstr(got, "2823-3"));
    json_t *map = ask("admin", "quality.concept_map", json_pack("{s:s}", "source_id", "0000000000000c11"));
    assert_int_equal(json_array_size(json_object_get(map, "group")), 1);
    json_decref(map);
    json_decref(ask("admin", "quality.undo", json_pack("{s:O}", "code_id", json_object_get(code, "id"))));
    fhir(200, bearer, "PUT", "/Observation/l4", LOCAL("l4", "4.2", "x"));
    assert_string_equal(tasks("zhang"), "");
    json_decref(ask("admin", "quality.reject", json_pack("{s:O,s:s}", "code_id", json_object_get(code, "id"), "reason", "自费项目")));
    json_decref(code);
}

static void the_timeline_says_what_a_code_is_here(void **state)
{
    char id[ID_TEXT_BYTES];
    size_t i, said = 0;
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||1^^^HIS||王^芳\nOBR|1||r9|LYT^电解质^L|||20261124093500\nOBX|1|NM|JIA^血钾^L||4.1|mmol/L|||||F\n");
    id_format((uint64_t)world_count(&w, "SELECT id AS n FROM quality_code WHERE code='JIA'"), id);
    json_decref(ask("admin", "quality.map", json_pack("{s:s,s:s,s:s}", "code_id", id, "system", "http://loinc.org", "code", "2823-3")));
    sends("HIS", "ORU^R01", "PID|1||1^^^HIS||王^芳\nOBR|1||r10|LYT^电解质^L|||20261124094000\nOBX|1|NM|JIA^血钾^L||4.2|mmol/L|||||F\n");
    json_t *one, *timeline = ask("zhang", "patient.timeline", json_pack("{s:o}", "patient_id", json_id((uint64_t)world_count(&w, "SELECT id AS n FROM patient WHERE name='王芳'"))));
    json_array_foreach(json_object_get(timeline, "items"), i, one) {
        const char *code = json_string_value(json_object_get(one, "code")), *value = json_string_value(json_object_get(one, "value"));
        const json_t *standard = json_object_get(one, "standard");
        if (!code || strcmp(code, "JIA") != 0)
            continue;
        assert_true(!standard == (strcmp(value, "4.1") == 0)); /* what is stored follows when it is asked for */
        said++;
        if (standard) {
            assert_string_equal(json_string_value(json_object_get(standard, "code")), "2823-3");
            assert_non_null(strstr(json_string_value(json_object_get(standard, "name")), "钾"));
        }
    }
    assert_int_equal(said, 2);
    json_decref(timeline);
}

/* A source that never says a sex is at fault itself: its clinic is not buried. */
static void tasks_have_a_limit(void **state)
{
    struct tx *tx;
    (void)state;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    for (int i = 0; i < QUALITY_TASKS_MAX; i++)
        tx_exec(tx,
                "INSERT INTO quality_finding (id, source_id, org_id, patient_id, message_id, entry_id, entry_key, kind, code, rule, rule_version, dimension, reason, day, "
                "found_ms, state, task, due_ms, closed_ms, closed_by, body, reply) VALUES ($1,3586,15,0,0,0,0,'','','patient.sex',1,'completeness','missing','2026-11-24',0,'open',1,0,0,0,$2,NULL)",
                "is", (int64_t)(1000 + i), SEALED(FINDING_BODY, 1000 + i, 0, "{}"));
    assert_int_equal(tx_commit(tx), 0);
    sends("OTHER", "ADT^A04", "EVN||20261124\nPID|1||9^^^OTHER||周^一||19800101|\nPV1|1|O\n");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=3586 AND rule='patient.sex'"), QUALITY_TASKS_MAX + 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=3586 AND rule='patient.sex' AND task=1"), QUALITY_TASKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(demographics_are_put_right_in_the_record), cmocka_unit_test(a_result_is_put_right_beside_what_came),
                                       cmocka_unit_test(units_are_brought_to_one_without_anybody), cmocka_unit_test(what_is_right_as_it_came_does_not_come_back),
                                       cmocka_unit_test(sex_and_diagnosis), cmocka_unit_test(duplicates_and_what_is_overdue),
                                       cmocka_unit_test(a_patient_resource_is_judged_and_its_source_puts_it_right), cmocka_unit_test(a_result_resource_keeps_its_bytes),
                                       cmocka_unit_test(a_bundle_is_judged_when_it_is_whole), cmocka_unit_test(what_is_refused_counts_nowhere_and_what_names_its_house_is_its),
                                       cmocka_unit_test(a_report_is_not_before_its_visit), cmocka_unit_test(local_codes_of_a_client_come_to_the_desk), cmocka_unit_test(the_timeline_says_what_a_code_is_here), cmocka_unit_test(tasks_have_a_limit)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
