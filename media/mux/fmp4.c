#include "media/mux/fmp4.h"
#include "media/rtp/bytes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes and boxes ---- */
void fmp4_out_free(struct fmp4_out *o)
{
    free(o->bytes);
    *o = (struct fmp4_out){0};
}

static uint8_t *room(struct fmp4_out *o, size_t n)
{
    static _Thread_local uint8_t sink[64];
    if (o->len + n > o->cap && !o->failed) {
        size_t cap = o->cap ? o->cap : 4096;
        while (cap < o->len + n)
            cap *= 2;
        uint8_t *grown = realloc(o->bytes, cap);
        o->failed = !grown;
        if (grown) {
            o->bytes = grown;
            o->cap = cap;
        }
    }
    if (o->failed) return n <= sizeof sink ? sink : NULL;
    o->len += n;
    return o->bytes + o->len - n;
}

static void raw(struct fmp4_out *o, const void *p, size_t n)
{
    uint8_t *at = n ? room(o, n) : NULL;
    if (at) memcpy(at, p, n);
}

static void zeros(struct fmp4_out *o, size_t n)
{
    uint8_t *at = room(o, n);
    if (at) memset(at, 0, n);
}

static void u8(struct fmp4_out *o, uint8_t v)
{
    *room(o, 1) = v;
}

static void u16(struct fmp4_out *o, uint16_t v)
{
    put_u16(room(o, 2), v);
}

static void u32(struct fmp4_out *o, uint32_t v)
{
    put_u32(room(o, 4), v);
}

static size_t begin(struct fmp4_out *o, const char *type)
{
    size_t at = o->len;
    u32(o, 0);
    raw(o, type, 4);
    return at;
}

static size_t begin_full(struct fmp4_out *o, const char *type, uint8_t version, uint32_t flags)
{
    size_t at = begin(o, type);
    u32(o, (uint32_t)version << 24 | flags);
    return at;
}

static void end(struct fmp4_out *o, size_t at)
{
    if (!o->failed) put_u32(o->bytes + at, (uint32_t)(o->len - at));
}

/* ---- the initialisation segment ---- */
static void matrix(struct fmp4_out *o)
{
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (size_t i = 0; i < 9; i++)
        u32(o, unity[i]);
}

static void ftyp(struct fmp4_out *o)
{
    size_t at = begin(o, "ftyp");
    raw(o, "iso6", 4);
    u32(o, 0);
    raw(o, "iso6cmfcmp41", 12);
    end(o, at);
}

/* Of a whole file; 0 of one in fragments, which is not known. */
static uint32_t length_of(const struct fmp4_track *t, uint32_t timescale)
{
    uint64_t sum = 0;
    for (size_t i = 0; t->index && i < t->index->n_samples; i++)
        sum += t->index->samples[i].duration;
    return (uint32_t)(sum * timescale / t->timescale);
}

static void mvhd(struct fmp4_out *o, const struct fmp4_track *tracks, size_t n_tracks)
{
    size_t at = begin_full(o, "mvhd", 0, 0);
    uint32_t longest = 0;
    for (size_t i = 0; i < n_tracks; i++)
        if (length_of(&tracks[i], 1000) > longest) longest = length_of(&tracks[i], 1000);
    zeros(o, 8);
    u32(o, 1000);
    u32(o, longest);
    u32(o, 0x10000);
    u16(o, 0x100);
    zeros(o, 10);
    matrix(o);
    zeros(o, 24);
    u32(o, (uint32_t)n_tracks + 1);
    end(o, at);
}

static void tkhd(struct fmp4_out *o, const struct fmp4_track *t)
{
    size_t at = begin_full(o, "tkhd", 0, 7); /* enabled, in the movie, in the preview */
    zeros(o, 8);
    u32(o, t->id);
    zeros(o, 4);
    u32(o, length_of(t, 1000));
    zeros(o, 8);
    u16(o, 0);
    u16(o, 0);
    u16(o, t->picture ? 0 : 0x100);
    u16(o, 0);
    matrix(o);
    u32(o, t->picture ? t->picture->width << 16 : 0);
    u32(o, t->picture ? t->picture->height << 16 : 0);
    end(o, at);
}

/* Of Opus the playback gain is 0 and nothing is to be skipped: the stream begins in its middle. */
static void opus_entry(struct fmp4_out *o)
{
    size_t at = begin(o, "Opus");
    zeros(o, 6);
    u16(o, 1);
    zeros(o, 8);
    u16(o, 2);
    u16(o, 16);
    zeros(o, 4);
    u32(o, 48000u << 16);
    size_t d = begin(o, "dOps");
    u8(o, 0);
    u8(o, 2);
    u16(o, 0);
    u32(o, 48000);
    u16(o, 0);
    u8(o, 0);
    end(o, d);
    end(o, at);
}

