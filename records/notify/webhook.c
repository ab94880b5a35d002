/* The webhook gateway: one signed HTTP(S) POST by libcurl. */
#include "records/notify/delivery.h"
#include "server/base/crypto.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ANSWER_MAX 4096

struct answer {
    char text[ANSWER_MAX + 1];
    size_t len;
};

/* Only the beginning of an answer can matter; the rest is read and dropped up to curl's own limit below. */
static size_t take(char *data, size_t size, size_t n, void *ctx)
{
    struct answer *a = ctx;
    size_t len = size * n, room = ANSWER_MAX - a->len;
    if (len > room)
        len = room;
    memcpy(a->text + a->len, data, len);
    a->len += len;
    a->text[a->len] = 0;
    return size * n;
}

static void init_once(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool webhook_url_ok(const char *url)
{
    size_t scheme = strncasecmp(url, "https://", 8) == 0 ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
    size_t len = strlen(url);
    if (!scheme || len <= scheme || len >= sizeof((struct gateway_message *)0)->url)
        return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '"' || *p == '\\')
            return false;
    CURLU *u = curl_url();
    bool ok = u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK;
    curl_url_cleanup(u);
    return ok;
}

static struct curl_slist *headers_of(const struct gateway_message *m)
{
    char stamp[32], line[160], id[ID_TEXT_BYTES], hex[2 * SHA256_BYTES + 1];
    uint8_t mac[SHA256_BYTES];
    size_t len = strlen(m->body);
    int n = snprintf(stamp, sizeof stamp, "%lld.", (long long)m->now_ms);
    char *text = malloc((size_t)n + len);
    if (!text)
        return NULL;
    memcpy(text, stamp, (size_t)n);
    memcpy(text + n, m->body, len);
    crypto_hmac_sha256(m->secret, strlen(m->secret), text, (size_t)n + len, mac);
    free(text);
    id_format(m->delivery, id);
    if (hex_encode(mac, sizeof mac, hex, sizeof hex) < 0)
        return NULL;
    struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json; charset=utf-8");
    list = curl_slist_append(list, "Expect:");
    snprintf(line, sizeof line, "X-Yilian-Delivery: %s", id);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "X-Yilian-Timestamp: %lld", (long long)m->now_ms);
    list = curl_slist_append(list, line);
    snprintf(line, sizeof line, "X-Yilian-Signature: sha256=%s", hex);
    return curl_slist_append(list, line);
}

static void set_options(CURL *c, const struct gateway_message *m, struct curl_slist *headers, struct answer *answer)
{
    curl_easy_setopt(c, CURLOPT_URL, m->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L); /* a gateway must not send us elsewhere */
    curl_easy_setopt(c, CURLOPT_PROXY, "");          /* nor the environment */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, 4000L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 10000L);
    curl_easy_setopt(c, CURLOPT_MAXFILESIZE, 65536L);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, m->body);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(m->body));
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "yilian-notify/1");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, answer);
}

static bool says_delivered(const struct answer *a)
{
    json_t *o = json_loadb(a->text, a->len, 0, NULL);
    const char *state = json_string_value(json_object_get(o, "state"));
    bool delivered = state && strcmp(state, "delivered") == 0;
    json_decref(o);
    return delivered;
}

static void judge(long status, const struct answer *a, struct gateway_result *r)
{
    snprintf(r->error, sizeof r->error, "HTTP %ld", status);
    if (status >= 200 && status < 300) {
        r->outcome = says_delivered(a) ? GATEWAY_DELIVERED : GATEWAY_ACCEPTED;
        r->error[0] = 0;
    } else if (status == 408 || status == 425 || status == 429 || status >= 500)
        r->outcome = GATEWAY_RETRY;
    else
        r->outcome = GATEWAY_REFUSED;
}

static void webhook_send(const struct gateway_message *m, struct gateway_result *r)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct answer answer = {.len = 0};
    long status = 0;
    pthread_once(&once, init_once);
    *r = (struct gateway_result){.outcome = GATEWAY_RETRY};
    snprintf(r->error, sizeof r->error, "out of memory");
    CURL *c = curl_easy_init();
    struct curl_slist *headers = headers_of(m);
    if (c && headers) {
        set_options(c, m, headers, &answer);
        CURLcode rc = curl_easy_perform(c);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        if (rc == CURLE_OK || (rc == CURLE_FILESIZE_EXCEEDED && status))
            judge(status, &answer, r);
        else
            snprintf(r->error, sizeof r->error, "%.90s", curl_easy_strerror(rc));
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
}

const struct gateway_driver gateway_webhook = {"webhook", webhook_send, webhook_url_ok};

const struct gateway_driver *gateway_driver_find(const char *kind)
{
    return kind && strcmp(kind, gateway_webhook.kind) == 0 ? &gateway_webhook : NULL;
}
