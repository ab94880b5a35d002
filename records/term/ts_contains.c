/* One concept of an expansion as it is shown: its name in the language asked for, designations, properties, extensions. */
#include "records/term/ts_store.h"
#include <stdio.h>
#include <string.h>

#define BASE "http://hl7.org/fhir/StructureDefinition/"
#define PROPERTY "http://hl7.org/fhir/concept-properties#"

static bool one_of(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, list[i]) == 0)
            return true;
    return false;
}

/* ---- designations ---- */

/* designation=SYSTEM|CODE asks for a use, urn:ietf:bcp:47|de for a language; nothing asked = all. */
static bool designation_asked(const json_t *in, const json_t *d)
{
    json_t *one;
    size_t i;
    bool any = false;
    char system[300];
    json_array_foreach(json_object_get(in, "parameter"), i, one) {
        if (strcmp(ts_member(one, "name"), "designation"))
            continue;
        const char *code = ts_canonical(ts_value_text(one), system, sizeof system);
        const json_t *use = json_object_get(d, "use");
        any = true;
        if (strcmp(system, "urn:ietf:bcp:47") == 0 ? strcmp(ts_member(d, "language"), code) == 0
                                                   : strcmp(ts_member(use, "code"), code) == 0 && strcmp(ts_member(use, "system"), system) == 0)
            return true;
    }
    return !any;
}

static json_t *kept_extensions(const json_t *source, const char *const *urls, size_t n)
{
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(source, "extension"), i, one)
        if (one_of(ts_member(one, "url"), urls, n))
            json_array_append(list, one);
    return list;
}

static void put_designation(json_t *list, const json_t *d)
{
    static const char *const urls[] = {BASE "coding-sctdescid", BASE "structuredefinition-standards-status"};
    static const char *const members[] = {"language", "use", "value"};
    json_t *out = json_object(), *extensions = kept_extensions(d, urls, 2);
    if (json_array_size(extensions))
        json_object_set(out, "extension", extensions);
    json_decref(extensions);
    for (size_t i = 0; i < 3; i++)
        if (json_object_get(d, members[i]))
            json_object_set(out, members[i], json_object_get(d, members[i]));
    json_array_append_new(list, out);
}

json_t *ts_own_name(const struct ts_system *s, const char *display)
{
    const char *language = ts_member(s->resource, "language");
    json_t *out = json_object();
    if (*language)
        json_object_set_new(out, "language", json_string(language));
    json_object_set_new(out, "use", json_pack("{s:s, s:s, s:s}", "system", "http://terminology.hl7.org/CodeSystem/hl7TermMaintInfra", "code", "preferredForLanguage",
                                              "display", "Preferred For Language"));
    json_object_set_new(out, "value", json_string(display));
    return out;
}

static void add_designations(struct ts_showing *w, json_t *out, const struct ts_row *row, const json_t *shown, bool own_shown)
{
    const struct ts_concept *c = &row->s->concepts[row->c];
    const json_t *sources[] = {json_object_get(c->source, "designation"), json_object_get(row->listed, "designation")};
    json_t *list = json_array(), *one;
    size_t i;
    if (!own_shown && *c->display) {
        json_t *own = ts_own_name(row->s, c->display);
        if (designation_asked(w->in, own))
            json_array_append(list, own);
        json_decref(own);
    }
    for (size_t k = 0; k < 2; k++)
        json_array_foreach(sources[k], i, one)
            if (one != shown && designation_asked(w->in, one))
                put_designation(list, one);
    if (json_array_size(list))
        json_object_set(out, "designation", list);
    json_decref(list);
}

/* ---- properties ---- */

static void put_property(struct ts_showing *w, json_t *list, const char *code, const char *uri, const char *type, json_t *value)
{
    json_t *one;
    size_t i;
    bool known = false;
    json_array_append_new(list, json_pack("{s:s, s:o}", "code", code, type, value));
    json_array_foreach(w->properties, i, one)
        known |= strcmp(ts_member(one, "code"), code) == 0;
    if (!known)
        json_array_append_new(w->properties, json_pack("{s:s, s:s}", "code", code, "uri", uri));
}

static const char *declared_uri(const struct ts_system *s, const char *code)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(s->resource, "property"), i, one)
        if (strcmp(ts_member(one, "code"), code) == 0)
            return ts_member(one, "uri");
    return "";
}

