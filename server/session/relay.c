#include "server/session/relay.h"
#include "server/base/crypto.h"
#include <stdio.h>
#include <string.h>

#define SECRET_MIN 16

static int wrong(struct fault *f, const char *option, const char *reason, const char *text)
{
    fault_field(f, option, reason);
    return fault_set(f, ERR_INVALID, reason, "%s: %s", option, text);
}

/* RFC 7065 3.1, as far as it keeps mistakes out. */
static bool is_turn(const char *url)
{
    size_t scheme = strncmp(url, "turns:", 6) == 0 ? 6 : strncmp(url, "turn:", 5) == 0 ? 5 : 0;
    return scheme && url[scheme] && url[scheme] != '/' && strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]?=") == strlen(url);
}

int relay_open(struct relay *r, const char *urls, const char *secret, int64_t lifetime_ms, struct fault *f)
{
    char list[RELAY_URLS_MAX * 200];
    char *save = NULL;
    *r = (struct relay){.lifetime_ms = lifetime_ms};
    if (snprintf(list, sizeof list, "%s", urls) >= (int)sizeof list) return wrong(f, "relay.urls", "too_long", "too long");
    for (char *url = strtok_r(list, ", ", &save); url; url = strtok_r(NULL, ", ", &save)) {
        if (!is_turn(url)) return wrong(f, "relay.urls", "not_a_turn_url", "expected turn:HOST:PORT or turns:HOST:PORT?transport=tcp");
        if (r->n == RELAY_URLS_MAX || strlen(url) >= sizeof r->urls[0]) return wrong(f, "relay.urls", "too_many", "at most 4 addresses of 199 characters");
        snprintf(r->urls[r->n++], sizeof r->urls[0], "%s", url);
    }
    if (r->n && strlen(secret) < SECRET_MIN) return wrong(f, "relay.secret", "too_short", "at least 16 characters, the same as in the relay's configuration");
    if (snprintf(r->secret, sizeof r->secret, "%s", secret) >= (int)sizeof r->secret) return wrong(f, "relay.secret", "too_long", "too long");
    return 0;
}

void relay_credential(const struct relay *r, const char *who, int64_t now_ms, struct relay_credential *out)
{
    uint8_t mac[SHA1_BYTES];
    snprintf(out->name, sizeof out->name, "%lld:%.32s", (long long)((now_ms + r->lifetime_ms) / 1000), who);
    crypto_hmac_sha1(r->secret, strlen(r->secret), out->name, strlen(out->name), mac);
    base64_encode(mac, sizeof mac, out->password, sizeof out->password);
}
