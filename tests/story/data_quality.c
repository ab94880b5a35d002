/* 数据更正: what the cleaning rules find in a clinic's data comes to the clinic; it is put right in the patient's record, by the right value, by the
 * source, or said to be right; the steward gives an answer back; the score follows. */
#include "records/store/sealed.h"
#include "tests/story/world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define DAY 86400000LL

static struct world w;

static int open_world(void **state)
{
    (void)state;
    world_open(&w);
    w.now_ms = 1795500000000; /* 2026-11-24 14:00 in China */
    static const char source[] = "{\"source_id\":\"0000000000000e0%d\",\"org_id\":\"00000000000000%02x\",\"name\":\"%s\",\"application\":\"%s\","
                                 "\"domains\":[{\"namespace_id\":\"%s\"}],\"enabled\":true}";
    for (int i = 0; i < 2; i++) {
        char text[400];
        const char *name = i ? "OTHER" : "HIS";
        struct reply reply;
        snprintf(text, sizeof text, source, i + 1, i ? 15 : 10, name, name, name);
        json_t *args = world_json(text);
        struct call call = {.op = "exchange.source_set", .credential = records_system_credential(w.r), .args = args};
        records_call(w.r, &call, &reply);
        json_decref(args);
        if (reply.error)
            return print_error("%s\n", reply.fault.text), 1;
        reply_clear(&reply);
    }
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* ---- speaking ---- */

static void heard(void *ctx, int error, const char *answer, size_t len)
{
    assert_int_equal(error, 0);
    snprintf(ctx, 8, "%.2s", len > 4 && strstr(answer, "MSA|") ? strstr(answer, "MSA|") + 4 : "");
}

/* `rest`: the segments after MSH, ended by \n each; every one is taken, whatever is wrong in it. */
static void sends(const char *source, const char *type, const char *rest)
{
    static int control;
    char bytes[2000], code[8];
    snprintf(bytes, sizeof bytes, "MSH|^~\\&|%s||||20261124||%s|%d|P|2.4||||||UNICODE UTF-8\r%s", source, type, ++control, rest);
    for (char *p = bytes; *p; p++)
        *p = *p == '\n' ? '\r' : *p;
    struct records_message m = {.bytes = bytes, .len = strlen(bytes), .address = "10.0.0.1", .certificate = ""};
    assert_int_equal(records_message_submit(w.r, &m, heard, code), 0);
    assert_string_equal(code, "AA");
}

static json_t *ask(const char *whom, const char *op, json_t *args)
{
    json_t *answer = world_call(&w, whom, op, args);
    if (!answer)
        fail_msg("%s %s: %s %s", whom, op, w.fault.reason, w.fault.text);
    return answer;
}

/* A clinic's open tasks, as "rule:reason raw", in their order. */
static const char *tasks(const char *whom)
{
    static char out[2000];
    size_t i, n = 0;
    json_t *one, *list = ask(whom, "quality.fixes", json_object());
    out[0] = 0;
    json_array_foreach(json_object_get(list, "items"), i, one) {
        const char *raw = json_string_value(json_object_get(one, "raw"));
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s:%s%s%s", n ? "; " : "", json_string_value(json_object_get(one, "rule")),
                              json_string_value(json_object_get(one, "reason")), *raw ? " " : "", raw);
    }
    json_decref(list);
    return out;
}

/* The first open one of a rule; the caller's. */
static json_t *task(const char *whom, const char *rule)
{
    size_t i;
    json_t *one, *found = NULL, *list = ask(whom, "quality.fixes", json_object());
    json_array_foreach(json_object_get(list, "items"), i, one)
        if (!found && strcmp(json_string_value(json_object_get(one, "rule")), rule) == 0)
            found = json_incref(one);
    json_decref(list);
    if (!found)
        fail_msg("%s has no task of %s", whom, rule);
    return found;
}

static const char *id_of(json_t *o)
{
    static char out[ID_TEXT_BYTES];
    snprintf(out, sizeof out, "%s", json_string_value(json_object_get(o, "id")));
    return out;
}

