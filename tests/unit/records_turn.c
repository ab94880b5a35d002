/* Quick reads and new resources that share a transaction (records/call/fhir_door.c, turn.h): nobody's end is overlooked, nobody gets another's rights, every
 * read of health data is in the audit before its answer, and one that fails harms no neighbour. */
#include "records/audit/audit.h"
#include "records/call/open.h"
#include "records/fhir/client.h"
#include "records/org/org.h"
#include "records/parts.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define PASSWORD "First-Password-1"
#define SECOND "Second-Password-2"
#define READERS 2

static struct {
    struct records *r;
    struct clock clock;
    _Atomic int64_t now_ms;
    char dir[64], token[80], person[40], bearer[BEARER_BYTES], other[BEARER_BYTES], writing[BEARER_BYTES];
} site;

static atomic_int promised; /* answers that said of another that it follows, and it did not yet */
static atomic_int shown, unaudited; /* resources shown, and those of them whose line was not there yet */

static int64_t site_now(void *ctx)
{
    (void)ctx;
    return site.now_ms;
}

static void run_sql(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static int64_t count(const char *sql)
{
    struct tx *tx;
    if (tx_begin(records_store(site.r), TX_READ, &tx)) return -1;
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static struct reply call_as(const char *token, const char *op, json_t *args)
{
    struct call call = {.op = op, .credential = token, .args = args, .client_address = "192.0.2.7"};
    struct reply reply;
    records_call(site.r, &call, &reply);
    json_decref(args);
    assert_int_equal(reply.error, 0);
    return reply;
}

static void sign_in(void)
{
    struct reply reply = call_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "admin", "password", PASSWORD));
    snprintf(site.token, sizeof site.token, "%s", reply.set_session);
    snprintf(site.person, sizeof site.person, "%s", json_string_value(json_object_get(json_object_get(reply.result, "person"), "id")));
    reply_clear(&reply);
    reply = call_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", PASSWORD, "new", SECOND));
    reply_clear(&reply);
}

