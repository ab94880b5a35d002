/* The live room's media verbs: offers and answers, layers, the page's figures, still pictures, the device test. */
#include "server/signaling/signaling.h"
#include <stdlib.h>
#include <string.h>

#define TRACKS_MAX 16
#define WANTS_MAX 64

/* Takes answer_sdp (malloc'd) when rc is 0. */
static void answer_sdp(struct connection *c, int64_t id, int rc, char *sdp, const struct fault *f)
{
    if (rc) connection_refuse(c, id, f);
    else connection_answer(c, id, json_pack("{s:s}", "sdp", sdp));
    free(sdp);
}

static void finish(struct connection *c, int64_t id, int rc, const struct fault *f)
{
    if (rc) connection_refuse(c, id, f);
    else connection_answer(c, id, json_object());
}

static void publish(struct connection *c, int64_t id, const json_t *args)
{
    struct uplink_source sources[TRACKS_MAX];
    struct fault f = {0};
    size_t n = 0, i;
    json_t *t;
    char *sdp = NULL;
    json_array_foreach(json_object_get(args, "tracks"), i, t)
        sources[n++] = (struct uplink_source){verb_text(t, "mid"), (enum room_source)room_source_parse(verb_text(t, "source"))};
    int rc = desk_publish(signaling_desk(c->owner), c->id, verb_text(args, "sdp"), sources, n, &sdp, &f);
    answer_sdp(c, id, rc, sdp, &f);
}

static const struct field want_args[] = {{"track", FIELD_ID, true}, {"max_height", FIELD_INT, false, 0, 8192}, {0}};
static const struct field want = {"want", FIELD_OBJECT, .of = want_args};
static const struct field wants_list[] = {{"wants", FIELD_ARRAY, true, 0, WANTS_MAX, .of = &want}, {0}};

/* "all", or a list of tracks. */
static int read_wants(const json_t *args, struct desk_wish out[WANTS_MAX], int *n, struct fault *f)
{
    const json_t *wants = json_object_get(args, "wants");
    size_t i;
    json_t *w;
    *n = -1;
    if (!wants || json_is_null(wants) || (json_is_string(wants) && strcmp(json_string_value(wants), "all") == 0)) return 0;
    json_t *only = json_pack("{s:O}", "wants", wants);
    int rc = fields_check(wants_list, only, f);
    json_decref(only);
    if (rc) return rc;
    *n = 0;
    json_array_foreach(wants, i, w)
        out[(*n)++] = (struct desk_wish){arg_id(w, "track"), (int)json_integer_value(json_object_get(w, "max_height"))};
    return 0;
}

static void subscribe(struct connection *c, int64_t id, const json_t *args)
{
    struct desk_wish wishes[WANTS_MAX];
    struct fault f = {0};
    int n, rc = read_wants(args, wishes, &n, &f);
    if (rc) {
        connection_refuse(c, id, &f);
        return;
    }
    rc = desk_subscribe(signaling_desk(c->owner), c->id, wishes, n, json_is_true(json_object_get(args, "fresh")), &f);
    finish(c, id, rc, &f);
}

static void answer(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    int rc = desk_answer(signaling_desk(c->owner), c->id, verb_text(args, "sdp"), (int)json_integer_value(json_object_get(args, "version")), &f);
    finish(c, id, rc, &f);
}

/* Upwards the page restarts by an offer of its own with new credentials; downwards we offer. */
static void restart(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    bool down = strcmp(verb_text(args, "pc"), "down") == 0;
    struct desk *d = signaling_desk(c->owner);
    finish(c, id, down ? desk_restart_down(d, c->id, &f) : desk_seated(d, c->id, &f), &f);
}

static void layer(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    int want_layer = (int)json_integer_value(json_object_get(args, "layer"));
    finish(c, id, desk_steer(signaling_desk(c->owner), c->id, arg_id(args, "track"), want_layer, -1, &f), &f);
}

static void pause_track(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    int on = json_is_true(json_object_get(args, "on"));
    finish(c, id, desk_steer(signaling_desk(c->owner), c->id, arg_id(args, "track"), -1, on, &f), &f);
}

static void mode(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    const char *word = verb_text(args, "mode");
    enum room_mode m = strcmp(word, "full") == 0 ? MODE_FULL : strcmp(word, "stills") == 0 ? MODE_STILLS : MODE_AUDIO_ONLY;
    finish(c, id, desk_mode(signaling_desk(c->owner), c->id, m, &f), &f);
}

static void still(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    enum room_source source = (enum room_source)room_source_parse(verb_text(args, "source"));
    finish(c, id, desk_still(signaling_desk(c->owner), c->id, source, verb_text(args, "jpeg_base64"), &f), &f);
}

static void stats(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    finish(c, id, desk_stats(signaling_desk(c->owner), c->id, args, &f), &f);
}

/* ---- the device test: for the signed in, and for whoever holds a guest's ticket ---- */

static void echo_now(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    char *sdp = NULL;
    if (desk_echo(signaling_desk(c->owner), c->id, verb_text(args, "sdp"), &sdp, &f)) connection_refuse(c, id, &f);
    else connection_answer(c, id, json_pack("{s:s,s:o}", "sdp", sdp, "ice_servers", signaling_ice_servers(c->owner, "test")));
    free(sdp);
}

struct asking {
    struct signaling *owner;
    uint64_t connection;
    int64_t id;
    json_t *args;
};

static void ticket_known(void *ctx, struct reply *reply)
{
    struct asking *w = ctx;
    struct connection *c = signaling_find(w->owner, w->connection);
    if (c && reply->error) {
        connection_refuse(c, w->id, &reply->fault);
        connection_wrong(c, &reply->fault);
    } else if (c) echo_now(c, w->id, w->args);
    json_decref(w->args);
    free(w);
}

