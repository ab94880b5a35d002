/* media - the media plane's whole surface: commands in, events out. Typed structs: no SDP, no JSON, no medicine.
 *
 * The plane hides sockets, ICE-lite (RFC 8445), DTLS-SRTP (RFC 5764), RTP/RTCP, forwarding and recording. One worker
 * thread per core owns its peers; commands reach it through a mailbox and are carried out in order per room (all peers of a
 * room live on one worker). Events are delivered on a media thread: the callback must only queue (mailbox_put).
 * Ids are chosen by the caller (id_new), never reused; a command for an id that is gone is a lookup miss, not an error.
 */
#ifndef YL_MEDIA_MEDIA_H
#define YL_MEDIA_MEDIA_H

#include "server/base/fault.h"
#include "server/base/id.h"
#include "server/base/share.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEDIA_CODECS_MAX 8
#define MEDIA_RIDS_MAX 3
#define MEDIA_CANDIDATES_MAX 16
#define MEDIA_DIAL_MAX 4

struct media;
struct media_event;

enum media_dtls { /* which library does the handshakes */
    MEDIA_DTLS_DEFAULT, /* OpenSSL: cheaper, and it can agree on AES-GCM for SRTP (docs/decisions/0004) */
    MEDIA_DTLS_OPENSSL,
    MEDIA_DTLS_MBEDTLS /* AES_CM_128_HMAC_SHA1_80 only */
};

struct media_config {
    const char *bind_address; /* "0.0.0.0", "127.0.0.1" or an IPv6 address */
    uint16_t udp_port;        /* one UDP port for all peers; 0 = any free one */
    uint16_t tcp_port;        /* announced for ICE over TCP (RFC 6544, passive): the caller listens and gives what comes to media_take_stream;
                                 0 = none */
    const char *announce;     /* comma-separated addresses put into candidates; "" = every local non-loopback address,
                                 or the loopback one when there is no other (Firefox never pairs with 127.0.0.1) */
    unsigned workers;         /* 0 = one per processor core */
    const char *record_dir;   /* scratch directory for recordings in progress; "" = recording refused */
    uint64_t record_min_free_bytes; /* recordings end, whole, when their disk has less; 0 = no limit */
    unsigned voices;          /* of a room are forwarded at once, the loudest; 0 = all */
    uint32_t max_bitrate_bps; /* told to each publisher by REMB until an estimator says otherwise */
    void (*on_event)(void *ctx, const struct media_event *event); /* borrowed for the call; copy it */
    void *on_event_ctx;
    enum media_dtls dtls;
    const char *pipe_program; /* yilian-pipe, for pictures and voices whose codec must change; NULL or "" = they are left out. Outlives the plane */
    bool no_segments; /* never use UDP segmentation offload (it is tried, and left where the kernel refuses it) */
};

YL_CHECKED int media_open(struct media **out, const struct media_config *config, struct fault *f);
/* Closes every peer (DTLS close_notify), finishes recordings, joins threads. */
void media_close(struct media *m);

/* ---- what an SDP writer needs to know about us (constant after media_open; any thread) ---- */
struct media_candidate {
    char address[46];
    uint16_t port;
    uint32_t priority;
    bool tcp; /* passive: the peer connects */
};
const char *media_fingerprint(const struct media *m); /* "sha-256 AA:BB:..." of the DTLS certificate */
size_t media_candidates(const struct media *m, struct media_candidate out[MEDIA_CANDIDATES_MAX]);
/* A TCP connection that began with something else than TLS: ICE over TCP (framed by RFC 4571). Takes the descriptor. Any thread. */
void media_take_stream(struct media *m, int fd);
/* Does every worker still take what it is told? Asks each and looks whether what was asked before was taken within 2 s; the answer of
 * this call is about the question of an earlier one. One thread at a time. */
bool media_answers(struct media *m);
/* Fresh ICE credentials (RFC 8445 5.3): ufrag 8 characters, unique in this process; password 24 characters. */
void media_ice_credentials(char ufrag[16], char password[32]);

