#include "records/document/study_uid.h"
#include <stdint.h>
#include <string.h>

#define UNDEFINED 0xFFFFFFFFu

struct dataset {
    const uint8_t *p, *end;
    bool big, explicit_vr;
};

static uint32_t number(const struct dataset *d, const uint8_t *p, int bytes)
{
    uint32_t v = 0;
    for (int i = 0; i < bytes; i++)
        v |= (uint32_t)p[i] << 8 * (d->big ? bytes - 1 - i : i);
    return v;
}

struct element {
    uint32_t tag, len;
    bool open; /* of undefined length: len is 0, what it holds are the next elements */
    const uint8_t *value;
};

/* PS3.5 7.1.2: these have two reserved bytes and a length of four. Items and delimiters have no VR in any encoding. */
static bool next_element(struct dataset *d, struct element *e)
{
    if (d->end - d->p < 8)
        return false;
    e->tag = number(d, d->p, 2) << 16 | number(d, d->p + 2, 2);
    bool plain = !d->explicit_vr || e->tag >> 16 == 0xFFFE, wide = !plain && memmem("OB OW OF OD OL OV SQ UC UN UR UT SV UV", 38, d->p + 4, 2);
    if (wide && d->end - d->p < 12)
        return false;
    e->len = plain ? number(d, d->p + 4, 4) : wide ? number(d, d->p + 8, 4) : number(d, d->p + 6, 2);
    e->value = d->p + (wide ? 12 : 8);
    e->open = e->len == UNDEFINED;
    if (e->open)
        e->len = 0; /* into the sequence: lower tags in it are passed over as well */
    if (e->len > (size_t)(d->end - e->value))
        return false;
    d->p = e->value + e->len;
    return true;
}

/* Digits and dots, padded with a NUL or a blank. */
static bool take_uid(const struct element *e, char out[STUDY_UID_BYTES])
{
    size_t n = e->len;
    while (n && (e->value[n - 1] == 0 || e->value[n - 1] == ' '))
        n--;
    if (!n || n >= STUDY_UID_BYTES)
        return false;
    memcpy(out, e->value, n);
    out[n] = 0;
    return strspn(out, "0123456789.") == n;
}

/* The file's own group is explicit and little-endian and says how the rest is written (0002,0010). */
static void after_meta(struct dataset *d)
{
    struct element e;
    char syntax[STUDY_UID_BYTES] = "";
    while (d->end - d->p >= 8 && number(d, d->p, 2) == 2 && next_element(d, &e))
        if (e.tag == 0x00020010)
            (void)take_uid(&e, syntax);
    if (syntax[0]) {
        d->explicit_vr = strcmp(syntax, "1.2.840.10008.1.2") != 0;
        d->big = strcmp(syntax, "1.2.840.10008.1.2.2") == 0;
    } else
        d->explicit_vr = d->end - d->p >= 6 && d->p[4] >= 'A' && d->p[4] <= 'Z' && d->p[5] >= 'A' && d->p[5] <= 'Z';
}

bool study_uid_of(const void *head, size_t len, char out[STUDY_UID_BYTES])
{
    const uint8_t *p = head;
    bool preamble = len >= 132 && memcmp(p + 128, "DICM", 4) == 0;
    struct dataset d = {.p = p + (preamble ? 132 : 0), .end = p + len, .explicit_vr = true};
    struct element e;
    int depth = 0;
    out[0] = 0;
    after_meta(&d);
    while (next_element(&d, &e)) {
        if (e.tag == 0x0020000D && !depth)
            return take_uid(&e, out);
        if (e.tag >> 16 != 0xFFFE && e.open)
            depth++; /* a sequence; its items of undefined length do not count, it is ended by its own delimiter */
        else if (e.tag == 0xFFFEE0DD && depth)
            depth--;
        else if (e.tag > 0x0020000D && !depth && e.tag >> 16 != 0xFFFE)
            return false;
    }
    return false;
}
