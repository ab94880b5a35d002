#include "media/rtp/depend.h"
#include <string.h>

#define SWITCH 2u /* a decode target indication: from this frame on all of the target can be decoded */

struct bits {
    const uint8_t *p;
    size_t len, at; /* at: in bits */
    bool over;
};

static uint32_t take(struct bits *b, unsigned n)
{
    uint32_t v = 0;
    if (b->at + n > b->len * 8) {
        b->over = true;
        return 0;
    }
    for (; n; n--, b->at++)
        v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1u);
    return v;
}

/* ns(n): a number below n in as few bits as it needs. */
static uint32_t below(struct bits *b, uint32_t n)
{
    unsigned w = 0;
    for (uint32_t x = n; x; x >>= 1)
        w++;
    uint32_t m = (1u << w) - n, v = take(b, w - 1);
    return v < m ? v : (v << 1) - m + take(b, 1);
}

static bool read_layers(struct bits *b, struct depend_structure *s)
{
    uint8_t sid = 0, tid = 0;
    for (uint32_t next = 0; next != 3;) {
        if (s->n_templates == DEPEND_TEMPLATES || b->over) return false;
        s->templates[s->n_templates].sid = sid;
        s->templates[s->n_templates++].tid = tid;
        next = take(b, 2);
        if (next == 1) tid++;
        if (next == 2) sid++, tid = 0;
    }
    s->spatial = (uint8_t)(sid + 1);
    return true;
}

static void pass_differences(struct bits *b, const struct depend_structure *s)
{
    for (size_t i = 0; i < s->n_templates && !b->over; i++)
        while (take(b, 1))
            take(b, 4);
}

static void read_chains(struct bits *b, struct depend_structure *s)
{
    s->n_chains = (uint8_t)below(b, s->n_targets + 1u);
    if (!s->n_chains) return;
    for (size_t i = 0; i < s->n_targets; i++)
        below(b, s->n_chains);
    for (size_t i = 0; i < (size_t)s->n_templates * s->n_chains; i++)
        take(b, 4);
}

static uint32_t indication(uint64_t all, size_t target)
{
    return (uint32_t)(all >> (2 * target)) & 3u;
}

/* Which layers a target needs: the highest of the frames that it has. */
static void needs(const struct depend_structure *s, size_t target, uint8_t *sid, uint8_t *tid)
{
    *sid = *tid = 0;
    for (size_t i = 0; i < s->n_templates; i++) {
        if (!indication(s->templates[i].indications, target)) continue;
        if (s->templates[i].sid > *sid) *sid = s->templates[i].sid;
        if (s->templates[i].tid > *tid) *tid = s->templates[i].tid;
    }
}

static void sort_targets(struct depend_structure *s)
{
    uint8_t sid, tid, best[DEPEND_SIDS][DEPEND_TIDS] = {{0}};
    memset(s->target, DEPEND_TARGETS, sizeof s->target);
    for (size_t i = 0; i < s->n_targets; i++) {
        needs(s, i, &sid, &tid);
        for (uint8_t x = sid; x < DEPEND_SIDS; x++)
            for (uint8_t y = tid; y < DEPEND_TIDS; y++)
                if (s->target[x][y] == DEPEND_TARGETS || sid * DEPEND_TIDS + tid > best[x][y]) {
                    s->target[x][y] = (uint8_t)i;
                    best[x][y] = (uint8_t)(sid * DEPEND_TIDS + tid);
                }
    }
}

static bool read_structure(struct bits *b, struct depend_structure *s)
{
    memset(s, 0, sizeof *s);
    s->offset = (uint8_t)take(b, 6);
    s->n_targets = (uint8_t)(take(b, 5) + 1);
    if (!read_layers(b, s)) return false;
    for (size_t i = 0; i < s->n_templates; i++)
        for (size_t k = 0; k < s->n_targets; k++)
            s->templates[i].indications |= (uint64_t)take(b, 2) << (2 * k);
    pass_differences(b, s);
    read_chains(b, s);
    if (take(b, 1))
        for (size_t i = 0; i < s->spatial; i++)
            take(b, 32);
    if (b->over) return false;
    sort_targets(s);
    s->known = true;
    return true;
}

static uint16_t opened(const struct depend_structure *s, uint64_t indications)
{
    uint16_t opens = 0;
    for (unsigned sid = 0; sid < DEPEND_SIDS; sid++)
        for (unsigned tid = 0; tid < DEPEND_TIDS; tid++) {
            uint8_t t = s->target[sid][tid];
            if (t < s->n_targets && indication(indications, t) == SWITCH) opens |= (uint16_t)(1u << (sid * DEPEND_TIDS + tid));
        }
    return opens;
}

bool depend_read(struct depend_structure *s, const uint8_t *value, size_t len, struct depend *out)
{
    struct bits b = {value, len, 0, false};
    bool own = false;
    memset(out, 0, sizeof *out);
    if (len < 3) return false;
    out->starts = take(&b, 1);
    out->ends = take(&b, 1);
    uint32_t id = take(&b, 6);
    out->number = (uint16_t)take(&b, 16);
    if (len > 3) {
        out->has_structure = take(&b, 1);
        out->has_active = take(&b, 1);
        own = take(&b, 1);
        take(&b, 2); /* own differences and chains: they come last and are not needed */
        if (out->has_structure && !read_structure(&b, s)) {
            s->known = false;
            return false;
        }
    }
    if (!s->known) return false;
    out->active = s->n_targets == 32 ? UINT32_MAX : (1u << s->n_targets) - 1;
    if (out->has_active)
        for (size_t i = s->n_targets; i--;) /* A.8.2: the first bit is that of the last target */
            out->active = (out->active & ~(1u << i)) | take(&b, 1) << i;
    uint32_t index = (id + 64 - s->offset) % 64;
    if (index >= s->n_templates) return false;
    uint64_t indications = s->templates[index].indications;
    for (size_t k = 0; own && k < s->n_targets; k++)
        indications = (indications & ~(3ull << (2 * k))) | (uint64_t)take(&b, 2) << (2 * k);
    if (b.over) return false;
    out->sid = s->templates[index].sid;
    out->tid = s->templates[index].tid;
    out->opens = opened(s, indications);
    return true;
}
