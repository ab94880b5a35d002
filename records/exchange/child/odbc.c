/* yilian-odbc - reads one batch of rows from a hospital's database view over ODBC, and nothing else. A program of its own: a driver is foreign
 * code that may hang, leak or crash, and then only this process does.
 *
 * In: one JSON object on standard input {ini, connection, view, column, mark, rows, bytes, seconds}; mark "" = from the beginning.
 * Out: one line of JSON {"ok":true,"rows":n,"more":bool,"mark":"..","flat":bool} or {"ok":false,"state":"HY000","text":".."}, then the rows as CSV
 * with a header. `more`: the limit ended it, not the view. `flat`: all rows have one mark, so that going on would find the same ones.
 * Reads SELECT * FROM view WHERE column >= mark ORDER BY column: rows at the mark come again and are known again (records/exchange/pull.h).
 */
#include <jansson.h>
#include <locale.h>
#include <sql.h>
#include <sqlext.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 256
#define VALUE_MAX 65536
#define MARK_MAX 128

struct reading {
    SQLHENV env;
    SQLHDBC db;
    SQLHSTMT st;
    SQLSMALLINT n_columns, mark_at; /* from 1; 0 = not seen */
    SQLSMALLINT mark_type;
    SQLULEN mark_size;
    SQLSMALLINT mark_digits;
    json_int_t rows_max, bytes_max;
    long rows;
    long long unmarked; /* -1 = not asked for */
    bool more;
    char first_mark[MARK_MAX], mark[MARK_MAX];
    FILE *out;
    char *text;
    size_t len;
    char value[VALUE_MAX];
};

static _Noreturn void end_with(const char *state, const char *text)
{
    json_t *o = json_pack("{s:b,s:s,s:s}", "ok", 0, "state", state, "text", text);
    char *line = o ? json_dumps(o, JSON_COMPACT) : NULL; /* NULL: the driver's words are no UTF-8 */
    printf("%s\n", line ? line : "{\"ok\":false,\"state\":\"HY000\",\"text\":\"\"}");
    fflush(stdout);
    _Exit(0);
}

static void check(SQLRETURN rc, SQLSMALLINT type, SQLHANDLE handle)
{
    SQLCHAR state[6] = "HY000", text[400] = "";
    SQLINTEGER native;
    SQLSMALLINT n;
    if (SQL_SUCCEEDED(rc) || rc == SQL_NO_DATA)
        return;
    SQLGetDiagRec(type, handle, 1, state, &native, text, sizeof text, &n);
    end_with((const char *)state, (const char *)text);
}
#define CHECK(r, call) check(call, SQL_HANDLE_STMT, (r)->st)

static void put_field(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")] && text[0] != ' ' && (!text[0] || text[strlen(text) - 1] != ' ')) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', out);
        putc(*text, out);
    }
    putc('"', out);
}

static const char *text_of(const json_t *job, const char *name)
{
    const char *text = json_string_value(json_object_get(job, name));
    return text ? text : "";
}

static void open_database(struct reading *r, const json_t *job)
{
    SQLCHAR *connection = (SQLCHAR *)(uintptr_t)json_string_value(json_object_get(job, "connection"));
    setenv("ODBCINI", text_of(job, "ini"), 1);
    SQLULEN seconds = (SQLULEN)json_integer_value(json_object_get(job, "seconds"));
    if (!SQL_SUCCEEDED(SQLAllocHandle(SQL_HANDLE_ENV, SQL_NULL_HANDLE, &r->env)))
        end_with("HY001", "no ODBC here");
    SQLSetEnvAttr(r->env, SQL_ATTR_ODBC_VERSION, (SQLPOINTER)SQL_OV_ODBC3, 0);
    check(SQLAllocHandle(SQL_HANDLE_DBC, r->env, &r->db), SQL_HANDLE_ENV, r->env);
    SQLSetConnectAttr(r->db, SQL_ATTR_LOGIN_TIMEOUT, (SQLPOINTER)(uintptr_t)(seconds < 20 ? seconds : 20), 0);
    SQLSetConnectAttr(r->db, SQL_ATTR_ACCESS_MODE, (SQLPOINTER)SQL_MODE_READ_ONLY, 0);
    check(SQLDriverConnect(r->db, NULL, connection, SQL_NTS, NULL, 0, NULL, SQL_DRIVER_NOPROMPT), SQL_HANDLE_DBC, r->db);
    check(SQLAllocHandle(SQL_HANDLE_STMT, r->db, &r->st), SQL_HANDLE_DBC, r->db);
    SQLSetStmtAttr(r->st, SQL_ATTR_QUERY_TIMEOUT, (SQLPOINTER)(uintptr_t)seconds, 0);
}

