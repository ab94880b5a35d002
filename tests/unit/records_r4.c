/* The model of FHIR R4: JSON, primitives, validation (with thousands of random faults), definitions. */
#include "records/r4/fhirpath.h"
#include "tests/lib/r4_fixture.h"

static struct r4_issues issues;

/* ---- JSON ---- */

static void json_keeps_what_was_written(void **state)
{
    r4_doc_reset(doc);
    struct r4_buf b = {0};
    static const char text[] = "{\"b\":1.0,\"a\":[-0.50e+10,1E2,0],\"t\":\"q\\\"\\\\\\u0001\xE4\xB8\xAD\",\"n\":null,\"o\":{},\"l\":[]}";
    r4_json_write(&b, parse(" { \"b\" : 1.0 , \"a\":[-0.50e+10,1E2, 0],\"t\":\"q\\u0022\\\\\\u0001\\u4e2d\",\"n\":null,\"o\":{ },\"l\":[ ] } "));
    assert_string_equal(b.p, text);
    r4_buf_clear(&b);
    struct r4_node *n = parse("{\"e\":[{\"r\":{\"x\":1}}]}");
    struct r4_node *r = r4_at(n, "e.0.r");
    assert_int_equal(r->at, 11);
    assert_int_equal(r->end, 18);
    assert_true(r4_str_is(r4_text(r4_get(r, "x")), "1"));
}

static void json_refuses(void **state)
{
    static const char *const wrong[] = {"", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", "+1", ".5", "nul", "\"\x01\"", "\"\\x\"", "\"\\ud800\"", "\"\\udc00\"",
                                        "\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "[1] 2", "\"a", "{\"a\" 1}", "tru", "-", "1e", "'a'", "\"\\u12\"", "\"\\"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct r4_node *root;
        struct r4_json_error e = {0};
        assert_int_equal(r4_json_parse(doc, wrong[i], strlen(wrong[i]), &root, &e), ERR_MALFORMED);
        assert_non_null(e.reason);
        assert_true(e.at <= strlen(wrong[i]) + 1);
    }
    char deep[300];
    memset(deep, '[', sizeof deep);
    struct r4_node *root;
    assert_int_equal(r4_json_parse(doc, deep, sizeof deep, &root, NULL), ERR_MALFORMED);
}

static void json_is_edited(void **state)
{
    r4_doc_reset(doc);
    struct r4_node *n = parse("{\"resourceType\":\"Patient\",\"active\":true,\"x\":[1,2,3]}");
    r4_set_after(doc, n, "resourceType", "id", r4_new_string(doc, "7", 1));
    r4_set(doc, n, "active", r4_new(doc, R4_FALSE));
    assert_true(r4_unset(n, "y") == false && r4_remove(r4_get(n, "x"), 1));
    assert_true(r4_insert(r4_get(n, "x"), 2, r4_new_number(doc, -4)));
    assert_false(r4_insert(r4_get(n, "x"), 9, r4_new_number(doc, 1)));
    struct r4_buf b = {0};
    r4_json_write(&b, n);
    assert_string_equal(b.p, "{\"resourceType\":\"Patient\",\"id\":\"7\",\"active\":false,\"x\":[1,3,-4]}");
    r4_buf_clear(&b);
    assert_true(r4_equal(n, r4_copy(doc, n)));
    assert_false(r4_equal(parse("{\"a\":1.0}"), parse("{\"a\":1}")));
    assert_true(r4_equal(parse("{\"a\":1,\"b\":[]}"), parse("{\"b\":[],\"a\":1}")));
}

/* ---- primitives ---- */

