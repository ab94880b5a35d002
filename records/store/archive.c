/* Generations, pieces, and the way back (archive.h). */
#include "records/store/archive.h"
#include "records/store/wal_file.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define FRAME_HEAD 24
#define WAL_HEAD 32
#define PENDING_MAX ((size_t)512 << 20) /* of pages that wait for the disk of the archive: beyond it a new generation is begun */
#define BASE_STEP 256                   /* pages of a base between two pieces */
#define DAY_MS 86400000ll
#define GENERATIONS_MAX 4096
#define PATH 700
static const char magic[8] = "YLPIECE1";

struct piece_head { /* of the file `log`; this machine's byte order */
    char magic[8];
    int64_t t_ms;
    uint32_t page, pages, size; /* bytes of a page; how many follow; pages of the database */
    uint32_t reserved;
    uint64_t packed;
    uint8_t hash[SHA256_BYTES]; /* of what is packed */
};

struct page { /* one of the pending */
    uint32_t number, order;
    uint8_t *bytes;
};

struct store_archive {
    char database[PATH], wal[PATH], dir[PATH], generation[PATH + 40];
    struct store_archive_config config;
    pthread_t thread;
    pthread_mutex_t lock; /* what follows, up to `gap`: the thread's, and the writer's where the log begins anew */
    uint32_t salt[2], sum[2], page_bytes;
    int64_t at;    /* how far the log was taken; 0 = from its beginning */
    bool ended;    /* all of the log that was there was taken, and it begins anew: other salts are expected */
    struct page *pages;
    size_t n, cap;
    uint32_t size; /* pages of the database by the last commit */
    bool gap;
    /* the thread's */
    int out, before; /* the log of this generation; of the one before, while the base of this one is copied */
    int64_t begun_ms;
    bool ready, complained;
    struct metric *m_reached;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_moved;
    bool stop;
};

/* ---- the write-ahead log ---- */

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* As SQLite's walChecksumBytes; `swap`: the words are in big-endian order (the log's magic number says so). */
static void add_sum(uint32_t sum[2], const uint8_t *p, size_t n, bool bigs)
{
    for (size_t i = 0; i + 8 <= n; i += 8) {
        uint32_t x, y;
        memcpy(&x, p + i, 4);
        memcpy(&y, p + i + 4, 4);
        if (bigs) {
            x = big(p + i);
            y = big(p + i + 4);
        }
        sum[0] += x + sum[1];
        sum[1] += y + sum[0];
    }
}

static void forget_pages(struct store_archive *a)
{
    for (size_t i = 0; i < a->n; i++)
        free(a->pages[i].bytes);
    a->n = 0;
}

static bool add_page(struct store_archive *a, uint32_t number, const uint8_t *bytes)
{
    if (a->n == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 256;
        struct page *more = realloc(a->pages, cap * sizeof *more);
        if (!more)
            return false;
        a->pages = more;
        a->cap = cap;
    }
    uint8_t *copy = (a->n + 1) * a->page_bytes < PENDING_MAX ? malloc(a->page_bytes) : NULL;
    if (!copy)
        return false;
    memcpy(copy, bytes, a->page_bytes);
    a->pages[a->n] = (struct page){number, (uint32_t)a->n, copy};
    a->n++;
    return true;
}

/* Frames up to the last commit; those behind it (of a transaction under way) are read again later. */
static void take_frames(struct store_archive *a, int fd, const uint8_t head[WAL_HEAD], int64_t end)
{
    bool bigs = big(head) & 1;
    size_t step = FRAME_HEAD + a->page_bytes, kept = a->n;
    uint32_t sum[2] = {a->sum[0], a->sum[1]};
    int64_t at = a->at;
    uint8_t *frame = malloc(step);
    while (frame && at + (int64_t)step <= end && pread(fd, frame, step, at) == (ssize_t)step) {
        if (big(frame + 8) != a->salt[0] || big(frame + 12) != a->salt[1])
            break;
        add_sum(sum, frame, 8, bigs);
        add_sum(sum, frame + FRAME_HEAD, a->page_bytes, bigs);
        if (big(frame + 16) != sum[0] || big(frame + 20) != sum[1])
            break;
        if (!add_page(a, big(frame), frame + FRAME_HEAD)) {
            a->gap = true;
            break;
        }
        at += (int64_t)step;
        if (big(frame + 4)) { /* a commit */
            a->size = big(frame + 4);
            a->at = at;
            memcpy(a->sum, sum, sizeof sum);
            kept = a->n;
        }
    }
    a->gap = a->gap || !frame;
    free(frame);
    while (a->n > kept)
        free(a->pages[--a->n].bytes);
}

