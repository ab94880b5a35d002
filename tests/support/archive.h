/* A research archive as its applicant opens it: a ZIP of stored members (APPNOTE 4.3), tables of commas, and what stands in them. */
#ifndef YL_TESTS_SUPPORT_ARCHIVE_H
#define YL_TESTS_SUPPORT_ARCHIVE_H
#include "records/research/zip.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct archive {
    char *bytes;
    size_t len;
} archive;

static inline uint32_t little(const char *p, int bytes)
{
    uint32_t v = 0;
    while (bytes--)
        v = v << 8 | (uint8_t)p[bytes];
    return v;
}

/* A member of the archive; its checksum is right. malloc'd. */
static inline char *archive_member(const char *name)
{
    for (const char *p = archive.bytes; p + 30 < archive.bytes + archive.len && little(p, 4) == 0x04034b50;) {
        uint32_t size = little(p + 18, 4), n = little(p + 26, 2);
        const char *body = p + 30 + n;
        if (n == strlen(name) && memcmp(p + 30, name, n) == 0) {
            assert_int_equal(little(p + 14, 4), zip_crc32(body, size));
            return strndup(body, size);
        }
        p = body + size;
    }
    fail_msg("no %s in the archive", name);
    return NULL;
}

struct row {
    char cells[8][64];
    size_t n;
};
struct table {
    struct row rows[2000];
    size_t n;
};

static inline struct table *archive_table(const char *name)
{
    struct table *t = calloc(1, sizeof *t);
    char *text_of = archive_member(name), *line = text_of + 3 /* mark of UTF-8 */, *save;
    for (line = strtok_r(line, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        struct row *r = &t->rows[t->n++];
        assert_true(t->n < 2000);
        for (char *cell; (cell = strsep(&line, ","));)
            snprintf(r->cells[r->n++], sizeof r->cells[0], "%s", cell);
    }
    free(text_of);
    return t;
}

/* Rows from 1 on: how many have the same cells from..to. */
static inline size_t alike(const struct table *t, size_t row, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t i = 1; i < t->n; i++) {
        bool same = true;
        for (size_t c = from; c <= to; c++)
            same = same && strcmp(t->rows[i].cells[c], t->rows[row].cells[c]) == 0;
        n += same;
    }
    return n;
}

/* Different qualifying diagnoses among those who look alike. */
static inline size_t conditions_beside(const struct table *t, size_t row)
{
    size_t n = 0;
    const char *seen[2000];
    for (size_t i = 1; i < t->n; i++) {
        bool same = strcmp(t->rows[i].cells[6], "*") != 0;
        for (size_t c = 1; c <= 5; c++)
            same = same && strcmp(t->rows[i].cells[c], t->rows[row].cells[c]) == 0;
        for (size_t k = 0; same && k < n; k++)
            same = strcmp(seen[k], t->rows[i].cells[6]) != 0;
        if (same)
            seen[n++] = t->rows[i].cells[6];
    }
    return n;
}

/* Persons who have the code in column 2 (and 3, where `unit`). */
static inline size_t persons_with(const struct table *t, size_t row, bool unit)
{
    size_t n = 0;
    for (size_t i = 1; i < t->n; i++) {
        bool first = true;
        if (strcmp(t->rows[i].cells[2], t->rows[row].cells[2]) != 0 || (unit && strcmp(t->rows[i].cells[3], t->rows[row].cells[3]) != 0))
            continue;
        for (size_t k = 1; k < i; k++)
            first = first && !(strcmp(t->rows[k].cells[2], t->rows[row].cells[2]) == 0 && strcmp(t->rows[k].cells[0], t->rows[i].cells[0]) == 0);
        n += first;
    }
    return n;
}

static inline void archive_holds(const char *needle, bool is)
{
    bool there = memmem(archive.bytes, archive.len, needle, strlen(needle)) != NULL;
    if (there != is)
        fail_msg("%s is %sin the file", needle, there ? "" : "not ");
}
#endif
