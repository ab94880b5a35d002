/* What a resource is found by: the values of its search parameters, kept beside it (facts), and the index rows made of them.
 *
 * Rows tell nothing by themselves: a key is SipHash-2-4 (Aumasson, Bernstein 2012) under the site's key of type, parameter and value, so
 * a copied database shows neither names nor numbers. Only points in time and quantities lie open, because they are compared by size. */
#include "records/fhir/fhir_private.h"
#include "records/r4/ucum.h"

/* ---- keys ---- */

static uint64_t rotl(uint64_t v, int b)
{
    return v << b | v >> (64 - b);
}

struct sip {
    uint64_t v[4], word;
    size_t n;
};

static void sip_round(struct sip *s)
{
    s->v[0] += s->v[1], s->v[1] = rotl(s->v[1], 13) ^ s->v[0], s->v[0] = rotl(s->v[0], 32);
    s->v[2] += s->v[3], s->v[3] = rotl(s->v[3], 16) ^ s->v[2];
    s->v[0] += s->v[3], s->v[3] = rotl(s->v[3], 21) ^ s->v[0];
    s->v[2] += s->v[1], s->v[1] = rotl(s->v[1], 17) ^ s->v[2], s->v[2] = rotl(s->v[2], 32);
}

static void sip_word(struct sip *s)
{
    s->v[3] ^= s->word;
    sip_round(s);
    sip_round(s);
    s->v[0] ^= s->word;
    s->word = 0;
}

static void sip_begin(struct sip *s, const uint8_t key[16])
{
    uint64_t k[2];
    memcpy(k, key, 16);
    *s = (struct sip){{k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du, k[0] ^ 0x6c7967656e657261u, k[1] ^ 0x7465646279746573u}, 0, 0};
}

static void sip_add(struct sip *s, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->word |= (uint64_t)(uint8_t)p[i] << 8 * (s->n++ & 7);
        if ((s->n & 7) == 0)
            sip_word(s);
    }
}

/* A text and an end that no text holds. */
static void sip_text(struct sip *s, struct r4_str t)
{
    sip_add(s, t.p ? t.p : "", t.n);
    sip_add(s, "\xff", 1);
}

static int64_t sip_end(struct sip *s)
{
    s->word |= (uint64_t)(s->n & 0xff) << 56;
    sip_word(s);
    s->v[2] ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return (int64_t)(s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3]);
}

static int64_t key_of(const struct fhir *x, const struct r4_type *type, const char *code, char kind, struct r4_str a, struct r4_str b)
{
    struct sip s;
    sip_begin(&s, x->hash_key);
    sip_text(&s, str(type->name));
    sip_text(&s, str(code));
    sip_add(&s, &kind, 1);
    sip_text(&s, a);
    sip_text(&s, b);
    return sip_end(&s);
}

static const struct r4_str none;

int64_t key_type(const struct fhir *x, const struct r4_type *type)
{
    return key_of(x, type, "", 't', none, none);
}

int64_t key_code(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str code)
{
    return key_of(x, type, p->code, 'c', code, none);
}

/* The system that goes without saying adds nothing. */
int64_t key_system_code(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str system, struct r4_str code)
{
    struct r4_str implied = r4_param_system(type, p, code);
    if (implied.n && implied.n == system.n && memcmp(implied.p, system.p, system.n) == 0)
        return key_code(x, type, p, code);
    return key_of(x, type, p->code, 's', system, code);
}

int64_t key_reference(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str ref_type, struct r4_str id)
{
    return key_of(x, type, alike_reference(type, p), 'r', ref_type, id);
}

int64_t key_uri(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str uri)
{
    return key_of(x, type, p->code, 'u', uri, none);
}

/* Prefixes of 1, 2, 4 and 8 characters, Chinese ones as Latin ones. */
static size_t prefix_bytes(struct r4_str t, size_t characters)
{
    size_t at = 0;
    for (size_t n = 0; at < t.n; at++)
        if (((uint8_t)t.p[at] & 0xc0) != 0x80 && n++ == characters)
            return at;
    return at;
}

static size_t characters_of(struct r4_str t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++)
        n += ((uint8_t)t.p[i] & 0xc0) != 0x80;
    return n;
}

int64_t key_prefix(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, struct r4_str folded)
{
    size_t n = characters_of(folded);
    size_t use = n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
    return key_of(x, type, p->code, 'p', (struct r4_str){folded.p, prefix_bytes(folded, use)}, none);
}

int64_t range_param_before(const struct fhir *x, const struct r4_type *type, const struct r4_param *p, char letter)
{
    return key_of(x, type, alike_range(type, p), letter, none, none);
}

int64_t range_param(const struct fhir *x, const struct r4_type *type, const struct r4_param *p)
{
    return range_param_before(x, type, p, p->type == R4_P_DATE ? 'n' : p->type == R4_P_QUANTITY ? 'q' : 'w');
}

