/* Mobile Patient Identity Feed (IHE PMIR, ITI-93): a message about patients is a transaction under another name. The entries of its history keep
 * the names their source gave them, whatever the resource itself says. */
#include "records/fhir/fhir_private.h"
#include <stdio.h>

#define FEED "urn:ihe:iti:pmir:2019:patient-feed"

static const struct r4_node *resource_at(const struct r4_node *root, const char *type)
{
    const struct r4_node *list = r4_get(root, "entry");
    for (const struct r4_node *e = list && list->kind == R4_ARRAY ? list->child : NULL; e; e = e->next)
        if (r4_is(r4_get(r4_get(e, "resource"), "resourceType"), type))
            return r4_get(e, "resource");
    return NULL;
}

/* A number without its system is nobody's (the assigning authority). */
static void check_numbers(struct fhir_work *w, const struct r4_node *patient, size_t entry, struct r4_issues *out)
{
    const struct r4_node *list = r4_get(patient, "identifier");
    size_t i = 0;
    for (const struct r4_node *one = list && list->kind == R4_ARRAY ? list->child : NULL; one; one = one->next, i++)
        if (r4_get(one, "value") && !r4_text(r4_get(one, "system")).n) {
            char place[100];
            snprintf(place, sizeof place, "Bundle.entry[%zu].resource.identifier[%zu].system", entry, i);
            char *kept = r4_doc_copy(w->plan->scratch->doc, place, strlen(place));
            r4_issue_add(w->plan->scratch->doc, out, &(struct r4_issue){R4_ERROR, "required", kept ? kept : "", "a number needs the system that assigns it"});
        }
}

/* One entry becomes PUT Type/ID, or DELETE. */
static int turn(struct fhir_work *w, struct r4_node *entry, size_t i)
{
    struct r4_doc *d = w->plan->scratch->doc;
    struct r4_node *request = r4_get(entry, "request"), *resource = r4_get(entry, "resource");
    struct r4_str url = r4_text(r4_get(request, "url")), method = r4_text(r4_get(request, "method"));
    const char *slash = url.n ? memrchr(url.p, '/', url.n) : NULL;
    struct r4_str id = slash ? (struct r4_str){slash + 1, url.n - (size_t)(slash + 1 - url.p)} : r4_text(r4_get(resource, "id"));
    struct r4_str type = r4_text(r4_get(resource, "resourceType"));
    bool deletes = r4_str_is(method, "DELETE");
    if (!request || !method.n || (!deletes && !type.n) || !r4_id_ok(id.p ? id.p : "", id.n))
        return fhir_fail_status(w, 400, "required", "Bundle.entry[%zu] needs request.method, request.url as Type/id, and a resource.", i);
    r4_unset(entry, "fullUrl");
    if (deletes)
        return 0;
    char place[200], name[70];
    snprintf(name, sizeof name, "%.*s", (int)id.n, id.p);
    snprintf(place, sizeof place, "%.*s/%s", (int)(type.n < 100 ? type.n : 100), type.p, name);
    bool done = r4_set_string(d, request, "method", "PUT") && r4_set_string(d, request, "url", place) && r4_set_string(d, resource, "id", name);
    return done ? 0 : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
}

int message_entries(struct fhir_work *w, const struct r4_node *root, const struct r4_node **header, struct r4_node **entries)
{
    const struct r4_node *history = resource_at(root, "Bundle");
    *header = resource_at(root, "MessageHeader");
    *entries = r4_get(history, "entry");
    if (!*header || !r4_is(r4_get(*header, "eventUri"), FEED))
        return fhir_fail_status(w, 400, "not-supported", "Of messages only " FEED " is taken (MessageHeader.eventUri).");
    if (!r4_is(r4_get(history, "type"), "history") || !*entries || (*entries)->kind != R4_ARRAY)
        return fhir_fail_status(w, 400, "required", "The message has no Bundle of type history with entries.");
    struct r4_issues *issues = calloc(1, sizeof *issues);
    size_t i = 0;
    int rc = issues ? 0 : fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    for (struct r4_node *e = (*entries)->child; rc == 0 && e; e = e->next, i++) {
        if (r4_is(r4_get(r4_get(e, "resource"), "resourceType"), "Patient"))
            check_numbers(w, r4_get(e, "resource"), i, issues);
        rc = turn(w, e, i);
    }
    if (rc == 0 && issues->n)
        rc = fhir_fail_issues(w, 422, issues);
    free(issues);
    return rc;
}

void message_answer(struct fhir_work *w, const struct r4_node *header)
{
    struct r4_buf b = {0};
    struct r4_str id = r4_text(r4_get(header, "id"));
    char base[300], at[R4_INSTANT_BYTES];
    fhir_base(w, base);
    r4_instant(w->now_ms, at);
    r4_buf_printf(&b, "{\"resourceType\":\"Bundle\",\"type\":\"message\",\"timestamp\":\"%s\",\"entry\":[{\"fullUrl\":\"%s/MessageHeader/answer\",\"resource\":{\"resourceType\":\"MessageHeader\","
                      "\"id\":\"answer\",\"eventUri\":\"" FEED "\",\"source\":{\"endpoint\":\"%s/$process-message\"},\"response\":{\"identifier\":", at, base, base);
    r4_buf_quote(&b, id.n ? id.p : "unnamed", id.n ? id.n : 7);
    r4_buf_puts(&b, ",\"code\":\"ok\"}}}]}");
    fhir_answer_buf(w, 200, &b);
}
