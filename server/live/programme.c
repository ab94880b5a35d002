#include "server/live/programme.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HELD_MAX 512      /* pieces in memory */
#define FIRST_MAX 18 /* pieces, 3.6 s: as many as a player can be sent at once and catch up with */
#define PARTS_FOR_S (3 * PROGRAMME_TARGET_S) /* RFC 8216bis 6.2.2: parts are told of the newest three target durations */
#define SKIP_UNTIL_S (6 * PROGRAMME_TARGET_S) /* 4.4.3.8: at least six */
#define PART_S 0.223      /* the longest piece; none but a segment's last is under 85 % of it, which players on phones insist on (4.4.3.7; media/mux/packager.h) */
#define HOLD_BACK 2.25 /* parts; 4.4.3.8: at least two, better three. 0.5 s near by: two and a half pieces as they usually are */
#define CACHED_PARTS 16

/* How long HLS players are told that a picture is shown when nobody knows. They reckon where the next segment begins from what this one holds, and when that
 * is off by a second they place everything anew (hls.js); MSE goes on without a keyframe after up to twice as long. */
#define HLS_HOLE_TICKS (90 * 950)

struct piece {
    struct share *bytes, *hls; /* hls: as HLS has it */
    bool key, segment;
    uint32_t generation;
    int64_t start_us, duration_us;
};

struct segment {
    size_t first, n; /* pieces */
    uint32_t generation;
    int64_t start_us, duration_us;
    uint64_t offset; /* on the shelf */
    size_t bytes;
    bool shelved; /* every piece was taken by the shelf */
    struct share *whole; /* put together when first asked for, while in memory */
};

struct init {
    uint32_t generation;
    struct share *bytes;
    char codecs[40];
    unsigned width, height;
};

struct programme {
    struct shelf_file *file;
    struct piece held[HELD_MAX]; /* piece n stands at n % HELD_MAX */
    size_t oldest, next;
    struct segment *segments;
    int64_t turned_us; /* where the newest generation begins */
    size_t n_segments, cap_segments, first_whole; /* segments before first_whole have given their `whole` back */
    struct init *inits;
    size_t n_inits;
    uint64_t offset;
    int64_t epoch_us, end_us;
    uint32_t peak_bps;
    bool ended;
    struct share *playlists[PROGRAMME_PER_PART_MAX + 1][2];
    struct {
        uint32_t segment;
        unsigned part, per_part;
        struct share *bytes;
    } parts[CACHED_PARTS];
    size_t next_part;
    uint64_t taken;
};

struct programme *programme_new(struct shelf *shelf)
{
    struct programme *p = calloc(1, sizeof *p);
    if (p && shelf) p->file = shelf_file_new(shelf);
    return p;
}

/* What was made from the pieces, and is no longer the newest. */
static void forget_playlists(struct programme *p)
{
    for (size_t i = 0; i <= PROGRAMME_PER_PART_MAX; i++)
        for (size_t k = 0; k < 2; k++) {
            share_unref(p->playlists[i][k]);
            p->playlists[i][k] = NULL;
        }
}

static void forget_oldest(struct programme *p)
{
    struct piece *k = &p->held[p->oldest++ % HELD_MAX];
    share_unref(k->bytes);
    share_unref(k->hls);
    k->bytes = k->hls = NULL;
}

void programme_free(struct programme *p)
{
    if (!p) return;
    while (p->oldest < p->next)
        forget_oldest(p);
    forget_playlists(p);
    for (size_t i = 0; i < p->n_segments; i++)
        share_unref(p->segments[i].whole);
    for (size_t i = 0; i < p->n_inits; i++)
        share_unref(p->inits[i].bytes);
    for (size_t i = 0; i < CACHED_PARTS; i++)
        share_unref(p->parts[i].bytes);
    shelf_file_free(p->file);
    free(p->segments);
    free(p->inits);
    free(p);
}

/* ---- growing ---- */
static struct segment *newest(const struct programme *p)
{
    return p->n_segments ? &p->segments[p->n_segments - 1] : NULL;
}

static void add_init(struct programme *p, const struct media_piece *m)
{
    struct init *grown = realloc(p->inits, (p->n_inits + 1) * sizeof *grown);
    if (!grown) return;
    p->inits = grown;
    struct init *i = &p->inits[p->n_inits++];
    *i = (struct init){.generation = m->generation, .bytes = share_ref(m->bytes), .width = m->width, .height = m->height};
    snprintf(i->codecs, sizeof i->codecs, "%s", m->codecs);
}

