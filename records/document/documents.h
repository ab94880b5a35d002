/* documents - uploads, blobs and readable handles: the part of records that lives as long as the daemon.
 *
 * Hides: the table of open upload files (bounded, least recently used is closed), the table of handles (bounded, 10 minutes), and
 * the worker thread that makes thumbnails. Threads: every call may come from any pool thread; the upload table and the handle
 * table have a lock each, an open upload has its own, and no lock is held over another's work.
 */
#ifndef YL_RECORDS_DOCUMENT_DOCUMENTS_H
#define YL_RECORDS_DOCUMENT_DOCUMENTS_H

#include "records/document/blob.h"
#include "records/document/study_uid.h"
#include "server/base/fault.h"
#include "server/base/id.h"

#define DOCUMENT_HANDLE_BYTES 44          /* base64url of 32 random bytes, and NUL */
#define DOCUMENT_HANDLE_MS (10 * 60000)
#define UPLOAD_BYTES_MAX ((uint64_t)50 << 30)
#define UPLOAD_CHUNK_BYTES (1u << 20)     /* most bytes of one append */
#define UPLOAD_IDLE_MS (24 * 3600000ll)   /* abandoned after */
#define UPLOADS_PER_PERSON 20

struct documents;

YL_CHECKED int documents_open(struct documents **out, const char *data_dir, const uint8_t master[32], struct fault *f);
void documents_close(struct documents *d);
struct blob_store *documents_store(struct documents *d);

/* ---- uploads ---- */
YL_CHECKED int documents_upload_create(struct documents *d, uint64_t id, uint64_t bytes);
/* Durable when it returns 0. *held says how many bytes are held, also on ERR_CONFLICT (offset is not what is held). */
YL_CHECKED int documents_upload_append(struct documents *d, uint64_t id, uint64_t offset, const void *data, size_t len,
                                       uint64_t *held);
/* Ends it with what it holds (blob_file_seal). */
YL_CHECKED int documents_upload_seal(struct documents *d, uint64_t id);
YL_CHECKED int documents_upload_held(struct documents *d, uint64_t id, uint64_t *held);
struct upload_done {
    char address[BLOB_ADDRESS_BYTES], type[24]; /* type: name of a row of the file type table */
    char study_uid[STUDY_UID_BYTES];            /* of a DICOM file; "" = it does not say */
    uint64_t bytes;
    uint8_t sha256[32];
};
/* The upload is whole: its hash and type; with `publish` the blob is readable under its address (the upload file stays).
 * ERR_NOT_ALLOWED_NOW: bytes are missing. */
YL_CHECKED int documents_upload_done(struct documents *d, uint64_t id, bool publish, struct upload_done *out);
/* Forgets and deletes the file. */
void documents_upload_drop(struct documents *d, uint64_t id);

/* ---- handles ---- */
struct document_handle {
    char address[BLOB_ADDRESS_BYTES];
    uint64_t session; /* dies with this session; 0 = none */
    uint64_t bytes;
    char content_type[96], name[256];
    bool inline_safe; /* may be shown in the page; else attachment */
};
/* Makes a handle; ERR_UNAVAILABLE when this session has too many open ones. */
YL_CHECKED int documents_handle_make(struct documents *d, const struct document_handle *h, int64_t now_ms,
                                     char out[DOCUMENT_HANDLE_BYTES]);
/* ERR_GONE when unknown or over. */
YL_CHECKED int documents_handle_find(struct documents *d, const char *handle, int64_t now_ms, struct document_handle *out);
void documents_handles_end(struct documents *d, uint64_t session); /* the session ended */
/* Up to len bytes of the handle's blob. */
YL_CHECKED int documents_handle_read(struct documents *d, const char *handle, int64_t now_ms, uint64_t offset, void *out,
                                     size_t len, size_t *got);
#endif
