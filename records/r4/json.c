#include "records/r4/json.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- the arena ---- */

#define CHUNK_FIRST ((size_t)64 << 10)
#define CHUNK_MOST ((size_t)4 << 20)

struct chunk {
    struct chunk *next;
    size_t cap;
    max_align_t data[];
};

struct r4_doc {
    struct chunk *first, *now;
    char *p, *end; /* free bytes of `now` */
};

static struct chunk *chunk_new(size_t cap)
{
    struct chunk *c = malloc(sizeof *c + cap);
    if (c) {
        c->next = NULL;
        c->cap = cap;
    }
    return c;
}

static void use_chunk(struct r4_doc *d, struct chunk *c)
{
    d->now = c;
    d->p = (char *)c->data;
    d->end = d->p + c->cap;
}

struct r4_doc *r4_doc_new(void)
{
    struct r4_doc *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->first = chunk_new(CHUNK_FIRST);
    if (!d->first) {
        free(d);
        return NULL;
    }
    use_chunk(d, d->first);
    return d;
}

void r4_doc_free(struct r4_doc *d)
{
    if (!d)
        return;
    for (struct chunk *c = d->first, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    free(d);
}

void r4_doc_reset(struct r4_doc *d)
{
    use_chunk(d, d->first);
}

struct r4_mark r4_doc_mark(const struct r4_doc *d)
{
    return (struct r4_mark){d->now, d->p};
}

void r4_doc_rewind(struct r4_doc *d, struct r4_mark mark)
{
    use_chunk(d, mark.chunk);
    d->p = mark.p;
}

static void *alloc_slow(struct r4_doc *d, size_t n)
{
    while (d->now->next) { /* kept from before a reset */
        use_chunk(d, d->now->next);
        if ((size_t)(d->end - d->p) >= n)
            goto take;
    }
    size_t cap = d->now->cap < CHUNK_MOST ? d->now->cap * 2 : CHUNK_MOST;
    struct chunk *c = chunk_new(cap > n ? cap : n);
    if (!c)
        return NULL;
    d->now->next = c;
    use_chunk(d, c);
take:;
    void *p = d->p;
    d->p += n;
    return p;
}

void *r4_doc_alloc(struct r4_doc *d, size_t n)
{
    n = (n + 7) & ~(size_t)7;
    if ((size_t)(d->end - d->p) < n)
        return alloc_slow(d, n);
    void *p = d->p;
    d->p += n;
    return p;
}

char *r4_doc_copy(struct r4_doc *d, const char *text, size_t n)
{
    char *p = r4_doc_alloc(d, n + 1);
    if (p) {
        if (n)
            memcpy(p, text, n);
        p[n] = 0;
    }
    return p;
}

/* ---- reading text ---- */

struct parser {
    struct r4_doc *d;
    const char *text, *p, *end;
    const char *reason; /* of the first error; p is where */
    int depth;
    bool no_memory;
};

uint32_t r4_hash(const char *key, size_t n)
{
    uint64_t a = 0, b = 0;
    if (n >= 8) {
        memcpy(&a, key, 8);
        memcpy(&b, key + n - 8, 8);
    } else if (n >= 4) {
        uint32_t x, y;
        memcpy(&x, key, 4);
        memcpy(&y, key + n - 4, 4);
        a = x | (uint64_t)y << 32;
    } else if (n) {
        a = (unsigned char)key[0] | (uint64_t)(unsigned char)key[n / 2] << 8 | (uint64_t)(unsigned char)key[n - 1] << 16;
    }
    uint64_t h = (a ^ n) * 0x9E3779B97F4A7C15u ^ (b + 0x632BE59BD9B4E019u) * 0xC2B2AE3D27D4EB4Fu;
    return (uint32_t)(h ^ h >> 29 ^ h >> 47);
}

static bool fail(struct parser *s, const char *at, const char *reason)
{
    if (!s->reason) {
        s->reason = reason;
        s->p = at;
    }
    return false;
}

static struct r4_node *node_new(struct parser *s, enum r4_kind kind)
{
    struct r4_node *n = r4_doc_alloc(s->d, sizeof *n);
    if (!n) {
        s->no_memory = true;
        fail(s, s->p, "no memory");
        return NULL;
    }
    *n = (struct r4_node){.kind = (uint8_t)kind, .at = (uint32_t)(s->p - s->text)};
    return n;
}

static inline void skip_blanks(struct parser *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
        s->p++;
}

/* A quote, a backslash, a control character or a byte beyond ASCII somewhere in these eight? The high bit of each such byte is set; bytes
 * above the lowest one may be wrong, which is why only the lowest is used. */
static inline uint64_t special_bytes(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    uint64_t q = w ^ ones * '"', b = w ^ ones * '\\';
    return ((w - ones * 0x20) | (q - ones) | (b - ones) | w) & high;
}

const char *r4_plain_run(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t w;
        memcpy(&w, p, 8);
        uint64_t found = special_bytes(w);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        if (found)
            return p + (__builtin_ctzll(found) >> 3);
#else
        if (found)
            break;
#endif
        p += 8;
    }
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/* Bytes of the well-formed UTF-8 character at p (Unicode 15 table 3-7), 0 = ill-formed. */
static size_t utf8_length(const char *text, const char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = (size_t)(end - text);
    unsigned char c = p[0];
    if (c >= 0xC2 && c <= 0xDF)
        return left > 1 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    if (c >= 0xE0 && c <= 0xEF) {
        if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80)
            return 0;
        return (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ? 0 : 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        if (left < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80)
            return 0;
        return (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F) ? 0 : 4;
    }
    return 0;
}

/* The end of the string that begins behind the quote at p: at its closing quote. *escaped says whether it needs unescaping. */
static const char *string_end(struct parser *s, const char *p, bool *escaped)
{
    for (;;) {
        p = r4_plain_run(p, s->end);
        if (p >= s->end) {
            fail(s, p, "the text ends within a string");
            return NULL;
        }
        unsigned char c = (unsigned char)*p;
        if (c == '"')
            return p;
        if (c == '\\') {
            *escaped = true;
            p += 2;
        } else if (c < 0x20) {
            fail(s, p, "a control character in a string must be escaped");
            return NULL;
        } else {
            size_t n = utf8_length(p, s->end);
            if (!n) {
                fail(s, p, "not UTF-8");
                return NULL;
            }
            p += n;
        }
    }
}

static int hex4(const char *p, const char *end)
{
    if (end - p < 4)
        return -1;
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int x = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (x < 0)
            return -1;
        v = v * 16 + x;
    }
    return v;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *out++ = (char)(0xE0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    } else {
        *out++ = (char)(0xF0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
        *out++ = (char)(0x80 | (c & 0x3F));
    }
    return out;
}

/* \uXXXX at p (behind the u), with the second half of a surrogate pair. NULL: wrong. */
static const char *unescape_u(const char *p, const char *end, uint32_t *out)
{
    int a = hex4(p, end);
    if (a < 0 || (a >= 0xDC00 && a <= 0xDFFF))
        return NULL;
    *out = (uint32_t)a;
    p += 4;
    if (a < 0xD800 || a > 0xDBFF)
        return p;
    int b = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;
    if (b < 0xDC00 || b > 0xDFFF)
        return NULL;
    *out = 0x10000 + (((uint32_t)a - 0xD800) << 10) + ((uint32_t)b - 0xDC00);
    return p + 6;
}

static const char *unescape(struct parser *s, const char *from, const char *to, size_t *n)
{
    static const char from_letter[] = "\"\\/bfnrt", to_char[] = "\"\\/\b\f\n\r\t";
    char *text = r4_doc_alloc(s->d, (size_t)(to - from) + 1), *out = text; /* never longer than it was */
    if (!text) {
        s->no_memory = true;
        fail(s, from, "no memory");
        return NULL;
    }
    for (const char *p = from; p < to;) {
        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }
        p++;
        const char *found = p < to && *p ? strchr(from_letter, *p) : NULL;
        uint32_t c = 0;
        if (found) {
            *out++ = to_char[found - from_letter];
            p++;
        } else if (p < to && *p == 'u' && (p = unescape_u(p + 1, to, &c))) {
            out = put_utf8(out, c);
        } else {
            fail(s, p ? p : from, "wrong escape in a string");
            return NULL;
        }
    }
    *n = (size_t)(out - text);
    return text;
}

