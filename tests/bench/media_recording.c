/* What recording costs: ROOMS rooms of two people, each a picture (1 Mbit/s, 30 a second) and a voice, all recorded at once. Real ICE, DTLS and
 * SRTP over loopback into the whole media plane, a process of its own: its CPU time by thread, what reached the disk, the most that waited for
 * it, what was given up, how long after the end everything was finished and told; every file's chain is checked.
 *
 *   bench_media_recording [--rooms 50] [--seconds 15] [--dir /tmp] [--no-record]     (--no-record: the same without recording, to compare)
 */
#include "media/media.h"
#include "server/base/metrics.h"
#include "server/base/reel.h"
#include "tests/lib/rtc_client.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define ROOMS_MAX 200
#define PACKETS 4 /* of a frame */

/* ---- the server ---- */
static atomic_int done_count, file_count, errors;
static _Atomic int64_t done_us;

static void on_event(void *ctx, const struct media_event *e)
{
    (void)ctx;
    if (e->type == MEDIA_RECORD_FILE) file_count++;
    if (e->type != MEDIA_RECORD_DONE) return;
    errors += e->error != 0;
    done_us = clock_monotonic_us();
    done_count++;
}

static void print_figures(int rooms, int64_t stopped_us)
{
    for (int i = 0; i < 600 && done_count < rooms; i++)
        usleep(50000);
    usleep(1100000); /* gauges are set once a second */
    char *text = metrics_print(), *save = NULL;
    printf("%d of %d recordings finished, %d files, %d with an error; the last %.2f s after the end\n", done_count, rooms, file_count, errors,
           (double)(done_us - stopped_us) / 1e6);
    for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, "yilian_media_record_", 20) == 0) printf("  %s\n", line);
    free(text);
    fflush(stdout);
}

static int serve(const char *dir)
{
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 1, .record_dir = dir, .on_event = on_event};
    struct fault f = {0};
    struct media *m;
    struct media_candidate cand[MEDIA_CANDIDATES_MAX];
    struct media_cmd cmd;
    int rooms = 0;
    int64_t stopped_us = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (media_open(&m, &config, &f)) return 1;
    media_candidates(m, cand);
    printf("%u %s\n", cand[0].port, media_fingerprint(m) + 8);
    fflush(stdout);
    while (fread(&cmd, sizeof cmd, 1, stdin) == 1) {
        rooms += cmd.type == MEDIA_RECORD_START;
        if (cmd.type == MEDIA_RECORD_STOP) stopped_us = clock_monotonic_us();
        while (media_post(m, &cmd))
            usleep(1000);
    }
    if (rooms) print_figures(rooms, stopped_us);
    media_close(m);
    return 0;
}

/* ---- the generator ---- */
static struct {
    pid_t pid;
    FILE *in, *out;
    uint16_t port;
    char fingerprint[100];
} server;
static struct dtls_identity *identity;
static struct person {
    struct rtc_client rtc;
    uint16_t video_seq, audio_seq;
} people[2 * ROOMS_MAX];
static uint64_t sent;

static void start_server(char *program, char *dir)
{
    int in[2], out[2];
    if (pipe(in) || pipe(out)) exit(1);
    if (!(server.pid = fork())) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execv(program, (char *[]){program, (char[]){"serve"}, dir, NULL});
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server.in = fdopen(in[1], "w");
    server.out = fdopen(out[0], "r");
    if (!server.out || fscanf(server.out, "%hu %99s", &server.port, server.fingerprint) != 2) exit(1);
}

static void post(struct media_cmd cmd, uint64_t room)
{
    cmd.room.v = room;
    fwrite(&cmd, sizeof cmd, 1, server.in);
    fflush(server.in);
}

static void enter(int i)
{
    struct media_cmd cmd = {.type = MEDIA_PEER_OPEN};
    struct ice_credentials ice;
    uint64_t room = 1000 + (uint64_t)i / 2, id = 5000 + (uint64_t)i;
    media_ice_credentials(ice.ufrag, ice.password);
    cmd.peer_open.peer.v = id;
    cmd.peer_open.room.v = room;
    memcpy(cmd.peer_open.local_ufrag, ice.ufrag, 16);
    memcpy(cmd.peer_open.local_password, ice.password, 32);
    snprintf(cmd.peer_open.remote_fingerprint, 100, "%s", dtls_identity_fingerprint(identity));
    post(cmd, room);
    if (rtc_client_open(&people[i].rtc, identity, server.port, &ice, server.fingerprint) || !rtc_client_connect(&people[i].rtc, 20000)) exit(1);
    post((struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {id}, .track = {id * 10}, .kind = MEDIA_VIDEO, .mid = "0", .n_payloads = 1,
                            .payloads = {{MEDIA_VP8, 96, 97, ""}}, .ssrc = 777}}, room);
    post((struct media_cmd){.type = MEDIA_TRACK_OPEN, .track_open = {.peer = {id}, .track = {id * 10 + 1}, .kind = MEDIA_AUDIO, .mid = "1", .n_payloads = 1,
                            .payloads = {{MEDIA_OPUS, 111, 0, ""}}, .ssrc = 778}}, room);
}

static void publish(struct person *p, size_t len, uint16_t seq, bool picture, bool marker)
{
    uint8_t b[1300];
    bool key = picture && seq % (PACKETS * 60) == 0;
    rtc_client_vp8(b, seq, picture ? 777 : 778, key, len);
    b[1] = (uint8_t)((marker ? 0x80 : 0) | (picture ? 96 : 111));
    put_u32(b + 4, picture ? seq / PACKETS * 3000u : seq * 960u);
    rtc_client_send(&p->rtc, b, len, false);
    sent++;
}

