#include "records/notify/post.h"
#include "server/base/crypto.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct post {
    struct post *next; /* of a line */
    CURL *curl;
    struct curl_slist *headers;
    struct post_result result;
    void (*done)(void *ctx, const struct post_result *r);
    void *ctx;
};

struct post_line {
    CURLM *multi;
    struct post *first;
};

static void init_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- addresses ---- */

bool post_url_ok(const char *url)
{
    size_t scheme = strncasecmp(url, "https://", 8) == 0 ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t len = strlen(url);
    if (!scheme || len <= scheme || len >= POST_URL_BYTES)
        return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '"' || *p == '\\')
            return false;
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(u);
    return ok;
}

static bool write_origin(CURLU *u, char *out, size_t cap)
{
    char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
    bool ok = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_NO_USER;
    if (ok) {
        bool has_port = curl_url_get(u, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK;
        int n = snprintf(out, cap, "%s://%s%s%s", scheme, host, has_port ? ":" : "", has_port ? port : "");
        ok = n > 0 && (size_t)n < cap;
        for (char *p = out; ok && *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 32) : *p;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(user);
    return ok;
}

bool post_origin(const char *url, char *out, size_t cap)
{
    CURLU *u = post_url_ok(url) ? curl_url() : NULL;
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && write_origin(u, out, cap);
    curl_url_cleanup(u);
    return ok;
}

/* ---- one request ---- */

/* Only the beginning of an answer can matter; the rest is read and dropped up to curl's own limit below. */
static size_t take(char *data, size_t size, size_t n, void *ctx)
{
    struct post_result *r = ctx;
    size_t len = size * n, room = POST_ANSWER_MAX - r->answer_len;
    if (len > room)
        len = room;
    memcpy(r->answer + r->answer_len, data, len);
    r->answer_len += len;
    r->answer[r->answer_len] = 0;
    return size * n;
}

static bool add(struct curl_slist **list, const char *line)
{
    struct curl_slist *more = curl_slist_append(*list, line);
    if (more)
        *list = more;
    return more != NULL;
}

static bool sign(const struct post_request *q, struct curl_slist **list)
{
    char stamp[32], line[160], hex[2 * SHA256_BYTES + 1];
    uint8_t mac[SHA256_BYTES];
    if (!q->secret[0])
        return true;
    int n = snprintf(stamp, sizeof stamp, "%lld.", (long long)q->now_ms);
    char *text = malloc((size_t)n + q->len);
    if (!text)
        return false;
    memcpy(text, stamp, (size_t)n);
    if (q->len)
        memcpy(text + n, q->body, q->len);
    crypto_hmac_sha256(q->secret, strlen(q->secret), text, (size_t)n + q->len, mac);
    free(text);
    if (hex_encode(mac, sizeof mac, hex, sizeof hex) < 0)
        return false;
    snprintf(line, sizeof line, "X-Yilian-Signature: sha256=%s", hex);
    return add(list, line);
}

static bool further(const char *headers, struct curl_slist **list)
{
    char line[1200];
    while (headers && *headers) {
        size_t n = strcspn(headers, "\n");
        snprintf(line, sizeof line, "%.*s", (int)n, headers);
        if (n && !add(list, line))
            return false;
        headers += n + (headers[n] == '\n');
    }
    return true;
}

static bool write_headers(const struct post_request *q, struct curl_slist **list)
{
    char line[200];
    snprintf(line, sizeof line, "Content-Type:%s%.150s", q->content_type ? " " : "", q->content_type ? q->content_type : "");
    if (!add(list, line) || !add(list, "Expect:"))
        return false;
    snprintf(line, sizeof line, "X-Yilian-Delivery: %.100s", q->id);
    if (!add(list, line))
        return false;
    snprintf(line, sizeof line, "X-Yilian-Timestamp: %lld", (long long)q->now_ms);
    return add(list, line) && sign(q, list) && further(q->headers, list);
}

static void set_options(struct post *p, const struct post_request *q)
{
    CURL *c = p->curl;
    curl_easy_setopt(c, CURLOPT_URL, q->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* who is asked must not send us elsewhere */
    curl_easy_setopt(c, CURLOPT_PROXY, "");          /* nor the environment */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 4000L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE, 65536L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, q->len ? q->body : "");
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)q->len);
    if (strcmp(q->method, "POST"))
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, q->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(c, CURLOPT_USERAGENT, q->agent);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &p->result);
    curl_easy_setopt(c, CURLOPT_PRIVATE, p);
}

