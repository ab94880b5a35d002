/* What a client asks for beside the resource itself is what it gets: an export of what its filters meet and of the elements it names, a record of a time, the methods of a URL, part of a
 * resource, what has changed, how many there are; numbers and addresses by their kind. */
#include "tests/story/hospitals.h"

static struct {
    int status;
    json_t *json;
    char etag[32], allow[48], location[480];
    int64_t modified_ms;
} got;
static const char *none_match = "", *since = "", *type_of_body = "application/fhir+json";

static json_t *send(const char *bearer, const char *method, const char *url, const char *text)
{
    char path[300];
    const char *query = strchr(url, '?');
    struct records_fhir_answer a = {0};
    snprintf(path, sizeof path, "%.*s", (int)(query ? (size_t)(query - url) : strlen(url)), url);
    struct records_fhir q = {.method = method, .path = path, .query = query ? query + 1 : "", .credential = bearer, .accept = "", .content_type = type_of_body, .prefer = prefer,
                             .if_match = "", .if_none_match = none_match, .if_none_exist = "", .if_modified_since = since, .csrf = "", .client_address = "10.0.0.1", .host = "yilian.test",
                             .body = text, .len = text ? strlen(text) : 0};
    w.now_ms += 1000;
    records_fhir_call(w.r, &q, &a);
    free(body);
    body = a.body;
    json_decref(got.json);
    got.json = a.len ? json_loadb(a.body, a.len, 0, NULL) : NULL;
    got.status = a.status;
    got.modified_ms = a.modified_ms;
    snprintf(got.etag, sizeof got.etag, "%s", a.etag);
    snprintf(got.allow, sizeof got.allow, "%s", a.allow);
    snprintf(got.location, sizeof got.location, "%s", a.location);
    return got.json;
}

static json_t *want(int status, const char *bearer, const char *method, const char *url, const char *text)
{
    send(bearer, method, url, text);
    if (got.status != status)
        fail_msg("%s %s: %d, not %d: %s", method, url, got.status, status, body ? body : "");
    return got.json;
}

static bool told(const char *text)
{
    return body && strstr(body, text);
}

/* "Observation/co Patient/c1" of a Bundle, in its order. */
static const char *names(const json_t *bundle)
{
    static char out[2000];
    size_t i;
    json_t *e;
    out[0] = 0;
    json_array_foreach(json_object_get(bundle, "entry"), i, e) {
        const json_t *r = json_object_get(e, "resource");
        snprintf(out + strlen(out), sizeof out - strlen(out), "%s%s/%s", *out ? " " : "", text_of(r, "resourceType"), text_of(r, "id"));
    }
    return out;
}

static void are(const char *url, const char *expected)
{
    const char *found = names(want(200, consortium, "GET", url, NULL));
    if (strcmp(found, expected) != 0)
        fail_msg("%s: '%s', not '%s'", url, found, expected);
}

/* ---- $export ---- */

/* All lines of an export, as one text of ids and, of the store's, lines. */
static char lines[60000], ids[4000];
static int counted; /* by the manifest */

static void exported(const char *bearer, const char *url)
{
    char where[500], file[500];
    size_t i;
    json_t *one;
    prefer = "respond-async";
    want(202, bearer, "GET", url, NULL);
    prefer = "";
    snprintf(where, sizeof where, "%s", strstr(got.location, "/export"));
    json_t *manifest = json_incref(want(200, bearer, "GET", where, NULL));
    assert_non_null(strstr(text_of(manifest, "request"), url));
    lines[0] = ids[0] = 0;
    counted = 0;
    json_array_foreach(json_object_get(manifest, "output"), i, one) {
        snprintf(file, sizeof file, "%s", strstr(text_of(one, "url"), "/export"));
        counted += (int)json_integer_value(json_object_get(one, "count"));
        want(200, bearer, "GET", file, NULL);
        for (const char *p = body, *end; p && *p && (end = strchr(p, '\n')); p = end + 1) {
            json_t *line = json_loadb(p, (size_t)(end - p), 0, NULL);
            assert_non_null(line);
            snprintf(ids + strlen(ids), sizeof ids - strlen(ids), "%s%s", *ids ? " " : "", text_of(line, "id"));
            json_decref(line);
        }
        strncat(lines, body ? body : "", sizeof lines - strlen(lines) - 1);
    }
    json_decref(manifest);
}

