/* media_loop - a line-driven harness around media.h for browser tests: commands on standard input, events on standard output.
 * It stands where signaling and SDP stand in the daemon, so that the media plane is proved by itself. Words, one command a line:
 *   creds | peer|restart P R lufrag lpwd rufrag rpwd fp client | close P R | track P T R kind mid ssrc rtx exts payloads rids
 *   feed P F T R mid ssrc rtx exts payloads | layer F R n | fpause F R n | tpause T R n | record R id | stop R id | quit
 * exts: mid,rid,rrid,level,twcc,orientation,dd   payloads: codec:pt:rtx;...   rids: q,h,f or -
 */
#include "media/media.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const codecs[] = {"opus", "VP8", "VP9", "H264", "AV1"};

static void on_event(void *ctx, const struct media_event *e)
{
    static const char *const names[] = {"connected", "moved", "silent", "back", "failed", "live", "stalled", "layers", "levels", "quality", "streams", "file", "done", "trouble"};
    printf("event %s peer=%" PRIu64 " track=%" PRIu64 " codec=%s error=%d", names[e->type], e->peer.v, e->track.v, codecs[e->codec], e->error);
    if (e->type == MEDIA_LEVELS) printf(" level=%d", e->levels.at[0].level_dbov);
    if (e->type == MEDIA_QUALITY)
        printf(" rtt=%u up=%u down=%u uploss=%u downloss=%u line=%u", e->quality.rtt_ms, e->quality.up_bps, e->quality.down_bps,
               e->quality.up_loss_permille, e->quality.down_loss_permille, e->quality.line_bps);
    for (size_t i = 0; e->type == MEDIA_STREAMS && i < e->streams.n; i++)
        printf(" layer=%u reduced=%d bps=%u", e->streams.at[i].layer, e->streams.at[i].reduced, e->streams.at[i].bps);
    if (e->type == MEDIA_RECORD_FILE)
        printf(" path=%s type=%s bytes=%" PRIu64 " started=%" PRId64 " duration=%" PRId64 " sha=%s", e->file.path,
               e->file.content_type, e->file.bytes, e->file.started_ms, e->file.duration_ms, e->file.sha256);
    if (e->recording) printf(" recording=%" PRIu64, e->recording);
    printf("\n");
    fflush(stdout);
}

static void parse_payloads(char *text, struct media_payload *out, size_t *n)
{
    char *save = NULL;
    for (char *row = strtok_r(text, ";", &save); row && *n < MEDIA_CODECS_MAX; row = strtok_r(NULL, ";", &save)) {
        char name[16];
        unsigned pt, rtx;
        if (sscanf(row, "%15[^:]:%u:%u", name, &pt, &rtx) != 3) continue;
        for (int c = 0; c < 5; c++)
            if (strcmp(codecs[c], name) == 0)
                out[(*n)++] = (struct media_payload){.codec = (enum media_codec)c, .payload_type = (uint8_t)pt, .rtx_payload_type = (uint8_t)rtx};
    }
}

static void parse_extensions(const char *text, struct media_extensions *x)
{
    unsigned v[7] = {0};
    sscanf(text, "%u,%u,%u,%u,%u,%u,%u", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6);
    *x = (struct media_extensions){.mid = (uint8_t)v[0], .rid = (uint8_t)v[1], .repaired_rid = (uint8_t)v[2], .audio_level = (uint8_t)v[3],
                                   .transport_cc = (uint8_t)v[4], .orientation = (uint8_t)v[5], .dependency_descriptor = (uint8_t)v[6]};
}

static void parse_rids(char *text, struct media_track_params *t)
{
    char *save = NULL;
    if (text[0] == '-') return;
    for (char *r = strtok_r(text, ",", &save); r && t->n_rids < MEDIA_RIDS_MAX; r = strtok_r(NULL, ",", &save))
        snprintf(t->rids[t->n_rids++], 16, "%.15s", r);
}

