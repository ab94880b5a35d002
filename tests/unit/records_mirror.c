/* Copies of files in backup.dir: they follow, whatever happens to the folder; what must not be kept leaves them too; all come back. */
#include "records/document/mirror.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char data[64], away[80];
static struct blob_store *store;
static struct blob_mirror *mirror;
static uint64_t next_id;
static const uint8_t key[32] = {7};

static int setup(void **state)
{
    (void)state;
    snprintf(data, sizeof data, "/tmp/yl-mirror-XXXXXX");
    if (!mkdtemp(data))
        return 1;
    snprintf(away, sizeof away, "%s-away", data);
    mirror = NULL;
    return blob_store_open(&store, data, key);
}

static int teardown(void **state)
{
    char cmd[256];
    (void)state;
    blob_mirror_close(mirror);
    blob_store_close(store);
    snprintf(cmd, sizeof cmd, "rm -rf %s %s %s-back", data, away, data);
    return system(cmd);
}

static void begin(void)
{
    struct fault f = {0};
    struct blob_mirror_config config = {.store = store, .data_dir = data, .dir = away, .clock = &clock_system, .retry_ms = 30};
    if (blob_mirror_open(&mirror, &config, &f))
        fail_msg("%s", f.text);
}

static void end(void)
{
    blob_mirror_close(mirror);
    mirror = NULL;
}

static void put(const char *text, size_t times, char address[BLOB_ADDRESS_BYTES])
{
    struct blob_file *f;
    uint64_t id = ++next_id;
    size_t len = strlen(text);
    assert_int_equal(blob_file_create(store, id, len * times, &f), 0);
    for (size_t i = 0; i < times; i++)
        assert_int_equal(blob_file_append(f, text, len), 0);
    assert_int_equal(blob_file_publish(f, address), 0);
    blob_file_close(f);
    assert_int_equal(blob_file_remove(store, id), 0);
}

static void copy_of(const char *address, char out[300])
{
    snprintf(out, 300, "%s/files/%.2s/%.2s/%s", away, address, address + 2, address);
}

static bool there(const char *address)
{
    char path[300];
    copy_of(address, path);
    return access(path, F_OK) == 0;
}

/* 10 s at most: the thread has its own pace. */
static bool comes(const char *address, bool wanted)
{
    for (int i = 0; i < 500 && there(address) != wanted; i++)
        usleep(20000);
    return there(address) == wanted;
}

static struct blob_mirror_state settled(void)
{
    struct blob_mirror_state s;
    for (int i = 0; i < 500; i++) {
        blob_mirror_look(mirror, &s);
        if (s.compared_ms && !s.waiting && !s.fault[0])
            break;
        usleep(20000);
    }
    return s;
}

static bool alike(const char *one, const char *two)
{
    char cmd[700];
    snprintf(cmd, sizeof cmd, "cmp -s %s %s", one, two);
    return system(cmd) == 0;
}

