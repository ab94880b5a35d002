/* The real daemon sends our own objects to a subscriber - FHIR over HTTP, HL7 v2 over MLLP - and is killed again and again meanwhile: every number arrives, each
 * always with the same thing, and no more often than it was cut off. */
#include "tests/lib/http_sink.h"
#include "tests/lib/mllp_sink.h"
#include "tests/lib/site.h"

#define KILLS 8
#define HL7_KILLS 4
#define FIRST 40 /* there before he subscribes */
#define AFTER 3  /* new ones after each kill */

static struct sink sink;
static struct mllp_sink his;
static struct person_at doctor, admin;

static int start(void **state)
{
    char more[100];
    (void)state;
    sink_open(&sink);
    mllp_sink_open(&his);
    sink.delay_ms = his.delay_ms = 10;
    snprintf(more, sizeof more, "outgoing.allow = http://127.0.0.1:%d, mllp://127.0.0.1:%d\n", sink.door.port, his.door.port);
    site_start(more);
    doctor = person_sign_in("bh.sun");
    admin = person_sign_in("admin");
    return 0;
}

static int stop(void **state)
{
    int rc = site_stop(state);
    sink_close(&sink);
    mllp_sink_close(&his);
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

static json_t *subscriber(size_t n)
{
    json_t *all = person_ask(&admin, "GET", "/outgoing/subscribers", NULL), *one = json_incref(json_array_get(json_object_get(all, "items"), n));
    json_decref(all);
    return one;
}

/* How many numbers subscriber n has, once all of them are settled. */
static int64_t settled(size_t n)
{
    for (int i = 0; i < 600; i++) {
        json_t *s = subscriber(n);
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
    snprintf(url, sizeof url, "http://127.0.0.1:%d/in", sink.door.port);
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
    int64_t last = settled(0);
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

/* A name that is refused waits as a dead letter, is asked for once more when the receiver was put right; the daemon is killed while the receiver is silent and
 * while it answers. */
static void hl7_is_not_lost_either(void **state)
{
    static char patients_of[MLLP_SINK_MAX][40];
    char path[120], id[] = "00000000000000c2", url[60];
    (void)state;
    snprintf(path, sizeof path, "/outgoing/subscribers/%s", id);
    snprintf(url, sizeof url, "mllp://127.0.0.1:%d", his.door.port);
    mllp_sink_refuse(&his, "\xca\xd5\xb2\xe2" /* 收测 in GB 18030 */, "MSA|AE|%s|no\rERR||PID^1^5|102^Data type error^HL70357|E\r");
    json_decref(person_ask(&doctor, "POST", "/patients", json_pack("{s:s,s:s,s:s}", "name", "拒收测", "sex", "male", "birth_date", "1931-02-03")));
    json_decref(person_ask(&admin, "PUT", path, json_pack("{s:s,s:[s,s,s,s],s:s,s:s,s:s}", "name", "县医院 HIS", "kinds", "patient", "consultation", "report", "appointment", "url", url,
                                                          "application", "HIS", "charset", "gb18030")));
    for (int i = 0; i < HL7_KILLS; i++) {
        mllp_sink_be(&his, i % 2 ? MLLP_SILENT : MLLP_ANSWERS, "AA");
        mllp_sink_wait(&his, mllp_sink_count(&his) + 2, i % 2 ? 500 : 5000);
        kill(site.daemon, SIGKILL);
        assert_int_equal(waitpid(site.daemon, NULL, 0), site.daemon);
        mllp_sink_be(&his, MLLP_ANSWERS, "AA");
        site_launch();
        patients(AFTER);
    }
    int64_t last = settled(1);
    size_t n = mllp_sink_count(&his), distinct = 0;
    for (size_t i = 0; i < n; i++) {
        const char *dash = strchr(his.list[i].control, '-'), *pid = memmem(his.list[i].text, his.list[i].len, "\rPID|", 5);
        size_t at = dash ? strtoul(dash + 1, NULL, 10) : 0;
        assert_in_range(at, 1, (size_t)last);
        assert_non_null(pid);
        distinct += !patients_of[at][0];
        if (patients_of[at][0]) assert_memory_equal(patients_of[at], pid + 8, 24);
        snprintf(patients_of[at], sizeof patients_of[at], "%.24s", pid + 8);
    }
    assert_int_equal(distinct, (size_t)last);
    if (n > (size_t)last + HL7_KILLS) fail_msg("%zu messages for %lld numbers and %d kills", n, (long long)last, HL7_KILLS);
    json_t *s = subscriber(1);
    assert_int_equal(json_integer_value(json_object_get(s, "dead")), 1);
    json_decref(s);
    snprintf(path, sizeof path, "/outgoing/subscribers/%s/dead", id);
    json_t *dead = person_ask(&admin, "GET", path, NULL);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(dead, "items"), 0), "error")), "AE · PID-5 · 102 Data type error · no");
    json_decref(dead);
    mllp_sink_refuse(&his, NULL, NULL);
    snprintf(path, sizeof path, "/outgoing/subscribers/%s/retry", id);
    json_decref(person_ask(&admin, "POST", path, json_object()));
    assert_int_equal(mllp_sink_wait(&his, n + 1, 10000), n + 1);
    print_message("%d kills: %lld numbers, %zu messages\n", HL7_KILLS, (long long)last, n);
    assert_int_equal(strncmp(site_ctl("audit verify"), "whole", 5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_lost_and_nothing_else_under_a_number), cmocka_unit_test(hl7_is_not_lost_either)};
    srand((unsigned)getpid());
    return cmocka_run_group_tests(tests, start, stop);
}
