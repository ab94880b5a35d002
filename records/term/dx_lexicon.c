/* The words as one trie over normalised characters. */
#include "records/term/dx_lexicon.h"
#include "records/term/fold.h"
#include "server/base/log.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Marks the numbers of a list that begins with 1, though written on to what stands before or followed by a digit:
 * 1、2型DM2、COPD3、腔梗. */
static void list_numbers(struct dx_chars *t)
{
    uint32_t next = '1';
    for (size_t i = 0; i + 1 < t->n && next <= '9'; i++) {
        uint32_t before = i ? t->c[i - 1] : ' ', sign = t->c[i + 1], after = i + 2 < t->n ? t->c[i + 2] : 0;
        bool digit = after >= '0' && after <= '9', type = digit && i + 3 < t->n && t->c[i + 3] == 0x578B; /* 型 */
        if (t->c[i] != next || (next == '1' && before != ' ') || (before >= '0' && before <= '9') || before == '.' || before == 0x3001)
            continue;
        if (sign != 0x3001 && !(sign == '.' && (type || !digit)))
            continue;
        t->sign[i] = true;
        next++;
    }
}

/* "ca" by itself is how 癌 is written in haste; CA125, CA-125 and cancer are not it. A stage, a TNM or the next number of a list may follow. */
static bool ends_cancer(const struct dx_chars *t, size_t i)
{
    uint8_t number[4];
    uint32_t c = i < t->n ? t->c[i] : 0, next = i + 1 < t->n ? t->c[i + 1] : 0;
    bool tnm = c == 't' && ((next >= '0' && next <= '4') || next == 'x');
    bool course = c >= '0' && c <= '9' && (next == 0x5468 || next == 0x4E2A || next == 0x7A0B || next == 0x6B21); /* 周 个 程 次 */
    return (!latin(c) && !(c == '-' && latin(next))) || t->sign[i] || tnm || course || dx_stage_at(t, i, number);
}

