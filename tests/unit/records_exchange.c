/* Messages of other systems: known again, kept, mapped, refused, corrected. With YL_HL7_SAMPLES=FOLDER every message of it is taken in. */
#include "records/exchange/map.h"
#include "tests/support/hl7.h"
#include <dirent.h>

static void is(const char *path, const char *expected)
{
    if (strcmp(hl7_said(path), expected) != 0)
        fail_msg("%s is %s, not %s in\n%s", path, hl7_said(path), expected, hl7_answer.bytes);
}

static int64_t sql(const char *text)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, text, "");
    tx_rollback(tx);
    return n;
}

static const char *his;
static int open_site(void **state)
{
    int rc = desk_open(state);
    if (rc)
        return rc;
    his = hl7_source("HIS", 7, "\"namespace_id\":\"HIS\",\"oid\":\"1.2.3\"", NULL);
    return 0;
}

#define MSH(type, control) "MSH|^~\\&|HIS|县医院|YL||20261124135900||" type "|" control "|P|2.4\n"
#define ZHAO "PID|1||1001^^^HIS||赵^明||19700102|M|||||13800001111\n"
#define LAB(control, value, status) \
    MSH("ORU^R01", control) ZHAO "OBR|1|p1|f1|CBC^血常规|||20261123080000\nOBX|1|NM|WBC^白细胞^L||" value "|10*9/L|4-10|H|||" status "|||20261123090000\nNTE|1||复查\n"

static json_t *timeline(void)
{
    desk.actor.org.v = 7;
    json_t *found = CALL("patient.search", "{\"q\":\"1001\"}"), *lines;
    lines = CALL("patient.timeline", "{\"patient_id\":\"%s\"}", member(json_array_get(json_object_get(found, "items"), 0), "id"));
    assert_non_null(lines);
    json_decref(found);
    return lines;
}

static void a_result_stands_in_the_timeline(void **state)
{
    (void)state;
    hl7_send(LAB("m1", "12.5", "P"));
    is("MSA-1", "AA");
    is("MSA-2", "m1");
    is("MSH-9.2", "R01");
    json_t *t = timeline(), *items = json_object_get(t, "items"), *one = json_array_get(items, 0);
    assert_int_equal(json_array_size(items), 2); /* the report and its one value */
    assert_string_equal(member(one, "title"), "白细胞");
    assert_string_equal(member(one, "value"), "12.5\n复查");
    assert_string_equal(member(one, "unit"), "10*9/L");
    assert_string_equal(member(one, "flag"), "H");
    assert_string_equal(member(one, "state"), "preliminary");
    assert_string_equal(member(one, "source"), "HIS");
    assert_int_equal(json_integer_value(json_object_get(one, "t_ms")), 1795395600000); /* 2026-11-23 09:00 in China */
    json_decref(t);
    hl7_send(LAB("m2", "11.0", "C")); /* the corrected value takes the place of the first */
    t = timeline();
    items = json_object_get(t, "items");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(member(json_array_get(items, 0), "value"), "11.0\n复查");
    assert_string_equal(member(json_array_get(items, 0), "state"), "corrected");
    json_decref(t);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 4); /* nothing is lost */
}

/* Unescaped, as many an analyser writes it; a code that happens to be "10" stays one. */
static void a_power_of_ten_is_no_component(void **state)
{
    (void)state;
    hl7_send(MSH("ORU^R01", "p1") ZHAO "OBR|1||f1|CBC^血常规|||20261123080000\nOBX|1|NM|WBC^白细胞^L||5.5|10^9/L||||F\nOBX|2|NM|RBC^红细胞^L||4.5|10\\S\\12/L||||F\nOBX|3|NM|X^某项^L||1|10^units^L||||F\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE unit='10*9/L'"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE unit='10^12/L'"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE unit='10'"), 1);
}

static void known_again(void **state)
{
    (void)state;
    hl7_send(LAB("m1", "12.5", "F"));
    for (int i = 0; i < 3; i++) {
        hl7_send(LAB("m1", "12.5", "F"));
        is("MSA-1", "AA");
    }
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 2);
    hl7_send(LAB("m1", "7.7", "F")); /* the same control id, other content */
    is("MSA-1", "AA");
    assert_non_null(strstr(hl7_said("MSA-3"), "other content"));
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message WHERE reused=1"), 1);
    assert_int_equal(sql("SELECT received-stored-repeated-refused-dead AS n FROM exchange_day"), 0);
    assert_int_equal(sql("SELECT repeated AS n FROM exchange_day"), 3);
}

