/* Devices' streams on the real plane: a camera over RTSP (gst-rtsp-server, Digest), encoders over RTMP and SRT (ffmpeg); what they send is
 * packaged as a lecture and judged by ffprobe. Wrong passwords, wrong paths, nobody there, and a camera that goes and comes back. */
#include "media/media.h"
#include "server/base/clock.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct media *plane;
static struct { /* under the lock: what the plane said */
    pthread_mutex_t lock;
    enum media_intake_state state;
    enum media_intake_why why;
    unsigned states, live;
    bool codecs[MEDIA_CODEC_COUNT];
    FILE *out;
    size_t total;
} told = {.lock = PTHREAD_MUTEX_INITIALIZER};
static const struct room_id room = {77};
static const struct track_id picture = {5}, voice = {6};

static void on_event(void *ctx, const struct media_event *e)
{
    (void)ctx;
    pthread_mutex_lock(&told.lock);
    if (e->type == MEDIA_INTAKE) {
        told.state = e->intake.state;
        told.why = e->intake.why;
        told.states++;
    }
    if (e->type == MEDIA_TRACK_LIVE) {
        told.live++;
        told.codecs[e->codec] = true;
    }
    if (e->type == MEDIA_LIVE_PIECE && told.out && e->piece.picture) {
        if (e->piece.init) rewind(told.out);
        told.total += fwrite(e->piece.bytes->bytes, 1, e->piece.bytes->len, told.out);
    }
    pthread_mutex_unlock(&told.lock);
}

static int start(void **state)
{
    struct fault f = {0};
    struct media_config config = {.bind_address = "127.0.0.1", .workers = 2, .record_dir = "", .on_event = on_event, .pipe_program = YL_BUILD_DIR "/yilian-pipe"};
    (void)state;
    return media_open(&plane, &config, &f);
}

static int stop(void **state)
{
    (void)state;
    media_close(plane);
    return 0;
}

/* ---- machines to fetch from ---- */
static unsigned free_port(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sa;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa) || getsockname(fd, (struct sockaddr *)&sa, &len), 0);
    close(fd);
    return ntohs(sa.sin_port);
}

