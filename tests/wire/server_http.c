/* The HTTP server and the API mapper on loopback, over TLS, against a small operation table: kind and hostile clients. */
#include "server/api/api.h"
#include "server/base/log.h"
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define DOCUMENT_BYTES 700000
#define JSON "Content-Type: application/json\r\n"
#define READER "Authorization: Bearer reader\r\n"
#define BLOB "/api/v1/blobs/HANDLE"
#define PATIENT "/api/v1/patients/00000000000000ab"
#define UPLOAD "/api/v1/uploads/00000000000000ab"

/* ---- a small records plane; completions come from the caller's thread or another, as the real ones do ---- */

static const struct field list_args[] = {{.name = "limit", .type = FIELD_INT, .min = 1, .max = 200}, {.name = "active", .type = FIELD_BOOL},
                                         {.name = "q", .type = FIELD_TEXT}, {0}};
static const struct field patient_args[] = {{.name = "patient_id", .type = FIELD_ID, .required = true}, {.name = "name", .type = FIELD_TEXT}, {0}};
static const struct field no_args[] = {{0}};
static const struct op ops[] = {{"org.list", OP_READ, 0, "self", list_args, NULL, "organisations"},
                                {"patient.update", OP_WRITE, 0, "self", patient_args, NULL, "change"},
                                {"session.login", OP_WRITE, OP_ANONYMOUS, NULL, no_args, NULL, "log in"},
                                {"session.logout", OP_WRITE, 0, "self", no_args, NULL, "log out"},
                                {"document.open", OP_READ, 0, "self", no_args, NULL, "open"},
                                {"upload.status", OP_READ, 0, "self", no_args, NULL, "held"},
                                {0}};

static const struct op *find(const char *name)
{
    const struct op *op = ops;
    while (op->name && strcmp(op->name, name) != 0)
        op++;
    return op->name ? op : NULL;
}

static void run(const struct call *call, struct reply *reply)
{
    const char *op = call->op;
    if (strcmp(op, "org.list") == 0 || strcmp(op, "patient.update") == 0) {
        reply->error = fields_check(find(op)->args, call->args, &reply->fault);
        if (!reply->error)
            reply->result = json_pack("{s:O, s:s?, s:s?, s:s?, s:b}", "args", call->args, "key", call->idempotency_key, "csrf", call->csrf,
                                      "credential", call->credential, "by_cookie", call->by_cookie);
    } else if (json_object_get(call->args, "wrong")) {
        reply->error = fault_set(&reply->fault, ERR_UNAUTHENTICATED, "bad_credentials", "no");
    } else if (strcmp(op, "session.login") == 0 || strcmp(op, "session.logout") == 0) {
        strcpy(reply->set_session, strcmp(op, "session.login") == 0 ? "fresh-token" : "-");
    } else if (strcmp(op, "document.open") == 0) {
        reply->result = json_pack("{s:s, s:i, s:s, s:s, s:s, s:b, s:I}", "handle", "HANDLE", "bytes", DOCUMENT_BYTES, "content_type",
                                  "application/pdf", "sha256", "abc", "name", "胸片.pdf", "inline", 1, "expires_ms", (json_int_t)9e15);
    } else {
        reply->result = json_pack("{s:i}", "offset", 4711);
    }
}

static int submit(void *ctx, const struct call *call, records_done done, void *done_ctx)
{
    struct reply reply = {0};
    run(call, &reply);
    done(done_ctx, &reply);
    return 0;
}

static int append(void *ctx, const struct records_append *a, records_append_done done, void *done_ctx)
{
    done(done_ctx, a->offset == 0 ? 0 : ERR_CONFLICT, a->offset == 0 ? a->len : 7);
    return 0;
}

struct read_job {
    uint64_t offset;
    size_t len;
    records_read_done done;
    void *ctx;
};

static uint8_t document_byte(uint64_t at)
{
    return (uint8_t)(at * 31 + at / 256);
}

