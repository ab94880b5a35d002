/* fragments - CMAF pieces read again: boxes (ISO/IEC 14496-12) and what one movie fragment says of its track. Any length or offset that does not
 * hold fails the test. */
#ifndef YL_TESTS_LIB_FRAGMENTS_H
#define YL_TESTS_LIB_FRAGMENTS_H

#include "media/rtp/bytes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <cmocka.h>

static inline const uint8_t *box(const uint8_t *p, size_t len, const char *type, size_t *body)
{
    for (size_t at = 0; at + 8 <= len;) {
        size_t n = get_u32(p + at);
        assert_true(n >= 8 && n <= len - at);
        if (memcmp(p + at + 4, type, 4) == 0) {
            *body = n - 8;
            return p + at + 8;
        }
        at += n;
    }
    return NULL;
}

struct fragment {
    uint32_t track, sequence, n, bytes;
    uint64_t time, duration, last_duration;
    bool first_key, has_parameter_sets;
    size_t len; /* of both boxes */
};

/* The first fragment of these bytes; false: there is none. */
static inline bool read_fragment(const uint8_t *p, size_t len, struct fragment *f)
{
    size_t n, traf_len, at_len, mdat_len;
    const uint8_t *moof = len ? box(p, len, "moof", &n) : NULL;
    if (!moof) return false;
    const uint8_t *mfhd = box(moof, n, "mfhd", &at_len), *traf = box(moof, n, "traf", &traf_len), *mdat = box(p, len, "mdat", &mdat_len);
    const uint8_t *tfhd = box(traf, traf_len, "tfhd", &at_len), *tfdt = box(traf, traf_len, "tfdt", &at_len), *trun = box(traf, traf_len, "trun", &at_len);
    memset(f, 0, sizeof *f);
    f->len = (size_t)(mdat - p) + mdat_len;
    f->sequence = get_u32(mfhd + 4);
    assert_int_equal(get_u32(tfhd) & 0x20000, 0x20000);
    f->track = get_u32(tfhd + 4);
    f->time = get_u64(tfdt + 4);
    f->n = get_u32(trun + 4);
    assert_int_equal(get_u32(trun + 8), (mdat - p)); /* the data offset */
    for (uint32_t i = 0; i < f->n; i++) {
        const uint8_t *s = trun + 12 + 12 * i;
        f->last_duration = get_u32(s);
        f->duration += f->last_duration;
        f->bytes += get_u32(s + 4);
        if (i == 0) f->first_key = get_u32(s + 8) == 0x02000000;
    }
    assert_int_equal(f->bytes, mdat_len);
    for (uint32_t at = 0; f->track == 1 && at + 5 <= mdat_len; at += 4 + get_u32(mdat + at))
        f->has_parameter_sets |= (mdat[at + 4] & 31) == 7 || (mdat[at + 4] & 31) == 8;
    return true;
}
#endif
