#include "records/term/icd10.h"
#include "records/term/fold.h"
#include "server/base/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 4
#define WORD_BYTES 96

struct entry {
    uint32_t line;     /* offset in the mapped file */
    uint32_t folded;   /* offset in `folded` */
    uint32_t initials; /* offset in `initials` */
    uint8_t code_len, characters;
    uint16_t name_len;
};

struct icd10 {
    const struct pinyin *pinyin;
    char *map;
    size_t map_len;
    struct entry *entries; /* sorted by code: the file is */
    size_t n;
    char *folded;   /* "\n" before and after every folded name */
    char *initials; /* the same of the initials */
    size_t folded_len, initials_len;
};

enum word_kind { WORD_CODE, WORD_LATIN, WORD_TEXT };

struct word {
    enum word_kind kind;
    char text[WORD_BYTES]; /* folded; a code in capitals with its dot */
    size_t len;
    char syllables[48]; /* WORD_LATIN: initials of the typed pinyin, "" when it is not whole syllables */
};

/* lower rank = better: class, then the name's length, then the code's place */
enum { CLASS_EXACT, CLASS_BEGIN, CLASS_INSIDE, CLASS_NONE };

/* ---- loading ---- */

static int map_file(struct icd10 *x, const char *data_dir)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof path, "%s/icd10_nhsa.tsv", data_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) || st.st_size == 0 || st.st_size > 64 << 20) {
        log_error("term", "cannot read %s", path);
        if (fd >= 0)
            close(fd);
        return ERR_STORAGE;
    }
    x->map_len = (size_t)st.st_size;
    x->map = mmap(NULL, x->map_len, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (x->map == MAP_FAILED) {
        x->map = NULL;
        return ERR_STORAGE;
    }
    return 0;
}

static size_t count_characters(const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

static void add_entry(struct icd10 *x, const char *line, const char *tab, const char *end)
{
    struct entry *e = &x->entries[x->n++];
    char name[1024], initials[512];
    size_t len = (size_t)(end - tab - 1);
    e->line = (uint32_t)(line - x->map);
    e->code_len = (uint8_t)(tab - line);
    e->name_len = (uint16_t)len;
    e->folded = (uint32_t)x->folded_len;
    size_t n = text_fold(tab + 1, len, x->folded + x->folded_len, len + 64);
    e->characters = (uint8_t)(n ? count_characters(x->folded + e->folded, n) & 0xFF : 0);
    x->folded_len += n;
    x->folded[x->folded_len++] = '\n';
    snprintf(name, sizeof name, "%.*s", (int)len, tab + 1);
    pinyin_text(x->pinyin, name, NULL, initials, sizeof initials);
    e->initials = (uint32_t)x->initials_len;
    n = strlen(initials);
    memcpy(x->initials + x->initials_len, initials, n);
    x->initials_len += n;
    x->initials[x->initials_len++] = '\n';
}

static int build(struct icd10 *x)
{
    size_t lines = 0;
    for (size_t i = 0; i < x->map_len; i++)
        lines += x->map[i] == '\n';
    x->entries = malloc((lines + 1) * sizeof *x->entries);
    x->folded = malloc(x->map_len + lines * 2 + 1100); /* folding shortens, except Roman signs by at most one byte */
    x->initials = malloc(x->map_len + 2);
    if (!x->entries || !x->folded || !x->initials)
        return ERR_INTERNAL;
    x->folded[x->folded_len++] = '\n';
    x->initials[x->initials_len++] = '\n';
    const char *at = x->map, *end = x->map + x->map_len;
    while (at < end) {
        const char *eol = memchr(at, '\n', (size_t)(end - at));
        eol = eol ? eol : end;
        const char *tab = memchr(at, '\t', (size_t)(eol - at));
        if (tab && tab > at && tab - at < 64 && eol - tab > 1 && eol - tab < 900)
            add_entry(x, at, tab, eol);
        at = eol + 1;
    }
    char *small = realloc(x->initials, x->initials_len);
    x->initials = small ? small : x->initials;
    small = realloc(x->folded, x->folded_len);
    x->folded = small ? small : x->folded;
    return 0;
}

int icd10_open(struct icd10 **out, const char *data_dir, const struct pinyin *p)
{
    struct icd10 *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x)
        return ERR_INTERNAL;
    x->pinyin = p;
    int rc = map_file(x, data_dir);
    rc = rc ? rc : build(x);
    if (rc)
        icd10_close(x);
    else
        *out = x;
    return rc;
}

