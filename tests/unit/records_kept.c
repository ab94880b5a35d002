/* Answers kept for repeated requests: given again while what they are about is open to who asks, and not after. */
#include "tests/support/room.h"

#define KEY "key-of-a-browser"

/* `as`, with an idempotency key. */
static json_t *again(const char *name, const char *op, json_t *args)
{
    char token[40];
    sign_in(who(name), token);
    struct call call = {.op = op, .args = args, .client_address = "192.0.2.9", .credential = token, .idempotency_key = KEY};
    reply_clear(&answer);
    records_call(w.r, &call, &answer);
    json_decref(args);
    return answer.error ? NULL : answer.result;
}

static void run_sql(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* Told that it was done, and nothing of it; the audit knows better. Who sends it under another key is answered as anybody: there is nothing. */
static void done_before(const char *op)
{
    char sql[160];
    assert_int_equal(answer.error, ERR_CONFLICT);
    assert_string_equal(answer.fault.reason, "done_before");
    assert_int_equal(answer.fault.n_fields, 0);
    assert_null(answer.result);
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM audit WHERE op='%s' AND outcome='denied' AND patient_id<>0 AND detail<>'again'", op);
    assert_int_equal(count(sql), 1);
}

static json_t *message(void)
{
    return json_pack("{s:s,s:s}", "case_id", case_id, "text", "请补充头颅CT");
}

static void of_a_case(void **state)
{
    (void)state;
    room_case_make(full_form());
    json_t *first = again("qian", "message.send", message());
    assert_non_null(first);
    char *text = json_dumps(first, JSON_SORT_KEYS);
    json_t *second = again("qian", "message.send", message());
    char *same = json_dumps(second, JSON_SORT_KEYS);
    assert_non_null(second);
    assert_string_equal(text, same);
    free(text);
    free(same);
    run_sql("UPDATE consult SET target_org_id=30, target_dept_id=31, expert_id=302"); /* sent on to another house */
    run_sql("DELETE FROM consult_team");
    no(ERR_NOT_FOUND, "", "qian", "case.get", with_case());
    assert_null(again("qian", "message.send", message()));
    done_before("message.send");
    no(ERR_NOT_FOUND, "", "qian", "message.send", message());
    assert_int_equal(count("SELECT COUNT(*) FROM consult_message"), 1);
}

static json_t *reveal(const char *patient)
{
    return json_pack("{s:s,s:s,s:s}", "patient_id", patient, "what", "phone", "reason", "回访");
}

static void of_a_record(void **state)
{
    (void)state;
    json_t *made = yes("zhang", "patient.create", json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", "李明", "sex", "male", "birth_date", "1960-05-05", "id_type", "none", "phone", "13800000000"));
    char patient[ID_TEXT_BYTES];
    snprintf(patient, sizeof patient, "%s", text(made, "id"));
    for (int i = 0; i < 2; i++) {
        json_t *shown = again("zhang", "patient.reveal", reveal(patient));
        assert_non_null(shown);
        assert_string_equal(text(shown, "value"), "13800000000");
    }
    run_sql("UPDATE post SET org_id=15, dept_id=16 WHERE person_id=101"); /* he works elsewhere now */
    struct somebody moved = *who("zhang");
    moved.org = 15;
    moved.dept = 16;
    char token[40];
    sign_in(&moved, token);
    struct call call = {.op = "patient.reveal", .args = reveal(patient), .client_address = "192.0.2.9", .credential = token, .idempotency_key = KEY};
    reply_clear(&answer);
    records_call(w.r, &call, &answer);
    json_decref((json_t *)call.args);
    done_before("patient.reveal");
}

/* What has nothing to do with health data, and what is gone, is told again as it was. */
static void others_are_told_again(void **state)
{
    (void)state;
    room_case_make(full_form());
    char draft[ID_TEXT_BYTES], patient[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), patient);
    json_t *c = yes("zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "patient_id", patient, "kind", "interactive", "scope", "clinical", "urgency", "routine", "target_org_id", json_id(20), "form", full_form()));
    snprintf(draft, sizeof draft, "%s", text(c, "id"));
    int64_t v = json_integer_value(json_object_get(c, "version"));
    for (int i = 0; i < 2; i++) {
        assert_non_null(again("zhang", "case.submit", json_pack("{s:s,s:I}", "case_id", draft, "version", (json_int_t)v)));
        if (i == 0)
            w.now_ms += 1000;
    }
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='case.submit' AND detail='again'"), 1);
}

/* They hold health data, and are of use for days. */
static void kept_for_a_week(void **state)
{
    (void)state;
    room_case_make(full_form());
    assert_non_null(again("qian", "message.send", message()));
    w.now_ms += 6 * 86400000ll;
    records_tick(w.r);
    assert_int_equal(count("SELECT COUNT(*) FROM idempotent"), 1);
    w.now_ms += 2 * 86400000ll;
    records_tick(w.r);
    assert_int_equal(count("SELECT COUNT(*) FROM idempotent"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, room_open_world, room_close_world)
    const struct CMUnitTest tests[] = {T(of_a_case), T(of_a_record), T(others_are_told_again), T(kept_for_a_week)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
