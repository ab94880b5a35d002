/* compose - what the daemon says to `yilian-pipe compose`, which makes one film, or pictures, of the tracks of a recorded session.
 *
 * It reads messages on its standard input and writes what it made to its standard output, and nothing else. A message is a head of 16 bytes
 * (big endian: payload length u32, type u8, track u8, word u16, time i64 in ms of the recording) and its payload:
 *   JOB      word = want | layout << 8; time = length of the recording. First, once.
 *   TRACK    word = COMPOSE_SOUND or not | COMPOSE_SCREEN or not; time = begin; payload: length u32, whose it is u64 (0 = nobody known)
 *   GAP      something is missing: word = enum reel_why; time = begin; payload: length u32, really missing u32
 *   HEAD     payload: content of the file's Tracks element (RFC 9559): codec
 *   CLUSTER  payload: content of a Cluster element; time = of its first frame. Clusters of all tracks come in the order of their times.
 *   END      nothing more comes.
 * What comes out: of COMPOSE_MOVIE an MP4 file; of COMPOSE_PICTURES two JPEG pictures, each behind its length (u32): a poster of
 * COMPOSE_POSTER_WIDTH, and a strip of COMPOSE_STRIP_CELLS pictures beside each other, COMPOSE_CELL_WIDTH each, evenly over the length.
 * Pure. Any thread.
 */
#ifndef YL_SERVER_BASE_COMPOSE_H
#define YL_SERVER_BASE_COMPOSE_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPOSE_HEAD_BYTES 16
#define COMPOSE_PAYLOAD_MAX (32u << 20) /* a second of picture */
#define COMPOSE_TRACKS_MAX 250
#define COMPOSE_TRACK_BYTES 12
#define COMPOSE_GAP_BYTES 8
#define COMPOSE_WIDTH 1280
#define COMPOSE_HEIGHT 720
#define COMPOSE_POSTER_WIDTH 640
#define COMPOSE_POSTER_HEIGHT 360
#define COMPOSE_CELL_WIDTH 160
#define COMPOSE_CELL_HEIGHT 90
#define COMPOSE_STRIP_CELLS 60

enum compose_type { COMPOSE_JOB = 1, COMPOSE_TRACK, COMPOSE_GAP, COMPOSE_HEAD, COMPOSE_CLUSTER, COMPOSE_END };
enum compose_want { COMPOSE_MOVIE, COMPOSE_PICTURES, COMPOSE_WANTS };
enum compose_layout {
    COMPOSE_GRID,    /* everybody equally large */
    COMPOSE_SPEAKER, /* who speaks, large; the others beside */
    COMPOSE_SLIDES,  /* a shared screen large, people beside; without one as COMPOSE_SPEAKER */
    COMPOSE_LAYOUTS
};
enum { COMPOSE_SOUND = 1, COMPOSE_SCREEN = 2 };

struct compose_head {
    enum compose_type type;
    uint8_t track;
    uint16_t word;
    int64_t time_ms;
    size_t len; /* of the payload */
};
void compose_head_write(uint8_t out[COMPOSE_HEAD_BYTES], const struct compose_head *h);
/* ERR_MALFORMED: no such message, or its payload is too long or too short. */
YL_CHECKED int compose_head_read(const uint8_t in[COMPOSE_HEAD_BYTES], struct compose_head *out);

const char *compose_layout_name(enum compose_layout layout); /* "grid" "speaker" "slides" */
bool compose_layout_find(const char *name, enum compose_layout *out);
#endif
