#include "media/worker/worker.h"
#include "media/worker/dial.h"
#include "media/worker/figures.h"
#include "server/base/clock.h"
#include "server/base/log.h"
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define TICK_US 10000
#define ENDING_ROUNDS 256
#define ANSWER_US 2000000
#define BEAT_SHARE 8 /* packets a second that leave, for each microsecond of the beat */
#define BEAT_US_MIN 1000
#define BEAT_US_MAX 4000
#define BEAT_US_A_TICK 10

void worker_send(struct worker *w, const uint8_t *bytes, size_t len, const struct address *to)
{
    memcpy(egress_room(&w->egress, len), bytes, len);
    egress_put(&w->egress, len, len, to);
}

void peer_begin_rtcp(struct peer *peer, struct rtcp_builder *b)
{
    rtcp_begin(b, egress_room(&peer->worker->egress, RTCP_BYTES + SRTP_OVERHEAD), RTCP_BYTES);
}

void peer_send_rtcp(struct peer *peer, struct rtcp_builder *b)
{
    struct worker *w = peer->worker;
    size_t len = peer->seal && peer->ice.has_selected ? srtp_seal_rtcp(peer->seal, b->bytes, b->len) : 0;
    if (!len) return;
    peer->down_bytes += len;
    w->counted.packets_out++;
    w->counted.bytes_out += len;
    peer_put(peer, len, len);
}

void peer_put(struct peer *peer, size_t bytes, size_t segment)
{
    struct egress *e = &peer->worker->egress;
    if (peer->dial) dial_send(peer->dial, egress_room(e, bytes), bytes, segment);
    else egress_put(e, bytes, segment, &peer->ice.selected);
}

static void gauge(struct metric *m, int64_t *told, size_t now)
{
    metric_add(m, (int64_t)now - *told);
    *told = (int64_t)now;
}

/* Rooms that are spread over several workers are looked at as often as if one had them all: at twice as many looks a second a worker with half of the packets would find a quarter of them at
 * each look, and the looks cost the same. One that carries much less than its share goes by its own. */
static uint32_t busy_with(const struct worker *w)
{
    uint32_t all = 0;
    for (unsigned i = 0; i < w->crew->n; i++)
        all += __atomic_load_n(&w->crew->workers[i].load, __ATOMIC_RELAXED);
    return w->load >= all / w->crew->n / 2 ? all : w->load;
}

/* Where many packets leave (load), what comes is looked for at a steady beat; where many come, they are let gather a little after each look. The
 * beat grows slowly, so that those who watch notice nothing of hundreds who join within a second. */
static void keep_beat(struct worker *w)
{
    int64_t us = busy_with(w) / BEAT_SHARE;
    if (us > BEAT_US_MAX) us = BEAT_US_MAX;
    if (us > w->beat_us + BEAT_US_A_TICK && w->beat_us) us = w->beat_us + BEAT_US_A_TICK;
    w->beat_us = us < BEAT_US_MIN ? 0 : us;
}

/* The packet path counts for itself; figures are shared by all threads. */
static void count(struct worker *w)
{
    struct counted *c = &w->counted;
    w->arrivals += (uint32_t)(c->packets_in * (1000000 / TICK_US) / 64) - w->arrivals / 64;
    uint32_t load = w->load - w->load / 64 + (uint32_t)(c->packets_out * (1000000 / TICK_US) / 64);
    __atomic_store_n(&w->load, load, __ATOMIC_RELAXED);
    keep_beat(w);
    metric_add(figures.packets_in, (int64_t)c->packets_in);
    metric_add(figures.bytes_in, (int64_t)c->bytes_in);
    metric_add(figures.packets_out, (int64_t)c->packets_out);
    metric_add(figures.bytes_out, (int64_t)c->bytes_out);
    metric_add(figures.handed_over, (int64_t)c->handed);
    metric_add(figures.send_drops, (int64_t)w->egress.drops);
    if (w->recorder) metric_add(figures.record_drops, (int64_t)recorder_dropped(w->recorder));
    c->packets_in = c->bytes_in = c->packets_out = c->bytes_out = c->handed = w->egress.drops = 0;
    gauge(figures.peers, &c->peers, w->peers.used);
    gauge(figures.tracks, &c->tracks, w->tracks.used);
    gauge(figures.feeds, &c->feeds, w->feeds.used);
}