/* Everybody's frames are spread over the time between two of them, as those of separate people are. */
static void talk(int n, double seconds)
{
    int64_t began = clock_monotonic_us(), end = began + (int64_t)(seconds * 1e6), now;
    for (int64_t turn = 0; (now = clock_monotonic_us()) < end; turn++) {
        int64_t at = began + turn * 33333 / n;
        if (now - at > 20000) began += now - at; /* it was kept from running: what it missed does not follow in a burst, which no network would send */
        while ((now = clock_monotonic_us()) < at)
            usleep(at - now > 200 ? 100 : 10);
        struct person *p = &people[turn % n];
        for (int k = 0; k < PACKETS; k++, p->video_seq++)
            publish(p, 1040 + (size_t)(k > 1), p->video_seq, true, k == PACKETS - 1);
        for (; p->audio_seq * 20000ll < now - began; p->audio_seq++)
            publish(p, 120, p->audio_seq, false, false);
        rtc_client_poll(&p->rtc, 0);
    }
}

static void cpu_by_thread(double seconds)
{
    char path[300], name[32];
    double all = 0;
    snprintf(path, sizeof path, "/proc/%d/task", server.pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        uint64_t ns = 0;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", server.pid, e->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%lu", &ns) != 1) ns = 0;
        if (f) fclose(f);
        snprintf(path, sizeof path, "/proc/%d/task/%s/comm", server.pid, e->d_name);
        f = fopen(path, "r");
        if (f && fscanf(f, "%31s", name) == 1 && ns > 50000000) printf("  %-16s %5.1f %% of a core\n", name, (double)ns / seconds / 1e7);
        if (f) fclose(f);
        all += (double)ns;
    }
    if (d) closedir(d);
    printf("  all threads      %5.1f %% of a core (handshakes of the joins are in it)\n", all / seconds / 1e7);
}

static void on_gap(void *ctx, const struct reel_gap *gap)
{
    ((uint64_t *)ctx)[gap->why] += gap->lost_ms;
}

static void check_files(const char *dir)
{
    uint64_t lost[REEL_WHY_COUNT] = {0};
    DIR *d = opendir(dir);
    unsigned long long bytes = 0;
    unsigned files = 0, whole = 0, links = 0;
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[600];
        struct reel_report r;
        struct stat st;
        if (e->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        int fd = open(path, O_RDONLY);
        if (fd >= 0 && !fstat(fd, &st)) bytes += (unsigned long long)st.st_size;
        files++;
        whole += fd >= 0 && !reel_read_fd(fd, true, on_gap, lost, &r) && r.chained && !r.wrong;
        links += fd >= 0 ? r.links : 0;
        if (fd >= 0) close(fd);
        unlink(path);
    }
    if (d) closedir(d);
    rmdir(dir);
    printf("%u files, %u whole by their chains (%u links), %.1f MB\n", files, whole, links, (double)bytes / 1e6);
    for (int why = 1; why < REEL_WHY_COUNT; why++)
        if (lost[why]) printf("  lost, %s: %.1f s of all tracks together\n", reel_why_name((enum reel_why)why), (double)lost[why] / 1000);
}

static const char *value(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], name)) return argv[i + 1];
    return otherwise;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "serve")) return serve(argv[2]);
    int rooms = atoi(value(argc, argv, "--rooms", "50"));
    double seconds = atof(value(argc, argv, "--seconds", "15")), load[3] = {0};
    bool record = strcmp(argv[argc - 1], "--no-record") != 0;
    char dir[300], line[400];
    if (rooms < 1 || rooms > ROOMS_MAX || seconds < 1) return fprintf(stderr, "--rooms 1..%d, --seconds from 1\n", ROOMS_MAX), 2;
    snprintf(dir, sizeof dir, "%s/yl-bench-recording-XXXXXX", value(argc, argv, "--dir", "/tmp"));
    if (!mkdtemp(dir) || dtls_identity_new(&identity, DTLS_ENGINE_OPENSSL)) return 1;
    start_server(argv[0], dir);
    for (int i = 0; i < 2 * rooms; i++)
        enter(i);
    for (int r = 0; record && r < rooms; r++)
        post((struct media_cmd){.type = MEDIA_RECORD_START, .record = {{1000 + (uint64_t)r}, 70000 + (uint64_t)r, 0}}, 1000 + (uint64_t)r);
    talk(2 * rooms, seconds);
    getloadavg(load, 3);
    printf("%d rooms of 4 tracks, %.0f s, %s, load average %.1f, %ld cores, one worker; the generator sent %.0f packets/s of %d that it should\n", rooms, seconds,
           record ? "recorded" : "not recorded", load[0], sysconf(_SC_NPROCESSORS_ONLN), (double)sent / seconds, 2 * rooms * (30 * PACKETS + 50));
    cpu_by_thread(seconds);
    for (int r = 0; record && r < rooms; r++)
        post((struct media_cmd){.type = MEDIA_RECORD_STOP, .recording = 70000 + (uint64_t)r}, 1000 + (uint64_t)r);
    fclose(server.in);
    while (fgets(line, sizeof line, server.out))
        fputs(line, stdout);
    waitpid(server.pid, NULL, 0);
    check_files(dir);
    return 0;
}
