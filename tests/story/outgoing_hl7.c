/* Our own objects go out as HL7 v2 (records/outgoing/send_er7.c, told.c, lines.c): which event each change is, in which order, and what becomes of it at a
 * receiver who refuses, is silent, hangs up or is away. */
#include "records/outgoing/outgoing.h"
#include "records/hl7/hl7.h"
#include "tests/lib/mllp_sink.h"
#include "tests/support/case.h"
#include <stdarg.h>

static struct world w;
static struct mllp_sink sink;
static char address[60];
static const char A[] = "00000000000000a1", B[] = "00000000000000b1";

static int64_t number_of(const char *sql)
{
    return world_count(&w, sql);
}

static void allow(const char *list)
{
    struct records_parts *parts = records_parts(w.r);
    struct fault f = {0};
    outgoing_close(parts->outgoing);
    assert_int_equal(outgoing_open(&parts->outgoing, w.r, list, &f), 0);
    assert_int_equal(outgoing_lines(parts->outgoing, &(struct lines_config){.connect_ms = 2000, .answer_ms = 400}, &f), 0);
}

static int start(void **state)
{
    struct tx *tx;
    (void)state;
    world_open(&w);
    mllp_sink_open(&sink);
    snprintf(address, sizeof address, "mllp://127.0.0.1:%d", sink.door.port);
    allow(address);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO post_role (post_id, role) SELECT id, 'index_steward' FROM person WHERE name='sys'", "");
    return tx_commit(tx);
}

static int stop(void **state)
{
    (void)state;
    world_close(&w);
    mllp_sink_close(&sink);
    return 0;
}

static json_t *done(json_t *answer)
{
    if (!answer) fail_msg("%s %s %s", w.fault.reason, w.fault.text, w.fault.n_fields ? w.fault.fields[0].reason : "");
    return answer;
}

static void round_trip(void)
{
    outgoing_round(records_parts(w.r)->outgoing, 1000);
}

static json_t *subscribe(const char *id, const char *members)
{
    json_t *args = world_json(members);
    json_object_set_new(args, "subscriber_id", json_string(id));
    if (!json_object_get(args, "name")) json_object_set_new(args, "name", json_string("县医院 HIS"));
    if (!json_object_get(args, "url")) json_object_set_new(args, "url", json_string(address));
    return world_call(&w, "sys", "out.set", args);
}

static void subscribed(const char *id, const char *members)
{
    json_decref(done(subscribe(id, members)));
}

static void act(const char *op, const char *members)
{
    json_decref(done(world_call(&w, "sys", op, world_json(members))));
}

/* A part of message i, or "". */
static const char *said(size_t i, const char *path)
{
    static char out[4][600];
    static int next;
    struct hl7_message m;
    struct fault f = {0};
    char *text = out[++next % 4];
    text[0] = 0;
    if (i >= mllp_sink_count(&sink)) fail_msg("message %zu did not come", i);
    if (hl7_parse(&m, sink.list[i].text, sink.list[i].len, HL7_LATIN1, &f)) fail_msg("message %zu cannot be read", i);
    hl7_text_at(&m, path, text, sizeof out[0]);
    hl7_fini(&m);
    return text;
}

