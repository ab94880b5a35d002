/* yilianctl exchange: systems that send messages, registered from the machine itself. Every line is an operation of the table. */
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)1 << 30)

/* NAMESPACE[=OID] */
static json_t *domain_of(const char *said)
{
    size_t n = strcspn(said, "=");
    return json_pack("{s:s%,s:s}", "namespace_id", said, n, "oid", said[n] ? said + n + 1 : "");
}

static json_t *new_id(void)
{
    char id[ID_TEXT_BYTES];
    id_format(id_new(), id);
    return json_string(id);
}

static int add(struct ctl *c)
{
    static const char *const texts[] = {"facility", "address", "certificate", "map", "assume", "folder", "dsn", "view", "mark_column", "notify"};
    const char *org = ctl_value(c, "org"), *application = ctl_value(c, "application"), *name = ctl_value(c, "name");
    char org_id[ID_TEXT_BYTES];
    struct reply reply;
    json_t *domains = json_array();
    bool ask = false;
    for (int i = 1; i < c->argc; i++) {
        if (strcmp(c->argv[i], "--domain") == 0 && i + 1 < c->argc)
            json_array_append_new(domains, domain_of(c->argv[i + 1]));
        ask = ask || strcmp(c->argv[i], "--ask") == 0;
    }
    if (!org || !application || ctl_org_id(c, org, org_id)) {
        json_decref(domains);
        return 1;
    }
    json_t *args = json_pack("{s:o,s:s,s:s,s:s,s:o,s:b,s:b}", "source_id", new_id(), "org_id", org_id, "name", name ? name : application, "application", application,
                             "domains", domains, "may_ask", ask, "enabled", true);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (ctl_value(c, texts[i]))
            json_object_set_new(args, texts[i], json_string(ctl_value(c, texts[i])));
    if (ctl_value(c, "folder") || ctl_value(c, "dsn"))
        json_object_set_new(args, "kind", json_string(ctl_value(c, "folder") ? "folder" : "database"));
    if (ctl_value(c, "every"))
        json_object_set_new(args, "every_s", json_integer(atoll(ctl_value(c, "every"))));
    if (ctl_call(c, "exchange.source_set", args, &reply))
        return 1;
    printf("%s\n", ctl_text(reply.result, "id"));
    reply_clear(&reply);
    return 0;
}

static int domain(struct ctl *c)
{
    struct reply reply;
    json_t *args = domain_of(c->argv[1]);
    json_object_set_new(args, "domain_id", new_id());
    if (ctl_call(c, "exchange.domain_set", args, &reply))
        return 1;
    printf("%s\n", ctl_text(reply.result, "id"));
    reply_clear(&reply);
    return 0;
}

static int list(struct ctl *c)
{
    struct reply reply;
    json_t *one;
    size_t i;
    if (ctl_call(c, "exchange.sources", json_object(), &reply))
        return 1;
    json_array_foreach(json_object_get(reply.result, "items"), i, one)
        printf("%s\t%s\t%s|%s%s%s\t%s\ttoday %lld, open dead letters %lld\n", ctl_text(one, "id"), ctl_text(one, "name"), ctl_text(one, "application"), ctl_text(one, "facility"),
               ctl_text(one, "folder")[0] ? "\tfolder " : "", ctl_text(one, "folder"),
               json_is_true(json_object_get(one, "enabled")) ? "on" : "off", (long long)json_integer_value(json_object_get(one, "received")),
               (long long)json_integer_value(json_object_get(one, "open")));
    reply_clear(&reply);
    return 0;
}

/* The daemon looks at what is due every second. */
static int pull(struct ctl *c)
{
    struct reply reply;
    json_t *args = json_pack("{s:s}", "source_id", c->argv[1]);
    if (ctl_value(c, "from"))
        json_object_set_new(args, "from", json_string(ctl_value(c, "from")));
    if (ctl_call(c, "exchange.pull", args, &reply))
        return 1;
    printf("due; mark %s\n", ctl_text(reply.result, "mark")[0] ? ctl_text(reply.result, "mark") : "(the beginning)");
    reply_clear(&reply);
    return 0;
}

