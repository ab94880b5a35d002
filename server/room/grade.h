/* grade - A to D for a picture as it comes to one viewer, by the worst of what can be wrong with it. Pure.
 *
 *   A  as sent, under 2 % lost, under 200 ms late, never standing still
 *   B  under 5 %, 400 ms, a short halt, or fewer pictures a second
 *   C  under 10 %, 800 ms, standing still for less than half of the time, or smaller than the page has use for
 *   D  worse, or not sent at all because the line does not carry it
 */
#ifndef YL_SERVER_ROOM_GRADE_H
#define YL_SERVER_ROOM_GRADE_H

#include "media/media.h"

#define GRADE_PERIOD_MS 2000
char stream_grade(const struct media_stream *s);
const char *stream_reduced_name(enum media_reduced r); /* the words of the wire: none, frames, size, stills, held */
#endif
