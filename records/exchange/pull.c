/* Rounds of pulls (pull.h). */
#include "records/exchange/pull.h"
#include "records/exchange/exchange_private.h"
#include "records/exchange/lanes.h"
#include "records/exchange/row_flow.h"
#include "records/parts.h"
#include "records/records.h"
#include "records/term/charset.h"
#include "server/base/child.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUND_MS 1000
#define SOURCES_MAX 200
#define PLACES 6       /* sources asked at once */
#define AILING 3       /* of these, sources that failed the last time */
#define BATCHES_MAX 20 /* of one source, then it is another's turn */
#define ROWS_GROW 16   /* a batch may grow so far where many rows share a mark */
#define OUTPUT_MAX ((size_t)64 << 20)
#define MEMORY_MAX ((uint64_t)1 << 30)
#define FAILED_MS 60000
#define FAILED_MAX_MS 3600000
#define OVERLAP_S 300
#define MARK_BYTES 128
#define DAY_MS 86400000

struct exchange_pull {
    struct exchange_pull_config config;
    char program[600], odbc_ini[600];
    pthread_t thread;
    bool running;
    struct row_flow flow; /* nothing goes this way: its rest and its stop, for all */
    struct lanes *lanes;
};

struct pulling { /* one source in one round */
    struct exchange_pull *p;
    struct row_flow flow;
    uint64_t source, file;
    const struct exchange_rows *rows;
    char dsn[48], view[128], column[80], mark[MARK_BYTES], from[MARK_BYTES];
    char before[MARK_BYTES]; /* the mark when the round began: what is behind it is new there */
    bool caught_up; /* the round before saw the end */
    int64_t every_ms, failures, limit, sent;
    /* of the batch */
    bool more, flat;
    int64_t n_rows;
    char next[MARK_BYTES];
    int64_t unmarked; /* rows of the view without a mark; -1 = not asked */
    const char *reason;
    char detail[400];
    char noted[32], noted_detail[MARK_BYTES]; /* said with the last round that went well: unmarked */
    int64_t last_ms;
};

bool exchange_pull_name_ok(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (!(c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '#' || c == '.'))
            return false;
    }
    return n > 0 && name[0] != '.' && name[n - 1] != '.';
}

/* ---- the child ---- */

struct input {
    const char *text;
    size_t len, at;
    const atomic_bool *stop;
};

/* A driver that hangs does not hold up the end of the daemon. */
static bool wanted(void *ctx)
{
    const struct input *in = ctx;
    return !atomic_load(in->stop);
}

static long give(void *ctx, void *out, size_t cap)
{
    struct input *in = ctx;
    size_t n = in->len - in->at < cap ? in->len - in->at : cap;
    memcpy(out, in->text + in->at, n);
    in->at += n;
    return (long)n;
}

/* Is it a time? *ms in the zone it was written in, as if that were UTC. */
static bool mark_time(const char *mark, int64_t *ms)
{
    char hl7[32];
    int digits;
    return strlen(mark) >= 15 && exchange_rows_time(mark, hl7) == 0 && hl7_time((struct hl7_span){hl7, strcspn(hl7, "+-")}, 0, ms, &digits) == 0 && digits >= 12;
}

/* The same moment of that zone, `ms` in it. */
static void write_mark(const char *mark, int64_t ms, char out[MARK_BYTES])
{
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, MARK_BYTES, "%Y-%m-%d %H:%M:%S", &tm);
    const char *zone = mark + 10 + strcspn(mark + 10, "+Z"); /* a time with a zone keeps it */
    snprintf(out + strlen(out), MARK_BYTES - strlen(out), "%s", zone);
}

/* A time less OVERLAP_S; anything else as it is. */
static void overlap(const char *mark, char out[MARK_BYTES])
{
    int64_t ms;
    snprintf(out, MARK_BYTES, "%s", mark);
    if (mark_time(mark, &ms))
        write_mark(mark, ms - OVERLAP_S * 1000, out);
}

/* One row of tomorrow must not hide those of today: a mark that is a time goes no further than now, at the latest place on earth. */
static bool hold_back(struct pulling *g, char mark[MARK_BYTES])
{
    int64_t ms, now_ms = clock_now_ms(records_clock(g->p->config.records)), zone_ms = EXCHANGE_ZONE_MIN * 60000ll;
    if (!mark_time(mark, &ms))
        return false;
    const char *zone = mark + 10 + strcspn(mark + 10, "+Z");
    int hours = 0, minutes = 0;
    if (*zone == 'Z')
        zone_ms = 0;
    else if (*zone == '+' && sscanf(zone, "+%2d:%2d", &hours, &minutes) >= 1)
        zone_ms = (hours * 60 + minutes) * 60000ll;
    if (ms <= now_ms + zone_ms)
        return false;
    char now[MARK_BYTES];
    write_mark(mark, now_ms + zone_ms, now);
    memcpy(mark, now, sizeof now);
    return true;
}