/* Names and the mark's type, from a question that brings no row. */
static void describe(struct reading *r, const char *view, const char *column)
{
    char sql[400];
    snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE 1=0", view);
    CHECK(r, SQLExecDirect(r->st, (SQLCHAR *)sql, SQL_NTS));
    CHECK(r, SQLNumResultCols(r->st, &r->n_columns));
    if (r->n_columns > COLUMNS_MAX)
        end_with("HY000", "too many columns");
    for (SQLSMALLINT i = 1; i <= r->n_columns; i++) {
        SQLCHAR name[200] = "";
        SQLSMALLINT n, type, digits, nullable;
        SQLULEN size;
        CHECK(r, SQLDescribeCol(r->st, (SQLUSMALLINT)i, name, sizeof name, &n, &type, &size, &digits, &nullable));
        if (i > 1)
            putc(',', r->out);
        put_field(r->out, (const char *)name);
        if (strcasecmp((const char *)name, column) == 0) {
            r->mark_at = i;
            r->mark_type = type;
            r->mark_size = size;
            r->mark_digits = digits;
        }
    }
    putc('\n', r->out);
    SQLFreeStmt(r->st, SQL_CLOSE);
    if (!r->mark_at)
        end_with("42S22", "the view has no such column for the mark");
}

static void ask(struct reading *r, const char *view, const char *column, const char *mark)
{
    char sql[800];
    static SQLLEN given = SQL_NTS;
    snprintf(sql, sizeof sql, "SELECT * FROM %s WHERE %s %s ORDER BY %s", view, column, mark[0] ? ">= ?" : "IS NOT NULL", column);
    SQLSetStmtAttr(r->st, SQL_ATTR_MAX_ROWS, (SQLPOINTER)(uintptr_t)(r->rows_max + 1), 0);
    CHECK(r, SQLPrepare(r->st, (SQLCHAR *)sql, SQL_NTS));
    if (mark[0]) /* as the column's own type: text and numbers are ordered differently */
        CHECK(r, SQLBindParameter(r->st, 1, SQL_PARAM_INPUT, SQL_C_CHAR, r->mark_type, r->mark_size ? r->mark_size : MARK_MAX, r->mark_digits,
                                  (SQLPOINTER)(uintptr_t)mark, 0, &given));
    CHECK(r, SQLExecute(r->st));
}

/* A value longer than fits is cut: what is that long is no field of a record. */
static void get_value(struct reading *r, SQLSMALLINT i)
{
    SQLLEN n = 0;
    r->value[0] = 0;
    CHECK(r, SQLGetData(r->st, (SQLUSMALLINT)i, SQL_C_CHAR, r->value, sizeof r->value, &n));
    if (n == SQL_NULL_DATA)
        r->value[0] = 0;
}

static void read_rows(struct reading *r)
{
    SQLRETURN rc;
    while ((rc = SQLFetch(r->st)) != SQL_NO_DATA) {
        CHECK(r, rc);
        if (r->rows >= r->rows_max || ftell(r->out) > r->bytes_max) {
            r->more = true;
            return;
        }
        for (SQLSMALLINT i = 1; i <= r->n_columns; i++) {
            get_value(r, i);
            if (i > 1)
                putc(',', r->out);
            put_field(r->out, r->value);
            if (i == r->mark_at)
                snprintf(r->mark, sizeof r->mark, "%.*s", MARK_MAX - 1, r->value);
        }
        putc('\n', r->out);
        if (r->rows++ == 0)
            memcpy(r->first_mark, r->mark, sizeof r->mark);
    }
}

/* Rows without a mark are in no batch: how many there are is told. */
static void count_unmarked(struct reading *r, const char *view, const char *column)
{
    char sql[400], text[32] = "";
    SQLLEN n = 0;
    snprintf(sql, sizeof sql, "SELECT COUNT(*) FROM %s WHERE %s IS NULL", view, column);
    SQLFreeStmt(r->st, SQL_CLOSE);
    SQLFreeStmt(r->st, SQL_RESET_PARAMS);
    CHECK(r, SQLExecDirect(r->st, (SQLCHAR *)sql, SQL_NTS));
    CHECK(r, SQLFetch(r->st));
    CHECK(r, SQLGetData(r->st, 1, SQL_C_CHAR, text, sizeof text, &n));
    r->unmarked = atoll(text);
}

static void tell(struct reading *r)
{
    fclose(r->out);
    json_t *o = json_pack("{s:b,s:I,s:b,s:s,s:b}", "ok", 1, "rows", (json_int_t)r->rows, "more", (int)r->more, "mark", r->mark, "flat",
                          (int)(strcmp(r->first_mark, r->mark) == 0));
    if (o && r->unmarked >= 0)
        json_object_set_new(o, "unmarked", json_integer(r->unmarked));
    char *line = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (!line)
        end_with("22021", "the mark is not UTF-8");
    printf("%s\n", line);
    fwrite(r->text, 1, r->len, stdout);
    fflush(stdout);
}

int main(void)
{
    static struct reading r;
    setlocale(LC_ALL, ""); /* drivers ask it what characters we speak: UTF-8 */
    json_t *job = json_loadf(stdin, 0, NULL);
    if (!job)
        return 2;
    r.rows_max = json_integer_value(json_object_get(job, "rows"));
    r.bytes_max = json_integer_value(json_object_get(job, "bytes"));
    r.out = open_memstream(&r.text, &r.len);
    if (!r.out)
        return 3;
    open_database(&r, job);
    describe(&r, text_of(job, "view"), text_of(job, "column"));
    ask(&r, text_of(job, "view"), text_of(job, "column"), text_of(job, "mark"));
    read_rows(&r);
    r.unmarked = -1;
    if (!r.more && json_is_true(json_object_get(job, "unmarked")))
        count_unmarked(&r, text_of(job, "view"), text_of(job, "column"));
    tell(&r);
    _Exit(0); /* no driver's farewell may take longer than its work */
}