static json_t *answering(const char *id, const char *answer, const char *value, const char *unit, const char *note)
{
    json_t *args = json_pack("{s:s,s:s}", "finding_id", id, "answer", answer);
    if (value)
        json_object_set_new(args, "value", json_string(value));
    if (unit)
        json_object_set_new(args, "unit", json_string(unit));
    if (note)
        json_object_set_new(args, "note", json_string(note));
    return args;
}

static const char *id_of_task(const char *whom, const char *rule)
{
    json_t *t = task(whom, rule);
    const char *id = id_of(t);
    json_decref(t);
    return id;
}

static void replies(const char *whom, const char *rule, const char *answer, const char *value, const char *unit, const char *note)
{
    json_decref(ask(whom, "quality.fix_reply", answering(id_of_task(whom, rule), answer, value, unit, note)));
}

/* What the fault says of a reply that is not taken. */
static const char *refused(const char *whom, const char *id, const char *answer, const char *value, const char *unit)
{
    static char out[200];
    json_t *r = world_call(&w, whom, "quality.fix_reply", answering(id, answer, value, unit, NULL));
    assert_null(r);
    snprintf(out, sizeof out, "%s", w.fault.n_fields ? w.fault.fields[0].path : "");
    if (w.fault.n_fields)
        snprintf(out + strlen(out), sizeof out - strlen(out), " %s", w.fault.fields[0].reason);
    else
        snprintf(out, sizeof out, "%s", w.fault.reason);
    return out;
}

/* Of the township's data today: good/checked of a dimension. */
static const char *score(const char *dimension)
{
    static char out[40];
    json_t *all = ask("admin", "quality.scores", json_pack("{s:s}", "source_id", "0000000000000e01"));
    json_t *d = json_object_get(json_object_get(json_array_get(json_object_get(all, "items"), 0), "dimensions"), dimension);
    snprintf(out, sizeof out, "%lld/%lld", (long long)json_integer_value(json_object_get(d, "good")), (long long)json_integer_value(json_object_get(d, "checked")));
    json_decref(all);
    return out;
}

/* ---- the way of a task ---- */

/* GB 11643's example is a woman born 1949-12-31. */
static void demographics_are_put_right_in_the_record(void **state)
{
    (void)state;
    sends("HIS", "ADT^A04", "EVN||20261124\nPID|1||1^^^HIS~11010519491231002X^^^^NI||王^芳||19491213|M|||||13800138000\nPV1|1|O\n");
    assert_string_equal(tasks("zhang"), "patient.identity_birth:not_the_numbers 1949-12-13; patient.identity_sex:not_the_numbers male");
    assert_string_equal(tasks("sun"), ""); /* another clinic */
    assert_string_equal(score("consistency"), "2/4"); /* two conflicts; the time of the visit is neither in the future nor before his birth */
    json_t *t = task("zhang", "patient.identity_birth");
    assert_string_equal(json_string_value(json_object_get(t, "clean")), "1949-12-31");
    assert_string_equal(json_string_value(json_object_get(json_object_get(t, "patient"), "name")), "王芳");
    assert_string_equal(refused("zhang", id_of(t), "correct", "1949-12-31", NULL), "edit_patient");
    assert_string_equal(refused("sun", id_of(t), "as_is", NULL, NULL), "other_institution");
    json_decref(ask("zhang", "patient.update", json_pack("{s:O,s:I,s:s}", "patient_id", json_object_get(json_object_get(t, "patient"), "id"), "version", (json_int_t)1, "birth_date",
                                                          "1949-12-31")));
    json_decref(t);
    assert_string_equal(tasks("zhang"), "patient.identity_sex:not_the_numbers male");
    assert_string_equal(score("consistency"), "3/4");
    /* the source sends him right: that closes the other */
    sends("HIS", "ADT^A08", "EVN||20261124\nPID|1||1^^^HIS~11010519491231002X^^^^NI||王^芳||19491231|F|||||13800138000\nPV1|1|O\n");
    assert_string_equal(tasks("zhang"), "");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE state='source' AND rule='patient.identity_sex'"), 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE state='corrected' AND rule='patient.identity_birth' AND closed_by=101"), 1);
}

