/* The thread that keeps the copies, and the way back (mirror.h). */
#include "records/document/mirror.h"
#include "records/document/blob_format.h"
#include "server/base/log.h"
#include "server/base/metrics.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define PIECE (1u << 20)
#define SYNC_EVERY (16u << 20)     /* so that a large copy never has much to write back at once */
#define RESERVE_BYTES (64ll << 20) /* stays free where copies lie */
#define WAITING_MAX 10000          /* more are found by comparing */
#define RETRY_MS 10000
#define NOTE_S (90 * 24 * 3600)
#define COMPARE_MS (24 * 3600 * 1000)

struct blob_mirror {
    struct blob_mirror_config config;
    char data[400], dir[400];
    pthread_t thread;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t moved;
    bool stop, compare;
    char (*waiting)[BLOB_ADDRESS_BYTES];
    size_t n_waiting, cap_waiting;
    struct blob_mirror_state state;
    struct metric *m_waiting, *m_files;
};

static void path_in(const char *top, const char *address, char out[700])
{
    snprintf(out, 700, "%.400s/%.2s/%.2s/%s", top, address, address + 2, address);
}

static void tops(const struct blob_mirror *m, char blobs[420], char files[420])
{
    snprintf(blobs, 420, "%s/blobs", m->data);
    snprintf(files, 420, "%s/files", m->dir);
}

static bool stopping(struct blob_mirror *m)
{
    pthread_mutex_lock(&m->lock);
    bool stop = m->stop;
    pthread_mutex_unlock(&m->lock);
    return stop;
}

/* Told once, until it goes on. Always false. */
static bool stands(struct blob_mirror *m, const char *word, const char *what, const char *path)
{
    char wrong[160];
    snprintf(wrong, sizeof wrong, "%s %.90s: %.40s", what, path, strerror(errno));
    pthread_mutex_lock(&m->lock);
    bool news = strcmp(m->state.fault, word) != 0;
    m->state.fault = word;
    snprintf(m->state.wrong, sizeof m->state.wrong, "%s", wrong);
    pthread_mutex_unlock(&m->lock);
    if (news)
        log_error("backup", "backup.dir: files are not copied: %s", wrong);
    return false;
}

static void goes_on(struct blob_mirror *m)
{
    pthread_mutex_lock(&m->lock);
    bool news = m->state.fault[0];
    m->state.fault = "";
    m->state.wrong[0] = 0;
    pthread_mutex_unlock(&m->lock);
    if (news)
        log_info("backup", "backup.dir: files are copied again");
}

/* ---- one file ---- */

static bool folder_made(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool folders_made(const char *top, const char *address)
{
    char path[700];
    snprintf(path, sizeof path, "%.400s/%.2s", top, address);
    if (!folder_made(top) || !folder_made(path))
        return false;
    snprintf(path, sizeof path, "%.400s/%.2s/%.2s", top, address, address + 2);
    return folder_made(path);
}

static int folder_kept(const char *top, const char *address)
{
    char two[700], one[700];
    snprintf(two, sizeof two, "%.400s/%.2s/%.2s", top, address, address + 2);
    snprintf(one, sizeof one, "%.400s/%.2s", top, address);
    return dir_sync(two) || dir_sync(one) || dir_sync(top);
}

/* All of `from`, from its beginning. `m` NULL: not to be stopped. */
static bool written(struct blob_mirror *m, int from, int to, int64_t bytes, uint8_t *piece)
{
    for (int64_t at = 0; at < bytes; at += PIECE) {
        size_t n = bytes - at < PIECE ? (size_t)(bytes - at) : PIECE;
        if ((m && stopping(m)) || file_read_at(from, piece, n, (uint64_t)at) || file_write_at(to, piece, n, (uint64_t)at))
            return false;
        if (at % SYNC_EVERY == 0 && at && fdatasync(to))
            return false;
    }
    return fsync(to) == 0;
}

/* What the disk has of it, not what memory remembers. */
static bool reads_alike(struct blob_mirror *m, int from, int to, int64_t bytes, uint8_t *piece)
{
    (void)posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED);
    for (int64_t at = 0; at < bytes; at += PIECE) {
        size_t n = bytes - at < PIECE ? (size_t)(bytes - at) : PIECE;
        if (stopping(m) || file_read_at(from, piece, n, (uint64_t)at) || file_read_at(to, piece + PIECE, n, (uint64_t)at))
            return false;
        if (memcmp(piece, piece + PIECE, n) != 0) {
            errno = EIO;
            return false;
        }
    }
    return true;
}

static bool has_room(const char *dir, int64_t bytes)
{
    struct statvfs v;
    errno = ENOSPC;
    return statvfs(dir, &v) == 0 && (int64_t)v.f_bavail * (int64_t)v.f_frsize > bytes + RESERVE_BYTES;
}

