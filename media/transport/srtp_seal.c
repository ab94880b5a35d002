#define OPENSSL_API_COMPAT 0x10100000L /* SHA_CTX: copying the keyed state is what makes the HMAC cheap; EVP_MD_CTX allocates */
#include "media/transport/srtp_seal.h"
#include "media/rtp/bytes.h"
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define GCM_TAG 16
#define CM80_TAG 10

struct stream {
    uint32_t ssrc, roc;
    uint16_t highest;
    bool used;
};

struct srtp_seal {
    enum dtls_profile profile;
    struct half {
        EVP_CIPHER_CTX *cipher; /* keyed once; each packet sets only its IV */
        uint8_t salt[14];
        SHA_CTX inner, outer; /* HMAC-SHA1 with the key blocks already hashed */
    } halves[2]; /* by enum srtp_use */
    uint32_t control_index; /* of SRTCP, one for all SSRCs: each sees it grow */
    size_t slots, used;   /* slots: a power of two */
    struct stream *streams;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *gcm, *ctr; /* fetched once: OpenSSL 3 looks a cipher up by name otherwise */
static void fetch(void)
{
    gcm = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
}

/* ---- keys ---- */
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

static void hmac_prepare(struct half *h, const uint8_t key[20])
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

static bool prepare(struct half *h, enum dtls_profile profile, const struct srtp_session_keys *keys)
{
    const EVP_CIPHER *cipher = profile == DTLS_PROFILE_GCM128 ? gcm : ctr;
    h->cipher = EVP_CIPHER_CTX_new();
    memcpy(h->salt, keys->salt, sizeof h->salt);
    if (profile == DTLS_PROFILE_CM80) hmac_prepare(h, keys->auth);
    return cipher && h->cipher && EVP_EncryptInit_ex2(h->cipher, cipher, keys->key, NULL, NULL);
}

int srtp_seal_new(struct srtp_seal **out, enum dtls_profile profile, const struct srtp_session_keys keys[2])
{
    pthread_once(&once, fetch);
    struct srtp_seal *s = calloc(1, sizeof *s);
    if (!s) return ERR_INTERNAL;
    s->profile = profile;
    s->slots = 8;
    s->streams = calloc(s->slots, sizeof *s->streams);
    if (!s->streams || !prepare(&s->halves[SRTP_MEDIA], profile, &keys[SRTP_MEDIA]) ||
        !prepare(&s->halves[SRTP_CONTROL], profile, &keys[SRTP_CONTROL])) {
        srtp_seal_free(s);
        return ERR_INTERNAL;
    }
    *out = s;
    return 0;
}

void srtp_seal_free(struct srtp_seal *s)
{
    if (!s) return;
    EVP_CIPHER_CTX_free(s->halves[SRTP_MEDIA].cipher);
    EVP_CIPHER_CTX_free(s->halves[SRTP_CONTROL].cipher);
    free(s->streams);
    explicit_bzero(s, sizeof *s);
    free(s);
}

size_t srtp_seal_tag(const struct srtp_seal *s)
{
    return s->profile == DTLS_PROFILE_GCM128 ? GCM_TAG : CM80_TAG;
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
    free(s->streams);
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

static size_t finish_gcm(EVP_CIPHER_CTX *c, uint8_t *tag)
{
    int n;
    return EVP_EncryptFinal_ex(c, tag, &n) && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, tag) ? GCM_TAG : 0;
}

/* RFC 7714 8.1: IV = (00 00, SSRC, ROC, SEQ) xor salt; the header is the associated data. */
static size_t seal_gcm(struct half *h, uint8_t *out, size_t head_len, uint32_t roc, const struct srtp_piece *p, size_t n_pieces)
{
    uint8_t iv[12] = {0};
    int n;
    memcpy(iv + 2, out + 8, 4);
    put_u32(iv + 6, roc);
    memcpy(iv + 10, out + 2, 2);
    for (size_t i = 0; i < sizeof iv; i++)
        iv[i] ^= h->salt[i];
    if (!EVP_EncryptInit_ex2(h->cipher, NULL, NULL, iv, NULL) || !EVP_EncryptUpdate(h->cipher, NULL, &n, out, (int)head_len)) return 0;
    size_t len = head_len + encrypt(h->cipher, out + head_len, p, n_pieces);
    return finish_gcm(h->cipher, out + len) ? len + GCM_TAG : 0;
}

/* HMAC-SHA1 over the packet and what follows it (rollover counter or index), 80 bits of it. */
static void hmac(const struct half *h, const uint8_t *packet, size_t len, const uint8_t suffix[4], uint8_t *tag)
{
    uint8_t hash[SHA_DIGEST_LENGTH];
    SHA_CTX state = h->inner;
    SHA1_Update(&state, packet, len);
    SHA1_Update(&state, suffix, 4);
    SHA1_Final(hash, &state);
    state = h->outer;
    SHA1_Update(&state, hash, sizeof hash);
    SHA1_Final(hash, &state);
    memcpy(tag, hash, CM80_TAG);
}

/* RFC 3711 4.1.1: counter mode from salt, SSRC and the 48-bit index. */
static bool begin_cm(struct half *h, const uint8_t ssrc[4], const uint8_t index[6])
{
    uint8_t iv[16] = {0};
    memcpy(iv, h->salt, 14);
    for (size_t i = 0; i < 4; i++)
        iv[4 + i] ^= ssrc[i];
    for (size_t i = 0; i < 6; i++)
        iv[8 + i] ^= index[i];
    return EVP_EncryptInit_ex2(h->cipher, NULL, NULL, iv, NULL);
}

static size_t seal_cm80(struct half *h, uint8_t *out, size_t head_len, uint32_t roc, const struct srtp_piece *p, size_t n_pieces)
{
    uint8_t index[6];
    put_u32(index, roc);
    memcpy(index + 4, out + 2, 2);
    if (!begin_cm(h, out + 8, index)) return 0;
    size_t len = head_len + encrypt(h->cipher, out + head_len, p, n_pieces);
    hmac(h, out, len, index, out + len);
    return len + CM80_TAG;
}

size_t srtp_seal_packet(struct srtp_seal *s, uint8_t *out, size_t head_len, const struct srtp_piece *pieces, size_t n_pieces)
{
    uint16_t seq = get_u16(out + 2);
    struct stream *t = stream_of(s, get_u32(out + 8), seq);
    if (!t) return 0;
    uint32_t roc = rollover(t, seq);
    struct half *h = &s->halves[SRTP_MEDIA];
    return s->profile == DTLS_PROFILE_GCM128 ? seal_gcm(h, out, head_len, roc, pieces, n_pieces)
                                             : seal_cm80(h, out, head_len, roc, pieces, n_pieces);
}

/* ---- RTCP ---- */
/* RFC 7714 9.1: IV = (00 00, SSRC, 00 00, index) xor salt; associated data: the first 8 bytes and the index with its E bit. */
static size_t control_gcm(struct half *h, uint8_t *packet, size_t len, const uint8_t e_index[4])
{
    uint8_t iv[12] = {0};
    int n;
    memcpy(iv + 2, packet + 4, 4);
    memcpy(iv + 8, e_index, 4);
    iv[8] &= 0x7f;
    for (size_t i = 0; i < sizeof iv; i++)
        iv[i] ^= h->salt[i];
    struct srtp_piece body = {packet + 8, len - 8};
    if (!EVP_EncryptInit_ex2(h->cipher, NULL, NULL, iv, NULL) || !EVP_EncryptUpdate(h->cipher, NULL, &n, packet, 8) ||
        !EVP_EncryptUpdate(h->cipher, NULL, &n, e_index, 4) || encrypt(h->cipher, packet + 8, &body, 1) != len - 8 ||
        !finish_gcm(h->cipher, packet + len))
        return 0;
    memcpy(packet + len + GCM_TAG, e_index, 4);
    return len + GCM_TAG + 4;
}

static size_t control_cm80(struct half *h, uint8_t *packet, size_t len, const uint8_t e_index[4])
{
    uint8_t index[6] = {0};
    memcpy(index + 2, e_index, 4);
    index[2] &= 0x7f;
    struct srtp_piece body = {packet + 8, len - 8};
    if (!begin_cm(h, packet + 4, index) || encrypt(h->cipher, packet + 8, &body, 1) != len - 8) return 0;
    memcpy(packet + len, e_index, 4);
    hmac(h, packet, len, e_index, packet + len + 4);
    return len + 4 + CM80_TAG;
}

size_t srtp_seal_rtcp(struct srtp_seal *s, uint8_t *packet, size_t len)
{
    uint8_t e_index[4]; /* RFC 3711 3.4: E = encrypted, 31 bits of index */
    if (len < 8) return 0;
    put_u32(e_index, 0x80000000u | (s->control_index++ & 0x7fffffff));
    struct half *h = &s->halves[SRTP_CONTROL];
    return s->profile == DTLS_PROFILE_GCM128 ? control_gcm(h, packet, len, e_index) : control_cm80(h, packet, len, e_index);
}
