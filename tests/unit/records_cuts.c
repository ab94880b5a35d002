/* Lists that are longer than they show: they have a next page or say that they were cut; and what is no list is asked of all rows. */
#include "records/store/sealed.h"
#include "tests/support/room.h"

static void run_sql(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

#define NUMBERS(n) "WITH RECURSIVE k (n) AS (SELECT 1 UNION ALL SELECT n+1 FROM k WHERE n<" #n ") "

static size_t n_of(const json_t *o, const char *name)
{
    return json_array_size(json_object_get(o, name));
}

static bool cut(const json_t *o, const char *name)
{
    assert_true(json_is_boolean(json_object_get(o, name)));
    return json_is_true(json_object_get(o, name));
}

static void own_sessions_say_that_there_are_more(void **state)
{
    (void)state;
    assert_false(cut(yes("zhang", "session.list", json_object()), "truncated"));
    run_sql("INSERT INTO session (id, token_hash, person_id, post_id, org_id, dept_id, stage, csrf, created_ms, seen_ms, until_ms, second_factor_ms, address, device, ended_ms) " NUMBERS(60)
            "SELECT 90000+n, 'hash' || n, 101, 101, 10, 11, 'ready', '', 1, 1000+n, 9000000000000, 0, '', '', 0 FROM k");
    json_t *list = yes("zhang", "session.list", json_object());
    assert_int_equal(n_of(list, "items"), 50);
    assert_true(cut(list, "truncated"));
}

/* Every day of every source once, newest first. */
static void days_of_the_exchange_go_on(void **state)
{
    enum { DAYS = 90, SOURCES = 11 };
    char next[40] = "", last[40] = "";
    size_t seen = 0, pages = 0;
    (void)state;
    for (int s = 0; s < SOURCES; s++) {
        char sql[400];
        snprintf(sql, sizeof sql, "INSERT INTO exchange_day (source_id, day, received, stored, refused, dead, repeated) " NUMBERS(90)
                 "SELECT %d, '2026-' || (10+n/31) || '-' || (10+n%%31), 1, 1, 0, 0, 0 FROM k", s);
        run_sql(sql);
    }
    do {
        json_t *page = yes("admin", "exchange.days", *next ? json_pack("{s:s,s:s}", "from", "2026-01-01", "after", next) : json_pack("{s:s}", "from", "2026-01-01")), *one;
        size_t i;
        json_array_foreach(json_object_get(page, "items"), i, one)
        {
            char key[40];
            snprintf(key, sizeof key, "%s %s", text(one, "day"), text(json_object_get(one, "source"), "id"));
            assert_true(!*last || strncmp(key, last, 10) < 0 || (strncmp(key, last, 10) == 0 && strcmp(key, last) > 0));
            strcpy(last, key);
            seen++;
        }
        snprintf(next, sizeof next, "%s", text(page, "next"));
        pages++;
    } while (*next && pages < 9);
    assert_int_equal(seen, DAYS * SOURCES);
    assert_int_equal(pages, 3);
    no(ERR_INVALID, "malformed", "admin", "exchange.days", json_pack("{s:s}", "after", "yesterday"));
}

/* The newest of what was done are shown, not the oldest. */
static void the_history_of_a_project_is_of_late(void **state)
{
    (void)state;
    json_t *made = yes("ren", "research.create", json_pack("{s:s,s:s}", "title", "卒中随访", "purpose", "观察"));
    char id[ID_TEXT_BYTES], sql[500];
    uint64_t number;
    snprintf(id, sizeof id, "%s", text(made, "id"));
    assert_int_equal(id_parse(id, &number), 0);
    assert_false(cut(yes("ren", "research.get", json_pack("{s:s}", "project_id", id)), "history_truncated"));
    snprintf(sql, sizeof sql, "INSERT INTO research_event (id, project_id, t_ms, person_id, event, reason) " NUMBERS(300) "SELECT %llu+100000+n, %llu, 5000+n, 212, 'update', '' FROM k",
             (unsigned long long)number, (unsigned long long)number);
    run_sql(sql);
    json_t *project = yes("ren", "research.get", json_pack("{s:s}", "project_id", id)), *history = json_object_get(project, "history");
    assert_true(cut(project, "history_truncated"));
    assert_int_equal(json_array_size(history), 200);
    int64_t newest = 0;
    size_t i;
    json_t *one;
    json_array_foreach(history, i, one) newest = json_integer_value(json_object_get(one, "t_ms")) > newest ? json_integer_value(json_object_get(one, "t_ms")) : newest;
    assert_int_equal(json_integer_value(json_object_get(json_array_get(history, 198), "t_ms")) > 5000, 1);
    assert_true(newest >= 5300);
}

/* However many newer ones there are, the case he takes part in opens the patient to him. */
static void an_old_case_opens_as_a_new_one(void **state)
{
    char patient[ID_TEXT_BYTES];
    (void)state;
    room_case_make(full_form());
    snprintf(patient, sizeof patient, "%s", text(json_object_get(yes("qian", "case.get", with_case()), "patient"), "id"));
    yes("qian", "patient.get", json_pack("{s:s}", "patient_id", patient));
    no(ERR_NOT_FOUND, "", "feng", "patient.get", json_pack("{s:s}", "patient_id", patient));
    /* 150 later ones of another house */
    run_sql("INSERT INTO consult (id, number, kind, scope, urgency, state, patient_id, applicant_id, home_org_id, home_dept_id, target_org_id, created_ms, form) " NUMBERS(150)
            "SELECT 900000+n, 'N' || n, c.kind, c.scope, c.urgency, 'DRAFT', c.patient_id, 103, 15, 16, 30, 9000000000000+n, c.form FROM k JOIN consult c ON c.id<900000 OR c.id>900150");
    assert_int_equal(count("SELECT COUNT(*) FROM consult"), 151);
    yes("qian", "patient.get", json_pack("{s:s}", "patient_id", patient));
    no(ERR_NOT_FOUND, "", "feng", "patient.get", json_pack("{s:s}", "patient_id", patient));
    run_sql("UPDATE consult SET closed_ms=1 WHERE number NOT LIKE 'N%'"); /* his is over, for more than a week */
    no(ERR_NOT_FOUND, "", "qian", "patient.get", json_pack("{s:s}", "patient_id", patient));
}

/* Of two thousand documents and one the page says that there is an older one. */
static void a_timeline_that_is_cut_says_so(void **state)
{
    struct tx *tx;
    (void)state;
    uint64_t patient = world_patient(&w, "zhang");
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    for (int64_t i = 0; i < 2000; i++)
        tx_exec(tx,
                "INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, thumb_state, taken_ms, uploaded_ms, "
                "source, withdrawn_ms) VALUES ($1,0,$2,0,10,101,$3,'lab','pdf',1,'','',0,0,$1,'upload',0)",
                "iis", 600000 + i, (int64_t)patient, SEALED(DOCUMENT_NAME, (uint64_t)(600000 + i), 0, "血常规"));
    assert_int_equal(tx_commit(tx), 0);
    json_t *page = yes("zhang", "patient.timeline", json_pack("{s:o,s:i}", "patient_id", json_id(patient), "limit", 10));
    assert_false(cut(json_array_get(json_object_get(page, "sources"), 0), "cut"));
    run_sql("INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, thumb_state, taken_ms, uploaded_ms, source, withdrawn_ms) "
            "SELECT 590000, 0, patient_id, 0, 10, 101, name, 'lab', 'pdf', 1, '', '', 0, 0, 1, 'upload', 0 FROM document WHERE id=600000");
    page = yes("zhang", "patient.timeline", json_pack("{s:o,s:i}", "patient_id", json_id(patient), "limit", 10));
    assert_true(cut(json_array_get(json_object_get(page, "sources"), 0), "cut"));
}

/* ---- whoever has to be told is told ---- */

static void put_case(struct tx *tx, int64_t id, uint64_t patient)
{
    tx_exec(tx,
            "INSERT INTO consult (id, number, kind, scope, template, urgency, state, back, version, patient_id, applicant_id, home_org_id, home_dept_id, target_org_id, created_ms, changed_ms, "
            "submitted_ms, reached_ms, signed_ms, closed_ms, form) VALUES ($1,CAST($1 AS TEXT),'offline','clinical','','routine','ACCEPTED','DRAFT',1,$2,101,10,11,20,$1,$1,1,1,0,0,$3)",
            "iis", id, (int64_t)patient, SEALED(CONSULT_FORM, (uint64_t)id, 0, "{}"));
}

/* Who treats somebody hears that he is taken for another one now, in each open case of his. */
static void every_open_case_hears_of_a_changed_identity(void **state)
{
    enum { CASES = 130 };
    struct actor nobody = {.system = true};
    struct fault fault = {0};
    struct tx *tx;
    (void)state;
    uint64_t patient = world_patient(&w, "zhang");
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &nobody, .now_ms = w.now_ms, .fault = &fault};
    for (int64_t i = 0; i < CASES; i++)
        put_case(tx, 700000 + i, patient);
    assert_int_equal(consultation_tell_identity(&ctx, (struct patient_id){patient}), 0);
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(count("SELECT COUNT(DISTINCT case_id) FROM notice WHERE template='patient.identity' AND person_id=101"), CASES);
}

