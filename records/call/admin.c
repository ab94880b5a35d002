/* What yilianctl asks of the records plane beside operations. */
#include "records/document/mirror.h"
#include "records/store/archive.h"
#include "records/audit/audit.h"
#include "records/hl7/hl7.h"
#include "records/call/open.h"
#include "records/org/org.h"
#include "records/work/consult.h"
#include "records/work/consult_flow.h"
#include "server/base/crypto.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int records_bootstrap(struct records *r, const char *org, const char *login, const char *name, const char *password, struct fault *f)
{
    struct tx *tx;
    int rc = tx_begin(r->store, TX_WRITE, &tx);
    if (rc)
        return fault_set(f, rc, "", "The database cannot be written.");
    rc = org_bootstrap(tx, org, login, name, password, clock_now_ms(r->clock), f);
    if (rc)
        tx_rollback(tx);
    else if ((rc = tx_commit(tx)))
        fault_set(f, rc, "", "The database cannot be written.");
    return rc;
}

int records_person_find(struct records *r, const char *login, struct person_id *out)
{
    struct tx *tx;
    int rc = tx_begin(r->store, TX_READ, &tx);
    if (rc)
        return rc;
    out->v = (uint64_t)tx_int(tx, 0, "SELECT id FROM person WHERE login=$1", "t", login);
    rc = tx_error(tx);
    tx_rollback(tx);
    return rc ? rc : out->v ? 0 : ERR_NOT_FOUND;
}

int records_version(struct records *r)
{
    return store_version(r->store);
}

int records_backup(const struct records_config *config, const char *to_path, struct fault *f)
{
    struct store *s;
    char where[600];
    int rc = store_locate(config->database, config->data_dir, where, sizeof where, f);
    if (rc == 0 && strncmp(where, "postgres", 8) && access(where, F_OK)) /* opening would make it */
        rc = fault_set(f, ERR_NOT_FOUND, "database", "There is no database %s: %s.", where, strerror(errno));
    rc = rc ? rc : store_open(&s, where, f);
    if (rc)
        return rc;
    rc = store_backup(s, to_path, f);
    if (rc == 0 && store_is_file(s) && !store_is_sound(to_path))
        rc = fault_set(f, ERR_STORAGE, "damaged", "%s was written, but is no sound database, as the one it was copied from: docs/operations.md, \"A damaged database\".", to_path);
    store_close(s);
    return rc;
}

int records_move(struct records *r, const char *to, char told[200], struct fault *f)
{
    struct store *other;
    struct store_moved moved;
    char hash[65];
    int rc = store_open(&other, to, f);
    if (rc)
        return rc;
    rc = store_move(r->store, other, &moved, f);
    store_close(other);
    if (rc == 0 && hex_encode(moved.hash, sizeof moved.hash, hash, sizeof hash) > 0)
        snprintf(told, 200, "%d tables, %lld rows, sha256 %s", moved.tables, (long long)moved.rows, hash);
    return rc;
}

int records_audit_verify(struct records *r, int64_t *lines, int64_t *first_bad, char what[80])
{
    struct audit_verdict v = {0};
    struct tx *tx;
    int rc = tx_begin(r->store, TX_READ, &tx);
    if (rc)
        return rc;
    rc = audit_verify(tx, r->parts.audit_key, &v);
    tx_rollback(tx);
    *lines = v.lines;
    *first_bad = v.first_bad;
    snprintf(what, 80, "%s", v.what);
    return rc;
}

char *records_flow_print(struct records *r)
{
    static const char *const urgencies[3] = {"routine", "urgent", "emergency"};
    struct flow_terms terms[3][K_COUNT];
    const struct flow_terms *const three[3] = {terms[0], terms[1], terms[2]};
    struct actor system = {.system = true};
    struct fault f = {0};
    struct tx *tx;
    if (tx_begin(r->store, TX_READ, &tx))
        return NULL;
    struct op_ctx ctx = {.records = r, .tx = tx, .actor = &system, .fault = &f};
    int rc = 0;
    for (int i = 0; i < 3 && rc == 0; i++)
        rc = consult_terms(&ctx, urgencies[i], terms[i]);
    tx_rollback(tx);
    return rc ? NULL : flow_print(&consult_flow, three);
}

int records_restore(const char *archive_dir, int64_t at_ms, const char *to_path, struct records_moment *out, struct fault *f)
{
    struct store_moment m;
    int rc = store_archive_restore(archive_dir, at_ms, to_path, &m, f);
    *out = (struct records_moment){m.from_ms, m.at_ms, m.pieces, m.sound_ms};
    return rc;
}

int records_restore_files(const char *archive_dir, const char *to_dir, int64_t *files, int64_t *bytes, struct fault *f)
{
    struct blob_mirror_restored done;
    int rc = blob_mirror_restore(archive_dir, to_dir, &done, f);
    *files = done.files;
    *bytes = done.bytes;
    return rc;
}

/* ---- a file of messages ---- */

struct filing {
    struct records_filed now;
    int error;
};

/* The last of two acknowledgements says what became of the message. */
static void take_answer(void *ctx, const struct records_message_answer *a)
{
    struct filing *g = ctx;
    struct hl7_message m;
    struct fault f = {0};
    const char *answer = a->bytes, *second = a->len ? memchr(answer, 0, a->len) : NULL;
    size_t len = a->len;
    g->error = a->error;
    if (second && second + 1 < answer + len) {
        len -= (size_t)(second + 1 - answer);
        answer = second + 1;
    }
    if (a->error || !len || hl7_parse(&m, answer, len, HL7_UTF8, &f))
        return;
    hl7_text_at(&m, "MSA-1", g->now.code, sizeof g->now.code);
    hl7_text_at(&m, "ERR-2", g->now.place, sizeof g->now.place);
    hl7_text_at(&m, "ERR-8", g->now.reason, sizeof g->now.reason);
    if (!g->now.reason[0]) /* before 2.5 */
        hl7_text_at(&m, "MSA-3", g->now.reason, sizeof g->now.reason);
    hl7_fini(&m);
}

static void name_it(const struct hl7_span *message, struct records_filed *now)
{
    struct hl7_message m;
    struct fault f = {0};
    if (hl7_parse(&m, message->at, message->len, HL7_UTF8, &f))
        return;
    hl7_text_at(&m, "MSH-10", now->control_id, sizeof now->control_id);
    hl7_fini(&m);
}

int records_messages_file(struct records *r, const void *bytes, size_t len, const char *address, void (*each)(void *ctx, const struct records_filed *), void *ctx)
{
    struct hl7_span one;
    size_t at = 0, n = 0;
    while (hl7_batch_next(bytes, len, &at, &one)) {
        struct filing g = {.now = {.number = ++n}};
        struct records_message m = {.bytes = one.at, .len = one.len, .address = address, .certificate = ""};
        name_it(&one, &g.now);
        int rc = records_message_submit(r, &m, take_answer, &g);
        rc = rc ? rc : g.error;
        if (rc)
            return rc;
        each(ctx, &g.now);
    }
    return 0;
}
