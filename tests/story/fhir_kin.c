/* Three Patients of three hospitals are one person: who reads one is told of the others as far as he may know of them, and everything about the person is in one place (records/fhir/kin.c). */
#include "tests/story/hospitals.h"

static char person[40]; /* "mpi-.." */

static json_t *answer(const char *bearer, const char *url)
{
    if (ask(bearer, "GET", url, NULL) != 200)
        fail_msg("%s: %s", url, body);
    json_t *o = json_loads(body, 0, NULL);
    assert_non_null(o);
    return o;
}

/* Does it name this one, so? */
static bool links(json_t *patient, const char *type, const char *name)
{
    char reference[80];
    size_t i;
    json_t *one;
    snprintf(reference, sizeof reference, "Patient/%s", name);
    json_array_foreach(json_object_get(patient, "link"), i, one)
        if (strcmp(text_of(one, "type"), type) == 0 && strcmp(text_of(json_object_get(one, "other"), "reference"), reference) == 0)
            return true;
    return false;
}

static size_t n_links(json_t *patient)
{
    return json_array_size(json_object_get(patient, "link"));
}

static void he_is_told_of_those_he_may_know(void **state)
{
    (void)state;
    snprintf(person, sizeof person, "mpi-%016llx", (unsigned long long)number("SELECT MIN(person_id) AS n FROM mpi_member"));
    json_t *p = answer(county, "/Patient/c1");
    assert_int_equal(n_links(p), 1); /* that he was at two more hospitals is his affair */
    assert_true(links(p, "refer", person));
    json_decref(p);
    consent(TOWNSHIP, COUNTY);
    p = answer(county, "/Patient/c1");
    assert_int_equal(n_links(p), 2);
    assert_true(links(p, "seealso", "t1"));
    json_decref(p);
    p = answer(consortium, "/Patient/c1"); /* the consortium's own */
    assert_int_equal(n_links(p), 3);
    assert_true(links(p, "seealso", "n1"));
    assert_false(links(p, "seealso", "c1"));
    json_decref(p);
}

static void the_person_names_them_too(void **state)
{
    (void)state;
    char url[120];
    snprintf(url, sizeof url, "/Patient/%s", person);
    json_t *p = answer(county, url);
    assert_int_equal(n_links(p), 2);
    assert_true(links(p, "seealso", "c1") && links(p, "seealso", "t1"));
    json_decref(p);
    assert_int_equal(ask(consortium, "POST", "/Patient/$match", "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"resource\",\"resource\":{\"resourceType\":\"Patient\"," WHO("x") "}}]}"), 200);
    json_t *found = json_loads(body, 0, NULL);
    p = json_object_get(json_array_get(json_object_get(found, "entry"), 0), "resource");
    assert_string_equal(text_of(p, "id"), person);
    assert_int_equal(n_links(p), 3);
    json_decref(found);
    json_t *pix = answer(consortium, "/Patient/$ihe-pix?sourceIdentifier=urn:yilian:patients:c20%7CYL-9");
    size_t i, targets = 0;
    json_t *one;
    json_array_foreach(json_object_get(pix, "parameter"), i, one) targets += strcmp(text_of(one, "name"), "targetId") == 0;
    assert_int_equal(targets, 4); /* he, and the three */
    json_decref(pix);
}

/* A client that reads, changes and writes back stores none of it; its own links stay. */
static void what_was_made_for_a_reader_is_not_stored(void **state)
{
    (void)state;
    keep(county, "Patient", "c1", WHO("YL-9") ",\"link\":[{\"other\":{\"reference\":\"Patient/old-9\"},\"type\":\"replaces\"}]");
    json_t *p = answer(consortium, "/Patient/c1");
    assert_int_equal(n_links(p), 4);
    assert_true(links(p, "replaces", "old-9"));
    char *text = json_dumps(p, JSON_COMPACT);
    assert_int_equal(ask(consortium, "PUT", "/Patient/c1", text), 200);
    free(text);
    json_decref(p);
    p = answer(consortium, "/Patient/c1");
    assert_int_equal(n_links(p), 4);
    json_decref(p);
    p = answer(consortium, "/Patient/c1/_history/3"); /* as it was stored */
    assert_int_equal(n_links(p), 1);
    json_decref(p);
    keep(county, "Patient", "c1", WHO("YL-9"));
    p = answer(county, "/Patient/c1");
    text = json_dumps(p, JSON_COMPACT);
    assert_int_equal(ask(county, "PUT", "/Patient/c1", text), 200);
    free(text);
    json_decref(p);
    p = answer(county, "/Patient/c1/_history/5");
    assert_null(json_object_get(p, "link"));
    json_decref(p);
}

