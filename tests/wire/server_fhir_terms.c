/* The terminology service over HTTP, as a FHIR client asks it: GET and POST, FHIR's content type, OperationOutcomes. */
#include "tests/lib/fhir_client.h"

static struct web last;
static struct person_at sun;

static int start(void **state)
{
    site_start("");
    sun = person_sign_in("bh.sun");
    return 0;
}

static int stop(void **state)
{
    web_close(&last);
    return site_stop(state);
}

static json_t *ask(const char *method, const char *path, const char *headers, const char *body)
{
    web_close(&last);
    web_once(&last, site.port, method, path, headers, body);
    if (!strstr(web_header(&last, "Content-Type"), "application/fhir+json")) fail_msg("%s: %s", path, last.body);
    return json_loads(last.body, 0, NULL);
}

static const char *kind(json_t *resource)
{
    return json_string_value(json_object_get(resource, "resourceType"));
}

#define ICD10 "urn:yilian:codesystem:icd10-nhsa"

static void get_and_post_say_the_same(void **state)
{
    char headers[500];
    snprintf(headers, sizeof headers, "%sX-CSRF-Token: %s\r\nContent-Type: application/fhir+json\r\n", sun.cookie, sun.csrf);
    json_t *a = ask("GET", "/fhir/CodeSystem/$lookup?system=" ICD10 "&code=I10.x05", sun.cookie, NULL);
    assert_int_equal(last.status, 200);
    json_t *b = ask("POST", "/fhir/CodeSystem/$lookup", headers, "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"system\",\"valueUri\":\"" ICD10
                    "\"},{\"name\":\"code\",\"valueCode\":\"I10.x05\"}]}");
    assert_int_equal(last.status, 200);
    assert_true(json_equal(a, b));
    assert_string_equal(kind(a), "Parameters");
    json_decref(a);
    json_decref(b);
}

static void the_other_operations(void **state)
{
    static const char *const asked[][2] = {
        {"/fhir/ValueSet/$expand?url=" ICD10 "?vs=&filter=gxy&count=5", "ValueSet"},
        {"/fhir/CodeSystem/icd10-nhsa/$validate-code?code=I10.x05&url=" ICD10, "Parameters"},
        {"/fhir/CodeSystem/$subsumes?system=" ICD10 "&codeA=C34&codeB=C34.100x004", "Parameters"},
        {"/fhir/ConceptMap/$translate?system=urn:yilian:codesystem:icd10-clinical&code=A01.000x002", "Parameters"},
        {"/fhir/CodeSystem/icd10-nhsa", "CodeSystem"},
        {"/fhir/CodeSystem?url=" ICD10, "Bundle"},
    };
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        json_t *answer = ask("GET", asked[i][0], sun.cookie, NULL);
        if (last.status != 200 || strcmp(kind(answer), asked[i][1])) fail_msg("%s: %d %s", asked[i][0], last.status, last.body);
        json_decref(answer);
    }
}

