/* How well each seat sends and receives: its grade, told to the room every two seconds, and the session's quality record. */
#include "server/room/desk_private.h"

#define QUALITY_MS 2000
#define QUALITY_NOTE_SAMPLES 150 /* one line of the log every five minutes */

/* What was lost on somebody's way up is missing for everybody: it is not the receiver's line that lost it. */
static uint32_t own_down_loss(const struct live *l, const struct link *k)
{
    uint32_t others = 0, down = k->quality.down.down_loss_permille;
    for (const struct link *o = l->links; o; o = o->next)
        if (o != k && o->quality.up.up_loss_permille > others) others = o->quality.up.up_loss_permille;
    return down > others ? down - others : 0;
}

static void grade(struct live *l, struct link *k)
{
    struct room_seat *s = room_seat(&l->room, k->seat);
    struct seat_quality *q = &k->quality;
    if (!s) return;
    struct room_quality *out = &s->quality;
    uint32_t down_loss = own_down_loss(l, k);
    out->up_bps = q->up.up_bps;
    out->down_bps = q->down.down_bps;
    out->loss_permille = q->up.up_loss_permille > down_loss ? q->up.up_loss_permille : down_loss;
    out->rtt_ms = q->up.rtt_ms > q->down.rtt_ms ? q->up.rtt_ms : q->down.rtt_ms;
    out->grade = q->up_silent || q->down_silent ? GRADE_LOST
                 : out->loss_permille >= 100 || out->rtt_ms >= 600 ? GRADE_POOR
                 : out->loss_permille >= 30 || out->rtt_ms >= 250 ? GRADE_FAIR
                                                                   : GRADE_GOOD;
    if (out->grade == GRADE_GOOD && desk_now_ms() - k->reduced_ms < 2 * QUALITY_MS) out->grade = GRADE_FAIR; /* its pictures are not whole */
}

static void sample(const struct room_quality *now, struct seat_quality *q)
{
    q->samples++;
    q->loss_permille_sum += now->loss_permille;
    q->rtt_ms_sum += now->rtt_ms;
    q->up_bps_sum += now->up_bps;
    q->down_bps_sum += now->down_bps;
    q->grades[now->grade]++;
}

/* The session's quality record: means since the last line, seconds of each grade, the page's last own figures. */
void seat_quality_note(struct live *l, struct link *k)
{
    struct seat_quality *q = &k->quality;
    json_int_t n = (json_int_t)q->samples;
    if (!n) return;
    json_t *seconds = json_object();
    for (int g = 0; g < 4; g++)
        json_object_set_new(seconds, room_grade_name((enum room_grade)g), json_integer((json_int_t)q->grades[g] * QUALITY_MS / 1000));
    json_t *detail = json_pack("{s:I,s:I,s:I,s:I,s:o}", "loss_permille", (json_int_t)q->loss_permille_sum / n, "rtt_ms", (json_int_t)q->rtt_ms_sum / n,
                               "up_bps", (json_int_t)q->up_bps_sum / n, "down_bps", (json_int_t)q->down_bps_sum / n, "seconds", seconds);
    json_t *streams = streams_note(k);
    if (streams) json_object_set_new(detail, "streams", streams);
    if (k->stats) json_object_set_new(detail, "page", json_incref(k->stats));
    desk_note(l, k->seat, "quality", detail);
    struct media_quality up = q->up, down = q->down;
    *q = (struct seat_quality){.up = up, .down = down, .up_silent = q->up_silent, .down_silent = q->down_silent};
}

void seat_quality_tick(struct live *l, int64_t now_ms)
{
    if (now_ms - l->quality_ms < QUALITY_MS) return;
    l->quality_ms = now_ms;
    streams_layered(l);
    for (struct link *k = l->links; k; k = k->next) {
        const struct room_seat *s = room_seat(&l->room, k->seat);
        grade(l, k);
        if (s && s->state == SEAT_ADMITTED && (k->up.peer.v || k->down.open)) {
            sample(&s->quality, &k->quality);
            trail_add(&k->trail, (char)('A' + s->quality.grade));
        }
        if (k->quality.samples >= QUALITY_NOTE_SAMPLES) seat_quality_note(l, k);
    }
    if (l->room.n_seats > 1) desk_tell_room(l, (struct desk_tell){.type = TELL_QUALITY});
}
