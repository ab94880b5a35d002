/* When a file in a folder is read (drop.h). */
#include "records/exchange/drop_private.h"
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "records/patient/identity.h"
#include "server/base/log.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUND_MS 1000
#define AGAIN_MS 30000 /* after trouble with a file */
#define FILES_MAX 2000 /* of one folder in a round */
#define SOURCES_MAX 200
#define SWEEP_EVERY_MS 3600000
#define DAY_MS 86400000

struct seen { /* a file that may still be written to */
    struct seen *next;
    uint64_t source;
    int64_t size, mtime_ns, since_ms, not_before_ms;
    bool here, warned; /* here: in this round */
    char name[256];
};
struct candidate {
    int64_t mtime_ns;
    char name[256];
};

static int64_t now_ms(void)
{
    return clock_monotonic_us() / 1000;
}

bool exchange_drop_name_ok(const char *folder)
{
    size_t n = strlen(folder);
    return n > 0 && n < 41 && strspn(folder, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

/* ---- standing still ---- */

static struct seen *seen_of(struct exchange_drop *d, uint64_t source, const char *name)
{
    struct seen *s = d->seen;
    while (s && !(s->source == source && strcmp(s->name, name) == 0))
        s = s->next;
    if (!s && (s = calloc(1, sizeof *s))) {
        s->source = source;
        s->size = -1;
        snprintf(s->name, sizeof s->name, "%s", name);
        s->next = d->seen;
        d->seen = s;
    }
    return s;
}

static bool stands_still(struct exchange_drop *d, struct seen *s, const struct stat *st)
{
    int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec, now = now_ms();
    s->here = true;
    if (s->size != st->st_size || s->mtime_ns != mtime_ns) {
        s->size = st->st_size;
        s->mtime_ns = mtime_ns;
        s->since_ms = now;
        s->not_before_ms = 0;
        s->warned = false;
    }
    return now - s->since_ms >= d->config.settle_ms && now >= s->not_before_ms;
}

static void forget_gone(struct exchange_drop *d)
{
    for (struct seen **at = &d->seen; *at;) {
        struct seen *s = *at;
        if (s->here) {
            s->here = false;
            at = &s->next;
        } else {
            *at = s->next;
            free(s);
        }
    }
}

/* ---- one folder ---- */

static bool is_table(const char *name)
{
    static const char *const ends[] = {".csv", ".txt", ".tsv"};
    size_t n = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (n > 4 && name[0] != '.' && strcasecmp(name + n - 4, ends[i]) == 0)
            return true;
    return false;
}

static int by_age(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->mtime_ns != y->mtime_ns)
        return x->mtime_ns < y->mtime_ns ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Files that stand still, the oldest first: a later word takes the place of an earlier one. */
static size_t list(struct exchange_drop *d, const struct drop_source *s, const char *dir, struct candidate *out)
{
    size_t n = 0;
    DIR *open_dir = opendir(dir);
    for (struct dirent *e; open_dir && n < FILES_MAX && (e = readdir(open_dir));) {
        struct stat st;
        if (!is_table(e->d_name) || strlen(e->d_name) >= sizeof out->name || fstatat(dirfd(open_dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
            continue;
        struct seen *seen = seen_of(d, s->id, e->d_name);
        if (!seen || !stands_still(d, seen, &st))
            continue;
        out[n].mtime_ns = seen->mtime_ns;
        snprintf(out[n++].name, sizeof out->name, "%s", e->d_name);
    }
    if (open_dir)
        closedir(open_dir);
    qsort(out, n, sizeof *out, by_age);
    return n;
}

static void look(struct exchange_drop *d, const struct drop_source *s)
{
    char dir[DROP_PATH];
    snprintf(dir, sizeof dir, "%s/%s", d->root, s->folder);
    (void)!mkdir(dir, 0770);
    struct candidate *files = malloc(FILES_MAX * sizeof *files);
    size_t n = files ? list(d, s, dir, files) : 0;
    for (size_t i = 0; i < n && !atomic_load(&d->flow.stop); i++) {
        int rc = drop_file_take(d, s, files[i].name);
        struct seen *seen = rc ? seen_of(d, s->id, files[i].name) : NULL;
        if (!seen)
            continue;
        seen->not_before_ms = now_ms() + (rc == ERR_NOT_ALLOWED_NOW ? d->config.settle_ms : AGAIN_MS);
        if (rc != ERR_NOT_ALLOWED_NOW && !seen->warned)
            log_error("exchange", "a file of source %016llx could not be taken in: %s", (unsigned long long)s->id, err_wire(rc));
        seen->warned = seen->warned || rc != ERR_NOT_ALLOWED_NOW;
    }
    free(files);
}

/* ---- all of them ---- */

static size_t sources(struct exchange_drop *d, struct drop_source *out)
{
    struct tx *tx;
    size_t n = 0;
    if (tx_begin(records_store(d->config.records), TX_READ, &tx))
        return 0;
    const struct exchange *x = records_parts(d->config.records)->exchange;
    struct query *q = tx_query(tx, "SELECT id, folder, map FROM exchange_source WHERE kind='folder' AND enabled=1 ORDER BY id", "");
    while (n < SOURCES_MAX && query_next(q)) {
        struct drop_source *s = &out[n];
        s->id = (uint64_t)query_int(q, "id");
        s->rows = exchange_rows_find(x, query_text(q, "map"));
        snprintf(s->folder, sizeof s->folder, "%s", query_text(q, "folder"));
        n += s->rows && exchange_drop_name_ok(s->folder);
    }
    if (query_end(q))
        n = 0;
    tx_rollback(tx);
    return n;
}

static void empty_day(const char *dir)
{
    char path[DROP_PATH + 300];
    DIR *open_dir = opendir(dir);
    for (struct dirent *e; open_dir && (e = readdir(open_dir));)
        if (e->d_name[0] != '.' || (e->d_name[1] && e->d_name[1] != '.')) {
            snprintf(path, sizeof path, "%.*s/%.255s", DROP_PATH, dir, e->d_name);
            unlink(path);
        }
    if (open_dir)
        closedir(open_dir);
    rmdir(dir);
}

static void sweep(struct exchange_drop *d, const struct drop_source *s)
{
    char oldest[11], done[DROP_PATH], day[DROP_PATH + 300];
    date_of_ms(clock_now_ms(records_clock(d->config.records)) - (int64_t)d->config.keep_days * DAY_MS, EXCHANGE_ZONE_MIN, oldest);
    snprintf(done, sizeof done, "%s/%s/done", d->root, s->folder);
    DIR *open_dir = opendir(done);
    for (struct dirent *e; open_dir && (e = readdir(open_dir));)
        if (strlen(e->d_name) == 10 && e->d_name[4] == '-' && strcmp(e->d_name, oldest) < 0) {
            snprintf(day, sizeof day, "%s/%s", done, e->d_name);
            empty_day(day);
        }
    if (open_dir)
        closedir(open_dir);
}

void exchange_drop_round(struct exchange_drop *d)
{
    struct drop_source *all = calloc(SOURCES_MAX, sizeof *all);
    size_t n = all ? sources(d, all) : 0;
    bool sweeping = d->config.keep_days && (d->swept_ms == 0 || now_ms() - d->swept_ms > SWEEP_EVERY_MS);
    for (size_t i = 0; i < n && !atomic_load(&d->flow.stop); i++) {
        look(d, &all[i]);
        if (sweeping)
            sweep(d, &all[i]);
    }
    if (sweeping)
        d->swept_ms = now_ms();
    forget_gone(d);
    free(all);
}

static void *run(void *arg)
{
    struct exchange_drop *d = arg;
    do
        exchange_drop_round(d);
    while (row_flow_rest(&d->flow, ROUND_MS));
    return NULL;
}

int exchange_drop_open(struct exchange_drop **out, const struct exchange_drop_config *config, struct fault *f)
{
    struct exchange_drop *d = *out = calloc(1, sizeof *d);
    if (!d)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    d->config = *config;
    snprintf(d->root, sizeof d->root, "%s", config->root);
    row_flow_init(&d->flow, config->records);
    if (mkdir(d->root, 0770) && errno != EEXIST)
        return fault_set(f, ERR_INVALID, "exchange.drop_dir", "The folder %.200s of exchange.drop_dir cannot be made: %s.", d->root, strerror(errno));
    return 0;
}

int exchange_drop_start(struct exchange_drop *d, struct fault *f)
{
    d->running = pthread_create(&d->thread, NULL, run, d) == 0;
    return d->running ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "The thread of exchange.drop_dir cannot be started.");
}

void exchange_drop_close(struct exchange_drop *d)
{
    if (!d)
        return;
    row_flow_stop(&d->flow);
    if (d->running)
        pthread_join(d->thread, NULL);
    forget_gone(d);
    forget_gone(d); /* the first only says that none is here */
    row_flow_fini(&d->flow);
    free(d);
}
