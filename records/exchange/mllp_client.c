#include "records/exchange/mllp_client.h"
#include "server/base/clock.h"
#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLICE_MS 200
#define FRAME_BEGIN '\013'
#define FRAME_END "\034\r"

struct mllp_client {
    const struct mllp_peer *peer;
    CURL *curl;
    curl_socket_t fd;
    char *in;
    size_t len;
};

static size_t scheme_of(const char *address)
{
    return strncmp(address, "mllps://", 8) == 0 ? 8 : strncmp(address, "mllp://", 7) == 0 ? 7 : 0;
}

bool mllp_address_ok(const char *address)
{
    size_t scheme = scheme_of(address), len = strlen(address);
    const char *host = address + scheme, *colon = strrchr(host, ':');
    if (!scheme || len > 200 || !colon || colon == host)
        return false;
    bool literal = host[0] == '[' && colon[-1] == ']' && colon - host > 3;
    size_t n = strspn(host, literal ? "0123456789abcdefABCDEF:.[]" : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");
    long port = strspn(colon + 1, "0123456789") == strlen(colon + 1) && strlen(colon + 1) < 6 ? atol(colon + 1) : 0;
    return port > 0 && port < 65536 && n >= (size_t)(colon - host);
}

static int progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct mllp_peer *peer = ctx;
    return atomic_load(peer->stop); /* other than 0: given up */
}

/* curl brings the line up, TLS and all, and leaves it to us (CURLOPT_CONNECT_ONLY). */
static void set_options(CURL *c, const struct mllp_peer *p)
{
    char url[220];
    size_t scheme = scheme_of(p->address);
    snprintf(url, sizeof url, "%s://%s", scheme == 8 ? "https" : "http", p->address + scheme);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the environment must not send us elsewhere */
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)p->connect_ms);
    curl_easy_setopt(c, CURLOPT_SSL_ENABLE_ALPN, 0L); /* it is no HTTP */
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, p);
    if (p->trust && p->trust[0])
        curl_easy_setopt(c, CURLOPT_CAINFO, p->trust);
    if (p->certificate && p->certificate[0] && p->key && p->key[0]) {
        curl_easy_setopt(c, CURLOPT_SSLCERT, p->certificate);
        curl_easy_setopt(c, CURLOPT_SSLKEY, p->key);
    }
}

enum { VERIFY_NOT_COME_TO = 1, VERIFY_NOT_YET_VALID = 9, VERIFY_EXPIRED = 10 }; /* X509_STORE_CTX_get_error(3); curl looks at the name before it asks */

/* What is wrong with their certificate in words that stay the same (the pages know them); NULL: it is something else. */
static const char *certificate_words(CURL *c, CURLcode rc)
{
    long verified = 0;
    if (rc != CURLE_PEER_FAILED_VERIFICATION || curl_easy_getinfo(c, CURLINFO_SSL_VERIFYRESULT, &verified) != CURLE_OK)
        return NULL;
    return verified <= VERIFY_NOT_COME_TO     ? "the certificate is of another name"
           : verified == VERIFY_EXPIRED       ? "the certificate has expired"
           : verified == VERIFY_NOT_YET_VALID ? "the certificate is not valid yet"
                                              : "nobody we trust vouches for the certificate";
}

int mllp_client_open(struct mllp_client **out, const struct mllp_peer *peer, char error[160])
{
    struct mllp_client *c = *out = calloc(1, sizeof *c);
    char *words = calloc(1, CURL_ERROR_SIZE);
    snprintf(error, 160, "out of memory");
    if (!c || !words || !(c->curl = curl_easy_init())) {
        free(words);
        mllp_client_close(c);
        *out = NULL;
        return ERR_UNAVAILABLE;
    }
    c->peer = peer;
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, words);
    set_options(c->curl, peer);
    CURLcode rc = curl_easy_perform(c->curl);
    if (rc == CURLE_OK)
        rc = curl_easy_getinfo(c->curl, CURLINFO_ACTIVESOCKET, &c->fd);
    const char *wrong = certificate_words(c->curl, rc);
    snprintf(error, 160, "%.150s", rc == CURLE_OK ? "" : wrong ? wrong : words[0] ? words : curl_easy_strerror(rc));
    curl_easy_setopt(c->curl, CURLOPT_ERRORBUFFER, NULL);
    free(words);
    if (rc == CURLE_OK)
        return 0;
    mllp_client_close(c);
    *out = NULL;
    return rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE;
}

