/* Generations and pieces (archive.h). */
#include "records/store/archive_private.h"
#include "records/store/wal_file.h"
#include "records/store/wal_tail.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#define BASE_STEP 256 /* pages of a base between two pieces */
#define DAY_MS 86400000ll
#define RETRY_MS 3600000ll /* a new copy that could not be, while the one before is followed */
#define ROOM (64ll << 20) /* on its disk beside a copy, for what is committed meanwhile */
#define SHORT_MS 600000ll  /* a copy that another followed so soon: left by a daemon that dies again and again */
#define SHORT_MAX 8        /* of these the last ones are kept */
#define NICE 10 /* nobody waits for what is read back */
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
    uint64_t number; /* of the generation: they count up, also when the clock is set back */
    bool ready;      /* a whole generation is followed */
    bool lost;       /* ... and missed a piece */
    struct metric *m_reached, *m_checked, *m_damaged;
    /* of all, under state_lock */
    pthread_mutex_t state_lock;
    pthread_cond_t moved;
    bool stop, read, follows;
    enum archive_sound sound; /* of what was read back last */
    int64_t reached_ms;
    const char *fault; /* archive.h */
    char wrong[160];
};

/* On the thread that writes the log anew, before it does. */
static void before_anew(void *ctx)
{
    struct store_archive *a = ctx;
    pthread_mutex_lock(&a->lock);
    wal_tail_begins_anew(&a->tail);
    pthread_mutex_unlock(&a->lock);
}

/* Said once, and kept for whoever looks, until it goes on. */
__attribute__((format(printf, 3, 4))) static void wrong(struct store_archive *a, const char *fault, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&a->state_lock);
    bool first = !a->wrong[0];
    if (first) {
        a->fault = fault;
        vsnprintf(a->wrong, sizeof a->wrong, format, args);
    }
    pthread_mutex_unlock(&a->state_lock);
    va_end(args);
    if (first)
        log_error("store", "backup.dir: %s; it is tried again", a->wrong);
}

static void reach(struct store_archive *a, int64_t t_ms)
{
    pthread_mutex_lock(&a->state_lock);
    a->reached_ms = t_ms;
    pthread_mutex_unlock(&a->state_lock);
    metric_set(a->m_reached, t_ms / 1000);
}

/* A whole copy was made. */
static void right(struct store_archive *a)
{
    pthread_mutex_lock(&a->state_lock);
    bool again = a->wrong[0] && a->sound == ARCHIVE_SOUND;
    if (again)
        a->wrong[0] = 0;
    pthread_mutex_unlock(&a->state_lock);
    if (again)
        log_info("store", "backup.dir: the archive goes on");
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
    bool followed = ok && a->before >= 0 && put_piece(a->before, h, packed), begun = ok && put_piece(a->out, h, packed);
    if (a->before >= 0 ? !followed : !begun)
        a->lost = true; /* nothing may follow it there */
    ok = begun;
    if (!ok)
        wrong(a, "behind", "what was committed cannot be written: %s", strerror(errno));
    free(plain);
    free(packed);
    return ok;
}

/* false: this generation goes no further. *t_ms: the moment that it has reached. */
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
    for (size_t i = 0; i < n; i++)
        free(pages[i].bytes);
    free(pages);
    *t_ms = h.t_ms;
    if (a->ready && !a->lost && !gap)
        reach(a, h.t_ms);
    return ok && !gap;
}

/* ---- a generation ---- */

static bool write_number(struct store_archive *a, const char *file, int64_t ms)
{
    char path[PATH + 60], text[40];
    snprintf(path, sizeof path, "%s/%s", a->generation, file);
    snprintf(text, sizeof text, "%lld\n", (long long)ms);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && archive_put(fd, text, strlen(text)) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return ok;
}

static bool stopped(struct store_archive *a)
{
    pthread_mutex_lock(&a->state_lock);
    bool stop = a->stop;
    pthread_mutex_unlock(&a->state_lock);
    return stop;
}

/* Else each try would fill the disk to its end, and be in vain. */
static bool has_room(struct store_archive *a)
{
    struct statvfs v;
    struct stat st;
    if (statvfs(a->dir, &v) || stat(a->database, &st)) {
        wrong(a, "folder", "the folder or the database cannot be looked at: %s", strerror(errno));
        return false;
    }
    int64_t room = (int64_t)v.f_bavail * (int64_t)v.f_frsize, wanted = (int64_t)st.st_size + ROOM;
    if (room < wanted)
        wrong(a, "room", "its disk has %" PRId64 " MB free, a copy needs %" PRId64 " MB", room >> 20, wanted >> 20);
    return room >= wanted;
}

