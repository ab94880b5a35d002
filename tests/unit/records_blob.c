/* Blobs: appends of any size, ranges, recovery after a crash at any point, damage, sizes past 4 GiB. */
#include "records/document/blob_format.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static struct blob_store *store;
static const uint8_t key[32] = {1, 2, 3};

static int setup(void **state)
{
    snprintf(folder, sizeof folder, "/tmp/yl-blob-XXXXXX");
    return !mkdtemp(folder) || blob_store_open(&store, folder, key);
}

static int teardown(void **state)
{
    char cmd[96];
    blob_store_close(store);
    snprintf(cmd, sizeof cmd, "rm -rf %s", folder);
    return system(cmd);
}

/* byte i of the test's content */
static uint8_t content(uint64_t i)
{
    return (uint8_t)(i * 2654435761u >> 13 ^ i >> 8);
}

static void fill(uint8_t *out, uint64_t from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = content(from + i);
}

static void append_all(struct blob_file *f, uint64_t bytes, size_t step)
{
    uint8_t *data = malloc(step);
    while (blob_file_held(f) < bytes) {
        uint64_t held = blob_file_held(f);
        size_t n = bytes - held < step ? (size_t)(bytes - held) : step;
        fill(data, held, n);
        assert_int_equal(blob_file_append(f, data, n), 0);
        assert_int_equal(blob_file_held(f), held + n);
    }
    free(data);
}

static void expect_range(struct blob *b, uint64_t from, size_t len)
{
    uint8_t *got = malloc(len + 1), *want = malloc(len + 1);
    size_t n;
    assert_int_equal(blob_read(b, from, got, len, &n), 0);
    uint64_t left = from < blob_bytes(b) ? blob_bytes(b) - from : 0;
    assert_int_equal(n, len < left ? len : left);
    fill(want, from, n);
    assert_memory_equal(got, want, n);
    free(got);
    free(want);
}

static void any_append_size_gives_the_same_blob(void **state)
{
    static const size_t steps[] = {65536, 1, 1000, 65535, 65537, 1 << 20, 3};
    const uint64_t bytes = 150001;
    char address[BLOB_ADDRESS_BYTES], first[BLOB_ADDRESS_BYTES] = "";
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct blob_file *f;
        struct blob *b;
        uint8_t sha[32], want[32];
        if (steps[i] == 1) /* one byte a time costs an fdatasync each: the tail only */
            continue;
        assert_int_equal(blob_file_create(store, 100 + i, bytes, &f), 0);
        append_all(f, steps[i] == 3 ? bytes - 90 : bytes, steps[i] == 3 ? 50000 : steps[i]);
        append_all(f, bytes, steps[i]);
        assert_true(blob_file_sealed(f));
        blob_file_sha256(f, sha);
        uint8_t *plain = malloc(bytes);
        fill(plain, 0, bytes);
        crypto_sha256(plain, bytes, want);
        free(plain);
        assert_memory_equal(sha, want, 32);
        assert_int_equal(blob_file_publish(f, address), 0);
        blob_file_close(f);
        assert_int_equal(blob_file_remove(store, 100 + i), 0);
        if (!first[0])
            strcpy(first, address);
        assert_string_equal(address, first);
        assert_int_equal(blob_open(store, address, &b), 0);
        assert_int_equal(blob_bytes(b), bytes);
        assert_memory_equal(blob_sha256(b), want, 32);
        for (uint64_t from = 0; from < bytes + 5; from += 6553)
            expect_range(b, from, 70000);
        expect_range(b, bytes - 1, 10);
        expect_range(b, bytes, 10);
        blob_close(b);
    }
}

static void limits(void **state)
{
    struct blob_file *f, *g;
    uint8_t data[32] = {0};
    assert_int_equal(blob_file_create(store, 1, 0, &f), ERR_TOO_LARGE);
    assert_int_equal(blob_file_create(store, 1, 10, &f), 0);
    assert_int_equal(blob_file_create(store, 1, 10, &g), ERR_CONFLICT);
    assert_int_equal(blob_file_append(f, data, 11), ERR_TOO_LARGE);
    assert_int_equal(blob_file_held(f), 0);
    char address[BLOB_ADDRESS_BYTES];
    assert_int_equal(blob_file_publish(f, address), ERR_NOT_ALLOWED_NOW);
    assert_int_equal(blob_file_append(f, data, 10), 0);
    assert_int_equal(blob_file_append(f, data, 1), ERR_TOO_LARGE);
    blob_file_close(f);
    assert_int_equal(blob_file_resume(store, 2, &f), ERR_NOT_FOUND);
    struct blob *b;
    assert_int_equal(blob_open(store, "../../etc/passwd", &b), ERR_NOT_FOUND);
}

static void upload_path(uint64_t id, char out[128])
{
    snprintf(out, 128, "%s/uploads/%016llx.up", folder, (unsigned long long)id);
}

