/* $validate-code on value sets and code systems. */
#include "records/term/ts_store.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ISSUES_MAX 24

struct coding {
    const char *system, *version, *code, *display;
};

struct said { /* one issue, with its own text */
    struct ts_issue issue;
    char text[900], expression[80];
};

struct check {
    const struct ts *t;
    const json_t *in, *set; /* set NULL: against the code system alone */
    struct ts_asked asked;
    struct ts_languages languages;
    json_t *failure;
    int status;
    struct said issues[ISSUES_MAX];
    size_t n_issues;
    bool good;              /* some coding was found where it should be */
    const struct ts_system *system;
    int32_t concept;
    const char *unknown_system;
    const char *normalized; /* the code as its system writes it, where that is another */
    char caused_by[500]; /* a version that is not known made it fail */
};

static void say(struct check *c, struct ts_issue issue, const char *expression, const char *format, ...) YL_PRINTF(4, 5);
static void say(struct check *c, struct ts_issue issue, const char *expression, const char *format, ...)
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

/* ---- displays ---- */

static bool same_display(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

static bool same_but_blanks(const char *a, const char *b)
{
    while (*a || *b) {
        while (*a == ' ')
            a++;
        while (*b == ' ')
            b++;
        if ((*a | 32) != (*b | 32))
            return false;
        a += *a != 0;
        b += *b != 0;
    }
    return true;
}

static const char *language_of(const struct ts_system *s)
{
    return ts_member(s->resource, "language");
}

/* A name the concept may be called by in the languages asked for, or in any where none was; one of no language is never told, but right. */
struct name {
    const char *text, *language;
};
#define NAMES_MAX 12

static size_t names_of(const struct check *c, struct name *out)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    const char *own = language_of(c->system);
    json_t *one;
    size_t i, n = 0;
    if (!c->languages.n || !*own || ts_language_asked(&c->languages, own))
        out[n++] = (struct name){k->display, own};
    json_array_foreach(json_object_get(k->source, "designation"), i, one) {
        const char *language = ts_member(one, "language");
        bool asked = !c->languages.n || ts_language_asked(&c->languages, language);
        if (n < NAMES_MAX && *language && asked && !*ts_designation_status(one))
            out[n++] = (struct name){ts_member(one, "value"), language};
    }
    return n;
}

static bool is_designation(const struct ts_concept *k, const char *display, const json_t **found, bool unspoken)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(k->source, "designation"), i, one)
        if (same_display(ts_member(one, "value"), display) && !(unspoken && *ts_member(one, "language"))) {
            *found = one;
            return true;
        }
    return false;
}

static void list_names(const struct name *names, size_t n, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = 0;
    if (n > 1)
        at = (size_t)snprintf(out, cap, "one of %zu choices: ", n);
    for (size_t i = 0; i < n && at < cap; i++) {
        at += (size_t)snprintf(out + at, cap - at, "%s'%s'", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i].text);
        if (*names[i].language && at < cap)
            at += (size_t)snprintf(out + at, cap - at, " (%s)", names[i].language);
    }
}