static void gives(const char *url, const char *expected)
{
    exported(consortium, url);
    if (strcmp(ids, expected) != 0)
        fail_msg("%s: '%s', not '%s'", url, ids, expected);
}

static void an_export_of_what_filters_meet(void **state)
{
    (void)state;
    gives("/$export?_type=Observation&_typeFilter=Observation%3Fcode%3D14749-6", "co");
    assert_int_equal(counted, 1);
    gives("/$export?_type=Observation&_typeFilter=Observation%3Fcode%3Dno-such", "");
    gives("/$export?_type=Observation,Condition&_typeFilter=Observation%3Fcode%3Dhttp%3A%2F%2Floinc.org%7C14749-6", "tc co"); /* other types come whole */
    /* one of two filters of a type must hold; a comma within a query parts its values */
    gives("/$export?_type=Observation&_typeFilter=Observation%3Fdate%3Dlt2026-11-21,Observation%3Fcode%3D14749-6%2Cx", "tb co");
    gives("/$export?_type=Observation&_typeFilter=Observation%3Fdate%3Dlt2026-11-21&_typeFilter=Observation%3Fcode%3D14749-6", "tb co");
    /* all kinds of conditions: looked for backwards, along a chain, by what no index tells */
    gives("/$export?_type=Patient&_typeFilter=Patient%3F_has%3AObservation%3Apatient%3Acode%3D14749-6", "c1");
    gives("/$export?_type=Observation&_typeFilter=Observation%3Fsubject%3APatient.identifier%3DQS-77", "tb");
    gives("/$export?_type=DiagnosticReport&_typeFilter=DiagnosticReport%3Fstatus%3Anot%3Dfinal", "nr");
    gives("/$export?_type=ImagingStudy&_typeFilter=ImagingStudy%3F_id%3Dns,ImagingStudy%3F_id%3Dnobody", "ns");
    gives("/Patient/$export?_type=Observation&_typeFilter=Observation%3Fcode%3D14749-6&_since=2030-01-01", "");
    exported(consortium, "/$export?_type=Patient&_typeFilter=Patient%3Fidentifier%3DQS-77"); /* the person of the index has this number, too */
    assert_non_null(strstr(ids, "t1"));
    assert_non_null(strstr(ids, "mpi-"));
    assert_null(strstr(ids, "c1"));
    exported(county, "/$export?_type=Observation&_typeFilter=Observation%3Fdate%3Dgt2020"); /* and what is closed stays closed */
    assert_non_null(strstr(ids, "co"));
}

/* What meets a filter when it is asked for, and no more when its file is made, does not come. */
static void a_file_is_as_its_filter_says_now(void **state)
{
    char where[500], file[520];
    (void)state;
    keep(city, "Basic", "b1", "\"code\":{\"coding\":[{\"code\":\"early\"}]}");
    keep(city, "Basic", "b2", "\"code\":{\"coding\":[{\"code\":\"early\"}]}");
    prefer = "respond-async";
    want(202, consortium, "GET", "/$export?_type=Basic&_typeFilter=Basic%3Fcode%3Dearly", NULL);
    prefer = "";
    snprintf(where, sizeof where, "%s", strstr(got.location, "/export"));
    want(200, consortium, "GET", where, NULL);
    keep(city, "Basic", "b1", "\"code\":{\"coding\":[{\"code\":\"late\"}]}");
    snprintf(file, sizeof file, "%s/0.ndjson", where);
    want(200, consortium, "GET", file, NULL);
    assert_true(told("\"b2\"") && !told("\"b1\""));
    want(204, city, "DELETE", "/Basic/b1", NULL);
    want(204, city, "DELETE", "/Basic/b2", NULL);
}

