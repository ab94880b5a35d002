/* Recorded files on their way into the record (records.h, "recordings").
 *
 * One list, carried out in order, one entry at a time: so a recording is sealed after its files, and the disk serves the room first.
 * A file is encrypted in slices of a few MiB, each a job of the pool, so that a long recording never holds up the readers. Only then
 * a write operation makes it a document; after its commit the plain file is deleted.
 *
 * Threads: the list has a lock; the entry at its head belongs to whoever runs it (`busy`): a reader, then the writer that answers.
 */
#include "records/document/document.h"
#include "records/parts.h"
#include "records/records.h"
#include "records/work/recording.h"
#include "server/base/log.h"
#include "server/base/reel.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLICE_BYTES (4u << 20)

struct entry {
    struct entry *next;
    struct recording_intake *in;
    uint64_t recording, track;
    bool end; /* the recording's end, not a file */
    int error;
    char path[600], sha256[65];
    uint64_t bytes;
    int64_t started_ms, duration_ms;
    struct document_staging staging;
    struct reel_report reel; /* its chain, when it was read */
    json_t *gaps;
    records_done done;
    void *ctx;
};

struct recording_intake {
    struct records *r;
    pthread_mutex_t lock;
    struct entry *first, *last;
    bool busy;
};

static void go_on(struct recording_intake *in);
static void rest(struct recording_intake *in);

int recording_intake_open(struct recording_intake **out, struct records *r)
{
    struct recording_intake *in = calloc(1, sizeof *in);
    *out = in;
    if (!in)
        return ERR_UNAVAILABLE;
    in->r = r;
    pthread_mutex_init(&in->lock, NULL);
    return 0;
}

/* Takes reply's content. */
static void finish(struct entry *e, struct reply *reply)
{
    document_stage_drop(records_parts(e->in->r)->documents, &e->staging);
    json_decref(e->gaps);
    if (e->done)
        e->done(e->ctx, reply);
    else
        reply_clear(reply);
    free(e);
}

static void fail(struct entry *e, int rc, const char *reason)
{
    struct reply reply = {.error = rc};
    fault_set(&reply.fault, rc, reason, "The recorded file was not taken in.");
    log_error("recording", "recording %016llx: %s not taken in: %s %s", (unsigned long long)e->recording, e->end ? "end" : "file",
              err_wire(rc), reason);
    finish(e, &reply);
}

/* Takes the head off the list; the next one may begin. */
static struct entry *take_off(struct recording_intake *in)
{
    pthread_mutex_lock(&in->lock);
    struct entry *e = in->first;
    if (e)
        in->first = e->next;
    if (!in->first)
        in->last = NULL;
    in->busy = false;
    pthread_mutex_unlock(&in->lock);
    return e;
}

static void give_up(struct recording_intake *in, int rc, const char *reason)
{
    fail(take_off(in), rc, reason);
    go_on(in);
}

/* On the writer thread, after the commit. */
static void answered(void *ctx, struct reply *reply)
{
    struct recording_intake *in = ctx;
    struct entry *e = take_off(in);
    if (reply->error)
        log_error("recording", "recording %016llx: %s: %s %s", (unsigned long long)e->recording, e->end ? "seal" : "file",
                  err_wire(reply->error), reply->fault.reason);
    else if (!e->end && unlink(e->path))
        log_warn("recording", "a file that was taken in could not be deleted");
    finish(e, reply);
    go_on(in);
}

static int submit(struct recording_intake *in, const char *op, json_t *args)
{
    struct call call = {.op = op, .credential = records_system_credential(in->r), .args = args};
    int rc = args ? records_submit(in->r, &call, answered, in) : ERR_INTERNAL;
    json_decref(args);
    return rc;
}

static int submit_end(struct recording_intake *in, const struct entry *e)
{
    json_t *args = json_pack("{s:o}", "recording_id", json_id(e->recording));
    if (e->error)
        json_object_set_new(args, "error", json_string(err_wire(e->error)));
    return submit(in, "recording.seal", args);
}

static void lengthen(json_t *gap, const struct reel_gap *by)
{
    json_int_t begin = json_integer_value(json_object_get(gap, "begin_ms"));
    json_object_set_new(gap, "length_ms", json_integer(by->begin_ms + by->length_ms - begin));
    json_object_set_new(gap, "lost_ms", json_integer(json_integer_value(json_object_get(gap, "lost_ms")) + by->lost_ms));
}

/* Links come every second; a hole of a minute is one line, and a file has a bounded number of them. */
static void on_gap(void *ctx, const struct reel_gap *g)
{
    json_t *gaps = ctx, *last = NULL;
    size_t n = json_array_size(gaps);
    for (size_t i = n; i && n - i < 4 && !last; i--) {
        json_t *one = json_array_get(gaps, i - 1);
        last = strcmp(json_string_value(json_object_get(one, "why")), reel_why_name(g->why)) == 0 ? one : NULL;
    }
    json_int_t end = last ? json_integer_value(json_object_get(last, "begin_ms")) + json_integer_value(json_object_get(last, "length_ms")) : 0;
    if (last && (g->begin_ms - end <= REEL_MERGE_MS || n == RECORDING_GAPS_MAX))
        lengthen(last, g);
    else if (n < RECORDING_GAPS_MAX && g->begin_ms >= 0)
        json_array_append_new(gaps, json_pack("{s:I,s:I,s:I,s:s}", "begin_ms", (json_int_t)g->begin_ms, "length_ms", (json_int_t)g->length_ms,
                                              "lost_ms", (json_int_t)g->lost_ms, "why", reel_why_name(g->why)));
}

