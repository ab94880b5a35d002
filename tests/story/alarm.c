/* Alarms on numbers told as a story: a rule, a number that goes wrong and stays so, who takes it, and how it ends by itself. */
#include "records/report/alarm.h"
#include "tests/story/world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MINUTE 60000ll
#define HOUR 3600000ll

static struct world w;
static char root[ID_TEXT_BYTES], county[ID_TEXT_BYTES], rule[ID_TEXT_BYTES], alarm_id[ID_TEXT_BYTES];

static void pass(int64_t ms)
{
    for (int64_t end = w.now_ms + ms; w.now_ms < end;) {
        w.now_ms += 5 * MINUTE + 1000;
        records_tick(w.r);
        records_tick(w.r);
    }
}

static void sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, text, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* One case that was answered, in time or late, of the county's; no case stands behind it: facts are all a rule looks at. */
static void answered(int thing, bool in_time)
{
    char text[300];
    snprintf(text, sizeof text,
             "INSERT INTO report_fact (measure, t_ms, thing_id, part, case_id, home_org_id, target_org_id, good, total, value, word) VALUES (3, %lld, %d, 0, 0, 10, 20, %d, 1, 0, 'routine')",
             (long long)w.now_ms, thing, in_time);
    sql(text);
}

static json_t *rule_args(void)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:i,s:i,s:s}", "rule_id", rule, "org_id", county, "indicator", "on_time", "period", "7d", "side", "below", "limit", 90, "least", 3, "for_minutes",
                     30, "role", "medical_affairs");
}

static json_t *ask(const char *name, const char *op, json_t *args)
{
    json_t *v = world_call(&w, name, op, args);
    if (!v)
        fail_msg("%s: %s %s: %s", op, name, w.fault.reason, w.fault.text);
    return v;
}

static json_t *alarms(const char *name, const char *state)
{
    json_t *v = ask(name, "alarm.list", json_pack("{s:s}", "state", state)), *items = json_incref(json_object_get(v, "items"));
    json_decref(v);
    return items;
}

static size_t how_many(const char *name, const char *state)
{
    json_t *v = alarms(name, state);
    size_t n = json_array_size(v);
    json_decref(v);
    return n;
}

static int64_t notices(const char *template, int person)
{
    char text[160];
    snprintf(text, sizeof text, "SELECT COUNT(*) FROM notice WHERE template='%s' AND person_id=%d", template, person);
    return world_count(&w, text);
}

