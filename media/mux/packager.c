#include "media/mux/packager.h"
#include "media/mux/blank.h"
#include "media/mux/fmp4.h"
#include "media/rtp/bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE 1
#define VOICE 2
#define SAMPLES_MAX 512
#define BYTES_MAX (8u << 20)
#define HOLE INT64_MAX
#define HOLE_TICKS (90 * 3500)      /* longer than PACKAGER_REPEAT_US and PACKAGER_PICTURE_GONE_US */
#define VOICE_QUIET_US 250000       /* nothing came for so long: silence */
#define VOICE_ONLY_AFTER_US 2000000 /* no picture so long after the first sound: sound alone */
#define SOON_US 40000 /* a picture that began so shortly before the chunk's end: the next one is not late yet */
#define LEAST_US 1000 /* a chunk of no length would be a part that no playlist names */
#define OPUS_SILENCE_TICKS 960
#define AAC_TICKS 1024

static const uint8_t opus_silence[] = {0xf8, 0xff, 0xfe}; /* 20 ms of nothing, CELT full band */
static const uint8_t aac_silence[] = {0x00, 0xc8, 0x00, 0x80, 0x23, 0x80}; /* one channel, low complexity, no spectrum */

struct held { /* samples that wait for their chunk's end; their bytes stand in `data` in the same order */
    struct fmp4_out data;
    struct fmp4_sample samples[SAMPLES_MAX];
    size_t n;
    int64_t first, end; /* ticks: of the first sample; where the last one ends (voice) or begins (picture) */
};

struct packager {
    void (*on_piece)(void *ctx, const struct packager_piece *piece);
    void *ctx;
    uint32_t generation, sequence;
    bool has_picture, off, started, segment_due, aac;
    bool on_key, lost; /* lost: the keyframe was told again, so a decoder has lost what frames refer to; on_key: none was told since the keyframe */
    int64_t patience_us;
    struct dimensions dimensions;
    int64_t chunk_us, segment_us, picture_us, voice_us, sound_since_us; /* picture_us, voice_us: of the last that came */
    struct held picture, voice;
    struct held key; /* the last keyframe, as one sample */
    struct held blank; /* what is shown when there is none */
    struct fmp4_out out;
};

int packager_new(struct packager **out, void (*on_piece)(void *ctx, const struct packager_piece *piece), void *ctx)
{
    struct packager *p = calloc(1, sizeof *p);
    if (!p) return ERR_INTERNAL;
    p->on_piece = on_piece;
    p->ctx = ctx;
    p->sound_since_us = p->voice_us = INT64_MIN;
    *out = p;
    return 0;
}

void packager_aac(struct packager *p)
{
    p->aac = true;
}

void packager_patience(struct packager *p, int64_t us)
{
    p->patience_us = us;
}

void packager_free(struct packager *p)
{
    if (!p) return;
    fmp4_out_free(&p->picture.data);
    fmp4_out_free(&p->voice.data);
    fmp4_out_free(&p->key.data);
    fmp4_out_free(&p->blank.data);
    fmp4_out_free(&p->out);
    free(p);
}

static int64_t picture_ticks(int64_t us)
{
    return us * 9 / 100;
}

static int64_t voice_ticks(int64_t us)
{
    return us * 6 / 125;
}

/* ---- what waits ---- */
static void keep_bytes(struct held *h, const uint8_t *bytes, size_t len)
{
    struct fmp4_out *d = &h->data;
    if (d->len + len > d->cap) {
        size_t cap = (d->len + len) * 2;
        uint8_t *grown = realloc(d->bytes, cap);
        if (!grown) {
            d->failed = true;
            return;
        }
        d->bytes = grown;
        d->cap = cap;
    }
    memcpy(d->bytes + d->len, bytes, len);
    d->len += len;
    h->samples[h->n].len += len;
}

/* Parameter sets stand in the initialisation segment and nowhere else (14496-15 5.3.2), and delimiters say nothing there. */
static void keep_slices(struct held *h, const uint8_t *frame, size_t len)
{
    for (size_t at = 0; at + 5 <= len;) {
        size_t n = get_u32(frame + at);
        uint8_t type = frame[at + 4] & 31;
        if (n == 0 || n > len - at - 4) break;
        if (type < 7 || type > 9) keep_bytes(h, frame + at, n + 4);
        at += 4 + n;
    }
}

