/* Searching FHIR R4: the values of every parameter, search strings, how the two meet. */
#include "records/r4/ucum.h"
#include "records/term/charset.h"
#include "tests/lib/r4_fixture.h"

/* ---- index values ---- */

static struct r4_buf yielded;

static void put(const char *name, struct r4_str s)
{
    if (s.p)
        r4_buf_printf(&yielded, "%s%.*s", name, (int)s.n, s.p);
}

static void put_value(const struct r4_value *v)
{
    if (v->type == R4_P_DATE)
        r4_buf_printf(&yielded, "[%lld,%lld)", (long long)v->low_ms, (long long)v->high_ms);
    if (v->type == R4_P_QUANTITY)
        r4_buf_printf(&yielded, "%g<%g<%g", v->low, v->number, v->high);
    if (v->type != R4_P_QUANTITY) /* there it is the literal */
        put("", v->folded.p ? v->folded : v->string);
    put("~", v->initials);
    put("s=", v->system);
    put("|", v->code);
    put("#", v->text);
    put("@", v->ref_type);
    put("/", v->ref_id);
    put("/v", v->ref_version);
    put("url=", v->url);
    for (size_t i = 0; i < v->n_components; i++) {
        r4_buf_puts(&yielded, "$");
        put_value(&v->components[i]);
    }
}

static void emit(void *ctx, const struct r4_value *v)
{
    if (ctx && strcmp(ctx, v->param->code) != 0)
        return;
    if (yielded.n)
        r4_buf_puts(&yielded, "; ");
    put_value(v);
}

static const char *yield(const char *id, const char *param)
{
    yielded.n = 0;
    r4_buf_puts(&yielded, "");
    for (size_t k = 0; k < n_fixtures; k++) {
        struct r4_node *root = parse(fixtures[k]);
        struct r4_extract x = {r4, pinyin, "http://here/fhir", emit, (void *)(uintptr_t)param};
        if (r4_is(r4_get(root, "id"), id))
            assert_int_equal(r4_extract(&x, doc, root), 0);
    }
    return yielded.p;
}

static void index_values(void **state)
{
    r4_doc_reset(doc);
    assert_string_equal(yield("p1", "gender"), "s=http://hl7.org/fhir/administrative-gender|male");
    assert_string_equal(yield("p1", "identifier"), "s=urn:oid:2.16.156.112605|110101199003074258; "
                                                   "110101199003074258s=http://terminology.hl7.org/CodeSystem/v2-0203|NI");
    assert_string_equal(yield("p1", "family"), "张~z; mullerobrien");
    assert_string_equal(yield("p1", "name"), "张三~zs; 张~z; 三~s; mullerobrien; jose");
    assert_string_equal(yield("p1", "birthdate"), "[636739200000,636825600000)"); /* the day in China */
    assert_string_equal(yield("p1", "organization"), "@Organization/o1");
    assert_string_equal(yield("p1", "deceased"), "|false");
    assert_string_equal(yield("p1", "phone"), "s=phone|13800000000");
    assert_string_equal(yield("p1", "_id"), "|p1");
    assert_string_equal(yield("p1", "_lastUpdated"), "[1795826520000,1795826520001)");
    assert_string_equal(yield("p1", "_tag"), "s=urn:yilian:tag|demo");
    assert_string_equal(yield("o1", "code"), "s=http://loinc.org|15074-8#Glucose; #血糖");
    assert_string_equal(yield("o1", "value-quantity"), "6.295<6.3<6.305s=http://unitsofmeasure.org|mmol/L#mmol/l");
    assert_string_equal(yield("o1", "code-value-quantity"), "$s=http://loinc.org|15074-8#Glucose$6.295<6.3<6.305s=http://unitsofmeasure.org|mmol/L#mmol/l; "
                                                            "$#血糖$6.295<6.3<6.305s=http://unitsofmeasure.org|mmol/L#mmol/l");
    assert_string_equal(yield("o1", "patient"), "@Patient/p1");
    assert_string_equal(yield("bp", "date"), "[1795795200000,1795968000000)");
    assert_string_equal(yield("bp", "component-code-value-quantity"),
                        "$s=http://loinc.org|8480-6$106.5<107<107.5s=http://unitsofmeasure.org|mm[Hg]#mmHg; "
                        "$s=http://loinc.org|8462-4$59.5<60<60.5s=http://unitsofmeasure.org|mm[Hg]#mmHg");
    assert_string_equal(yield("m1", "encounter"), "@Encounter/e1/v2");
    assert_string_equal(yield("m1", "medication"), "url=#med"); /* contained */
    assert_string_equal(yield("t1", "patient"), "s=urn:oid:2.16.156.112605|110101199003074258@Patient/p1");
    assert_string_equal(yield("t1", "period"), "[1795824000000,9223372036854775807)");
    assert_string_equal(yield("q1", "url"), "http://example.org/q");
    assert_string_equal(yield("c1", "code"), "|a");
    assert_string_equal(yield("k1", "onset-age"), "35.5<36<36.5s=http://unitsofmeasure.org|a#a");
    r4_buf_clear(&yielded);
}

