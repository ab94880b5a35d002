/* Is the CapabilityStatement true? Every interaction and every search parameter in it works over HTTP. Bulk export. And, where the folder of
 * YL_FHIR_EXAMPLES (r4-examples.ndjson) is given, HL7's examples come back as they went in. */
#include "tests/lib/fhir_client.h"

static struct fhir_client c;

static int start(void **state)
{
    (void)state;
    site_start("");
    fhir_register(&c, "system/*.*");
    fhir_sign_in(&c);
    return 0;
}

static int stop(void **state)
{
    fhir_forget(&c);
    return site_stop(state);
}

static const char *text(json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t ? t : "";
}

static json_t *metadata(void)
{
    struct web w;
    assert_int_equal(web_once(&w, site.port, "GET", "/fhir/metadata", "", NULL), 200); /* nobody has to sign in for it */
    json_t *m = json_loads(w.body, 0, NULL);
    web_close(&w);
    return m;
}

static const char *sample(const char *type)
{
    static const char *const samples[][2] = {{"number", "1"}, {"date", "2024-01-01"}, {"string", "a"}, {"token", "a"}, {"reference", "Patient/a"},
                                             {"quantity", "1"}, {"uri", "urn:a"}, {"composite", "a$a"}};
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        if (strcmp(type, samples[i][0]) == 0) return samples[i][1];
    return "a";
}

static void every_parameter_can_be_asked(void **state)
{
    json_t *m = metadata(), *resources = json_object_get(json_array_get(json_object_get(m, "rest"), 0), "resource"), *r, *p;
    size_t i, j;
    int asked = 0;
    (void)state;
    assert_int_equal(json_array_size(resources), 146);
    json_array_foreach(resources, i, r) json_array_foreach(json_object_get(r, "searchParam"), j, p)
    {
        char path[200];
        snprintf(path, sizeof path, "/%s?%s=%s&_count=1", text(r, "type"), text(p, "name"), sample(text(p, "type")));
        int status = fhir_do(&c, "GET", path, "Prefer: handling=strict\r\n", NULL);
        bool composite = strcmp(text(p, "type"), "composite") == 0; /* its sample may not be a value of its parts */
        if (status != 200 && !(composite && status == 400)) fail_msg("%s: %d %s", path, status, c.web.body);
        if (asked++ % 500 == 499) fhir_sign_in(&c);
    }
    assert_true(asked > 1000);
    json_decref(m);
}

static bool offers(json_t *resource, const char *code)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(resource, "interaction"), i, one) if (strcmp(text(one, "code"), code) == 0) return true;
    return false;
}

static void every_interaction_is_there(void **state)
{
    static const char *const all[] = {"read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"};
    json_t *m = metadata(), *resources = json_object_get(json_array_get(json_object_get(m, "rest"), 0), "resource"), *r;
    size_t i;
    (void)state;
    fhir_sign_in(&c);
    json_array_foreach(resources, i, r)
    {
        char path[120], allow[200];
        const char *type = text(r, "type");
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            assert_true(offers(r, all[k]));
        const struct {
            const char *method, *path;
            int status;
        } asked[] = {{"GET", "/%s/x", 404}, {"GET", "/%s/x/_history/1", 404}, {"GET", "/%s/x/_history", 404}, {"GET", "/%s/_history", 200}, {"DELETE", "/%s/x", 204},
                     {"GET", "/%s?_count=1", 200}, {"POST", "/%s", 400}, {"PUT", "/%s/x", 400}, {"PATCH", "/%s/x", 404}};
        for (size_t k = 0; k < sizeof asked / sizeof *asked; k++) {
            bool writes = asked[k].method[0] == 'P';
            snprintf(path, sizeof path, asked[k].path, type);
            int status = fhir_do(&c, asked[k].method, path, "", writes ? "{}" : NULL);
            if (status != asked[k].status && !(writes && status == 422)) fail_msg("%s %s: %d %s", asked[k].method, path, status, c.web.body);
        }
        snprintf(allow, sizeof allow, "%s", web_header(&c.web, "Content-Type"));
        assert_non_null(strstr(allow, "fhir+json"));
    }
    json_decref(m);
}

/* ---- bulk export ---- */

static void count_exported(const char *path, int *stored, int *ours)
{
    assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
    assert_string_equal(web_header(&c.web, "Content-Type"), "application/fhir+ndjson");
    assert_null(strstr(c.web.body, "later"));
    for (const char *line = c.web.body, *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *x = strstr(line, "\"id\":\"x");
        if (x && x < end) ++*stored;
        else ++*ours;
    }
}

