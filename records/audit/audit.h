/* audit - the append-only, hash-chained record of every act: who, acting for whom, what, on which patient and object, from
 * where, with what outcome. Written in the transaction of the act itself; ids and codes only.
 *
 * hash = SHA-256(previous hash || canonical line). audit_head is one row holding the newest seq and hash, sealed with an HMAC
 * of the site's key, so a cut tail is found too.
 */
#ifndef YL_RECORDS_AUDIT_AUDIT_H
#define YL_RECORDS_AUDIT_AUDIT_H

#include "records/ops/op.h"

struct audit_line {
    const char *op, *outcome; /* outcome: "ok" or the wire word of the error */
    uint64_t person, org, session, patient, object;
    const char *address, *detail;
    const char *shown; /* hash of whom it showed (below); NULL or "" = nobody */
};
#define AUDIT_HASH_BYTES 65
int audit_append(struct tx *tx, const uint8_t key[32], int64_t now_ms, const struct audit_line *line);

/* Many lines of one transaction: the head is read once and sealed once.
 *   audit_begin(&a, tx, key); audit_add(&a, now, &line) ..; rc = audit_end(&a);
 * No other line may be appended between begin and end. Errors stick to the transaction. */
struct audit_run {
    struct tx *tx;
    const uint8_t *key;
    int64_t seq;
    char hash[AUDIT_HASH_BYTES];
    bool any;
};
void audit_begin(struct audit_run *a, struct tx *tx, const uint8_t key[32]);
void audit_add(struct audit_run *a, int64_t now_ms, const struct audit_line *line);
int audit_end(struct audit_run *a);

/* Lines are found by their object only where this holds (audit a); the condition is that of the index, word for word. A machine's line for
 * every read of a resource is in no list of an object's lines, nor is that of a message another system sent. */
#define AUDIT_OF_PEOPLE "(a.op<'fhir.' OR a.op>='fhir/') AND a.op<>'exchange.receive'"
#define AUDIT_OF_OBJECT "a.object_id<>0 AND " AUDIT_OF_PEOPLE

struct audit_verdict {
    int64_t lines, first_bad; /* first_bad 0 = the chain is whole */
    char what[80];
};
YL_CHECKED int audit_verify(struct tx *tx, const uint8_t key[32], struct audit_verdict *out);

/* ---- whom a list showed ----
 * A list leaves one line, with how many. Whom it showed is kept beside it, by patient, day and who looked, so that each of them finds it (patient_access.h): what puts
 * a name into an answer calls audit_shown, the call keeps it in the transaction of the line. Who is shown again on the same day costs a look.
 * Each row says which line showed it first, and that line has the hash of its rows: one that was taken away, changed or put there is found like a line. */
#define AUDIT_DAY_MS 86400000
#define AUDIT_ZONE_MS (8 * 3600000) /* days are those of the patients' clock */
void audit_shown(struct op_ctx *ctx, uint64_t patient);
/* Between audit_begin and audit_end, before the line: its rows are kept, `hash` is what the line is to carry as `shown`; "" = all were shown that day already.
 * `but`: records that have a line of their own. `shown` is put in order. */
YL_CHECKED int audit_keep_shown(struct audit_run *run, int64_t now_ms, const struct actor *a, struct op_shown *shown, const uint64_t *but, size_t n_but, char hash[AUDIT_HASH_BYTES]);
/* Rows of a program that did not commit to them get lines that do, one a day of theirs; once in the life of a database. */
YL_CHECKED int audit_adopt_shown(struct store *s, const uint8_t key[32], int64_t now_ms);

extern const struct op audit_ops[]; /* audit.list, audit.mine, audit.verify, case.access */
#endif
