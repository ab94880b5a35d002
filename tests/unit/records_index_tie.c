/* The patient index looks back: a record that ties persons who came apart joins them, whatever the order they came in - and never what a steward decided,
 * what can never be one, or what may as well be somebody else. */
#include "tests/support/index.h"

/* Somebody who is known by his phone at one house, by his card under another spelling at the next, and brings both to the third. */
struct someone {
    const char *name, *spelt, *sex, *birth, *card, *phone;
};
static const struct someone shao = {"邵慧琴", "邵惠勤", "female", "1963-04-12", "990101196304120027", "13711110001"};
static const struct someone dong = {"董国梁", "董国良", "male", "1971-08-23", "990102197108231038", "13711110002"};
static const struct someone fang = {"方淑珍", "方书真", "female", "1955-06-07", "990103195506072244", "13711110003"};

enum { BY_PHONE, BY_CARD, BY_BOTH };
static void arrive(const struct someone *s, int as, char id[17])
{
    static const int orgs[] = {1, 2, 3};
    char text[300];
    if (as == BY_PHONE)
        snprintf(text, sizeof text, "\"name\":\"%s\",\"sex\":\"%s\",\"birth_date\":\"%s\",\"phone\":\"%s\"", s->name, s->sex, s->birth, s->phone);
    else if (as == BY_CARD)
        snprintf(text, sizeof text, "\"name\":\"%s\",\"id_type\":\"id_card\",\"id_no\":\"%s\"", s->spelt, s->card);
    else
        snprintf(text, sizeof text, "\"name\":\"%s\",\"id_type\":\"id_card\",\"id_no\":\"%s\",\"phone\":\"%s\"", s->name, s->card, s->phone);
    strcpy(id, enter(orgs[as], text));
}

static bool one(const char *a, const char *b)
{
    return strcmp(person_of(a), person_of(b)) == 0;
}

/* The open task between two records, in whichever order; NULL: none. */
static json_t *task_between(const char *a, const char *b)
{
    json_t *p = CALL("mpi.pair", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", a, b), *task = json_object_get(p, "task");
    assert_non_null(p);
    task = json_is_object(task) ? json_incref(task) : NULL;
    json_decref(p);
    return task;
}

static bool waits(const char *a, const char *b)
{
    json_t *task = task_between(a, b);
    json_decref(task);
    return task != NULL;
}

static void decided(json_t *answer)
{
    if (!answer)
        fail_msg("%s %s", desk.fault.text, desk_wrong());
    json_decref(answer);
}

/* index_state without the lines of one patient. */
static char *state_without(const char *patient)
{
    char *all = index_state(), *out = all, id[24];
    snprintf(id, sizeof id, "%llu ", strtoull(patient, NULL, 16));
    for (char *line = all, *next; *line; line = next) {
        next = strchr(line, '\n') + 1;
        if (strncmp(line, id, strlen(id)) != 0) {
            memmove(out, line, (size_t)(next - line));
            out += next - line;
        }
    }
    *out = 0;
    return all;
}

/* The latest act of the machine is taken back. */
static void undo_last(void)
{
    json_t *acts = CALL("mpi.acts", "{\"by\":\"auto\"}"), *items = json_object_get(acts, "items");
    size_t i;
    json_t *act;
    json_array_foreach(items, i, act) if (json_integer_value(json_object_get(act, "undone_ms")) == 0) break;
    assert_non_null(act);
    assert_string_equal(member(act, "kind"), "auto");
    decided(CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(act, "id")));
    json_decref(acts);
}

static char shao_id[3][17];

static void a_later_record_ties_two(void **state)
{
    (void)state;
    arrive(&shao, BY_PHONE, shao_id[0]);
    arrive(&shao, BY_CARD, shao_id[1]);
    assert_string_equal(outcome, "review");
    assert_true(waits(shao_id[0], shao_id[1]));
    arrive(&shao, BY_BOTH, shao_id[2]);
    assert_string_equal(outcome, "linked");
    assert_true(one(shao_id[0], shao_id[1]) && one(shao_id[1], shao_id[2]));
    assert_null(first_task()); /* nobody has to decide any more */
    json_t *done = CALL("mpi.tasks", "{\"state\":\"linked\"}");
    assert_int_equal(json_array_size(json_object_get(done, "items")), 1);
    json_decref(done);
}

