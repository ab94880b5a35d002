/* Opening, what requests share, and which interaction a request is (http://hl7.org/fhir/R4/http.html). */
#include "records/fhir/fhir_private.h"
#include "records/fhir/dictionary.h"
#include "records/fhir/own.h"
#include "server/base/log.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define PAIRS_MAX 120
#define PACK_LEVEL (-1) /* a quarter longer than 3 makes them, in half the time; opened in a third of it */

/* ---- opening ---- */

int fhir_open(struct fhir **out, const char *config_dir, const uint8_t master[32], struct fault *f)
{
    struct fhir *x = calloc(1, sizeof *x);
    uint8_t hash[32];
    *out = x;
    if (!x)
        return fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
    pthread_mutex_init(&x->lock, NULL);
    snprintf(x->data_dir, sizeof x->data_dir, "%s/data", config_dir);
    crypto_derive(master, "fhir bodies", x->body_key, 32);
    crypto_derive(master, "fhir facts", x->facts_key, 32);
    crypto_derive(master, "fhir keys", hash, 32);
    memcpy(x->hash_key, hash, sizeof x->hash_key);
    crypto_derive(master, "fhir pages 2", x->page_key, 32);
    crypto_derive(master, "fhir bearers", x->bearer_key, 32);
    explicit_bzero(hash, sizeof hash);
    x->pack = ZSTD_createCDict(fhir_dictionary, strlen(fhir_dictionary), PACK_LEVEL);
    x->unpack = ZSTD_createDDict(fhir_dictionary, strlen(fhir_dictionary));
    return x->pack && x->unpack ? 0 : fault_set(f, ERR_UNAVAILABLE, "", "Out of memory.");
}

static void scratch_free(struct scratch *s)
{
    if (!s)
        return;
    r4_doc_free(s->doc);
    r4_doc_free(s->rows);
    ZSTD_freeCCtx(s->pack);
    ZSTD_freeDCtx(s->unpack);
    free(s);
}

void fhir_close(struct fhir *x)
{
    if (!x)
        return;
    while (x->free) {
        struct scratch *s = x->free;
        x->free = s->next;
        scratch_free(s);
    }
    r4_close(x->r4);
    free(x->patients);
    free(x->visits);
    ZSTD_freeCDict(x->pack);
    ZSTD_freeDDict(x->unpack);
    pthread_mutex_destroy(&x->lock);
    explicit_bzero(x, sizeof *x);
    free(x);
}

/* The tables are read when the first request comes: a start costs what every site needs. */
const struct r4 *fhir_r4(struct fhir *x)
{
    struct fault f = {0};
    const struct r4 *ready = atomic_load_explicit(&x->ready, memory_order_acquire);
    if (ready)
        return ready;
    pthread_mutex_lock(&x->lock);
    if (!x->r4 && !x->broken && r4_open(&x->r4, x->data_dir, &f)) {
        x->broken = true;
        log_error("fhir", "%s", f.text);
    }
    const struct r4 *r4 = x->r4;
    atomic_store_explicit(&x->ready, r4, memory_order_release);
    pthread_mutex_unlock(&x->lock);
    return r4;
}

struct scratch *scratch_take(struct fhir *x)
{
    pthread_mutex_lock(&x->lock);
    struct scratch *s = x->free;
    if (s)
        x->free = s->next;
    pthread_mutex_unlock(&x->lock);
    if (s || !(s = calloc(1, sizeof *s)))
        return s;
    s->doc = r4_doc_new();
    s->rows = r4_doc_new();
    s->pack = ZSTD_createCCtx();
    s->unpack = ZSTD_createDCtx();
    if (s->doc && s->rows && s->pack && s->unpack)
        return s;
    scratch_free(s);
    return NULL;
}

