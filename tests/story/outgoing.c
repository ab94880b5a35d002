/* Our own objects go out (records/outgoing/outgoing.h): first everything there is, then what changes, under the subscriber's own numbers; who does
 * not answer, refuses or may not see. */
#include "records/fhir/client.h"
#include "records/outgoing/outgoing.h"
#include "tests/lib/http_sink.h"
#include "tests/support/case.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct world w;
static struct sink sink;
static char hook[80];

static int64_t number_of(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static void allow(const char *list)
{
    struct records_parts *parts = records_parts(w.r);
    struct fault f = {0};
    outgoing_close(parts->outgoing);
    assert_int_equal(outgoing_open(&parts->outgoing, w.r, list, &f), 0);
}

static int start(void **state)
{
    (void)state;
    world_open(&w);
    sink_open(&sink);
    snprintf(hook, sizeof hook, "http://127.0.0.1:%d/in", sink.door.port);
    allow(hook); /* of an address its origin counts */
    return 0;
}

static int stop(void **state)
{
    (void)state;
    world_close(&w);
    sink_close(&sink);
    return 0;
}

static json_t *done(json_t *answer)
{
    if (!answer) fail_msg("%s %s %s", w.fault.reason, w.fault.text, w.fault.n_fields ? w.fault.fields[0].reason : "");
    return answer;
}

static void round_trip(void)
{
    outgoing_round(records_parts(w.r)->outgoing, 2000);
}

static void patient(const char *doctor, const char *name)
{
    char text[300];
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"id_type\":\"id_card\",\"id_no\":\"11010119800506573X\",\"phone\":\"13812345678\"}", name);
    json_decref(done(world_call(&w, doctor, "patient.create", world_json(text))));
}

static json_t *subscribe(const char *id, const char *members)
{
    json_t *args = world_json(members);
    json_object_set_new(args, "subscriber_id", json_string(id));
    if (!json_object_get(args, "name")) json_object_set_new(args, "name", json_string("数据中心"));
    if (!json_object_get(args, "url")) json_object_set_new(args, "url", json_string(hook));
    return world_call(&w, "sys", "out.set", args);
}

static void subscribed(const char *id, const char *members)
{
    json_decref(done(subscribe(id, members)));
}

static void act(const char *op, const char *members)
{
    json_decref(world_call(&w, "sys", op, world_json(members)));
    if (w.fault.code) fail_msg("%s: %s %s", op, w.fault.text, w.fault.n_fields ? w.fault.fields[0].reason : "");
}

static void sequence(size_t i, char out[40])
{
    sink_head(&sink.list[i], "X-Yilian-Sequence", out, 40);
}

static void sequence_is(size_t i, const char *want)
{
    char got[40];
    if (i >= sink_count(&sink)) fail_msg("message %zu did not come", i);
    sequence(i, got);
    assert_string_equal(got, want);
}

static const char A[] = "00000000000000a1", B[] = "00000000000000b1";

/* ---- the feed ---- */

static void entry_is(const struct sunk *s, const char *seq, const char *method, const char *type)
{
    json_t *b = json_loads(s->body, 0, NULL), *e = json_array_get(json_object_get(b, "entry"), 0);
    assert_string_equal(json_string_value(json_object_get(b, "type")), "history");
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(e, "extension"), 0), "valueString")), seq);
    assert_string_equal(json_string_value(json_object_get(json_object_get(e, "request"), "method")), method);
    assert_memory_equal(json_string_value(json_object_get(json_object_get(e, "request"), "url")), type, strlen(type));
    json_decref(b);
}

