/* PID segments as they came, and their keys (person.h). */
#include "records/exchange/person.h"
#include "records/exchange/exchange.h"
#include "records/parts.h"
#include "records/store/key_find.h"
#include "records/store/key_list.h"
#include "records/store/sealed.h"
#include "records/term/fold.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_key(struct key_list *k, const char *kind, const char *value)
{
    char folded[256];
    if (text_fold(value, strlen(value), folded, sizeof folded) > 0)
        key_list_add(k, kind, folded);
}

/* Every repetition of a name: maiden and stage names are asked for too. */
static void add_names(struct key_list *k, struct hl7_message *m, unsigned field, const char *const kinds[2])
{
    char text[128];
    const struct hl7_segment *pid = hl7_segment(m, "PID", 0);
    size_t n = hl7_repetitions(m, pid, field);
    for (uint16_t i = 1; i <= n && i < 8; i++) {
        struct hl7_path p = {.field = (uint16_t)field, .repetition = i, .component = 1, .sub = 1};
        hl7_text(m, hl7_part(m, pid, &p), text, sizeof text);
        add_key(k, kinds[0], text);
        p.component = 2;
        hl7_text(m, hl7_part(m, pid, &p), text, sizeof text);
        add_key(k, kinds[1], text);
    }
}

/* ---- a child's mother's names: few have them, and hers may have changed since: they are read where they stand ---- */

static bool mothers(const char *kind)
{
    return kind[0] == 'm';
}

static size_t count_mothers(const struct key_list *k)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++)
        n += mothers(k->list[i].kind);
    return n;
}

static bool mothers_stand(struct op_ctx *ctx, uint64_t patient, const struct key_list *k)
{
    size_t n = 0;
    bool same = true;
    struct query *q = tx_query(ctx->tx, "SELECT kind, key FROM exchange_person_key WHERE patient_id=$1 AND kind IN ('mfamily','mgiven')", "i", (int64_t)patient);
    for (; same && query_next(q); n++)
        same = key_list_has(k, query_text(q, "kind"), query_text(q, "key"));
    return query_end(q) == 0 && same && n == count_mothers(k);
}

static void write_mothers(struct op_ctx *ctx, uint64_t patient, const struct key_list *k, bool fresh)
{
    if (fresh ? !count_mothers(k) : mothers_stand(ctx, patient, k))
        return;
    if (!fresh)
        tx_exec(ctx->tx, "DELETE FROM exchange_person_key WHERE patient_id=$1 AND kind IN ('mfamily','mgiven')", "i", (int64_t)patient);
    for (size_t i = 0; i < k->n; i++)
        if (mothers(k->list[i].kind))
            tx_upsert(ctx->tx, "exchange_person_key", NULL, "kind,key,patient_id", "tti", k->list[i].kind, k->list[i].key, (int64_t)patient);
}

/* ---- his own ---- */

static void remove_key(struct op_ctx *ctx, uint64_t patient, const char *kind, const char *key)
{
    struct late_key late;
    late_text(&late, LATE_PERSON, 0, kind, key, false);
    tx_exec(ctx->tx, "DELETE FROM exchange_person_key WHERE kind=$1 AND key=$2 AND patient_id=$3", "tti", kind, key, (int64_t)patient);
    late_remove(ctx->tx, patient, &late);
}

static void change_keys(struct op_ctx *ctx, uint64_t patient, const struct key_list *now, const struct key_list *old)
{
    for (size_t i = 0; i < old->n; i++)
        if (!mothers(old->list[i].kind) && !key_list_has(now, old->list[i].kind, old->list[i].key))
            remove_key(ctx, patient, old->list[i].kind, old->list[i].key);
    for (size_t i = 0; i < now->n; i++)
        if (!mothers(now->list[i].kind) && !key_list_has(old, now->list[i].kind, now->list[i].key))
            tx_upsert(ctx->tx, "exchange_person_key", NULL, "kind,key,patient_id", "tti", now->list[i].kind, now->list[i].key, (int64_t)patient);
}

static void write_keys(struct op_ctx *ctx, uint64_t patient, const struct key_list *k)
{
    struct late_rows rows;
    rows.n = 0;
    for (size_t i = 0; i < k->n; i++)
        if (!mothers(k->list[i].kind))
            late_text(&rows.keys[rows.n++], LATE_PERSON, 0, k->list[i].kind, k->list[i].key, false);
    late_add(ctx->tx, patient, &rows);
}

int exchange_pid_parse(struct hl7_message *m, const char *pid, char **text)
{
    static const char head[] = "MSH|^~\\&\r";
    struct fault f = {0};
    *text = malloc(sizeof head + strlen(pid));
    if (!*text)
        return ERR_UNAVAILABLE;
    sprintf(*text, "%s%s", head, pid);
    return hl7_parse(m, *text, strlen(*text), HL7_UTF8, &f);
}

/* A mother seldom changes: her index is then left as it is. */
static void write_said(struct op_ctx *ctx, const struct exchange_said *now, const struct exchange_said *before)
{
    if (before && before->mother == now->mother)
        tx_exec(ctx->tx, "UPDATE exchange_person SET source_id=$1, changed_ms=$2, pid=$3 WHERE patient_id=$4", "iisi", (int64_t)now->source, ctx->now_ms,
                SEALED(EXCHANGE_PID, now->patient, 0, now->pid), (int64_t)now->patient);
    else
        tx_upsert(ctx->tx, "exchange_person", "patient_id", "patient_id,source_id,mother_id,changed_ms,pid", "iiiis", (int64_t)now->patient, (int64_t)now->source,
                  (int64_t)now->mother, ctx->now_ms, SEALED(EXCHANGE_PID, now->patient, 0, now->pid));
}

