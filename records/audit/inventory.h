/* inventory - what is stored, counted by the program itself: every table belongs to a class of objects, every class has somebody who
 * answers for it and a level of sensitivity. functions.md 38 (data inventory).
 *
 * Hides how it is counted: whole tables by COUNT(*) (about 10 ns a row), what is missing and when the last one came in the newest
 * INVENTORY_SAMPLE rows only, so that a large site pays no more than a small one. Only numbers leave, never a value.
 *
 * Levels are the five of GB/T 39725-2020: 1 open to everybody, 2 wide use, 3 medium circle, 4 small circle (a person can be identified:
 * those who treat him), 5 smallest circle under strict conditions. A record of a disease that the standard puts into level 5 is handled
 * as 5 wherever it stands. Kinds are the standard's six, and "system" for what the program needs itself.
 *
 * Threads: the tables are constant; counting runs in the caller's transaction.
 */
#ifndef YL_RECORDS_AUDIT_INVENTORY_H
#define YL_RECORDS_AUDIT_INVENTORY_H

#include "records/ops/op.h"

#define INVENTORY_SAMPLE 10000
#define INVENTORY_COLUMNS 6

struct inventory_class {
    const char *id, *zh, *en;
    const char *kind;  /* personal health medical payment resource public system */
    int level;         /* 1..5 */
    const char *owner; /* a role of config/roles.json */
    bool each;         /* each institution answers for its own */
};
struct inventory_column {
    const char *zh, *en;
    const char *empty; /* SQL over the row `t`: true when nothing is there */
};
/* The first table of a class is the one whose rows are its objects. */
struct inventory_table {
    const char *name, *class_id;
    const char *newest;  /* column the newest rows are found by: it leads an index */
    const char *arrived; /* when a row came, ms UTC; NULL = not noted */
    struct inventory_column columns[INVENTORY_COLUMNS + 1]; /* those that matter; ended by {0} */
};
/* Both ended by a NULL name. tests/unit/records_inventory.c: each table of the database stands here once. */
extern const struct inventory_class inventory_classes[];
extern const struct inventory_table inventory_tables[];

extern const struct op inventory_ops[];
#endif