static void held_clear(struct held *h)
{
    h->n = 0;
    h->data.len = 0;
    h->data.failed = false;
}

static void fragment(struct packager *p, struct held *h, uint32_t track)
{
    if (!h->n || h->data.failed) return;
    const uint8_t *at = h->data.bytes;
    for (size_t i = 0; i < h->n; at += h->samples[i++].len)
        h->samples[i].bytes = at;
    fmp4_fragment(&p->out, track, ++p->sequence, (uint64_t)h->first, h->samples, h->n);
}

/* ---- the voice ---- */
uint32_t opus_duration(const uint8_t *packet, size_t len)
{
    static const uint16_t silk[4] = {480, 960, 1920, 2880}, hybrid[2] = {480, 960}, celt[4] = {120, 240, 480, 960};
    if (len < 1) return 0;
    unsigned config = packet[0] >> 3, code = packet[0] & 3, frames = code == 0 ? 1 : 2;
    uint32_t one = config < 12 ? silk[config & 3] : config < 16 ? hybrid[config & 1] : celt[config & 3];
    if (code == 3) {
        if (len < 2) return 0;
        frames = packet[1] & 63;
    }
    return frames * one <= 5760 ? frames * one : 0;
}

static void push_voice(struct packager *p, const uint8_t *opus, size_t len, uint32_t duration)
{
    struct held *h = &p->voice;
    if (h->n == SAMPLES_MAX) return;
    if (!h->n) h->first = h->end;
    h->samples[h->n] = (struct fmp4_sample){.duration = duration, .key = true};
    keep_bytes(h, opus, len);
    h->n++;
    h->end += duration;
}

static void fill_silence(struct packager *p, int64_t until)
{
    uint32_t ticks = p->aac ? AAC_TICKS : OPUS_SILENCE_TICKS;
    while (p->voice.end + ticks <= until && p->voice.n < SAMPLES_MAX)
        push_voice(p, p->aac ? aac_silence : opus_silence, p->aac ? sizeof aac_silence : sizeof opus_silence, ticks);
}

static void begin_sound_only(struct packager *p, int64_t time_us);

void packager_voice(struct packager *p, const uint8_t *sound, size_t len, int64_t time_us)
{
    uint32_t nominal = p->aac ? (len ? AAC_TICKS : 0) : opus_duration(sound, len);
    if (!nominal) return;
    p->voice_us = time_us;
    if (p->sound_since_us == INT64_MIN) p->sound_since_us = time_us;
    if (!p->generation && time_us - p->sound_since_us > VOICE_ONLY_AFTER_US) begin_sound_only(p, time_us);
    if (!p->started) return;
    int64_t at = voice_ticks(time_us), off = at - p->voice.end, bend = nominal / 200;
    if (off < -3 * (int64_t)nominal - 960) return; /* that time has been told already */
    if (off > (int64_t)nominal + nominal / 2) {
        fill_silence(p, at);
        off = at - p->voice.end;
    }
    /* The clock of the sound card runs a little beside the true one: each packet is told up to half a percent longer or shorter. */
    push_voice(p, sound, len, (uint32_t)(nominal + (off > bend ? bend : off < -bend ? -bend : off)));
}

/* ---- chunks ---- */
static void tell(struct packager *p, struct packager_piece *piece)
{
    piece->generation = p->generation;
    piece->picture = p->has_picture;
    piece->bytes = p->out.bytes;
    piece->len = p->out.len;
    char name[16];
    fmp4_codec_name(&p->dimensions, name);
    if (p->has_picture) {
        piece->width = p->dimensions.width;
        piece->height = p->dimensions.height;
    }
    snprintf(piece->codecs, sizeof piece->codecs, "%s,%s", name, p->aac ? "mp4a.40.2" : "opus");
    if (!p->out.failed && p->out.len) p->on_piece(p->ctx, piece);
    p->out.len = 0;
    p->out.failed = false;
}

static void begin_segment(struct packager *p, int64_t at_us)
{
    p->segment_us = at_us;
    p->segment_due = true;
}

