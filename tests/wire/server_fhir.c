/* The FHIR service over HTTP as a machine client uses it: signing in by a signed assertion, then the interactions on resources. */
#include "tests/lib/fhir_client.h"

static struct fhir_client all, reader;

static int start(void **state)
{
    (void)state;
    site_start("");
    fhir_register(&all, "system/*.*");
    fhir_sign_in(&all);
    fhir_register(&reader, "system/Patient.read system/Observation.rs");
    fhir_sign_in(&reader);
    return 0;
}

static int stop(void **state)
{
    fhir_forget(&all);
    fhir_forget(&reader);
    return site_stop(state);
}

static void want(struct fhir_client *c, int status, const char *method, const char *path, const char *headers, const char *body)
{
    int got = fhir_do(c, method, path, headers, body);
    if (got != status) fail_msg("%s %s: %d, not %d: %s", method, path, got, status, c->web.body ? c->web.body : "");
    if (status >= 400 && !strstr(c->web.body, "OperationOutcome")) fail_msg("%s %s: no outcome: %s", method, path, c->web.body);
}

static const char *text_at(json_t *o, const char *a, const char *b)
{
    json_t *v = json_object_get(o, a);
    return json_string_value(b ? json_object_get(v, b) : v);
}

/* The id in the Location of the last answer. */
static void id_of(struct fhir_client *c, char out[80])
{
    const char *at = strstr(web_header(&c->web, "Location"), "/fhir/");
    assert_non_null(at);
    at = strchr(at + 6, '/') + 1;
    snprintf(out, 80, "%.*s", (int)strcspn(at, "/"), at);
}

#define PATIENT "{\"resourceType\":\"Patient\",\"active\":true,\"name\":[{\"family\":\"Zhao\",\"given\":[\"Lei\"]}],\"gender\":\"male\",\"birthDate\":\"1980-02-29\"}"

/* ---- signing in ---- */

static void a_client_signs_in_by_its_key(void **state)
{
    char jwt[1000];
    json_t *answer;
    (void)state;
    fhir_assert(&all, "once", time(NULL) + 60, jwt);
    assert_int_equal(fhir_ask_token(&all, jwt, "system/Patient.read", &answer), 200);
    assert_string_equal(text_at(answer, "scope", NULL), "system/Patient.read");
    assert_string_equal(text_at(answer, "token_type", NULL), "bearer");
    assert_int_equal(json_integer_value(json_object_get(answer, "expires_in")), 300);
    json_decref(answer);
    assert_int_equal(fhir_ask_token(&all, jwt, "", &answer), 401); /* used before */
    assert_string_equal(text_at(answer, "error", NULL), "invalid_client");
    json_decref(answer);
    fhir_assert(&all, NULL, time(NULL) - 5, jwt);
    assert_int_equal(fhir_ask_token(&all, jwt, "", &answer), 401);
    json_decref(answer);
    fhir_assert(&all, NULL, time(NULL) + 4000, jwt);
    assert_int_equal(fhir_ask_token(&all, jwt, "", &answer), 401);
    json_decref(answer);
    fhir_assert(&all, "later\",\"nbf\":9999999999,\"x\":\"", time(NULL) + 60, jwt); /* good only later: a claim beside jti */
    assert_int_equal(fhir_ask_token(&all, jwt, "", &answer), 401);
    json_decref(answer);
    fhir_assert(&all, NULL, time(NULL) + 60, jwt);
    jwt[strlen(jwt) - 3] = jwt[strlen(jwt) - 3] == 'A' ? 'B' : 'A';
    assert_int_equal(fhir_ask_token(&all, jwt, "", &answer), 401);
    json_decref(answer);
    fhir_assert(&reader, NULL, time(NULL) + 60, jwt);
    assert_int_equal(fhir_ask_token(&reader, jwt, "system/Patient.write", &answer), 400);
    assert_string_equal(text_at(answer, "error", NULL), "invalid_scope");
    json_decref(answer);
}

static void nothing_without_a_token_or_scope(void **state)
{
    struct fhir_client nobody = {0};
    char id[80], path[120];
    (void)state;
    want(&nobody, 401, "GET", "/Patient/1", "", NULL);
    strcpy(nobody.bearer, "f1.AAAA.BBBB");
    want(&nobody, 401, "GET", "/Patient/1", "", NULL);
    web_close(&nobody.web);
    want(&reader, 403, "POST", "/Patient", "", PATIENT);
    want(&reader, 403, "GET", "/Condition/1", "", NULL);
    want(&reader, 403, "GET", "/_history", "", NULL);
    want(&all, 201, "POST", "/Patient", "", PATIENT);
    id_of(&all, id);
    snprintf(path, sizeof path, "/Patient/%s", id);
    want(&reader, 200, "GET", path, "", NULL);
    want(&reader, 403, "DELETE", path, "", NULL);
    /* a client that is closed is out at once, its token too */
    struct fhir_client gone;
    char words[80];
    fhir_register(&gone, "system/*.read");
    fhir_sign_in(&gone);
    want(&gone, 200, "GET", path, "", NULL);
    snprintf(words, sizeof words, "client remove %s", gone.id);
    site_ctl(words);
    want(&gone, 401, "GET", path, "", NULL);
    fhir_forget(&gone);
}

