/* Search over HTTP: every kind of parameter, modifiers, chains, what comes along, order, pages that hold still while others write. */
#include "tests/lib/fhir_client.h"

static struct fhir_client c;

static void put(const char *path, const char *body)
{
    int status = fhir_do(&c, "PUT", path, "", body);
    if (status != 201 && status != 200) fail_msg("PUT %s: %d %s", path, status, c.web.body);
}

#define OBS(id, who, code, day, value, more) put("/Observation/" id, "{\"resourceType\":\"Observation\",\"id\":\"" id "\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":" \
    "\"http://loinc.org\",\"code\":\"" code "\",\"display\":\"Body " code "\"}]},\"subject\":{\"reference\":\"Patient/" who "\"},\"effectiveDateTime\":\"2024-03-" day "\"," \
    "\"valueQuantity\":{\"value\":" value ",\"unit\":\"mmHg\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mm[Hg]\"}" more "}")

#define ICD10 "urn:yilian:codesystem:icd10-nhsa"
#define CONDITION(id, who, icd) put("/Condition/" id, "{\"resourceType\":\"Condition\",\"id\":\"" id "\",\"subject\":{\"reference\":\"Patient/" who "\"}," \
    "\"code\":{\"coding\":[{\"system\":\"http://local\",\"code\":\"x\"},{\"system\":\"" ICD10 "\",\"code\":\"" icd "\"}]}}")

static int start(void **state)
{
    (void)state;
    site_start("");
    fhir_register(&c, "system/*.*");
    fhir_sign_in(&c);
    put("/Organization/h1", "{\"resourceType\":\"Organization\",\"id\":\"h1\",\"name\":\"County Hospital\",\"identifier\":[{\"system\":\"urn:orgs\",\"value\":\"42\"}]}");
    put("/Practitioner/d1", "{\"resourceType\":\"Practitioner\",\"id\":\"d1\",\"name\":[{\"family\":\"Chen\"}]}");
    put("/Patient/a", "{\"resourceType\":\"Patient\",\"id\":\"a\",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"1001\"}],\"name\":[{\"family\":\"Zhao\",\"given\":[\"Lei\"]}],"
        "\"gender\":\"male\",\"birthDate\":\"1980-05-06\",\"managingOrganization\":{\"reference\":\"Organization/h1\"},\"generalPractitioner\":[{\"reference\":\"Practitioner/d1\"}]}");
    put("/Patient/b", "{\"resourceType\":\"Patient\",\"id\":\"b\",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"1002\"}],\"name\":[{\"family\":\"Zhang\",\"given\":[\"Min\"]}],"
        "\"gender\":\"female\",\"birthDate\":\"1990-01\"}");
    put("/Patient/z", "{\"resourceType\":\"Patient\",\"id\":\"z\",\"name\":[{\"text\":\"王小明\",\"family\":\"王\"}],\"birthDate\":\"2001\"}");
    OBS("o1", "a", "8480-6", "01", "120", ",\"performer\":[{\"reference\":\"Practitioner/d1\"}]");
    OBS("o2", "a", "8480-6", "02", "141", "");
    OBS("o3", "a", "8462-4", "03", "80.5", "");
    OBS("o4", "b", "8480-6", "04", "99", "");
    CONDITION("lung", "a", "C34.100x004");
    CONDITION("lungs", "a", "C34");
    CONDITION("pressure", "a", "I10.x05");
    put("/Condition/words", "{\"resourceType\":\"Condition\",\"id\":\"words\",\"subject\":{\"reference\":\"Patient/b\"},\"code\":{\"text\":\"tired\"}}");
    return 0;
}

static int stop(void **state)
{
    fhir_forget(&c);
    return site_stop(state);
}

/* The ids of the entries, in their order, those that came along behind a '+'. The patient whom every test site has registered is the index's
 * own (tests/story/fhir_own.c): left out here. */
static const char *ids(json_t *bundle)
{
    static char out[2000];
    json_t *one;
    size_t i;
    bool along = false;
    out[0] = 0;
    json_array_foreach(json_object_get(bundle, "entry"), i, one)
    {
        if (strncmp(json_string_value(json_object_get(json_object_get(one, "resource"), "id")), "mpi-", 4) == 0) continue;
        bool include = strcmp(json_string_value(json_object_get(json_object_get(one, "search"), "mode")), "include") == 0;
        if (include && !along) strcat(out, " +");
        along = along || include;
        sprintf(out + strlen(out), "%s%s", *out ? " " : "", json_string_value(json_object_get(json_object_get(one, "resource"), "id")));
    }
    return out;
}

static void finds(const char *query, const char *want)
{
    char path[500];
    snprintf(path, sizeof path, "/%s", query);
    int status = fhir_do(&c, "GET", path, "Prefer: handling=strict\r\n", NULL);
    if (status != 200) fail_msg("%s: %d %s", query, status, c.web.body);
    json_t *bundle = fhir_json(&c);
    if (strcmp(ids(bundle), want)) fail_msg("%s finds '%s', not '%s'", query, ids(bundle), want);
    json_decref(bundle);
}

