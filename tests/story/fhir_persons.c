/* Persons of the patient index, asked for over FHIR (records/fhir/own.h): by search, together with what lies in the store, by $match and $ihe-pix. */
#include "tests/story/house.h"

static void demographics_find_golden_records(void **state)
{
    (void)state;
    json_t *got = want(200, site, "GET", "/Patient?identifier=urn:oid:1.2.3.1%7CA-1", NULL);
    assert_int_equal(entries(got), 1);
    assert_memory_equal(wang, "mpi-", 4);
    assert_true(says("\"family\":\"王\"") && says("\"given\":[\"小明\"]") && says("\"gender\":\"male\"") && says("\"birthDate\":\"1980-05-06\""));
    assert_true(says("\"value\":\"A-1\"") && says("\"value\":\"B-9\"") && says("\"value\":\"QS001\"") && says("\"value\":\"XY777\"")); /* of both houses */
    assert_false(says("11010119800506573X") || says("13812345678")); /* whole numbers never leave */
    assert_true(says("\"valueCode\":\"masked\""));
    count_is(1, site, "/Patient?identifier=11010119800506573X"); /* but find */
    count_is(1, site, "/Patient?identifier=urn:oid:2.16.156.10011.1.3%7C11010119800506573X");
    count_is(0, site, "/Patient?identifier=urn:oid:1.2.3.2%7CA-1"); /* another's number */
    count_is(1, site, "/Patient?telecom=13812345678");
    count_is(2, site, "/Patient?family=%E7%8E%8B"); /* 王 */
    count_is(1, site, "/Patient?family=%E7%8E%8B&gender=female");
    count_is(1, site, "/Patient?family=%E7%8E%8B&given=%E5%B0%8F%E6%98%8E&birthdate=1980-05-06");
    count_is(1, site, "/Patient?birthdate=1991");
    count_is(2, site, "/Patient?birthdate=lt1984&gender=male");
    count_is(1, site, "/Patient?given=james");
    count_is(1, site, "/Patient?family=rowe&address:missing=true");
    count_is(3, site, "/Patient?active=true");
    count_is(0, site, "/Patient?name=nobody");
    count_is(1, site, desk_text("/Patient?_id=%s", wang));
    want(403, narrow, "GET", "/Patient?family=x", NULL);
    want(403, narrow, "GET", desk_text("/Patient/%s", wang), NULL);
}

static void what_a_house_may_not_see_is_left_out(void **state)
{
    (void)state;
    want(200, township, "GET", desk_text("/Patient/%s", wang), NULL);
    assert_true(says("1980-05-06") && says("青石镇"));
    want(200, other, "GET", desk_text("/Patient/%s", wang), NULL);
    assert_true(says("\"birthDate\":\"1980\"") && says("云南省****"));
    assert_false(says("1980-05") || says("青石镇1号"));
    count_is(0, other, "/Patient?identifier=11010119800506573X"); /* nor guessed */
    count_is(0, other, "/Patient?telecom=13812345678");
    count_is(0, other, "/Patient?family=%E7%8E%8B&birthdate=1980-05-06");
}

static void the_store_and_the_index_answer_together(void **state)
{
    static const char *const births[] = {"1979-01-01", "1982-01-01", "1990-01-01"};
    char last[12] = "";
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < 3; i++)
        want(201, site, "POST", "/Patient", desk_text("{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"Store\"}],\"birthDate\":\"%s\"}", births[i]));
    count_is(0, site, "/Patient?name=nobody&_sort=birthdate");
    count_is(0, site, "/AllergyIntolerance?_sort=date,_lastUpdated");
    json_t *got = want(200, site, "GET", "/Patient?_sort=birthdate&_total=accurate", NULL);
    assert_int_equal(json_integer_value(json_object_get(got, "total")), 6);
    for (size_t i = 0; i < 6; i++) {
        const char *birth = json_string_value(json_object_get(entry(got, i), "birthDate"));
        assert_true(strcmp(last, birth) < 0);
        snprintf(last, sizeof last, "%s", birth);
    }
    for (int sorted = 0; sorted < 3; sorted++) { /* pages: each once */
        char seen[6][80];
        char url[900];
        snprintf(url, sizeof url, "/Patient?_count=2%s", sorted == 1 ? "&_sort=-birthdate" : sorted == 2 ? "&_sort=family,birthdate" : "");
        for (n = 0; url[0];) {
            got = want(200, site, "GET", url, NULL);
            for (size_t i = 0; i < entries(got); i++, n++) {
                assert_true(n < 6);
                snprintf(seen[n], sizeof seen[n], "%s", json_string_value(json_object_get(entry(got, i), "id")));
                for (size_t k = 0; k < n; k++)
                    assert_string_not_equal(seen[k], seen[n]);
            }
            size_t i;
            json_t *link;
            url[0] = 0;
            json_array_foreach(json_object_get(got, "link"), i, link) if (strcmp(json_string_value(json_object_get(link, "relation")), "next") == 0)
                snprintf(url, sizeof url, "%s", strstr(json_string_value(json_object_get(link, "url")), "/fhir") + 5);
        }
        assert_int_equal(n, 6);
    }
    got = want(200, site, "GET", "/Patient?_summary=count", NULL);
    assert_int_equal(json_integer_value(json_object_get(got, "total")), 6);
    /* what lies in the store may speak of a person in the index */
    want(201, site, "POST", "/Observation", desk_text("{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/%s\"}}", wang));
    count_is(1, site, desk_text("/Observation?patient=%s", wang));
    count_is(1, site, desk_text("/Patient/%s/Observation", wang));
    count_is(1, site, "/Patient?_has:Observation:patient:status=final");
    count_is(0, site, "/Patient?_has:Observation:patient:status=amended");
    count_is(1, site, "/Observation?patient.identifier=urn:oid:1.2.3.1%7CA-1");
    got = want(200, site, "GET", desk_text("/Observation?patient=%s&_include=Observation:patient", wang), NULL);
    assert_int_equal(entries(got), 2);
    assert_string_equal(json_string_value(json_object_get(entry(got, 1), "id")), wang);
}

