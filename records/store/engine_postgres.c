/* PostgreSQL behind engine.h, by libpq. `where` is a connection URI (postgresql.org/docs/current/libpq-connect.html); several hosts with
 * target_session_attrs=read-write follow a promoted standby, options=-csearch_path=NAME keeps several sites in one database.
 *
 * What the store relies on and SQLite gives by itself is asked for here: one writer at a time, also among processes (an advisory lock of the
 * schema, taken with BEGIN, so that "the greatest number and one" is nobody else's), and reads that see one moment (REPEATABLE READ). The
 * database must sort by bytes and hold UTF-8: createdb --locale=C --encoding=UTF8. */
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CACHED 128        /* prepared statements a connection keeps */
#define STATEMENT_S "60"  /* nothing the daemon asks takes longer; a stuck server is an error, not a wait without end */
#define BIGINT_OID 20     /* pg_type.dat */
#define TEXT_OID 25
#define BYTEA_OID 17
#define BOOL_OID 16

struct cached {
    char *key; /* the types of the parameters, then the text */
    uint64_t used;
};

struct line {
    PGconn *db;
    struct cached cache[CACHED];
    uint64_t stamp;
    char said[200]; /* the last error, without values */
};

struct opened_bytes {
    struct opened_bytes *next;
    unsigned char *data;
    size_t len;
    int column;
};

struct rows {
    PGresult *result;
    int at, n;
    struct opened_bytes *bytes; /* of this row */
};

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

/* The words of class 42 (names, syntax) hold no values; those of the others may. */
static int refused(struct line *line, const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (!state) {
        snprintf(line->said, sizeof line->said, "the line to PostgreSQL is gone");
        return ERR_UNAVAILABLE;
    }
    const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(line->said, sizeof line->said, "SQLSTATE %s %s", state, words && strncmp(state, "42", 2) == 0 ? words : "");
    return code_of(state);
}

static const char *message(const struct connection *c)
{
    return c->own ? ((struct line *)c->own)->said : "out of memory";
}

static int finish(struct line *line, PGresult *r)
{
    ExecStatusType status = PQresultStatus(r);
    bool fine = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    int rc = fine ? 0 : refused(line, r);
    PQclear(r);
    return rc;
}