/* ---- one resource ---- */

static void a_resource_lives_through_versions(void **state)
{
    char id[80], path[160], body[400], etag[40];
    (void)state;
    want(&all, 201, "POST", "/Patient", "", PATIENT);
    id_of(&all, id);
    assert_string_equal(web_header(&all.web, "ETag"), "W/\"1\"");
    json_t *made = fhir_json(&all);
    assert_string_equal(text_at(made, "id", NULL), id);
    assert_string_equal(text_at(made, "meta", "versionId"), "1");
    json_decref(made);
    snprintf(path, sizeof path, "/Patient/%s", id);
    want(&all, 200, "GET", path, "", NULL);
    assert_true(strstr(all.web.head, "Last-Modified:") != NULL);
    want(&all, 304, "GET", path, "If-None-Match: W/\"1\"\r\n", NULL);
    want(&all, 304, "GET", path, "If-None-Match: W/\"7\", W/\"1\"\r\n", NULL);
    want(&all, 200, "GET", path, "If-None-Match: W/\"7\", W/\"11\"\r\n", NULL);
    want(&all, 200, "GET", path, "If-None-Match: W/\"9\"\r\n", NULL);
    snprintf(body, sizeof body, "{\"resourceType\":\"Patient\",\"id\":\"%s\",\"gender\":\"female\"}", id);
    want(&all, 412, "PUT", path, "If-Match: W/\"7\"\r\n", body);
    want(&all, 200, "PUT", path, "If-Match: W/\"1\"\r\n", body);
    snprintf(etag, sizeof etag, "%s", web_header(&all.web, "ETag"));
    assert_string_equal(etag, "W/\"2\"");
    want(&all, 200, "PATCH", path, "Content-Type: application/json-patch+json\r\n", "[{\"op\":\"add\",\"path\":\"/birthDate\",\"value\":\"1999-01-02\"},{\"op\":\"test\",\"path\":\"/gender\",\"value\":\"female\"}]");
    assert_non_null(strstr(all.web.body, "1999-01-02"));
    want(&all, 422, "PATCH", path, "Content-Type: application/json-patch+json\r\n", "[{\"op\":\"remove\",\"path\":\"/deceasedBoolean\"}]");
    want(&all, 200, "PATCH", path, "", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\",\"part\":[{\"name\":\"type\",\"valueCode\":\"replace\"},"
         "{\"name\":\"path\",\"valueString\":\"Patient.birthDate\"},{\"name\":\"value\",\"valueDate\":\"1999-01-03\"}]}]}");
    assert_non_null(strstr(all.web.body, "1999-01-03"));
    want(&all, 422, "PATCH", path, "Content-Type: application/json-patch+json\r\n", "[{\"op\":\"replace\",\"path\":\"/gender\",\"value\":\"cat\"}]");
    want(&all, 204, "DELETE", path, "", NULL);
    want(&all, 410, "GET", path, "", NULL);
    want(&all, 204, "DELETE", path, "", NULL);
    snprintf(path, sizeof path, "/Patient/%s/_history/1", id);
    want(&all, 200, "GET", path, "", NULL);
    assert_non_null(strstr(all.web.body, "\"Zhao\""));
    snprintf(path, sizeof path, "/Patient/%s/_history/5", id);
    want(&all, 410, "GET", path, "", NULL);
    snprintf(path, sizeof path, "/Patient/%s/_history/9", id);
    want(&all, 404, "GET", path, "", NULL);
    snprintf(path, sizeof path, "/Patient/%s/_history", id);
    want(&all, 200, "GET", path, "", NULL);
    json_t *history = fhir_json(&all);
    assert_int_equal(json_array_size(json_object_get(history, "entry")), 5);
    assert_string_equal(text_at(json_object_get(json_array_get(json_object_get(history, "entry"), 0), "request"), "method", NULL), "DELETE");
    assert_string_equal(text_at(json_object_get(json_array_get(json_object_get(history, "entry"), 4), "request"), "method", NULL), "POST");
    json_decref(history);
    /* it may come back */
    snprintf(path, sizeof path, "/Patient/%s", id);
    want(&all, 201, "PUT", path, "", body);
    assert_string_equal(web_header(&all.web, "ETag"), "W/\"6\"");
    want(&all, 200, "GET", path, "", NULL);
}

