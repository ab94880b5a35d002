/* Codes of other systems: collected, proposed for, decided, taken back; used at arrival and for what is stored. */
#include "records/background.h"
#include "records/quality/quality.h"
#include "records/term/likeness.h"
#include "tests/support/hl7.h"

static const struct op *const quality_tables[] = {quality_ops, exchange_ops, patient_ops, NULL};
#define ASK(name, ...) desk_call(quality_tables, name, desk_text(__VA_ARGS__))

static int64_t sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

/* The standard code of the newest entry of this local code. */
static const char *standard(const char *code)
{
    static char out[200];
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    struct query *q = tx_query(tx, "SELECT code, standard_system, standard_code FROM exchange_entry WHERE code=$1 ORDER BY id DESC LIMIT 1", "t", code);
    snprintf(out, sizeof out, "nothing");
    if (query_next(q))
        snprintf(out, sizeof out, "%s|%s|%s", query_text(q, "code"), query_text(q, "standard_system"), query_text(q, "standard_code"));
    assert_int_equal(query_end(q), 0);
    tx_rollback(tx);
    return out;
}

static const char *his, *lis;
static int open_site(void **state)
{
    int rc = desk_open(state);
    if (rc)
        return rc;
    his = hl7_source("HIS", 7, "\"namespace_id\":\"HIS\"", NULL);
    lis = hl7_source("LIS", 8, "\"namespace_id\":\"LIS\"", NULL);
    return 0;
}


static void lab(const char *from, const char *control, const char *obx3)
{
    hl7_send(desk_text("MSH|^~\\&|%s||||20261124||ORU^R01|%s|P|2.4\nPID|1||1001^^^%s||赵^明||19700102|M\nOBR|1||f%s|CBC^血常规\nOBX|1|NM|%s||6.1|10*9/L|||||F\n", from,
                       control, from, control, obx3));
    assert_string_equal(hl7_said("MSA-1"), "AA");
}

static void diagnosis(const char *control, const char *dg1_3)
{
    hl7_send(desk_text("MSH|^~\\&|HIS||||20261124||ADT^A01|%s|P|2.4\nPID|1||1001^^^HIS||赵^明||19700102|M\nPV1|1|I\nDG1|1||%s\n", control, dg1_3));
    assert_string_equal(hl7_said("MSA-1"), "AA");
}

/* The row of a code; the caller's. */
static json_t *row(const char *code)
{
    json_t *list = ASK("quality.codes", "{\"q\":\"%s\"}", code), *one = json_incref(json_array_get(json_object_get(list, "items"), 0));
    json_decref(list);
    if (!one)
        fail_msg("%s is not collected", code);
    return one;
}

static const char *id_of(const char *code)
{
    static char out[4][17];
    static int next;
    json_t *one = row(code);
    char *id = out[++next % 4];
    snprintf(id, 17, "%s", member(one, "id"));
    json_decref(one);
    return id;
}

static json_t *coverage(const char *kind, const char *source)
{
    json_t *all = ASK("quality.coverage", "{}"), *one, *found = NULL;
    size_t i;
    json_array_foreach(json_object_get(all, "items"), i, one)
        if (strcmp(member(one, "kind"), kind) == 0 && strcmp(member(json_object_get(one, "source"), "id"), source) == 0)
            found = json_incref(one);
    json_decref(all);
    if (!found)
        fail_msg("no coverage of %s", kind);
    return found;
}

static long long of(json_t *coverage, const char *state, const char *what)
{
    return json_integer_value(json_object_get(json_object_get(coverage, state), what));
}

static void codes_are_collected_and_nothing_of_a_patient(void **state)
{
    (void)state;
    lab("LIS", "1", "WBC01^白细胞^L");
    lab("LIS", "2", "WBC01^白细胞^L");
    lab("LIS", "3", "6690-2^Leukocytes^LN");
    lab("HIS", "4", "WBC01^白细胞计数^L"); /* another source: a code of its own */
    json_t *one = row("WBC01");
    assert_int_equal(json_integer_value(json_object_get(one, "seen")), 2);
    assert_string_equal(member(one, "display"), "白细胞");
    assert_string_equal(member(one, "system"), "L");
    assert_string_equal(member(one, "state"), "open");
    json_decref(one);
    one = row("6690-2"); /* it came in a standard system: nothing to decide */
    assert_string_equal(member(one, "state"), "given");
    json_decref(one);
    one = coverage("observation", lis);
    assert_int_equal(of(one, "open", "codes"), 1);
    assert_int_equal(of(one, "open", "seen"), 2);
    assert_int_equal(of(one, "given", "seen"), 1);
    json_decref(one);
    one = coverage("report", lis);
    assert_int_equal(of(one, "open", "seen"), 3);
    json_decref(one);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code WHERE display='赵明' OR code='1001' OR display='6.1'"), 0);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code WHERE kind='encounter'"), 0);
}

