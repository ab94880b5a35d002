/* site - a place of its own with the real daemon, for wire tests: data, certificate, and of the demo consortium four people with one
 * interactive consultation whose room is open (bh.sun asks and brings the patient, xy.he is the expert). One header, one site a program. */
#ifndef YL_TESTS_LIB_SITE_H
#define YL_TESTS_LIB_SITE_H

#include "tests/lib/process.h"
#include "tests/lib/web_client.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define SITE_CODE "Yilian-demo-2026"

static struct {
    char dir[64], config[100];
    uint16_t port;
    pid_t daemon;
} site;

/* This process's until it ends, whether it listens there or not (a daemon that is killed and begun again wants the same one): below those that the kernel gives to whoever
 * connects, and kept from other tests by a name (unix(7), abstract) that nobody has twice. */
static inline uint16_t site_free_port(int type)
{
    static uint32_t dice;
    if (!dice) dice = (uint32_t)getpid() * 2654435761u;
    for (int tries = 0; tries < 2000; tries++) {
        dice = dice * 1664525u + 1013904223u;
        uint16_t port = (uint16_t)(12000 + (dice >> 8) % 20000);
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int n = snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "yilian-test-port-%u", port);
        int fd = socket(AF_INET, type, 0), held = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        bool free_now = fd >= 0 && held >= 0 && bind(held, (struct sockaddr *)&name, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) == 0 &&
                        bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (free_now) return port;
        close(held);
    }
    fail_msg("no port is free");
    return 0;
}

/* What yilianctl prints, its line end cut off; static buffer. */
static inline const char *site_ctl(const char *words)
{
    static char out[2000];
    char command[1000];
    snprintf(command, sizeof command, YL_BUILD_DIR "/yilianctl --config %s %s", site.config, words);
    FILE *p = popen(command, "r");
    size_t n = fread(out, 1, sizeof out - 1, p);
    out[n] = 0;
    if (pclose(p)) fail_msg("yilianctl %s: %s", words, out);
    out[strcspn(out, "\n")] = 0;
    return out;
}

/* ---- the part of config/demo/demo.json that makes one open room ---- */

static inline bool site_about(const json_t *step, const char *key, const char *word)
{
    const char *v = json_string_value(json_object_get(json_object_get(step, "args"), key));
    return v && strcmp(v, word) == 0;
}

static inline bool site_wants(const json_t *step)
{
    static const char *const people[] = {"bh_sun", "bh_ma", "xy_chen", "xy_he", "sys"};
    const char *op = json_string_value(json_object_get(step, "op")), *save = json_string_value(json_object_get(step, "save"));
    const char *account = json_string_value(json_object_get(step, "account"));
    if (json_object_get(step, "upload")) return false;
    for (size_t i = 0; i < sizeof people / sizeof *people; i++) {
        char saved[32], id[40];
        snprintf(saved, sizeof saved, "p_%s", people[i]);
        snprintf(id, sizeof id, "$%s.id", saved);
        if ((save && strcmp(save, saved) == 0) || (account && strcmp(account, saved) == 0) || (op && strcmp(op, "slot.publish") && site_about(step, "person_id", id)))
            return true;
    }
    return op && (strncmp(op, "org.", 4) == 0 || strncmp(op, "policy.", 7) == 0 || (save && (strcmp(save, "c6") == 0 || strcmp(save, "pat3") == 0)) || site_about(step, "case_id", "$c6.id"));
}

static inline void site_demo(void)
{
    char path[120];
    json_t *all = json_load_file(YL_SOURCE_DIR "/config/demo/demo.json", 0, NULL), *steps = json_array(), *step;
    size_t i;
    json_array_foreach(json_object_get(all, "steps"), i, step) if (site_wants(step)) json_array_append(steps, step);
    json_object_set_new(all, "steps", steps);
    snprintf(path, sizeof path, "%s/demo.json", site.dir);
    assert_int_equal(json_dump_file(all, path, 0), 0);
    json_decref(all);
    snprintf(path, sizeof path, "demo load %s", site.dir);
    site_ctl(path);
}

/* ---- the daemon ---- */