/* Both persons are as they were, to the task between them; what a steward took back the machine does not do again, it asks. */
static void undo_restores_both(void **state)
{
    (void)state;
    undo_last();
    assert_false(one(shao_id[0], shao_id[1]));
    undo_last();
    assert_false(one(shao_id[0], shao_id[2]) || one(shao_id[1], shao_id[2]));
    assert_true(waits(shao_id[0], shao_id[1]));
    desk.actor.org.v = 3;
    decided(CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"address\":\"南江市青石镇新街3号\"}", shao_id[2]));
    assert_false(one(shao_id[0], shao_id[2]) || one(shao_id[1], shao_id[2]));
    assert_true(waits(shao_id[0], shao_id[2]) || waits(shao_id[1], shao_id[2]));
}

static void undo_leaves_no_trace(void **state)
{
    char a[17], b[17], c[17];
    (void)state;
    arrive(&dong, BY_PHONE, a);
    arrive(&dong, BY_CARD, b);
    char *before = index_state();
    desk.now_ms += 60000;
    arrive(&dong, BY_BOTH, c);
    assert_true(one(a, b) && one(b, c));
    desk.now_ms += 60000;
    undo_last();
    undo_last();
    char *after = state_without(c);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void two_cards_are_two_persons(void **state)
{
    char a[17], b[17], c[17];
    (void)state;
    strcpy(a, enter(1, "\"name\":\"康玉兰\",\"id_type\":\"id_card\",\"id_no\":\"990101196304120043\",\"phone\":\"13711110004\""));
    strcpy(b, enter(2, "\"name\":\"康玉兰\",\"id_type\":\"id_card\",\"id_no\":\"99010119630412006X\",\"phone\":\"13711110004\""));
    strcpy(c, enter(3, "\"name\":\"康玉兰\",\"sex\":\"female\",\"birth_date\":\"1963-04-12\",\"phone\":\"13711110004\""));
    assert_string_equal(outcome, "review"); /* either of the two */
    assert_false(one(a, b) || one(a, c) || one(b, c));
    json_t *task = task_between(c, a);
    task = task ? task : task_between(c, b);
    assert_string_equal(member(task, "why"), "two_persons");
    json_decref(task);
}

static void what_is_kept_apart_is_not_tied(void **state)
{
    char a[17], b[17], c[17];
    (void)state;
    arrive(&fang, BY_PHONE, a);
    arrive(&fang, BY_CARD, b);
    json_t *task = task_between(a, b);
    decided(CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"apart\"}", member(task, "id")));
    json_decref(task);
    arrive(&fang, BY_BOTH, c);
    assert_string_equal(outcome, "review");
    assert_false(one(a, b) || one(a, c) || one(b, c));
}

/* Who is put off is in a steward's hands. */
static void what_is_put_off_waits(void **state)
{
    static const struct someone tan = {"谭克勤", "谭可勤", "male", "1988-09-14", "990104198809140312", "13711110005"};
    char a[17], b[17], c[17];
    (void)state;
    arrive(&tan, BY_PHONE, a);
    arrive(&tan, BY_CARD, b);
    json_t *task = task_between(a, b);
    decided(CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"later\",\"note\":\"等本人来\"}", member(task, "id")));
    json_decref(task);
    arrive(&tan, BY_BOTH, c);
    assert_string_equal(outcome, "linked");
    assert_false(one(a, b));
    assert_true(waits(a, b));
}

