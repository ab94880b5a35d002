#include "server/base/site_address.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#define TEXT_MAX 220

/* ":1" to ":65535" */
static bool port_ok(const char *text)
{
    char *end;
    if (*text != ':' || !isdigit((unsigned char)text[1])) return false;
    unsigned long n = strtoul(text + 1, &end, 10);
    return *end == '\0' && n > 0 && n < 65536;
}

bool site_address_ok(const char *text)
{
    size_t scheme = strncasecmp(text, "https://", 8) == 0 ? 8 : strncasecmp(text, "http://", 7) == 0 ? 7 : 0;
    const char *host = text + scheme;
    if (scheme == 0 || strlen(text) > TEXT_MAX) return false;
    size_t n = *host == '[' ? strspn(host + 1, "0123456789abcdefABCDEF:.") : strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    if (n == 0 || (*host == '[' && host[n + 1] != ']')) return false;
    host += *host == '[' ? n + 2 : n;
    return *host == '\0' || port_ok(host);
}

/* A server that listens everywhere is known by its machine's name; an IPv6 address is bracketed (RFC 3986, 3.2.2). */
static void derive(const struct options *o, char out[SITE_ADDRESS_BYTES])
{
    const char *host = options_text(o, "listen.address");
    long port = (long)options_int(o, "listen.port");
    struct utsname name;
    if (strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) host = uname(&name) == 0 && name.nodename[0] ? name.nodename : "localhost";
    bool v6 = strchr(host, ':') != NULL;
    int n = snprintf(out, SITE_ADDRESS_BYTES, "https://%s%.180s%s", v6 ? "[" : "", host, v6 ? "]" : "");
    if (port != 443) snprintf(out + n, SITE_ADDRESS_BYTES - (size_t)n, ":%ld", port);
}

int site_address(const struct options *o, char out[SITE_ADDRESS_BYTES], struct fault *f)
{
    const char *text = options_text(o, "site.address");
    size_t n = strlen(text);
    if (n == 0) {
        derive(o, out);
        return 0;
    }
    if (n <= TEXT_MAX) snprintf(out, SITE_ADDRESS_BYTES, "%.*s", (int)(text[n - 1] == '/' ? n - 1 : n), text);
    if (n > TEXT_MAX || !site_address_ok(out))
        return fault_set(f, ERR_INVALID, "config_invalid", "site.address: write https://HOST or https://HOST:PORT.");
    return 0;
}
