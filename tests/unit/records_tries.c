/* Guessing at an account: limited wherever it comes from, and never at its owner's cost. What a browser in which he signed in before may, nobody takes from it. */
#include "records/access/tries.h"
#include "tests/support/door.h"
#include <argon2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PASSWORD "First-Password-1"
#define WRONG "Wrong-Password-9"

static struct world w;
static char browser[64]; /* zhang's */

static int open_world(void **state)
{
    struct tx *tx;
    char stored[128];
    (void)state;
    world_open(&w);
    if (crypto_password_hash(PASSWORD, stored) || tx_begin(records_store(w.r), TX_WRITE, &tx))
        return 1;
    tx_exec(tx, "UPDATE person SET password=$1", "t", stored);
    return tx_commit(tx);
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* The error; the word given, if any, goes to `given`. */
static int try(const char *login, const char *password, const char *address, const char *device, char given[64])
{
    char text[40];
    struct reply reply;
    const struct somebody *s = who(login);
    snprintf(text, sizeof text, s ? "p%llu" : "nobody", (unsigned long long)(s ? s->id : 0));
    json_t *args = json_pack("{s:s,s:s}", "login", text, "password", password);
    struct call call = {.op = "session.login", .args = args, .client_address = address, .device = device};
    records_call(w.r, &call, &reply);
    int rc = reply.error;
    if (given)
        snprintf(given, 64, "%s", reply.set_device);
    reply_clear(&reply);
    json_decref(args);
    return rc;
}

static void a_browser_is_known_by_signing_in(void **state)
{
    (void)state;
    assert_int_equal(try("zhang", WRONG, "10.0.0.1", NULL, browser), ERR_UNAUTHENTICATED);
    assert_string_equal(browser, "");
    assert_int_equal(try("zhang", PASSWORD, "10.0.0.1", NULL, browser), 0);
    assert_true(strlen(browser) >= 40);
    char again[64];
    assert_int_equal(try("zhang", PASSWORD, "10.0.0.1", browser, again), 0); /* it keeps its word */
    assert_string_equal(again, "");
    assert_int_equal(try("li", PASSWORD, "10.0.0.1", browser, again), 0); /* a workstation of several */
    assert_string_equal(again, "");
}

static void a_place_waits_longer_and_longer(void **state)
{
    int64_t wait = TRIES_WAIT_MS;
    (void)state;
    for (int i = 1; i < TRIES_FREE; i++)
        assert_int_equal(try("qian", WRONG, "10.0.1.1", NULL, NULL), ERR_UNAUTHENTICATED);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(try("qian", WRONG, "10.0.1.1", NULL, NULL), ERR_LOCKED);
        assert_int_equal(try("qian", PASSWORD, "10.0.1.1", NULL, NULL), ERR_LOCKED); /* the right one does not help while it waits */
        w.now_ms += wait - 1;
        assert_int_equal(try("qian", PASSWORD, "10.0.1.1", NULL, NULL), ERR_LOCKED);
        w.now_ms++;
        wait = 2 * wait < TRIES_WAIT_MAX_MS ? 2 * wait : TRIES_WAIT_MAX_MS;
    }
    assert_int_equal(try("qian", PASSWORD, "10.0.2.1", NULL, NULL), 0); /* who comes from elsewhere does not wait for it */
    assert_int_equal(try("qian", PASSWORD, "10.0.1.1", NULL, NULL), 0);
    assert_int_equal(try("qian", WRONG, "10.0.1.1", NULL, NULL), ERR_UNAUTHENTICATED); /* and begins anew */
    for (int i = 1; i < TRIES_FREE; i++) /* one /64 is one place */
        assert_int_equal(try("wu", WRONG, i % 2 ? "2001:db8::1" : "2001:db8::ffff:2", NULL, NULL), ERR_UNAUTHENTICATED);
    assert_int_equal(try("wu", WRONG, "2001:db8::3", NULL, NULL), ERR_LOCKED);
}

