/* A hospital brings its own code systems, value sets and maps over FHIR: kept as any resource beside the catalogue of the terminology service, changed by the house that
 * wrote them alone, found together with the catalogue (records/fhir/terms.c, terms_write.c, terms_search.c). */
#include "tests/story/hospitals.h"

#define CODES "urn:county:codes"
#define SET "urn:county:set"

static int asked(int status, const char *bearer, const char *method, const char *url, const char *text)
{
    int got = ask(bearer, method, url, text);
    if (got != status) fail_msg("%s %s: %d, not %d: %s", method, url, got, status, body ? body : "");
    return got;
}

static void says_so(const char *what)
{
    if (!body || !strstr(body, what)) fail_msg("no %s in %s", what, body ? body : "");
}

static json_t *answer(const char *url)
{
    asked(200, county, "GET", url, NULL);
    return json_loads(body, 0, NULL);
}

static const char *system_of(const char *id, const char *url, const char *version, const char *concepts)
{
    static char text[3000];
    snprintf(text, sizeof text, "{\"resourceType\":\"CodeSystem\",\"id\":\"%s\",\"url\":\"%s\",\"version\":\"%s\",\"name\":\"County\",\"status\":\"active\",\"content\":\"complete\",\"concept\":[%s]}",
             id, url, version, concepts);
    return text;
}

static const char *set_of(const char *id, const char *url, const char *compose)
{
    static char text[3000];
    snprintf(text, sizeof text, "{\"resourceType\":\"ValueSet\",\"id\":\"%s\",\"url\":\"%s\",\"version\":\"1\",\"name\":\"CountySet\",\"status\":\"active\",\"compose\":{\"include\":[%s]}}", id, url,
             compose);
    return text;
}

#define A "{\"code\":\"A\",\"display\":\"\xe7\x94\xb2\",\"concept\":[{\"code\":\"A1\",\"display\":\"\xe7\x94\xb2\xe4\xb8\x80\"}]}"
#define B "{\"code\":\"B\",\"display\":\"\xe4\xb9\x99\"}"

/* ---- kept as any resource ---- */

static void what_a_client_writes_is_kept(void **state)
{
    (void)state;
    asked(201, county, "PUT", "/CodeSystem/cs", system_of("cs", CODES, "1", A));
    asked(200, county, "PUT", "/CodeSystem/cs", system_of("cs", CODES, "1", A "," B));
    asked(200, county, "GET", "/CodeSystem/cs", NULL);
    says_so("\"code\":\"B\"");
    asked(200, county, "GET", "/CodeSystem/cs/_history/1", NULL);
    assert_null(strstr(body, "\"code\":\"B\""));
    json_t *history = answer("/CodeSystem/cs/_history");
    assert_int_equal(json_array_size(json_object_get(history, "entry")), 2);
    json_decref(history);
    asked(200, county, "PATCH", "/CodeSystem/cs", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\",\"part\":[{\"name\":\"type\",\"valueCode\":\"replace\"},"
          "{\"name\":\"path\",\"valueString\":\"CodeSystem.name\"},{\"name\":\"value\",\"valueString\":\"Yunling\"}]}]}");
    says_so("\"name\":\"Yunling\"");
    asked(201, county, "PUT", "/ValueSet/away", set_of("away", "urn:county:away", "{\"system\":\"" CODES "\"}"));
    asked(204, county, "DELETE", "/ValueSet/away", NULL);
    asked(410, county, "GET", "/ValueSet/away", NULL);
    asked(422, county, "POST", "/ValueSet", "{\"resourceType\":\"ValueSet\",\"compose\":{\"include\":[{\"system\":7}]}}");
    says_so("ValueSet.compose.include[0].system");
    asked(200, county, "POST", "/ValueSet/$validate", set_of("x", SET, "{\"system\":\"" CODES "\"}"));
    asked(404, county, "GET", "/ConceptMap/none", NULL);
}

