#include "media/worker/figures.h"

struct figures figures;

void figures_init(void)
{
    struct figures *f = &figures;
    f->packets_in = metric_counter("yilian_media_packets_received_total", "Datagrams taken from peers", NULL);
    f->packets_out = metric_counter("yilian_media_packets_sent_total", "SRTP and SRTCP packets sent", NULL);
    f->bytes_in = metric_counter("yilian_media_bytes_received_total", "Bytes taken from peers", NULL);
    f->bytes_out = metric_counter("yilian_media_bytes_sent_total", "Bytes of SRTP and SRTCP sent", NULL);
    f->send_drops = metric_counter("yilian_media_send_drops_total", "Packets the kernel did not take", NULL);
    f->refused = metric_counter("yilian_media_refused_total", "Datagrams from nobody known or not authentic", NULL);
    f->streams = metric_gauge("yilian_media_streams", "Connections of ICE over TCP", NULL);
    f->stream_drops = metric_counter("yilian_media_stream_drops_total", "Datagrams a slow TCP connection did not take", NULL);
    f->srtp_errors = metric_counter("yilian_media_srtp_errors_total", "Packets that SRTP refused", NULL);
    f->keyframe_requests = metric_counter("yilian_media_keyframe_requests_total", "PLI sent to publishers", NULL);
    f->replays = metric_counter("yilian_media_replays_total", "Groups of pictures sent to newcomers instead of asking for a keyframe", NULL);
    f->nacks_sent = metric_counter("yilian_media_nacks_sent_total", "Packets asked for again from publishers", NULL);
    f->resent = metric_counter("yilian_media_resent_total", "Packets sent again to receivers", NULL);
    f->peers = metric_gauge("yilian_media_peers", "Media transports", NULL);
    f->tracks = metric_gauge("yilian_media_tracks", "Incoming tracks", NULL);
    f->feeds = metric_gauge("yilian_media_feeds", "Outgoing copies of tracks", NULL);
    f->handshakes = metric_counter("yilian_media_handshakes_total", "DTLS handshakes completed", NULL);
    f->handshake_failures = metric_counter("yilian_media_handshake_failures_total", "DTLS handshakes failed", NULL);
    f->moves = metric_counter("yilian_media_address_changes_total", "Peers that came from a new address", NULL);
    f->record_drops = metric_counter("yilian_media_record_drops_total", "Packets a recording lost because the recorder was too slow", NULL);
    f->handed_over = metric_counter("yilian_media_handed_over_total", "Datagrams that came to another worker than their peer's", NULL);
    f->inside = metric_histogram("yilian_media_inside_seconds", "From taking packets from the socket to handing them on to it, once for all receivers", NULL);
    f->turn = metric_histogram("yilian_media_turn_seconds", "How long a worker was busy at a stretch; what comes meanwhile waits in its socket", NULL);
    f->handover_drops = metric_counter("yilian_media_handover_drops_total", "Of those, dropped because the owner was too slow", NULL);
}
