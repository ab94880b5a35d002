/* Two edge nodes and an origin, three real daemons: who may link, one copy of a lecture per node, viewers sent there, and what they see when
 * an edge is killed, is silent, or the origin begins again. */
#include "tests/lib/edges.h"
#include "tests/lib/lecturer.h"

#define CROWD 6

static struct dtls_identity *identity;
static struct lecturer lecturer;
static char token[80];

static void publish(void)
{
    char headers[300];
    snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/sdp\r\n", token);
    web_close(&last);
    assert_int_equal(web_once(&last, site.port, "POST", "/whip/talk", headers, lecturer_offer(identity)), 201);
    assert_true(lecturer_begin(&lecturer, identity, last.body, 1000));
}

static int start(void **state)
{
    (void)state;
    site_start("request.rate = 500\nlisten.connections_per_address = 1000\nnode.secret = " SECRET "\n");
    snprintf(token, sizeof token, "%s", site_ctl("token --room talk --publish --watch --minutes 60"));
    if (dtls_identity_new(&identity, DTLS_ENGINE_MBEDTLS)) return 1;
    publish();
    return 0;
}

static int stop(void **state)
{
    lecturer_end(&lecturer);
    for (int i = 0; i < 2; i++)
        if (edges[i].pid) edge_stop(edges[i].pid);
    dtls_identity_free(identity);
    web_close(&last);
    return site_stop(state);
}

/* ---- viewers ---- */
static void expect(struct web *w, const char *type, int limit_ms)
{
    json_t *m = web_told(w, type, limit_ms);
    if (!m) fail_msg("no %s", type);
    json_decref(m);
}

static void say_first(struct web *w, uint16_t port, const char *first)
{
    assert_int_equal(web_socket_at(w, port, "/live/talk/ws", ""), 101);
    assert_int_equal(web_say(w, first), 0);
}

static void refused(uint16_t port, const char *first, const char *reason)
{
    struct web w;
    say_first(&w, port, first);
    json_t *m = web_told(&w, "refused", 3000);
    if (!m || strcmp(json_string_value(json_object_get(m, "reason")), reason)) fail_msg("%s: %s", first, m ? json_dumps(m, 0) : "nothing");
    json_decref(m);
    assert_int_equal(web_drain(&w, 3000), 4003);
    web_close(&w);
}

struct sent { /* what the origin says to one who comes */
    char pass[120];
    uint16_t ports[3];
    size_t n;
};

static struct sent sent_of(const json_t *m)
{
    struct sent s = {0};
    snprintf(s.pass, sizeof s.pass, "%s", json_string_value(json_object_get(m, "pass")));
    const json_t *nodes = json_object_get(m, "nodes");
    for (s.n = 0; s.n < json_array_size(nodes); s.n++)
        assert_int_equal(sscanf(json_string_value(json_array_get(nodes, s.n)), "https://127.0.0.1:%hu", &s.ports[s.n]), 1);
    return s;
}

/* As one who comes, until so many nodes are named: on a machine that does ten other things one may be silent for a moment. */
static struct sent come(size_t nodes)
{
    struct sent s = {0};
    for (int64_t until = web_now_ms() + 20000; s.n != nodes; usleep(50000)) {
        struct web w;
        char first[120];
        const uint8_t *b;
        size_t len;
        if (web_now_ms() > until) fail_msg("%zu nodes are named, not %zu", s.n, nodes);
        snprintf(first, sizeof first, "{\"token\":\"%s\"}", token);
        say_first(&w, site.port, first);
        assert_int_equal(web_message(&w, 5000, &b, &len), 1);
        json_t *m = json_loadb((const char *)b, len, 0, NULL);
        bool sent = strcmp(json_string_value(json_object_get(m, "type")), "elsewhere") == 0;
        s = sent ? sent_of(m) : (struct sent){0};
        json_decref(m);
        if (sent) assert_int_equal(web_drain(&w, 3000), 4010);
        web_close(&w);
    }
    return s;
}

static void enter(struct web *w, uint16_t port, const char *pass)
{
    char first[200];
    snprintf(first, sizeof first, "{\"pass\":\"%s\",\"stay\":true}", pass);
    say_first(w, port, first);
    expect(w, "hello", 5000);
}

/* The next piece's bytes. */
static const uint8_t *piece(struct web *w, int limit_ms, size_t *len)
{
    const uint8_t *b;
    int64_t until = web_now_ms() + limit_ms;
    for (int kind; (kind = web_message(w, (int)(until - web_now_ms()), &b, len));)
        if (kind == 2 && *len > 8 && memcmp(b + 4, "moof", 4) == 0) return b;
    return NULL;
}

