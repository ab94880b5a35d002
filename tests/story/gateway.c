/* A message that leaves the system: one real case is sent, the webhook gateway's HTTP server gets the notice. It has the way to
 * the case and not a word of what the doctor wrote. */
#include "records/background.h"
#include "tests/story/world.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <cmocka.h>

static struct {
    int fd, port;
    char request[8192];
    pthread_t thread;
} server;

static void *serve_one(void *arg)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    int c = accept(server.fd, NULL, NULL);
    size_t n = 0;
    (void)arg;
    for (;;) {
        ssize_t got = read(c, server.request + n, sizeof server.request - 1 - n);
        n += got > 0 ? (size_t)got : 0;
        server.request[n] = 0;
        const char *body = strstr(server.request, "\r\n\r\n"), *length = strcasestr(server.request, "content-length:");
        if (got <= 0 || (body && length && strlen(body + 4) >= strtoul(length + 15, NULL, 10)))
            break;
    }
    (void)!write(c, answer, sizeof answer - 1);
    close(c);
    return NULL;
}

static void listen_for_one(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server.fd, 4), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&a, &len), 0);
    server.port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve_one, NULL), 0);
}

static json_t *done(struct world *w, json_t *answer)
{
    if (!answer)
        fail_msg("%s %s", w->fault.reason, w->fault.text);
    return answer;
}

static void sent_case(struct world *w, char id[ID_TEXT_BYTES])
{
    char patient[ID_TEXT_BYTES], county[ID_TEXT_BYTES];
    id_format(world_patient(w, "zhang"), patient);
    id_format(20, county);
    json_t *c = done(w, world_call(w, "zhang", "case.create",
                                   json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "patient_id", patient, "kind", "offline", "scope", "clinical", "urgency",
                                             "urgent", "target_org_id", county, "form", full_form())));
    snprintf(id, ID_TEXT_BYTES, "%s", json_string_value(json_object_get(c, "id")));
    json_decref(done(w, world_call(w, "zhang", "case.submit", json_pack("{s:s,s:O}", "case_id", id, "version", json_object_get(c, "version")))));
    json_decref(c);
}

/* No text the doctor typed, at whatever depth of the form, is in the message; choices ("none", "diagnosis") are no text. */
static void holds_nothing_of(const char *message, const json_t *form)
{
    const char *key;
    json_t *v;
    size_t i;
    json_array_foreach ((json_t *)form, i, v)
        holds_nothing_of(message, v);
    json_object_foreach ((json_t *)form, key, v)
        holds_nothing_of(message, v);
    if (json_is_string(form) && strlen(json_string_value(form)) > 3)
        assert_null(strstr(message, json_string_value(form)));
}

static void the_message_has_the_way_and_no_health_data(void **state)
{
    static const char *const members[] = {"delivery_id", "person_id", "login", "text", "case_number", "urgent", "link"};
    struct world w;
    char id[ID_TEXT_BYTES], link[200], hook[80];
    world_open(&w);
    listen_for_one();
    snprintf(hook, sizeof hook, "http://127.0.0.1:%d/hook", server.port);
    json_decref(done(&w, world_call(&w, "sys", "gateway.set",
                                    json_pack("{s:s,s:s,s:s,s:s,s:[s],s:b}", "gateway_id", "00000000000000a1", "name", "sms", "url", hook, "secret",
                                              "0123456789abcdef", "kinds", "urgent", "enabled", 1))));
    sent_case(&w, id);
    records_background(w.r);
    pthread_join(server.thread, NULL);
    json_t *m = json_loads(strstr(server.request, "\r\n\r\n") + 4, 0, NULL), *form = full_form();
    assert_non_null(m);
    snprintf(link, sizeof link, "https://yilian.test:8443/cases/%s", id);
    assert_string_equal(json_string_value(json_object_get(m, "link")), link);
    assert_string_equal(json_string_value(json_object_get(m, "login")), "p102"); /* li, who reviews at home */
    assert_int_equal(json_object_size(m), sizeof members / sizeof *members);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        assert_non_null(json_object_get(m, members[i]));
    holds_nothing_of(server.request, form);
    assert_null(strstr(server.request, "李"));
    json_decref(form);
    json_decref(m);
    close(server.fd);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_message_has_the_way_and_no_health_data)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
