/* Our own objects as HL7 v2.5.1 messages (records/outgoing/er7.h): what we write is read by our own parser, field by field; what a receiver answers is understood and
 * says nothing of the patient. */
#include "records/outgoing/er7.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char patient[] =
    "{\"resourceType\":\"Patient\",\"id\":\"mpi-00000000000000aa\",\"meta\":{\"lastUpdated\":\"2026-11-27T16:30:00.000Z\"},\"identifier\":["
    "{\"type\":{\"coding\":[{\"code\":\"MR\"}]},\"system\":\"urn:yilian:patients:YLX1\",\"value\":\"Z^77\"},"
    "{\"type\":{\"coding\":[{\"code\":\"PI\"}]},\"system\":\"urn:oid:1.2.156.7\",\"value\":\"900101\"},"
    "{\"type\":{\"coding\":[{\"code\":\"PI\"}]},\"system\":\"urn:yilian:domain:LIS\",\"value\":\"L1\"},"
    "{\"type\":{\"coding\":[{\"code\":\"NI\"}]},\"system\":\"urn:oid:2.16.156.10011.1.3\",\"_value\":{}}],"
    "\"name\":[{\"text\":\"欧阳若楠\",\"family\":\"欧阳\",\"given\":[\"若楠\"]}],\"gender\":\"female\",\"birthDate\":\"1980-05\",\"address\":[{\"text\":\"云岭县|一街&二号\"}]}";
static const char request[] =
    "{\"resourceType\":\"ServiceRequest\",\"id\":\"case-00000000000000c1\",\"meta\":{\"lastUpdated\":\"2026-11-28T01:00:00.000Z\",\"versionId\":\"3.ab\"},"
    "\"identifier\":[{\"value\":\"HZ20261128-001\"}],\"status\":\"%s\",\"priority\":\"urgent\",\"code\":{\"coding\":[{\"system\":\"urn:yilian:case-kind\",\"code\":\"interactive\"}],"
    "\"text\":\"交互式远程会诊\"},\"authoredOn\":\"2026-11-28T00:30:00.000Z\",\"requester\":{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"00000000000000d1\"},"
    "\"display\":\"张医生\"},\"performer\":[{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"00000000000000d2\"},\"display\":\"钱教授\"},{\"type\":\"Organization\","
    "\"identifier\":{\"value\":\"SY01\"},\"display\":\"省医院\"}],\"reasonCode\":[{\"coding\":[{\"system\":\"urn:yilian:codesystem:icd10-nhsa\",\"code\":\"I63.900\"}],"
    "\"text\":\"脑梗死\"},{\"text\":\"高血压\"}],\"note\":[{\"text\":\"是否溶栓?\\n何时转诊~\"}]}";
static const char task[] =
    "{\"resourceType\":\"Task\",\"id\":\"task-00000000000000c1\",\"meta\":{\"lastUpdated\":\"2026-11-28T03:00:00.000Z\"},\"identifier\":[{\"value\":\"HZ20261128-001\"}],"
    "\"status\":\"%s\",\"priority\":\"stat\",\"businessStatus\":{\"coding\":[{\"code\":\"OPINION_SIGNED\",\"display\":\"Opinion signed\"}],\"text\":\"意见已签发\"},"
    "\"requester\":{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"00000000000000d1\"},\"display\":\"张医生\"},\"owner\":{\"type\":\"Practitioner\","
    "\"identifier\":{\"value\":\"00000000000000d2\"},\"display\":\"钱教授\"},\"lastModified\":\"2026-11-28T03:00:00.000Z\",\"output\":["
    "{\"type\":{\"coding\":[{\"code\":\"findings\"}]},\"valueString\":\"左侧肢体无力|3小时\\\\n\\n二线\"},"
    "{\"type\":{\"coding\":[{\"code\":\"diagnosis\"}]},\"valueCodeableConcept\":{\"coding\":[{\"system\":\"urn:yilian:codesystem:icd10-nhsa\",\"code\":\"I63.900\"}],\"text\":\"脑梗死\"}},"
    "{\"type\":{\"coding\":[{\"code\":\"answer\"}]},\"valueString\":\"不溶栓\"},{\"type\":{\"coding\":[{\"code\":\"recommendation\"}]},\"valueString\":\"双抗21天\"},"
    "{\"type\":{\"coding\":[{\"code\":\"recommendation\"}]},\"valueString\":\"复查\"},{\"type\":{\"coding\":[{\"code\":\"transfer-advised\"}]},\"valueBoolean\":true},"
    "{\"type\":{\"coding\":[{\"code\":\"signed-by\"}]},\"valueReference\":{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"00000000000000d2\"},\"display\":\"钱教授\"}},"
    "{\"type\":{\"coding\":[{\"code\":\"signed-at\"}]},\"valueInstant\":\"2026-11-28T02:50:00.000Z\"}]}";