/* The log's head: the one we know, a new one after its end, or one that came without our knowing. */
static bool know_head(struct store_archive *a, const uint8_t head[WAL_HEAD])
{
    uint32_t sum[2] = {0, 0};
    add_sum(sum, head, 24, big(head) & 1);
    if ((big(head) & ~1u) != 0x377f0682 || big(head + 24) != sum[0] || big(head + 28) != sum[1])
        return false; /* being written; nothing is lost by waiting */
    if (a->at && big(head + 16) == a->salt[0] && big(head + 20) == a->salt[1])
        return true;
    if (a->at && !a->ended)
        a->gap = true;
    a->salt[0] = big(head + 16);
    a->salt[1] = big(head + 20);
    a->page_bytes = big(head + 8);
    memcpy(a->sum, sum, sizeof sum);
    a->at = WAL_HEAD;
    a->ended = false;
    return true;
}

/* Under the lock. false: there is no log, or not to be read just now. */
static bool take_log(struct store_archive *a)
{
    uint8_t head[WAL_HEAD];
    struct stat st;
    int fd = open(a->wal, O_RDONLY | O_CLOEXEC);
    bool there = fd >= 0 && fstat(fd, &st) == 0 && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head && know_head(a, head);
    if (there && !a->gap)
        take_frames(a, fd, head, st.st_size);
    if (fd >= 0)
        close(fd);
    return there;
}

/* On the thread that writes the log anew, before it does. */
static void before_anew(void *ctx)
{
    struct store_archive *a = ctx;
    pthread_mutex_lock(&a->lock);
    if (!a->gap && take_log(a)) /* also one that began after the last piece */
        a->ended = true;
    else if (a->at && !a->ended) /* it was cut by somebody else, with what was not taken yet */
        a->gap = true;
    pthread_mutex_unlock(&a->lock);
}

/* ---- a piece ---- */

static int by_number(const void *x, const void *y)
{
    const struct page *a = x, *b = y;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

static bool put(int fd, const void *bytes, size_t n)
{
    for (const char *p = bytes; n > 0;) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return false;
        p += w;
        n -= (size_t)w;
    }
    return true;
}

static bool put_piece(int fd, const struct piece_head *h, const uint8_t *packed)
{
    return put(fd, h, sizeof *h) && put(fd, packed, h->packed) && fdatasync(fd) == 0;
}

/* Of each page its last content. */
static bool write_piece(struct store_archive *a, struct page *pages, size_t n, struct piece_head *h)
{
    size_t each = 4 + h->page, len = 0;
    uint8_t *plain = malloc(n * each + 1), *packed = NULL;
    bool ok = plain != NULL;
    qsort(pages, n, sizeof *pages, by_number);
    for (size_t i = 0; ok && i < n; i++) {
        if (i + 1 < n && pages[i + 1].number == pages[i].number)
            continue;
        memcpy(plain + len, &pages[i].number, 4);
        memcpy(plain + len + 4, pages[i].bytes, h->page);
        len += each;
    }
    h->pages = (uint32_t)(len / each);
    size_t cap = ZSTD_compressBound(len);
    ok = ok && (packed = malloc(cap));
    size_t got = ok ? ZSTD_compress(packed, cap, plain, len, 1) : 0;
    ok = ok && !ZSTD_isError(got);
    h->packed = got;
    memcpy(h->magic, magic, sizeof magic);
    if (ok)
        crypto_sha256(packed, got, h->hash);
    ok = ok && (a->before < 0 || put_piece(a->before, h, packed)) && put_piece(a->out, h, packed);
    free(plain);
    free(packed);
    return ok;
}

static void complain(struct store_archive *a)
{
    if (!a->complained)
        log_error("store", "backup.dir cannot be written, it is tried again: %s", strerror(errno));
    a->complained = true;
}

