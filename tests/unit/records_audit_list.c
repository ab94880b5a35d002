/* The auditor's list over a long audit: whatever is asked for, its pages are what a reading of all lines finds; and how far the auditor of one institution sees. */
#include "records/audit/audit_blocks.h"
#include "records/audit/audit_list.h"
#include "records/background.h"
#include "tests/support/dice.h"
#include "tests/support/room.h"

#define LINES (AUDIT_STRETCH + 3000) /* one stretch is listed, the newest lines are not yet */
#define START_MS 1700000000000ll
#define LINE_MS 1000

static const char *const acts[] = {"patient.get", "fhir.read", "exchange.receive", "document.open", "case.get", "fhir.vread", "session.login", "out.deliver"};
static const int64_t orgs[] = {0, 1, 10, 15, 20, 21, 30}, staff[] = {101, 103, 201, 203, 302};
#define ONE_OF(list) list[roll(sizeof list / sizeof *list)]

/* Groups of writes are not quite in order, and once the clock was an hour ahead. */
static int64_t time_of(int64_t i)
{
    return START_MS + i * LINE_MS - roll(3000) + (i > 9000 && i < 9100 ? 3600000 : 0);
}

static void put_line(struct audit_run *run, int64_t i)
{
    const char *op = roll(9000) ? ONE_OF(acts) : "research.approve";
    struct audit_line line = {.op = op, .outcome = roll(40) ? "ok" : "denied", .person = roll(3) ? (uint64_t)ONE_OF(staff) : 0, .org = (uint64_t)ONE_OF(orgs),
                              .patient = roll(4) ? 5000 + roll(roll(9) ? 40 : 9000) : 0, .object = roll(5) ? 0 : (uint64_t)ONE_OF(staff)};
    audit_add(run, time_of(i), &line);
}

