/* blob_format - the bytes of a YLBLOB1 file, shared by the growing file and the reader (see blob.h). Private to document/. */
#ifndef YL_RECORDS_DOCUMENT_BLOB_FORMAT_H
#define YL_RECORDS_DOCUMENT_BLOB_FORMAT_H

#include "records/document/blob.h"

#define BLOB_PAGE 4096
#define BLOB_FINAL_AT 2048
#define BLOB_SLOT_BYTES (17 * 4096)
#define BLOB_SLOT_AT(i) (BLOB_PAGE + (uint64_t)(i) * BLOB_SLOT_BYTES)
#define BLOB_DATA_AT BLOB_SLOT_AT(2)
#define BLOB_OVERHEAD (AEAD_NONCE_BYTES + AEAD_TAG_BYTES)
#define BLOB_STORED_CHUNK (BLOB_CHUNK_BYTES + BLOB_OVERHEAD)
#define BLOB_BYTES_MAX ((uint64_t)1 << 46)

struct blob_header { /* first bytes of page 0, in clear */
    char magic[8];
    uint32_t version, chunk_bytes;
    uint64_t expected;
    uint8_t salt[32];
};

struct blob_final { /* sealed at BLOB_FINAL_AT */
    uint64_t bytes;
    uint8_t sha256[32];
};
#define BLOB_FINAL_STORED (sizeof(struct blob_final) + BLOB_OVERHEAD)

struct blob_store {
    char dir[512];
    uint8_t seal_key[32], address_key[32];
    const struct blob_backend *backend;
    void *backend_ctx;
    void (*told)(void *ctx, const char *address); /* NULL = nobody */
    void *told_ctx;
};

extern const struct blob_backend blob_backend_directory; /* ctx = the store */

/* AAD kinds keep the three sealed things apart. */
struct blob_aad {
    uint64_t kind, number;
};
enum { BLOB_AAD_CHUNK = 1, BLOB_AAD_SLOT = 2, BLOB_AAD_FINAL = 3 };

/* The file's own key: from the store's and the whole header, so that a changed header opens nothing. */
void blob_file_key(const struct blob_store *s, const struct blob_header *h, uint8_t key[32]);
/* out = nonce + sealed + tag (len + BLOB_OVERHEAD bytes). */
YL_CHECKED int blob_seal(const uint8_t key[32], struct blob_aad aad, const void *plain, size_t len, uint8_t *out);
/* stored_len includes the overhead. */
YL_CHECKED int blob_unseal(const uint8_t key[32], struct blob_aad aad, const uint8_t *stored, size_t stored_len, void *out);
/* 0 when the header is one this version reads. */
YL_CHECKED int blob_header_check(const struct blob_header *h);

/* Whole-length positional input and output that go on after EINTR and short transfers. 0 or ERR_STORAGE. */
YL_CHECKED int file_write_at(int fd, const void *data, size_t len, uint64_t offset);
YL_CHECKED int file_read_at(int fd, void *out, size_t len, uint64_t offset);
YL_CHECKED int dir_sync(const char *path);

/* Plain range over something that gives stored bytes: both the sealed upload file and the published blob read through it. */
struct blob_source {
    int (*read)(void *handle, uint64_t offset, void *out, size_t len);
    void *handle;
    uint8_t key[32];
    uint64_t bytes;
    uint8_t *stored, *plain; /* one chunk each, allocated on the first read */
    uint64_t cached;         /* number + 1 of the chunk in `plain` */
};
YL_CHECKED int blob_source_read(struct blob_source *s, uint64_t offset, void *out, size_t len, size_t *got);
void blob_source_fini(struct blob_source *s);
#endif
