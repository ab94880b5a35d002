/* What hangs on an entry of the timeline is opened from it: documents and reports as text, PDF or picture, by who sees the entry, and he is seen doing so (records/fhir/attachment.c). */
#include "tests/story/hospitals.h"
#include "server/base/crypto.h"

static const char pdf[] = "%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n";
static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0, 0x90, 0x77, 0x53, 0xDE};

static const char *in_base64(const void *bytes, size_t n)
{
    static char text[8][2000];
    static int at;
    char *out = text[at++ % 8];
    base64_encode(bytes, n, out, 2000);
    return out;
}

static void document(const char *bearer, const char *id, const char *of, const char *date, const char *content, const char *more)
{
    char members[6000];
    snprintf(members, sizeof members, "\"subject\":{\"reference\":\"Patient/%s\"},\"status\":\"current\",\"description\":\"%s\",\"date\":\"%sT12:00:00+08:00\",%s\"content\":[%s]", of, id, date, more, content);
    char url[120], text[7000];
    snprintf(url, sizeof url, "/DocumentReference/%s", id);
    snprintf(text, sizeof text, "{\"resourceType\":\"DocumentReference\",\"id\":\"%s\",%s}", id, members);
    int status = ask(bearer, "PUT", url, text);
    if (status != 200 && status != 201)
        fail_msg("%s: %d %s", url, status, body);
}

static void typed(const char *bearer, const char *id, const char *of, const char *type, const void *bytes, size_t n)
{
    char content[3000];
    snprintf(content, sizeof content, "{\"attachment\":{\"contentType\":\"%s\",\"title\":\"%s\",\"data\":\"%s\"}}", type, id, in_base64(bytes, n));
    document(bearer, id, of, "2026-11-22", content, "");
}

/* The first attachment of an entry of the last timeline. */
static const char *attached(const char *title)
{
    return text_of(json_array_get(json_object_get(entry(title), "attachments"), 0), "id");
}

static json_t *opened(const char *doctor, const char *patient, const char *id)
{
    return world_call(&w, doctor, "patient.attachment", json_pack("{s:s,s:s}", "patient_id", patient, "attachment_id", id));
}

static void opens_as(const char *doctor, const char *patient, const char *title, const char *type, const char *member, const char *is)
{
    look(doctor, patient);
    json_t *got = opened(doctor, patient, attached(title));
    if (!got)
        fail_msg("%s: %s", title, w.fault.text);
    assert_string_equal(text_of(got, "type"), type);
    if (strcmp(text_of(got, member), is) != 0)
        fail_msg("%s: %s is \"%s\", not \"%s\"", title, member, text_of(got, member), is);
    json_decref(got);
}

static void refused(const char *doctor, const char *patient, const char *id, const char *reason)
{
    json_t *got = opened(doctor, patient, id);
    if (got)
        fail_msg("%s opened %s", doctor, id);
    assert_string_equal(w.fault.reason, reason);
}

/* ---- what happens ---- */

static void each_kind_opens_as_what_it_is(void **state)
{
    (void)state;
    static const char html[] = "<html><head><title>x</title><script>alert(1)</script></head><body><h1>会诊&amp;报告</h1><p onclick='x()'>血压 &lt; 140</p><table><tr><td>项目</td><td>值</td></tr></table><ul><li>一</ul></body></html>";
    static const char cda[] = "<?xml version=\"1.0\"?><ClinicalDocument xmlns=\"urn:hl7-org:v3\"><title>出院小结</title><recordTarget><patientRole><id extension=\"1\"/><addr>某街</addr></patientRole></recordTarget>"
                              "<component><structuredBody><component><section><title>出院诊断</title><text><paragraph>肺炎</paragraph></text><entry><observation><value displayName=\"隐\"/><text>编码</text></observation></entry>"
                              "</section></component></structuredBody></component></ClinicalDocument>";
    typed(city, "d-pdf", "n1", "application/pdf", pdf, sizeof pdf - 1);
    typed(city, "d-png", "n1", "image/png", png, sizeof png);
    typed(city, "d-html", "n1", "text/html; charset=utf-8", html, sizeof html - 1);
    typed(city, "d-cda", "n1", "application/hl7-cda+xml", cda, sizeof cda - 1);
    typed(city, "d-gb", "n1", "text/html", "<p>\xb7\xce\xd1\xd7</p>", 11); /* GB 18030 */
    look("feng", at_city);
    json_t *pdf_line = json_array_get(json_object_get(entry("d-pdf"), "attachments"), 0);
    assert_string_equal(text_of(pdf_line, "content_type"), "application/pdf");
    assert_null(json_object_get(pdf_line, "elsewhere"));
    opens_as("feng", at_city, "d-pdf", "pdf", "data", in_base64(pdf, sizeof pdf - 1));
    opens_as("feng", at_city, "d-png", "image", "data", in_base64(png, sizeof png));
    opens_as("feng", at_city, "d-html", "text", "text", "会诊&报告\n血压 < 140\n项目\t值\n• 一");
    opens_as("feng", at_city, "d-cda", "text", "text", "出院小结\n\n出院诊断\n肺炎");
    opens_as("feng", at_city, "d-gb", "text", "text", "肺炎");
    says("出院小结", "value", "好转"); /* a short text stands in the entry itself */
    assert_null(json_object_get(entry("出院小结"), "attachments"));
}

