#include "records/r4/xhtml.h"
#include <stdbool.h>
#include <string.h>

#define NESTED_MAX 64
#define NAME_MAX_BYTES 24

struct scan {
    const char *p, *end;
    char open[NESTED_MAX][NAME_MAX_BYTES];
    size_t depth;
    bool content; /* text or an image */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == ':' || c == '-' || c == '_' || c == '.';
}

static void skip_blanks(struct scan *s)
{
    while (s->p < s->end && blank(*s->p))
        s->p++;
}

static size_t take_name(struct scan *s, char out[NAME_MAX_BYTES])
{
    size_t n = 0;
    while (s->p < s->end && name_char(*s->p)) {
        if (n < NAME_MAX_BYTES - 1)
            out[n++] = *s->p;
        s->p++;
    }
    out[n] = 0;
    return n;
}

static bool in_list(const char *name, const char *list) /* " a b c " */
{
    char key[NAME_MAX_BYTES + 2];
    size_t n = strlen(name);
    key[0] = ' ';
    memcpy(key + 1, name, n);
    key[n + 1] = ' ';
    key[n + 2 < sizeof key ? n + 2 : sizeof key - 1] = 0;
    const char *at = list;
    while ((at = strstr(at, name))) {
        if (at[-1] == ' ' && at[n] == ' ')
            return true;
        at++;
    }
    return false;
}

/* HTML 4.0 chapters 7 to 11 (without section 4 of chapter 9) and 15, links, images, style attributes. */
static const char elements[] = " a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre q "
                               "samp small span strong sub sup table tbody td tfoot th thead tr tt ul var u kbd address bdo center del ins ";
static const char attributes[] = " xmlns xml:lang lang dir style class id title href name rel type src alt width height align valign colspan rowspan border "
                                 "cellpadding cellspacing abbr axis headers scope start value char charoff span summary rules frame bgcolor nowrap cite "
                                 "longdesc charset shape coords accesskey tabindex clear compact size noshade hspace vspace target usemap ";

static const char *read_attribute(struct scan *s)
{
    char name[NAME_MAX_BYTES];
    if (!take_name(s, name))
        return "the narrative is not well-formed XHTML";
    if (strncmp(name, "on", 2) == 0 || !in_list(name, attributes))
        return "the narrative has an attribute that is not allowed";
    skip_blanks(s);
    if (s->p >= s->end || *s->p++ != '=')
        return "the narrative is not well-formed XHTML";
    skip_blanks(s);
    if (s->p >= s->end || (*s->p != '"' && *s->p != '\''))
        return "the narrative is not well-formed XHTML";
    char quote = *s->p++;
    const char *close = memchr(s->p, quote, (size_t)(s->end - s->p));
    if (!close || memchr(s->p, '<', (size_t)(close - s->p)))
        return "the narrative is not well-formed XHTML";
    const char *value = s->p;
    s->p = close + 1;
    size_t n = (size_t)(close - value);
    bool link = strcmp(name, "href") == 0 || strcmp(name, "src") == 0;
    return link && n >= 11 && strncasecmp(value, "javascript:", 11) == 0 ? "the narrative has a link that runs a script" : NULL;
}

static const char *open_tag(struct scan *s)
{
    char name[NAME_MAX_BYTES];
    if (!take_name(s, name))
        return "the narrative is not well-formed XHTML";
    if (s->depth == 0 && strcmp(name, "div") != 0)
        return "the narrative must be one <div>";
    if (!in_list(name, elements))
        return "the narrative has an element that is not allowed";
    s->content |= strcmp(name, "img") == 0;
    for (;;) {
        skip_blanks(s);
        if (s->p >= s->end)
            return "the narrative is not well-formed XHTML";
        if (*s->p == '>') {
            s->p++;
            if (s->depth == NESTED_MAX)
                return "the narrative is nested too deeply";
            strcpy(s->open[s->depth++], name);
            return NULL;
        }
        if (*s->p == '/' && s->p + 1 < s->end && s->p[1] == '>') {
            s->p += 2;
            return NULL;
        }
        const char *why = read_attribute(s);
        if (why)
            return why;
    }
}

static const char *close_tag(struct scan *s)
{
    char name[NAME_MAX_BYTES];
    take_name(s, name);
    skip_blanks(s);
    if (s->p >= s->end || *s->p++ != '>' || s->depth == 0 || strcmp(s->open[s->depth - 1], name) != 0)
        return "the narrative is not well-formed XHTML";
    s->depth--;
    return NULL;
}

static const char *skip_to(struct scan *s, const char *mark)
{
    size_t n = strlen(mark);
    const char *at = memmem(s->p, (size_t)(s->end - s->p), mark, n);
    if (!at)
        return "the narrative is not well-formed XHTML";
    s->p = at + n;
    return NULL;
}

static const char *read_markup(struct scan *s)
{
    s->p++;
    size_t left = (size_t)(s->end - s->p);
    if (left >= 3 && memcmp(s->p, "!--", 3) == 0)
        return skip_to(s, "-->");
    if (left >= 8 && memcmp(s->p, "![CDATA[", 8) == 0)
        return skip_to(s, "]]>");
    if (left && *s->p == '?' && s->depth == 0)
        return skip_to(s, "?>");
    if (left && *s->p == '/') {
        s->p++;
        return close_tag(s);
    }
    return open_tag(s);
}

/* &name; or &#number; */
static const char *read_entity(struct scan *s)
{
    const char *from = ++s->p;
    while (s->p < s->end && (name_char(*s->p) || *s->p == '#') && s->p - from < 12)
        s->p++;
    if (s->p >= s->end || *s->p != ';' || s->p == from)
        return "the narrative has an '&' that is no entity";
    s->p++;
    return NULL;
}

static const char *scan_all(const char *text, size_t n, bool *content)
{
    struct scan s = {.p = text, .end = text + n};
    bool closed = false;
    while (s.p < s.end) {
        const char *why = NULL;
        bool outside = s.depth == 0;
        if (*s.p == '<') {
            bool comment = s.end - s.p > 1 && (s.p[1] == '!' || s.p[1] == '?');
            if (outside && closed && !comment)
                return "the narrative must be one <div>";
            why = read_markup(&s);
            closed |= !comment && s.depth == 0;
        } else if (*s.p == '&' && !outside) {
            s.content = true;
            why = read_entity(&s);
        } else {
            if (!blank(*s.p)) {
                if (outside)
                    return "the narrative must be one <div>";
                s.content = true;
            }
            s.p++;
        }
        if (why)
            return why;
    }
    if (s.depth || !closed)
        return "the narrative is not well-formed XHTML";
    *content = s.content;
    return NULL;
}

const char *r4_xhtml_wrong(const char *text, size_t n)
{
    bool content;
    return scan_all(text, n, &content);
}

bool r4_xhtml_has_content(const char *text, size_t n)
{
    bool content = false;
    return scan_all(text, n, &content) == NULL && content;
}
