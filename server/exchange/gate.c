#include "server/exchange/gate.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include "server/net/mllp.h"
#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 64     /* messages of one connection on their way */
#define RETRY_MS 20     /* after the records plane took no more */

struct held { /* a message that waits its turn */
    struct held *next;
    size_t len;
    bool too_large, asks;
    char bytes[];
};

struct line { /* one connection */
    struct line *next;
    struct gate *gate;
    struct net_raw *raw;
    uint64_t id;
    char address[48], certificate[65];
    struct mllp in;
    struct held *first, **last;
    size_t open;          /* submitted, unanswered */
    bool asking, holding; /* asking: the one that is open is a question */
};

struct gate {
    struct gate_config config;
    struct line *lines;
    uint64_t last_id;
    struct net_timer *retry;
    bool called; /* pump_all is posted */
    struct metric *m_lines, *m_broken;
};

struct answer { /* from a pool thread */
    struct answer *next;
    struct gate *gate;
    uint64_t line;
    int error;
    size_t len;
    char *bytes;
};

static struct line *line_find(const struct gate *g, uint64_t id)
{
    struct line *l = g->lines;
    while (l && l->id != id)
        l = l->next;
    return l;
}

/* ---- answers ---- */

/* One acknowledgement, or two with a NUL between. */
static void send_framed(struct line *l, const char *bytes, size_t len)
{
    static const char begin = MLLP_BEGIN, end[] = {MLLP_END, '\r'};
    while (len > 0) {
        const char *stop = memchr(bytes, 0, len);
        size_t n = stop ? (size_t)(stop - bytes) : len;
        net_raw_send(l->raw, &begin, 1);
        net_raw_send(l->raw, bytes, n);
        net_raw_send(l->raw, end, 2);
        len -= n + (stop != NULL);
        bytes += n + (stop != NULL);
    }
}

static void pump(struct line *l);

static void answered(struct answer *a)
{
    struct line *l = line_find(a->gate, a->line);
    if (l) {
        l->open--;
        l->asking = false;
        if (a->error) {
            metric_add(l->gate->m_broken, 1);
            net_raw_close(l->raw);
        } else {
            send_framed(l, a->bytes, a->len);
            pump(l);
        }
    }
    free(a->bytes);
    free(a);
}

static void answered_all(void *arg)
{
    for (struct answer *a = arg, *next; a; a = next) {
        next = a->next;
        answered(a);
    }
}

struct ticket { /* what the records plane gives back with the answer */
    struct gate *gate;
    uint64_t line;
};

/* A group's answers go over at once: those of one line leave in one packet, and its next messages come together. */
static void done(void *ctx, const struct records_message_answer *told)
{
    static _Thread_local struct answer *first, **last;
    struct ticket *t = ctx;
    struct answer *a = malloc(sizeof *a);
    char *copy = a ? malloc(told->len + 1) : NULL;
    if (!copy)
        abort(); /* an answer that cannot be told leaves its connection waiting for ever */
    memcpy(copy, told->bytes, told->len);
    *a = (struct answer){NULL, t->gate, t->line, told->error, told->len, copy};
    struct net *net = t->gate->config.net;
    free(t);
    if (!first)
        last = &first;
    *last = a;
    last = &a->next;
    if (told->another_follows)
        return;
    a = first;
    first = NULL;
    net_post_wait(net, answered_all, a);
}

/* ---- messages ---- */

static int submit(struct line *l, const struct held *h)
{
    struct ticket *t = malloc(sizeof *t);
    struct records_message m = {h->bytes, h->len, l->address, l->certificate, h->too_large};
    if (!t) return ERR_UNAVAILABLE;
    *t = (struct ticket){l->gate, l->id};
    int rc = records_message_submit(l->gate->config.records, &m, done, t);
    if (rc) free(t);
    return rc;
}

static void pump_lines(struct gate *g)
{
    for (struct line *l = g->lines; l; l = l->next)
        pump(l);
}

static void retry(void *arg)
{
    struct gate *g = arg;
    g->retry = NULL;
    pump_lines(g);
}

