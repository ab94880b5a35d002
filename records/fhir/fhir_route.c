/* Which interaction a request is, and what every request may say beside it (http://hl7.org/fhir/R4/http.html). */
#include "records/fhir/fhir_private.h"
#include "records/fhir/own.h"
#include <stdio.h>

#define PAIRS_MAX 120

/* ---- what every request may say ---- */

static bool has_word(const char *list, const char *word)
{
    const char *at = strcasestr(list, word);
    return at && (at == list || strchr(" ,;", at[-1])) && (!at[strlen(word)] || strchr(" ,;", at[strlen(word)]));
}

/* One media range of a list, up to its comma: JSON, of FHIR 4.0, and not the one that is refused (q=0). http://hl7.org/fhir/R4/versioning.html#mt-version */
static bool json_range(const char *range, size_t n)
{
    char text[200];
    snprintf(text, sizeof text, "%.*s", n < sizeof text ? (int)n : 0, range);
    char *parameters = strchr(text, ';'), *rest, *value;
    if (parameters)
        *parameters++ = 0;
    bool json = strcasestr(text, "json") || strstr(text, "*/*") || strcasestr(text, "application/*");
    for (char *one = parameters ? strtok_r(parameters, "; ", &rest) : NULL; one; one = strtok_r(NULL, "; ", &rest)) {
        value = strchr(one, '=');
        if (value && (value - one) == 1 && (*one == 'q' || *one == 'Q'))
            json = json && strtod(value + 1, NULL) > 0;
        if (value && strncasecmp(one, "fhirVersion=", 12) == 0)
            json = json && strncmp(value + 1 + (value[1] == '"'), "4.0", 3) == 0;
    }
    return json;
}

bool fhir_speaks(const char *types)
{
    for (const char *p = types; *p; p += strspn(p, ", ")) {
        size_t n = strcspn(p, ",");
        if (json_range(p, n))
            return true;
        p += n;
    }
    return false;
}

