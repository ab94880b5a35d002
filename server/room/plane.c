#include "server/room/plane.h"
#include <stdio.h>
#include <string.h>

uint64_t plane_near(const struct plane *p, const char *address)
{
    return p->away.near ? p->away.near(p->away.ctx, address) : PLANE_HERE;
}

int plane_post(const struct plane *p, uint64_t node, const struct media_cmd *c)
{
    return p->away.post ? p->away.post(p->away.ctx, node, c) : media_post(p->media, c);
}

void plane_opened(const struct plane *p, const struct media_cmd *c)
{
    if (p->away.opened) p->away.opened(p->away.ctx, c);
}

bool plane_took(const struct plane *p, const struct media_event *e)
{
    return p->away.took && p->away.took(p->away.ctx, e);
}

/* One that is gone has no address: whoever asks is told soon that his media is elsewhere. */
static const struct plane_face *face_of(const struct plane *p, uint64_t node, struct plane_face *here)
{
    const struct plane_face *away = node && p->away.face ? p->away.face(p->away.ctx, node) : NULL;
    if (away) return away;
    snprintf(here->fingerprint, sizeof here->fingerprint, "%s", media_fingerprint(p->media));
    here->n_candidates = node ? 0 : media_candidates(p->media, here->candidates);
    return here;
}

size_t plane_candidates(const struct plane *p, uint64_t node, struct media_candidate out[MEDIA_CANDIDATES_MAX])
{
    struct plane_face here;
    const struct plane_face *face = face_of(p, node, &here);
    memcpy(out, face->candidates, face->n_candidates * sizeof *out);
    return face->n_candidates;
}

void plane_describe(const struct plane *p, uint64_t node, const char *ufrag, const char *password, struct sdp *out)
{
    struct plane_face here;
    const struct plane_face *face = face_of(p, node, &here);
    const char *value = strchr(face->fingerprint, ' ');
    out->ice_lite = true;
    out->setup = SDP_PASSIVE;
    snprintf(out->ufrag, sizeof out->ufrag, "%s", ufrag);
    snprintf(out->password, sizeof out->password, "%s", password);
    snprintf(out->fingerprint, sizeof out->fingerprint, "%.99s", value ? value + 1 : face->fingerprint);
    out->n_candidates = face->n_candidates;
    memcpy(out->candidates, face->candidates, face->n_candidates * sizeof *face->candidates);
}
