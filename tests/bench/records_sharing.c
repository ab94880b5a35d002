/* Bench: a person's timeline across institutions, and who saw the record. One person with five years of records at five institutions (1,500 documents, 200
 * consultations with opinions, 3,000 reports and values of laboratories by message and as many over FHIR, there also 200 visits with their diagnosis and medication), read by a doctor of one of them who takes part in a case; an audit of N lines over 5,000 patients. One JSON line.
 *
 *   bench_records_sharing [--postgres] [N] [timed]     (default 200000 100; on a durable PostgreSQL server of its own, whose processor time is the mean of a call)      Bars: timeline p95 <= 300 ms; who saw p95 <= 50 ms.
 *
 * cpu_* is the thread's processor time: on a busy machine the only figure that says something.
 */
#include "records/audit/patient_access.h"
#include "records/exchange/exchange.h"
#include "records/fhir/client.h"
#include "records/patient/index.h"
#include "records/records.h"
#include "records/store/sealed.h"
#include "server/base/clock.h"
#include "tests/lib/postgres_server.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HOUSES 5
#define DOCUMENTS 300 /* a house */
#define CASES 40
#define REPORTS 100 /* each with five values; as many by message as over FHIR */
#define VISITS 40   /* over FHIR, each with a diagnosis and a medication */

static struct records *site;
static char folder[] = "/tmp/yl-sharing-XXXXXX";
static struct fault fault;
static struct tx *tx;

static void check(int rc)
{
    if (rc) {
        fprintf(stderr, "%s %s\n", fault.reason, fault.text);
        exit(1);
    }
}

static void put_patient(int64_t org)
{
    struct actor nobody = {.system = true};
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &nobody, .now_ms = 1, .fault = &fault};
    struct patient_row row = {.id = 500 + (uint64_t)org, .org_id = (uint64_t)org, .version = 1, .created_ms = 1, .name = "李明", .sex = "male", .birth_date = "1960-05-05",
                              .id_type = "none", .allergy_state = "unknown", .local_number = "N1"};
    check(patient_store(&ctx, &row, NULL));
    tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES ($1,0,'institution','county',CAST($1 AS TEXT),'医院','','','',1)", "i", org);
    tx_exec(tx, "INSERT INTO exchange_source (id, org_id, name, application, facility, address, certificate, map, assume, accept_dead, may_ask, enabled, created_ms, changed_ms) VALUES "
                "($1,$1,'LIS','LIS',CAST($1 AS TEXT),'','','hl7v2','none',0,0,1,1,1)", "i", org);
    tx_exec(tx, "INSERT INTO mpi_member (patient_id, person_id, how, since_ms) VALUES ($1,501,'steward',1)", "i", 500 + org);
}

static void put_document(int64_t org, int64_t id, int64_t of_case)
{
    tx_exec(tx,
            "INSERT INTO document (id, case_id, patient_id, person_id, org_id, by_person, name, category, type, bytes, sha256, blob, thumb_state, taken_ms, uploaded_ms, "
            "source, withdrawn_ms) VALUES ($1,$2,$3,0,$4,0,$5,'lab','pdf',1,'','',0,0,$1,'upload',0)",
            "iiiis", id, of_case, 500 + org, org, SEALED(DOCUMENT_NAME, id, 0, "血常规检验报告单.pdf"));
}

static const char body[] = "{\"findings\":\"左侧基底节区低密度影\",\"diagnoses\":[{\"code\":\"I63.9\",\"text\":\"脑梗死\",\"main\":true},{\"code\":\"I10\",\"text\":\"高血压病\"}]}";

