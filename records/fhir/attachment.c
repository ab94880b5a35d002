#include "records/fhir/attachment.h"
#include "records/document/detect.h"
#include "records/document/readable.h"
#include "records/fhir/clean.h"
#include "records/fhir/own.h"
#include "records/patient/mask.h"
#include "records/term/charset.h"
#include <stdio.h>

struct opening { /* one attachment on its way */
    struct op_ctx *ctx;
    struct fhir_work w;
    int clearance;
    struct fhir_row row, binary; /* the resource; what its address names. Texts below point into their bodies */
    uint64_t source;
    struct r4_str type, data; /* as they came: a media type, base64 */
};
struct bytes {
    uint8_t *p;
    size_t n;
};

static int nothing(struct op_ctx *ctx)
{
    return fault_set(ctx->fault, ERR_NOT_FOUND, "no_attachment", "There is no such attachment.");
}

/* ---- where its bytes are ---- */

static const struct r4_node *list_of(const struct fhir_row *row, const struct r4_node *root)
{
    bool document = strcmp(row->type->name, "DocumentReference") == 0, report = strcmp(row->type->name, "DiagnosticReport") == 0;
    return document ? r4_get(root, "content") : report ? r4_get(root, "presentedForm") : NULL;
}

static const struct r4_node *attachment_of(const struct fhir_row *row, const struct r4_node *root, size_t n)
{
    const struct r4_node *one = r4_item(list_of(row, root), n), *within = r4_get(one, "attachment");
    return within ? within : one;
}

static uint64_t source_of(struct opening *o, const struct fhir_row *row)
{
    return (uint64_t)tx_int(o->ctx->tx, 0, "SELECT source_id AS n FROM fhir_resource WHERE pkey=$1 AND rid=$2", "ii", row->pkey, row->rid);
}

/* "Binary/x", or the same with this site's address before it. */
static bool binary_named(const struct opening *o, struct r4_str url, char name[FHIR_ID_BYTES])
{
    const char *base = records_parts(o->ctx->records)->delivery_keys.base_url, *p = url.p, *end = p ? p + url.n : p;
    size_t n = strlen(base);
    if (n && url.n > n + 6 && memcmp(p, base, n) == 0 && memcmp(p + n, "/fhir/", 6) == 0)
        p += n + 6;
    if (end - p < 8 || memcmp(p, "Binary/", 7) != 0)
        return false;
    p += 7;
    size_t len = 0;
    while (p + len < end && p[len] != '/')
        len++;
    if (!len || len >= FHIR_ID_BYTES || (p + len < end && ((size_t)(end - p) < len + 10 || memcmp(p + len, "/_history/", 10) != 0)))
        return false;
    snprintf(name, FHIR_ID_BYTES, "%.*s", (int)len, p);
    return true;
}

/* A Binary is not in the compartment of a patient: it is shown with a resource when the same system wrote both, or the Binary says that it goes by the rights of it. */
static bool belongs(struct opening *o, const struct fhir_row *binary, const struct r4_node *root)
{
    char self[FHIR_ID_BYTES + 40];
    snprintf(self, sizeof self, "%s/%s", o->row.type->name, o->row.name);
    return source_of(o, binary) == o->source || r4_is(r4_at(root, "securityContext.reference"), self);
}

/* Its texts live in the scratch's other doc. */
static int from_binary(struct opening *o, const char *name)
{
    struct fhir_row *row = &o->binary;
    struct r4_node *root = NULL;
    struct r4_doc *d = o->w.plan->scratch->rows;
    const struct r4_type *type = r4_resource(fhir_r4(o->w.fhir), "Binary", 6);
    int rc = type ? row_find(&o->w, o->ctx->tx, type, str(name), ROW_BODY, row) : ERR_NOT_FOUND;
    r4_doc_reset(d);
    if (rc == 0 && row->body && !row->deleted && r4_json_parse(d, row->body, row->body_len, &root, NULL))
        root = NULL;
    if (rc == 0 && (!root || !belongs(o, row, root)))
        rc = nothing(o->ctx);
    else if (rc == 0 && clean_restricted(root) && o->clearance < mask_restricted_level(o->ctx))
        rc = fault_set(o->ctx->fault, ERR_DENIED, "masked", "Your role does not reach this content on this ground.");
    else if (rc == 0) {
        o->data = r4_text(r4_get(root, "data"));
        o->type = o->type.n ? o->type : r4_text(r4_get(root, "contentType"));
    }
    return rc;
}

