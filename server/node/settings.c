#include "server/node/settings.h"
#include "server/base/site_address.h"
#include "server/node/message.h"
#include "server/node/serves.h"
#include <string.h>

#define SPARE_CONNECTIONS 50 /* for whoever looks at /healthz and /metrics, and for viewers that go */

static int wrong(struct fault *f, const char *text)
{
    return fault_set(f, ERR_INVALID, "config_invalid", "%s", text);
}

static bool https(const char *address)
{
    return strncmp(address, "https://", 8) == 0 && strlen(address) < NODE_ADDRESS_BYTES - 20 && site_address_ok(address);
}

static int check_edge(const struct options *o, const struct node_settings *s, struct fault *f)
{
    if (!*s->secret) return wrong(f, "node.secret: an edge needs the origin's.");
    if (!https(s->peer)) return wrong(f, "node.peer: an edge needs the origin's address, https://HOST or https://HOST:PORT.");
    if (!https(s->address)) return wrong(f, "node.address: an edge needs the address by which viewers reach it, https://HOST or https://HOST:PORT.");
    struct serves serves;
    if (!serves_parse(s->serves, &serves)) return wrong(f, "node.serves: write ranges of addresses with commas between them, e.g. 10.3.0.0/16, 2001:db8::/32; at most 64.");
    if (options_int(o, "listen.connections") < (int64_t)s->viewers_max + SPARE_CONNECTIONS)
        return wrong(f, "listen.connections: an edge needs at least 50 more than node.viewers.");
    return 0;
}

int node_settings_read(const struct options *o, struct node_settings *out, struct fault *f)
{
    const char *role = options_text(o, "node.role");
    *out = (struct node_settings){.edge = strcmp(role, "edge") == 0,
                                  .peer = options_text(o, "node.peer"),
                                  .peer_certificate = options_text(o, "node.peer_certificate"),
                                  .secret = options_text(o, "node.secret"),
                                  .address = options_text(o, "node.address"),
                                  .serves = options_text(o, "node.serves"),
                                  .viewers_max = (unsigned)options_int(o, "node.viewers")};
    size_t secret = strlen(out->secret);
    if (!out->edge && strcmp(role, "origin") != 0) return wrong(f, "node.role: write origin or edge.");
    if (secret && secret < NODE_SECRET_MIN) return wrong(f, "node.secret: at least 32 characters, e.g. of `openssl rand -hex 32`.");
    if (out->edge) return check_edge(o, out, f);
    if (*out->peer) return wrong(f, "node.peer: only an edge has one; write node.role = edge, or leave it out.");
    return 0;
}