static void every_kind_of_parameter(void **state)
{
    (void)state;
    finds("Patient?_id=a", "a");
    finds("Patient?_id=a,b,nobody", "a b");
    finds("Patient?gender=female", "b");
    finds("Patient?identifier=urn:mrn|1001", "a");
    finds("Patient?identifier=1002", "b");
    finds("Patient?identifier=|1002", "");
    finds("Patient?family=zha", "a b");
    finds("Patient?family=zhao", "a");
    finds("Patient?family:exact=zhao", "");
    finds("Patient?family:exact=Zhao", "a");
    finds("Patient?name:contains=ei", "a");
    finds("Patient?name=%E7%8E%8B", "z");
    finds("Patient?birthdate=1980-05-06", "a");
    finds("Patient?birthdate=ge1990", "z b");
    finds("Patient?birthdate=lt1990-01-01", "a");
    finds("Patient?birthdate=1990", "b");
    finds("Patient?gender:missing=true", "z");
    finds("Patient?gender:not=male", "b z");
    finds("Patient?organization=Organization/h1", "a");
    finds("Patient?organization=h1", "a");
    finds("Patient?organization=https://localhost/fhir/Organization/h1", "a"); /* our own address */
    finds("Patient?organization=https://elsewhere/fhir/Organization/h1", "");
    finds("Observation?subject=Patient/a", "o1 o2 o3");
    finds("Observation?patient=a", "o1 o2 o3");
    finds("Observation?patient=nobody", "");
    finds("Observation?code=8480-6", "o1 o2 o4");
    finds("Observation?code=http://loinc.org|8480-6&patient=a", "o1 o2");
    finds("Observation?code=8480-6,8462-4&patient=a", "o1 o2 o3");
    finds("Observation?value-quantity=gt100", "o2 o1");
    finds("Observation?value-quantity=80.5", "o3");
    finds("Observation?value-quantity=99.0", "o4");
    finds("Observation?value-quantity=ge80.5&value-quantity=lt80.6", "o3");
    finds("Observation?value-quantity=gt1000", "");
    finds("Observation?value-quantity=lt100|http://unitsofmeasure.org|mm[Hg]", "o3 o4");
    finds("Observation?code-value-quantity=8480-6$gt130", "o2");
    finds("Observation?date=2024-03-02", "o2");
    finds("Observation?date=ge2024-03-02&date=le2024-03-03", "o3 o2");
    finds("Observation?patient=a&date=gt2024-03-01&code=8480-6", "o2");
    finds("Patient/a/Observation?code=8462-4", "o3");
}

static void chains_and_what_comes_along(void **state)
{
    (void)state;
    finds("Observation?subject:Patient.family=zhang", "o4");
    finds("Observation?patient.name=zhao&code=8480-6", "o1 o2");
    finds("Observation?subject:Patient.organization.name=county", "o1 o2 o3");
    finds("Patient?_has:Observation:patient:code=8462-4", "a");
    finds("Patient?_has:Observation:patient:code=8480-6", "a b");
    finds("Patient?_has:Observation:subject:value-quantity=lt100&gender=female", "b");
    finds("Observation?_id=o1&_include=Observation:subject", "o1 + a");
    finds("Observation?_id=o1&_include=Observation:subject&_include:iterate=Patient:organization", "o1 + a h1");
    finds("Observation?_id=o1&_include=Observation:performer:Organization", "o1");
    finds("Patient?_id=b&_revinclude=Observation:subject", "b + o4");
}

/* A reference into the resource itself: the chain goes on there, and the element is not missing (R4 search.html, "Contained Resources"). */
static void what_is_contained_is_followed(void **state)
{
    (void)state;
    put("/MedicationRequest/inside", "{\"resourceType\":\"MedicationRequest\",\"id\":\"inside\",\"status\":\"active\",\"intent\":\"order\",\"subject\":{\"reference\":\"Patient/a\"},"
        "\"medicationReference\":{\"reference\":\"#m\"},\"supportingInformation\":[{\"reference\":\"#other\"}],\"contained\":[{\"resourceType\":\"Medication\",\"id\":\"m\",\"code\":{\"coding\":[{\"system\":\"urn:drugs\",\"code\":\"abc\"}]}},"
        "{\"resourceType\":\"Medication\",\"id\":\"other\",\"code\":{\"coding\":[{\"system\":\"urn:drugs\",\"code\":\"not-referred-to\"}]}}]}");
    put("/Medication/outside", "{\"resourceType\":\"Medication\",\"id\":\"outside\",\"code\":{\"coding\":[{\"system\":\"urn:drugs\",\"code\":\"abc\"}]}}");
    put("/MedicationRequest/outer", "{\"resourceType\":\"MedicationRequest\",\"id\":\"outer\",\"status\":\"active\",\"intent\":\"order\",\"subject\":{\"reference\":\"Patient/b\"},"
        "\"medicationReference\":{\"reference\":\"Medication/outside\"}}");
    finds("MedicationRequest?medication.code=urn:drugs|abc", "inside outer");
    finds("MedicationRequest?medication.code=urn:drugs|abc&patient=a", "inside");
    finds("MedicationRequest?medication.code=urn:drugs|not-referred-to", "");
    finds("MedicationRequest?medication.code:missing=true", "");
    finds("MedicationRequest?medication:missing=true", "");
    finds("MedicationRequest?medication:missing=false", "inside outer");
    finds("MedicationRequest?code=urn:drugs|abc", "");
    finds("Patient?_has:MedicationRequest:patient:medication.code=urn:drugs|abc", "a b");
}

/* A parameter whose path ends at an extension means what the extension holds. */
static void an_extension_is_its_value(void **state)
{
    (void)state;
    put("/Observation/gene", "{\"resourceType\":\"Observation\",\"id\":\"gene\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/observation-geneticsGene\","
        "\"valueCodeableConcept\":{\"coding\":[{\"system\":\"http://www.genenames.org\",\"code\":\"12014\",\"display\":\"TPMT\"}]}},"
        "{\"url\":\"http://hl7.org/fhir/StructureDefinition/observation-geneticsDnaVariant\",\"valueString\":\"NG_007726\"}]}");
    finds("Observation?gene-identifier=http://www.genenames.org|12014", "gene");
    finds("Observation?gene-identifier:text=tpmt", "gene");
    finds("Observation?gene-identifier:missing=false", "gene");
    finds("Observation?gene-dnavariant=ng_00", "gene");
}

