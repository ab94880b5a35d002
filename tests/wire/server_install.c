/* config/install below a folder of its own: what it lays there runs without the source, the first administrator signs in, and an upgrade keeps what is there. */
#include "tests/lib/site.h"
#include <sqlite3.h>

static char root[64], printed[8000];
static uint16_t port;

/* What config/install prints, and whether it did what it was asked. */
static bool install_with(const char *more)
{
    char command[600];
    snprintf(command, sizeof command, YL_SOURCE_DIR "/config/install --root %s %s 2>&1", root, more);
    FILE *p = popen(command, "r");
    size_t n = fread(printed, 1, sizeof printed - 1, p);
    printed[n] = 0;
    return pclose(p) == 0;
}

static void install(const char *more)
{
    char all[400];
    snprintf(all, sizeof all, "--build " YL_BUILD_DIR " --address https://localhost:%u --name 试用医联体 %s", port, more);
    if (!install_with(all)) fail_msg("config/install: %s", printed);
}

/* A command of the shell with the site's folder in it, once or twice. */
static int shell(const char *format)
{
    char command[600];
    snprintf(command, sizeof command, format, root, root);
    return system(command);
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

/* A new site below a folder of its own; the first administrator's password is returned. */
static const char *lay(const char *more)
{
    static char password[40];
    strcpy(root, "/tmp/yl-install-XXXXXX");
    assert_non_null(mkdtemp(root));
    port = site_free_port(SOCK_STREAM);
    install(more);
    const char *at = strstr(printed, "password: ");
    assert_non_null(at);
    snprintf(password, sizeof password, "%.*s", (int)strcspn(at + 10, " \n"), at + 10);
    return password;
}

static void it_runs_and_is_upgraded(void **state)
{
    struct web w;
    char away[100];
    (void)state;
    snprintf(away, sizeof away, "--backup /tmp/yl-install-away.%d", getpid());
    const char *password = lay(away);
    start();
    assert_int_equal(web_once(&w, port, "GET", "/", "", NULL), 200);
    assert_non_null(strstr(w.body, "<script"));
    web_close(&w);
    assert_int_equal(sign_in("wrong"), 401);
    assert_int_equal(sign_in(password), 200);
    site_end();
    assert_int_not_equal(shell("[ -e %s/opt/yilian/config/demo ]"), 0);
    assert_int_equal(shell("%s/usr/local/sbin/yilianctl user list | grep -q admin"), 0);

    /* what the site wrote into its configuration stays, and so does what it has */
    assert_int_equal(shell("echo request.rate = 777 >>%s/etc/yilian/yilian.conf"), 0);
    install("");
    assert_null(strstr(printed, "password: "));
    assert_int_equal(shell("grep -q '^request.rate = 777' %s/etc/yilian/yilian.conf && [ -x %s/opt/yilian.before/bin/yiliand ]"), 0);
    start();
    assert_int_equal(sign_in(password), 200);
    site_end();

    /* a version that does not understand the configuration replaces nothing */
    assert_int_equal(shell("echo request.rated = 1 >>%s/etc/yilian/yilian.conf && touch %s/opt/yilian/stays"), 0);
    assert_false(install_with("--build " YL_BUILD_DIR));
    assert_non_null(strstr(printed, "request.rated"));
    assert_int_equal(shell("[ -e %s/opt/yilian/stays ] && [ ! -e %s/etc/yilian/new-version.conf ]"), 0);
    assert_int_equal(shell("rm -rf %s /tmp/yl-install-away.*"), 0);
}

static void of_a_newer_version(void)
{
    char path[200];
    sqlite3 *db;
    snprintf(path, sizeof path, "%s/var/lib/yilian/yilian.db", root);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 9999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* The version of before, with what it had, whether or not the newer one has changed the database; without and with a folder of backups. */
static void goes_back(const char *more, bool changed)
{
    const char *password = lay(more);
    start();
    assert_int_equal(sign_in(password), 200);
    site_end();
    assert_int_equal(shell("touch %s/opt/yilian/old"), 0);
    install("");
    start();
    site_end();
    assert_int_equal(shell("%s/usr/local/sbin/yilianctl user add later 后来的人 >/dev/null"), 0);
    if (changed) of_a_newer_version();
    if (!install_with("--back")) fail_msg("config/install --back: %s", printed);
    assert_int_equal(shell("[ -e %s/opt/yilian/old ] && [ -x %s/opt/yilian.taken-back/bin/yiliand ]"), 0);
    assert_int_equal(shell("[ -e %s/var/lib/yilian/yilian.db.newer ]") == 0, changed);
    start();
    assert_int_equal(sign_in(password), 200);
    site_end();
    assert_int_equal(shell("%s/usr/local/sbin/yilianctl user list | grep -q later") == 0, !changed);
    assert_false(install_with("--back"));
    assert_non_null(strstr(printed, "opt/yilian.before"));
}

static void a_version_is_taken_back(void **state)
{
    char away[100];
    (void)state;
    goes_back("", false);
    assert_int_equal(shell("rm -rf %s"), 0);
    goes_back("", true);
    assert_int_equal(shell("rm -rf %s"), 0);
    snprintf(away, sizeof away, "--backup /tmp/yl-install-away.%d", getpid());
    goes_back(away, true);
    assert_int_equal(shell("rm -rf %s /tmp/yl-install-away.*"), 0);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_runs_and_is_upgraded), cmocka_unit_test(a_version_is_taken_back), cmocka_unit_test(what_it_does_not_understand)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
