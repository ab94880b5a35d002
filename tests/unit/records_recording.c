/* Recordings: begun with consent, files taken in by the intake, sealed, found again after a kill, seen by those of the case. */
#include "tests/support/room.h"
#include "server/base/reel.h"
#include <stdatomic.h>
#include <time.h>

/* heads of real files: EBML, document type, a codec; the rest is filler */
#define SOUND "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x86\x86" "A_OPUS"
#define PICTURE "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x86\x85" "V_VP8"
#define H264 "\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\x82\x88matroska\x86\x8fV_MPEG4/ISO/AVC"

static char room_id[ID_TEXT_BYTES], recording_id[ID_TEXT_BYTES];

struct made { /* a file as the recorder leaves it */
    char path[200], sha256[65];
    uint64_t bytes;
};

static struct made leave(uint64_t recording, uint64_t track, int64_t started, const char *extension, const char *head, size_t bytes)
{
    struct made m = {.bytes = bytes};
    struct sha256_state s;
    uint8_t digest[SHA256_BYTES], block[4096];
    snprintf(m.path, sizeof m.path, "%s/recording/%016llx-%016llx-%s-%lld.%s", w.dir, (unsigned long long)recording,
             (unsigned long long)track, room_id, (long long)started, extension);
    FILE *f = fopen(m.path, "wb");
    assert_non_null(f);
    sha256_init(&s);
    for (size_t at = 0; at < bytes; at += sizeof block) {
        size_t n = bytes - at < sizeof block ? bytes - at : sizeof block;
        for (size_t i = 0; i < n; i++)
            block[i] = (uint8_t)((at + i) * 31 >> 3);
        if (at == 0)
            memcpy(block, head, strlen(head) < n ? strlen(head) : n);
        sha256_update(&s, block, n);
        assert_int_equal(fwrite(block, 1, n, f), n);
    }
    fclose(f);
    sha256_final(&s, digest);
    assert_true(hex_encode(digest, sizeof digest, m.sha256, sizeof m.sha256) > 0);
    return m;
}

static uint64_t hex(const char *id)
{
    uint64_t v = 0;
    assert_int_equal(id_parse(id, &v), 0);
    return v;
}

/* Keeps the answer; the intake runs on this thread when there is no pool. */
static void kept(void *ctx, struct reply *reply)
{
    *(struct reply *)ctx = *reply;
}

static struct records_recording_file file_of(const struct made *m, uint64_t recording, uint64_t track, int64_t started)
{
    return (struct records_recording_file){.recording = recording,
                                           .track = track,
                                           .path = m->path,
                                           .sha256 = m->sha256,
                                           .bytes = m->bytes,
                                           .started_ms = started,
                                           .duration_ms = 61000};
}

static struct reply take_in(const struct made *m, uint64_t recording, uint64_t track, int64_t started)
{
    struct records_recording_file f = file_of(m, recording, track, started);
    struct reply reply = {.error = 1};
    assert_int_equal(records_recording_file_submit(w.r, &f, kept, &reply), 0);
    return reply;
}

static struct reply end(uint64_t recording, int error)
{
    struct reply reply = {.error = 1};
    assert_int_equal(records_recording_end_submit(w.r, recording, error, kept, &reply), 0);
    return reply;
}

static json_t *begin_args(void)
{
    return json_pack("{s:s,s:I}", "room_id", room_id, "started_ms", (json_int_t)w.now_ms);
}

static uint64_t begin(void)
{
    snprintf(recording_id, sizeof recording_id, "%s", text(yes("daemon", "recording.begin", begin_args()), "recording_id"));
    return hex(recording_id);
}

static void track_open(uint64_t track, const char *kind, const char *source, const char *name)
{
    yes("daemon", "recording.track_open",
        json_pack("{s:s,s:o,s:s,s:s,s:o,s:s}", "recording_id", recording_id, "track_id", json_id(track), "kind", kind, "source", source,
                  "person_id", id_json(name), "name", name));
}

