/* org - the organisation tree, its people with their posts and roles, and the roster. Sealed at rest: phone numbers. */
#ifndef YL_RECORDS_ORG_ORG_H
#define YL_RECORDS_ORG_ORG_H

#include "records/ops/op.h"

extern const struct op org_ops[];    /* org.list create update */
extern const struct op person_ops[]; /* person.list get create update posts reset signature, expert.list */
extern const struct op roster_ops[]; /* roster.list create delete import */

/* The first institution and its administrator, for `yilianctl init`: refused when a person exists. The initial password must be
 * changed at the first login. */
YL_CHECKED int org_bootstrap(struct tx *tx, const char *org_name, const char *login, const char *name, const char *password,
                             int64_t now_ms, struct fault *f);
#endif
