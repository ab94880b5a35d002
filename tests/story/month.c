/* The report of a month told as a story: prepared, checked, sent back, approved, published; what comes later changes nothing, what was wrong gets a further version. */
#include "tests/story/world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HOUR 3600000ll
#define DAY 86400000ll

static struct world w;
static char county[ID_TEXT_BYTES], frozen[ID_TEXT_BYTES], *kept;

static void settle(void)
{
    w.now_ms += 61000;
    for (int i = 0; i < 5; i++)
        records_tick(w.r);
}

static void sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, text, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static json_t *ask(const char *name, const char *op, json_t *args)
{
    json_t *v = world_call(&w, name, op, args);
    if (!v)
        fail_msg("%s: %s %s: %s", op, name, w.fault.reason, w.fault.text);
    return v;
}

static json_t *months(const char *name)
{
    return ask(name, "month.list", json_object());
}

static json_t *report(const char *name, const char *id)
{
    return ask(name, "month.get", json_pack("{s:s}", "report_id", id));
}

/* As it stands for `name`: his report's revision, then the act. */
static json_t *move(const char *name, const char *id, const char *op, json_t *args)
{
    json_t *r = report(name, id);
    json_object_set_new(args, "report_id", json_string(id));
    json_object_set(args, "rev", json_object_get(r, "rev"));
    json_decref(r);
    return world_call(&w, name, op, args);
}

static const char *text_of(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static json_t *row_of(const json_t *report_, const char *id)
{
    size_t s, r;
    json_t *section, *row;
    json_array_foreach(json_object_get(json_object_get(report_, "sheet"), "sections"), s, section)
        json_array_foreach(json_object_get(section, "rows"), r, row)
            if (strcmp(text_of(row, "id"), id) == 0)
                return row;
    fail_msg("no %s", id);
    return NULL;
}

static double value_of(const json_t *report_, const char *id, const char *when)
{
    return json_number_value(json_object_get(json_object_get(row_of(report_, id), when), "value"));
}

static void a_case(void)
{
    char patient[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), patient);
    json_t *c = ask("zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", patient, "kind", "offline", "scope", "clinical", "urgency", "routine", "target_org_id", county,
                                                      "form", full_form()));
    json_decref(ask("zhang", "case.submit", json_pack("{s:O,s:O}", "case_id", json_object_get(c, "id"), "version", json_object_get(c, "version"))));
    json_decref(c);
}

static void drafts_come_when_the_month_is_over(void **state)
{
    id_format(20, county);
    a_case();
    a_case();
    settle();
    json_t *v = months("chief");
    assert_int_equal(json_array_size(json_object_get(v, "items")), 0); /* November goes on, October had nothing in it */
    json_decref(v);
    w.now_ms += 9 * DAY; /* the second of December */
    settle();
    settle();
    v = months("chief");
    assert_int_equal(json_array_size(json_object_get(v, "items")), 5); /* the consortium first, then its four houses */
    assert_string_equal(text_of(json_array_get(json_object_get(v, "items"), 0), "month"), "2026-11");
    assert_string_equal(text_of(json_object_get(json_array_get(json_object_get(v, "items"), 0), "org"), "name"), "云岭医联体");
    json_decref(v);
    v = months("zhao");
    assert_int_equal(json_array_size(json_object_get(v, "items")), 1); /* the county's own */
    snprintf(frozen, sizeof frozen, "%s", text_of(json_array_get(json_object_get(v, "items"), 0), "id"));
    json_decref(v);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM notice WHERE template='month.made' AND person_id=202"), 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM notice WHERE template='month.made' AND person_id=204"), 0);
    v = report("zhao", frozen);
    assert_true(value_of(v, "volume", "now") == 2);
    assert_true(value_of(v, "volume", "before") == 0);
    assert_int_equal(json_array_size(json_object_get(v, "actions")), 1);
    json_decref(v);
}