/* Those behind `from`, as "ADT^A28 ...". */
static void came(size_t from, const char *want)
{
    char got[600] = "";
    for (size_t i = from; i < mllp_sink_count(&sink); i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.7s", i > from ? " " : "", sink.list[i].type);
    assert_string_equal(got, want);
}

static const char *seq_of(size_t i)
{
    const char *dash = strchr(sink.list[i].control, '-');
    return dash ? dash + 1 : "";
}

static void make_patient(const char *doctor, const char *name, char id[ID_TEXT_BYTES])
{
    char text[200];
    snprintf(text, sizeof text, "{\"name\":\"%s\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"phone\":\"13812345678\"}", name);
    json_t *p = done(world_call(&w, doctor, "patient.create", world_json(text)));
    snprintf(id, ID_TEXT_BYTES, "%s", json_string_value(json_object_get(p, "id")));
    json_decref(p);
}

/* ---- what goes ---- */

static void persons_are_added_changed_merged(void **state)
{
    char a[ID_TEXT_BYTES], b[ID_TEXT_BYTES], text[200];
    (void)state;
    make_patient("zhang", "王一鸣", a);
    make_patient("qian", "李四维", b);
    subscribed(A, "{\"kinds\":[\"patient\"],\"application\":\"HIS\",\"facility\":\"YLH\"}");
    round_trip();
    came(0, "ADT^A28 ADT^A28");
    assert_string_equal(said(0, "PID-5.2"), "一鸣");
    assert_string_equal(said(0, "MSH-6"), "YLH");
    assert_string_equal(seq_of(0), "1");
    assert_string_equal(seq_of(1), "2");
    assert_null(strstr(sink.list[0].text, "13812345678")); /* the same eyes as FHIR */
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 2);
    snprintf(text, sizeof text, "{\"patient_id\":\"%s\",\"other_id\":\"%s\"}", a, b);
    json_t *merged = done(world_call(&w, "sys", "mpi.merge", world_json(text)));
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 4);
    size_t join = strncmp(sink.list[2].type, "ADT^A40", 7) == 0 ? 2 : 3, stays = strcmp(said(join, "PID-3.1"), said(0, "PID-3.1")) == 0 ? 0 : 1;
    assert_memory_equal(sink.list[join].type, "ADT^A40", 7);
    assert_memory_equal(sink.list[5 - join].type, "ADT^A31", 7); /* who stays has one number more */
    assert_string_equal(said(join, "PID-3.1"), said(stays, "PID-3.1"));
    assert_string_equal(said(5 - join, "PID-3.1"), said(stays, "PID-3.1"));
    assert_string_equal(said(join, "MRG-1.1"), said(1 - stays, "PID-3.1"));
    assert_string_equal(said(join, "PID-3(3).4.1"), "c20");
    snprintf(text, sizeof text, "{\"act_id\":\"%s\"}", json_string_value(json_object_get(merged, "act_id")));
    json_decref(merged);
    act("mpi.undo", text);
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 6); /* the one is there again, the other has a number less */
    size_t again = strncmp(sink.list[4].type, "ADT^A28", 7) == 0 ? 4 : 5;
    assert_memory_equal(sink.list[again].type, "ADT^A28", 7);
    assert_string_equal(said(again, "PID-3.1"), said(join, "MRG-1.1"));
    assert_memory_equal(sink.list[9 - again].type, "ADT^A31", 7);
    act("out.export", "{\"subscriber_id\":\"00000000000000a1\"}");
    round_trip();
    came(6, "ADT^A28 ADT^A28"); /* all is new to one who begins again */
    assert_string_equal(seq_of(7), "8");
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM audit WHERE op='out.deliver' AND patient_id<>0"), 8);
    assert_int_equal(number_of("SELECT acked_seq FROM out_subscriber"), 8);
}

static void a_case(void)
{
    char id[ID_TEXT_BYTES], county[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), id);
    id_format(20, county);
    case_begun(world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", id, "kind", "interactive", "scope", "clinical", "urgency", "routine",
                                                                 "target_org_id", county, "form", full_form())));
    case_act(&w, "zhang", "case.submit", json_object());
}

static const char *hex(uint64_t id)
{
    static char out[4][ID_TEXT_BYTES];
    static int next;
    id_format(id, out[++next % 4]);
    return out[next % 4];
}

static void scheduled(void)
{
    case_act(&w, "li", "case.approve_home", json_object());
    case_act(&w, "chen", "case.triage", json_pack("{s:s}", "dept_id", hex(21)));
    case_act(&w, "chen", "case.assign", json_pack("{s:s}", "expert_id", hex(who("qian")->id)));
    case_act(&w, "qian", "case.accept", json_object());
    case_act(&w, "chen", "case.schedule", json_pack("{s:s,s:I,s:I}", "person_id", hex(who("qian")->id), "start_ms", (json_int_t)w.now_ms + 10800000, "end_ms",
                                                    (json_int_t)w.now_ms + 14400000));
}