static void a_result_is_put_right_beside_what_came(void **state)
{
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||1^^^HIS||王^芳\nOBR|1||r1|2823-3^Potassium^LN|||20261124093000\nOBX|1|NM|2823-3^Potassium^LN||41|mmol/L|||||F\n");
    assert_string_equal(tasks("zhang"), "range.item:above 41");
    const char *id = id_of_task("zhang", "range.item");
    assert_string_equal(refused("zhang", id, "correct", NULL, NULL), "value required");
    assert_string_equal(refused("zhang", id, "correct", "很高", "mmol/L"), "value not_a_number");
    assert_string_equal(refused("zhang", id, "correct", "410", "mmol/L"), "value above");
    assert_string_equal(refused("zhang", id, "correct", "4.1", "瓶"), "unit unit_unknown");
    assert_string_equal(refused("zhang", id, "as_is", NULL, NULL), "note required");
    replies("zhang", "range.item", "correct", "4.1", "mmol/L", "小数点漏录");
    assert_string_equal(tasks("zhang"), "");
    json_t *line = NULL, *one, *timeline = ask("zhang", "patient.timeline", json_pack("{s:o}", "patient_id", json_id((uint64_t)world_count(&w, "SELECT id AS n FROM patient WHERE name='王芳'"))));
    size_t i;
    json_array_foreach(json_object_get(timeline, "items"), i, one)
        line = json_object_get(one, "put_right") ? one : line;
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "value")), "41"); /* what came stays */
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "put_right"), "value")), "4.1");
    assert_string_equal(json_string_value(json_object_get(json_object_get(line, "put_right"), "by")), "person");
    json_decref(timeline);
    assert_string_equal(refused("zhang", id, "correct", "4.2", "mmol/L"), "closed_already");
}

static void units_are_brought_to_one_without_anybody(void **state)
{
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||1^^^HIS||王^芳\nOBR|1||r2|14749-6^Glucose^LN|||20261124093100\nOBX|1|NM|14749-6^Glucose^LN||100|mg/dL|||||F\n");
    assert_string_equal(tasks("zhang"), "");
    json_t *found = ask("admin", "quality.findings", json_pack("{s:s}", "state", "cleaned")), *f = json_array_get(json_object_get(found, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(f, "raw")), "100");
    assert_string_equal(json_string_value(json_object_get(f, "raw_unit")), "mg/dL");
    assert_string_equal(json_string_value(json_object_get(f, "clean")), "5.55");
    assert_string_equal(json_string_value(json_object_get(f, "unit")), "mmol/L");
    assert_string_equal(json_string_value(json_object_get(f, "rule")), "unit.item");
    assert_int_equal(json_integer_value(json_object_get(f, "version")), 1);
    json_decref(found);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM exchange_entry WHERE unit='mg/dL'"), 1); /* the entry is as it came */
}

static void what_is_right_as_it_came_does_not_come_back(void **state)
{
    static const char report[] = "PID|1||2^^^HIS||赵^强||19600101|M\nOBR|1||r3|2823-3^Potassium^LN|||20261124093200\nOBX|1|NM|2823-3^Potassium^LN||16.5|mmol/L|||||F\n";
    (void)state;
    sends("HIS", "ORU^R01", report);
    replies("li", "range.item", "as_is", NULL, NULL, "横纹肌溶解，已复测");
    sends("HIS", "ORU^R01", report); /* the same report again, as corrected */
    assert_string_equal(tasks("zhang"), "");
    /* the steward is not convinced */
    json_t *found = ask("admin", "quality.findings", json_pack("{s:s}", "state", "as_is"));
    const char *id = id_of(json_array_get(json_object_get(found, "items"), 0));
    json_decref(found);
    const char *before = strdup(score("validity"));
    json_decref(ask("admin", "quality.fix_return", json_pack("{s:s,s:s}", "finding_id", id, "note", "请附复测报告")));
    assert_string_not_equal(before, score("validity"));
    free((char *)before);
    json_t *again = task("zhang", "range.item");
    assert_string_equal(json_string_value(json_object_get(json_object_get(again, "reply"), "note")), "请附复测报告");
    json_decref(again);
    /* the source corrects the result itself */
    sends("HIS", "ORU^R01", "PID|1||2^^^HIS||赵^强\nOBR|1||r3|2823-3^Potassium^LN|||20261124093200\nOBX|1|NM|2823-3^Potassium^LN||6.5|mmol/L|||||C\n");
    assert_string_equal(tasks("zhang"), "");
}