/* The code system has no name in the languages asked for: its own is right, anything else is not. */
static void no_name(struct check *c, const struct coding *x, const char *path)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    const json_t *found;
    const char *language = ts_text(c->in, "displayLanguage");
    if (same_display(k->display, x->display) || is_designation(k, x->display, &found, false)) {
        say(c, (struct ts_issue){.severity = "information", .code = "invalid", .kind = "invalid-display", .message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"},
            path, "There are no valid display names found for the code %s#%s for language(s) '%s'. The display is '%s' which is a valid display for the default language",
            x->system, x->code, language, x->display);
        return;
    }
    bool lenient = ts_flag(c->in, "lenient-display-validation", false);
    c->good &= lenient;
    say(c, (struct ts_issue){.severity = lenient ? "warning" : "error", .code = "invalid", .kind = "invalid-display",
                             .message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"}, path,
        "Wrong Display Name '%s' for %s#%s. There are no valid display names found for language(s) '%s'. Default display is '%s'", x->display, x->system, x->code,
        language, k->display);
}

/* 1 right, 0 wrong. */
static bool display_right(const struct check *c, const struct coding *x, const struct name *names, size_t n)
{
    const json_t *found;
    for (size_t i = 0; i < n; i++)
        if (same_display(names[i].text, x->display))
            return true;
    return is_designation(&c->system->concepts[c->concept], x->display, &found, true);
}

static void check_display(struct check *c, const struct coding *x, const char *path)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    const char *wanted = ts_text(c->in, "displayLanguage");
    struct name names[NAMES_MAX + 1];
    const json_t *found = NULL;
    char list[700];
    if (!*x->display || !*k->display)
        return;
    size_t n = names_of(c, names);
    if (!n) {
        no_name(c, x, path);
        return;
    }
    if (display_right(c, x, names, n))
        return;
    list_names(names, n, list, sizeof list);
    if (is_designation(k, x->display, &found, false) && *ts_designation_status(found)) { /* it was right once */
        snprintf(list, sizeof list, "\"%s\"", names[0].text);
        say(c, (struct ts_issue){.severity = "warning", .code = "invalid", .kind = "display-comment", .message_id = "INACTIVE_DISPLAY_FOUND"}, path,
            "'%s' is no longer considered a correct display for code '%s' (status = deprecated). The correct display is one of %s.", x->display, x->code, list);
        return;
    }
    bool blanks = same_but_blanks(k->display, x->display), lenient = ts_flag(c->in, "lenient-display-validation", false);
    if (!lenient)
        c->good = false;
    say(c, (struct ts_issue){.severity = lenient ? "warning" : "error", .code = "invalid", .kind = "invalid-display",
                             .message_id = blanks ? "Display_Name_WS_for__should_be_one_of__instead_of" : "Display_Name_for__should_be_one_of__instead_of"},
        path, "Wrong %sDisplay Name '%s' for %s#%s. Valid display is %s (for the language(s) '%s')", blanks ? "whitespace in " : "", x->display, x->system,
        x->code, list, *wanted ? wanted : "--");
}

/* ---- one coding ---- */

static void name_coding(const struct coding *x, char *out, size_t cap)
{
    char version[120] = "", display[240] = "";
    if (*x->version)
        snprintf(version, sizeof version, "|%s", x->version);
    if (*x->display)
        snprintf(display, sizeof display, " ('%s')", x->display);
    snprintf(out, cap, "%s%s#%s%s", x->system, version, x->code, display);
}

static void name_set(const json_t *set, char *out, size_t cap)
{
    const char *version = ts_member(set, "version");
    const char *url = ts_member(set, "url");
    snprintf(out, cap, "%s%s%s", *url ? url : "(unidentified)", *version ? "|" : "", version);
}

static void not_in_set(struct check *c, const struct coding *x, const char *path, bool one_of_many)
{
    char coding[700], set[500];
    name_coding(x, coding, sizeof coding);
    name_set(c->set, set, sizeof set);
    say(c, (struct ts_issue){.severity = one_of_many ? "information" : "error", .code = "code-invalid",
                             .kind = one_of_many ? "this-code-not-in-vs" : "not-in-vs", .message_id = "None_of_the_provided_codes_are_in_the_value_set_one"},
        path, "The provided code '%s' was not found in the value set '%s'", coding, set);
}

/* ---- the code systems a set speaks of ---- */

#define MEANT_MAX 32
struct meant { /* an include of a system, also of imported sets */
    const char *url, *said, *version;
};

