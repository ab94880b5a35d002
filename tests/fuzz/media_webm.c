/* Recordings: whatever frames come from a publisher, what is written of them is whole elements; and whatever a killed machine or somebody else left of a file,
 * finishing it ends, and says no length that is not. The first byte: a codec to write with, or (0xff) bytes of a file. */
#include "media/mux/webm.h"
#include "media/rtp/bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fd = -1;
static char path[40];

static void finish(bool must)
{
    int64_t ms = 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = webm_finish(path, &ms);
    if (rc ? must : ms < 0) abort();
}

static void put(const void *bytes, size_t n)
{
    if (write(fd, bytes, n) != (ssize_t)n) abort();
}

static bool cut(struct webm *w)
{
    struct webm_part part;
    if (webm_cut(w, &part)) abort();
    put(part.bytes, part.len);
    free(part.bytes);
    return part.len > 0;
}

/* Frames: kind and step of time, length, bytes; the first is a keyframe. */
static struct webm *begin(enum media_codec codec, const uint8_t *key, size_t len)
{
    struct webm *w;
    struct webm_part head;
    if (webm_new(&w, codec, codec == MEDIA_OPUS ? NULL : key, len, &head)) return NULL;
    put(head.bytes, head.len);
    free(head.bytes);
    return w;
}

static void record(enum media_codec codec, const uint8_t *at, size_t left)
{
    struct webm *w = NULL;
    int64_t ms = 0;
    for (size_t n; left >= 3; at += 3 + n, left -= 3 + n) {
        n = get_u16(at + 1) < left - 3 ? get_u16(at + 1) : left - 3;
        uint8_t *exact = malloc(n ? n : 1); /* its end is guarded */
        memcpy(exact, at + 3, n);
        enum webm_kind kind = w ? (enum webm_kind)(at[0] % 3) : WEBM_KEY;
        if (w) ms += (at[0] >> 2) * 25;
        else w = begin(codec, exact, n);
        if (w && webm_due(w, ms, kind == WEBM_KEY)) cut(w);
        if (w && webm_frame(w, exact, n, ms, kind)) abort();
        free(exact);
        if (!w) return;
    }
    if (w && cut(w)) finish(true);
    webm_free(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (fd < 0) fd = memfd_create("recording", MFD_CLOEXEC);
    if (size < 1 || size > 8192 || ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET)) return 0;
    if (data[0] != 0xff) {
        record((enum media_codec)(data[0] % MEDIA_CODEC_COUNT), data + 1, size - 1);
        return 0;
    }
    put(data + 1, size - 1);
    finish(false);
    return 0;
}