static void primitives(void **state)
{
    static const char *const right[][2] = {
        {"boolean", "true"}, {"integer", "-5"}, {"integer", "2147483647"}, {"decimal", "1.0"}, {"decimal", "-1e-3"}, {"date", "\"3000\""}, {"date", "\"1800-02\""},
        {"date", "\"2024-02-29\""}, {"dateTime", "\"1970-01-01T12:00:00.123Z\""}, {"dateTime", "\"2026-11-28T08:00:00+08:00\""}, {"dateTime", "\"2026\""},
        {"instant", "\"1970-01-01T12:00:00Z\""}, {"time", "\"10:00:00\""}, {"code", "\"a b\""}, {"id", "\"A-1.b\""}, {"oid", "\"urn:oid:1.2.3\""},
        {"uuid", "\"urn:uuid:c757873d-ec9a-4326-a141-556f43239520\""}, {"uri", "\"urn:x\""}, {"canonical", "\"http://a|0.8\""}, {"positiveInt", "1"},
        {"unsignedInt", "0"}, {"string", "\"foo\\tbar\\rbaz\\nqux\""}, {"base64Binary", "\"aGVs bG8=\""}, {"markdown", "\"*a*\""}, {"string", "null"},
        {"xhtml", "\"<div>text</div>\""}};
    static const char *const wrong[][2] = {
        {"boolean", "\"true\""}, {"boolean", "0"}, {"integer", "1.0"}, {"integer", "1e2"}, {"integer", "2147483648"}, {"integer", "-0"}, {"decimal", "\"1\""},
        {"date", "\"2023-02-29\""}, {"date", "\"2026-13\""}, {"date", "\"0000\""}, {"date", "1"}, {"date", "\"2026-1-1\""}, {"dateTime", "\"1970-01-01T12:00:00.123\""},
        {"dateTime", "\"1970-01-01T12:00Z\""}, {"dateTime", "\"2014-10-09T14:58:00\""}, {"dateTime", "\"2014-10-09T24:00:00Z\""},
        {"dateTime", "\"2014-10-09T10:00:00+15:00\""}, {"dateTime", "\"2014-10-09T10:00:00+14:01\""}, {"instant", "\"3000\""}, {"time", "\"10:00\""}, {"time", "\"25:00:00\""}, {"code", "\" a\""}, {"code", "\"a \""},
        {"code", "\"a  b\""}, {"code", "\"\""}, {"id", "\"a_b\""}, {"id", "\"0123456789012345678901234567890123456789012345678901234567890123x\""},
        {"oid", "\"1.2.3\""}, {"oid", "\"urn:oid:1.02\""}, {"uuid", "\"87e11d66-c137-458a-9754-fe6c4e445a6d\""}, {"uri", "\"a b\""}, {"url", "\" \""}, {"url", "true"},
        {"canonical", "1"}, {"positiveInt", "0"}, {"unsignedInt", "-1"}, {"string", "\"\""}, {"string", "\"a\\u0001\""}, {"base64Binary", "\"a&b=\""},
        {"base64Binary", "\"abc\""}, {"xhtml", "null"}, {"xhtml", "\"<div><script>x</script></div>\""}, {"xhtml", "\"<div onclick='x'>a</div>\""},
        {"xhtml", "\"<p>a</p>\""}, {"xhtml", "\"<div>a<b></div>\""}, {"nothing", "1"}};
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        if (r4_primitive_wrong(right[i][0], parse(right[i][1])))
            fail_msg("%s %s: %s", right[i][0], right[i][1], r4_primitive_wrong(right[i][0], parse(right[i][1])));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!r4_primitive_wrong(wrong[i][0], parse(wrong[i][1])))
            fail_msg("%s %s was taken", wrong[i][0], wrong[i][1]);
}

/* ---- validation ---- */

static void check(const char *text)
{
    r4_doc_reset(doc);
    r4_validate(r4, doc, parse(text), NULL, 0, &issues);
}

static void examples_are_valid(void **state)
{
    assert_true(n_fixtures >= 9);
    for (size_t i = 0; i < n_fixtures; i++) {
        check(fixtures[i]);
        if (issues.n_errors)
            fail_msg("%.60s: %s %s: %s", fixtures[i], issues.list[0].code, issues.list[0].expression, issues.list[0].details);
        struct r4_buf b = {0};
        r4_json_write(&b, parse(fixtures[i]));
        assert_string_equal(b.p, fixtures[i]);
        r4_buf_clear(&b);
    }
}

static bool reported(const char *code, const char *expression)
{
    for (size_t i = 0; i < issues.n; i++)
        if (strcmp(issues.list[i].code, code) == 0 && strcmp(issues.list[i].expression, expression) == 0)
            return true;
    return false;
}

