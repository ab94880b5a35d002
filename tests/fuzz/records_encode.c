/* Text forms of bytes as they come in headers, bodies and files: what is read is within what was given, and written again it is the same. The
 * first byte picks how much room there is. */
#include "records/exchange/mllp_client.h"
#include "server/base/crypto.h"
#include "server/base/id.h"
#include "server/base/site_address.h"
#include <stdlib.h>
#include <string.h>

static void base64(const char *text, size_t len, size_t cap)
{
    uint8_t *bytes = malloc(cap + 1), *again = malloc(cap + 1); /* one more: nothing has no address of its own */
    char *out = malloc(cap / 3 * 4 + 5);
    int n = base64_decode(text, len, bytes, cap);
    if (n > (int)cap) abort();
    if (n >= 0) {
        base64_encode(bytes, (size_t)n, out, cap / 3 * 4 + 5);
        if (base64_decode(out, strlen(out), again, cap) != n || memcmp(bytes, again, (size_t)n) != 0) abort();
    }
    free(out);
    free(again);
    free(bytes);
}

/* These have one spelling. */
static void base64url(const char *text, size_t cap)
{
    uint8_t *bytes = malloc(cap + 1);
    char *out = malloc(cap * 2 + 3);
    int n = base64url_decode(text, bytes, cap);
    if (n > (int)cap || (n >= 0 && (base64url_encode(bytes, (size_t)n, out, cap * 2 + 3) < 0 || strcmp(text, out) != 0))) abort();
    n = hex_decode(text, bytes, cap);
    if (n > (int)cap || (n >= 0 && (hex_encode(bytes, (size_t)n, out, cap * 2 + 1) < 0 || strcasecmp(text, out) != 0))) abort();
    free(out);
    free(bytes);
}

static void id(const char *text)
{
    uint64_t v;
    char out[ID_TEXT_BYTES];
    if (id_parse(text, &v) == 0) {
        id_format(v, out);
        if (strcasecmp(text, out) != 0) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[20] = "12345678901234567890";
    if (size < 1 || size > 4096) return 0;
    size_t len = size - 1;
    char *text = malloc(size);
    memcpy(text, data + 1, len);
    text[len] = 0;
    base64(text, len, data[0]);
    base64url(text, data[0]);
    id(text);
    if (crypto_totp_verify(secret, sizeof secret, text, 59000) >= 0 && strlen(text) != 6) abort(); /* RFC 6238, appendix B: 287082 */
    if (site_address_ok(text) && strncasecmp(text, "http", 4) != 0) abort();
    if (mllp_address_ok(text) && strncmp(text, "mllp", 4) != 0) abort();
    free(text);
    return 0;
}