static void a_wrong_filter_is_named(void **state)
{
    static const struct {
        const char *query, *says;
    } wrong[] = {{"_typeFilter=Observation", "_typeFilter Observation: a type of resource"},
                 {"_typeFilter=Nothing%3Fcode%3D1", "_typeFilter Nothing?code=1: a type of resource"},
                 {"_typeFilter=Observation%3Fcolour%3Dred", "_typeFilter Observation?colour=red: there is no search parameter colour"},
                 {"_typeFilter=Observation%3Fdate%3Dsoon", "_typeFilter Observation?date=soon: search parameter date: a date was expected"},
                 {"_typeFilter=Observation%3F_text%3Dx", "_typeFilter Observation?_text=x: "},
                 {"_typeFilter=Observation%3Fstatus%3Dfinal%26_sort%3Ddate", "no _sort"},
                 {"_typeFilter=Observation%3Fcode%3D1%26_include%3DObservation%3Asubject", "no _sort"},
                 {"_typeFilter=Observation%3F", "it has no condition"},
                 {"_type=Patient&_typeFilter=Observation%3Fstatus%3Dfinal", "_typeFilter Observation?status=final: this type is not among those of _type"},
                 {"_typeFilter=Observation%3Fstatus%3Dfinal,Observation%3Fcolour%3Dred", "_typeFilter Observation?colour=red"},
                 {"_elements=colour", "_elements: no type that is exported has an element colour"},
                 {"_elements=id,Patient.name.family", "_elements: no type that is exported has an element Patient.name.family"},
                 {"_type=Patient&_elements=Observation.code", "_elements: no type that is exported has an element Observation.code"},
                 {"_mark=1", "$export has no parameter _mark"}};
    char url[300];
    (void)state;
    prefer = "respond-async";
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(url, sizeof url, "/$export?%s", wrong[i].query);
        want(400, consortium, "GET", url, NULL);
        if (!told(wrong[i].says))
            fail_msg("%s: %s", url, body);
    }
    prefer = "";
}

static void an_export_of_some_elements(void **state)
{
    (void)state;
    exported(consortium, "/$export?_type=Observation,Condition&_elements=Observation.value,subject");
    json_t *o = json_loadb(strstr(lines, "{\"resourceType\":\"Observation\",\"id\":\"co\""), strcspn(strstr(lines, "{\"resourceType\":\"Observation\",\"id\":\"co\""), "\n"), 0, NULL);
    assert_non_null(json_object_get(o, "valueQuantity"));  /* the choice by its name */
    assert_non_null(json_object_get(o, "subject"));
    assert_non_null(json_object_get(o, "status"));         /* mandatory: what is sent is valid */
    assert_null(json_object_get(o, "referenceRange"));
    assert_string_equal(text_of(json_array_get(json_object_get(json_object_get(o, "meta"), "tag"), 0), "code"), "SUBSETTED");
    json_decref(o);
    const char *c = strstr(lines, "{\"resourceType\":\"Condition\"");
    o = json_loadb(c, strcspn(c, "\n"), 0, NULL);
    assert_non_null(json_object_get(o, "subject"));
    assert_null(json_object_get(o, "recordedDate"));
    json_decref(o);
    exported(consortium, "/$export?_type=Observation"); /* and without it nothing is cut */
    assert_null(strstr(lines, "SUBSETTED"));
    exported(consortium, "/$export?_type=Patient&_typeFilter=Patient%3Fidentifier%3DQS-77&_elements=gender");
    assert_null(strstr(lines, "王小明"));
    assert_non_null(strstr(lines, "\"gender\""));
}

/* A filter may name a patient: what was asked for is not read out of the database. */
static void what_was_asked_for_lies_sealed(void **state)
{
    (void)state;
    exported(consortium, "/$export?_type=Observation&_typeFilter=Observation%3Fpatient.identifier%3DQS-77");
    assert_int_equal(number("SELECT COUNT(*) AS n FROM fhir_export WHERE request>='https' AND request<'httpt'"), 0);
    assert_true(number("SELECT COUNT(*) AS n FROM fhir_export") > 0);
}

