/* yilianctl recording verify FILE|ID: the chain of a recorded file (no site needed), or everything of a recording of this site.
 * yilianctl recording export|list|cancel: films of a recording; the daemon makes them, as it makes those asked for on the page. */
#include "server/base/id.h"
#include "server/base/reel.h"
#include "server/ctl/ctl.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void print_gap(void *ctx, const struct reel_gap *g)
{
    int *n = ctx;
    printf("%s %s at %.3f s", (*n)++ ? "" : "gaps:\n", reel_why_name(g->why), (double)g->begin_ms / 1000);
    if (g->length_ms)
        printf(", %.3f s long, %.3f s of it lost\n", g->length_ms / 1000.0, g->lost_ms / 1000.0);
    else
        puts(", to the end");
}

static int verify_file(int fd, const char *path)
{
    struct reel_report r;
    char when[32];
    int n = 0;
    if (reel_read_fd(fd, true, print_gap, &n, &r))
        return fprintf(stderr, "yilianctl: %s cannot be read\n", path), 1;
    if (!r.chained)
        return printf("NO CHAIN: %s\n", r.wrong ? r.wrong : "no file of this recorder, or one from before there were chains"), 1;
    time_t at = (time_t)(r.utc_ms / 1000);
    struct tm tm;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &tm));
    printf("recording %016llx, track %016llx, %u links, the last of %s: ", (unsigned long long)r.recording, (unsigned long long)r.track, r.links, when);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        printf("%02x", r.last.last[i]);
    putchar('\n');
    if (r.wrong)
        return printf("BROKEN at byte %llu: %s\n", (unsigned long long)r.wrong_at, r.wrong), 1;
    puts("whole");
    return 0;
}

static void print_check(void *ctx, const struct records_recording_check *c)
{
    (void)ctx;
    printf("%s %s %s: ", c->document, c->kind, c->source);
    if (c->wrong)
        printf("BROKEN: %s\n", c->wrong);
    else if (c->chained)
        printf("whole, %u links, %zu gaps, %.3f s lost\n", c->links, c->n_gaps, (double)c->lost_ms / 1000);
    else
        puts("whole by its hash; it has no chain");
}

static int verify_recording(struct ctl *c, uint64_t id)
{
    struct records_recording_verdict v;
    int rc = records_recording_verify(c->records, id, print_check, NULL, &v);
    if (rc)
        return ctl_complain(&(struct fault){.code = rc, .text = "There is no such recording."});
    puts(!v.sealed ? "not sealed yet" : v.seal_holds ? "the seal holds" : "BROKEN: the seal does not hold");
    puts(v.whole ? "whole" : "BROKEN");
    return v.whole ? 0 : 1;
}

/* ---- films ---- */
static int export_film(struct ctl *c, const char *id)
{
    const char *layout = ctl_value(c, "layout");
    struct reply reply;
    if (ctl_call(c, "recording.export", json_pack("{s:s,s:s}", "recording_id", id, "layout", layout ? layout : "grid"), &reply))
        return 1;
    printf("film %s: the daemon makes it; see `recording list %s`\n", ctl_text(reply.result, "export_id"), id);
    reply_clear(&reply);
    return 0;
}

static int list_films(struct ctl *c, const char *id)
{
    struct reply reply;
    size_t i;
    json_t *e;
    if (ctl_call(c, "recording.export_list", json_pack("{s:s}", "recording_id", id), &reply))
        return 1;
    json_array_foreach(json_object_get(reply.result, "items"), i, e)
    {
        time_t asked = (time_t)(json_integer_value(json_object_get(e, "asked_ms")) / 1000);
        const char *error = ctl_text(e, "error"), *document = ctl_text(e, "document_id");
        char when[24];
        strftime(when, sizeof when, "%F %T", localtime(&asked));
        printf("%s\t%s\t%s\t%s\t%s\n", ctl_text(e, "id"), ctl_text(e, "layout"), ctl_text(e, "state"), when, *error ? error : *document ? document : "-");
    }
    reply_clear(&reply);
    return 0;
}

static int cancel_film(struct ctl *c, const char *id)
{
    struct reply reply;
    if (ctl_call(c, "recording.export_cancel", json_pack("{s:s}", "export_id", id), &reply))
        return 1;
    reply_clear(&reply);
    puts("cancelled");
    return 0;
}

static int films(struct ctl *c, const char *what)
{
    static const struct {
        const char *verb;
        int (*run)(struct ctl *c, const char *id);
    } verbs[] = {{"export", export_film}, {"list", list_films}, {"cancel", cancel_film}};
    struct fault f = {0};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(c->argv[0], verbs[i].verb) == 0)
            return ctl_open_records(c, &f) ? ctl_complain(&f) : verbs[i].run(c, what);
    return -1;
}

int ctl_recording(struct ctl *c)
{
    const char *what = c->argc == 2 || c->argc == 4 ? c->argv[1] : NULL;
    struct fault f = {0};
    uint64_t id;
    int code = what ? films(c, what) : -1;
    if (code >= 0)
        return code;
    if (!what || strcmp(c->argv[0], "verify"))
        return fprintf(stderr, "usage: yilianctl recording verify FILE | yilianctl --config FILE recording verify ID | export ID [--layout grid|speaker|slides] | list ID | "
                               "cancel FILM\n"), 2;
    int fd = open(what, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        code = verify_file(fd, what);
        close(fd);
        return code;
    }
    if (id_parse(what, &id))
        return fprintf(stderr, "yilianctl: %s is neither a file nor the id of a recording\n", what), 1;
    if (ctl_open_records(c, &f))
        return ctl_complain(&f);
    return verify_recording(c, id);
}
