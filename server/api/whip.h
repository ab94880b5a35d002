/* whip - WHIP (RFC 9725) publishes into a room, WHEP (draft-ietf-wish-whep) watches it: /whip/{room} and /whep/{room}, for any standard
 * encoder or player. Path, status codes and headers: docs/protocol/http.md.
 *
 * POST application/sdp with a bearer token (`yilianctl token`) -> 201, the answer, Location of the session, ETag of its ICE session;
 * PATCH application/trickle-ice-sdpfrag there with If-Match: candidates are passed over (we are ICE-lite) -> 204, new credentials
 * restart ICE -> 200; DELETE ends it. Bearer only, no cookie counts, so any web page may use it (CORS). Event thread.
 */
#ifndef YL_SERVER_API_WHIP_H
#define YL_SERVER_API_WHIP_H

#include "server/net/net.h"
#include "server/room/desk.h"
#include "server/session/guard.h"
#include "server/session/relay.h"

struct whip {
    struct desk *desk;
    struct guard *guard; /* of tokens that are not good */
    const struct relay *relay;
};
/* Registers the URLs; before net_run. `w` is the caller's, as long as `n`. */
YL_CHECKED int whip_serve(struct net *n, const struct whip *w, struct fault *f);
#endif
