#include "media/mux/webm.h"
#include "media/mux/dimensions.h"
#include "media/rtp/bytes.h"
#include "server/base/reel.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { /* RFC 9559 element ids */
    ID_EBML = 0x1a45dfa3, ID_SEGMENT = 0x18538067, ID_SEEKHEAD = 0x114d9b74, ID_SEEK = 0x4dbb, ID_SEEKID = 0x53ab,
    ID_SEEKPOS = 0x53ac, ID_VOID = 0xec, ID_INFO = 0x1549a966, ID_SCALE = 0x2ad7b1, ID_DURATION = 0x4489,
    ID_MUXER = 0x4d80, ID_WRITER = 0x5741, ID_TRACKS = 0x1654ae6b, ID_ENTRY = 0xae, ID_NUMBER = 0xd7, ID_UID = 0x73c5,
    ID_TYPE = 0x83, ID_CODEC = 0x86, ID_PRIVATE = 0x63a2, ID_VIDEO = 0xe0, ID_WIDTH = 0xb0, ID_HEIGHT = 0xba,
    ID_AUDIO = 0xe1, ID_RATE = 0xb5, ID_CHANNELS = 0x9f, ID_PREROLL = 0x56bb, ID_LACING = 0x9c, ID_CLUSTER = 0x1f43b675,
    ID_TIME = 0xe7, ID_BLOCK = 0xa3, ID_CUES = 0x1c53bb6b, ID_CUE = 0xbb, ID_CUETIME = 0xb3, ID_CUE_POSITIONS = 0xb7,
    ID_CUE_TRACK = 0xf7, ID_CUEPOS = 0xf1
};
#define SEEK_ROOM 96 /* bytes kept for the seek head that webm_finish writes */

/* ---- growing buffer of elements ---- */
struct buffer {
    uint8_t *bytes;
    size_t len, cap;
    bool failed;
};

static uint8_t *room(struct buffer *b, size_t n)
{
    if (b->len + n > b->cap) {
        size_t cap = (b->len + n) * 2 + 4096;
        uint8_t *grown = realloc(b->bytes, cap);
        if (!grown) {
            b->failed = true;
            return NULL;
        }
        b->bytes = grown;
        b->cap = cap;
    }
    b->len += n;
    return b->bytes + b->len - n;
}

static void raw(struct buffer *b, const void *data, size_t n)
{
    uint8_t *p = room(b, n);
    if (p && n) memcpy(p, data, n);
}

static void id(struct buffer *b, uint32_t v)
{
    uint8_t t[4];
    put_u32(t, v);
    size_t skip = v > 0xffffff ? 0 : v > 0xffff ? 1 : v > 0xff ? 2 : 3;
    raw(b, t + skip, 4 - skip);
}

static void size8(struct buffer *b, uint64_t n)
{
    uint8_t t[8];
    put_u64(t, n | 0x0100000000000000u);
    raw(b, t, 8);
}

static void element(struct buffer *b, uint32_t which, const void *data, size_t n)
{
    id(b, which);
    size8(b, n);
    raw(b, data, n);
}

static void number(struct buffer *b, uint32_t which, uint64_t v)
{
    uint8_t t[8];
    put_u64(t, v);
    element(b, which, t, 8);
}

static void real(struct buffer *b, uint32_t which, double v)
{
    uint64_t bits;
    uint8_t t[8];
    memcpy(&bits, &v, 8);
    put_u64(t, bits);
    element(b, which, t, 8);
}

static void text(struct buffer *b, uint32_t which, const char *s)
{
    element(b, which, s, strlen(s));
}

static size_t open_element(struct buffer *b, uint32_t which)
{
    id(b, which);
    size8(b, 0);
    return b->len;
}

static void close_element(struct buffer *b, size_t at)
{
    if (!b->failed) put_u64(b->bytes + at - 8, (b->len - at) | 0x0100000000000000u);
}

