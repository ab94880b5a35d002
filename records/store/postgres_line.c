#include "records/store/postgres_line.h"
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_S "60" /* nothing the daemon asks takes longer; a stuck server is an error, not a wait without end */
#define VALUES_MAX 64

/* The texts are written as walks along indexes that look up whole keys, and are planned once, as SQLite does it. PostgreSQL takes the parts of a key for
 * independent of each other, so it expects next to nothing of such a look-up and hashed whole tables for the first 25 rows of a walk (decisions/0014). */
#define SETTINGS "SET statement_timeout='" STATEMENT_S "s'; SET idle_in_transaction_session_timeout='300s'; SET client_min_messages=warning; " \
                 "SET enable_hashjoin=off; SET enable_mergejoin=off; SET max_parallel_workers_per_gather=0; SET jit=off; SET random_page_cost=1.1; " \
                 "SET plan_cache_mode=force_generic_plan"

/* ---- errors ---- */

static int code_of(const char *state)
{
    if (strncmp(state, "23", 2) == 0)
        return ERR_CONFLICT;
    if (strncmp(state, "08", 2) == 0 || strncmp(state, "40", 2) == 0 || strncmp(state, "55", 2) == 0 || strncmp(state, "57", 2) == 0)
        return ERR_UNAVAILABLE;
    if (strncmp(state, "53", 2) == 0 || strncmp(state, "58", 2) == 0 || strncmp(state, "25006", 5) == 0 || strncmp(state, "XX", 2) == 0)
        return ERR_STORAGE;
    return ERR_INTERNAL;
}

static int gone(struct line *line)
{
    snprintf(line->said, sizeof line->said, "the line to PostgreSQL is gone");
    return ERR_UNAVAILABLE;
}

/* The words of class 42 (names, syntax) hold no values; those of the others may. */
static int refused(struct line *line, const PGresult *r, const char *sql)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (!state)
        return gone(line);
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    bool named = words && strncmp(state, "42", 2) == 0;
    snprintf(line->said, sizeof line->said, "SQLSTATE %s%s%s%s%.200s", state, named ? " " : "", named ? words : "", *sql ? " of " : "", sql);
    return code_of(state);
}

