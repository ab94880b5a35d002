/* Mailbox bounds and wake-ups; figures as Prometheus text. */
#include "server/base/mailbox.h"
#include "server/base/metrics.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void count(void *ctx)
{
    ++*(int *)ctx;
}

static int dropped;
static void drop(void *message)
{
    dropped++;
}

static void the_mailbox_is_bounded_and_in_order(void **state)
{
    struct mailbox *m;
    int woken = 0, a, b, c;
    assert_int_equal(mailbox_new(&m, 2, count, &woken), 0);
    assert_int_equal(mailbox_put(m, &a), 0);
    assert_int_equal(mailbox_put(m, &b), 0);
    assert_int_equal(mailbox_put(m, &c), ERR_UNAVAILABLE);
    assert_int_equal(woken, 1); /* who empties it is woken once */
    assert_ptr_equal(mailbox_take(m), &a);
    assert_ptr_equal(mailbox_wait(m, -1), &b);
    assert_null(mailbox_take(m));
    assert_null(mailbox_wait(m, 0));
    assert_int_equal(mailbox_put(m, &c), 0);
    assert_int_equal(woken, 2);
    mailbox_close(m);
    assert_int_equal(mailbox_put(m, &a), ERR_UNAVAILABLE);
    mailbox_free(m, drop);
    assert_int_equal(dropped, 1);
}

static void figures_are_prometheus_text(void **state)
{
    struct metric *a = metric_counter("t_total", "Things", "k=\"a\""), *other = metric_gauge("t_gauge", "Level", NULL);
    struct metric *b = metric_counter("t_total", "Things", "k=\"b\""), *h = metric_histogram("t_seconds", "Time", NULL);
    assert_ptr_equal(metric_counter("t_total", "Things", "k=\"a\""), a);
    metric_add(a, 2);
    metric_add(b, 3);
    metric_set(other, -4);
    metric_observe_us(h, 300);
    metric_observe_us(h, 99000000);
    char *text = metrics_print();
    assert_non_null(strstr(text, "# HELP t_total Things\n# TYPE t_total counter\nt_total{k=\"a\"} 2\nt_total{k=\"b\"} 3\n"));
    assert_non_null(strstr(text, "t_gauge -4\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"0.0005\"} 1\n"));
    assert_non_null(strstr(text, "t_seconds_bucket{le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(text, "t_seconds_count 2\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_mailbox_is_bounded_and_in_order), cmocka_unit_test(figures_are_prometheus_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
