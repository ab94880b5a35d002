#include "records/research/zip.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UTF8_NAME 0x0800 /* general purpose bit 11 */
#define LOCAL_BYTES 30
#define CENTRAL_BYTES 46
#define END_BYTES 22
#define SIZE_MAX_BYTES 0xfffffff0u
#define DOS_DATE_1980 0x21 /* when a file was made says the manifest; here it would only differ from run to run */

uint32_t zip_crc32(const void *bytes, size_t len)
{
    static const uint32_t nibble[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (const uint8_t *p = bytes; len; p++, len--) {
        crc = nibble[(crc ^ *p) & 15] ^ crc >> 4;
        crc = nibble[(crc ^ *p >> 4) & 15] ^ crc >> 4;
    }
    return ~crc;
}

static uint8_t *room(struct zip *z, size_t n)
{
    if (z->failed || n > SIZE_MAX_BYTES - z->len) {
        z->failed = true;
        return NULL;
    }
    if (z->len + n > z->cap) {
        size_t cap = z->cap ? z->cap : 65536;
        while (cap < z->len + n)
            cap *= 2;
        uint8_t *grown = malloc(cap); /* not realloc: what it leaves behind would not be wiped */
        if (!grown) {
            z->failed = true;
            return NULL;
        }
        if (z->len)
            memcpy(grown, z->bytes, z->len);
        if (z->bytes)
            explicit_bzero(z->bytes, z->len);
        free(z->bytes);
        z->bytes = grown;
        z->cap = cap;
    }
    uint8_t *at = z->bytes + z->len;
    z->len += n;
    return at;
}

static uint8_t *put(uint8_t *p, uint32_t v, int bytes)
{
    while (bytes--) {
        *p++ = (uint8_t)v;
        v >>= 8;
    }
    return p;
}

/* What the local header and the directory say alike: 4.4.4 to 4.4.11. */
static uint8_t *put_common(uint8_t *p, const struct zip *z, size_t i)
{
    p = put(p, 20, 2); /* version needed */
    p = put(p, UTF8_NAME, 2);
    p = put(p, 0, 2); /* stored */
    p = put(p, 0, 2);
    p = put(p, DOS_DATE_1980, 2);
    p = put(p, z->files[i].crc, 4);
    p = put(p, z->files[i].size, 4);
    p = put(p, z->files[i].size, 4);
    p = put(p, (uint32_t)strlen(z->files[i].name), 2);
    return put(p, 0, 2);
}

void zip_add(struct zip *z, const char *name, const void *bytes, size_t len)
{
    size_t i = z->n, n = strlen(name);
    if (i == ZIP_FILES || n >= sizeof z->files[0].name || len > SIZE_MAX_BYTES)
        z->failed = true;
    if (z->failed)
        return;
    snprintf(z->files[i].name, sizeof z->files[i].name, "%s", name);
    z->files[i].crc = zip_crc32(bytes, len);
    z->files[i].size = (uint32_t)len;
    z->files[i].offset = (uint32_t)z->len;
    uint8_t *p = room(z, LOCAL_BYTES + n);
    if (!p)
        return;
    p = put(p, 0x04034b50, 4);
    p = put_common(p, z, i);
    memcpy(p, name, n);
    p = room(z, len);
    if (!p)
        return;
    memcpy(p, bytes, len);
    z->n++;
}

static void put_central(struct zip *z, size_t i)
{
    size_t n = strlen(z->files[i].name);
    uint8_t *p = room(z, CENTRAL_BYTES + n);
    if (!p)
        return;
    p = put(p, 0x02014b50, 4);
    p = put(p, 20, 2); /* version made by */
    p = put_common(p, z, i);
    p = put(p, 0, 2); /* comment */
    p = put(p, 0, 2); /* disk */
    p = put(p, 0, 2);
    p = put(p, 0, 4);
    p = put(p, z->files[i].offset, 4);
    memcpy(p, z->files[i].name, n);
}

int zip_end(struct zip *z)
{
    size_t begin = z->len;
    for (size_t i = 0; i < z->n; i++)
        put_central(z, i);
    size_t size = z->len - begin;
    uint8_t *p = room(z, END_BYTES);
    if (!p)
        return ERR_TOO_LARGE;
    p = put(p, 0x06054b50, 4);
    p = put(p, 0, 4); /* disks */
    p = put(p, (uint32_t)z->n, 2);
    p = put(p, (uint32_t)z->n, 2);
    p = put(p, (uint32_t)size, 4);
    p = put(p, (uint32_t)begin, 4);
    put(p, 0, 2);
    return 0;
}

void zip_clear(struct zip *z)
{
    if (z->bytes)
        explicit_bzero(z->bytes, z->len);
    free(z->bytes);
    memset(z, 0, sizeof *z);
}