static void in_order(void **state)
{
    (void)state;
    finds("Observation?patient=a&_sort=-date", "o3 o2 o1");
    finds("Observation?_sort=-date", "o4 o3 o2 o1");
    finds("Observation?_sort=value-quantity", "o3 o4 o1 o2");
    finds("Patient?_sort=family", "b a z");
    finds("Patient?_sort=-birthdate", "z b a");
    finds("Patient?_sort=gender,-_id", "b a z");
}

static const char *next_of(json_t *bundle)
{
    static char path[1000];
    json_t *link;
    size_t i;
    path[0] = 0;
    json_array_foreach(json_object_get(bundle, "link"), i, link) if (strcmp(json_string_value(json_object_get(link, "relation")), "next") == 0)
        snprintf(path, sizeof path, "%s", strstr(json_string_value(json_object_get(link, "url")), "/fhir") + 5);
    return path;
}

/* Several types in one search; the end of a page may lie between two of them. */
static void types_together(void **state)
{
    char all[600] = "", path[1000] = "/?_type=Organization,Practitioner,Patient&_id=h1,d1,a,b&_count=1";
    int pages = 0;
    (void)state;
    finds("?_type=Organization,Practitioner,Patient&_id=h1,d1,a,b", "h1 d1 a b");
    finds("?_id=h1,d1", "h1 d1");
    finds("Patient?_id=a&_revinclude=Condition:*", "a + lung lungs pressure");
    while (path[0]) {
        if (fhir_do(&c, "GET", path, "", NULL) != 200) fail_msg("%s: %d %s", path, c.web.status, c.web.body);
        json_t *bundle = fhir_json(&c);
        sprintf(all + strlen(all), "%s ", ids(bundle));
        const char *next = next_of(bundle);
        memmove(path, next, strlen(next) + 1);
        json_decref(bundle);
        assert_true(++pages < 9);
    }
    assert_string_equal(all, "h1 d1 a b ");
    assert_int_equal(fhir_do(&c, "GET", "/?_type=Organization,Patient&_id=h1,a&_summary=count", "", NULL), 200);
    assert_non_null(strstr(c.web.body, "\"total\":2"));
    assert_int_equal(fhir_do(&c, "POST", "/_search", "Content-Type: application/x-www-form-urlencoded\r\n", "_type=Organization,Practitioner&_id=h1,d1"), 200);
    assert_non_null(strstr(c.web.body, "\"total\":2"));
    assert_int_equal(fhir_do(&c, "POST", "/Patient/a/Observation/_search", "Content-Type: application/x-www-form-urlencoded\r\n", "code=8462-4"), 200);
    assert_non_null(strstr(c.web.body, "\"id\":\"o3\""));
    assert_int_equal(fhir_do(&c, "GET", "/?_type=Patient,Observation&subject=Patient/a", "", NULL), 400); /* not every type's */
    assert_int_equal(fhir_do(&c, "GET", "/?_type=Patient,Nothing", "", NULL), 400);
    assert_int_equal(fhir_do(&c, "GET", "/?_type=Patient&_sort=_id", "", NULL), 400);
    assert_int_equal(fhir_do(&c, "GET", "/Patient?_id=a&_revinclude=*", "", NULL), 400);
}

/* Between two pages others create, change and delete: what was there at the first page is seen once, what is new is not. */
static void pages_hold_still(void **state)
{
    char all[3000] = "", path[1000];
    const char *const starts[] = {"/Observation?code=8480-6&_count=1", "/Observation?patient=a&_sort=-date&_count=1"};
    const char *const wants[] = {" o1 o2 o4", " o3 o2 o1"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        int n = 0;
        all[0] = 0;
        snprintf(path, sizeof path, "%s", starts[i]);
        while (*path) {
            assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
            json_t *bundle = fhir_json(&c);
            sprintf(all + strlen(all), " %s", ids(bundle));
            snprintf(path, sizeof path, "%s", next_of(bundle));
            json_decref(bundle);
            if (n++ == 0) OBS("o0new", "a", "8480-6", "09", "111", "");
        }
        assert_string_equal(all, wants[i]);
        assert_int_equal(fhir_do(&c, "DELETE", "/Observation/o0new", "", NULL), 204);
        finds("Observation?patient=a", "o1 o2 o3");
    }
    assert_int_equal(fhir_do(&c, "GET", "/Observation?code=8462-4&_page=AAAA", "", NULL), 400);
}

static void totals_and_summaries(void **state)
{
    (void)state;
    assert_int_equal(fhir_do(&c, "GET", "/Observation?code=8480-6&_summary=count", "", NULL), 200);
    json_t *b = fhir_json(&c);
    assert_int_equal(json_integer_value(json_object_get(b, "total")), 3);
    assert_null(json_object_get(b, "entry"));
    json_decref(b);
    assert_int_equal(fhir_do(&c, "GET", "/Observation?_count=1&_total=accurate", "", NULL), 200);
    b = fhir_json(&c);
    assert_int_equal(json_integer_value(json_object_get(b, "total")), 4);
    json_decref(b);
    assert_int_equal(fhir_do(&c, "POST", "/Patient/_search?gender=male", "Content-Type: application/x-www-form-urlencoded\r\n", "family=zhao&_count=5"), 200);
    b = fhir_json(&c);
    assert_string_equal(ids(b), "a");
    json_decref(b);
}

static void an_update_moves_what_it_is_found_by(void **state)
{
    (void)state;
    OBS("mv", "a", "1-1", "05", "1", "");
    finds("Observation?code=1-1&patient=a", "mv");
    OBS("mv", "b", "2-2", "06", "2", ""); /* to another patient's record */
    finds("Observation?code=1-1", "");
    finds("Observation?code=2-2&patient=b", "mv");
    finds("Observation?patient=a&code=2-2", "");
    assert_int_equal(fhir_do(&c, "GET", "/Observation/mv/_history/1", "", NULL), 200);
    assert_int_equal(fhir_do(&c, "DELETE", "/Observation/mv", "", NULL), 204);
    finds("Observation?code=2-2", "");
}