static void *run_read(void *arg)
{
    struct read_job *j = arg;
    uint8_t *data = malloc(j->len);
    for (size_t i = 0; i < j->len; i++)
        data[i] = document_byte(j->offset + i);
    j->done(j->ctx, 0, data, j->len);
    free(data);
    free(j);
    return NULL;
}

static int read_some(void *ctx, const char *handle, uint64_t offset, size_t len, records_read_done done, void *done_ctx)
{
    pthread_t t;
    struct read_job *j = malloc(sizeof *j);
    *j = (struct read_job){offset, len, done, done_ctx};
    return pthread_create(&t, NULL, run_read, j) || pthread_detach(t) ? ERR_UNAVAILABLE : 0;
}

/* ---- the server ---- */

static struct {
    struct net *net;
    struct api *api;
    pthread_t thread;
    char dir[64], certificate[100], key[100];
    uint16_t port;
    int closed_code;
} world;

static int media_stuck;

static const char *missing(void *ctx)
{
    return __atomic_load_n(&media_stuck, __ATOMIC_SEQ_CST) ? "media" : NULL;
}

static void *on_open(void *ctx, struct net_ws *ws, const struct net_ws_info *info)
{
    return strcmp(info->credential, "nobody") == 0 ? NULL : ws;
}

static void on_message(void *ctx, struct net_ws *ws, void *user, const char *text, size_t len)
{
    static char big[100000];
    if (strcmp(text, "flood me") == 0)
        for (int i = 0; i < 200; i++)
            net_ws_send(ws, memset(big, 'x', sizeof big), sizeof big);
    else if (strcmp(text, "close me") == 0)
        net_ws_close(ws, 4001);
    else
        net_ws_send(ws, text, len);
}

static void on_close(void *ctx, struct net_ws *ws, void *user, int code)
{
    __atomic_store_n(&world.closed_code, code, __ATOMIC_SEQ_CST);
}

static void *serve(void *arg)
{
    net_run(world.net);
    return NULL;
}

static void make_files(void)
{
    char command[1500];
    strcpy(world.dir, "/tmp/yl-http-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    snprintf(world.certificate, sizeof world.certificate, "%s/cert.pem", world.dir);
    snprintf(world.key, sizeof world.key, "%s/key.pem", world.dir);
    snprintf(command, sizeof command,
             "cd %s && mkdir -p web/assets && echo '<title>Yilian</title><style>p{margin:0}</style>' > web/index.html && echo 'console.log(1)' > web/assets/app-1a2b3c4d.js && "
             "printf BROTLI > web/assets/app-1a2b3c4d.js.br && printf GZIP > web/assets/app-1a2b3c4d.js.gz && openssl req -x509 -newkey ec "
             "-pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost 2>/dev/null", world.dir);
    assert_int_equal(system(command), 0);
}

static int start(void **state)
{
    char web[100];
    struct fault f = {0};
    int rc = ERR_UNAVAILABLE;
    log_set_level(LOG_LEVEL_ERROR);
    make_files();
    snprintf(web, sizeof web, "%s/web", world.dir);
    struct net_config config = {.address = "127.0.0.1", .certificate = world.certificate, .key = world.key, .web_root = web,
                                .origins = "https://other.example", .connections = 100, .connections_per_address = 20, .idle_ms = 5000,
                                .requests_per_second = 500, .ws_messages_per_second = 50, .max_body = 100000};
    for (config.port = 20010; rc && config.port < 20090; config.port++) {
        world.port = config.port;
        rc = net_open(&world.net, &config, &f);
    }
    if (rc) print_error("%s\n", f.text);
    assert_int_equal(rc, 0);
    struct api_config api = {.net = world.net, .backend = {NULL, submit, append, read_some, find}, .missing = missing};
    assert_int_equal(api_new(&world.api, &api, &f), 0);
    assert_int_equal(net_ws_serve(world.net, "/ws", &(struct net_ws_events){NULL, on_open, on_message, on_close}), 0);
    return pthread_create(&world.thread, NULL, serve, NULL);
}

static int stop(void **state)
{
    char command[100];
    net_stop(world.net);
    pthread_join(world.thread, NULL);
    net_shut(world.net);
    usleep(50000); /* this test's own detached readers */
    net_free(world.net);
    api_free(world.api);
    snprintf(command, sizeof command, "rm -r %s", world.dir);
    return system(command);
}

/* ---- a client ---- */

struct client {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_ssl_config config;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context random;
    char *reply;
    size_t len, body_at;
};

static int client_try(struct client *c)
{
    char port[8];
    memset(c, 0, sizeof *c);
    mbedtls_net_init(&c->net);
    mbedtls_ssl_init(&c->ssl);
    mbedtls_ssl_config_init(&c->config);
    mbedtls_entropy_init(&c->entropy);
    mbedtls_ctr_drbg_init(&c->random);
    snprintf(port, sizeof port, "%u", world.port);
    mbedtls_ctr_drbg_seed(&c->random, mbedtls_entropy_func, &c->entropy, NULL, 0);
    mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
    mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_NONE);
    mbedtls_ssl_conf_rng(&c->config, mbedtls_ctr_drbg_random, &c->random);
    mbedtls_ssl_conf_read_timeout(&c->config, 20000);
    mbedtls_ssl_setup(&c->ssl, &c->config);
    mbedtls_ssl_set_bio(&c->ssl, &c->net, mbedtls_net_send, NULL, mbedtls_net_recv_timeout);
    int rc = mbedtls_net_connect(&c->net, "127.0.0.1", port, MBEDTLS_NET_PROTO_TCP);
    return rc ? rc : mbedtls_ssl_handshake(&c->ssl);
}

