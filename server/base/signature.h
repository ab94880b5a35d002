/* signature - checks signatures made by others with their own keys (JSON Web Signature, RFC 7515 and 7518). Any thread.
 *
 * Keys come as RFC 7517 writes them, decoded: big-endian numbers. Nothing is secret here.
 */
#ifndef YL_SERVER_BASE_SIGNATURE_H
#define YL_SERVER_BASE_SIGNATURE_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct signature_part {
    const uint8_t *p;
    size_t n;
};

/* RSASSA-PKCS1-v1_5 with SHA-256 or SHA-384 (`bits`); modulus 2048 to 8192 bits. */
bool signature_rsa(int bits, struct signature_part n, struct signature_part e, struct signature_part data, struct signature_part signature);
/* ECDSA on P-256 with SHA-256 or P-384 with SHA-384 (`bits`); the signature is R || S. */
bool signature_ecdsa(int bits, struct signature_part x, struct signature_part y, struct signature_part data, struct signature_part signature);
#endif
