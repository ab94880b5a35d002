/* A county doctor opens a patient referred from a township and sees one timeline: three hospitals' systems wrote it over FHIR (records/fhir/join.c, entries.c). */
#include "tests/story/hospitals.h"

/* ---- what happens ---- */

static void each_patient_is_matched_when_he_is_stored(void **state)
{
    (void)state;
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), 3);
    assert_int_equal(number("SELECT COUNT(DISTINCT person_id) AS n FROM mpi_member"), 1);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM fhir_patient WHERE made=1 AND patient_id>0"), 3);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM audit a JOIN patient p ON p.id=a.patient_id WHERE a.op='fhir.register' AND a.outcome='ok'"), 3);
    json_t *got = world_call(&w, "qian", "patient.search", json_pack("{s:s}", "q", "YL-9"));
    assert_string_equal(text_of(json_array_get(json_object_get(got, "items"), 0), "name"), "王小明");
    json_decref(got);
    assert_int_equal(ask(county, "GET", "/Patient?identifier=urn:his%7CYL-9", NULL), 200);
    assert_non_null(strstr(body, "\"id\":\"c1\""));
}

static void his_own_house_alone_is_open_at_first(void **state)
{
    (void)state;
    look("qian", at_county);
    assert_int_equal(json_array_size(items()), 2);
    from_house("生化", "云岭县人民医院", "云岭 LIS");
    says("生化", "summary", "血糖升高");
    json_t *glucose = json_array_get(items(), 0) == entry("生化") ? json_array_get(items(), 1) : json_array_get(items(), 0);
    assert_string_equal(text_of(glucose, "title"), "葡萄糖"); /* the client sent the code alone */
    says(text_of(glucose, "title"), "value", "7.9");
    says(text_of(glucose, "title"), "range", "3.9-6.1");
    says(text_of(glucose, "title"), "flag", "H");
    under(text_of(glucose, "title"), "生化");
    assert_int_equal(json_array_size(json_object_get(seen, "sources")), 3);
    for (size_t i = 1; i < 3; i++)
        assert_string_equal(text_of(json_array_get(json_object_get(seen, "sources"), i), "basis"), "none");
}

static void nobody_without_a_ground_sees_it(void **state)
{
    (void)state;
    assert_null(world_call(&w, "sun", "patient.timeline", json_pack("{s:s}", "patient_id", at_county)));
    assert_string_equal(w.fault.reason, "not_your_patient");
    assert_null(world_call(&w, "qian", "patient.timeline", json_pack("{s:s}", "patient_id", at_township)));
    assert_string_equal(w.fault.reason, "not_your_patient");
    look("feng", at_city);
    assert_null(titled("生化"));
    assert_null(titled("全科门诊"));
}

static void consent_opens_the_whole_of_it(void **state)
{
    (void)state;
    consent(0, COUNTY);
    look("qian", at_county);
    from_house("全科门诊", "青石镇卫生院", "青石 HIS");
    says("全科门诊", "code", "O");
    says("全科门诊", "who", "张医生");
    under("高血压", "全科门诊");
    says("收缩压", "value", "162");
    says("收缩压", "unit", "mmHg");
    says("收缩压", "flag", "H");
    assert_string_equal(text_of(entry("舒张压"), "message_id"), text_of(entry("收缩压"), "message_id")); /* one moment */
    assert_null(titled("血压"));
    says("氨氯地平片", "value", "5mg 每日一次");
    says("青霉素", "flag", "MO");
    says("青霉素", "value", "皮疹");
    says("流感疫苗", "kind", "immunization");
    from_house("CT 报告", "南江市第一医院", "南江 RIS");
    says("CT 报告", "state", "preliminary");
    says("CT 报告", "who", "冯医生");
    under("头颅 CT 平扫", "CT 报告");
    says("出院小结", "kind", "document");
    says("出院小结", "value", "好转");
    assert_int_equal(json_integer_value(json_object_get(entry("全科门诊"), "t_ms")), 1795136400000);
    assert_null(json_object_get(entry("全科门诊"), "_self"));
    assert_null(json_object_get(entry("高血压"), "codes"));
}

