/* The terminology service as HL7's tests of terminology servers ask it (bench_records_ts runs those): supplements, languages, versions, excludes,
 * contained sets, statuses, batches. */
#include "tests/lib/ts_fixture.h"

#define SYSTEM(url, version, more) "@tx-resource={\"resourceType\":\"CodeSystem\",\"language\":\"en\",\"url\":\"" url "\",\"version\":\"" version \
    "\",\"caseSensitive\":true,\"content\":\"complete\"," more "}"
#define SET(url, more) "@tx-resource={\"resourceType\":\"ValueSet\",\"url\":\"" url "\",\"version\":\"5.0.0\",\"status\":\"active\"," more "}"
#define INCLUDE(system) "\"compose\":{\"include\":[{\"system\":\"" system "\"}]}"
#define THREE SYSTEM("urn:t", "1.0.0", "\"concept\":[{\"code\":\"c\",\"display\":\"Third\"},{\"code\":\"a\",\"display\":\"First\",\"designation\":[{\"language\":\"de\",\"value\":\"Erster\"}]," \
    "\"concept\":[{\"code\":\"b\",\"display\":\"Second\"}]}]")

static char codes[400];

static void walk(const json_t *list)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        size_t n = strlen(codes);
        snprintf(codes + n, sizeof codes - n, "%s%s=%s", n ? " " : "", json_string_value(json_object_get(one, "code")),
                 json_object_get(one, "display") ? json_string_value(json_object_get(one, "display")) : "-");
        walk(json_object_get(one, "contains"));
    }
}

/* "a=First b=Second" */
static const char *shown(void)
{
    codes[0] = 0;
    walk(json_object_get(json_object_get(last, "expansion"), "contains"));
    return codes;
}

static json_t *first(void)
{
    return json_array_get(json_object_get(json_object_get(last, "expansion"), "contains"), 0);
}

/* Is there an issue of this kind (tx-issue-type), of this severity, at this place? */
static bool told(const char *severity, const char *kind, const char *place)
{
    const json_t *outcome = found("issues") ? json_object_get(found("issues"), "resource") : last;
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(outcome, "issue"), i, one) {
        const char *have = json_string_value(json_object_get(json_array_get(json_object_get(json_object_get(one, "details"), "coding"), 0), "code"));
        const char *at = json_string_value(json_array_get(json_object_get(one, "expression"), 0));
        if (strcmp(severity, json_string_value(json_object_get(one, "severity"))) == 0 && have && strcmp(have, kind) == 0 && strcmp(at ? at : "", place) == 0)
            return true;
    }
    return false;
}

static bool says(const char *words)
{
    char *text = json_dumps(last, 0);
    bool in = strstr(text, words) != NULL;
    free(text);
    return in;
}

static bool echoed(const char *name, const char *value)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(last, "expansion"), "parameter"), i, one) {
        const char *text = json_string_value(json_object_get(one, "valueUri"));
        text = text ? text : json_string_value(json_object_get(one, "valueCode"));
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0 && (!value || (text && strcmp(text, value) == 0)))
            return true;
    }
    return false;
}

