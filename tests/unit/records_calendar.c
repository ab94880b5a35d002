/* Working time: hours, holidays, make-up days, durations. */
#include "records/flow/calendar.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define HOUR INT64_C(3600000)
#define MONDAY_9 INT64_C(1795395600000) /* 2026-11-23 09:00 in China */
#define DAY(n) (MONDAY_9 + (n)*24 * HOUR)

static int64_t add(const struct calendar *c, int64_t from, const char *text)
{
    struct duration d;
    assert_int_equal(duration_parse(text, &d), 0);
    return calendar_add(c, from, d);
}

static void durations_are_read_and_written(void **state)
{
    static const char *const good[] = {"10min", "4wh", "24h", "1wd", "30d", "0min", "-15min", "-24h"};
    static const char *const bad[] = {"", "h", "10", "10 min", "1x", "-1wd", "-4wh", "99999h", "1hh", NULL};
    struct duration d;
    char text[16];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(duration_parse(good[i], &d), 0);
        duration_format(d, text);
        assert_string_equal(text, good[i]);
    }
    for (size_t i = 0; bad[i]; i++)
        assert_int_equal(duration_parse(bad[i], &d), ERR_INVALID);
    assert_int_equal(duration_parse(NULL, &d), ERR_INVALID);
}

static void working_hours_skip_noon_and_night(void **state)
{
    struct calendar c;
    calendar_default(&c);
    assert_int_equal(add(&c, MONDAY_9, "3wh"), MONDAY_9 + 3 * HOUR); /* 12:00 */
    assert_int_equal(add(&c, MONDAY_9, "4wh"), MONDAY_9 + 6 * HOUR); /* 15:00 */
    assert_int_equal(add(&c, MONDAY_9 + 8 * HOUR, "1wh"),
                     DAY(1) - HOUR / 2); /* 17:00 -> half an hour, then 08:00-08:30 */
    assert_int_equal(add(&c, DAY(4) + 8 * HOUR, "1wh"), DAY(7) - HOUR / 2); /* Friday evening -> Monday */
    assert_int_equal(add(&c, DAY(5), "1wh"), DAY(7)); /* Saturday: begins Monday 08:00 */
}

static void working_days_keep_the_time_of_day(void **state)
{
    struct calendar c;
    calendar_default(&c);
    assert_int_equal(add(&c, MONDAY_9, "1wd"), DAY(1));
    assert_int_equal(add(&c, DAY(4), "1wd"), DAY(7));
    assert_int_equal(add(&c, MONDAY_9 + 13 * HOUR, "1wd"),
                     DAY(1) + HOUR * 17 / 2); /* 22:00 -> end of the next day, 17:30 */
    assert_int_equal(add(&c, MONDAY_9 + 4 * HOUR, "1wd"), DAY(1) + 5 * HOUR); /* noon -> 14:00 */
    assert_int_equal(add(&c, DAY(5), "1wd"), DAY(7));
}

static void holidays_close_and_makeups_open(void **state)
{
    struct calendar c;
    calendar_default(&c);
    int32_t monday = (int32_t)((MONDAY_9 + 8 * HOUR) / (24 * HOUR));
    c.holidays[c.n_holidays++] = monday + 1;
    c.makeups[c.n_makeups++] = monday + 5; /* a working Saturday */
    assert_int_equal(add(&c, MONDAY_9, "1wd"), DAY(2));
    assert_int_equal(add(&c, DAY(4), "1wd"), DAY(5));
    assert_true(calendar_is_working(&c, DAY(5)));
    assert_false(calendar_is_working(&c, DAY(1)));
}

static void a_closed_house_counts_as_open(void **state)
{
    struct calendar c = {.zone_min = 480};
    assert_int_equal(add(&c, MONDAY_9, "4wh"), MONDAY_9 + 4 * HOUR);
    assert_int_equal(add(&c, MONDAY_9, "2wd"), DAY(2));
}

static void what_was_added_is_between(void **state)
{
    struct calendar c;
    calendar_default(&c);
    srand(7);
    for (int i = 0; i < 5000; i++) {
        int64_t from = MONDAY_9 + (int64_t)(rand() % 2000000) * 60000,
                work = (int64_t)(rand() % 6000) * 60000;
        int64_t to = calendar_add_work_ms(&c, from, work);
        assert_true(to >= from);
        assert_int_equal(calendar_work_between(&c, from, to), work);
    }
    assert_int_equal(calendar_work_between(&c, DAY(1), MONDAY_9), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(durations_are_read_and_written),
                                       cmocka_unit_test(working_hours_skip_noon_and_night),
                                       cmocka_unit_test(working_days_keep_the_time_of_day),
                                       cmocka_unit_test(holidays_close_and_makeups_open),
                                       cmocka_unit_test(a_closed_house_counts_as_open),
                                       cmocka_unit_test(what_was_added_is_between)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
