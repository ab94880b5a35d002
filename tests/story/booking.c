/* Fifty people want the same hour of the same expert: exactly one gets it, all the others are told so. And a
 * board's counts are those of the lists it opens. */
#include "records/work/consult_flow.h"
#include "tests/story/world.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <cmocka.h>

#define ATTEMPTS 50

static struct world shared;
static char cases[ATTEMPTS][ID_TEXT_BYTES];
static int64_t versions[ATTEMPTS];
static atomic_int won, refused, other;

static void do_act(struct world *w, int i, const char *name, const char *op, json_t *args)
{
    json_object_set_new(args, "case_id", json_string(cases[i]));
    json_object_set_new(args, "version", json_integer(versions[i]));
    json_t *c = world_call(w, name, op, args);
    if (!c)
        fail_msg("%s: %s %s", op, w->fault.reason, w->fault.text);
    versions[i] = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
}

static void accepted_case(struct world *w, int i)
{
    char hex[ID_TEXT_BYTES], county[ID_TEXT_BYTES], neuro[ID_TEXT_BYTES], qian[ID_TEXT_BYTES];
    id_format(world_patient(w, "zhang"), hex);
    id_format(20, county);
    id_format(21, neuro);
    id_format(who("qian")->id, qian);
    json_t *c =
        world_call(w, "zhang", "case.create",
                   json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", hex, "kind", "interactive", "scope",
                             "clinical", "urgency", "routine", "target_org_id", county, "form", full_form()));
    assert_non_null(c);
    snprintf(cases[i], ID_TEXT_BYTES, "%s", json_string_value(json_object_get(c, "id")));
    versions[i] = json_integer_value(json_object_get(c, "version"));
    json_decref(c);
    do_act(w, i, "zhang", "case.submit", json_object());
    do_act(w, i, "li", "case.approve_home", json_object());
    do_act(w, i, "chen", "case.triage", json_pack("{s:s}", "dept_id", neuro));
    do_act(w, i, "chen", "case.assign", json_pack("{s:s}", "expert_id", qian));
    do_act(w, i, "qian", "case.accept", json_object());
}

static void *attempt(void *arg)
{
    int i = (int)(intptr_t)arg;
    struct world *w = malloc(sizeof *w);
    *w = shared;
    /* half of them a little earlier or later: overlap counts as the same hour */
    int64_t start = w->now_ms + 3 * 3600000ll + (i % 3) * 600000;
    json_t *c =
        world_call(w, "zhang", "case.schedule",
                   json_pack("{s:s,s:I,s:I,s:I}", "case_id", cases[i], "version", (json_int_t)versions[i],
                             "start_ms", (json_int_t)start, "end_ms", (json_int_t)(start + 3600000)));
    if (c)
        atomic_fetch_add(&won, 1);
    else if (w->fault.code == ERR_CONFLICT && strcmp(w->fault.reason, "slot_taken") == 0)
        atomic_fetch_add(&refused, 1);
    else
        atomic_fetch_add(&other, 1);
    json_decref(c);
    free(w);
    return NULL;
}

static void exactly_one_gets_the_hour(void **state)
{
    pthread_t threads[ATTEMPTS];
    for (int i = 0; i < ATTEMPTS; i++)
        accepted_case(&shared, i);
    for (int i = 0; i < ATTEMPTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, attempt, (void *)(intptr_t)i), 0);
    for (int i = 0; i < ATTEMPTS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(won, 1);
    assert_int_equal(refused, ATTEMPTS - 1);
    assert_int_equal(other, 0);
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(shared.r), TX_READ, &tx), 0);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM booking WHERE live=1", ""), 1);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM slot WHERE state='booked'", ""), 1);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM consult WHERE state='SCHEDULED'", ""), 1);
    tx_rollback(tx);
}

static size_t listed(const char *name, const char *args)
{
    size_t n = 0;
    char after[24] = "";
    for (;;) {
        json_t *a = world_json(args);
        if (*after)
            json_object_set_new(a, "after", json_integer(atoll(after)));
        json_t *v = world_call(&shared, name, "case.list", a);
        assert_non_null(v);
        n += json_array_size(json_object_get(v, "items"));
        const char *next = json_string_value(json_object_get(v, "next"));
        snprintf(after, sizeof after, "%s", next ? next : "");
        json_decref(v);
        if (!*after)
            return n;
    }
}