static const char appointment[] =
    "{\"resourceType\":\"Appointment\",\"id\":\"appt-00000000000000c1\",\"identifier\":[{\"value\":\"HZ20261128-001\"}],\"status\":\"%s\",\"priority\":3,"
    "\"start\":\"2026-11-29T01:00:00.000Z\",\"end\":\"2026-11-29T01:30:00.000Z\",\"minutesDuration\":30,\"participant\":[{\"actor\":{\"reference\":"
    "\"Patient/mpi-00000000000000aa\"}},{\"actor\":{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"00000000000000d1\"},\"display\":\"张医生\"}},{\"actor\":"
    "{\"type\":\"Practitioner\",\"identifier\":{\"value\":\"00000000000000d2\"},\"display\":\"钱教授\"}}]}";

static struct {
    struct hl7_writer text;
    struct hl7_message m;
    bool open;
} made;
static struct er7_to to = {.application = "HIS", .facility = "云岭县医院", .charset = HL7_UTF8};

static void forget(void)
{
    if (made.open) hl7_fini(&made.m);
    hl7_writer_fini(&made.text);
    made.open = false;
}

static int stop(void **state)
{
    (void)state;
    forget();
    to.charset = HL7_UTF8;
    return 0;
}

static void make(const char *type, bool report, enum er7_act act, const char *body, const char *name)
{
    struct fault f = {0};
    json_t *b = json_loads(body, 0, NULL), *p = json_loads(patient, 0, NULL);
    assert_non_null(b);
    struct er7_thing t = {.type = type, .report = report, .act = act, .control = "0a1b2c3d-17", .name = name, .seq = 17, .before = act == ER7_NEW ? 0 : 9,
                          .now_ms = 1764320000000, .body = b, .patient = p};
    forget();
    assert_int_equal(er7_compose(&t, &to, &made.text), 0);
    json_decref(b);
    json_decref(p);
    assert_int_equal(hl7_parse(&made.m, made.text.bytes, made.text.len, HL7_LATIN1, &f), 0);
    made.open = true;
}

static void made_of(const char *type, bool report, enum er7_act act, const char *form, const char *status)
{
    char body[6000];
    snprintf(body, sizeof body, form, status);
    make(type, report, act, body, type[0] == 'S' ? "case-00000000000000c1" : type[0] == 'T' ? "task-00000000000000c1" : "appt-00000000000000c1");
}

static void is(const char *path, const char *want)
{
    char got[600];
    hl7_text_at(&made.m, path, got, sizeof got);
    if (strcmp(got, want)) fail_msg("%s is \"%s\", not \"%s\"", path, got, want);
}

static void raw_is(const char *path, const char *want)
{
    struct hl7_span s = hl7_at(&made.m, path);
    if (s.len != strlen(want) || memcmp(s.at ? s.at : "", want, s.len)) fail_msg("%s is \"%.*s\", not \"%s\"", path, (int)s.len, s.at, want);
}

static void segments_are(const char *want)
{
    char got[400] = "";
    for (size_t i = 0; i < made.m.n; i++) snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.3s", i ? " " : "", made.m.segments[i].name.at);
    assert_string_equal(got, want);
}

