/* One consultation's members on three real daemons: two at an edge near to them, one at another, one at the origin. Each sees and hears everybody, one copy
 * of each track crosses a link however many there need it, the recording has them all, and a dead edge's members are back in three seconds. */
#include "server/node/message.h"
#include "tests/lib/edges.h"
#include "tests/lib/member.h"

static struct person_at sun, he;
static char case_id[20];
static struct member host, expert, child, far; /* host and child come from the first edge's range, far from the second's, the expert from neither */
static struct member *const all[] = {&host, &expert, &child, &far};
#define N_ALL (sizeof all / sizeof *all)

static void tick(int ms)
{
    members_poll(all, N_ALL, ms);
}

/* ---- coming ---- */
static const char *ticket_of(const struct person_at *p)
{
    static char text[80];
    char path[80];
    snprintf(path, sizeof path, "/cases/%s/room/ticket", case_id);
    json_t *a = person_ask(p, "POST", path, json_object());
    snprintf(text, sizeof text, "%s", json_string_value(json_object_get(a, "ticket")));
    json_decref(a);
    return text;
}

static const char *guest_ticket(const char *name)
{
    static char text[80];
    char path[80];
    snprintf(path, sizeof path, "/cases/%s/room/guests", case_id);
    json_t *a = person_ask(&sun, "POST", path, json_pack("{s:s,s:s}", "name", name, "relation", "儿子"));
    snprintf(text, sizeof text, "%s", strchr(json_string_value(json_object_get(a, "url")), '#') + 1);
    json_decref(a);
    return text;
}

static void admit(struct member *guest)
{
    json_decref(member_ask(&host, "room.admit", json_pack("{s:s}", "seat", guest->seat)));
    for (int64_t until = web_now_ms() + PATIENCE_MS; strcmp(guest->state, "admitted");) {
        assert_true(web_now_ms() < until);
        member_poll(guest);
    }
}

static uint16_t media_port(const char *config)
{
    char path[200], line[200];
    unsigned port = 0;
    snprintf(path, sizeof path, "%s/%s.conf", site.dir, config);
    FILE *f = fopen(path, "r");
    while (fgets(line, sizeof line, f))
        (void)!sscanf(line, "media.port = %u", &port);
    fclose(f);
    return (uint16_t)port;
}

static int start(void **state)
{
    (void)state;
    site_start("request.rate = 500\nlisten.connections_per_address = 1000\nnode.secret = " SECRET "\n");
    sun = person_sign_in("bh.sun");
    he = person_sign_in("xy.he");
    json_t *cases = person_ask(&sun, "GET", "/cases?view=mine&kind=interactive", NULL);
    snprintf(case_id, sizeof case_id, "%s", json_string_value(json_object_get(json_array_get(json_object_get(cases, "items"), 0), "id")));
    json_decref(cases);
    edge_serves[0] = "127.0.0.2/32";
    edge_serves[1] = "127.0.0.3/32";
    edge_start(0);
    edge_start(1);
    until_figure(site.port, "yilian_node_edges", 2);
    return 0;
}

static int stop(void **state)
{
    int rc = site_stop(state); /* with members here and at an edge: it ends cleanly all the same */
    for (size_t i = 0; i < N_ALL; i++)
        if (all[i]->identity) member_leave(all[i]);
    for (int i = 0; i < 2; i++)
        if (edges[i].pid) edge_stop(edges[i].pid);
    web_close(&last);
    return rc;
}

/* ---- seeing ---- */
static int picture(struct member *m, const struct member *whose)
{
    return member_stream(m, whose->seat, true)->packets;
}

static int voice(struct member *m, const struct member *whose)
{
    return member_stream(m, whose->seat, false)->packets;
}

/* Until he sees and hears him again, from now on. */
static void sees(struct member *m, const struct member *whose)
{
    int p = picture(m, whose), v = voice(m, whose);
    for (int64_t until = web_now_ms() + PATIENCE_MS; picture(m, whose) < p + 5 || voice(m, whose) < v + 5; tick(5))
        if (web_now_ms() > until) fail_msg("%s has %d pictures and %d voices of %s", m->from, picture(m, whose) - p, voice(m, whose) - v, whose->from);
}

static void everybody_sees_everybody(void)
{
    for (size_t i = 0; i < N_ALL; i++)
        for (size_t k = 0; k < N_ALL; k++)
            if (i != k && all[k]->sends) sees(all[i], all[k]);
}

