#include "media/pipe/child/film.h"
#include <string.h>
#include <unistd.h>

enum { EMPTY_Y = 30, TILE_Y = 44, NEUTRAL = 128, HATCH_Y = 96, HATCH_U = 112, HATCH_V = 190, HATCH_WIDTH = 24 };

void canvas_init(struct canvas *c, unsigned width, unsigned height)
{
    gst_video_info_set_format(&c->info, GST_VIDEO_FORMAT_I420, width, height);
    c->bytes = g_malloc(c->info.size);
    c->arrangement = UINT64_MAX;
    memset(c->bytes, EMPTY_Y, c->info.offset[1]);
    memset(c->bytes + c->info.offset[1], NEUTRAL, c->info.size - c->info.offset[1]);
}

static uint8_t *plane(const struct canvas *c, int p, unsigned x, unsigned y)
{
    int half = p > 0;
    return c->bytes + c->info.offset[p] + (size_t)(y >> half) * (size_t)c->info.stride[p] + (x >> half);
}

static void fill(const struct canvas *c, struct layout_rect r, uint8_t y)
{
    for (int p = 0; p < 3; p++)
        for (unsigned k = 0; k < r.h >> (p > 0); k++)
            memset(plane(c, p, r.x, r.y + (k << (p > 0))), p ? NEUTRAL : y, r.w >> (p > 0));
}

/* Stripes, as the player's lanes show what is missing. */
static void hatch(const struct canvas *c, struct layout_rect r)
{
    static const uint8_t colour[3] = {HATCH_Y, HATCH_U, HATCH_V};
    fill(c, r, TILE_Y);
    for (int p = 0; p < 3; p++)
        for (unsigned k = 0, half = p > 0; k < r.h >> half; k++)
            for (unsigned i = 0; i < r.w >> half; i++)
                if (((i + k) << half) / HATCH_WIDTH % 2) plane(c, p, r.x, r.y + (k << half))[i] = colour[p];
}

static void scale(GstVideoConverter *by, const GstVideoInfo *info, GstBuffer *from, const struct canvas *to)
{
    GstVideoFrame in, out;
    GstBuffer *b = canvas_buffer(to);
    if (gst_video_frame_map(&in, info, from, GST_MAP_READ)) {
        if (gst_video_frame_map(&out, &to->info, b, GST_MAP_WRITE)) {
            gst_video_converter_frame(by, &in, &out);
            gst_video_frame_unmap(&out);
        }
        gst_video_frame_unmap(&in);
    }
    gst_buffer_unref(b);
}

/* To half the size and above two pixels are enough (of half: the mean of all four); what is made smaller sees more of them. */
static unsigned taps(const GstVideoInfo *from, struct layout_rect r)
{
    return 2 * r.w >= (unsigned)from->width ? 2 : 0; /* 0: as many as it takes */
}

static GstVideoConverter *scaler(const GstVideoInfo *from, const struct canvas *to, struct layout_rect r)
{
    GstVideoInfo out = to->info;
    out.colorimetry = from->colorimetry; /* numbers are kept: cameras of calls all say the same, or nothing */
    out.chroma_site = from->chroma_site;
    out.fps_n = from->fps_n; /* a decoder may guess one; converters of pictures compare it */
    out.fps_d = from->fps_d;
    GstStructure *how = gst_structure_new("how", GST_VIDEO_CONVERTER_OPT_DEST_X, G_TYPE_INT, (int)r.x, GST_VIDEO_CONVERTER_OPT_DEST_Y, G_TYPE_INT, (int)r.y,
                                          GST_VIDEO_CONVERTER_OPT_DEST_WIDTH, G_TYPE_INT, (int)r.w, GST_VIDEO_CONVERTER_OPT_DEST_HEIGHT, G_TYPE_INT, (int)r.h,
                                          GST_VIDEO_CONVERTER_OPT_FILL_BORDER, G_TYPE_BOOLEAN, FALSE, GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD,
                                          GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_RESAMPLER_TAPS, G_TYPE_UINT, taps(from, r),
                                          GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1u, NULL);
    return gst_video_converter_new(from, &out, how);
}