/* false: this generation goes no further. *t_ms: the moment that the archive has reached. */
static bool tick(struct store_archive *a, int64_t *t_ms)
{
    pthread_mutex_lock(&a->lock);
    if (!a->gap)
        (void)!take_log(a);
    struct page *pages = a->pages;
    size_t n = a->n;
    struct piece_head h = {.t_ms = clock_now_ms(a->config.clock), .page = a->page_bytes, .size = a->size};
    bool gap = a->gap;
    a->pages = NULL;
    a->n = a->cap = 0;
    pthread_mutex_unlock(&a->lock);
    bool ok = n == 0 || write_piece(a, pages, n, &h);
    if (!ok)
        complain(a);
    for (size_t i = 0; i < n; i++)
        free(pages[i].bytes);
    free(pages);
    *t_ms = h.t_ms;
    return ok && !gap;
}

/* ---- a generation ---- */

static bool write_from(struct store_archive *a, int64_t from_ms)
{
    char path[PATH + 60], text[40];
    snprintf(path, sizeof path, "%s/from", a->generation);
    snprintf(text, sizeof text, "%lld\n", (long long)from_ms);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && put(fd, text, strlen(text)) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool stopped(struct store_archive *a)
{
    pthread_mutex_lock(&a->stop_lock);
    bool stop = a->stop;
    pthread_mutex_unlock(&a->stop_lock);
    return stop;
}

/* What is read is one snapshot, held to the end: pieces go on being written between the steps. *from_ms: the first moment this generation can go back to. */
static bool copy_base(struct store_archive *a, sqlite3 *from, int64_t *from_ms)
{
    char part[PATH + 60], whole[PATH + 60];
    sqlite3 *to = NULL;
    int64_t t;
    snprintf(part, sizeof part, "%s/base.part", a->generation);
    snprintf(whole, sizeof whole, "%s/base.db", a->generation);
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    close(fd);
    if (sqlite3_exec(from, "BEGIN; SELECT COUNT(*) FROM sqlite_master", NULL, NULL, NULL) != SQLITE_OK || !tick(a, from_ms))
        return false;
    int rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
    int64_t next = clock_monotonic_us() / 1000 + a->config.every_ms;
    bool ok = b != NULL;
    while (ok && (rc = sqlite3_backup_step(b, BASE_STEP)) == SQLITE_OK && !stopped(a))
        if (clock_monotonic_us() / 1000 >= next) {
            ok = tick(a, &t);
            next = clock_monotonic_us() / 1000 + a->config.every_ms;
        }
    if (b && sqlite3_backup_finish(b) != SQLITE_OK)
        ok = false;
    sqlite3_close(to);
    return ok && rc == SQLITE_DONE && rename(part, whole) == 0;
}

static bool make_base(struct store_archive *a)
{
    sqlite3 *from = NULL;
    int64_t from_ms;
    bool ok = sqlite3_open_v2(a->database, &from, SQLITE_OPEN_READWRITE, wal_file_vfs()) == SQLITE_OK && sqlite3_busy_timeout(from, 5000) == SQLITE_OK &&
              copy_base(a, from, &from_ms) && write_from(a, from_ms);
    sqlite3_close(from);
    return ok;
}

static void remove_generation(const char *dir, const char *name)
{
    static const char *const files[] = {"from", "base.db", "base.part", "base.part-journal", "log"};
    char path[PATH + 100];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", dir, name, files[i]);
        (void)!unlink(path);
    }
    snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)!rmdir(path);
}

struct generation {
    char name[24];
    int64_t from_ms; /* 0 = it never became whole */
};

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct generation *)x)->name, ((const struct generation *)y)->name);
}

