/* Reading the tables of words: config/data/dx_*.tsv, one kind of row a function. */
#include "records/term/dx_lexicon.h"
#include "server/base/log.h"
#include <errno.h>
#include <string.h>

#define FIELDS_MAX 6

static int add_spellings(struct dx *d, const struct lexeme *x, const char *first, char *others)
{
    int rc = first ? dx_lexicon_add(d, x, first) : 0;
    char *rest = others;
    for (char *one; !rc && rest && (one = strsep(&rest, "|"));)
        rc = *one ? dx_lexicon_add(d, x, one) : 0;
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
                 {"inherit", DX_INHERIT}, {"modifier", DX_QUALIFIER}, {"tumour", DX_TUMOURLIKE}, {"generic", DX_GENERIC}, {"soft", DX_SOFT}, {"own", DX_OWN}, {"benign", DX_BENIGN}, {"uncertain", DX_UNCERTAIN}};
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
    *o = (struct organ){.name = dx_lexicon_keep(d, f[1]), .cancer = dx_lexicon_keep(d, f[2]), .pair = flags_of(f[4]) & DX_PAIR};
    snprintf(o->icd, sizeof o->icd, "%s", f[3]);
    char *part = strstr(f[4], "part=");
    if (part) {
        part[strcspn(part, "|")] = 0;
        o->part = dx_lexicon_keep(d, part + 5);
    }
    struct lexeme x = {.cls = DX_ORGAN, .name = o->name, .organ = (uint16_t)d->n_organs++};
    return o->name && o->cancer ? add_spellings(d, &x, f[1], f[5]) : ERR_INTERNAL;
}

static int row_part(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_PART, .name = dx_lexicon_keep(d, f[2]), .organ = organ_named(d, f[1]), .flags = flags_of(f[3])};
    bool abbreviated = strstr(f[3], "abbr"); /* rul: its name is read by its parts */
    return x.name && x.organ != DX_NONE ? add_spellings(d, &x, abbreviated ? NULL : f[2], f[4]) : ERR_STORAGE;
}

static int row_lobe(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_LOBE, .name = dx_lexicon_keep(d, f[1]), .organ = DX_NONE};
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
    x.name = dx_lexicon_keep(d, alias ? alias + 6 : f[1]);
    if (f[2][0] && x.organ == DX_NONE)
        return ERR_STORAGE;
    return x.name ? add_spellings(d, &x, f[1], f[4]) : ERR_INTERNAL;
}

static int row_whole(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_WHOLE, .name = dx_lexicon_keep(d, f[1]), .name2 = dx_lexicon_keep(d, f[3]), .organ = organ_named(d, f[2])};
    return x.name && x.name2 && x.organ != DX_NONE ? add_spellings(d, &x, NULL, f[4]) : ERR_STORAGE;
}

static int row_mod(struct dx *d, char **f)
{
    char *rest = f[1];
    struct lexeme x = {.cls = DX_MOD, .organ = DX_NONE};
    const char **names[] = {&x.name, &x.name2, &x.name3};
    for (size_t i = 0; i < 3; i++) {
        char *one = rest ? strsep(&rest, ",") : NULL;
        *names[i] = one ? dx_lexicon_keep(d, one) : NULL;
    }
    return x.name ? add_spellings(d, &x, x.name2 ? NULL : x.name, f[2]) : ERR_INTERNAL;
}

/* A proof of the laboratory: diseases of the first category are of the second by it. */
static int row_proof(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_PROOF, .name = dx_lexicon_keep(d, f[1]), .name2 = dx_lexicon_keep(d, f[2]), .organ = DX_NONE};
    return x.name && x.name2 && strlen(f[1]) == 3 && strlen(f[2]) == 3 ? add_spellings(d, &x, NULL, f[3]) : ERR_STORAGE;
}

static int row_disease(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_DISEASE, .name = dx_lexicon_keep(d, f[1]), .organ = DX_NONE, .flags = 0};
    snprintf(x.icd, sizeof x.icd, "%s", f[2]);
    int rc = x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
    return rc ? rc : dx_lexicon_add_short(d, &x);
}

static int row_limb(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_LIMB, .name = dx_lexicon_keep(d, f[1]), .organ = DX_NONE, .icd = {f[2][0]}};
    return x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
}

static int row_head(struct dx *d, char **f)
{
    const char *kind = strstr(f[2], "injury=");
    struct lexeme x = {.cls = DX_HEAD, .name = dx_lexicon_keep(d, f[1]), .organ = DX_NONE, .flags = flags_of(f[2])};
    x.icd[0] = kind ? kind[strlen("injury=")] : 0;
    const char *skin = strstr(f[2], "skin=");
    x.name2 = skin ? dx_lexicon_keep(d, skin + strlen("skin=")) : NULL;
    return x.name ? add_spellings(d, &x, f[1], f[3]) : ERR_INTERNAL;
}

static int row_combo(struct dx *d, char **f)
{
    struct combo c = {.organ = organ_named(d, f[1]), .head = dx_lexicon_keep(d, f[2]), .name = dx_lexicon_keep(d, f[3])};
    if (c.organ == DX_NONE || !c.head || !c.name || d->n_combos == sizeof d->combos / sizeof *d->combos)
        return ERR_STORAGE;
    d->combos[d->n_combos++] = c;
    return 0;
}

static int row_joined(struct dx *d, char **f)
{
    struct joined x = {.categories = dx_lexicon_keep(d, f[1]), .said = dx_lexicon_keep(d, f[2]), .name = dx_lexicon_keep(d, f[3])};
    if (!x.categories || !x.said || !x.name || d->n_joined == sizeof d->joined / sizeof *d->joined)
        return ERR_STORAGE;
    d->joined[d->n_joined++] = x;
    return 0;
}

static int row_side(struct dx *d, char **f)
{
    struct lexeme x = {.cls = DX_SIDE, .name = dx_lexicon_keep(d, f[1]), .name2 = dx_lexicon_keep(d, f[2]), .organ = DX_NONE};
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
    {"comma", DX_COMMA}, {"strong", DX_STRONG}, {"thrombus", DX_THROMBUS}, {"form", DX_FORM}, {"cause", DX_CAUSE},
};

static const struct {
    const char *word;
    int (*row)(struct dx *d, char **f);
} rows[] = {
    {"organ", row_organ}, {"part", row_part}, {"lobe", row_lobe}, {"side", row_side}, {"path", row_path}, {"whole", row_whole},
    {"mod", row_mod}, {"modtwo", row_mod}, {"modthree", row_mod}, {"disease", row_disease}, {"head", row_head}, {"combo", row_combo}, {"joined", row_joined}, {"limb", row_limb}, {"proof", row_proof},
};

static int load_row(struct dx *d, char **f)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(f[0], rows[i].word) == 0)
            return rows[i].row(d, f);
    for (size_t i = 0; i < sizeof simple_rows / sizeof *simple_rows; i++)
        if (strcmp(f[0], simple_rows[i].word) == 0) {
            struct lexeme x = {.cls = simple_rows[i].cls, .name = dx_lexicon_keep(d, f[1]), .organ = DX_NONE};
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

int dx_tables_load(struct dx *d, const char *data_dir)
{
    int rc = load_table(d, data_dir, "dx_sites.tsv");
    rc = rc ? rc : load_table(d, data_dir, "dx_words.tsv");
    rc = rc ? rc : load_table(d, data_dir, "dx_diseases.tsv");
    d->skin = organ_named(d, "皮肤");
    d->bone = organ_named(d, "骨");
    return rc;
}