static void names_in_the_language_asked_for(void **state)
{
    (void)state;
#define DESIGNATIONS "includeDesignations:valueBoolean=true"
    ASK("ValueSet", "expand", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "displayLanguage=de", DESIGNATIONS, "excludeNested:valueBoolean=true");
    assert_string_equal(shown(), "a=Erster b=Second c=Third");
    json_t *own = json_array_get(json_object_get(first(), "designation"), 0); /* the display it is not shown by */
    assert_string_equal(json_string_value(json_object_get(own, "language")), "en");
    assert_string_equal(json_string_value(json_object_get(own, "value")), "First");
    ASK("ValueSet", "expand", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "displayLanguage=de,*;q=0");
    assert_string_equal(shown(), "a=Erster b=- c=-");
    ASK("ValueSet", "expand", THREE, SET("urn:s", "\"language\":\"de\"," INCLUDE("urn:t")), "url=urn:s"); /* the set's own */
    assert_true(echoed("displayLanguage", "de"));
    ASK("ValueSet", "expand", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", TS_ACCEPT_LANGUAGE "=de-AT,de;q=0.9");
    assert_string_equal(shown(), "a=Erster b=Second c=Third");
    ASK("ValueSet", "expand", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", DESIGNATIONS, "designation=urn:ietf:bcp:47|fr");
    assert_null(json_object_get(first(), "designation"));
    ASK("CodeSystem", "validate-code", THREE, "url=urn:t", "code=a", "display=First", "displayLanguage=de");
    assert_string_equal(text_of("result"), "false");
    assert_string_equal(text_of("display"), "Erster");
    ASK("CodeSystem", "validate-code", THREE, "url=urn:t", "code=b", "display=Second", "displayLanguage=de");
    assert_string_equal(text_of("result"), "true"); /* it has no other name: told, and right */
    assert_true(told("information", "invalid-display", "display"));
    ASK("CodeSystem", "validate-code", THREE, "url=urn:t", "code=a", "display=Zeroth");
    assert_non_null(strstr(text_of("message"), "one of 2 choices: 'First' (en) or 'Erster' (de)"));
}

#define MORE "@tx-resource={\"resourceType\":\"CodeSystem\",\"url\":\"urn:more\",\"version\":\"0.1\",\"content\":\"supplement\",\"supplements\":\"urn:t\",\"concept\":[{\"code\":\"a\"," \
    "\"designation\":[{\"language\":\"nl\",\"value\":\"Eerste\"}],\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/itemWeight\",\"valueDecimal\":1.5}]}]}"

static void supplements_are_used_when_named(void **state)
{
    (void)state;
    ASK("CodeSystem", "validate-code", THREE, MORE, "url=urn:t", "code=a", "display=Eerste");
    assert_string_equal(text_of("result"), "false");
    ASK("CodeSystem", "validate-code", THREE, MORE, "url=urn:t", "code=a", "display=Eerste", "useSupplement=urn:more");
    assert_string_equal(text_of("result"), "true");
    ASK("ValueSet", "expand", THREE, MORE, "url=urn:s",
        SET("urn:s", "\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/valueset-supplement\",\"valueCanonical\":\"urn:more\"}]," INCLUDE("urn:t")));
    assert_true(echoed("used-supplement", "urn:more|0.1"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(first(), "property"), 0), "code")), "weight");
    ASK("CodeSystem", "lookup", THREE, MORE, "system=urn:t", "code=a", "useSupplement=urn:more");
    assert_string_equal(text_of("used-supplement"), "urn:more|0.1");
    ASK("CodeSystem", "lookup", THREE, MORE, "system=urn:t", "code=a", "useSupplement=urn:none");
    assert_int_equal(status, 404);
    assert_true(told("error", "not-found", ""));
    ASK("CodeSystem", "validate-code", THREE, MORE, "coding:valueCoding={\"system\":\"urn:more\",\"code\":\"a\"}");
    assert_true(told("error", "invalid-data", "Coding.system"));
}

#define NEWER SYSTEM("urn:t", "2.0.0", "\"concept\":[{\"code\":\"a\",\"display\":\"Number 1\"},{\"code\":\"d\",\"display\":\"Fourth\"}]")

static void versions_beside_each_other(void **state)
{
    (void)state;
    static const char both[] = SET("urn:s", "\"compose\":{\"include\":[{\"system\":\"urn:t\",\"version\":\"1.0.0\"},{\"system\":\"urn:t\",\"version\":\"2.0.0\"}]}");
    ASK("ValueSet", "expand", THREE, NEWER, both, "url=urn:s");
    assert_string_equal(shown(), "a=Number 1 a=First b=Second c=Third d=Fourth");
    assert_string_equal(json_string_value(json_object_get(first(), "version")), "2.0.0");
    ASK("ValueSet", "validate-code", THREE, NEWER, both, "url=urn:s", "system=urn:t", "code=c");
    assert_string_equal(text_of("result"), "true");
    assert_string_equal(text_of("version"), "1.0.0");
    ASK("ValueSet", "validate-code", THREE, NEWER, both, "url=urn:s", "system=urn:t", "code=a", "display=First");
    assert_string_equal(text_of("version"), "1.0.0"); /* the one in which it is called so */
    ASK("ValueSet", "expand", THREE, NEWER, "url=urn:s",
        SET("urn:s", "\"compose\":{\"include\":[{\"system\":\"urn:t\",\"version\":\"2.0.0\"}],\"exclude\":[{\"system\":\"urn:t\",\"version\":\"1.0.0\"}]}"));
    assert_string_equal(shown(), "d=Fourth");
    assert_true(echoed("versionsMatch", NULL));
    ASK("ValueSet", "expand", THREE, NEWER, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "check-system-version=urn:t|1.0.x");
    assert_string_equal(shown(), "a=First b=Second c=Third");
    ASK("ValueSet", "expand", THREE, NEWER, both, "url=urn:s", "check-system-version=urn:t|1.0.x");
    assert_int_equal(status, 422);
    assert_true(told("error", "version-error", ""));
    ASK("ValueSet", "validate-code", THREE, SET("urn:s", "\"compose\":{\"include\":[{\"system\":\"urn:t\",\"version\":\"7\"}]}"), "url=urn:s", "system=urn:t", "code=a");
    assert_string_equal(text_of("x-caused-by-unknown-system"), "urn:t|7");
    assert_false(told("error", "not-in-vs", "code"));
}

