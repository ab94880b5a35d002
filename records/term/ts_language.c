/* Which name of a concept is shown to somebody who asked for languages (RFC 9110 12.5.4, as displayLanguage and Accept-Language say it). */
#include "records/term/ts_store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANDING "http://hl7.org/fhir/StructureDefinition/structuredefinition-standards-status"

bool ts_languages(const char *text, struct ts_languages *out)
{
    double quality[TS_LANGUAGES_MAX];
    memset(out, 0, sizeof *out);
    while (*text && out->n < TS_LANGUAGES_MAX) {
        text += strspn(text, " ,");
        size_t len = strcspn(text, ",; "), end = strcspn(text, ",");
        const char *q = memmem(text, end, "q=", 2);
        double weight = q ? strtod(q + 2, NULL) : 1;
        if (len && *text == '*')
            out->only |= weight == 0;
        else if (len && ((*text | 32) < 'a' || (*text | 32) > 'z'))
            return false;
        else if (len && len < sizeof out->tag[0] && weight > 0) {
            size_t k = out->n++;
            for (; k > 0 && quality[k - 1] < weight; k--) {
                memcpy(out->tag[k], out->tag[k - 1], sizeof out->tag[0]);
                quality[k] = quality[k - 1];
            }
            snprintf(out->tag[k], sizeof out->tag[0], "%.*s", (int)len, text);
            quality[k] = weight;
        }
        text += end;
    }
    return true;
}

/* de is answered by de-CH. */
static bool fits(const char *have, const char *want)
{
    size_t len = strlen(want);
    return strncasecmp(have, want, len) == 0 && (have[len] == 0 || have[len] == '-');
}

bool ts_language_asked(const struct ts_languages *l, const char *language)
{
    for (size_t i = 0; i < l->n; i++)
        if (fits(language, l->tag[i]))
            return true;
    return false;
}

const char *ts_designation_status(const json_t *designation)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(designation, "extension"), i, one)
        if (strcmp(ts_member(one, "url"), STANDING) == 0)
            return ts_member(one, "valueCode");
    return "";
}

static const char *named_in(const struct ts_system *s, const struct ts_concept *c, const char *tag, const json_t **from)
{
    const char *own = ts_member(s->resource, "language");
    json_t *one;
    size_t i;
    if (*own && fits(own, tag))
        return c->display;
    json_array_foreach(json_object_get(c->source, "designation"), i, one)
        if (fits(ts_member(one, "language"), tag) && !*ts_designation_status(one)) {
            *from = one;
            return ts_member(one, "value");
        }
    return NULL;
}

const char *ts_display_in(const struct ts_system *s, const struct ts_concept *c, const struct ts_languages *l, const json_t **from)
{
    *from = NULL;
    if (!l->n)
        return c->display;
    for (size_t k = 0; k < l->n; k++) {
        char tag[sizeof l->tag[0]];
        snprintf(tag, sizeof tag, "%s", l->tag[k]);
        for (char *cut = tag; cut; cut = strrchr(tag, '-')) { /* zh-CN is answered by zh where there is no zh-CN (RFC 4647 3.4) */
            *(cut == tag ? tag + strlen(tag) : cut) = 0;
            const char *name = named_in(s, c, tag, from);
            if (name)
                return name;
        }
    }
    return NULL;
}
