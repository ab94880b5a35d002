/* The growing file of an upload: append, checkpoint, recover, seal. See blob.h for the format and the durability rule. */
#include "records/document/blob_format.h"
#include "server/base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_MAGIC 0x544f4c53u /* "SLOT" */

struct slot_head { /* in clear before the sealed part */
    uint32_t magic, plain_len;
};

struct checkpoint { /* sealed, followed by the tail's bytes */
    uint64_t sequence, held;
    struct sha256_state sha;
};

struct blob_file {
    struct blob_store *store;
    uint64_t id;
    int fd;
    struct blob_header header;
    uint8_t key[32];
    struct checkpoint now;
    uint8_t final_sha[32];
    bool sealed, broken;
    struct blob_source source; /* reads a sealed file */
    uint8_t tail[BLOB_CHUNK_BYTES];
    uint8_t scratch[sizeof(struct slot_head) + sizeof(struct checkpoint) + BLOB_STORED_CHUNK];
    uint8_t plain[sizeof(struct checkpoint) + BLOB_CHUNK_BYTES];
};

static void path_of(const struct blob_store *s, uint64_t id, char out[700])
{
    snprintf(out, 700, "%s/uploads/%016llx.up", s->dir, (unsigned long long)id);
}

static size_t tail_len(const struct blob_file *f)
{
    return (size_t)(f->now.held % BLOB_CHUNK_BYTES);
}

static int source_read_fd(void *handle, uint64_t offset, void *out, size_t len)
{
    return file_read_at(*(int *)handle, out, len, offset);
}

static void mark_sealed(struct blob_file *f, const struct blob_final *final)
{
    f->sealed = true;
    f->now.held = final->bytes;
    memcpy(f->final_sha, final->sha256, 32);
    f->source.read = source_read_fd;
    f->source.handle = &f->fd;
    memcpy(f->source.key, f->key, 32);
    f->source.bytes = final->bytes;
}

/* ---- writing ---- */

static int write_chunk(struct blob_file *f, uint64_t number, const void *plain, size_t len)
{
    struct blob_aad aad = {BLOB_AAD_CHUNK, number};
    int rc = blob_seal(f->key, aad, plain, len, f->scratch);
    return rc ? rc
              : file_write_at(f->fd, f->scratch, len + BLOB_OVERHEAD, BLOB_DATA_AT + number * BLOB_STORED_CHUNK);
}

/* The two slots alternate: the one that holds what was acknowledged last is never the one being written. */
static int write_slot(struct blob_file *f)
{
    size_t tail = tail_len(f), len = sizeof f->now + tail;
    struct slot_head head = {SLOT_MAGIC, (uint32_t)len};
    struct blob_aad aad = {BLOB_AAD_SLOT, len};
    memcpy(f->plain, &f->now, sizeof f->now);
    memcpy(f->plain + sizeof f->now, f->tail, tail);
    memcpy(f->scratch, &head, sizeof head);
    int rc = blob_seal(f->key, aad, f->plain, len, f->scratch + sizeof head);
    return rc ? rc
              : file_write_at(f->fd, f->scratch, sizeof head + len + BLOB_OVERHEAD,
                              BLOB_SLOT_AT(f->now.sequence % 2));
}

static int seal_file(struct blob_file *f)
{
    struct blob_final final = {.bytes = f->now.held};
    uint8_t stored[BLOB_FINAL_STORED];
    struct blob_aad aad = {BLOB_AAD_FINAL, 0};
    struct sha256_state sha = f->now.sha;
    size_t tail = tail_len(f);
    if (tail && write_chunk(f, f->now.held / BLOB_CHUNK_BYTES, f->tail, tail))
        return ERR_STORAGE;
    /* the chunks first: a final record must never say more than the disk has */
    if (fdatasync(f->fd))
        return ERR_STORAGE;
    sha256_final(&sha, final.sha256);
    if (blob_seal(f->key, aad, &final, sizeof final, stored) ||
        file_write_at(f->fd, stored, sizeof stored, BLOB_FINAL_AT) || fdatasync(f->fd))
        return ERR_STORAGE;
    /* the checkpoints' room goes back to the disk where the file system can do it */
    if (fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BLOB_PAGE, BLOB_DATA_AT - BLOB_PAGE) == 0)
        fsync(f->fd);
    mark_sealed(f, &final);
    return 0;
}