static void everything_then_changes(void **state)
{
    char key[120], signature[120];
    (void)state;
    patient("zhang", "王一");
    patient("qian", "王一"); /* the same man at two houses: one person */
    subscribed(A, "{\"kinds\":[\"patient\"],\"secret\":\"0123456789abcdef\"}");
    round_trip();
    assert_int_equal(sink_count(&sink), 1);
    entry_is(&sink.list[0], "1", "PUT", "Patient/mpi-");
    sink_head(&sink.list[0], "Idempotency-Key", key, sizeof key);
    assert_string_equal(key, "00000000000000a1-1");
    sink_head(&sink.list[0], "X-Yilian-Signature", signature, sizeof signature);
    assert_int_equal(strlen(signature), 7 + 64);
    assert_null(strstr(sink.list[0].body, "11010119800506573X")); /* nor what the mask hides */
    assert_null(strstr(sink.list[0].body, "13812345678"));
    world_patient(&w, "zhang");
    world_patient(&w, "zhang");
    round_trip();
    assert_int_equal(sink_count(&sink), 3);
    sequence_is(1, "2");
    sequence_is(2, "3");
    round_trip();
    assert_int_equal(sink_count(&sink), 3); /* nothing twice */
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='out.deliver' AND patient_id<>0"), 3);
    assert_int_equal(number_of("SELECT acked_seq FROM out_subscriber"), 3);
}

static void many_in_one_message(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) world_patient(&w, "zhang");
    subscribed(A, "{\"kinds\":[\"patient\"],\"batch\":5}");
    round_trip();
    assert_int_equal(sink_count(&sink), 2);
    sequence_is(0, "1-5");
    sequence_is(1, "6-7");
}

static void a_case_goes_out(void **state)
{
    char id[ID_TEXT_BYTES], county[ID_TEXT_BYTES];
    (void)state;
    subscribed(A, "{\"kinds\":[\"consultation\",\"report\",\"appointment\"],\"export\":false}");
    subscribed(B, "{\"kinds\":[\"report\"],\"export\":false}");
    id_format(world_patient(&w, "zhang"), id);
    id_format(20, county);
    case_begun(done(world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", id, "kind", "offline", "scope", "clinical", "urgency",
                                                                       "urgent", "target_org_id", county, "form", full_form()))));
    case_act(&w, "zhang", "case.submit", json_object());
    round_trip();
    assert_int_equal(sink_count(&sink), 2); /* no report yet, nobody meets */
    entry_is(&sink.list[0], "1", "PUT", "ServiceRequest/case-");
    entry_is(&sink.list[1], "2", "PUT", "Task/task-");
    case_answer(&w);
    round_trip(); /* to A the request, the task and the report; to B, who has the number 1 for it, the task with the opinion and the report */
    assert_int_equal(sink_count(&sink), 7);
    size_t reports = 0;
    for (size_t i = 2; i < 7; i++)
        reports += strstr(sink.list[i].body, "\"resourceType\":\"DiagnosticReport\"") != NULL;
    assert_int_equal(reports, 2);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE subscriber_id=177"), 2); /* B */
}

/* ---- who does not take it ---- */

static void a_dead_neighbour_holds_up_nobody(void **state)
{
    char allowed[200];
    static struct sink gone;
    (void)state;
    sink_open(&gone);
    int port = gone.door.port;
    sink_close(&gone); /* nobody listens there now */
    snprintf(allowed, sizeof allowed, "http://127.0.0.1:%d, %s", port, hook);
    allow(allowed);
    for (int i = 0; i < 3; i++) world_patient(&w, "zhang");
    snprintf(allowed, sizeof allowed, "{\"kinds\":[\"patient\"],\"url\":\"http://127.0.0.1:%d/x\"}", port);
    subscribed(A, allowed);
    subscribed(B, "{\"kinds\":[\"patient\"]}");
    round_trip();
    assert_int_equal(sink_count(&sink), 3);
    for (int i = 0; i < 20; i++) { /* he may be gone for days: nothing is given up */
        w.now_ms += 600000;
        round_trip();
    }
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=0"), 3);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=2"), 0);
    assert_int_equal(number_of("SELECT tries FROM out_subscriber WHERE id=161"), 21);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_subscriber WHERE id=161 AND state='active' AND error<>''"), 1);
}