static void sex_and_diagnosis(void **state)
{
    (void)state;
    sends("HIS", "ADT^A04", "EVN||20261124\nPID|1||3^^^HIS||孙^丽||19800101|M|||||13800138001\nPV1|1|O\nDG1|1||O80.9^顺产^I10\n");
    assert_string_equal(tasks("zhang"), "sex.diagnosis:of_women O80.9");
    json_t *t = task("zhang", "sex.diagnosis");
    json_decref(ask("zhang", "patient.update", json_pack("{s:O,s:I,s:s}", "patient_id", json_object_get(json_object_get(t, "patient"), "id"), "version", (json_int_t)1, "sex", "female")));
    json_decref(t);
    assert_string_equal(tasks("zhang"), ""); /* it was the sex that was wrong */
}

static void duplicates_and_what_is_overdue(void **state)
{
    (void)state;
    sends("HIS", "ORU^R01", "PID|1||2^^^HIS||赵^强\nOBR|1||d1|58410-2^CBC^LN|||20261124093300\nOBX|1|ST|1234-4^x^LN||y||||||F\n");
    sends("HIS", "ORU^R01", "PID|1||2^^^HIS||赵^强\nOBR|1||d2|58410-2^CBC^LN|||20261124093300\nOBX|1|ST|1234-4^x^LN||y||||||F\n");
    assert_string_equal(tasks("zhang"), "report.duplicate:came_before 58410-2");
    w.now_ms += 6 * DAY;
    json_t *t = task("zhang", "report.duplicate"), *n = ask("zhang", "quality.fix_count", json_object());
    assert_true(json_is_true(json_object_get(t, "overdue")));
    assert_int_equal(json_integer_value(json_object_get(n, "overdue")), 1);
    json_decref(n);
    json_decref(t);
    replies("zhang", "report.duplicate", "confirm", NULL, NULL, NULL);
    assert_string_equal(tasks("zhang"), "");
}

/* A source that never says a sex is at fault itself: its clinic is not buried. */
static void tasks_have_a_limit(void **state)
{
    struct tx *tx;
    (void)state;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    for (int i = 0; i < QUALITY_TASKS_MAX; i++)
        tx_exec(tx,
                "INSERT INTO quality_finding (id, source_id, org_id, patient_id, message_id, entry_id, entry_key, kind, code, rule, rule_version, dimension, reason, day, "
                "found_ms, state, task, due_ms, closed_ms, closed_by, body, reply) VALUES ($1,3586,15,0,0,0,0,'','','patient.sex',1,'completeness','missing','2026-11-24',0,'open',1,0,0,0,$2,NULL)",
                "is", (int64_t)(1000 + i), SEALED(FINDING_BODY, 1000 + i, 0, "{}"));
    assert_int_equal(tx_commit(tx), 0);
    sends("OTHER", "ADT^A04", "EVN||20261124\nPID|1||9^^^OTHER||周^一||19800101|\nPV1|1|O\n");
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=3586 AND rule='patient.sex'"), QUALITY_TASKS_MAX + 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) AS n FROM quality_finding WHERE source_id=3586 AND rule='patient.sex' AND task=1"), QUALITY_TASKS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(demographics_are_put_right_in_the_record), cmocka_unit_test(a_result_is_put_right_beside_what_came),
                                       cmocka_unit_test(units_are_brought_to_one_without_anybody), cmocka_unit_test(what_is_right_as_it_came_does_not_come_back),
                                       cmocka_unit_test(sex_and_diagnosis), cmocka_unit_test(duplicates_and_what_is_overdue), cmocka_unit_test(tasks_have_a_limit)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
