/* Bench: an audit of N lines (default a million) - people's reads, machines' reads, lists that showed twenty patients each - and what is asked of it: pages of the auditor's
 * list by each of its filters, one's own acts, who read a case, who saw a record, the whole check. One JSON line, milliseconds of the thread's processor time (on a busy machine the only
 * figure that says something), the worst of five; `made_us` is one line written and listed, `kept_us` of it what the daemon does behind it.
 *
 *   bench_records_audit [--postgres] [N]
 *
 * Bar: a page 100 ms, whatever is asked for and however rare it is; the check ten seconds for a million lines.
 */
#include "records/audit/audit.h"
#include "records/audit/audit_blocks.h"
#include "records/audit/patient_access.h"
#include "records/audit/system_access.h"
#include "records/parts.h"
#include "records/patient/patient_row.h"
#include "records/records.h"
#include "server/base/clock.h"
#include "tests/lib/postgres_server.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PEOPLE 200
#define PATIENTS 20000
#define SHOWN 20
#define PATIENT 1004242ull
#define A_PART 20000 /* lines a transaction */
#define LINE_MS 30000

static struct records *site;
static char folder[] = "/tmp/yl-audit-XXXXXX";
static struct fault fault;
static int64_t first_ms;

static void check(int rc)
{
    if (rc) {
        fprintf(stderr, "%s %s %s\n", err_wire(rc), fault.reason, fault.text);
        exit(1);
    }
}

static void put_list(struct audit_run *run, int64_t i, struct actor *who)
{
    struct op_shown shown = {.cap = SHOWN};
    char hash[AUDIT_HASH_BYTES];
    uint64_t ids[SHOWN];
    shown.ids = ids;
    for (int64_t k = 0; k < SHOWN; k++)
        shown.ids[shown.n++] = (uint64_t)(1000000 + (i * 131 + k) % PATIENTS);
    check(audit_keep_shown(run, first_ms + i * LINE_MS, who, &shown, NULL, 0, hash));
    audit_add(run, first_ms + i * LINE_MS, &(struct audit_line){.op = "patient.search", .outcome = "ok", .person = who->person.v, .org = 10, .shown = hash});
}

/* Of a hundred lines: 30 of machines, 5 lists, the others reads of people; one in 50,000 was denied, one in 100,000 is of a rare act. */
static void put_line(struct audit_run *run, int64_t i)
{
    struct actor who = {.person.v = 100 + (uint64_t)(i % PEOPLE), .org.v = 10};
    struct audit_line line = {.op = "patient.get", .outcome = "ok", .person = who.person.v, .org = 10, .session = 5, .patient = 1000000 + (uint64_t)(i * 7919 % PATIENTS),
                              .object = 5000000 + (uint64_t)(i % 100000), .address = "192.0.2.7", .detail = "basis=own"};
    if (i % 100 < 5) {
        put_list(run, i, &who);
        return;
    }
    if (i % 100 < 35) {
        line.op = "fhir.read";
        line.person = 0;
        line.session = 7101;
    }
    if (i % 50000 == 77)
        line.outcome = "denied";
    if (i % 100000 == 88)
        line.op = "research.approve";
    if (i % 100000 == 99)
        line.org = 11; /* a small house */
    audit_add(run, first_ms + i * LINE_MS, &line);
}

static void put_all(int64_t n)
{
    for (int64_t from = 0; from < n; from += A_PART) {
        struct audit_run run;
        struct tx *tx;
        check(tx_begin(records_store(site), TX_WRITE, &tx));
        audit_begin(&run, tx, records_parts(site)->audit_key);
        for (int64_t i = from; i < n && i < from + A_PART; i++)
            put_line(&run, i);
        check(audit_end(&run));
        check(tx_commit(tx));
    }
}

/* As the daemon does every second. */
static void count_systems(void)
{
    for (int64_t done = 1; done > 0;) {
        struct tx *tx;
        check(tx_begin(records_store(site), TX_WRITE, &tx));
        done = system_access_count(tx);
        check(done < 0 ? ERR_STORAGE : tx_commit(tx));
    }
    for (int did = 1; did > 0;)
        check((did = audit_blocks_list(records_store(site))) < 0 ? ERR_STORAGE : 0);
}

