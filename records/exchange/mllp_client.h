/* mllp_client - one line to another system's MLLP port (HL7 v2.8 appendix C), in the clear or over TLS: a message goes out, its answer comes back.
 *
 * Over TLS the other side must show a certificate for the name it was called by, from an authority of `trust` (NULL or "" = the machine's); ours is shown
 * when it is asked for (IHE ITI-19). Blocks, each step no longer than its time; `stop` is looked at a few times a second.
 *
 * Threads: an object belongs to one.
 */
#ifndef YL_RECORDS_EXCHANGE_MLLP_CLIENT_H
#define YL_RECORDS_EXCHANGE_MLLP_CLIENT_H

#include "server/base/err.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define MLLP_ANSWER_MAX 65536

struct mllp_client;
struct mllp_peer {
    const char *address;                    /* mllp://host:port or mllps://host:port */
    const char *trust, *certificate, *key;  /* PEM files; NULL or "" */
    int connect_ms, answer_ms;
    const atomic_bool *stop;
};
/* mllp:// or mllps://, a name or an address ([..] for IPv6), a port; nothing else. */
bool mllp_address_ok(const char *address);
/* ERR_UNAVAILABLE, ERR_TIMEOUT; error[] says why, in the library's words. Borrows the peer. */
YL_CHECKED int mllp_client_open(struct mllp_client **out, const struct mllp_peer *peer, char error[160]);
/* *answer is malloc'd, without its frame, NUL-terminated. ERR_TIMEOUT, ERR_UNAVAILABLE (the line broke, or stopped), ERR_MALFORMED (no frame, or longer than
 * MLLP_ANSWER_MAX). After an error the line is of no more use. */
YL_CHECKED int mllp_client_ask(struct mllp_client *c, const char *message, size_t len, char **answer, size_t *answer_len);
/* The block that comes next without a question: a receiver that first accepts and answers later (2.9.3). As mllp_client_ask. */
YL_CHECKED int mllp_client_hear(struct mllp_client *c, char **answer, size_t *answer_len);
void mllp_client_close(struct mllp_client *c); /* NULL is fine */
#endif
