#include "records/form/form.h"
#include "records/config_table.h"
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 20000
#define LIST_MAX 200

struct forms {
    json_t *by_id;
};

static const char *str(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

static int load_one(struct forms *forms, const char *dir, const char *name, struct fault *f)
{
    json_t *def;
    int rc = config_table(&def, dir, name, f);
    if (rc)
        return rc;
    const char *id = str(def, "id");
    if (!id || !json_is_array(json_object_get(def, "sections"))) {
        json_decref(def);
        return fault_set(f, ERR_MALFORMED, "form", "%.200s: id or sections missing", name);
    }
    return json_object_set_new(forms->by_id, id, def) ? ERR_INTERNAL : 0;
}

static int is_form(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n >= 6 && strcmp(e->d_name + n - 5, ".json") == 0;
}

int forms_load(struct forms **out, const char *dir, struct fault *f)
{
    struct forms *forms = calloc(1, sizeof *forms);
    struct dirent **files = NULL;
    int n = scandir(dir, &files, is_form, alphasort);
    int rc = forms && n >= 0 ? 0 : fault_set(f, ERR_NOT_FOUND, "forms", "cannot read the forms in %.200s", dir);
    if (!rc)
        forms->by_id = json_object();
    for (int i = 0; i < n; i++) {
        rc = rc ? rc : load_one(forms, dir, files[i]->d_name, f);
        free(files[i]);
    }
    free(files);
    if (rc)
        forms_free(forms);
    else
        *out = forms;
    return rc;
}

void forms_free(struct forms *forms)
{
    if (!forms)
        return;
    json_decref(forms->by_id);
    free(forms);
}

const json_t *forms_all(const struct forms *forms)
{
    return forms->by_id;
}

const json_t *forms_find(const struct forms *forms, const char *id)
{
    return json_object_get(forms->by_id, id);
}

static bool one_of(const json_t *list, const char *word)
{
    size_t i;
    json_t *v;
    json_array_foreach (list, i, v)
        if (word && strcmp(json_string_value(v), word) == 0)
            return true;
    return false;
}

static bool applies(const json_t *field, const struct form_context *ctx)
{
    const json_t *when = json_object_get(field, "when");
    const struct {
        const char *name, *value;
    } keys[] = {
        {"scope", ctx->scope}, {"template", ctx->template_}, {"kind", ctx->kind}, {"urgency", ctx->urgency}};
    for (size_t i = 0; when && i < sizeof keys / sizeof *keys; i++) {
        const json_t *list = json_object_get(when, keys[i].name);
        if (list && !one_of(list, keys[i].value))
            return false;
    }
    return true;
}

static bool mandatory(const json_t *field, const struct form_context *ctx)
{
    if (!json_is_true(json_object_get(field, "required")))
        return false;
    return !(json_is_true(json_object_get(field, "relaxed")) && ctx->urgency &&
             strcmp(ctx->urgency, "emergency") == 0);
}

json_t *form_view(const json_t *def, const struct form_context *ctx)
{
    json_t *sections = json_array(), *section, *field;
    size_t i, j;
    json_array_foreach (json_object_get(def, "sections"), i, section) {
        json_t *fields = json_array();
        json_array_foreach (json_object_get(section, "fields"), j, field) {
            if (!applies(field, ctx))
                continue;
            json_t *copy = json_deep_copy(field);
            json_object_set_new(copy, "required", json_boolean(mandatory(field, ctx)));
            if (!json_object_get(copy, "weight"))
                json_object_set_new(copy, "weight", json_integer(0));
            json_object_del(copy, "when");
            json_object_del(copy, "relaxed");
            json_array_append_new(fields, copy);
        }
        if (json_array_size(fields))
            json_array_append_new(sections,
                                  json_pack("{s:O,s:O,s:o}", "id", json_object_get(section, "id"), "title",
                                            json_object_get(section, "title"), "fields", fields));
        else
            json_decref(fields);
    }
    return json_pack("{s:O,s:O,s:o}", "id", json_object_get(def, "id"), "version",
                     json_object_get(def, "version"), "sections", sections);
}

json_t *form_get(const json_t *body, const char *path)
{
    char part[64];
    const json_t *at = body;
    while (at && *path) {
        size_t n = strcspn(path, ".");
        if (n >= sizeof part)
            return NULL;
        memcpy(part, path, n);
        part[n] = 0;
        at = json_object_get(at, part);
        path += n + (path[n] == '.');
    }
    return (json_t *)at;
}

static bool blank(const char *s)
{
    return !s || !s[strspn(s, " \t\r\n")];
}

bool form_filled(const char *type, const json_t *v)
{
    if (!v || json_is_null(v))
        return false;
    if (json_is_string(v))
        return !blank(json_string_value(v));
    if (strcmp(type, "consent") == 0)
        return json_is_true(json_object_get(v, "agreed")) && !blank(str(v, "signer")) &&
               (!blank(str(v, "document_id")) || json_is_true(json_object_get(v, "verbal")));
    if (strcmp(type, "questions") == 0 || strcmp(type, "diagnoses") == 0) {
        size_t i;
        json_t *item;
        json_array_foreach (v, i, item)
            if (!blank(str(item, "text")))
                return true;
        return false;
    }
    if (json_is_array(v))
        return json_array_size(v) > 0;
    return true;
}

/* ---- shape ---- */
static int check_value(const json_t *field, const json_t *v, const char *path, struct fault *f);

/* Members of the compound types, in the form of `of`. */
static json_t *builtin_of(const char *type)
{
    static const struct {
        const char *type, *of;
    } table[] = {
        {"questions",
         "[{\"path\":\"n\",\"type\":\"number\"},{\"path\":\"text\",\"type\":\"textarea\",\"max\":1000}]"},
        {"diagnoses",
         "[{\"path\":\"code\",\"type\":\"text\",\"max\":40},{\"path\":\"text\",\"type\":\"text\",\"max\":200}"
         ","
         "{\"path\":\"main\",\"type\":\"bool\"},{\"path\":\"certainty\",\"type\":\"text\",\"max\":20},"
         "{\"path\":\"versus\",\"type\":\"text\",\"max\":20},"
         "{\"path\":\"normal\",\"type\":\"text\",\"max\":400},{\"path\":\"words\",\"type\":\"text\",\"max\":200}]"},
        {"windows", "[{\"path\":\"start_ms\",\"type\":\"time\"},{\"path\":\"end_ms\",\"type\":\"time\"}]"},
        {"consent",
         "[{\"path\":\"agreed\",\"type\":\"bool\"},{\"path\":\"signer\",\"type\":\"text\",\"max\":80},"
         "{\"path\":\"relation\",\"type\":\"text\",\"max\":40},{\"path\":\"time_ms\",\"type\":\"time\"},"
         "{\"path\":\"document_id\",\"type\":\"text\",\"max\":16},{\"path\":\"verbal\",\"type\":\"bool\"}]"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].type, type) == 0)
            return json_loads(table[i].of, 0, NULL);
    return NULL;
}