static size_t take_all(json_t *bundle, json_t *names)
{
    size_t i;
    json_t *e;
    json_array_foreach(json_object_get(bundle, "entry"), i, e)
    {
        const char *url = text_of(e, "fullUrl");
        if (json_object_get(names, url))
            fail_msg("%s twice", url);
        json_object_set_new(names, url, json_true());
    }
    return json_array_size(json_object_get(bundle, "entry"));
}

static bool has(json_t *names, const char *name)
{
    char url[120];
    snprintf(url, sizeof url, "https://yilian.test/fhir/%s", name);
    return json_object_get(names, url) != NULL;
}

static void everything_of_a_person_is_everything(void **state)
{
    (void)state;
    char url[400], whole[200];
    snprintf(url, sizeof url, "/Patient/%s/$everything", person);
    snprintf(whole, sizeof whole, "\"subject\":{\"reference\":\"Patient/%s\"},\"status\":\"completed\",\"code\":{\"text\":\"支架\"}", person);
    keep(city, "Procedure", "np", whole);
    json_t *all = answer(consortium, url), *names = json_object();
    size_t n = take_all(all, names);
    const char *const there[] = {"Patient/t1", "Patient/c1", "Patient/n1", "Encounter/te", "DiagnosticReport/cr", "ImagingStudy/ns", "Procedure/np", NULL};
    for (size_t i = 0; there[i]; i++)
        if (!has(names, there[i]))
            fail_msg("%s is missing", there[i]);
    json_decref(all);
    json_decref(names);
    names = json_object();
    snprintf(url, sizeof url, "/Patient/%s/$everything?_count=2", person);
    size_t paged = 0, pages = 0;
    for (bool more = true; more; pages++) {
        json_t *page = answer(consortium, url), *link = json_array_get(json_object_get(page, "link"), 0);
        paged += take_all(page, names);
        more = link != NULL;
        if (more)
            snprintf(url, sizeof url, "%s", strstr(text_of(link, "url"), "/fhir") + 5);
        json_decref(page);
    }
    assert_int_equal(paged, n);
    assert_true(pages > 5);
    json_decref(names);
    names = json_object();
    snprintf(url, sizeof url, "/Patient/%s/$everything", person);
    all = answer(city, url);
    (void)take_all(all, names);
    assert_true(has(names, "Patient/n1") && has(names, "Procedure/np"));
    assert_false(has(names, "Patient/t1") || has(names, "Encounter/te")); /* closed to the city */
    json_decref(all);
    json_decref(names);
}

static void a_doubted_tie_is_none(void **state)
{
    (void)state;
    write_sql("INSERT INTO mpi_task (id, patient_id, other_id, odds_milli, why, state, created_ms, act_id, reported_by) SELECT 9901, t.id, c.id, 0, 'conflict', 'open', 1, 0, 0 FROM patient t, patient c "
              "WHERE t.org_id=%d AND c.org_id=%d", TOWNSHIP, COUNTY);
    json_t *p = answer(consortium, "/Patient/c1");
    assert_false(links(p, "seealso", "t1"));
    assert_true(links(p, "refer", person));
    json_decref(p);
    write_sql("UPDATE mpi_task SET state='closed' WHERE id=%d", 9901);
    p = answer(consortium, "/Patient/c1");
    assert_true(links(p, "seealso", "t1"));
    json_decref(p);
}

