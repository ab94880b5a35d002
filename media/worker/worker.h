/* worker - a media thread: one epoll loop, one UDP socket, its rooms, peers, tracks and feeds. Internal to media/.
 *
 * Owns everything in struct worker; nothing here is touched by another thread except the mailbox, the event descriptor and the hand-over rings. The packet
 * path (worker_datagram -> forward -> egress) takes no lock and no memory. Split by concern: worker.c loop and sockets, commands.c what the
 * caller asked for, peer.c what a peer sends, forward.c tracks to feeds, ride.c voice
 * along with pictures, clockwork.c everything periodic.
 */
#ifndef YL_MEDIA_WORKER_WORKER_H
#define YL_MEDIA_WORKER_WORKER_H

#include "media/media.h"
#include "media/mux/caster.h"
#include "media/mux/recorder.h"
#include "media/rtp/far_clock.h"
#include "media/router/consumer.h"
#include "media/router/voices.h"
#include "media/rtp/twcc.h"
#include "media/transport/ice.h"
#include "media/worker/egress.h"
#include "media/worker/handshake.h"
#include "media/worker/ingress.h"
#include "media/worker/line.h"
#include "media/worker/steer.h"
#include "media/worker/table.h"
#include "server/base/mailbox.h"
#include <pthread.h>
#include <sys/socket.h>

#define FRESH_MAX 16
#define COPIES_MAX (2 * FRESH_MAX) /* of a picture, and voice along with it */
#define RTCP_BYTES 1200
#define PEER_SSRCS 128
#define PEER_TRACKS_MAX 16
#define LEAVING_MAX 64

struct worker;
struct peer;
struct dial;

struct feed { /* what a packet needs comes first, as in struct peer */
    struct peer *peer; /* receives */
    struct track *track;
    int64_t packet_us, gap_us; /* last packet; gaps since its quality was told */
    uint32_t rode;             /* the track's turn in which its packets went along with a picture */
    bool stands;               /* no packet for so long that a person sees it stand still */
    bool replays;
    struct consumer consumer;
    struct feed *next_replay, **back_replay; /* in worker.replays while `replays` */
    int64_t step_us;                         /* when its next part is due */
    uint64_t bytes_prior;     /* when its quality was told last */
    uint32_t packets_prior;
    uint32_t nacks, resent, keyframe_requests, freezes; /* only counted, for who looks on */
    uint64_t surveyed_bytes;
    uint32_t surveyed_bps;
    int64_t surveyed_us;
};

struct track {
    struct producer producer;
    struct peer *peer; /* sends */
    struct room *room;
    struct feed **feeds;
    size_t n_feeds, cap_feeds;
    struct voice voice;   /* of an audio track: whether receivers get it now */
    struct consumer *tap; /* the recording's copy, NULL = not recorded */
    int64_t tap_key_us, tap_refer_us, wished_us;
    struct consumer *live; /* the programme's copy, NULL = not in it */
    int64_t live_key_us, live_refer_us;
    /* Packets that came and are not forwarded yet: a receiver gets those of one frame together. */
    struct packet fresh[FRESH_MAX];
    size_t n_fresh;
    int64_t fresh_us;         /* when the first of them came */
    struct track *next_fresh; /* in worker.fresh; meaningful while n_fresh */
    int64_t until_us;         /* voice: how long they may wait for a picture to go along with, see ride.c */
    int64_t ride_us, ride_seen_us; /* likewise: as it is now, and when that was looked at */
    int64_t frame_us, gap_us; /* picture: when a frame left last, and the usual time between two */
    int64_t whole_us, before_us; /* picture: when the last packet of the newest frame came, and of the one that left before it */
    struct track *next_picture; /* in room.pictures */
    uint32_t turn;            /* grows with each time that packets are sent; begins with 1 */
    uint8_t layers;           /* as told last: those that somebody wants */
    int64_t layers_us, wanted_us[MEDIA_RIDS_MAX], asked_us[MEDIA_RIDS_MAX]; /* looked at last; each wanted last, asked for since */
};

struct room {
    struct room_id id;
    struct table peers;    /* by peer id */
    struct track *pictures; /* its video tracks */
    uint64_t recording;    /* 0 = none */
    uint64_t lecture;      /* 0 = no programme */
    struct track_id programme[2]; /* by media_kind: the tracks that were chosen for it */
    bool watched; /* somebody watches the programme */
    struct voices voices; /* those that are forwarded */
    int64_t levels_us;
    bool speaking;
    struct { /* how long packets were in here: of this minute, and of the one before */
        uint32_t now[MEDIA_INSIDE_BUCKETS], before[MEDIA_INSIDE_BUCKETS];
        int64_t began_us;
    } inside;
};

struct ssrc_slot {
    uint32_t ssrc;
    uint8_t layer;
    bool rtx;
    struct track *track; /* NULL = free */
};

struct uplink { /* of a peer that sends */
    struct ssrc_slot ssrcs[PEER_SSRCS];
    struct twcc twcc;
    bool twcc_used;
    int64_t twcc_us;
};

