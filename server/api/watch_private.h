/* watch_private - shared by watch.c (URLs, who may), watch_push.c (WebSocket) and watch_hls.c (playlists and parts). */
#ifndef YL_SERVER_API_WATCH_PRIVATE_H
#define YL_SERVER_API_WATCH_PRIVATE_H

#include "server/api/watch.h"
#include "server/live/programme.h"
#include <jansson.h>
#include <uthash.h>

#define WORD_BYTES 80
#define PASS_BYTES 96 /* "ROOM-UNTIL-MAC" */

struct viewer { /* one WebSocket */
    UT_hash_handle hh; /* watch.viewers, by id: a late answer finds it or not */
    uint64_t id;
    struct watch *watch;
    struct net_ws *ws;
    char word[WORD_BYTES], address[48];
    char *credential;  /* the session's; freed after the asking */
    bool by_session, asked, stays; /* it was sent on before, or could not go there */
    uint64_t room;     /* 0 = not yet let in */
    int64_t until_ms, opened_ms;
    struct programme *programme;
    struct viewer *next, **back; /* of the same programme */
    size_t at;         /* next piece */
    size_t judged_from; /* from this piece on it may be too slow */
    uint32_t generation;
    bool skipping, ended_told;
    struct { /* what it has from GET /live/ROOM/now */
        bool on;
        int64_t epoch_ms;
        uint32_t generation;
        size_t next;
    } has;
};

struct held { /* a request that waits for what comes */
    struct held *next;
    struct net_request *request;
    struct programme *programme;
    int64_t until_ms;
    uint64_t room;         /* of a beginning */
    char pass[PASS_BYTES]; /* set: the playlist that one begins with */
    bool playlist, skip;
    uint32_t segment;
    int part;
    unsigned per_part;
};

struct crowd { /* all viewers of a programme, so that nobody else is looked at for its news */
    UT_hash_handle hh; /* watch.crowds, by programme */
    struct programme *programme;
    struct viewer *first;
    size_t n;
};

struct watch {
    struct watch_config config;
    uint8_t secret[32]; /* of passes; new with every start, or the same on all nodes */
    struct viewer *viewers;
    struct crowd *crowds;
    struct held *held;
    struct line *lines; /* of HLS players, by their numbers */
    uint32_t last_line;
    uint64_t last_viewer;
    struct metric *m_viewers, *m_skips, *m_pieces;
};

/* ---- watch.c ---- */
int64_t watch_now_ms(void);
/* "/live/{room}..." -> the room's word; what follows it, from the '/' on, or "". NULL: no good path. */
const char *watch_path(const char *path, char word[WORD_BYTES]);
/* Room and end of a pass that is ours and not over; no name. */
int watch_pass_check(const struct watch *w, const char *pass, size_t len, struct desk_watch_made *made, struct fault *f);
void watch_refuse(struct net_request *r, const struct fault *f);
struct programme *watch_programme(struct watch *w, uint64_t room); /* an empty one where there is none yet; NULL = no memory */
void watch_pass(const struct watch *w, uint64_t room, int64_t until_ms, char out[PASS_BYTES]);
json_t *watch_nodes(struct watch *w, uint64_t room); /* addresses where a viewer of it goes; NULL: it stays here */

/* ---- watch_push.c ---- */
int push_serve(struct watch *w);
void push_news(struct watch *w, struct programme *p);
void push_gone(struct watch *w, struct programme *p);
/* GET /live/ROOM/now: a line of JSON, and what the first messages of a WebSocket would carry. */
void push_now(struct watch *w, struct net_request *r, const struct desk_watch_made *made, const char *pass);
void push_tick(struct watch *w, int64_t now_ms);
bool push_watched(struct watch *w, struct programme *p);
void push_send_away(struct watch *w);

/* ---- watch_hls.c ---- */
void hls_master(struct watch *w, struct net_request *r, const struct desk_watch_made *made, const char *pass);
void hls_below(struct watch *w, struct net_request *r, uint64_t room, const char *file);
void hls_news(struct watch *w, struct programme *p);
void hls_gone(struct watch *w, struct programme *p);
void hls_tick(struct watch *w, int64_t now_ms);
void hls_free(struct watch *w);
#endif
