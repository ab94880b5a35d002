/* The writer's moment of waiting for more: how long, and until how many. */
#include "records/call/gather.h"
#include "server/base/clock.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define FOREVER_US 60000000 /* the test would end by its own limit */

static struct gather g;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t waiting;

static void *queue_eight(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < 8; i++) {
        pthread_mutex_lock(&lock);
        gather_came(&g, ++waiting);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void wait_us(int us)
{
    pthread_mutex_lock(&lock);
    gather_wait(&g, &lock, &waiting, us);
    pthread_mutex_unlock(&lock);
}

static void small_groups_wait_for_nobody(void **state)
{
    (void)state;
    gather_open(&g);
    waiting = 1;
    wait_us(FOREVER_US);
    for (size_t n = 1; n <= 3; n++) {
        gather_took(&g, n);
        wait_us(FOREVER_US);
    }
    gather_close(&g);
}

static void as_many_as_of_late_are_enough(void **state)
{
    pthread_t one;
    (void)state;
    gather_open(&g);
    waiting = 0;
    gather_took(&g, 8);
    assert_int_equal(pthread_create(&one, NULL, queue_eight, NULL), 0);
    wait_us(FOREVER_US);
    assert_int_equal(waiting, 8);
    pthread_join(one, NULL);
    wait_us(FOREVER_US); /* they are there already */
    gather_close(&g);
}

static void who_does_not_come_is_not_waited_for(void **state)
{
    (void)state;
    gather_open(&g);
    waiting = 2;
    gather_took(&g, 8);
    int64_t before = clock_monotonic_us();
    wait_us(20000);
    assert_true(clock_monotonic_us() - before >= 20000);
    for (int i = 0; i < 8; i++) /* and is forgotten */
        gather_took(&g, 1);
    wait_us(FOREVER_US);
    gather_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_groups_wait_for_nobody),
        cmocka_unit_test(as_many_as_of_late_are_enough),
        cmocka_unit_test(who_does_not_come_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