static size_t generations(const char *dir, struct generation *out, size_t cap)
{
    size_t n = 0;
    char path[PATH + 100];
    DIR *d = opendir(dir);
    for (struct dirent *e; d && n < cap && (e = readdir(d));) {
        if (strlen(e->d_name) != 16 || strspn(e->d_name, "0123456789abcdef") != 16)
            continue;
        long long from = 0;
        snprintf(path, sizeof path, "%s/%s/from", dir, e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%lld", &from) != 1)
            from = 0;
        if (f)
            fclose(f);
        snprintf(out[n].name, sizeof out[n].name, "%.16s", e->d_name);
        out[n++].from_ms = from;
    }
    if (d)
        closedir(d);
    qsort(out, n, sizeof *out, by_name);
    return n;
}

/* One is needed as long as the next whole one does not reach back far enough; one that never became whole is not. */
static void sweep(struct store_archive *a)
{
    struct generation *all = calloc(GENERATIONS_MAX, sizeof *all);
    size_t n = all ? generations(a->config.dir, all, GENERATIONS_MAX) : 0;
    int64_t need = clock_now_ms(a->config.clock) - a->config.keep_days * DAY_MS;
    bool reached = false;
    for (size_t i = n; i-- > 0;) {
        bool mine = strstr(a->generation, all[i].name) != NULL;
        if (!mine && (reached || !all[i].from_ms))
            remove_generation(a->config.dir, all[i].name);
        reached = reached || (all[i].from_ms && all[i].from_ms <= need);
    }
    free(all);
}

/* A log that is not being followed is read from its beginning: what a base holds already does no harm. */
static void begin_log(struct store_archive *a)
{
    pthread_mutex_lock(&a->lock);
    forget_pages(a);
    a->at = 0;
    a->gap = a->ended = false;
    pthread_mutex_unlock(&a->lock);
}

static bool open_generation(struct store_archive *a)
{
    char path[PATH + 60];
    snprintf(a->generation, sizeof a->generation, "%s/%016llx", a->config.dir, (unsigned long long)a->begun_ms);
    if (mkdir(a->generation, 0700))
        return false;
    snprintf(path, sizeof path, "%s/log", a->generation);
    a->out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    return a->out >= 0;
}

/* One that goes on is followed until the next is whole; if that cannot be, it is followed further. */
static bool begin_generation(struct store_archive *a)
{
    char before[sizeof a->generation];
    bool goes_on = a->ready;
    snprintf(before, sizeof before, "%s", a->generation);
    if (!goes_on && a->out >= 0)
        close(a->out);
    a->before = goes_on ? a->out : -1;
    a->out = -1;
    if (!goes_on)
        begin_log(a);
    a->begun_ms = clock_now_ms(a->config.clock);
    a->ready = open_generation(a) && make_base(a);
    if (a->ready) {
        if (a->before >= 0)
            close(a->before);
        a->before = -1;
        sweep(a);
        return true;
    }
    if (goes_on) {
        if (a->out >= 0)
            close(a->out);
        remove_generation(a->config.dir, strrchr(a->generation, '/') + 1);
        snprintf(a->generation, sizeof a->generation, "%s", before);
        a->out = a->before;
        a->before = -1;
        a->ready = !a->gap;
    }
    return false;
}

/* ---- its thread ---- */

static bool rest(struct store_archive *a, int ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&a->stop_lock);
    if (!a->stop)
        pthread_cond_timedwait(&a->stop_moved, &a->stop_lock, &until);
    bool go_on = !a->stop;
    pthread_mutex_unlock(&a->stop_lock);
    return go_on;
}

/* A generation that cannot be begun, or goes no further, is begun anew after a while: the disk may be back. */
static void *run(void *arg)
{
    struct store_archive *a = arg;
    int64_t t_ms;
    do {
        bool due = !a->ready || clock_now_ms(a->config.clock) - a->begun_ms >= a->config.base_ms;
        if (due && !begin_generation(a) && !stopped(a))
            complain(a);
        a->ready = a->ready && tick(a, &t_ms);
        if (a->ready)
            metric_set(a->m_reached, t_ms / 1000);
        a->complained = a->complained && !a->ready;
    } while (rest(a, a->ready ? a->config.every_ms : 10 * a->config.every_ms));
    if (a->ready)
        (void)tick(a, &t_ms);
    return NULL;
}

int store_archive_open(struct store_archive **out, const struct store_archive_config *config, struct fault *f)
{
    struct store_archive *a = *out = calloc(1, sizeof *a);
    char real[PATH_MAX];
    if (!a)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    a->config = *config;
    a->out = a->before = -1;
    a->m_reached = metric_gauge("yilian_backup_reached_timestamp_seconds", "Moment that the archive of backup.dir has reached, Unix time; 0 = no whole copy yet", NULL);
    snprintf(a->dir, sizeof a->dir, "%s", config->dir);
    a->config.dir = a->dir;
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->stop_lock, NULL);
    pthread_cond_init(&a->stop_moved, NULL);
    int rc = mkdir(a->dir, 0700) && errno != EEXIST ? ERR_INVALID : 0;
    rc = rc || !realpath(config->database, real) || strlen(real) > PATH - 8 ? ERR_INVALID : 0;
    if (rc == 0) {
        snprintf(a->database, sizeof a->database, "%.*s", PATH - 8, real);
        snprintf(a->wal, sizeof a->wal, "%.*s-wal", PATH - 8, real);
        wal_file_watch(a->wal, before_anew, a);
        rc = pthread_create(&a->thread, NULL, run, a) ? ERR_UNAVAILABLE : 0;
    }
    if (rc == 0)
        return 0;
    wal_file_watch(NULL, NULL, a);
    free(a);
    *out = NULL;
    return fault_set(f, ERR_INVALID, "backup.dir", "The folder %.200s of backup.dir cannot be used: %s.", config->dir, strerror(errno));
}