static void pages_and_filters_hold_together(void **state)
{
    (void)state;
    look("qian", at_county);
    size_t all = json_array_size(items()), n = 0;
    json_t *counted = json_object(), *after = NULL, *e;
    for (bool more = true; more;) {
        size_t i;
        json_t *args = json_pack("{s:s,s:i}", "patient_id", at_county, "limit", 3);
        if (after)
            json_object_set(args, "after", after);
        json_decref(after);
        json_t *page = world_call(&w, "qian", "patient.timeline", args);
        json_array_foreach(json_object_get(page, "items"), i, e)
        {
            assert_null(json_object_get(counted, text_of(e, "id")));
            json_object_set_new(counted, text_of(e, "id"), json_true());
            n++;
        }
        after = json_incref(json_object_get(page, "next"));
        more = json_is_string(after);
        json_decref(page);
    }
    json_decref(after);
    json_decref(counted);
    assert_int_equal(n, all);
    json_t *visits = world_call(&w, "qian", "patient.timeline", json_pack("{s:s,s:s,s:o}", "patient_id", at_county, "kind", "encounter", "org_id", json_id(TOWNSHIP)));
    assert_int_equal(json_array_size(json_object_get(visits, "items")), 1);
    json_decref(visits);
}

static size_t asked(const char *patient, json_t *more)
{
    json_t *args = json_pack("{s:s}", "patient_id", patient);
    json_object_update(args, more);
    json_decref(more);
    json_decref(seen);
    seen = world_call(&w, "qian", "patient.timeline", args);
    if (!seen)
        fail_msg("%s %s", w.fault.reason, w.fault.text);
    return json_array_size(items());
}

static void a_page_shows_what_is_asked_for(void **state)
{
    (void)state;
    size_t all = asked(at_county, json_object());
    assert_int_equal(asked(at_county, json_pack("{s:s}", "q", "葡萄糖")), 2); /* the value and its report */
    under("葡萄糖", "生化");
    assert_int_equal(asked(at_county, json_pack("{s:s}", "q", "生化")), 2); /* the report with its values */
    assert_int_equal(asked(at_county, json_pack("{s:s}", "q", "ＣＴ")), 2); /* full-width, in two titles */
    assert_int_equal(asked(at_county, json_pack("{s:s}", "q", "张医生")), 2); /* the visit with its diagnosis */
    assert_int_equal(asked(at_county, json_pack("{s:s}", "q", "没有这个")), 0);
    assert_int_equal(asked(at_county, json_pack("{s:b}", "abnormal", 1)), 3); /* glucose in its report, systolic pressure */
    entry("收缩压");
    assert_null(titled("舒张压"));
    assert_int_equal(asked(at_county, json_pack("{s:s}", "item", "http://loinc.org|14749-6")), 1);
    assert_int_equal(asked(at_county, json_pack("{s:s}", "item", "舒张压")), 1); /* it has no code */
    assert_int_equal(asked(at_county, json_pack("{s:I,s:I}", "from_ms", (json_int_t)1795190400000, "until_ms", (json_int_t)1795276800000)), 2); /* 21 November */
    size_t before = asked(at_county, json_pack("{s:I}", "until_ms", (json_int_t)1795190400000)), after = asked(at_county, json_pack("{s:I}", "from_ms", (json_int_t)1795190400000));
    assert_int_equal(before + after, all);
    json_t *years = json_object_get(json_object_get(seen, "facets"), "years");
    assert_int_equal(json_array_size(years), 1);
    assert_string_equal(text_of(json_array_get(years, 0), "value"), "2026");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(years, 0), "count")), all); /* of all, whatever was asked for */
    assert_null(world_call(&w, "qian", "patient.timeline", json_pack("{s:s,s:I,s:I}", "patient_id", at_county, "from_ms", (json_int_t)2, "until_ms", (json_int_t)1)));
    size_t i;
    json_t *one, *mine = NULL;
    json_array_foreach(json_object_get(seen, "systems"), i, one) if (strcmp(text_of(one, "name"), "云岭 LIS") == 0) mine = one;
    assert_non_null(mine); /* until when the data go */
    assert_int_equal(strlen(text_of(mine, "day")), 10);
    assert_true(json_integer_value(json_object_get(mine, "last_ms")) > 0);
    assert_false(json_is_true(json_object_get(mine, "late")));
}

