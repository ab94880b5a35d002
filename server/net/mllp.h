/* mllp - the minimal lower layer protocol (HL7 v2.8 appendix C): where messages begin and end in a stream of bytes.
 *
 * A block is 0x0B, the message, 0x1C 0x0D. Pure: bytes in, messages out; it holds one message that is under way and nothing else.
 * What stands between blocks is passed over; a block that grows past the limit is read to its end and told as too large, so that the stream
 * stays in step. A 0x1C that no CR follows is a byte of the message; a 0x0B inside one begins it anew (the sender gave up the first).
 */
#ifndef YL_SERVER_NET_MLLP_H
#define YL_SERVER_NET_MLLP_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>

#define MLLP_BEGIN 0x0b
#define MLLP_END 0x1c

struct mllp {
    size_t limit;
    char *bytes; /* of the message under way */
    size_t len, cap;
    bool inside, ending, over; /* ending: 0x1C was seen */
};

void mllp_init(struct mllp *m, size_t limit);
void mllp_fini(struct mllp *m);

enum mllp_event {
    MLLP_MORE,      /* everything was taken; there is no message yet */
    MLLP_MESSAGE,   /* m->bytes, m->len: valid until the next call */
    MLLP_TOO_LARGE, /* a block over the limit ended: its first bytes are there, as many as a header needs */
    MLLP_MEMORY
};
/* Takes from *data until something is to be told; moves *data and *len on. Call it again until MLLP_MORE. */
enum mllp_event mllp_take(struct mllp *m, const char **data, size_t *len);
#endif
