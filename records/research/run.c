/* Making what was approved: in slices, in the background's round. What is known of a run lies in memory: a daemon that was killed begins it anew,
 * with another key, before anybody has seen the first. */
#include "records/audit/audit.h"
#include "records/document/document.h"
#include "records/research/research_private.h"
#include "records/work/policy.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_US 200000
#define AUDIT_BATCH 500
#define TRIES_MAX 5

/* The first three and ARCHIVE only read, and hold up nobody; TELL, KEEP and FAIL write a little. */
enum phase { FIND, GATHER, CODES, TELL, ARCHIVE, KEEP, FAIL, OVER };
struct run {
    enum phase phase;
    struct project project;
    struct cohort cohort;
    struct found found;
    struct ladders ladders;
    struct kanon_cut cut;
    struct events events;
    uint32_t *conditions, at;
    struct made made;
    struct document_staging staged;
    json_t *report;
    int error; /* why it FAILs */
};

int research_open(struct research **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : ERR_UNAVAILABLE;
}

static void drop_run(struct records *r, struct research *s)
{
    struct run *run = s->run;
    if (!run)
        return;
    if (r)
        document_stage_drop(records_parts(r)->documents, &run->staged);
    json_decref(run->report);
    project_clear(&run->project);
    found_clear(&run->found);
    ladders_clear(&run->ladders);
    kanon_cut_clear(&run->cut);
    if (run->events.list)
        explicit_bzero(run->events.list, run->events.n * sizeof *run->events.list);
    free(run->events.list);
    free(run->conditions);
    explicit_bzero(run, sizeof *run); /* the key of the pseudonyms is in it */
    free(run);
    s->run = NULL;
    s->project = 0;
}

void research_close(struct research *s)
{
    if (s)
        drop_run(NULL, s); /* a file that is half made is swept like an upload that was given up */
    free(s);
}

/* ---- codes that few have ---- */

static uint32_t *parents_of(struct run *run, bool conditions)
{
    struct words *w = &run->found.words;
    uint32_t n = w->n, *parent = NULL;
    char above[16];
    for (uint32_t i = 0; i < w->n && conditions; i++) { /* parents come to the end of the list and get theirs in turn */
        condition_parent(words_text(w, i), above);
        if (*above && words_id(w, above) == WORDS_FULL)
            return NULL;
    }
    n = w->n;
    parent = malloc(((size_t)n + 1) * sizeof *parent);
    for (uint32_t i = 0; parent && i < n; i++) {
        condition_parent(conditions ? words_text(w, i) : "", above);
        parent[i] = *above ? words_id(w, above) : KANON_NONE;
    }
    return parent;
}

static int coarsen(struct run *run, const uint32_t *parent, struct kanon_codes *c, struct table_done *done)
{
    struct kanon_codes_done d;
    c->parent = parent;
    c->n_codes = run->found.words.n;
    int rc = kanon_codes(c, run->made.k, &d);
    done->coarser = d.coarser;
    done->left_out = d.left_out;
    return rc;
}

/* ---- the qualifying diagnosis: of k persons each, and l different ones among those who look alike ---- */

/* Of those kept, as they were found, then coarsened. */
static int conditions_of(struct run *run)
{
    uint32_t n = run->found.n, *person = malloc(((size_t)n + 1) * sizeof *person), *parent = parents_of(run, true);
    struct kanon_codes c = {.n_events = n, .person = person, .code = run->conditions};
    struct table_done ignored;
    int rc = person && parent ? 0 : ERR_UNAVAILABLE;
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        person[i] = i;
        run->conditions[i] = run->cut.drop && run->cut.drop[i] ? KANON_NONE : run->found.list[i].condition;
    }
    rc = rc ? rc : coarsen(run, parent, &c, &ignored);
    free(person);
    free(parent);
    return rc;
}

/* A cohort of fewer than l diagnoses, or one that cannot be told apart otherwise: the column tells nothing at all. */
static int hide_conditions(struct run *run)
{
    kanon_cut_clear(&run->cut);
    run->made.condition_hidden = true;
    run->ladders.table.sensitive = NULL;
    return kanon_search(&run->ladders.table, run->made.k, run->made.drop_percent, &run->cut);
}

