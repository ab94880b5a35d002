/* Patients: registering, finding from one box, duplicates, versions, who sees whom, what is masked and what lies on the disk. */
#include "records/patient/patient.h"
#include "tests/support/desk.h"
#include <fcntl.h>

static const struct op *const tables[] = {patient_ops, NULL};
#define CALL(name, ...) desk_call(tables, name, desk_text(__VA_ARGS__))
#define SHEN "\"name\":\"沈萍香\",\"sex\":\"female\",\"id_type\":\"id_card\",\"id_no\":\"991813196709102366\",\"phone\":\"+86 138 1234 5678\""

static char shen[17]; /* the first patient */

static void numbers_of_nobody(void **state)
{
    json_t *p = CALL("patient.create", "{" SHEN "}");
    assert_null(p);
    assert_string_equal(desk_wrong(), "id_no wrong_area"); /* a real site takes no made-up number ... */
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO policy VALUES ('patient.test_numbers','1',1,1)", ""); /* ... the demonstration does */
    assert_int_equal(tx_commit(tx), 0);
}

static void registering(void **state)
{
    json_t *p = CALL("patient.create", "{" SHEN ",\"local_number\":\"门-0017\",\"allergy\":{\"state\":\"yes\",\"detail\":\"青霉素\"},"
                                       "\"guardian\":{\"name\":\"李四\",\"relation\":\"子\",\"phone\":\"13900001111\"},"
                                       "\"insurance_no\":\"YB651959088\",\"address\":\"枫林县解放路126号\"}");
    assert_non_null(p);
    snprintf(shen, sizeof shen, "%s", member(p, "id"));
    assert_string_equal(member(p, "pinyin"), "shenpingxiang");
    assert_string_equal(member(p, "birth_date"), "1967-09-10"); /* the number says so */
    assert_string_equal(member(p, "age_text"), "59岁");
    assert_string_equal(member(p, "id_no_masked"), "991813********2366");
    assert_string_equal(member(p, "phone_masked"), "138****5678");
    assert_string_equal(member(p, "insurance_no_masked"), "*******9088");
    assert_string_equal(member(json_object_get(p, "guardian"), "phone"), "139****1111");
    char *text = json_dumps(p, 0);
    assert_null(strstr(text, "991813196709102366"));
    assert_null(strstr(text, "13812345678"));
    free(text);
    assert_true(desk.last.audit.patient != 0);
    json_decref(p);
}

static const char *wrong(const char *text)
{
    json_t *p = desk_call(tables, "patient.create", text);
    if (p)
        json_decref(p);
    return p ? "accepted" : desk_wrong();
}

static void wrong_members_are_named(void **state)
{
    assert_string_equal(wrong("{\"sex\":\"male\",\"birth_date\":\"1990-01-01\"}"), "name required");
    assert_string_equal(wrong("{\"name\":\" \",\"sex\":\"male\",\"birth_date\":\"1990-01-01\"}"), "name required");
    assert_string_equal(wrong("{\"name\":\"甲\",\"sex\":\"male\"}"), "birth_date required");
    assert_string_equal(wrong("{\"name\":\"甲\",\"birth_date\":\"1990-01-01\"}"), "sex required");
    assert_string_equal(wrong("{\"name\":\"甲\",\"sex\":\"male\",\"birth_date\":\"2027-01-01\"}"), "birth_date wrong_date");
    assert_string_equal(wrong("{\"name\":\"甲\",\"id_type\":\"id_card\",\"id_no\":\"111111111111111\"}"), "id_no placeholder");
    assert_string_equal(wrong("{\"name\":\"甲\",\"id_type\":\"id_card\",\"id_no\":\"991813196709102367\"}"), "id_no wrong_check_digit");
    assert_string_equal(wrong("{\"name\":\"甲\",\"sex\":\"male\",\"id_type\":\"id_card\",\"id_no\":\"991813196709102366\"}"), "sex differs_from_id_no");
    assert_string_equal(wrong("{\"name\":\"甲\",\"birth_date\":\"1967-09-11\",\"id_no\":\"991813196709102366\"}"), "birth_date differs_from_id_no");
    assert_string_equal(wrong("{\"name\":\"甲\",\"sex\":\"male\",\"birth_date\":\"1990-01-01\",\"phone\":\"abc\"}"), "phone not_a_phone_number");
    assert_string_equal(wrong("{\"name\":\"甲\",\"sex\":\"male\",\"birth_date\":\"1990-01-01\",\"allergy\":{\"state\":\"yes\"}}"), "allergy.detail required");
    assert_string_equal(wrong("{\"name\":\"甲\",\"sex\":\"male\",\"birth_date\":\"1990-01-01\",\"nick\":1}"), "nick unknown");
}