static void conditional_forms(void **state)
{
    static const char body[] = "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"7\"}]}";
    (void)state;
    assert_int_equal(fhir_do(&c, "POST", "/Patient", "If-None-Exist: identifier=urn:mrn|7\r\n", body), 201);
    assert_int_equal(fhir_do(&c, "POST", "/Patient", "If-None-Exist: identifier=urn:mrn|7\r\n", body), 200);
    assert_int_equal(fhir_do(&c, "POST", "/Patient", "If-None-Exist: gender=male,female\r\n", body), 412);
    assert_int_equal(fhir_do(&c, "PUT", "/Patient?identifier=urn:mrn|7", "", "{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:mrn\",\"value\":\"7\"}],\"gender\":\"other\"}"), 200);
    finds("Patient?gender=other&_elements=gender&_count=0", "");
    assert_int_equal(fhir_do(&c, "PATCH", "/Patient?identifier=urn:mrn|7", "Content-Type: application/json-patch+json\r\n", "[{\"op\":\"remove\",\"path\":\"/gender\"}]"), 200);
    assert_int_equal(fhir_do(&c, "DELETE", "/Patient?gender=male,female", "", NULL), 412);
    assert_int_equal(fhir_do(&c, "DELETE", "/Patient?identifier=urn:mrn|7", "", NULL), 204);
    finds("Patient?identifier=urn:mrn|7", "");
}

static void refused(const char *query, const char *where)
{
    char path[500];
    snprintf(path, sizeof path, "/%s", query);
    assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 400);
    if (!strstr(c.web.body, where)) fail_msg("%s: %s", query, c.web.body);
}

/* :below, :above, :in, :not-in through the terminology service. */
static void codes_by_their_meaning(void **state)
{
    (void)state;
    finds("Condition?code:below=" ICD10 "|C34", "lung lungs");
    finds("Condition?code:below=" ICD10 "|C34.100x004", "lung");
    finds("Condition?code:above=" ICD10 "|C34.100x004", "lung lungs");
    finds("Condition?code:above=" ICD10 "|C34", "lungs");
    finds("Condition?code:below=" ICD10 "|C34," ICD10 "|I10&_sort=_id", "lung lungs pressure");
    finds("Condition?patient=b&code:below=" ICD10 "|C34", "");
    finds("Condition?code:in=" ICD10 "?vs=", "lung lungs pressure");
    finds("Condition?code:in=" ICD10, "lung lungs pressure");
    finds("Condition?code:not-in=" ICD10 "?vs=", "words");
    finds("Condition?patient=a&code:not-in=" ICD10 "?vs=", "");
    finds("Condition?code:not-in=urn:yilian:codesystem:icd9cm3-nhsa?vs=&patient=b", "words");
    finds("Patient?_has:Condition:patient:code:below=" ICD10 "|C34", "a");
    refused("Condition?code:in=http://x", "http://x is not known");
    refused("Condition?code:in=http://x", "\"expression\":[\"code\"]");
    refused("Condition?code:below=" ICD10 "|NONE", "NONE is not known");
    refused("Condition?code:below=C34", "system|code");
}

/* A machine client asks the terminology service under its scopes. */
static void terminology_for_clients(void **state)
{
    (void)state;
    assert_int_equal(fhir_do(&c, "GET", "/CodeSystem/$lookup?system=" ICD10 "&code=I10.x05", "", NULL), 200);
    assert_non_null(strstr(c.web.body, "高血压3级"));
    assert_int_equal(fhir_do(&c, "POST", "/ValueSet/$expand", "", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"url\",\"valueUri\":\"" ICD10 "?vs=\"},"
                             "{\"name\":\"filter\",\"valueString\":\"gxy\"},{\"name\":\"count\",\"valueInteger\":3}]}"), 200);
    assert_non_null(strstr(c.web.body, "\"expansion\""));
    assert_int_equal(fhir_do(&c, "GET", "/CodeSystem/icd10-nhsa", "", NULL), 200);
    assert_int_equal(fhir_do(&c, "GET", "/ValueSet/$expand?url=urn:none", "", NULL), 404);
    assert_int_equal(fhir_do(&c, "POST", "/ValueSet/$expand", "", "{}"), 400);
    assert_int_equal(fhir_do(&c, "POST", "/ValueSet", "", "{\"resourceType\":\"ValueSet\"}"), 422);
    /* found as in any search: a name by its beginning, by a form, strictly, at this server's address */
    assert_int_equal(fhir_do(&c, "GET", "/ValueSet?name=administrativeg", "Prefer: handling=strict\r\n", NULL), 200);
    assert_non_null(strstr(c.web.body, "\"fullUrl\":\"https://localhost/fhir/ValueSet/administrative-gender\""));
    assert_non_null(strstr(c.web.body, "\"url\":\"https://localhost/fhir/ValueSet?name=administrativeg\""));
    assert_int_equal(fhir_do(&c, "POST", "/CodeSystem/_search", "Content-Type: application/x-www-form-urlencoded\r\n", "_id=administrative-gender,action-type"), 200);
    assert_non_null(strstr(c.web.body, "\"total\":2"));
    assert_int_equal(fhir_do(&c, "GET", "/CodeSystem?nothing=1", "Prefer: handling=strict\r\n", NULL), 400);
}