static void nothing_plain_on_disk_and_private(void **state)
{
    struct blob_file *f;
    char path[128];
    struct stat st;
    uint8_t data[70000], raw[300000];
    memset(data, 'P', sizeof data);
    assert_int_equal(blob_file_create(store, 7, sizeof data + 1, &f), 0);
    assert_int_equal(blob_file_append(f, data, sizeof data), 0);
    upload_path(7, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, raw, sizeof raw);
    close(fd);
    assert_true(n > 70000);
    assert_null(memmem(raw, (size_t)n, "PPPPPPPP", 8));
    blob_file_close(f);
}

static void resumes_where_it_was(void **state)
{
    static const uint64_t stops[] = {0, 1, 65535, 65536, 65537, 131072, 200000};
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        struct blob_file *f;
        uint64_t id = 200 + i;
        uint8_t sha[32], want[32], plain[200001];
        assert_int_equal(blob_file_create(store, id, 200001, &f), 0);
        append_all(f, stops[i], 40000);
        blob_file_close(f);
        assert_int_equal(blob_file_resume(store, id, &f), 0);
        assert_int_equal(blob_file_held(f), stops[i]);
        append_all(f, 200001, 50001);
        blob_file_sha256(f, sha);
        blob_file_close(f);
        fill(plain, 0, sizeof plain);
        crypto_sha256(plain, sizeof plain, want);
        assert_memory_equal(sha, want, 32);
        assert_int_equal(blob_file_resume(store, id, &f), 0); /* a sealed one too */
        assert_true(blob_file_sealed(f));
        assert_int_equal(blob_file_held(f), 200001);
        blob_file_close(f);
    }
}

/* Damages one byte of an upload and says how much a resume still finds. */
static int64_t held_after_damage(uint64_t id, off_t at)
{
    char path[128];
    struct blob_file *f;
    uint8_t byte;
    upload_path(id, path);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    int rc = blob_file_resume(store, id, &f);
    int64_t held = rc ? rc : (int64_t)blob_file_held(f);
    if (rc == 0)
        blob_file_close(f);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    close(fd);
    return held;
}

static void a_torn_write_falls_back_to_what_was_acknowledged(void **state)
{
    struct blob_file *f;
    assert_int_equal(blob_file_create(store, 300, 1 << 20, &f), 0);
    append_all(f, 70000, 70000);  /* sequence 1: slot B */
    append_all(f, 200000, 130000); /* sequence 2: slot A */
    blob_file_close(f);
    assert_int_equal(held_after_damage(300, BLOB_SLOT_AT(0) + 100), 70000);  /* newest slot torn */
    assert_int_equal(held_after_damage(300, BLOB_SLOT_AT(1) + 100), 200000); /* the older is not needed */
    assert_int_equal(held_after_damage(300, BLOB_DATA_AT + BLOB_STORED_CHUNK + 50), 70000); /* its chunk missed the disk */
    assert_int_equal(held_after_damage(300, 20), ERR_STORAGE); /* the header: nothing can be read */
    assert_int_equal(blob_file_resume(store, 300, &f), 0);
    append_all(f, 1 << 20, 1 << 18);
    assert_true(blob_file_sealed(f));
    blob_file_close(f);
}

static void damage_is_never_served(void **state)
{
    struct blob_file *f;
    struct blob *b;
    char address[BLOB_ADDRESS_BYTES], path[256];
    uint8_t byte, buf[65536];
    size_t got;
    assert_int_equal(blob_file_create(store, 400, 200000, &f), 0);
    append_all(f, 200000, 200000);
    assert_int_equal(blob_file_publish(f, address), 0);
    blob_file_close(f);
    snprintf(path, sizeof path, "%s/blobs/%.2s/%.2s/%s", folder, address, address + 2, address);
    int fd = open(path, O_RDWR);
    off_t at = BLOB_DATA_AT + BLOB_STORED_CHUNK + 777;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    assert_int_equal(blob_open(store, address, &b), 0);
    assert_int_equal(blob_read(b, 0, buf, sizeof buf, &got), 0);
    assert_int_equal(blob_read(b, 65536, buf, sizeof buf, &got), ERR_STORAGE);
    blob_close(b);
    assert_int_equal(ftruncate(fd, BLOB_DATA_AT + BLOB_STORED_CHUNK), 0);
    assert_int_equal(blob_open(store, address, &b), 0);
    assert_int_equal(blob_read(b, 131072, buf, sizeof buf, &got), ERR_STORAGE);
    blob_close(b);
    assert_int_equal(pwrite(fd, "x", 1, BLOB_FINAL_AT + 15), 1);
    assert_int_equal(blob_open(store, address, &b), ERR_STORAGE);
    close(fd);
    struct blob_store *other; /* another key opens nothing */
    uint8_t wrong[32] = {9};
    assert_int_equal(blob_store_open(&other, folder, wrong), 0);
    assert_int_equal(blob_file_resume(other, 300, &f), ERR_STORAGE);
    blob_store_close(other);
}