static void count_reference(void *ctx, struct r4_node *reference)
{
    (*(size_t *)ctx)++;
    assert_int_equal(reference->kind, R4_STRING);
}

static void references_are_found_anywhere(void **state)
{
    r4_doc_reset(doc);
    size_t n = 0;
    r4_references(r4, parse(fixtures[4]), count_reference, &n);
    assert_int_equal(n, 1);
    r4_references(r4, parse(fixtures[3]), count_reference, &n);
    assert_int_equal(n, 4);
}

/* ---- queries ---- */

static struct r4_query query;

static int ask(const char *type, const char *text)
{
    static struct r4_pair pairs[32];
    size_t n;
    fault_clear(&fault);
    assert_int_equal(r4_query_split(doc, text, strlen(text), pairs, 32, &n), 0);
    return r4_query_parse(r4, doc, r4_resource(r4, type, strlen(type)), pairs, n, &query, &fault);
}

static void queries_are_read(void **state)
{
    r4_doc_reset(doc);
    assert_int_equal(ask("Patient", "name=%E5%BC%A0,Li&birthdate=ge1990-01&_sort=-birthdate,_id&_count=20&gender:not=male&_total=accurate&x=1"), 0);
    assert_int_equal(query.count, 20);
    assert_int_equal(query.n_sorts, 2);
    assert_true(query.sorts[0].descending && query.total == R4_TOTAL_ACCURATE);
    assert_int_equal(query.n_unknown, 1);
    const struct r4_term *t = query.terms;
    assert_int_equal(t->n_operands, 2);
    assert_true(r4_str_is(t->operands[1].v.folded, "li"));
    t = t->next;
    assert_int_equal(t->operands[0].prefix, R4_GE);
    assert_int_equal(t->next->modifier, R4_M_NOT);

    assert_int_equal(ask("Observation", "subject:Patient.name=x&patient.organization.name=y&code-value-quantity=http://loinc.org|1$gt5.4||mg&combo-code=a\\,b"), 0);
    t = query.terms;
    assert_string_equal(t->chain->base->name, "Patient");
    assert_null(t->chain->next_target);
    t = t->next;
    assert_string_equal(t->chain->chain->param->code, "name");
    t = t->next;
    assert_int_equal(t->operands[0].v.n_components, 2);
    assert_int_equal(t->operands[0].parts[1].prefix, R4_GT);
    assert_true(r4_str_is(t->operands[0].parts[1].v.code, "mg"));
    assert_true(r4_str_is(t->next->operands[0].v.code, "a,b"));

    assert_int_equal(ask("Patient", "_has:Observation:patient:_has:AuditEvent:entity:agent=Practitioner/1"), 0);
    assert_true(query.terms->reverse && query.terms->chain->reverse);
    assert_string_equal(query.terms->chain->chain->param->code, "agent");
    assert_int_equal(ask("Observation", "_include=Observation:patient&_include:iterate=Patient:organization&_revinclude=Provenance:target:Observation"), 0);
    assert_true(query.includes->next->iterate && query.includes->next->next->reverse);
    assert_int_equal(ask("Observation", "subject.name=x"), 0); /* Patient, Group has none by that name, Device by device-name only */
    assert_non_null(query.terms->chain);
    assert_int_equal(ask("Patient", "identifier:of-type=http://t|NI|12"), 0);
    assert_true(r4_str_is(query.terms->operands[0].v.string, "12"));
    assert_int_equal(ask("Patient", "_lastUpdated=gt2026-11-28T08:00:00+08:00"), 0);
}

