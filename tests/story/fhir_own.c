/* What the house itself keeps, asked for over FHIR (records/fhir/own.h): persons of the patient index by search, $match and $ihe-pix; cases as
 * ServiceRequest, Task, DiagnosticReport, Appointment and Communication. */
#include "records/fhir/client.h"
#include "tests/support/case.h"
#include "tests/support/text.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static char site[BEARER_BYTES], township[BEARER_BYTES], other[BEARER_BYTES], narrow[BEARER_BYTES]; /* bearers of clients */
static struct {
    int status;
    char *body, etag[32], location[480];
    json_t *json;
} answer;

static int64_t number_of(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static void client(uint64_t id, uint64_t org, const char *scopes, char bearer[BEARER_BYTES])
{
    struct tx *tx;
    struct bearer b = {.client = id, .until_ms = w.now_ms + 100 * 86400000ll};
    snprintf(b.scopes, sizeof b.scopes, "%s", scopes);
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,'c',$2,$3,'',1,0,0)", "iit", (int64_t)id,
            (int64_t)org, scopes);
    assert_int_equal(tx_commit(tx), 0);
}

static const char *none_match = "", *prefer = "";

static json_t *ask(const char *bearer, const char *method, const char *url, const char *body)
{
    char path[600];
    const char *query = strchr(url, '?');
    struct records_fhir_answer a = {0};
    snprintf(path, sizeof path, "%.*s", (int)(query ? query - url : (ptrdiff_t)strlen(url)), url);
    struct records_fhir q = {.method = method, .path = path, .query = query ? query + 1 : "", .credential = bearer, .accept = "", .content_type = "application/fhir+json",
                             .prefer = prefer, .if_match = "", .if_none_match = none_match, .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1",
                             .host = "yilian.test", .body = body, .len = body ? strlen(body) : 0};
    records_fhir_call(w.r, &q, &a);
    free(answer.body);
    json_decref(answer.json);
    answer.status = a.status;
    answer.body = a.body;
    snprintf(answer.etag, sizeof answer.etag, "%s", a.etag);
    snprintf(answer.location, sizeof answer.location, "%s", a.location);
    answer.json = a.len ? json_loadb(a.body, a.len, 0, NULL) : NULL;
    return answer.json;
}

static json_t *want(int status, const char *bearer, const char *method, const char *url, const char *body)
{
    json_t *got = ask(bearer, method, url, body);
    if (answer.status != status)
        fail_msg("%s %s: %d, not %d: %s", method, url, answer.status, status, answer.body ? answer.body : "");
    return got;
}

static size_t entries(const json_t *bundle)
{
    return json_array_size(json_object_get(bundle, "entry"));
}

static json_t *entry(const json_t *bundle, size_t i)
{
    return json_object_get(json_array_get(json_object_get(bundle, "entry"), i), "resource");
}

static void count_is(size_t n, const char *bearer, const char *url)
{
    json_t *got = want(200, bearer, "GET", url, NULL);
    if (entries(got) != n || (json_object_get(got, "total") && (size_t)json_integer_value(json_object_get(got, "total")) != n))
        fail_msg("%s: %zu, not %zu: %s", url, entries(got), n, answer.body);
}

static bool says(const char *what)
{
    return answer.body && strstr(answer.body, what);
}

/* ---- persons ---- */

static char wang[40]; /* "mpi-...": the one with records in two houses */

static void patient(const char *doctor, const char *members)
{
    json_t *p = world_call(&w, doctor, "patient.create", world_json(members));
    if (!p)
        fail_msg("%s: %s %s", members, w.fault.text, w.fault.n_fields ? w.fault.fields[0].reason : "");
    json_decref(p);
}

static void identity(int64_t domain, const char *value, const char *local_number)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO exchange_identity (domain_id, value, patient_id, since_ms, retired_ms) SELECT $1, $2, id, 1, 0 FROM patient WHERE local_number=$3", "itt",
            domain, value, local_number);
    assert_int_equal(tx_commit(tx), 0);
}

static int start(void **state)
{
    struct tx *tx;
    (void)state;
    world_open(&w);
    client(7001, 0, "system/*.*", site);
    client(7002, 10, "system/*.read", township);
    client(7003, 15, "system/*.read", other);
    client(7004, 0, "system/Observation.read", narrow);
    patient("zhang", "{\"name\":\"王小明\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"id_type\":\"id_card\",\"id_no\":\"11010119800506573X\",\"phone\":\"13812345678\","
                     "\"address\":\"云南省云岭县青石镇1号\",\"local_number\":\"QS001\"}");
    patient("qian", "{\"name\":\"王小明\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"id_type\":\"id_card\",\"id_no\":\"11010119800506573X\",\"phone\":\"13812345678\","
                    "\"local_number\":\"XY777\"}");
    patient("zhang", "{\"name\":\"王小红\",\"sex\":\"female\",\"birth_date\":\"1991-01-02\",\"local_number\":\"QS002\"}");
    patient("zhang", "{\"name\":\"Rowe James\",\"sex\":\"male\",\"birth_date\":\"1983-02-05\",\"local_number\":\"QS003\"}");
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO exchange_domain (id, namespace_id, oid, source_id, created_ms) VALUES (501,'HIS_A','1.2.3.1',0,0),(502,'LIS_B','1.2.3.2',0,0)", "");
    assert_int_equal(tx_commit(tx), 0);
    identity(501, "A-1", "QS001");
    identity(502, "B-9", "XY777");
    identity(501, "A-2", "QS002");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(answer.body);
    json_decref(answer.json);
    world_close(&w);
    return 0;
}

