/* Who saw my record: the audit in a patient's words, for the officer, on paper, and behind a link with a code. */
#include "records/audit/audit.h"
#include "records/audit/patient_access.h"
#include "records/audit/system_access.h"
#include "records/patient/index.h"
#include "tests/support/desk.h"

static const struct op *const tables[] = {patient_ops, access_ops, NULL};
#define CALL(name, ...) desk_call(tables, name, desk_text(__VA_ARGS__))

static char here[17], there[17]; /* one person, two houses */

static void note_line(struct tx *tx, int64_t t, const char *op, const char *outcome, int64_t person, int64_t org, const char *patient, const char *detail)
{
    uint64_t id;
    assert_int_equal(id_parse(patient, &id), 0);
    struct audit_line line = {.op = op, .outcome = outcome, .person = (uint64_t)person, .org = (uint64_t)org, .patient = id, .detail = detail};
    assert_int_equal(audit_append(tx, records_parts(desk.r)->audit_key, t, &line), 0);
}

static int open_site(void **state)
{
    struct tx *tx;
    if (desk_open(state) || tx_begin(records_store(desk.r), TX_WRITE, &tx))
        return 1;
    tx_exec(tx, "INSERT INTO policy VALUES ('patient.test_numbers','1',1,1)", "");
    for (int64_t org = 1; org <= 2; org++)
        tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES ($1,0,'institution','county',$2,$2,'','','',1)", "it", org,
                org == 1 ? "青石镇卫生院" : "云岭县人民医院");
    tx_exec(tx,
            "INSERT INTO person (id, login, name, pinyin, title, phone_masked, licence_no, licence_until, practice_since, specialties, languages, active, signature_document, "
            "password, password_change, totp_on, totp_step, fails, lockouts, locked_until_ms, created_ms, created_by, version) VALUES "
            "(21,'q','钱文博','','','','','','','','',1,0,'',0,0,0,0,0,0,0,0,1)",
            "");
    tx_exec(tx, "INSERT INTO post (id, person_id, org_id, dept_id) VALUES (1,21,2,0)", "");
    tx_exec(tx, "INSERT INTO post_role (post_id, role) VALUES (1,'expert')", "");
    if (tx_commit(tx))
        return 1;
    static const char person[] = "\"name\":\"沈萍香\",\"sex\":\"female\",\"id_type\":\"id_card\",\"id_no\":\"991813196709102366\"";
    desk.actor.org.v = 2;
    json_t *b = CALL("patient.create", "{%s}", person);
    desk.actor.org.v = 1;
    json_t *a = CALL("patient.create", "{%s}", person);
    strcpy(here, member(a, "id"));
    strcpy(there, member(b, "id"));
    json_decref(a);
    json_decref(b);
    if (tx_begin(records_store(desk.r), TX_WRITE, &tx))
        return 1;
    int64_t day = desk.now_ms - 86400000;
    for (int i = 0; i < 3; i++)
        note_line(tx, day + i, "patient.get", "ok", 21, 2, there, "basis=own");
    note_line(tx, day + 9, "patient.timeline", "ok", 21, 2, here, "basis=case");
    note_line(tx, day + 10, "patient.get", "denied", 21, 2, here, "not_your_patient");
    note_line(tx, day + 11, "patient.override", "ok", 21, 2, there, "emergency access");
    note_line(tx, day + 13, "access.of_patient", "ok", 21, 2, here, ""); /* an officer's look is his own, nobody asked for it at the desk */
    note_line(tx, day + 12, "room.tick", "ok", 0, 0, here, "");
    return tx_commit(tx);
}

static const json_t *of_kind(const json_t *answer, const char *kind)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(answer, "items"), i, one) if (strcmp(member(one, "kind"), kind) == 0) return one;
    return NULL;
}

static void lines_become_what_a_person_understands(void **state)
{
    json_t *r = CALL("access.report", "{\"patient_id\":\"%s\"}", here); /* both houses' records are hers */
    assert_non_null(r);
    assert_int_equal(json_array_size(json_object_get(r, "items")), 5);
    json_t *read = NULL, *one;
    size_t i;
    json_array_foreach(json_object_get(r, "items"), i, one) if (strcmp(member(one, "why"), "own") == 0 && strcmp(member(one, "kind"), "read") == 0) read = one;
    assert_int_equal(json_integer_value(json_object_get(read, "count")), 3);
    assert_string_equal(member(json_object_get(read, "person"), "name"), "钱文博");
    assert_string_equal(member(json_object_get(read, "org"), "name"), "云岭县人民医院");
    assert_string_equal(json_string_value(json_array_get(json_object_get(read, "roles"), 0)), "expert");
    assert_string_equal(member((json_t *)of_kind(r, "emergency"), "why"), "emergency");
    assert_non_null(of_kind(r, "denied"));
    assert_string_equal(member((json_t *)of_kind(r, "audit"), "why"), "audit");
    assert_null(of_kind(r, "told"));
    json_decref(r);
    desk.actor.org.v = 3; /* a house that does not keep her record */
    assert_null(CALL("access.report", "{\"patient_id\":\"%s\"}", here));
    desk.actor.org.v = 1;
    r = CALL("access.find", "{\"q\":\"spx\"}");
    assert_int_equal(json_array_size(json_object_get(r, "items")), 2);
    json_decref(r);
    r = CALL("access.of_patient", "{\"patient_id\":\"%s\"}", there);
    assert_int_equal(json_array_size(json_object_get(r, "items")), 5);
    json_decref(r);
}

