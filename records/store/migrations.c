/* Every change of the database's shape, in order. Append only: an entry is never edited once it landed on main. */
#include "records/store/store.h"
#include <stddef.h>

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
    {0, NULL, NULL},
};
