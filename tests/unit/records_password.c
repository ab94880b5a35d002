/* Passwords hashed ahead of the write: what changed meanwhile is not believed, wrong tries are counted as before, and nobody who writes
 * waits for those who sign in. */
#include "records/access/password.h"
#include "server/base/crypto.h"
#include "tests/support/door.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <time.h>
#include <cmocka.h>

#define PASSWORD "First-Password-1"

static struct world w;
static char stored[PASSWORD_HASH_BYTES];

static int open_world(void **state)
{
    struct tx *tx;
    world_open_pool(&w, 2);
    if (crypto_password_hash(PASSWORD, stored) || tx_begin(records_store(w.r), TX_WRITE, &tx))
        return 1;
    tx_exec(tx, "UPDATE person SET password=$1", "t", stored);
    return tx_commit(tx);
}

static int close_world(void **state)
{
    world_close(&w);
    return 0;
}

static int64_t cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000ll + t.tv_nsec / 1000;
}

static int64_t login_lines(const char *outcome)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, "SELECT COUNT(*) FROM audit WHERE op='session.login' AND outcome=$1", "t", outcome);
    tx_rollback(tx);
    return n;
}

static void what_was_hashed_ahead_is_found(void **state)
{
    char other[PASSWORD_HASH_BYTES], made[PASSWORD_HASH_BYTES];
    struct op_ctx ctx = {.passwords = password_work_new()};
    assert_int_equal(crypto_password_hash("Other-Password-2", other), 0);
    assert_false(password_matches(&ctx, stored, PASSWORD)); /* only noted */
    assert_int_not_equal(password_make(&ctx, "New-Password-3", made), 0);
    password_work_run(ctx.passwords);
    int64_t start = cpu_us();
    assert_true(password_matches(&ctx, stored, PASSWORD));
    assert_int_equal(password_make(&ctx, "New-Password-3", made), 0);
    assert_true(cpu_us() - start < 5000); /* a hash costs ten times that */
    assert_int_equal(crypto_password_verify(made, "New-Password-3"), 1);
    /* another stored hash, another password: nothing of what was found before counts */
    assert_false(password_matches(&ctx, other, PASSWORD));
    assert_false(password_matches(&ctx, stored, "Other-Password-2"));
    assert_true(password_matches(&ctx, other, "Other-Password-2"));
    password_work_free(ctx.passwords);
}

/* A name that does not exist costs what one that does costs. */
static void nobody_takes_as_long_as_somebody(void **state)
{
    struct op_ctx ctx = {0};
    int64_t best[2] = {INT64_MAX, INT64_MAX};
    for (int i = 0; i < 6; i++) {
        int64_t start = cpu_us();
        assert_false(password_matches(&ctx, i % 2 ? NULL : stored, "Wrong-Password-9"));
        int64_t took = cpu_us() - start;
        best[i % 2] = took < best[i % 2] ? took : best[i % 2];
    }
    assert_true(best[1] * 10 > best[0] * 7 && best[1] * 7 < best[0] * 10);
}

/* ---- many at once ---- */

static struct {
    atomic_int answered, right, wrong, locked, written, answered_when_written;
} tally;

static void signed_in(void *ctx, struct reply *reply)
{
    (void)ctx;
    tally.right += reply->error == 0;
    tally.wrong += reply->error == ERR_UNAUTHENTICATED;
    tally.locked += reply->error == ERR_LOCKED;
    tally.answered++;
    reply_clear(reply);
}

static void submit_login(const char *name, const char *password)
{
    json_t *args = json_pack("{s:o,s:s}", "login", json_sprintf("p%llu", (unsigned long long)who(name)->id), "password", password);
    struct call call = {.op = "session.login", .args = args};
    assert_int_equal(records_submit(w.r, &call, signed_in, NULL), 0);
    json_decref(args);
}

static void wait_for(int n)
{
    for (int i = 0; tally.answered < n && i < 12000; i++)
        usleep(10000);
    assert_int_equal(tally.answered, n);
}

/* Twelve guesses in flight at once are twelve tries: the fifth locks, and the right one after it does not help. */
static void guesses_at_once_are_counted_one_by_one(void **state)
{
    memset(&tally, 0, sizeof tally);
    for (int i = 0; i < 11; i++)
        submit_login("zhang", "Wrong-Password-9");
    submit_login("zhang", PASSWORD);
    wait_for(12);
    assert_int_equal(tally.right, 0);
    assert_int_equal(tally.wrong, 4);
    assert_int_equal(tally.locked, 8);
    assert_int_equal(login_lines("unauthenticated"), 4);
    assert_int_equal(login_lines("locked"), 8);
    w.now_ms += 16 * 60000;
    submit_login("zhang", PASSWORD);
    wait_for(13);
    assert_int_equal(tally.right, 1);
}

static void wrote(void *ctx, struct reply *reply)
{
    (void)ctx;
    assert_int_equal(reply->error, 0);
    tally.answered_when_written = tally.answered;
    tally.written++;
    reply_clear(reply);
}

static void writers_do_not_wait_for_those_who_sign_in(void **state)
{
    struct door_session admin;
    memset(&tally, 0, sizeof tally);
    door_sign_in(&w, who("admin"), 0, &admin);
    for (int i = 0; i < 12; i++)
        submit_login("qian", PASSWORD);
    json_t *args = json_pack("{s:s,s:s,s:s,s:s}", "kind", "institution", "level", "village", "code", "V1", "name", "村卫生室");
    struct call call = {.op = "org.create", .credential = admin.token, .args = args};
    assert_int_equal(records_submit(w.r, &call, wrote, NULL), 0);
    json_decref(args);
    wait_for(12);
    assert_int_equal(tally.right, 12);
    assert_int_equal(tally.written, 1);
    assert_true(tally.answered_when_written < 12); /* when the writer hashed, the twelve that came first were first */
}

/* Closing finishes what was queued, also what is still to be hashed. */
static void closing_loses_no_sign_in(void **state)
{
    struct fault f = {0};
    memset(&tally, 0, sizeof tally);
    for (int i = 0; i < 6; i++)
        submit_login("wu", PASSWORD);
    records_close(w.r);
    int answered = tally.answered, right = tally.right;
    struct records_config config = {.data_dir = w.dir, .config_dir = YL_SOURCE_DIR "/config", .clock = &w.clock, .readers = 2};
    assert_int_equal(records_open(&w.r, &config, &f), 0);
    assert_int_equal(answered, 6);
    assert_int_equal(right, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_hashed_ahead_is_found), cmocka_unit_test(nobody_takes_as_long_as_somebody),
                                       cmocka_unit_test(guesses_at_once_are_counted_one_by_one),
                                       cmocka_unit_test(writers_do_not_wait_for_those_who_sign_in), cmocka_unit_test(closing_loses_no_sign_in)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