static void nothing_without_consent(void **state)
{
    (void)state;
    room_case_make(full_form());
    room_wait_open();
    snprintf(room_id, sizeof room_id, "%s", text(json_object_get(enter("zhang"), "room"), "id"));
    no(ERR_NOT_ALLOWED_NOW, "no_recording_consent", "daemon", "recording.begin", begin_args());
    no(ERR_DENIED, "right", "zhang", "recording.begin", begin_args());
    case_start(true); /* the patient agrees aloud */
    begin();
    json_t *v = yes("daemon", "room.token", json_pack("{s:s,s:b}", "room", "free", "watch", 1));
    char mine[ID_TEXT_BYTES];
    strcpy(mine, room_id);
    snprintf(room_id, sizeof room_id, "%s", text(v, "room_id"));
    no(ERR_NOT_ALLOWED_NOW, "no_case", "daemon", "recording.begin", begin_args());
    strcpy(room_id, mine);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='recording.begin' AND outcome='ok' AND patient_id<>0"), 1);
}

static json_t *listed(const char *name)
{
    return json_object_get(yes(name, "recording.list", with_case()), "items");
}

/* The seal's text, made again from what the list says (room.h). */
static void seal_holds(const json_t *recording)
{
    char line[400], again[65];
    struct sha256_state s;
    uint8_t digest[SHA256_BYTES];
    size_t i;
    json_t *t;
    sha256_init(&s);
    sha256_update(&s, line, (size_t)sprintf(line, "yilian-recording-1 %s %s %lld\n", text(recording, "id"), text(recording, "case_id"),
                                            json_integer_value(json_object_get(recording, "started_ms"))));
    json_array_foreach (json_object_get(recording, "tracks"), i, t) {
        const char *person = text(json_object_get(t, "who"), "id");
        sha256_update(&s, line,
                      (size_t)sprintf(line, "%s %s %s %s %lld %lld %s %s\n", text(t, "document_id"), text(t, "kind"), text(t, "source"),
                                      *person ? person : "-", json_integer_value(json_object_get(t, "started_ms")),
                                      json_integer_value(json_object_get(t, "duration_ms")), text(t, "content_type"), text(t, "sha256")));
    }
    sha256_final(&s, digest);
    assert_true(hex_encode(digest, sizeof digest, again, sizeof again) > 0);
    assert_string_equal(again, text(recording, "sha256"));
}