/* ---- writing ---- */
struct webm {
    bool audio, in_cluster, key;
    struct buffer cluster;
    int64_t cluster_ms;
    size_t cluster_at;
};

static const char *const codec_names[MEDIA_CODEC_COUNT] = {"A_OPUS", "V_VP8", "V_VP9", "V_MPEG4/ISO/AVC", "V_AV1"};
static const uint8_t opus_head[19] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0};

static int put_tracks(struct buffer *b, enum media_codec codec, const uint8_t *key, size_t len)
{
    size_t tracks = open_element(b, ID_TRACKS), entry = open_element(b, ID_ENTRY);
    number(b, ID_NUMBER, 1);
    number(b, ID_UID, 1);
    number(b, ID_TYPE, codec == MEDIA_OPUS ? 2 : 1);
    number(b, ID_LACING, 0);
    text(b, ID_CODEC, codec_names[codec]);
    if (codec == MEDIA_OPUS) {
        number(b, ID_PREROLL, 80000000);
        element(b, ID_PRIVATE, opus_head, sizeof opus_head);
        size_t audio = open_element(b, ID_AUDIO);
        real(b, ID_RATE, 48000);
        number(b, ID_CHANNELS, 2);
        close_element(b, audio);
    } else {
        struct dimensions d;
        if (dimensions_of(codec, key, len, &d)) return ERR_INVALID;
        if (d.config_len) element(b, ID_PRIVATE, d.config, d.config_len);
        size_t video = open_element(b, ID_VIDEO);
        number(b, ID_WIDTH, d.width);
        number(b, ID_HEIGHT, d.height);
        close_element(b, video);
    }
    close_element(b, entry);
    close_element(b, tracks);
    return 0;
}

static int put_head(struct buffer *b, enum media_codec codec, const uint8_t *key, size_t len, size_t *tracks_at)
{
    static const uint8_t zeros[SEEK_ROOM];
    size_t head = open_element(b, ID_EBML);
    number(b, 0x4286, 1); /* EBMLVersion, ReadVersion, MaxIDLength, MaxSizeLength */
    number(b, 0x42f7, 1);
    number(b, 0x42f2, 4);
    number(b, 0x42f3, 8);
    text(b, 0x4282, codec == MEDIA_H264 ? "matroska" : "webm");
    number(b, 0x4287, 4);
    number(b, 0x4285, 2);
    close_element(b, head);
    id(b, ID_SEGMENT);
    size8(b, 0x00ffffffffffffffu); /* unknown until it is finished */
    element(b, ID_VOID, zeros, SEEK_ROOM - 9);
    size_t info = open_element(b, ID_INFO);
    number(b, ID_SCALE, 1000000);
    real(b, ID_DURATION, 0);
    text(b, ID_MUXER, "yilian");
    text(b, ID_WRITER, "yilian");
    close_element(b, info);
    *tracks_at = b->len;
    return put_tracks(b, codec, key, len);
}

/* Gives the bytes away, with room for a link behind them. */
static int give(struct buffer *b, struct webm_part *out)
{
    size_t len = b->len;
    if (!b->failed) (void)room(b, REEL_LINK_MAX);
    if (b->failed) {
        free(b->bytes);
        *b = (struct buffer){0};
        return ERR_INTERNAL;
    }
    out->bytes = b->bytes;
    out->len = len;
    *b = (struct buffer){0};
    return 0;
}

int webm_new(struct webm **out, enum media_codec codec, const uint8_t *key, size_t len, struct webm_part *head)
{
    struct webm *w = calloc(1, sizeof *w);
    struct buffer b = {0};
    *head = (struct webm_part){0};
    int err = w ? put_head(&b, codec, key, len, &head->tracks_at) : ERR_INTERNAL;
    if (err) free(b.bytes);
    else err = give(&b, head);
    if (err) {
        free(w);
        return err;
    }
    w->audio = codec == MEDIA_OPUS;
    *out = w;
    return 0;
}

