/* Processor time of what is done for data quality when a message of results is taken: the rules, the collecting of codes, all of the message.
 * bench_records_quality [MESSAGES]; getrusage, so that it holds on a busy machine. */
#include "records/parts.h"
#include "records/quality/quality.h"
#include "records/records.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESULTS 20
#define NOW 1795500000000LL

static const char *const loinc[RESULTS] = {"6690-2", "789-8",   "718-7",   "4544-3",  "787-2",  "785-6",  "786-4",   "788-0",  "777-3",   "32623-1",
                                           "2823-3", "14749-6", "14682-9", "14933-6", "1742-6", "1920-8", "14631-6", "1751-7", "14647-2", "2000-8"};
static const char *const units[RESULTS] = {"10*9/L", "10*12/L", "g/L", "%", "fL", "pg", "g/L", "%", "10*9/L", "fL", "mmol/L", "mmol/L", "μmol/L", "umol/L", "U/L", "U/L", "umol/L", "g/L", "mmol/L", "mmol/L"};
static const char *const values[RESULTS] = {"6.1", "4.5", "130", "41", "90", "30", "330", "13", "210", "9.5", "4.1", "5.6", "88", "310", "21", "19", "11", "44", "4.6", "2.3"};
static struct records *r;

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static int64_t now(void *ctx)
{
    (void)ctx;
    return NOW;
}

static void open_site(const char *config_dir, char dir[32])
{
    static struct clock clock = {now, NULL};
    struct fault f = {0};
    strcpy(dir, "/tmp/yl-bench-XXXXXX");
    if (!mkdtemp(dir))
        exit(1);
    struct records_config config = {.data_dir = dir, .config_dir = config_dir, .clock = &clock};
    if (records_open(&r, &config, &f))
        exit((fprintf(stderr, "%s\n", f.text), 1));
    struct tx *tx;
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        exit(1);
    tx_exec(tx, "INSERT INTO org (id, parent_id, kind, level, code, name, pinyin, phone, specialty, active) VALUES (20,0,'institution','','X','甲院','','','',1)", "");
    if (tx_commit(tx))
        exit(1);
    json_t *args = json_loads("{\"source_id\":\"0000000000000e01\",\"org_id\":\"0000000000000014\",\"name\":\"检验\",\"application\":\"LIS\",\"domains\":[{\"namespace_id\":\"LIS\"}],\"enabled\":true}", 0, NULL);
    struct reply reply;
    struct call call = {.op = "exchange.source_set", .credential = records_system_credential(r), .args = args};
    records_call(r, &call, &reply);
    if (reply.error)
        exit((fprintf(stderr, "%s\n", reply.fault.text), 1));
    reply_clear(&reply);
    json_decref(args);
}

static void close_site(const char *dir)
{
    char command[64];
    records_close(r);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command))
        exit(1);
}

static void heard(void *ctx, const struct records_message_answer *a)
{
    (void)ctx;
    if (a->error || a->len < 10 || !strstr(a->bytes, "MSA|AA"))
        exit((fprintf(stderr, "not taken: %.300s\n", a->bytes), 1));
}

/* `odd`: of so many results one comes in mg/dL and one cannot be true; 0 = all as they should be. */
static double messages(size_t n, size_t odd)
{
    static size_t control;
    char text[4096];
    double from = cpu_us();
    for (size_t i = 0; i < n; i++) {
        bool bad = odd && i % odd == 0;
        control++;
        int at = snprintf(text, sizeof text, "MSH|^~\\&|LIS||||20261124||ORU^R01|%zu|P|2.4||||||UNICODE UTF-8\rPID|1||%zu^^^LIS||赵^明||19700102|M\rOBR|1||f%zu|58410-2^CBC^LN|||202611240930\r",
                          control, control % 200, control);
        for (size_t k = 0; k < RESULTS; k++)
            at += snprintf(text + at, sizeof text - (size_t)at, "OBX|%zu|NM|%s^x^LN||%s|%s|||||F\r", k + 1, loinc[k], bad && k == 10 ? "41" : bad && k == 11 ? "100" : values[k],
                           bad && k == 11 ? "mg/dL" : units[k]);
        struct records_message m = {.bytes = text, .len = (size_t)at, .address = "10.0.0.9", .certificate = ""};
        if (records_message_submit(r, &m, heard, NULL))
            exit(1);
    }
    return (cpu_us() - from) / (double)n;
}