void worker_event(struct worker *w, const struct media_event *event)
{
    if (w->config.on_event) w->config.on_event(w->config.on_event_ctx, event);
}

void peer_event(struct peer *peer, enum media_event_type type)
{
    struct media_event e = {.type = type, .room = peer->room->id, .peer = peer->id};
    worker_event(peer->worker, &e);
}

/* Serves what waits for its time; when the next of it is due. */
static int64_t due(struct worker *w)
{
    int64_t next = forward_due(w), lines_us = line_due(w), replays_us = catchup_due(w);
    if (lines_us < next) next = lines_us;
    return replays_us < next ? replays_us : next;
}

static void leave(struct worker *w)
{
    egress_flush(&w->egress);
    if (w->n_leaving) survey_left(w);
}

/* ---- mailbox ---- */
void worker_wake(struct worker *w)
{
    uint64_t one = 1;
    if (write(w->wake, &one, sizeof one) < 0 && errno != EAGAIN) log_error("media", "wake: %s", strerror(errno));
}

static int put(struct worker *w, const struct message *m, size_t bytes)
{
    struct message *copy = malloc(bytes);
    if (!copy) return ERR_UNAVAILABLE;
    memcpy(copy, m, bytes);
    int err = mailbox_put(w->mailbox, copy);
    if (err) free(copy);
    return err;
}

int worker_post(struct worker *w, const struct media_cmd *cmd)
{
    struct message m = {.kind = MESSAGE_COMMAND, .posted_us = clock_monotonic_us(), .command = *cmd};
    int err = put(w, &m, sizeof m);
    explicit_bzero(&m, sizeof m);
    return err;
}

bool worker_answers(struct worker *w, int64_t now_us)
{
    struct message m = {.kind = MESSAGE_PING};
    if (__atomic_load_n(&w->pinged, __ATOMIC_ACQUIRE)) return now_us - w->pinged_us < ANSWER_US;
    w->pinged_us = now_us;
    __atomic_store_n(&w->pinged, 1, __ATOMIC_RELEASE);
    if (put(w, &m, offsetof(struct message, command)) == 0) return true;
    __atomic_store_n(&w->pinged, 0, __ATOMIC_RELEASE);
    return false; /* its mailbox is full */
}

void worker_route(struct worker *w, const struct route *route)
{
    struct message m = {.kind = MESSAGE_ROUTE, .route = *route};
    if (put(w, &m, offsetof(struct message, route) + sizeof m.route)) log_warn("media", "worker %u: a route is lost", w->index);
}

static bool on_answer(void *ctx, const struct handshake_answer *answer)
{
    struct message m = {.kind = MESSAGE_ANSWER, .answer = *answer};
    return put(ctx, &m, offsetof(struct message, answer) + sizeof m.answer) == 0;
}

int worker_handshake(struct worker *w, struct handshake_peer *peer)
{
    if (!peer->own_socket) peer->socket = w->socket;
    peer->family = w->family;
    peer->answer = on_answer;
    peer->ctx = w;
    return handshake_begin(w->handshake, peer);
}

void message_drop(void *message)
{
    struct message *m = message;
    if (m->kind == MESSAGE_ANSWER) srtp_box_free(m->answer.srtp);
    if (m->kind == MESSAGE_COMMAND && m->command.type == MEDIA_PEER_INPUT) share_unref(m->command.input.packets);
    free(m);
}