bool webm_due(const struct webm *w, int64_t time_ms, bool key)
{
    return w->in_cluster && ((key && !w->audio) || time_ms - w->cluster_ms >= WEBM_FRAGMENT_MS);
}

int webm_frame(struct webm *w, const uint8_t *frame, size_t len, int64_t time_ms, enum webm_kind kind)
{
    bool key = kind == WEBM_KEY || w->audio;
    if (!w->in_cluster) {
        w->in_cluster = true;
        w->key = key;
        w->cluster_ms = time_ms;
        w->cluster_at = open_element(&w->cluster, ID_CLUSTER);
        number(&w->cluster, ID_TIME, (uint64_t)time_ms);
    }
    uint8_t head[4] = {0x81, (uint8_t)((time_ms - w->cluster_ms) >> 8), (uint8_t)(time_ms - w->cluster_ms),
                       key ? 0x80 : kind == WEBM_SPARE ? 0x01 : 0};
    id(&w->cluster, ID_BLOCK);
    size8(&w->cluster, len + 4);
    raw(&w->cluster, head, 4);
    raw(&w->cluster, frame, len);
    return w->cluster.failed ? ERR_INTERNAL : 0;
}

int webm_cut(struct webm *w, struct webm_part *out)
{
    *out = (struct webm_part){.key = w->key, .begin_ms = w->cluster_ms};
    if (!w->in_cluster) return 0;
    w->in_cluster = false;
    close_element(&w->cluster, w->cluster_at);
    return give(&w->cluster, out);
}

void webm_free(struct webm *w)
{
    if (!w) return;
    free(w->cluster.bytes);
    free(w);
}

/* ---- finishing: read what is on the disk, whoever wrote it and however that ended ---- */
static int64_t read_fd(void *ctx, uint64_t at, void *out, size_t n)
{
    return pread(*(int *)ctx, out, n, (off_t)at);
}

static bool read_head(int fd, int64_t at, uint32_t *which, uint64_t *size, int64_t *body)
{
    uint64_t inner;
    struct reel_source s = {read_fd, &fd, INT64_MAX};
    if (!reel_element(&s, (uint64_t)at, which, size, &inner)) return false;
    *body = (int64_t)inner;
    return true;
}

struct scan {
    int64_t segment, info, duration, tracks, end, last_ms, step_ms, seek;
    size_t clusters;
    struct buffer cues;
};

/* One complete cluster: its time, its last block's, and a cue when a viewer may begin here. */
static void scan_cluster(int fd, struct scan *s, int64_t at, int64_t body, int64_t end)
{
    uint32_t which;
    uint64_t size;
    int64_t inner, base = 0;
    bool first = true;
    for (int64_t p = body; p < end && read_head(fd, p, &which, &size, &inner); p = inner + (int64_t)size) {
        uint8_t t[8] = {0};
        if (pread(fd, t, which == ID_TIME ? 8 : 4, inner) < 4) return;
        if (which == ID_TIME && get_u64(t) > REEL_MS_MAX) return; /* not whole */
        if (which == ID_TIME) base = (int64_t)get_u64(t);
        if (which != ID_BLOCK) continue;
        int64_t ms = base + (int16_t)get_u16(t + 1);
        if (ms > s->last_ms) {
            s->step_ms = ms - s->last_ms;
            s->last_ms = ms;
        }
        if (first && (t[3] & 0x80)) {
            size_t cue = open_element(&s->cues, ID_CUE);
            number(&s->cues, ID_CUETIME, (uint64_t)base);
            size_t where = open_element(&s->cues, ID_CUE_POSITIONS);
            number(&s->cues, ID_CUE_TRACK, 1);
            number(&s->cues, ID_CUEPOS, (uint64_t)(at - s->segment));
            close_element(&s->cues, where);
            close_element(&s->cues, cue);
        }
        first = false;
    }
    s->clusters++;
}

static void scan_info(int fd, struct scan *s, int64_t body, int64_t end)
{
    uint32_t which;
    uint64_t size;
    int64_t inner;
    for (int64_t p = body; p < end && read_head(fd, p, &which, &size, &inner); p = inner + (int64_t)size)
        if (which == ID_DURATION) s->duration = inner;
}