static void sets_within_sets(void **state)
{
    (void)state;
#define CONTAINED "@valueSet={\"resourceType\":\"ValueSet\",\"status\":\"active\",\"contained\":[{\"resourceType\":\"ValueSet\",\"id\":\"v\",\"compose\":{\"include\":[{\"system\":\"urn:t\"," \
    "\"concept\":[{\"code\":\"b\"}]}]}}],\"compose\":{\"include\":[{\"valueSet\":[\"#v\"]}]}}"
    ASK("ValueSet", "expand", THREE, CONTAINED);
    assert_string_equal(shown(), "b=Second");
    ASK("ValueSet", "validate-code", THREE, CONTAINED, "system=urn:t", "code=a");
    assert_non_null(strstr(text_of("message"), "'(unidentified)'"));
    ASK("ValueSet", "expand", THREE, "url=urn:s", SET("urn:other", INCLUDE("urn:t")),
        SET("urn:s", "\"compose\":{\"include\":[{\"system\":\"urn:t\"}],\"exclude\":[{\"valueSet\":[\"urn:s\"]}]}"));
    assert_int_equal(status, 422); /* it takes itself out */
    ASK("ValueSet", "expand", THREE, "url=urn:s", "default-valueset-version=urn:in|9", SET("urn:in", INCLUDE("urn:t")), SET("urn:s", "\"compose\":{\"include\":[{\"valueSet\":[\"urn:in\"]}]}"));
    assert_int_equal(status, 404);
    assert_true(says("included value set 'urn:in' version '9'"));
}

/* Each of eight levels imports the next four times: 65,000 ways are not gone. */
static void many_import_many(void **state)
{
    (void)state;
#define FOUR(n, m) SET("urn:l" n, "\"compose\":{\"include\":[{\"valueSet\":[\"urn:l" m "\",\"urn:l" m "\",\"urn:l" m "\",\"urn:l" m "\"]}]}")
#define LEVELS THREE, FOUR("1", "2"), FOUR("2", "3"), FOUR("3", "4"), FOUR("4", "5"), FOUR("5", "6"), FOUR("6", "7"), FOUR("7", "8"), SET("urn:l8", INCLUDE("urn:t"))
    ASK("ValueSet", "expand", LEVELS, "url=urn:l1");
    assert_int_equal(status, 422);
    ASK("ValueSet", "validate-code", LEVELS, "url=urn:l1", "system=urn:t", "code=a");
    assert_int_equal(status, 422);
}

static void what_is_wrong_with_a_filter(void **state)
{
    (void)state;
#define FILTER(property, op, value) SET("urn:s", "\"compose\":{\"include\":[{\"system\":\"urn:t\",\"filter\":[{\"property\":\"" property "\",\"op\":\"" op "\",\"value\":\"" value "\"}]}]}")
    ASK("ValueSet", "expand", THREE, FILTER("concept", "is-a", ""), "url=urn:s");
    assert_true(told("error", "vs-invalid", "ValueSet.compose.include[0].filter[0]"));
    ASK("ValueSet", "expand", THREE, FILTER("code", "regex", "[^ \\\\t\\\\r\\\\n\\\\f]{1}"), "url=urn:s");
    assert_string_equal(shown(), "a=First b=Second c=Third");
    ASK("ValueSet", "expand", THREE, FILTER("code", "regex", "((a{99}){99}){99}"), "url=urn:s"); /* would take all memory */
    assert_int_equal(status, 422);
    ASK("ValueSet", "expand", THREE, FILTER("concept", "is-a", "a"), "url=urn:s");
    assert_non_null(json_object_get(first(), "contains")); /* nested unless said otherwise */
}