/* ---- $everything ---- */

static void a_record_of_a_time(void **state)
{
    (void)state;
    are("/Patient/t1/$everything?start=2026-11-20&_type=Patient,Observation,Immunization,Condition", "Patient/t1 Condition/tc Observation/tb");
    are("/Patient/t1/$everything?end=2026-10-31", "Patient/t1 Immunization/ti");
    are("/Patient/t1/$everything?start=2026-10-01&end=2026-10-01", "Patient/t1 Immunization/ti"); /* the whole day */
    are("/Patient/t1/$everything?start=2030&_type=Observation", "");
    are("/Patient/t1/$everything?start=2026-11-20T09:05&end=2026-11-20T09:05&_type=Observation,MedicationRequest", "Observation/tb");
    keep(township, "Encounter", "te2", OF("t1") "\"status\":\"in-progress\",\"class\":{\"code\":\"IMP\"},\"period\":{\"start\":\"2026-12-01\"}");
    keep(township, "Coverage", "tcov", "\"status\":\"active\",\"beneficiary\":{\"reference\":\"Patient/t1\"},\"payor\":[{\"display\":\"医保\"}],\"period\":{\"start\":\"2020-01-01\",\"end\":\"2020-12-31\"}");
    are("/Patient/t1/$everything?start=2027-02-01&_type=Encounter,Coverage", "Encounter/te Encounter/te2 Coverage/tcov"); /* what has not ended goes on; what has no date of care is of every time */
    are("/Patient/t1/$everything?end=2026-11-30&_type=Encounter", "Encounter/te");
    /* a page leads on under the same conditions */
    json_t *page = want(200, consortium, "GET", "/Patient/t1/$everything?start=2026-11-20&end=2026-11-20&_count=2&_type=Condition,Observation&_type=MedicationRequest", NULL);
    assert_string_equal(names(page), "Condition/tc Observation/tb");
    char next[400];
    snprintf(next, sizeof next, "%s", strstr(text_of(json_array_get(json_object_get(page, "link"), 0), "url"), "/Patient"));
    assert_non_null(strstr(next, "&start=2026-11-20&end=2026-11-20&"));
    page = want(200, consortium, "GET", next, NULL);
    assert_string_equal(names(page), "MedicationRequest/tm");
    assert_null(json_object_get(page, "link"));
    /* as Parameters */
    page = want(200, consortium, "POST", "/Patient/t1/$everything", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"start\",\"valueDate\":\"2026-11-20\"},{\"name\":\"_type\",\"valueCode\":\"Condition\"},"
                                                                    "{\"name\":\"_type\",\"valueCode\":\"Observation\"},{\"name\":\"_count\",\"valueInteger\":1}]}");
    assert_string_equal(names(page), "Condition/tc");
    want(400, consortium, "POST", "/Patient/t1/$everything", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"until\",\"valueDate\":\"2026-11-20\"}]}");
    assert_true(told("until"));
    static const char *const wrong[] = {"start=soon", "end=2026-13-01", "start=2026-11-21&end=2026-11-20", "_type=Nothing", "_count=0", "_count=x", "_since=x", "_summary=true"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char url[200];
        snprintf(url, sizeof url, "/Patient/t1/$everything?%s", wrong[i]);
        want(400, consortium, "GET", url, NULL);
    }
}

/* The house's own objects have their times, too: nothing of a case of this year belongs to the last one. */
static void ours_of_a_time(void **state)
{
    char url[200];
    (void)state;
    snprintf(url, sizeof url, "/Patient/mpi-%016llx/$everything?end=2000-01-01", (unsigned long long)number("SELECT MIN(person_id) AS n FROM mpi_member"));
    const char *all = names(want(200, consortium, "GET", url, NULL));
    assert_non_null(strstr(all, "Patient/mpi-"));
    assert_null(strstr(all, "Observation/"));
    assert_null(strstr(all, "Immunization/"));
}

