/* The classifications and maps that come with the product, read from lists (term_systems.tsv names them). */
#include "records/term/ts_store.h"
#include "records/term/fold.h"
#include "records/term/ts_defs.h"
#include "records/term/ts_pairs.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS 11

static char *read_file(const char *data_dir, const char *name, size_t *len)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", data_dir, name);
    FILE *in = fopen(path, "r");
    char *text = NULL;
    if (in && fseek(in, 0, SEEK_END) == 0 && (*len = (size_t)ftell(in)) < 64 << 20 && (text = malloc(*len + 1))) {
        rewind(in);
        *len = fread(text, 1, *len, in);
        text[*len] = 0;
    }
    if (in)
        fclose(in);
    if (!text)
        log_error("term", "cannot read %s", path);
    return text;
}

/* Calls `row` with the tab-divided fields of each line; the text is cut in place. */
static int each_row(char *text, int (*row)(void *ctx, char **f), void *ctx)
{
    static char empty[1];
    int rc = 0;
    for (char *line; !rc && (line = strsep(&text, "\n"));) {
        char *f[COLUMNS];
        for (size_t i = 0; i < COLUMNS; i++)
            f[i] = line ? strsep(&line, "\t") : empty;
        if (f[0][0] && f[0][0] != '#')
            rc = row(ctx, f);
    }
    return rc;
}

struct list {
    struct ts_system *s;
    int32_t chapter, block;
    char chapter_end[8], block_end[8];
    char *chapters[300][3]; /* first, last, level+title */
    size_t n_chapters, next_chapter;
};

static int row_block(void *ctx, char **f)
{
    struct list *l = ctx;
    if (l->n_chapters == 300)
        return ERR_STORAGE;
    l->chapters[l->n_chapters][0] = f[0];
    l->chapters[l->n_chapters][1] = f[1];
    l->chapters[l->n_chapters][2] = f[3];
    f[3][-1] = f[2][0]; /* the level before the title */
    l->n_chapters++;
    return 0;
}

static int add_list_concept(struct ts_system *s, const char *code, const char *display, int32_t parent, bool abstract)
{
    struct ts_concept *c = ts_new_concept(s);
    if (!c)
        return ERR_INTERNAL;
    c->code = code;
    c->display = display;
    c->parent = parent;
    c->abstract = abstract;
    return 0;
}

/* Categories come sorted; a chapter or block is opened before its first category. Its code is its range: A00-B99. */
static int open_blocks(struct list *l, const char *category)
{
    for (size_t i = l->next_chapter; i < l->n_chapters && strcmp(l->chapters[i][0], category) <= 0; i++, l->next_chapter++) {
        bool chapter = l->chapters[i][2][-1] == '1';
        char *code = l->chapters[i][0];
        code[strlen(code)] = '-'; /* first TAB last TAB: the tab becomes the range's dash */
        if (add_list_concept(l->s, code, l->chapters[i][2], chapter ? -1 : l->chapter, true))
            return ERR_INTERNAL;
        if (chapter)
            l->chapter = (int32_t)l->s->n - 1;
        l->block = (int32_t)l->s->n - 1;
    }
    return 0;
}

static int row_category(void *ctx, char **f)
{
    struct list *l = ctx;
    int rc = open_blocks(l, f[0]);
    return rc ? rc : add_list_concept(l->s, f[0], f[1], l->block, true);
}

/* Links every six-digit code to its base code (A00.000x001 to A00.000) or its category. */
static void link_codes(struct ts_system *s, size_t first)
{
    char base[64];
    for (size_t i = first; i < s->n; i++) {
        struct ts_concept *c = &s->concepts[i];
        const char *x = strchr(c->code, 'x');
        c->parent = -1;
        if (x && x > c->code && strlen(x) == 4) {
            snprintf(base, sizeof base, "%.*s", (int)(x - c->code), c->code);
            int32_t p = ts_concept(s, base);
            c->parent = p >= 0 && (size_t)p < i ? p : -1;
        }
        if (c->parent < 0) {
            snprintf(base, sizeof base, "%.3s", c->code);
            int32_t p = ts_concept(s, base);
            c->parent = p >= 0 && (size_t)p < i ? p : -1;
        }
    }
}

static int row_code(void *ctx, char **f)
{
    struct list *l = ctx;
    return add_list_concept(l->s, f[0], f[1], -1, false);
}

static int build_search(struct ts *t, struct ts_system *s)
{
    size_t need = 0, at = 0;
    for (size_t i = 0; i < s->n; i++)
        need += strlen(s->concepts[i].display) * 2 + 40;
    s->search = malloc(need + 1);
    if (!s->search)
        return ERR_INTERNAL;
    for (size_t i = 0; i < s->n; i++) {
        struct ts_concept *c = &s->concepts[i];
        size_t len = strlen(c->display);
        c->folded = s->search + at;
        at += text_fold(c->display, len, s->search + at, len + 20) + 1;
        c->initials = s->search + at;
        pinyin_text(t->pinyin, c->display, NULL, s->search + at, len + 20);
        at += strlen(s->search + at) + 1;
    }
    s->search_len = at;
    s->pairs = ts_pairs_new();
    return s->pairs ? 0 : ERR_INTERNAL;
}

static char *join_files(const char *data_dir, char **f, size_t lens[3])
{
    char *parts[3] = {0}, *all = NULL;
    size_t total = 3;
    const char *names[3] = {f[8], f[7], f[6]};
    for (size_t i = 0; i < 3; i++)
        if (*names[i] && (parts[i] = read_file(data_dir, names[i], &lens[i])))
            total += lens[i];
    if (parts[2])
        all = calloc(1, total + 1);
    for (size_t i = 0, at = 0; i < 3; i++) {
        if (all && parts[i])
            memcpy(all + at, parts[i], lens[i]);
        at += parts[i] ? lens[i] + 1 : 1;
        free(parts[i]);
    }
    return all;
}

