#define OPENSSL_API_COMPAT 0x10100000L /* SHA_CTX: copying the keyed state is what makes the HMAC cheap; EVP_MD_CTX allocates */
#include "media/transport/srtp_half.h"
#include "media/transport/gcm_fast.h"
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm, *ctr; /* fetched once: OpenSSL 3 looks a cipher up by name otherwise */
static void fetch(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
}

/* RFC 3711 4.3.1: the keystream of the master key at (label * 2^48 xor salt) * 2^16. */
static bool derive(EVP_CIPHER_CTX *c, const uint8_t *salt, uint8_t label, uint8_t *out, int n)
{
    static const uint8_t zeros[32];
    uint8_t iv[16] = {0};
    int done;
    memcpy(iv, salt, 14);
    iv[7] ^= label;
    return EVP_EncryptInit_ex2(c, NULL, NULL, iv, NULL) && EVP_EncryptUpdate(c, out, &done, zeros, n);
}

int srtp_derive(enum dtls_profile profile, const uint8_t *master, enum srtp_use use, struct srtp_session_keys *out)
{
    pthread_once(&once, fetch);
    uint8_t salt[14] = {0}; /* RFC 7714 11: the 96-bit salt is multiplied by 2^16 */
    memcpy(salt, master + DTLS_SRTP_KEY, dtls_salt_bytes(profile));
    uint8_t label = use == SRTP_CONTROL ? 3 : 0; /* RFC 3711 4.3.2 */
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && ctr && EVP_EncryptInit_ex2(c, ctr, master, NULL, NULL) && derive(c, salt, label, out->key, sizeof out->key) &&
              derive(c, salt, label + 1, out->auth, sizeof out->auth) && derive(c, salt, label + 2, out->salt, sizeof out->salt);
    EVP_CIPHER_CTX_free(c);
    explicit_bzero(salt, sizeof salt);
    return ok ? 0 : ERR_INTERNAL;
}

static void hmac_prepare(struct srtp_half *h, const uint8_t key[20])
{
    uint8_t block[64];
    for (int pass = 0; pass < 2; pass++) {
        SHA_CTX *state = pass ? &h->outer : &h->inner;
        memset(block, pass ? 0x5c : 0x36, sizeof block);
        for (int i = 0; i < 20; i++)
            block[i] ^= key[i];
        SHA1_Init(state);
        SHA1_Update(state, block, sizeof block);
    }
    explicit_bzero(block, sizeof block);
}

int srtp_half_init(struct srtp_half *h, enum dtls_profile profile, const struct srtp_session_keys *keys, bool open)
{
    pthread_once(&once, fetch);
    const EVP_CIPHER *cipher = profile == DTLS_PROFILE_GCM128 ? gcm : ctr;
    memset(h, 0, sizeof *h);
    memcpy(h->salt, keys->salt, sizeof h->salt);
    if (profile == DTLS_PROFILE_CM80) hmac_prepare(h, keys->auth);
    else if ((h->fast = gcm_fast_new(keys->key))) return 0;
    h->cipher = EVP_CIPHER_CTX_new();
    if (cipher && h->cipher && EVP_CipherInit_ex2(h->cipher, cipher, keys->key, NULL, !open, NULL)) return 0;
    srtp_half_fini(h);
    return ERR_INTERNAL;
}

void srtp_half_fini(struct srtp_half *h)
{
    gcm_fast_free(h->fast);
    EVP_CIPHER_CTX_free(h->cipher);
    explicit_bzero(h, sizeof *h);
}

void srtp_half_near(const struct srtp_half *h)
{
    if (h->fast) gcm_fast_near(h->fast);
}

static void gcm_iv(const uint8_t salt[12], const uint8_t ssrc[4], const uint8_t index[6], uint8_t iv[12])
{
    iv[0] = salt[0];
    iv[1] = salt[1];
    for (size_t i = 0; i < 4; i++)
        iv[2 + i] = ssrc[i] ^ salt[2 + i];
    for (size_t i = 0; i < 6; i++)
        iv[6 + i] = index[i] ^ salt[6 + i];
}

bool srtp_gcm_seal(struct srtp_half *h, const struct srtp_gcm *g, uint8_t *out, const uint8_t *in, size_t len)
{
    uint8_t iv[12];
    int n;
    gcm_iv(h->salt, g->ssrc, g->index, iv);
    if (h->fast) {
        gcm_fast_seal(h->fast, iv, g->aad, g->aad_len, out, in, len, out + len);
        return true;
    }
    return EVP_CipherInit_ex2(h->cipher, NULL, NULL, iv, -1, NULL) && EVP_EncryptUpdate(h->cipher, NULL, &n, g->aad, (int)g->aad_len) &&
           (!len || EVP_EncryptUpdate(h->cipher, out, &n, in, (int)len)) && EVP_EncryptFinal_ex(h->cipher, out + len, &n) &&
           EVP_CIPHER_CTX_ctrl(h->cipher, EVP_CTRL_AEAD_GET_TAG, SRTP_GCM_TAG, out + len);
}

bool srtp_gcm_open(struct srtp_half *h, const struct srtp_gcm *g, uint8_t *bytes, size_t len)
{
    uint8_t iv[12], tag[SRTP_GCM_TAG];
    int n;
    gcm_iv(h->salt, g->ssrc, g->index, iv);
    if (h->fast) {
        gcm_fast_open(h->fast, iv, g->aad, g->aad_len, bytes, len, tag);
        return CRYPTO_memcmp(tag, bytes + len, sizeof tag) == 0;
    }
    memcpy(tag, bytes + len, sizeof tag);
    return EVP_CipherInit_ex2(h->cipher, NULL, NULL, iv, -1, NULL) && EVP_CIPHER_CTX_ctrl(h->cipher, EVP_CTRL_AEAD_SET_TAG, SRTP_GCM_TAG, tag) &&
           EVP_DecryptUpdate(h->cipher, NULL, &n, g->aad, (int)g->aad_len) && (!len || EVP_DecryptUpdate(h->cipher, bytes, &n, bytes, (int)len)) &&
           EVP_DecryptFinal_ex(h->cipher, bytes + len, &n) == 1;
}

bool srtp_cm_begin(struct srtp_half *h, const uint8_t ssrc[4], const uint8_t index[6])
{
    uint8_t iv[16] = {0};
    memcpy(iv, h->salt, 14);
    for (size_t i = 0; i < 4; i++)
        iv[4 + i] ^= ssrc[i];
    for (size_t i = 0; i < 6; i++)
        iv[8 + i] ^= index[i];
    return EVP_CipherInit_ex2(h->cipher, NULL, NULL, iv, -1, NULL);
}

void srtp_half_hmac(const struct srtp_half *h, const uint8_t *packet, size_t len, const uint8_t suffix[4], uint8_t tag[SRTP_CM80_TAG])
{
    uint8_t hash[SHA_DIGEST_LENGTH];
    SHA_CTX state = h->inner;
    SHA1_Update(&state, packet, len);
    SHA1_Update(&state, suffix, 4);
    SHA1_Final(hash, &state);
    state = h->outer;
    SHA1_Update(&state, hash, sizeof hash);
    SHA1_Final(hash, &state);
    memcpy(tag, hash, SRTP_CM80_TAG);
}