static int files(struct ctl *c)
{
    static const char *const counts[] = {"rows", "stored", "dead", "repeated"};
    struct reply reply;
    json_t *one;
    size_t i;
    if (ctl_call(c, "exchange.files", json_pack("{s:i}", "limit", 100), &reply))
        return 1;
    json_array_foreach(json_object_get(reply.result, "items"), i, one)
    {
        printf("%s\t%s\t%s%s%s%s%s", ctl_text(json_object_get(one, "source"), "name"), ctl_text(one, "name"), ctl_text(one, "state"), ctl_text(one, "reason")[0] ? " " : "",
               ctl_text(one, "reason"), ctl_text(one, "column")[0] ? " " : "", ctl_text(one, "column"));
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            printf("\t%s %lld", counts[k], (long long)json_integer_value(json_object_get(one, counts[k])));
        printf("\n");
    }
    reply_clear(&reply);
    return 0;
}

/* ---- a file of messages ---- */

struct filed {
    size_t n, taken;
};

static void say_filed(void *ctx, const struct records_filed *f)
{
    struct filed *all = ctx;
    bool taken = !f->code[0] || f->code[1] == 'A';
    all->n++;
    all->taken += taken;
    if (!taken)
        printf("%zu\t%s\t%s\t%s\t%s\n", f->number, f->control_id, f->code, f->place, f->reason);
}

static char *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;
    if (f && fseek(f, 0, SEEK_END) == 0 && (*len = (size_t)ftell(f)) <= FILE_MAX && (bytes = malloc(*len + 1))) {
        rewind(f);
        if (fread(bytes, 1, *len, f) != *len) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (f)
        fclose(f);
    return bytes;
}

/* What a system wrote into a file instead of sending it, or its history. */
static int take(struct ctl *c)
{
    struct filed all = {0};
    size_t len = 0;
    const char *path = c->argv[1], *address = ctl_value(c, "address");
    char *bytes = read_file(path, &len);
    if (!bytes)
        return fprintf(stderr, "%s cannot be read, or is larger than 1 GiB\n", path), 1;
    int rc = records_messages_file(c->records, bytes, len, address ? address : "", say_filed, &all);
    explicit_bzero(bytes, len);
    free(bytes);
    if (rc)
        fprintf(stderr, "the database cannot be written: message %zu and those behind it are not taken; hand the file in again\n", all.n + 1);
    else if (!all.n)
        fprintf(stderr, "%s holds no HL7 v2 message (none begins with MSH)\n", path);
    printf("%zu messages, %zu taken, %zu not\n", all.n, all.taken, all.n - all.taken);
    return rc || !all.n || all.taken < all.n;
}

int ctl_exchange(struct ctl *c)
{
    const char *what = c->argc > 0 ? c->argv[0] : "";
    if (strcmp(what, "list") == 0)
        return list(c);
    if (strcmp(what, "files") == 0)
        return files(c);
    if (strcmp(what, "pull") == 0 && c->argc > 1)
        return pull(c);
    if (strcmp(what, "take") == 0 && c->argc > 1)
        return take(c);
    if (strcmp(what, "add") == 0 && ctl_value(c, "org") && ctl_value(c, "application"))
        return add(c);
    if (strcmp(what, "domain") == 0 && c->argc > 1)
        return domain(c);
    return fprintf(stderr, "usage: yilianctl --config FILE exchange list\n"
                           "       ... exchange files\n"
                           "       ... exchange add --org CODE --application MSH-3 [--facility MSH-4] [--name NAME] [--domain NAMESPACE[=OID]]... [--address ADDRESS] [--notify mllp[s]://HOST:PORT]\n"
                           "           [--certificate SHA256] [--map TABLE] [--assume none|missing|any] [--ask]\n"
                           "           [--folder NAME | --dsn NAME --view VIEW --mark_column COLUMN [--every SECONDS]]\n"
                           "       ... exchange pull SOURCE [--from MARK]   (--from \"\": the whole history)\n"
                           "       ... exchange take FILE.hl7 [--address ADDRESS]   (HL7 v2 messages or a batch; what is refused is listed: number, MSH-10, code, place, reason)\n"
                           "       ... exchange domain NAMESPACE[=OID]\n"),
           2;
}