/* ---- */
static void without_edges_viewers_stay(void **state)
{
    struct web w;
    char first[120];
    (void)state;
    snprintf(first, sizeof first, "{\"token\":\"%s\"}", token);
    say_first(&w, site.port, first);
    expect(&w, "init", 8000);
    web_close(&w);
    char path[200];
    snprintf(path, sizeof path, "/live/talk/now?token=%s", token);
    assert_int_equal(ask(site.port, path), 200);
    assert_null(memmem(last.body, strcspn(last.body, "\n"), "\"nodes\"", 7));
}

static void stays_alone(const char *name, const char *secret, const char *authority, const char *why)
{
    uint16_t port = site_free_port(SOCK_STREAM);
    edge_config(name, port, secret, authority, 10);
    pid_t pid = edge_run(name);
    until_ready(port, "origin\n");
    for (int64_t until = web_now_ms() + 10000; !log_has(name, why) && web_now_ms() < until;)
        usleep(50000);
    if (!log_has(name, why)) fail_msg("%s.log does not say: %s", name, why);
    edge_stop(pid);
}

/* An edge that does not know the secret, one that is shown a certificate of somebody else, and one that is no edge at all. */
static void who_is_not_let_in(void **state)
{
    char command[300];
    (void)state;
    stays_alone("stranger", "another secret, also 32 characters long", "certificate.pem", "node.secret is not the same");
    snprintf(command, sizeof command, "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other.key -out other.pem -days 2 -subj /CN=localhost 2>/dev/null", site.dir);
    assert_int_equal(system(command), 0);
    stays_alone("deceived", SECRET, "other.pem", "no link to the origin");
    assert_false(log_has("deceived", "linked to the origin"));
    static const char *const words[] = {"{}", "no JSON", "{\"type\":\"want\",\"room\":5,\"epoch_us\":0,\"generation\":0,\"number\":0}",
                                        "{\"type\":\"hello\",\"version\":3,\"fingerprint\":\"sha-256 AA\",\"candidates\":\"127.0.0.1 9 1 udp\",\"serves\":\"\",\"address\":\"http://x\",\"viewers_max\":5,\"nonce\":\"00112233445566778899aabbccddeeff\"}"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct web w;
        assert_int_equal(web_socket_at(&w, site.port, "/node", ""), 101);
        assert_int_equal(web_say(&w, words[i]), 0);
        expect(&w, "refused", 3000);
        assert_int_equal(web_drain(&w, 3000), 4003);
        web_close(&w);
    }
    assert_int_equal(figure(site.port, "yilian_node_edges"), 0);
}

/* What it has said it takes; who finds no place anywhere stays with the origin. */
static void an_edge_has_its_limit(void **state)
{
    struct web w, second;
    char first[200];
    (void)state;
    uint16_t port = site_free_port(SOCK_STREAM);
    edge_config("small", port, SECRET, "certificate.pem", 1);
    pid_t pid = edge_run("small");
    until_ready(port, "ready\n");
    until_figure(site.port, "yilian_node_edges", 1);
    struct sent s = come(1);
    enter(&w, port, s.pass);
    snprintf(first, sizeof first, "{\"pass\":\"%s\"}", s.pass);
    refused(port, first, "full");
    until_figure(site.port, "yilian_node_viewers", 1);
    snprintf(first, sizeof first, "{\"token\":\"%s\"}", token);
    say_first(&second, site.port, first);
    expect(&second, "init", 8000);
    web_close(&second);
    web_close(&w);
    edge_stop(pid);
    until_figure(site.port, "yilian_node_edges", 0);
}

static void who_may_watch_at_an_edge(void **state)
{
    char first[200];
    (void)state;
    edge_start(0);
    until_figure(site.port, "yilian_node_edges", 1);
    struct sent s = come(1);
    assert_int_equal(s.ports[0], edges[0].port);
    refused(edges[0].port, "{}", "no_pass");
    snprintf(first, sizeof first, "{\"token\":\"%s\"}", token);
    refused(edges[0].port, first, "no_pass");
    s.pass[strlen(s.pass) - 1] ^= 1;
    snprintf(first, sizeof first, "{\"pass\":\"%s\"}", s.pass);
    refused(edges[0].port, first, "pass");
    assert_int_equal(ask(edges[0].port, "/live/talk/index.m3u8"), 404);
    assert_non_null(strstr(last.body, "edge_node"));
    assert_int_equal(ask(edges[0].port, "/api/v1/session"), 404);
}