static void what_has_no_code_is_counted_without_its_words(void **state)
{
    (void)state;
    diagnosis("1", "^高血压，赵明之父亦有");
    hl7_send("MSH|^~\\&|HIS||||20261124||ORM^O01|2|P|2.4\nPID|1||1001^^^HIS||赵^明\nORC|NW|20261124000123\n"); /* the number of an order is no code */
    assert_string_equal(hl7_said("MSA-1"), "AA");
    assert_int_equal(sql("SELECT seen AS n FROM quality_code WHERE kind='diagnosis' AND code=''"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code WHERE display<>'' AND kind='diagnosis'"), 0);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code WHERE kind='order'"), 0);
}

static void a_dead_letter_is_not_counted_until_it_is_replayed(void **state)
{
    (void)state;
    hl7_send("MSH|^~\\&|LIS||||20261124||ORU^R01|d1|P|2.4\nPID|1||1001^^^LIS\nOBX|1|NM|K01^钾||4\nOBX|2|NM|||5\n");
    assert_string_equal(hl7_said("MSA-1"), "AE");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code"), 0);
    json_t *list = ASK("exchange.dead", "{}");
    json_t *done = ASK("exchange.replay", "{\"message_id\":\"%s\",\"text\":\"MSH|^~\\\\&|LIS||||20261124||ORU^R01|d1|P|2.4\\nPID|1||1001^^^LIS\\nOBX|1|NM|K01^钾||4\\n\"}",
                       member(json_array_get(json_object_get(list, "items"), 0), "id"));
    assert_non_null(done);
    json_decref(done);
    json_decref(list);
    assert_int_equal(sql("SELECT seen AS n FROM quality_code WHERE code='K01'"), 1);
}

static void decided_used_and_taken_back(void **state)
{
    (void)state;
    lab("LIS", "1", "WBC01^白细胞^L");
    assert_string_equal(standard("WBC01"), "WBC01||");
    const char *id = id_of("WBC01");
    json_t *r = ASK("quality.map", "{\"code_id\":\"%s\",\"system\":\"http://loinc.org\",\"code\":\"6690-2\"}", id);
    assert_non_null(r);
    json_decref(r);
    assert_true(desk.last.audit.object != 0);
    lab("LIS", "2", "WBC01^白细胞^L");
    assert_string_equal(standard("WBC01"), "WBC01|http://loinc.org|6690-2"); /* the source's own code stays beside it */
    lab("HIS", "3", "WBC01^白细胞^L"); /* it is another's */
    assert_string_equal(standard("WBC01"), "WBC01||");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE standard_code='6690-2'"), 1); /* what is stored waits */
    r = ASK("quality.remap", "{}");
    assert_true(json_is_true(json_object_get(r, "running")));
    json_decref(r);
    records_background(desk.r);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE standard_code='6690-2'"), 2);
    assert_int_equal(sql("SELECT changed AS n FROM quality_state"), 1);
    assert_int_equal(sql("SELECT running AS n FROM quality_state"), 0);

    r = ASK("quality.reject", "{\"code_id\":\"%s\",\"reason\":\"本院自定义项目\"}", id);
    assert_non_null(r);
    json_decref(r);
    lab("LIS", "4", "WBC01^白细胞^L");
    assert_string_equal(standard("WBC01"), "WBC01||");
    assert_null(ASK("quality.reject", "{\"code_id\":\"%s\",\"reason\":\"再次\"}", id));
    r = ASK("quality.undo", "{\"code_id\":\"%s\"}", id); /* back to what stood before, wholly */
    assert_string_equal(member(r, "state"), "mapped");
    json_decref(r);
    r = row("WBC01");
    json_decref(r);
    r = ASK("quality.code", "{\"code_id\":\"%s\"}", id);
    assert_string_equal(member(json_object_get(r, "to"), "code"), "6690-2");
    assert_string_equal(member(json_object_get(r, "to"), "display"), "白细胞计数");
    assert_true(member(json_object_get(r, "to"), "version")[0] != 0);
    assert_int_equal(json_array_size(json_object_get(r, "history")), 2);
    json_decref(r);
    r = ASK("quality.undo", "{\"code_id\":\"%s\"}", id);
    assert_string_equal(member(r, "state"), "open");
    json_decref(r);
    assert_null(ASK("quality.undo", "{\"code_id\":\"%s\"}", id));
    assert_string_equal(desk.fault.reason, "nothing_to_undo");
    r = ASK("quality.remap", "{}");
    json_decref(r);
    records_background(desk.r);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE standard_code='6690-2'"), 0);
}

