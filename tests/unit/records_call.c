/* The door: rights, CSRF, sessions, kept answers, groups, the audit chain. */
#include "records/access/access.h"
#include "records/audit/audit.h"
#include "records/document/documents.h"
#include "records/org/org.h"
#include "records/parts.h"
#include "records/records.h"
#include "server/base/crypto.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define PASSWORD "First-Password-1"
#define SECOND "Second-Password-2"

static struct {
    struct records *r;
    struct clock clock;
    _Atomic int64_t now_ms; /* the feed's thread reads it too */
    char dir[64], token[80], csrf[64];
} site;

static int64_t site_now(void *ctx)
{
    (void)ctx;
    return site.now_ms;
}

static int site_open(int readers)
{
    struct fault f = {0};
    struct records_config config = {.data_dir = site.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &site.clock, .readers = readers};
    if (records_open(&site.r, &config, &f)) {
        print_error("%s\n", f.text);
        return 1;
    }
    return 0;
}

static int setup(void **state)
{
    struct fault f = {0};
    struct tx *tx;
    (void)state;
    memset(&site, 0, sizeof site);
    strcpy(site.dir, "/tmp/yl-call-XXXXXX");
    site.clock = (struct clock){site_now, NULL};
    site.now_ms = 1795500000000;
    if (!mkdtemp(site.dir) || site_open(2) || tx_begin(records_store(site.r), TX_WRITE, &tx))
        return 1;
    return org_bootstrap(tx, "云岭医联体", "admin", "管理员", PASSWORD, site.now_ms, &f) ? 1 : tx_commit(tx);
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    records_close(site.r);
    snprintf(command, sizeof command, "rm -rf %s", site.dir);
    return system(command);
}

/* Runs one call; the reply is the caller's to clear. Takes args. */
static struct reply call_as(const char *token, const char *op, json_t *args, const char *key)
{
    struct call call = {.op = op, .credential = token, .args = args, .idempotency_key = key, .client_address = "192.0.2.7"};
    struct reply reply;
    records_call(site.r, &call, &reply);
    json_decref(args);
    return reply;
}

static int code_as(const char *token, const char *op, json_t *args)
{
    struct reply reply = call_as(token, op, args, NULL);
    reply_clear(&reply);
    return reply.error;
}

static void sign_in(const char *password)
{
    struct reply reply = call_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "admin", "password", password), NULL);
    assert_int_equal(reply.error, 0);
    strcpy(site.token, reply.set_session);
    snprintf(site.csrf, sizeof site.csrf, "%s", json_string_value(json_object_get(reply.result, "csrf")));
    reply_clear(&reply);
}

static void sign_in_ready(void)
{
    sign_in(PASSWORD);
    assert_int_equal(code_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", PASSWORD, "new", SECOND)), 0);
}

static int64_t count(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    tx_rollback(tx);
    return n;
}

static struct audit_verdict verdict(void)
{
    struct audit_verdict v;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), TX_READ, &tx), 0);
    assert_int_equal(audit_verify(tx, records_parts(site.r)->audit_key, &v), 0);
    tx_rollback(tx);
    return v;
}

static void nobody_gets_in_without_a_session(void **state)
{
    (void)state;
    assert_int_equal(code_as(NULL, "org.list", json_object()), ERR_UNAUTHENTICATED);
    assert_int_equal(code_as("a-token-nobody-has", "org.list", json_object()), ERR_UNAUTHENTICATED);
    assert_int_equal(code_as(NULL, "no.such", json_object()), ERR_NOT_FOUND);
}