/* Two messages in one block, two patients in one message: nothing of the second may stand in the record of the first. */
static void the_second_patient_is_not_the_first(void **state)
{
    (void)state;
    hl7_send(LAB("m1", "12.5", "F"));
    int64_t entries = sql("SELECT COUNT(*) AS n FROM exchange_entry"), messages = sql("SELECT COUNT(*) AS n FROM exchange_message");
    hl7_send(LAB("s1", "5.0", "F") MSH("ORU^R01", "s2") "PID|1||1002^^^HIS||钱^亮\nOBR|1|p2|f2|CBC^血常规\nOBX|1|NM|HGB^血红蛋白^L||55|g/L||||F\n");
    is("MSA-1", "AR");
    is("ERR-1.1", "MSH");
    hl7_send("BHS|^~\\&|HIS\n" LAB("s3", "5.0", "F") "BTS|1\n");
    is("MSA-1", "AR");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message"), messages);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), entries);
    hl7_send(LAB("s4", "5.0", "F") "PID|2||1002^^^HIS||钱^亮\nOBR|1|p2|f2|CBC^血常规\nOBX|1|NM|HGB^血红蛋白^L||55|g/L||||F\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT entries AS n FROM exchange_message WHERE control_id='s4'"), 4);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry e JOIN exchange_identity i ON i.patient_id=e.patient_id WHERE i.value='1002' AND e.code IN ('HGB','CBC')"), 2);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry e JOIN exchange_identity i ON i.patient_id=e.patient_id WHERE i.value='1001' AND e.code='HGB'"), 0);
    hl7_send(MSH("ADT^A28", "s5") "PID|1||1001b^^^HIS||赵^明明\nPID|2||1002b^^^HIS||钱^亮亮\n");
    hl7_send(MSH("ADT^A40", "s6") ZHAO "MRG|1001b^^^HIS\nPID|2||1002^^^HIS||钱^亮\nMRG|1002b^^^HIS\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_identity WHERE retired_ms>0"), 2);
    hl7_send(MSH("ADT^A08", "s7") ZHAO "PID|2||1009^^^XXX||李^丽\n"); /* all of it or nothing */
    is("MSA-1", "AE");
    is("ERR-1.1", "PID");
    is("ERR-1.2", "2");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_dead"), 1);
    assert_int_equal(sql("SELECT received-stored-repeated-refused-dead AS n FROM exchange_day WHERE source_id<>0"), 0);
}

static void a_dead_letter_is_corrected(void **state)
{
    (void)state;
    static const char bad[] = MSH("ORU^R01", "d1") "PID|1||1001^^^XXX||赵^明\nOBX|1|NM|||5\n";
    hl7_send(bad);
    is("MSA-1", "AE");
    is("ERR-1.1", "PID");
    is("ERR-1.3", "3");
    hl7_send(LAB("after", "1", "F")); /* nobody waits */
    is("MSA-1", "AA");
    json_t *list = CALL("exchange.dead", "{}"), *one = json_array_get(json_object_get(list, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    assert_string_equal(member(one, "reason"), "unknown_domain");
    assert_string_equal(member(one, "location"), "PID-3.4");
    char id[17];
    snprintf(id, sizeof id, "%s", member(one, "id"));
    json_decref(list);
    json_t *whole = CALL("exchange.message", "{\"message_id\":\"%s\"}", id);
    assert_non_null(strstr(member(whole, "text"), "PID|1||1001^^^XXX||赵^明\n"));
    json_decref(whole);
    assert_null(CALL("exchange.replay", "{\"message_id\":\"%s\"}", id)); /* as it came: no better */
    assert_string_equal(desk_wrong(), "PID-3.4 unknown_domain");
    assert_null(CALL("exchange.replay", "{\"message_id\":\"%s\",\"text\":\"MSH|^~\\\\&|HIS||||||ORU^R01|d1|P|2.4\\nPID|1||1001^^^HIS\\nOBX|1|NM|||5\\n\"}", id));
    assert_string_equal(desk_wrong(), "OBX-3.1 required");
    int64_t entries = sql("SELECT COUNT(*) AS n FROM exchange_entry");
    json_t *done = CALL("exchange.replay", "{\"message_id\":\"%s\",\"text\":\"MSH|^~\\\\&|HIS||||20261124||ORU^R01|d1|P|2.4\\nPID|1||1001^^^HIS\\nOBX|1|NM|K^钾||5\\n\"}", id);
    assert_non_null(done);
    json_decref(done);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), entries + 1);
    assert_int_equal(sql("SELECT dead AS n FROM exchange_day"), 0);
    assert_int_equal(sql("SELECT received-stored-repeated-refused-dead AS n FROM exchange_day"), 0);
    hl7_send(bad); /* its sender, who tries again, hears that it is done */
    is("MSA-1", "AA");
}

