/* whip - WHIP (RFC 9725) publishes into a room, WHEP (draft-ietf-wish-whep) watches it: /whip/{room} and /whep/{room}, for any standard
 * encoder or player. Path, status codes and headers: docs/protocol/http.md.
 *
 * POST application/sdp with a bearer token (`yilianctl token`) -> 201, the answer, Location of the session, ETag of its ICE session;
 * PATCH application/trickle-ice-sdpfrag there with If-Match: candidates are passed over (we are ICE-lite) -> 204, new credentials
 * restart ICE -> 200; PATCH application/json {mid,layer,paused} chooses what is sent of a picture -> 204; DELETE ends it. A POST may be answered
 * with 307 (RFC 9725 4.5): another node has places. Bearer only, no cookie counts, so any web page may use it (CORS). Event thread.
 */
#ifndef YL_SERVER_API_WHIP_H
#define YL_SERVER_API_WHIP_H

#include "server/net/net.h"
#include "server/room/desk.h"
#include "server/session/guard.h"
#include "server/session/relay.h"

/* Who has the sessions: the rooms of this daemon, or an edge. As in desk.h. */
struct whip_seats {
    void *ctx;
    void (*join)(void *ctx, const struct desk_machine *m, desk_machine_done done, void *done_ctx);
    int (*end)(void *ctx, const struct desk_machine_at *at, struct fault *f);
    int (*ice)(void *ctx, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f);
    int (*restart)(void *ctx, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment, struct fault *f);
    int (*steer)(void *ctx, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f);
    /* Who may watch at another node; NULL: nobody. As desk_machine.elsewhere. */
    bool (*elsewhere)(void *ctx, const struct desk_machine *m, uint64_t room, int64_t until_ms, char out[DESK_URL_BYTES]);
    void *elsewhere_ctx;
    const char *publish_at; /* an edge: WHIP is answered with a redirection to this address; NULL: it is taken here */
    bool pass;              /* an edge: ?pass= counts before the bearer token, for players that follow a redirection lose that */
};
struct whip_seats whip_seats_of_desk(struct desk *d);

struct whip {
    struct whip_seats seats;
    struct guard *guard; /* of tokens that are not good */
    const struct relay *relay;
};
/* Registers the URLs; before net_run. `w` is the caller's, as long as `n`. */
YL_CHECKED int whip_serve(struct net *n, const struct whip *w, struct fault *f);
#endif
