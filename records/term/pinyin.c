#include "records/term/pinyin.h"
#include "records/term/fold.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SYLLABLES_MAX 512
#define SURNAMES_MAX 256

struct surname {
    char text[10], reading[14]; /* one or two characters */
    size_t n;                   /* bytes of text: three or more */
};

struct pinyin {
    size_t n, n_syllables, n_surnames;
    uint32_t *characters; /* sorted */
    uint16_t *readings;   /* index into syllables */
    char syllables[SYLLABLES_MAX][7]; /* sorted after loading */
    struct surname surnames[SURNAMES_MAX];
};

struct pair {
    uint32_t character;
    char syllable[7];
};

static int by_character(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return (x->character > y->character) - (x->character < y->character);
}

static int by_syllable(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Lines of "text<TAB>letters"; others are skipped. */
static int read_lines(const char *dir, const char *name, bool (*take)(void *ctx, const char *text, const char *letters),
                      void *ctx)
{
    char path[600], line[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    if (!f) {
        log_error("term", "cannot read %s", path);
        return ERR_STORAGE;
    }
    bool more = true;
    while (more && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab)
            continue;
        *tab = 0;
        more = take(ctx, line, tab + 1);
    }
    fclose(f);
    return more ? 0 : ERR_STORAGE;
}

struct pairs {
    struct pair *items;
    size_t n, cap;
};

static bool take_pair(void *ctx, const char *text, const char *letters)
{
    struct pairs *p = ctx;
    const char *s = text;
    if (strlen(letters) > 6)
        return true;
    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8500;
        struct pair *grown = realloc(p->items, cap * sizeof *grown);
        if (!grown)
            return false;
        p->items = grown;
        p->cap = cap;
    }
    struct pair *item = &p->items[p->n++];
    item->character = utf8_next(&s, text + strlen(text));
    snprintf(item->syllable, sizeof item->syllable, "%s", letters);
    return true;
}

static bool take_surname(void *ctx, const char *text, const char *letters)
{
    struct pinyin *p = ctx;
    struct surname *s = &p->surnames[p->n_surnames];
    if (p->n_surnames == SURNAMES_MAX || strlen(text) < 3 || strlen(text) >= sizeof s->text || strlen(letters) >= sizeof s->reading)
        return true;
    strcpy(s->text, text);
    strcpy(s->reading, letters);
    s->n = strlen(text);
    p->n_surnames++;
    return true;
}