static void what_is_declared_is_not_believed(void **state)
{
    (void)state;
    typed(city, "d-lie", "n1", "image/png", "<html><script>1</script></html>", 31);
    opens_as("feng", at_city, "d-lie", "file", "content_type", "application/octet-stream");
    typed(city, "d-doc", "n1", "application/msword", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8);
    opens_as("feng", at_city, "d-doc", "file", "data", in_base64("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8));
    char cda[400];
    snprintf(cda, sizeof cda, "<ClinicalDocument><component><nonXMLBody><text mediaType=\"application/pdf\" representation=\"B64\">%s</text></nonXMLBody></component></ClinicalDocument>", in_base64(pdf, sizeof pdf - 1));
    typed(city, "d-wrap", "n1", "text/xml", cda, strlen(cda));
    opens_as("feng", at_city, "d-wrap", "pdf", "data", in_base64(pdf, sizeof pdf - 1));
}

static void a_report_has_its_form(void **state)
{
    (void)state;
    char members[1200];
    snprintf(members, sizeof members, OF("n1") "\"status\":\"final\",\"code\":{\"text\":\"病理报告\"},\"effectiveDateTime\":\"2026-11-22T11:00:00+08:00\",\"presentedForm\":[{\"contentType\":\"application/pdf\",\"data\":\"%s\"}]", in_base64(pdf, sizeof pdf - 1));
    keep(city, "DiagnosticReport", "npath", members);
    opens_as("feng", at_city, "病理报告", "pdf", "title", "病理报告");
}

static void a_binary_opens_with_what_names_it(void **state)
{
    (void)state;
    char binary[600];
    snprintf(binary, sizeof binary, "\"contentType\":\"application/pdf\",\"data\":\"%s\"", in_base64(pdf, sizeof pdf - 1));
    keep(city, "Binary", "b1", binary);
    document(city, "d-url", "n1", "2026-11-22", "{\"attachment\":{\"contentType\":\"application/pdf\",\"url\":\"Binary/b1\"}}", "");
    opens_as("feng", at_city, "d-url", "pdf", "content_type", "application/pdf");
    keep(county, "Binary", "b2", binary); /* another system's: naming it gives nothing */
    document(city, "d-theirs", "n1", "2026-11-22", "{\"attachment\":{\"contentType\":\"application/pdf\",\"url\":\"Binary/b2\"}}", "");
    look("feng", at_city);
    refused("feng", at_city, attached("d-theirs"), "no_attachment");
    char given[700];
    snprintf(given, sizeof given, "\"contentType\":\"application/pdf\",\"securityContext\":{\"reference\":\"DocumentReference/d-theirs\"},\"data\":\"%s\"", in_base64(pdf, sizeof pdf - 1));
    keep(county, "Binary", "b2", given); /* unless it says so itself */
    opens_as("feng", at_city, "d-theirs", "pdf", "content_type", "application/pdf");
    document(city, "d-far", "n1", "2026-11-22", "{\"attachment\":{\"contentType\":\"application/pdf\",\"url\":\"https://pacs.example/1.pdf\"}}", "");
    look("feng", at_city);
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(entry("d-far"), "attachments"), 0), "elsewhere")));
    refused("feng", at_city, attached("d-far"), "elsewhere");
    assert_int_equal(ask(city, "DELETE", "/Binary/b1", NULL), 204);
    look("feng", at_city);
    refused("feng", at_city, attached("d-url"), "no_attachment");
}

