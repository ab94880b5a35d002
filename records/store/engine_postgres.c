/* PostgreSQL behind engine.h, over postgres_line.c. `where` is a connection URI (postgresql.org/docs/current/libpq-connect.html); several hosts with
 * target_session_attrs=read-write follow a promoted standby, options=-csearch_path=NAME keeps several sites in one database.
 *
 * What the store relies on and SQLite gives by itself is asked for here: one writer at a time, also among processes (an advisory lock of the
 * schema, taken with BEGIN, so that "the greatest number and one" is nobody else's), and reads that see one moment (REPEATABLE READ). The
 * database must sort by bytes and hold UTF-8: createdb --locale=C --encoding=UTF8. */
#include "records/store/postgres_line.h"
#include "records/store/store_private.h"
#include "server/base/log.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define INT2_OID 21 /* pg_type.dat */
#define INT4_OID 23
#define FLOAT8_OID 701
#define NUMERIC_OID 1700

struct rows {
    PGresult *result; /* in PostgreSQL's binary formats */
    int at, n;
};

static const char *message(const struct connection *c)
{
    return c->own ? ((struct line *)c->own)->said : "out of memory";
}

/* ---- connections ---- */

static int connect_server(struct connection *c)
{
    return line_open((struct line **)&c->own, c->store->where, c->mode == TX_WRITE);
}

static void disconnect(struct connection *c)
{
    line_close(c->own);
    c->own = NULL;
}

static bool usable(struct connection *c)
{
    return line_usable(c->own);
}

static int begin(struct connection *c)
{
    return line_begin(c->own);
}

static int commit(struct connection *c)
{
    return line_commit(c->own);
}

static void rollback(struct connection *c)
{
    line_rollback(c->own);
}

/* ---- statements ---- */

static int run(struct connection *c, const char *sql, const struct value *values, int n)
{
    int statement, rc = line_prepare(c->own, sql, values, n, &statement);
    return rc ? rc : line_put(c->own, statement, values, n);
}

static int script(struct connection *c, const char *sql)
{
    return line_command(c->own, sql);
}

static int settle(struct connection *c, int64_t *changes)
{
    struct line *line = c->own;
    int rc = line_settle(line);
    *changes = line->changes;
    return rc;
}

/* A column as array_recv (arrayfuncs.c) reads it: dimensions, nulls, the element's type, how many, the first one's number; then length and value each. */
static void *array_of(const int64_t *rows, size_t n, int width, int column, size_t *len)
{
    const uint32_t head[] = {1, 0, BIGINT_OID, (uint32_t)n, 1};
    uint8_t *bytes = malloc(*len = sizeof head + n * 12), *to = bytes;
    if (!bytes)
        return NULL;
    for (size_t i = 0; i < sizeof head / sizeof *head; i++, to += 4)
        memcpy(to, &(uint32_t){htobe32(head[i])}, 4);
    for (size_t i = 0; i < n; i++, to += 12) {
        memcpy(to, &(uint32_t){htobe32(8)}, 4);
        memcpy(to + 4, &(uint64_t){htobe64((uint64_t)rows[i * (size_t)width + (size_t)column])}, 8);
    }
    return bytes;
}

/* One statement: each by itself costs ten times the row. */
static int insert_numbers(struct connection *c, const char *table, const char *columns, int width, const int64_t *rows, size_t n)
{
    char sql[300];
    struct value values[NUMBERS_MAX];
    void *arrays[NUMBERS_MAX] = {0};
    int rc = 0;
    size_t at = (size_t)snprintf(sql, sizeof sql, "INSERT INTO %s (%s) SELECT * FROM unnest(", table, columns);
    for (int i = 0; i < width; i++) {
        at += (size_t)snprintf(sql + at, sizeof sql - at, "%s$%d%s", i ? "," : "", i + 1, i + 1 == width ? ")" : "");
        values[i] = (struct value){.type = 'a'};
        values[i].data = arrays[i] = array_of(rows, n, width, i, &values[i].len);
        rc = arrays[i] ? rc : ERR_UNAVAILABLE;
    }
    rc = rc ? rc : run(c, sql, values, width);
    for (int i = 0; i < width; i++)
        free(arrays[i]);
    return rc;
}

static int start(struct connection *c, const char *sql, const struct value *values, int n, bool held, struct rows **out)
{
    int statement;
    (void)held; /* all is sent before this returns */
    *out = NULL;
    struct rows *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_UNAVAILABLE;
    int rc = line_prepare(c->own, sql, values, n, &statement);
    rc = rc ? rc : line_ask(c->own, statement, values, n, &r->result);
    if (rc) {
        free(r);
        return rc;
    }
    r->n = PQntuples(r->result);
    r->at = -1;
    *out = r;
    return 0;
}

static int step(struct rows *r, bool *row)
{
    *row = r->at + 1 < r->n;
    if (*row)
        r->at++;
    return 0;
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
    case INT2_OID:
    case INT4_OID:
    case FLOAT8_OID:
    case NUMERIC_OID:
        return KIND_INTEGER;
    default:
        return KIND_TEXT;
    }
}

static uint64_t big_endian(const char *value, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | (uint8_t)value[i];
    return v;
}

/* numeric_send (numeric.c): number of digits to base 10,000, the first one's power, the sign, the scale, the digits. What is behind the point falls off. */
static int64_t whole_of(const char *value)
{
    int digits = (int)big_endian(value, 2), power = (int16_t)big_endian(value + 2, 2);
    int64_t v = 0;
    for (int i = 0; i <= power; i++)
        v = v * 10000 + (i < digits ? (int64_t)big_endian(value + 8 + 2 * i, 2) : 0);
    return big_endian(value + 4, 2) == 0x4000 ? -v : v;
}

