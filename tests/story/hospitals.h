/* hospitals - one person at three hospitals whose systems write over FHIR, on top of the world (world.h): for stories of his timeline. A story includes it once. */
#ifndef YL_TESTS_STORY_HOSPITALS_H
#define YL_TESTS_STORY_HOSPITALS_H

#include "records/exchange/exchange.h"
#include "records/fhir/client.h"
#include "records/store/sealed.h"
#include "tests/story/world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define TOWNSHIP 10
#define COUNTY 20
#define CITY 30

static struct world w;
static char township[BEARER_BYTES], county[BEARER_BYTES], city[BEARER_BYTES], consortium[BEARER_BYTES];
static char at_township[ID_TEXT_BYTES], at_county[ID_TEXT_BYTES], at_city[ID_TEXT_BYTES]; /* the person's records */
static char *body; /* of the last answer */
static json_t *seen; /* the last timeline */

static int64_t number(const char *fmt, ...) YL_PRINTF(1, 2);
__attribute__((unused)) static int64_t number(const char *fmt, ...)
{
    char sql[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    return world_count(&w, sql);
}

static void write_sql(const char *fmt, ...) YL_PRINTF(1, 2);
__attribute__((unused)) static void write_sql(const char *fmt, ...)
{
    char sql[600];
    struct tx *tx;
    va_list args;
    va_start(args, fmt);
    vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, sql, "");
    assert_int_equal(tx_commit(tx), 0);
}

__attribute__((unused)) static void client(uint64_t id, uint64_t org, const char *name, char bearer[BEARER_BYTES])
{
    struct bearer b = {.client = id, .until_ms = w.now_ms + 100 * 86400000ll};
    snprintf(b.scopes, sizeof b.scopes, "system/*.*");
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    write_sql("INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (%d,'%s',%d,'system/*.*','',1,0,0)", (int)id, name, (int)org);
}

static const char *prefer = ""; /* of the next requests */
static char location[480];      /* of the last answer */

__attribute__((unused)) static int ask(const char *bearer, const char *method, const char *url, const char *text)
{
    char path[300];
    const char *query = strchr(url, '?');
    struct records_fhir_answer a = {0};
    snprintf(path, sizeof path, "%.*s", (int)(query ? (size_t)(query - url) : strlen(url)), url);
    struct records_fhir q = {.method = method, .path = path, .query = query ? query + 1 : "", .credential = bearer, .accept = "", .content_type = "application/fhir+json", .prefer = prefer,
                             .if_match = "", .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1", .host = "yilian.test",
                             .body = text, .len = text ? strlen(text) : 0};
    w.now_ms += 1000;
    records_fhir_call(w.r, &q, &a);
    free(body);
    body = a.body;
    snprintf(location, sizeof location, "%s", a.location);
    return a.status;
}

/* PUT of {"resourceType":type,"id":id, members}. */
__attribute__((unused)) static void keep(const char *bearer, const char *type, const char *id, const char *members)
{
    char url[120], text[2000];
    snprintf(url, sizeof url, "/%s/%s", type, id);
    snprintf(text, sizeof text, "{\"resourceType\":\"%s\",\"id\":\"%s\",%s}", type, id, members);
    int status = ask(bearer, "PUT", url, text);
    if (status != 200 && status != 201)
        fail_msg("%s: %d %s", url, status, body);
}

__attribute__((unused)) static void local(uint64_t org, const char *local_number, char out[ID_TEXT_BYTES])
{
    id_format((uint64_t)number("SELECT id FROM patient WHERE org_id=%d AND local_number='%s'", (int)org, local_number), out);
}

/* ---- the timeline ---- */

__attribute__((unused)) static json_t *look(const char *doctor, const char *patient)
{
    json_decref(seen);
    seen = world_call(&w, doctor, "patient.timeline", json_pack("{s:s}", "patient_id", patient));
    if (!seen)
        fail_msg("%s: %s", doctor, w.fault.text);
    return seen;
}

__attribute__((unused)) static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

__attribute__((unused)) static json_t *items(void)
{
    return json_object_get(seen, "items");
}

__attribute__((unused)) static size_t how_many(const char *kind)
{
    size_t i, n = 0;
    json_t *e;
    json_array_foreach(items(), i, e) n += strcmp(text_of(e, "kind"), kind) == 0;
    return n;
}

/* The entry with this title, or NULL. */
__attribute__((unused)) static json_t *titled(const char *title)
{
    size_t i;
    json_t *e;
    json_array_foreach(items(), i, e) if (strcmp(text_of(e, "title"), title) == 0) return e;
    return NULL;
}

__attribute__((unused)) static json_t *entry(const char *title)
{
    json_t *e = titled(title);
    if (!e) {
        char *all = json_dumps(items(), JSON_INDENT(1) | JSON_ENSURE_ASCII);
        fail_msg("no entry %s in %s", title, all);
    }
    return e;
}

