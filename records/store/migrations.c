/* Every change of the database's shape, in order. Append only: an entry is never edited once it landed on main. */
#include "records/store/sealed.h"
#include <stddef.h>

/* Rows that are nothing but their key lie in its tree, not beside it. An engine without such tables leaves the words out. */
#define CLUSTERED " WITHOUT ROWID"

const struct migration store_migrations[] = {
    {1, "patients: rows, search keys, revealed numbers",
     "CREATE TABLE patient (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, "
     "local_number TEXT NOT NULL, name TEXT NOT NULL, pinyin TEXT NOT NULL, sex TEXT NOT NULL, "
     "birth_date TEXT NOT NULL, birth_estimated INTEGER NOT NULL, id_type TEXT NOT NULL, "
     "nationality TEXT NOT NULL, insurance_type TEXT NOT NULL, allergy_state TEXT NOT NULL, "
     "temporary INTEGER NOT NULL, version INTEGER NOT NULL, created_by INTEGER NOT NULL, "
     "created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, private BLOB NOT NULL);"
     "CREATE UNIQUE INDEX patient_local ON patient (org_id, local_number);"
     "CREATE TABLE patient_key (org_id INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, "
     "patient_id INTEGER NOT NULL, PRIMARY KEY (org_id, kind, key, patient_id));"
     "CREATE INDEX patient_key_patient ON patient_key (patient_id);"
     "CREATE TABLE patient_reveal (id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, "
     "person_id INTEGER NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL, t_ms INTEGER NOT NULL);"
     "CREATE INDEX patient_reveal_patient ON patient_reveal (patient_id, t_ms);"},
    {2, "documents, uploads and capture by phone",
     "CREATE TABLE document (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, "
     "patient_id INTEGER NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, "
     "by_person INTEGER NOT NULL, name TEXT NOT NULL, category TEXT NOT NULL, type TEXT NOT NULL, "
     "bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, blob TEXT NOT NULL, thumbnail TEXT, "
     "thumb_state INTEGER NOT NULL, taken_ms INTEGER NOT NULL, uploaded_ms INTEGER NOT NULL, "
     "source TEXT NOT NULL, withdrawn_ms INTEGER NOT NULL, withdrawn_by INTEGER, "
     "withdrawn_reason TEXT);"
     "CREATE INDEX document_case ON document (case_id, uploaded_ms);"
     "CREATE INDEX document_patient ON document (patient_id, uploaded_ms);"
     "CREATE INDEX document_thumb ON document (thumb_state, id);"
     "CREATE TABLE upload (id INTEGER NOT NULL PRIMARY KEY, by_person INTEGER NOT NULL, "
     "org_id INTEGER NOT NULL, case_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, "
     "person_id INTEGER NOT NULL, name TEXT NOT NULL, category TEXT NOT NULL, declared_type TEXT, "
     "bytes INTEGER NOT NULL, taken_ms INTEGER NOT NULL, sha256 TEXT, source TEXT NOT NULL, "
     "created_ms INTEGER NOT NULL, document_id INTEGER NOT NULL);"
     "CREATE INDEX upload_person ON upload (by_person, document_id, created_ms);"
     "CREATE TABLE capture (id INTEGER NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, "
     "case_id INTEGER NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, "
     "dept_id INTEGER NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, "
     "sessions INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX capture_token ON capture (token_hash);"
     "CREATE TABLE capture_session (session_id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, "
     "capture_id INTEGER NOT NULL, expires_ms INTEGER NOT NULL);"},
    {3, "notices, gateways and deliveries",
     "CREATE TABLE notice (id INTEGER NOT NULL PRIMARY KEY, person_id INTEGER NOT NULL, "
     "template TEXT NOT NULL, task INTEGER NOT NULL, act TEXT, case_id INTEGER NOT NULL, "
     "case_number TEXT, due_ms INTEGER NOT NULL, urgent INTEGER NOT NULL, created_ms INTEGER NOT NULL, "
     "read_ms INTEGER NOT NULL);"
     "CREATE INDEX notice_person ON notice (person_id, read_ms, id);"
     "CREATE INDEX notice_case ON notice (case_id, person_id);"
     "CREATE TABLE gateway (id INTEGER NOT NULL PRIMARY KEY, name TEXT, kind TEXT, url TEXT, "
     "secret_sealed BLOB, takes_urgent INTEGER, takes_task INTEGER, takes_info INTEGER, "
     "priority INTEGER, enabled INTEGER, created_ms INTEGER NOT NULL, changed_ms INTEGER);"
     "CREATE TABLE delivery (id INTEGER NOT NULL PRIMARY KEY, notice_id INTEGER NOT NULL, "
     "gateway_id INTEGER NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, "
     "next_ms INTEGER NOT NULL, error TEXT, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL);"
     "CREATE INDEX delivery_due ON delivery (state, next_ms);"
     "CREATE INDEX delivery_notice ON delivery (notice_id);"},
    {4, "consultations, slots, meeting rooms, policies",
     "CREATE TABLE consult (id INTEGER NOT NULL PRIMARY KEY, number TEXT NOT NULL, kind TEXT, "
     "scope TEXT, template TEXT, urgency TEXT, state TEXT, back TEXT, version INTEGER NOT NULL "
     "DEFAULT 0, patient_id INTEGER NOT NULL, applicant_id INTEGER NOT NULL, home_org_id INTEGER "
     "NOT NULL, home_dept_id INTEGER NOT NULL, target_org_id INTEGER NOT NULL DEFAULT 0, "
     "target_dept_id INTEGER NOT NULL DEFAULT 0, wanted_expert_id INTEGER NOT NULL DEFAULT 0, "
     "expert_id INTEGER NOT NULL DEFAULT 0, holder_party TEXT NOT NULL DEFAULT '', "
     "holder_person_id INTEGER NOT NULL DEFAULT 0, holder_org_id INTEGER NOT NULL DEFAULT 0, "
     "due_ms INTEGER NOT NULL DEFAULT 0, paused INTEGER NOT NULL DEFAULT 0, next_ms INTEGER NOT "
     "NULL DEFAULT 0, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL DEFAULT 0, "
     "submitted_ms INTEGER NOT NULL DEFAULT 0, signed_ms INTEGER NOT NULL DEFAULT 0, closed_ms "
     "INTEGER NOT NULL DEFAULT 0, start_ms INTEGER NOT NULL DEFAULT 0, end_ms INTEGER NOT NULL "
     "DEFAULT 0, slot_id INTEGER NOT NULL DEFAULT 0, meeting_room_id INTEGER NOT NULL DEFAULT 0, "
     "reschedules INTEGER NOT NULL DEFAULT 0, offline_gear INTEGER NOT NULL DEFAULT 0, review_open "
     "INTEGER NOT NULL DEFAULT 0, expert_present INTEGER NOT NULL DEFAULT 0, room_open INTEGER NOT "
     "NULL DEFAULT 0, previous_case_id INTEGER NOT NULL DEFAULT 0, merged_into INTEGER NOT NULL "
     "DEFAULT 0, form TEXT NOT NULL, adoption TEXT);"
     "CREATE UNIQUE INDEX consult_number ON consult (number);"
     "CREATE INDEX consult_next ON consult (next_ms);"
     "CREATE INDEX consult_patient ON consult (patient_id, created_ms);"
     "CREATE INDEX consult_home ON consult (home_org_id, state);"
     "CREATE INDEX consult_target ON consult (target_org_id, state);"
     "CREATE INDEX consult_applicant ON consult (applicant_id, changed_ms);"
     "CREATE TABLE consult_counter (day TEXT NOT NULL PRIMARY KEY, n INTEGER NOT NULL);"
     "CREATE TABLE consult_clock (case_id INTEGER NOT NULL, clock TEXT NOT NULL, level INTEGER NOT "
     "NULL, started_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL, "
     "paused_ms INTEGER NOT NULL, left_ms INTEGER NOT NULL, PRIMARY KEY (case_id, clock));"
     "CREATE TABLE consult_team (case_id INTEGER NOT NULL, n INTEGER NOT NULL, person_id INTEGER "
     "NOT NULL, part INTEGER NOT NULL, state INTEGER NOT NULL, asked_ms INTEGER NOT NULL, "
     "signed_ms INTEGER NOT NULL, PRIMARY KEY (case_id, n));"
     "CREATE INDEX consult_team_person ON consult_team (person_id, case_id);"
     "CREATE TABLE consult_event (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, t_ms "
     "INTEGER NOT NULL, event TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL, "
     "person_id INTEGER NOT NULL, role TEXT NOT NULL, org_id INTEGER NOT NULL, reason TEXT, "
     "payload_sha256 TEXT);"
     "CREATE INDEX consult_event_case ON consult_event (case_id, t_ms);"
     "CREATE TABLE consult_item (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, kind "
     "TEXT NOT NULL, t_ms INTEGER NOT NULL, person_id INTEGER NOT NULL, items TEXT NOT NULL, done "
     "INTEGER NOT NULL);"
     "CREATE INDEX consult_item_case ON consult_item (case_id, kind);"
     "CREATE TABLE consult_draft (case_id INTEGER NOT NULL, person_id INTEGER NOT NULL, body TEXT "
     "NOT NULL, saved_ms INTEGER NOT NULL, PRIMARY KEY (case_id, person_id));"
     "CREATE TABLE consult_opinion (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, "
     "person_id INTEGER NOT NULL, kind TEXT NOT NULL, version INTEGER NOT NULL, body TEXT NOT "
     "NULL, signed_text TEXT NOT NULL, signed_ms INTEGER NOT NULL, sha256 TEXT NOT NULL, "
     "licence_no TEXT NOT NULL, second_factor INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX consult_opinion_case ON consult_opinion (case_id, version);"
     "CREATE TABLE consult_advice (case_id INTEGER NOT NULL, n INTEGER NOT NULL, type TEXT, "
     "urgency TEXT, text TEXT, decision TEXT, reason TEXT, decided_ms INTEGER, outcome7 TEXT, "
     "outcome7_ms INTEGER, outcome30 TEXT, outcome30_ms INTEGER, PRIMARY KEY (case_id, n));"
     "CREATE TABLE consult_evaluation (case_id INTEGER NOT NULL, side TEXT NOT NULL, person_id "
     "INTEGER NOT NULL, scores TEXT NOT NULL, comment TEXT NOT NULL, t_ms INTEGER NOT NULL, "
     "PRIMARY KEY (case_id, side));"
     "CREATE TABLE consult_message (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, "
     "t_ms INTEGER NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, text TEXT NOT "
     "NULL, document_id INTEGER NOT NULL, recalled_ms INTEGER NOT NULL, buzz INTEGER NOT NULL);"
     "CREATE INDEX consult_message_case ON consult_message (case_id, id);"
     "CREATE TABLE consult_read (case_id INTEGER NOT NULL, person_id INTEGER NOT NULL, up_to "
     "INTEGER NOT NULL, t_ms INTEGER NOT NULL, PRIMARY KEY (case_id, person_id));"
     "CREATE TABLE consult_print (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, what "
     "TEXT NOT NULL, copy INTEGER NOT NULL, mark TEXT NOT NULL, code TEXT NOT NULL, person_id "
     "INTEGER NOT NULL, t_ms INTEGER NOT NULL);"
     "CREATE INDEX consult_print_code ON consult_print (code);"
     "CREATE INDEX consult_print_case ON consult_print (case_id, what);"
     "CREATE TABLE follow_up (case_id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, "
     "org_id INTEGER NOT NULL, person_id INTEGER NOT NULL, days INTEGER NOT NULL, due_ms INTEGER "
     "NOT NULL, referral_advised INTEGER, state TEXT NOT NULL, made_ms INTEGER NOT NULL);"
     "CREATE INDEX follow_up_due ON follow_up (org_id, due_ms);"
     "CREATE TABLE slot (id INTEGER NOT NULL PRIMARY KEY, person_id INTEGER NOT NULL, org_id "
     "INTEGER NOT NULL, dept_id INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT "
     "NULL, state TEXT NOT NULL, case_id INTEGER NOT NULL, meeting_room_id INTEGER NOT NULL, own "
     "INTEGER NOT NULL);"
     "CREATE INDEX slot_person ON slot (person_id, start_ms);"
     "CREATE INDEX slot_time ON slot (start_ms);"
     "CREATE TABLE booking (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, kind TEXT "
     "NOT NULL, resource_id INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, "
     "live INTEGER NOT NULL);"
     "CREATE INDEX booking_resource ON booking (kind, resource_id, live, start_ms);"
     "CREATE INDEX booking_case ON booking (case_id);"
     "CREATE TABLE meeting_room (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, name "
     "TEXT NOT NULL, equipment TEXT NOT NULL, active INTEGER NOT NULL);"
     "CREATE TABLE policy (id TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, changed_ms INTEGER "
     "NOT NULL, changed_by INTEGER NOT NULL);"},
    {5, "change feed",
     "CREATE TABLE feed (seq INTEGER NOT NULL PRIMARY KEY, t_ms INTEGER NOT NULL, topic TEXT NOT NULL, "
     "key TEXT NOT NULL, payload TEXT NOT NULL);"
     "CREATE INDEX feed_time ON feed (t_ms);"},
    {6, "consultations: when the target first saw them",
     "ALTER TABLE consult ADD COLUMN reached_ms INTEGER NOT NULL DEFAULT 0;"},
    {7, "working hours of institutions",
     "CREATE TABLE working_hours (org_id INTEGER NOT NULL PRIMARY KEY, body TEXT NOT NULL, changed_ms INTEGER NOT NULL, "
     "changed_by INTEGER NOT NULL);"},
    {8, "emergency access to a case",
     "CREATE TABLE consult_override (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, person_id INTEGER NOT NULL, "
     "org_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, reason TEXT NOT NULL, "
     "reviewed_ms INTEGER NOT NULL, reviewed_by INTEGER, verdict TEXT, comment TEXT);"
     "CREATE INDEX consult_override_case ON consult_override (case_id, person_id);"},
    {9, "slots held for a moment",
     "ALTER TABLE slot ADD COLUMN held_by INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE slot ADD COLUMN held_until_ms INTEGER NOT NULL DEFAULT 0;"},
    {10, "why a clock is paused", "ALTER TABLE consult_item ADD COLUMN code TEXT;"},
    {11, "organisations, people, posts, roster",
     "CREATE TABLE org (id INTEGER NOT NULL PRIMARY KEY, parent_id INTEGER NOT NULL, kind TEXT NOT NULL, "
     "level TEXT, code TEXT NOT NULL, name TEXT NOT NULL, pinyin TEXT NOT NULL, phone TEXT NOT NULL, "
     "specialty TEXT NOT NULL, active INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX org_code ON org (code);"
     "CREATE TABLE person (id INTEGER NOT NULL PRIMARY KEY, login TEXT NOT NULL, name TEXT NOT NULL, "
     "pinyin TEXT NOT NULL, title TEXT NOT NULL, phone BLOB, phone_masked TEXT NOT NULL, "
     "licence_no TEXT NOT NULL, licence_until TEXT NOT NULL, practice_since TEXT NOT NULL, "
     "specialties TEXT NOT NULL, languages TEXT NOT NULL, active INTEGER NOT NULL, "
     "signature_document INTEGER NOT NULL, password TEXT NOT NULL, password_change INTEGER NOT NULL, "
     "totp_secret BLOB, totp_on INTEGER NOT NULL, totp_step INTEGER NOT NULL, fails INTEGER NOT NULL, "
     "lockouts INTEGER NOT NULL, locked_until_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, "
     "created_by INTEGER NOT NULL, version INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX person_login ON person (login);"
     "CREATE TABLE person_password (person_id INTEGER NOT NULL, set_ms INTEGER NOT NULL, "
     "password TEXT NOT NULL, PRIMARY KEY (person_id, set_ms));"
     "CREATE TABLE post (id INTEGER NOT NULL PRIMARY KEY, person_id INTEGER NOT NULL, "
     "org_id INTEGER NOT NULL, dept_id INTEGER NOT NULL);"
     "CREATE INDEX post_person ON post (person_id);"
     "CREATE INDEX post_org ON post (org_id, dept_id);"
     "CREATE TABLE post_role (post_id INTEGER NOT NULL, role TEXT NOT NULL, PRIMARY KEY (post_id, role));"
     "CREATE TABLE shift (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, dept_id INTEGER NOT NULL, "
     "person_id INTEGER NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL, kind TEXT NOT NULL);"
     "CREATE INDEX shift_dept ON shift (dept_id, start_ms);"
     "CREATE INDEX shift_person ON shift (person_id, start_ms);"},
    {12, "sessions",
     "CREATE TABLE session (id INTEGER NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, "
     "person_id INTEGER NOT NULL, post_id INTEGER NOT NULL, org_id INTEGER NOT NULL, "
     "dept_id INTEGER NOT NULL, only_role TEXT, stage TEXT NOT NULL, csrf TEXT NOT NULL, "
     "created_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, "
     "second_factor_ms INTEGER NOT NULL, address TEXT NOT NULL, device TEXT NOT NULL, "
     "ended_ms INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX session_token ON session (token_hash);"
     "CREATE INDEX session_person ON session (person_id, ended_ms);"},
    {13, "audit chain and answers kept for repeated requests",
     "CREATE TABLE audit (seq INTEGER NOT NULL PRIMARY KEY, t_ms INTEGER NOT NULL, op TEXT NOT NULL, "
     "outcome TEXT NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, "
     "session_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, object_id INTEGER NOT NULL, "
     "address TEXT NOT NULL, detail TEXT NOT NULL, hash TEXT NOT NULL);"
     "CREATE INDEX audit_person ON audit (person_id, seq);"
     "CREATE INDEX audit_patient ON audit (patient_id, seq);"
     "CREATE INDEX audit_object ON audit (object_id, seq);"
     "CREATE INDEX audit_outcome ON audit (outcome, seq);"
     "CREATE TABLE audit_head (id INTEGER NOT NULL PRIMARY KEY, seq INTEGER NOT NULL, "
     "hash TEXT NOT NULL, seal TEXT NOT NULL);"
     "CREATE TABLE idempotent (person_id INTEGER NOT NULL, key TEXT NOT NULL, op TEXT NOT NULL, "
     "args_hash TEXT NOT NULL, t_ms INTEGER NOT NULL, answer TEXT NOT NULL, "
     "PRIMARY KEY (person_id, key));"
     "CREATE INDEX idempotent_time ON idempotent (t_ms);"},
    {14, "rooms: tickets, seats, log, recordings, machine tokens",
     "CREATE TABLE room (id INTEGER NOT NULL PRIMARY KEY, case_id INTEGER NOT NULL, name TEXT NOT NULL, "
     "created_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER NOT NULL);"
     "CREATE INDEX room_case ON room (case_id);"
     "CREATE UNIQUE INDEX room_name ON room (name);"
     "CREATE TABLE room_ticket (id INTEGER NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, "
     "room_id INTEGER NOT NULL, case_id INTEGER NOT NULL, person_id INTEGER NOT NULL, "
     "role TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL, org TEXT NOT NULL, "
     "seat_id INTEGER NOT NULL, resume_hash TEXT NOT NULL, admitted INTEGER NOT NULL, "
     "created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX room_ticket_token ON room_ticket (token_hash);"
     "CREATE INDEX room_ticket_room ON room_ticket (room_id, person_id);"
     "CREATE TABLE room_token (id INTEGER NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, "
     "room_id INTEGER NOT NULL, publish INTEGER NOT NULL, watch INTEGER NOT NULL, "
     "created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX room_token_token ON room_token (token_hash);"
     "CREATE TABLE room_log (id INTEGER NOT NULL PRIMARY KEY, room_id INTEGER NOT NULL, "
     "t_ms INTEGER NOT NULL, kind TEXT NOT NULL, seat_id INTEGER NOT NULL, person_id INTEGER NOT NULL, "
     "detail TEXT NOT NULL);"
     "CREATE INDEX room_log_room ON room_log (room_id, t_ms);"
     "CREATE TABLE recording (id INTEGER NOT NULL PRIMARY KEY, room_id INTEGER NOT NULL, "
     "case_id INTEGER NOT NULL, started_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, "
     "sealed_ms INTEGER NOT NULL, sha256 TEXT NOT NULL, note TEXT NOT NULL);"
     "CREATE INDEX recording_case ON recording (case_id, started_ms);"
     "CREATE TABLE recording_track (recording_id INTEGER NOT NULL, document_id INTEGER NOT NULL, "
     "kind TEXT NOT NULL, source TEXT NOT NULL, person_id INTEGER NOT NULL, name TEXT NOT NULL, "
     "started_ms INTEGER NOT NULL, duration_ms INTEGER NOT NULL, content_type TEXT NOT NULL, "
     "sha256 TEXT NOT NULL, PRIMARY KEY (recording_id, document_id));"},
    {15, "rooms: the post a ticket was asked from, whose a recorded track is",
     "ALTER TABLE room ADD COLUMN log_lines INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE room_ticket ADD COLUMN org_id INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE room_ticket ADD COLUMN dept_id INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE recording_track ADD COLUMN track_id INTEGER NOT NULL DEFAULT 0;"
     "CREATE UNIQUE INDEX recording_track_file ON recording_track (recording_id, track_id, started_ms);"
     "CREATE INDEX recording_sealed ON recording (sealed_ms);"
     "CREATE TABLE recording_source (recording_id INTEGER NOT NULL, track_id INTEGER NOT NULL, kind TEXT NOT NULL, "
     "source TEXT NOT NULL, person_id INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (recording_id, track_id));"},
    {16, "free text about patients is sealed; kept answers know their requests by a keyed hash",
     "DELETE FROM idempotent;", .run = sealed_migrate},
    {17, "what was there in the clear is gone from the file", "", .rebuild = true},
    {18, "patients' local numbers counted by institution and day",
     "CREATE TABLE patient_counter (org_id INTEGER NOT NULL, day TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (org_id, day));"},
    {19, "the patient index: who is one person, keys, the review desk, what was done and can be undone",
     "CREATE TABLE mpi_member (patient_id INTEGER NOT NULL PRIMARY KEY, person_id INTEGER NOT NULL, how TEXT NOT NULL, "
     "since_ms INTEGER NOT NULL, keys BLOB);"
     "CREATE INDEX mpi_member_person ON mpi_member (person_id, patient_id);"
     "CREATE TABLE mpi_key (key INTEGER NOT NULL, patient_id INTEGER NOT NULL, PRIMARY KEY (key, patient_id));"
     "CREATE TABLE mpi_apart (a INTEGER NOT NULL, b INTEGER NOT NULL, act_id INTEGER NOT NULL, PRIMARY KEY (a, b));"
     "CREATE INDEX mpi_apart_b ON mpi_apart (b, a);"
     "CREATE INDEX mpi_apart_act ON mpi_apart (act_id);"
     "CREATE TABLE mpi_task (id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, other_id INTEGER NOT NULL, "
     "odds_milli INTEGER NOT NULL, why TEXT NOT NULL, state TEXT NOT NULL, created_ms INTEGER NOT NULL, act_id INTEGER NOT NULL);"
     "CREATE INDEX mpi_task_state ON mpi_task (state, id);"
     "CREATE INDEX mpi_task_patient ON mpi_task (patient_id);"
     "CREATE TABLE mpi_act (id INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, task_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, "
     "other_id INTEGER NOT NULL, person_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, undone_ms INTEGER NOT NULL, "
     "undone_by INTEGER NOT NULL);"
     "CREATE TABLE mpi_move (act_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, from_id INTEGER NOT NULL, to_id INTEGER NOT NULL, "
     "from_how TEXT NOT NULL, from_ms INTEGER NOT NULL, PRIMARY KEY (act_id, patient_id));"
     "CREATE TABLE mpi_state (id INTEGER NOT NULL PRIMARY KEY, patients INTEGER NOT NULL);"
     "INSERT INTO mpi_state (id, patients) VALUES (1, 0);"},
    {20, "the picture under a signed opinion: as it was when it was signed",
     "ALTER TABLE consult_opinion ADD COLUMN signature_document INTEGER NOT NULL DEFAULT 0;"},
    {21, "the waiting list for experts' times",
     "CREATE TABLE slot_waiting (case_id INTEGER NOT NULL PRIMARY KEY, expert_id INTEGER NOT NULL, asked_by INTEGER NOT NULL, "
     "rank INTEGER NOT NULL, since_ms INTEGER NOT NULL, slot_id INTEGER NOT NULL, until_ms INTEGER NOT NULL, "
     "passed_slot INTEGER NOT NULL);"
     "CREATE INDEX slot_waiting_line ON slot_waiting (expert_id, slot_id, rank, since_ms);"},
    {22, "names of who sat in rooms and on recordings are sealed", "", .run = sealed_migrate_rooms},
    {23, "what was there in the clear is gone from the file", "", .rebuild = true},
    {24, "answers that are kept are bytes", "", .run = sealed_migrate_answers},
    {25, "recordings: the chain of each file, and what is missing in it",
     "ALTER TABLE recording_track ADD COLUMN links INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE recording_track ADD COLUMN chain TEXT NOT NULL DEFAULT '';"
     "CREATE TABLE recording_gap (recording_id INTEGER NOT NULL, document_id INTEGER NOT NULL, n INTEGER NOT NULL, "
     "begin_ms INTEGER NOT NULL, length_ms INTEGER NOT NULL, lost_ms INTEGER NOT NULL, why TEXT NOT NULL, "
     "PRIMARY KEY (recording_id, document_id, n));"},
    {26, "FHIR: resources, their versions, the line of changes, what they are found by; machine clients",
     "CREATE TABLE fhir_client (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, org_id INTEGER NOT NULL, scopes TEXT NOT NULL, "
     "jwks TEXT NOT NULL, active INTEGER NOT NULL, created_ms INTEGER NOT NULL, created_by INTEGER NOT NULL);"
     "CREATE TABLE fhir_assertion (client_id INTEGER NOT NULL, jti TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (client_id, jti));"
     "CREATE INDEX fhir_assertion_until ON fhir_assertion (until_ms);"
     "CREATE TABLE fhir_name (type TEXT NOT NULL, name TEXT NOT NULL, rid INTEGER NOT NULL, pkey INTEGER NOT NULL, "
     "PRIMARY KEY (type, name))" CLUSTERED ";"
     "CREATE TABLE fhir_resource (pkey INTEGER NOT NULL, rid INTEGER NOT NULL, type TEXT NOT NULL, name TEXT NOT NULL, vid INTEGER NOT NULL, "
     "seq INTEGER NOT NULL, born INTEGER NOT NULL, t_ms INTEGER NOT NULL, deleted INTEGER NOT NULL, body BLOB, facts BLOB, PRIMARY KEY (pkey, rid));"
     "CREATE TABLE fhir_version (pkey INTEGER NOT NULL, rid INTEGER NOT NULL, vid INTEGER NOT NULL, seq INTEGER NOT NULL, t_ms INTEGER NOT NULL, "
     "deleted INTEGER NOT NULL, body BLOB, PRIMARY KEY (pkey, rid, vid));"
     "CREATE TABLE fhir_change (seq INTEGER NOT NULL PRIMARY KEY, type TEXT NOT NULL, pkey INTEGER NOT NULL, rid INTEGER NOT NULL, "
     "vid INTEGER NOT NULL, t_ms INTEGER NOT NULL, act INTEGER NOT NULL);"
     "CREATE TABLE fhir_export (id INTEGER NOT NULL PRIMARY KEY, client_id INTEGER NOT NULL, person_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, "
     "request TEXT NOT NULL, types TEXT NOT NULL, since_ms INTEGER NOT NULL, snapshot INTEGER NOT NULL, patients INTEGER NOT NULL, ready INTEGER NOT NULL);"
     "CREATE TABLE fhir_export_file (export_id INTEGER NOT NULL, n INTEGER NOT NULL, type TEXT NOT NULL, from_pkey INTEGER NOT NULL, from_rid INTEGER NOT NULL, "
     "to_pkey INTEGER NOT NULL, to_rid INTEGER NOT NULL, resources INTEGER NOT NULL, PRIMARY KEY (export_id, n));"
     "CREATE INDEX fhir_change_type ON fhir_change (type, seq);"
     "CREATE TABLE fhir_token (key INTEGER NOT NULL, pkey INTEGER NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (key, pkey, rid))" CLUSTERED ";"
     "CREATE TABLE fhir_range (param INTEGER NOT NULL, low INTEGER NOT NULL, pkey INTEGER NOT NULL, rid INTEGER NOT NULL, high INTEGER NOT NULL, "
     "PRIMARY KEY (param, low, pkey, rid, high))" CLUSTERED ";"},
    {27, "the steward's desk: notes, pairs put off or reported, what a task was before, ways to a person's history",
     "ALTER TABLE mpi_act ADD COLUMN note BLOB;"
     "ALTER TABLE mpi_act ADD COLUMN before_state TEXT;"
     "ALTER TABLE mpi_act ADD COLUMN before_ms INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE mpi_act ADD COLUMN before_act INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE mpi_task ADD COLUMN note BLOB;"
     "ALTER TABLE mpi_task ADD COLUMN later_ms INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE mpi_task ADD COLUMN reported_by INTEGER NOT NULL DEFAULT 0;"
     "CREATE INDEX mpi_task_other ON mpi_task (other_id);"
     "CREATE INDEX mpi_act_patient ON mpi_act (patient_id);"
     "CREATE INDEX mpi_act_other ON mpi_act (other_id);"
     "CREATE INDEX mpi_act_person ON mpi_act (person_id, t_ms);"
     "CREATE INDEX mpi_move_patient ON mpi_move (patient_id);"},
    {28, "sharing: what patients allow and refuse, emergency access to a patient",
     "CREATE TABLE share_consent (id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, decision TEXT NOT NULL, purpose TEXT NOT NULL, "
     "source_org INTEGER NOT NULL, target_org INTEGER NOT NULL, from_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, person_id INTEGER NOT NULL, "
     "org_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, given TEXT NOT NULL, note BLOB, withdrawn_ms INTEGER NOT NULL, withdrawn_by INTEGER NOT NULL);"
     "CREATE INDEX share_consent_patient ON share_consent (patient_id);"
     "CREATE TABLE share_override (id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, "
     "t_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL, reason BLOB NOT NULL, reviewed_ms INTEGER NOT NULL, reviewed_by INTEGER NOT NULL, verdict TEXT, comment BLOB);"
     "CREATE INDEX share_override_patient ON share_override (patient_id, person_id);"
     "CREATE INDEX share_override_org ON share_override (org_id, reviewed_ms);"},
    {29, "links by which a patient sees who saw his record",
     "CREATE TABLE access_link (id INTEGER NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, code_hash TEXT NOT NULL, patient_id INTEGER NOT NULL, "
     "person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, wrong INTEGER NOT NULL, opened INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX access_link_token ON access_link (token_hash);"
     "CREATE INDEX access_link_patient ON access_link (patient_id, expires_ms);"},
    {30, "devices that speak RTSP, RTMP or SRT",
     "CREATE TABLE device (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL DEFAULT '', "
     "kind TEXT NOT NULL DEFAULT '', address TEXT NOT NULL DEFAULT '', user_name TEXT NOT NULL DEFAULT '', password_sealed BLOB, "
     "enabled INTEGER NOT NULL DEFAULT 0, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL DEFAULT 0);"
     "CREATE INDEX device_org ON device (org_id, name);"},
    {31, "messages of other systems: sources, identifier domains, what came, what became of it, entries of patients' records",
     "CREATE TABLE exchange_source (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, name TEXT NOT NULL, application TEXT NOT NULL, "
     "facility TEXT NOT NULL, address TEXT NOT NULL, certificate TEXT NOT NULL, map TEXT NOT NULL, assume TEXT NOT NULL, "
     "accept_dead INTEGER NOT NULL, may_ask INTEGER NOT NULL, enabled INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX exchange_source_name ON exchange_source (application, facility);"
     "CREATE TABLE exchange_domain (id INTEGER NOT NULL PRIMARY KEY, namespace_id TEXT NOT NULL, oid TEXT NOT NULL, source_id INTEGER NOT NULL, "
     "created_ms INTEGER NOT NULL);"
     "CREATE TABLE exchange_identity (domain_id INTEGER NOT NULL, value TEXT NOT NULL, patient_id INTEGER NOT NULL, since_ms INTEGER NOT NULL, "
     "retired_ms INTEGER NOT NULL, PRIMARY KEY (domain_id, value));"
     "CREATE INDEX exchange_identity_patient ON exchange_identity (patient_id);"
     "CREATE TABLE exchange_person (patient_id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, mother_id INTEGER NOT NULL, "
     "changed_ms INTEGER NOT NULL, pid BLOB NOT NULL);"
     "CREATE INDEX exchange_person_mother ON exchange_person (mother_id, patient_id);"
     "CREATE TABLE exchange_person_key (kind TEXT NOT NULL, key TEXT NOT NULL, patient_id INTEGER NOT NULL, PRIMARY KEY (kind, key, patient_id));"
     "CREATE INDEX exchange_person_key_patient ON exchange_person_key (patient_id);"
     "CREATE TABLE exchange_body (hash TEXT NOT NULL PRIMARY KEY, row_id INTEGER NOT NULL, body BLOB NOT NULL, size INTEGER NOT NULL, t_ms INTEGER NOT NULL);"
     "CREATE TABLE exchange_message (id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, control_id TEXT NOT NULL, hash TEXT NOT NULL, "
     "type TEXT NOT NULL, received_ms INTEGER NOT NULL, day TEXT NOT NULL, size INTEGER NOT NULL, state TEXT NOT NULL, ack TEXT NOT NULL, "
     "code INTEGER NOT NULL, reason TEXT NOT NULL, location TEXT NOT NULL, patient_id INTEGER NOT NULL, entries INTEGER NOT NULL, "
     "repeats INTEGER NOT NULL, reused INTEGER NOT NULL);"
     "CREATE INDEX exchange_message_control ON exchange_message (source_id, control_id);"
     "CREATE TABLE exchange_dead (message_id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, state TEXT NOT NULL, since_ms INTEGER NOT NULL, "
     "done_ms INTEGER NOT NULL, done_by INTEGER NOT NULL, note BLOB, fixed_hash TEXT);"
     "CREATE INDEX exchange_dead_state ON exchange_dead (state, message_id);"
     "CREATE TABLE exchange_day (source_id INTEGER NOT NULL, day TEXT NOT NULL, received INTEGER NOT NULL, stored INTEGER NOT NULL, "
     "refused INTEGER NOT NULL, dead INTEGER NOT NULL, repeated INTEGER NOT NULL, PRIMARY KEY (source_id, day));"
     "CREATE TABLE exchange_state (source_id INTEGER NOT NULL PRIMARY KEY, last_ms INTEGER NOT NULL, last_type TEXT NOT NULL, made_ms INTEGER NOT NULL);"
     "CREATE TABLE exchange_entry (id INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, source_id INTEGER NOT NULL, message_id INTEGER NOT NULL, "
     "kind TEXT NOT NULL, code TEXT NOT NULL, system TEXT NOT NULL, standard_code TEXT NOT NULL, standard_system TEXT NOT NULL, unit TEXT NOT NULL, "
     "status TEXT NOT NULL, t_ms INTEGER NOT NULL, key INTEGER NOT NULL, replaced_by INTEGER NOT NULL, body BLOB NOT NULL);"
     "CREATE INDEX exchange_entry_patient ON exchange_entry (patient_id, t_ms);"
     "CREATE INDEX exchange_entry_key ON exchange_entry (key, patient_id);"},
    {32, "patients by birth date", "CREATE INDEX patient_birth ON patient (birth_date, id);"},
    {33, "codes of other systems: which each source uses, what each is here, who said so",
     "CREATE TABLE quality_code (id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, kind TEXT NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL, "
     "display TEXT NOT NULL, seen INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, given_system TEXT NOT NULL, given_code TEXT NOT NULL, "
     "state TEXT NOT NULL, to_system TEXT NOT NULL, to_code TEXT NOT NULL, to_display TEXT NOT NULL, to_version TEXT NOT NULL, changed_ms INTEGER NOT NULL, "
     "changed_by INTEGER NOT NULL);"
     "CREATE UNIQUE INDEX quality_code_local ON quality_code (source_id, kind, system, code);"
     "CREATE INDEX quality_code_seen ON quality_code (seen, id);"
     "CREATE TABLE quality_act (id INTEGER NOT NULL PRIMARY KEY, code_id INTEGER NOT NULL, act TEXT NOT NULL, person_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, "
     "to_system TEXT NOT NULL, to_code TEXT NOT NULL, to_display TEXT NOT NULL, note TEXT NOT NULL, before_state TEXT NOT NULL, before_system TEXT NOT NULL, "
     "before_code TEXT NOT NULL, before_display TEXT NOT NULL, before_version TEXT NOT NULL, undone_ms INTEGER NOT NULL, undone_by INTEGER NOT NULL);"
     "CREATE INDEX quality_act_code ON quality_act (code_id, id);"
     "CREATE TABLE quality_state (id INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL, count_after INTEGER NOT NULL, count_until INTEGER NOT NULL, "
     "running INTEGER NOT NULL, remap_after INTEGER NOT NULL, looked INTEGER NOT NULL, changed INTEGER NOT NULL, begun_ms INTEGER NOT NULL, "
     "done_ms INTEGER NOT NULL, begun_by INTEGER NOT NULL);"
     "INSERT INTO quality_state (id, version, count_after, count_until, running, remap_after, looked, changed, begun_ms, done_ms, begun_by) "
     "SELECT 1, 0, 0, COALESCE(MAX(id), 0), 0, 0, 0, 0, 0, 0, 0 FROM exchange_entry;"},
    {34, "sources that leave files: folders, files, the row a message came from",
     "ALTER TABLE exchange_source ADD COLUMN kind TEXT NOT NULL DEFAULT 'hl7';"
     "ALTER TABLE exchange_source ADD COLUMN folder TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE exchange_message ADD COLUMN file_id INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE exchange_message ADD COLUMN row_no INTEGER NOT NULL DEFAULT 0;"
     "CREATE INDEX exchange_message_file ON exchange_message (file_id, row_no) WHERE file_id>0;"
     "CREATE TABLE exchange_file (id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, name TEXT NOT NULL, hash TEXT NOT NULL, "
     "size INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, place TEXT NOT NULL, charset TEXT NOT NULL, unused TEXT NOT NULL, "
     "rows INTEGER NOT NULL, stored INTEGER NOT NULL, dead INTEGER NOT NULL, repeated INTEGER NOT NULL, begun_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL);"
     "CREATE INDEX exchange_file_source ON exchange_file (source_id, id);"
     "CREATE INDEX exchange_file_state ON exchange_file (state, source_id);"},
    {35, "sources that are asked for rows: views of hospitals' databases",
     "ALTER TABLE exchange_source ADD COLUMN dsn TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE exchange_source ADD COLUMN db_view TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE exchange_source ADD COLUMN db_mark TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE exchange_source ADD COLUMN every_s INTEGER NOT NULL DEFAULT 0;"
     "CREATE TABLE exchange_pull (source_id INTEGER NOT NULL PRIMARY KEY, mark TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, "
     "failures INTEGER NOT NULL, last_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL);"},
    {36, "films and pictures made of recordings",
     "CREATE TABLE recording_export (id INTEGER NOT NULL PRIMARY KEY, recording_id INTEGER NOT NULL, kind TEXT NOT NULL, layout TEXT NOT NULL, "
     "state TEXT NOT NULL, person_id INTEGER NOT NULL, asked_ms INTEGER NOT NULL, begun_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL, "
     "tries INTEGER NOT NULL, document_id INTEGER NOT NULL, strip_id INTEGER NOT NULL, error TEXT NOT NULL);"
     "CREATE INDEX recording_export_recording ON recording_export (recording_id, asked_ms);"
     "CREATE INDEX recording_export_state ON recording_export (state, id);"},
    {37, "our own objects go out: subscribers, what each is to get under his own numbers",
     "CREATE TABLE out_subscriber (id INTEGER NOT NULL PRIMARY KEY, hook INTEGER NOT NULL DEFAULT 0, name TEXT NOT NULL DEFAULT '', client_id INTEGER NOT NULL DEFAULT 0, "
     "org_id INTEGER NOT NULL DEFAULT 0, scopes TEXT NOT NULL DEFAULT '', kinds INTEGER NOT NULL DEFAULT 0, type TEXT NOT NULL DEFAULT '', criteria_sealed BLOB, "
     "subscription TEXT NOT NULL DEFAULT '', payload INTEGER NOT NULL DEFAULT 1, url TEXT NOT NULL DEFAULT '', secret_sealed BLOB, headers_sealed BLOB, "
     "batch INTEGER NOT NULL DEFAULT 1, until_ms INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'active', created_ms INTEGER NOT NULL, "
     "created_by INTEGER NOT NULL DEFAULT 0, changed_ms INTEGER NOT NULL DEFAULT 0, feed_seq INTEGER NOT NULL DEFAULT 0, fhir_seq INTEGER NOT NULL DEFAULT 0, "
     "export_stage INTEGER NOT NULL DEFAULT 0, export_after INTEGER NOT NULL DEFAULT 0, last_seq INTEGER NOT NULL DEFAULT 0, acked_seq INTEGER NOT NULL DEFAULT 0, "
     "tries INTEGER NOT NULL DEFAULT 0, next_ms INTEGER NOT NULL DEFAULT 0, dead_in_row INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', "
     "last_ok_ms INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL DEFAULT '');"
     "CREATE INDEX out_subscriber_subscription ON out_subscriber (subscription);"
     "CREATE TABLE out_item (subscriber_id INTEGER NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL, own INTEGER NOT NULL, pkey INTEGER NOT NULL, "
     "rid INTEGER NOT NULL, state INTEGER NOT NULL, t_ms INTEGER NOT NULL, done_ms INTEGER NOT NULL, tries INTEGER NOT NULL, error TEXT NOT NULL, "
     "PRIMARY KEY (subscriber_id, seq));"
     "CREATE INDEX out_item_state ON out_item (subscriber_id, state, seq);"},
    {38, "visits of other systems, the newest first",
     "CREATE INDEX exchange_entry_visit ON exchange_entry (id) WHERE kind='encounter' AND replaced_by=0;"},
    {39, "whom to tell that a patient's numbers changed (ITI-10)",
     "ALTER TABLE exchange_source ADD COLUMN notify TEXT NOT NULL DEFAULT '';"
     "CREATE TABLE exchange_notice (source_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, id INTEGER NOT NULL, must INTEGER NOT NULL, tries INTEGER NOT NULL, "
     "state TEXT NOT NULL, since_ms INTEGER NOT NULL, PRIMARY KEY (source_id, patient_id));"
     "CREATE INDEX exchange_notice_waiting ON exchange_notice (source_id, state, id);"
     "CREATE TABLE exchange_told (source_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (source_id, patient_id));"
     "CREATE TABLE exchange_tell (source_id INTEGER NOT NULL PRIMARY KEY, state TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, failures INTEGER NOT NULL, "
     "sent INTEGER NOT NULL, last_ms INTEGER NOT NULL, next_ms INTEGER NOT NULL);"},
    {40, "what cleaning rules found in arriving data, and the counts scores are made of",
     "CREATE TABLE quality_finding (id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, org_id INTEGER NOT NULL, patient_id INTEGER NOT NULL, "
     "message_id INTEGER NOT NULL, entry_id INTEGER NOT NULL, entry_key INTEGER NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL, rule TEXT NOT NULL, "
     "rule_version INTEGER NOT NULL, dimension TEXT NOT NULL, reason TEXT NOT NULL, day TEXT NOT NULL, found_ms INTEGER NOT NULL, state TEXT NOT NULL, "
     "task INTEGER NOT NULL, due_ms INTEGER NOT NULL, closed_ms INTEGER NOT NULL, closed_by INTEGER NOT NULL, body BLOB NOT NULL, reply BLOB);"
     "CREATE INDEX quality_finding_patient ON quality_finding (patient_id, state);"
     "CREATE INDEX quality_finding_source ON quality_finding (source_id, rule, state);"
     "CREATE INDEX quality_finding_org ON quality_finding (org_id, state, id) WHERE task=1;"
     "CREATE TABLE quality_day (source_id INTEGER NOT NULL, day TEXT NOT NULL, rule TEXT NOT NULL, checked INTEGER NOT NULL, failed INTEGER NOT NULL, "
     "cleaned INTEGER NOT NULL, resolved INTEGER NOT NULL, PRIMARY KEY (source_id, day, rule));"
     "CREATE INDEX quality_day_day ON quality_day (day);"},
    {41, "data for research: applications, their history; diagnoses by code",
     "CREATE TABLE research_project (id INTEGER NOT NULL PRIMARY KEY, number TEXT NOT NULL, state TEXT NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, "
     "title TEXT NOT NULL, purpose TEXT NOT NULL, ethics_no TEXT NOT NULL, ethics_date TEXT NOT NULL, cohort TEXT NOT NULL, fields TEXT NOT NULL, until_ms INTEGER NOT NULL, "
     "created_ms INTEGER NOT NULL, version INTEGER NOT NULL, submitted_ms INTEGER NOT NULL DEFAULT 0, decided_ms INTEGER NOT NULL DEFAULT 0, decided_by INTEGER NOT NULL DEFAULT 0, "
     "done_ms INTEGER NOT NULL DEFAULT 0, deleted_ms INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0, downloads INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, "
     "blob TEXT NOT NULL DEFAULT '', sha256 TEXT NOT NULL DEFAULT '', report TEXT NOT NULL DEFAULT '', error TEXT NOT NULL DEFAULT '');"
     "CREATE UNIQUE INDEX research_project_number ON research_project (number);"
     "CREATE INDEX research_project_person ON research_project (person_id, created_ms);"
     "CREATE INDEX research_project_state ON research_project (state, until_ms);"
     "CREATE TABLE research_event (id INTEGER NOT NULL PRIMARY KEY, project_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, event TEXT NOT NULL, person_id INTEGER NOT NULL, reason TEXT NOT NULL);"
     "CREATE INDEX research_event_project ON research_event (project_id, id);"
     "CREATE INDEX exchange_entry_diagnosis ON exchange_entry (standard_code, t_ms) WHERE kind='diagnosis';"},
    {42, "sessions of a day", "CREATE INDEX room_started ON room (started_ms) WHERE started_ms>0;"},
    {43, "fewer indexes on the audit: a line for every read of health data goes into those that are asked",
     "DROP INDEX audit_outcome;"
     "DROP INDEX audit_person;"
     "DROP INDEX audit_object;"
     "CREATE INDEX audit_person ON audit (person_id, seq) WHERE person_id<>0;"
     "CREATE INDEX audit_object ON audit (object_id, seq) WHERE object_id<>0 AND (op<'fhir.' OR op>='fhir/');"},
    {44, "search keys lie in their own tree: half the pages a new patient touches",
     "CREATE TABLE mpi_key_clustered (key INTEGER NOT NULL, patient_id INTEGER NOT NULL, PRIMARY KEY (key, patient_id))" CLUSTERED ";"
     "INSERT INTO mpi_key_clustered (key, patient_id) SELECT key, patient_id FROM mpi_key ORDER BY key, patient_id;"
     "DROP TABLE mpi_key;"
     "ALTER TABLE mpi_key_clustered RENAME TO mpi_key;"
     "CREATE TABLE patient_key_clustered (org_id INTEGER NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, patient_id INTEGER NOT NULL, "
     "PRIMARY KEY (org_id, kind, key, patient_id))" CLUSTERED ";"
     "INSERT INTO patient_key_clustered (org_id, kind, key, patient_id) SELECT org_id, kind, key, patient_id FROM patient_key ORDER BY org_id, kind, key, patient_id;"
     "DROP TABLE patient_key;"
     "ALTER TABLE patient_key_clustered RENAME TO patient_key;"
     "CREATE INDEX patient_key_patient ON patient_key (patient_id);"
     "CREATE TABLE exchange_person_key_clustered (kind TEXT NOT NULL, key TEXT NOT NULL, patient_id INTEGER NOT NULL, PRIMARY KEY (kind, key, patient_id))" CLUSTERED ";"
     "INSERT INTO exchange_person_key_clustered (kind, key, patient_id) SELECT kind, key, patient_id FROM exchange_person_key ORDER BY kind, key, patient_id;"
     "DROP TABLE exchange_person_key;"
     "ALTER TABLE exchange_person_key_clustered RENAME TO exchange_person_key;"
     "CREATE INDEX exchange_person_key_patient ON exchange_person_key (patient_id);"},
    {45, "what was found in one thing of a patient: resources are written again and again", "CREATE INDEX quality_finding_entry ON quality_finding (patient_id, entry_id);"},
    {46, "receivers of HL7 v2: how they are addressed, what each was told of a thing",
     "ALTER TABLE out_subscriber ADD COLUMN application TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE out_subscriber ADD COLUMN facility TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE out_subscriber ADD COLUMN charset TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE out_item ADD COLUMN act INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE out_item ADD COLUMN told INTEGER NOT NULL DEFAULT 0;"
     "CREATE TABLE out_told (subscriber_id INTEGER NOT NULL, type TEXT NOT NULL, part INTEGER NOT NULL, rid INTEGER NOT NULL, seq INTEGER NOT NULL, mark TEXT NOT NULL, "
     "start TEXT NOT NULL, PRIMARY KEY (subscriber_id, type, part, rid));"},
    {47, "entries are known again within their patient: the lines of a report touch a page or two of the index, not one each",
     "DROP INDEX exchange_entry_key;"
     "CREATE INDEX exchange_entry_key ON exchange_entry (patient_id, key);"
     "CREATE INDEX exchange_entry_visit_key ON exchange_entry (key) WHERE kind='encounter' AND key<>0;"},
    {48, "what the cockpits count: one small row for each thing, made of what is stored",
     "CREATE TABLE report_fact (measure INTEGER NOT NULL, t_ms INTEGER NOT NULL, thing_id INTEGER NOT NULL, part INTEGER NOT NULL, case_id INTEGER NOT NULL, "
     "home_org_id INTEGER NOT NULL, target_org_id INTEGER NOT NULL, good INTEGER NOT NULL, total INTEGER NOT NULL, value INTEGER NOT NULL, word TEXT NOT NULL, "
     "PRIMARY KEY (measure, t_ms, thing_id, part))" CLUSTERED ";"
     "CREATE INDEX report_fact_thing ON report_fact (thing_id, measure, part);"
     "CREATE TABLE report_state (name TEXT NOT NULL PRIMARY KEY, place INTEGER NOT NULL);"},
    {49, "which client a resource is of: his codes are what the mapping desk says they are", "ALTER TABLE fhir_resource ADD COLUMN source_id INTEGER NOT NULL DEFAULT 0;"},
    {50, "a machine's line for every read of a resource goes into no list; a resource is read by its name, not by the name of its place",
     "DROP INDEX audit_patient;"
     "CREATE INDEX audit_patient ON audit (patient_id, seq) WHERE person_id<>0;"
     "CREATE INDEX fhir_resource_name ON fhir_resource (type, name);"},
    {51, "a Patient of the FHIR store is somebody of the patient index; patient_id 0 = he waits to be registered",
     "CREATE TABLE fhir_patient (pkey INTEGER NOT NULL PRIMARY KEY, patient_id INTEGER NOT NULL, made INTEGER NOT NULL);"
     "CREATE INDEX fhir_patient_patient ON fhir_patient (patient_id);"
     "INSERT INTO fhir_patient (pkey, patient_id, made) SELECT pkey, 0, 0 FROM fhir_resource WHERE type='Patient' AND deleted=0;"},
    {52, "reports of months: numbers as they were checked, approved and published",
     "CREATE TABLE report_month (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, month TEXT NOT NULL, version INTEGER NOT NULL, rev INTEGER NOT NULL, state TEXT NOT NULL, "
     "reason TEXT NOT NULL, made_ms INTEGER NOT NULL, checked_by INTEGER NOT NULL DEFAULT 0, checked_ms INTEGER NOT NULL DEFAULT 0, approved_by INTEGER NOT NULL DEFAULT 0, "
     "approved_ms INTEGER NOT NULL DEFAULT 0, published_by INTEGER NOT NULL DEFAULT 0, frozen_ms INTEGER NOT NULL DEFAULT 0, sha256 TEXT NOT NULL DEFAULT '', sheet BLOB);"
     "CREATE UNIQUE INDEX report_month_version ON report_month (org_id, month, version);"
     "CREATE INDEX report_month_month ON report_month (month, org_id);"
     "CREATE TABLE report_month_event (id INTEGER NOT NULL PRIMARY KEY, report_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, event TEXT NOT NULL, person_id INTEGER NOT NULL, reason TEXT NOT NULL);"
     "CREATE INDEX report_month_event_report ON report_month_event (report_id, id);"},
    {53, "alarms on numbers: rules, what each says of each institution, the alarms",
     "CREATE TABLE alarm_rule (id INTEGER NOT NULL PRIMARY KEY, org_id INTEGER NOT NULL, each_org INTEGER NOT NULL, indicator TEXT NOT NULL, period TEXT NOT NULL, side TEXT NOT NULL, "
     "limit_milli INTEGER NOT NULL, least INTEGER NOT NULL, for_minutes INTEGER NOT NULL, role TEXT NOT NULL, urgent INTEGER NOT NULL, enabled INTEGER NOT NULL, version INTEGER NOT NULL, "
     "created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, changed_by INTEGER NOT NULL);"
     "CREATE TABLE alarm_watch (rule_id INTEGER NOT NULL, org_id INTEGER NOT NULL, judged_ms INTEGER NOT NULL, bad_since_ms INTEGER NOT NULL, PRIMARY KEY (rule_id, org_id))" CLUSTERED ";"
     "CREATE INDEX alarm_watch_judged ON alarm_watch (judged_ms);"
     "CREATE TABLE alarm (id INTEGER NOT NULL PRIMARY KEY, number TEXT NOT NULL, rule_id INTEGER NOT NULL, org_id INTEGER NOT NULL, indicator TEXT NOT NULL, period TEXT NOT NULL, "
     "side TEXT NOT NULL, limit_milli INTEGER NOT NULL, role TEXT NOT NULL, urgent INTEGER NOT NULL, opened_ms INTEGER NOT NULL, opened_milli INTEGER NOT NULL, last_milli INTEGER NOT NULL, "
     "last_ms INTEGER NOT NULL, owner_id INTEGER NOT NULL DEFAULT 0, taken_ms INTEGER NOT NULL DEFAULT 0, ack_by INTEGER NOT NULL DEFAULT 0, ack_ms INTEGER NOT NULL DEFAULT 0, note BLOB, "
     "closed_ms INTEGER NOT NULL DEFAULT 0, closed_why TEXT NOT NULL DEFAULT '', again INTEGER NOT NULL DEFAULT 0);"
     "CREATE UNIQUE INDEX alarm_one_open ON alarm (rule_id, org_id) WHERE closed_ms=0;"
     "CREATE INDEX alarm_opened ON alarm (opened_ms);"
     "CREATE INDEX alarm_pair ON alarm (rule_id, org_id, closed_ms);"},
    {54, "fewer trees for a message of another system: a number lies in its own tree; what is in no list has no index",
     "DROP INDEX feed_time;"
     "DROP INDEX exchange_person_mother;"
     "CREATE INDEX exchange_person_mother ON exchange_person (mother_id, patient_id) WHERE mother_id<>0;"
     "DROP INDEX audit_object;"
     "CREATE INDEX audit_object ON audit (object_id, seq) WHERE object_id<>0 AND (op<'fhir.' OR op>='fhir/') AND op<>'exchange.receive';"
     "DROP INDEX quality_finding_entry;"
     "DROP INDEX quality_finding_patient;"
     "CREATE INDEX quality_finding_patient ON quality_finding (patient_id, state, entry_id);"
     "CREATE TABLE exchange_identity_clustered (domain_id INTEGER NOT NULL, value TEXT NOT NULL, patient_id INTEGER NOT NULL, since_ms INTEGER NOT NULL, "
     "retired_ms INTEGER NOT NULL, PRIMARY KEY (domain_id, value))" CLUSTERED ";"
     "INSERT INTO exchange_identity_clustered (domain_id, value, patient_id, since_ms, retired_ms) SELECT domain_id, value, patient_id, since_ms, retired_ms "
     "FROM exchange_identity ORDER BY domain_id, value;"
     "DROP TABLE exchange_identity;"
     "ALTER TABLE exchange_identity_clustered RENAME TO exchange_identity;"
     "CREATE INDEX exchange_identity_patient ON exchange_identity (patient_id);"},
    {55, "the notice of an alarm says which number it is about", "ALTER TABLE notice ADD COLUMN figure TEXT;"},
    {56, "which imaging study a DICOM file is part of; whose name in the patient index a record of the FHIR store goes by",
     "ALTER TABLE document ADD COLUMN study_uid TEXT NOT NULL DEFAULT '';"
     "CREATE INDEX fhir_name_person ON fhir_name (pkey) WHERE name>='mpi-' AND name<'mpi.';"},
    {57, "which systems read of a patient: the audit's lines of machines, counted by patient, system, act and day, up to a line",
     "CREATE TABLE audit_system (patient_id INTEGER NOT NULL, system_id INTEGER NOT NULL, op TEXT NOT NULL, day INTEGER NOT NULL, org_id INTEGER NOT NULL, first_ms INTEGER NOT NULL, "
     "last_ms INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (patient_id, system_id, op, day))" CLUSTERED ";"
     "CREATE TABLE audit_counted (id INTEGER NOT NULL PRIMARY KEY, seq INTEGER NOT NULL);"
     "INSERT INTO audit_counted (id, seq) VALUES (1, 0);"},
    {58, "search keys of new patients are written as they come and put into their trees many at a time",
     "CREATE TABLE key_late (line INTEGER NOT NULL PRIMARY KEY, mark INTEGER NOT NULL, patient_id INTEGER NOT NULL, rows BLOB NOT NULL);"
     "CREATE TABLE key_late_state (id INTEGER NOT NULL PRIMARY KEY, gone INTEGER NOT NULL, sweep INTEGER NOT NULL, first INTEGER NOT NULL, place BLOB NOT NULL);"
     "INSERT INTO key_late_state (id, gone, sweep, first, place) SELECT 1, 3*COUNT(*), 3*COUNT(*), 3*COUNT(*)+1, '' FROM patient;"
     "ALTER TABLE patient ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
     "UPDATE patient SET held=COALESCE((SELECT SUM(CASE k.kind WHEN 'id' THEN 1 WHEN 'phone' THEN 2 ELSE 4 END) FROM (SELECT DISTINCT kind FROM patient_key WHERE "
     "patient_id=patient.id AND kind IN ('id','phone','insurance')) k), 0);"
     "DROP INDEX patient_key_patient;"
     "DROP INDEX exchange_person_key_patient;"
     "CREATE INDEX exchange_person_key_mother ON exchange_person_key (patient_id) WHERE kind IN ('mfamily','mgiven');"},
    {59, "the index of numbers in FHIR resources is made anew, in the order of numbers and by unit: how far it came",
     "CREATE TABLE fhir_index (id INTEGER NOT NULL PRIMARY KEY, done INTEGER NOT NULL, pkey INTEGER NOT NULL, rid INTEGER NOT NULL);"
     "INSERT INTO fhir_index (id, done, pkey, rid) SELECT 1, CASE WHEN COUNT(*)=0 THEN 1 ELSE 0 END, -1, 0 FROM (SELECT rid FROM fhir_resource LIMIT 1) AS r;"},
    {60, "wrong passwords are counted by where they come from; which browsers an account was signed in from; whom lists showed",
     "CREATE TABLE sign_in_try (who INTEGER NOT NULL, source TEXT NOT NULL, known INTEGER NOT NULL, fails INTEGER NOT NULL, until_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, "
     "PRIMARY KEY (who, source))" CLUSTERED ";"
     "CREATE INDEX sign_in_try_last ON sign_in_try (last_ms);"
     "CREATE TABLE audit_shown (patient_id INTEGER NOT NULL, day INTEGER NOT NULL, person_id INTEGER NOT NULL, org_id INTEGER NOT NULL, t_ms INTEGER NOT NULL, "
     "PRIMARY KEY (patient_id, day, person_id, org_id))" CLUSTERED ";"
     "UPDATE person SET fails=0, lockouts=0, locked_until_ms=0;"},
    {61, "the audit's lines commit to whom lists showed; a rare act and what was refused are found by index",
     "ALTER TABLE audit ADD COLUMN shown TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE audit_shown ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
     "CREATE INDEX audit_shown_line ON audit_shown (seq);"
     "CREATE INDEX audit_op ON audit (op, seq) WHERE (op<'fhir.' OR op>='fhir/') AND op<>'exchange.receive';"
     "CREATE INDEX audit_refused ON audit (seq) WHERE outcome<>'ok';"},
    {62, "where in the audit lines of a time, an institution, a record and a machine's act lie: by blocks, listed behind the lines",
     "CREATE TABLE audit_block (first INTEGER NOT NULL PRIMARY KEY, low_ms INTEGER NOT NULL, high_ms INTEGER NOT NULL);"
     "CREATE TABLE audit_block_of (kind INTEGER NOT NULL, key INTEGER NOT NULL, first INTEGER NOT NULL, PRIMARY KEY (kind, key, first))" CLUSTERED ";"
     "INSERT INTO audit_counted (id, seq) VALUES (2, 0);"},
    {0, NULL, NULL},
};
