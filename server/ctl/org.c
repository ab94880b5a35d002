/* yilianctl org: institutions and departments from the machine itself, each change an operation of the table. */
#include "server/ctl/ctl.h"
#include <stdio.h>
#include <string.h>

static int usage(void)
{
    fprintf(stderr, "usage: yilianctl --config FILE org list | add CODE NAME --parent CODE [--level city|county|township|village] [--phone P]\n"
                    "       | close CODE | open CODE      (without --level it is a department)\n");
    return 2;
}

static void print_org(const json_t *o)
{
    printf("%s\t%s\t%s\t%s\n", ctl_text(o, "code"), ctl_text(o, "name"), *ctl_text(o, "level") ? ctl_text(o, "level") : ctl_text(o, "kind"),
           json_is_true(json_object_get(o, "active")) ? "active" : "closed");
}

static int list(struct ctl *c)
{
    struct reply reply;
    json_t *o;
    size_t i;
    if (ctl_call(c, "org.list", json_object(), &reply))
        return 1;
    json_array_foreach(json_object_get(reply.result, "items"), i, o)
        print_org(o);
    reply_clear(&reply);
    return 0;
}

int ctl_org_id(struct ctl *c, const char *code, char id[ID_TEXT_BYTES])
{
    struct reply reply;
    json_t *o;
    size_t i;
    id[0] = 0;
    if (ctl_call(c, "org.list", json_object(), &reply))
        return 1;
    json_array_foreach(json_object_get(reply.result, "items"), i, o)
        if (strcmp(ctl_text(o, "code"), code) == 0)
            snprintf(id, ID_TEXT_BYTES, "%s", ctl_text(o, "id"));
    reply_clear(&reply);
    return id[0] ? 0 : (fprintf(stderr, "yilianctl: no institution or department has the code %s\n", code), 1);
}

static int change(struct ctl *c, const char *op, json_t *args)
{
    struct reply reply;
    if (ctl_call(c, op, args, &reply))
        return 1;
    print_org(reply.result);
    reply_clear(&reply);
    return 0;
}

static int add(struct ctl *c, const char *code, const char *name)
{
    const char *parent = ctl_value(c, "parent"), *level = ctl_value(c, "level"), *phone = ctl_value(c, "phone");
    char id[ID_TEXT_BYTES];
    if (!parent)
        return usage();
    if (ctl_org_id(c, parent, id))
        return 1;
    return change(c, "org.create", json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*}", "code", code, "name", name, "kind", level ? "institution" : "department",
                                             "parent_id", id, "level", level, "phone", phone));
}

int ctl_org(struct ctl *c)
{
    const char *what = c->argc ? c->argv[0] : "", *code = c->argc > 1 ? c->argv[1] : NULL;
    char id[ID_TEXT_BYTES];
    if (strcmp(what, "list") == 0)
        return list(c);
    if (strcmp(what, "add") == 0 && c->argc > 2 && c->argv[2][0] != '-')
        return add(c, code, c->argv[2]);
    if (code && (strcmp(what, "close") == 0 || strcmp(what, "open") == 0))
        return ctl_org_id(c, code, id) ? 1 : change(c, "org.update", json_pack("{s:s,s:b}", "org_id", id, "active", *what == 'o'));
    return usage();
}
