/* Whom lists showed, as a part of the audit's chain: rows that are taken away, changed or put there are found by its check. */
#include "tests/support/room.h"

#define PATIENTS 5

static struct audit_verdict verdict(void)
{
    struct audit_verdict v;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    assert_int_equal(audit_verify(tx, records_parts(w.r)->audit_key, &v), 0);
    tx_rollback(tx);
    return v;
}

static void run_sql(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

static int open_house(void **state)
{
    if (room_open_world(state))
        return 1;
    for (int i = 0; i < PATIENTS; i++)
        (void)world_patient(&w, "zhang");
    return 0;
}

/* Those of his house called 李. */
static void look(const char *name)
{
    json_t *found = yes(name, "patient.search", json_pack("{s:s}", "q", "李"));
    assert_int_equal(json_array_size(json_object_get(found, "items")), PATIENTS);
}

static int64_t lines_that_show(void)
{
    return count("SELECT COUNT(*) FROM audit WHERE shown<>''");
}

static void a_list_commits_to_whom_it_showed(void **state)
{
    (void)state;
    look("zhang");
    assert_int_equal(lines_that_show(), 1);
    assert_int_equal(count("SELECT COUNT(*) FROM audit_shown s JOIN audit a ON a.seq=s.seq WHERE a.op='patient.search' AND a.person_id=s.person_id AND a.t_ms=s.t_ms"), PATIENTS);
    look("zhang"); /* the same day: they have their rows */
    assert_int_equal(lines_that_show(), 1);
    (void)world_patient(&w, "zhang");
    yes("zhang", "patient.search", json_pack("{s:s}", "q", "李"));
    assert_int_equal(lines_that_show(), 2);
    w.now_ms += 86400000;
    yes("li", "patient.search", json_pack("{s:s}", "q", "李"));
    assert_int_equal(lines_that_show(), 3);
    assert_int_equal(count("SELECT COUNT(*) FROM audit_shown"), PATIENTS + 1 + PATIENTS + 1);
    assert_int_equal(verdict().first_bad, 0);
}

/* Which line is found, counted from the first that shows somebody. */
static int64_t broken(const char *sql)
{
    look("zhang");
    look("li");
    assert_int_equal(verdict().first_bad, 0);
    int64_t at = count("SELECT MIN(seq) FROM audit WHERE shown<>''");
    run_sql(sql);
    struct audit_verdict v = verdict();
    assert_int_not_equal(v.first_bad, 0);
    assert_true(v.what[0]);
    return v.first_bad - at;
}

static void a_row_taken_away_is_found(void **state)
{
    (void)state;
    assert_int_equal(broken("DELETE FROM audit_shown WHERE patient_id=(SELECT MAX(patient_id) FROM audit_shown) AND person_id=101"), 0);
}

static void all_rows_of_a_list_taken_away_are_found(void **state)
{
    (void)state;
    assert_int_equal(broken("DELETE FROM audit_shown WHERE person_id=101"), 0);
}

/* Nor does it help to say that the line showed nobody. */
static void a_line_that_no_longer_shows_is_found(void **state)
{
    (void)state;
    assert_int_equal(broken("UPDATE audit SET shown='' WHERE shown<>''"), 0);
}

static void a_changed_row_is_found(void **state)
{
    (void)state;
    assert_int_equal(broken("UPDATE audit_shown SET person_id=205 WHERE person_id=101"), 0);
}

static void a_row_that_moved_is_found(void **state)
{
    (void)state;
    assert_int_equal(broken("UPDATE audit_shown SET seq=(SELECT MAX(seq) FROM audit) WHERE person_id=101"), 0);
}

static void a_row_put_there_is_found(void **state)
{
    (void)state;
    assert_true(broken("INSERT INTO audit_shown (patient_id, day, person_id, org_id, t_ms, seq) VALUES (1,1,205,20,1,99999)") > 0);
    run_sql("DELETE FROM audit_shown WHERE seq=99999");
    assert_int_equal(verdict().first_bad, 0);
    run_sql("INSERT INTO audit_shown (patient_id, day, person_id, org_id, t_ms) VALUES (1,1,205,20,1)");
    assert_int_not_equal(verdict().first_bad, 0);
}

/* Rows of the program before: a line for each of their days, once, when it is opened. */
static void older_rows_are_adopted(void **state)
{
    (void)state;
    look("zhang");
    w.now_ms += 86400000;
    look("zhang");
    look("li");
    /* as that program left it: its lines commit to nobody; a chain of this test's own */
    run_sql("DELETE FROM audit");
    run_sql("DELETE FROM audit_head");
    run_sql("UPDATE audit_shown SET seq=0");
    room_reopen(0);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='audit.shown'"), 2);
    assert_int_equal(count("SELECT COUNT(*) FROM audit_shown"), 3 * PATIENTS);
    assert_int_equal(count("SELECT COUNT(*) FROM audit_shown WHERE seq=0"), 0);
    assert_int_equal(verdict().first_bad, 0);
    run_sql("DELETE FROM audit_shown WHERE person_id=102");
    assert_int_equal(verdict().first_bad, 2);
    /* what comes as old later is not */
    run_sql("INSERT INTO audit_shown (patient_id, day, person_id, org_id, t_ms) VALUES (1,1,205,20,1)");
    room_reopen(0);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='audit.shown'"), 2);
    assert_int_equal(count("SELECT COUNT(*) FROM audit_shown WHERE seq=0"), 1);
}

/* More lines than are read at a time, and a piece of them gone. */
static void a_long_chain_is_checked_to_its_end(void **state)
{
    struct tx *tx;
    struct audit_run run;
    (void)state;
    look("zhang");
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    audit_begin(&run, tx, records_parts(w.r)->audit_key);
    for (int i = 0; i < 2500; i++)
        audit_add(&run, w.now_ms, &(struct audit_line){.op = "patient.get", .outcome = "ok", .person = 101, .org = 10, .patient = 5});
    assert_int_equal(audit_end(&run), 0);
    assert_int_equal(tx_commit(tx), 0);
    look("li");
    struct audit_verdict v = verdict();
    assert_int_equal(v.first_bad, 0);
    assert_int_equal(v.lines, count("SELECT MAX(seq) FROM audit"));
    run_sql("DELETE FROM audit_shown WHERE person_id=102");
    assert_int_equal(verdict().first_bad, v.lines);
    run_sql("DELETE FROM audit WHERE seq>500 AND seq<=2100");
    assert_int_equal(verdict().first_bad, 501);
}

/* ---- the auditor's list, by each of its filters ---- */

static void put(struct audit_run *run, int64_t t_ms, const char *op, const char *outcome, uint64_t person, uint64_t object)
{
    audit_add(run, t_ms, &(struct audit_line){.op = op, .outcome = outcome, .person = person, .org = 10, .patient = 7, .object = object});
}

static void finds(json_t *args, size_t n, const char *newest)
{
    json_t *items = json_object_get(yes("auditor", "audit.list", args), "items");
    size_t i;
    json_t *one;
    int64_t before = INT64_MAX;
    assert_int_equal(json_array_size(items), n);
    json_array_foreach(items, i, one)
    {
        int64_t seq = json_integer_value(json_object_get(one, "seq"));
        assert_true(seq < before);
        before = seq;
    }
    if (n)
        assert_string_equal(text(json_array_get(items, 0), "op"), newest);
}

static void each_filter_finds_its_lines(void **state)
{
    struct tx *tx;
    struct audit_run run;
    (void)state;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    audit_begin(&run, tx, records_parts(w.r)->audit_key);
    put(&run, 1000, "research.approve", "ok", 904, 0);
    put(&run, 1001, "fhir.read", "denied", 0, 0);
    put(&run, 1002, "session.login", "ok", 0, 205);
    put(&run, 1003, "patient.get", "denied", 205, 0);
    put(&run, 1004, "research.approve", "denied", 205, 0);
    put(&run, 1005, "fhir.vread", "ok", 0, 0);
    put(&run, 1006, "patient.reveal", "ok", 205, 0);
    assert_int_equal(audit_end(&run), 0);
    assert_int_equal(tx_commit(tx), 0);
    finds(json_pack("{s:s}", "op", "research.approve"), 2, "research.approve");
    finds(json_pack("{s:s}", "op", "fhir.vread"), 1, "fhir.vread");
    finds(json_pack("{s:s}", "op", "research.revoke"), 0, "");
    finds(json_pack("{s:b}", "denied", 1), 3, "research.approve");
    finds(json_pack("{s:o}", "person_id", id_json("wu")), 4, "patient.reveal"); /* and where somebody signed in as he */
    finds(json_pack("{s:o,s:b}", "person_id", id_json("wu"), "denied", 1), 2, "research.approve");
    finds(json_pack("{s:o,s:s}", "person_id", id_json("wu"), "op", "session.login"), 1, "session.login");
    finds(json_pack("{s:b,s:s}", "denied", 1, "op", "patient.get"), 1, "patient.get");
    finds(json_pack("{s:I,s:I}", "from_ms", (json_int_t)1002, "to_ms", (json_int_t)1005), 3, "research.approve");
    json_t *page = yes("auditor", "audit.list", json_pack("{s:o,s:i}", "person_id", id_json("wu"), "limit", 3));
    int64_t next = json_integer_value(json_object_get(page, "next"));
    finds(json_pack("{s:o,s:i,s:I}", "person_id", id_json("wu"), "limit", 3, "after", (json_int_t)next), 1, "session.login");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_house, room_close_world)
    const struct CMUnitTest tests[] = {
        T(a_list_commits_to_whom_it_showed), T(a_row_taken_away_is_found), T(all_rows_of_a_list_taken_away_are_found), T(a_line_that_no_longer_shows_is_found),
        T(a_changed_row_is_found), T(a_row_that_moved_is_found), T(a_row_put_there_is_found), T(older_rows_are_adopted), T(a_long_chain_is_checked_to_its_end), T(each_filter_finds_its_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
