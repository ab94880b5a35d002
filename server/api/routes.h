/* routes - the one table of URLs under /api/v1. Pure. */
#ifndef YL_SERVER_API_ROUTES_H
#define YL_SERVER_API_ROUTES_H

#include "records/ops/op.h"
#include "server/net/net.h"
#include <jansson.h>

struct api_route {
    enum net_method method;
    const char *path; /* below /api/v1: "/cases/{case_id}"; a {name} takes one whole segment and becomes the argument `name` */
    const char *op;
};
extern const struct api_route api_routes[]; /* ended by a NULL path */

/* The row for method and path (below /api/v1), its {names} put into args. NULL and *other_method: the path exists for others. */
const struct api_route *route_match(enum net_method method, const char *path, json_t *args, bool *other_method);

/* Puts the query's members into args, as the type the op's field has; a value that does not fit stays text, so that the schema
 * names the field. ERR_MALFORMED: bad escapes. */
YL_CHECKED int args_from_query(json_t *args, const char *query, const struct field *fields, struct fault *f);
/* Puts a JSON object's members into args; what the path already gave must not be said differently. An empty body is {}. */
YL_CHECKED int args_from_body(json_t *args, const char *body, size_t len, struct fault *f);
#endif
