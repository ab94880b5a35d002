/* message - what the daemon and a child of it (yilian-pipe) say to each other over a stream socket: typed messages of bounded length.
 *
 * Sans-I/O: bytes go in, messages come out. On the wire a message is a head of 16 bytes (big endian: payload length u32, type u8, flags u8,
 * word u16, time i64) and its payload. The daemon checks what a child says as it would a stranger's: media of strangers runs through it.
 */
#ifndef YL_MEDIA_PIPE_MESSAGE_H
#define YL_MEDIA_PIPE_MESSAGE_H

#include "server/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PIPE_PAYLOAD_MAX (4u << 20)
#define PIPE_HEAD_BYTES 16
#define PIPE_WORDS_MAX 1500 /* a URL with its password */

enum pipe_type {
    /* to the child */
    PIPE_JOB,   /* first of all: word = enum pipe_job, flags = enum pipe_codec; payload: the URL of an ingest */
    PIPE_FRAME, /* either way: one whole frame; flags PIPE_KEY; word = enum pipe_codec, time_us */
    PIPE_FORCE_KEY, /* a keyframe is wanted */
    /* from the child */
    PIPE_READY, /* it has built its job; nothing of strangers has been read yet */
    PIPE_STATE, /* a picture: word = enum pipe_reduced; payload: width u16, height u16 */
    PIPE_RTP,   /* an RTP packet of an ingest; word = enum pipe_codec */
    PIPE_FAULT, /* word = enum pipe_fault; it ends itself after that */
    PIPE_TYPE_COUNT
};
enum pipe_job { PIPE_JOB_PICTURE, PIPE_JOB_VOICE, PIPE_JOB_INGEST, PIPE_JOB_COUNT };
/* The first five stand as in enum media_codec. */
enum pipe_codec { PIPE_OPUS, PIPE_VP8, PIPE_VP9, PIPE_H264, PIPE_AV1, PIPE_AAC, PIPE_CODEC_COUNT };
/* How much of a picture is left when the machine is late: each costs about half of the one before. */
enum pipe_reduced { PIPE_WHOLE, PIPE_HALF_FRAMES, PIPE_HALF_SIZE, PIPE_FEW_FRAMES, PIPE_REDUCED_COUNT };
enum pipe_fault {
    PIPE_FAULT_INTERNAL,    /* it could not build what it was asked to */
    PIPE_FAULT_UNREACHABLE, /* nobody answers at that address */
    PIPE_FAULT_REFUSED,     /* name or password are wrong */
    PIPE_FAULT_NOT_FOUND,   /* there is nothing at that path */
    PIPE_FAULT_FORMAT,      /* what comes cannot be shown */
    PIPE_FAULT_ENDED,       /* the sender has ended it, or sends no more */
    PIPE_FAULT_COUNT
};
#define PIPE_KEY 1

struct pipe_message {
    enum pipe_type type;
    uint8_t flags;
    uint16_t word;
    int64_t time_us;
    const uint8_t *bytes; /* borrowed until the reader is fed again */
    size_t len;
};

void pipe_head_write(uint8_t out[PIPE_HEAD_BYTES], const struct pipe_message *m);
/* Is that a message that one may send to the other at all? */
bool pipe_message_good(const struct pipe_message *m, bool from_child);

struct pipe_reader { /* {0} begins one */
    uint8_t *bytes;
    size_t at, len, cap;
};
void pipe_reader_free(struct pipe_reader *r);
/* Room for at least one byte, to be read into; NULL = out of memory. Messages taken before are no longer valid. */
uint8_t *pipe_reader_room(struct pipe_reader *r, size_t *cap);
void pipe_reader_fed(struct pipe_reader *r, size_t n);
/* 0: *out is the next message, or its type is PIPE_TYPE_COUNT: none whole yet. ERR_MALFORMED: the peer may say no more. */
YL_CHECKED int pipe_reader_next(struct pipe_reader *r, bool from_child, struct pipe_message *out);
#endif