static bool command(char *line, struct media_cmd *c)
{
    char w[12][512] = {{0}};
    int n = sscanf(line, "%511s %511s %511s %511s %511s %511s %511s %511s %511s %511s %511s", w[0], w[1], w[2], w[3], w[4], w[5], w[6],
                   w[7], w[8], w[9], w[10]);
#define NUM(i) strtoull(w[i], NULL, 10)
    if (n < 2) return false;
    if (!strcmp(w[0], "peer") || !strcmp(w[0], "restart")) {
        struct media_peer_params *p = &c->peer_open;
        c->type = w[0][0] == 'p' ? MEDIA_PEER_OPEN : MEDIA_PEER_RESTART;
        p->peer.v = NUM(1);
        c->room.v = p->room.v = NUM(2);
        snprintf(p->local_ufrag, 16, "%.15s", w[3]);
        snprintf(p->local_password, 32, "%.31s", w[4]);
        snprintf(p->remote_ufrag, 260, "%.259s", w[5]);
        snprintf(p->remote_password, 260, "%.259s", w[6]);
        snprintf(p->remote_fingerprint, 100, "%.99s", w[7]);
        p->dtls_client = NUM(8);
    } else if (!strcmp(w[0], "close")) {
        c->type = MEDIA_PEER_CLOSE;
        c->peer.v = NUM(1);
        c->room.v = NUM(2);
    } else if (!strcmp(w[0], "track")) {
        struct media_track_params *t = &c->track_open;
        c->type = MEDIA_TRACK_OPEN;
        t->peer.v = NUM(1);
        t->track.v = NUM(2);
        c->room.v = NUM(3);
        t->kind = w[4][0] == 'a' ? MEDIA_AUDIO : MEDIA_VIDEO;
        snprintf(t->mid, 16, "%.15s", w[5]);
        t->ssrc = (uint32_t)NUM(6);
        t->rtx_ssrc = (uint32_t)NUM(7);
        parse_extensions(w[8], &t->extensions);
        parse_payloads(w[9], t->payloads, &t->n_payloads);
        parse_rids(w[10], t);
    } else if (!strcmp(w[0], "feed")) {
        struct media_feed_params *f = &c->feed_open;
        c->type = MEDIA_FEED_OPEN;
        f->peer.v = NUM(1);
        f->feed.v = NUM(2);
        f->track.v = NUM(3);
        c->room.v = NUM(4);
        snprintf(f->mid, 16, "%.15s", w[5]);
        f->ssrc = (uint32_t)NUM(6);
        f->rtx_ssrc = (uint32_t)NUM(7);
        parse_extensions(w[8], &f->extensions);
        parse_payloads(w[9], f->payloads, &f->n_payloads);
    } else if (!strcmp(w[0], "layer") || !strcmp(w[0], "fpause")) {
        c->type = w[0][0] == 'l' ? MEDIA_FEED_LAYER : MEDIA_FEED_PAUSE;
        c->feed.feed.v = NUM(1);
        c->room.v = NUM(2);
        c->feed.layer = (uint8_t)NUM(3);
        c->feed.on = NUM(3);
    } else if (!strcmp(w[0], "tpause")) {
        c->type = MEDIA_TRACK_PAUSE;
        c->track.track.v = NUM(1);
        c->room.v = NUM(2);
        c->track.on = NUM(3);
    } else if (!strcmp(w[0], "record") || !strcmp(w[0], "stop")) {
        c->type = w[0][0] == 'r' ? MEDIA_RECORD_START : MEDIA_RECORD_STOP;
        c->room.v = NUM(1);
        if (c->type == MEDIA_RECORD_START) c->record = (struct media_record_params){c->room, NUM(2), 0};
        else c->recording = NUM(2);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct media_config config = {.bind_address = "0.0.0.0", .udp_port = argc > 1 ? (uint16_t)atoi(argv[1]) : 0,
                                  .announce = argc > 3 ? argv[3] : "127.0.0.1", .workers = argc > 5 ? (unsigned)atoi(argv[5]) : 1, .record_dir = argc > 2 ? argv[2] : "",
                                  .max_bitrate_bps = 2500000, .on_event = on_event};
    if (argc > 4 && !strcmp(argv[4], "mbedtls")) config.dtls = MEDIA_DTLS_MBEDTLS;
    struct fault f = {0};
    struct media *m;
    if (media_open(&m, &config, &f)) {
        fprintf(stderr, "%s\n", f.text);
        return 1;
    }
    struct media_candidate c[MEDIA_CANDIDATES_MAX];
    size_t n = media_candidates(m, c);
    printf("ready %s %s %u %u\n", media_fingerprint(m) + 8, c[0].address, c[0].port, n ? c[0].priority : 0);
    fflush(stdout);
    char line[4096];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4)) {
        struct media_cmd cmd = {0};
        char ufrag[16], password[32];
        if (!strncmp(line, "creds", 5)) {
            media_ice_credentials(ufrag, password);
            printf("creds %s %s\n", ufrag, password);
            fflush(stdout);
        } else if (!command(line, &cmd) || media_post(m, &cmd)) {
            printf("bad %s", line);
            fflush(stdout);
        }
    }
    media_close(m);
    return 0;
}
