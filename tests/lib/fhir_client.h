/* fhir_client - a machine client of the FHIR service for wire tests and benches: a key of its own, registered by yilianctl, an assertion
 * signed with it (ES256), a bearer token; then requests over one kept-alive connection. After tests/lib/site.h. */
#ifndef YL_TESTS_LIB_FHIR_CLIENT_H
#define YL_TESTS_LIB_FHIR_CLIENT_H

#include "server/base/crypto.h"
#include "tests/lib/site.h"
#include <mbedtls/ecdsa.h>

struct fhir_client {
    mbedtls_ecp_keypair key;
    char id[40], bearer[1200];
    struct web web; /* kept alive */
    bool connected;
};

static inline int fhir_random(void *ctx, unsigned char *out, size_t len)
{
    (void)ctx;
    crypto_random(out, len);
    return 0;
}

static inline void fhir_coordinate(const mbedtls_mpi *v, char out[60])
{
    uint8_t bytes[32];
    assert_int_equal(mbedtls_mpi_write_binary(v, bytes, 32), 0);
    assert_true(base64url_encode(bytes, 32, out, 60) > 0);
}

/* Makes a key and registers it with these scopes. */
static inline void fhir_register(struct fhir_client *c, const char *scopes)
{
    char x[60], y[60], path[200], words[600];
    memset(c, 0, sizeof *c);
    mbedtls_ecp_keypair_init(&c->key);
    assert_int_equal(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, &c->key, fhir_random, NULL), 0);
    fhir_coordinate(&c->key.Q.X, x);
    fhir_coordinate(&c->key.Q.Y, y);
    snprintf(path, sizeof path, "%s/jwks.json", site.dir);
    FILE *f = fopen(path, "w");
    fprintf(f, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\",\"x\":\"%s\",\"y\":\"%s\"}]}", x, y);
    fclose(f);
    snprintf(words, sizeof words, "client add --name test --scope '%s' --jwks %s", scopes, path);
    snprintf(c->id, sizeof c->id, "%s", site_ctl(words));
}

/* A signed assertion; `jti` NULL = a new one. */
static inline void fhir_assert(struct fhir_client *c, const char *jti, int64_t exp_s, char out[1000])
{
    char payload[600], own[24];
    uint8_t hash[32], signature[64], random[8];
    mbedtls_mpi r, s;
    crypto_random(random, sizeof random);
    assert_true(hex_encode(random, 8, own, sizeof own) > 0);
    snprintf(payload, sizeof payload, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"https://localhost/fhir/auth/token\",\"exp\":%lld,\"jti\":\"%s\"}", c->id, c->id,
             (long long)exp_s, jti ? jti : own);
    static const char header[] = "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"k1\"}";
    int n = base64url_encode(header, strlen(header), out, 1000);
    out[n++] = '.';
    n += base64url_encode(payload, strlen(payload), out + n, 1000 - (size_t)n);
    crypto_sha256(out, (size_t)n, hash);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    assert_int_equal(mbedtls_ecdsa_sign(&c->key.grp, &r, &s, &c->key.d, hash, 32, fhir_random, NULL), 0);
    mbedtls_mpi_write_binary(&r, signature, 32);
    mbedtls_mpi_write_binary(&s, signature + 32, 32);
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    out[n++] = '.';
    assert_true(base64url_encode(signature, 64, out + n, 1000 - (size_t)n) > 0);
}

/* The status; *answer is new. */
static inline int fhir_ask_token(struct fhir_client *c, const char *jwt, const char *scope, json_t **answer)
{
    char body[1600];
    struct web w;
    (void)c;
    snprintf(body, sizeof body, "grant_type=client_credentials&client_assertion_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer"
                                "&client_assertion=%s&scope=%s", jwt, scope);
    int status = web_once(&w, site.port, "POST", "/fhir/auth/token", "Content-Type: application/x-www-form-urlencoded\r\n", body);
    *answer = json_loads(w.body ? w.body : "", 0, NULL);
    web_close(&w);
    return status;
}

static inline void fhir_sign_in(struct fhir_client *c)
{
    char jwt[1000];
    json_t *answer;
    fhir_assert(c, NULL, time(NULL) + 120, jwt);
    int status = fhir_ask_token(c, jwt, "", &answer);
    if (status != 200) fail_msg("token: %d", status);
    snprintf(c->bearer, sizeof c->bearer, "%s", json_string_value(json_object_get(answer, "access_token")));
    json_decref(answer);
}

/* The status; the answer is in c->web. `headers` end with CRLF. */
static inline int fhir_do(struct fhir_client *c, const char *method, const char *path, const char *headers, const char *body)
{
    char all[3000], full[2000];
    if (!c->connected) c->connected = web_open(&c->web, site.port) == 0;
    snprintf(all, sizeof all, "Authorization: Bearer %s\r\n%s%s", c->bearer, strstr(headers, "Content-Type") || !body ? "" : "Content-Type: application/fhir+json\r\n", headers);
    snprintf(full, sizeof full, "/fhir%s", path);
    int status = web_ask(&c->web, method, full, all, body);
    if (status < 0 || c->web.over) {
        web_close(&c->web);
        c->connected = false;
    }
    return status;
}

static inline json_t *fhir_json(struct fhir_client *c)
{
    return json_loads(c->web.body ? c->web.body : "", 0, NULL);
}

static inline void fhir_forget(struct fhir_client *c)
{
    if (c->connected) web_close(&c->web);
    mbedtls_ecp_keypair_free(&c->key);
}
#endif
