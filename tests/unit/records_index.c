/* The patient index of a site: what registration finds, and the desk where a person decides and takes back. */
#include "records/store/late.h"
#include "tests/support/index.h"

#define SHEN "\"name\":\"沈萍香\",\"sex\":\"female\",\"id_type\":\"id_card\",\"id_no\":\"991813196709102366\",\"phone\":\"13812345678\""
static char shen_a[17], shen_b[17];

static void one_person_at_two_hospitals(void **state)
{
    strcpy(shen_a, enter(1, SHEN ",\"address\":\"虚构省海沧市南坪乡人民路282号\""));
    assert_string_equal(outcome, "new");
    strcpy(shen_b, enter(2, "\"name\":\"沈平香\",\"id_type\":\"id_card\",\"id_no\":\"991813196709102366\""));
    assert_string_equal(outcome, "linked");
    assert_string_equal(person_of(shen_a), person_of(shen_b));
    json_t *p = CALL("mpi.person", "{\"patient_id\":\"%s\"}", shen_b), *golden = json_object_get(p, "golden");
    assert_string_equal(member(json_object_get(golden, "phone_masked"), "patient_id"), shen_a); /* the only one who has a phone */
    assert_string_equal(member(json_object_get(golden, "id_no_masked"), "value"), "991813********2366");
    assert_int_equal(json_array_size(json_object_get(p, "members")), 2);
    char *text = json_dumps(p, 0);
    assert_null(strstr(text, "991813196709102366"));
    free(text);
    json_decref(p);
}

static void strangers_stay_strangers(void **state)
{
    const char *other = enter(2, "\"name\":\"刘平强\",\"sex\":\"male\",\"birth_date\":\"1981-09-30\",\"phone\":\"13812345678\"");
    assert_string_equal(outcome, "new"); /* the same phone alone is a household */
    assert_string_not_equal(person_of(other), person_of(shen_a));
    char one[17];
    strcpy(one, enter(1, "\"temporary\":true,\"sex\":\"male\",\"estimated_age\":40"));
    enter(2, "\"temporary\":true,\"sex\":\"male\",\"estimated_age\":40");
    assert_string_equal(outcome, "new");
}

static char twin_a[17], twin_b[17];