static void a_session_is_recorded(void **state)
{
    uint64_t id = hex(recording_id);
    int64_t t0 = w.now_ms;
    (void)state;
    track_open(1, "audio", "mic", "qian");
    track_open(2, "video", "camera", "zhang");
    struct made sound = leave(id, 1, t0 + 200, "weba", SOUND, 5000), picture = leave(id, 2, t0 + 100, "webm", PICTURE, 9 << 20),
                screen = leave(id, 3, t0 + 4000, "mkv", H264, 70000);
    struct reply r = take_in(&sound, id, 1, t0 + 200);
    assert_int_equal(r.error, 0);
    assert_true(json_is_true(json_object_get(r.result, "fresh")));
    reply_clear(&r);
    assert_int_equal(access(sound.path, F_OK), -1); /* the plain file is gone once it is in the record */
    assert_true(json_is_false(json_object_get(json_array_get(listed("zhang"), 0), "sealed")));
    r = end(id, 0);
    assert_int_equal(r.error, ERR_NOT_ALLOWED_NOW); /* two files are still on the way */
    assert_string_equal(r.fault.reason, "files_left");
    reply_clear(&r);
    r = take_in(&picture, id, 2, t0 + 100);
    assert_int_equal(r.error, 0);
    reply_clear(&r);
    r = take_in(&screen, id, 3, t0 + 4000); /* nobody said whose */
    assert_int_equal(r.error, 0);
    reply_clear(&r);
    r = end(id, 0);
    assert_int_equal(r.error, 0);
    assert_string_equal(text(r.result, "note"), "");
    reply_clear(&r);

    json_t *items = listed("zhang"), *one = json_array_get(items, 0), *tracks = json_object_get(one, "tracks");
    assert_int_equal(json_array_size(items), 1);
    assert_true(json_is_true(json_object_get(one, "sealed")));
    assert_int_equal(json_integer_value(json_object_get(one, "duration_ms")), 65000);
    assert_int_equal(json_array_size(tracks), 3);
    static const struct {
        const char *kind, *source, *name, *content_type;
    } want[] = {{"video", "camera", "zhang", "video/webm"}, {"audio", "mic", "qian", "audio/webm"}, {"video", "camera", "", "video/x-matroska"}};
    for (size_t i = 0; i < 3; i++) {
        json_t *t = json_array_get(tracks, i);
        assert_string_equal(text(t, "kind"), want[i].kind);
        assert_string_equal(text(t, "source"), want[i].source);
        assert_string_equal(text(json_object_get(t, "who"), "name"), want[i].name);
        assert_string_equal(text(t, "content_type"), want[i].content_type);
    }
    seal_holds(one);
    assert_int_equal(count("SELECT COUNT(*) FROM recording_track WHERE CAST(name AS BLOB)=name"), 3); /* sealed at rest, like the tickets */
    assert_int_equal(count("SELECT COUNT(*) FROM recording_source WHERE CAST(name AS BLOB)<>name"), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM room_ticket WHERE CAST(name AS BLOB)<>name OR CAST(title AS BLOB)<>title"), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='recording.track' AND outcome='ok' AND patient_id<>0"), 3);
    assert_int_equal(count("SELECT COUNT(*) FROM audit WHERE op='recording.seal' AND outcome='ok' AND patient_id<>0"), 1);
    assert_int_equal(count("SELECT COUNT(*) FROM notice WHERE template='case.recording_ready' AND person_id IN (101,204)"), 2);
}

/* A repeated report (the daemon died between the commit and the deletion) makes no second document, sealed or not. */
static void told_twice(void **state)
{
    uint64_t id = hex(recording_id);
    char document[ID_TEXT_BYTES];
    (void)state;
    json_t *track = json_array_get(json_object_get(json_array_get(listed("zhang"), 0), "tracks"), 1);
    int64_t started = json_integer_value(json_object_get(track, "started_ms"));
    snprintf(document, sizeof document, "%s", text(track, "document_id"));
    struct made again = leave(id, 1, started, "weba", SOUND, 5000);
    struct reply r = take_in(&again, id, 1, started);
    assert_int_equal(r.error, 0);
    assert_true(json_is_false(json_object_get(r.result, "fresh")));
    assert_string_equal(text(r.result, "document_id"), document);
    reply_clear(&r);
    assert_int_equal(access(again.path, F_OK), -1);
    assert_int_equal(count("SELECT COUNT(*) FROM document WHERE source='recording'"), 3);
    r = end(id, ERR_UNAVAILABLE);
    assert_int_equal(r.error, 0);
    assert_string_equal(text(r.result, "note"), ""); /* sealed is sealed */
    reply_clear(&r);
    struct made late = leave(id, 9, started, "weba", SOUND, 600);
    r = take_in(&late, id, 9, started);
    assert_string_equal(r.fault.reason, "sealed");
    reply_clear(&r);
    assert_int_equal(unlink(late.path), 0);
}

