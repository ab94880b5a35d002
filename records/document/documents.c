#include "records/document/documents.h"
#include "records/document/detect.h"
#include "server/base/log.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_UPLOADS 32 /* files kept open; each costs about 270 kB */
#define HANDLES 4096
#define HANDLES_PER_SESSION 400

struct open_upload {
    uint64_t id;
    struct blob_file *file; /* NULL: being opened or failed */
    pthread_mutex_t lock;   /* held while the file is used */
    int users;              /* under documents.lock */
    uint64_t used;          /* stamp of the last use */
    bool dropped;           /* to be forgotten by the last user */
};

struct handle_row {
    char text[DOCUMENT_HANDLE_BYTES];
    int64_t until_ms;
    struct document_handle handle;
};

struct documents {
    struct blob_store *store;
    pthread_mutex_t lock; /* uploads */
    pthread_cond_t freed;
    struct open_upload uploads[OPEN_UPLOADS];
    uint64_t stamp;
    pthread_mutex_t handle_lock;
    struct handle_row *handles; /* HANDLES, allocated on first use */
    size_t n_handles;
};

int documents_open(struct documents **out, const char *data_dir, const uint8_t master[32], struct fault *f)
{
    struct documents *d = calloc(1, sizeof *d);
    *out = NULL;
    if (!d || blob_store_open(&d->store, data_dir, master)) {
        free(d);
        return fault_set(f, ERR_STORAGE, "blobs", "The blob folders in %s cannot be used.", data_dir);
    }
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->freed, NULL);
    pthread_mutex_init(&d->handle_lock, NULL);
    for (int i = 0; i < OPEN_UPLOADS; i++)
        pthread_mutex_init(&d->uploads[i].lock, NULL);
    *out = d;
    return 0;
}

void documents_close(struct documents *d)
{
    if (!d)
        return;
    for (int i = 0; i < OPEN_UPLOADS; i++) {
        blob_file_close(d->uploads[i].file);
        pthread_mutex_destroy(&d->uploads[i].lock);
    }
    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->freed);
    pthread_mutex_destroy(&d->handle_lock);
    free(d->handles);
    blob_store_close(d->store);
    free(d);
}

struct blob_store *documents_store(struct documents *d)
{
    return d->store;
}

/* ---- open uploads ---- */

/* The slot of this id, or one that can be given to it: empty, or idle the longest. NULL when all are in use. */
static struct open_upload *slot_for(struct documents *d, uint64_t id)
{
    struct open_upload *free_slot = NULL;
    for (int i = 0; i < OPEN_UPLOADS; i++) {
        struct open_upload *u = &d->uploads[i];
        if (u->id == id)
            return u;
        if (u->users == 0 && (!free_slot || u->used < free_slot->used))
            free_slot = u;
    }
    return free_slot;
}

/* Takes the upload for this thread; appends of one upload run one after the other. */
static struct open_upload *take_upload(struct documents *d, uint64_t id)
{
    struct open_upload *u;
    struct blob_file *evicted = NULL;
    pthread_mutex_lock(&d->lock);
    while (!(u = slot_for(d, id)))
        pthread_cond_wait(&d->freed, &d->lock);
    if (u->id != id) {
        evicted = u->file;
        u->file = NULL;
        u->id = id;
        u->dropped = false;
    }
    u->users++;
    u->used = ++d->stamp;
    pthread_mutex_unlock(&d->lock);
    blob_file_close(evicted);
    pthread_mutex_lock(&u->lock);
    return u;
}

static void give_back(struct documents *d, struct open_upload *u, bool forget)
{
    struct blob_file *file = NULL;
    pthread_mutex_lock(&d->lock);
    u->dropped = u->dropped || forget;
    if (--u->users == 0 && u->dropped) {
        file = u->file;
        u->file = NULL;
        u->id = 0;
        u->used = 0;
        u->dropped = false;
    }
    pthread_cond_signal(&d->freed);
    pthread_mutex_unlock(&d->lock);
    pthread_mutex_unlock(&u->lock);
    blob_file_close(file);
}

static int open_file(struct documents *d, struct open_upload *u)
{
    if (u->dropped)
        return ERR_GONE;
    int rc = u->file ? 0 : blob_file_resume(d->store, u->id, &u->file);
    return rc == ERR_NOT_FOUND ? ERR_GONE : rc;
}

int documents_upload_create(struct documents *d, uint64_t id, uint64_t bytes)
{
    struct blob_file *f;
    if (bytes > UPLOAD_BYTES_MAX)
        return ERR_TOO_LARGE;
    int rc = blob_file_create(d->store, id, bytes, &f);
    if (rc == 0)
        blob_file_close(f);
    return rc;
}

int documents_upload_append(struct documents *d, uint64_t id, uint64_t offset, const void *data, size_t len, uint64_t *held)
{
    *held = 0;
    if (len > UPLOAD_CHUNK_BYTES)
        return ERR_TOO_LARGE;
    struct open_upload *u = take_upload(d, id);
    int rc = open_file(d, u);
    if (rc == 0) {
        rc = blob_file_held(u->file) != offset ? ERR_CONFLICT : blob_file_append(u->file, data, len);
        if (rc != ERR_STORAGE)
            *held = blob_file_held(u->file);
    }
    /* after a failed write only the disk knows what is held: the next use opens it anew */
    if (rc == ERR_STORAGE && u->file) {
        blob_file_close(u->file);
        u->file = NULL;
    }
    give_back(d, u, rc == ERR_GONE || rc == ERR_STORAGE);
    return rc;
}

int documents_upload_seal(struct documents *d, uint64_t id)
{
    struct open_upload *u = take_upload(d, id);
    int rc = open_file(d, u);
    rc = rc ? rc : blob_file_seal(u->file);
    give_back(d, u, rc != 0);
    return rc;
}