static int total(const char *bearer, const char *url)
{
    json_t *found = answer(bearer, url);
    int n = (int)json_array_size(json_object_get(found, "entry"));
    json_decref(found);
    return n;
}

/* How many lines of the files of an export have the text, of how many. */
static size_t exported(const char *bearer, const char *url, const char *needle, size_t *lines)
{
    size_t i, n = 0;
    json_t *one;
    prefer = "respond-async";
    assert_int_equal(ask(bearer, "GET", url, NULL), 202);
    prefer = "";
    json_t *manifest = answer(bearer, strstr(location, "/export"));
    *lines = 0;
    json_array_foreach(json_object_get(manifest, "output"), i, one)
    {
        assert_int_equal(ask(bearer, "GET", strstr(text_of(one, "url"), "/export"), NULL), 200);
        for (const char *p = body, *end; (end = strchr(p, '\n')); p = end + 1, ++*lines)
            n += memmem(p, (size_t)(end - p), needle, strlen(needle)) != NULL;
    }
    json_decref(manifest);
    return n;
}

#define DIAGNOSED_BY(org) "\"recorder\":{\"identifier\":{\"system\":\"urn:yilian:org\",\"value\":\"" org "\"}},"
#define DIAGNOSIS(code) "\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/icd-10\",\"code\":\"" code "\"}]"

/* Scopes open what another house wrote, but not what the masking table keeps for the house itself: a sensitive diagnosis wherever it stands, and what is labelled so. */
static void what_is_sensitive_is_its_houses_own(void **state)
{
    static const char *const closed[] = {"/Condition/sc", "/Condition/sc/_history/1", "/Encounter/se", "/Observation/so"};
    (void)state;
    keep(county, "Condition", "sc", OF("c1") "\"code\":{" DIAGNOSIS("B20.900") "}");
    keep(county, "Encounter", "se", OF("c1") "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"reasonCode\":[{" DIAGNOSIS("f32.100") "}]"); /* as some write it */
    keep(county, "Observation", "so", OF("c1") "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-Confidentiality\",\"code\":\"R\"}]},\"status\":\"final\",\"code\":{\"text\":\"x\"}");
    keep(county, "Condition", "sn", OF("c1") "\"code\":{" DIAGNOSIS("I10.x00") "}");
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        if (ask(city, "GET", closed[i], NULL) != 404 || !strstr(body, "There is no such resource."))
            fail_msg("%s: %s", closed[i], body);
        assert_int_equal(ask(county, "GET", closed[i], NULL), 200);
        assert_int_equal(ask(consortium, "GET", closed[i], NULL), 200);
    }
    assert_int_equal(ask(city, "GET", "/Condition/sn", NULL), 200);
    assert_int_equal(total(city, "/Condition?patient=c1&_id=sc,sn"), 1);
    assert_int_equal(total(county, "/Condition?patient=c1&_id=sc,sn"), 2);
    assert_int_equal(total(city, "/Condition?code=B20.900"), 0);
    assert_int_equal(total(city, "/Condition?_id=sn&_include=Condition:subject&_revinclude=Encounter:diagnosis"), 2);
    assert_int_equal(total(city, "/Patient?_id=c1&_revinclude=Encounter:subject"), total(county, "/Patient?_id=c1&_revinclude=Encounter:subject") - 1);
    /* nor by what hangs on it: who cannot read it finds nothing by it, by name, date or state */
    assert_int_equal(total(county, "/Patient?_id=c1&_has:Condition:subject:code=B20.900"), 1);
    assert_int_equal(total(city, "/Patient?_id=c1&_has:Condition:subject:code=B20.900"), 0);
    assert_int_equal(total(city, "/Patient?_id=c1&_has:Condition:subject:code=I10.x00"), 1);
    assert_int_equal(ask(city, "GET", "/Patient/c1/$everything?_count=1000", NULL), 200);
    assert_non_null(strstr(body, "Condition/sn"));
    assert_null(strstr(body, "Condition/sc"));
    assert_null(strcasestr(body, "F32.100"));
    assert_int_equal(ask(city, "GET", "/Condition/_history?_count=50", NULL), 200);
    assert_null(strstr(body, "B20.900"));
    assert_int_equal(ask(city, "DELETE", "/Condition/sc", NULL), ask(city, "DELETE", "/Condition/nobodys", NULL)); /* as of what is not there */
    assert_int_equal(ask(county, "GET", "/Condition/sc", NULL), 200);
    keep(consortium, "Condition", "sf", OF("c1") DIAGNOSED_BY("c30") "\"code\":{" DIAGNOSIS("B20.900") "}");
    assert_int_equal(ask(city, "GET", "/Condition/sf", NULL), 200); /* the consortium wrote it for the city */
    assert_int_equal(ask(county, "GET", "/Condition/sf", NULL), 200); /* in the county's own record */
    keep(county, "Condition", "sx", OF("n1") "\"code\":{" DIAGNOSIS("B20.900") "}");
    assert_int_equal(ask(city, "GET", "/Condition/sx", NULL), 200);
    assert_int_equal(ask(township, "GET", "/Condition/sx", NULL), 404);
    assert_int_equal(ask(township, "GET", "/Condition/sf", NULL), 404);
    size_t all, open;
    assert_int_equal(exported(consortium, "/$export?_type=Condition", "B20.900", &all), 3);
    assert_int_equal(exported(city, "/$export?_type=Condition", "B20.900", &open), 2);
    assert_int_equal(open, all - 1);
    static const char *const counts[] = {"/Condition?patient=c1", "/Condition?code=B20.900", "/Condition?code=F32.100", "/Condition?clinical-status:missing=true"};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) { /* a count tells no more than the list */
        char url[120];
        snprintf(url, sizeof url, "%s&_summary=count", counts[i]);
        json_t *counted = answer(city, url);
        snprintf(url, sizeof url, "%s&_count=50", counts[i]);
        if (json_integer_value(json_object_get(counted, "total")) != (json_int_t)total(city, url))
            fail_msg("%s", counts[i]);
        json_decref(counted);
    }
}

