/* dx_lexicon - the words the diagnosis normal form knows: surface spelling -> lexemes. Inside records/term only.
 * A trie over normalised characters, held in one open-addressed table of (node, character) -> node. Read-only once loaded.
 */
#ifndef YL_RECORDS_TERM_DX_LEXICON_H
#define YL_RECORDS_TERM_DX_LEXICON_H

#include "records/term/dx.h"
#include "records/term/hant.h"

enum dx_class {
    DX_UNKNOWN, DX_ORGAN, DX_PART, DX_LOBE, DX_SIDE, DX_SITE, DX_REGION, DX_TYPE, DX_PATH, DX_WHOLE, DX_TUMOUR, DX_META, DX_METAPRE,
    DX_METATO, DX_NODE, DX_NODEMETA, DX_QUANT, DX_MOD, DX_SUSPPOST, DX_SUSPPRE, DX_NEGPRE, DX_NEGPOST, DX_FAMPRE, DX_FAMPOST, DX_HAS,
    DX_SKIP, DX_STAGE, DX_JOIN, DX_LIST, DX_COMMA, DX_STRONG, DX_OPEN, DX_CLOSE, DX_SPACE, DX_DISEASE, DX_HEAD, DX_NUMBER_STAGE,
    DX_GRADE, DX_TNM, DX_VERTEBRA, DX_THROMBUS, DX_FORM, DX_LIMB, DX_PREGNANCY, DX_LETTER_STAGE, DX_PROOF,
    DX_TOOTH, DX_CAUSE
};

enum dx_flags {
    DX_PAIR = 1,      /* has a left and a right */
    DX_BARE = 2,      /* the lesion is named without its organ */
    DX_WITH_ORGAN = 4, /* the lesion is named side, organ, part: 左乳外上象限 */
    DX_SIDE1 = 8,     /* the lesion is named with one character of side: 左主支气管 */
    DX_SITU = 16,     /* carcinoma in situ */
    DX_INHERIT = 32,  /* an ending that takes the organ said before */
    DX_QUALIFIER = 64, /* an ending that, without an organ, qualifies the disease said before */
    DX_FROM_ICD = 128, /* a name of the insurance list */
    DX_TUMOURLIKE = 256, /* a pathology that is not called 癌: organ + name is the diagnosis */
    DX_OWN = 8192,       /* an ending: its category is its own, whatever the organ */
    DX_BENIGN = 1024, /* an ending: a benign tumour of its organ */
    DX_UNCERTAIN = 2048, /* an ending: a tumour of uncertain behaviour */
    DX_SOFT = 4096,      /* a pathology whose organ is another's where that one's cancer was said before: 宫颈癌（小细胞癌） */
    DX_GENERIC = 512 /* a pathology that a nearer one replaces: 非小细胞癌（腺癌） */
};

#define DX_NONE UINT16_MAX
#define DX_ORGANS_MAX 128

struct lexeme {
    const char *name, *name2, *name3; /* normal form; a modifier may stand for three */
    uint32_t next;                    /* another reading of the same spelling, 0 = none */
    uint16_t organ;                   /* index into organs, DX_NONE */
    uint16_t path;                    /* DX_WHOLE: lexeme of its pathology, as index + 0; 0 = none */
    uint16_t flags;
    uint8_t cls;
    char icd[4]; /* a limb's block of chapter XIX, an injury's kind, as one digit */
    uint32_t organs[4]; /* DX_LOBE: bits of the organs it may belong to (DX_ORGANS_MAX bits) */
};

struct organ {
    const char *name, *cancer, *part; /* part: the lesion it implies, NULL */
    char icd[4];
    bool pair;
};

struct slot_ {
    uint64_t key;
    uint32_t node;
};

struct dx {
    const struct icd10 *icd10;
    struct lexeme *lexemes; /* 0 is unused */
    size_t n_lexemes, cap_lexemes;
    struct organ organs[DX_ORGANS_MAX];
    size_t n_organs;
    uint16_t skin, bone; /* the organs of those names */
    struct slot_ *slots;
    size_t n_slots; /* power of two */
    size_t used;
    uint32_t *values; /* node -> lexeme */
    size_t n_nodes, cap_nodes;
    char **strings;
    size_t n_strings, cap_strings;
    struct hant *hant;
    struct combo {
        uint16_t organ;
        const char *head, *name;
    } combos[64];
    size_t n_combos;
    struct joined { /* a disease whose complication is named by itself behind it: 2型糖尿病伴肾病 */
        const char *categories, *said, *name;
    } joined[64];
    size_t n_joined;
    /* likeness: character pairs of every ICD-10 name, bucketed */
    uint32_t *gram_at; /* bucket -> first of its postings; DX_BUCKETS + 1 */
    uint16_t *grams;   /* entry numbers */
    uint8_t *gram_count; /* pairs in each entry's name */
};