/* ISO/IEC 14496-14 5.6: an elementary stream descriptor; its decoder-specific part is ISO/IEC 14496-3 1.6.2.1: AAC LC, 48 kHz, one channel. */
static void aac_entry(struct fmp4_out *o)
{
    static const uint8_t descriptor[] = {0x03, 25, 0, 0, 0, 0x04, 17, 0x40, 0x15, 0, 0, 0, 0, 1, 0x38, 0x80, 0, 0, 0xfa, 0, 0x05, 2, 0x11, 0x88, 0x06, 1, 0x02};
    size_t at = begin(o, "mp4a");
    zeros(o, 6);
    u16(o, 1);
    zeros(o, 8);
    u16(o, 1);
    u16(o, 16);
    zeros(o, 4);
    u32(o, 48000u << 16);
    size_t d = begin_full(o, "esds", 0, 0);
    raw(o, descriptor, sizeof descriptor);
    end(o, d);
    end(o, at);
}

static void avc_entry(struct fmp4_out *o, const struct dimensions *d)
{
    size_t at = begin(o, "avc1");
    zeros(o, 6);
    u16(o, 1);
    zeros(o, 16);
    u16(o, (uint16_t)d->width);
    u16(o, (uint16_t)d->height);
    u32(o, 0x480000);
    u32(o, 0x480000);
    u32(o, 0);
    u16(o, 1);
    zeros(o, 32);
    u16(o, 24);
    u16(o, 0xffff);
    size_t c = begin(o, "avcC");
    raw(o, d->config, d->config_len);
    end(o, c);
    end(o, at);
}

/* Runs of equal durations (14496-12 8.6.1.2), and of chunks with equally many samples (8.7.4). */
static void runs(struct fmp4_out *o, const struct fmp4_index *x, bool chunks)
{
    size_t at = begin_full(o, chunks ? "stsc" : "stts", 0, 0), n_at = o->len, n = chunks ? x->n_chunks : x->n_samples;
    uint32_t count = 0;
    u32(o, 0);
    for (size_t i = 0, k; i < n; i = k, count++) {
        uint32_t v = chunks ? x->chunks[i].samples : x->samples[i].duration;
        for (k = i + 1; k < n && (chunks ? x->chunks[k].samples : x->samples[k].duration) == v; k++) {
        }
        u32(o, (uint32_t)(chunks ? i + 1 : k - i));
        u32(o, v);
        if (chunks) u32(o, 1);
    }
    if (!o->failed) put_u32(o->bytes + n_at, count);
    end(o, at);
}

static void keys(struct fmp4_out *o, const struct fmp4_index *x)
{
    size_t at = begin_full(o, "stss", 0, 0), n_at = o->len;
    uint32_t count = 0;
    u32(o, 0);
    for (size_t i = 0; i < x->n_samples; i++)
        if (x->samples[i].key) {
            u32(o, (uint32_t)i + 1);
            count++;
        }
    if (!o->failed) put_u32(o->bytes + n_at, count);
    end(o, at);
}

static void tables(struct fmp4_out *o, const struct fmp4_track *t)
{
    const struct fmp4_index *x = t->index;
    runs(o, x, false);
    runs(o, x, true);
    if (t->picture) keys(o, x);
    size_t at = begin_full(o, "stsz", 0, 0);
    u32(o, 0);
    u32(o, (uint32_t)x->n_samples);
    for (size_t i = 0; i < x->n_samples; i++)
        u32(o, x->samples[i].len);
    end(o, at);
    at = begin_full(o, "co64", 0, 0);
    u32(o, (uint32_t)x->n_chunks);
    for (size_t i = 0; i < x->n_chunks; i++) {
        u32(o, (uint32_t)(x->chunks[i].at >> 32));
        u32(o, (uint32_t)x->chunks[i].at);
    }
    end(o, at);
}

static void stbl(struct fmp4_out *o, const struct fmp4_track *t)
{
    static const char *const empty[] = {"stts", "stsc", "stco"};
    size_t at = begin(o, "stbl"), d = begin_full(o, "stsd", 0, 0);
    u32(o, 1);
    if (t->picture) avc_entry(o, t->picture);
    else if (t->aac) aac_entry(o);
    else opus_entry(o);
    end(o, d);
    if (t->index) tables(o, t);
    for (size_t i = 0; !t->index && i < 3; i++) {
        d = begin_full(o, empty[i], 0, 0);
        u32(o, 0);
        end(o, d);
    }
    if (!t->index) {
        d = begin_full(o, "stsz", 0, 0);
        zeros(o, 8);
        end(o, d);
    }
    end(o, at);
}

