/* room - a consultation with its live room, for tests: the small consortium of tests/story/world.h, whose people have sessions here, so
 * that every call passes the whole door (rights, arguments, audit). One header, included once per test program. */
#ifndef YL_TESTS_SUPPORT_ROOM_H
#define YL_TESTS_SUPPORT_ROOM_H

#include "tests/story/world.h"
#include "records/audit/audit.h"
#include "server/base/crypto.h"
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <cmocka.h>

static struct world w;
static char case_id[ID_TEXT_BYTES]; /* the case of room_case_make */
static int64_t version, start_ms;
static struct reply answer; /* of the last call */
static int readers;

/* Closes and opens again, as a daemon that was killed does; with `n` reader threads. */
__attribute__((unused)) static void room_reopen(int n)
{
    char record_dir[100];
    snprintf(record_dir, sizeof record_dir, "%s/recording", w.dir);
    mkdir(record_dir, 0700);
    struct records_config config = {.data_dir = w.dir,
                                    .record_dir = record_dir,
                                    .config_dir = YL_SOURCE_DIR "/config",
                                    .clock = &w.clock,
                                    .readers = readers = n};
    records_close(w.r);
    assert_int_equal(records_open(&w.r, &config, &w.fault), 0);
}

static int room_open_world(void **state)
{
    (void)state;
    world_open(&w);
    room_reopen(0);
    return 0;
}

static int room_close_world(void **state)
{
    (void)state;
    reply_clear(&answer);
    world_close(&w);
    return 0;
}

/* A session of this person that is fresh now; its token is known. */
static void sign_in(const struct somebody *s, char token[40])
{
    char hash[65];
    uint8_t digest[SHA256_BYTES];
    struct tx *tx;
    snprintf(token, 40, "session of %s", s->name);
    crypto_sha256(token, strlen(token), digest);
    assert_true(hex_encode(digest, sizeof digest, hash, sizeof hash) > 0);
    assert_int_equal(tx_begin(records_store(w.r), TX_WRITE, &tx), 0);
    tx_upsert(tx, "session", "token_hash",
              "id,token_hash,person_id,post_id,org_id,dept_id,stage,csrf,created_ms,seen_ms,until_ms,second_factor_ms,address,device,"
              "ended_ms",
              "itiiiittiiiitti", (int64_t)(s->id + 7000), hash, (int64_t)s->id, (int64_t)s->id, (int64_t)s->org,
              (int64_t)(s->dept == s->org ? 0 : s->dept), "ready", "csrf", w.now_ms, w.now_ms, w.now_ms + 3600000, w.now_ms, "", "",
              (int64_t)0);
    assert_int_equal(tx_commit(tx), 0);
}

/* Runs the operation as this person ("" = nobody, "daemon" = the system); the result is borrowed, NULL on error. Takes args. */
static json_t *as(const char *name, const char *op, json_t *args)
{
    char token[40] = "";
    const struct somebody *s = who(name);
    if (s)
        sign_in(s, token);
    struct call call = {.op = op,
                        .args = args,
                        .client_address = "192.0.2.9",
                        .credential = s ? token : strcmp(name, "daemon") == 0 ? records_system_credential(w.r) : NULL};
    assert_non_null(args);
    reply_clear(&answer);
    records_call(w.r, &call, &answer);
    json_decref(args);
    return answer.error ? NULL : answer.result ? answer.result : json_null();
}

/* The operation succeeds: its result. */
static json_t *yes(const char *name, const char *op, json_t *args)
{
    json_t *v = as(name, op, args);
    if (!v)
        fail_msg("%s by %s: %s %s %s [%s %s]", op, name, err_wire(answer.error), answer.fault.reason, answer.fault.text,
                 answer.fault.n_fields ? answer.fault.fields[0].path : "", answer.fault.n_fields ? answer.fault.fields[0].reason : "");
    return v;
}

/* It is refused with this code and reason (of the fault, or of its first field). */
__attribute__((unused)) static void no(int code, const char *reason, const char *name, const char *op, json_t *args)
{
    if (as(name, op, args))
        fail_msg("%s by %s was not refused", op, name);
    const char *said = answer.fault.reason[0] || !answer.fault.n_fields ? answer.fault.reason : answer.fault.fields[0].reason;
    if (answer.error != code || strcmp(said, reason) != 0)
        fail_msg("%s by %s: %s %s, not %s %s", op, name, err_wire(answer.error), said, err_wire(code), reason);
}