static void a_person(void **state)
{
    (void)state;
    make("Patient", false, ER7_NEW, patient, "mpi-00000000000000aa");
    segments_are("MSH EVN PID PV1");
    is("MSH-3", "YILIAN");
    is("MSH-5", "HIS");
    is("MSH-6", "云岭县医院");
    raw_is("MSH-9", "ADT^A28^ADT_A05");
    is("MSH-10", "0a1b2c3d-17");
    is("MSH-11", "P");
    is("MSH-12", "2.5.1");
    is("MSH-17", "CHN");
    is("MSH-18", "UNICODE UTF-8");
    assert_true(hl7_empty(hl7_at(&made.m, "MSH-13")) && hl7_empty(hl7_at(&made.m, "MSH-15")) && hl7_empty(hl7_at(&made.m, "MSH-16")));
    is("EVN-2", "20261128003000.000+0800"); /* the change, in Chinese time */
    raw_is("PID-3", "mpi-00000000000000aa^^^YILIAN^PI~Z\\S\\77^^^YLX1^MR~900101^^^&1.2.156.7&ISO^PI~L1^^^LIS^PI"); /* no number that is masked */
    is("PID-3(2).1", "Z^77");
    is("PID-5.1", "欧阳");
    is("PID-5.2", "若楠");
    is("PID-5.7", "L");
    is("PID-5.8", "I");
    is("PID-7", "198005");
    is("PID-8", "F");
    is("PID-11.1", "云岭县|一街&二号");
    raw_is("PID-11", "云岭县\\F\\一街\\T\\二号");
    make("Patient", false, ER7_CHANGED, patient, "mpi-00000000000000aa");
    raw_is("MSH-9", "ADT^A31^ADT_A05");
    make("Patient", false, ER7_JOINED, patient, "mpi-00000000000000bb");
    segments_are("MSH EVN PID MRG");
    raw_is("MSH-9", "ADT^A40^ADT_A39");
    raw_is("MRG-1", "mpi-00000000000000bb^^^YILIAN^PI");
    is("PID-3.1", "mpi-00000000000000aa");
}

static void a_consultation_asked_for(void **state)
{
    (void)state;
    made_of("ServiceRequest", false, ER7_NEW, request, "active");
    segments_are("MSH RF1 PRD PRD PRD PID DG1 DG1 NTE");
    raw_is("MSH-9", "REF^I12^REF_I12");
    is("RF1-1.1", "P");
    is("RF1-2.1", "A");
    is("RF1-3.1", "interactive");
    is("RF1-3.2", "交互式远程会诊");
    is("RF1-4.1", "WR");
    raw_is("RF1-6", "HZ20261128-001^YILIAN");
    is("RF1-7", "20261128083000.000+0800");
    is("RF1-10.1", "S");
    is("PRD-1.1", "RP");
    is("PRD-2.1", "张医生");
    is("PRD[2]-1.1", "RT");
    is("PRD[2]-7.1", "00000000000000d2");
    is("PRD[3]-4.4", "SY01");
    is("PRD[3]-4.9", "省医院");
    raw_is("DG1-3", "I63.900^脑梗死^I10");
    raw_is("DG1[2]-3", "^高血压");
    is("DG1-6", "W");
    raw_is("NTE-3", "是否溶栓?\\.br\\何时转诊\\R\\");
    is("NTE-4.1", "question");
    made_of("ServiceRequest", false, ER7_CHANGED, request, "completed");
    raw_is("MSH-9", "REF^I13^REF_I12");
    is("RF1-1.1", "A");
    made_of("ServiceRequest", false, ER7_CHANGED, request, "revoked");
    raw_is("MSH-9", "REF^I14^REF_I12");
    is("RF1-1.1", "R");
}

static void how_far_it_is(void **state)
{
    static const char *const states[][2] = {{"requested", "P"}, {"accepted", "A"}, {"in-progress", "A"}, {"rejected", "R"}, {"failed", "E"}, {"on-hold", "P"}};
    (void)state;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        made_of("Task", false, i ? ER7_CHANGED : ER7_NEW, task, states[i][0]);
        is("RF1-1.1", states[i][1]);
    }
    segments_are("MSH RF1 PRD PRD PID NTE"); /* nothing of the opinion */
    raw_is("MSH-9", "RRI^I12^RRI_I12");
    is("RF1-9", "20261128110000.000+0800");
    is("PRD[2]-2.1", "钱教授");
    is("NTE-3", "意见已签发");
    raw_is("NTE-4", "OPINION_SIGNED^Opinion signed^99YILIAN");
}