/* The patient refused that the city shares in his record: its system reads, finds, changes and is sent nothing that other houses wrote; what it wrote itself stays its own. */
static int64_t denied(const char *op, const char *why)
{
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM audit WHERE op='%s' AND outcome='denied' AND detail='%s'", op, why);
    return world_count(&w, sql);
}

/* A closed resource is deleted and patched like one that is not there; who would write over it hears that the id is taken, and not why. Each is in the audit as what it was. */
static void names_of_others_tell_nothing(void)
{
    static const char written[] = "{\"resourceType\":\"Observation\",\"id\":\"co\",\"status\":\"final\",\"code\":{\"text\":\"x\"}}";
    static const char patch[] = "{\"resourceType\":\"Parameters\",\"parameter\":[{\"name\":\"operation\",\"part\":[{\"name\":\"type\",\"valueCode\":\"delete\"},{\"name\":\"path\",\"valueString\":\"Observation.status\"}]}]}";
    static const char batch[] = "{\"resourceType\":\"Bundle\",\"type\":\"batch\",\"entry\":[{\"request\":{\"method\":\"GET\",\"url\":\"Observation/co\"}}]}";
    int64_t before = denied("fhir.update", "refused"), reads = denied("fhir.history", "refused"), bundles = denied("fhir.bundle", "refused");
    assert_int_equal(ask(city, "GET", "/Observation/co/_history", NULL), 404);
    assert_int_equal(denied("fhir.history", "refused"), reads + 1);
    assert_int_equal(ask(city, "PUT", "/Observation/co", written), 403);
    assert_null(strstr(body, "refused"));
    assert_non_null(strstr(body, "This id is taken"));
    assert_int_equal(ask(city, "PATCH", "/Observation/co", patch), 404);
    assert_int_equal(denied("fhir.update", "refused"), before + 2);
    int there = ask(city, "DELETE", "/Observation/co", NULL), nothing = ask(city, "DELETE", "/Observation/nobodys", NULL);
    assert_int_equal(there, nothing);
    assert_int_equal(denied("fhir.delete", "refused"), 1);
    assert_int_equal(ask(city, "POST", "/", batch), 200);
    assert_int_equal(denied("fhir.bundle", "refused"), bundles + 1);
    assert_int_equal(ask(consortium, "GET", "/Observation/co", NULL), 200); /* as it was */
    assert_non_null(strstr(body, "\"versionId\":\"1\""));
}

