/* The budget of wrong tickets, and the fragments WHIP clients patch. */
#include "server/sdp/sdp_frag.h"
#include "server/session/guard.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define T0 1795500000000

static struct fault f;

static bool allowed(struct guard *g, const char *address, int64_t now)
{
    fault_clear(&f);
    return guard_check(g, address, now, &f) == 0;
}

static void a_budget_is_used_up_and_refills(void **state)
{
    struct guard *g;
    assert_int_equal(guard_new(&g), 0);
    for (int i = 0; i < GUARD_BURST; i++) {
        assert_true(allowed(g, "192.0.2.1", T0));
        guard_wrong(g, "192.0.2.1", T0);
    }
    assert_false(allowed(g, "192.0.2.1", T0));
    assert_true(f.code == ERR_RATE && strcmp(f.reason, "too_many_wrong") == 0);
    assert_true(allowed(g, "192.0.2.2", T0)); /* nobody else is touched */
    assert_false(allowed(g, "192.0.2.1", T0 + GUARD_REFILL_MS - 1));
    assert_true(allowed(g, "192.0.2.1", T0 + GUARD_REFILL_MS));
    guard_wrong(g, "192.0.2.1", T0 + GUARD_REFILL_MS);
    assert_false(allowed(g, "192.0.2.1", T0 + GUARD_REFILL_MS));
    int64_t later = T0 + (GUARD_BURST + 5) * GUARD_REFILL_MS; /* whole again, and not more than that */
    for (int i = 0; i < GUARD_BURST; i++) {
        assert_true(allowed(g, "192.0.2.1", later));
        guard_wrong(g, "192.0.2.1", later);
    }
    assert_false(allowed(g, "192.0.2.1", later));
    guard_free(g);
}

static void a_network_of_ipv6_is_one(void **state)
{
    struct guard *g;
    char address[60];
    assert_int_equal(guard_new(&g), 0);
    for (int i = 0; i < GUARD_BURST; i++) {
        snprintf(address, sizeof address, "2001:db8:1:2:%x::%x", i, i * 7 + 1);
        guard_wrong(g, address, T0);
    }
    assert_false(allowed(g, "2001:db8:1:2::99", T0));
    assert_true(allowed(g, "2001:db8:1:3::99", T0));
    assert_int_equal(guard_size(g), 1);
    guard_free(g);
}

static void memory_is_bounded(void **state)
{
    struct guard *g;
    char address[40];
    assert_int_equal(guard_new(&g), 0);
    for (int n = 0; n < GUARD_BURST; n++)
        guard_wrong(g, "192.0.2.1", T0); /* the worst of them is remembered */
    for (int i = 0; i < GUARD_ADDRESSES * 2; i++) {
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        guard_wrong(g, address, T0 + 1);
    }
    assert_int_equal(guard_size(g), GUARD_ADDRESSES);
    assert_false(allowed(g, "192.0.2.1", T0 + 1));
    guard_wrong(g, "10.9.9.9", T0 + 10 * GUARD_REFILL_MS); /* who is forgiven makes room */
    assert_int_equal(guard_size(g), 2);
    guard_free(g);
}

/* ---- fragments ---- */

static const char *wrong(const char *text)
{
    static char out[200];
    struct sdp_frag frag;
    fault_clear(&f);
    if (sdp_frag_parse(&frag, text, strlen(text), &f) == 0) return "";
    snprintf(out, sizeof out, "%s %s", f.fields[0].path, f.fields[0].reason);
    return out;
}

static void a_fragment_is_read(void **state)
{
    static const char text[] = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:EsAw\r\n"
                               "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=candidate:2 1 udp 1 192.0.2.2 9 typ host\na=end-of-candidates\r\n";
    struct sdp_frag frag;
    assert_int_equal(sdp_frag_parse(&frag, text, strlen(text), &f), 0);
    assert_string_equal(frag.ufrag, "EsAw");
    assert_string_equal(frag.password, "P2uYro0UCOQ4zxjKXaWCBui1");
    assert_string_equal(frag.media, "audio 9 UDP/TLS/RTP/SAVPF 111");
    assert_string_equal(frag.mid, "0");
    assert_true(frag.n_candidates == 2 && frag.end_of_candidates);
    struct media_candidate c = {"192.0.2.9", 8444, 77};
    char *ours = sdp_frag_write(&frag, "ours1234", "secretsecretsecretsecret", &c, 1);
    assert_string_equal(ours, "a=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:ours1234\r\na=ice-pwd:secretsecretsecretsecret\r\n"
                              "a=candidate:1 1 udp 77 192.0.2.9 8444 typ host\r\na=end-of-candidates\r\n");
    free(ours);
}

static void what_is_wrong_with_a_fragment_is_named(void **state)
{
#define UFRAG "a=ice-ufrag:EsAw\r\n"
#define PASSWORD "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
    assert_string_equal(wrong(UFRAG PASSWORD), "");
    assert_string_equal(wrong(""), "sdpfrag no_ice_credentials");
    assert_string_equal(wrong(UFRAG), "sdpfrag no_ice_credentials");
    assert_string_equal(wrong("x=a=ice-ufrag:EsAw\r\n" PASSWORD), "sdpfrag no_ice_credentials"); /* not at the start of a line */
    assert_string_equal(wrong("a=ice-ufrag:abc\r\n" PASSWORD), "sdpfrag:1 length");
    assert_string_equal(wrong(UFRAG "a=ice-pwd:short\r\n"), "sdpfrag:2 length");
    assert_string_equal(wrong(UFRAG "a=ice-pwd:P2uYro0UCOQ4zxjKXaWC ui1\r\n"), "sdpfrag:2 characters");
    assert_string_equal(wrong(UFRAG PASSWORD "a=ice-ufrag:Other\r\n"), "sdpfrag:3 another_session");
    assert_string_equal(wrong(UFRAG "nonsense\r\n"), "sdpfrag:2 not_a_line");
    assert_string_equal(wrong(UFRAG "a=mid:\001\r\n"), "sdpfrag:2 control_character");
    char *big = malloc(SDP_FRAG_MAX + 2);
    memset(big, '\n', SDP_FRAG_MAX + 1);
    big[SDP_FRAG_MAX + 1] = 0;
    assert_string_equal(wrong(big), "sdpfrag too_long:65536");
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_budget_is_used_up_and_refills), cmocka_unit_test(a_network_of_ipv6_is_one),
                                       cmocka_unit_test(memory_is_bounded), cmocka_unit_test(a_fragment_is_read),
                                       cmocka_unit_test(what_is_wrong_with_a_fragment_is_named)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