/* Behind it, by number where both are one. */
static bool is_behind(const char *mark, const char *before)
{
    char *a, *b;
    double x = strtod(mark, &a), y = strtod(before, &b);
    bool numbers = *mark && *before && !*a && !*b;
    return numbers ? x > y : strcmp(mark, before) > 0;
}

static int64_t day_of(int64_t ms)
{
    return (ms + EXCHANGE_ZONE_MIN * 60000ll) / DAY_MS;
}

static int run_child(struct pulling *g, uint8_t **out, size_t *len)
{
    const struct exchange_pull_config *c = &g->p->config;
    char connection[64];
    snprintf(connection, sizeof connection, "DSN=%s", g->dsn);
    /* looked for with a history and once a day: it reads the whole view */
    bool count = !g->before[0] || day_of(clock_now_ms(records_clock(c->records))) != day_of(g->last_ms);
    json_t *job = json_pack("{s:b,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:i}", "unmarked", (int)count, "ini", g->p->odbc_ini, "connection", connection, "view", g->view, "column", g->column, "mark", g->from,
                            "rows", (json_int_t)g->limit, "bytes", (json_int_t)(OUTPUT_MAX / 2), "seconds", c->time_ms / 1000 > 1 ? c->time_ms / 1000 : 1);
    char *text = job ? json_dumps(job, JSON_COMPACT) : NULL;
    json_decref(job);
    if (!text)
        return ERR_UNAVAILABLE;
    const char *const argv[] = {g->p->program, NULL};
    struct input in = {text, strlen(text), 0, &g->p->flow.stop};
    struct child_job child = {.argv = argv, .input = give, .ctx = &in, .output_max = OUTPUT_MAX, .time_ms = c->time_ms, .cpu_s = c->time_ms / 1000 + 1,
                              .memory_bytes = MEMORY_MAX, .network = true, .wanted = wanted};
    int rc = child_run(&child, out, len);
    free(text);
    return rc;
}

static int failed(struct pulling *g, const char *reason, const char *detail)
{
    g->reason = reason;
    snprintf(g->detail, sizeof g->detail, "%s", detail);
    return ERR_INVALID;
}

/* The first line; *rows is what follows. */
static int read_status(struct pulling *g, const char *bytes, size_t len, size_t *rows)
{
    char text[400];
    const char *end = memchr(bytes, '\n', len);
    json_t *o = end ? json_loadb(bytes, (size_t)(end - bytes), 0, NULL) : NULL;
    if (!o)
        return failed(g, "crashed", "");
    bool ok = json_is_true(json_object_get(o, "ok"));
    const char *state = json_string_value(json_object_get(o, "state")), *said = json_string_value(json_object_get(o, "text")), *mark = json_string_value(json_object_get(o, "mark"));
    snprintf(text, sizeof text, "[%.5s] %.380s", state ? state : "", said ? said : "");
    g->more = json_is_true(json_object_get(o, "more"));
    g->flat = json_is_true(json_object_get(o, "flat"));
    g->n_rows = json_integer_value(json_object_get(o, "rows"));
    if (json_is_integer(json_object_get(o, "unmarked")))
        g->unmarked = json_integer_value(json_object_get(o, "unmarked"));
    snprintf(g->next, sizeof g->next, "%s", mark && mark[0] ? mark : g->from);
    json_decref(o);
    *rows = (size_t)(end - bytes) + 1;
    return ok ? 0 : failed(g, "database", text);
}

/* ---- its rows ---- */

/* What the view says behind the mark is said last, also when it was said before and something else meanwhile (a correction that was taken back). */
static bool is_known(struct pulling *g, struct tx *tx, const char *body, bool *latest)
{
    char hash[33];
    exchange_hash(records_parts(g->p->config.records)->exchange, body, strlen(body), hash);
    bool known = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM exchange_message WHERE source_id=$1 AND control_id=$2", "it", (int64_t)g->source, hash) > 0;
    return known && !(*latest && !exchange_row_stands(tx, g->source, hash));
}