struct opening {
    struct ts *t;
    const char *data_dir;
};

/* In force from a day to a day, "" = open (http://hl7.org/fhir/StructureDefinition/resource-effectivePeriod). */
static void set_period(json_t *header, const char *from, const char *to)
{
    json_t *period = json_object();
    if (*from)
        json_object_set_new(period, "start", json_string(from));
    if (*to)
        json_object_set_new(period, "end", json_string(to));
    if (json_object_size(period))
        json_object_set_new(header, "extension", json_pack("[{s:s, s:O}]", "url", TS_PERIOD, "valuePeriod", period));
    json_decref(period);
}

static int open_system(struct ts *t, const char *data_dir, char **f)
{
    size_t lens[3] = {0};
    struct ts_system *s = ts_new_system(t);
    if (!s)
        return ERR_INTERNAL;
    s->url = s->id = s->version = s->name = s->title = "";
    json_t *header = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:s}", "resourceType", "CodeSystem", "id", f[1], "url", f[2],
                               "version", f[3], "name", f[4], "title", f[5], "status", "active", "caseSensitive", 1, "content", "complete",
                               "hierarchyMeaning", "is-a");
    s->text = join_files(data_dir, f, lens);
    if (!header || json_array_append_new(t->kept, header) || !s->text)
        return ERR_STORAGE;
    set_period(header, f[9], f[10]);
    s->resource = header;
    s->id = ts_member(header, "id");
    s->url = ts_member(header, "url");
    s->version = ts_member(header, "version");
    s->name = ts_member(header, "name");
    s->title = ts_member(header, "title");
    s->case_sensitive = s->hierarchy = true;
    struct list *l = calloc(1, sizeof *l);
    if (!l)
        return ERR_INTERNAL;
    l->s = s;
    l->chapter = l->block = -1;
    int rc = each_row(s->text, row_block, l);
    rc = rc ? rc : each_row(s->text + lens[0] + 1, row_category, l);
    size_t first = s->n;
    rc = rc ? rc : each_row(s->text + lens[0] + 1 + lens[1] + 1, row_code, l);
    free(l);
    rc = rc ? rc : ts_build_hash(s);
    if (!rc)
        link_codes(s, first);
    return rc ? rc : build_search(t, s);
}

static int row_pair(void *ctx, char **f)
{
    struct ts_map *m = ctx;
    m->pairs[m->n++] = (struct ts_pair){f[0], f[1]};
    return 0;
}

static int by_from(const void *a, const void *b)
{
    return strcmp(((const struct ts_pair *)a)->from, ((const struct ts_pair *)b)->from);
}

static int open_map(struct ts *t, const char *data_dir, char **f)
{
    size_t len = 0, lines = 1;
    struct ts_map *m = ts_new_map(t);
    if (!m)
        return ERR_INTERNAL;
    json_t *header = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "resourceType", "ConceptMap", "id", f[1], "url", f[2], "version", f[3],
                               "status", "active", "sourceUri", f[4], "targetUri", f[5]);
    m->text = read_file(data_dir, f[6], &len);
    if (!header || json_array_append_new(t->kept, header) || !m->text)
        return ERR_STORAGE;
    for (size_t i = 0; i < len; i++)
        lines += m->text[i] == '\n';
    m->pairs = calloc(lines, sizeof *m->pairs);
    if (!m->pairs)
        return ERR_INTERNAL;
    m->resource = header;
    m->id = ts_member(header, "id");
    m->url = ts_member(header, "url");
    m->version = ts_member(header, "version");
    m->source = ts_member(header, "sourceUri");
    m->target = ts_member(header, "targetUri");
    set_period(header, f[7], f[8]);
    m->from_date = ts_member(ts_period(header), "start");
    m->to_date = ts_member(ts_period(header), "end");
    int rc = each_row(m->text, row_pair, m);
    qsort(m->pairs, m->n, sizeof *m->pairs, by_from);
    return rc;
}

static int row_manifest(void *ctx, char **f)
{
    struct opening *o = ctx;
    if (strcmp(f[0], "system") == 0)
        return open_system(o->t, o->data_dir, f);
    return strcmp(f[0], "map") == 0 ? open_map(o->t, o->data_dir, f) : ERR_STORAGE;
}

int ts_open(struct ts **out, const char *data_dir, const struct pinyin *p)
{
    size_t len;
    struct ts *t = calloc(1, sizeof *t);
    *out = NULL;
    if (!t)
        return ERR_INTERNAL;
    t->pinyin = p;
    t->sets = json_array();
    t->kept = json_array();
    if (data_dir && (hant_open(&t->hant, data_dir) || ts_defs_open(&t->defs, data_dir))) {
        ts_close(t);
        return ERR_STORAGE;
    }
    char *manifest = data_dir ? read_file(data_dir, "term_systems.tsv", &len) : NULL;
    struct opening o = {t, data_dir};
    int rc = !t->sets || !t->kept ? ERR_INTERNAL : !data_dir ? 0 : !manifest ? ERR_STORAGE : each_row(manifest, row_manifest, &o);
    free(manifest);
    if (rc)
        ts_close(t);
    else
        *out = t;
    return rc;
}

void ts_close(struct ts *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_systems; i++)
        ts_system_clear(&t->systems[i]);
    for (size_t i = 0; i < t->n_maps; i++) {
        free(t->maps[i].pairs);
        free(t->maps[i].text);
    }
    hant_close(t->hant);
    ts_defs_close(t->defs);
    free(t->systems);
    free(t->maps);
    json_decref(t->sets);
    json_decref(t->kept);
    free(t);
}
