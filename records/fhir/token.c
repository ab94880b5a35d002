/* POST /fhir/auth/token: a signed assertion against a bearer token (SMART App Launch 2.0, backend services; RFC 6749 4.4, RFC 7523). */
#include "records/fhir/client.h"
#include <stdio.h>

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct assertion { /* what the writer needs: that it is used once */
    char jti[200];
    int64_t until_ms;
    struct bearer bearer;
};

/* RFC 6749 5.2: errors of this endpoint are no OperationOutcomes. */
static void refuse(struct fhir_work *w, const char *error, const char *text)
{
    struct r4_buf b = {0};
    r4_buf_printf(&b, "{\"error\":\"%s\",\"error_description\":", error);
    r4_buf_quote(&b, text, strlen(text));
    r4_buf_puts(&b, "}");
    fhir_answer_buf(w, strcmp(error, "invalid_client") == 0 ? 401 : 400, &b);
    w->answer.content_type = "application/json";
    snprintf(w->fault.reason, sizeof w->fault.reason, "%s", error);
}

struct form {
    struct r4_str grant, type, assertion, scope;
};

static bool read_form(struct fhir_work *w, struct form *f)
{
    struct r4_pair pairs[16];
    size_t n = 0;
    memset(f, 0, sizeof *f);
    if (strncasecmp(w->q.content_type, "application/x-www-form-urlencoded", 33) || r4_query_split(w->plan->scratch->doc, w->q.body, w->q.len, pairs, 16, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct r4_str *to = r4_str_is(pairs[i].name, "grant_type") ? &f->grant : r4_str_is(pairs[i].name, "client_assertion_type") ? &f->type
                            : r4_str_is(pairs[i].name, "client_assertion") ? &f->assertion : r4_str_is(pairs[i].name, "scope") ? &f->scope : NULL;
        if (to)
            *to = pairs[i].value;
    }
    return true;
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));
    return text ? text : "";
}

/* The registered client an assertion claims to be of; its keys and scopes. */
static json_t *keys_of(struct tx *tx, const json_t *claims, struct bearer *b, uint64_t *org)
{
    json_t *jwks = NULL;
    if (id_parse(text_of(claims, "iss"), &b->client) || strcmp(text_of(claims, "iss"), text_of(claims, "sub")))
        return NULL;
    struct query *q = tx_query(tx, "SELECT jwks, scopes, org_id FROM fhir_client WHERE id=$1 AND active=1", "i", (int64_t)b->client);
    if (query_next(q)) {
        jwks = json_loads(query_text(q, "jwks"), 0, NULL);
        snprintf(b->scopes, sizeof b->scopes, "%s", query_text(q, "scopes"));
        *org = (uint64_t)query_int(q, "org_id");
    }
    if (query_end(q)) {
        json_decref(jwks);
        jwks = NULL;
    }
    return jwks;
}

/* The Host of a request is its sender's word: by it a statement that was made for another server would be good here. Where it is configured
 * what this site is called, that alone counts; it is also what smart-configuration tells clients. */
static void token_url(const struct fhir_work *w, char out[340])
{
    char base[300];
    fhir_base(w, base);
    if (w->fhir->public_address[0])
        snprintf(base, sizeof base, "%.250s/fhir", w->fhir->public_address);
    snprintf(out, 340, "%s/auth/token", base);
}

static bool for_us(const struct fhir_work *w, const json_t *claims)
{
    char url[340];
    const json_t *aud = json_object_get(claims, "aud");
    size_t i;
    json_t *one;
    token_url(w, url);
    if (json_is_string(aud))
        return strcmp(json_string_value(aud), url) == 0;
    json_array_foreach(aud, i, one) if (json_is_string(one) && strcmp(json_string_value(one), url) == 0) return true;
    return false;
}

static const char *check_claims(struct fhir_work *w, const json_t *claims, struct assertion *a)
{
    const char *jti = text_of(claims, "jti");
    a->until_ms = json_integer_value(json_object_get(claims, "exp")) * 1000;
    if (!for_us(w, claims))
        return "The assertion's aud is not this token endpoint.";
    if (a->until_ms <= w->now_ms)
        return "The assertion has expired.";
    if (a->until_ms > w->now_ms + ASSERTION_MAX_MS + 5000)
        return "The assertion's exp is more than five minutes ahead.";
    if (json_integer_value(json_object_get(claims, "nbf")) * 1000 > w->now_ms + 5000) /* RFC 7523 3 */
        return "The assertion is not valid yet (nbf).";
    if (!*jti || strlen(jti) >= sizeof a->jti)
        return "The assertion needs a jti of 1 to 199 characters.";
    snprintf(a->jti, sizeof a->jti, "%s", jti);
    return NULL;
}