static int64_t integer(struct rows *r, int i)
{
    const char *value = PQgetvalue(r->result, r->at, i);
    uint64_t bits;
    double real;
    if (PQgetisnull(r->result, r->at, i))
        return 0;
    switch (PQftype(r->result, i)) {
    case BIGINT_OID:
        return (int64_t)big_endian(value, 8);
    case INT4_OID:
        return (int32_t)big_endian(value, 4);
    case INT2_OID:
        return (int16_t)big_endian(value, 2);
    case BOOL_OID:
        return value[0] != 0;
    case FLOAT8_OID:
        bits = big_endian(value, 8);
        memcpy(&real, &bits, sizeof real);
        return (int64_t)real;
    case NUMERIC_OID: /* the sum of bigints */
        return whole_of(value);
    default:
        return strtoll(value, NULL, 10);
    }
}

static const char *text(struct rows *r, int i)
{
    enum kind kind = kind_of(r, i);
    if (kind == KIND_INTEGER) {
        log_error("store", "a column of numbers is read as text");
        abort();
    }
    return kind == KIND_NULL ? NULL : PQgetvalue(r->result, r->at, i);
}

static const void *bytes(struct rows *r, int i, size_t *len)
{
    bool there = !PQgetisnull(r->result, r->at, i);
    *len = there ? (size_t)PQgetlength(r->result, r->at, i) : 0;
    return there ? PQgetvalue(r->result, r->at, i) : NULL;
}

static void end(struct rows *r)
{
    PQclear(r->result);
    free(r);
}

/* ---- the database ---- */

/* The first schema of the search path may be of this site alone, and new. */
static int create(struct store *s, struct fault *f)
{
    PGconn *db = line_dial(s->where);
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
    PGresult *r;
    if (line_question(c->own, sql, &r))
        return otherwise;
    int found = PQntuples(r) == 1 && !PQgetisnull(r, 0, 0) ? atoi(PQgetvalue(r, 0, 0)) : otherwise;
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
    return line_command(c->own, set);
}

static int seal_column(struct connection *c, const char *table, const char *name)
{
    char change[300];
    snprintf(change, sizeof change, "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT, ALTER COLUMN %s TYPE BYTEA USING convert_to(%s,'UTF8')", table, name,
             name, name);
    return line_command(c->own, change);
}

/* ---- how the server is ---- */

static int64_t number_at(const PGresult *r, int column)
{
    return PQgetisnull(r, 0, column) ? 0 : strtoll(PQgetvalue(r, 0, column), NULL, 10);
}

/* Other sessions' columns are NULL for an account that is no member of pg_monitor. */
static int look_at_standbys(struct connection *c, struct store_facts *out)
{
    PGresult *r;
    int rc = line_question(c->own,
                           "SELECT count(*)::text, count(*) FILTER (WHERE sync_state IN ('sync','quorum'))::text, "
                           "(max(extract(epoch FROM replay_lag))*1000)::bigint::text, count(*) FILTER (WHERE state IS NULL)::text FROM pg_stat_replication",
                           &r);
    if (rc)
        return rc;
    bool hidden = number_at(r, 3) > 0;
    out->standbys = hidden ? -1 : (int)number_at(r, 0);
    out->in_step = hidden ? 0 : (int)number_at(r, 1);
    out->behind_ms = hidden ? -1 : number_at(r, 2); /* NULL: nothing is on its way */
    PQclear(r);
    return 0;
}

static int look(struct connection *c, struct store_facts *out)
{
    PGresult *r;
    int rc = line_question(c->own,
                           "SELECT current_setting('server_version'), pg_database_size(current_database())::text, current_setting('archive_mode'), "
                           "(extract(epoch FROM last_archived_time)*1000)::bigint::text, (extract(epoch FROM last_failed_time)*1000)::bigint::text FROM pg_stat_archiver",
                           &r);
    if (rc)
        return rc;
    snprintf(out->server, sizeof out->server, "%.39s", PQgetvalue(r, 0, 0));
    out->bytes = number_at(r, 1);
    out->log_known = true;
    out->log_kept = strcmp(PQgetvalue(r, 0, 2), "off") != 0;
    out->kept_ms = number_at(r, 3);
    out->kept_failed_ms = number_at(r, 4);
    PQclear(r);
    return look_at_standbys(c, out);
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
    PGconn *db = line_dial(s->where);
    int rc = PQstatus(db) == CONNECTION_OK ? dump(db, to_path) : ERR_UNAVAILABLE;
    PQfinish(db);
    if (rc == 0)
        return 0;
    unlink(to_path);
    return fault_set(f, rc, "backup", "pg_dump made no copy; %s was removed. Is postgresql-client of the server's version installed?", to_path);
}

const struct engine engine_postgres = {
    .name = "postgresql", .create = create, .connect = connect_server, .disconnect = disconnect, .usable = usable, .begin = begin,
    .commit = commit, .rollback = rollback, .script = script, .start = start, .step = step, .run = run, .settle = settle, .insert_numbers = insert_numbers, .columns = columns,
    .column = column, .kind = kind_of, .integer = integer, .text = text, .bytes = bytes, .end = end, .message = message,
    .version = version, .set_version = set_version, .seal_column = seal_column, .look = look, .backup = backup};
