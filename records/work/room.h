/* room - what a live room leaves behind: tickets, seats, consents, the log, sealed recordings, tokens of machines.
 * The live room itself is server/room; it tells its news through these operations as the system or with a ticket. */
#ifndef YL_RECORDS_WORK_ROOM_H
#define YL_RECORDS_WORK_ROOM_H

#include "records/ops/op.h"

/* room.ticket {case_id}, room.guest {case_id,name,relation}: for people (docs/protocol/http.md).
 * room.enter {ticket, resume?} anonymous -> {seat_id, resume, admitted, room_id, case_id, person:{id,name,title,org}, role, title (of the
 *   room), expires_ms, recording_consent}: checks the ticket, makes or finds its seat.
 * room.machine {token, room} anonymous -> {room_id, publish, watch, expires_ms} for WHIP/WHEP (room: name or id).
 * For the daemon only (actor.system): room.note {room_id, kind, seat_id?, person_id?, detail?} - kinds "joined" "admitted" "left"
 *   "refused" "removed" "started" "interrupted" "resumed" "ended" "consent" "consent_withdrawn" "quality"; it also tells the
 *   workflow (consultation_room_*).
 * room.seal {recording_id, room_id, started_ms, note?, files:[{path, content_type, sha256, bytes, started_ms, duration_ms, kind, source,
 *   person_id, name}]} (system): imports the files as case documents and seals the recording.
 * recording.list {case_id}. */
extern const struct op room_ops[];

/* For yilianctl: a bearer token (printed once, stored hashed); the room is created when its name is new. */
YL_CHECKED int room_token_create(struct tx *tx, const char *room_name, bool publish, bool watch, int64_t now_ms, int minutes,
                                 char token[64], struct fault *f);
#endif
