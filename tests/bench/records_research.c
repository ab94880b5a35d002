/* What a data set for research costs: CPU a person, from the approval to the archive, over persons with forty entries each.
 *   bench_records_research [persons, 5000] */
#include "records/background.h"
#include "records/patient/patient_row.h"
#include "records/store/sealed.h"
#include "tests/story/world.h"
#include <sys/resource.h>

#define ENTRIES 40
#define DAY 86400000ll

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void put_entry(struct tx *tx, int64_t id, int64_t patient, const char *kind, const char *code, int64_t t_ms)
{
    char body[80];
    snprintf(body, sizeof body, "{\"text\":\"x\",\"value\":\"%lld.%lld\"}", (long long)(id % 20 + 3), (long long)(id % 10));
    tx_exec(tx,
            "INSERT INTO exchange_entry (id, patient_id, source_id, message_id, kind, code, system, standard_code, standard_system, unit, status, t_ms, key, replaced_by, body) VALUES "
            "($1,$2,1,1,$3,$4,'',$4,'','mmol/L','final',$5,0,0,$6)",
            "iittis", id, patient, kind, code, t_ms, SEALED(EXCHANGE_ENTRY, id, patient, body));
}

static void put_person(struct op_ctx *ctx, int i, int64_t t_ms)
{
    static const char *const labs[] = {"2345-7", "2160-0", "718-7", "777-3", "2951-2", "2823-3", "1742-6", "1920-8"};
    static const char *const others[] = {"I10.x00", "E11.900", "E78.500", "J44.900"};
    unsigned at = (unsigned)i;
    struct patient_row row = {.id = (uint64_t)(10000 + i), .org_id = i % 3 ? 20 : 10, .version = 1, .created_ms = 1, .name = "甲", .id_type = "none", .allergy_state = "unknown"};
    snprintf(row.local_number, sizeof row.local_number, "%d", i);
    snprintf(row.sex, sizeof row.sex, "%s", i % 2 ? "male" : "female");
    snprintf(row.birth_date, sizeof row.birth_date, "19%02u-0%u-1%u", (30 + at * 7 % 60) % 100, 1 + at % 9, at % 10);
    if (patient_store(ctx, &row, NULL))
        abort();
    put_entry(ctx->tx, 1000000 + (int64_t)i * 100, (int64_t)row.id, "diagnosis", "I63.900", t_ms);
    for (int k = 1; k < ENTRIES; k++)
        put_entry(ctx->tx, 1000000 + (int64_t)i * 100 + k, (int64_t)row.id, k % 8 ? "observation" : "diagnosis", k % 8 ? labs[(i + k) % 8] : others[(i + k) % 4], t_ms + k * DAY);
}

static json_t *must(struct world *w, json_t *result)
{
    if (!result) {
        fprintf(stderr, "%s %s\n", err_wire(w->fault.code), w->fault.text);
        abort();
    }
    return result;
}

int main(int argc, char **argv)
{
    int persons = argc > 1 ? atoi(argv[1]) : 5000;
    struct world w;
    struct tx *tx;
    char id[ID_TEXT_BYTES];
    world_open(&w);
    if (tx_begin(records_store(w.r), TX_WRITE, &tx))
        return 1;
    struct actor nobody = {.system = true};
    struct op_ctx ctx = {.records = w.r, .tx = tx, .actor = &nobody, .now_ms = w.now_ms, .fault = &w.fault};
    for (int i = 0; i < persons; i++)
        put_person(&ctx, i, w.now_ms - (60 + i % 200) * DAY);
    if (tx_commit(tx))
        return 1;
    json_t *p = must(&w, world_call(&w, "ren", "research.create",
                                    json_pack("{s:s,s:s,s:s,s:s,s:{s:[s],s:s,s:s},s:[s,s,s,s,s,s,s],s:I}", "title", "x", "purpose", "x", "ethics_no", "1", "ethics_date", "2026-01-01", "cohort", "codes", "I63",
                                              "from", "2026-01-01", "to", "2026-11-22", "fields", "sex", "age", "institution", "period", "condition", "diagnoses", "observations", "until_ms",
                                              (json_int_t)(w.now_ms + 30 * DAY))));
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(p, "id")));
    json_decref(p);
    json_decref(must(&w, world_call(&w, "ren", "research.submit", json_pack("{s:s}", "project_id", id))));
    double before = cpu_s();
    json_decref(must(&w, world_call(&w, "ren", "research.count", json_pack("{s:s}", "project_id", id))));
    double counted = cpu_s();
    json_decref(must(&w, world_call(&w, "admin", "research.approve", json_pack("{s:s}", "project_id", id))));
    const char *state = "APPROVED";
    int rounds = 0;
    for (; strcmp(state, "APPROVED") == 0 && rounds < 1000; rounds++) {
        records_background(w.r);
        p = must(&w, world_call(&w, "ren", "research.get", json_pack("{s:s}", "project_id", id)));
        state = strcmp(json_string_value(json_object_get(p, "state")), "READY") == 0 ? "READY" : strcmp(json_string_value(json_object_get(p, "state")), "APPROVED") == 0 ? "APPROVED" : "FAILED";
        if (strcmp(state, "READY") == 0)
            printf("bytes %lld, dropped %lld, classes %lld\n", (long long)json_integer_value(json_object_get(p, "bytes")),
                   (long long)json_integer_value(json_object_get(json_object_get(p, "report"), "dropped")), (long long)json_integer_value(json_object_get(json_object_get(p, "report"), "classes")));
        json_decref(p);
    }
    double made = cpu_s();
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("%s: persons %d, entries each %d, count %.0f ms CPU, made in %d rounds, %.0f us CPU a person, peak RSS %ld MB\n", state, persons, ENTRIES, (counted - before) * 1e3, rounds,
           (made - counted) * 1e6 / persons, u.ru_maxrss / 1024);
    world_close(&w);
    return strcmp(state, "READY") != 0;
}