static struct clean_entry entry_of(size_t k)
{
    return (struct clean_entry){.kind = "observation", .code = loinc[k], .system = "LN", .standard_code = loinc[k], .standard_system = ITEMS_SYSTEM, .value = values[k],
                                .unit = units[k], .status = "final", .sex = "male", .birth_date = "1970-01-02"};
}

static void rules_alone(size_t n)
{
    struct fault f = {0};
    struct rules *rules;
    if (rules_open(&rules, YL_SOURCE_DIR "/config", &f))
        exit(1);
    struct clean_with w = {rules, quality_items(records_parts(r)->quality), records_parts(r)->terms->icd10, rules_on(rules, "2026-11-24"), "2026-11-24", NOW};
    struct clean_result out;
    double from = cpu_us();
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < RESULTS; k++) {
            struct clean_entry e = entry_of(k);
            clean_entry(&w, &e, &out);
        }
    printf("the engine alone: %.2f us for %d results\n", (cpu_us() - from) / (double)n, RESULTS);
    rules_close(rules);
}

/* As exchange_write_entries does it, `group` messages in a transaction. */
static void codes_alone(size_t n, size_t group)
{
    struct quality *q = records_parts(r)->quality;
    struct tx *tx;
    double from = cpu_us(), empty = 0;
    for (int round = 0; round < 2; round++) {
        from = cpu_us();
        for (size_t i = 0; i < n; i += group) {
            if (tx_begin(records_store(r), TX_WRITE, &tx))
                exit(1);
            if (round)
                quality_arrivals_begin(q);
            for (size_t k = 0; round && k < group * RESULTS; k++) {
                struct quality_standard to;
                struct quality_code c = {0xe01, "observation", "OBX", "L", loinc[k % RESULTS], "x", ITEMS_SYSTEM, loinc[k % RESULTS]};
                quality_standard_of(q, tx, &c, &to);
                quality_count(q, &c);
            }
            if (round && quality_arrivals_end(q, tx, NOW))
                exit(1);
            if (tx_commit(tx))
                exit(1);
        }
        if (!round)
            empty = cpu_us() - from;
    }
    printf("collecting codes alone, %zu in a group: %.1f us a message of %d results\n", group, (cpu_us() - from - empty) / (double)n, RESULTS);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    char dir[32], other[] = "/tmp/yl-benchconf-XXXXXX", command[400];
    if (!mkdtemp(other))
        return 1;
    char *text = NULL;
    if (asprintf(&text, "cp -rs %s/config/. %s/ && rm %s/quality/rules.json && echo '{\"rules\":[{\"id\":\"none\",\"version\":1,\"from\":\"2999-01-01\",\"check\":\"coded\","
                        "\"dimension\":\"validity\",\"kinds\":[\"charge\"],\"title\":{\"zh\":\"x\",\"en\":\"x\"}}]}' > %s/quality/rules.json", YL_SOURCE_DIR, other, other, other) < 0 || system(text))
        return 1;
    free(text);
    for (int round = 0; round < 2; round++) {
        open_site(round ? YL_SOURCE_DIR "/config" : other, dir);
        messages(200, 0); /* patients are registered */
        printf("%s: %.0f us of processor time a message of %d results, one in a transaction\n", round ? "with the rules" : "without rules", messages(n, 0), RESULTS);
        if (round) {
            printf("with the rules, one conversion and one implausible value in each: %.0f us\n", messages(n, 1));
            rules_alone(2000);
            codes_alone(n, 1);
            codes_alone(n * 4, 64);
        }
        close_site(dir);
    }
    snprintf(command, sizeof command, "rm -rf %s", other);
    return system(command) != 0;
}
