#include "records/r4/date.h"
#include "records/r4/fhirpath_ast.h"
#include "records/r4/pattern.h"
#include "records/r4/search.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Functions of FHIRPath on text, numbers, dates, and conversions between them. Positions in text are characters, not bytes. */

#define FN(name) static int fn_##name(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out)

/* The single text the function is called on: 1 there is one, 0 none (empty result), < 0 error. */
static int subject(struct run *s, const struct r4_items *in, struct r4_str *out)
{
    if (!in->n)
        return 0;
    if (in->n > 1)
        return r4_run_error(s, "a single value was expected, there are %zu", in->n);
    struct r4_item v = r4_system_value(&in->list[0]);
    if (v.kind == R4_I_NODE || v.kind == R4_I_BOOLEAN || !v.text.p)
        return v.kind == R4_I_NODE && !v.node ? 0 : r4_run_error(s, "a text was expected");
    *out = v.text;
    return 1;
}

/* Text and one text argument: 1 both there. */
static int subject_and_text(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_str *text, struct r4_str *other)
{
    struct r4_item a = {0};
    *text = *other = R4_STR("");
    int rc = subject(s, in, text);
    if (rc != 1)
        return rc;
    rc = r4_arg(s, n, 0, &a);
    if (rc == 1 && a.kind != R4_I_STRING)
        return r4_run_error(s, "a text was expected as argument");
    *other = a.text;
    return rc;
}

static size_t characters(struct r4_str t)
{
    size_t count = 0;
    for (size_t i = 0; i < t.n; i++)
        count += (t.p[i] & 0xC0) != 0x80;
    return count;
}

/* Byte position of character k, t.n when there are fewer. */
static size_t byte_of(struct r4_str t, size_t k)
{
    size_t i = 0;
    while (i < t.n && (k || (t.p[i] & 0xC0) == 0x80)) {
        i++;
        while (i < t.n && (t.p[i] & 0xC0) == 0x80)
            i++;
        if (k)
            k--;
    }
    return i;
}

static const char *find(struct r4_str t, struct r4_str what)
{
    return what.n == 0 ? t.p : t.n ? memmem(t.p, t.n, what.p, what.n) : NULL;
}

FN(startsWith)
{
    struct r4_str t, a;
    int rc = subject_and_text(s, n, in, &t, &a);
    return rc != 1 ? rc : r4_put_bool(s, out, a.n <= t.n && memcmp(t.p, a.p, a.n) == 0);
}

FN(endsWith)
{
    struct r4_str t, a;
    int rc = subject_and_text(s, n, in, &t, &a);
    return rc != 1 ? rc : r4_put_bool(s, out, a.n <= t.n && memcmp(t.p + t.n - a.n, a.p, a.n) == 0);
}

FN(contains)
{
    struct r4_str t, a;
    int rc = subject_and_text(s, n, in, &t, &a);
    return rc != 1 ? rc : r4_put_bool(s, out, find(t, a) != NULL);
}

FN(indexOf)
{
    struct r4_str t, a;
    int rc = subject_and_text(s, n, in, &t, &a);
    if (rc != 1)
        return rc;
    const char *at = find(t, a);
    return r4_put_int(s, out, at ? (int64_t)characters((struct r4_str){t.p, (size_t)(at - t.p)}) : -1);
}

FN(lastIndexOf)
{
    struct r4_str t, a;
    int rc = subject_and_text(s, n, in, &t, &a);
    if (rc != 1)
        return rc;
    for (size_t i = t.n >= a.n ? t.n - a.n + 1 : 0; i-- > 0;)
        if (memcmp(t.p + i, a.p, a.n) == 0)
            return r4_put_int(s, out, (int64_t)characters((struct r4_str){t.p, i}));
    return r4_put_int(s, out, -1);
}

FN(substring)
{
    struct r4_str t = {0};
    struct r4_item from = {0}, length = {.number = 1e9};
    int rc = subject(s, in, &t);
    if (rc != 1)
        return rc;
    rc = r4_arg(s, n, 0, &from);
    if (rc != 1)
        return rc;
    if ((rc = r4_arg(s, n, 1, &length)) < 0)
        return rc;
    if (from.number < 0 || from.number >= (double)characters(t))
        return 0;
    size_t a = byte_of(t, (size_t)from.number);
    struct r4_str rest = {t.p + a, t.n - a};
    return r4_put_text(s, out, R4_I_STRING, rest.p, length.number <= 0 ? 0 : byte_of(rest, (size_t)length.number));
}