static bool fine(const PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

static int finish(struct line *line, PGresult *r)
{
    int rc = fine(r) ? 0 : refused(line, r, "");
    PQclear(r);
    return rc;
}

/* ---- the dialect ---- */

static bool starts_word(const char *sql, const char *at)
{
    return at == sql || !(isalnum((unsigned char)at[-1]) || at[-1] == '_');
}

/* INTEGER is 64 bits to SQLite, BLOB is its word for BYTEA, and every table of PostgreSQL lies beside its keys. Words in quotes stay. */
static char *adapt(const char *sql)
{
    static const char *const words[][2] = {{"INTEGER", "BIGINT"}, {"BLOB", "BYTEA"}, {"WITHOUT ROWID", ""}};
    char *out = malloc(strlen(sql) + strlen(sql) / 4 + 16), *to = out;
    bool quoted = false;
    for (const char *p = sql; out && *p;) {
        size_t k = 0, len = 0;
        quoted ^= *p == '\'';
        for (; !quoted && k < sizeof words / sizeof *words; k++) {
            len = strlen(words[k][0]);
            if (strncmp(p, words[k][0], len) == 0 && starts_word(sql, p) && !isalnum((unsigned char)p[len]) && p[len] != '_')
                break;
        }
        if (!quoted && k < sizeof words / sizeof *words) {
            to = stpcpy(to, words[k][1]);
            p += len;
        } else
            *to++ = *p++;
    }
    if (out)
        *to = 0;
    return out;
}

static int parameters_of(const char *sql)
{
    int most = 0;
    bool quoted = false;
    for (; *sql; sql++) {
        quoted ^= *sql == '\'';
        if (!quoted && *sql == '$' && atoi(sql + 1) > most)
            most = atoi(sql + 1);
    }
    return most;
}

/* ---- answers ---- */

/* All that was sent, up to the mark behind it. The last one's answer is *last's, where that is wanted. After the first that fails the server does
 * nothing more until the mark. */
static int take_answers(struct line *line, PGresult **last)
{
    int rc = 0, n = line->n_owed;
    for (int i = 0; i < n; i++) {
        PGresult *r = PQgetResult(line->db);
        if (!fine(r)) {
            int statement = line->owed[i];
            rc = rc ? rc : refused(line, r, statement >= 0 && i + (last != NULL) < n ? strchr(line->cache[statement].key, ' ') + 1 : "");
        } else if (last && i + 1 == n) {
            *last = r;
            r = NULL;
        } else if (line->owed[i] >= 0)
            line->changes = atoll(PQcmdTuples(r));
        PQclear(r);
        while ((r = PQgetResult(line->db)))
            PQclear(r);
    }
    line->n_owed = 0;
    PGresult *mark = PQgetResult(line->db);
    if (PQresultStatus(mark) != PGRES_PIPELINE_SYNC || !PQexitPipelineMode(line->db))
        rc = rc ? rc : gone(line);
    PQclear(mark);
    if (rc && last) {
        PQclear(*last);
        *last = NULL;
    }
    return rc;
}

static int wait_for(struct line *line, PGresult **last)
{
    if (last)
        *last = NULL;
    if (line->n_owed == 0)
        return 0;
    if (PQpipelineSync(line->db))
        return take_answers(line, last);
    line->n_owed = 0;
    return gone(line);
}

/* The ROLLBACK of the transaction before: its answer has mostly come meanwhile. */
static int take_end(struct line *line)
{
    if (!line->ending)
        return 0;
    line->ending = false;
    return take_answers(line, NULL);
}

int line_settle(struct line *line)
{
    return wait_for(line, NULL);
}

/* ---- sending ---- */

static int send(struct line *line, const char *name, int statement, const struct value *values, int n)
{
    const char *data[VALUES_MAX];
    int lengths[VALUES_MAX], formats[VALUES_MAX];
    uint64_t numbers[VALUES_MAX];
    for (int i = 0; i < n; i++) {
        const struct value *v = &values[i];
        numbers[i] = __builtin_bswap64((uint64_t)v->integer); /* int8 in network order */
        data[i] = v->type == 'i' ? (const char *)&numbers[i] : v->data;
        lengths[i] = v->type == 'i' ? 8 : (int)v->len;
        formats[i] = v->type != 't';
    }
    if (PQpipelineStatus(line->db) == PQ_PIPELINE_OFF && !PQenterPipelineMode(line->db))
        return gone(line);
    if (!PQsendQueryPrepared(line->db, name, n, data, lengths, formats, 1))
        return gone(line);
    line->owed[line->n_owed++] = statement;
    return 0;
}

static int word(struct line *line, const char *name)
{
    return send(line, name, -1, NULL, 0);
}

static int begin_now(struct line *line)
{
    int rc = line->to_begin ? word(line, "begin") : 0;
    if (rc == 0 && line->to_begin && line->write)
        rc = word(line, "lock");
    line->to_begin = false;
    return rc;
}

/* Nothing is on its way. */
static int quiet_line(struct line *line)
{
    int rc = take_end(line);
    rc = rc ? rc : begin_now(line);
    return rc ? rc : line_settle(line);
}

int line_command(struct line *line, const char *sql)
{
    int rc = quiet_line(line);
    char *text = rc ? NULL : adapt(sql);
    if (rc == 0)
        rc = text ? finish(line, PQexec(line->db, text)) : ERR_UNAVAILABLE;
    free(text);
    return rc;
}

int line_question(struct line *line, const char *sql, PGresult **out)
{
    int rc = quiet_line(line);
    *out = rc ? NULL : PQexec(line->db, sql);
    if (rc == 0 && !fine(*out)) {
        rc = refused(line, *out, "");
        PQclear(*out);
        *out = NULL;
    }
    return rc;
}

/* ---- prepared statements ---- */

static bool is_key(const char *key, const char *sql, const struct value *values, int n)
{
    for (int i = 0; i < n; i++)
        if (key[i] != values[i].type)
            return false;
    return key[n] == ' ' && strcmp(key + n + 1, sql) == 0;
}

static uint32_t hash_of(const char *sql, const struct value *values, int n)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (int i = 0; i < n; i++)
        h = (h ^ (uint8_t)values[i].type) * 16777619u;
    for (; *sql; sql++)
        h = (h ^ (uint8_t)*sql) * 16777619u;
    return h;
}

