/* Published vectors: FIPS 180-4, RFC 4231, RFC 5869 (by its own steps), SP 800-38D, RFC 6238, RFC 4648; and what must be refused. */
#include "server/base/nonce.h"
#include "server/base/hmac.h"
#include <argon2.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const char *hex(const void *data, size_t len)
{
    static char out[256];
    assert_int_equal(hex_encode(data, len, out, sizeof out), 2 * len);
    return out;
}

static const char *sha(const char *text)
{
    uint8_t out[32];
    crypto_sha256(text, strlen(text), out);
    return hex(out, 32);
}

static void sha256_vectors(void **state)
{
    assert_string_equal(sha(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(sha("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    struct sha256_state s;
    uint8_t a[1000], out[32];
    memset(a, 'a', sizeof a);
    sha256_init(&s);
    for (int i = 0; i < 1000; i++) /* a million a's */
        sha256_update(&s, a, 1000);
    sha256_final(&s, out);
    assert_string_equal(hex(out, 32), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

#include "server/base/sha256.c"
static void both_compressions_agree(void **state)
{
    uint8_t data[64 * 9];
    uint32_t x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, y[8];
    memcpy(y, x, sizeof x);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 73 ^ i >> 3);
    compress_plain(x, data, 9);
    compress(y, data, 9); /* the processor's own, where it has it */
    assert_memory_equal(x, y, sizeof x);
}

static void any_split_and_a_saved_state(void **state)
{
    uint8_t data[300], whole[32], parts[32];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    crypto_sha256(data, sizeof data, whole);
    for (size_t cut = 0; cut <= sizeof data; cut++) {
        struct sha256_state s, saved;
        sha256_init(&s);
        sha256_update(&s, data, cut);
        memcpy(&saved, &s, sizeof s); /* as a checkpoint keeps it */
        sha256_update(&saved, data + cut, sizeof data - cut);
        sha256_final(&saved, parts);
        assert_memory_equal(whole, parts, 32);
    }
}

static void hmac_vectors(void **state)
{
    uint8_t out[32], key[131];
    crypto_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, out);
    assert_string_equal(hex(out, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    crypto_hmac_sha256(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, out);
    assert_string_equal(hex(out, 32), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    struct hmac jefe; /* what is prepared once serves as often as wanted */
    hmac_begin(&jefe, "Jefe", 4);
    for (int i = 0; i < 2; i++) {
        hmac_of(&jefe, "what do ya want for nothing?", 28, out);
        assert_string_equal(hex(out, 32), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}

static void derived_keys(void **state)
{
    uint8_t key[32] = {1}, a[80], b[32], prk[32], want[32], salt[32] = {0}, message[] = "label\x01";
    crypto_derive(key, "label", a, sizeof a);
    crypto_derive(key, "label", b, sizeof b);
    assert_memory_equal(a, b, 32);
    crypto_hmac_sha256(salt, 32, key, 32, prk); /* extract, then the first block of expand */
    crypto_hmac_sha256(prk, 32, message, 6, want);
    assert_memory_equal(a, want, 32);
    crypto_derive(key, "other", b, sizeof b);
    assert_memory_not_equal(a, b, 32);
}

static void gcm_vector_and_refusals(void **state)
{
    uint8_t key[32] = {0}, nonce[12] = {0}, plain[16] = {0}, out[32], back[16];
    assert_int_equal(crypto_seal(key, nonce, NULL, 0, plain, 16, out), 0);
    assert_string_equal(hex(out, 32), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
    assert_int_equal(crypto_open(key, nonce, NULL, 0, out, 32, back), 0);
    assert_memory_equal(back, plain, 16);
    assert_int_equal(crypto_open(key, nonce, "a", 1, out, 32, back), ERR_INVALID);
    for (int i = 0; i < 32; i++) {
        out[i] ^= 1;
        assert_int_equal(crypto_open(key, nonce, NULL, 0, out, 32, back), ERR_INVALID);
        out[i] ^= 1;
    }
    assert_int_equal(crypto_open(key, nonce, NULL, 0, out, 15, back), ERR_INVALID);
    assert_int_equal(crypto_seal(key, nonce, "aad", 3, "", 0, out), 0);
    assert_int_equal(crypto_open(key, nonce, "aad", 3, out, 16, back), 0);
}

/* More keys than are kept ready, in two threads, one sealing what the other opens. */
static void *open_all(void *arg)
{
    const uint8_t(*sealed)[48] = arg;
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 40; i++) {
            uint8_t key[32] = {0}, nonce[12] = {0}, back[32];
            key[31] = (uint8_t)i;
            if (crypto_open(key, nonce, "a", 1, sealed[i], 48, back) || back[0] != i)
                return "a value does not open";
            key[0] = 1;
            if (crypto_open(key, nonce, "a", 1, sealed[i], 48, back) != ERR_INVALID || back[0] != 0)
                return "it opens by another key, or something of it is left";
        }
    return NULL;
}

static void many_keys_and_threads(void **state)
{
    static uint8_t sealed[40][48];
    for (int i = 0; i < 40; i++) {
        uint8_t key[32] = {0}, nonce[12] = {0}, plain[32] = {(uint8_t)i};
        key[31] = (uint8_t)i;
        assert_int_equal(crypto_seal(key, nonce, "a", 1, plain, 32, sealed[i]), 0);
    }
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_all, sealed), 0);
    for (int i = 0; i < 2; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_null(open_all(sealed));
}

#define NONCES 1000
static int nonce_order(const void *a, const void *b)
{
    return memcmp(a, b, AEAD_NONCE_BYTES);
}

/* None twice, nor in a child that was forked in between. */
static void nonces_differ(void **state)
{
    static uint8_t all[NONCES][AEAD_NONCE_BYTES];
    int ends[2];
    for (int i = 0; i < NONCES / 2; i++)
        crypto_nonce(all[i]);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uint8_t one[AEAD_NONCE_BYTES];
        crypto_nonce(one);
        _exit(write(ends[1], one, sizeof one) != sizeof one);
    }
    for (int i = NONCES / 2; i < NONCES - 1; i++)
        crypto_nonce(all[i]);
    assert_int_equal(read(ends[0], all[NONCES - 1], AEAD_NONCE_BYTES), AEAD_NONCE_BYTES);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    qsort(all, NONCES, sizeof *all, nonce_order);
    for (int i = 1; i < NONCES; i++)
        assert_memory_not_equal(all[i - 1], all[i], AEAD_NONCE_BYTES);
}

static void passwords(void **state)
{
    char a[128], b[128];
    assert_int_equal(crypto_password_hash("会诊 Passw0rd", a), 0);
    assert_int_equal(crypto_password_hash("会诊 Passw0rd", b), 0);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, "$argon2id$", 10);
    assert_int_equal(crypto_password_verify(a, "会诊 Passw0rd"), 1);
    assert_int_equal(crypto_password_verify(a, "会诊 Passw0re"), 0);
    assert_int_equal(crypto_password_verify(a, ""), 0);
    assert_int_equal(crypto_password_verify("nonsense", "x"), 0);
    assert_int_equal(crypto_password_verify("$argon2id$v=19$m=64,t=2,p=1$YWJj*$YWJj", "x"), 0);
    /* The reference implementation reads ours and writes what we read, with other costs too. */
    assert_int_equal(argon2id_verify(a, "会诊 Passw0rd", strlen("会诊 Passw0rd")), ARGON2_OK);
    assert_int_equal(argon2id_hash_encoded(3, 256, 2, "x", 1, "saltsaltsalt", 12, 20, b, sizeof b), ARGON2_OK);
    assert_int_equal(crypto_password_verify(b, "x"), 1);
    assert_int_equal(crypto_password_verify(b, "y"), 0);
    assert_int_equal(crypto_password_verify("", "x"), 0);
    assert_int_equal(crypto_password_verify(NULL, "x"), 0);
}

static void totp_of_the_standard(void **state)
{
    const uint8_t *secret = (const uint8_t *)"12345678901234567890";
    assert_int_equal(crypto_totp_verify(secret, 20, "287082", 59000), 1);
    assert_int_equal(crypto_totp_verify(secret, 20, "081804", 1111111109000), 37037036);
    assert_int_equal(crypto_totp_verify(secret, 20, "287082", 59000 + 30000), 1); /* one step late */
    assert_int_equal(crypto_totp_verify(secret, 20, "287082", 59000 + 60000), -1);
    assert_int_equal(crypto_totp_verify(secret, 20, "28708", 59000), -1);
    assert_int_equal(crypto_totp_verify(secret, 20, "", 59000), -1);
    assert_int_equal(crypto_totp_verify(secret, 20, NULL, 59000), -1);
}

static void text_forms(void **state)
{
    char out[64];
    uint8_t back[64];
    static const char *const b64[] = {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"};
    static const char *const b32[] = {"", "MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"};
    for (size_t n = 0; n <= 6; n++) {
        assert_int_equal(base64url_encode("foobar", n, out, sizeof out), strlen(b64[n]));
        assert_string_equal(out, b64[n]);
        assert_int_equal(base64url_decode(b64[n], back, sizeof back), n);
        assert_memory_equal(back, "foobar", n);
        assert_int_equal(base32_encode("foobar", n, out, sizeof out), strlen(b32[n]));
        assert_string_equal(out, b32[n]);
    }
    static const char *const padded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t n = 0; n <= 6; n++) {
        memset(out, 'x', sizeof out - 1);
        base64_encode("foobar", n, out, sizeof out); /* nothing is a text, too */
        assert_string_equal(out, padded[n]);
    }
    assert_int_equal(base64_decode("Zm9v\r\nYmE=", 10, back, sizeof back), 5);
    assert_memory_equal(back, "fooba", 5);
    assert_int_equal(base64_decode("+/+/", 4, back, sizeof back), 3);
    assert_memory_equal(back, "\xfb\xff\xbf", 3);
    assert_int_equal(base64_decode("Zm9v", 4, back, 2), ERR_TOO_LARGE);
    assert_int_equal(base64_decode("Zg==Zg==", 8, back, sizeof back), ERR_INVALID);
    assert_int_equal(base64_decode("Zm9-", 4, back, sizeof back), ERR_INVALID);
    assert_int_equal(base64url_decode("Zm9vYmF", back, sizeof back), ERR_INVALID); /* stray bits */
    assert_int_equal(base64url_decode("Z", back, sizeof back), ERR_INVALID);
    assert_int_equal(base64url_decode("Zm9+", back, sizeof back), ERR_INVALID);
    assert_int_equal(base64url_decode("Zm9v", back, 2), ERR_TOO_LARGE);
    assert_int_equal(base64url_encode("foobar", 6, out, 8), ERR_TOO_LARGE);
    assert_int_equal(hex_decode("00fF", back, sizeof back), 2);
    assert_int_equal(back[1], 255);
    assert_int_equal(hex_decode("0", back, sizeof back), ERR_INVALID);
    assert_int_equal(hex_decode("0g", back, sizeof back), ERR_INVALID);
    assert_int_equal(hex_decode("0000", back, 1), ERR_TOO_LARGE);
    assert_int_equal(hex_encode("ab", 2, out, 4), ERR_TOO_LARGE);
    assert_true(crypto_equal("ab", "ab", 2) && !crypto_equal("ab", "ac", 2) && crypto_equal("a", "b", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),  cmocka_unit_test(both_compressions_agree), cmocka_unit_test(any_split_and_a_saved_state),
        cmocka_unit_test(hmac_vectors),    cmocka_unit_test(derived_keys),            cmocka_unit_test(gcm_vector_and_refusals),
        cmocka_unit_test(many_keys_and_threads), cmocka_unit_test(nonces_differ),
        cmocka_unit_test(passwords),       cmocka_unit_test(totp_of_the_standard),    cmocka_unit_test(text_forms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