/* ---- parameters ---- */
enum media_kind { MEDIA_AUDIO, MEDIA_VIDEO };
enum media_codec { MEDIA_OPUS, MEDIA_VP8, MEDIA_VP9, MEDIA_H264, MEDIA_AV1, MEDIA_CODEC_COUNT };

struct media_payload {
    enum media_codec codec;
    uint8_t payload_type;
    uint8_t rtx_payload_type; /* 0 = none */
    char fmtp[128];           /* as negotiated, for recordings and equality; may be empty */
    uint8_t red_payload_type; /* of a voice: with the packet before it once more (RFC 2198); 0 = none */
};

/* RTP header extension ids negotiated for one m-line (RFC 8285), 0 = absent. */
struct media_extensions {
    uint8_t mid, rid, repaired_rid, audio_level, transport_cc, abs_send_time, dependency_descriptor, orientation;
};

struct media_peer_params {
    struct peer_id peer;
    struct room_id room;
    char local_ufrag[16], local_password[32];   /* from media_ice_credentials */
    char remote_ufrag[260], remote_password[260];
    char remote_fingerprint[100];               /* "AA:BB:.." SHA-256; the DTLS certificate is checked against it */
    bool inside;                                /* no network: its packets come with MEDIA_PEER_INPUT, the credentials above are not read */
    bool dtls_client;                           /* true: we answered a=setup:active and send the ClientHello */
    size_t n_dial;                              /* not 0: another daemon, also ICE-lite: we check these addresses of it, over a socket of the
                                                   peer's own, and send the ClientHello (a link between nodes) */
    struct media_dial { char ip[46]; uint16_t port; } dial[MEDIA_DIAL_MAX];
};

struct media_track_params { /* one incoming track (a producer) */
    struct peer_id peer;
    struct track_id track;
    enum media_kind kind;
    char mid[16];
    size_t n_payloads;
    struct media_payload payloads[MEDIA_CODECS_MAX];
    struct media_extensions extensions;
    uint32_t ssrc, rtx_ssrc;  /* from a=ssrc / a=ssrc-group:FID, or 0 = learn from the MID (+RID) extension */
    size_t n_rids;            /* simulcast layers offered, lowest first; 0 = single stream */
    char rids[MEDIA_RIDS_MAX][16];
    uint32_t layer_ssrcs[MEDIA_RIDS_MAX], layer_rtx_ssrcs[MEDIA_RIDS_MAX]; /* of layers, where they are known beforehand; 0 = learn */
};

struct media_feed_params { /* one outgoing copy of a track to a peer (a consumer) */
    struct peer_id peer;
    struct feed_id feed;
    struct track_id track;
    char mid[16];
    struct media_extensions extensions;
    uint32_t ssrc, rtx_ssrc;  /* chosen by the caller, unique per peer; rtx 0 = none */
    bool paused;
    uint8_t value;            /* where the receiver's line is too thin for all: higher first */
    bool every;               /* of a voice also what is not among the loudest */
    uint8_t exact;            /* n: layer n - 1 and no other, for a node that passes every layer on; 0 = the best of use */
    size_t n_payloads;        /* what the receiver negotiated: the feed is silent for a codec that is not in it */
    struct media_payload payloads[MEDIA_CODECS_MAX];
};

struct media_record_params { /* per-track recording of a room: every track now in it and each that comes later */
    struct room_id room;
    uint64_t recording;  /* id chosen by the caller */
    int64_t started_ms;  /* UTC at the caller, stored in the manifest */
};

/* The programme of a room, packaged for all who watch over HTTP: one picture (H.264) and one voice (Opus), fMP4 pieces of 200 ms. A picture
 * of another codec is there while somebody watches: a child process makes H.264 of it, once for all. Likewise a second rendition with AAC
 * for players that know no Opus, while somebody asks for that. */
struct media_live_params {
    uint64_t lecture; /* id chosen by the caller */
    enum media_kind kind;
    struct track_id track; /* MEDIA_LIVE_TRACK: the picture or the voice from now on; .v 0 = none */
    int64_t epoch_us;      /* MEDIA_LIVE_START: of a programme that goes on after a break, as its pieces told it; 0 = a new one */
    uint32_t generations;  /* likewise: how many there were; MEDIA_LIVE_WATCHED: of the rendition with AAC */
    bool watched;          /* MEDIA_LIVE_WATCHED: somebody watches, so keyframes are asked for every 2 s, else every 20 s */
    bool aac;              /* likewise: somebody asks for the rendition with AAC */
};