/* The string whose opening quote is at s->p; s->p moves behind it. */
static const char *read_string(struct parser *s, size_t *n)
{
    const char *from = s->p + 1;
    bool escaped = false;
    const char *to = string_end(s, from, &escaped);
    if (!to)
        return NULL;
    *n = (size_t)(to - from);
    const char *text = escaped ? unescape(s, from, to, n) : from;
    if (text)
        s->p = to + 1;
    return text;
}

static bool digits(const char **p, const char *end)
{
    const char *from = *p;
    while (*p < end && **p >= '0' && **p <= '9')
        (*p)++;
    return *p > from;
}

static struct r4_node *read_number(struct parser *s)
{
    struct r4_node *n = node_new(s, R4_NUMBER);
    if (!n)
        return NULL;
    const char *p = s->p;
    n->text = p;
    if (p < s->end && *p == '-')
        p++;
    bool ok;
    if (p < s->end && *p == '0') {
        p++;
        ok = !(p < s->end && *p >= '0' && *p <= '9');
    } else {
        ok = digits(&p, s->end);
    }
    if (ok && p < s->end && *p == '.') {
        p++;
        ok = digits(&p, s->end);
    }
    if (ok && p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        ok = digits(&p, s->end);
    }
    if (!ok) {
        fail(s, p, "not a JSON value");
        return NULL;
    }
    n->len = (uint32_t)(p - s->p);
    s->p = p;
    return n;
}