void scratch_give(struct fhir *x, struct scratch *s)
{
    if (!s)
        return;
    r4_doc_reset(s->doc);
    r4_doc_reset(s->rows);
    pthread_mutex_lock(&x->lock);
    s->next = x->free;
    x->free = s;
    pthread_mutex_unlock(&x->lock);
}

/* ---- answers ---- */

void fhir_answer_buf(struct fhir_work *w, int status, struct r4_buf *b)
{
    free(w->answer.body);
    w->answer.status = status;
    w->answer.content_type = FHIR_JSON;
    w->answer.body = b->p;
    w->answer.len = b->n;
    memset(b, 0, sizeof *b);
}

/* http://hl7.org/fhir/R4/valueset-issue-type.html */
static const char *issue_of(int code)
{
    switch (code) {
    case ERR_UNAUTHENTICATED: case ERR_SECOND_FACTOR: return "login";
    case ERR_DENIED: return "forbidden";
    case ERR_NOT_FOUND: return "not-found";
    case ERR_GONE: return "deleted";
    case ERR_METHOD: return "not-supported";
    case ERR_RATE: return "throttled";
    case ERR_UNAVAILABLE: return "transient";
    case ERR_MALFORMED: case ERR_MEDIA_TYPE: return "structure";
    case ERR_INVALID: return "invalid";
    case ERR_CONFLICT: case ERR_PRECONDITION_FAILED: return "conflict";
    case ERR_TOO_LARGE: return "too-costly";
    default: return "exception";
    }
}

static void outcome(struct fhir_work *w, int status, const char *issue, const char *text, const struct fault *fields)
{
    struct r4_buf b = {0};
    r4_buf_puts(&b, "{\"resourceType\":\"OperationOutcome\",\"issue\":[{\"severity\":\"error\",\"code\":");
    r4_buf_quote(&b, issue, strlen(issue));
    r4_buf_puts(&b, ",\"details\":{\"text\":");
    r4_buf_quote(&b, text, strlen(text));
    r4_buf_puts(&b, "}");
    for (size_t i = 0; fields && i < fields->n_fields; i++) {
        if (i) {
            r4_buf_puts(&b, "},{\"severity\":\"error\",\"code\":\"invalid\",\"details\":{\"text\":");
            r4_buf_quote(&b, fields->fields[i].reason, strlen(fields->fields[i].reason));
            r4_buf_puts(&b, "}");
        } else {
            r4_buf_puts(&b, ",\"diagnostics\":");
            r4_buf_quote(&b, fields->fields[i].reason, strlen(fields->fields[i].reason));
        }
        r4_buf_puts(&b, ",\"expression\":[");
        r4_buf_quote(&b, fields->fields[i].path, strlen(fields->fields[i].path));
        r4_buf_puts(&b, "]");
    }
    r4_buf_puts(&b, "}]}");
    fhir_answer_buf(w, status, &b);
    w->answer.etag[0] = w->answer.location[0] = 0;
}

void fhir_refuse(struct fhir_work *w, int code, const char *reason, const char *text)
{
    fault_set(&w->fault, code, reason, "%s", text);
    w->n_notes = 0;
    outcome(w, err_http(code), issue_of(code), text, NULL);
}

int fhir_fail(struct fhir_work *w, int code, const char *reason, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    w->fault.code = code;
    snprintf(w->fault.reason, sizeof w->fault.reason, "%s", reason);
    w->n_notes = 0;
    outcome(w, code == ERR_INVALID ? 400 : err_http(code), issue_of(code), text, &w->fault);
    return code;
}

int fhir_fail_status(struct fhir_work *w, int status, const char *issue, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    w->n_notes = 0;
    outcome(w, status, issue, text, NULL);
    return ERR_INVALID;
}

int fhir_fail_issues(struct fhir_work *w, int status, const struct r4_issues *issues)
{
    struct r4_buf b = {0};
    r4_outcome_write(&b, issues);
    fhir_answer_buf(w, status, &b);
    w->n_notes = 0;
    return ERR_INVALID;
}