#define DX_BUCKETS 65536

/* A normalised line: characters and where each came from. */
struct dx_chars {
    uint32_t c[DX_LINE_MAX + 16];
    uint16_t at[DX_LINE_MAX + 16]; /* byte offset; at[n] is the end */
    bool sign[DX_LINE_MAX + 16];   /* a letter that was a Roman numeral sign, a digit that is a list's number: a word begins */
    size_t n;
};

/* The character at i; 0 behind the end. */
static inline uint32_t dx_char(const struct dx_chars *t, size_t i)
{
    return i < t->n ? t->c[i] : 0;
}

static inline bool dx_is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

/* Letters are folded: small ones only. */
static inline bool dx_is_letter(uint32_t c)
{
    return c >= 'a' && c <= 'z';
}

/* Full width to ASCII, small letters, Roman signs to letters, traditional to simplified, 粘 to 黏, 膈 to 隔, ca to 癌. */
void dx_chars(const struct dx *d, const char *text, size_t len, struct dx_chars *out);
/* Length of a stage that begins at i (ⅢA期, IV, 4期, 三期, IB1-IIA期), 0 when there is none; `number` as in struct dx_token. */
size_t dx_stage_at(const struct dx_chars *t, size_t i, uint8_t number[4]);
/* Longest spelling that begins at i: its first lexeme, *end one behind it; 0 when none. */
uint32_t dx_longest(const struct dx *d, const struct dx_chars *t, size_t i, size_t *end);
/* The first lexeme whose spelling is characters from..to, or 0. */
uint32_t dx_between(const struct dx *d, const struct dx_chars *t, size_t from, size_t to);
/* The lexeme of this class whose spelling is exactly `text`, or 0. */
uint32_t dx_exact(const struct dx *d, const char *text, enum dx_class cls);

YL_CHECKED int dx_lexicon_load(struct dx *d, const char *data_dir);
/* Adds the names of the ICD-10 list and of its categories (icd10_category.tsv) that the grammar does not read by itself. */
YL_CHECKED int dx_lexicon_add_icd10(struct dx *d, const char *data_dir);
void dx_lexicon_free(struct dx *d);
/* A copy of the text that lives as long as the lexicon, NULL on want of memory. */
const char *dx_lexicon_keep(struct dx *d, const char *text);
/* Adds a spelling of the lexeme; a spelling may have several readings, the earlier first. The same class twice: the first stays. */
YL_CHECKED int dx_lexicon_add(struct dx *d, const struct lexeme *x, const char *spelling);
/* Adds the name without its last 症, or 形成 of 血栓形成, where it has one: 垂体功能减退 is 垂体功能减退症 to those who write it. */
YL_CHECKED int dx_lexicon_add_short(struct dx *d, const struct lexeme *x);

/* ---- dx_tables.c ---- */
YL_CHECKED int dx_tables_load(struct dx *d, const char *data_dir);

/* ---- dx_likeness.c ---- */
YL_CHECKED int dx_likeness_build(struct dx *d);
struct dx_like {
    uint32_t entry;
    uint16_t score; /* Dice coefficient of character pairs, per mille */
};
/* The `limit` most like names, best first; `category` (three characters) puts its own entries first, NULL for none. */
size_t dx_likeness(const struct dx *d, const char *name, const char *category, struct dx_like *best, size_t limit);

/* The category most of the nearest names have, "" for none. Returns the likeness of the nearest. */
unsigned dx_like_category(const struct dx *d, const char *name, char icd[4]);

/* ---- dx_scan.c ---- */
struct dx_token {
    uint32_t lexeme;     /* 0 for unknown text and numbers */
    uint16_t from, to;   /* characters */
    uint8_t cls;         /* of the first reading */
    bool taken;          /* read already as part of a metastasis */
    uint8_t number[4];   /* DX_NUMBER_STAGE: numeral, letter, digit, second numeral of a range; DX_LETTER_STAGE: where the letter stands */
};
#define DX_TOKENS_MAX (DX_LINE_MAX + 16)
uint32_t dx_vertebra_letter(uint32_t c);
/* ---- dx_teeth.c ---- */
/* Does the line speak of teeth? Only then are digits teeth. */
bool dx_of_teeth(const struct dx_chars *t);
/* The length of the tooth or list of teeth at character i, 0 = none; that of a list's number that stands right before a tooth. */
size_t dx_teeth_at(const struct dx_chars *t, size_t i);
size_t dx_teeth_numbering_at(const struct dx_chars *t, size_t i);

/* ---- dx_scan.c ---- */
/* Cuts the line into tokens. Returns how many. */
size_t dx_scan(const struct dx *d, const struct dx_chars *t, struct dx_token *tokens);
/* The reading of this class of the token, or NULL. */
const struct lexeme *dx_reading(const struct dx *d, const struct dx_token *k, enum dx_class cls);
#endif
