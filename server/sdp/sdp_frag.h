/* sdp_frag - an application/trickle-ice-sdpfrag body (RFC 8840 9): what WHIP and WHEP clients PATCH. Pure.
 *
 * Candidates are read for their form only: an ICE-lite side learns addresses from the checks themselves (RFC 8445 6.1.1).
 */
#ifndef YL_SERVER_SDP_SDP_FRAG_H
#define YL_SERVER_SDP_SDP_FRAG_H

#include "media/media.h"

#define SDP_FRAG_MAX 65536

struct sdp_frag {
    char ufrag[260], password[260]; /* RFC 8839 5.4 */
    char media[160];                /* the first m-line, "" = none: an answer repeats it */
    char mid[16];                   /* of it */
    size_t n_candidates;
    bool end_of_candidates;
};

/* ERR_INVALID with f's field "sdpfrag:<line>" ("sdpfrag" for the whole): no credentials, a credential of a wrong length or with other
 * characters than RFC 8839 allows, two different ones, a line that is none. f is cleared first. */
YL_CHECKED int sdp_frag_parse(struct sdp_frag *out, const char *text, size_t len, struct fault *f);
/* Our fragment after an ICE restart, malloc'd; NULL: out of memory. `theirs` gives m-line and mid. */
char *sdp_frag_write(const struct sdp_frag *theirs, const char *ufrag, const char *password, const struct media_candidate *candidates,
                     size_t n);
#endif