static void the_first_password_must_be_changed(void **state)
{
    (void)state;
    sign_in(PASSWORD);
    assert_int_equal(code_as(site.token, "org.list", json_object()), ERR_UNAUTHENTICATED);
    assert_int_equal(code_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", PASSWORD, "new", "short")), ERR_INVALID);
    assert_int_equal(code_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", PASSWORD, "new", PASSWORD)), ERR_INVALID);
    assert_int_equal(code_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", PASSWORD, "new", SECOND)), 0);
    assert_int_equal(code_as(site.token, "org.list", json_object()), 0);
}

static void a_role_without_the_right_is_denied_and_audited(void **state)
{
    (void)state;
    sign_in_ready();
    assert_int_equal(code_as(site.token, "patient.search", json_pack("{s:s}", "q", "li")), ERR_DENIED);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='patient.search' AND outcome='denied' AND detail='right'"), 1);
}

static void a_cookie_needs_its_csrf_token(void **state)
{
    struct call call = {.op = "org.create", .credential = NULL, .by_cookie = true};
    struct reply reply;
    (void)state;
    sign_in_ready();
    call.credential = site.token;
    call.args = json_pack("{s:s,s:s,s:s,s:s}", "kind", "institution", "level", "county", "code", "C1", "name", "县医院");
    records_call(site.r, &call, &reply);
    assert_int_equal(reply.error, ERR_DENIED);
    assert_string_equal(reply.fault.reason, "csrf");
    reply_clear(&reply);
    call.csrf = site.csrf;
    records_call(site.r, &call, &reply);
    assert_int_equal(reply.error, 0);
    reply_clear(&reply);
    json_decref(call.args);
}

static void five_wrong_passwords_lock(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        assert_int_equal(code_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "admin", "password", "wrong")), ERR_UNAUTHENTICATED);
    assert_int_equal(code_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "admin", "password", "wrong")), ERR_LOCKED);
    assert_int_equal(code_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "admin", "password", PASSWORD)), ERR_LOCKED);
    site.now_ms += 16 * 60000;
    assert_int_equal(code_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "admin", "password", PASSWORD)), 0);
}

static void an_idle_session_ends_and_an_active_one_survives_a_restart(void **state)
{
    (void)state;
    sign_in_ready();
    site.now_ms += 10 * 60000;
    assert_int_equal(code_as(site.token, "org.list", json_object()), 0); /* a sign of life */
    records_close(site.r);
    assert_int_equal(site_open(2), 0);
    site.now_ms += 10 * 60000;
    assert_int_equal(code_as(site.token, "org.list", json_object()), 0);
    site.now_ms += 16 * 60000;
    assert_int_equal(code_as(site.token, "org.list", json_object()), ERR_UNAUTHENTICATED);
}

static void a_code_of_the_second_factor_is_good_once(void **state)
{
    (void)state;
    sign_in_ready();
    assert_int_equal(code_as(site.token, "session.totp_enrol", json_pack("{s:s}", "password", PASSWORD)), ERR_INVALID); /* who found the session open does not know it */
    assert_int_equal(count("SELECT SUM(fails) FROM sign_in_try WHERE source<>'all'"), 1);
    struct reply enrol = call_as(site.token, "session.totp_enrol", json_pack("{s:s}", "password", SECOND), NULL);
    assert_int_equal(enrol.error, 0);
    assert_non_null(json_object_get(enrol.result, "qr_svg"));
    reply_clear(&enrol);
    assert_int_equal(code_as(site.token, "session.totp_confirm", json_pack("{s:s}", "code", "000000")), ERR_UNAUTHENTICATED);
    assert_int_equal(count("SELECT totp_on FROM person WHERE login='admin'"), 0);
}

static json_t *institution(const char *code)
{
    return json_pack("{s:s,s:s,s:s,s:s}", "kind", "institution", "level", "county", "code", code, "name", "县医院");
}

static void the_same_key_gives_the_first_answer(void **state)
{
    (void)state;
    sign_in_ready();
    struct reply first = call_as(site.token, "org.create", institution("A"), "key-00000001");
    struct reply again = call_as(site.token, "org.create", institution("A"), "key-00000001");
    struct reply other = call_as(site.token, "org.create", institution("B"), "key-00000001");
    assert_int_equal(first.error, 0);
    assert_int_equal(again.error, 0);
    assert_true(json_equal(first.result, again.result));
    assert_int_equal(other.error, ERR_CONFLICT);
    assert_int_equal(count("SELECT COUNT(*) FROM org WHERE code IN ('A','B')"), 1);
    reply_clear(&first);
    reply_clear(&again);
    reply_clear(&other);
}

/* ---- groups ---- */

static struct {
    pthread_mutex_t lock;
    int answered, failed;
} tally = {PTHREAD_MUTEX_INITIALIZER, 0, 0};

static void answered(void *ctx, struct reply *reply)
{
    (void)ctx;
    pthread_mutex_lock(&tally.lock);
    tally.answered++;
    tally.failed += reply->error != 0;
    pthread_mutex_unlock(&tally.lock);
    reply_clear(reply);
}