static void a_client_chooses_the_id(void **state)
{
    (void)state;
    want(&all, 201, "PUT", "/Observation/bp-1", "", "{\"resourceType\":\"Observation\",\"id\":\"bp-1\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
         "\"subject\":{\"reference\":\"Patient/late\"},\"valueQuantity\":{\"value\":120.00,\"unit\":\"mmHg\"}}");
    want(&all, 200, "GET", "/Observation/bp-1", "", NULL);
    assert_non_null(strstr(all.web.body, "120.00")); /* decimals keep their form */
    want(&all, 201, "PUT", "/Patient/late", "", "{\"resourceType\":\"Patient\",\"id\":\"late\"}"); /* spoken of before it came */
    want(&all, 412, "PUT", "/Patient/late", "If-None-Match: *\r\n", "{\"resourceType\":\"Patient\",\"id\":\"late\"}");
    want(&all, 200, "GET", "/Patient/late/$everything", "", NULL);
    json_t *every = fhir_json(&all);
    assert_int_equal(json_array_size(json_object_get(every, "entry")), 2);
    json_decref(every);
    want(&all, 400, "PUT", "/Patient/late", "", "{\"resourceType\":\"Patient\",\"id\":\"early\"}");
    want(&all, 400, "PUT", "/Patient/late", "", "{\"resourceType\":\"Group\",\"id\":\"late\",\"type\":\"person\",\"actual\":true}");
}

static void what_is_preferred(void **state)
{
    (void)state;
    want(&all, 201, "POST", "/Patient", "Prefer: return=minimal\r\n", PATIENT);
    assert_int_equal(all.web.body_len, 0);
    want(&all, 201, "POST", "/Patient", "Prefer: return=OperationOutcome\r\n", PATIENT);
    assert_non_null(strstr(all.web.body, "OperationOutcome"));
    char id[80], path[160];
    id_of(&all, id);
    snprintf(path, sizeof path, "/Patient/%s?_summary=true", id);
    want(&all, 200, "GET", path, "", NULL);
    assert_non_null(strstr(all.web.body, "SUBSETTED"));
    snprintf(path, sizeof path, "/Patient/%s?_elements=gender", id);
    want(&all, 200, "GET", path, "", NULL);
    assert_non_null(strstr(all.web.body, "gender"));
    assert_null(strstr(all.web.body, "birthDate"));
    snprintf(path, sizeof path, "/Patient/%s?_pretty=true&_format=json", id);
    want(&all, 200, "GET", path, "", NULL);
    assert_non_null(strstr(all.web.body, "\n  \"gender\": \"male\""));
    snprintf(path, sizeof path, "/Patient/%s?_format=xml", id);
    want(&all, 406, "GET", path, "", NULL);
    want(&all, 406, "GET", "/Patient/x", "Accept: application/fhir+xml\r\n", NULL);
    /* what is spoken: FHIR 4.0 in JSON (R4 http.html#mime-type, versioning.html#mt-version) */
    static const struct {
        int status;
        const char *accept;
    } spoken[] = {{200, "application/fhir+json; fhirVersion=4.0"}, {200, "application/fhir+xml, application/fhir+json;q=0.5"}, {200, "text/html, */*;q=0.1"},
                  {406, "application/fhir+json; fhirVersion=3.0"}, {406, "application/fhir+json;q=0"}, {406, "application/fhir+xml"}};
    for (size_t i = 0; i < sizeof spoken / sizeof *spoken; i++) {
        char headers[200];
        snprintf(headers, sizeof headers, "Accept: %s\r\n", spoken[i].accept);
        want(&all, spoken[i].status, "GET", "/Patient?_count=1", headers, NULL);
    }
    want(&all, 415, "POST", "/Patient", "Content-Type: application/fhir+json; fhirVersion=3.0\r\n", PATIENT);
    want(&all, 201, "POST", "/Patient", "Content-Type: application/fhir+json; charset=utf-8; fhirVersion=4.0\r\n", PATIENT);
    /* whichever version it has (RFC 9110 13.1.1) */
    want(&all, 412, "PUT", "/Patient/any-version", "If-Match: *\r\n", "{\"resourceType\":\"Patient\",\"id\":\"any-version\"}");
    want(&all, 201, "PUT", "/Patient/any-version", "", "{\"resourceType\":\"Patient\",\"id\":\"any-version\"}");
    want(&all, 200, "PUT", "/Patient/any-version", "If-Match: *\r\n", "{\"resourceType\":\"Patient\",\"id\":\"any-version\"}");
}