static void a_stranger_and_a_doctor_see_nothing(void **state)
{
    assert_null(world_call(&w, "gao", "month.get", json_pack("{s:s}", "report_id", frozen)));
    assert_int_equal(w.fault.code, ERR_NOT_FOUND);
    assert_null(world_call(&w, "gao", "month.make", json_pack("{s:s,s:s}", "org_id", county, "month", "2026-10")));
    assert_int_equal(w.fault.code, ERR_DENIED);
    assert_null(world_call(&w, "zhao", "month.make", json_pack("{s:s,s:s}", "org_id", county, "month", "2026-12"))); /* goes on */
    assert_string_equal(w.fault.fields[0].reason, "not_over");
    assert_null(world_call(&w, "zhao", "month.make", json_pack("{s:s,s:s}", "org_id", county, "month", "2026-13")));
    assert_string_equal(w.fault.fields[0].reason, "bad_format");
}

static void what_was_checked_is_what_is_approved(void **state)
{
    json_t *v = move("zhao", frozen, "month.check", json_pack("{s:s}", "note", "本月新增两家受邀科室"));
    assert_non_null(v);
    assert_string_equal(text_of(v, "state"), "CHECKED");
    json_decref(v);
    sql("INSERT INTO report_fact (measure, t_ms, thing_id, part, case_id, home_org_id, target_org_id, good, total, value, word) VALUES (1, 1795999000000, 7, 0, 0, 10, 20, 1, 1, 0, 'up')");
    v = report("dean", frozen);
    assert_true(value_of(v, "volume", "now") == 2); /* the third came after the check */
    json_decref(v);
    assert_null(world_call(&w, "dean", "month.approve", json_pack("{s:s,s:i}", "report_id", frozen, "rev", 1))); /* he looked at the draft */
    assert_int_equal(w.fault.code, ERR_CONFLICT);
    assert_null(move("dean", frozen, "month.publish", json_object()));
    assert_int_equal(w.fault.code, ERR_NOT_ALLOWED_NOW);
    v = move("dean", frozen, "month.return", json_pack("{s:s}", "reason", "请核实会诊量"));
    assert_string_equal(text_of(v, "state"), "DRAFT");
    assert_true(value_of(v, "volume", "now") == 3); /* a draft is counted anew */
    json_decref(v);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM notice WHERE template='month.returned' AND person_id=202"), 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM report_month WHERE sheet IS NOT NULL"), 0);
}

/* Numbers that cannot be read any more are approved by nobody, and are not written over by it. */
static void what_cannot_be_read_is_not_approved(void **state)
{
    json_decref(move("zhao", frozen, "month.check", json_object()));
    sql("CREATE TABLE kept AS SELECT id, sheet FROM report_month WHERE sheet IS NOT NULL");
    sql("UPDATE report_month SET sheet=NULL WHERE state='CHECKED'");
    assert_null(move("dean", frozen, "month.approve", json_object()));
    assert_string_equal(w.fault.reason, "sheet");
    sql("UPDATE report_month SET sheet=(SELECT k.sheet FROM kept k WHERE k.id=report_month.id) WHERE state='CHECKED'");
    sql("DROP TABLE kept");
    json_t *v = report("dean", frozen);
    assert_string_equal(text_of(v, "state"), "CHECKED");
    json_decref(v);
}

static void nobody_approves_what_he_checked(void **state)
{
    sql("UPDATE report_month SET checked_by=213 WHERE state='CHECKED'"); /* the dean himself, as one who has both roles */
    json_t *v = report("dean", frozen);
    assert_int_equal(json_array_size(json_object_get(v, "actions")), 1); /* send back */
    json_decref(v);
    assert_null(move("dean", frozen, "month.approve", json_object()));
    assert_string_equal(w.fault.reason, "own_check");
    sql("UPDATE report_month SET checked_by=202 WHERE state='CHECKED'");
    assert_null(move("zhao", frozen, "month.publish", json_object()));
    v = move("dean", frozen, "month.approve", json_object());
    assert_string_equal(text_of(v, "state"), "APPROVED");
    json_decref(v);
}

