/* A to D for a picture as it comes to a viewer: the worst of its figures decides. */
#include "server/room/grade.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static char with(enum media_reduced reduced, uint16_t loss_permille, uint32_t delay_ms, uint16_t frozen_ms)
{
    struct media_stream s = {.reduced = reduced, .loss_permille = loss_permille, .delay_ms = delay_ms, .frozen_ms = frozen_ms, .bps = 500000};
    return stream_grade(&s);
}

static void each_figure_has_its_bounds(void **state)
{
    assert_int_equal(with(MEDIA_WHOLE, 0, 0, 0), 'A');
    assert_int_equal(with(MEDIA_WHOLE, 19, 199, 0), 'A');
    assert_int_equal(with(MEDIA_WHOLE, 20, 0, 0), 'B');
    assert_int_equal(with(MEDIA_WHOLE, 50, 0, 0), 'C');
    assert_int_equal(with(MEDIA_WHOLE, 100, 0, 0), 'D');
    assert_int_equal(with(MEDIA_WHOLE, 0, 200, 0), 'B');
    assert_int_equal(with(MEDIA_WHOLE, 0, 400, 0), 'C');
    assert_int_equal(with(MEDIA_WHOLE, 0, 800, 0), 'D');
    assert_int_equal(with(MEDIA_WHOLE, 0, 0, 1), 'B');
    assert_int_equal(with(MEDIA_WHOLE, 0, 0, 500), 'C');
    assert_int_equal(with(MEDIA_WHOLE, 0, 0, 1000), 'D');
}

static void the_line_reduced_it(void **state)
{
    assert_int_equal(with(MEDIA_FEWER_FRAMES, 0, 0, 0), 'B');
    assert_int_equal(with(MEDIA_SMALLER, 0, 0, 0), 'C');
    assert_int_equal(with(MEDIA_HELD, 0, 0, 0), 'D');
    assert_int_equal(with(MEDIA_FEWER_FRAMES, 120, 0, 0), 'D'); /* the worst decides */
    assert_string_equal(stream_reduced_name(MEDIA_WHOLE), "none");
    assert_string_equal(stream_reduced_name(MEDIA_FEWER_FRAMES), "frames");
    assert_string_equal(stream_reduced_name(MEDIA_SMALLER), "size");
    assert_string_equal(stream_reduced_name(MEDIA_STILLS), "stills");
    assert_string_equal(stream_reduced_name(MEDIA_HELD), "held");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_figure_has_its_bounds), cmocka_unit_test(the_line_reduced_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
