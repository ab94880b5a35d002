/* SQL on FHIR v2: rows of resources by a ViewDefinition; what is wrong with one (bench_records_flat runs the tests of the specification). */
#include "tests/lib/r4_fixture.h"
#include "records/r4/flat.h"

static struct r4_buf made;

/* The rows as JSON; or "at PLACE" where the definition is wrong, "error" where the run is. */
static const char *rows(const char *view, const char *resource)
{
    struct r4_flat *v;
    fault_clear(&fault);
    made.n = 0;
    r4_buf_puts(&made, "");
    r4_doc_reset(doc);
    if (r4_flat_compile(r4, parse(view), &v, &fault)) {
        assert_int_equal(fault.code, ERR_INVALID);
        r4_buf_printf(&made, "at %s", fault.fields[0].path);
        return made.p;
    }
    struct r4_node *list = r4_new(doc, R4_ARRAY);
    int rc = r4_flat_run(v, doc, parse(resource), 1795826520000, list, &fault);
    r4_flat_free(v);
    if (rc)
        return "error";
    r4_json_write(&made, list);
    return made.p;
}

#define PATIENT "{\"resourceType\":\"Patient\",\"id\":\"p\",\"gender\":\"male\",\"name\":[{\"family\":\"A\",\"given\":[\"B\",\"C\"]},{\"family\":\"D\"}]," \
    "\"managingOrganization\":{\"reference\":\"http://x/Organization/o/_history/2\"},\"multipleBirthInteger\":2}"
#define COLUMN(name, path) "{\"name\":\"" name "\",\"path\":\"" path "\"}"
#define VIEW(more) "{\"resource\":\"Patient\"," more "}"
#define SELECT(...) "\"select\":[" __VA_ARGS__ "]"

static void rows_of_a_resource(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "id") "," COLUMN("born", "birthDate") "]}")), "[{\"id\":\"p\",\"born\":null}]"},
        {VIEW(SELECT("{\"column\":[" COLUMN("n", "multipleBirth.ofType(integer)") "," COLUMN("m", "gender = 'male'") "]}")), "[{\"n\":2,\"m\":true}]"},
        {VIEW(SELECT("{\"forEach\":\"name\",\"column\":[" COLUMN("i", "%rowIndex") "," COLUMN("f", "family") "]}")), "[{\"i\":0,\"f\":\"A\"},{\"i\":1,\"f\":\"D\"}]"},
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "id") "]},{\"forEach\":\"photo\",\"column\":[" COLUMN("t", "title") "]}")), "[]"},
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "id") "]},{\"forEachOrNull\":\"photo\",\"column\":[" COLUMN("t", "title") "]}")), "[{\"id\":\"p\",\"t\":null}]"},
        {VIEW(SELECT("{\"forEach\":\"name\",\"column\":[" COLUMN("f", "family") "],\"select\":[{\"forEachOrNull\":\"given\",\"column\":[" COLUMN("g", "$this") "]}]}")),
         "[{\"f\":\"A\",\"g\":\"B\"},{\"f\":\"A\",\"g\":\"C\"},{\"f\":\"D\",\"g\":null}]"},
        {VIEW(SELECT("{\"unionAll\":[{\"column\":[" COLUMN("x", "id") "]},{\"forEach\":\"name\",\"column\":[" COLUMN("x", "family") "]}]}")),
         "[{\"x\":\"p\"},{\"x\":\"A\"},{\"x\":\"D\"}]"},
        {VIEW(SELECT("{\"column\":[{\"name\":\"g\",\"path\":\"name.given\",\"collection\":true}]}")), "[{\"g\":[\"B\",\"C\"]}]"},
        {VIEW(SELECT("{\"column\":[" COLUMN("k", "getResourceKey()") "," COLUMN("o", "managingOrganization.getReferenceKey(Organization)") ","
              COLUMN("no", "managingOrganization.getReferenceKey(Patient)") "]}")), "[{\"k\":\"p\",\"o\":\"o\",\"no\":null}]"},
        {VIEW("\"constant\":[{\"name\":\"who\",\"valueCode\":\"male\"}],\"where\":[{\"path\":\"gender = %who\"}]," SELECT("{\"column\":[" COLUMN("c", "%who") "]}")), "[{\"c\":\"male\"}]"},
        {VIEW("\"where\":[{\"path\":\"active\"}]," SELECT("{\"column\":[" COLUMN("id", "id") "]}")), "[]"},
        {"{\"resource\":\"Observation\"," SELECT("{\"column\":[" COLUMN("id", "id") "]}") "}", "[]"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(rows(cases[i][0], PATIENT), cases[i][1]);
    assert_string_equal(rows("{\"resource\":\"QuestionnaireResponse\"," SELECT("{\"repeat\":[\"item\",\"answer.item\"],\"column\":[" COLUMN("l", "linkId") "]}") "}",
                             "{\"resourceType\":\"QuestionnaireResponse\",\"status\":\"completed\",\"item\":[{\"linkId\":\"1\",\"item\":[{\"linkId\":\"1.1\",\"answer\":[{\"item\":[{"
                             "\"linkId\":\"1.1.1\"}]}]}]},{\"linkId\":\"2\"}]}"),
                        "[{\"l\":\"1\"},{\"l\":\"1.1\"},{\"l\":\"1.1.1\"},{\"l\":\"2\"}]");
}