static void what_is_wrong_is_said_where(void **state)
{
    static const struct {
        int status;
        const char *method, *path, *body, *says;
    } cases[] = {
        {400, "POST", "/Patient", "{\"resourceType\":\"Patient\",", "line 1"},
        {422, "POST", "/Patient", "{\"resourceType\":\"Patient\",\"gender\":\"cat\"}", "Patient.gender"},
        {422, "POST", "/Patient", "{\"resourceType\":\"Patient\",\"colour\":\"red\"}", "colour"},
        {422, "POST", "/Patient", "{\"resourceType\":\"Patient\",\"birthDate\":\"1980-02-30\"}", "Patient.birthDate"},
        {422, "POST", "/Observation", "{\"resourceType\":\"Observation\",\"code\":{\"text\":\"x\"}}", "Observation.status"},
        {400, "POST", "/Patient", "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"}}", "Patient"},
        {404, "POST", "/Patients", PATIENT, "resource type"},
        {404, "GET", "/Patient/nobody", NULL, "no such"},
        {404, "GET", "/Patient/a_b", NULL, "id"},
        {404, "GET", "/Patient/$dance", NULL, "operation"},
        {405, "PUT", "/Patient/x/_history/1", "{}", "method"},
        {405, "GET", "/auth/token", NULL, "method"},
        {405, "DELETE", "", NULL, "method"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        want(&all, cases[i].status, cases[i].method, cases[i].path, "", cases[i].body);
        if (!strstr(all.web.body, cases[i].says)) fail_msg("%s %s: %s", cases[i].method, cases[i].path, all.web.body);
    }
    want(&all, 415, "POST", "/Patient", "Content-Type: text/plain\r\n", PATIENT);
}

/* ---- bundles ---- */

static void a_transaction_is_all_or_nothing(void **state)
{
    static const char good[] = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
        "{\"fullUrl\":\"urn:uuid:11111111-1111-4111-8111-111111111111\",\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},"
        "\"subject\":{\"reference\":\"urn:uuid:22222222-2222-4222-8222-222222222222\"}},\"request\":{\"method\":\"POST\",\"url\":\"Observation\"}},"
        "{\"fullUrl\":\"urn:uuid:22222222-2222-4222-8222-222222222222\",\"resource\":{\"resourceType\":\"Patient\",\"gender\":\"male\"},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}}]}";
    static const char bad[] = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
        "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"never\"},\"request\":{\"method\":\"PUT\",\"url\":\"Patient/never\"}},"
        "{\"resource\":{\"resourceType\":\"Patient\",\"gender\":\"cat\"},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}}]}";
    static const char dangling[] = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
        "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"urn:uuid:99999999-1111-4111-8111-111111111111\"}},"
        "\"request\":{\"method\":\"POST\",\"url\":\"Observation\"}}]}";
    char path[120], patient[60];
    (void)state;
    want(&all, 200, "POST", "", "", good);
    json_t *answer = fhir_json(&all), *entries = json_object_get(answer, "entry");
    assert_string_equal(text_at(answer, "type", NULL), "transaction-response");
    assert_int_equal(json_array_size(entries), 2);
    const char *where = text_at(json_object_get(json_array_get(entries, 0), "response"), "location", NULL);
    snprintf(path, sizeof path, "%s", strstr(where, "/fhir/") + 5);
    const char *who = strstr(text_at(json_object_get(json_array_get(entries, 1), "response"), "location", NULL), "Patient/");
    snprintf(patient, sizeof patient, "%.*s", (int)(strstr(who, "/_history") - who), who);
    want(&all, 200, "GET", path, "", NULL);
    assert_non_null(strstr(all.web.body, patient)); /* the reference is put right */
    json_decref(answer);
    want(&all, 422, "POST", "", "", bad);
    assert_non_null(strstr(all.web.body, "Bundle.entry[1]"));
    want(&all, 404, "GET", "/Patient/never", "", NULL);
    want(&all, 400, "POST", "", "", dangling);
}

/* PUT Type?query has a fullUrl that others refer to: the one it meets, or the new one. */
static void a_conditional_update_is_referred_to(void **state)
{
    static const char bundle[] = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
        "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"met\"},\"subject\":{\"reference\":"
        "\"urn:uuid:33333333-2222-4222-8222-222222222222\"}},\"request\":{\"method\":\"POST\",\"url\":\"Observation\"}},"
        "{\"fullUrl\":\"urn:uuid:33333333-2222-4222-8222-222222222222\",\"resource\":{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:met\",\"value\":\"1\"}]},"
        "\"request\":{\"method\":\"PUT\",\"url\":\"Patient?identifier=urn:met|1\"}}]}";
    char first[120] = "", path[120];
    (void)state;
    for (int i = 0; i < 2; i++) {
        want(&all, 200, "POST", "", "", bundle);
        json_t *answer = fhir_json(&all), *response = json_object_get(json_array_get(json_object_get(answer, "entry"), 1), "response");
        assert_string_equal(text_at(response, "status", NULL), i ? "200 OK" : "201 Created");
        const char *who = strstr(text_at(response, "location", NULL), "Patient/");
        snprintf(path, sizeof path, "%.*s", (int)(strstr(who, "/_history") - who), who);
        if (i) assert_string_equal(path, first);
        snprintf(first, sizeof first, "%s", path);
        json_decref(answer);
    }
    snprintf(path, sizeof path, "/Observation?subject=%.80s&_summary=count", first);
    want(&all, 200, "GET", path, "", NULL);
    assert_non_null(strstr(all.web.body, "\"total\":2"));
}