/* What a ward gives, and what is ordered of the X-ray department, is kept like any order and dispense. */
static void given_medicine_and_imaging_orders(void **state)
{
    (void)state;
    hl7_send(MSH("RAS^O17", "g1") "PID|1||1001^^^HIS||赵^明\nORC|RE|R1\nRXA|0|1|20261124|20261124|N02BE01^Paracetamol^ATC|500|mg||||||||||||CP\n");
    is("MSA-1", "AA");
    hl7_send(MSH("RGV^O15", "g2") "PID|1||1001^^^HIS||赵^明\nORC|RE|R1\nRXG|1||20261124|N02BE01^Paracetamol^ATC|1||TAB\n");
    is("MSA-1", "AA");
    hl7_send(MSH("OMI^O23", "g3") "PID|1||1001^^^HIS||赵^明\nORC|NW|R2\nOBR|1|R2||CT^CT^L\nIPC|A1|P1|1.2.3|S1|CT\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE kind='dispense'"), 2);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry WHERE kind='order'"), 1);
}

/* Its patient was registered before its result turned out useless: that is undone, the message stays. */
static void what_cannot_be_used_leaves_nothing(void **state)
{
    (void)state;
    int64_t patients = sql("SELECT COUNT(*) AS n FROM patient"), persons = sql("SELECT COUNT(*) AS n FROM exchange_person");
    hl7_send(MSH("ORU^R01", "half") "PID|1||7007^^^HIS||钱^半||19800102|F\nOBX|1|NM|||5\n");
    is("MSA-1", "AE");
    is("MSA-2", "half");
    is("ERR-1.1", "OBX");
    assert_null(strstr(hl7_answer.bytes + 1, "MSH|")); /* answered once, though it was taken twice */
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient"), patients);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_person"), persons);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message WHERE control_id='half' AND state='dead'"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_body"), 1);
    assert_int_equal(sql("SELECT dead*100+received AS n FROM exchange_day"), 101);
    hl7_send(LAB("whole", "1", "F"));
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT dead*100+received AS n FROM exchange_day"), 102);
}

static void put_aside_with_a_reason(void **state)
{
    (void)state;
    hl7_send(MSH("ZZZ^Z01", "z1") ZHAO);
    is("MSA-1", "AE");
    json_t *list = CALL("exchange.dead", "{}");
    char id[17];
    snprintf(id, sizeof id, "%s", member(json_array_get(json_object_get(list, "items"), 0), "id"));
    json_decref(list);
    json_t *done = CALL("exchange.drop", "{\"message_id\":\"%s\",\"reason\":\"试验报文\"}", id);
    assert_non_null(done);
    json_decref(done);
    list = CALL("exchange.dead", "{\"state\":\"dropped\"}");
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    json_decref(list);
    assert_null(CALL("exchange.drop", "{\"message_id\":\"%s\",\"reason\":\"again\"}", id));
}

