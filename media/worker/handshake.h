/* handshake - the thread that does DTLS for all peers of all workers, so that a burst of joins delays no packet: a handshake costs a
 * millisecond or more, and so does setting up SRTP.
 *
 * Workers hand it datagrams and get back finished SRTP boxes; it sends its own datagrams. Everything goes through mailboxes, so these
 * calls come from any thread and never wait. Peers are named by id: an answer for a peer that is gone is a lookup miss.
 */
#ifndef YL_MEDIA_WORKER_HANDSHAKE_H
#define YL_MEDIA_WORKER_HANDSHAKE_H

#include "media/media.h"
#include "media/transport/address.h"
#include "media/transport/srtp_box.h"

struct handshake_answer {
    struct peer_id peer;
    enum dtls_state state; /* DTLS_CONNECTED once, then perhaps DTLS_CLOSED; or DTLS_FAILED */
    struct srtp_box *srtp; /* DTLS_CONNECTED: the receiver of the answer owns it now */
};

struct handshake_peer {
    struct peer_id peer;
    bool client;
    char fingerprint[100]; /* of the peer's certificate */
    int socket, family;    /* for sending; borrowed, unless own_socket: then it is closed with the session, or when it cannot begin */
    bool own_socket;
    /* On this thread; false = cannot take it now, it will be asked again. */
    bool (*answer)(void *ctx, const struct handshake_answer *answer);
    void *ctx;
};

struct handshake;
YL_CHECKED int handshake_open(struct handshake **out, enum dtls_engine engine);
/* Carries out what is queued (goodbyes), joins the thread. */
void handshake_close(struct handshake *h);
const char *handshake_fingerprint(const struct handshake *h); /* of our certificate; any thread */

/* ERR_UNAVAILABLE: too much waits already, or memory ran out. */
YL_CHECKED int handshake_begin(struct handshake *h, const struct handshake_peer *peer);
/* The peer's address is proved: a client sends its hello there. */
void handshake_address(struct handshake *h, struct peer_id peer, const struct address *address);
/* A DTLS datagram; copied. Dropped, as a network would, when too much waits. */
void handshake_input(struct handshake *h, struct peer_id peer, const struct address *from, const uint8_t *datagram, size_t len);
/* SRTP came from the peer: it has finished, and what is kept for sending again may go. */
void handshake_proved(struct handshake *h, struct peer_id peer);
/* Forgets the peer; `goodbye` (may be NULL): where to send close_notify. Takes `srtp` (may be NULL) and frees it there. */
void handshake_end(struct handshake *h, struct peer_id peer, const struct address *goodbye, struct srtp_box *srtp);
#endif
