#include "server/base/reel.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ID_EBML = 0x1a45dfa3, ID_SEGMENT = 0x18538067, ID_TRACKS = 0x1654ae6b, ID_CLUSTER = 0x1f43b675, ID_CUES = 0x1c53bb6b, ID_VOID = 0xec };
#define MAGIC "ylchain1"
#define MAGIC_BYTES 8
#define FIXED_BYTES 40

const char *reel_why_name(enum reel_why why)
{
    static const char *const names[REEL_WHY_COUNT] = {"", "network", "disk", "killed", "busy", "quiet", "source"};
    return why > 0 && why < REEL_WHY_COUNT ? names[why] : "";
}

/* ---- gaps ---- */
static void lengthen(struct reel_gap *to, const struct reel_gap *by)
{
    int64_t end = by->begin_ms + by->length_ms, before = to->begin_ms + to->length_ms;
    if (by->begin_ms < to->begin_ms)
        to->begin_ms = by->begin_ms;
    to->length_ms = (uint32_t)((end > before ? end : before) - to->begin_ms);
    to->lost_ms += by->lost_ms;
}

void reel_gaps_add(struct reel_gaps *gaps, const struct reel_gap *gap)
{
    struct reel_gap *same = NULL;
    for (size_t i = 0; i < gaps->n; i++)
        if (gaps->at[i].why == gap->why)
            same = &gaps->at[i];
    bool near = same && gap->begin_ms - (same->begin_ms + same->length_ms) <= REEL_MERGE_MS;
    if (!near && gaps->n < REEL_GAPS_MAX)
        gaps->at[gaps->n++] = *gap;
    else
        lengthen(same ? same : &gaps->at[gaps->n - 1], gap);
}

/* ---- numbers ---- */
static uint8_t *put(uint8_t *p, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
    return p + bytes;
}

static uint64_t get(const uint8_t *p, size_t bytes)
{
    uint64_t v = 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | p[i];
    return v;
}

/* ---- writing ---- */
size_t reel_link(struct reel_chain *c, const void *covered, size_t n, const struct reel_gaps *gaps, int64_t utc_ms, uint8_t out[REEL_LINK_MAX])
{
    struct sha256_state s;
    size_t len = FIXED_BYTES + gaps->n * REEL_GAP_BYTES + SHA256_BYTES;
    uint8_t *p = put(out, ID_VOID, 1);
    p = put(p, len | 0x0100000000000000u, 8);
    memcpy(p, MAGIC, MAGIC_BYTES);
    p = put(p + MAGIC_BYTES, c->next, 4);
    p = put(p, (uint64_t)utc_ms, 8);
    p = put(p, c->recording, 8);
    p = put(p, c->track, 8);
    p = put(p, gaps->n, 4);
    for (size_t i = 0; i < gaps->n; i++) {
        p = put(p, (uint64_t)gaps->at[i].begin_ms, 8);
        p = put(p, gaps->at[i].length_ms, 4);
        p = put(p, gaps->at[i].lost_ms, 4);
        p = put(p, gaps->at[i].why, 4);
    }
    sha256_init(&s);
    sha256_update(&s, c->last, SHA256_BYTES);
    if (n)
        sha256_update(&s, covered, n);
    sha256_update(&s, out, (size_t)(p - out));
    sha256_final(&s, p);
    memcpy(c->last, p, SHA256_BYTES);
    c->next++;
    return REEL_HEAD_BYTES + len;
}

/* ---- reading ---- */
bool reel_element(const struct reel_source *s, uint64_t at, uint32_t *id, uint64_t *size, uint64_t *body)
{
    uint8_t t[12] = {0};
    int64_t n = at < s->size ? s->read(s->ctx, at, t, sizeof t) : 0;
    if (n < 2 || !t[0])
        return false;
    int a = __builtin_clz((unsigned)t[0] << 24) + 1;
    if (a > 4 || a >= n || !t[a])
        return false;
    int b = __builtin_clz((unsigned)t[a] << 24) + 1;
    if (a + b > n)
        return false;
    *id = (uint32_t)get(t, (size_t)a);
    *size = get(t + a, (size_t)b) & (UINT64_MAX >> (64 - 7 * b));
    *body = at + (uint64_t)(a + b);
    return true;
}

struct walk {
    const struct reel_reader *r;
    struct reel_report *out;
    uint64_t from;    /* what the next link covers begins here; 0 = Tracks has not come */
    bool clusters;    /* one since the last link */
};

static int wrong(struct walk *w, uint64_t at, const char *what)
{
    w->out->wrong = what;
    w->out->wrong_at = at;
    return 0;
}

static int hash_range(const struct reel_source *s, uint64_t from, uint64_t to, struct sha256_state *state)
{
    uint8_t block[16384];
    while (from < to) {
        size_t want = to - from < sizeof block ? (size_t)(to - from) : sizeof block;
        int64_t n = s->read(s->ctx, from, block, want);
        if (n <= 0)
            return ERR_STORAGE;
        sha256_update(state, block, (size_t)n);
        from += (uint64_t)n;
    }
    return 0;
}

