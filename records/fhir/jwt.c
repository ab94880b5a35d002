/* JSON Web Tokens of clients (RFC 7519, 7515), and our own bearer tokens. */
#include "records/fhir/client.h"
#include "server/base/signature.h"
#include <stdio.h>

#define PART_MAX 4096

/* ---- parts ---- */

struct part {
    uint8_t bytes[PART_MAX];
    size_t n;
};

static bool decode(const char *p, size_t n, struct part *out)
{
    char text[PART_MAX];
    if (!p || n >= sizeof text)
        return false;
    memcpy(text, p, n);
    text[n] = 0;
    int got = base64url_decode(text, out->bytes, sizeof out->bytes);
    out->n = got > 0 ? (size_t)got : 0;
    return got > 0;
}

static bool member(const json_t *key, const char *name, struct part *out)
{
    const char *text = json_string_value(json_object_get(key, name));
    return text && decode(text, strlen(text), out);
}

static json_t *json_part(const char *p, size_t n)
{
    struct part part;
    return decode(p, n, &part) ? json_loadb((const char *)part.bytes, part.n, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static struct signature_part view(const struct part *p)
{
    return (struct signature_part){p->bytes, p->n};
}

/* ---- keys ---- */

static const struct algorithm {
    const char *name, *kind, *curve;
    int bits;
} algorithms[] = {{"RS256", "RSA", NULL, 256}, {"RS384", "RSA", NULL, 384}, {"ES256", "EC", "P-256", 256}, {"ES384", "EC", "P-384", 384}};

static bool same(const json_t *object, const char *name, const char *want)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && strcmp(text, want) == 0;
}

static bool fits(const json_t *key, const struct algorithm *a)
{
    return same(key, "kty", a->kind) && (!a->curve || same(key, "crv", a->curve));
}

static bool verify(const json_t *key, const struct algorithm *a, struct signature_part data, struct signature_part signature)
{
    struct part one, other;
    bool rsa = !a->curve;
    if (!fits(key, a) || !member(key, rsa ? "n" : "x", &one) || !member(key, rsa ? "e" : "y", &other))
        return false;
    return rsa ? signature_rsa(a->bits, view(&one), view(&other), data, signature) : signature_ecdsa(a->bits, view(&one), view(&other), data, signature);
}

int jwks_check(const json_t *jwks, struct fault *f)
{
    json_t *key;
    size_t i, usable = 0;
    const json_t *keys = json_object_get(jwks, "keys");
    if (!json_is_array(keys))
        return fault_field(f, "jwks.keys", "required");
    json_array_foreach(keys, i, key)
    {
        struct part one;
        bool known = false;
        if (json_object_get(key, "d")) /* RFC 7518 6.2.2, 6.3.2: this is for its owner alone */
            return fault_field(f, "jwks.keys", "private_key");
        for (size_t a = 0; a < sizeof algorithms / sizeof *algorithms; a++)
            known = known || fits(key, &algorithms[a]);
        usable += known && member(key, same(key, "kty", "RSA") ? "e" : "y", &one);
    }
    return usable ? 0 : fault_field(f, "jwks.keys", "no_usable_key");
}

/* ---- tokens of clients ---- */

json_t *jwt_claims(const char *jwt)
{
    const char *dot = strchr(jwt, '.'), *last = dot ? strchr(dot + 1, '.') : NULL;
    return last ? json_part(dot + 1, (size_t)(last - dot - 1)) : NULL;
}

json_t *jwt_open(const char *jwt, const json_t *jwks)
{
    const char *dot = strchr(jwt, '.'), *last = dot ? strchr(dot + 1, '.') : NULL;
    json_t *header = last ? json_part(jwt, (size_t)(dot - jwt)) : NULL, *key;
    struct part signature;
    bool good = false;
    size_t i;
    if (header && decode(last + 1, strlen(last + 1), &signature))
        for (size_t a = 0; a < sizeof algorithms / sizeof *algorithms; a++)
            if (same(header, "alg", algorithms[a].name))
                json_array_foreach(json_object_get(jwks, "keys"), i, key)
                {
                    const char *kid = json_string_value(json_object_get(header, "kid"));
                    if (!good && (!kid || !json_object_get(key, "kid") || same(key, "kid", kid)))
                        good = verify(key, &algorithms[a], (struct signature_part){(const uint8_t *)jwt, (size_t)(last - jwt)}, view(&signature));
                }
    json_decref(header);
    return good ? json_part(dot + 1, (size_t)(last - dot - 1)) : NULL;
}

/* ---- our own: "f1." base64url(client, until, scopes) "." base64url(first half of the HMAC) ---- */

void bearer_make(const struct fhir *x, const struct bearer *b, char out[BEARER_BYTES])
{
    uint8_t plain[16 + sizeof b->scopes], mac[SHA256_BYTES];
    size_t n = strlen(b->scopes), at = 3;
    memcpy(plain, &b->client, 8);
    memcpy(plain + 8, &b->until_ms, 8);
    memcpy(plain + 16, b->scopes, n);
    crypto_hmac_sha256(x->bearer_key, 32, plain, 16 + n, mac);
    memcpy(out, "f1.", 3);
    int wrote = base64url_encode(plain, 16 + n, out + at, BEARER_BYTES - at - 30);
    if (wrote < 0)
        abort(); /* the buffer is made for it */
    at += (size_t)wrote;
    out[at++] = '.';
    if (base64url_encode(mac, 16, out + at, BEARER_BYTES - at) < 0)
        abort();
}

bool bearer_open(const struct fhir *x, const char *text, int64_t now_ms, struct bearer *out)
{
    struct part plain, given;
    uint8_t mac[SHA256_BYTES];
    const char *dot = strncmp(text, "f1.", 3) == 0 ? strchr(text + 3, '.') : NULL;
    if (!dot || !decode(text + 3, (size_t)(dot - text - 3), &plain) || !decode(dot + 1, strlen(dot + 1), &given) || given.n != 16 || plain.n < 16 ||
        plain.n - 16 >= sizeof out->scopes)
        return false;
    crypto_hmac_sha256(x->bearer_key, 32, plain.bytes, plain.n, mac);
    if (!crypto_equal(mac, given.bytes, 16))
        return false;
    memcpy(&out->client, plain.bytes, 8);
    memcpy(&out->until_ms, plain.bytes + 8, 8);
    memcpy(out->scopes, plain.bytes + 16, plain.n - 16);
    out->scopes[plain.n - 16] = 0;
    return out->until_ms > now_ms;
}
