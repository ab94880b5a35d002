/* $validate-code on value sets and code systems. */
#include "records/term/ts_check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void check_say(struct check *c, struct ts_issue issue, const char *expression, const char *format, ...)
{
    if (c->n_issues == ISSUES_MAX)
        return;
    struct said *s = &c->issues[c->n_issues++];
    va_list ap;
    va_start(ap, format);
    vsnprintf(s->text, sizeof s->text, format, ap);
    va_end(ap);
    snprintf(s->expression, sizeof s->expression, "%s", expression);
    s->issue = issue;
}

static int rank(const char *severity)
{
    return strcmp(severity, "error") == 0 ? 0 : strcmp(severity, "warning") == 0 ? 1 : 2;
}

static int by_weight(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    int c = rank(x->issue.severity) - rank(y->issue.severity);
    c = c ? c : strcmp(x->issue.code, y->issue.code);
    return c ? c : strcmp(x->text, y->text);
}

/* ---- the answer ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(ts_member(*(json_t *const *)a, "name"), ts_member(*(json_t *const *)b, "name"));
}

static void sort_parameters(json_t *answer)
{
    json_t *list = json_object_get(answer, "parameter"), *sorted[64];
    size_t n = json_array_size(list) < 64 ? json_array_size(list) : 64;
    for (size_t i = 0; i < n; i++)
        sorted[i] = json_incref(json_array_get(list, i));
    qsort(sorted, n, sizeof *sorted, by_name);
    json_array_clear(list);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, sorted[i]);
}

static void put_issues(struct check *c, json_t *answer)
{
    char message[4000] = "";
    const char *texts[ISSUES_MAX];
    size_t n = 0, at = 0;
    if (!c->n_issues)
        return;
    qsort(c->issues, c->n_issues, sizeof *c->issues, by_weight);
    json_t *outcome = ts_outcome();
    for (size_t i = 0; i < c->n_issues; i++) {
        c->issues[i].issue.text = c->issues[i].text;
        c->issues[i].issue.expression = c->issues[i].expression;
        ts_issue(outcome, &c->issues[i].issue);
        static const char *const quiet[] = {"VALUESET_VALUE_MISMATCH_DEFAULT", "UNKNOWN_CODE_IN_FRAGMENT", "INACTIVE_DISPLAY_FOUND", "CONCEPT_DEPRECATED_IN_VALUESET"};
        bool aside = false;
        for (size_t q = 0; q < 4 && c->issues[i].issue.message_id; q++)
            aside |= strcmp(c->issues[i].issue.message_id, quiet[q]) == 0;
        if ((strcmp(c->issues[i].issue.severity, "information") == 0 && strcmp(c->issues[i].issue.kind, "invalid-display")) || aside)
            continue;
        size_t k = n++;
        for (; k > 0 && strcmp(texts[k - 1], c->issues[i].text) > 0; k--)
            texts[k] = texts[k - 1];
        texts[k] = c->issues[i].text;
    }
    json_array_append_new(json_object_get(answer, "parameter"), json_pack("{s:s, s:o}", "name", "issues", "resource", outcome));
    for (size_t i = 0; i < n && at < sizeof message; i++)
        at += (size_t)snprintf(message + at, sizeof message - at, "%s%s", i ? "; " : "", texts[i]);
    if (n)
        ts_put(answer, "message", "valueString", json_string(message));
}

/* A concept's status of the common kind (http://hl7.org/fhir/concept-properties#status); a code system's own words are its property's alone. */
static bool is_standing(const char *status)
{
    static const char *const known[] = {"retired", "deprecated", "withdrawn", "experimental", "draft", "superseded"};
    for (size_t i = 0; status && i < sizeof known / sizeof *known; i++)
        if (strcmp(status, known[i]) == 0)
            return true;
    return false;
}

