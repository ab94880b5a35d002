/* Which standard codes a local code may mean (quality.h). The code itself and maps in force come first, then the same name, then what the
 * diagnosis normal form reads in it, then names that are alike; a code without a name is taken for what hospitals often make codes of:
 * the initials of its pinyin. */
#include "records/quality/quality_private.h"
#include "records/term/fold.h"
#include "records/term/ts_find.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIKE_LEAST 40
#define DX_OFFERED 5
#define DX_BONUS 20   /* what the normal form's word is worth beside the likeness of names */
#define ITEMS_SHARE 60 /* an item is offered when it is not less alike than this share of the best, in 100 */

struct list {
    const char *system, *version, *folded; /* the name asked for */
    struct quality_candidate *out;
    size_t n;
};

/* Each code once, for the first reason; one that only resembles never stands before one that has a reason. */
static void add(struct list *l, const char *code, const char *display, const char *why, int alike)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->out[i].code, code) == 0)
            return;
    if (l->n == CANDIDATES_MAX)
        return;
    struct quality_candidate *c = &l->out[l->n++];
    memset(c, 0, sizeof *c);
    snprintf(c->system, sizeof c->system, "%s", l->system);
    snprintf(c->version, sizeof c->version, "%s", l->version);
    snprintf(c->code, sizeof c->code, "%s", code);
    snprintf(c->display, sizeof c->display, "%s", display);
    c->why = why;
    c->alike = alike;
}

static int worth(const struct quality_candidate *c)
{
    bool certain = strcmp(c->why, "same_name") == 0 || strcmp(c->why, "same_code") == 0 || strcmp(c->why, "mapped") == 0;
    return certain ? 1000 : c->alike + (strcmp(c->why, "normal_form") == 0 ? DX_BONUS : 0);
}

/* Those that are certain as they came, then by what speaks for them; equals keep their order. */
static void put_in_order(struct list *l)
{
    for (size_t i = 1; i < l->n; i++) {
        struct quality_candidate one = l->out[i];
        size_t at = i;
        for (; at > 0 && worth(&l->out[at - 1]) < worth(&one); at--)
            l->out[at] = l->out[at - 1];
        l->out[at] = one;
    }
}

/* ---- the lists of the terminology service ---- */

static int alike_to(const struct list *l, const char *display)
{
    return items_alike(&(struct item){.name = display, .aliases = ""}, l->folded);
}

static void add_hit(struct list *l, const struct ts_hit *h, const char *why)
{
    int alike = h->alike ? h->alike : alike_to(l, h->display);
    add(l, h->code, h->display, why, alike);
}

static int add_normal_form(struct list *l, const struct quality_asking *a, const char *display)
{
    struct icd10_hit hits[DX_OFFERED];
    const struct dx *dx;
    struct dx_result *r = malloc(sizeof *r);
    if (!r)
        return ERR_UNAVAILABLE;
    int rc = terms_dx(a->terms, &dx, a->fault);
    if (rc == 0)
        dx_normalise(dx, display, strlen(display), r);
    size_t n = rc == 0 && r->n ? dx_candidates(dx, &r->diagnoses[0], hits, DX_OFFERED) : 0;
    for (size_t i = 0; i < n; i++) {
        char code[64], name[256];
        snprintf(code, sizeof code, "%.*s", (int)hits[i].code_len, hits[i].code);
        snprintf(name, sizeof name, "%.*s", (int)hits[i].name_len, hits[i].name);
        add(l, code, name, "normal_form", alike_to(l, name));
    }
    free(r);
    return rc;
}

static int propose_from_list(struct list *l, const struct quality_asking *a, const struct ts *t, const char *code, const char *display)
{
    struct ts_hit hits[TS_FIND_MAX], one;
    char folded[512];
    const char *mapped = ts_find_mapped(t, l->system, code, a->day);
    ts_find_folded(t, display, folded, sizeof folded);
    l->folded = folded;
    size_t n = *display ? ts_find_alike(t, l->system, display, ALIKE_LEAST, CANDIDATES_MAX, hits) : 0;
    for (size_t i = 0; i < n && hits[i].alike == 100; i++)
        add_hit(l, &hits[i], strcmp(hits[i].code, code) == 0 ? "same_code" : "same_name");
    if (mapped && ts_find_code(t, l->system, mapped, &one))
        add_hit(l, &one, "mapped");
    if (ts_find_code(t, l->system, code, &one))
        add_hit(l, &one, "same_code");
    bool disease = strcmp(l->system, TS_ICD10_NHSA) == 0;
    int rc = disease && *display && (n == 0 || hits[0].alike < 100) ? add_normal_form(l, a, display) : 0;
    for (size_t i = 0; i < n; i++)
        add_hit(l, &hits[i], "alike");
    if (n == 0 && l->n == 0) {
        n = ts_find_words(t, l->system, *display ? display : code, CANDIDATES_MAX, hits);
        for (size_t i = 0; i < n; i++)
            add(l, hits[i].code, hits[i].display, "word", 0);
    }
    put_in_order(l);
    return rc;
}

/* ---- the items ---- */

struct ranked {
    const struct item *item;
    int alike;
};

static int by_alike(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->alike != y->alike ? y->alike - x->alike : strcmp(x->item->code, y->item->code);
}