static void wrong_queries_name_the_parameter(void **state)
{
    static const char *const wrong[][2] = {{"birthdate=yesterday", "birthdate"}, {"name:above=x", "name:above"}, {"general-practitioner:Clinic=1", "general-practitioner:Clinic"},
                                           {"name.family=x", "name.family"}, {"organization.nonsense=x", "organization.nonsense"}, {"_sort=nonsense", "_sort"},
                                           {"_count=-1", "_count"}, {"_has:Observation:nonsense:code=1", "_has:Observation:nonsense:code"}, {"_has:X:y:z=1", "_has:X:y:z"},
                                           {"_include=Patient:nonsense", "_include"}, {"gender:missing=maybe", "gender:missing"}, {"_summary=some", "_summary"},
                                           {"gender=a,,b", "gender"}, {"_total=all", "_total"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (ask("Patient", wrong[i][0]) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i][0]);
        assert_int_equal(fault.n_fields, 1);
        assert_string_equal(fault.fields[0].path, wrong[i][1]);
    }
    /* Powers of ten that no double holds: the first would be met by every number, of the others the arithmetic has no end. */
    static const char *const beyond[] = {"0e999", "gt0e401", "1e-2147483648", "1.5e-99999999999999999999", "0e9223372036854775807"};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        char text[80];
        snprintf(text, sizeof text, "value-quantity=%s", beyond[i]);
        if (ask("Observation", text) != ERR_INVALID)
            fail_msg("%s was taken", text);
    }
    assert_int_equal(ask("Observation", "value-quantity=1e-300"), 0);
    /* A fault is text whatever was asked: a name is cut between two characters. */
    char longest[200] = "name:"; /* five bytes and threes do not make ninety */
    for (int i = 0; i < 40; i++)
        strcat(longest, "名");
    strcat(longest, "=1");
    assert_int_equal(ask("Patient", longest), ERR_INVALID);
    assert_true(charset_utf8(fault.text, strlen(fault.text)) && charset_utf8(fault.fields[0].path, strlen(fault.fields[0].path)));
    struct r4_pair pairs[2];
    size_t n;
    assert_int_equal(r4_query_split(doc, "a=%b4", 5, pairs, 2, &n), ERR_INVALID);
    assert_int_equal(r4_query_split(doc, "a\xb4=1", 4, pairs, 2, &n), ERR_INVALID);
    assert_int_equal(r4_query_split(doc, "%E5%90%8D=1", 11, pairs, 2, &n), 0);
    assert_int_equal(r4_query_split(doc, "a=%zz", 5, pairs, 2, &n), ERR_INVALID);
    assert_int_equal(r4_query_split(doc, "a=%e", 4, pairs, 2, &n), ERR_INVALID);
    assert_int_equal(r4_query_split(doc, "a=1&b=2&c=3", 11, pairs, 2, &n), ERR_INVALID);
}

static bool matched;

static void try_match(void *ctx, const struct r4_value *v)
{
    const struct r4_term *t = ctx;
    for (size_t i = 0; i < t->n_operands; i++)
        if (v->param == t->param && r4_value_matches(t, &t->operands[i], v))
            matched = true;
}

static bool matches(const char *id, const char *type, const char *text)
{
    if (ask(type, text))
        fail_msg("%s: %s", text, fault.text);
    matched = false;
    struct r4_extract x = {r4, pinyin, NULL, try_match, (void *)(uintptr_t)query.terms};
    for (size_t k = 0; k < n_fixtures; k++) {
        struct r4_node *root = parse(fixtures[k]);
        if (r4_is(r4_get(root, "id"), id))
            assert_int_equal(r4_extract(&x, doc, root), 0);
    }
    return matched;
}

