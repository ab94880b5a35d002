#include "media/transport/srtp_unseal.h"
#include "media/rtp/bytes.h"
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 1024
#define STREAMS_MAX 1024 /* of authentic packets: a browser takes a new SSRC with each new track */

struct stream {
    uint64_t highest;           /* index: rollovers and number */
    uint64_t seen[WINDOW / 64]; /* bit index % WINDOW, of the last WINDOW up to `highest` */
};

struct srtp_unseal {
    enum dtls_profile profile;
    struct srtp_half half;
    size_t n, cap;
    uint32_t *ssrcs; /* of the stream at the same place */
    struct stream *streams;
};

int srtp_unseal_new(struct srtp_unseal **out, enum dtls_profile profile, const struct srtp_session_keys *media)
{
    struct srtp_unseal *u = calloc(1, sizeof *u);
    if (!u) return ERR_INTERNAL;
    u->profile = profile;
    if (srtp_half_init(&u->half, profile, media, true)) {
        free(u);
        return ERR_INTERNAL;
    }
    *out = u;
    return 0;
}

void srtp_unseal_free(struct srtp_unseal *u)
{
    if (!u) return;
    srtp_half_fini(&u->half);
    free(u->ssrcs);
    free(u->streams);
    free(u);
}

/* ---- indexes and replay (RFC 3711 3.3.1, 3.3.2) ---- */
static struct stream *find(const struct srtp_unseal *u, uint32_t ssrc)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->ssrcs[i] == ssrc) return &u->streams[i];
    return NULL;
}

/* The nearest to the highest one; there is none before the first round. */
static uint64_t index_of(const struct stream *s, uint16_t seq)
{
    if (!s) return seq;
    int64_t index = (int64_t)s->highest + seq_diff(seq, (uint16_t)s->highest);
    return index < 0 ? seq : (uint64_t)index;
}

static bool replayed(const struct stream *s, uint64_t index)
{
    if (!s || index > s->highest) return false;
    return s->highest - index >= WINDOW || s->seen[index % WINDOW / 64] >> index % 64 & 1;
}

static struct stream *add(struct srtp_unseal *u, uint32_t ssrc, uint64_t index)
{
    if (u->n == u->cap) {
        size_t cap = u->cap ? u->cap * 2 : 4;
        if (cap > STREAMS_MAX) return NULL;
        uint32_t *ssrcs = realloc(u->ssrcs, cap * sizeof *ssrcs);
        if (ssrcs) u->ssrcs = ssrcs;
        struct stream *streams = ssrcs ? realloc(u->streams, cap * sizeof *streams) : NULL;
        if (!streams) return NULL;
        u->streams = streams;
        u->cap = cap;
    }
    u->ssrcs[u->n] = ssrc;
    u->streams[u->n] = (struct stream){.highest = index};
    return &u->streams[u->n++];
}

static void note(struct stream *s, uint64_t index)
{
    if (index > s->highest + WINDOW) memset(s->seen, 0, sizeof s->seen);
    else
        for (uint64_t i = s->highest + 1; i <= index; i++)
            s->seen[i % WINDOW / 64] &= ~(1ull << i % 64);
    s->seen[index % WINDOW / 64] |= 1ull << index % 64;
    if (index > s->highest) s->highest = index;
}

/* ---- packets ---- */
/* Header, contributors and extension; 0 = there is not so much. */
static size_t head_length(const uint8_t *packet, size_t len)
{
    if (len < 12 || packet[0] >> 6 != 2) return 0;
    size_t head = 12 + 4 * (size_t)(packet[0] & 15);
    if (packet[0] & 0x10) {
        if (len < head + 4) return 0;
        head += 4 + 4 * (size_t)get_u16(packet + head + 2);
    }
    return head <= len ? head : 0;
}

static bool open_cm80(struct srtp_half *h, uint8_t *packet, size_t head, size_t len, const uint8_t index[6])
{
    uint8_t tag[SRTP_CM80_TAG];
    int n;
    srtp_half_hmac(h, packet, len, index, tag);
    if (CRYPTO_memcmp(tag, packet + len, sizeof tag) != 0 || !srtp_cm_begin(h, packet + 8, index)) return false;
    return len == head || EVP_DecryptUpdate(h->cipher, packet + head, &n, packet + head, (int)(len - head));
}

int srtp_unseal_packet(struct srtp_unseal *u, uint8_t *packet, size_t *len)
{
    bool gcm = u->profile == DTLS_PROFILE_GCM128;
    size_t tag = gcm ? SRTP_GCM_TAG : SRTP_CM80_TAG, plain = *len < tag ? 0 : *len - tag, head = head_length(packet, plain);
    if (!head) return ERR_INVALID;
    uint32_t ssrc = get_u32(packet + 8);
    struct stream *s = find(u, ssrc);
    uint64_t index = index_of(s, get_u16(packet + 2));
    if (replayed(s, index)) return ERR_INVALID;
    uint8_t bytes[6];
    put_u32(bytes, (uint32_t)(index >> 16));
    put_u16(bytes + 4, (uint16_t)index);
    struct srtp_gcm g = {packet + 8, bytes, packet, head};
    if (!(gcm ? srtp_gcm_open(&u->half, &g, packet + head, plain - head) : open_cm80(&u->half, packet, head, plain, bytes))) return ERR_INVALID;
    if (!s && !(s = add(u, ssrc, index))) return ERR_INVALID;
    note(s, index);
    *len = plain;
    return 0;
}
