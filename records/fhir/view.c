#include "records/fhir/view.h"
#include "records/fhir/client.h"
#include "records/fhir/own.h"
#include <stdio.h>

struct fhir_view {
    struct fhir_work w;
    struct own o;
    char host[256];
    struct tx *tx;
};

struct fhir_view *fhir_view_open(struct records *r, struct tx *tx, const struct fhir_actor *actor)
{
    struct fhir_view *v = calloc(1, sizeof *v);
    struct records_parts *parts = records_parts(r);
    const char *host = strstr(parts->delivery_keys.base_url, "://");
    if (!v)
        return NULL;
    snprintf(v->host, sizeof v->host, "%s", host ? host + 3 : "");
    v->tx = tx;
    v->w = (struct fhir_work){.records = r, .fhir = parts->fhir, .actor = *actor, .now_ms = clock_now_ms(records_clock(r))};
    v->w.q = (struct records_fhir){.method = "GET", .path = "", .query = "", .accept = "", .content_type = "", .prefer = "", .if_match = "", .if_none_match = "",
                                   .if_none_exist = "", .if_modified_since = "", .credential = "", .csrf = "", .client_address = "", .host = v->host, .body = ""};
    if (fhir_plan_new(&v->w) && own_open(&v->o, &v->w, tx))
        return v;
    free(v->w.answer.body);
    fhir_work_fini(&v->w);
    free(v);
    return NULL;
}

/* What a search says of its failure is for nobody here. */
static void forget_answer(struct fhir_view *v)
{
    free(v->w.answer.body);
    memset(&v->w.answer, 0, sizeof v->w.answer);
    fault_clear(&v->w.fault);
}

void fhir_view_close(struct fhir_view *v)
{
    if (!v)
        return;
    own_close(&v->o);
    forget_answer(v);
    fhir_work_fini(&v->w);
    free(v);
}

bool fhir_view_may(const struct fhir_view *v, const char *type)
{
    return fhir_may(&v->w, type, MAY_READ);
}

void fhir_seen_clear(struct fhir_seen *s)
{
    free(s->body);
    memset(s, 0, sizeof *s);
}

void fhir_view_name(const char *type, uint64_t id, char out[VIEW_NAME_BYTES])
{
    const struct own_kind *k = own_kind_of(type);
    out[0] = 0;
    if (k)
        own_id(k, id, out);
}

int fhir_view_read(struct fhir_view *v, const struct fhir_thing *thing, struct fhir_seen *out)
{
    struct fhir_row row = {0};
    memset(out, 0, sizeof *out);
    if (!fhir_may(&v->w, thing->type, MAY_READ))
        return 0;
    r4_doc_reset(v->w.plan->scratch->doc);
    int rc = thing->own ? own_row(&v->o, own_kind_of(thing->type), (uint64_t)thing->rid, &row)
                        : row_load(&v->w, v->tx, thing->pkey, thing->rid, ROW_BODY, &row);
    fault_clear(&v->o.fault);
    if (rc == 0 && row.found && !row.deleted && row.body && (thing->own || !fhir_closed(&v->w, v->tx, row.pkey, row.rid))) {
        out->found = true;
        snprintf(out->name, sizeof out->name, "%s", row.name);
        out->body = row.body;
        out->len = row.body_len;
        out->patient = (uint64_t)row.pkey;
        out->vid = row.vid;
        out->t_ms = row.t_ms;
        row.body = NULL; /* taken */
    }
    fhir_row_clear(&row);
    return rc;
}

int fhir_view_meets(struct fhir_view *v, const struct fhir_thing *thing, const char *name, const char *query, bool *meets)
{
    const struct r4_type *type = r4_resource(fhir_r4(v->w.fhir), thing->type, strlen(thing->type));
    char whole[1400];
    *meets = !query[0];
    if (!query[0] || !type || !fhir_may(&v->w, thing->type, MAY_SEARCH))
        return 0;
    snprintf(whole, sizeof whole, "%s&_id=%s", query, name);
    r4_doc_reset(v->w.plan->scratch->doc);
    int rc = search_meets(&v->w, v->tx, type, (struct r4_str){whole, strlen(whole)}, meets);
    int lost = tx_error(v->tx);
    forget_answer(v); /* a condition that cannot be asked any more meets nothing */
    *meets = *meets && rc == 0;
    return lost;
}

void fhir_view_base(const struct fhir_view *v, char out[300])
{
    fhir_base(&v->w, out);
}

const char *fhir_type_name(struct fhir *x, const char *name, size_t len)
{
    const struct r4_type *type = fhir_r4(x) ? r4_resource(fhir_r4(x), name, len) : NULL;
    return type ? type->name : NULL;
}

bool fhir_type_is_own(const char *type)
{
    return own_kind_of(type) != NULL;
}

void fhir_scopes_both(const char *held, const char *asked, char *out, size_t cap)
{
    scopes_granted(held, asked, out, cap);
}

void fhir_entry_write(struct r4_buf *b, const char *base, const struct fhir_thing *thing, const struct fhir_seen *seen, const struct fhir_entry_place *at)
{
    char name[VIEW_NAME_BYTES], t[R4_INSTANT_BYTES];
    if (seen->found)
        snprintf(name, sizeof name, "%s", seen->name);
    else
        fhir_view_name(thing->type, (uint64_t)thing->rid, name);
    r4_instant(at->t_ms, t);
    r4_buf_printf(b, "{\"extension\":[{\"url\":\"urn:yilian:sequence\",\"valueString\":\"%lld\"}],\"fullUrl\":\"%s/%s/%s\",", (long long)at->seq, base, thing->type, name);
    if (seen->found) {
        r4_buf_puts(b, "\"resource\":");
        r4_buf_put(b, seen->body, seen->len);
        r4_buf_puts(b, ",");
    }
    r4_buf_printf(b, "\"request\":{\"method\":\"%s\",\"url\":\"%s/%s\"},\"response\":{\"status\":\"%s\",\"lastModified\":\"%s\"}}", seen->found ? "PUT" : "DELETE",
                  thing->type, name, seen->found ? "200" : "204", t);
}
