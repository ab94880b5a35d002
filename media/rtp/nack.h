/* nack - the receiver's list of missing packets of one stream: when to ask again and when to give up. Pure. */
#ifndef YL_MEDIA_RTP_NACK_H
#define YL_MEDIA_RTP_NACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NACK_MAX 256
#define NACK_TRIES 10

struct nack {
    bool started, wants_keyframe; /* wants_keyframe: something was given up; the owner clears it */
    uint16_t highest;
    size_t n;
    struct {
        uint16_t seq;
        uint8_t tries;
        int64_t due_us;
    } missing[NACK_MAX]; /* ascending */
};
enum nack_verdict { NACK_NEW, NACK_RECOVERED, NACK_DUPLICATE };
enum nack_verdict nack_note(struct nack *n, uint16_t seq, int64_t now_us);
/* Fills what to ask for now (ascending), returns how many. */
size_t nack_due(struct nack *n, int64_t now_us, uint32_t rtt_ms, uint16_t *out, size_t cap);
/* A keyframe came: what lies before it is of no use any more. */
void nack_forget_before(struct nack *n, uint16_t seq);
#endif