static void client_open(struct client *c)
{
    assert_int_equal(client_try(c), 0);
}

static void client_close(struct client *c)
{
    free(c->reply);
    mbedtls_net_free(&c->net);
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_config_free(&c->config);
    mbedtls_ctr_drbg_free(&c->random);
    mbedtls_entropy_free(&c->entropy);
}

static int client_send(struct client *c, const void *data, size_t len)
{
    for (const uint8_t *p = data; len;) {
        int n = mbedtls_ssl_write(&c->ssl, p, len);
        if (n <= 0) return -1;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Reads until `want` bytes are held (0: a whole header); -1 when the server ended it, -2 when our own patience did. */
static int client_fill(struct client *c, size_t want)
{
    while (want ? c->len < want : !c->reply || !strstr(c->reply, "\r\n\r\n")) {
        c->reply = realloc(c->reply, c->len + 16385);
        int n = mbedtls_ssl_read(&c->ssl, (uint8_t *)c->reply + c->len, 16384);
        if (n <= 0) return n == MBEDTLS_ERR_SSL_TIMEOUT ? -2 : -1;
        c->len += (size_t)n;
        c->reply[c->len] = '\0';
    }
    return 0;
}

static const char *header(const struct client *c, const char *name)
{
    static char value[600];
    char key[80];
    snprintf(key, sizeof key, "\r\n%s: ", name);
    const char *at = strstr(c->reply, key);
    if (!at || at > c->reply + c->body_at) return "";
    at += strlen(key);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
    return value;
}

static void forget(struct client *c)
{
    free(c->reply);
    c->reply = NULL;
    c->len = 0;
}

/* The answer's status, -1 when none came. */
static int take(struct client *c, const char *method)
{
    if (client_fill(c, 0)) return -1;
    c->body_at = (size_t)(strstr(c->reply, "\r\n\r\n") + 4 - c->reply);
    size_t body_len = (size_t)atoll(header(c, "Content-Length"));
    if (strcmp(method, "HEAD") != 0 && body_len && client_fill(c, c->body_at + body_len)) return -1;
    return atoi(c->reply + 9);
}

static int ask_bytes(struct client *c, const char *method, const char *path, const char *headers, const char *body, size_t len)
{
    char head[3000];
    int n = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost:%u\r\n%s", method, path, world.port, headers);
    if (body) n += snprintf(head + n, sizeof head - (size_t)n, "Content-Length: %zu\r\n", len);
    n += snprintf(head + n, sizeof head - (size_t)n, "\r\n");
    forget(c);
    return client_send(c, head, (size_t)n) || (len && client_send(c, body, len)) ? -1 : take(c, method);
}

static int ask(struct client *c, const char *method, const char *path, const char *headers, const char *body)
{
    return ask_bytes(c, method, path, headers, body, body ? strlen(body) : 0);
}

static bool says(const struct client *c, const char *text)
{
    return strstr(c->reply + c->body_at, text) != NULL;
}

/* ---- requests ---- */

static void pages_and_assets(void **state)
{
    struct client c;
    char headers[200];
    client_open(&c);
    assert_int_equal(ask(&c, "GET", "/", "", NULL), 200);
    assert_true(says(&c, "Yilian"));
    assert_non_null(strstr(header(&c, "Content-Security-Policy"), "frame-ancestors 'none'"));
    assert_null(strstr(header(&c, "Content-Security-Policy"), "unsafe-inline"));
    assert_non_null(strstr(header(&c, "Content-Security-Policy"), "style-src 'self' 'sha256-QRQPRLGyxt3RJiKpYNjpkgHcmHU2PywsfL2e8oI0LQA='"));
    assert_int_equal(ask(&c, "GET", "/cases/0123456789abcdef", "", NULL), 200); /* a page's own address */
    assert_int_equal(ask(&c, "GET", "/assets/app-1a2b3c4d.js", "Accept-Encoding: gzip, br\r\n", NULL), 200);
    assert_true(says(&c, "BROTLI"));
    assert_non_null(strstr(header(&c, "Cache-Control"), "immutable"));
    snprintf(headers, sizeof headers, "Accept-Encoding: gzip, br\r\nIf-None-Match: %s\r\n", header(&c, "ETag"));
    assert_int_equal(ask(&c, "GET", "/assets/app-1a2b3c4d.js", headers, NULL), 304);
    assert_int_equal(ask(&c, "GET", "/assets/app-1a2b3c4d.js", "Accept-Encoding: br;q=0, gzip\r\n", NULL), 200);
    assert_true(says(&c, "GZIP"));
    assert_int_equal(ask(&c, "GET", "/assets/app-1a2b3c4d.js", "Range: bytes=0-6\r\n", NULL), 206);
    assert_string_equal(c.reply + c.body_at, "console");
    assert_int_equal(ask(&c, "HEAD", "/", "", NULL), 200);
    assert_int_equal(ask(&c, "GET", "/assets/none.js", "", NULL), 404);
    assert_int_equal(ask(&c, "POST", "/", "", ""), 405);
    assert_int_equal(ask(&c, "DELETE", "/", "", ""), 405); /* no body, said so or not */
    assert_int_equal(ask(&c, "PUT", "/", "", ""), 405);
    assert_int_equal(ask(&c, "GET", "/healthz", "", ""), 200);
    assert_int_equal(ask(&c, "DELETE", "/", "", NULL), 405);
    assert_int_equal(ask(&c, "POST", "/", "", NULL), 405);
    client_close(&c);
}

/* A machine's POST without Content-Length has no body (RFC 9112 6.3); its line ends with the answer, so that nothing hangs behind it. */
static void a_post_without_a_length_is_answered_and_closed(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    struct client c;
    for (int i = 0; i < 3; i++) {
        client_open(&c);
        assert_int_equal(ask(&c, methods[i], "/api/v1/orgs", "", NULL), 405);
        assert_string_equal(header(&c, "Connection"), "close");
        assert_int_equal(client_fill(&c, c.len + 1), -1);
        client_close(&c);
    }
    client_open(&c);
    assert_int_equal(ask(&c, "POST", "/api/v1/session", "", NULL), 204);
    assert_string_equal(header(&c, "Connection"), "close");
    client_close(&c);
}

/* Several TLS records that come in one piece: the kernel tells of them once. */
static void what_comes_at_once_is_read_to_its_end(void **state)
{
    static const char head[] = "PATCH " PATIENT " HTTP/1.1\r\nHost: x\r\n" JSON "Content-Length: 16\r\n\r\n";
    static const char *const pieces[] = {head, "{\"name\"", ":\"\346\235", "\216\"", "}  "};
    struct client c;
    client_open(&c);
    assert_int_equal(ask(&c, "GET", "/healthz", "", NULL), 200);
    for (int round = 0; round < 20; round++) {
        int on = 1, off = 0;
        forget(&c);
        setsockopt(c.net.fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
            assert_int_equal(client_send(&c, pieces[i], strlen(pieces[i])), 0);
        setsockopt(c.net.fd, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
        assert_int_equal(take(&c, "PATCH"), 200);
        assert_true(says(&c, "\"name\":\"李\""));
    }
    client_close(&c);
}

static void readiness_names_what_does_not_answer(void **state)
{
    struct client c;
    client_open(&c);
    assert_int_equal(ask(&c, "GET", "/readyz", "", NULL), 200);
    assert_true(says(&c, "ready"));
    __atomic_store_n(&media_stuck, 1, __ATOMIC_SEQ_CST);
    assert_int_equal(ask(&c, "GET", "/readyz", "", NULL), 503);
    assert_true(says(&c, "media"));
    assert_int_equal(ask(&c, "GET", "/healthz", "", NULL), 200);
    __atomic_store_n(&media_stuck, 0, __ATOMIC_SEQ_CST);
    client_close(&c);
}

static void operations_get_their_arguments(void **state)
{
    struct client c;
    client_open(&c);
    assert_int_equal(ask(&c, "GET", "/api/v1/orgs?limit=20&active=true&q=%E5%BC%A0+a%2Bb%26", READER, NULL), 200);
    assert_true(says(&c, "\"limit\":20") && says(&c, "\"active\":true") && says(&c, "\"q\":\"张 a+b&\"") && says(&c, "\"credential\":\"reader\""));
    assert_int_equal(ask(&c, "GET", "/api/v1/orgs?limit=many&colour=red", "", NULL), 422);
    assert_true(says(&c, "\"path\":\"limit\"") && says(&c, "\"path\":\"colour\""));
    assert_int_equal(ask(&c, "PATCH", PATIENT, JSON "X-CSRF-Token: tok\r\nIdempotency-Key: key-12345\r\nCookie: a=b; yl_session=s-2\r\n",
                         "{\"name\":\"李\"}"), 200);
    assert_true(says(&c, "\"patient_id\":\"00000000000000ab\"") && says(&c, "\"key\":\"key-12345\"") && says(&c, "\"csrf\":\"tok\""));
    assert_true(says(&c, "\"credential\":\"s-2\",\"by_cookie\":true"));
    assert_int_equal(ask(&c, "POST", "/api/v1/session", JSON, "{}"), 204);
    assert_string_equal(header(&c, "Set-Cookie"), "yl_session=fresh-token; Path=/; HttpOnly; Secure; SameSite=Strict");
    assert_int_equal(ask(&c, "DELETE", "/api/v1/session", "", NULL), 204);
    assert_non_null(strstr(header(&c, "Set-Cookie"), "Max-Age=0"));
    assert_int_equal(ask(&c, "GET", "/api/openapi.json", "", NULL), 200);
    assert_true(says(&c, "\"operationId\":\"org.list\""));
    assert_int_equal(ask(&c, "GET", "/metrics", "", NULL), 200);
    assert_true(says(&c, "yilian_http_requests_total{class=\"2xx\"}"));
    client_close(&c);
}

static void what_is_wrong_is_said(void **state)
{
    struct client c;
    char deep[400];
    client_open(&c);
    assert_int_equal(ask(&c, "PATCH", PATIENT, JSON, "{\"a\":"), 400);
    assert_true(says(&c, "\"reason\":\"bad_json\""));
    assert_int_equal(ask(&c, "PATCH", PATIENT, JSON, "[1]"), 400);
    assert_int_equal(ask(&c, "PATCH", PATIENT, "Content-Type: text/plain\r\n", "{}"), 415);
    assert_int_equal(ask_bytes(&c, "PATCH", PATIENT, JSON, memset(deep, '[', sizeof deep), sizeof deep), 400);
    assert_true(says(&c, "too_deep"));
    assert_int_equal(ask(&c, "PATCH", PATIENT, JSON, "{\"patient_id\":\"00000000000000ff\"}"), 422);
    assert_true(says(&c, "differs_from_url"));
    assert_int_equal(ask(&c, "GET", "/api/v1/nothing", "", NULL), 404);
    assert_int_equal(ask(&c, "DELETE", "/api/v1/orgs", "", NULL), 405);
    client_close(&c);
}

static void bodies_are_bounded(void **state)
{
    struct client c;
    char *big = calloc(1, 300000);
    client_open(&c);
    assert_int_equal(ask_bytes(&c, "PATCH", PATIENT, JSON, big, 300000), 413);
    assert_int_equal(ask(&c, "GET", "/healthz", "", NULL), 200); /* the connection lives on */
    assert_int_equal(ask(&c, "POST", "/api/v1/session", "Content-Length: 99999999999\r\n", NULL), 413);
    client_close(&c);
    client_open(&c);
    assert_int_equal(ask(&c, "POST", "/api/v1/session", "Transfer-Encoding: chunked\r\n", NULL), 400);
    client_close(&c);
    client_open(&c); /* a header that never ends */
    memset(big, 'h', 300000);
    client_send(&c, "GET / HTTP/1.1\r\nX-Long: ", 24);
    assert_true(client_send(&c, big, 300000) || client_fill(&c, 1) == -1 || strncmp(c.reply, "HTTP/1.1 4", 10) == 0);
    client_close(&c);
    free(big);
}

static void documents_come_in_ranges(void **state)
{
    struct client c;
    client_open(&c);
    assert_int_equal(ask(&c, "GET", BLOB, READER, NULL), 410);
    assert_int_equal(ask(&c, "POST", "/api/v1/documents/00000000000000ab/open", READER, ""), 200);
    assert_int_equal(ask(&c, "GET", BLOB, "Authorization: Bearer thief\r\n", NULL), 410);
    assert_int_equal(ask(&c, "GET", BLOB, READER, NULL), 200);
    assert_int_equal(c.len - c.body_at, DOCUMENT_BYTES);
    for (size_t i = 0; i < DOCUMENT_BYTES; i += 997)
        assert_int_equal((uint8_t)c.reply[c.body_at + i], document_byte(i));
    assert_non_null(strstr(header(&c, "Content-Disposition"), "inline; filename*=UTF-8''%E8%83%B8"));
    assert_int_equal(ask(&c, "GET", BLOB, READER "Range: bytes=300000-599999\r\n", NULL), 206);
    assert_string_equal(header(&c, "Content-Range"), "bytes 300000-599999/700000");
    assert_int_equal((uint8_t)c.reply[c.len - 1], document_byte(599999));
    assert_int_equal(ask(&c, "GET", BLOB, READER "Range: bytes=-10\r\n", NULL), 206);
    assert_int_equal(ask(&c, "GET", BLOB, READER "Range: bytes=700000-\r\n", NULL), 416);
    assert_int_equal(ask(&c, "GET", BLOB, READER "Range: bytes=0-9\r\nIf-Range: \"old\"\r\n", NULL), 200);
    assert_int_equal(ask(&c, "GET", BLOB, READER "If-None-Match: \"abc\"\r\n", NULL), 304);
    client_close(&c);
    for (int i = 0; i < 30; i++) { /* readers who hang up */
        const char *text = "GET " BLOB " HTTP/1.1\r\nHost: x\r\n" READER "\r\n";
        client_open(&c);
        client_send(&c, text, strlen(text));
        client_close(&c);
    }
}

static void uploads_go_on_where_they_were(void **state)
{
    struct client c;
    char *chunk = calloc(1, 1 << 20);
    client_open(&c);
    assert_int_equal(ask_bytes(&c, "PATCH", UPLOAD, READER "Upload-Offset: 0\r\n", chunk, 1 << 20), 204);
    assert_string_equal(header(&c, "Upload-Offset"), "1048576");
    assert_int_equal(ask(&c, "PATCH", UPLOAD, READER "Upload-Offset: 3\r\n", "abc"), 409);
    assert_string_equal(header(&c, "Upload-Offset"), "7");
    assert_int_equal(ask(&c, "PATCH", UPLOAD, READER, "abc"), 422);
    assert_int_equal(ask(&c, "HEAD", UPLOAD, READER, NULL), 200);
    assert_string_equal(header(&c, "Upload-Offset"), "4711");
    client_close(&c);
    free(chunk);
}

/* ---- WebSocket ---- */

static int ws_open(struct client *c, const char *headers)
{
    char all[600];
    snprintf(all, sizeof all, "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                              "Sec-WebSocket-Version: 13\r\n%s", headers);
    client_open(c);
    return ask(c, "GET", "/ws", all, NULL);
}

static int ws_send(struct client *c, const char *text, size_t len)
{
    uint8_t head[14] = {0x81, len < 126 ? (uint8_t)(0x80 | len) : 0xff}; /* and a mask of zeros */
    for (int i = 0; len >= 126 && i < 8; i++)
        head[2 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
    return client_send(c, head, len < 126 ? 6 : 14) || client_send(c, text, len);
}

/* Reads frames until a close frame: its code, 1006 when the line just ends. */
static int ws_drain(struct client *c, int *texts)
{
    *texts = 0;
    for (size_t at = c->body_at;;) {
        if (client_fill(c, at + 2)) return 1006;
        size_t len = c->reply[at + 1] & 0x7f, head = len == 126 ? 4 : len == 127 ? 10 : 2;
        if (client_fill(c, at + head)) return 1006;
        const uint8_t *p = (const uint8_t *)c->reply + at;
        for (size_t i = 2, whole = 0; i < head; i++)
            len = whole = whole << 8 | p[i];
        if (client_fill(c, at + head + len)) return 1006;
        p = (const uint8_t *)c->reply + at;
        if ((p[0] & 15) == 8) return len >= 2 ? p[head] << 8 | p[head + 1] : 1005;
        *texts += (p[0] & 15) == 1;
        at += head + len;
    }
}

static void sockets_echo_and_close(void **state)
{
    struct client c;
    int texts;
    assert_int_equal(ws_open(&c, "Cookie: yl_session=me\r\n"), 101);
    ws_send(&c, "hello", 5);
    ws_send(&c, "close me", 8);
    assert_int_equal(ws_drain(&c, &texts), 4001);
    assert_int_equal(texts, 1);
    client_close(&c);
    assert_int_equal(ws_open(&c, "Authorization: Bearer nobody\r\n"), 101);
    assert_int_equal(ws_drain(&c, &texts), 4003);
    client_close(&c);
    assert_int_not_equal(ws_open(&c, "Origin: https://evil.example\r\n"), 101);
    client_close(&c);
    assert_int_equal(ws_open(&c, "Origin: https://other.example\r\n"), 101);
    client_close(&c);
}

static void a_talker_is_cut_off(void **state)
{
    struct client c;
    int texts;
    char *big = calloc(1, 300000);
    assert_int_equal(ws_open(&c, ""), 101);
    for (int i = 0; i < 2000; i++)
        if (ws_send(&c, "a", 1)) break;
    int code = ws_drain(&c, &texts);
    assert_true(code == 4029 || code == 1006); /* what we still sent may reset the line before the frame arrives */
    assert_true(texts < 2000);
    client_close(&c);
    assert_int_equal(ws_open(&c, ""), 101);
    ws_send(&c, memset(big, 'a', 300000), 300000);
    code = ws_drain(&c, &texts);
    assert_true((code == 1009 || code == 1006) && texts == 0);
    client_close(&c);
    free(big);
}

static void a_slow_reader_is_cut_off(void **state)
{
    struct client c;
    __atomic_store_n(&world.closed_code, 0, __ATOMIC_SEQ_CST);
    assert_int_equal(ws_open(&c, ""), 101);
    ws_send(&c, "flood me", 8); /* 20 MB that we never read */
    for (int i = 0; i < 200 && __atomic_load_n(&world.closed_code, __ATOMIC_SEQ_CST) != 4008; i++) /* the one before may end late */
        usleep(100000);
    assert_int_equal(__atomic_load_n(&world.closed_code, __ATOMIC_SEQ_CST), 4008);
    client_close(&c);
}

/* The line of those that wait for the next request: each in its turn, and who asks again is not in it. */
static void silence_between_requests_ends_it(void **state)
{
    struct client c, d;
    int64_t began = clock_monotonic_us();
    client_open(&c);
    client_open(&d);
    assert_int_equal(ask(&c, "GET", "/healthz", "", NULL), 200);
    assert_int_equal(ask(&d, "GET", "/healthz", "", NULL), 200);
    assert_int_equal(client_fill(&c, c.len + 1), -1);
    int64_t silent_ms = (clock_monotonic_us() - began) / 1000;
    assert_true(silent_ms >= 2 * 5000 - 100); /* twice idle_ms, not before */
    assert_int_equal(client_fill(&d, d.len + 1), -1);
    client_close(&c);
    client_close(&d);
}

static void silence_in_a_request_ends_it(void **state)
{
    struct client c, d;
    const char *half = "POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{\"a\"";
    client_open(&c);
    client_open(&d);
    client_send(&c, half, strlen(half));
    client_send(&d, "GET / HT", 8);
    assert_int_equal(client_fill(&c, 1), -1);
    assert_int_equal(client_fill(&d, 1), -1);
    client_close(&c);
    client_close(&d);
}

/* One word tried at every account: no account locks, the address does. Whoever is signed in works on. */
static void guessing_passwords_is_slow(void **state)
{
    struct client c;
    int taken = 0, status = 401;
    client_open(&c);
    for (; taken < 60 && status == 401; taken++)
        status = ask(&c, "POST", "/api/v1/session", JSON, "{\"wrong\":true}");
    assert_int_equal(status, 429);
    assert_true(taken > 20);
    assert_true(says(&c, "too_many_wrong"));
    assert_int_equal(ask(&c, "GET", "/api/v1/orgs", READER, NULL), 200);
    client_close(&c);
}

static void one_address_has_so_many_connections(void **state)
{
    struct client c[22];
    int opened = 0;
    for (int i = 0; i < 22; i++)
        opened += client_try(&c[i]) == 0;
    for (int i = 0; i < 22; i++)
        client_close(&c[i]);
    if (opened < 1 || opened > 20) fail_msg("%d of 22", opened);
}

static void set_up_mistakes_are_sentences(void **state)
{
    struct net *n;
    struct fault f = {0};
    struct net_config config = {.address = "127.0.0.1", .port = world.port, .certificate = world.certificate, .key = world.key};
    assert_int_equal(net_open(&n, &config, &f), ERR_UNAVAILABLE);
    assert_non_null(strstr(f.text, "another program is using it"));
    config.certificate = "/nowhere/cert.pem";
    assert_int_not_equal(net_open(&n, &config, &f), 0);
    assert_non_null(strstr(f.text, "tls.certificate: /nowhere/cert.pem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_and_assets), cmocka_unit_test(a_post_without_a_length_is_answered_and_closed), cmocka_unit_test(what_comes_at_once_is_read_to_its_end), cmocka_unit_test(readiness_names_what_does_not_answer), cmocka_unit_test(operations_get_their_arguments), cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(bodies_are_bounded), cmocka_unit_test(documents_come_in_ranges), cmocka_unit_test(uploads_go_on_where_they_were),
        cmocka_unit_test(sockets_echo_and_close), cmocka_unit_test(a_talker_is_cut_off), cmocka_unit_test(a_slow_reader_is_cut_off),
        cmocka_unit_test(silence_in_a_request_ends_it), cmocka_unit_test(silence_between_requests_ends_it), cmocka_unit_test(set_up_mistakes_are_sentences),
        cmocka_unit_test(guessing_passwords_is_slow), cmocka_unit_test(one_address_has_so_many_connections)};
    return cmocka_run_group_tests(tests, start, stop);
}