static int find_data(struct opening *o, size_t n)
{
    struct r4_node *root = NULL;
    char name[FHIR_ID_BYTES];
    struct r4_doc *d = o->w.plan->scratch->doc;
    r4_doc_reset(d);
    if (!o->row.body || o->row.deleted || r4_json_parse(d, o->row.body, o->row.body_len, &root, NULL))
        return nothing(o->ctx);
    const struct r4_node *a = attachment_of(&o->row, root, n);
    struct r4_str url = r4_text(r4_get(a, "url"));
    o->type = r4_text(r4_get(a, "contentType"));
    o->data = r4_text(r4_get(a, "data"));
    if (!a)
        return nothing(o->ctx);
    if (!o->data.n && url.n && binary_named(o, url, name))
        return from_binary(o, name);
    return o->data.n ? 0 : fault_set(o->ctx->fault, ERR_GONE, "elsewhere", "Its content is kept by the institution that wrote it, not here.");
}

static int decode(struct opening *o, const char *data, size_t len, struct bytes *out)
{
    if (len / 4 * 3 > ATTACHMENT_MAX + 3)
        return fault_set(o->ctx->fault, ERR_TOO_LARGE, "attachment", "This content is larger than what is opened here: 8 MiB.");
    size_t cap = len / 4 * 3 + 3;
    out->p = malloc(cap);
    int n = out->p ? base64_decode(data, len, out->p, cap) : ERR_UNAVAILABLE;
    out->n = n > 0 ? (size_t)n : 0;
    return n > 0 ? 0 : fault_set(o->ctx->fault, n < 0 && n != ERR_INVALID ? n : ERR_NOT_FOUND, "attachment", "This content cannot be read.");
}

/* ---- what it is ---- */

static bool begins(const char *type, const char *with)
{
    return strncasecmp(type, with, strlen(with)) == 0;
}

static bool is_markup(const char *type)
{
    return begins(type, "text/html") || begins(type, "application/xhtml+xml") || begins(type, "application/xml") || begins(type, "text/xml") || begins(type, "application/cda+xml") ||
           begins(type, "application/hl7-cda+xml") || begins(type, "application/hl7-sda+xml");
}

/* Control characters are no part of a text; newlines are. */
static size_t plain(char *text, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] >= 0x20 || text[i] == '\n' || text[i] == '\t')
            text[kept++] = text[i];
    text[kept] = 0;
    return kept;
}

static json_t *as_text(struct opening *o, const char *type, const struct bytes *b)
{
    const char *charset;
    size_t n = 0, len = 0;
    bool cut = b->n > ATTACHMENT_TEXT_MAX;
    char *utf8 = charset_decode((const char *)b->p, cut ? ATTACHMENT_TEXT_MAX : b->n, &n, &charset), *text = utf8;
    if (utf8 && is_markup(type)) {
        bool more;
        text = readable_text(utf8, n, &len, &more);
        cut = cut || more;
        explicit_bzero(utf8, n);
        free(utf8);
    } else if (utf8)
        len = plain(utf8, n);
    json_t *out = text ? json_pack("{s:s,s:s,s:I,s:o,s:b}", "type", "text", "content_type", type, "bytes", (json_int_t)b->n, "text", json_stringn(text, len), "cut", cut) : NULL;
    if (text)
        explicit_bzero(text, len);
    free(text);
    (void)o;
    return out;
}

static json_t *as_bytes(const char *kind, const char *type, const struct bytes *b)
{
    size_t cap = (b->n + 2) / 3 * 4 + 1;
    char *text = malloc(cap);
    if (!text)
        return NULL;
    base64_encode(b->p, b->n, text, cap);
    json_t *out = json_pack("{s:s,s:s,s:I,s:s,s:b}", "type", kind, "content_type", type, "bytes", (json_int_t)b->n, "data", text, "cut", 0);
    explicit_bzero(text, cap);
    free(text);
    return out;
}