/* R4 http.html#trules: links of the narrative, and elements of type uri, url, oid, uuid that are a fullUrl, are put right; what is a canonical stays. */
static void links_of_a_transaction_are_put_right(void **state)
{
#define BINARY "urn:uuid:44444444-2222-4222-8222-222222222222"
    static const char bundle[] = "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
        "{\"resource\":{\"resourceType\":\"DocumentReference\",\"id\":\"linked\",\"status\":\"current\",\"text\":{\"status\":\"generated\",\"div\":"
        "\"<div xmlns=\\\"http://www.w3.org/1999/xhtml\\\"><a href=\\\"" BINARY "\\\">scan</a><img src='" BINARY "' alt=\\\"x\\\"/> " BINARY "</div>\"},"
        "\"content\":[{\"attachment\":{\"contentType\":\"text/plain\",\"url\":\"" BINARY "\"}}]},\"request\":{\"method\":\"PUT\",\"url\":\"DocumentReference/linked\"}},"
        "{\"fullUrl\":\"" BINARY "\",\"resource\":{\"resourceType\":\"Binary\",\"id\":\"scan\",\"contentType\":\"text/plain\",\"data\":\"eA==\"},\"request\":{\"method\":\"PUT\",\"url\":\"Binary/scan\"}}]}";
    (void)state;
    want(&all, 200, "POST", "", "", bundle);
    want(&all, 200, "GET", "/DocumentReference/linked", "", NULL);
    assert_non_null(strstr(all.web.body, "<a href=\\\"Binary/scan\\\">"));
    assert_non_null(strstr(all.web.body, "<img src='Binary/scan' alt"));
    assert_non_null(strstr(all.web.body, "\"url\":\"Binary/scan\""));
    assert_non_null(strstr(all.web.body, "/> " BINARY "</div>")); /* words are no link */
}

static const char *status_at(json_t *answer, size_t i)
{
    return text_at(json_object_get(json_array_get(json_object_get(answer, "entry"), i), "response"), "status", NULL);
}

#define BUNDLE(type, entries) "{\"resourceType\":\"Bundle\",\"type\":\"" type "\",\"entry\":[" entries "]}"
#define ONCE "{\"resource\":{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:once\",\"value\":\"1\"}]},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"," \
    "\"ifNoneExist\":\"identifier=urn:once|1\"}}"
#define EITHER "{\"resource\":{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:either\",\"value\":\"1\"}]},\"request\":{\"method\":\"PUT\",\"url\":\"Patient?identifier=urn:either|1\"}}"

/* A JSON Patch as a Binary; a condition that two entries have; references relative to where a bundle says it comes from. */
static void what_a_bundle_may_say(void **state)
{
    /* [{"op":"replace","path":"/active","value":false}] */
    static const char patch[] = "{\"resource\":{\"resourceType\":\"Binary\",\"contentType\":\"application/json-patch+json\",\"data\":"
        "\"W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9hY3RpdmUiLCJ2YWx1ZSI6ZmFsc2V9XQ==\"},\"request\":{\"method\":\"PATCH\",\"url\":\"Patient/patched\"}}";
    static const char elsewhere[] = BUNDLE("transaction",
        "{\"fullUrl\":\"https://x.example/fhir/Patient/123\",\"resource\":{\"resourceType\":\"Patient\",\"gender\":\"male\"},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}},"
        "{\"fullUrl\":\"https://x.example/fhir/Basic/9\",\"resource\":{\"resourceType\":\"Basic\",\"id\":\"relative\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/123\"},"
        "\"author\":{\"reference\":\"Patient/124\"}},\"request\":{\"method\":\"PUT\",\"url\":\"Basic/relative\"}}");
    char text[1200];
    (void)state;
    want(&all, 201, "PUT", "/Patient/patched", "", "{\"resourceType\":\"Patient\",\"id\":\"patched\",\"active\":true}");
    for (int i = 0; i < 2; i++) {
        snprintf(text, sizeof text, BUNDLE("%s", "%s"), i ? "batch" : "transaction", patch);
        want(&all, 200, "POST", "", "", text);
        json_t *answer = fhir_json(&all);
        assert_string_equal(status_at(answer, 0), "200 OK");
        json_decref(answer);
    }
    want(&all, 200, "GET", "/Patient/patched", "", NULL);
    assert_non_null(strstr(all.web.body, "\"active\":false"));
    want(&all, 400, "POST", "", "", BUNDLE("transaction", "{\"resource\":{\"resourceType\":\"Binary\",\"contentType\":\"text/plain\",\"data\":\"eA==\"},\"request\":{\"method\":\"PATCH\",\"url\":\"Patient/patched\"}}"));
    want(&all, 200, "POST", "", "", BUNDLE("transaction", ONCE "," ONCE));
    json_t *answer = fhir_json(&all);
    assert_string_equal(status_at(answer, 0), "201 Created");
    assert_string_equal(status_at(answer, 1), "200 OK");
    json_decref(answer);
    want(&all, 200, "GET", "/Patient?identifier=urn:once|1&_summary=count", "", NULL);
    assert_non_null(strstr(all.web.body, "\"total\":1"));
    want(&all, 400, "POST", "", "", BUNDLE("transaction", EITHER "," EITHER)); /* one resource, two writes */
    for (int i = 0; i < 64; i++) { /* one of them has its condition and its url at one place of the table */
        snprintf(text, sizeof text, BUNDLE("transaction", "{\"fullUrl\":\"urn:uuid:0c3201bd-1cbf-4d64-b04d-cd9187a4c6e0\",\"resource\":{\"resourceType\":\"Basic\",\"code\":{\"text\":\"x\"},"
                 "\"identifier\":[{\"system\":\"urn:k\",\"value\":\"%d\"}]},\"request\":{\"method\":\"POST\",\"url\":\"Basic\",\"ifNoneExist\":\"identifier=urn:k|%d\"}}"), i, i);
        want(&all, 200, "POST", "", "", text);
    }
    want(&all, 200, "POST", "", "", elsewhere);
    want(&all, 200, "GET", "/Basic/relative", "", NULL);
    assert_null(strstr(all.web.body, "Patient/123"));
    assert_non_null(strstr(all.web.body, "Patient/124")); /* not of this bundle */
}