static bool copied(struct blob_mirror *m, const char *top, const char *address, int from, int64_t bytes)
{
    char path[700], part[710];
    path_in(top, address, path);
    snprintf(part, sizeof part, "%s.part", path);
    if (!folder_made(m->dir) || !folders_made(top, address))
        return stands(m, "folder", "cannot make", top);
    if (!has_room(top, bytes))
        return stands(m, "room", "no room in", top);
    int to = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    uint8_t *piece = malloc(2 * PIECE);
    bool write_ok = to >= 0 && piece && written(m, from, to, bytes, piece);
    bool ok = write_ok && reads_alike(m, from, to, bytes, piece);
    ok = ok && rename(part, path) == 0 && folder_kept(top, address) == 0;
    int why = errno;
    free(piece);
    if (to >= 0)
        close(to);
    if (!ok)
        unlink(part);
    errno = why;
    return ok || stopping(m) || stands(m, why == ENOSPC ? "room" : write_ok ? "copy" : "unwritable", write_ok ? "cannot keep" : "cannot write", path);
}

static void tallied(struct blob_mirror *m, int files, int64_t bytes)
{
    pthread_mutex_lock(&m->lock);
    m->state.files += files;
    m->state.bytes += bytes;
    pthread_mutex_unlock(&m->lock);
}

/* A blob that is there has its copy afterwards. */
static bool carried(struct blob_mirror *m, const char *address)
{
    char blobs[420], files[420], from_path[700], to_path[700];
    struct stat is, was;
    tops(m, blobs, files);
    path_in(blobs, address, from_path);
    path_in(files, address, to_path);
    int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (from < 0 || fstat(from, &is)) {
        if (errno != ENOENT)
            log_error("backup", "blob %.16s cannot be read: %s", address, strerror(errno));
        if (from >= 0)
            close(from);
        return true; /* the others are copied all the same */
    }
    bool had = stat(to_path, &was) == 0, same = had && was.st_size == is.st_size;
    bool ok = same || copied(m, files, address, from, is.st_size);
    close(from);
    if (ok && !same && !stopping(m))
        tallied(m, !had, is.st_size - (had ? was.st_size : 0));
    return ok;
}

/* The copy of a blob that must not be kept goes. *over: the note has done its duty, a copy is gone. Where none was found it stays a while: the folder may be another one
 * just now (not mounted). While the blob is there - about to be removed - nothing is done; one that is wanted again took its note away itself. */
static bool dropped(struct blob_mirror *m, const char *address, bool *over)
{
    char blobs[420], files[420], from_path[700], to_path[700];
    struct stat is, was;
    tops(m, blobs, files);
    path_in(blobs, address, from_path);
    path_in(files, address, to_path);
    *over = false;
    if (stat(from_path, &is) == 0 || stat(to_path, &was))
        return true;
    if (unlink(to_path) || folder_kept(files, address))
        return stands(m, "unwritable", "cannot remove", to_path);
    tallied(m, -1, -was.st_size);
    *over = true;
    return true;
}

/* ---- all of them ---- */

static bool is_address(const char *name)
{
    return strlen(name) == BLOB_ADDRESS_BYTES - 1 && strspn(name, "0123456789abcdef") == BLOB_ADDRESS_BYTES - 1;
}

/* Each file under TOP/ab/cd; ends when `each` says false. */
static bool walked(const char *top, bool (*each)(void *ctx, const char *address), void *ctx)
{
    bool go_on = true;
    for (int i = 0; go_on && i < 256; i++) {
        char one[440];
        snprintf(one, sizeof one, "%.420s/%02x", top, (unsigned)i);
        DIR *d = opendir(one);
        for (struct dirent *e; go_on && d && (e = readdir(d));) {
            char two[700];
            if (e->d_name[0] == '.')
                continue;
            snprintf(two, sizeof two, "%s/%.2s", one, e->d_name);
            DIR *in = opendir(two);
            for (struct dirent *x; go_on && in && (x = readdir(in));)
                go_on = !is_address(x->d_name) || each(ctx, x->d_name);
            if (in)
                closedir(in);
        }
        if (d)
            closedir(d);
    }
    return go_on;
}

struct tally {
    const char *top;
    int64_t files, bytes;
};

static bool tally_one(void *ctx, const char *address)
{
    struct tally *t = ctx;
    char path[700];
    struct stat st;
    path_in(t->top, address, path);
    if (stat(path, &st) == 0) {
        t->files++;
        t->bytes += st.st_size;
    }
    return true;
}

static bool compare_one(void *ctx, const char *address)
{
    struct blob_mirror *m = ctx;
    return !stopping(m) && carried(m, address);
}