static void cancer_letters(struct dx_chars *out)
{
    size_t n = 0;
    for (size_t i = 0; i < out->n; i++, n++) {
        uint32_t before = i ? out->c[i - 1] : 0; /* before what stands there is written over */
        out->c[n] = out->c[i];
        out->at[n] = out->at[i];
        out->sign[n] = out->sign[i];
        if (out->c[i] == 'c' && i + 1 < out->n && out->c[i + 1] == 'a' && (!latin(before) || before <= '9') && ends_cancer(out, i + 2)) {
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
    list_numbers(out);
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

/* A Latin spelling must not begin or end inside a Latin word; a stage or a grade may follow without a blank (NSCLCIIIA期, EH3级). */
static bool cuts_word(const struct dx_chars *t, size_t from, size_t to)
{
    uint8_t number[4];
    if (from > 0 && joined(t, from - 1))
        return true;
    if (to >= t->n || !joined(t, to - 1))
        return false;
    bool grade = t->c[to] >= '1' && t->c[to] <= '5' && to + 1 < t->n && t->c[to + 1] == 0x7EA7; /* 级 */
    return !grade && !dx_stage_at(t, to, number);
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

uint32_t dx_between(const struct dx *d, const struct dx_chars *t, size_t from, size_t to)
{
    uint32_t node = 0;
    for (size_t i = from; i < to; i++)
        if (!(node = child_of(d, node, t->c[i])))
            return 0;
    return d->values[node];
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

/* ---- what it holds ---- */

const char *dx_lexicon_keep(struct dx *d, const char *text)
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

int dx_lexicon_add(struct dx *d, const struct lexeme *x, const char *spelling)
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

int dx_lexicon_add_short(struct dx *d, const struct lexeme *x)
{
    size_t len = strlen(x->name), cut = len;
    char name[256];
    if (len > strlen("静脉血栓形成") && len < sizeof name && strcmp(x->name + len - strlen("血栓形成"), "血栓形成") == 0)
        cut = len - strlen("形成");
    else if (len >= 5 * strlen("症") && len < sizeof name && strcmp(x->name + len - strlen("症"), "症") == 0)
        cut = len - strlen("症");
    if (cut == len)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)cut, x->name);
    return dx_lexicon_add(d, x, name);
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
    rc = rc ? rc : dx_tables_load(d, data_dir);
    if (!rc)
        diseases_organs(d);
    return rc;
}

/* 肘关节滑膜炎 read as 滑膜炎, 混合型心绞痛 as 心绞痛: has a place or kind said in the name gone? */
static bool loses_place(const struct dx *d, const char *name, const struct dx_chars *t, const struct dx_token *tokens, size_t n,
                        const struct dx_diagnosis *x)
{
    for (size_t i = 0; i < n; i++) {
        enum dx_class c = tokens[i].cls;
        bool place = c == DX_ORGAN || c == DX_PART || c == DX_LOBE || c == DX_SITE || c == DX_REGION || c == DX_LIMB || c == DX_TYPE || c == DX_NODE;
        if (!place)
            continue;
        char said[64];
        int len = t->at[tokens[i].to] - t->at[tokens[i].from];
        snprintf(said, sizeof said, "%.*s", len, name + t->at[tokens[i].from]);
        const char *known = d->lexemes[tokens[i].lexeme].name;
        if (!*x->lesion && !*x->location_type && !*x->pathology && !strstr(x->diagnosis, said) && !strstr(x->diagnosis, known))
            return true;
    }
    return false;
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
    bool cancer = r.diagnoses[0].icd10[0] == 'C' && strcmp(r.diagnoses[0].icd10, "C80");
    if (r.n > 1)
        return several;
    return cancer || (strcmp(r.diagnoses[0].icd10, category) == 0 && !loses_place(d, name, &t, tokens, n, &r.diagnoses[0]));
}

/* Names of diseases with their categories: those of the insurance list, then those of the categories themselves. */
struct names {
    const struct icd10 *list;
    char **category; /* "A00 霍乱" */
    size_t n_category, cap;
};

static int load_categories(struct names *x, const char *data_dir)
{
    static const char elsewhere[] = ",不可归类在他处者";
    char path[600], line[512];
    int rc = 0;
    snprintf(path, sizeof path, "%s/icd10_category.tsv", data_dir);
    FILE *in = fopen(path, "r");
    if (!in) {
        log_error("term", "cannot read %s: %s", path, strerror(errno));
        return ERR_STORAGE;
    }
    while (!rc && fgets(line, sizeof line, in)) {
        line[strcspn(line, "\r\n")] = 0;
        char *name = strchr(line, '\t'); /* H42* is a category of what another disease does to an organ */
        if (!name || name < line + 3)
            continue;
        memmove(line + 3, name, strlen(name) + 1);
        name = line + 4;
        char *note = strstr(name, "(I"), *tail = strstr(name, elsewhere);
        note = note ? note : strstr(name, "(G");
        note = note ? note : strstr(name, "(E");
        if (note || tail)
            *(note ? note : tail) = 0;
        if (x->n_category == x->cap) {
            x->cap = x->cap ? x->cap * 2 : 2048;
            char **more = realloc(x->category, x->cap * sizeof *more);
            if (!more) {
                rc = ERR_INTERNAL;
                break;
            }
            x->category = more;
        }
        rc = (x->category[x->n_category] = strdup(line)) ? 0 : ERR_INTERNAL;
        x->n_category += !rc;
    }
    fclose(in);
    return rc;
}

static void free_categories(struct names *x)
{
    for (size_t i = 0; i < x->n_category; i++)
        free(x->category[i]);
    free(x->category);
}

/* Name i and its category; false for what is too short or too long to be looked for in a line. */
static bool name_at(const struct names *x, size_t i, char name[256], char category[4])
{
    size_t in_list = icd10_count(x->list);
    if (i >= in_list) {
        snprintf(category, 4, "%.3s", x->category[i - in_list]);
        snprintf(name, 256, "%s", x->category[i - in_list] + 4);
        return strlen(name) >= 4;
    }
    struct icd10_hit hit;
    icd10_at(x->list, i, &hit);
    if (hit.name_len >= 250 || hit.name_len < 4 || hit.code_len < 3)
        return false;
    snprintf(name, 256, "%.*s", (int)hit.name_len, hit.name);
    snprintf(category, 4, "%.3s", hit.code);
    return true;
}

/* The name as it is said: without another name in brackets (心肌梗死后综合征[Dressler综合征]). False when there is none. */
static bool said_name(char *name)
{
    size_t len = strlen(name);
    char *bracket = strchr(name, '[');
    if (!bracket || name[len - 1] != ']')
        return false;
    *bracket = 0;
    return strlen(name) >= 4 * strlen("病");
}

/* Adds the names that are not read as the list has them; all are read before the first is added. `said`: as they are said. */
static int add_unread(struct dx *d, const struct names *x, uint8_t *unread, bool said)
{
    size_t n = icd10_count(x->list) + x->n_category, first = d->n_lexemes;
    char name[256], category[4];
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        unread[i] = name_at(x, i, name, category) && (!said || said_name(name)) && !reads_by_itself(d, name, category);
    for (size_t i = 0; !rc && i < n; i++) {
        if (!unread[i] || !name_at(x, i, name, category) || (said && !said_name(name)))
            continue;
        struct lexeme y = {.cls = DX_DISEASE, .name = dx_lexicon_keep(d, name), .organ = DX_NONE, .flags = DX_FROM_ICD};
        memcpy(y.icd, category, sizeof y.icd);
        rc = y.name ? dx_lexicon_add(d, &y, name) : ERR_INTERNAL;
        rc = rc ? rc : dx_lexicon_add_short(d, &y);
    }
    if (!rc && d->n_lexemes > first)
        diseases_organs(d);
    return rc;
}

int dx_lexicon_add_icd10(struct dx *d, const char *data_dir)
{
    struct names x = {.list = d->icd10};
    int rc = load_categories(&x, data_dir);
    uint8_t *unread = calloc(icd10_count(x.list) + x.n_category + 1, 1);
    rc = rc ? rc : unread ? add_unread(d, &x, unread, false) : ERR_INTERNAL;
    rc = rc ? rc : add_unread(d, &x, unread, false); /* a name just added may be the end of a longer one: 多处损伤 of 头部多处损伤 */
    rc = rc ? rc : add_unread(d, &x, unread, true);
    free(unread);
    free_categories(&x);
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
