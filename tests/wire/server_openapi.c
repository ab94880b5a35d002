/* What docs/protocol/openapi.json says of URLs is so on the running daemon: each is there with the methods named and no other, and answers
 * as documented. Figures and verbs: every one that is served is documented. */
#include "tests/lib/site.h"

static struct web last;
static struct person_at sun;

static int start(void **state)
{
    site_start("");
    sun = person_sign_in("bh.sun");
    return 0;
}

static int stop(void **state)
{
    web_close(&last);
    return site_stop(state);
}

/* On the connection before, as long as the server keeps it. */
static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    if (last.head && web_ask(&last, method, path, headers, body) > 0) return last.status;
    web_close(&last);
    return web_once(&last, site.port, method, path, headers, body);
}

/* The pattern with an id in place of each {name}; static buffer. */
static const char *filled(const char *pattern)
{
    static char out[300];
    size_t n = 0;
    for (const char *at = pattern; *at && n < sizeof out - 20; at++) {
        if (*at != '{') {
            out[n++] = *at;
            continue;
        }
        n += (size_t)sprintf(out + n, "00000000000000ab");
        at += strcspn(at, "}");
    }
    out[n] = 0;
    return out;
}

static const char *upper(const char *method)
{
    static char out[10];
    size_t i = 0;
    for (; method[i] && i < 9; i++)
        out[i] = (char)(method[i] - 32);
    out[i] = 0;
    return out;
}

/* docs/protocol/http.md: the error object, with the word that belongs to the status. */
static void check_fault(const char *what)
{
    json_t *body = json_loads(last.body, 0, NULL), *error = json_object_get(body, "error");
    if (!json_string_value(json_object_get(error, "code")) || !json_is_string(json_object_get(error, "reason")) || !json_is_string(json_object_get(error, "text")) ||
        !json_is_array(json_object_get(error, "fields")))
        fail_msg("%s: %d without the error object: %s", what, last.status, last.body);
    json_decref(body);
}

static void check_answer(const char *method, const char *path, json_t *operation)
{
    char what[400], status[8];
    json_t *responses = json_object_get(operation, "responses");
    snprintf(what, sizeof what, "%s %s", method, path);
    snprintf(status, sizeof status, "%d", last.status);
    if (last.status < 200 || last.status == 405 || last.status >= 500) fail_msg("%s: %d %s", what, last.status, last.body);
    if (last.status == 404 && strstr(last.body, "no_such_url")) fail_msg("%s is not served", what);
    if (!json_object_get(responses, status) && !json_object_get(responses, "default")) fail_msg("%s: %d is not documented", what, last.status);
    if (last.status >= 400 && strcmp(method, "HEAD")) check_fault(what);
}

/* What one of both gets: nobody, and a doctor who is signed in (reading only: acts would change what is asked next). */
static void try_operation(const char *path, const char *method, json_t *operation)
{
    const char *content = json_object_iter_key(json_object_iter(json_object_get(json_object_get(operation, "requestBody"), "content")));
    char headers[300], m[10];
    json_t *parameter;
    size_t i;
    snprintf(m, sizeof m, "%s", upper(method));
    snprintf(headers, sizeof headers, "%s%s%s", content ? "Content-Type: " : "", content ? content : "", content ? "\r\n" : "");
    json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
        if (json_is_true(json_object_get(parameter, "required")) && strcmp(json_string_value(json_object_get(parameter, "in")), "header") == 0)
            sprintf(headers + strlen(headers), "%s: 0\r\n", json_string_value(json_object_get(parameter, "name")));
    ask(m, filled(path), headers, content ? strstr(content, "json") ? "{}" : "x" : NULL);
    check_answer(m, path, operation);
    bool anonymous = json_is_array(json_object_get(operation, "security")) && !json_array_size(json_object_get(operation, "security"));
    if (strncmp(path, "/api/v1/", 8) == 0 && !anonymous && strstr(path, "/blobs/") == NULL && last.status != 401)
        fail_msg("%s %s answers nobody with %d", m, path, last.status);
    if (strcmp(m, "GET")) return;
    ask(m, filled(path), sun.cookie, NULL);
    check_answer(m, path, operation);
}

static json_t *paths(json_t **document)
{
    assert_int_equal(ask("GET", "/api/openapi.json", "", NULL), 200);
    *document = json_loads(last.body, 0, NULL);
    assert_non_null(*document);
    return json_object_get(*document, "paths");
}

static void every_url_answers_as_documented(void **state)
{
    json_t *document, *item, *operation;
    const char *path, *method;
    int n = 0;
    json_t *all = paths(&document);
    json_object_foreach(all, path, item) json_object_foreach(item, method, operation)
    {
        try_operation(path, method, operation);
        n++;
    }
    print_message("%d operations\n", n);
    assert_true(n > 120);
    json_decref(document);
}

static bool fits(const char *pattern, const char *path)
{
    while (*pattern && *path) {
        if (*pattern == '{') {
            pattern += strcspn(pattern, "/");
            path += strcspn(path, "/");
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return !*pattern && !*path;
}

/* /roster/import is a shift's URL too. */
static bool documented(json_t *all, const char *path, const char *method)
{
    const char *pattern;
    json_t *item;
    json_object_foreach(all, pattern, item) if (json_object_get(item, method) && fits(pattern, path)) return true;
    return false;
}

static void no_other_method_is_there(void **state)
{
    static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
    json_t *document, *item;
    const char *path;
    json_t *all = paths(&document);
    json_object_foreach(all, path, item) for (size_t i = 0; i < 5; i++)
    {
        if (documented(all, filled(path), methods[i])) continue;
        int status = ask(upper(methods[i]), filled(path), i && i < 4 ? "Content-Type: application/json\r\n" : "", i && i < 4 ? "{}" : NULL);
        if (status != 405) fail_msg("%s %s: %d", methods[i], path, status);
    }
    json_decref(document);
}

static void the_kept_documents_are_those_served(void **state)
{
    static const char *const names[][2] = {{"/api/openapi.json", YL_SOURCE_DIR "/docs/protocol/openapi.json"},
                                           {"/api/signaling.schema.json", YL_SOURCE_DIR "/docs/protocol/signaling.schema.json"}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ask("GET", names[i][0], "", NULL), 200);
        json_t *served = json_loads(last.body, 0, NULL), *kept = json_load_file(names[i][1], 0, NULL);
        assert_true(served && json_equal(served, kept));
        json_decref(served);
        json_decref(kept);
    }
}

static void every_figure_is_documented(void **state)
{
    static char text[65536];
    FILE *f = fopen(YL_SOURCE_DIR "/docs/operations.md", "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    assert_int_equal(ask("GET", "/metrics", "", NULL), 200);
    int n = 0;
    for (char *line = strstr(last.body, "# TYPE "); line; line = strstr(line + 1, "# TYPE "), n++) {
        char name[100], quoted[110];
        assert_int_equal(sscanf(line, "# TYPE %99s", name), 1);
        snprintf(quoted, sizeof quoted, "`%s", name);
        if (!strstr(text, quoted)) fail_msg("docs/operations.md does not tell of %s", name);
    }
    assert_true(n > 20);
}

static void ready_means_database_and_media(void **state)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask("GET", "/readyz", "", NULL), 200);
        assert_string_equal(last.body, "ready\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_url_answers_as_documented), cmocka_unit_test(no_other_method_is_there),
                                       cmocka_unit_test(the_kept_documents_are_those_served), cmocka_unit_test(every_figure_is_documented),
                                       cmocka_unit_test(ready_means_database_and_media)};
    return cmocka_run_group_tests(tests, start, stop);
}
