/* $validate-code: what a concept may be called. */
#include "records/term/ts_check.h"
#include <stdio.h>
#include <string.h>

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


size_t check_names(const struct check *c, struct name *out)
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
        check_say(c, (struct ts_issue){.severity = "information", .code = "invalid", .kind = "invalid-display", .message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_OK"},
            path, "There are no valid display names found for the code %s#%s for language(s) '%s'. The display is '%s' which is a valid display for the default language",
            x->system, x->code, language, x->display);
        return;
    }
    bool lenient = ts_flag(c->in, "lenient-display-validation", false);
    c->good &= lenient;
    check_say(c, (struct ts_issue){.severity = lenient ? "warning" : "error", .code = "invalid", .kind = "invalid-display",
                             .message_id = "NO_VALID_DISPLAY_FOUND_NONE_FOR_LANG_ERR"}, path,
        "Wrong Display Name '%s' for %s#%s. There are no valid display names found for language(s) '%s'. Default display is '%s'", x->display, x->system, x->code,
        language, k->display);
}

bool check_display_right(const struct check *c, const struct coding *x, const struct name *names, size_t n)
{
    const json_t *found;
    for (size_t i = 0; i < n; i++)
        if (same_display(names[i].text, x->display))
            return true;
    return is_designation(&c->system->concepts[c->concept], x->display, &found, true);
}

void check_display(struct check *c, const struct coding *x, const char *path)
{
    const struct ts_concept *k = &c->system->concepts[c->concept];
    const char *wanted = ts_text(c->in, "displayLanguage");
    struct name names[NAMES_MAX + 1];
    const json_t *found = NULL;
    char list[700];
    if (!*x->display || !*k->display)
        return;
    size_t n = check_names(c, names);
    if (!n) {
        no_name(c, x, path);
        return;
    }
    if (check_display_right(c, x, names, n))
        return;
    list_names(names, n, list, sizeof list);
    if (is_designation(k, x->display, &found, false) && *ts_designation_status(found)) { /* it was right once */
        snprintf(list, sizeof list, "\"%s\"", names[0].text);
        check_say(c, (struct ts_issue){.severity = "warning", .code = "invalid", .kind = "display-comment", .message_id = "INACTIVE_DISPLAY_FOUND"}, path,
            "'%s' is no longer considered a correct display for code '%s' (status = deprecated). The correct display is one of %s.", x->display, x->code, list);
        return;
    }
    bool blanks = same_but_blanks(k->display, x->display), lenient = ts_flag(c->in, "lenient-display-validation", false);
    if (!lenient)
        c->good = false;
    check_say(c, (struct ts_issue){.severity = lenient ? "warning" : "error", .code = "invalid", .kind = "invalid-display",
                             .message_id = blanks ? "Display_Name_WS_for__should_be_one_of__instead_of" : "Display_Name_for__should_be_one_of__instead_of"},
        path, "Wrong %sDisplay Name '%s' for %s#%s. Valid display is %s (for the language(s) '%s')", blanks ? "whitespace in " : "", x->display, x->system,
        x->code, list, *wanted ? wanted : "--");
}
