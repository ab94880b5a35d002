/* mailbox - bounded multi-producer single-consumer queue that wakes the owner's loop. The only way threads meet.
 *
 * A message owns its payload: mailbox_put takes it on 0; on error the caller keeps it.
 * The wake callback runs on the producer's thread, when a message comes into an empty box, and must only poke (eventfd write,
 * lws_cancel_service). Its owner then takes until nothing is left.
 */
#ifndef YL_SERVER_BASE_MAILBOX_H
#define YL_SERVER_BASE_MAILBOX_H

#include "server/base/err.h"
#include <stddef.h>

struct mailbox;

YL_CHECKED int mailbox_new(struct mailbox **out, size_t capacity, void (*wake)(void *ctx), void *wake_ctx);
/* ERR_UNAVAILABLE when full or closed. Any thread. */
YL_CHECKED int mailbox_put(struct mailbox *m, void *message);
/* The next message or NULL; never waits. Owner's thread only. */
void *mailbox_take(struct mailbox *m);
/* Up to max of the next messages, oldest first, under one lock; how many. The rest as mailbox_take. */
size_t mailbox_take_some(struct mailbox *m, void *out[], size_t max);
/* Waits up to timeout_ms (-1: for ever) for a message; NULL on timeout or when closed and empty. For pool threads. */
void *mailbox_wait(struct mailbox *m, int timeout_ms);
void mailbox_close(struct mailbox *m);
/* Frees the box; remaining messages go to `drop` (may be NULL when none can remain). */
void mailbox_free(struct mailbox *m, void (*drop)(void *message));
#endif
