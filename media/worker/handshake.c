#include "media/worker/handshake.h"
#include "media/worker/figures.h"
#include "media/worker/homes.h"
#include "media/worker/table.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include "server/base/mailbox.h"
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define QUEUE_MAX 131072
#define DATAGRAMS_MAX 4096 /* of the queue; the rest is for beginnings and ends, which must not be lost */
#define TICK_MS 10
#define TRIM_MS 500

struct session {
    struct handshake_peer peer;
    struct dtls *dtls;
    struct address to; /* port 0: not known yet */
    bool running;      /* in the list of those with a timer or an answer that waits */
    struct session *next;
    struct handshake_answer waiting; /* not taken yet, when `has_waiting` */
    bool has_waiting, told_connected;
};

enum wish_kind { WISH_BEGIN, WISH_ADDRESS, WISH_INPUT, WISH_PROVED, WISH_END };
struct wish {
    enum wish_kind kind;
    struct peer_id peer;
    struct address address; /* port 0 = none */
    struct srtp_box *srtp;
    struct handshake_peer begin;
    size_t len;
    uint8_t bytes[];
};

struct handshake {
    struct mailbox *mailbox;
    struct dtls_identity *identity;
    pthread_t thread;
    bool started;
    int stop;      /* atomic */
    int datagrams; /* queued; atomic */
    struct table sessions; /* by peer id */
    struct session *running;
    unsigned retired; /* since memory was last given back to the system */
};

/* ---- sessions ---- */
static void send_datagram(void *ctx, const uint8_t *datagram, size_t len)
{
    struct session *s = ctx;
    struct sockaddr_storage sa;
    union {
        char room[HOMES_CONTROL];
        struct cmsghdr first;
    } control;
    struct iovec bytes = {(void *)datagram, len};
    if (!s->to.port) return;
    struct msghdr h = {.msg_name = &sa, .msg_namelen = address_to_sockaddr(&s->to, s->peer.family, &sa), .msg_iov = &bytes, .msg_iovlen = 1};
    h.msg_controllen = homes_write(s->to.home, s->peer.family, &control.first);
    if (h.msg_controllen) h.msg_control = control.room;
    (void)!sendmsg(s->peer.socket, &h, MSG_DONTWAIT); /* DTLS sends again what is lost */
}

static void let_go(const struct handshake_peer *peer)
{
    if (peer->own_socket) close(peer->socket);
}

static void answer(struct session *s, enum dtls_state state, struct srtp_box *srtp)
{
    s->waiting = (struct handshake_answer){s->peer.peer, state, srtp};
    s->has_waiting = !s->peer.answer(s->peer.ctx, &s->waiting);
}

static void connected(struct session *s)
{
    struct dtls_keys keys;
    struct srtp_box *srtp = NULL;
    dtls_keys(s->dtls, &keys);
    int err = srtp_box_new(&srtp, &keys);
    explicit_bzero(&keys, sizeof keys);
    s->told_connected = true;
    if (err) log_error("media", "peer %016" PRIx64 ": no SRTP", s->peer.peer.v);
    answer(s, err ? DTLS_FAILED : DTLS_CONNECTED, srtp);
}

/* Tells the worker what became of the session, each thing once. */
static void tell(struct session *s)
{
    enum dtls_state state = dtls_state(s->dtls);
    if (s->has_waiting) {
        s->has_waiting = !s->peer.answer(s->peer.ctx, &s->waiting);
    } else if (state == DTLS_CONNECTED && !s->told_connected) {
        connected(s);
    } else if ((state == DTLS_FAILED || state == DTLS_CLOSED) && s->waiting.state != state) {
        if (state == DTLS_FAILED) log_warn("media", "peer %016" PRIx64 ": DTLS %s", s->peer.peer.v, dtls_why(s->dtls));
        answer(s, state, NULL);
    }
}

static bool needs_time(const struct session *s)
{
    return s->has_waiting || dtls_deadline_us(s->dtls) != INT64_MAX;
}