static void a_coding_needs_a_code_system(void **state)
{
    (void)state;
    ASK("ValueSet", "validate-code", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "coding:valueCoding={\"code\":\"a\"}");
    assert_string_equal(text_of("result"), "false");
    assert_true(told("warning", "invalid-data", "Coding"));
    ASK("ValueSet", "validate-code", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "coding:valueCoding={\"system\":\"urn:s\",\"code\":\"a\"}");
    assert_true(told("error", "invalid-data", "Coding.system"));
    ASK("ValueSet", "validate-code", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "coding:valueCoding={\"system\":\"here\",\"code\":\"a\"}");
    assert_true(told("error", "invalid-data", "Coding.system"));
    ASK("ValueSet", "validate-code", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "coding:valueCoding={\"system\":\"urn:nowhere\",\"version\":\"7\",\"code\":\"a\"}");
    assert_true(says("\"UNKNOWN_CODESYSTEM_VERSION_NONE\"")); /* no version of it is known */
    ASK("ValueSet", "validate-code", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s", "coding:valueCoding={\"system\":\"urn:t\",\"version\":\"7\",\"code\":\"a\"}");
    assert_true(says("\"UNKNOWN_CODESYSTEM_VERSION\""));
}

static void what_is_used_no_more_is_said(void **state)
{
    (void)state;
#define STANDING "\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status\",\"valueCode\":\"deprecated\"}]"
    static const char old[] = SYSTEM("urn:o", "1", "\"concept\":[{\"code\":\"a\",\"display\":\"Now\",\"designation\":[{\"language\":\"en\",\"value\":\"Once\"," STANDING "}]},"
                                                   "{\"code\":\"b\",\"display\":\"Old\"," STANDING "}]");
    ASK("CodeSystem", "validate-code", old, "url=urn:o", "code=b");
    assert_string_equal(text_of("result"), "true");
    assert_string_equal(text_of("status"), "deprecated");
    assert_true(told("warning", "code-comment", "code"));
    ASK("CodeSystem", "validate-code", old, "url=urn:o", "code=a", "display=Once");
    assert_string_equal(text_of("result"), "true");
    assert_true(told("warning", "display-comment", "display"));
    ASK("ValueSet", "validate-code", old, "url=urn:s", "coding:valueCoding={\"system\":\"urn:o\",\"code\":\"a\"}",
        SET("urn:s", "\"compose\":{\"include\":[{\"system\":\"urn:o\",\"concept\":[{\"code\":\"a\"," STANDING "}]}]}"));
    assert_true(told("warning", "code-comment", "Coding.code"));
}

static void large_and_small_letters(void **state)
{
    (void)state;
#define INSENSITIVE "@tx-resource={\"resourceType\":\"CodeSystem\",\"url\":\"urn:i\",\"caseSensitive\":false,\"content\":\"complete\",\"concept\":[{\"code\":\"Ab\",\"display\":\"D\"}]}"
    ASK("CodeSystem", "validate-code", INSENSITIVE, "coding:valueCoding={\"system\":\"urn:i\",\"code\":\"aB\"}");
    assert_string_equal(text_of("result"), "true");
    assert_string_equal(text_of("code"), "aB");
    assert_string_equal(text_of("normalized-code"), "Ab");
    assert_true(told("information", "code-rule", "Coding.code"));
    ASK("CodeSystem", "validate-code", THREE, "url=urn:t", "code=A");
    assert_string_equal(text_of("result"), "false");
}

static void many_at_once(void **state)
{
    (void)state;
    ASK("ValueSet", "batch-validate-code", THREE, SET("urn:s", INCLUDE("urn:t")), "url=urn:s",
        "@validation={\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"coding\",\"valueCoding\":{\"system\":\"urn:t\",\"code\":\"a\"}}]}",
        "@validation={\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"nothing\",\"valueString\":\"x\"}]}");
    json_t *list = json_object_get(last, "parameter");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_object_get(json_array_get(list, 1), "resource"), "resourceType")), "OperationOutcome");
}

