/* upkeep - what the daemon looks after itself while it serves: signals, its certificate, the machine's clock and limits.
 *
 * SIGTERM, SIGINT: it stops. SIGHUP: the certificate's files are read anew; they are looked at each minute too, so that a renewal counts without it. A
 * certificate whose key does not belong to it, or that cannot be read, is told of, and the one before stays. */
#ifndef YL_SERVER_UPKEEP_H
#define YL_SERVER_UPKEEP_H

#include "server/net/net.h"

struct upkeep {
    struct net *net;
    const char *certificate, *key; /* PEM files */
    /* its own */
    int64_t seen[2], ends_ms, warned_day, wall_ms, steady_ms;
};
/* Before any other thread is made: each inherits the mask, so that only upkeep_run hears the signals. */
void upkeep_block_signals(void);
/* As many open files as this process may have. Returns how many connections fit, at most so many: the database, recordings and children need files too, and
 * a listener that has none left turns round and round. */
unsigned upkeep_fit_files(unsigned connections);
void upkeep_run(struct upkeep *u); /* returns when the daemon is to stop; on a thread of its own */
#endif