static void make_client(int id, const char *scopes, char bearer[BEARER_BYTES])
{
    char sql[400];
    struct bearer b = {.client = (uint64_t)id, .until_ms = site.now_ms + BEARER_MS};
    snprintf(b.scopes, sizeof b.scopes, "%s", scopes);
    snprintf(sql, sizeof sql, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (%d,'c%d',0,'%s','{}',1,0,0)", id, id, scopes);
    run_sql(sql);
    bearer_make(records_parts(site.r)->fhir, &b, bearer);
}

static struct records_fhir asking(const char *method, const char *path, const char *credential)
{
    return (struct records_fhir){.method = method, .path = path, .query = "", .accept = "", .content_type = "application/fhir+json", .prefer = "", .if_match = "",
                                 .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .credential = credential, .csrf = "",
                                 .client_address = "192.0.2.8", .host = "", .body = ""};
}

static void make_patient(int n)
{
    char path[40], body[200];
    struct records_fhir_answer answer;
    snprintf(path, sizeof path, "/Patient/p%d", n);
    snprintf(body, sizeof body, "{\"resourceType\":\"Patient\",\"id\":\"p%d\",\"gender\":\"female\"}", n);
    struct records_fhir q = asking("PUT", path, records_system_credential(site.r));
    q.body = body;
    q.len = strlen(body);
    memset(&answer, 0, sizeof answer);
    records_fhir_call(site.r, &q, &answer);
    assert_int_equal(answer.status, 201);
    free(answer.body);
}

static int setup(void **state)
{
    struct fault f = {0};
    struct tx *tx;
    (void)state;
    shown = unaudited = promised = 0;
    strcpy(site.dir, "/tmp/yl-turn-XXXXXX");
    site.clock = (struct clock){site_now, NULL};
    site.now_ms = 1795500000000;
    struct records_config config = {.data_dir = site.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &site.clock, .readers = READERS};
    if (!mkdtemp(site.dir) || records_open(&site.r, &config, &f) || tx_begin(records_store(site.r), TX_WRITE, &tx)) return 1;
    if (org_bootstrap(tx, "云岭医联体", "admin", "管理员", PASSWORD, site.now_ms, &f) || tx_commit(tx)) return 1;
    make_client(71, "system/Patient.read", site.bearer);
    make_client(72, "system/Observation.read", site.other);
    make_client(73, "system/Observation.write", site.writing);
    for (int i = 1; i <= 4; i++)
        make_patient(i);
    return 0;
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    records_close(site.r);
    assert_int_equal(unaudited, 0);
    assert_int_equal(promised, 0);
    snprintf(command, sizeof command, "rm -rf %s", site.dir);
    return system(command);
}

/* ---- asking ---- */

struct asked { /* one question and what became of it */
    _Atomic int result; /* status or code; -1 = not answered */
};

static void keep_promise(const struct records_fhir_answer *answer)
{
    static _Thread_local bool follows;
    promised += answer->another_follows - follows;
    follows = answer->another_follows;
}

static void fhir_done(void *ctx, struct records_fhir_answer *answer)
{
    keep_promise(answer);
    int n = answer->status == 200 ? ++shown : 0;
    if (count("SELECT COUNT(*) FROM audit WHERE op='fhir.read' AND outcome='ok'") < n)
        unaudited++;
    ((struct asked *)ctx)->result = answer->status;
}

/* `path` is borrowed until the answer. */
static void ask_path(struct asked *a, const char *bearer, const char *path)
{
    a->result = -1;
    struct records_fhir q = asking("GET", path, bearer);
    assert_int_equal(records_fhir_submit(site.r, &q, fhir_done, a), 0);
}

static void ask_patient(struct asked *a, const char *bearer, int n)
{
    static const char *const paths[] = {"", "/Patient/p1", "/Patient/p2", "/Patient/p3", "/Patient/p4"};
    ask_path(a, bearer, paths[n]);
}

static void write_done(void *ctx, struct records_fhir_answer *answer)
{
    keep_promise(answer);
    ((struct asked *)ctx)->result = answer->status;
}

static void ask_new(struct asked *a, const char *bearer)
{
    static const char body[] = "{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/p1\"}}";
    a->result = -1;
    struct records_fhir q = asking("POST", "/Observation", bearer);
    q.body = body;
    q.len = strlen(body);
    assert_int_equal(records_fhir_submit(site.r, &q, write_done, a), 0);
}

static void op_done(void *ctx, struct reply *reply)
{
    ((struct asked *)ctx)->result = reply->error;
    reply_clear(reply);
}

static void ask_term(struct asked *a, const char *token)
{
    json_t *args = json_pack("{s:s}", "q", "I10");
    struct call call = {.op = "term.icd10", .credential = token, .args = args, .client_address = "192.0.2.7"};
    a->result = -1;
    assert_int_equal(records_submit(site.r, &call, op_done, a), 0);
    json_decref(args);
}

static int result_of(struct asked *a)
{
    for (int i = 0; a->result == -1 && i < 20000; i++)
        usleep(1000);
    return a->result;
}

/* Writer and readers are kept busy, so that what is asked meanwhile waits together. */
static struct {
    atomic_int held;
    atomic_bool go;
} gate;

static void hold(void *ctx)
{
    (void)ctx;
    gate.held++;
    while (!gate.go)
        usleep(200);
}

static void close_gate(void)
{
    gate.held = 0;
    gate.go = false;
    for (int i = 0; i < READERS; i++)
        assert_int_equal(records_pool_run(site.r, hold, NULL), 0);
    assert_int_equal(records_writer_run(site.r, hold, NULL), 0);
    while (gate.held < READERS + 1)
        usleep(200);
}

/* ---- tests ---- */

#define MANY 90 /* three turns */
static struct asked many[MANY];

static void every_read_is_in_the_audit_before_its_answer(void **state)
{
    (void)state;
    close_gate();
    for (int i = 0; i < MANY; i++)
        ask_patient(&many[i], site.bearer, 1 + i % 4);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='fhir.read'"), 0);
    gate.go = true;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(result_of(&many[i]), 200);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='fhir.read' AND outcome='ok' AND session_id=71 AND detail='Patient v1'"), MANY);
    struct audit_verdict v;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), TX_READ, &tx), 0);
    assert_int_equal(audit_verify(tx, records_parts(site.r)->audit_key, &v), 0);
    tx_rollback(tx);
    assert_int_equal(v.first_bad, 0);
}

