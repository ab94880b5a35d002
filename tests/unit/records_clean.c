/* The cleaning rules' engine: units, code sets, ranges, dates, sex, identity; versions by day. */
#include "records/quality/clean.h"
#include "records/quality/units.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define CONFIG YL_SOURCE_DIR "/config"
#define NOW 1795500000000LL /* 2026-11-24 14:00 in China */
#define DAY 86400000LL
#define NHSA "urn:yilian:codesystem:icd10-nhsa"

static struct rules *rules;
static struct items *items;
static struct pinyin *pinyin;
static struct icd10 *icd10;
static struct clean_with with;

static int open_all(void **state)
{
    struct fault f;
    (void)state;
    if (rules_open(&rules, CONFIG, &f) || items_open(&items, CONFIG, &f)) {
        print_error("%s\n", f.text);
        return 1;
    }
    if (pinyin_open(&pinyin, CONFIG "/data") || icd10_open(&icd10, CONFIG "/data", pinyin))
        return 1;
    with = (struct clean_with){rules, items, icd10, rules_on(rules, "2026-11-24"), "2026-11-24", NOW};
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    icd10_close(icd10);
    pinyin_close(pinyin);
    items_close(items);
    rules_close(rules);
    return 0;
}

/* What was found, as "rule:reason[!] raw -> clean unit;": ! = put right by the rule. */
static const char *told(const struct clean_result *r)
{
    static char out[2000];
    int n = 0;
    out[0] = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct clean_finding *f = &r->findings[i];
        n += snprintf(out + n, sizeof out - (size_t)n, "%s%s:%s%s", n ? "; " : "", f->rule->id, f->reason, f->cleaned ? "!" : "");
        if (f->clean[0])
            n += snprintf(out + n, sizeof out - (size_t)n, " %s%s%s", f->clean, f->unit[0] ? " " : "", f->unit);
    }
    return out;
}

static bool applied(const struct clean_result *r, const char *rule)
{
    const struct rule *one = rules_find(rules, rule);
    assert_non_null(one);
    return r->applied >> (one - rules_at(rules, 0)) & 1;
}

static struct clean_entry entry(const char *kind, const char *system, const char *code)
{
    return (struct clean_entry){.kind = kind, .code = code, .system = system, .standard_code = code, .standard_system = system, .value = "1", .unit = "",
                                .status = "final", .t_ms = NOW - 3600000, .sex = "female", .birth_date = "1971-02-03"};
}

static const char *judge(const struct clean_entry *e)
{
    static struct clean_result r;
    clean_entry(&with, e, &r);
    return told(&r);
}

static const char *lab(const char *loinc, const char *value, const char *unit)
{
    struct clean_entry e = entry("observation", ITEMS_SYSTEM, loinc);
    e.value = value;
    e.unit = unit;
    return judge(&e);
}

static double factor(const char *from, const char *to, double molar, double charge)
{
    struct unit a, b;
    char tidy[UNIT_BYTES];
    unit_tidy(from, tidy);
    assert_true(unit_parse(tidy, &a));
    assert_true(unit_parse(to, &b));
    return unit_factor(&a, &b, &(struct unit_substance){molar, charge});
}

#define NEAR(a, b) assert_true(fabs((a) / (b) - 1) < 1e-4)