static void rules_are_made_by_who_may(void **state)
{
    id_format(1, root);
    id_format(20, county);
    id_format(4242, rule);
    pass(MINUTE);
    assert_null(world_call(&w, "gao", "alarm.rule_set", rule_args())); /* the right is asked at the door; here it is the institution */
    assert_string_equal(w.fault.fields[0].path, "org_id");
    static const struct { const char *member, *value, *path; } wrong[] = {{"indicator", "nothing", "indicator"}, {"role", "expert", "role"}, {"role", "nobody", "role"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_t *args = rule_args();
        json_object_set_new(args, wrong[i].member, json_string(wrong[i].value));
        assert_null(world_call(&w, "dean", "alarm.rule_set", args));
        assert_string_equal(w.fault.fields[0].path, wrong[i].path);
    }
    json_t *args = rule_args();
    json_object_set_new(args, "limit", json_integer(101)); /* percent */
    assert_null(world_call(&w, "dean", "alarm.rule_set", args));
    json_decref(ask("dean", "alarm.rule_set", rule_args()));
    assert_null(world_call(&w, "dean", "alarm.rule_set", rule_args())); /* somebody saved it meanwhile */
    assert_int_equal(w.fault.code, ERR_CONFLICT);
    json_t *v = ask("zhao", "alarm.rules", json_object());
    assert_int_equal(json_array_size(json_object_get(v, "items")), 1);
    json_decref(v);
    v = ask("gao", "alarm.rules", json_object());
    assert_int_equal(json_array_size(json_object_get(v, "items")), 0);
    json_decref(v);
}

static void it_must_be_bad_for_so_long_and_of_so_many(void **state)
{
    answered(501, false);
    answered(502, false);
    pass(HOUR);
    assert_int_equal(how_many("zhao", "open"), 0); /* two are too few to judge */
    answered(503, true);
    pass(20 * MINUTE);
    assert_int_equal(how_many("zhao", "open"), 0); /* bad, but not for half an hour */
    pass(20 * MINUTE);
    json_t *items = alarms("zhao", "open"), *one = json_array_get(items, 0);
    assert_int_equal(json_array_size(items), 1);
    assert_true(json_number_value(json_object_get(one, "opened")) > 33.3 && json_number_value(json_object_get(one, "opened")) < 33.4);
    assert_int_equal(json_array_size(json_object_get(one, "actions")), 2);
    snprintf(alarm_id, sizeof alarm_id, "%s", json_string_value(json_object_get(one, "id")));
    json_decref(items);
    assert_int_equal(notices("alarm.opened", 202), 1); /* medical affairs of the county */
    assert_int_equal(notices("alarm.opened", 201), 0);
    json_t *told = ask("zhao", "notice.list", json_object());
    const char *zh = json_string_value(json_object_get(json_object_get(json_array_get(json_object_get(told, "items"), 0), "text"), "zh"));
    assert_non_null(strstr(zh, "近7天按时答复率 33.3%，低于界限 90%，")); /* which number, how much, its limit; whose and since when beside it */
    assert_non_null(strstr(zh, " 起"));
    json_decref(told);
    assert_int_equal(how_many("gao", "open"), 0); /* the city does not see it */
    assert_int_equal(how_many("chief", "open"), 1);
}

static void one_alarm_however_long_it_lasts(void **state)
{
    pass(12 * HOUR);
    assert_int_equal(how_many("zhao", "all"), 1);
    assert_int_equal(notices("alarm.opened", 202), 1);
}

static void it_has_an_owner_who_says_what_is_done(void **state)
{
    json_t *note = json_pack("{s:s,s:s}", "alarm_id", alarm_id, "note", "已与神经内科约谈");
    assert_null(world_call(&w, "chen", "alarm.take", json_pack("{s:s}", "alarm_id", alarm_id))); /* a dispatcher sees it, it is not for him */
    assert_int_equal(w.fault.code, ERR_DENIED);
    assert_null(world_call(&w, "gao", "alarm.take", json_pack("{s:s}", "alarm_id", alarm_id)));
    assert_int_equal(w.fault.code, ERR_NOT_FOUND);
    json_t *v = ask("dean", "alarm.take", json_pack("{s:s}", "alarm_id", alarm_id));
    assert_string_equal(json_string_value(json_object_get(v, "state")), "taken");
    json_decref(v);
    assert_null(world_call(&w, "zhao", "alarm.acknowledge", json_incref(note)));
    assert_string_equal(w.fault.reason, "alarm_taken");
    json_decref(ask("zhao", "alarm.take", json_pack("{s:s}", "alarm_id", alarm_id))); /* relieved */
    v = ask("zhao", "alarm.acknowledge", json_incref(note));
    assert_string_equal(json_string_value(json_object_get(v, "state")), "acknowledged");
    assert_string_equal(json_string_value(json_object_get(v, "note")), "已与神经内科约谈");
    assert_string_equal(json_string_value(json_object_get(json_object_get(v, "owner"), "name")), "zhao");
    json_decref(v);
    assert_null(world_call(&w, "zhao", "alarm.acknowledge", note));
    assert_int_equal(w.fault.code, ERR_NOT_ALLOWED_NOW);
    assert_int_equal(how_many("zhao", "open"), 1); /* acknowledged is not well */
}

static void it_closes_by_itself_and_stays_in_the_history(void **state)
{
    for (int i = 0; i < 60; i++)
        answered(600 + i, true);
    pass(10 * MINUTE);
    assert_int_equal(how_many("zhao", "open"), 0);
    json_t *items = alarms("zhao", "closed");
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "closed_why")), "well");
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "note")), "已与神经内科约谈");
    json_decref(items);
    assert_int_equal(notices("alarm.closed", 202), 1);
    assert_null(world_call(&w, "zhao", "alarm.take", json_pack("{s:s}", "alarm_id", alarm_id)));
    assert_string_equal(w.fault.reason, "alarm_closed");
}