static void a_consultation_from_asking_to_signing(void **state)
{
    (void)state;
    subscribed(A, "{\"kinds\":[\"consultation\",\"report\",\"appointment\"],\"export\":false}");
    a_case();
    round_trip();
    came(0, "REF^I12 RRI^I12");
    assert_string_equal(said(0, "RF1-1.1"), "P");
    assert_string_equal(said(0, "DG1-3.2"), "脑梗死");
    assert_string_equal(said(0, "PRD-2.1"), "zhang");
    assert_string_equal(said(0, "PID-3.4.1"), "YILIAN");
    assert_true(said(0, "PID-5.1")[0]); /* whom it is about, though persons are not among his kinds */
    scheduled();
    round_trip();
    came(2, "REF^I13 RRI^I12 SIU^S12");
    assert_string_equal(said(4, "SCH-25.1"), "Booked");
    assert_string_equal(said(3, "RF1-1.1"), "A");
    assert_string_equal(said(4, "SCH-16.2"), "qian");
    case_act(&w, "chen", "case.reschedule", json_pack("{s:I,s:I,s:s}", "start_ms", (json_int_t)w.now_ms + 14400000, "end_ms", (json_int_t)w.now_ms + 18000000, "reason", "设备检修"));
    round_trip();
    came(5, "SIU^S13"); /* nothing else has changed */
    assert_string_not_equal(said(5, "TQ1-7"), said(4, "TQ1-7"));
    assert_string_equal(said(5, "SCH-2.1"), said(4, "SCH-2.1"));
    case_act(&w, "zhang", "case.cancel", json_pack("{s:s,s:s}", "code", "patient_refused", "reason", "患者要求转院"));
    round_trip();
    came(6, "REF^I14 RRI^I12 SIU^S15");
    assert_string_equal(said(8, "SCH-25.1"), "Cancelled");
    assert_string_equal(said(8, "SCH-2.1"), said(4, "SCH-2.1"));
    assert_string_equal(said(8, "SCH-26.1"), said(4, "SCH-26.1"));
    assert_string_equal(said(8, "PID-3.1"), said(4, "PID-3.1"));
    assert_string_equal(said(8, "SCH-20.2"), "zhang");
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 9);
    for (size_t i = 0; i < 9; i++) assert_int_equal(atoi(seq_of(i)), i + 1);
}

static void an_opinion_is_a_document(void **state)
{
    (void)state;
    subscribed(A, "{\"kinds\":[\"report\"],\"export\":false,\"charset\":\"gb18030\"}");
    char id[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), id);
    case_begun(world_call(&w, "zhang", "case.create", json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", id, "kind", "offline", "scope", "clinical", "urgency", "routine",
                                                                 "target_org_id", hex(20), "form", full_form())));
    case_act(&w, "zhang", "case.submit", json_object());
    case_act(&w, "li", "case.approve_home", json_object());
    case_act(&w, "chen", "case.triage", json_pack("{s:s}", "dept_id", hex(21)));
    case_act(&w, "chen", "case.assign", json_pack("{s:s}", "expert_id", hex(who("qian")->id)));
    case_act(&w, "qian", "case.accept", json_object());
    case_act(&w, "qian", "case.begin_review", json_object());
    case_act(&w, "qian", "case.save_opinion", json_pack("{s:o}", "body", full_opinion()));
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 0); /* a draft is nobody's */
    case_act(&w, "qian", "case.sign_opinion", json_pack("{s:o}", "body", full_opinion()));
    round_trip();
    came(0, "MDM^T02");
    assert_string_equal(said(0, "MSH-18"), "GB 18030-2000");
    assert_string_equal(said(0, "TXA-9.2"), "qian");
    assert_true(said(0, "TXA-4")[0]);
    assert_string_equal(said(0, "TXA-17"), "LA");
    assert_string_equal(said(0, "OBX-3.2"), "病情分析");
    assert_string_equal(said(0, "OBX[2]-2"), "CE");
    case_act(&w, "zhang", "case.acknowledge", world_json("{\"items\":[{\"n\":1,\"decision\":\"adopted\"},{\"n\":2,\"decision\":\"adopted\"}],\"handling\":\"按意见处理\"}"));
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 1); /* the case goes on, the opinion is the same */
    assert_int_equal(number_of("SELECT last_seq FROM out_subscriber"), 1);
}