static int take_bytes(struct blob_file *f, const uint8_t *data, size_t len)
{
    sha256_update(&f->now.sha, data, len);
    while (len) {
        size_t at = tail_len(f), n = BLOB_CHUNK_BYTES - at;
        if (n > len)
            n = len;
        memcpy(f->tail + at, data, n);
        f->now.held += n;
        data += n;
        len -= n;
        if (tail_len(f) == 0 && write_chunk(f, f->now.held / BLOB_CHUNK_BYTES - 1, f->tail, BLOB_CHUNK_BYTES))
            return ERR_STORAGE;
    }
    return 0;
}

int blob_file_append(struct blob_file *f, const void *data, size_t len)
{
    int rc = 0;
    if (f->broken)
        return ERR_STORAGE;
    if (len == 0)
        return 0;
    if (f->sealed || len > f->header.expected - f->now.held)
        return ERR_TOO_LARGE;
    f->now.sequence++;
    if (take_bytes(f, data, len))
        rc = ERR_STORAGE;
    else if (f->now.held == f->header.expected)
        rc = seal_file(f);
    else if (write_slot(f) || fdatasync(f->fd))
        rc = ERR_STORAGE;
    if (rc) {
        f->broken = true; /* memory and disk may differ: only a resume tells what is held */
        log_error("blob", "upload %016llx: cannot write: %s", (unsigned long long)f->id, strerror(errno));
    }
    return rc;
}

int blob_file_seal(struct blob_file *f)
{
    if (f->broken)
        return ERR_STORAGE;
    if (f->sealed || !f->now.held)
        return f->sealed ? 0 : ERR_INVALID;
    int rc = seal_file(f);
    f->broken = rc != 0;
    return rc;
}

int blob_file_create(struct blob_store *s, uint64_t id, uint64_t bytes, struct blob_file **out)
{
    char path[700], dir[600];
    int rc = ERR_STORAGE;
    *out = NULL;
    if (bytes < 1 || bytes > BLOB_BYTES_MAX)
        return ERR_TOO_LARGE;
    struct blob_file *f = calloc(1, sizeof *f);
    if (!f)
        return ERR_INTERNAL;
    path_of(s, id, path);
    *f = (struct blob_file){.store = s, .id = id};
    f->header = (struct blob_header){.magic = "YLBLOB1\n", .version = 1, .chunk_bytes = BLOB_CHUNK_BYTES, .expected = bytes};
    crypto_random(f->header.salt, sizeof f->header.salt);
    blob_file_key(s, &f->header, f->key);
    sha256_init(&f->now.sha);
    f->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd < 0) {
        rc = errno == EEXIST ? ERR_CONFLICT : ERR_STORAGE;
        goto out;
    }
    snprintf(dir, sizeof dir, "%s/uploads", s->dir);
    if (file_write_at(f->fd, &f->header, sizeof f->header, 0) || write_slot(f) || fsync(f->fd) || dir_sync(dir)) {
        close(f->fd);
        unlink(path);
        goto out;
    }
    *out = f;
    return 0;
out:
    free(f);
    return rc;
}

/* ---- recovery ---- */

struct slot {
    bool valid;
    struct checkpoint point;
    uint8_t *tail; /* malloc'd */
};

static void read_slot(struct blob_file *f, int i, struct slot *out)
{
    struct slot_head head;
    memset(out, 0, sizeof *out);
    if (file_read_at(f->fd, &head, sizeof head, BLOB_SLOT_AT(i)) || head.magic != SLOT_MAGIC)
        return;
    if (head.plain_len < sizeof out->point || head.plain_len >= sizeof f->plain)
        return;
    struct blob_aad aad = {BLOB_AAD_SLOT, head.plain_len};
    if (file_read_at(f->fd, f->scratch, head.plain_len + BLOB_OVERHEAD, BLOB_SLOT_AT(i) + sizeof head) ||
        blob_unseal(f->key, aad, f->scratch, head.plain_len + BLOB_OVERHEAD, f->plain))
        return;
    memcpy(&out->point, f->plain, sizeof out->point);
    size_t tail = head.plain_len - sizeof out->point;
    if (out->point.held > f->header.expected || tail != out->point.held % BLOB_CHUNK_BYTES)
        return;
    out->tail = malloc(tail ? tail : 1);
    if (!out->tail)
        return;
    memcpy(out->tail, f->plain + sizeof out->point, tail);
    out->valid = true;
}

/* Chunks written since `from` may have missed the disk in a power cut although the checkpoint made it. */
static bool chunks_verify(struct blob_file *f, uint64_t from, uint64_t held)
{
    for (uint64_t n = from / BLOB_CHUNK_BYTES; n < held / BLOB_CHUNK_BYTES; n++) {
        struct blob_aad aad = {BLOB_AAD_CHUNK, n};
        if (file_read_at(f->fd, f->scratch, BLOB_STORED_CHUNK, BLOB_DATA_AT + n * BLOB_STORED_CHUNK) ||
            blob_unseal(f->key, aad, f->scratch, BLOB_STORED_CHUNK, f->plain))
            return false;
    }
    return true;
}

