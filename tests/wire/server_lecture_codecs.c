/* Lectures whose codecs must change, on the real daemon: a lecturer who sends only VP8, phones that need AAC, and children that are killed. */
#include "tests/lib/site.h"
#include "tests/lib/lecturer.h"
#include <dirent.h>

static struct dtls_identity *identity;
static struct lecturer lecturer;
static struct ivf film;
static char token[80], media_url[400], session_url[200];
static struct web last;

static int ask(const char *method, const char *path, const char *headers, const char *body)
{
    return web_anew(&last, site.port, method, path, headers, body);
}

static int start(void **state)
{
    char headers[300];
    (void)state;
    if (ivf_make(&film, "libvpx -deadline realtime -cpu-used 8 -b:v 600k -lag-in-frames 0 -auto-alt-ref 0", "320x240", 25, 4)) return 1;
    site_start("request.rate = 500\n");
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    if (dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 1;
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/sdp\r\n", token);
    assert_int_equal(ask("POST", "/whip/talk", headers, lecturer_offer(identity)), 201);
    snprintf(session_url, sizeof session_url, "%s", web_header(&last, "Location"));
    lecturer.film = &film;
    return lecturer_begin(&lecturer, identity, last.body, 1000) ? 0 : 1;
}

static int stop(void **state)
{
    lecturer_end(&lecturer);
    dtls_identity_free(identity);
    web_close(&last);
    free(film.bytes);
    return site_stop(state);
}

/* ---- what is written is judged by ffmpeg ---- */
static FILE *out;
static char out_path[60];

static void file_begin(void)
{
    snprintf(out_path, sizeof out_path, "/tmp/yl-lecture-XXXXXX");
    out = fdopen(mkstemp(out_path), "wb");
}

/* Frames that could be decoded of the first stream of that kind; fails when anything was wrong with one. */
static int decoded(const char *kind, const char *codec)
{
    char command[400], line[300] = "", name[40] = "";
    int frames = 0;
    fflush(out);
    snprintf(command, sizeof command, "ffprobe -v error -select_streams %s:0 -count_frames -show_entries stream=codec_name,nb_read_frames -of csv=p=0 %s 2>&1", kind, out_path);
    FILE *p = popen(command, "r");
    while (fgets(line, sizeof line, p))
        if (sscanf(line, "%39[^,],%d", name, &frames) != 2) fail_msg("ffprobe: %s", line);
    pclose(p);
    assert_string_equal(name, codec);
    return frames;
}

static void file_end(void)
{
    fclose(out);
    unlink(out_path);
}

/* ---- children of the daemon ---- */
static size_t children(pid_t pids[16], bool killed)
{
    char path[300], line[300], name[40];
    size_t n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; (e = readdir(d)) && n < 16;) {
        int pid, parent;
        char phase;
        snprintf(path, sizeof path, "/proc/%.20s/stat", e->d_name);
        FILE *f = atoi(e->d_name) > 0 ? fopen(path, "r") : NULL;
        if (f && fgets(line, sizeof line, f) && sscanf(line, "%d (%39[^)]) %c %d", &pid, name, &phase, &parent) == 4 && parent == site.daemon && strcmp(name, "yilian-pipe") == 0)
            pids[n++] = pid;
        if (f) fclose(f);
    }
    closedir(d);
    for (size_t i = 0; i < n && killed; i++)
        kill(pids[i], SIGKILL);
    return n;
}

/* ---- a viewer over WebSocket ---- */
struct seen {
    size_t pieces, inits;
    int64_t longest_ms, picture_ms; /* between two pieces; until an initialisation segment with a picture; -1 = none came */
    char codecs[60];
    int width, height;
};

static struct web *viewer(void)
{
    static struct web w;
    char text[120];
    assert_int_equal(web_socket_at(&w, site.port, "/live/talk/ws", ""), 101);
    snprintf(text, sizeof text, "{\"token\":\"%s\"}", token);
    assert_int_equal(web_say(&w, text), 0);
    return &w;
}

