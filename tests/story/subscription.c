/* FHIR Subscriptions (records/fhir/subscription.c): asked for, set up, told; by criteria, scopes, addresses; in error, off, over. */
#include "records/fhir/client.h"
#include "records/outgoing/outgoing.h"
#include "tests/lib/http_sink.h"
#include "tests/support/case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static struct sink sink;
static char hook[80], wide[BEARER_BYTES], narrow[BEARER_BYTES];
static struct {
    int status;
    char *body;
} answer;

static void allow(const char *list)
{
    struct records_parts *parts = records_parts(w.r);
    struct fault f = {0};
    outgoing_close(parts->outgoing);
    assert_int_equal(outgoing_open(&parts->outgoing, w.r, list, &f), 0);
}

static void client(uint64_t id, const char *scopes, char bearer[BEARER_BYTES])
{
    struct tx *tx;
    struct bearer b = {.client = id, .until_ms = w.now_ms + 1000 * 86400000ll};
    snprintf(b.scopes, sizeof b.scopes, "%s", scopes);
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,'c',0,$2,'',1,0,0)", "it", (int64_t)id, scopes);
    assert_int_equal(tx_commit(tx), 0);
}

static void sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, text, "");
    assert_int_equal(tx_commit(tx), 0);
}

static int64_t number_of(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

static int start(void **state)
{
    (void)state;
    world_open(&w);
    sink_open(&sink);
    snprintf(hook, sizeof hook, "http://127.0.0.1:%d/in", sink.door.port);
    allow(hook);
    client(7001, "system/*.*", wide);
    client(7002, "system/Subscription.cruds system/Observation.rs", narrow);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    free(answer.body);
    answer.body = NULL;
    world_close(&w);
    sink_close(&sink);
    return 0;
}

static void ask(int status, const char *bearer, const char *method, const char *path, const char *body)
{
    struct records_fhir_answer a = {0};
    struct records_fhir q = {.method = method, .path = path, .query = "", .credential = bearer, .accept = "", .content_type = "application/fhir+json", .prefer = "",
                             .if_match = "", .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1",
                             .host = "yilian.test", .body = body ? body : "", .len = body ? strlen(body) : 0};
    records_fhir_call(w.r, &q, &a);
    free(answer.body);
    answer.status = a.status;
    answer.body = a.body;
    if (a.status != status) fail_msg("%s %s: %d, not %d: %s", method, path, a.status, status, a.body ? a.body : "");
}

static void round_trip(void)
{
    outgoing_round(records_parts(w.r)->outgoing, 2000);
}

/* The Subscription as a client writes it. */
static const char *asked(const char *status, const char *criteria, const char *channel)
{
    static char text[2000];
    snprintf(text, sizeof text, "{\"resourceType\":\"Subscription\",\"id\":\"s1\",\"status\":\"%s\",\"reason\":\"test\",\"criteria\":\"%s\",\"channel\":{\"type\":\"rest-hook\","
                                "\"endpoint\":\"%s\"%s}}", status, criteria, hook, channel);
    return text;
}

static const char WITH[] = ",\"payload\":\"application/fhir+json\"";

static void subscribe(const char *bearer, const char *criteria, const char *channel)
{
    ask(201, bearer, "PUT", "/Subscription/s1", asked("requested", criteria, channel));
    round_trip();
}

static void stands(const char *status, const char *error)
{
    ask(200, wide, "GET", "/Subscription/s1", NULL);
    json_t *s = json_loads(answer.body, 0, NULL);
    const char *said = json_string_value(json_object_get(s, "error"));
    assert_string_equal(json_string_value(json_object_get(s, "status")), status);
    if (error) assert_string_equal(said ? said : "", error);
    json_decref(s);
}

static void observe(const char *id, const char *code)
{
    char text[400], path[80];
    snprintf(path, sizeof path, "/Observation/%s", id);
    snprintf(text, sizeof text, "{\"resourceType\":\"Observation\",\"id\":\"%s\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"%s\"}]}}", id, code);
    ask(201, wide, "PUT", path, text);
}

/* ---- telling ---- */

static void what_meets_the_criteria_is_told(void **state)
{
    char key[80];
    (void)state;
    observe("before", "1975-2");
    subscribe(narrow, "Observation?code=http://loinc.org|1975-2", WITH);
    stands("active", "");
    observe("yes", "1975-2");
    observe("no", "718-7");
    round_trip();
    assert_int_equal(sink_count(&sink), 1); /* nothing of before, nothing else */
    assert_string_equal(sink.list[0].method, "PUT");
    assert_string_equal(sink.list[0].path, "/in/Observation/yes");
    assert_non_null(strstr(sink.list[0].body, "\"id\":\"yes\""));
    assert_non_null(strcasestr(sink.list[0].head, "Content-Type: application/fhir+json"));
    sink_head(&sink.list[0], "X-Yilian-Sequence", key, sizeof key);
    assert_string_equal(key, "1");
    ask(204, wide, "DELETE", "/Observation/yes", NULL);
    round_trip();
    assert_int_equal(sink_count(&sink), 1); /* R4: of a deletion nothing is told */
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='out.deliver' AND session_id=7002"), 1);
}

static void a_notice_without_content(void **state)
{
    char said[80];
    (void)state;
    subscribe(narrow, "Observation?code=1975-2", ",\"header\":[\"Authorization: Bearer abc\",\"X-Room: 7\"]");
    observe("yes", "1975-2");
    round_trip();
    assert_int_equal(sink_count(&sink), 1);
    assert_string_equal(sink.list[0].method, "POST");
    assert_string_equal(sink.list[0].path, "/in");
    assert_int_equal(sink.list[0].len, 0);
    sink_head(&sink.list[0], "Authorization", said, sizeof said);
    assert_string_equal(said, "Bearer abc");
    sink_head(&sink.list[0], "X-Room", said, sizeof said);
    assert_string_equal(said, "7");
}

static void what_the_house_keeps_is_told_too(void **state)
{
    char id[ID_TEXT_BYTES], county[ID_TEXT_BYTES];
    (void)state;
    subscribe(wide, "Task?status=requested", WITH);
    id_format(world_patient(&w, "zhang"), id);
    id_format(20, county);
    json_t *c = world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", id, "kind", "offline", "scope", "clinical", "urgency", "urgent",
                                                                 "target_org_id", county, "form", full_form()));
    round_trip();
    assert_int_equal(sink_count(&sink), 0); /* a draft is nobody's yet */
    json_decref(world_call(&w, "zhang", "case.submit", json_pack("{s:O,s:O}", "case_id", json_object_get(c, "id"), "version", json_object_get(c, "version"))));
    json_decref(c);
    round_trip();
    assert_int_equal(sink_count(&sink), 1);
    assert_memory_equal(sink.list[0].path, "/in/Task/task-", 14);
}

