/* blob - content-addressed files, encrypted at rest, readable at any offset; and the growing file an upload writes.
 *
 * Hides: the file format, the keys, where files lie. The plain bytes of a blob never touch the disk.
 *
 * Format "YLBLOB1" (little endian), one file for both lives, so that finishing a 5 GB upload copies nothing:
 *   page 0      header {magic, version, chunk_bytes, expected bytes, salt[32]}; at 2048 the final record
 *   slot A, B   two alternating checkpoints {sequence, held bytes, running SHA-256, the unfinished tail of < 64 KiB}
 *   data        chunks of 64 KiB plain, each stored as nonce[12] + AES-256-GCM(64 KiB) + tag[16] at a computable place
 * Every file has its own key, derived from the store's key and the header; nonces are random; a chunk's number is its AAD, so
 * chunks cannot change places; the final record seals the total length and the hash, so a file cannot be cut.
 *
 * Durability: blob_file_append returns 0 only after fdatasync of the chunks and of the checkpoint that covers them. After a
 * crash the newest checkpoint whose chunks verify is taken: it holds at least everything that was acknowledged.
 *
 * The address is HMAC(address key, SHA-256 of the plain bytes): equal content is stored once, and an address does not tell a
 * disk thief whether a known file is present.
 *
 * Threads: a struct blob_store is shared and read-only; a blob_file or blob belongs to one thread at a time.
 */
#ifndef YL_RECORDS_DOCUMENT_BLOB_H
#define YL_RECORDS_DOCUMENT_BLOB_H

#include "server/base/crypto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLOB_CHUNK_BYTES 65536
#define BLOB_ADDRESS_BYTES 65 /* 64 hex digits and NUL */

/* Where finished blobs lie. A directory here; an object store needs these three calls and nothing else. */
struct blob_backend {
    const char *name;
    /* Makes the finished local file readable under `address`, durably; the local file stays. 0 also when it is there already. */
    int (*publish)(void *ctx, const char *address, const char *local_path);
    /* Opens for reading: *handle; ERR_NOT_FOUND. */
    int (*open)(void *ctx, const char *address, void **handle);
    /* Reads exactly len bytes at offset; ERR_STORAGE when it cannot. */
    int (*read)(void *handle, uint64_t offset, void *out, size_t len);
    void (*close)(void *handle);
    /* Gone, durably; 0 also when it was not there. Who has it open reads on. */
    int (*remove)(void *ctx, const char *address);
};

struct blob_store;

/* dir/blobs, dir/uploads and dir/removed are made 0700. `key` is the records' master key (copied into derived keys). */
YL_CHECKED int blob_store_open(struct blob_store **out, const char *dir, const uint8_t key[32]);
void blob_store_close(struct blob_store *s);
void blob_address(const struct blob_store *s, const uint8_t sha256[32], char out[BLOB_ADDRESS_BYTES]);

/* ---- reading ---- */
struct blob;
YL_CHECKED int blob_open(struct blob_store *s, const char *address, struct blob **out);
uint64_t blob_bytes(const struct blob *b);
const uint8_t *blob_sha256(const struct blob *b);
/* Up to len bytes at offset, *got says how many (0 at or past the end). ERR_STORAGE when the file is damaged. */
YL_CHECKED int blob_read(struct blob *b, uint64_t offset, void *out, size_t len, size_t *got);
void blob_close(struct blob *b);
/* For content that must not be kept and that nobody else can have stored: equal content lies under one address. Noted in dir/removed first, for whoever keeps
 * a copy (mirror.h) and takes the note away when he has none any more. */
YL_CHECKED int blob_remove(struct blob_store *s, const char *address);
/* `told` hears of each address that was published or removed, on the thread that did it. NULL: nobody. Set while nobody writes. */
void blob_store_tell(struct blob_store *s, void (*told)(void *ctx, const char *address), void *ctx);

/* ---- writing ---- */
struct blob_file; /* uploads/<id>.up while it grows */
/* A new empty file that will hold exactly `bytes` (>= 1). ERR_CONFLICT when the id is in use. */
YL_CHECKED int blob_file_create(struct blob_store *s, uint64_t id, uint64_t bytes, struct blob_file **out);
/* Opens what an earlier process left. ERR_NOT_FOUND; ERR_STORAGE when no checkpoint verifies. */
YL_CHECKED int blob_file_resume(struct blob_store *s, uint64_t id, struct blob_file **out);
uint64_t blob_file_held(const struct blob_file *f);     /* durable bytes */
uint64_t blob_file_expected(const struct blob_file *f); /* as declared */
/* Appends; the append that reaches `expected` also seals the file. ERR_TOO_LARGE past it; ERR_STORAGE: disk full or failing -
 * the file must then be closed and resumed. */
YL_CHECKED int blob_file_append(struct blob_file *f, const void *data, size_t len);
/* Seals it with what it holds, for one whose length nobody knew: `bytes` was only the most there could be. ERR_INVALID: it holds nothing. */
YL_CHECKED int blob_file_seal(struct blob_file *f);
bool blob_file_sealed(const struct blob_file *f);
/* The plain hash of a sealed file. */
void blob_file_sha256(const struct blob_file *f, uint8_t out[32]);
/* Reads plain bytes of a sealed file (type detection). */
YL_CHECKED int blob_file_read(struct blob_file *f, uint64_t offset, void *out, size_t len, size_t *got);
/* Publishes a sealed file under its address; the upload file stays until blob_file_remove. */
YL_CHECKED int blob_file_publish(struct blob_file *f, char address[BLOB_ADDRESS_BYTES]);
void blob_file_close(struct blob_file *f);
int blob_file_remove(struct blob_store *s, uint64_t id); /* 0 also when it is gone already */

/* Upload files on disk: calls each(ctx, id, last write) for every one. */
void blob_files_list(struct blob_store *s, void (*each)(void *ctx, uint64_t id, int64_t written_ms), void *ctx);
#endif
