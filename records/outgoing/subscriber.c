/* One subscriber as the rows say: who he is, where he stands, what he may see. */
#include "records/outgoing/outgoing_private.h"
#include "records/store/seal.h"
#include "server/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_part(struct records *r, struct query *q, const char *column, uint64_t row, char *out, size_t cap)
{
    size_t len;
    const void *sealed = query_blob(q, column, &len);
    out[0] = 0;
    return sealed && len ? seal_open_text(records_parts(r)->delivery_keys.seal, row, sealed, len, out, cap) : 0;
}

/* What the kinds of a feed are made of; every HL7 message names its patient (PID), an appointment that was called off its case. */
static void kind_scopes(int64_t kinds, bool er7, char *out, size_t cap)
{
    snprintf(out, cap, "%s%s%s%s%s", er7 || kinds & OUT_PATIENT ? "system/Patient.rs " : "", kinds & OUT_CONSULTATION || (er7 && kinds & OUT_APPOINTMENT) ? "system/ServiceRequest.rs " : "",
             kinds & (OUT_CONSULTATION | OUT_REPORT) ? "system/Task.rs " : "", kinds & OUT_REPORT && !er7 ? "system/DiagnosticReport.rs " : "", kinds & OUT_APPOINTMENT ? "system/Appointment.rs" : "");
}

/* A client's own scopes are the limit, today's as those of the day he subscribed; one that was closed sees nothing. */
static void take_rights(struct query *q, struct subscriber *s)
{
    char asked[600];
    if (s->hook)
        TEXT_COPY(asked, query_text(q, "scopes"));
    else
        kind_scopes(s->kinds, s->er7, asked, sizeof asked);
    if (!s->client) {
        TEXT_COPY(s->scopes, asked);
        return;
    }
    s->scopes[0] = 0;
    s->org = (uint64_t)query_int(q, "client_org");
    if (query_int(q, "client_active"))
        fhir_scopes_both(query_text(q, "client_scopes"), asked, s->scopes, sizeof s->scopes);
}

int subscriber_take(struct records *r, struct query *q, struct subscriber *s)
{
    memset(s, 0, sizeof *s);
    s->id = (uint64_t)query_int(q, "id");
    s->client = (uint64_t)query_int(q, "client_id");
    s->org = (uint64_t)query_int(q, "org_id");
    s->hook = query_int(q, "hook");
    s->payload = query_int(q, "payload");
    s->kinds = query_int(q, "kinds");
    s->batch = query_int(q, "batch");
    s->until_ms = query_int(q, "until_ms");
    s->feed_seq = query_int(q, "feed_seq");
    s->fhir_seq = query_int(q, "fhir_seq");
    s->export_stage = query_int(q, "export_stage");
    s->export_after = query_int(q, "export_after");
    s->last_seq = query_int(q, "last_seq");
    s->tries = query_int(q, "tries");
    s->next_ms = query_int(q, "next_ms");
    s->dead_in_row = query_int(q, "dead_in_row");
    TEXT_COPY(s->name, query_text(q, "name"));
    TEXT_COPY(s->url, query_text(q, "url"));
    TEXT_COPY(s->state, query_text(q, "state"));
    TEXT_COPY(s->status, query_text(q, "status"));
    TEXT_COPY(s->type, query_text(q, "type"));
    TEXT_COPY(s->subscription, query_text(q, "subscription"));
    s->er7 = !s->hook && mllp_address_ok(s->url);
    TEXT_COPY(s->to.application, query_text(q, "application"));
    TEXT_COPY(s->to.facility, query_text(q, "facility"));
    const char *charset = query_text(q, "charset");
    s->to.charset = charset && strcmp(charset, "gb18030") == 0 ? HL7_GB18030 : HL7_UTF8;
    take_rights(q, s);
    int rc = open_part(r, q, "secret_sealed", s->id, s->secret, sizeof s->secret);
    rc = rc ? rc : open_part(r, q, "headers_sealed", s->id ^ 1, s->headers, sizeof s->headers);
    return rc ? rc : open_part(r, q, "criteria_sealed", s->id ^ 2, s->criteria, sizeof s->criteria);
}

int subscribers_active(struct records *r, struct tx *tx, struct subscriber **out, size_t *n)
{
    *n = 0;
    *out = calloc(OUT_SUBSCRIBERS_MAX, sizeof **out);
    if (!*out)
        return ERR_UNAVAILABLE;
    struct query *q = tx_query(tx, "SELECT " SUBSCRIBER_COLUMNS " FROM " SUBSCRIBER_FROM " WHERE s.state='active' ORDER BY s.id LIMIT $1", "i",
                               (int64_t)OUT_SUBSCRIBERS_MAX);
    while (*n < OUT_SUBSCRIBERS_MAX && query_next(q))
        if (subscriber_take(r, q, &(*out)[*n]) == 0)
            ++*n;
    return query_end(q);
}

struct fhir_view *subscriber_view(struct records *r, struct tx *tx, const struct subscriber *s)
{
    struct fhir_actor actor = {.client = s->client ? s->client : s->id, .org = s->org};
    TEXT_COPY(actor.scopes, s->scopes);
    return fhir_view_open(r, tx, &actor);
}

const char *out_type(struct records *r, const char *name)
{
    return fhir_type_name(records_parts(r)->fhir, name, strlen(name));
}