/* A number that swings around the limit does not ring every time. */
static void what_comes_back_soon_is_the_same_alarm(void **state)
{
    for (int i = 0; i < 20; i++)
        answered(700 + i, false);
    pass(45 * MINUTE);
    json_t *items = alarms("zhao", "open");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "id")), alarm_id);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(items, 0), "again")), 1);
    json_decref(items);
    assert_int_equal(notices("alarm.opened", 202), 1);
}

static void while_facts_stand_still_nothing_is_judged(void **state)
{
    sql("DELETE FROM report_fact WHERE measure=3");
    sql("UPDATE report_state SET place=place+7200000 WHERE name='slow'"); /* no round is due, and the last complete one gets old */
    int64_t before = w.now_ms;
    w.now_ms += 3 * HOUR;
    sql("UPDATE report_state SET place=-1 WHERE name='walk'");
    int64_t judged = world_count(&w, "SELECT MAX(judged_ms) FROM alarm_watch");
    struct records *r = w.r;
    alarm_background(r, w.now_ms);
    assert_int_equal(world_count(&w, "SELECT MAX(judged_ms) FROM alarm_watch"), judged);
    assert_int_equal(how_many("zhao", "open"), 1);
    w.now_ms = before;
    sql("UPDATE report_state SET place=0 WHERE name='slow'");
    pass(10 * MINUTE);
    assert_int_equal(how_many("zhao", "open"), 0); /* nothing to count any more */
}

static void a_rule_that_changes_closes_what_it_opened(void **state)
{
    for (int i = 0; i < 5; i++)
        answered(800 + i, false);
    pass(90 * MINUTE);
    assert_int_equal(how_many("zhao", "open"), 1);
    json_t *args = rule_args();
    json_object_set_new(args, "version", json_integer(1));
    json_object_set_new(args, "org_id", json_string(root));
    assert_null(world_call(&w, "dean", "alarm.rule_set", args)); /* above his house */
    args = rule_args();
    json_object_set_new(args, "version", json_integer(1));
    json_object_set_new(args, "org_id", json_string(root));
    json_object_set_new(args, "each", json_true());
    json_object_set_new(args, "role", json_string("manager"));
    json_object_set_new(args, "for_minutes", json_integer(0));
    json_decref(ask("chief", "alarm.rule_set", args));
    assert_int_equal(how_many("zhao", "open"), 0);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM alarm WHERE closed_why='rule'"), 1);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM alarm_watch"), 5); /* each institution for itself */
    pass(10 * MINUTE);
    assert_int_equal(how_many("chief", "open"), 3); /* the township that asked, the county, the whole */
    assert_int_equal(notices("alarm.opened", 213), 1); /* the county's manager for the county */
    assert_int_equal(notices("alarm.opened", 905), 2); /* where there is none, the nearest above: the township's, and the whole */
    json_decref(ask("chief", "alarm.rule_remove", json_pack("{s:s}", "rule_id", rule)));
    assert_int_equal(how_many("chief", "open"), 0);
    assert_int_equal(world_count(&w, "SELECT COUNT(*) FROM alarm_watch"), 0);
}

static int open_world(void **state)
{
    world_open(&w);
    return 0;
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rules_are_made_by_who_may),
                                       cmocka_unit_test(it_must_be_bad_for_so_long_and_of_so_many),
                                       cmocka_unit_test(one_alarm_however_long_it_lasts),
                                       cmocka_unit_test(it_has_an_owner_who_says_what_is_done),
                                       cmocka_unit_test(it_closes_by_itself_and_stays_in_the_history),
                                       cmocka_unit_test(what_comes_back_soon_is_the_same_alarm),
                                       cmocka_unit_test(while_facts_stand_still_nothing_is_judged),
                                       cmocka_unit_test(a_rule_that_changes_closes_what_it_opened)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
