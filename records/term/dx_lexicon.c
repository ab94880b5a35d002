/* Loading the words: four tables, one trie. */
#include "records/term/dx_lexicon.h"
#include "records/term/fold.h"
#include "server/base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_MAX 6
#define SLOTS_FIRST (1u << 16)

/* ---- characters ---- */

static const char *roman_letters(uint32_t c)
{
    static const char *const roman[] = {"i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"};
    if (c >= 0x2160 && c <= 0x216B)
        return roman[c - 0x2160];
    if (c >= 0x2170 && c <= 0x217B)
        return roman[c - 0x2170];
    return NULL;
}

static uint32_t plain(const struct dx *d, uint32_t c)
{
    if (c >= 0xFF01 && c <= 0xFF5E)
        c = c - 0xFF01 + '!';
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    c = hant_simple(d->hant, c);
    switch (c) {
    case 0x7C98: return 0x9EcF;          /* 粘 -> 黏 */
    case 0x8188: return 0x9694;          /* 膈 -> 隔: 纵膈 is how most charts write it */
    case 0x3000: case 0xA0: case '\t': case '\r': return ' ';
    case 0x2013: case 0x2014: case 0x2212: case '~': return '-';
    case 0x3014: case 0x3010: case '[': return '(';
    case 0x3015: case 0x3011: case ']': return ')';
    case 0xFF61: return 0x3002;
    case 0x3008: case 0x300A: case 0x201C: case 0x201D: case '"': return ' ';
    default: return c;
    }
}

static bool latin(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* "ca" by itself is how 癌 is written in haste; CA125 and cancer are not it. */
static void cancer_letters(struct dx_chars *out)
{
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++, n++) {
        out->c[n] = out->c[i];
        out->at[n] = out->at[i];
        out->sign[n] = out->sign[i];
        if (out->c[i] == 'c' && i + 1 < out->n && out->c[i + 1] == 'a' && (i == 0 || !latin(out->c[i - 1])) &&
            (i + 2 == out->n || (!latin(out->c[i + 2]) && out->c[i + 2] != '-'))) {
            out->c[n] = 0x764C;
            i++;
        }
    }
    out->at[n] = out->at[out->n];
    out->n = n;
}

void dx_chars(const struct dx *d, const char *text, size_t len, struct dx_chars *out)
{
    const char *p = text, *end = text + (len < 60000 ? len : 60000);
    out->n = 0;
    while (p < end && out->n < DX_LINE_MAX) { /* a Roman sign may write four more: the arrays have room */
        uint16_t at = (uint16_t)(p - text);
        uint32_t c = utf8_next(&p, end);
        const char *roman = roman_letters(c);
        for (; roman && *roman; roman++) {
            out->c[out->n] = (uint32_t)*roman;
            out->sign[out->n] = true;
            out->at[out->n++] = at;
        }
        c = plain(d, c);
        if (!roman_letters(c) && c != 0x200B && c != 0xFEFF) {
            out->c[out->n] = c;
            out->sign[out->n] = false;
            out->at[out->n++] = at;
        }
    }
    out->at[out->n] = (uint16_t)(p - text);
    cancer_letters(out);
}

/* ---- trie ---- */

static size_t slot_of(const struct dx *d, uint64_t key)
{
    uint64_t h = key * 0x9E3779B97F4A7C15ull;
    size_t i = (size_t)(h >> 32) & (d->n_slots - 1);
    while (d->slots[i].key && d->slots[i].key != key)
        i = (i + 1) & (d->n_slots - 1);
    return i;
}

static uint64_t key_of(uint32_t node, uint32_t c)
{
    return (uint64_t)(node + 1) << 21 | c;
}

static int grow(struct dx *d)
{
    struct slot_ *old = d->slots;
    size_t n_old = d->n_slots;
    d->n_slots = n_old ? n_old * 2 : SLOTS_FIRST;
    d->slots = calloc(d->n_slots, sizeof *d->slots);
    if (!d->slots) {
        d->slots = old;
        d->n_slots = n_old;
        return ERR_INTERNAL;
    }
    for (size_t i = 0; i < n_old; i++)
        if (old[i].key)
            d->slots[slot_of(d, old[i].key)] = old[i];
    free(old);
    return 0;
}

static int new_node(struct dx *d)
{
    if (d->n_nodes == d->cap_nodes) {
        size_t cap = d->cap_nodes ? d->cap_nodes * 2 : 1 << 15;
        uint32_t *more = realloc(d->values, cap * sizeof *more);
        if (!more)
            return ERR_INTERNAL;
        d->values = more;
        d->cap_nodes = cap;
    }
    d->values[d->n_nodes++] = 0;
    return 0;
}

