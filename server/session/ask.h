/* ask - an operation of the records plane asked from the event thread, its answer back on the event thread.
 *
 * Event thread only. The question's args are taken. `done` runs exactly once, and from inside ask_* only when the asker is closed.
 */
#ifndef YL_SERVER_SESSION_ASK_H
#define YL_SERVER_SESSION_ASK_H

#include "records/records.h"
#include "server/net/net.h"

struct asker { /* lives as long as the loop */
    struct net *net;
    struct records *records;
    bool closed; /* the records plane is gone or going: every question is answered with ERR_UNAVAILABLE at once */
};

/* `reply` is cleared after done. ctx is the caller's; what it points to must outlive the loop or be found again by an id. */
typedef void (*ask_done)(void *ctx, struct reply *reply);

/* As the person who holds `credential` ("" = nobody). When the plane is too busy to take it, done gets ERR_UNAVAILABLE. */
void ask(struct asker *a, const char *op, const char *credential, json_t *args, ask_done done, void *ctx);
/* As the daemon itself; done may be NULL. */
void ask_system(struct asker *a, const char *op, json_t *args, ask_done done, void *ctx);
/* As ask_system for what must not be forgotten: tried again every second, 600 times, while the plane is busy or its disk is full. */
void ask_surely(struct asker *a, const char *op, json_t *args, ask_done done, void *ctx);
#endif