static void an_opinion(void **state)
{
    (void)state;
    made_of("Task", true, ER7_NEW, task, "completed");
    segments_are("MSH EVN PID PV1 TXA OBX OBX OBX OBX OBX OBX");
    raw_is("MSH-9", "MDM^T02^MDM_T02");
    is("TXA-2.1", "CN");
    is("TXA-3", "TX");
    is("TXA-4", "20261128105000.000+0800"); /* when it was signed */
    is("TXA-9.2", "钱教授");
    raw_is("TXA-12", "task-00000000000000c1-17^YILIAN");
    assert_true(hl7_empty(hl7_at(&made.m, "TXA-13")));
    raw_is("TXA-14", "HZ20261128-001^YILIAN");
    is("TXA-17", "LA");
    is("TXA-19", "AV");
    is("OBX-2", "TX");
    is("OBX-3.1", "findings");
    raw_is("OBX-5", "左侧肢体无力\\F\\3小时\\E\\n\\.br\\二线");
    is("OBX-5", "左侧肢体无力|3小时\\n\n二线");
    is("OBX[2]-2", "CE");
    raw_is("OBX[2]-5", "I63.900^脑梗死^I10");
    is("OBX[4]-4", "1");
    is("OBX[5]-4", "2"); /* the second of its kind */
    is("OBX[5]-5", "复查");
    is("OBX[6]-5", "Y");
    is("OBX[6]-11", "F");
    made_of("Task", true, ER7_CHANGED, task, "completed");
    raw_is("MSH-9", "MDM^T10^MDM_T02");
    raw_is("TXA-12", "task-00000000000000c1-17^YILIAN");
    raw_is("TXA-13", "task-00000000000000c1-9^YILIAN"); /* what it replaces */
}

static void an_appointment(void **state)
{
    (void)state;
    made_of("Appointment", false, ER7_NEW, appointment, "booked");
    segments_are("MSH SCH TQ1 PID RGS AIS AIP AIP");
    raw_is("MSH-9", "SIU^S12^SIU_S12");
    raw_is("SCH-1", "HZ20261128-001^YILIAN");
    raw_is("SCH-2", "appt-00000000000000c1^YILIAN");
    is("SCH-6.1", "consultation");
    is("SCH-9", "30");
    is("SCH-10.1", "min");
    is("SCH-11.4", "20261129090000.000+0800");
    is("SCH-11.5", "20261129093000.000+0800");
    is("SCH-16.2", "钱教授");
    is("SCH-20.2", "张医生");
    is("SCH-25.1", "Booked");
    raw_is("SCH-26", "HZ20261128-001^YILIAN");
    is("TQ1-7", "20261129090000.000+0800");
    is("TQ1-8", "20261129093000.000+0800");
    is("TQ1-9", "A");
    is("AIS-3.1", "consultation");
    is("AIS-4", "20261129090000.000+0800");
    is("AIS-7", "30");
    is("AIP-3.2", "张医生");
    is("AIP[2]-3.1", "00000000000000d2");
    is("AIP[2]-4.1", "expert");
    made_of("Appointment", false, ER7_MOVED, appointment, "booked");
    raw_is("MSH-9", "SIU^S13^SIU_S12");
    made_of("Appointment", false, ER7_CHANGED, appointment, "fulfilled");
    raw_is("MSH-9", "SIU^S14^SIU_S12");
    is("SCH-25.1", "Complete");
    made_of("Appointment", false, ER7_CHANGED, appointment, "cancelled");
    raw_is("MSH-9", "SIU^S15^SIU_S12");
    is("SCH-25.1", "Cancelled");
}