static void who_sees_it(void **state)
{
    char document[ID_TEXT_BYTES];
    static const char *const yes_list[] = {"zhang", "qian", "chen", "zhao", "li"}, *const no_list[] = {"sun", "feng"}, *const colleagues[] = {"wu", "zhou"};
    (void)state;
    for (size_t i = 0; i < sizeof yes_list / sizeof *yes_list; i++)
        assert_int_equal(json_array_size(listed(yes_list[i])), 1);
    for (size_t i = 0; i < sizeof no_list / sizeof *no_list; i++)
        no(ERR_NOT_FOUND, "", no_list[i], "recording.list", with_case());
    for (size_t i = 0; i < sizeof colleagues / sizeof *colleagues; i++)
        no(ERR_DENIED, "emergency_only", colleagues[i], "recording.list", with_case());
    no(ERR_DENIED, "right", "admin", "recording.list", with_case());
    no(ERR_DENIED, "right", "sys", "recording.list", with_case());
    snprintf(document, sizeof document, "%s",
             text(json_array_get(json_object_get(json_array_get(listed("zhang"), 0), "tracks"), 0), "document_id"));
    json_t *v = yes("qian", "document.open", json_pack("{s:s}", "document_id", document));
    assert_string_equal(text(v, "content_type"), "video/webm");
    assert_true(json_is_true(json_object_get(v, "inline")));
    no(ERR_NOT_FOUND, "", "sun", "document.open", json_pack("{s:s}", "document_id", document));
    v = yes("zhang", "case.get", with_case());
    assert_int_equal(json_array_size(json_object_get(v, "recordings")), 1);
    assert_int_equal(json_array_size(json_object_get(v, "attachments")), 0); /* files somebody attached */
    json_t *line = json_array_get(json_object_get(v, "timeline"), json_array_size(json_object_get(v, "timeline")) - 1);
    assert_string_equal(text(line, "event"), "recording");
    assert_string_equal(text(json_object_get(line, "label"), "en"), "Recording sealed");
    json_t *args = json_pack("{s:O}", "patient_id", json_object_get(json_object_get(v, "patient"), "id"));
    v = json_object_get(yes("zhang", "patient.timeline", args), "items");
    size_t i, n = 0;
    json_array_foreach (v, i, line)
        n += strcmp(text(line, "kind"), "recording") == 0 && json_integer_value(json_object_get(line, "duration_ms")) == 65000;
    assert_int_equal(n, 1);
}

static void what_is_refused(void **state)
{
    uint64_t id = begin();
    int64_t t = w.now_ms;
    (void)state;
    struct made m = leave(id, 5, t, "weba", SOUND, 3000);
    struct records_recording_file f = file_of(&m, id, 5, t);
    struct reply r = {.error = 1};
    char other[300];
    f.path = "/etc/passwd";
    assert_int_equal(records_recording_file_submit(w.r, &f, kept, &r), ERR_INVALID);
    snprintf(other, sizeof other, "%s/recording/../yilian.db", w.dir);
    f.path = other;
    assert_int_equal(records_recording_file_submit(w.r, &f, kept, &r), ERR_INVALID);
    f.path = m.path;
    f.track = 6; /* the name says 5 */
    assert_int_equal(records_recording_file_submit(w.r, &f, kept, &r), ERR_INVALID);
    f.track = 5;
    f.sha256 = "00000000000000000000000000000000000000000000000000000000000000ff";
    assert_int_equal(records_recording_file_submit(w.r, &f, kept, &r), 0);
    assert_int_equal(r.error, ERR_STORAGE);
    assert_string_equal(r.fault.reason, "hash_mismatch");
    assert_int_equal(access(m.path, F_OK), 0); /* kept: it may be all there is */
    f.sha256 = m.sha256;
    f.bytes++;
    assert_int_equal(records_recording_file_submit(w.r, &f, kept, &r), 0);
    assert_string_equal(r.fault.reason, "hash_mismatch");
    r = end(id, 0);
    assert_string_equal(r.fault.reason, "files_left");
    struct made nobody = leave(77, 5, t, "weba", SOUND, 3000);
    r = take_in(&nobody, 77, 5, t);
    assert_int_equal(r.error, ERR_NOT_FOUND);
    assert_int_equal(unlink(nobody.path), 0);
    assert_int_equal(count("SELECT COUNT(*) FROM document WHERE source='recording'"), 3);
}

