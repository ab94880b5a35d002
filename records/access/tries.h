/* tries - wrong passwords and codes, counted so that guessing stays hopeless and nobody keeps an account's owner out by guessing at it.
 *
 * Wrong tries are counted by where they come from. A browser in which somebody has signed in to this account before (it holds a random word, OWASP
 * "device cookie") has a budget of its own: nobody else can use it up. All other sources have one each by network (IPv6: the /64): some tries are free, then each
 * wrong one makes the next wait longer, up to an hour; a day without one and it begins anew. Together they have a budget as well, so that a thousand networks
 * guess no more than 100 times and then 144 times a day; while it is used up, new places wait and known ones do not. A wrong code of the
 * second factor takes more of that budget than a password: there are only a million.
 *
 * A name nobody has is counted like one, so that waiting does not tell who is there. Runs inside operations, in a write transaction but for
 * tries_check.
 */
#ifndef YL_RECORDS_ACCESS_TRIES_H
#define YL_RECORDS_ACCESS_TRIES_H

#include "records/ops/op.h"

#define TRIES_FREE 5              /* of one source */
#define TRIES_WAIT_MS 30000       /* after those; doubled with each further one */
#define TRIES_WAIT_MAX_MS 3600000
#define TRIES_FORGET_MS 86400000
#define TRIES_ALL 100             /* of all unknown sources together */
#define TRIES_ALL_REFILL_MS 600000
#define TRIES_OF_CODE 5           /* of those for a wrong code */
#define TRIES_KNOWN_MS (400ll * 86400000) /* how long a browser is remembered */

/* Whose budget: a person, or a name that nobody has. */
uint64_t tries_of(uint64_t person, const char *login);
/* 0, or ERR_LOCKED ("locked_out"): this source waits. Writes nothing. */
YL_CHECKED int tries_check(struct op_ctx *ctx, uint64_t who);
/* One more was wrong; `of_all` of the common budget, if the source is unknown. ERR_LOCKED when the source waits from now on, else 0 or what the database says. Sets
 * commit_anyway. */
YL_CHECKED int tries_wrong(struct op_ctx *ctx, uint64_t who, int of_all);
/* The right one was given: the source begins anew. */
int tries_right(struct op_ctx *ctx, uint64_t who);
/* Signed in wholly: this browser is known to the account from now on. Gives it its word (ctx->set_device) where it has none. */
int tries_know(struct op_ctx *ctx, uint64_t person);
/* Does any place from which he was guessed at wait? For who looks after accounts. */
bool tries_waiting(struct op_ctx *ctx, uint64_t person);
/* Forgets what was counted of him; and with `known`, in which browsers he signed in. */
int tries_forget(struct op_ctx *ctx, uint64_t person, bool known);
#endif
