/* The role table (access.h): roles in the order of config/roles.json are the bits of actor.roles. */
#include "records/access/access.h"
#include "records/config_table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLES_MAX 64

struct access {
    json_t *table; /* {"roles":[{id,label,rights}]} */
    size_t n;
    const char *words[ROLES_MAX];
    json_t *rights[ROLES_MAX];
};

static int read_roles(struct access *a, struct fault *f)
{
    json_t *role, *roles = json_object_get(a->table, "roles");
    size_t i;
    if (!json_is_array(roles) || json_array_size(roles) > ROLES_MAX)
        return fault_set(f, ERR_INVALID, "config_invalid", "roles.json: \"roles\" must be a list of at most 64.");
    json_array_foreach(roles, i, role)
    {
        a->words[i] = json_string_value(json_object_get(role, "id"));
        a->rights[i] = json_object_get(role, "rights");
        if (!a->words[i] || !json_is_array(a->rights[i]))
            return fault_set(f, ERR_INVALID, "config_invalid", "roles.json: role %zu needs \"id\" and \"rights\".", i + 1);
        a->n = i + 1;
    }
    return 0;
}

int access_open(struct access **out, const char *config_dir, struct fault *f)
{
    struct access *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    int rc = config_table(&a->table, config_dir, "roles.json", f);
    rc = rc ? rc : read_roles(a, f);
    if (rc)
        access_close(a);
    else
        *out = a;
    return rc;
}

void access_close(struct access *a)
{
    if (a)
        json_decref(a->table);
    free(a);
}

const json_t *access_table(const struct access *a)
{
    return a->table;
}

int access_role(const struct access *a, const char *word)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->words[i], word) == 0)
            return (int)i;
    return -1;
}

static bool has(json_t *rights, const char *right)
{
    size_t i;
    json_t *one;
    json_array_foreach(rights, i, one) if (json_is_string(one) && strcmp(json_string_value(one), right) == 0) return true;
    return false;
}

bool access_roles_may(const struct access *a, uint64_t roles, const char *right)
{
    if (strcmp(right, "self") == 0)
        return true;
    for (size_t i = 0; i < a->n; i++)
        if (roles >> i & 1 && has(a->rights[i], right))
            return true;
    return false;
}
