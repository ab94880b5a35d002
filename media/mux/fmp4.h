/* fmp4 - writes fragmented MP4 (ISO/IEC 14496-12) as CMAF wants it (ISO/IEC 23000-19): an initialisation segment, then fragments of one
 * track each (moof + mdat, base data offset at the moof). H.264 as 'avc1' (14496-15), Opus as 'Opus' (Encapsulation of Opus in ISO Base
 * Media, 4.3), AAC as 'mp4a' (14496-14 5.6). Pure: bytes into memory.
 */
#ifndef YL_MEDIA_MUX_FMP4_H
#define YL_MEDIA_MUX_FMP4_H

#include "media/mux/dimensions.h"

struct fmp4_out { /* grows; `failed` = out of memory, what is in it is then worth nothing */
    uint8_t *bytes;
    size_t len, cap;
    bool failed;
};
void fmp4_out_free(struct fmp4_out *o);
void fmp4_bytes(struct fmp4_out *o, const void *bytes, size_t len);

/* What a whole file (one without fragments) holds of a track; the samples of a chunk lie behind each other. */
struct fmp4_index {
    size_t n_samples, n_chunks;
    const struct fmp4_index_sample {
        uint32_t duration, len;
        bool key;
    } *samples;
    const struct fmp4_index_chunk {
        uint64_t at; /* in the file */
        uint32_t samples;
    } *chunks;
};
struct fmp4_track {
    uint32_t id;
    uint32_t timescale;
    const struct dimensions *picture; /* H.264; NULL = sound */
    bool aac; /* low complexity, one channel, 48 kHz; else Opus */
    const struct fmp4_index *index;   /* fmp4_movie alone */
};
/* ftyp + moov: declares the tracks, holds no sample. */
void fmp4_init(struct fmp4_out *o, const struct fmp4_track *tracks, size_t n);

/* A whole file: this first, then media in fmp4_data, wherever it is then, last the movie, which says where. So nothing is written twice, and a file
 * can be made into a pipe. */
void fmp4_file_type(struct fmp4_out *o);
void fmp4_data(struct fmp4_out *o, size_t len); /* the head of an mdat of len bytes, which follow: 8 bytes */
void fmp4_movie(struct fmp4_out *o, const struct fmp4_track *tracks, size_t n);

struct fmp4_sample {
    const uint8_t *bytes;
    size_t len;
    uint32_t duration; /* timescale units */
    bool key;
};
/* One moof + mdat. `time`: decode time of the first sample (there is no reordering: it is the time of presentation too). */
void fmp4_fragment(struct fmp4_out *o, uint32_t track, uint32_t sequence, uint64_t time, const struct fmp4_sample *samples, size_t n);
/* Where the duration of the last sample stands, right after a fragment whose samples have `bytes` together. */
size_t fmp4_last_duration(const struct fmp4_out *o, size_t bytes);
/* RFC 6381 "avc1.42e01f" of an avcC. */
void fmp4_codec_name(const struct dimensions *picture, char out[16]);
#endif
