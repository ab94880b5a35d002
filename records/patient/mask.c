/* Masking (mask.h). */
#include "records/patient/mask.h"
#include "records/config_table.h"
#include "records/parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct masking {
    json_t *table;
};

static int bad_table(const struct masking *m, struct fault *f)
{
    static const char *const lists[] = {"fields", "form", "sensitive_codes", "clearance"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!json_is_array(json_object_get(m->table, lists[i])))
            return fault_set(f, ERR_INVALID, "config_invalid", "masking.json: \"%s\" must be a list.", lists[i]);
    if (!json_is_integer(json_object_get(json_object_get(m->table, "entry"), "sensitive")))
        return fault_set(f, ERR_INVALID, "config_invalid", "masking.json: \"entry\" needs \"level\" and \"sensitive\".");
    return 0;
}

int masking_open(struct masking **out, const char *config_dir, struct fault *f)
{
    struct masking *m = calloc(1, sizeof *m);
    *out = NULL;
    if (!m)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    int rc = config_table(&m->table, config_dir, "masking.json", f);
    rc = rc ? rc : bad_table(m, f);
    if (rc)
        masking_close(m);
    else
        *out = m;
    return rc;
}

void masking_close(struct masking *m)
{
    if (m)
        json_decref(m->table);
    free(m);
}

static const json_t *table(struct op_ctx *ctx, const char *part)
{
    return json_object_get(records_parts(ctx->records)->masking->table, part);
}

static bool has_role(struct op_ctx *ctx, const json_t *roles)
{
    size_t i;
    json_t *role;
    json_array_foreach(roles, i, role)
    {
        const char *word = json_string_value(role);
        int bit = strcmp(word, "*") == 0 ? -1 : access_role(records_parts(ctx->records)->access, word);
        if (strcmp(word, "*") == 0 || (bit >= 0 && ctx->actor->roles >> bit & 1))
            return true;
    }
    return false;
}

int mask_clearance(struct op_ctx *ctx, enum share_basis basis)
{
    int level = 1;
    size_t i;
    json_t *row;
    if (ctx->actor->system)
        return 4;
    json_array_foreach(table(ctx, "clearance"), i, row)
    {
        int of_row = (int)json_integer_value(json_object_get(row, "level"));
        if (strcmp(json_string_value(json_object_get(row, "basis")), share_basis_word(basis)) == 0 && of_row > level &&
            has_role(ctx, json_object_get(row, "roles")))
            level = of_row;
    }
    return level;
}

/* Three characters are the province or city in nearly every address of this country. */
static json_t *region_of(const char *text)
{
    const char *end = text;
    for (int n = 0; *end && n < 3; n++)
        for (end++; (*end & 0xc0) == 0x80; end++)
            ;
    return json_sprintf("%.*s****", (int)(end - text), text);
}

/* Whom a number belongs to can be told apart, nobody can be called. */
static json_t *ends_of(const char *text)
{
    size_t n = strlen(text);
    return n < 8 ? json_string("****") : json_sprintf("%.3s****%s", text, text + n - 4);
}

static json_t *shown(const char *how, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text && strcmp(how, "ends") == 0)
        return ends_of(text);
    if (text && strcmp(how, "hidden") == 0)
        return json_string("****");
    if (text && strcmp(how, "year") == 0)
        return json_sprintf("%.4s", text);
    return text && strcmp(how, "region") == 0 ? region_of(text) : json_null();
}

void mask_patient(struct op_ctx *ctx, json_t *patient, int clearance)
{
    size_t i;
    json_t *field, *masked = json_array();
    json_array_foreach(table(ctx, "fields"), i, field)
    {
        const char *name = json_string_value(json_object_get(field, "name"));
        json_t *value = json_object_get(patient, name);
        if (!value || json_is_null(value) || json_integer_value(json_object_get(field, "level")) <= clearance)
            continue;
        json_object_set_new(patient, name, shown(json_string_value(json_object_get(field, "show")), value));
        json_array_append_new(masked, json_string(name));
    }
    json_object_set_new(patient, "masked", masked);
}

static void mask_place(json_t *form, const json_t *row, json_t *masked)
{
    char part[40];
    const char *path = json_string_value(json_object_get(row, "path")), *dot = strchr(path, '.');
    snprintf(part, sizeof part, "%.*s", dot ? (int)(dot - path) : 0, path);
    json_t *section = json_object_get(form, part), *value = dot ? json_object_get(section, dot + 1) : NULL;
    if (!json_is_string(value) || !*json_string_value(value))
        return;
    json_object_set_new(section, dot + 1, shown(json_string_value(json_object_get(row, "show")), value));
    json_array_append_new(masked, json_string(path));
}

json_t *mask_form(struct op_ctx *ctx, const json_t *form, int clearance, json_t *masked)
{
    size_t i;
    json_t *row, *copy = json_deep_copy(form);
    json_array_foreach(table(ctx, "form"), i, row)
        if (json_integer_value(json_object_get(row, "level")) > clearance)
            mask_place(copy, row, masked);
    return copy;
}

/* "F00-F99": the first three characters of a code lie between the two, however its sender writes them. */
static bool within(const char *range, const char *code)
{
    code += strspn(code, " ");
    return strlen(range) == 7 && strncasecmp(code, range, 3) >= 0 && strncasecmp(code, range + 4, 3) <= 0;
}

int mask_research_level(struct op_ctx *ctx)
{
    const json_t *level = table(ctx, "research");
    return json_is_integer(level) ? (int)json_integer_value(level) : 3;
}

int mask_restricted_level(struct op_ctx *ctx)
{
    return (int)json_integer_value(json_object_get(table(ctx, "entry"), "sensitive"));
}

int mask_client_level(struct op_ctx *ctx)
{
    const json_t *level = table(ctx, "clients");
    return json_is_integer(level) ? (int)json_integer_value(level) : 3;
}

int mask_code_level(struct op_ctx *ctx, const char *code)
{
    const json_t *entry = table(ctx, "entry");
    size_t i;
    json_t *range;
    json_array_foreach(table(ctx, "sensitive_codes"), i, range)
    {
        if (within(json_string_value(range), code))
            return (int)json_integer_value(json_object_get(entry, "sensitive"));
    }
    return (int)json_integer_value(json_object_get(entry, "level"));
}

int mask_entry_level(struct op_ctx *ctx, const json_t *codes)
{
    int level = (int)json_integer_value(json_object_get(table(ctx, "entry"), "level"));
    size_t i;
    json_t *code;
    json_array_foreach(codes, i, code)
    {
        int one = json_is_string(code) ? mask_code_level(ctx, json_string_value(code)) : 0;
        level = one > level ? one : level;
    }
    return level;
}
