#include "server/base/nonce.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Nonces are no secret, only never the same twice: drawn many at a time, because asking the system costs more than sealing a line of text. What a
 * parent drew, its child does not use. */
static _Thread_local struct {
    uint8_t bytes[64 * AEAD_NONCE_BYTES];
    size_t left;
} nonces;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void drop_nonces(void)
{
    nonces.left = 0;
}

static void begin(void)
{
    if (pthread_atfork(NULL, NULL, drop_nonces))
        abort();
}

void crypto_nonce(uint8_t out[AEAD_NONCE_BYTES])
{
    if (nonces.left == 0) {
        pthread_once(&once, begin);
        crypto_random(nonces.bytes, sizeof nonces.bytes);
        nonces.left = sizeof nonces.bytes;
    }
    nonces.left -= AEAD_NONCE_BYTES;
    memcpy(out, nonces.bytes + nonces.left, AEAD_NONCE_BYTES);
}