/* ---- stories ---- */
static void members_are_given_to_the_edge_near_them(void **state)
{
    (void)state;
    member_join(&host, "127.0.0.2", sun.cookie, ticket_of(&sun));
    member_join(&expert, "127.0.0.77", he.cookie, ticket_of(&he));
    member_join(&child, "127.0.0.2", "", guest_ticket("小明"));
    member_join(&far, "127.0.0.3", "", guest_ticket("小红"));
    admit(&child);
    admit(&far);
    member_send(&expert);
    for (size_t i = 0; i < N_ALL; i++)
        member_receive(all[i]);
    sees(&host, &expert);
    assert_int_equal(host.down_port, media_port("edge0"));
    assert_int_equal(far.down_port, media_port("edge1"));
    sees(&child, &expert);
    sees(&far, &expert);
    assert_int_equal(expert.up_port, media_port("yilian"));
}

static void who_sends_at_an_edge_is_seen_everywhere(void **state)
{
    (void)state;
    member_send(&host);
    assert_int_equal(host.up_port, media_port("edge0"));
    sees(&expert, &host);
    sees(&child, &host);
    sees(&far, &host);
    member_send(&far);
    member_send(&child);
    everybody_sees_everybody();
    assert_int_equal(figure(site.port, "yilian_node_arms"), 2);
    assert_int_equal(figure(edges[0].port, "yilian_node_hosted_rooms"), 1);
}

static int64_t sent(uint16_t port)
{
    return figure(port, "yilian_media_packets_sent_total");
}

static void resting(struct member *m, bool on)
{
    json_decref(member_ask(m, "room.quality_hint", json_pack("{s:s}", "mode", on ? "audio_only" : "full")));
}

/* Host and child at one edge see the expert and far by one copy each, and each other over no link. */
static void one_copy_crosses_the_link(void **state)
{
    (void)state;
    int64_t lanes = figure(site.port, "yilian_node_lanes");
    tick(500);
    int from[4], to;
    for (int i = 0; i < 4; i++)
        from[i] = i == 0 ? voice(&host, &expert) + picture(&host, &expert) : 0;
    int64_t origin = sent(site.port), edge = sent(edges[0].port);
    tick(2000);
    to = voice(&host, &expert) + picture(&host, &expert) - from[0];
    origin = sent(site.port) - origin;
    edge = sent(edges[0].port) - edge;
    print_message("a member's tracks are %d packets in two seconds; the origin sent %lld, the edge with two members %lld; %lld tracks flow\n", to, (long long)origin, (long long)edge, (long long)lanes);
    /* Four send. The origin sends three to the expert; to the edge of two those of expert and far; to the other edge those of expert, host and child:
     * eight copies. The edge of two sends each of its members three, and two to the origin: eight too. If each member had copies of his own over the link, the origin would send three more. */
    assert_true(to > 100);
    assert_true(origin > 7 * to && origin < 9 * to);
    assert_true(edge > 7 * to && edge < 9 * to);
    /* to edge 0: 2 x 2, to edge 1: 3 x 2, from edge 0: 2 x 2, from edge 1: 1 x 2 */
    assert_int_equal(lanes, 16);
    for (size_t i = 0; i < N_ALL; i++) /* nobody looks at pictures now */
        resting(all[i], true);
    tick(500);
    assert_int_equal(figure(site.port, "yilian_node_lanes"), 8);
    int before = picture(&host, &expert), heard = voice(&host, &expert);
    tick(1000);
    assert_true(picture(&host, &expert) == before && voice(&host, &expert) > heard + 20);
    for (size_t i = 0; i < N_ALL; i++)
        resting(all[i], false);
    everybody_sees_everybody();
    assert_int_equal(figure(site.port, "yilian_node_lanes"), 16);
}

static void looks_at(struct member *m, const struct member *whose, int layer)
{
    json_decref(member_ask(m, "media.layer", json_pack("{s:s,s:i}", "track", member_stream(m, whose->seat, true)->track, "layer", layer)));
}

static int64_t origin_sends(void)
{
    struct figure_at before = figure_at(site.port, "yilian_media_bytes_sent_total");
    tick(1000);
    return figure_rate(site.port, "yilian_media_bytes_sent_total", before);
}