static void a_refusal_closes_the_store(void **state)
{
    static const char *const closed[] = {"/Patient/c1", "/Observation/co", "/Observation/co/_history/1", "/Observation/co/_history", "/Patient/t1", "/Patient/t1/$everything", "/Condition/tc"};
    char person_url[60];
    (void)state;
    snprintf(person_url, sizeof person_url, "/Patient/%s", person);
    keep(city, "Observation", "cw", OF("c1") "\"status\":\"final\",\"code\":{\"text\":\"眼压\"}");
    assert_int_equal(ask(city, "GET", "/Observation/co", NULL), 200);
    assert_int_equal(total(city, "/Observation?patient=c1"), 2);
    assert_int_equal(ask(city, "GET", person_url, NULL), 200);
    assert_non_null(strstr(body, "云岭县人民医院"));
    forbid(CITY);
    assert_int_equal(ask(city, "GET", person_url, NULL), 200);
    assert_null(strstr(body, "云岭县人民医院")); /* nor that he was there */
    assert_int_equal(ask(county, "GET", person_url, NULL), 200);
    assert_non_null(strstr(body, "云岭县人民医院"));
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (ask(city, "GET", closed[i], NULL) != 404 || !strstr(body, "There is no such resource."))
            fail_msg("%s: %s", closed[i], body); /* like what is not there */
    assert_int_equal(total(city, "/Observation?patient=c1"), 1); /* its own */
    assert_int_equal(total(city, "/Observation?patient=c1&_sort=date"), 1);
    assert_int_equal(total(city, "/Condition?code=I10"), 0);
    assert_int_equal(total(city, "/Observation?_id=cw&_include=Observation:subject"), 1);
    assert_int_equal(total(city, "/Patient?_id=c1&_revinclude=Observation:subject"), 0);
    assert_int_equal(total(county, "/Observation?_id=cw&subject:Patient._id=c1"), 1);
    assert_int_equal(total(county, "/Observation?_id=cw&subject:Patient.active=true,false"), total(county, "/Patient?_id=c1&active=true,false"));
    assert_int_equal(total(county, "/Observation?_id=cw&subject:Patient.birthdate=gt1900"), 1);
    assert_int_equal(total(city, "/Observation?_id=cw&subject:Patient.birthdate=gt1900"), 0); /* its own, of a Patient it may not read */
    assert_int_equal(ask(city, "GET", "/Observation/_history?_count=50", NULL), 200);
    assert_null(strstr(body, "\"co\""));
    assert_non_null(strstr(body, "\"cw\""));
    names_of_others_tell_nothing();
    assert_int_equal(ask(city, "GET", "/Observation/cw", NULL), 200);
    assert_int_equal(ask(city, "GET", "/Patient/n1", NULL), 200);
    assert_int_equal(ask(city, "GET", "/DiagnosticReport/nr", NULL), 200);
    assert_int_equal(ask(county, "GET", "/Condition/tc", NULL), 200); /* not refused */
    assert_int_equal(ask(consortium, "GET", "/Observation/co", NULL), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(he_is_told_of_those_he_may_know),
        cmocka_unit_test(the_person_names_them_too),
        cmocka_unit_test(what_was_made_for_a_reader_is_not_stored),
        cmocka_unit_test(everything_of_a_person_is_everything),
        cmocka_unit_test(a_doubted_tie_is_none),
        cmocka_unit_test(what_is_sensitive_is_its_houses_own),
        cmocka_unit_test(a_refusal_closes_the_store),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