static void minf(struct fmp4_out *o, const struct fmp4_track *t)
{
    size_t at = begin(o, "minf"), d = t->picture ? begin_full(o, "vmhd", 0, 1) : begin_full(o, "smhd", 0, 0);
    zeros(o, t->picture ? 8 : 4);
    end(o, d);
    size_t i = begin(o, "dinf"), r = begin_full(o, "dref", 0, 0);
    u32(o, 1);
    d = begin_full(o, "url ", 0, 1); /* in this file */
    end(o, d);
    end(o, r);
    end(o, i);
    stbl(o, t);
    end(o, at);
}

static void mdia(struct fmp4_out *o, const struct fmp4_track *t)
{
    size_t at = begin(o, "mdia"), d = begin_full(o, "mdhd", 0, 0);
    zeros(o, 8);
    u32(o, t->timescale);
    u32(o, length_of(t, t->timescale));
    u16(o, 0x55c4); /* "und" */
    u16(o, 0);
    end(o, d);
    d = begin_full(o, "hdlr", 0, 0);
    u32(o, 0);
    raw(o, t->picture ? "vide" : "soun", 4);
    zeros(o, 12);
    raw(o, "yilian", 7);
    end(o, d);
    minf(o, t);
    end(o, at);
}

static size_t begin_movie(struct fmp4_out *o, const struct fmp4_track *tracks, size_t n)
{
    size_t moov = begin(o, "moov");
    mvhd(o, tracks, n);
    for (size_t i = 0; i < n; i++) {
        size_t trak = begin(o, "trak");
        tkhd(o, &tracks[i]);
        mdia(o, &tracks[i]);
        end(o, trak);
    }
    return moov;
}

void fmp4_bytes(struct fmp4_out *o, const void *bytes, size_t len)
{
    raw(o, bytes, len);
}

void fmp4_file_type(struct fmp4_out *o)
{
    size_t at = begin(o, "ftyp");
    raw(o, "isom", 4);
    u32(o, 0x200);
    raw(o, "isomiso2avc1mp41", 16);
    end(o, at);
}

void fmp4_data(struct fmp4_out *o, size_t len)
{
    u32(o, (uint32_t)len + 8);
    raw(o, "mdat", 4);
}

void fmp4_movie(struct fmp4_out *o, const struct fmp4_track *tracks, size_t n)
{
    end(o, begin_movie(o, tracks, n));
}

void fmp4_init(struct fmp4_out *o, const struct fmp4_track *tracks, size_t n)
{
    ftyp(o);
    size_t moov = begin_movie(o, tracks, n);
    size_t mvex = begin(o, "mvex");
    for (size_t i = 0; i < n; i++) {
        size_t trex = begin_full(o, "trex", 0, 0);
        u32(o, tracks[i].id);
        u32(o, 1);
        zeros(o, 12);
        end(o, trex);
    }
    end(o, mvex);
    end(o, moov);
}

/* ---- fragments ---- */
#define KEY_FLAGS 0x02000000u   /* depends on no other */
#define DELTA_FLAGS 0x01010000u /* depends on others, is no sync sample */

static size_t trun(struct fmp4_out *o, const struct fmp4_sample *samples, size_t n)
{
    size_t at = begin_full(o, "trun", 0, 0x1 | 0x100 | 0x200 | 0x400); /* data offset; duration, size and flags of each */
    u32(o, (uint32_t)n);
    size_t offset = o->len;
    u32(o, 0);
    for (size_t i = 0; i < n; i++) {
        u32(o, samples[i].duration);
        u32(o, (uint32_t)samples[i].len);
        u32(o, samples[i].key ? KEY_FLAGS : DELTA_FLAGS);
    }
    end(o, at);
    return offset;
}

void fmp4_fragment(struct fmp4_out *o, uint32_t track, uint32_t sequence, uint64_t time, const struct fmp4_sample *samples, size_t n)
{
    size_t moof = begin(o, "moof"), at = begin_full(o, "mfhd", 0, 0);
    u32(o, sequence);
    end(o, at);
    size_t traf = begin(o, "traf");
    at = begin_full(o, "tfhd", 0, 0x20000); /* default-base-is-moof */
    u32(o, track);
    end(o, at);
    at = begin_full(o, "tfdt", 1, 0);
    u32(o, (uint32_t)(time >> 32));
    u32(o, (uint32_t)time);
    end(o, at);
    size_t offset = trun(o, samples, n);
    end(o, traf);
    end(o, moof);
    if (!o->failed) put_u32(o->bytes + offset, (uint32_t)(o->len - moof + 8));
    size_t mdat = begin(o, "mdat");
    for (size_t i = 0; i < n; i++)
        raw(o, samples[i].bytes, samples[i].len);
    end(o, mdat);
}

size_t fmp4_last_duration(const struct fmp4_out *o, size_t bytes)
{
    return o->len - bytes - 8 - 12; /* the track's run ends its moof, and 12 bytes tell of each sample */
}

void fmp4_codec_name(const struct dimensions *picture, char out[16])
{
    snprintf(out, 16, "avc1.%02x%02x%02x", picture->config[1], picture->config[2], picture->config[3]);
}