/* ---- who does not take it ---- */

static void what_is_wrong_is_a_dead_letter_at_once(void **state)
{
    char id[ID_TEXT_BYTES];
    (void)state;
    make_patient("zhang", "王一鸣", id);
    make_patient("zhang", "吴难容", id);
    make_patient("zhang", "赵三多", id);
    mllp_sink_refuse(&sink, "难容", "MSA|AE|%s|吴难容的证件号缺失\rERR||PID^1^3|101^Required field missing^HL70357|E\r");
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 3); /* it holds up nobody */
    json_t *dead = done(world_call(&w, "sys", "out.dead", world_json("{\"subscriber_id\":\"00000000000000a1\"}"))), *one = json_array_get(json_object_get(dead, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(dead, "items")), 1);
    assert_int_equal(json_integer_value(json_object_get(one, "seq")), 2);
    assert_string_equal(json_string_value(json_object_get(one, "error")), "AE · PID-3 · 101 Required field missing · ***的证件号缺失");
    json_decref(dead);
    mllp_sink_refuse(&sink, NULL, NULL);
    act("out.retry", "{\"subscriber_id\":\"00000000000000a1\",\"seq\":2}");
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 4);
    assert_string_equal(sink.list[3].control, sink.list[1].control);
    assert_memory_equal(sink.list[3].type, "ADT^A28", 7); /* the same event as the first time */
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 3);
}

static void who_rejects_is_asked_again(void **state)
{
    char id[ID_TEXT_BYTES];
    (void)state;
    make_patient("zhang", "王一鸣", id);
    mllp_sink_be(&sink, MLLP_ANSWERS, "AR");
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    for (int i = 0; i < OUT_TRIES; i++) {
        round_trip();
        assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=2"), i == OUT_TRIES - 1);
        w.now_ms += 600000;
    }
    assert_int_equal(mllp_sink_count(&sink), OUT_TRIES);
    assert_string_equal(sink.list[0].control, sink.list[OUT_TRIES - 1].control);
}

static void silence_and_broken_lines_are_waited_out(void **state)
{
    static const enum mllp_manner manners[] = {MLLP_SILENT, MLLP_HANGS_UP, MLLP_ANSWERS};
    static const char *const codes[] = {"AA", "AA", "no word"};
    static const char *const errors[] = {"no acknowledgement in time", "the line broke before the acknowledgement", "the answer is no acknowledgement"};
    char id[ID_TEXT_BYTES], sql[200];
    (void)state;
    make_patient("zhang", "王一鸣", id);
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    for (size_t i = 0; i < 3; i++) {
        mllp_sink_be(&sink, manners[i], codes[i]);
        round_trip();
        snprintf(sql, sizeof sql, "SELECT COUNT(*) AS n FROM out_subscriber WHERE error='%s' AND tries=%zu AND state='active'", errors[i], i + 1);
        assert_int_equal(number_of(sql), 1);
        round_trip();
        assert_int_equal(number_of(sql), 1); /* not before its time */
        w.now_ms += 600000;
    }
    mllp_sink_be(&sink, MLLP_ANSWERS, "AA");
    round_trip();
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 1);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_subscriber WHERE error='' AND tries=0"), 1);
    for (size_t i = 1; i < mllp_sink_count(&sink); i++) assert_string_equal(sink.list[i].control, sink.list[0].control);
}

static void one_who_is_away_holds_up_nobody(void **state)
{
    static struct mllp_sink gone;
    char text[200], id[ID_TEXT_BYTES];
    (void)state;
    mllp_sink_open(&gone);
    int port = gone.door.port;
    mllp_sink_close(&gone);
    snprintf(text, sizeof text, "mllp://127.0.0.1:%d, %s", port, address);
    allow(text);
    make_patient("zhang", "王一鸣", id);
    make_patient("zhang", "赵三多", id);
    snprintf(text, sizeof text, "{\"kinds\":[\"patient\"],\"url\":\"mllp://127.0.0.1:%d\"}", port);
    subscribed(A, text);
    subscribed(B, "{\"kinds\":[\"patient\"]}");
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 2);
    for (int i = 0; i < 10; i++) {
        w.now_ms += 600000;
        round_trip();
    }
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE subscriber_id=161 AND state=0"), 2);
    assert_int_equal(number_of("SELECT tries FROM out_subscriber WHERE id=161"), 11);
}