static void units_of_ucum_and_of_hospitals(void **state)
{
    struct unit u;
    (void)state;
    NEAR(factor("mg/dL", "g/L", 0, 0), 0.01);
    NEAR(factor("mg/dL", "mmol/L", 180.156, 0), 0.0555074);
    NEAR(factor("mmol/L", "mg/dL", 180.156, 0), 18.0156);
    NEAR(factor("meq/L", "mmol/L", 0, 2), 0.5);
    NEAR(factor("kPa", "mm[Hg]", 0, 0), 7.50062);
    NEAR(factor("μmol/L", "mmol/L", 0, 0), 0.001);
    NEAR(factor("×10^9/L", "10*9/L", 0, 0), 1);
    NEAR(factor("x10^3/μL", "10*9/L", 0, 0), 1);
    NEAR(factor("10e12/L", "10*9/L", 0, 0), 1000);
    NEAR(factor("/uL", "10*9/L", 0, 0), 0.001);
    NEAR(factor("uIU/mL", "mIU/L", 0, 0), 1);
    NEAR(factor("IU/L", "U/L", 0, 0), 1);
    NEAR(factor("L/L", "%", 0, 0), 100);
    NEAR(factor("ug/L{FEU}", "mg/L{FEU}", 0, 0), 0.001);
    NEAR(factor("g.m/s2", "mg.m/s2", 0, 0), 1000);
    assert_true(factor("mg/dL", "mmol/L", 0, 0) == 0);   /* of what? */
    assert_true(factor("mg/dL", "U/L", 100, 1) == 0);
    assert_true(factor("mm[Hg]", "Cel", 0, 0) == 0);
    static const char *const not[] = {"", "/", "mg/", "mg//L", "furlong", "mg/dl ", "10*", "10*99/L", "mg{", "(mg)/L", "g12345", "mg.", "0/L", "kmin", "m[Hg"};
    for (size_t i = 0; i < sizeof not / sizeof *not; i++)
        if (unit_parse(not[i], &u))
            fail_msg("\"%s\" is taken for a unit", not[i]);
}

static void results_are_brought_to_the_items_unit(void **state)
{
    (void)state;
    assert_string_equal(lab("14749-6", "5.6", "mmol/L"), "");
    assert_string_equal(lab("14749-6", "5.6", "mmol/l"), "");
    assert_string_equal(lab("14749-6", "100", "mg/dL"), "unit.item:converted! 5.55 mmol/L");
    assert_string_equal(lab("14749-6", "<36", "mg/dl"), "unit.item:converted! <2 mmol/L");
    assert_string_equal(lab("14682-9", "1.02", "MG/DL"), "unit.item:converted! 90.2 umol/L");
    assert_string_equal(lab("14682-9", "90", "μmol/L"), "");
    assert_string_equal(lab("2000-8", "4.8", "mEq/L"), "unit.item:converted! 2.4 mmol/L");
    assert_string_equal(lab("4548-4", "53", "mmol/mol"), "unit.item:converted! 7 %");
    assert_string_equal(lab("8310-5", "98.6", "°F"), "unit.item:converted! 37 Cel");
    assert_string_equal(lab("8480-6", "16.0", "kPa"), "unit.item:converted! 120 mm[Hg]");
    assert_string_equal(lab("6690-2", "6100", "/μL"), "unit.item:converted! 6.1 10*9/L");
    assert_string_equal(lab("6690-2", "6.1", "G/L"), "");
    assert_string_equal(lab("2744-1", "7.4", ""), "unit.item:unit_missing");
    assert_string_equal(lab("14749-6", "5.6", "瓶"), "unit.item:unit_unknown");
    assert_string_equal(lab("22664-7", "15", "mg/dL"), "unit.item:unit_of_other_kind"); /* urea or its nitrogen? nobody guesses */
    assert_string_equal(lab("14749-6", "阴性", "mg/dL"), "");                            /* words: nothing to convert */
    assert_string_equal(lab("1234-4", "5", "furlong"), "");                              /* an item nobody holds */
}

static void what_no_living_body_has(void **state)
{
    (void)state;
    assert_string_equal(lab("2823-3", "41", "mmol/L"), "range.item:above");
    assert_string_equal(lab("8310-5", "3.65", "Cel"), "range.item:below");
    assert_string_equal(lab("14749-6", "9999", "mg/dL"), "unit.item:converted! 555 mmol/L; range.item:above");
    assert_string_equal(lab("14749-6", "100", "mmol/L"), ""); /* near the bound, and lived through */
}