static size_t systems_meant(struct check *c, const json_t *set, const char *url, struct meant *out, size_t n, int depth)
{
    json_t *one, *name;
    size_t i, k;
    json_array_foreach(json_object_get(json_object_get(set, "compose"), "include"), i, one) {
        const char *system = ts_member(one, "system"), *said = ts_member(one, "version");
        if (*system && (!*url || strcmp(system, url) == 0) && n < MEANT_MAX) {
            size_t at = n++; /* of one system the newest version first, without a version behind */
            for (; *said && at > 0 && strcmp(out[at - 1].url, system) == 0 && *out[at - 1].said && ts_version_compare(out[at - 1].said, said) < 0; at--)
                out[at] = out[at - 1];
            out[at] = (struct meant){system, said, ts_meant(&c->asked, system, said)};
        }
        json_array_foreach(json_object_get(one, "valueSet"), k, name) {
            json_t *failure = NULL;
            int status;
            struct ts_asked quiet = {.t = c->t, .in = c->in, .failure = &failure, .status = &status, .container = c->set};
            const json_t *imported = depth < 8 && ++c->asked.steps < TS_STEPS_MAX && json_string_value(name) ? ts_set_of(&quiet, json_string_value(name)) : NULL;
            json_decref(failure);
            if (imported)
                n = systems_meant(c, imported, url, out, n, depth + 1);
        }
    }
    return n;
}

/* The one system of the set that has the code; all that have it, in `names`. */
static const struct ts_system *infer_system(struct check *c, const char *code, size_t *n, char *names, size_t cap)
{
    struct meant list[MEANT_MAX];
    const struct ts_system *found = NULL;
    size_t meant = systems_meant(c, c->set, "", list, 0, 0), at = 0;
    *n = 0;
    names[0] = 0;
    for (size_t i = 0; i < meant; i++) {
        const struct ts_system *s = ts_system(c->t, list[i].url, list[i].version);
        int32_t k = s ? ts_concept(s, code) : -1;
        if (k < 0 || (found && strcmp(found->url, s->url) == 0) || ts_in_set(&c->asked, c->set, s, k) != 1)
            continue;
        found = found ? found : s;
        at += at < cap ? (size_t)snprintf(names + at, cap - at, "%s%s", *n ? ", " : "", s->url) : 0;
        ++*n;
    }
    return found;
}

static bool unknown_system(struct check *c, const struct coding *x, const char *at_system, bool any_version)
{
    char versions[300];
    ts_versions(c->t, x->system, versions, sizeof versions);
    c->unknown_system = x->system;
    if (*versions && !any_version) {
        say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM_VERSION"}, at_system,
            "A definition for CodeSystem '%s' version '%s' could not be found, so the code cannot be validated. Valid versions: %s", x->system,
            x->version, versions);
    } else if (!any_version)
        say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM_VERSION"}, at_system,
            "A definition for CodeSystem '%s' version '%s' could not be found, so the code cannot be validated. No versions of this code system are known", x->system,
            x->version);
    else
        say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM"}, at_system,
            "A definition for CodeSystem '%s' could not be found, so the code cannot be validated", x->system);
    return false;
}

static void comment_status(struct check *c, const char *path)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    char status[80];
    if (!k->inactive && k->status && strcmp(k->status, "deprecated") == 0)
        say(c, (struct ts_issue){.severity = "warning", .code = "business-rule", .kind = "code-comment", .message_id = "DEPRECATED_CONCEPT_FOUND"}, path,
            "The concept '%s' is deprecated and its use should be reviewed", k->code);
    if (!k->inactive)
        return;
    if (k->status && *k->status && strcmp(k->status, "inactive"))
        snprintf(status, sizeof status, "%s and inactive", k->status);
    else
        snprintf(status, sizeof status, "inactive");
    say(c, (struct ts_issue){.severity = "warning", .code = "business-rule", .kind = "code-comment", .message_id = "INACTIVE_CONCEPT_FOUND"}, path,
        "The concept '%s' has a status of %s and its use should be reviewed", k->code, status);
}

