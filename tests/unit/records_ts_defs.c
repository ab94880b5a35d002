/* What FHIR R4 itself defines, answered by the terminology service. */
#include "tests/lib/ts_fixture.h"
#include "records/term/ts_defs.h"

#define GENDER "http://hl7.org/fhir/administrative-gender"
#define GENDERS "http://hl7.org/fhir/ValueSet/administrative-gender"
#define IDENTIFIERS "http://terminology.hl7.org/CodeSystem/v2-0203"

static size_t expanded(void)
{
    return json_array_size(json_object_get(json_object_get(last, "expansion"), "contains"));
}

static void codes_are_looked_up(void **state)
{
    (void)state;
    ASK("CodeSystem", "lookup", "system=" GENDER, "code=male");
    assert_string_equal(text_of("display"), "Male");
    assert_string_equal(text_of("version"), "4.0.1");
    ASK("CodeSystem", "lookup", "system=" GENDER, "version=4.0.1", "code=other");
    assert_int_equal(status, 200);
    ASK("CodeSystem", "lookup", "system=" GENDER, "version=3.0.1", "code=other");
    assert_int_equal(status, 404);
    ASK("CodeSystem", "lookup", "system=" GENDER, "code=Male"); /* letters count */
    assert_int_equal(status, 404);
    ASK("CodeSystem", "lookup", "system=" IDENTIFIERS, "code=MR");
    assert_string_equal(text_of("display"), "Medical record number");
    ASK("CodeSystem", "lookup", "system=http://terminology.hl7.org/CodeSystem/v3-ActCode", "code=AMB", "property=parent");
    assert_string_equal(text_of("display"), "ambulatory");
    assert_non_null(found("property"));
    ASK("CodeSystem", "subsumes", "system=http://terminology.hl7.org/CodeSystem/v3-ActCode", "codeA=_ActEncounterCode", "codeB=AMB");
    assert_string_equal(text_of("outcome"), "subsumes");
    ASK("CodeSystem", "lookup", "system=http://snomed.info/sct", "code=73211009"); /* others hold the rights in it */
    assert_int_equal(status, 404);
}

static void codes_are_judged(void **state)
{
    (void)state;
    ASK("ValueSet", "validate-code", "url=" GENDERS, "system=" GENDER, "code=female");
    assert_string_equal(text_of("result"), "true");
    ASK("ValueSet", "validate-code", "url=" GENDERS "|4.0.1", "system=" GENDER, "code=woman");
    assert_string_equal(text_of("result"), "false");
    ASK("CodeSystem", "validate-code", "url=http://hl7.org/fhir/encounter-status", "code=in-progress", "display=In Progress");
    assert_string_equal(text_of("result"), "true");
    ASK("ValueSet", "validate-code", "url=" GENDERS "|3.0.0", "system=" GENDER, "code=female");
    assert_int_equal(status, 404);
}

static void sets_are_expanded(void **state)
{
    (void)state;
    ASK("ValueSet", "expand", "url=" GENDERS);
    assert_int_equal(expanded(), 4);
    ASK("ValueSet", "expand", "url=" GENDERS "|4.0.1", "filter=fem");
    assert_int_equal(expanded(), 1);
    ASK("ValueSet", "expand", "url=" GENDER "?vs=");
    assert_int_equal(expanded(), 4);
    ASK("ValueSet", "expand", "url=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode");
    assert_int_equal(status, 200);
    struct ts_codes codes;
    assert_int_equal(ts_codes_of_set(ts, GENDERS, &codes), 0);
    assert_int_equal(codes.n, 4);
    ts_codes_free(&codes);
    ASK("ValueSet", "expand", /* a request's own set over a system of FHIR's */
        "@valueSet={\"resourceType\":\"ValueSet\",\"status\":\"active\",\"compose\":{\"include\":[{\"valueSet\":[\"" GENDERS "\"]}],\"exclude\":[{\"system\":\"" GENDER "\","
        "\"concept\":[{\"code\":\"unknown\"}]}]}}");
    assert_int_equal(expanded(), 3);
}

/* Every one of them can be made, and every set says what is in it. */
static void all_of_them(void **state)
{
    (void)state;
    const struct ts_def *d;
    size_t n = 0;
    for (size_t i = 0; (d = ts_defs_at(ts->defs, "CodeSystem", i)); i++, n++) {
        const struct ts_system *s = ts_system(ts, d->url, d->version);
        if (!s || strcmp(s->version, d->version))
            fail_msg("%s|%s", d->url, d->version);
    }
    assert_true(n > 1000);
    n = 0;
    for (size_t i = 0; (d = ts_defs_at(ts->defs, "ValueSet", i)); i++, n++) {
        char url[300], count[] = "count:valueInteger=10";
        snprintf(url, sizeof url, "url=%s", d->url);
        ASK("ValueSet", "expand", url, count);
        if (status != 200)
            fail_msg("%s: %d", d->url, status);
    }
    assert_true(n > 1000);
}

static const char *link_of(const char *relation)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(last, "link"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "relation")), relation) == 0)
            return json_string_value(json_object_get(one, "url"));
    return NULL;
}

static void reading(const char *type, const char *id, const char *parameters)
{
    json_t *in = json_loads(parameters, 0, NULL);
    json_decref(last);
    last = NULL;
    status = ts_read(ts, &(struct ts_request){type, id, "", in}, &last);
    json_decref(in);
}

static void they_are_read_and_found(void **state)
{
    (void)state;
    reading("CodeSystem", "administrative-gender", "{}");
    assert_int_equal(json_array_size(json_object_get(last, "concept")), 4);
    reading("CodeSystem", "icd10-nhsa", "{}");
    assert_int_equal(status, 200);
    reading("ValueSet", "nothing-at-all", "{}");
    assert_int_equal(status, 404);
    reading("ValueSet", "", "{\"parameter\":[{\"name\":\"url\",\"valueString\":\"" GENDERS "\"}]}");
    assert_int_equal(json_array_size(json_object_get(last, "entry")), 1);
    assert_null(link_of("next"));
    reading("CodeSystem", "", "{\"parameter\":[{\"name\":\"_count\",\"valueString\":\"3\"}]}"); /* the lists of this house stand first */
    assert_int_equal(json_array_size(json_object_get(last, "entry")), 3);
    assert_true(json_integer_value(json_object_get(last, "total")) > 1000);
    assert_string_equal(link_of("next"), "CodeSystem?_count=3&_offset=3");
    reading("CodeSystem", "", "{\"parameter\":[{\"name\":\"_count\",\"valueString\":\"1\"},{\"name\":\"url\",\"valueString\":\"urn:x y\"}]}");
    assert_int_equal(json_integer_value(json_object_get(last, "total")), 0);
    assert_string_equal(link_of("self"), "CodeSystem?_count=1&_offset=0&url=urn%3Ax%20y");
    reading("CodeSystem", "", "{\"parameter\":[{\"name\":\"_count\",\"valueString\":\"1\"},{\"name\":\"url\",\"valueString\":\"http://terminology.hl7.org/CodeSystem/v2-0006\"}]}");
    assert_string_equal(link_of("next"), "CodeSystem?_count=1&_offset=1&url=http%3A%2F%2Fterminology.hl7.org%2FCodeSystem%2Fv2-0006"); /* the table has versions */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_looked_up),      cmocka_unit_test(codes_are_judged), cmocka_unit_test(sets_are_expanded),
        cmocka_unit_test(they_are_read_and_found), cmocka_unit_test(all_of_them),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