static int answers(void)
{
    pthread_mutex_lock(&tally.lock);
    int n = tally.answered;
    pthread_mutex_unlock(&tally.lock);
    return n;
}

static void one_failing_write_harms_no_neighbour(void **state)
{
    (void)state;
    sign_in_ready();
    tally.answered = tally.failed = 0;
    for (int i = 0; i < 200; i++) {
        char code[16];
        snprintf(code, sizeof code, "G%d", i / 2); /* every second one is taken already */
        json_t *args = institution(code);
        struct call call = {.op = "org.create", .credential = site.token, .args = args};
        assert_int_equal(records_submit(site.r, &call, answered, NULL), 0);
        json_decref(args);
    }
    for (int i = 0; answers() < 200 && i < 3000; i++)
        usleep(10000);
    assert_int_equal(answers(), 200);
    assert_int_equal(tally.failed, 100);
    assert_int_equal(count("SELECT COUNT(*) FROM org WHERE level='county'"), 100);
    assert_int_equal(verdict().first_bad, 0);
}

/* ---- the chain ---- */

static void tamper(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static void make_lines(void)
{
    sign_in_ready();
    for (int i = 0; i < 5; i++) {
        char code[16];
        snprintf(code, sizeof code, "L%d", i);
        assert_int_equal(code_as(site.token, "org.create", institution(code)), 0);
    }
    assert_int_equal(verdict().first_bad, 0);
    assert_true(verdict().lines >= 7);
}

static void a_changed_line_is_found(void **state)
{
    (void)state;
    make_lines();
    tamper("UPDATE audit SET person_id=person_id+1 WHERE seq=4");
    assert_int_equal(verdict().first_bad, 4);
}

static void a_deleted_line_is_found(void **state)
{
    (void)state;
    make_lines();
    tamper("DELETE FROM audit WHERE seq=3");
    assert_int_equal(verdict().first_bad, 3);
}

static void swapped_lines_are_found(void **state)
{
    (void)state;
    make_lines();
    tamper("UPDATE audit SET seq=CASE seq WHEN 4 THEN -5 WHEN 5 THEN -4 ELSE seq END; ");
    tamper("UPDATE audit SET seq=-seq WHERE seq<0");
    assert_int_equal(verdict().first_bad, 4);
}

static void a_cut_tail_is_found(void **state)
{
    (void)state;
    make_lines();
    tamper("DELETE FROM audit WHERE seq>=(SELECT MAX(seq) FROM audit)");
    assert_int_not_equal(verdict().first_bad, 0);
    tamper("UPDATE audit_head SET seq=(SELECT MAX(seq) FROM audit), hash=(SELECT hash FROM audit ORDER BY seq DESC LIMIT 1)");
    assert_int_not_equal(verdict().first_bad, 0); /* the seal needs the site's key */
}

/* ---- roles ---- */

/* Nor have it sent: who registers a machine client or a subscriber reads what it reads. That is the consortium's to decide, not the machine's keeper's. */
static void the_machines_keeper_lets_no_system_in(void **state)
{
    static const char *const rights[] = {"client.manage", "exchange.manage", "exchange.repair", "person.manage", "policy.set", "mpi.manage", "audit.read", "fhir.read"};
    const struct access *a = records_parts(site.r)->access;
    (void)state;
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
        if (access_roles_may(a, 1ull << access_role(a, "sys_admin"), rights[i]))
            fail_msg("%s", rights[i]);
}

static void administrators_never_read_health_data(void **state)
{
    static const char *const rights[] = {"patient.read", "patient.write", "case.read", "case.create", "case.consult", "document.read", "document.write"};
    static const char *const roles[] = {"sys_admin", "consortium_admin", "auditor", "manager"};
    const struct access *a = records_parts(site.r)->access;
    (void)state;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        assert_true(access_role(a, roles[i]) >= 0);
        for (size_t j = 0; j < sizeof rights / sizeof *rights; j++)
            assert_false(access_roles_may(a, 1ull << access_role(a, roles[i]), rights[j]));
    }
    assert_true(access_roles_may(a, 1ull << access_role(a, "capture"), "document.write"));
    assert_false(access_roles_may(a, 1ull << access_role(a, "capture"), "document.read"));
    assert_int_equal(access_role(a, "nobody"), -1);
}

