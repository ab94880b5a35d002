/* server_sdp_echo - a harness around sdp.h for browser tests: commands on standard input, replies on standard output. A text is a line
 * with its number of bytes, then the bytes.
 *   answer MAY BYTES text  our answer to the browser's offer; MAY: inactive|sendonly|recvonly|sendrecv
 *   offer N                our offer of N sources: microphone and camera in turn
 *   swap N                 the same offer with source N gone (inactive), or another source in its m-line when it was gone
 *   restart                the same offer with new ICE credentials
 *   answered BYTES text    the browser's answer to it
 * Replies: "sdp BYTES" + text, "feeds TAKEN OF-ALL", "tracks n" + one line a track, or "fault PATH REASON".
 */
#include "server/sdp/sdp.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void transport(struct sdp *s, enum sdp_setup setup)
{
    s->session_id = 4611686018427387904;
    s->version++;
    s->ice_lite = true;
    s->setup = setup;
    if (!s->ufrag[0]) snprintf(s->ufrag, sizeof s->ufrag, "yLuF0001");
    snprintf(s->password, sizeof s->password, "0123456789abcdefghijklmn");
    for (size_t i = 0; i < 32; i++)
        snprintf(s->fingerprint + 3 * i, 4, "%02X%s", (unsigned)(i * 7), i < 31 ? ":" : "");
    s->n_candidates = 2;
    s->candidates[0] = (struct media_candidate){"127.0.0.1", 9, 2130706431};
    s->candidates[1] = (struct media_candidate){"::1", 9, 2130706175};
}

static struct sdp *read_sdp(size_t bytes)
{
    struct fault f;
    struct sdp *s = NULL;
    char *text = malloc(bytes + 1);
    if (!text || fread(text, 1, bytes, stdin) != bytes) exit(1);
    if (sdp_parse(&s, text, bytes, &f)) printf("fault %s %s\n", f.fields[0].path, f.fields[0].reason);
    free(text);
    return s;
}

static void print_sdp(const struct sdp *s)
{
    char *text = sdp_write(s);
    if (!text) exit(1);
    printf("sdp %zu\n%s", strlen(text), text);
    free(text);
}

static enum sdp_direction direction_of(const char *word)
{
    static const char *const words[] = {"inactive", "sendonly", "recvonly", "sendrecv"};
    for (int i = 0; i < 4; i++)
        if (strcmp(words[i], word) == 0) return (enum sdp_direction)i;
    exit(1);
}

static void source(struct sdp_media *m, size_t i)
{
    m->ssrc = (uint32_t)(1000 + 2 * i);
    if (m->kind == MEDIA_VIDEO) m->rtx_ssrc = m->ssrc + 1;
    snprintf(m->stream, sizeof m->stream, "seat%zu", i / 2);
    snprintf(m->track, sizeof m->track, "track%zu", i);
}

/* The tracks of `offered` as the media plane would be told, then the text of our answer. */
static void answer(const struct sdp *offered, enum sdp_direction may)
{
    struct sdp *s = sdp_new();
    if (!s) exit(1);
    transport(s, offered->setup == SDP_PASSIVE ? SDP_ACTIVE : SDP_PASSIVE);
    s->n_media = offered->n_media;
    printf("tracks %zu\n", offered->n_media);
    for (size_t i = 0; i < offered->n_media; i++) {
        struct media_track_params t = {0};
        sdp_answer_media(&offered->media[i], may, &s->media[i]);
        if (s->media[i].direction & SDP_SENDONLY) source(&s->media[i], i);
        sdp_to_track(&offered->media[i], &s->media[i], &t);
        printf("mid=%s rejected=%d direction=%d payloads=%zu first=%d rids=%zu ssrc=%d rtx=%d midext=%d\n", t.mid, s->media[i].rejected,
               s->media[i].direction, t.n_payloads, t.n_payloads ? (int)t.payloads[0].codec : -1, t.n_rids, t.ssrc != 0, t.rtx_ssrc != 0,
               t.extensions.mid);
    }
    print_sdp(s);
    sdp_free(s);
}

static void offer(struct sdp *s, size_t n)
{
    transport(s, SDP_ACTPASS);
    for (; s->n_media < n && s->n_media < SDP_MEDIA_MAX; s->n_media++) {
        char mid[16];
        snprintf(mid, sizeof mid, "%zu", s->n_media);
        sdp_offer_media(s->n_media % 2 ? MEDIA_VIDEO : MEDIA_AUDIO, mid, &s->media[s->n_media]);
        source(&s->media[s->n_media], s->n_media);
    }
    print_sdp(s);
}

static void swap(struct sdp *s, size_t i)
{
    struct sdp_media *m = &s->media[i % SDP_MEDIA_MAX];
    if (m->direction == SDP_INACTIVE) {
        m->direction = SDP_SENDONLY;
        source(m, i + 200);
    } else {
        m->direction = SDP_INACTIVE;
        m->ssrc = m->rtx_ssrc = 0;
        m->stream[0] = m->track[0] = 0;
    }
    offer(s, s->n_media);
}

static void answered(const struct sdp *ours, const struct sdp *theirs)
{
    size_t taken = 0;
    struct media_peer_params peer = {0};
    sdp_to_peer(theirs, &peer);
    for (size_t i = 0; i < ours->n_media && i < theirs->n_media; i++) {
        struct media_feed_params feed = {0};
        bool video = ours->media[i].kind == MEDIA_VIDEO;
        taken += sdp_to_feed(&ours->media[i], &theirs->media[i], &feed) && strcmp(feed.mid, theirs->media[i].mid) == 0 &&
                 feed.extensions.mid && (!video || feed.rtx_ssrc) && feed.payloads[0].codec == (video ? MEDIA_VP8 : MEDIA_OPUS);
    }
    printf("feeds %zu of %zu client=%d\n", taken, ours->n_media, peer.dtls_client);
}

int main(void)
{
    struct sdp *ours = sdp_new(), *theirs;
    char line[100], may[20];
    size_t n;
    if (!ours) return 1;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "answered %zu", &n) == 1) {
            if ((theirs = read_sdp(n))) answered(ours, theirs);
            sdp_free(theirs);
        } else if (sscanf(line, "answer %19s %zu", may, &n) == 2) {
            if ((theirs = read_sdp(n))) answer(theirs, direction_of(may));
            sdp_free(theirs);
        } else if (sscanf(line, "offer %zu", &n) == 1) {
            offer(ours, n);
        } else if (sscanf(line, "swap %zu", &n) == 1) {
            swap(ours, n);
        } else if (strcmp(line, "restart\n") == 0) {
            snprintf(ours->ufrag, sizeof ours->ufrag, "yLuF0002");
            offer(ours, ours->n_media);
        } else {
            return 1;
        }
        fflush(stdout);
    }
    sdp_free(ours);
    return 0;
}