static void demographics_find_golden_records(void **state)
{
    (void)state;
    json_t *got = want(200, site, "GET", "/Patient?identifier=urn:oid:1.2.3.1%7CA-1", NULL);
    assert_int_equal(entries(got), 1);
    json_t *p = entry(got, 0);
    snprintf(wang, sizeof wang, "%s", json_string_value(json_object_get(p, "id")));
    assert_memory_equal(wang, "mpi-", 4);
    assert_true(says("\"family\":\"王\"") && says("\"given\":[\"小明\"]") && says("\"gender\":\"male\"") && says("\"birthDate\":\"1980-05-06\""));
    assert_true(says("\"value\":\"A-1\"") && says("\"value\":\"B-9\"") && says("\"value\":\"QS001\"") && says("\"value\":\"XY777\"")); /* of both houses */
    assert_false(says("11010119800506573X") || says("13812345678")); /* whole numbers never leave */
    assert_true(says("\"valueCode\":\"masked\""));
    count_is(1, site, "/Patient?identifier=11010119800506573X"); /* but find */
    count_is(1, site, "/Patient?identifier=urn:oid:2.16.156.10011.1.3%7C11010119800506573X");
    count_is(0, site, "/Patient?identifier=urn:oid:1.2.3.2%7CA-1"); /* another's number */
    count_is(1, site, "/Patient?telecom=13812345678");
    count_is(2, site, "/Patient?family=%E7%8E%8B"); /* 王 */
    count_is(1, site, "/Patient?family=%E7%8E%8B&gender=female");
    count_is(1, site, "/Patient?family=%E7%8E%8B&given=%E5%B0%8F%E6%98%8E&birthdate=1980-05-06");
    count_is(1, site, "/Patient?birthdate=1991");
    count_is(2, site, "/Patient?birthdate=lt1984&gender=male");
    count_is(1, site, "/Patient?given=james");
    count_is(1, site, "/Patient?family=rowe&address:missing=true");
    count_is(3, site, "/Patient?active=true");
    count_is(0, site, "/Patient?name=nobody");
    count_is(1, site, desk_text("/Patient?_id=%s", wang));
    want(403, narrow, "GET", "/Patient?family=x", NULL);
    want(403, narrow, "GET", desk_text("/Patient/%s", wang), NULL);
}

static void what_a_house_may_not_see_is_left_out(void **state)
{
    (void)state;
    want(200, township, "GET", desk_text("/Patient/%s", wang), NULL);
    assert_true(says("1980-05-06") && says("青石镇"));
    want(200, other, "GET", desk_text("/Patient/%s", wang), NULL);
    assert_true(says("\"birthDate\":\"1980\"") && says("云南省****"));
    assert_false(says("1980-05") || says("青石镇1号"));
    count_is(0, other, "/Patient?identifier=11010119800506573X"); /* nor guessed */
    count_is(0, other, "/Patient?telecom=13812345678");
    count_is(0, other, "/Patient?family=%E7%8E%8B&birthdate=1980-05-06");
}

static void the_store_and_the_index_answer_together(void **state)
{
    static const char *const births[] = {"1979-01-01", "1982-01-01", "1990-01-01"};
    char last[12] = "";
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < 3; i++)
        want(201, site, "POST", "/Patient", desk_text("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Store\"}],\"birthDate\":\"%s\"}", births[i]));
    count_is(0, site, "/Patient?name=nobody&_sort=birthdate");
    count_is(0, site, "/AllergyIntolerance?_sort=date,_lastUpdated");
    json_t *got = want(200, site, "GET", "/Patient?_sort=birthdate&_total=accurate", NULL);
    assert_int_equal(json_integer_value(json_object_get(got, "total")), 6);
    for (size_t i = 0; i < 6; i++) {
        const char *birth = json_string_value(json_object_get(entry(got, i), "birthDate"));
        assert_true(strcmp(last, birth) < 0);
        snprintf(last, sizeof last, "%s", birth);
    }
    for (int sorted = 0; sorted < 3; sorted++) { /* pages: each once */
        char seen[6][80];
        char url[900];
        snprintf(url, sizeof url, "/Patient?_count=2%s", sorted == 1 ? "&_sort=-birthdate" : sorted == 2 ? "&_sort=family,birthdate" : "");
        for (n = 0; url[0];) {
            got = want(200, site, "GET", url, NULL);
            for (size_t i = 0; i < entries(got); i++, n++) {
                assert_true(n < 6);
                snprintf(seen[n], sizeof seen[n], "%s", json_string_value(json_object_get(entry(got, i), "id")));
                for (size_t k = 0; k < n; k++)
                    assert_string_not_equal(seen[k], seen[n]);
            }
            size_t i;
            json_t *link;
            url[0] = 0;
            json_array_foreach(json_object_get(got, "link"), i, link) if (strcmp(json_string_value(json_object_get(link, "relation")), "next") == 0)
                snprintf(url, sizeof url, "%s", strstr(json_string_value(json_object_get(link, "url")), "/fhir") + 5);
        }
        assert_int_equal(n, 6);
    }
    got = want(200, site, "GET", "/Patient?_summary=count", NULL);
    assert_int_equal(json_integer_value(json_object_get(got, "total")), 6);
    /* what lies in the store may speak of a person in the index */
    want(201, site, "POST", "/Observation", desk_text("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/%s\"}}", wang));
    count_is(1, site, desk_text("/Observation?patient=%s", wang));
    count_is(1, site, desk_text("/Patient/%s/Observation", wang));
    count_is(1, site, "/Patient?_has:Observation:patient:status=final");
    count_is(0, site, "/Patient?_has:Observation:patient:status=amended");
    count_is(1, site, "/Observation?patient.identifier=urn:oid:1.2.3.1%7CA-1");
    got = want(200, site, "GET", desk_text("/Observation?patient=%s&_include=Observation:patient", wang), NULL);
    assert_int_equal(entries(got), 2);
    assert_string_equal(json_string_value(json_object_get(entry(got, 1), "id")), wang);
}