static void duplicates(void **state)
{
    /* the same person by the 18-digit number, typed with blanks */
    assert_null(CALL("patient.create", "{\"name\":\"沈平香\",\"id_type\":\"id_card\",\"id_no\":\"991813 19670910 2366\"}"));
    assert_int_equal(desk.fault.code, ERR_CONFLICT);
    assert_string_equal(desk.fault.reason, "patient_exists");
    assert_string_equal(desk.fault.fields[0].path, "patient_id");
    assert_string_equal(desk.fault.fields[0].reason, shen);
    /* without a number: registered, and told who is alike */
    json_t *p = CALL("patient.create", "{\"name\":\"沈萍香\",\"sex\":\"female\",\"birth_date\":\"1967-09-10\"}");
    assert_string_equal(member(json_array_get(json_object_get(p, "similar"), 0), "id"), shen);
    json_decref(p);
    /* another institution keeps its own record of the same person */
    desk.actor.org.v = 2;
    p = CALL("patient.create", "{" SHEN "}");
    assert_non_null(p);
    json_decref(p);
    desk.actor.org.v = 1;
    assert_null(CALL("patient.create", "{\"name\":\"乙\",\"sex\":\"male\",\"birth_date\":\"1990-01-01\",\"local_number\":\"门-0017\"}"));
    assert_string_equal(desk.fault.reason, "local_number_taken");
}

/* how many, and whether the first is Shen */
static int found(const char *typed)
{
    json_t *r = CALL("patient.search", "{\"q\":\"%s\"}", typed), *items = json_object_get(r, "items");
    int n = (int)json_array_size(items);
    for (size_t i = 0; i < json_array_size(items); i++)
        assert_int_equal(strtoull(member(json_object_get(json_array_get(items, i), "org"), "id"), NULL, 16), desk.actor.org.v);
    json_decref(r);
    return n;
}

static void one_box(void **state)
{
    static const char *const one[] = {"991813196709102366", "９９１８１３１９６７０９１０２３６６", "13812345678", "138-1234-5678", "+8613812345678",
                                      "13900001111", "yb651959088", "门-0017", "门-00"};
    static const char *const both[] = {"沈", "沈萍", "沈萍香", "shen", "shenpingxiang", "SPX", "sp"};
    static const char *const none[] = {"991813196709102367", "13812345679", "沈 萍 x", "pingxiang", "shenq", "%", "1", "'", "\\\\"};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++)
        assert_int_equal(found(one[i]), 1);
    for (size_t i = 0; i < sizeof both / sizeof *both; i++)
        assert_int_equal(found(both[i]), 2);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(found(none[i]), 0);
    desk.actor.org.v = 2; /* another house finds its own only */
    assert_int_equal(found("沈"), 1);
    desk.actor.org.v = 3;
    assert_int_equal(found("991813196709102366"), 0);
    desk.actor.org.v = 1;
}