static uint32_t child_of(const struct dx *d, uint32_t node, uint32_t c)
{
    return d->slots[slot_of(d, key_of(node, c))].node; /* 0: none, the root is no child */
}

/* The node of this spelling, made where missing; 0 on want of memory. */
static uint32_t path_to(struct dx *d, const struct dx_chars *t)
{
    uint32_t node = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (d->used * 2 >= d->n_slots && grow(d))
            return 0;
        size_t s = slot_of(d, key_of(node, t->c[i]));
        if (!d->slots[s].key) {
            if (new_node(d))
                return 0;
            d->slots[s] = (struct slot_){key_of(node, t->c[i]), (uint32_t)(d->n_nodes - 1)};
            d->used++;
        }
        node = d->slots[s].node;
    }
    return node;
}

static bool joined(const struct dx_chars *t, size_t left)
{
    return latin(t->c[left]) && latin(t->c[left + 1]) && !t->sign[left] && !t->sign[left + 1];
}

/* A Latin spelling must not begin or end inside a Latin word; a stage may follow without a blank (NSCLCIIIA期). */
static bool cuts_word(const struct dx_chars *t, size_t from, size_t to)
{
    uint8_t number[4];
    if (from > 0 && joined(t, from - 1))
        return true;
    return to < t->n && joined(t, to - 1) && !dx_stage_at(t, to, number);
}

uint32_t dx_longest(const struct dx *d, const struct dx_chars *t, size_t i, size_t *end)
{
    uint32_t node = 0, best = 0;
    for (size_t k = i; k < t->n; k++) {
        node = child_of(d, node, t->c[k]);
        if (!node)
            break;
        if (d->values[node] && !cuts_word(t, i, k + 1)) {
            best = d->values[node];
            *end = k + 1;
        }
    }
    return best;
}

uint32_t dx_exact(const struct dx *d, const char *text, enum dx_class cls)
{
    struct dx_chars t;
    uint32_t node = 0;
    dx_chars(d, text, strlen(text), &t);
    for (size_t i = 0; i < t.n; i++)
        if (!(node = child_of(d, node, t.c[i])))
            return 0;
    for (uint32_t l = d->values[node]; l; l = d->lexemes[l].next)
        if (d->lexemes[l].cls == cls)
            return l;
    return 0;
}

/* ---- tables ---- */

static const char *keep(struct dx *d, const char *text)
{
    if (d->n_strings == d->cap_strings) {
        size_t cap = d->cap_strings ? d->cap_strings * 2 : 1024;
        char **more = realloc(d->strings, cap * sizeof *more);
        if (!more)
            return NULL;
        d->strings = more;
        d->cap_strings = cap;
    }
    char *copy = strdup(text);
    if (copy)
        d->strings[d->n_strings++] = copy;
    return copy;
}

/* Adds a spelling of the lexeme; a spelling may have several readings, the earlier first. The same class twice: the first stays. */
static int add_spelling(struct dx *d, const struct lexeme *x, const char *spelling)
{
    struct dx_chars t;
    dx_chars(d, spelling, strlen(spelling), &t);
    if (t.n == 0)
        return 0;
    uint32_t node = path_to(d, &t);
    if (!node)
        return ERR_INTERNAL;
    if (d->n_lexemes == d->cap_lexemes) {
        size_t cap = d->cap_lexemes ? d->cap_lexemes * 2 : 4096;
        struct lexeme *more = realloc(d->lexemes, cap * sizeof *more);
        if (!more)
            return ERR_INTERNAL;
        d->lexemes = more;
        d->cap_lexemes = cap;
    }
    uint32_t *at = &d->values[node];
    while (*at) {
        if (d->lexemes[*at].cls == x->cls)
            return 0;
        at = &d->lexemes[*at].next;
    }
    *at = (uint32_t)d->n_lexemes;
    d->lexemes[d->n_lexemes] = *x;
    d->lexemes[d->n_lexemes++].next = 0;
    return 0;
}

static int add_spellings(struct dx *d, const struct lexeme *x, const char *first, char *others)
{
    int rc = first ? add_spelling(d, x, first) : 0;
    char *rest = others;
    for (char *one; !rc && rest && (one = strsep(&rest, "|"));)
        rc = *one ? add_spelling(d, x, one) : 0;
    return rc;
}

