#include "records/document/readable.h"
#include "records/term/fold.h"
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 24

enum kind { BROKEN, TEXT, OPEN, CLOSE, EMPTY, PASSED }; /* PASSED: comment, declaration, instruction */
struct token {
    enum kind kind;
    const char *p; /* of text: where; of a tag: its attributes */
    size_t n;
    char name[NAME_MAX_BYTES]; /* lower case, without a prefix; cut */
};
struct reader {
    const char *at, *end;
};
struct writer {
    char *out;
    size_t n, cap;
    int wanted; /* newlines before the next text */
    bool blank, cut; /* blank: a space before the next text */
};

/* ---- tokens ---- */

static const char *find(const struct reader *r, const char *from, const char *what)
{
    return from < r->end ? memmem(from, (size_t)(r->end - from), what, strlen(what)) : NULL;
}

static void take_name(struct token *t, const char **p, const char *end)
{
    size_t n = 0;
    for (; *p < end && (isalnum((unsigned char)**p) || strchr("_-.:", **p)) && **p; (*p)++) {
        if (**p == ':')
            n = 0;
        else if (n + 1 < sizeof t->name)
            t->name[n++] = (char)tolower((unsigned char)**p);
    }
    t->name[n] = 0;
}

/* Where a tag ends; a quoted value may have a '>' in it. */
static const char *tag_end(const char *p, const char *end)
{
    char quote = 0;
    for (; p < end; p++) {
        if (quote)
            quote = *p == quote ? 0 : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '>')
            return p;
    }
    return NULL;
}

static bool next_markup(struct reader *r, struct token *t)
{
    static const char *const passed[][2] = {{"<!--", "-->"}, {"<?", "?>"}, {"<!", ">"}};
    const char *p = r->at + 1, *end;
    if (r->end - r->at > 9 && memcmp(r->at, "<![CDATA[", 9) == 0) {
        end = find(r, r->at, "]]>");
        *t = (struct token){.kind = TEXT, .p = r->at + 9, .n = (size_t)((end ? end : r->end) - r->at - 9)};
        r->at = end ? end + 3 : r->end;
        return true;
    }
    for (size_t i = 0; i < 3; i++)
        if ((size_t)(r->end - r->at) >= strlen(passed[i][0]) && memcmp(r->at, passed[i][0], strlen(passed[i][0])) == 0) {
            end = find(r, r->at, passed[i][1]);
            r->at = end ? end + strlen(passed[i][1]) : r->end;
            t->kind = PASSED;
            return true;
        }
    bool close = p < r->end && *p == '/';
    p += close;
    if (p >= r->end || !isalpha((unsigned char)*p))
        return false;
    take_name(t, &p, r->end);
    end = tag_end(p, r->end);
    if (!end)
        return false;
    t->p = p;
    t->n = (size_t)(end - p);
    t->kind = close ? CLOSE : t->n && end[-1] == '/' ? EMPTY : OPEN;
    r->at = end + 1;
    return true;
}

static bool next_token(struct reader *r, struct token *t)
{
    memset(t, 0, sizeof *t);
    if (r->at >= r->end)
        return false;
    if (*r->at == '<' && next_markup(r, t))
        return true;
    const char *start = r->at, *next = memchr(start + 1, '<', (size_t)(r->end - start - 1)); /* a '<' that begins nothing is text */
    r->at = next ? next : r->end;
    *t = (struct token){.kind = TEXT, .p = start, .n = (size_t)(r->at - start)};
    return true;
}

/* ---- text ---- */

static void put(struct writer *w, uint32_t c)
{
    char bytes[8];
    size_t n = utf8_put(c, bytes);
    if (w->n + n + 4 > w->cap) {
        w->cut = true;
        return;
    }
    memcpy(w->out + w->n, bytes, n);
    w->n += n;
}

static void put_character(struct writer *w, uint32_t c)
{
    bool control = c < 0x20 || (c >= 0x7F && c < 0xA0) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xA0) {
        w->blank = true;
        return;
    }
    if (control || w->cut)
        return;
    for (; w->wanted && w->n; w->wanted--, w->blank = false)
        put(w, '\n');
    w->wanted = 0;
    if (w->blank && w->n && w->out[w->n - 1] != '\n' && w->out[w->n - 1] != '\t')
        put(w, ' ');
    w->blank = false;
    put(w, c);
}