static int scan_file(int fd, struct scan *s)
{
    struct stat st;
    uint32_t which;
    uint64_t size;
    int64_t body, at = 0;
    if (fstat(fd, &st)) return ERR_STORAGE;
    if (!read_head(fd, 0, &which, &size, &body) || which != ID_EBML) return ERR_NOT_FOUND;
    at = body + (int64_t)size;
    if (!read_head(fd, at, &which, &size, &body) || which != ID_SEGMENT) return ERR_NOT_FOUND;
    s->segment = s->end = body;
    for (at = body; at < st.st_size && read_head(fd, at, &which, &size, &body); at = s->end) {
        if (size > (uint64_t)st.st_size || body + (int64_t)size > st.st_size || which == ID_CUES) break;
        s->end = body + (int64_t)size;
        if (which == ID_VOID || which == ID_SEEKHEAD) s->seek = s->seek ? s->seek : at;
        else if (which == ID_INFO) s->info = at, scan_info(fd, s, body, s->end);
        else if (which == ID_TRACKS) s->tracks = at;
        else if (which == ID_CLUSTER) scan_cluster(fd, s, at, body, s->end);
    }
    return s->clusters && s->duration && s->tracks && s->seek ? 0 : ERR_NOT_FOUND;
}

static void put_seek(struct buffer *b, uint32_t which, int64_t position)
{
    uint8_t name[4];
    put_u32(name, which);
    uint8_t entry[] = {0x4d, 0xbb, 0x8e, 0x53, 0xab, 0x84, name[0], name[1], name[2], name[3], 0x53, 0xac, 0x84, 0, 0, 0, 0};
    put_u32(entry + 13, (uint32_t)position);
    raw(b, entry, sizeof entry);
}

static int patch(int fd, struct scan *s)
{
    static const uint8_t zeros[SEEK_ROOM];
    struct buffer b = {0}, head = {0};
    size_t cues = open_element(&b, ID_CUES);
    raw(&b, s->cues.bytes, s->cues.len);
    close_element(&b, cues);
    size_t seek = open_element(&head, ID_SEEKHEAD);
    put_seek(&head, ID_INFO, s->info - s->segment);
    put_seek(&head, ID_TRACKS, s->tracks - s->segment);
    /* The position field has four bytes: a longer file goes without a pointer to its cues (players scan). */
    if (s->end - s->segment < UINT32_MAX) put_seek(&head, ID_CUES, s->end - s->segment);
    close_element(&head, seek);
    if (head.len + 9 <= SEEK_ROOM) element(&head, ID_VOID, zeros, SEEK_ROOM - head.len - 9);
    uint8_t size[8], duration[8];
    double ms = (double)(s->last_ms + s->step_ms);
    uint64_t bits;
    memcpy(&bits, &ms, 8);
    put_u64(duration, bits);
    put_u64(size, ((uint64_t)(s->end - s->segment) + b.len) | 0x0100000000000000u);
    bool ok = !b.failed && !head.failed && head.len == SEEK_ROOM && ftruncate(fd, s->end) == 0 &&
              pwrite(fd, b.bytes, b.len, s->end) == (ssize_t)b.len &&
              pwrite(fd, head.bytes, head.len, s->seek) == (ssize_t)head.len &&
              pwrite(fd, duration, 8, s->duration) == 8 && pwrite(fd, size, 8, s->segment - 8) == 8;
    free(b.bytes);
    free(head.bytes);
    return ok ? 0 : ERR_STORAGE;
}

int webm_finish(const char *path, int64_t *duration_ms)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return ERR_NOT_FOUND;
    struct scan s = {0};
    int err = scan_file(fd, &s);
    if (!err) err = patch(fd, &s);
    *duration_ms = s.last_ms + s.step_ms;
    free(s.cues.bytes);
    close(fd);
    return err;
}
