#include "media/router/allocator.h"

#define SPARE_PERCENT 115  /* of what a form above the present one needs */
#define KEY_MS 600
#define KEY_BACK_MS 3000 /* where nothing is shown, a sharp picture after three seconds is better than none */
#define STAY_PERCENT 95
#define RETURN_PERCENT 125 /* of what a picture that was left out needs */

/* Forms of a picture from the least to the best. Half the frames of a larger picture come before all of them: text and findings are sharp
 * first and smooth then. */
static const struct form {
    int8_t layer;
    uint8_t tid;
} forms[] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 1}, {2, 2}};
#define FORMS ((int)(sizeof forms / sizeof *forms))

struct choice {
    int form; /* -1 = none */
    int now;  /* the form shown at present */
};

static bool exists(const struct allocator_stream *s, int form)
{
    return forms[form].layer <= s->most && (s->tids || forms[form].tid == ALLOCATOR_TIDS - 1);
}

static uint32_t bps_of(const struct allocator_stream *s, int form)
{
    return form < 0 ? 0 : s->bps[forms[form].layer][forms[form].tid];
}

/* The next better form; one that costs less than the present is no step up, it is skipped to what it leads to. */
static int above(const struct allocator_stream *s, int form)
{
    for (int f = form + 1; f < FORMS; f++)
        if (exists(s, f)) return f;
    return -1;
}

static int present(const struct allocator_stream *s)
{
    int found = -1;
    for (int f = 0; f < FORMS && s->layer >= 0; f++)
        if (exists(s, f) && (forms[f].layer < s->layer || (forms[f].layer == s->layer && forms[f].tid <= s->tid))) found = f;
    return found;
}

/* What must be free for a step: more than it costs when it leads above what is shown; what is shown may swell a little. */
static uint32_t needs(const struct allocator_stream *s, const struct choice *c, int form)
{
    uint64_t bps = bps_of(s, form);
    bps = bps * (form <= c->now ? STAY_PERCENT : c->now < 0 ? RETURN_PERCENT : SPARE_PERCENT) / 100;
    if (form > c->now && (c->now < 0 || forms[form].layer != forms[c->now].layer)) { /* its keyframe must pass soon enough */
        uint64_t key = (uint64_t)s->key_bytes[forms[form].layer] * 8 * 1000 / (c->now < 0 ? KEY_BACK_MS : KEY_MS);
        if (key > bps) bps = key;
    }
    return bps > UINT32_MAX ? UINT32_MAX : (uint32_t)bps;
}

static bool step(const struct allocator_stream *s, struct choice *c, uint32_t *left, bool may_rise)
{
    int next = above(s, c->form);
    uint32_t has = bps_of(s, c->form);
    if (next < 0 || (next > c->now && !may_rise)) return false;
    /* Frame rate first lost is size first gained: a step may be skipped when the one behind it fits. */
    for (int f = next; f >= 0; f = above(s, f)) {
        if (f > c->now && !may_rise) return false;
        if (needs(s, c, f) > has + *left) continue;
        uint32_t takes = bps_of(s, f);
        *left = takes > has + *left ? 0 : has + *left - takes;
        c->form = f;
        return true;
    }
    return false;
}

/* The streams of one value rise in turn, so that none of them starves another. */
static void raise(struct allocator_stream *s, struct choice *c, size_t n, uint8_t value, uint32_t *left, bool may_rise)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t i = 0; i < n; i++)
            if (s[i].value == value && c[i].form >= 0 && step(&s[i], &c[i], left, may_rise)) any = true;
    }
}

static int next_value(const struct allocator_stream *s, size_t n, int below)
{
    int best = -1;
    for (size_t i = 0; i < n; i++)
        if (s[i].value < below && s[i].value > best) best = s[i].value;
    return best;
}

static uint32_t best_bps(const struct allocator_stream *s)
{
    uint32_t most = 0;
    for (int f = 0; f < FORMS; f++)
        if (exists(s, f) && bps_of(s, f) > most) most = bps_of(s, f);
    return most;
}

static bool has_least(const struct allocator_stream *s, const struct choice *c, uint32_t left, bool may_rise)
{
    int least = above(s, -1);
    if (least < 0 || s->sure) return least >= 0;
    return needs(s, c, least) <= left && (least <= c->now || may_rise);
}

static uint32_t still_bps(const struct allocator_stream *s, unsigned ms)
{
    return (uint32_t)((uint64_t)s->key_bytes[0] * 8 * 1000 / ms);
}

static bool still(const struct allocator_stream *s, uint32_t *left)
{
    uint32_t bps = still_bps(s, ALLOCATOR_STILL_MS);
    if (!s->stills || !bps || bps > *left) return false;
    *left -= bps;
    return true;
}

struct allocator_result allocate(struct allocator_stream *s, size_t n, uint32_t bps, bool may_rise)
{
    struct choice c[ALLOCATOR_STREAMS];
    struct allocator_result r = {0};
    uint32_t left = bps;
    if (n > ALLOCATOR_STREAMS) n = ALLOCATOR_STREAMS;
    for (size_t i = 0; i < n; i++)
        c[i] = (struct choice){-1, present(&s[i])};
    for (int v = next_value(s, n, 256); v >= 0; v = next_value(s, n, v))
        for (size_t i = 0; i < n; i++) {
            int least = above(&s[i], -1);
            if (s[i].value != v) continue;
            bool whole = has_least(&s[i], &c[i], left, may_rise);
            s[i].stills = !whole && still(&s[i], &left);
            if (!whole) continue;
            c[i].form = least;
            left -= bps_of(&s[i], least) < left ? bps_of(&s[i], least) : left;
        }
    for (size_t i = 0; i < n; i++) {
        uint32_t more = c[i].form < 0 && s[i].stills ? still_bps(&s[i], ALLOCATOR_STILL_MS_MIN) - still_bps(&s[i], ALLOCATOR_STILL_MS) : 0;
        left -= more < left ? more : left;
    }
    for (int v = next_value(s, n, 256); v >= 0; v = next_value(s, n, v))
        raise(s, c, n, (uint8_t)v, &left, may_rise);
    for (size_t i = 0; i < n; i++) {
        s[i].layer = c[i].form < 0 ? -1 : forms[c[i].form].layer;
        s[i].tid = c[i].form < 0 ? 0 : forms[c[i].form].tid;
        r.used_bps += bps_of(&s[i], c[i].form);
        r.wanted_bps += best_bps(&s[i]);
    }
    r.left_bps = left;
    r.wanted_bps = (uint32_t)((uint64_t)r.wanted_bps * RETURN_PERCENT / 100);
    return r;
}