static void ours_are_read_only(void **state)
{
    json_t *issue;
    (void)state;
    want(405, site, "PUT", desk_text("/Patient/%s", wang), desk_text("{\"resourceType\":\"Patient\",\"id\":\"%s\"}", wang));
    issue = json_array_get(json_object_get(answer.json, "issue"), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(issue, "expression"), 0)), "Patient.id");
    assert_string_equal(json_string_value(json_object_get(issue, "diagnostics")), "read_only");
    want(405, site, "DELETE", desk_text("/Patient/%s", wang), NULL);
    want(405, site, "PATCH", desk_text("/Patient/%s", wang), "[]");
    want(405, site, "PUT", "/Patient?identifier=none%7Cnone", desk_text("{\"resourceType\":\"Patient\",\"id\":\"%s\"}", wang));
    ask(site, "POST", "/", desk_text("{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"%s\"},"
                                 "\"request\":{\"method\":\"PUT\",\"url\":\"Patient/%s\"}}]}", wang, wang));
    assert_int_equal(answer.status, 405);
    count_is(1, site, desk_text("/Patient?_id=%s", wang));
}

static void match_scores_and_grades(void **state)
{
    (void)state;
    const char *asked = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"王\",\"given\":[\"小明\"]}],"
                        "\"gender\":\"male\",\"birthDate\":\"1980-05-06\"%s}}%s]}";
    json_t *got = want(200, site, "POST", "/Patient/$match", desk_text(asked, ",\"identifier\":[{\"system\":\"urn:oid:2.16.156.10011.1.3\",\"value\":\"11010119800506573X\"}]", ""));
    assert_int_equal(entries(got), 1);
    json_t *search = json_object_get(json_array_get(json_object_get(got, "entry"), 0), "search");
    assert_true(json_number_value(json_object_get(search, "score")) > 0.99);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(search, "extension"), 0), "valueCode")), "certain");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(search, "extension"), 0), "url")),
                        "http://hl7.org/fhir/StructureDefinition/match-grade");
    assert_string_equal(json_string_value(json_object_get(entry(got, 0), "id")), wang);
    /* a number that somebody gave, without a name */
    got = want(200, site, "POST", "/Patient/$match", "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:oid:1.2.3.2\",\"value\":\"B-9\"}]}");
    assert_int_equal(entries(got), 1);
    assert_true(says("\"certain\""));
    /* the number of one, the name of somebody else: never certain */
    got = want(200, site, "POST", "/Patient/$match",
               "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"赵大海\"}],\"birthDate\":\"1950-01-01\",\"gender\":\"female\",\"identifier\":[{\"system\":\"urn:oid:1.2.3.2\",\"value\":\"B-9\"}]}");
    assert_int_equal(entries(got), 1);
    assert_true(says("\"probable\""));
    got = want(200, site, "POST", "/Patient/$match",
               "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"onlyCertainMatches\",\"valueBoolean\":true},{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\","
               "\"name\":[{\"text\":\"赵大海\"}],\"birthDate\":\"1950-01-01\",\"identifier\":[{\"system\":\"urn:oid:1.2.3.2\",\"value\":\"B-9\"}]}}]}");
    assert_int_equal(entries(got), 0);
    got = want(200, site, "POST", "/Patient/$match", desk_text(asked, "", ",{\"name\":\"count\",\"valueInteger\":1}"));
    assert_true(entries(got) <= 1);
    want(200, other, "POST", "/Patient/$match", desk_text(asked, ",\"identifier\":[{\"system\":\"urn:oid:2.16.156.10011.1.3\",\"value\":\"11010119800506573X\"}]", ""));
    assert_true(says("\"certain\"") && says("\"birthDate\":\"1980\"")); /* found, and masked */
}

