/* How long a cockpit takes over a year of cases: bench_records_report [CASES]. Facts are laid down as the background would (about twelve a case,
 * two institutions each), then each page is asked for the last 30 days with its trend of twelve times 30 days, for the whole consortium and for
 * one county hospital. Processor seconds of the asking thread; the database is warm. */
#include "records/store/store.h"
#include "tests/story/world.h"
#include <time.h>

#define DAY 86400000ll

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One fact of a measure for each case, spread evenly over the year; a quarter of the words each. */
static void lay(struct tx *tx, int measure, int64_t cases, int64_t now, const char *word)
{
    tx_exec(tx,
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i+1<$1) INSERT INTO report_fact (measure, t_ms, thing_id, part, case_id, home_org_id, "
            "target_org_id, good, total, value, word) SELECT $2, $3-(i*31536000000)/$1, 1000000+i, 0, 1000000+i, CASE i%3 WHEN 0 THEN 10 WHEN 1 THEN 15 ELSE 20 END, "
            "CASE WHEN i%3=2 OR i%7=0 THEN 30 ELSE 20 END, CASE WHEN i%5<4 THEN 1 ELSE 0 END, 1, (i*7919%6000)*60000, CASE WHEN i%4=0 THEN 'up' ELSE $4 END FROM n",
            "iiit", cases, (int64_t)measure, now, word);
}

static void ask(struct world *w, const char *who_asks, const char *page)
{
    double begun = cpu_s();
    json_t *v = world_call(w, who_asks, "report.cockpit", json_pack("{s:s,s:s}", "page", page, "period", "30d"));
    double took = cpu_s() - begun;
    printf("%-6s %-11s %6.3f s  %5zu numbers\n", who_asks, page, took, json_array_size(json_object_get(v, "indicators")));
    json_decref(v);
}

/* A month's report: looked at, and taken by who checks it (then the writer is held so long). */
static void month(struct world *w, uint64_t org)
{
    char id[ID_TEXT_BYTES];
    id_format(org, id);
    json_t *made = world_call(w, "admin", "month.make", json_pack("{s:s,s:s}", "org_id", id, "month", "2026-10"));
    double begun = cpu_s();
    json_t *seen = world_call(w, "admin", "month.get", json_pack("{s:O}", "report_id", json_object_get(made, "id")));
    double got = cpu_s();
    json_t *checked = world_call(w, "admin", "month.check", json_pack("{s:O,s:i}", "report_id", json_object_get(made, "id"), "rev", 1));
    printf("month of %2llu: looked at %6.3f s, checked %6.3f s\n", (unsigned long long)org, got - begun, cpu_s() - got);
    json_decref(made);
    json_decref(seen);
    json_decref(checked);
}

int main(int argc, char **argv)
{
    int64_t cases = argc > 1 ? atoll(argv[1]) : 200000;
    static const char *const pages[] = {"dean", "medical", "operations"};
    struct world w;
    struct tx *tx;
    world_open(&w);
    if (tx_begin(records_store(w.r), TX_WRITE, &tx))
        return 1;
    for (int measure = 1; measure <= 18; measure++)
        lay(tx, measure, cases, w.now_ms, measure == 3 ? "routine" : "kept");
    if (tx_commit(tx))
        return 1;
    printf("%lld facts of %lld cases in a year\n", (long long)world_count(&w, "SELECT COUNT(*) FROM report_fact"), (long long)cases);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < 3; i++) {
            ask(&w, "chief", pages[i]);
            ask(&w, "dean", pages[i]);
        }
    if (tx_begin(records_store(w.r), TX_WRITE, &tx))
        return 1;
    tx_upsert(tx, "report_state", "name", "name,place", "ti", "walk", (int64_t)-1);
    tx_upsert(tx, "report_state", "name", "name,place", "ti", "slow", (int64_t)w.now_ms);
    if (tx_commit(tx))
        return 1;
    month(&w, 1);
    month(&w, 20);
    world_close(&w);
    return 0;
}
