/* Sources and identifier domains: the table in memory, the administrator's operations. */
#include "records/config_table.h"
#include "records/exchange/exchange.h"
#include "records/exchange/exchange_private.h"
#include "records/parts.h"
#include "server/base/crypto.h"
#include "server/base/text.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REREAD_MS 5000

/* ---- opening ---- */

/* One with columns is about rows, one without about messages. */
static int read_map(struct exchange *x, const char *dir, const char *file, struct fault *f)
{
    json_t *from;
    int rc = config_table(&from, dir, file, f);
    if (rc)
        return rc;
    bool columns = json_object_get(from, "columns") != NULL;
    rc = columns ? exchange_rows_open(&x->rows[x->n_rows], from, f) : exchange_map_open(&x->maps[x->n_maps], dir, file, f);
    if (columns && rc)
        rc = fault_set(f, rc, "map", "The table %.120s is wrong: %.60s %.40s", file, f->n_fields ? f->fields[0].path : "", f->n_fields ? f->fields[0].reason : "");
    x->n_rows += columns && rc == 0;
    x->n_maps += !columns && rc == 0;
    json_decref(from);
    return rc;
}

static int read_maps(struct exchange *x, const char *dir, struct fault *f)
{
    DIR *d = opendir(dir);
    int rc = d ? 0 : fault_set(f, ERR_INVALID, "exchange", "The folder %.200s of the exchange's tables cannot be read.", dir);
    for (struct dirent *e; rc == 0 && (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n < 6 || strcmp(e->d_name + n - 5, ".json") != 0 || x->n_maps == MAPS_MAX || x->n_rows == MAPS_MAX)
            continue;
        rc = read_map(x, dir, e->d_name, f);
    }
    if (d)
        closedir(d);
    if (rc == 0 && !exchange_map_find(x, "hl7v2"))
        rc = fault_set(f, ERR_INVALID, "exchange", "%.200s holds no table called hl7v2.", dir);
    for (size_t i = 0; i < x->n_rows && rc == 0; i++)
        if (!exchange_map_find(x, exchange_rows_like(x->rows[i])))
            rc = fault_set(f, ERR_INVALID, "exchange", "The table %.60s is like %.60s, which is not there.", exchange_rows_name(x->rows[i]), exchange_rows_like(x->rows[i]));
    return rc;
}

int exchange_open(struct exchange **out, const char *config_dir, const uint8_t key[32], struct fault *f)
{
    char dir[600];
    struct exchange *x = calloc(1, sizeof *x);
    *out = NULL;
    if (!x)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    pthread_mutex_init(&x->lock, NULL);
    memcpy(x->key, key, 32);
    x->stale = true;
    snprintf(dir, sizeof dir, "%s/exchange", config_dir);
    int rc = read_maps(x, dir, f);
    if (rc)
        exchange_close(x);
    else
        *out = x;
    return rc;
}

void exchange_close(struct exchange *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->n_maps; i++)
        exchange_map_close(x->maps[i]);
    for (size_t i = 0; i < x->n_rows; i++)
        exchange_rows_close(x->rows[i]);
    free(x->sources);
    free(x->domains);
    pthread_mutex_destroy(&x->lock);
    explicit_bzero(x->key, sizeof x->key);
    free(x);
}

const struct exchange_map *exchange_map_find(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->n_maps; i++)
        if (strcmp(exchange_map_name(x->maps[i]), name) == 0)
            return x->maps[i];
    return NULL;
}

const struct exchange_rows *exchange_rows_find(const struct exchange *x, const char *name)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (strcmp(exchange_rows_name(x->rows[i]), name) == 0)
            return x->rows[i];
    return NULL;
}

/* ---- the table in memory ---- */

static void source_from(const struct exchange *x, struct query *q, struct exchange_source *s)
{
    static const char *const words[] = {"none", "missing", "any"};
    const char *assume = query_text(q, "assume");
    memset(s, 0, sizeof *s);
    s->id = (uint64_t)query_int(q, "id");
    s->org_id = (uint64_t)query_int(q, "org_id");
    s->domain = (uint64_t)query_int(q, "domain_id");
    s->may_ask = query_int(q, "may_ask") != 0;
    s->accept_dead = query_int(q, "accept_dead") != 0;
    TEXT_COPY(s->name, query_text(q, "name"));
    TEXT_COPY(s->application, query_text(q, "application"));
    TEXT_COPY(s->facility, query_text(q, "facility"));
    TEXT_COPY(s->address, query_text(q, "address"));
    TEXT_COPY(s->certificate, query_text(q, "certificate"));
    TEXT_COPY(s->map_name, query_text(q, "map"));
    for (int i = 0; i < 3; i++)
        if (assume && strcmp(assume, words[i]) == 0)
            s->assume = (enum exchange_assume)i;
    TEXT_COPY(s->folder, query_text(q, "folder"));
    s->kind = strcmp(query_text(q, "kind"), "folder") == 0 ? KIND_FOLDER : strcmp(query_text(q, "kind"), "database") == 0 ? KIND_DATABASE : KIND_HL7;
    if (s->kind != KIND_HL7 && s->assume == ASSUME_NONE)
        s->assume = ASSUME_MISSING; /* a column of numbers seldom names their authority: they are the source's own */
    s->rows = s->kind == KIND_HL7 ? NULL : exchange_rows_find(x, s->map_name);
    s->map = exchange_map_find(x, s->rows ? exchange_rows_like(s->rows) : s->map_name);
    if (!s->map)
        s->map = exchange_map_find(x, "hl7v2");
}