/* A name and an address come in pieces: Chinese is put together without spaces, as it is written; other scripts keep theirs. */
static void pieces_are_put_together_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *pid, *address;
    } cases[] = {{"PID|1||1||||||||南坪乡282号^^云岭县^海沧市\r", "海沧市云岭县南坪乡282号"}, {"PID|1||1||||||||Long Road 1^^Yunling^Haicang\r", "Haicang Yunling Long Road 1"}};
    struct exchange_map *map;
    struct fault f = {0};
    assert_int_equal(exchange_map_open(&map, YL_SOURCE_DIR "/config/exchange", "hl7v2.json", &f), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hl7_message m;
        char text[200], whole[300];
        int n = snprintf(whole, sizeof whole, "MSH|^~\\&|A\r%s", cases[i].pid);
        assert_int_equal(hl7_parse(&m, whole, (size_t)n, HL7_UTF8, &f), 0);
        exchange_map_member(map, &m, MEMBER_ADDRESS, text, sizeof text);
        assert_string_equal(text, cases[i].address);
        exchange_map_member(map, &m, MEMBER_ADDRESS, text, 12); /* cut off, never over the end */
        assert_true(strlen(text) < 12);
        hl7_fini(&m);
    }
    exchange_map_close(map);
}

static void who_may_send(void **state)
{
    (void)state;
    hl7_source("LAB", 7, NULL, "\"address\":\"10.1.1.1\"");
    char print[65];
    memset(print, 'a', 64);
    print[64] = 0;
    hl7_source("PACS", 7, NULL, desk_text("\"certificate\":\"%s\"", print));
    hl7_send("MSH|^~\\&|NOBODY||||2026||ADT^A01|1|P|2.5\nPID|1\n");
    is("MSA-1", "AR");
    is("ERR-2", "MSH^1^3");
    hl7_send("MSH|^~\\&|LAB||||2026||ADT^A01|1|P|2.5\nPID|1\n");
    is("MSA-1", "AR");
    assert_non_null(strstr(hl7_answer.bytes, "wrong_address"));
    static const char lab[] = "MSH|^~\\&|LAB||||2026||ADT^A01|1|P|2.5\nPID|1\n", pacs[] = "MSH|^~\\&|PACS||||2026||ADT^A01|1|P|2.5\nPID|1\n";
    hl7_send_from(lab, strlen(lab), "10.1.1.1", "");
    is("MSA-1", "AE"); /* a sender, with a message of no use */
    hl7_send(pacs);
    is("MSA-1", "AR");
    hl7_send_from(pacs, strlen(pacs), "10.1.1.1", print);
    is("MSA-1", "AE");
    hl7_send("garbage\n");
    is("MSA-1", "AR");
    hl7_send("MSH|^~\\&|HIS||||2026||QBP^Q22|1|P|2.5\nQPD|\x01\n"); /* a question with nothing in it */
    is("MSA-1", "AE");
}

static void acknowledged_as_asked(void **state)
{
    static const struct {
        const char *accept, *application, *expected;
    } cases[] = {{"AL", "AL", "CA AA"}, {"AL", "NE", "CA"}, {"NE", "AL", "AA"}, {"NE", "NE", ""}, {"ER", "SU", "AA"}, {"ER", "ER", ""}, {"SU", "", "CA"}, {"XX", "", "CA"}, {"NE", "al", "AA"}, {"\"\"", "AL", "AA"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400], heard[20] = "";
        snprintf(text, sizeof text, "MSH|^~\\&|HIS||||20261124||ADT^A04|e%zu|P|2.5|||%s|%s\n" ZHAO, i, cases[i].accept, cases[i].application);
        hl7_send(text);
        for (const char *p = hl7_answer.bytes, *end = p + hl7_answer.len; (p = memmem(p, (size_t)(end - p), "\nMSA|", 5)); p += 5)
            sprintf(heard + strlen(heard), "%s%.2s", heard[0] ? " " : "", p + 5);
        assert_string_equal(heard, cases[i].expected);
    }
}

static void in_the_senders_characters(void **state)
{
    static const char gb[] = "MSH|^~\\&|HIS|\xcf\xd8\xd2\xbd\xd4\xba|YL||20261124||ADT^A04|g1|P|2.4||||||GB18030\nPID|1||1001^^^HIS||\xd5\xd4^\xc3\xf7||19700102|M\n";
    (void)state;
    hl7_send_from(gb, sizeof gb - 1, "", "");
    is("MSA-1", "AA");
    is("MSH-6", "县医院"); /* and back in GB 18030: hl7_said reads it so */
    assert_non_null(memmem(hl7_answer.bytes, hl7_answer.len, "\xcf\xd8\xd2\xbd\xd4\xba", 6));
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient WHERE name='赵明' AND sex='male' AND birth_date='1970-01-02'"), 1);
}

