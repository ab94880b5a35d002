/* Bodies at rest: compressed with a dictionary of what FHIR resources say over and over, then sealed. */
#include "records/fhir/fhir_private.h"
#include "server/base/nonce.h"

#define FORMAT 1
#define HEAD (1 + AEAD_NONCE_BYTES)
#define PLAIN_MAX (64u << 20)

int body_seal(struct fhir *x, struct scratch *s, const uint8_t key[32], const int64_t at[2], struct r4_str plain, struct r4_buf *b)
{
    size_t bound = ZSTD_compressBound(plain.n);
    uint8_t *frame = malloc(bound), *out = malloc(HEAD + bound + AEAD_TAG_BYTES);
    size_t n = frame && out ? ZSTD_compress_usingCDict(s->pack, frame, bound, plain.p, plain.n, x->pack) : 0;
    int rc = !n || ZSTD_isError(n) ? ERR_UNAVAILABLE : 0;
    if (rc == 0) {
        out[0] = FORMAT;
        crypto_nonce(out + 1);
        rc = crypto_seal(key, out + 1, at, 2 * sizeof *at, frame, n, out + HEAD);
    }
    if (rc == 0)
        r4_buf_put(b, (const char *)out, HEAD + n + AEAD_TAG_BYTES);
    free(frame);
    free(out);
    return rc ? rc : b->failed ? ERR_UNAVAILABLE : 0;
}

char *body_open(struct fhir *x, struct scratch *s, const uint8_t key[32], const int64_t at[2], const void *sealed, size_t len, size_t *out_len)
{
    const uint8_t *in = sealed;
    if (len < HEAD + AEAD_TAG_BYTES || in[0] != FORMAT)
        return NULL;
    size_t n = len - HEAD - AEAD_TAG_BYTES;
    uint8_t *frame = malloc(n + 1);
    char *plain = NULL;
    if (frame && crypto_open(key, in + 1, at, 2 * sizeof *at, in + HEAD, len - HEAD, frame) == 0) {
        unsigned long long size = ZSTD_getFrameContentSize(frame, n);
        if (size <= PLAIN_MAX && (plain = malloc((size_t)size + 1))) {
            *out_len = ZSTD_decompress_usingDDict(s->unpack, plain, (size_t)size, frame, n, x->unpack);
            if (*out_len != size) {
                free(plain);
                plain = NULL;
            } else
                plain[size] = 0;
        }
    }
    free(frame);
    return plain;
}
