#include "records/r4/date.h"
#include "records/r4/search.h"
#include <stdio.h>
#include <stdlib.h>

static bool number(const char **p, const char *end, int digits, int *out)
{
    if (end - *p < digits)
        return false;
    int v = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*p)[i];
        if (c < '0' || c > '9')
            return false;
        v = v * 10 + (c - '0');
    }
    *p += digits;
    *out = v;
    return true;
}

int r4_days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

static bool fraction(const char **p, const char *end, struct r4_moment *m)
{
    int scale = 100;
    const char *from = *p;
    while (*p < end && **p >= '0' && **p <= '9') {
        m->ms += (**p - '0') * scale;
        scale /= 10;
        (*p)++;
    }
    m->fraction_digits = (int)(*p - from);
    m->precision = R4_TO_MS;
    return *p > from;
}

static bool clock_part(const char **p, const char *end, struct r4_moment *m)
{
    if (!number(p, end, 2, &m->hour) || m->hour > 23)
        return false;
    m->precision = R4_TO_HOUR;
    if (*p >= end || **p != ':')
        return true;
    (*p)++;
    if (!number(p, end, 2, &m->minute) || m->minute > 59)
        return false;
    m->precision = R4_TO_MINUTE;
    if (*p >= end || **p != ':')
        return true;
    (*p)++;
    if (!number(p, end, 2, &m->second) || m->second > 60)
        return false;
    m->precision = R4_TO_SECOND;
    if (*p >= end || **p != '.')
        return true;
    (*p)++;
    return fraction(p, end, m);
}

static bool zone_part(const char **p, const char *end, struct r4_moment *m)
{
    if (*p >= end)
        return true;
    m->zone = true;
    char sign = *(*p)++;
    if (sign == 'Z')
        return true;
    int hour, minute;
    if ((sign != '+' && sign != '-') || !number(p, end, 2, &hour) || *p >= end || *(*p)++ != ':' || !number(p, end, 2, &minute) || hour > 14 ||
        minute > 59 || (hour == 14 && minute))
        return false;
    m->offset_min = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
    return true;
}

bool r4_moment_parse(const char *text, size_t n, struct r4_moment *out)
{
    *out = (struct r4_moment){.month = 1, .day = 1, .precision = R4_TO_YEAR};
    const char *p = text, *end = text + n;
    if (!number(&p, end, 4, &out->year) || out->year == 0)
        return false;
    if (p < end && *p == '-') {
        p++;
        if (!number(&p, end, 2, &out->month) || out->month < 1 || out->month > 12)
            return false;
        out->precision = R4_TO_MONTH;
        if (p < end && *p == '-') {
            p++;
            if (!number(&p, end, 2, &out->day) || out->day < 1 || out->day > r4_days_in(out->year, out->month))
                return false;
            out->precision = R4_TO_DAY;
        }
    }
    if (p < end && *p == 'T' && out->precision == R4_TO_DAY) {
        p++;
        if (!clock_part(&p, end, out) || !zone_part(&p, end, out))
            return false;
    }
    return p == end;
}

bool r4_time_parse(const char *text, size_t n, struct r4_moment *out)
{
    *out = (struct r4_moment){.year = 1970, .month = 1, .day = 1};
    const char *p = text, *end = text + n;
    return clock_part(&p, end, out) && p == end;
}

/* Days from civil, as in H. Hinnant's description of the proleptic Gregorian calendar. */
int64_t r4_days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, in_era = y - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

void r4_civil(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097, doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

int64_t r4_moment_ms(const struct r4_moment *m, int zone_min)
{
    int64_t minutes = r4_days_since_1970(m->year, m->month, m->day) * 1440 + m->hour * 60 + m->minute - (m->zone ? m->offset_min : zone_min);
    return minutes * 60000 + m->second * 1000 + m->ms;
}

int64_t r4_moment_end_ms(const struct r4_moment *m, int zone_min)
{
    struct r4_moment next = *m;
    switch (m->precision) {
    case R4_TO_YEAR:
        next.year++;
        return r4_moment_ms(&next, zone_min);
    case R4_TO_MONTH:
        next.month = m->month == 12 ? 1 : m->month + 1;
        next.year += m->month == 12;
        return r4_moment_ms(&next, zone_min);
    case R4_TO_DAY:
        return r4_moment_ms(m, zone_min) + 86400000;
    case R4_TO_HOUR:
        return r4_moment_ms(m, zone_min) + 3600000;
    case R4_TO_MINUTE:
        return r4_moment_ms(m, zone_min) + 60000;
    case R4_TO_SECOND:
        return r4_moment_ms(m, zone_min) + 1000;
    default:
        return r4_moment_ms(m, zone_min) + (m->fraction_digits == 1 ? 100 : m->fraction_digits == 2 ? 10 : 1);
    }
}

static size_t print_clock(const struct r4_moment *m, char *out, size_t cap)
{
    int n = snprintf(out, cap, "%02d", m->hour);
    if (m->precision >= R4_TO_MINUTE)
        n += snprintf(out + n, cap - (size_t)n, ":%02d", m->minute);
    if (m->precision >= R4_TO_SECOND)
        n += snprintf(out + n, cap - (size_t)n, ":%02d", m->second);
    if (m->precision >= R4_TO_MS)
        n += snprintf(out + n, cap - (size_t)n, ".%03d", m->ms);
    return (size_t)n;
}

size_t r4_moment_print(const struct r4_moment *m, bool time_only, char *out, size_t cap)
{
    if (time_only)
        return print_clock(m, out, cap);
    size_t n = (size_t)snprintf(out, cap, "%04d", m->year);
    if (m->precision >= R4_TO_MONTH)
        n += (size_t)snprintf(out + n, cap - n, "-%02d", m->month);
    if (m->precision >= R4_TO_DAY)
        n += (size_t)snprintf(out + n, cap - n, "-%02d", m->day);
    if (m->precision < R4_TO_HOUR)
        return n;
    out[n++] = 'T';
    n += print_clock(m, out + n, cap - n);
    if (m->zone && m->offset_min == 0)
        n += (size_t)snprintf(out + n, cap - n, "Z");
    else if (m->zone)
        n += (size_t)snprintf(out + n, cap - n, "%c%02d:%02d", m->offset_min < 0 ? '-' : '+', abs(m->offset_min) / 60, abs(m->offset_min) % 60);
    return n;
}

bool r4_date_interval(const char *text, size_t n, int zone_min, int64_t *low_ms, int64_t *high_ms)
{
    struct r4_moment m;
    if (!r4_moment_parse(text, n, &m))
        return false;
    *low_ms = r4_moment_ms(&m, zone_min);
    *high_ms = r4_moment_end_ms(&m, zone_min);
    return true;
}

void r4_instant(int64_t ms, char out[R4_INSTANT_BYTES])
{
    int64_t days = ms / 86400000, rest = ms % 86400000;
    if (rest < 0) {
        days--;
        rest += 86400000;
    }
    int year, month, day;
    r4_civil(days, &year, &month, &day);
    char text[64];
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", year, month, day, (int)(rest / 3600000), (int)(rest / 60000 % 60),
             (int)(rest / 1000 % 60), (int)(rest % 1000));
    snprintf(out, R4_INSTANT_BYTES, "%.24s", text);
}