static void draw_picture(const struct canvas *c, struct track *t)
{
    struct layout_rect r = layout_fit(t->place, (unsigned)t->info.width, (unsigned)t->info.height);
    if (!t->scaler || memcmp(&r, &t->fitted, sizeof r)) {
        if (t->scaler) gst_video_converter_free(t->scaler);
        t->scaler = scaler(&t->info, c, r);
        t->fitted = r;
        fill(c, t->place, TILE_Y);
    }
    if (t->scaler) scale(t->scaler, &t->info, t->picture, c);
}

static bool draw_track(const struct canvas *c, struct track *t, int64_t at_ms, bool moved)
{
    bool missing = track_missing(t, at_ms), changed = moved || missing != t->hatched || (t->fresh && !missing);
    if (!changed || !t->place.w) return false;
    t->hatched = missing;
    if (missing) hatch(c, t->place);
    else if (t->known) draw_picture(c, t);
    else fill(c, t->place, TILE_Y);
    t->fresh = t->fresh && missing;
    return true;
}

/* Who stands where now; something else than before: everything is drawn anew. */
static bool arrange(struct canvas *c, struct track *tracks, enum compose_layout layout, int64_t at_ms, uint64_t speaker, struct track **there, size_t *n)
{
    struct layout_member members[COMPOSE_TRACKS_MAX];
    struct layout_rect places[COMPOSE_TRACKS_MAX];
    uint64_t arrangement = 14695981039346656037u; /* FNV-1a */
    bool one_speaks = false;
    *n = 0;
    for (size_t i = 0; i < COMPOSE_TRACKS_MAX; i++) {
        struct track *t = &tracks[i];
        if (!t->used || t->sound || !track_there(t, at_ms)) continue;
        bool speaks = !t->screen && speaker && t->who == speaker && !one_speaks && layout != COMPOSE_GRID;
        one_speaks = one_speaks || speaks;
        members[*n] = (struct layout_member){t->screen, speaks};
        there[(*n)++] = t;
        arrangement = ((arrangement ^ i) * 1099511628211u ^ speaks) * 1099511628211u;
    }
    if (arrangement == c->arrangement) return false;
    c->arrangement = arrangement;
    layout_place(layout, (unsigned)c->info.width, (unsigned)c->info.height, members, *n, places);
    for (size_t i = 0; i < *n; i++) {
        there[i]->place = places[i];
        if (there[i]->scaler) gst_video_converter_free(there[i]->scaler);
        there[i]->scaler = NULL;
    }
    return true;
}

bool canvas_draw(struct canvas *c, struct track *tracks, enum compose_layout layout, int64_t at_ms, uint64_t speaker, size_t *shown)
{
    struct track *there[COMPOSE_TRACKS_MAX];
    bool moved = arrange(c, tracks, layout, at_ms, speaker, there, shown), drawn = moved;
    if (moved) fill(c, (struct layout_rect){0, 0, (unsigned)c->info.width, (unsigned)c->info.height}, EMPTY_Y);
    for (size_t i = 0; i < *shown; i++)
        drawn = draw_track(c, there[i], at_ms, moved) || drawn;
    return drawn;
}

GstBuffer *canvas_buffer(const struct canvas *c)
{
    return gst_buffer_new_wrapped_full(0, c->bytes, c->info.size, 0, c->info.size, NULL, NULL);
}

void canvas_copy(const struct canvas *from, struct canvas *to, struct layout_rect where)
{
    GstVideoConverter *by = scaler(&from->info, to, where);
    GstBuffer *b = canvas_buffer(from);
    if (by) scale(by, &from->info, b, to);
    if (by) gst_video_converter_free(by);
    gst_buffer_unref(b);
}
