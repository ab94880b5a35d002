/* Recordings: begun in the records plane, made by the media plane, kept in the case. */
#include "server/base/log.h"
#include "server/room/desk_private.h"
#include <stdlib.h>
#include <string.h>

struct beginning {
    struct desk *desk;
    uint64_t room;
};

static void post(struct live *l, struct media_cmd c)
{
    c.room = l->room.id;
    if (plane_post(&l->desk->plane, PLANE_HERE, &c)) log_error("desk", "the media plane is busy; a recording command was lost");
}

static void failed(struct live *l, enum record_trouble why)
{
    struct room_event e = {.type = ROOM_RECORD_FAILED, .trouble = why};
    if (desk_step(l, &e, NULL)) log_debug("desk", "no recording to end");
}

/* Known before its first file is finished: a file that is found after a crash still knows whose it is. */
void record_track(struct live *l, struct link *k, enum room_source source)
{
    const struct room_seat *s = room_seat(&l->room, k->seat);
    if (!l->recording || !s) return;
    json_t *args = json_pack("{s:o,s:o,s:s,s:s,s:s}", "recording_id", desk_id(l->recording), "track_id", desk_id(k->up.tracks[source].id.v), "kind",
                             source == SOURCE_MIC ? "audio" : "video", "source", room_source_name(source), "name", s->person.name);
    if (s->person.id.v) json_object_set_new(args, "person_id", desk_id(s->person.id.v));
    ask_surely(&l->desk->asker, "recording.track_open", args, NULL, NULL);
}

static void record_tracks(struct live *l)
{
    for (struct link *k = l->links; k; k = k->next)
        for (int s = 0; s < SOURCE_COUNT; s++)
            if (k->up.tracks[s].id.v) record_track(l, k, (enum room_source)s);
}

static void end_unused(struct desk *d, uint64_t recording)
{
    if (records_recording_end_submit(d->config.records, recording, 0, NULL, NULL))
        log_warn("desk", "an empty recording is sealed at the next start");
}

static void begun(void *ctx, struct reply *reply)
{
    struct beginning *b = ctx;
    struct live *l = desk_room(b->desk, b->room);
    uint64_t id = 0;
    const char *text = json_string_value(json_object_get(reply->result, "recording_id"));
    if (text && id_parse(text, &id)) id = 0;
    if (l) l->record_opening = false;
    if (reply->error && l) {
        log_warn("desk", "a recording could not begin: %s", reply->fault.reason[0] ? reply->fault.reason : err_wire(reply->error));
        failed(l, TROUBLE_FAILED);
    } else if (!reply->error && (!l || !l->record_wanted || l->recording)) {
        end_unused(b->desk, id);
    } else if (!reply->error) {
        l->recording = id;
        record_tracks(l);
        post(l, (struct media_cmd){.type = MEDIA_RECORD_START, .record = {l->room.id, id, desk_now_ms()}});
    }
    free(b);
}

void record_start(struct live *l)
{
    struct beginning *b;
    l->record_wanted = true;
    if (l->recording || l->record_opening || !(b = malloc(sizeof *b))) return;
    l->record_opening = true;
    *b = (struct beginning){l->desk, l->room.id.v};
    json_t *args = json_pack("{s:o,s:I}", "room_id", desk_id(l->room.id.v), "started_ms", (json_int_t)desk_now_ms());
    ask_system(&l->desk->asker, "recording.begin", args, begun, b);
}

void record_stop(struct live *l)
{
    l->record_wanted = false;
    if (!l->recording) return;
    post(l, (struct media_cmd){.type = MEDIA_RECORD_STOP, .recording = l->recording});
    l->recording = 0;
}

void record_done(struct live *l, const struct media_event *e)
{
    if (!e->error || e->recording != l->recording) return;
    post(l, (struct media_cmd){.type = MEDIA_RECORD_STOP, .recording = l->recording}); /* the room's tracks are no longer fed to nobody */
    l->recording = 0;
    failed(l, e->error == ERR_STORAGE ? TROUBLE_SPACE : TROUBLE_FAILED);
}

void record_trouble(struct live *l, const struct media_event *e)
{
    struct room_event tell = {.type = ROOM_RECORD_TROUBLE, .trouble = e->error ? TROUBLE_LOSING : TROUBLE_NONE};
    if (e->recording == l->recording && desk_step(l, &tell, NULL)) log_debug("desk", "no recording is in trouble");
}

void record_keep(struct desk *d, const struct media_event *e)
{
    struct records_recording_file f = {.recording = e->recording, .track = e->track.v, .path = e->file.path, .sha256 = e->file.sha256,
                                       .bytes = e->file.bytes, .started_ms = e->file.started_ms, .duration_ms = e->file.duration_ms};
    int rc = e->type == MEDIA_RECORD_FILE ? records_recording_file_submit(d->config.records, &f, NULL, NULL)
                                          : records_recording_end_submit(d->config.records, e->recording, e->error, NULL, NULL);
    if (rc) log_error("desk", "recording %s: kept in the record folder until the next start", err_wire(rc));
}
