/* The patient index over HL7 v2 (IHE ITI-8, ITI-9, ITI-10, ITI-21, ITI-22), told along the groups of the OpenHIE client-registry scripts. The messages are
 * our own; with YL_OHIE=FOLDER those of the scripts (OHIE-CR-GG-SS.txt) are sent instead and judged by what does not depend on names. */
#include "tests/support/hl7.h"

static bool theirs;
static char prefix[4]; /* of their numbers, and of ours */

/* Their message of that name, or ours with # for the prefix. */
static const char *step(const char *name, const char *ours)
{
    static char text[8000];
    char path[400];
    const char *folder = getenv("YL_OHIE");
    snprintf(path, sizeof path, "%s/OHIE-CR-%s.txt", folder ? folder : "", name);
    FILE *f = folder ? fopen(path, "r") : NULL;
    theirs = f != NULL;
    strcpy(prefix, theirs ? "RJ-" : "QN-");
    size_t n = 0;
    if (f) {
        n = fread(text, 1, sizeof text - 1, f);
        fclose(f);
    } else
        for (const char *p = ours; *p; p++)
            n += *p == '#' ? (memcpy(text + n, prefix, 3), 3) : (text[n] = *p, 1);
    text[n] = 0;
    return hl7_send_from(text, strlen(text), "10.0.0.9", "");
}

static void is(const char *path, const char *expected)
{
    if (strcmp(hl7_said(path), expected) != 0)
        fail_msg("%s is %s, not %s in\n%s", path, hl7_said(path), expected, hl7_answer.bytes);
}

/* ADT: MSA-1; queries: MSA-1, QAK-2, how many PID. */
static void accepted(const char *code)
{
    is("MSA-1", code);
    assert_int_equal(hl7_lines("ERR"), strcmp(code, "AA") != 0);
}

static void found(const char *code, const char *status, size_t pids)
{
    is("MSA-1", code);
    is("QAK-2", status);
    if (hl7_lines("PID") != pids)
        fail_msg("%zu PID, not %zu in\n%s", hl7_lines("PID"), pids, hl7_answer.bytes);
}

/* One of PID-3 of answer number n (from 1) is this number in that domain, its object identifier filled in. */
static void has_number(int n, const char *number, const char *domain, const char *oid)
{
    char whole[300];
    snprintf(whole, sizeof whole, "%s%s^^^%s&%s&ISO", prefix, number, domain, oid);
    if (!strstr(hl7_said(desk_text("PID[%d]-3", n)), whole))
        fail_msg("no %s in\n%s", whole, hl7_answer.bytes);
}

#define OID "2.16.840.1.113883.3.72.5.9."
#define ADT(control, event, who, pid) \
    "MSH|^~\\&|" who "^^|TEST^^|CR1^^|MOH_CAAT^^|20141104174451||ADT^" event "|" control "|P|2.3.1\nEVN||20101020\n" pid "\nPV1||I\n"
#define PIXQ(control, number, wanted) \
    "MSH|^~\\&|TEST_HARNESS|TEST|CR1|MOH_CAAT|20090223144546||QBP^Q23^QBP_Q21|" control "|P|2.5| \nQPD|IHE PIX Query|Q1|" number wanted "\nRCP|I\n"
#define PDQ(control, parameters) \
    "MSH|^~\\&|TEST_HARNESS|TEST|CR1|MOH_CAAT|20090226131520-0600||QBP^Q22^QBP_Q21|" control "|P|2.5\nQPD|Q22^Find Candidates^HL7|Q2|" parameters "\nRCP|I|10^RD\n"
#define ANNA "PID|||#439^^^TEST||ODELL^ANNABEL^^^^^L|BIRCH^^^^^^L|19840125|F|||12 Mill Lane^^DOVER^NJ^30293||^PRN^PH^^^409^30495||||||"

static int open_registry(void **state)
{
    int rc = desk_open(state);
    if (rc)
        return rc;
    hl7_source("TEST_HARNESS", 7, "\"namespace_id\":\"TEST\",\"oid\":\"" OID "1\"", NULL);
    hl7_source("TEST_HARNESS_A", 8, "\"namespace_id\":\"TEST_A\",\"oid\":\"" OID "2\"", NULL);
    hl7_source("TEST_HARNESS_B", 9, "\"namespace_id\":\"TEST_B\",\"oid\":\"" OID "3\"", NULL);
    char id[17];
    id_format(id_new(), id);
    json_t *d = CALL("exchange.domain_set", "{\"domain_id\":\"%s\",\"namespace_id\":\"NID\",\"oid\":\"" OID "9\"}", id);
    assert_non_null(d);
    json_decref(d);
    return 0;
}