struct peer {
    struct worker *worker;
    struct room *room;
    struct peer_id id;
    /* What a packet to it needs stands together: with hundreds of receivers none of it is in the cache. */
    struct srtp_box *srtp; /* NULL until the handshake is over */
    struct srtp_seal *seal; /* of it, at hand for the packet path, and how much it adds */
    struct line *line; /* towards it; NULL: it gives no transport-wide feedback */
    struct dial *dial; /* another node, reached over a socket of its own; NULL: who comes to the worker's socket */
    size_t tag;
    uint64_t down_bytes, up_bytes, up_bytes_prior, down_bytes_prior;
    struct feed **feeds;
    size_t n_feeds, cap_feeds;
    struct ice ice;
    bool inside; /* no network: a device's child process sends for it */
    bool silent, proved; /* proved: SRTP came, so its side of the handshake is over */
    struct track *tracks[PEER_TRACKS_MAX];
    size_t n_tracks;
    struct uplink *up; /* from its first track on */
    bool reported; /* its last second had a sender report */
    bool lively; /* in worker.lively: looked after every tick, not only every tenth */
    struct peer *next_lively;
    int64_t report_us, quality_us, born_us;
    struct far_clock clock; /* the publisher's */
    uint32_t rtt_ms;
};

struct counted {
    uint64_t packets_in, bytes_in, packets_out, bytes_out, handed;
    int64_t peers, tracks, feeds; /* as told last */
};

struct crew { /* all workers of a plane; constant while they run */
    unsigned n;
    struct worker *workers;
};

/* What a worker's mailbox carries; allocated as large as its kind needs. */
struct message {
    enum { MESSAGE_COMMAND, MESSAGE_ANSWER, MESSAGE_ROUTE, MESSAGE_PING } kind;
    int64_t posted_us; /* of a command */
    union {
        struct media_cmd command;
        struct handshake_answer answer;
        struct route route;
    };
};

struct copies { /* packets of a track (and of one that goes along), rewritten for one receiver */
    size_t n;
    struct rtp_parts parts[COPIES_MAX];
    size_t len[COPIES_MAX]; /* sealed */
    bool may_pad[COPIES_MAX];
};

struct worker {
    struct media_config config;
    struct mailbox *mailbox;
    unsigned index;
    struct crew *crew;
    struct steer steer;
    struct recorder_inlet *recorder; /* NULL = recording refused */
    struct caster_inlet *caster;
    struct handshake *handshake;
    pthread_t thread;
    bool started;
    int socket, epoll, wake; /* wake: eventfd */
    int family;
    const int *stop; /* atomic; set, then woken: carry out what is queued, close everything, end */
    struct table peers, tracks, feeds, rooms, by_tuple, by_ufrag;
    int64_t now_us, tick_us, wake_us; /* wake_us: when held packets must leave */
    int64_t came_us;       /* when the kernel had the datagram at hand */
    int64_t batch_us;      /* when datagrams were taken last */
    int64_t beat_us;       /* between two looks at the socket, where many packets leave; 0 = it wakes us */
    int64_t expected_us;   /* when the next frame for many should be complete */
    uint32_t arrivals;     /* datagrams a second, over the last half second or so */
    struct counted counted;
    struct egress egress;
    struct track *fresh; /* tracks with packets that wait */
    struct feed *replays, **replays_end; /* those who catch up, who is due first in front */
    struct peer *lively;  /* those who send, and those with a line */
    struct dial *dials;   /* peers that are other nodes */
    struct message *ending; /* a command that waits for what came before it; those behind it too */
    unsigned ticks;
    struct line *lines;  /* busy ones, served at lines_us */
    int64_t lines_us;
    struct { /* what was handed to egress since it was flushed last: whose, and when it had come */
        struct room *room; /* NULL = closed meanwhile */
        int64_t came_us;
    } leaving[LEAVING_MAX];
    size_t n_leaving;
    struct ingress ingress;
    uint32_t load;         /* atomic: packets a second, over the last half second or so */
    int pinged;            /* atomic: a MESSAGE_PING waits to be taken */
    int64_t pinged_us;     /* of the asker: since when */
};

YL_CHECKED int worker_start(struct worker *w);
void worker_join(struct worker *w);
void worker_fini(struct worker *w); /* what worker_start made; after all threads ended */

/* Any thread: into the mailbox. */
YL_CHECKED int worker_post(struct worker *w, const struct media_cmd *cmd);
bool worker_answers(struct worker *w, int64_t now_us); /* media_answers of one */
void worker_route(struct worker *w, const struct route *route);
void worker_wake(struct worker *w);
void message_drop(void *message);
/* Begins a peer's handshake; its answers come to this worker's mailbox. Fills in whom to tell, and where to send unless the peer has a socket. */
YL_CHECKED int worker_handshake(struct worker *w, struct handshake_peer *peer);