static void tell_gaps(struct walk *w, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++, p += REEL_GAP_BYTES) {
        struct reel_gap gap = {(int64_t)get(p, 8), (uint32_t)get(p + 8, 4), (uint32_t)get(p + 12, 4), (enum reel_why)get(p + 16, 4)};
        w->out->killed |= gap.why == REEL_KILLED;
        if (w->r->on_gap && gap.why > 0 && gap.why < REEL_WHY_COUNT)
            w->r->on_gap(w->r->ctx, &gap);
    }
}

static bool gaps_good(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++, p += REEL_GAP_BYTES)
        if (get(p, 8) > REEL_MS_MAX)
            return false;
    return true;
}

/* A link's content is in p; its element begins at `at` and ends at `end`. */
static int take_link(struct walk *w, const uint8_t *p, size_t len, uint64_t at, uint64_t end)
{
    struct reel_report *o = w->out;
    uint32_t number = (uint32_t)get(p + 8, 4);
    size_t n = (size_t)get(p + 36, 4);
    if (n > REEL_GAPS_MAX || len != FIXED_BYTES + n * REEL_GAP_BYTES + SHA256_BYTES || !gaps_good(p + FIXED_BYTES, n))
        return wrong(w, at, "a link is malformed");
    if (number != o->last.next)
        return wrong(w, at, "links are missing or out of order");
    if (number && (get(p + 20, 8) != o->recording || get(p + 28, 8) != o->track))
        return wrong(w, at, "a link of another recording");
    if (w->r->check) {
        struct sha256_state s;
        uint8_t hash[SHA256_BYTES];
        sha256_init(&s);
        sha256_update(&s, o->last.last, SHA256_BYTES);
        if (hash_range(&w->r->source, w->from, end - SHA256_BYTES, &s))
            return ERR_STORAGE;
        sha256_final(&s, hash);
        if (memcmp(hash, p + len - SHA256_BYTES, SHA256_BYTES) != 0)
            return wrong(w, w->from, "what is here is not what was recorded");
    }
    o->chained = true;
    o->links = number;
    o->recording = o->last.recording = get(p + 20, 8);
    o->track = o->last.track = get(p + 28, 8);
    o->utc_ms = (int64_t)get(p + 12, 8);
    o->last.next = number + 1;
    memcpy(o->last.last, p + len - SHA256_BYTES, SHA256_BYTES);
    o->end = w->from = end;
    w->clusters = false;
    tell_gaps(w, p + FIXED_BYTES, n);
    return 0;
}

/* A Void that is no link is padding: before Tracks it is the seek head's, elsewhere nobody of us put it there. */
static int take_void(struct walk *w, uint64_t at, uint64_t body, uint64_t size)
{
    uint8_t p[REEL_LINK_MAX];
    size_t len = size < sizeof p ? (size_t)size : 0;
    bool link = w->from && len >= FIXED_BYTES + SHA256_BYTES && w->r->source.read(w->r->source.ctx, body, p, len) == (int64_t)len &&
                memcmp(p, MAGIC, MAGIC_BYTES) == 0;
    if (link)
        return take_link(w, p, len, at, body + size);
    return w->out->chained ? wrong(w, at, "something between the links that nobody recorded") : 0;
}

static int take_element(struct walk *w, uint32_t id, uint64_t at, uint64_t body, uint64_t size)
{
    if (id == ID_VOID)
        return take_void(w, at, body, size);
    if (id == ID_TRACKS && !w->from) {
        w->from = at;
        return 0;
    }
    if (id == ID_CLUSTER) {
        w->clusters = true;
        return 0;
    }
    return w->out->chained ? wrong(w, at, "something between the links that nobody recorded") : 0;
}

int reel_read(const struct reel_reader *r, struct reel_report *out)
{
    struct walk w = {r, out, 0, false};
    uint32_t id;
    uint64_t size, body, at;
    int rc = 0;
    *out = (struct reel_report){0};
    if (!reel_element(&r->source, 0, &id, &size, &body) || id != ID_EBML || size > r->source.size)
        return wrong(&w, 0, "no WebM or Matroska file");
    if (!reel_element(&r->source, body + size, &id, &size, &at) || id != ID_SEGMENT)
        return wrong(&w, body + size, "no WebM or Matroska file");
    while (rc == 0 && !out->wrong && at < r->source.size) {
        if (!reel_element(&r->source, at, &id, &size, &body) || size > r->source.size || body + size > r->source.size)
            return wrong(&w, at, "torn here");
        if (id == ID_CUES)
            at = body + size < r->source.size ? (wrong(&w, body + size, "something behind the end"), at) : body + size;
        else {
            rc = take_element(&w, id, at, body, size);
            at = body + size;
        }
    }
    if (rc == 0 && !out->wrong && w.clusters && out->chained)
        wrong(&w, w.from, "fragments without a link");
    return rc;
}

static int64_t read_fd(void *ctx, uint64_t at, void *out, size_t n)
{
    return pread(*(int *)ctx, out, n, (off_t)at);
}

int reel_read_fd(int fd, bool check, void (*on_gap)(void *ctx, const struct reel_gap *gap), void *ctx, struct reel_report *out)
{
    struct stat st;
    if (fstat(fd, &st))
        return ERR_STORAGE;
    struct reel_reader r = {{read_fd, &fd, (uint64_t)st.st_size}, check, on_gap, ctx};
    return reel_read(&r, out);
}