static int begin_file(struct pulling *g)
{
    struct tx *tx;
    int rc = tx_begin(records_store(g->p->config.records), TX_WRITE, &tx);
    if (rc)
        return rc;
    g->file = id_new();
    rc = tx_exec(tx,
                 "INSERT INTO exchange_file (id, source_id, name, hash, size, state, reason, place, charset, unused, rows, stored, dead, repeated, begun_ms, done_ms) "
                 "VALUES ($1,$2,$3,'',0,'reading','','','','',0,0,0,0,$4,0)",
                 "iiti", (int64_t)g->file, (int64_t)g->source, g->view, clock_now_ms(records_clock(g->p->config.records)));
    if (rc)
        tx_rollback(tx);
    return rc ? rc : tx_commit(tx);
}

static int send_row(struct pulling *g, struct tx *tx, struct csv *c, const struct exchange_header *h)
{
    char *body = exchange_rows_body(g->rows, c, h), mark[MARK_BYTES] = "";
    int at = csv_column(c, g->column);
    if (!body)
        return ERR_UNAVAILABLE;
    if (at >= 0)
        snprintf(mark, sizeof mark, "%.*s", (int)(c->field[at].len < MARK_BYTES ? c->field[at].len : 0), c->field[at].p);
    bool latest = is_behind(mark, g->before);
    int rc = 0;
    if (!is_known(g, tx, body, &latest)) {
        rc = g->file ? 0 : begin_file(g);
        rc = rc ? rc : row_flow_send(&g->flow, g->source, g->file, ++g->sent, body, latest);
    }
    explicit_bzero(body, strlen(body));
    free(body);
    return rc;
}

static int send_rows(struct pulling *g, struct csv *c)
{
    char column[ROWS_NAME_BYTES];
    struct exchange_header h;
    struct fault f = {0};
    struct tx *tx;
    if (exchange_rows_header(g->rows, c, &h, column, NULL, 0))
        return failed(g, "column_missing", column);
    int rc = tx_begin(records_store(g->p->config.records), TX_READ, &tx), got = 0;
    if (rc)
        return rc;
    row_flow_begin(&g->flow);
    g->file = 0;
    g->sent = 0;
    while (rc == 0 && (got = csv_next(c, &f)) == 1)
        rc = send_row(g, tx, c, &h);
    tx_rollback(tx);
    bool whole = row_flow_end(&g->flow);
    if (rc == 0 && got < 0)
        return failed(g, "crashed", "");
    return rc ? rc : whole ? 0 : ERR_NOT_ALLOWED_NOW;
}

static int take_output(struct pulling *g, const char *bytes, size_t len)
{
    struct csv c;
    struct fault f = {0};
    size_t at, n;
    const char *charset;
    int rc = read_status(g, bytes, len, &at);
    if (rc)
        return rc;
    char *text = charset_decode(bytes + at, len - at, &n, &charset);
    if (!text)
        return ERR_UNAVAILABLE;
    rc = csv_open_bytes(&c, "", text, n, &f) ? failed(g, "crashed", "") : 0;
    free(text);
    if (rc)
        return rc;
    rc = send_rows(g, &c);
    csv_close(&c);
    return rc;
}

static int batch(struct pulling *g)
{
    uint8_t *bytes;
    size_t len;
    int rc = run_child(g, &bytes, &len);
    if (rc && atomic_load(&g->p->flow.stop))
        return ERR_NOT_ALLOWED_NOW;
    if (rc == ERR_TIMEOUT)
        return failed(g, "timeout", "");
    if (rc)
        return failed(g, rc == ERR_TOO_LARGE ? "too_large" : rc == ERR_NOT_FOUND ? "no_program" : "crashed", "");
    rc = take_output(g, (const char *)bytes, len);
    explicit_bzero(bytes, len);
    free(bytes);
    return rc;
}

/* ---- what is written ---- */

