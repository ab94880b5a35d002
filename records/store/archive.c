/* Generations and pieces (archive.h). */
#include "records/store/archive_private.h"
#include "records/store/wal_file.h"
#include "records/store/wal_tail.h"
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

#define BASE_STEP 256 /* pages of a base between two pieces */
#define DAY_MS 86400000ll
#define PATH ARCHIVE_PATH

struct store_archive {
    char database[PATH], wal[PATH], dir[PATH], generation[PATH + 40];
    struct store_archive_config config;
    pthread_t thread;
    pthread_mutex_t lock; /* `tail`: the thread's, and the writer's where the log begins anew */
    struct wal_tail tail;
    /* the thread's */
    int out, before; /* the log of this generation; of the one before, while the base of this one is copied */
    int64_t begun_ms;
    bool ready, complained;
    struct metric *m_reached;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_moved;
    bool stop;
};

/* On the thread that writes the log anew, before it does. */
static void before_anew(void *ctx)
{
    struct store_archive *a = ctx;
    pthread_mutex_lock(&a->lock);
    wal_tail_begins_anew(&a->tail);
    pthread_mutex_unlock(&a->lock);
}

/* ---- a piece ---- */

static int by_number(const void *x, const void *y)
{
    const struct wal_page *a = x, *b = y;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

bool archive_put(int fd, const void *bytes, size_t n)
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
    return archive_put(fd, h, sizeof *h) && archive_put(fd, packed, h->packed) && fdatasync(fd) == 0;
}

/* Of each page its last content. */
static bool write_piece(struct store_archive *a, struct wal_page *pages, size_t n, struct piece_head *h)
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
    memcpy(h->magic, ARCHIVE_MAGIC, sizeof h->magic);
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
    if (!a->tail.gap)
        (void)!wal_tail_take(&a->tail);
    struct wal_page *pages = a->tail.pages;
    size_t n = a->tail.n;
    struct piece_head h = {.t_ms = clock_now_ms(a->config.clock), .page = a->tail.page_bytes, .size = a->tail.size};
    bool gap = a->tail.gap;
    a->tail.pages = NULL;
    a->tail.n = a->tail.cap = 0;
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
    bool ok = fd >= 0 && archive_put(fd, text, strlen(text)) && fsync(fd) == 0;
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

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct generation *)x)->name, ((const struct generation *)y)->name);
}

size_t archive_generations(const char *dir, struct generation *out, size_t cap)
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
    size_t n = all ? archive_generations(a->config.dir, all, GENERATIONS_MAX) : 0;
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
    wal_tail_from_the_beginning(&a->tail);
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
        a->ready = !a->tail.gap;
    }
    return false;
}

/* ---- its thread ---- */

static bool rest(struct store_archive *a, int ms)
{
    struct timespec until = clock_until(CLOCK_REALTIME, ms);
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
        a->tail.wal = a->wal;
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
    wal_tail_forget(&a->tail);
    free(a->tail.pages);
    if (a->out >= 0)
        close(a->out);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->stop_lock);
    pthread_cond_destroy(&a->stop_moved);
    free(a);
}
