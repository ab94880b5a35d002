/* client - machine clients of the FHIR service (SMART App Launch 2.0, backend services): who is registered, with which keys, for what.
 *
 * A client has a public key set (RFC 7517) and scopes "system/Type.rights". It signs an assertion (RFC 7523), gets a bearer token of five
 * minutes and uses that. A token is a sealed statement (HMAC), nothing is stored; a client that is removed is refused at once.
 */
#ifndef YL_RECORDS_FHIR_CLIENT_H
#define YL_RECORDS_FHIR_CLIENT_H

#include "records/fhir/fhir_private.h"
#include <jansson.h>

#define BEARER_MS 300000
#define ASSERTION_MAX_MS 300000 /* how far ahead "exp" may lie */

/* The rights of a list of scopes for a type ("*" = for every type): bits of MAY_.. ; words that are no system scopes give none. */
unsigned scopes_rights(const char *scopes, const char *type);
/* NULL when every word is a system scope of a known form, else the first that is not (in scopes). */
const char *scopes_wrong(const char *scopes);
/* Those of `asked` that `held` covers, into out; "" = none. */
void scopes_granted(const char *held, const char *asked, char *out, size_t cap);

/* Is this JWT signed by a key of the set? Algorithms RS256 RS384 ES256 ES384. payload: new reference. NULL: no. */
json_t *jwt_open(const char *jwt, const json_t *jwks);
/* The payload of a JWT that nobody has checked: only to see whose it claims to be. */
json_t *jwt_claims(const char *jwt);
/* Has this set a key that can be used? The fault names what is wrong. */
YL_CHECKED int jwks_check(const json_t *jwks, struct fault *f);

struct bearer {
    uint64_t client;
    int64_t until_ms;
    char scopes[600];
};
#define BEARER_BYTES 1000
void bearer_make(const struct fhir *x, const struct bearer *b, char out[BEARER_BYTES]);
bool bearer_open(const struct fhir *x, const char *text, int64_t now_ms, struct bearer *out);
#endif