/* A killed daemon: one recording has a file that the recorder tells of again, one has none. */
static void after_a_kill(void **state)
{
    uint64_t with = hex(recording_id), without;
    char with_text[ID_TEXT_BYTES], path[300];
    int64_t started = w.now_ms;
    (void)state;
    strcpy(with_text, recording_id);
    without = begin();
    w.now_ms += 60000;
    room_reopen(0);
    json_t *args = json_pack("{s:I}", "before_ms", (json_int_t)w.now_ms);
    json_t *v = json_object_get(yes("daemon", "recording.recover", json_incref(args)), "sealed");
    assert_int_equal(json_array_size(v), 1);
    assert_string_equal(json_string_value(json_array_get(v, 0)), recording_id);
    assert_int_equal(count("SELECT COUNT(*) FROM recording WHERE note='interrupted' AND sealed_ms>0"), 1);
    assert_int_equal(json_array_size(listed("zhang")), 1); /* it kept nothing: nothing to play */
    assert_int_not_equal(without, with);
    snprintf(path, sizeof path, "%s/recording/%s-%016llx-%s-%lld.weba", w.dir, with_text, 5ull, room_id, (long long)started);
    struct made m = leave(with, 5, started, "weba", SOUND, 3000);
    assert_string_equal(m.path, path);
    struct reply r = take_in(&m, with, 5, started);
    assert_int_equal(r.error, 0);
    reply_clear(&r);
    r = end(with, ERR_UNAVAILABLE);
    assert_int_equal(r.error, 0);
    assert_string_equal(text(r.result, "note"), "interrupted");
    reply_clear(&r);
    assert_int_equal(json_array_size(listed("zhang")), 2);
    seal_holds(json_array_get(listed("zhang"), 1));
    v = json_object_get(yes("daemon", "recording.recover", args), "sealed");
    assert_int_equal(json_array_size(v), 0);
    begin(); /* of this run */
    v = json_object_get(yes("daemon", "recording.recover", json_pack("{s:I}", "before_ms", (json_int_t)w.now_ms)), "sealed");
    assert_int_equal(json_array_size(v), 0);
}

/* ---- chained files ---- */
/* As the recorder leaves them: a head, fragments, each with its link; `gap` before the third. */
static struct made leave_chained(uint64_t recording, uint64_t track, int64_t started)
{
    static const char head[] = "\x1a\x45\xdf\xa3\x8b\x42\x86\x81\x01\x42\x82\x84webm" "\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
                      tracks[] = "\x16\x54\xae\x6b\x88\x86\x86" "A_OPUS";
    struct reel_chain chain = {.recording = recording, .track = track};
    struct reel_gaps none = {0}, one = {1, {{2000, 1500, 1400, REEL_NETWORK}}};
    uint8_t bytes[20000], link[REEL_LINK_MAX], digest[SHA256_BYTES];
    size_t n = sizeof head - 1;
    struct made m = {.bytes = 0};
    memcpy(bytes, head, n);
    memcpy(bytes + n, tracks, sizeof tracks - 1);
    size_t k = reel_link(&chain, bytes + n, sizeof tracks - 1, &none, started, link);
    n += sizeof tracks - 1;
    memcpy(bytes + n, link, k);
    n += k;
    for (int i = 0; i < 8; i++) {
        static const uint8_t cluster[] = {0x1f, 0x43, 0xb6, 0x75, 0x41, 0xf4}; /* 500 bytes */
        memcpy(bytes + n, cluster, sizeof cluster);
        memset(bytes + n + sizeof cluster, i, 500);
        k = reel_link(&chain, bytes + n, sizeof cluster + 500, i == 2 ? &one : &none, started + i * 800, link);
        n += sizeof cluster + 500;
        memcpy(bytes + n, link, k);
        n += k;
    }
    snprintf(m.path, sizeof m.path, "%s/recording/%016llx-%016llx-%s-%lld.weba", w.dir, (unsigned long long)recording, (unsigned long long)track, room_id,
             (long long)started);
    FILE *f = fopen(m.path, "wb");
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
    m.bytes = n;
    crypto_sha256(bytes, n, digest);
    assert_true(hex_encode(digest, sizeof digest, m.sha256, sizeof m.sha256) > 0);
    return m;
}

struct checks {
    int n, wrong;
    struct records_recording_check last;
};