/* http://hl7.org/fhir/R4/search.html#token: when in doubt, the case of a code does not count; what would be overwritten is meant as written. */
static void codes_in_either_case(void **state)
{
    static const char body[] = "{\"resourceType\":\"Basic\",\"code\":{\"coding\":[{\"system\":\"urn:s\",\"code\":\"abc\"}]},\"identifier\":[{\"system\":\"urn:n\",\"value\":\"K7\"}]}";
    (void)state;
    assert_int_equal(fhir_do(&c, "PUT", "/Basic/low", "", "{\"resourceType\":\"Basic\",\"id\":\"low\",\"code\":{\"coding\":[{\"system\":\"urn:s\",\"code\":\"abc\"}]}}"), 201);
    finds("Basic?code=ABC", "low");
    finds("Basic?code=urn:s|Abc", "low");
    finds("Basic?code:not=ABC", "");
    finds("Patient?gender=MALE", "a");
    finds("Patient?gender=http://hl7.org/fhir/administrative-gender|Male", "a");
    finds("Observation?code-value-quantity=8480-6$gt130&status=FINAL", "o2");
    assert_int_equal(fhir_do(&c, "POST", "/Basic", "If-None-Exist: identifier=urn:n|k7\r\n", body), 201);
    assert_int_equal(fhir_do(&c, "POST", "/Basic", "If-None-Exist: identifier=urn:n|k7\r\n", body), 201); /* K7 is another */
    assert_int_equal(fhir_do(&c, "POST", "/Basic", "If-None-Exist: identifier=urn:n|K7\r\n", body), 412);
    assert_int_equal(fhir_do(&c, "GET", "/Basic?identifier=urn:n|k7&_summary=count", "", NULL), 200);
    assert_non_null(strstr(c.web.body, "\"total\":2"));
}

static void what_cannot_be_asked(void **state)
{
    (void)state;
    assert_int_equal(fhir_do(&c, "GET", "/Patient?colour=red", "Prefer: handling=strict\r\n", NULL), 400);
    assert_int_equal(fhir_do(&c, "GET", "/Patient?colour=red&gender=male", "", NULL), 200);
    assert_null(strstr(c.web.body, "colour"));
    assert_int_equal(fhir_do(&c, "GET", "/Patient?birthdate=yesterday", "", NULL), 400);
    assert_int_equal(fhir_do(&c, "GET", "/Patient?_content=zhao", "", NULL), 400); /* refused, not answered with nothing */
    assert_int_equal(fhir_do(&c, "GET", "/Patient?_text=zhao", "", NULL), 400);
}

#define CROWD 8500 /* more than a page looks into */

static void put_crowd(void)
{
    char *text = malloc(1000 * 300);
    for (int i = 0; i < CROWD; i += 850) {
        size_t n = (size_t)sprintf(text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
        for (int k = i; k < i + 850; k++)
            n += (size_t)sprintf(text + n, "%s{\"resource\":{\"resourceType\":\"Organization\",\"id\":\"w%d\",\"name\":\"Ward %dx\"},\"request\":{\"method\":\"PUT\",\"url\":"
                                 "\"Organization/w%d\"}}", k > i ? "," : "", k, k, k);
        strcpy(text + n, "]}");
        assert_int_equal(fhir_do(&c, "POST", "/", "", text), 200);
    }
    free(text);
}

/* One index row tells of several parameters (records/fhir/alike.c): none finds less, none more. */
static void parameters_that_share_rows(void **state)
{
    (void)state;
    put("/Observation/bp", "{\"resourceType\":\"Observation\",\"id\":\"bp\",\"status\":\"amended\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"85354-9\"}]},"
        "\"subject\":{\"reference\":\"Patient/a\"},\"component\":[{\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"8480-6\"}]},\"valueQuantity\":{\"value\":150}}]}");
    put("/Observation/two", "{\"resourceType\":\"Observation\",\"id\":\"two\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"t\"}]},"
        "\"subject\":{\"reference\":\"Practitioner/d1\"},\"valueQuantity\":{\"value\":7},\"component\":[{\"code\":{\"coding\":[{\"code\":\"t\"}]},\"valueQuantity\":{\"value\":5}}]}");
    finds("Observation?code=8480-6", "o1 o2 o4");
    finds("Observation?component-code=8480-6", "bp");
    finds("Observation?combo-code=8480-6", "o1 o2 bp o4");
    finds("Observation?combo-code=http://loinc.org|8480-6&patient=a", "o1 o2 bp");
    finds("Observation?combo-code=http://loinc.org|t", "two");
    finds("Observation?combo-code=none", "");
    finds("Observation?combo-code-value-quantity=8480-6$gt130", "o2 bp");
    finds("Observation?value-quantity=gt145", "");
    finds("Observation?component-value-quantity=gt145", "bp");
    finds("Observation?combo-value-quantity=gt140", "bp o2");
    finds("Observation?value-quantity=lt6", "");
    finds("Observation?combo-value-quantity=lt6", "two");
    finds("Observation?value-quantity=lt10", "two");
    finds("Observation?_sort=value-quantity", "o3 o4 o1 o2 two bp"); /* mm[Hg], then what has no unit, then what has no value */
    finds("Observation?_sort=-component-value-quantity&_count=2", "bp two");
    finds("Observation?status=http://hl7.org/fhir/observation-status|amended", "bp");
    finds("Observation?status=amended", "bp");
    finds("Observation?status=urn:other|amended", "");
    finds("Observation?status=|amended", "");
    finds("Observation?patient=a&status=amended", "bp");
    finds("Observation?subject=Practitioner/d1", "two");
    finds("Patient?_has:Observation:patient:code=85354-9", "a");
    assert_int_equal(fhir_do(&c, "DELETE", "/Observation/bp", "", NULL), 204);
    assert_int_equal(fhir_do(&c, "DELETE", "/Observation/two", "", NULL), 204);
    finds("Observation?combo-code=8480-6", "o1 o2 o4");
}

#define LAB(id, code, value, unit) put("/Observation/" id, "{\"resourceType\":\"Observation\",\"id\":\"" id "\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\"," \
    "\"code\":\"" code "\"}]},\"subject\":{\"reference\":\"Patient/b\"},\"valueQuantity\":{\"value\":" value ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"" unit "\"}}")
