/* A FHIR Subscription's own resource says how it stands: requested, active, error, off. It is written through the same door as any client's
 * write, by the system; only when it changes, so that a dead endpoint does not make a version a minute. */
#include "records/outgoing/outgoing_private.h"
#include "server/base/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *patch_of(const struct subscriber *s, const char *status, const char *error)
{
    json_t *list = json_pack("[{s:s,s:s,s:s}]", "op", "replace", "path", "/status", "value", status);
    if (error && error[0])
        json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "op", "add", "path", "/error", "value", error));
    else if (strcmp(s->status, "error") == 0)
        json_array_append_new(list, json_pack("{s:s,s:s}", "op", "remove", "path", "/error"));
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static bool patch(struct records *r, const struct subscriber *s, const char *text)
{
    char path[VIEW_NAME_BYTES + 20];
    struct records_fhir_answer answer = {0};
    snprintf(path, sizeof path, "/Subscription/%s", s->subscription);
    struct records_fhir q = {.method = "PATCH", .path = path, .query = "", .accept = "", .content_type = "application/json-patch+json", .prefer = "return=minimal",
                             .if_match = "", .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .credential = records_system_credential(r), .csrf = "",
                             .client_address = "", .host = "", .body = text, .len = strlen(text)};
    records_fhir_call(r, &q, &answer);
    free(answer.body);
    return answer.status < 300;
}

bool outgoing_hook_tell(struct records *r, const struct subscriber *s, const char *status, const char *error)
{
    struct tx *tx;
    if (!s->hook || strcmp(s->status, status) == 0)
        return true;
    char *text = patch_of(s, status, error);
    bool told = text && patch(r, s, text);
    free(text);
    if (!told) {
        log_warn("outgoing", "a Subscription's status could not be written");
        return false;
    }
    if (tx_begin(records_store(r), TX_WRITE, &tx))
        return false;
    tx_exec(tx, "UPDATE out_subscriber SET status=$1 WHERE id=$2", "ti", status, (int64_t)s->id);
    int rc = tx_error(tx);
    if (rc)
        tx_rollback(tx);
    else
        rc = tx_commit(tx);
    return rc == 0;
}
