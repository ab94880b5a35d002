/* The real daemon sends our own objects to a subscriber and is killed again and again meanwhile: every number arrives, each always with the same
 * thing, and no more often than it was cut off. */
#include "tests/lib/http_sink.h"
#include "tests/lib/site.h"

#define KILLS 8
#define FIRST 40 /* there before he subscribes */
#define AFTER 3  /* new ones after each kill */

static struct sink sink;
static struct person_at doctor, admin;

static int start(void **state)
{
    char more[100];
    (void)state;
    sink_open(&sink);
    sink.delay_ms = 10;
    snprintf(more, sizeof more, "outgoing.allow = http://127.0.0.1:%d\n", sink.port);
    site_start(more);
    doctor = person_sign_in("bh.sun");
    admin = person_sign_in("admin");
    return 0;
}

static int stop(void **state)
{
    int rc = site_stop(state);
    sink_close(&sink);
    return rc;
}

static void patients(int n)
{
    static int made;
    char name[40], birth[20];
    for (int i = 0; i < n; i++, made++) {
        snprintf(name, sizeof name, "试验%d", made);
        snprintf(birth, sizeof birth, "%d-%02d-%02d", 1940 + made % 60, 1 + made % 12, 1 + made % 28);
        json_decref(person_ask(&doctor, "POST", "/patients", json_pack("{s:s,s:s,s:s}", "name", name, "sex", made % 2 ? "male" : "female", "birth_date", birth)));
    }
}

static json_t *subscriber(void)
{
    json_t *all = person_ask(&admin, "GET", "/outgoing/subscribers", NULL), *one = json_incref(json_array_get(json_object_get(all, "items"), 0));
    json_decref(all);
    return one;
}

static int64_t settled(void)
{
    for (int i = 0; i < 600; i++) {
        json_t *s = subscriber();
        int64_t last = json_integer_value(json_object_get(s, "last_seq")), acked = json_integer_value(json_object_get(s, "acked_seq"));
        bool over = !json_is_true(json_object_get(s, "exporting")) && !json_is_true(json_object_get(s, "more")) && last == acked && last >= FIRST + KILLS * AFTER;
        json_decref(s);
        if (over) return last;
        usleep(50000);
    }
    fail_msg("it never came to rest");
    return 0;
}

static void url_of(const struct sunk *s, char out[120])
{
    json_t *b = json_loads(s->body, 0, NULL);
    const char *url = json_string_value(json_object_get(json_object_get(json_array_get(json_object_get(b, "entry"), 0), "request"), "url"));
    snprintf(out, 120, "%s", url ? url : "");
    json_decref(b);
}

static void nothing_lost_and_nothing_else_under_a_number(void **state)
{
    static char urls[SINK_MAX][120];
    char path[120], id[] = "00000000000000c1", seq[40], url[120];
    (void)state;
    patients(FIRST);
    snprintf(path, sizeof path, "/outgoing/subscribers/%s", id);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/in", sink.port);
    json_decref(person_ask(&admin, "PUT", path, json_pack("{s:s,s:[s,s,s,s],s:s,s:s}", "name", "数据中心", "kinds", "patient", "consultation", "report", "appointment", "url", url,
                                                          "secret", "0123456789abcdef")));
    for (int i = 0; i < KILLS; i++) {
        sink_wait(&sink, sink_count(&sink) + 2, 5000); /* he is at work */
        usleep((useconds_t)(rand() % 60000));
        kill(site.daemon, SIGKILL);
        assert_int_equal(waitpid(site.daemon, NULL, 0), site.daemon);
        site_launch();
        patients(AFTER);
    }
    int64_t last = settled();
    size_t n = sink_count(&sink), distinct = 0;
    for (size_t i = 0; i < n; i++) {
        sink_head(&sink.list[i], "X-Yilian-Sequence", seq, sizeof seq);
        size_t at = strtoul(seq, NULL, 10);
        assert_in_range(at, 1, (size_t)last);
        url_of(&sink.list[i], url);
        distinct += !urls[at][0];
        if (urls[at][0]) assert_string_equal(urls[at], url);
        snprintf(urls[at], sizeof urls[at], "%s", url);
        assert_true(url[0]);
    }
    assert_int_equal(distinct, (size_t)last);
    if (n > (size_t)last + KILLS) fail_msg("%zu messages for %lld numbers and %d kills", n, (long long)last, KILLS);
    print_message("%d kills: %lld numbers, %zu messages\n", KILLS, (long long)last, n);
    assert_int_equal(strncmp(site_ctl("audit verify"), "whole", 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_lost_and_nothing_else_under_a_number)};
    srand((unsigned)getpid());
    return cmocka_run_group_tests(tests, start, stop);
}
