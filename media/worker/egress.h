/* egress - what leaves a worker's socket in one go: datagrams are written into one arena and handed to the kernel together.
 *
 * Hides sendmmsg and UDP segmentation offload (UDP_SEGMENT, Linux 4.18): a run of equally long datagrams to one receiver (the last may
 * be shorter) crosses the network stack as one. Where the kernel or the device refuses that, every datagram goes by itself. Worker
 * thread; no allocation after egress_open.
 */
#ifndef YL_MEDIA_WORKER_EGRESS_H
#define YL_MEDIA_WORKER_EGRESS_H

#include "media/transport/address.h"
#include "media/worker/homes.h"
#include "server/base/err.h"
#include <stddef.h>
#include <sys/uio.h>

#define EGRESS_MESSAGES 64
#define EGRESS_BYTES (256 << 10)
#define EGRESS_RUN 32          /* datagrams in a run; the kernel takes 64 */
#define EGRESS_SEGMENT_MAX 1452 /* longer ones would need fragments, which segmentation does not make */

struct egress {
    int socket, family;
    bool segments; /* UDP_SEGMENT works */
    uint64_t drops, runs, sends;
    size_t used, n;
    uint8_t *arena;
    struct mmsghdr headers[EGRESS_MESSAGES];
    struct egress_message {
        struct sockaddr_storage to;
        struct iovec bytes;
        uint16_t segment;
        size_t count; /* datagrams */
        size_t home;  /* bytes of control that say from where; what says the segments stands behind them */
        union {
            char room[HOMES_CONTROL + CMSG_SPACE(sizeof(uint16_t))];
            struct cmsghdr align;
        } control;
    } messages[EGRESS_MESSAGES];
};

/* `socket` is borrowed. `segments` false: never try segmentation. */
YL_CHECKED int egress_open(struct egress *e, int socket, int family, bool segments);
void egress_close(struct egress *e);
/* Room for `bytes` (at most EGRESS_BYTES), valid until the next call; sends what waits when it is needed. */
uint8_t *egress_room(struct egress *e, size_t bytes);
/* What stands in the room is one datagram, or several of `segment` bytes each (the last may be shorter). */
void egress_put(struct egress *e, size_t bytes, size_t segment, const struct address *to);
void egress_flush(struct egress *e);
#endif