void fhir_note(struct fhir_work *w, const char *what, uint64_t patient, uint64_t object, const char *detail)
{
    if (w->n_notes == w->cap_notes) {
        size_t cap = w->cap_notes ? 2 * w->cap_notes : 4;
        struct fhir_note *more = realloc(w->notes, cap * sizeof *more);
        if (!more)
            abort(); /* what cannot be noted must not happen */
        w->notes = more;
        w->cap_notes = cap;
    }
    struct fhir_note *n = &w->notes[w->n_notes++];
    *n = (struct fhir_note){.patient = patient, .object = object, .what = what};
    snprintf(n->detail, sizeof n->detail, "%s", detail);
}

void fhir_public_address(struct fhir *x, const char *address)
{
    snprintf(x->public_address, sizeof x->public_address, "%s", address ? address : "");
}

void fhir_base(const struct fhir_work *w, char out[300])
{
    snprintf(out, 300, "https://%.250s/fhir", *w->q.host ? w->q.host : "localhost");
}

void fhir_work_init(struct fhir_work *w, struct records *r, struct fhir *x)
{
    memset(w, 0, offsetof(struct fhir_work, fault.fields));
    w->records = r;
    w->fhir = x;
}

void fhir_work_fini(struct fhir_work *w)
{
    free(w->notes);
    fhir_plan_drop(w);
}

void fhir_plan_drop(struct fhir_work *w)
{
    struct fhir_plan *p = w->plan;
    if (!p)
        return;
    if (p->staged)
        staged_clear(p->staged);
    free(p->staged);
    if (p->owns_bundle)
        bundle_free(p->bundle);
    export_free(p->export);
    free(p->assertion);
    scratch_give(w->fhir, p->scratch);
    free(p);
    w->plan = NULL;
}

/* ---- what every request may say ---- */

static bool has_word(const char *list, const char *word)
{
    const char *at = strcasestr(list, word);
    return at && (at == list || strchr(" ,;", at[-1])) && (!at[strlen(word)] || strchr(" ,;", at[strlen(word)]));
}