void icd10_close(struct icd10 *x)
{
    if (!x)
        return;
    if (x->map)
        munmap(x->map, x->map_len);
    free(x->entries);
    free(x->folded);
    free(x->initials);
    free(x);
}

size_t icd10_count(const struct icd10 *x)
{
    return x->n;
}

/* ---- one entry ---- */

static size_t folded_end(const struct icd10 *x, size_t i)
{
    return (i + 1 < x->n ? x->entries[i + 1].folded : x->folded_len) - 1;
}

static size_t initials_end(const struct icd10 *x, size_t i)
{
    return (i + 1 < x->n ? x->entries[i + 1].initials : x->initials_len) - 1;
}

static void hit_of(const struct icd10 *x, size_t i, struct icd10_hit *hit)
{
    const struct entry *e = &x->entries[i];
    hit->code = x->map + e->line;
    hit->code_len = e->code_len;
    hit->name = hit->code + e->code_len + 1;
    hit->name_len = e->name_len;
    hit->initials = x->initials + e->initials;
    hit->initials_len = initials_end(x, i) - e->initials;
}

static int class_in(const char *hay, size_t hay_len, const char *needle, size_t len)
{
    if (len > hay_len)
        return CLASS_NONE;
    if (memcmp(hay, needle, len) == 0)
        return len == hay_len ? CLASS_EXACT : CLASS_BEGIN;
    return memmem(hay, hay_len, needle, len) ? CLASS_INSIDE : CLASS_NONE;
}

/* Does the name, read from some character on, begin with the typed pinyin? */
static int class_pinyin(const struct icd10 *x, size_t i, const struct word *w)
{
    const struct entry *e = &x->entries[i];
    size_t len = strlen(w->syllables);
    const char *at = x->folded + e->folded, *end = x->folded + folded_end(x, i);
    if (class_in(x->initials + e->initials, initials_end(x, i) - e->initials, w->syllables, len) == CLASS_NONE)
        return CLASS_NONE;
    for (bool first = true; at < end; first = false) {
        const char *typed = w->text, *p = at;
        while (*typed && p < end) {
            const char *s = pinyin_syllable(x->pinyin, utf8_next(&p, end));
            size_t n = s ? strlen(s) : 0;
            if (!n || strncmp(typed, s, n) != 0)
                break;
            typed += n;
        }
        if (!*typed)
            return first ? (p == end ? CLASS_EXACT : CLASS_BEGIN) : CLASS_INSIDE;
        utf8_next(&at, end);
    }
    return CLASS_NONE;
}

static int class_of(const struct icd10 *x, size_t i, const struct word *w)
{
    const struct entry *e = &x->entries[i];
    const char *folded = x->folded + e->folded;
    if (w->kind == WORD_CODE) {
        const char *code = x->map + e->line;
        if (w->len > e->code_len || strncasecmp(code, w->text, w->len) != 0)
            return CLASS_NONE;
        return w->len == e->code_len ? CLASS_EXACT : CLASS_BEGIN;
    }
    int best = class_in(folded, folded_end(x, i) - e->folded, w->text, w->len);
    if (w->kind == WORD_TEXT)
        return best;
    int c = class_in(x->initials + e->initials, initials_end(x, i) - e->initials, w->text, w->len);
    best = c < best ? c : best;
    if (w->syllables[0] && best > CLASS_EXACT) {
        c = class_pinyin(x, i, w);
        best = c < best ? c : best;
    }
    return best;
}

/* ---- the query ---- */

