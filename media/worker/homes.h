/* homes - this machine's own addresses at which datagrams come to a socket that is bound to all of them, by number, so that an answer leaves
 * from the address that was asked. Of several (two providers' lines, a virtual address) the system would take the one that it prefers, and
 * the peer, who never heard of it, drops what comes from there.
 *
 * Numbers are the same for all threads and never change. Any thread; a lock only for an address that is new.
 */
#ifndef YL_MEDIA_WORKER_HOMES_H
#define YL_MEDIA_WORKER_HOMES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HOMES_MAX 255 /* what comes to further ones is answered as the system chooses */
#define HOMES_CONTROL CMSG_SPACE(sizeof(struct in6_pktinfo))

/* Has the kernel say it of each datagram, when the socket is bound to all addresses. */
void homes_ask(int socket);
/* What the kernel said: its number, 0 when this control message is about something else. */
uint8_t homes_read(const struct cmsghdr *c);
/* The control message that has a datagram leave from there. Returns its length in `control`, 0 where the system chooses. `family`: the socket's. */
size_t homes_write(uint8_t home, int family, struct cmsghdr *control);
#endif
