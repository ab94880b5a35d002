/* figures - what the media plane counts, under yilian_media_*. Registered once by figures_init; lock-free afterwards. */
#ifndef YL_MEDIA_WORKER_FIGURES_H
#define YL_MEDIA_WORKER_FIGURES_H

#include "server/base/metrics.h"

extern struct figures {
    struct metric *packets_in, *packets_out, *bytes_in, *bytes_out, *send_drops, *refused, *srtp_errors, *keyframe_requests, *replays,
        *nacks_sent, *resent, *peers, *tracks, *feeds, *handshakes, *handshake_failures, *moves, *record_drops, *handed_over, *handover_drops, *streams, *stream_drops, *inside,
        *turn;
} figures;
void figures_init(void);
#endif