static int read_sources(struct exchange *x, struct tx *tx)
{
    size_t cap = (size_t)tx_int(tx, 0, "SELECT COUNT(*) AS n FROM exchange_source WHERE enabled=1", "");
    free(x->sources);
    x->n_sources = 0;
    x->sources = calloc(cap + 1, sizeof *x->sources);
    struct query *q = tx_query(tx,
                               "SELECT s.*, (SELECT MIN(d.id) FROM exchange_domain d WHERE d.source_id=s.id) AS domain_id FROM exchange_source s "
                               "WHERE s.enabled=1 ORDER BY s.id",
                               "");
    while (x->sources && x->n_sources < cap && query_next(q))
        source_from(x, q, &x->sources[x->n_sources++]);
    return query_end(q);
}

static int read_domains(struct exchange *x, struct tx *tx)
{
    size_t cap = (size_t)tx_int(tx, 0, "SELECT COUNT(*) AS n FROM exchange_domain", "");
    free(x->domains);
    x->n_domains = 0;
    x->domains = calloc(cap + 1, sizeof *x->domains);
    struct query *q = tx_query(tx, "SELECT d.*, s.org_id FROM exchange_domain d LEFT JOIN exchange_source s ON s.id=d.source_id ORDER BY d.id", "");
    while (x->domains && x->n_domains < cap && query_next(q)) {
        struct exchange_domain *d = &x->domains[x->n_domains++];
        d->id = (uint64_t)query_int(q, "id");
        d->source_id = (uint64_t)query_int(q, "source_id");
        d->org_id = (uint64_t)query_int(q, "org_id");
        TEXT_COPY(d->namespace_id, query_text(q, "namespace_id"));
        TEXT_COPY(d->oid, query_text(q, "oid"));
    }
    return query_end(q);
}

static int lock_fresh(struct op_ctx *ctx, struct exchange **out)
{
    struct exchange *x = *out = records_parts(ctx->records)->exchange;
    pthread_mutex_lock(&x->lock);
    x->stale = x->stale || ctx->now_ms - x->read_ms > REREAD_MS || ctx->now_ms < x->read_ms;
    int rc = x->stale ? read_sources(x, ctx->tx) : 0;
    rc = rc || !x->stale ? rc : read_domains(x, ctx->tx);
    if (rc == 0 && x->stale)
        x->read_ms = ctx->now_ms;
    if (rc == 0)
        x->stale = false;
    return rc;
}

void exchange_sources_changed(struct exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->stale = true;
    pthread_mutex_unlock(&x->lock);
}

int exchange_source_find(struct op_ctx *ctx, const char *application, const char *facility, const char *address, const char *certificate,
                         struct exchange_source *out)
{
    struct exchange *x;
    int rc = lock_fresh(ctx, &x), found = ERR_NOT_FOUND;
    for (size_t i = 0; rc == 0 && found && i < x->n_sources; i++) {
        const struct exchange_source *s = &x->sources[i];
        if (s->kind != KIND_HL7 || strcmp(s->application, application) != 0 || (s->facility[0] && strcmp(s->facility, facility) != 0))
            continue;
        bool here = (!s->address[0] || strcmp(s->address, address) == 0) && (!s->certificate[0] || strcasecmp(s->certificate, certificate) == 0);
        found = here ? 0 : ERR_DENIED;
        if (here)
            *out = *s;
    }
    pthread_mutex_unlock(&x->lock);
    return rc ? rc : found;
}

int exchange_source_load(struct op_ctx *ctx, uint64_t id, struct exchange_source *out)
{
    struct exchange *x;
    int rc = lock_fresh(ctx, &x), found = ERR_NOT_FOUND;
    for (size_t i = 0; rc == 0 && found && i < x->n_sources; i++)
        if (x->sources[i].id == id) {
            *out = x->sources[i];
            found = 0;
        }
    pthread_mutex_unlock(&x->lock);
    return rc ? rc : found;
}

int exchange_domain_find(struct op_ctx *ctx, const char *namespace_id, const char *oid, struct exchange_domain *out)
{
    struct exchange *x;
    int rc = lock_fresh(ctx, &x), found = ERR_NOT_FOUND;
    for (size_t i = 0; rc == 0 && found && i < x->n_domains; i++) {
        const struct exchange_domain *d = &x->domains[i];
        bool by_name = namespace_id[0] && strcmp(d->namespace_id, namespace_id) == 0, by_oid = oid[0] && strcmp(d->oid, oid) == 0;
        if (!(by_name || by_oid) || (namespace_id[0] && oid[0] && d->oid[0] && !(by_name && by_oid)))
            continue;
        *out = *d;
        found = 0;
    }
    pthread_mutex_unlock(&x->lock);
    return rc ? rc : found;
}

int exchange_domain_load(struct op_ctx *ctx, uint64_t id, struct exchange_domain *out)
{
    struct exchange *x;
    int rc = lock_fresh(ctx, &x), found = ERR_NOT_FOUND;
    for (size_t i = 0; rc == 0 && found && i < x->n_domains; i++)
        if (x->domains[i].id == id) {
            *out = x->domains[i];
            found = 0;
        }
    pthread_mutex_unlock(&x->lock);
    return rc ? rc : found;
}
