/* api - the URLs: a thin mapper from HTTP to operations and back, by one table (routes.h). docs/protocol/http.md is the contract.
 *
 * Hides: how path, query and body become an operation's arguments; cookies; uploads; documents in ranges; /healthz, /readyz,
 * /metrics, /api/openapi.json. Other modules put their own URLs beside these with net_route_add.
 * Threads: everything on the event thread; completions come from pool threads and cross over by net_post_wait.
 * Closing: net_run has returned -> net_shut -> records_close (every completion has been posted) -> net_free -> api_free.
 */
#ifndef YL_SERVER_API_API_H
#define YL_SERVER_API_API_H

#include "records/ops/op.h"
#include "records/records.h"
#include "server/net/net.h"

struct api;

struct api_backend { /* the records plane; tests give a small one of their own */
    void *ctx;
    int (*submit)(void *ctx, const struct call *call, records_done done, void *done_ctx);
    int (*append)(void *ctx, const struct records_append *a, records_append_done done, void *done_ctx);
    int (*read)(void *ctx, const char *handle, uint64_t offset, size_t len, records_read_done done, void *done_ctx);
    const struct op *(*find)(const char *name);
    int (*fhir)(void *ctx, const struct records_fhir *q, records_fhir_done done, void *done_ctx); /* NULL = no FHIR store */
};

struct api_config {
    struct net *net;
    struct api_backend backend;
    const char *metrics_token; /* may read /metrics from elsewhere; "" = loopback only */
    const char *(*missing)(void *ctx); /* what else does not serve now ("media", "disk"), for /readyz; NULL = all does; may be NULL */
    void *missing_ctx;
};
struct oversee;

/* Registers the URLs; before net_run. */
YL_CHECKED int api_new(struct api **out, const struct api_config *config, struct fault *f);
void api_oversee(struct api *a, struct oversee *o); /* before net_run; borrowed. Without it GET /rooms tells nothing */
void api_free(struct api *a);

/* The OpenAPI 3.1 document from the route table and the operations that `find` knows; new reference. */
json_t *openapi_build(const struct op *(*find)(const char *name));
#endif