static const char *open_assertion(struct fhir_work *w, struct tx *tx, const char *jwt, struct assertion *a)
{
    uint64_t org = 0;
    json_t *claims = jwt_claims(jwt), *jwks = keys_of(tx, claims, &a->bearer, &org), *checked = jwks ? jwt_open(jwt, jwks) : NULL;
    const char *wrong = checked ? check_claims(w, checked, a) : "The assertion is not signed by a registered client.";
    if (jwks) { /* a refusal is written down as this client's */
        w->actor.client = a->bearer.client;
        w->actor.org = org;
    }
    json_decref(checked);
    json_decref(jwks);
    json_decref(claims);
    return wrong;
}

void token_begin(struct fhir_work *w, struct tx *tx)
{
    struct form f;
    struct assertion *a = w->plan->assertion = calloc(1, sizeof *a);
    char asked[600], held[600];
    if (!a)
        abort();
    w->op = "fhir.token";
    if (!read_form(w, &f) || !r4_str_is(f.grant, "client_credentials")) {
        refuse(w, f.grant.p ? "unsupported_grant_type" : "invalid_request", "Send grant_type=client_credentials as a form.");
        return;
    }
    if (!r4_str_is(f.type, ASSERTION_TYPE) || !f.assertion.n) {
        refuse(w, "invalid_request", "Send client_assertion_type and client_assertion (private_key_jwt).");
        return;
    }
    char *jwt = r4_doc_copy(w->plan->scratch->doc, f.assertion.p, f.assertion.n);
    const char *wrong = jwt ? open_assertion(w, tx, jwt, a) : "Out of memory.";
    if (wrong) {
        refuse(w, "invalid_client", wrong);
        return;
    }
    snprintf(held, sizeof held, "%s", a->bearer.scopes);
    snprintf(asked, sizeof asked, "%.*s", (int)f.scope.n, f.scope.p ? f.scope.p : "");
    scopes_granted(held, *asked ? asked : held, a->bearer.scopes, sizeof a->bearer.scopes);
    if (!*a->bearer.scopes) {
        refuse(w, "invalid_scope", "None of these scopes is registered for this client.");
        return;
    }
    a->bearer.until_ms = w->now_ms + BEARER_MS;
    w->plan->kind = K_TOKEN;
    w->to_write = true;
}

int token_finish(struct fhir_work *w, struct tx *tx)
{
    struct assertion *a = w->plan->assertion;
    char token[BEARER_BYTES];
    struct r4_buf b = {0};
    tx_exec(tx, "DELETE FROM fhir_assertion WHERE until_ms<$1", "i", w->now_ms);
    tx_exec(tx, "INSERT INTO fhir_assertion (client_id, jti, until_ms) VALUES ($1,$2,$3) ON CONFLICT DO NOTHING", "iti", (int64_t)a->bearer.client, a->jti,
            a->until_ms);
    if (tx_error(tx))
        return fhir_fail(w, tx_error(tx), "", "Nothing was saved.");
    if (tx_changes(tx) != 1) {
        refuse(w, "invalid_client", "This assertion was used before.");
        return ERR_UNAUTHENTICATED;
    }
    bearer_make(w->fhir, &a->bearer, token);
    r4_buf_printf(&b, "{\"access_token\":\"%s\",\"token_type\":\"bearer\",\"expires_in\":%d,\"scope\":\"%s\"}", token, BEARER_MS / 1000, a->bearer.scopes);
    explicit_bzero(token, sizeof token);
    fhir_answer_buf(w, 200, &b);
    w->answer.content_type = "application/json";
    fhir_note(w, "fhir.token", 0, a->bearer.client, "");
    return 0;
}

void smart_configuration(struct fhir_work *w)
{
    char url[340];
    struct r4_buf b = {0};
    token_url(w, url);
    r4_buf_printf(&b, "{\"token_endpoint\":\"%s\",\"grant_types_supported\":[\"client_credentials\"],"
                      "\"token_endpoint_auth_methods_supported\":[\"private_key_jwt\"],"
                      "\"token_endpoint_auth_signing_alg_values_supported\":[\"RS384\",\"ES384\",\"RS256\",\"ES256\"],"
                      "\"scopes_supported\":[\"system/*.read\",\"system/*.write\",\"system/*.*\",\"system/*.cruds\"],"
                      "\"capabilities\":[\"client-confidential-asymmetric\",\"permission-v1\",\"permission-v2\"]}", url);
    fhir_answer_buf(w, 200, &b);
    w->answer.content_type = "application/json";
}