static size_t characters(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += (*s & 0xC0) != 0x80;
    return n;
}

static int check_text(const json_t *field, const json_t *v, const char *path, struct fault *f)
{
    if (!json_is_string(v))
        return fault_field(f, path, "not_text");
    const json_t *limit = json_object_get(field, "max");
    size_t max = limit ? (size_t)json_number_value(limit) : TEXT_MAX;
    if (characters(json_string_value(v)) > max)
        return fault_field(f, path, "too_long:%zu", max);
    return 0;
}

static int check_number(const json_t *field, const json_t *v, const char *path, struct fault *f)
{
    const json_t *min = json_object_get(field, "min"), *max = json_object_get(field, "max");
    if (!json_is_number(v))
        return fault_field(f, path, "not_a_number");
    double d = json_number_value(v);
    if (min && d < json_number_value(min))
        return fault_field(f, path, "too_small:%g", json_number_value(min));
    if (max && d > json_number_value(max))
        return fault_field(f, path, "too_large:%g", json_number_value(max));
    return 0;
}

static bool is_choice(const json_t *field, const json_t *v)
{
    size_t i;
    json_t *c;
    json_array_foreach (json_object_get(field, "choices"), i, c)
        if (json_equal(json_object_get(c, "value"), v))
            return true;
    return false;
}

static int check_members(const json_t *of, const json_t *v, const char *path, struct fault *f)
{
    int rc = 0, e;
    const char *name;
    json_t *value, *field;
    char at[96];
    if (!json_is_object(v))
        return fault_field(f, path, "not_an_object");
    json_object_foreach ((json_t *)v, name, value) {
        const json_t *found = NULL;
        size_t i;
        json_array_foreach (of, i, field)
            if (strcmp(str(field, "path"), name) == 0)
                found = field;
        snprintf(at, sizeof at, "%s.%.30s", path, name);
        e = found ? (json_is_null(value) ? 0 : check_value(found, value, at, f))
                  : fault_field(f, at, "unknown");
        rc = rc ? rc : e;
    }
    return rc;
}

static int check_list(const json_t *field, const json_t *of, const json_t *v, const char *path,
                      struct fault *f)
{
    const json_t *limit = json_object_get(field, "max");
    size_t i, max = limit ? (size_t)json_integer_value(limit) : LIST_MAX;
    int rc = 0;
    json_t *item;
    char at[96];
    if (!json_is_array(v))
        return fault_field(f, path, "not_a_list");
    if (json_array_size(v) > max)
        return fault_field(f, path, "too_many:%zu", max);
    json_array_foreach (v, i, item) {
        snprintf(at, sizeof at, "%.70s[%zu]", path, i);
        int e = of ? check_members(of, item, at, f) : check_text(field, item, at, f);
        rc = rc ? rc : e;
    }
    return rc;
}

static int check_compound(const json_t *field, const char *type, const json_t *v, const char *path,
                          struct fault *f)
{
    json_t *own = builtin_of(type);
    const json_t *of = own ? own : json_object_get(field, "of");
    int rc = strcmp(type, "consent") == 0 ? check_members(of, v, path, f) : check_list(field, of, v, path, f);
    json_decref(own);
    return rc;
}