static void what_is_refused_becomes_a_dead_letter(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) world_patient(&w, "zhang");
    sink.refuse = "X-Yilian-Sequence: 2\r";
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    for (int i = 0; i < OUT_TRIES; i++) {
        round_trip();
        assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=2"), i == OUT_TRIES - 1);
        w.now_ms += 600000;
    }
    assert_int_equal(sink_count(&sink), 1 + OUT_TRIES + 1); /* 1, then 2 again and again, then 3 */
    sequence_is(OUT_TRIES, "2");
    sequence_is(OUT_TRIES + 1, "3");
    json_t *dead = done(world_call(&w, "sys", "out.dead", json_pack("{s:s}", "subscriber_id", A))), *one = json_array_get(json_object_get(dead, "items"), 0);
    assert_int_equal(json_integer_value(json_object_get(one, "seq")), 2);
    assert_string_equal(json_string_value(json_object_get(one, "error")), "HTTP 422");
    json_decref(dead);
    sink.refuse = NULL;
    act("out.retry", "{\"subscriber_id\":\"00000000000000a1\",\"seq\":2}");
    round_trip();
    sequence_is(OUT_TRIES + 2, "2");
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 3);
    assert_int_equal(number_of("SELECT acked_seq FROM out_subscriber"), 3);
}

static void one_bad_entry_spoils_no_batch(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) world_patient(&w, "zhang");
    sink.refuse = "\"valueString\":\"2\"";
    subscribed(A, "{\"kinds\":[\"patient\"],\"batch\":4}");
    for (int i = 0; i < OUT_TRIES + 3; i++) {
        round_trip();
        w.now_ms += 600000;
    }
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 3);
    assert_int_equal(number_of("SELECT seq FROM out_item WHERE state=2"), 2);
}

static void who_refuses_everything_is_stopped(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) world_patient(&w, "zhang");
    sink.status = 403;
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    for (int i = 0; i < 5 * OUT_TRIES; i++) {
        round_trip();
        w.now_ms += 600000;
    }
    assert_int_equal(sink_count(&sink), OUT_DEAD_IN_A_ROW * OUT_TRIES);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_subscriber WHERE state='error'"), 1);
    sink.status = 200;
    act("out.retry", "{\"subscriber_id\":\"00000000000000a1\"}");
    act("out.pause", "{\"subscriber_id\":\"00000000000000a1\",\"paused\":false}");
    round_trip();
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 5);
}

/* ---- the administrator ---- */

static void paused_replayed_exported_removed(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) world_patient(&w, "zhang");
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    round_trip();
    act("out.pause", "{\"subscriber_id\":\"00000000000000a1\",\"paused\":true}");
    world_patient(&w, "zhang");
    round_trip();
    assert_int_equal(sink_count(&sink), 3);
    act("out.pause", "{\"subscriber_id\":\"00000000000000a1\",\"paused\":false}");
    round_trip();
    sequence_is(3, "4");
    act("out.replay", "{\"subscriber_id\":\"00000000000000a1\",\"from\":3}");
    assert_int_equal(number_of("SELECT acked_seq FROM out_subscriber"), 2);
    round_trip();
    assert_int_equal(sink_count(&sink), 6);
    sequence_is(4, "3");
    sequence_is(5, "4");
    assert_string_equal(sink.list[2].body, sink.list[4].body); /* the same thing under the same number */
    assert_null(world_call(&w, "sys", "out.replay", world_json("{\"subscriber_id\":\"00000000000000a1\",\"from\":5}")));
    assert_string_equal(w.fault.fields[0].reason, "range:1..4");
    act("out.export", "{\"subscriber_id\":\"00000000000000a1\"}");
    round_trip();
    assert_int_equal(sink_count(&sink), 10);
    sequence_is(9, "8");
    act("out.remove", "{\"subscriber_id\":\"00000000000000a1\"}");
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item"), 0);
    world_patient(&w, "zhang");
    round_trip();
    assert_int_equal(sink_count(&sink), 10);
}

static void only_to_listed_addresses(void **state)
{
    static const char *const refused[] = {"http://169.254.169.254/latest", "http://127.0.0.1:1/", "https://127.0.0.1/", "http://user:word@127.0.0.1/", "file:///etc/passwd"};
    char text[200];
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        snprintf(text, sizeof text, "{\"kinds\":[\"patient\"],\"url\":\"%s\"}", refused[i]);
        assert_null(subscribe(A, text));
        assert_string_equal(w.fault.fields[0].path, "url");
    }
    world_patient(&w, "zhang");
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    allow("https://elsewhere.example"); /* the list was shortened since */
    round_trip();
    assert_int_equal(sink_count(&sink), 0);
    allow(hook);
    round_trip();
    assert_int_equal(sink_count(&sink), 1);
}