int documents_upload_held(struct documents *d, uint64_t id, uint64_t *held)
{
    struct open_upload *u = take_upload(d, id);
    int rc = open_file(d, u);
    *held = rc ? 0 : blob_file_held(u->file);
    give_back(d, u, rc != 0);
    return rc;
}

static int upload_done(struct documents *d, struct blob_file *f, bool publish, struct upload_done *out)
{
    uint8_t *head = malloc(DETECT_HEAD_BYTES);
    size_t got = 0;
    if (!head)
        return ERR_INTERNAL;
    int rc = blob_file_read(f, 0, head, DETECT_HEAD_BYTES, &got);
    if (rc == 0) {
        out->bytes = blob_file_held(f);
        blob_file_sha256(f, out->sha256);
        snprintf(out->type, sizeof out->type, "%s", file_type_detect(head, got, out->bytes)->name);
        if (strcmp(out->type, "dicom") == 0)
            (void)study_uid_of(head, got, out->study_uid);
        blob_address(d->store, out->sha256, out->address);
        rc = publish ? blob_file_publish(f, out->address) : 0;
    }
    explicit_bzero(head, DETECT_HEAD_BYTES);
    free(head);
    return rc;
}

int documents_upload_done(struct documents *d, uint64_t id, bool publish, struct upload_done *out)
{
    memset(out, 0, sizeof *out);
    struct open_upload *u = take_upload(d, id);
    int rc = open_file(d, u);
    rc = rc ? rc : upload_done(d, u->file, publish, out);
    give_back(d, u, rc == ERR_GONE);
    return rc;
}

void documents_upload_drop(struct documents *d, uint64_t id)
{
    struct open_upload *u = take_upload(d, id);
    if (blob_file_remove(d->store, id))
        log_warn("document", "an upload file could not be removed");
    give_back(d, u, true);
}

/* ---- handles ---- */

static void forget_old(struct documents *d, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < d->n_handles; i++)
        if (d->handles[i].until_ms > now_ms) {
            if (kept != i)
                d->handles[kept] = d->handles[i];
            kept++;
        }
    d->n_handles = kept;
}

static size_t of_session(const struct documents *d, uint64_t session)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_handles; i++)
        n += d->handles[i].handle.session == session;
    return n;
}

/* The session's oldest handle makes room: a page that shows many thumbnails must not lock itself out. */
static void forget_oldest_of(struct documents *d, uint64_t session)
{
    size_t oldest = d->n_handles;
    for (size_t i = 0; i < d->n_handles; i++)
        if (d->handles[i].handle.session == session &&
            (oldest == d->n_handles || d->handles[i].until_ms < d->handles[oldest].until_ms))
            oldest = i;
    if (oldest < d->n_handles)
        d->handles[oldest] = d->handles[--d->n_handles];
}

int documents_handle_make(struct documents *d, const struct document_handle *h, int64_t now_ms,
                          char out[DOCUMENT_HANDLE_BYTES])
{
    uint8_t random[32];
    int rc = 0;
    crypto_random(random, sizeof random);
    if (base64url_encode(random, sizeof random, out, DOCUMENT_HANDLE_BYTES) < 0)
        return ERR_INTERNAL;
    pthread_mutex_lock(&d->handle_lock);
    if (!d->handles)
        d->handles = malloc(HANDLES * sizeof *d->handles);
    if (d->handles)
        forget_old(d, now_ms);
    if (d->handles && of_session(d, h->session) >= HANDLES_PER_SESSION)
        forget_oldest_of(d, h->session);
    if (!d->handles || d->n_handles == HANDLES)
        rc = ERR_UNAVAILABLE;
    else {
        struct handle_row *row = &d->handles[d->n_handles++];
        memcpy(row->text, out, sizeof row->text);
        row->until_ms = now_ms + DOCUMENT_HANDLE_MS;
        row->handle = *h;
    }
    pthread_mutex_unlock(&d->handle_lock);
    return rc;
}

int documents_handle_find(struct documents *d, const char *handle, int64_t now_ms, struct document_handle *out)
{
    int rc = ERR_GONE;
    if (strlen(handle) != DOCUMENT_HANDLE_BYTES - 1)
        return ERR_GONE;
    pthread_mutex_lock(&d->handle_lock);
    for (size_t i = 0; i < d->n_handles && rc; i++) {
        const struct handle_row *row = &d->handles[i];
        if (row->until_ms > now_ms && crypto_equal(row->text, handle, DOCUMENT_HANDLE_BYTES - 1)) {
            *out = row->handle;
            rc = 0;
        }
    }
    pthread_mutex_unlock(&d->handle_lock);
    return rc;
}

void documents_handles_end(struct documents *d, uint64_t session)
{
    pthread_mutex_lock(&d->handle_lock);
    for (size_t i = 0; i < d->n_handles;)
        if (d->handles[i].handle.session == session)
            d->handles[i] = d->handles[--d->n_handles];
        else
            i++;
    pthread_mutex_unlock(&d->handle_lock);
}

int documents_handle_read(struct documents *d, const char *handle, int64_t now_ms, uint64_t offset, void *out, size_t len,
                          size_t *got)
{
    struct document_handle h;
    struct blob *b;
    *got = 0;
    int rc = documents_handle_find(d, handle, now_ms, &h);
    rc = rc ? rc : blob_open(d->store, h.address, &b);
    if (rc)
        return rc == ERR_NOT_FOUND ? ERR_STORAGE : rc;
    rc = blob_read(b, offset, out, len, got);
    blob_close(b);
    return rc;
}
