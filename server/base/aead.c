/* AES-256-GCM. OpenSSL's takes a sixth of mbedtls' time for a page of text, and half for a line, when a key's schedule is kept: so each thread keeps
 * those of the keys it used last. */
#include "server/base/crypto.h"
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 16

struct kept {
    uint8_t key[AEAD_KEY_BYTES];
    EVP_CIPHER_CTX *cipher; /* NULL: free */
};
struct keys { /* of one thread */
    struct kept list[KEYS];
    unsigned oldest;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t keys_of_thread;

/* ---- keys ---- */

static void keys_free(void *arg)
{
    struct keys *k = arg;
    for (int i = 0; i < KEYS; i++)
        EVP_CIPHER_CTX_free(k->list[i].cipher); /* wipes the schedule */
    explicit_bzero(k, sizeof *k);
    free(k);
}

static void begin(void)
{
    if (pthread_key_create(&keys_of_thread, keys_free))
        abort();
}

static struct keys *keys(void)
{
    pthread_once(&once, begin);
    struct keys *k = pthread_getspecific(keys_of_thread);
    if (!k && (k = calloc(1, sizeof *k)) && pthread_setspecific(keys_of_thread, k)) {
        free(k);
        k = NULL;
    }
    return k;
}

static EVP_CIPHER_CTX *cipher_of(const uint8_t key[AEAD_KEY_BYTES])
{
    struct keys *k = keys();
    for (int i = 0; k && i < KEYS && k->list[i].cipher; i++)
        if (memcmp(k->list[i].key, key, AEAD_KEY_BYTES) == 0)
            return k->list[i].cipher;
    struct kept *place = k ? &k->list[k->oldest++ % KEYS] : NULL;
    if (!place || (!place->cipher && !(place->cipher = EVP_CIPHER_CTX_new())))
        return NULL;
    memcpy(place->key, key, AEAD_KEY_BYTES);
    if (EVP_EncryptInit_ex(place->cipher, EVP_aes_256_gcm(), NULL, key, NULL) == 1)
        return place->cipher;
    explicit_bzero(place->key, AEAD_KEY_BYTES); /* nobody's key */
    return NULL;
}

/* ---- sealing ---- */

static bool run(EVP_CIPHER_CTX *c, const uint8_t *nonce, bool seal, const void *aad, size_t aad_len, const void *in, size_t len, uint8_t *out)
{
    int n;
    return aad_len <= INT32_MAX && len <= INT32_MAX && EVP_CipherInit_ex(c, NULL, NULL, NULL, nonce, seal) == 1 && (!aad_len || EVP_CipherUpdate(c, NULL, &n, aad, (int)aad_len) == 1) &&
           (!len || EVP_CipherUpdate(c, out, &n, in, (int)len) == 1);
}

int crypto_seal(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len, const void *plain, size_t len,
                uint8_t *out)
{
    EVP_CIPHER_CTX *c = cipher_of(key);
    uint8_t none[AEAD_TAG_BYTES];
    int n;
    bool good = c && run(c, nonce, true, aad, aad_len, plain, len, out) && EVP_EncryptFinal_ex(c, none, &n) == 1 && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, out + len) == 1;
    return good ? 0 : ERR_INTERNAL;
}

/* What does not open leaves nothing readable behind. */
int crypto_open(const uint8_t key[32], const uint8_t nonce[12], const void *aad, size_t aad_len, const void *sealed, size_t len,
                uint8_t *out)
{
    EVP_CIPHER_CTX *c = len < AEAD_TAG_BYTES ? NULL : cipher_of(key);
    uint8_t tag[AEAD_TAG_BYTES], none[AEAD_TAG_BYTES];
    int n;
    if (!c)
        return ERR_INVALID;
    size_t plain = len - AEAD_TAG_BYTES;
    memcpy(tag, (const uint8_t *)sealed + plain, sizeof tag);
    bool good = run(c, nonce, false, aad, aad_len, sealed, plain, out) && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_BYTES, tag) == 1 && EVP_DecryptFinal_ex(c, none, &n) == 1;
    if (!good)
        explicit_bzero(out, plain);
    return good ? 0 : ERR_INVALID;
}
