#include "media/transport/srtp_reports.h"
#include "media/rtp/bytes.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define ORIGINS_MAX 256

struct origin {
    uint32_t ssrc, highest;
    uint64_t seen; /* bit n: highest - n came */
};

struct srtp_reports {
    enum dtls_profile profile;
    struct srtp_half half;
    size_t n, cap;
    struct origin *origins;
};

int srtp_reports_new(struct srtp_reports **out, enum dtls_profile profile, const struct srtp_session_keys *control)
{
    struct srtp_reports *r = calloc(1, sizeof *r);
    if (!r) return ERR_INTERNAL;
    r->profile = profile;
    if (srtp_half_init(&r->half, profile, control, true)) {
        free(r);
        return ERR_INTERNAL;
    }
    *out = r;
    return 0;
}

void srtp_reports_free(struct srtp_reports *r)
{
    if (!r) return;
    srtp_half_fini(&r->half);
    free(r->origins);
    free(r);
}

/* ---- replay (RFC 3711 3.3.2) ---- */
static struct origin *origin_of(struct srtp_reports *r, uint32_t ssrc)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->origins[i].ssrc == ssrc) return &r->origins[i];
    return NULL;
}

static bool replayed(const struct origin *o, uint32_t index)
{
    if (!o || index > o->highest) return false;
    return o->highest - index >= 64 || o->seen >> (o->highest - index) & 1;
}

static int note(struct srtp_reports *r, struct origin *o, uint32_t ssrc, uint32_t index)
{
    if (!o && r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 2;
        struct origin *more = cap <= ORIGINS_MAX ? realloc(r->origins, cap * sizeof *more) : NULL;
        if (!more) return ERR_INVALID;
        r->origins = more;
        r->cap = cap;
    }
    if (!o) {
        r->origins[r->n++] = (struct origin){ssrc, index, 1};
    } else if (index > o->highest) {
        o->seen = index - o->highest < 64 ? o->seen << (index - o->highest) | 1 : 1;
        o->highest = index;
    } else {
        o->seen |= 1ull << (o->highest - index);
    }
    return 0;
}

/* ---- packets: the body becomes plain, its length is returned; 0 = not authentic ---- */
static size_t open_gcm(struct srtp_half *h, uint8_t *packet, size_t len, const uint8_t index[6], const uint8_t *e_index)
{
    size_t body = len - 8 - SRTP_GCM_TAG - 4;
    uint8_t aad[12];
    struct srtp_gcm g = {packet + 4, index, aad, sizeof aad};
    memcpy(aad, packet, 8);
    memcpy(aad + 8, e_index, 4);
    return srtp_gcm_open(h, &g, packet + 8, body) ? 8 + body : 0;
}

static size_t open_cm80(struct srtp_half *h, uint8_t *packet, size_t len, const uint8_t index[6], const uint8_t *e_index)
{
    uint8_t tag[SRTP_CM80_TAG];
    size_t body = len - 8 - 4 - SRTP_CM80_TAG;
    int n;
    srtp_half_hmac(h, packet, 8 + body, e_index, tag);
    if (CRYPTO_memcmp(tag, e_index + 4, sizeof tag) != 0 || !srtp_cm_begin(h, packet + 4, index)) return 0;
    return !body || EVP_DecryptUpdate(h->cipher, packet + 8, &n, packet + 8, (int)body) ? 8 + body : 0;
}

int srtp_reports_open(struct srtp_reports *r, uint8_t *packet, size_t *len)
{
    bool gcm = r->profile == DTLS_PROFILE_GCM128;
    if (*len < 8 + 4 + (size_t)(gcm ? SRTP_GCM_TAG : SRTP_CM80_TAG)) return ERR_INVALID;
    const uint8_t *e_index = packet + *len - 4 - (gcm ? 0 : SRTP_CM80_TAG);
    uint32_t ssrc = get_u32(packet + 4), number = get_u32(e_index) & 0x7fffffff;
    struct origin *o = origin_of(r, ssrc);
    if (!(e_index[0] & 0x80) || replayed(o, number)) return ERR_INVALID;
    uint8_t index[6] = {0};
    put_u32(index + 2, number);
    size_t n = gcm ? open_gcm(&r->half, packet, *len, index, e_index) : open_cm80(&r->half, packet, *len, index, e_index);
    if (!n || note(r, o, ssrc, number)) return ERR_INVALID;
    *len = n;
    return 0;
}
