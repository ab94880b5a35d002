/* ingress - what came to a worker's socket, many datagrams a call: recvmmsg, and UDP receive offload (UDP_GRO, Linux 5.0), by which the
 * kernel hands over a row of equally long datagrams of one sender as one. Worker thread; no allocation after ingress_open.
 */
#ifndef YL_MEDIA_WORKER_INGRESS_H
#define YL_MEDIA_WORKER_INGRESS_H

#include "media/transport/address.h"
#include "media/worker/homes.h"
#include "server/base/err.h"
#include <stddef.h>
#include <sys/uio.h>
#include <time.h>

#define INGRESS_MESSAGES 32
#define INGRESS_BYTES 65536
#define INGRESS_STRIDE (INGRESS_BYTES + 1344) /* so that the buffers do not all fall on the same cache lines */
#define DATAGRAM_MAX 2048                     /* longer ones are nothing of ours */

struct ingress {
    int socket;
    uint8_t *bytes;
    struct mmsghdr headers[INGRESS_MESSAGES];
    struct iovec iov[INGRESS_MESSAGES];
    struct sockaddr_storage from[INGRESS_MESSAGES];
    int64_t read_us;   /* CLOCK_REALTIME of the last read */
    uint8_t home;      /* at which of our addresses the datagram at hand came */
    int64_t waited_us; /* how long the datagram at hand lay in the kernel: a machine that is busy reads late, which is no delay of the line */
    union {
        char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct timespec)) + HOMES_CONTROL];
        struct cmsghdr align;
    } control[INGRESS_MESSAGES];
};

/* `socket` is borrowed. */
YL_CHECKED int ingress_open(struct ingress *in, int socket);
void ingress_close(struct ingress *in);
/* One system call. Returns how many messages it brought, 0 = nothing there. */
size_t ingress_read(struct ingress *in);
size_t ingress_read_of(struct ingress *in, int socket); /* of another one; ingress_prepare was called for it */
void ingress_prepare(int socket); /* rows of datagrams may come as one, and the kernel says when */
/* Calls `take` for each datagram of the last read, with waited_us set; it may change the bytes in place. */
void ingress_each(struct ingress *in, size_t n, void (*take)(void *ctx, uint8_t *data, size_t len, const struct address *from), void *ctx);
#endif
