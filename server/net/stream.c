/* Bodies that come in pieces from a source; ranges and entity tags. */
#include "server/net/net_private.h"
#include <stdlib.h>
#include <string.h>

static int number(const char **s, uint64_t *out)
{
    size_t digits = strspn(*s, "0123456789");
    if (digits == 0 || digits > 18) return 0;
    *out = strtoull(*s, NULL, 10);
    *s += digits;
    return 1;
}

int range_parse(const char *text, uint64_t total, uint64_t *first, uint64_t *last)
{
    const char *s = text;
    if (strncasecmp(s, "bytes=", 6) != 0) return 0;
    s += 6 + strspn(s + 6, " ");
    if (strchr(s, ',')) return 0; /* several ranges: the whole thing is a correct answer (RFC 9110 14.2) */
    if (*s == '-') {
        uint64_t suffix;
        s++;
        if (!number(&s, &suffix) || *s) return 0;
        if (suffix == 0 || total == 0) return ERR_RANGE;
        *first = suffix < total ? total - suffix : 0;
        *last = total - 1;
        return 1;
    }
    if (!number(&s, first) || *s++ != '-') return 0;
    *last = total ? total - 1 : 0;
    if (*s) {
        uint64_t end;
        if (!number(&s, &end) || *s || end < *first) return 0;
        if (end < *last) *last = end;
    }
    return *first < total ? 1 : ERR_RANGE;
}

int etag_listed(const char *list, const char *etag)
{
    size_t len = strlen(etag);
    if (strcmp(list, "*") == 0) return 1;
    for (const char *at = list; len && (at = strstr(at, etag)); at += len)
        if ((at == list || strchr(" ,/", at[-1])) && (at[len] == '\0' || strchr(" ,", at[len]))) return 1;
    return 0;
}

/* RFC 9110 13.2.2: If-None-Match first, then Range unless If-Range names another version. */
static void choose_range(struct net_request *r, const struct net_source *s)
{
    char text[80];
    uint64_t first = 0, last = 0;
    const char *if_range = net_request_header(r, "if-range");
    int hit = 0;
    if (!*if_range || strcmp(if_range, s->etag) == 0)
        hit = range_parse(net_request_header(r, "range"), s->total, &first, &last);
    r->source_at = 0;
    r->length = s->total;
    if (hit == ERR_RANGE) {
        snprintf(text, sizeof text, "bytes */%llu", (unsigned long long)s->total);
        net_reply_header(r, "Content-Range", text);
        reply_begin(r, 416, NULL);
        r->length = 0;
    } else if (hit == 1) {
        snprintf(text, sizeof text, "bytes %llu-%llu/%llu", (unsigned long long)first, (unsigned long long)last,
                 (unsigned long long)s->total);
        net_reply_header(r, "Content-Range", text);
        reply_begin(r, 206, r->source_text[0]);
        r->source_at = first;
        r->length = last - first + 1;
    } else {
        reply_begin(r, 200, r->source_text[0]);
    }
}

/* RFC 6266 with the UTF-8 form of RFC 8187. */
static void disposition(struct net_request *r, const struct net_source *s)
{
    char text[700];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", s->attachment ? "attachment" : "inline");
    if (s->name && *s->name) n += (size_t)snprintf(text + n, sizeof text - n, "; filename*=UTF-8''");
    for (const unsigned char *p = (const unsigned char *)(s->name ? s->name : ""); *p && n + 4 < sizeof text; p++) {
        bool plain = (*p >= '0' && *p <= '9') || ((*p | 32) >= 'a' && (*p | 32) <= 'z') || strchr("-._~", *p);
        n += (size_t)snprintf(text + n, sizeof text - n, plain ? "%c" : "%%%02X", *p);
    }
    net_reply_header(r, "Content-Disposition", text);
}

static char *copy(const char *text)
{
    char *out = strdup(text ? text : "");
    if (!out) abort();
    return out;
}

void net_reply_stream(struct net_request *r, const struct net_source *s)
{
    r->source = *s;
    r->has_source = true;
    r->source_text[0] = copy(s->content_type);
    r->source_text[1] = copy(s->etag);
    net_reply_header(r, "Accept-Ranges", "bytes");
    if (r->source_text[1][0]) net_reply_header(r, "ETag", r->source_text[1]);
    disposition(r, s);
    if (*r->source_text[1] && etag_listed(net_request_header(r, "if-none-match"), r->source_text[1]))
        reply_begin(r, 304, NULL);
    else
        choose_range(r, s);
    reply_go(r);
}

/* HTTP_WRITEABLE with the header out: sends what is held, asks for more when nothing is. */
int stream_write(struct conn *c, struct net_request *r)
{
    static uint8_t buffer[LWS_PRE + CHUNK_BYTES];
    if (r->wanting) return 0;
    size_t held = r->piece_len - r->piece_sent;
    if (held) {
        size_t len = held < CHUNK_BYTES ? held : CHUNK_BYTES;
        memcpy(buffer + LWS_PRE, r->piece + r->piece_sent, len);
        if (lws_write(c->wsi, buffer + LWS_PRE, len, LWS_WRITE_HTTP) < (int)len) return -1;
        r->piece_sent += len;
        r->sent += len;
        if (r->sent < r->length) lws_callback_on_writable(c->wsi);
        return 0;
    }
    uint64_t left = r->length - r->sent;
    r->wanting = true;
    lws_set_timeout(c->wsi, NO_PENDING_TIMEOUT, 0); /* the store's turn, not the peer's */
    r->source.want(r->source.ctx, r, r->source_at, left < WANT_BYTES ? (size_t)left : WANT_BYTES);
    return 0;
}

void net_stream_give(struct net_request *r, int error, const void *data, size_t len)
{
    uint64_t left = r->length - r->sent;
    r->wanting = false;
    if (!r->conn) {
        stream_over(r);
        request_free(r);
        return;
    }
    struct lws *wsi = r->conn->wsi;
    free(r->piece);
    r->piece = NULL;
    r->piece_len = r->piece_sent = 0;
    if (error || len == 0 || len > left || !(r->piece = malloc(len))) {
        lws_set_timeout(wsi, PENDING_TIMEOUT_KILLED_BY_PROXY_CLIENT_CLOSE, LWS_TO_KILL_ASYNC);
        return;
    }
    memcpy(r->piece, data, len);
    r->piece_len = len;
    r->source_at += len;
    lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)(r->net->config.idle_ms / 1000));
    lws_callback_on_writable(wsi);
}

void stream_over(struct net_request *r)
{
    if (!r->has_source) return;
    r->has_source = false;
    if (r->source.done) r->source.done(r->source.ctx);
}
