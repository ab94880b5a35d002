/* The web application's files, read once at start, so that the event thread never reads a file. */
#include "server/net/net_private.h"
#include "server/base/crypto.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define ASSET_MAX_BYTES (16 << 20)
#define ASSETS_MAX_BYTES (64 << 20)
#define ASSETS_MAX 4000
#define DEPTH_MAX 8

struct loader {
    struct assets *assets;
    struct fault *fault;
    size_t capacity, total;
};

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"}, {".js", "text/javascript; charset=utf-8"}, {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"}, {".json", "application/json"}, {".map", "application/json"}, {".svg", "image/svg+xml"},
        {".png", "image/png"}, {".jpg", "image/jpeg"}, {".webp", "image/webp"}, {".ico", "image/x-icon"}, {".woff2", "font/woff2"},
        {".woff", "font/woff"}, {".ttf", "font/ttf"}, {".wasm", "application/wasm"}, {".txt", "text/plain; charset=utf-8"},
        {".webmanifest", "application/manifest+json"}, {".mp3", "audio/mpeg"}, {".wav", "audio/wav"}, {".pdf", "application/pdf"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(dot, types[i][0]) == 0) return types[i][1];
    return "application/octet-stream";
}

/* Vite writes /assets/NAME-HASH.EXT with a hash of 8 characters. */
static bool is_hashed(const char *path)
{
    const char *dot = strrchr(path, '.');
    return strncmp(path, "/assets/", 8) == 0 && dot && dot - path > 17 && dot[-9] == '-';
}

static int read_form(struct loader *l, const char *file, struct asset_form *form)
{
    struct stat st;
    uint8_t hash[SHA256_BYTES];
    FILE *in = fopen(file, "re");
    int rc = ERR_STORAGE;
    if (!in || fstat(fileno(in), &st) || st.st_size > ASSET_MAX_BYTES || l->total + (size_t)st.st_size > ASSETS_MAX_BYTES) {
        fault_set(l->fault, ERR_STORAGE, "web_root", "web.root: %.160s cannot be read or is too large.", file);
        goto out;
    }
    form->data = malloc((size_t)st.st_size + 1);
    if (!form->data) abort();
    form->len = fread(form->data, 1, (size_t)st.st_size, in);
    l->total += form->len;
    crypto_sha256(form->data, form->len, hash);
    form->etag[0] = '"';
    if (base64url_encode(hash, 16, form->etag + 1, sizeof form->etag - 2) < 0) goto out;
    strcat(form->etag, "\"");
    rc = 0;
out:
    if (in) fclose(in);
    return rc;
}

/* CSP 3, 6.7.3.3: the one style written in the page itself is allowed by the hash of its text; any other stays refused. */
static void note_style(struct asset *item)
{
    static const char open_tag[] = "<style>", close_tag[] = "</style>";
    const char *page = (const char *)item->plain.data;
    const char *style = memmem(page, item->plain.len, open_tag, sizeof open_tag - 1);
    if (!style) return;
    style += sizeof open_tag - 1;
    const char *end = memmem(style, item->plain.len - (size_t)(style - page), close_tag, sizeof close_tag - 1);
    uint8_t hash[SHA256_BYTES];
    char text[48];
    if (!end) return;
    crypto_sha256(style, (size_t)(end - style), hash);
    if (base64url_encode(hash, sizeof hash, text, sizeof text) < 0) return;
    snprintf(item->style_source, sizeof item->style_source, " 'sha256-%s='", text); /* CSP takes either alphabet of base64 */
}

static void read_sibling(struct loader *l, const char *file, const char *suffix, struct asset_form *form)
{
    char name[PATH_MAX];
    struct fault ignored = {0};
    struct loader quiet = {.assets = l->assets, .fault = &ignored, .total = l->total};
    if (snprintf(name, sizeof name, "%s%s", file, suffix) < (int)sizeof name && access(name, R_OK) == 0 &&
        read_form(&quiet, name, form) == 0)
        l->total = quiet.total;
}

static int add_file(struct loader *l, const char *file, const char *path)
{
    struct assets *a = l->assets;
    if (a->n == ASSETS_MAX) return fault_set(l->fault, ERR_STORAGE, "web_root", "web.root holds more than %d files.", ASSETS_MAX);
    if (a->n == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 64;
        a->items = realloc(a->items, l->capacity * sizeof *a->items);
        if (!a->items) abort();
    }
    struct asset *item = &a->items[a->n++];
    *item = (struct asset){.path = strdup(path), .content_type = type_of(path), .immutable = is_hashed(path)};
    if (!item->path) abort();
    int rc = read_form(l, file, &item->plain);
    if (rc == 0) {
        if (strncmp(item->content_type, "text/html", 9) == 0) note_style(item);
        read_sibling(l, file, ".br", &item->br);
        read_sibling(l, file, ".gz", &item->gz);
    }
    return rc;
}

static bool is_sibling(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".br") == 0 || strcmp(dot, ".gz") == 0);
}