static void nobody_reads_with_a_neighbours_rights(void **state)
{
    (void)state;
    close_gate();
    for (int i = 0; i < MANY; i++)
        ask_patient(&many[i], i % 3 == 0 ? site.bearer : i % 3 == 1 ? site.other : "f1.not.one", 1 + i % 4);
    gate.go = true;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(result_of(&many[i]), i % 3 == 0 ? 200 : i % 3 == 1 ? 403 : 401);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='fhir.read' AND outcome='denied' AND session_id=72"), MANY / 3);
}

static void nobody_writes_with_a_neighbours_rights(void **state)
{
    (void)state;
    close_gate();
    for (int i = 0; i < MANY; i++)
        ask_new(&many[i], i % 3 == 0 ? site.writing : i % 3 == 1 ? site.other : "f1.not.one");
    assert_int_equal(count("SELECT COUNT(*) FROM fhir_resource WHERE type='Observation'"), 0);
    gate.go = true;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(result_of(&many[i]), i % 3 == 0 ? 201 : i % 3 == 1 ? 403 : 401);
    assert_int_equal(count("SELECT COUNT(*) FROM fhir_resource WHERE type='Observation'"), MANY / 3);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='fhir.create' AND outcome='ok' AND session_id=73"), MANY / 3);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='fhir.create' AND outcome='denied' AND session_id=72"), MANY / 3);
}

static void one_that_cannot_be_read_harms_no_neighbour(void **state)
{
    (void)state;
    run_sql("UPDATE fhir_resource SET body=facts WHERE name='p2'");
    close_gate();
    for (int i = 0; i < MANY; i++)
        ask_patient(&many[i], site.bearer, 1 + i % 4);
    gate.go = true;
    for (int i = 0; i < MANY; i++)
        if (i % 4 == 1)
            assert_true(result_of(&many[i]) >= 500);
        else
            assert_int_equal(result_of(&many[i]), 200);
}

/* The statement that looks for a Patient's kin fails, and with it his read's transaction. */
static void one_that_breaks_the_transaction_harms_no_neighbour(void **state)
{
    (void)state;
    run_sql("DROP TABLE fhir_patient");
    close_gate();
    for (int i = 0; i < MANY; i++)
        if (i % 3 == 0)
            ask_patient(&many[i], site.bearer, 1);
        else if (i % 3 == 1)
            ask_new(&many[i], site.writing);
        else
            ask_path(&many[i], site.other, "/Observation/none");
    gate.go = true;
    for (int i = 0; i < MANY; i++)
        if (i % 3 == 0)
            assert_true(result_of(&many[i]) >= 500);
        else
            assert_int_equal(result_of(&many[i]), i % 3 == 1 ? 201 : 404);
    assert_int_equal(count("SELECT COUNT(*) FROM fhir_resource WHERE type='Observation'"), MANY / 3);
}

/* The house's own resources, terminology and exports may take long: they are read by a reader, while the writer is held. */
static void what_may_take_long_does_not_run_on_the_writer(void **state)
{
    static const char *const paths[] = {"/Patient/mpi-0000000000000001", "/CodeSystem/none", "/ValueSet/none", "/export/1"};
    (void)state;
    gate.held = 0;
    gate.go = false;
    assert_int_equal(records_writer_run(site.r, hold, NULL), 0);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        ask_path(&many[i], records_system_credential(site.r), paths[i]);
        assert_int_equal(result_of(&many[i]), 404); /* nothing was shown: no line that waits for the writer */
    }
    gate.go = true;
}

/* Asks on and on from a thread of its own, so that there is always a turn which knows the credential. */
static atomic_bool stop_asking;