/* Counted by institution and day; a number given by hand is passed over. */
static void local_numbers(void **state)
{
    char day[9], by_hand[200];
    json_t *a = CALL("patient.create", "{\"name\":\"甲一\",\"sex\":\"male\",\"birth_date\":\"1970-01-01\"}");
    assert_non_null(a);
    const char *first = member(a, "local_number");
    int n = 0;
    assert_int_equal(sscanf(first, "P%8[0-9]-%4d", day, &n), 2);
    snprintf(by_hand, sizeof by_hand, "{\"name\":\"乙一\",\"sex\":\"male\",\"birth_date\":\"1970-01-02\",\"local_number\":\"P%s-%04d\"}", day, n + 1);
    json_t *b = CALL("patient.create", by_hand);
    json_t *c = CALL("patient.create", "{\"name\":\"丙一\",\"sex\":\"male\",\"birth_date\":\"1970-01-03\"}");
    assert_non_null(b);
    assert_non_null(c);
    snprintf(by_hand, sizeof by_hand, "P%s-%04d", day, n + 2);
    assert_string_equal(member(c, "local_number"), by_hand);
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

static void unidentified(void **state)
{
    json_t *a = CALL("patient.create", "{\"temporary\":true,\"sex\":\"male\",\"estimated_age\":40}");
    json_t *b = CALL("patient.create", "{\"temporary\":true,\"sex\":\"male\",\"estimated_age\":40}");
    assert_string_equal(member(a, "name"), "无名氏（男）1400");
    assert_string_equal(member(a, "age_text"), "40岁");
    assert_true(json_is_true(json_object_get(a, "birth_estimated")));
    assert_string_not_equal(member(a, "local_number"), member(b, "local_number"));
    assert_int_equal(json_array_size(json_object_get(b, "similar")), 0); /* two unknown men are never alike */
    assert_null(CALL("patient.create", "{\"temporary\":true,\"sex\":\"male\"}"));
    assert_string_equal(desk_wrong(), "estimated_age required");
    /* identified in the morning */
    json_t *c = CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"name\":\"刘超明\",\"id_type\":\"id_card\",\"id_no\":\"991530195110180697\"}",
                     member(a, "id"));
    assert_non_null(c);
    assert_true(json_is_false(json_object_get(c, "temporary")));
    assert_string_equal(member(c, "birth_date"), "1951-10-18");
    assert_int_equal(found("liuchaoming"), 1);
    assert_int_equal(found("wumingshi"), 1); /* the other one */
    json_decref(a);
    json_decref(b);
    json_decref(c);
}

static void versions(void **state)
{
    json_t *p = CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"phone\":\"13711112222\",\"guardian\":{\"name\":\"李四\",\"phone\":\"139****1111\"}}", shen);
    assert_int_equal(json_integer_value(json_object_get(p, "version")), 2);
    assert_string_equal(member(json_object_get(p, "guardian"), "phone"), "139****1111"); /* sent back masked: kept */
    json_decref(p);
    assert_null(CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"phone\":\"13711113333\"}", shen));
    assert_string_equal(desk.fault.reason, "stale_version");
    assert_int_equal(found("13812345678"), 0); /* the old number leads nowhere */
    assert_int_equal(found("13711112222"), 1);
    assert_int_equal(found("13900001111"), 1);
    p = CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":2,\"guardian\":null,\"address\":null}", shen);
    assert_true(json_is_null(json_object_get(p, "guardian")) && json_is_null(json_object_get(p, "address")));
    json_decref(p);
}

static void twice_on_file(void **state)
{
    json_t *a = CALL("patient.create", "{\"name\":\"沈萍香\",\"sex\":\"female\",\"birth_date\":\"1967-09-10\"}");
    struct tx *tx;
    uint64_t id = 0;
    assert_int_equal(id_parse(member(a, "id"), &id), 0);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0); /* as a feed left it: both have the number */
    tx_exec(tx, "INSERT INTO patient_key (org_id, kind, key, patient_id) SELECT org_id, kind, key, $1 FROM patient_key WHERE kind='id'", "i", (int64_t)id);
    assert_int_equal(tx_commit(tx), 0);
    json_t *p = CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":3,\"address\":\"枫林县解放路128号\"}", shen);
    assert_non_null(p);
    json_decref(p);
    assert_null(CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":1,\"id_type\":\"id_card\",\"id_no\":\"991813196709102366\"}", member(a, "id")));
    assert_string_equal(desk.fault.reason, "patient_exists");
    json_decref(a);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "DELETE FROM patient_key WHERE patient_id=$1", "i", (int64_t)id);
    assert_int_equal(tx_commit(tx), 0);
}

