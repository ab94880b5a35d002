/* parcel - commands and events of a media plane as bytes, for one that is in another process: several to a message. docs/protocol/nodes.md. Pure.
 *
 * Only what concerns peers, tracks and feeds; recordings, lectures and devices are the origin's own. One function says the form of each struct, for writing
 * and for reading, so that both cannot differ. Numbers are little endian; every length, enumeration and text is in its bounds after reading.
 */
#ifndef YL_SERVER_NODE_PARCEL_H
#define YL_SERVER_NODE_PARCEL_H

#include "media/media.h"

#define PARCEL_FULL (96 << 10) /* then it is sent; a message has less than twice as much */

struct parcel { /* being filled */
    uint8_t *bytes;
    size_t len, cap;
};
/* False: out of memory, or of a type that does not travel; nothing was added. */
bool parcel_command(struct parcel *p, const struct media_cmd *c);
bool parcel_event(struct parcel *p, const struct media_event *e);
void parcel_clear(struct parcel *p); /* frees */

struct parcel_reader {
    const uint8_t *at;
    size_t left;
};
enum parcel_read { PARCEL_END, PARCEL_ONE, PARCEL_WRONG };
enum parcel_read parcel_next_command(struct parcel_reader *r, struct media_cmd *out);
/* A survey in it is malloc'd: the reader frees it. */
enum parcel_read parcel_next_event(struct parcel_reader *r, struct media_event *out);
#endif
