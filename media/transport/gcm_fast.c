#include "media/transport/gcm_fast.h"

#ifdef YL_IPSEC_MB
#include <intel-ipsec-mb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct gcm_fast {
    struct gcm_key_data key; /* asks for 64-byte alignment */
};

#define USED_BYTES 512 /* of the key, for packets as short as ours */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static IMB_MGR *library; /* only its table of functions is used: calls of one packet keep nothing in it */
static bool forbidden;

static void load(void)
{
    IMB_MGR *m = alloc_mb_mgr(0);
    if (!m) return;
    init_mb_mgr_auto(m, NULL);
    if (m->features & IMB_FEATURE_AESNI && m->features & IMB_FEATURE_PCLMULQDQ && imb_get_errno(m) == 0) library = m;
    else free_mb_mgr(m); /* it would emulate them */
}

struct gcm_fast *gcm_fast_new(const uint8_t key[16])
{
    struct gcm_fast *g;
    pthread_once(&once, load);
    if (!library || forbidden || !(g = aligned_alloc(64, (sizeof *g + 63) / 64 * 64))) return NULL;
    IMB_AES128_GCM_PRE(library, key, &g->key);
    return g;
}

void gcm_fast_near(const struct gcm_fast *g)
{
    for (size_t i = 0; i < USED_BYTES; i += 64)
        __builtin_prefetch((const uint8_t *)&g->key + i);
}

void gcm_fast_free(struct gcm_fast *g)
{
    if (g) explicit_bzero(g, sizeof *g);
    free(g);
}

void gcm_fast_seal(const struct gcm_fast *g, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, uint8_t *out, const uint8_t *in, size_t len,
                   uint8_t tag[16])
{
    struct gcm_context_data c;
    IMB_AES128_GCM_ENC(library, &g->key, &c, out, in, len, iv, aad, aad_len, tag, 16);
}

void gcm_fast_open(const struct gcm_fast *g, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, uint8_t *bytes, size_t len, uint8_t tag[16])
{
    struct gcm_context_data c;
    IMB_AES128_GCM_DEC(library, &g->key, &c, bytes, bytes, len, iv, aad, aad_len, tag, 16);
}

void gcm_fast_forbid(bool on)
{
    forbidden = on;
}
#else
struct gcm_fast *gcm_fast_new(const uint8_t key[16])
{
    return NULL;
}
void gcm_fast_near(const struct gcm_fast *g) {}
void gcm_fast_free(struct gcm_fast *g) {}
void gcm_fast_seal(const struct gcm_fast *g, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, uint8_t *out, const uint8_t *in, size_t len,
                   uint8_t tag[16])
{
}
void gcm_fast_open(const struct gcm_fast *g, const uint8_t iv[12], const uint8_t *aad, size_t aad_len, uint8_t *bytes, size_t len, uint8_t tag[16])
{
}
void gcm_fast_forbid(bool on) {}
#endif