/* qian is a doctor: by consent he reaches level 3, a sensitive entry is 4. */
static void what_is_sensitive_is_masked(void **state)
{
    (void)state;
    keep(township, "Encounter", "tf", OF("t1") "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"type\":[{\"text\":\"心理门诊\"}],\"period\":{\"start\":\"2026-11-10T09:00:00+08:00\"}");
    keep(township, "Condition", "tg", OF("t1") IN("tf") "\"code\":{\"coding\":[{\"system\":\"http://hl7.org/fhir/sid/icd-10\",\"code\":\"F32.1\"}],\"text\":\"抑郁发作\"},\"recordedDate\":\"2026-11-10\"");
    keep(township, "MedicationRequest", "tn", OF("t1") IN("tf") "\"status\":\"active\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"text\":\"舍曲林\"},\"authoredOn\":\"2026-11-10\"");
    keep(township, "Procedure", "tp", OF("t1") "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-Confidentiality\",\"code\":\"R\"}]},\"status\":\"completed\","
                                              "\"code\":{\"text\":\"清创\"},\"performedDateTime\":\"2026-11-09\"");
    look("qian", at_county);
    assert_null(titled("心理门诊"));
    assert_null(titled("抑郁发作"));
    assert_null(titled("舍曲林"));
    assert_null(titled("清创"));
    size_t i, masked = 0;
    json_t *e;
    json_array_foreach(items(), i, e) if (json_is_true(json_object_get(e, "masked")))
    {
        masked++;
        assert_null(json_object_get(e, "code"));
        assert_null(json_object_get(e, "value"));
        assert_string_equal(text_of(json_object_get(e, "org"), "name"), "青石镇卫生院");
    }
    assert_int_equal(masked, 4);
    look("zhang", at_township); /* his own house's doctor */
    entry("抑郁发作");
    entry("清创");
}

static void what_changes_is_seen_as_it_is_now(void **state)
{
    (void)state;
    keep(county, "Observation", "co", OF("c1") "\"status\":\"corrected\",\"code\":{\"text\":\"血糖\"},\"effectiveDateTime\":\"2026-11-21T08:00:00+08:00\",\"valueQuantity\":{\"value\":5.1,\"unit\":\"mmol/L\"}");
    look("qian", at_county);
    says("血糖", "value", "5.1");
    says("血糖", "state", "corrected");
    assert_int_equal(how_many("observation"), 3);
    keep(county, "Observation", "co", OF("c1") "\"status\":\"entered-in-error\",\"code\":{\"text\":\"血糖\"},\"effectiveDateTime\":\"2026-11-21T08:00:00+08:00\"");
    assert_int_equal(ask(township, "DELETE", "/Immunization/ti", NULL), 204);
    keep(township, "Condition", "tc", OF("t1") IN("te") "\"verificationStatus\":{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/condition-ver-status\",\"code\":\"refuted\"}]},\"code\":{\"text\":\"高血压\"},\"recordedDate\":\"2026-11-20\"");
    look("qian", at_county);
    assert_null(titled("血糖"));
    assert_null(titled("流感疫苗"));
    assert_null(titled("高血压"));
    keep(city, "DiagnosticReport", "nr", OF("n1") "\"status\":\"amended\",\"code\":{\"text\":\"CT 报告\"},\"effectiveDateTime\":\"2026-11-22T10:30:00+08:00\",\"conclusion\":\"未见出血\"");
    look("qian", at_county);
    says("CT 报告", "summary", "未见出血");
    says("CT 报告", "state", "amended");
}