/* ---- OPTIONS ---- */

static void a_url_says_what_it_takes(void **state)
{
    static const struct {
        const char *url, *allow;
    } urls[] = {{"/Patient", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"}, {"/Patient/t1", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"}, {"/Patient/nobody", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
                {"/Patient/mpi-0000000000000001", "GET, HEAD, OPTIONS"}, {"/Patient/_search", "POST, OPTIONS"}, {"/Patient/t1/_history", "GET, HEAD, OPTIONS"},
                {"/Patient/t1/_history/1", "GET, HEAD, OPTIONS"}, {"/Patient/t1/Observation", "GET, HEAD, OPTIONS"}, {"/Patient/t1/$everything", "GET, HEAD, POST, OPTIONS"},
                {"/Patient/$export", "GET, OPTIONS"}, {"/Patient/$match", "POST, OPTIONS"}, {"/Patient/$validate", "POST, OPTIONS"}, {"/ValueSet/$expand", "GET, HEAD, POST, OPTIONS"},
                {"/$export", "GET, OPTIONS"}, {"/export/1", "GET, DELETE, OPTIONS"}, {"/_history", "GET, HEAD, OPTIONS"}, {"/", "GET, HEAD, POST, OPTIONS"}, {"", "GET, HEAD, POST, OPTIONS"},
                {"/metadata", "GET, HEAD, OPTIONS"}, {"/.well-known/smart-configuration", "GET, HEAD, OPTIONS"}, {"/auth/token", "POST, OPTIONS"}, {"/$process-message", "POST, OPTIONS"}};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) { /* whoever asks: with a token, and without */
        for (int with = 0; with < 2; with++) {
            want(204, with ? county : "", "OPTIONS", urls[i].url, NULL);
            if (strcmp(got.allow, urls[i].allow) != 0 || body)
                fail_msg("%s: %s", urls[i].url, got.allow);
        }
    }
    want(404, "", "OPTIONS", "/Nothing", NULL);
    want(404, "", "OPTIONS", "/Patient/t1/$nothing", NULL);
    want(405, consortium, "DELETE", "/Patient/_search", NULL);
    assert_string_equal(got.allow, "POST, OPTIONS");
    want(400, consortium, "POST", "/", "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"request\":{\"method\":\"OPTIONS\",\"url\":\"Patient\"}}]}");
}

/* ---- parts ---- */

static void a_part_is_what_was_named(void **state)
{
    (void)state;
    static const char *const values[] = {"value", "value[x]", "valueQuantity"};
    for (size_t i = 0; i < 3; i++) {
        char url[100];
        snprintf(url, sizeof url, "/Observation/co?_elements=%s", values[i]);
        json_t *o = want(200, consortium, "GET", url, NULL);
        assert_non_null(json_object_get(o, "valueQuantity"));
        assert_non_null(json_object_get(o, "code")); /* mandatory */
        assert_null(json_object_get(o, "subject"));
    }
    json_t *o = want(200, consortium, "GET", "/Observation/co?_elements=valueString", NULL);
    assert_null(json_object_get(o, "valueQuantity"));
    /* parts of parts: of a component its code and value are of the summary, its interpretation is not */
    o = want(200, consortium, "GET", "/Observation/tb?_summary=true", NULL);
    json_t *component = json_array_get(json_object_get(o, "component"), 0);
    assert_non_null(json_object_get(component, "code"));
    assert_non_null(json_object_get(component, "valueQuantity"));
    assert_null(json_object_get(component, "interpretation"));
    assert_null(json_object_get(o, "category"));
    /* text alone, and all but the text */
    keep(city, "Basic", "bt", "\"text\":{\"status\":\"generated\",\"div\":\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\">x</div>\"},\"code\":{\"text\":\"c\"},\"created\":\"2026-01-01\","
                              "\"meta\":{\"tag\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-ObservationValue\",\"code\":\"SUBSETTED\"}]}");
    o = want(200, consortium, "GET", "/Basic/bt?_summary=text", NULL);
    assert_true(json_object_get(o, "text") && json_object_get(o, "code") && !json_object_get(o, "created"));
    assert_int_equal(json_array_size(json_object_get(json_object_get(o, "meta"), "tag")), 1); /* said once */
    o = want(200, consortium, "GET", "/Basic/bt?_summary=data", NULL);
    assert_true(!json_object_get(o, "text") && json_object_get(o, "created"));
    want(204, city, "DELETE", "/Basic/bt", NULL);
    want(400, consortium, "GET", "/Observation?_include=Observation:subject&_summary=text", NULL); /* R4: cannot be mixed */
    want(400, consortium, "GET", "/Observation?_summary=short", NULL);
    want(400, consortium, "GET", "/Observation?_total=roughly", NULL);
}

