/* yilianctl restore: the database of a past moment, out of the archive of backup.dir. */
#include "server/ctl/ctl.h"
#include "records/records.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ZONE_S (8 * 3600) /* the site's: China's */

/* "2026-11-30 17:05" or with seconds; "now". */
static bool moment_of(const char *text, int64_t *out)
{
    struct tm tm = {0};
    if (strcmp(text, "now") == 0) {
        *out = (int64_t)time(NULL) * 1000;
        return true;
    }
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &tm);
    if (end && *end == ':')
        end = strptime(end, ":%S", &tm);
    if (!end || *end)
        return false;
    *out = ((int64_t)timegm(&tm) - ZONE_S) * 1000 + 999;
    return true;
}

static const char *shown(int64_t ms, char out[32])
{
    time_t t = (time_t)(ms / 1000 + ZONE_S);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm);
    return out;
}

int ctl_restore(struct ctl *c)
{
    const char *at = ctl_value(c, "at"), *to = ctl_value(c, "to"), *from = ctl_value(c, "from");
    struct records_moment m;
    struct fault f = {0};
    char text[32];
    int64_t at_ms;
    from = from ? from : options_text(c->options, "backup.dir");
    if (!at || !to || !moment_of(at, &at_ms) || !from[0])
        return fprintf(stderr, "usage: yilianctl --config FILE restore --at \"YYYY-MM-DD HH:MM:SS\"|now --to NEW.db [--from DIR of backup.dir]\n"), 2;
    if (records_restore(from, at_ms, to, &m, &f)) {
        if (f.code == ERR_NOT_FOUND && m.from_ms)
            fprintf(stderr, "the archive begins at %s\n", shown(m.from_ms, text));
        if (m.sound_ms)
            fprintf(stderr, "the copy of that moment is damaged; the one before it is sound and leads to %s: try --at \"%s\"\n", shown(m.sound_ms, text), text);
        return ctl_complain(&f);
    }
    printf("%s is the database as it was at %s (%lld pieces of the log)\n", to, shown(m.at_ms, text), (long long)m.pieces);
    printf("stop the daemon, put it into data.dir as yilian.db (away with yilian.db-wal and -shm), start, and run: yilianctl audit verify\n");
    return 0;
}
