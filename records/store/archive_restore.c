/* The way back: a base, and the pieces up to a moment laid on it (archive.h). */
#include "records/store/archive_private.h"
#include "records/store/wal_tail.h"
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

static bool get(int fd, void *bytes, size_t n)
{
    for (char *p = bytes; n > 0;) {
        ssize_t r = read(fd, p, n);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        p += r;
        n -= (size_t)r;
    }
    return true;
}

static bool copy_file(const char *from, int to)
{
    char buffer[1 << 16];
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    while (fd >= 0 && (n = read(fd, buffer, sizeof buffer)) > 0)
        if (!archive_put(to, buffer, (size_t)n))
            break;
    if (fd >= 0)
        close(fd);
    return n == 0;
}

/* One piece into the file; false: it is not whole (cut off by a crash), and nothing follows it. */
static bool apply(int log, const struct piece_head *h, int to, int *failed)
{
    size_t each = 4 + h->page, plain_len = h->pages * each;
    bool sane = h->page >= 512 && h->page <= 65536 && h->packed < WAL_TAIL_MAX * 2 && plain_len < WAL_TAIL_MAX * 2;
    uint8_t hash[SHA256_BYTES], *packed = sane ? malloc(h->packed + 1) : NULL, *plain = sane ? malloc(plain_len + 1) : NULL;
    bool ok = packed && plain && get(log, packed, h->packed);
    if (ok)
        crypto_sha256(packed, h->packed, hash);
    ok = ok && memcmp(hash, h->hash, sizeof hash) == 0 && ZSTD_decompress(plain, plain_len, packed, h->packed) == plain_len;
    for (size_t i = 0; ok && !*failed && i < h->pages; i++) {
        uint32_t number;
        memcpy(&number, plain + i * each, 4);
        *failed = pwrite(to, plain + i * each + 4, h->page, (off_t)(number - 1) * h->page) != (ssize_t)h->page;
    }
    if (ok && !*failed)
        *failed = ftruncate(to, (off_t)h->size * h->page) != 0;
    free(packed);
    free(plain);
    return ok;
}

static bool next_head(int log, struct piece_head *h)
{
    return get(log, h, sizeof *h) && memcmp(h->magic, ARCHIVE_MAGIC, sizeof h->magic) == 0;
}

/* The clock may have been ahead for a while: what counts is the last piece that is not after the moment, with all before it. */
static int64_t pieces_until(int log, int64_t at_ms, int64_t *last_ms)
{
    struct piece_head h;
    int64_t wanted = 0;
    off_t end = lseek(log, 0, SEEK_END), at = lseek(log, 0, SEEK_SET);
    for (int64_t i = 1; next_head(log, &h) && (int64_t)h.packed <= (int64_t)(end - at) - (int64_t)sizeof h; i++) {
        if (h.t_ms <= at_ms)
            wanted = i;
        *last_ms = h.t_ms <= at_ms && h.t_ms > *last_ms ? h.t_ms : *last_ms;
        at = lseek(log, (off_t)h.packed, SEEK_CUR);
    }
    (void)lseek(log, 0, SEEK_SET);
    return wanted;
}

static int apply_all(const char *dir, const char *name, int64_t at_ms, int to, struct store_moment *out)
{
    char path[ARCHIVE_PATH + 100];
    struct piece_head h;
    int failed = 0;
    int64_t last_ms = 0;
    snprintf(path, sizeof path, "%s/%s/log", dir, name);
    int log = open(path, O_RDONLY | O_CLOEXEC);
    int64_t wanted = log >= 0 ? pieces_until(log, at_ms, &last_ms) : 0;
    while (out->pieces < wanted && !failed && next_head(log, &h) && apply(log, &h, to, &failed)) {
        out->pieces++;
        out->at_ms = h.t_ms <= at_ms ? h.t_ms : out->at_ms;
    }
    bool there = log >= 0;
    if (there)
        close(log);
    return there && !failed && fsync(to) == 0 ? 0 : ERR_STORAGE;
}

enum archive_sound archive_read_back(const char *path)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    rc = rc == SQLITE_OK ? sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL) : rc;
    rc = rc == SQLITE_OK ? sqlite3_step(st) : rc;
    enum archive_sound sound = rc == SQLITE_CORRUPT || rc == SQLITE_NOTADB                                     ? ARCHIVE_DAMAGED
                               : rc != SQLITE_ROW                                                              ? ARCHIVE_UNREAD
                               : strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0 ? ARCHIVE_SOUND : ARCHIVE_DAMAGED;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return sound;
}

bool store_is_sound(const char *path)
{
    return archive_read_back(path) == ARCHIVE_SOUND;
}

/* Where a copy is damaged, the one before it may lead further back to a sound database: until when. */
static int64_t end_of(const char *dir, const struct generation *g)
{
    char path[ARCHIVE_PATH + 100];
    int64_t last_ms = g->from_ms;
    snprintf(path, sizeof path, "%s/%s/log", dir, g->name);
    int log = open(path, O_RDONLY | O_CLOEXEC);
    if (log >= 0) {
        (void)pieces_until(log, INT64_MAX, &last_ms);
        close(log);
    }
    return last_ms;
}

static int restore_from(const char *dir, const struct generation *g, int64_t at_ms, const char *to_path, struct store_moment *out, struct fault *f)
{
    char path[ARCHIVE_PATH + 100];
    int to = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return fault_set(f, ERR_STORAGE, "to", "Cannot make %s: %s.", to_path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s/base.db", dir, g->name);
    int rc = copy_file(path, to) ? apply_all(dir, g->name, at_ms, to, out) : ERR_STORAGE;
    close(to);
    if (rc)
        (void)!fault_set(f, rc, "", "The database could not be put together: %s.", strerror(errno));
    if (rc == 0 && !store_is_sound(to_path))
        rc = fault_set(f, ERR_STORAGE, "damaged", "What was restored is not a whole database.");
    if (rc)
        unlink(to_path);
    return rc;
}

int store_archive_restore(const char *dir, int64_t at_ms, const char *to_path, struct store_moment *out, struct fault *f)
{
    struct generation *all = calloc(GENERATIONS_MAX, sizeof *all), *best = NULL, *sound = NULL;
    size_t n = all ? archive_generations(dir, all, GENERATIONS_MAX) : 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        if (all[i].from_ms && (!out->from_ms || all[i].from_ms < out->from_ms))
            out->from_ms = all[i].from_ms;
        if (all[i].from_ms && all[i].from_ms <= at_ms) {
            sound = best && best->checked_ms ? best : sound;
            best = &all[i];
        }
    }
    int rc;
    if (!best)
        rc = fault_set(f, ERR_NOT_FOUND, "at", out->from_ms ? "The archive does not reach back so far." : "There is no whole copy in %s.", dir);
    else {
        out->at_ms = best->from_ms;
        rc = restore_from(dir, best, at_ms, to_path, out, f);
        out->sound_ms = rc && sound ? end_of(dir, sound) : 0;
    }
    free(all);
    return rc;
}