/* A second byte of GB 18030 may be any delimiter: 臷 is DE7C. */
static void in_gb18030(void **state)
{
    char body[6000], note[] = "臷\\n乗 abc?"; /* as long as what it replaces */
    (void)state;
    to.charset = HL7_GB18030;
    snprintf(body, sizeof body, request, "active");
    char *at = strstr(body, "是否溶栓?");
    memcpy(at, note, sizeof note - 1);
    make("ServiceRequest", false, ER7_NEW, body, "case-00000000000000c1");
    is("MSH-18", "GB 18030-2000");
    is("PID-5.1", "欧阳");
    is("PRD-2.1", "张医生");
    assert_non_null(memmem(made.text.bytes, made.text.len, "\xc5\xb7\xd1\xf4", 4)); /* 欧阳 */
    assert_null(memmem(made.text.bytes, made.text.len, "欧阳", 6));
    char got[100];
    hl7_text_at(&made.m, "NTE-3", got, sizeof got);
    assert_memory_equal(got, "臷\n乗", 7);
}

static void hostile_json_is_no_harm(void **state)
{
    static const char *const bodies[] = {"{}", "{\"identifier\":7,\"name\":\"x\",\"participant\":{},\"output\":[1,[],{\"type\":3}]}",
                                         "{\"status\":[],\"participant\":[null,{\"actor\":\"Patient/x\"}],\"performer\":[5],\"reasonCode\":[[]],\"note\":[{}]}"};
    static const char *const types[] = {"Patient", "ServiceRequest", "Task", "Appointment"};
    char start[ER7_CONTENT_START];
    (void)state;
    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < 8; k++) {
            make(types[k % 4], k > 3, ER7_CHANGED, bodies[i], "x");
            raw_is("MSH-12", "2.5.1");
            free(er7_content(types[k % 4], k > 3, bodies[i], start));
        }
    struct hl7_writer none = {0};
    assert_int_equal(er7_compose(&(struct er7_thing){.type = "Slot"}, &to, &none), ERR_INTERNAL);
    hl7_writer_fini(&none);
}

static bool same(const char *type, bool report, const char *a, const char *b)
{
    char start[ER7_CONTENT_START], *x = er7_content(type, report, a, start), *y = er7_content(type, report, b, start);
    bool equal = x && y && strcmp(x, y) == 0;
    free(x);
    free(y);
    return equal;
}

static void what_is_news(void **state)
{
    char a[6000], b[6000], start[ER7_CONTENT_START], *none;
    (void)state;
    snprintf(a, sizeof a, task, "completed");
    snprintf(b, sizeof b, task, "accepted");
    assert_true(same("Task", true, a, b)); /* the opinion stays the same when the case goes on */
    assert_false(same("Task", false, a, b));
    memcpy(strstr(b, "复查"), "随访", 6);
    memcpy(strstr(b, "accepted"), "rejected", 8);
    snprintf(a, sizeof a, task, "rejected");
    assert_false(same("Task", true, a, b));
    assert_true(same("Task", false, a, b));
    snprintf(a, sizeof a, request, "active");
    snprintf(b, sizeof b, request, "active");
    memcpy(strstr(b, "3.ab"), "4.cd", 4);
    assert_true(same("ServiceRequest", false, a, b)); /* a new version that says the same */
    none = er7_content("Task", true, "{\"status\":\"accepted\"}", start);
    assert_null(none);
    snprintf(a, sizeof a, appointment, "booked");
    free(er7_content("Appointment", false, a, start));
    assert_string_equal(start, "2026-11-29T01:00:00.000Z");
    assert_false(er7_is_over("Appointment", a));
    snprintf(a, sizeof a, appointment, "cancelled");
    assert_true(er7_is_over("Appointment", a));
    snprintf(a, sizeof a, request, "revoked");
    assert_true(er7_is_over("ServiceRequest", a));
}