static int change(struct run *s, const struct r4_items *in, struct r4_items *out, int (*with)(int))
{
    struct r4_str t = {0};
    int rc = subject(s, in, &t);
    if (rc != 1)
        return rc;
    rc = r4_put_text(s, out, R4_I_STRING, t.p, t.n);
    char *p = rc ? NULL : (char *)(uintptr_t)out->list[out->n - 1].text.p;
    for (size_t i = 0; p && i < t.n; i++)
        if (!(p[i] & 0x80))
            p[i] = (char)with(p[i]);
    return rc;
}

FN(upper)
{
    return change(s, in, out, toupper);
}

FN(lower)
{
    return change(s, in, out, tolower);
}

FN(length)
{
    struct r4_str t = {0};
    int rc = subject(s, in, &t);
    return rc != 1 ? rc : r4_put_int(s, out, (int64_t)characters(t));
}

FN(trim)
{
    struct r4_str t = {0};
    int rc = subject(s, in, &t);
    if (rc != 1)
        return rc;
    while (t.n && isspace((unsigned char)t.p[t.n - 1]))
        t.n--;
    while (t.n && isspace((unsigned char)*t.p)) {
        t.p++;
        t.n--;
    }
    return r4_put_text(s, out, R4_I_STRING, t.p, t.n);
}

static int put_buf(struct run *s, struct r4_items *out, struct r4_buf *b)
{
    int rc = b->failed ? ERR_STORAGE : r4_put_text(s, out, R4_I_STRING, b->p ? b->p : "", b->n);
    r4_buf_clear(b);
    return rc;
}

FN(replace)
{
    struct r4_str t, a;
    struct r4_item with = {0};
    int rc = subject_and_text(s, n, in, &t, &a);
    if (rc != 1 || (rc = r4_arg(s, n, 1, &with)) != 1)
        return rc;
    struct r4_buf b = {0};
    const char *p = t.p, *end = p ? p + t.n : p;
    while (p < end) {
        const char *at = a.n ? memmem(p, (size_t)(end - p), a.p, a.n) : p;
        if (!at)
            break;
        size_t keep = a.n ? (size_t)(at - p) : 1;
        if (a.n)
            r4_buf_put(&b, p, keep);
        r4_buf_put(&b, with.text.p, with.text.n);
        if (!a.n)
            r4_buf_put(&b, p, 1);
        p = a.n ? at + a.n : p + 1;
    }
    r4_buf_put(&b, p, (size_t)(end - p));
    if (!a.n)
        r4_buf_put(&b, with.text.p, with.text.n);
    return put_buf(s, out, &b);
}

FN(split)
{
    struct r4_str t, a;
    int rc = subject_and_text(s, n, in, &t, &a);
    if (rc != 1)
        return rc;
    const char *p = t.p, *end = p ? p + t.n : p;
    rc = 0;
    for (const char *at; !rc && a.n && (at = memmem(p, (size_t)(end - p), a.p, a.n)); p = at + a.n)
        rc = r4_put_text(s, out, R4_I_STRING, p, (size_t)(at - p));
    return rc ? rc : r4_put_text(s, out, R4_I_STRING, p, (size_t)(end - p));
}

FN(join)
{
    struct r4_item with = {0};
    int rc = r4_arg(s, n, 0, &with);
    if (rc < 0 || rc > 1)
        return rc;
    struct r4_buf b = {0}; /* of nothing: the empty text, as SQL on FHIR has it */
    for (size_t i = 0; i < in->n; i++) {
        struct r4_item v = r4_system_value(&in->list[i]);
        if (i && with.text.n)
            r4_buf_put(&b, with.text.p, with.text.n);
        if (v.text.n)
            r4_buf_put(&b, v.text.p, v.text.n);
    }
    return put_buf(s, out, &b);
}

FN(toChars)
{
    struct r4_str t = {0};
    int rc = subject(s, in, &t);
    if (rc != 1)
        return rc;
    rc = 0;
    while (!rc && t.n) {
        size_t one = byte_of(t, 1);
        rc = r4_put_text(s, out, R4_I_STRING, t.p, one);
        t.p += one;
        t.n -= one;
    }
    return rc;
}

/* ---- regular expressions ---- */

static int compile(struct run *s, struct r4_str pattern, bool whole, regex_t *re)
{
    return r4_pattern_compile(pattern.p, pattern.n, whole, re) ? 0 : r4_run_error(s, "a regular expression that cannot be read");
}

static int match(struct run *s, const struct r4_ast *n, const struct r4_items *in, struct r4_items *out, bool whole)
{
    struct r4_str t, pattern;
    int rc = subject_and_text(s, n, in, &t, &pattern);
    regex_t re;
    if (rc != 1 || (rc = compile(s, pattern, whole, &re)))
        return rc;
    char *text = r4_doc_copy(s->doc, t.p, t.n);
    bool found = text && regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return r4_put_bool(s, out, found);
}