#define MAP "@tx-resource={\"resourceType\":\"ConceptMap\",\"url\":\"urn:m\",\"status\":\"active\",\"group\":[{\"source\":\"urn:t\",\"target\":\"urn:o\",\"element\":[" \
    "{\"code\":\"a\",\"target\":[{\"code\":\"A\",\"equivalence\":\"wider\"}]},{\"code\":\"b\",\"target\":[{\"equivalence\":\"unmatched\"}]}]}]}"

/* R4 $translate: that nothing corresponds is said, and is no translation; any coding of a concept; a map that is not there. */
static void what_is_no_translation(void **state)
{
    (void)state;
    ASK("ConceptMap", "translate", MAP, "url=urn:m", "system=urn:t", "code=b");
    assert_string_equal(text_of("result"), "false");
    assert_true(says("unmatched"));
    assert_false(says("valueCoding"));
    ASK("ConceptMap", "translate", MAP, "url=urn:m", "codeableConcept:valueCodeableConcept={\"coding\":[{\"system\":\"urn:x\",\"code\":\"a\"},{\"system\":\"urn:t\",\"code\":\"a\"}]}");
    assert_string_equal(text_of("result"), "true");
    assert_true(says("wider"));
    ASK("ConceptMap", "translate", MAP, "url=urn:elsewhere", "system=urn:t", "code=a");
    assert_int_equal(status, 404);
    ASK("ConceptMap", "translate", MAP, "url=urn:m");
    assert_int_equal(status, 400);
}

/* zh-CN is answered by zh (RFC 4647 3.4), in $lookup as in $expand; a system without a name is called by its url. */
static void a_language_of_a_country(void **state)
{
#define HANS SYSTEM("urn:h", "1", "\"concept\":[{\"code\":\"a\",\"display\":\"First\",\"designation\":[{\"language\":\"zh\",\"value\":\"甲\"},{\"language\":\"zh-TW\",\"value\":\"台\"}]}]")
    (void)state;
    ASK("CodeSystem", "lookup", HANS, "system=urn:h", "code=a", "displayLanguage=zh-CN");
    assert_string_equal(text_of("display"), "甲");
    assert_string_equal(text_of("name"), "urn:h");
    ASK("CodeSystem", "lookup", HANS, "system=urn:h", "code=a", "displayLanguage=zh-TW");
    assert_string_equal(text_of("display"), "台");
    ASK("CodeSystem", "lookup", HANS, "system=urn:h", "code=a", "displayLanguage=fr");
    assert_string_equal(text_of("display"), "First");
    ASK("ValueSet", "expand", HANS, "url=urn:h?vs=", "displayLanguage=zh-Hans-CN");
    assert_string_equal(shown(), "a=甲");
}

static void numbers_of_a_page_are_numbers(void **state)
{
    (void)state;
    ASK("ValueSet", "expand", THREE, "url=urn:t?vs=", "count=abc");
    assert_int_equal(status, 400);
    ASK("ValueSet", "expand", THREE, "url=urn:t?vs=", "count=-1");
    assert_int_equal(status, 400);
    ASK("ValueSet", "expand", THREE, "url=urn:t?vs=", "offset=1x", "count=2");
    assert_int_equal(status, 400);
    ASK("ValueSet", "expand", THREE, "url=urn:t?vs=", "offset=1", "count=1");
    assert_int_equal(status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_in_the_language_asked_for), cmocka_unit_test(supplements_are_used_when_named), cmocka_unit_test(versions_beside_each_other),
        cmocka_unit_test(sets_within_sets),                cmocka_unit_test(what_is_wrong_with_a_filter),     cmocka_unit_test(a_coding_needs_a_code_system),
        cmocka_unit_test(what_is_used_no_more_is_said),    cmocka_unit_test(many_at_once),                    cmocka_unit_test(many_import_many),
        cmocka_unit_test(large_and_small_letters),            cmocka_unit_test(what_is_no_translation),         cmocka_unit_test(a_language_of_a_country),
        cmocka_unit_test(numbers_of_a_page_are_numbers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