static void put_lines(int64_t n)
{
    struct audit_run run;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    audit_begin(&run, tx, records_parts(w.r)->audit_key);
    for (int64_t i = 0; i < n; i++)
        put_line(&run, i);
    assert_int_equal(audit_end(&run), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* ---- what a reading of all lines finds ---- */

struct asked {
    int64_t person, patient, org, from_ms, to_ms;
    const char *op;
    bool denied;
    bool county; /* by its own auditor: the hospital and its departments */
};

static void model_text(const struct asked *a, char out[900])
{
    char person[220] = "1=1", times[120] = "1=1";
    bool employed = a->person >= 201 && a->person < 300;
    const char *seen = a->county ? "org_id IN (20,21)" : "1=1";
    if (a->person)
        snprintf(person, sizeof person, "(person_id=%lld AND %s OR %s AND op='session.login' AND object_id=%lld AND person_id<>%lld)", (long long)a->person, seen,
                 a->patient || (a->county && !employed) ? "1=0" : "1=1", (long long)a->person, (long long)a->person);
    if (a->to_ms)
        snprintf(times, sizeof times, "t_ms>=%lld AND t_ms<%lld", (long long)a->from_ms, (long long)a->to_ms);
    int n = snprintf(out, 900, "SELECT seq FROM audit WHERE %s AND %s AND (%s) AND (%lld=0 OR patient_id=%lld) AND (%lld=0 OR org_id=%lld)", person, times, a->person ? "1=1" : seen, (long long)a->patient,
                     (long long)a->patient, (long long)a->org, (long long)a->org);
    n += snprintf(out + n, 900 - (size_t)n, "%s%s%s%s ORDER BY seq DESC", a->denied ? " AND outcome<>'ok'" : "", a->op ? " AND op='" : "", a->op ? a->op : "", a->op ? "'" : "");
    assert_true(n < 900);
}

static size_t model(const struct asked *a, int64_t *seqs)
{
    char sql[900];
    size_t n = 0;
    struct tx *tx;
    model_text(a, sql);
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    struct query *q = tx_query(tx, sql, "");
    while (query_next(q))
        seqs[n++] = query_int(q, "seq");
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    return n;
}

static json_t *args_of(const struct asked *a, int limit, int64_t after)
{
    json_t *args = json_pack("{s:i,s:I}", "limit", limit, "after", (json_int_t)after);
    if (a->person)
        json_object_set_new(args, "person_id", json_id((uint64_t)a->person));
    if (a->patient)
        json_object_set_new(args, "patient_id", json_id((uint64_t)a->patient));
    if (a->org)
        json_object_set_new(args, "org_id", json_id((uint64_t)a->org));
    if (a->op)
        json_object_set_new(args, "op", json_string(a->op));
    if (a->denied)
        json_object_set_new(args, "denied", json_true());
    if (a->to_ms) {
        json_object_set_new(args, "from_ms", json_integer(a->from_ms));
        json_object_set_new(args, "to_ms", json_integer(a->to_ms));
    }
    return args;
}

/* Page by page what the model says, at most `most` lines of it; each question leaves a line of its own, which is newer than `last`. */
static int compare(const struct asked *a, int limit, size_t most, int64_t last)
{
    static int64_t expected[LINES + 1000];
    size_t n = model(a, expected), at = 0;
    int pages = 0;
    int64_t after = last + 1;
    while (n && expected[at] > last)
        at++;
    for (most += at; after && at < most; pages++) {
        json_t *page = yes(a->county ? "shen" : "auditor", "audit.list", args_of(a, limit, after)), *items = json_object_get(page, "items"), *one;
        size_t i;
        assert_true(json_array_size(items) <= (size_t)limit);
        json_array_foreach(items, i, one)
        {
            assert_true(at < n);
            assert_int_equal(json_integer_value(json_object_get(one, "seq")), expected[at]);
            at++;
        }
        after = json_integer_value(json_object_get(page, "next"));
        assert_true(after || at == n);
        assert_true(pages < 400);
    }
    return pages;
}

static struct asked roll_asked(void)
{
    struct asked a = {.person = roll(3) ? 0 : ONE_OF(staff), .patient = roll(3) ? 0 : 5000 + roll(roll(2) ? 40 : 9000), .denied = roll(4) == 0, .county = roll(3) == 0};
    if (roll(3) == 0)
        a.op = roll(4) ? ONE_OF(acts) : "research.approve";
    if (roll(3) == 0)
        a.org = a.county ? 20 + roll(2) : ONE_OF(orgs);
    if (roll(3) == 0) {
        a.from_ms = START_MS + roll(LINES) * (int64_t)LINE_MS;
        a.to_ms = a.from_ms + roll(roll(2) ? 60000 : 6000000);
    }
    return a;
}

static void list_all(void)
{
    int did;
    while ((did = audit_blocks_list(records_store(w.r))) > 0)
        ;
    assert_int_equal(did, 0);
}

static void every_question_is_answered_as_a_reading_of_all_lines_would(void **state)
{
    (void)state;
    put_lines(LINES);
    list_all();
    assert_int_equal(count("SELECT COUNT(*) FROM audit_block"), AUDIT_STRETCH / AUDIT_BLOCK);
    int64_t last = count("SELECT MAX(seq) FROM audit");
    for (int i = 0; i < 80; i++) {
        struct asked a = roll_asked();
        compare(&a, roll(3) ? 10 + (int)roll(60) : 200, 150, last);
    }
    /* what is there nowhere, or alone at the beginning */
    compare(&(struct asked){.patient = 4999}, 50, 10, last);
    compare(&(struct asked){.from_ms = 1, .to_ms = START_MS + 60000}, 50, 100, last);
    compare(&(struct asked){.from_ms = START_MS + 9050 * LINE_MS + 3600000, .to_ms = START_MS + 9060 * LINE_MS + 3600000}, 50, 100, last); /* while the clock was ahead, and an hour later */
    struct audit_verdict v;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    assert_int_equal(audit_verify(tx, records_parts(w.r)->audit_key, &v), 0);
    tx_rollback(tx);
    assert_int_equal(v.first_bad, 0);
}

/* A stretch that was broken off: its lines are read one by one until it is whole. */
static void a_stretch_that_was_broken_off_is_listed_again(void **state)
{
    struct tx *tx;
    (void)state;
    put_lines(LINES);
    list_all();
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE audit_counted SET seq=0 WHERE id=2", "");
    tx_exec(tx, "DELETE FROM audit_block", "");
    tx_exec(tx, "DELETE FROM audit_block_of WHERE kind=$1", "i", (int64_t)AUDIT_BLOCK_RECORD);
    assert_int_equal(tx_commit(tx), 0);
    int64_t last = count("SELECT MAX(seq) FROM audit");
    compare(&(struct asked){.patient = 5007}, 50, 1000, last);
    records_background(w.r); /* as the daemon does every second */
    assert_int_equal(count("SELECT seq FROM audit_counted WHERE id=2"), AUDIT_STRETCH);
    compare(&(struct asked){.patient = 5007}, 50, 1000, last);
    assert_true(count("SELECT COUNT(*) FROM audit_block_of WHERE kind=2") > 1000);
}

/* Many lines are looked at in vain: the page ends and says where to go on, and is not the end. */
static void a_long_search_goes_on_page_by_page(void **state)
{
    struct audit_run run;
    struct tx *tx;
    (void)state;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    audit_begin(&run, tx, records_parts(w.r)->audit_key);
    for (int i = 0; i < 50000; i++)
        audit_add(&run, START_MS + i, &(struct audit_line){.op = i ? "patient.get" : "document.open", .outcome = "ok", .person = 101, .org = 10, .patient = 7});
    assert_int_equal(audit_end(&run), 0);
    assert_int_equal(tx_commit(tx), 0);
    int64_t last = count("SELECT MAX(seq) FROM audit");
    json_t *page = yes("auditor", "audit.list", json_pack("{s:o,s:s,s:I}", "person_id", id_json("zhang"), "op", "document.open", "after", (json_int_t)(last + 1)));
    assert_int_equal(json_array_size(json_object_get(page, "items")), 0);
    assert_true(json_integer_value(json_object_get(page, "next")) > 1);
    assert_int_equal(compare(&(struct asked){.person = 101, .op = "document.open"}, 50, 1, last), 3);
}

/* ---- how far an auditor sees ---- */

static size_t found(const char *name, json_t *args)
{
    return json_array_size(json_object_get(yes(name, "audit.list", args), "items"));
}

static void the_auditor_of_a_house_sees_its_lines(void **state)
{
    json_t *one;
    size_t i;
    (void)state;
    uint64_t theirs = world_patient(&w, "zhang"), ours = world_patient(&w, "qian");
    yes("zhang", "patient.get", json_pack("{s:o}", "patient_id", json_id(theirs)));
    no(ERR_NOT_FOUND, "", "zhang", "patient.get", json_pack("{s:o}", "patient_id", json_id(ours)));
    yes("qian", "patient.get", json_pack("{s:o}", "patient_id", json_id(ours)));
    json_t *items = json_object_get(yes("shen", "audit.list", json_object()), "items");
    assert_true(json_array_size(items) >= 1);
    json_array_foreach(items, i, one) assert_string_equal(text(json_object_get(one, "org"), "name"), "云岭县人民医院");
    /* nor by asking for it */
    assert_int_equal(found("shen", json_pack("{s:o}", "person_id", id_json("zhang"))), 0);
    assert_true(found("auditor", json_pack("{s:o}", "person_id", id_json("zhang"))) >= 2);
    assert_int_equal(found("shen", json_pack("{s:o}", "patient_id", json_id(theirs))), 0);
    no(ERR_DENIED, "scope", "shen", "audit.list", json_pack("{s:o}", "org_id", json_id(10)));
    no(ERR_DENIED, "scope", "shen", "audit.list", json_pack("{s:o}", "org_id", json_id(1)));
    no(ERR_DENIED, "scope", "shen", "audit.list", json_pack("{s:o}", "org_id", json_id(999999)));
    assert_true(found("shen", json_pack("{s:o}", "org_id", json_id(20))) >= 2);
    assert_int_equal(found("shen", json_pack("{s:o}", "org_id", json_id(21))), 0);
    assert_true(found("auditor", json_pack("{s:o}", "org_id", json_id(10))) >= 2);
    /* who of another house wanted to see a patient of ours */
    items = json_object_get(yes("shen", "audit.list", json_pack("{s:o}", "patient_id", json_id(ours))), "items");
    bool stranger = false;
    json_array_foreach(items, i, one) stranger = stranger || strcmp(text(json_object_get(one, "org"), "name"), "青石镇卫生院") == 0;
    assert_true(stranger);
}

static void sign_in_line(const char *name)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(audit_append(tx, records_parts(w.r)->audit_key, w.now_ms, &(struct audit_line){.op = "session.login", .outcome = "unauthenticated", .object = who(name)->id}), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static void sign_ins_are_seen_where_the_account_has_a_post(void **state)
{
    (void)state;
    sign_in_line("zhang");
    sign_in_line("wu");
    assert_int_equal(found("shen", json_pack("{s:o}", "person_id", id_json("wu"))), 1);
    assert_int_equal(found("shen", json_pack("{s:o}", "person_id", id_json("zhang"))), 0);
    assert_int_equal(found("auditor", json_pack("{s:o}", "person_id", id_json("zhang"))), 1);
    assert_int_equal(found("shen", json_pack("{s:s}", "op", "session.login")), 0);
}

static void who_saw_a_record_is_told_to_the_auditor_of_the_house_that_keeps_it(void **state)
{
    (void)state;
    uint64_t theirs = world_patient(&w, "zhang"), ours = world_patient(&w, "qian");
    yes("shen", "access.of_patient", json_pack("{s:o}", "patient_id", json_id(ours)));
    no(ERR_NOT_FOUND, "", "shen", "access.of_patient", json_pack("{s:o}", "patient_id", json_id(theirs)));
    no(ERR_NOT_FOUND, "", "shen", "access.of_patient", json_pack("{s:o}", "patient_id", json_id(424242)));
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='access.of_patient' AND outcome='denied' AND person_id=214 AND patient_id<>0"), 2);
    yes("auditor", "access.of_patient", json_pack("{s:o}", "patient_id", json_id(theirs)));
    json_t *items = json_object_get(yes("shen", "access.find", json_pack("{s:s}", "q", "李")), "items");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(text(json_object_get(json_array_get(items, 0), "org"), "name"), "云岭县人民医院");
    assert_int_equal(json_array_size(json_object_get(yes("auditor", "access.find", json_pack("{s:s}", "q", "李")), "items")), 2);
}

/* Twenty are shown, and that there are more is said. */
static void a_list_of_patients_that_is_cut_says_so(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        (void)world_patient(&w, i % 2 ? "qian" : "zhang");
    assert_false(json_is_true(json_object_get(yes("auditor", "access.find", json_pack("{s:s}", "q", "李")), "truncated")));
    (void)world_patient(&w, "sun");
    json_t *page = yes("auditor", "access.find", json_pack("{s:s}", "q", "李"));
    assert_true(json_is_true(json_object_get(page, "truncated")));
    assert_int_equal(json_array_size(json_object_get(page, "items")), 20);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, room_open_world, room_close_world)
    const struct CMUnitTest tests[] = {
        T(every_question_is_answered_as_a_reading_of_all_lines_would), T(a_stretch_that_was_broken_off_is_listed_again), T(a_long_search_goes_on_page_by_page),
        T(the_auditor_of_a_house_sees_its_lines), T(sign_ins_are_seen_where_the_account_has_a_post), T(who_saw_a_record_is_told_to_the_auditor_of_the_house_that_keeps_it),
        T(a_list_of_patients_that_is_cut_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