/* IEEE 754 bits in the order of their values. */
int64_t range_number(double v)
{
    int64_t bits;
    v += 0.0; /* -0 */
    memcpy(&bits, &v, sizeof bits);
    return bits < 0 ? INT64_MIN - bits : bits;
}

static uint32_t mix(uint32_t h, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ ((const uint8_t *)bytes)[i]) * 16777619u; /* FNV-1a: two kinds that meet are told apart by the facts */
    return h;
}

int16_t range_kind(struct r4_value *v)
{
    struct r4_ucum unit;
    uint32_t h = 2166136261u;
    if (r4_value_to_base(v, &unit))
        h = mix(mix(h, unit.dimension, sizeof unit.dimension), &unit.arbitrary, sizeof unit.arbitrary);
    else if (v->system.n || v->code.n)
        h = mix(mix(h, v->system.p ? v->system.p : "", v->system.n), v->code.p ? v->code.p : "", v->code.n);
    else
        return 0;
    return (int16_t)(uint16_t)(h ^ h >> 16);
}

/* Sixteen bits of the kind, the others of the number: eleven digits. */
int64_t range_in_kind(int16_t kind, double v)
{
    return (int64_t)kind * ((int64_t)1 << 48) + (range_number(v) >> 16) + ((int64_t)1 << 47);
}

/* A number is where it stands, whatever its precision: so rows are in the order of numbers. */
size_t range_rows(const struct r4_value *v, struct span rows[2])
{
    bool point = v->string.p != NULL;
    struct r4_value base = *v;
    if (v->type == R4_P_DATE) {
        rows[0] = (struct span){v->low_ms, v->high_ms};
        return 1;
    }
    if (v->type == R4_P_NUMBER) {
        rows[0] = (struct span){range_number(point ? v->number : v->low), range_number(point ? v->number : v->high)};
        return 1;
    }
    int16_t kind = range_kind(&base);
    rows[0] = (struct span){range_in_kind(kind, point ? base.number : base.low), range_number(point ? v->number : v->low)};
    rows[1] = (struct span){range_in_kind(kind, base.high), range_number(v->high)};
    return point ? 1 : 2;
}

/* ---- collecting ---- */

static bool room(void **list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? 2 * *cap : 32;
    void *grown = realloc(*list, more * size);
    if (!grown)
        return false;
    *list = grown;
    *cap = more;
    return true;
}

static void add_value(void *ctx, const struct r4_value *v)
{
    struct facts *f = ctx;
    if (!room((void **)&f->values, f->n, &f->cap, sizeof *f->values))
        f->failed = true;
    else
        f->values[f->n++] = *v;
}

void facts_clear(struct facts *f)
{
    free(f->values);
    free(f->tokens);
    free(f->ranges);
    memset(f, 0, sizeof *f);
}

/* Components live as long as the document only when they are copied: emit's values are of the call. */
static void copy_components(struct r4_doc *d, struct facts *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct r4_value *v = &f->values[i];
        struct r4_value *own = v->n_components ? r4_doc_alloc(d, v->n_components * sizeof *own) : NULL;
        if (own)
            memcpy(own, v->components, v->n_components * sizeof *own);
        v->components = own;
        if (!own)
            v->n_components = 0;
    }
}

struct collecting {
    struct facts *f;
    struct r4_doc *d;
};

static void collect(void *ctx, const struct r4_value *v)
{
    struct collecting *c = ctx;
    size_t n = c->f->n;
    add_value(c->f, v);
    if (c->f->n > n && v->n_components) {
        struct facts one = {.values = &c->f->values[n], .n = 1};
        copy_components(c->d, &one);
    }
}

int facts_of(struct fhir *x, struct scratch *s, const struct r4_node *resource, const char *base, struct facts *f)
{
    struct collecting c = {f, s->doc};
    struct r4_extract e = {.r4 = fhir_r4(x), .base_url = base, .emit = collect, .ctx = &c};
    int rc = r4_extract(&e, s->doc, resource);
    return rc ? rc : f->failed ? ERR_UNAVAILABLE : 0;
}

/* ---- index rows ---- */

static void add_token(struct facts *f, int64_t key)
{
    if (!room((void **)&f->tokens, f->n_tokens, &f->cap_tokens, sizeof *f->tokens))
        f->failed = true;
    else
        f->tokens[f->n_tokens++].key = key;
}

static void number_rows(struct fhir *x, const struct r4_type *type, const struct r4_value *v, struct facts *f)
{
    struct span rows[2];
    if (strcmp(alike_range(type, v->param), v->param->code)) /* the values of that parameter are here too */
        return;
    int64_t param = range_param(x, type, v->param);
    for (size_t i = 0, n = range_rows(v, rows); i < n; i++)
        if (!room((void **)&f->ranges, f->n_ranges, &f->cap_ranges, sizeof *f->ranges))
            f->failed = true;
        else
            f->ranges[f->n_ranges++] = (struct range_row){param, rows[i].low, rows[i].high};
}