/* CA, and later AA: the second is not taken for the answer to the next. One line for all of it. */
static void one_in_enhanced_mode_answers_twice(void **state)
{
    char id[ID_TEXT_BYTES];
    (void)state;
    mllp_sink_be(&sink, MLLP_TWICE, "AA");
    static const char *const names[] = {"王一鸣", "吴难容", "赵三多", "钱四海", "孙五常"};
    for (size_t i = 0; i < 5; i++) make_patient("zhang", names[i], id);
    subscribed(A, "{\"kinds\":[\"patient\"]}");
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 5);
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_item WHERE state=1"), 5);
    assert_int_equal(sink.door.lines, 1);
}

/* ---- the administrator ---- */

static void refused(const char *members, const char *path, const char *reason)
{
    json_t *answer = subscribe(A, members);
    if (answer) fail_msg("%s is taken", members);
    assert_string_equal(w.fault.fields[0].path, path);
    assert_string_equal(w.fault.fields[0].reason, reason);
}

static void only_to_listed_hosts_and_in_one_way(void **state)
{
    char id[ID_TEXT_BYTES], text[200];
    (void)state;
    refused("{\"kinds\":[\"patient\"],\"url\":\"mllp://127.0.0.1:1\"}", "url", "not_allowed");
    refused("{\"kinds\":[\"patient\"],\"url\":\"mllps://127.0.0.1:2575\"}", "url", "not_allowed");
    refused("{\"kinds\":[\"patient\"],\"url\":\"mllp://127.0.0.1\"}", "url", "not_an_mllp_address");
    refused("{\"kinds\":[\"patient\"],\"secret\":\"0123456789abcdef\"}", "secret", "not_for_mllp");
    refused("{\"kinds\":[\"patient\"],\"charset\":\"big5\"}", "charset", "not_a_choice");
    snprintf(text, sizeof text, "http://127.0.0.1:9, %s", address);
    allow(text);
    refused("{\"kinds\":[\"patient\"],\"url\":\"http://127.0.0.1:9/in\",\"charset\":\"utf-8\"}", "charset", "only_for_mllp");
    make_patient("zhang", "王一鸣", id);
    subscribed(A, "{\"kinds\":[\"patient\"],\"charset\":\"gb18030\",\"application\":\"HIS\"}");
    refused("{\"kinds\":[\"patient\"],\"url\":\"http://127.0.0.1:9/in\"}", "url", "other_way");
    json_t *all = done(world_call(&w, "sys", "out.list", json_object())), *one = json_array_get(json_object_get(all, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(one, "form")), "hl7");
    assert_string_equal(json_string_value(json_object_get(one, "charset")), "gb18030");
    assert_string_equal(json_string_value(json_object_get(one, "application")), "HIS");
    json_decref(all);
    allow("mllp://elsewhere.example:2575"); /* the list was shortened since */
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 0);
    allow(address);
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 1);
    act("out.replay", "{\"subscriber_id\":\"00000000000000a1\",\"from\":1}");
    round_trip();
    assert_int_equal(mllp_sink_count(&sink), 2);
    assert_string_equal(sink.list[0].type, sink.list[1].type);
    assert_string_equal(sink.list[0].control, sink.list[1].control);
    act("out.remove", "{\"subscriber_id\":\"00000000000000a1\"}");
    assert_int_equal(number_of("SELECT COUNT(*) AS n FROM out_told"), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {T(persons_are_added_changed_merged), T(a_consultation_from_asking_to_signing), T(an_opinion_is_a_document),
                                       T(what_is_wrong_is_a_dead_letter_at_once), T(who_rejects_is_asked_again), T(silence_and_broken_lines_are_waited_out),
                                       T(one_who_is_away_holds_up_nobody), T(one_in_enhanced_mode_answers_twice), T(only_to_listed_hosts_and_in_one_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
