/* lanes - jobs that wait for other machines, each on a thread of its own, so that one that hangs holds up nobody else. For pulls and notifications.
 *
 * A job has a key: while it is under way no second one of that key begins. There are so many places; jobs that are ailing (the last one of their key
 * failed) never take more than some of them: however many machines hang, those that answer keep their turns. Who finds no place asks again later.
 *
 * Threads are begun when they are needed and stay, because the store keeps a connection for each. Any thread may call.
 */
#ifndef YL_RECORDS_EXCHANGE_LANES_H
#define YL_RECORDS_EXCHANGE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LANES_MAX 16

struct lanes;
struct lanes *lanes_open(size_t places, size_t ailing); /* NULL = out of memory */
/* False: not begun, `job` stays the caller's. Else `run` gets it. */
bool lanes_begin(struct lanes *l, uint64_t key, bool ailing, void (*run)(void *job), void *job);
void lanes_wait(struct lanes *l);  /* until no job is under way */
void lanes_close(struct lanes *l); /* waits; the jobs' owner tells them to hurry. NULL is fine */
#endif
