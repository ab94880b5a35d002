/* The bytes of a key (late_key.h): the tree, a hash of all columns but the last, the last column, the others. So the first bytes tell most keys apart, rows of one institution and
 * kind stand side by side in the order of the last column, and so do they in the tree. */
#include "records/store/late_key.h"
#include <stdio.h>
#include <string.h>

static void put_integer(struct late_key *k, int64_t value)
{
    uint64_t u = (uint64_t)value ^ (1ull << 63);
    for (int shift = 56; shift >= 0; shift -= 8)
        k->bytes[k->n++] = (uint8_t)(u >> shift);
}

static void put_text(struct late_key *k, const char *text)
{
    size_t room = LATE_KEY_MAX - 1 - k->n, n = strnlen(text, room);
    memcpy(k->bytes + k->n, text, n);
    k->n += n;
}

static void put_hash(struct late_key *k, uint64_t org, const char *kind)
{
    uint64_t h = (org ^ 0x9E3779B97F4A7C15u) * 0xFF51AFD7ED558CCDu;
    for (; *kind; kind++)
        h = (h ^ (uint8_t)*kind) * 1099511628211u;
    k->bytes[k->n++] = (uint8_t)(h >> 56);
    k->bytes[k->n++] = (uint8_t)(h >> 48);
}

void late_number(struct late_key *k, int64_t key)
{
    k->n = 0;
    k->bytes[k->n++] = LATE_MPI;
    put_integer(k, key);
    k->whole = true;
}

void late_text(struct late_key *k, enum late_tree tree, uint64_t org, const char *kind, const char *key, bool beginning)
{
    k->n = 0;
    k->bytes[k->n++] = (uint8_t)tree;
    put_hash(k, org, kind);
    put_text(k, key);
    k->whole = !beginning;
    k->search = k->n;
    k->bytes[k->n++] = 0;
    put_integer(k, (int64_t)org);
    snprintf((char *)k->bytes + k->n, LATE_KIND_MAX, "%s", kind);
    k->n += strlen((char *)k->bytes + k->n);
}

static int64_t integer_at(const uint8_t *bytes)
{
    uint64_t u = 0;
    for (int i = 0; i < 8; i++)
        u = u << 8 | bytes[i];
    return (int64_t)(u ^ (1ull << 63));
}

const char *late_key_text(const uint8_t *bytes)
{
    return bytes[0] == LATE_MPI ? NULL : (const char *)bytes + 3;
}

size_t late_key_cells(const uint8_t *bytes, size_t n, uint64_t patient, char kind[LATE_KIND_MAX], struct cell *out)
{
    const struct cell last = {NULL, (int64_t)patient};
    const char *key = late_key_text(bytes);
    struct cell *at = out;
    if (!key) {
        *at++ = (struct cell){NULL, integer_at(bytes + 1)};
        *at++ = last;
        return (size_t)(at - out);
    }
    const char *rest = key + strlen(key) + 1;
    snprintf(kind, LATE_KIND_MAX, "%.*s", (int)(n - (size_t)(rest + 8 - (const char *)bytes)), rest + 8);
    if (bytes[0] == LATE_PATIENT)
        *at++ = (struct cell){NULL, integer_at((const uint8_t *)rest)};
    *at++ = (struct cell){kind, 0};
    *at++ = (struct cell){key, 0};
    *at++ = last;
    return (size_t)(at - out);
}

bool late_key_begins(const uint8_t *bytes, size_t n, const struct late_key *k)
{
    return k->whole ? n == k->n && memcmp(bytes, k->bytes, k->n) == 0 : n >= k->search && memcmp(bytes, k->bytes, k->search) == 0;
}

/* Another institution and kind may have the same hash. */
bool late_key_meant(const uint8_t *bytes, size_t n, const struct late_key *k)
{
    const uint8_t *end = k->whole ? NULL : memchr(bytes + 3, 0, n - 3u);
    size_t rest = k->n - k->search;
    return k->whole || (end && n == (size_t)(end - bytes) + rest && memcmp(end, k->bytes + k->search, rest) == 0);
}