/* What stands in the send arena, as egress_put: to where the peer is, by the way it came. */
void peer_put(struct peer *peer, size_t bytes, size_t segment);
/* One datagram as it is. */
void worker_send(struct worker *w, const uint8_t *bytes, size_t len, const struct address *to);
/* Begins an RTCP packet for a peer in the send arena; peer_send_rtcp seals and sends what the builder holds. */
void peer_begin_rtcp(struct peer *peer, struct rtcp_builder *b);
void peer_send_rtcp(struct peer *peer, struct rtcp_builder *b);

void worker_event(struct worker *w, const struct media_event *event);
void peer_event(struct peer *peer, enum media_event_type type);
void worker_command(struct worker *w, const struct media_cmd *cmd);
void worker_close_everything(struct worker *w);

/* peer.c */
void worker_came(struct worker *w, int64_t us); /* the next datagram, then: what was to end before it ends */
void worker_datagram(struct worker *w, uint8_t *data, size_t len, const struct address *from);
/* RTP of a peer that is inside. */
void peer_inside_input(struct worker *w, struct peer_id id, const struct share *packets);
/* A datagram of this peer that is no STUN. */
void peer_datagram(struct peer *peer, uint8_t *data, size_t len, const struct address *from);
/* An answer to our check came from there. */
void peer_dialled(struct peer *peer, const struct address *from);
void peer_handshake(struct worker *w, const struct handshake_answer *answer);
struct ssrc_slot *peer_ssrc(struct peer *peer, uint32_t ssrc);
void peer_bind(struct peer *peer, uint32_t ssrc, struct track *track, size_t layer, bool rtx);
void peer_forget_track(struct peer *peer, const struct track *track);
void peer_forget_address(struct peer *peer, const struct address *address);
void peer_close(struct peer *peer, bool goodbye);
/* forward.c */
/* Notes a packet for forwarding; forward_due sends what is complete, forward_flush all that a track holds. */
void forward_packet(struct track *track, const struct packet *packet);
void forward_flush(struct track *track);
/* Returns when it wants to be called again at the latest, INT64_MAX = nothing waits. */
int64_t forward_due(struct worker *w);
void forward_wish_keys(struct track *track);
void forward_wish_key(struct feed *feed); /* for one receiver */
void forward_send_pli(struct track *track, size_t layer);
void peer_rtcp(struct peer *peer, const uint8_t *data, size_t len);
void track_close(struct track *track);
void feed_close(struct feed *feed);
void track_record(struct track *track, bool on);
void track_record_refer(struct track *track); /* as often as one likes */
/* By the publisher's sender reports: our clock shows utc_us at this time of a copy. False: none has come yet. */
bool track_clock(const struct track *track, struct consumer *copy, uint32_t *timestamp, int64_t *utc_us);
void forward_copies(struct peer *peer, struct copies *c); /* seals and puts them into the send arena, equal ones together */
/* ride.c: voice that goes along with a picture */
int64_t ride_until_us(struct track *voice); /* how long its first fresh packet waits for one; in the past: not at all */
void ride_rhythm(struct track *picture);          /* its fresh packets leave now */
struct track *ride_along(const struct track *picture); /* the voice that waits longest in the room; NULL = none */
struct feed *ride_feed(const struct track *voice, size_t near, const struct peer *peer); /* that receiver's, looked for at about this place */
/* catchup.c */
bool catchup_begin(struct feed *feed); /* a newcomer is sent the group of pictures; false: he needs a keyframe */
void catchup_end(struct feed *feed);
/* Sends those parts that are due, as many as delay nobody else; when it wants to be called again, INT64_MAX = nobody catches up. */
int64_t catchup_due(struct worker *w);
/* lecture.c */
void lecture_command(struct worker *w, struct room *room, const struct media_cmd *c);
void lecture_stop(struct worker *w, struct room *room);
void lecture_tap(struct track *track); /* when it was chosen */
void lecture_untap(struct track *track);
void lecture_update(struct track *track); /* renegotiated */
void lecture_packet(struct track *track, const struct packet *packet);
void lecture_wish_key(struct track *track);
void lecture_refer(struct track *track); /* as often as one likes */
void feed_noted(struct feed *feed); /* something of it was sent: gaps are what a person sees as standing still */
/* Seals and sends the copy of one packet, counted and numbered. */
void forward_one(struct peer *peer, struct rtp_parts *parts);
/* survey.c */
void worker_survey(struct worker *w, const struct media_cmd *cmd);
void survey_leaves(struct worker *w, struct room *room, int64_t came_us); /* packets that came then are with egress now */
void survey_left(struct worker *w);                                       /* and it was flushed */
void survey_forget(struct worker *w, const struct room *room);
/* clockwork.c */
void peer_enliven(struct peer *peer); /* it sends, or gives feedback about its line: it is looked after every tick from now on */
void peer_calm(struct peer *peer);    /* before it goes */
void worker_tick(struct worker *w);
enum media_reduced feed_reduced(const struct feed *feed); /* what its receiver's line makes of it */
uint64_t worker_ntp(void);
#endif
