/* postgres_line - a connection to a PostgreSQL server: statements prepared once, sent in a row, waited for when something must be known
 * (libpq's pipeline, postgresql.org/docs/current/libpq-pipeline-mode.html). What engine_postgres.c is made of; private to it.
 *
 * A transaction begins with its first statement, in the same turn; a statement that was only put goes with the next that is asked, or with the
 * COMMIT; nobody waits for a ROLLBACK. So a transaction costs a round trip for each question, and one to be durable. */
#ifndef YL_RECORDS_STORE_POSTGRES_LINE_H
#define YL_RECORDS_STORE_POSTGRES_LINE_H

#include "records/store/engine.h"
#include <libpq-fe.h>

#define BIGINT_OID 20 /* pg_type.dat */
#define BIGINTS_OID 1016
#define TEXT_OID 25
#define BYTEA_OID 17
#define BOOL_OID 16

#define LINE_SETS 128 /* of prepared statements, four in each */
#define LINE_WAYS 4
#define LINE_OWED 200 /* statements nobody has waited for: their answers must fit into the sockets' buffers */

struct line_statement {
    char *key; /* the types of the parameters, then the text as the store has it */
    int parameters;
    uint64_t used;
};

struct line {
    PGconn *db;
    bool write;
    struct line_statement cache[LINE_SETS * LINE_WAYS];
    uint64_t stamp;
    bool to_begin; /* a transaction was begun that the server does not know of yet */
    bool ending;   /* a ROLLBACK was sent whose answer was not looked at */
    int owed[LINE_OWED], n_owed; /* statements sent or about to be; -1: a word of the transaction's own */
    int64_t changes; /* of the last that was put and answered */
    char said[400];  /* the last error, without values */
};

/* NULL: no memory. Ask PQstatus. */
PGconn *line_dial(const char *uri);
/* *out is to be closed also after an error. */
YL_CHECKED int line_open(struct line **out, const char *uri, bool write);
void line_close(struct line *line);
bool line_usable(const struct line *line);

YL_CHECKED int line_begin(struct line *line);
YL_CHECKED int line_commit(struct line *line);
void line_rollback(struct line *line);

/* Several statements without parameters, at once. */
YL_CHECKED int line_command(struct line *line, const char *sql);
/* Words without parameters, and their answer. */
YL_CHECKED int line_question(struct line *line, const char *sql, PGresult **out);
/* The number of the prepared statement; ERR_MALFORMED: so many values do not fit it. A value of type `a` is an array of bigints as bytes. */
YL_CHECKED int line_prepare(struct line *line, const char *sql, const struct value *values, int n, int *statement);
YL_CHECKED int line_put(struct line *line, int statement, const struct value *values, int n);
YL_CHECKED int line_ask(struct line *line, int statement, const struct value *values, int n, PGresult **out);
/* Waits for all that was put. */
YL_CHECKED int line_settle(struct line *line);

#endif
