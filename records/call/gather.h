/* gather - the writer's moment of waiting for more. All that wait are one transaction and one sync of the disk, and who is answered sends the
 * next: without it the first of them would be a group of his own, and all others wait for it.
 *
 * One who takes groups and any number who queue, under the lock of their queue. Private to records/call.
 */
#ifndef YL_RECORDS_CALL_GATHER_H
#define YL_RECORDS_CALL_GATHER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct gather {
    pthread_cond_t came;
    size_t many;   /* what groups have of late, falling slowly: a small one between large ones is those who came first */
    size_t enough; /* 0: nobody waits */
};
void gather_open(struct gather *g);
void gather_close(struct gather *g);

/* By the one who takes, before he takes: until as many wait (*waiting) as groups had of late, at most `us`; not at all when they were small. */
void gather_wait(struct gather *g, pthread_mutex_t *lock, const size_t *waiting, int us);
void gather_came(struct gather *g, size_t waiting); /* so many wait now */
void gather_took(struct gather *g, size_t n);
#endif