/* Hands in what may go, and reads on only when little waits. */
static void pump(struct line *l)
{
    while (l->first && !l->asking && l->open < OPEN_MAX && !(l->first->asks && l->open)) {
        struct held *h = l->first;
        if (submit(l, h)) {
            if (!l->gate->retry) l->gate->retry = net_timer_start(l->gate->config.net, RETRY_MS, retry, l->gate);
            break;
        }
        l->open++;
        l->asking = h->asks;
        l->first = h->next;
        if (!l->first) l->last = &l->first;
        free(h);
    }
    bool hold = l->first != NULL;
    if (hold != l->holding) net_raw_hold(l->raw, hold);
    l->holding = hold;
}

static void pump_all(void *arg)
{
    struct gate *g = arg;
    g->called = false;
    pump_lines(g);
}

/* What came in one round of the loop, of whichever lines, is handed in together: the writer makes one commit of it instead of one for the first and
 * one for the rest. */
static void pump_later(struct line *l)
{
    struct gate *g = l->gate;
    if (!g->called) g->called = net_post(g->config.net, pump_all, g) == 0;
    if (!g->called) pump(l);
}

static int keep(struct line *l, bool too_large)
{
    struct held *h = malloc(sizeof *h + l->in.len);
    if (!h) return ERR_UNAVAILABLE;
    *h = (struct held){.len = l->in.len, .too_large = too_large, .asks = !too_large && records_message_asks(l->in.bytes, l->in.len)};
    memcpy(h->bytes, l->in.bytes, l->in.len);
    *l->last = h;
    l->last = &h->next;
    return 0;
}

static void *on_open(void *ctx, struct net_raw *raw, const char *address, const char *certificate)
{
    struct gate *g = ctx;
    struct line *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    l->gate = g;
    l->raw = raw;
    l->id = ++g->last_id;
    l->last = &l->first;
    snprintf(l->address, sizeof l->address, "%s", address);
    snprintf(l->certificate, sizeof l->certificate, "%s", certificate);
    mllp_init(&l->in, g->config.max_message);
    l->next = g->lines;
    g->lines = l;
    metric_add(g->m_lines, 1);
    return l;
}

static void on_data(void *ctx, struct net_raw *raw, void *user, const char *data, size_t len)
{
    struct line *l = user;
    enum mllp_event e;
    (void)ctx;
    while ((e = mllp_take(&l->in, &data, &len)) != MLLP_MORE)
        if (e == MLLP_MEMORY || (l->in.len && keep(l, e == MLLP_TOO_LARGE))) {
            net_raw_close(raw);
            return;
        }
    if (l->first) pump_later(l);
}

static void on_close(void *ctx, struct net_raw *raw, void *user)
{
    struct gate *g = ctx;
    struct line *l = user, **at = &g->lines;
    (void)raw;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    while (l->first) {
        struct held *h = l->first;
        l->first = h->next;
        free(h);
    }
    mllp_fini(&l->in);
    free(l);
    metric_add(g->m_lines, -1);
}

/* ---- opening ---- */

static int serve(struct gate *g, bool tls, struct fault *f)
{
    const struct gate_config *c = &g->config;
    struct net_raw_config raw = {.address = c->address,
                                 .port = tls ? c->tls_port : c->port,
                                 .tls = tls,
                                 .connections = c->connections,
                                 .option = tls ? "mllp.tls_port" : "mllp.port",
                                 .events = {g, on_open, on_data, on_close}};
    int rc = raw.port ? net_raw_serve(c->net, &raw, f) : 0;
    int port = raw.port;
    if (rc == 0 && port && tls) log_info("exchange", "MLLP with TLS on port %d", port);
    else if (rc == 0 && port) log_info("exchange", "MLLP on port %d", port);
    return rc;
}

int gate_open(struct gate **out, const struct gate_config *config, struct fault *f)
{
    struct gate *g = *out = calloc(1, sizeof *g);
    if (!g) return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    g->config = *config;
    g->m_lines = metric_gauge("yilian_exchange_connections", "Open MLLP connections", NULL);
    g->m_broken = metric_counter("yilian_exchange_broken_total", "MLLP connections ended because a message could not be kept", NULL);
    int rc = serve(g, false, f);
    return rc ? rc : serve(g, true, f);
}

void gate_free(struct gate *g)
{
    free(g); /* its connections went with the net */
}