static void token_rows(struct fhir *x, const struct r4_type *type, const struct r4_param *p, const struct r4_value *v, struct facts *f)
{
    const struct r4_param *of[2];
    if (!v->code.p || alike_tokens(x, type, p, of) > 1) /* the values of those parameters are here too */
        return;
    add_token(f, key_code(x, type, p, v->code));
    add_token(f, key_system_code(x, type, p, v->system, v->code));
}

static void string_rows(struct fhir *x, const struct r4_type *type, const struct r4_value *v, struct r4_str text, struct facts *f)
{
    size_t n = characters_of(text);
    for (size_t use = 1; use <= 8 && use <= n; use *= 2)
        add_token(f, key_prefix(x, type, v->param, (struct r4_str){text.p, prefix_bytes(text, use)}));
}

static void value_rows(struct fhir *x, const struct r4_type *type, const struct r4_value *v, struct facts *f)
{
    switch (v->type) {
    case R4_P_TOKEN:
        if (strcmp(v->param->code, "_id"))
            token_rows(x, type, v->param, v, f);
        break;
    case R4_P_REFERENCE:
        if (v->ref_id.p)
            add_token(f, key_reference(x, type, v->param, v->ref_type, v->ref_id));
        if (v->url.p)
            add_token(f, key_uri(x, type, v->param, v->url.p[0] == '#' ? CONTAINED : v->url));
        break;
    case R4_P_URI:
        add_token(f, key_uri(x, type, v->param, v->string));
        break;
    case R4_P_STRING:
        string_rows(x, type, v, v->folded, f);
        if (v->initials.p)
            string_rows(x, type, v, v->initials, f);
        break;
    case R4_P_DATE:
    case R4_P_NUMBER:
    case R4_P_QUANTITY:
        number_rows(x, type, v, f);
        break;
    case R4_P_COMPOSITE: /* found by its first component where that is a code; mostly a row of that parameter, which is there anyway */
        if (v->n_components && v->components[0].type == R4_P_TOKEN)
            token_rows(x, type, v->param->components[0].param, &v->components[0], f);
        break;
    default:
        break;
    }
}

static int by_key(const void *a, const void *b)
{
    int64_t x = ((const struct token_row *)a)->key, y = ((const struct token_row *)b)->key;
    return x < y ? -1 : x > y;
}

static int by_range(const void *a, const void *b)
{
    const struct range_row *x = a, *y = b;
    if (x->param != y->param)
        return x->param < y->param ? -1 : 1;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return x->high < y->high ? -1 : x->high > y->high;
}

static size_t each_once(void *list, size_t n, size_t size, int (*order)(const void *a, const void *b))
{
    char *p = list;
    size_t kept = 0;
    if (!n)
        return 0;
    qsort(list, n, size, order);
    for (size_t i = 0; i < n; i++)
        if (!kept || order(p + (kept - 1) * size, p + i * size))
            memmove(p + kept++ * size, p + i * size, size);
    return kept;
}

void facts_numbers(struct fhir *x, const struct r4_type *type, struct facts *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->values[i].type == R4_P_NUMBER || f->values[i].type == R4_P_QUANTITY)
            value_rows(x, type, &f->values[i], f);
    f->n_ranges = each_once(f->ranges, f->n_ranges, sizeof *f->ranges, by_range);
}

void facts_rows(struct fhir *x, const struct r4_type *type, struct facts *f)
{
    add_token(f, key_type(x, type));
    for (size_t i = 0; i < f->n; i++)
        value_rows(x, type, &f->values[i], f);
    f->n_tokens = each_once(f->tokens, f->n_tokens, sizeof *f->tokens, by_key);
    f->n_ranges = each_once(f->ranges, f->n_ranges, sizeof *f->ranges, by_range);
}

/* ---- as bytes ---- */

#define TEXTS 10
/* In the order of the bits. */
static void texts_of(const struct r4_value *v, const struct r4_str *out[TEXTS])
{
    const struct r4_str *const all[TEXTS] = {&v->system, &v->code, &v->text, &v->string, &v->folded, &v->initials, &v->ref_type, &v->ref_id, &v->ref_version, &v->url};
    memcpy(out, all, sizeof all);
}

enum { HAS_TIME = 1 << TEXTS, HAS_NUMBER = 2 << TEXTS, HAS_PARTS = 4 << TEXTS };

static void put_length(struct r4_buf *b, size_t n)
{
    for (; n >= 0x80; n >>= 7)
        r4_buf_put(b, &(char){(char)(n | 0x80)}, 1);
    r4_buf_put(b, &(char){(char)n}, 1);
}

