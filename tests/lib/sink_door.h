/* sink_door - the door of a receiver in the test's own process (http_sink.h, mllp_sink.h): a port on loopback, a thread for each connection, TLS when it is
 * given papers (tests/lib/papers.h). `lock` is the owner's too. */
#ifndef YL_TESTS_LIB_SINK_DOOR_H
#define YL_TESTS_LIB_SINK_DOOR_H

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct sink_line { /* one connection */
    void *owner;
    int fd;
    SSL *tls; /* NULL: in the clear */
};
struct sink_door {
    int fd, port;
    pthread_t thread;
    pthread_mutex_t lock;
    size_t lines, refused; /* connections there were; of them those that TLS did not bring up */
    SSL_CTX *tls;
    void *owner;
    void (*serve)(struct sink_line *line); /* until it returns */
};

static inline ssize_t sink_line_read(struct sink_line *l, void *to, size_t cap)
{
    return l->tls ? SSL_read(l->tls, to, (int)cap) : read(l->fd, to, cap);
}

static inline bool sink_line_send(struct sink_line *l, const void *bytes, size_t len)
{
    return (l->tls ? SSL_write(l->tls, bytes, (int)len) : send(l->fd, bytes, len, MSG_NOSIGNAL)) == (ssize_t)len;
}

struct sink_door_guest {
    struct sink_door *door;
    struct sink_line line;
};

static inline void *sink_door_let_in(void *arg)
{
    struct sink_door_guest g = *(struct sink_door_guest *)arg;
    free(arg);
    bool in = !g.line.tls || (SSL_set_fd(g.line.tls, g.line.fd) == 1 && SSL_accept(g.line.tls) == 1);
    pthread_mutex_lock(&g.door->lock);
    g.door->refused += !in;
    pthread_mutex_unlock(&g.door->lock);
    if (in) g.door->serve(&g.line);
    SSL_free(g.line.tls);
    close(g.line.fd);
    return NULL;
}

static inline void *sink_door_accept(void *arg)
{
    struct sink_door *d = arg;
    for (int fd; (fd = accept(d->fd, NULL, NULL)) >= 0;) {
        pthread_t t;
        struct sink_door_guest *g = malloc(sizeof *g);
        pthread_mutex_lock(&d->lock);
        *g = (struct sink_door_guest){d, {d->owner, fd, d->tls ? SSL_new(d->tls) : NULL}};
        d->lines++;
        pthread_mutex_unlock(&d->lock);
        if (pthread_create(&t, NULL, sink_door_let_in, g)) abort();
        pthread_detach(t);
    }
    return NULL;
}

static inline void sink_door_open(struct sink_door *d, void *owner, void (*serve)(struct sink_line *))
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    *d = (struct sink_door){.owner = owner, .serve = serve};
    pthread_mutex_init(&d->lock, NULL);
    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(d->fd, (struct sockaddr *)&a, sizeof a) || listen(d->fd, 32) || getsockname(d->fd, (struct sockaddr *)&a, &len)) abort();
    d->port = ntohs(a.sin_port);
    if (pthread_create(&d->thread, NULL, sink_door_accept, d)) abort();
}

/* From the next connection on TLS, with another certificate when it had one; takes ctx. */
static inline void sink_door_tls(struct sink_door *d, SSL_CTX *ctx)
{
    pthread_mutex_lock(&d->lock);
    SSL_CTX_free(d->tls);
    d->tls = ctx;
    pthread_mutex_unlock(&d->lock);
}

/* The lines that are open end with their peers. */
static inline void sink_door_close(struct sink_door *d)
{
    shutdown(d->fd, SHUT_RDWR);
    pthread_join(d->thread, NULL);
    close(d->fd);
    sink_door_tls(d, NULL);
}
#endif
