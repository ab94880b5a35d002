/* inlet - what a worker tells a writer thread: notes, each with a packet perhaps, through a ring without lock or allocation. One producer,
 * one consumer. When the consumer is too slow packets are dropped and counted, never waited for; room is kept for commands.
 */
#ifndef YL_MEDIA_MUX_INLET_H
#define YL_MEDIA_MUX_INLET_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inlet_note {
    uint32_t len; /* of the packet behind it */
    uint8_t type, codec, kind;
    uint64_t subject, id;
    int64_t utc_us;
    uint32_t timestamp;
};
struct inlet {
    uint8_t *ring;
    size_t head, tail; /* head: written by the producer, tail: by the consumer; both only grow */
    uint64_t dropped;  /* the producer's */
    int wake;          /* eventfd of the consumer; written after commands */
};
YL_CHECKED int inlet_open(struct inlet *in, int wake);
void inlet_close(struct inlet *in);
/* The producer's. */
void inlet_command(struct inlet *in, const struct inlet_note *note);
void inlet_packet(struct inlet *in, const struct inlet_note *note, const uint8_t *packet);
void inlet_wake(struct inlet *in);
/* The consumer's. False: empty. A packet longer than cap is passed over: its note's len is then 0. */
bool inlet_take(struct inlet *in, struct inlet_note *note, uint8_t *packet, size_t cap);
int64_t inlet_utc_us(void);
#endif
