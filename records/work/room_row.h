/* room_row - rows of rooms and their tickets. Private to records/work/room*.c and recording*.c. Runs inside operations. */
#ifndef YL_RECORDS_WORK_ROOM_ROW_H
#define YL_RECORDS_WORK_ROOM_ROW_H

#include "records/work/consultation.h"
#include "records/work/room.h"

#define ROOM_SECRET_BYTES 44 /* 32 random bytes as base64url, and NUL */
#define ROOM_HASH_BYTES 65   /* SHA-256 in hex, and NUL */
#define ROOM_LATE_MS (10 * 60000)
#define ROOM_TICKET_MS (12 * 3600000ll)
#define ROOM_TICKETS_MAX 128 /* of one room: seats and guests of all its life */

struct room_row {
    struct room_id id;
    struct case_id case_id; /* .v 0 = a room of its own */
    char name[72];
    int64_t started_ms, ended_ms, log_lines;
};
/* ERR_NOT_FOUND with the fault filled. */
YL_CHECKED int room_load(struct op_ctx *ctx, uint64_t id, struct room_row *out);
/* The live room of the case, made when there is none. `number` names it. */
YL_CHECKED int room_of_case_make(struct op_ctx *ctx, struct case_id id, const char *number, struct room_row *out);
YL_CHECKED int room_insert(struct op_ctx *ctx, struct case_id case_id, const char *name, struct room_row *out);
/* By name, or by id when the text is one. *found false: neither. */
YL_CHECKED int room_by_word(struct op_ctx *ctx, const char *word, struct room_row *out, bool *found);

struct ticket_row {
    uint64_t id, seat;
    struct room_id room;
    struct case_id case_id;
    struct person_id person; /* .v 0 = a guest */
    struct org_id org, dept; /* the post it was asked from */
    char role[12], name[260], title[260], resume_hash[ROOM_HASH_BYTES];
    bool admitted;
    int64_t created_ms, expires_ms, revoked_ms;
};
/* Each sets out->id 0 when there is none; errors are the store's. */
YL_CHECKED int ticket_by_hash(struct tx *tx, const char *hash, struct ticket_row *out);
YL_CHECKED int ticket_by_person(struct tx *tx, struct room_id room, struct person_id person, struct ticket_row *out);
YL_CHECKED int ticket_by_seat(struct tx *tx, struct room_id room, uint64_t seat, struct ticket_row *out);
/* All of a room, oldest first; *n of at most ROOM_TICKETS_MAX. */
YL_CHECKED int tickets_of_room(struct tx *tx, struct room_id room, struct ticket_row out[ROOM_TICKETS_MAX], size_t *n);
YL_CHECKED int ticket_insert(struct op_ctx *ctx, const struct ticket_row *t, const char *hash);

/* What the case says about this ticket's holder now; a guest's seat stays SEAT_NONE. ERR_DENIED no_seat: he may no longer sit
 * there. ctx->audit gets the case and its patient. */
YL_CHECKED int ticket_case(struct op_ctx *ctx, const struct ticket_row *t, struct consultation_room *out);
/* The case of a room, asked by the daemon. */
YL_CHECKED int room_case(struct op_ctx *ctx, struct case_id id, struct consultation_room *out);
int room_not_open(struct op_ctx *ctx, const struct consultation_room *c); /* fills the fault, returns its code */
int64_t ticket_until(const struct consultation_room *c, int64_t now_ms);
const char *seat_word(enum consultation_seat seat); /* "host" ...; "" for SEAT_NONE */

void room_secret(char secret[ROOM_SECRET_BYTES], char hash[ROOM_HASH_BYTES]);
void room_secret_hash(const char *secret, char hash[ROOM_HASH_BYTES]);

/* One line of the room's log; who may be NULL; detail: JSON text or "". */
YL_CHECKED int room_log(struct op_ctx *ctx, struct room_id room, const char *kind, const struct ticket_row *who,
                        const char *detail);
/* Tells the change feed that a seat of the room lost its ticket. */
YL_CHECKED int room_tell_revoked(struct op_ctx *ctx, struct room_id room, uint64_t seat);
/* Stamps the end and revokes every ticket. 0 also when it ended before. */
YL_CHECKED int room_end(struct op_ctx *ctx, const struct room_row *room);

/* room_token.c, listed in room_live.c and room.c */
extern const struct field room_token_args[], room_token_check_args[], room_watch_args[];
int room_watch(struct op_ctx *ctx, json_t *args, json_t **result);
int room_token(struct op_ctx *ctx, json_t *args, json_t **result);
int room_quality(struct op_ctx *ctx, json_t *args, json_t **result); /* room_quality.c */
int room_token_check(struct op_ctx *ctx, json_t *args, json_t **result);
#endif