static void published_it_is_frozen(void **state)
{
    json_t *v = move("zhao", frozen, "month.publish", json_object());
    assert_string_equal(text_of(v, "state"), "FROZEN");
    assert_int_equal(strlen(text_of(v, "sha256")), 64);
    assert_non_null(strstr(w.last.audit.detail, text_of(v, "sha256")));
    assert_int_equal(json_integer_value(json_object_get(v, "different")), 0);
    assert_string_equal(text_of(json_object_get(json_object_get(json_object_get(json_object_get(v, "sheet"), "signed"), "approved"), "by"), "name"), "dean");
    kept = json_dumps(json_object_get(v, "sheet"), JSON_COMPACT);
    json_decref(v);
    sql("DELETE FROM report_fact WHERE thing_id=7");
    w.now_ms += 40 * DAY;
    v = report("dean", frozen);
    assert_true(value_of(v, "volume", "now") == 3);
    assert_true(value_of(v, "volume", "today") == 2); /* what counting it now would say stands beside it */
    assert_true(json_is_true(json_object_get(v, "intact")) && json_integer_value(json_object_get(v, "different")) > 0);
    assert_int_equal(json_array_size(json_object_get(v, "actions")), 0);
    json_decref(v);
    assert_null(move("dean", frozen, "month.return", json_pack("{s:s}", "reason", "x")));
    assert_int_equal(w.fault.code, ERR_NOT_ALLOWED_NOW);
}

static void drop_today(json_t *report_)
{
    size_t s, r;
    json_t *section, *row;
    json_array_foreach(json_object_get(json_object_get(report_, "sheet"), "sections"), s, section)
        json_array_foreach(json_object_get(section, "rows"), r, row)
            json_object_del(row, "today");
}

static void a_mistake_gets_a_further_version(void **state)
{
    char second[ID_TEXT_BYTES];
    assert_null(world_call(&w, "zhao", "month.make", json_pack("{s:s,s:s}", "org_id", county, "month", "2026-11")));
    assert_string_equal(w.fault.fields[0].path, "reason");
    json_t *v = ask("zhao", "month.make", json_pack("{s:s,s:s,s:s}", "org_id", county, "month", "2026-11", "reason", "一件误计的申请已撤销"));
    snprintf(second, sizeof second, "%s", text_of(v, "id"));
    assert_int_equal(json_integer_value(json_object_get(v, "version")), 2);
    assert_true(value_of(v, "volume", "now") == 2);
    json_decref(v);
    assert_null(world_call(&w, "chen", "month.make", json_pack("{s:s,s:s,s:s}", "org_id", county, "month", "2026-11", "reason", "y")));
    assert_string_equal(w.fault.reason, "month_open");
    v = report("dean", frozen);
    assert_int_equal(json_array_size(json_object_get(v, "versions")), 2);
    drop_today(v);
    char *again = json_dumps(json_object_get(v, "sheet"), JSON_COMPACT);
    assert_string_equal(again, kept); /* to the last byte */
    free(again);
    json_decref(v);
    sql("UPDATE report_month SET sha256='00' WHERE state='FROZEN'");
    v = report("dean", frozen);
    assert_true(json_is_false(json_object_get(v, "intact"))); /* shown, and said to be changed */
    json_decref(v);
    snprintf(frozen, sizeof frozen, "%s", second);
}