FN(matches)
{
    return match(s, n, in, out, false);
}

FN(matchesFull)
{
    return match(s, n, in, out, true);
}

/* $1 .. $9 in the substitution stand for groups. */
static void substitute(struct r4_buf *b, struct r4_str with, const char *text, const regmatch_t *m)
{
    for (size_t i = 0; i < with.n; i++) {
        char c = with.p[i], d = i + 1 < with.n ? with.p[i + 1] : 0;
        if (c == '$' && d >= '0' && d <= '9') {
            const regmatch_t *g = &m[d - '0'];
            if (g->rm_so >= 0)
                r4_buf_put(b, text + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
            i++;
        } else {
            r4_buf_put(b, &c, 1);
        }
    }
}

FN(replaceMatches)
{
    struct r4_str t, pattern;
    struct r4_item with = {0};
    int rc = subject_and_text(s, n, in, &t, &pattern);
    if (rc != 1 || (rc = r4_arg(s, n, 1, &with)) != 1)
        return rc;
    if (pattern.n == 0)
        return r4_put_text(s, out, R4_I_STRING, t.p, t.n);
    regex_t re;
    if ((rc = compile(s, pattern, false, &re)))
        return rc;
    const char *text = r4_doc_copy(s->doc, t.p, t.n);
    struct r4_buf b = {0};
    regmatch_t m[10];
    bool more = text != NULL;
    for (int flags = 0; more && *text && regexec(&re, text, 10, m, flags) == 0; flags = REG_NOTBOL) {
        r4_buf_put(&b, text, (size_t)m[0].rm_so);
        substitute(&b, with.text, text, m);
        if (m[0].rm_eo == m[0].rm_so)
            r4_buf_put(&b, text + m[0].rm_so, 1);
        text += m[0].rm_eo + (m[0].rm_eo == m[0].rm_so);
    }
    if (text)
        r4_buf_puts(&b, text);
    regfree(&re);
    return put_buf(s, out, &b);
}

/* ---- encodings ---- */

static void put_base64(struct r4_buf *b, struct r4_str t, bool url)
{
    const char *set = url ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < t.n; i += 3) {
        size_t left = t.n - i;
        uint32_t v = (uint32_t)(unsigned char)t.p[i] << 16 | (left > 1 ? (uint32_t)(unsigned char)t.p[i + 1] << 8 : 0) | (left > 2 ? (unsigned char)t.p[i + 2] : 0);
        char four[4] = {set[v >> 18], set[v >> 12 & 63], left > 1 ? set[v >> 6 & 63] : '=', left > 2 ? set[v & 63] : '='};
        r4_buf_put(b, four, 4);
    }
}

static bool take_base64(struct r4_buf *b, struct r4_str t)
{
    uint32_t v = 0;
    int bits = 0;
    for (size_t i = 0; i < t.n && t.p[i] != '='; i++) {
        char c = t.p[i];
        int x = c >= 'A' && c <= 'Z'   ? c - 'A'
                : c >= 'a' && c <= 'z' ? c - 'a' + 26
                : c >= '0' && c <= '9' ? c - '0' + 52
                : c == '+' || c == '-' ? 62
                : c == '/' || c == '_' ? 63
                                       : -1;
        if (x < 0)
            return false;
        v = v << 6 | (uint32_t)x;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            char byte = (char)(v >> bits);
            r4_buf_put(b, &byte, 1);
        }
    }
    return true;
}

static bool take_hex(struct r4_buf *b, struct r4_str t)
{
    for (size_t i = 0; i + 1 < t.n; i += 2) {
        char two[3] = {t.p[i], t.p[i + 1], 0}, *stop, byte = (char)strtoul(two, &stop, 16);
        if (*stop)
            return false;
        r4_buf_put(b, &byte, 1);
    }
    return t.n % 2 == 0;
}

FN(encode)
{
    struct r4_str t, how;
    int rc = subject_and_text(s, n, in, &t, &how);
    if (rc != 1)
        return rc;
    struct r4_buf b = {0};
    if (r4_str_is(how, "hex"))
        for (size_t i = 0; i < t.n; i++)
            r4_buf_printf(&b, "%02x", (unsigned char)t.p[i]);
    else if (r4_str_is(how, "base64") || r4_str_is(how, "urlbase64"))
        put_base64(&b, t, how.p[0] == 'u');
    else
        return 0;
    return put_buf(s, out, &b);
}

