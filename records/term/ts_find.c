/* A code for another's code (ts_find.h). */
#include "records/term/ts_find.h"
#include "records/term/fold.h"
#include "records/term/likeness.h"
#include "records/term/ts_store.h"
#include <stdlib.h>
#include <string.h>

bool ts_find_system(const struct ts *t, const char *url, const char **version)
{
    const struct ts_system *s = ts_system(t, url, "");
    *version = s ? s->version : "";
    return s != NULL;
}

bool ts_find_code(const struct ts *t, const char *url, const char *code, struct ts_hit *out)
{
    const struct ts_system *s = ts_system(t, url, "");
    int32_t at = s ? ts_concept(s, code) : -1;
    if (at < 0 || s->concepts[at].abstract)
        return false;
    *out = (struct ts_hit){s->concepts[at].code, s->concepts[at].display, 0};
    return true;
}

static const char *pair_of(const struct ts_map *m, const char *code)
{
    size_t low = 0, high = m->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = strcmp(m->pairs[mid].from, code);
        if (c == 0)
            return m->pairs[mid].to;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

const char *ts_find_mapped(const struct ts *t, const char *url, const char *code, const char *day)
{
    for (size_t i = 0; i < t->n_maps; i++) {
        const struct ts_map *m = &t->maps[i];
        if (!m->pairs || strcmp(m->target, url) || (*m->from_date && strcmp(day, m->from_date) < 0) || (*m->to_date && strcmp(day, m->to_date) > 0))
            continue;
        const char *to = pair_of(m, code);
        if (to)
            return to;
    }
    return NULL;
}

void ts_find_folded(const struct ts *t, const char *name, char *out, size_t cap)
{
    char simple[512];
    hant_text(t->hant, name, simple, sizeof simple);
    text_fold(simple, strlen(simple), out, cap);
}

/* ---- the best so far ---- */

struct best {
    struct ts_hit *hits;
    int rank[TS_FIND_MAX];
    size_t n, limit;
};

/* The greater rank first; of equals the one that came first, which is the smaller code. */
static void offer(struct best *b, int rank, const struct ts_concept *c, int alike)
{
    if (b->n == b->limit && (b->n == 0 || rank <= b->rank[b->n - 1]))
        return;
    size_t at = b->n < b->limit ? b->n++ : b->n - 1;
    for (; at > 0 && b->rank[at - 1] < rank; at--) {
        b->rank[at] = b->rank[at - 1];
        b->hits[at] = b->hits[at - 1];
    }
    b->rank[at] = rank;
    b->hits[at] = (struct ts_hit){c->code, c->display, alike};
}

size_t ts_find_words(const struct ts *t, const char *url, const char *typed, size_t limit, struct ts_hit *hits)
{
    const struct ts_system *s = ts_system(t, url, "");
    struct best best = {hits, {0}, 0, limit < TS_FIND_MAX ? limit : TS_FIND_MAX};
    struct ts_words w;
    ts_words(t, typed, &w);
    if (!s || w.n == 0)
        return 0;
    uint8_t *may = ts_candidates(s, &w);
    for (size_t i = 0; i < s->n; i++) {
        const struct ts_concept *c = &s->concepts[i];
        if (c->abstract || c->inactive || (may && !may[i]) || !ts_matches(c, &w))
            continue;
        bool whole = c->folded && (strcmp(c->folded, w.text[0]) == 0 || strcmp(c->initials, w.text[0]) == 0);
        bool begins = c->folded && (strncmp(c->folded, w.text[0], strlen(w.text[0])) == 0 || strncmp(c->initials, w.text[0], strlen(w.text[0])) == 0);
        offer(&best, (whole ? 2000 : begins ? 1000 : 0) - (int)strlen(c->display), c, 0); /* the plainest name first */
    }
    free(may);
    return best.n;
}

size_t ts_find_alike(const struct ts *t, const char *url, const char *name, int least, size_t limit, struct ts_hit *hits)
{
    const struct ts_system *s = ts_system(t, url, "");
    struct best best = {hits, {0}, 0, limit < TS_FIND_MAX ? limit : TS_FIND_MAX};
    struct likeness l;
    char folded[512];
    ts_find_folded(t, name, folded, sizeof folded);
    likeness_of(folded, &l);
    for (size_t i = 0; s && l.n && i < s->n; i++) {
        const struct ts_concept *c = &s->concepts[i];
        if (c->abstract || c->inactive || !c->folded)
            continue;
        int alike = likeness_with(&l, c->folded);
        if (alike >= least)
            offer(&best, alike, c, alike);
    }
    return best.n;
}
