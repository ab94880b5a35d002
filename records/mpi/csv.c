#include "records/mpi/csv.h"
#include "records/term/charset.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BYTES_MAX ((size_t)3 << 30)

/* ---- encodings ---- */

static void count_unreadable(struct csv *c)
{
    const char *end = c->bytes + c->len;
    size_t line = 1;
    for (const char *p = c->bytes; p < end; p++) {
        line += *p == '\n';
        if (end - p < 3 || memcmp(p, "\xEF\xBF\xBD", 3))
            continue;
        if (c->unreadable++ == 0)
            c->unreadable_line = line;
    }
}

static int settle_encoding(struct csv *c, struct fault *f)
{
    const char *charset;
    bool wide = c->len >= 2 && (memcmp(c->bytes, "\xFF\xFE", 2) == 0 || memcmp(c->bytes, "\xFE\xFF", 2) == 0);
    if (wide || !charset_utf8(c->bytes, c->len)) {
        size_t len;
        char *text = charset_decode(c->bytes, c->len, &len, &charset);
        if (!text)
            return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
        free(c->bytes);
        c->bytes = text;
        c->len = len;
        count_unreadable(c);
    }
    c->at = c->len >= 3 && memcmp(c->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    return 0;
}

/* ---- records ---- */

struct mpi_text csv_trim(struct mpi_text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t')) {
        t.p++;
        t.len--;
    }
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

static int wrong(const struct csv *c, size_t column, const char *what, struct fault *f)
{
    if (column < c->n_columns)
        return fault_set(f, ERR_INVALID, "csv", "%s, line %zu, column %zu (%.*s): %s.", c->name, c->line, column + 1,
                         (int)(c->column[column].len < 40 ? c->column[column].len : 40), c->column[column].p, what);
    return fault_set(f, ERR_INVALID, "csv", "%s, line %zu, column %zu: %s.", c->name, c->line, column + 1, what);
}

static bool line_end(char ch)
{
    return ch == '\n' || ch == '\r';
}

struct csv_piece {
    struct csv_piece *next;
    char text[];
};

/* The field with doubled quotes made single. */
static int undouble(struct csv *c, struct mpi_text *field, struct fault *f)
{
    struct csv_piece *piece = malloc(sizeof *piece + field->len);
    size_t n = 0;
    if (!piece)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    for (size_t i = 0; i < field->len; i++) {
        piece->text[n++] = field->p[i];
        i += field->p[i] == '"'; /* the second of the two */
    }
    piece->next = c->pieces;
    c->pieces = piece;
    *field = (struct mpi_text){piece->text, n};
    return 0;
}

static void forget(struct csv_piece **pieces)
{
    while (*pieces) {
        struct csv_piece *next = (*pieces)->next;
        free(*pieces);
        *pieces = next;
    }
}

/* A quoted field from behind its first quote. */
static int quoted(struct csv *c, size_t column, struct mpi_text *out, struct fault *f)
{
    bool doubled = false;
    const char *start = c->bytes + c->at;
    for (;; c->at++) {
        if (c->at == c->len)
            return wrong(c, column, "the quote is never closed", f);
        c->next_line += c->bytes[c->at] == '\n';
        if (c->bytes[c->at] != '"')
            continue;
        if (c->at + 1 == c->len || c->bytes[c->at + 1] != '"')
            break;
        doubled = true;
        c->at++;
    }
    *out = (struct mpi_text){start, (size_t)(c->bytes + c->at - start)};
    c->at++;
    while (c->at < c->len && c->bytes[c->at] == ' ')
        c->at++;
    if (c->at < c->len && c->bytes[c->at] != c->delimiter && !line_end(c->bytes[c->at]))
        return wrong(c, column, "text after the closing quote", f);
    return doubled ? undouble(c, out, f) : 0;
}

static int plain(struct csv *c, size_t column, struct mpi_text *out, struct fault *f)
{
    const char *start = c->bytes + c->at;
    while (c->at < c->len && c->bytes[c->at] != c->delimiter && !line_end(c->bytes[c->at])) {
        if (!c->bytes[c->at])
            return wrong(c, column, "a NUL byte", f);
        c->at++;
    }
    *out = (struct mpi_text){start, (size_t)(c->bytes + c->at - start)};
    return 0;
}

static void end_line(struct csv *c)
{
    if (c->at < c->len && c->bytes[c->at] == '\r')
        c->at++;
    if (c->at < c->len && c->bytes[c->at] == '\n')
        c->at++;
    c->next_line++;
}

/* Fields of one line into `field`; *n says how many. */
static int read_fields(struct csv *c, struct mpi_text *field, size_t *n, struct fault *f)
{
    for (*n = 0;;) {
        struct mpi_text one = {0};
        size_t blanks = c->at;
        while (blanks < c->len && c->bytes[blanks] == ' ')
            blanks++;
        bool quote = blanks < c->len && c->bytes[blanks] == '"';
        if (quote)
            c->at = blanks + 1;
        int rc = quote ? quoted(c, *n, &one, f) : plain(c, *n, &one, f);
        if (rc)
            return rc;
        if (*n < CSV_COLUMNS_MAX)
            field[*n] = one;
        else
            return wrong(c, *n, "more columns than 512", f);
        ++*n;
        if (c->at == c->len || line_end(c->bytes[c->at])) {
            end_line(c);
            return 0;
        }
        c->at++;
    }
}

static void skip_blank_lines(struct csv *c)
{
    while (c->at < c->len && line_end(c->bytes[c->at]))
        end_line(c);
    c->line = c->next_line;
}

int csv_next(struct csv *c, struct fault *f)
{
    size_t n;
    forget(&c->pieces);
    skip_blank_lines(c);
    if (c->at >= c->len)
        return 0;
    int rc = read_fields(c, c->field, &n, f);
    if (rc)
        return rc;
    for (size_t i = c->n_columns; i < n; i++)
        if (csv_trim(c->field[i]).len)
            return wrong(c, i, "more fields than the header has columns", f);
    for (size_t i = n; i < c->n_columns; i++)
        c->field[i] = (struct mpi_text){"", 0};
    return 1;
}

static char delimiter_of(const char *p, size_t len)
{
    size_t commas = 0, tabs = 0, semicolons = 0;
    for (size_t i = 0; i < len && !line_end(p[i]); i++) {
        commas += p[i] == ',';
        tabs += p[i] == '\t';
        semicolons += p[i] == ';';
    }
    return commas ? ',' : tabs ? '\t' : semicolons ? ';' : ',';
}

static int read_header(struct csv *c, struct fault *f)
{
    c->next_line = 1;
    skip_blank_lines(c);
    if (c->at >= c->len)
        return fault_set(f, ERR_INVALID, "csv", "%s is empty: a header line is needed.", c->name);
    c->delimiter = delimiter_of(c->bytes + c->at, c->len - c->at);
    int rc = read_fields(c, c->column, &c->n_columns, f);
    for (size_t i = 0; i < c->n_columns; i++)
        c->column[i] = csv_trim(c->column[i]);
    c->header_pieces = c->pieces;
    c->pieces = NULL;
    c->first_at = c->at;
    c->first_line = c->next_line;
    return rc;
}

void csv_rewind(struct csv *c)
{
    c->at = c->first_at;
    c->next_line = c->first_line;
}

static int settle(struct csv *c, struct fault *f)
{
    int rc = settle_encoding(c, f);
    rc = rc ? rc : read_header(c, f);
    if (rc)
        csv_close(c);
    return rc;
}

static void name_it(struct csv *c, const char *name)
{
    memset(c, 0, sizeof *c);
    snprintf(c->name, sizeof c->name, "%s", name);
}

int csv_open_bytes(struct csv *c, const char *name, const char *bytes, size_t len, struct fault *f)
{
    name_it(c, name);
    c->bytes = malloc(len + 1);
    if (!c->bytes)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    if (len)
        memcpy(c->bytes, bytes, len);
    c->bytes[len] = 0;
    c->len = len;
    return settle(c, f);
}

int csv_open(struct csv *c, const char *path, struct fault *f)
{
    struct stat st;
    name_it(c, path);
    FILE *in = fopen(path, "re");
    if (!in || fstat(fileno(in), &st)) {
        if (in)
            fclose(in);
        return fault_set(f, ERR_NOT_FOUND, "csv", "%s cannot be read: %s.", c->name, strerror(errno));
    }
    size_t cap = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 1 << 20;
    for (char *grown; (grown = cap <= BYTES_MAX ? realloc(c->bytes, cap + 1) : NULL); cap *= 2) {
        c->bytes = grown;
        c->len += fread(c->bytes + c->len, 1, cap - c->len, in);
        if (c->len < cap)
            break;
    }
    bool failed = ferror(in) || cap > BYTES_MAX || !c->bytes;
    fclose(in);
    if (failed) {
        csv_close(c);
        return fault_set(f, ERR_TOO_LARGE, "csv", "%.120s cannot be read whole: it is a folder or larger than 3 GiB.", path);
    }
    c->bytes[c->len] = 0;
    return settle(c, f);
}

void csv_close(struct csv *c)
{
    forget(&c->pieces);
    forget(&c->header_pieces);
    free(c->bytes);
    c->bytes = NULL;
    c->len = c->at = c->n_columns = 0;
}

int csv_column(const struct csv *c, const char *name)
{
    for (size_t i = 0; i < c->n_columns; i++)
        if (strlen(name) == c->column[i].len && memcmp(name, c->column[i].p, c->column[i].len) == 0)
            return (int)i;
    return -1;
}

void csv_put(FILE *out, struct mpi_text field)
{
    bool quote = field.len && (field.p[0] == ' ' || field.p[field.len - 1] == ' ');
    for (size_t i = 0; i < field.len && !quote; i++)
        quote = field.p[i] == '"' || field.p[i] == ',' || line_end(field.p[i]);
    if (!quote) {
        fwrite(field.p, 1, field.len, out);
        return;
    }
    putc('"', out);
    for (size_t i = 0; i < field.len; i++) {
        if (field.p[i] == '"')
            putc('"', out);
        putc(field.p[i], out);
    }
    putc('"', out);
}