static void advance(struct handshake *h, struct session *s)
{
    tell(s);
    if (s->running || !needs_time(s)) return;
    s->running = true;
    s->next = h->running;
    h->running = s;
}

static void tick(struct handshake *h)
{
    int64_t now = clock_monotonic_us();
    for (struct session **at = &h->running; *at;) {
        struct session *s = *at;
        dtls_tick(s->dtls, now);
        tell(s);
        if (needs_time(s)) {
            at = &s->next;
        } else {
            *at = s->next;
            s->running = false;
        }
    }
}

static void begin(struct handshake *h, const struct wish *w)
{
    struct session *s = calloc(1, sizeof *s);
    if (s) {
        s->peer = w->begin;
        struct dtls_params p = {h->identity, w->begin.client, s->peer.fingerprint, send_datagram, s};
        if (dtls_new(&s->dtls, &p) == 0 && table_put(&h->sessions, w->peer.v, s) == 0) return;
        dtls_free(s->dtls);
        free(s);
    }
    log_error("media", "peer %016" PRIx64 ": no handshake, out of memory", w->peer.v);
    let_go(&w->begin);
    w->begin.answer(w->begin.ctx, &(struct handshake_answer){w->peer, DTLS_FAILED, NULL});
}

static void end(struct handshake *h, struct session *s, const struct address *goodbye)
{
    if (goodbye->port) {
        s->to = *goodbye;
        dtls_close(s->dtls);
    }
    for (struct session **at = &h->running; s->running && *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    table_remove(&h->sessions, s->peer.peer.v);
    if (s->has_waiting) srtp_box_free(s->waiting.srtp);
    dtls_free(s->dtls);
    let_go(&s->peer);
    free(s);
}

static void carry_out(struct handshake *h, struct wish *w)
{
    struct session *s = table_get(&h->sessions, w->peer.v);
    switch (w->kind) {
    case WISH_BEGIN:
        if (!s) begin(h, w);
        break;
    case WISH_ADDRESS:
        if (!s) break;
        s->to = w->address;
        dtls_start(s->dtls, clock_monotonic_us());
        advance(h, s);
        break;
    case WISH_INPUT:
        __atomic_sub_fetch(&h->datagrams, 1, __ATOMIC_RELAXED);
        if (!s) break;
        s->to = w->address;
        dtls_input(s->dtls, w->bytes, w->len, clock_monotonic_us());
        advance(h, s);
        break;
    case WISH_PROVED:
        if (!s) break;
        dtls_retire(s->dtls);
        h->retired++;
        break;
    case WISH_END:
        if (s) end(h, s, &w->address);
        srtp_box_free(w->srtp);
        break;
    }
}

/* ---- the thread ---- */
/* Media before joins where there is not enough of the processor: also when all of the server runs before others. */
static void stand_back(void)
{
    struct sched_param p;
    int policy;
    if (pthread_getschedparam(pthread_self(), &policy, &p) == 0 && (policy == SCHED_FIFO || policy == SCHED_RR)) {
        p.sched_priority = sched_get_priority_min(policy);
        (void)pthread_setschedparam(pthread_self(), policy, &p);
    }
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), getpriority(PRIO_PROCESS, 0) + 5);
}

static void *run(void *arg)
{
    struct handshake *h = arg;
    int64_t ticked = 0;
    bool open = true;
    stand_back();
    while (open) {
        struct wish *w = mailbox_wait(h->mailbox, h->running ? TICK_MS : h->retired ? TRIM_MS : -1);
        if (w) carry_out(h, w);
        else open = !__atomic_load_n(&h->stop, __ATOMIC_ACQUIRE); /* closed and empty */
        free(w);
        if (!w && !h->running && h->retired) { /* quiet: what a wave of joins needed goes back to the system */
            h->retired = 0;
            malloc_trim(0);
        }
        int64_t now = clock_monotonic_us();
        if (h->running && now - ticked >= TICK_MS * 1000) {
            ticked = now;
            tick(h);
        }
    }
    return NULL;
}

