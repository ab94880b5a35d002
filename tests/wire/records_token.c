/* yilianctl token beside a running, busy daemon: a second process on the same database makes a room and lets a machine in. */
#include "records/records.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[64];
static struct records *r;
static atomic_bool over;
static atomic_int written;

static int setup(void **state)
{
    struct fault f = {0};
    char path[100];
    (void)state;
    strcpy(dir, "/tmp/yl-token-XXXXXX");
    if (!mkdtemp(dir))
        return 1;
    snprintf(path, sizeof path, "%s/yilian.conf", dir);
    FILE *conf = fopen(path, "w");
    fprintf(conf, "tls.certificate = c.pem\ntls.key = k.pem\nweb.root = web\ndata.dir = data\nconfig.dir = %s/config\n", YL_SOURCE_DIR);
    fclose(conf);
    snprintf(path, sizeof path, "%s/data", dir);
    struct records_config config = {.data_dir = path, .config_dir = YL_SOURCE_DIR "/config", .clock = &clock_system, .readers = 2};
    return records_open(&r, &config, &f);
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    records_close(r);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

/* The words printed, one line; the exit code. */
static int ctl(const char *words, char out[200])
{
    char command[400];
    snprintf(command, sizeof command, "%s/yilianctl --config %s/yilian.conf %s 2>/dev/null", YL_BUILD_DIR, dir, words);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(out, 1, 199, p);
    out[n] = 0;
    int status = pclose(p);
    return WEXITSTATUS(status);
}

static json_t *check(const char *token, const char *room, int *error)
{
    json_t *args = json_pack("{s:s,s:s}", "token", token, "room", room);
    struct call call = {.op = "room.token_check", .credential = records_system_credential(r), .args = args};
    struct reply reply;
    records_call(r, &call, &reply);
    json_decref(args);
    *error = reply.error;
    return reply.result;
}

static void *keep_writing(void *arg)
{
    (void)arg;
    for (int i = 0; !over; i++) {
        char code[32];
        snprintf(code, sizeof code, "K%d", i);
        json_t *args = json_pack("{s:s,s:s,s:s,s:s}", "kind", "institution", "level", "village", "code", code, "name", "村卫生室");
        struct call call = {.op = "org.create", .credential = records_system_credential(r), .args = args};
        struct reply reply;
        records_call(r, &call, &reply);
        json_decref(args);
        if (reply.error == 0)
            written++;
        else
            print_error("the daemon: %s %s\n", err_wire(reply.error), reply.fault.text);
        reply_clear(&reply);
    }
    return NULL;
}

static void beside_a_busy_daemon(void **state)
{
    pthread_t busy;
    int error;
    (void)state;
    assert_int_equal(pthread_create(&busy, NULL, keep_writing, NULL), 0);
    for (int i = 0; i < 5; i++) {
        char out[200];
        assert_int_equal(ctl("token --room obs-1 --publish --minutes 5", out), 0);
        assert_int_equal(strlen(out), 44); /* the token alone, and a newline */
        out[43] = 0;
        json_t *v = check(out, "obs-1", &error);
        assert_int_equal(error, 0);
        assert_true(json_is_true(json_object_get(v, "publish")));
        assert_true(json_is_false(json_object_get(v, "watch")));
        json_decref(v);
        json_decref(check(out, "obs-2", &error));
        assert_int_equal(error, ERR_DENIED);
    }
    over = true;
    pthread_join(busy, NULL);
    assert_true(written > 5);
}

static void wrong_words(void **state)
{
    char out[200];
    (void)state;
    assert_int_equal(ctl("token --room obs-1", out), 2);
    assert_int_equal(ctl("token --publish", out), 2);
    assert_int_equal(ctl("token --room 'a b' --watch", out), 1);
    assert_int_equal(ctl("token --room obs-1 --watch --minutes 0", out), 1);
    assert_int_equal(ctl("token --room obs-1 --watch --minutes x", out), 1);
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(beside_a_busy_daemon), cmocka_unit_test(wrong_words)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
