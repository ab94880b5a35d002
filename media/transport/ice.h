/* ice - an ICE-lite agent for one peer (RFC 8445, always controlled, host candidates of the one socket). Sans-I/O.
 *
 * Hides credentials, role conflicts, which remote address is used, restarts and the consent clock (RFC 7675 in spirit: a lite
 * agent sends no checks, so a peer is alive while its checks or its SRTP packets arrive). Caller's memory; worker thread.
 * The address of a peer changes only by an authenticated check, or by an authentic packet from an address that a check proved.
 */
#ifndef YL_MEDIA_TRANSPORT_ICE_H
#define YL_MEDIA_TRANSPORT_ICE_H

#include "media/transport/stun.h"

#define ICE_TUPLES_MAX 6
#define ICE_REPLY_BYTES 200

struct ice_credentials {
    char ufrag[16], password[32];
};

struct ice {
    struct ice_credentials local, former; /* former: still valid until a check with the new ones arrives */
    bool has_former, has_selected;
    struct address selected;
    uint32_t selected_priority;
    int64_t heard_us;          /* last authentic thing from the peer */
    int64_t selected_heard_us; /* the same from the selected address */
    size_t n_tuples;
    struct {
        struct address address;
        uint32_t priority;
        int64_t heard_us;
    } tuples[ICE_TUPLES_MAX]; /* proved addresses, most recently proved kept */
};

struct ice_result {
    size_t reply_len;       /* bytes to send back to where the request came from; 0 = none */
    bool selected_changed;  /* ice.selected is new or different */
    bool new_tuple;         /* `from` was not proved before: tell the address table */
    bool dropped_tuple;     /* and this one made room for it */
    struct address dropped;
};

void ice_init(struct ice *ice, const struct ice_credentials *local, int64_t now_us);
/* New local credentials (RFC 8445 2.4). The selected address goes on until the peer checks with them. */
void ice_restart(struct ice *ice, const struct ice_credentials *local);
/* True when the username's first part is one of ours. */
bool ice_accepts(const struct ice *ice, const struct stun_message *m);
/* One parsed STUN message. ERR_UNAUTHENTICATED: not from the peer (answered 401 only when it carried no integrity at all). */
YL_CHECKED int ice_input(struct ice *ice, const struct stun_message *m, const struct address *from, int64_t now_us,
                         uint8_t reply[ICE_REPLY_BYTES], struct ice_result *result);
/* The other side is lite too and we check it: its answer came from there. The first address that answers is kept while it does; true when
 * that is new. The checks are the caller's (media/worker/dial.h). */
bool ice_answered(struct ice *ice, const struct address *from, int64_t now_us);
/* An authentic SRTP packet came from this proved address; returns true when that moved the selection. */
bool ice_heard(struct ice *ice, const struct address *from, int64_t now_us);
#endif
