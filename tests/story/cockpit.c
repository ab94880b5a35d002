/* The cockpit told as a story: one case from sending to follow-up, and what deans, offices and doctors see of it in numbers and lists. */
#include "tests/story/world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HOUR 3600000ll
#define DAY 86400000ll

static struct world w;
static char case_id[ID_TEXT_BYTES];
static int64_t version;

static void act(int64_t after, const char *name, const char *op, json_t *args)
{
    w.now_ms += after;
    json_object_set_new(args, "case_id", json_string(case_id));
    json_object_set_new(args, "version", json_integer(version));
    json_t *c = world_call(&w, name, op, args);
    if (!c)
        fail_msg("%s: %s %s", op, w.fault.reason, w.fault.text);
    version = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
}

static void settle(void)
{
    w.now_ms += 1000;
    for (int i = 0; i < 5; i++)
        records_tick(w.r);
}

static json_t *page(const char *name, const char *which)
{
    json_t *v = world_call(&w, name, "report.cockpit", json_pack("{s:s,s:s}", "page", which, "period", "30d"));
    if (!v)
        fail_msg("%s: %s", name, w.fault.reason);
    return v;
}

static const json_t *figure(const json_t *page_, const char *id)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(page_, "indicators"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
            return json_object_get(one, "now");
    fail_msg("no %s", id);
    return NULL;
}

static int64_t counted(const char *name, const char *which, const char *id, const char *member)
{
    json_t *p = page(name, which);
    int64_t n = (int64_t)json_number_value(json_object_get(figure(p, id), member));
    json_decref(p);
    return n;
}

static json_t *list(const char *name, const char *id)
{
    json_t *v = world_call(&w, name, "report.list", json_pack("{s:s,s:s}", "indicator", id, "period", "30d"));
    if (!v)
        fail_msg("%s: %s", name, w.fault.reason);
    return v;
}

static void a_case_goes_its_way(void **state)
{
    char hex[ID_TEXT_BYTES], county[ID_TEXT_BYTES], neuro[ID_TEXT_BYTES], qian[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), hex);
    id_format(20, county);
    id_format(21, neuro);
    id_format(who("qian")->id, qian);
    json_t *c = world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", hex, "kind", "offline", "scope", "clinical", "urgency", "urgent", "target_org_id",
                                                                 county, "form", full_form()));
    assert_non_null(c);
    snprintf(case_id, sizeof case_id, "%s", json_string_value(json_object_get(c, "id")));
    version = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
    settle();
    assert_int_equal(counted("chief", "dean", "volume", "value"), 0); /* a draft is its writer's own */
    act(0, "zhang", "case.submit", json_object());
    settle();
    assert_int_equal(counted("chief", "dean", "volume", "value"), 1);
    act(HOUR / 2, "li", "case.return", world_json("{\"items\":[{\"path\":\"labs\",\"reason\":\"x\"}]}"));
    act(HOUR / 2, "zhang", "case.submit", json_object());
    act(0, "li", "case.approve_home", json_object());
    act(HOUR / 2, "chen", "case.triage", json_pack("{s:s}", "dept_id", neuro));
    act(0, "chen", "case.assign", json_pack("{s:s}", "expert_id", qian));
    act(0, "qian", "case.accept", json_object());
    settle();
    assert_int_equal(counted("dean", "operations", "expert_accept", "denominator"), 1);
    assert_int_equal(counted("zhao", "medical", "returned", "numerator"), 1);
    assert_int_equal(counted("zhao", "medical", "missing", "value"), 1);
    assert_int_equal(counted("dean", "dean", "on_time", "denominator"), 0); /* the term has not run out */
}

/* The urgent lane is 24 hours, the half hour in which the clinic had to correct left out. Nobody does anything at that moment: it is late all the same. */
static void an_open_case_is_late_when_its_term_runs_out(void **state)
{
    w.now_ms += 22 * HOUR + HOUR / 2; /* 24 h since sending, 23 and a half of them count */
    settle();
    assert_int_equal(counted("dean", "dean", "on_time", "denominator"), 0);
    w.now_ms += HOUR / 2;
    settle();
    assert_int_equal(counted("dean", "dean", "on_time", "denominator"), 1);
    assert_int_equal(counted("dean", "dean", "on_time", "numerator"), 0);
    act(0, "qian", "case.begin_review", json_object());
    act(HOUR, "qian", "case.sign_opinion", json_pack("{s:o}", "body", full_opinion()));
    settle();
    assert_int_equal(counted("dean", "dean", "on_time", "denominator"), 1); /* once, at the moment the term ran out */
    assert_int_equal(counted("dean", "dean", "agreement", "numerator"), 1);
    act(HOUR, "zhang", "case.acknowledge", world_json("{\"items\":[{\"n\":1,\"decision\":\"adopted\"},{\"n\":2,\"decision\":\"not_adopted\",\"reason\":\"x\"}],\"handling\":\"done\"}"));
    settle();
    assert_int_equal(counted("dean", "dean", "adoption", "numerator"), 1);
    assert_int_equal(counted("dean", "dean", "adoption", "denominator"), 2);
    assert_int_equal(counted("dean", "dean", "loop", "numerator"), 1);
}

