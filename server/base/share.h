/* share - counted bytes that many hold and nobody changes: one copy of a chunk of a lecture for all who watch it.
 *
 * In front of the bytes is room for what a protocol puts before them (a WebSocket frame's header), so that they are sent from where they
 * are; that room belongs to the thread that sends. Counting is atomic: the maker may live on another thread than the holders.
 */
#ifndef YL_SERVER_BASE_SHARE_H
#define YL_SERVER_BASE_SHARE_H

#include "server/base/err.h"
#include <stddef.h>
#include <stdint.h>

#define SHARE_FRONT 32

struct share {
    unsigned refs; /* atomic */
    size_t len;
    uint8_t front[SHARE_FRONT]; /* directly before bytes */
    uint8_t bytes[];
};

struct share *share_new(const void *bytes, size_t len); /* copies; NULL = out of memory; one reference, the caller's */
struct share *share_blank(size_t len); /* to be filled before anybody else sees it */
struct share *share_ref(struct share *s);
void share_unref(struct share *s); /* NULL is nothing */
#endif