static bool is_json(const char *type)
{
    return strcasestr(type, "json") || strcasestr(type, "*/*") || strcasestr(type, "application/*") || strcasestr(type, "ndjson");
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
        return fhir_fail(w, ERR_MALFORMED, "bad_query", "The query has a bad escape or too many parameters.");
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
            if (!is_json(format))
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
    if (rc == 0 && *w->q.accept && !is_json(w->q.accept) && !strstr(w->q.query, "_format"))
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

static int no_method(struct fhir_work *w, const char *allow)
{
    snprintf(w->answer.allow, sizeof w->answer.allow, "%s", allow);
    return fhir_fail(w, ERR_METHOD, "", "This URL has no such method.");
}

static bool is(const struct fhir_work *w, const char *method)
{
    return strcmp(w->q.method, method) == 0 || (strcmp(method, "GET") == 0 && strcmp(w->q.method, "HEAD") == 0);
}

static void set_text(char *to, size_t cap, struct r4_str from)
{
    snprintf(to, cap, "%.*s", (int)from.n, from.p);
}

static bool form_body(struct fhir_work *w)
{
    return strncasecmp(w->q.content_type, "application/x-www-form-urlencoded", 33) == 0;
}

static int on_search_post(struct fhir_work *w, struct tx *tx)
{
    if (!is(w, "POST"))
        return no_method(w, "POST");
    if (w->q.len && !form_body(w))
        return fhir_fail(w, ERR_MEDIA_TYPE, "not_a_form", "The body of _search is application/x-www-form-urlencoded.");
    if (take_query(w, w->q.body, w->q.len) == 0)
        rest_search(w, tx);
    return 0;
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
    return no_method(w, "GET, HEAD, PUT, PATCH, DELETE");
}

static int on_operation(struct fhir_work *w, struct tx *tx, struct r4_str name)
{
    set_text(w->plan->operation, sizeof w->plan->operation, name);
    if (w->plan->type && strcmp(w->plan->type->name, "Patient") == 0 && r4_str_is(name, "$everything"))
        return is(w, "GET") || is(w, "POST") ? (rest_everything(w, tx), 0) : no_method(w, "GET, HEAD, POST");
    if (w->plan->type && strcmp(w->plan->type->name, "Patient") == 0 && !w->plan->id[0] && r4_str_is(name, "$export"))
        return is(w, "GET") ? (export_begin(w, true), 0) : no_method(w, "GET");
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
        return is(w, "GET") ? (export_begin(w, false), 0) : no_method(w, "GET");
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

/* /Patient/1/Observation: http://hl7.org/fhir/R4/http.html#vsearch */
static int on_compartment(struct fhir_work *w, struct tx *tx, struct r4_str type)
{
    const struct r4_type *of = w->plan->type;
    w->plan->type = r4_resource(fhir_r4(w->fhir), type.p, type.n);
    if (!w->plan->type)
        return nothing_here(w);
    if (!is(w, "GET"))
        return no_method(w, "GET, HEAD");
    w->plan->compartment = of->name;
    rest_search(w, tx);
    return 0;
}

static bool is_terminology(const char *type)
{
    return strcmp(type, "CodeSystem") == 0 || strcmp(type, "ValueSet") == 0 || strcmp(type, "ConceptMap") == 0;
}

/* /ValueSet, /ValueSet/ID, /ValueSet/$expand, /ValueSet/ID/$expand */
static int route_terms(struct fhir_work *w, const struct place *at)
{
    struct r4_str last = at->part[at->n - 1], none = {0};
    bool operation = at->n > 1 && last.p[0] == '$';
    size_t names = at->n - operation;
    if (names > 2 || (names == 2 && !r4_id_ok(at->part[1].p, at->part[1].n)))
        return nothing_here(w);
    if (names == 2)
        set_text(w->plan->id, sizeof w->plan->id, at->part[1]);
    return rest_terms(w, operation ? last : none);
}

/* /Type/.. */
static int route_type(struct fhir_work *w, struct tx *tx, const struct place *at)
{
    struct fhir_plan *p = w->plan;
    if (is_terminology(p->type->name))
        return route_terms(w, at);
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
    if (!r4_str_is(at->part[2], "_history"))
        return at->n == 3 ? on_compartment(w, tx, at->part[2]) : nothing_here(w);
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
        return is(w, "POST") ? (rest_bundle_begin(w, tx), 0) : no_method(w, "POST");
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
    return type[0] >= 'A' && type[0] <= 'Z' && !is_terminology(type) && !own_name(type, id, &own); /* small letters: /export/1 */
}

/* What anybody may ask. */
static bool open_to_all(struct fhir_work *w, struct tx *tx)
{
    const char *path = w->q.path;
    if (strcmp(path, "/metadata") == 0 && is(w, "GET"))
        rest_metadata(w);
    else if (strcmp(path, "/.well-known/smart-configuration") == 0 && is(w, "GET"))
        smart_configuration(w);
    else if (strcmp(path, "/auth/token") == 0) {
        if (is(w, "POST"))
            token_begin(w, tx);
        else
            (void)!no_method(w, "POST");
    } else
        return false;
    return true;
}

struct fhir_plan *fhir_plan_new(struct fhir_work *w)
{
    w->plan = calloc(1, sizeof *w->plan);
    if (w->plan)
        w->plan->scratch = scratch_take(w->fhir);
    if (w->plan && w->plan->scratch && fhir_r4(w->fhir))
        return w->plan;
    fhir_refuse(w, ERR_UNAVAILABLE, "", "The FHIR service is not ready.");
    return NULL;
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
    if (!fhir_plan_new(w) || fhir_take_wishes(w) || open_to_all(w, tx) || fhir_who(w, tx))
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
