/* How like two names are: the share of neighbouring character pairs they have in common (Dice). Every pair of every ICD-10 name
 * lies in a bucket; a query counts, per entry, how many of its own pairs the entry has. */
#include "records/term/dx_lexicon.h"
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 62

static uint16_t bucket_of(uint32_t a, uint32_t b)
{
    return (uint16_t)((a * 0x9E3779B1u ^ b * 0x85EBCA6Bu) >> 13);
}

/* The distinct buckets of a name's pairs. Its beginning and its end count as characters: what a disease is stands last in its name. */
static size_t pairs_of(const struct dx *d, const char *name, size_t len, uint16_t pairs[PAIRS_MAX])
{
    struct dx_chars t;
    size_t n = 0;
    uint32_t last = '^';
    dx_chars(d, name, len, &t);
    for (size_t i = 0; i <= t.n && n < PAIRS_MAX; i++) {
        uint32_t c = i < t.n ? t.c[i] : '$';
        if (c == ' ' || c == '(' || c == ')' || (i == t.n && last == '^'))
            continue;
        uint16_t b = bucket_of(last, c);
        last = c;
        size_t k = 0;
        while (k < n && pairs[k] != b)
            k++;
        if (k == n)
            pairs[n++] = b;
    }
    return n;
}

static void place(struct dx *d, bool count)
{
    uint16_t pairs[PAIRS_MAX];
    for (size_t i = 0; i < icd10_count(d->icd10) && i < UINT16_MAX; i++) {
        struct icd10_hit hit;
        icd10_at(d->icd10, i, &hit);
        size_t n = pairs_of(d, hit.name, hit.name_len, pairs);
        d->gram_count[i] = (uint8_t)n;
        for (size_t k = 0; k < n; k++) {
            if (count)
                d->gram_at[pairs[k] + 1]++;
            else
                d->grams[d->gram_at[pairs[k]]++] = (uint16_t)i;
        }
    }
}

int dx_likeness_build(struct dx *d)
{
    d->gram_at = calloc(DX_BUCKETS + 2, sizeof *d->gram_at);
    d->gram_count = calloc(icd10_count(d->icd10) + 1, 1);
    if (!d->gram_at || !d->gram_count)
        return ERR_INTERNAL;
    place(d, true);
    for (size_t i = 0; i < DX_BUCKETS; i++)
        d->gram_at[i + 1] += d->gram_at[i];
    d->grams = malloc((d->gram_at[DX_BUCKETS] + 1) * sizeof *d->grams);
    if (!d->grams)
        return ERR_INTERNAL;
    place(d, false); /* moves every start to its end, which is the next bucket's start */
    memmove(d->gram_at + 1, d->gram_at, DX_BUCKETS * sizeof *d->gram_at);
    d->gram_at[0] = 0;
    return 0;
}

static void offer(struct dx_like *best, size_t *n, size_t limit, struct dx_like x)
{
    if (*n == limit && x.score <= best[*n - 1].score)
        return;
    size_t at = *n < limit ? (*n)++ : *n - 1;
    for (; at > 0 && best[at - 1].score < x.score; at--)
        best[at] = best[at - 1];
    best[at] = x;
}

size_t dx_likeness(const struct dx *d, const char *name, const char *category, struct dx_like *best, size_t limit)
{
    static _Thread_local uint8_t common[UINT16_MAX];
    uint16_t pairs[PAIRS_MAX];
    size_t n = 0, n_pairs = pairs_of(d, name, strlen(name), pairs), entries = icd10_count(d->icd10);
    memset(common, 0, entries < UINT16_MAX ? entries : UINT16_MAX);
    for (size_t k = 0; k < n_pairs; k++)
        for (uint32_t g = d->gram_at[pairs[k]]; g < d->gram_at[pairs[k] + 1]; g++)
            common[d->grams[g]]++;
    for (size_t i = 0; i < entries && i < UINT16_MAX && limit; i++) {
        if (!common[i])
            continue;
        unsigned score = 2000u * common[i] / (unsigned)(n_pairs + d->gram_count[i]);
        struct icd10_hit hit;
        if (category) {
            icd10_at(d->icd10, i, &hit);
            score += hit.code_len >= 3 && memcmp(hit.code, category, 3) == 0 ? 1000 : 0;
        }
        offer(best, &n, limit, (struct dx_like){(uint32_t)i, (uint16_t)score});
    }
    return n;
}

/* One name alone may mislead; the nearest few are right more often, the nearer the more. */
unsigned dx_like_category(const struct dx *d, const char *name, char icd[4])
{
    enum { VOTES = 5 };
    struct dx_like best[VOTES];
    char category[VOTES][4] = {0};
    uint64_t weight[VOTES] = {0}, most = 0;
    size_t n = dx_likeness(d, name, NULL, best, VOTES);
    icd[0] = 0;
    for (size_t i = 0; i < n; i++) {
        struct icd10_hit hit;
        icd10_at(d->icd10, best[i].entry, &hit);
        snprintf(category[i], sizeof category[i], "%.3s", hit.code);
        size_t k = 0;
        while (strcmp(category[k], category[i])) /* ends at i itself */
            k++;
        uint64_t s = best[i].score;
        if (hit.code[0] >= 'V' && hit.code[0] <= 'Y' && s < 1000)
            continue; /* causes from outside, not diseases */
        weight[k] += s * s * s * s;
        if (weight[k] > most || (i == 0 && s >= 1000)) {
            most = i == 0 && s >= 1000 ? UINT64_MAX : weight[k];
            strcpy(icd, category[k]);
        }
    }
    return n ? best[0].score : 0;
}