static bool begin_segment(struct programme *p, const struct media_piece *m)
{
    struct segment *last = newest(p);
    if (last && !last->n) { /* a generation that showed nothing */
        p->n_segments--;
    } else if (last) {
        uint32_t bps = last->duration_us ? (uint32_t)(last->bytes * 8000000 / (uint64_t)last->duration_us) : 0;
        if (bps > p->peak_bps) p->peak_bps = bps;
    }
    if (p->n_segments == p->cap_segments) {
        size_t cap = p->cap_segments ? p->cap_segments * 2 : 64;
        struct segment *grown = realloc(p->segments, cap * sizeof *grown);
        if (!grown) return false;
        p->segments = grown;
        p->cap_segments = cap;
    }
    if (!p->n_segments || p->segments[p->n_segments - 1].generation != m->generation) p->turned_us = m->start_us;
    p->segments[p->n_segments++] =
        (struct segment){.first = p->next, .generation = m->generation, .start_us = m->start_us, .offset = p->offset, .shelved = p->file != NULL};
    return true;
}

/* What is old leaves memory: whole segments only, so that each is either here or on the shelf. */
static void let_go(struct programme *p)
{
    while (p->next - p->oldest > HELD_MAX - 1) /* a burst of tiny pieces */
        forget_oldest(p);
    while (p->first_whole + 2 < p->n_segments && p->segments[p->first_whole].start_us < p->end_us - PROGRAMME_MEMORY_US) {
        struct segment *s = &p->segments[p->first_whole++];
        while (p->oldest < s->first + s->n)
            forget_oldest(p);
        share_unref(s->whole);
        s->whole = NULL;
    }
}

static struct share *for_hls(const struct media_piece *m)
{
    struct share *s = m->hole_at && m->hole_at + 4 <= m->bytes->len ? share_new(m->bytes->bytes, m->bytes->len) : NULL;
    if (!s) return share_ref(m->bytes);
    uint32_t shown = htonl(HLS_HOLE_TICKS);
    memcpy(s->bytes + m->hole_at, &shown, sizeof shown);
    return s;
}

void programme_add(struct programme *p, const struct media_piece *m)
{
    if (p->ended) return;
    p->epoch_us = m->epoch_us;
    if (m->init) {
        add_init(p, m);
        return;
    }
    struct segment *s = newest(p);
    if ((!s || m->segment || s->generation != m->generation) && !begin_segment(p, m)) return;
    s = newest(p);
    p->held[p->next++ % HELD_MAX] = (struct piece){share_ref(m->bytes), for_hls(m), m->key, m->segment, m->generation, m->start_us, m->duration_us};
    s->n++;
    s->bytes += m->bytes->len;
    p->end_us = m->start_us + m->duration_us;
    s->duration_us = p->end_us - s->start_us;
    s->shelved = s->shelved && shelf_write(p->file, p->offset, p->held[(p->next - 1) % HELD_MAX].hls);
    p->offset += m->bytes->len;
    let_go(p);
    forget_playlists(p);
}

void programme_begin_at(struct programme *p, size_t number)
{
    p->oldest = p->next = number;
}

void programme_end(struct programme *p)
{
    p->ended = true;
    forget_playlists(p);
}

bool programme_ended(const struct programme *p)
{
    return p->ended;
}

static const struct init *init_of(const struct programme *p, uint32_t generation)
{
    for (size_t i = p->n_inits; i-- > 0;)
        if (p->inits[i].generation == generation) return &p->inits[i];
    return NULL;
}

void programme_now(const struct programme *p, struct programme_now *out)
{
    const struct segment *s = newest(p);
    const struct init *i = s ? init_of(p, s->generation) : NULL;
    *out = (struct programme_now){.epoch_us = p->epoch_us, .end_us = p->end_us, .codecs = i ? i->codecs : "", .peak_bps = p->peak_bps};
    if (!i) return;
    out->generation = s->generation;
    out->width = i->width;
    out->height = i->height;
    out->shown_us = p->end_us - p->turned_us;
    int64_t length_us = p->end_us - p->segments[0].start_us;
    out->average_bps = length_us > 0 ? (uint32_t)(p->offset * 8000000 / (uint64_t)length_us) : 0;
    if (!out->peak_bps) out->peak_bps = out->average_bps;
}

uint64_t programme_bytes(const struct programme *p)
{
    return p->offset;
}

/* ---- for those who are sent everything ---- */
static const struct piece *piece_at(const struct programme *p, size_t n)
{
    return n >= p->oldest && n < p->next ? &p->held[n % HELD_MAX] : NULL;
}

uint64_t programme_taken(const struct programme *p)
{
    return p->taken;
}

