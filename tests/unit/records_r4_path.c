/* FHIRPath, and patches that are written in it. */
#include "tests/lib/r4_fixture.h"
#include "records/r4/fhirpath.h"
#include "records/r4/patch.h"

static struct r4_issues issues;

/* ---- FHIRPath ---- */

static struct r4_buf yielded;

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
        {"Patient.name.given", "三,José,"}, {"name.where(use = 'official').family", "张"}, {"name.given.first() & 'x'", "三x"}, {"Observation.name", "error"}, {"name.given1", "error"}, {"Patient.descendants().nothing", ""}, {"name.as(HumanName).use", "error"}, {"2.0 'cm' * 2.0 'm' = 0.040 'm2'", "true"},
        {"4.0 'g' / 2.0 'm' = 2 'g/m'", "true"}, {"1 'mmol/L' = 1000 'umol/L'", "true"}, {"120 'mm[Hg]' > 15 'kPa'", "true"}, {"5 '10*9/L' = 5 '10*3/uL'", "true"},
        {"3 'm' + 3 'cm' = 303 'cm'", "true"}, {"1 year = 1 'a'", ""}, {"1 'Cel' = 1 'K'", "false"}, {"37 'Cel' = 98.6 '[degF]'", "true"}, {"1 'Cel' + 1 'K'", ""}, {"1 year ~ 1 'a'", "true"}, {"gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", "true"},
        {"'\\\"1<2\\\"'.unescape('json')", "\"1<2\""}, {"'5'.toLong() + 1", "6"}, {"name.defineVariable('n').given.select(%n.count())", "2,2,2"}, {"0.0034.highBoundary(1)", "0.0"},
        {"defineVariable('a').defineVariable('a')", "error"}, {"defineVariable('context')", "error"}, {"defineVariable('a', 1).select(%a) | defineVariable('a', 2).select(%a)", "1,2"},
        {"deceased is boolean", "true"}, {"birthDate < @2000-01-01", "true"}, {"birthDate.extension.value", "1990-03-07T14:35:45+08:00"},
        {"name.count() + 2 * 3", "8"}, {"name.exists() and active.not()", "false"}, {"(1 | 2 | 1).count()", "2"}, {"'abc'.substring(1, 1)", "b"},
        {"name.select(family.length())", "1,14"}, {"iif(active, 'y', 'n')", "y"}, {"'2.50'.toDecimal() = 2.5", "true"}, {"7 div 2", "3"}, {"7 mod 2", "1"},
        {"0.1 + 0.2 = 0.3", "true"}, {"@2026-01-31 + 1 month", "2026-02-28"}, {"today() = @2026-11-28", "true"}, {"managingOrganization.resolve() is Organization", "true"},
        {"name.given.all($this.length() > 0)", "false"}, {"{}", ""}, {"name.family = 'x'", "false"}, {"1 'kg' = 1000 'g'", "true"}, {"name[1].use", "usual"},
        {"descendants().where($this is code).count()", "12"}, {"(1).combine(2).aggregate($this + $total, 0)", "3"}, {"2 +", "syntax"}, {"nofun()", "syntax"}, {"name + 1", "error"},
        {"'a,b'.split(',').join('-')", "a-b"}, {"identifier.type.coding.code contains 'NI'", "true"}, {"'x' in ('x' | 'y')", "true"}, {"gender.matches('^[a-z]+$')", "true"},
        {"extension('http://hl7.org/fhir/StructureDefinition/patient-nationality').extension.url", "code"}, {"@2015 = @2015-02", ""}, {"name.select(given | family).count()", "5"}, {"1.587.lowBoundary(2)", "1.58"},
        {"@2014-02.highBoundary(8)", "2014-02-28"}, {"('c' | 'a' | 'b').sort().first()", "a"}, {"(1 | 3 | 2).sort(-$this).first()", "3"}, {"active is Strng", "syntax"},
        {"(deceased as Period).unit", "error"}, {"deceased.ofType(Period).unit", "error"}, {"(deceased as Period).start", ""}, {"deceased.as(Period).resourceType", ""},
        {"(deceased as Element).unit", ""}, {"(birthDate as date).extension.url", "http://hl7.org/fhir/StructureDefinition/patient-birthTime"},
        {"name.given.select($this.hasValue())", "true,true,false"}, {"'2020-01-01'.toDate().lowBoundary() < @2020-02.highBoundary()", "true"},
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
        cmocka_unit_test(a_companion_that_is_no_object_has_no_children),
        cmocka_unit_test(fhirpath),
        cmocka_unit_test(patches),
    };
    return cmocka_run_group_tests(tests, r4_fixture_open, r4_fixture_close);
}
