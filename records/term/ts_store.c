/* Code systems, value sets and maps: from lists, and from resources. */
#include "records/term/ts_store.h"
#include "records/term/fold.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- codes ---- */

static uint32_t code_hash(const char *code)
{
    uint32_t h = 2166136261u;
    for (; *code; code++) /* letters alike: a system that tells them apart compares once more */
        h = (h ^ (uint32_t)(*code >= 'A' && *code <= 'Z' ? *code + 32 : *code)) * 16777619u;
    return h;
}

static bool same_code(const struct ts_system *s, const char *a, const char *b)
{
    return s->case_sensitive ? strcmp(a, b) == 0 : strcasecmp(a, b) == 0;
}

static int build_hash(struct ts_system *s)
{
    s->n_hash = 16;
    while (s->n_hash < s->n * 2)
        s->n_hash *= 2;
    s->hash = calloc(s->n_hash, sizeof *s->hash);
    if (!s->hash)
        return ERR_INTERNAL;
    for (size_t i = 0; i < s->n; i++) {
        size_t at = code_hash(s->concepts[i].code) & (s->n_hash - 1);
        while (s->hash[at])
            at = (at + 1) & (s->n_hash - 1);
        s->hash[at] = (uint32_t)i + 1;
    }
    return 0;
}

int32_t ts_concept(const struct ts_system *s, const char *code)
{
    size_t at = s->n_hash ? code_hash(code) & (s->n_hash - 1) : 0;
    for (; s->n_hash && s->hash[at]; at = (at + 1) & (s->n_hash - 1))
        if (same_code(s, s->concepts[s->hash[at] - 1].code, code))
            return (int32_t)s->hash[at] - 1;
    return -1;
}

bool ts_is_a(const struct ts_system *s, int32_t child, int32_t ancestor)
{
    while (child >= 0 && child != ancestor)
        child = s->concepts[child].parent;
    return child == ancestor;
}

static struct ts_concept *new_concept(struct ts_system *s)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        struct ts_concept *more = realloc(s->concepts, cap * sizeof *more);
        if (!more)
            return NULL;
        s->concepts = more;
        s->cap = cap;
    }
    s->concepts[s->n] = (struct ts_concept){.parent = -1, .display = ""};
    return &s->concepts[s->n++];
}

/* ---- versions ---- */

int ts_version_compare(const char *a, const char *b)
{
    while (*a && *b) {
        long x = strtol(a, (char **)&a, 10), y = strtol(b, (char **)&b, 10);
        if (x != y)
            return x < y ? -1 : 1;
        if (*a != *b)
            return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        a += *a != 0;
        b += *b != 0;
    }
    return *a ? 1 : *b ? -1 : 0;
}

/* 1.x, 1.0.x, 1.*: a wildcard ends the comparison at its place; "1" is the version "1", no pattern. */
bool ts_version_fits(const char *have, const char *want)
{
    if (strcmp(have, want) == 0)
        return true;
    for (; *want; want++, have++) {
        if (*want == 'x' || *want == '*') {
            while (*have && *have != '.')
                have++;
            if (!want[1])
                return true;
            have--;
            continue;
        }
        if (*want != *have)
            return false;
    }
    return *have == 0;
}

const struct ts_system *ts_system(const struct ts *t, const char *url, const char *version)
{
    const struct ts_system *best = NULL;
    for (; t && !best; t = t->below)
        for (size_t i = 0; i < t->n_systems; i++) {
            const struct ts_system *s = &t->systems[i];
            if (s->content == TS_SUPPLEMENT || strcmp(s->url, url) || (*version && !ts_version_fits(s->version, version)))
                continue;
            if (!best || ts_version_compare(s->version, best->version) > 0)
                best = s;
        }
    return best;
}

