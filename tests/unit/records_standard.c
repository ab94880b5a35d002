/* What data are here: the catalogue of data elements and its mistakes, our own forms beside it, master data, vocabularies. */
#include "records/quality/items.h"
#include "records/quality/quality.h"
#include "records/standard/standard.h"
#include "records/term/ts.h"
#include "tests/support/desk.h"
#include <sys/stat.h>

static const struct op *const tables[] = {standard_ops, NULL};
#define ASK(name) desk_call(tables, name, "{}")

/* The table with these rows; NULL with desk.fault filled. */
static struct elements *opened(const char *rows)
{
    char dir[] = "/tmp/yl-elements-XXXXXX", path[100];
    struct elements *t = NULL;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/quality", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/quality/elements.tsv", dir);
    FILE *out = fopen(path, "w");
    fputs(rows, out);
    fclose(out);
    memset(&desk.fault, 0, sizeof desk.fault);
    int rc = elements_open(&t, dir, &desk.fault);
    assert_int_equal(rc == 0, t != NULL);
    snprintf(path, sizeof path, "rm -rf %s", dir);
    assert_int_equal(system(path), 0);
    return t;
}

#define ROW(id, version, from, until, format) id "\t" version "\t" from "\t" until "\t姓名\tName\t姓氏和名字\tFamily and given name\t" format "\t\tPID-5\tPatient.name\n"
#define NAME "DE02.01.039.00"

static void the_newest_in_effect_counts(void **state)
{
    (void)state;
    struct elements *t = opened("# head\n" ROW(NAME, "2", "2026-06-01", "2026-12-31", "S1 A..70") ROW("YL.P01.001", "1", "2026-01-01", "", "G") ROW(NAME, "1", "2025-01-01", "", "S1 A..50"));
    assert_non_null(t);
    assert_int_equal(elements_count(t), 3);
    assert_string_equal(elements_at(t, 0)->id, NAME);
    assert_null(elements_find(t, NAME, "2024-12-31"));
    assert_int_equal(elements_find(t, NAME, "2025-01-01")->version, 1);
    assert_int_equal(elements_find(t, NAME, "2026-05-31")->version, 1);
    assert_int_equal(elements_find(t, NAME, "2026-06-01")->version, 2);
    assert_int_equal(elements_find(t, NAME, "2026-12-31")->version, 2);
    assert_null(elements_find(t, NAME, "2027-01-01")); /* it ended, and the one before it does not come back */
    assert_true(elements_in_effect(t, elements_at(t, 1), "2026-07-01"));
    assert_false(elements_in_effect(t, elements_at(t, 0), "2026-07-01"));
    assert_null(elements_find(t, "DE02.01.040.00", "2026-07-01"));
    elements_close(t);
}

static void mistakes_name_line_and_column(void **state)
{
    static const struct { const char *rows, *said; } cases[] = {
        {ROW("DE2.01.039.00", "1", "2026-01-01", "", "G"), "line 1: \"id\""},
        {"# head\n" ROW(NAME, "0", "2026-01-01", "", "G"), "line 2: \"version\""},
        {ROW(NAME, "1x", "2026-01-01", "", "G"), "line 1: \"version\""},
        {ROW(NAME, "1", "2026-02-30", "", "G"), "line 1: \"from\""},
        {ROW(NAME, "1", "2026-01-01", "2025-12-31", "G"), "line 1: \"until\""},
        {ROW(NAME, "1", "2026-01-01", "", "S1 A..x"), "line 1: \"format\""},
        {NAME "\t1\t2026-01-01\t\t姓名\t\t姓\tName\tG\t\t\t\n", "line 1: \"en\""},
        {NAME "\t1\t2026-01-01\n", "line 1: \"zh\""},
        {NAME "\t1\t2026-01-01\t\ta\tb\tc\td\tG\te\tf\tg\th\n", "more than 12 columns"},
        {ROW(NAME, "1", "2026-01-01", "", "G") ROW(NAME, "1", "2026-02-01", "", "G"), "version 1 twice"},
        {ROW(NAME, "1", "2026-01-01", "", "G") ROW(NAME, "2", "2026-01-01", "", "G"), "begins no later"},
        {"", "cannot be read"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_null(opened(cases[i].rows));
        if (!strstr(desk.fault.text, cases[i].said))
            fail_msg("case %zu: %s", i, desk.fault.text);
    }
}

static void formats(void **state)
{
    static const char *const good[] = {"S1 A..50", "S1 AN18", "S3 N1", "S2 A..20", "N N..6,2", "N N3", "D D8", "DT DT15", "T T6", "L T/F", "G"};
    static const char *const bad[] = {"", "S1", "S1 ", "S4 A1", "N A3", "S1 A.50", "S1 A..", "S1 A..5,1", "N N..6,", "D D9", "G G", "L", " G", "S1 A..50 "};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!elements_format_valid(good[i]))
            fail_msg("\"%s\" is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (elements_format_valid(bad[i]))
            fail_msg("\"%s\" is taken", bad[i]);
}

static const json_t *element(const json_t *answer, const char *id)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(answer, "items"), i, one)
        if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
            return one;
    fail_msg("%s is not in the catalogue", id);
    return NULL;
}

