/* gcm_fast - AES-128-GCM for SRTP, where the processor and the machine have it: Intel's ipsec-mb (also good on AMD and Hygon), whose
 * one call per packet costs half to a fifth of OpenSSL's five (docs/decisions/0004). Where it is absent the callers use OpenSSL.
 * A key is constant after gcm_fast_new; any thread may use it.
 */
#ifndef YL_MEDIA_TRANSPORT_GCM_FAST_H
#define YL_MEDIA_TRANSPORT_GCM_FAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gcm_fast;
struct gcm_fast *gcm_fast_new(const uint8_t key[16]); /* NULL: not on this machine, not built in, forbidden, or out of memory */
void gcm_fast_near(const struct gcm_fast *g); /* it is used soon: into the cache */
void gcm_fast_free(struct gcm_fast *g);
/* Encrypts `len` bytes from `in` to `out` (the same place, or apart); the 16 bytes of tag go to `tag`. */
void gcm_fast_seal(const struct gcm_fast *g, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, uint8_t *out, const uint8_t *in, size_t len,
                   uint8_t tag[16]);
/* Decrypts `len` bytes in place; `tag` becomes what their tag must be, for the caller to compare. */
void gcm_fast_open(const struct gcm_fast *g, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, uint8_t *bytes, size_t len, uint8_t tag[16]);
/* For tests: keys made from now on are NULL. */
void gcm_fast_forbid(bool on);
#endif