static void counts_are_those_of_the_lists(void **state)
{
    static const char *const viewers[] = {"zhang", "li", "chen", "zhao", "he", "qian", "wu", "sun", "gao"};
    for (size_t i = 0; i < sizeof viewers / sizeof *viewers; i++) {
        json_t *board = world_call(&shared, viewers[i], "board.get", json_object()), *item;
        size_t k, sum = 0;
        int before = -1;
        assert_non_null(board);
        json_array_foreach (json_object_get(board, "states"), k, item) {
            char args[100];
            int at = flow_state_find(&consult_flow, json_string_value(json_object_get(item, "state")));
            assert_true(at > before); /* as a case goes through them */
            before = at;
            snprintf(args, sizeof args, "{\"view\":\"all\",\"limit\":7,\"state\":\"%s\"}",
                     json_string_value(json_object_get(item, "state")));
            assert_int_equal(listed(viewers[i], args), json_integer_value(json_object_get(item, "count")));
            sum += (size_t)json_integer_value(json_object_get(item, "count"));
        }
        assert_int_equal(json_integer_value(json_object_get(board, "total")), sum);
        assert_int_equal(listed(viewers[i], "{\"view\":\"all\",\"limit\":200}"), sum);
        assert_int_equal(listed(viewers[i], "{\"view\":\"all\",\"overdue\":true}"),
                         json_integer_value(json_object_get(board, "overdue")));
        json_decref(board);
    }
    assert_int_equal(listed("zhang", "{\"view\":\"mine\"}"), ATTEMPTS);
    assert_int_equal(listed("sun", "{\"view\":\"all\"}"), 0);
}

/* The screen on the wall: the dispatcher's numbers, the latest first, and no patient. */
static void the_wall_shows_no_patient(void **state)
{
    static const char *const viewers[] = {"screen", "chen", "admin"};
    shared.now_ms += 40 * 86400000ll;
    for (size_t i = 0; i < sizeof viewers / sizeof *viewers; i++) {
        json_t *wall = world_call(&shared, viewers[i], "board.wall", json_object()), *item;
        size_t k, late = 0;
        int64_t before = 0;
        assert_non_null(wall);
        assert_int_equal(json_integer_value(json_object_get(wall, "total")), ATTEMPTS);
        json_array_foreach (json_object_get(wall, "items"), k, item) {
            int64_t due = json_integer_value(json_object_get(item, "due_ms"));
            assert_true(due >= before);
            before = due;
            late += json_is_true(json_object_get(item, "overdue"));
            assert_non_null(json_string_value(json_object_get(json_object_get(item, "holder"), "name")));
        }
        assert_int_equal(late, json_integer_value(json_object_get(wall, "overdue")));
        assert_true(late >= ATTEMPTS - 1); /* the one that was booked has no deadline of the kind */
        char *text = json_dumps(wall, 0);
        assert_null(strstr(text, "patient"));
        free(text);
        json_decref(wall);
    }
    shared.now_ms -= 40 * 86400000ll;
}

static json_t *published(const char *name, const char *person, int64_t start_ms)
{
    char hex[ID_TEXT_BYTES];
    id_format(who(person)->id, hex);
    return world_call(&shared, name, "slot.publish",
                      json_pack("{s:s,s:I,s:I}", "person_id", hex, "start_ms", (json_int_t)start_ms, "end_ms",
                                (json_int_t)(start_ms + 1800000)));
}

/* functions.md 4.2: one's own, one's institution, one's department, the consortium; nobody else's. */
static void slots_are_kept_within_ones_place(void **state)
{
    static const struct {
        const char *who, *whose;
        bool may;
    } rows[] = {{"qian", "qian", true}, {"qian", "wu", false}, {"chen", "wu", true}, {"zhao", "zhou", true}, {"chen", "feng", false},
                {"gao", "feng", true}, {"he", "wu", true}, {"he", "zhou", false}, {"admin", "feng", true}, {"zhang", "qian", false}};
    int64_t at = shared.now_ms + 5 * 86400000ll;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++, at += 3600000) {
        json_t *v = published(rows[i].who, rows[i].whose, at);
        if (!!v != rows[i].may)
            fail_msg("%s for %s: %s", rows[i].who, rows[i].whose, v ? "done" : shared.fault.reason);
        if (!v)
            assert_int_equal(shared.fault.code, ERR_DENIED);
        json_decref(v);
    }
}

static int hold(const char *name, const char *op, const char *slot)
{
    json_t *v = world_call(&shared, name, op, json_pack("{s:s}", "slot_id", slot));
    json_decref(v);
    return v ? 0 : shared.fault.code;
}

static void a_hold_is_given_back(void **state)
{
    char slot[ID_TEXT_BYTES];
    json_t *v = published("wu", "wu", shared.now_ms + 6 * 86400000ll);
    assert_non_null(v);
    snprintf(slot, sizeof slot, "%s", json_string_value(json_object_get(json_array_get(json_object_get(v, "items"), 0), "slot_id")));
    json_decref(v);
    assert_int_equal(hold("zhang", "slot.hold", slot), 0);
    assert_int_equal(hold("chen", "slot.hold", slot), ERR_CONFLICT);
    assert_int_equal(hold("chen", "slot.release", slot), 0); /* not his: nothing happens */
    assert_int_equal(hold("chen", "slot.hold", slot), ERR_CONFLICT);
    assert_int_equal(hold("zhang", "slot.release", slot), 0);
    assert_int_equal(hold("chen", "slot.hold", slot), 0);
}

static int open_world(void **state)
{
    world_open(&shared);
    return 0;
}

static int close_world(void **state)
{
    world_close(&shared);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exactly_one_gets_the_hour),
                                       cmocka_unit_test(counts_are_those_of_the_lists),
                                       cmocka_unit_test(the_wall_shows_no_patient),
                                       cmocka_unit_test(slots_are_kept_within_ones_place),
                                       cmocka_unit_test(a_hold_is_given_back)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