static void note_init(struct seen *s, const uint8_t *bytes, size_t len, int64_t since_ms)
{
    json_t *m = json_loadb((const char *)bytes, len, 0, NULL);
    if (strcmp(json_string_value(json_object_get(m, "type")), "init") == 0) {
        s->inits++;
        snprintf(s->codecs, sizeof s->codecs, "%s", json_string_value(json_object_get(m, "codecs")));
        s->width = (int)json_integer_value(json_object_get(m, "width"));
        s->height = (int)json_integer_value(json_object_get(m, "height"));
        if (s->width && s->picture_ms < 0) s->picture_ms = since_ms;
        if (out && s->width) rewind(out); /* the picture's generation is judged, not the sound before it */
    }
    json_decref(m);
}

static struct seen watch(struct web *w, int ms, int kill_every_ms)
{
    const uint8_t *bytes;
    size_t len;
    pid_t pids[16];
    struct seen s = {.picture_ms = -1};
    int64_t began = web_now_ms(), heard = began, killed = began;
    while (web_now_ms() - began < ms) {
        int kind = web_message(w, 200, &bytes, &len);
        int64_t now = web_now_ms();
        if (kind == 1) note_init(&s, bytes, len, now - began);
        if (kind == 2) {
            if (s.pieces && now - heard > s.longest_ms) s.longest_ms = now - heard;
            heard = now;
            s.pieces++;
            if (out) fwrite(bytes, 1, len, out);
        }
        if (kill_every_ms && now - killed > kill_every_ms) {
            killed = now;
            (void)children(pids, true);
        }
    }
    return s;
}

/* ---- the tests ---- */
static void nobody_watches_and_nothing_runs(void **state)
{
    pid_t pids[16];
    (void)state;
    usleep(1500000);
    assert_int_equal(children(pids, false), 0);
}

/* Players make no place for a picture that comes later: who asks first, and is why it begins to be changed, is answered when it is there. */
static void the_first_player_is_told_of_the_picture(void **state)
{
    char path[200];
    (void)state;
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    int64_t began = web_now_ms();
    assert_int_equal(ask("GET", path, "", NULL), 200);
    assert_in_range(web_now_ms() - began, 0, 6500);
    assert_non_null(strstr(last.body, "CODECS=\"avc1.42c0"));
    assert_non_null(strstr(last.body, "RESOLUTION=320x240"));
}

static void vp8_is_watched_as_h264(void **state)
{
    pid_t pids[16];
    (void)state;
    file_begin();
    struct web *w = viewer();
    struct seen s = watch(w, 7000, 0);
    assert_int_equal(children(pids, false), 1); /* one for the track, whoever watches */
    assert_true(s.picture_ms >= 0 && s.picture_ms < 6000);
    assert_int_equal(strncmp(s.codecs, "avc1.42c0", 9), 0);
    assert_non_null(strstr(s.codecs, ",opus"));
    assert_int_equal(s.width, 320);
    assert_int_equal(s.height, 240);
    int frames = decoded("v", "h264");
    assert_true(frames > 25 && frames <= (7 + 4) * 25); /* the group that goes on was there already */
    assert_true(decoded("a", "opus") > 50);
    web_close(w);
    file_end();
    out = NULL;
}

static const char *below(const char *file)
{
    static char path[500];
    snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(media_url, '/') + 1 - media_url), media_url, file);
    return path;
}

static void append(const char *file)
{
    assert_int_equal(ask("GET", below(file), "", NULL), 200);
    fwrite(last.body, 1, last.body_len, out);
}