static json_t *answer_of(struct check *c, const struct coding *x, const json_t *concept, const struct ts_system *s, int32_t k)
{
    json_t *answer = ts_parameters();
    ts_put(answer, "result", "valueBoolean", json_boolean(c->good));
    if (*x->code)
        ts_put(answer, "code", "valueCode", json_string(x->code));
    if (*x->system)
        ts_put(answer, "system", "valueUri", json_string(x->system));
    if (concept)
        ts_put(answer, "codeableConcept", "valueCodeableConcept", json_deep_copy(concept));
    if (s && *s->version)
        ts_put(answer, "version", "valueString", json_string(s->version));
    if (s && k >= 0) {
        const json_t *from;
        const char *display = ts_display_in(s, &s->concepts[k], &c->languages, &from), *status = s->concepts[k].status;
        display = display ? display : s->concepts[k].display;
        if (*display)
            ts_put(answer, "display", "valueString", json_string(display));
        if (s->concepts[k].inactive)
            ts_put(answer, "inactive", "valueBoolean", json_true());
        if (is_standing(status))
            ts_put(answer, "status", "valueCode", json_string(status));
    }
    if (c->normalized)
        ts_put(answer, "normalized-code", "valueCode", json_string(c->normalized));
    if (*c->caused_by)
        ts_put(answer, "x-caused-by-unknown-system", "valueCanonical", json_string(c->caused_by));
    if (c->unknown_system)
        ts_put(answer, "x-unknown-system", "valueCanonical", json_string(c->unknown_system));
    put_issues(c, answer);
    sort_parameters(answer);
    return answer;
}

static struct coding coding_of(const json_t *x)
{
    return (struct coding){ts_member(x, "system"), ts_member(x, "version"), ts_member(x, "code"), ts_member(x, "display")};
}

static json_t *check_concept(struct check *c, const json_t *concept)
{
    json_t *one;
    size_t i;
    struct coding best = {"", "", "", ""};
    const struct ts_system *s = NULL;
    int32_t k = -1;
    bool bad = false;
    json_array_foreach(json_object_get(concept, "coding"), i, one) {
        struct coding x = coding_of(one);
        struct paths at;
        snprintf(at.whole, sizeof at.whole, "CodeableConcept.coding[%zu]", i);
        snprintf(at.code, sizeof at.code, "%s.code", at.whole);
        snprintf(at.system, sizeof at.system, "%s.system", at.whole);
        snprintf(at.display, sizeof at.display, "%s.display", at.whole);
        snprintf(at.version, sizeof at.version, "%s.version", at.whole);
        bool was = c->good;
        c->good = false;
        check_coding(c, &x, &at, true);
        bool differs = c->n_issues && strncmp(c->issues[c->n_issues - 1].issue.kind, "vs-invalid", 10) == 0;
        bool member = c->system && c->concept >= 0 && (differs || *c->caused_by || !c->set || ts_in_set(&c->asked, c->set, c->system, c->concept) == 1);
        bad |= member ? !c->good : c->system && c->concept < 0 && c->system->content != TS_FRAGMENT;
        if (member && !s) {
            best = x;
            s = c->system;
            k = c->concept;
        }
        c->good |= was;
    }
    if (!s && c->set && !c->good && !*c->caused_by) {
        char set[500];
        check_name_set(c->set, set, sizeof set);
        check_say(c, (struct ts_issue){.severity = "error", .code = "code-invalid", .kind = "not-in-vs", .message_id = "TX_GENERAL_CC_ERROR_MESSAGE"}, "",
            "No valid coding was found for the value set '%s'", set);
    }
    c->good = c->good && !bad;
    return answer_of(c, &best, concept, s, k);
}

static const json_t *find_set(const struct ts *t, const struct ts_request *q, json_t **out, int *status)
{
    const json_t *given = json_object_get(ts_param(q->in, "valueSet"), "resource");
    char url[400];
    if (given)
        return given;
    const char *text = ts_text(q->in, "url"), *version = ts_canonical(text, url, sizeof url);
    if (!*version)
        version = ts_text(q->in, "valueSetVersion");
    const json_t *set = *q->id ? ts_set_of_id(t, q->id) : *url ? ts_set(t, url, version) : NULL;
    if (!set) {
        char message[600], named[520];
        *out = ts_outcome();
        snprintf(named, sizeof named, "%s%s%s", *q->id ? q->id : url, *version ? "|" : "", version);
        snprintf(message, sizeof message, "A definition for the value Set '%s' could not be found", named);
        ts_issue(*out, &(struct ts_issue){"error", "not-found", "not-found", "Unable_to_resolve_value_Set_", NULL, message});
        *status = *q->id || *url ? 404 : 400;
    }
    return set;
}

/* A set that imports what is not here cannot be asked: the answer is no, and why. Anything worse is an error of the request. */
static int failure_answer(struct check *c, const json_t *concept, json_t **out)
{
    const json_t *issue = json_array_get(json_object_get(c->failure, "issue"), 0);
    *out = json_incref(c->failure);
    if (strcmp(ts_member(issue, "code"), "not-found"))
        return c->status;
    json_t *answer = ts_parameters();
    if (concept)
        ts_put(answer, "codeableConcept", "valueCodeableConcept", json_deep_copy(concept));
    json_array_append_new(json_object_get(answer, "parameter"), json_pack("{s:s, s:o}", "name", "issues", "resource", *out));
    ts_put(answer, "message", "valueString", json_string(ts_member(json_object_get(issue, "details"), "text")));
    ts_put(answer, "result", "valueBoolean", json_false());
    *out = answer;
    return 200;
}

