/* The configuration file, and the sample against the table. */
#include "server/base/option.h"
#include "server/base/site_address.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define NEEDED "tls.certificate = c.pem\ntls.key = k.pem\ndata.dir = /var/lib/yilian\nweb.root = web\n"

static char path[64];

static int load(struct options **o, const char *text, struct fault *f)
{
    strcpy(path, "/tmp/yl-option-XXXXXX");
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    int rc = options_load(o, path, f);
    unlink(path);
    return rc;
}

static void values_and_defaults(void **state)
{
    struct options *o;
    struct fault f;
    assert_int_equal(load(&o, "# a remark\n" NEEDED " listen.port=9443 \nlisten.idle = 2m\nrequest.max_body = 2MiB\n", &f), 0);
    assert_int_equal(options_int(o, "listen.port"), 9443);
    assert_int_equal(options_int(o, "listen.idle"), 2 * 60000);
    assert_int_equal(options_int(o, "request.max_body"), 2 << 20);
    assert_int_equal(options_int(o, "records.readers"), 2);
    assert_string_equal(options_text(o, "tls.key"), "/tmp/k.pem"); /* from the file's folder */
    assert_string_equal(options_text(o, "data.dir"), "/var/lib/yilian");
    assert_string_equal(options_text(o, "record.dir"), "");
    options_free(o);
}

static void mistakes_are_told_by_line(void **state)
{
    struct options *o;
    struct fault f;
    assert_int_not_equal(load(&o, NEEDED "listen.prot = 1\nlisten.port = many\nlisten.port\nlisten.idle = 5\nrequest.rate = 1\n", &f), 0);
    assert_int_equal(f.n_fields, 5);
    assert_non_null(strstr(f.fields[0].path, ":5 listen.prot"));
    assert_string_equal(f.fields[0].reason, "unknown_option: did you mean listen.port?");
    assert_non_null(strstr(f.fields[1].path, ":6 listen.port"));
    assert_string_equal(f.fields[1].reason, "not_a_number");
    assert_non_null(strstr(f.fields[2].reason, "no_equals_sign"));
    assert_non_null(strstr(f.fields[3].reason, "not_a_duration"));
    assert_string_equal(f.fields[4].reason, "out_of_range: 5 to 100000");
    assert_int_not_equal(load(&o, "", &f), 0);
    assert_int_equal(f.n_fields, 4); /* what is required */
    assert_int_not_equal(load(&o, NEEDED "data.dir = x\n", &f), 0);
    assert_string_equal(f.fields[0].reason, "given_twice: first in line 3");
    assert_int_equal(options_load(&o, "/nowhere/yilian.conf", &f), ERR_NOT_FOUND);
}

/* Every option stands in the sample once, in the table's order, with its help and its default. */
static void the_sample_is_the_table(void **state)
{
    char line[400], want[400];
    FILE *in = fopen(YL_SOURCE_DIR "/config/yilian.conf.sample", "r");
    struct options *o;
    struct fault f;
    assert_non_null(in);
    assert_non_null(fgets(line, sizeof line, in));
    assert_non_null(fgets(line, sizeof line, in));
    for (const struct option *row = option_table; row->name; row++) {
        assert_non_null(fgets(line, sizeof line, in));
        assert_string_equal(line, "\n");
        assert_non_null(fgets(line, sizeof line, in));
        snprintf(want, sizeof want, "# %s\n", row->help);
        assert_string_equal(line, want);
        assert_non_null(fgets(line, sizeof line, in));
        snprintf(want, sizeof want, row->fallback ? "#%s = %s\n" : "%s = ", row->name, row->fallback);
        assert_int_equal(strncmp(line, want, strlen(want)), 0);
    }
    assert_null(fgets(line, sizeof line, in));
    fclose(in);
    assert_int_equal(options_load(&o, YL_SOURCE_DIR "/config/yilian.conf.sample", &f), 0);
    options_free(o);
}

/* Loads NEEDED and `more`; the address people open, or "" when it is refused. */
static const char *address_of(const char *more)
{
    static char out[SITE_ADDRESS_BYTES];
    char text[700];
    struct options *o;
    struct fault f = {0};
    snprintf(text, sizeof text, NEEDED "%s", more);
    assert_int_equal(load(&o, text, &f), 0);
    if (site_address(o, out, &f)) {
        assert_string_equal(f.text, "site.address: write https://HOST or https://HOST:PORT.");
        out[0] = 0;
    }
    options_free(o);
    return out;
}

static void where_people_reach_the_site(void **state)
{
    char host[200], want[260];
    assert_string_equal(address_of("site.address = https://yilian.example\n"), "https://yilian.example");
    assert_string_equal(address_of("site.address = https://yilian.example:9443/\n"), "https://yilian.example:9443");
    assert_string_equal(address_of("site.address = http://[fd00::1]:80\n"), "http://[fd00::1]:80");
    static const char *const wrong[] = {"yilian.example",     "ftp://yilian.example", "https://",         "https://a/b", "https://a b",
                                        "https://a:70000",    "https://a:",           "https://[fd00::1", "https://a//", "https://u@a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(want, sizeof want, "site.address = %s\n", wrong[i]);
        assert_string_equal(address_of(want), "");
    }
    assert_string_equal(address_of("listen.address = 10.1.2.3\n"), "https://10.1.2.3:8443");
    assert_string_equal(address_of("listen.address = fd00::7\nlisten.port = 443\n"), "https://[fd00::7]");
    assert_int_equal(gethostname(host, sizeof host), 0);
    snprintf(want, sizeof want, "https://%s:8443", host);
    assert_string_equal(address_of(""), want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values_and_defaults), cmocka_unit_test(mistakes_are_told_by_line),
                                       cmocka_unit_test(the_sample_is_the_table), cmocka_unit_test(where_people_reach_the_site)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