/* What the code says counts as much as the name: WBC is an other name of 白细胞计数. */
static void propose_items(struct list *l, const struct items *t, const char *code, const char *display)
{
    struct ranked *all = calloc(items_count(t) + 1, sizeof *all);
    char name[200], local[100];
    const struct item *same = items_find(t, code);
    text_fold(display, strlen(display), name, sizeof name);
    text_fold(code, strlen(code), local, sizeof local);
    if (same)
        add(l, same->code, same->name, "same_code", items_alike(same, name));
    for (size_t i = 0; all && i < items_count(t); i++) {
        const struct item *it = items_at(t, i);
        int by_name = *name ? items_alike(it, name) : 0, by_code = items_alike(it, local) == 100 ? 90 : 0;
        all[i] = (struct ranked){it, by_name > by_code ? by_name : by_code};
    }
    if (all)
        qsort(all, items_count(t), sizeof *all, by_alike);
    for (size_t i = 0; all && i < items_count(t) && all[i].alike >= ALIKE_LEAST && all[i].alike * 100 >= all[0].alike * ITEMS_SHARE; i++)
        add(l, all[i].item->code, all[i].item->name, all[i].alike == 100 ? "same_name" : "alike", all[i].alike);
    free(all);
}

/* Chinese by its characters, Latin by the pinyin initials of the name, other names, or the code. */
static bool item_answers(const struct item *it, const struct pinyin *p, const char *word)
{
    char folded[400], initials[100];
    text_fold(it->name, strlen(it->name), folded, sizeof folded);
    pinyin_text(p, it->name, NULL, initials, sizeof initials);
    if (strstr(folded, word) || strstr(initials, word) || strncmp(it->code, word, strlen(word)) == 0)
        return true;
    text_fold(it->aliases, strlen(it->aliases), folded, sizeof folded);
    return strstr(folded, word) != NULL;
}

static void search_items(struct list *l, const struct items *t, const struct pinyin *p, const char *typed)
{
    char word[200];
    if (text_fold(typed, strlen(typed), word, sizeof word) == 0)
        return;
    for (int exact = 1; exact >= 0; exact--)
        for (size_t i = 0; i < items_count(t); i++) {
            const struct item *it = items_at(t, i);
            if ((exact ? items_alike(it, word) == 100 : 1) && (exact || item_answers(it, p, word)))
                add(l, it->code, it->name, "word", 0);
        }
}

/* ---- both ---- */

static struct list list_of(const struct quality_asking *a, const char *system, struct quality_candidate *out)
{
    return (struct list){system, strcmp(system, ITEMS_SYSTEM) == 0 ? items_version(a->quality->items) : "", "", out, 0};
}

int quality_propose(const struct quality_asking *a, const char *kind, const char *code, const char *display, struct quality_candidate out[CANDIDATES_MAX],
                    size_t *n)
{
    const struct quality_kind *k = quality_kind_find(kind);
    struct list l = list_of(a, k ? k->target : "", out);
    struct ts *t;
    int rc = 0;
    if (strcmp(l.system, ITEMS_SYSTEM) == 0)
        propose_items(&l, a->quality->items, code, display);
    else if (*l.system) {
        rc = terms_ts(a->terms, &t, a->fault);
        if (rc == 0 && ts_find_system(t, l.system, &l.version))
            rc = propose_from_list(&l, a, t, code, display);
    }
    *n = l.n;
    return rc;
}

int quality_search(const struct quality_asking *a, const char *kind, const char *typed, struct quality_candidate out[CANDIDATES_MAX], size_t *n)
{
    const struct quality_kind *k = quality_kind_find(kind);
    struct list l = list_of(a, k ? k->target : "", out);
    struct ts_hit hits[TS_FIND_MAX];
    struct ts *t;
    int rc = 0;
    if (strcmp(l.system, ITEMS_SYSTEM) == 0)
        search_items(&l, a->quality->items, a->terms->pinyin, typed);
    else if (*l.system) {
        rc = terms_ts(a->terms, &t, a->fault);
        size_t found = rc == 0 && ts_find_system(t, l.system, &l.version) ? ts_find_words(t, l.system, typed, CANDIDATES_MAX, hits) : 0;
        for (size_t i = 0; i < found; i++)
            add(&l, hits[i].code, hits[i].display, "word", 0);
    }
    *n = l.n;
    return rc;
}

/* ---- a target ---- */

static int check_item(const struct quality_asking *a, struct quality_candidate *c)
{
    const struct item *it = items_find(a->quality->items, c->code);
    if (it)
        snprintf(c->display, sizeof c->display, "%s", it->name);
    if (it)
        snprintf(c->version, sizeof c->version, "%s", items_version(a->quality->items));
    return it || items_code_valid(c->code) ? 0 : fault_field(a->fault, "code", "check_digit");
}

int quality_target_check(const struct quality_asking *a, struct quality_candidate *c)
{
    struct ts_hit hit;
    struct ts *t;
    const char *version;
    int rc = 0;
    c->version[0] = 0;
    if (!strchr(c->system, ':') || strpbrk(c->system, " \t"))
        return fault_field(a->fault, "system", "not_a_uri");
    if (strcmp(c->system, ITEMS_SYSTEM) == 0)
        rc = check_item(a, c);
    else if ((rc = terms_ts(a->terms, &t, a->fault)) == 0 && ts_find_system(t, c->system, &version)) {
        if (!ts_find_code(t, c->system, c->code, &hit))
            return fault_field(a->fault, "code", "not_in_list");
        snprintf(c->display, sizeof c->display, "%s", hit.display);
        snprintf(c->version, sizeof c->version, "%s", version);
    }
    return rc || c->display[0] ? rc : fault_field(a->fault, "display", "required");
}