/* Without a decision the table's word stands, also after one was taken back. */
static void the_tables_word_comes_back(void **state)
{
    (void)state;
    diagnosis("1", "I10^高血压^I10");
    assert_string_equal(standard("I10"), "I10|http://hl7.org/fhir/sid/icd-10|I10");
    const char *id = id_of("I10");
    json_t *r = ASK("quality.map", "{\"code_id\":\"%s\",\"system\":\"" TS_ICD10_NHSA "\",\"code\":\"I10.none\"}", id);
    assert_null(r); /* which code it is must be one of the list */
    assert_string_equal(desk_wrong(), "code not_in_list");
    json_t *one = ASK("quality.code", "{\"code_id\":\"%s\"}", id), *first = json_array_get(json_object_get(one, "candidates"), 0);
    assert_non_null(first);
    r = ASK("quality.map", "{\"code_id\":\"%s\",\"system\":\"%s\",\"code\":\"%s\"}", id, member(first, "system"), member(first, "code"));
    assert_non_null(r);
    json_decref(r);
    r = ASK("quality.remap", "{}");
    json_decref(r);
    records_background(desk.r);
    assert_string_equal(standard("I10"), desk_text("I10|" TS_ICD10_NHSA "|%s", member(first, "code")));
    json_decref(one);
    r = ASK("quality.undo", "{\"code_id\":\"%s\"}", id);
    json_decref(r);
    r = ASK("quality.remap", "{}");
    json_decref(r);
    records_background(desk.r);
    assert_string_equal(standard("I10"), "I10|http://hl7.org/fhir/sid/icd-10|I10");
}

static void a_target_is_a_code(void **state)
{
    static const struct {
        const char *system, *code, *display, *wrong;
    } cases[] = {
        {"http://loinc.org", "6690-3", "白细胞", "code check_digit"}, {"http://loinc.org", "6690", "白细胞", "code check_digit"},
        {"http://loinc.org", "2160-0", "", "display required"},       {"http://loinc.org", "2160-0", "肌酐", ""},
        {"no uri", "1", "一", "system not_a_uri"},                    {"loinc", "1", "一", "system not_a_uri"},
        {"urn:oid:1.2.3", "A1", "", "display required"},              {"urn:oid:1.2.3", "A1", "院内标准", ""},
        {TS_ICD9CM3_NHSA, "ZZ", "手术", "code not_in_list"},
    };
    (void)state;
    lab("LIS", "1", "X1^某项目^L");
    const char *id = id_of("X1");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *r = ASK("quality.map", "{\"code_id\":\"%s\",\"system\":\"%s\",\"code\":\"%s\",\"display\":\"%s\"}", id, cases[i].system, cases[i].code, cases[i].display);
        assert_string_equal(r ? "" : desk_wrong(), cases[i].wrong);
        json_decref(r);
    }
    assert_null(ASK("quality.map", "{\"code_id\":\"0123456789abcdef\",\"system\":\"urn:x:y\",\"code\":\"1\",\"display\":\"一\"}"));
    assert_int_equal(desk.fault.code, ERR_NOT_FOUND);
}

/* ---- candidates ---- */

static const char *proposed(const char *kind, const char *code, const char *display, bool search)
{
    static char out[2000];
    struct quality_candidate c[CANDIDATES_MAX];
    struct fault f = {0};
    size_t n;
    struct quality_asking a = {records_parts(desk.r)->quality, records_parts(desk.r)->terms, "2026-11-28", &f};
    assert_int_equal(search ? quality_search(&a, kind, display, c, &n) : quality_propose(&a, kind, code, display, c, &n), 0);
    out[0] = 0;
    for (size_t i = 0; i < n; i++)
        sprintf(out + strlen(out), "%s%s:%s", i ? " " : "", c[i].code, c[i].why);
    return out;
}
static void first_is(const char *kind, const char *code, const char *display, const char *expected)
{
    const char *all = proposed(kind, code, display, false);
    if (strncmp(all, expected, strlen(expected)) != 0)
        fail_msg("%s %s %s: %s, not first %s", kind, code, display, all, expected);
}