void mllp_client_close(struct mllp_client *c)
{
    if (!c)
        return;
    if (c->curl)
        curl_easy_cleanup(c->curl);
    free(c->in);
    free(c);
}

/* Until the socket may be tried again; 0, ERR_TIMEOUT at the deadline, ERR_UNAVAILABLE when stopped. */
static int wait_for(struct mllp_client *c, short events, int64_t deadline_us)
{
    if (atomic_load(c->peer->stop))
        return ERR_UNAVAILABLE;
    if (clock_monotonic_us() >= deadline_us)
        return ERR_TIMEOUT;
    struct pollfd p = {.fd = c->fd, .events = events};
    (void)!poll(&p, 1, SLICE_MS);
    return 0;
}

static int put(struct mllp_client *c, const char *bytes, size_t len, int64_t deadline_us)
{
    int rc = 0;
    for (size_t at = 0, n; at < len && rc == 0; at += n) {
        CURLcode sent = curl_easy_send(c->curl, bytes + at, len - at, &n);
        if (sent == CURLE_AGAIN) {
            n = 0;
            rc = wait_for(c, POLLOUT, deadline_us);
        } else if (sent != CURLE_OK)
            return ERR_UNAVAILABLE;
    }
    return rc;
}

/* What stands before the end of the frame, once it is there whole. */
static bool take_frame(struct mllp_client *c, char **answer, size_t *len)
{
    char *begin = c->len ? memchr(c->in, FRAME_BEGIN, c->len) : NULL;
    char *end = begin ? memmem(begin, c->len - (size_t)(begin - c->in), FRAME_END, 2) : NULL;
    if (!end || !(*answer = malloc((size_t)(end - begin))))
        return false;
    *len = (size_t)(end - begin) - 1;
    memcpy(*answer, begin + 1, *len);
    (*answer)[*len] = 0;
    c->len -= (size_t)(end + 2 - c->in);
    memmove(c->in, end + 2, c->len);
    return true;
}

static int get(struct mllp_client *c, char **answer, size_t *len, int64_t deadline_us)
{
    int rc = 0;
    if (!c->in && !(c->in = malloc(MLLP_ANSWER_MAX)))
        return ERR_UNAVAILABLE;
    while (rc == 0 && !take_frame(c, answer, len)) {
        size_t n;
        if (c->len == MLLP_ANSWER_MAX)
            return ERR_MALFORMED;
        CURLcode got = curl_easy_recv(c->curl, c->in + c->len, MLLP_ANSWER_MAX - c->len, &n);
        if (got == CURLE_AGAIN)
            rc = wait_for(c, POLLIN, deadline_us);
        else if (got != CURLE_OK || n == 0)
            return ERR_UNAVAILABLE;
        else
            c->len += n;
    }
    return rc;
}

int mllp_client_ask(struct mllp_client *c, const char *message, size_t len, char **answer, size_t *answer_len)
{
    int64_t deadline_us = clock_monotonic_us() + (int64_t)c->peer->answer_ms * 1000;
    char *block = malloc(len + 3);
    *answer = NULL;
    if (!block)
        return ERR_UNAVAILABLE;
    block[0] = FRAME_BEGIN;
    memcpy(block + 1, message, len);
    memcpy(block + 1 + len, FRAME_END, 2);
    c->len = 0; /* what came unasked is no answer to this */
    int rc = put(c, block, len + 3, deadline_us);
    explicit_bzero(block, len + 3);
    free(block);
    return rc ? rc : get(c, answer, answer_len, deadline_us);
}

int mllp_client_hear(struct mllp_client *c, char **answer, size_t *answer_len)
{
    *answer = NULL;
    return get(c, answer, answer_len, clock_monotonic_us() + (int64_t)c->peer->answer_ms * 1000);
}
