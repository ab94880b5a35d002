/* key_list - the keys one patient is looked for by, each once: of a kind, with what was made of the value (folded, blinded). Told row by row when he is
 * new, by the difference when he changed. */
#ifndef YL_RECORDS_STORE_KEY_LIST_H
#define YL_RECORDS_STORE_KEY_LIST_H

#include "records/store/late.h"

struct key_list { /* begins with n = 0 */
    struct {
        const char *kind; /* borrowed */
        char key[256];
    } list[LATE_ROWS_MAX];
    size_t n;
};

bool key_list_has(const struct key_list *k, const char *kind, const char *key);
/* An empty one and what is there already change nothing, nor does one more than LATE_ROWS_MAX. */
void key_list_add(struct key_list *k, const char *kind, const char *key);
#endif
