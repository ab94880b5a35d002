#include "media/transport/srtp_seal.h"
#include "media/rtp/bytes.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct stream {
    uint32_t ssrc, roc;
    uint16_t highest;
    bool used;
};

#define STREAMS_FEW 8

struct srtp_seal { /* what a packet needs comes first */
    enum dtls_profile profile;
    size_t slots, used;         /* slots: a power of two */
    struct stream *streams;     /* `few`, while these do */
    struct stream few[STREAMS_FEW];
    struct srtp_half halves[2]; /* by enum srtp_use */
    uint32_t control_index;     /* of SRTCP, one for all SSRCs: each sees it grow */
};
_Static_assert(offsetof(struct srtp_seal, halves) + offsetof(struct srtp_half, inner) <= SRTP_SEAL_HEAD, "the head holds what a packet needs");

int srtp_seal_new(struct srtp_seal **out, enum dtls_profile profile, const struct srtp_session_keys keys[2])
{
    struct srtp_seal *s = calloc(1, sizeof *s);
    if (!s) return ERR_INTERNAL;
    s->profile = profile;
    s->slots = STREAMS_FEW;
    s->streams = s->few;
    if (srtp_half_init(&s->halves[SRTP_MEDIA], profile, &keys[SRTP_MEDIA], false) ||
        srtp_half_init(&s->halves[SRTP_CONTROL], profile, &keys[SRTP_CONTROL], false)) {
        srtp_seal_free(s);
        return ERR_INTERNAL;
    }
    *out = s;
    return 0;
}

void srtp_seal_free(struct srtp_seal *s)
{
    if (!s) return;
    srtp_half_fini(&s->halves[SRTP_MEDIA]);
    srtp_half_fini(&s->halves[SRTP_CONTROL]);
    if (s->streams != s->few) free(s->streams);
    explicit_bzero(s, sizeof *s);
    free(s);
}

size_t srtp_seal_tag(const struct srtp_seal *s)
{
    return s->profile == DTLS_PROFILE_GCM128 ? SRTP_GCM_TAG : SRTP_CM80_TAG;
}

/* ---- streams ---- */
static struct stream *find(const struct srtp_seal *s, uint32_t ssrc) /* its slot, or the free one where it belongs */
{
    size_t i = (ssrc * 2654435761u >> 7) & (s->slots - 1);
    while (s->streams[i].used && s->streams[i].ssrc != ssrc)
        i = (i + 1) & (s->slots - 1);
    return &s->streams[i];
}

static bool grow(struct srtp_seal *s)
{
    struct srtp_seal bigger = {.slots = s->slots * 2};
    bigger.streams = calloc(bigger.slots, sizeof *bigger.streams);
    if (!bigger.streams) return false;
    for (size_t i = 0; i < s->slots; i++)
        if (s->streams[i].used) *find(&bigger, s->streams[i].ssrc) = s->streams[i];
    if (s->streams != s->few) free(s->streams);
    s->streams = bigger.streams;
    s->slots = bigger.slots;
    return true;
}

static struct stream *stream_of(struct srtp_seal *s, uint32_t ssrc, uint16_t seq)
{
    struct stream *t = find(s, ssrc);
    if (t->used) return t;
    if (s->used * 2 >= s->slots) {
        if (!grow(s)) return NULL;
        t = find(s, ssrc);
    }
    s->used++;
    *t = (struct stream){ssrc, 0, seq, true};
    return t;
}

/* RFC 3711 3.3.1: the rollover counter that belongs to this number; a number ahead of all others moves the stream. */
static uint32_t rollover(struct stream *t, uint16_t seq)
{
    int16_t ahead = seq_diff(seq, t->highest);
    if (ahead <= 0) return seq > t->highest && t->roc ? t->roc - 1 : t->roc; /* sent again, from before the wrap perhaps */
    if (seq < t->highest) t->roc++;
    t->highest = seq;
    return t->roc;
}

bool srtp_seal_last(const struct srtp_seal *s, uint32_t ssrc, uint16_t *seq)
{
    const struct stream *t = find(s, ssrc);
    if (t->used) *seq = t->highest;
    return t->used;
}

/* ---- packets ---- */
static size_t encrypt(EVP_CIPHER_CTX *c, uint8_t *out, const struct srtp_piece *pieces, size_t n_pieces)
{
    uint8_t *at = out;
    int n;
    for (size_t i = 0; i < n_pieces; i++) {
        if (!pieces[i].len) continue;
        if (!EVP_EncryptUpdate(c, at, &n, pieces[i].bytes, (int)pieces[i].len)) return 0;
        at += n;
    }
    return (size_t)(at - out);
}

