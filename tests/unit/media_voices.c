/* Which voices of a room are forwarded. */
#include "media/router/voices.h"
#include "tests/support/dice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define MOST 3
#define SPEECH 25
#define SILENCE 90

struct meeting {
    struct voices voices;
    struct voice people[10];
    int64_t now_us;
};

static bool says(struct meeting *m, int who, uint8_t level)
{
    struct voice *out;
    return voices_take(&m->voices, MOST, &m->people[who], level, m->now_us, &out);
}

/* `levels` of all, for so long; everybody sends a packet each 20 ms. */
static void goes_on(struct meeting *m, const uint8_t *levels, int n, int ms)
{
    for (; ms > 0; ms -= 20, m->now_us += 20000)
        for (int i = 0; i < n; i++)
            (void)says(m, i, levels[i]);
}

static void few_are_all_heard(void **state)
{
    struct meeting m = {.now_us = 1000000};
    for (int k = 0; k < 500; k++, m.now_us += 20000)
        for (int i = 0; i < MOST; i++)
            assert_true(says(&m, i, i == 1 ? SPEECH : SILENCE));
}

static void who_begins_is_heard_at_once(void **state)
{
    struct meeting m = {.now_us = 1000000};
    uint8_t quiet[10];
    memset(quiet, SILENCE, sizeof quiet);
    goes_on(&m, quiet, 10, 2000);
    assert_int_equal(m.voices.n, MOST);
    assert_true(says(&m, 7, SPEECH)); /* his first packet */
    quiet[7] = SPEECH;
    goes_on(&m, quiet, 10, 5000);
    assert_true(m.people[7].heard);
    quiet[7] = SILENCE;
    goes_on(&m, quiet, 10, 60000);
    assert_true(m.people[7].heard); /* nobody needs the place */
}

static void noise_takes_no_place(void **state)
{
    struct meeting m = {.now_us = 1000000};
    uint8_t levels[5] = {SPEECH, SPEECH, SPEECH, 70, 60};
    for (int k = 0; k < 3000; k++, m.now_us += 20000)
        for (int i = 0; i < 5; i++)
            assert_int_equal(says(&m, i, levels[i]), i < 3);
}

static void speakers_do_not_push_each_other_about(void **state)
{
    struct meeting m = {.now_us = 1000000};
    uint8_t levels[5] = {0};
    unsigned changes = 0;
    bool before[5] = {false};
    for (int k = 0; k < 1500; k++) { /* half a minute: five as loud as each other */
        for (int i = 0; i < 5; i++)
            levels[i] = (uint8_t)(SPEECH - 5 + roll(10));
        goes_on(&m, levels, 5, 20);
        for (int i = 0; i < 5; i++) {
            changes += m.people[i].heard != before[i];
            before[i] = m.people[i].heard;
        }
    }
    assert_int_equal(changes, MOST); /* the first ones stay */
    levels[4] = 8; /* somebody raises his voice */
    for (int i = 0; i < 4; i++)
        levels[i] = 32;
    goes_on(&m, levels, 5, 400);
    assert_true(m.people[4].heard);
}

static void a_pause_is_no_end(void **state)
{
    struct meeting m = {.now_us = 1000000};
    uint8_t levels[5] = {SPEECH, SPEECH, SPEECH, 30, SILENCE};
    goes_on(&m, levels, 5, 3000);
    levels[0] = SILENCE;
    goes_on(&m, levels, 5, 400);
    assert_true(m.people[0].heard);
    goes_on(&m, levels, 5, 400);
    assert_true(!m.people[0].heard && m.people[3].heard);
}

/* A packet that was restored tells no level; an encoder may never tell one. */
static void what_is_not_said_is_as_before(void **state)
{
    struct meeting m = {.now_us = 1000000};
    uint8_t levels[4] = {SPEECH, SPEECH, SPEECH, SILENCE};
    goes_on(&m, levels, 4, 1000);
    assert_false(says(&m, 3, VOICE_UNSAID));
    levels[0] = SILENCE;
    goes_on(&m, levels, 4, 400);
    for (int k = 0; k < 20; k++, m.now_us += 20000)
        (void)says(&m, 0, VOICE_UNSAID); /* still silent */
    assert_true(says(&m, 4, VOICE_UNSAID)); /* never told: a low voice */
    assert_false(m.people[0].heard);
}

static void whoever_goes_leaves_his_place(void **state)
{
    struct meeting m = {.now_us = 1000000};
    uint8_t levels[4] = {SPEECH, SPEECH, SPEECH, SPEECH};
    goes_on(&m, levels, 4, 100);
    assert_false(m.people[3].heard);
    voices_leave(&m.voices, &m.people[1]);
    voices_leave(&m.voices, &m.people[1]);
    assert_int_equal(m.voices.n, MOST - 1);
    assert_true(says(&m, 3, SILENCE)); /* a free one is anybody's */
}

static void never_more_and_never_twice(void **state)
{
    struct meeting m = {.now_us = 1000000};
    for (int k = 0; k < 200000; k++, m.now_us += 3000) {
        int who = (int)roll(10);
        if (roll(100) == 0) voices_leave(&m.voices, &m.people[who]);
        else (void)says(&m, who, (uint8_t)roll(128));
        unsigned heard = 0;
        for (int i = 0; i < 10; i++)
            heard += m.people[i].heard;
        assert_int_equal(heard, m.voices.n);
        assert_true(heard <= MOST);
    }
}

static void all_where_nothing_is_left_out(void **state)
{
    struct meeting m = {.now_us = 1000000};
    struct voice *out;
    for (int i = 0; i < 10; i++)
        assert_true(voices_take(&m.voices, 0, &m.people[i], SILENCE, m.now_us, &out) && !out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_are_all_heard),
        cmocka_unit_test(who_begins_is_heard_at_once),
        cmocka_unit_test(noise_takes_no_place),
        cmocka_unit_test(speakers_do_not_push_each_other_about),
        cmocka_unit_test(a_pause_is_no_end),
        cmocka_unit_test(what_is_not_said_is_as_before),
        cmocka_unit_test(whoever_goes_leaves_his_place),
        cmocka_unit_test(never_more_and_never_twice),
        cmocka_unit_test(all_where_nothing_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