static void candidates_for_items(void **state)
{
    (void)state;
    first_is("observation", "WBC01", "白细胞", "6690-2:same_name");
    first_is("observation", "WBC", "", "6690-2:alike");
    first_is("observation", "ALT", "谷丙转氨酶(ALT)", "1742-6:");
    first_is("observation", "1988-5", "", "1988-5:same_code");
    first_is("observation", "0031", "血清肌酐测定", "14682-9:alike");
    assert_string_equal(proposed("observation", "9999", "病房满意度", false), "");
    assert_non_null(strstr(proposed("observation", "", "xhdb", true), "718-7")); /* pinyin initials of 血红蛋白 */
    assert_true(strncmp(proposed("observation", "", "血糖", true), "14749-6", 7) == 0);
}

static void candidates_for_diagnoses(void **state)
{
    struct icd10_hit hit;
    char code[32];
    (void)state;
    assert_int_equal(icd10_search(records_parts(desk.r)->terms->icd10, "急性阑尾炎", 1, &hit), 1);
    snprintf(code, sizeof code, "%.*s:same_name", (int)hit.code_len, hit.code);
    first_is("diagnosis", "0007", "急性阑尾炎", code);
    first_is("diagnosis", "8", "2型糖尿病伴周围血管病变", "E11.501+I79.2*:alike"); /* nearer by name than what the normal form reads */
    assert_non_null(strstr(proposed("diagnosis", "9", "冠心病", false), "I25.1"));
    assert_non_null(strstr(proposed("problem", "JXLWY", "", false), "K35")); /* the code is the pinyin initials */
    assert_non_null(strstr(proposed("diagnosis", "", "jxlwy", true), "K35"));
    assert_string_equal(proposed("medication", "1", "阿司匹林", false), ""); /* no list is held */
}

static void likeness_of_names(void **state)
{
    struct likeness l;
    (void)state;
    likeness_of("急性阑尾炎", &l);
    assert_int_equal(likeness_with(&l, "急性阑尾炎"), 100);
    assert_int_equal(likeness_with(&l, "(急性)阑尾炎"), 100); /* signs say nothing */
    assert_int_equal(likeness_with(&l, "骨折"), 0);
    assert_in_range(likeness_with(&l, "急性化脓性阑尾炎"), 50, 90);
    assert_int_equal(likeness_with(&l, ""), 0);
    likeness_of("", &l);
    assert_int_equal(likeness_with(&l, ""), 0);
    likeness_of("痔", &l);
    assert_int_equal(likeness_with(&l, "痔"), 100);
}

static void the_same_by_code_and_name_at_once(void **state)
{
    struct icd10_hit hit;
    (void)state;
    icd10_at(records_parts(desk.r)->terms->icd10, 5000, &hit);
    diagnosis("1", desk_text("%.*s^%.*s^BZ", (int)hit.code_len, hit.code, (int)hit.name_len, hit.name));
    diagnosis("2", "A01.000^别的名称^BZ");
    json_t *r = ASK("quality.map_same", "{\"source_id\":\"%s\"}", his);
    assert_int_equal(json_integer_value(json_object_get(r, "mapped")), 1);
    json_decref(r);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code WHERE state='mapped' AND to_code=code"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM quality_code WHERE code='A01.000' AND state='open'"), 1);
    r = ASK("quality.concept_map", "{\"source_id\":\"%s\"}", his);
    json_t *group = json_array_get(json_object_get(r, "group"), 0), *element = json_array_get(json_object_get(group, "element"), 0);
    assert_string_equal(member(group, "target"), TS_ICD10_NHSA);
    assert_int_equal(strncmp(member(element, "code"), hit.code, hit.code_len), 0);
    json_decref(r);
    assert_null(ASK("quality.concept_map", "{\"source_id\":\"0123456789abcdef\"}"));
}

