#include "server/base/share.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(offsetof(struct share, bytes) == offsetof(struct share, front) + SHARE_FRONT, "front must touch bytes");

struct share *share_blank(size_t len)
{
    struct share *s = malloc(sizeof *s + len);
    if (!s) return NULL;
    s->refs = 1;
    s->len = len;
    return s;
}

struct share *share_new(const void *bytes, size_t len)
{
    struct share *s = share_blank(len);
    if (s && len) memcpy(s->bytes, bytes, len);
    return s;
}

struct share *share_ref(struct share *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
    return s;
}

void share_unref(struct share *s)
{
    if (s && __atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) == 0) free(s);
}