/* The child appends and tells each acknowledged length through a pipe until it is killed. */
static void killed_uploads_hold_what_was_acknowledged(void **state)
{
    srandom(20261124);
    const uint64_t bytes = 6u << 20;
    for (int round = 0; round < 60; round++) {
        uint64_t id = 1000 + (uint64_t)round, acked = 0, word;
        int pipe_fd[2];
        assert_int_equal(pipe(pipe_fd), 0);
        long stop_after = random() % 40, spin = random() % 20000;
        pid_t child = fork();
        if (child == 0) {
            struct blob_file *f;
            static uint8_t data[300000];
            close(pipe_fd[0]);
            if (blob_file_create(store, id, bytes, &f))
                _exit(1);
            srandom((unsigned)round);
            while (blob_file_held(f) < bytes) {
                size_t n = 1 + (size_t)random() % sizeof data;
                if (n > bytes - blob_file_held(f))
                    n = (size_t)(bytes - blob_file_held(f));
                fill(data, blob_file_held(f), n);
                if (blob_file_append(f, data, n))
                    _exit(1);
                word = blob_file_held(f);
                if (write(pipe_fd[1], &word, sizeof word) != sizeof word)
                    _exit(1);
            }
            _exit(0);
        }
        close(pipe_fd[1]);
        for (long i = 0; i <= stop_after && read(pipe_fd[0], &word, sizeof word) == sizeof word; i++)
            acked = word;
        for (volatile long i = 0; i < spin; i++)
            ;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(pipe_fd[0], &word, sizeof word) == sizeof word)
            acked = word;
        close(pipe_fd[0]);
        struct blob_file *f;
        struct blob *b;
        char address[BLOB_ADDRESS_BYTES];
        int rc = blob_file_resume(store, id, &f);
        if (rc && acked == 0) /* killed before the file was whole: the upload is begun again */
            continue;
        assert_int_equal(rc, 0);
        assert_true(blob_file_held(f) >= acked);
        append_all(f, bytes, 1 << 20);
        assert_int_equal(blob_file_publish(f, address), 0);
        blob_file_close(f);
        blob_file_remove(store, id);
        assert_int_equal(blob_open(store, address, &b), 0);
        for (uint64_t from = 0; from < bytes; from += 1 << 20)
            expect_range(b, from, 1 << 20);
        blob_close(b);
    }
}

/* Past 4 GiB without writing it: a checkpoint is forged near the end of a sparse file, as if 5 GiB had come. */
#include "records/document/blob_file.c"
static void five_gigabytes_by_offsets(void **state)
{
    const uint64_t bytes = (5ull << 30) + 12345, from = (5ull << 30) - 3 * BLOB_CHUNK_BYTES;
    struct blob_file *f;
    struct blob *b;
    char address[BLOB_ADDRESS_BYTES];
    assert_int_equal(blob_file_create(store, 500, bytes, &f), 0);
    for (int i = 0; i < 2; i++) {
        f->now.held = from;
        f->now.sequence++;
        assert_int_equal(write_slot(f), 0);
    }
    blob_file_close(f);
    assert_int_equal(blob_file_resume(store, 500, &f), 0);
    assert_int_equal(blob_file_held(f), from);
    append_all(f, bytes, 100000);
    assert_true(blob_file_sealed(f));
    assert_int_equal(blob_file_publish(f, address), 0);
    blob_file_close(f);
    assert_int_equal(blob_open(store, address, &b), 0);
    assert_int_equal(blob_bytes(b), bytes);
    expect_range(b, from, 150000);
    expect_range(b, bytes - 100, 200);
    blob_close(b);
}

static void listing(void *ctx, uint64_t id, int64_t written_ms)
{
    *(int *)ctx += written_ms > 0;
}

static void uploads_are_listed_and_removed(void **state)
{
    int n = 0, m = 0;
    blob_files_list(store, listing, &n);
    assert_true(n > 3);
    assert_int_equal(blob_file_remove(store, 300), 0);
    assert_int_equal(blob_file_remove(store, 300), 0);
    blob_files_list(store, listing, &m);
    assert_int_equal(m, n - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_append_size_gives_the_same_blob),
        cmocka_unit_test(limits),
        cmocka_unit_test(nothing_plain_on_disk_and_private),
        cmocka_unit_test(resumes_where_it_was),
        cmocka_unit_test(a_torn_write_falls_back_to_what_was_acknowledged),
        cmocka_unit_test(damage_is_never_served),
        cmocka_unit_test(killed_uploads_hold_what_was_acknowledged),
        cmocka_unit_test(five_gigabytes_by_offsets),
        cmocka_unit_test(uploads_are_listed_and_removed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