static void put_case(int64_t org, int64_t id)
{
    tx_exec(tx,
            "INSERT INTO consult (id, number, kind, scope, template, urgency, state, back, version, patient_id, applicant_id, home_org_id, home_dept_id, target_org_id, created_ms, "
            "changed_ms, submitted_ms, reached_ms, signed_ms, closed_ms, form) VALUES ($1,CAST($1 AS TEXT),'offline','clinical','','routine',$2,'DRAFT',1,$3,$4,$5,0,1,$1,$1,1,1,1,$6,$7)",
            "itiiiis", id, id % 37 ? "CLOSED" : "ACCEPTED", 500 + org, (int64_t)900, org, (int64_t)(id % 37 ? 1 : 0), SEALED(CONSULT_FORM, id, 0, body));
    tx_exec(tx, "INSERT INTO consult_team (case_id, n, person_id, part, state, asked_ms, signed_ms) VALUES ($1,0,$2,0,2,1,1)", "ii", id, (int64_t)(id % 37 ? 902 : 901));
    tx_exec(tx, "INSERT INTO consult_opinion (id, case_id, person_id, kind, version, body, signed_text, signed_ms, sha256, licence_no, second_factor) VALUES ($1,$1,902,'final',1,$2,$3,$1,'','',1)",
            "iss", id, SEALED(OPINION_BODY, id, id, body), SEALED(OPINION_TEXT, id, id, "x"));
}

static const char value[] = "{\"text\":\"葡萄糖\",\"value\":\"6.4\",\"range\":\"3.9-6.1\",\"flag\":\"H\"}";

/* Every fourth report is sent by the other door, too, under the same number. */
static void put_report(int64_t org, int64_t id, int64_t n)
{
    struct actor nobody = {.system = true};
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &nobody, .now_ms = 1, .fault = &fault};
    char number[24];
    snprintf(number, sizeof number, "L%lld", (long long)n);
    int64_t key = n % 4 ? id : exchange_entry_key(&ctx, (uint64_t)org, "report", number, "");
    for (int64_t i = id; i < id + 6; i++)
        tx_exec(tx,
                "INSERT INTO exchange_entry (id, patient_id, source_id, message_id, kind, code, system, standard_code, standard_system, unit, status, t_ms, key, replaced_by, body) "
                "VALUES ($1,$2,$3,$4,$5,'GLU','L','14749-6','http://loinc.org','mmol/L','final',$4,$7,0,$6)",
                "iiiitsi", i, 500 + org, org, id, i == id ? "report" : "observation", SEALED(EXCHANGE_ENTRY, i, 500 + org, value), i == id ? key : i);
}

/* ---- over FHIR ---- */

static struct r4_buf bundle;

static void put_resource(const char *type, int64_t org, const char *name, int64_t n, const char *members)
{
    r4_buf_printf(&bundle, "%s{\"resource\":{\"resourceType\":\"%s\",\"id\":\"%s%lld-%lld\",%s},\"request\":{\"method\":\"PUT\",\"url\":\"%s/%s%lld-%lld\"}}", bundle.n > 100 ? "," : "",
                  type, name, (long long)org, (long long)n, members, type, name, (long long)org, (long long)n);
}