static void count_conditions(struct run *run)
{
    struct table_done *done = &run->made.condition;
    for (uint32_t i = 0; i < run->found.n; i++) {
        if (run->made.condition_hidden)
            run->conditions[i] = KANON_NONE;
        done->left_out += !run->cut.drop[i] && run->conditions[i] == KANON_NONE;
        done->coarser += !run->cut.drop[i] && run->conditions[i] != KANON_NONE && run->conditions[i] != run->found.list[i].condition;
    }
    done->rows = run->cut.kept;
}

/* Whoever is dropped may leave a diagnosis with too few persons, which is coarsened then, which may leave a class with too few diagnoses. */
static int protect(struct run *run, uint32_t l)
{
    struct kanon_table *t = &run->ladders.table;
    uint32_t dropped = 1;
    run->conditions = calloc((size_t)run->found.n + 1, sizeof *run->conditions);
    run->made.l = t->l = research_has(run->project.fields, FIELD_CONDITION) ? l : 0;
    int rc = run->conditions ? conditions_of(run) : ERR_UNAVAILABLE;
    t->sensitive = run->conditions;
    rc = rc ? rc : kanon_search(t, run->made.k, run->made.drop_percent, &run->cut);
    while (rc == 0 && dropped) {
        rc = conditions_of(run);
        rc = rc ? rc : kanon_drop_uniform(t, &run->cut, &dropped);
    }
    if (rc == ERR_INVALID && t->l)
        rc = hide_conditions(run);
    if (rc == 0)
        count_conditions(run);
    return rc;
}

/* ---- the steps ---- */

static int find(struct op_ctx *ctx, struct research *s, struct run *run)
{
    run->made.k = (uint32_t)work_policy_int(ctx, "research.k");
    run->made.drop_percent = (uint32_t)work_policy_int(ctx, "research.suppress_percent");
    int rc = cohort_read(ctx, run->project.cohort, &run->cohort);
    rc = rc ? rc : cohort_find(ctx, &run->cohort, &run->found);
    rc = rc ? rc : ladders_make(ctx, &run->found, run->project.fields, &run->ladders);
    rc = rc ? rc : protect(run, (uint32_t)work_policy_int(ctx, "research.l"));
    s->total = run->found.n;
    run->phase = GATHER;
    return rc;
}

static int gather(struct op_ctx *ctx, struct research *s, struct run *run)
{
    int rc = 0;
    int64_t begun = clock_monotonic_us();
    for (; rc == 0 && run->at < run->found.n && clock_monotonic_us() - begun < ROUND_US / 2; run->at++)
        if (!run->cut.drop[run->at])
            rc = gather_subject(ctx, &run->cohort, run->project.fields, &run->found, run->at, &run->events);
    s->done = run->at;
    if (run->at == run->found.n)
        run->phase = CODES;
    return rc;
}

/* ---- codes of events that few have ---- */

static int coarsen_table(struct run *run, enum research_table t)
{
    size_t n = run->events.n;
    uint32_t *person = malloc((n + 1) * sizeof *person), *code = malloc((n + 1) * sizeof *code), *parent = parents_of(run, t == T_DIAGNOSES);
    struct kanon_codes c = {.n_events = n, .person = person, .code = code};
    int rc = person && code && parent ? 0 : ERR_UNAVAILABLE;
    for (size_t i = 0; i < n && rc == 0; i++) {
        person[i] = run->events.list[i].subject;
        code[i] = run->events.list[i].table == t ? run->events.list[i].code : KANON_NONE;
    }
    rc = rc ? rc : coarsen(run, parent, &c, &run->made.tables[t]);
    for (size_t i = 0; i < n && rc == 0; i++)
        if (run->events.list[i].table == t)
            run->events.list[i].code = code[i];
    free(person);
    free(code);
    free(parent);
    return rc;
}

