/* STUN, the ICE-lite agent, the ClientHello shim and DTLS-SRTP, over a fake link; ICE with a fake clock. */
#include "media/transport/hello.h"
#include "media/transport/ice.h"
#include "media/transport/srtp_box.h"
#include "media/rtp/bytes.h"
#include "server/base/clock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

static const uint8_t transaction[12] = "abcdefghijkl";
static const struct ice_credentials ours = {"ourfrag1", "our-password-24-letters!"};

static size_t check(uint8_t *out, const char *user, const char *password, uint32_t priority, int flags)
{
    struct stun_builder b;
    stun_begin(&b, out, 256, STUN_BINDING_REQUEST, transaction);
    stun_add(&b, STUN_USERNAME, user, strlen(user));
    stun_add_u32(&b, STUN_PRIORITY, priority);
    if (flags & 1) stun_add(&b, STUN_USE_CANDIDATE, NULL, 0);
    stun_add_u64(&b, flags & 2 ? STUN_ICE_CONTROLLED : STUN_ICE_CONTROLLING, 77);
    if (flags & 4) stun_add_u32(&b, 0x7777, 1);
    return stun_end(&b, password);
}

static struct address at(uint8_t last, uint16_t port)
{
    return (struct address){.ip = {10, 0, 0, last}, .port = port};
}

static int ask(struct ice *ice, const char *user, const char *password, uint32_t priority, int flags,
               struct address from, int64_t now, struct ice_result *r, struct stun_message *answer)
{
    static uint8_t bytes[256], reply[ICE_REPLY_BYTES];
    struct stun_message m;
    assert_int_equal(stun_parse(bytes, check(bytes, user, password, priority, flags), &m), 0);
    int err = ice_input(ice, &m, &from, now, reply, r);
    if (err == 0 && r->reply_len) assert_int_equal(stun_parse(reply, r->reply_len, answer), 0);
    return err;
}