static int syllable_index(const struct pinyin *p, const char *syllable, size_t len)
{
    size_t low = 0, high = p->n_syllables;
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = strncmp(p->syllables[mid], syllable, len);
        if (c == 0 && p->syllables[mid][len])
            c = 1;
        if (c == 0)
            return (int)mid;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

static int build(struct pinyin *p, struct pairs *pairs)
{
    char (*all)[7] = malloc(pairs->n * sizeof *all + 1);
    p->characters = malloc(pairs->n * sizeof *p->characters);
    p->readings = malloc(pairs->n * sizeof *p->readings);
    if (!all || !p->characters || !p->readings) {
        free(all);
        return ERR_INTERNAL;
    }
    for (size_t i = 0; i < pairs->n; i++)
        memcpy(all[i], pairs->items[i].syllable, 7);
    qsort(all, pairs->n, 7, by_syllable);
    for (size_t i = 0; i < pairs->n && p->n_syllables < SYLLABLES_MAX; i++)
        if (i == 0 || strcmp(all[i], all[i - 1]) != 0)
            memcpy(p->syllables[p->n_syllables++], all[i], 7);
    free(all);
    qsort(pairs->items, pairs->n, sizeof *pairs->items, by_character);
    for (size_t i = 0; i < pairs->n; i++) {
        int s = syllable_index(p, pairs->items[i].syllable, strlen(pairs->items[i].syllable));
        if (s < 0 || (p->n && p->characters[p->n - 1] == pairs->items[i].character))
            continue;
        p->characters[p->n] = pairs->items[i].character;
        p->readings[p->n++] = (uint16_t)s;
    }
    return 0;
}

int pinyin_open(struct pinyin **out, const char *data_dir)
{
    struct pinyin *p = calloc(1, sizeof *p);
    struct pairs pairs = {0};
    *out = NULL;
    if (!p)
        return ERR_INTERNAL;
    int rc = read_lines(data_dir, "pinyin.tsv", take_pair, &pairs);
    rc = rc ? rc : read_lines(data_dir, "pinyin_more.tsv", take_pair, &pairs);
    rc = rc ? rc : read_lines(data_dir, "surnames.tsv", take_surname, p);
    rc = rc ? rc : build(p, &pairs);
    free(pairs.items);
    if (rc)
        pinyin_close(p);
    else
        *out = p;
    return rc;
}

void pinyin_close(struct pinyin *p)
{
    if (!p)
        return;
    free(p->characters);
    free(p->readings);
    free(p);
}

const char *pinyin_syllable(const struct pinyin *p, uint32_t character)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (p->characters[mid] == character)
            return p->syllables[p->readings[mid]];
        if (p->characters[mid] < character)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

static void append(char *out, size_t cap, const char *text, size_t len)
{
    size_t n = out ? strlen(out) : 0;
    if (out && n + len < cap) {
        memcpy(out + n, text, len);
        out[n + len] = 0;
    }
}

void pinyin_text(const struct pinyin *p, const char *text, char *full, char *initials, size_t cap)
{
    const char *end = text + strlen(text);
    if (full)
        full[0] = 0;
    if (initials)
        initials[0] = 0;
    while (text < end) {
        uint32_t c = utf8_next(&text, end);
        const char *s = pinyin_syllable(p, c);
        char plain[8];
        if (!s && c < 0x10000) { /* letters and digits, full-width ones too */
            size_t n = utf8_put(c, plain);
            plain[n] = 0;
            char folded[8];
            text_fold(plain, n, folded, sizeof folded);
            bool keep = folded[0] && strspn(folded, "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(folded);
            append(full, cap, folded, keep ? strlen(folded) : 0);
            append(initials, cap, folded, keep ? strlen(folded) : 0);
        } else if (s) {
            append(full, cap, s, strlen(s));
            append(initials, cap, s, 1);
        }
    }
}

/* "ouyang" is two syllables: the initial of the second is found by splitting. */
static void surname_initials(const struct pinyin *p, const struct surname *s, char *out, size_t cap)
{
    if (!pinyin_split(p, s->reading, out, cap))
        snprintf(out, cap, "%c", s->reading[0]);
    size_t characters = 0;
    for (const char *c = s->text; *c; c++)
        characters += ((unsigned char)*c & 0xC0) != 0x80;
    if (characters == 1)
        out[1] = 0;
}

int pinyin_name(const struct pinyin *p, const char *name, struct pinyin_name out[2])
{
    int n = 0;
    size_t longest = 0;
    for (size_t i = 0; i < p->n_surnames; i++) {
        const struct surname *s = &p->surnames[i];
        size_t len = s->n;
        if (name[0] != s->text[0] || name[1] != s->text[1] || strncmp(name, s->text, len) != 0 || len < longest || (len > 4 && !name[len]))
            continue;
        if (len > longest)
            n = 0; /* 欧阳 beats 欧 */
        if (n == 2)
            continue;
        longest = len;
        char rest_full[128], rest_initials[128], first[8];
        pinyin_text(p, name + len, rest_full, rest_initials, sizeof rest_full);
        surname_initials(p, s, first, sizeof first);
        snprintf(out[n].full, sizeof out[n].full, "%s%.110s", s->reading, rest_full);
        snprintf(out[n].initials, sizeof out[n].initials, "%s%.40s", first, rest_initials);
        n++;
    }
    if (n == 0) {
        char full[128], initials[128];
        pinyin_text(p, name, full, initials, sizeof full);
        snprintf(out[0].full, sizeof out[0].full, "%s", full);
        snprintf(out[0].initials, sizeof out[0].initials, "%.47s", initials);
        n = full[0] != 0;
    }
    return n;
}

/* Longest syllable first, with going back: "xian" is one syllable, "xianan" must still split. */
static bool split_from(const struct pinyin *p, const char *typed, char *initials, size_t cap)
{
    if (!*typed) {
        *initials = 0;
        return true;
    }
    size_t left = strlen(typed);
    if (cap < 2)
        return false;
    for (size_t n = left < 6 ? left : 6; n > 0; n--)
        if (syllable_index(p, typed, n) >= 0 && split_from(p, typed + n, initials + 1, cap - 1)) {
            *initials = *typed;
            return true;
        }
    return false;
}

bool pinyin_split(const struct pinyin *p, const char *typed, char *initials, size_t cap)
{
    /* 40 letters bound the going back */
    return *typed && strlen(typed) <= 40 && split_from(p, typed, initials, cap);
}