static void a_batch_fails_in_part(void **state)
{
    static const char batch[] = "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":["
        "{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"b1\"},\"request\":{\"method\":\"PUT\",\"url\":\"Patient/b1\"}},"
        "{\"resource\":{\"resourceType\":\"Patient\",\"gender\":\"cat\"},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}},"
        "{\"request\":{\"method\":\"GET\",\"url\":\"Patient/nobody\"}},"
        "{\"request\":{\"method\":\"GET\",\"url\":\"metadata\"}}]}";
    (void)state;
    want(&all, 200, "POST", "", "", batch);
    json_t *answer = fhir_json(&all), *entries = json_object_get(answer, "entry");
    assert_string_equal(text_at(json_object_get(json_array_get(entries, 0), "response"), "status", NULL), "201 Created");
    assert_string_equal(text_at(json_object_get(json_array_get(entries, 1), "response"), "status", NULL), "422 Unprocessable Entity");
    assert_string_equal(text_at(json_object_get(json_array_get(entries, 2), "response"), "status", NULL), "404 Not Found");
    assert_string_equal(text_at(json_object_get(json_array_get(entries, 3), "resource"), "resourceType", NULL), "CapabilityStatement");
    json_decref(answer);
    want(&all, 200, "GET", "/Patient/b1", "", NULL);
}

static void a_resource_is_judged_and_not_stored(void **state)
{
    (void)state;
    want(&all, 200, "POST", "/Patient/$validate", "", "{\"resourceType\":\"Patient\",\"id\":\"judged\",\"gender\":\"cat\"}");
    assert_non_null(strstr(all.web.body, "Patient.gender"));
    want(&all, 200, "POST", "/Patient/$validate", "", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"judged\"}}]}");
    assert_null(strstr(all.web.body, "\"error\""));
    want(&all, 200, "POST", "/Observation/$validate", "", "{\"resourceType\":\"Patient\"}");
    assert_non_null(strstr(all.web.body, "resourceType"));
    want(&all, 200, "POST", "/Patient/x/$validate", "", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"mode\",\"valueCode\":\"update\"},"
         "{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\",\"id\":\"y\"}}]}");
    assert_non_null(strstr(all.web.body, "\"error\""));
    want(&all, 400, "POST", "/Patient/$validate", "", "{\"resourceType\":\"Parameters\"}");
    want(&all, 404, "GET", "/Patient/judged", "", NULL);
    want(&all, 200, "GET", "/metadata?mode=terminology", "", NULL);
    assert_non_null(strstr(all.web.body, "TerminologyCapabilities"));
}

#define MESSAGE(event, patient) "{\"resourceType\":\"Bundle\",\"type\":\"message\",\"entry\":[{\"fullUrl\":\"MessageHeader/m\",\"resource\":{\"resourceType\":\"MessageHeader\",\"id\":\"m7\"," \
    "\"eventUri\":\"" event "\",\"source\":{\"endpoint\":\"http://x\"}}},{\"fullUrl\":\"Bundle/b\",\"resource\":{\"resourceType\":\"Bundle\",\"type\":\"history\",\"entry\":[{" \
    "\"fullUrl\":\"Patient/fed\",\"resource\":" patient ",\"request\":{\"method\":\"POST\",\"url\":\"Patient/fed\"}},{\"fullUrl\":\"RelatedPerson/hers\",\"resource\":{" \
    "\"resourceType\":\"RelatedPerson\",\"id\":\"other\",\"patient\":{\"reference\":\"Patient/fed\"}},\"request\":{\"method\":\"POST\",\"url\":\"RelatedPerson/hers\"}}]}}]}"
#define FEED "urn:ihe:iti:pmir:2019:patient-feed"

/* IHE PMIR: what a source says of its patients, under the names it gave them. */
static void a_feed_of_patients(void **state)
{
    (void)state;
    want(&all, 422, "POST", "/$process-message", "", MESSAGE(FEED, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"identifier\":[{\"value\":\"12345\"}]}"));
    assert_non_null(strstr(all.web.body, "Bundle.entry[0].resource.identifier[0].system"));
    want(&all, 404, "GET", "/Patient/fed", "", NULL);
    want(&all, 200, "POST", "/$process-message", "", MESSAGE(FEED, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"identifier\":[{\"system\":\"urn:f\",\"value\":\"12345\"}]}"));
    assert_non_null(strstr(all.web.body, "\"response\":{\"identifier\":\"m7\",\"code\":\"ok\"}"));
    want(&all, 200, "GET", "/RelatedPerson?patient=fed", "", NULL);
    assert_non_null(strstr(all.web.body, "\"hers\""));
    want(&all, 200, "POST", "", "", MESSAGE(FEED, "{\"resourceType\":\"Patient\",\"id\":\"1\",\"gender\":\"female\",\"identifier\":[{\"system\":\"urn:f\",\"value\":\"12345\"}]}"));
    want(&all, 200, "GET", "/Patient?identifier=urn:f|12345&gender=female", "", NULL);
    assert_non_null(strstr(all.web.body, "\"versionId\":\"2\""));
    want(&all, 400, "POST", "/$process-message", "", MESSAGE("urn:other", "{\"resourceType\":\"Patient\"}"));
}

/* _since holds on every page, not on the first alone. */
static void history_since_on_every_page(void **state)
{
    char path[400], seen[40] = "", since[40] = "";
    (void)state;
    for (int v = 1; v <= 5; v++) {
        want(&all, v == 1 ? 201 : 200, "PUT", "/Basic/since", "", "{\"resourceType\":\"Basic\",\"id\":\"since\",\"code\":{\"text\":\"x\"}}");
        json_t *made = fhir_json(&all);
        if (v == 3) snprintf(since, sizeof since, "%s", text_at(made, "meta", "lastUpdated"));
        json_decref(made);
        usleep(20000);
    }
    snprintf(path, sizeof path, "/Basic/since/_history?_count=1&_since=%s", since);
    for (int pages = 0; *path && pages < 9; pages++) {
        want(&all, 200, "GET", path, "", NULL);
        json_t *page = fhir_json(&all), *links = json_object_get(page, "link"), *link;
        size_t i;
        strcat(seen, text_at(json_object_get(json_array_get(json_object_get(page, "entry"), 0), "resource"), "meta", "versionId"));
        path[0] = 0;
        json_array_foreach(links, i, link) if (strcmp(text_at(link, "relation", NULL), "next") == 0)
            snprintf(path, sizeof path, "%s", strstr(text_at(link, "url", NULL), "/fhir/") + 5);
        json_decref(page);
    }
    assert_string_equal(seen, "543");
}

static void history_of_all_pages_backwards(void **state)
{
    char path[300] = "/_history?_count=3";
    int seen = 0, pages = 0;
    (void)state;
    while (*path) {
        want(&all, 200, "GET", path, "", NULL);
        json_t *page = fhir_json(&all), *links = json_object_get(page, "link"), *link;
        size_t i;
        seen += (int)json_array_size(json_object_get(page, "entry"));
        path[0] = 0;
        json_array_foreach(links, i, link) if (strcmp(text_at(link, "relation", NULL), "next") == 0)
            snprintf(path, sizeof path, "%s", strstr(text_at(link, "url", NULL), "/fhir/") + 5);
        json_decref(page);
        pages++;
    }
    assert_true(seen > 10 && pages == (seen + 2) / 3);
    want(&all, 200, "GET", "/_history?_since=2099-01-01T00:00:00Z", "", NULL); /* its digits lie where the next number is read */
    want(&all, 200, "GET", "/_history?_count=1", "", NULL);
    json_t *one = fhir_json(&all);
    assert_int_equal(json_array_size(json_object_get(one, "entry")), 1);
    json_decref(one);
    want(&all, 200, "GET", "/_history?_at=2001", "", NULL);
    assert_null(strstr(all.web.body, "\"entry\""));
    want(&all, 400, "GET", "/_history?_at=yesterday", "", NULL);
    want(&all, 400, "GET", "/_history?_page=AAAA", "", NULL);
}

/* Who and what the record refers to comes along, once a page, and nobody else's record does; a page leads on under the same conditions. */
static void everything_brings_what_supports_it(void **state)
{
#define NOTE_OF(id, who, by) want(&all, 201, "PUT", "/Observation/" id, "", "{\"resourceType\":\"Observation\",\"id\":\"" id "\",\"status\":\"final\",\"code\":{\"text\":\"x\"}," \
    "\"subject\":{\"reference\":\"Patient/" who "\"},\"performer\":[{\"reference\":\"" by "\"}]}")
    (void)state;
    want(&all, 201, "PUT", "/Practitioner/helps", "", "{\"resourceType\":\"Practitioner\",\"id\":\"helps\"}");
    want(&all, 201, "PUT", "/Practitioner/other", "", "{\"resourceType\":\"Practitioner\",\"id\":\"other\"}");
    want(&all, 201, "PUT", "/Patient/helped", "", "{\"resourceType\":\"Patient\",\"id\":\"helped\"}");
    want(&all, 201, "PUT", "/Patient/stranger", "", "{\"resourceType\":\"Patient\",\"id\":\"stranger\"}");
    NOTE_OF("help1", "helped", "Practitioner/helps");
    NOTE_OF("help2", "helped", "Practitioner/helps");
    NOTE_OF("help3", "helped", "Patient/stranger");
    NOTE_OF("help4", "stranger", "Practitioner/other");
    want(&all, 200, "GET", "/Patient/helped/$everything", "", NULL);
    json_t *bundle = fhir_json(&all), *entries = json_object_get(bundle, "entry");
    assert_int_equal(json_array_size(entries), 5);
    json_t *last = json_array_get(entries, 4);
    assert_string_equal(text_at(json_object_get(last, "resource"), "id", NULL), "helps");
    assert_string_equal(text_at(json_object_get(last, "search"), "mode", NULL), "include");
    json_decref(bundle);
    want(&all, 200, "GET", "/Patient/helped/$everything?_type=Observation&_count=1&_since=2020-01-01T00:00:00%2B08:00", "", NULL);
    assert_null(strstr(all.web.body, "Practitioner\",\"id"));
    assert_non_null(strstr(all.web.body, "&_type=Observation&_since=2020-01-01T00:00:00%2B08:00&_page="));
}