static inline void site_launch(void)
{
    int ends[2];
    char text[4000] = "";
    size_t n = 0;
    assert_int_equal(pipe(ends), 0);
    site.daemon = fork();
    if (site.daemon == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that dies leaves no daemon behind, nor a pipe held open */
        dup2(ends[1], 2);
        close(ends[0]);
        execl(YL_BUILD_DIR "/yiliand", "yiliand", "--config", site.config, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (!strstr(text, "ready at") && n < sizeof text - 1) {
        ssize_t got = read(ends[0], text + n, sizeof text - 1 - n);
        if (got <= 0) fail_msg("yiliand ended: %s", text);
        n += (size_t)got;
        text[n] = 0;
    }
    /* The pipe stays open and is drained by a child, so that the daemon's log never blocks it; what a sanitizer says is seen. */
    if (fork() == 0) {
        bool found = false;
        for (ssize_t got; (got = read(ends[0], text, sizeof text)) > 0;) {
            found = found || memmem(text, (size_t)got, "Sanitizer", 9) || memmem(text, (size_t)got, "runtime error", 13);
            if (found) (void)!write(2, text, (size_t)got);
        }
        _exit(0);
    }
    close(ends[0]);
}

/* Ends it by SIGTERM; its exit must be clean (a sanitizer's finding is not). */
static inline void site_end(void)
{
    int status;
    kill(site.daemon, SIGTERM);
    assert_int_equal(waitpid(site.daemon, &status, 0), site.daemon);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* In site.dir, an empty folder or one where a site was before. `more`: further lines of the configuration. */
static inline void site_start_here(const char *more)
{
    char command[400];
    snprintf(site.config, sizeof site.config, "%s/yilian.conf", site.dir);
    bool again = access(site.config, F_OK) == 0;
    snprintf(command, sizeof command, "cd %s && mkdir -p data web && echo '<title>Yilian</title>' >web/index.html && openssl req -x509 -newkey ec -pkeyopt "
             "ec_paramgen_curve:P-256 -nodes -keyout key.pem -out certificate.pem -days 2 -subj /CN=localhost 2>/dev/null", site.dir);
    assert_int_equal(system(command), 0);
    site.port = site_free_port(SOCK_STREAM);
    FILE *f = fopen(site.config, "w");
    fprintf(f, "listen.address = 127.0.0.1\nlisten.port = %u\nmedia.address = 127.0.0.1\nmedia.port = %u\ntls.certificate = certificate.pem\n"
               "tls.key = key.pem\ndata.dir = data\nconfig.dir = " YL_SOURCE_DIR "/config\nweb.root = web\n%s", site.port, site_free_port(SOCK_DGRAM), more);
    fclose(f);
    if (!again) {
        site_ctl("init");
        site_demo();
    }
    site_launch();
}

static inline void site_start(const char *more)
{
    strcpy(site.dir, "/tmp/yl-wire-XXXXXX");
    assert_non_null(mkdtemp(site.dir));
    site_start_here(more);
}

static inline int site_stop(void **state)
{
    char command[100];
    (void)state;
    site_end();
    snprintf(command, sizeof command, "rm -rf %s", site.dir);
    return system(command);
}

/* Resident memory of the daemon. */
static inline long site_rss_kb(void)
{
    return process_rss_kb(site.daemon);
}

/* ---- people ---- */

struct person_at {
    char cookie[120], csrf[80], id[20];
};

static inline json_t *person_ask(const struct person_at *p, const char *method, const char *path, json_t *body)
{
    struct web w;
    char headers[400], full[200];
    char *text = body ? json_dumps(body, 0) : NULL;
    snprintf(full, sizeof full, "/api/v1%s", path);
    snprintf(headers, sizeof headers, "%s%s%s%s", p->cookie, p->csrf[0] ? "X-CSRF-Token: " : "", p->csrf, p->csrf[0] ? "\r\n" : "");
    if (text) strcat(headers, "Content-Type: application/json\r\n");
    int status = web_once(&w, site.port, method, full, headers, text);
    if (status < 200 || status > 299) fail_msg("%s %s: %d %s", method, path, status, w.body);
    json_t *answer = json_loads(w.body, JSON_DECODE_ANY, NULL);
    const char *set = web_header(&w, "Set-Cookie");
    if (strstr(set, "yl_session=")) snprintf(((struct person_at *)p)->cookie, sizeof p->cookie, "Cookie: %.*s\r\n", (int)strcspn(set, ";"), set);
    free(text);
    json_decref(body);
    web_close(&w);
    return answer;
}

static inline struct person_at person_sign_in(const char *login)
{
    struct person_at p = {0};
    json_t *me = person_ask(&p, "POST", "/session", json_pack("{s:s,s:s}", "login", login, "password", SITE_CODE));
    snprintf(p.csrf, sizeof p.csrf, "%s", json_string_value(json_object_get(me, "csrf")));
    snprintf(p.id, sizeof p.id, "%s", json_string_value(json_object_get(json_object_get(me, "person"), "id")));
    assert_string_equal(json_string_value(json_object_get(me, "stage")), "ready");
    json_decref(me);
    return p;
}
#endif
