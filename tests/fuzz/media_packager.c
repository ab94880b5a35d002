/* Whatever a publisher sends as H.264 and Opus: the packager neither reads beyond it nor tells boxes that do not add up. */
#include "media/mux/packager.h"
#include "media/rtp/bytes.h"
#include <stdlib.h>
#include <string.h>

static void on_piece(void *ctx, const struct packager_piece *p)
{
    (void)ctx;
    if (p->picture_len > p->len || p->duration_us < 0) abort();
    for (size_t at = 0; at < p->len;) {
        uint32_t n = p->len - at < 8 ? 0 : get_u32(p->bytes + at);
        if (n < 8 || n > p->len - at) abort();
        at += n;
    }
}

/* Input: records of a byte (what: picture, key picture, voice, time passes, off), a byte (step of time), two bytes (length), the bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packager *p;
    int64_t us = 1000000;
    if (packager_new(&p, on_piece, NULL)) return 0;
    while (size >= 4) {
        uint8_t what = data[0] % 5;
        size_t n = get_u16(data + 2) < size - 4 ? get_u16(data + 2) : size - 4;
        us += (int64_t)data[1] * 4000 - 100000;
        if (us < 0) us = 0;
        uint8_t *copy = malloc(n ? n : 1); /* its end is guarded */
        memcpy(copy, data + 4, n);
        if (what < 2) packager_picture(p, copy, n, what == 1, us);
        else if (what == 2) packager_voice(p, copy, n, us);
        else if (what == 3) packager_tick(p, us + (int64_t)n * 1000);
        else packager_picture_off(p);
        free(copy);
        data += 4 + n;
        size -= 4 + n;
    }
    packager_flush(p);
    packager_free(p);
    return 0;
}