static void by_conditions_too(void **state)
{
    (void)state;
    asked(201, county, "PUT", "/ValueSet?url=" SET, set_of("vs", SET, "{\"system\":\"" CODES "\"}"));
    asked(200, county, "PUT", "/ValueSet?url=" SET, set_of("vs", SET, "{\"system\":\"" CODES "\",\"concept\":[{\"code\":\"A\"},{\"code\":\"B\"}]}"));
    asked(200, county, "POST", "/", "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"" SET "\",\"version\":\"1\",\"status\":\"active\"},"
          "\"request\":{\"method\":\"POST\",\"url\":\"ValueSet\",\"ifNoneExist\":\"url=" SET "\"}}]}");
    says_so("200 OK");
}

/* ---- whose they are ---- */

static void the_catalogue_is_written_by_nobody(void **state)
{
    (void)state;
    asked(409, county, "PUT", "/ValueSet/administrative-gender", set_of("administrative-gender", SET "2", "{\"system\":\"" CODES "\"}"));
    says_so("ValueSet.id");
    asked(409, consortium, "DELETE", "/CodeSystem/icd10-nhsa", NULL);
    asked(409, county, "PATCH", "/CodeSystem/icd10-nhsa", "[]");
    asked(409, county, "PUT", "/CodeSystem/mine", system_of("mine", "urn:yilian:codesystem:icd10-nhsa", "9", A));
    says_so("CodeSystem.url");
    asked(409, consortium, "POST", "/ValueSet", set_of("x", "http://hl7.org/fhir/ValueSet/administrative-gender", "{\"system\":\"" CODES "\"}"));
    asked(200, county, "GET", "/CodeSystem/icd10-nhsa", NULL);
    asked(404, county, "GET", "/CodeSystem/mine", NULL);
}

static void a_house_changes_its_own_alone(void **state)
{
    (void)state;
    asked(200, township, "GET", "/CodeSystem/cs", NULL); /* no health data: all read it */
    asked(403, township, "PUT", "/CodeSystem/cs", system_of("cs", CODES, "1", A));
    asked(403, township, "DELETE", "/CodeSystem/cs", NULL);
    asked(403, township, "PATCH", "/CodeSystem/cs", "[{\"op\":\"replace\",\"path\":\"/name\",\"value\":\"Mine\"}]");
    asked(409, township, "PUT", "/CodeSystem/other", system_of("other", CODES, "2", A)); /* the url is the county's, in any version */
    says_so("of_another_house");
    asked(409, county, "PUT", "/CodeSystem/twice", system_of("twice", CODES, "1", A));
    says_so("duplicate");
    asked(201, county, "PUT", "/CodeSystem/cs2", system_of("cs2", CODES, "2", A "," B));
    asked(204, county, "DELETE", "/CodeSystem/cs2", NULL);
    asked(200, consortium, "PUT", "/CodeSystem/cs", system_of("cs", CODES, "1", A "," B)); /* the consortium's own acts for all */
    asked(403, county, "PUT", "/CodeSystem/cs", system_of("cs", CODES, "1", A));
    asked(204, consortium, "DELETE", "/CodeSystem/cs", NULL);
    asked(201, county, "PUT", "/CodeSystem/cs3", system_of("cs3", CODES, "1", A "," B));
    asked(200, township, "POST", "/", "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"resource\":{\"resourceType\":\"ValueSet\",\"id\":\"vs\",\"url\":\"" SET
          "\",\"status\":\"active\"},\"request\":{\"method\":\"PUT\",\"url\":\"ValueSet/vs\"}}]}");
    says_so("403 Forbidden");
    asked(409, township, "POST", "/", "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
          "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:t:1\",\"status\":\"active\"},\"request\":{\"method\":\"POST\",\"url\":\"ValueSet\"}},"
          "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:t:1\",\"status\":\"active\"},\"request\":{\"method\":\"POST\",\"url\":\"ValueSet\"}}]}");
}

/* ---- found together ---- */

static long total(const char *url)
{
    json_t *page = answer(url);
    long n = (long)json_integer_value(json_object_get(page, "total"));
    json_decref(page);
    return n;
}