/* The bytes are those whose hash was told: what the links say is taken from them as they are. */
static int read_reel(struct entry *e)
{
    e->gaps = json_array();
    return e->gaps ? reel_read_fd(e->staging.fd, false, on_gap, e->gaps, &e->reel) : ERR_INTERNAL;
}

static int submit_file(struct recording_intake *in, const struct entry *e)
{
    char chain[2 * SHA256_BYTES + 1];
    json_t *args = json_pack("{s:o,s:o,s:o,s:s,s:I,s:I}", "recording_id", json_id(e->recording), "track_id", json_id(e->track),
                             "staged", json_id(e->staging.id), "sha256", e->sha256, "started_ms", (json_int_t)e->started_ms,
                             "duration_ms", (json_int_t)e->duration_ms);
    if (e->reel.chained && hex_encode(e->reel.last.last, SHA256_BYTES, chain, sizeof chain) > 0) {
        json_object_set_new(args, "links", json_integer(e->reel.links));
        json_object_set_new(args, "chain", json_string(chain));
        json_object_set(args, "gaps", e->gaps);
    }
    return submit(in, "recording.track", args);
}

/* One slice of the head; on a pool thread. */
static void step(void *ctx)
{
    struct recording_intake *in = ctx;
    struct entry *e = in->first; /* stays the head while busy */
    struct documents *d = records_parts(in->r)->documents;
    char sha256[65];
    bool whole = false;
    int rc = 0;
    if (e->end) {
        rc = submit_end(in, e);
        if (rc)
            give_up(in, rc, "busy");
        return;
    }
    if (!e->staging.id)
        rc = document_stage_begin(d, e->path, &e->staging);
    rc = rc ? rc : document_stage_step(d, &e->staging, SLICE_BYTES, &whole);
    if (rc == 0 && whole)
        rc = document_stage_sha256(d, &e->staging, sha256);
    if (rc)
        give_up(in, rc, "staging");
    else if (whole && (e->staging.bytes != e->bytes || strcmp(sha256, e->sha256) != 0))
        give_up(in, ERR_STORAGE, "hash_mismatch"); /* the disk, or somebody, changed it since the recorder closed it */
    else if (whole && ((rc = read_reel(e)) || (rc = submit_file(in, e))))
        give_up(in, rc, "busy");
    else if (!whole && records_pool_run(in->r, step, in))
        rest(in);
}

/* The queue is full or closing: the head keeps what it has; the next tick goes on, or recording_intake_close answers. */
static void rest(struct recording_intake *in)
{
    pthread_mutex_lock(&in->lock);
    in->busy = false;
    pthread_mutex_unlock(&in->lock);
}

static void go_on(struct recording_intake *in)
{
    pthread_mutex_lock(&in->lock);
    bool mine = in->first && !in->busy;
    in->busy = in->busy || mine;
    pthread_mutex_unlock(&in->lock);
    if (mine && records_pool_run(in->r, step, in))
        rest(in);
}

void recording_intake_kick(struct recording_intake *in)
{
    go_on(in);
}

void recording_intake_close(struct recording_intake *in)
{
    if (!in)
        return;
    for (struct entry *e; (e = take_off(in));)
        fail(e, ERR_UNAVAILABLE, "closing");
    pthread_mutex_destroy(&in->lock);
    free(in);
}

/* ---- the doors ---- */
static int append(struct recording_intake *in, const struct entry *what)
{
    struct entry *e = malloc(sizeof *e);
    if (!e)
        return ERR_UNAVAILABLE;
    *e = *what;
    e->in = in;
    pthread_mutex_lock(&in->lock);
    if (in->last)
        in->last->next = e;
    else
        in->first = e;
    in->last = e;
    pthread_mutex_unlock(&in->lock);
    go_on(in);
    return 0;
}

/* Directly in the recorder's folder, and named after the recording and the track: nothing else is read and deleted here. */
static bool path_ok(const char *dir, const struct records_recording_file *f)
{
    size_t n = strlen(dir);
    char recording[ID_TEXT_BYTES], track[ID_TEXT_BYTES], head[2 * ID_TEXT_BYTES + 2];
    if (!n || strncmp(f->path, dir, n) != 0 || f->path[n] != '/')
        return false;
    const char *name = f->path + n + strspn(f->path + n, "/");
    id_format(f->recording, recording);
    id_format(f->track, track);
    int len = snprintf(head, sizeof head, "%s-%s-", recording, track);
    return !strchr(name, '/') && strncmp(name, head, (size_t)len) == 0;
}

int records_recording_file_submit(struct records *r, const struct records_recording_file *file, records_done done, void *ctx)
{
    struct entry e = {.recording = file->recording,
                      .track = file->track,
                      .bytes = file->bytes,
                      .started_ms = file->started_ms,
                      .duration_ms = file->duration_ms,
                      .done = done,
                      .ctx = ctx};
    if (!path_ok(records_parts(r)->record_dir, file) || strlen(file->path) >= sizeof e.path || strlen(file->sha256) != 64)
        return ERR_INVALID;
    snprintf(e.path, sizeof e.path, "%s", file->path);
    snprintf(e.sha256, sizeof e.sha256, "%s", file->sha256);
    return append(records_parts(r)->intake, &e);
}

int records_recording_end_submit(struct records *r, uint64_t recording, int error, records_done done, void *ctx)
{
    struct entry e = {.recording = recording, .end = true, .error = error, .done = done, .ctx = ctx};
    return append(records_parts(r)->intake, &e);
}
