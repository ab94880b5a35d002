/* Notices' texts, when a delivery may go, and the webhook gateway against a real HTTP server on the loopback. */
#include "records/notify/delivery.h"
#include "records/notify/notify.h"
#include "server/base/crypto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

/* 2026-11-24 18:30 in China */
#define EVENING 1795516200000ll

static const char *text(const char *id, struct notify_about about, const char *language)
{
    static char out[NOTIFY_TEXT_BYTES];
    const struct notify_template *t = notify_template_find(id);
    assert_non_null(t);
    notify_text(t, &about, language, 480, out);
    return out;
}

static void texts_are_filled_in(void **state)
{
    struct notify_about about = {{7}, "HZ20261124-0001", "accept", EVENING, true};
    assert_string_equal(text("case.assigned", about, "zh"), "会诊 HZ20261124-0001 已指派给您，请确认，请于 11月24日 18:30 前处理");
    assert_string_equal(text("case.assigned", about, "en"),
                        "Consultation HZ20261124-0001 is assigned to you; please accept, due 24 Nov 18:30");
    about.due_ms = 0;
    assert_string_equal(text("case.assigned", about, "zh"), "会诊 HZ20261124-0001 已指派给您，请确认");
    assert_string_equal(text("case.overdue", about, "zh"), "会诊 HZ20261124-0001 已超时：确认接受，请立即处理");
    about.act = NULL;
    assert_string_equal(text("case.overdue", about, "en"), "Consultation HZ20261124-0001 is overdue; please act now");
}

static const struct notify_figure too_late = {.zh = "答复时间（中位数）", .en = "Time to answer (median)", .org = "云岭县人民医院", .period = "7d", .unit = "minutes", .above = true,
                                          .milli = 1800000, .limit_milli = 1440000, .since_ms = EVENING};

static void a_figure_says_what_where_how_much_and_since_when(void **state)
{
    struct notify_figure f = too_late;
    struct notify_about about = {.case_number = "BJ20261124-001", .figure = &f};
    assert_string_equal(text("alarm.opened", about, "zh"), "指标报警 BJ20261124-001 待处理：云岭县人民医院 近7天答复时间（中位数） 30 小时，高于界限 24 小时，11月24日 18:30 起");
    assert_string_equal(text("alarm.opened", about, "en"),
                        "Alarm BJ20261124-001 needs attention: 云岭县人民医院, Time to answer (median), last 7 days 30 h, above the limit of 24 h, since 24 Nov 18:30");
    f = (struct notify_figure){.zh = "按时答复率", .en = "Answered on time", .org = "青石镇卫生院", .period = "month", .unit = "percent", .milli = 33333, .limit_milli = 90000};
    assert_string_equal(text("alarm.opened", about, "zh"), "指标报警 BJ20261124-001 待处理：青石镇卫生院 本月按时答复率 33.3%，低于界限 90%");
    char *packed = notify_figure_pack(&f);
    struct notify_figure back;
    json_t *borrowed = notify_figure_open(packed, &back);
    about.figure = &back;
    assert_string_equal(text("alarm.closed", about, "zh"), "指标报警 BJ20261124-001 已恢复正常，自动关闭：青石镇卫生院 本月按时答复率 33.3%，界限 90%");
    json_decref(borrowed);
    free(packed);
    about.figure = NULL; /* one of an older version */
    assert_string_equal(text("alarm.opened", about, "en"), "Alarm BJ20261124-001 needs attention");
    assert_null(notify_figure_pack(NULL));
    assert_null(notify_figure_open(NULL, &back));
    assert_null(notify_figure_open("{\"zh\":1}", &back));
}

static void a_call_into_a_room_leads_into_it(void **state)
{
    struct case_id id = {0xabc}, none = {0};
    char out[NOTIFY_PAGE_BYTES];
    for (size_t i = 0; i < 3; i++) {
        static const char *const calls[] = {"case.room_open", "case.reminder", "case.late"};
        assert_string_equal(notify_page(notify_template_find(calls[i]), id, out), "/cases/0000000000000abc/room");
        assert_null(notify_page(notify_template_find(calls[i]), none, out));
    }
    assert_null(notify_page(notify_template_find("case.assigned"), id, out)); /* its case's own page */
    assert_string_equal(notify_page(notify_template_find("month.made"), none, out), "/reports");
}