static const char *const own_kinds[2] = {"family", "given"}, *const mothers_kinds[2] = {"mfamily", "mgiven"};

static int keys_of(const char *pid, struct key_list *keys)
{
    struct hl7_message m;
    char *text, birth[16];
    int rc = exchange_pid_parse(&m, pid, &text);
    if (rc == 0) {
        add_names(keys, &m, 5, own_kinds);
        add_names(keys, &m, 6, mothers_kinds);
        hl7_text_at(&m, "PID-7.1", birth, 9);
        add_key(keys, "birth", birth);
    }
    hl7_fini(&m);
    free(text);
    return rc;
}

/* Her name, where the child's record does not say it. */
static int mothers_keys(struct op_ctx *ctx, uint64_t mother, struct key_list *keys)
{
    struct hl7_message m;
    char *text, *pid = mother ? exchange_person_pid(ctx, mother, &(uint64_t){0}) : NULL;
    int rc = pid ? exchange_pid_parse(&m, pid, &text) : 0;
    if (pid && rc == 0) {
        add_names(keys, &m, 5, mothers_kinds);
        hl7_fini(&m);
        free(text);
    }
    free(pid);
    return rc;
}

int exchange_person_write(struct op_ctx *ctx, const struct exchange_said *now, const struct exchange_said *before)
{
    struct key_list keys, old;
    keys.n = old.n = 0;
    write_said(ctx, now, before);
    int rc = keys_of(now->pid, &keys);
    rc = rc ? rc : mothers_keys(ctx, now->mother, &keys);
    rc = rc || !before ? rc : keys_of(before->pid, &old);
    if (rc)
        return rc;
    write_mothers(ctx, now->patient, &keys, !before);
    if (before)
        change_keys(ctx, now->patient, &keys, &old);
    else
        write_keys(ctx, now->patient, &keys);
    return tx_error(ctx->tx);
}

static void put_canonical(struct hl7_writer *w, struct hl7_message *m, struct hl7_span part, int level)
{
    static const char *const marks[] = {"~", "^", "&"};
    const char delimiters[] = {m->repeat, m->component, m->sub};
    char text[2048];
    size_t n = level < 3 ? hl7_count(m, part, delimiters[level]) : 0;
    if (level == 3 || hl7_null(part)) {
        hl7_text(m, part, text, sizeof text);
        hl7_put_text(w, text);
    }
    for (unsigned i = 1; i <= n && !hl7_null(part); i++) {
        if (i > 1)
            hl7_puts(w, marks[level]);
        put_canonical(w, m, hl7_split(m, part, delimiters[level], i), level + 1);
    }
}

char *exchange_canonical(struct hl7_message *m, const struct hl7_segment *s, unsigned last)
{
    struct hl7_writer w = {0};
    hl7_put(&w, s->name.at, 3);
    for (unsigned i = 1; i <= s->n && i <= last; i++) {
        hl7_puts(&w, "|");
        put_canonical(&w, m, hl7_field(m, s, i), 0);
    }
    if (!w.failed)
        return w.bytes;
    hl7_writer_fini(&w);
    return NULL;
}

char *exchange_person_pid(struct op_ctx *ctx, uint64_t patient, uint64_t *mother)
{
    char *out = NULL;
    *mother = 0;
    struct query *q = tx_query(ctx->tx, "SELECT pid, mother_id FROM exchange_person WHERE patient_id=$1", "i", (int64_t)patient);
    if (query_next(q)) {
        const char *text = query_sealed(q, "pid", SEALED_EXCHANGE_PID, patient, 0);
        out = text ? strdup(text) : NULL;
        *mother = (uint64_t)query_int(q, "mother_id");
    }
    if (query_end(q) == 0)
        return out;
    free(out);
    return NULL;
}

static size_t collect(struct query *q, uint64_t *out, size_t cap)
{
    size_t n = 0;
    while (n < cap && query_next(q))
        out[n++] = (uint64_t)query_int(q, "patient_id");
    return query_end(q) ? 0 : n;
}

size_t exchange_person_find(struct op_ctx *ctx, const char *kind, const char *value, bool prefix, uint64_t *out, size_t cap)
{
    char from[256], to[256];
    struct key_find f;
    if (text_fold(value, strlen(value), from, sizeof from - 2) == 0)
        return 0;
    text_prefix_end(from, to, sizeof to);
    key_find_begin(&f, prefix ? KEY_IN_ORDER : KEY_OLDEST, cap);
    key_find_tree(&f, prefix ? tx_query(ctx->tx, "SELECT patient_id, key FROM exchange_person_key WHERE kind=$1 AND key>=$2 AND key<$3 ORDER BY key, patient_id LIMIT $4", "ttti", kind,
                                        from, to, (int64_t)cap)
                             : tx_query(ctx->tx, "SELECT patient_id, key FROM exchange_person_key WHERE kind=$1 AND key=$2 ORDER BY patient_id LIMIT $3", "tti", kind, from,
                                        (int64_t)cap));
    struct late_key waiting;
    late_text(&waiting, LATE_PERSON, 0, kind, from, prefix);
    key_find_waiting(&f, ctx->tx, &waiting);
    return key_find_end(&f, out);
}

size_t exchange_person_children(struct op_ctx *ctx, uint64_t mother, uint64_t *out, size_t cap)
{
    return collect(tx_query(ctx->tx, "SELECT patient_id FROM exchange_person WHERE mother_id=$1 AND mother_id<>0 ORDER BY patient_id LIMIT $2", "ii", (int64_t)mother, (int64_t)cap),
                   out, cap);
}
