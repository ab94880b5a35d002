/* calendar - working time of an institution: working hours per weekday, holidays, make-up days. Pure; any
 * thread.
 *
 * A deadline is said in minutes, hours or days of the wall clock, or in working hours and working days
 * (functions.md 3: "wh/wd"). A calendar without any working minute in a year (nobody entered one, everything
 * marked a holiday) is taken as "always open", so that a deadline always comes.
 */
#ifndef YL_RECORDS_FLOW_CALENDAR_H
#define YL_RECORDS_FLOW_CALENDAR_H

#include "server/base/err.h"
#include <stdint.h>

#define CALENDAR_SPANS 3
#define CALENDAR_DAYS_MAX 128

struct calendar_span {
    int16_t start_min, end_min; /* minutes of the local day, start < end <= 1440; 0,0 = unused */
};
struct calendar {
    int zone_min;                                 /* minutes east of UTC: +480 in China */
    struct calendar_span week[7][CALENDAR_SPANS]; /* [0] = Monday; in order, not overlapping */
    int32_t holidays[CALENDAR_DAYS_MAX];          /* days since 1970-01-01: closed */
    int32_t makeups[CALENDAR_DAYS_MAX]; /* days that work like a Monday although week or holiday says no */
    int n_holidays, n_makeups;
};

enum duration_unit { UNIT_MIN, UNIT_HOUR, UNIT_DAY, UNIT_WORK_HOUR, UNIT_WORK_DAY };
struct duration {
    int32_t amount;
    enum duration_unit unit;
};

/* Monday to Friday 08:00-12:00 and 14:00-17:30, China time: what an institution has until it says otherwise.
 */
void calendar_default(struct calendar *c);
/* "10min" "4wh" "24h" "1wd" "30d"; amount -10000..10000, below 0 (before an appointment) only on the wall
 * clock. */
YL_CHECKED int duration_parse(const char *text, struct duration *out);
void duration_format(struct duration d, char out[16]);
/* The instant `d` after `from_ms`; never before it unless d is negative. n working days = the same time of
 * day n working days on, brought into the working hours of that day. */
int64_t calendar_add(const struct calendar *c, int64_t from_ms, struct duration d);
/* Working milliseconds after `from_ms`; and between two instants (0 when to <= from). */
int64_t calendar_add_work_ms(const struct calendar *c, int64_t from_ms, int64_t work_ms);
int64_t calendar_work_between(const struct calendar *c, int64_t from_ms, int64_t to_ms);
int calendar_is_working(const struct calendar *c, int64_t at_ms);
#endif
