/* Several machines: what the nodes say to each other, the options together, and who is sent where. */
#include "server/base/option.h"
#include "server/node/message.h"
#include "server/node/placement.h"
#include "server/node/settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define SECRET "0123456789abcdef0123456789abcdef"

/* ---- messages ---- */
static void what_is_written_is_read(void **state)
{
    for (int i = 0; i < NODE_VERBS; i++) {
        struct node_message m = {.verb = (enum node_verb)i, .version = 1, .viewers_max = 2000, .viewers = 7, .room = INT64_MIN + 5, .number = 99, .generation = UINT32_MAX,
                                 .epoch_us = INT64_C(1796000000000000), .start_us = 5, .duration_us = 200000, .width = 1280, .height = 720, .bytes = NODE_PIECE_MAX,
                                 .segment = true, .address = "https://a.example:1", .codecs = "avc1.42c01e,opus", .text = "why", .fingerprint = "sha-256 AA:BB", .candidates = "192.0.2.7 8444 1 udp", .serves = "10.3.0.0/16"},
                            back;
        struct fault f = {0};
        node_nonce(m.nonce);
        node_proof(SECRET, "edge", m.nonce, m.nonce, m.proof);
        char *text = node_message_write(&m);
        assert_int_equal(node_message_read(text, strlen(text), &back, &f), 0);
        char *again = node_message_write(&back);
        assert_string_equal(text, again);
        free(text);
        free(again);
    }
}

static void malformed(const char *text, const char *field)
{
    struct node_message m;
    struct fault f = {0};
    assert_int_equal(node_message_read(text, strlen(text), &m, &f), ERR_MALFORMED);
    assert_string_equal(f.reason, field);
}

static void a_bad_message_names_its_field(void **state)
{
    malformed("", "type");
    malformed("[]", "type");
    malformed("{\"type\":\"help\"}", "type");
    malformed("{\"type\":7}", "type");
    malformed("{\"type\":\"load\"}", "viewers");
    malformed("{\"type\":\"load\",\"viewers\":-1}", "viewers");
    malformed("{\"type\":\"load\",\"viewers\":\"7\"}", "viewers");
    malformed("{\"type\":\"relay\"}", "room");
    malformed("{\"type\":\"layers\",\"room\":1,\"track\":2,\"layers\":8}", "layers");
    malformed("{\"type\":\"line\",\"room\":1,\"line\":128,\"track\":2,\"seat\":3,\"layer\":0,\"layers\":1,\"value\":1}", "line");
    malformed("{\"type\":\"offer\",\"room\":1,\"number\":1,\"address\":\"\",\"bytes\":5}", "address");
    malformed("{\"type\":\"answer\",\"room\":1,\"number\":1,\"bytes\":0}", "bytes");
    malformed("{\"type\":\"proof\",\"proof\":\"00\"}", "proof");
    malformed("{\"type\":\"begin\",\"room\":1,\"number\":1e5}", "number");
    malformed("{\"type\":\"piece\",\"room\":1,\"generation\":1,\"epoch_us\":1,\"start_us\":1,\"duration_us\":1,\"segment\":1,\"key\":true,\"bytes\":5}", "segment");
    malformed("{\"type\":\"piece\",\"room\":1,\"generation\":1,\"epoch_us\":1,\"start_us\":1,\"duration_us\":1,\"segment\":true,\"key\":true,\"bytes\":4194305}", "bytes");
}

/* The other's proof is not one's own, nor that of another pair of nonces. */
static void a_proof_is_for_once(void **state)
{
    char a[NODE_NONCE_BYTES], b[NODE_NONCE_BYTES], p[NODE_PROOF_BYTES], q[NODE_PROOF_BYTES];
    node_nonce(a);
    node_nonce(b);
    assert_string_not_equal(a, b);
    node_proof(SECRET, "edge", a, b, p);
    node_proof(SECRET, "edge", a, b, q);
    assert_true(node_proof_equal(p, q));
    node_proof(SECRET, "origin", a, b, q);
    assert_false(node_proof_equal(p, q));
    node_proof(SECRET, "edge", b, a, q);
    assert_false(node_proof_equal(p, q));
    node_proof(SECRET "0", "edge", a, b, q);
    assert_false(node_proof_equal(p, q));
    assert_false(node_proof_equal(p, ""));
}

/* ---- options ---- */
static void settings(const char *lines, const char *complaint)
{
    static const char needed[] = "tls.certificate = c\ntls.key = k\ndata.dir = d\nweb.root = w\n";
    char path[] = "/tmp/yl-nodes-XXXXXX";
    struct options *o;
    struct node_settings s;
    struct fault f = {0};
    int fd = mkstemp(path);
    dprintf(fd, "%s%s", needed, lines);
    close(fd);
    assert_int_equal(options_load(&o, path, &f), 0);
    unlink(path);
    int rc = node_settings_read(o, &s, &f);
    if (!complaint) assert_int_equal(rc, 0);
    else if (!rc || strncmp(f.text, complaint, strlen(complaint))) fail_msg("%s: %s", lines, rc ? f.text : "no complaint");
    options_free(o);
}