static void on_check(void *ctx, const struct records_recording_check *c)
{
    struct checks *k = ctx;
    k->n++;
    k->wrong += c->wrong != NULL;
    k->last = *c;
}

static void change(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_exec(tx, sql, "");
    assert_int_equal(tx_commit(tx), 0);
}

static void a_chain_is_kept_and_checked(void **state)
{
    struct records_recording_verdict v;
    struct checks c = {0};
    (void)state;
    uint64_t id = begin();
    int64_t t0 = w.now_ms;
    track_open(3, "audio", "mic", "qian");
    struct made m = leave_chained(id, 3, t0);
    struct reply r = take_in(&m, id, 3, t0);
    assert_int_equal(r.error, 0);
    reply_clear(&r);
    assert_int_equal(records_recording_verify(w.r, id, on_check, &c, &v), 0);
    assert_true(v.whole && !v.sealed);
    r = end(id, 0);
    assert_int_equal(r.error, 0);
    reply_clear(&r);
    json_t *items = listed("zhang"), *one = json_array_get(items, json_array_size(items) - 1), *t = json_array_get(json_object_get(one, "tracks"), 0),
           *gaps = json_object_get(t, "gaps"), *gap = json_array_get(gaps, 0);
    assert_int_equal(json_integer_value(json_object_get(t, "links")), 8);
    assert_int_equal(strlen(text(t, "chain")), 64);
    assert_int_equal(json_array_size(gaps), 1);
    assert_int_equal(json_integer_value(json_object_get(gap, "begin_ms")), 2000);
    assert_int_equal(json_integer_value(json_object_get(gap, "length_ms")), 1500);
    assert_int_equal(json_integer_value(json_object_get(gap, "lost_ms")), 1400);
    assert_string_equal(text(gap, "why"), "network");
    memset(&c, 0, sizeof c);
    assert_int_equal(records_recording_verify(w.r, id, on_check, &c, &v), 0);
    assert_true(v.whole && v.sealed && v.seal_holds && c.n == 1 && c.wrong == 0);
    assert_true(c.last.chained && c.last.links == 8 && c.last.n_gaps == 1 && c.last.lost_ms == 1400);
    change("UPDATE recording_track SET links=9, chain='00' || SUBSTR(chain, 3) WHERE links=8"); /* as if the file had been cut short */
    assert_int_equal(records_recording_verify(w.r, id, on_check, &c, &v), 0);
    assert_true(!v.whole && v.seal_holds);
    assert_string_equal(c.last.wrong, "it does not end where it ended");
    change("UPDATE recording_track SET duration_ms=duration_ms+1 WHERE links=9");
    assert_int_equal(records_recording_verify(w.r, id, on_check, &c, &v), 0);
    assert_true(!v.whole && !v.seal_holds);
    assert_int_equal(records_recording_verify(w.r, 77, on_check, &c, &v), ERR_NOT_FOUND);
    change("UPDATE recording_track SET duration_ms=duration_ms-1, links=8 WHERE links=9");
}

/* Who came and went while it was recorded. */
static void marks(void **state)
{
    (void)state;
    int64_t lines = count("SELECT COUNT(*) FROM room_log");
    char sql[200];
    snprintf(sql, sizeof sql, "UPDATE recording SET duration_ms=60000 WHERE id=%lld", (long long)hex(recording_id));
    change(sql);
    assert_true(lines > 0);
    for (int i = 0; i < 2; i++) /* an entering is logged twice */
        yes("daemon", "room.note", json_pack("{s:s,s:s}", "room_id", room_id, "kind", "entered"));
    w.now_ms += 5000;
    yes("daemon", "room.note", json_pack("{s:s,s:s}", "room_id", room_id, "kind", "left"));
    yes("daemon", "room.note", json_pack("{s:s,s:s,s:s}", "room_id", room_id, "kind", "quality", "detail", "{}"));
    json_t *items = listed("zhang"), *m = json_object_get(json_array_get(items, json_array_size(items) - 1), "marks");
    assert_int_equal(json_array_size(m), 2);
    assert_string_equal(text(json_array_get(m, 0), "kind"), "entered");
    assert_string_equal(text(json_array_get(m, 1), "kind"), "left");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(m, 1), "t_ms")), w.now_ms);
}

