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

/* Who asked one of several addresses of ours is answered from that one: he takes nothing from another (his socket is connected). */
static struct egress home;
static void send_back(void *ctx, uint8_t *data, size_t len, const struct address *from)
{
    (void)ctx;
    memcpy(egress_room(&home, len * 3), data, len); /* a run of two and a shorter one */
    memcpy(egress_room(&home, len * 3) + len, data, len);
    memset(egress_room(&home, len * 3) + 2 * len, 1, 1);
    egress_put(&home, 2 * len + 1, len, from);
    memcpy(egress_room(&home, len), data, len);
    egress_put(&home, len, len, from);
}

static void answers_come_from(const char *address, int family, bool segments)
{
    struct sockaddr_in6 all6 = {.sin6_family = AF_INET6};
    struct sockaddr_in all4 = {.sin_family = AF_INET}, asked = {.sin_family = AF_INET};
    struct sockaddr_storage own;
    socklen_t len = sizeof own;
    int zero = 0, fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
    struct timeval patience = {.tv_sec = 2};
    static struct ingress in;
    char got[300];
    if (family == AF_INET6) assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero), 0);
    assert_int_equal(bind(fd, family == AF_INET6 ? (void *)&all6 : (void *)&all4, family == AF_INET6 ? sizeof all6 : sizeof all4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&own, &len), 0);
    asked.sin_port = ((struct sockaddr_in *)&own)->sin_port; /* at the same place in both */
    assert_int_equal(inet_pton(AF_INET, address, &asked.sin_addr), 1);
    assert_int_equal(connect(client, (struct sockaddr *)&asked, sizeof asked), 0);
    assert_int_equal(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(ingress_open(&in, fd), 0);
    assert_int_equal(egress_open(&home, fd, family, segments), 0);
    assert_int_equal(send(client, "here", 4, 0), 4);
    for (int i = 0; i < 200 && !home.n; i++, usleep(5000))
        ingress_each(&in, ingress_read(&in), send_back, NULL);
    egress_flush(&home);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(recv(client, got, sizeof got, 0), i == 2 ? 1 : 4);
    assert_int_equal(home.drops, 0);
    assert_int_equal(home.segments, segments);
    ingress_close(&in);
    egress_close(&home);
    close(fd);
    close(client);
}

static void from_the_address_that_was_asked(void **state)
{
    (void)state;
    for (int segments = 0; segments < 2; segments++) {
        answers_come_from("127.0.0.1", AF_INET, segments);
        answers_come_from("127.0.0.2", AF_INET, segments);
        answers_come_from("127.0.0.3", AF_INET6, segments);
    }
}

/* An address of ours that is gone costs what should leave from it, and nobody else his runs. */
static void an_address_that_is_gone(void **state)
{
    struct address to;
    int receiver = bound(&to), zero = 0, sender = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in6 all = {.sin6_family = AF_INET6};
    struct in6_pktinfo gone = {0};
    union {
        char room[HOMES_CONTROL];
        struct cmsghdr first;
    } said = {.first = {.cmsg_len = CMSG_LEN(sizeof gone), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO}};
    struct egress e;
    char got[300];
    (void)state;
    assert_int_equal(setsockopt(sender, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero), 0);
    assert_int_equal(bind(sender, (void *)&all, sizeof all), 0);
    inet_pton(AF_INET6, "::ffff:203.0.113.9", &gone.ipi6_addr);
    memcpy(CMSG_DATA(&said.first), &gone, sizeof gone);
    struct address lost = to;
    lost.home = homes_read(&said.first);
    assert_true(lost.home);
    assert_int_equal(egress_open(&e, sender, AF_INET6, true), 0);
    for (int i = 0; i < 2; i++) {
        memset(egress_room(&e, 200), i, 200);
        egress_put(&e, 200, 100, i ? &to : &lost);
    }
    egress_flush(&e);
    assert_true(e.segments);
    assert_int_equal(e.drops, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recv(receiver, got, sizeof got, 0), 100);
        assert_int_equal(got[0], 1);
    }
    egress_close(&e);
    close(sender);
    close(receiver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(segmented), cmocka_unit_test(one_by_one), cmocka_unit_test(larger_than_the_arena), cmocka_unit_test(what_waited_in_the_kernel),
                                       cmocka_unit_test(from_the_address_that_was_asked), cmocka_unit_test(an_address_that_is_gone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