/* A code system that does not tell large from small letters is asked in other ones than its own. */
static void comment_case(struct check *c, const struct coding *x, const char *path)
{
    const struct ts_system *s = c->system;
    const char *code = s->concepts[c->concept].code;
    if (s->case_sensitive || strcmp(code, x->code) == 0)
        return;
    c->normalized = code;
    say(c, (struct ts_issue){.severity = "information", .code = "business-rule", .kind = "code-rule", .message_id = "CODE_CASE_DIFFERENCE"}, path,
        "The code '%s' differs from the correct code '%s' by case. Although the code system '%s%s%s' is case insensitive, implementers are strongly encouraged to use the "
        "correct case anyway", x->code, code, s->url, *s->version ? "|" : "", s->version);
}

/* The set lists the concept, and says that it should be used no more. */
static void comment_listed(struct check *c, const struct coding *x, const char *path)
{
    json_t *include, *one, *e;
    size_t i, k, m;
    char set[500];
    json_array_foreach(json_object_get(json_object_get(c->set, "compose"), "include"), i, include)
        json_array_foreach(json_object_get(include, "concept"), k, one) {
            bool deprecated = strcmp(ts_designation_status(one), "deprecated") == 0;
            if (strcmp(ts_member(include, "system"), c->system->url) || ts_concept(c->system, ts_member(one, "code")) != c->concept)
                continue;
            json_array_foreach(json_object_get(one, "extension"), m, e)
                if (strcmp(ts_member(e, "url"), "http://hl7.org/fhir/StructureDefinition/valueset-deprecated") == 0)
                    deprecated |= strcmp(ts_value_text(e), "true") == 0 || json_is_true(json_object_get(e, "valueBoolean"));
            if (!deprecated)
                continue;
            name_set(c->set, set, sizeof set);
            say(c, (struct ts_issue){.severity = "warning", .code = "business-rule", .kind = "code-comment", .message_id = "CONCEPT_DEPRECATED_IN_VALUESET"}, path,
                "The presence of the concept '%s' in the system '%s' in the value set %s is marked with a status of deprecated and its use should be reviewed",
                x->code, x->system, set);
        }
}

static void unknown_code(struct check *c, const struct coding *x, const char *path)
{
    if (c->system->content == TS_FRAGMENT) {
        say(c, (struct ts_issue){.severity = "warning", .code = "code-invalid", .kind = "invalid-code", .message_id = "UNKNOWN_CODE_IN_FRAGMENT"}, path,
            "Unknown Code '%s' in the CodeSystem '%s' version '%s' - note that the code system is labeled as a fragment, so the code may be valid in some other fragment",
            x->code, x->system, c->system->version);
        return;
    }
    say(c, (struct ts_issue){.severity = "error", .code = "code-invalid", .kind = "invalid-code", .message_id = "Unknown_Code_in_Version"}, path,
        "Unknown code '%s' in the CodeSystem '%s' version '%s'", x->code, x->system, c->system->version);
}

struct paths {
    char whole[60], code[80], system[80], display[80], version[80];
};

/* The code system or the set is a draft, withdrawn and so on: said, and no fault. */
static void comment_standing(struct check *c, const json_t *resource)
{
    static const char *const ids[][2] = {{"draft", "MSG_DRAFT"}, {"experimental", "MSG_EXPERIMENTAL"}, {"deprecated", "MSG_DEPRECATED"}, {"withdrawn", "MSG_WITHDRAWN"}};
    const char *standing = ts_standing(resource), *id = NULL;
    for (size_t i = 0; i < 4; i++)
        id = strcmp(standing, ids[i][0]) == 0 ? ids[i][1] : id;
    if (id)
        say(c, (struct ts_issue){.severity = "information", .code = "business-rule", .kind = "status-check", .message_id = id}, "", "Reference to %s %s %s|%s", standing,
            ts_member(resource, "resourceType"), ts_member(resource, "url"), ts_member(resource, "version"));
}

