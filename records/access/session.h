/* session - rows of table session. Private to records/access. */
#ifndef YL_RECORDS_ACCESS_SESSION_H
#define YL_RECORDS_ACCESS_SESSION_H

#include "records/access/access.h"

struct session_start {
    uint64_t person, post, org, dept;
    const char *only_role, *stage; /* only_role NULL = the post's roles */
    int64_t until_ms, second_factor_ms;
};
/* Makes a session; the token goes to ctx->set_session, its id to *session. */
YL_CHECKED int session_open(struct op_ctx *ctx, const struct session_start *start, uint64_t *session);
/* The roles of a post as a set. */
uint64_t session_roles(struct tx *tx, const struct access *a, uint64_t post, const char *only_role);
/* Ends every other session of a person (password changed or reset); keep 0 = all. */
int session_end_all(struct op_ctx *ctx, uint64_t person, uint64_t keep);
/* Feeds "session" with the person's id: sessions of his have ended or act for another post; open lines look at themselves. */
YL_CHECKED int session_end_tell(struct op_ctx *ctx, uint64_t person);
#endif
