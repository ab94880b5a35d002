#include "server/api/figures.h"
#include "server/base/crypto.h"
#include "server/base/metrics.h"
#include <stdio.h>
#include <string.h>

static void on_health(void *ctx, struct net_request *r)
{
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_bytes(r, 200, "text/plain", "ok\n", 3);
}

static bool may_read(const struct figures *x, const struct net_request *r)
{
    bool by_cookie;
    const char *address = net_request_address(r), *given = net_request_credential(r, &by_cookie), *token = x->metrics_token;
    if (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0) return true;
    return token && *token && !by_cookie && strlen(given) == strlen(token) && crypto_equal(given, token, strlen(token));
}

static void on_metrics(void *ctx, struct net_request *r)
{
    char *text = may_read(ctx, r) ? metrics_print() : NULL;
    if (text) {
        net_reply_taken(r, 200, "text/plain; version=0.0.4; charset=utf-8", text, strlen(text));
        return;
    }
    struct fault f = {0};
    fault_set(&f, ERR_DENIED, "", "Figures are for this machine or the holder of the token.");
    net_reply_fault(r, &f);
}

static void on_ready(void *ctx, struct net_request *r)
{
    const struct figures *x = ctx;
    char line[32];
    const char *missing = x->missing(x->ctx);
    int n = snprintf(line, sizeof line, "%.30s\n", missing ? missing : "ready");
    net_reply_header(r, "Cache-Control", "no-store");
    net_reply_bytes(r, missing ? 503 : 200, "text/plain", line, (size_t)n);
}

int figures_serve(struct net *n, const struct figures *x)
{
    void *ctx = (void *)x;
    const struct net_route routes[] = {
        {"/healthz", NET_GET | NET_HEAD, on_health, ctx, 0},
        {"/metrics", NET_GET | NET_HEAD, on_metrics, ctx, 0},
        {"/readyz", NET_GET | NET_HEAD, on_ready, ctx, 0},
    };
    for (size_t i = 0; i < (x->missing ? 3 : 2); i++)
        if (net_route_add(n, &routes[i])) return ERR_CONFLICT;
    return 0;
}
