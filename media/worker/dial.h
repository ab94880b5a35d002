/* dial - the side of a link between two nodes that begins it: both daemons are ICE-lite, so one of them has to check (RFC 8445 6.1.1).
 *
 * Hides the checks (RFC 8489 binding requests with USE-CANDIDATE, the first address that answers is taken, consent every 2 s as in RFC 7675)
 * and the socket: all links of two nodes have the same two ports otherwise, and nobody could tell whose a datagram is. From the answer on the
 * peer is one like any other: DTLS, SRTP, loss repair, estimation of the line. Worker thread; no lock and no memory after dial_open.
 */
#ifndef YL_MEDIA_WORKER_DIAL_H
#define YL_MEDIA_WORKER_DIAL_H

#include "media/media.h"
#include "media/transport/address.h"
#include "media/worker/handshake.h"

struct dial;
struct peer;
struct worker;

/* Opens the socket; `h` gets one of its own to the same. On error nothing is open. */
YL_CHECKED int dial_open(struct peer *peer, const struct media_peer_params *params, struct handshake_peer *h);
void dial_close(struct peer *peer); /* may have none */
struct dial *dial_of(struct worker *w, int fd); /* NULL: it is closed */
size_t dial_sockets(const struct worker *w, int fds[], size_t cap); /* of all that are open; returns how many */
void dial_datagram(void *dial, uint8_t *data, size_t len, const struct address *from);
/* One datagram, or several of `segment` bytes (the last may be shorter), to the address that answered. */
void dial_send(struct dial *d, const uint8_t *bytes, size_t len, size_t segment);
void dial_tick(struct worker *w); /* every 10 ms */
#endif