/* ---- values that few have: the k-th from either end is the last that is told ---- */

static int by_code_and_value(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    if (x->code != y->code)
        return x->code < y->code ? -1 : 1;
    return (x->value > y->value) - (x->value < y->value);
}

/* Where in a stretch of rising values the k-th person comes in; n when there are fewer. */
static size_t kth_person(struct event **list, size_t n, uint32_t k, int step)
{
    uint32_t seen[64], persons = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t subject = list[step > 0 ? i : n - 1 - i]->subject, at = 0;
        while (at < persons && seen[at] != subject)
            at++;
        if (at == persons)
            seen[persons++] = subject;
        if (persons == k)
            return step > 0 ? i : n - 1 - i;
    }
    return n;
}

static uint64_t cap_stretch(struct event **list, size_t n, uint32_t k)
{
    size_t low = kth_person(list, n, k, 1), high = kth_person(list, n, k, -1);
    uint64_t capped = 0;
    if (low == n || low > high)
        return 0;
    double least = list[low]->value, most = list[high]->value;
    for (size_t i = 0; i < n; i++) {
        double told = list[i]->value < least ? least : list[i]->value > most ? most : list[i]->value;
        capped += told != list[i]->value;
        list[i]->value = told;
    }
    return capped;
}

static int cap_values(struct run *run)
{
    struct event **list = malloc((run->events.n + 1) * sizeof *list);
    size_t n = 0, begin = 0;
    if (!list)
        return ERR_UNAVAILABLE;
    for (size_t i = 0; i < run->events.n; i++)
        if (run->events.list[i].numeric && run->events.list[i].code != KANON_NONE)
            list[n++] = &run->events.list[i];
    qsort(list, n, sizeof *list, by_code_and_value);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || list[i + 1]->code != list[i]->code) {
            run->made.tables[T_OBSERVATIONS].capped += cap_stretch(list + begin, i + 1 - begin, run->made.k);
            begin = i + 1;
        }
    free(list);
    return 0;
}

static int codes(struct run *run)
{
    int rc = 0;
    for (enum research_table t = 0; t < T_TABLES && rc == 0; t++)
        if (research_has(run->project.fields, FIELD_TABLES + t))
            rc = coarsen_table(run, t);
    run->at = 0;
    run->phase = TELL;
    return rc ? rc : cap_values(run);
}

/* ---- who saw my record ---- */

static void tell_person(struct op_ctx *ctx, struct run *run, struct audit_run *a, uint64_t person)
{
    uint64_t ids[64 + STUDY_SAME_MAX];
    size_t n = 0;
    struct query *q = tx_query(ctx->tx, "SELECT patient_id FROM mpi_member WHERE person_id=$1 ORDER BY patient_id LIMIT 64", "i", (int64_t)person);
    while (query_next(q))
        ids[n++] = (uint64_t)query_int(q, "patient_id");
    struct study *study = query_end(q) ? NULL : study_open(ctx);
    if (study)
        n += research_patients_of(ctx, study, person, ids, n, ids + n);
    study_close(study);
    if (n == 0)
        ids[n++] = person;
    for (size_t i = 0; i < n; i++)
        audit_add(a, ctx->now_ms, &(struct audit_line){"research.use", "ok", run->project.person, run->project.org, 0, ids[i], run->project.id, "", run->project.number});
}

static int tell(struct op_ctx *ctx, struct run *run)
{
    struct audit_run a;
    audit_begin(&a, ctx->tx, records_parts(ctx->records)->audit_key);
    for (size_t n = 0; n < AUDIT_BATCH && run->at < run->found.n; run->at++) {
        if (run->cut.drop[run->at])
            continue;
        tell_person(ctx, run, &a, run->found.list[run->at].person);
        n++;
    }
    if (run->at == run->found.n)
        run->phase = ARCHIVE;
    return audit_end(&a);
}

/* ---- the archive, and the end ---- */

