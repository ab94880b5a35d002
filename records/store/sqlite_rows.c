/* The virtual table held_rows (sqlite_rows.h). */
#include "records/store/sqlite_rows.h"
#include <stdlib.h>

struct place {
    sqlite3_vtab_cursor base;
    const struct held_rows *rows;
    size_t at;
};

static int connect(sqlite3 *db, void *ctx, int argc, const char *const *argv, sqlite3_vtab **out, char **error)
{
    (void)ctx, (void)argc, (void)argv, (void)error;
    int rc = sqlite3_declare_vtab(db, "CREATE TABLE x (c0,c1,c2,c3,c4,c5,c6,c7,rows HIDDEN)");
    if (rc == SQLITE_OK && !(*out = calloc(1, sizeof **out)))
        rc = SQLITE_NOMEM;
    return rc;
}

static int disconnect(sqlite3_vtab *table)
{
    free(table);
    return SQLITE_OK;
}

/* It can be read in one way: with its rows. */
static int plan(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn != ROWS_WIDTH || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ || !info->aConstraint[i].usable)
            continue;
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
        info->estimatedCost = 1;
        info->estimatedRows = 100;
        return SQLITE_OK;
    }
    return SQLITE_CONSTRAINT;
}

static int open_place(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    struct place *p = calloc(1, sizeof *p);
    *out = p ? &p->base : NULL;
    return p ? SQLITE_OK : SQLITE_NOMEM;
}

static int close_place(sqlite3_vtab_cursor *c)
{
    free(c);
    return SQLITE_OK;
}

static int first(sqlite3_vtab_cursor *c, int plan_number, const char *plan_text, int argc, sqlite3_value **argv)
{
    struct place *p = (struct place *)c;
    (void)plan_number, (void)plan_text;
    p->rows = argc == 1 ? sqlite3_value_pointer(argv[0], ROWS_POINTER) : NULL;
    p->at = 0;
    return SQLITE_OK;
}

static int next(sqlite3_vtab_cursor *c)
{
    ((struct place *)c)->at++;
    return SQLITE_OK;
}

static int at_end(sqlite3_vtab_cursor *c)
{
    const struct place *p = (struct place *)c;
    return !p->rows || p->at >= p->rows->n;
}

static int column(sqlite3_vtab_cursor *c, sqlite3_context *out, int i)
{
    const struct place *p = (struct place *)c;
    const struct held_rows *r = p->rows;
    if (i >= r->width)
        return SQLITE_OK; /* NULL */
    size_t at = p->at * (size_t)r->width + (size_t)i;
    if (r->numbers)
        sqlite3_result_int64(out, r->numbers[at]);
    else if (r->cells[at].text)
        sqlite3_result_text(out, r->cells[at].text, -1, SQLITE_STATIC);
    else
        sqlite3_result_int64(out, r->cells[at].integer);
    return SQLITE_OK;
}

static int number(sqlite3_vtab_cursor *c, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((struct place *)c)->at;
    return SQLITE_OK;
}

static const sqlite3_module module = {
    .xConnect = connect, .xDisconnect = disconnect, .xBestIndex = plan, .xOpen = open_place, .xClose = close_place, .xFilter = first, .xNext = next, .xEof = at_end,
    .xColumn = column, .xRowid = number};

int sqlite_rows_open(sqlite3 *db)
{
    return sqlite3_create_module(db, "held_rows", &module, NULL);
}