static void they_follow(void **state)
{
    char before[BLOB_ADDRESS_BYTES], after[BLOB_ADDRESS_BYTES], large[BLOB_ADDRESS_BYTES], one[300], two[300];
    (void)state;
    put("before the folder was set", 1, before);
    begin();
    assert_true(comes(before, true));
    put("while it runs", 1, after);
    put("larger than a piece of the copying ................................................................", 30000, large);
    assert_true(comes(after, true));
    assert_true(comes(large, true));
    struct blob_mirror_state s = settled();
    assert_int_equal(s.files, 3);
    assert_int_equal(s.waiting, 0);
    assert_int_equal(s.since_ms, 0);
    copy_of(large, one);
    snprintf(two, sizeof two, "%s/blobs/%.2s/%.2s/%s", data, large, large + 2, large);
    assert_true(alike(one, two));
    struct stat st;
    assert_int_equal(stat(one, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void what_must_not_be_kept_leaves(void **state)
{
    char kept[BLOB_ADDRESS_BYTES], gone[BLOB_ADDRESS_BYTES], later[BLOB_ADDRESS_BYTES], path[300];
    (void)state;
    begin();
    put("kept", 1, kept);
    put("gone", 1, gone);
    put("removed while no copies were made", 1, later);
    /* a removal has its note before the blob is gone: whoever looks just then leaves the note alone */
    snprintf(path, sizeof path, "%s/removed/%s", data, kept);
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_true(comes(gone, true) && comes(later, true) && comes(kept, true));
    assert_int_equal(blob_remove(store, gone), 0);
    assert_true(comes(gone, false));
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    end();
    assert_int_equal(blob_remove(store, later), 0);
    /* one that merely vanished: a disk that dies takes nothing with it */
    snprintf(path, sizeof path, "%s/blobs/%.2s/%.2s/%s", data, kept, kept + 2, kept);
    assert_int_equal(unlink(path), 0);
    begin();
    assert_true(comes(later, false));
    assert_int_equal(settled().files, 1);
    assert_true(there(kept));
    snprintf(path, sizeof path, "%s/removed/%s", data, later);
    for (int i = 0; i < 500 && access(path, F_OK) == 0; i++)
        usleep(20000);
    assert_int_not_equal(access(path, F_OK), 0); /* the note has done its duty */
    put("gone", 1, gone);                        /* the same once more is wanted again */
    assert_true(comes(gone, true));
}

static void a_folder_that_is_gone_is_said_and_waited_for(void **state)
{
    char one[BLOB_ADDRESS_BYTES], two[BLOB_ADDRESS_BYTES], cmd[256], path[300];
    struct blob_mirror_state s;
    (void)state;
    begin();
    put("one", 1, one);
    assert_true(comes(one, true));
    snprintf(cmd, sizeof cmd, "rm -rf %s && touch %s", away, away); /* no folder can be made there, not even by root */
    assert_int_equal(system(cmd), 0);
    put("two", 1, two);
    for (int i = 0; i < 500; i++) {
        blob_mirror_look(mirror, &s);
        if (s.fault[0])
            break;
        usleep(20000);
    }
    assert_string_equal(s.fault, "folder");
    assert_int_equal(s.waiting, 1);
    assert_true(s.since_ms > 0);
    assert_int_equal(unlink(away), 0);
    assert_true(comes(two, true));
    s = settled();
    assert_string_equal(s.fault, "");
    assert_false(there(one)); /* what left the copies by another hand is found by comparing, at the next start at the latest */
    end();
    begin();
    assert_true(comes(one, true));
    /* a copy that was cut, and one that was never finished */
    end();
    copy_of(one, path);
    assert_int_equal(truncate(path, 100), 0);
    begin();
    for (int i = 0; i < 500; i++) {
        struct stat st;
        if (stat(path, &st) == 0 && st.st_size > 100)
            break;
        usleep(20000);
    }
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 100);
}

static void all_come_back(void **state)
{
    char address[3][BLOB_ADDRESS_BYTES], to[100], text[100];
    struct blob_mirror_restored done;
    struct fault f = {0};
    (void)state;
    begin();
    for (int i = 0; i < 3; i++) {
        snprintf(text, sizeof text, "file %d", i);
        put(text, 1, address[i]);
        assert_true(comes(address[i], true));
    }
    end();
    snprintf(to, sizeof to, "%s-back", data);
    assert_int_equal(blob_mirror_restore(data, to, &done, &f), ERR_NOT_FOUND);
    assert_int_equal(blob_mirror_restore(away, to, &done, &f), 0);
    assert_int_equal(done.files, 3);
    assert_int_equal(blob_mirror_restore(away, to, &done, &f), ERR_CONFLICT); /* nothing that is there is written over */
    struct blob_store *back;
    assert_int_equal(blob_store_open(&back, to, key), 0);
    for (int i = 0; i < 3; i++) {
        struct blob *b;
        size_t got;
        char read[100] = "";
        snprintf(text, sizeof text, "file %d", i);
        assert_int_equal(blob_open(back, address[i], &b), 0);
        assert_int_equal(blob_read(b, 0, read, sizeof read - 1, &got), 0);
        assert_string_equal(read, text);
        blob_close(b);
    }
    blob_store_close(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(what_must_not_be_kept_leaves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_is_gone_is_said_and_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(all_come_back, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
