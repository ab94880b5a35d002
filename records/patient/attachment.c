/* Opening what hangs on an entry of the timeline: as open, masked and audited as the entry itself, because it is looked for among what the reader sees. */
#include "records/fhir/attachment.h"
#include "records/patient/timeline.h"
#include <stdio.h>
#include <string.h>

/* Borrowed; NULL: he sees no entry with it. */
static json_t *entry_with(const json_t *items, const char *id, json_t **attachment)
{
    json_t *entry;
    size_t i, k;
    json_array_foreach(items, i, entry)
        json_array_foreach(json_object_get(entry, "attachments"), k, *attachment)
            if (strcmp(json_string_value(json_object_get(*attachment, "id")), id) == 0)
                return entry;
    return NULL;
}

int patient_attachment(struct op_ctx *ctx, json_t *args, json_t **result)
{
    const char *id = arg_text(args, "attachment_id");
    json_t *items, *sources, *attachment = NULL;
    uint64_t resource = 0, patient;
    int rc = timeline_load(ctx, arg_id(args, "patient_id"), &items, &sources);
    if (rc)
        return rc;
    ctx->audit.n_also = 0; /* of all that was looked through one thing is shown */
    json_t *entry = entry_with(items, id, &attachment);
    const char *of = json_string_value(json_object_get(entry, "patient_id"));
    if (!entry)
        rc = fault_set(ctx->fault, ERR_NOT_FOUND, "no_attachment", "There is no such attachment.");
    if (entry && of && id_parse(of, &patient) == 0)
        ctx->audit.patient = patient; /* whose record it is in: there it is read back to him */
    rc = rc ? rc : fhir_attachment(ctx, id, (int)json_integer_value(json_object_get(entry, "clearance")), &resource, result);
    ctx->audit.object = resource;
    if (rc == 0) {
        static const char *const said[] = {"t_ms", "org", "source"};
        json_t *own = json_object_get(attachment, "title"), *title = own ? own : json_object_get(entry, "title");
        json_object_set(*result, "title", title ? title : json_null());
        for (size_t i = 0; i < sizeof said / sizeof *said; i++)
            json_object_set(*result, said[i], json_object_get(entry, said[i]));
    }
    json_decref(items);
    json_decref(sources);
    return rc;
}