size_t programme_first(const struct programme *p)
{
    const struct segment *s = newest(p);
    for (size_t n = p->next; s && n-- > p->oldest && p->next - n <= FIRST_MAX;)
        if (p->held[n % HELD_MAX].key && p->held[n % HELD_MAX].generation == s->generation) {
            /* Sound alone can begin anywhere, but begins with a little to play. */
            size_t back = n + 5 > p->next && n >= s->first + 4 && init_of(p, s->generation)->width == 0 ? 4 : 0;
            return n - back;
        }
    return p->next;
}

size_t programme_next(const struct programme *p)
{
    return p->next;
}

bool programme_piece(struct programme *p, size_t n, struct programme_piece *out)
{
    p->taken++;
    const struct piece *k = piece_at(p, n);
    const struct init *i = k ? init_of(p, k->generation) : NULL;
    if (!i) return false;
    *out = (struct programme_piece){k->bytes, i->bytes, k->generation, i->codecs, i->width, i->height, k->key, k->segment, k->start_us, k->duration_us};
    return true;
}

/* ---- parts and segments ---- */
static bool closed(const struct programme *p, uint32_t segment)
{
    return segment + 1 < p->n_segments || (p->ended && segment < p->n_segments);
}

size_t programme_parts(const struct programme *p, uint32_t segment, unsigned per_part)
{
    const struct segment *s = &p->segments[segment];
    return closed(p, segment) ? (s->n + per_part - 1) / per_part : s->n / per_part;
}

bool programme_has(const struct programme *p, uint32_t segment, int part, unsigned per_part)
{
    if (segment >= p->n_segments) return p->ended;
    return closed(p, segment) || p->ended || (part >= 0 && (size_t)part < programme_parts(p, segment, per_part));
}

uint32_t programme_segments(const struct programme *p)
{
    return (uint32_t)p->n_segments;
}

struct share *programme_init(const struct programme *p, uint32_t generation)
{
    const struct init *i = init_of(p, generation);
    return i ? i->bytes : NULL;
}

static struct share *join(const struct programme *p, size_t first, size_t n)
{
    size_t bytes = 0, at = 0;
    for (size_t i = first; i < first + n; i++) {
        if (!piece_at(p, i)) return NULL;
        bytes += piece_at(p, i)->hls->len;
    }
    struct share *s = share_blank(bytes);
    for (size_t i = first; s && i < first + n; at += piece_at(p, i++)->hls->len)
        memcpy(s->bytes + at, piece_at(p, i)->hls->bytes, piece_at(p, i)->hls->len);
    return s;
}

/* Longer parts are put together once for all who ask. */
static struct share *joined_part(struct programme *p, uint32_t segment, unsigned part, unsigned per_part, size_t n)
{
    for (size_t i = 0; i < CACHED_PARTS; i++)
        if (p->parts[i].bytes && p->parts[i].segment == segment && p->parts[i].part == part && p->parts[i].per_part == per_part)
            return p->parts[i].bytes;
    struct share *s = join(p, p->segments[segment].first + part * per_part, n);
    if (!s) return NULL;
    size_t at = p->next_part++ % CACHED_PARTS;
    share_unref(p->parts[at].bytes);
    p->parts[at].segment = segment;
    p->parts[at].part = part;
    p->parts[at].per_part = per_part;
    return p->parts[at].bytes = s;
}

enum programme_part programme_part(struct programme *p, uint32_t segment, unsigned part, unsigned per_part, struct share **out)
{
    p->taken++;
    *out = NULL;
    if (segment >= p->n_segments) return segment == p->n_segments && !p->ended && part == 0 ? PART_LATER : PART_NEVER;
    const struct segment *s = &p->segments[segment];
    if (part >= programme_parts(p, segment, per_part)) return closed(p, segment) || part > programme_parts(p, segment, per_part) ? PART_NEVER : PART_LATER;
    size_t first = s->first + (size_t)part * per_part, n = s->first + s->n - first < per_part ? s->first + s->n - first : per_part;
    const struct piece *only = n == 1 ? piece_at(p, first) : NULL;
    struct share *here = only ? only->hls : n > 1 ? joined_part(p, segment, part, per_part, n) : NULL;
    if (!here) return PART_NEVER;
    *out = share_ref(here);
    return PART_HERE;
}

void programme_segment(struct programme *p, uint32_t segment, shelf_done done, void *ctx)
{
    p->taken++;
    struct segment *s = segment < p->n_segments && closed(p, segment) ? &p->segments[segment] : NULL;
    if (s && !s->whole && segment >= p->first_whole) s->whole = join(p, s->first, s->n);
    if (s && !s->whole && s->shelved) shelf_read(p->file, s->offset, s->bytes, done, ctx);
    else done(ctx, s ? s->whole : NULL);
}