static void values_meet_queries(void **state)
{
    static const char *const yes[][3] = {
        {"p1", "Patient", "name=%E5%BC%A0"}, {"p1", "Patient", "name=zs"}, {"p1", "Patient", "family=MULLER"}, {"p1", "Patient", "name:contains=brien"},
        {"p1", "Patient", "name:exact=%E5%BC%A0%E4%B8%89"}, {"p1", "Patient", "birthdate=1990"}, {"p1", "Patient", "birthdate=lt1990-04"},
        {"p1", "Patient", "birthdate=ge1990-03-07"}, {"p1", "Patient", "gender=male"}, {"p1", "Patient", "gender=http://hl7.org/fhir/administrative-gender|male"},
        {"p1", "Patient", "identifier=urn:oid:2.16.156.112605|"}, {"p1", "Patient", "identifier:of-type=http://terminology.hl7.org/CodeSystem/v2-0203|NI|110101199003074258"},
        {"p1", "Patient", "organization=Organization/o1"}, {"p1", "Patient", "organization=o1"}, {"o1", "Observation", "value-quantity=6.3"},
        {"o1", "Observation", "value-quantity=gt6.2||mmol/l"}, {"o1", "Observation", "value-quantity=ap6|http://unitsofmeasure.org|mmol/L"},
        {"o1", "Observation", "code:text=gluc"}, {"o1", "Observation", "code-value-quantity=15074-8$gt6"}, {"bp", "Observation", "date=2026-11"},
        {"bp", "Observation", "date=sa2026-11-27"}, {"q1", "Questionnaire", "url:below=http://example.org"}, {"q1", "Questionnaire", "url:above=http://example.org/q/1"},
        {"t1", "Task", "patient:identifier=urn:oid:2.16.156.112605|110101199003074258"}};
    static const char *const no[][3] = {
        {"p1", "Patient", "name=%E4%B8%89%E5%BC%A0"}, {"p1", "Patient", "family:exact=muller"}, {"p1", "Patient", "birthdate=1990-03-08"}, {"p1", "Patient", "birthdate=gt1990-03-07"},
        {"p1", "Patient", "gender=|male"}, {"p1", "Patient", "organization=Patient/o1"}, {"o1", "Observation", "value-quantity=6.2"},
        {"o1", "Observation", "value-quantity=6.3||mg"}, {"o1", "Observation", "code-value-quantity=15074-8$lt6"}, {"bp", "Observation", "date=eb2026-11-28"},
        {"q1", "Questionnaire", "url:below=http://example.or"}, {"p1", "Patient", "identifier=NI"}};
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!matches(yes[i][0], yes[i][1], yes[i][2]))
            fail_msg("%s does not meet %s", yes[i][0], yes[i][2]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (matches(no[i][0], no[i][1], no[i][2]))
            fail_msg("%s meets %s", no[i][0], no[i][2]);
}

/* Of one number with a unit: does it meet the query? */
static bool meets(const char *value, const char *unit, const char *asked)
{
    char resource[400], query_text[200];
    struct r4_node *root;
    snprintf(resource, sizeof resource, "{\"resourceType\":\"Observation\",\"id\":\"q\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"valueQuantity\":{\"value\":%s,"
             "\"system\":\"http://unitsofmeasure.org\",\"code\":\"%s\"}}", value, unit);
    snprintf(query_text, sizeof query_text, "value-quantity=%s", asked);
    if (ask("Observation", query_text))
        fail_msg("%s: %s", query_text, fault.text);
    matched = false;
    struct r4_extract x = {r4, pinyin, NULL, try_match, (void *)(uintptr_t)query.terms};
    assert_int_equal(r4_json_parse(doc, resource, strlen(resource), &root, NULL), 0);
    assert_int_equal(r4_extract(&x, doc, root), 0);
    return matched;
}

