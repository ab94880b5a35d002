/* nonce - a nonce for crypto_seal: random, so that no key sees one twice (server/base/crypto.h). Any thread. */
#ifndef YL_SERVER_BASE_NONCE_H
#define YL_SERVER_BASE_NONCE_H

#include "server/base/crypto.h"

void crypto_nonce(uint8_t out[AEAD_NONCE_BYTES]); /* aborts when the system has no randomness */
#endif
