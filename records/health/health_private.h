/* health_private - what the files of records/health share. */
#ifndef YL_RECORDS_HEALTH_HEALTH_PRIVATE_H
#define YL_RECORDS_HEALTH_HEALTH_PRIVATE_H

#include "records/health/health.h"
#include "server/base/metrics.h"
#include <pthread.h>
#include <stdatomic.h>

enum folder { FOLDER_DATA, FOLDER_RECORD, FOLDER_BACKUP, FOLDERS };
#define HOURS (7 * 24)

struct health {
    struct health_config config;
    char dir[FOLDERS][600], version[24], certificate[600];
    int64_t began_ms;
    pthread_mutex_t lock;
    /* under it */
    struct disk {
        int64_t free, total; /* 0 = it cannot be looked at */
        uint64_t device;
        int64_t hour[HOURS]; /* what was free, an hour apart, the newest at `hours`-1 modulo HOURS */
        bool low;
    } disk[FOLDERS];
    int64_t hours, next_hour_us, next_look_us;
    int64_t turn_us, turn_at_us; /* the media plane's busy time, and when it was looked at */
    int64_t leaps, leapt_us;     /* how often the clock was set, and when that was seen last (steady time); 0 = not since the start */
    int load_percent;            /* of all its workers between two looks; -1 = not known yet */
    atomic_bool full;
    struct metric *m_free[FOLDERS], *m_total[FOLDERS], *m_turn, *m_rooms, *m_seats, *m_leaps;
};

/* Days until nothing is free, if it goes on as in the hours known; -1 = not known yet, or it does not get less. */
int64_t health_days_left(const struct disk *d, int64_t hours);
#endif
