/* Errors, faults and ids. */
#include "server/base/clock.h"
#include "server/base/fault.h"
#include "server/base/id.h"
#include "server/base/steady.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static void errors_have_words(void **state)
{
    assert_string_equal(err_wire(0), "ok");
    assert_int_equal(err_http(0), 200);
    assert_string_equal(err_wire(ERR_CONFLICT), "conflict");
    assert_int_equal(err_http(ERR_CONFLICT), 409);
    assert_string_equal(err_wire(-999), "internal");
    assert_int_equal(err_http(-999), 500);
}

static void faults_name_fields(void **state)
{
    struct fault f;
    fault_clear(&f);
    assert_int_equal(fault_field(&f, "form.questions[0].text", "too_long:%d", 200), ERR_INVALID);
    assert_int_equal(fault_set(&f, ERR_CONFLICT, "slot_taken", "Slot %d is taken.", 7), ERR_CONFLICT);
    assert_int_equal(fault_field(&f, "x", "y"), ERR_CONFLICT); /* a code that is set stays */
    assert_string_equal(f.reason, "slot_taken");
    assert_string_equal(f.text, "Slot 7 is taken.");
    assert_string_equal(f.fields[0].reason, "too_long:200");
    for (int i = 0; i < 100; i++)
        fault_field(&f, "many", "more");
    assert_int_equal(f.n_fields, FAULT_FIELDS_MAX);
    assert_int_equal(fault_set(NULL, ERR_GONE, "", "nobody listens"), ERR_GONE);
    assert_int_equal(fault_field(NULL, "a", "b"), ERR_INVALID);
}

static void texts_are_cut_at_a_character(void **state)
{
    struct fault f;
    char longer[400] = "";
    for (int i = 0; i < 100; i++)
        strcat(longer, "会");
    for (int lead = 0; lead < 3; lead++) {
        fault_clear(&f);
        fault_set(&f, ERR_INVALID, "", "%.*s%s", lead, "ab", longer);
        size_t n = strlen(f.text) - (size_t)lead % 3;
        assert_true(n > 240 && (strlen(f.text) - (size_t)lead) % 3 == 0);
    }
}

static void ids_parse_and_format(void **state)
{
    char text[ID_TEXT_BYTES];
    uint64_t v;
    id_format(0x0123456789abcdef, text);
    assert_string_equal(text, "0123456789abcdef");
    assert_int_equal(id_parse(text, &v), 0);
    assert_true(v == 0x0123456789abcdef);
    static const char *const wrong[] = {"", "0", "0000000000000000", "0123456789ABCDEF", "0123456789abcdeg", "0123456789abcdef0", "-123456789abcdef"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(id_parse(wrong[i], &v), ERR_INVALID);
    assert_int_equal(id_parse(NULL, &v), ERR_INVALID);
}

#define EACH 20000
static void *make(void *out)
{
    uint64_t *ids = out;
    for (int i = 0; i < EACH; i++) {
        ids[i] = id_new();
        if (i && ids[i] <= ids[i - 1])
            ids[0] = 0;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void ids_are_unique_across_threads(void **state)
{
    uint64_t *ids = calloc(4 * EACH, sizeof *ids);
    pthread_t t[4];
    id_set_node(5);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, make, ids + i * EACH), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    qsort(ids, 4 * EACH, sizeof *ids, by_value);
    assert_true(ids[0] != 0); /* each thread saw its own rise */
    for (int i = 1; i < 4 * EACH; i++)
        assert_true(ids[i] != ids[i - 1]);
    assert_int_equal(ids[0] >> 14 & 255, 5);
    free(ids);
}

/* Whatever the machine's clock does, it goes on with the monotonic one. */
static void steady_time_goes_on_evenly(void **state)
{
    (void)state;
    int64_t before = clock_monotonic_us(), began = steady_utc_us(), wall_ms = clock_now_ms(&clock_system);
    assert_true(llabs(began / 1000 - wall_ms) < 1000);
    usleep(20000);
    int64_t went = steady_utc_us() - began, took = clock_monotonic_us() - before;
    assert_true(went >= 20000 && went <= took);
    steady_follow();
    assert_true(llabs(steady_utc_us() / 1000 - clock_now_ms(&clock_system)) < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steady_time_goes_on_evenly), cmocka_unit_test(errors_have_words),    cmocka_unit_test(faults_name_fields), cmocka_unit_test(texts_are_cut_at_a_character),
        cmocka_unit_test(ids_parse_and_format), cmocka_unit_test(ids_are_unique_across_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
