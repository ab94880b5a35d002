/* Bench: what an ADT^A04 of somebody new costs without the network: a group of messages is one transaction, as in records/call/exchange_call.c.
 *
 *   bench_records_arrivals [N] [GROUP]     (default 30000 32)
 *
 * A line for each 5,000 patients: the thread's processor time a message, the commits and what they bring home among it, and the pages a commit adds to the log (SQLite). */
#include "records/audit/audit.h"
#include "records/parts.h"
#include "records/quality/quality.h"
#include "records/store/store_private.h"
#include "tests/support/hl7.h"
#include "tests/support/people.h"
#include <time.h>

#define SOURCES 8
#define EACH 5000

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static char made[16]; /* MSH-7: what is told a day late is a finding of its own */

static void take(struct tx *tx, struct audit_run *run, int number)
{
    char text[1000], person[400];
    struct fault fault = {0};
    struct actor system = {.system = true, .name = "exchange"};
    struct op_ctx ctx = {.records = desk.r, .tx = tx, .actor = &system, .now_ms = clock_now_ms(&desk.clock), .fault = &fault};
    struct hl7_writer answer = {0};
    people_draw(person, sizeof person);
    int n = snprintf(text, sizeof text, "MSH|^~\\&|HIS%d|QS|YL|X|%s||ADT^A04|new%d|P|2.4||||||UNICODE UTF-8\rPID|1||B%d^^^D%d||%s\rPV1|1|O|门诊^^^内科\r", number % SOURCES, made, number,
                     number, number % SOURCES, person);
    struct exchange_in in = {.bytes = text, .len = (size_t)n, .address = "10.0.0.9", .certificate = ""};
    if (exchange_take(&ctx, &in, &answer) || !strstr(answer.bytes, "MSA|AA")) fail_msg("refused: %s", answer.bytes ? answer.bytes : fault.text);
    audit_add(run, ctx.now_ms, &(struct audit_line){.op = "exchange.receive", .outcome = "ok", .patient = ctx.audit.patient, .object = ctx.audit.object, .address = "10.0.0.9", .detail = ""});
    hl7_writer_fini(&answer);
}

static void take_group(int from, int n)
{
    struct tx *tx;
    struct audit_run run;
    struct records_parts *parts = records_parts(desk.r);
    assert_int_equal(tx_begin(records_store(desk.r), TX_WRITE, &tx), 0);
    exchange_group_begin(parts->exchange);
    quality_arrivals_begin(parts->quality);
    audit_begin(&run, tx, parts->audit_key);
    for (int i = 0; i < n; i++)
        take(tx, &run, from + i);
    assert_int_equal(exchange_group_end(parts->exchange, tx) || quality_arrivals_end(parts->quality, tx, clock_now_ms(&desk.clock)) || audit_end(&run), 0);
    assert_int_equal(tx_commit(tx), 0);
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 30000, group = argc > 2 ? atoi(argv[2]) : 32;
    void *state = NULL;
    if (desk_open(&state)) return 1;
    for (int i = 0; i < SOURCES; i++) {
        char name[16], domain[60];
        snprintf(name, sizeof name, "HIS%d", i);
        snprintf(domain, sizeof domain, "\"namespace_id\":\"D%d\"", i);
        hl7_source(name, 7, domain, NULL);
    }
    time_t t = (time_t)(clock_now_ms(&desk.clock) / 1000) + 8 * 3600;
    struct tm tm;
    strftime(made, sizeof made, "%Y%m%d%H%M%S", gmtime_r(&t, &tm));
    struct store *store = records_store(desk.r);
    for (int at = 0; at < n;) {
        double cpu = cpu_us();
        int64_t pages = 0, counted = 0;
        int from = at;
        for (; at < from + EACH; at += group) {
            int before = store->log_pages;
            take_group(at, group);
            int more = store->log_pages - before;
            pages += more > 0 ? more : 0;
            counted += more > 0;
        }
        cpu = cpu_us() - cpu;
        printf("%d patients: %.0f us a message, %.1f pages a message (group of %d)\n", at, cpu / (at - from), counted ? (double)pages / (double)counted / group : 0, group);
        fflush(stdout);
    }
    return desk_close(&state);
}
