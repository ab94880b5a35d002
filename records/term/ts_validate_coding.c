/* $validate-code: one coding - its system and version, membership, statuses. */
#include "records/term/ts_check.h"
#include <stdio.h>
#include <string.h>

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

void check_name_set(const json_t *set, char *out, size_t cap)
{
    const char *version = ts_member(set, "version");
    const char *url = ts_member(set, "url");
    snprintf(out, cap, "%s%s%s", *url ? url : "(unidentified)", *version ? "|" : "", version);
}

static void not_in_set(struct check *c, const struct coding *x, const char *path, bool one_of_many)
{
    char coding[700], set[500];
    name_coding(x, coding, sizeof coding);
    check_name_set(c->set, set, sizeof set);
    check_say(c, (struct ts_issue){.severity = one_of_many ? "information" : "error", .code = "code-invalid",
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
        check_say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM_VERSION"}, at_system,
            "A definition for CodeSystem '%s' version '%s' could not be found, so the code cannot be validated. Valid versions: %s", x->system,
            x->version, versions);
    } else if (!any_version)
        check_say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM_VERSION_NONE"}, at_system,
            "A definition for CodeSystem '%s' version '%s' could not be found, so the code cannot be validated. No versions of this code system are known", x->system,
            x->version);
    else
        check_say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM"}, at_system,
            "A definition for CodeSystem '%s' could not be found, so the code cannot be validated", x->system);
    return false;
}

static void comment_status(struct check *c, const char *path)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    char status[80];
    if (!k->inactive && k->status && strcmp(k->status, "deprecated") == 0)
        check_say(c, (struct ts_issue){.severity = "warning", .code = "business-rule", .kind = "code-comment", .message_id = "DEPRECATED_CONCEPT_FOUND"}, path,
            "The concept '%s' is deprecated and its use should be reviewed", k->code);
    if (!k->inactive)
        return;
    if (k->status && *k->status && strcmp(k->status, "inactive"))
        snprintf(status, sizeof status, "%s and inactive", k->status);
    else
        snprintf(status, sizeof status, "inactive");
    check_say(c, (struct ts_issue){.severity = "warning", .code = "business-rule", .kind = "code-comment", .message_id = "INACTIVE_CONCEPT_FOUND"}, path,
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
    check_say(c, (struct ts_issue){.severity = "information", .code = "business-rule", .kind = "code-rule", .message_id = "CODE_CASE_DIFFERENCE"}, path,
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
            check_name_set(c->set, set, sizeof set);
            check_say(c, (struct ts_issue){.severity = "warning", .code = "business-rule", .kind = "code-comment", .message_id = "CONCEPT_DEPRECATED_IN_VALUESET"}, path,
                "The presence of the concept '%s' in the system '%s' in the value set %s is marked with a status of deprecated and its use should be reviewed",
                x->code, x->system, set);
        }
}

static void unknown_code(struct check *c, const struct coding *x, const char *path)
{
    if (c->system->content == TS_FRAGMENT) {
        check_say(c, (struct ts_issue){.severity = "warning", .code = "code-invalid", .kind = "invalid-code", .message_id = "UNKNOWN_CODE_IN_FRAGMENT"}, path,
            "Unknown Code '%s' in the CodeSystem '%s' version '%s' - note that the code system is labeled as a fragment, so the code may be valid in some other fragment",
            x->code, x->system, c->system->version);
        return;
    }
    check_say(c, (struct ts_issue){.severity = "error", .code = "code-invalid", .kind = "invalid-code", .message_id = "Unknown_Code_in_Version"}, path,
        "Unknown code '%s' in the CodeSystem '%s' version '%s'", x->code, x->system, c->system->version);
}

/* The code system or the set is a draft, withdrawn and so on: said, and no fault. */
static void comment_standing(struct check *c, const json_t *resource)
{
    static const char *const ids[][2] = {{"draft", "MSG_DRAFT"}, {"experimental", "MSG_EXPERIMENTAL"}, {"deprecated", "MSG_DEPRECATED"}, {"withdrawn", "MSG_WITHDRAWN"}};
    const char *standing = ts_standing(resource), *id = NULL;
    for (size_t i = 0; i < 4; i++)
        id = strcmp(standing, ids[i][0]) == 0 ? ids[i][1] : id;
    if (id)
        check_say(c, (struct ts_issue){.severity = "information", .code = "business-rule", .kind = "status-check", .message_id = id}, "", "Reference to %s %s %s|%s", standing,
            ts_member(resource, "resourceType"), ts_member(resource, "url"), ts_member(resource, "version"));
}

/* Imported sets, too. */
void check_comment_imports(struct check *c)
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
    check_say(c, (struct ts_issue){.severity = "error", .code = "exception", .kind = "version-error", .message_id = "VALUESET_VERSION_CHECK"}, at->version,
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
        check_say(c, (struct ts_issue){.severity = "error", .code = "business-rule", .kind = "code-rule", .message_id = "ABSTRACT_CODE_NOT_ALLOWED"}, at->code,
            "Code '%s#%s' is abstract, and not allowed in this context", x->system, x->code);
        in = 0;
    }
    bool active_only = ts_flag(c->in, "activeOnly", false) || json_is_false(json_object_get(json_object_get(c->set, "compose"), "inactive"));
    if (k->inactive && active_only) {
        check_say(c, (struct ts_issue){.severity = "error", .code = "business-rule", .kind = "code-rule", .message_id = "STATUS_CODE_WARNING_CODE"}, at->code,
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
    check_say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "not-found", .message_id = "UNKNOWN_CODESYSTEM_VERSION"}, at_system,
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
    check_say(c, (struct ts_issue){.severity = mild ? "warning" : "error", .code = "invalid", .kind = "vs-invalid",
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
        int worth = !s ? -1 : k < 0 ? 0 : !in ? 1 : !*x->display || !check_display_right(&one, x, names, check_names(&one, names)) ? 2 : 3;
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
        check_say(c, (struct ts_issue){.severity = "error", .code = "invalid", .kind = "invalid-data", .message_id = "Terminology_TX_System_ValueSet2"}, at->system,
            "The Coding references a value set, not a code system ('%s')", x->system);
    else
        check_say(c, (struct ts_issue){.severity = "error", .code = "invalid", .kind = "invalid-data", .message_id = "CODESYSTEM_CS_NO_SUPPLEMENT"}, at->system,
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
        check_say(c, (struct ts_issue){.severity = "warning", .code = "invalid", .kind = "invalid-data", .message_id = "Coding_has_no_system__cannot_validate"}, at->whole,
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
    check_name_set(c->set, set, sizeof set);
    not_in_set(c, x, at->code, many);
    if (s)
        check_say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "cannot-infer"}, at->code,
            "The System URI could not be determined for the code '%s' in the ValueSet '%s': value set expansion has multiple matches: [%s]", x->code, set, names);
    else
        check_say(c, (struct ts_issue){.severity = "error", .code = "not-found", .kind = "cannot-infer", .message_id = "UNABLE_TO_INFER_CODESYSTEM"}, at->code,
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

void check_coding(struct check *c, struct coding *x, const struct paths *at, bool many)
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
        check_say(c, (struct ts_issue){.severity = "error", .code = "invalid", .kind = "invalid-data", .message_id = "Terminology_TX_System_Relative"}, at->system,
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