/* functions.md 4.2, "Slots/roster": offices and dispatchers manage, experts keep their own, applicants book, others nothing. */
static void slots_are_kept_by_whom_the_matrix_names(void **state)
{
    static const struct {
        const char *role;
        bool read, write, rooms, roster; /* roster.read: one's own leave; the rest is decided by place */
    } rows[] = {{"applicant", true, false, false, false}, {"medical_affairs", true, true, true, true}, {"dispatcher", true, true, true, true},
                {"expert", true, true, false, true}, {"dept_head", true, true, false, true}, {"consortium_admin", true, true, true, true},
                {"sys_admin", false, false, false, false}, {"auditor", false, false, false, false}, {"manager", false, false, false, false},
                {"trainee", false, false, false, false}, {"display", false, false, false, false}};
    const struct access *a = records_parts(site.r)->access;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t role = 1ull << access_role(a, rows[i].role);
        if (access_roles_may(a, role, "slot.read") != rows[i].read || access_roles_may(a, role, "slot.write") != rows[i].write ||
            access_roles_may(a, role, "slot.manage") != rows[i].rooms || access_roles_may(a, role, "roster.read") != rows[i].roster)
            fail_msg("%s", rows[i].role);
    }
    uint64_t display = 1ull << access_role(a, "display");
    assert_true(access_roles_may(a, display, "board.read"));
    assert_false(access_roles_may(a, display, "case.read"));
    assert_true(access_roles_may(a, 1ull << access_role(a, "manager"), "board.read")); /* numbers and deadlines, no patient */
}

/* Every right an operation asks for is somebody's, so that no operation is out of everybody's reach. */
static void every_right_is_somebodys(void **state)
{
    const struct access *a = records_parts(site.r)->access;
    (void)state;
    for (const struct op *const *t = op_tables; *t; t++)
        for (const struct op *o = *t; o->name; o++) {
            if (o->right && !access_roles_may(a, ~0ull, o->right))
                fail_msg("%s: nobody has the right %s", o->name, o->right);
            if (!o->right && !(o->flags & (OP_ANONYMOUS | OP_SYSTEM)))
                fail_msg("%s has no right", o->name);
        }
}

/* Emergency access is judged by medical affairs of the house (functions.md 3.8), not by whoever reviews applications or keeps accounts. */
static void emergency_access_is_judged_by_the_offices(void **state)
{
    const struct access *a = records_parts(site.r)->access;
    static const char *const no[] = {"dispatcher", "consortium_admin", "expert", "applicant", "sys_admin", "auditor"};
    (void)state;
    assert_string_equal(op_find("case.override_review")->right, "case.override_review");
    assert_true(access_roles_may(a, 1ull << access_role(a, "medical_affairs"), "case.override_review"));
    assert_true(access_roles_may(a, 1ull << access_role(a, "township_head"), "case.override_review"));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(access_roles_may(a, 1ull << access_role(a, no[i]), "case.override_review"));
}

static void nobody_changes_his_own_roles(void **state)
{
    (void)state;
    sign_in_ready();
    struct reply me = call_as(site.token, "session.get", json_object(), NULL);
    json_t *id = json_incref(json_object_get(json_object_get(me.result, "person"), "id"));
    reply_clear(&me);
    assert_int_equal(code_as(site.token, "person.posts", json_pack("{s:o,s:[]}", "person_id", id, "posts")), ERR_DENIED);
}

/* ---- what a session that is not ready may do ---- */

static int64_t admin_id(void)
{
    return count("SELECT id FROM person WHERE login='admin'");
}