static int recover(struct blob_file *f)
{
    struct slot slots[2];
    read_slot(f, 0, &slots[0]);
    read_slot(f, 1, &slots[1]);
    int newer = slots[1].valid && (!slots[0].valid || slots[1].point.sequence > slots[0].point.sequence);
    const struct slot *take = &slots[newer], *older = &slots[!newer];
    if (take->valid && !chunks_verify(f, older->valid ? older->point.held : 0, take->point.held))
        take = older;
    int rc = take->valid ? 0 : ERR_STORAGE;
    if (rc == 0) {
        f->now = take->point;
        memcpy(f->tail, take->tail, tail_len(f));
    }
    free(slots[0].tail);
    free(slots[1].tail);
    return rc;
}

static int read_head(struct blob_file *f)
{
    uint8_t stored[BLOB_FINAL_STORED];
    struct blob_final final;
    struct blob_aad aad = {BLOB_AAD_FINAL, 0};
    if (file_read_at(f->fd, &f->header, sizeof f->header, 0) || blob_header_check(&f->header))
        return ERR_STORAGE;
    blob_file_key(f->store, &f->header, f->key);
    if (file_read_at(f->fd, stored, sizeof stored, BLOB_FINAL_AT) == 0 &&
        blob_unseal(f->key, aad, stored, sizeof stored, &final) == 0) {
        mark_sealed(f, &final);
        return 0;
    }
    return recover(f);
}

int blob_file_resume(struct blob_store *s, uint64_t id, struct blob_file **out)
{
    char path[700];
    *out = NULL;
    struct blob_file *f = calloc(1, sizeof *f);
    if (!f)
        return ERR_INTERNAL;
    *f = (struct blob_file){.store = s, .id = id};
    path_of(s, id, path);
    f->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (f->fd < 0) {
        free(f);
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_STORAGE;
    }
    int rc = read_head(f);
    if (rc) {
        blob_file_close(f);
        return rc;
    }
    *out = f;
    return 0;
}

/* ---- the rest ---- */

uint64_t blob_file_held(const struct blob_file *f)
{
    return f->now.held;
}

uint64_t blob_file_expected(const struct blob_file *f)
{
    return f->header.expected;
}

bool blob_file_sealed(const struct blob_file *f)
{
    return f->sealed;
}

void blob_file_sha256(const struct blob_file *f, uint8_t out[32])
{
    memcpy(out, f->final_sha, 32);
}

int blob_file_read(struct blob_file *f, uint64_t offset, void *out, size_t len, size_t *got)
{
    *got = 0;
    return f->sealed ? blob_source_read(&f->source, offset, out, len, got) : ERR_NOT_ALLOWED_NOW;
}

int blob_file_publish(struct blob_file *f, char address[BLOB_ADDRESS_BYTES])
{
    char path[700];
    if (!f->sealed)
        return ERR_NOT_ALLOWED_NOW;
    blob_address(f->store, f->final_sha, address);
    path_of(f->store, f->id, path);
    int rc = f->store->backend->publish(f->store->backend_ctx, address, path);
    if (rc == 0 && f->store->told)
        f->store->told(f->store->told_ctx, address);
    return rc;
}

void blob_file_close(struct blob_file *f)
{
    if (!f)
        return;
    close(f->fd);
    blob_source_fini(&f->source);
    explicit_bzero(f, sizeof *f);
    free(f);
}

int blob_file_remove(struct blob_store *s, uint64_t id)
{
    char path[700];
    path_of(s, id, path);
    return unlink(path) == 0 || errno == ENOENT ? 0 : ERR_STORAGE;
}

void blob_files_list(struct blob_store *s, void (*each)(void *ctx, uint64_t id, int64_t written_ms), void *ctx)
{
    char path[600];
    snprintf(path, sizeof path, "%s/uploads", s->dir);
    DIR *d = opendir(path);
    struct dirent *e;
    while (d && (e = readdir(d))) {
        char *end;
        struct stat st;
        uint64_t id = strtoull(e->d_name, &end, 16);
        if (end != e->d_name + 16 || strcmp(end, ".up") != 0 || fstatat(dirfd(d), e->d_name, &st, 0))
            continue;
        each(ctx, id, (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
    }
    if (d)
        closedir(d);
}