static void twins_are_told_apart(void **state)
{
    strcpy(twin_a, enter(1, "\"name\":\"席璐艳\",\"id_type\":\"id_card\",\"id_no\":\"990607196812317243\",\"phone\":\"13900002222\""));
    strcpy(twin_b, enter(2, "\"name\":\"席璐雯\",\"id_type\":\"id_card\",\"id_no\":\"99060719681231726X\",\"phone\":\"13900002222\""));
    assert_string_equal(outcome, "new");
    assert_null(CALL("mpi.merge", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", twin_a, twin_b));
    assert_string_equal(desk.fault.reason, "barred");
    json_t *p = CALL("mpi.pair", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", twin_a, twin_b);
    json_t *barred = json_object_get(json_object_get(p, "why"), "barred");
    assert_string_equal(member(barred, "zh"), "两个有效的居民身份证号不同");
    assert_string_equal(member(barred, "en"), "two valid identity numbers that differ");
    assert_int_equal(json_array_size(json_object_get(p, "actions")), 0);
    json_decref(p);
}

/* Same name and birth date, nothing else to go by: a person must look. */
static char han_a[17], han_b[17];

static void a_likely_pair_waits_for_the_steward(void **state)
{
    strcpy(han_a, enter(1, "\"name\":\"韩颖桂\",\"sex\":\"female\",\"birth_date\":\"1999-11-26\",\"phone\":\"13700001111\""));
    strcpy(han_b, enter(2, "\"name\":\"韩颖桂\",\"sex\":\"female\",\"birth_date\":\"1999-11-26\",\"phone\":\"13655554444\""));
    assert_string_equal(outcome, "review");
    assert_string_not_equal(person_of(han_a), person_of(han_b));
    json_t *t = first_task();
    assert_string_equal(member(json_object_get(t, "a"), "id"), han_b);
    assert_string_equal(member(json_object_get(t, "b"), "id"), han_a);
    assert_string_equal(member(t, "why"), "likely");
    json_decref(t);
}

static void deciding_and_taking_back(void **state)
{
    static const char *const decisions[] = {"link", "apart"};
    for (size_t i = 0; i < 2; i++) {
        char act[17], *before = index_state();
        json_t *t = first_task(), *a = CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"%s\"}", member(t, "id"), decisions[i]);
        assert_non_null(a);
        assert_int_equal(strcmp(person_of(han_a), person_of(han_b)) == 0, i == 0);
        strcpy(act, member(a, "act_id"));
        json_decref(a);
        assert_null(CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"link\"}", member(t, "id")));
        assert_string_equal(desk.fault.reason, "decided");
        json_decref(t);
        desk.now_ms += 60000; /* the time of the undoing must not show in what comes back */
        a = CALL("mpi.undo", "{\"act_id\":\"%s\"}", act);
        assert_non_null(a);
        json_decref(a);
        char *after = index_state();
        assert_string_equal(before, after);
        free(before);
        free(after);
        assert_null(CALL("mpi.undo", "{\"act_id\":\"%s\"}", act));
        assert_string_equal(desk.fault.reason, "undone");
    }
}

static json_t *pair_of(const char *a, const char *b)
{
    json_t *p = CALL("mpi.pair", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", a, b);
    assert_non_null(p);
    return p;
}

/* Put off with a note: out of the list until its day, and undone like everything else. */
static void a_pair_is_put_off_and_comes_back(void **state)
{
    char *before = index_state();
    json_t *t = first_task(), *a = CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"later\",\"days\":2,\"note\":\"已电话核实，等回复\"}", member(t, "id"));
    assert_non_null(a);
    assert_null(first_task());
    json_t *l = CALL("mpi.tasks", "{\"state\":\"later\"}"), *one = json_array_get(json_object_get(l, "items"), 0);
    assert_string_equal(member(one, "note"), "已电话核实，等回复");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(l, "counts"), "later")), 1);
    desk.now_ms += 2 * 86400000ll + 1;
    json_t *back = first_task();
    assert_string_equal(member(back, "id"), member(t, "id"));
    json_t *u = CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(a, "act_id"));
    assert_non_null(u);
    char *after = index_state();
    assert_string_equal(before, after);
    free(before);
    free(after);
    json_decref(u);
    json_decref(back);
    json_decref(l);
    json_decref(a);
    json_decref(t);
}

/* Two stewards look at one pair; the record is corrected under the second one's eyes. */
static void nobody_decides_on_an_old_picture(void **state)
{
    json_t *t = first_task(), *p = pair_of(han_a, han_b), *again = pair_of(han_b, han_a);
    assert_string_equal(member(p, "stamp"), member(again, "stamp"));
    assert_string_equal(member(json_object_get(p, "task"), "id"), member(t, "id"));
    desk.actor.org.v = 1;
    json_decref(CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"address\":\"虚构省\"}", han_a));
    assert_null(CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"link\",\"stamp\":\"%s\"}", member(t, "id"), member(p, "stamp")));
    assert_string_equal(desk.fault.reason, "stale_version");
    assert_null(CALL("mpi.merge", "{\"patient_id\":\"%s\",\"other_id\":\"%s\",\"stamp\":\"%s\"}", han_a, han_b, member(p, "stamp")));
    json_decref(p);
    p = pair_of(han_a, han_b);
    json_t *a = CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"link\",\"stamp\":\"%s\",\"note\":\"本人到场\"}", member(t, "id"), member(p, "stamp"));
    assert_non_null(a);
    json_t *act = CALL("mpi.act", "{\"act_id\":\"%s\"}", member(a, "act_id"));
    assert_string_equal(member(act, "note"), "本人到场");
    assert_true(json_is_true(json_object_get(act, "may_undo")));
    assert_int_equal(json_array_size(json_object_get(act, "moves")), 1);
    json_decref(act);
    json_t *who = CALL("mpi.person", "{\"patient_id\":\"%s\"}", han_a);
    assert_true(json_array_size(json_object_get(who, "history")) >= 1);
    json_decref(who);
    json_decref(CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(a, "act_id")));
    act = CALL("mpi.act", "{\"act_id\":\"%s\"}", member(a, "act_id"));
    assert_string_equal(member(act, "why_not"), "undone");
    json_decref(act);
    json_decref(a);
    json_decref(again);
    json_decref(p);
    json_decref(t);
}