/* What is read is one snapshot, held to the end: pieces go on being written between the steps. NULL, or what went wrong. */
static const char *copy_pages(struct store_archive *a, sqlite3 *from, const char *part)
{
    sqlite3 *to = NULL;
    int64_t t, next = clock_monotonic_us() / 1000 + a->config.every_ms;
    int rc = sqlite3_open_v2(part, &to, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_backup *b = rc == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
    bool ok = true;
    while (b && ok && (rc = sqlite3_backup_step(b, BASE_STEP)) == SQLITE_OK && !stopped(a))
        if (clock_monotonic_us() / 1000 >= next) {
            ok = tick(a, &t);
            next = clock_monotonic_us() / 1000 + a->config.every_ms;
        }
    int end = b ? sqlite3_backup_finish(b) : SQLITE_CANTOPEN;
    sqlite3_close(to);
    rc = end == SQLITE_OK ? rc : end;
    return rc == SQLITE_DONE ? NULL : rc == SQLITE_OK ? "what was committed meanwhile was not taken" : sqlite3_errstr(rc);
}

/* *from_ms: the first moment this generation can go back to. */
static const char *copy_base(struct store_archive *a, sqlite3 *from, int64_t *from_ms)
{
    char part[PATH + 60], whole[PATH + 60];
    snprintf(part, sizeof part, "%s/base.part", a->generation);
    snprintf(whole, sizeof whole, "%s/base.db", a->generation);
    int fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return strerror(errno);
    close(fd);
    int rc = sqlite3_exec(from, "BEGIN; SELECT COUNT(*) FROM sqlite_master", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return sqlite3_errstr(rc);
    if (!tick(a, from_ms))
        return "what is committed cannot be taken";
    const char *why = copy_pages(a, from, part);
    return why ? why : rename(part, whole) ? strerror(errno) : NULL;
}

static bool make_base(struct store_archive *a, int64_t *from_ms)
{
    sqlite3 *from = NULL;
    int rc = sqlite3_open_v2(a->database, &from, SQLITE_OPEN_READWRITE, wal_file_vfs());
    rc = rc == SQLITE_OK ? sqlite3_busy_timeout(from, 5000) : rc;
    const char *why = rc == SQLITE_OK ? copy_base(a, from, from_ms) : sqlite3_errstr(rc);
    sqlite3_close(from);
    if (why && !stopped(a))
        wrong(a, "copy", "a whole copy of the database cannot be made: %s", why);
    return !why;
}

/* ---- what was copied is read back, on a thread of its own: the log is followed meanwhile ---- */

static void *read_back(void *arg)
{
    struct store_archive *a = arg;
    char path[PATH + 60];
    (void)!setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
    snprintf(path, sizeof path, "%s/base.db", a->generation);
    enum archive_sound sound = archive_read_back(path);
    pthread_mutex_lock(&a->state_lock);
    a->sound = sound;
    a->read = true;
    pthread_cond_broadcast(&a->moved);
    pthread_mutex_unlock(&a->state_lock);
    return NULL;
}

static bool is_read(struct store_archive *a)
{
    struct timespec until = clock_until(a->config.every_ms);
    pthread_mutex_lock(&a->state_lock);
    if (!a->read)
        pthread_cond_timedwait(&a->moved, &a->state_lock, &until);
    bool read = a->read;
    pthread_mutex_unlock(&a->state_lock);
    return read;
}

static enum archive_sound check_base(struct store_archive *a)
{
    pthread_t reader;
    int64_t t;
    bool ok = true;
    a->read = false;
    if (pthread_create(&reader, NULL, read_back, a))
        return ARCHIVE_UNREAD;
    while (!is_read(a))
        ok = ok && tick(a, &t);
    pthread_join(reader, NULL);
    if (a->sound == ARCHIVE_SOUND && write_number(a, "checked", clock_now_ms(a->config.clock)))
        metric_set(a->m_checked, clock_now_ms(a->config.clock) / 1000);
    if (a->sound == ARCHIVE_DAMAGED)
        wrong(a, "damaged", "the copy that was just made is no sound database: the one in data.dir is damaged, or this disk (docs/operations.md, \"A damaged database\")");
    metric_set(a->m_damaged, a->sound == ARCHIVE_DAMAGED);
    return ok ? a->sound : ARCHIVE_UNREAD;
}

/* The clock is not believed to have moved on by more than two copies' time since the last one: one that was set a year ahead must not make all that is kept
 * seem old. */
static int64_t needed_from(struct store_archive *a, const struct generation *all, size_t n)
{
    int64_t now = clock_now_ms(a->config.clock), last = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i].from_ms && strtoull(all[i].name, NULL, 16) != a->number)
            last = all[i].from_ms;
    int64_t believed = last && last + 2 * a->config.base_ms < now ? last + 2 * a->config.base_ms : now;
    return believed - a->config.keep_days * DAY_MS;
}