static int command(struct line *line, const char *sql)
{
    return finish(line, PQexec(line->db, sql));
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

static int script(struct connection *c, const char *sql)
{
    char *text = adapt(sql);
    int rc = text ? command(c->own, text) : ERR_UNAVAILABLE;
    free(text);
    return rc;
}

/* ---- connections ---- */

static void quiet(void *ctx, const char *notice)
{
    (void)ctx;
    (void)notice; /* may hold values */
}

static void disconnect(struct connection *c)
{
    struct line *line = c->own;
    if (!line)
        return;
    for (int i = 0; i < CACHED; i++)
        free(line->cache[i].key);
    PQfinish(line->db);
    free(line);
    c->own = NULL;
}

/* What stands behind the URI in the list wins over it; so only what it may say otherwise stands before. */
static PGconn *dial(const char *uri)
{
    static const char *const names[] = {"connect_timeout", "tcp_user_timeout", "keepalives_idle", "application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"5", "10000", "10", "yilian", uri, "UTF8", NULL};
    return PQconnectdbParams(names, values, 1);
}

static int connect_server(struct connection *c)
{
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        return ERR_UNAVAILABLE;
    c->own = line;
    line->db = dial(c->store->where);
    if (PQstatus(line->db) != CONNECTION_OK) {
        snprintf(line->said, sizeof line->said, "%.*s", (int)strcspn(PQerrorMessage(line->db), "\n"), PQerrorMessage(line->db));
        return ERR_UNAVAILABLE;
    }
    PQsetNoticeProcessor(line->db, quiet, NULL);
    return command(line, "SET statement_timeout='" STATEMENT_S "s'; SET idle_in_transaction_session_timeout='300s'; SET client_min_messages=warning");
}

static bool usable(struct connection *c)
{
    struct line *line = c->own;
    return PQstatus(line->db) == CONNECTION_OK && PQtransactionStatus(line->db) == PQTRANS_IDLE;
}

static int begin(struct connection *c)
{
    return command(c->own, c->mode == TX_WRITE ? "BEGIN; SELECT pg_advisory_xact_lock(hashtext('yilian'), hashtext(current_schema()))"
                                               : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
}

/* A COMMIT after a failed statement answers ROLLBACK and is no error to libpq. */
static int commit(struct connection *c)
{
    struct line *line = c->own;
    PGresult *r = PQexec(line->db, "COMMIT");
    bool done = strcmp(PQcmdStatus(r), "COMMIT") == 0;
    int rc = finish(line, r);
    return rc ? rc : done ? 0 : ERR_INTERNAL;
}

static void rollback(struct connection *c)
{
    struct line *line = c->own;
    if (PQtransactionStatus(line->db) != PQTRANS_IDLE)
        PQclear(PQexec(line->db, "ROLLBACK"));
}

/* ---- statements ---- */

static char *key_of(const char *sql, const struct value *values, int n)
{
    char *text = adapt(sql), *key = text ? malloc((size_t)n + strlen(text) + 2) : NULL;
    for (int i = 0; key && i < n; i++)
        key[i] = values[i].type;
    if (key)
        sprintf(key + n, " %s", text);
    free(text);
    return key;
}

/* The slot where the statement is prepared, or -1 with *rc. */
static int prepare(struct line *line, char *key, const struct value *values, int n, int *rc)
{
    int room = 0;
    char name[16];
    Oid types[64];
    for (int i = 0; i < CACHED; i++) {
        if (line->cache[i].key && strcmp(line->cache[i].key, key) == 0) {
            free(key);
            line->cache[i].used = ++line->stamp;
            return i;
        }
        if (line->cache[i].used < line->cache[room].used)
            room = i;
    }
    for (int i = 0; i < n; i++)
        types[i] = values[i].type == 'i' ? BIGINT_OID : values[i].type == 't' ? TEXT_OID : values[i].type == 'b' ? BYTEA_OID : 0;
    struct cached *k = &line->cache[room];
    char drop[40];
    snprintf(name, sizeof name, "s%d", room);
    snprintf(drop, sizeof drop, "DEALLOCATE %s", name);
    *rc = k->key ? command(line, drop) : 0;
    free(k->key);
    *k = (struct cached){0};
    if (*rc == 0)
        *rc = finish(line, PQprepare(line->db, name, key + n + 1, n, types));
    if (*rc) {
        free(key);
        return -1;
    }
    *k = (struct cached){key, ++line->stamp};
    return room;
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

static PGresult *send(struct line *line, int slot, const struct value *values, int n)
{
    const char *data[64];
    int lengths[64], formats[64];
    uint64_t numbers[64];
    char name[16];
    for (int i = 0; i < n; i++) {
        const struct value *v = &values[i];
        numbers[i] = __builtin_bswap64((uint64_t)v->integer); /* int8 in network order */
        data[i] = v->type == 'i' ? (const char *)&numbers[i] : v->data;
        lengths[i] = v->type == 'i' ? 8 : (int)v->len;
        formats[i] = v->type != 't';
    }
    snprintf(name, sizeof name, "s%d", slot);
    return PQexecPrepared(line->db, name, n, data, lengths, formats, 0);
}

static int start(struct connection *c, const char *sql, const struct value *values, int n, bool held, struct rows **out)
{
    struct line *line = c->own;
    int rc = 0;
    (void)held; /* all is sent before this returns */
    *out = NULL;
    if (n > 64 || parameters_of(sql) != n)
        return ERR_MALFORMED;
    char *key = key_of(sql, values, n);
    struct rows *r = key ? calloc(1, sizeof *r) : NULL;
    if (!r) {
        free(key);
        return ERR_UNAVAILABLE;
    }
    int slot = prepare(line, key, values, n, &rc);
    if (slot >= 0) {
        r->result = send(line, slot, values, n);
        ExecStatusType status = PQresultStatus(r->result);
        rc = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : refused(line, r->result);
    }
    if (rc) {
        PQclear(r->result);
        free(r);
        return rc;
    }
    r->n = PQntuples(r->result);
    r->at = -1;
    *out = r;
    return 0;
}

static void forget_bytes(struct rows *r)
{
    while (r->bytes) {
        struct opened_bytes *b = r->bytes;
        r->bytes = b->next;
        PQfreemem(b->data);
        free(b);
    }
}

static int step(struct rows *r, bool *row)
{
    forget_bytes(r);
    *row = r->at + 1 < r->n;
    if (*row)
        r->at++;
    return 0;
}

static int64_t changes(const struct rows *r)
{
    return atoll(PQcmdTuples(r->result));
}

static int columns(const struct rows *r)
{
    return PQnfields(r->result);
}

static const char *column(const struct rows *r, int i)
{
    return PQfname(r->result, i);
}

static enum kind kind_of(const struct rows *r, int i)
{
    if (PQgetisnull(r->result, r->at, i))
        return KIND_NULL;
    switch (PQftype(r->result, i)) {
    case BYTEA_OID:
        return KIND_BYTES;
    case BOOL_OID:
    case BIGINT_OID:
    case 21:   /* int2 */
    case 23:   /* int4 */
    case 701:  /* float8 */
    case 1700: /* numeric: the sum of bigints */
        return KIND_INTEGER;
    default:
        return KIND_TEXT;
    }
}

static int64_t integer(struct rows *r, int i)
{
    const char *value = PQgetvalue(r->result, r->at, i);
    return PQftype(r->result, i) == BOOL_OID ? value[0] == 't' : strtoll(value, NULL, 10);
}

static const char *text(struct rows *r, int i)
{
    return PQgetisnull(r->result, r->at, i) ? NULL : PQgetvalue(r->result, r->at, i);
}

static const void *bytes(struct rows *r, int i, size_t *len)
{
    *len = 0;
    if (PQgetisnull(r->result, r->at, i))
        return NULL;
    if (PQftype(r->result, i) != BYTEA_OID) {
        *len = (size_t)PQgetlength(r->result, r->at, i);
        return PQgetvalue(r->result, r->at, i);
    }
    for (struct opened_bytes *b = r->bytes; b; b = b->next)
        if (b->column == i) {
            *len = b->len;
            return b->data;
        }
    struct opened_bytes *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->data = PQunescapeBytea((const unsigned char *)PQgetvalue(r->result, r->at, i), &b->len);
    b->column = i;
    b->next = r->bytes;
    r->bytes = b;
    *len = b->len;
    return b->data;
}

static void end(struct rows *r)
{
    forget_bytes(r);
    PQclear(r->result);
    free(r);
}

/* ---- the database ---- */

/* The first schema of the search path may be of this site alone, and new. */
static int create(struct store *s, struct fault *f)
{
    PGconn *db = dial(s->where);
    int rc = 0;
    if (PQstatus(db) != CONNECTION_OK)
        rc = fault_set(f, ERR_UNAVAILABLE, "database.url", "PostgreSQL does not answer: %.*s", (int)strcspn(PQerrorMessage(db), "\n"), PQerrorMessage(db));
    if (rc == 0) {
        PGresult *r = PQexec(db, "SELECT current_schema(), split_part(current_setting('search_path'), ',', 1), "
                                 "pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname=current_database()");
        bool ok = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1;
        if (!ok)
            rc = fault_set(f, ERR_STORAGE, "database.url", "The PostgreSQL database cannot be read.");
        else if (strcmp(PQgetvalue(r, 0, 2), "UTF8") || (strcmp(PQgetvalue(r, 0, 3), "C") && strcmp(PQgetvalue(r, 0, 3), "C.UTF-8")))
            rc = fault_set(f, ERR_INVALID, "database.url", "The PostgreSQL database must be made with --encoding=UTF8 --locale=C; it has %s and %s.",
                           PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 3));
        else if (PQgetisnull(r, 0, 0)) {
            char *name = PQescapeIdentifier(db, PQgetvalue(r, 0, 1), strlen(PQgetvalue(r, 0, 1))), make[200];
            snprintf(make, sizeof make, "CREATE SCHEMA IF NOT EXISTS %s", name ? name : "");
            PGresult *made = PQexec(db, make);
            if (PQresultStatus(made) != PGRES_COMMAND_OK)
                rc = fault_set(f, ERR_STORAGE, "database.url", "The schema of search_path is not there and cannot be made.");
            PQclear(made);
            PQfreemem(name);
        }
        PQclear(r);
    }
    PQfinish(db);
    return rc;
}

static int one_number(struct connection *c, const char *sql, int otherwise)
{
    PGresult *r = PQexec(((struct line *)c->own)->db, sql);
    int found = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0) ? atoi(PQgetvalue(r, 0, 0)) : otherwise;
    PQclear(r);
    return found;
}

static int version(struct connection *c)
{
    int there = one_number(c, "SELECT count(*) FROM pg_tables WHERE schemaname=current_schema() AND tablename='store_version'", -1);
    return there == 1 ? one_number(c, "SELECT version FROM store_version", -1) : there;
}

static int set_version(struct connection *c, int to)
{
    char set[200];
    snprintf(set, sizeof set, "CREATE TABLE IF NOT EXISTS store_version (version BIGINT NOT NULL); DELETE FROM store_version; "
                              "INSERT INTO store_version VALUES (%d)", to);
    return command(c->own, set);
}

static int seal_column(struct connection *c, const char *table, const char *name)
{
    char change[300];
    snprintf(change, sizeof change, "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT, ALTER COLUMN %s TYPE BYTEA USING convert_to(%s,'UTF8')", table, name,
             name, name);
    return command(c->own, change);
}

/* ---- backup: pg_dump, told of the server by its environment, which others cannot read as they can read a command line ---- */

static char **environment_of(PGconn *db)
{
    static const char *const names[][2] = {{"host", "PGHOST"}, {"port", "PGPORT"}, {"dbname", "PGDATABASE"}, {"user", "PGUSER"},
                                           {"password", "PGPASSWORD"}, {"sslmode", "PGSSLMODE"}, {"sslrootcert", "PGSSLROOTCERT"}};
    PQconninfoOption *options = PQconninfo(db);
    char **out = calloc(12, sizeof *out);
    size_t n = 0;
    for (PQconninfoOption *o = options; out && o && o->keyword; o++)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++)
            if (strcmp(o->keyword, names[k][0]) == 0 && o->val && asprintf(&out[n], "%s=%s", names[k][1], o->val) > 0)
                n++;
    if (out && asprintf(&out[n], "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin") < 0)
        out[n] = NULL;
    PQconninfoFree(options);
    return out;
}

static void free_environment(char **env)
{
    for (size_t i = 0; env && env[i]; i++) {
        explicit_bzero(env[i], strlen(env[i]));
        free(env[i]);
    }
    free(env);
}

static int dump(PGconn *db, const char *to_path)
{
    PGresult *r = PQexec(db, "SELECT current_schema()");
    char schema[200] = "", file[700];
    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
        snprintf(schema, sizeof schema, "--schema=\"%s\"", PQgetvalue(r, 0, 0));
    PQclear(r);
    snprintf(file, sizeof file, "--file=%s", to_path);
    char *const argv[] = {"pg_dump", "--format=custom", "--no-owner", "--no-password", schema, file, NULL};
    char **env = environment_of(db);
    pid_t pid;
    int status = -1;
    if (env && schema[0] && posix_spawnp(&pid, "pg_dump", NULL, NULL, argv, env) == 0)
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    free_environment(env);
    return status == 0 ? 0 : ERR_STORAGE;
}

static int backup(struct store *s, const char *to_path, struct fault *f)
{
    int fd = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fault_set(f, ERR_STORAGE, "backup", "Cannot make %s: %s.", to_path, strerror(errno));
    close(fd);
    PGconn *db = dial(s->where);
    int rc = PQstatus(db) == CONNECTION_OK ? dump(db, to_path) : ERR_UNAVAILABLE;
    PQfinish(db);
    if (rc == 0)
        return 0;
    unlink(to_path);
    return fault_set(f, rc, "backup", "pg_dump made no copy; %s was removed. Is postgresql-client of the server's version installed?", to_path);
}

const struct engine engine_postgres = {
    .name = "postgresql", .create = create, .connect = connect_server, .disconnect = disconnect, .usable = usable, .begin = begin,
    .commit = commit, .rollback = rollback, .script = script, .start = start, .step = step, .changes = changes, .columns = columns,
    .column = column, .kind = kind_of, .integer = integer, .text = text, .bytes = bytes, .end = end, .message = message,
    .version = version, .set_version = set_version, .seal_column = seal_column, .backup = backup};
