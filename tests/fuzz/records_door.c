/* FHIR requests of a client who may do all, through to the database and back: whatever is asked has an answer with a status, and JSON where there is
 * a body. Several requests an input, each behind the one before in one transaction, with "\n\f\n" between them: a line "METHOD /path?query", then
 * "name: value" of the headers, an empty line, the body. */
#include "records/fhir/client.h"
#include "records/quality/quality.h"
#include "tests/lib/fuzz_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char bearer[BEARER_BYTES];

static void keep(const char *path, const char *body)
{
    struct records_fhir_answer a = {0};
    struct records_fhir q = {.method = "PUT", .path = path, .query = "", .credential = bearer, .accept = "", .content_type = "application/fhir+json", .prefer = "", .if_match = "",
                             .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1", .host = "yilian.test", .body = body, .len = strlen(body)};
    records_fhir_call(w.r, &q, &a);
    if (a.status / 100 != 2) fprintf(stderr, "%s: %d %s\n", path, a.status, a.body), abort();
    free(a.body);
}

/* What there is to find. */
static void begin(void)
{
    struct bearer b = {.client = 7001, .until_ms = INT64_MAX, .scopes = "system/*.cruds"};
    struct tx *tx = fuzz_world_begin();
    tx_exec(tx, "INSERT INTO fhir_client (id, name, org_id, scopes, jwks, active, created_ms, created_by) VALUES (7001,'c',0,'system/*.cruds','',1,0,0)", "");
    if (tx_commit(tx)) abort();
    bearer_make(records_parts(w.r)->fhir, &b, bearer);
    json_decref(world_call(&w, "zhang", "patient.create", world_json("{\"name\":\"王小明\",\"sex\":\"male\",\"birth_date\":\"1980-05-06\",\"phone\":\"13812345678\"}")));
    keep("/Patient/p1", "{\"resourceType\":\"Patient\",\"id\":\"p1\",\"identifier\":[{\"system\":\"urn:oid:1.2.3\",\"value\":\"A-1\"}],\"name\":[{\"family\":\"Zhao\",\"given\":[\"Ming\"]}],\"gender\":\"female\",\"birthDate\":\"1970-01-02\"}");
    keep("/Encounter/e1", "{\"resourceType\":\"Encounter\",\"id\":\"e1\",\"status\":\"finished\",\"class\":{\"code\":\"AMB\"},\"subject\":{\"reference\":\"Patient/p1\"},\"period\":{\"start\":\"2026-01-01T08:00:00+08:00\",\"end\":\"2026-01-01T09:00:00+08:00\"}}");
    keep("/Observation/o1", "{\"resourceType\":\"Observation\",\"id\":\"o1\",\"status\":\"final\",\"code\":{\"coding\":[{\"system\":\"http://loinc.org\",\"code\":\"2339-0\"}]},\"subject\":{\"reference\":\"Patient/p1\"},\"encounter\":{\"reference\":\"Encounter/e1\"},\"effectiveDateTime\":\"2026-01-01T08:30:00+08:00\",\"valueQuantity\":{\"value\":6.1,\"unit\":\"mmol/L\",\"system\":\"http://unitsofmeasure.org\",\"code\":\"mmol/L\"}}");
    keep("/Observation/o2", "{\"resourceType\":\"Observation\",\"id\":\"o2\",\"status\":\"final\",\"code\":{\"text\":\"x\"},\"subject\":{\"reference\":\"Patient/p1\"},\"hasMember\":[{\"reference\":\"Observation/o1\"}],\"valueString\":\"y\"}");
    keep("/DocumentReference/d1", "{\"resourceType\":\"DocumentReference\",\"id\":\"d1\",\"status\":\"current\",\"subject\":{\"reference\":\"Patient/p1\"},\"content\":[{\"attachment\":{\"contentType\":\"text/plain\",\"data\":\"eHl6\"}}]}");
}

/* ---- one request ---- */

static void judge(const struct records_fhir_answer *a)
{
    if (a->status < 100 || a->status > 599) abort();
    if (a->status >= 500 && a->status != 501 && a->status != 503) fprintf(stderr, "%d %.*s\n", a->status, (int)a->len, a->body ? a->body : ""), abort(); /* no input is our mistake */
    if (!a->body || !a->len || !a->content_type || !strstr(a->content_type, "json") || strstr(a->content_type, "ndjson")) return;
    json_t *v = json_loadb(a->body, a->len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    if (!v) fprintf(stderr, "%.*s\n", (int)a->len, a->body), abort();
    json_decref(v);
}

static void run(struct tx *tx, const struct records_fhir *q)
{
    struct fhir_work work;
    struct fhir *x = records_parts(w.r)->fhir;
    fhir_work_init(&work, w.r, x);
    work.q = *q;
    work.now_ms = w.now_ms;
    if (tx_savepoint(tx)) abort();
    fhir_begin(&work, tx);
    int rc = 0;
    if (!work.to_write) fhir_plan_drop(&work);
    else {
        rc = fhir_finish(&work, tx);
        if (rc == ERR_STORAGE || rc == ERR_INTERNAL) abort();
    }
    if (tx_error(tx)) abort(); /* a statement that does not hold */
    if (rc ? tx_savepoint_rollback(tx) : tx_savepoint_release(tx)) abort();
    if (rc) fhir_clean_forget(x);
    judge(&work.answer);
    free(work.answer.body);
    fhir_work_fini(&work);
}

/* Takes a line off; its end becomes '\0', and so does what no header holds. */
static char *line_of(char **at)
{
    char *line = *at, *end = line ? strchr(line, '\n') : NULL;
    if (!line) return NULL;
    *at = end ? end + 1 : NULL;
    if (end) *end = '\0';
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    return line;
}

static void header(struct records_fhir *q, const char *line)
{
    const struct {
        const char *name;
        const char **to;
    } all[] = {{"accept:", &q->accept}, {"content-type:", &q->content_type}, {"prefer:", &q->prefer}, {"if-match:", &q->if_match}, {"if-none-match:", &q->if_none_match},
               {"if-none-exist:", &q->if_none_exist}, {"if-modified-since:", &q->if_modified_since}, {"accept-language:", &q->languages}, {"host:", &q->host}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strncasecmp(line, all[i].name, strlen(all[i].name)) == 0) *all[i].to = line + strlen(all[i].name) + strspn(line + strlen(all[i].name), " ");
}

static void ask(struct tx *tx, char *text, size_t len)
{
    struct records_fhir q = {.method = "GET", .path = "", .query = "", .credential = bearer, .accept = "", .content_type = "application/fhir+json", .prefer = "", .if_match = "",
                             .if_none_match = "", .if_none_exist = "", .if_modified_since = "", .csrf = "", .client_address = "10.0.0.1", .host = "yilian.test"};
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}; /* others get no further than net */
    char *at = text, *line = line_of(&at), *path = strchr(line, ' '), *query;
    if (!path || path[1] != '/') return;
    *path++ = '\0';
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(line, methods[i]) == 0) q.method = methods[i];
    if ((query = strchr(path, '?'))) *query++ = '\0';
    q.path = path;
    q.query = query ? query : "";
    while ((line = line_of(&at)) && *line)
        header(&q, line);
    q.len = at ? len - (size_t)(at - text) : 0;
    char *body = malloc(q.len + 1); /* of its own size: a reader past the end is seen */
    memcpy(body, at ? at : "", q.len);
    body[q.len] = '\0';
    q.body = body;
    run(tx, &q);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384) return 0;
    struct tx *tx = fuzz_world_begin();
    quality_arrivals_begin(records_parts(w.r)->quality);
    fhir_clean_begin(records_parts(w.r)->fhir);
    fuzz_world_each(data, size, ask, tx);
    tx_rollback(tx);
    fhir_clean_forget(records_parts(w.r)->fhir);
    return 0;
}
