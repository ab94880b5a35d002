/* The bytes' way in and out: records_append_submit and records_read_submit of records.h. Each call becomes a job on the pool; the
 * disk is never touched on the caller's thread. */
#include "records/document/documents.h"
#include "records/health/health.h"
#include "records/parts.h"
#include "records/records.h"
#include <stdlib.h>
#include <string.h>

#define READ_MAX (256u << 10)

struct append_job {
    struct records *records;
    struct records_append append; /* data borrowed until done */
    char credential[128];
    records_append_done done;
    void *ctx;
};

/* Is the upload the caller's? One indexed read; an id alone gives nothing. The right was asked when it was begun. */
static int check_owner(struct records *r, const struct actor *actor, uint64_t upload)
{
    struct tx *tx;
    int rc = tx_begin(records_store(r), TX_READ, &tx);
    if (rc)
        return rc;
    int64_t mine = tx_int(tx, 0, "SELECT COUNT(*) AS n FROM upload WHERE id=$1 AND by_person=$2 AND document_id=0", "ii",
                          (int64_t)upload, (int64_t)actor->person.v);
    rc = tx_error(tx);
    tx_rollback(tx);
    return rc ? rc : mine ? 0 : ERR_GONE;
}

static void append_run(void *ctx)
{
    struct append_job *j = ctx;
    const struct records_append *a = &j->append;
    struct actor actor;
    uint64_t held = 0;
    int rc = records_actor(j->records, j->credential, &actor);
    rc = rc ? rc : check_owner(j->records, &actor, a->upload);
    rc = rc ? rc : health_is_full(records_parts(j->records)->health) ? ERR_STORAGE : 0;
    rc = rc ? rc : documents_upload_append(records_parts(j->records)->documents, a->upload, a->offset, a->data, a->len, &held);
    j->done(j->ctx, rc, held);
    explicit_bzero(j->credential, sizeof j->credential);
    free(j);
}

int records_append_submit(struct records *r, const struct records_append *a, records_append_done done, void *ctx)
{
    struct append_job *j = malloc(sizeof *j);
    if (!j)
        return ERR_UNAVAILABLE;
    *j = (struct append_job){.records = r, .append = *a, .done = done, .ctx = ctx};
    size_t len = a->credential ? strlen(a->credential) : 0;
    if (len >= sizeof j->credential)
        len = 0; /* no token is that long: it will be nobody's */
    memcpy(j->credential, a->credential ? a->credential : "", len);
    int rc = records_pool_run(r, append_run, j);
    if (rc)
        free(j);
    return rc;
}

struct read_job {
    struct records *records;
    char handle[DOCUMENT_HANDLE_BYTES];
    uint64_t offset;
    size_t len;
    records_read_done done;
    void *ctx;
};

static void read_run(void *ctx)
{
    struct read_job *j = ctx;
    size_t got = 0;
    uint8_t *data = malloc(j->len ? j->len : 1);
    int rc = data ? documents_handle_read(records_parts(j->records)->documents, j->handle,
                                          clock_now_ms(records_clock(j->records)), j->offset, data, j->len, &got)
                  : ERR_UNAVAILABLE;
    j->done(j->ctx, rc, data, got);
    if (data)
        explicit_bzero(data, got);
    free(data);
    free(j);
}

int records_read_submit(struct records *r, const char *handle, uint64_t offset, size_t len, records_read_done done, void *ctx)
{
    struct read_job *j = calloc(1, sizeof *j);
    if (!j)
        return ERR_UNAVAILABLE;
    *j = (struct read_job){.records = r, .offset = offset, .len = len < READ_MAX ? len : READ_MAX, .done = done, .ctx = ctx};
    if (strlen(handle) == DOCUMENT_HANDLE_BYTES - 1) /* another length finds nothing */
        memcpy(j->handle, handle, DOCUMENT_HANDLE_BYTES);
    int rc = records_pool_run(r, read_run, j);
    if (rc)
        free(j);
    return rc;
}
