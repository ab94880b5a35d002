/* The model of FHIR R4: JSON, primitives, validation (with thousands of random faults), index values, queries, FHIRPath. */
#include "records/r4/fhirpath.h"
#include "records/r4/patch.h"
#include "records/r4/search.h"
#include "records/r4/validate.h"
#include "records/term/pinyin.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct r4 *r4;
static struct pinyin *pinyin;
static struct r4_doc *doc;
static struct r4_issues issues;
static char *fixtures[32];
static size_t n_fixtures;

static int setup(void **state)
{
    struct fault f;
    fault_clear(&f);
    if (r4_open(&r4, YL_SOURCE_DIR "/config/data", &f)) {
        print_error("%s\n", f.text);
        return -1;
    }
    if (pinyin_open(&pinyin, YL_SOURCE_DIR "/config/data") || !(doc = r4_doc_new()))
        return -1;
    FILE *in = fopen(YL_SOURCE_DIR "/tests/unit/r4/resources.ndjson", "r");
    char *line = NULL;
    size_t cap = 0;
    while (in && getline(&line, &cap, in) > 0) {
        line[strcspn(line, "\n")] = 0;
        fixtures[n_fixtures++] = strdup(line);
    }
    free(line);
    return in ? fclose(in) : -1;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < n_fixtures; i++)
        free(fixtures[i]);
    r4_doc_free(doc);
    pinyin_close(pinyin);
    r4_close(r4);
    return 0;
}

static struct r4_node *parse(const char *text)
{
    struct r4_node *root;
    struct r4_json_error e;
    if (r4_json_parse(doc, text, strlen(text), &root, &e)) {
        print_error("%s at line %u column %u of %s\n", e.reason, e.line, e.column, text);
        fail();
    }
    return root;
}

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
        {"dateTime", "\"2014-10-09T10:00:00+15:00\""}, {"instant", "\"3000\""}, {"time", "\"10:00\""}, {"time", "\"25:00:00\""}, {"code", "\" a\""}, {"code", "\"a \""},
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

/* ---- index values ---- */

static struct r4_buf yielded;

static void put(const char *name, struct r4_str s)
{
    if (s.p)
        r4_buf_printf(&yielded, "%s%.*s", name, (int)s.n, s.p);
}

static void put_value(const struct r4_value *v)
{
    if (v->type == R4_P_DATE)
        r4_buf_printf(&yielded, "[%lld,%lld)", (long long)v->low_ms, (long long)v->high_ms);
    if (v->type == R4_P_QUANTITY)
        r4_buf_printf(&yielded, "%g<%g<%g", v->low, v->number, v->high);
    if (v->type != R4_P_QUANTITY) /* there it is the literal */
        put("", v->folded.p ? v->folded : v->string);
    put("~", v->initials);
    put("s=", v->system);
    put("|", v->code);
    put("#", v->text);
    put("@", v->ref_type);
    put("/", v->ref_id);
    put("/v", v->ref_version);
    put("url=", v->url);
    for (size_t i = 0; i < v->n_components; i++) {
        r4_buf_puts(&yielded, "$");
        put_value(&v->components[i]);
    }
}

static void emit(void *ctx, const struct r4_value *v)
{
    if (ctx && strcmp(ctx, v->param->code) != 0)
        return;
    if (yielded.n)
        r4_buf_puts(&yielded, "; ");
    put_value(v);
}

static const char *yield(const char *id, const char *param)
{
    yielded.n = 0;
    r4_buf_puts(&yielded, "");
    for (size_t k = 0; k < n_fixtures; k++) {
        struct r4_node *root = parse(fixtures[k]);
        struct r4_extract x = {r4, pinyin, "http://here/fhir", emit, (void *)(uintptr_t)param};
        if (r4_is(r4_get(root, "id"), id))
            assert_int_equal(r4_extract(&x, doc, root), 0);
    }
    return yielded.p;
}

