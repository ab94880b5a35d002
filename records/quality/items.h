/* items - the items of laboratories and vital signs that local codes are mapped to: code, name, other names, unit, what a living body can
 * have, grams and equivalents of a mole. Read once from config/quality/items.tsv; then read-only: any thread. */
#ifndef YL_RECORDS_QUALITY_ITEMS_H
#define YL_RECORDS_QUALITY_ITEMS_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>

#define ITEMS_SYSTEM "http://loinc.org"

struct items;
struct item { /* texts live as long as the table */
    const char *code, *name, *aliases /* "a|b" */, *unit /* UCUM, "" = none */;
    double low, high;     /* both 0 = nothing is said */
    double molar, charge; /* grams and equivalents of a mole; 0 = not said */
};

YL_CHECKED int items_open(struct items **out, const char *config_dir, struct fault *f);
void items_close(struct items *t);
const char *items_version(const struct items *t);
size_t items_count(const struct items *t);
const struct item *items_at(const struct items *t, size_t i);
const struct item *items_find(const struct items *t, const char *code); /* NULL */
/* Does a code of this system end in its check digit (Luhn, LOINC Users' Guide appendix C)? */
bool items_code_valid(const char *code);
/* How alike a name is to the item's name or the nearest of its other names, 0..100. `folded`: records/term/fold.h. */
int items_alike(const struct item *item, const char *folded);
#endif
