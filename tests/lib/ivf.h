/* ivf - frames of a real encoder for tests: ffmpeg makes an IVF file, this reads it. */
#ifndef YL_TESTS_LIB_IVF_H
#define YL_TESTS_LIB_IVF_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ivf {
    uint8_t *bytes;
    size_t len, at;
};

/* `encoder`: "libvpx -deadline realtime -cpu-used 8 ..."; one keyframe a second. */
static inline int ivf_make(struct ivf *v, const char *encoder, const char *size, int fps, int seconds)
{
    char path[] = "/tmp/yl-ivf-XXXXXX", command[600];
    int fd = mkstemp(path);
    if (fd < 0) return -1;
    snprintf(command, sizeof command, "ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=%s:rate=%d -t %d -c:v %s -g %d -f ivf %s </dev/null", size, fps, seconds, encoder, fps, path);
    int rc = system(command);
    FILE *f = fdopen(fd, "rb");
    fseek(f, 0, SEEK_END);
    v->len = (size_t)ftell(f);
    rewind(f);
    v->bytes = malloc(v->len + 1);
    if (fread(v->bytes, 1, v->len, f) != v->len) rc = -1;
    fclose(f);
    unlink(path);
    v->at = 32;
    return rc;
}

/* NULL at the end; *pts counts in 1/fps. */
static inline const uint8_t *ivf_next(struct ivf *v, size_t *len, int64_t *pts)
{
    if (v->at + 12 > v->len) return NULL;
    const uint8_t *p = v->bytes + v->at;
    *len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    *pts = (int64_t)p[4] | (int64_t)p[5] << 8 | (int64_t)p[6] << 16 | (int64_t)p[7] << 24;
    if (v->at + 12 + *len > v->len) return NULL;
    v->at += 12 + *len;
    return p + 12;
}
#endif