static void a_control_id_fits(void **state)
{
    char a[ER7_CONTROL_BYTES], b[ER7_CONTROL_BYTES];
    (void)state;
    er7_control(0xa1, 17, a);
    er7_control(0xa1, 17, b);
    assert_string_equal(a, b);
    assert_string_equal(a + 8, "-17");
    er7_control(0xa2, 17, b);
    assert_string_not_equal(a, b);
    er7_control(0xffffffffffffffff, 99999999999, a);
    assert_int_equal(strlen(a), 20);
}

/* ---- answers ---- */

static enum er7_word judged(const char *rest, char text[240])
{
    char answer[1000];
    struct er7_verdict v;
    int n = snprintf(answer, sizeof answer, "MSH|^~\\&|HIS|H|YILIAN|YILIAN|2026||ACK|x|P|2.5.1||||||UNICODE UTF-8\r%s", rest);
    er7_judge(answer, (size_t)n, "0a1b2c3d-17", &made.text, &v);
    snprintf(text, 240, "%s", v.text);
    return v.word;
}

static void answers_are_understood(void **state)
{
    static const struct {
        const char *answer;
        enum er7_word word;
        const char *text;
    } cases[] = {
        {"MSA|AA|0a1b2c3d-17\r", ER7_TAKEN, ""},
        {"MSA|CA|0a1b2c3d-17|all well\r", ER7_TAKEN, ""},
        {"MSA|AA|other\r", ER7_OTHERS, ""},
        {"MSA|AX|0a1b2c3d-17\r", ER7_STRANGE, ""},
        {"MSA|AAA|0a1b2c3d-17\r", ER7_STRANGE, ""},
        {"MSA|AE|0a1b2c3d-17|no such ward\r", ER7_REFUSED, "AE · no such ward"},
        {"MSA|CE|0a1b2c3d-17\r", ER7_REFUSED, "CE"},
        {"MSA|AR|0a1b2c3d-17|down\r", ER7_LATER, "AR · down"},
        {"MSA|CR|0a1b2c3d-17\rERR|||207^Application internal error^HL70357|E\r", ER7_LATER, "CR · 207 Application internal error"},
        {"MSA|AE|0a1b2c3d-17\rERR||PID^1^3^1|101^Required field missing^HL70357|E|||diag|no number\r", ER7_REFUSED, "AE · PID-3 · 101 Required field missing · no number"},
        {"MSA|AE|0a1b2c3d-17\rERR|PID^1^5^101&Required field missing&HL70357\r", ER7_REFUSED, "AE · PID-5 · 101 Required field missing"},
        {"MSA|AE|0a1b2c3d-17|患者欧阳若楠(900101)电话13812345678不存在\r", ER7_REFUSED, "AE · 患者***(***)电话***不存在"},
        {"MSA|AE|0a1b2c3d-17|欧阳 若楠, born 198005\r", ER7_REFUSED, "AE · ***, born ***"},
    };
    char text[240];
    (void)state;
    make("Patient", false, ER7_NEW, patient, "mpi-00000000000000aa");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(judged(cases[i].answer, text), cases[i].word);
        assert_string_equal(text, cases[i].text);
    }
    struct er7_verdict v;
    er7_judge("nothing", 7, "0a1b2c3d-17", &made.text, &v);
    assert_int_equal(v.word, ER7_STRANGE);
}

static void a_long_answer_is_cut_at_a_character(void **state)
{
    char rest[900] = "MSA|AE|0a1b2c3d-17|", text[240];
    (void)state;
    make("Patient", false, ER7_NEW, patient, "mpi-00000000000000aa");
    for (int i = 0; i < 66; i++) strcat(rest, "无此科室");
    strcat(rest, "\r");
    assert_int_equal(judged(rest, text), ER7_REFUSED);
    assert_in_range(strlen(text), 150, 239);
    json_t *whole = json_string(text);
    assert_non_null(whole); /* it is UTF-8 */
    json_decref(whole);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, stop)
    const struct CMUnitTest tests[] = {T(a_person), T(a_consultation_asked_for), T(how_far_it_is), T(an_opinion), T(an_appointment), T(in_gb18030), T(hostile_json_is_no_harm),
                                       T(what_is_news), T(a_control_id_fits), T(answers_are_understood), T(a_long_answer_is_cut_at_a_character)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
