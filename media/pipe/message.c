#include "media/pipe/message.h"
#include "media/rtp/bytes.h"
#include <stdlib.h>
#include <string.h>

#define ROOM_BYTES 65536

void pipe_head_write(uint8_t out[PIPE_HEAD_BYTES], const struct pipe_message *m)
{
    put_u32(out, (uint32_t)m->len);
    out[4] = (uint8_t)m->type;
    out[5] = m->flags;
    put_u16(out + 6, m->word);
    put_u64(out + 8, (uint64_t)m->time_us);
}

static bool good_job(const struct pipe_message *m)
{
    bool url = m->word == PIPE_JOB_INGEST;
    return m->word < PIPE_JOB_COUNT && m->flags < PIPE_CODEC_COUNT && (url ? m->len > 0 && m->len <= PIPE_WORDS_MAX : m->len == 0);
}

static bool good_from_child(const struct pipe_message *m)
{
    switch (m->type) {
    case PIPE_READY: return m->len == 0;
    case PIPE_STATE: return m->word < PIPE_REDUCED_COUNT && m->len == 4;
    case PIPE_RTP: return m->word < PIPE_CODEC_COUNT && m->len >= 12 && m->len <= 1500;
    case PIPE_FAULT: return m->word < PIPE_FAULT_COUNT && m->len == 0;
    default: return false;
    }
}

bool pipe_message_good(const struct pipe_message *m, bool from_child)
{
    if (m->len > PIPE_PAYLOAD_MAX) return false;
    if (m->type == PIPE_FRAME) return m->word < PIPE_CODEC_COUNT && m->len > 0;
    if (from_child) return good_from_child(m);
    return m->type == PIPE_JOB ? good_job(m) : m->type == PIPE_FORCE_KEY && m->len == 0;
}

void pipe_reader_free(struct pipe_reader *r)
{
    free(r->bytes);
    *r = (struct pipe_reader){0};
}

uint8_t *pipe_reader_room(struct pipe_reader *r, size_t *cap)
{
    if (r->at) {
        memmove(r->bytes, r->bytes + r->at, r->len - r->at);
        r->len -= r->at;
        r->at = 0;
    }
    if (r->cap - r->len < ROOM_BYTES) {
        size_t wanted = r->len + 2 * ROOM_BYTES;
        uint8_t *grown = realloc(r->bytes, wanted);
        if (!grown) return NULL;
        r->bytes = grown;
        r->cap = wanted;
    }
    *cap = r->cap - r->len;
    return r->bytes + r->len;
}

void pipe_reader_fed(struct pipe_reader *r, size_t n)
{
    r->len += n;
}

int pipe_reader_next(struct pipe_reader *r, bool from_child, struct pipe_message *out)
{
    const uint8_t *p = r->bytes ? r->bytes + r->at : NULL;
    size_t have = r->len - r->at;
    *out = (struct pipe_message){.type = PIPE_TYPE_COUNT};
    if (have < PIPE_HEAD_BYTES) return 0;
    struct pipe_message m = {.type = p[4], .flags = p[5], .word = get_u16(p + 6), .time_us = (int64_t)get_u64(p + 8), .len = get_u32(p)};
    if (!pipe_message_good(&m, from_child)) return ERR_MALFORMED; /* told by its head, before its payload is waited for */
    if (have - PIPE_HEAD_BYTES < m.len) return 0;
    m.bytes = p + PIPE_HEAD_BYTES;
    r->at += PIPE_HEAD_BYTES + m.len;
    *out = m;
    return 0;
}
