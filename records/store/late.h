/* late - rows of search keys that are gathered before they are put into their trees.
 *
 * A new patient's keys lie all over three large trees: each is a page that is read, written to the log and brought home, two dozen a patient. So they are written
 * first as they come, a line each time (key_late), which is durable with the transaction as everything is, and are found from memory meanwhile. Later they are put into their
 * tree in the order of its keys, a stretch with every few lines, so that a page takes many at once.
 *
 * What is found is what stands in the transaction: every question compares the memory with key_late and key_late_state as the transaction sees them. Lines are numbered as
 * they are committed (one writer at a time); a number that means another line (its mark differs) was rolled back here, or written by another process.
 *
 * Whoever looks a key up asks the tree and late_each: a row stands in one of the two.
 */
#ifndef YL_RECORDS_STORE_LATE_H
#define YL_RECORDS_STORE_LATE_H

#include "records/store/store.h"

#define LATE_KEY_MAX 320
#define LATE_ROWS_MAX 32

enum late_tree {
    LATE_MPI,     /* mpi_key: "i" */
    LATE_PATIENT, /* patient_key: "itt", institution, kind, key */
    LATE_PERSON,  /* exchange_person_key: "tt", kind, key */
    LATE_TREES
};

/* A key, or its beginning: bytes in the order of the tree. */
struct late_key {
    uint8_t bytes[LATE_KEY_MAX];
    size_t n;
};
/* Columns by the letters of `format`, i int64_t and t const char *; a capital T is the beginning of a text. A key too long for it is cut, of a beginning as of a whole. */
struct late_key late_key(enum late_tree tree, const char *format, ...);

struct late_rows { /* of one patient */
    struct late_key keys[LATE_ROWS_MAX];
    size_t n;
};

/* Rows that stand in no tree yet, of a patient who is new to it. As tx_exec. */
int late_add(struct tx *tx, uint64_t patient, const struct late_rows *rows);
/* A row that is taken out of its tree: it is forgotten here too. The caller deletes it there. As tx_exec. */
int late_remove(struct tx *tx, uint64_t patient, const struct late_key *key);
/* Those that wait and begin with `key`, in the order of the tree; false ends it. Nothing may be asked of the store meanwhile. `text`: of the last column, NULL of a number. */
typedef bool (*late_visit)(void *ctx, uint64_t patient, const char *text);
int late_each(struct tx *tx, const struct late_key *key, late_visit visit, void *ctx);

struct late;
struct late *late_open(void); /* of a store; NULL = no memory */
void late_close(struct late *l);
#endif
