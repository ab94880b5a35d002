/* What is shown of the machine: figures, and of each whether it is well, with a word for what to do (the page has the sentences). */
#include "records/health/health_private.h"
#include "records/parts.h"
#include "server/base/certificate.h"
#include <string.h>

#define MINUTE_MS 60000ll
#define DAY_MS 86400000ll
#define FIRST_COPY_MS (30 * MINUTE_MS) /* a large database takes its time after a start */
#define FILES_BEHIND_MS (30 * MINUTE_MS) /* a recording of an evening takes its time over a line to another machine */
#define SOURCES_MAX 20

struct verdict {
    const char *level; /* ok, warn, bad */
    const char *why;   /* "" = well */
};
static const struct verdict well = {"ok", ""};

static struct verdict warn(const char *why)
{
    return (struct verdict){"warn", why};
}

static struct verdict bad(const char *why)
{
    return (struct verdict){"bad", why};
}

static json_t *time_or_null(int64_t ms)
{
    return ms > 0 ? json_integer(ms) : json_null();
}

static void judge(json_t *o, struct verdict v)
{
    json_object_set_new(o, "level", json_string(v.level));
    json_object_set_new(o, "why", json_string(v.why));
}

/* ---- the backup ---- */

static struct verdict judge_archive(const struct health *h, const struct store_archive_state *s, int64_t now_ms)
{
    int64_t slack = 10ll * h->config.archive_every_ms > MINUTE_MS ? 10ll * h->config.archive_every_ms : MINUTE_MS;
    bool behind = now_ms - s->reached_ms > slack;
    if (s->damaged)
        return bad("damaged");
    if (s->wrong[0])
        return behind || !s->follows ? bad("stands") : warn("no_copy");
    if (!s->reached_ms)
        return now_ms - h->began_ms < FIRST_COPY_MS ? warn("first") : bad("stands");
    if (behind)
        return bad("stands");
    if (h->disk[FOLDER_BACKUP].device == h->disk[FOLDER_DATA].device)
        return warn("same_disk");
    return now_ms - s->base_ms > 2 * h->config.archive_base_ms ? warn("old_copy") : !s->checked_ms ? warn("unchecked") : well;
}

static json_t *archive_json(struct health *h, int64_t now_ms)
{
    struct store_archive_state s;
    store_archive_look(h->config.archive, &s);
    json_t *o = json_pack("{s:s,s:s,s:i,s:I,s:i,s:o,s:o,s:o,s:o,s:I,s:I,s:i,s:s,s:s}", "kind", "archive", "dir", h->dir[FOLDER_BACKUP], "every_ms", h->config.archive_every_ms, "base_every_ms",
                          (json_int_t)h->config.archive_base_ms, "keep_days", h->config.archive_keep_days, "from_ms", time_or_null(s.from_ms), "reached_ms", time_or_null(s.reached_ms), "base_ms",
                          time_or_null(s.base_ms), "checked_ms", time_or_null(s.checked_ms), "base_bytes", (json_int_t)s.base_bytes, "bytes", (json_int_t)s.bytes, "copies", s.copies, "fault", s.fault, "wrong", s.wrong);
    judge(o, judge_archive(h, &s, now_ms));
    return o;
}

/* Attachments and recordings, beside the database. */
static struct verdict judge_files(const struct health *h, const struct blob_mirror_state *s, int64_t now_ms)
{
    if (s->wrong[0])
        return bad("stands");
    if (s->since_ms && now_ms - s->since_ms > FILES_BEHIND_MS)
        return warn("behind");
    if (!s->compared_ms)
        return warn("first");
    return h->disk[FOLDER_BACKUP].device == h->disk[FOLDER_DATA].device ? warn("same_disk") : well;
}

static json_t *files_json(struct health *h, int64_t now_ms)
{
    struct blob_mirror_state s;
    if (!h->config.mirror) {
        json_t *none = json_pack("{s:s}", "dir", "");
        judge(none, bad("none"));
        return none;
    }
    blob_mirror_look(h->config.mirror, &s);
    json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:o,s:o,s:s,s:s}", "dir", h->dir[FOLDER_BACKUP], "files", (json_int_t)s.files, "bytes", (json_int_t)s.bytes, "waiting", (json_int_t)s.waiting, "since_ms",
                          time_or_null(s.since_ms), "compared_ms", time_or_null(s.compared_ms), "fault", s.fault, "wrong", s.wrong);
    judge(o, judge_files(h, &s, now_ms));
    return o;
}

