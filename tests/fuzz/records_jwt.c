/* A client's statement and its keys, all of any form: the first line is the header, the second the claims, the third the signature (as text of base64url),
 * the rest is the key set. Nothing that was not signed by one of the keys is believed, and no random bytes are. */
#include "records/fhir/client.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *line_of(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *stop = memchr(*at, '\n', (size_t)(end - *at));
    size_t n = (size_t)((stop ? stop : end) - *at);
    char *line = malloc(n + 1);
    memcpy(line, *at, n);
    line[n] = 0;
    *at = stop ? stop + 1 : end;
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    struct fault f = {0};
    if (size > 6000) return 0;
    char *header = line_of(&at, end), *claims = line_of(&at, end), *signature = line_of(&at, end);
    json_t *keys = json_loadb((const char *)at, (size_t)(end - at), 0, NULL);
    size_t cap = size * 2 + 10;
    char *jwt = malloc(cap);
    size_t n = (size_t)base64url_encode(header, strlen(header), jwt, cap);
    jwt[n++] = '.';
    n += (size_t)base64url_encode(claims, strlen(claims), jwt + n, cap - n);
    snprintf(jwt + n, cap - n, ".%s", signature);
    if (keys && jwks_check(keys, &f) && !f.n_fields) abort(); /* what is wrong is said */
    json_t *said = jwt_claims(jwt), *believed = jwt_open(jwt, keys);
    if (believed && !json_equal(said, believed)) abort();
    json_decref(believed);
    json_decref(said);
    json_decref(keys);
    free(jwt);
    free(signature);
    free(claims);
    free(header);
    return 0;
}