static const char *members(const char *fmt, ...) YL_PRINTF(1, 2);
static const char *members(const char *fmt, ...)
{
    static char text[1200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return text;
}

#define SUBJECT "\"subject\":{\"reference\":\"Patient/p%lld-0\"},"

static void put_visit(int64_t org, int64_t i)
{
    long long o = org, n = i;
    put_resource("Encounter", org, "e", i, members(SUBJECT "\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"type\":[{\"text\":\"心血管内科门诊\"}],\"period\":{\"start\":\"202%lld-0%lld-12T09:00:00+08:00\"},"
                                                 "\"participant\":[{\"individual\":{\"display\":\"张医生\"}}]", o, n % 5 + 1, n % 9 + 1));
    put_resource("Condition", org, "c", i, members(SUBJECT "\"encounter\":{\"reference\":\"Encounter/e%lld-%lld\"},\"code\":{\"coding\":[{\"system\":\"urn:his\",\"code\":\"GXY\",\"display\":\"高血压\"}],"
                                                 "\"text\":\"高血压病2级\"},\"recordedDate\":\"202%lld-0%lld-12\"", o, o, n, n % 5 + 1, n % 9 + 1));
    put_resource("MedicationRequest", org, "m", i, members(SUBJECT "\"encounter\":{\"reference\":\"Encounter/e%lld-%lld\"},\"status\":\"active\",\"intent\":\"order\",\"medicationCodeableConcept\":{\"text\":\"氨氯地平片 5mg\"},"
                                                         "\"authoredOn\":\"202%lld-0%lld-12\",\"dosageInstruction\":[{\"text\":\"5mg 每日一次 口服\"}]", o, o, n, n % 5 + 1, n % 9 + 1));
}

static void put_fhir_report(int64_t org, int64_t i)
{
    static const char *const items[][2] = {{"14749-6", "葡萄糖"}, {"14682-9", "肌酐"}, {"2823-3", "钾"}, {"2951-2", "钠"}, {"1742-6", "丙氨酸氨基转移酶"}};
    long long o = org, n = i;
    char results[600] = "";
    for (long long k = 0; k < 5; k++) {
        put_resource("Observation", org, "v", i * 5 + k, members(SUBJECT "\"status\":\"final\",\"category\":[{\"coding\":[{\"system\":\"http://terminology.hl7.org/CodeSystem/observation-category\",\"code\":\"laboratory\"}]}],"
                     "\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"%s\"}],\"text\":\"%s\"},\"effectiveDateTime\":\"202%lld-0%lld-12T08:%02lld:00+08:00\","
                     "\"valueQuantity\":{\"value\":%lld.4,\"unit\":\"mmol/L\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mmol/L\"},\"interpretation\":[{\"coding\":[{\"code\":\"H\"}]}],"
                     "\"referenceRange\":[{\"low\":{\"value\":3.9},\"high\":{\"value\":6.1}}],\"performer\":[{\"display\":\"检验科\"}]", o, items[k][0], items[k][1], n % 5 + 1, n % 9 + 1, n % 60, n % 9));
        size_t len = strlen(results);
        snprintf(results + len, sizeof results - len, "%s{\"reference\":\"Observation/v%lld-%lld\"}", k ? "," : "", o, n * 5 + k);
    }
    put_resource("DiagnosticReport", org, "r", i, members(SUBJECT "\"identifier\":[{\"system\":\"urn:lis\",\"value\":\"L%lld\"}],\"status\":\"final\",\"code\":{\"text\":\"生化全套\"},"
                 "\"effectiveDateTime\":\"202%lld-0%lld-12T08:%02lld:00+08:00\",\"result\":[%s]", o, n, n % 5 + 1, n % 9 + 1, n % 60, results));
}

static void write_fhir(int64_t org)
{
    char bearer[BEARER_BYTES];
    struct bearer b = {.client = 9000 + (uint64_t)org, .until_ms = clock_now_ms(&clock_system) + 3600000};
    struct records_fhir_answer a = {0};
    snprintf(b.scopes, sizeof b.scopes, "system/*.*");
    bearer_make(records_parts(site)->fhir, &b, bearer);
    check(tx_begin(records_store(site), TX_WRITE, &tx));
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES ($1,'HIS',$2,'system/*.*','',1,0,0)", "ii", 9000 + org, org);
    check(tx_commit(tx));
    r4_buf_puts(&bundle, "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[");
    put_resource("Patient", org, "p", 0, members("\"identifier\":[{\"system\":\"urn:yilian:patients:%lld\",\"value\":\"N1\"}],\"name\":[{\"text\":\"李明\"}]", (long long)org));
    for (int64_t i = 0; i < VISITS; i++)
        put_visit(org, i);
    for (int64_t i = 0; i < REPORTS; i++)
        put_fhir_report(org, i);
    r4_buf_puts(&bundle, "]}");
    struct records_fhir q = {.method = "POST", .path = "/", .query = "", .credential = bearer, .accept = "", .content_type = "application/fhir+json", .prefer = "return=minimal", .if_match = "",
                             .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "", .host = "bench", .body = bundle.p, .len = bundle.n};
    records_fhir_call(site, &q, &a);
    if (a.status != 200) {
        fprintf(stderr, "the resources were refused: %d %.400s\n", a.status, a.body ? a.body : "");
        exit(1);
    }
    free(a.body);
    r4_buf_clear(&bundle);
}

static void put_audit(int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        tx_exec(tx,
                "INSERT INTO audit (seq, t_ms, op, outcome, person_id, org_id, session_id, patient_id, object_id, address, detail, hash) VALUES "
                "($1,$2,'patient.get','ok',$3,$4,1,$5,0,'','basis=own','')",
                "iiiii", 1000000 + i, i * 60000, 900 + i % 20, 1 + i % HOUSES, 501 + (i * 7919) % 5000);
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static size_t measure(const struct op *table, const char *name, const char *text, size_t timed, int64_t *cpu)
{
    struct actor doctor = {.person = {901}, .org = {1}, .session = 1, .roles = ~0ull};
    size_t entries = 0;
    while (strcmp(table->name, name) != 0)
        table++;
    for (size_t i = 0; i < timed; i++) {
        json_t *args = json_loads(text, 0, NULL), *result = NULL;
        int64_t start = cpu_us();
        check(tx_begin(records_store(site), TX_READ, &tx));
        struct op_ctx ctx = {.records = site, .tx = tx, .actor = &doctor, .now_ms = 2000000000, .fault = &fault};
        check(table->run(&ctx, args, &result));
        tx_rollback(tx);
        char *out = json_dumps(result, JSON_COMPACT);
        cpu[i] = cpu_us() - start;
        entries = json_array_size(json_object_get(result, "items"));
        free(out);
        json_decref(result);
        json_decref(args);
    }
    qsort(cpu, timed, sizeof *cpu, by_size);
    return entries;
}

int main(int argc, char **argv)
{
    bool own_server = argc > 1 && strcmp(argv[1], "--postgres") == 0;
    argc -= own_server;
    argv += own_server;
    postgres_begin(own_server, NULL);
    int64_t lines = argc > 1 ? atoll(argv[1]) : 200000;
    size_t timed = argc > 2 ? strtoul(argv[2], NULL, 10) : 100;
    int64_t *first = calloc(timed + 1, sizeof *first), *next = calloc(timed + 1, sizeof *next), *who = calloc(timed + 1, sizeof *who);
    struct records_config config = {.data_dir = mkdtemp(folder), .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system};
    if (!first || !next || !who || !timed || !config.data_dir)
        return 1;
    check(records_open(&site, &config, &fault));
    check(tx_begin(records_store(site), TX_WRITE, &tx));
    for (int64_t org = 1; org <= HOUSES; org++) {
        put_patient(org);
        for (int64_t i = 0; i < CASES; i++)
            put_case(org, 100000 * org + i);
        for (int64_t i = 0; i < REPORTS; i++)
            put_report(org, 100000 * org + 10000 + 6 * i, i);
        for (int64_t i = 0; i < DOCUMENTS; i++)
            put_document(org, 100000 * org + 1000 + i, i % 3 ? 0 : 100000 * org + i % CASES);
    }
    check(tx_commit(tx));
    for (int64_t org = 1; org <= HOUSES; org++)
        write_fhir(org);
    check(tx_begin(records_store(site), TX_WRITE, &tx));
    put_audit(lines);
    check(tx_commit(tx));
    double server = postgres_cpu_s();
    size_t a = measure(patient_ops, "patient.timeline", "{\"patient_id\":\"00000000000001f5\",\"limit\":200}", timed, first);
    server = (postgres_cpu_s() - server) * 1000 / (double)timed;
    size_t b = measure(patient_ops, "patient.timeline", "{\"patient_id\":\"00000000000001f5\",\"limit\":500}", timed, next);
    size_t c = measure(access_ops, "access.of_patient", "{\"patient_id\":\"00000000000001f5\"}", timed, who);
    printf("{\"records\":%d,\"audit\":%lld,\"page\":%zu,\"page_cpu_p50_ms\":%.1f,\"page_cpu_p95_ms\":%.1f,\"page_server_ms\":%.1f,\"long_page\":%zu,\"long_cpu_p95_ms\":%.1f,\"who_saw\":%zu,\"who_cpu_p50_ms\":%.1f,"
           "\"who_cpu_p95_ms\":%.1f}\n",
           HOUSES * (DOCUMENTS + 2 * CASES + 12 * REPORTS + 3 * VISITS), (long long)lines, a, (double)first[timed / 2] / 1e3, (double)first[timed * 95 / 100] / 1e3, server, b, (double)next[timed * 95 / 100] / 1e3, c,
           (double)who[timed / 2] / 1e3, (double)who[timed * 95 / 100] / 1e3);
    records_close(site);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}