/* The batch is over: its file, and the mark from which the next one goes on. */
static int settle(struct pulling *g, bool end)
{
    struct tx *tx;
    int64_t now_ms = clock_now_ms(records_clock(g->p->config.records));
    char kept[MARK_BYTES];
    memcpy(kept, g->next, sizeof kept);
    if (hold_back(g, kept)) /* rows of the future come again each time, and are known; the next is not asked for at once */
        end = true;
    if (g->unmarked >= 0) {
        snprintf(g->noted, sizeof g->noted, "%s", g->unmarked ? "unmarked" : "");
        snprintf(g->noted_detail, sizeof g->noted_detail, g->unmarked ? "%lld" : "", (long long)g->unmarked);
        g->unmarked = -1;
    }
    int rc = tx_begin(records_store(g->p->config.records), TX_WRITE, &tx);
    if (rc)
        return rc;
    if (g->file)
        tx_exec(tx, "UPDATE exchange_file SET state='done', done_ms=$1 WHERE id=$2", "ii", now_ms, (int64_t)g->file);
    tx_exec(tx, "UPDATE exchange_file SET state='done', reason='interrupted', done_ms=$1 WHERE source_id=$2 AND state='reading'", "ii", now_ms, (int64_t)g->source);
    /* somebody may have set the mark back meanwhile: then his word counts */
    tx_exec(tx, "UPDATE exchange_pull SET mark=$1, state=$2, reason=$7, detail=$8, failures=0, last_ms=$3, next_ms=$4 WHERE source_id=$5 AND mark=$6", "ttiiittt", kept,
            end ? "ok" : "going", now_ms, end ? now_ms + g->every_ms : 0, (int64_t)g->source, g->mark, g->noted, g->noted_detail);
    bool moved = tx_changes(tx) == 1;
    rc = tx_error(tx);
    if (rc)
        tx_rollback(tx);
    rc = rc ? rc : tx_commit(tx);
    memcpy(g->mark, kept, sizeof g->mark);
    return rc ? rc : moved ? 0 : ERR_NOT_ALLOWED_NOW;
}

static void write_failure(struct pulling *g)
{
    struct tx *tx;
    int64_t now_ms = clock_now_ms(records_clock(g->p->config.records)), wait = FAILED_MS;
    for (int64_t i = 0; i < g->failures && wait < FAILED_MAX_MS; i++)
        wait *= 2;
    if (tx_begin(records_store(g->p->config.records), TX_WRITE, &tx))
        return;
    tx_exec(tx, "UPDATE exchange_pull SET state='failed', reason=$1, detail=$2, failures=failures+1, next_ms=$3 WHERE source_id=$4", "ttii", g->reason, g->detail,
            now_ms + (wait < FAILED_MAX_MS ? wait : FAILED_MAX_MS), (int64_t)g->source);
    if (tx_error(tx))
        tx_rollback(tx);
    else if (tx_commit(tx))
        return;
    log_warn("exchange", "source %016llx could not be pulled from: %s", (unsigned long long)g->source, g->reason);
}

/* ---- one source, all sources ---- */

/* Where more rows share one mark than a batch holds, the batch grows; at its greatest the view cannot be read by this column. */
static int go_on(struct pulling *g)
{
    if (g->more && g->flat && strcmp(g->next, g->from) == 0) {
        if (g->limit >= (int64_t)g->p->config.rows * ROWS_GROW)
            return failed(g, "flat_mark", g->next);
        g->limit *= 4;
    }
    memcpy(g->from, g->next, sizeof g->from);
    return 0;
}

static void pull_one(struct pulling *g)
{
    int rc = 0;
    g->limit = g->p->config.rows;
    if (g->caught_up)
        overlap(g->mark, g->from);
    else
        memcpy(g->from, g->mark, sizeof g->from);
    g->more = true;
    g->unmarked = -1;
    memcpy(g->before, g->mark, sizeof g->before);
    for (int i = 0; i < BATCHES_MAX && g->more && rc == 0 && !atomic_load(&g->p->flow.stop); i++) {
        rc = batch(g);
        if (rc == 0 && g->n_rows == 0) /* nothing at all: the mark stays */
            memcpy(g->next, g->mark, sizeof g->next);
        rc = rc ? rc : settle(g, !g->more);
        rc = rc ? rc : go_on(g);
    }
    if (rc == ERR_INVALID && g->reason)
        write_failure(g);
    else if (rc && rc != ERR_NOT_ALLOWED_NOW)
        log_error("exchange", "source %016llx: rows could not be kept: %s", (unsigned long long)g->source, err_wire(rc));
}

