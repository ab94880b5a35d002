/* OpenSSL asks the kernel for the five bytes a record begins with, and then for the rest: two calls for each request. Between it and the
 * socket stands a small buffer that takes what is there at once. poll() does not tell of what lies in it, so whoever has bytes left stands
 * in a line and is read on at the end of the round. */
#include "server/net/net_private.h"
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#define AHEAD_BYTES 4096 /* a request without a body; longer ones go past it */

struct ahead {
    struct net *net;
    struct conn *conn;          /* NULL: closing */
    struct ahead *next, **back; /* of net->ahead; back NULL = nothing left */
    int first, end;
    char bytes[AHEAD_BYTES];
};

static void unlink_from(struct ahead *a)
{
    if (!a->back) return;
    *a->back = a->next;
    if (a->next) a->next->back = a->back;
    a->back = NULL;
}

static void link_to(struct ahead *a)
{
    a->next = a->net->ahead;
    a->back = &a->net->ahead;
    if (a->next) a->next->back = &a->next;
    a->net->ahead = a;
}

static int on_read(BIO *b, char *out, int n)
{
    struct ahead *a = BIO_get_data(b);
    bool past = n >= AHEAD_BYTES && a->first == a->end;
    BIO_clear_retry_flags(b);
    if (a->first == a->end) {
        int got = past ? BIO_read(BIO_next(b), out, n) : BIO_read(BIO_next(b), a->bytes, AHEAD_BYTES);
        if (got <= 0) BIO_copy_next_retry(b);
        if (got <= 0 || past) return got;
        a->first = 0;
        a->end = got;
    }
    if (n > a->end - a->first) n = a->end - a->first;
    memcpy(out, a->bytes + a->first, (size_t)n);
    a->first += n;
    a->net->ahead_taken++;
    if (a->first == a->end) unlink_from(a);
    else if (!a->back && a->conn) link_to(a);
    return n;
}

static long on_control(BIO *b, int what, long n, void *arg)
{
    return BIO_ctrl(BIO_next(b), what, n, arg);
}

static int on_free(BIO *b)
{
    struct ahead *a = BIO_get_data(b);
    if (!a) return 1;
    unlink_from(a);
    if (a->conn) a->conn->ahead = NULL;
    free(a);
    return 1;
}

static BIO_METHOD *method(void)
{
    static BIO_METHOD *m; /* one event thread */
    if (!m && (m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_FILTER, "ahead"))) {
        BIO_meth_set_read(m, on_read);
        BIO_meth_set_ctrl(m, on_control);
        BIO_meth_set_destroy(m, on_free);
    }
    return m;
}

void ahead_attach(struct conn *c)
{
    SSL *ssl = lws_get_ssl(c->wsi);
    if (c->ahead || !ssl || !method()) return;
    BIO *b = BIO_new(method()), *socket = SSL_get_rbio(ssl);
    struct ahead *a = malloc(sizeof *a);
    if (!a || !b || !BIO_up_ref(socket)) abort();
    memset(a, 0, offsetof(struct ahead, bytes));
    a->net = c->net;
    a->conn = c;
    c->ahead = a;
    BIO_set_data(b, a);
    BIO_set_init(b, 1);
    SSL_set0_rbio(ssl, BIO_push(b, socket));
}

void ahead_gone(struct conn *c)
{
    if (!c->ahead) return;
    unlink_from(c->ahead);
    c->ahead->conn = NULL;
    c->ahead = NULL;
}

/* Whoever cannot be read on now - his last request is not answered - stays in the line: what ends that is an event, and has a round. */
bool ahead_read(struct net *n)
{
    struct ahead *line = n->ahead;
    uint64_t before = n->ahead_taken;
    n->ahead = NULL;
    if (line) line->back = &line;
    while (line) {
        struct ahead *a = line;
        unlink_from(a);
        link_to(a);
        struct lws_pollfd told = {.fd = lws_get_socket_fd(a->conn->wsi), .events = LWS_POLLIN, .revents = LWS_POLLIN};
        lws_service_fd(n->context, &told);
    }
    return n->ahead_taken != before;
}
