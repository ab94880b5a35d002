#include "media/transport/srtp_box.h"
#include "media/transport/srtp_reports.h"
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdlib.h>
#include <string.h>

struct srtp_box {
    struct srtp_seal *out;
    struct srtp_reports *reports;
    srtp_t in; /* media that comes; NULL until some does, viewers send none */
    struct dtls_keys keys;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void init_library(void)
{
    srtp_init();
}

static int make(srtp_t *out, enum dtls_profile profile, const uint8_t *key)
{
    srtp_policy_t p;
    memset(&p, 0, sizeof p);
    if (profile == DTLS_PROFILE_GCM128) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&p.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&p.rtp);
        srtp_crypto_policy_set_rtcp_default(&p.rtcp);
    }
    p.ssrc.type = ssrc_any_inbound;
    p.key = (uint8_t *)(uintptr_t)key; /* only read */
    p.window_size = 1024;
    return srtp_create(out, &p) == srtp_err_status_ok ? 0 : ERR_INTERNAL;
}

int srtp_box_new(struct srtp_box **out, const struct dtls_keys *keys)
{
    pthread_once(&once, init_library);
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
    if (box->in) srtp_dealloc(box->in);
    srtp_seal_free(box->out);
    srtp_reports_free(box->reports);
    explicit_bzero(box, sizeof *box);
    free(box);
}

struct srtp_seal *srtp_box_seal(struct srtp_box *box)
{
    return box->out;
}

int srtp_box_open(struct srtp_box *box, uint8_t *packet, size_t *len, bool rtcp)
{
    int n = (int)*len;
    if (rtcp) return srtp_reports_open(box->reports, packet, len);
    if (n < 12 || (!box->in && make(&box->in, box->keys.profile, box->keys.receive))) return ERR_INVALID;
    if (srtp_unprotect(box->in, packet, &n) != srtp_err_status_ok) return ERR_INVALID;
    *len = (size_t)n;
    return 0;
}