/* ---- commands ---- */
enum media_cmd_type {
    MEDIA_PEER_OPEN,     /* .peer_open */
    MEDIA_PEER_RESTART,  /* .peer_open: new ICE credentials for the same peer (ICE restart, RFC 8445 2.4); DTLS goes on */
    MEDIA_PEER_CLOSE,    /* .peer */
    MEDIA_PEER_INPUT,    /* .input: RTP of a peer that is inside; the command takes the reference on 0 */
    MEDIA_TRACK_OPEN,    /* .track_open; again with the same id: parameters are replaced (renegotiation) */
    MEDIA_TRACK_CLOSE,   /* .track; its feeds go silent and are closed too */
    MEDIA_TRACK_PAUSE,   /* .track, .on: true = drop what arrives (server-side mute) */
    MEDIA_FEED_OPEN,     /* .feed_open; asks the publisher for a keyframe once the feed can send */
    MEDIA_FEED_CLOSE,    /* .feed */
    MEDIA_FEED_PAUSE,    /* .feed, .on; resuming asks for a keyframe */
    MEDIA_FEED_LAYER,    /* .feed, .layer: highest layer of use, 0..2; of an `exact` feed, of the sizes inside its stream */
    MEDIA_FEED_VALUE,    /* .feed, .value */
    MEDIA_FEED_EVERY,    /* .feed, .on: of a voice also what is not among the loudest, for a node that records it or shows it in a lecture */
    MEDIA_KEYFRAME,      /* .track */
    MEDIA_RECORD_START,  /* .record */
    MEDIA_RECORD_STOP,   /* .recording */
    MEDIA_LIVE_START,    /* .live.lecture */
    MEDIA_LIVE_TRACK,    /* .live */
    MEDIA_LIVE_WATCHED,  /* .live.lecture, .watched */
    MEDIA_LIVE_STOP,     /* .live.lecture */
    MEDIA_ROOM_CLOSE,    /* .room: closes every peer, stops its recording and its programme */
    MEDIA_SURVEY         /* .survey: answered by one MEDIA_SURVEYED, also for a room that is not there */
};

struct media_cmd {
    enum media_cmd_type type;
    struct room_id room; /* always set: it names the worker */
    union {
        struct media_peer_params peer_open;
        struct peer_id peer;
        struct { struct peer_id peer; struct share *packets; } input; /* each: length u16, big endian, then the packet */
        struct media_track_params track_open;
        struct { struct track_id track; bool on; } track;
        struct media_feed_params feed_open;
        struct { struct feed_id feed; bool on; uint8_t layer, value; } feed;
        struct media_record_params record;
        struct media_live_params live;
        struct { uint64_t id; struct peer_id peer; } survey; /* id: the asker's; peer: whose feeds are told too, .v 0 = nobody's */
        uint64_t recording;
    };
};

/* Copies the command into the worker's mailbox. ERR_UNAVAILABLE when the worker's queue is full. Any thread. */
YL_CHECKED int media_post(struct media *m, const struct media_cmd *cmd);

/* ---- devices: endoscopes, ultrasound, cameras that speak RTSP, RTMP or SRT ---- */
struct media_intake_params {
    struct room_id room;
    struct peer_id peer;          /* chosen by the caller; the device's seat in the media plane */
    struct track_id picture, voice;
    const char *url;              /* rtsp:// rtsps:// rtmp:// srt://, with name and password where there are any; copied, never logged */
};
/* Fetches the stream in a child process and publishes it as that peer: H.264 as it comes, sound as Opus. It goes on, with growing waits
 * when it cannot, until media_intake_stop. ERR_UNAVAILABLE: no child program here, or busy. Any thread. */