/* Sizes inside one stream that nobody at an edge looks at do not go there, and come when somebody does. */
static void sizes_that_nobody_looks_at_stay_where_they_are(void **state)
{
    (void)state;
    expert.up.sizes = true;
    member_send(&expert);
    everybody_sees_everybody();
    tick(1000);
    int64_t whole = origin_sends(), less = whole;
    for (size_t i = 0; i < N_ALL; i++)
        if (all[i] != &expert) looks_at(all[i], &expert, 0);
    for (int64_t until = web_now_ms() + 20000; web_now_ms() < until && less > whole - 50000;)
        less = origin_sends();
    print_message("the origin sends %lld bytes a second to two edges and a member, %lld when edges have use for the smallest size alone\n", (long long)whole, (long long)less);
    assert_true(less <= whole - 50000); /* of 2 x 35,000 */
    int before = picture(&far, &expert);
    tick(1000);
    assert_in_range(picture(&far, &expert) - before, 15, 35); /* one packet a picture */
    looks_at(&far, &expert, 2);
    for (int64_t until = web_now_ms() + 5000; picture(&far, &expert) - before < 60 && web_now_ms() < until; before = picture(&far, &expert))
        tick(1000);
    int small = picture(&host, &expert);
    before = picture(&far, &expert);
    tick(1000);
    assert_true(picture(&far, &expert) - before > 45 && picture(&host, &expert) - small < 35); /* each has what he looks at */
    for (size_t i = 0; i < N_ALL; i++)
        if (all[i] != &expert) looks_at(all[i], &expert, 2);
    expert.up.sizes = false;
    member_send(&expert);
    everybody_sees_everybody();
}

/* A page's connections made anew again and again: each would leave something behind, if anything did. */
static void who_leaves_and_comes_leaves_nothing_behind(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        member_receive(&child);
        member_send(&child);
        sees(&child, &host);
        sees(&expert, &child);
    }
    assert_int_equal(figure(site.port, "yilian_node_lanes"), 16);
    assert_int_equal(figure(site.port, "yilian_node_member_peers"), 6);
}

/* The recording is made at the origin, and has whoever is at an edge, from everywhere. */
static void the_recording_has_everybody(void **state)
{
    char path[80];
    size_t i, k, whole = 0;
    json_t *r, *t, *list = NULL;
    (void)state;
    for (i = 0; i < N_ALL; i++) /* nobody needs a picture, but the recording does */
        resting(all[i], true);
    tick(500);
    json_decref(member_ask(&host, "room.record", json_pack("{s:b}", "on", 1)));
    for (i = 0; i < N_ALL; i++)
        json_decref(member_ask(all[i], "room.consent", json_pack("{s:b}", "agree", 1)));
    tick(4000);
    assert_int_equal(figure(site.port, "yilian_node_lanes"), 8 + 3); /* the voices, and from the edges three pictures */
    json_decref(member_ask(&host, "room.record", json_pack("{s:b}", "on", 0)));
    snprintf(path, sizeof path, "/cases/%s/recordings", case_id);
    for (int64_t until = web_now_ms() + 20000;; json_decref(list)) {
        list = person_ask(&sun, "GET", path, NULL);
        r = json_array_get(json_object_get(list, "items"), 0);
        if (json_is_true(json_object_get(r, "sealed"))) break;
        assert_true(web_now_ms() < until);
        tick(200);
    }
    json_array_foreach(json_object_get(r, "tracks"), k, t)
    {
        print_message("%s/%s: %lld ms\n", json_string_value(json_object_get(json_object_get(t, "who"), "name")), json_string_value(json_object_get(t, "source")),
                      (long long)json_integer_value(json_object_get(t, "duration_ms")));
        whole += json_integer_value(json_object_get(t, "duration_ms")) > 2000;
    }
    assert_int_equal(whole, 8);
    json_decref(list);
    for (i = 0; i < N_ALL; i++)
        resting(all[i], false);
    everybody_sees_everybody();
}

static const json_t *person_of(const json_t *room, const struct member *m)
{
    size_t i;
    json_t *p;
    json_array_foreach(json_object_get(room, "people"), i, p)
        if (strcmp(json_string_value(json_object_get(p, "id")), m->seat) == 0) return p;
    fail_msg("%s is not in the room", m->from);
    return NULL;
}

/* Who looks after the machine sees the room as one, wherever its members' media is. */
static void a_survey_has_every_node(void **state)
{
    struct person_at sys = person_sign_in("sys");
    char path[100];
    (void)state;
    json_t *rooms = person_ask(&sys, "GET", "/rooms", NULL);
    snprintf(path, sizeof path, "/rooms/%s?seat_id=%s", json_string_value(json_object_get(json_array_get(json_object_get(rooms, "items"), 0), "id")), host.seat);
    json_decref(rooms);
    tick(2500); /* figures come every two seconds */
    json_t *room = person_ask(&sys, "GET", path, NULL);
    for (size_t i = 0; i < N_ALL; i++) {
        const json_t *p = person_of(room, all[i]);
        assert_string_equal(json_string_value(json_object_get(json_object_get(p, "up"), "way")), "udp");
        assert_string_equal(json_string_value(json_object_get(json_object_get(p, "down"), "way")), "udp");
        assert_int_equal(json_array_size(json_object_get(p, "sent")), 2);
        assert_true(json_integer_value(json_object_get(json_object_get(p, "up"), "bps")) > 50000);
    }
    assert_int_equal(json_array_size(json_object_get(room, "received")), 6);
    json_decref(room);
}