/* A steward finds a person by what he knows, in whichever house; a whole number is shown with a reason, which stays. */
static void finding_and_unmasking(void **state)
{
    json_t *f = CALL("mpi.find", "{\"q\":\"991813196709102366\"}"), *one = json_array_get(json_object_get(f, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(f, "items")), 1);
    assert_int_equal(json_array_size(json_object_get(one, "members")), 2);
    json_decref(f);
    f = CALL("mpi.find", "{\"q\":\"spx\"}"); /* 沈萍香 and 沈平香: one person */
    assert_int_equal(json_array_size(json_object_get(f, "items")), 1);
    json_decref(f);
    assert_null(CALL("mpi.reveal", "{\"patient_id\":\"%s\",\"what\":\"id_no\"}", shen_a));
    json_t *v = CALL("mpi.reveal", "{\"patient_id\":\"%s\",\"what\":\"id_no\",\"reason\":\"末位不清\"}", shen_a);
    assert_string_equal(member(v, "value"), "991813196709102366");
    assert_string_equal(desk.last.audit.detail, "reveal=id_no");
    json_decref(v);
}

static void a_link_is_confirmed_by_a_person(void **state)
{
    char *before = index_state();
    json_t *a = CALL("mpi.confirm", "{\"patient_id\":\"%s\"}", shen_b), *p = CALL("mpi.person", "{\"patient_id\":\"%s\"}", shen_b);
    assert_non_null(a);
    assert_string_equal(member(json_array_get(json_object_get(p, "members"), 1), "how"), "steward");
    json_decref(CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(a, "act_id")));
    char *after = index_state();
    assert_string_equal(before, after);
    free(before);
    free(after);
    json_decref(a);
    json_decref(p);
}

static void the_list_is_filtered_and_paged(void **state)
{
    static const char *const names[] = {"林慧珍", "罗美兰", "梁秋月"};
    char last[3][17];
    for (size_t i = 0; i < 3; i++) {
        char text[200];
        snprintf(text, sizeof text, "\"name\":\"%s\",\"sex\":\"female\",\"birth_date\":\"197%zu-03-1%zu\",\"phone\":\"1370000222%zu\"", names[i], i, i, i);
        enter(1, text);
        snprintf(text, sizeof text, "\"name\":\"%s\",\"sex\":\"female\",\"birth_date\":\"197%zu-03-1%zu\",\"phone\":\"1365555333%zu\"", names[i], i, i, i);
        strcpy(last[i], enter(3, text));
        assert_string_equal(outcome, "review");
    }
    json_t *t = CALL("mpi.tasks", "{\"limit\":2,\"org_id\":\"0000000000000003\"}"), *items = json_object_get(t, "items");
    assert_string_equal(member(json_object_get(json_array_get(items, 0), "a"), "id"), last[0]); /* oldest first */
    json_t *next = CALL("mpi.tasks", "{\"limit\":2,\"org_id\":\"0000000000000003\",\"after\":\"%s\"}", member(t, "next"));
    assert_int_equal(json_array_size(json_object_get(next, "items")), 1);
    assert_string_equal(member(json_object_get(json_array_get(json_object_get(next, "items"), 0), "a"), "id"), last[2]);
    json_decref(next);
    json_decref(t);
    char after[64] = "";
    double before = 1e9;
    for (size_t n = 0; n < 3; n++) {
        t = CALL("mpi.tasks", "{\"limit\":1,\"sort\":\"likely\",\"org_id\":\"0000000000000003\"%s}", after);
        double odds = json_number_value(json_object_get(json_array_get(json_object_get(t, "items"), 0), "odds"));
        assert_true(odds <= before);
        before = odds;
        snprintf(after, sizeof after, ",\"after\":\"%s\"", member(t, "next"));
        json_decref(t);
    }
    assert_null(CALL("mpi.tasks", "{\"after\":\"x\"}"));
    assert_string_equal(desk_wrong(), "after wrong");
}