static void an_export_is_asked_for_and_fetched(void **state)
{
    char path[300], where[300];
    (void)state;
    fhir_sign_in(&c);
    for (int i = 0; i < 12; i++) {
        char body[300];
        snprintf(path, sizeof path, "/Patient/x%d", i);
        snprintf(body, sizeof body, "{\"resourceType\":\"Patient\",\"id\":\"x%d\",\"active\":true}", i);
        assert_int_equal(fhir_do(&c, "PUT", path, "", body), 201);
    }
    assert_int_equal(fhir_do(&c, "GET", "/$export", "", NULL), 400);
    assert_int_equal(fhir_do(&c, "GET", "/$export?_outputFormat=text/csv", "Prefer: respond-async\r\n", NULL), 400);
    assert_int_equal(fhir_do(&c, "GET", "/$export?_type=Patient", "Prefer: respond-async\r\n", NULL), 202);
    snprintf(where, sizeof where, "%s", strstr(web_header(&c.web, "Content-Location"), "/fhir/") + 5);
    assert_int_equal(fhir_do(&c, "PUT", "/Patient/later", "", "{\"resourceType\":\"Patient\",\"id\":\"later\"}"), 201); /* not in it */
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(fhir_do(&c, "GET", where, "", NULL), 200);
        json_t *m = fhir_json(&c), *output = json_object_get(m, "output"), *file;
        size_t i;
        int stored = 0, ours = 0;
        json_array_foreach(output, i, file)
            count_exported(strstr(text(file, "url"), "/fhir/") + 5, &stored, &ours);
        json_decref(m);
        assert_int_equal(stored, 12);
        assert_true(ours > 0); /* the persons of the demonstration's own patients */
    }
    struct fhir_client other;
    fhir_register(&other, "system/*.read");
    fhir_sign_in(&other);
    assert_int_equal(fhir_do(&other, "GET", where, "", NULL), 404);
    fhir_forget(&other);
    assert_int_equal(fhir_do(&c, "DELETE", where, "", NULL), 202);
    assert_int_equal(fhir_do(&c, "GET", where, "", NULL), 404);
}

/* ---- HL7's examples ---- */

/* What the server adds is taken away on both sides. */
static json_t *plain(const char *bytes)
{
    json_t *o = json_loads(bytes, 0, NULL), *meta = json_object_get(o, "meta");
    json_object_del(meta, "versionId");
    json_object_del(meta, "lastUpdated");
    if (meta && !json_object_size(meta)) json_object_del(o, "meta");
    return o;
}

static void examples_come_back_as_they_went(void **state)
{
    const char *folder = getenv("YL_FHIR_EXAMPLES");
    static char line[4 << 20], path[300];
    int n = 0, refused = 0, own = 0;
    (void)state;
    if (!folder) return;
    snprintf(path, sizeof path, "gzip -dc %s/r4-examples.ndjson.gz", folder);
    FILE *f = popen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        json_t *sent = plain(line);
        const char *type = text(sent, "resourceType"), *id = text(sent, "id");
        line[strcspn(line, "\n")] = 0;
        if (n++ % 100 == 0) fhir_sign_in(&c);
        if (!*id || strcmp(id, "qs1") == 0) { /* that questionnaire lacks its linkIds: rightly refused */
            json_decref(sent);
            continue;
        }
        snprintf(path, sizeof path, "/%s/%s", type, id);
        int status = fhir_do(&c, "PUT", path, "", line);
        if (status == 409 && strstr(c.web.body, "of_the_catalogue")) /* FHIR's own code systems and value sets are here already */
            own++;
        else if (status != 200 && status != 201) {
            printf("%s: %d %.300s\n", path, status, c.web.body);
            refused++;
        } else {
            assert_int_equal(fhir_do(&c, "GET", path, "", NULL), 200);
            json_t *got = plain(c.web.body);
            if (!json_equal(sent, got)) fail_msg("%s changed", path);
            json_decref(got);
        }
        json_decref(sent);
    }
    pclose(f);
    printf("%d examples, %d of the catalogue, %d refused\n", n, own, refused);
    assert_true(n > 0 && refused == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_parameter_can_be_asked), cmocka_unit_test(every_interaction_is_there),
                                       cmocka_unit_test(an_export_is_asked_for_and_fetched), cmocka_unit_test(examples_come_back_as_they_went)};
    return cmocka_run_group_tests(tests, start, stop);
}