static void post_free(struct post *p)
{
    if (!p)
        return;
    curl_easy_cleanup(p->curl);
    for (struct curl_slist *h = p->headers; h; h = h->next)
        explicit_bzero(h->data, strlen(h->data)); /* they may hold the other side's password */
    curl_slist_free_all(p->headers);
    free(p);
}

static struct post *post_new(const struct post_request *q)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_once);
    struct post *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->curl = curl_easy_init();
    if (!p->curl || !write_headers(q, &p->headers)) {
        post_free(p);
        return NULL;
    }
    set_options(p, q);
    return p;
}

static void judge(struct post *p, CURLcode rc)
{
    struct post_result *r = &p->result;
    r->outcome = POST_AGAIN;
    curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &r->status);
    if (rc != CURLE_OK && (rc != CURLE_FILESIZE_EXCEEDED || !r->status)) {
        r->status = 0;
        snprintf(r->error, sizeof r->error, "%.90s", curl_easy_strerror(rc));
        return;
    }
    snprintf(r->error, sizeof r->error, "HTTP %ld", r->status);
    if (r->status >= 200 && r->status < 300) {
        r->outcome = POST_TAKEN;
        r->error[0] = 0;
    } else if (r->status != 408 && r->status != 425 && r->status != 429 && r->status < 500)
        r->outcome = POST_REFUSED;
}

void post_now(const struct post_request *q, struct post_result *r)
{
    struct post *p = post_new(q);
    *r = (struct post_result){.outcome = POST_AGAIN, .error = "out of memory"};
    if (!p)
        return;
    judge(p, curl_easy_perform(p->curl));
    *r = p->result;
    post_free(p);
}

/* ---- many ---- */

struct post_line *post_line_new(void)
{
    struct post_line *line = calloc(1, sizeof *line);
    if (line)
        line->multi = curl_multi_init();
    if (line && line->multi)
        return line;
    free(line);
    return NULL;
}

static void take_out(struct post_line *line, struct post *p)
{
    struct post **at = &line->first;
    while (*at && *at != p)
        at = &(*at)->next;
    if (*at)
        *at = p->next;
    curl_multi_remove_handle(line->multi, p->curl);
}

void post_line_free(struct post_line *line)
{
    if (!line)
        return;
    while (line->first) {
        struct post *p = line->first;
        take_out(line, p);
        post_free(p);
    }
    curl_multi_cleanup(line->multi);
    free(line);
}

int post_line_add(struct post_line *line, const struct post_request *q, void (*done)(void *ctx, const struct post_result *r), void *ctx)
{
    struct post *p = post_new(q);
    if (!p || curl_multi_add_handle(line->multi, p->curl) != CURLM_OK) {
        post_free(p);
        return ERR_UNAVAILABLE;
    }
    p->done = done;
    p->ctx = ctx;
    p->next = line->first;
    line->first = p;
    return 0;
}

void post_line_wait(struct post_line *line, int ms)
{
    CURLMsg *m;
    int running = 0, left;
    curl_multi_perform(line->multi, &running);
    if (running)
        curl_multi_poll(line->multi, NULL, 0, ms, NULL);
    curl_multi_perform(line->multi, &running);
    while ((m = curl_multi_info_read(line->multi, &left))) {
        struct post *p = NULL;
        CURLcode rc = m->data.result;
        if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &p) != CURLE_OK || !p)
            continue;
        take_out(line, p);
        judge(p, rc);
        p->done(p->ctx, &p->result);
        post_free(p);
    }
}

void post_line_wake(struct post_line *line)
{
    curl_multi_wakeup(line->multi);
}

bool post_line_idle(const struct post_line *line)
{
    return !line->first;
}