/* As open, as masked, as audited as the entry. */
static void who_sees_the_entry_opens_it(void **state)
{
    (void)state;
    char id[64], content[1200];
    typed(township, "t-pdf", "t1", "application/pdf", pdf, sizeof pdf - 1);
    look("zhang", at_township);
    snprintf(id, sizeof id, "%s", attached("t-pdf"));
    refused("qian", at_township, id, "not_your_patient");
    refused("qian", at_county, id, "no_attachment"); /* no consent yet */
    refused("qian", at_county, "x", "no_attachment");
    consent(0, COUNTY);
    opens_as("qian", at_county, "t-pdf", "pdf", "title", "t-pdf");
    snprintf(content, sizeof content, "{\"attachment\":{\"contentType\":\"application/pdf\",\"data\":\"%s\"}}", in_base64(pdf, sizeof pdf - 1));
    document(township, "t-pdf", "t1", "2026-11-22", content, "\"meta\":{\"security\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/v3-Confidentiality\",\"code\":\"R\"}]},");
    look("qian", at_county);
    assert_null(titled("t-pdf"));
    refused("qian", at_county, id, "no_attachment");
    opens_as("zhang", at_township, "t-pdf", "pdf", "content_type", "application/pdf");
}

static void what_is_too_large_is_said(void **state)
{
    (void)state;
    size_t n = 12000000;
    char *text = malloc(n + 1000), *p = text;
    p += sprintf(p, "{\"resourceType\":\"DocumentReference\",\"id\":\"d-big\"," OF("n1") "\"status\":\"current\",\"description\":\"d-big\",\"date\":\"2026-11-22T12:00:00+08:00\",\"content\":[{\"attachment\":{\"contentType\":\"application/pdf\",\"data\":\"");
    memset(p, 'A', n);
    strcpy(p + n, "\"}}]}");
    assert_int_equal(ask(city, "PUT", "/DocumentReference/d-big", text), 201);
    free(text);
    look("feng", at_city);
    refused("feng", at_city, attached("d-big"), "attachment");
    assert_int_equal(w.fault.code, ERR_TOO_LARGE);
}

/* A DICOM file of the county, in the case about its patient; the city wrote of the study it is part of. */
static void put_dicom(int id, uint64_t org, const char *patient, const char *study)
{
    struct tx *tx;
    uint64_t of = 0;
    assert_int_equal(id_parse(patient, &of), 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, thumb_state, taken_ms, uploaded_ms, source, withdrawn_ms, study_uid) "
                "VALUES ($1,0,$2,0,$3,0,$4,'imaging','dicom',1,'','',2,1795312800000,1795312800000,'upload',0,$5)", "iiist", (int64_t)id, (int64_t)of, (int64_t)org, SEALED(DOCUMENT_NAME, id, 0, org == COUNTY ? "CT.dcm" : "other.dcm"), study);
    assert_int_equal(tx_commit(tx), 0);
}

static void a_study_leads_to_its_pictures(void **state)
{
    (void)state;
    look("feng", at_city);
    assert_int_equal(json_integer_value(json_object_get(entry("头颅 CT 平扫"), "pictures")), 0); /* the page says who keeps them */
    assert_string_equal(text_of(json_object_get(entry("头颅 CT 平扫"), "org"), "name"), "南江市第一医院");
    keep(city, "ImagingStudy", "ns", OF("n1") "\"identifier\":[{\"system\":\"urn:dicom:uid\",\"value\":\"urn:oid:1.2.34\"}],\"status\":\"available\",\"started\":\"2026-11-22T10:00:00+08:00\","
                                             "\"description\":\"头颅 CT 平扫\",\"modality\":[{\"code\":\"CT\"}]");
    put_dicom(8301, COUNTY, at_county, "1.2.34");
    put_dicom(8302, CITY, at_city, "1.2.99");
    look("feng", at_city);
    assert_int_equal(json_integer_value(json_object_get(entry("头颅 CT 平扫"), "pictures")), 0); /* the county's record is closed to him */
    consent(0, CITY);
    look("feng", at_city);
    assert_int_equal(json_integer_value(json_object_get(entry("头颅 CT 平扫"), "pictures")), 1);
    under("CT.dcm", "头颅 CT 平扫");
    assert_null(json_object_get(entry("CT.dcm"), "uid"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_opens_as_what_it_is),    cmocka_unit_test(what_is_declared_is_not_believed), cmocka_unit_test(a_report_has_its_form),
        cmocka_unit_test(a_binary_opens_with_what_names_it), cmocka_unit_test(who_sees_the_entry_opens_it),      cmocka_unit_test(what_is_too_large_is_said),
        cmocka_unit_test(a_study_leads_to_its_pictures),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
