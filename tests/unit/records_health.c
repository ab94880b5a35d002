/* How the machine is: what each card's verdict hangs on, for whom it is, and that nothing is claimed that is not known. */
#include "records/document/documents.h"
#include "records/health/health_private.h"
#include "records/parts.h"
#include "records/records.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64], away[80];
static struct records *r;

static void open_site(const char *archive, const char *certificate)
{
    struct fault f = {0};
    struct records_config config = {.data_dir = dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system, .archive_dir = archive, .archive_every_ms = 50, .archive_base_ms = 3600000,
                                    .archive_keep_days = 7, .version = "9.9", .certificate = certificate, .media_workers = 2};
    if (records_open(&r, &config, &f))
        fail_msg("%s", f.text);
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/yl-health-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    snprintf(away, sizeof away, "%s-away", dir);
    return 0;
}

static int teardown(void **state)
{
    char cmd[200];
    (void)state;
    records_close(r);
    r = NULL;
    snprintf(cmd, sizeof cmd, "rm -rf %s %s", dir, away);
    return system(cmd);
}

static json_t *machine(void)
{
    struct call call = {.op = "machine.get", .credential = records_system_credential(r)};
    struct reply reply;
    records_call(r, &call, &reply);
    assert_int_equal(reply.error, 0);
    return reply.result;
}

static const char *member(const json_t *o, const char *part, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(o, part), name));
    return text ? text : "(none)";
}

static void no_backup_is_said(void **state)
{
    (void)state;
    open_site("", "");
    json_t *m = machine();
    bool server = strcmp(member(m, "database", "engine"), "postgresql") == 0;
    assert_string_equal(member(m, "backup", "level"), "bad");
    assert_string_equal(member(m, "backup", "why"), server ? "server_none" : "none");
    assert_string_equal(member(m, "files", "why"), "none");
    assert_string_equal(member(m, "certificate", "why"), "unreadable");
    assert_string_equal(member(m, "program", "version"), "9.9");
    assert_string_equal(member(m, "media", "level"), "ok");
    assert_true(json_is_null(json_object_get(json_object_get(m, "media"), "load_percent"))); /* nobody has looked twice yet */
    const json_t *disk = json_array_get(json_object_get(m, "disks"), 0);
    assert_true(json_is_null(json_object_get(disk, "days_left"))); /* nor for hours */
    assert_true(json_integer_value(json_object_get(disk, "total_bytes")) > 0);
    json_decref(m);
    struct call call = {.op = "machine.get"};
    struct reply reply;
    records_call(r, &call, &reply);
    assert_int_equal(reply.error, ERR_UNAUTHENTICATED);
    reply_clear(&reply);
}

static void a_backup_on_the_same_disk_is_half_a_one(void **state)
{
    (void)state;
    if (getenv("YL_TEST_DATABASE"))
        skip(); /* of the file */
    open_site(away, "");
    json_t *m = machine();
    for (int i = 0; i < 100 && !json_integer_value(json_object_get(json_object_get(m, "backup"), "reached_ms")); i++) {
        json_decref(m);
        usleep(50000);
        m = machine();
    }
    assert_string_equal(member(m, "backup", "why"), "same_disk");
    assert_string_equal(member(m, "backup", "level"), "warn");
    assert_string_equal(member(m, "backup", "dir"), away);
    assert_int_equal(json_array_size(json_object_get(m, "disks")), 1); /* one disk, one line, both folders */
    assert_int_equal(json_array_size(json_object_get(json_array_get(json_object_get(m, "disks"), 0), "folders")), 2);
    json_decref(m);
}

/* Attachments and recordings, whichever engine has the rows. */
static void files_are_copied_beside_it(void **state)
{
    (void)state;
    open_site(away, "");
    json_t *m = machine();
    for (int i = 0; i < 100 && strcmp(member(m, "files", "why"), "first") == 0; i++) {
        json_decref(m);
        usleep(50000);
        m = machine();
    }
    assert_string_equal(member(m, "files", "why"), "same_disk");
    assert_string_equal(member(m, "files", "dir"), away);
    json_decref(m);
    char cmd[200];
    snprintf(cmd, sizeof cmd, "rm -rf %s && touch %s", away, away); /* nothing can be copied there */
    records_close(r);
    assert_int_equal(system(cmd), 0);
    open_site(away, "");
    const char text[] = "x";
    struct blob_file *file;
    char address[BLOB_ADDRESS_BYTES];
    struct blob_store *store = documents_store(records_parts(r)->documents);
    assert_int_equal(blob_file_create(store, 1, 1, &file), 0);
    assert_int_equal(blob_file_append(file, text, 1), 0);
    assert_int_equal(blob_file_publish(file, address), 0);
    blob_file_close(file);
    m = machine();
    for (int i = 0; i < 100 && strcmp(member(m, "files", "why"), "stands") != 0; i++) {
        json_decref(m);
        usleep(50000);
        m = machine();
    }
    assert_string_equal(member(m, "files", "level"), "bad");
    assert_string_equal(member(m, "files", "fault"), "folder");
    json_decref(m);
}