static void index_values(void **state)
{
    r4_doc_reset(doc);
    assert_string_equal(yield("p1", "gender"), "s=http://hl7.org/fhir/administrative-gender|male");
    assert_string_equal(yield("p1", "identifier"), "s=urn:oid:2.16.156.112605|110101199003074258; "
                                                   "110101199003074258s=http://terminology.hl7.org/CodeSystem/v2-0203|NI");
    assert_string_equal(yield("p1", "family"), "张~z; mullerobrien");
    assert_string_equal(yield("p1", "name"), "张三~zs; 张~z; 三~s; mullerobrien; jose");
    assert_string_equal(yield("p1", "birthdate"), "[636739200000,636825600000)"); /* the day in China */
    assert_string_equal(yield("p1", "organization"), "@Organization/o1");
    assert_string_equal(yield("p1", "deceased"), "|false");
    assert_string_equal(yield("p1", "phone"), "|13800000000");
    assert_string_equal(yield("p1", "_id"), "|p1");
    assert_string_equal(yield("p1", "_lastUpdated"), "[1795826520000,1795826520001)");
    assert_string_equal(yield("p1", "_tag"), "s=urn:yilian:tag|demo");
    assert_string_equal(yield("o1", "code"), "s=http://loinc.org|15074-8#Glucose; #血糖");
    assert_string_equal(yield("o1", "value-quantity"), "6.295<6.3<6.305s=http://unitsofmeasure.org|mmol/L#mmol/l");
    assert_string_equal(yield("o1", "code-value-quantity"), "$s=http://loinc.org|15074-8#Glucose$6.295<6.3<6.305s=http://unitsofmeasure.org|mmol/L#mmol/l; "
                                                            "$#血糖$6.295<6.3<6.305s=http://unitsofmeasure.org|mmol/L#mmol/l");
    assert_string_equal(yield("o1", "patient"), "@Patient/p1");
    assert_string_equal(yield("bp", "date"), "[1795795200000,1795968000000)");
    assert_string_equal(yield("bp", "component-code-value-quantity"),
                        "$s=http://loinc.org|8480-6$106.5<107<107.5s=http://unitsofmeasure.org|mm[Hg]#mmHg; "
                        "$s=http://loinc.org|8462-4$59.5<60<60.5s=http://unitsofmeasure.org|mm[Hg]#mmHg");
    assert_string_equal(yield("m1", "encounter"), "@Encounter/e1/v2");
    assert_string_equal(yield("m1", "medication"), ""); /* contained */
    assert_string_equal(yield("t1", "patient"), "s=urn:oid:2.16.156.112605|110101199003074258@Patient/p1");
    assert_string_equal(yield("t1", "period"), "[1795824000000,9223372036854775807)");
    assert_string_equal(yield("q1", "url"), "http://example.org/q");
    assert_string_equal(yield("c1", "code"), "|a");
    assert_string_equal(yield("k1", "onset-age"), "35.5<36<36.5s=http://unitsofmeasure.org|a#a");
    r4_buf_clear(&yielded);
}

static void count_reference(void *ctx, struct r4_node *reference)
{
    (*(size_t *)ctx)++;
    assert_int_equal(reference->kind, R4_STRING);
}

