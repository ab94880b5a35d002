#include "records/call/turn.h"
#include "records/call/open.h"

static void take_turn(void *ctx);

/* Under waiting_lock, so that a job cannot run before its entry is there. One queued job stands for all that wait. */
static int call_reader(struct turn_line *line)
{
    if (line->called)
        return 0;
    int rc = records_pool_run(line->records, take_turn, line);
    line->called = rc == 0;
    return rc;
}

/* What is more than one turn's is another reader's, if one is free. */
static struct turn_entry *take(struct turn_line *line, bool *stay)
{
    pthread_mutex_t *lock = &line->records->waiting_lock;
    pthread_mutex_lock(lock);
    struct turn_entry *first = line->first, *last = first;
    size_t n = first ? 1 : 0;
    for (; last && last->next && n < TURN_MAX; n++)
        last = last->next;
    line->first = last ? last->next : NULL;
    if (!line->first)
        line->last = NULL;
    if (last)
        last->next = NULL;
    line->n -= n;
    line->called = false;
    *stay = line->first && call_reader(line); /* the queue is full or closing: nobody else will come for them */
    pthread_mutex_unlock(lock);
    return first;
}

static void take_turn(void *ctx)
{
    struct turn_line *line = ctx;
    bool stay = true;
    while (stay) {
        struct turn_entry *first = take(line, &stay);
        if (first)
            line->run(line->records, first);
    }
}

int turn_wait(struct turn_line *line, struct turn_entry *e)
{
    pthread_mutex_t *lock = &line->records->waiting_lock;
    pthread_mutex_lock(lock);
    int rc = line->n >= POOL_QUEUE ? ERR_UNAVAILABLE : call_reader(line);
    if (rc == 0) {
        e->next = NULL;
        if (line->last)
            line->last->next = e;
        else
            line->first = e;
        line->last = e;
        line->n++;
    }
    pthread_mutex_unlock(lock);
    return rc;
}
