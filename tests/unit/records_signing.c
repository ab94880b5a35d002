/* Signing through the whole door: with the policy on, only a fresh code of the second factor signs; with it off, the password once more
 * does. functions.md 1.4 (E-Signature Law: sole control), 4.2 (sign right). */
#include "server/base/crypto.h"
#include "tests/support/case.h"
#include "tests/support/door.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PASSWORD "First-Password-1"

static struct world w;
static struct door_session qian;
static uint8_t secret[64];
static size_t secret_len;

/* A case that waits for qian's signature. */
static void new_case(void)
{
    char patient[ID_TEXT_BYTES], county[ID_TEXT_BYTES], neuro[ID_TEXT_BYTES], expert[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), patient);
    id_format(20, county);
    id_format(21, neuro);
    id_format(who("qian")->id, expert);
    json_t *c = world_call(&w, "zhang", "case.create",
                           json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", patient, "kind", "offline", "scope", "clinical", "urgency",
                                     "routine", "target_org_id", county, "form", full_form()));
    case_begun(c);
    case_act(&w, "zhang", "case.submit", json_object());
    case_act(&w, "li", "case.approve_home", json_object());
    case_act(&w, "chen", "case.triage", json_pack("{s:s}", "dept_id", neuro));
    case_act(&w, "chen", "case.assign", json_pack("{s:s}", "expert_id", expert));
    case_act(&w, "qian", "case.accept", json_object());
    case_act(&w, "qian", "case.begin_review", json_object());
}

static void sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, text, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static int64_t count(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

static struct reply call(const char *op, json_t *args, const char *key)
{
    struct call c = {.op = op, .credential = qian.token, .args = args, .idempotency_key = key, .csrf = qian.csrf, .by_cookie = true};
    struct reply reply = door_wait(w.r, &c);
    json_decref(args);
    return reply;
}

/* "" when it was done, else the fault's reason. */
static const char *tried(const char *op, json_t *args, int code)
{
    static char reason[64];
    struct reply reply = call(op, args, NULL);
    if (reply.error != code)
        fail_msg("%s: %s %s %s", op, err_wire(reply.error), reply.fault.reason, reply.fault.n_fields ? reply.fault.fields[0].path : "");
    snprintf(reason, sizeof reason, "%s", reply.error ? reply.fault.reason : "");
    if (!reply.error && json_is_integer(json_object_get(reply.result, "version")))
        the_case.version = json_integer_value(json_object_get(reply.result, "version"));
    reply_clear(&reply);
    return reason;
}

static json_t *signature(const char *password)
{
    return json_pack("{s:s,s:I,s:o,s:s?}", "case_id", the_case.id, "version", (json_int_t)the_case.version, "body", full_opinion(), "password", password);
}

static json_t *with(json_t *args, const char *password) /* an absent member rather than null */
{
    if (!password)
        json_object_del(args, "password");
    return args;
}
#define SIGN(password, code) tried("case.sign_opinion", with(signature(password), password), code)

static json_t *code_now(void)
{
    char text[16];
    for (int n = 0; n < 1000000; n++) { /* the one that fits the step of this moment */
        snprintf(text, sizeof text, "%06d", n);
        if (crypto_totp_verify(secret, secret_len, text, w.now_ms) == w.now_ms / 30000)
            return json_pack("{s:s}", "code", text);
    }
    return NULL;
}

static void enrol(void)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    struct reply reply = call("session.totp_enrol", json_pack("{s:s}", "password", PASSWORD), NULL);
    assert_int_equal(reply.error, 0);
    uint64_t bits = 0;
    int n = 0;
    for (const char *p = json_string_value(json_object_get(reply.result, "secret")); *p && *p != '='; p++) {
        bits = bits << 5 | (uint64_t)(strchr(alphabet, *p) - alphabet);
        if ((n += 5) >= 8)
            secret[secret_len++] = (uint8_t)(bits >> (n -= 8));
    }
    reply_clear(&reply);
    assert_string_equal(tried("session.totp_confirm", code_now(), 0), "");
}

