#include "records/flow/calendar.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_MS INT64_C(60000)
#define DAY_MS (1440 * MIN_MS)
#define SEARCH_DAYS 400 /* a calendar without an open minute in this many days counts as always open */

static const struct calendar_span *spans_of(const struct calendar *c, int64_t day)
{
    static const struct calendar_span closed[CALENDAR_SPANS];
    for (int i = 0; i < c->n_makeups; i++)
        if (c->makeups[i] == day)
            return c->week[0];
    for (int i = 0; i < c->n_holidays; i++)
        if (c->holidays[i] == day)
            return closed;
    return c->week[((day + 3) % 7 + 7) % 7]; /* 1970-01-01 was a Thursday */
}

static int64_t local(const struct calendar *c, int64_t ms)
{
    return ms + c->zone_min * MIN_MS;
}

static int64_t day_of(int64_t local_ms)
{
    return local_ms >= 0 ? local_ms / DAY_MS : -((-local_ms + DAY_MS - 1) / DAY_MS);
}

void calendar_default(struct calendar *c)
{
    memset(c, 0, sizeof *c);
    c->zone_min = 480;
    for (int d = 0; d < 5; d++) {
        c->week[d][0] = (struct calendar_span){8 * 60, 12 * 60};
        c->week[d][1] = (struct calendar_span){14 * 60, 17 * 60 + 30};
    }
}

int duration_parse(const char *text, struct duration *out)
{
    static const struct {
        const char *word;
        enum duration_unit unit;
    } units[] = {
        {"min", UNIT_MIN}, {"h", UNIT_HOUR}, {"d", UNIT_DAY}, {"wh", UNIT_WORK_HOUR}, {"wd", UNIT_WORK_DAY}};
    char *end;
    const char *digits = text && *text == '-' ? text + 1 : text;
    if (!digits || *digits < '0' || *digits > '9')
        return ERR_INVALID;
    long n = strtol(text, &end, 10);
    if (n > 10000 || n < -10000 || (n < 0 && *end == 'w'))
        return ERR_INVALID;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].word) == 0) {
            *out = (struct duration){(int32_t)n, units[i].unit};
            return 0;
        }
    return ERR_INVALID;
}

void duration_format(struct duration d, char out[16])
{
    static const char *const words[] = {"min", "h", "d", "wh", "wd"};
    snprintf(out, 16, "%d%s", (int)d.amount, words[d.unit]);
}

int calendar_is_working(const struct calendar *c, int64_t at_ms)
{
    int64_t l = local(c, at_ms), day = day_of(l), in_day = l - day * DAY_MS;
    const struct calendar_span *s = spans_of(c, day);
    for (int i = 0; i < CALENDAR_SPANS && s[i].end_min; i++)
        if (in_day >= s[i].start_min * MIN_MS && in_day < s[i].end_min * MIN_MS)
            return 1;
    return 0;
}

int64_t calendar_add_work_ms(const struct calendar *c, int64_t from_ms, int64_t work_ms)
{
    if (work_ms <= 0)
        return from_ms;
    int64_t l = local(c, from_ms), day = day_of(l), at = l - day * DAY_MS;
    for (int empty = 0; empty < SEARCH_DAYS; day++, at = 0) {
        const struct calendar_span *s = spans_of(c, day);
        empty++;
        for (int i = 0; i < CALENDAR_SPANS && s[i].end_min; i++) {
            int64_t start = s[i].start_min * MIN_MS > at ? s[i].start_min * MIN_MS : at;
            int64_t open = s[i].end_min * MIN_MS - start;
            if (open <= 0)
                continue;
            if (work_ms <= open)
                return day * DAY_MS + start + work_ms - c->zone_min * MIN_MS;
            work_ms -= open;
            empty = 0;
        }
    }
    return from_ms + work_ms;
}

int64_t calendar_work_between(const struct calendar *c, int64_t from_ms, int64_t to_ms)
{
    int64_t sum = 0, from = local(c, from_ms), to = local(c, to_ms);
    for (int64_t day = day_of(from); day * DAY_MS < to; day++) {
        const struct calendar_span *s = spans_of(c, day);
        for (int i = 0; i < CALENDAR_SPANS && s[i].end_min; i++) {
            int64_t a = day * DAY_MS + s[i].start_min * MIN_MS, b = day * DAY_MS + s[i].end_min * MIN_MS;
            a = a > from ? a : from;
            b = b < to ? b : to;
            sum += b > a ? b - a : 0;
        }
    }
    return sum;
}

/* Brings a time of day into the working hours of its day. */
static int64_t into_hours(const struct calendar_span *s, int64_t in_day)
{
    int64_t best = in_day;
    for (int i = 0; i < CALENDAR_SPANS && s[i].end_min; i++) {
        if (in_day < s[i].start_min * MIN_MS)
            return s[i].start_min * MIN_MS;
        if (in_day <= s[i].end_min * MIN_MS)
            return in_day;
        best = s[i].end_min * MIN_MS;
    }
    return best;
}

static int64_t add_work_days(const struct calendar *c, int64_t from_ms, int32_t days)
{
    int64_t l = local(c, from_ms), day = day_of(l), in_day = l - day * DAY_MS;
    for (int empty = 0; days > 0;) {
        day++;
        if (spans_of(c, day)[0].end_min) {
            days--;
            empty = 0;
        } else if (++empty > SEARCH_DAYS) {
            return from_ms + days * DAY_MS;
        }
    }
    int64_t due = day * DAY_MS + into_hours(spans_of(c, day), in_day) - c->zone_min * MIN_MS;
    return due > from_ms ? due : from_ms;
}

int64_t calendar_add(const struct calendar *c, int64_t from_ms, struct duration d)
{
    switch (d.unit) {
    case UNIT_MIN:
        return from_ms + d.amount * MIN_MS;
    case UNIT_HOUR:
        return from_ms + d.amount * 60 * MIN_MS;
    case UNIT_DAY:
        return from_ms + d.amount * DAY_MS;
    case UNIT_WORK_HOUR:
        return calendar_add_work_ms(c, from_ms, d.amount * 60 * MIN_MS);
    case UNIT_WORK_DAY:
        return d.amount ? add_work_days(c, from_ms, d.amount) : from_ms;
    }
    return from_ms;
}