static void echo_by_ticket(struct connection *c, int64_t id, const json_t *args)
{
    if (!connection_may_ask(c, id)) return;
    struct asking *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (struct asking){c->owner, c->id, id, json_incref((json_t *)args)};
    ask_system(signaling_asker(c->owner), "room.ticket_check", json_pack("{s:s}", "ticket", verb_text(args, "ticket")), ticket_known, w);
}

static void echo_identified(struct connection *c, int64_t id, const json_t *args)
{
    struct fault f = {0};
    if (c->person[0]) {
        echo_now(c, id, args);
    } else if (*verb_text(args, "ticket")) {
        echo_by_ticket(c, id, args);
    } else {
        fault_set(&f, ERR_UNAUTHENTICATED, "no_session", "Sign in, or show a ticket.");
        connection_refuse(c, id, &f);
    }
}

static void echo(struct connection *c, int64_t id, const json_t *args)
{
    if (c->credential[0]) connection_identify(c, id, args, echo_identified);
    else echo_identified(c, id, args);
}

/* ---- devices ---- */

static void device_done(void *ctx, const struct fault *f)
{
    struct asking *w = ctx;
    struct connection *c = signaling_find(w->owner, w->connection);
    if (c) finish(c, w->id, f ? f->code : 0, f);
    free(w);
}

static void device(struct connection *c, int64_t id, const json_t *args)
{
    struct asking *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (struct asking){c->owner, c->id, id, NULL};
    struct desk_device_ask a = {c->id, arg_id(args, "device"), json_is_true(json_object_get(args, "on"))};
    desk_device(signaling_desk(c->owner), &a, device_done, w);
}

/* ---- the table ---- */

#define SOURCES "mic|camera|screen|camera2"
static const struct field track_args[] = {{"mid", FIELD_TEXT, true, 1, 15}, {"source", FIELD_ENUM, true, .choices = SOURCES}, {0}};
static const struct field track = {"track", FIELD_OBJECT, .of = track_args};
static const struct field publish_args[] = {{"sdp", FIELD_TEXT, true, 1, SDP_TEXT_MAX}, {"tracks", FIELD_ARRAY, true, 0, TRACKS_MAX, .of = &track}, {0}};
static const struct field subscribe_args[] = {{"wants", FIELD_ANY, .help = "\"all\" (default) or a list of {track, max_height?}"},
                                              {"fresh", FIELD_BOOL, .help = "a new transport"},
                                              {0}};
static const struct field answer_args[] = {{"sdp", FIELD_TEXT, true, 1, SDP_TEXT_MAX}, {"version", FIELD_INT, true, 1, INT32_MAX}, {0}};
static const struct field device_args[] = {{"device", FIELD_ID, true, .help = "of GET /room_devices"}, {"on", FIELD_BOOL, true}, {0}};
static const struct field restart_args[] = {{"pc", FIELD_ENUM, true, .choices = "up|down"}, {0}};
static const struct field layer_args[] = {{"track", FIELD_ID, true}, {"layer", FIELD_INT, true, 0, 2}, {0}};
static const struct field pause_args[] = {{"track", FIELD_ID, true}, {"on", FIELD_BOOL, true}, {0}};
static const struct field mode_args[] = {{"mode", FIELD_ENUM, true, .choices = "full|stills|audio_only"}, {0}};
static const struct field still_args[] = {{"source", FIELD_ENUM, true, .choices = SOURCES}, {"jpeg_base64", FIELD_TEXT, true, 1, 61440}, {0}};
static const struct field echo_args[] = {{"sdp", FIELD_TEXT, true, 1, SDP_TEXT_MAX}, {"ticket", FIELD_TEXT, .max = 200}, {0}};
static const struct field stats_args[] = {
    {"up_bps", FIELD_NUMBER},    {"down_bps", FIELD_NUMBER},          {"up_loss", FIELD_NUMBER}, {"down_loss", FIELD_NUMBER},
    {"rtt_ms", FIELD_NUMBER},    {"frames_decoded", FIELD_NUMBER},    {"frames_per_second", FIELD_NUMBER},
    {"freezes", FIELD_NUMBER},   {"audio_concealed", FIELD_NUMBER},   {"limited_by", FIELD_TEXT, .max = 40},
    {"grade", FIELD_ENUM, .choices = "good|fair|poor|lost"}, {"relayed", FIELD_BOOL, .help = "its media go through a TURN relay"},
    {"up_line_bps", FIELD_NUMBER, .help = "what the browser takes its line up to carry"}, {0}};

const struct verb media_verbs[] = {
    {"room.device", device_args, device, "host: fetch a device's stream into the room, or end it; its seat says how it goes"},
    {"media.publish", publish_args, publish, "offer what this seat sends; which m-line is what"},
    {"media.subscribe", subscribe_args, subscribe, "receive; offers come as events media.offer"},
    {"media.answer", answer_args, answer, "answer the offer of that version"},
    {"media.restart", restart_args, restart, "fresh ICE credentials for a transport"},
    {"media.layer", layer_args, layer, "wanted simulcast layer of a track, 0 lowest"},
    {"media.pause", pause_args, pause_track, "receive nothing of a track for now"},
    {"media.stats", stats_args, stats, "the page's own figures, kept with the session"},
    {"room.quality_hint", mode_args, mode, "what this page can receive"},
    {"room.still", still_args, still, "one still picture for pages without video; at most one in two seconds"},
    {"test.echo", echo_args, echo, "device test: what is sent comes back for a minute"},
    {0},
};
