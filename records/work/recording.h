/* recording - recordings of a consultation: rows, files, seal. Internal to records/work. The contract of the operations is in room.h. */
#ifndef YL_RECORDS_WORK_RECORDING_H
#define YL_RECORDS_WORK_RECORDING_H

#include "records/work/room_row.h"
#include "server/base/crypto.h"

struct recording_row {
    uint64_t id;
    struct room_id room;
    struct case_id case_id;
    int64_t started_ms, duration_ms, sealed_ms;
    char sha256[2 * SHA256_BYTES + 1], note[32];
};
YL_CHECKED int recording_load(struct op_ctx *ctx, uint64_t id, struct recording_row *out); /* ERR_NOT_FOUND, fault filled */

#define RECORDING_GAPS_MAX 500 /* of one file */
int recording_list(struct op_ctx *ctx, json_t *args, json_t **result); /* recording_view.c */

/* Does the recorder's folder still hold a file of it (finished or not)? False too when there is no folder. */
bool recording_files_left(struct op_ctx *ctx, uint64_t recording);

/* Seals what is not sealed yet: duration, hash, line in the timeline, notices. note: "" or why it is not whole. */
YL_CHECKED int recording_seal(struct op_ctx *ctx, struct recording_row *r, const char *note);
/* The seal's text, hashed (room.h). */
YL_CHECKED int recording_hash(struct tx *tx, const struct recording_row *r, char out[2 * SHA256_BYTES + 1], int64_t *duration_ms,
                              int64_t *tracks);

/* ---- recording_export.c: films (kind "movie") and pictures for the time line (kind "pictures") made of a sealed recording ---- */
/* Queues what every sealed recording gets. */
YL_CHECKED int recording_export_pictures(struct op_ctx *ctx, uint64_t recording);
/* Adds "exports", "poster" and "strip" to each recording of a list. */
void recording_export_add(struct op_ctx *ctx, struct case_id id, json_t *items);

/* ---- recording_exporter.c: who makes them. Threads of their own, each with one child process (server/base/compose.h) at a time: low claim to
 * the processor, limits on memory and time, plain bytes in pipes alone. What was begun when the daemon ended is begun again, three times at most. ---- */
struct recording_exporter;
struct records;
YL_CHECKED int recording_exporter_open(struct recording_exporter **out, struct records *r, const char *program, int threads);
void recording_exporter_close(struct recording_exporter *e); /* ends children; what they made is begun again at the next start. NULL is nothing */
void recording_exporter_kick(struct recording_exporter *e);  /* there is something to make; after the commit or before. NULL is nothing */
/* Hundredths, -1: not being made now. */
int recording_exporter_progress(struct recording_exporter *e, uint64_t id);
void recording_exporter_cancel(struct recording_exporter *e, uint64_t id);

/* ---- recording_intake.c: files on their way in; one at a time, for the life of an open records ---- */
struct recording_intake;
YL_CHECKED int recording_intake_open(struct recording_intake **out, struct records *r);
void recording_intake_kick(struct recording_intake *in); /* goes on with what a full queue had stopped; called every second */
void recording_intake_close(struct recording_intake *in); /* the pool has ended: answers what is left with ERR_UNAVAILABLE */
#endif