/* His network lets nothing through to the edge: the seat is the same, his media comes to the origin. */
static void who_does_not_reach_the_edge_comes_here(void **state)
{
    (void)state;
    far.deaf = true;
    member_receive(&far);
    int64_t began = fair_now_ms(), until = web_now_ms() + PATIENCE_MS;
    while (!far.moved) {
        assert_true(fair_now_ms() - began < 7000 && web_now_ms() < until);
        tick(10);
    }
    print_message("told to come elsewhere %lld ms after the offer\n", (long long)(fair_now_ms() - began));
    far.deaf = false;
    member_receive(&far);
    member_send(&far);
    sees(&far, &host);
    sees(&host, &far);
    assert_int_equal(far.down_port, media_port("yilian"));
    far.moved = 0;
    member_leave(&far); /* he comes anew: near his edge again */
    member_join(&far, "127.0.0.3", "", guest_ticket("小兰"));
    admit(&far);
    member_receive(&far);
    member_send(&far);
    everybody_sees_everybody();
    assert_int_equal(far.up_port, media_port("edge1"));
}

static void child_comes_from(const char *address)
{
    if (child.identity) member_leave(&child);
    member_join(&child, address, "", guest_ticket("小明"));
    admit(&child);
    member_receive(&child);
}

/* An edge in words only: it knows the secret, and its media plane is nowhere. */
static void link_without_media(struct web *w)
{
    char text[600], ours[NODE_NONCE_BYTES], proof[NODE_PROOF_BYTES];
    node_nonce(ours);
    assert_int_equal(web_socket_at(w, site.port, "/node", ""), 101);
    snprintf(text, sizeof text, "{\"type\":\"hello\",\"version\":%d,\"address\":\"https://words.example\",\"viewers_max\":5,\"nonce\":\"%s\",\"fingerprint\":\"sha-256 AB:CD\","
                                "\"candidates\":\"127.0.0.1 9 2130706431 udp\",\"serves\":\"127.0.0.9/32\"}", NODE_VERSION, ours);
    assert_int_equal(web_say(w, text), 0);
    json_t *challenge = web_told(w, "challenge", 3000);
    node_proof(SECRET, "edge", ours, json_string_value(json_object_get(challenge, "nonce")), proof);
    json_decref(challenge);
    snprintf(text, sizeof text, "{\"type\":\"proof\",\"proof\":\"%s\"}", proof);
    assert_int_equal(web_say(w, text), 0);
    json_t *welcome = web_told(w, "welcome", 3000);
    assert_non_null(welcome);
    json_decref(welcome);
}

/* UDP between it and the origin is closed, say: its members come to the origin, and it gets none for a minute; what it says is checked. */
static void an_edge_that_cannot_carry_gets_nobody(void **state)
{
    struct web w;
    int64_t began, loaded = 0;
    (void)state;
    link_without_media(&w);
    child_comes_from("127.0.0.9");
    int64_t until = web_now_ms() + PATIENCE_MS;
    for (began = fair_now_ms(); !child.moved; tick(10)) {
        assert_true(fair_now_ms() - began < 6000 && web_now_ms() < until);
        if (web_now_ms() - loaded < 400) continue;
        loaded = web_now_ms();
        assert_int_equal(web_say(&w, "{\"type\":\"load\",\"viewers\":0}"), 0);
    }
    json_t *told = web_told(&w, "commands", 1000);
    assert_true(json_integer_value(json_object_get(told, "bytes")) > 100);
    json_decref(told);
    assert_int_equal(child.down_port, 9);
    print_message("told to come elsewhere %lld ms after the offer, since no arm stood\n", (long long)(fair_now_ms() - began));
    member_receive(&child);
    sees(&child, &host);
    assert_int_equal(child.down_port, media_port("yilian"));
    assert_int_equal(web_say(&w, "{\"type\":\"load\",\"viewers\":0}"), 0);
    child_comes_from("127.0.0.9");
    sees(&child, &host);
    assert_int_equal(child.down_port, media_port("yilian"));
    assert_int_equal(web_say(&w, "{\"type\":\"events\",\"bytes\":3}") || web_frame(&w, 2, "\1\2\3", 3), 0);
    told = web_told(&w, "refused", 3000);
    assert_non_null(told);
    json_decref(told);
    assert_int_equal(web_drain(&w, 3000), 4003);
    web_close(&w);
    child_comes_from("127.0.0.2");
    member_send(&child);
    everybody_sees_everybody();
    assert_int_equal(child.up_port, media_port("edge0"));
}