static void numbers_as_laboratories_write_them(void **state)
{
    double v;
    char sign[4];
    (void)state;
    assert_true(clean_number(" <0.50 ", &v, sign) && v == 0.5);
    assert_string_equal(sign, "<");
    assert_true(clean_number("-1.5e2", &v, sign) && v == -150);
    static const char *const words[] = {"", "<", "1-2", "1:40", "阳性", "5.6 H", "nan", "inf", "1e999", "0x10", "+"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (clean_number(words[i], &v, sign))
            fail_msg("\"%s\" is taken for a number", words[i]);
}

static void codes_are_of_their_set(void **state)
{
    struct clean_entry e = entry("diagnosis", NHSA, "I10.x99");
    (void)state;
    assert_string_equal(judge(&e), "code.set:not_in_set"); /* looks like one of the insurance edition */
    struct icd10_hit hit;
    char code[32];
    icd10_at(icd10, 0, &hit);
    snprintf(code, sizeof code, "%.*s", (int)hit.code_len, hit.code);
    e.standard_code = code;
    assert_string_equal(judge(&e), "");
    e = entry("diagnosis", "http://hl7.org/fhir/sid/icd-10", "E11.9");
    assert_string_equal(judge(&e), "");
    e.standard_code = "糖尿病";
    assert_string_equal(judge(&e), "code.set:not_in_set");
    e = entry("observation", ITEMS_SYSTEM, "6690-3");
    assert_string_equal(judge(&e), "code.set:not_in_set"); /* its check digit is 2 */
    e = entry("observation", "L", "");
    e.value = "";
    assert_string_equal(judge(&e), "code.missing:missing; value.missing:missing");
}

static void diagnoses_fit_the_sex(void **state)
{
    struct clean_entry e = entry("diagnosis", "http://hl7.org/fhir/sid/icd-10", "N40");
    (void)state;
    assert_string_equal(judge(&e), "sex.diagnosis:of_men");
    e.sex = "male";
    assert_string_equal(judge(&e), "");
    e.standard_code = "O80.9";
    assert_string_equal(judge(&e), "sex.diagnosis:of_women");
    e.standard_code = "D07.5"; /* carcinoma in situ of the prostate; D07.3 is of women */
    assert_string_equal(judge(&e), "");
    e.standard_code = "D07.30";
    assert_string_equal(judge(&e), "sex.diagnosis:of_women");
    e.standard_code = "C50.9"; /* men have breasts */
    assert_string_equal(judge(&e), "");
    e.standard_code = "O80.9";
    e.sex = "unknown";
    struct clean_result r;
    clean_entry(&with, &e, &r);
    assert_int_equal(r.n, 0);
    assert_false(applied(&r, "sex.diagnosis")); /* nothing to judge: it does not count */
}

static void dates_in_their_order(void **state)
{
    struct clean_entry e = entry("report", ITEMS_SYSTEM, "58410-2");
    struct clean_result r;
    (void)state;
    assert_string_equal(judge(&e), "");
    e.t_ms = NOW + 3600000;
    assert_string_equal(judge(&e), "time.future:future");
    e.t_ms = NOW + 10 * 60000; /* clocks differ */
    assert_string_equal(judge(&e), "");
    e.t_ms = NOW - 3600000;
    e.birth_date = "2026-11-25";
    assert_string_equal(judge(&e), "time.birth:before_birth");
    e.birth_date = "2026-11-24";
    assert_string_equal(judge(&e), "");
    e.visit_ms = NOW + 2 * DAY;
    assert_string_equal(judge(&e), "time.visit:before_visit");
    e.visit_ms = NOW; /* taken the day before: plausible */
    e.t_ms = NOW - DAY / 2;
    assert_string_equal(judge(&e), "");
    e = entry("report", ITEMS_SYSTEM, "58410-2");
    e.t_ms = NOW - 3 * DAY;
    assert_string_equal(judge(&e), "report.late:late");
    e.t_ms = NOW - 400 * DAY; /* history that is loaded: neither late nor in time */
    clean_entry(&with, &e, &r);
    assert_int_equal(r.n, 0);
    assert_false(applied(&r, "report.late"));
    e = entry("encounter", "", "I");
    e.visit_ms = NOW - DAY;
    e.leave_ms = NOW - 2 * DAY;
    assert_string_equal(judge(&e), "time.leave:left_before");
    e = entry("report", ITEMS_SYSTEM, "58410-2");
    e.duplicate = true;
    assert_string_equal(judge(&e), "report.duplicate:came_before");
}

static const char *who(struct clean_patient p)
{
    static struct clean_result r;
    clean_patient(&with, &p, &r);
    return told(&r);
}

static void patients(void **state)
{
    /* the worked example of GB 11643-1999: a woman born 1949-12-31 */
    struct clean_patient p = {.name = "王芳", .sex = "female", .birth_date = "1949-12-31", .id_type = "id_card", .id_no = "11010519491231002X", .phone = "13800138000"};
    (void)state;
    assert_string_equal(who(p), "");
    p.sex = "male";
    p.birth_date = "1949-12-13";
    assert_string_equal(who(p), "patient.identity_birth:not_the_numbers 1949-12-31; patient.identity_sex:not_the_numbers female");
    p.birth_date = "";
    p.sex = "unknown";
    assert_string_equal(who(p), "patient.sex:missing; patient.birth:missing 1949-12-31");
    p = (struct clean_patient){.name = "", .sex = "", .birth_date = "", .id_type = "none", .id_no = "", .phone = ""};
    assert_string_equal(who(p), "patient.name:missing; patient.sex:missing; patient.birth:missing; patient.id_no:missing; patient.phone:missing");
    p.temporary = true; /* nobody knows who he is */
    assert_string_equal(who(p), "");
    p = (struct clean_patient){.name = "李雷", .sex = "male", .birth_date = "2030-01-01", .id_type = "other", .id_no = "110105194912310021", .phone = "1"};
    assert_string_equal(who(p), "patient.identity:wrong_check_digit; patient.born:future");
    p.id_no = "AB1234567"; /* some other document */
    p.birth_date = "1850-01-01";
    assert_string_equal(who(p), "patient.born:too_old");
}

static json_t *file_of(const char *more)
{
    char text[1000];
    snprintf(text, sizeof text,
             "{\"rules\":[{\"id\":\"a\",\"version\":1,\"from\":\"2020-01-01\",\"check\":\"coded\",\"dimension\":\"validity\",\"kinds\":[\"report\"],"
             "\"title\":{\"zh\":\"甲\",\"en\":\"A\"}}%s]}", more);
    return json_loads(text, 0, NULL);
}
#define ROW(id, version, from, rest) \
    ",{\"id\":\"" id "\",\"version\":" version ",\"from\":\"" from "\"," rest "\"dimension\":\"validity\",\"title\":{\"zh\":\"甲\",\"en\":\"A\"}}"

static void versions_have_their_days(void **state)
{
    struct rules *t;
    struct fault f;
    (void)state;
    assert_int_equal(rules_load(&t, file_of(ROW("a", "2", "2026-12-01", "\"until\":\"2027-12-31\",\"check\":\"coded\",\"kinds\":[\"report\"],")), &f), 0);
    assert_int_equal(rules_on(t, "2019-12-31"), 0);
    assert_int_equal(rules_on(t, "2026-11-30"), 1);
    assert_int_equal(rules_on(t, "2026-12-01"), 2);
    assert_int_equal(rules_on(t, "2028-01-01"), 0); /* ended, and the one before it does not come back */
    assert_int_equal(rules_find(t, "a")->version, 2);
    rules_close(t);
    static const struct {
        const char *row, *member;
    } wrong[] = {{ROW("a", "1", "2027-01-01", "\"check\":\"coded\",\"kinds\":[\"report\"],"), "version"},
                 {ROW("a", "2", "2019-01-01", "\"check\":\"coded\",\"kinds\":[\"report\"],"), "version"},
                 {ROW("b", "1", "2026", "\"check\":\"coded\",\"kinds\":[\"report\"],"), "from"},
                 {ROW("b", "1", "2026-01-01", "\"check\":\"magic\",\"kinds\":[\"report\"],"), "check"},
                 {ROW("b", "1", "2026-01-01", "\"check\":\"coded\","), "kinds"},
                 {ROW("b", "1", "2026-01-01", "\"check\":\"required\",\"kinds\":[\"report\"],"), "kinds"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(rules_load(&t, file_of(wrong[i].row), &f), ERR_INVALID);
        assert_null(t);
        assert_non_null(strstr(f.text, wrong[i].member));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(units_of_ucum_and_of_hospitals), cmocka_unit_test(results_are_brought_to_the_items_unit),
                                       cmocka_unit_test(what_no_living_body_has), cmocka_unit_test(numbers_as_laboratories_write_them),
                                       cmocka_unit_test(codes_are_of_their_set), cmocka_unit_test(diagnoses_fit_the_sex), cmocka_unit_test(dates_in_their_order),
                                       cmocka_unit_test(patients), cmocka_unit_test(versions_have_their_days)};
    return cmocka_run_group_tests(tests, open_all, close_all);
}