static void take_summary(struct fhir_plan *p, struct r4_str value)
{
    static const struct {
        const char *word;
        enum r4_summary summary;
    } words[] = {{"true", R4_SUMMARY_TRUE}, {"text", R4_SUMMARY_TEXT}, {"data", R4_SUMMARY_DATA}, {"count", R4_SUMMARY_COUNT}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (r4_str_is(value, words[i].word))
            p->summary = words[i].summary;
}

static int take_query(struct fhir_work *w, const char *text, size_t len)
{
    struct fhir_plan *p = w->plan;
    struct r4_doc *d = p->scratch->doc;
    if (!len)
        return 0;
    struct r4_pair *pairs = r4_doc_alloc(d, PAIRS_MAX * sizeof *pairs);
    size_t n = 0, kept = p->n_pairs;
    if (!pairs || (len && r4_query_split(d, text, len, pairs, PAIRS_MAX - kept, &n)))
        return fhir_fail(w, ERR_MALFORMED, "bad_query", "The query is not UTF-8, has a bad escape or too many parameters.");
    struct r4_pair *all = p->pairs ? p->pairs : r4_doc_alloc(d, PAIRS_MAX * sizeof *all);
    if (!all)
        return fhir_fail(w, ERR_UNAVAILABLE, "", "Out of memory.");
    p->pairs = all;
    for (size_t i = 0; i < n; i++) {
        struct r4_str name = pairs[i].name, value = pairs[i].value;
        if (r4_str_is(name, "_pretty"))
            p->pretty = r4_str_is(value, "true");
        else if (r4_str_is(name, "_format")) {
            char format[80];
            snprintf(format, sizeof format, "%.*s", (int)value.n, value.p ? value.p : "");
            if (!fhir_speaks(format))
                return fhir_fail_status(w, 406, "not-supported", "Only JSON is spoken here: application/fhir+json.");
        } else {
            if (r4_str_is(name, "_summary"))
                take_summary(p, value);
            if (r4_str_is(name, "_elements"))
                p->elements = value;
            all[kept++] = pairs[i];
        }
    }
    p->n_pairs = kept;
    return 0;
}

int fhir_take_wishes(struct fhir_work *w)
{
    struct fhir_plan *p = w->plan;
    p->strict = has_word(w->q.prefer, "handling=strict");
    p->wish = has_word(w->q.prefer, "return=minimal") ? WISH_MINIMAL : has_word(w->q.prefer, "return=OperationOutcome") ? WISH_OUTCOME : WISH_REPRESENTATION;
    int rc = take_query(w, w->q.query, strlen(w->q.query));
    if (rc == 0 && *w->q.accept && !fhir_speaks(w->q.accept) && !strstr(w->q.query, "_format"))
        rc = fhir_fail_status(w, 406, "not-supported", "Only JSON is spoken here: application/fhir+json.");
    return rc;
}

/* ---- which interaction ---- */

struct place {
    struct r4_str part[5];
    size_t n;
};

static bool split_path(const char *path, struct place *out)
{
    out->n = 0;
    while (*path) {
        path += *path == '/';
        size_t n = strcspn(path, "/");
        if (!n)
            return !*path; /* one slash at the end is nothing */
        if (out->n == 5)
            return false;
        out->part[out->n++] = (struct r4_str){path, n};
        path += n;
    }
    return true;
}

static int nothing_here(struct fhir_work *w)
{
    return fhir_fail(w, ERR_NOT_FOUND, "no_such_url", "There is nothing at this URL.");
}

static bool is(const struct fhir_work *w, const char *method)
{
    return strcmp(w->q.method, method) == 0 || (strcmp(method, "GET") == 0 && strcmp(w->q.method, "HEAD") == 0);
}

/* OPTIONS is answered with what the URL takes (RFC 9110 9.3.7), whoever asks: it tells of the service, not of what lies there. Nothing is said to other origins. */
static int no_method(struct fhir_work *w, const char *allow)
{
    snprintf(w->answer.allow, sizeof w->answer.allow, "%s, OPTIONS", allow);
    if (is(w, "OPTIONS"))
        w->answer.status = 204;
    else
        (void)!fhir_fail(w, ERR_METHOD, "", "This URL has no such method.");
    return ERR_METHOD; /* nothing else is done */
}

static void set_text(char *to, size_t cap, struct r4_str from)
{
    snprintf(to, cap, "%.*s", (int)from.n, from.p);
}

static bool form_body(struct fhir_work *w)
{
    return strncasecmp(w->q.content_type, "application/x-www-form-urlencoded", 33) == 0;
}

/* The parameters of a _search: of the URL, and of the form behind them. */
static int take_form(struct fhir_work *w)
{
    if (!is(w, "POST"))
        return no_method(w, "POST");
    if (w->q.len && !form_body(w))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_a_form", "The body of _search is application/x-www-form-urlencoded.");
    return take_query(w, w->q.body, w->q.len);
}

static int on_search_post(struct fhir_work *w, struct tx *tx)
{
    int rc = take_form(w);
    if (rc == 0)
        rest_search(w, tx);
    return rc;
}

/* [base]?_type=A,B, and POST [base]/_search */
static int on_system_search(struct fhir_work *w, struct tx *tx, bool form)
{
    int rc = form ? take_form(w) : 0;
    if (rc == 0)
        rest_search_system(w, tx);
    return rc;
}

static int on_type(struct fhir_work *w, struct tx *tx)
{
    if (is(w, "GET"))
        return rest_search(w, tx), 0;
    if (is(w, "POST") || is(w, "PUT") || is(w, "PATCH") || is(w, "DELETE"))
        return rest_write_begin(w, tx), 0;
    return no_method(w, "GET, HEAD, POST, PUT, PATCH, DELETE");
}

static int on_instance(struct fhir_work *w, struct tx *tx)
{
    if (is(w, "GET"))
        return rest_read(w, tx), 0;
    if (is(w, "PUT") || is(w, "PATCH") || is(w, "DELETE"))
        return rest_write_begin(w, tx), 0;
    uint64_t own;
    return no_method(w, own_name(w->plan->type->name, w->plan->id, &own) ? "GET, HEAD" : "GET, HEAD, PUT, PATCH, DELETE");
}

static int on_operation(struct fhir_work *w, struct tx *tx, struct r4_str name)
{
    set_text(w->plan->operation, sizeof w->plan->operation, name);
    if (w->plan->type && terms_type(w->plan->type->name) && !r4_str_is(name, "$validate"))
        return is(w, "GET") || is(w, "POST") ? rest_terms(w, tx, name) : no_method(w, "GET, HEAD, POST");
    if (w->plan->type && strcmp(w->plan->type->name, "Patient") == 0 && r4_str_is(name, "$everything"))
        return is(w, "GET") || is(w, "POST") ? (rest_everything(w, tx), 0) : no_method(w, "GET, HEAD, POST");
    if (w->plan->type && strcmp(w->plan->type->name, "Patient") == 0 && !w->plan->id[0] && r4_str_is(name, "$export"))
        return is(w, "GET") ? (export_begin(w, tx, true), 0) : no_method(w, "GET");
    if (w->plan->type && strcmp(w->plan->type->name, "Patient") == 0 && !w->plan->id[0] && r4_str_is(name, "$match"))
        return is(w, "POST") ? (rest_match(w, tx), 0) : no_method(w, "POST");
    if (w->plan->type && strcmp(w->plan->type->name, "Patient") == 0 && !w->plan->id[0] && r4_str_is(name, "$ihe-pix"))
        return is(w, "GET") ? (rest_pix(w, tx), 0) : no_method(w, "GET");
    if (w->plan->type && r4_str_is(name, "$validate"))
        return is(w, "POST") ? (rest_validate(w), 0) : no_method(w, "POST");
    return fhir_fail(w, ERR_NOT_FOUND, "no_operation", "There is no such operation here.");
}

/* /$export, /export/ID, /export/ID/N.ndjson */
static int on_export(struct fhir_work *w, struct tx *tx, const struct place *at)
{
    char id[24], file[24] = "";
    if (at->n == 1 && at->part[0].p[0] == '$')
        return is(w, "GET") ? (export_begin(w, tx, false), 0) : no_method(w, "GET");
    if (at->n < 2 || at->n > 3)
        return nothing_here(w);
    if (!is(w, "GET") && !is(w, "DELETE"))
        return no_method(w, "GET, DELETE");
    set_text(id, sizeof id, at->part[1]);
    if (at->n == 3)
        set_text(file, sizeof file, at->part[2]);
    export_poll(w, tx, id, file);
    return 0;
}

/* /Patient/1/Observation, and with a form /Patient/1/Observation/_search: http://hl7.org/fhir/R4/http.html#vsearch */
static int on_compartment(struct fhir_work *w, struct tx *tx, struct r4_str type, bool form)
{
    int rc;
    const struct r4_type *of = w->plan->type;
    w->plan->type = r4_resource(fhir_r4(w->fhir), type.p, type.n);
    if (!w->plan->type)
        return nothing_here(w);
    if (form && (rc = take_form(w)))
        return rc;
    if (!form && !is(w, "GET"))
        return no_method(w, "GET, HEAD");
    w->plan->compartment = of->name;
    rest_search(w, tx);
    return 0;
}

/* /Type/.. */
static int route_type(struct fhir_work *w, struct tx *tx, const struct place *at)
{
    struct fhir_plan *p = w->plan;
    if (at->n == 1)
        return on_type(w, tx);
    if (at->part[1].p[0] == '$')
        return at->n == 2 ? on_operation(w, tx, at->part[1]) : nothing_here(w);
    if (r4_str_is(at->part[1], "_search"))
        return at->n == 2 ? on_search_post(w, tx) : nothing_here(w);
    if (r4_str_is(at->part[1], "_history"))
        return at->n != 2 ? nothing_here(w) : is(w, "GET") ? (rest_history(w, tx), 0) : no_method(w, "GET, HEAD");
    if (!r4_id_ok(at->part[1].p, at->part[1].n))
        return fhir_fail(w, ERR_NOT_FOUND, "bad_id", "An id has 1 to 64 letters, digits, '-' and '.'.");
    set_text(p->id, sizeof p->id, at->part[1]);
    if (at->n == 2)
        return on_instance(w, tx);
    if (at->part[2].p[0] == '$')
        return at->n == 3 ? on_operation(w, tx, at->part[2]) : nothing_here(w);
    bool form = at->n == 4 && r4_str_is(at->part[3], "_search");
    if (!r4_str_is(at->part[2], "_history"))
        return at->n == 3 || form ? on_compartment(w, tx, at->part[2], form) : nothing_here(w);
    if (at->n > 4)
        return nothing_here(w);
    if (!is(w, "GET"))
        return no_method(w, "GET, HEAD");
    if (at->n == 3)
        return rest_history(w, tx), 0;
    set_text(p->vid, sizeof p->vid, at->part[3]);
    return rest_vread(w, tx), 0;
}

static int route(struct fhir_work *w, struct tx *tx)
{
    struct place at;
    if (!split_path(w->q.path, &at))
        return nothing_here(w);
    if (at.n == 0)
        return is(w, "POST") ? (rest_bundle_begin(w, tx), 0) : is(w, "GET") ? on_system_search(w, tx, false) : no_method(w, "GET, HEAD, POST");
    if (at.n == 1 && r4_str_is(at.part[0], "_search"))
        return on_system_search(w, tx, true);
    if (at.n == 1 && r4_str_is(at.part[0], "$process-message"))
        return is(w, "POST") ? (rest_bundle_begin(w, tx), 0) : no_method(w, "POST");
    if (at.n == 1 && r4_str_is(at.part[0], "metadata")) /* of a batch; alone it is open to all */
        return is(w, "GET") ? (rest_metadata(w), 0) : no_method(w, "GET, HEAD");
    if (at.n == 1 && r4_str_is(at.part[0], "_history"))
        return is(w, "GET") ? (rest_history(w, tx), 0) : no_method(w, "GET, HEAD");
    if (r4_str_is(at.part[0], "$export") || r4_str_is(at.part[0], "export"))
        return on_export(w, tx, &at);
    if (at.n == 1 && r4_str_is(at.part[0], "$feed"))
        return is(w, "GET") ? (rest_feed(w, tx), 0) : no_method(w, "GET");
    w->plan->type = r4_resource(fhir_r4(w->fhir), at.part[0].p, at.part[0].n);
    return w->plan->type ? route_type(w, tx, &at)
                         : fhir_fail_status(w, 404, "not-supported", "There is no resource type or operation of this name.");
}

bool fhir_one_row(const char *path)
{
    struct place at;
    char type[40], id[FHIR_ID_BYTES];
    uint64_t own;
    if (!split_path(path, &at) || at.n != 2 || at.part[0].n >= sizeof type || at.part[1].n >= sizeof id || strpbrk(at.part[1].p, "$_"))
        return false;
    set_text(type, sizeof type, at.part[0]);
    set_text(id, sizeof id, at.part[1]);
    return type[0] >= 'A' && type[0] <= 'Z' && !terms_type(type) && !own_name(type, id, &own); /* small letters: /export/1 */
}

/* What anybody may ask. */
static bool open_to_all(struct fhir_work *w, struct tx *tx)
{
    const char *path = w->q.path;
    if (strcmp(path, "/metadata") == 0 && is(w, "GET"))
        rest_metadata(w);
    else if (strcmp(path, "/.well-known/smart-configuration") == 0 && is(w, "GET"))
        smart_configuration(w);
    else if (strcmp(path, "/.well-known/smart-configuration") == 0)
        (void)!no_method(w, "GET, HEAD");
    else if (strcmp(path, "/auth/token") == 0) {
        if (is(w, "POST"))
            token_begin(w, tx);
        else
            (void)!no_method(w, "POST");
    } else
        return false;
    return true;
}

void fhir_route(struct fhir_work *w, struct tx *tx)
{
    (void)!route(w, tx);
    if (tx_error(tx) && !w->fault.code)
        fhir_refuse(w, tx_error(tx), "", "The database cannot be read.");
    if (!w->answer.status && !w->to_write)
        fhir_refuse(w, ERR_INTERNAL, "", "Something went wrong here.");
}

void fhir_begin(struct fhir_work *w, struct tx *tx)
{
    if (!fhir_plan_new(w) || fhir_take_wishes(w) || open_to_all(w, tx) || (!is(w, "OPTIONS") && fhir_who(w, tx)))
        return;
    fhir_route(w, tx);
}

int fhir_finish(struct fhir_work *w, struct tx *tx)
{
    switch (w->plan->kind) {
    case K_TOKEN: return token_finish(w, tx);
    case K_WRITE: return rest_write_finish(w, tx);
    case K_BUNDLE: return rest_bundle_finish(w, tx);
    case K_EXPORT: return export_finish(w, tx);
    case K_FEED: return rest_feed_finish(w, tx);
    default: return ERR_INTERNAL;
    }
}
