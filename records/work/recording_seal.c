/* Sealing: the hash over everything a recording holds, its line in the timeline, the notices (room.h, "the seal"). */
#include "records/notify/notify.h"
#include "records/parts.h"
#include "records/work/consult.h"
#include "records/work/recording.h"
#include <dirent.h>
#include <stdio.h>
#include <string.h>

bool recording_files_left(struct op_ctx *ctx, uint64_t recording)
{
    const char *dir = records_parts(ctx->records)->record_dir;
    DIR *d = *dir ? opendir(dir) : NULL;
    char id[ID_TEXT_BYTES];
    bool left = false;
    if (!d)
        return false;
    id_format(recording, id);
    for (const struct dirent *e; !left && (e = readdir(d));)
        left = strncmp(e->d_name, id, ID_TEXT_BYTES - 1) == 0 && e->d_name[ID_TEXT_BYTES - 1] == '-';
    closedir(d);
    return left;
}

static const char *id_or_dash(uint64_t id, char out[ID_TEXT_BYTES])
{
    if (!id)
        return "-";
    id_format(id, out);
    return out;
}

static void hash_track(struct sha256_state *s, struct query *q)
{
    char document[ID_TEXT_BYTES], person[ID_TEXT_BYTES], line[400];
    int n = snprintf(line, sizeof line, "%s %s %s %s %lld %lld %s %s\n",
                     id_or_dash((uint64_t)query_int(q, "document_id"), document), query_text(q, "kind"), query_text(q, "source"),
                     id_or_dash((uint64_t)query_int(q, "person_id"), person), (long long)query_int(q, "started_ms"),
                     (long long)query_int(q, "duration_ms"), query_text(q, "content_type"), query_text(q, "sha256"));
    sha256_update(s, line, (size_t)n);
}

int recording_hash(struct tx *tx, const struct recording_row *r, char out[2 * SHA256_BYTES + 1], int64_t *duration_ms,
                   int64_t *tracks)
{
    struct sha256_state s;
    uint8_t digest[SHA256_BYTES];
    char id[ID_TEXT_BYTES], of_case[ID_TEXT_BYTES], head[120];
    int n = snprintf(head, sizeof head, "yilian-recording-1 %s %s %lld\n", id_or_dash(r->id, id), id_or_dash(r->case_id.v, of_case),
                     (long long)r->started_ms);
    sha256_init(&s);
    sha256_update(&s, head, (size_t)n);
    *duration_ms = *tracks = 0;
    struct query *q = tx_query(tx, "SELECT * FROM recording_track WHERE recording_id=$1 ORDER BY started_ms, document_id", "i",
                               (int64_t)r->id);
    while (query_next(q)) {
        int64_t end = query_int(q, "started_ms") + query_int(q, "duration_ms") - r->started_ms;
        *duration_ms = end > *duration_ms ? end : *duration_ms;
        ++*tracks;
        hash_track(&s, q);
    }
    sha256_final(&s, digest);
    int rc = query_end(q);
    return rc ? rc : hex_encode(digest, sizeof digest, out, 2 * SHA256_BYTES + 1) < 0 ? ERR_INTERNAL : 0;
}

/* The timeline says it, the pages of the case read again, those who sat there are told. */
static int tell(struct op_ctx *ctx, struct case_id id, const char *note)
{
    struct consult c;
    int rc = consult_load(ctx, id, &c);
    if (rc)
        return rc;
    rc = consult_note(ctx, &c,
                      &(struct consult_note){.event = "recording",
                                             .role = "system",
                                             .reason = *note ? note : NULL,
                                             .from = c.flow.state,
                                             .to = c.flow.state});
    rc = rc ? rc : consult_tell(ctx, &c, P_APPLICANT, "case.recording_ready", NULL);
    rc = rc ? rc : consult_tell(ctx, &c, P_EXPERT, "case.recording_ready", NULL);
    rc = rc ? rc : consult_save_quiet(ctx, &c);
    consult_clear(&c);
    return rc;
}

int recording_seal(struct op_ctx *ctx, struct recording_row *r, const char *note)
{
    int64_t tracks;
    int rc = recording_hash(ctx->tx, r, r->sha256, &r->duration_ms, &tracks);
    if (rc)
        return rc;
    r->sealed_ms = ctx->now_ms;
    snprintf(r->note, sizeof r->note, "%s", note);
    rc = tx_exec(ctx->tx, "UPDATE recording SET duration_ms=$2, sealed_ms=$3, sha256=$4, note=$5 WHERE id=$1", "iiitt",
                 (int64_t)r->id, r->duration_ms, r->sealed_ms, r->sha256, r->note);
    rc = rc || !tracks ? rc : recording_export_pictures(ctx, r->id);
    return rc || !tracks ? rc : tell(ctx, r->case_id, note);
}
