/* room_quality - what was measured of one session: the room's log has a line of figures per seat every five minutes
 * (server/room/desk_media.c, media_quality_note); here they are summed. Private to records/work; runs inside operations. */
#ifndef YL_RECORDS_WORK_ROOM_QUALITY_H
#define YL_RECORDS_WORK_ROOM_QUALITY_H

#include "records/work/room_row.h"

#define QUALITY_STREAMS_MAX 32 /* that one seat received in a session */
#define QUALITY_LINES_MAX 60   /* of the log, of one seat: five hours */
#define QUALITY_GRADES 4       /* good fair poor lost; A B C D */

struct quality_means { /* weighted by seconds */
    int64_t seconds[QUALITY_GRADES], all, loss_permille, a, b, c; /* a, b, c: up_bps, down_bps, rtt_ms; or bps, delay_ms, nothing */
};
struct quality_stream {
    uint64_t from;
    char source[12];
    struct quality_means m;
    int64_t frozen_ms;
};
struct quality_line { /* one of the log: how it was until then */
    int64_t t_ms, loss_permille, rtt_ms;
    int grade; /* the worst of line and pictures, 0 best */
};
struct quality_seat {
    uint64_t seat;
    struct quality_means m;
    size_t n_streams, n_lines;
    struct quality_stream streams[QUALITY_STREAMS_MAX];
    struct quality_line lines[QUALITY_LINES_MAX];
    char limited_by[16]; /* what its page said last of its own sending: none bandwidth cpu other; "" = nothing */
};
struct quality_session {
    size_t n, n_tickets;
    struct quality_seat seats[ROOM_TICKETS_MAX];
    struct ticket_row tickets[ROOM_TICKETS_MAX];
};

/* Everything of the room; 0 or the store's error. Large: the caller's heap. */
YL_CHECKED int quality_of_room(struct op_ctx *ctx, struct room_id room, struct quality_session *out);
/* 0 (good, A) .. 3: of the worst line or picture that nine tenths of the time reached or bettered; -1 = nothing was measured. */
int quality_worst(const struct quality_session *s);
/* The people as JSON. `named`: with their names, for whoever may read the case; without: seats, institutions, and how it was over time. */
json_t *quality_people(struct op_ctx *ctx, const struct quality_session *s, bool named);
#endif