/* Two persons of several records, one of them made by a steward: the machine asks. */
static void a_stewards_person_is_asked_about(void **state)
{
    static const struct someone xie = {"谢桂花", "谢贵华", "female", "1949-11-03", "990105194911030425", "13711110006"};
    char a[17], a2[17], b[17], b2[17], c[17];
    (void)state;
    arrive(&xie, BY_PHONE, a);
    strcpy(a2, enter(1, "\"name\":\"谢小花\",\"sex\":\"female\",\"phone\":\"13711110006\",\"estimated_age\":77"));
    decided(CALL("mpi.merge", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", a, a2));
    arrive(&xie, BY_CARD, b);
    strcpy(b2, enter(3, "\"name\":\"谢贵华\",\"id_type\":\"id_card\",\"id_no\":\"990105194911030425\""));
    assert_true(one(b, b2));
    desk.actor.org.v = 3; /* the card's record learns name and phone */
    decided(CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"name\":\"谢桂花\",\"phone\":\"13711110006\"}", b2));
    assert_true(one(a, a2) && one(b, b2));
    assert_false(one(a, b));
    assert_true(waits(a, b)); /* since it came; now as likely as the whole persons are */
    strcpy(c, enter(1, "\"name\":\"谢桂花\",\"sex\":\"female\",\"birth_date\":\"1949-11-03\",\"phone\":\"13711110006\""));
    assert_false(one(a, b));
}

/* Four records of one person come in every order: one person, and nothing that waits. */
static void the_order_does_not_matter(void **state)
{
    static const char *const families[] = {"石", "龙", "万", "段", "雷", "侯", "龚", "邱", "贺", "赖", "尹", "黎", "易", "常", "武", "乔", "文", "庞", "樊", "兰", "覃", "柯", "陶", "洪"};
    static const char weight[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    (void)state;
    json_t *before = CALL("mpi.tasks", "{}");
    for (int round = 0; round < 24; round++) {
        char name[40], spelt[40], birth[11], card[19], phone[12], id[4][17];
        int sum = 0, left[4] = {0, 1, 2, 3}, rest = round;
        snprintf(name, sizeof name, "%s宝珠", families[round]);
        snprintf(spelt, sizeof spelt, "%s保朱", families[round]);
        snprintf(birth, sizeof birth, "19%d-05-1%d", 40 + round, round % 10);
        snprintf(card, sizeof card, "99010619%d051%d%03d", 40 + round, round % 10, 2 * round);
        for (int i = 0; i < 17; i++)
            sum += (card[i] - '0') * weight[i];
        card[17] = "10X98765432"[sum % 11];
        card[18] = 0;
        snprintf(phone, sizeof phone, "1372%07d", 7919 * (round + 1) * (round + 3) % 9999991);
        const struct someone who = {name, spelt, "female", birth, card, phone};
        for (int n = 4; n; n--) {
            int at = rest % n, as = left[at];
            rest /= n;
            left[at] = left[n - 1];
            if (as < 3)
                arrive(&who, as, id[as]);
            else {
                char text[200];
                snprintf(text, sizeof text, "\"name\":\"%s\",\"sex\":\"female\",\"birth_date\":\"%s\",\"phone\":\"%s\"", spelt, birth, phone);
                strcpy(id[3], enter(2, text));
            }
        }
        for (int i = 1; i < 4; i++)
            if (!one(id[0], id[i]))
                fail_msg("order %d: record %d is somebody else", round, i);
    }
    json_t *after = CALL("mpi.tasks", "{}");
    assert_true(json_equal(json_object_get(json_object_get(before, "counts"), "open"), json_object_get(json_object_get(after, "counts"), "open")));
    json_decref(before);
    json_decref(after);
}

/* The list and the pair's page say the same, also when more records came to one of the two, and of whichever is named first. */
static void one_likelihood_everywhere(void **state)
{
    (void)state;
    json_t *tasks = CALL("mpi.tasks", "{}"), *items = json_object_get(tasks, "items"), *task;
    size_t i;
    assert_true(json_array_size(items) >= 3);
    json_array_foreach(items, i, task) for (int turned = 0; turned < 2; turned++)
    {
        const char *a = member(json_object_get(task, turned ? "b" : "a"), "id"), *b = member(json_object_get(task, turned ? "a" : "b"), "id");
        json_t *p = CALL("mpi.pair", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", a, b);
        assert_true(json_equal(json_object_get(json_object_get(p, "why"), "odds"), json_object_get(task, "odds")));
        json_decref(p);
    }
    json_decref(tasks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_record_ties_two),
        cmocka_unit_test(undo_restores_both),
        cmocka_unit_test(undo_leaves_no_trace),
        cmocka_unit_test(two_cards_are_two_persons),
        cmocka_unit_test(what_is_kept_apart_is_not_tied),
        cmocka_unit_test(what_is_put_off_waits),
        cmocka_unit_test(a_stewards_person_is_asked_about),
        cmocka_unit_test(the_order_does_not_matter),
        cmocka_unit_test(one_likelihood_everywhere),
    };
    return cmocka_run_group_tests(tests, open_site, desk_close);
}
