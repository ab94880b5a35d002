/* person - what a source said of a patient, in its own words: the PID segment as it last came, kept sealed, and keys to find it by. Queries
 * (ITI-9, ITI-21) are answered from it, so that what was said comes back whole. Inside a transaction.
 */
#ifndef YL_RECORDS_EXCHANGE_PERSON_H
#define YL_RECORDS_EXCHANGE_PERSON_H

#include "records/hl7/hl7.h"
#include "records/ops/op.h"

/* `pid` is a PID segment in UTF-8 with |^~\&, without its end. `mother`: a patient, 0 = none. */
struct exchange_said {
    uint64_t patient, source, mother;
    const char *pid;
};
/* `before`: what stands there, NULL = nothing was said. It is replaced, and its keys. */
YL_CHECKED int exchange_person_write(struct op_ctx *ctx, const struct exchange_said *now, const struct exchange_said *before);
/* malloc'd; NULL = nothing was said (or an error that sticks). */
char *exchange_person_pid(struct op_ctx *ctx, uint64_t patient, uint64_t *mother);

/* A segment with its first `last` fields, whatever its message's delimiters and characters, as UTF-8 with |^~\&, without its end. malloc'd;
 * NULL = out of memory. */
char *exchange_canonical(struct hl7_message *m, const struct hl7_segment *s, unsigned last);
/* Parses a kept PID; *text (malloc'd) must outlive *m. Both are the caller's to end, also after an error. */
YL_CHECKED int exchange_pid_parse(struct hl7_message *m, const char *pid, char **text);

/* Folded values under which a person is found: "family", "given", "mfamily", "mgiven" (the mother's), "birth" (YYYYMMDD as said). */
size_t exchange_person_find(struct op_ctx *ctx, const char *kind, const char *value, bool prefix, uint64_t *out, size_t cap);
/* Children of a mother. */
size_t exchange_person_children(struct op_ctx *ctx, uint64_t mother, uint64_t *out, size_t cap);
#endif