/* "&amp;" and its like; 0 = no character reference. *p is moved behind it. */
static uint32_t reference(const char **p, const char *end)
{
    static const struct {
        const char *name;
        uint32_t c;
    } known[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}, {"nbsp;", 0xA0}, {"deg;", 0xB0}, {"plusmn;", 0xB1}, {"micro;", 0xB5}, {"times;", 0xD7},
                 {"mu;", 0x3BC}, {"le;", 0x2264}, {"ge;", 0x2265}, {"rarr;", 0x2192}, {"uarr;", 0x2191}, {"darr;", 0x2193}, {"middot;", 0xB7}, {"ldquo;", 0x201C}, {"rdquo;", 0x201D}};
    const char *s = *p + 1;
    size_t left = (size_t)(end - s);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (left >= strlen(known[i].name) && memcmp(s, known[i].name, strlen(known[i].name)) == 0) {
            *p = s + strlen(known[i].name);
            return known[i].c;
        }
    if (left < 3 || *s != '#')
        return 0;
    bool hex = s[1] == 'x' || s[1] == 'X';
    uint32_t c = 0;
    const char *d = s + 1 + hex;
    for (; d < end && d - s < 10 && (hex ? isxdigit((unsigned char)*d) : isdigit((unsigned char)*d)); d++)
        c = c * (hex ? 16 : 10) + (uint32_t)(isdigit((unsigned char)*d) ? *d - '0' : tolower((unsigned char)*d) - 'a' + 10);
    if (d == s + 1 + hex || d == end || *d != ';' || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return 0;
    *p = d + 1;
    return c;
}

static void put_text(struct writer *w, const char *p, size_t n)
{
    const char *end = p + n;
    while (p < end && !w->cut) {
        uint32_t c = *p == '&' ? reference(&p, end) : 0;
        put_character(w, c ? c : utf8_next(&p, end));
    }
}

static void want(struct writer *w, int newlines)
{
    w->wanted = w->wanted > newlines ? w->wanted : newlines;
    w->blank = false;
}

static bool among(const char *name, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (strcmp(name, list[i]) == 0)
            return true;
    return false;
}

static const char *const blocks[] = {"p", "div", "br", "tr", "li", "table", "section", "paragraph", "item", "list", "caption", "dl", "dt", "dd", "blockquote", "pre", "hr", "ul", "ol",
                                     "article", "header", "footer", "component", "body", NULL};
static const char *const headings[] = {"h1", "h2", "h3", "h4", "h5", "h6", "title", NULL};
static const char *const items[] = {"li", "item", NULL};
static const char *const cells[] = {"td", "th", NULL};
static const char *const left_out[] = {"script", "style", "noscript", "template", "svg", "iframe", "object", "embed", "applet", "math", "head", NULL};

/* `first`: of the row no cell was yet. */
static void put_tag(struct writer *w, const struct token *t, bool *first)
{
    bool open = t->kind != CLOSE;
    if (among(t->name, headings))
        want(w, open ? 2 : 1);
    else if (among(t->name, blocks))
        want(w, 1);
    if (strcmp(t->name, "tr") == 0)
        *first = true;
    if (open && among(t->name, items)) {
        put_character(w, 0x2022);
        w->blank = true;
    }
    if (open && among(t->name, cells)) {
        if (!*first && w->n && !w->wanted && !w->cut)
            put(w, '\t');
        *first = w->blank = false;
    }
}

/* ---- documents ---- */

