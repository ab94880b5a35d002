#include "records/mpi/tables.h"
#include "records/term/fold.h"
#include "records/term/pinyin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BMP 0x10000
#define SYLLABLES_MAX 512
#define DOUBLES_MAX 128

struct mpi_tables {
    struct pinyin *pinyin;
    uint16_t simplified[BMP]; /* 0 = itself */
    uint16_t syllable[BMP];   /* 0 = none */
    uint16_t family[BMP];     /* the reading as a surname */
    uint16_t corners[BMP];    /* Four Corner code + 1; 0 = not known */
    uint16_t phonetic[BMP]; /* characters written with one phonetic component (余, 徐); 0 = not known */
    uint8_t strokes[BMP];
    char letters[SYLLABLES_MAX][8];
    size_t n_letters;
    uint32_t doubles[DOUBLES_MAX]; /* two characters packed */
    size_t n_doubles;
};

bool mpi_is_han(uint32_t c)
{
    return (c >= 0x3400 && c <= 0x9FFF) || c == 0x3007;
}

/* Latin-1 and Latin Extended-A letters without their accents; what is not a letter there stays. */
static uint32_t bare_letter(uint32_t c)
{
    static const char latin1[] = "aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo/ouuuuypy";
    static const char extended[] = "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssss"
                                   "ttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    if (c >= 0xC0 && c <= 0xFF)
        return (unsigned char)latin1[c - 0xC0];
    if (c >= 0x100 && c < 0x100 + sizeof extended - 1)
        return (unsigned char)extended[c - 0x100];
    return c;
}

uint32_t mpi_fold(const struct mpi_tables *t, uint32_t c)
{
    if (c >= 0xFF01 && c <= 0xFF5E)
        c = c - 0xFF01 + '!';
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c == '\t' || c == '\r' || c == '\n' ? ' ' : c;
    if (c == 0xA0 || c == 0x3000 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F)
        return ' ';
    if ((c >= 0x200B && c <= 0x200F) || c == 0xFEFF || c == 0xFFFD || c == 0xAD)
        return 0;
    if (c == 0xB7 || c == 0x2022 || c == 0x2027 || c == 0x30FB || c == 0x2219 || c == 0x22C5 || c == 0x16EB || c == 0x387 || c == 0x25CF)
        return 0xB7;
    if (c < BMP && t->simplified[c])
        return t->simplified[c];
    return bare_letter(c);
}

static uint16_t syllable_number(struct mpi_tables *t, const char *letters)
{
    for (size_t i = 1; i < t->n_letters; i++)
        if (strcmp(t->letters[i], letters) == 0)
            return (uint16_t)i;
    if (t->n_letters == SYLLABLES_MAX)
        return 0;
    snprintf(t->letters[t->n_letters], sizeof t->letters[0], "%s", letters);
    return (uint16_t)t->n_letters++;
}

uint16_t mpi_syllable(const struct mpi_tables *t, uint16_t c, bool family)
{
    return family ? t->family[c] : t->syllable[c];
}

const char *mpi_letters(const struct mpi_tables *t, uint16_t syllable)
{
    return syllable < t->n_letters ? t->letters[syllable] : "";
}

bool mpi_look_alike(const struct mpi_tables *t, uint16_t a, uint16_t b)
{
    int x = t->corners[a], y = t->corners[b], same = 0, strokes = abs(t->strokes[a] - t->strokes[b]);
    if (!x || !y)
        return false;
    if (t->phonetic[a] && t->phonetic[a] == t->phonetic[b])
        return strokes <= 4;
    x--;
    y--;
    for (int i = 0; i < 4; i++, x /= 10, y /= 10)
        same += x % 10 == y % 10;
    return same >= 3 && strokes <= 3;
}

bool mpi_double_surname(const struct mpi_tables *t, uint16_t first, uint16_t second)
{
    uint32_t both = (uint32_t)first << 16 | second;
    for (size_t i = 0; i < t->n_doubles; i++)
        if (t->doubles[i] == both)
            return true;
    return false;
}

/* ---- loading ---- */

static void take_simplified(struct mpi_tables *t, const char *from, const char *value)
{
    const char *a = from, *b = value;
    uint32_t x = utf8_next(&a, from + strlen(from)), y = utf8_next(&b, value + strlen(value));
    if (x < BMP && y < BMP)
        t->simplified[x] = (uint16_t)y;
}

static void take_glyph(struct mpi_tables *t, const char *from, const char *value)
{
    const char *a = from;
    uint32_t c = utf8_next(&a, from + strlen(from));
    unsigned corners, strokes, phonetic;
    if (c < BMP && sscanf(value, "%4u %2u %4u", &corners, &strokes, &phonetic) == 3) {
        t->phonetic[c] = (uint16_t)phonetic;
        t->corners[c] = (uint16_t)(corners + 1);
        t->strokes[c] = (uint8_t)strokes;
    }
}

static void take_surname(struct mpi_tables *t, const char *from, const char *value)
{
    const char *a = from, *end = from + strlen(from);
    uint32_t first = mpi_fold(t, utf8_next(&a, end)), second = a < end ? mpi_fold(t, utf8_next(&a, end)) : 0;
    if (first >= BMP || second >= BMP)
        return;
    if (second && t->n_doubles < DOUBLES_MAX)
        t->doubles[t->n_doubles++] = first << 16 | second;
    if (!second && t->family[first] == t->syllable[first]) /* of two readings the first is the frequent one */
        t->family[first] = syllable_number(t, value);
}

static int read_table(struct mpi_tables *t, const char *dir, const char *name,
                      void (*take)(struct mpi_tables *t, const char *from, const char *value))
{
    char path[600], line[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return ERR_STORAGE;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        char *tab = strchr(line, '\t');
        if (!tab)
            continue;
        *tab = 0;
        take(t, line, tab + 1);
    }
    fclose(f);
    return 0;
}

static void number_syllables(struct mpi_tables *t)
{
    t->n_letters = 1;
    for (uint32_t c = 0x3007; c < 0xA000; c++) {
        const char *letters = pinyin_syllable(t->pinyin, c);
        if (letters)
            t->family[c] = t->syllable[c] = syllable_number(t, letters);
    }
}

int mpi_tables_open(struct mpi_tables **out, const char *data_dir, struct fault *f)
{
    struct mpi_tables *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    int rc = pinyin_open(&t->pinyin, data_dir);
    rc = rc ? rc : read_table(t, data_dir, "hant.tsv", take_simplified);
    rc = rc ? rc : read_table(t, data_dir, "glyphs.tsv", take_glyph);
    if (rc == 0) {
        number_syllables(t);
        rc = read_table(t, data_dir, "surnames.tsv", take_surname);
    }
    if (rc) {
        mpi_tables_close(t);
        return fault_set(f, rc, "tables", "The tables of the patient index in %.180s cannot be read.", data_dir);
    }
    *out = t;
    return 0;
}

void mpi_tables_close(struct mpi_tables *t)
{
    if (t)
        pinyin_close(t->pinyin);
    free(t);
}