static void tables_are_whole(void **state)
{
    for (const struct notify_template *t = notify_templates; t->id; t++) {
        struct notify_about longest = {{1}, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCD", "approve_home", EVENING, true, &too_late};
        assert_ptr_equal(notify_template_find(t->id), t); /* no id twice */
        assert_true(strlen(text(t->id, longest, "zh")) < 255 && strlen(text(t->id, longest, "en")) < 255);
        for (const char *p = text(t->id, longest, "en"); *p; p++)
            assert_null(strchr("{}[]", *p));
        for (const char *p = text(t->id, longest, "zh"); *p; p++)
            assert_null(strchr("{}[]", *p));
    }
    for (const struct notify_act *a = notify_acts; a->word; a++)
        assert_true(notify_act_known(a->word) && a->zh[0] && a->en[0]);
    assert_null(notify_template_find("case.nonsense"));
    assert_false(notify_act_known("cure"));
    assert_false(notify_act_known(NULL));
}

static void waits_grow(void **state)
{
    for (int n = 1; n < 8; n++)
        assert_true(delivery_backoff_ms(n + 1) >= delivery_backoff_ms(n));
    assert_int_equal(delivery_backoff_ms(1), 10000);
    assert_int_equal(delivery_backoff_ms(100), 3600000);
}

static void quiet_hours(void **state)
{
    const int64_t hour = 3600000;
    int from = 22 * 60, to = 7 * 60;
    assert_int_equal(delivery_earliest_ms(EVENING, false, from, to), EVENING);
    int64_t late = EVENING + 5 * hour; /* 23:30 */
    assert_int_equal(delivery_earliest_ms(late, false, from, to), late + 7 * hour + hour / 2);
    int64_t night = EVENING + 9 * hour; /* 03:30 */
    assert_int_equal(delivery_earliest_ms(night, false, from, to), night + 3 * hour + hour / 2);
    assert_int_equal(delivery_earliest_ms(night, true, from, to), night); /* urgent is not held back */
    assert_int_equal(delivery_earliest_ms(night, false, 0, 0), night);    /* no quiet hours */
    int64_t noon = EVENING - 6 * hour; /* 12:30; a rest from 12 to 14 */
    assert_int_equal(delivery_earliest_ms(noon, false, 12 * 60, 14 * 60), noon + hour + hour / 2);
}

/* ---- a real HTTP server of one answer a connection ---- */

struct server {
    int fd, port;
    pthread_t thread;
    const char *answer;   /* whole HTTP answer; NULL = close at once */
    char request[16384];
};

static void *serve(void *ctx)
{
    struct server *s = ctx;
    int c = accept(s->fd, NULL, NULL);
    size_t n = 0;
    while (c >= 0 && s->answer && n < sizeof s->request - 1) {
        ssize_t got = read(c, s->request + n, sizeof s->request - 1 - n);
        if (got <= 0)
            break;
        n += (size_t)got;
        s->request[n] = 0;
        const char *body = strstr(s->request, "\r\n\r\n"), *length = strcasestr(s->request, "content-length:");
        if (body && length && n >= (size_t)(body + 4 - s->request) + strtoul(length + 15, NULL, 10))
            break;
    }
    if (c >= 0 && s->answer)
        (void)!write(c, s->answer, strlen(s->answer));
    if (c >= 0)
        close(c);
    return NULL;
}

static void start(struct server *s, const char *answer)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    memset(s, 0, sizeof *s);
    s->answer = answer;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 4), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static struct gateway_result sent_to(struct server *s, const char *answer)
{
    struct gateway_message m = {.delivery = 0xabc, .secret = "0123456789abcdef", .now_ms = EVENING};
    struct gateway_result r;
    start(s, answer);
    snprintf(m.url, sizeof m.url, "http://127.0.0.1:%d/hook?x=1", s->port);
    snprintf(m.body, sizeof m.body, "{\"text\":{\"zh\":\"会诊\"}}");
    gateway_webhook.send(&m, &r);
    pthread_join(s->thread, NULL);
    close(s->fd);
    return r;
}

#define ANSWER(status, body) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body