/* The same bytes as at the origin, and over the link each once, however many watch. */
static void one_copy_for_all_who_watch_there(void **state)
{
    static struct web crowd[CROWD], here;
    size_t len, there_len;
    (void)state;
    struct sent s = come(1);
    for (int i = 0; i < CROWD; i++)
        enter(&crowd[i], s.ports[0], s.pass);
    assert_non_null(piece(&crowd[0], PATIENCE_MS, &len));
    enter(&here, site.port, s.pass);
    const uint8_t *b = piece(&here, 8000, &len), *there = NULL;
    assert_non_null(b);
    uint8_t *copy = malloc(len);
    memcpy(copy, b, len);
    size_t copy_len = len;
    for (int i = 0; i < 60 && !there; i++) { /* a piece names its number and time: equal bytes are the same piece */
        const uint8_t *p = piece(&crowd[1], 5000, &there_len);
        assert_non_null(p);
        if (there_len == copy_len && memcmp(p, copy, copy_len) == 0) there = p;
    }
    assert_non_null(there);
    free(copy);
    int64_t before = figure(site.port, "yilian_node_pieces_total"), began = web_now_ms();
    while (figure(site.port, "yilian_node_pieces_total") < before + 10)
        assert_true(web_now_ms() - began < 15000);
    int64_t pieces = figure(site.port, "yilian_node_pieces_total") - before, took = web_now_ms() - began;
    assert_true(pieces <= took / 200 + 8); /* five a second, not five times CROWD */
    for (int i = 0; i < CROWD; i++)
        web_close(&crowd[i]);
    web_close(&here);
}

/* A viewer whose node is killed goes to the next of its list, and has the picture again within three seconds. */
static void a_killed_edge_is_healed_elsewhere(void **state)
{
    static struct web crowd[CROWD];
    struct sent lists[CROWD];
    size_t len;
    int status, moved = 0;
    int64_t worst = 0;
    (void)state;
    edge_start(1);
    until_figure(site.port, "yilian_node_edges", 2);
    for (int i = 0; i < CROWD; i++) {
        lists[i] = come(2);
        enter(&crowd[i], lists[i].ports[0], lists[i].pass);
        assert_non_null(piece(&crowd[i], PATIENCE_MS, &len));
    }
    int dies = lists[0].ports[0] == edges[0].port ? 0 : 1;
    assert_int_equal(kill(edges[dies].pid, SIGKILL), 0);
    int64_t killed = fair_now_ms();
    for (int i = 0; i < CROWD; i++) {
        if (lists[i].ports[0] != edges[dies].port) continue;
        while (piece(&crowd[i], PATIENCE_MS, &len)) /* what was on its way */
            ;
        assert_true(crowd[i].over);
        web_close(&crowd[i]);
        enter(&crowd[i], lists[i].ports[1], lists[i].pass);
        assert_non_null(piece(&crowd[i], PATIENCE_MS, &len));
        worst = fair_now_ms() - killed;
        moved++;
    }
    print_message("%d viewers have the picture again, the last %lld ms after the kill\n", moved, (long long)worst);
    assert_true(moved > 0 && worst < 3000);
    waitpid(edges[dies].pid, &status, 0);
    edges[dies].pid = 0;
    struct sent s = come(1);
    assert_int_equal(s.ports[0], edges[!dies].port);
    for (int i = 0; i < CROWD; i++)
        web_close(&crowd[i]);
    edge_start(dies);
    until_figure(site.port, "yilian_node_edges", 2);
}

/* Neither dead nor alive: no viewer is sent to it any more; when it wakes up it comes back. */
static void a_silent_edge_gets_nobody(void **state)
{
    (void)state;
    kill(edges[0].pid, SIGSTOP);
    until_figure(site.port, "yilian_node_edges", 1);
    assert_int_equal(come(1).ports[0], edges[1].port);
    kill(edges[0].pid, SIGCONT);
    until_figure(site.port, "yilian_node_edges", 2);
}

/* Viewers are sent away from an edge that has lost its origin, the edge waits for it, and a lecture that begins again is shown there. */
static void the_origin_begins_again(void **state)
{
    static struct web w;
    size_t len;
    (void)state;
    struct sent s = come(2);
    enter(&w, s.ports[0], s.pass);
    assert_non_null(piece(&w, PATIENCE_MS, &len));
    lecturer_end(&lecturer);
    site_end();
    assert_int_equal(web_drain(&w, 5000), 4011);
    web_close(&w);
    char first[200];
    snprintf(first, sizeof first, "{\"pass\":\"%s\"}", s.pass);
    refused(s.ports[0], first, "no_origin");
    until_ready(s.ports[0], "origin\n");
    site_launch();
    until_figure(site.port, "yilian_node_edges", 2);
    publish();
    s = come(2); /* by a pass made anew; the old one is good too, since the nodes share the key */
    enter(&w, s.ports[0], s.pass);
    assert_non_null(piece(&w, 15000, &len));
    web_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_edges_viewers_stay),       cmocka_unit_test(who_is_not_let_in),
        cmocka_unit_test(an_edge_has_its_limit),            cmocka_unit_test(who_may_watch_at_an_edge),
        cmocka_unit_test(one_copy_for_all_who_watch_there),
        cmocka_unit_test(a_killed_edge_is_healed_elsewhere), cmocka_unit_test(a_silent_edge_gets_nobody),
        cmocka_unit_test(the_origin_begins_again),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
