/* access - who may do what: the role table (config/roles.json), the acting session's rights, and sessions themselves.
 *
 * Runs on pool threads. The role table is read once at records_open and is then read-only.
 * Sessions live in table `session`: the token is random (32 bytes, base64url) and stored hashed, so they survive a restart.
 */
#ifndef YL_RECORDS_ACCESS_ACCESS_H
#define YL_RECORDS_ACCESS_ACCESS_H

#include "records/ops/op.h"

struct access; /* the role table; member of struct records_parts */
YL_CHECKED int access_open(struct access **out, const char *config_dir, struct fault *f);
void access_close(struct access *a);
/* The table as GET /roles shows it; borrowed. */
const json_t *access_table(const struct access *a);
/* Bit of a role word, -1 = no such role. */
int access_role(const struct access *a, const char *word);
/* Has one of the roles in the set this right? "self" = any signed-in person. */
bool access_roles_may(const struct access *a, uint64_t roles, const char *right);

struct access_session { /* what the call needs beside the actor */
    struct actor actor;
    char stage[12];  /* "ready"; "totp" "post" "password": the next step of signing in alone; "capture": a phone that adds photos to one case */
    char csrf[48];
    int64_t seen_ms;
    int64_t second_factor_until_ms; /* actor.second_factor says whether it is still fresh */
};
/* Resolves a session token: active person, not ended, not idle too long (policy access.idle_min), not past until_ms.
 * ERR_UNAUTHENTICATED otherwise (reason "session_ended" when it was one). Never writes. */
YL_CHECKED int access_session_find(struct tx *tx, const struct access *a, const char *credential, int64_t now_ms,
                                   struct access_session *out, struct fault *f);
/* Moves seen_ms forward (the call does it at most once a minute, inside a write). */
int access_session_touch(struct tx *tx, uint64_t session, int64_t now_ms);

extern const struct op session_ops[]; /* session.login totp post get logout password totp_enrol totp_confirm list end, role.list */
#endif