/* Thousands of lines: page by page, whole days, none twice and none left out. */
static void all_of_it_page_by_page(void **state)
{
    enum { DAYS = 40, A_DAY = 90 };
    struct tx *tx;
    int64_t next = 0, counted = 0, oldest = INT64_MAX, first = desk.now_ms - (int64_t)(DAYS + 2) * 86400000;
    int pages = 0;
    (void)state;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    for (int d = 0; d < DAYS; d++)
        for (int i = 0; i < A_DAY; i++)
            note_line(tx, first + (int64_t)d * 86400000 + i, "document.open", "ok", 21, 2, i % 3 ? here : there, "basis=own");
    assert_int_equal(tx_commit(tx), 0);
    do {
        json_t *one, *r = next ? CALL("access.report", "{\"patient_id\":\"%s\",\"before_ms\":%lld}", here, (long long)next) : CALL("access.report", "{\"patient_id\":\"%s\"}", here);
        size_t i;
        assert_non_null(r);
        json_array_foreach(json_object_get(r, "items"), i, one)
        {
            int64_t t = json_integer_value(json_object_get(one, "last_ms"));
            assert_true(t <= oldest); /* newest first, over the pages too */
            oldest = t;
            if (strcmp(member(one, "kind"), "document") == 0) {
                assert_int_equal(json_integer_value(json_object_get(one, "count")), A_DAY); /* no day is cut */
                counted += A_DAY;
            }
        }
        next = json_integer_value(json_object_get(r, "next"));
        pages++;
        json_decref(r);
    } while (next && pages < 50);
    assert_int_equal(counted, DAYS * A_DAY);
    assert_in_range(pages, 3, 10);
}

static void machine_line(struct tx *tx, const char *op, uint64_t session, uint64_t object, uint64_t org, const char *patient)
{
    uint64_t id;
    assert_int_equal(id_parse(patient, &id), 0);
    struct audit_line line = {.op = op, .outcome = "ok", .org = org, .session = session, .object = object, .patient = id, .detail = ""};
    assert_int_equal(audit_append(tx, records_parts(desk.r)->audit_key, desk.now_ms, &line), 0);
}

static void systems_are_there(void)
{
    size_t i, n = 0;
    json_t *one, *r = CALL("access.report", "{\"patient_id\":\"%s\"}", here);
    assert_non_null(r);
    json_array_foreach(json_object_get(r, "items"), i, one)
    {
        if (strcmp(member(one, "why"), "system") != 0)
            continue;
        n++;
        const char *name = member(json_object_get(one, "person"), "name"), *kind = member(one, "kind");
        int count = (int)json_integer_value(json_object_get(one, "count"));
        if (strcmp(name, "云岭 EMR") == 0)
            assert_int_equal(count, strcmp(kind, "read") == 0 ? 5 : strcmp(kind, "change") == 0 ? 1 : -1);
        else if (strcmp(name, "云岭 HIS") == 0)
            assert_int_equal(count, 2);
        else
            fail_msg("%s %s", name, kind);
        assert_string_equal(member(json_object_get(one, "org"), "name"), "云岭县人民医院");
    }
    assert_int_equal(n, 3);
    json_decref(r);
}

/* Over FHIR and HL7 v2, of his record and of who he is in the FHIR store; before the lines are counted, half counted and after. */
static void which_systems_read_it(void **state)
{
    struct tx *tx;
    (void)state;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    while (system_access_count(tx) > 0) {
    }
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (7101,'云岭 EMR',2,'','',1,0,0)", "");
    tx_exec(tx, "INSERT INTO exchange_source (id, org_id, name, application, facility, address, certificate, map, assume, accept_dead, may_ask, enabled, created_ms, changed_ms) VALUES "
                "(7201,2,'云岭 HIS','A','F','','','hl7v2','none',0,1,1,0,0)", "");
    uint64_t id;
    char key[17];
    assert_int_equal(id_parse(here, &id), 0);
    tx_exec(tx, "INSERT INTO fhir_patient (pkey, patient_id, made) VALUES (990001,$1,0)", "i", (int64_t)id);
    id_format(990001, key);
    for (int i = 0; i < 3; i++)
        machine_line(tx, "fhir.read", 7101, 5, 2, key);
    machine_line(tx, "fhir.search", 7101, 0, 2, here);
    machine_line(tx, "exchange.query", 0, 7201, 0, there);
    machine_line(tx, "exchange.receive", 0, 88, 0, there); /* what came in was seen by nobody */
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    assert_true(system_access_count(tx) >= 6);
    machine_line(tx, "fhir.read", 7101, 5, 2, key);
    machine_line(tx, "fhir.update", 7101, 5, 2, key);
    machine_line(tx, "exchange.query", 0, 7201, 0, here);
    assert_int_equal(tx_commit(tx), 0);
    systems_are_there();
    system_access_background(desk.r);
    systems_are_there();
}