static void stun_round_trip(void **state)
{
    uint8_t b[256];
    size_t n = check(b, "a:b", "pw", 5, 1);
    struct stun_message m;
    assert_int_equal(stun_parse(b, n, &m), 0);
    assert_true(m.use_candidate && m.controlling && m.has_fingerprint && !m.controlled);
    assert_int_equal(m.priority, 5);
    assert_true(stun_authentic(&m, "pw"));
    assert_false(stun_authentic(&m, "pW"));
    for (size_t i = 0; i < n; i++) { /* every flipped byte is noticed: by the fingerprint or the framing */
        b[i] ^= 0x10;
        assert_true(stun_parse(b, n, &m) != 0 || !m.has_fingerprint);
        b[i] ^= 0x10;
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_int_not_equal(stun_parse(b, cut, &m), 0);
}

/* RFC 5769 2.1: sample request, made by another implementation. */
static void stun_rfc5769(void **state)
{
    static const char hex[] = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
                              "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70c"
                              "bfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
    uint8_t b[108];
    for (size_t i = 0; i < sizeof b; i++) {
        unsigned v;
        sscanf(hex + 2 * i, "%2x", &v);
        b[i] = (uint8_t)v;
    }
    struct stun_message m;
    assert_int_equal(stun_parse(b, sizeof b, &m), 0);
    assert_true(stun_authentic(&m, "VOkJxbRl1RmTxUk/WvJxBt"));
    assert_int_equal(m.username_len, 9);
    assert_true(m.has_fingerprint && m.controlled);
}

static void ice_selects_and_moves(void **state)
{
    struct ice ice;
    struct ice_result r;
    struct stun_message a;
    ice_init(&ice, &ours, 0);
    assert_int_equal(ask(&ice, "ourfrag1:x", "wrong", 9, 1, at(1, 1000), 1, &r, &a), ERR_UNAUTHENTICATED);
    assert_int_equal(ask(&ice, "otherfrag:x", ours.password, 9, 1, at(1, 1000), 1, &r, &a), ERR_UNAUTHENTICATED);
    assert_false(ice.has_selected);
    assert_int_equal(ask(&ice, "ourfrag1:x", ours.password, 9, 0, at(1, 1000), 10, &r, &a), 0);
    assert_true(r.selected_changed && r.new_tuple);
    assert_int_equal(a.type, STUN_BINDING_SUCCESS);
    assert_true(stun_authentic(&a, ours.password));
    struct address want = at(1, 1000);
    assert_true(address_equal(&a.mapped, &want));
    /* a lower nomination does not flap us while the first is alive, a higher one wins */
    ask(&ice, "ourfrag1:x", ours.password, 3, 1, at(2, 2000), 20, &r, &a);
    assert_false(r.selected_changed);
    ask(&ice, "ourfrag1:x", ours.password, 30, 1, at(3, 3000), 30, &r, &a);
    assert_true(r.selected_changed);
    /* the network moved: quiet, then a check from elsewhere */
    ask(&ice, "ourfrag1:x", ours.password, 3, 1, at(9, 9000), 5000000, &r, &a);
    assert_true(r.selected_changed);
    /* media on another proved pair moves us too, from an unproved address never */
    struct address second = at(2, 2000), strange = at(66, 6);
    assert_true(ice_heard(&ice, &second, 5300000));
    assert_false(ice_heard(&ice, &strange, 9900000));
    assert_true(address_equal(&ice.selected, &second));
}

static void ice_conflict_restart_unknown(void **state)
{
    struct ice ice;
    struct ice_result r;
    struct stun_message a;
    ice_init(&ice, &ours, 0);
    assert_int_equal(ask(&ice, "ourfrag1:x", ours.password, 9, 2, at(1, 1), 1, &r, &a), 0);
    assert_int_equal(a.error_code, 487);
    assert_int_equal(ask(&ice, "ourfrag1:x", ours.password, 9, 4, at(1, 1), 1, &r, &a), 0);
    assert_int_equal(a.error_code, 420);
    assert_false(ice.has_selected);
    ask(&ice, "ourfrag1:x", ours.password, 9, 1, at(1, 1), 1, &r, &a);
    struct ice_credentials fresh = {"newfrag1", "new-password-24-letters!"};
    ice_restart(&ice, &fresh);
    assert_int_equal(ask(&ice, "ourfrag1:x", ours.password, 9, 1, at(1, 1), 2, &r, &a), 0); /* still good */
    assert_int_equal(ask(&ice, "newfrag1:y", fresh.password, 1, 1, at(4, 4), 3, &r, &a), 0);
    assert_int_equal(ask(&ice, "ourfrag1:x", ours.password, 9, 1, at(1, 1), 4, &r, &a), ERR_UNAUTHENTICATED);
}

static void ice_bounded_tuples(void **state)
{
    struct ice ice;
    struct ice_result r;
    struct stun_message a;
    ice_init(&ice, &ours, 0);
    size_t dropped = 0;
    for (int i = 0; i < 20; i++) {
        ask(&ice, "ourfrag1:x", ours.password, 1, 0, at((uint8_t)i, 1), i, &r, &a);
        dropped += r.dropped_tuple;
    }
    assert_int_equal(ice.n_tuples, ICE_TUPLES_MAX);
    assert_int_equal(dropped, 20 - ICE_TUPLES_MAX);
    struct address first = at(0, 1);
    assert_true(address_equal(&ice.selected, &first) && address_equal(&ice.tuples[0].address, &first));
}

/* ---- DTLS over a link that loses and splits ---- */
struct side {
    struct dtls *dtls;
    struct { uint8_t bytes[2048]; size_t len; } queue[256];
    size_t n;
};

static void queue_out(void *ctx, const uint8_t *data, size_t len)
{
    struct side *to = ctx;
    if (to->n == 256 || len > 2048) return;
    memcpy(to->queue[to->n].bytes, data, len);
    to->queue[to->n++].len = len;
}

/* What a browser does with a large hello: two handshake fragments in two datagrams, the second first. */
static bool deliver_split(struct dtls *to, const uint8_t *d, size_t len, int64_t now)
{
    if (len < 200 || d[0] != 22 || d[13] != 1 || get_u16(d + 3) != 0) return false;
    size_t body = get_u24(d + 14), cut = body / 2;
    for (int part = 1; part >= 0; part--) {
        uint8_t f[2048];
        size_t off = part ? cut : 0, n = part ? body - cut : cut;
        memcpy(f, d, 25);
        put_u16(f + 11, (uint16_t)(n + 12));
        put_u24(f + 19, (uint32_t)off);
        put_u24(f + 22, (uint32_t)n);
        memcpy(f + 25, d + 25 + off, n);
        f[10] = (uint8_t)(d[10] + part);
        dtls_input(to, f, 25 + n, now);
    }
    return true;
}

static void pump(struct side *from_queue, struct dtls *to, int64_t now, unsigned loss_percent, bool split)
{
    for (size_t i = 0; i < from_queue->n; i++) {
        if ((unsigned)(rand() % 100) < loss_percent) continue;
        if (split && deliver_split(to, from_queue->queue[i].bytes, from_queue->queue[i].len, now)) continue;
        dtls_input(to, from_queue->queue[i].bytes, from_queue->queue[i].len, now);
    }
    from_queue->n = 0;
}

/* A handshake between two engines in real time: OpenSSL's timer reads the clock itself. */
static void handshake(enum dtls_engine client, enum dtls_engine server, unsigned loss, bool wrong_fingerprint,
                      struct dtls_keys keys[2], enum dtls_state end[2])
{
    static struct side to_server, to_client;
    to_server.n = to_client.n = 0;
    struct dtls_identity *a, *b;
    assert_int_equal(dtls_identity_new(&a, client), 0);
    assert_int_equal(dtls_identity_new(&b, server), 0);
    struct dtls_params cp = {a, true, wrong_fingerprint ? "AA:BB" : dtls_identity_fingerprint(b), queue_out, &to_server};
    struct dtls_params sp = {b, false, dtls_identity_fingerprint(a), queue_out, &to_client};
    struct dtls *c, *s;
    assert_int_equal(dtls_new(&c, &cp), 0);
    assert_int_equal(dtls_new(&s, &sp), 0);
    int64_t now = clock_monotonic_us(), limit = now + 60000000;
    dtls_start(c, now);
    while ((now = clock_monotonic_us()) < limit) {
        pump(&to_server, s, now, loss, true);
        pump(&to_client, c, now, loss, false);
        dtls_tick(c, now);
        dtls_tick(s, now);
        if (dtls_state(c) != DTLS_HANDSHAKE && dtls_state(s) != DTLS_HANDSHAKE && !to_server.n && !to_client.n) break;
        if (!to_server.n && !to_client.n) usleep(2000);
    }
    end[0] = dtls_state(c);
    end[1] = dtls_state(s);
    dtls_keys(c, &keys[0]);
    dtls_keys(s, &keys[1]);
    if (end[0] == DTLS_CONNECTED && end[1] == DTLS_CONNECTED) { /* a goodbye is heard */
        dtls_close(c);
        pump(&to_server, s, now, 0, false);
        assert_int_equal(dtls_state(s), DTLS_CLOSED);
    }
    dtls_free(c);
    dtls_free(s);
    dtls_identity_free(a);
    dtls_identity_free(b);
}

static void dtls_split_hello_and_loss(void **state)
{
    struct dtls_keys k[2];
    enum dtls_state end[2];
    for (int pair = 0; pair < 4; pair++) /* each engine against each, in both roles */
        for (unsigned loss = 0; loss <= 30; loss += 15) {
            enum dtls_engine client = pair & 1 ? DTLS_ENGINE_MBEDTLS : DTLS_ENGINE_OPENSSL, server = pair & 2 ? DTLS_ENGINE_MBEDTLS : DTLS_ENGINE_OPENSSL;
            srand(7 + loss + 100 * (unsigned)pair);
            handshake(client, server, loss, false, k, end);
            assert_int_equal(end[0], DTLS_CONNECTED);
            assert_int_equal(end[1], DTLS_CONNECTED);
            assert_int_equal(k[0].profile, pair ? DTLS_PROFILE_CM80 : DTLS_PROFILE_GCM128); /* mbedtls has no GCM for SRTP */
            assert_int_equal(k[1].profile, k[0].profile);
            size_t n = DTLS_SRTP_KEY + dtls_salt_bytes(k[0].profile);
            assert_memory_equal(k[0].send, k[1].receive, n);
            assert_memory_equal(k[1].send, k[0].receive, n);
            assert_memory_not_equal(k[0].send, k[0].receive, n);
        }
}

static void dtls_refuses_another_certificate(void **state)
{
    struct dtls_keys k[2];
    enum dtls_state end[2];
    for (int engine = 0; engine < 2; engine++) {
        handshake((enum dtls_engine)engine, DTLS_ENGINE_OPENSSL, 0, true, k, end);
        assert_int_equal(end[0], DTLS_FAILED);
    }
}

static void srtp_seal_open(void **state)
{
    struct dtls_keys a = {.profile = DTLS_PROFILE_CM80}, b = a;
    for (size_t i = 0; i < sizeof a.send; i++)
        a.send[i] = b.receive[i] = (uint8_t)i, a.receive[i] = b.send[i] = (uint8_t)(i + 99);
    struct srtp_box *x, *y;
    assert_int_equal(srtp_box_new(&x, &a), 0);
    assert_int_equal(srtp_box_new(&y, &b), 0);
    uint8_t p[128] = {0x80, 96, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 'h', 'i'}, replay[128];
    size_t n = 14, again;
    assert_int_equal(srtp_box_seal(x, p, &n, false), 0);
    assert_int_equal(n, 24);
    memcpy(replay, p, n);
    again = n;
    assert_int_equal(srtp_box_open(y, p, &n, false), 0);
    assert_memory_equal(p + 12, "hi", 2);
    assert_int_not_equal(srtp_box_open(y, replay, &again, false), 0);
    uint8_t rr[64] = {0x80, 201, 0, 1, 0, 0, 0, 1};
    n = 8;
    assert_int_equal(srtp_box_seal(x, rr, &n, true), 0);
    rr[n - 1] ^= 1;
    assert_int_not_equal(srtp_box_open(y, rr, &n, true), 0);
    srtp_box_free(x);
    srtp_box_free(y);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stun_round_trip),       cmocka_unit_test(stun_rfc5769),
        cmocka_unit_test(ice_selects_and_moves), cmocka_unit_test(ice_conflict_restart_unknown),
        cmocka_unit_test(ice_bounded_tuples),    cmocka_unit_test(dtls_split_hello_and_loss),
        cmocka_unit_test(dtls_refuses_another_certificate), cmocka_unit_test(srtp_seal_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
