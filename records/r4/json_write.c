#include "records/r4/json.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void r4_buf_clear(struct r4_buf *b)
{
    free(b->p);
    *b = (struct r4_buf){0};
}

static bool room(struct r4_buf *b, size_t n)
{
    if (b->failed)
        return false;
    if (b->n + n + 1 <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 1024;
    while (cap < b->n + n + 1)
        cap *= 2;
    char *p = realloc(b->p, cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void r4_buf_put(struct r4_buf *b, const char *text, size_t n)
{
    if (!room(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, text, n);
    b->n += n;
    b->p[b->n] = 0;
}

void r4_buf_puts(struct r4_buf *b, const char *text)
{
    r4_buf_put(b, text, strlen(text));
}

void r4_buf_printf(struct r4_buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !room(b, (size_t)n))
        return;
    va_start(args, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, args);
    va_end(args);
    b->n += (size_t)n;
}

static void put_escape(struct r4_buf *b, unsigned char c)
{
    static const char letters[] = "btn\0fr";
    char text[8];
    if (c == '"' || c == '\\')
        snprintf(text, sizeof text, "\\%c", c);
    else if (c >= 8 && c <= 13 && letters[c - 8])
        snprintf(text, sizeof text, "\\%c", letters[c - 8]);
    else
        snprintf(text, sizeof text, "\\u%04x", c);
    r4_buf_puts(b, text);
}

void r4_buf_quote(struct r4_buf *b, const char *text, size_t n)
{
    const char *end = text + n;
    r4_buf_put(b, "\"", 1);
    while (text < end) {
        const char *run = text;
        while ((run = r4_plain_run(run, end)) < end && (unsigned char)*run >= 0x80)
            run++;
        r4_buf_put(b, text, (size_t)(run - text));
        text = run;
        if (text < end)
            put_escape(b, (unsigned char)*text++);
    }
    r4_buf_put(b, "\"", 1);
}

static void write_list(struct r4_buf *b, const struct r4_node *list)
{
    bool object = list->kind == R4_OBJECT;
    r4_buf_put(b, object ? "{" : "[", 1);
    for (const struct r4_node *n = list->child; n; n = n->next) {
        if (n != list->child)
            r4_buf_put(b, ",", 1);
        if (object) {
            r4_buf_quote(b, n->key, n->key_len);
            r4_buf_put(b, ":", 1);
        }
        r4_json_write(b, n);
    }
    r4_buf_put(b, object ? "}" : "]", 1);
}

void r4_json_write(struct r4_buf *b, const struct r4_node *node)
{
    switch (node->kind) {
    case R4_OBJECT:
    case R4_ARRAY:
        write_list(b, node);
        break;
    case R4_STRING:
        r4_buf_quote(b, node->text, node->len);
        break;
    case R4_NUMBER:
        r4_buf_put(b, node->text, node->len);
        break;
    case R4_TRUE:
        r4_buf_put(b, "true", 4);
        break;
    case R4_FALSE:
        r4_buf_put(b, "false", 5);
        break;
    default:
        r4_buf_put(b, "null", 4);
    }
}
