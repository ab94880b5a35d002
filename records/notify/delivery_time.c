/* When a message may go out, and when it is tried again. Pure. */
#include "records/notify/delivery.h"

#define ZONE_MIN 480
#define DAY_MS 86400000ll

int64_t delivery_backoff_ms(int tries)
{
    static const int64_t wait_s[] = {10, 30, 120, 600, 3600};
    int n = tries < 1 ? 1 : tries > 5 ? 5 : tries;
    return wait_s[n - 1] * 1000;
}

int64_t delivery_earliest_ms(int64_t now_ms, bool urgent, int quiet_from_min, int quiet_to_min)
{
    if (urgent || quiet_from_min == quiet_to_min)
        return now_ms;
    int64_t local = now_ms + ZONE_MIN * 60000ll, midnight = local - local % DAY_MS;
    int minute = (int)((local - midnight) / 60000);
    bool over_midnight = quiet_from_min > quiet_to_min;
    bool quiet = over_midnight ? minute >= quiet_from_min || minute < quiet_to_min
                               : minute >= quiet_from_min && minute < quiet_to_min;
    if (!quiet)
        return now_ms;
    int days = over_midnight && minute >= quiet_from_min ? 1 : 0;
    return midnight + days * DAY_MS + quiet_to_min * 60000ll - ZONE_MIN * 60000ll;
}
