/* site_address - where people reach this site: what links in outgoing messages and codes on paper begin with.
 *
 * The option site.address, an origin of RFC 6454 without a path ("https://yilian.example:8443"). Where it is empty: https, the
 * listening address (this machine's name when it listens on every address) and the port.
 */
#ifndef YL_SERVER_BASE_SITE_ADDRESS_H
#define YL_SERVER_BASE_SITE_ADDRESS_H

#include "server/base/option.h"

#define SITE_ADDRESS_BYTES 256

/* 0 with *out, without a slash at its end. ERR_INVALID with the fault filled when the option is no address. */
YL_CHECKED int site_address(const struct options *o, char out[SITE_ADDRESS_BYTES], struct fault *f);
/* http(s)://HOST[:PORT] and nothing after it, at most 220 bytes. */
bool site_address_ok(const char *text);
#endif