static void a_report_is_told_once_signed(void **state)
{
    char id[ID_TEXT_BYTES], county[ID_TEXT_BYTES];
    (void)state;
    subscribe(wide, "DiagnosticReport?status=final", WITH);
    id_format(world_patient(&w, "zhang"), id);
    id_format(20, county);
    case_begun(world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", id, "kind", "offline", "scope", "clinical", "urgency", "urgent",
                                                                 "target_org_id", county, "form", full_form())));
    case_act(&w, "zhang", "case.submit", json_object());
    round_trip();
    assert_int_equal(sink_count(&sink), 0);
    case_answer(&w);
    round_trip();
    assert_int_equal(sink_count(&sink), 1);
    assert_memory_equal(sink.list[0].path, "/in/DiagnosticReport/report-", 28);
    assert_non_null(strstr(sink.list[0].body, "\"conclusion\""));
}

/* ---- how it stands ---- */

static void an_unlisted_endpoint_waits(void **state)
{
    (void)state;
    allow("https://elsewhere.example");
    subscribe(narrow, "Observation", WITH);
    observe("early", "1975-2");
    round_trip();
    stands("requested", "");
    allow(hook); /* the administrator lists it */
    round_trip();
    stands("active", "");
    assert_int_equal(sink_count(&sink), 0);
    observe("late", "1975-2");
    round_trip();
    assert_int_equal(sink_count(&sink), 1);
    assert_string_equal(sink.list[0].path, "/in/Observation/late");
}

static void in_error_and_back(void **state)
{
    (void)state;
    subscribe(narrow, "Observation", WITH);
    sink.status = 503;
    observe("a", "1975-2");
    round_trip();
    stands("error", "HTTP 503");
    sink.status = 200;
    w.now_ms += 600000;
    round_trip();
    stands("active", "");
    assert_int_equal(sink_count(&sink), 2);
}

static void who_refuses_everything_is_off(void **state)
{
    char id[8];
    (void)state;
    subscribe(narrow, "Observation", WITH);
    sink.status = 404;
    for (int i = 0; i < OUT_DEAD_IN_A_ROW + 1; i++) {
        snprintf(id, sizeof id, "o%d", i);
        observe(id, "1975-2");
    }
    for (int i = 0; i < OUT_TRIES * (OUT_DEAD_IN_A_ROW + 1); i++) {
        round_trip();
        w.now_ms += 600000;
    }
    assert_int_equal(sink_count(&sink), OUT_TRIES * OUT_DEAD_IN_A_ROW);
    stands("off", "HTTP 404");
    sink.status = 200;
    ask(200, narrow, "PUT", "/Subscription/s1", asked("requested", "Observation", WITH)); /* asked for again */
    round_trip();
    stands("active", "");
}

static void its_time_ends(void **state)
{
    char text[2100], at[R4_INSTANT_BYTES];
    (void)state;
    r4_instant(w.now_ms + 3600000, at);
    snprintf(text, sizeof text, "%.*s,\"end\":\"%s\"}", (int)strlen(asked("requested", "Observation", WITH)) - 1, asked("requested", "Observation", WITH), at);
    ask(201, narrow, "PUT", "/Subscription/s1", text);
    round_trip();
    stands("active", "");
    w.now_ms += 3600000;
    observe("late", "1975-2");
    round_trip();
    stands("off", "");
    assert_int_equal(sink_count(&sink), 0);
}