#define RISK(id, value) put("/RiskAssessment/" id, "{\"resourceType\":\"RiskAssessment\",\"id\":\"" id "\",\"status\":\"final\",\"subject\":{\"reference\":\"Patient/b\"}," \
    "\"prediction\":[{\"probabilityDecimal\":" value "}]}")
#define UCUM "|http://unitsofmeasure.org|"

/* By themselves the values lead: along the index, from the least (the greatest with gt). */
static void quantities_in_any_unit(void **state)
{
    (void)state;
    LAB("g1", "2339-0", "5.4", "mmol/L");
    LAB("g2", "2339-0", "5400", "umol/L");
    LAB("g3", "2339-0", "0.0061", "mol/L");
    LAB("g4", "2339-0", "5.38", "mmol/L");
    LAB("g5", "2339-0", "97", "mg/dL");
    LAB("g6", "2339-0", "0.971", "g/L");
    LAB("t1", "8310-5", "98.6", "[degF]");
    finds("Observation?value-quantity=5.4" UCUM "mmol/L", "g4 g1 g2");
    finds("Observation?value-quantity=5.40" UCUM "mmol/L&_sort=_id", "g1 g2");
    finds("Observation?value-quantity=0.0054" UCUM "mol/L&_sort=_id", "g1 g2 g4");
    finds("Observation?value-quantity=gt5.4" UCUM "mmol/L", "g3");
    finds("Observation?value-quantity=sa5400" UCUM "umol/L", "g3");
    finds("Observation?value-quantity=le5.4" UCUM "mmol/L", "g4 g1 g2");
    finds("Observation?value-quantity=ge5.4" UCUM "mmol/L&value-quantity=lt6100" UCUM "umol/L&_sort=_id", "g1 g2");
    finds("Observation?value-quantity=0.97" UCUM "g/L", "g5 g6");
    finds("Observation?value-quantity=37.0" UCUM "Cel", "t1");
    finds("Observation?value-quantity=5.4", "g4 g1");
    finds("Observation?value-quantity=5400||umol/L", "g2");
    finds("Observation?value-quantity=5.4|http://elsewhere|mmol/L", "");
    finds("Observation?code-value-quantity=2339-0$ap5.9" UCUM "mmol/L&_sort=value-quantity", "g4 g1 g2 g3");
    finds("Observation?combo-value-quantity=6100" UCUM "umol/L", "g3");
    finds("Patient?_has:Observation:patient:value-quantity=0.0061" UCUM "mol/L", "b");
    finds("Observation?code=2339-0&patient=b&value-quantity=5400,970" UCUM "mg/L", "g2 g5");
    put("/Observation/g2", "{\"resourceType\":\"Observation\",\"id\":\"g2\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"2339-0\"}]},"
        "\"subject\":{\"reference\":\"Patient/b\"},\"valueQuantity\":{\"value\":54,\"system\":\"http://unitsofmeasure.org\",\"code\":\"umol/L\"}}");
    finds("Observation?value-quantity=5.40" UCUM "mmol/L", "g1");
    finds("Observation?value-quantity=54.0" UCUM "umol/L", "g2");
}

#define ONSET(id, onset) put("/Condition/" id, "{\"resourceType\":\"Condition\",\"id\":\"" id "\",\"subject\":{\"reference\":\"Patient/b\"}," onset "}")
#define AGE(value) "{\"value\":" value ",\"system\":\"http://unitsofmeasure.org\",\"code\":\"a\"}"

/* A Range has a row for each end; of several values each may meet another condition, and the resource is shown once. */
static void quantities_that_are_more_than_one(void **state)
{
    (void)state;
    ONSET("v1", "\"onsetRange\":{\"low\":" AGE("30") ",\"high\":" AGE("40") "}");
    ONSET("v2", "\"onsetRange\":{\"low\":" AGE("50") "}");
    ONSET("v3", "\"onsetAge\":" AGE("36"));
    finds("Condition?onset-age=ap35" UCUM "a&_sort=_id", "v1 v3");
    finds("Condition?onset-age=ap35&_sort=_id", "v1 v3");
    finds("Condition?onset-age=ap420" UCUM "mo&_sort=_id", "v1 v3");
    finds("Condition?onset-age=gt38" UCUM "a&_sort=_id", "v1 v2");
    finds("Condition?onset-age=gt1000&_sort=_id", "v2");
    finds("Condition?onset-age=lt35" UCUM "a", "v1");
    finds("Condition?onset-age=lt36&onset-age=gt36", "v1");
    finds("Condition?onset-age=sa36&_sort=_id", "v2");
    finds("Condition?onset-age=eb37" UCUM "a", "v3");
    finds("Condition?onset-age=ne36&_sort=_id", "v1 v2");
    finds("Condition?onset-age:missing=false&_sort=onset-age", "v1 v3 v2");
    finds("Condition?onset-age:missing=false&_sort=-onset-age", "v2 v1 v3");
    put("/Observation/q1", "{\"resourceType\":\"Observation\",\"id\":\"q1\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"component\":[{\"code\":{\"text\":\"y\"},\"valueQuantity\":{\"value\":7,"
        "\"system\":\"http://unitsofmeasure.org\",\"code\":\"mmol/L\"}},{\"code\":{\"text\":\"z\"},\"valueQuantity\":{\"value\":9000,\"system\":\"http://unitsofmeasure.org\",\"code\":\"umol/L\"}}]}");
    finds("Observation?combo-value-quantity=gt6.9" UCUM "mmol/L", "q1");
    finds("Observation?combo-value-quantity=gt8.5" UCUM "mmol/L&combo-value-quantity=lt8" UCUM "mmol/L", "q1");
    finds("Observation?component-value-quantity=9000", "q1");
    finds("Observation?component-value-quantity=90", "");
    finds("Observation?component-value-quantity=lt8&component-value-quantity=gt6000", "q1");
    assert_int_equal(fhir_do(&c, "DELETE", "/Observation/q1", "", NULL), 204);
    finds("Observation?combo-value-quantity=gt6.9" UCUM "mmol/L", "");
}