YL_CHECKED int media_intake_start(struct media *m, const struct media_intake_params *p);
void media_intake_stop(struct media *m, struct room_id room, struct peer_id peer);
enum media_intake_state {
    MEDIA_INTAKE_CONNECTING,
    MEDIA_INTAKE_RUNNING,  /* its packets come */
    MEDIA_INTAKE_WAITING,  /* .why; it is tried again by itself */
};
enum media_intake_why { MEDIA_INTAKE_INTERNAL, MEDIA_INTAKE_UNREACHABLE, MEDIA_INTAKE_REFUSED, MEDIA_INTAKE_NOT_FOUND, MEDIA_INTAKE_FORMAT, MEDIA_INTAKE_ENDED };

/* ---- events ---- */
enum media_event_type {
    MEDIA_PEER_CONNECTED,   /* .peer: ICE valid and SRTP keys ready (first time) */
    MEDIA_PEER_MOVED,       /* .peer: the same peer now comes from another address */
    MEDIA_PEER_SILENT,      /* .peer: no STUN consent check and no packet for 5 s (RFC 7675 in spirit) */
    MEDIA_PEER_BACK,        /* .peer: heard again after MEDIA_PEER_SILENT */
    MEDIA_PEER_FAILED,      /* .peer: DTLS failed, fingerprint mismatch, or silent for 60 s; the peer is closed */
    MEDIA_TRACK_LIVE,       /* .track: first packet; .codec is what arrives */
    MEDIA_TRACK_STALLED,    /* .track: no packet for 3 s though not paused */
    MEDIA_TRACK_LAYERS,     /* .track, .layers: the simulcast layers (bit 0 lowest) that somebody receives or records; the rest may rest */
    MEDIA_LEVELS,           /* .levels: audio levels of a room, at most every 250 ms while anyone speaks */
    MEDIA_QUALITY,          /* .quality: one peer, every 2 s */
    MEDIA_STREAMS,          /* .streams: the pictures that one peer receives, every 2 s */
    MEDIA_RECORD_FILE,      /* .file: one finished file of a recording */
    MEDIA_RECORD_DONE,      /* .recording: all files were reported; .error 0 or why it ended early (ERR_STORAGE: no room, also before it began) */
    MEDIA_RECORD_TROUBLE,   /* .recording: .error = why something of it is being lost at the disk; 0 = no more for 5 s */
    MEDIA_LIVE_PIECE,       /* .piece: the next piece of a programme */
    MEDIA_LIVE_END,         /* .piece.lecture: no more pieces of it */
    MEDIA_INTAKE,           /* .peer, .intake: a device's stream changed its state */
    MEDIA_SURVEYED          /* .survey: the room as its worker sees it */
};

struct media_quality {
    uint32_t rtt_ms;                 /* 0 = not yet known */
    uint32_t up_bps, down_bps;       /* media received from / sent to this peer */
    uint16_t up_loss_permille, down_loss_permille; /* over the last period; down as reported in RRs */
    uint32_t up_jitter_ms, down_jitter_ms;
    uint32_t line_bps, line_queue_ms; /* what the line down carries and what stands on it, by transport-wide feedback; 0 = not known */
};

/* What the receiver's line made of a picture. */
enum media_reduced {
    MEDIA_WHOLE,
    MEDIA_FEWER_FRAMES, /* temporal layers left out */
    MEDIA_SMALLER,      /* a lower simulcast layer than the page has use for */
    MEDIA_STILLS,       /* nothing of it fits but a keyframe every few seconds */
    MEDIA_HELD          /* nothing of it is sent */
};
#define MEDIA_STREAMS_MAX 16
struct media_stream {
    struct track_id track;
    enum media_reduced reduced;
    uint8_t layer;
    bool rests; /* the layer that the page has use for is at rest at its publisher: it was asked for */
    uint16_t loss_permille, frozen_ms; /* as the receiver reports; gaps of over 0.4 s between packets in the last 2 s */
    uint32_t bps, delay_ms;            /* delay: half the round trip and the queue */
};

/* ---- a room as its worker sees it, for those who look after the machine. Told by the worker between two rounds of packets, so that nothing
 * on their way is read by another thread. Counts are since the stream began. ---- */