static int checked(struct check *c, const struct ts_request *q, json_t **out)
{
    const json_t *concept = json_object_get(ts_param(q->in, "codeableConcept"), "valueCodeableConcept");
    const json_t *coding = json_object_get(ts_param(q->in, "coding"), "valueCoding");
    const char *language = ts_text(c->in, "displayLanguage");
    if (!ts_languages(language, &c->languages))
        return ts_fail(out, 400, "processing", "invalid-display", "Invalid displayLanguage: '%s'", language);
    if (c->set && ts_no_circle(&c->asked, c->set)) {
        *out = json_incref(c->failure);
        return c->status;
    }
    if (concept)
        *out = check_concept(c, concept);
    else {
        struct coding x = coding ? coding_of(coding)
                                 : (struct coding){ts_text(q->in, "system"), ts_text(q->in, "systemVersion"), ts_text(q->in, "code"), ts_text(q->in, "display")};
        if (!c->set && !coding && !*x.system)
            x.system = ts_text(q->in, "url");
        if (!c->set && !*x.version)
            x.version = ts_text(q->in, "version");
        const struct ts_system *named = !c->set && !coding && !*x.system && *q->id ? ts_system_of_id(c->t, q->id) : NULL;
        if (named) {
            x.system = named->url;
            x.version = *x.version ? x.version : named->version;
        }
        if (!*x.code)
            return ts_fail(out, 400, "invalid", NULL, "Unable to find code to validate (looked for coding | codeableConcept | code+system | code+inferSystem in parameters");
        struct paths at = {"", "code", "system", "display", "version"};
        if (coding)
            at = (struct paths){"Coding", "Coding.code", "Coding.system", "Coding.display", "Coding.version"};
        else
            snprintf(at.whole, sizeof at.whole, "code");
        check_coding(c, &x, &at, false);
        check_comment_imports(c);
        *out = answer_of(c, &x, NULL, c->system, c->concept);
    }
    if (!c->failure)
        return 200;
    json_decref(*out);
    return failure_answer(c, concept, out);
}

int ts_validate(const struct ts *t, const struct ts_request *q, json_t **out)
{
    struct check *c = calloc(1, sizeof *c);
    struct ts *own = NULL;
    json_t *asked = NULL;
    int status = 200;
    if (!c)
        return ts_fail(out, 500, "exception", NULL, "Out of memory.");
    if (strcmp(q->type, "ValueSet") == 0 && !(c->set = find_set(t, q, out, &status)))
        goto out;
    asked = ts_asked_in(q->in, c->set);
    if ((status = ts_with_supplements(t, asked, c->set, &own, out)))
        goto out;
    c->t = own ? own : t;
    c->in = asked;
    c->asked = (struct ts_asked){.t = c->t, .in = asked, .failure = &c->failure, .status = &c->status, .used = json_array(), .container = c->set};
    status = checked(c, q, out);
out:
    json_decref(c->asked.used);
    json_decref(c->failure);
    json_decref(asked);
    ts_close(own);
    free(c);
    return status;
}

/* $batch-validate-code: each `validation` with what stands beside them all. */
int ts_batch_validate(const struct ts *t, const struct ts_request *q, json_t **out)
{
    json_t *one, *common;
    size_t i, k;
    *out = ts_parameters();
    json_array_foreach(json_object_get(q->in, "parameter"), i, one) {
        const json_t *inner = json_object_get(one, "resource");
        if (strcmp(ts_member(one, "name"), "validation") || !inner)
            continue;
        json_t *list = json_array(), *answer = NULL;
        json_array_extend(list, json_object_get(inner, "parameter"));
        json_array_foreach(json_object_get(q->in, "parameter"), k, common)
            if (strcmp(ts_member(common, "name"), "validation") && !ts_param(inner, ts_member(common, "name")))
                json_array_append(list, common);
        json_t *in = json_pack("{s:s, s:o}", "resourceType", "Parameters", "parameter", list);
        bool of_set = ts_param(in, "valueSet") || ts_param(in, "url");
        struct ts_request single = {of_set ? "ValueSet" : "CodeSystem", "", "validate-code", in};
        ts_validate(t, &single, &answer);
        json_array_append_new(json_object_get(*out, "parameter"), json_pack("{s:s, s:o}", "name", "validation", "resource", answer));
        json_decref(in);
    }
    return 200;
}
