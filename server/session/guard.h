/* guard - how often an address may show tickets, tokens, passwords and codes that are not good.
 *
 * Tickets and tokens have 256 bits and cannot be guessed; but each wrong one is a question to the records plane, and nobody has a reason to
 * ask many. Passwords (server/api/api.c) have a guard of their own. An address has a budget of wrong ones that refills with time; while it is empty, nothing of that address is asked.
 * An IPv6 address counts as its /64. Event thread only; bounded memory: of too many addresses the one that is nearest to forgiven goes.
 */
#ifndef YL_SERVER_SESSION_GUARD_H
#define YL_SERVER_SESSION_GUARD_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_BURST 30       /* wrong ones at once */
#define GUARD_REFILL_MS 2000 /* one more after this time */
#define GUARD_ADDRESSES 4096

struct guard;
YL_CHECKED int guard_new(struct guard **out);
void guard_free(struct guard *g);
/* 0, or ERR_RATE with reason "too_many_wrong". */
YL_CHECKED int guard_check(struct guard *g, const char *address, int64_t now_ms, struct fault *f);
void guard_wrong(struct guard *g, const char *address, int64_t now_ms);
size_t guard_size(const struct guard *g); /* addresses remembered */
#endif
