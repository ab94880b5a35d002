/* Facts as rows. */
#include "records/report/fact.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    int measure;
    const char *word;
} words[] = {
    {MEASURE_SENT, "sent"},           {MEASURE_ANSWER, "answer"},         {MEASURE_ON_TIME, "on_time"},           {MEASURE_EXPERT, "expert"},
    {MEASURE_SESSION, "session"},     {MEASURE_RETURNED, "returned"},     {MEASURE_MISSING, "missing"},           {MEASURE_AGREEMENT, "agreement"},
    {MEASURE_ADVICE, "advice"},       {MEASURE_LOOP, "loop"},             {MEASURE_FOLLOW_UP, "follow_up"},       {MEASURE_KEPT, "kept"},
    {MEASURE_SATISFACTION, "satisfaction"}, {MEASURE_AVOIDED, "avoided"}, {MEASURE_TRIAGE, "triage"},             {MEASURE_START, "start"},
    {MEASURE_RESCHEDULED, "rescheduled"}, {MEASURE_REDIRECTED, "redirected"}, {MEASURE_GRADE, "grade"},           {MEASURE_CONNECT, "connect"},
    {MEASURE_DATA, "data"},           {MEASURE_OVERRIDE, "override"},     {MEASURE_DENIED, "denied"},
};
#define N_WORDS (sizeof words / sizeof *words)
const char *const lane_words[LANES] = {"routine", "urgent", "emergency", "in_house"};

int measure_find(const char *word)
{
    for (size_t i = 0; word && i < N_WORDS; i++)
        if (strcmp(words[i].word, word) == 0)
            return words[i].measure;
    return 0;
}

const char *measure_word(int measure)
{
    for (size_t i = 0; i < N_WORDS; i++)
        if (words[i].measure == measure)
            return words[i].word;
    return "";
}

void fact_list_add(struct facts *f, const struct fact *one)
{
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 64;
        f->list = realloc(f->list, f->cap * sizeof *f->list);
        if (!f->list)
            abort();
    }
    struct fact *to = &f->list[f->n];
    *to = *one;
    to->part = 0;
    for (size_t i = f->n++; i > 0 && to->part == 0; i--) /* those of one measure lie together */
        if (f->list[i - 1].measure == one->measure)
            to->part = f->list[i - 1].part + 1;
}

void fact_list_clear(struct facts *f)
{
    f->n = 0;
}

void fact_list_free(struct facts *f)
{
    free(f->list);
    memset(f, 0, sizeof *f);
}

static int by_place(const void *a, const void *b)
{
    const struct fact *x = a, *y = b;
    int64_t d = x->measure != y->measure ? x->measure - y->measure : x->part - y->part;
    return d < 0 ? -1 : d > 0;
}

static bool same(const struct fact *f, struct query *q)
{
    const char *word = query_text(q, "word");
    return f->measure == query_int(q, "measure") && f->part == query_int(q, "part") && f->t_ms == query_int(q, "t_ms") && f->case_id == query_int(q, "case_id") &&
           f->home == query_int(q, "home_org_id") && f->target == query_int(q, "target_org_id") && f->good == query_int(q, "good") &&
           f->total == query_int(q, "total") && f->value == query_int(q, "value") && strcmp(f->word, word ? word : "") == 0;
}

static bool unchanged(struct tx *tx, int64_t thing, int first, int last, const struct facts *f)
{
    size_t n = 0;
    bool equal = true;
    struct query *q = tx_query(tx,
                               "SELECT measure, part, t_ms, case_id, home_org_id, target_org_id, good, total, value, word FROM report_fact "
                               "WHERE thing_id=$1 AND measure>=$2 AND measure<=$3 ORDER BY measure, part",
                               "iii", thing, (int64_t)first, (int64_t)last);
    while (equal && query_next(q)) {
        equal = n < f->n && same(&f->list[n], q);
        n++;
    }
    return query_end(q) == 0 && equal && n == f->n;
}

void fact_list_store(struct tx *tx, int64_t thing, int first, int last, struct facts *f)
{
    if (f->n)
        qsort(f->list, f->n, sizeof *f->list, by_place);
    if (unchanged(tx, thing, first, last, f))
        return;
    tx_exec(tx, "DELETE FROM report_fact WHERE thing_id=$1 AND measure>=$2 AND measure<=$3", "iii", thing, (int64_t)first, (int64_t)last);
    for (size_t i = 0; i < f->n; i++) {
        const struct fact *one = &f->list[i];
        tx_exec(tx,
                "INSERT INTO report_fact (measure, t_ms, thing_id, part, case_id, home_org_id, target_org_id, good, total, value, word) "
                "VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)",
                "iiiiiiiiiit", (int64_t)one->measure, one->t_ms, thing, one->part, one->case_id, one->home, one->target, one->good, one->total,
                one->value, one->word);
    }
}
