#include "records/r4/fhirpath_token.h"
#include "records/term/fold.h"
#include <ctype.h>
#include <stdlib.h>

void *token_wrong(struct reader *s, const char *why)
{
    if (!s->why) {
        s->why = why;
        s->where = s->now.p;
    }
    return NULL;
}

static bool skip_comment(struct reader *s)
{
    if (s->end - s->p < 2 || s->p[0] != '/')
        return false;
    if (s->p[1] == '/') {
        while (s->p < s->end && *s->p != '\n')
            s->p++;
        return true;
    }
    if (s->p[1] != '*')
        return false;
    for (s->p += 2; s->end - s->p >= 2; s->p++)
        if (s->p[0] == '*' && s->p[1] == '/') {
            s->p += 2;
            return true;
        }
    s->now.p = s->p;
    token_wrong(s, "a comment does not end");
    s->p = s->end;
    return true;
}

static void skip(struct reader *s)
{
    for (;;) {
        while (s->p < s->end && isspace((unsigned char)*s->p))
            s->p++;
        if (!skip_comment(s))
            return;
    }
}

/* One escape behind the backslash at s->p; false: no such escape. */
static bool escape(struct reader *s, char **out)
{
    static const char letters[] = "'\"`\\/fnrt", meant[] = "'\"`\\/\f\n\r\t";
    const char *found = s->p < s->end && *s->p ? strchr(letters, *s->p) : NULL;
    if (found) {
        *(*out)++ = meant[found - letters];
        s->p++;
        return true;
    }
    if (s->end - s->p < 5 || *s->p != 'u')
        return false;
    char hex[5] = {s->p[1], s->p[2], s->p[3], s->p[4], 0}, *stop;
    unsigned long c = strtoul(hex, &stop, 16);
    if (*stop)
        return false;
    *out += utf8_put((uint32_t)c, *out);
    s->p += 5;
    return true;
}

/* 'text', `name`, "text": s->p at the opening quote. */
static void read_quoted(struct reader *s, enum token_kind kind)
{
    char quote = *s->p++;
    char *text = r4_doc_alloc(s->d, (size_t)(s->end - s->p) + 1), *out = text;
    s->now.kind = T_WRONG;
    while (text && s->p < s->end && *s->p != quote) {
        if (*s->p != '\\') {
            *out++ = *s->p++;
            continue;
        }
        s->p++;
        if (!escape(s, &out)) {
            token_wrong(s, "wrong escape in a string");
            return;
        }
    }
    if (!text || s->p >= s->end) {
        token_wrong(s, "a string does not end");
        return;
    }
    s->p++;
    *out = 0;
    s->now.kind = kind;
    s->now.text = (struct r4_str){text, (size_t)(out - text)};
}

static void read_number(struct reader *s)
{
    while (s->p < s->end && isdigit((unsigned char)*s->p))
        s->p++;
    if (s->end - s->p >= 2 && *s->p == '.' && isdigit((unsigned char)s->p[1])) {
        s->p++;
        while (s->p < s->end && isdigit((unsigned char)*s->p))
            s->p++;
    }
    if (s->p < s->end && *s->p == 'L') { /* long literals of FHIRPath 2.1 are integers here */
        s->now.text = (struct r4_str){s->now.p, (size_t)(s->p - s->now.p)};
        s->p++;
    } else {
        s->now.text = (struct r4_str){s->now.p, (size_t)(s->p - s->now.p)};
    }
    s->now.kind = T_NUMBER;
}

/* @2015-02-04T14:34:28Z, @T14:30 */
static void read_date(struct reader *s)
{
    const char *from = ++s->p;
    while (s->p < s->end && (isdigit((unsigned char)*s->p) || strchr("-:T+.Z", *s->p))) {
        if (*s->p == '.' && !(s->end - s->p > 1 && isdigit((unsigned char)s->p[1]))) /* a function on it */
            break;
        s->p++;
    }
    s->now.kind = T_DATE;
    s->now.text = (struct r4_str){from, (size_t)(s->p - from)};
}

static bool name_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static void read_name(struct reader *s, enum token_kind kind)
{
    const char *from = s->p;
    while (s->p < s->end && name_char(*s->p))
        s->p++;
    s->now.kind = s->p > from ? kind : T_WRONG;
    s->now.text = (struct r4_str){from, (size_t)(s->p - from)};
}

static void read_sign(struct reader *s)
{
    static const char *const two[] = {"<=", ">=", "!=", "!~"};
    size_t n = 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (s->end - s->p >= 2 && memcmp(s->p, two[i], 2) == 0)
            n = 2;
    s->now.kind = strchr(".,()[]{}=~<>|+-*/&", *s->p) || n == 2 ? T_SIGN : T_WRONG;
    s->now.text = (struct r4_str){s->p, n};
    s->p += n;
}

void token_next(struct reader *s)
{
    skip(s);
    s->now = (struct token){.p = s->p};
    if (s->p >= s->end)
        return;
    char c = *s->p;
    if (isalpha((unsigned char)c) || c == '_') {
        read_name(s, T_NAME);
    } else if (isdigit((unsigned char)c)) {
        read_number(s);
    } else if (c == '\'' || c == '"') {
        read_quoted(s, T_STRING);
    } else if (c == '`') {
        read_quoted(s, T_QUOTED_NAME);
    } else if (c == '@') {
        read_date(s);
    } else if (c == '%') {
        s->p++;
        if (s->p < s->end && (*s->p == '`' || *s->p == '\''))
            read_quoted(s, T_VARIABLE);
        else
            read_name(s, T_VARIABLE);
    } else if (c == '$') {
        s->p++;
        read_name(s, T_DOLLAR);
    } else {
        read_sign(s);
    }
    s->now.n = (size_t)(s->p - s->now.p);
    if (s->now.kind == T_WRONG)
        token_wrong(s, "unexpected character");
}

bool token_is_sign(const struct reader *s, const char *sign)
{
    return s->now.kind == T_SIGN && r4_str_is(s->now.text, sign);
}

bool token_is_word(const struct reader *s, const char *word)
{
    return s->now.kind == T_NAME && r4_str_is(s->now.text, word);
}

bool token_take(struct reader *s, const char *sign)
{
    if (!token_is_sign(s, sign))
        return false;
    token_next(s);
    return true;
}