/* What it held is in the copy that a sound next one begins with; only the moments between the two are not to be had any more. */
static bool is_short(const struct store_archive *a, const struct generation *g, const struct generation *next)
{
    int64_t most = a->config.base_ms / 2 < SHORT_MS ? a->config.base_ms / 2 : SHORT_MS;
    return g->from_ms && next && next->checked_ms && next->from_ms >= g->from_ms && next->from_ms - g->from_ms < most;
}

/* One is needed as long as the next whole one does not reach back far enough; one that never became whole is not, nor are many short ones. */
static void sweep(struct store_archive *a)
{
    struct generation *all = calloc(GENERATIONS_MAX, sizeof *all);
    const struct generation *next = NULL;
    size_t n = all ? archive_generations(a->dir, all, GENERATIONS_MAX) : 0;
    int64_t need = needed_from(a, all, n);
    bool reached = false;
    int shorts = 0;
    for (size_t i = n; i-- > 0;) {
        const struct generation *g = &all[i];
        bool mine = strtoull(g->name, NULL, 16) == a->number;
        bool too_many = is_short(a, g, next) && ++shorts > SHORT_MAX;
        if (!mine && (reached || !g->from_ms || too_many))
            archive_remove(a->dir, g->name);
        reached = reached || (g->from_ms && g->checked_ms && g->from_ms <= need);
        next = g->from_ms ? g : next;
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

/* Its number is its moment, or the next after the last one's. */
static uint64_t next_number(struct store_archive *a)
{
    struct generation *all = calloc(GENERATIONS_MAX, sizeof *all);
    size_t n = all ? archive_generations(a->dir, all, GENERATIONS_MAX) : 0;
    uint64_t last = n ? strtoull(all[n - 1].name, NULL, 16) : 0, now = (uint64_t)a->begun_ms;
    free(all);
    return now > last ? now : last + 1;
}

static bool open_generation(struct store_archive *a)
{
    char path[PATH + 60];
    a->begun_ms = clock_now_ms(a->config.clock);
    a->number = next_number(a);
    snprintf(a->generation, sizeof a->generation, "%s/%016" PRIx64, a->dir, a->number);
    snprintf(path, sizeof path, "%s/log", a->generation);
    if (mkdir(a->generation, 0700) == 0)
        a->out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (a->out < 0)
        wrong(a, "unwritable", "cannot be written: %s", strerror(errno));
    return a->out >= 0;
}

static void give_up(struct store_archive *a)
{
    if (a->out >= 0)
        close(a->out);
    a->out = -1;
    archive_remove(a->dir, strrchr(a->generation, '/') + 1);
}

/* A whole, sound generation; of one whose copy is damaged at least the pieces are kept where there is nothing better to follow. */
static bool make_generation(struct store_archive *a, bool goes_on)
{
    int64_t from_ms;
    if (!has_room(a) || !open_generation(a))
        return false;
    bool whole = make_base(a, &from_ms);
    enum archive_sound sound = whole ? check_base(a) : ARCHIVE_UNREAD;
    whole = whole && (sound == ARCHIVE_SOUND || (sound == ARCHIVE_DAMAGED && !goes_on)) && write_number(a, "from", from_ms);
    if (!whole)
        give_up(a);
    return whole;
}

/* One that goes on is followed until the next is whole; if that cannot be, it is followed further. */
static void begin_generation(struct store_archive *a)
{
    char before[sizeof a->generation];
    uint64_t number = a->number;
    bool goes_on = a->ready;
    snprintf(before, sizeof before, "%s", a->generation);
    if (!goes_on) {
        if (a->out >= 0)
            close(a->out);
        begin_log(a);
        a->lost = false;
        a->number = 0;
        sweep(a); /* for the room */
    }
    a->before = goes_on ? a->out : -1;
    a->out = -1;
    if (make_generation(a, goes_on)) {
        if (a->before >= 0)
            close(a->before);
        a->ready = !a->tail.gap;
        a->lost = false;
        right(a);
        sweep(a);
    } else if (goes_on) {
        snprintf(a->generation, sizeof a->generation, "%s", before);
        a->number = number;
        a->out = a->before;
        a->ready = !a->tail.gap && !a->lost;
        a->begun_ms = clock_now_ms(a->config.clock) - a->config.base_ms + (a->config.base_ms < RETRY_MS ? a->config.base_ms : RETRY_MS);
    }
    a->before = -1;
}

/* ---- its thread ---- */

static bool rest(struct store_archive *a, int ms)
{
    struct timespec until = clock_until(ms);
    pthread_mutex_lock(&a->state_lock);
    if (!a->stop)
        pthread_cond_timedwait(&a->moved, &a->state_lock, &until);
    bool go_on = !a->stop;
    pthread_mutex_unlock(&a->state_lock);
    return go_on;
}

/* A clock that was set back to before this generation: another, so that the moments of each do go on from its own first. */
static bool is_due(const struct store_archive *a)
{
    int64_t age = clock_now_ms(a->config.clock) - a->begun_ms;
    return !a->ready || age >= a->config.base_ms || age < 0;
}

static void say_follows(struct store_archive *a)
{
    pthread_mutex_lock(&a->state_lock);
    a->follows = a->ready;
    pthread_mutex_unlock(&a->state_lock);
}

/* A generation that cannot be begun, or goes no further, is begun anew after a while: the disk may be back. */
static void *run(void *arg)
{
    struct store_archive *a = arg;
    int64_t t_ms;
    do {
        if (is_due(a))
            begin_generation(a);
        a->ready = a->ready && tick(a, &t_ms);
        say_follows(a);
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
    a->m_checked = metric_gauge("yilian_backup_checked_timestamp_seconds", "When a whole copy in backup.dir was read back and found sound, Unix time; 0 = not since the start", NULL);
    a->m_damaged = metric_gauge("yilian_backup_damaged", "1 = the whole copy that was read back last is no sound database", NULL);
    snprintf(a->dir, sizeof a->dir, "%s", config->dir);
    pthread_mutex_init(&a->lock, NULL);
    pthread_mutex_init(&a->state_lock, NULL);
    clock_condition(&a->moved);
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
    pthread_mutex_lock(&a->state_lock);
    a->stop = true;
    pthread_cond_broadcast(&a->moved);
    pthread_mutex_unlock(&a->state_lock);
    pthread_join(a->thread, NULL);
    wal_file_watch(NULL, NULL, a);
    wal_tail_forget(&a->tail);
    free(a->tail.pages);
    if (a->out >= 0)
        close(a->out);
    pthread_mutex_destroy(&a->lock);
    pthread_mutex_destroy(&a->state_lock);
    pthread_cond_destroy(&a->moved);
    free(a);
}

void store_archive_look(struct store_archive *a, struct store_archive_state *out)
{
    static const char *const files[] = {"base.db", "base.part", "log"};
    struct generation *all = calloc(GENERATIONS_MAX, sizeof *all);
    size_t n = all ? archive_generations(a->dir, all, GENERATIONS_MAX) : 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < sizeof files / sizeof *files; k++)
            out->bytes += archive_bytes(a->dir, all[i].name, files[k]);
        if (!all[i].from_ms)
            continue;
        out->copies++;
        out->from_ms = !out->from_ms || all[i].from_ms < out->from_ms ? all[i].from_ms : out->from_ms;
        out->base_ms = all[i].from_ms;
        out->base_bytes = archive_bytes(a->dir, all[i].name, "base.db");
        out->checked_ms = all[i].checked_ms ? all[i].checked_ms : out->checked_ms;
    }
    free(all);
    pthread_mutex_lock(&a->state_lock);
    out->reached_ms = a->reached_ms;
    out->follows = a->follows;
    out->damaged = a->sound == ARCHIVE_DAMAGED;
    out->fault = a->wrong[0] ? a->fault : "";
    snprintf(out->wrong, sizeof out->wrong, "%s", a->wrong);
    pthread_mutex_unlock(&a->state_lock);
}
