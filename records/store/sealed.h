/* sealed - the columns that hold free text about a patient: encrypted at rest, each under a key of its own derived from the master key.
 *
 * A sealed value is a format byte, nonce[12], AES-256-GCM, tag[16]. Associated data are the column's name and the row: a value moved
 * to another row or column, cut or changed does not open. What must be searched or counted stays outside, in coded columns, or in
 * blind indexes (seal.h). functions.md 1.4 (confidentiality and integrity at rest).
 *
 * Use: the format letter `s` of tx_exec, tx_query and tx_upsert takes a `const struct sealed *`:
 *   tx_exec(tx, "UPDATE consult SET form=$2 WHERE id=$1", "is", id, SEALED(CONSULT_FORM, id, 0, text));
 *   query_sealed(q, "form", SEALED_CONSULT_FORM, id, 0)
 * Threads: as the transaction. Errors: a value that does not open is ERR_STORAGE and sticks to the transaction.
 */
#ifndef YL_RECORDS_STORE_SEALED_H
#define YL_RECORDS_STORE_SEALED_H

#include "records/store/store.h"

/* X(name, table, column, row, part): row and part are SQL over the table's own columns that say which row it is; a name and its
 * meaning are never changed, because the values on disk depend on them. */
#define SEALED_COLUMNS(X)                                                              \
    X(CONSULT_FORM, "consult", "form", "id", "0")                                      \
    X(CONSULT_ADOPTION, "consult", "adoption", "id", "0")                              \
    X(EVENT_REASON, "consult_event", "reason", "id", "case_id")                        \
    X(ITEM_ITEMS, "consult_item", "items", "id", "case_id")                            \
    X(DRAFT_BODY, "consult_draft", "body", "case_id", "person_id")                     \
    X(OPINION_BODY, "consult_opinion", "body", "id", "case_id")                        \
    X(OPINION_TEXT, "consult_opinion", "signed_text", "id", "case_id")                 \
    X(ADVICE_TEXT, "consult_advice", "text", "case_id", "n")                           \
    X(ADVICE_REASON, "consult_advice", "reason", "case_id", "n")                       \
    X(EVALUATION_COMMENT, "consult_evaluation", "comment", "case_id", "person_id")     \
    X(MESSAGE_TEXT, "consult_message", "text", "id", "case_id")                        \
    X(OVERRIDE_REASON, "consult_override", "reason", "id", "case_id")                  \
    X(OVERRIDE_COMMENT, "consult_override", "comment", "id", "case_id")                \
    X(REVEAL_REASON, "patient_reveal", "reason", "id", "patient_id")                   \
    X(DOCUMENT_NAME, "document", "name", "id", "0")                                    \
    X(DOCUMENT_WITHDRAWN, "document", "withdrawn_reason", "id", "0")                   \
    X(UPLOAD_NAME, "upload", "name", "id", "0")                                        \
    X(TICKET_NAME, "room_ticket", "name", "id", "room_id")                             \
    X(TICKET_TITLE, "room_ticket", "title", "id", "room_id")                           \
    X(SOURCE_NAME, "recording_source", "name", "recording_id", "track_id")             \
    X(TRACK_NAME, "recording_track", "name", "recording_id", "document_id")            \
    X(MPI_NOTE, "mpi_act", "note", "id", "patient_id")                                 \
    X(MPI_REPORT, "mpi_task", "note", "id", "patient_id")                              \
    X(CONSENT_NOTE, "share_consent", "note", "id", "patient_id")                       \
    X(SHARE_REASON, "share_override", "reason", "id", "patient_id")                    \
    X(SHARE_COMMENT, "share_override", "comment", "id", "patient_id")                    \
    X(EXCHANGE_BODY, "exchange_body", "body", "row_id", "0")                              \
    X(EXCHANGE_PID, "exchange_person", "pid", "patient_id", "0")                       \
    X(EXCHANGE_ENTRY, "exchange_entry", "body", "id", "patient_id")                    \
    X(EXCHANGE_NOTE, "exchange_dead", "note", "message_id", "0")                       \
    X(FINDING_BODY, "quality_finding", "body", "id", "patient_id")                     \
    X(FINDING_REPLY, "quality_finding", "reply", "id", "patient_id")                   \
    X(MONTH_SHEET, "report_month", "sheet", "id", "0")                                 \
    X(ALARM_NOTE, "alarm", "note", "id", "rule_id")

enum sealed_column {
#define X(name, ...) SEALED_##name,
    SEALED_COLUMNS(X)
#undef X
    SEALED_COUNT
};

struct sealed { /* text NULL = SQL NULL */
    enum sealed_column column;
    int64_t row, part;
    const char *text;
};
#define SEALED(name, row_, part_, text_) (&(struct sealed){SEALED_##name, (int64_t)(row_), (int64_t)(part_), (text_)})

struct sealed_place {
    const char *table, *column, *row, *part;
};
extern const struct sealed_place sealed_places[SEALED_COUNT];

/* Derives the columns' keys; once, before the store is migrated or used. Without it nothing sealed can be written or read. */
void store_unlock(struct store *s, const uint8_t master[32]);

/* The text of a sealed column of the row `q` shows; NULL when NULL or when it does not open (then the error sticks). Valid until the
 * next query_next. */
const char *query_sealed(struct query *q, const char *column, enum sealed_column which, uint64_t row, uint64_t part);
/* Does it open? Leaves no error: for checks that answer "changed". */
bool query_sealed_opens(struct query *q, const char *column, enum sealed_column which, uint64_t row, uint64_t part);

/* A step of migrations.c: turns the text columns of the version before into sealed ones. */
YL_CHECKED int sealed_migrate(struct tx *tx);
/* A later one: who sat in rooms and on recordings (a patient's family among them). */
YL_CHECKED int sealed_migrate_rooms(struct tx *tx);
/* Step 24: where the engine is strict about types, the column that was declared TEXT and holds bytes is changed. */
YL_CHECKED int sealed_migrate_answers(struct tx *tx);
#endif
