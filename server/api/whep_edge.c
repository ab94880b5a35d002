/* WHEP at an edge: a pass of the origin's lets one in, the room comes over the link between the nodes (server/node/relay.h). */
#include "server/api/watch_private.h"
#include "server/node/relay.h"
#include <stdlib.h>

static int let_in(struct watch *w, const struct desk_machine *m, struct desk_machine_made *made, char **answer, struct fault *f)
{
    struct desk_watch_made who = {0};
    const char *why = edge_refusal(w->config.edge);
    int rc = watch_pass_check(w, m->token, strlen(m->token), &who, f);
    if (rc) return rc;
    if (why) return fault_set(f, ERR_UNAVAILABLE, why, "This machine takes nobody now; begin at %.150s.", edge_origin(w->config.edge));
    struct relay_join j = {who.room, who.until_ms, m->token, m->room, m->sdp};
    return relay_seat_join(w->config.relay, &j, made, answer, f);
}

static void join(void *ctx, const struct desk_machine *m, desk_machine_done done, void *done_ctx)
{
    struct fault f = {0};
    struct desk_machine_made made = {0};
    char *answer = NULL;
    if (let_in(ctx, m, &made, &answer, &f)) done(done_ctx, &f, NULL);
    else done(done_ctx, NULL, &made);
    free(answer);
}

static int end(void *ctx, const struct desk_machine_at *at, struct fault *f)
{
    return relay_seat_end(((struct watch *)ctx)->config.relay, at, f);
}

static int ice(void *ctx, const struct desk_machine_at *at, struct desk_machine_ice *out, struct fault *f)
{
    return relay_seat_ice(((struct watch *)ctx)->config.relay, at, out, f);
}

static int restart(void *ctx, const struct desk_machine_at *at, const struct sdp_frag *theirs, char **fragment, struct fault *f)
{
    return relay_seat_restart(((struct watch *)ctx)->config.relay, at, theirs, fragment, f);
}

static int steer(void *ctx, const struct desk_machine_at *at, const struct watcher_wish *wish, struct fault *f)
{
    return relay_seat_steer(((struct watch *)ctx)->config.relay, at, wish, f);
}

struct whip_seats watch_edge_seats(struct watch *w)
{
    return (struct whip_seats){.ctx = w, .join = join, .end = end, .ice = ice, .restart = restart, .steer = steer, .publish_at = edge_origin(w->config.edge), .pass = true};
}
