/* address - one UDP endpoint as a plain comparable value (IPv4 is kept as IPv4; no v4-mapped forms), and at which address of ours it is met. */
#ifndef YL_MEDIA_TRANSPORT_ADDRESS_H
#define YL_MEDIA_TRANSPORT_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

struct address {
    uint8_t ip[16]; /* network order; an IPv4 address fills the first 4, the rest is 0 */
    uint16_t port;  /* host order */
    uint8_t ipv6;   /* 0 or 1 */
    uint8_t home;   /* ours, by its number (media/worker/homes.h); 0 = as the system chooses. The struct is compared and hashed as bytes */
};

static inline bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline void address_from_sockaddr(struct address *out, const struct sockaddr_storage *sa)
{
    memset(out, 0, sizeof *out);
    if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
        out->port = ntohs(v6->sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
            memcpy(out->ip, v6->sin6_addr.s6_addr + 12, 4);
        } else {
            memcpy(out->ip, v6->sin6_addr.s6_addr, 16);
            out->ipv6 = 1;
        }
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
        out->port = ntohs(v4->sin_port);
        memcpy(out->ip, &v4->sin_addr, 4);
    }
}

/* `family` is the family of the socket that will send: an IPv6 socket reaches IPv4 by the mapped form. */
static inline socklen_t address_to_sockaddr(const struct address *a, int family, struct sockaddr_storage *sa)
{
    memset(sa, 0, sizeof(struct sockaddr_in6));
    if (family == AF_INET6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)sa;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(a->port);
        if (a->ipv6) {
            memcpy(v6->sin6_addr.s6_addr, a->ip, 16);
        } else {
            v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
            memcpy(v6->sin6_addr.s6_addr + 12, a->ip, 4);
        }
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)sa;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(a->port);
    memcpy(&v4->sin_addr, a->ip, 4);
    return sizeof *v4;
}
#endif
