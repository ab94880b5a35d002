#include "records/report/period.h"
#include "records/patient/identity.h"
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000ll
#define ZONE_MS (8 * 3600000ll)

static int64_t midnight(int64_t ms)
{
    return (ms + ZONE_MS) / DAY_MS * DAY_MS - ZONE_MS;
}

/* The first of the month `steps` before the one of ms. */
static int64_t month_begin(int64_t ms, int steps)
{
    char text[11];
    int y, m, d;
    date_of_ms(ms, 480, text);
    if (date_parse(text, &y, &m, &d))
        return midnight(ms);
    m = y * 12 + m - 1 - steps;
    return date_days(m / 12, m % 12 + 1, 1) * DAY_MS - ZONE_MS;
}

static void days(struct period *p, int64_t begin, int64_t end, int64_t length)
{
    p->now = (struct span){begin, end};
    p->before = (struct span){begin - length, end - length};
    for (int i = 0; i < PERIOD_POINTS; i++) {
        int64_t back = (PERIOD_POINTS - 1 - i) * length;
        p->trend[i] = back ? (struct span){begin - back, begin - back + length} : p->now;
    }
}

static void months(struct period *p, int64_t now_ms, int skip)
{
    int64_t first = month_begin(now_ms, skip), past = month_begin(now_ms, skip + 1), end = skip ? month_begin(now_ms, skip - 1) : now_ms;
    p->now = (struct span){first, end};
    p->before = (struct span){past, skip || past + (end - first) > first ? first : past + (end - first)};
    for (int i = 0; i < PERIOD_POINTS; i++) {
        int back = PERIOD_POINTS - 1 - i;
        p->trend[i] = back ? (struct span){month_begin(now_ms, skip + back), month_begin(now_ms, skip + back - 1)} : p->now;
    }
}

bool period_of(const char *word, int64_t now_ms, struct period *out)
{
    int64_t today = midnight(now_ms);
    if (strcmp(word, "yesterday") == 0)
        days(out, today - DAY_MS, today, DAY_MS);
    else if (strcmp(word, "7d") == 0)
        days(out, today - 6 * DAY_MS, now_ms, 7 * DAY_MS);
    else if (strcmp(word, "30d") == 0)
        days(out, today - 29 * DAY_MS, now_ms, 30 * DAY_MS);
    else if (strcmp(word, "month") == 0)
        months(out, now_ms, 0);
    else if (strcmp(word, "last_month") == 0)
        months(out, now_ms, 1);
    else
        return false;
    return true;
}

bool period_month(const char *month, struct span *now, struct span *before)
{
    char first[16];
    int y, m, d;
    snprintf(first, sizeof first, "%.7s-01", month);
    if (strlen(month) != PERIOD_MONTH - 1 || date_parse(first, &y, &m, &d))
        return false;
    int64_t begin = date_days(y, m, 1) * DAY_MS - ZONE_MS;
    *now = (struct span){begin, month_begin(begin, -1)};
    *before = (struct span){month_begin(begin, 1), begin};
    return true;
}

void period_month_text(int64_t ms, int steps, char out[PERIOD_MONTH])
{
    char day[11];
    date_of_ms(month_begin(ms, steps), 480, day);
    snprintf(out, PERIOD_MONTH, "%.7s", day);
}