static void what_is_kept_apart_stays_apart(void **state)
{
    json_t *t = first_task(), *a = CALL("mpi.decide", "{\"task_id\":\"%s\",\"decision\":\"apart\"}", member(t, "id"));
    assert_non_null(a);
    json_decref(a);
    json_decref(t);
    desk.actor.org.v = 2; /* the record is corrected, and matched again: it does not come back to the desk */
    a = CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"phone\":\"13700001111\"}", han_b);
    assert_non_null(a);
    json_decref(a);
    t = first_task();
    assert_null(t);
    assert_null(CALL("mpi.merge", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", han_a, han_b));
    assert_string_equal(desk.fault.reason, "kept_apart");
}

static void merge_split_and_order_of_undo(void **state)
{
    char a[17], b[17], merged[17], *before;
    strcpy(a, enter(1, "\"name\":\"公丽雪\",\"sex\":\"female\",\"birth_date\":\"1987-01-15\""));
    strcpy(b, enter(2, "\"name\":\"宫雪丽\",\"sex\":\"female\",\"birth_date\":\"1978-05-01\""));
    before = index_state();
    json_t *r = CALL("mpi.merge", "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", a, b);
    assert_non_null(r);
    strcpy(merged, member(r, "act_id"));
    json_decref(r);
    assert_string_equal(person_of(a), person_of(b));
    r = CALL("mpi.split", "{\"patient_id\":\"%s\"}", b);
    assert_non_null(r);
    assert_string_not_equal(person_of(a), person_of(b));
    assert_null(CALL("mpi.undo", "{\"act_id\":\"%s\"}", merged)); /* the split came after it */
    assert_string_equal(desk.fault.reason, "moved_since");
    json_t *u = CALL("mpi.undo", "{\"act_id\":\"%s\"}", member(r, "act_id"));
    assert_non_null(u);
    json_decref(u);
    json_decref(r);
    u = CALL("mpi.undo", "{\"act_id\":\"%s\"}", merged);
    assert_non_null(u);
    json_decref(u);
    char *after = index_state();
    assert_string_equal(before, after);
    free(before);
    free(after);
    assert_null(CALL("mpi.split", "{\"patient_id\":\"%s\"}", a));
    assert_string_equal(desk.fault.reason, "alone");
    r = CALL("mpi.acts", "{}");
    assert_true(json_array_size(json_object_get(r, "items")) >= 5);
    json_decref(r);
}

static void a_failed_registration_leaves_nothing(void **state)
{
    char *before = index_state();
    desk.actor.org.v = 1;
    assert_null(CALL("patient.create", "{" SHEN "}")); /* on file already */
    char *after = index_state();
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void older_patients_are_indexed_later(void **state)
{
    struct tx *tx;
    char *before = index_state();
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "DELETE FROM mpi_member", "");
    tx_exec(tx, "DELETE FROM mpi_key", "");
    tx_exec(tx, "DELETE FROM key_late", "");
    tx_exec(tx, "DELETE FROM mpi_task", "");
    tx_exec(tx, "UPDATE mpi_state SET patients=0", "");
    assert_int_equal(tx_commit(tx), 0);
    json_t *r = CALL("mpi.rebuild", "{\"limit\":3}");
    assert_int_equal(json_integer_value(json_object_get(r, "indexed")), 3);
    assert_true(json_is_true(json_object_get(r, "more")));
    json_decref(r);
    r = CALL("mpi.rebuild", "{}");
    assert_false(json_is_true(json_object_get(r, "more")));
    json_decref(r);
    assert_string_equal(person_of(shen_a), person_of(shen_b));
    assert_string_not_equal(person_of(twin_a), person_of(twin_b));
    free(before);
}

/* Three crowds share a number of his each, more than are ever compared: who shares the rare things is found all the same. */
static void crowds_do_not_hide_who_matters(void **state)
{
    (void)state;
    static const char *const shared[] = {"\"insurance_no\":\"YB20261128\"", "\"phone\":\"13700000001\"", "\"phone\":\"13700000002\""};
    static const char *const families[] = {"孙", "马", "朱", "胡"}, *const givens[] = {"伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇"};
    (void)enter(1, "\"name\":\"欧阳晓岚\",\"sex\":\"female\",\"birth_date\":\"1957-08-19\"");
    for (int i = 0; i < 3 * 44; i++) {
        char text[300];
        snprintf(text, sizeof text, "\"name\":\"%s%s\",\"sex\":\"male\",\"birth_date\":\"%d-%02d-%02d\",%s", families[i % 4], givens[i % 11], 1930 + i % 3 * 25 + i / 12, 1 + i % 12, 1 + i % 28,
                 shared[i / 44]);
        (void)enter(3, text);
    }
    (void)enter(2, "\"name\":\"欧阳晓岚\",\"sex\":\"female\",\"birth_date\":\"1957-08-19\",\"insurance_no\":\"YB20261128\",\"phone\":\"13700000001\",\"guardian\":{\"name\":\"王一\",\"relation\":\"子女\",\"phone\":\"13700000002\"}");
    assert_string_not_equal(outcome, "new");
}

/* What a corrected record says agrees with nobody of its group any more. The two still share a phone: who is found by it and is no match for the
 * record is compared all the same. */
static void a_group_that_no_longer_fits_is_shown(void **state)
{
    (void)state;
    char one[17], two[17];
    strcpy(one, enter(1, "\"name\":\"谷娟娟\",\"id_type\":\"id_card\",\"id_no\":\"990602198906188267\",\"phone\":\"13912340001\""));
    strcpy(two, enter(2, "\"name\":\"谷娟娟\",\"id_type\":\"id_card\",\"id_no\":\"990602198906188267\",\"phone\":\"13912340001\""));
    assert_string_equal(outcome, "linked");
    json_t *changed = CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"name\":\"韦伟欢\",\"sex\":\"male\",\"birth_date\":\"2013-06-14\",\"id_no\":\"990512201306142216\"}", two);
    if (!changed)
        fail_msg("%s %s", desk.fault.text, desk_wrong());
    json_decref(changed);
    json_t *tasks = CALL("mpi.tasks", "{\"why\":\"conflict\"}"), *items = json_object_get(tasks, "items");
    assert_int_equal(json_array_size(items), 1);
    char *text = json_dumps(items, 0);
    assert_non_null(strstr(text, one));
    assert_non_null(strstr(text, two));
    free(text);
    json_decref(tasks);
    assert_string_equal(person_of(one), person_of(two)); /* a person decides */
}