static void carry_out(struct worker *w, struct message *m)
{
    switch (m->kind) {
    case MESSAGE_COMMAND:
        worker_command(w, &m->command);
        explicit_bzero(&m->command, sizeof m->command);
        break;
    case MESSAGE_ANSWER: peer_handshake(w, &m->answer); break;
    case MESSAGE_ROUTE: steer_learn(w, &m->route); break;
    case MESSAGE_PING: __atomic_store_n(&w->pinged, 0, __ATOMIC_RELEASE); break;
    }
    free(m);
}

/* What ends something waits for the datagrams that had come when it was said: a worker that gets its turn late would else throw away what was said before. */
static bool ends(const struct message *m)
{
    if (m->kind != MESSAGE_COMMAND) /* the others are shorter */
        return false;
    enum media_cmd_type t = m->command.type;
    return t == MEDIA_RECORD_STOP || t == MEDIA_LIVE_STOP || t == MEDIA_TRACK_CLOSE || t == MEDIA_PEER_CLOSE || t == MEDIA_ROOM_CLOSE;
}

static void take_messages(struct worker *w)
{
    struct message *m;
    while (!w->ending && (m = mailbox_take(w->mailbox))) {
        if (ends(m)) w->ending = m;
        else carry_out(w, m);
    }
}

static void end_now(struct worker *w)
{
    struct message *m = w->ending;
    w->ending = NULL;
    carry_out(w, m);
    take_messages(w);
}

void worker_came(struct worker *w, int64_t us)
{
    while (w->ending && us > w->ending->posted_us) /* it came after that was said */
        end_now(w);
    w->came_us = us;
}

static void drain_mailbox(struct worker *w)
{
    uint64_t count;
    if (read(w->wake, &count, sizeof count) >= 0 || errno == EAGAIN) take_messages(w);
}

/* ---- datagrams ---- */
static void take(void *ctx, uint8_t *data, size_t len, const struct address *from)
{
    struct worker *w = ctx;
    worker_came(w, w->now_us - w->ingress.waited_us);
    worker_datagram(w, data, len, from);
}

static void receive_dialled(struct worker *w, int fd)
{
    for (int round = 0; round < 16; round++) {
        size_t n = ingress_read_of(&w->ingress, fd);
        if (!n) return;
        w->now_us = w->batch_us = clock_monotonic_us();
        take_messages(w); /* these may end it */
        struct dial *d = dial_of(w, fd);
        if (!d) return;
        ingress_each(&w->ingress, n, dial_datagram, d);
        w->wake_us = due(w);
        egress_flush(&w->egress);
        if (n < INGRESS_MESSAGES) return;
    }
}

static void receive(struct worker *w)
{
    for (int round = 0; round < 16; round++) { /* bounded, so that timers and commands get their turn under flood */
        size_t n = ingress_read(&w->ingress);
        if (!n) return;
        w->now_us = w->batch_us = clock_monotonic_us();
        take_messages(w); /* who was told of us sends at once: what was said of it before goes before */
        ingress_each(&w->ingress, n, take, w);
        steer_wake(w);
        w->wake_us = due(w);
        leave(w);
        if (n < INGRESS_MESSAGES) return;
    }
}

/* Whatever came before what was to end has been read when this returns, and it has ended. */
static void end_what_ends(struct worker *w)
{
    if (!w->ending) return;
    for (int round = 0; w->ending && round < ENDING_ROUNDS; round++) {
        size_t n = ingress_read(&w->ingress);
        w->now_us = clock_monotonic_us();
        ingress_each(&w->ingress, n, take, w);
        leave(w);
        if (n < INGRESS_MESSAGES) break;
    }
    int fds[64];
    for (size_t i = 0, n = dial_sockets(w, fds, 64); w->ending && i < n; i++)
        receive_dialled(w, fds[i]);
    steer_take(w);
    while (w->ending)
        end_now(w);
}