static void the_webhook_is_signed(void **state)
{
    struct server s;
    struct gateway_result r = sent_to(&s, ANSWER("200 OK", "{\"state\":\"accepted\"}"));
    uint8_t mac[SHA256_BYTES];
    char hex[65], line[120];
    const char *signed_text = "1795516200000.{\"text\":{\"zh\":\"会诊\"}}";
    assert_int_equal(r.outcome, GATEWAY_ACCEPTED);
    assert_string_equal(r.error, "");
    assert_memory_equal(s.request, "POST /hook?x=1 HTTP/1.1\r\n", 25);
    assert_non_null(strstr(s.request, "\r\nX-Yilian-Delivery: 0000000000000abc\r\n"));
    assert_non_null(strstr(s.request, "\r\nX-Yilian-Timestamp: 1795516200000\r\n"));
    crypto_hmac_sha256("0123456789abcdef", 16, signed_text, strlen(signed_text), mac);
    assert_int_equal(hex_encode(mac, 32, hex, sizeof hex), 64);
    snprintf(line, sizeof line, "\r\nX-Yilian-Signature: sha256=%s\r\n", hex);
    assert_non_null(strstr(s.request, line));
    assert_non_null(strstr(s.request, "\r\n\r\n{\"text\":{\"zh\":\"会诊\"}}"));
    assert_null(strstr(s.request, "0123456789abcdef")); /* the secret itself never travels */
}

static void answers_are_judged(void **state)
{
    struct server s;
    assert_int_equal(sent_to(&s, ANSWER("200 OK", "{\"state\":\"delivered\"}")).outcome, GATEWAY_DELIVERED);
    assert_int_equal(sent_to(&s, ANSWER("204 No Content", "")).outcome, GATEWAY_ACCEPTED);
    assert_int_equal(sent_to(&s, ANSWER("200 OK", "<html>not json")).outcome, GATEWAY_ACCEPTED);
    assert_int_equal(sent_to(&s, ANSWER("404 Not Found", "")).outcome, GATEWAY_REFUSED);
    assert_int_equal(sent_to(&s, ANSWER("401 Unauthorized", "")).outcome, GATEWAY_REFUSED);
    assert_int_equal(sent_to(&s, ANSWER("429 Too Many", "")).outcome, GATEWAY_RETRY);
    struct gateway_result r = sent_to(&s, ANSWER("503 Later", "{\"secret\":\"body\"}"));
    assert_int_equal(r.outcome, GATEWAY_RETRY);
    assert_string_equal(r.error, "HTTP 503");
    /* a redirect is not followed: it would carry the message to a stranger */
    r = sent_to(&s, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n");
    assert_int_equal(r.outcome, GATEWAY_REFUSED);
    assert_int_equal(sent_to(&s, NULL).outcome, GATEWAY_RETRY);          /* hangs up */
    assert_int_equal(sent_to(&s, "garbage\r\n\r\n").outcome, GATEWAY_RETRY);
    struct gateway_message nobody = {.url = "http://127.0.0.1:1/", .secret = "x", .body = "{}"};
    gateway_webhook.send(&nobody, &r);
    assert_int_equal(r.outcome, GATEWAY_RETRY);
    assert_true(strlen(r.error) > 0);
}

static void addresses(void **state)
{
    assert_true(gateway_webhook.url_ok("https://sms.example.cn/send?a=b"));
    assert_true(gateway_webhook.url_ok("http://10.0.0.5:8080/"));
    assert_false(gateway_webhook.url_ok("ftp://example.cn/"));
    assert_false(gateway_webhook.url_ok("file:///etc/passwd"));
    assert_false(gateway_webhook.url_ok("https://"));
    assert_false(gateway_webhook.url_ok("https://a b/"));
    assert_false(gateway_webhook.url_ok("http://x/\r\nHost: y"));
    assert_false(gateway_webhook.url_ok(""));
    assert_ptr_equal(gateway_driver_find("webhook"), &gateway_webhook);
    assert_null(gateway_driver_find("pigeon"));
    assert_null(gateway_driver_find(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_filled_in),   cmocka_unit_test(a_figure_says_what_where_how_much_and_since_when), cmocka_unit_test(tables_are_whole), cmocka_unit_test(waits_grow),
        cmocka_unit_test(a_call_into_a_room_leads_into_it),
        cmocka_unit_test(quiet_hours),           cmocka_unit_test(the_webhook_is_signed),
        cmocka_unit_test(answers_are_judged),    cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
