/* key_find - patients by a key: of the rows of its tree, and of those that still wait for it (late.h). */
#ifndef YL_RECORDS_STORE_KEY_FIND_H
#define YL_RECORDS_STORE_KEY_FIND_H

#include "records/store/late.h"

enum key_order { KEY_OLDEST, KEY_NEWEST, KEY_IN_ORDER }; /* by patient, the youngest first, by key and then by patient */

struct key_find {
    struct key_hit *hits;
    size_t n, room, cap;
    enum key_order order;
    bool failed;
};

/* At most `cap` are wanted. */
void key_find_begin(struct key_find *f, enum key_order order, size_t cap);
/* Rows with patient_id and key in this order, cap of them; ends the query. */
void key_find_tree(struct key_find *f, struct query *q);
void key_find_waiting(struct key_find *f, struct tx *tx, const struct late_key *key);
/* How many; 0 when something failed: errors stick to the transaction. */
size_t key_find_end(struct key_find *f, uint64_t *out);
#endif