static void the_list_is_paged_and_searched(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        char control[8], code[40];
        snprintf(control, sizeof control, "%d", i);
        snprintf(code, sizeof code, "C%d^项目%d^L", i, i);
        lab("LIS", control, code);
    }
    lab("LIS", "again", "C3^项目3^L");
    char next[17] = "", seen[200] = "";
    int pages = 0;
    do {
        json_t *page = ASK("quality.codes", "{\"kind\":\"observation\",\"limit\":3%s%s%s}", next[0] ? ",\"before\":\"" : "", next, next[0] ? "\"" : ""), *one;
        size_t i;
        json_array_foreach(json_object_get(page, "items"), i, one)
            strcat(seen, member(one, "code"));
        snprintf(next, sizeof next, "%s", member(page, "next"));
        json_decref(page);
        pages++;
    } while (next[0] && pages < 10);
    assert_string_equal(seen, "C3C0C1C2C4C5C6"); /* most seen first, each once */
    json_t *found = ASK("quality.codes", "{\"q\":\"目5\"}");
    assert_int_equal(json_array_size(json_object_get(found, "items")), 1);
    json_decref(found);
    found = ASK("quality.codes", "{\"state\":\"mapped\"}");
    assert_int_equal(json_array_size(json_object_get(found, "items")), 0);
    json_decref(found);
}

/* Entries that were there before codes were collected are counted once, in the background, whatever is asked meanwhile. */
static void what_was_stored_before_is_counted(void **state)
{
    struct tx *tx;
    (void)state;
    for (int i = 0; i < 3; i++)
        lab("LIS", desk_text("o%d", i), "OLD^旧项目^L");
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "DELETE FROM quality_code", "");
    tx_exec(tx, "UPDATE quality_state SET count_until=(SELECT MAX(id) FROM exchange_entry)", "");
    assert_int_equal(tx_commit(tx), 0);
    lab("LIS", "new", "OLD^旧项目^L");
    records_background(desk.r);
    records_background(desk.r);
    json_t *one = row("OLD");
    assert_int_equal(json_integer_value(json_object_get(one, "seen")), 4);
    assert_string_equal(member(one, "display"), "旧项目");
    json_decref(one);
}

/* The remap goes through more than one batch and stops. */
static void many_are_brought_to_what_is_decided(void **state)
{
    char text[60000];
    (void)state;
    for (int m = 0; m < 3; m++) {
        size_t n = (size_t)sprintf(text, "MSH|^~\\&|LIS||||20261124||ORU^R01|b%d|P|2.4\nPID|1||1001^^^LIS||赵^明\nOBR|1||f%d|P^组\n", m, m);
        for (int i = 0; i < 400; i++)
            n += (size_t)sprintf(text + n, "OBX|%d|NM|GLU01^血糖^L|%d|5.1\n", i, i);
        hl7_send(text);
        assert_string_equal(hl7_said("MSA-1"), "AA");
    }
    json_t *r = ASK("quality.map", "{\"code_id\":\"%s\",\"system\":\"http://loinc.org\",\"code\":\"14749-6\"}", id_of("GLU01"));
    json_decref(r);
    r = ASK("quality.coverage", "{}");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "remap"), "pending")), 1);
    json_decref(r);
    desk.now_ms++;
    r = ASK("quality.remap", "{}");
    json_decref(r);
    for (int i = 0; i < 50 && sql("SELECT running AS n FROM quality_state"); i++)
        records_background(desk.r);
    assert_int_equal(sql("SELECT changed AS n FROM quality_state"), 1200);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE standard_code='14749-6' AND code='GLU01'"), 1200);
    r = ASK("quality.coverage", "{}");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(r, "remap"), "pending")), 0);
    json_decref(r);
}

/* ---- the table of items ---- */

static void the_table_of_items(void **state)
{
    static const char *const good[] = {"6690-2", "789-8", "30341-2", "8480-6"}, *const bad[] = {"6690-3", "", "-2", "6690-", "6690-22", "66x90-2", "12345678-1"};
    const struct items *t = quality_items(records_parts(desk.r)->quality);
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(items_code_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(items_code_valid(bad[i]));
    assert_true(items_version(t)[0] != 0);
    for (size_t i = 1; i < items_count(t); i++)
        assert_true(strcmp(items_at(t, i - 1)->code, items_at(t, i)->code) < 0);
    assert_string_equal(items_find(t, "718-7")->unit, "g/L");
    assert_null(items_find(t, "718-8"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_site, desk_close)
    const struct CMUnitTest tests[] = {
        T(codes_are_collected_and_nothing_of_a_patient), T(what_has_no_code_is_counted_without_its_words), T(a_dead_letter_is_not_counted_until_it_is_replayed),
        T(decided_used_and_taken_back), T(the_tables_word_comes_back), T(a_target_is_a_code), T(candidates_for_items), T(candidates_for_diagnoses),
        T(likeness_of_names), T(the_same_by_code_and_name_at_once), T(the_list_is_paged_and_searched), T(what_was_stored_before_is_counted),
        T(many_are_brought_to_what_is_decided), T(the_table_of_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