static void ours_are_read_only(void **state)
{
    json_t *issue;
    (void)state;
    want(405, site, "PUT", desk_text("/Patient/%s", wang), desk_text("{\"resourceType\":\"Patient\",\"id\":\"%s\"}", wang));
    issue = json_array_get(json_object_get(answer.json, "issue"), 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(issue, "expression"), 0)), "Patient.id");
    assert_string_equal(json_string_value(json_object_get(issue, "diagnostics")), "read_only");
    want(405, site, "DELETE", desk_text("/Patient/%s", wang), NULL);
    want(405, site, "PATCH", desk_text("/Patient/%s", wang), "[]");
    want(405, site, "PUT", "/Patient?identifier=none%7Cnone", desk_text("{\"resourceType\":\"Patient\",\"id\":\"%s\"}", wang));
    ask(site, "POST", "/", desk_text("{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"resource\":{\"resourceType\":\"Patient\",\"id\":\"%s\"},"
                                 "\"request\":{\"method\":\"PUT\",\"url\":\"Patient/%s\"}}]}", wang, wang));
    assert_int_equal(answer.status, 405);
    count_is(1, site, desk_text("/Patient?_id=%s", wang));
}

static void match_scores_and_grades(void **state)
{
    (void)state;
    const char *asked = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\",\"name\":[{\"family\":\"王\",\"given\":[\"小明\"]}],"
                        "\"gender\":\"male\",\"birthDate\":\"1980-05-06\"%s}}%s]}";
    json_t *got = want(200, site, "POST", "/Patient/$match", desk_text(asked, ",\"identifier\":[{\"system\":\"urn:oid:2.16.156.10011.1.3\",\"value\":\"11010119800506573X\"}]", ""));
    assert_int_equal(entries(got), 1);
    json_t *search = json_object_get(json_array_get(json_object_get(got, "entry"), 0), "search");
    assert_true(json_number_value(json_object_get(search, "score")) > 0.99);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(search, "extension"), 0), "valueCode")), "certain");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(search, "extension"), 0), "url")),
                        "http://hl7.org/fhir/StructureDefinition/match-grade");
    assert_string_equal(json_string_value(json_object_get(entry(got, 0), "id")), wang);
    /* a number that somebody gave, without a name */
    got = want(200, site, "POST", "/Patient/$match", "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:oid:1.2.3.2\",\"value\":\"B-9\"}]}");
    assert_int_equal(entries(got), 1);
    assert_true(says("\"certain\""));
    /* the number of one, the name of somebody else: never certain */
    got = want(200, site, "POST", "/Patient/$match",
               "{\"resourceType\":\"Patient\",\"name\":[{\"text\":\"赵大海\"}],\"birthDate\":\"1950-01-01\",\"gender\":\"female\",\"identifier\":[{\"system\":\"urn:oid:1.2.3.2\",\"value\":\"B-9\"}]}");
    assert_int_equal(entries(got), 1);
    assert_true(says("\"probable\""));
    got = want(200, site, "POST", "/Patient/$match",
               "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"onlyCertainMatches\",\"valueBoolean\":true},{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\","
               "\"name\":[{\"text\":\"赵大海\"}],\"birthDate\":\"1950-01-01\",\"identifier\":[{\"system\":\"urn:oid:1.2.3.2\",\"value\":\"B-9\"}]}}]}");
    assert_int_equal(entries(got), 0);
    got = want(200, site, "POST", "/Patient/$match", desk_text(asked, "", ",{\"name\":\"count\",\"valueInteger\":1}"));
    assert_true(entries(got) <= 1);
    want(200, other, "POST", "/Patient/$match", desk_text(asked, ",\"identifier\":[{\"system\":\"urn:oid:2.16.156.10011.1.3\",\"value\":\"11010119800506573X\"}]", ""));
    assert_true(says("\"certain\"") && says("\"birthDate\":\"1980\"")); /* found, and masked */
}

