/* Many uploads at once from several threads: more than may be open, the same one from two sides, handles from all. */
#include "records/document/documents.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define THREADS 4
#define EACH 15 /* 60 uploads: twice what is kept open */
#define PIECES 6
#define PIECE 5000

static char dir[64];
static struct documents *documents;
static _Atomic int failures;

static int setup(void **state)
{
    static const uint8_t key[32] = {5};
    struct fault f = {0};
    snprintf(dir, sizeof dir, "/tmp/yl-uploads-XXXXXX");
    return !mkdtemp(dir) || documents_open(&documents, dir, key, &f);
}

static int teardown(void **state)
{
    char cmd[96];
    documents_close(documents);
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}

static void fill(uint64_t id, int piece, uint8_t out[PIECE])
{
    for (int i = 0; i < PIECE; i++)
        out[i] = (uint8_t)(id * 31 + (uint64_t)piece * 7 + (uint64_t)i);
}

/* Piece by piece through all of this thread's uploads, so that the open ones are changed all the time. */
static void *interleaved(void *ctx)
{
    uint64_t first = (uint64_t)(uintptr_t)ctx, held;
    uint8_t data[PIECE];
    for (int i = 0; i < EACH; i++)
        failures += documents_upload_create(documents, first + (uint64_t)i, PIECES * PIECE) != 0;
    for (int piece = 0; piece < PIECES; piece++)
        for (int i = 0; i < EACH; i++) {
            fill(first + (uint64_t)i, piece, data);
            failures += documents_upload_append(documents, first + (uint64_t)i, (uint64_t)piece * PIECE, data, PIECE, &held) != 0;
            failures += held != (uint64_t)(piece + 1) * PIECE;
        }
    for (int i = 0; i < EACH; i++) {
        struct upload_done done;
        struct blob *b;
        uint8_t got[PIECE];
        size_t n = 0;
        failures += documents_upload_done(documents, first + (uint64_t)i, true, &done) != 0;
        failures += blob_open(documents_store(documents), done.address, &b) != 0;
        fill(first + (uint64_t)i, 3, data);
        failures += blob_read(b, 3 * PIECE, got, PIECE, &n) != 0 || n != PIECE || memcmp(got, data, PIECE) != 0;
        blob_close(b);
        documents_upload_drop(documents, first + (uint64_t)i);
    }
    return NULL;
}

static void many_at_once(void **state)
{
    pthread_t t[THREADS];
    failures = 0;
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, interleaved, (void *)(i * 1000 + 1000)), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(failures, 0);
}

static _Atomic int taken;
static void *racing(void *ctx)
{
    uint8_t data[100] = {0};
    uint64_t held = 0;
    while (held < 20000) {
        int rc = documents_upload_append(documents, 7, held, data, sizeof data, &held);
        taken += rc == 0;
        if (rc && rc != ERR_CONFLICT)
            break;
    }
    return NULL;
}

/* Two pages send the same file: every byte is taken once. */
static void one_from_two_sides(void **state)
{
    pthread_t t[2];
    uint64_t held;
    assert_int_equal(documents_upload_create(documents, 7, 20000), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&t[i], NULL, racing, NULL), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    assert_int_equal(taken, 200);
    assert_int_equal(documents_upload_held(documents, 7, &held), 0);
    assert_int_equal(held, 20000);
    documents_upload_drop(documents, 7);
    assert_int_equal(documents_upload_held(documents, 7, &held), ERR_GONE);
}

static void handles_are_bounded(void **state)
{
    struct document_handle h = {.session = 1, .address = "a", .bytes = 5, .name = "n"}, found;
    char first[DOCUMENT_HANDLE_BYTES], last[DOCUMENT_HANDLE_BYTES];
    assert_int_equal(documents_handle_make(documents, &h, 1000, first), 0);
    for (int i = 0; i < 500; i++) /* one session pushes out its own oldest, nobody else's */
        assert_int_equal(documents_handle_make(documents, &h, 2000 + i, last), 0);
    assert_int_equal(documents_handle_find(documents, first, 3000, &found), ERR_GONE);
    assert_int_equal(documents_handle_find(documents, last, 3000, &found), 0);
    int made = 0;
    for (uint64_t s = 2; s < 60; s++)
        for (int i = 0; i < 100; i++) {
            h.session = s;
            made += documents_handle_make(documents, &h, 4000, first) == 0;
        }
    assert_true(made < 5800);
    assert_int_equal(documents_handle_find(documents, last, 3000, &found), 0);
    assert_int_equal(documents_handle_make(documents, &h, 4000 + DOCUMENT_HANDLE_MS + 1000, first), 0); /* the old ones are over */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_at_once), cmocka_unit_test(one_from_two_sides), cmocka_unit_test(handles_are_bounded)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