static void a_dean_sees_his_house_and_what_is_below(void **state)
{
    char hex[ID_TEXT_BYTES];
    struct tx *tx;
    assert_int_equal(counted("dean", "dean", "volume", "value"), 1);  /* the county answered it */
    assert_int_equal(counted("chief", "dean", "volume", "value"), 1); /* the consortium's sees all */
    assert_int_equal(counted("li", "dean", "volume", "value"), 1);    /* the township asked */
    assert_int_equal(counted("gao", "operations", "volume", "value"), 0); /* the city has no part in it */
    id_format(30, hex);
    assert_null(world_call(&w, "dean", "report.cockpit", json_pack("{s:s}", "org_id", hex)));
    assert_int_equal(w.fault.code, ERR_DENIED);
    assert_null(world_call(&w, "dean", "report.list", json_pack("{s:s,s:s}", "indicator", "volume", "org_id", hex)));
    assert_int_equal(w.fault.code, ERR_DENIED);
    id_format(10, hex);
    assert_null(world_call(&w, "gao", "report.list", json_pack("{s:s,s:s}", "indicator", "volume", "org_id", hex)));
    /* the township becomes a part of the city's tree: from then on its dispatchers' numbers hold it */
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE org SET parent_id=30 WHERE id=10", "");
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(counted("gao", "operations", "volume", "value"), 1);
    json_t *v = world_call(&w, "gao", "report.list", json_pack("{s:s,s:s,s:s}", "indicator", "volume", "org_id", hex, "side", "home"));
    assert_int_equal(json_array_size(json_object_get(v, "items")), 1);
    json_decref(v);
    v = world_call(&w, "gao", "report.list", json_pack("{s:s,s:s,s:s}", "indicator", "volume", "org_id", hex, "side", "target"));
    assert_int_equal(json_array_size(json_object_get(v, "items")), 0);
    json_decref(v);
}

static void a_list_names_only_patients_one_may_read(void **state)
{
    static const struct { const char *who; bool named; } rows[] = {{"chief", false}, {"dean", false}, {"gao", false}, {"li", true}, {"zhao", true}, {"chen", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = list(rows[i].who, strcmp(rows[i].who, "li") == 0 || strcmp(rows[i].who, "zhao") == 0 ? "agreement" : "volume"), *items = json_object_get(v, "items");
        assert_int_equal(json_array_size(items), 1);
        json_t *c = json_object_get(json_array_get(items, 0), "case");
        assert_true(json_is_string(json_object_get(c, "number")));
        assert_true(json_is_object(json_object_get(c, "patient")) == rows[i].named && json_is_string(json_object_get(c, "id")) == rows[i].named);
        assert_true(strstr(w.last.audit.detail, rows[i].named ? "named=1" : "named=0") != NULL);
        json_decref(v);
    }
    json_t *numbers = page("chief", "dean");
    char *text = json_dumps(numbers, 0);
    assert_null(strstr(text, "patient\":"));
    free(text);
    json_decref(numbers);
}

static void pages_are_those_of_the_role(void **state)
{
    static const struct { const char *who, *page; bool may; } rows[] = {{"li", "dean", true},       {"li", "medical", false},     {"zhao", "medical", true}, {"zhao", "dean", false},
                                                                        {"chen", "operations", true}, {"chen", "technical", false}, {"dean", "technical", true}, {"admin", "medical", true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        json_t *v = world_call(&w, rows[i].who, "report.cockpit", json_pack("{s:s}", "page", rows[i].page));
        assert_true(!!v == rows[i].may);
        json_decref(v);
    }
    assert_null(world_call(&w, "chen", "report.list", json_pack("{s:s}", "indicator", "denied"))); /* on no page of a dispatcher's */
    assert_int_equal(w.fault.code, ERR_DENIED);
}

/* An outcome that is told in time is a follow-up done. */
static void a_follow_up_is_done_when_its_outcome_is_told(void **state)
{
    act(0, "zhang", "case.evaluate", world_json("{\"scores\":{\"timely\":5,\"helpful\":5,\"attitude\":5,\"system\":3,\"avoided_transfer\":true}}"));
    act(0, "qian", "case.evaluate", world_json("{\"scores\":{\"complete\":5,\"question\":5,\"cooperation\":5,\"necessity\":5}}"));
    act(0, "zhang", "case.close", world_json("{\"follow_up_days\":7}"));
    w.now_ms += 7 * DAY;
    settle();
    assert_int_equal(counted("dean", "medical", "follow_up", "denominator"), 0);
    json_t *args = world_json("{\"day\":7,\"items\":[{\"n\":1,\"outcome\":\"effective\"}]}");
    json_object_set_new(args, "case_id", json_string(case_id));
    json_decref(world_call(&w, "zhang", "case.outcome", args));
    settle();
    assert_int_equal(counted("dean", "medical", "follow_up", "numerator"), 1);
    json_t *p = page("dean", "dean");
    assert_true(json_number_value(json_object_get(figure(p, "satisfaction"), "value")) == 4.5);
    json_decref(p);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_case_goes_its_way),
                                       cmocka_unit_test(an_open_case_is_late_when_its_term_runs_out),
                                       cmocka_unit_test(a_dean_sees_his_house_and_what_is_below),
                                       cmocka_unit_test(a_list_names_only_patients_one_may_read),
                                       cmocka_unit_test(pages_are_those_of_the_role),
                                       cmocka_unit_test(a_follow_up_is_done_when_its_outcome_is_told)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