static int archive(struct op_ctx *ctx, struct run *run)
{
    struct documents *d = records_parts(ctx->records)->documents;
    struct zip z = {0};
    struct made *m = &run->made;
    m->project = &run->project;
    m->found = &run->found;
    m->events = &run->events;
    m->cut = &run->cut;
    m->ladders = &run->ladders;
    m->conditions = run->conditions;
    m->now_ms = ctx->now_ms;
    crypto_random(m->key, sizeof m->key);
    int rc = file_make(ctx, m, &z, &run->report);
    explicit_bzero(m->key, sizeof m->key);
    rc = rc ? rc : document_stage_make(d, &run->staged);
    rc = rc ? rc : document_stage_add(d, &run->staged, z.bytes, z.len);
    rc = rc ? rc : document_stage_seal(d, &run->staged);
    zip_clear(&z);
    run->phase = KEEP;
    return rc;
}

static int keep(struct op_ctx *ctx, struct run *run)
{
    struct upload_done done;
    char sha256[65], *text = json_dumps(run->report, JSON_COMPACT);
    if (!text)
        return ERR_UNAVAILABLE;
    int rc = documents_upload_done(records_parts(ctx->records)->documents, run->staged.id, true, &done);
    if (rc == 0) {
        (void)!hex_encode(done.sha256, sizeof done.sha256, sha256, sizeof sha256);
        rc = tx_exec(ctx->tx, "UPDATE research_project SET blob=$2, bytes=$3, sha256=$4, report=$5, done_ms=$6, error='' WHERE id=$1", "ititti", (int64_t)run->project.id, done.address,
                     (int64_t)done.bytes, sha256, text, ctx->now_ms);
    }
    free(text);
    run->phase = OVER;
    return rc ? rc : project_move(ctx, &run->project, RE_MADE, 1u << RP_SYSTEM, NULL);
}

/* ---- beginning, going on, ending ---- */

static bool due(struct records *r, int64_t now_ms)
{
    struct tx *tx;
    if (tx_begin(records_store(r), TX_READ, &tx))
        return false;
    bool is = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM research_project WHERE state='APPROVED' OR (state IN ('READY','FAILED') AND until_ms<=$1) OR (blob<>'' AND state<>'READY')", "i",
                     now_ms) > 0;
    tx_rollback(tx);
    return is;
}

static const char *why(int rc)
{
    return rc == ERR_INVALID ? "too_few" : rc == ERR_TOO_LARGE ? "too_large" : "storage";
}

static int fail(struct op_ctx *ctx, struct project *p, int rc)
{
    rc = tx_exec(ctx->tx, "UPDATE research_project SET error=$2 WHERE id=$1", "it", (int64_t)p->id, why(rc));
    return rc ? rc : project_move(ctx, p, RE_FAIL, 1u << RP_SYSTEM, NULL);
}

static int begin(struct op_ctx *ctx, struct research *s)
{
    uint64_t id = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM research_project WHERE state='APPROVED' ORDER BY decided_ms, id LIMIT 1", "");
    if (!id)
        return tx_error(ctx->tx);
    s->run = calloc(1, sizeof *s->run);
    if (!s->run)
        return ERR_UNAVAILABLE;
    int rc = project_load(ctx, id, &s->run->project);
    s->done = s->total = 0;
    s->project = id;
    rc = rc ? rc : tx_exec(ctx->tx, "UPDATE research_project SET tries=tries+1 WHERE id=$1", "i", (int64_t)id);
    if (rc == 0 && s->run->project.tries >= TRIES_MAX) { /* the daemon died of it again and again */
        rc = fail(ctx, &s->run->project, ERR_STORAGE);
        s->run->phase = OVER;
    }
    return rc;
}

static int step(struct op_ctx *ctx, struct research *s)
{
    struct run *run = s->run;
    if (!tx_int(ctx->tx, 0, "SELECT COUNT(*) AS n FROM research_project WHERE id=$1 AND state='APPROVED'", "i", (int64_t)run->project.id)) {
        run->phase = OVER; /* withdrawn or revoked meanwhile */
        return tx_error(ctx->tx);
    }
    switch (run->phase) {
    case FIND: return find(ctx, s, run);
    case GATHER: return gather(ctx, s, run);
    case CODES: return codes(run);
    case TELL: return tell(ctx, run);
    case ARCHIVE: return archive(ctx, run);
    case KEEP: return keep(ctx, run);
    case FAIL:
        run->phase = OVER;
        return fail(ctx, &run->project, run->error);
    case OVER: break;
    }
    return 0;
}