/* RFC 7714 8: the index is (ROC, SEQ), the header is the associated data. One call for the whole packet: several pieces (a changed front,
 * padding) are put together first. */
static size_t seal_gcm(struct srtp_half *h, uint8_t *out, size_t head_len, const uint8_t index[6], const struct srtp_piece *p, size_t n_pieces)
{
    const uint8_t *in = NULL;
    uint8_t *at = out + head_len;
    size_t used = 0, len = 0;
    for (size_t i = 0; i < n_pieces; i++) {
        used += p[i].len != 0;
        if (p[i].len) in = p[i].bytes;
        len += p[i].len;
    }
    for (size_t i = 0; used > 1 && i < n_pieces; i++) {
        if (p[i].len) memcpy(at, p[i].bytes, p[i].len);
        at += p[i].len;
    }
    if (used != 1) in = out + head_len;
    struct srtp_gcm g = {out + 8, index, out, head_len};
    return srtp_gcm_seal(h, &g, out + head_len, in, len) ? head_len + len + SRTP_GCM_TAG : 0;
}

static size_t seal_cm80(struct srtp_half *h, uint8_t *out, size_t head_len, const uint8_t index[6], const struct srtp_piece *p, size_t n_pieces)
{
    if (!srtp_cm_begin(h, out + 8, index)) return 0;
    size_t len = head_len + encrypt(h->cipher, out + head_len, p, n_pieces);
    srtp_half_hmac(h, out, len, index, out + len);
    return len + SRTP_CM80_TAG;
}

size_t srtp_seal_packet(struct srtp_seal *s, uint8_t *out, size_t head_len, const struct srtp_piece *pieces, size_t n_pieces)
{
    uint16_t seq = get_u16(out + 2);
    struct stream *t = stream_of(s, get_u32(out + 8), seq);
    if (!t) return 0;
    uint8_t index[6];
    put_u32(index, rollover(t, seq));
    put_u16(index + 4, seq);
    struct srtp_half *h = &s->halves[SRTP_MEDIA];
    return s->profile == DTLS_PROFILE_GCM128 ? seal_gcm(h, out, head_len, index, pieces, n_pieces)
                                             : seal_cm80(h, out, head_len, index, pieces, n_pieces);
}

void srtp_seal_near(const struct srtp_seal *s)
{
    srtp_half_near(&s->halves[SRTP_MEDIA]);
}

/* ---- RTCP ---- */
/* RFC 7714 9: associated data are the first 8 bytes and the index with its E bit. */
static size_t control_gcm(struct srtp_half *h, uint8_t *packet, size_t len, const uint8_t index[6], const uint8_t e_index[4])
{
    uint8_t aad[12];
    struct srtp_gcm g = {packet + 4, index, aad, sizeof aad};
    memcpy(aad, packet, 8);
    memcpy(aad + 8, e_index, 4);
    if (!srtp_gcm_seal(h, &g, packet + 8, packet + 8, len - 8)) return 0;
    memcpy(packet + len + SRTP_GCM_TAG, e_index, 4);
    return len + SRTP_GCM_TAG + 4;
}

static size_t control_cm80(struct srtp_half *h, uint8_t *packet, size_t len, const uint8_t index[6], const uint8_t e_index[4])
{
    struct srtp_piece body = {packet + 8, len - 8};
    if (!srtp_cm_begin(h, packet + 4, index) || encrypt(h->cipher, packet + 8, &body, 1) != len - 8) return 0;
    memcpy(packet + len, e_index, 4);
    srtp_half_hmac(h, packet, len, e_index, packet + len + 4);
    return len + 4 + SRTP_CM80_TAG;
}

size_t srtp_seal_rtcp(struct srtp_seal *s, uint8_t *packet, size_t len)
{
    uint8_t index[6] = {0}, e_index[4]; /* RFC 3711 3.4: E = encrypted, 31 bits of index */
    if (len < 8) return 0;
    uint32_t number = s->control_index++ & 0x7fffffff;
    put_u32(index + 2, number);
    put_u32(e_index, 0x80000000u | number);
    struct srtp_half *h = &s->halves[SRTP_CONTROL];
    return s->profile == DTLS_PROFILE_GCM128 ? control_gcm(h, packet, len, index, e_index) : control_cm80(h, packet, len, index, e_index);
}