/* Imported sets, too. */
static void comment_imports(struct check *c)
{
    json_t *one;
    size_t i;
    char url[400];
    json_array_foreach(c->asked.used, i, one) {
        if (strcmp(ts_member(one, "name"), "used-valueset"))
            continue;
        const char *version = ts_canonical(ts_member(one, "valueUri"), url, sizeof url);
        const json_t *set = ts_set(c->t, url, version);
        if (set && set != c->set)
            comment_standing(c, set);
    }
}

/* check-system-version: what must not be otherwise. */
static void check_version(struct check *c, const struct coding *x, const struct paths *at)
{
    const char *wanted = ts_said_for(c->in, "check-system-version", x->system);
    if (!*wanted || !c->system || ts_version_fits(c->system->version, wanted))
        return;
    c->good = false;
    say(c, (struct ts_issue){.severity = "error", .code = "exception", .kind = "version-error", .message_id = "VALUESET_VERSION_CHECK"}, at->version,
        "The version '%s' is not allowed for system '%s': required to be '%s' by a version-check parameter", c->system->version, x->system, wanted);
}

/* Is it in the set, and may it be used? */
static bool check_member(struct check *c, const struct coding *x, const struct paths *at, bool many)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    int in = c->set ? ts_in_set(&c->asked, c->set, c->system, c->concept) : 1;
    if (in < 0)
        return false;
    if (in && k->abstract && !ts_flag(c->in, "abstract", true)) {
        say(c, (struct ts_issue){.severity = "error", .code = "business-rule", .kind = "code-rule", .message_id = "ABSTRACT_CODE_NOT_ALLOWED"}, at->code,
            "Code '%s#%s' is abstract, and not allowed in this context", x->system, x->code);
        in = 0;
    }
    bool active_only = ts_flag(c->in, "activeOnly", false) || json_is_false(json_object_get(json_object_get(c->set, "compose"), "inactive"));
    if (k->inactive && active_only) {
        say(c, (struct ts_issue){.severity = "error", .code = "business-rule", .kind = "code-rule", .message_id = "STATUS_CODE_WARNING_CODE"}, at->code,
            "The concept '%s' is valid but is not active", x->code);
        in = 0;
    }
    if (!in)
        not_in_set(c, x, at->code, many);
    return in;
}

static void unknown_version(struct check *c, const char *url, const char *version, const char *at_system)
{
    char versions[300];
    ts_versions(c->t, url, versions, sizeof versions);
    snprintf(c->caused_by, sizeof c->caused_by, "%s|%s", url, version);
    say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM_VERSION"}, at_system,
        "A definition for CodeSystem '%s' version '%s' could not be found, so the code cannot be validated. Valid versions: %s", url, version, versions);
}

/* The coding names one version of its system, the set's includes mean others: true, with the issues said. */
static bool version_differs(struct check *c, const struct coding *x, const struct paths *at, const struct meant *list, size_t n)
{
    char versions[300];
    ts_versions(c->t, x->system, versions, sizeof versions);
    if (!n || !*x->version || !*versions)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct ts_system *s = ts_system(c->t, x->system, list[i].version);
        if ((*list[i].version && ts_version_fits(x->version, list[i].version)) || (s && strcmp(s->version, x->version) == 0))
            return false;
    }
    const char *said = list[0].said, *meant = list[0].version;
    const struct ts_system *set_system = ts_system(c->t, x->system, meant), *own = ts_system(c->t, x->system, x->version);
    bool mild = !*meant && !own, changed = *meant && strcmp(said, meant);
    const char *version = set_system && !strchr(meant, 'x') ? set_system->version : *meant ? meant : "";
    char from[200] = "";
    if (changed)
        snprintf(from, sizeof from, " resulting from the version '%s'", said);
    say(c, (struct ts_issue){.severity = mild ? "warning" : "error", .code = "invalid", .kind = "vs-invalid",
                             .message_id = mild ? "VALUESET_VALUE_MISMATCH_DEFAULT" : changed ? "VALUESET_VALUE_MISMATCH_CHANGED" : "VALUESET_VALUE_MISMATCH"},
        at->version, "The code system '%s' version '%s'%s in the ValueSet include is different to the one in the value ('%s')", x->system, version,
        mild ? " for the versionless include" : from, x->version);
    if (!own)
        unknown_version(c, x->system, x->version, at->system);
    if (!set_system)
        unknown_version(c, x->system, meant, at->system);
    c->system = set_system;
    c->concept = c->system ? ts_concept(c->system, x->code) : -1;
    return true;
}