#define U "|http://unitsofmeasure.org|"
/* search.html#quantity and #prefix: a unit of UCUM is met by every unit of its kind, within what the asked number's digits say; the prefixes ask the number itself. */
static void units_and_precision(void **state)
{
    static const char *const yes[][3] = {
        {"5400", "umol/L", "5.4" U "mmol/L"}, {"5.4", "mmol/L", "5400" U "umol/L"}, {"5350", "umol/L", "5.4" U "mmol/L"}, {"5449", "umol/L", "5.4" U "mmol/L"}, {"97.3", "mg/dL", "0.973" U "g/L"},
        {"0.0054", "mol/L", "5.4" U "mmol/L"}, {"5.4", "mmol/L", "5.40e-3" U "mol/L"}, {"5.4", "mol/m3", "5.4" U "mmol/L"}, {"1", "L", "1000" U "mL"}, {"1.80", "m", "180" U "cm"},
        {"6100", "/uL", "6.1" U "10*3/uL"}, {"6.1", "10*9/L", "6.1" U "10*3/uL"}, {"6.1", "10^9/L", "6.1" U "10*3/uL"}, {"60", "/min", "1" U "Hz"}, {"16", "kPa", "120" U "mm[Hg]"},
        {"98.6", "[degF]", "37.0" U "Cel"}, {"310.15", "K", "37.0" U "Cel"}, {"0", "Cel", "32" U "[degF]"}, {"5", "k[iU]/L", "5" U "[iU]/mL"}, {"50", "%", "0.50" U "1"},
        {"90", "mL/min/{1.73_m2}", "0.09" U "L/min"}, {"7.4", "[pH]", "7.4" U "[pH]"}, {"3", "{fancy}", "3" U "{score}"}, {"60", "U/L", "1.0" U "ukat/L"}, {"5.4", "mmol/L", "5.4"},
        {"5401", "umol/L", "gt5.4" U "mmol/L"}, {"5399", "umol/L", "lt5.4" U "mmol/L"}, {"5400", "umol/L", "ge5.4" U "mmol/L"}, {"5400", "umol/L", "le5.4" U "mmol/L"}, {"32", "[degF]", "ge0" U "Cel"},
        {"5900", "umol/L", "ap5.4" U "mmol/L"}, {"5500", "umol/L", "ne5.4" U "mmol/L"}, {"5401", "umol/L", "sa5.4" U "mmol/L"}, {"5399", "umol/L", "eb5.4" U "mmol/L"}, {"5.35", "mmol/L", "5.4"},
        {"104", "mg", "1e2"}, {"95", "mg", "1e2"}, {"99.5", "mg", "100"}, {"0.0054", "g", "5.40e-3"}, {"0.005395", "g", "5.40e-3"}, {"100.4", "mg", "100"}, {"5.40", "mg", "5.4"}, {"2", "meq", "2000" U "ueq"}};
    static const char *const no[][3] = {
        {"5450", "umol/L", "5.4" U "mmol/L"}, {"5349", "umol/L", "5.4" U "mmol/L"}, {"5.4", "umol/L", "5.4" U "mmol/L"}, {"5400", "umol/L", "gt5.4" U "mmol/L"}, {"5400", "umol/L", "lt5.4" U "mmol/L"},
        {"5400", "umol/L", "sa5.4" U "mmol/L"}, {"5400", "umol/L", "eb5.4" U "mmol/L"}, {"5400", "umol/L", "ne5.4" U "mmol/L"}, {"5400", "mg/L", "ne5.4" U "mmol/L"}, {"97.3", "mg/dL", "5.4" U "mmol/L"},
        {"97.3", "mg/dL", "gt0" U "mmol/L"}, {"5", "[iU]/L", "5" U "U/L"}, {"5", "[CFU]/L", "5" U "[iU]/L"}, {"7.4", "[pH]", "7.4" U "1"}, {"2", "meq", "2" U "mmol"}, {"37", "Cel", "37" U "[degF]"},
        {"32", "[degF]", "gt0" U "Cel"}, {"5.4", "mmol/L", "5.4|http://elsewhere|mmol/L"}, {"5.4", "mmol/L", "5400||umol/L"}, {"6000", "umol/L", "ap5.4" U "mmol/L"}, {"105", "mg", "1e2"},
        {"100.5", "mg", "100"}, {"0.005394", "g", "5.40e-3"}, {"5.45", "mmol/L", "5.4"}, {"5.401", "mmol/L", "le5.4"}, {"5", "mEq", "5" U "meq"}};
    (void)state;
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!meets(yes[i][0], yes[i][1], yes[i][2]))
            fail_msg("%s %s does not meet %s", yes[i][0], yes[i][1], yes[i][2]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (meets(no[i][0], no[i][1], no[i][2]))
            fail_msg("%s %s meets %s", no[i][0], no[i][1], no[i][2]);
}

