/* whip - WHIP (RFC 9725) publishes into a room, WHEP watches it: /whip/{room} and /whep/{room}, for any standard encoder or player.
 *
 * POST application/sdp with a bearer token (`yilianctl token`) -> 201, the answer, Location of the session, ETag of its ICE credentials;
 * PATCH application/trickle-ice-sdpfrag there (candidates are passed over, we are ICE-lite; new credentials restart ICE) -> 204 or 200;
 * DELETE ends it. Bearer only, no cookie counts, so any web page may use it (CORS). Event thread.
 */
#ifndef YL_SERVER_API_WHIP_H
#define YL_SERVER_API_WHIP_H

#include "server/net/net.h"
#include "server/room/desk.h"

/* Registers the URLs; before net_run. */
YL_CHECKED int whip_serve(struct net *n, struct desk *d, struct fault *f);
#endif
