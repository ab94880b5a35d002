/* audit_private - the bytes of the chain, for who writes it (audit.c, audit_shown.c) and who checks it (audit_verify.c). */
#ifndef YL_RECORDS_AUDIT_AUDIT_PRIVATE_H
#define YL_RECORDS_AUDIT_AUDIT_PRIVATE_H

#include "records/audit/audit.h"
#include "server/base/crypto.h"

#define HASH_TEXT (2 * SHA256_BYTES + 1)

struct audit_head {
    int64_t seq;
    char hash[HASH_TEXT], seal[HASH_TEXT];
    bool found;
};
YL_CHECKED int audit_head_read(struct tx *tx, struct audit_head *out);
void audit_head_seal(const uint8_t key[32], int64_t seq, const char *hash, char out[HASH_TEXT]);
/* No member of the line is NULL. */
void audit_line_hash(const char *previous, int64_t seq, int64_t t_ms, const struct audit_line *line, char out[HASH_TEXT]);

/* Of whom one line showed: rows of these columns, in this order. */
#define AUDIT_SHOWN_COLUMNS "seq, patient_id, day, person_id, org_id, t_ms"
#define AUDIT_SHOWN_ORDER "seq, patient_id, day, person_id, org_id"
struct audit_shown_hash {
    struct sha256_state state;
    bool any;
};
void audit_shown_hash_begin(struct audit_shown_hash *h);
void audit_shown_hash_row(struct audit_shown_hash *h, struct query *row);
void audit_shown_hash_end(struct audit_shown_hash *h, char out[HASH_TEXT]); /* "" = there was none */
#endif