static uint16_t organ_named(const struct dx *d, const char *name)
{
    for (size_t i = 0; i < d->n_organs; i++)
        if (strcmp(d->organs[i].name, name) == 0)
            return (uint16_t)i;
    return DX_NONE;
}

static uint16_t flags_of(const char *text)
{
    static const struct {
        const char *word;
        uint16_t flag;
    } table[] = {{"pair", DX_PAIR}, {"bare", DX_BARE}, {"organ", DX_WITH_ORGAN}, {"side1", DX_SIDE1}, {"situ", DX_SITU},
                 {"inherit", DX_INHERIT}, {"modifier", DX_QUALIFIER}, {"tumour", DX_TUMOURLIKE}, {"generic", DX_GENERIC}};
    uint16_t flags = 0;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        flags |= strstr(text, table[i].word) ? table[i].flag : 0;
    return flags;
}

static int row_organ(struct dx *d, char **f)
{
    if (d->n_organs == DX_ORGANS_MAX)
        return ERR_STORAGE;
    struct organ *o = &d->organs[d->n_organs];
    *o = (struct organ){.name = keep(d, f[1]), .cancer = keep(d, f[2]), .pair = flags_of(f[4]) & DX_PAIR};
    snprintf(o->icd, sizeof o->icd, "%s", f[3]);
    char *part = strstr(f[4], "part=");
    if (part) {
        part[strcspn(part, "|")] = 0;
        o->part = keep(d, part + 5);
    }
    struct lexeme x = {.cls = DX_ORGAN, .name = o->name, .organ = (uint16_t)d->n_organs++};
    return o->name && o->cancer ? add_spellings(d, &x, f[1], f[5]) : ERR_INTERNAL;
}

static int row_part(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_PART, .name = keep(d, f[2]), .organ = organ_named(d, f[1]), .flags = flags_of(f[3])};
    return x.name && x.organ != DX_NONE ? add_spellings(d, &x, f[2], f[4]) : ERR_STORAGE;
}

static int row_lobe(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_LOBE, .name = keep(d, f[1]), .organ = DX_NONE};
    char *rest = f[2];
    for (char *one; (one = strsep(&rest, ","));) {
        uint16_t o = organ_named(d, one);
        if (o == DX_NONE)
            return ERR_STORAGE;
        x.organ = x.organ == DX_NONE ? o : x.organ;
        x.organs[o / 32] |= 1u << o % 32;
    }
    return x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
}

static int row_path(struct dx *d, char **f)
{
    char *alias = strstr(f[3], "alias=");
    struct lexeme x = {.cls = DX_PATH, .organ = f[2][0] ? organ_named(d, f[2]) : DX_NONE};
    x.flags = flags_of(f[3]);
    if (alias)
        alias[strcspn(alias, "|,")] = 0;
    x.name = keep(d, alias ? alias + 6 : f[1]);
    if (f[2][0] && x.organ == DX_NONE)
        return ERR_STORAGE;
    return x.name ? add_spellings(d, &x, f[1], f[4]) : ERR_INTERNAL;
}

static int row_whole(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_WHOLE, .name = keep(d, f[1]), .name2 = keep(d, f[3]), .organ = organ_named(d, f[2])};
    return x.name && x.name2 && x.organ != DX_NONE ? add_spellings(d, &x, NULL, f[4]) : ERR_STORAGE;
}

static int row_mod(struct dx *d, char **f)
{
    char *rest = f[1];
    struct lexeme x = {.cls = DX_MOD, .organ = DX_NONE};
    const char **names[] = {&x.name, &x.name2, &x.name3};
    for (size_t i = 0; i < 3; i++) {
        char *one = rest ? strsep(&rest, ",") : NULL;
        *names[i] = one ? keep(d, one) : NULL;
    }
    return x.name ? add_spellings(d, &x, x.name2 ? NULL : x.name, f[2]) : ERR_INTERNAL;
}

/* 垂体功能减退 is 垂体功能减退症 to those who write it. */
static int add_without_ending(struct dx *d, const struct lexeme *x)
{
    static const char ending[] = "症";
    size_t len = strlen(x->name), cut = len - strlen(ending);
    char name[256];
    if (len < 5 * strlen(ending) || len >= sizeof name || strcmp(x->name + cut, ending))
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)cut, x->name);
    return add_spelling(d, x, name);
}

static int row_disease(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_DISEASE, .name = keep(d, f[1]), .organ = DX_NONE, .flags = 0};
    snprintf(x.icd, sizeof x.icd, "%s", f[2]);
    int rc = x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
    return rc ? rc : add_without_ending(d, &x);
}