/* Of an office of sixty, medical affairs' last comer too. */
static void the_whole_office_hears_of_an_emergency_access(void **state)
{
    (void)state;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    for (uint64_t i = 0; i < 60; i++)
        world_seed_person(tx, &(struct somebody){"office", "", "medical_affairs", 9200 + i, 20, 20, "", ""});
    assert_int_equal(tx_commit(tx), 0);
    uint64_t patient = world_patient(&w, "qian");
    yes("qian", "patient.override", json_pack("{s:o,s:s}", "patient_id", json_id(patient), "reason", "抢救，需要既往史"));
    assert_int_equal(count("SELECT COUNT(DISTINCT person_id) FROM notice WHERE template='access.override_patient'"), 61);
}

/* A person of three hundred records is joined and parted whole. */
static void a_person_of_many_records_moves_whole(void **state)
{
    enum { RECORDS = 300 };
    struct actor nobody = {.system = true};
    struct fault fault = {0};
    struct index_act act = {.kind = "merge", .patient = 800001, .other = 790000};
    struct tx *tx;
    (void)state;
    run_sql("INSERT INTO mpi_member (patient_id, person_id, how, since_ms) " NUMBERS(300) "SELECT 800000+n, 800001, 'auto', 1 FROM k");
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &nobody, .now_ms = w.now_ms, .fault = &fault};
    patient_index_begin(&ctx, &act);
    assert_int_equal(patient_index_join(&ctx, &act, 800001, 790000), 0);
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM mpi_member WHERE person_id=790000"), RECORDS);
    json_t *undone = world_call(&w, "admin", "mpi.undo", json_pack("{s:o}", "act_id", json_id(act.id)));
    assert_non_null(undone);
    json_decref(undone);
    assert_int_equal(count("SELECT COUNT(*) FROM mpi_member WHERE person_id=800001"), RECORDS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, room_open_world, room_close_world)
    const struct CMUnitTest tests[] = {T(own_sessions_say_that_there_are_more), T(days_of_the_exchange_go_on), T(the_history_of_a_project_is_of_late), T(an_old_case_opens_as_a_new_one), T(a_timeline_that_is_cut_says_so),
                                       T(every_open_case_hears_of_a_changed_identity), T(the_whole_office_hears_of_an_emergency_access), T(a_person_of_many_records_moves_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
