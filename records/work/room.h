/* room - the records side of the live room: who may sit in it, what happened in it, what was recorded.
 *
 * The live room itself (server/room) is memory; everything here survives a killed daemon. A room belongs to a case (one that has
 * not ended at a time) or is a room of its own that machines publish into (`yilianctl token`). Secrets (tickets, resume secrets,
 * machine tokens: 32 random bytes, base64url) are stored as SHA-256 only. Log details hold ids and codes, no health data.
 *
 * ---- user operations (routes in server/api/routes.c, answers in docs/protocol/http.md) ----
 *   room.ticket room.guest room.guest_list room.guest_revoke room.watch recording.list
 *
 * ---- system operations: OP_SYSTEM, only with records_system_credential, no URL ----
 * Ids are 16 hex digits, times ms UTC; `?` optional, `|null` may be null. All but room.check, room.token_check write and are
 * durable when answered. Results not named are null.
 *
 * room.enter      {ticket, person_id?, resume?, device?: <= 120 characters}
 *                 person_id: the signed-in person of the WebSocket; must be the ticket's person. Guests' tickets ignore it.
 *              -> {room: {id, case_id|null, title, host_person_id|null, recording_consent: bool, end_ms (0 = not booked)},
 *                  ticket_id, seat_id, resume, role: "host"|"expert"|"member"|"guest",
 *                  person: {id|null, name, title, org: {id,name}|null}, admitted: bool, session_bound: bool, expires_ms}
 *                 title: the case's number, or the name of a room without a case. resume: a fresh secret, the former one stops
 *                 working. admitted: was let in before (stays so over a restart of the daemon). session_bound: false for guests.
 *                 Marks an expert as seen (no no-show), so room.news "seen" need not follow.
 *                 ERR_DENIED ticket_unknown | ticket_not_yours | ticket_expired | ticket_revoked | resume_wrong | no_seat (taken
 *                 off the case); ERR_GONE room_closed; ERR_NOT_ALLOWED_NOW room_not_open (field "room.opens_ms").
 *                 An admitted seat that shows its resume secret comes back up to 12 h after its ticket was made, also past
 *                 the ticket's end, as long as the room is open: a session that runs long loses nobody.
 * room.ticket_check {ticket} -> null: it could enter. For the device test; ERR_DENIED ticket_unknown | ticket_expired.
 * room.seat       {room_id, seat_id, event: "admitted"|"refused"|"entered"|"left"|"removed", reason?: <= 200}
 *                 admitted: remembered. refused, removed: the ticket is revoked (asking for a ticket again gives a new seat, which
 *                 waits). entered: an admitted seat is in the room; the first stamps the room's start. ERR_NOT_FOUND seat.
 * room.note       {room_id, kind, seat_id?, detail?: JSON text <= 8000}
 *                 kind: [a-z_]{1,30}: entered muted shown quality record_asked ... (server/room/room.c names them)
 *                 A room keeps 20,000 lines; more are ERR_TOO_LARGE log_full. The kinds record_asked, consent_given,
 *                 consent_refused, record_started, record_stopped also go to the audit chain.
 * room.news       {room_id, what: "seen"|"interrupted"|"resumed"|"ended", person_id? (seen)}
 *                 The case's workflow hears it (consultation.h). ended: the room ends and its tickets are revoked.
 * room.check      {room_id} -> {id, case_id|null, title, open, ended, opens_ms, end_ms, recording_consent, host_person_id|null,
 *                  gone: [seat_id, ..]}
 *                 ended: it has ended, or its case no longer keeps it open (the session was ended or moved, the case cancelled).
 *                 gone: seats whose ticket was revoked or whose person may no longer sit here. Ask when the feed tells of the case
 *                 (topic "case", key case_id), of the room (topic "room", key room_id: a guest was revoked), and rarely anyway.
 * room.token      {room: name or id, publish: bool, watch: bool, minutes: 1..10080} -> {token, room_id, name, expires_ms}
 *                 Makes the room when the name is new ([A-Za-z0-9._~-]{1,64}). records_room_token of records.h.
 * room.token_check {token, room?: name or id} -> {room_id, case_id|null, name, publish, watch, expires_ms}
 *                 ERR_UNAUTHENTICATED token_unknown | token_expired; ERR_DENIED other_room; ERR_GONE room_closed.
 *
 * recording.begin {room_id, started_ms} -> {recording_id}
 *                 ERR_NOT_ALLOWED_NOW no_recording_consent (the patient's) | no_case (only consultations are recorded);
 *                 ERR_GONE room_closed.
 * recording.track_open {recording_id, track_id, kind: "audio"|"video", source: "mic"|"camera"|"screen"|"camera2",
 *                  person_id?, name: <= 64}
 *                 Whose track it is: known before its first file is finished, so that files found after a kill -9 know it too.
 * recording.recover {before_ms} -> {sealed: [recording_id, ..]}
 *                 Call once at start with the start's time, after media_open: recordings that were begun before and have no file in
 *                 the record folder any more are sealed as "interrupted". Those with files follow through the recorder's events.
 *
 * recording.export_restart {}  once at start: what was being made is made again, three times at most.
 * recording.export_next {} -> null, or {export_id, recording_id, kind: "movie"|"pictures", layout, started_ms, duration_ms}: claimed.
 * recording.export_done {export_id, staged?, staged_strip? (of pictures), error?, again?}
 *                 What was made becomes documents of the case; one that was cancelled meanwhile is left out.
 *
 * ---- not operations, because a file is encrypted outside any transaction: records.h ----
 * records_recording_file_submit  for MEDIA_RECORD_FILE: the file becomes a document of the case; then it is deleted.
 *              -> {document_id, fresh: bool}; a repeated file is the same document (fresh false). (ends in op recording.track)
 * records_recording_end_submit   for MEDIA_RECORD_DONE -> {recording_id, sealed, duration_ms, sha256, note} (op recording.seal)
 *                 note: "" | "interrupted" (error ERR_UNAVAILABLE) | another error's word. Waits for the files before it: these
 *                 calls are carried out in the order they came. While the recorder's files of it still lie in the folder (one
 *                 failed) it is not sealed: ERR_NOT_ALLOWED_NOW files_left; the next start tries again.
 *
 * ---- the seal ----
 * sha256 of a sealed recording = SHA-256 over this text (UTF-8, one "\n" after each line, ids in hex, "-" for nobody):
 *   yilian-recording-1 RECORDING CASE STARTED_MS
 *   DOCUMENT KIND SOURCE PERSON STARTED_MS DURATION_MS CONTENT_TYPE SHA256      one line per track
 * tracks by started_ms, then document id. GET /cases/{case_id}/recordings has every word of it.
 */
#ifndef YL_RECORDS_WORK_ROOM_H
#define YL_RECORDS_WORK_ROOM_H

#include "records/ops/op.h"

extern const struct op room_ops[];        /* room.ticket guest guest_list guest_revoke */
extern const struct op room_oversee_ops[]; /* room.live live_get sessions session_get: for the machine's administrators */
extern const struct op room_system_ops[]; /* room.enter seat note news check token token_check */
extern const struct op device_ops[];      /* device.list set remove here open */
extern const struct op recording_ops[];   /* recording.list begin track_open track seal recover */
extern const struct op recording_export_ops[]; /* recording.export export_cancel export_list export_restart export_next export_done */

/* Of the live room of a case (one that has not ended); .v 0 = none yet. */
struct room_id room_of_case(struct tx *tx, struct case_id id);
#endif
