/* The daemon on its bad days: a disk that takes nothing, a certificate that is replaced, a second daemon on its data. */
#include "tests/lib/site.h"
#include <sys/resource.h>

static int start(void **state)
{
    (void)state;
    site_start("");
    return 0;
}

static int sign_in(void)
{
    struct web w;
    int status = web_once(&w, site.port, "POST", "/api/v1/session", "Content-Type: application/json\r\n", "{\"login\":\"bh.sun\",\"password\":\"" SITE_CODE "\"}");
    web_close(&w);
    return status;
}

static int ready(char word[32])
{
    struct web w;
    int status = web_once(&w, site.port, "GET", "/readyz", "", NULL);
    snprintf(word, 32, "%.*s", (int)strcspn(w.body, "\n"), w.body);
    web_close(&w);
    return status;
}

/* The daemon may write no file any further than this. */
static void limit_files(rlim_t bytes)
{
    struct rlimit l = {bytes, RLIM_INFINITY};
    assert_int_equal(prlimit(site.daemon, RLIMIT_FSIZE, &l, NULL), 0);
}

static void a_disk_that_takes_nothing(void **state)
{
    char word[32];
    (void)state;
    if (getenv("YL_TEST_DATABASE"))
        skip(); /* the daemon's own disk holds no rows; a server's: store_standby.c */
    assert_int_equal(sign_in(), 200);
    limit_files(0); /* not even into a log that begins anew */
    assert_int_equal(sign_in(), 507);
    assert_int_equal(sign_in(), 507);
    assert_int_equal(ready(word), 503);
    assert_string_equal(word, "disk");
    limit_files(RLIM_INFINITY);
    int status = 0;
    for (int i = 0; i < 300 && (status = ready(word)) != 200; i++) /* nobody has to do anything */
        usleep(100000);
    assert_int_equal(status, 200);
    assert_int_equal(sign_in(), 200);
    assert_non_null(strstr(site_ctl("audit verify"), "whole"));
}

/* ---- the certificate ---- */

static void said_by(const char *command, char *out, size_t cap)
{
    FILE *p = popen(command, "r");
    size_t n = fread(out, 1, cap - 1, p);
    out[n] = 0;
    out[strcspn(out, "\n")] = 0;
    (void)!pclose(p);
}

static void shown(char out[200])
{
    char command[300];
    snprintf(command, sizeof command, "openssl s_client -connect 127.0.0.1:%u </dev/null 2>/dev/null | openssl x509 -noout -fingerprint", site.port);
    said_by(command, out, 200);
}

static void make(const char *key, const char *certificate)
{
    char command[400];
    snprintf(command, sizeof command, "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s -out %s -days 2 -subj /CN=other 2>/dev/null", site.dir, key, certificate);
    assert_int_equal(system(command), 0);
}

static void the_certificate_is_replaced(void **state)
{
    char before[200], now[200], command[200];
    (void)state;
    shown(before);
    assert_non_null(strstr(before, "ingerprint="));
    make("other.pem", "certificate.pem"); /* its key is still the old one: half of a renewal */
    kill(site.daemon, SIGHUP);
    usleep(500000);
    shown(now);
    assert_string_equal(now, before);
    assert_int_equal(sign_in(), 200);
    snprintf(command, sizeof command, "mv %s/other.pem %s/key.pem", site.dir, site.dir);
    assert_int_equal(system(command), 0);
    kill(site.daemon, SIGHUP);
    for (int i = 0; i < 50 && strcmp(now, before) == 0; i++) {
        usleep(100000);
        shown(now);
    }
    assert_string_not_equal(now, before);
    assert_int_equal(sign_in(), 200);
}

/* ---- a second one ---- */

static void one_daemon_a_folder(void **state)
{
    char command[600], said[600];
    (void)state;
    snprintf(command, sizeof command, "cd %s && sed 's/^listen.port.*/listen.port = %u/; s/^media.port.*/media.port = %u/' yilian.conf >second.conf && " YL_BUILD_DIR "/yiliand --config second.conf 2>&1",
             site.dir, site_free_port(SOCK_STREAM), site_free_port(SOCK_DGRAM));
    said_by(command, said, sizeof said);
    assert_non_null(strstr(said, "in use by another daemon"));
    snprintf(command, sizeof command, YL_BUILD_DIR "/yilianctl --config %s/second.conf migrate 2>&1", site.dir);
    said_by(command, said, sizeof said);
    assert_non_null(strstr(said, "in use by another daemon"));
    assert_non_null(strstr(site_ctl("audit verify"), "whole")); /* what may run beside it does */
    assert_int_equal(sign_in(), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_disk_that_takes_nothing), cmocka_unit_test(the_certificate_is_replaced), cmocka_unit_test(one_daemon_a_folder)};
    return cmocka_run_group_tests(tests, start, site_stop);
}
