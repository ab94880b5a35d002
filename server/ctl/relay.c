/* yilianctl relay config: the file coturn needs so that the relay.* options of the daemon work. A relay must reach our media port and
 * nothing else: whoever has a credential could otherwise reach the hospital's whole network through it. */
#include "server/ctl/ctl.h"
#include "server/session/relay.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void allow(const char *address)
{
    printf("allowed-peer-ip=%s\n", address);
}

/* As the media plane chooses what it announces (media/media.c). */
static void allow_ours(const struct options *o)
{
    char list[512], text[INET6_ADDRSTRLEN];
    char *save = NULL;
    const char *bound = options_text(o, "media.address");
    struct ifaddrs *all, *i;
    snprintf(list, sizeof list, "%s", options_text(o, "media.announce"));
    if (*list) {
        for (char *a = strtok_r(list, ", ", &save); a; a = strtok_r(NULL, ", ", &save))
            allow(a);
        return;
    }
    if (strcmp(bound, "0.0.0.0") != 0 && strcmp(bound, "::") != 0) {
        allow(bound);
        return;
    }
    if (getifaddrs(&all)) return;
    for (i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_flags & IFF_LOOPBACK) continue;
        if (i->ifa_addr->sa_family == AF_INET) allow(inet_ntop(AF_INET, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, text, sizeof text));
        else if (i->ifa_addr->sa_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr))
            allow(inet_ntop(AF_INET6, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, text, sizeof text));
    }
    freeifaddrs(all);
}

/* "turns:host:5349?transport=tcp" -> 5349 (RFC 7065 3.2: 3478 and 5349 when absent). */
static int port_of(const char *url)
{
    bool tls = strncmp(url, "turns:", 6) == 0;
    const char *host = url + (tls ? 6 : 5), *bracket = strchr(host, ']'), *colon = strchr(bracket ? bracket : host, ':');
    return colon && atoi(colon + 1) ? atoi(colon + 1) : tls ? 5349 : 3478;
}

int ctl_relay(struct ctl *c)
{
    struct relay r;
    struct fault f = {0};
    if (c->argc < 1 || strcmp(c->argv[0], "config") != 0) return fprintf(stderr, "usage: yilianctl --config FILE relay config\n"), 2;
    if (relay_open(&r, options_text(c->options, "relay.urls"), options_text(c->options, "relay.secret"), options_int(c->options, "relay.lifetime"), &f))
        return ctl_complain(&f);
    if (!r.n) {
        fault_field(&f, "relay.urls", "required");
        fault_set(&f, ERR_INVALID, "no_relay", "relay.urls is empty: there is no relay to configure.");
        return ctl_complain(&f);
    }
    bool plain = false, tls = false;
    puts("# /etc/turnserver.conf of coturn 4.6, printed by yilianctl relay config. It holds the shared secret: mode 0600, owner turnserver.");
    for (size_t i = 0; i < r.n; i++) {
        bool is_tls = strncmp(r.urls[i], "turns:", 6) == 0, *seen = is_tls ? &tls : &plain;
        if (!*seen) printf("%s=%d\n", is_tls ? "tls-listening-port" : "listening-port", port_of(r.urls[i]));
        *seen = true;
    }
    if (!tls) puts("no-tls");
    if (tls) printf("cert=%s\npkey=%s\nno-tlsv1\nno-tlsv1_1\n", options_text(c->options, "tls.certificate"), options_text(c->options, "tls.key"));
    printf("no-dtls\nfingerprint\nrealm=yilian\nuse-auth-secret\nstatic-auth-secret=%s\n", r.secret);
    puts("stale-nonce=600\nno-cli\nno-multicast-peers\nno-tcp-relay\nuser-quota=12\ntotal-quota=2400\nsimple-log");
    puts("# Only our media port's addresses; an allowed one outweighs a denied range.");
    puts("denied-peer-ip=0.0.0.0-255.255.255.255\ndenied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    allow_ours(c->options);
    return 0;
}
