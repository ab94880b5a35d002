#include "records/document/thumbnail.h"
#include "server/base/child.h"
#include "server/base/id.h"
#include <stdlib.h>
#include <string.h>

bool thumbnail_possible(const struct file_type *type, uint64_t bytes)
{
    return bytes <= THUMBNAIL_INPUT_MAX && (type->picture || strcmp(type->kind, "pdf") == 0);
}

struct reading {
    struct blob *blob;
    uint64_t offset;
};

static long read_on(void *ctx, void *out, size_t cap)
{
    struct reading *r = ctx;
    size_t got;
    if (blob_read(r->blob, r->offset, out, cap, &got))
        return -1;
    r->offset += got;
    return (long)got;
}

static int store_bytes(struct blob_store *s, const uint8_t *data, size_t len, char address[BLOB_ADDRESS_BYTES])
{
    struct blob_file *f;
    uint64_t id = id_new();
    int rc = blob_file_create(s, id, len, &f);
    if (rc)
        return rc;
    rc = blob_file_append(f, data, len);
    rc = rc ? rc : blob_file_publish(f, address);
    blob_file_close(f);
    int gone = blob_file_remove(s, id);
    return rc ? rc : gone;
}

int thumbnail_make(struct blob_store *s, const char *address, const struct file_type *type,
                   char thumbnail[BLOB_ADDRESS_BYTES])
{
    static const char *const picture[] = {"/usr/bin/vipsthumbnail", "stdin", "--size", "320x320>", "--vips-disc-threshold", "1g",
                                          "-o", ".jpg[Q=78,strip]", NULL};
    static const char *const pdf[] = {"/usr/bin/pdftoppm", "-jpeg", "-f", "1", "-l", "1", "-singlefile", "-scale-to", "320", "-", NULL};
    struct reading reading = {0};
    uint8_t *data;
    size_t len;
    int rc = blob_open(s, address, &reading.blob);
    if (rc)
        return rc;
    struct child_job job = {.argv = type->picture ? picture : pdf,
                            .input = read_on,
                            .ctx = &reading,
                            .output_max = 1 << 20,
                            .time_ms = 20000,
                            .cpu_s = 15,
                            .memory_bytes = (uint64_t)1536 << 20};
    rc = child_run(&job, &data, &len);
    blob_close(reading.blob);
    if (rc)
        return rc;
    if (len < 4 || strcmp(file_type_detect(data, len, len)->name, "jpeg") != 0)
        rc = ERR_INVALID;
    rc = rc ? rc : store_bytes(s, data, len, thumbnail);
    free(data);
    return rc;
}