static void name_of(int statement, char name[16])
{
    snprintf(name, 16, "s%d", statement);
}

/* It takes the place of what was there. Its turn is its own: a statement that cannot be prepared is told of by itself. */
static int prepare_at(struct line *line, int at, const char *sql, const struct value *values, int n)
{
    struct line_statement *k = &line->cache[at];
    Oid types[VALUES_MAX];
    char name[16], drop[40], *key = malloc((size_t)n + strlen(sql) + 2), *text = adapt(sql);
    for (int i = 0; i < n; i++)
        types[i] = values[i].type == 'i' ? BIGINT_OID : values[i].type == 't' ? TEXT_OID : values[i].type == 'b' ? BYTEA_OID : values[i].type == 'a' ? BIGINTS_OID : 0;
    name_of(at, name);
    snprintf(drop, sizeof drop, "DEALLOCATE %s", name);
    int rc = !key || !text ? ERR_UNAVAILABLE : quiet_line(line);
    if (rc == 0 && k->key)
        rc = line_command(line, drop);
    if (rc == 0) {
        free(k->key);
        *k = (struct line_statement){0};
        rc = finish(line, PQprepare(line->db, name, text, n, types));
    }
    if (rc == 0) {
        for (int i = 0; i < n; i++)
            key[i] = values[i].type;
        sprintf(key + n, " %s", sql);
        *k = (struct line_statement){key, parameters_of(sql), 0};
        key = NULL;
    }
    free(key);
    free(text);
    return rc;
}

int line_prepare(struct line *line, const char *sql, const struct value *values, int n, int *statement)
{
    int first = (int)(hash_of(sql, values, n) % LINE_SETS) * LINE_WAYS, at = first;
    if (n > VALUES_MAX)
        return ERR_MALFORMED;
    for (int i = first; i < first + LINE_WAYS; i++) {
        if (line->cache[i].key && is_key(line->cache[i].key, sql, values, n)) {
            line->cache[i].used = ++line->stamp;
            *statement = i;
            return 0;
        }
        at = line->cache[i].used < line->cache[at].used ? i : at;
    }
    if (parameters_of(sql) != n)
        return ERR_MALFORMED;
    int rc = prepare_at(line, at, sql, values, n);
    line->cache[at].used = rc ? 0 : ++line->stamp;
    *statement = at;
    return rc;
}

int line_put(struct line *line, int statement, const struct value *values, int n)
{
    char name[16];
    name_of(statement, name);
    int rc = take_end(line);
    rc = rc ? rc : begin_now(line);
    rc = rc ? rc : send(line, name, statement, values, n);
    return rc || line->n_owed < LINE_OWED - 4 ? rc : line_settle(line);
}

int line_ask(struct line *line, int statement, const struct value *values, int n, PGresult **out)
{
    char name[16];
    *out = NULL;
    name_of(statement, name);
    int rc = take_end(line);
    rc = rc ? rc : begin_now(line);
    rc = rc ? rc : send(line, name, statement, values, n);
    return rc ? rc : wait_for(line, out);
}

/* ---- transactions ---- */