/* The county's laboratory sends messages and writes over FHIR. */
static void a_report_sent_by_two_doors_is_told_once(void **state)
{
    (void)state;
    write_sql("INSERT INTO exchange_source (id, org_id, name, application, facility, address, certificate, map, assume, accept_dead, may_ask, enabled, created_ms, changed_ms) VALUES "
              "(8001,%d,'云岭 LIS v2','LIS','YL','','','hl7v2','none',0,0,1,1,1)", COUNTY);
    keep(county, "Observation", "co", OF("c1") "\"status\":\"final\"," LOINC("14749-6", "血糖") AT("08:00:00") IS("5.10", "mmol/L"));
    keep(county, "Observation", "ck", OF("c1") "\"status\":\"final\"," LOINC("2823-3", "钾") AT("08:00:00") IS("4.0", "mmol/L"));
    keep(county, "DiagnosticReport", "cr", OF("c1") "\"identifier\":[{\"value\":\"LIS-1\"}],\"status\":\"final\",\"code\":{\"text\":\"生化\"},\"effectiveDateTime\":\"2026-11-21T08:00:00+08:00\","
                                                    "\"conclusion\":\"血糖正常\",\"result\":[{\"reference\":\"Observation/co\"},{\"reference\":\"Observation/ck\"}]");
    message_said(8101, "report", "生化（消息）", "", "", "1795219500000", "LIS-1", "");
    message_said(8102, "observation", "GLU", "14749-6", "mmol/l", "1795219500000", "", ",\"value\":\"5.1\",\"range\":\"3.9-6.1\"");
    look("qian", at_county);
    assert_null(titled("生化"));
    assert_null(titled("血糖"));
    from_house("生化（消息）", "云岭县人民医院", "云岭 LIS v2");
    also_from("生化（消息）", "云岭 LIS");
    says("生化（消息）", "summary", "血糖正常"); /* what the message does not say */
    also_from("GLU", "云岭 LIS"); /* another minute, but in the same report */
    says("GLU", "value", "5.1");
    under("钾", "生化（消息）"); /* the message did not bring it: it is not lost */
    assert_null(json_object_get(entry("钾"), "also"));
    assert_null(json_object_get(entry("GLU"), "key"));
    assert_null(json_object_get(entry("钾"), "from"));
    keep(county, "DiagnosticReport", "cr", OF("c1") "\"identifier\":[{\"value\":\"LIS-2\"}],\"status\":\"final\",\"code\":{\"text\":\"生化\"},\"effectiveDateTime\":\"2026-11-21T08:00:00+08:00\","
                                                    "\"result\":[{\"reference\":\"Observation/co\"}]");
    look("qian", at_county);
    entry("生化（消息）");
    under("血糖", "生化"); /* of another report, at another minute */
}

static void a_loose_value_is_told_once(void **state)
{
    (void)state;
    message_said(8103, "observation", "尿酸", "14933-6", "μmol/L", "1795222800000", "", ",\"value\":\"420\"");
    keep(county, "Observation", "cu", OF("c1") "\"status\":\"final\"," LOINC("14933-6", "血尿酸") AT("09:00:30") IS("420.0", "umol/L"));
    look("qian", at_county);
    assert_null(titled("血尿酸"));
    also_from("尿酸", "云岭 LIS");
    assert_int_equal(number("SELECT COUNT(*) AS n FROM fhir_resource WHERE type='Observation' AND name='cu' AND deleted=0"), 1); /* the store keeps both */
    keep(county, "Observation", "cu", OF("c1") "\"status\":\"corrected\"," LOINC("14933-6", "血尿酸") AT("09:00:30") IS("402", "umol/L")); /* put right by one door */
    look("qian", at_county);
    says("尿酸", "value", "420");
    says("血尿酸", "value", "402");
    keep(county, "Observation", "cu", OF("c1") "\"status\":\"final\"," LOINC("14933-7", "尿酸") AT("09:00:30") IS("420", "umol/L")); /* another item under one name */
    look("qian", at_county);
    assert_int_equal(how_many_titled("尿酸"), 2);
    keep(county, "Observation", "cu", OF("c1") "\"status\":\"final\"," LOINC("14933-6", "血尿酸") AT("09:01:00") IS("420", "umol/L")); /* measured twice */
    look("qian", at_county);
    entry("血尿酸");
    keep(city, "Observation", "cu2", OF("n1") "\"status\":\"final\"," LOINC("14933-6", "尿酸（南江）") AT("09:00:00") IS("420", "umol/L")); /* by another house */
    look("qian", at_county);
    entry("尿酸（南江）");
    assert_null(json_object_get(entry("尿酸"), "also"));
    assert_int_equal(ask(county, "DELETE", "/Observation/cu", NULL), 204);
    assert_int_equal(ask(city, "DELETE", "/Observation/cu2", NULL), 204);
}