/* Past the end of the element that has just begun; a script may hold what looks like tags. */
static void pass_over(struct reader *r, const char *name)
{
    struct token t;
    int depth = 1;
    bool raw = strcmp(name, "script") == 0 || strcmp(name, "style") == 0;
    while (depth && raw) {
        const char *end = find(r, r->at, "</");
        r->at = end ? end : r->end;
        if (!end)
            return;
        depth = (size_t)(r->end - end) > strlen(name) + 1 && strncasecmp(end + 2, name, strlen(name)) == 0 ? 0 : 1;
        if (depth)
            r->at += 2;
        else
            (void)next_token(r, &t);
    }
    while (depth && next_token(r, &t))
        if (strcmp(t.name, name) == 0)
            depth += t.kind == OPEN ? 1 : t.kind == CLOSE ? -1 : 0;
}

/* Of a CDA: the title, and what stands in a section's title and text. */
struct shown {
    bool cda, body; /* body: structuredBody has begun */
    int text;       /* how deep in narrative */
    bool title;
};

static bool visible(const struct shown *s)
{
    return !s->cda || s->title || s->text > 0;
}

static void enter(struct shown *s, const struct token *t)
{
    int step = t->kind == OPEN ? 1 : t->kind == CLOSE ? -1 : 0;
    if (!s->cda)
        return;
    if (strcmp(t->name, "structuredbody") == 0)
        s->body = true;
    if (strcmp(t->name, "title") == 0 && step)
        s->title = step > 0;
    if (s->body && strcmp(t->name, "text") == 0)
        s->text = s->text + step > 0 ? s->text + step : 0;
}

static bool is_cda(const char *markup, size_t len)
{
    size_t head = len < 8192 ? len : 8192;
    return memmem(markup, head, "ClinicalDocument", 16) != NULL;
}

char *readable_text(const char *markup, size_t len, size_t *out_len, bool *cut)
{
    struct reader r = {markup, markup + len};
    size_t most = 3 * len + 64; /* a wrong byte becomes three, a list item's tag at most five */
    struct writer w = {.cap = most < READABLE_MAX ? most : READABLE_MAX};
    struct shown s = {.cda = is_cda(markup, len)};
    struct token t;
    bool first = true;
    if (!(w.out = malloc(w.cap)))
        return NULL;
    while (!w.cut && next_token(&r, &t)) {
        bool tag = t.kind == OPEN || t.kind == CLOSE || t.kind == EMPTY;
        if (t.kind == OPEN && (among(t.name, left_out) || (s.cda && strcmp(t.name, "entry") == 0)))
            pass_over(&r, t.name);
        else if (tag) {
            bool before = visible(&s);
            enter(&s, &t);
            if (before || visible(&s))
                put_tag(&w, &t, &first);
            else
                want(&w, 1);
        } else if (t.kind == TEXT && visible(&s))
            put_text(&w, t.p, t.n);
    }
    w.out[w.n] = 0;
    *out_len = w.n;
    *cut = w.cut;
    return w.out;
}

/* The value of an attribute, plain. */
static void attribute(const struct token *t, const char *name, char *out, size_t cap)
{
    const char *end = t->p + t->n, *p = t->n ? memmem(t->p, t->n, name, strlen(name)) : NULL;
    size_t n = 0;
    p = p ? p + strlen(name) : end;
    while (p < end && (*p == '=' || *p == ' '))
        p++;
    char quote = p < end && (*p == '"' || *p == '\'') ? *p++ : 0;
    for (; quote && p < end && *p != quote && n + 1 < cap; p++)
        out[n++] = *p;
    out[n] = 0;
}

bool readable_wraps(const char *markup, size_t len, struct readable_wrapped *out)
{
    struct reader r = {markup, markup + len};
    struct token t;
    char coding[16];
    bool within = false;
    if (!is_cda(markup, len))
        return false;
    while (next_token(&r, &t)) {
        within = within || (t.kind == OPEN && strcmp(t.name, "nonxmlbody") == 0);
        if (!within || t.kind != OPEN || strcmp(t.name, "text") != 0)
            continue;
        attribute(&t, "mediaType", out->type, sizeof out->type);
        attribute(&t, "representation", coding, sizeof coding);
        const char *end = find(&r, r.at, "<");
        out->data = r.at;
        out->len = (size_t)((end ? end : r.end) - r.at);
        return strcmp(coding, "B64") == 0 && out->type[0];
    }
    return false;
}