/* A thousand networks and a day: what they may guess is bounded, and zhang is not kept from his own browser for a moment. */
static void many_places_guess_little(void **state)
{
    int guessed = 0, kept_out = 0;
    char address[32], given[64];
    (void)state;
    for (int hour = 0; hour < 24; hour++, w.now_ms += 3600000)
        for (int i = 0; i < 20; i++) {
            int k = hour * 20 + i;
            snprintf(address, sizeof address, "10.%d.%d.1", 10 + k % 100, k / 100);
            int rc = try("zhang", WRONG, address, NULL, NULL);
            if (rc == ERR_UNAUTHENTICATED)
                guessed++;
            if (i == 10 && hour % 6 == 5) {
                kept_out += try("zhang", PASSWORD, "10.0.0.9", browser, given) != 0;
                kept_out += try("zhang", WRONG, "10.0.0.9", browser, given) != ERR_UNAUTHENTICATED; /* has tries of its own */
                kept_out += try("zhang", PASSWORD, "10.0.0.9", browser, given) != 0;
            }
        }
    assert_int_equal(kept_out, 0);
    assert_in_range(guessed, 100, TRIES_ALL + 144 + 1);
    for (int i = 0; i < 8; i++) { /* what the last hour gave back */
        snprintf(address, sizeof address, "10.201.%d.1", i);
        (void)!try("zhang", WRONG, address, NULL, NULL);
    }
    assert_int_equal(try("zhang", PASSWORD, "10.200.0.1", "0123456789012345678901234567890123456789", NULL), ERR_LOCKED); /* a word that is made up is none */
}

/* A browser that is known may guess no more than anybody, and its guesses are its own. */
static void a_known_browser_waits_too(void **state)
{
    (void)state;
    for (int i = 1; i < TRIES_FREE; i++)
        assert_int_equal(try("zhang", WRONG, "10.0.0.9", browser, NULL), ERR_UNAUTHENTICATED);
    assert_int_equal(try("zhang", WRONG, "10.0.0.9", browser, NULL), ERR_LOCKED);
    assert_int_equal(try("zhang", PASSWORD, "10.0.0.9", browser, NULL), ERR_LOCKED);
    w.now_ms += TRIES_WAIT_MS;
    assert_int_equal(try("zhang", PASSWORD, "10.0.0.9", browser, NULL), 0);
}

/* Who keeps no cookies leaves a browser behind with each sign-in: the newest fifty are remembered. */
static void browsers_are_remembered_within_bounds(void **state)
{
    char given[64], last[64] = "";
    struct tx *tx;
    (void)state;
    for (int i = 0; i < 53; i++, w.now_ms += 1000) {
        assert_int_equal(try("wu", PASSWORD, "10.0.5.1", NULL, given), 0);
        strcpy(last, given);
    }
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    assert_int_equal(tx_int(tx, -1, "SELECT COUNT(*) FROM sign_in_try WHERE who=$1 AND known=1", "i", (int64_t)who("wu")->id), 50);
    tx_rollback(tx);
    assert_int_equal(try("wu", PASSWORD, "10.0.5.1", last, given), 0);
    assert_string_equal(given, "");
}

/* Who is not there is told of like who is. */
static void a_name_nobody_has_is_counted_alike(void **state)
{
    (void)state;
    for (int i = 1; i < TRIES_FREE; i++)
        assert_int_equal(try("nobody", WRONG, "10.0.3.1", NULL, NULL), ERR_UNAUTHENTICATED);
    assert_int_equal(try("nobody", WRONG, "10.0.3.1", NULL, NULL), ERR_LOCKED);
}

/* Where a session was left open, signing is no way to guess at its owner's password either. */
static void signing_counts_too(void **state)
{
    struct door_session he;
    struct reply reply;
    struct tx *tx;
    (void)state;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, "INSERT INTO policy (id, value, changed_ms, changed_by) VALUES ('access.totp_for_signing','0',1,1)", "");
    assert_int_equal(tx_commit(tx), 0);
    door_sign_in(&w, who("he"), 0, &he);
    for (int i = 0; i < TRIES_FREE + 1; i++) {
        json_t *args = json_pack("{s:s,s:i,s:s}", "case_id", "00000000000000ff", "version", 1, "password", WRONG);
        struct call call = {.op = "case.sign_opinion", .credential = he.token, .args = args, .client_address = "10.0.4.1"};
        records_call(w.r, &call, &reply);
        assert_int_equal(reply.error, i < TRIES_FREE - 1 ? ERR_DENIED : ERR_LOCKED);
        reply_clear(&reply);
        json_decref(args);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_browser_is_known_by_signing_in), cmocka_unit_test(a_place_waits_longer_and_longer), cmocka_unit_test(many_places_guess_little),
                                       cmocka_unit_test(a_known_browser_waits_too), cmocka_unit_test(browsers_are_remembered_within_bounds), cmocka_unit_test(a_name_nobody_has_is_counted_alike), cmocka_unit_test(signing_counts_too)};
    return cmocka_run_group_tests(tests, open_world, close_world);
}