static int row_limb(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_LIMB, .name = keep(d, f[1]), .organ = DX_NONE, .icd = {f[2][0]}};
    return x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
}

static int row_head(struct dx *d, char **f)
{
    const char *kind = strstr(f[2], "injury=");
    struct lexeme x = {.cls = DX_HEAD, .name = keep(d, f[1]), .organ = DX_NONE, .flags = flags_of(f[2])};
    x.icd[0] = kind ? kind[strlen("injury=")] : 0;
    return x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
}

static int row_combo(struct dx *d, char **f)
{
    struct combo c = {.organ = organ_named(d, f[1]), .head = keep(d, f[2]), .name = keep(d, f[3])};
    if (c.organ == DX_NONE || !c.head || !c.name || d->n_combos == sizeof d->combos / sizeof *d->combos)
        return ERR_STORAGE;
    d->combos[d->n_combos++] = c;
    return 0;
}

static int row_side(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_SIDE, .name = keep(d, f[1]), .name2 = keep(d, f[2]), .organ = DX_NONE};
    return x.name && x.name2 ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
}

/* Rows that are a normal form and its spellings. */
static const struct {
    const char *word;
    enum dx_class cls;
} simple_rows[] = {
    {"site", DX_SITE}, {"region", DX_REGION}, {"type", DX_TYPE}, {"tumour", DX_TUMOUR}, {"meta", DX_META},
    {"metapre", DX_METAPRE}, {"metato", DX_METATO}, {"node", DX_NODE}, {"nodemeta", DX_NODEMETA}, {"quant", DX_QUANT},
    {"susppost", DX_SUSPPOST}, {"susppre", DX_SUSPPRE}, {"negpre", DX_NEGPRE}, {"negpost", DX_NEGPOST}, {"fampre", DX_FAMPRE},
    {"fampost", DX_FAMPOST}, {"has", DX_HAS}, {"skip", DX_SKIP}, {"stage", DX_STAGE}, {"join", DX_JOIN}, {"list", DX_LIST},
    {"comma", DX_COMMA}, {"strong", DX_STRONG}, {"thrombus", DX_THROMBUS}, {"form", DX_FORM},
};

static const struct {
    const char *word;
    int (*row)(struct dx *d, char **f);
} rows[] = {
    {"organ", row_organ}, {"part", row_part}, {"lobe", row_lobe}, {"side", row_side}, {"path", row_path}, {"whole", row_whole},
    {"mod", row_mod}, {"modtwo", row_mod}, {"modthree", row_mod}, {"disease", row_disease}, {"head", row_head}, {"combo", row_combo}, {"limb", row_limb},
};

static int load_row(struct dx *d, char **f)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(f[0], rows[i].word) == 0)
            return rows[i].row(d, f);
    for (size_t i = 0; i < sizeof simple_rows / sizeof *simple_rows; i++)
        if (strcmp(f[0], simple_rows[i].word) == 0) {
            struct lexeme x = {.cls = simple_rows[i].cls, .name = keep(d, f[1]), .organ = DX_NONE};
            return x.name ? add_spellings(d, &x, f[1], f[2]) : ERR_INTERNAL;
        }
    return ERR_STORAGE;
}

static int load_table(struct dx *d, const char *data_dir, const char *name)
{
    char path[600], line[8192];
    static char empty[1];
    int rc = 0;
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    FILE *in = fopen(path, "r");
    if (!in) {
        log_error("term", "cannot read %s: %s", path, strerror(errno));
        return ERR_STORAGE;
    }
    for (size_t n = 1; !rc && fgets(line, sizeof line, in); n++) {
        char *f[FIELDS_MAX] = {empty, empty, empty, empty, empty, empty}, *rest = line;
        line[strcspn(line, "\r\n")] = 0;
        if (!line[0] || line[0] == '#')
            continue;
        for (size_t i = 0; i < FIELDS_MAX && rest; i++)
            f[i] = strsep(&rest, "\t");
        rc = load_row(d, f);
        if (rc)
            log_error("term", "%s line %zu cannot be used", path, n);
    }
    fclose(in);
    return rc;
}

