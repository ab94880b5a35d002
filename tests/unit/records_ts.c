/* The terminology service: the lists and maps of config/data, the five operations, a request's own resources, errors. */
#include "tests/lib/ts_fixture.h"

static void lookup(void **state)
{
    ASK("CodeSystem", "lookup", "system=" TS_ICD10_NHSA, "code=I10.x05");
    assert_int_equal(status, 200);
    assert_string_equal(text_of("display"), "高血压3级");
    ASK("CodeSystem", "lookup", "system=" TS_ICD10_NHSA, "code=C34", "property=parent");
    assert_string_equal(text_of("abstract"), "true"); /* a category is no code to put down */
    assert_non_null(found("property"));
    ASK("CodeSystem", "lookup", "system=" TS_ICD9CM3_NHSA, "code=99.9901");
    assert_string_equal(text_of("display"), "水蛭疗法");
    ASK("CodeSystem", "lookup", "system=" TS_ICD10_NHSA, "code=XX");
    assert_int_equal(status, 404);
    assert_string_equal(json_string_value(json_object_get(last, "resourceType")), "OperationOutcome");
    ASK("CodeSystem", "lookup", "system=http://nobody", "code=X");
    assert_int_equal(status, 404);
    ASK("CodeSystem", "lookup", "system=" TS_ICD10_NHSA);
    assert_int_equal(status, 400);
}

