/* period - the spans a cockpit can show, in China's time (UTC+8): the span, the one it is compared with, and twelve for the trend. Pure. */
#ifndef YL_RECORDS_REPORT_PERIOD_H
#define YL_RECORDS_REPORT_PERIOD_H

#include <stdbool.h>
#include <stdint.h>

#define PERIOD_POINTS 12
#define PERIOD_WORDS "yesterday|7d|30d|month|last_month"

struct span { /* [from, to) */
    int64_t from_ms, to_ms;
};
/* `now`: what is shown, at most up to this moment; `before`: the same length one step earlier, so that an unfinished day or month is compared with
 * an equally unfinished one; `trend`: whole steps, the oldest first, the last one is `now`. */
struct period {
    struct span now, before, trend[PERIOD_POINTS];
};
/* false: no such word. */
bool period_of(const char *word, int64_t now_ms, struct period *out);
/* A month "2026-10" and the one before it; false: there is no such. */
bool period_month(const char *month, struct span *now, struct span *before);
/* The month `steps` before the one `ms` is in. */
#define PERIOD_MONTH 8
void period_month_text(int64_t ms, int steps, char out[PERIOD_MONTH]);
#endif