/* A disease whose name begins with an organ has it: 肾结石伴积水 is two diseases of the kidney. */
static void diseases_organs(struct dx *d)
{
    struct dx_chars t;
    for (size_t i = 1; i < d->n_lexemes; i++) {
        struct lexeme *x = &d->lexemes[i];
        if (x->cls != DX_DISEASE || x->organ != DX_NONE)
            continue;
        dx_chars(d, x->name, strlen(x->name), &t);
        uint32_t node = 0;
        for (size_t k = 0; k < t.n && (node = child_of(d, node, t.c[k])); k++)
            for (uint32_t l = d->values[node]; l; l = d->lexemes[l].next)
                if (d->lexemes[l].cls == DX_ORGAN)
                    x->organ = d->lexemes[l].organ;
    }
}

int dx_lexicon_load(struct dx *d, const char *data_dir)
{
    d->cap_lexemes = 4096;
    d->lexemes = calloc(d->cap_lexemes, sizeof *d->lexemes);
    if (!d->lexemes || grow(d) || new_node(d))
        return ERR_INTERNAL;
    d->n_lexemes = 1;
    int rc = hant_open(&d->hant, data_dir);
    rc = rc ? rc : load_table(d, data_dir, "dx_sites.tsv");
    rc = rc ? rc : load_table(d, data_dir, "dx_words.tsv");
    rc = rc ? rc : load_table(d, data_dir, "dx_diseases.tsv");
    d->skin = organ_named(d, "皮肤");
    if (!rc)
        diseases_organs(d);
    return rc;
}

/* Is this name read well enough by the grammar? A cancer always is: its name is built from its parts. Several diseases in one name
 * (肾结石伴有积水) are told apart on purpose. */
static bool reads_by_itself(const struct dx *d, const char *name, const char *category)
{
    static _Thread_local struct dx_token tokens[DX_TOKENS_MAX];
    static _Thread_local struct dx_chars t;
    static _Thread_local struct dx_result r;
    dx_chars(d, name, strlen(name), &t);
    size_t n = dx_scan(d, &t, tokens);
    bool several = false;
    size_t unknown = 0;
    for (size_t i = 0; i < n; i++) {
        unknown += tokens[i].cls == DX_UNKNOWN;
        several |= tokens[i].cls == DX_JOIN || tokens[i].cls == DX_LIST || tokens[i].cls == DX_COMMA;
    }
    dx_normalise(d, name, strlen(name), &r);
    bool parted = false;
    for (size_t i = 0; i < r.n_steps; i++)
        parted |= strcmp(r.steps[i].rule, "parted") == 0;
    if (r.n == 0 || unknown > parted)
        return false;
    return (r.n > 1 && several) || strcmp(r.diagnoses[0].icd10, category) == 0 || r.diagnoses[0].icd10[0] == 'C';
}

int dx_lexicon_add_icd10(struct dx *d)
{
    size_t n = icd10_count(d->icd10);
    uint8_t *keep_it = calloc(n, 1);
    int rc = keep_it ? 0 : ERR_INTERNAL;
    for (size_t i = 0; !rc && i < n; i++) {
        struct icd10_hit hit;
        char name[256], category[4];
        icd10_at(d->icd10, i, &hit);
        if (hit.name_len >= 90 || hit.name_len < 4 || hit.code_len < 3 || (hit.code[0] >= 'V' && hit.code[0] <= 'Y'))
            continue; /* V to Y are causes from outside, not diseases */
        snprintf(name, sizeof name, "%.*s", (int)hit.name_len, hit.name);
        snprintf(category, sizeof category, "%.3s", hit.code);
        keep_it[i] = !reads_by_itself(d, name, category);
    }
    size_t first = d->n_lexemes;
    for (size_t i = 0; !rc && i < n; i++) {
        struct icd10_hit hit;
        char name[256];
        if (!keep_it[i])
            continue;
        icd10_at(d->icd10, i, &hit);
        snprintf(name, sizeof name, "%.*s", (int)hit.name_len, hit.name);
        struct lexeme x = {.cls = DX_DISEASE, .name = keep(d, name), .organ = DX_NONE, .flags = DX_FROM_ICD};
        snprintf(x.icd, sizeof x.icd, "%.3s", hit.code);
        rc = x.name ? add_spelling(d, &x, name) : ERR_INTERNAL;
        rc = rc ? rc : add_without_ending(d, &x);
    }
    free(keep_it);
    if (!rc && d->n_lexemes > first)
        diseases_organs(d);
    return rc;
}

void dx_lexicon_free(struct dx *d)
{
    for (size_t i = 0; i < d->n_strings; i++)
        free(d->strings[i]);
    free(d->strings);
    free(d->lexemes);
    free(d->slots);
    free(d->values);
    hant_close(d->hant);
}