/* One copy says how sensitive it is, the other does not. */
static void what_two_doors_told_is_as_sensitive_as_both(void **state)
{
    (void)state;
    message_said(8104, "observation", "HIV抗体", "7917-8", "", "1795226400000", "", ",\"value\":\"阴性\"");
    consent(COUNTY, CITY);
    look("feng", at_city);
    entry("HIV抗体");
    keep(county, "Observation", "ch", OF("c1") "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-Confidentiality\",\"code\":\"V\"}]},\"status\":\"final\","
                                               LOINC("7917-8", "HIV 抗体") AT("10:00:00") "\"valueString\":\"阴性\"");
    look("feng", at_city);
    assert_null(titled("HIV抗体"));
    assert_null(titled("HIV 抗体"));
    look("qian", at_county); /* his own house's */
    also_from("HIV抗体", "云岭 LIS");
}

/* The person of the index under his own name: who found him by $match writes to that. */
static void what_is_written_of_a_person_of_the_index_is_his(void **state)
{
    (void)state;
    char subject[120], whole[600];
    uint64_t person = (uint64_t)number("SELECT MIN(person_id) AS n FROM mpi_member");
    snprintf(subject, sizeof subject, "\"subject\":{\"reference\":\"Patient/mpi-%016llx\"},", (unsigned long long)person);
    snprintf(whole, sizeof whole, "%s\"status\":\"completed\",\"code\":{\"text\":\"颈动脉支架\"},\"performedDateTime\":\"2026-11-22\"", subject);
    keep(city, "Procedure", "np", whole);
    look("zhang", at_township); /* his record was the first: the person is called by it */
    from_house("颈动脉支架", "南江市第一医院", "南江 RIS");
    look("feng", at_city); /* the township's record is closed to him, what his own house sent into it is not */
    entry("颈动脉支架");
    assert_false(json_is_true(json_object_get(entry("颈动脉支架"), "linked")));
    assert_null(titled("全科门诊"));
}

/* decisions/0035: the author's, alone, and only the author's. */
static void what_a_house_wrote_stays_its_own(void **state)
{
    (void)state;
    keep(city, "Observation", "own1", OF("t1") "\"status\":\"final\"," LOINC("2823-3", "南江血钾") AT("11:00:00") IS("3.9", "mmol/L"));
    keep(consortium, "Observation", "own2", OF("t1") "\"status\":\"final\",\"performer\":[{\"identifier\":{\"system\":\"urn:yilian:org\",\"value\":\"c30\"}}]," LOINC("2951-2", "南江血钠") AT("11:00:00") IS("139", "mmol/L"));
    keep(consortium, "Observation", "own3", OF("t1") "\"status\":\"final\",\"performer\":[{\"identifier\":{\"system\":\"urn:yilian:org\",\"value\":\"c15\"}}]," LOINC("2951-2", "白河血钠") AT("11:00:00") IS("138", "mmol/L"));
    assert_int_equal(ask(city, "PATCH", "/Encounter/te", "[{\"op\":\"add\",\"path\":\"/type/0/text\",\"value\":\"改过的门诊\"}]"), 200);
    forbid(CITY);
    look("feng", at_city);
    from_house("南江血钾", "南江市第一医院", "南江 RIS");
    from_house("南江血钠", "南江市第一医院", "区域平台");
    assert_null(titled("白河血钠"));
    assert_null(titled("全科门诊")); /* nothing else of that record, nor whose it is */
    assert_string_equal(text_of(entry("南江血钾"), "patient_id"), at_city);
    assert_false(json_is_true(json_object_get(entry("南江血钾"), "linked")));
    assert_null(world_call(&w, "feng", "patient.timeline", json_pack("{s:s}", "patient_id", at_township)));
    assert_null(world_call(&w, "sun", "patient.timeline", json_pack("{s:s}", "patient_id", at_township))); /* he keeps no record: no timeline to see it on */
    assert_int_equal(ask(city, "PATCH", "/Encounter/te", "[{\"op\":\"add\",\"path\":\"/type/0/text\",\"value\":\"再改的门诊\"}]"), 404);
    look("feng", at_city);
    assert_null(titled("改过的门诊")); /* who mends a place has not written it */
    look("zhang", at_township);
    from_house("改过的门诊", "青石镇卫生院", "青石 HIS");
    keep(township, "Encounter", "te", OF("t1") "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"type\":[{\"text\":\"全科门诊\"}],\"period\":{\"start\":\"2026-11-20T09:00:00+08:00\"}");
    keep(township, "Observation", "own1", OF("t1") "\"status\":\"final\"," LOINC("2823-3", "青石血钾") AT("11:00:00") IS("4.9", "mmol/L")); /* another's word in its place */
    look("feng", at_city);
    assert_null(titled("南江血钾"));
    assert_null(titled("青石血钾"));
    write_sql("INSERT INTO mpi_task (id, patient_id, other_id, odds_milli, why, state, created_ms, act_id, reported_by) SELECT 9902, t.id, n.id, 0, 'conflict', 'open', 1, 0, 0 FROM patient t, patient n "
              "WHERE t.org_id=%d AND n.org_id=%d", TOWNSHIP, CITY);
    look("feng", at_city);
    assert_null(titled("南江血钠")); /* it may be somebody else's */
    write_sql("DELETE FROM mpi_task WHERE id=%d", 9902);
    look("feng", at_city);
    entry("南江血钠");
}