/* A server that died or was ended has said so while nobody listened: what is to be read is its last words, and then the end. */
static bool is_alive(struct line *line)
{
    struct pollfd p = {PQsocket(line->db), POLLIN, 0};
    for (int i = 0; i < 4 && PQstatus(line->db) == CONNECTION_OK && poll(&p, 1, 0) > 0; i++)
        if (!PQconsumeInput(line->db))
            return false;
    return PQstatus(line->db) == CONNECTION_OK;
}

int line_begin(struct line *line)
{
    int rc = take_end(line);
    if (rc || !is_alive(line))
        return gone(line);
    line->to_begin = true;
    return 0;
}

/* A COMMIT after a failed statement answers ROLLBACK and is no error to libpq. */
int line_commit(struct line *line)
{
    PGresult *r = NULL;
    bool nothing = line->to_begin;
    line->to_begin = false;
    int rc = nothing ? 0 : word(line, "commit");
    if (rc || nothing)
        return rc;
    rc = wait_for(line, &r);
    bool done = r && strcmp(PQcmdStatus(r), "COMMIT") == 0;
    PQclear(r);
    return rc ? rc : done ? 0 : ERR_INTERNAL;
}

void line_rollback(struct line *line)
{
    bool nothing = line->to_begin;
    line->to_begin = false;
    if (nothing || line->ending)
        return;
    (void)!line_settle(line); /* what fails now is undone anyway */
    if (PQstatus(line->db) != CONNECTION_OK || PQtransactionStatus(line->db) == PQTRANS_IDLE)
        return;
    if (word(line, "rollback") == 0 && PQpipelineSync(line->db))
        line->ending = true;
}

bool line_usable(const struct line *line)
{
    return PQstatus(line->db) == CONNECTION_OK && (line->ending || PQtransactionStatus(line->db) == PQTRANS_IDLE);
}

/* ---- opening ---- */

static void quiet(void *ctx, const char *notice)
{
    (void)ctx;
    (void)notice; /* may hold values */
}

/* What stands behind the URI in the list wins over it; so only what it may say otherwise stands before. */
PGconn *line_dial(const char *uri)
{
    static const char *const names[] = {"connect_timeout", "tcp_user_timeout", "keepalives_idle", "application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"5", "10000", "10", "yilian", uri, "UTF8", NULL};
    return PQconnectdbParams(names, values, 1);
}

static int prepare_words(struct line *line)
{
    static const char *const words[][2] = {{"commit", "COMMIT"}, {"rollback", "ROLLBACK"}, {"lock", "SELECT pg_advisory_xact_lock(hashtext('yilian'), hashtext(current_schema()))"}};
    int rc = finish(line, PQprepare(line->db, "begin", line->write ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", 0, NULL));
    for (size_t i = 0; i < sizeof words / sizeof *words && rc == 0; i++)
        rc = finish(line, PQprepare(line->db, words[i][0], words[i][1], 0, NULL));
    return rc;
}

int line_open(struct line **out, const char *uri, bool write)
{
    struct line *line = *out = calloc(1, sizeof *line);
    if (!line)
        return ERR_UNAVAILABLE;
    line->write = write;
    line->db = line_dial(uri);
    if (PQstatus(line->db) != CONNECTION_OK) {
        snprintf(line->said, sizeof line->said, "%.*s", (int)strcspn(PQerrorMessage(line->db), "\n"), PQerrorMessage(line->db));
        return ERR_UNAVAILABLE;
    }
    PQsetNoticeProcessor(line->db, quiet, NULL);
    int rc = line_command(line, SETTINGS);
    return rc ? rc : prepare_words(line);
}

void line_close(struct line *line)
{
    if (!line)
        return;
    for (size_t i = 0; i < sizeof line->cache / sizeof *line->cache; i++)
        free(line->cache[i].key);
    PQfinish(line->db);
    free(line);
}
