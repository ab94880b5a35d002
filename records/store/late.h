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
#include <stdbool.h>

#define LATE_KEY_MAX 320
#define LATE_KIND_MAX 16
#define LATE_ROWS_MAX 64

enum late_tree {
    LATE_MPI,     /* mpi_key: a number */
    LATE_PATIENT, /* patient_key: institution, kind, text */
    LATE_PERSON,  /* exchange_person_key: kind, text */
};

struct late_key {
    uint8_t bytes[LATE_KEY_MAX];
    size_t n, search; /* search: of them those by which one of a beginning is found */
    bool whole;
};
void late_number(struct late_key *k, int64_t key);
/* org 0 for LATE_PERSON. `beginning`: all keys that begin with it are meant. */
void late_text(struct late_key *k, enum late_tree tree, uint64_t org, const char *kind, const char *key, bool beginning);

struct late_rows { /* of one patient */
    struct late_key keys[LATE_ROWS_MAX];
    size_t n;
};

/* Rows that stand in no tree yet, of a patient who is new to it. As tx_exec. */
int late_add(struct tx *tx, uint64_t patient, const struct late_rows *rows);
/* A row that is taken out of its tree: it is forgotten here too. The caller deletes it there. As tx_exec. */
int late_remove(struct tx *tx, uint64_t patient, const struct late_key *key);
/* Those that wait under a key, by patient, or under those that begin with it, in their order; false ends it. Nothing may be asked of the store meanwhile. `text`: the whole key,
 * NULL of a number. */
typedef bool (*late_visit)(void *ctx, uint64_t patient, const char *text);
int late_each(struct tx *tx, const struct late_key *key, late_visit visit, void *ctx);

struct late;
struct late *late_open(void); /* of a store; NULL = no memory */
void late_close(struct late *l);
#endif
