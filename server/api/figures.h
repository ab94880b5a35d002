/* figures - /healthz and /metrics, and on a node without records /readyz. Event thread. */
#ifndef YL_SERVER_API_FIGURES_H
#define YL_SERVER_API_FIGURES_H

#include "server/net/net.h"

struct figures {
    const char *metrics_token; /* may read /metrics from elsewhere; "" = loopback only */
    const char *(*missing)(void *ctx); /* /readyz: the word of what does not answer, NULL = ready. NULL here: somebody else has the URL */
    void *ctx;
};
/* Registers the URLs; before net_run. `x` is the caller's, as long as `n`. */
YL_CHECKED int figures_serve(struct net *n, const struct figures *x);
#endif