static void exec(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(site.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* Who has the password and not the second factor neither changes the password nor looks at the owner's sessions, nor ends them. */
static void a_password_alone_does_nothing_before_the_second_factor(void **state)
{
    struct reply reply;
    (void)state;
    sign_in_ready();
    exec("UPDATE person SET totp_on=1, totp_secret=NULL");
    sign_in(SECOND);
    reply = call_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", SECOND, "new", "Third-Password-3"), NULL);
    assert_int_equal(reply.error, ERR_SECOND_FACTOR);
    reply_clear(&reply);
    assert_int_equal(code_as(site.token, "session.list", json_object()), ERR_SECOND_FACTOR);
    assert_int_equal(code_as(site.token, "session.end", json_pack("{s:s}", "session_id", "0000000000000001")), ERR_SECOND_FACTOR);
    assert_int_equal(code_as(site.token, "session.post", json_pack("{s:s}", "post_id", "0000000000000001")), ERR_SECOND_FACTOR);
    assert_int_equal(code_as(site.token, "notice.list", json_object()), ERR_SECOND_FACTOR);
    assert_int_equal(code_as(site.token, "session.get", json_object()), 0);
    assert_int_equal(code_as(site.token, "session.logout", json_object()), 0);
}

static void open_phone(char token[80])
{
    struct fault f = {0};
    struct actor as = {.person = {(uint64_t)admin_id()}, .org = {(uint64_t)count("SELECT MIN(org_id) FROM post")}};
    struct op_ctx ctx = {.records = site.r, .actor = &as, .now_ms = site.now_ms, .fault = &f, .set_session = token};
    uint64_t session;
    assert_int_equal(tx_begin(records_store(site.r), TX_WRITE, &ctx.tx), 0);
    assert_int_equal(session_open_limited(&ctx, &as, "capture", site.now_ms + 1200000, &session), 0);
    assert_int_equal(tx_commit(ctx.tx), 0);
}

/* The code on the screen can be photographed by whoever stands there: what it opens adds photos, and is nobody's sign-in. */
static void a_phone_adds_photos_and_does_nothing_else(void **state)
{
    static const struct {
        const char *op, *args;
    } closed[] = {{"notice.list", "{}"}, {"notice.read_all", "{}"}, {"audit.mine", "{}"}, {"session.list", "{}"}, {"session.totp_enrol", "{}"},
                  {"session.post", "{\"post_id\":\"0000000000000001\"}"}, {"session.end", "{\"session_id\":\"0000000000000001\"}"}, {"org.list", "{}"},
                  {"case.capture", "{\"case_id\":\"0000000000000001\"}"}, {"document.withdraw", "{\"document_id\":\"0000000000000001\",\"reason\":\"xx\"}"},
                  {"document.update", "{\"document_id\":\"0000000000000001\",\"name\":\"x\"}"}, {"patient.search", "{\"q\":\"li\"}"},
                  {"person.signature", "{\"person_id\":\"0000000000000001\",\"document_id\":\"0000000000000001\"}"}};
    char token[80];
    (void)state;
    sign_in_ready();
    open_phone(token);
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (code_as(token, closed[i].op, json_loads(closed[i].args, 0, NULL)) != ERR_DENIED)
            fail_msg("%s", closed[i].op);
    struct reply me = call_as(token, "session.get", json_object(), NULL);
    assert_string_equal(json_string_value(json_object_get(me.result, "stage")), "capture");
    reply_clear(&me);
    assert_int_equal(code_as(token, "upload.status", json_pack("{s:s}", "upload_id", "0000000000000001")), ERR_GONE); /* none of his */
}

/* ---- what is read again is noted again ---- */

static void make_doctor(void)
{
    char initial[64];
    sign_in_ready();
    struct reply made = call_as(site.token, "person.create", json_pack("{s:s,s:s}", "login", "zhang", "name", "张医生"), NULL);
    assert_int_equal(made.error, 0);
    snprintf(initial, sizeof initial, "%s", json_string_value(json_object_get(made.result, "initial_password")));
    json_t *house = json_sprintf("%016llx", (unsigned long long)count("SELECT MIN(org_id) FROM post"));
    assert_int_equal(code_as(site.token, "person.posts", json_pack("{s:O,s:[{s:o,s:[s]}]}", "person_id", json_object_get(made.result, "id"), "posts", "org_id", house, "roles", "applicant")), 0);
    reply_clear(&made);
    struct reply in = call_as(NULL, "session.login", json_pack("{s:s,s:s}", "login", "zhang", "password", initial), NULL);
    strcpy(site.token, in.set_session);
    reply_clear(&in);
    assert_int_equal(code_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", initial, "new", SECOND)), 0);
}

static void an_answer_given_again_is_of_the_same_patient(void **state)
{
    (void)state;
    make_doctor();
    struct reply made = call_as(site.token, "patient.create", json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", "李明", "sex", "male", "birth_date", "1960-05-05", "id_type", "none", "phone", "13800000000"), NULL);
    assert_int_equal(made.error, 0);
    for (int i = 0; i < 2; i++) {
        json_t *args = json_pack("{s:O,s:s,s:s}", "patient_id", json_object_get(made.result, "id"), "what", "phone", "reason", "回访");
        struct reply shown = call_as(site.token, "patient.reveal", args, "key-00000001");
        assert_int_equal(shown.error, 0);
        assert_string_equal(json_string_value(json_object_get(shown.result, "value")), "13800000000");
        reply_clear(&shown);
    }
    reply_clear(&made);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='patient.reveal' AND outcome='ok' AND patient_id<>0"), 2);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='patient.reveal' AND detail='again'"), 1);
}

static struct reply new_patient(const char *name)
{
    struct reply made = call_as(site.token, "patient.create", json_pack("{s:s,s:s,s:s,s:s}", "name", name, "sex", "male", "birth_date", "1960-05-05", "id_type", "none"), NULL);
    assert_int_equal(made.error, 0);
    return made;
}

/* A timeline is of all records that are the person's; each keeps who read it, should it turn out to be somebody else's. */
static void each_record_of_a_timeline_has_its_line(void **state)
{
    (void)state;
    make_doctor();
    struct reply one = new_patient("李明"), other = new_patient("王芳");
    exec("UPDATE mpi_member SET person_id=1, how='steward'");
    struct reply read = call_as(site.token, "patient.timeline", json_pack("{s:O}", "patient_id", json_object_get(one.result, "id")), NULL);
    assert_int_equal(read.error, 0);
    assert_int_equal(json_array_size(json_object_get(read.result, "sources")), 2);
    reply_clear(&read);
    reply_clear(&one);
    reply_clear(&other);
    assert_int_equal(count("SELECT COUNT(DISTINCT patient_id) FROM audit WHERE op='patient.timeline' AND outcome='ok'"), 2);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='patient.timeline' AND detail LIKE 'basis=own with=%'"), 1);
    assert_int_equal(verdict().first_bad, 0);
}

/* ---- what an ended session has open ---- */

static void a_new_password_closes_what_other_sessions_read(void **state)
{
    struct documents *d = records_parts(site.r)->documents;
    struct document_handle h = {.bytes = 1}, found;
    char mine[DOCUMENT_HANDLE_BYTES], other[DOCUMENT_HANDLE_BYTES];
    (void)state;
    sign_in_ready();
    sign_in(SECOND);
    h.session = (uint64_t)count("SELECT MIN(id) FROM session");
    assert_int_equal(documents_handle_make(d, &h, site.now_ms, other), 0);
    h.session = (uint64_t)count("SELECT MAX(id) FROM session");
    assert_int_equal(documents_handle_make(d, &h, site.now_ms, mine), 0);
    site.now_ms++;
    assert_int_equal(code_as(site.token, "session.password", json_pack("{s:s,s:s}", "old", SECOND, "new", "Third-Password-3")), 0);
    assert_int_equal(documents_handle_find(d, other, site.now_ms, &found), ERR_GONE);
    assert_int_equal(documents_handle_find(d, mine, site.now_ms, &found), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {T(nobody_gets_in_without_a_session),
                                       T(the_first_password_must_be_changed),
                                       T(a_role_without_the_right_is_denied_and_audited),
                                       T(a_cookie_needs_its_csrf_token),
                                       T(five_wrong_passwords_lock),
                                       T(an_idle_session_ends_and_an_active_one_survives_a_restart),
                                       T(a_code_of_the_second_factor_is_good_once),
                                       T(the_same_key_gives_the_first_answer),
                                       T(one_failing_write_harms_no_neighbour),
                                       T(a_changed_line_is_found),
                                       T(a_deleted_line_is_found),
                                       T(swapped_lines_are_found),
                                       T(a_cut_tail_is_found),
                                       T(administrators_never_read_health_data), T(the_machines_keeper_lets_no_system_in),
                                       T(every_right_is_somebodys), T(emergency_access_is_judged_by_the_offices),
                                       T(nobody_changes_his_own_roles), T(a_password_alone_does_nothing_before_the_second_factor),
                                       T(a_phone_adds_photos_and_does_nothing_else), T(an_answer_given_again_is_of_the_same_patient), T(each_record_of_a_timeline_has_its_line), T(a_new_password_closes_what_other_sessions_read), T(slots_are_kept_by_whom_the_matrix_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
