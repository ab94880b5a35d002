/* gate - the MLLP ports: other systems' messages in, acknowledgements out.
 *
 * A connection's messages are handed to the records plane in their order and answered in it. Feeds may follow each other unanswered, 64 at a
 * time; a question goes in alone, after everything before it was answered, so that it sees what was fed. When that many wait, or the records
 * plane takes no more, the connection is not read: the sender's window closes, nobody else's does. A message that could not be kept is not
 * answered: its connection ends, and the sender sends again.
 *
 * Event thread only; answers come from pool threads by net_post_wait.
 */
#ifndef YL_SERVER_EXCHANGE_GATE_H
#define YL_SERVER_EXCHANGE_GATE_H

#include "records/records.h"
#include "server/net/net.h"

struct gate;
struct gate_config {
    struct net *net;
    struct records *records;
    const char *address;
    uint16_t port, tls_port; /* 0 = not opened */
    unsigned connections;    /* of each port */
    size_t max_message;
};
/* With both ports 0 there is nothing to do: *out is then a gate without doors. */
YL_CHECKED int gate_open(struct gate **out, const struct gate_config *config, struct fault *f);
void gate_free(struct gate *g); /* after net_free: posted answers find no connection */
#endif