/* PostgreSQL archives its own log; of the copies beside it only its administrator knows. */
static json_t *server_log_json(const struct store_facts *d)
{
    json_t *o = json_pack("{s:s,s:o,s:o}", "kind", "server_log", "reached_ms", time_or_null(d->kept_ms), "failed_ms", time_or_null(d->kept_failed_ms));
    judge(o, !d->log_known ? warn("server_hidden") : !d->log_kept ? bad("server_none") : d->kept_failed_ms > d->kept_ms ? bad("server_failing") : !d->kept_ms ? warn("server_first") : well);
    return o;
}

static json_t *backup_json(struct health *h, const struct store_facts *d, int64_t now_ms)
{
    if (h->config.archive)
        return archive_json(h, now_ms);
    if (strcmp(d->engine, "postgresql") == 0)
        return server_log_json(d);
    json_t *o = json_pack("{s:s}", "kind", "none");
    judge(o, bad("none"));
    return o;
}

/* ---- disks, certificate, database, load ---- */

static struct verdict judge_disk(const struct health *h, enum folder i, int64_t days)
{
    const struct disk *d = &h->disk[i];
    if (!d->total)
        return bad("gone");
    if ((i == FOLDER_DATA && h->full) || (d->free < d->total * 3 / 100 && d->free < 2ll << 30))
        return bad("full");
    if (days >= 0 && days < 3)
        return bad("days");
    return d->low ? warn("low") : days >= 0 && days < 14 ? warn("days") : well;
}

/* Folders on one disk are one line. */
static json_t *disks_json(struct health *h)
{
    static const char *const names[FOLDERS] = {"data", "record", "backup"};
    json_t *out = json_array(), *lines[FOLDERS] = {0};
    for (enum folder i = 0; i < FOLDERS; i++) {
        const struct disk *d = &h->disk[i];
        json_t *same = NULL;
        for (enum folder k = 0; k < i; k++)
            same = lines[k] && d->total && h->disk[k].device == d->device ? lines[k] : same;
        if (!h->dir[i][0])
            continue;
        json_t *folder = json_pack("{s:s,s:s}", "name", names[i], "path", h->dir[i]);
        if (same) {
            json_array_append_new(json_object_get(same, "folders"), folder);
            continue;
        }
        int64_t days = health_days_left(d, h->hours);
        lines[i] = json_pack("{s:[o],s:I,s:I,s:o,s:I}", "folders", folder, "free_bytes", (json_int_t)d->free, "total_bytes", (json_int_t)d->total, "days_left",
                             days < 0 ? json_null() : json_integer(days), "hours_known", (json_int_t)((h->hours < HOURS ? h->hours : HOURS) - 1));
        judge(lines[i], judge_disk(h, i, days));
        json_array_append_new(out, lines[i]);
    }
    return out;
}

static json_t *certificate_json(const struct health *h, int64_t now_ms)
{
    int64_t ends_ms = 0;
    int rc = h->certificate[0] ? certificate_ends(h->certificate, &ends_ms) : ERR_NOT_FOUND;
    json_t *o = json_pack("{s:s,s:o}", "file", h->certificate, "ends_ms", time_or_null(ends_ms));
    judge(o, rc ? bad("unreadable") : ends_ms <= now_ms ? bad("expired") : ends_ms - now_ms < 14 * DAY_MS ? warn("soon") : well);
    return o;
}

static json_t *database_json(struct op_ctx *ctx, const struct store_facts *d)
{
    json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:i,s:o,s:i,s:o}", "engine", d->engine, "server", d->server, "bytes", (json_int_t)d->bytes, "log_bytes", (json_int_t)d->log_bytes, "version",
                          store_version(records_store(ctx->records)), "standbys", d->standbys < 0 ? json_null() : json_integer(d->standbys), "in_step", d->in_step, "behind_ms",
                          d->behind_ms < 0 ? json_null() : json_integer(d->behind_ms));
    judge(o, d->damaged                           ? bad("damaged")
             : store_is_stuck(records_store(ctx->records)) ? bad("stuck")
             : d->standbys > 0 && !d->in_step     ? warn("not_in_step")
             : d->behind_ms > MINUTE_MS           ? warn("standby_behind")
                                                  : well);
    return o;
}