static int add_folder(struct loader *l, const char *folder, const char *path, int depth)
{
    DIR *dir = opendir(folder);
    int rc = 0;
    if (!dir) return fault_set(l->fault, ERR_STORAGE, "web_root", "web.root: %.150s: %s.", folder, strerror(errno));
    for (struct dirent *e; rc == 0 && (e = readdir(dir));) {
        char file[PATH_MAX], sub[PATH_MAX];
        struct stat st;
        if (e->d_name[0] == '.' || is_sibling(e->d_name)) continue;
        if (snprintf(file, sizeof file, "%s/%s", folder, e->d_name) >= (int)sizeof file) continue;
        if (snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) >= (int)sizeof sub) continue;
        if (stat(file, &st)) continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
            rc = add_folder(l, file, sub, depth + 1);
        else if (S_ISREG(st.st_mode))
            rc = add_file(l, file, sub);
    }
    closedir(dir);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct asset *)a)->path, ((const struct asset *)b)->path);
}

int assets_load(struct assets *a, const char *root, struct fault *f)
{
    struct loader l = {.assets = a, .fault = f};
    *a = (struct assets){0};
    if (!*root) return 0;
    int rc = add_folder(&l, root, "", 0);
    if (a->n) qsort(a->items, a->n, sizeof *a->items, by_path);
    if (rc == 0 && !assets_find(a, "/index.html"))
        rc = fault_set(f, ERR_NOT_FOUND, "web_root", "web.root: %.150s holds no index.html; build the web application first.", root);
    if (rc) assets_free(a);
    return rc;
}

void assets_free(struct assets *a)
{
    for (size_t i = 0; i < a->n; i++) {
        free(a->items[i].path);
        free(a->items[i].plain.data);
        free(a->items[i].br.data);
        free(a->items[i].gz.data);
    }
    free(a->items);
    *a = (struct assets){0};
}

const struct asset *assets_find(const struct assets *a, const char *path)
{
    struct asset key = {.path = (char *)path};
    return a->n ? bsearch(&key, a->items, a->n, sizeof key, by_path) : NULL;
}

/* RFC 9110 12.5.3, as far as it matters: named and not refused by q=0. */
static bool accepts(const struct net_request *r, const char *coding)
{
    const char *at = strstr(net_request_header(r, "accept-encoding"), coding);
    if (!at) return false;
    at += strlen(coding);
    at += strspn(at, " ");
    if (*at != ';') return *at == ',' || *at == '\0';
    at += 1 + strspn(at + 1, " ");
    return strncmp(at, "q=", 2) != 0 || strtod(at + 2, NULL) > 0;
}

/* A page of the application that has its own address: /cases/..., but never a missing file or an unknown URL of the API. */
static bool is_page(const char *path)
{
    const char *last = strrchr(path, '/');
    if (strncmp(path, "/api/", 5) == 0 || strncmp(path, "/assets/", 8) == 0) return false;
    return last && !strchr(last, '.');
}

void asset_reply_form(struct net_request *r, const struct asset *item)
{
    const struct asset_form *form = &item->plain;
    uint64_t first = 0, last = 0;
    if (item->br.data && accepts(r, "br")) form = &item->br;
    else if (item->gz.data && accepts(r, "gzip")) form = &item->gz;
    net_reply_header(r, "Cache-Control", item->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    net_reply_header(r, "Vary", "Accept-Encoding");
    if (*item->style_source) r->style_source = item->style_source;
    net_reply_header(r, "ETag", form->etag);
    if (form != &item->plain) net_reply_header(r, "Content-Encoding", form == &item->br ? "br" : "gzip");
    if (etag_listed(net_request_header(r, "if-none-match"), form->etag)) {
        reply_memory(r, 304, item->content_type, NULL, 0);
        return;
    }
    const char *if_range = net_request_header(r, "if-range");
    int hit = !*if_range || strcmp(if_range, form->etag) == 0 ? range_parse(net_request_header(r, "range"), form->len, &first, &last) : 0;
    char text[80];
    if (hit == 1) {
        snprintf(text, sizeof text, "bytes %llu-%llu/%zu", (unsigned long long)first, (unsigned long long)last, form->len);
        net_reply_header(r, "Content-Range", text);
        reply_memory(r, 206, item->content_type, form->data + first, last - first + 1);
    } else if (hit == ERR_RANGE) {
        snprintf(text, sizeof text, "bytes */%zu", form->len);
        net_reply_header(r, "Content-Range", text);
        reply_memory(r, 416, NULL, NULL, 0);
    } else {
        net_reply_header(r, "Accept-Ranges", "bytes");
        reply_memory(r, 200, item->content_type, form->data, form->len);
    }
}

void asset_reply(struct net_request *r)
{
    const struct asset *item = assets_find(&r->net->assets, strcmp(r->path, "/") == 0 ? "/index.html" : r->path);
    if (!item && is_page(r->path)) item = assets_find(&r->net->assets, "/index.html");
    if (item) {
        asset_reply_form(r, item);
        return;
    }
    struct fault f = {0};
    fault_set(&f, ERR_NOT_FOUND, "no_such_url", "There is nothing at this URL.");
    net_reply_fault(r, &f);
}
