#include "server/api/bytes.h"
#include "server/base/crypto.h"
#include <stdlib.h>
#include <string.h>

#define HANDLES 4096 /* the newest; a page that shows an older one opens the document again */

struct handle {
    char name[48];
    uint8_t credential[SHA256_BYTES]; /* hash of who opened it */
    uint64_t bytes;
    char content_type[100], etag[72], file[260];
    bool attachment;
    int64_t expires_ms;
};

struct api_bytes {
    struct api_config config;
    struct handle *handles; /* ring, made when first needed */
    size_t next;
};

struct api_bytes *bytes_new(const struct api_config *config)
{
    struct api_bytes *b = calloc(1, sizeof *b);
    if (b) b->config = *config;
    return b;
}

void bytes_free(struct api_bytes *b)
{
    if (!b) return;
    free(b->handles);
    free(b);
}

static void credential_hash(const struct net_request *r, uint8_t out[SHA256_BYTES])
{
    bool by_cookie;
    const char *credential = net_request_credential(r, &by_cookie);
    crypto_sha256(credential, strlen(credential), out);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

void bytes_remember(struct api_bytes *b, struct net_request *r, const json_t *opened)
{
    if (!b->handles) b->handles = calloc(HANDLES, sizeof *b->handles);
    if (!b->handles) return;
    struct handle *h = &b->handles[b->next++ % HANDLES];
    memset(h, 0, sizeof *h);
    snprintf(h->name, sizeof h->name, "%s", text_of(opened, "handle"));
    snprintf(h->content_type, sizeof h->content_type, "%s", text_of(opened, "content_type"));
    snprintf(h->file, sizeof h->file, "%s", text_of(opened, "name"));
    if (*text_of(opened, "sha256")) snprintf(h->etag, sizeof h->etag, "\"%.64s\"", text_of(opened, "sha256"));
    h->bytes = (uint64_t)json_integer_value(json_object_get(opened, "bytes"));
    h->attachment = json_is_false(json_object_get(opened, "inline"));
    h->expires_ms = json_integer_value(json_object_get(opened, "expires_ms"));
    credential_hash(r, h->credential);
}

/* ---- reading ---- */

struct reading {
    struct api_bytes *bytes;
    struct handle handle;
    struct net_request *request;
};

struct piece { /* one read on its way */
    struct net_request *request;
    int error;
    size_t len;
    uint8_t data[];
};

static void piece_arrived(void *arg)
{
    struct piece *p = arg;
    net_stream_give(p->request, p->error, p->data, p->len);
    explicit_bzero(p->data, p->len);
    free(p);
}

struct piece_wait {
    struct net *net;
    struct net_request *request;
};

/* On a pool thread. */
static void piece_read(void *ctx, int error, const void *data, size_t len)
{
    struct piece_wait w = *(struct piece_wait *)ctx;
    struct piece *p = malloc(sizeof *p + len + 1);
    free(ctx);
    if (!p) abort();
    *p = (struct piece){.request = w.request, .error = error, .len = error ? 0 : len};
    if (p->len) memcpy(p->data, data, len);
    net_post_wait(w.net, piece_arrived, p);
}

static void piece_want(void *ctx, struct net_request *r, uint64_t offset, size_t len)
{
    struct reading *reading = ctx;
    const struct api_config *config = &reading->bytes->config;
    struct piece_wait *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (struct piece_wait){config->net, r};
    int rc = config->backend.read(config->backend.ctx, reading->handle.name, offset, len, piece_read, w);
    if (rc == 0) return;
    free(w);
    net_stream_give(r, rc, NULL, 0);
}

/* The handle, when it is this session's and not over. Any other answer is the same to the asker: gone. */
static const struct handle *handle_find(struct api_bytes *b, struct net_request *r, const char *name)
{
    uint8_t credential[SHA256_BYTES];
    int64_t now_ms = clock_now_ms(&clock_system);
    credential_hash(r, credential);
    if (!*name) return NULL;
    for (size_t i = 0; b->handles && i < HANDLES; i++) {
        const struct handle *h = &b->handles[i];
        if (strcmp(h->name, name) == 0 && crypto_equal(h->credential, credential, SHA256_BYTES) && h->expires_ms > now_ms) return h;
    }
    return NULL;
}

void bytes_read(struct api_bytes *b, struct net_request *r, const char *handle)
{
    const struct handle *found = handle_find(b, r, handle);
    struct fault f = {0};
    if (!found) {
        fault_set(&f, ERR_GONE, "handle_over", "This address has expired; open the document again.");
        net_reply_fault(r, &f);
        return;
    }
    struct reading *reading = malloc(sizeof *reading);
    if (!reading) abort();
    *reading = (struct reading){.bytes = b, .handle = *found, .request = r};
    net_reply_header(r, "Cache-Control", "private, no-store");
    net_reply_stream(r, &(struct net_source){.content_type = reading->handle.content_type, .etag = reading->handle.etag,
                                             .total = reading->handle.bytes, .attachment = reading->handle.attachment,
                                             .name = reading->handle.file, .want = piece_want, .done = free, .ctx = reading});
}

/* ---- uploading ---- */

struct appending {
    struct net *net;
    struct net_request *request;
    int error;
    uint64_t held;
};

static void append_answer(void *arg)
{
    struct appending *p = arg;
    struct fault f = {0};
    char text[24];
    if (p->error == 0 || p->error == ERR_CONFLICT) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)p->held);
        net_reply_header(p->request, "Upload-Offset", text);
    }
    if (p->error) {
        fault_set(&f, p->error, p->error == ERR_CONFLICT ? "wrong_offset" : "", "The bytes were not taken.");
        net_reply_fault(p->request, &f);
    } else {
        net_reply_empty(p->request, 204);
    }
    free(p);
}

static void appended(void *ctx, int error, uint64_t held)
{
    struct appending *p = ctx;
    p->error = error;
    p->held = held;
    net_post_wait(p->net, append_answer, p);
}

static int append_parse(struct net_request *r, const char *id, struct records_append *a, struct fault *f)
{
    const char *offset = net_request_header(r, "upload-offset");
    bool by_cookie;
    if (id_parse(id, &a->upload)) return fault_set(f, ERR_NOT_FOUND, "", "There is no such upload.");
    if (!*offset || strlen(offset) > 15 || strspn(offset, "0123456789") != strlen(offset))
        return fault_field(f, "Upload-Offset", *offset ? "not_a_number" : "required");
    a->offset = strtoull(offset, NULL, 10);
    a->credential = net_request_credential(r, &by_cookie);
    /* A form on another site can neither send PATCH nor this header without our leave, but a cookie never acts alone. */
    if (by_cookie && !*net_request_header(r, "x-csrf-token"))
        return fault_set(f, ERR_DENIED, "csrf", "X-CSRF-Token is missing.");
    a->data = net_request_body(r, &a->len);
    return 0;
}

void bytes_append(struct api_bytes *b, struct net_request *r, const char *upload_id)
{
    struct records_append a = {0};
    struct fault f = {0};
    struct appending *p = malloc(sizeof *p);
    if (!p) abort();
    *p = (struct appending){.net = b->config.net, .request = r};
    int rc = append_parse(r, upload_id, &a, &f);
    if (rc == 0 && (rc = b->config.backend.append(b->config.backend.ctx, &a, appended, p)) == 0) return;
    if (!f.code) fault_set(&f, rc, "busy", "The server is busy; try again.");
    net_reply_fault(r, &f);
    free(p);
}