/* All pages: each resource once. */
static size_t walk(const char *url)
{
    json_t *seen_ids = json_object(), *e, *page;
    size_t i, n = 0;
    char next[900];
    snprintf(next, sizeof next, "%s", url);
    while (*next) {
        page = answer(next);
        next[0] = 0;
        json_array_foreach(json_object_get(page, "entry"), i, e) {
            const char *id = text_of(json_object_get(e, "resource"), "id");
            if (json_object_get(seen_ids, id)) fail_msg("%s comes twice", id);
            json_object_set_new(seen_ids, id, json_true());
            n++;
        }
        json_array_foreach(json_object_get(page, "link"), i, e)
            if (strcmp(text_of(e, "relation"), "next") == 0) snprintf(next, sizeof next, "%s", text_of(e, "url") + strlen("https://yilian.test/fhir"));
        json_decref(page);
    }
    json_decref(seen_ids);
    return n;
}

static void both_are_found_in_one_search(void **state)
{
    (void)state;
    long maps = total("/ConceptMap?_summary=count");
    asked(201, county, "PUT", "/ConceptMap/cm", "{\"resourceType\":\"ConceptMap\",\"id\":\"cm\",\"url\":\"urn:county:map\",\"status\":\"active\",\"group\":[{\"source\":\"" CODES
          "\",\"target\":\"urn:yilian:codesystem:icd10-nhsa\",\"element\":[{\"code\":\"A\",\"target\":[{\"code\":\"I10.x05\",\"equivalence\":\"equivalent\"}]}]}]}");
    assert_int_equal(total("/ConceptMap?_summary=count"), maps + 1);
    assert_int_equal(total("/ConceptMap?_total=accurate&_count=1"), maps + 1);
    assert_int_equal(walk("/ConceptMap?_count=1"), maps + 1);
    assert_int_equal(walk("/ConceptMap?_count=2&_sort=url"), maps + 1);
    asked(201, county, "PUT", "/CodeSystem/g2", system_of("g2", "urn:county:g2", "1", A "," B));
    assert_int_equal(total("/CodeSystem?_id=administrative-gender,g2,none"), 2);
    assert_int_equal(total("/CodeSystem?url=urn:county:g2"), 1);
    assert_int_equal(total("/CodeSystem?url=urn:yilian:codesystem:icd10-nhsa"), 1);
    assert_int_equal(total("/CodeSystem?name=count&_count=10"), 2);
    assert_int_equal(total("/CodeSystem?code=B&url=urn:county:g2"), 1);
    assert_int_equal(walk("/CodeSystem?_count=300"), total("/CodeSystem?_summary=count"));
    assert_int_equal(walk("/CodeSystem?_count=300&_sort=-url"), total("/CodeSystem?_summary=count"));
    json_t *page = answer("/CodeSystem?_id=administrative-gender,g2&_elements=url");
    json_t *first = json_object_get(json_array_get(json_object_get(page, "entry"), 0), "resource");
    assert_string_equal(text_of(first, "url"), "http://hl7.org/fhir/administrative-gender");
    assert_null(json_object_get(first, "concept"));
    json_decref(page);
    assert_int_equal(walk("/?_type=ConceptMap,Organization&_count=2"), maps + 1);
    prefer = "handling=strict";
    asked(400, county, "GET", "/CodeSystem?nothing=1", NULL);
    prefer = "";
}

/* ---- what is written is used ---- */

#define MINE "urn:county:mine"
#define GROUP "urn:county:group"

static void expands(const char *codes)
{
    json_t *set = answer("/ValueSet/$expand?excludeNested=true&url=" GROUP), *e;
    char got[200] = "";
    size_t i;
    json_array_foreach(json_object_get(json_object_get(set, "expansion"), "contains"), i, e)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s", i ? " " : "", text_of(e, "code"));
    assert_string_equal(got, codes);
    json_decref(set);
}

