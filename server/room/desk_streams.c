/* The quality of each picture that a seat receives: told to its page, summed for the session's record. And the other way: which layers of
 * what a seat sends anybody has use for. */
#include "server/room/desk_private.h"
#include "server/room/grade.h"
#include <string.h>

const struct downlink_want *streams_want(const struct link *k, struct track_id track)
{
    for (size_t i = 0; i < k->down.n_slots; i++)
        if (k->down.slots[i].used && k->down.slots[i].want.track.v == track.v) return &k->down.slots[i].want;
    return NULL;
}

static struct stream_sum *sum_of(struct link *k, const struct downlink_want *w)
{
    for (size_t i = 0; i < k->n_streams; i++)
        if (k->streams[i].seat == w->seat && k->streams[i].source == w->source) return &k->streams[i];
    if (k->n_streams == MEDIA_STREAMS_MAX) return NULL;
    k->streams[k->n_streams] = (struct stream_sum){.seat = w->seat, .source = w->source};
    return &k->streams[k->n_streams++];
}

static void add(struct stream_sum *sum, const struct room_stream *s)
{
    if (!sum) return;
    sum->samples++;
    sum->grades[s->grade - 'A']++;
    sum->bps += s->bps;
    sum->loss_permille += s->loss_permille;
    sum->delay_ms += s->delay_ms;
    sum->frozen_ms += s->frozen_ms;
}

/* What the sender's own page said of its sending last: every receiver sees the less of it. */
static const char *by_of(struct live *l, const struct media_stream *s, uint64_t sender)
{
    const struct link *from = desk_link(l, sender);
    const char *limited = from ? json_string_value(json_object_get(from->stats, "limited_by")) : NULL;
    if (s->reduced != MEDIA_WHOLE) return "line";
    if (s->rests) return "rest";
    if (limited && strcmp(limited, "bandwidth") == 0) return "sender_line";
    return limited && strcmp(limited, "cpu") == 0 ? "sender_cpu" : "";
}

void streams_event(struct live *l, struct link *k, const struct media_event *e)
{
    struct room_stream out[MEDIA_STREAMS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < e->streams.n; i++) {
        const struct media_stream *s = &e->streams.at[i];
        const struct downlink_want *w = streams_want(k, s->track);
        if (!w) continue;
        out[n] = (struct room_stream){w->wire, w->seat, w->source, (int)s->reduced, stream_grade(s), by_of(l, s, w->seat), s->bps, s->loss_permille, s->delay_ms, s->frozen_ms};
        if (s->reduced != MEDIA_WHOLE) k->reduced_ms = desk_now_ms();
        struct trail *t = stream_trail(k, w->seat, w->source);
        if (t) trail_add(t, out[n].grade);
        add(sum_of(k, w), &out[n++]);
    }
    desk_tell_seat(l, k, (struct desk_tell){.type = TELL_STREAMS, .n_streams = n, .streams = out, .line_bps = k->quality.down.line_bps});
}

void streams_wanted(struct live *l, struct link *k, const struct media_event *e)
{
    enum room_source source = uplink_source_of(&k->up, e->track);
    if (source != SOURCE_COUNT) desk_tell_seat(l, k, (struct desk_tell){.type = TELL_WANTED, .source = source, .layers = e->layers});
}

static bool some_lack_vp9(const struct live *l)
{
    const struct link *k = l->links;
    while (k && !k->down.no_vp9)
        k = k->next;
    if (k) return true;
    for (k = l->audience; k && !k->down.no_vp9;)
        k = k->hh.next;
    return k != NULL;
}

void streams_layered(struct live *l)
{
    unsigned layered = l->desk->config.layered;
    if (layered && some_lack_vp9(l)) layered = 0;
    if (layered == l->room.layered) return;
    l->room.layered = layered;
    desk_tell_room(l, (struct desk_tell){.type = TELL_STATE});
}

static json_t *sum_json(const struct stream_sum *s)
{
    json_t *seconds = json_object();
    json_int_t n = (json_int_t)s->samples;
    for (int g = 0; g < 4; g++) {
        char name[2] = {(char)('A' + g), 0};
        json_object_set_new(seconds, name, json_integer((json_int_t)s->grades[g] * GRADE_PERIOD_MS / 1000));
    }
    return json_pack("{s:o,s:s,s:I,s:I,s:I,s:I,s:o}", "seat", desk_id(s->seat), "source", room_source_name(s->source), "bps", (json_int_t)s->bps / n,
                     "loss_permille", (json_int_t)s->loss_permille / n, "delay_ms", (json_int_t)s->delay_ms / n, "frozen_ms", (json_int_t)s->frozen_ms,
                     "seconds", seconds);
}

json_t *streams_note(struct link *k)
{
    json_t *list = k->n_streams ? json_array() : NULL;
    for (size_t i = 0; i < k->n_streams; i++)
        json_array_append_new(list, sum_json(&k->streams[i]));
    k->n_streams = 0;
    return list;
}
