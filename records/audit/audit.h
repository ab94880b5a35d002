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
};
int audit_append(struct tx *tx, const uint8_t key[32], int64_t now_ms, const struct audit_line *line);

struct audit_verdict {
    int64_t lines, first_bad; /* first_bad 0 = the chain is whole */
    char what[80];
};
YL_CHECKED int audit_verify(struct tx *tx, const uint8_t key[32], struct audit_verdict *out);

extern const struct op audit_ops[]; /* audit.list, audit.mine, audit.verify, case.access */
#endif
