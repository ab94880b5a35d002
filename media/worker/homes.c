#include "media/worker/homes.h"
#include <netinet/ip.h>
#include <pthread.h>
#include <string.h>

static struct in6_addr homes[HOMES_MAX]; /* IPv4 in the mapped form; number n stands at n - 1 */
static unsigned n_homes;                 /* atomic; grows after what it counts is there */
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

static unsigned find(const struct in6_addr *a, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (memcmp(&homes[i], a, sizeof *a) == 0) return i + 1;
    return 0;
}

static unsigned add(const struct in6_addr *a)
{
    pthread_mutex_lock(&adding);
    unsigned n = n_homes, at = find(a, n);
    if (!at && n < HOMES_MAX) {
        homes[n] = *a;
        at = n + 1;
        __atomic_store_n(&n_homes, at, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&adding);
    return at;
}

static uint8_t number_of(const struct in6_addr *a)
{
    unsigned at = find(a, __atomic_load_n(&n_homes, __ATOMIC_ACQUIRE));
    return (uint8_t)(at ? at : add(a));
}

void homes_ask(int socket)
{
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    int on = 1;
    if (getsockname(socket, (struct sockaddr *)&own, &len)) return;
    if (own.ss_family == AF_INET && ((struct sockaddr_in *)&own)->sin_addr.s_addr == htonl(INADDR_ANY))
        (void)!setsockopt(socket, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    if (own.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&((struct sockaddr_in6 *)&own)->sin6_addr))
        (void)!setsockopt(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on); /* of IPv4 too, in the mapped form */
}

uint8_t homes_read(const struct cmsghdr *c)
{
    struct in6_addr at = {0};
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
        memcpy(&at, CMSG_DATA(c) + offsetof(struct in6_pktinfo, ipi6_addr), sizeof at);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
        at.s6_addr[10] = at.s6_addr[11] = 0xff;
        memcpy(at.s6_addr + 12, CMSG_DATA(c) + offsetof(struct in_pktinfo, ipi_spec_dst), 4);
    } else {
        return 0;
    }
    return number_of(&at);
}

size_t homes_write(uint8_t home, int family, struct cmsghdr *c)
{
    if (!home) return 0;
    const struct in6_addr *at = &homes[home - 1];
    if (family == AF_INET6) {
        struct in6_pktinfo from = {.ipi6_addr = *at};
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof from), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
        memcpy(CMSG_DATA(c), &from, sizeof from);
        return CMSG_SPACE(sizeof from);
    }
    struct in_pktinfo from = {0};
    memcpy(&from.ipi_spec_dst, at->s6_addr + 12, 4);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof from), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(CMSG_DATA(c), &from, sizeof from);
    return CMSG_SPACE(sizeof from);
}
