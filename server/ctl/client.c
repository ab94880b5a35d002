/* yilianctl client: machine clients of the FHIR service, registered by their public keys. */
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <string.h>

static int list(struct ctl *c)
{
    struct reply reply;
    json_t *one;
    size_t i;
    if (ctl_call(c, "client.list", json_object(), &reply))
        return 1;
    json_array_foreach(json_object_get(reply.result, "items"), i, one)
        printf("%s\t%s\t%s\t%s\n", ctl_text(one, "id"), ctl_text(one, "name"), ctl_text(one, "scopes"), json_is_true(json_object_get(one, "active")) ? "active" : "closed");
    reply_clear(&reply);
    return 0;
}

static int add(struct ctl *c)
{
    const char *name = ctl_value(c, "name"), *scopes = ctl_value(c, "scope"), *file = ctl_value(c, "jwks"), *code = ctl_value(c, "org");
    char org[ID_TEXT_BYTES] = "";
    json_error_t e;
    struct reply reply;
    if (!name || !scopes || !file)
        return fprintf(stderr, "usage: yilianctl --config FILE client add --name N --scope \"system/*.read\" --jwks FILE [--org CODE]\n"), 2;
    json_t *jwks = json_load_file(file, JSON_REJECT_DUPLICATES, &e);
    if (!jwks)
        return fprintf(stderr, "yilianctl: %s:%d: %s\n", file, e.line, e.text), 1;
    if (code && ctl_org_id(c, code, org))
        return json_decref(jwks), 1;
    json_t *args = json_pack("{s:s,s:s,s:o}", "name", name, "scopes", scopes, "jwks", jwks);
    if (*org)
        json_object_set_new(args, "org_id", json_string(org));
    if (ctl_call(c, "client.add", args, &reply))
        return 1;
    printf("%s\n", ctl_text(reply.result, "id"));
    reply_clear(&reply);
    return 0;
}

static int remove_one(struct ctl *c)
{
    struct reply reply;
    if (c->argc < 2)
        return fprintf(stderr, "usage: yilianctl --config FILE client remove ID\n"), 2;
    if (ctl_call(c, "client.remove", json_pack("{s:s}", "client_id", c->argv[1]), &reply))
        return 1;
    reply_clear(&reply);
    return 0;
}

int ctl_client(struct ctl *c)
{
    const char *what = c->argc ? c->argv[0] : "";
    if (strcmp(what, "list") == 0)
        return list(c);
    if (strcmp(what, "add") == 0)
        return add(c);
    if (strcmp(what, "remove") == 0)
        return remove_one(c);
    return fprintf(stderr, "usage: yilianctl --config FILE client list | add .. | remove ID\n"), 2;
}
