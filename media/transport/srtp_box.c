#include "media/transport/srtp_box.h"
#include "media/transport/srtp_reports.h"
#include "media/transport/srtp_unseal.h"
#include <stdlib.h>
#include <string.h>

struct srtp_box {
    struct srtp_seal *out;
    struct srtp_reports *reports;
    struct srtp_unseal *in; /* media that comes; NULL until some does, viewers send none */
    struct dtls_keys keys;
};

int srtp_box_new(struct srtp_box **out, const struct dtls_keys *keys)
{
    struct srtp_session_keys session[2];
    struct srtp_box *box = calloc(1, sizeof *box);
    if (!box) return ERR_INTERNAL;
    int err = srtp_derive(keys->profile, keys->send, SRTP_MEDIA, &session[SRTP_MEDIA]);
    if (!err) err = srtp_derive(keys->profile, keys->send, SRTP_CONTROL, &session[SRTP_CONTROL]);
    if (!err) err = srtp_seal_new(&box->out, keys->profile, session);
    if (!err) err = srtp_derive(keys->profile, keys->receive, SRTP_CONTROL, &session[0]);
    if (!err) err = srtp_reports_new(&box->reports, keys->profile, &session[0]);
    box->keys = *keys;
    explicit_bzero(session, sizeof session);
    if (err) srtp_box_free(box);
    else *out = box;
    return err;
}

void srtp_box_free(struct srtp_box *box)
{
    if (!box) return;
    srtp_unseal_free(box->in);
    srtp_seal_free(box->out);
    srtp_reports_free(box->reports);
    explicit_bzero(box, sizeof *box);
    free(box);
}

struct srtp_seal *srtp_box_seal(struct srtp_box *box)
{
    return box->out;
}

static int begin_media(struct srtp_box *box)
{
    struct srtp_session_keys media;
    int err = srtp_derive(box->keys.profile, box->keys.receive, SRTP_MEDIA, &media);
    if (!err) err = srtp_unseal_new(&box->in, box->keys.profile, &media);
    explicit_bzero(&media, sizeof media);
    return err;
}

int srtp_box_open(struct srtp_box *box, uint8_t *packet, size_t *len, bool rtcp)
{
    if (rtcp) return srtp_reports_open(box->reports, packet, len);
    if (*len < 12 || (!box->in && begin_media(box))) return ERR_INVALID;
    return srtp_unseal_packet(box->in, packet, len);
}
