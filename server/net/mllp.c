/* The framing of MLLP. */
#include "server/net/mllp.h"
#include <stdlib.h>
#include <string.h>

#define HEAD_KEPT 1024 /* of a block that is too large: enough for its MSH */

void mllp_init(struct mllp *m, size_t limit)
{
    memset(m, 0, sizeof *m);
    m->limit = limit;
}

void mllp_fini(struct mllp *m)
{
    free(m->bytes);
    memset(m, 0, sizeof *m);
}

static int keep(struct mllp *m, const char *data, size_t len)
{
    if (m->over || len > m->limit - m->len) {
        m->over = true;
        len = m->len >= HEAD_KEPT ? 0 : len < HEAD_KEPT - m->len ? len : HEAD_KEPT - m->len;
    }
    if (len == 0)
        return 0;
    if (m->len + len > m->cap) {
        size_t cap = m->cap ? m->cap : 4096;
        while (cap < m->len + len)
            cap *= 2;
        char *more = realloc(m->bytes, cap);
        if (!more)
            return ERR_UNAVAILABLE;
        m->bytes = more;
        m->cap = cap;
    }
    memcpy(m->bytes + m->len, data, len);
    m->len += len;
    return 0;
}

static void begin(struct mllp *m)
{
    m->inside = true;
    m->ending = m->over = false;
    m->len = 0;
}

/* The byte behind a 0x1C. */
static enum mllp_event after_end(struct mllp *m, char c, int *rc)
{
    static const char end = MLLP_END;
    m->ending = false;
    if (c == '\r') {
        m->inside = false;
        return m->over ? MLLP_TOO_LARGE : MLLP_MESSAGE;
    }
    *rc = keep(m, &end, 1);
    return MLLP_MORE;
}

/* Bytes of the message up to the next that means something. */
static size_t plain(const char *data, size_t len)
{
    const char *end = memchr(data, MLLP_END, len);
    size_t n = end ? (size_t)(end - data) : len;
    const char *again = memchr(data, MLLP_BEGIN, n);
    return again ? (size_t)(again - data) : n;
}

enum mllp_event mllp_take(struct mllp *m, const char **data, size_t *len)
{
    int rc = 0;
    while (*len > 0 && rc == 0) {
        const char *p = *data;
        size_t n = 1;
        if (m->ending && *p != MLLP_BEGIN) {
            enum mllp_event e = after_end(m, *p, &rc);
            n = e != MLLP_MORE ? 1 : 0; /* another byte is looked at again, as a byte of the message */
            *data += n;
            *len -= n;
            if (e != MLLP_MORE)
                return e;
            continue;
        }
        if (*p == MLLP_BEGIN)
            begin(m);
        else if (m->inside && *p == MLLP_END)
            m->ending = true;
        else if (m->inside)
            rc = keep(m, p, n = plain(p, *len));
        else {
            const char *next = memchr(p, MLLP_BEGIN, *len);
            n = next ? (size_t)(next - p) : *len;
        }
        *data += n;
        *len -= n;
    }
    return rc ? MLLP_MEMORY : MLLP_MORE;
}
