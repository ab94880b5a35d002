/* message - what an edge node and the origin say to each other over their link: JSON texts, and behind `init`, `piece`, `offer`, `answer`, `commands`
 * and `events` a binary message with the bytes. docs/protocol/nodes.md. Pure.
 *
 * Both prove that they know node.secret without showing it: HMAC-SHA-256 over who speaks and both nonces. TLS keeps the link secret.
 */
#ifndef YL_SERVER_NODE_MESSAGE_H
#define YL_SERVER_NODE_MESSAGE_H

#include "server/base/fault.h"
#include "server/node/serves.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NODE_ADDRESS_BYTES 240
#define NODE_NONCE_BYTES 33 /* 16 bytes in hex */
#define NODE_PROOF_BYTES 65
#define NODE_SECRET_MIN 32
#define NODE_VIEWERS_MAX 100000
#define NODE_PIECE_MAX (4 << 20)

enum node_verb {
    NODE_HELLO,     /* edge: version, address, viewers_max, nonce, fingerprint, candidates, serves */
    NODE_CHALLENGE, /* origin: nonce, proof */
    NODE_PROOF,     /* edge: proof */
    NODE_WELCOME,   /* origin */
    NODE_REFUSED,   /* origin: text; then it closes */
    NODE_LOAD,      /* edge, twice a second: viewers */
    NODE_OK,        /* origin, in answer to each load */
    NODE_WANT,      /* edge: room; what it has of it already: epoch_us, generation, number of the next piece; zeros = nothing */
    NODE_DROP,      /* edge: room */
    NODE_BEGIN,     /* origin: room; a programme begins for this edge with piece `number` */
    NODE_INIT,      /* origin: room, generation, epoch_us, codecs, width, height, bytes; the bytes follow */
    NODE_PIECE,     /* origin: room, generation, epoch_us, start_us, duration_us, segment, key, bytes; the bytes follow */
    NODE_END,       /* origin: room; nothing more will come of it */
    NODE_GONE,      /* origin: room; it is no longer there */
    NODE_RELAY,     /* edge: room; what is sent there is wanted as it comes (RTP) */
    NODE_UNRELAY,   /* edge: room */
    NODE_LINE,      /* origin: room, line, track, seat, layer, layers, value: an m-line of the offer that follows */
    NODE_OFFER,     /* origin: room, number, address, bytes; an SDP follows */
    NODE_ANSWER,    /* edge: room, number, bytes; an SDP follows */
    NODE_LAYERS,    /* edge: room, track, layers: bit n = layer n is of use, or size n inside the one stream */
    NODE_LOST,      /* origin: room; its relay is over */
    NODE_COMMANDS,  /* origin: bytes; commands to the edge's media plane follow (parcel.h) */
    NODE_EVENTS,    /* edge: bytes; what its media plane told of them follows */
    NODE_VERBS
};

#define NODE_VERSION 4
#define NODE_CANDIDATES_BYTES 1200

struct node_message {
    enum node_verb verb;
    int64_t version, viewers_max, viewers, room, number, generation, epoch_us, start_us, duration_us, width, height, bytes, line, track, seat, layer, layers, value;
    bool segment, key;
    char address[NODE_ADDRESS_BYTES], nonce[NODE_NONCE_BYTES], proof[NODE_PROOF_BYTES], codecs[40], text[200];
    char fingerprint[112], candidates[NODE_CANDIDATES_BYTES], serves[SERVES_TEXT_BYTES]; /* of the edge's media plane, and whom it is near to */
};

/* ERR_MALFORMED names the field. Every field of the verb is there afterwards, in its bounds. */
YL_CHECKED int node_message_read(const char *text, size_t len, struct node_message *out, struct fault *f);
char *node_message_write(const struct node_message *m); /* malloc'd; NULL = out of memory */

void node_nonce(char out[NODE_NONCE_BYTES]);
/* `speaker` "edge" or "origin". */
void node_proof(const char *secret, const char *speaker, const char *edge_nonce, const char *origin_nonce, char out[NODE_PROOF_BYTES]);
bool node_proof_equal(const char *a, const char *b); /* in constant time */
/* The key of passes to lectures, the same on all nodes of a secret. */
void node_pass_key(const char *secret, uint8_t out[32]);
#endif