/* Over HTTP, without a token, from a page of another origin: it hears what the URL takes, and no more; its browser is not told that it may ask. */
static void a_url_says_what_it_takes(void **state)
{
    static struct web web;
    (void)state;
    assert_int_equal(web_open(&web, site.port), 0);
    assert_int_equal(web_ask(&web, "OPTIONS", "/fhir/Patient/early", "Origin: https://elsewhere.test\r\nAccess-Control-Request-Method: PUT\r\n", NULL), 204);
    assert_string_equal(web_header(&web, "Allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
    assert_string_equal(web_header(&web, "Access-Control-Allow-Origin"), "");
    assert_string_equal(web_header(&web, "Access-Control-Allow-Methods"), "");
    assert_int_equal(web.body_len, 0);
    assert_int_equal(web_ask(&web, "OPTIONS", "/fhir/Nothing", "", NULL), 404);
    assert_int_equal(web_ask(&web, "GET", "/fhir/Patient/early", "", NULL), 401);
    web_close(&web);
}

static void everything_is_in_the_audit(void **state)
{
    (void)state;
    assert_non_null(strstr(site_ctl("audit verify"), "whole"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_signs_in_by_its_key),   cmocka_unit_test(nothing_without_a_token_or_scope), cmocka_unit_test(a_resource_lives_through_versions),
        cmocka_unit_test(a_client_chooses_the_id),        cmocka_unit_test(what_is_preferred),                cmocka_unit_test(what_is_wrong_is_said_where),
        cmocka_unit_test(a_transaction_is_all_or_nothing), cmocka_unit_test(a_batch_fails_in_part), cmocka_unit_test(a_conditional_update_is_referred_to), cmocka_unit_test(links_of_a_transaction_are_put_right), cmocka_unit_test(what_a_bundle_may_say),            cmocka_unit_test(a_resource_is_judged_and_not_stored), cmocka_unit_test(a_feed_of_patients), cmocka_unit_test(history_since_on_every_page), cmocka_unit_test(history_of_all_pages_backwards),
        cmocka_unit_test(everything_brings_what_supports_it), cmocka_unit_test(a_url_says_what_it_takes),
        cmocka_unit_test(everything_is_in_the_audit),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