static json_int_t total(const char *query)
{
    const json_t *n = json_object_get(want(200, consortium, "GET", query, NULL), "total");
    return n ? json_integer_value(n) : -1;
}

static void how_many_there_are(void **state)
{
    (void)state;
    assert_int_equal(total("/Observation?_summary=count"), 2);
    assert_null(json_object_get(got.json, "entry"));
    assert_int_equal(total("/Observation?_count=0"), 2);
    assert_null(json_object_get(got.json, "entry"));
    assert_int_equal(total("/Observation?_count=1"), -1); /* not asked for, and not known */
    assert_int_equal(total("/Observation?_count=1&_total=accurate"), 2);
    assert_int_equal(total("/Observation?_count=1&_total=estimate"), 2); /* what the index counts is told exactly */
    assert_int_equal(total("/Observation?_count=1&status:not=x&_total=estimate"), -1); /* what would be a walk through all of them is not told */
    assert_int_equal(total("/Observation?_total=none"), -1);
    assert_int_equal(total("/Observation?_include=Observation:subject&_count=1&_total=accurate"), 2); /* what comes along does not count */
}

/* ---- what has changed ---- */

static void only_when_it_has_changed(void **state)
{
    (void)state;
    char tag[32], before[40], after[40];
    want(200, consortium, "GET", "/Observation/co", NULL);
    snprintf(tag, sizeof tag, "%s", got.etag);
    time_t t = (time_t)(got.modified_ms / 1000), early = t - 1;
    struct tm tm;
    strftime(after, sizeof after, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
    strftime(before, sizeof before, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&early, &tm));
    const struct {
        int status;
        const char *none_match, *since;
    } asked[] = {{304, tag, ""}, {304, "W/\"77\", W/\"1\"", ""}, {304, "*", ""}, {200, "W/\"77\"", ""}, {304, "", after}, {200, "", before}, {200, "", "yesterday"}, {200, "W/\"77\"", after} /* the tag counts */};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        none_match = asked[i].none_match;
        since = asked[i].since;
        want(asked[i].status, consortium, "GET", "/Observation/co", NULL);
        assert_string_equal(got.etag, tag);
    }
    char url[80];
    snprintf(url, sizeof url, "/Patient/mpi-%016llx", (unsigned long long)number("SELECT MIN(person_id) AS n FROM mpi_member"));
    none_match = "*"; /* of the house's own, too */
    since = "";
    want(304, consortium, "GET", url, NULL);
    none_match = "";
    /* in a bundle: by an instant */
    json_t *o = want(200, consortium, "POST", "/", "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"request\":{\"method\":\"GET\",\"url\":\"Observation/co\",\"ifModifiedSince\":\"2099-01-01T00:00:00Z\"}},"
                                                  "{\"request\":{\"method\":\"GET\",\"url\":\"Observation/co\",\"ifModifiedSince\":\"2001-01-01T00:00:00Z\"}},"
                                                  "{\"request\":{\"method\":\"GET\",\"url\":\"Observation/co\",\"ifNoneMatch\":\"W/\\\"1\\\"\"}}]}");
    static const char *const statuses[] = {"304", "200", "304"};
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(text_of(json_object_get(json_array_get(json_object_get(o, "entry"), i), "response"), "status"), statuses[i], 3);
}

