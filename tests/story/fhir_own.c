/* What the house itself keeps of cases, asked for over FHIR (records/fhir/own.h): ServiceRequest, Task, DiagnosticReport, Appointment with Schedule and Slot, and
 * Communication, their versions, $everything and $export. */
#include "tests/story/house.h"

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

static int start(void **state)
{
    if (house_open(state)) return 1;
    client(7005, 20, "system/*.read", county);
    client(7006, 0, "system/Task.rs", tasks_only);
    want(201, site, "POST", "/Observation", desk_text("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/%s\"}}", wang));
    return 0;
}

static void a_case_is_a_request_and_a_task(void **state)
{
    (void)state;
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

static void what_was_read_is_in_the_audit(void **state)
{
    (void)state;
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.read' AND patient_id IN (SELECT id FROM patient)") >= 2);
}

static void the_statement_says_so(void **state)
{
    (void)state;
    want(200, "", "GET", "/metadata", NULL);
    assert_true(says("Those whose id begins with report- are the house's own"));
    assert_true(says("in $everything and $export"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_case_is_a_request_and_a_task),
        cmocka_unit_test(a_session_is_an_appointment),
        cmocka_unit_test(experts_have_schedules_and_slots),
        cmocka_unit_test(the_chat_is_communication),
        cmocka_unit_test(an_opinion_is_seen_once_signed),
        cmocka_unit_test(a_signed_opinion_is_a_report),
        cmocka_unit_test(everything_of_a_person),
        cmocka_unit_test(versions_tell_the_truth),
        cmocka_unit_test(ours_are_exported),
        cmocka_unit_test(what_is_sensitive_is_masked),
        cmocka_unit_test(every_one_of_ours_is_valid),
        cmocka_unit_test(what_was_read_is_in_the_audit),
        cmocka_unit_test(the_statement_says_so),
    };
    return cmocka_run_group_tests(tests, start, house_close);
}
