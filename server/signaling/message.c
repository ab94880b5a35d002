/* A message from its text to a verb with checked arguments. */
#include "server/signaling/signaling.h"
#include <string.h>

const struct verb *const verb_tables[] = {push_verbs, live_verbs, media_verbs, NULL};

static const struct verb *find_verb(const char *name)
{
    for (const struct verb *const *t = verb_tables; *t; t++)
        for (const struct verb *v = *t; v->name; v++)
            if (strcmp(v->name, name) == 0) return v;
    return NULL;
}

int message_read(struct message *out, const char *text, size_t len, struct fault *f)
{
    memset(out, 0, sizeof *out);
    out->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *verb = json_string_value(json_object_get(out->root, "verb"));
    json_t *args = json_object_get(out->root, "args");
    out->id = json_integer_value(json_object_get(out->root, "id"));
    if (out->id <= 0 || !verb) return fault_set(f, ERR_MALFORMED, "not_a_message", "A message is an object with id and verb.");
    out->args = args && !json_is_null(args) ? json_incref(args) : json_object();
    out->verb = find_verb(verb);
    if (!out->verb) return fault_set(f, ERR_NOT_FOUND, "no_verb", "There is no such verb.");
    return fields_check(out->verb->args, out->args, f);
}

void message_clear(struct message *m)
{
    json_decref(m->args);
    json_decref(m->root);
}