/* The source as it stands now; false: it is no longer due. */
static bool load(struct pulling *g)
{
    struct tx *tx;
    const struct exchange *x = records_parts(g->p->config.records)->exchange;
    if (tx_begin(records_store(g->p->config.records), TX_READ, &tx))
        return false;
    struct query *q = tx_query(tx,
                               "SELECT s.map, s.dsn, s.db_view, s.db_mark, s.every_s, u.mark, u.state, u.failures, u.reason, u.detail, u.last_ms FROM exchange_source s JOIN exchange_pull u ON u.source_id=s.id "
                               "WHERE s.id=$1 AND s.kind='database' AND s.enabled=1 AND u.next_ms<=$2",
                               "ii", (int64_t)g->source, clock_now_ms(records_clock(g->p->config.records)));
    bool found = query_next(q);
    if (found) {
        g->rows = exchange_rows_find(x, query_text(q, "map"));
        g->every_ms = query_int(q, "every_s") * 1000;
        g->failures = query_int(q, "failures");
        g->caught_up = strcmp(query_text(q, "state"), "ok") == 0;
        g->last_ms = query_int(q, "last_ms");
        if (strcmp(query_text(q, "reason"), "unmarked") == 0) {
            snprintf(g->noted, sizeof g->noted, "unmarked");
            snprintf(g->noted_detail, sizeof g->noted_detail, "%s", query_text(q, "detail"));
        }
        snprintf(g->dsn, sizeof g->dsn, "%s", query_text(q, "dsn"));
        snprintf(g->view, sizeof g->view, "%s", query_text(q, "db_view"));
        snprintf(g->column, sizeof g->column, "%s", query_text(q, "db_mark"));
        snprintf(g->mark, sizeof g->mark, "%s", query_text(q, "mark"));
    }
    found = query_end(q) == 0 && found;
    tx_rollback(tx);
    return found && g->rows && exchange_pull_name_ok(g->view) && exchange_pull_name_ok(g->column);
}

static void pull_job(void *job)
{
    struct pulling *g = job;
    row_flow_init(&g->flow, g->p->config.records);
    g->flow.under = &g->p->flow;
    if (load(g))
        pull_one(g);
    row_flow_fini(&g->flow);
    free(g);
}

static void begin(struct exchange_pull *p, uint64_t source, bool ailing)
{
    struct pulling *g = calloc(1, sizeof *g);
    if (!g)
        return;
    g->p = p;
    g->source = source;
    if (!lanes_begin(p->lanes, source, ailing, pull_job, g))
        free(g); /* under way, or all places taken: it stays due */
}

/* Every source that is due, as far as there are places. */
static void begin_due(struct exchange_pull *p)
{
    struct tx *tx;
    struct {
        uint64_t source;
        bool ailing;
    } due[SOURCES_MAX];
    size_t n = 0;
    if (tx_begin(records_store(p->config.records), TX_READ, &tx))
        return;
    struct query *q = tx_query(tx, "SELECT s.id, u.failures FROM exchange_source s JOIN exchange_pull u ON u.source_id=s.id WHERE s.kind='database' AND s.enabled=1 AND u.next_ms<=$1 "
                                   "ORDER BY u.next_ms, s.id LIMIT $2",
                               "ii", clock_now_ms(records_clock(p->config.records)), (int64_t)SOURCES_MAX);
    while (n < SOURCES_MAX && query_next(q)) {
        due[n].source = (uint64_t)query_int(q, "id");
        due[n++].ailing = query_int(q, "failures") > 0;
    }
    if (query_end(q))
        n = 0;
    tx_rollback(tx);
    for (size_t i = 0; i < n && !row_flow_stopped(&p->flow); i++)
        begin(p, due[i].source, due[i].ailing);
}

void exchange_pull_round(struct exchange_pull *p)
{
    begin_due(p);
    lanes_wait(p->lanes);
}

static void *run(void *arg)
{
    struct exchange_pull *p = arg;
    do
        begin_due(p);
    while (row_flow_rest(&p->flow, ROUND_MS));
    return NULL;
}

int exchange_pull_open(struct exchange_pull **out, const struct exchange_pull_config *config, struct fault *f)
{
    struct exchange_pull *p = *out = calloc(1, sizeof *p);
    if (!p)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    p->lanes = lanes_open(PLACES, AILING);
    if (!p->lanes) {
        free(p);
        *out = NULL;
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    }
    p->config = *config;
    snprintf(p->program, sizeof p->program, "%s", config->program);
    snprintf(p->odbc_ini, sizeof p->odbc_ini, "%s", config->odbc_ini);
    row_flow_init(&p->flow, config->records);
    return 0;
}

int exchange_pull_start(struct exchange_pull *p, struct fault *f)
{
    p->running = pthread_create(&p->thread, NULL, run, p) == 0;
    return p->running ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "The thread of exchange.odbc_ini cannot be started.");
}

void exchange_pull_close(struct exchange_pull *p)
{
    if (!p)
        return;
    row_flow_stop(&p->flow);
    if (p->running)
        pthread_join(p->thread, NULL);
    lanes_close(p->lanes);
    row_flow_fini(&p->flow);
    free(p);
}
