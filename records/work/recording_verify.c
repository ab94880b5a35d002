/* Is a recording what it was: its seal, the hash of each file, the chain in each file (yilianctl recording verify). */
#include "records/document/blob.h"
#include "records/document/documents.h"
#include "records/parts.h"
#include "records/records.h"
#include "records/work/recording.h"
#include "server/base/reel.h"
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (256u << 10)

struct window { /* a blob is decrypted in pieces: what was read last is at hand */
    struct blob *blob;
    uint64_t at;
    size_t len;
    uint8_t bytes[WINDOW_BYTES];
};

static int64_t read_window(void *ctx, uint64_t at, void *out, size_t n)
{
    struct window *w = ctx;
    if (at < w->at || at + n > w->at + w->len) {
        w->at = at;
        w->len = 0;
        if (blob_read(w->blob, at, w->bytes, sizeof w->bytes, &w->len))
            return -1;
    }
    size_t left = (size_t)(w->at + w->len - at), k = n < left ? n : left;
    memcpy(out, w->bytes + (at - w->at), k);
    return (int64_t)k;
}

static void on_gap(void *ctx, const struct reel_gap *gap)
{
    struct records_recording_check *c = ctx;
    c->n_gaps++;
    c->lost_ms += gap->lost_ms;
}

static const char *hash_wrong(struct window *w, const char *want)
{
    struct sha256_state s;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    sha256_init(&s);
    for (uint64_t at = 0, n; at < blob_bytes(w->blob); at += n) {
        if (read_window(w, at, digest, 1) != 1)
            return "it cannot be read";
        n = w->at + w->len - at;
        sha256_update(&s, w->bytes + (at - w->at), (size_t)n);
    }
    sha256_final(&s, digest);
    return hex_encode(digest, sizeof digest, hex, sizeof hex) > 0 && strcmp(hex, want) == 0 ? NULL : "its bytes are not those that were sealed";
}

static const char *chain_wrong(struct window *w, struct query *q, struct records_recording_check *c)
{
    struct reel_report report;
    char last[2 * SHA256_BYTES + 1];
    struct reel_reader r = {{read_window, w, blob_bytes(w->blob)}, true, on_gap, c};
    if (reel_read(&r, &report))
        return "it cannot be read";
    c->chained = report.chained;
    c->links = report.links;
    if (!*query_text(q, "chain"))
        return NULL; /* from before there were chains */
    if (report.wrong || !report.chained)
        return report.wrong ? report.wrong : "its chain is not there";
    bool same = hex_encode(report.last.last, SHA256_BYTES, last, sizeof last) > 0 && strcmp(last, query_text(q, "chain")) == 0;
    return same && report.links == (uint32_t)query_int(q, "links") ? NULL : "it does not end where it ended";
}

static const char *file_wrong(struct blob_store *store, struct query *q, struct records_recording_check *c)
{
    struct window *w = calloc(1, sizeof *w);
    const char *wrong = "it is not there";
    if (w && blob_open(store, query_text(q, "blob"), &w->blob) == 0) {
        wrong = hash_wrong(w, query_text(q, "sha256"));
        wrong = wrong ? wrong : chain_wrong(w, q, c);
        blob_close(w->blob);
    }
    free(w);
    return wrong;
}

static int check_files(struct op_ctx *ctx, uint64_t id, void (*each)(void *ctx, const struct records_recording_check *), void *each_ctx, bool *whole)
{
    struct blob_store *store = documents_store(records_parts(ctx->records)->documents);
    struct query *q = tx_query(ctx->tx,
                               "SELECT t.document_id, t.kind, t.source, t.sha256, t.links, t.chain, d.blob FROM recording_track t "
                               "JOIN document d ON d.id=t.document_id WHERE t.recording_id=$1 ORDER BY t.started_ms, t.document_id",
                               "i", (int64_t)id);
    while (query_next(q)) {
        char document[ID_TEXT_BYTES];
        id_format((uint64_t)query_int(q, "document_id"), document);
        struct records_recording_check c = {.document = document, .kind = query_text(q, "kind"), .source = query_text(q, "source")};
        c.wrong = file_wrong(store, q, &c);
        *whole = *whole && !c.wrong;
        each(each_ctx, &c);
    }
    return query_end(q);
}

int records_recording_verify(struct records *r, uint64_t id, void (*each)(void *ctx, const struct records_recording_check *), void *each_ctx,
                             struct records_recording_verdict *out)
{
    struct fault f = {0};
    struct recording_row row;
    char seal[2 * SHA256_BYTES + 1];
    int64_t duration_ms, tracks;
    struct tx *tx;
    int rc = tx_begin(records_store(r), TX_READ, &tx);
    if (rc)
        return rc;
    struct op_ctx ctx = {.records = r, .tx = tx, .fault = &f};
    *out = (struct records_recording_verdict){.whole = true};
    rc = recording_load(&ctx, id, &row);
    rc = rc ? rc : recording_hash(tx, &row, seal, &duration_ms, &tracks);
    if (rc == 0) {
        out->sealed = row.sealed_ms != 0;
        out->seal_holds = out->sealed && strcmp(seal, row.sha256) == 0;
        out->whole = out->seal_holds || !out->sealed;
        rc = check_files(&ctx, id, each, each_ctx, &out->whole);
    }
    tx_rollback(tx);
    return rc;
}