static void asked_property(struct ts_showing *w, json_t *list, const struct ts_row *row, const char *name)
{
    const struct ts_concept *c = &row->s->concepts[row->c];
    json_t *p, *value;
    const char *key;
    size_t k;
    if (strcmp(name, "definition") == 0 && *ts_member(c->source, "definition"))
        put_property(w, list, "definition", PROPERTY "definition", "valueString", json_string(ts_member(c->source, "definition")));
    json_array_foreach(json_object_get(c->source, "property"), k, p)
        if (strcmp(ts_member(p, "code"), name) == 0)
            json_object_foreach(p, key, value)
                if (strncmp(key, "value", 5) == 0)
                    put_property(w, list, name, declared_uri(row->s, name), key, json_incref(value));
}

static json_t *number_of(const json_t *extension)
{
    json_t *value = json_object_get(extension, "valueDecimal");
    value = value ? value : json_object_get(extension, "valueInteger");
    return json_incref(value);
}

/* Order, label and weight come as extensions; the set's go before the code system's. */
static void add_properties(struct ts_showing *w, json_t *out, const struct ts_row *row)
{
    static const struct {
        const char *code, *uri, *urls[3];
        bool text;
    } told[] = {{"weight", PROPERTY "itemWeight", {BASE "itemWeight"}, false},
                {"label", PROPERTY "label", {BASE "valueset-label", BASE "codesystem-label"}, true},
                {"order", PROPERTY "order", {BASE "valueset-conceptOrder", BASE "codesystem-conceptOrder"}, false}};
    const struct ts_concept *c = &row->s->concepts[row->c];
    json_t *list = json_array(), *one;
    size_t i;
    json_array_foreach(json_object_get(w->in, "parameter"), i, one)
        if (strcmp(ts_member(one, "name"), "property") == 0)
            asked_property(w, list, row, ts_value_text(one));
    for (size_t t = 0; t < 3; t++) {
        const json_t *found = NULL;
        for (size_t k = 0; !found && k < 3 && told[t].urls[k]; k++) {
            found = ts_extension(row->listed, told[t].urls[k]);
            found = found ? found : ts_extension(c->source, told[t].urls[k]);
        }
        if (found && told[t].text)
            put_property(w, list, told[t].code, told[t].uri, "valueString", json_string(ts_member(found, "valueString")));
        else if (found)
            put_property(w, list, told[t].code, told[t].uri, "valueDecimal", number_of(found));
    }
    if (c->status && *c->status && (c->inactive || strcmp(c->status, "active")))
        put_property(w, list, "status", PROPERTY "status", "valueCode", json_string(c->status));
    if (json_array_size(list))
        json_object_set(out, "property", list);
    json_decref(list);
}

/* ---- the whole ---- */

static void add_extensions(json_t *out, const struct ts_row *row)
{
    static const char *const of_set[] = {BASE "valueset-deprecated", BASE "valueset-concept-definition", BASE "structuredefinition-standards-status",
                                         BASE "rendering-style", BASE "rendering-xhtml"};
    static const char *const of_system[] = {BASE "rendering-style", BASE "rendering-xhtml"};
    json_t *list = kept_extensions(row->listed, of_set, 5), *more = kept_extensions(row->s->concepts[row->c].source, of_system, 2), *one;
    size_t i;
    json_array_foreach(more, i, one)
        if (!ts_extension(row->listed, ts_member(one, "url")))
            json_array_append(list, one);
    if (json_array_size(list))
        json_object_set(out, "extension", list);
    json_decref(list);
    json_decref(more);
}

json_t *ts_contains(struct ts_showing *w, const struct ts_row *row)
{
    const struct ts_concept *c = &row->s->concepts[row->c];
    const json_t *from = NULL;
    const char *display = *ts_member(row->listed, "display") ? ts_member(row->listed, "display") : ts_display_in(row->s, c, &w->languages, &from);
    if (!display && !w->languages.only)
        display = c->display;
    json_t *out = json_object();
    if (row->listed || c->source)
        add_extensions(out, row);
    json_object_set_new(out, "system", json_string(row->s->url));
    if (c->abstract)
        json_object_set_new(out, "abstract", json_true());
    if (c->inactive)
        json_object_set_new(out, "inactive", json_true());
    if (row->with_version)
        json_object_set_new(out, "version", json_string(row->s->version));
    json_object_set_new(out, "code", json_string(c->code));
    if (display && *display)
        json_object_set_new(out, "display", json_string(display));
    if (w->designations)
        add_designations(w, out, row, from, display == c->display || *ts_member(row->listed, "display"));
    add_properties(w, out, row);
    return out;
}