static json_t *media_json(const struct health *h)
{
    json_t *o = json_pack("{s:i,s:o,s:I,s:I}", "workers", h->config.media_workers, "load_percent", h->load_percent < 0 ? json_null() : json_integer(h->load_percent), "rooms",
                          (json_int_t)metric_value(h->m_rooms), "seats", (json_int_t)metric_value(h->m_seats));
    judge(o, h->load_percent >= 90 ? bad("busy") : h->load_percent >= 70 ? warn("busy") : well);
    return o;
}

static json_t *program_json(const struct health *h)
{
    bool lately = h->leapt_us && clock_monotonic_us() - h->leapt_us < DAY_MS * 1000;
    json_t *o = json_pack("{s:s,s:I,s:I}", "version", h->version, "since_ms", (json_int_t)h->began_ms, "clock_leaps", (json_int_t)h->leaps);
    judge(o, lately ? warn("clock") : well); /* what stands until a restart is no longer read */
    return o;
}

/* ---- other systems: only those that need somebody ---- */

static json_t *exchange_json(struct op_ctx *ctx)
{
    json_t *items = json_array();
    struct query *q = tx_query(ctx->tx,
                               "SELECT s.name, t.last_ms, p.state AS pull_state, n.state AS tell_state, (SELECT COUNT(*) FROM exchange_dead x WHERE x.source_id=s.id AND x.state='open') AS open "
                               "FROM exchange_source s LEFT JOIN exchange_state t ON t.source_id=s.id LEFT JOIN exchange_pull p ON p.source_id=s.id "
                               "LEFT JOIN exchange_tell n ON n.source_id=s.id WHERE s.enabled=1 ORDER BY s.id",
                               "");
    int64_t sources = 0, open = 0;
    for (; query_next(q); sources++) {
        int64_t dead = query_int(q, "open"), last_ms = query_int(q, "last_ms");
        const char *pull = query_text(q, "pull_state"), *told = query_text(q, "tell_state");
        const char *why = (pull && strcmp(pull, "failed") == 0) || (told && strcmp(told, "failed") == 0) ? "failed" : dead ? "dead" : last_ms && ctx->now_ms - last_ms > DAY_MS ? "quiet" : NULL;
        open += dead;
        if (why && json_array_size(items) < SOURCES_MAX)
            json_array_append_new(items, json_pack("{s:s?,s:o,s:I,s:s}", "name", query_text(q, "name"), "last_ms", time_or_null(last_ms), "open", (json_int_t)dead, "why", why));
    }
    if (query_end(q))
        sources = 0; /* sticky: the operation looks once */
    int64_t stopped = tx_int(ctx->tx, 0, "SELECT COUNT(*) FROM out_subscriber WHERE state='error'", "");
    json_t *o = json_pack("{s:I,s:I,s:I,s:O}", "sources", (json_int_t)sources, "open", (json_int_t)open, "stopped", (json_int_t)stopped, "items", items);
    judge(o, stopped ? warn("stopped") : json_array_size(items) ? warn("sources") : well);
    json_decref(items);
    return o;
}

static int machine_get(struct op_ctx *ctx, json_t *args, json_t **result)
{
    struct health *h = records_parts(ctx->records)->health;
    struct store_facts d;
    (void)args;
    int rc = store_look(records_store(ctx->records), &d);
    if (rc)
        return fault_set(ctx->fault, rc, "", "The database does not say how it is.");
    json_t *exchange = exchange_json(ctx), *database = database_json(ctx, &d), *certificate = certificate_json(h, ctx->now_ms);
    pthread_mutex_lock(&h->lock);
    *result = json_pack("{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "now_ms", (json_int_t)ctx->now_ms, "program", program_json(h), "backup", backup_json(h, &d, ctx->now_ms), "files", files_json(h, ctx->now_ms), "disks", disks_json(h),
                        "certificate", certificate, "database", database, "media", media_json(h), "exchange", exchange);
    pthread_mutex_unlock(&h->lock);
    return tx_error(ctx->tx);
}

static const struct field none[] = {{0}};

const struct op health_ops[] = {
    {"machine.get", OP_READ, OP_NO_IDLE, "machine.read", none, machine_get, "how the machine is: backup, disks, certificate, database, load, other systems"},
    {0},
};