static void the_operations_know_it_at_once(void **state)
{
    (void)state;
    asked(404, county, "GET", "/ValueSet/$expand?url=" GROUP, NULL);
    asked(201, county, "PUT", "/CodeSystem/mine", system_of("mine", MINE, "1", A "," B));
    asked(201, county, "PUT", "/ValueSet/group", set_of("group", GROUP, "{\"system\":\"" MINE "\",\"filter\":[{\"property\":\"concept\",\"op\":\"is-a\",\"value\":\"A\"}]}"));
    expands("A A1");
    asked(200, township, "GET", "/CodeSystem/$lookup?system=" MINE "&code=A1", NULL); /* everybody's to use */
    says_so("\xe7\x94\xb2\xe4\xb8\x80");
    asked(200, county, "GET", "/ValueSet/group/$validate-code?system=" MINE "&code=B", NULL);
    says_so("\"valueBoolean\":false");
    asked(200, county, "GET", "/CodeSystem/mine/$validate-code?code=B", NULL);
    says_so("\"valueBoolean\":true");
    asked(404, county, "GET", "/ValueSet/none/$validate-code?system=" MINE "&code=B", NULL);
    asked(200, county, "GET", "/CodeSystem/mine/$subsumes?codeA=A&codeB=A1", NULL);
    says_so("\"subsumes\"");
    asked(200, county, "PUT", "/ValueSet/group", set_of("group", GROUP, "{\"system\":\"" MINE "\"}"));
    expands("A A1 B");
    asked(200, county, "PUT", "/CodeSystem/mine", system_of("mine", MINE, "1", B));
    expands("B");
    asked(200, county, "PUT", "/ValueSet/group", set_of("group", GROUP, "{\"system\":\"urn:yilian:codesystem:icd10-nhsa\",\"concept\":[{\"code\":\"I10.x05\"}]},{\"valueSet\":[\"http://hl7.org/fhir/ValueSet/administrative-gender\"]}"));
    expands("I10.x05 male female other unknown"); /* over what is loaded */
    asked(200, county, "GET", "/CodeSystem/$lookup?system=urn:yilian:codesystem:icd10-nhsa&code=I10.x05", NULL);
    asked(204, county, "DELETE", "/ValueSet/group", NULL);
    asked(404, county, "GET", "/ValueSet/$expand?url=" GROUP, NULL);
    asked(404, county, "GET", "/ValueSet/group/$expand", NULL);
}

static void a_map_translates(void **state)
{
    (void)state;
    asked(200, county, "GET", "/ConceptMap/$translate?url=urn:county:map&system=" CODES "&code=A", NULL);
    says_so("I10.x05");
}