static int count_of(const char *text, const char *word)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static void phones_are_given_aac(void **state)
{
    char path[500], file[60];
    pid_t pids[16];
    (void)state;
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    assert_int_equal(ask("GET", path, "", NULL), 200);
    const char *opus = strstr(last.body, "SCORE=2"), *aac = strstr(last.body, "SCORE=1"), *line;
    assert_non_null(opus);
    assert_non_null(aac);
    assert_non_null(strstr(aac, "mp4a.40.2"));
    assert_non_null(line = strstr(aac, "\n"));
    snprintf(media_url, sizeof media_url, "/live/talk/%.*s", (int)strcspn(line + 1, "\n"), line + 1);
    assert_non_null(strstr(media_url, "/aac/live-"));
    assert_true(children(pids, false) <= 1); /* nobody has asked for it yet: at most the picture of those who have just gone */
    int64_t began = web_now_ms();
    assert_int_equal(ask("GET", media_url, "", NULL), 200); /* waits for its first segment */
    assert_in_range(web_now_ms() - began, 0, 6500);
    assert_non_null(strstr(last.body, "#EXT-X-MAP:URI=\"init-"));
    for (int i = 0; i < 40 && count_of(last.body, "#EXTINF:") < 4; i++) {
        usleep(300000);
        assert_int_equal(ask("GET", media_url, "", NULL), 200);
    }
    assert_int_equal(children(pids, false), 2);
    char playlist[8000];
    snprintf(playlist, sizeof playlist, "%s", last.body);
    file_begin();
    const char *map = NULL; /* the newest initialisation segment and all of its segments */
    for (const char *at = playlist; (at = strstr(at, "#EXT-X-MAP:URI=\"")); at += 10)
        map = at;
    sscanf(map, "#EXT-X-MAP:URI=\"%59[^\"]", file);
    append(file);
    for (const char *at = map; (at = strstr(at, "\nseg-")); at++) {
        sscanf(at + 1, "%59[^\n]", file);
        append(file);
    }
    assert_true(decoded("v", "h264") >= 25);
    assert_true(decoded("a", "aac") >= 40);
    file_end();
    out = NULL;
    assert_int_equal(ask("GET", "/live/talk/none/aac/live-1.m3u8", "", NULL), 401);
}

/* kill -9 again and again: the voice goes on without a hole, the rooms answer, and the picture comes back when it ends. */
static void killed_children_hurt_nobody(void **state)
{
    pid_t pids[16];
    (void)state;
    struct web *w = viewer();
    (void)watch(w, 3000, 0);
    assert_true(children(pids, false) >= 1);
    struct seen s = watch(w, 5000, 400);
    assert_true(s.pieces > 10);
    assert_true(s.longest_ms < 2500);
    assert_int_equal(ask("GET", "/healthz", "", NULL), 200);
    assert_int_equal(kill(site.daemon, 0), 0);
    file_begin();
    web_close(w);
    usleep(5000000); /* the growing waits */
    w = viewer();
    s = watch(w, 9000, 0);
    assert_int_equal(s.width, 320);
    assert_true(decoded("v", "h264") > 15);
    web_close(w);
    file_end();
    out = NULL;
}

/* Half a minute later, the lecture over meanwhile, a phone that was locked goes on where it was, and winds back to its beginning. */
static void phones_wind_back(void **state)
{
    char path[500], headers[200];
    (void)state;
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\n", token);
    assert_int_equal(ask("DELETE", session_url, headers, NULL), 200);
    usleep(35000000);
    assert_int_equal(ask("GET", media_url, "", NULL), 200);
    assert_non_null(strstr(last.body, "#EXT-X-ENDLIST"));
    assert_true(count_of(last.body, "#EXTINF:") >= 10);
    assert_non_null(strstr(last.body, "\nseg-0.m4s\n"));
    assert_int_equal(ask("GET", below("seg-0.m4s"), "", NULL), 200);
    assert_true(last.body_len > 1000);
    snprintf(path, sizeof path, "/live/talk/index.m3u8?token=%s", token);
    assert_int_equal(ask("GET", path, "", NULL), 200);
    assert_non_null(strstr(last.body, "mp4a.40.2"));
    pid_t pids[16];
    assert_int_equal(children(pids, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_watches_and_nothing_runs), cmocka_unit_test(the_first_player_is_told_of_the_picture), cmocka_unit_test(vp8_is_watched_as_h264), cmocka_unit_test(phones_are_given_aac),
                                       cmocka_unit_test(killed_children_hurt_nobody), cmocka_unit_test(phones_wind_back)};
    return cmocka_run_group_tests(tests, start, stop);
}