static bool compared(struct blob_mirror *m)
{
    char blobs[420], files[420];
    tops(m, blobs, files);
    if (!folder_made(m->dir) || !folder_made(files)) /* said before there is anything to copy */
        return stands(m, "folder", "cannot make", files);
    struct tally t = {.top = files};
    (void)walked(files, tally_one, &t);
    pthread_mutex_lock(&m->lock);
    m->state.files = t.files;
    m->state.bytes = t.bytes;
    pthread_mutex_unlock(&m->lock);
    if (!walked(blobs, compare_one, m))
        return false;
    pthread_mutex_lock(&m->lock);
    m->state.compared_ms = clock_now_ms(m->config.clock);
    pthread_mutex_unlock(&m->lock);
    return true;
}

/* Those that must not be kept (blob_remove). */
static bool removed(struct blob_mirror *m)
{
    char dir[420], note[700];
    bool ok = true;
    snprintf(dir, sizeof dir, "%s/removed", m->data);
    DIR *d = opendir(dir);
    for (struct dirent *e; ok && d && (e = readdir(d));) {
        if (!is_address(e->d_name))
            continue;
        bool over;
        struct stat st;
        snprintf(note, sizeof note, "%s/%.64s", dir, e->d_name);
        ok = dropped(m, e->d_name, &over);
        if (ok && (over || (stat(note, &st) == 0 && time(NULL) - st.st_mtime > NOTE_S)))
            unlink(note);
    }
    if (d)
        closedir(d);
    return ok;
}

/* ---- its thread ---- */

/* From the store, on whatever thread published or removed it. */
static void told(void *ctx, const char *address)
{
    struct blob_mirror *m = ctx;
    pthread_mutex_lock(&m->lock);
    if (m->n_waiting == m->cap_waiting && m->cap_waiting < WAITING_MAX) {
        size_t cap = m->cap_waiting ? 2 * m->cap_waiting : 64;
        void *more = realloc(m->waiting, cap * sizeof *m->waiting);
        m->waiting = more ? more : m->waiting;
        m->cap_waiting = more ? cap : m->cap_waiting;
    }
    if (m->n_waiting < m->cap_waiting)
        snprintf(m->waiting[m->n_waiting++], BLOB_ADDRESS_BYTES, "%s", address);
    else
        m->compare = true;
    if (!m->state.since_ms)
        m->state.since_ms = clock_now_ms(m->config.clock);
    metric_set(m->m_waiting, (int64_t)m->n_waiting);
    pthread_cond_broadcast(&m->moved);
    pthread_mutex_unlock(&m->lock);
}

static bool next_waiting(struct blob_mirror *m, char address[BLOB_ADDRESS_BYTES])
{
    pthread_mutex_lock(&m->lock);
    bool is = m->n_waiting > 0 && !m->stop;
    if (is)
        memcpy(address, m->waiting[0], BLOB_ADDRESS_BYTES);
    pthread_mutex_unlock(&m->lock);
    return is;
}

static void done_waiting(struct blob_mirror *m)
{
    pthread_mutex_lock(&m->lock);
    m->n_waiting--;
    memmove(m->waiting, m->waiting + 1, m->n_waiting * sizeof *m->waiting);
    if (!m->n_waiting)
        m->state.since_ms = 0;
    metric_set(m->m_waiting, (int64_t)m->n_waiting);
    metric_set(m->m_files, m->state.files);
    pthread_mutex_unlock(&m->lock);
}

static bool round_done(struct blob_mirror *m)
{
    char address[BLOB_ADDRESS_BYTES];
    pthread_mutex_lock(&m->lock);
    bool compare = m->compare;
    m->compare = false;
    pthread_mutex_unlock(&m->lock);
    bool ok = !compare || compared(m);
    while (ok && next_waiting(m, address)) {
        ok = carried(m, address);
        if (ok)
            done_waiting(m);
    }
    ok = ok && removed(m);
    pthread_mutex_lock(&m->lock);
    m->compare = m->compare || (compare && !ok);
    metric_set(m->m_files, m->state.files);
    pthread_mutex_unlock(&m->lock);
    return ok;
}

static void *run(void *arg)
{
    struct blob_mirror *m = arg;
    int retry_ms = m->config.retry_ms ? m->config.retry_ms : RETRY_MS, compare_ms = m->config.compare_ms ? m->config.compare_ms : COMPARE_MS;
    (void)setpriority(PRIO_PROCESS, 0, 10); /* of this thread: what people wait for goes first */
    for (;;) {
        bool ok = round_done(m);
        if (ok)
            goes_on(m);
        struct timespec until = clock_until(ok ? compare_ms : retry_ms);
        pthread_mutex_lock(&m->lock);
        int waited = 0;
        while (!m->stop && waited == 0 && (!ok || (!m->n_waiting && !m->compare)))
            waited = pthread_cond_timedwait(&m->moved, &m->lock, &until);
        m->compare = m->compare || (ok && waited == ETIMEDOUT);
        bool stop = m->stop;
        pthread_mutex_unlock(&m->lock);
        if (stop)
            return NULL;
    }
}