/* One of them is there to be asked for. */
static void put_patient(void)
{
    struct actor nobody = {.system = true};
    struct tx *tx;
    check(tx_begin(records_store(site), TX_WRITE, &tx));
    struct op_ctx ctx = {.records = site, .tx = tx, .actor = &nobody, .now_ms = 1, .fault = &fault};
    tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES (10,0,'institution','county','10','医院','','','',1)", "");
    tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES (11,10,'institution','township','11','卫生院','','','',1)", "");
    struct patient_row row = {.id = PATIENT, .org_id = 10, .version = 1, .created_ms = 1, .name = "李明", .sex = "male", .birth_date = "1960-05-05", .id_type = "none", .allergy_state = "unknown", .local_number = "N1"};
    check(patient_store(&ctx, &row, NULL));
    check(tx_commit(tx));
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static double ask_of(uint64_t house, const struct op *table, const char *name, const char *args_text)
{
    int64_t worst = 0;
    for (int i = 0; i < 5; i++) {
        struct actor officer = {.person.v = 150, .org.v = house, .session = 1};
        struct tx *tx;
        const struct op *op = table;
        json_t *args = json_loads(args_text, 0, NULL), *result = NULL;
        while (strcmp(op->name, name) != 0)
            op++;
        int64_t start = cpu_us();
        check(tx_begin(records_store(site), TX_READ, &tx));
        struct op_ctx ctx = {.records = site, .tx = tx, .actor = &officer, .now_ms = first_ms, .fault = &fault};
        check(op->run(&ctx, args, &result));
        tx_rollback(tx);
        int64_t took = cpu_us() - start;
        worst = took > worst ? took : worst;
        json_decref(result);
        json_decref(args);
    }
    return (double)worst / 1000;
}

static double ask(const struct op *table, const char *name, const char *args_text)
{
    return ask_of(10, table, name, args_text);
}

static double verify(int64_t lines)
{
    struct audit_verdict v;
    struct tx *tx;
    int64_t start = cpu_us();
    check(tx_begin(records_store(site), TX_READ, &tx));
    check(audit_verify(tx, records_parts(site)->audit_key, &v));
    tx_rollback(tx);
    if (v.first_bad || v.lines != lines) {
        fprintf(stderr, "broken at %lld: %s\n", (long long)v.first_bad, v.what);
        exit(1);
    }
    return (double)(cpu_us() - start) / 1000;
}

int main(int argc, char **argv)
{
    bool own_server = argc > 1 && strcmp(argv[1], "--postgres") == 0;
    argc -= own_server;
    argv += own_server;
    postgres_begin(own_server, NULL);
    int64_t n = argc > 1 ? atoll(argv[1]) : 1000000;
    struct records_config config = {.data_dir = mkdtemp(folder), .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system};
    char window[120], patient[80], person[80], early[120];
    check(config.data_dir ? records_open(&site, &config, &fault) : 1);
    first_ms = clock_now_ms(&clock_system) - n * LINE_MS;
    put_patient();
    int64_t start = cpu_us();
    put_all(n);
    int64_t written = cpu_us();
    count_systems();
    double made = (double)(cpu_us() - start) / (double)n, kept = (double)(cpu_us() - written) / (double)n;
    snprintf(window, sizeof window, "{\"from_ms\":%lld,\"to_ms\":%lld}", (long long)(first_ms + n / 10 * LINE_MS), (long long)(first_ms + (n / 10 + 3000) * LINE_MS));
    snprintf(early, sizeof early, "{\"person_id\":\"%016llx\",\"from_ms\":1,\"to_ms\":%lld}", 150ull, (long long)(first_ms + 1000 * LINE_MS));
    snprintf(patient, sizeof patient, "{\"patient_id\":\"%016llx\"}", PATIENT);
    snprintf(person, sizeof person, "{\"person_id\":\"%016llx\"}", 150ull);
    printf("{\"lines\":%lld,\"made_us\":%.2f,\"kept_us\":%.2f,\"newest\":%.1f,\"by_person\":%.1f,\"by_nobody\":%.1f,\"by_patient\":%.1f,\"by_act\":%.1f,\"by_no_act\":%.1f,\"by_no_machine_act\":%.1f,\"by_house\":%.1f,\"by_own_auditor\":%.1f,\"long_ago\":%.1f,\"denied\":%.1f,\"window\":%.1f,\"mine\":%.1f,\"who_saw\":%.1f,", (long long)n, made, kept,
           ask(audit_ops, "audit.list", "{}"), ask(audit_ops, "audit.list", person), ask(audit_ops, "audit.list", "{\"person_id\":\"00000000000003e7\"}"), ask(audit_ops, "audit.list", patient),
           ask(audit_ops, "audit.list", "{\"op\":\"research.approve\"}"), ask(audit_ops, "audit.list", "{\"op\":\"research.revoke\"}"), ask(audit_ops, "audit.list", "{\"op\":\"fhir.delete\"}"), ask(audit_ops, "audit.list", "{\"org_id\":\"000000000000000b\"}"), ask_of(11, audit_ops, "audit.list", "{}"), ask(audit_ops, "audit.list", early), ask(audit_ops, "audit.list", "{\"denied\":true}"),
           ask(audit_ops, "audit.list", window), ask(audit_ops, "audit.mine", "{}"), ask(access_ops, "access.of_patient", patient));
    printf("\"verify\":%.0f}\n", verify(n));
    records_close(site);
    snprintf(window, sizeof window, "rm -rf %s", folder);
    return system(window);
}
