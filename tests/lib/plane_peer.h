/* plane_peer - a C client (rtc_client.h) as a peer of a media plane that the test opened. Include cmocka.h before it. */
#ifndef YL_TESTS_LIB_PLANE_PEER_H
#define YL_TESTS_LIB_PLANE_PEER_H

#include "media/media.h"
#include "tests/lib/rtc_client.h"
#include <stdlib.h>

#define PLANE_ROOM 5

/* Returns when it is connected. `c` may have been told beforehand to come over IPv6, or to wait for the server's ClientHello. */
static inline void plane_connect(struct media *m, struct dtls_identity *id, uint16_t port, struct rtc_client *c, uint64_t peer)
{
    struct media_cmd cmd = {.type = MEDIA_PEER_OPEN};
    struct ice_credentials ice;
    media_ice_credentials(ice.ufrag, ice.password);
    cmd.room.v = PLANE_ROOM;
    cmd.peer_open.peer.v = peer;
    cmd.peer_open.room.v = PLANE_ROOM;
    memcpy(cmd.peer_open.local_ufrag, ice.ufrag, 16);
    memcpy(cmd.peer_open.local_password, ice.password, 32);
    snprintf(cmd.peer_open.remote_fingerprint, 100, "%s", dtls_identity_fingerprint(id));
    cmd.peer_open.dtls_client = c->passive;
    assert_int_equal(media_post(m, &cmd), 0);
    assert_int_equal(rtc_client_open(c, id, port, &ice, media_fingerprint(m) + 8), 0);
    assert_true(rtc_client_connect(c, 20000));
}

static int plane_surveys; /* atomic: answers to plane_settle */

/* The test's on_event calls it first. */
static inline void plane_heard(const struct media_event *e)
{
    if (e->type != MEDIA_SURVEYED) return;
    free(e->survey);
    __atomic_add_fetch(&plane_surveys, 1, __ATOMIC_SEQ_CST);
}

/* Until the room's worker has done all that was posted before: it takes one after the other, and this is answered. */
static inline void plane_settle(struct media *m)
{
    int before = __atomic_load_n(&plane_surveys, __ATOMIC_SEQ_CST);
    struct media_cmd cmd = {.type = MEDIA_SURVEY, .room = {PLANE_ROOM}};
    assert_int_equal(media_post(m, &cmd), 0);
    for (int64_t end = clock_monotonic_us() + 20000000; __atomic_load_n(&plane_surveys, __ATOMIC_SEQ_CST) == before && clock_monotonic_us() < end;)
        usleep(500);
    assert_true(__atomic_load_n(&plane_surveys, __ATOMIC_SEQ_CST) > before);
}
#endif
