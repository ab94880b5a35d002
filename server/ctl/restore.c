/* yilianctl restore: the database of a past moment, out of the archive of backup.dir. */
#include "server/ctl/ctl.h"
#include "records/records.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

static int usage(void)
{
    fprintf(stderr, "usage: yilianctl --config FILE restore --at \"YYYY-MM-DD HH:MM:SS\"|now --site NEW-FOLDER [--from DIR of backup.dir]\n"
                    "   or: ... --to NEW.db: the database alone\n");
    return 2;
}

static int restore_database(const char *from, int64_t at_ms, const char *to)
{
    struct records_moment m;
    struct fault f = {0};
    char text[32];
    if (records_restore(from, at_ms, to, &m, &f)) {
        if (f.code == ERR_NOT_FOUND && m.from_ms)
            fprintf(stderr, "the archive begins at %s\n", shown(m.from_ms, text));
        if (m.sound_ms)
            fprintf(stderr, "the copy of that moment is damaged; the one before it is sound and leads to %s: try --at \"%s\"\n", shown(m.sound_ms, text), text);
        return ctl_complain(&f);
    }
    printf("%s is the database as it was at %s (%lld pieces of the log)\n", to, shown(m.at_ms, text), (long long)m.pieces);
    return 0;
}

static int restore_files(const char *from, const char *site)
{
    struct fault f = {0};
    int64_t files, bytes;
    int rc = records_restore_files(from, site, &files, &bytes, &f);
    if (rc == ERR_NOT_FOUND) {
        printf("%s holds no attachments or recordings\n", from);
        return 0;
    }
    if (rc)
        return ctl_complain(&f);
    printf("%s/blobs: %lld attachments and recordings, %lld MB\n", site, (long long)files, (long long)(bytes >> 20));
    return 0;
}

int ctl_restore(struct ctl *c)
{
    const char *at = ctl_value(c, "at"), *to = ctl_value(c, "to"), *site = ctl_value(c, "site"), *from = ctl_value(c, "from");
    char path[PATH_MAX];
    int64_t at_ms = 0;
    bool file = !options_text(c->options, "database.url")[0]; /* PostgreSQL goes back by its own archive */
    from = from ? from : options_text(c->options, "backup.dir");
    if (!from[0] || !to == !site || (!at && (file || to)) || (at && !moment_of(at, &at_ms)))
        return usage();
    if (to) {
        int rc = restore_database(from, at_ms, to);
        if (rc == 0)
            printf("stop the daemon, put it into data.dir as yilian.db (away with yilian.db-wal and -shm), start, and run: yilianctl audit verify\n");
        return rc;
    }
    snprintf(path, sizeof path, "%s/yilian.db", site);
    if (mkdir(site, 0700) && errno != EEXIST)
        return fprintf(stderr, "cannot make %s: %s\n", site, strerror(errno)), 1;
    int rc = file ? restore_database(from, at_ms, path) : 0;
    rc = rc ? rc : restore_files(from, site);
    if (rc == 0)
        printf("put keys/master.key, of where you keep it, into %s/keys (mode 0600, folder 0700), set data.dir = %s, start the daemon, and run: yilianctl audit verify\n", site, site);
    return rc;
}