/* The forms that come with the product keep to the catalogue: whoever adds a field says which element it is. */
static void our_forms_keep_to_it(void **state)
{
    (void)state;
    json_t *answer = ASK("standard.elements"), *form;
    size_t i, n = 0;
    json_t *faults = json_object_get(answer, "faults");
    if (json_array_size(faults)) {
        char *text = json_dumps(faults, 0);
        fail_msg("%s", text);
    }
    json_array_foreach(json_object_get(answer, "forms"), i, form) {
        assert_int_equal(json_integer_value(json_object_get(form, "fields")), json_integer_value(json_object_get(form, "bound")));
        n += (size_t)json_integer_value(json_object_get(form, "fields"));
    }
    assert_int_equal(i, 3);
    assert_true(n > 90);
    const json_t *code = element(answer, "DE05.01.024.00");
    assert_int_equal(json_array_size(json_object_get(code, "fields")), 2); /* of the application and of the opinion */
    assert_string_equal(json_string_value(json_object_get(code, "domain")), "urn:yilian:codesystem:icd10-nhsa");
    assert_true(json_is_true(json_object_get(code, "in_effect")));
    const json_t *allergy = json_array_get(json_object_get(element(answer, "YL.C03.001"), "fields"), 0);
    assert_string_equal(json_string_value(json_object_get(allergy, "path")), "state.allergy");
    assert_true(json_array_size(json_object_get(allergy, "choices")) > 1);
    json_decref(answer);
}

static const json_t *master(const json_t *answer, const char *id)
{
    return element(answer, id);
}

static void master_data_and_what_is_missing(void **state)
{
    struct tx *tx;
    (void)state;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "UPDATE org SET active=0", "");
    for (int i = 0; i < 4; i++)
        tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES ($1, 1, $2, '', $3, 'x', 'x', '', $4, $5)", "ittti",
                (int64_t)(9000 + i), i < 2 ? "institution" : "department", desk_text("C%d", i), i == 3 ? "" : "心内科", (int64_t)(i != 1));
    assert_int_equal(tx_commit(tx), 0);
    json_t *answer = ASK("standard.master");
    const json_t *m = master(answer, "institutions");
    assert_int_equal(json_integer_value(json_object_get(m, "in_effect")), 1);
    assert_true(json_integer_value(json_object_get(m, "closed")) >= 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(m, "gaps"), 0), "what")), "level");
    m = master(answer, "departments");
    assert_int_equal(json_integer_value(json_object_get(m, "in_effect")), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(m, "gaps"), 0), "n")), 1);
    m = master(answer, "items");
    assert_int_equal(json_integer_value(json_object_get(m, "in_effect")), items_count(quality_items(records_parts(desk.r)->quality)));
    assert_true(*json_string_value(json_object_get(m, "version")));
    json_decref(answer);
}

static void vocabularies_with_editions_and_days(void **state)
{
    (void)state;
    json_t *answer = ASK("standard.vocabularies");
    const json_t *icd10 = json_array_get(json_object_get(answer, "systems"), 0), *map = json_array_get(json_object_get(answer, "maps"), 0);
    assert_string_equal(json_string_value(json_object_get(icd10, "url")), TS_ICD10_NHSA);
    assert_true(json_integer_value(json_object_get(icd10, "codes")) > 30000);
    assert_string_equal(json_string_value(json_object_get(icd10, "from")), "2021-01-01");
    assert_string_equal(json_string_value(json_object_get(icd10, "until")), "");
    assert_string_equal(json_string_value(json_object_get(map, "target")), TS_ICD10_NHSA);
    assert_string_equal(json_string_value(json_object_get(map, "from")), "2021-01-01");
    assert_int_equal(json_array_size(json_object_get(answer, "systems")), 3); /* and the items */
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(the_newest_in_effect_counts), cmocka_unit_test(mistakes_name_line_and_column),   cmocka_unit_test(formats),
        cmocka_unit_test(our_forms_keep_to_it),        cmocka_unit_test(master_data_and_what_is_missing), cmocka_unit_test(vocabularies_with_editions_and_days),
    };
    return cmocka_run_group_tests(all, desk_open, desk_close);
}