/* What nobody may have any more. The row forgets the file when the file is gone. */
static int expire(struct op_ctx *ctx)
{
    struct documents *d = records_parts(ctx->records)->documents;
    char blob[72];
    int rc = 0;
    for (uint64_t id; rc == 0 && (id = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM research_project WHERE state IN ('APPROVED','READY','FAILED') AND until_ms<=$1 ORDER BY id LIMIT 1", "i", ctx->now_ms));) {
        struct project p;
        rc = project_load(ctx, id, &p);
        rc = rc ? rc : project_move(ctx, &p, RE_EXPIRE, 1u << RP_SYSTEM, NULL);
        project_clear(&p);
    }
    for (uint64_t id; rc == 0 && (id = (uint64_t)tx_int(ctx->tx, 0, "SELECT id FROM research_project WHERE blob<>'' AND state NOT IN ('APPROVED','READY') ORDER BY id LIMIT 1", ""));) {
        struct query *q = tx_query(ctx->tx, "SELECT blob FROM research_project WHERE id=$1", "i", (int64_t)id);
        snprintf(blob, sizeof blob, "%s", query_next(q) ? query_text(q, "blob") : "");
        rc = query_end(q);
        rc = rc ? rc : blob_remove(documents_store(d), blob);
        rc = rc ? rc : tx_exec(ctx->tx, "UPDATE research_project SET blob='', deleted_ms=$2 WHERE id=$1", "ii", (int64_t)id, ctx->now_ms);
        rc = rc ? rc : project_note(ctx, id, "deleted", NULL);
    }
    return rc;
}

/* One piece of work in a transaction of its own. */
static int work(struct records *r, struct research *s, enum tx_mode mode, int (*run)(struct op_ctx *, struct research *))
{
    struct fault f = {0};
    struct actor system = {.system = true};
    struct tx *tx;
    int rc = tx_begin(records_store(r), mode, &tx);
    if (rc)
        return rc;
    struct op_ctx ctx = {.records = r, .tx = tx, .actor = &system, .now_ms = clock_now_ms(records_clock(r)), .fault = &f};
    rc = run(&ctx, s);
    if (rc || mode == TX_READ)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    return rc;
}

static int expire_step(struct op_ctx *ctx, struct research *s)
{
    (void)s;
    return expire(ctx);
}

static void go_on(struct records *r, struct research *s)
{
    struct run *run = s->run;
    enum phase at = run->phase;
    int rc = work(r, s, at == TELL || at == KEEP || at == FAIL ? TX_WRITE : TX_READ, step);
    if (rc == 0)
        return;
    if (rc != ERR_INVALID && rc != ERR_TOO_LARGE) /* too few, too many: the applicant's to know */
        log_error("research", "a data set could not be made, step %d: %s", (int)at, err_wire(rc));
    run->phase = at == FAIL ? OVER : FAIL; /* not even that was written: another round begins it again */
    run->error = rc;
}

void research_background(struct records *r, int64_t now_ms)
{
    struct research *s = records_parts(r)->research;
    if (!s->run && !due(r, now_ms))
        return;
    int rc = work(r, s, TX_WRITE, expire_step);
    if (rc == 0 && !s->run)
        rc = work(r, s, TX_WRITE, begin);
    for (int64_t begun = clock_monotonic_us(); rc == 0 && s->run && s->run->phase != OVER && clock_monotonic_us() - begun < ROUND_US;)
        go_on(r, s);
    if (rc)
        log_error("research", "a round failed: %s", err_wire(rc));
    if (rc || (s->run && s->run->phase == OVER))
        drop_run(r, s);
}