static int open_world(void **state)
{
    char hash[128];
    struct tx *tx;
    world_open_pool(&w, 2);
    if (crypto_password_hash(PASSWORD, hash) || tx_begin(records_store(w.r), TX_WRITE, &tx))
        return 1;
    tx_exec(tx, "UPDATE person SET password=$1", "t", hash);
    if (tx_commit(tx))
        return 1;
    door_sign_in(&w, who("qian"), 0, &qian);
    new_case();
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

/* The policy is on where nobody changed it. */
static void without_a_second_factor_nothing_is_signed(void **state)
{
    assert_string_equal(SIGN(NULL, ERR_SECOND_FACTOR), "not_enrolled");
    assert_string_equal(SIGN(PASSWORD, ERR_SECOND_FACTOR), "not_enrolled"); /* the password is no way round it */
    assert_int_equal(err_http(ERR_SECOND_FACTOR), 401);
    assert_string_equal(err_wire(ERR_SECOND_FACTOR), "second_factor_required");
    assert_int_equal(count("SELECT COUNT(*) FROM consult_opinion"), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='case.sign_opinion' AND outcome='second_factor_required'"), 2);
}

static void a_stale_one_does_not_sign_a_fresh_one_does(void **state)
{
    enrol();
    w.now_ms += 11 * 60000; /* policy access.second_factor_min: ten */
    assert_string_equal(SIGN(NULL, ERR_SECOND_FACTOR), "totp");
    assert_string_equal(SIGN(PASSWORD, ERR_SECOND_FACTOR), "totp");
    assert_string_equal(tried("session.totp", json_pack("{s:s}", "code", "000000"), ERR_UNAUTHENTICATED), "bad_code");
    assert_string_equal(SIGN(NULL, ERR_SECOND_FACTOR), "totp");
    assert_string_equal(tried("session.totp", code_now(), 0), "");
    assert_string_equal(SIGN(NULL, 0), "");
    assert_int_equal(count("SELECT COUNT(*) FROM consult_opinion WHERE kind='final' AND second_factor=1"), 1);
}

static void an_addendum_needs_one_too(void **state)
{
    w.now_ms += 11 * 60000;
    json_t *args = json_pack("{s:s,s:I,s:s}", "case_id", the_case.id, "version", (json_int_t)the_case.version, "text", "复查血钾");
    assert_string_equal(tried("case.addendum", json_incref(args), ERR_SECOND_FACTOR), "totp");
    w.now_ms += 60000; /* a code is good once */
    assert_string_equal(tried("session.totp", code_now(), 0), "");
    assert_string_equal(tried("case.addendum", args, 0), "");
}

static void with_the_policy_off_the_password_signs(void **state)
{
    sql("INSERT INTO policy VALUES ('access.totp_for_signing','0',1,1)");
    w.now_ms += 11 * 60000;
    new_case();
    assert_string_equal(SIGN(NULL, ERR_SECOND_FACTOR), "password");
    assert_string_equal(SIGN("Wrong-Password-9", ERR_DENIED), "bad_password");
    assert_string_equal(SIGN(PASSWORD, 0), "");
    assert_int_equal(count("SELECT COUNT(*) FROM consult_opinion WHERE kind='final' AND second_factor=0"), 1);
    json_t *args = json_pack("{s:s,s:I,s:s,s:s}", "case_id", the_case.id, "version", (json_int_t)the_case.version, "text", "复查血钾", "password", PASSWORD);
    assert_string_equal(tried("case.addendum", args, 0), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_a_second_factor_nothing_is_signed),
                                       cmocka_unit_test(a_stale_one_does_not_sign_a_fresh_one_does), cmocka_unit_test(an_addendum_needs_one_too),
                                       cmocka_unit_test(with_the_policy_off_the_password_signs)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