/* Sound alone: black, for as long as the chunk is. */
static void push_blank(struct packager *p, int64_t until_us)
{
    struct held *h = &p->picture;
    h->first = h->end = picture_ticks(p->chunk_us);
    h->samples[0] = (struct fmp4_sample){.key = true, .duration = (uint32_t)(picture_ticks(until_us) - h->first)};
    keep_bytes(h, p->blank.data.bytes, p->blank.data.len);
    h->n = 1;
}

/* Ends the chunk at that time; its last frame is shown until `next_us`, HOLE when no later one has come that would tell. */
static void close_chunk(struct packager *p, int64_t at_us, int64_t next_us)
{
    if (p->picture.n) {
        int64_t last = next_us == HOLE ? HOLE_TICKS : picture_ticks(next_us) - p->picture.end;
        p->picture.samples[p->picture.n - 1].duration = last > 0 ? (uint32_t)last : 1;
    }
    if (p->voice_us < at_us - VOICE_QUIET_US - p->patience_us) fill_silence(p, voice_ticks(at_us));
    if (at_us < p->chunk_us + LEAST_US) at_us = p->chunk_us + LEAST_US;
    if (!p->picture.n && !p->voice.n) return; /* its time belongs to the next, or the sum of all would lack it */
    if (!p->has_picture) push_blank(p, at_us);
    fragment(p, &p->picture, PICTURE);
    struct packager_piece piece = {.segment = p->segment_due, .key = p->has_picture ? p->picture.n && p->picture.samples[0].key : true, .picture_len = p->out.len, .start_us = p->chunk_us, .duration_us = at_us - p->chunk_us};
    if (p->has_picture && p->picture.n && next_us == HOLE && p->out.len) piece.hole_at = (uint32_t)fmp4_last_duration(&p->out, p->picture.data.len);
    fragment(p, &p->voice, VOICE);
    p->segment_due = false;
    held_clear(&p->picture);
    held_clear(&p->voice);
    tell(p, &piece);
    p->chunk_us = at_us;
    if (p->has_picture && at_us - p->segment_us >= PACKAGER_SEGMENT_MAX_US) begin_segment(p, at_us);
}

static void begin_generation(struct packager *p, bool picture, int64_t at_us)
{
    struct fmp4_track tracks[2] = {{PICTURE, 90000, &p->dimensions, false}, {VOICE, 48000, NULL, p->aac}};
    if (p->started) close_chunk(p, at_us, at_us);
    p->generation++;
    p->has_picture = picture;
    if (!p->started) {
        p->started = true;
        p->chunk_us = at_us;
        p->voice.end = voice_ticks(at_us);
    }
    fmp4_init(&p->out, tracks, 2);
    struct packager_piece piece = {.init = true, .picture_len = 0, .start_us = at_us};
    tell(p, &piece);
    begin_segment(p, at_us);
}

static void begin_sound_only(struct packager *p, int64_t time_us)
{
    struct blank black = blank_picture();
    if (p->started) close_chunk(p, time_us, time_us); /* still of the picture before */
    if (dimensions_of(MEDIA_H264, black.bytes, black.len, &p->dimensions)) return;
    if (!p->blank.data.len) keep_slices(&p->blank, black.bytes, black.len);
    begin_generation(p, false, time_us);
}

/* ---- the picture ---- */
/* Before a frame of that time. Where it comes later than a chunk may be long, the chunk ends in time and its last frame is shown until this one. */
static void close_at(struct packager *p, int64_t time_us)
{
    int64_t at_us = time_us > p->chunk_us ? time_us : p->chunk_us;
    if (!p->picture.n && time_us < p->chunk_us + LEAST_US) return;
    if (time_us - p->chunk_us > PACKAGER_CHUNK_MAX_US) {
        at_us = time_us - PACKAGER_CUT_US + 1; /* what is left over is no chunk yet */
        if (at_us < p->chunk_us + PACKAGER_CHUNK_US) at_us = p->chunk_us + PACKAGER_CHUNK_US;
    }
    close_chunk(p, at_us, time_us > at_us ? time_us : at_us);
}

