/* config/install below a folder of its own: what it lays there runs without the source, the first administrator signs in, and an upgrade keeps what is there. */
#include "tests/lib/site.h"

static char root[64], printed[8000];
static uint16_t port;

/* What config/install prints. */
static void install(void)
{
    char command[600];
    snprintf(command, sizeof command, YL_SOURCE_DIR "/config/install --root %s --build " YL_BUILD_DIR " --address https://localhost:%u --name 试用医联体 --backup %s/away 2>&1", root, port, root);
    FILE *p = popen(command, "r");
    size_t n = fread(printed, 1, sizeof printed - 1, p);
    printed[n] = 0;
    if (pclose(p)) fail_msg("config/install: %s", printed);
}

/* The daemon as laid, on loopback. */
static void start(void)
{
    char binary[120];
    snprintf(site.config, sizeof site.config, "%s/etc/yilian/yilian.conf", root);
    snprintf(binary, sizeof binary, "%s/opt/yilian/bin/yiliand", root);
    site.port = port;
    int ends[2];
    char text[4000] = "";
    assert_int_equal(pipe(ends), 0);
    site.daemon = fork();
    if (site.daemon == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], 2);
        close(ends[0]);
        if (chdir("/")) _exit(126);
        execl(binary, "yiliand", "--config", site.config, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    for (size_t n = 0; !strstr(text, "ready at") && n < sizeof text - 1; text[n] = 0) {
        ssize_t got = read(ends[0], text + n, sizeof text - 1 - n);
        if (got <= 0) fail_msg("yiliand ended: %s", text);
        n += (size_t)got;
    }
}

static int sign_in(const char *password)
{
    struct web w;
    char body[200];
    snprintf(body, sizeof body, "{\"login\":\"admin\",\"password\":\"%s\"}", password);
    int status = web_once(&w, port, "POST", "/api/v1/session", "Content-Type: application/json\r\n", body);
    web_close(&w);
    return status;
}

static void it_runs_and_is_upgraded(void **state)
{
    char password[40] = "", path[300];
    struct web w;
    (void)state;
    strcpy(root, "/tmp/yl-install-XXXXXX");
    assert_non_null(mkdtemp(root));
    port = site_free_port(SOCK_STREAM);
    install();
    const char *at = strstr(printed, "password: ");
    assert_non_null(at);
    snprintf(password, sizeof password, "%.*s", (int)strcspn(at + 10, " \n"), at + 10);
    start();
    assert_int_equal(web_once(&w, port, "GET", "/", "", NULL), 200);
    assert_non_null(strstr(w.body, "<script"));
    web_close(&w);
    assert_int_equal(sign_in("wrong"), 401);
    assert_int_equal(sign_in(password), 200);
    site_end();
    snprintf(path, sizeof path, "%s/opt/yilian/config/demo", root);
    assert_int_not_equal(access(path, F_OK), 0);

    snprintf(path, sizeof path, "%s/usr/local/sbin/yilianctl user list | grep -q admin", root);
    assert_int_equal(system(path), 0);

    /* what the site wrote into its configuration stays, and so does what it has */
    FILE *f = fopen(site.config, "a");
    fputs("request.rate = 777\n", f);
    fclose(f);
    install();
    assert_null(strstr(printed, "password: "));
    snprintf(path, sizeof path, "grep -q '^request.rate = 777' %s && [ -x %s/opt/yilian.before/bin/yiliand ]", site.config, root);
    assert_int_equal(system(path), 0);
    start();
    assert_int_equal(sign_in(password), 200);
    site_end();
    snprintf(path, sizeof path, "rm -rf %s", root);
    assert_int_equal(system(path), 0);
}

static void what_it_does_not_understand(void **state)
{
    (void)state;
    assert_int_not_equal(system(YL_SOURCE_DIR "/config/install --address http://plain.example --root /tmp/yl-never >/dev/null 2>&1"), 0);
    assert_int_not_equal(system(YL_SOURCE_DIR "/config/install --backup relative --root /tmp/yl-never >/dev/null 2>&1"), 0);
    assert_int_not_equal(access("/tmp/yl-never", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_runs_and_is_upgraded), cmocka_unit_test(what_it_does_not_understand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