/* Numbers in their order, whatever their digits say of them: 0.1 lies behind 0.09, 5.4 behind 5.38; quantities by what they are in base units. In memory and along the index, page by page. */
static void numbers_in_order(void **state)
{
    char path[1000] = "/Observation?_sort=-value-quantity&_count=2", all[200] = "";
    (void)state;
    RISK("r1", "0.1");
    RISK("r2", "0.09");
    RISK("r3", "1e-1");
    RISK("r4", "0.3");
    RISK("r5", "0.10001");
    finds("RiskAssessment?_sort=probability", "r2 r1 r3 r5 r4");
    finds("RiskAssessment?_sort=-probability", "r4 r5 r3 r1 r2");
    finds("RiskAssessment?probability=gt0.1&_sort=probability", "r5 r4");
    finds("RiskAssessment?patient=b&_sort=probability", "r2 r1 r3 r5 r4");
    finds("Observation?code=2339-0&_sort=value-quantity", "g5 g6 g2 g4 g1 g3");
    finds("Observation?code=2339-0&_sort=-value-quantity", "g3 g1 g4 g2 g6 g5");
    finds("Observation?_sort=value-quantity&_count=4", "g5 g6 o3 o4");
    for (int pages = 0; *path && pages < 4; pages++) {
        assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
        json_t *bundle = fhir_json(&c);
        sprintf(all + strlen(all), " %s", ids(bundle));
        snprintf(path, sizeof path, "%s", next_of(bundle));
        json_decref(bundle);
    }
    assert_string_equal(all, " g3 g1 g4 g2 t1 o2 o1 o4"); /* kinds one after the other: mol/m3, K, mm[Hg] */
}

static void page_is(char *path, const char *want)
{
    assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
    json_t *bundle = fhir_json(&c);
    if (strcmp(ids(bundle), want)) fail_msg("%s shows '%s', not '%s'", path, ids(bundle), want);
    snprintf(path, 1000, "%s", next_of(bundle));
    json_decref(bundle);
}

/* A sorted page goes on behind what was shown last as it was shown: none is lost when that one, or one before it, was deleted or lies elsewhere now. */
static void sorted_pages_go_on(void **state)
{
    char path[1000] = "/Observation?code=2339-0&patient=b&_sort=value-quantity&_count=2", by_name[1000] = "/Patient?_id=a,b,z&_sort=family,birthdate,_id&_count=1";
    (void)state;
    page_is(path, "g5 g6");
    assert_int_equal(fhir_do(&c, "DELETE", "/Observation/g5", "", NULL), 204);
    assert_int_equal(fhir_do(&c, "DELETE", "/Observation/g6", "", NULL), 204);
    page_is(path, "g2 g4");
    LAB("g4", "2339-0", "0.00001", "mol/L");
    page_is(path, "g1 g3");
    page_is(by_name, "b");
    put("/Patient/b", "{\"resourceType\":\"Patient\",\"id\":\"b\",\"name\":[{\"family\":\"Zz\",\"given\":[\"Min\"]}],\"gender\":\"female\",\"birthDate\":\"1990-01\"}");
    page_is(by_name, "a");
    finds("Observation?code=8480-6&_sort=status,code,-date&_count=2", "o4 o2"); /* the third key counts too */
}

/* A condition no index answers: a page ends after so many were looked at, with a way on; all pages together are the whole answer. */
static void a_page_looks_into_so_many(void **state)
{
    char path[1000] = "/Organization?name:contains=rd%20849", all[2000] = "";
    int pages = 0;
    (void)state;
    put_crowd();
    for (; *path; pages++) {
        assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
        json_t *bundle = fhir_json(&c);
        sprintf(all + strlen(all), " %s", ids(bundle));
        snprintf(path, sizeof path, "%s", next_of(bundle));
        json_decref(bundle);
    }
    assert_int_equal(pages, 2);
    for (int i = 8490; i < 8500; i++) {
        char one[20];
        snprintf(one, sizeof one, " w%d", i);
        const char *at = strstr(all, one);
        assert_non_null(at);
        assert_null(strstr(at + 1, one));
    }
}

#define MANY 2300 /* too many for an order in memory: each walk goes along the index */