static void the_record_follows_its_own_house(void **state)
{
    (void)state;
    keep(county, "Patient", "c1", WHO("YL-9") ",\"telecom\":[{\"system\":\"phone\",\"value\":\"13812345678\"}]");
    assert_int_equal(number("SELECT version FROM patient WHERE org_id=%d AND local_number='YL-9'", COUNTY), 2);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), 3);
    keep(city, "Patient", "c1", WHO("YL-9") ",\"telecom\":[{\"system\":\"phone\",\"value\":\"13900000000\"}]"); /* another's word */
    assert_int_equal(number("SELECT version FROM patient WHERE org_id=%d AND local_number='YL-9'", COUNTY), 2);
    keep(county, "Patient", "c1", WHO("YL-9") ",\"telecom\":[{\"system\":\"phone\",\"value\":\"13812345678\"}]"); /* nothing new in it */
    assert_int_equal(number("SELECT version FROM patient WHERE org_id=%d AND local_number='YL-9'", COUNTY), 2);
}

static void a_registered_patient_is_found_by_the_houses_number(void **state)
{
    (void)state;
    json_t *p = world_call(&w, "zhang", "patient.create", world_json("{\"name\":\"李云\",\"sex\":\"female\",\"birth_date\":\"1991-01-02\",\"local_number\":\"QS-88\"}"));
    assert_non_null(p);
    json_decref(p);
    int64_t before = number("SELECT COUNT(*) AS n FROM patient");
    keep(township, "Patient", "t2", "\"identifier\":[{\"system\":\"urn:yilian:patients:c10\",\"value\":\"QS-88\"}],\"name\":[{\"text\":\"李芸\"}]");
    keep(township, "Observation", "t2o", OF("t2") "\"status\":\"final\",\"code\":{\"text\":\"体温\"},\"effectiveDateTime\":\"2026-11-20T10:00:00+08:00\",\"valueQuantity\":{\"value\":36.6,\"unit\":\"Cel\"}");
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), before);
    char id[ID_TEXT_BYTES];
    local(TOWNSHIP, "QS-88", id);
    look("zhang", id);
    says("体温", "value", "36.6");
    keep(county, "Patient", "c2", "\"identifier\":[{\"system\":\"urn:yilian:patients:c10\",\"value\":\"QS-88\"}],\"name\":[{\"text\":\"李芸\"}]"); /* the township's number is not the county's to give */
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), before + 1);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient WHERE name='李云'"), 1);
}