/* A laboratory fell silent in the middle of the month. */
static void data_that_had_not_arrived_needs_a_reason(void **state)
{
    sql("INSERT INTO exchange_source (id, org_id, name, application, facility, address, certificate, map, assume, accept_dead, may_ask, enabled, created_ms, changed_ms) "
        "VALUES (9001, 20, '检验科 LIS', 'LIS', 'X', '', '', '', '', 0, 0, 1, 1795000000000, 0)");
    sql("INSERT INTO exchange_state (source_id, last_ms, last_type, made_ms) VALUES (9001, 1795400000000, 'ORU', 0)");
    json_t *v = move("zhao", frozen, "month.check", json_object());
    json_t *sources = json_object_get(json_object_get(json_object_get(v, "sheet"), "upstream"), "sources");
    assert_int_equal(json_array_size(sources), 1);
    assert_string_equal(text_of(json_array_get(sources, 0), "why"), "silent");
    assert_int_equal(json_integer_value(json_object_get(row_of(v, "data_quality"), "since_ms")), INT64_C(1795400000000));
    assert_true(json_is_null(json_object_get(row_of(v, "volume"), "since_ms"))); /* is made of our own cases */
    json_decref(v);
    assert_null(move("dean", frozen, "month.approve", json_object()));
    assert_string_equal(w.fault.reason, "data_stands_still");
    v = move("dean", frozen, "month.approve", json_pack("{s:s}", "reason", "检验数据缺口不影响结论"));
    assert_string_equal(text_of(json_object_get(v, "sheet"), "approval"), "检验数据缺口不影响结论");
    json_decref(v);
    v = ask("dean", "report.cockpit", json_pack("{s:s,s:s}", "page", "technical", "period", "7d"));
    assert_int_equal(json_array_size(json_object_get(json_object_get(v, "upstream"), "sources")), 1);
    json_decref(v);
    sql("UPDATE exchange_source SET enabled=0"); /* nobody waits for it any more */
    v = ask("dean", "report.cockpit", json_pack("{s:s,s:s}", "page", "technical", "period", "7d"));
    assert_int_equal(json_array_size(json_object_get(json_object_get(v, "upstream"), "sources")), 0);
    json_decref(v);
    /* a FHIR client is a source too, from its first resource until it is closed; one that only reads never was */
    sql("INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (9002, '体检系统', 20, 'system/*.c', '{}', 1, 1795000000000, 1)");
    sql("INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (9003, '数据中心', 20, 'system/*.rs', '{}', 1, 1795000000000, 1)");
    sql("INSERT INTO exchange_state (source_id, last_ms, last_type, made_ms) VALUES (9002, 1795450000000, 'Observation', 0)");
    v = ask("dean", "report.cockpit", json_pack("{s:s,s:s}", "page", "technical", "period", "7d"));
    sources = json_object_get(json_object_get(v, "upstream"), "sources");
    assert_int_equal(json_array_size(sources), 1);
    assert_string_equal(text_of(json_array_get(sources, 0), "name"), "体检系统");
    assert_string_equal(text_of(json_array_get(sources, 0), "why"), "silent");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(sources, 0), "since_ms")), INT64_C(1795450000000));
    json_decref(v);
    sql("UPDATE fhir_client SET active=0");
    /* a source that is asked for rows: failing, it stands still since it last answered */
    sql("UPDATE exchange_source SET enabled=1, kind='database', every_s=600");
    sql("INSERT INTO exchange_pull (source_id, mark, state, reason, detail, failures, last_ms, next_ms) VALUES (9001, '', 'failed', 'timeout', '', 3, 1795500000000, 0)");
    v = ask("dean", "report.cockpit", json_pack("{s:s,s:s}", "page", "technical", "period", "7d"));
    sources = json_object_get(json_object_get(v, "upstream"), "sources");
    assert_string_equal(text_of(json_array_get(sources, 0), "why"), "failed");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(sources, 0), "since_ms")), INT64_C(1795500000000));
    json_decref(v);
}

/* The collector itself stood still: every number says up to when it is good. */
static void facts_that_stand_still_are_said(void **state)
{
    settle();
    json_t *v = ask("dean", "report.cockpit", json_pack("{s:s}", "period", "7d"));
    assert_true(json_is_null(json_object_get(json_object_get(v, "upstream"), "facts_ms")));
    json_decref(v);
    int64_t then = w.now_ms;
    w.now_ms += HOUR;
    v = ask("dean", "report.cockpit", json_pack("{s:s}", "period", "7d"));
    int64_t since = json_integer_value(json_object_get(json_array_get(json_object_get(v, "indicators"), 0), "since_ms"));
    assert_true(since > 0 && since <= then);
    json_decref(v);
}

static int open_world(void **state)
{
    world_open(&w);
    return 0;
}

static int close_world(void **state)
{
    free(kept);
    world_close(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(drafts_come_when_the_month_is_over),
                                       cmocka_unit_test(a_stranger_and_a_doctor_see_nothing),
                                       cmocka_unit_test(what_was_checked_is_what_is_approved),
                                       cmocka_unit_test(what_cannot_be_read_is_not_approved), cmocka_unit_test(nobody_approves_what_he_checked),
                                       cmocka_unit_test(published_it_is_frozen),
                                       cmocka_unit_test(a_mistake_gets_a_further_version),
                                       cmocka_unit_test(data_that_had_not_arrived_needs_a_reason),
                                       cmocka_unit_test(facts_that_stand_still_are_said)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
