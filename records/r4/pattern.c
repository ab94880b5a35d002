#include "records/r4/pattern.h"
#include "records/r4/json.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define PATTERN_MAX 2000
#define UNROLLED_MAX 5000 /* product of all counts: {n} within {m} is n * m states */

struct reader {
    const char *p, *end;
    struct r4_buf out;
    bool bad;
};

/* \d \w \s, negated in capitals. POSIX has no negated class within brackets: [\D] is refused. */
static bool put_class(struct reader *r, char c, bool in_brackets)
{
    const char *name = tolower(c) == 'd' ? "0-9" : tolower(c) == 'w' ? "A-Za-z0-9_" : "[:space:]";
    bool negated = isupper((unsigned char)c) != 0;
    if (!strchr("dwsDWS", c) || (in_brackets && negated))
        return false;
    if (in_brackets)
        r4_buf_puts(&r->out, name);
    else
        r4_buf_printf(&r->out, "[%s%s]", negated ? "^" : "", name);
    return true;
}

static char control(char c)
{
    static const char letters[] = "nrtfv", meant[] = "\n\r\t\f\v";
    const char *found = strchr(letters, c);
    return found && c ? meant[found - letters] : c;
}

static void put_escape(struct reader *r)
{
    char c = *r->p++;
    if (put_class(r, c, false))
        return;
    if (c == 'b' || c == 'B') /* the library's own word boundary */
        r4_buf_printf(&r->out, "\\%c", c);
    else if (isdigit((unsigned char)c)) /* a back reference needs backtracking */
        r->bad = true;
    else if (isalpha((unsigned char)c)) {
        char one = control(c);
        r4_buf_put(&r->out, &one, 1);
    } else
        r4_buf_printf(&r->out, "\\%c", c);
}

/* Behind '[': in POSIX a backslash means itself, ']' stands first, '-' last, '^' not first. */
static void put_brackets(struct reader *r)
{
    char kept[16];
    size_t n_kept = 0;
    bool close = false, first = true;
    size_t from;
    r4_buf_puts(&r->out, "[");
    if (r->p < r->end && *r->p == '^') {
        r4_buf_puts(&r->out, "^");
        r->p++;
    }
    from = r->out.n;
    for (; r->p < r->end && (*r->p != ']' || first); first = false) {
        char c = *r->p++;
        if (c == '[' && r->p < r->end && *r->p == ':') { /* [:alpha:] is POSIX already */
            const char *stop = memmem(r->p, (size_t)(r->end - r->p), ":]", 2);
            if (stop) {
                r4_buf_put(&r->out, r->p - 1, (size_t)(stop + 2 - r->p + 1));
                r->p = stop + 2;
                continue;
            }
        }
        if (c == '\\' && r->p < r->end) {
            c = *r->p++;
            if (put_class(r, c, true))
                continue;
            r->bad |= strchr("DWS", c) != NULL;
            c = control(c);
            if (c == ']')
                close = true;
            else if (strchr("^-[", c) && n_kept < sizeof kept)
                kept[n_kept++] = c;
            else
                r4_buf_put(&r->out, &c, 1);
            continue;
        }
        if (c == ']')
            close = true;
        else
            r4_buf_put(&r->out, &c, 1);
    }
    if (r->p >= r->end) {
        r->bad = true;
        return;
    }
    r->p++;
    if (close) { /* ']' moves to the front */
        struct r4_buf rest = {0};
        r4_buf_put(&rest, r->out.p + from, r->out.n - from);
        r->out.n = from;
        r4_buf_puts(&r->out, "]");
        r4_buf_put(&r->out, rest.p, rest.n);
        r4_buf_clear(&rest);
    }
    for (int pass = 0; pass < 3; pass++) /* '[' and '^' before '-' */
        for (size_t i = 0; i < n_kept; i++)
            if (kept[i] == "[^-"[pass]) {
                if (kept[i] == '^' && r->out.n == from) /* alone, it would negate */
                    r4_buf_puts(&r->out, "[.^.]");
                else
                    r4_buf_put(&r->out, &kept[i], 1);
            }
    r4_buf_puts(&r->out, "]");
}

static bool translate(struct reader *r)
{
    double unrolled = 1;
    while (r->p < r->end && !r->bad) {
        char c = *r->p++;
        if (c == '\\' && r->p < r->end) {
            put_escape(r);
        } else if (c == '[') {
            put_brackets(r);
        } else if (c == '(' && r->end - r->p >= 2 && r->p[0] == '?') {
            r->bad = r->p[1] != ':';
            r->p += 2;
            r4_buf_puts(&r->out, "(");
        } else {
            if (c == '{') {
                double most = 0, count = 0;
                for (const char *q = r->p; q < r->end && (isdigit((unsigned char)*q) || *q == ','); q++) {
                    count = *q == ',' ? 0 : count * 10 + (*q - '0');
                    most = count > most ? count : most;
                }
                unrolled *= most + 1;
            }
            r4_buf_put(&r->out, &c, 1);
        }
    }
    return !r->bad && !r->out.failed && unrolled <= UNROLLED_MAX;
}

bool r4_pattern_compile(const char *pattern, size_t n, bool whole, regex_t *re)
{
    struct reader r = {.p = pattern, .end = pattern + n};
    if (n > PATTERN_MAX)
        return false;
    r4_buf_puts(&r.out, whole ? "^(" : "");
    bool ok = translate(&r);
    r4_buf_puts(&r.out, whole ? ")$" : "");
    ok = ok && !r.out.failed && regcomp(re, r.out.p ? r.out.p : "", REG_EXTENDED) == 0;
    r4_buf_clear(&r.out);
    return ok;
}
