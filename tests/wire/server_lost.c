/* The machine is lost: its disk with data.dir is gone, killed in the middle of work. What backup.dir has on another disk, and the key out of the safe, make the site
 * again: the case, what was attached to it, the audit chain. */
#include "tests/lib/site.h"

/* 1x1, one colour. */
static const uint8_t png[] = {0x89, 'P', 'N', 'G', 13, 10, 26, 10, 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, 'I', 'D', 'A', 'T',
                              0x78, 0x9c, 0x63, 0x60, 0, 0, 0, 2, 0, 1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};

static int run(const char *format)
{
    char command[600];
    snprintf(command, sizeof command, format, site.dir, site.dir, site.dir);
    return system(command);
}

static void attach(const struct person_at *p, const char *case_id, char document[20])
{
    struct web w;
    char headers[500], path[120];
    json_t *up = person_ask(p, "POST", "/uploads", json_pack("{s:s,s:s,s:i,s:s,s:s}", "case_id", case_id, "name", "wound.png", "bytes", (int)sizeof png, "content_type", "image/png", "category", "photo"));
    const char *id = json_string_value(json_object_get(up, "upload_id"));
    snprintf(path, sizeof path, "/api/v1/uploads/%s", id);
    snprintf(headers, sizeof headers, "PATCH %s HTTP/1.1\r\nHost: localhost\r\n%sX-CSRF-Token: %s\r\nUpload-Offset: 0\r\nContent-Type: application/octet-stream\r\nContent-Length: %zu\r\n\r\n", path, p->cookie,
             p->csrf, sizeof png);
    assert_int_equal(web_open(&w, site.port), 0);
    assert_int_equal(web_send(&w, headers, strlen(headers)) || web_send(&w, png, sizeof png), 0);
    assert_int_equal(web_answer(&w, "PATCH"), 204);
    web_close(&w);
    snprintf(path, sizeof path, "/uploads/%s/finish", id);
    json_t *done = person_ask(p, "POST", path, json_object());
    snprintf(document, 20, "%s", json_string_value(json_object_get(done, "id")));
    json_decref(up);
    json_decref(done);
}

/* The second up to which the archive has what was committed (/metrics); 0: no whole copy yet. */
static long long archive_reached(void)
{
    static const char name[] = "\nyilian_backup_reached_timestamp_seconds ";
    struct web w;
    assert_int_equal(web_once(&w, site.port, "GET", "/metrics", "", NULL), 200);
    const char *at = strstr(w.body, name);
    assert_non_null(at);
    long long reached = atoll(at + strlen(name));
    web_close(&w);
    return reached;
}

static void the_site_comes_back(void **state)
{
    char case_id[20], document[20], path[100];
    int status;
    (void)state;
    strcpy(site.dir, "/tmp/yl-wire-XXXXXX");
    assert_non_null(mkdtemp(site.dir));
    site_start_here("backup.dir = away\nbackup.every = 100ms\n");
    struct person_at sun = person_sign_in("bh.sun");
    json_t *cases = person_ask(&sun, "GET", "/cases", NULL);
    snprintf(case_id, sizeof case_id, "%s", json_string_value(json_object_get(json_array_get(json_object_get(cases, "items"), 0), "id")));
    json_decref(cases);
    attach(&sun, case_id, document);
    /* both are there: every blob has its copy, and the archive has gone on since the last commit */
    status = 1;
    for (int i = 0; i < 200 && status; i++) {
        usleep(100000);
        status = run("[ -n \"$(find %s/data/blobs -type f)\" ] && [ \"$(cd %s/data/blobs && find . -type f | sort)\" = \"$(cd %s/away/files && find . -type f | sort)\" ]");
    }
    assert_int_equal(status, 0);
    long long said = time(NULL);
    for (int i = 0; i < 600 && archive_reached() <= said; i++)
        usleep(100000);
    assert_true(archive_reached() > said);
    kill(site.daemon, SIGKILL);
    assert_int_equal(waitpid(site.daemon, &status, 0), site.daemon);
    assert_int_equal(run("mv %s/data/keys %s/safe && rm -rf %s/data"), 0);

    snprintf(path, sizeof path, "restore --at now --site %s/data", site.dir);
    site_ctl(path);
    assert_int_equal(run("mv %s/safe %s/data/keys && ls %s/data/yilian.db >/dev/null"), 0);
    site_start_here("backup.dir = away\nbackup.every = 100ms\n");
    assert_non_null(strstr(site_ctl("audit verify"), "whole"));
    sun = person_sign_in("bh.sun");
    snprintf(path, sizeof path, "/documents/%s/open", document);
    json_t *opened = person_ask(&sun, "POST", path, json_object());
    struct web w;
    assert_int_equal(web_once(&w, site.port, "GET", json_string_value(json_object_get(opened, "url")), sun.cookie, NULL), 200);
    assert_int_equal(w.body_len, sizeof png);
    assert_memory_equal(w.body, png, sizeof png);
    web_close(&w);
    json_decref(opened);
    assert_int_equal(site_stop(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_site_comes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