void ts_versions(const struct ts *t, const char *url, char *out, size_t cap)
{
    const char *list[16];
    size_t n = 0, at = 0;
    out[0] = 0;
    for (; t; t = t->below)
        for (size_t i = 0; i < t->n_systems && n < 16; i++)
            if (t->systems[i].content != TS_SUPPLEMENT && strcmp(t->systems[i].url, url) == 0) {
                size_t k = n++;
                for (; k > 0 && ts_version_compare(list[k - 1], t->systems[i].version) > 0; k--)
                    list[k] = list[k - 1];
                list[k] = t->systems[i].version;
            }
    for (size_t i = 0; i < n && at < cap; i++)
        at += (size_t)snprintf(out + at, cap - at, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", list[i]);
}

const json_t *ts_set(const struct ts *t, const char *url, const char *version)
{
    json_t *set, *best = NULL;
    size_t i;
    for (; t && !best; t = t->below)
        json_array_foreach(t->sets, i, set) {
            if (strcmp(ts_member(set, "url"), url) || (*version && strcmp(ts_member(set, "version"), version)))
                continue;
            if (!best || ts_version_compare(ts_member(set, "version"), ts_member(best, "version")) > 0)
                best = set;
        }
    return best;
}

/* ---- resources ---- */

static void read_properties(struct ts_system *s, struct ts_concept *c)
{
    json_t *p;
    size_t i;
    json_array_foreach(json_object_get(c->source, "property"), i, p) {
        const char *code = ts_member(p, "code"), *uri = "";
        json_t *declared;
        size_t k;
        json_array_foreach(json_object_get(s->resource, "property"), k, declared)
            if (strcmp(ts_member(declared, "code"), code) == 0)
                uri = ts_member(declared, "uri");
        bool not_selectable = strstr(uri, "#notSelectable") || (!*uri && (strcmp(code, "notSelectable") == 0 || strcmp(code, "abstract") == 0));
        if (not_selectable)
            c->abstract = json_is_true(json_object_get(p, "valueBoolean"));
        if (strcmp(code, "inactive") == 0 || strstr(uri, "#inactive"))
            c->inactive |= json_is_true(json_object_get(p, "valueBoolean")) || strcmp(ts_member(p, "valueString"), "true") == 0;
        if (strcmp(code, "status") == 0 || strstr(uri, "#status")) {
            const char *status = *ts_member(p, "valueCode") ? ts_member(p, "valueCode") : ts_member(p, "valueString");
            c->status = status;
            c->inactive |= strcmp(status, "retired") == 0 || strcmp(status, "inactive") == 0;
        }
    }
}

static int add_concepts(struct ts_system *s, const json_t *list, int32_t parent)
{
    json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        struct ts_concept *c = new_concept(s);
        int32_t self = (int32_t)s->n - 1;
        if (!c)
            return ERR_INTERNAL;
        c->code = ts_member(one, "code");
        c->display = ts_member(one, "display");
        c->parent = parent;
        c->source = one;
        read_properties(s, c);
        if (add_concepts(s, json_object_get(one, "concept"), self))
            return ERR_INTERNAL;
    }
    return 0;
}

static struct ts_system *new_system(struct ts *t)
{
    struct ts_system *more = realloc(t->systems, (t->n_systems + 1) * sizeof *more);
    if (!more)
        return NULL;
    t->systems = more;
    memset(&more[t->n_systems], 0, sizeof *more);
    return &more[t->n_systems++];
}

static int add_system(struct ts *t, json_t *resource)
{
    struct ts_system *s = new_system(t);
    if (!s)
        return ERR_INTERNAL;
    const char *content = ts_member(resource, "content");
    json_t *sensitive = json_object_get(resource, "caseSensitive");
    s->id = ts_member(resource, "id");
    s->url = ts_member(resource, "url");
    s->version = ts_member(resource, "version");
    s->name = ts_member(resource, "name");
    s->title = ts_member(resource, "title");
    s->resource = resource;
    s->case_sensitive = sensitive == NULL || json_is_true(sensitive);
    s->hierarchy = true;
    s->content = strcmp(content, "fragment") == 0     ? TS_FRAGMENT
                 : strcmp(content, "supplement") == 0 ? TS_SUPPLEMENT
                 : strcmp(content, "not-present") == 0 ? TS_NOT_PRESENT
                                                       : TS_COMPLETE;
    int rc = add_concepts(s, json_object_get(resource, "concept"), -1);
    return rc ? rc : build_hash(s);
}

static struct ts_map *new_map(struct ts *t)
{
    struct ts_map *more = realloc(t->maps, (t->n_maps + 1) * sizeof *more);
    if (!more)
        return NULL;
    t->maps = more;
    memset(&more[t->n_maps], 0, sizeof *more);
    return &more[t->n_maps++];
}

int ts_add(struct ts *t, const json_t *resource)
{
    const char *type = ts_member(resource, "resourceType");
    json_t *copy = json_deep_copy(resource);
    if (!copy || json_array_append_new(t->kept, copy))
        return ERR_INTERNAL;
    if (strcmp(type, "CodeSystem") == 0)
        return add_system(t, copy);
    if (strcmp(type, "ValueSet") == 0)
        return json_array_append(t->sets, copy) ? ERR_INTERNAL : 0;
    if (strcmp(type, "ConceptMap") == 0) {
        struct ts_map *m = new_map(t);
        if (!m)
            return ERR_INTERNAL;
        *m = (struct ts_map){.id = ts_member(copy, "id"), .url = ts_member(copy, "url"), .version = ts_member(copy, "version"),
                             .from_date = "", .to_date = "", .resource = copy};
        return 0;
    }
    return ERR_INVALID;
}