/* Which of the versions the set means the code is of: where it is a member and called so, where it is a member, where it is known, the first. */
static void choose_system(struct check *c, const struct coding *x, const struct meant *list, size_t n)
{
    struct name names[NAMES_MAX + 1];
    int best = -1;
    for (size_t i = 0; i < n; i++) {
        const struct ts_system *s = ts_system(c->t, x->system, list[i].version);
        int32_t k = s ? ts_concept(s, x->code) : -1;
        struct check one = {.system = s, .concept = k, .languages = c->languages};
        int in = k >= 0 && n > 1 ? ts_in_set(&c->asked, c->set, s, k) == 1 : 0;
        int worth = !s ? -1 : k < 0 ? 0 : !in ? 1 : !*x->display || !display_right(&one, x, names, names_of(&one, names)) ? 2 : 3;
        if (worth > best) {
            best = worth;
            c->system = s;
            c->concept = k;
        }
    }
}

/* What stands as the system is no code system: said, true. */
static bool no_code_system(struct check *c, const struct coding *x, const struct paths *at, bool many)
{
    const struct ts_system *supplement = ts_system(c->t, x->system, "") ? NULL : ts_supplement(c->t, x->system);
    bool set = !supplement && !ts_system(c->t, x->system, "") && ts_set(c->t, x->system, "");
    if (!supplement && !set)
        return false;
    if (c->set)
        not_in_set(c, x, at->code, many);
    if (set)
        say(c, (struct ts_issue){.severity = "error", .code = "invalid", .kind = "invalid-data", .message_id = "Terminology_TX_System_ValueSet2"}, at->system,
            "The Coding references a value set, not a code system ('%s')", x->system);
    else
        say(c, (struct ts_issue){.severity = "error", .code = "invalid", .kind = "invalid-data", .message_id = "CODESYSTEM_CS_NO_SUPPLEMENT"}, at->system,
            "CodeSystem %s|%s is a supplement, so can't be used as a value in Coding.system", supplement->url, supplement->version);
    return true;
}

/* Without a system: only a code alone may be looked for in the set, or what asks for it. True: there is one now. */
static bool find_system(struct check *c, struct coding *x, const struct paths *at, bool many)
{
    char set[500], names[600];
    size_t n;
    if (*at->whole == 'C' && !ts_flag(c->in, "inferSystem", false)) {
        if (c->set)
            not_in_set(c, x, at->code, many);
        say(c, (struct ts_issue){.severity = "warning", .code = "invalid", .kind = "invalid-data", .message_id = "Coding_has_no_system__cannot_validate"}, at->whole,
            "Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided");
        return false;
    }
    const struct ts_system *s = c->set ? infer_system(c, x->code, &n, names, sizeof names) : NULL;
    if (s && n == 1) {
        x->system = s->url;
        return true;
    }
    if (!c->set)
        return true;
    name_set(c->set, set, sizeof set);
    not_in_set(c, x, at->code, many);
    if (s)
        say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "cannot-infer"}, at->code,
            "The System URI could not be determined for the code '%s' in the ValueSet '%s': value set expansion has multiple matches: [%s]", x->code, set, names);
    else
        say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "cannot-infer", .message_id = "UNABLE_TO_INFER_CODESYSTEM"}, at->code,
            "The System URI could not be determined for the code '%s' in the ValueSet '%s'", x->code, set);
    return false;
}

