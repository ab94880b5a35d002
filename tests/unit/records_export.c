/* Films and pictures of recordings, made by the real child of real files: asked for, made, cancelled, begun again after a daemon's end, refused. */
#include "tests/support/room.h"
#include "records/document/documents.h"
#include "records/parts.h"
#include "records/work/recording.h"
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM YL_BUILD_DIR "/yilian-pipe"
#define PICTURE "-f lavfi -i testsrc2=size=320x180:rate=15 -t 6 -c:v libvpx -deadline realtime -cpu-used 8 -g 30 -cluster_time_limit 800"
#define SOUND "-f lavfi -i sine=frequency=440:sample_rate=48000 -t 6 -c:a libopus -b:a 24k -cluster_time_limit 800"

static char room_id[ID_TEXT_BYTES], recording_id[ID_TEXT_BYTES], export_id[ID_TEXT_BYTES];

static void shell(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* What a command says, first line. */
static const char *said(const char *command)
{
    static char line[300];
    FILE *f = popen(command, "r");
    assert_non_null(f);
    if (!fgets(line, sizeof line, f))
        line[0] = 0;
    pclose(f);
    line[strcspn(line, "\n")] = 0;
    return line;
}

static void take_in(uint64_t track, const char *kind, const char *source, const char *name, const char *ffmpeg)
{
    char path[300], command[900];
    const char *extension = strcmp(kind, "audio") == 0 ? "weba" : "webm";
    uint64_t recording;
    assert_int_equal(id_parse(recording_id, &recording), 0);
    yes("daemon", "recording.track_open",
        json_pack("{s:s,s:o,s:s,s:s,s:o,s:s}", "recording_id", recording_id, "track_id", json_id(track), "kind", kind, "source", source, "person_id",
                  id_json(name), "name", name));
    snprintf(path, sizeof path, "%s/recording/%s-%016llx-%s-%lld.%s", w.dir, recording_id, (unsigned long long)track, room_id, (long long)w.now_ms, extension);
    snprintf(command, sizeof command, "ffmpeg -loglevel error -y %s -f webm %s </dev/null", ffmpeg, path);
    shell(command);
    char sha[80];
    snprintf(command, sizeof command, "sha256sum %s", path);
    snprintf(sha, sizeof sha, "%.64s", said(command));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    struct records_recording_file f = {.recording = recording, .track = track, .path = path, .sha256 = sha, .bytes = (uint64_t)st.st_size, .started_ms = w.now_ms, .duration_ms = 6000};
    assert_int_equal(records_recording_file_submit(w.r, &f, NULL, NULL), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static json_t *of_recording(void)
{
    return json_pack("{s:s}", "recording_id", recording_id);
}

static json_t *with_layout(const char *layout)
{
    return json_pack("{s:s,s:s}", "recording_id", recording_id, "layout", layout);
}

static json_t *newest(const char *name)
{
    json_t *items = json_object_get(yes(name, "recording.export_list", of_recording()), "items");
    return json_array_get(items, json_array_size(items) - 1);
}

static void until(const char *state)
{
    for (int i = 0; i < 3000; i++) {
        const char *now = text(newest("zhang"), "state");
        if (strcmp(now, state) == 0)
            return;
        if (strcmp(now, "queued") != 0 && strcmp(now, "running") != 0)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    fail_msg("%s, not %s: %s", text(newest("zhang"), "state"), state, text(newest("zhang"), "error"));
}

static void begin_exporter(void)
{
    assert_int_equal(recording_exporter_open(&records_parts(w.r)->exporter, w.r, PROGRAM, 1), 0);
}

static void end_exporter(void)
{
    recording_exporter_close(records_parts(w.r)->exporter);
    records_parts(w.r)->exporter = NULL;
}

/* The plain bytes of a document, for ffprobe. */
static void plain(const char *name, const char *document, const char *path)
{
    struct document_handle h;
    json_t *v = yes(name, "document.open", json_pack("{s:s}", "document_id", document));
    static uint8_t bytes[65536];
    FILE *f = fopen(path, "wb");
    size_t got;
    assert_int_equal(documents_handle_find(records_parts(w.r)->documents, text(v, "handle"), w.now_ms, &h), 0);
    for (uint64_t at = 0; documents_handle_read(records_parts(w.r)->documents, text(v, "handle"), w.now_ms, at, bytes, sizeof bytes, &got) == 0 && got; at += got)
        assert_int_equal(fwrite(bytes, 1, got, f), got);
    fclose(f);
}

static int recorded(void **state)
{
    if (room_open_world(state))
        return 1;
    room_case_make(full_form());
    room_wait_open();
    snprintf(room_id, sizeof room_id, "%s", text(json_object_get(enter("zhang"), "room"), "id"));
    case_start(true);
    snprintf(recording_id, sizeof recording_id, "%s",
             text(yes("daemon", "recording.begin", json_pack("{s:s,s:I}", "room_id", room_id, "started_ms", (json_int_t)w.now_ms)), "recording_id"));
    take_in(1, "video", "camera", "zhang", PICTURE);
    take_in(2, "audio", "mic", "zhang", SOUND);
    no(ERR_NOT_ALLOWED_NOW, "not_sealed", "zhang", "recording.export", with_layout("grid"));
    take_in(3, "video", "camera", "qian", PICTURE);
    uint64_t id;
    assert_int_equal(id_parse(recording_id, &id), 0);
    assert_int_equal(records_recording_end_submit(w.r, id, 0, NULL, NULL), 0);
    return 0;
}

static int ended(void **state)
{
    end_exporter();
    return room_close_world(state);
}

static void not_without_the_program(void **state)
{
    (void)state;
    no(ERR_UNAVAILABLE, "no_exports", "zhang", "recording.export", with_layout("grid"));
    assert_true(json_is_false(json_object_get(yes("zhang", "recording.export_list", of_recording()), "possible")));
    /* yilianctl has no program either: it only puts the film into the queue, and may take back what anybody asked for. */
    char made[ID_TEXT_BYTES];
    snprintf(made, sizeof made, "%s", text(yes("daemon", "recording.export", with_layout("speaker")), "export_id"));
    assert_string_equal(text(json_array_get(json_object_get(yes("daemon", "recording.export_list", of_recording()), "items"), 0), "state"), "queued");
    no(ERR_DENIED, "not_yours", "zhang", "recording.export_cancel", json_pack("{s:s}", "export_id", made));
    yes("daemon", "recording.export_cancel", json_pack("{s:s}", "export_id", made));
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='recording.export' AND outcome='ok' AND patient_id<>0"), 1);
}

static void pictures_of_every_recording(void **state)
{
    (void)state;
    char poster[ID_TEXT_BYTES], strip[ID_TEXT_BYTES], path[300], command[500];
    assert_int_equal(count("SELECT COUNT(*) FROM recording_export WHERE kind='pictures' AND state='queued'"), 1);
    begin_exporter();
    for (int i = 0; i < 3000 && !count("SELECT COUNT(*) FROM recording_export WHERE state IN ('done','failed')"); i++)
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    json_t *r = json_array_get(json_object_get(yes("qian", "recording.list", with_case()), "items"), 0), *s = json_object_get(r, "strip");
    snprintf(poster, sizeof poster, "%s", text(r, "poster"));
    snprintf(strip, sizeof strip, "%s", text(s, "document_id"));
    assert_int_equal(json_integer_value(json_object_get(s, "cells")), 60);
    snprintf(path, sizeof path, "%s/poster.jpg", w.dir);
    snprintf(command, sizeof command, "ffprobe -v error -show_entries stream=codec_name,width,height -of csv=p=0 %s", path);
    plain("qian", poster, path);
    assert_string_equal(said(command), "mjpeg,640,360");
    plain("qian", strip, path);
    assert_string_equal(said(command), "mjpeg,9600,90");
}

static size_t uploads(void)
{
    char path[300];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/uploads", w.dir);
    DIR *d = opendir(path);
    for (const struct dirent *e; d && (e = readdir(d));)
        n += e->d_name[0] != '.';
    if (d)
        closedir(d);
    return n;
}

static void one_film(void **state)
{
    (void)state;
    char path[300], command[600];
    snprintf(export_id, sizeof export_id, "%s", text(yes("zhang", "recording.export", with_layout("grid")), "export_id"));
    assert_string_equal(text(yes("qian", "recording.export", with_layout("grid")), "export_id"), export_id); /* one for all */
    until("done");
    json_t *e = newest("qian");
    assert_string_equal(text(json_object_get(e, "by"), "name"), "zhang");
    assert_true(json_integer_value(json_object_get(e, "bytes")) > 10000);
    char document[ID_TEXT_BYTES];
    snprintf(document, sizeof document, "%s", text(e, "document_id"));
    snprintf(path, sizeof path, "%s/film.mp4", w.dir);
    plain("qian", document, path);
    snprintf(command, sizeof command, "ffprobe -v error -select_streams v -count_packets -show_entries stream=codec_name,width,height,nb_read_packets -of csv=p=0 %s", path);
    const char *video = said(command);
    int packets = 0;
    assert_int_equal(sscanf(video, "h264,1280,720,%d", &packets), 1);
    assert_in_range(packets, 80, 92); /* 6 s of 15 a second */
    snprintf(command, sizeof command, "ffprobe -v error -select_streams a -show_entries stream=codec_name,sample_rate,channels -of csv=p=0 %s", path);
    assert_string_equal(said(command), "aac,48000,1");
    snprintf(command, sizeof command, "ffprobe -v error -show_entries format=duration -of csv=p=0 %s", path);
    assert_in_range((int)(atof(said(command)) * 1000), 5900, 6100);
    snprintf(command, sizeof command, "ffmpeg -v error -i %s -f null - 2>&1", path); /* every frame decodes */
    assert_string_equal(said(command), "");
    snprintf(command, sizeof command, "ffmpeg -v error -ss 2 -i %s -frames:v 1 -vf crop=600:340:20:20,signalstats,metadata=print:file=- -f null - | grep -o 'YAVG=[0-9]*'", path);
    assert_true(atoi(said(command) + 5) > 60); /* a picture stands there: an empty place is 44 */
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='recording.export' AND outcome='ok' AND patient_id<>0 AND person_id<>0"), 2);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='recording.export_done' AND outcome='ok' AND patient_id<>0"), 2);
    assert_int_equal(uploads(), 0);
    no(ERR_NOT_ALLOWED_NOW, "finished", "zhang", "recording.export_cancel", json_pack("{s:s}", "export_id", export_id));
    json_t *v = yes("zhang", "case.get", with_case());
    assert_int_equal(json_array_size(json_object_get(v, "attachments")), 0);
}

static void who_may(void **state)
{
    (void)state;
    no(ERR_NOT_FOUND, "", "sun", "recording.export", with_layout("grid"));
    no(ERR_NOT_FOUND, "", "sun", "recording.export_list", of_recording());
    no(ERR_DENIED, "right", "sys", "recording.export", with_layout("grid"));
    no(ERR_INVALID, "not_a_choice", "zhang", "recording.export", with_layout("circle"));
    no(ERR_DENIED, "right", "zhang", "recording.export_next", json_object());
}

static void cancelled(void **state)
{
    (void)state;
    snprintf(export_id, sizeof export_id, "%s", text(yes("zhang", "recording.export", with_layout("speaker")), "export_id"));
    no(ERR_DENIED, "not_yours", "qian", "recording.export_cancel", json_pack("{s:s}", "export_id", export_id));
    yes("zhang", "recording.export_cancel", json_pack("{s:s}", "export_id", export_id));
    until("cancelled");
    end_exporter();
    assert_string_equal(text(newest("zhang"), "state"), "cancelled");
    assert_string_equal(text(newest("zhang"), "document_id"), "");
    assert_int_equal(uploads(), 0);
}

static void write_row(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    assert_int_equal(tx_exec(tx, sql, ""), 0);
    assert_int_equal(tx_commit(tx), 0);
}

/* What a killed daemon left: begun again, but not for ever. */
static void after_a_kill(void **state)
{
    (void)state;
    begin_exporter();
    yes("zhang", "recording.export", with_layout("slides"));
    until("done");
    end_exporter();
    write_row("UPDATE recording_export SET state='running', tries=1, document_id=0 WHERE layout='slides'");
    begin_exporter();
    until("done");
    assert_int_equal(count("SELECT COUNT(*) FROM recording_export WHERE layout='slides' AND tries=2 AND document_id<>0"), 1);
    end_exporter();
    write_row("UPDATE recording_export SET state='running', tries=3, document_id=0 WHERE layout='slides'");
    begin_exporter();
    until("failed");
    assert_string_equal(text(newest("zhang"), "error"), "interrupted");
    audit_is_whole();
}

/* A program that fails is told as that. */
static void a_child_that_fails(void **state)
{
    (void)state;
    end_exporter();
    assert_int_equal(recording_exporter_open(&records_parts(w.r)->exporter, w.r, "/bin/false", 1), 0);
    yes("zhang", "recording.export", with_layout("speaker"));
    until("failed");
    assert_string_equal(text(newest("zhang"), "error"), "invalid");
    end_exporter(); /* what it had begun is dropped after it is told */
    assert_int_equal(uploads(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(not_without_the_program), cmocka_unit_test(pictures_of_every_recording), cmocka_unit_test(one_film),
                                       cmocka_unit_test(who_may),                 cmocka_unit_test(cancelled),                   cmocka_unit_test(after_a_kill),
                                       cmocka_unit_test(a_child_that_fails)};
    return cmocka_run_group_tests(tests, recorded, ended);
}