static void a_wrong_match_says_where(void **state)
{
    static const struct {
        const char *body, *where;
        int status;
    } wrong[] = {{"{\"resourceType\":\"Bundle\"}", "Parameters", 400},
                 {"{\"resourceType\":\"Parameters\"}", "name='resource'", 400},
                 {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"count\",\"valueInteger\":0}]}", "name='count'", 400},
                 {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"onlyCertainMatches\",\"valueString\":\"x\"}]}", "name='onlyCertainMatches'", 400},
                 {"{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"other\"}]}", "Parameters.parameter.name", 400},
                 {"{\"resourceType\":\"Patient\"}", "Patient.name", 400},
                 {"{\"resourceType\":\"Patient\",\"gender\":\"cat\",\"name\":[{\"text\":\"a\"}]}", "Patient.gender", 422},
                 {"{", "not JSON", 400}};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        want(wrong[i].status, site, "POST", "/Patient/$match", wrong[i].body);
        if (!says(wrong[i].where))
            fail_msg("%s: %s", wrong[i].body, answer.body);
    }
    want(405, site, "GET", "/Patient/$match", NULL);
    want(403, narrow, "POST", "/Patient/$match", "{\"resourceType\":\"Patient\"}");
}

static void pix_gives_the_other_numbers(void **state)
{
    (void)state;
    int64_t before = number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.pix'");
    json_t *got = want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1", NULL);
    assert_true(says("\"value\":\"B-9\"") && says("\"value\":\"XY777\"") && says(wang));
    assert_false(says("\"value\":\"A-1\""));
    got = want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1&targetSystem=urn:oid:1.2.3.2", NULL);
    assert_int_equal(json_array_size(json_object_get(got, "parameter")), 2); /* the number, and who it is */
    assert_true(says("\"targetIdentifier\"") && says("\"targetId\"") && says("\"B-9\""));
    want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:yilian:patients:c20%7CXY777&targetSystem=urn:oid:1.2.3.1", NULL);
    assert_true(says("\"A-1\""));
    got = want(200, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-2&targetSystem=urn:oid:1.2.3.2", NULL);
    assert_int_equal(json_array_size(json_object_get(got, "parameter")), 0);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.pix'"), before + 4);
    /* 3.83.4.2.2: what each failure is called */
    want(404, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CNONE", NULL);
    assert_true(says("Patient Identifier not found") && says("\"not-found\""));
    want(400, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:9.9.9%7CA-1", NULL);
    assert_true(says("Assigning Authority not found") && says("\"code-invalid\""));
    want(403, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1&targetSystem=urn:oid:9.9.9", NULL);
    assert_true(says("targetSystem not found"));
    want(400, site, "GET", "/Patient/$ihe-pix?sourceIdentifier=A-1", NULL);
    assert_true(says("\"sourceIdentifier\""));
    want(400, site, "GET", "/Patient/$ihe-pix", NULL);
    want(403, narrow, "GET", "/Patient/$ihe-pix?sourceIdentifier=urn:oid:1.2.3.1%7CA-1", NULL);
}

static void what_was_asked_is_in_the_audit(void **state)
{
    (void)state;
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.match' AND patient_id<>0") >= 4);
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.match' AND outcome='denied'") == 1);
    assert_true(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='fhir.read' AND patient_id IN (SELECT id FROM patient)") >= 2);
}

static void the_statement_says_so(void **state)
{
    (void)state;
    want(200, "", "GET", "/metadata", NULL);
    assert_true(says("OperationDefinition/Patient-match") && says("IHE.PIXm.pix"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demographics_find_golden_records),
        cmocka_unit_test(what_a_house_may_not_see_is_left_out),
        cmocka_unit_test(the_store_and_the_index_answer_together),
        cmocka_unit_test(ours_are_read_only),
        cmocka_unit_test(match_scores_and_grades),
        cmocka_unit_test(a_wrong_match_says_where),
        cmocka_unit_test(pix_gives_the_other_numbers),
        cmocka_unit_test(what_was_asked_is_in_the_audit),
        cmocka_unit_test(the_statement_says_so),
    };
    return cmocka_run_group_tests(tests, house_open, house_close);
}
