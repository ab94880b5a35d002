/* The store, its directory back end, and reading. */
#include "records/document/blob_format.h"
#include "server/base/log.h"
#include "server/base/nonce.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    const char *p = data;
    while (len) {
        ssize_t n = pwrite(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_STORAGE;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int file_read_at(int fd, void *out, size_t len, uint64_t offset)
{
    char *p = out;
    while (len) {
        ssize_t n = pread(fd, p, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ERR_STORAGE;
        p += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int dir_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_STORAGE;
    int rc = fsync(fd);
    close(fd);
    return rc ? ERR_STORAGE : 0;
}

/* ---- sealing ---- */

void blob_file_key(const struct blob_store *s, const struct blob_header *h, uint8_t key[32])
{
    char label[80] = "blob file ";
    uint8_t digest[SHA256_BYTES];
    crypto_sha256(h, sizeof *h, digest);
    int n = hex_encode(digest, sizeof digest, label + 10, sizeof label - 10);
    (void)n;
    crypto_derive(s->seal_key, label, key, 32);
}

int blob_seal(const uint8_t key[32], struct blob_aad aad, const void *plain, size_t len, uint8_t *out)
{
    crypto_nonce(out);
    return crypto_seal(key, out, &aad, sizeof aad, plain, len, out + AEAD_NONCE_BYTES);
}

int blob_unseal(const uint8_t key[32], struct blob_aad aad, const uint8_t *stored, size_t stored_len, void *out)
{
    if (stored_len < BLOB_OVERHEAD)
        return ERR_STORAGE;
    /* crypto_open's len is that of the sealed bytes, tag included */
    if (crypto_open(key, stored, &aad, sizeof aad, stored + AEAD_NONCE_BYTES, stored_len - AEAD_NONCE_BYTES, out))
        return ERR_STORAGE;
    return 0;
}

int blob_header_check(const struct blob_header *h)
{
    bool ok = memcmp(h->magic, "YLBLOB1\n", 8) == 0 && h->version == 1 && h->chunk_bytes == BLOB_CHUNK_BYTES &&
              h->expected >= 1 && h->expected <= BLOB_BYTES_MAX;
    return ok ? 0 : ERR_STORAGE;
}

/* ---- the store ---- */

static int make_dir(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return 0;
    log_error("blob", "cannot make %s: %s", path, strerror(errno));
    return ERR_STORAGE;
}

int blob_store_open(struct blob_store **out, const char *dir, const uint8_t key[32])
{
    struct blob_store *s = calloc(1, sizeof *s);
    char path[600];
    int rc = ERR_INTERNAL;
    if (!s || strlen(dir) >= sizeof s->dir)
        goto out;
    snprintf(s->dir, sizeof s->dir, "%s", dir);
    crypto_derive(key, "document blobs", s->seal_key, 32);
    crypto_derive(key, "document addresses", s->address_key, 32);
    s->backend = &blob_backend_directory;
    s->backend_ctx = s;
    snprintf(path, sizeof path, "%s/blobs", dir);
    rc = make_dir(path);
    snprintf(path, sizeof path, "%s/uploads", dir);
    rc = rc ? rc : make_dir(path);
    snprintf(path, sizeof path, "%s/removed", dir);
    rc = rc ? rc : make_dir(path);
    rc = rc ? rc : dir_sync(dir);
out:
    if (rc)
        free(s);
    *out = rc ? NULL : s;
    return rc;
}

void blob_store_close(struct blob_store *s)
{
    if (!s)
        return;
    explicit_bzero(s, sizeof *s);
    free(s);
}

void blob_address(const struct blob_store *s, const uint8_t sha256[32], char out[BLOB_ADDRESS_BYTES])
{
    uint8_t mac[32];
    crypto_hmac_sha256(s->address_key, 32, sha256, 32, mac);
    int n = hex_encode(mac, 32, out, BLOB_ADDRESS_BYTES);
    (void)n;
}

/* ---- directory back end: blobs/ab/cd/<address>, so that no folder grows past some thousand entries ---- */

static bool address_ok(const char *a)
{
    return strlen(a) == BLOB_ADDRESS_BYTES - 1 && strspn(a, "0123456789abcdef") == BLOB_ADDRESS_BYTES - 1;
}

struct blob_dirs {
    char top[600], one[610], two[620], file[700];
};

static void paths_of(const struct blob_store *s, const char *address, struct blob_dirs *d)
{
    snprintf(d->top, sizeof d->top, "%s/blobs", s->dir);
    snprintf(d->one, sizeof d->one, "%s/%.2s", d->top, address);
    snprintf(d->two, sizeof d->two, "%s/%.2s", d->one, address + 2);
    snprintf(d->file, sizeof d->file, "%s/%s", d->two, address);
}

/* That a blob must not be kept, for whoever has a copy (blob_remove). */
static void removed_note(const struct blob_store *s, const char *address, char out[700])
{
    snprintf(out, 700, "%s/removed/%s", s->dir, address);
}

static int directory_publish(void *ctx, const char *address, const char *local_path)
{
    struct blob_dirs d;
    if (!address_ok(address))
        return ERR_INTERNAL;
    paths_of(ctx, address, &d);
    if (make_dir(d.one) || make_dir(d.two))
        return ERR_STORAGE;
    /* A hard link, not a rename: when the transaction that names the address fails, the upload can be finished again. */
    if (link(local_path, d.file) && errno != EEXIST) {
        log_error("blob", "cannot link a blob: %s", strerror(errno));
        return ERR_STORAGE;
    }
    if (dir_sync(d.two) || dir_sync(d.one) || dir_sync(d.top))
        return ERR_STORAGE;
    char note[700];
    removed_note(ctx, address, note); /* wanted again */
    return unlink(note) == 0 || errno == ENOENT ? 0 : ERR_STORAGE;
}

static int directory_open(void *ctx, const char *address, void **handle)
{
    struct blob_dirs d;
    if (!address_ok(address))
        return ERR_NOT_FOUND;
    paths_of(ctx, address, &d);
    int fd = open(d.file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE;
    *handle = (void *)(intptr_t)fd;
    return 0;
}

static int directory_read(void *handle, uint64_t offset, void *out, size_t len)
{
    return file_read_at((int)(intptr_t)handle, out, len, offset);
}

static void directory_close(void *handle)
{
    close((int)(intptr_t)handle);
}

static int directory_remove(void *ctx, const char *address)
{
    struct blob_dirs d;
    if (!address_ok(address))
        return ERR_INTERNAL;
    paths_of(ctx, address, &d);
    if (unlink(d.file))
        return errno == ENOENT ? 0 : ERR_STORAGE;
    return dir_sync(d.two);
}

const struct blob_backend blob_backend_directory = {"directory", directory_publish, directory_open, directory_read,
                                                    directory_close, directory_remove};

void blob_store_tell(struct blob_store *s, void (*told)(void *ctx, const char *address), void *ctx)
{
    s->told = told;
    s->told_ctx = ctx;
}

/* An empty file under the blob's name: whoever has a copy will find it, also after a restart. */
static int note_removed(const struct blob_store *s, const char *address)
{
    char path[700];
    if (!address_ok(address))
        return ERR_INTERNAL;
    removed_note(s, address, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ERR_STORAGE;
    close(fd);
    snprintf(path, sizeof path, "%s/removed", s->dir);
    return dir_sync(path);
}

int blob_remove(struct blob_store *s, const char *address)
{
    int rc = note_removed(s, address);
    rc = rc ? rc : s->backend->remove(s->backend_ctx, address);
    if (rc == 0 && s->told)
        s->told(s->told_ctx, address);
    return rc;
}

/* ---- plain ranges ---- */

static int load_chunk(struct blob_source *s, uint64_t number)
{
    uint64_t left = s->bytes - number * BLOB_CHUNK_BYTES;
    size_t len = left < BLOB_CHUNK_BYTES ? (size_t)left : BLOB_CHUNK_BYTES;
    if (!s->stored && (!(s->stored = malloc(BLOB_STORED_CHUNK)) || !(s->plain = malloc(BLOB_CHUNK_BYTES))))
        return ERR_INTERNAL;
    s->cached = 0;
    if (s->read(s->handle, BLOB_DATA_AT + number * BLOB_STORED_CHUNK, s->stored, len + BLOB_OVERHEAD))
        return ERR_STORAGE;
    struct blob_aad aad = {BLOB_AAD_CHUNK, number};
    if (blob_unseal(s->key, aad, s->stored, len + BLOB_OVERHEAD, s->plain))
        return ERR_STORAGE;
    s->cached = number + 1;
    return 0;
}

int blob_source_read(struct blob_source *s, uint64_t offset, void *out, size_t len, size_t *got)
{
    *got = 0;
    while (len && offset < s->bytes) {
        uint64_t number = offset / BLOB_CHUNK_BYTES;
        if (s->cached != number + 1) {
            int rc = load_chunk(s, number);
            if (rc)
                return rc;
        }
        size_t at = (size_t)(offset % BLOB_CHUNK_BYTES), n = BLOB_CHUNK_BYTES - at;
        if (n > s->bytes - offset)
            n = (size_t)(s->bytes - offset);
        if (n > len)
            n = len;
        memcpy((char *)out + *got, s->plain + at, n);
        *got += n;
        offset += n;
        len -= n;
    }
    return 0;
}

void blob_source_fini(struct blob_source *s)
{
    if (s->plain)
        explicit_bzero(s->plain, BLOB_CHUNK_BYTES);
    explicit_bzero(s->key, sizeof s->key);
    free(s->plain);
    free(s->stored);
    s->plain = s->stored = NULL;
}

struct blob {
    const struct blob_backend *backend;
    struct blob_source source;
    uint8_t sha256[32];
};

int blob_open(struct blob_store *s, const char *address, struct blob **out)
{
    uint8_t page[BLOB_FINAL_AT + BLOB_FINAL_STORED];
    struct blob_header header;
    struct blob_final final;
    struct blob *b = calloc(1, sizeof *b);
    *out = NULL;
    if (!b)
        return ERR_INTERNAL;
    b->backend = s->backend;
    int rc = s->backend->open(s->backend_ctx, address, &b->source.handle);
    if (rc) {
        free(b);
        return rc;
    }
    b->source.read = s->backend->read;
    rc = s->backend->read(b->source.handle, 0, page, sizeof page);
    memcpy(&header, page, sizeof header);
    rc = rc ? rc : blob_header_check(&header);
    if (rc == 0) {
        blob_file_key(s, &header, b->source.key);
        struct blob_aad aad = {BLOB_AAD_FINAL, 0};
        rc = blob_unseal(b->source.key, aad, page + BLOB_FINAL_AT, BLOB_FINAL_STORED, &final);
    }
    if (rc) {
        log_error("blob", "blob %.16s is damaged", address);
        blob_close(b);
        return ERR_STORAGE;
    }
    b->source.bytes = final.bytes;
    memcpy(b->sha256, final.sha256, 32);
    *out = b;
    return 0;
}

uint64_t blob_bytes(const struct blob *b)
{
    return b->source.bytes;
}

const uint8_t *blob_sha256(const struct blob *b)
{
    return b->sha256;
}

int blob_read(struct blob *b, uint64_t offset, void *out, size_t len, size_t *got)
{
    return blob_source_read(&b->source, offset, out, len, got);
}

void blob_close(struct blob *b)
{
    if (!b)
        return;
    blob_source_fini(&b->source);
    b->backend->close(b->source.handle);
    free(b);
}