/* ---- the keys of a patient as the index holds them: in its tree, or in lines that wait for it ---- */

struct held_keys {
    int64_t keys[100];
    size_t n;
};

static int by_number(const void *a, const void *b)
{
    return (*(const int64_t *)a > *(const int64_t *)b) - (*(const int64_t *)a < *(const int64_t *)b);
}

static void take_line(struct held_keys *h, const uint8_t *at, const uint8_t *end)
{
    for (size_t len; at + 3 <= end; at += 3 + len) {
        uint64_t key = 0;
        len = (size_t)(at[1] << 8 | at[2]);
        if (at[3] != LATE_MPI) continue;
        for (int i = 0; i < 8; i++)
            key = key << 8 | at[4 + i];
        int64_t number = (int64_t)(key ^ (1ull << 63));
        if (!at[0]) h->keys[h->n++] = number;
        for (size_t i = 0; at[0] && i < h->n; i++)
            if (h->keys[i] == number) h->keys[i--] = h->keys[--h->n];
    }
}

static char *keys_of(const char *patient)
{
    char *text;
    size_t len;
    uint64_t id;
    struct tx *tx;
    struct held_keys h = {.n = 0};
    FILE *out = open_memstream(&text, &len);
    assert_int_equal(id_parse(patient, &id), 0);
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    struct query *q = tx_query(tx, "SELECT rows FROM key_late WHERE patient_id=$1 ORDER BY line", "i", (int64_t)id);
    while (query_next(q)) {
        size_t n;
        const uint8_t *bytes = query_blob(q, "rows", &n);
        take_line(&h, bytes, bytes + n);
    }
    assert_int_equal(query_end(q), 0);
    q = tx_query(tx, "SELECT key FROM mpi_key WHERE patient_id=$1", "i", (int64_t)id);
    while (query_next(q))
        h.keys[h.n++] = query_int(q, "key");
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    qsort(h.keys, h.n, sizeof *h.keys, by_number);
    for (size_t i = 0; i < h.n; i++)
        fprintf(out, "%lld ", (long long)h.keys[i]);
    fclose(out);
    return text;
}

