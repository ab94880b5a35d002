/* json - JSON as FHIR needs it (RFC 8259; FHIR R4 2.6 json.html): numbers keep the text they were written with (1.0 stays 1.0), members keep
 * their order, and every value knows which bytes of the text it came from, so that a Bundle's entries can be cut out unchanged.
 *
 * Hides: the arena. One `struct r4_doc` owns every node made in it; nodes are freed together. A node's text points into the parsed text
 * where that needs no unescaping, so the caller keeps the text as long as the nodes. Texts are UTF-8 and not NUL-terminated.
 * Thread: a doc has one user at a time; nodes that nobody edits may be read by any thread.
 */
#ifndef YL_RECORDS_R4_JSON_H
#define YL_RECORDS_R4_JSON_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define R4_DEPTH_MAX 64 /* of nested objects and arrays: deeper text is refused */

enum r4_kind { R4_OBJECT = 1, R4_ARRAY, R4_STRING, R4_NUMBER, R4_TRUE, R4_FALSE, R4_NULL };

struct r4_str {
    const char *p; /* not NUL-terminated; NULL = absent */
    size_t n;
};
#define R4_STR(literal) ((struct r4_str){(literal), sizeof(literal) - 1})

struct r4_node {
    const char *key; /* of a member, unescaped; NULL for the root and for items of an array */
    union {
        const char *text;       /* R4_STRING unescaped, R4_NUMBER as written */
        struct r4_node *child;  /* R4_OBJECT, R4_ARRAY: the first, or NULL */
    };
    struct r4_node *next;
    uint32_t key_hash; /* r4_hash of the key */
    uint32_t len;      /* bytes of text, or how many members or items */
    uint32_t at, end;  /* the value's bytes in the parsed text; both 0 for a made node */
    uint16_t key_len;
    uint8_t kind;
};

struct r4_json_error {
    size_t at;             /* byte */
    unsigned line, column; /* from 1; column in bytes */
    const char *reason;    /* static, plain words; NULL = none */
};

struct r4_doc;
struct r4_doc *r4_doc_new(void); /* NULL: no memory */
void r4_doc_free(struct r4_doc *d);
void r4_doc_reset(struct r4_doc *d); /* forgets all nodes and keeps the memory for the next ones */
/* Back to how it was at the mark: what was made since is gone. */
struct r4_mark {
    void *chunk;
    char *p;
};
struct r4_mark r4_doc_mark(const struct r4_doc *d);
void r4_doc_rewind(struct r4_doc *d, struct r4_mark mark);
/* Memory that lives as long as the nodes, 8-aligned, not cleared; NULL: no memory. */
void *r4_doc_alloc(struct r4_doc *d, size_t n);
char *r4_doc_copy(struct r4_doc *d, const char *text, size_t n); /* with a NUL behind */

/* Parses one JSON text (a BOM in front is skipped), adding to what d holds. Strict: no trailing comma, comment, control character in a
 * string, lone surrogate or ill-formed UTF-8. A member name written twice is kept twice: the validator says where. Texts up to 4 GB - 1.
 * 0; ERR_MALFORMED with *e filled (e may be NULL); ERR_STORAGE without memory. */
YL_CHECKED int r4_json_parse(struct r4_doc *d, const char *text, size_t len, struct r4_node **root, struct r4_json_error *e);

/* The end of the run of printable ASCII without quote and backslash that begins at p. */
const char *r4_plain_run(const char *p, const char *end);

/* ---- reading ---- */
uint32_t r4_hash(const char *key, size_t n);
/* The first member of that name; NULL when there is none, or when object is NULL or no object. */
struct r4_node *r4_get(const struct r4_node *object, const char *key);
struct r4_node *r4_get_n(const struct r4_node *object, const char *key, size_t n);
struct r4_node *r4_get_hash(const struct r4_node *object, uint32_t hash, const char *key, size_t n); /* hash known already */
/* Steps through members, "meta.versionId"; a number picks an item, "entry.0.resource". NULL when a step is missing. */
struct r4_node *r4_at(const struct r4_node *node, const char *path);
struct r4_node *r4_item(const struct r4_node *array, size_t i);
struct r4_str r4_text(const struct r4_node *node); /* of a string or number; {NULL, 0} for others and for NULL */
bool r4_is(const struct r4_node *node, const char *text); /* a string with exactly this text */

static inline bool r4_str_is(struct r4_str s, const char *text)
{
    return s.p && strlen(text) == s.n && memcmp(s.p, text, s.n) == 0;
}

/* ---- editing; results are NULL without memory ---- */
struct r4_node *r4_new(struct r4_doc *d, enum r4_kind kind);               /* object, array, true, false, null */
struct r4_node *r4_new_string(struct r4_doc *d, const char *text, size_t n); /* copied */
struct r4_node *r4_new_number(struct r4_doc *d, int64_t value);
struct r4_node *r4_copy(struct r4_doc *d, const struct r4_node *node);     /* the whole tree; texts are shared */
/* Takes value. Replaces the member in its place, or adds it last. `key` is copied. Returns value; NULL without memory. */
struct r4_node *r4_set(struct r4_doc *d, struct r4_node *object, const char *key, struct r4_node *value);
struct r4_node *r4_set_string(struct r4_doc *d, struct r4_node *object, const char *key, const char *text);
/* Like r4_set, but a new member becomes the first, or follows the member `after`. */
struct r4_node *r4_set_after(struct r4_doc *d, struct r4_node *object, const char *after, const char *key, struct r4_node *value);
bool r4_unset(struct r4_node *object, const char *key); /* whether it was there */
struct r4_node *r4_append(struct r4_node *array, struct r4_node *value); /* takes value */
bool r4_insert(struct r4_node *array, size_t i, struct r4_node *value);  /* before item i; i = len appends; false: i is past the end */
bool r4_remove(struct r4_node *array, size_t i);
bool r4_equal(const struct r4_node *a, const struct r4_node *b); /* as JSON values: order of members does not matter, 1.0 is not 1 */

/* ---- writing ---- */
struct r4_buf { /* zero it before use; p is NUL-terminated once something was written */
    char *p;
    size_t n, cap;
    bool failed; /* no memory: later writes are dropped */
};
void r4_buf_clear(struct r4_buf *b); /* frees */
void r4_buf_put(struct r4_buf *b, const char *text, size_t n);
void r4_buf_puts(struct r4_buf *b, const char *text);
void r4_buf_printf(struct r4_buf *b, const char *fmt, ...) YL_PRINTF(2, 3);
void r4_buf_quote(struct r4_buf *b, const char *text, size_t n); /* as a JSON string with its quotes */
/* Without blanks, members in their order, numbers as they were written, only the escapes JSON demands. */
void r4_json_write(struct r4_buf *b, const struct r4_node *node);
#endif
