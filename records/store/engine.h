/* engine - what one SQL engine does for the store. The texts are in the store's one dialect (store.h); an engine adapts what it must.
 * SQLite: engine_sqlite.c (sqlite.org/c3ref); PostgreSQL: engine_postgres.c (libpq, PostgreSQL 13 and later).
 *
 * A connection is used by one thread at a time. Functions that can fail return 0 or a code of the error table, and leave what the engine said
 * for `message` to read: parameters, never values. */
#ifndef YL_RECORDS_STORE_ENGINE_H
#define YL_RECORDS_STORE_ENGINE_H

#include "records/store/store.h"

#define NUMBERS_MAX 8 /* columns of insert_numbers */

struct connection;
struct rows; /* a statement that was started: its rows, one after another */

struct value {
    char type; /* i, t, b; n = NULL of any type; others are an engine's own */
    int64_t integer;
    const void *data; /* text (ended by 0) or bytes; borrowed until start returns (held: until end); NULL = NULL */
    size_t len;
};

enum kind { KIND_NULL, KIND_INTEGER, KIND_TEXT, KIND_BYTES };

struct engine {
    const char *name;
    /* Makes what is not there yet: the file, the schema. */
    int (*create)(struct store *s, struct fault *f);
    int (*connect)(struct connection *c);     /* c->store and c->mode are set */
    void (*disconnect)(struct connection *c); /* also after a failed connect */
    bool (*usable)(struct connection *c);     /* false: the line to the server is gone */
    int (*begin)(struct connection *c);
    int (*commit)(struct connection *c);
    void (*rollback)(struct connection *c); /* fine when none is open */
    int (*script)(struct connection *c, const char *sql); /* several statements, no parameters, no rows */
    /* Prepared texts are kept by the connection. ERR_MALFORMED: the values do not fit the text. *out is ended by `end`, also when stepping failed.
     * `held`: what the values point to stays until `end`, it need not be copied. */
    int (*start)(struct connection *c, const char *sql, const struct value *values, int n, bool held, struct rows **out);
    /* A statement whose rows nobody asks for. It may wait until something is asked for, or `settle`, or the commit: then its error is told by that. */
    int (*run)(struct connection *c, const char *sql, const struct value *values, int n);
    /* What was run is carried out; *changes: rows that the last one changed. */
    int (*settle)(struct connection *c, int64_t *changes);
    /* n rows of `width` whole numbers, as by `run`. NULL: the engine has nothing better than one after the other. */
    int (*insert_numbers)(struct connection *c, const char *table, const char *columns, int width, const int64_t *rows, size_t n);
    /* n rows of cells, those that are there passed over. NULL: the same. */
    int (*add_rows)(struct connection *c, const char *table, const char *columns, int width, const struct cell *cells, size_t n);
    int (*step)(struct rows *r, bool *row);
    int (*columns)(const struct rows *r);
    const char *(*column)(const struct rows *r, int i);
    enum kind (*kind)(const struct rows *r, int i);
    bool (*declared_bytes)(const struct rows *r, int i); /* the column is BLOB, whatever is in it. NULL: what is in it says so too */
    int64_t (*integer)(struct rows *r, int i);
    const char *(*text)(struct rows *r, int i); /* until the next step */
    const void *(*bytes)(struct rows *r, int i, size_t *len);
    void (*end)(struct rows *r);
    const char *(*message)(const struct connection *c);
    /* the shape's version, and how it is set inside a transaction */
    int (*version)(struct connection *c);
    int (*set_version)(struct connection *c, int version);
    int (*rebuild)(struct connection *c); /* what was deleted is gone from the disk too; NULL: nothing to do */
    void (*checkpoint)(struct store *s);  /* NULL: the engine does it by itself */
    /* The column was declared TEXT and holds sealed bytes from now on. NULL: the engine takes bytes in any column. Inside a transaction. */
    int (*seal_column)(struct connection *c, const char *table, const char *column);
    int (*look)(struct connection *c, struct store_facts *out); /* `out` is empty */
    int (*backup)(struct store *s, const char *to_path, struct fault *f);
};

extern const struct engine engine_sqlite, engine_postgres;

#endif