/* The system, or the version of it that is meant, is not here: said. */
static void system_missing(struct check *c, const struct coding *x, const struct paths *at, const struct meant *list, size_t n, bool many)
{
    char versions[300];
    ts_versions(c->t, x->system, versions, sizeof versions);
    if (n && !*x->version && *list[0].version && *versions) {
        unknown_version(c, x->system, list[0].version, at->system);
        return;
    }
    if (n && !*versions)
        snprintf(c->caused_by, sizeof c->caused_by, "%s", x->system);
    else if (c->set)
        not_in_set(c, x, at->code, many);
    unknown_system(c, x, at->system, !*x->version);
    if (*c->caused_by)
        c->unknown_system = NULL;
}

static void check_coding(struct check *c, struct coding *x, const struct paths *at, bool many)
{
    struct meant list[MEANT_MAX];
    c->system = NULL;
    c->concept = -1;
    if (!*x->system && !find_system(c, x, at, many))
        return;
    if (no_code_system(c, x, at, many))
        return;
    size_t n = c->set ? systems_meant(c, c->set, x->system, list, 0, 0) : 0;
    if (version_differs(c, x, at, list, n)) {
        check_version(c, x, at);
        return;
    }
    if (*x->version || !n) {
        c->system = ts_system(c->t, x->system, *x->version ? x->version : ts_meant(&c->asked, x->system, ""));
        c->concept = c->system ? ts_concept(c->system, x->code) : -1;
    } else
        choose_system(c, x, list, n);
    if (!strchr(x->system, ':') && *x->system)
        say(c, (struct ts_issue){.severity = "error", .code = "invalid", .kind = "invalid-data", .message_id = "Terminology_TX_System_Relative"}, at->system,
            "Coding.system must be an absolute reference, not a local reference");
    if (!c->system || (c->system->content == TS_NOT_PRESENT && !c->system->n)) {
        c->system = NULL;
        system_missing(c, x, at, list, n, many);
        return;
    }
    bool membership_only = ts_flag(c->in, "valueset-membership-only", false);
    if (c->concept < 0) {
        bool fragment = c->system->content == TS_FRAGMENT;
        if (c->set && !fragment)
            not_in_set(c, x, at->code, many);
        if (!membership_only)
            unknown_code(c, x, at->code);
        c->good |= fragment;
        return;
    }
    bool in = check_member(c, x, at, many);
    c->good |= in;
    comment_case(c, x, at->code);
    comment_status(c, at->whole);
    if (c->set)
        comment_listed(c, x, at->code);
    if (!membership_only)
        check_display(c, x, at->display);
    check_version(c, x, at);
    comment_standing(c, c->system->resource);
    if (c->set)
        comment_standing(c, c->set);
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
        name_set(c->set, set, sizeof set);
        say(c, (struct ts_issue){.severity = "error", .code = "code-invalid", .kind = "not-in-vs", .message_id = "TX_GENERAL_CC_ERROR_MESSAGE"}, "",
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
    const json_t *set = *url ? ts_set(t, url, version) : NULL;
    if (!set) {
        char message[600], named[520];
        *out = ts_outcome();
        snprintf(named, sizeof named, "%s%s%s", url, *version ? "|" : "", version);
        snprintf(message, sizeof message, "A definition for the value Set '%s' could not be found", named);
        ts_issue(*out, &(struct ts_issue){"error", "not-found", "not-found", "Unable_to_resolve_value_Set_", NULL, message});
        *status = *url ? 404 : 400;
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
        if (!*x.code)
            return ts_fail(out, 400, "invalid", NULL, "Unable to find code to validate (looked for coding | codeableConcept | code+system | code+inferSystem in parameters");
        struct paths at = {"", "code", "system", "display", "version"};
        if (coding)
            at = (struct paths){"Coding", "Coding.code", "Coding.system", "Coding.display", "Coding.version"};
        else
            snprintf(at.whole, sizeof at.whole, "code");
        check_coding(c, &x, &at, false);
        comment_imports(c);
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