static void a_killed_edge_is_healed_at_the_origin(void **state)
{
    int status;
    (void)state;
    for (size_t i = 0; i < N_ALL; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            all[i]->streams[k].longest_ms = 0;
    assert_int_equal(kill(edges[0].pid, SIGKILL), 0);
    int64_t killed = fair_now_ms(), until = web_now_ms() + PATIENCE_MS;
    while (!host.moved || !child.moved) {
        assert_true(fair_now_ms() - killed < 3000 && web_now_ms() < until);
        tick(5);
    }
    print_message("told to come elsewhere %lld ms after the edge was killed\n", (long long)(fair_now_ms() - killed));
    for (int i = 0; i < 2; i++) {
        struct member *m = i ? &child : &host;
        member_receive(m);
        member_send(m);
    }
    everybody_sees_everybody();
    print_message("everybody sees everybody again after %lld ms\n", (long long)(fair_now_ms() - killed));
    assert_true(fair_now_ms() - killed < 3000);
    assert_int_equal(host.up_port, media_port("yilian"));
    assert_int_equal(child.down_port, media_port("yilian"));
    assert_int_equal(far.down_port, media_port("edge1"));
    waitpid(edges[0].pid, &status, 0);
    edges[0].pid = 0;
    int64_t longest = 0;
    for (size_t i = 0; i < N_ALL; i++)
        for (size_t k = 0; k < all[i]->n; k++)
            if (all[i]->streams[k].longest_ms > longest) longest = all[i]->streams[k].longest_ms;
    print_message("the longest time without a packet of somebody was %lld ms\n", (long long)longest);
    int64_t stalled = web_now_ms() - (until - PATIENCE_MS) - (fair_now_ms() - killed); /* since the kill */
    assert_true(longest < 3000 + stalled);
    edge_start(0); /* it comes back: who is at the origin stays */
    until_figure(site.port, "yilian_node_edges", 2);
    tick(500);
    everybody_sees_everybody();
    assert_int_equal(host.moved, 1);
}

/* Stopped, not killed: its connections stay open and say nothing. */
static void a_silent_edge_is_healed_too(void **state)
{
    int status;
    (void)state;
    assert_int_equal(kill(edges[1].pid, SIGSTOP), 0);
    int64_t stopped = fair_now_ms(), until = web_now_ms() + PATIENCE_MS;
    while (!far.moved) {
        assert_true(fair_now_ms() - stopped < 3000 && web_now_ms() < until);
        tick(5);
    }
    print_message("told to come elsewhere %lld ms after the edge was stopped\n", (long long)(fair_now_ms() - stopped));
    member_receive(&far);
    member_send(&far);
    sees(&far, &host);
    sees(&host, &far);
    print_message("seen and heard again after %lld ms\n", (long long)(fair_now_ms() - stopped));
    assert_true(fair_now_ms() - stopped < 3000);
    kill(edges[1].pid, SIGKILL);
    waitpid(edges[1].pid, &status, 0);
    edges[1].pid = 0;
    everybody_sees_everybody();
    child_comes_from("127.0.0.2"); /* near the edge that came back */
    member_send(&child);
    everybody_sees_everybody();
    assert_int_equal(child.down_port, media_port("edge0"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_given_to_the_edge_near_them),
        cmocka_unit_test(who_sends_at_an_edge_is_seen_everywhere),
        cmocka_unit_test(one_copy_crosses_the_link),
        cmocka_unit_test(sizes_that_nobody_looks_at_stay_where_they_are),
        cmocka_unit_test(who_leaves_and_comes_leaves_nothing_behind),
        cmocka_unit_test(the_recording_has_everybody),
        cmocka_unit_test(a_survey_has_every_node),
        cmocka_unit_test(who_does_not_reach_the_edge_comes_here),
        cmocka_unit_test(an_edge_that_cannot_carry_gets_nobody),
        cmocka_unit_test(a_killed_edge_is_healed_at_the_origin),
        cmocka_unit_test(a_silent_edge_is_healed_too),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
