/* What lies in the folder of an archive: written by archive.c, read by archive_restore.c. */
#ifndef YL_RECORDS_STORE_ARCHIVE_PRIVATE_H
#define YL_RECORDS_STORE_ARCHIVE_PRIVATE_H

#include "records/store/archive.h"
#include "server/base/crypto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCHIVE_PATH 700
#define ARCHIVE_MAGIC "YLPIECE1"
#define GENERATIONS_MAX 4096

struct piece_head { /* of the file `log`; this machine's byte order */
    char magic[8];
    int64_t t_ms;
    uint32_t page, pages, size; /* bytes of a page; how many follow; pages of the database */
    uint32_t reserved;
    uint64_t packed;
    uint8_t hash[SHA256_BYTES]; /* of what is packed */
};

struct generation {
    char name[24];
    int64_t from_ms;    /* 0 = it never became whole */
    int64_t checked_ms; /* its base was read back and is sound; 0 = not */
};
/* Those in the folder, the oldest first; how many. */
size_t archive_generations(const char *dir, struct generation *out, size_t cap);
enum archive_sound { ARCHIVE_UNREAD, ARCHIVE_SOUND, ARCHIVE_DAMAGED };
enum archive_sound archive_read_back(const char *path); /* of a database; reads all of it */
void archive_remove(const char *dir, const char *name);  /* a generation */
/* Bytes of one file of a generation; 0 = it is not there. */
int64_t archive_bytes(const char *dir, const char *name, const char *file);
bool archive_put(int fd, const void *bytes, size_t n); /* all of them, or false */
#endif
