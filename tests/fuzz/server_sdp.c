/* Session descriptions from any browser or encoder: parse, answer, write; our own answer must be readable again and say the same. */
#include "server/sdp/sdp.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sdp *answer_to(const struct sdp *offered)
{
    struct sdp *s = sdp_new();
    if (!s) abort();
    *s = *offered; /* their transport stands for ours */
    for (size_t i = 0; i < s->n_media; i++)
        sdp_answer_media(&offered->media[i], SDP_SENDRECV, &s->media[i]);
    return s;
}

static void check_again(const struct sdp *offered, const struct sdp *answer, const struct sdp *again)
{
    struct media_track_params track = {0};
    struct media_feed_params feed = {0};
    struct media_peer_params peer = {0};
    if (again->n_media != answer->n_media || again->session_id != answer->session_id || strcmp(again->ufrag, answer->ufrag)) abort();
    sdp_to_peer(again, &peer);
    for (size_t i = 0; i < answer->n_media; i++) {
        const struct sdp_media *a = &answer->media[i], *b = &again->media[i];
        if (a->rejected != b->rejected || a->direction != b->direction || a->n_payloads != b->n_payloads || a->n_rids != b->n_rids ||
            strcmp(a->mid, b->mid) || memcmp(&a->extensions, &b->extensions, sizeof a->extensions))
            abort();
        for (size_t k = 0; k < a->n_payloads; k++)
            if (a->payloads[k].codec != b->payloads[k].codec || strcmp(a->payloads[k].fmtp, b->payloads[k].fmtp) ||
                a->payloads[k].rtx_payload_type != b->payloads[k].rtx_payload_type || a->payloads[k].red_payload_type != b->payloads[k].red_payload_type)
                abort();
        sdp_to_track(&offered->media[i], a, &track);
        if (sdp_to_feed(a, &offered->media[i], &feed) && (!feed.n_payloads || feed.n_payloads > MEDIA_CODECS_MAX)) abort();
    }
}

/* An offer of which the answer carries nothing has no transport to read. */
static bool carries(const struct sdp *s)
{
    for (size_t i = 0; i < s->n_media; i++)
        if (!s->media[i].rejected) return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sdp *s, *again;
    struct fault f;
    char *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    int err = sdp_parse(&s, copy, size, &f);
    free(copy);
    if (err) {
        if (s || f.code != err || f.n_fields != 1 || !f.fields[0].reason[0]) abort();
        return 0;
    }
    struct sdp *answer = answer_to(s);
    char *text = sdp_write(answer);
    if (!text) abort();
    if (carries(answer)) {
        if (sdp_parse(&again, text, strlen(text), &f)) abort();
        check_again(s, answer, again);
        sdp_free(again);
    }
    free(text);
    sdp_free(answer);
    sdp_free(s);
    return 0;
}