__attribute__((unused)) static void says(const char *title, const char *member, const char *value)
{
    if (strcmp(text_of(entry(title), member), value) != 0)
        fail_msg("%s: %s is %s, not %s", title, member, text_of(entry(title), member), value);
}

__attribute__((unused)) static void from_house(const char *title, const char *house, const char *system)
{
    assert_string_equal(text_of(json_object_get(entry(title), "org"), "name"), house);
    assert_string_equal(text_of(entry(title), "source"), system);
}

__attribute__((unused)) static void under(const char *part, const char *head)
{
    assert_string_equal(text_of(entry(part), "head_id"), text_of(entry(head), "id"));
}

__attribute__((unused)) static void consent(uint64_t source, uint64_t target)
{
    json_t *args = json_pack("{s:s,s:s,s:s,s:s}", "patient_id", at_county, "decision", "permit", "purpose", "treatment", "given", "paper");
    if (source)
        json_object_set_new(args, "source_org_id", json_id(source));
    json_object_set_new(args, "target_org_id", json_id(target));
    json_t *done = world_call(&w, "qian", "consent.record", args);
    assert_non_null(done);
    json_decref(done);
}

__attribute__((unused)) static void forbid(uint64_t target)
{
    json_t *done = world_call(&w, "qian", "consent.record", json_pack("{s:s,s:s,s:s,s:s,s:o}", "patient_id", at_county, "decision", "deny", "purpose", "treatment", "given", "paper", "target_org_id", json_id(target)));
    assert_non_null(done);
    json_decref(done);
}

/* ---- three hospitals ---- */

#define WHO(number)                                                                                                                                    \
    "\"identifier\":[{\"system\":\"urn:his\",\"type\":{\"coding\":[{\"code\":\"MR\"}]},\"value\":\"" number                                             \
    "\"},{\"system\":\"urn:oid:2.16.156.10011.1.3\",\"value\":\"11010119800506573X\"}],\"name\":[{\"text\":\"王小明\"}],\"gender\":\"male\",\"birthDate\":\"1980-05-06\""
#define OF(id) "\"subject\":{\"reference\":\"Patient/" id "\"},"
#define IN(id) "\"encounter\":{\"reference\":\"Encounter/" id "\"},"

__attribute__((unused)) static void township_writes(void)
{
    keep(township, "Patient", "t1", WHO("QS-77"));
    keep(township, "Encounter", "te", OF("t1") "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"type\":[{\"text\":\"全科门诊\"}],\"period\":{\"start\":\"2026-11-20T09:00:00+08:00\"},"
                                              "\"participant\":[{\"individual\":{\"display\":\"张医生\"}}]");
    keep(township, "Condition", "tc", OF("t1") IN("te") "\"code\":{\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/icd-10\",\"code\":\"I10\"}],\"text\":\"高血压\"},\"recordedDate\":\"2026-11-20\"");
    keep(township, "Observation", "tb", OF("t1") IN("te") "\"status\":\"final\",\"category\":[{\"coding\":[{\"code\":\"vital-signs\"}]}],\"code\":{\"text\":\"血压\"},"
         "\"effectiveDateTime\":\"2026-11-20T09:05:00+08:00\",\"component\":[{\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8480-6\"}],\"text\":\"收缩压\"},"
         "\"valueQuantity\":{\"value\":162,\"unit\":\"mmHg\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"},\"interpretation\":[{\"coding\":[{\"code\":\"H\"}]}]},{\"code\":{\"text\":\"舒张压\"},\"valueQuantity\":{\"value\":95,\"unit\":\"mmHg\"}}]");
    keep(township, "MedicationRequest", "tm", OF("t1") IN("te") "\"status\":\"active\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"text\":\"氨氯地平片\"},\"authoredOn\":\"2026-11-20T09:10:00+08:00\","
                                                             "\"dosageInstruction\":[{\"text\":\"5mg 每日一次\"}]");
    keep(township, "AllergyIntolerance", "ta", "\"patient\":{\"reference\":\"Patient/t1\"},\"clinicalStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical\",\"code\":\"active\"}]},\"code\":{\"text\":\"青霉素\"},\"recordedDate\":\"2026-11-20\",\"reaction\":[{\"manifestation\":[{\"text\":\"皮疹\"}],"
                                               "\"severity\":\"moderate\"}]");
    keep(township, "Immunization", "ti", "\"patient\":{\"reference\":\"Patient/t1\"},\"status\":\"completed\",\"vaccineCode\":{\"text\":\"流感疫苗\"},\"occurrenceDateTime\":\"2026-10-01\"");
}