#define EDGE "node.role = edge\nnode.secret = " SECRET "\n"
static void the_options_together(void **state)
{
    settings("", NULL);
    settings("node.secret = " SECRET "\n", NULL);
    settings(EDGE "node.peer = https://o.example:8443\nnode.address = https://e.example\n", NULL);
    settings("node.role = both\n", "node.role");
    settings("node.secret = short\n", "node.secret");
    settings("node.peer = https://o.example\n", "node.peer");
    settings("node.role = edge\n", "node.secret");
    settings(EDGE, "node.peer");
    settings(EDGE "node.peer = http://o.example\nnode.address = https://e.example\n", "node.peer");
    settings(EDGE "node.peer = https://o.example\nnode.address = e.example\n", "node.address");
    settings(EDGE "node.peer = https://o.example\nnode.address = https://e.example/x\n", "node.address");
    settings(EDGE "node.peer = https://o.example\nnode.address = https://e.example\nnode.viewers = 3990\n", "listen.connections");
}

/* ---- placement ---- */
static struct placement p;

static void nodes(unsigned n, unsigned viewers_max)
{
    static char names[PLACEMENT_NODES_MAX][16];
    p = (struct placement){.dice = 7};
    for (unsigned i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "node%u", i);
        assert_true(placement_add(&p, i + 1, names[i], viewers_max));
    }
}

static unsigned number(const char *address)
{
    return (unsigned)atoi(address + 4);
}

static void a_small_lecture_stays_on_one_node(void **state)
{
    const char *out[PLACEMENT_LIST_MAX];
    nodes(10, 1000);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(placement_choose(&p, 77, out), 3);
        assert_int_equal(number(out[0]), 0);
        assert_true(out[1] != out[0] && out[2] != out[0] && out[2] != out[1]);
    }
    assert_int_equal(placement_choose(&p, 78, out), 3);
    assert_int_not_equal(number(out[0]), 0); /* another lecture goes where it is freer */
}

static void a_large_one_fills_all_and_no_more(void **state)
{
    const char *out[PLACEMENT_LIST_MAX];
    unsigned at[10] = {0}, least = 1000, most = 0;
    nodes(10, 1000);
    for (int i = 0; i < 8000; i++) {
        assert_true(placement_choose(&p, 77, out) > 0);
        at[number(out[0])]++;
    }
    for (int i = 0; i < 10; i++) {
        least = at[i] < least ? at[i] : least;
        most = at[i] > most ? at[i] : most;
    }
    assert_true(most <= 1000 && most - least <= 251); /* a quarter of its places */
    for (int i = 0; i < 2000; i++)
        assert_true(placement_choose(&p, 77, out) > 0);
    assert_int_equal(placement_choose(&p, 77, out), 0); /* full: they stay with the origin */
}

/* Those whose node dies go to the second of their lists: to many, not to one. */
static void a_dead_nodes_viewers_are_spread(void **state)
{
    const char *out[PLACEMENT_LIST_MAX];
    unsigned second[10] = {0}, went = 0;
    nodes(10, 1000);
    for (int i = 0; i < 6000; i++) {
        assert_int_equal(placement_choose(&p, 77, out), 3);
        if (number(out[0]) != 4) continue;
        second[number(out[1])]++;
        went++;
    }
    for (int i = 0; i < 10; i++)
        assert_true(second[i] * 4 < went);
    placement_remove(&p, 5);
    for (int i = 0; i < 100; i++) {
        size_t n = placement_choose(&p, 77, out);
        for (size_t k = 0; k < n; k++)
            assert_int_not_equal(number(out[k]), 4);
    }
    assert_int_equal(placement_nodes(&p), 9);
}

static void reports_replace_promises(void **state)
{
    const char *out[PLACEMENT_LIST_MAX];
    nodes(1, 10);
    for (int i = 0; i < 10; i++)
        assert_int_equal(placement_choose(&p, 77, out), 1);
    assert_int_equal(placement_choose(&p, 77, out), 0);
    placement_report(&p, 1, 0); /* they may still be on their way */
    assert_int_equal(placement_choose(&p, 77, out), 0);
    placement_report(&p, 1, 4); /* six never came */
    for (int i = 0; i < 6; i++)
        assert_int_equal(placement_choose(&p, 77, out), 1);
    assert_int_equal(placement_choose(&p, 77, out), 0);
}

static void limits_of_rooms_and_nodes(void **state)
{
    const char *out[PLACEMENT_LIST_MAX];
    nodes(1, 1000);
    for (uint64_t room = 1; room <= PLACEMENT_ROOMS_MAX; room++)
        assert_int_equal(placement_choose(&p, room, out), 1);
    assert_int_equal(placement_choose(&p, 999, out), 0);
    assert_false(placement_room(&p, 1, 999, true));
    assert_true(placement_room(&p, 1, 5, false));
    assert_int_equal(placement_choose(&p, 999, out), 1);
    nodes(PLACEMENT_NODES_MAX, 10);
    assert_false(placement_add(&p, 1000, "more", 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),          cmocka_unit_test(a_bad_message_names_its_field),
        cmocka_unit_test(a_proof_is_for_once),              cmocka_unit_test(the_options_together),
        cmocka_unit_test(a_small_lecture_stays_on_one_node), cmocka_unit_test(a_large_one_fills_all_and_no_more),
        cmocka_unit_test(a_dead_nodes_viewers_are_spread),  cmocka_unit_test(reports_replace_promises),
        cmocka_unit_test(limits_of_rooms_and_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