static void faults_are_located(void **state)
{
    static const char *const cases[][3] = {
        {"{\"resourceType\":\"Patient\",\"gendr\":\"male\"}", "structure", "Patient.gendr"},
        {"{\"resourceType\":\"Patient\",\"gender\":\"masculine\"}", "code-invalid", "Patient.gender"},
        {"{\"resourceType\":\"Patient\",\"gender\":\"male\",\"gender\":\"female\"}", "duplicate", "Patient.gender"},
        {"{\"resourceType\":\"Patient\",\"name\":{\"family\":\"x\"}}", "structure", "Patient.name"},
        {"{\"resourceType\":\"Patient\",\"active\":[true]}", "structure", "Patient.active"},
        {"{\"resourceType\":\"Patient\",\"name\":[{\"given\":[\"a\",null]}]}", "structure", "Patient.name[0].given[1]"},
        {"{\"resourceType\":\"Patient\",\"name\":[{\"given\":[]}]}", "structure", "Patient.name[0].given"},
        {"{\"resourceType\":\"Patient\",\"name\":[{}]}", "structure", "Patient.name[0]"},
        {"{\"resourceType\":\"Patient\",\"birthDate\":\"1990-02-30\"}", "value", "Patient.birthDate"},
        {"{\"resourceType\":\"Patient\",\"birthDate\":null}", "structure", "Patient.birthDate"},
        {"{\"resourceType\":\"Patient\",\"_birthDate\":{\"extension\":[{\"url\":\"u\"}]}}", "invariant", "Patient.birthDate.extension[0]"},
        {"{\"resourceType\":\"Patient\",\"_name\":[{\"id\":\"x\"}]}", "structure", "Patient._name"},
        {"{\"resourceType\":\"Patient\",\"deceasedBoolean\":true,\"deceasedDateTime\":\"2020\"}", "structure", "Patient.deceased"},
        {"{\"resourceType\":\"Patient\",\"deceasedString\":\"x\"}", "structure", "Patient.deceasedString"},
        {"{\"resourceType\":\"Patient\",\"id\":\"a b\"}", "value", "Patient.id"},
        {"{\"resourceType\":\"Patient\",\"contact\":[{\"gender\":\"male\"}]}", "invariant", "Patient.contact[0]"},
        {"{\"resourceType\":\"Patient\",\"link\":[{\"other\":{\"reference\":\"Patient/1\"}}]}", "required", "Patient.link[0].type"},
        {"{\"resourceType\":\"Patient\",\"managingOrganization\":{\"reference\":\"Clinic/1\"}}", "value", "Patient.managingOrganization"},
        {"{\"resourceType\":\"Patient\",\"managingOrganization\":{\"reference\":\"#o\"}}", "not-found", "Patient.managingOrganization"},
        {"{\"resourceType\":\"Patient\",\"extension\":[{\"url\":\"u\",\"valueString\":\"a\",\"extension\":[{\"url\":\"v\",\"valueString\":\"b\"}]}]}", "invariant",
         "Patient.extension[0]"},
        {"{\"resourceType\":\"Patient\",\"contained\":[{\"resourceType\":\"Organization\",\"id\":\"o\",\"name\":\"x\"}]}", "invariant", "Patient.contained[0]"},
        {"{\"resourceType\":\"Observation\",\"code\":{\"text\":\"x\"}}", "required", "Observation.status"},
        {"{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"valueQuantity\":{\"value\":\"1\"}}", "value",
         "Observation.value.ofType(Quantity).value"},
        {"{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"valueString\":\"1\",\"dataAbsentReason\":{\"text\":\"y\"}}", "invariant",
         "Observation"},
        {"{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"effectivePeriod\":{\"start\":\"2026-02\",\"end\":\"2026-01\"}}", "invariant",
         "Observation.effective.ofType(Period)"},
        {"{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"code\":\"a\"}]},\"valueInteger\":1,\"component\":[{\"code\":{\"coding\":[{\"code\":"
         "\"a\"}]}}]}", "invariant", "Observation"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\",\"x\":1}}]}", "structure",
         "Bundle.entry[0].resource.x"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\"}}]}", "invariant", "Bundle"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"total\":1}", "invariant", "Bundle"},
        {"{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{\"resource\":{\"id\":\"x\"}}]}", "required", "Bundle.entry[0].resource"},
        {"{\"resourceType\":\"Condition\",\"subject\":{\"display\":\"x\"},\"clinicalStatus\":{\"coding\":[{\"system\":\"http://x\",\"code\":\"active\"}]}}", "code-invalid",
         "Condition.clinicalStatus"},
        {"{\"resourceType\":\"Patient\",\"resourceType\":\"Patient\"}", "duplicate", "Patient"},
        {"{\"resourceType\":\"Pacient\"}", "not-supported", "Resource"},
        {"{\"id\":\"x\"}", "required", "Resource"},
        {"[]", "structure", "Resource"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check(cases[i][0]);
        if (!reported(cases[i][1], cases[i][2]))
            fail_msg("%s: expected %s at %s, have %s at %s: %s", cases[i][0], cases[i][1], cases[i][2], issues.n ? issues.list[0].code : "nothing",
                     issues.n ? issues.list[0].expression : "", issues.n ? issues.list[0].details : "");
        assert_true(issues.n_errors > 0);
    }
}

static void an_outcome_is_valid(void **state)
{
    check("{\"resourceType\":\"Patient\",\"gendr\":\"male\",\"birthDate\":\"x\"}");
    struct r4_node *o = r4_outcome(doc, &issues);
    assert_int_equal(r4_get(o, "issue")->len, 2);
    struct r4_issues own;
    assert_int_equal(r4_validate(r4, doc, o, NULL, 0, &own), 0);
    issues.n = 0;
    assert_int_equal(r4_validate(r4, doc, r4_outcome(doc, &issues), NULL, 0, &own), 0);
}

/* ---- random faults ---- */

static uint64_t seed = 20261128;

static uint32_t dice(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

struct place { /* a node and how one gets there */
    struct r4_node *node;
    char path[340];
};

static struct place places[2000];
static size_t n_places;

/* Nodes whose rules are those of the definitions: narrative and extensions' values included, the root not. */
static void collect(struct r4_node *node, const char *path)
{
    for (struct r4_node *m = node->child; m; m = m->next) {
        char here[320];
        if (m->key_len == 12 && memcmp(m->key, "resourceType", 12) == 0)
            continue;
        bool companion = m->key[0] == '_';
        snprintf(here, sizeof here, "%.200s.%.*s", path, (int)m->key_len - companion, m->key + companion);
        if (m->kind != R4_ARRAY) {
            places[n_places] = (struct place){.node = m};
            snprintf(places[n_places++].path, sizeof places->path, "%s", here);
            if (m->kind == R4_OBJECT)
                collect(m, here);
            continue;
        }
        long i = 0;
        for (struct r4_node *one = m->child; one; one = one->next, i++) {
            char item[340];
            snprintf(item, sizeof item, "%.290s[%ld]", here, i);
            places[n_places] = (struct place){.node = one};
            snprintf(places[n_places++].path, sizeof places->path, "%s", item);
            if (one->kind == R4_OBJECT)
                collect(one, item);
        }
    }
}

/* value.ofType(Quantity) as JSON says it: valueQuantity */
static void as_json(const char *expression, char *out)
{
    while (*expression) {
        if (strncmp(expression, ".ofType(", 8) == 0) {
            expression += 8;
            *out++ = (char)(*expression >= 'a' && *expression <= 'z' ? *expression - 32 : *expression);
            expression++;
            while (*expression && *expression != ')')
                *out++ = *expression++;
            expression += *expression == ')';
        } else {
            *out++ = *expression++;
        }
    }
    *out = 0;
}

static bool found_at(const char *path)
{
    for (size_t i = 0; i < issues.n; i++) {
        char have[600];
        as_json(issues.list[i].expression, have);
        if (strncmp(have, path, strlen(path)) == 0)
            return true;
    }
    return false;
}

/* Breaks one place so that it is wrong whatever it was. Returns the expected place. */
static void break_it(struct place *p, char *expect)
{
    struct r4_node *n = p->node;
    snprintf(expect, 400, "%s", p->path);
    switch (dice(n->kind == R4_OBJECT ? 3 : 2)) {
    case 0: /* another kind of value */
        if (n->kind == R4_OBJECT) {
            n->kind = R4_NUMBER;
            n->text = "17";
            n->len = 2;
        } else {
            n->kind = R4_OBJECT;
            n->child = NULL;
            n->len = 0;
        }
        break;
    case 1: /* a value that no type has */
        n->kind = R4_STRING;
        n->text = "";
        n->len = 0;
        break;
    default:
        r4_set_string(doc, n, "zzNew", "x");
        snprintf(expect, 400, "%.390s.zzNew", p->path);
    }
}

static void random_faults_are_found_in_place(void **state)
{
    for (int round = 0; round < 4000; round++) {
        r4_doc_reset(doc);
        char *text = fixtures[dice((uint32_t)n_fixtures)];
        struct r4_node *root = parse(text);
        n_places = 0;
        struct r4_str type = r4_text(r4_get(root, "resourceType"));
        char base[64], expect[420];
        snprintf(base, sizeof base, "%.*s", (int)type.n, type.p);
        collect(root, base);
        struct place *p = &places[dice((uint32_t)n_places)];
        if (p->node->kind == R4_NULL)
            continue;
        break_it(p, expect);
        r4_validate(r4, doc, root, NULL, 0, &issues);
        /* the narrative may be empty by itself: its text is judged by txt-2, a warning */
        if (strstr(p->path, "text.div"))
            continue;
        if (!issues.n_errors || !found_at(expect)) {
            struct r4_buf b = {0};
            r4_json_write(&b, root);
            fail_msg("expected a fault at %s, have %s: %s in\n%s", expect, issues.n ? issues.list[0].expression : "none", issues.n ? issues.list[0].details : "", b.p);
        }
    }
}

/* Whatever is left out, the rest is judged without a crash, and what must be there is missed. */
static void what_must_be_there_is_missed(void **state)
{
    static const char *const must[][3] = {{"o1", "status", "Observation.status"}, {"o1", "code", "Observation.code"}, {"m1", "intent", "MedicationRequest.intent"},
                                          {"m1", "subject", "MedicationRequest.subject"}, {"m1", "medicationReference", "MedicationRequest.medication"},
                                          {"b1", "type", "Bundle.type"}, {"t1", "intent", "Task.intent"}, {"c1", "content", "CodeSystem.content"},
                                          {"k1", "subject", "Condition.subject"}, {"q1", "status", "Questionnaire.status"}};
    for (size_t i = 0; i < sizeof must / sizeof *must; i++)
        for (size_t k = 0; k < n_fixtures; k++) {
            r4_doc_reset(doc);
            struct r4_node *root = parse(fixtures[k]);
            if (!r4_is(r4_get(root, "id"), must[i][0]))
                continue;
            assert_true(r4_unset(root, must[i][1]));
            assert_true(r4_validate(r4, doc, root, NULL, 0, &issues) > 0);
            assert_true(reported("required", must[i][2]));
        }
}

/* ---- definitions ---- */

static void definitions(void **state)
{
    const struct r4_type *const *list;
    assert_int_equal(r4_resources(r4, &list), 146);
    assert_null(r4_resource(r4, "DomainResource", 14));
    assert_null(r4_resource(r4, "HumanName", 9));
    const struct r4_type *patient = r4_resource(r4, "Patient", 7);
    assert_true(r4_in_summary(r4, patient, "birthDate", 9) && !r4_in_summary(r4, patient, "contact", 7));
    assert_true(r4_is_mandatory(r4, r4_resource(r4, "Observation", 11), "status", 6));
    const struct r4_param *const *params;
    size_t n = r4_compartment(r4, "Patient", r4_resource(r4, "Observation", 11), &params);
    assert_int_equal(n, 2);
    assert_string_equal(params[0]->code, "subject");
    assert_int_equal(r4_compartment(r4, "Patient", r4_resource(r4, "Organization", 12), &params), 0);
}

/* Every published expression compiles (r4_open would fail otherwise); every type has its parameters and the common ones. */
static void every_parameter_is_there(void **state)
{
    const struct r4_type *const *types;
    size_t n_types = r4_resources(r4, &types), with_expression = 0;
    for (size_t i = 0; i < n_types; i++) {
        const struct r4_param *const *list;
        size_t n = r4_params(r4, types[i], &list);
        for (size_t k = 0; k < n; k++) {
            assert_ptr_equal(r4_param_find(r4, types[i], list[k]->code, strlen(list[k]->code)), list[k]);
            struct r4_path *path;
            if (!list[k]->expression)
                continue;
            with_expression++;
            assert_int_equal(r4_path_compile(r4, list[k]->expression, &path, NULL), 0);
            r4_path_free(path);
        }
        assert_non_null(r4_param_find(r4, types[i], "_lastUpdated", 12));
        assert_non_null(r4_param_find(r4, types[i], "_id", 3));
    }
    assert_true(with_expression > 2000);
}

static void text_is_folded(void **state)
{
    static const char *const cases[][2] = {{"  Straße\tÉtÉ ", "strasse ete"}, {"O'Brien-Smith", "obriensmith"}, {"ＡＢ１", "ab1"}, {"阿依古丽·买买提", "阿依古丽买买提"},
                                           {"Łódź", "lodz"}, {"ΑΒΓ ЖЗ", "αβγ жз"}, {"", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[100];
        r4_fold(cases[i][0], strlen(cases[i][0]), out, sizeof out);
        assert_string_equal(out, cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_keeps_what_was_written),
        cmocka_unit_test(json_refuses),
        cmocka_unit_test(json_is_edited),
        cmocka_unit_test(primitives),
        cmocka_unit_test(examples_are_valid),
        cmocka_unit_test(faults_are_located),
        cmocka_unit_test(an_outcome_is_valid),
        cmocka_unit_test(random_faults_are_found_in_place),
        cmocka_unit_test(what_must_be_there_is_missed),
        cmocka_unit_test(definitions),
        cmocka_unit_test(every_parameter_is_there),
        cmocka_unit_test(text_is_folded),
    };
    return cmocka_run_group_tests(tests, r4_fixture_open, r4_fixture_close);
}
