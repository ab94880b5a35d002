#include "server/room/grade.h"

static int class_of(uint32_t value, uint32_t b, uint32_t c, uint32_t d)
{
    return value >= d ? 3 : value >= c ? 2 : value >= b ? 1 : 0;
}

char stream_grade(const struct media_stream *s)
{
    static const int by_reduction[] = {[MEDIA_WHOLE] = 0, [MEDIA_FEWER_FRAMES] = 1, [MEDIA_SMALLER] = 2, [MEDIA_STILLS] = 3, [MEDIA_HELD] = 3};
    int classes[] = {by_reduction[s->reduced], class_of(s->loss_permille, 20, 50, 100), class_of(s->delay_ms, 200, 400, 800),
                     class_of(s->frozen_ms, 1, GRADE_PERIOD_MS / 4, GRADE_PERIOD_MS / 2)};
    int worst = 0;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i] > worst) worst = classes[i];
    return (char)('A' + worst);
}

const char *stream_reduced_name(enum media_reduced r)
{
    static const char *const names[] = {"none", "frames", "size", "stills", "held"};
    return names[r];
}
