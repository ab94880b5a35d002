/* serves - whom an edge is near to: address ranges, IPv4 and IPv6, e.g. "10.3.0.0/16, 203.0.113.7/32, 2001:db8::/32". Pure. */
#ifndef YL_SERVER_NODE_SERVES_H
#define YL_SERVER_NODE_SERVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVES_MAX 64        /* ranges */
#define SERVES_TEXT_BYTES 3000

struct serves {
    size_t n;
    struct serves_range {
        uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
        uint8_t bits;        /* of all 128 */
    } at[SERVES_MAX];
};
/* "" = nobody. False: not that; a range with bits behind its length is refused too, since one of the two is a mistake. */
bool serves_parse(const char *text, struct serves *out);
/* The length of the longest range that has the address (of 128 bits; IPv4 has 96 more than it is written with); -1: none, or it is no address. */
int serves_match(const struct serves *s, const char *address);
#endif
