#include "media/pipe/layout.h"

struct layout_rect layout_fit(struct layout_rect in, unsigned width, unsigned height)
{
    if (!width || !height || !in.w || !in.h) return (struct layout_rect){in.x, in.y, 0, 0};
    uint64_t w = in.w, h = (uint64_t)in.w * height / width;
    if (h > in.h) {
        h = in.h;
        w = (uint64_t)in.h * width / height;
    }
    unsigned ew = w < 2 ? 2 : (unsigned)w & ~1u, eh = h < 2 ? 2 : (unsigned)h & ~1u;
    return (struct layout_rect){in.x + ((in.w - ew) / 2 & ~1u), in.y + ((in.h - eh) / 2 & ~1u), ew, eh};
}

/* The last row is in the middle when it is not full. */
static void grid(unsigned width, unsigned height, size_t n, struct layout_rect *out)
{
    unsigned shown = (unsigned)(n < LAYOUT_GRID_MAX ? n : LAYOUT_GRID_MAX), columns = 1;
    while (columns * columns < shown)
        columns++;
    unsigned rows = (shown + columns - 1) / columns, w = width / columns & ~1u, h = height / rows & ~1u;
    for (unsigned i = 0; i < shown; i++) {
        unsigned row = i / columns, in_row = row + 1 == rows ? shown - row * columns : columns;
        unsigned left = ((width - in_row * w) / 2) & ~1u;
        out[i] = (struct layout_rect){left + (i % columns) * w, row * h, w, h};
    }
}

/* A screen where slides are wanted; else who speaks; else the first who has a face. */
static size_t large_one(enum compose_layout layout, const struct layout_member *m, size_t n)
{
    for (size_t i = 0; layout == COMPOSE_SLIDES && i < n; i++)
        if (m[i].screen) return i;
    for (size_t i = 0; i < n; i++)
        if (m[i].speaking) return i;
    for (size_t i = 0; i < n; i++)
        if (!m[i].screen) return i;
    return 0;
}

static void beside(enum compose_layout layout, struct layout_rect all, const struct layout_member *m, size_t n, struct layout_rect *out)
{
    size_t large = large_one(layout, m, n), k = 0;
    unsigned w = all.w / LAYOUT_SIDE_MAX & ~1u, h = all.h / LAYOUT_SIDE_MAX & ~1u;
    out[large] = (struct layout_rect){0, 0, n > 1 ? all.w - w : all.w, all.h};
    for (int speaking = 1; speaking >= 0; speaking--) /* who speaks is never left out */
        for (size_t i = 0; i < n && k < LAYOUT_SIDE_MAX; i++)
            if (i != large && m[i].speaking == speaking) out[i] = (struct layout_rect){all.w - w, (unsigned)k++ * h, w, h};
}

void layout_place(enum compose_layout layout, unsigned width, unsigned height, const struct layout_member *members, size_t n, struct layout_rect *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct layout_rect){0};
    if (n == 0) return;
    if (layout == COMPOSE_GRID) grid(width, height, n, out);
    else beside(layout, (struct layout_rect){0, 0, width, height}, members, n, out);
}
