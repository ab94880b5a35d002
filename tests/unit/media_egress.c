/* Runs of datagrams through one send, one by one where that is refused, and rows of them received in one call. */
#include "media/worker/egress.h"
#include "media/worker/ingress.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>

static int bound(struct address *out)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_storage got;
    socklen_t len = sizeof got;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&got, &len) == 0);
    address_from_sockaddr(out, &got);
    return fd;
}

static size_t seen, seen_bytes;
static uint8_t next_byte;
static void take(void *ctx, uint8_t *data, size_t len, const struct address *from)
{
    const struct address *want = ctx;
    assert_true(address_equal(from, want));
    assert_int_equal(len, seen % 5 == 4 ? 700 : 1100);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(data[i], next_byte);
    next_byte++;
    seen++;
    seen_bytes += len;
}

static void runs(bool segments)
{
    struct address from, to;
    int sender = bound(&from), receiver = bound(&to), size = 8 << 20;
    struct egress e;
    struct ingress in;
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    assert_int_equal(egress_open(&e, sender, AF_INET, segments), 0);
    assert_int_equal(ingress_open(&in, receiver), 0);
    assert_int_equal(e.segments, segments); /* every kernel that we run on knows it */
    seen = seen_bytes = 0;
    next_byte = 0;
    uint8_t byte = 0;
    for (int run = 0; run < 20; run++) { /* five datagrams each, the last shorter */
        uint8_t *room = egress_room(&e, 5 * 1100);
        for (int k = 0; k < 5; k++, byte++)
            memset(room + k * 1100, byte, k == 4 ? 700 : 1100);
        egress_put(&e, 4 * 1100 + 700, 1100, &to);
    }
    egress_flush(&e);
    assert_int_equal(e.sends, segments ? 20 : 100);
    assert_int_equal(e.drops, 0);
    for (size_t n; (n = ingress_read(&in)) > 0;)
        ingress_each(&in, n, take, &from);
    assert_int_equal(seen, 100);
    assert_int_equal(seen_bytes, 20 * (4 * 1100 + 700));
    egress_close(&e);
    ingress_close(&in);
    close(sender);
    close(receiver);
}

static void segmented(void **state)
{
    runs(true);
}

static void one_by_one(void **state)
{
    runs(false);
}

/* More than the arena holds goes out in between, nothing is lost or overwritten. */
static void larger_than_the_arena(void **state)
{
    struct address from, to;
    int sender = bound(&from), receiver = bound(&to), size = 8 << 20;
    struct egress e;
    setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    assert_int_equal(egress_open(&e, sender, AF_INET, true), 0);
    uint8_t b[2000];
    int got = 0;
    for (int i = 0; i < 600; i++) {
        memset(egress_room(&e, 1000), i, 1000);
        egress_put(&e, 1000, 1000, &to);
        for (ssize_t n; i % 50 == 49 && (n = recv(receiver, b, sizeof b, MSG_DONTWAIT)) > 0; got++)
            assert_true(n == 1000 && b[0] == (uint8_t)got && b[999] == (uint8_t)got);
    }
    egress_flush(&e);
    while (recv(receiver, b, sizeof b, MSG_DONTWAIT) == 1000)
        assert_int_equal(b[500], (uint8_t)got++);
    assert_int_equal(got, 600);
    egress_close(&e);
    close(sender);
    close(receiver);
}

/* A worker that reads late knows when each datagram came. */
static int64_t waited[4];
static size_t n_waited;
static struct ingress late;
static void take_late(void *ctx, uint8_t *data, size_t len, const struct address *from)
{
    (void)ctx, (void)data, (void)len, (void)from;
    assert_true(n_waited < 4);
    waited[n_waited++] = late.waited_us;
}

static void what_waited_in_the_kernel(void **state)
{
    struct address from, to;
    struct sockaddr_storage at;
    int sender = bound(&from), receiver = bound(&to);
    (void)state;
    assert_int_equal(ingress_open(&late, receiver), 0);
    socklen_t len = address_to_sockaddr(&to, AF_INET, &at);
    usleep(200000); /* the kernel begins to look at the clock a little later, when nobody else had it do so */
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sendto(sender, "0123", 4, 0, (struct sockaddr *)&at, len), 4);
        usleep(30000);
    }
    for (size_t n; (n = ingress_read(&late)) > 0;)
        ingress_each(&late, n, take_late, NULL);
    assert_int_equal(n_waited, 4);
    for (size_t i = 0; i < 3; i++)
        assert_in_range(waited[i] - waited[i + 1], 29000, 400000);
    assert_in_range(waited[3], 29000, 600000);
    ingress_close(&late);
    close(sender);
    close(receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(segmented), cmocka_unit_test(one_by_one), cmocka_unit_test(larger_than_the_arena), cmocka_unit_test(what_waited_in_the_kernel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