static void numbers_change_and_go(void **state)
{
    (void)state;
    hl7_send(MSH("ADT^A04", "1") ZHAO);
    hl7_send(MSH("ADT^A47", "2") "PID|1||2002^^^HIS||赵^明\nMRG|1001^^^HIS\n");
    is("MSA-1", "AA");
    hl7_send(MSH("ADT^A08", "3") "PID|1||1001^^^HIS||赵^明\n"); /* the old number is nobody's */
    is("MSA-1", "AE");
    hl7_send(MSH("ADT^A08", "4") "PID|1||2002^^^HIS||赵^明明||19700102|M\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient WHERE name='赵明明'"), 1);
    hl7_send(MSH("ADT^A24", "5") "PID|1||2002^^^HIS\nPID|2||3^^^HIS\n"); /* links are the steward's */
    is("MSA-1", "AE");
}

/* A merge joins the persons of the index; taking it back brings both again. */
static void a_merge_can_be_taken_back(void **state)
{
    (void)state;
    hl7_send(MSH("ADT^A04", "1") ZHAO);
    hl7_send(MSH("ADT^A04", "2") "PID|1||1002^^^HIS||孙^亮||19881111|M\n");
    assert_int_equal(sql("SELECT COUNT(DISTINCT person_id) AS n FROM mpi_member"), 2);
    hl7_send(MSH("ADT^A40", "3") ZHAO "MRG|1002^^^HIS\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(DISTINCT person_id) AS n FROM mpi_member"), 1);
    char act[17];
    id_format((uint64_t)sql("SELECT MAX(id) AS n FROM mpi_act"), act);
    json_t *undone = CALL("mpi.undo", "{\"act_id\":\"%s\"}", act);
    if (!undone)
        fail_msg("%s", desk.fault.text);
    json_decref(undone);
    assert_int_equal(sql("SELECT COUNT(DISTINCT person_id) AS n FROM mpi_member"), 2);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_identity WHERE retired_ms<>0"), 0);
    hl7_send(MSH("ADT^A08", "4") "PID|1||1002^^^HIS||孙^亮||19881112|M\n"); /* he is found by his number again */
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient WHERE birth_date='1988-11-12'"), 1);
}

static void a_domain_has_one_owner(void **state)
{
    (void)state;
    assert_null(CALL("exchange.source_set",
                     "{\"source_id\":\"00000000000000aa\",\"org_id\":\"0000000000000007\",\"name\":\"x\",\"application\":\"OTHER\",\"enabled\":true,\"domains\":[{\"namespace_id\":\"HIS\"}]}"));
    assert_string_equal(desk_wrong(), "domains[0].namespace_id assigned_by_another");
    assert_null(CALL("exchange.source_set",
                     "{\"source_id\":\"00000000000000aa\",\"org_id\":\"00000000000000ff\",\"name\":\"x\",\"application\":\"HIS\",\"enabled\":true,\"map\":\"nowhere\",\"certificate\":\"zz\"}"));
    assert_int_equal(desk.fault.n_fields, 4); /* org, certificate, map, and the name is taken */
}