static void no_authority(void **state) /* 01 */
{
    (void)state;
    step("01-10", ADT("01-10", "A01^ADT_A01", "TEST_HARNESS", "PID|||#438^^^&&||ROWE^JAMES|MARSH|19830205|M"));
    accepted("AE");
    is("MSH-9.1", "ACK");
    is("MSH-9.2", "A01");
    is("MSH-12", "2.3.1");
    is("ERR-1.1", "PID");
    is("ERR-1.3", "3");
    is("ERR-1.4.1", "101");
}

static void authorities_are_filled_in(void **state) /* 02 */
{
    (void)state;
    step("02-10", ADT("02-10", "A01^ADT_A01", "TEST_HARNESS", "PID|||#438^^^&" OID "1&ISO||ROWE^JAMES^^^^^L|MARSH^^^^^^L|19830205|M"));
    accepted("AA");
    is("MSH-5", "TEST_HARNESS");
    is("MSH-6", "TEST");
    is("MSH-12", "2.3.1");
    step("02-20", PIXQ("02-20", "#438^^^&" OID "1&ISO^PI", ""));
    found("AA", "OK", 1);
    is("MSH-9.2", "K23");
    has_number(1, "438", "TEST", OID "1");
    step("02-30", ADT("02-30", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    accepted("AA");
    step("02-40", PIXQ("02-40", "#439^^^TEST^PI", ""));
    found("AA", "OK", 1);
    has_number(1, "439", "TEST", OID "1");
}

static void nobody_assigns_for_another(void **state) /* 04 */
{
    (void)state;
    step("04-20", ADT("04-20", "A01^ADT_A01", "TEST_HARNESS_A", "PID|||#439^^^TEST_A||ODELL^ANNABEL^^^^^L|BIRCH|19840125|F"));
    accepted("AA");
    step("04-30", ADT("04-30", "A01^ADT_A01", "TEST_HARNESS_B", "PID|||ZZ-3049^^^TEST_A||ODELL^ANNABEL^^^^^L|BIRCH|19840125|F"));
    accepted("AE");
    is("MSH-5", "TEST_HARNESS_B");
    is("MSH-9.2", "A01");
    is("MSH-12", "2.3.1");
}

static void a_newborn(void **state) /* 05 */
{
    (void)state;
    step("05-10", ADT("05-10", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    accepted("AA");
    step("05-20", ADT("05-20", "A01^ADT_A01", "TEST_HARNESS", "PID|||#441^^^TEST||||20141001|M|||||||||||||#439^^^TEST "));
    accepted("AA");
    step("05-30", PIXQ("05-30", "#441^^^TEST^PI", ""));
    found("AA", "OK", 1);
    has_number(1, "441", "TEST", OID "1");
}

static void her_name_and_number(void **state) /* 07 */
{
    (void)state;
    step("07-10", ADT("07-10", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    accepted("AA");
    step("07-20", ADT("07-20", "A01^ADT_A01", "TEST_HARNESS", "PID|||#440^^^TEST||||20141001|M|||||||||||||#439^^^TEST"));
    accepted("AA");
    step("07-30", PIXQ("07-30", "#440^^^TEST^PI", ""));
    found("AA", "OK", 1);
    has_number(1, "440", "TEST", OID "1");
    step("07-40", PDQ("07-40", "@PID.3.1^#440~@PID.3.4.1^TEST"));
    found("AA", "OK", 1);
    has_number(1, "440", "TEST", OID "1");
    is("PID-6.1", theirs ? "JONES" : "ODELL");
    is("PID-6.2", theirs ? "JENNIFER" : "ANNABEL");
    is("PID-21(1).1", desk_text("%s439", prefix));
    is("PID-21(1).4.1", "TEST");
}

static void everything_that_was_said(void **state) /* 08 */
{
    (void)state;
    step("08-10", ADT("08-10", "A01^ADT_A01", "TEST_HARNESS",
                      "PID|||#442^^^TEST||LOWE^GRETA^FULL^^^^L~LOWE^GRETA^^^^^M|LOWE^RUTH|1970|F|||9 W34 St^^FRESNO^CA^30495||^PRN^PH^^^419^31495443|^WPN^PH^^^034^0594343|EN|S|||||"));
    accepted("AA");
    step("08-30", PDQ("08-30", "@PID.3.1^#442~@PID.3.4.1^TEST"));
    found("AA", "OK", 1);
    has_number(1, "442", "TEST", OID "1");
    is("PID-5(1).3", "FULL");
    is("PID-5(1).7", "L");
    is("PID-7", "1970");
    is("PID-8", "F");
    is("PID-11.3", "FRESNO");
    is("PID-11.5", "30495");
    is("PID-13.7", "31495443");
    is("PID-14.6", "034");
    is("PID-15", "EN");
    is("PID-16", "S");
}

static void which_numbers_are_wanted(void **state) /* 10 */
{
    (void)state;
    step("10-10", ADT("09-30", "A01^ADT_A01", "TEST_HARNESS", "PID|||#444^^^TEST||FINCH^DOLLY^^^^^L||1935|F|||"));
    accepted("AA");
    step("10-20", PIXQ("10-20", "#444^^^TEST^PI", "|^^^TEST"));
    found("AA", "OK", 1);
    has_number(1, "444", "TEST", OID "1");
    assert_null(strchr(hl7_said("PID-3"), '~'));
    step("10-30", PIXQ("10-30", "#444^^^TEST^PI", "|^^^RANDOM"));
    found("AE", "AE", 0);
    is("ERR-2", "QPD^1^4");
    step("10-40", PIXQ("10-40", "#444^^^TEST^PI", "|^^^NID"));
    found("AA", "NF", 0);
    step("none", PIXQ("x", "#4444^^^TEST^PI", ""));
    found("AE", "AE", 0);
    is("ERR-2", "QPD^1^3^1^1");
    step("none", PIXQ("y", "#444^^^NOBODY^PI", ""));
    found("AE", "AE", 0);
    is("ERR-2", "QPD^1^3^1^4");
}

static void asked_by_number(void **state) /* 11 */
{
    (void)state;
    step("11-10", ADT("11-10", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    accepted("AA");
    step("11-20", PDQ("11-20", "@PID.3.1^#439~@PID.3.4.1^TEST"));
    found("AA", "OK", 1);
    has_number(1, "439", "TEST", OID "1");
    is("PID-5.1", theirs ? "JONES" : "ODELL");
    is("PID-7", "19840125");
    step("11-30", PDQ("11-30", "@PID.3.1^#9483~@PID.3.4.1^TEST"));
    found("AA", "NF", 0);
    step("11-40", PDQ("11-40", "@PID.3.1^#9483~@PID.3.4.99^NOVALUE"));
    found("AE", "AE", 0);
    step("11-50", PDQ("11-50", "@PID.3.1^#439~@PID.3.4.1^TEST|||||^^^TEST"));
    found("AA", "OK", 1);
    has_number(1, "439", "TEST", OID "1");
    step("11-60", PDQ("11-60", "@PID.3.1^#439~@PID.3.4.1^TEST|||||^^^NID"));
    found("AA", "NF", 0);
    step("11-70", PDQ("11-70", "@PID.3.1^#439~@PID.3.4.1^TEST|||||^^^RANDOM"));
    found("AE", "AE", 0);
    is("ERR-2", "QPD^1^8");
}

static void asked_by_mother(void **state) /* 13 */
{
    (void)state;
    step("13-10", ADT("13-10", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    step("13-15", ADT("13-15", "A01^ADT_A01", "TEST_HARNESS", "PID|||#440^^^TEST||||20141001|M|||||||||||||#439^^^TEST"));
    accepted("AA");
    step("13-20", PDQ("13-20", "@PID.21.1^#439~@PID.21.4.1^TEST"));
    found("AA", "OK", 1);
    has_number(1, "440", "TEST", OID "1");
    step("13-30", PDQ("13-30", "@PID.6.1^ODELL~@PID.6.2^ANNABEL"));
    found("AA", "OK", 1);
    has_number(1, "440", "TEST", OID "1");
}

static void asked_by_birth(void **state) /* 14 */
{
    (void)state;
    static const char *const dates[] = {"1984", "198401", "19840125"}, *const names[] = {"14-20", "14-30", "14-40"};
    step("14-10", ADT("14-10", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    for (int i = 0; i < 3; i++) {
        char text[400];
        snprintf(text, sizeof text, PDQ("14", "@PID.7^%s"), dates[i]);
        step(names[i], text);
        found("AA", "OK", 1);
        has_number(1, "439", "TEST", OID "1");
    }
    step("14-50", PDQ("14-50", "@PID.7^1900"));
    found("AA", "NF", 0);
}

static void two_become_one(void **state) /* 16 */
{
    (void)state;
    step("16-10", ADT("16-10", "A01^ADT_A01", "TEST_HARNESS", ANNA));
    step("16-15", ADT("16-15", "A01^ADT_A01", "TEST_HARNESS", "PID|||#999^^^TEST||ODELL^ANN^^^^^L||198401|F|||||||||||"));
    accepted("AA");
    step("16-20", PDQ("16-20", "@PID.5.1^ODELL|||||^^^TEST"));
    found("AA", "OK", 2);
    has_number(1, "439", "TEST", OID "1");
    has_number(2, "999", "TEST", OID "1");
    step("16-30", ADT("16-30", "A40^ADT_A40", "TEST_HARNESS", "PID|||#439^^^TEST||ODELL^ANN^^^^^L||198401|F|||||||||||\nMRG|#999^^^TEST"));
    accepted("AA");
    step("16-40", PIXQ("16-40", "#439^^^TEST^PI", "|^^^TEST"));
    found("AA", "OK", 1);
    has_number(1, "439", "TEST", OID "1");
    has_number(1, "999", "TEST", OID "1");
    step("16-50", PIXQ("16-50", "#999^^^TEST^PI", "|^^^TEST"));
    found("AE", "AE", 0);
    is("ERR-2", "QPD^1^3^1^1");
    step("16-60", PDQ("16-60", "@PID.5.1^ODELL"));
    found("AA", "OK", 2);
    has_number(1, "439", "TEST", OID "1");
    has_number(1, "999", "TEST", OID "1");
    is("PID[2]-3", "");
}

static void merges_are_the_owners(void **state) /* 17 */
{
    (void)state;
    step("17-15", ADT("17-15", "A01^ADT_A01", "TEST_HARNESS_A", "PID|||#203^^^TEST_A||SWAN^SID^^^^^L||19890225|F|||||||||||"));
    step("17-20", ADT("17-20", "A01^ADT_A01", "TEST_HARNESS_A", "PID|||#292^^^TEST_A||SWAN^SIDNEY^^^^^L||198902|F|||||||||||"));
    step("17-25", ADT("17-25", "A01^ADT_A01", "TEST_HARNESS_B", "PID|||SJ-204^^^TEST_B||SWAN^SIDNEY^^^^^L||198902|F|||||||||||"));
    accepted("AA");
    step("17-30", ADT("17-30", "A40^ADT_A40", "TEST_HARNESS_B", "PID|||#203^^^TEST_A||SWAN^SID^^^^^L||198902|F\nMRG|#292^^^TEST_A"));
    accepted("AE");
    is("MSH-5", "TEST_HARNESS_B");
    step("17-40", ADT("17-40", "A40^ADT_A40", "TEST_HARNESS_B", "PID|||SJ-204^^^TEST_B||SWAN^SID^^^^^L||198902|F\nMRG|#292^^^TEST_A"));
    accepted("AE");
    step("17-50", ADT("17-50", "A40^ADT_A40", "TEST_HARNESS_B", "PID|||SJ-204^^^TEST_B||SWAN^SID^^^^^L||198902|F\nMRG|#292^^^TEST_B"));
    accepted("AE");
    is("ERR-1.4.1", "204");
}

static int64_t number_of(const char *sql, int64_t value)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "i", value);
    tx_rollback(tx);
    return n;
}

static void run_sql(const char *sql, int64_t value)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, "i", value), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* He refused that the asker's institution shares in the record of another: it answers as if that one were not there. */
static void what_he_refused_is_not_told(void **state)
{
    (void)state;
    prefix[0] = 0;
    hl7_send(ADT("r1", "A01^ADT_A01", "TEST_HARNESS", "PID|||L-1^^^TEST||LARK^ANN^^^^^L||19700101|F"));
    accepted("AA");
    hl7_send(ADT("r2", "A01^ADT_A01", "TEST_HARNESS_B", "PID|||L-2^^^TEST_B||LARK^ANN^^^^^L||19700101|F"));
    accepted("AA");
    run_sql("UPDATE mpi_member SET person_id=$1, how='steward'", 1);
    hl7_send(PIXQ("r3", "L-1^^^TEST^PI", ""));
    found("AA", "OK", 1);
    has_number(1, "L-2", "TEST_B", OID "3");
    int64_t there = number_of("SELECT patient_id FROM exchange_identity WHERE value='L-2' AND patient_id<>$1", 0);
    run_sql("INSERT INTO share_consent (id, patient_id, decision, purpose, source_org, target_org, from_ms, until_ms, person_id, org_id, t_ms, given, withdrawn_ms, withdrawn_by) "
            "VALUES (1,$1,'deny','any',0,7,1,0,1,9,1,'paper',0,0)", there);
    hl7_send(PIXQ("r4", "L-1^^^TEST^PI", ""));
    found("AA", "OK", 1);
    has_number(1, "L-1", "TEST", OID "1");
    assert_null(strstr(hl7_answer.bytes, "L-2"));
    hl7_send(PIXQ("r5", "L-2^^^TEST_B^PI", ""));
    found("AE", "AE", 0);
    hl7_send(PDQ("r6", "@PID.5.1^LARK"));
    found("AA", "OK", 1);
    assert_null(strstr(hl7_answer.bytes, "L-2"));
    hl7_send(PDQ("r7", "@PID.3.1^L-2"));
    assert_null(strstr(hl7_answer.bytes, "TEST_B&"));
    run_sql("UPDATE share_consent SET withdrawn_ms=1 WHERE id=$1", 1);
    hl7_send(PIXQ("r8", "L-1^^^TEST^PI", ""));
    has_number(1, "L-2", "TEST_B", OID "3");
}

/* An answer in pages: what is left is said, and continued from where it stopped. */
static void pages(void **state)
{
    (void)state;
    char text[700];
    for (int i = 0; i < 7; i++) {
        snprintf(text, sizeof text, ADT("p%d", "A28", "TEST_HARNESS", "PID|||P-%d^^^TEST||HILL^%c%c^^^^^L||19%d0%d1%d|M"), i, i, 'A' + i, 'K' + 2 * i, 30 + 8 * i, i + 1, i);
        hl7_send(text);
        accepted("AA");
    }
    int64_t before = number_of("SELECT MAX(seq) FROM audit WHERE seq>$1", 0);
    hl7_send("MSH|^~\\&|TEST_HARNESS|TEST|CR1|X|20090226||QBP^Q22^QBP_Q21|q|P|2.5\nQPD|Q22^Find Candidates^HL7|T1|@PID.5.1^hi*~@PID.8^M\nRCP|I|3^RD\n");
    found("AA", "OK", 3);
    /* each of them finds it under "who saw my record" */
    assert_int_equal(number_of("SELECT COUNT(DISTINCT patient_id) FROM audit WHERE op='exchange.query' AND patient_id<>0 AND object_id<>0 AND seq>$1", before), 3);
    is("QAK-4", "7");
    is("QAK-6", "4");
    is("DSC-1", "3");
    hl7_send("MSH|^~\\&|TEST_HARNESS|TEST|CR1|X|20090226||QBP^Q22^QBP_Q21|q|P|2.5\nQPD|Q22^Find Candidates^HL7|T1|@PID.5.1^hi*~@PID.8^M\nRCP|I|5^RD\nDSC|3|I\n");
    found("AA", "OK", 4);
    is("DSC-1", "");
    /* no place of ours: not the first page again, for ever */
    hl7_send("MSH|^~\\&|TEST_HARNESS|TEST|CR1|X|20090226||QBP^Q22^QBP_Q21|q|P|2.5\nQPD|Q22^Find Candidates^HL7|T1|@PID.5.1^hi*~@PID.8^M\nRCP|I|5^RD\nDSC|forged|I\n");
    found("AE", "AE", 0);
    is("ERR-2.1", "DSC");
    /* cancelled: nothing is kept of a question */
    hl7_send("MSH|^~\\&|TEST_HARNESS|TEST|CR1|X|20090226||QCN^J01|q|P|2.5\nQID|T1|Q22^Find Candidates^HL7\n");
    is("MSA-1", "AA");
    is("MSH-9", "ACK^J01");
}

/* ---- visits (ITI-22) ---- */

#define VISITQ(parameters) "MSH|^~\\&|TEST_HARNESS|TEST|CR1|X|20261128||QBP^ZV1^QBP_Q21|v|P|2.5\nQPD|IHE PDQ Query|Q3|" parameters "\nRCP|I|3^RD\n"

static void admit(const char *control, const char *event, int who, const char *ward, const char *visit)
{
    hl7_send(desk_text("MSH|^~\\&|TEST_HARNESS|TEST|CR1|X|20261128083000||ADT^%s|%s|P|2.5\nEVN|%s|20261128\nPID|||V-%d^^^TEST||MOSS^%c%c^^^^^L||19%d0%d1%d|M\n"
                       "PV1||I|%s||||7^HALE^RUTH&x|||CAR|||||||||%s|||||||||||||||||||||||||2026112%d0830\n",
                       event, control, event, who, 'A' + who, 'K' + 2 * who, 3 + who, who + 1, who, ward, visit, who));
    accepted("AA");
}

static void who_lies_in_this_ward(void **state)
{
    (void)state;
    admit("a1", "A01", 1, "D6^05^B1", "VN1");
    admit("a2", "A01", 2, "D6^06^B1", "VN2");
    admit("a3", "A01", 3, "D7^01^B1", "VN3");
    admit("a4", "A04", 1, "OPD", "VN4");
    hl7_send(VISITQ("@PID.3.1^V-1~@PID.3.4.1^TEST")); /* as a bedside monitor asks */
    found("AA", "OK", 2);
    is("MSH-9", "RSP^ZV2^RSP_ZV2");
    is("QAK-4", "2");
    assert_int_equal(hl7_lines("PV1"), 2);
    is("PID-5.1", "MOSS");
    hl7_send(VISITQ("@PV1.3.1^D6"));
    found("AA", "OK", 2);
    hl7_send(VISITQ("@PV1.3.1^d6~@PV1.3.2^05"));
    found("AA", "OK", 1);
    is("PV1-3.1", "D6");
    is("PV1-7.2", "HALE");
    is("PV1-19", "VN1");
    hl7_send(VISITQ("@PID.5.1^MOSS~@PV1.44^20261123"));
    found("AA", "OK", 1);
    is("PV1-19", "VN3");
    admit("a5", "A02", 1, "D7^09^B1", "VN1"); /* moved: the last word on the visit counts */
    hl7_send(VISITQ("@PV1.19.1^VN1"));
    found("AA", "OK", 1);
    is("PV1-3.1", "D7");
    hl7_send(VISITQ("@PV1.3.1^D6"));
    found("AA", "OK", 1);
    admit("a6", "A11", 2, "D6^06^B1", "VN2"); /* called off */
    hl7_send(VISITQ("@PV1.19^VN2"));
    found("AA", "NF", 0);
    hl7_send(VISITQ("@PV1.3.1^D6"));
    found("AA", "NF", 0);
}

static void a_visit_asked_for_wrongly(void **state)
{
    (void)state;
    hl7_send(VISITQ("@PV1.99^x"));
    found("AE", "AE", 0);
    is("ERR-2", "QPD^1^3^1^1");
    hl7_send(VISITQ(""));
    found("AE", "AE", 0);
    hl7_send(PDQ("x", "@PV1.3.1^D6")); /* ITI-21 knows no visits */
    found("AE", "AE", 0);
    hl7_send(VISITQ("@PV1.3.1^D6||||| ^^^RANDOM"));
    found("AE", "AE", 0);
    for (int i = 0; i < 5; i++)
        admit(desk_text("p%d", i), "A01", 1, "D9", desk_text("W%d", i));
    hl7_send(VISITQ("@PV1.3.1^D9")); /* three at a time */
    found("AA", "OK", 3);
    is("QAK-6", "2");
    is("DSC-1", "3");
    hl7_send(desk_text("%sDSC|3|I\n", VISITQ("@PV1.3.1^D9")));
    found("AA", "OK", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, open_registry, desk_close)
        T(no_authority), T(authorities_are_filled_in), T(nobody_assigns_for_another), T(a_newborn), T(her_name_and_number),
        T(everything_that_was_said), T(which_numbers_are_wanted), T(asked_by_number), T(asked_by_mother), T(asked_by_birth),
        T(two_become_one), T(merges_are_the_owners), T(what_he_refused_is_not_told), T(pages), T(who_lies_in_this_ward), T(a_visit_asked_for_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
