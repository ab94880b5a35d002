/* streams - ICE over TCP (RFC 6544) for peers whose network lets no UDP through.
 *
 * Hides that there is TCP at all: each connection gets a datagram socket of its own on the loopback, whose other end is the workers' port,
 * so a worker sees one more remote address and its packet path knows nothing of streams. One thread of its own. What a slow connection does
 * not take within QUEUE bytes is dropped, as a network would, and repaired or skipped by what repairs the network's losses.
 * A connection must begin with STUN, and be answered by a worker within PROVE_MS: nobody holds one open without a ticket.
 */
#ifndef YL_MEDIA_WORKER_STREAMS_H
#define YL_MEDIA_WORKER_STREAMS_H

#include "server/base/err.h"
#include <netinet/in.h>

#define STREAMS_MAX 4000
#define STREAMS_PROVE_MS 10000
#define STREAMS_IDLE_MS 60000

struct streams;

/* `workers`: the address the workers' sockets are bound to. */
YL_CHECKED int streams_open(struct streams **out, const struct sockaddr_storage *workers);
/* Takes a connected TCP socket, which is closed also when it is refused. Any thread. */
void streams_take(struct streams *s, int fd);
/* Is what a worker sees as this address a connection of ours, and from where? Any thread, without waiting; of one plane in a process. */
struct address;
enum streams_family { STREAMS_NONE, STREAMS_IPV4, STREAMS_IPV6 };
enum streams_family streams_family(const struct address *address);
/* Closes every connection, joins the thread. NULL is allowed. */
void streams_close(struct streams *s);
#endif