static void change(const char *patient, int org, const char *members)
{
    desk.actor.org.v = (uint64_t)org;
    json_t *p = CALL("patient.update", "{\"patient_id\":\"%s\",%s}", patient, members);
    if (!p)
        fail_msg("%s: %s %s", members, desk.fault.text, desk_wrong());
    json_decref(p);
}

/* Only the keys that changed are written; in the end they are those of somebody who was registered so from the beginning. */
#define WU "\"name\":\"吴桂英\",\"sex\":\"female\",\"birth_date\":\"1951-04-17\",\"phone\":\"13655558888\""
static void who_moves_is_found_at_the_new_house(void **state)
{
    char moved[17], other[17];
    strcpy(moved, enter(1, WU ",\"address\":\"虚构省平川市白塔区解放路12号\""));
    char *before = keys_of(moved);
    change(moved, 1, "\"version\":1,\"address\":\"虚构省平川市白塔区建设路305号\"");
    char *after = keys_of(moved);
    strcpy(other, enter(2, WU ",\"address\":\"虚构省平川市白塔区建设路305号\""));
    assert_string_equal(outcome, "linked");
    char *fresh = keys_of(other);
    assert_string_not_equal(before, after);
    assert_string_equal(after, fresh);
    free(before);
    free(after);
    change(moved, 1, "\"version\":2,\"insurance_type\":\"城乡居民\""); /* nothing the index looks at */
    after = keys_of(moved);
    assert_string_equal(after, fresh);
    assert_string_equal(person_of(moved), person_of(other));
    free(after);
    free(fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_person_at_two_hospitals),
        cmocka_unit_test(strangers_stay_strangers),
        cmocka_unit_test(twins_are_told_apart),
        cmocka_unit_test(a_likely_pair_waits_for_the_steward),
        cmocka_unit_test(deciding_and_taking_back),
        cmocka_unit_test(a_pair_is_put_off_and_comes_back),
        cmocka_unit_test(nobody_decides_on_an_old_picture),
        cmocka_unit_test(finding_and_unmasking),
        cmocka_unit_test(a_link_is_confirmed_by_a_person),
        cmocka_unit_test(what_is_kept_apart_stays_apart),
        cmocka_unit_test(merge_split_and_order_of_undo),
        cmocka_unit_test(the_list_is_filtered_and_paged),
        cmocka_unit_test(a_failed_registration_leaves_nothing),
        cmocka_unit_test(older_patients_are_indexed_later),
        cmocka_unit_test(crowds_do_not_hide_who_matters),
        cmocka_unit_test(a_group_that_no_longer_fits_is_shown),
        cmocka_unit_test(who_moves_is_found_at_the_new_house),
    };
    return cmocka_run_group_tests(tests, open_site, desk_close);
}