static void a_wrong_definition_is_refused_in_place(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "at ViewDefinition.resource"},
        {"{\"resource\":\"Nothing\"," SELECT("{\"column\":[" COLUMN("id", "id") "]}") "}", "at ViewDefinition.resource"},
        {VIEW(SELECT()), "at ViewDefinition.select"},
        {VIEW(SELECT("{\"forEach\":\"name\"}")), "at ViewDefinition.select[0]"},
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "id") "," COLUMN("bad name", "id") "]}")), "at ViewDefinition.select[0].column[1].name"},
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "@@") "]}")), "at ViewDefinition.select[0].column[0].path"},
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "%nothing") "]}")), "at ViewDefinition.select[0].column[0].path"},
        {VIEW(SELECT("{\"column\":[" COLUMN("id", "id") "]},{\"column\":[" COLUMN("id", "id") "]}")), "at ViewDefinition.select"},
        {VIEW(SELECT("{\"forEach\":1,\"column\":[" COLUMN("id", "id") "]}")), "at ViewDefinition.select[0].forEach"},
        {VIEW(SELECT("{\"forEach\":\"name\",\"forEachOrNull\":\"name\",\"column\":[" COLUMN("id", "use") "]}")), "at ViewDefinition.select[0].forEachOrNull"},
        {VIEW(SELECT("{\"unionAll\":[{\"column\":[" COLUMN("a", "id") "]},{\"column\":[" COLUMN("b", "id") "]}]}")), "at ViewDefinition.select[0].unionAll"},
        {VIEW("\"constant\":[{\"name\":\"c\"}]," SELECT("{\"column\":[" COLUMN("id", "id") "]}")), "at ViewDefinition.constant[0].value[x]"},
        {VIEW("\"constant\":[{\"name\":\"c\",\"valueQuantity\":{}}]," SELECT("{\"column\":[" COLUMN("id", "id") "]}")), "at ViewDefinition.constant[0].value[x]"},
        {VIEW("\"where\":[{}]," SELECT("{\"column\":[" COLUMN("id", "id") "]}")), "at ViewDefinition.where[0].path"},
        {VIEW("\"where\":[{\"path\":\"name.family.first()\"}]," SELECT("{\"column\":[" COLUMN("id", "id") "]}")), "error"},
        {VIEW(SELECT("{\"column\":[" COLUMN("g", "name.given") "]}")), "error"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(rows(cases[i][0], PATIENT), cases[i][1]);
    r4_buf_clear(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_of_a_resource), cmocka_unit_test(a_wrong_definition_is_refused_in_place)};
    return cmocka_run_group_tests(tests, r4_fixture_open, r4_fixture_close);
}
