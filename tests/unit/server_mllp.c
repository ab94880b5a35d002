/* The framing of MLLP: split reads, noise, limits. */
#include "server/net/mllp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static char heard[400]; /* "<message>" for each, "!" for one too large */

static void feed(size_t limit, const char *bytes, size_t len, size_t step)
{
    struct mllp m;
    mllp_init(&m, limit);
    heard[0] = 0;
    for (size_t at = 0; at < len; at += step) {
        const char *p = bytes + at;
        size_t left = len - at < step ? len - at : step;
        enum mllp_event e;
        while ((e = mllp_take(&m, &p, &left)) != MLLP_MORE) {
            assert_true(e == MLLP_MESSAGE || e == MLLP_TOO_LARGE);
            if (e == MLLP_MESSAGE) {
                strcat(heard, "<");
                strncat(heard, m.bytes, m.len);
            }
            strcat(heard, e == MLLP_MESSAGE ? ">" : "!");
        }
    }
    mllp_fini(&m);
}

static void however_it_is_cut(void **state)
{
    static const char in[] = "noise\013one\034\r\034\r\013two\034three\r\034\r\013gone\013kept\034\r\013\034\r\013open";
    (void)state;
    for (size_t step = 1; step < sizeof in; step++) {
        feed(100, in, sizeof in - 1, step);
        assert_string_equal(heard, "<one><two\034three\r><kept><>");
    }
}

static void too_large(void **state)
{
    static const char in[] = "\013twelve bytes\034\r\013thirteen byte\034\r\013x\034\r";
    (void)state;
    for (size_t step = 1; step < sizeof in; step++) {
        feed(12, in, sizeof in - 1, step);
        assert_string_equal(heard, "<twelve bytes>!<x>");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(however_it_is_cut), cmocka_unit_test(too_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
