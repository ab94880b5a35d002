/* relay - credentials for the TURN servers (RFC 8656) of networks that let neither our UDP nor our TCP through.
 *
 * Time-limited, as coturn's `use-auth-secret` checks them: the user name says until when, the password is its HMAC-SHA1 under a secret
 * that only this server and the relay know. Nothing is kept. Any thread.
 */
#ifndef YL_SERVER_SESSION_RELAY_H
#define YL_SERVER_SESSION_RELAY_H

#include "server/base/fault.h"
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#define RELAY_URLS_MAX 4

struct relay { /* constant after relay_open */
    size_t n;
    char urls[RELAY_URLS_MAX][200]; /* "turns:relay.example:5349?transport=tcp" (RFC 7065) */
    char secret[200];
    int64_t lifetime_ms;
};
struct relay_credential {
    char name[56], password[32]; /* "<UTC seconds>:<who>", base64 */
};

/* `urls`: comma-separated, "" = no relay. Names the option that is wrong in f->fields. */
YL_CHECKED int relay_open(struct relay *r, const char *urls, const char *secret, int64_t lifetime_ms, struct fault *f);
/* `who`: an id, for the relay's log; no health data. */
void relay_credential(const struct relay *r, const char *who, int64_t now_ms, struct relay_credential *out);
#endif