static void subsumes(void **state)
{
    static const char *const cases[][3] = {{"C34", "C34.100x004", "subsumes"},        {"C34.100x004", "C34", "subsumed-by"},
                                           {"C00-D48", "C34.100x004", "subsumes"},    {"C34.100", "C34.100x004", "subsumes"},
                                           {"I10.x05", "I10.x05", "equivalent"},      {"I10", "C34.100x004", "not-subsumed"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char a[40], b[40];
        snprintf(a, sizeof a, "codeA=%s", cases[i][0]);
        snprintf(b, sizeof b, "codeB=%s", cases[i][1]);
        ASK("CodeSystem", "subsumes", "system=" TS_ICD10_NHSA, a, b);
        assert_int_equal(status, 200);
        assert_string_equal(text_of("outcome"), cases[i][2]);
    }
}

static const char *first_code(void)
{
    json_t *contains = json_object_get(json_object_get(last, "expansion"), "contains");
    return json_string_value(json_object_get(json_array_get(contains, 0), "code"));
}

/* By Chinese, pinyin initials, code, traditional characters; paged. */
static void search(void **state)
{
    static const char *const words[] = {"filter=高血压3级", "filter=gxy3j", "filter=I10.x05", "filter=高血壓3級"};
    for (size_t i = 0; i < 4; i++) {
        ASK("ValueSet", "expand", "url=" TS_ICD10_NHSA "?vs=", words[i], "count=5");
        assert_int_equal(status, 200);
        assert_string_equal(first_code(), "I10.x05");
    }
    ASK("ValueSet", "expand", "url=" TS_ICD10_NHSA "?vs=", "filter=肺癌", "count=3", "offset=2");
    json_t *expansion = json_object_get(last, "expansion");
    assert_int_equal(json_integer_value(json_object_get(expansion, "offset")), 2);
    assert_true(json_array_size(json_object_get(expansion, "contains")) <= 3);
    ASK("ValueSet", "expand", "url=" TS_ICD10_NHSA "?vs=");
    assert_int_equal(status, 422); /* 35,000 codes in one answer: too costly */
    ASK("ValueSet", "expand", "url=http://nobody");
    assert_int_equal(status, 404);
}

/* What is asked of the pairs of characters against every name compared: a piece of one to six characters of names and codes. */
static void search_finds_all(void **state)
{
    const struct ts_system *s = ts_system(ts, TS_ICD10_NHSA, "");
    unsigned seed = 7;
    for (int k = 0; k < 300; k++) {
        const struct ts_concept *c = &s->concepts[(unsigned)rand_r(&seed) % s->n];
        const char *text = k % 4 == 0 ? c->code : k % 4 == 1 ? c->initials : c->display, *end = text + strlen(text), *at = text, *to;
        for (unsigned skip = text == c->code ? 0 : (unsigned)rand_r(&seed) % 8; skip && utf8_next(&at, end); skip--) /* codes are found by their beginning */
            ;
        to = at;
        for (unsigned take = 1 + (unsigned)rand_r(&seed) % 6; take && utf8_next(&to, end); take--)
            ;
        char piece[100];
        struct ts_words w;
        snprintf(piece, sizeof piece, "%.*s", (int)(to - at), at);
        ts_words(ts, piece, &w);
        if (!w.n)
            continue;
        uint8_t *may = ts_candidates(s, &w);
        size_t matching = 0, missed = 0;
        for (size_t i = 0; i < s->n; i++)
            if (ts_matches(&s->concepts[i], &w)) {
                matching++;
                missed += !may[i];
            }
        free(may);
        if (missed || !matching)
            fail_msg("%s: %zu of %zu are not found", piece, missed, matching);
    }
}

static void validate(void **state)
{
    ASK("CodeSystem", "validate-code", "url=" TS_ICD10_NHSA, "code=I10.x05", "display=高血压3级");
    assert_string_equal(text_of("result"), "true");
    ASK("CodeSystem", "validate-code", "url=" TS_ICD10_NHSA, "code=I10.x05", "display=糖尿病");
    assert_string_equal(text_of("result"), "false");
    assert_non_null(strstr(text_of("message"), "Wrong Display Name"));
    assert_string_equal(text_of("display"), "高血压3级");
    ASK("ValueSet", "validate-code", "valueSetVersion=", "code=I10.x05", "system=" TS_ICD10_NHSA,
        "@valueSet={\"resourceType\":\"ValueSet\",\"url\":\"urn:x\",\"compose\":{\"include\":[{\"system\":\"" TS_ICD10_NHSA
        "\",\"filter\":[{\"property\":\"concept\",\"op\":\"is-a\",\"value\":\"C34\"}]}]}}");
    assert_int_equal(status, 200);
    assert_string_equal(text_of("result"), "false"); /* hypertension is no lung cancer */
}

/* A map holds what changes; a code it lacks is itself; the way back; nothing before its date. */
static void translate(void **state)
{
    ASK("ConceptMap", "translate", "system=" TS_ICD10_CLINICAL, "code=A01.000x002", "targetsystem=" TS_ICD10_NHSA);
    assert_string_equal(text_of("result"), "true");
    char *text = json_dumps(last, 0);
    assert_non_null(strstr(text, "A01.003"));
    free(text);
    ASK("ConceptMap", "translate", "system=" TS_ICD10_CLINICAL, "code=I10.x05", "targetsystem=" TS_ICD10_NHSA);
    assert_string_equal(text_of("result"), "true");
    ASK("ConceptMap", "translate", "system=" TS_ICD10_NHSA, "code=A01.003", "targetsystem=" TS_ICD10_CLINICAL, "reverse=true");
    assert_string_equal(text_of("result"), "true");
    ASK("ConceptMap", "translate", "system=" TS_ICD10_CLINICAL, "code=A01.000x002", "targetsystem=" TS_ICD10_NHSA, "date=1999-01-01");
    assert_string_equal(text_of("result"), "false");
    ASK("ConceptMap", "translate", "system=" TS_ICD10_CLINICAL, "code=nothing", "targetsystem=" TS_ICD10_NHSA);
    assert_string_equal(text_of("result"), "false");
}

/* Two editions beside each other, brought by the request: the newest is meant unless a version is said. */
static void editions(void **state)
{
#define EDITION(version, display) "@tx-resource={\"resourceType\":\"CodeSystem\",\"url\":\"urn:e\",\"version\":\"" version \
    "\",\"content\":\"complete\",\"concept\":[{\"code\":\"a\",\"display\":\"" display "\"}]}"
    ASK("CodeSystem", "lookup", EDITION("2.0.0", "new"), EDITION("1.0.0", "old"), "system=urn:e", "code=a");
    assert_string_equal(text_of("display"), "new");
    ASK("CodeSystem", "lookup", EDITION("2.0.0", "new"), EDITION("1.0.0", "old"), "system=urn:e", "version=1.0.0", "code=a");
    assert_string_equal(text_of("display"), "old");
    ASK("CodeSystem", "lookup", "system=urn:e", "code=a");
    assert_int_equal(status, 404); /* it was that request's */
    ASK("CodeSystem", "lookup",
        "@tx-resource={\"resourceType\":\"CodeSystem\",\"url\":\"urn:q\",\"content\":\"complete\",\"concept\":[{\"code\":\"a\",\"display\":\"says \\\"a\\\"\\n\","
        "\"definition\":\"d\",\"designation\":[{\"language\":\"zh\",\"use\":{\"system\":\"urn:u\",\"code\":\"u\"},\"value\":\"甲\"},{\"value\":\"b\"}],"
        "\"property\":[{\"code\":\"p\",\"valueInteger\":7},{\"code\":\"c\",\"valueCoding\":{\"code\":\"x\"}}]}]}",
        "system=urn:q", "code=a", "property=*");
    assert_int_equal(status, 200);
    assert_string_equal(text_of("display"), "says \"a\"\n");
    assert_int_equal(json_array_size(json_object_get(last, "parameter")), 11); /* with two designations, inactive and two of its own */
    ASK("CodeSystem", "lookup", "@tx-resource={\"resourceType\":\"Patient\"}", "system=urn:e", "code=a");
    assert_int_equal(status, 400);
}

/* Sets that name each other end with an error, not the stack. */
static void circles(void **state)
{
#define CIRCLE(self, other) "@tx-resource={\"resourceType\":\"ValueSet\",\"url\":\"urn:" self "\",\"compose\":{\"include\":[{\"valueSet\":[\"urn:" other "\"]}]}}"
    ASK("ValueSet", "expand", CIRCLE("a", "b"), CIRCLE("b", "a"), "url=urn:a");
    assert_int_equal(status, 422);
    ASK("ValueSet", "validate-code", CIRCLE("a", "b"), CIRCLE("b", "a"), "url=urn:a", "system=" TS_ICD10_NHSA, "code=I10.x05");
    assert_int_equal(status, 422);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lookup),   cmocka_unit_test(subsumes),  cmocka_unit_test(search),   cmocka_unit_test(search_finds_all),   cmocka_unit_test(validate),
        cmocka_unit_test(translate), cmocka_unit_test(editions), cmocka_unit_test(circles),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