static void revealing(void **state)
{
    json_t *v = CALL("patient.reveal", "{\"patient_id\":\"%s\",\"what\":\"id_no\",\"reason\":\"与医保核对\"}", shen);
    assert_string_equal(member(v, "value"), "991813196709102366");
    assert_string_equal(desk.last.audit.detail, "reveal=id_no");
    assert_true(desk.last.audit.patient != 0);
    json_decref(v);
    assert_null(CALL("patient.reveal", "{\"patient_id\":\"%s\",\"what\":\"id_no\"}", shen));
    assert_string_equal(desk_wrong(), "reason required");
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    assert_int_equal(tx_int(tx, 0, "SELECT COUNT(*) FROM patient_reveal WHERE person_id=$1", "i", (int64_t)11), 1);
    tx_rollback(tx);
}

static void strangers_are_refused(void **state)
{
    desk.actor.org.v = 3;
    desk.actor.person.v = 99;
    static const char *const acts[] = {"patient.get", "patient.timeline"};
    for (size_t i = 0; i < 2; i++) {
        assert_null(CALL(acts[i], "{\"patient_id\":\"%s\"}", shen));
        assert_int_equal(desk.fault.code, ERR_DENIED);
        assert_true(desk.last.audit.patient != 0); /* the denied act names whom it was after */
    }
    assert_null(CALL("patient.reveal", "{\"patient_id\":\"%s\",\"what\":\"phone\",\"reason\":\"看看\"}", shen));
    assert_int_equal(desk.fault.code, ERR_DENIED);
    assert_null(CALL("patient.update", "{\"patient_id\":\"%s\",\"version\":3,\"name\":\"甲\"}", shen));
    assert_int_equal(desk.fault.code, ERR_DENIED);
    assert_null(CALL("patient.get", "{\"patient_id\":\"%016x\"}", 12345));
    assert_int_equal(desk.fault.code, ERR_NOT_FOUND);
    desk.actor.org.v = 1;
    desk.actor.person.v = 11;
}

/* What a thief of the disk reads: neither the numbers nor the address. */
static void nothing_plain_on_the_disk(void **state)
{
    static const char *const secrets[] = {"991813196709102366", "991530195110180697", "13812345678", "13711112222", "13900001111", "yb651959088",
                                          "解放路", "青霉素"};
    char path[96];
    if (!store_is_file(records_store(desk.r)))
        skip(); /* sealed before the engine sees them; this test reads SQLite's files */
    static const char *const files[] = {"yilian.db", "yilian.db-wal"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", desk.dir, files[i]);
        FILE *f = fopen(path, "rb");
        static char data[8 << 20];
        size_t n = f ? fread(data, 1, sizeof data, f) : 0;
        if (f)
            fclose(f);
        for (size_t k = 0; k < sizeof secrets / sizeof *secrets; k++)
            assert_null(memmem(data, n, secrets[k], strlen(secrets[k])));
        if (i == 0)
            assert_true(n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_nobody), cmocka_unit_test(registering), cmocka_unit_test(wrong_members_are_named), cmocka_unit_test(duplicates),
        cmocka_unit_test(one_box),     cmocka_unit_test(local_numbers), cmocka_unit_test(unidentified),            cmocka_unit_test(versions),
        cmocka_unit_test(twice_on_file), cmocka_unit_test(revealing),   cmocka_unit_test(strangers_are_refused),   cmocka_unit_test(nothing_plain_on_the_disk),
    };
    return cmocka_run_group_tests(tests, desk_open, desk_close);
}
