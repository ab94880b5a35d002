/* What one forwarded packet costs the server: CPU of the media thread (receive, open, rewrite, seal, send) at 10, 50 and 100 viewers. */
#include "media/media.h"
#include "tests/lib/rtc_client.h"
#include <dirent.h>
#include <stdlib.h>

#define VIEWERS_MAX 100

/* Nanoseconds that the thread named `media` has run. */
static uint64_t media_thread_ns(void)
{
    DIR *d = opendir("/proc/self/task");
    uint64_t ns = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", e->d_name);
        FILE *f = fopen(path, "r");
        if (!f) continue;
        if (!fgets(name, sizeof name, f)) name[0] = 0;
        fclose(f);
        if (strcmp(name, "media\n")) continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", e->d_name);
        if (!(f = fopen(path, "r"))) continue;
        if (fscanf(f, "%lu", &ns) != 1) ns = 0;
        fclose(f);
    }
    if (d) closedir(d);
    return ns;
}

static struct media *m;
static struct dtls_identity *id;
static uint16_t port;

static void connect_peer(struct rtc_client *c, uint64_t peer)
{
    struct media_cmd cmd = {.type = MEDIA_PEER_OPEN, .room = {5}};
    struct ice_credentials ice;
    media_ice_credentials(ice.ufrag, ice.password);
    cmd.peer_open.peer.v = peer;
    cmd.peer_open.room.v = 5;
    memcpy(cmd.peer_open.local_ufrag, ice.ufrag, 16);
    memcpy(cmd.peer_open.local_password, ice.password, 32);
    snprintf(cmd.peer_open.remote_fingerprint, 100, "%s", dtls_identity_fingerprint(id));
    if (media_post(m, &cmd) || rtc_client_open(c, id, port, &ice, media_fingerprint(m) + 8) || !rtc_client_connect(c, 10000)) {
        fprintf(stderr, "viewer %lu does not connect\n", peer);
        exit(1);
    }
}

static void measure(int viewers)
{
    static struct rtc_client pub, sub[VIEWERS_MAX];
    connect_peer(&pub, 1000);
    struct media_cmd t = {.type = MEDIA_TRACK_OPEN, .room = {5}, .track_open = {.peer = {1000}, .track = {50}, .kind = MEDIA_VIDEO, .mid = "0",
                          .n_payloads = 1, .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 777}};
    if (media_post(m, &t)) exit(1);
    for (int i = 0; i < viewers; i++) {
        connect_peer(&sub[i], 2000 + (uint64_t)i);
        struct media_cmd f = {.type = MEDIA_FEED_OPEN, .room = {5}, .feed_open = {.peer = {2000 + (uint64_t)i}, .feed = {3000 + (uint64_t)i},
                              .track = {50}, .mid = "0", .n_payloads = 1, .payloads = {{MEDIA_VP8, 120, 121, ""}}, .extensions = {.mid = 9},
                              .ssrc = 888, .rtx_ssrc = 889}};
        if (media_post(m, &f)) exit(1);
    }
    usleep(100000);
    int packets = 20000 / viewers;
    uint8_t p[1300];
    uint64_t before = media_thread_ns();
    int64_t began = clock_monotonic_us();
    for (int i = 0; i < packets; i++) { /* in pairs, as frames of two packets come */
        rtc_client_send(&pub, p, rtc_client_vp8(p, (uint16_t)i, 777, i == 0, 1150), false);
        if (i % 2) usleep(viewers * 20);
        for (int k = 0; k < viewers && i % 20 == 19; k++)
            rtc_client_poll(&sub[k], 0);
    }
    usleep(100000);
    uint64_t ns = media_thread_ns() - before;
    int64_t took = clock_monotonic_us() - began;
    long out = 0;
    for (int k = 0; k < viewers; k++) {
        rtc_client_poll(&sub[k], 0);
        out += sub[k].rtp_in;
    }
    printf("%3d viewers: %7ld of %d packets arrived, %5.2f us of server CPU per forwarded packet, %.1f s\n", viewers, out, packets * viewers,
           (double)ns / 1000 / (packets * viewers), (double)took / 1e6);
    struct media_cmd end = {.type = MEDIA_ROOM_CLOSE, .room = {5}};
    if (media_post(m, &end)) exit(1);
    usleep(100000);
    for (int k = 0; k < viewers; k++)
        rtc_client_close(&sub[k]);
    rtc_client_close(&pub);
}

int main(void)
{
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = ""};
    struct fault f = {0};
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    if (media_open(&m, &config, &f) || dtls_identity_new(&id, DTLS_ENGINE_OPENSSL)) return 1;
    media_candidates(m, cand);
    port = cand[0].port;
    measure(10);
    measure(50);
    measure(100);
    media_close(m);
    dtls_identity_free(id);
    return 0;
}
