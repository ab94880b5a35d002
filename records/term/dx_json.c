/* The normal form as JSON, written by hand: a million lines go through here in one run. And the door for such runs. */
#include "records/records.h"
#include "records/term/charset.h"
#include "records/term/dx.h"
#include "records/term/fold.h"
#include <stdlib.h>
#include <string.h>

struct out {
    char *at, *end;
    bool full;
};

static void put(struct out *o, const char *text, size_t len)
{
    if ((size_t)(o->end - o->at) < len) {
        o->full = true;
        return;
    }
    memcpy(o->at, text, len);
    o->at += len;
}

static void put_string(struct out *o, const char *text, size_t len)
{
    put(o, "\"", 1);
    for (const char *p = text; p < text + len; p++) {
        unsigned char c = (unsigned char)*p;
        char hex[8];
        if (c == '"' || c == '\\') {
            put(o, "\\", 1);
            put(o, p, 1);
        } else if (c < 0x20) {
            snprintf(hex, sizeof hex, "\\u%04x", c);
            put(o, hex, 6);
        } else
            put(o, p, 1);
    }
    put(o, "\"", 1);
}

static void put_text(struct out *o, const char *text)
{
    put_string(o, text, strlen(text));
}

#define LITERAL(o, text) put(o, text, sizeof text - 1)

static void put_list(struct out *o, const char *const *list, size_t n)
{
    LITERAL(o, "[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            LITERAL(o, ", ");
        put_text(o, list[i]);
    }
    LITERAL(o, "]");
}

static void put_why(struct out *o, const struct dx_result *r, size_t diagnosis)
{
    static const char *const slots[] = {"diagnosis", "location_type", "pathology", "lesion", "metastasis", "stage", "modifiers"};
    bool any = false;
    LITERAL(o, ", \"why\": [");
    for (size_t i = 0; i < r->n_steps; i++) {
        const struct dx_step *s = &r->steps[i];
        char span[48];
        if (s->diagnosis != diagnosis)
            continue;
        if (any)
            LITERAL(o, ", ");
        any = true;
        LITERAL(o, "{\"slot\": ");
        put_text(o, slots[s->slot]);
        LITERAL(o, ", \"rule\": ");
        put_text(o, s->rule);
        LITERAL(o, ", \"value\": ");
        put_text(o, s->value);
        put(o, span, (size_t)snprintf(span, sizeof span, ", \"from\": %u, \"to\": %u}", s->from, s->to));
    }
    LITERAL(o, "]");
}

static void put_one(struct out *o, const struct dx_result *r, size_t i, bool explain)
{
    const struct dx_diagnosis *x = &r->diagnoses[i];
    LITERAL(o, "{\"diagnosis\": ");
    put_text(o, x->diagnosis);
    LITERAL(o, ", \"location_type\": ");
    put_text(o, x->location_type);
    LITERAL(o, ", \"pathology\": ");
    put_text(o, x->pathology);
    LITERAL(o, ", \"lesion\": ");
    put_text(o, x->lesion);
    LITERAL(o, ", \"metastasis\": ");
    put_list(o, x->metastasis, x->n_metastasis);
    LITERAL(o, ", \"stage\": ");
    put_text(o, x->stage);
    LITERAL(o, ", \"modifiers\": ");
    put_list(o, x->modifiers, x->n_modifiers);
    LITERAL(o, ", \"icd10\": ");
    put_text(o, x->icd10);
    if (explain)
        put_why(o, r, i);
    LITERAL(o, "}");
}

size_t dx_json(const struct dx_result *r, bool explain, char *out, size_t cap)
{
    struct out o = {out, out + cap, false};
    LITERAL(&o, "[");
    for (size_t i = 0; i < r->n; i++) {
        if (i)
            LITERAL(&o, ", ");
        put_one(&o, r, i, explain);
    }
    LITERAL(&o, "]");
    return o.full ? 0 : (size_t)(o.at - out);
}

/* ---- batch runs ---- */

struct records_dx {
    struct pinyin *pinyin;
    struct icd10 *icd10;
    struct dx *dx;
    struct dx_result result;
    char *fixed; /* the line in right UTF-8 */
    size_t fixed_cap;
};

int records_dx_open(struct records_dx **out, const char *data_dir, struct fault *f)
{
    struct records_dx *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d)
        return fault_set(f, ERR_INTERNAL, "", "Out of memory.");
    if (pinyin_open(&d->pinyin, data_dir) || icd10_open(&d->icd10, data_dir, d->pinyin) || dx_open(&d->dx, data_dir, d->icd10)) {
        records_dx_close(d);
        return fault_set(f, ERR_STORAGE, "data", "The term tables in %s cannot be read.", data_dir);
    }
    *out = d;
    return 0;
}

void records_dx_close(struct records_dx *d)
{
    if (!d)
        return;
    dx_close(d->dx);
    icd10_close(d->icd10);
    pinyin_close(d->pinyin);
    free(d->fixed);
    free(d);
}

/* Wrong bytes become U+FFFD, so that what is written is JSON whatever is read; a line of GB18030 becomes what it says. Returns the length. */
static size_t repair(struct records_dx *d, const char *text, size_t len)
{
    const char *charset = "";
    size_t other_len = 0, n = 0;
    char *other = charset_utf8(text, len) ? NULL : charset_decode(text, len, &other_len, &charset);
    bool gb = other && strcmp(charset, "GB18030") == 0 && other_len < d->fixed_cap;
    const char *p = gb ? other : text, *end = p + (gb ? other_len : len);
    while (p < end)
        n += utf8_put(utf8_next(&p, end), d->fixed + n);
    d->fixed[n] = 0;
    free(other);
    return n;
}

size_t records_dx_json(struct records_dx *d, const char *text, size_t len, int flags, char *out, size_t cap)
{
    struct out o = {out, out + cap, false};
    if (d->fixed_cap < len * 3 + 8) {
        free(d->fixed);
        d->fixed_cap = len * 3 + 8;
        d->fixed = malloc(d->fixed_cap);
        if (!d->fixed) {
            d->fixed_cap = 0;
            return 0;
        }
    }
    len = repair(d, text, len);
    if (flags & RECORDS_DX_TEXT) {
        LITERAL(&o, "{\"text\": ");
        put_string(&o, d->fixed, len);
        LITERAL(&o, ", \"diagnoses\": ");
    }
    dx_normalise(d->dx, d->fixed, len, &d->result);
    size_t n = dx_json(&d->result, flags & RECORDS_DX_EXPLAIN, o.at, (size_t)(o.end - o.at));
    o.at += n;
    if (flags & RECORDS_DX_TEXT)
        LITERAL(&o, "}");
    return n && !o.full ? (size_t)(o.at - out) : 0;
}
