/* bytes - uploads in pieces and documents in ranges: what is not an operation. Part of server/api; event thread. */
#ifndef YL_SERVER_API_BYTES_H
#define YL_SERVER_API_BYTES_H

#include "server/api/api.h"

struct api_bytes;
struct api_bytes *bytes_new(const struct api_config *config);
void bytes_free(struct api_bytes *b);
/* What document.open (or person.signature_open, case.signature_open) answered to this request: its handle can be read with the same credential until it expires. */
void bytes_remember(struct api_bytes *b, struct net_request *r, const json_t *opened);
void bytes_read(struct api_bytes *b, struct net_request *r, const char *handle);
void bytes_append(struct api_bytes *b, struct net_request *r, const char *upload_id);
#endif