static void *keep_asking(void *arg)
{
    bool fhir = arg != NULL;
    struct asked own[16];
    while (!stop_asking) {
        for (int i = 0; i < 16; i++) {
            if (fhir)
                ask_patient(&own[i], site.bearer, 3);
            else
                ask_term(&own[i], site.token);
        }
        for (int i = 0; i < 16; i++)
            result_of(&own[i]);
    }
    return NULL;
}

static void first_answer(bool fhir, int expected)
{
    if (fhir)
        ask_patient(&many[0], site.bearer, 1);
    else
        ask_term(&many[0], site.token);
    assert_int_equal(result_of(&many[0]), expected);
}

/* What `end` does is committed when it returns: not one question that is asked from then on may be answered. */
static void nothing_after(bool fhir, void (*end)(void), int refused)
{
    pthread_t thread;
    stop_asking = false;
    assert_int_equal(pthread_create(&thread, NULL, keep_asking, fhir ? &thread : NULL), 0);
    for (int i = 0; i < 20; i++)
        first_answer(fhir, fhir ? 200 : 0);
    end();
    for (int i = 0; i < 40; i++) {
        if (fhir)
            ask_patient(&many[i], site.bearer, 1);
        else
            ask_term(&many[i], site.token);
    }
    for (int i = 0; i < 40; i++)
        assert_int_equal(result_of(&many[i]), refused);
    stop_asking = true;
    pthread_join(thread, NULL);
}

static void remove_client(void)
{
    struct reply reply = call_as(records_system_credential(site.r), "client.remove", json_pack("{s:s}", "client_id", "0000000000000047"));
    reply_clear(&reply);
}

static void a_client_that_is_removed_reads_nothing_more(void **state)
{
    (void)state;
    nothing_after(true, remove_client, 401);
}

static void let_bearer_expire(void)
{
    site.now_ms += BEARER_MS;
}

static void a_bearer_token_ends_with_its_time(void **state)
{
    (void)state;
    nothing_after(true, let_bearer_expire, 401);
}

static void log_out(void)
{
    struct reply reply = call_as(site.token, "session.logout", json_object());
    reply_clear(&reply);
}

static void a_session_that_was_ended_asks_nothing_more(void **state)
{
    (void)state;
    sign_in();
    nothing_after(false, log_out, ERR_UNAUTHENTICATED);
}

static void deactivate(void)
{
    run_sql("UPDATE person SET active=0 WHERE login='admin'");
}

static void a_person_who_has_left_asks_nothing_more(void **state)
{
    (void)state;
    sign_in();
    nothing_after(false, deactivate, ERR_UNAUTHENTICATED);
}

static void second_step(void)
{
    run_sql("UPDATE session SET stage='totp' WHERE ended_ms=0");
}

static void a_session_that_must_prove_itself_again_waits(void **state)
{
    (void)state;
    sign_in();
    nothing_after(false, second_step, ERR_SECOND_FACTOR);
}

/* Nobody asks beside it: each question is a sign of life. */
static void an_idle_session_ends(void **state)
{
    (void)state;
    sign_in();
    first_answer(false, 0);
    site.now_ms += 10 * 60000;
    first_answer(false, 0); /* moves the end */
    site.now_ms += 10 * 60000;
    first_answer(false, 0);
    site.now_ms += 16 * 60000;
    first_answer(false, ERR_UNAUTHENTICATED);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(every_read_is_in_the_audit_before_its_answer),
                                       T(nobody_reads_with_a_neighbours_rights),
                                       T(nobody_writes_with_a_neighbours_rights),
                                       T(one_that_cannot_be_read_harms_no_neighbour),
                                       T(one_that_breaks_the_transaction_harms_no_neighbour),
                                       T(what_may_take_long_does_not_run_on_the_writer),
                                       T(a_client_that_is_removed_reads_nothing_more),
                                       T(a_bearer_token_ends_with_its_time),
                                       T(a_session_that_was_ended_asks_nothing_more),
                                       T(a_person_who_has_left_asks_nothing_more),
                                       T(a_session_that_must_prove_itself_again_waits),
                                       T(an_idle_session_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