/* ---- numbers and addresses ---- */

#define CONTACTS "\"telecom\":[{\"system\":\"phone\",\"value\":\"02388880001\"},{\"system\":\"fax\",\"value\":\"02388880002\"},{\"system\":\"email\",\"value\":\"li@yl.test\"},{\"system\":\"sms\",\"value\":\"02388880001\"}]"

static void contacts_are_found(void)
{
    are("/Practitioner?telecom=02388880001", "Practitioner/kp");
    are("/Practitioner?telecom=phone%7C02388880001", "Practitioner/kp");
    are("/Practitioner?telecom=sms%7C02388880001", "Practitioner/kp"); /* one number of two kinds */
    are("/Practitioner?telecom=fax%7C02388880001", "");
    are("/Practitioner?telecom=fax%7C02388880002", "Practitioner/kp");
    are("/Practitioner?telecom=%7C02388880002", "Practitioner/kp"); /* R4 knows no system of a ContactPoint */
    are("/Practitioner?phone=02388880001", "Practitioner/kp");
    are("/Practitioner?phone=phone%7C02388880001", "Practitioner/kp");
    are("/Practitioner?phone=%7C02388880001", "Practitioner/kp");
    are("/Practitioner?phone=email%7C02388880001", "");
    are("/Practitioner?phone=02388880002", "");
    are("/Practitioner?email=li@yl.test", "Practitioner/kp");
    are("/Practitioner?email=email%7CLI@YL.TEST", "Practitioner/kp");
    are("/Practitioner?telecom=email%7Cli@yl.test,phone%7C1", "Practitioner/kp");
    are("/Practitioner?telecom=email%7C", "Practitioner/kp"); /* anybody with an address */
    are("/Practitioner?telecom=pager%7C", "");
    are("/Practitioner?_id=kp&telecom:not=fax%7C02388880001", "Practitioner/kp");
    are("/Practitioner?_id=kp&telecom:not=fax%7C02388880002", "");
}

static void contacts_by_their_kind(void **state)
{
    (void)state;
    keep(city, "Practitioner", "kp", CONTACTS);
    contacts_are_found();
    keep(city, "Practitioner", "kp", "\"active\":true"); /* and not when they are gone */
    are("/Practitioner?telecom=phone%7C02388880001", "");
    are("/Practitioner?telecom=02388880001", "");
}

/* ---- what is said of all this ---- */

static void the_statement_says_so(void **state)
{
    static const char *const refused[][2] = {{"_text=pain", "in no index"}, {"_content=pain", "in no index"}, {"_filter=status+eq+final", "as parameters"}, {"_query=x", "_query is not offered"}};
    char url[100];
    (void)state;
    want(200, "", "GET", "/metadata", NULL);
    assert_true(told("_typeFilter (searches of a type") && told("start, end (dates of care)"));
    assert_true(!told("\"name\":\"_text\"") && !told("\"name\":\"_content\"") && !told("\"name\":\"_filter\""));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) { /* also of who is lenient: what is left out would be found too much */
        snprintf(url, sizeof url, "/Observation?%s", refused[i][0]);
        want(400, consortium, "GET", url, NULL);
        assert_string_equal(text_of(json_array_get(json_object_get(got.json, "issue"), 0), "code"), "not-supported");
        assert_true(told(refused[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_export_of_what_filters_meet), cmocka_unit_test(a_file_is_as_its_filter_says_now), cmocka_unit_test(a_wrong_filter_is_named), cmocka_unit_test(an_export_of_some_elements),
        cmocka_unit_test(what_was_asked_for_lies_sealed), cmocka_unit_test(how_many_there_are), cmocka_unit_test(a_part_is_what_was_named), cmocka_unit_test(only_when_it_has_changed),
        cmocka_unit_test(a_record_of_a_time), cmocka_unit_test(ours_of_a_time), cmocka_unit_test(a_url_says_what_it_takes), cmocka_unit_test(contacts_by_their_kind), cmocka_unit_test(the_statement_says_so),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