static void put_measures(void)
{
    char *text = malloc(MANY * 700);
    size_t n = (size_t)sprintf(text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
    for (int i = 0; i < MANY; i++) /* every tenth is in another unit */
        n += (size_t)sprintf(text + n, "%s{\"request\":{\"method\":\"PUT\",\"url\":\"Observation/k%d\"},\"resource\":{\"resourceType\":\"Observation\",\"id\":\"k%d\",\"status\":\"%s\",\"code\":{\"coding\":"
                             "[{\"system\":\"urn:many\",\"code\":\"all\"},{\"system\":\"urn:many\",\"code\":\"%s\"}]},\"subject\":{\"reference\":\"Patient/%s\"},\"valueQuantity\":{\"value\":%d,\"system\":"
                             "\"http://unitsofmeasure.org\",\"code\":\"%s\"}}}", i ? "," : "", i, i, i % 2 ? "final" : "amended", i % 3 ? "low" : "high", i % 2 ? "a" : "z", (i % 3 ? i : 5000 + i) * (i % 10 ? 1 : 1000),
                             i % 10 ? "m" : "mm");
    strcpy(text + n, "]}");
    if (fhir_do(&c, "POST", "", "", text) != 200) fail_msg("%d %s", c.web.status, c.web.body);
    free(text);
}

/* The n-th of them from the greatest: those with "high", which is every third, then the others. */
static int measure(int n)
{
    int high = (MANY + 2) / 3, rest = n - high;
    return n < high ? 3 * (high - 1 - n) : MANY - 1 - rest / 2 * 3 - (rest % 2 ? 2 : 0);
}

/* Sorted by value within a code that thousands have, page by page: as by its numbers; and whose records they are. */
static void a_code_of_thousands(void **state)
{
    char path[1000] = "/Observation?code=urn:many|all&_sort=-value-quantity&_count=300", one[20];
    int seen = 0;
    (void)state;
    put_measures();
    for (int pages = 0; *path && pages < 4; pages++) {
        assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
        json_t *bundle = fhir_json(&c), *entry;
        size_t i;
        json_array_foreach(json_object_get(bundle, "entry"), i, entry)
        {
            snprintf(one, sizeof one, "k%d", measure(seen++));
            assert_string_equal(json_string_value(json_object_get(json_object_get(entry, "resource"), "id")), one);
        }
        snprintf(path, sizeof path, "%s", next_of(bundle));
        json_decref(bundle);
    }
    assert_int_equal(seen, 1200);
    finds("Observation?code=urn:many|all&status=amended&_sort=value-quantity&_count=3", "k2 k4 k8");
    finds("Observation?code=urn:many|all&value-quantity=gt7295" UCUM "m&_sort=value-quantity", "k2298");
    finds("Patient?_has:Observation:patient:code=urn:many|all", "a z");
}

static int64_t how_many(const char *condition, const char *more)
{
    char path[500];
    snprintf(path, sizeof path, "/Observation?%s%s&_summary=count", condition, more);
    if (fhir_do(&c, "GET", path, "", NULL) != 200) fail_msg("%s: %d %s", path, c.web.status, c.web.body);
    json_t *bundle = fhir_json(&c);
    int64_t n = json_integer_value(json_object_get(bundle, "total"));
    json_decref(bundle);
    return n;
}

/* Alone, the numbers lead; with a code it leads, and the facts decide. */
static void numbers_lead_to_what_the_facts_say(void **state)
{
    static const char *const units[] = {"mmol/L", "umol/L", "mg/dL", "g/L", "mcg", "m", "mm", "kg"}, *const prefixes[] = {"", "gt", "lt", "ge", "le", "ne", "sa", "eb", "ap"};
    static char text[400 * 900];
    unsigned seed = 7, found = 0;
    size_t n = (size_t)sprintf(text, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
    (void)state;
    for (int i = 0; i < 400; i++)
        n += (size_t)sprintf(text + n, "%s{\"request\":{\"method\":\"POST\",\"url\":\"Observation\"},\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"urn:many\",\"code\":"
                             "\"mixed\"}]},\"component\":[{\"code\":{\"text\":\"y\"},\"valueQuantity\":{\"value\":%u}}],\"valueQuantity\":{\"value\":%s%u.%u,\"system\":\"http://unitsofmeasure.org\",\"code\":\"%s\"}}}", i ? "," : "",
                             rand_r(&seed) % 30, rand_r(&seed) % 9 ? "" : "-", rand_r(&seed) % 3 ? rand_r(&seed) % 20 : rand_r(&seed) % 9000, rand_r(&seed) % 10, units[rand_r(&seed) % 8]);
    strcpy(text + n, "]}");
    assert_int_equal(fhir_do(&c, "POST", "", "", text), 200);
    for (int i = 0; i < 300; i++) {
        char first[200], both[400];
        const char *name = i % 3 ? "value-quantity" : "combo-value-quantity", *prefix = prefixes[rand_r(&seed) % 9], *unit = units[rand_r(&seed) % 8];
        snprintf(first, sizeof first, "%s=%s%u%s%s%s", name, prefix, rand_r(&seed) % 25 * (i % 5 ? 1 : 300), i % 4 ? ".5" : "", i % 2 ? UCUM : "", i % 2 ? unit : "");
        snprintf(both, sizeof both, i % 7 ? "%s" : "%s&%s=lt7", first, name);
        int64_t all = how_many(both, ""), these = how_many(both, "&code=urn:many|mixed"), others = how_many(both, "&code:not=urn:many|mixed"); /* left by the tests before */
        if (all != these + others) fail_msg("%s: %lld by its numbers, %lld and %lld by its code", both, (long long)all, (long long)these, (long long)others);
        found += these > 0;
    }
    assert_true(found > 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_parameter), cmocka_unit_test(chains_and_what_comes_along), cmocka_unit_test(types_together), cmocka_unit_test(in_order), cmocka_unit_test(codes_by_their_meaning), cmocka_unit_test(terminology_for_clients),
        cmocka_unit_test(pages_hold_still),        cmocka_unit_test(totals_and_summaries),        cmocka_unit_test(an_update_moves_what_it_is_found_by),
        cmocka_unit_test(conditional_forms),       cmocka_unit_test(what_cannot_be_asked), cmocka_unit_test(codes_in_either_case),
        cmocka_unit_test(parameters_that_share_rows), cmocka_unit_test(quantities_in_any_unit), cmocka_unit_test(quantities_that_are_more_than_one), cmocka_unit_test(numbers_in_order), cmocka_unit_test(sorted_pages_go_on), cmocka_unit_test(a_page_looks_into_so_many),
        cmocka_unit_test(a_code_of_thousands), cmocka_unit_test(numbers_lead_to_what_the_facts_say), cmocka_unit_test(what_is_contained_is_followed), cmocka_unit_test(an_extension_is_its_value),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
