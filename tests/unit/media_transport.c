/* STUN, the ICE-lite agent, the ClientHello shim and DTLS-SRTP, over a fake link; ICE with a fake clock. */
#include "media/transport/gcm_fast.h"
#include "media/transport/hello.h"
#include "media/transport/ice.h"
#include "media/transport/srtp_box.h"
#include "media/rtp/bytes.h"
#include "server/base/clock.h"
#include <setjmp.h>
#include <srtp2/srtp.h>
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

/* The side that checks: the first address that answers is kept while anything comes from it, then another takes over. */
static void ice_takes_who_answers(void **state)
{
    struct ice ice;
    struct address one = at(1, 1000), two = at(2, 2000);
    ice_init(&ice, &ours, 0);
    assert_true(ice_answered(&ice, &one, 1000));
    assert_true(ice.has_selected && address_equal(&ice.selected, &one));
    assert_false(ice_answered(&ice, &two, 2000));
    assert_false(ice_answered(&ice, &one, 3000));
    assert_true(address_equal(&ice.selected, &one));
    assert_false(ice_heard(&ice, &one, 2000000));
    assert_false(ice_answered(&ice, &two, 2100000));
    assert_true(ice_answered(&ice, &two, 4000000));
    assert_true(address_equal(&ice.selected, &two));
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

/* A retired side still hears an authentic goodbye, and only that, and its own one is understood. */
static void dtls_retired(void **state)
{
    static struct side to_server, to_client;
    for (int who = 0; who < 3; who++) { /* the server is retired, the client, both; each then hears the other */
        struct dtls_identity *id;
        struct dtls *c, *s;
        assert_int_equal(dtls_identity_new(&id, DTLS_ENGINE_OPENSSL), 0);
        struct dtls_params cp = {id, true, dtls_identity_fingerprint(id), queue_out, &to_server}, sp = cp;
        sp.client = false;
        sp.ctx = &to_client;
        assert_true(dtls_new(&c, &cp) == 0 && dtls_new(&s, &sp) == 0);
        int64_t now = clock_monotonic_us();
        dtls_start(c, now);
        for (int i = 0; i < 20; i++) {
            pump(&to_server, s, now, 0, false);
            pump(&to_client, c, now, 0, false);
        }
        assert_true(dtls_state(c) == DTLS_CONNECTED && dtls_state(s) == DTLS_CONNECTED);
        if (who != 1) dtls_retire(s);
        if (who != 0) dtls_retire(c);
        assert_true(dtls_deadline_us(s) == INT64_MAX && dtls_deadline_us(c) == INT64_MAX);
        struct dtls *leaves = who == 1 ? s : c, *hears = who == 1 ? c : s;
        struct side *wire = who == 1 ? &to_client : &to_server;
        dtls_close(leaves);
        assert_int_equal(wire->n, 1);
        for (size_t i = 0; i < wire->queue[0].len; i++) { /* every changed byte makes it somebody else's */
            wire->queue[0].bytes[i] ^= 4;
            if (who == 2) dtls_input(hears, wire->queue[0].bytes, wire->queue[0].len, now);
            wire->queue[0].bytes[i] ^= 4;
        }
        assert_int_equal(dtls_state(hears), DTLS_CONNECTED);
        pump(wire, hears, now, 0, false);
        assert_int_equal(dtls_state(hears), DTLS_CLOSED);
        dtls_free(c);
        dtls_free(s);
        dtls_identity_free(id);
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

/* ---- SRTP ---- */
static size_t unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (unsigned v; *hex && sscanf(hex, "%2x", &v) == 1; hex += 2)
        out[n++] = (uint8_t)v;
    return n;
}

/* One packet through the sending path, its payload in three pieces. */
static size_t seal(struct srtp_seal *s, const uint8_t *packet, size_t len, size_t head, uint8_t *out)
{
    size_t a = (len - head) / 3;
    struct srtp_piece p[3] = {{packet + head, a}, {packet + head + a, 1}, {packet + head + a + 1, len - head - a - 1}};
    memcpy(out, packet, head);
    return srtp_seal_packet(s, out, head, p, 3);
}

/* RFC 3711 B.3 (key derivation) and B.2 (the keystream, seen as a payload of zeros). */
static void srtp_rfc3711(void **state)
{
    uint8_t master[30], want[64], zeros[60] = {0x80}, out[100];
    struct srtp_session_keys k[2] = {{{0}}};
    unhex("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6", master);
    assert_int_equal(srtp_derive(DTLS_PROFILE_CM80, master, SRTP_MEDIA, &k[0]), 0);
    unhex("c61e7a93744f39ee10734afe3ff7a087", want);
    assert_memory_equal(k[0].key, want, 16);
    unhex("30cbbc08863d8c85d49db34a9ae1", want);
    assert_memory_equal(k[0].salt, want, 14);
    unhex("cebe321f6ff7716b6fd4ab49af256a156d38baa4", want);
    assert_memory_equal(k[0].auth, want, 20);
    unhex("2b7e151628aed2a6abf7158809cf4f3c", k[0].key);
    unhex("f0f1f2f3f4f5f6f7f8f9fafbfcfd", k[0].salt);
    struct srtp_seal *s;
    assert_int_equal(srtp_seal_new(&s, DTLS_PROFILE_CM80, k), 0);
    assert_int_equal(seal(s, zeros, sizeof zeros, 12, out), 70);
    unhex("e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0", want);
    assert_memory_equal(out + 12, want, 48);
    srtp_seal_free(s);
}

/* RFC 7714 16.1.1 and 17.1: AEAD_AES_128_GCM, whole packets. */
static void gcm_examples(void)
{
    uint8_t packet[64], want[80], out[100];
    struct srtp_session_keys k[2] = {{{0}}};
    unhex("000102030405060708090a0b0c0d0e0f", k[0].key);
    unhex("517569642070726f2071756f", k[0].salt);
    k[1] = k[0];
    size_t n = unhex("8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e697320646976697361"
                     "20696e207061727465732074726573", packet);
    size_t m = unhex("8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
                     "899d7f27beb16a9152cf765ee4390cce", want);
    struct srtp_seal *s;
    assert_int_equal(srtp_seal_new(&s, DTLS_PROFILE_GCM128, k), 0);
    assert_int_equal(srtp_seal_tag(s), 16);
    assert_int_equal(seal(s, packet, n, 12, out), m);
    assert_memory_equal(out, want, m);
    for (int i = 0; i < 0x5d4; i++) /* up to the index of the example */
        assert_int_not_equal(srtp_seal_rtcp(s, out, 8), 0);
    n = unhex("81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", out);
    m = unhex("81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275b"
              "c84aa45896cf4d2fc5abf87245d9eade800005d4", want);
    assert_int_equal(srtp_seal_rtcp(s, out, n), m);
    assert_memory_equal(out, want, m);
    srtp_seal_free(s);
}

static void srtp_rfc7714(void **state)
{
    gcm_examples();
    gcm_fast_forbid(true);
    gcm_examples();
    gcm_fast_forbid(false);
}

static srtp_t reference(enum dtls_profile profile, uint8_t *key, srtp_ssrc_type_t type)
{
    srtp_policy_t p;
    srtp_t s;
    memset(&p, 0, sizeof p);
    srtp_init(); /* again is nothing */
    if (profile == DTLS_PROFILE_GCM128) srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
    else srtp_crypto_policy_set_rtp_default(&p.rtp);
    p.rtcp = p.rtp;
    p.ssrc.type = type;
    p.key = key;
    p.window_size = 1024;
    assert_int_equal(srtp_create(&s, &p), srtp_err_status_ok);
    return s;
}

static size_t packet_of(uint8_t *b, uint32_t i, uint32_t ssrc)
{
    size_t len = 13 + (i * 7919u) % 1180; /* from one byte of payload on */
    memset(b, (int)i, len);
    memcpy(b, (uint8_t[]){0x80, 96}, 2);
    put_u16(b + 2, (uint16_t)(65001 + i)); /* the rollover falls inside a pair */
    put_u32(b + 4, i);
    put_u32(b + 8, ssrc);
    return len;
}

/* What this path seals libsrtp opens and the other way round, bit by bit the same, over 70000 packets (a rollover and more), with
 * neighbours that change places at the rollover too. */
static void srtp_against_the_reference(void **state)
{
    uint8_t key[30];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i * 37 + 5);
    enum dtls_profile profiles[] = {DTLS_PROFILE_GCM128, DTLS_PROFILE_CM80, DTLS_PROFILE_GCM128};
    for (int p = 0; p < 3; p++) {
        gcm_fast_forbid(p == 2); /* OpenSSL's */
        struct dtls_keys a = {.profile = profiles[p]}, b = a;
        memcpy(a.send, key, sizeof key);
        memcpy(b.receive, key, sizeof key);
        struct srtp_box *x, *y;
        assert_int_equal(srtp_box_new(&x, &a), 0);
        assert_int_equal(srtp_box_new(&y, &b), 0);
        srtp_t out = reference(profiles[p], key, ssrc_any_outbound), in = reference(profiles[p], key, ssrc_any_inbound);
        for (uint32_t i = 0; i < 70000; i++) {
            uint8_t plain[1300], mine[1400], theirs[1400];
            uint32_t which = i > 3 ? i ^ 1 : i, ssrc = 1 + i / 2 % 2; /* 1, 0, 3, 2 ...: two streams in turn */
            size_t len = packet_of(plain, which, ssrc), n = seal(srtp_box_seal(x), plain, len, 12, mine), open;
            int m = (int)len;
            memcpy(theirs, plain, len);
            assert_int_equal(srtp_protect(out, theirs, &m), srtp_err_status_ok);
            assert_int_equal(n, m);
            assert_memory_equal(mine, theirs, n);
            assert_int_equal(srtp_unprotect(in, mine, &m), srtp_err_status_ok);
            assert_memory_equal(mine, plain, len);
            open = n;
            assert_int_equal(srtp_box_open(y, theirs, &open, false), 0);
            assert_int_equal(open, len);
        }
        for (uint32_t i = 0; i < 300; i++) {
            uint8_t rr[200], copy[200];
            size_t len = 8 + 4 * (i % 20), n;
            int m;
            memset(rr, (int)i, sizeof rr);
            memcpy(rr, (uint8_t[]){0x80, 201, 0, (uint8_t)(len / 4 - 1), 0, 0, 0, (uint8_t)(1 + i % 3)}, 8);
            memcpy(copy, rr, sizeof rr);
            m = (int)(n = srtp_seal_rtcp(srtp_box_seal(x), rr, len));
            assert_true(n > len && n <= len + SRTCP_OVERHEAD);
            assert_int_equal(srtp_unprotect_rtcp(in, rr, &m), srtp_err_status_ok);
            assert_int_equal(m, len);
            assert_memory_equal(rr, copy, len);
            m = (int)len; /* the other way round, with every bit guarded and nothing taken twice */
            assert_int_equal(srtp_protect_rtcp(out, rr, &m), srtp_err_status_ok);
            memcpy(copy, rr, (size_t)m);
            copy[i % (uint32_t)m] ^= 16;
            n = (size_t)m;
            assert_int_not_equal(srtp_box_open(y, copy, &n, true), 0);
            memcpy(copy, rr, (size_t)m);
            n = (size_t)m;
            assert_int_equal(srtp_box_open(y, copy, &n, true), 0);
            assert_int_equal(n, len);
            for (size_t k = 8; k < len; k++)
                assert_int_equal(copy[k], (uint8_t)i);
            n = (size_t)m;
            assert_int_not_equal(srtp_box_open(y, rr, &n, true), 0);
        }
        uint16_t last;
        assert_true(srtp_seal_last(srtp_box_seal(x), 1, &last) && !srtp_seal_last(srtp_box_seal(x), 9, &last));
        srtp_dealloc(out);
        srtp_dealloc(in);
        srtp_box_free(x);
        srtp_box_free(y);
    }
    gcm_fast_forbid(false);
}

static void srtp_refuses(void **state)
{
    struct dtls_keys a = {.profile = DTLS_PROFILE_GCM128}, b = a;
    for (size_t i = 0; i < sizeof a.send; i++)
        a.send[i] = b.receive[i] = (uint8_t)i, a.receive[i] = b.send[i] = (uint8_t)(i + 99);
    struct srtp_box *x, *y;
    assert_int_equal(srtp_box_new(&x, &a), 0);
    assert_int_equal(srtp_box_new(&y, &b), 0);
    uint8_t p[15] = {0x80, 96, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 'h', 'i', '!'}, out[64], replay[64];
    size_t n = seal(srtp_box_seal(x), p, sizeof p, 12, out), again = n;
    memcpy(replay, out, n);
    assert_int_equal(srtp_box_open(y, out, &n, false), 0);
    assert_memory_equal(out + 12, "hi!", 3);
    assert_int_not_equal(srtp_box_open(y, replay, &again, false), 0);
    uint8_t rr[64] = {0x80, 201, 0, 1, 0, 0, 0, 1};
    n = 8;
    n = srtp_seal_rtcp(srtp_box_seal(x), rr, n);
    rr[n - 1] ^= 1;
    assert_int_not_equal(srtp_box_open(y, rr, &n, true), 0);
    srtp_box_free(x);
    srtp_box_free(y);
}

/* Of 200000 packets of three streams some do not come, some come again (the last few, or up to 3000 back), changed or cut short. Both ways must say the
 * same of each, and open it to the same bytes. */
static void srtp_opens_as_the_reference(void **state)
{
    enum dtls_profile profiles[] = {DTLS_PROFILE_GCM128, DTLS_PROFILE_CM80, DTLS_PROFILE_GCM128};
    enum { KEPT = 4096, LONGEST = 160 };
    static struct { uint8_t bytes[LONGEST]; size_t len; } kept[KEPT];
    for (int p = 0; p < 3; p++) {
        gcm_fast_forbid(p == 2);
        struct dtls_keys keys = {.profile = profiles[p]};
        for (size_t i = 0; i < sizeof keys.send; i++)
            keys.send[i] = keys.receive[i] = (uint8_t)(i * 41 + 3);
        struct srtp_box *box;
        assert_int_equal(srtp_box_new(&box, &keys), 0);
        srtp_t in = reference(profiles[p], keys.receive, ssrc_any_inbound);
        uint32_t seed = 7, taken = 0, refused = 0;
        for (uint32_t i = 0; i < 200000; i++) {
            uint8_t plain[LONGEST] = {0x80, 96}, theirs[LONGEST], mine[LONGEST];
            uint32_t stream = i % 3, number = i / 3 + 1 + stream * 30000;
            size_t head = i % 5 ? 12 : 12 + 4 + 8, len = head + 1 + i % 90;
            memset(plain + 12, (int)i, sizeof plain - 12);
            put_u16(plain + 2, (uint16_t)number);
            put_u32(plain + 8, 77 + stream);
            if (head > 12) plain[0] = 0x91, put_u32(plain + 16, 0xbede0001); /* a contributor, an extension */
            kept[i % KEPT].len = seal(srtp_box_seal(box), plain, len, head, kept[i % KEPT].bytes);
            seed = seed * 1664525 + 1013904223;
            uint32_t back = seed >> 28 == 0 ? (seed >> 8) % 3000 : seed >> 28 == 1 ? (seed >> 8) % 6 : 0;
            if (seed >> 28 == 2 || back > i) continue;
            memcpy(mine, kept[(i - back) % KEPT].bytes, LONGEST);
            size_t n = kept[(i - back) % KEPT].len;
            if (seed >> 28 == 3) mine[(seed >> 8) % n] ^= (uint8_t)(1u << (seed >> 24) % 8);
            if (seed >> 28 == 4) n = (seed >> 8) % n;
            int m = (int)n;
            memcpy(theirs, mine, LONGEST);
            bool ok = srtp_unprotect(in, theirs, &m) == srtp_err_status_ok, same = srtp_box_open(box, mine, &n, false) == 0;
            assert_int_equal(ok, same);
            taken += ok;
            refused += !ok;
            if (ok) assert_int_equal(n, m);
            if (ok) assert_memory_equal(mine, theirs, n);
        }
        assert_true(taken > 130000 && refused > 15000);
        srtp_dealloc(in);
        srtp_box_free(box);
    }
    gcm_fast_forbid(false);
}

/* Reports that change places are taken once each; older than the window, or shorter than a report can be, never. */
static void srtcp_replay(void **state)
{
    struct dtls_keys a = {.profile = DTLS_PROFILE_GCM128}, b = a;
    struct srtp_box *x, *y;
    uint8_t sealed[200][64], rr[64] = {0x80, 201, 0, 1, 0, 0, 0, 1}, copy[64];
    size_t n[200], len;
    assert_true(srtp_box_new(&x, &a) == 0 && srtp_box_new(&y, &b) == 0);
    for (int i = 0; i < 200; i++) {
        memcpy(sealed[i], rr, 64);
        n[i] = srtp_seal_rtcp(srtp_box_seal(x), sealed[i], 8);
    }
    for (int round = 0; round < 2; round++)
        for (int i = 199; i >= 0; i--) {
            memcpy(copy, sealed[i], 64);
            len = n[i];
            assert_int_equal(srtp_box_open(y, copy, &len, true) == 0, round == 0 && i >= 136);
        }
    for (len = 0; len < 28; len++) {
        size_t l = len;
        assert_int_not_equal(srtp_box_open(y, sealed[199], &l, true), 0);
    }
    srtp_box_free(x);
    srtp_box_free(y);
}

/* However a payload is cut up, the packet is the same. */
static void srtp_pieces(void **state)
{
    struct srtp_session_keys k[2] = {{{1}, {2}, {3}}};
    uint8_t p[300], one[400], three[400];
    for (int way = 0; way < 3; way++) {
        enum dtls_profile profile = way == 2 ? DTLS_PROFILE_CM80 : DTLS_PROFILE_GCM128;
        struct srtp_seal *a, *b;
        gcm_fast_forbid(way == 1);
        assert_true(srtp_seal_new(&a, profile, k) == 0 && srtp_seal_new(&b, profile, k) == 0);
        for (uint16_t i = 1; i < 280; i++) {
            size_t len = 12 + (size_t)i, front = i % 3 == 0 ? i : i % 17 < i ? i % 17 : i, pad = (i - front) % 13;
            memset(p, i, sizeof p);
            p[0] = 0x80;
            put_u16(p + 2, i);
            memcpy(three, p, 12);
            struct srtp_piece pieces[] = {{p + 12, front}, {p + 12 + front, i - front - pad}, {p + len - pad, pad}};
            size_t n = seal(a, p, len, 12, one);
            assert_int_equal(srtp_seal_packet(b, three, 12, pieces, 3), n);
            assert_memory_equal(one, three, n);
        }
        srtp_seal_free(a);
        srtp_seal_free(b);
    }
    gcm_fast_forbid(false);
}

/* Many streams of one peer: each keeps its own counter when the table grows. */
static void srtp_many_streams(void **state)
{
    struct srtp_session_keys k[2] = {{{1}, {2}, {3}}};
    struct srtp_seal *s;
    uint8_t p[20] = {0x80, 96}, out[64];
    uint16_t last;
    assert_int_equal(srtp_seal_new(&s, DTLS_PROFILE_GCM128, k), 0);
    for (uint32_t ssrc = 1; ssrc <= 600; ssrc++) {
        put_u32(p + 8, ssrc * 77777u);
        put_u16(p + 2, (uint16_t)(ssrc * 3));
        assert_int_equal(seal(s, p, sizeof p, 12, out), 36);
    }
    for (uint32_t ssrc = 1; ssrc <= 600; ssrc++)
        assert_true(srtp_seal_last(s, ssrc * 77777u, &last) && last == (uint16_t)(ssrc * 3));
    srtp_seal_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stun_round_trip),       cmocka_unit_test(stun_rfc5769),
        cmocka_unit_test(ice_selects_and_moves), cmocka_unit_test(ice_conflict_restart_unknown),
        cmocka_unit_test(ice_bounded_tuples), cmocka_unit_test(ice_takes_who_answers),    cmocka_unit_test(dtls_split_hello_and_loss),
        cmocka_unit_test(dtls_retired), cmocka_unit_test(dtls_refuses_another_certificate), cmocka_unit_test(srtp_rfc3711),
        cmocka_unit_test(srtp_rfc7714), cmocka_unit_test(srtp_against_the_reference), cmocka_unit_test(srtp_opens_as_the_reference),
        cmocka_unit_test(srtp_refuses), cmocka_unit_test(srtcp_replay), cmocka_unit_test(srtp_pieces), cmocka_unit_test(srtp_many_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
