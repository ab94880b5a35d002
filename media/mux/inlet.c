#include "media/mux/inlet.h"
#include "server/base/log.h"
#include "server/base/steady.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RING_BYTES (16u << 20) /* half a second of 250 Mbit/s; touched only as far as it is used */
#define RESERVE 65536u        /* packets leave this much for commands */

int inlet_open(struct inlet *in, int wake)
{
    uint8_t *ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ring == MAP_FAILED) return ERR_INTERNAL;
    *in = (struct inlet){.ring = ring, .wake = wake};
    return 0;
}

void inlet_close(struct inlet *in)
{
    if (in->ring) munmap(in->ring, RING_BYTES);
    in->ring = NULL;
}

static void copy_in(struct inlet *in, size_t at, const void *data, size_t n)
{
    if (!data) return; /* a command has no packet */
    size_t i = at % RING_BYTES, first = n < RING_BYTES - i ? n : RING_BYTES - i;
    memcpy(in->ring + i, data, first);
    if (n > first) memcpy(in->ring, (const uint8_t *)data + first, n - first);
}

static void copy_out(const struct inlet *in, size_t at, void *data, size_t n)
{
    size_t i = at % RING_BYTES, first = n < RING_BYTES - i ? n : RING_BYTES - i;
    memcpy(data, in->ring + i, first);
    if (n > first) memcpy((uint8_t *)data + first, in->ring, n - first);
}

static bool put(struct inlet *in, const struct inlet_note *note, const uint8_t *packet, size_t reserve)
{
    size_t tail = __atomic_load_n(&in->tail, __ATOMIC_ACQUIRE), need = sizeof *note + note->len;
    if (RING_BYTES - (in->head - tail) < need + reserve) return false;
    copy_in(in, in->head, note, sizeof *note);
    if (note->len) copy_in(in, in->head + sizeof *note, packet, note->len);
    __atomic_store_n(&in->head, in->head + need, __ATOMIC_RELEASE);
    return true;
}

void inlet_wake(struct inlet *in)
{
    uint64_t one = 1;
    if (write(in->wake, &one, sizeof one) < 0 && errno != EAGAIN) log_error("media", "a writer could not be woken: %d", errno);
}

void inlet_command(struct inlet *in, const struct inlet_note *note)
{
    if (!put(in, note, NULL, 0)) log_error("media", "a writer's command was lost"); /* 64 kB are kept for commands */
    inlet_wake(in);
}

void inlet_packet(struct inlet *in, const struct inlet_note *note, const uint8_t *packet)
{
    if (!put(in, note, packet, RESERVE)) in->dropped++;
}

bool inlet_take(struct inlet *in, struct inlet_note *note, uint8_t *packet, size_t cap)
{
    size_t head = __atomic_load_n(&in->head, __ATOMIC_ACQUIRE);
    if (head == in->tail) return false;
    copy_out(in, in->tail, note, sizeof *note);
    size_t next = in->tail + sizeof *note + note->len;
    if (note->len > cap) note->len = 0;
    if (note->len) copy_out(in, in->tail + sizeof *note, packet, note->len);
    __atomic_store_n(&in->tail, next, __ATOMIC_RELEASE);
    return true;
}

int64_t inlet_utc_us(void)
{
    return steady_utc_us();
}
