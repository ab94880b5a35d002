/* Credentials for the TURN relay. */
#include "server/session/relay.h"
#include "server/base/crypto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define SECRET "north-hospital-relay-secret"

static struct relay relay;
static struct fault f;

static int open_with(const char *urls, const char *secret)
{
    fault_clear(&f);
    return relay_open(&relay, urls, secret, 12 * 3600 * 1000, &f);
}

static void rfc2202_vectors(void **state)
{
    uint8_t key[20], mac[SHA1_BYTES];
    char text[32];
    (void)state;
    memset(key, 0x0b, sizeof key);
    crypto_hmac_sha1(key, sizeof key, "Hi There", 8, mac);
    assert_memory_equal(mac, "\xb6\x17\x31\x86\x55\x05\x72\x64\xe2\x8b\xc0\xb6\xfb\x37\x8c\x8e\xf1\x46\xbe\x00", 20);
    crypto_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, mac);
    base64_encode(mac, sizeof mac, text, sizeof text);
    assert_string_equal(text, "7/zfauXrL6LSdBbV8YTfnCWafHk=");
}

static void a_credential_says_until_when_and_is_bound_to_it(void **state)
{
    struct relay_credential a, b;
    (void)state;
    assert_int_equal(open_with("turns:r.example:5349?transport=tcp, turn:r.example:3478", SECRET), 0);
    assert_int_equal(relay.n, 2);
    assert_string_equal(relay.urls[1], "turn:r.example:3478");
    relay_credential(&relay, "0cb0948124400002", 1795500000000, &a);
    relay_credential(&relay, "0cb0948124400002", 1795500001000, &b);
    assert_string_equal(a.name, "1795543200:0cb0948124400002");
    assert_int_equal(strlen(a.password), 28);
    assert_string_not_equal(a.password, b.password);
    assert_int_equal(open_with("turn:r.example", "another secret of the relay"), 0);
    relay_credential(&relay, "0cb0948124400002", 1795500000000, &b);
    assert_string_equal(a.name, b.name);
    assert_string_not_equal(a.password, b.password);
}

static void mistakes_name_the_option(void **state)
{
    static const char *const bad[][3] = {{"http://x", SECRET, "relay.urls"}, {"turn:", SECRET, "relay.urls"}, {"turn://x", SECRET, "relay.urls"},
                                         {"turn:a\"b", SECRET, "relay.urls"}, {"turn:a,turn:b,turn:c,turn:d,turn:e", SECRET, "relay.urls"},
                                         {"turn:a", "short", "relay.secret"}, {"turn:a", "", "relay.secret"}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_not_equal(open_with(bad[i][0], bad[i][1]), 0);
        assert_string_equal(f.fields[0].path, bad[i][2]);
    }
    assert_int_equal(open_with("", ""), 0);
    assert_int_equal(relay.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rfc2202_vectors), cmocka_unit_test(a_credential_says_until_when_and_is_bound_to_it),
                                       cmocka_unit_test(mistakes_name_the_option)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