static void a_wrong_match_says_where(void **state)
{
    static const struct {
        const char *body, *where;
        int status;
    } wrong[] = {{"{\"resourceType\":\"Bundle\"}", "Parameters", 400},
                 {"{\"resourceType\":\"Parameters\"}", "name='resource'", 400},
                 {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"count\",\"valueInteger\":0}]}", "name='count'", 400},
                 {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"onlyCertainMatches\",\"valueString\":\"x\"}]}", "name='onlyCertainMatches'", 400},
                 {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"other\"}]}", "Parameters.parameter.name", 400},
                 {"{\"resourceType\":\"Patient\"}", "Patient.name", 400},
                 {"{\"resourceType\":\"Patient\",\"gender\":\"cat\",\"name\":[{\"text\":\"a\"}]}", "Patient.gender", 422},
                 {"{", "not JSON", 400}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        want(wrong[i].status, site, "POST", "/Patient/$match", wrong[i].body);
        if (!says(wrong[i].where))
            fail_msg("%s: %s", wrong[i].body, answer.body);
    }
    want(405, site, "GET", "/Patient/$match", NULL);
    want(403, narrow, "POST", "/Patient/$match", "{\"resourceType\":\"Patient\"}");
}

static void pix_gives_the_other_numbers(void **state)
{
    (void)state;
    int64_t before = number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.pix'");
    json_t *got = want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1", NULL);
    assert_true(says("\"value\":\"B-9\"") && says("\"value\":\"XY777\"") && says(wang));
    assert_false(says("\"value\":\"A-1\""));
    got = want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1&targetSystem=urn:oid:1.2.3.2", NULL);
    assert_int_equal(json_array_size(json_object_get(got, "parameter")), 2); /* the number, and who it is */
    assert_true(says("\"targetIdentifier\"") && says("\"targetId\"") && says("\"B-9\""));
    want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:yilian:patients:c20%7CXY777&targetSystem=urn:oid:1.2.3.1", NULL);
    assert_true(says("\"A-1\""));
    got = want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-2&targetSystem=urn:oid:1.2.3.2", NULL);
    assert_int_equal(json_array_size(json_object_get(got, "parameter")), 0);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.pix'"), before + 4);
    /* 3.83.4.2.2: what each failure is called */
    want(404, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CNONE", NULL);
    assert_true(says("Patient Identifier not found") && says("\"not-found\""));
    want(400, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:9.9.9%7CA-1", NULL);
    assert_true(says("Assigning Authority not found") && says("\"code-invalid\""));
    want(403, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1&targetSystem=urn:oid:9.9.9", NULL);
    assert_true(says("targetSystem not found"));
    want(400, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=A-1", NULL);
    assert_true(says("\"sourceIdentifier\""));
    want(400, site, "GET", "/Patient/$ihe-pix", NULL);
    want(403, narrow, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1", NULL);
}

/* ---- cases ---- */

static const char *hex(uint64_t id)
{
    static char texts[4][ID_TEXT_BYTES];
    static int next;
    id_format(id, texts[++next % 4]);
    return texts[next % 4];
}

static void draft(const char *kind, json_t *form)
{
    const char *patient_id = hex((uint64_t)number_of("SELECT id FROM patient WHERE local_number='QS001'"));
    json_t *c = world_call(&w, "zhang", "case.create",
                           json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", patient_id, "kind", kind, "scope", "clinical", "urgency", "routine", "target_org_id", hex(20), "form", form));
    case_begun(c);
}

static void to_the_expert(void)
{
    case_act(&w, "li", "case.approve_home", json_object());
    case_act(&w, "chen", "case.triage", json_pack("{s:s}", "dept_id", hex(21)));
    case_act(&w, "chen", "case.assign", json_pack("{s:s}", "expert_id", hex(who("qian")->id)));
    case_act(&w, "qian", "case.accept", json_object());
}

static char county[BEARER_BYTES], tasks_only[BEARER_BYTES];

static void a_case_is_a_request_and_a_task(void **state)
{
    (void)state;
    client(7005, 20, "system/*.read", county);
    client(7006, 0, "system/Task.rs", tasks_only);
    draft("interactive", full_form());
    count_is(0, site, "/ServiceRequest"); /* a draft is nobody's */
    want(404, site, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    case_act(&w, "zhang", "case.submit", json_object());
    want(200, site, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    assert_true(says("\"status\":\"active\"") && says("\"code\":\"I63.9\"") && says("脑梗死") && says(wang) && says("\"display\":\"zhang\"") && says("是否需要溶栓?"));
    want(200, township, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    want(404, county, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL); /* has not reached it */
    want(404, other, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    count_is(0, other, "/ServiceRequest");
    count_is(0, other, desk_text("/ServiceRequest?patient=%s", wang));
    to_the_expert();
    want(200, county, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    want(200, site, "GET", desk_text("/Task/task-%s", the_case.id), NULL);
    assert_true(says("\"status\":\"accepted\"") && says("\"code\":\"ACCEPTED\"") && says("专家已接受") && says("\"display\":\"qian\""));
    count_is(1, site, desk_text("/ServiceRequest?patient=%s", wang));
    count_is(1, site, desk_text("/ServiceRequest?subject=Patient/%s&status=active", wang));
    count_is(0, site, desk_text("/ServiceRequest?patient=%s&status=completed", wang));
    count_is(1, site, desk_text("/Patient/%s/ServiceRequest", wang));
    count_is(1, site, "/ServiceRequest?patient.identifier=urn:oid:1.2.3.1%7CA-1");
    count_is(0, site, "/ServiceRequest?patient.identifier=urn:oid:1.2.3.1%7CA-2");
    count_is(1, site, desk_text("/ServiceRequest?_id=case-%s", the_case.id));
    count_is(1, county, "/ServiceRequest?status=active&priority=routine");
    count_is(1, site, "/ServiceRequest?identifier=HZ20261123-0001");
    count_is(1, site, desk_text("/Task?focus=ServiceRequest/case-%s", the_case.id));
    count_is(1, site, desk_text("/Task?patient=%s&status=accepted,requested", wang));
    count_is(1, site, "/Task?_lastUpdated=gt2026-01-01&_sort=-_lastUpdated");
    json_t *got = want(200, site, "GET", desk_text("/ServiceRequest?_id=case-%s&_include=ServiceRequest:patient&_revinclude=Task:focus", the_case.id), NULL);
    assert_int_equal(entries(got), 3);
    count_is(1, tasks_only, "/Task");
    want(403, tasks_only, "GET", "/ServiceRequest", NULL);
    want(405, site, "PUT", desk_text("/Task/task-%s", the_case.id), desk_text("{\"resourceType\":\"Task\",\"id\":\"task-%s\",\"status\":\"completed\",\"intent\":\"order\"}", the_case.id));
    assert_true(says("\"expression\":[\"Task.id\"]"));
    want(405, site, "DELETE", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
}

static void a_session_is_an_appointment(void **state)
{
    (void)state;
    count_is(0, site, "/Appointment");
    case_act(&w, "zhang", "case.schedule", json_pack("{s:I,s:I}", "start_ms", (json_int_t)w.now_ms + 10800000, "end_ms", (json_int_t)w.now_ms + 14400000));
    json_t *got = want(200, site, "GET", desk_text("/Appointment/appt-%s", the_case.id), NULL);
    assert_string_equal(json_string_value(json_object_get(got, "status")), "booked");
    assert_string_equal(json_string_value(json_object_get(got, "start")), "2026-11-23T04:00:00.000Z");
    assert_int_equal(json_integer_value(json_object_get(got, "minutesDuration")), 60);
    assert_int_equal(json_array_size(json_object_get(got, "participant")), 3);
    count_is(1, site, desk_text("/Appointment?patient=%s&date=2026-11-23&status=booked", wang));
    count_is(0, site, desk_text("/Appointment?patient=%s&date=2026-11-24", wang));
    count_is(1, site, desk_text("/Appointment?based-on=ServiceRequest/case-%s", the_case.id));
    count_is(0, other, "/Appointment");
}

static void experts_have_schedules_and_slots(void **state)
{
    char url[200];
    (void)state;
    json_t *got = want(200, site, "GET", "/Schedule", NULL);
    assert_int_equal(entries(got), 1);
    assert_true(says("\"display\":\"qian\""));
    snprintf(url, sizeof url, "/Slot?schedule=Schedule/%s", json_string_value(json_object_get(entry(got, 0), "id")));
    got = world_call(&w, "qian", "slot.publish", json_pack("{s:s,s:I,s:I}", "person_id", hex(who("qian")->id), "start_ms", (json_int_t)w.now_ms + 86400000, "end_ms",
                                                           (json_int_t)w.now_ms + 90000000));
    assert_non_null(got);
    json_decref(got);
    count_is(2, site, url);
    assert_true(says("\"status\":\"busy\"") && says("\"status\":\"free\""));
    count_is(1, other, "/Slot?status=free");
    count_is(1, site, "/Slot?start=ge2026-11-24");
    count_is(1, site, "/Slot?start=2026-11-23&status=busy");
    got = want(200, site, "GET", "/Appointment?status=booked", NULL);
    snprintf(url, sizeof url, "/%s", json_string_value(json_object_get(json_array_get(json_object_get(entry(got, 0), "slot"), 0), "reference")));
    want(200, site, "GET", url, NULL);
    want(405, site, "DELETE", url, NULL);
    want(403, tasks_only, "GET", "/Slot", NULL);
}

static void the_chat_is_communication(void **state)
{
    char message[ID_TEXT_BYTES];
    (void)state;
    json_t *sent = world_call(&w, "zhang", "message.send", json_pack("{s:s,s:s}", "case_id", the_case.id, "text", "片子已上传"));
    assert_non_null(sent);
    snprintf(message, sizeof message, "%s", json_string_value(json_object_get(sent, "id")));
    json_decref(sent);
    count_is(1, site, desk_text("/Communication?patient=%s", wang));
    assert_true(says("片子已上传") && says("\"display\":\"zhang\"") && says(desk_text("ServiceRequest/case-%s", the_case.id)));
    count_is(1, site, desk_text("/Communication?based-on=ServiceRequest/case-%s&status=completed", the_case.id));
    count_is(1, county, "/Communication");
    count_is(0, other, "/Communication");
    want(404, other, "GET", desk_text("/Communication/msg-%s", message), NULL);
    json_decref(world_call(&w, "zhang", "message.recall", json_pack("{s:s,s:s}", "case_id", the_case.id, "message_id", message)));
    want(200, site, "GET", desk_text("/Communication/msg-%s", message), NULL);
    assert_true(says("entered-in-error"));
    assert_false(says("片子已上传"));
}

static void an_opinion_is_seen_once_signed(void **state)
{
    (void)state;
    draft("offline", full_form());
    case_act(&w, "zhang", "case.submit", json_object());
    to_the_expert();
    case_act(&w, "qian", "case.begin_review", json_object());
    case_act(&w, "qian", "case.save_opinion", json_pack("{s:o}", "body", full_opinion()));
    want(200, site, "GET", desk_text("/Task/task-%s", the_case.id), NULL);
    assert_true(says("\"status\":\"in-progress\""));
    assert_false(says("output") || says("双抗21天") || says("缺血性卒中表现"));
    want(200, county, "GET", desk_text("/Task/task-%s", the_case.id), NULL);
    assert_false(says("双抗21天"));
    want(404, site, "GET", desk_text("/DiagnosticReport/report-%s", the_case.id), NULL);
    count_is(0, site, "/DiagnosticReport");
    case_act(&w, "qian", "case.sign_opinion", json_pack("{s:o}", "body", full_opinion()));
    json_t *got = want(200, site, "GET", desk_text("/Task/task-%s", the_case.id), NULL);
    assert_true(says("\"status\":\"completed\"") && says("双抗21天") && says("缺血性卒中表现") && says("已超时间窗,不溶栓"));
    assert_int_equal(json_array_size(json_object_get(got, "output")), 10); /* with who signed, and when, and the report */
    assert_true(says(desk_text("{\"reference\":\"DiagnosticReport/report-%s\"}", the_case.id)));
    want(200, site, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    assert_true(says("\"status\":\"completed\""));
    count_is(2, site, desk_text("/ServiceRequest?patient=%s", wang));
    count_is(1, site, desk_text("/ServiceRequest?patient=%s&status=completed", wang));
}

static void a_signed_opinion_is_a_report(void **state)
{
    char url[120];
    (void)state;
    snprintf(url, sizeof url, "/DiagnosticReport/report-%s", the_case.id);
    json_t *got = want(200, site, "GET", url, NULL), *code = json_object_get(json_array_get(json_object_get(json_object_get(got, "code"), "coding"), 0), "code");
    assert_string_equal(json_string_value(code), "11488-4");
    assert_string_equal(json_string_value(json_object_get(got, "status")), "final");
    assert_non_null(strstr(json_string_value(json_object_get(got, "conclusion")), "缺血性卒中表现"));
    assert_true(json_array_size(json_object_get(got, "conclusionCode")) >= 1);
    assert_true(says(desk_text("ServiceRequest/case-%s", the_case.id)) && says("\"display\":\"qian\"") && says(desk_text("Patient/%s", wang)));
    assert_false(says("双抗21天")); /* what is recommended is said once, in the Task */
    want(200, county, "GET", url, NULL);
    want(404, other, "GET", url, NULL);
    want(403, tasks_only, "GET", url, NULL);
    want(405, site, "DELETE", url, NULL);
    count_is(0, other, "/DiagnosticReport");
    count_is(1, site, desk_text("/DiagnosticReport?patient=%s&status=final&code=http://loinc.org%%7C11488-4", wang));
    count_is(1, site, desk_text("/DiagnosticReport?based-on=ServiceRequest/case-%s&issued=ge2026-01-01&category=OTH", the_case.id));
    count_is(0, site, desk_text("/DiagnosticReport?patient=%s&status=amended", wang));
    count_is(1, site, "/DiagnosticReport?conclusion=I63.9");
    got = want(200, site, "GET", desk_text("/DiagnosticReport?_id=report-%s&_include=DiagnosticReport:based-on&_include=DiagnosticReport:subject", the_case.id), NULL);
    assert_int_equal(entries(got), 3);
    snprintf(url, sizeof url, "/DiagnosticReport/report-%s/_history", the_case.id);
    got = want(200, site, "GET", url, NULL);
    assert_int_equal(entries(got), 1);
}

static void everything_of_a_person(void **state)
{
    static const char *const types[] = {"Patient", "ServiceRequest", "Task", "DiagnosticReport", "Appointment", "Communication", "Observation"};
    (void)state;
    json_t *got = want(200, site, "GET", desk_text("/Patient/%s/$everything", wang), NULL);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_true(says(desk_text("\"resourceType\":\"%s\"", types[i])));
    assert_int_equal(entries(got), 9); /* two cases, one of them with a session, one with a report; a message; an observation of the store */
    count_is(2, site, desk_text("/Patient/%s/$everything?_type=Task", wang));
    got = want(200, site, "GET", desk_text("/Patient/%s/$everything?_count=1", wang), NULL);
    assert_int_equal(entries(got), 9); /* one of the store is all there is of it */
    want(404, site, "GET", "/Patient/mpi-00000000000000ff/$everything", NULL);
    count_is(1, other, desk_text("/Patient/%s/$everything?_type=Patient,Task", wang)); /* no case of theirs */
}

/* Versions are what he who asks would see: the case's own number and what is in it. */
static void versions_tell_the_truth(void **state)
{
    char etag[32], first[40], url[160];
    (void)state;
    draft("offline", full_form());
    case_act(&w, "zhang", "case.submit", json_object());
    snprintf(url, sizeof url, "/Task/task-%s", the_case.id);
    json_t *got = want(200, site, "GET", url, NULL);
    snprintf(first, sizeof first, "%s", json_string_value(json_object_get(json_object_get(got, "meta"), "versionId")));
    snprintf(etag, sizeof etag, "%s", answer.etag);
    assert_string_equal(etag, desk_text("W/\"%s\"", first));
    assert_int_equal(strncmp(first, desk_text("%lld.", (long long)the_case.version), strlen(desk_text("%lld.", (long long)the_case.version))), 0);
    none_match = etag;
    want(304, site, "GET", url, NULL);
    assert_string_equal(answer.etag, etag);
    none_match = "W/\"1\"";
    want(200, site, "GET", url, NULL);
    none_match = "";
    want(200, site, "GET", desk_text("%s/_history/%s", url, first), NULL);
    assert_true(says("\"requested\""));
    want(404, other, "GET", desk_text("%s/_history/%s", url, first), NULL);
    to_the_expert();
    none_match = etag; /* it changed */
    want(200, site, "GET", url, NULL);
    none_match = "";
    assert_string_not_equal(answer.etag, etag);
    want(404, site, "GET", desk_text("%s/_history/%s", url, first), NULL);
    assert_true(says("only the newest version is kept"));
    got = want(200, site, "GET", desk_text("%s/_history", url), NULL);
    size_t n = entries(got);
    assert_int_equal(json_integer_value(json_object_get(got, "total")), n);
    assert_int_equal(n, number_of(desk_text("SELECT COUNT(*) AS n FROM consult_event e JOIN consult c ON c.id=e.case_id WHERE e.t_ms>=c.submitted_ms AND c.id=%lld",
                                       (long long)strtoull(the_case.id, NULL, 16))));
    assert_string_equal(json_string_value(json_object_get(entry(got, 0), "status")), "accepted");
    assert_null(entry(got, 1)); /* that it changed is kept, not what it was */
    assert_true(says("\"201 Created\""));
    size_t seen = 0;
    snprintf(url, sizeof url, "/Task/task-%s/_history?_count=2", the_case.id);
    for (char next[400] = "", *at = url; *at; at = next) { /* page by page: each once */
        size_t i;
        json_t *link;
        char from[400];
        snprintf(from, sizeof from, "%s", at);
        got = want(200, site, "GET", from, NULL);
        seen += entries(got);
        next[0] = 0;
        json_array_foreach(json_object_get(got, "link"), i, link) if (strcmp(json_string_value(json_object_get(link, "relation")), "next") == 0)
            snprintf(next, sizeof next, "%s", strstr(json_string_value(json_object_get(link, "url")), "/fhir") + 5);
    }
    assert_int_equal(seen, n);
    want(404, other, "GET", desk_text("/Task/task-%s/_history", the_case.id), NULL);
    /* who he is in the index changes what is seen, though no case changed */
    want(200, site, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    snprintf(etag, sizeof etag, "%s", answer.etag);
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE person SET name='张大夫' WHERE name='zhang'", "");
    assert_int_equal(tx_commit(tx), 0);
    none_match = etag;
    want(200, site, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    none_match = "";
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE person SET name='zhang' WHERE name='张大夫'", "");
    assert_int_equal(tx_commit(tx), 0);
    got = want(200, site, "GET", desk_text("/Patient/%s/_history", wang), NULL);
    assert_int_equal(entries(got), 1);
    assert_string_equal(json_string_value(json_object_get(entry(got, 0), "id")), wang);
}

/* The lines of all files of an export that are of our own; the client's. */
static size_t exported(const char *bearer, const char *url, const char *what, size_t *with)
{
    char status[500], file[500];
    size_t lines = 0, i;
    json_t *one;
    *with = 0;
    prefer = "respond-async";
    want(202, bearer, "GET", url, NULL);
    prefer = "";
    snprintf(status, sizeof status, "%s", strstr(answer.location, "/fhir") + 5);
    json_t *manifest = json_incref(want(200, bearer, "GET", status, NULL));
    json_array_foreach(json_object_get(manifest, "output"), i, one)
    {
        snprintf(file, sizeof file, "%s", strstr(json_string_value(json_object_get(one, "url")), "/fhir") + 5);
        want(200, bearer, "GET", file, NULL);
        for (const char *p = answer.body, *end; p && *p && (end = strchr(p, '\n')); p = end + 1) {
            json_t *line = json_loadb(p, (size_t)(end - p), 0, NULL);
            assert_non_null(line);
            lines++;
            *with += strstr(json_string_value(json_object_get(line, "id")), what) != NULL;
            json_decref(line);
        }
    }
    json_decref(manifest);
    return lines;
}

static void ours_are_exported(void **state)
{
    size_t with, cases = (size_t)number_of("SELECT COUNT(*) AS n FROM consult WHERE submitted_ms>0"), persons = (size_t)number_of("SELECT COUNT(DISTINCT person_id) AS n FROM mpi_member");
    (void)state;
    assert_int_equal(exported(site, "/$export?_type=ServiceRequest,Task", "-", &with), 2 * cases);
    assert_int_equal(exported(site, "/$export?_type=DiagnosticReport", "report-", &with), 1);
    assert_int_equal(with, 1);
    assert_int_equal(exported(site, "/$export?_type=Patient", "mpi-", &with), persons + (size_t)number_of("SELECT COUNT(*) AS n FROM fhir_resource WHERE type='Patient' AND deleted=0"));
    assert_int_equal(with, persons);
    exported(other, "/$export?_type=ServiceRequest,Task,Communication", "-", &with);
    assert_int_equal(with, 0); /* none of theirs */
    exported(township, "/Patient/$export", "slot-", &with);
    assert_int_equal(with, 0);
    exported(township, "/$export?_type=Slot,Appointment", "slot-", &with);
    assert_true(with > 0);
    exported(site, "/$export?_type=Task&_since=2030-01-01", "task-", &with);
    assert_int_equal(with, 0);
}

static void what_is_sensitive_is_masked(void **state)
{
    json_t *form = full_form();
    (void)state;
    json_object_set_new(json_array_get(json_object_get(form, "diagnoses"), 0), "code", json_string("F20.9"));
    json_object_set_new(json_array_get(json_object_get(form, "diagnoses"), 0), "text", json_string("精神分裂症"));
    draft("offline", form);
    case_act(&w, "zhang", "case.submit", json_object());
    want(200, township, "GET", desk_text("/ServiceRequest/case-%s", the_case.id), NULL);
    assert_true(says("\"MASKED\"") && says("\"status\":\"active\""));
    assert_false(says("F20") || says("精神分裂症") || says("是否需要溶栓"));
    want(200, site, "GET", desk_text("/Task/task-%s", the_case.id), NULL);
    assert_true(says("\"MASKED\""));
}

static void every_one_of_ours_is_valid(void **state)
{
    static const char *const types[] = {"Patient", "ServiceRequest", "Task", "DiagnosticReport", "Appointment", "Communication", "Slot", "Schedule"};
    struct fault f = {0};
    struct r4 *r4;
    struct r4_doc *d = r4_doc_new();
    size_t seen = 0;
    (void)state;
    assert_int_equal(r4_open(&r4, YL_SOURCE_DIR "/config/data", &f), 0);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        json_t *got = want(200, site, "GET", desk_text("/%s", types[i]), NULL);
        for (size_t k = 0; k < entries(got); k++, seen++) {
            char *one = json_dumps(entry(got, k), JSON_COMPACT);
            struct r4_issues issues = {0};
            struct r4_node *root;
            assert_int_equal(r4_json_parse(d, one, strlen(one), &root, NULL), 0);
            if (r4_validate(r4, d, root, NULL, 0, &issues)) {
                struct r4_buf b = {0};
                r4_outcome_write(&b, &issues);
                fail_msg("%s: %s", one, b.p);
            }
            free(one);
        }
    }
    assert_true(seen >= 12);
    r4_doc_free(d);
    r4_close(r4);
}

static void what_was_asked_is_in_the_audit(void **state)
{
    (void)state;
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.match' AND patient_id<>0") >= 4);
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.match' AND outcome='denied'") == 1);
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.read' AND patient_id IN (SELECT id FROM patient)") >= 2);
}

static void the_statement_says_so(void **state)
{
    (void)state;
    want(200, "", "GET", "/metadata", NULL);
    assert_true(says("Those whose id begins with report- are the house's own"));
    assert_true(says("OperationDefinition/Patient-match") && says("in $everything and $export") && says("IHE.PIXm.pix"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(demographics_find_golden_records), cmocka_unit_test(what_a_house_may_not_see_is_left_out),
                                       cmocka_unit_test(the_store_and_the_index_answer_together), cmocka_unit_test(ours_are_read_only),
                                       cmocka_unit_test(match_scores_and_grades), cmocka_unit_test(a_wrong_match_says_where),
                                       cmocka_unit_test(pix_gives_the_other_numbers), cmocka_unit_test(a_case_is_a_request_and_a_task),
                                       cmocka_unit_test(a_session_is_an_appointment), cmocka_unit_test(experts_have_schedules_and_slots), cmocka_unit_test(the_chat_is_communication),
                                       cmocka_unit_test(an_opinion_is_seen_once_signed), cmocka_unit_test(a_signed_opinion_is_a_report), cmocka_unit_test(everything_of_a_person), cmocka_unit_test(versions_tell_the_truth), cmocka_unit_test(ours_are_exported), cmocka_unit_test(what_is_sensitive_is_masked),
                                       cmocka_unit_test(every_one_of_ours_is_valid), cmocka_unit_test(what_was_asked_is_in_the_audit),
                                       cmocka_unit_test(the_statement_says_so)};
    return cmocka_run_group_tests(tests, start, stop);
}