static char token[64], code[8];
static void new_link(void)
{
    json_t *l = CALL("access.link", "{\"patient_id\":\"%s\",\"origin\":\"https://yl.example\"}", here);
    assert_non_null(l);
    snprintf(token, sizeof token, "%s", strchr(member(l, "url"), '#') + 1);
    snprintf(code, sizeof code, "%s", member(l, "code"));
    assert_int_equal(strlen(code), 6);
    json_decref(l);
}

/* As the daemon does it: what commit_anyway left is kept. */
static json_t *enter(const char *with)
{
    struct tx *tx;
    const struct op *op = desk_find(tables, "access.open");
    json_t *args = json_pack("{s:s,s:s}", "token", token, "code", with), *result = NULL;
    struct actor nobody = {0};
    fault_clear(&desk.fault);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    desk.last = (struct op_ctx){.records = desk.r, .tx = tx, .actor = &nobody, .now_ms = desk.now_ms, .fault = &desk.fault};
    int rc = op->run(&desk.last, args, &result);
    if (rc && !desk.last.commit_anyway)
        tx_rollback(tx);
    else
        assert_int_equal(tx_commit(tx), 0);
    json_decref(args);
    return rc ? NULL : result;
}

static size_t read_on_consent(const char *patient)
{
    size_t i, found = 0;
    json_t *one, *r = CALL("access.of_patient", "{\"patient_id\":\"%s\"}", patient);
    json_array_foreach(json_object_get(r, "items"), i, one) found += strcmp(member(one, "why"), "consent") == 0;
    json_decref(r);
    return found;
}

/* Two records read at once are one reading of one person; when they turn out to be two persons, each finds his own. */
static void what_was_read_together_is_told_to_each(void **state)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    note_line(tx, desk.now_ms, "patient.timeline", "ok", 21, 2, there, desk_text("basis=consent with=%s", here));
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(read_on_consent(there), 0);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE mpi_member SET person_id=patient_id", "");
    assert_int_equal(tx_commit(tx), 0);
    assert_int_equal(read_on_consent(there), 1);
}

static void a_link_opens_with_its_code_and_dies(void **state)
{
    new_link();
    json_t *r = enter(code);
    assert_non_null(r);
    assert_string_equal(member(r, "name"), "沈**");
    assert_int_equal(json_array_size(json_object_get(r, "items")), 5);
    char *text = json_dumps(r, 0);
    assert_null(strstr(text, "萍香"));
    free(text);
    json_decref(r);
    char old[64];
    strcpy(old, token);
    new_link(); /* the newest alone opens */
    strcpy(token, old);
    assert_null(enter(code));
    assert_string_equal(desk.fault.reason, "link_over");
    new_link();
    desk.now_ms += 72 * 3600000ll + 1;
    assert_null(enter(code));
    assert_string_equal(desk.fault.reason, "link_over");
}

static void five_wrong_codes_end_it(void **state)
{
    new_link();
    const char *wrong = strcmp(code, "000000") == 0 ? "000001" : "000000";
    for (int i = 0; i < 5; i++) {
        assert_null(enter(wrong));
        assert_string_equal(desk.fault.reason, "wrong_code");
        assert_string_equal(desk_wrong(), desk_text("code wrong_left:%d", 4 - i));
    }
    assert_null(enter(code));
    assert_string_equal(desk.fault.reason, "link_over");
    token[3] = token[3] == 'A' ? 'B' : 'A';
    assert_null(enter(code));
    assert_string_equal(desk.fault.reason, "link_over");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_what_a_person_understands),
        cmocka_unit_test(a_link_opens_with_its_code_and_dies),
        cmocka_unit_test(five_wrong_codes_end_it),
        cmocka_unit_test(which_systems_read_it),
        cmocka_unit_test(all_of_it_page_by_page),
        cmocka_unit_test(what_was_read_together_is_told_to_each), /* the last: it tears them apart */
    };
    return cmocka_run_group_tests(tests, open_site, desk_close);
}