__attribute__((unused)) static void county_writes(void)
{
    keep(county, "Patient", "c1", WHO("YL-9"));
    keep(county, "Observation", "co", OF("c1") "\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"14749-6\"}]},\"effectiveDateTime\":\"2026-11-21T08:00:00+08:00\","
         "\"valueQuantity\":{\"value\":7.9,\"unit\":\"mmol/L\"},\"interpretation\":[{\"coding\":[{\"code\":\"H\"}]}],\"referenceRange\":[{\"low\":{\"value\":3.9},\"high\":{\"value\":6.1}}]");
    keep(county, "DiagnosticReport", "cr", OF("c1") "\"identifier\":[{\"value\":\"LIS-1\"}],\"status\":\"final\",\"code\":{\"text\":\"生化\"},\"effectiveDateTime\":\"2026-11-21T08:00:00+08:00\","
                                                    "\"result\":[{\"reference\":\"Observation/co\"}],\"conclusion\":\"血糖升高\"");
}

__attribute__((unused)) static void city_writes(void)
{
    keep(city, "Patient", "n1", WHO("NJ-5"));
    keep(city, "ImagingStudy", "ns", OF("n1") "\"status\":\"available\",\"started\":\"2026-11-22T10:00:00+08:00\",\"description\":\"头颅 CT 平扫\",\"modality\":[{\"code\":\"CT\"}]");
    keep(city, "DiagnosticReport", "nr", OF("n1") "\"status\":\"preliminary\",\"code\":{\"text\":\"CT 报告\"},\"effectiveDateTime\":\"2026-11-22T10:30:00+08:00\",\"conclusion\":\"左侧基底节区低密度影\","
                                                  "\"imagingStudy\":[{\"reference\":\"ImagingStudy/ns\"}],\"resultsInterpreter\":[{\"display\":\"冯医生\"}]");
    keep(city, "DocumentReference", "nd", OF("n1") "\"status\":\"current\",\"description\":\"出院小结\",\"date\":\"2026-11-22T12:00:00+08:00\",\"content\":[{\"attachment\":{\"contentType\":\"text/plain\",\"data\":\"5aW96L2s\"}}]");
}

__attribute__((unused)) static int start(void **state)
{
    (void)state;
    world_open(&w);
    client(7101, TOWNSHIP, "青石 HIS", township);
    client(7102, COUNTY, "云岭 LIS", county);
    client(7103, CITY, "南江 RIS", city);
    client(7104, 0, "区域平台", consortium);
    township_writes();
    county_writes();
    city_writes();
    local(TOWNSHIP, "QS-77", at_township);
    local(COUNTY, "YL-9", at_county);
    local(CITY, "NJ-5", at_city);
    return 0;
}

__attribute__((unused)) static int stop(void **state)
{
    (void)state;
    free(body);
    json_decref(seen);
    world_close(&w);
    return 0;
}

/* What a message of the county's laboratory said: `key` by its number. */
__attribute__((unused)) static void message_said(int id, const char *kind, const char *title, const char *standard, const char *unit, const char *t_ms, const char *report_number, const char *rest)
{
    struct tx *tx;
    struct actor nobody = {.system = true};
    struct fault f = {0};
    uint64_t patient = 0;
    char text[300];
    snprintf(text, sizeof text, "{\"text\":\"%s\"%s}", title, rest);
    assert_int_equal(id_parse(at_county, &patient), 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &nobody, .now_ms = w.now_ms, .fault = &f};
    tx_exec(tx, "INSERT INTO exchange_entry (id, patient_id, source_id, message_id, kind, code, system, standard_code, standard_system, unit, status, t_ms, key, replaced_by, body) VALUES "
                "($1,$2,8001,8100,$3,$4,'L',$5,'http://loinc.org',$6,'final',CAST($7 AS BIGINT),$8,0,$9)", "iitttttis", (int64_t)id, (int64_t)patient, kind, standard, standard, unit, t_ms,
            exchange_entry_key(&ctx, 8001, kind, report_number, ""), SEALED(EXCHANGE_ENTRY, id, patient, text));
    assert_int_equal(tx_commit(tx), 0);
}

__attribute__((unused)) static size_t how_many_titled(const char *title)
{
    size_t i, n = 0;
    json_t *e;
    json_array_foreach(items(), i, e) n += strcmp(text_of(e, "title"), title) == 0;
    return n;
}

__attribute__((unused)) static void also_from(const char *title, const char *system)
{
    const json_t *also = json_object_get(entry(title), "also");
    assert_int_equal(json_array_size(also), 1);
    assert_string_equal(json_string_value(json_array_get(also, 0)), system);
}

#define LOINC(code, text) "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"" code "\"}],\"text\":\"" text "\"},"
#define AT(time) "\"effectiveDateTime\":\"2026-11-21T" time "+08:00\","
#define IS(value, unit) "\"valueQuantity\":{\"value\":" value ",\"unit\":\"" unit "\"}"
#endif