static void drop(void *message)
{
    struct wish *w = message;
    if (w->kind == WISH_BEGIN) let_go(&w->begin);
    srtp_box_free(w->srtp);
    free(w);
}

int handshake_open(struct handshake **out, enum dtls_engine engine)
{
    struct handshake *h = calloc(1, sizeof *h);
    if (!h) return ERR_INTERNAL;
    if (mailbox_new(&h->mailbox, QUEUE_MAX, NULL, NULL) || dtls_identity_new(&h->identity, engine) || pthread_create(&h->thread, NULL, run, h)) {
        handshake_close(h);
        return ERR_INTERNAL;
    }
    h->started = true;
    pthread_setname_np(h->thread, "media-dtls");
    *out = h;
    return 0;
}

void handshake_close(struct handshake *h)
{
    if (!h) return;
    __atomic_store_n(&h->stop, 1, __ATOMIC_RELEASE);
    if (h->mailbox) mailbox_close(h->mailbox);
    if (h->started) pthread_join(h->thread, NULL);
    struct session *s;
    struct address nowhere = {0};
    for (size_t i = 0; i = 0, (s = table_next(&h->sessions, &i));)
        end(h, s, &nowhere);
    table_free(&h->sessions);
    if (h->mailbox) mailbox_free(h->mailbox, drop);
    dtls_identity_free(h->identity);
    free(h);
}

const char *handshake_fingerprint(const struct handshake *h)
{
    return dtls_identity_fingerprint(h->identity);
}

/* ---- wishes ---- */
static int put(struct handshake *h, const struct wish *wish, const uint8_t *bytes, size_t len)
{
    struct wish *w = malloc(sizeof *w + len);
    if (!w) return ERR_UNAVAILABLE;
    *w = *wish;
    w->len = len;
    if (len) memcpy(w->bytes, bytes, len);
    int err = mailbox_put(h->mailbox, w);
    if (err) free(w);
    return err;
}

int handshake_begin(struct handshake *h, const struct handshake_peer *peer)
{
    int err = put(h, &(struct wish){.kind = WISH_BEGIN, .peer = peer->peer, .begin = *peer}, NULL, 0);
    if (err) let_go(peer);
    return err;
}

void handshake_address(struct handshake *h, struct peer_id peer, const struct address *address)
{
    if (put(h, &(struct wish){.kind = WISH_ADDRESS, .peer = peer, .address = *address}, NULL, 0))
        log_warn("media", "peer %016" PRIx64 ": address lost", peer.v);
}

void handshake_input(struct handshake *h, struct peer_id peer, const struct address *from, const uint8_t *datagram, size_t len)
{
    if (__atomic_add_fetch(&h->datagrams, 1, __ATOMIC_RELAXED) <= DATAGRAMS_MAX &&
        put(h, &(struct wish){.kind = WISH_INPUT, .peer = peer, .address = *from}, datagram, len) == 0)
        return;
    __atomic_sub_fetch(&h->datagrams, 1, __ATOMIC_RELAXED);
    metric_add(figures.refused, 1);
}

void handshake_proved(struct handshake *h, struct peer_id peer)
{
    (void)!put(h, &(struct wish){.kind = WISH_PROVED, .peer = peer}, NULL, 0); /* else the memory stays until the peer ends */
}

void handshake_end(struct handshake *h, struct peer_id peer, const struct address *goodbye, struct srtp_box *srtp)
{
    struct wish w = {.kind = WISH_END, .peer = peer, .srtp = srtp};
    if (goodbye) w.address = *goodbye;
    if (put(h, &w, NULL, 0) == 0) return;
    log_error("media", "peer %016" PRIx64 ": its handshake stays until the end", peer.v);
    srtp_box_free(srtp);
}
