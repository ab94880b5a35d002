/* The real daemon speaks HL7 v2 over MLLP/TLS to receivers: whom it trusts is told, who shows a certificate of another name, of nobody we know or one that has
 * expired is not - and the page says which; with the right certificate in its place what waited arrives. Our own certificate is shown to who asks for it. */
#include "tests/lib/mllp_sink.h"
#include "tests/lib/papers.h"
#include "tests/lib/site.h"

#define DAY 86400L

enum who { GOOD, ASKS_OURS, OTHER_NAME, EXPIRED, UNKNOWN, NOT_OURS, RECEIVERS };
static struct mllp_sink sinks[RECEIVERS];
static struct person_at doctor, admin;
static struct papers ours, theirs; /* an authority we trust, another */
static char folder[40] = "/tmp/yl-papers-XXXXXX", trusted[60], other[60];

/* `clients`: whose certificates it lets in. */
static void shows(enum who who, const struct papers *of, const char *name, long begins_s, long ends_s, const char *clients)
{
    struct papers p = papers_make(of, name, begins_s, ends_s);
    sink_door_tls(&sinks[who].door, papers_server(&p, clients));
    papers_free(&p);
}

static int start(void **state)
{
    char more[600], certificate[300];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(trusted, sizeof trusted, "%s/ours.pem", folder);
    snprintf(other, sizeof other, "%s/theirs.pem", folder);
    ours = papers_make(NULL, "ours", -DAY, DAY);
    theirs = papers_make(NULL, "theirs", -DAY, DAY);
    papers_write(&ours, trusted);
    papers_write(&theirs, other);
    int n = snprintf(more, sizeof more, "mllp.trust = %s\noutgoing.allow = ", trusted);
    for (int i = 0; i < RECEIVERS; i++) {
        mllp_sink_open(&sinks[i]);
        n += snprintf(more + n, sizeof more - (size_t)n, "%smllps://127.0.0.1:%d", i ? ", " : "", sinks[i].door.port);
    }
    snprintf(more + n, sizeof more - (size_t)n, "\n");
    site_start(more);
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", site.dir);
    shows(GOOD, &ours, "IP:127.0.0.1", -DAY, DAY, NULL);
    shows(ASKS_OURS, &ours, "IP:127.0.0.1", -DAY, DAY, certificate);
    shows(OTHER_NAME, &ours, "DNS:his.example", -DAY, DAY, NULL);
    shows(EXPIRED, &ours, "IP:127.0.0.1", -DAY, -60, NULL);
    shows(UNKNOWN, &theirs, "IP:127.0.0.1", -DAY, DAY, NULL);
    shows(NOT_OURS, &ours, "IP:127.0.0.1", -DAY, DAY, other);
    doctor = person_sign_in("bh.sun");
    admin = person_sign_in("admin");
    return 0;
}

static int stop(void **state)
{
    char command[80];
    int rc = site_stop(state);
    for (int i = 0; i < RECEIVERS; i++) mllp_sink_close(&sinks[i]);
    papers_free(&ours);
    papers_free(&theirs);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return rc ? rc : system(command);
}

static void subscribe(enum who who)
{
    char path[120], url[60], name[20];
    snprintf(path, sizeof path, "/outgoing/subscribers/00000000000000d%d", who);
    snprintf(url, sizeof url, "mllps://127.0.0.1:%d", sinks[who].door.port);
    snprintf(name, sizeof name, "HIS %d", who);
    json_decref(person_ask(&admin, "PUT", path, json_pack("{s:s,s:[s],s:s,s:s,s:b}", "name", name, "kinds", "patient", "url", url, "application", "HIS", "export", 0)));
}

/* What the page says of it, once it says something. */
static const char *stands(enum who who)
{
    static char out[200];
    char id[20];
    snprintf(id, sizeof id, "00000000000000d%d", who);
    for (int tries = 0; tries < 600; tries++) {
        size_t i;
        json_t *one, *all = person_ask(&admin, "GET", "/outgoing/subscribers", NULL);
        out[0] = 0;
        json_array_foreach(json_object_get(all, "items"), i, one)
            if (strcmp(json_string_value(json_object_get(one, "id")), id) == 0)
                snprintf(out, sizeof out, "%s", json_string_value(json_object_get(one, "error")));
        json_decref(all);
        if (out[0]) break;
        usleep(50000);
    }
    return out;
}

static void who_is_not_who_he_should_be_is_told_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < RECEIVERS; i++) subscribe((enum who)i);
    json_decref(person_ask(&doctor, "POST", "/patients", json_pack("{s:s,s:s,s:s}", "name", "密送", "sex", "male", "birth_date", "1950-01-02")));
    assert_int_equal(mllp_sink_wait(&sinks[GOOD], 1, 30000), 1);
    assert_string_equal(sinks[GOOD].list[0].type, "ADT^A28^ADT_A05");
    assert_int_equal(mllp_sink_wait(&sinks[ASKS_OURS], 1, 30000), 1); /* he knows us by our certificate */
    assert_string_equal(stands(OTHER_NAME), "the certificate is of another name");
    assert_string_equal(stands(EXPIRED), "the certificate has expired");
    assert_string_equal(stands(UNKNOWN), "nobody we trust vouches for the certificate");
    assert_true(strlen(stands(NOT_OURS)) > 0); /* he lets nobody in whom he does not know */
    for (int i = OTHER_NAME; i < RECEIVERS; i++) assert_int_equal(mllp_sink_count(&sinks[i]), 0);
}

/* A new certificate is all it takes: what waited goes by itself. */
static void a_new_certificate_brings_what_waited(void **state)
{
    (void)state;
    shows(EXPIRED, &ours, "IP:127.0.0.1", -DAY, DAY, NULL);
    assert_int_equal(mllp_sink_wait(&sinks[EXPIRED], 1, 120000), 1);
    assert_string_equal(sinks[EXPIRED].list[0].type, "ADT^A28^ADT_A05");
    /* and the other way round: who is told today and lets his certificate expire is told nothing from the next line on */
    shows(GOOD, &ours, "IP:127.0.0.1", -DAY, -60, NULL);
    mllp_sink_be(&sinks[GOOD], MLLP_HANGS_UP, "AA");
    json_decref(person_ask(&doctor, "POST", "/patients", json_pack("{s:s,s:s,s:s}", "name", "再送", "sex", "female", "birth_date", "1951-01-02")));
    assert_int_equal(mllp_sink_wait(&sinks[GOOD], 2, 30000), 2); /* on the line that was open */
    mllp_sink_be(&sinks[GOOD], MLLP_ANSWERS, "AA");
    assert_string_equal(stands(GOOD), "the certificate has expired");
    shows(GOOD, &ours, "IP:127.0.0.1", -DAY, DAY, NULL);
    assert_int_equal(mllp_sink_wait(&sinks[GOOD], 3, 120000), 3); /* he had not acknowledged it */
    assert_string_equal(sinks[GOOD].list[2].control, sinks[GOOD].list[1].control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_is_not_who_he_should_be_is_told_nothing), cmocka_unit_test(a_new_certificate_brings_what_waited)};
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, start, stop);
}