/* UCUM 2.1, the grammar of terms; every unit of the examples of R4 and of Synthea that is one of UCUM and no logarithm. */
static void units_are_read(void **state)
{
    static const char *const good[] = {
        "mg/dL", "mm[Hg]", "/min", "%", "mmol/L", "10*3/uL", "{score}", "kg", "cm", "g/dL", "fL", "kg/m2", "U/L", "pg", "10*6/uL", "Cel", "mL/min", "kU/L", "ug/mL", "{INR}", "mL/min/{1.73_m2}", "a",
        "{T-score}", "mg/kg", "[lb_av]", "[diop]", "meq", "cal/mL", "[foz_us]", "deg", "b", "cal/[foz_us]", "{#}", "10*12/L", "(m.s)/d", "m.(s/(d.h))", "2.m", "10*-3", "mmol/mol{creat}", "m-1", "m+2", "",
        "[in_i'H2O]", "1", "k[iU]/mL", "{次}/min"};
    static const char *const bad[] = {"[pH]", "pH", "mEq", "ea", "mcg", "ml/hr", "m/", "/", ".m", "m..s", "m(s", "(m", "m)", "{x", "m{x", "kmin", "k[lb_av]", "Cel/min", "Cel2", "/Cel", "[iU].[CFU]", "m 2", "m2.",
                                      "2m", "0", "0.m", "(m)2", "mmin", "((((((((((((m))))))))))))", "Ym99", "m200"};
    struct r4_ucum u;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!r4_ucum_parse((struct r4_str){good[i], strlen(good[i])}, &u))
            fail_msg("%s is a unit", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (r4_ucum_parse((struct r4_str){bad[i], strlen(bad[i])}, &u))
            fail_msg("%s is none", bad[i]);
}

/* An address below ours is one of ours in a query, too; a canonical may be written as a reference. */
static void references_in_other_words(void **state)
{
    static const char plan[] = "{\"resourceType\":\"PlanDefinition\",\"id\":\"pd\",\"status\":\"draft\",\"relatedArtifact\":[{\"type\":\"depends-on\","
                               "\"resource\":\"Library/logic|2\"},{\"type\":\"depends-on\",\"resource\":\"http://example.org/Library/other\"}]}";
    static const char *const asked[] = {"depends-on=Library/logic", "depends-on=logic", "depends-on=http://example.org/Library/other", "depends-on=https://us/fhir/Library/logic"};
    (void)state;
    r4_doc_reset(doc);
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        query.base_url = "https://us/fhir";
        assert_int_equal(ask("PlanDefinition", asked[i]), 0);
        matched = false;
        struct r4_extract x = {r4, pinyin, "https://us/fhir", try_match, (void *)(uintptr_t)query.terms};
        assert_int_equal(r4_extract(&x, doc, parse(plan)), 0);
        if (!matched)
            fail_msg("%s finds nothing", asked[i]);
    }
    query.base_url = NULL;
}

static void dates_are_intervals(void **state)
{
    int64_t low, high;
    assert_true(r4_date_interval("2024-02", 7, 0, &low, &high));
    assert_int_equal((high - low) / 86400000, 29);
    assert_true(r4_date_interval("1969-12-31T23:59:59.9Z", 22, 480, &low, &high));
    assert_int_equal(low, -100);
    assert_int_equal(high, 0);
    assert_false(r4_date_interval("2024-02-30", 10, 0, &low, &high));
    char text[R4_INSTANT_BYTES];
    r4_instant(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(index_values),
        cmocka_unit_test(references_are_found_anywhere),
        cmocka_unit_test(queries_are_read),
        cmocka_unit_test(wrong_queries_name_the_parameter),
        cmocka_unit_test(values_meet_queries), cmocka_unit_test(units_and_precision), cmocka_unit_test(units_are_read),
        cmocka_unit_test(references_in_other_words),
        cmocka_unit_test(dates_are_intervals),
    };
    return cmocka_run_group_tests(tests, r4_fixture_open, r4_fixture_close);
}
