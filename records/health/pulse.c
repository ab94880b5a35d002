/* What is looked at again and again: the disks, and how busy the media plane is (health_private.h). */
#include "records/health/health_private.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define LOOK_US 10000000ll
#define HOUR_US 3600000000ll
#define HOURS_LEAST 6 /* from less no rate is told: a copy that was just made is none */
#define LOW_PERCENT 10
#define LOW_BYTES (50ll << 30)

static const char *const names[FOLDERS] = {"folder=\"data\"", "folder=\"record\"", "folder=\"backup\""};
static const char *const options[FOLDERS] = {"data.dir", "record.dir", "backup.dir"};

int64_t health_days_left(const struct disk *d, int64_t hours)
{
    int64_t span = (hours < HOURS ? hours : HOURS) - 1;
    if (span < HOURS_LEAST)
        return -1;
    int64_t newest = d->hour[(hours - 1) % HOURS], oldest = d->hour[(hours - 1 - span) % HOURS];
    return oldest > newest ? newest * span / (oldest - newest) / 24 : -1;
}

static void tell(struct disk *d, const char *option, bool low)
{
    if (low && !d->low)
        log_warn("health", "the disk of %s has %lld MB free, %lld %% of it: make room before it is full", option, (long long)(d->free >> 20), (long long)(d->free * 100 / d->total));
    d->low = low;
}

static void look_at_disk(struct health *h, enum folder i)
{
    struct statvfs v;
    struct stat st;
    struct disk *d = &h->disk[i];
    bool there = h->dir[i][0] && statvfs(h->dir[i], &v) == 0 && stat(h->dir[i], &st) == 0;
    d->free = there ? (int64_t)v.f_bavail * (int64_t)v.f_frsize : 0;
    d->total = there ? (int64_t)v.f_blocks * (int64_t)v.f_frsize : 0;
    d->device = there ? (uint64_t)st.st_dev : 0;
    if (h->m_free[i]) {
        metric_set(h->m_free[i], d->free);
        metric_set(h->m_total[i], d->total);
    }
    if (there)
        tell(d, options[i], d->free < LOW_BYTES && d->free < d->total * LOW_PERCENT / 100);
}

static void look_at_room(struct health *h)
{
    const struct disk *d = &h->disk[FOLDER_DATA];
    int64_t reserve = d->total / 50 < HEALTH_RESERVE_BYTES ? d->total / 50 : HEALTH_RESERVE_BYTES;
    bool full = d->total && d->free < reserve;
    if (full && !h->full)
        log_error("health", "the disk of data.dir is nearly full (%lld MB free): uploads and films are refused until there is room again", (long long)(d->free >> 20));
    if (!full && h->full)
        log_info("health", "the disk of data.dir has room again");
    h->full = full;
}

static void look_at_media(struct health *h, int64_t now_us)
{
    int64_t turn_us = metric_value(h->m_turn), span = now_us - h->turn_at_us;
    if (h->turn_at_us && span > 0 && h->config.media_workers > 0)
        h->load_percent = (int)((turn_us - h->turn_us) * 100 / span / h->config.media_workers);
    h->turn_us = turn_us;
    h->turn_at_us = now_us;
}

/* Counted by whoever watches the clock; here only when. */
static void look_at_clock(struct health *h, int64_t now_us)
{
    int64_t leaps = metric_value(h->m_leaps);
    if (leaps != h->leaps)
        h->leapt_us = now_us;
    h->leaps = leaps;
}

static void keep_hour(struct health *h, int64_t now_us)
{
    if (now_us < h->next_hour_us)
        return;
    for (int i = 0; i < FOLDERS; i++)
        h->disk[i].hour[h->hours % HOURS] = h->disk[i].free;
    h->hours++;
    h->next_hour_us = now_us + HOUR_US;
}

void health_tick(struct health *h)
{
    int64_t now_us = clock_monotonic_us();
    pthread_mutex_lock(&h->lock);
    bool due = now_us >= h->next_look_us;
    if (due) {
        for (enum folder i = 0; i < FOLDERS; i++)
            look_at_disk(h, i);
        look_at_room(h);
        look_at_media(h, now_us);
        look_at_clock(h, now_us);
        keep_hour(h, now_us);
        h->next_look_us = now_us + LOOK_US;
    }
    pthread_mutex_unlock(&h->lock);
    if (due && h->config.store)
        store_try_writing(h->config.store);
}

bool health_is_full(const struct health *h)
{
    return h && h->full;
}

static void register_metrics(struct health *h)
{
    for (int i = 0; i < FOLDERS; i++)
        if (h->dir[i][0]) {
            h->m_free[i] = metric_gauge("yilian_disk_free_bytes", "Free on the disk of a folder, for the daemon's account", names[i]);
            h->m_total[i] = metric_gauge("yilian_disk_bytes", "Size of that disk", names[i]);
        }
    h->m_turn = metric_histogram("yilian_media_turn_seconds", "How long a worker was busy at a stretch; what comes meanwhile waits in its socket", NULL);
    h->m_rooms = metric_gauge("yilian_rooms", "live rooms", NULL);
    h->m_seats = metric_gauge("yilian_room_seats", "seats in live rooms", NULL);
    h->m_leaps = metric_counter("yilian_clock_leaps_total", "How often the machine's clock was set by more than a minute, or the machine slept", NULL);
}

int health_open(struct health **out, const struct health_config *config, struct fault *f)
{
    struct health *h = *out = calloc(1, sizeof *h);
    if (!h)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    const char *dirs[FOLDERS] = {config->data_dir, config->record_dir, config->archive_dir};
    h->config = *config;
    for (int i = 0; i < FOLDERS; i++)
        snprintf(h->dir[i], sizeof h->dir[i], "%s", dirs[i] ? dirs[i] : "");
    snprintf(h->version, sizeof h->version, "%s", config->version ? config->version : "");
    snprintf(h->certificate, sizeof h->certificate, "%s", config->certificate ? config->certificate : "");
    h->began_ms = clock_now_ms(config->clock);
    h->load_percent = -1;
    pthread_mutex_init(&h->lock, NULL);
    register_metrics(h);
    h->leaps = metric_value(h->m_leaps);
    health_tick(h);
    return 0;
}

void health_close(struct health *h)
{
    if (!h)
        return;
    pthread_mutex_destroy(&h->lock);
    free(h);
}
