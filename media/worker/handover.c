#include "media/worker/handover.h"
#include <sys/mman.h>

struct handover *handover_new(void)
{
    void *p = mmap(NULL, sizeof(struct handover), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void handover_free(struct handover *h)
{
    if (h) munmap(h, sizeof *h);
}

bool handover_put(struct handover *h, const uint8_t *data, size_t len, const struct address *from, int64_t came_us)
{
    struct handover_slot *s = &h->slots[h->head % HANDOVER_SLOTS];
    if (len > sizeof s->bytes || h->head - __atomic_load_n(&h->tail, __ATOMIC_ACQUIRE) == HANDOVER_SLOTS) return false;
    s->from = *from;
    s->came_us = came_us;
    s->len = len;
    memcpy(s->bytes, data, len);
    __atomic_store_n(&h->head, h->head + 1, __ATOMIC_SEQ_CST); /* before the producer asks whether the consumer sleeps */
    return true;
}

struct handover_slot *handover_first(struct handover *h)
{
    if (__atomic_load_n(&h->head, __ATOMIC_SEQ_CST) == h->tail) return NULL; /* after the consumer said that it goes to sleep */
    return &h->slots[h->tail % HANDOVER_SLOTS];
}

void handover_done(struct handover *h)
{
    __atomic_store_n(&h->tail, h->tail + 1, __ATOMIC_RELEASE);
}