static void switched_off_and_deleted(void **state)
{
    (void)state;
    subscribe(narrow, "Observation", WITH);
    ask(200, narrow, "PUT", "/Subscription/s1", asked("off", "Observation", WITH));
    observe("a", "1975-2");
    round_trip();
    assert_int_equal(sink_count(&sink), 0);
    ask(200, narrow, "PUT", "/Subscription/s1", asked("requested", "Observation", WITH));
    ask(204, narrow, "DELETE", "/Subscription/s1", NULL);
    observe("b", "1975-2");
    round_trip();
    assert_int_equal(sink_count(&sink), 0);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_subscriber"), 0);
}

/* ---- whose eyes ---- */

static void scopes_hold_always(void **state)
{
    (void)state;
    ask(403, narrow, "PUT", "/Subscription/s1", asked("requested", "Condition", WITH));
    subscribe(wide, "Condition", WITH);
    ask(200, narrow, "PUT", "/Subscription/s1", asked("off", "Condition", WITH)); /* he may switch it off, not make it his */
    ask(403, narrow, "PUT", "/Subscription/s1", asked("requested", "Condition", WITH));
    ask(200, narrow, "PUT", "/Subscription/s1", asked("requested", "Observation", WITH));
    round_trip();
    stands("active", "");
    sql("UPDATE fhir_client SET active=0 WHERE id=7002");
    observe("a", "1975-2");
    round_trip();
    assert_int_equal(sink_count(&sink), 0);
    stands("off", "The client's rights have ended.");
}

static void the_place_of_what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *status, *criteria, *channel, *place;
    } cases[] = {{"requested", "Nothing?x=1", "", "Subscription.criteria"},
                 {"requested", "Observation?nothing=1", "", "Subscription.criteria"},
                 {"requested", "Observation?date=yesterday", "", "Subscription.criteria"},
                 {"requested", "", "", "Subscription.criteria"},
                 {"requested", "Observation", ",\"payload\":\"application/xml\"", "Subscription.channel.payload"},
                 {"requested", "Observation", ",\"header\":[\"Host: a\"]", "Subscription.channel.header"},
                 {"requested", "Observation", ",\"header\":[\"X-Yilian-Sequence: 1\"]", "Subscription.channel.header"},
                 {"requested", "Observation", ",\"header\":[\"A: b\\r\\nHost: c\"]", "Subscription.channel.header"},
                 {"requested", "Observation", ",\"header\":[\"nothing\"]", "Subscription.channel.header"},
                 {"active", "Observation", "", "Subscription.status"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(422, wide, "PUT", "/Subscription/s1", asked(cases[i].status, cases[i].criteria, cases[i].channel));
        if (!strstr(answer.body, cases[i].place)) fail_msg("%zu: %s", i, answer.body);
    }
    ask(422, wide, "PUT", "/Subscription/s1",
        "{\"resourceType\":\"Subscription\",\"id\":\"s1\",\"status\":\"requested\",\"reason\":\"r\",\"criteria\":\"Observation\",\"channel\":{\"type\":\"email\",\"endpoint\":\"mailto:a@b\"}}");
    assert_non_null(strstr(answer.body, "Subscription.channel.type"));
    ask(422, wide, "PUT", "/Subscription/s1",
        "{\"resourceType\":\"Subscription\",\"id\":\"s1\",\"status\":\"requested\",\"reason\":\"r\",\"criteria\":\"Observation\",\"channel\":{\"type\":\"rest-hook\",\"endpoint\":\"ftp://a/b\"}}");
    assert_non_null(strstr(answer.body, "Subscription.channel.endpoint"));
}

static void ten_of_a_client(void **state)
{
    char path[40], text[2000];
    (void)state;
    for (int i = 0; i < 11; i++) {
        snprintf(path, sizeof path, "/Subscription/t%d", i);
        snprintf(text, sizeof text, "{\"resourceType\":\"Subscription\",\"id\":\"t%d\",\"status\":\"requested\",\"reason\":\"r\",\"criteria\":\"Observation\",\"channel\":{\"type\":\"rest-hook\",\"endpoint\":\"%s\"}}",
                 i, hook);
        ask(i < 10 ? 201 : 422, narrow, "PUT", path, text);
    }
    observe("one", "1975-2");
    round_trip();
    assert_int_equal(sink_count(&sink), 10);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {T(what_meets_the_criteria_is_told), T(a_notice_without_content), T(what_the_house_keeps_is_told_too), T(a_report_is_told_once_signed), T(an_unlisted_endpoint_waits),
                                       T(in_error_and_back), T(who_refuses_everything_is_off), T(its_time_ends), T(switched_off_and_deleted), T(scopes_hold_always),
                                       T(the_place_of_what_is_wrong_is_named), T(ten_of_a_client)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