enum media_way { MEDIA_WAY_NONE, MEDIA_WAY_UDP, MEDIA_WAY_TCP, MEDIA_WAY_INSIDE };
struct media_survey_peer {
    struct peer_id peer;
    enum media_way way;
    bool ipv6;
};
struct media_survey_sent { /* one stream that a peer sends: a track, or a simulcast layer of it */
    struct peer_id peer;
    struct track_id track;
    enum media_kind kind;
    enum media_codec codec;
    uint8_t layer, layers; /* of how many */
    bool alive, rests;     /* alive: it came in the last second or so; rests: nobody has use for it, its page was told */
    uint16_t width, height, loss_permille; /* 0 = not known */
    uint32_t bps, jitter_ms, nacks, restored, keyframe_requests; /* packets asked for again, come as RTX; PLI */
};
struct media_survey_feed { /* one copy of a track to the peer asked about */
    struct track_id track;
    enum media_reduced reduced;
    uint8_t layer;
    bool paused, waits; /* waits: for a keyframe */
    uint16_t loss_permille;
    uint32_t bps, jitter_ms, nacks, resent, keyframe_requests, freezes;
};
#define MEDIA_INSIDE_BUCKETS 16
extern const int64_t media_inside_bounds_us[MEDIA_INSIDE_BUCKETS - 1]; /* upper; the last bucket has none */
#define MEDIA_SURVEY_PEERS 256
#define MEDIA_SURVEY_SENT 512
#define MEDIA_SURVEY_FEEDS 128
struct media_survey {
    uint64_t id;
    bool here; /* there is such a room */
    size_t n_peers, n_sent, n_feeds;
    struct media_survey_peer peers[MEDIA_SURVEY_PEERS];
    struct media_survey_sent sent[MEDIA_SURVEY_SENT];
    struct media_survey_feed feeds[MEDIA_SURVEY_FEEDS];
    uint32_t inside[MEDIA_INSIDE_BUCKETS]; /* how long packets were in this server, from its socket to its socket, in the last one to two minutes: sends to all
                                              receivers of what stood ready, by their time */
};

#define MEDIA_LEVELS_MAX 32
struct media_event {
    enum media_event_type type;
    struct room_id room;
    struct peer_id peer;
    struct track_id track;
    enum media_codec codec;
    int error;
    struct {
        size_t n;
        struct { struct track_id track; uint8_t level_dbov; /* 0 loudest .. 127 silence (RFC 6464) */ } at[MEDIA_LEVELS_MAX];
    } levels;
    struct media_quality quality;
    struct { enum media_intake_state state; enum media_intake_why why; } intake;
    uint8_t layers;
    struct {
        size_t n;
        struct media_stream at[MEDIA_STREAMS_MAX];
    } streams;
    struct media_survey *survey; /* malloc'd; the receiver of the event frees it */
    uint64_t recording;
    struct {
        char path[512];        /* complete and fsynced; the receiver of the event moves or deletes it */
        char content_type[64]; /* "video/webm", "audio/webm", "video/x-matroska" (H.264) */
        char sha256[65];
        uint64_t bytes;
        int64_t started_ms;    /* UTC of the first sample */
        int64_t duration_ms;
    } file;
    struct media_piece {
        uint64_t lecture;
        struct share *bytes;    /* borrowed for the call; share_ref keeps them */
        size_t picture_bytes;   /* the first bytes are the picture's fragment, the rest the voice's */
        uint32_t hole_at;       /* != 0: where in the bytes four (big-endian, 1/90000 s) say how long the last picture is shown, which nobody knows yet: said far too long */
        bool init;              /* an initialisation segment: the pieces of this generation need it */
        bool segment;           /* a segment begins */
        bool key;               /* a decoder can begin here */
        bool picture;           /* false: sound alone */
        bool aac;               /* of the rendition with AAC; it counts its own generations */
        uint8_t reduced;        /* a picture whose codec is changed: the machine is late, so it has 1 half the frames, 2 also half the width, 3 few frames */
        uint32_t generation;
        uint16_t width, height;
        int64_t start_us, duration_us; /* time of the programme, as in the bytes */
        int64_t epoch_us;       /* UTC of the programme's time 0 */
        char codecs[40];        /* RFC 6381 */
    } piece;
};

/* Prometheus figures are registered in server/base/metrics under yilian_media_*. */
#endif