static void references_are_found_anywhere(void **state)
{
    r4_doc_reset(doc);
    size_t n = 0;
    r4_references(r4, parse(fixtures[4]), count_reference, &n);
    assert_int_equal(n, 1);
    r4_references(r4, parse(fixtures[3]), count_reference, &n);
    assert_int_equal(n, 4);
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

/* ---- queries ---- */

static struct r4_query query;
static struct fault fault;

static int ask(const char *type, const char *text)
{
    static struct r4_pair pairs[32];
    size_t n;
    fault_clear(&fault);
    assert_int_equal(r4_query_split(doc, text, strlen(text), pairs, 32, &n), 0);
    return r4_query_parse(r4, doc, r4_resource(r4, type, strlen(type)), pairs, n, &query, &fault);
}

static void queries_are_read(void **state)
{
    r4_doc_reset(doc);
    assert_int_equal(ask("Patient", "name=%E5%BC%A0,Li&birthdate=ge1990-01&_sort=-birthdate,_id&_count=20&gender:not=male&_total=accurate&x=1"), 0);
    assert_int_equal(query.count, 20);
    assert_int_equal(query.n_sorts, 2);
    assert_true(query.sorts[0].descending && query.total == R4_TOTAL_ACCURATE);
    assert_int_equal(query.n_unknown, 1);
    const struct r4_term *t = query.terms;
    assert_int_equal(t->n_operands, 2);
    assert_true(r4_str_is(t->operands[1].v.folded, "li"));
    t = t->next;
    assert_int_equal(t->operands[0].prefix, R4_GE);
    assert_int_equal(t->next->modifier, R4_M_NOT);

    assert_int_equal(ask("Observation", "subject:Patient.name=x&patient.organization.name=y&code-value-quantity=http://loinc.org|1$gt5.4||mg&combo-code=a\\,b"), 0);
    t = query.terms;
    assert_string_equal(t->chain->base->name, "Patient");
    assert_null(t->chain->next_target);
    t = t->next;
    assert_string_equal(t->chain->chain->param->code, "name");
    t = t->next;
    assert_int_equal(t->operands[0].v.n_components, 2);
    assert_int_equal(t->operands[0].parts[1].prefix, R4_GT);
    assert_true(r4_str_is(t->operands[0].parts[1].v.code, "mg"));
    assert_true(r4_str_is(t->next->operands[0].v.code, "a,b"));

    assert_int_equal(ask("Patient", "_has:Observation:patient:_has:AuditEvent:entity:agent=Practitioner/1"), 0);
    assert_true(query.terms->reverse && query.terms->chain->reverse);
    assert_string_equal(query.terms->chain->chain->param->code, "agent");
    assert_int_equal(ask("Observation", "_include=Observation:patient&_include:iterate=Patient:organization&_revinclude=Provenance:target:Observation"), 0);
    assert_true(query.includes->next->iterate && query.includes->next->next->reverse);
    assert_int_equal(ask("Observation", "subject.name=x"), 0); /* Patient, Group has none by that name, Device by device-name only */
    assert_non_null(query.terms->chain);
    assert_int_equal(ask("Patient", "identifier:of-type=http://t|NI|12"), 0);
    assert_true(r4_str_is(query.terms->operands[0].v.string, "12"));
    assert_int_equal(ask("Patient", "_lastUpdated=gt2026-11-28T08:00:00+08:00"), 0);
}

static void wrong_queries_name_the_parameter(void **state)
{
    static const char *const wrong[][2] = {{"birthdate=yesterday", "birthdate"}, {"name:above=x", "name:above"}, {"general-practitioner:Clinic=1", "general-practitioner:Clinic"},
                                           {"name.family=x", "name.family"}, {"organization.nonsense=x", "organization.nonsense"}, {"_sort=nonsense", "_sort"},
                                           {"_count=-1", "_count"}, {"_has:Observation:nonsense:code=1", "_has:Observation:nonsense:code"}, {"_has:X:y:z=1", "_has:X:y:z"},
                                           {"_include=Patient:nonsense", "_include"}, {"gender:missing=maybe", "gender:missing"}, {"_summary=some", "_summary"},
                                           {"gender=a,,b", "gender"}, {"_total=all", "_total"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (ask("Patient", wrong[i][0]) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i][0]);
        assert_int_equal(fault.n_fields, 1);
        assert_string_equal(fault.fields[0].path, wrong[i][1]);
    }
    struct r4_pair pairs[2];
    size_t n;
    assert_int_equal(r4_query_split(doc, "a=%zz", 5, pairs, 2, &n), ERR_INVALID);
    assert_int_equal(r4_query_split(doc, "a=%e", 4, pairs, 2, &n), ERR_INVALID);
    assert_int_equal(r4_query_split(doc, "a=1&b=2&c=3", 11, pairs, 2, &n), ERR_INVALID);
}

static bool matched;

static void try_match(void *ctx, const struct r4_value *v)
{
    const struct r4_term *t = ctx;
    for (size_t i = 0; i < t->n_operands; i++)
        if (v->param == t->param && r4_value_matches(t, &t->operands[i], v))
            matched = true;
}

static bool matches(const char *id, const char *type, const char *text)
{
    if (ask(type, text))
        fail_msg("%s: %s", text, fault.text);
    matched = false;
    struct r4_extract x = {r4, pinyin, NULL, try_match, (void *)(uintptr_t)query.terms};
    for (size_t k = 0; k < n_fixtures; k++) {
        struct r4_node *root = parse(fixtures[k]);
        if (r4_is(r4_get(root, "id"), id))
            assert_int_equal(r4_extract(&x, doc, root), 0);
    }
    return matched;
}

static void values_meet_queries(void **state)
{
    static const char *const yes[][3] = {
        {"p1", "Patient", "name=%E5%BC%A0"}, {"p1", "Patient", "name=zs"}, {"p1", "Patient", "family=MULLER"}, {"p1", "Patient", "name:contains=brien"},
        {"p1", "Patient", "name:exact=%E5%BC%A0%E4%B8%89"}, {"p1", "Patient", "birthdate=1990"}, {"p1", "Patient", "birthdate=lt1990-04"},
        {"p1", "Patient", "birthdate=ge1990-03-07"}, {"p1", "Patient", "gender=male"}, {"p1", "Patient", "gender=http://hl7.org/fhir/administrative-gender|male"},
        {"p1", "Patient", "identifier=urn:oid:2.16.156.112605|"}, {"p1", "Patient", "identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|NI|110101199003074258"},
        {"p1", "Patient", "organization=Organization/o1"}, {"p1", "Patient", "organization=o1"}, {"o1", "Observation", "value-quantity=6.3"},
        {"o1", "Observation", "value-quantity=gt6.2||mmol/l"}, {"o1", "Observation", "value-quantity=ap6|http://unitsofmeasure.org|mmol/L"},
        {"o1", "Observation", "code:text=gluc"}, {"o1", "Observation", "code-value-quantity=15074-8$gt6"}, {"bp", "Observation", "date=2026-11"},
        {"bp", "Observation", "date=sa2026-11-27"}, {"q1", "Questionnaire", "url:below=http://example.org"}, {"q1", "Questionnaire", "url:above=http://example.org/q/1"},
        {"t1", "Task", "patient:identifier=urn:oid:2.16.156.112605|110101199003074258"}};
    static const char *const no[][3] = {
        {"p1", "Patient", "name=%E4%B8%89%E5%BC%A0"}, {"p1", "Patient", "family:exact=muller"}, {"p1", "Patient", "birthdate=1990-03-08"}, {"p1", "Patient", "birthdate=gt1990-03-07"},
        {"p1", "Patient", "gender=|male"}, {"p1", "Patient", "organization=Patient/o1"}, {"o1", "Observation", "value-quantity=6.2"},
        {"o1", "Observation", "value-quantity=6.3||mg"}, {"o1", "Observation", "code-value-quantity=15074-8$lt6"}, {"bp", "Observation", "date=eb2026-11-28"},
        {"q1", "Questionnaire", "url:below=http://example.or"}, {"p1", "Patient", "identifier=NI"}};
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!matches(yes[i][0], yes[i][1], yes[i][2]))
            fail_msg("%s does not meet %s", yes[i][0], yes[i][2]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (matches(no[i][0], no[i][1], no[i][2]))
            fail_msg("%s meets %s", no[i][0], no[i][2]);
}

static void dates_are_intervals(void **state)
{
    int64_t low, high;
    assert_true(r4_date_interval("2024-02", 7, 0, &low, &high));
    assert_int_equal((high - low) / 86400000, 29);
    assert_true(r4_date_interval("1969-12-31T23:59:59.9Z", 22, 480, &low, &high));
    assert_int_equal(low, -100);
    assert_int_equal(high, 0);
    assert_false(r4_date_interval("2024-02-30", 10, 0, &low, &high));
    char text[R4_INSTANT_BYTES];
    r4_instant(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

/* ---- FHIRPath ---- */

static const char *run(const char *expression)
{
    struct r4_path *path;
    fault_clear(&fault);
    yielded.n = 0;
    r4_buf_puts(&yielded, "");
    if (r4_path_compile(r4, expression, &path, &fault))
        return "syntax";
    struct r4_items out = {0};
    struct r4_eval e = {.r4 = r4, .doc = doc, .now_ms = 1795826520000};
    int rc = r4_path_run(path, &e, parse(fixtures[0]), NULL, &out, &fault);
    for (size_t i = 0; !rc && i < out.n; i++) {
        const struct r4_item *v = &out.list[i];
        struct r4_str text = v->kind == R4_I_NODE ? r4_text(v->node) : v->text;
        if (i)
            r4_buf_puts(&yielded, ",");
        if (v->kind == R4_I_BOOLEAN || (v->node && !text.p))
            r4_buf_puts(&yielded, v->kind != R4_I_BOOLEAN ? "node" : v->boolean ? "true" : "false");
        else
            r4_buf_put(&yielded, text.p, text.n);
    }
    r4_path_free(path);
    return rc ? "error" : yielded.p;
}

/* Found by the fuzzer: `_code` must be an object; a text there was walked as one. */
static void a_companion_that_is_no_object_has_no_children(void **state)
{
    (void)state;
    r4_doc_reset(doc);
    struct r4_node *root = parse("{\"resourceType\":\"CodeSystem\",\"status\":\"draft\",\"content\":\"complete\",\"concept\":[{\"_code\":\"b\"}]}");
    assert_true(r4_validate(r4, doc, root, NULL, R4_WARNINGS, &issues) > 0);
}

static void fhirpath(void **state)
{
    static const char *const cases[][2] = {
        {"Patient.name.given", "三,José,"}, {"name.where(use = 'official').family", "张"}, {"name.given.first() & 'x'", "三x"}, {"Observation.name", ""},
        {"deceased is boolean", "true"}, {"birthDate < @2000-01-01", "true"}, {"birthDate.extension.value", "1990-03-07T14:35:45+08:00"},
        {"name.count() + 2 * 3", "8"}, {"name.exists() and active.not()", "false"}, {"(1 | 2 | 1).count()", "2"}, {"'abc'.substring(1, 1)", "b"},
        {"name.select(family.length())", "1,14"}, {"iif(active, 'y', 'n')", "y"}, {"'2.50'.toDecimal() = 2.5", "true"}, {"7 div 2", "3"}, {"7 mod 2", "1"},
        {"0.1 + 0.2 = 0.3", "true"}, {"@2026-01-31 + 1 month", "2026-02-28"}, {"today() = @2026-11-28", "true"}, {"managingOrganization.resolve() is Organization", "true"},
        {"name.given.all($this.length() > 0)", "false"}, {"{}", ""}, {"name.family = 'x'", "false"}, {"1 'kg' = 1000 'g'", "true"}, {"name[1].use", "usual"},
        {"descendants().where($this is code).count()", "12"}, {"(1).combine(2).aggregate($this + $total, 0)", "3"}, {"2 +", "syntax"}, {"nofun()", "syntax"}, {"name + 1", "error"},
        {"'a,b'.split(',').join('-')", "a-b"}, {"identifier.type.coding.code contains 'NI'", "true"}, {"'x' in ('x' | 'y')", "true"}, {"gender.matches('^[a-z]+$')", "true"},
        {"extension('http://hl7.org/fhir/StructureDefinition/patient-nationality').extension.url", "code"}, {"@2015 = @2015-02", ""}, {"name.select(given | family).count()", "5"}, {"1.587.lowBoundary(2)", "1.58"},
        {"@2014-02.highBoundary(8)", "2014-02-28"}, {"('c' | 'a' | 'b').sort().first()", "a"}, {"(1 | 3 | 2).sort(-$this).first()", "3"}, {"active is Strng", "syntax"},
        {"name.select($index)", "0,1"}, {"@T10:30.precision()", "4"}, {"-1.abs()", "-1"}};
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(run(cases[i][0]), cases[i][1]) != 0)
            fail_msg("%s gives '%s', not '%s' (%s)", cases[i][0], run(cases[i][0]), cases[i][1], fault.text);
    r4_buf_clear(&yielded);
}

/* ---- FHIRPath Patch ---- */

#define OP(type, more) "{\"name\":\"operation\",\"part\":[{\"name\":\"type\",\"valueCode\":\"" type "\"}" more "]}"
#define PATH(p) ",{\"name\":\"path\",\"valueString\":\"" p "\"}"

static void patches(void **state)
{
    static const char before[] = "{\"resourceType\":\"Patient\",\"active\":true,\"name\":[{\"family\":\"a\",\"given\":[\"x\",\"y\"]},{\"family\":\"b\"}],"
                                 "\"deceasedBoolean\":false}";
    static const char *const cases[][2] = {
        {OP("add", PATH("Patient") ",{\"name\":\"name\",\"valueString\":\"birthDate\"},{\"name\":\"value\",\"valueDate\":\"1990-01-01\"}"), "\"birthDate\":\"1990-01-01\"}"},
        {OP("add", PATH("Patient.name[1]") ",{\"name\":\"name\",\"valueString\":\"given\"},{\"name\":\"value\",\"valueString\":\"z\"}"),
         "{\"family\":\"b\",\"given\":[\"z\"]}"},
        {OP("add", PATH("Patient") ",{\"name\":\"name\",\"valueString\":\"contact\"},{\"name\":\"value\",\"part\":[{\"name\":\"gender\",\"valueCode\":\"male\"},"
                                   "{\"name\":\"name\",\"valueHumanName\":{\"text\":\"c\"}}]}"), "\"contact\":[{\"gender\":\"male\",\"name\":{\"text\":\"c\"}}]"},
        {OP("replace", PATH("Patient.deceased") ",{\"name\":\"value\",\"valueDateTime\":\"2020\"}"), "}],\"deceasedDateTime\":\"2020\"}"},
        {OP("replace", PATH("Patient.name.where(family='b').family") ",{\"name\":\"value\",\"valueString\":\"c\"}"), "{\"family\":\"c\"}"},
        {OP("delete", PATH("Patient.name[0].given[0]")), "\"given\":[\"y\"]"},
        {OP("delete", PATH("Patient.active") ), "{\"resourceType\":\"Patient\",\"name\""},
        {OP("delete", PATH("Patient.photo")), "\"active\":true"},
        {OP("insert", PATH("Patient.name[0].given") ",{\"name\":\"index\",\"valueInteger\":1},{\"name\":\"value\",\"valueString\":\"w\"}"), "[\"x\",\"w\",\"y\"]"},
        {OP("move", PATH("Patient.name") ",{\"name\":\"source\",\"valueInteger\":1},{\"name\":\"destination\",\"valueInteger\":0}"), "[{\"family\":\"b\"},{"}};
    static const char *const wrong[] = {
        OP("add", PATH("Patient") ",{\"name\":\"name\",\"valueString\":\"nonsense\"},{\"name\":\"value\",\"valueDate\":\"1990\"}"),
        OP("add", PATH("Patient") ",{\"name\":\"name\",\"valueString\":\"active\"},{\"name\":\"value\",\"valueBoolean\":true}"), OP("replace", PATH("Patient.name")),
        OP("replace", PATH("Patient.photo") ",{\"name\":\"value\",\"valueString\":\"c\"}"), OP("delete", PATH("Patient.name")), OP("delete", ""), OP("erase", ""),
        OP("insert", PATH("Patient.name") ",{\"name\":\"index\",\"valueInteger\":9},{\"name\":\"value\",\"valueHumanName\":{\"text\":\"c\"}}"), OP("delete", PATH("Patient.(")),
        OP("move", PATH("Patient.name") ",{\"name\":\"source\",\"valueInteger\":2},{\"name\":\"destination\",\"valueInteger\":0}")};
    char text[2000];
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct r4_buf b = {0};
        struct r4_node *resource = parse(before);
        fault_clear(&fault);
        snprintf(text, sizeof text, "{\"resourceType\":\"Parameters\",\"parameter\":[%s]}", cases[i][0]);
        if (r4_fhirpath_patch(r4, doc, resource, parse(text), &fault))
            fail_msg("%s: %s", cases[i][0], fault.text);
        r4_json_write(&b, resource);
        if (!strstr(b.p, cases[i][1]))
            fail_msg("%s gives %s", cases[i][0], b.p);
        assert_int_equal(r4_validate(r4, doc, resource, NULL, 0, &issues), 0);
        r4_buf_clear(&b);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        fault_clear(&fault);
        snprintf(text, sizeof text, "{\"resourceType\":\"Parameters\",\"parameter\":[%s]}", wrong[i]);
        if (r4_fhirpath_patch(r4, doc, parse(before), parse(text), &fault) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i]);
        assert_string_equal(fault.fields[0].path, "parameter[0]");
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
        cmocka_unit_test(index_values),
        cmocka_unit_test(references_are_found_anywhere),
        cmocka_unit_test(text_is_folded),
        cmocka_unit_test(queries_are_read),
        cmocka_unit_test(wrong_queries_name_the_parameter),
        cmocka_unit_test(values_meet_queries),
        cmocka_unit_test(dates_are_intervals),
        cmocka_unit_test(a_companion_that_is_no_object_has_no_children), cmocka_unit_test(fhirpath),
        cmocka_unit_test(patches),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