static const char *text(const json_t *o, const char *name)
{
    const char *t = json_string_value(json_object_get(o, name));
    return t ? t : "";
}

static json_t *with_case(void)
{
    return json_pack("{s:s}", "case_id", case_id);
}

static json_t *id_json(const char *name)
{
    return json_id(who(name)->id);
}

__attribute__((unused)) static int64_t count(const char *sql)
{
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    int64_t n = tx_int(tx, -1, sql, "");
    assert_int_equal(tx_error(tx), 0);
    tx_rollback(tx);
    return n;
}

static void act(const char *name, const char *event, json_t *args)
{
    char op[40];
    snprintf(op, sizeof op, "case.%s", event);
    json_object_set_new(args, "case_id", json_string(case_id));
    json_object_set_new(args, "version", json_integer(version));
    version = json_integer_value(json_object_get(yes(name, op, args), "version"));
}

static void read_version(const char *name)
{
    version = json_integer_value(json_object_get(yes(name, "case.get", with_case()), "version"));
}

/* An interactive case of zhang (township) with expert qian (county), booked two hours ahead. */
__attribute__((unused)) static void room_case_make(json_t *form)
{
    char patient[ID_TEXT_BYTES];
    id_format(world_patient(&w, "zhang"), patient);
    json_t *c = yes("zhang", "case.create",
                    json_pack("{s:s,s:s,s:s,s:s,s:o,s:o}", "patient_id", patient, "kind", "interactive", "scope", "clinical", "urgency",
                              "routine", "target_org_id", json_id(20), "form", form));
    snprintf(case_id, sizeof case_id, "%s", text(c, "id"));
    version = json_integer_value(json_object_get(c, "version"));
    start_ms = w.now_ms + 2 * 3600000;
    act("zhang", "submit", json_object());
    act("li", "approve_home", json_object());
    act("chen", "triage", json_pack("{s:o}", "dept_id", json_id(21)));
    act("chen", "assign", json_pack("{s:o}", "expert_id", id_json("qian")));
    act("qian", "accept", json_object());
    act("zhang", "schedule", json_pack("{s:I,s:I}", "start_ms", (json_int_t)start_ms, "end_ms", (json_int_t)(start_ms + 1800000)));
}

/* The room opens by its clock, fifteen minutes before. */
__attribute__((unused)) static void room_wait_open(void)
{
    w.now_ms = start_ms - 14 * 60000;
    world_tick(&w);
    read_version("zhang");
}

__attribute__((unused)) static void case_start(bool recording)
{
    w.now_ms = start_ms;
    world_tick(&w);
    read_version("zhang");
    act("zhang", "start", json_pack("{s:b,s:b}", "identity_confirmed", 1, "recording_consent", recording));
}

/* A fresh ticket of this person; static storage, two at a time. */
static const char *ticket(const char *name)
{
    static char kept[2][64];
    static int n;
    char *out = kept[n++ & 1];
    snprintf(out, 64, "%s", text(yes(name, "room.ticket", with_case()), "ticket"));
    assert_int_equal(strlen(out), 43);
    return out;
}

static json_t *show(const char *ticket_text, const char *name, const char *resume)
{
    json_t *args = json_pack("{s:s}", "ticket", ticket_text);
    if (name)
        json_object_set_new(args, "person_id", id_json(name));
    if (resume)
        json_object_set_new(args, "resume", json_string(resume));
    return args;
}

__attribute__((unused)) static json_t *enter(const char *name)
{
    return yes("daemon", "room.enter", show(ticket(name), name, NULL));
}

__attribute__((unused)) static void audit_is_whole(void)
{
    struct audit_verdict v;
    struct tx *tx;
    assert_int_equal(tx_begin(records_store(w.r), TX_READ, &tx), 0);
    assert_int_equal(audit_verify(tx, records_parts(w.r)->audit_key, &v), 0);
    tx_rollback(tx);
    assert_int_equal(v.first_bad, 0);
    assert_true(v.lines > 0);
}
#endif