/* Pictures and PDFs by their bytes, whatever was declared; text and markup as declared; all else is for saving only. */
static json_t *shown(struct opening *o, const char *type, const struct bytes *b)
{
    const struct file_type *t = file_type_detect(b->p, b->n < DETECT_HEAD_BYTES ? b->n : DETECT_HEAD_BYTES, b->n);
    bool picture = t->safe && strcmp(t->kind, "image") == 0, pdf = t->safe && strcmp(t->kind, "pdf") == 0;
    if (picture || pdf)
        return as_bytes(picture ? "image" : "pdf", t->content_type, b);
    bool text = (begins(type, "text/") || is_markup(type)) && !memchr(b->p, 0, b->n < 1024 ? b->n : 1024);
    return text ? as_text(o, type, b) : as_bytes("file", "application/octet-stream", b);
}

/* A CDA may be no more than an envelope. */
static int unwrap(struct opening *o, char type[80], struct bytes *b)
{
    struct readable_wrapped inner;
    struct bytes content = {0};
    if (!is_markup(type) || !readable_wraps((const char *)b->p, b->n, &inner))
        return 0;
    int rc = decode(o, inner.data, inner.len, &content);
    if (rc == 0) {
        snprintf(type, 80, "%s", inner.type);
        free(b->p);
        *b = content;
    } else
        free(content.p);
    return rc;
}

static int open_it(struct opening *o, int64_t pkey, size_t n, json_t **out)
{
    struct bytes b = {0};
    char type[80];
    int rc = row_load(&o->w, o->ctx->tx, pkey, (int64_t)o->row.rid, ROW_BODY, &o->row);
    if (rc == 0 && !o->row.found)
        rc = nothing(o->ctx);
    o->source = rc ? 0 : source_of(o, &o->row);
    rc = rc ? rc : find_data(o, n);
    rc = rc ? rc : decode(o, o->data.p, o->data.n, &b);
    snprintf(type, sizeof type, "%.*s", o->type.p && o->type.n < sizeof type ? (int)o->type.n : 0, o->type.p ? o->type.p : "");
    rc = rc ? rc : unwrap(o, type, &b);
    if (rc == 0 && !(*out = shown(o, type, &b)))
        rc = fault_set(o->ctx->fault, ERR_UNAVAILABLE, "", "Out of memory.");
    if (b.p)
        explicit_bzero(b.p, b.n);
    free(b.p);
    return rc;
}

/* "pkey-rid-n", as entry_lines.c writes it. */
static bool read_id(const char *id, uint64_t *pkey, uint64_t *rid, size_t *n)
{
    char head[ID_TEXT_BYTES], tail[ID_TEXT_BYTES];
    size_t len = ID_TEXT_BYTES - 1;
    if (strlen(id) < 2 * len + 3 || id[len] != '-' || id[2 * len + 1] != '-' || strspn(id + 2 * len + 2, "0123456789") != strlen(id + 2 * len + 2))
        return false;
    snprintf(head, sizeof head, "%.*s", (int)len, id);
    snprintf(tail, sizeof tail, "%.*s", (int)len, id + len + 1);
    *n = (size_t)atoi(id + 2 * len + 2);
    return id_parse(head, pkey) == 0 && id_parse(tail, rid) == 0;
}

int fhir_attachment(struct op_ctx *ctx, const char *id, int clearance, uint64_t *rid, json_t **out)
{
    uint64_t pkey;
    size_t n = 0;
    struct opening *o = calloc(1, sizeof *o);
    if (!o)
        return ERR_UNAVAILABLE;
    *o = (struct opening){.ctx = ctx, .clearance = clearance};
    o->w = (struct fhir_work){.records = ctx->records, .fhir = records_parts(ctx->records)->fhir, .now_ms = ctx->now_ms, .q = {.host = ""}};
    int rc = read_id(id, &pkey, rid, &n) ? 0 : nothing(ctx);
    if (rc == 0 && !fhir_plan_new(&o->w))
        rc = fault_set(ctx->fault, ERR_UNAVAILABLE, "", "The FHIR service is not ready.");
    else if (rc == 0) {
        o->row.rid = (int64_t)*rid;
        rc = open_it(o, (int64_t)pkey, n, out);
    }
    fhir_row_clear(&o->row);
    fhir_row_clear(&o->binary);
    free(o->w.answer.body);
    fhir_work_fini(&o->w);
    free(o);
    return rc ? rc : tx_error(ctx->tx);
}
