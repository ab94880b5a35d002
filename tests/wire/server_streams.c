/* ICE over TCP on the port of HTTPS, from those who have no ticket: what they get, and that HTTPS does not suffer. The friendly side is
 * tests/browser/room_network.mjs (a firewall lets no UDP through). */
#include "media/worker/streams.h"
#include "tests/lib/site.h"
#include <errno.h>

static int start(void **state)
{
    (void)state;
    site_start("");
    return 0;
}

static int connection(void)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(site.port)};
    struct timeval limit = {.tv_sec = STREAMS_PROVE_MS / 1000 + 5};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* How long until the server ends it; it must not answer. */
static int64_t ends_after_ms(int fd)
{
    char byte;
    int64_t t0 = web_now_ms();
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n > 0 || (n < 0 && errno == EAGAIN)) fail_msg("answered or held open: %zd", n);
    close(fd);
    return web_now_ms() - t0;
}

/* A binding request for a user fragment that nobody has. */
static const uint8_t stranger[] = {0x00, 0x20, 0x00, 0x01, 0x00, 0x0c, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                   0x00, 0x06, 0x00, 0x07, 'n', 'o', 'n', 'e', ':', 'u', 's', 0};

static void what_is_not_stun_ends_at_once(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"\x00\x04ping", 6}, {"\x00\x02\x80\x00", 4}, {"\x00\x00\x7f\xff", 4}, {"\x00\x14\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22}};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int fd = connection();
        assert_int_equal(send(fd, bad[i].bytes, bad[i].len, 0), bad[i].len);
        assert_true(ends_after_ms(fd) < STREAMS_PROVE_MS / 2);
    }
}

static void a_stranger_is_not_answered_and_not_kept(void **state)
{
    int fd[50];
    (void)state;
    for (int i = 0; i < 50; i++) {
        fd[i] = connection();
        for (size_t at = 0; at < sizeof stranger; at += 7) /* in pieces, as TCP may bring it */
            assert_true(send(fd[i], stranger + at, sizeof stranger - at < 7 ? sizeof stranger - at : 7, 0) > 0);
    }
    struct person_at sun = person_sign_in("bh.sun"); /* HTTPS goes on beside them */
    assert_true(sun.id[0]);
    assert_true(ends_after_ms(fd[0]) > STREAMS_PROVE_MS / 4);
    for (int i = 1; i < 50; i++)
        assert_true(ends_after_ms(fd[i]) < STREAMS_PROVE_MS);
}

static void who_hangs_up_early_costs_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        int fd = connection();
        assert_int_equal(send(fd, stranger, (size_t)i % sizeof stranger + 1, 0), i % sizeof stranger + 1);
        close(fd);
    }
    struct web w;
    assert_int_equal(web_once(&w, site.port, "GET", "/healthz", "", NULL), 200);
    web_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_not_stun_ends_at_once), cmocka_unit_test(who_hangs_up_early_costs_nothing),
                                       cmocka_unit_test(a_stranger_is_not_answered_and_not_kept)};
    return cmocka_run_group_tests(tests, start, site_stop);
}