void store_archive_close(struct store_archive *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->stop_lock);
    a->stop = true;
    pthread_cond_broadcast(&a->stop_moved);
    pthread_mutex_unlock(&a->stop_lock);
    pthread_join(a->thread, NULL);
    wal_file_watch(NULL, NULL, a);
    forget_pages(a);
    free(a->pages);
    if (a->out >= 0)
        close(a->out);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->stop_lock);
    pthread_cond_destroy(&a->stop_moved);
    free(a);
}

/* ---- the way back ---- */

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
        if (!put(to, buffer, (size_t)n))
            break;
    if (fd >= 0)
        close(fd);
    return n == 0;
}

/* One piece into the file; false: it is not whole (cut off by a crash), and nothing follows it. */
static bool apply(int log, const struct piece_head *h, int to, int *failed)
{
    size_t each = 4 + h->page, plain_len = h->pages * each;
    bool sane = h->page >= 512 && h->page <= 65536 && h->packed < PENDING_MAX * 2 && plain_len < PENDING_MAX * 2;
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

static int apply_all(const char *dir, const char *name, int64_t at_ms, int to, struct store_moment *out)
{
    char path[PATH + 100];
    struct piece_head h;
    int failed = 0;
    snprintf(path, sizeof path, "%s/%s/log", dir, name);
    int log = open(path, O_RDONLY | O_CLOEXEC);
    while (log >= 0 && !failed && get(log, &h, sizeof h) && memcmp(h.magic, magic, sizeof magic) == 0 && h.t_ms <= at_ms && apply(log, &h, to, &failed)) {
        out->pieces++;
        out->at_ms = h.t_ms > out->at_ms ? h.t_ms : out->at_ms;
    }
    bool there = log >= 0;
    if (there)
        close(log);
    return there && !failed && fsync(to) == 0 ? 0 : ERR_STORAGE;
}

static int check(const char *path, struct fault *f)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
    rc = rc == SQLITE_OK ? sqlite3_prepare_v2(db, "PRAGMA quick_check", -1, &st, NULL) : rc;
    bool whole = rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return whole ? 0 : fault_set(f, ERR_STORAGE, "damaged", "What was restored is not a whole database.");
}

static int restore_from(const char *dir, const struct generation *g, int64_t at_ms, const char *to_path, struct store_moment *out, struct fault *f)
{
    char path[PATH + 100];
    int to = open(to_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (to < 0)
        return fault_set(f, ERR_STORAGE, "to", "Cannot make %s: %s.", to_path, strerror(errno));
    snprintf(path, sizeof path, "%s/%s/base.db", dir, g->name);
    int rc = copy_file(path, to) ? apply_all(dir, g->name, at_ms, to, out) : ERR_STORAGE;
    close(to);
    if (rc)
        (void)!fault_set(f, rc, "", "The database could not be put together: %s.", strerror(errno));
    rc = rc ? rc : check(to_path, f);
    if (rc)
        unlink(to_path);
    return rc;
}

int store_archive_restore(const char *dir, int64_t at_ms, const char *to_path, struct store_moment *out, struct fault *f)
{
    struct generation *all = calloc(GENERATIONS_MAX, sizeof *all), *best = NULL;
    size_t n = all ? generations(dir, all, GENERATIONS_MAX) : 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        if (all[i].from_ms && (!out->from_ms || all[i].from_ms < out->from_ms))
            out->from_ms = all[i].from_ms;
        if (all[i].from_ms && all[i].from_ms <= at_ms)
            best = &all[i];
    }
    int rc;
    if (!best)
        rc = fault_set(f, ERR_NOT_FOUND, "at", out->from_ms ? "The archive does not reach back so far." : "There is no whole copy in %s.", dir);
    else {
        out->at_ms = best->from_ms;
        rc = restore_from(dir, best, at_ms, to_path, out, f);
    }
    free(all);
    return rc;
}