/* ---- what he may see; the pull form ---- */

static char bearer[BEARER_BYTES];

static void client(const char *scopes, int64_t org)
{
    struct tx *tx;
    struct bearer b = {.client = 7001, .until_ms = w.now_ms + 86400000};
    snprintf(b.scopes, sizeof b.scopes, "%s", scopes);
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (7001,'c',$1,$2,'',1,0,0)", "it", org, scopes);
    assert_int_equal(tx_commit(tx), 0);
}

static json_t *pull(int status, const char *query)
{
    struct records_fhir_answer a = {0};
    struct records_fhir q = {.method = "GET", .path = "/$feed", .query = query, .credential = bearer, .accept = "", .content_type = "", .prefer = "", .if_match = "",
                             .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1", .host = "yilian.test", .body = ""};
    records_fhir_call(w.r, &q, &a);
    if (a.status != status) fail_msg("%s: %d %s", query, a.status, a.body ? a.body : "");
    json_t *answer = json_loadb(a.body ? a.body : "", a.len, 0, NULL);
    free(a.body);
    return answer;
}

static size_t pulled(const char *query)
{
    json_t *b = pull(200, query);
    size_t n = json_array_size(json_object_get(b, "entry"));
    json_decref(b);
    return n;
}

static void he_fetches_under_the_same_numbers(void **state)
{
    (void)state;
    client("system/Patient.rs system/Task.rs", 0);
    json_decref(pull(404, "since=0"));
    for (int i = 0; i < 5; i++) world_patient(&w, "zhang");
    subscribed(A, "{\"kinds\":[\"patient\",\"consultation\"],\"url\":\"\",\"client_id\":\"0000000000001b59\"}");
    round_trip(); /* numbered, sent nowhere */
    assert_int_equal(sink_count(&sink), 0);
    assert_int_equal(pulled("since=0&_count=2"), 2);
    assert_int_equal(pulled("since=0"), 5);
    assert_int_equal(number_of("SELECT acked_seq FROM out_subscriber"), 0);
    assert_int_equal(pulled("since=2"), 3);
    assert_int_equal(number_of("SELECT acked_seq FROM out_subscriber"), 2);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 2);
    assert_int_equal(pulled("since=5"), 0);
    assert_int_equal(pulled("since=1"), 4); /* once more, from where he wants */
    json_decref(pull(400, "since=6"));
    json_decref(pull(400, "since=x"));
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='out.deliver' AND session_id=7001"), 14);
    w.now_ms += 40 * 86400000ll;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "DELETE FROM out_item WHERE seq<3", "");
    assert_int_equal(tx_commit(tx), 0);
    json_decref(pull(401, "since=1")); /* his token is old by now */
    w.now_ms -= 40 * 86400000ll;
    json_decref(pull(410, "since=1")); /* not kept any more: he is told, not given less */
    assert_int_equal(pulled("since=2"), 3);
}

static void scopes_are_the_limit(void **state)
{
    (void)state;
    client("system/Task.rs", 0);
    world_patient(&w, "zhang");
    subscribed(A, "{\"kinds\":[\"patient\",\"consultation\"],\"client_id\":\"0000000000001b59\"}");
    round_trip();
    assert_int_equal(sink_count(&sink), 0);
    assert_int_equal(number_of("SELECT last_seq FROM out_subscriber"), 0); /* not even that there is somebody */
}

static void waits_grow(void **state)
{
    (void)state;
    assert_int_equal(outgoing_backoff_ms(1), 2000);
    assert_int_equal(outgoing_backoff_ms(2), 10000);
    assert_int_equal(outgoing_backoff_ms(5), 600000);
    assert_int_equal(outgoing_backoff_ms(500), 600000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {T(everything_then_changes), T(many_in_one_message), T(a_case_goes_out), T(a_dead_neighbour_holds_up_nobody),
                                       T(what_is_refused_becomes_a_dead_letter), T(one_bad_entry_spoils_no_batch), T(who_refuses_everything_is_stopped),
                                       T(paused_replayed_exported_removed), T(only_to_listed_addresses), T(he_fetches_under_the_same_numbers), T(scopes_are_the_limit),
                                       cmocka_unit_test(waits_grow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