FN(decode)
{
    struct r4_str t, how;
    int rc = subject_and_text(s, n, in, &t, &how);
    if (rc != 1)
        return rc;
    struct r4_buf b = {0};
    bool ok = r4_str_is(how, "hex") ? take_hex(&b, t) : r4_str_is(how, "base64") || r4_str_is(how, "urlbase64") ? take_base64(&b, t) : false;
    if (ok)
        return put_buf(s, out, &b);
    r4_buf_clear(&b);
    return 0;
}

static const struct entity {
    const char *text, *coded;
} entities[] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}};

FN(escape)
{
    struct r4_str t, how;
    int rc = subject_and_text(s, n, in, &t, &how);
    if (rc != 1)
        return rc;
    struct r4_buf b = {0};
    if (r4_str_is(how, "json")) {
        r4_buf_quote(&b, t.p, t.n);
        rc = r4_put_text(s, out, R4_I_STRING, b.p + 1, b.n - 2);
        r4_buf_clear(&b);
        return rc;
    }
    if (!r4_str_is(how, "html"))
        return 0;
    for (size_t i = 0; i < t.n; i++) {
        const struct entity *found = NULL;
        for (size_t k = 0; k < sizeof entities / sizeof *entities; k++)
            if (*entities[k].text == t.p[i])
                found = &entities[k];
        r4_buf_put(&b, found ? found->coded : t.p + i, found ? strlen(found->coded) : 1);
    }
    return put_buf(s, out, &b);
}

/* What is no escape stays as it is. */
static int unescape_json(struct run *s, struct r4_str t, struct r4_items *out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    struct r4_buf b = {0};
    for (size_t i = 0; i < t.n; i++) {
        const char *found = t.p[i] == '\\' && i + 1 < t.n ? memchr(letters, t.p[i + 1], sizeof letters - 1) : NULL;
        if (t.p[i] == '\\' && t.n - i >= 6 && t.p[i + 1] == 'u') { /* the JSON reader knows surrogates */
            size_t take = t.n - i >= 12 && t.p[i + 6] == '\\' && t.p[i + 7] == 'u' && (t.p[i + 2] | 32) == 'd' ? 12 : 6;
            struct r4_node *one = NULL;
            char quoted[16];
            int n = snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)take, t.p + i);
            char *kept = r4_doc_copy(s->doc, quoted, (size_t)n);
            if (kept && !r4_json_parse(s->doc, kept, (size_t)n, &one, NULL)) {
                r4_buf_put(&b, one->text, one->len);
                i += take - 1;
                continue;
            }
        }
        r4_buf_put(&b, found ? &meant[found - letters] : t.p + i, 1);
        i += found != NULL;
    }
    return put_buf(s, out, &b);
}

FN(unescape)
{
    struct r4_str t, how;
    int rc = subject_and_text(s, n, in, &t, &how);
    if (rc != 1)
        return rc;
    if (r4_str_is(how, "json"))
        return unescape_json(s, t, out);
    if (!r4_str_is(how, "html"))
        return 0;
    struct r4_buf b = {0};
    for (size_t i = 0; i < t.n;) {
        size_t k = 0;
        while (k < 5 && !(t.n - i >= strlen(entities[k].coded) && memcmp(t.p + i, entities[k].coded, strlen(entities[k].coded)) == 0))
            k++;
        r4_buf_put(&b, k < 5 ? entities[k].text : t.p + i, 1);
        i += k < 5 ? strlen(entities[k].coded) : 1;
    }
    return put_buf(s, out, &b);
}

static const struct r4_function functions[] = {
    {"startsWith", 1, 1, fn_startsWith}, {"endsWith", 1, 1, fn_endsWith}, {"contains", 1, 1, fn_contains}, {"indexOf", 1, 1, fn_indexOf},
    {"lastIndexOf", 1, 1, fn_lastIndexOf}, {"substring", 1, 2, fn_substring}, {"upper", 0, 0, fn_upper}, {"lower", 0, 0, fn_lower},
    {"length", 0, 0, fn_length}, {"trim", 0, 0, fn_trim}, {"replace", 2, 2, fn_replace}, {"split", 1, 1, fn_split}, {"join", 0, 1, fn_join},
    {"toChars", 0, 0, fn_toChars}, {"matches", 1, 1, fn_matches}, {"matchesFull", 1, 1, fn_matchesFull},
    {"replaceMatches", 2, 2, fn_replaceMatches}, {"encode", 1, 1, fn_encode}, {"decode", 1, 1, fn_decode}, {"escape", 1, 1, fn_escape},
    {"unescape", 1, 1, fn_unescape}};

const struct r4_function *r4_text_function_find(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strlen(functions[i].name) == n && memcmp(functions[i].name, name, n) == 0)
            return &functions[i];
    return r4_value_function_find(name, n);
}