/* ---- with a pool ---- */
static atomic_int n_answers, sealed_at;

static void counted(void *ctx, struct reply *reply)
{
    *(int *)ctx = reply->error;
    if (reply->error == 0 && json_object_get(reply->result, "sealed"))
        sealed_at = n_answers + 1; /* answers come one after the other */
    reply_clear(reply);
    atomic_fetch_add(&n_answers, 1); /* last: the test may read everything now */
}

static void wait_for(int n)
{
    for (int i = 0; i < 2000 && n_answers < n; i++)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    assert_int_equal(n_answers, n);
}

static void in_order_on_the_pool(void **state)
{
    int errors[4] = {1, 1, 1, 1};
    (void)state;
    room_reopen(2);
    uint64_t id = begin();
    int64_t t = w.now_ms;
    for (uint64_t i = 0; i < 3; i++) {
        struct made m = leave(id, i + 1, t, "webm", PICTURE, i == 1 ? 21 << 20 : 200000);
        struct records_recording_file f = file_of(&m, id, i + 1, t);
        assert_int_equal(records_recording_file_submit(w.r, &f, counted, &errors[i]), 0);
    }
    assert_int_equal(records_recording_end_submit(w.r, id, 0, counted, &errors[3]), 0);
    assert_int_equal(json_array_size(listed("zhang")) >= 2, 1); /* readers serve others meanwhile */
    wait_for(4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(errors[i], 0);
    assert_int_equal(sealed_at, 4); /* after its files */
    json_t *last = json_array_get(listed("zhang"), 3);
    assert_int_equal(json_array_size(json_object_get(last, "tracks")), 3);
    seal_holds(last);
}

/* Closing in the middle: everybody is answered, and what was not taken in lies where it was. */
static void closing_in_the_middle(void **state)
{
    int errors[3] = {1, 1, 1}, left = 0;
    struct made made[3];
    (void)state;
    n_answers = 0;
    uint64_t id = begin();
    for (uint64_t i = 0; i < 3; i++) {
        made[i] = leave(id, i + 1, w.now_ms, "webm", PICTURE, 13 << 20);
        struct records_recording_file f = file_of(&made[i], id, i + 1, w.now_ms);
        assert_int_equal(records_recording_file_submit(w.r, &f, counted, &errors[i]), 0);
    }
    room_reopen(0);
    assert_int_equal(n_answers, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(errors[i] == 0 || errors[i] == ERR_UNAVAILABLE);
        assert_int_equal(access(made[i].path, F_OK) == 0, errors[i] != 0);
        left += errors[i] != 0;
    }
    assert_true(left > 0);
    for (uint64_t i = 0; i < 3; i++) /* the next start */
        if (errors[i]) {
            struct reply r = take_in(&made[i], id, i + 1, w.now_ms);
            assert_int_equal(r.error, 0);
            reply_clear(&r);
        }
    struct reply r = end(id, ERR_UNAVAILABLE);
    assert_int_equal(r.error, 0);
    reply_clear(&r);
    assert_int_equal(json_array_size(json_object_get(json_array_get(listed("zhang"), 4), "tracks")), 3);
    audit_is_whole();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_without_consent), cmocka_unit_test(a_session_is_recorded),
                                       cmocka_unit_test(told_twice),              cmocka_unit_test(who_sees_it),
                                       cmocka_unit_test(what_is_refused),         cmocka_unit_test(after_a_kill),
                                       cmocka_unit_test(a_chain_is_kept_and_checked), cmocka_unit_test(marks),
                                       cmocka_unit_test(in_order_on_the_pool),    cmocka_unit_test(closing_in_the_middle)};
    return cmocka_run_group_tests(tests, room_open_world, room_close_world);
}