/* `ready`: waits until it says something. */
static pid_t run(const char *command, bool ready)
{
    int fds[2];
    char line[100];
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        dup2(fds[1], 1);
        if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stderr)) _exit(1);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(1);
    }
    setpgid(pid, pid);
    close(fds[1]);
    if (ready) assert_true(read(fds[0], line, sizeof line) > 0);
    close(fds[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(-pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static pid_t camera(unsigned port)
{
    char command[300];
    snprintf(command, sizeof command, "exec /usr/bin/python3 " YL_SOURCE_DIR "/tests/lib/rtsp_camera.py %u", port);
    return run(command, true);
}

/* ---- the plane's side ---- */
static char out_path[40];

static struct peer_id fetch(const char *url)
{
    struct media_cmd c = {.type = MEDIA_LIVE_START, .room = room, .live = {.lecture = 9}};
    struct peer_id peer = {id_new()};
    pthread_mutex_lock(&told.lock);
    told.state = MEDIA_INTAKE_CONNECTING;
    told.live = told.states = 0;
    memset(told.codecs, 0, sizeof told.codecs);
    snprintf(out_path, sizeof out_path, "/tmp/yl-intake-XXXXXX");
    told.out = fdopen(mkstemp(out_path), "wb");
    pthread_mutex_unlock(&told.lock);
    assert_int_equal(media_intake_start(plane, &(struct media_intake_params){room, peer, picture, voice, url}), 0);
    assert_int_equal(media_post(plane, &c), 0);
    c.type = MEDIA_LIVE_TRACK;
    for (int kind = 0; kind < 2; kind++) {
        c.live = (struct media_live_params){.lecture = 9, .kind = (enum media_kind)kind, .track = kind == MEDIA_VIDEO ? picture : voice};
        assert_int_equal(media_post(plane, &c), 0);
    }
    return peer;
}

static bool comes_to(enum media_intake_state state, int ms)
{
    bool there = false;
    for (int64_t until = clock_monotonic_us() + ms * 1000; !there && clock_monotonic_us() < until; usleep(20000)) {
        pthread_mutex_lock(&told.lock);
        there = told.state == state;
        pthread_mutex_unlock(&told.lock);
    }
    return there;
}

static enum media_intake_why why(void)
{
    pthread_mutex_lock(&told.lock);
    enum media_intake_why now = told.why;
    pthread_mutex_unlock(&told.lock);
    return now;
}

static bool came(enum media_codec codec)
{
    pthread_mutex_lock(&told.lock);
    bool now = told.codecs[codec];
    pthread_mutex_unlock(&told.lock);
    return now;
}

static int decoded(const char *kind, const char *codec)
{
    char command[300], line[200] = "", name[40] = "";
    int frames = 0;
    snprintf(command, sizeof command, "ffprobe -v error -select_streams %s:0 -count_frames -show_entries stream=codec_name,nb_read_frames -of csv=p=0 %s 2>&1", kind, out_path);
    FILE *p = popen(command, "r");
    while (fgets(line, sizeof line, p))
        if (sscanf(line, "%39[^,],%d", name, &frames) != 2) fail_msg("ffprobe: %s", line);
    pclose(p);
    assert_string_equal(name, codec);
    return frames;
}

static size_t written(void)
{
    pthread_mutex_lock(&told.lock);
    size_t n = told.total;
    pthread_mutex_unlock(&told.lock);
    return n;
}

static void done(struct peer_id peer)
{
    struct media_cmd c = {.type = MEDIA_LIVE_STOP, .room = room, .live = {.lecture = 9}};
    media_intake_stop(plane, room, peer);
    assert_int_equal(media_post(plane, &c), 0);
    usleep(300000);
    pthread_mutex_lock(&told.lock);
    if (told.out) fclose(told.out);
    told.out = NULL;
    pthread_mutex_unlock(&told.lock);
}

static void watch(int ms)
{
    usleep((useconds_t)ms * 1000);
    pthread_mutex_lock(&told.lock);
    fflush(told.out);
    pthread_mutex_unlock(&told.lock);
}

/* ---- the tests ---- */
static void a_camera_over_rtsp(void **state)
{
    char url[100];
    unsigned port = free_port();
    pid_t pid = camera(port);
    (void)state;
    snprintf(url, sizeof url, "rtsp://user:s3%%3Acr%%40t@127.0.0.1:%u/eye", port);
    struct peer_id peer = fetch(url);
    assert_true(comes_to(MEDIA_INTAKE_RUNNING, 20000));
    watch(5000);
    assert_true(came(MEDIA_H264) && came(MEDIA_OPUS));
    done(peer);
    assert_true(decoded("v", "h264") > 40);
    assert_true(decoded("a", "opus") > 80);
    unlink(out_path);
    end(pid);
}

static void what_goes_wrong_is_said(void **state)
{
    static const struct { const char *url; enum media_intake_why why; } cases[] = {
        {"rtsp://user:wrong@127.0.0.1:%u/eye", MEDIA_INTAKE_REFUSED},
        {"rtsp://user:s3%%3Acr%%40t@127.0.0.1:%u/ear", MEDIA_INTAKE_NOT_FOUND},
        {"rtsp://user:s3%%3Acr%%40t@127.0.0.1:1/eye", MEDIA_INTAKE_UNREACHABLE},
        {"rtmp://127.0.0.1:1/live/eye", MEDIA_INTAKE_UNREACHABLE},
        {"srt://127.0.0.1:1", MEDIA_INTAKE_UNREACHABLE},
    };
    char url[100];
    unsigned port = free_port();
    pid_t pid = camera(port);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(url, sizeof url, cases[i].url, port);
        struct peer_id peer = fetch(url);
        if (!comes_to(MEDIA_INTAKE_WAITING, 20000)) fail_msg("%s: nothing is said", url);
        if (why() != cases[i].why) fail_msg("%s: %d, not %d", url, why(), cases[i].why);
        done(peer);
        unlink(out_path);
    }
    end(pid);
}

static void it_comes_back_by_itself(void **state)
{
    char url[100];
    unsigned port = free_port();
    pid_t pid = camera(port);
    (void)state;
    snprintf(url, sizeof url, "rtsp://user:s3%%3Acr%%40t@127.0.0.1:%u/eye", port);
    struct peer_id peer = fetch(url);
    assert_true(comes_to(MEDIA_INTAKE_RUNNING, 20000));
    end(pid);
    assert_true(comes_to(MEDIA_INTAKE_WAITING, 20000));
    assert_int_equal(why(), MEDIA_INTAKE_ENDED);
    pid = camera(port);
    assert_true(comes_to(MEDIA_INTAKE_RUNNING, 30000));
    size_t before = written();
    watch(3000);
    assert_true(written() > before + 20000); /* the stream is another one now, and goes on */
    done(peer);
    unlink(out_path);
    end(pid);
}

static void encoder(const char *listens, const char *format, const char *address)
{
    char command[500], url[100];
    unsigned port = free_port();
    snprintf(url, sizeof url, listens, port);
    snprintf(command, sizeof command,
             "exec ffmpeg -loglevel error -re -f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=440 -c:v libx264 -preset ultrafast -tune zerolatency -g 25 -c:a aac -f %s %s", format, url);
    pid_t pid = run(command, false);
    usleep(1500000);
    snprintf(url, sizeof url, address, port);
    struct peer_id peer = fetch(url);
    assert_true(comes_to(MEDIA_INTAKE_RUNNING, 20000));
    watch(7000); /* without sound the package waits two seconds for some */
    assert_true(came(MEDIA_H264));
    done(peer);
    assert_true(decoded("v", "h264") > 40);
    unlink(out_path);
    end(pid);
}

static void an_encoder_over_rtmp(void **state)
{
    (void)state;
    encoder("-listen 1 rtmp://127.0.0.1:%u/live/eye", "flv", "rtmp://127.0.0.1:%u/live/eye");
}

static void an_encoder_over_srt(void **state)
{
    (void)state;
    encoder("'srt://127.0.0.1:%u?mode=listener'", "mpegts", "srt://127.0.0.1:%u");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_camera_over_rtsp), cmocka_unit_test(what_goes_wrong_is_said), cmocka_unit_test(it_comes_back_by_itself),
                                       cmocka_unit_test(an_encoder_over_rtmp), cmocka_unit_test(an_encoder_over_srt)};
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, start, stop);
}