static int check_value(const json_t *field, const json_t *v, const char *path, struct fault *f)
{
    const char *type = str(field, "type");
    if (strcmp(type, "number") == 0)
        return check_number(field, v, path, f);
    if (strcmp(type, "bool") == 0)
        return json_is_boolean(v) ? 0 : fault_field(f, path, "not_true_or_false");
    if (strcmp(type, "time") == 0)
        return json_is_integer(v) && json_integer_value(v) >= 0 ? 0 : fault_field(f, path, "not_a_time");
    if (strcmp(type, "choice") == 0)
        return is_choice(field, v) || (json_is_string(v) && !*json_string_value(v))
                   ? 0
                   : fault_field(f, path, "not_a_choice");
    if (strcmp(type, "multi") == 0) {
        size_t i;
        json_t *item;
        json_array_foreach (v, i, item)
            if (!is_choice(field, item))
                return fault_field(f, path, "not_a_choice");
        return json_is_array(v) ? 0 : fault_field(f, path, "not_a_list");
    }
    if (strcmp(type, "list") == 0 || strcmp(type, "questions") == 0 || strcmp(type, "diagnoses") == 0 ||
        strcmp(type, "windows") == 0 || strcmp(type, "consent") == 0)
        return check_compound(field, type, v, path, f);
    return check_text(field, v, path, f); /* text textarea date org dept expert */
}

/* The field at exactly this path, whatever the context (a draft may change its scope and keep what was
 * typed). */
static const json_t *field_at(const json_t *def, const char *path, bool *is_prefix)
{
    json_t *section, *field;
    size_t i, j, n = strlen(path);
    *is_prefix = false;
    json_array_foreach (json_object_get(def, "sections"), i, section)
        json_array_foreach (json_object_get(section, "fields"), j, field) {
            const char *p = str(field, "path");
            if (strcmp(p, path) == 0)
                return field;
            if (strncmp(p, path, n) == 0 && p[n] == '.')
                *is_prefix = true;
        }
    return NULL;
}

static int check_tree(const json_t *def, const json_t *v, const char *path, const char *prefix, int depth,
                      struct fault *f)
{
    int rc = 0;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)v, name, value) {
        char at[96], full[192];
        bool is_prefix;
        snprintf(at, sizeof at, "%s%s%.40s", path, *path ? "." : "", name);
        snprintf(full, sizeof full, "%s.%s", prefix, at);
        const json_t *field = field_at(def, at, &is_prefix);
        int e = 0;
        if (field && !json_is_null(value))
            e = check_value(field, value, full, f);
        else if (!field && is_prefix && json_is_object(value) && depth < 4)
            e = check_tree(def, value, at, prefix, depth + 1, f);
        else if (!field && !(is_prefix && json_is_null(value)))
            e = fault_field(f, full, is_prefix ? "not_an_object" : "unknown");
        rc = rc ? rc : e;
    }
    return rc;
}

int form_check(const json_t *def, const struct form_context *ctx, const json_t *body, const char *prefix,
               struct fault *f)
{
    (void)ctx;
    if (!json_is_object(body))
        return fault_field(f, prefix, "not_an_object");
    return check_tree(def, body, "", prefix, 0, f);
}

int form_require(const json_t *def, const struct form_context *ctx, const json_t *body, const char *prefix,
                 struct fault *f)
{
    json_t *section, *field;
    size_t i, j;
    int rc = 0;
    json_array_foreach (json_object_get(def, "sections"), i, section)
        json_array_foreach (json_object_get(section, "fields"), j, field) {
            char path[192];
            if (!applies(field, ctx) || !mandatory(field, ctx) ||
                form_filled(str(field, "type"), form_get(body, str(field, "path"))))
                continue;
            snprintf(path, sizeof path, "%s.%s", prefix, str(field, "path"));
            rc = fault_field(f, path, "required");
        }
    return rc;
}

json_t *form_completeness(const json_t *def, const struct form_context *ctx, const json_t *body,
                          int threshold)
{
    json_t *missing = json_array(), *section, *field;
    size_t i, j;
    int64_t all = 0, have = 0;
    bool ready = true;
    json_array_foreach (json_object_get(def, "sections"), i, section)
        json_array_foreach (json_object_get(section, "fields"), j, field) {
            int64_t weight = json_integer_value(json_object_get(field, "weight"));
            bool must = mandatory(field, ctx);
            if (!applies(field, ctx) || (!weight && !must))
                continue;
            all += weight;
            if (form_filled(str(field, "type"), form_get(body, str(field, "path")))) {
                have += weight;
                continue;
            }
            ready = ready && !must;
            json_array_append_new(missing,
                                  json_pack("{s:O,s:O,s:I,s:b}", "path", json_object_get(field, "path"),
                                            "label", json_object_get(field, "label"), "weight",
                                            (json_int_t)weight, "mandatory", must));
        }
    int score = all ? (int)(have * 100 / all) : 100;
    return json_pack("{s:i,s:i,s:b,s:o}", "score", score, "threshold", threshold, "ready",
                     ready && score >= threshold, "missing", missing);
}