static struct r4_node *read_word(struct parser *s, const char *word, size_t len, enum r4_kind kind)
{
    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0) {
        fail(s, s->p, "not a JSON value");
        return NULL;
    }
    struct r4_node *n = node_new(s, kind);
    if (n)
        s->p += len;
    return n;
}

static struct r4_node *read_value(struct parser *s);

static struct r4_node *read_member(struct parser *s)
{
    if (s->p >= s->end || *s->p != '"') {
        fail(s, s->p, "a member name in quotes was expected");
        return NULL;
    }
    const char *at = s->p;
    size_t n = 0;
    const char *key = read_string(s, &n);
    if (!key)
        return NULL;
    if (n > UINT16_MAX) {
        fail(s, at, "a member name is too long");
        return NULL;
    }
    skip_blanks(s);
    if (s->p >= s->end || *s->p != ':') {
        fail(s, s->p, "':' was expected");
        return NULL;
    }
    s->p++;
    skip_blanks(s);
    struct r4_node *value = read_value(s);
    if (value) {
        value->key = key;
        value->key_len = (uint16_t)n;
        value->key_hash = r4_hash(key, n);
    }
    return value;
}

static struct r4_node *read_list(struct parser *s, enum r4_kind kind, char close)
{
    struct r4_node *list = node_new(s, kind), **tail;
    if (!list)
        return NULL;
    if (++s->depth > R4_DEPTH_MAX) {
        fail(s, s->p, "nested too deeply");
        return NULL;
    }
    tail = &list->child;
    s->p++;
    skip_blanks(s);
    if (s->p < s->end && *s->p == close)
        goto done;
    for (;;) {
        struct r4_node *one = kind == R4_OBJECT ? read_member(s) : read_value(s);
        if (!one)
            return NULL;
        *tail = one;
        tail = &one->next;
        list->len++;
        skip_blanks(s);
        if (s->p < s->end && *s->p == close)
            break;
        if (s->p >= s->end || *s->p != ',') {
            fail(s, s->p, s->p >= s->end ? "the text ends too early" : "',' or the end of the list was expected");
            return NULL;
        }
        s->p++;
        skip_blanks(s);
    }
done:
    s->p++;
    s->depth--;
    return list;
}

static struct r4_node *read_text(struct parser *s)
{
    struct r4_node *n = node_new(s, R4_STRING);
    if (!n)
        return NULL;
    size_t len = 0;
    n->text = read_string(s, &len);
    n->len = (uint32_t)len;
    return n->text ? n : NULL;
}

static struct r4_node *read_value(struct parser *s)
{
    struct r4_node *n;
    switch (s->p < s->end ? *s->p : 0) {
    case '{':
        n = read_list(s, R4_OBJECT, '}');
        break;
    case '[':
        n = read_list(s, R4_ARRAY, ']');
        break;
    case '"':
        n = read_text(s);
        break;
    case 't':
        n = read_word(s, "true", 4, R4_TRUE);
        break;
    case 'f':
        n = read_word(s, "false", 5, R4_FALSE);
        break;
    case 'n':
        n = read_word(s, "null", 4, R4_NULL);
        break;
    default:
        n = read_number(s);
    }
    if (n)
        n->end = (uint32_t)(s->p - s->text);
    return n;
}

static void describe(const struct parser *s, struct r4_json_error *e)
{
    *e = (struct r4_json_error){(size_t)(s->p - s->text), 1, 1, s->reason};
    for (const char *p = s->text; p < s->p && p < s->end; p++) {
        e->column++;
        if (*p == '\n') {
            e->line++;
            e->column = 1;
        }
    }
}

int r4_json_parse(struct r4_doc *d, const char *text, size_t len, struct r4_node **root, struct r4_json_error *e)
{
    struct parser s = {.d = d, .text = text, .p = text, .end = text + len};
    *root = NULL;
    if (len >= UINT32_MAX) {
        fail(&s, text, "too large");
        s.end = text;
    } else {
        if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
            s.p += 3;
        skip_blanks(&s);
        *root = read_value(&s);
        skip_blanks(&s);
        if (*root && s.p < s.end)
            fail(&s, s.p, "more text behind the JSON value");
    }
    if (!s.reason)
        return 0;
    *root = NULL;
    if (e)
        describe(&s, e);
    return s.no_memory ? ERR_STORAGE : ERR_MALFORMED;
}