int blob_mirror_open(struct blob_mirror **out, const struct blob_mirror_config *config, struct fault *f)
{
    struct blob_mirror *m = *out = calloc(1, sizeof *m);
    if (!m)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    m->config = *config;
    pthread_mutex_init(&m->lock, NULL);
    clock_condition(&m->moved);
    if (strlen(config->data_dir) >= sizeof m->data || strlen(config->dir) >= sizeof m->dir) {
        blob_mirror_close(m);
        *out = NULL;
        return fault_set(f, ERR_INVALID, "backup.dir", "The path of backup.dir or data.dir is too long.");
    }
    snprintf(m->data, sizeof m->data, "%s", config->data_dir);
    snprintf(m->dir, sizeof m->dir, "%s", config->dir);
    m->state.fault = "";
    m->compare = true;
    m->m_waiting = metric_gauge("yilian_backup_files_waiting", "Attachments and recordings that are not copied to backup.dir yet", NULL);
    m->m_files = metric_gauge("yilian_backup_files", "Attachments and recordings that are copied in backup.dir", NULL);
    blob_store_tell(config->store, told, m);
    if (pthread_create(&m->thread, NULL, run, m) == 0)
        return 0;
    m->thread = 0;
    blob_mirror_close(m);
    *out = NULL;
    return fault_set(f, ERR_UNAVAILABLE, "backup.dir", "No thread for backup.dir: %s.", strerror(errno));
}

void blob_mirror_close(struct blob_mirror *m)
{
    if (!m)
        return;
    if (m->thread) {
        pthread_mutex_lock(&m->lock);
        m->stop = true;
        pthread_cond_broadcast(&m->moved);
        pthread_mutex_unlock(&m->lock);
        pthread_join(m->thread, NULL);
    }
    blob_store_tell(m->config.store, NULL, NULL);
    pthread_mutex_destroy(&m->lock);
    pthread_cond_destroy(&m->moved);
    free(m->waiting);
    free(m);
}

void blob_mirror_look(struct blob_mirror *m, struct blob_mirror_state *out)
{
    pthread_mutex_lock(&m->lock);
    *out = m->state;
    out->waiting = (int64_t)m->n_waiting;
    pthread_mutex_unlock(&m->lock);
}

/* ---- the way back ---- */

struct laying {
    char from[420], to[420];
    struct blob_mirror_restored done;
    uint8_t *piece;
    char wrong[160];
};

static bool lay_one(void *ctx, const char *address)
{
    struct laying *l = ctx;
    char from_path[700], to_path[700];
    struct stat st;
    path_in(l->from, address, from_path);
    path_in(l->to, address, to_path);
    int from = open(from_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int to = from >= 0 && folders_made(l->to, address) ? open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    bool ok = to >= 0 && fstat(from, &st) == 0 && written(NULL, from, to, st.st_size, l->piece) && folder_kept(l->to, address) == 0;
    if (ok) {
        l->done.files++;
        l->done.bytes += st.st_size;
    } else {
        snprintf(l->wrong, sizeof l->wrong, "%.120s: %.36s", to_path, strerror(errno));
    }
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return ok;
}

int blob_mirror_restore(const char *dir, const char *to, struct blob_mirror_restored *out, struct fault *f)
{
    struct laying l = {0};
    struct stat st;
    memset(out, 0, sizeof *out);
    snprintf(l.from, sizeof l.from, "%.400s/files", dir);
    snprintf(l.to, sizeof l.to, "%.400s/blobs", to);
    if (stat(l.from, &st))
        return fault_set(f, ERR_NOT_FOUND, "backup.dir", "%.300s holds no copies of files.", dir);
    if (stat(l.to, &st) == 0)
        return fault_set(f, ERR_CONFLICT, "site", "%.300s is there already.", l.to);
    if (!folder_made(to) || !folder_made(l.to))
        return fault_set(f, ERR_STORAGE, "site", "Cannot make %.300s: %s.", l.to, strerror(errno));
    l.piece = malloc(PIECE);
    bool ok = l.piece && walked(l.from, lay_one, &l);
    free(l.piece);
    *out = l.done;
    return ok ? 0 : fault_set(f, ERR_STORAGE, "site", "A file could not be laid back: %s.", l.wrong);
}