/* ---- the playlist ---- */
struct text {
    char *at;
    size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
    va_list args;
    for (int i = 0; i < 2; i++) {
        va_start(args, format);
        int n = vsnprintf(t->at ? t->at + t->len : NULL, t->cap - t->len, format, args);
        va_end(args);
        if (n >= 0 && t->len + (size_t)n < t->cap) {
            t->len += (size_t)n;
            return;
        }
        size_t cap = (t->cap ? t->cap * 2 : 8192) + (size_t)(n > 0 ? n : 0);
        char *grown = realloc(t->at, cap);
        if (!grown) return;
        t->at = grown;
        t->cap = cap;
    }
}

static void say_date(struct text *t, int64_t utc_us)
{
    time_t s = (time_t)(utc_us / 1000000);
    struct tm tm;
    char date[40];
    gmtime_r(&s, &tm);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    say(t, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", date, (int)(utc_us / 1000 % 1000));
}

static void say_parts(struct text *t, const struct programme *p, uint32_t segment, unsigned per_part)
{
    const struct segment *s = &p->segments[segment];
    for (size_t i = 0; i < programme_parts(p, segment, per_part); i++) {
        int64_t us = 0;
        bool key = false;
        for (size_t n = s->first + i * per_part; n < s->first + (i + 1) * per_part && n < s->first + s->n && piece_at(p, n); n++) {
            us += piece_at(p, n)->duration_us;
            key |= piece_at(p, n)->key;
        }
        if (us) say(t, "#EXT-X-PART:DURATION=%.5f,URI=\"part-%u.%zu.%u.m4s\"%s\n", (double)us / 1e6, segment, i, per_part, key ? ",INDEPENDENT=YES" : "");
    }
}

static void say_segment(struct text *t, const struct programme *p, uint32_t i, unsigned per_part, bool first)
{
    const struct segment *s = &p->segments[i];
    bool turn = i > 0 && p->segments[i - 1].generation != s->generation;
    /* 4.4.4.3: other tracks would have to be told, but they are always the same two; another size only should be, and times go on: players that hear of it reckon anew and stumble. */
    if (turn || first) say(t, "#EXT-X-MAP:URI=\"init-%u.mp4\"\n", s->generation);
    say_date(t, p->epoch_us + s->start_us);
    if (s->start_us > p->end_us - PARTS_FOR_S * 1000000ll && i >= p->first_whole && !p->ended) say_parts(t, p, i, per_part);
    if (closed(p, i)) say(t, "#EXTINF:%.5f,\nseg-%u.m4s\n", (double)s->duration_us / 1e6, i);
}

/* How many segments a delta update leaves out (6.2.5.1): those that are older than the skip boundary. */
static uint32_t skipped(const struct programme *p)
{
    uint32_t n = 0;
    while (n < p->n_segments && p->segments[n].start_us + p->segments[n].duration_us < p->end_us - SKIP_UNTIL_S * 1000000ll)
        n++;
    return n;
}

static void print(struct text *t, const struct programme *p, unsigned per_part, bool skip)
{
    double part = PART_S * per_part;
    uint32_t from = skip ? skipped(p) : 0;
    say(t, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%d\n#EXT-X-PLAYLIST-TYPE:EVENT\n", from ? 9 : 6, PROGRAMME_TARGET_S);
    if (!p->ended)
        say(t, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=%.3f,CAN-SKIP-UNTIL=%d\n#EXT-X-PART-INF:PART-TARGET=%.3f\n", part * HOLD_BACK,
            SKIP_UNTIL_S, part);
    say(t, "#EXT-X-MEDIA-SEQUENCE:0\n");
    if (from) say(t, "#EXT-X-SKIP:SKIPPED-SEGMENTS=%u\n", from);
    for (uint32_t i = from; i < p->n_segments; i++)
        say_segment(t, p, i, per_part, i == 0);
    uint32_t last = p->n_segments ? (uint32_t)p->n_segments - 1 : 0;
    if (p->ended) say(t, "#EXT-X-ENDLIST\n");
    else say(t, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-%u.%zu.%u.m4s\"\n", last, p->n_segments ? programme_parts(p, last, per_part) : 0, per_part);
}

struct share *programme_playlist(struct programme *p, unsigned per_part, bool skip)
{
    p->taken++;
    struct share **kept = &p->playlists[per_part][skip];
    struct text t = {0};
    if (*kept) return *kept;
    print(&t, p, per_part, skip);
    *kept = t.at ? share_new(t.at, t.len) : NULL;
    free(t.at);
    return *kept;
}