/* ---- the loop ---- */
/* Being woken for each datagram costs more than the datagram. */
static void gather(const struct worker *w, int64_t beat, int64_t until)
{
    int64_t now = clock_monotonic_us(), gap = w->arrivals < 1000 ? 0 : w->arrivals < 4000 ? 500 : 1000;
    int64_t to = beat ? now + beat : w->batch_us + gap;
    if (beat && w->expected_us > to - beat / 2 && w->expected_us < to + beat / 2) to = w->expected_us;
    if (until < to) to = until;
    struct timespec t = {.tv_nsec = (to - now) * 1000};
    if (to > now) nanosleep(&t, NULL);
}

/* Waits for something to do; microseconds count, because held packets leave within a millisecond. */
static int wait_for(struct worker *w, struct epoll_event *events, int n_events)
{
    int64_t until = w->peers.used ? w->tick_us + TICK_US : INT64_MAX, beat = w->peers.used ? w->beat_us : 0;
    if (w->wake_us < until) until = w->wake_us;
    if (!w->peers.used) __atomic_store_n(&w->load, 0, __ATOMIC_RELAXED);
    gather(w, beat, until);
    __atomic_store_n(&w->steer.asleep, 1, __ATOMIC_SEQ_CST);
    if (steer_anything(w) || beat) until = 0;
    int64_t left = until - clock_monotonic_us();
    struct timespec t = {.tv_sec = left > 0 ? left / 1000000 : 0, .tv_nsec = left > 0 ? left % 1000000 * 1000 : 0};
    int n = epoll_pwait2(w->epoll, events, n_events, until == INT64_MAX ? NULL : &t, NULL);
    __atomic_store_n(&w->steer.asleep, 0, __ATOMIC_SEQ_CST);
    return n;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    struct epoll_event events[16];
    while (!__atomic_load_n(w->stop, __ATOMIC_ACQUIRE)) {
        int n = wait_for(w, events, 16);
        int64_t woke_us = w->now_us = clock_monotonic_us();
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd == w->wake) drain_mailbox(w);
            else if (events[i].data.fd == w->socket) receive(w);
            else receive_dialled(w, events[i].data.fd);
        }
        steer_take(w);
        end_what_ends(w);
        w->wake_us = due(w);
        if (w->now_us - w->tick_us >= TICK_US) {
            w->tick_us = w->now_us;
            worker_tick(w);
            count(w);
        }
        leave(w);
        metric_observe_us(figures.turn, clock_monotonic_us() - woke_us);
    }
    receive(w); /* what came before it is to end */
    drain_mailbox(w);
    end_what_ends(w);
    worker_close_everything(w);
    egress_flush(&w->egress);
    count(w);
    return NULL;
}

int worker_start(struct worker *w)
{
    char name[16];
    w->wake_us = INT64_MAX;
    w->replays_end = &w->replays;
    w->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (w->epoll < 0 || ingress_open(&w->ingress, w->socket) || egress_open(&w->egress, w->socket, w->family, !w->config.no_segments) ||
        steer_open(w))
        return ERR_INTERNAL;
    struct epoll_event e = {.events = EPOLLIN, .data.fd = w->socket};
    struct epoll_event k = {.events = EPOLLIN, .data.fd = w->wake};
    if (epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->socket, &e) || epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake, &k))
        return ERR_INTERNAL;
    if (pthread_create(&w->thread, NULL, run, w)) return ERR_INTERNAL;
    w->started = true;
    snprintf(name, sizeof name, "media-%u", w->index);
    pthread_setname_np(w->thread, name);
    return 0;
}

void worker_join(struct worker *w)
{
    if (w->started) pthread_join(w->thread, NULL);
    w->started = false;
}

void worker_fini(struct worker *w)
{
    steer_close(w);
    ingress_close(&w->ingress);
    egress_close(&w->egress);
    if (w->epoll >= 0) close(w->epoll);
}