static void push_picture(struct packager *p, const uint8_t *frame, size_t len, bool key, int64_t ticks)
{
    struct held *h = &p->picture;
    if (h->n) h->samples[h->n - 1].duration = (uint32_t)(ticks - h->end);
    else h->first = ticks;
    h->end = ticks;
    h->samples[h->n] = (struct fmp4_sample){.key = key};
    keep_slices(h, frame, len);
    if (!h->samples[h->n].len) return;
    if (key) {
        held_clear(&p->key);
        p->key.samples[0].len = 0;
        keep_bytes(&p->key, h->data.bytes + h->data.len - h->samples[h->n].len, h->samples[h->n].len);
    }
    h->n++;
}

void packager_picture_off(struct packager *p)
{
    p->off = true;
}

void packager_picture(struct packager *p, const uint8_t *frame, size_t len, bool key, int64_t time_us)
{
    struct dimensions d;
    if (key && dimensions_of(MEDIA_H264, frame, len, &d) == 0) {
        if (!p->has_picture || d.config_len != p->dimensions.config_len || memcmp(d.config, p->dimensions.config, d.config_len) != 0) {
            if (p->started && time_us < p->chunk_us) time_us = p->chunk_us;
            if (p->started) close_chunk(p, time_us, time_us); /* still of the generation before, and told under its name */
            p->dimensions = d;
            begin_generation(p, true, time_us);
        } else if (time_us - p->segment_us >= PACKAGER_SEGMENT_US) {
            close_at(p, time_us);
            begin_segment(p, p->chunk_us);
        }
    }
    if (!p->has_picture) return;
    p->off = false;
    if (key) p->lost = false;
    if (p->lost) return;
    int64_t ticks = picture_ticks(time_us);
    if (ticks <= p->picture.end) ticks = p->picture.end + 1;
    if (p->picture.n == SAMPLES_MAX - 1 || p->picture.data.len > BYTES_MAX || time_us - p->chunk_us >= PACKAGER_CUT_US) close_at(p, time_us);
    p->picture_us = time_us;
    p->on_key = key;
    push_picture(p, frame, len, key, ticks);
}

static void picture_again(struct packager *p, int64_t time_us)
{
    close_at(p, time_us);
    begin_segment(p, p->chunk_us);
    p->lost = p->lost || !p->on_key;
    p->picture_us = time_us + PACKAGER_LATE_US;
    struct held *h = &p->picture;
    int64_t ticks = picture_ticks(p->chunk_us);
    h->first = h->end = ticks > h->end ? ticks : h->end + 1;
    h->samples[0] = (struct fmp4_sample){.key = true};
    keep_bytes(h, p->key.data.bytes, p->key.data.len);
    h->n = 1;
}

void packager_tick(struct packager *p, int64_t now_us)
{
    if (!p->started) return;
    int64_t end_us = p->chunk_us + PACKAGER_CHUNK_US;
    if (p->has_picture && p->off && now_us - p->picture_us > PACKAGER_PICTURE_GONE_US) {
        begin_sound_only(p, end_us);
        return;
    }
    if (p->has_picture && !p->off && now_us - p->picture_us > PACKAGER_REPEAT_US && p->key.data.len && !p->key.data.failed) {
        picture_again(p, now_us - PACKAGER_LATE_US - p->patience_us);
        return;
    }
    int64_t due_us = p->has_picture && p->picture.n && p->picture_us + SOON_US > end_us ? p->picture_us + SOON_US : end_us;
    if (now_us < due_us + (p->has_picture || p->voice_us > end_us - VOICE_QUIET_US ? PACKAGER_LATE_US + p->patience_us : 0)) return;
    if (!p->has_picture && p->voice_us < now_us - PACKAGER_PICTURE_GONE_US) {
        p->chunk_us = end_us; /* nothing to hear or see: nothing to tell */
        if (voice_ticks(end_us) > p->voice.end) p->voice.end = voice_ticks(end_us);
        begin_segment(p, end_us);
        return;
    }
    if (!p->has_picture && end_us - p->segment_us > PACKAGER_SOUND_SEGMENT_US) begin_segment(p, p->chunk_us);
    close_chunk(p, end_us, HOLE);
}

void packager_flush(struct packager *p)
{
    if (p->started && (p->picture.n || p->voice.n)) close_chunk(p, p->chunk_us + PACKAGER_CHUNK_US, p->chunk_us + PACKAGER_CHUNK_US);
}