/* What was undone is not used, and what a transaction brings is used within it. */
static void a_transaction_brings_all_of_it(void **state)
{
    static const char *const entries =
        "{\"resource\":{\"resourceType\":\"CodeSystem\",\"url\":\"urn:t:codes\",\"status\":\"active\",\"content\":\"complete\",\"concept\":[{\"code\":\"x\"},{\"code\":\"y\"}]},\"request\":{\"method\":\"POST\",\"url\":\"CodeSystem\"}},"
        "{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"urn:t:set\",\"status\":\"active\",\"compose\":{\"include\":[{\"system\":\"urn:t:codes\",\"concept\":[{\"code\":\"x\"}]}]}},\"request\":{\"method\":\"POST\",\"url\":\"ValueSet\"}},"
        "{\"resource\":{\"resourceType\":\"Condition\",\"id\":\"ill\",\"subject\":{\"reference\":\"Patient/c1\"},\"code\":{\"coding\":[{\"system\":\"urn:t:codes\",\"code\":\"x\"}]}},\"request\":{\"method\":\"PUT\",\"url\":\"Condition/ill\"}}";
    static char text[4000];
    (void)state;
    snprintf(text, sizeof text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[%s,{\"resource\":{\"resourceType\":\"ValueSet\",\"url\":\"" SET "\",\"version\":\"1\",\"status\":\"active\"},"
             "\"request\":{\"method\":\"POST\",\"url\":\"ValueSet\"}}]}", entries);
    asked(409, county, "POST", "/", text);
    asked(404, county, "GET", "/ValueSet/$expand?url=urn:t:set", NULL);
    snprintf(text, sizeof text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[%s,{\"request\":{\"method\":\"GET\",\"url\":\"ValueSet/$expand?url=urn:t:set\"}},"
             "{\"request\":{\"method\":\"GET\",\"url\":\"Condition?code:in=urn:t:set\"}}]}", entries);
    asked(200, county, "POST", "/", text);
    says_so("\"expansion\"");
    says_so("\"total\":1");
    assert_int_equal(total("/Condition?code:in=urn:t:set"), 1);
    assert_int_equal(total("/Condition?code:below=urn:t:codes|x&patient=c1"), 1);
    asked(200, county, "PUT", "/ValueSet?url=urn:t:set", "{\"resourceType\":\"ValueSet\",\"url\":\"urn:t:set\",\"status\":\"active\",\"compose\":{\"include\":[{\"system\":\"urn:t:codes\",\"concept\":[{\"code\":\"y\"}]}]}}");
    assert_int_equal(total("/Condition?code:in=urn:t:set"), 0);
    assert_int_equal(total("/Condition?code:not-in=urn:t:set&code=urn:t:codes|x"), 1);
    asked(204, county, "DELETE", "/ValueSet?url=urn:t:set", NULL);
    asked(400, county, "GET", "/Condition?code:in=urn:t:set", NULL);
}

/* ---- by many at once ---- */

static _Atomic int answers, strange;
static _Atomic bool enough;

/* Either what it was or what it is, never a part and never what was freed. */
static void *goes_on_asking(void *none)
{
    struct records_fhir q = {.method = "GET", .path = "/ValueSet/$expand", .query = "excludeNested=true&url=" GROUP, .credential = township, .accept = "", .content_type = "", .prefer = "",
                             .if_match = "", .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.2", .host = "yilian.test"};
    while (!enough) {
        struct records_fhir_answer a = {0};
        records_fhir_call(w.r, &q, &a);
        bool one = a.status == 200 && strstr(a.body, "\"code\":\"B\"") && !strstr(a.body, "\"code\":\"A\""), all = a.status == 200 && strstr(a.body, "\"code\":\"A1\"") && strstr(a.body, "\"code\":\"B\"");
        strange += !one && !all;
        answers++;
        free(a.body);
    }
    return none;
}

static void many_ask_while_it_changes(void **state)
{
    enum { READERS = 3, CHANGES = 40 };
    pthread_t readers[READERS];
    (void)state;
    asked(200, county, "PUT", "/CodeSystem/mine", system_of("mine", MINE, "1", A "," B));
    asked(201, county, "PUT", "/ValueSet/group", set_of("group", GROUP, "{\"system\":\"" MINE "\"}"));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, goes_on_asking, NULL), 0);
    for (int i = 0; i < CHANGES; i++) {
        asked(200, county, "PUT", "/ValueSet/group", set_of("group", GROUP, i % 2 ? "{\"system\":\"" MINE "\"}" : "{\"system\":\"" MINE "\",\"concept\":[{\"code\":\"B\"}]}"));
        expands(i % 2 ? "A A1 B" : "B");
    }
    enough = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_true(answers > 0);
    assert_int_equal(strange, 0);
    asked(204, county, "DELETE", "/ValueSet/group", NULL);
}

/* ---- and bounded ---- */

static void there_is_an_end_to_it(void **state)
{
    enum { MANY = TERMS_SITE_MAX + 1 };
    char *text = malloc(MANY * 160 + 200);
    (void)state;
    size_t n = (size_t)sprintf(text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
    for (int i = 0; i < MANY; i++)
        n += (size_t)sprintf(text + n, "%s{\"resource\":{\"resourceType\":\"ValueSet\",\"status\":\"active\"},\"request\":{\"method\":\"POST\",\"url\":\"ValueSet\"}}", i ? "," : "");
    strcpy(text + n, "]}");
    asked(422, county, "POST", "/", text);
    says_so("too-costly");
    asked(200, county, "PUT", "/CodeSystem/mine", system_of("mine", MINE, "1", A "," B)); /* what was undone takes no room */
    asked(200, county, "GET", "/CodeSystem/$lookup?system=" MINE "&code=A1", NULL);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_client_writes_is_kept), cmocka_unit_test(by_conditions_too),        cmocka_unit_test(the_catalogue_is_written_by_nobody),
        cmocka_unit_test(a_house_changes_its_own_alone), cmocka_unit_test(both_are_found_in_one_search),
        cmocka_unit_test(the_operations_know_it_at_once), cmocka_unit_test(a_map_translates),       cmocka_unit_test(a_transaction_brings_all_of_it),
        cmocka_unit_test(many_ask_while_it_changes),     cmocka_unit_test(there_is_an_end_to_it),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