static void make_certificate(const char *dates)
{
    char cmd[600];
    snprintf(cmd, sizeof cmd,
             "cd %s && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -subj /CN=x -out r.pem 2>/dev/null && : >index && rm -f serial && "
             "printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nnew_certs_dir=.\\nrand_serial=yes\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >ca.conf && "
             "openssl ca -batch -selfsign -config ca.conf -keyfile k.pem -in r.pem -out c.pem -notext %s 2>/dev/null",
             dir, dates);
    assert_int_equal(system(cmd), 0);
}

static void the_certificates_end(void **state)
{
    static const struct {
        const char *dates, *level, *why;
    } cases[] = {{"-days 400", "ok", ""}, {"-days 5", "warn", "soon"}, {"-startdate 20200101000000Z -enddate 20200201000000Z", "bad", "expired"}};
    char file[100];
    (void)state;
    snprintf(file, sizeof file, "%s/c.pem", dir);
    open_site("", file);
    for (size_t i = 0; i < 3; i++) {
        make_certificate(cases[i].dates);
        json_t *m = machine();
        assert_string_equal(member(m, "certificate", "level"), cases[i].level);
        assert_string_equal(member(m, "certificate", "why"), cases[i].why);
        json_decref(m);
    }
}

static int64_t ahead_ms;

static int64_t set_clock(void *ctx)
{
    (void)ctx;
    return clock_now_ms(&clock_system) + ahead_ms;
}

/* A clock that was a day ahead for a while must not put off by a day what was tried again meanwhile. */
static void the_clock_was_ahead(void **state)
{
    static const struct clock the_clock = {set_clock, NULL};
    struct records_config config = {.data_dir = dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &the_clock};
    struct fault f = {0};
    struct tx *tx;
    (void)state;
    assert_int_equal(records_open(&r, &config, &f), 0);
    ahead_ms = 86400000;
    records_tick(r);
    assert_int_equal(tx_begin(records_store(r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO exchange_pull (source_id,mark,state,reason,detail,failures,last_ms,next_ms) VALUES (1,'','failed','','',1,0,$1)", "i", set_clock(NULL) + 300000);
    assert_int_equal(tx_commit(tx), 0);
    records_tick(r);
    assert_int_equal(tx_begin(records_store(r), TX_READ, &tx), 0);
    assert_true(tx_int(tx, 0, "SELECT next_ms FROM exchange_pull", "") > set_clock(NULL)); /* not before its time */
    tx_rollback(tx);
    ahead_ms = 0;
    records_tick(r);
    assert_int_equal(tx_begin(records_store(r), TX_READ, &tx), 0);
    assert_true(tx_int(tx, INT64_MAX, "SELECT next_ms FROM exchange_pull", "") <= set_clock(NULL));
    tx_rollback(tx);
}

static void look_again(struct health *h)
{
    h->next_look_us = 0;
    health_tick(h);
}

/* A day long: a card that stays amber until a restart is not read any more. */
static void a_clock_that_was_set_is_said_for_a_day(void **state)
{
    (void)state;
    open_site(NULL, NULL);
    struct health *h = records_parts(r)->health;
    json_t *m = machine();
    assert_string_equal(member(m, "program", "level"), "ok");
    json_decref(m);
    metric_add(h->m_leaps, 1);
    look_again(h);
    m = machine();
    assert_string_equal(member(m, "program", "why"), "clock");
    json_decref(m);
    h->leapt_us -= 86400000000ll;
    look_again(h);
    m = machine();
    assert_string_equal(member(m, "program", "level"), "ok");
    json_decref(m);
}

static void days_until_a_disk_is_full(void **state)
{
    struct disk d = {0};
    (void)state;
    for (int i = 0; i < 6; i++)
        d.hour[i] = 1000 - i * 10;
    assert_int_equal(health_days_left(&d, 6), -1); /* five hours: not known */
    for (int i = 6; i < 25; i++)
        d.hour[i] = 1000 - i * 10;
    assert_int_equal(health_days_left(&d, 25), 760 * 24 / 240 / 24); /* 760 left, 240 a day */
    for (int i = 0; i < HOURS; i++)
        d.hour[i] = 500;
    assert_int_equal(health_days_left(&d, 1000), -1); /* does not get less */
    d.hour[(1000 - 1) % HOURS] = 100;
    assert_true(health_days_left(&d, 1000) >= 0); /* round and round */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(no_backup_is_said), T(a_backup_on_the_same_disk_is_half_a_one), T(files_are_copied_beside_it), T(the_certificates_end), T(the_clock_was_ahead), T(a_clock_that_was_set_is_said_for_a_day), T(days_until_a_disk_is_full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
