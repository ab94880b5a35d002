/* zip - an archive of a few files in memory (PKWARE APPNOTE 6.3: stored, UTF-8 names, no ZIP64). Pure; any thread. The bytes end in one
 * growing buffer, which the caller encrypts as it is: nothing goes to a disk in the clear, and every buffer is wiped when it is left, which
 * no library of archives in Debian does (libzip and libarchive free theirs as they are). */
#ifndef YL_RECORDS_RESEARCH_ZIP_H
#define YL_RECORDS_RESEARCH_ZIP_H

#include "server/base/fault.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZIP_FILES 24

struct zip {
    uint8_t *bytes; /* malloc'd; zip_clear wipes and frees */
    size_t len, cap;
    size_t n;
    struct {
        char name[64];
        uint32_t crc, size, offset;
    } files[ZIP_FILES];
    bool failed; /* memory, too many files, past 4 GiB */
};
void zip_add(struct zip *z, const char *name, const void *bytes, size_t len);
YL_CHECKED int zip_end(struct zip *z); /* the directory; ERR_TOO_LARGE when anything before failed */
void zip_clear(struct zip *z);
uint32_t zip_crc32(const void *bytes, size_t len);
#endif