static void put_value(struct r4_buf *b, const struct r4_value *v, bool component)
{
    const struct r4_str *texts[TEXTS];
    uint16_t has = 0;
    texts_of(v, texts);
    for (int i = 0; i < TEXTS; i++)
        if (texts[i]->p)
            has |= (uint16_t)(1u << i);
    has |= v->type == R4_P_DATE ? HAS_TIME : v->type == R4_P_NUMBER || v->type == R4_P_QUANTITY ? HAS_NUMBER : v->n_components ? HAS_PARTS : 0;
    if (!component) {
        put_length(b, strlen(v->param->code));
        r4_buf_puts(b, v->param->code);
    }
    r4_buf_put(b, (const char[]){(char)v->type, (char)has, (char)(has >> 8)}, 3);
    for (int i = 0; i < TEXTS; i++)
        if (texts[i]->p) {
            put_length(b, texts[i]->n);
            r4_buf_put(b, texts[i]->p, texts[i]->n);
        }
    if (has & HAS_TIME)
        r4_buf_put(b, (const char *)(int64_t[]){v->low_ms, v->high_ms}, 16);
    if (has & HAS_NUMBER)
        r4_buf_put(b, (const char *)(double[]){v->number, v->low, v->high}, 24);
    if (has & HAS_PARTS) {
        put_length(b, v->n_components);
        for (size_t i = 0; i < v->n_components; i++)
            put_value(b, &v->components[i], true);
    }
}

void facts_write(const struct facts *f, const struct r4_type *type, struct r4_buf *b)
{
    (void)type;
    put_length(b, f->n);
    for (size_t i = 0; i < f->n; i++)
        put_value(b, &f->values[i], false);
}

struct in {
    const char *p, *end;
    bool bad;
    struct r4_doc *d;
};

static size_t get_length(struct in *in)
{
    size_t n = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        if (in->p == in->end)
            break;
        uint8_t c = (uint8_t)*in->p++;
        n |= (size_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return n;
    }
    in->bad = true;
    return 0;
}

static const char *get_bytes(struct in *in, size_t n)
{
    if (in->bad || n > (size_t)(in->end - in->p)) {
        in->bad = true;
        return NULL;
    }
    const char *at = in->p;
    in->p += n;
    return at;
}

static void get_fixed(struct in *in, void *to, size_t n)
{
    const char *at = get_bytes(in, n);
    if (at)
        memcpy(to, at, n);
}

static void get_value(struct in *in, struct r4_value *v, int depth)
{
    const struct r4_str *texts[TEXTS];
    uint16_t has = 0;
    get_fixed(in, &v->type, 1);
    get_fixed(in, &has, 2);
    texts_of(v, texts);
    for (int i = 0; i < TEXTS && !in->bad; i++)
        if (has & 1u << i) {
            size_t n = get_length(in);
            *(struct r4_str *)texts[i] = (struct r4_str){get_bytes(in, n), n};
        }
    if (has & HAS_TIME) {
        get_fixed(in, &v->low_ms, 8);
        get_fixed(in, &v->high_ms, 8);
    }
    if (has & HAS_NUMBER) {
        get_fixed(in, &v->number, 8);
        get_fixed(in, &v->low, 8);
        get_fixed(in, &v->high, 8);
    }
    if (!(has & HAS_PARTS) || in->bad)
        return;
    size_t n = get_length(in);
    struct r4_value *parts = n <= R4_COMPONENTS_MAX && !depth ? r4_doc_alloc(in->d, n * sizeof *parts) : NULL;
    if (!parts) {
        in->bad = true;
        return;
    }
    memset(parts, 0, n * sizeof *parts);
    for (size_t i = 0; i < n && !in->bad; i++)
        get_value(in, &parts[i], 1);
    v->components = parts;
    v->n_components = n;
}

bool facts_read(struct fhir *x, struct r4_doc *d, const struct r4_type *type, const char *bytes, size_t len, struct facts *f)
{
    struct in in = {bytes, bytes + len, false, d};
    const struct r4 *r4 = fhir_r4(x);
    size_t n = get_length(&in);
    f->n = 0;
    for (size_t i = 0; i < n && !in.bad; i++) {
        struct r4_value v = {0};
        size_t code_len = get_length(&in);
        const char *code = get_bytes(&in, code_len);
        v.param = code ? r4_param_find(r4, type, code, code_len) : NULL;
        get_value(&in, &v, 0);
        for (size_t c = 0; v.param && c < v.n_components && c < v.param->n_components; c++)
            ((struct r4_value *)v.components)[c].param = v.param->components[c].param;
        if (v.param && !in.bad) /* a parameter that is no longer there finds nothing */
            add_value(f, &v);
    }
    return !in.bad && !f->failed;
}