static void a_transaction_registers_whom_it_brings(void **state)
{
    (void)state;
    int64_t before = number("SELECT COUNT(*) AS n FROM patient");
    assert_int_equal(ask(county, "POST", "/",
                         "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":["
                         "{\"fullUrl\":\"urn:uuid:1\",\"resource\":{\"resourceType\":\"Patient\",\"identifier\":[{\"system\":\"urn:his\",\"value\":\"YL-50\"}],\"name\":[{\"text\":\"赵六\"}],\"gender\":\"male\","
                         "\"birthDate\":\"1977\"},\"request\":{\"method\":\"POST\",\"url\":\"Patient\"}},"
                         "{\"resource\":{\"resourceType\":\"Observation\",\"status\":\"final\",\"code\":{\"text\":\"心率\"},\"subject\":{\"reference\":\"urn:uuid:1\"},\"effectiveDateTime\":\"2026-11-20T10:00:00+08:00\","
                         "\"valueQuantity\":{\"value\":72,\"unit\":\"/min\"}},\"request\":{\"method\":\"POST\",\"url\":\"Observation\"}}]}"), 200);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), before + 1);
    char id[ID_TEXT_BYTES];
    local(COUNTY, "YL-50", id);
    look("qian", id);
    says("心率", "value", "72");
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient WHERE local_number='YL-50' AND birth_date='1977-01-01'"), 1);
}

static void whose_he_is_the_consortiums_client_must_say(void **state)
{
    (void)state;
    int64_t before = number("SELECT COUNT(*) AS n FROM patient");
    keep(consortium, "Patient", "x1", WHO("X-1"));
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), before);
    keep(consortium, "Patient", "x1", WHO("X-1") ",\"managingOrganization\":{\"identifier\":{\"system\":\"urn:yilian:org\",\"value\":\"c15\"}}");
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient WHERE org_id=15 AND local_number='X-1'"), 1);
    keep(consortium, "Encounter", "xe", OF("x1") "\"status\":\"finished\",\"class\":{\"code\":\"IMP\"},\"type\":[{\"text\":\"内科住院\"}],\"period\":{\"start\":\"2026-11-01\"}");
    char id[ID_TEXT_BYTES];
    local(15, "X-1", id);
    look("sun", id);
    from_house("内科住院", "白河镇卫生院", "区域平台");
}

static void those_stored_before_are_taken_in_later(void **state)
{
    (void)state;
    int64_t pkey = number("SELECT pkey FROM fhir_name WHERE type='Patient' AND name='c1'"), before = number("SELECT COUNT(*) AS n FROM patient");
    write_sql("UPDATE fhir_patient SET patient_id=0, made=0 WHERE pkey=%lld", (long long)pkey);
    write_sql("UPDATE patient SET local_number='gone' WHERE org_id=%d AND local_number='YL-9'", COUNTY);
    fhir_background(w.r, w.now_ms);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM patient"), before + 1);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM fhir_patient WHERE patient_id=0"), 0);
    assert_int_equal(number("SELECT COUNT(*) AS n FROM audit a JOIN patient p ON p.id=a.patient_id WHERE a.op='fhir.register' AND p.local_number='YL-9'"), 1);
    local(COUNTY, "YL-9", at_county);
    look("qian", at_county);
    entry("生化");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_patient_is_matched_when_he_is_stored),
        cmocka_unit_test(his_own_house_alone_is_open_at_first),
        cmocka_unit_test(nobody_without_a_ground_sees_it),
        cmocka_unit_test(consent_opens_the_whole_of_it),
        cmocka_unit_test(pages_and_filters_hold_together),
        cmocka_unit_test(a_page_shows_what_is_asked_for),
        cmocka_unit_test(what_is_sensitive_is_masked),
        cmocka_unit_test(what_changes_is_seen_as_it_is_now),
        cmocka_unit_test(a_report_sent_by_two_doors_is_told_once),
        cmocka_unit_test(a_loose_value_is_told_once),
        cmocka_unit_test(what_two_doors_told_is_as_sensitive_as_both),
        cmocka_unit_test(what_is_written_of_a_person_of_the_index_is_his),
        cmocka_unit_test(what_a_house_wrote_stays_its_own),
        cmocka_unit_test(the_record_follows_its_own_house),
        cmocka_unit_test(a_registered_patient_is_found_by_the_houses_number),
        cmocka_unit_test(a_transaction_registers_whom_it_brings),
        cmocka_unit_test(whose_he_is_the_consortiums_client_must_say),
        cmocka_unit_test(those_stored_before_are_taken_in_later),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