#define FROM_LAB(type, control) "MSH|^~\\&|LAB|县医院|YL||20261124135900||" type "|" control "|P|2.4\n"
static void a_laboratory_goes_by_its_hospitals_numbers(void **state)
{
    (void)state;
    hl7_source("LAB", 7, NULL, NULL);
    hl7_send(MSH("ADT^A04", "1") ZHAO);
    hl7_send(FROM_LAB("ORU^R01", "1") ZHAO "OBR|1||f1|CBC^血常规|||20261123080000\nOBX|1|NM|WBC^白细胞^L||5.5|10*9/L||||F\n");
    is("MSA-1", "AA");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_entry"), 2);
    hl7_send(FROM_LAB("ORU^R01", "2") "PID|1||1002^^^HIS||钱^二||19810203|F\nOBR|1||f2|CBC^血常规\nOBX|1|NM|WBC^白细胞^L||5.5|10*9/L||||F\n"); /* before the HIS told of her */
    is("MSA-1", "AA");
    hl7_send(MSH("ADT^A04", "2") "PID|1||1002^^^HIS||钱^二妹||19810203|F\n");
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient WHERE name='钱二妹'"), 1);
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM patient"), 2);
    static const char *const not_its[] = {FROM_LAB("ADT^A40", "3") ZHAO "MRG|1002^^^HIS\n", FROM_LAB("ADT^A29", "4") ZHAO, FROM_LAB("ADT^A47", "5") "PID|1||1003^^^HIS\nMRG|1001^^^HIS\n"};
    for (size_t i = 0; i < sizeof not_its / sizeof *not_its; i++) {
        hl7_send(not_its[i]);
        is("MSA-1", "AE");
    }
    assert_int_equal(sql("SELECT COUNT(*) AS n FROM exchange_message WHERE reason='foreign_domain'"), 3);
    hl7_source("OTHER", 8, NULL, NULL); /* another hospital's laboratory knows nothing of them */
    hl7_send("MSH|^~\\&|OTHER||||20261124||ORU^R01|6|P|2.4\n" ZHAO "OBX|1|NM|WBC^白细胞^L||5.5|10*9/L||||F\n");
    is("MSA-1", "AE");
}

static void every_sample(void **state)
{
    const char *folder = getenv("YL_HL7_SAMPLES");
    static char bytes[1 << 20], name[4000];
    size_t n = 0, taken = 0;
    (void)state;
    DIR *d = folder ? opendir(folder) : NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        struct hl7_message m;
        struct fault f = {0};
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        FILE *in = e->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (!in) continue;
        size_t len = fread(bytes, 1, sizeof bytes, in);
        fclose(in);
        n++;
        assert_int_equal(hl7_parse(&m, bytes, len, HL7_UTF8, &f), 0);
        char application[96], facility[96];
        hl7_text_at(&m, "MSH-3.1", application, sizeof application);
        hl7_text_at(&m, "MSH-4.1", facility, sizeof facility);
        hl7_fini(&m);
        snprintf(name, sizeof name, "SELECT COUNT(*) AS n FROM exchange_source WHERE application='%s'", application);
        if (sql(name) == 0 && application[0])
            hl7_source(application, 7, desk_text("\"namespace_id\":\"%s\"", application), "\"assume\":\"any\"");
        hl7_send_from(bytes, len, "", "");
        bool kept = hl7_answer.len == 0 || strcmp(hl7_said("MSA-1"), "AA") == 0 || strcmp(hl7_said("MSA-1"), "CA") == 0;
        taken += kept;
        if (!kept)
            print_message("%s: %s %s\n", e->d_name, hl7_said("MSA-1"), strstr(hl7_answer.bytes, "ERR") ? strstr(hl7_answer.bytes, "ERR") : "");
    }
    if (d) closedir(d);
    print_message("%zu samples, %zu taken; %lld dead, %lld entries, %lld patients\n", n, taken, (long long)sql("SELECT COUNT(*) AS n FROM exchange_dead"),
                  (long long)sql("SELECT COUNT(*) AS n FROM exchange_entry"), (long long)sql("SELECT COUNT(*) AS n FROM patient"));
    if (n) {
        struct tx *tx;
        assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
        struct query *q = tx_query(tx, "SELECT type, reason, location FROM exchange_message WHERE state='dead'", "");
        while (query_next(q))
            print_message("dead: %s %s %s\n", query_text(q, "type"), query_text(q, "reason"), query_text(q, "location"));
        assert_int_equal(query_end(q), 0);
        tx_rollback(tx);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, open_site, desk_close)
    const struct CMUnitTest tests[] = {
        T(a_result_stands_in_the_timeline), T(a_power_of_ten_is_no_component), T(known_again), T(the_second_patient_is_not_the_first), T(a_dead_letter_is_corrected), T(what_cannot_be_used_leaves_nothing),
        T(put_aside_with_a_reason), T(given_medicine_and_imaging_orders),
        T(pieces_are_put_together_as_they_are_written), T(who_may_send), T(acknowledged_as_asked), T(in_the_senders_characters), T(numbers_change_and_go),
        T(a_merge_can_be_taken_back), T(a_domain_has_one_owner), T(a_laboratory_goes_by_its_hospitals_numbers), T(every_sample),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