static void what_is_wrong_is_an_outcome(void **state)
{
    char json[400];
    snprintf(json, sizeof json, "%sX-CSRF-Token: %s\r\nContent-Type: application/fhir+json\r\n", sun.cookie, sun.csrf);
    static const struct {
        const char *method, *path;
        int signed_in;
        const char *body;
        int status;
    } cases[] = {
        {"GET", "/fhir/CodeSystem/$lookup?system=" ICD10 "&code=I10.x05", 0, NULL, 401},
        {"GET", "/fhir/CodeSystem/$lookup?system=" ICD10 "&code=nothing", 1, NULL, 404},
        {"GET", "/fhir/CodeSystem/$lookup", 1, NULL, 400},
        {"GET", "/fhir/CodeSystem/$dance", 1, NULL, 404},
        {"GET", "/fhir/CodeSystem/a/b/c", 1, NULL, 404},
        {"POST", "/fhir/ValueSet/$expand", 1, "{\"resourceType\":\"Patient\"}", 400},
        {"POST", "/fhir/ValueSet/$expand", 1, "not json", 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *answer = ask(cases[i].method, cases[i].path, cases[i].signed_in ? cases[i].body ? json : sun.cookie : "", cases[i].body);
        if (last.status != cases[i].status || strcmp(kind(answer), "OperationOutcome")) fail_msg("%s: %d %s", cases[i].path, last.status, last.body);
        json_decref(answer);
    }
}

/* Machine clients write; a person's session does not. */
static void people_do_not_write(void **state)
{
    static const char *const methods[] = {"PUT", "PATCH", "DELETE"};
    char headers[500];
    (void)state;
    snprintf(headers, sizeof headers, "%sX-CSRF-Token: %s\r\nContent-Type: application/fhir+json\r\n", sun.cookie, sun.csrf);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        json_t *answer = ask(methods[i], "/fhir/ValueSet/mine", headers, "{\"resourceType\":\"ValueSet\",\"id\":\"mine\",\"status\":\"active\"}");
        assert_int_equal(last.status, 405);
        assert_string_equal(kind(answer), "OperationOutcome");
        assert_string_equal(web_header(&last, "Allow"), "GET, HEAD, POST");
        json_decref(answer);
    }
}

/* What a machine client writes is looked up, read and found by people at once. */
static void people_use_what_clients_write(void **state)
{
    struct fhir_client c;
    (void)state;
    fhir_register(&c, "system/*.*");
    fhir_sign_in(&c);
    assert_int_equal(fhir_do(&c, "PUT", "/CodeSystem/house", "", "{\"resourceType\":\"CodeSystem\",\"id\":\"house\",\"url\":\"urn:house\",\"name\":\"House\",\"status\":\"active\",\"content\":\"complete\",\"concept\":[{\"code\":\"h\",\"display\":\"Home\"}]}"), 201);
    json_decref(ask("GET", "/fhir/CodeSystem/$lookup?system=urn:house&code=h", sun.cookie, NULL));
    assert_int_equal(last.status, 200);
    assert_non_null(strstr(last.body, "Home"));
    json_decref(ask("GET", "/fhir/CodeSystem/house", sun.cookie, NULL));
    assert_int_equal(last.status, 200);
    json_t *both = ask("GET", "/fhir/CodeSystem?_id=house,icd10-nhsa", sun.cookie, NULL);
    assert_int_equal(json_integer_value(json_object_get(both, "total")), 2);
    json_decref(both);
    assert_int_equal(fhir_do(&c, "DELETE", "/CodeSystem/house", "", NULL), 204);
    json_decref(ask("GET", "/fhir/CodeSystem/$lookup?system=urn:house&code=h", sun.cookie, NULL));
    assert_int_equal(last.status, 404);
    fhir_forget(&c);
}

/* The consultation form's question: the normal form with codes to choose from, the doctor's words as they were. */
static void the_form_asks_for_the_normal_form(void **state)
{
    json_t *answer = person_ask(&sun, "POST", "/terms/diagnosis", json_pack("{s:s}", "text", "左上肺中央型腺癌伴骨转移；T2DM"));
    json_t *list = json_object_get(answer, "diagnoses"), *first = json_array_get(list, 0);
    assert_string_equal(json_string_value(json_object_get(answer, "text")), "左上肺中央型腺癌伴骨转移；T2DM");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(first, "lesion")), "左肺上叶");
    assert_true(json_array_size(json_object_get(first, "candidates")) > 0);
    assert_true(json_array_size(json_object_get(first, "why")) > 0);
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_and_post_say_the_same),
        cmocka_unit_test(the_other_operations),
        cmocka_unit_test(what_is_wrong_is_an_outcome),
        cmocka_unit_test(people_do_not_write),
        cmocka_unit_test(people_use_what_clients_write),
        cmocka_unit_test(the_form_asks_for_the_normal_form),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