static bool looks_like_code(const char *s)
{
    bool letter = (s[0] >= 'a' && s[0] <= 'z') && s[1] >= '0' && s[1] <= '9';
    return letter && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789.+*") == strlen(s);
}

static void make_word(const struct icd10 *x, const char *text, size_t len, struct word *w)
{
    memset(w, 0, sizeof *w);
    w->len = text_fold(text, len, w->text, sizeof w->text);
    if (looks_like_code(w->text)) {
        w->kind = WORD_CODE;
        if (w->len > 3 && !strchr(w->text, '.') && w->len + 1 < sizeof w->text) { /* I639 means I63.9 */
            memmove(w->text + 4, w->text + 3, w->len - 2);
            w->text[3] = '.';
            w->len++;
        }
    } else if (strspn(w->text, "abcdefghijklmnopqrstuvwxyz0123456789") == w->len) {
        w->kind = WORD_LATIN;
        if (w->len < 2 || !pinyin_split(x->pinyin, w->text, w->syllables, sizeof w->syllables))
            w->syllables[0] = 0;
    } else
        w->kind = WORD_TEXT;
}

static size_t make_words(const struct icd10 *x, const char *query, struct word words[WORDS_MAX])
{
    size_t n = 0;
    while (*query && n < WORDS_MAX) {
        query += strspn(query, " \t\r\n");
        size_t len = strcspn(query, " \t\r\n");
        if (len == 0)
            break;
        make_word(x, query, len, &words[n]);
        n += words[n].len > 0;
        query += len;
    }
    return n;
}

struct best {
    uint32_t rank[ICD10_LIMIT_MAX], index[ICD10_LIMIT_MAX];
    size_t n, limit;
};

static void offer(struct best *b, uint32_t rank, size_t i)
{
    if (b->n == b->limit && rank >= b->rank[b->n - 1])
        return;
    size_t at = b->n < b->limit ? b->n++ : b->n - 1;
    while (at > 0 && b->rank[at - 1] > rank) {
        b->rank[at] = b->rank[at - 1];
        b->index[at] = b->index[at - 1];
        at--;
    }
    b->rank[at] = rank;
    b->index[at] = (uint32_t)i;
}

size_t icd10_search(const struct icd10 *x, const char *query, size_t limit, struct icd10_hit *hits)
{
    struct word words[WORDS_MAX];
    struct best best = {.limit = limit < ICD10_LIMIT_MAX ? limit : ICD10_LIMIT_MAX};
    size_t n = make_words(x, query, words);
    if (n == 0 || best.limit == 0)
        return 0;
    for (size_t i = 0; i < x->n; i++) {
        int worst = CLASS_EXACT;
        for (size_t k = 0; k < n && worst != CLASS_NONE; k++) {
            int c = class_of(x, i, &words[k]);
            worst = c > worst ? c : worst;
        }
        if (worst == CLASS_NONE)
            continue;
        /* by code the list's own order is the useful one; by name the plainest disease first */
        uint32_t length = words[0].kind == WORD_CODE ? x->entries[i].code_len : x->entries[i].characters;
        offer(&best, (uint32_t)worst << 16 | (words[0].kind == WORD_CODE && worst ? 0 : length), i);
    }
    for (size_t i = 0; i < best.n; i++)
        hit_of(x, best.index[i], &hits[i]);
    return best.n;
}

void icd10_at(const struct icd10 *x, size_t i, struct icd10_hit *hit)
{
    hit_of(x, i, hit);
}

int icd10_find(const struct icd10 *x, const char *code, struct icd10_hit *hit)
{
    size_t low = 0, high = x->n, len = strlen(code);
    while (low < high) {
        size_t mid = (low + high) / 2;
        const struct entry *e = &x->entries[mid];
        size_t n = e->code_len < len ? e->code_len : len;
        int c = memcmp(x->map + e->line, code, n);
        c = c ? c : (int)e->code_len - (int)len;
        if (c == 0) {
            hit_of(x, mid, hit);
            return 1;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}