/* ---- lists ---- */

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
        char *f[9];
        for (size_t i = 0; i < 9; i++) {
            f[i] = line ? strsep(&line, "\t") : empty;
        }
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
    struct ts_concept *c = new_concept(s);
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
    return 0;
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

static int open_system(struct ts *t, const char *data_dir, char **f)
{
    size_t lens[3] = {0};
    struct ts_system *s = new_system(t);
    if (!s)
        return ERR_INTERNAL;
    s->url = s->id = s->version = s->name = s->title = "";
    json_t *header = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:s}", "resourceType", "CodeSystem", "id", f[1], "url", f[2],
                               "version", f[3], "name", f[4], "title", f[5], "status", "active", "caseSensitive", 1, "content", "complete",
                               "hierarchyMeaning", "is-a");
    s->text = join_files(data_dir, f, lens);
    if (!header || json_array_append_new(t->kept, header) || !s->text)
        return ERR_STORAGE;
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
    rc = rc ? rc : build_hash(s);
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
    struct ts_map *m = new_map(t);
    if (!m)
        return ERR_INTERNAL;
    json_t *header = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "resourceType", "ConceptMap", "id", f[1], "url", f[2], "version", f[3],
                               "status", "active", "sourceUri", f[4], "targetUri", f[5]);
    json_t *period = header && (f[7][0] || f[8][0]) ? json_object() : NULL;
    if (f[7][0])
        json_object_set_new(period, "start", json_string(f[7]));
    if (f[8][0])
        json_object_set_new(period, "end", json_string(f[8]));
    if (period)
        json_object_set_new(header, "extension", json_pack("[{s:s, s:o}]", "url", "http://hl7.org/fhir/StructureDefinition/resource-effectivePeriod",
                                                           "valuePeriod", period));
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
    m->from_date = ts_member(period, "start");
    m->to_date = ts_member(period, "end");
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
    if (data_dir && hant_open(&t->hant, data_dir)) {
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
    for (size_t i = 0; i < t->n_systems; i++) {
        free(t->systems[i].concepts);
        free(t->systems[i].hash);
        free(t->systems[i].text);
        free(t->systems[i].search);
    }
    for (size_t i = 0; i < t->n_maps; i++) {
        free(t->maps[i].pairs);
        free(t->maps[i].text);
    }
    hant_close(t->hant);
    free(t->systems);
    free(t->maps);
    json_decref(t->sets);
    json_decref(t->kept);
    free(t);
}

/* ---- search ---- */

void ts_words(const struct ts *t, const char *typed, struct ts_words *w)
{
    memset(w, 0, sizeof *w);
    while (*typed && w->n < 4) {
        typed += strspn(typed, " \t");
        size_t len = strcspn(typed, " \t");
        char one[200], simple[240];
        snprintf(one, sizeof one, "%.*s", (int)len, typed);
        const struct ts *base = t;
        while (base->below)
            base = base->below;
        hant_text(base->hant, one, simple, sizeof simple);
        if (len && text_fold(simple, strlen(simple), w->text[w->n], sizeof w->text[0])) {
            w->latin[w->n] = strspn(w->text[w->n], "abcdefghijklmnopqrstuvwxyz0123456789.-") == strlen(w->text[w->n]);
            w->n++;
        }
        typed += len;
    }
}

uint8_t *ts_candidates(const struct ts_system *s, const struct ts_words *w)
{
    size_t c = 0, len = strlen(w->text[0]);
    uint8_t *out = s->search ? calloc(s->n + 1, 1) : NULL;
    if (!out)
        return NULL;
    for (const char *at = s->search, *end = s->search + s->search_len; (at = memmem(at, (size_t)(end - at), w->text[0], len)); at += len) {
        while (c + 1 < s->n && s->concepts[c + 1].folded <= at)
            c++;
        out[c] = 1;
    }
    for (size_t i = 0; w->latin[0] && i < s->n; i++)
        if ((s->concepts[i].code[0] | 32) == w->text[0][0] || s->concepts[i].code[0] == w->text[0][0])
            out[i] |= strncasecmp(s->concepts[i].code, w->text[0], len) == 0;
    return out;
}

static bool contains_folded(const char *text, const char *word)
{
    char folded[512];
    text_fold(text, strlen(text), folded, sizeof folded);
    return strstr(folded, word) != NULL;
}

bool ts_matches(const struct ts_concept *c, const struct ts_words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        bool found = c->folded ? strstr(c->folded, w->text[i]) != NULL : contains_folded(c->display, w->text[i]);
        if (!found && w->latin[i])
            found = strncasecmp(c->code, w->text[i], strlen(w->text[i])) == 0 || (c->initials && strstr(c->initials, w->text[i]));
        if (!found)
            return false;
    }
    return true;
}
